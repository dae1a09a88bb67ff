#!/usr/bin/env node
/** Where the process begins: what takes longest to start is started, then the program is loaded beside it. */
import { startScanThreads } from '../scanner/files/scan-thread.ts';

if (process.argv[2] === 'scan') startScanThreads(process.argv.slice(3));
await import('./program.ts');
