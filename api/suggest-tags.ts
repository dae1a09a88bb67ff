/** Proposes free pool tags for a driver by its name, and says why the obvious ones are not free. */
import { type PoolTag, tagLiteral } from '../data/pool-tag.ts';
import {
  ALLOCATION_KINDS,
  candidatesFor,
  macroPrefix,
  stemsOf,
  TAG_RULES,
  type TagCandidate,
  withSmallFirst,
  wordsOfName,
} from '../data/tag-naming.ts';
import type { Catalogue } from './catalogue.ts';
import { PooltagError } from './pooltag-error.ts';
import { type Clash, clashOf } from './tag-clash.ts';
import { tagNames } from './tag-pointers.ts';

/** As many as somebody reads. */
export const MAX_PROPOSALS = 50;
export const DEFAULT_PROPOSALS = 6;
/** Longer names are cut: a tag takes four letters of them. */
export const MAX_NAME_CHARACTERS = 200;
/** Reasons beyond these repeat themselves. */
const MAX_REJECTED = 10;
/** Candidates that are looked up together. */
const BATCH = 8;

/** A free tag, ready to paste. */
export interface Proposal {
  tag: string;
  id: string;
  ulong: string;
  /** `'iFoC'` */
  literal: string;
  bytes: string;
  /** Where its letters come from. */
  how: string;
  /** `#define CONTOSO_POOL_TAG 'iFoC'` */
  define: string;
}

/** A tag for one kind of allocation. */
type KindProposal = Proposal & { kind: string };

/** A candidate that is not free. */
interface Rejection extends Clash {
  tag: string;
  how: string;
}

export interface TagSuggestions {
  name: string;
  /** What the letters were taken from. */
  words: string[];
  /** The most readable first; fewer than asked for where no more are free. */
  proposals: Proposal[];
  /** One tag for each kind of allocation, with three letters in common. */
  kinds: KindProposal[];
  /** What would have come first and is taken, or too near to something known. */
  rejected: Rejection[];
  rules: readonly string[];
  /** What the proposals were compared with. */
  comparedWith: { tags: number; drivers: number };
}

/** The proposals for a name. Throws `invalid-name` for one without a letter or digit. */
export async function suggestTags(
  name: string,
  count: number,
  catalogue: Catalogue,
): Promise<TagSuggestions> {
  const words = wordsOfName(name);
  if (words.length === 0) throw new PooltagError('invalid-name', problemOfName(name));
  const prefix = macroPrefix(words);
  const proposals: Proposal[] = [];
  const rejected: Rejection[] = [];
  for await (const { candidate, clash } of judged(candidatesFor(words), catalogue)) {
    if (proposals.length >= count) break;
    if (clash !== null) {
      // What a family covers is said once, not for each of its tags.
      if (!rejected.some(one => one.with.id === clash.with.id)) rejected.push({ ...candidate, ...clash });
    } else if (!proposals.some(({ tag }) => isAlike(tag, candidate.tag))) {
      proposals.push(proposalOf(candidate, `${prefix}_POOL_TAG`));
    }
  }
  const { tags, drivers } = await catalogue.summary();
  return {
    name: shortName(name),
    words,
    proposals,
    kinds: await kindsOf(words, prefix, catalogue),
    rejected: rejected.slice(0, MAX_REJECTED),
    rules: TAG_RULES,
    comparedWith: { tags, drivers },
  };
}

/** The first stem with which every kind has a free tag; else the one with the most. */
async function kindsOf(
  words: readonly string[],
  prefix: string,
  catalogue: Catalogue,
): Promise<KindProposal[]> {
  const stems = stemsOf(words);
  let best: KindProposal[] = [];
  for (const stem of [...stems, ...stems.map(withSmallFirst)]) {
    const candidates = ALLOCATION_KINDS.map(({ letter, kind, macro }) => ({
      candidate: { tag: (stem + letter) as PoolTag, how: `${stem} and ${letter} for ${kind}` },
      macro: `${prefix}_${macro}_POOL_TAG`,
      kind,
    }));
    const clashes = await Promise.all(candidates.map(({ candidate }) => clashOf(candidate.tag, catalogue)));
    const free = candidates.flatMap(({ candidate, kind, macro }, i) =>
      clashes[i] === null ? [{ ...proposalOf(candidate, macro), kind }] : [],
    );
    if (free.length > best.length) best = free;
    if (best.length === candidates.length) break;
  }
  return best;
}

/** Each candidate with what stands against it, in order; a few are looked up at once, and no more than are asked for. */
async function* judged(candidates: readonly TagCandidate[], catalogue: Catalogue) {
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    const clashes = await Promise.all(batch.map(({ tag }) => clashOf(tag, catalogue)));
    for (const [i, candidate] of batch.entries()) yield { candidate, clash: clashes[i] };
  }
}

function proposalOf({ tag, how }: TagCandidate, macro: string): Proposal {
  return { ...tagNames(tag), how, define: `#define ${macro} ${tagLiteral(tag)}` };
}

/** Whether two proposals would be taken for each other, by case or backwards. */
function isAlike(a: string, b: string): boolean {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  return x === y || x === [...y].reverse().join('');
}

function problemOfName(name: string): string {
  const given = name.trim() === '' ? 'The name is empty' : 'The name has no letter of A to Z and no digit';
  return `${given}, so no tag can be made from it. Give the name of the driver or the product, for example "Contoso Filter".`;
}

function shortName(name: string): string {
  return [...name.trim()].slice(0, MAX_NAME_CHARACTERS).join('');
}
