/** Where results go: standard output as they come, or a file that appears whole or not at all. */
import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { PooltagError } from '../pooltag-error.ts';
import { escapeControlsInLines } from '../terminal-text.ts';
import { type CommandIo, writeText } from './command-io.ts';

export interface ResultOutput {
  write(text: string): Promise<void>;
  /** Puts the file in place; nothing is written to it before. */
  finish(): Promise<void>;
}

/** Standard output. What a terminal shows has no control characters, except the colours of `text`. */
export function standardOutput(io: CommandIo, isPlainText: boolean): ResultOutput {
  const isEscaped = io.stdout.isTTY === true && !isPlainText;
  return {
    write: async text => {
      if (text !== '') await writeText(io.stdout, isEscaped ? escapeControlsInLines(text) : text);
    },
    finish: async () => {},
  };
}

/** A file, replaced in one step at the end. Throws `output-failed` before any work where it cannot be written. */
export function fileOutput(file: string): ResultOutput {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory()) throw outputFailed(file, 'it is a folder. Name a file');
  const folder = path.dirname(path.resolve(file));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw outputFailed(file, `there is no folder ${folder}. Create it first`);
  }
  const parts: string[] = [];
  return {
    write: async text => {
      parts.push(text);
    },
    finish: async () => {
      // A device or a pipe must not be replaced by a file.
      const write = stats !== undefined && !stats.isFile() ? writeFile : writeFileAtomic;
      try {
        await write(file, parts.join(''));
      } catch (error) {
        throw outputFailed(file, `the system says ${(error as Error).message}`, error);
      }
    },
  };
}

function outputFailed(file: string, why: string, cause?: unknown): PooltagError {
  return new PooltagError('output-failed', `${file} cannot be written: ${why}.`, { cause });
}
