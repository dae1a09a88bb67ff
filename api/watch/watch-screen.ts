/** The live screen: draws after each reading, each key and each change of the window's size, until somebody ends it. */
import type { Style } from '../terminal-text.ts';
import { ScreenPainter } from './screen-painter.ts';
import { watchFrame } from './watch-frame.ts';
import type { WatchSession } from './watch-session.ts';
import type { WatchTerminal } from './watch-terminal.ts';
import { viewAfterKey, type WatchView } from './watch-view.ts';

/** How a watch ended: by its user, or by Ctrl-C or the system. */
type WatchEnd = 'quit' | 'stop';

export class WatchScreen {
  readonly #terminal: WatchTerminal;
  readonly #session: WatchSession;
  readonly #style: Style;
  readonly #painter: ScreenPainter;
  readonly #undo: (() => void)[] = [];
  readonly #end = new AbortController();
  #view: WatchView;
  #page = 1;
  #note = '';

  constructor(terminal: WatchTerminal, session: WatchSession, view: WatchView, style: Style) {
    this.#terminal = terminal;
    this.#session = session;
    this.#view = view;
    this.#style = style;
    this.#painter = new ScreenPainter(terminal.write);
  }

  /** Aborted when a key ends the watch; the reason is a {@link WatchEnd}. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** Takes the window and the keyboard. */
  open(): void {
    this.#undo.push(this.#terminal.guard());
    this.#painter.open();
    this.#undo.push(
      this.#terminal.onKey(key => this.#take(key)),
      this.#terminal.onResize(() => {
        this.#painter.forget();
        this.draw();
      }),
    );
  }

  /** Says something in the last line, until the next reading has something to say. */
  note(message: string): void {
    this.#note = message;
    this.draw();
  }

  draw(): void {
    const picture = this.#session.picture(this.#view);
    const { note } = this.#session;
    const { lines, page, skipped } = watchFrame(
      { ...picture, note: note === '' ? this.#note : note },
      this.#terminal.columns(),
      this.#terminal.rows(),
      this.#style,
    );
    this.#page = page;
    this.#view = { ...this.#view, skipped };
    this.#painter.draw(lines);
  }

  /** Puts the window and the keyboard back. */
  close(): void {
    this.#painter.close();
    for (const undo of this.#undo.reverse()) undo();
    this.#undo.length = 0;
  }

  #take(key: string): void {
    if (key === 'ctrl-l') this.#painter.forget();
    const next = viewAfterKey(this.#view, key, this.#page);
    if (typeof next === 'string') {
      this.#end.abort(next satisfies WatchEnd);
      return;
    }
    this.#view = next;
    this.draw();
  }
}
