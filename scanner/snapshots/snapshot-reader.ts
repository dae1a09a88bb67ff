/** SnapshotReader: bytes of a text as they come, in pieces of any size; snapshots and remarks as they are complete. */
import { LineReader } from './line-reader.ts';
import { lineText, withoutUtf16Nuls } from './line-text.ts';
import type { ReaderOptions } from './read-session.ts';
import { TextLines } from './text-lines.ts';

export type { ReaderOptions } from './read-session.ts';

/** What is asked for where nothing was recognised. */
const FORMATS =
  "PoolMon's screen or its log (poolmon -n), MemSnap (-m, -p), the debugger's !poolused, !poolfind, !pool, !vm, " +
  '!process 0 0 and !verifier 3, verifier /query or /log, Performance Monitor as CSV, PoolMon CSV of PowerShell scripts, ' +
  'Get-Process, event 2004 as XML, and the logs of pooltag itself';

/** Each line is read as it comes, so that memory does not grow with the text but with its largest snapshot. */
export class SnapshotReader {
  readonly #lines: TextLines;
  readonly #reader: LineReader;
  /** Further lines that lone carriage returns have made. */
  #extraLines = 0;

  constructor(options: ReaderOptions) {
    const reader = new LineReader(options);
    this.#reader = reader;
    this.#lines = new TextLines({
      onLine: (bytes, start, end, number) => {
        reader.session.line = number + this.#extraLines;
        if (!reader.readFast(bytes, start, end))
          this.#readText(withoutUtf16Nuls(lineText(bytes, start, end)));
      },
      onCut: (number, limit) => {
        const message = `This line is longer than ${limit} bytes; the rest of it is not read.`;
        reader.session.remark(message, number + this.#extraLines);
      },
    });
  }

  write(chunk: Uint8Array): void {
    this.#lines.write(chunk);
  }

  end(): void {
    this.#lines.end();
    this.#reader.end();
    const { session } = this.#reader;
    if (session.isRecognised) return;
    session.remark(`Nothing here is a snapshot of pool memory. Expected is one of: ${FORMATS}.`, null);
  }

  #readText(text: string): void {
    if (!text.includes('\r') && !text.includes('\n')) {
      this.#reader.read(text);
      return;
    }
    const parts = text.split(/\r\n?|\n/);
    for (const [i, part] of parts.entries()) {
      if (i > 0) this.#extraLines++;
      if (i > 0) this.#reader.session.line++;
      this.#reader.read(part);
    }
  }
}
