/** WatchWorld: the computer, the clock and the window that watching needs; the process's own, or a test's. */
import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { LiveSource } from '../../scanner/live/live-source.ts';
import type { CommandIo } from '../commands/command-io.ts';
import { PooltagError } from '../pooltag-error.ts';
import { processTerminal, type WatchTerminal } from './watch-terminal.ts';
import type { Analysis } from './watch-verdicts.ts';

export interface WatchWorld {
  /** The pools of this computer. Throws `pools-unreadable`. */
  openSource(): Promise<LiveSource>;
  /** Null where no live screen is possible. */
  terminal(): WatchTerminal | null;
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
  /** Milliseconds of a clock that nobody sets. */
  elapsedMs(): number;
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** The computer's name. */
  computer: string;
  newAnalysis(): Promise<Analysis>;
}

/** The process and the computer that it runs on. */
export function processWorld(io: CommandIo): WatchWorld {
  return {
    openSource: async () => {
      if (io.platform !== 'win32') {
        throw new PooltagError(
          'pools-unreadable',
          'pooltag watch reads the pools of the Windows computer that it runs on, and this one does not run Windows: run it there, or give what PoolMon or a debugger printed to pooltag leaks.',
        );
      }
      const { loadSystemCalls } = await import('../../scanner/live/system-calls.ts');
      const { liveSource } = await import('../../scanner/live/live-source.ts');
      const loaded = await loadSystemCalls();
      if ('missing' in loaded) throw new PooltagError('pools-unreadable', loaded.missing);
      return liveSource(loaded.calls);
    },
    terminal: () => {
      const { stdin, stdout } = process;
      const isLive = stdin.isTTY && stdout.isTTY && io.stdout === stdout && io.env.TERM !== 'dumb';
      return isLive ? processTerminal(stdin, stdout) : null;
    },
    nowMs: Date.now,
    elapsedMs: () => performance.now(),
    wait: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
    computer: os.hostname(),
    newAnalysis: async () => new (await import('./worker-analysis.ts')).WorkerAnalysis(),
  };
}
