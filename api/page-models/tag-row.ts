/** One line about one tag, for lists. */
import type { Strength, TagRecord } from '../../data/facts.ts';
import type { PoolTag, TagPattern } from '../../data/pool-tag.ts';
import { patternLinks, tagLinks } from '../answer-links.ts';
import { bestStrength, sightingStrength } from '../answer-owners.ts';
import type { AnswerSource } from '../answer-source.ts';
import { headline } from '../answer-summary.ts';
import { shortAnswer } from '../tag-pointers.ts';
import { type StrengthMark, strengthMark } from './evidence-phrases.ts';
import { type TagTextPart, tagParts } from './tag-text.ts';

export interface TagRow {
  tag: TagTextPart[];
  href: string;
  /** One phrase; where no list has one, the sentence about who was seen. */
  meaning: string;
  owner: string;
  strength: StrengthMark;
}

/** A record as a row. A wildcard entry leads to the tags it covers. */
export function tagRow(record: TagRecord, source: AnswerSource): TagRow {
  const { owners, summary } = shortAnswer(record.tag, record, [], source);
  const told = owners.find(({ meaning }) => meaning !== null);
  return {
    tag: tagParts(record.tag),
    href: recordHref(record),
    meaning: headline(told?.meaning ?? null) ?? summary,
    owner: owners.find(({ image }) => image !== null)?.image ?? '',
    strength: strengthMark(recordStrength(record)),
  };
}

/** The page of a record. */
function recordHref({ tag, isPattern }: TagRecord): string {
  return isPattern ? patternLinks(tag as TagPattern).page : tagLinks(tag as PoolTag).page;
}

/** The best that is known of a record. A published leak names its tag in writing, as a list does. */
function recordStrength({ knowledge, sightings, articleIds }: TagRecord): Strength {
  return bestStrength([
    ...(knowledge.length > 0 || articleIds.length > 0 ? (['written'] as const) : []),
    ...sightings.map(sightingStrength),
  ]);
}
