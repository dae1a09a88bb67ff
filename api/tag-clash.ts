/** Says what stands against the use of a pool tag by a new driver: who has it, or what it would be taken for. */
import type { TagRecord } from '../data/facts.ts';
import { type PoolTag, poolTag, tagText } from '../data/pool-tag.ts';
import type { TagPointer } from './answer-document.ts';
import { tagLinks } from './answer-links.ts';
import type { AnswerSource } from './answer-source.ts';
import { otherUsesInWords } from './other-tag-words.ts';
import { isTold, pointerTo, tagNames } from './tag-pointers.ts';

/** How a tag is not free: it is known itself, a spelling of it is, a wildcard entry covers it, or drivers use it otherwise. */
type ClashCode = 'taken' | 'other-case' | 'reversed' | 'family' | 'other-use';

export interface Clash {
  code: ClashCode;
  /** A sentence. */
  why: string;
  /** What it clashes with. */
  with: TagPointer;
}

/** What stands against the tag, the strongest reason alone; null where it is free. */
export async function clashOf(tag: PoolTag, source: AnswerSource): Promise<Clash | null> {
  const { index } = source;
  const backwards = poolTag([...tag].reverse().join(''));
  const [[own, reversed], variants, families, ...looseFamilies] = await Promise.all([
    index.findMany([tag, backwards]),
    index.caseVariants(tag),
    index.covering(tag),
    ...usualCases(tag).map(spelling => index.covering(spelling)),
  ]);
  if (isUsed(own)) return clash('taken', own, source, 'It is taken');
  const [family] = families;
  if (family !== undefined) {
    return clash('family', family, source, `The family ${tagText(family.tag)} covers it`);
  }
  const uses = source.otherUses(tag);
  if (uses.length > 0) {
    const words = otherUsesInWords(uses.map(({ driver, kind }) => ({ kind, fileName: driver.fileName })));
    const pointer = { tag, id: tagNames(tag).id, summary: `${words}.`, links: tagLinks(tag) };
    return { code: 'other-use', why: `A driver uses it otherwise: ${words}.`, with: pointer };
  }
  const variant = variants.find(isUsed);
  if (variant !== undefined) {
    return clash('other-case', variant, source, `Only capitals tell it from ${tagText(variant.tag)}`);
  }
  // Afd1 and afd1 are two tags, but who reads afd1 thinks of afd.sys.
  const loose = looseFamilies.flat().find(({ tag: pattern }) => /^[^?*]{3}/.test(pattern));
  if (loose !== undefined) {
    return clash('other-case', loose, source, `Only capitals tell it from the family ${tagText(loose.tag)}`);
  }
  if (isUsed(reversed)) {
    return clash('reversed', reversed, source, `Backwards it is ${tagText(reversed.tag)}`);
  }
  return null;
}

function clash(code: ClashCode, record: TagRecord, source: AnswerSource, reason: string): Clash {
  const pointer = pointerTo(record, source);
  return { code, why: `${reason}: ${pointer.summary}`, with: pointer };
}

/** Whether a list, an article or a driver's code names it, or a driver has its bytes beside tags that look the same. */
function isUsed(record: TagRecord | undefined): record is TagRecord {
  if (record === undefined) return false;
  return isTold(record) || record.sightings.some(({ kinds }) => kinds.includes('family-literal'));
}

/** The spellings in which families are usually written. */
function usualCases(tag: PoolTag): PoolTag[] {
  const spellings = [
    tag.charAt(0).toUpperCase() + tag.slice(1).toLowerCase(),
    tag.toLowerCase(),
    tag.toUpperCase(),
    tag.charAt(0).toUpperCase() + tag.slice(1),
  ];
  return [...new Set(spellings)].filter(spelling => spelling !== tag).map(poolTag);
}
