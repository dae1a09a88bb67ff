/** AnswerSource: what answers are made from. The catalogue is one; a test may be another. */
import type { Component, KnownLeak } from '../data/knowledge.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import type { SearchIndex } from '../data/search-index.ts';
import type { AdviceBook } from './advice-book.ts';
import type { OtherUse } from './answer-document.ts';

export interface AnswerSource {
  readonly index: SearchIndex;
  readonly advice: AdviceBook;
  component(id: string): Component | undefined;
  /** The component that owns all that an image allocates; undefined for an image of none or of several. */
  componentOf(image: string): Component | undefined;
  article(id: string): KnownLeak | undefined;
  /** Drivers that use the tag for something else than pool memory alone. */
  otherUses(tag: PoolTag): OtherUse[];
}
