/** WatchOwners: who owns each tag on the screen, in a few words; asked of the catalogue once for each tag. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { AnswerSource } from '../answer-source.ts';
import { headline, plainText } from '../answer-summary.ts';
import { knownTags } from '../leaks/known-tags.ts';
import { shortAnswer } from '../tag-pointers.ts';

/** More tags than Windows has; beyond that the oldest are asked for again. */
const MAX_KEPT = 50_000;

export class WatchOwners {
  readonly #source: AnswerSource;
  readonly #words = new Map<PoolTag, string>();

  constructor(source: AnswerSource) {
    this.#source = source;
  }

  /** `ntfs.sys: Bitmap buffers`; empty where nobody knows the tag or it was not learned yet. */
  of(tag: PoolTag): string {
    return this.#words.get(tag) ?? '';
  }

  /** Asks for the tags that are not known yet. Throws SearchUnavailable where the index does not answer. */
  async learn(tags: readonly PoolTag[]): Promise<void> {
    const asked = [...new Set(tags)].filter(tag => !this.#words.has(tag));
    if (asked.length === 0) return;
    if (this.#words.size + asked.length > MAX_KEPT) this.#words.clear();
    const known = await knownTags(asked, this.#source);
    for (const [tag, { tag: found, record, covering, isAnswerable }] of known) {
      if (!isAnswerable) {
        this.#words.set(tag, '');
        continue;
      }
      const { owners } = shortAnswer(found, record, covering, this.#source);
      const named = owners.find(({ image }) => image !== null);
      const meaning = headline((named ?? owners[0])?.meaning ?? null);
      const title = owners[0]?.component == null ? null : this.#source.component(owners[0].component)?.title;
      const name = plainText(named?.image ?? title ?? '');
      this.#words.set(tag, [name, meaning].filter(Boolean).join(': '));
    }
  }
}
