/** SnapshotLog: a file of lines that only grows at its end and rotates by size, made to survive a kill and a full disk. */
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { count } from '../../data/quantity-words.ts';
import { PooltagError } from '../pooltag-error.ts';

export interface LogLimits {
  /** A file that would grow beyond this becomes FILE.1, and a new FILE begins. */
  fileBytes: number;
  /** FILE and the older ones: FILE.1 is the youngest of them. At least 2. */
  files: number;
}

const LINE_FEED = 0x0a;
/** Where rotation is not possible (somebody holds an old file open), the file may grow to so many times its size. */
const MOST_TIMES = 2;

export class SnapshotLog {
  readonly #file: string;
  readonly #limits: LogLimits;
  /** The size that our last line left behind; undefined before the first. */
  #sizeAfterUs: number | undefined;

  private constructor(file: string, limits: LogLimits) {
    this.#file = file;
    this.#limits = limits;
  }

  /** Opens the log without writing to it. Throws `output-failed` where it cannot be written. */
  static async open(file: string, limits: LogLimits): Promise<SnapshotLog> {
    const folder = path.dirname(path.resolve(file));
    if (!(await statOf(folder))?.isDirectory()) {
      throw outputFailed(file, `there is no folder ${folder}. Create it first`);
    }
    const stats = await statOf(file);
    if (stats !== undefined && !stats.isFile()) {
      throw outputFailed(file, 'it is a folder or a device. Name a file');
    }
    try {
      await (await open(file, 'a')).close();
    } catch (error) {
      throw outputFailed(file, `the system says ${(error as Error).message}`, error);
    }
    return new SnapshotLog(path.resolve(file), limits);
  }

  /**
   * Appends one line (with its line end) in one write, and waits until the disk has it: whoever looks for a leak should
   * reckon with a crash of the machine. Gives what is odd, in full sentences. Rejects with the system's error where the line
   * could not be written; the next line then begins on its own.
   */
  async append(line: string): Promise<string[]> {
    const bytes = Buffer.from(line);
    const remarks: string[] = [];
    let size = (await statOf(this.#file))?.size ?? 0;
    remarks.push(...this.#othersRemark(size));
    if (size > 0 && size + bytes.length > this.#limits.fileBytes) {
      try {
        await this.#rotate();
        size = 0;
      } catch (error) {
        if (size + bytes.length > this.#limits.fileBytes * MOST_TIMES) throw error;
        remarks.push(
          `${this.#file} is full, but could not be renamed to make room for a new one (${(error as Error).message}). It goes on growing for a while; close the program that holds it or ${path.basename(this.#file)}.1 open.`,
        );
      }
    }
    const handle = await open(this.#file, 'a+');
    try {
      const torn = await endsInTornLine(handle);
      const text = torn ? Buffer.concat([Buffer.of(LINE_FEED), bytes]) : bytes;
      await writeWhole(handle, text);
      await handle.datasync();
      this.#sizeAfterUs = (await handle.stat()).size;
    } catch (error) {
      // How much of the line is there, the next look at the file says.
      this.#sizeAfterUs = undefined;
      throw error;
    } finally {
      await handle.close();
    }
    return remarks;
  }

  /** Two processes lose nothing, since lines are appended whole; but their times are mixed. */
  #othersRemark(size: number): string[] {
    const ours = this.#sizeAfterUs;
    if (ours === undefined || size <= ours) return [];
    return [
      `${this.#file} grew by ${count(size - ours)} bytes that this process did not write: another pooltag watch seems to log to it. No line is lost, but give each its own file.`,
    ];
  }

  /** FILE.1 becomes FILE.2 and so on; the oldest is replaced. */
  async #rotate(): Promise<void> {
    for (let number = this.#limits.files - 1; number >= 1; number--) {
      const from = number === 1 ? this.#file : `${this.#file}.${number - 1}`;
      try {
        await rename(from, `${this.#file}.${number}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    this.#sizeAfterUs = undefined;
  }
}

/** Whether the last byte is no line feed: a kill or a full disk left a part of a line. */
async function endsInTornLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== LINE_FEED;
}

/** The system may take a part only, as a disk that is nearly full does; the next write then says why. */
async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written);
    if (bytesWritten === 0) throw new Error('no more bytes can be written; is the disk full?');
    written += bytesWritten;
  }
}

async function statOf(file: string) {
  return await stat(file).catch(() => undefined);
}

function outputFailed(file: string, why: string, cause?: unknown): PooltagError {
  return new PooltagError('output-failed', `${file} cannot be written: ${why}.`, { cause });
}
