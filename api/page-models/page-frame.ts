/** What stands around every page: title, navigation, search box, colours. */
import { programVersion } from '../../data/project-files.ts';
import { type AssetName, assetPath } from '../page-assets.ts';

/** Colours that the reader chose; null follows the system. */
export type Theme = 'light' | 'dark' | null;

/** What the frame takes from the request. */
export interface PageContext {
  theme: Theme;
  /** Path and query of this page, to come back to. */
  path: string;
}

/** A section of the site, as the navigation names it. */
type Section = 'browse' | 'drivers' | 'leaks' | 'guides' | 'api';

export interface FrameChoices {
  /** Without the program's name, which is added. */
  title: string;
  description: string;
  section?: Section;
  /** What the search box holds. */
  query?: string;
  isHome?: boolean;
  /** Style sheets and scripts of this page alone, in their order. */
  assets?: { styles: readonly AssetName[]; scripts: readonly AssetName[] };
}

export interface PageFrame {
  title: string;
  description: string;
  theme: Theme;
  themes: { value: string; label: string; pressed: 'true' | 'false' }[];
  path: string;
  query: string;
  placeholder: string;
  isHome: boolean;
  nav: { href: string; label: string; isCurrent: boolean }[];
  assets: { style: string; script: string; icon: string; styles: string[]; scripts: string[] };
  version: string;
}

const NAVIGATION: readonly { section: Section; href: string; label: string }[] = [
  { section: 'browse', href: '/browse', label: 'Browse' },
  { section: 'drivers', href: '/drivers', label: 'Drivers' },
  { section: 'leaks', href: '/leaks', label: 'Leaks' },
  { section: 'guides', href: '/guides', label: 'Guides' },
  { section: 'api', href: '/api', label: 'API' },
];
const THEMES = [
  { value: 'auto', label: 'Automatic' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];
/** Search engines and tabs cut longer ones. */
const MAX_DESCRIPTION_CHARACTERS = 200;

/** The frame of one page. */
export function pageFrame(context: PageContext, choices: FrameChoices): PageFrame {
  const isHome = choices.isHome ?? false;
  return {
    title: isHome ? choices.title : `${choices.title} · Pooltag`,
    description: choices.description.slice(0, MAX_DESCRIPTION_CHARACTERS),
    theme: context.theme,
    themes: THEMES.map(({ value, label }) => ({
      value,
      label,
      pressed: value === (context.theme ?? 'auto') ? 'true' : 'false',
    })),
    path: context.path,
    query: choices.query ?? '',
    placeholder: isHome ? 'Thre, 0x65726854, ntfs.sys, event 2020' : 'Tag, driver or words',
    isHome,
    nav: NAVIGATION.map(({ section, href, label }) => ({
      href,
      label,
      isCurrent: section === choices.section,
    })),
    assets: {
      style: assetPath('pooltag.css'),
      script: assetPath('pooltag.js'),
      icon: assetPath('icon.svg'),
      styles: (choices.assets?.styles ?? []).map(assetPath),
      scripts: (choices.assets?.scripts ?? []).map(assetPath),
    },
    version: programVersion(),
  };
}
