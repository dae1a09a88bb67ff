#!/usr/bin/env node
/** Where the process begins: what takes longest to start is started, then the program is loaded beside it. */
import { availableParallelism } from 'node:os';
import { isFolder, startScanThread } from '../scanner/files/scan-thread.ts';

if (process.argv[2] === 'scan') await startThreads(process.argv.slice(3));
await import('./program.ts');

/** One for files. A folder is work for two, but where its drivers were scanned before, there may be none for any. */
async function startThreads(args: readonly string[]): Promise<void> {
  if (!args.some(isFolder)) return startScanThread();
  const { hasKeptScans } = await import('./user-folders.ts');
  if (hasKeptScans(args, process.env)) return;
  startScanThread();
  if (availableParallelism() > 1) startScanThread();
}
