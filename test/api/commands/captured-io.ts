/** A CommandIo for tests: keeps what a command writes, and can be told to stop. */
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandIo, InputStream, OutputStream } from '../../../api/commands/command-io.ts';

export interface CapturedIo extends CommandIo {
  out(): string;
  /** What went to stdout, byte by byte. */
  outBytes(): Buffer;
  err(): string;
  stop(): void;
}

/** No test reads what the user's own scans have kept, or adds to it. */
export const TEST_CACHE = path.join(os.tmpdir(), `pooltag-test-cache-${process.pid}`);
process.on('exit', () => rmSync(TEST_CACHE, { recursive: true, force: true }));

/** Streams that remember, an environment with a cache folder alone, and Linux unless said otherwise. */
export function capturedIo(
  env: NodeJS.ProcessEnv = {},
  {
    isTTY = false,
    columns = 80,
    platform = 'linux' as NodeJS.Platform,
    stdin = undefined as InputStream | undefined,
  } = {},
): CapturedIo {
  const written = { out: [] as Buffer[], err: [] as Buffer[] };
  const stream = (name: 'out' | 'err'): OutputStream => ({
    isTTY,
    columns,
    write(text, done) {
      written[name].push(Buffer.from(text));
      done?.();
      return true;
    },
  });
  const controller = new AbortController();
  const text = (name: 'out' | 'err') => Buffer.concat(written[name]).toString();
  return {
    ...(stdin === undefined ? {} : { stdin }),
    stdout: stream('out'),
    stderr: stream('err'),
    env: { POOLTAG_CACHE: TEST_CACHE, ...env },
    platform,
    signal: controller.signal,
    out: () => text('out'),
    outBytes: () => Buffer.concat(written.out),
    err: () => text('err'),
    stop: () => controller.abort(),
  };
}
