/** A progress bar on a terminal, and nothing anywhere else. */
import { escapeControls } from '../terminal-text.ts';
import type { CommandIo } from './command-io.ts';

export interface ScanProgress {
  /** How many files there are to scan, as far as is known. */
  total(count: number): void;
  /** One more file is done. */
  step(file: string): void;
  /** Takes the bar off the screen, so that other text can be written; the next step draws it again. */
  clear(): void;
  stop(): void;
}

/** No bar is wider than is needed to see it grow. */
const BAR_CHARACTERS = 24;
/** As much of a file's name as fits beside the bar. */
const MAX_NAME_CHARACTERS = 30;

/** A bar on stderr where that is a terminal. */
export async function scanProgress(io: CommandIo, verb: string): Promise<ScanProgress> {
  if (io.stderr.isTTY !== true || io.env.TERM === 'dumb') {
    return { total() {}, step() {}, clear() {}, stop() {} };
  }
  const { SingleBar } = (await import('cli-progress')).default;
  const bar = new SingleBar({
    stream: io.stderr as unknown as NodeJS.WritableStream,
    format: `${verb} {bar} {value} of {total} {file}`,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    barsize: BAR_CHARACTERS,
    clearOnComplete: true,
    hideCursor: false,
    // The bar must not take Ctrl-C for itself.
    gracefulExit: false,
  });
  let isStarted = false;
  return {
    total(count) {
      if (isStarted) bar.setTotal(count);
      else bar.start(count, 0, { file: '' });
      isStarted = true;
    },
    step(file) {
      const name = escapeControls(file.slice(file.search(/[^\\/]*$/)));
      if (isStarted) bar.increment({ file: name.slice(0, MAX_NAME_CHARACTERS) });
    },
    clear() {
      if (isStarted) io.stderr.write('\r\u001b[K');
    },
    stop() {
      if (isStarted) bar.stop();
    },
  };
}
