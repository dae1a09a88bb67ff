/** ScreenPainter: draws pictures on a terminal's other screen, only what has changed, and puts everything back at the end. */

/** Writes to the terminal; the callback comes once it has been taken. */
export type WriteText = (text: string, done: () => void) => void;

const ESC = '\u001b[';
/** The other screen, no cursor, and no wrapping: a wide character must not push the lines below. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;

/** What puts the terminal back as it was. */
export const LEAVE_SCREEN = LEAVE;

export class ScreenPainter {
  readonly #write: WriteText;
  #drawn: string[] | undefined;
  #waiting: string[] | undefined;
  #isWriting = false;
  #isOpen = false;

  constructor(write: WriteText) {
    this.#write = write;
  }

  /** Changes to the other screen. */
  open(): void {
    this.#isOpen = true;
    this.#send(ENTER);
  }

  /**
   * Draws a picture. While the terminal has not taken the last one, only the newest waits: a slow connection shows fewer
   * pictures, and no memory is filled.
   */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    this.#waiting = [...lines];
    if (!this.#isWriting) this.#flush();
  }

  /** The window has another size: the next picture is drawn whole. */
  forget(): void {
    this.#drawn = undefined;
  }

  /** Goes back to the screen that was there before. May be called twice. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#waiting = undefined;
    this.#send(LEAVE);
  }

  #flush(): void {
    const lines = this.#waiting;
    if (lines === undefined) return;
    this.#waiting = undefined;
    const before = this.#drawn;
    const changes = lines.flatMap((line, i) =>
      before !== undefined && before[i] === line ? [] : [`${ESC}${i + 1};1H${line}${ESC}K`],
    );
    const clearing =
      before === undefined ? `${ESC}2J` : before.length > lines.length ? this.#below(lines) : '';
    this.#drawn = lines;
    const text =
      (before === undefined ? clearing : '') + changes.join('') + (before === undefined ? '' : clearing);
    if (text !== '') this.#send(text);
  }

  #below(lines: readonly string[]): string {
    return `${ESC}${lines.length + 1};1H${ESC}J`;
  }

  #send(text: string): void {
    this.#isWriting = true;
    this.#write(text, () => {
      this.#isWriting = false;
      this.#flush();
    });
  }
}
