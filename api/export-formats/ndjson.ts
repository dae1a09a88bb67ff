/** Newline-delimited JSON: one object per file of a scan, or per record of the index. */
import type { TagRecord } from '../../data/facts.ts';
import type { ScannedFile } from '../../scanner/driver-files.ts';
import { safeJson } from './safe-json.ts';
import type { ScanWriter } from './scan-writer.ts';

/** Writes one line per file, in the order the files finish. */
export function ndjsonScanWriter(): ScanWriter {
  return {
    begin: () => '',
    file: scanned => `${safeJson(scannedFileJson(scanned))}\n`,
    end: () => '',
    remarks: [],
  };
}

/** The object that stands for one file in JSON and NDJSON; addresses are numbers. */
export function scannedFileJson({ file, outcome, explanation, elapsedMs, sameAs }: ScannedFile): object {
  const { status } = outcome;
  if (status === 'refused') {
    const { code, message } = outcome.reason;
    return { file, status, reason: { code, message } };
  }
  const { fileName, sha256, sizeBytes, arch, linkDate, ...rest } = outcome.driver;
  const { company, product, description, version, originalName, pdbName, ...others } = rest;
  return {
    file,
    status,
    driver: {
      fileName,
      sha256,
      sizeBytes,
      arch,
      linkDate,
      company,
      product,
      description,
      version,
      originalName,
      pdbName,
      ...others,
    },
    sightings: outcome.sightings.map(sighting => ({
      tag: sighting.tag,
      id: sighting.id,
      isPattern: sighting.isPattern,
      protected: sighting.protected,
      evidence: sighting.evidence,
    })),
    otherTags: outcome.otherTags,
    remarks: outcome.remarks,
    partial: outcome.partial,
    elapsedMs: Math.round(elapsedMs * 10) / 10,
    services: outcome.services,
    sameAs,
    explanation,
  };
}

/** One line per record: a tag or wildcard entry with all that is known and seen. */
export function* recordsAsNdjson(records: Iterable<TagRecord>): Generator<string> {
  for (const { tag, id, isPattern, knowledge, sightings, articleIds } of records) {
    yield `${safeJson({ tag, id, isPattern, knowledge, sightings, articleIds })}\n`;
  }
}
