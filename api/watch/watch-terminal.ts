/** WatchTerminal: the window and the keyboard of the live screen; the process's own, or a test's. */
import { writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { LEAVE_SCREEN, type WriteText } from './screen-painter.ts';

export interface WatchTerminal {
  columns(): number;
  rows(): number;
  write: WriteText;
  /**
   * Listens to keys until the returned function is called. Printable keys come as they are, others by name: `escape`,
   * `up`, `down`, `pageup`, `pagedown`, `home`, `ctrl-c`, `ctrl-l`.
   */
  onKey(listener: (key: string) => void): () => void;
  onResize(listener: () => void): () => void;
  /** From now on the window is put back as it was however the process ends, until the returned function is called. */
  guard(): () => void;
}

/** A window whose size is not told is taken for this one. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** Of the process's own window. */
const STDOUT = 1;

/** The process's own terminal. */
export function processTerminal(stdin: ReadStream, stdout: WriteStream): WatchTerminal {
  return {
    columns: () => stdout.columns || USUAL_COLUMNS,
    rows: () => stdout.rows || USUAL_ROWS,
    write: (text, done) => void stdout.write(text, () => done()),
    onKey(listener) {
      const onKeypress = (text: string | undefined, key: { name?: string; ctrl?: boolean }) => {
        listener(keyName(text, key));
      };
      emitKeypressEvents(stdin);
      stdin.setRawMode(true);
      stdin.on('keypress', onKeypress);
      stdin.resume();
      return () => {
        stdin.off('keypress', onKeypress);
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
    onResize(listener) {
      stdout.on('resize', listener);
      return () => void stdout.off('resize', listener);
    },
    guard() {
      const restore = () => {
        try {
          // At once: what a stream still holds is lost when the process ends.
          writeSync(STDOUT, LEAVE_SCREEN);
        } catch {
          // The window is gone, and with it what was to be put back.
        }
        if (stdin.isTTY) stdin.setRawMode(false);
      };
      // Before the report of the fault, which would vanish with the screen it is written on.
      process.prependListener('uncaughtException', restore);
      process.prependListener('unhandledRejection', restore);
      process.on('exit', restore);
      return () => {
        process.off('uncaughtException', restore);
        process.off('unhandledRejection', restore);
        process.off('exit', restore);
      };
    },
  };
}

/** The name of a key as readline tells it. */
function keyName(text: string | undefined, { name, ctrl }: { name?: string; ctrl?: boolean }): string {
  if (ctrl) return `ctrl-${name ?? ''}`;
  return text !== undefined && /^[!-~]$/.test(text) ? text : (name ?? '');
}
