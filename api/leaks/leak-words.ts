/** Tags, growth and pools in the words that headline, summary and table share. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { bytesInWords, counted } from '../../data/quantity-words.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { plainText } from '../answer-summary.ts';
import type { TagView } from './leak-answer.ts';

/** The tag within a sentence; in quotes where a blank at an end would be lost. */
export function tagName(tag: string): string {
  const text = tagText(tag as PoolTag);
  return /^\S(.*\S)?$/.test(text) ? text : `"${text}"`;
}

/** Only such a tag goes into a command that somebody will paste: a tag can be `&cmd`. */
export function isTypedTag(tag: string): boolean {
  return /^[A-Za-z0-9_]{4}$/.test(tag);
}

/** `Nonpaged pool`, `Paged pool`. */
export function poolTitle(pool: Pool): string {
  return pool === 'nonpaged' ? 'Nonpaged pool' : 'Paged pool';
}

/** `115 KB an hour`, `1,200 allocations an hour`; undefined where times are not known. */
export function rateInWords({ bytesRate, allocsRate }: Pick<TagView, 'bytesRate' | 'allocsRate'>) {
  if (bytesRate !== undefined) return `${bytesInWords(bytesRate.perHour)} an hour`;
  if (allocsRate !== undefined) return `${counted(Math.round(allocsRate.perHour), 'allocation')} an hour`;
  return undefined;
}

/** `2.7 MB`, `300 allocations`: what it has grown by; undefined where neither is printed. */
export function growthInWords({ growthBytes, first, last }: Pick<TagView, 'growthBytes' | 'first' | 'last'>) {
  if (growthBytes !== undefined) return bytesInWords(growthBytes);
  if (first.diff === undefined || last.diff === undefined) return undefined;
  return counted(last.diff - first.diff, 'allocation');
}

/** `149 MB`, `300 allocations`: what it holds now; undefined where neither is printed. */
export function sizeInWords({ last: { bytes, diff } }: Pick<TagView, 'last'>): string | undefined {
  if (bytes !== undefined) return bytesInWords(bytes);
  return diff === undefined ? undefined : counted(diff, 'allocation');
}

/** What tools print where they know nothing themselves. */
const SAYS_NOTHING = /^(\W*|unknown( driver)?|unknown pooltag .*)$/i;
/** As much as a sentence can hold. */
const MAX_MAPPED_CHARACTERS = 80;

/** What the tool that made the print-out says of the owner, as plain text; null where that is nothing. */
export function toolWords(mapped: readonly string[]): string | null {
  const told = mapped.map(plainText).filter(text => !SAYS_NOTHING.test(text));
  const [text] = told;
  if (text === undefined) return null;
  return text.length <= MAX_MAPPED_CHARACTERS ? text : `${text.slice(0, MAX_MAPPED_CHARACTERS)}…`;
}

/** `svchost.exe (process 1234)`. */
export function processName({ name, processId }: { name: string; processId?: number }): string {
  const shown = plainText(name) || 'A process without a name';
  return processId === undefined ? shown : `${shown} (process ${processId})`;
}
