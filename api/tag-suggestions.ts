/** What somebody may have meant who asked for a tag that nothing knows. */
import type { TagRecord } from '../data/facts.ts';
import { type PoolTag, patternSpecificity, poolTag } from '../data/pool-tag.ts';
import { otherCases } from '../data/tag-neighbours.ts';
import type { TagCandidate } from '../data/tag-readings.ts';
import type { TagPointer } from './answer-document.ts';
import type { AnswerSource } from './answer-source.ts';
import { isTold, nearTags, pointerTo } from './tag-pointers.ts';

/** As many as are read. */
const MAX_SUGGESTIONS = 10;
/** A family that fixes one byte alone says nothing. */
const FAMILY_SPECIFICITY = 2;

/** A pointer with the reason why it may be the one. */
export type Suggestion = TagPointer & { why: string };

/** Suggestions, the likeliest first: other letter case, the bytes reversed, one byte changed. */
export async function suggestionsFor(
  tag: PoolTag,
  readings: readonly TagCandidate[],
  source: AnswerSource,
): Promise<Suggestion[]> {
  const others = readings.map(reading => reading.tag).filter(other => other !== tag);
  const reversed = poolTag([...tag].reverse().join(''));
  const [variants, ...variantsOfOthers] = await Promise.all(
    [tag, reversed, ...others].map(other => source.index.caseVariants(other)),
  );
  const [turned] = await source.index.findMany([reversed]);
  const suggestions = new Map<string, Suggestion>();
  const suggest = (pointer: TagPointer, why: string) => {
    if (!suggestions.has(pointer.id)) suggestions.set(pointer.id, { ...pointer, why });
  };
  const ownersFirst = variants.filter(isTold).sort((a, b) => Number(isOwned(b)) - Number(isOwned(a)));
  for (const record of ownersFirst) suggest(pointerTo(record, source), 'differs only by case');
  if (isTold(turned)) suggest(pointerTo(turned!, source), 'the same bytes in reverse order');
  for (const record of variantsOfOthers.flat().filter(isTold)) {
    suggest(pointerTo(record, source), 'another reading in other letter case');
  }
  const families = await Promise.all(
    otherCases(tag).map(variant => source.index.covering(variant as PoolTag)),
  );
  for (const record of families.flat()) {
    if (patternSpecificity(record.tag) < FAMILY_SPECIFICITY) continue;
    suggest(pointerTo(record, source), 'a family of tags in other letter case');
  }
  const near = await nearTags(tag, source, new Set());
  for (const pointer of near) suggest(pointer, 'differs in one byte');
  return [...suggestions.values()].slice(0, MAX_SUGGESTIONS);
}

function isOwned({ knowledge, sightings }: TagRecord): boolean {
  return knowledge.length > 0 || sightings.length > 0;
}
