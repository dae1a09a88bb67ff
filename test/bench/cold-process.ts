/** Runs the built command as a user does, a new process each time: how long it takes and how much memory it holds. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { projectFile } from '../../data/project-files.ts';

const CLI = projectFile('dist', 'api', 'cli.js');
/** Said on standard error when the process ends, and taken out of it here. */
const MEMORY_MARK = 'bench-peak-kilobytes=';
const TELL_MEMORY = `process.on('exit', () => process.stderr.write('${MEMORY_MARK}' + process.resourceUsage().maxRSS))`;

export interface ColdRun {
  elapsedMs: number;
  peakMb: number;
}

/**
 * `pooltag scan` of a path. `cache` is the cache folder; it is emptied before each of the `rounds` where `isCold`. The
 * time is the best of them, the memory the most.
 */
export function coldScan(path: string, cache: string, isCold: boolean, rounds: number): ColdRun {
  if (!existsSync(CLI)) throw new Error('The command is not built: npm run build.');
  const best: ColdRun = { elapsedMs: Number.POSITIVE_INFINITY, peakMb: 0 };
  const watcher = `data:text/javascript,${encodeURIComponent(TELL_MEMORY)}`;
  for (let round = 0; round < rounds; round++) {
    if (isCold) rmSync(cache, { recursive: true, force: true });
    const startedMs = performance.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', watcher, CLI, 'scan', '--format', 'ndjson', path],
      {
        env: { ...process.env, POOLTAG_CACHE: cache },
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
      },
    );
    best.elapsedMs = Math.min(best.elapsedMs, performance.now() - startedMs);
    // A file that took too long, as on a busy machine, is worth a word and no reason to stop.
    if (status === 3) console.log(stderr.split(MEMORY_MARK)[0].trim());
    else if (status !== 0) throw new Error(`pooltag scan ended with ${status}: ${stderr}`);
    best.peakMb = Math.max(best.peakMb, Number(stderr.split(MEMORY_MARK)[1]) / 1024);
  }
  return best;
}
