/** Scans one file from disk in this thread: read, hash, scanDriver. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ScanOutcome } from '../../data/facts.ts';
import { scanDriver } from '../scan-driver.ts';
import { readDriverFile } from './file-bytes.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';

/** The outcome for one file of the list. `onRead` is told the size once the bytes are here and the scan begins. */
export function scanDriverFile(file: ListedFile, onRead?: (sizeBytes: number) => void): ScanOutcome {
  const fileName = basename(file.path);
  const bytes = file.problem ?? readDriverFile(file.path, file.isNamed);
  if (!(bytes instanceof Uint8Array)) return refused(fileName, bytes);
  onRead?.(bytes.length);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  try {
    return scanDriver(bytes, { fileName, sha256 });
  } catch (error) {
    return refused(fileName, {
      code: 'scan-failed',
      message: `The scan failed by a fault of the scanner: ${error instanceof Error ? error.message : error}.`,
    });
  }
}
