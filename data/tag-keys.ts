/** Numbers that sort as the bytes of tags do: what both indexes order by and look for beginnings with. */
import type { TagRecord } from './facts.ts';
import { tagToBigEndian } from './pool-tag.ts';

/** Sorts by bytes, a wildcard entry after the tag of the same four characters: 0 to 2^33 - 1. */
export function recordKey(tag: string, isPattern: boolean): number {
  return tagToBigEndian(tag) * 2 + (isPattern ? 1 : 0);
}

/** The key of the record with this id (`tagId` or `patternId`). */
export function keyOfId(id: TagRecord['id']): number {
  return id.startsWith('p-') ? Number.parseInt(id.slice(2), 16) * 2 + 1 : Number.parseInt(id, 16) * 2;
}

/** The first and the last key of records that begin with these one to four characters. */
export function keysBeginningWith(prefix: string): [first: number, last: number] {
  return [recordKey(prefix.padEnd(4, '\0'), false), recordKey(prefix.padEnd(4, '\xff'), true)];
}
