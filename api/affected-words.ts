/** The versions that a known leak touches, in words. */
import type { AffectedProduct } from '../data/knowledge-shapes.ts';
import { parseVersion } from '../data/versions.ts';
import { type WindowsRelease, windowsBuildInWords } from '../data/windows-builds.ts';

type Range = Pick<AffectedProduct, 'from' | 'before' | 'until' | 'only'>;

/** `from 1.76 to before 1.78`; empty where no version is named. */
export function rangeInWords({ from, before, until, only }: Range): string {
  if (only !== undefined) return joined(only);
  const begin = from === undefined ? '' : `from ${from}`;
  const last = until === undefined ? '' : `up to ${until}`;
  const end = before === undefined ? last : `${begin === '' ? '' : 'to '}before ${before}`;
  return [begin, end].filter(Boolean).join(' ');
}

/** An affected product with its versions: `Npcap: npcap.sys from 1.76 to before 1.78`; builds of Windows with their names. */
export function affectedInWords(affected: AffectedProduct, releases: readonly WindowsRelease[]): string {
  const { product, image, windows } = affected;
  const versions = rangeInWords(affected);
  const range = image === undefined ? ` ${versions}` : `: ${image} ${versions}`;
  const about = versions === '' ? product : `${product}${range}`;
  if (windows === undefined) return about;
  const named = (build: string) => {
    const version = parseVersion(build);
    return version === null ? build : windowsBuildInWords(version, releases);
  };
  const only = windows.only?.map(named);
  const builds = rangeInWords({ ...windows, only });
  return `${about}; ${only?.length === 1 ? 'build' : 'builds'} ${builds}`;
}

/** `a, b and c`. */
export function joined(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
