/** Scans one file from disk in this thread: read, hash, and scanDriver where no earlier scan can be used again. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ScanOutcome } from '../../data/facts.ts';
import type { ScanCache } from '../cache/scan-cache.ts';
import { readDriverFile } from './file-bytes.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';
import { signatureMeans } from './signature-means.ts';
import type { SymbolFiles } from './symbol-files.ts';

export interface FileScanOptions {
  /** Where earlier scans are kept; none without it. */
  cache?: ScanCache;
  /** Where symbols are looked for; nowhere without it. */
  symbolFiles?: SymbolFiles;
  /** Told the size once the bytes are here and are to be scanned. */
  onRead?: (sizeBytes: number) => void;
  /** Asked while the code is searched: whether that is to end with what it has found. */
  isStopped?: () => boolean;
}

/** The outcome for one file of the list. Never rejects. */
export async function scanDriverFile(
  file: ListedFile,
  { cache, symbolFiles, onRead, isStopped }: FileScanOptions = {},
): Promise<ScanOutcome> {
  const fileName = basename(file.path);
  if (file.problem !== undefined) return refused(fileName, file.problem);
  const read = await readDriverFile(file.path, file.isNamed);
  if (!('bytes' in read)) return refused(fileName, read);
  const { bytes, state } = read;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (state !== undefined) cache?.noteFile(state, sha256);
  const pdb = await symbolFiles?.find(file, bytes);
  const inputs = { sha256, fileName, symbols: pdb?.found?.id };
  const kept = cache?.find(inputs);
  if (kept !== undefined) return withRemarks(kept, pdb?.remarks);
  try {
    // The analysis is loaded with the first file that needs it: 35 ms that a run with a filled cache saves.
    const { scanDriver } = await import('../scan-driver.ts');
    const symbols = pdb?.found ? await symbolFiles?.read(pdb.found) : undefined;
    onRead?.(bytes.length);
    const means = { signatures: await signatureMeans(bytes), isStopped };
    if (typeof symbols === 'string') {
      // Not kept: the next PDB with this id may be sound.
      return withRemarks(scanDriver(bytes, { fileName, sha256 }, means), [symbols]);
    }
    const outcome = scanDriver(bytes, { fileName, sha256, symbols }, means);
    if (!isStopped?.()) cache?.keep(inputs, outcome); // the next one may have more time
    return withRemarks(outcome, pdb?.remarks);
  } catch (error) {
    return refused(fileName, {
      code: 'scan-failed',
      message: `The scan failed by a fault of the scanner: ${error instanceof Error ? error.message : error}.`,
    });
  }
}

/** What is said of this place of the file, and so is never kept for another. */
function withRemarks(outcome: ScanOutcome, remarks: readonly string[] = []): ScanOutcome {
  if (outcome.status === 'refused' || remarks.length === 0) return outcome;
  return { ...outcome, remarks: [...outcome.remarks, ...remarks] };
}
