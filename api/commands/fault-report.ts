/** What the program prints when the fault is its own. */
import os from 'node:os';
import { inspect } from 'node:util';
import { programVersion } from '../../data/project-files.ts';
import { escapeControlsInLines } from '../terminal-text.ts';

/** The lines to send us: what ran, on what, and where it fell over. `what` is a command's name, never its arguments. */
export function faultReport(error: unknown, what: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  const lines = [
    'pooltag: this is a fault of the program, not of yours. Please report it with the lines below,',
    'and with the file or the input that led to it if you may share it.',
    `  ${what}, pooltag ${programVersion()}, Node ${process.version}, ${os.platform()} ${os.release()} ${os.arch()}`,
    ...stack.split('\n').map(line => `  ${line}`),
  ];
  return `${escapeControlsInLines(lines.join('\n'))}\n`;
}
