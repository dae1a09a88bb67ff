/** Scans every test driver of a folder and scores it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fg from 'fast-glob';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { type DriverName, parseDriverName, type SourceTruth, truthOf } from '../drivers/truth.ts';
import { type Score, scoreDriver } from './score.ts';

export interface ScoredDriver extends Score {
  file: string;
  name: DriverName;
  truth: SourceTruth;
  elapsedMs: number;
  sizeBytes: number;
}

/** Throws for a file that is refused or is no test driver: both mean that the corpus is broken. */
export function scoreFolder(folder: string): ScoredDriver[] {
  const files = fg.sync('*.sys', { cwd: folder }).sort();
  if (files.length === 0) throw new Error(`No .sys files in ${folder}.`);
  return files.map(file => scoreFile(folder, file));
}

function scoreFile(folder: string, file: string): ScoredDriver {
  const name = parseDriverName(file);
  if (name === undefined) throw new Error(`${file} is not named like a test driver.`);
  const bytes = readFileSync(path.join(folder, file));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const truth = truthOf(name);
  const began = performance.now();
  const outcome = scanDriver(new Uint8Array(bytes), { fileName: truth.imageName ?? file, sha256 });
  const elapsedMs = performance.now() - began;
  if (outcome.status === 'refused') throw new Error(`${file} was refused: ${outcome.reason.message}`);
  return { file, name, truth, elapsedMs, sizeBytes: bytes.length, ...scoreDriver(outcome, truth) };
}
