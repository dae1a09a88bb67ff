/** The table of tags that this stage of the scanner is known to miss: one line per source and tag, with the drivers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { projectFile } from '../../data/project-files.ts';
import type { ScoredDriver } from './scan-folder.ts';
import { shownTag } from './score.ts';

const tableFile = projectFile('test', 'eval', 'expected-misses.txt');
const HEADING = `# Tags of a later stage that the scanner does not find yet, by name: source, tag, case, then the builds that hold it.
# npm run eval:scan -- --write-misses writes this table anew; a test fails when it is not true, in either direction.
`;

/** `file tag` of every expected miss. */
export function expectedMisses(): Set<string> {
  const entries = new Set<string>();
  for (const line of readFileSync(tableFile, 'utf8').split('\n')) {
    const parts = /^([\w-]+) (".*?"|\S+) [\w-]+: (.*)$/.exec(line);
    if (parts === null) continue;
    for (const build of parts[3].split(' ')) entries.add(`${parts[1]}.${build}.sys ${parts[2]}`);
  }
  return entries;
}

/** What the scanner misses of stage 2, in the form of {@link expectedMisses}. */
export function actualMisses(drivers: readonly ScoredDriver[]): Set<string> {
  const entries = new Set<string>();
  for (const { file, misses } of drivers) {
    for (const { declared } of misses)
      if (declared.stage === 2) entries.add(`${file} ${shownTag(declared.tag)}`);
  }
  return entries;
}

/** Writes the table from a run over the committed drivers. */
export function writeExpectedMisses(drivers: readonly ScoredDriver[]): void {
  const lines = new Map<string, string[]>();
  for (const { file, name, misses } of drivers) {
    for (const { declared } of misses) {
      if (declared.stage !== 2) continue;
      const key = `${name.source} ${shownTag(declared.tag)} ${declared.caseName}`;
      lines.set(key, [...(lines.get(key) ?? []), file.slice(name.source.length + 1, -'.sys'.length)]);
    }
  }
  const rows = [...lines].sort().map(([key, builds]) => `${key}: ${builds.join(' ')}`);
  writeFileSync(tableFile, `${HEADING}${rows.join('\n')}\n`);
}
