/** The scanner on the test drivers: what their sources declare is found, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import fg from 'fast-glob';
import { type Evidence, strengthOf } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { sourceFiles } from '../drivers/truth.ts';
import { actualMisses, expectedMisses } from '../eval/expected-misses.ts';
import { type ScoredDriver, scoreFolder } from '../eval/scan-folder.ts';
import { shownTag } from '../eval/score.ts';

const LEAST_RECALL = 0.95;
const folder = projectFile('test', 'drivers', 'built');
const drivers = scoreFolder(folder);
const heldOut = drivers.filter(({ truth }) => truth.heldOut);
const visible = drivers.filter(({ truth }) => !truth.heldOut);

test('Every source has drivers for x86 and x64', () => {
  const built = new Set(drivers.map(({ name }) => `${name.source} ${name.arch}`));
  for (const file of sourceFiles().filter(name => !name.startsWith('samples/'))) {
    const source = path.basename(file).replace(/\.\w+$/, '');
    for (const arch of ['x86', 'x64']) assert.ok(built.has(`${source} ${arch}`), `${source} for ${arch}`);
  }
});

test('Nothing is proven that the sources do not declare, bait least of all', () => {
  const lines = drivers.flatMap(({ file, falseHits }) =>
    falseHits.map(
      ({ tag, bait, reason }) => `${file} ${shownTag(tag)} (${bait ?? 'not declared'}): ${reason}`,
    ),
  );
  assert.deepEqual(lines, []);
});

for (const [title, group] of [
  ['x86', visible.filter(({ name }) => name.arch === 'x86')],
  ['x64', visible.filter(({ name }) => name.arch === 'x64')],
  ['gcc', visible.filter(({ name }) => name.compiler === 'gcc')],
  ['clang', visible.filter(({ name }) => name.compiler === 'clang' && name.arch !== 'arm64')],
  ['held-out sources', heldOut.filter(({ name }) => name.arch !== 'arm64')],
] as const) {
  test(`At least ${LEAST_RECALL} of the tags of the first stage are found: ${title}`, () => {
    const [found, missed] = firstStage(group);
    const recall = found / (found + missed.length);
    assert.ok(recall >= LEAST_RECALL, `${recall.toFixed(3)}, missed:\n${missed.join('\n')}`);
  });
}

test('The table of expected misses is true', () => {
  const expected = expectedMisses();
  const actual = actualMisses(drivers);
  const foundAfterAll = [...expected].filter(entry => !actual.has(entry));
  const missedAnew = [...actual].filter(entry => !expected.has(entry));
  assert.deepEqual(missedAnew, [], 'Found before, missed now: a step back, or a new case for the table.');
  assert.deepEqual(foundAfterAll, [], 'Found although expected missed: run eval:scan with --write-misses.');
});

test('The evidence is of the kind that the source declares', () => {
  const lines = drivers.flatMap(({ file, hits }) =>
    hits
      .filter(({ kindIsRight }) => !kindIsRight)
      .map(({ declared, kinds }) => `${file} ${shownTag(declared.tag)} ${declared.kind}: ${kinds}`),
  );
  assert.deepEqual(lines, []);
});

test('The call sites that evidence names hold a call or a jump', () => {
  const wrong: string[] = [];
  for (const file of fg.sync('*.{x86,x64}.*.sys', { cwd: folder })) {
    const bytes = new Uint8Array(readFileSync(path.join(folder, file)));
    const outcome = scanDriver(bytes, { fileName: file, sha256: '' });
    const image = readDriverImage(bytes);
    if (outcome.status === 'refused' || 'code' in image) continue;
    for (const { tag, evidence } of outcome.sightings) {
      for (const { rva } of evidence.filter(isCallSite)) {
        const section = image.sectionAt(rva!);
        const code = section?.bytes.subarray(rva! - section.rva, rva! - section.rva + 3);
        if (code === undefined || !isCallOrJump([...code])) wrong.push(`${file} ${shownTag(tag)} at ${rva}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('PROTECTED_POOL is told apart from the tag', () => {
  for (const file of fg.sync('value-flow.{x86,x64}.*.sys', { cwd: folder })) {
    const outcome = scanDriver(new Uint8Array(readFileSync(path.join(folder, file))), {
      fileName: file,
      sha256: '',
    });
    assert.equal(outcome.status, 'scanned');
    const marked = outcome.sightings.filter(sighting => sighting.protected).map(({ tag }) => tag);
    assert.deepEqual(marked, ['VfP1'], file);
  }
});

/** Tags of stage 1: how many were found, and the others by name. */
function firstStage(group: readonly ScoredDriver[]): [number, string[]] {
  const found = group.flatMap(({ hits }) => hits.filter(({ declared }) => declared.stage === 1)).length;
  const missed = group.flatMap(({ file, misses }) =>
    misses
      .filter(({ declared }) => declared.stage === 1)
      .map(({ declared, reason }) => `${file} ${shownTag(declared.tag)} ${declared.caseName}: ${reason}`),
  );
  return [found, missed];
}

function isCallSite({ kind, rva, structure }: Evidence): boolean {
  return strengthOf(kind) !== 'bytes-only' && rva !== undefined && structure === undefined;
}

/** E8/E9 rel32, EB rel8, a conditional jump, FF /2 and /4, with or without a REX prefix. */
function isCallOrJump([first, second, third]: number[]): boolean {
  if (first === 0xe8 || first === 0xe9 || first === 0xeb || (first & 0xf0) === 0x70) return true;
  if (first === 0x0f) return (second & 0xf0) === 0x80;
  const operand = (first & 0xf0) === 0x40 && second === 0xff ? third : first === 0xff ? second : 0;
  return [2, 4].includes((operand >> 3) & 7);
}
