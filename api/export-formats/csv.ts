/** Comma-separated values for spreadsheets: quoted after RFC 4180, with cells that a spreadsheet would run made harmless. */
import { strengthOf, type TagRecord } from '../../data/facts.ts';
import { tagText } from '../../data/pool-tag.ts';
import type { ScannedFile } from '../../scanner/driver-files.ts';
import { addressText, strongestEvidence } from '../evidence-words.ts';
import type { ScanWriter } from './scan-writer.ts';

type Cell = string | number | null | undefined;

const SCAN_COLUMNS = [
  'tag',
  'id',
  'file',
  'sha256',
  'arch',
  'company',
  'product',
  'version',
  'kind',
  'api',
  'rva',
  'sites',
];
const RECORD_COLUMNS = [
  'tag',
  'id',
  'strength',
  'image',
  'component',
  'meaning',
  'source',
  'sha256',
  'arch',
  'company',
  'product',
  'version',
  'sites',
];

/** Writes the header and one row per file and tag; kind, function and address are those of the strongest evidence. */
export function csvScanWriter(): ScanWriter {
  return {
    begin: () => csvLine(SCAN_COLUMNS),
    file: scanned => scanRows(scanned).map(csvLine).join(''),
    end: () => '',
    remarks: [],
  };
}

function scanRows({ file, outcome }: ScannedFile): Cell[][] {
  if (outcome.status === 'refused') return [];
  const { sha256, arch, company, product, version } = outcome.driver;
  return outcome.sightings.map(({ tag, id, evidence }) => {
    const best = strongestEvidence(evidence);
    const rva = best?.rva === undefined ? null : addressText(best.rva);
    const identity = [file, sha256, arch, company, product, version];
    return [tagText(tag), id, ...identity, best?.kind, best?.api, rva, evidence.length];
  });
}

/** The header, then one row for each owner that a list names and each driver that was seen with the tag. */
export function* recordsAsCsv(records: Iterable<TagRecord>): Generator<string> {
  yield csvLine(RECORD_COLUMNS);
  for (const { tag, id, knowledge, sightings } of records) {
    const shown = tagText(tag);
    let rows = '';
    for (const { image, component, meaning, list } of knowledge) {
      rows += csvLine([shown, id, 'written', image, component, meaning, list, ...Array<Cell>(6)]);
    }
    for (const { driver, kinds, sites } of sightings) {
      const { fileName, description, sha256, arch, company, product, version } = driver;
      const strength = kinds.length > 0 ? strengthOf(kinds[0]) : null;
      const source = driver.isSample ? 'sample driver' : 'scan';
      const identity = [sha256, arch, company, product, version];
      rows += csvLine([shown, id, strength, fileName, null, description, source, ...identity, sites]);
    }
    if (rows !== '') yield rows;
  }
}

/** One line. A line feed ends it: every spreadsheet takes it, and so do line tools. */
export function csvLine(cells: readonly Cell[]): string {
  return `${Array.from(cells, csvCell).join(',')}\n`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a spreadsheet skips control characters and runs what follows
const RUNS_IN_SPREADSHEETS = /^[=+\-@\u0000-\u001f\u007f-\u009f]/;

function csvCell(cell: Cell): string {
  if (typeof cell === 'number') return String(cell);
  const text = RUNS_IN_SPREADSHEETS.test(cell ?? '') ? `'${cell}` : (cell ?? '');
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
