/** What can be taken out whole: all tags as a list for PoolMon and WinDbg, as a table, or as JSON lines. */
import type { TagRecord } from '../data/facts.ts';
import { localtagFacts } from '../data/localtag-facts.ts';
import { type TagListFact, writeLocaltagTxt, writePooltagTxt } from '../data/pooltag-txt-writer.ts';
import { sightingStrength } from './answer-owners.ts';
import type { Catalogue } from './catalogue.ts';
import { recordsAsCsv } from './export-formats/csv.ts';
import { recordsAsNdjson } from './export-formats/ndjson.ts';
import { canonicalFile, imageFiles, ownerKey } from './image-names.ts';
import type { ExportName } from './schemas.ts';

/** An export: its media type, and its text in pieces, made while they are sent. */
export interface Export {
  contentType: string;
  text(catalogue: Catalogue): Iterable<string>;
}

/** Every export by its file name. */
export const EXPORTS: Record<ExportName, Export> = {
  'pooltag.txt': {
    contentType: 'text/plain; charset=us-ascii',
    text: catalogue => [writePooltagTxt(pooltagFacts(catalogue.records())).text],
  },
  'localtag.txt': {
    contentType: 'text/plain; charset=us-ascii',
    text: catalogue => [writeLocaltagTxt(localtagFacts(catalogue.allDrivers())).text],
  },
  'tags.csv': {
    contentType: 'text/csv; charset=utf-8; header=present',
    text: catalogue => recordsAsCsv(catalogue.records()),
  },
  'tags.ndjson': {
    contentType: 'application/x-ndjson; charset=utf-8',
    text: catalogue => recordsAsNdjson(catalogue.records()),
  },
};

/** One fact per tag and owner: what lists say first, then drivers that no list names for the tag. */
function* pooltagFacts(records: Iterable<TagRecord>): Generator<TagListFact> {
  for (const { tag, isPattern, knowledge, sightings } of records) {
    const owners = new Set<string>();
    const files = new Set<string>();
    for (const { image, meaning } of knowledge) {
      const owner = image === null ? '' : ownerKey(image);
      if (owners.has(owner)) continue;
      owners.add(owner);
      for (const file of imageFiles(image)) files.add(file);
      yield { tag, isPattern, image, meaning };
    }
    for (const sighting of sightings) {
      const { fileName, description, product } = sighting.driver;
      const file = canonicalFile(fileName);
      if (files.has(file) || sightingStrength(sighting) === 'bytes-only') continue;
      files.add(file);
      yield { tag, isPattern, image: fileName, meaning: description ?? product };
    }
  }
}
