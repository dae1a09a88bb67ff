/** What the two tag list formats have in common: nothing is written before the last file, for the list is sorted. */
import type { ScannedDriver } from '../../data/facts.ts';
import type { WrittenTagList } from '../../data/pooltag-txt-writer.ts';
import type { ScanWriter } from './scan-writer.ts';

/** A writer that gathers the scanned drivers and hands them to `write` at the end. */
export function tagListScanWriter(write: (drivers: readonly ScannedDriver[]) => WrittenTagList): ScanWriter {
  const drivers: ScannedDriver[] = [];
  const remarks: string[] = [];
  return {
    begin: () => '',
    file({ outcome }) {
      if (outcome.status === 'scanned') drivers.push(outcome);
      return '';
    },
    end() {
      const list = write(drivers);
      remarks.push(...list.remarks.map(remark => remark.message));
      return list.text;
    },
    remarks,
  };
}
