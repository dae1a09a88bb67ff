/**
 * `npm run eval:knowledge -- LIST...`: how far the bundled knowledge covers published lists in the form of pooltag.txt
 * (which are not part of the project): tags, wildcard entries, owners, and wording that is not ours.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KnowledgeEntry } from '../../data/facts.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import { copiedWording, sameWithoutNames } from '../../data/lint/wording.ts';
import { readTagList } from '../../data/pooltag-txt.ts';
import { agreesOnOwner, type Disagreement } from './owner-agreement.ts';
import { shownTag } from './score.ts';

const files = process.argv.slice(2);
const { entries, components } = loadKnowledge();
const ours = new Map<string, KnowledgeEntry[]>();
for (const entry of entries) ours.set(entry.tag, [...(ours.get(entry.tag) ?? []), entry]);

printMeanings();
const copied = new Map<string, string>();
const differences: (Disagreement & { list: string })[] = [];
console.log('\nlist                    exact tags        wildcards       owners that agree');
for (const file of files) printCoverage(file);
printDifferences();
printCopied();

/** Share of absent meanings, and meanings that say the same once names are out. */
function printMeanings(): void {
  const tags = [...ours.values()].map(([first]) => first);
  const absent = tags.filter(({ meaning }) => meaning === null).length;
  console.log(
    `${tags.length} tags and wildcards of our own; without a meaning: ${absent} (${percent(absent, tags.length)})`,
  );
  const titles = new Map(components.map(({ id, title }) => [id, title]));
  const groups = sameWithoutNames(
    tags.flatMap(({ tag, meaning, component }) =>
      meaning === null ? [] : [{ tag, meaning, title: titles.get(component ?? '') ?? '' }],
    ),
  );
  console.log(`Meanings that equal another once names are taken out: ${groups.flat().length}`);
  for (const group of groups)
    console.log(`  ${group.map(({ tag, meaning }) => `${shownTag(tag)} "${meaning}"`).join('  =  ')}`);
}

function printCoverage(file: string): void {
  const list = path.basename(file);
  const theirs = new Map<string, KnowledgeEntry[]>();
  for (const entry of readTagList(readFileSync(file), list).entries)
    theirs.set(entry.tag, [...(theirs.get(entry.tag) ?? []), entry]);
  const exact = { found: 0, all: 0 };
  const wild = { found: 0, all: 0 };
  const owners = { found: 0, all: 0 };
  const missing: string[] = [];
  for (const [tag, lines] of theirs) {
    const row = lines[0].isPattern ? wild : exact;
    row.all++;
    const known = ours.get(tag);
    if (known === undefined) {
      missing.push(shownTag(tag));
      continue;
    }
    row.found++;
    for (const { image, meaning } of lines) {
      if (meaning !== null) noteWording(tag, known, meaning);
      if (image === null) continue;
      owners.all++;
      const difference = agreesOnOwner(tag, image, known);
      if (difference === undefined) owners.found++;
      else differences.push({ ...difference, list });
    }
  }
  const cell = ({ found, all }: { found: number; all: number }) =>
    `${found} of ${all} (${percent(found, all)})`.padEnd(20);
  console.log(`${list.padEnd(20)} ${cell(exact)} ${cell(wild)} ${cell(owners)}`);
  if (missing.length > 0) console.log(`  missing: ${missing.join(' ')}`);
}

function noteWording(tag: string, known: readonly KnowledgeEntry[], line: string): void {
  for (const { meaning } of known) {
    const kind = meaning === null ? undefined : copiedWording(meaning, line);
    if (kind !== undefined) copied.set(tag, `${shownTag(tag)}  ${kind}  "${meaning}"`);
  }
}

function printDifferences(): void {
  console.log(
    `\nOwners that differ, with our reason: ${new Set(differences.map(({ tag }) => tag)).size} tags`,
  );
  const seen = new Set<string>();
  for (const { tag, theirs, ours: own, reason } of differences) {
    const line = `  ${shownTag(tag)}  ${theirs} there, ${own} here: ${reason}`;
    if (!seen.has(line)) console.log(line);
    seen.add(line);
  }
}

function printCopied(): void {
  console.log(
    `\nMeanings in the words of a list: ${copied.size} (${percent(copied.size, ours.size)} of ${ours.size})`,
  );
  for (const line of [...copied.values()].sort()) console.log(`  ${line}`);
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}
