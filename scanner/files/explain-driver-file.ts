/** Scans one file from disk and, where asked to, explains one of its tags. What the scan says may come from the cache. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ScannedDriver, ScanOutcome } from '../../data/facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { TagExplanation } from '../explain/tag-explanation.ts';
import { withServices } from '../service-tags.ts';
import { readDriverFile } from './file-bytes.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';
import { type FileScanOptions, scanDriverFile } from './scan-driver-file.ts';

export interface ExplainedFile {
  outcome: ScanOutcome;
  /** Where one was asked for; null where the driver has no site of any of the tags. */
  explanation?: TagExplanation | null;
}

/**
 * The outcome for one file and the explanation of the first of `readings` (the tags that an input may mean) that the
 * driver uses; without readings the scan alone. Never rejects.
 */
export async function explainDriverFile(
  file: ListedFile,
  readings: readonly PoolTag[] | undefined,
  options: FileScanOptions = {},
): Promise<ExplainedFile> {
  let outcome = await scanDriverFile(file, options);
  if (outcome.status === 'scanned' && file.services) outcome = withServices(outcome, file.services);
  if (readings === undefined) return { outcome };
  const tag = outcome.status === 'scanned' ? tagOf(outcome, readings) : undefined;
  if (outcome.status === 'refused' || tag === undefined) return { outcome, explanation: null };
  try {
    return await explainScanned(file, outcome, tag, options);
  } catch (error) {
    const message = `The explanation failed by a fault of the scanner: ${error instanceof Error ? error.message : error}.`;
    return { outcome: refused(basename(file.path), { code: 'scan-failed', message }), explanation: null };
  }
}

/** A tag that is used wins over one of which there are only the bytes. */
function tagOf({ sightings }: ScannedDriver, readings: readonly PoolTag[]): PoolTag | undefined {
  const used = new Set(
    sightings.flatMap(({ tag, evidence }) => (evidence[0]?.kind === 'literal' ? [] : [tag])),
  );
  return readings.find(tag => used.has(tag)) ?? readings.find(tag => sightings.some(one => one.tag === tag));
}

async function explainScanned(
  file: ListedFile,
  outcome: ScannedDriver,
  tag: PoolTag,
  { symbolFiles, onRead }: FileScanOptions,
): Promise<ExplainedFile> {
  const fileName = basename(file.path);
  // The scan may have come from the cache, and its buffer may hold another file by now.
  const read = await readDriverFile(file.path, file.isNamed);
  if (!('bytes' in read)) return { outcome: refused(fileName, read), explanation: null };
  const { bytes } = read;
  if (createHash('sha256').update(bytes).digest('hex') !== outcome.driver.sha256) {
    const message = 'The file changed while it was read; scan it again.';
    return { outcome: refused(fileName, { code: 'unreadable', message }), explanation: null };
  }
  onRead?.(bytes.length);
  const found = (await symbolFiles?.find(file, bytes))?.found;
  const symbols = found ? await symbolFiles?.read(found) : undefined;
  const { explainTag } = await import('../explain-tag.ts');
  const named = typeof symbols === 'string' ? undefined : symbols;
  return { outcome, explanation: (await explainTag(bytes, outcome, tag, named)) ?? null };
}
