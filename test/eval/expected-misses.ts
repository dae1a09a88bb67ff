/** The table of tags that this stage of the scanner is known to miss: by case with its reason, one line per source and tag. */
import { readFileSync, writeFileSync } from 'node:fs';
import { projectFile } from '../../data/project-files.ts';
import { type CaseName, whyMissed } from '../drivers/cases.ts';
import type { ScoredDriver } from './scan-folder.ts';
import { shownTag } from './score.ts';

const tableFile = projectFile('test', 'eval', 'expected-misses.txt');
const HEADING = `# Tags of a later stage that the scanner does not find yet, by case and name: source, tag, case, then the builds that hold it.
# Of held-out sources only how many each build misses: who tunes the scanner is not to know which (eval:scan -- --held-out says).
# npm run eval:scan -- --write-misses writes this table anew; a test fails when it is not true, in either direction.
`;

/** `file tag` of every expected miss; `file misses N` for a held-out source. */
export function expectedMisses(): Set<string> {
  const entries = new Set<string>();
  for (const line of readFileSync(tableFile, 'utf8').split('\n')) {
    const counted = /^([\w-]+) misses (\d+): (.*)$/.exec(line);
    for (const build of counted?.[3].split(' ') ?? [])
      entries.add(countOf(`${counted?.[1]}.${build}.sys`, Number(counted?.[2])));
    const named = /^([\w-]+) (".*?"|\S+) [\w-]+: (.*)$/.exec(line);
    if (counted !== null || named === null) continue;
    for (const build of named[3].split(' ')) entries.add(`${named[1]}.${build}.sys ${named[2]}`);
  }
  return entries;
}

/** What the scanner misses of stage 2, in the form of {@link expectedMisses}. */
export function actualMisses(drivers: readonly ScoredDriver[]): Set<string> {
  const entries = new Set<string>();
  for (const driver of drivers) {
    const late = lateMisses(driver);
    if (!driver.truth.heldOut)
      for (const { declared } of late) entries.add(`${driver.file} ${shownTag(declared.tag)}`);
    else if (late.length > 0) entries.add(countOf(driver.file, late.length));
  }
  return entries;
}

/** Writes the table from a run over the committed drivers. */
export function writeExpectedMisses(drivers: readonly ScoredDriver[]): void {
  const cases = new Map<CaseName, Map<string, string[]>>();
  const counts = new Map<string, string[]>();
  for (const driver of drivers) {
    const { file, name, truth } = driver;
    const build = file.slice(name.source.length + 1, -'.sys'.length);
    const late = lateMisses(driver);
    if (truth.heldOut) {
      if (late.length > 0) add(counts, `${name.source} misses ${late.length}`, build);
      continue;
    }
    for (const { declared } of late) {
      const rows = cases.get(declared.caseName) ?? new Map<string, string[]>();
      cases.set(declared.caseName, rows);
      add(rows, `${name.source} ${shownTag(declared.tag)} ${declared.caseName}`, build);
    }
  }
  const blocks = [...cases]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => `\n# ${name}: ${whyMissed(name)}.\n${linesOf(rows)}`);
  writeFileSync(tableFile, `${HEADING}${blocks.join('')}\n# Held out.\n${linesOf(counts)}`);
}

function lateMisses({ misses }: ScoredDriver): ScoredDriver['misses'] {
  return misses.filter(({ declared }) => declared.stage === 2);
}

function countOf(file: string, count: number): string {
  return `${file} misses ${count}`;
}

function add(rows: Map<string, string[]>, key: string, build: string): void {
  rows.set(key, [...(rows.get(key) ?? []), build]);
}

function linesOf(rows: ReadonlyMap<string, string[]>): string {
  return [...rows]
    .sort()
    .map(([key, builds]) => `${key}: ${builds.join(' ')}\n`)
    .join('');
}
