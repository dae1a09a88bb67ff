/** Advice as a box beside the answer. */
import type { Advice } from '../answer-document.ts';
import { type ProsePart, proseParts } from './prose-parts.ts';
import { type SourceLink, sourceLinks } from './source-links.ts';

/** Guide id -> title; a guide that is not there is not linked. */
export type GuideTitles = ReadonlyMap<string, string>;

export interface AdviceBox {
  /** Of its heading. */
  level: 2 | 4;
  title: string;
  isWarning: boolean;
  text: ProsePart[];
  steps: ProsePart[][];
  guide: { href: string; title: string } | null;
  sources: SourceLink[];
}

const TITLES: Record<Advice['kind'], string> = {
  'owner-is-not-culprit': 'The owner is rarely the culprit',
  'next-step': 'What to do next',
  'unknown-tag': 'A way to find out',
  'shared-default': 'Many drivers share this tag',
  'verifier-stand-in': 'A stand-in of Driver Verifier',
  disagreement: 'The sources disagree',
};
const WARNINGS: ReadonlySet<Advice['kind']> = new Set([
  'owner-is-not-culprit',
  'shared-default',
  'disagreement',
]);

/** One piece of advice as a box, with a heading of this level. */
export function adviceBox(advice: Advice, guides: GuideTitles, level: AdviceBox['level'] = 2): AdviceBox {
  const title = advice.guide === undefined ? undefined : guides.get(advice.guide);
  return {
    level,
    title: TITLES[advice.kind],
    isWarning: WARNINGS.has(advice.kind),
    text: proseParts(advice.text),
    steps: advice.steps.map(proseParts),
    guide: title === undefined ? null : { href: `/guides/${advice.guide}`, title },
    sources: sourceLinks(advice.sources),
  };
}
