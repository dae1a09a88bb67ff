/** Scan results for people: a table per driver, with what the tag lists say beside what was seen. */
import type { DriverIdentity, KnowledgeEntry, ScannedDriver, TagSighting } from '../../data/facts.ts';
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { headline } from '../answer-summary.ts';
import { evidenceInWords, placeText, strongestEvidence } from '../evidence-words.ts';
import { canonicalFile, imageFiles, namesNobody } from '../image-names.ts';
import { otherTagWords } from '../other-tag-words.ts';
import { servicesInWords } from '../service-words.ts';
import { alignColumns, escapeControls, type Style } from '../terminal-text.ts';
import { identityLines } from './identity-text.ts';
import type { ScanWriter } from './scan-writer.ts';

/** They are told in one line, and are not what was asked for. */
const MAX_OTHER_TAGS = 8;

export interface ScanTextOptions {
  style: Style;
  /** What the lists say of a tag: its own entries, else those of the wildcard entry that covers it. */
  entriesFor(tag: PoolTag): readonly KnowledgeEntry[];
}

/** Writes a block per driver; a refused file is no result and stands in no block. */
export function textScanWriter({ style, entriesFor }: ScanTextOptions): ScanWriter {
  return {
    begin: () => '',
    file: ({ file, outcome, sameAs }) => {
      if (outcome.status === 'refused') return '';
      if (sameAs !== undefined) return copyBlock(file, sameAs, outcome, style);
      return driverBlock(file, outcome, style, entriesFor);
    },
    end: () => '',
    remarks: [],
  };
}

function driverBlock(
  file: string,
  scanned: ScannedDriver,
  style: Style,
  entriesFor: ScanTextOptions['entriesFor'],
): string {
  const { driver, sightings, remarks, partial, services } = scanned;
  const rows = sightings.map(sighting => sightingRow(sighting, driver, style, entriesFor(sighting.tag)));
  const lines = [
    `${style.bold(escapeControls(driver.fileName))}  ${escapeControls(identityText(driver))}`,
    style.dim(escapeControls(file)),
    ...identityLines(driver, style),
    ...serviceLines(services),
    ...alignColumns(rows).map(line => `  ${line}`),
    ...(sightings.length === 0 ? ['  no pool tag seen'] : []),
    ...otherTagLines(scanned),
    ...remarks.map(remark => `  ${style.yellow('remark')}  ${escapeControls(remark)}`),
  ];
  if (partial) lines.push(`  ${style.yellow('partial')}  a limit was reached: there may be more tags`);
  return `${lines.join('\n')}\n\n`;
}

/** A file that was shown already, under another path. */
function copyBlock(file: string, sameAs: string, { driver, services }: ScannedDriver, style: Style): string {
  const lines = [
    `${style.bold(escapeControls(driver.fileName))}  the same file as ${escapeControls(sameAs)}`,
    style.dim(escapeControls(file)),
    ...serviceLines(services),
  ];
  return `${lines.join('\n')}\n\n`;
}

function serviceLines(services: ScannedDriver['services']): string[] {
  return services === undefined ? [] : [`  ${escapeControls(servicesInWords(services))}`];
}

function otherTagLines({ sightings, otherTags = [] }: ScannedDriver): string[] {
  if (otherTags.length === 0) return [];
  const poolTags = new Set(sightings.map(({ tag }) => tag));
  const shown = otherTags
    .slice(0, MAX_OTHER_TAGS)
    .map(other => `${tagText(other.tag)} (${otherTagWords(other, poolTags.has(other.tag))})`);
  const left = otherTags.length - shown.length;
  const more = left === 0 ? '' : ` and ${left} more; --format json lists them all`;
  return [`  not pool tags: ${shown.join(', ')}${more}`];
}

function identityText({ arch, version, description, company }: DriverIdentity): string {
  return [arch, version, description, company].filter(fact => fact !== null).join(', ');
}

function sightingRow(
  sighting: TagSighting,
  driver: DriverIdentity,
  style: Style,
  entries: readonly KnowledgeEntry[],
): string[] {
  const best = strongestEvidence(sighting.evidence);
  const sites = sighting.evidence.length;
  const seen = best === undefined ? 'seen' : evidenceInWords(best);
  const first =
    best?.rva === undefined ? '' : `${sites > 1 ? 'first ' : ''}at ${placeText(best.rva, best.symbol)}`;
  return [
    style.bold(tagText(sighting.tag)),
    `${seen}${sighting.protected ? ' (protected)' : ''}${sighting.isPattern ? ' (one character is computed)' : ''}`,
    `${sites} ${sites === 1 ? 'site' : 'sites'}`,
    style.dim(first),
    listedText(entries, driver, style),
  ];
}

function listedText(entries: readonly KnowledgeEntry[], driver: DriverIdentity, style: Style): string {
  if (entries.length === 0) return style.cyan('in no list');
  const files = [driver.fileName, driver.originalName ?? ''].map(canonicalFile);
  const own = entries.find(entry => imageFiles(entry.image).some(file => files.includes(file)));
  const named = own ?? entries.find(entry => namesNobody(entry.image)) ?? entries[0];
  const told = headline(named.meaning);
  const meaning = told === null ? '' : `: ${escapeControls(told)}`;
  if (named.image === null || namesNobody(named.image)) return `listed${meaning}`;
  const listed = `listed for ${escapeControls(named.image)}${meaning}`;
  return own === undefined ? style.yellow(`${listed} (another owner)`) : listed;
}
