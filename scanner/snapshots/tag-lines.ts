/** TagLines: the tag that each line of a print-out shows, for those who write an owner beside it. */
import { LineReader } from './line-reader.ts';
import type { ShownTag } from './printed-text.ts';

export class TagLines {
  readonly #reader = new LineReader({ onSnapshot: () => {}, onRemark: () => {} });

  /**
   * The tag that a line of any of the formats shows, the first where it shows several; undefined where it shows none.
   * Lines are given in their order and without their ends, because titles tell what follows.
   */
  tagOf(line: string): ShownTag | undefined {
    const { session } = this.#reader;
    session.line++;
    session.shown = undefined;
    this.#reader.read(line);
    session.forgetRows();
    return session.shown;
  }
}
