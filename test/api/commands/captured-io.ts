/** A CommandIo for tests: keeps what a command writes, and can be told to stop. */
import type { CommandIo, OutputStream } from '../../../api/commands/command-io.ts';

export interface CapturedIo extends CommandIo {
  out(): string;
  err(): string;
  stop(): void;
}

/** Streams that remember, an empty environment, and Linux unless said otherwise. */
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
    env,
    platform,
    signal: controller.signal,
    out: () => texts.out,
    err: () => texts.err,
    stop: () => controller.abort(),
  };
}
