/**
 * `npm run eval:scan [-- --drivers DIR] [--brief] [--held-out] [--write-misses]`: precision and recall of the scanner, with every
 * miss and its reason; the misses of held-out sources only where they are asked for.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { projectFile } from '../../data/project-files.ts';
import { CASES, type CaseName, whyMissed } from '../drivers/cases.ts';
import { writeExpectedMisses } from './expected-misses.ts';
import { type ScoredDriver, scoreFolder } from './scan-folder.ts';
import { shownTag } from './score.ts';

const { values } = parseArgs({
  options: {
    drivers: { type: 'string', default: projectFile('test', 'drivers', 'built') },
    brief: { type: 'boolean', default: false },
    'held-out': { type: 'boolean', default: false },
    'write-misses': { type: 'boolean', default: false },
  },
});
const drivers = scoreFolder(path.resolve(values.drivers));
const visible = drivers.filter(({ truth }) => !truth.heldOut);
const heldOut = drivers.filter(({ truth }) => truth.heldOut);

console.log(`${drivers.length} drivers in ${values.drivers}`);
printGroup('visible', visible);
if (heldOut.length > 0) printGroup('held out', heldOut);
if (!values.brief) {
  printMisses();
  printFalseHits();
  printKinds();
}
if (values['write-misses']) writeExpectedMisses(drivers);
process.exitCode = drivers.some(({ falseHits }) => falseHits.length > 0) ? 1 : 0;

/** One table: a row per processor, compiler, level, variant, source and case. */
function printGroup(title: string, group: ScoredDriver[]): void {
  console.log(`\n${title}: ${group.length} drivers`);
  console.log(row('', ['precision', 'recall 1', 'recall 2', 'recall', 'false']));
  printRow('all', group);
  for (const part of ['arch', 'compiler', 'level', 'variant', 'source'] as const) {
    for (const value of [...new Set(group.map(({ name }) => name[part]))].sort()) {
      printRow(
        `${part} ${value}`,
        group.filter(({ name }) => name[part] === value),
      );
    }
  }
  const cases = new Map<string, { stage: number; found: number; all: number }>();
  for (const { hits, misses } of group) {
    for (const { declared } of hits) count(declared.caseName, declared.stage, 1);
    for (const { declared } of misses) count(declared.caseName, declared.stage, 0);
  }
  for (const [name, { stage, found, all }] of [...cases].sort((a, b) => a[1].stage - b[1].stage)) {
    console.log(row(`case ${name} (stage ${stage})`, ['', '', '', ratio(found, all), `${found} of ${all}`]));
  }

  function count(name: string, stage: number, found: number): void {
    const row = cases.get(name) ?? { stage, found: 0, all: 0 };
    cases.set(name, { stage, found: row.found + found, all: row.all + 1 });
  }
}

function printRow(title: string, group: ScoredDriver[]): void {
  const falseHits = sum(group, ({ falseHits }) => falseHits.length);
  const hits = sum(group, driver => driver.hits.length);
  const cells = [ratio(hits, hits + falseHits), recall(1), recall(2), recall(), String(falseHits)];
  console.log(row(title, cells));

  function recall(stage?: number): string {
    const wanted = (item: { declared: { stage: number } }) =>
      stage === undefined || item.declared.stage === stage;
    const found = sum(group, driver => driver.hits.filter(wanted).length);
    return ratio(found, found + sum(group, driver => driver.misses.filter(wanted).length));
  }
}

function printMisses(): void {
  const shown = values['held-out'] ? drivers : visible;
  console.log('\nMisses by case, with the reason (source, tag: drivers)');
  const cases = new Map<CaseName, Map<string, string[]>>();
  for (const { name, misses, file } of shown) {
    for (const { declared, reason } of misses) {
      const lines = cases.get(declared.caseName) ?? new Map<string, string[]>();
      cases.set(declared.caseName, lines);
      const key = `${name.source} ${shownTag(declared.tag)} (${reason})`;
      lines.set(key, [...(lines.get(key) ?? []), file.slice(name.source.length + 1, -4)]);
    }
  }
  for (const [name, lines] of [...cases].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`  ${name} (stage ${CASES[name].stage}): ${whyMissed(name)}`);
    for (const [key, files] of [...lines].sort())
      console.log(`    ${key}: ${files.length}: ${files.join(' ')}`);
  }
  if (!values['held-out'] && heldOut.length > 0) {
    console.log(
      `  and ${sum(heldOut, ({ misses }) => misses.length)} of held-out sources: --held-out names them`,
    );
  }
}

function printFalseHits(): void {
  console.log('\nFalse hits');
  for (const { file, falseHits } of drivers) {
    for (const { tag, bait, reason } of falseHits) {
      console.log(
        `  ${file} ${shownTag(tag)} ${bait === null ? 'not declared' : `bait: ${bait}`}: ${reason}`,
      );
    }
  }
}

function printKinds(): void {
  console.log('\nFound with another kind of evidence than declared');
  for (const { file, hits } of drivers) {
    for (const { declared, kindIsRight, kinds } of hits) {
      if (!kindIsRight)
        console.log(`  ${file} ${shownTag(declared.tag)} ${declared.kind}: ${kinds.join(', ')}`);
    }
  }
}

function row(title: string, cells: string[]): string {
  return title.padEnd(44) + cells.map(cell => cell.padStart(11)).join('');
}

function ratio(part: number, all: number): string {
  return all === 0 ? '-' : (part / all).toFixed(3);
}

function sum<T>(items: T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
