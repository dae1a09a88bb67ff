/** One JSON array with an object per scanned file, the same objects as NDJSON has. */
import { scannedFileJson } from './ndjson.ts';
import { safeJson } from './safe-json.ts';
import type { ScanWriter } from './scan-writer.ts';

/** Writes the array as the files finish; it is complete JSON also where the scan was stopped. */
export function jsonScanWriter(): ScanWriter {
  let isFirst = true;
  return {
    begin: () => '[',
    file: scanned => {
      const separator = isFirst ? '\n' : ',\n';
      isFirst = false;
      return separator + safeJson(scannedFileJson(scanned), 2);
    },
    end: () => '\n]\n',
    remarks: [],
  };
}
