/** pruneFolder: keeps one folder of the cache within its bound; what was used longest ago goes first. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a small file takes of a disk at least. */
const BLOCK_BYTES = 4096;
/** How much of the bound is left full, so that the next entry does not prune again. */
const KEPT_SHARE = 3 / 4;
/** A draft this old belongs to a process that was ended. */
const DRAFT_LIFETIME_MS = 60 * 60 * 1000;
/** An entry, or the draft of one. Nothing else is ours to remove. */
const OWN_NAME = /^[0-9a-f]{64}(\.\d+-\d+-\d+\.tmp)?$/;

interface Entry {
  path: string;
  sizeBytes: number;
  usedMs: number;
}

/** Removes entries of a folder until they take up less than `maxBytes`. Never throws: another process may do the same. */
export function pruneFolder(folder: string, maxBytes: number): void {
  const entries = entriesOf(folder).sort((a, b) => a.usedMs - b.usedMs);
  let totalBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes <= maxBytes) return;
  for (const { path, sizeBytes } of entries) {
    if (totalBytes <= maxBytes * KEPT_SHARE) return;
    removeEntry(path);
    totalBytes -= sizeBytes;
  }
}

function entriesOf(folder: string): Entry[] {
  const entries: Entry[] = [];
  try {
    for (const name of readdirSync(folder)) {
      if (!OWN_NAME.test(name)) continue;
      const path = join(folder, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined || !stats.isFile()) continue;
      if (name.endsWith('.tmp') && Date.now() - stats.mtimeMs > DRAFT_LIFETIME_MS) removeEntry(path);
      else entries.push({ path, sizeBytes: onDisk(stats.size), usedMs: stats.mtimeMs });
    }
  } catch {
    // A folder that cannot be listed stays as it is.
  }
  return entries;
}

function onDisk(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Removes a file if it can be removed; never throws. */
export function removeEntry(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Held open by another process, or its parent may not be written: it stays.
  }
}
