import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import test from 'node:test';
import fg from 'fast-glob';
import type { ScannedDriver } from '../../data/facts.ts';
import { type PoolTag, poolTag } from '../../data/pool-tag.ts';
import { projectFile } from '../../data/project-files.ts';
import type { ExplainedSite } from '../../scanner/explain/tag-explanation.ts';
import { explainTag } from '../../scanner/explain-tag.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { mutateImage } from './pe/mutate-image.ts';

const built = projectFile('test', 'drivers', 'built');

/** Driver, tag, words of each step in their order, and a line of code with its role and note. */
const VECTORS: [file: string, tag: string, steps: RegExp[], line: [RegExp, string | null, string | null]][] =
  [
    [
      'value-flow.x64.clang.O2.sys',
      'VfB0',
      [
        /'VfB0' is a number in this/,
        /passed as the 3rd argument, in r8d/,
        /the tag that ntoskrnl\.exe!ExAll/,
      ],
      [/^mov r8d,30426656h$/, 'constant', "'VfB0'"],
    ],
    [
      'value-flow.x64.clang.O2.sys',
      'VfB0',
      [/a number/, /3rd argument/, /takes/],
      [/^call qword ptr \[ntoskrnl\.exe!ExAllocatePoolWithTag\]$/, 'call', null],
    ],
    [
      'wrappers.arm64.clang.O2.sys',
      'WrY1',
      [/a number/, /it moves on/, /3rd argument, in w2/, /takes/],
      [/^movk w\d+,#0x3159,lsl #0x10$/, 'constant', "'WrY1'"],
    ],
    [
      'wrappers.arm64.clang.O2.sys',
      'WrY1',
      [/a number/, /it moves on/, /3rd argument, in w2/, /takes/],
      [/^ldr x8,\[x8,#0x[0-9a-f]+\]$/, null, 'ntoskrnl.exe!ExAllocatePoolWithTag'],
    ],
    [
      'wrappers.x64.gcc.O2.sys',
      'WrA4',
      [
        /computes it/,
        /2nd argument, in edx/,
        /own function at 0x[0-9a-f]+ passes its 2nd parameter on/,
        /takes/,
      ],
      [/^add edx,34417257h$/, 'constant', "'WrA4'"],
    ],
    [
      'minifilter.x64.clang.O2.sys',
      'SfCf',
      [
        /stands in the driver's data/,
        /it is FLT_CONTEXT_REGISTRATION\.PoolTag, .* 2nd argument, in rdx/,
        /takes/,
      ],
      [/^call qword ptr \[fltmgr\.sys!FltRegisterFilter\]$/, 'call', null],
    ],
    [
      'ndis-miniport.x86.clang.O2.sys',
      'EnMk',
      [/a number/, /6th argument, on the stack/, /takes/],
      [/^push 6B4D6E45h$/, 'constant', "'EnMk'"],
    ],
    [
      'open-family.arm64.clang.O0.sys',
      'OfN?',
      [
        /^'OfN0', the base of 'OfN\?', is a number in this/,
        /not known goes into its 4th character, for which the \? stands/,
        /it moves on/,
        /it moves on/,
        /3rd argument, in w2/,
        /takes/,
      ],
      [/^add w\d+,w\d+,w\d+,lsl #0x18$/, 'carries', "'OfN?'"],
    ],
    [
      'kmdf-plain.x64.clang.O2.sys',
      'kmdf',
      [/names no tag of its own/, /^KMDF: /],
      [/^call qword ptr \[rax\+3A0h\]$/, 'call', null],
    ],
  ];

for (const [file, tag, steps, [text, role, note]] of VECTORS) {
  test(`${tag} of ${file} is explained with ${text.source}.`, async () => {
    const explanation = await explain(file, tag);
    const site = explanation!.sites[0];
    assert.equal(site.steps.length, steps.length, JSON.stringify(site.steps));
    steps.forEach((words, i) => {
      assert.match(site.steps[i].text, words);
    });
    const line = linesOf(site).find(one => text.test(one.text));
    assert.deepEqual([line?.role, line?.note], [role, note], JSON.stringify(linesOf(site), null, 1));
  });
}

test('A constant that another function puts somewhere is shown at that, with where the call takes it from.', async () => {
  const { sites } = (await explain('tunnel-filter.x64.clang.Os.sys', 'Ring'))!;
  const [first, ...others] = sites.map(({ evidence, steps, listings }) => {
    const [{ rva, text, instruction }] = steps;
    const line = listings.flatMap(({ lines }) => lines).find(one => one.rva === rva);
    return [evidence.origin, text, instruction, line?.role];
  });
  assert.deepEqual(first.slice(0, 2), ['immediate', "'Ring' is a number in this instruction"]);
  const words = "'Ring' comes out of this instruction and goes into a structure";
  const store = 'mov dword ptr [rcx+78h],676E6952h';
  // The second call is seen to be given the structure; the third stands in a routine that the system calls with it.
  assert.deepEqual(others, [
    ['structure', `${words} of the driver`, store, 'constant'],
    ['parameter', `${words} that the function of this use is given`, store, 'constant'],
  ]);
});

test('A wrapper is shown with the call that passes the tag on.', async () => {
  const explanation = await explain('wrappers.x64.gcc.O2.sys', 'WrA4');
  const [evidence] = explanation!.sites.map(site => site.evidence);
  assert.deepEqual(
    explanation!.wrappers.map(({ functionRva }) => functionRva),
    evidence.wrappers,
  );
  assert.ok(explanation!.wrappers[0].lines.some(({ role, text }) => role === 'call' && /ExAlloc/.test(text)));
});

test('Lines come in the order of their addresses, follow each other, and say where some are left out.', async () => {
  for (const { bytes, scanned } of someDrivers()) {
    for (const { tag } of scanned.sightings.slice(0, 6)) {
      for (const site of (await explainTag(bytes, scanned, tag))!.sites) {
        for (const { lines } of site.listings) {
          lines.forEach(({ rva, isAfterGap }, i) => {
            const end = i === 0 ? rva : lines[i - 1].rva + lines[i - 1].bytes.split(' ').length;
            assert.equal(isAfterGap, rva !== end);
            assert.ok(rva >= end);
          });
        }
      }
    }
  }
});

test('Every call that a scan found stands in its listing, and so does every constant of the code.', async () => {
  let sites = 0;
  for (const { file, bytes, scanned } of someDrivers()) {
    for (const { tag, evidence } of scanned.sightings) {
      if (evidence[0].api === undefined || evidence[0].kind === 'default-tag') continue;
      for (const site of (await explainTag(bytes, scanned, tag))!.sites) {
        const what = `${file} ${tag} ${JSON.stringify(site.evidence)}`;
        const lines = linesOf(site);
        assert.ok(
          lines.some(({ role, rva }) => role === 'call' && rva === site.evidence.rva),
          what,
        );
        if (site.evidence.origin === 'immediate') {
          assert.ok(
            lines.some(({ role }) => role === 'constant'),
            what,
          );
        }
        assert.equal(site.steps[0].kind, 'constant', what);
        assert.equal(site.steps.at(-1)!.kind, 'function', what);
        sites++;
      }
    }
  }
  assert.ok(sites > 200, `${sites} sites`);
});

test("A family is explained with a pattern's id, and its base only where that is a tag itself.", async () => {
  const file = 'open-family.arm64.clang.O0.sys';
  const family = await explain(file, 'OfN?');
  assert.deepEqual([family!.id, family!.isPattern], ['p-4f664e3f', true]);
  const constant = linesOf(family!.sites[0]).find(({ role }) => role === 'constant');
  assert.deepEqual([constant!.text.split(' ')[0], constant!.note], ['movk', "'OfN0'"]);
  const base = await explain(file, 'OfN0');
  assert.ok(
    base === undefined || base.sites.every(({ steps }) => steps.every(one => one.kind !== 'computed')),
  );
  assert.equal((await explain(file, 'OfSa'))!.isPattern, undefined);
});

test('A tag that the driver does not have is not explained.', async () => {
  assert.equal(await explain('minifilter.x64.clang.O2.sys', 'Zzzz'), undefined);
  assert.equal(await explain('minifilter.x64.clang.O2.sys', '<b>"'), undefined);
});

test('Many sites are cut, and the rest is counted.', async () => {
  const { bytes, scanned } = read('minifilter.x64.clang.O2.sys');
  const sighting = scanned.sightings.find(({ tag }) => tag === 'SfMb')!;
  const evidence = Array.from({ length: 40 }, () => sighting.evidence[0]);
  const explanation = await explainTag(
    bytes,
    { ...scanned, sightings: [{ ...sighting, evidence }] },
    sighting.tag,
  );
  assert.equal(explanation!.sites.length + explanation!.moreSites, 40);
  assert.ok(explanation!.moreSites > 0);
});

test('Damaged images are explained or not, but never end in an error.', async () => {
  for (const file of [
    'wrappers.x64.gcc.O2.sys',
    'value-flow.x86.gcc.O2.sys',
    'wrappers.arm64.clang.O2.sys',
  ]) {
    const whole = new Uint8Array(readFileSync(`${built}/${file}`));
    for (let seed = 1; seed <= 60; seed++) {
      const bytes = mutateImage(whole, seed);
      const scanned = scanDriver(bytes, { fileName: file, sha256: '0'.repeat(64) });
      if (scanned.status === 'refused') continue;
      for (const { tag } of scanned.sightings.slice(0, 4)) {
        const explanation = await explainTag(bytes, scanned, tag);
        for (const site of explanation?.sites ?? []) {
          for (const { text } of linesOf(site)) assert.match(text, /^[ -~]+$/, `${file} seed ${seed}`);
        }
      }
    }
  }
});

function linesOf({ listings }: ExplainedSite) {
  return listings.flatMap(({ lines }) => lines);
}

function read(file: string): { file: string; bytes: Uint8Array; scanned: ScannedDriver } {
  const bytes = new Uint8Array(readFileSync(`${built}/${file}`));
  const scanned = scanDriver(bytes, { fileName: basename(file), sha256: '0'.repeat(64) });
  assert.ok(scanned.status === 'scanned');
  return { file, bytes, scanned };
}

async function explain(file: string, tag: string) {
  const { bytes, scanned } = read(file);
  return explainTag(bytes, scanned, tag.length === 4 ? poolTag(tag) : (tag as PoolTag));
}

/** Every seventh of the committed drivers, whatever their number is. */
function* someDrivers() {
  const files = fg.sync('*.sys', { cwd: built }).sort();
  for (const [i, file] of files.entries()) if (i % 7 === 0) yield read(file);
}
