/** Times the steps of a scan one by one, all in this thread. */
import '../../scanner/compiler-advice.ts';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { analyseCode } from '../../scanner/code/analyse-code.ts';
import { indexX86Code } from '../../scanner/code/bytes/code-index.ts';
import { findArm64Literals, findX86Literals } from '../../scanner/code/bytes/literals.ts';
import { mapFunctions } from '../../scanner/code/functions/function-map.ts';
import { indexArm64Code } from '../../scanner/code/processors/arm64/arm64-index.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';

export const STAGES = [
  'read + sha256',
  'headers, tables',
  'index',
  'function map',
  'literals',
  'call sites',
  'whole scan',
] as const;
export type StageTimes = Record<(typeof STAGES)[number], number>;

/** Milliseconds for each stage over all files; files that are no drivers count as read and refused. */
export function timeStages(paths: readonly string[]): StageTimes {
  const ms: StageTimes = {
    'read + sha256': 0,
    'headers, tables': 0,
    index: 0,
    'function map': 0,
    literals: 0,
    'call sites': 0,
    'whole scan': 0,
  };
  for (const path of paths) {
    const { bytes, sha256 } = timed('read + sha256', () => readAndHash(path));
    timed('whole scan', () => scanDriver(bytes, { fileName: basename(path), sha256 }));
    const image = timed('headers, tables', () => readDriverImage(bytes));
    if ('code' in image) continue;
    const isArm64 = image.arch === 'arm64';
    const before = ms.index + ms['function map'] + ms.literals;
    const index = timed('index', () => (isArm64 ? indexArm64Code : indexX86Code)(image));
    timed('function map', () => mapFunctions(image, index));
    timed('literals', () => (isArm64 ? findArm64Literals : findX86Literals)(image));
    timed('call sites', () => analyseCode(image, basename(path)));
    // The analysis as a whole was timed: the steps before it are taken off.
    ms['call sites'] -= ms.index + ms['function map'] + ms.literals - before;
  }
  return ms;

  function timed<T>(stage: keyof StageTimes, work: () => T): T {
    const startedMs = performance.now();
    const result = work();
    ms[stage] += performance.now() - startedMs;
    return result;
  }
}

/** The least that any scanner does with a file. */
export function readAndHash(path: string): { bytes: Uint8Array; sha256: string } {
  const bytes = new Uint8Array(readFileSync(path));
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
