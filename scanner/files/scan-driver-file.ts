/** Scans one file from disk in this thread: read, hash, and scanDriver where no earlier scan can be used again. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ScanOutcome } from '../../data/facts.ts';
import type { ScanCache } from '../cache/scan-cache.ts';
import { readDriverFile } from './file-bytes.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';
import { signatureMeans } from './signature-means.ts';

export interface FileScanOptions {
  /** Where earlier scans are kept; none without it. */
  cache?: ScanCache;
  /** Told the size once the bytes are here and are to be scanned. */
  onRead?: (sizeBytes: number) => void;
}

/** The outcome for one file of the list. Never rejects. */
export async function scanDriverFile(
  file: ListedFile,
  { cache, onRead }: FileScanOptions = {},
): Promise<ScanOutcome> {
  const fileName = basename(file.path);
  const bytes = file.problem ?? readDriverFile(file.path, file.isNamed);
  if (!(bytes instanceof Uint8Array)) return refused(fileName, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const inputs = { sha256, fileName };
  const kept = cache?.find(inputs);
  if (kept !== undefined) return kept;
  try {
    // The analysis is loaded with the first file that needs it: 35 ms that a run with a filled cache saves.
    const { scanDriver } = await import('../scan-driver.ts');
    onRead?.(bytes.length);
    const signatures = await signatureMeans(bytes);
    const outcome = scanDriver(bytes, { fileName, sha256 }, { signatures });
    cache?.keep(inputs, outcome);
    return outcome;
  } catch (error) {
    return refused(fileName, {
      code: 'scan-failed',
      message: `The scan failed by a fault of the scanner: ${error instanceof Error ? error.message : error}.`,
    });
  }
}
