/** TroubleList: what the user should know, in the last line of the screen while there is one, and on stderr. */
import type { CommandIo } from '../commands/command-io.ts';
import { escapeControls } from '../terminal-text.ts';
import type { WatchScreen } from './watch-screen.ts';

/** As many things as are said again after the screen has gone. */
const MAX_TROUBLES_KEPT = 20;

export class TroubleList {
  readonly #io: CommandIo;
  #screen: WatchScreen | null = null;
  #kept: string[] = [];

  constructor(io: CommandIo) {
    this.#io = io;
  }

  /** The screen that is shown; null without one. */
  get screen(): WatchScreen | null {
    return this.#screen;
  }

  add(message: string): void {
    if (this.#screen === null) {
      this.#io.stderr.write(`pooltag: ${escapeControls(message)}\n`);
      return;
    }
    this.#screen.note(message);
    this.#kept = [...this.#kept, message].slice(-MAX_TROUBLES_KEPT);
  }

  /** With null, what the screen has shown goes to stderr, where it stays. */
  showOn(screen: WatchScreen | null): void {
    this.#screen = screen;
    if (screen !== null) return;
    const kept = this.#kept;
    this.#kept = [];
    for (const message of kept) this.add(message);
  }
}
