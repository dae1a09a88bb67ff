/** What to do where scans cannot be kept: say so, and go on without. */
import { escapeControls } from '../terminal-text.ts';
import type { CommandIo } from './command-io.ts';

export function cacheRemark(io: CommandIo): (problem: string) => void {
  return problem => void io.stderr.write(`pooltag: ${escapeControls(problem)}\n`);
}
