/**
 * What earlier scans kept of files that have not changed since. It is looked up in the thread that asks: for 450 drivers
 * that takes less time than a worker takes to start, and reading them again as long as all the rest.
 */
import { basename } from 'node:path';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { ScanCache } from '../cache/scan-cache.ts';
import type { ListedFile } from './file-list.ts';
import { type FileState, fileStateAt } from './file-state.ts';
import type { LaneFile } from './scan-in-workers.ts';
import type { SymbolFiles } from './symbol-files.ts';

/** Files are asked about together, so that four threads of Node's do it, and signals come through between two groups. */
const GROUP = 32;
/** A disk that takes longer to say what its files are is left to the workers, which give up what does not answer. */
const PATIENCE_MS = 2000;

interface UnchangedOptions {
  /** Ends the look-up; what was not looked up by then is neither yielded nor returned. */
  signal?: AbortSignal;
  /** Tests have disks that do not answer. */
  stateAt?: typeof fileStateAt;
  patienceMs?: number;
}

/** Yields what was kept, and returns the files that must be read. Never throws for a file. */
export async function* unchangedFiles(
  files: readonly ListedFile[],
  cache: ScanCache,
  symbolFiles: SymbolFiles,
  { signal, stateAt = fileStateAt, patienceMs = PATIENCE_MS }: UnchangedOptions = {},
): AsyncGenerator<LaneFile, ListedFile[], void> {
  const changed: ListedFile[] = [];
  for (let from = 0; from < files.length && !signal?.aborted; from += GROUP) {
    const group = files.slice(from, from + GROUP);
    const states = await within(patienceMs, group.map(stateOf));
    for (const [index, file] of group.entries()) {
      if (signal?.aborted) break;
      const startedMs = performance.now();
      const state = states[index] ?? undefined;
      const outcome = state === undefined ? undefined : cache.findUnread(state, basename(file.path));
      if (outcome === undefined) changed.push(file);
      else yield { file: file.path, outcome, elapsedMs: performance.now() - startedMs };
    }
    if (states.includes(null)) return [...changed, ...files.slice(from + GROUP)];
    await setImmediate();
  }
  return changed;

  /** Where a PDB may have come since, only the bytes of the driver say whether it is its own. */
  async function stateOf({ path, isNamed, problem }: ListedFile): Promise<FileState | undefined> {
    return problem !== undefined || symbolFiles.mayFind(path) ? undefined : await stateAt(path, isNamed);
  }
}

/** Each answer, or null where it is not there within `ms`. */
async function within<Answer>(ms: number, answers: Promise<Answer>[]): Promise<(Answer | null)[]> {
  const waiting = new AbortController();
  const late: Promise<null> = delay(ms, null, { signal: waiting.signal }).catch(() => null);
  try {
    return await Promise.all(answers.map(answer => Promise.race<Answer | null>([answer, late])));
  } finally {
    waiting.abort();
  }
}
