/** What is known of all tags of a report, found with two questions to the index, however many tags there are. */
import type { TagRecord } from '../../data/facts.ts';
import { isEmptyRecord } from '../../data/merge.ts';
import { type PoolTag, PROTECTED_BIT, tagFromUlong, tagToUlong } from '../../data/pool-tag.ts';
import type { AnswerSource } from '../answer-source.ts';
import { isTold } from '../tag-pointers.ts';

/** A tag with its record and the wildcard entries that cover it, the most specific first. */
export interface KnownTag {
  /** The tag that was found: PROTECTED_POOL, which some tools print as part of the last byte, is taken away. */
  tag: PoolTag;
  record: TagRecord | undefined;
  covering: TagRecord[];
  /** Some list, a report or a scan tells of it; bytes without proof do not. */
  isKnown: boolean;
  /** Something can be said of it, if only that its bytes stand in a driver. */
  isAnswerable: boolean;
}

/** What is known of each tag. Throws SearchUnavailable where the index does not answer. */
export async function knownTags(
  tags: readonly PoolTag[],
  { index }: Pick<AnswerSource, 'index'>,
): Promise<Map<PoolTag, KnownTag>> {
  const asked = [...new Set(tags)];
  const isProtected = (tag: PoolTag) => tagToUlong(tag) >= PROTECTED_BIT;
  const plain = asked.filter(isProtected).map(withoutProtectedBit);
  const records = await index.findMany([...asked, ...plain]);
  let nextPlain = asked.length;
  const found = asked.map((tag, i) => {
    const own = { tag, record: records[i] };
    if (!isProtected(tag)) return own;
    const unprotected = records[nextPlain++];
    return isTold(own.record) || !isTold(unprotected)
      ? own
      : { tag: withoutProtectedBit(tag), record: unprotected };
  });
  const coverings = await Promise.all(found.map(({ tag }) => index.covering(tag)));
  return new Map(
    asked.map((tag, i) => {
      const { record } = found[i];
      const covering = coverings[i];
      const isKnown = isTold(record) || covering.length > 0;
      const isAnswerable = isKnown || (record !== undefined && !isEmptyRecord(record));
      return [tag, { ...found[i], covering, isKnown, isAnswerable }];
    }),
  );
}

function withoutProtectedBit(tag: PoolTag): PoolTag {
  return tagFromUlong(tagToUlong(tag) - PROTECTED_BIT);
}
