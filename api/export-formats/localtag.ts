/** localtag.txt: which tags the drivers of a computer use, in the form that PoolMon and WinDbg read. */
import { localtagFacts } from '../../data/localtag-facts.ts';
import { writeLocaltagTxt } from '../../data/pooltag-txt-writer.ts';
import type { ScanWriter } from './scan-writer.ts';
import { tagListScanWriter } from './tag-list-scan-writer.ts';

/** Writes the whole list at the end, by tag; tags without proof are not among them. */
export function localtagScanWriter(): ScanWriter {
  return tagListScanWriter(drivers => writeLocaltagTxt(localtagFacts(drivers)));
}
