/** AnswerSource: what answers are made from. The catalogue is one; a test may be another. */
import type { Component, KnownLeak } from '../data/knowledge.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import type { ReadingSearch } from '../data/reading-search.ts';
import type { SearchIndex } from '../data/search-index.ts';
import type { AdviceBook } from './advice-book.ts';
import type { OtherUse } from './answer-document.ts';

export interface AnswerSource {
  readonly index: SearchIndex;
  readonly advice: AdviceBook;
  /** Guides, components and known leaks by words. */
  readonly reading: Pick<ReadingSearch, 'find'>;
  component(id: string): Component | undefined;
  /** The component that owns all that an image allocates; undefined for an image of none or of several. */
  componentOf(image: string): Component | undefined;
  article(id: string): KnownLeak | undefined;
  /** The scanned drivers of this file name (as canonicalFile spells it) with their versions, samples left out. */
  scannedDrivers(file: string): readonly { fileName: string; version: string | null }[];
  /** Drivers that use the tag for something else than pool memory alone. */
  otherUses(tag: PoolTag): OtherUse[];
}
