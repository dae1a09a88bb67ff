/**
 * Loaded before the analysis: has V8 compile a function when it has run for longer than usual, so that more of its ways
 * have been seen by then. Code that is compiled for half of them is thrown away when the others come, and a process that
 * scans and ends spends a third of its time on compiling again. Later versions of V8 count otherwise and need no advice.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode; V8 11, which is that of Node 20, takes 67,584. */
const INTERRUPT_BUDGET = 300_000;

if (process.versions.v8.startsWith('11.')) setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
