/** A CommandIo for tests: keeps what a command writes, and can be told to stop. */
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandIo, OutputStream } from '../../../api/commands/command-io.ts';

export interface CapturedIo extends CommandIo {
  out(): string;
  err(): string;
  stop(): void;
}

/** No test reads what the user's own scans have kept, or adds to it. */
export const TEST_CACHE = path.join(os.tmpdir(), `pooltag-test-cache-${process.pid}`);
process.on('exit', () => rmSync(TEST_CACHE, { recursive: true, force: true }));

/** Streams that remember, an environment with a cache folder alone, and Linux unless said otherwise. */
export function capturedIo(
  env: NodeJS.ProcessEnv = {},
  { isTTY = false, columns = 80, platform = 'linux' as NodeJS.Platform } = {},
): CapturedIo {
  const texts = { out: '', err: '' };
  const stream = (name: 'out' | 'err'): OutputStream => ({
    isTTY,
    columns,
    write(text, done) {
      texts[name] += text;
      done?.();
      return true;
    },
  });
  const controller = new AbortController();
  return {
    stdout: stream('out'),
    stderr: stream('err'),
    env: { POOLTAG_CACHE: TEST_CACHE, ...env },
    platform,
    signal: controller.signal,
    out: () => texts.out,
    err: () => texts.err,
    stop: () => controller.abort(),
  };
}
