/** pooltag.txt: tags with their owners and what the memory is for, in the form that PoolMon and WinDbg read. */
import type { KnowledgeEntry, ScannedDriver } from '../../data/facts.ts';
import { localtagFacts } from '../../data/localtag-facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import { type TagListFact, writePooltagTxt } from '../../data/pooltag-txt-writer.ts';
import { canonicalFile, imageFiles } from '../image-names.ts';
import type { ScanWriter } from './scan-writer.ts';
import { tagListScanWriter } from './tag-list-scan-writer.ts';

/** Writes the tags that the drivers use, with the lists' words where they name the same driver. */
export function pooltagScanWriter(entriesFor: (tag: PoolTag) => readonly KnowledgeEntry[]): ScanWriter {
  return tagListScanWriter(drivers => writePooltagTxt(listedFacts(drivers, entriesFor)));
}

function* listedFacts(
  drivers: Iterable<ScannedDriver>,
  entriesFor: (tag: PoolTag) => readonly KnowledgeEntry[],
): Generator<TagListFact> {
  for (const fact of localtagFacts(drivers)) {
    const file = canonicalFile(fact.image ?? '');
    const own = entriesFor(fact.tag as PoolTag).find(entry => imageFiles(entry.image).includes(file));
    yield own?.meaning ? { ...fact, meaning: own.meaning } : fact;
  }
}
