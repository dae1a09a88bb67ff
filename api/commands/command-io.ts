/** What a command may touch: its streams, its environment and the wish to stop, so that tests can stand in for all of it. */
import { type Style, terminalStyle } from '../terminal-text.ts';

/** The part of a writable stream that commands use. */
export interface OutputStream {
  write(text: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
  isTTY?: boolean;
  columns?: number;
}

/** The part of standard input that commands use. */
export interface InputStream extends AsyncIterable<Uint8Array | string> {
  isTTY?: boolean;
}

export interface CommandIo {
  /** What is piped in; absent where there is none. Asked for only by commands that read it. */
  readonly stdin?: InputStream;
  /** Results. */
  stdout: OutputStream;
  /** Everything else. */
  stderr: OutputStream;
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  /** Aborted when the user presses Ctrl-C or the system asks the process to end. */
  signal: AbortSignal;
}

/** Resolves once the stream has taken the text, so that a slow reader slows the command and fills no memory. */
export function writeText(stream: OutputStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, error => (error ? reject(error) : resolve()));
  });
}

/** The style for a stream: colour on a terminal that has it, unless NO_COLOR or `--no-colour` says otherwise. */
export function styleFor(stream: OutputStream, env: NodeJS.ProcessEnv, wanted: boolean): Style {
  return terminalStyle(wanted && stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb');
}

/** Lines longer than this are hard to read, however wide the window is. */
const WIDEST_LINE = 100;
/** Windows narrower than this break long lines themselves. */
const NARROWEST_LINE = 40;

/** The width to wrap at: the terminal's within reason; no wrapping where the text goes to a file or a program. */
export function lineWidth(stream: OutputStream): number {
  if (stream.isTTY !== true) return Number.POSITIVE_INFINITY;
  return Math.max(NARROWEST_LINE, Math.min(WIDEST_LINE, stream.columns ?? 80));
}
