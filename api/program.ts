#!/usr/bin/env node
/** The process around the program: its streams, its signals and its exit code. */
import type { CommandIo } from './commands/command-io.ts';
import { faultReport } from './commands/fault-report.ts';
import { EXIT_STOPPED, isReaderGone } from './commands/run-command.ts';
import { runPooltag } from './commands/run-pooltag.ts';

const stop = new AbortController();
const io: CommandIo = {
  // Touching it opens it, which no command needs that reads nothing.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
  signal: stop.signal,
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stop.signal.aborted) process.exit(EXIT_STOPPED);
    stop.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The command hears of it from its own write, and ends where its results have no reader; a server goes on.
    if (!isReaderGone(error)) throw error;
  });
}
process.on('uncaughtException', error => end(error));
process.on('unhandledRejection', error => end(error));

runPooltag(process.argv.slice(2), io).then(exitCode => {
  // Both streams first: on Windows a pipe is written later, and process.exit would cut the text off.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}, end);

function end(error: unknown): void {
  process.stderr.write(faultReport(error, 'pooltag'), () => process.exit(5));
}
