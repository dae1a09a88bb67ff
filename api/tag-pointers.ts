/** Points at other tags worth a look, each with its answer in short. */
import type { TagRecord } from '../data/facts.ts';
import {
  type PoolTag,
  type TagPattern,
  tagBytesText,
  tagId,
  tagLiteral,
  tagUlongText,
} from '../data/pool-tag.ts';
import type { Owner, TagPointer } from './answer-document.ts';
import { patternLinks, tagLinks } from './answer-links.ts';
import { ownersOf } from './answer-owners.ts';
import type { AnswerSource } from './answer-source.ts';
import { summarise } from './answer-summary.ts';

/** The names of a tag in every notation, as every document about it holds them. */
export function tagNames(tag: PoolTag) {
  return {
    tag: tag as string,
    id: tagId(tag),
    ulong: tagUlongText(tag),
    literal: tagLiteral(tag),
    bytes: tagBytesText(tag),
  };
}

/** The owners and the sentence of a tag, from its record and the wildcard entries that cover it. */
export function shortAnswer(
  tag: PoolTag | TagPattern,
  record: TagRecord | undefined,
  covering: readonly TagRecord[],
  source: AnswerSource,
): { owners: Owner[]; summary: string } {
  const owners = ownersOf(record, covering).map(owner => {
    if (owner.component !== null || owner.image === null) return owner;
    // A user's list and a scan name the image alone; which component that is, the bundled knowledge knows.
    return { ...owner, component: source.componentOf(owner.image)?.id ?? null };
  });
  const rules = source.advice.rulesFor(tag);
  const summary = summarise({
    owners,
    sightings: record?.sightings ?? [],
    component: id => source.component(id),
    isShared: rules.some(({ kind }) => kind === 'shared-default'),
    isReported: (record?.articleIds.length ?? 0) > 0,
  });
  return { owners, summary };
}

/** A record as a pointer; one of a wildcard entry leads to the tags it covers. */
export function pointerTo(record: TagRecord, source: AnswerSource): TagPointer {
  const { tag, id, isPattern } = record;
  return {
    tag,
    id,
    summary: shortAnswer(tag, record, [], source).summary,
    links: isPattern ? patternLinks(tag as TagPattern) : tagLinks(tag as PoolTag),
  };
}

/** As many as help; more of them hide the likely one. */
const MAX_NEAR = 8;

/**
 * Known tags that differ in one byte. Families share their first bytes, so tags that differ late come first; those in
 * `except` (case variants, mostly) are told elsewhere.
 */
export async function nearTags(
  tag: PoolTag,
  source: AnswerSource,
  except: ReadonlySet<string>,
): Promise<TagPointer[]> {
  const neighbours: PoolTag[] = [];
  for (let position = 3; position >= 0; position--) {
    for (let byte = 0x20; byte <= 0x7e; byte++) {
      const neighbour = tag.slice(0, position) + String.fromCharCode(byte) + tag.slice(position + 1);
      if (neighbour !== tag && !except.has(neighbour)) neighbours.push(neighbour as PoolTag);
    }
  }
  const records = await source.index.findMany(neighbours);
  return records
    .filter(record => record !== undefined && isTold(record))
    .slice(0, MAX_NEAR)
    .map(record => pointerTo(record!, source));
}

/** Whether anything but unproven bytes speaks of the tag. */
export function isTold(record: TagRecord | undefined): boolean {
  if (record === undefined) return false;
  if (record.knowledge.length > 0 || record.articleIds.length > 0) return true;
  return record.sightings.some(({ kinds }) =>
    kinds.some(kind => kind !== 'literal' && kind !== 'family-literal'),
  );
}
