/** Tags that code makes of a constant: families of which one character is computed, and what a wrapper makes of what it is given. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { TagSighting } from '../../data/facts.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { analyseCode } from '../../scanner/code/analyse-code.ts';
import type { TagUse } from '../../scanner/code/facts/tag-use.ts';
import { openDisassembler } from '../../scanner/disassembly/open-disassembler.ts';
import { isUseOf, sightingsOf } from '../../scanner/explain/computed-family.ts';
import { FunctionInstructions } from '../../scanner/explain/function-instructions.ts';
import { SiteExplainer } from '../../scanner/explain/site-explainer.ts';
import { tagSightings } from '../../scanner/tag-sightings.ts';
import { imageOfVector } from './code/image-of-vector.ts';

/** Code of x64, what comes first of each step, and the notes of its listing. */
const VECTORS: [
  what: string,
  vector: string,
  tag: string,
  steps: [number | null, RegExp][],
  notes: string[],
][] = [
  [
    // mov r8d, ecx; shl r8d, 24; add r8d, 30676154h; call [alloc]; ret
    'the base is a number in the instruction that computes',
    '1000:4189c841c1e0184181c054616730ff15ec0f0000c3',
    'Tag?',
    [
      [0x1007, /^'Tag0', the base of 'Tag\?', is a number in this instruction$/],
      [0x1007, /^a number that is not known goes into its 4th character/],
      [0x100e, /3rd argument, in r8d/],
      [null, /takes/],
    ],
    ["'Tag0'"],
  ],
  [
    // mov eax, [2100]; shl ecx, 24; add eax, ecx; mov r8d, eax; call [alloc]; ret
    'the base is read from data',
    '1000:8b05fa100000c1e11801c84189c0ff15ec0f0000c3 2100:54616730',
    'Tag?',
    [
      [0x2100, /^'Tag0', the base of 'Tag\?', stands in the driver's data$/],
      [0x1000, /^it moves on$/],
      [0x1009, /4th character/],
      [0x100b, /^it moves on$/],
      [0x100e, /3rd argument, in r8d/],
      [null, /takes/],
    ],
    ["'Tag0'", "'Tag?'"],
  ],
  [
    // mov r8d, ecx; and r8d, 15; or r8d, 67615430h; call [alloc]; ret
    'the first character is computed',
    '1000:4189c84183e00f4181c830546167ff15ec0f0000c3',
    '?Tag',
    [
      [0x1007, /^'0Tag', the base of '\?Tag', is a number/],
      [0x1007, /1st character/],
      [0x100e, /3rd argument/],
      [null, /takes/],
    ],
    ["'0Tag'"],
  ],
  [
    // mov r8d, ecx; and r8d, 15; shl r8d, 24; or r8d, B0676154h; call [alloc]; ret
    'the base has PROTECTED_POOL',
    '1000:4189c84183e00f41c1e0184181c8546167b0ff15e80f0000c3',
    'Tag?',
    [
      [0x100b, /^'Tag0' with PROTECTED_POOL \(bit 31\), the base of 'Tag\?', is a number/],
      [0x100b, /4th character/],
      [0x1012, /3rd argument/],
      [null, /takes/],
    ],
    ["'Tag0' with PROTECTED_POOL (bit 31)"],
  ],
  [
    // lea r8d, [rcx+1000000h]; jmp [alloc] || mov ecx, 31676154h; jmp 1000
    'a wrapper adds to what it is given',
    '1000:448d8100000001ff25f30f0000 1040:b954616731ebb9',
    'Tag2',
    [
      [0x1040, /^'Tag1' is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x1007, /0x1000 passes its 1st parameter on$/],
      [null, /^0x1000000 is added to it on the way, which makes 'Tag2'$/],
      [null, /takes/],
    ],
    ["'Tag1'"],
  ],
  [
    // mov r8d, ecx; or r8d, 80000000h; jmp [alloc] || mov ecx, 31676154h; jmp 1000
    'a wrapper protects what it allocates',
    '1000:4189c84181c800000080ff25f00f0000 1040:b954616731ebb9',
    'Tag1',
    [
      [0x1040, /^'Tag1' is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x100a, /0x1000 passes its 1st parameter on$/],
      [null, /^PROTECTED_POOL \(bit 31\) is set in it on the way$/],
      [null, /takes/],
    ],
    ["'Tag1'"],
  ],
  [
    // mov r8d, ecx; and r8d, 7FFFFFFFh; jmp [alloc] || mov ecx, B1676154h; jmp 1000
    'a wrapper clears PROTECTED_POOL',
    '1000:4189c84181e0ffffff7fff25f00f0000 1040:b9546167b1ebb9',
    'Tag1',
    [
      [0x1040, /^'Tag1' with PROTECTED_POOL \(bit 31\) is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x100a, /0x1000 passes its 1st parameter on$/],
      [null, /^PROTECTED_POOL \(bit 31\) is cleared on the way$/],
      [null, /takes/],
    ],
    ["'Tag1' with PROTECTED_POOL (bit 31)"],
  ],
  [
    // mov r8d, ecx; xor r8d, 20000000h; jmp [alloc] || mov ecx, 61676154h; jmp 1000
    'a wrapper changes a letter',
    '1000:4189c84181f000000020ff25f00f0000 1040:b954616761ebb9',
    'TagA',
    [
      [0x1040, /^'Taga' is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x100a, /0x1000 passes its 1st parameter on$/],
      [null, /^bits 0x20000000 of it are turned on the way, which makes 'TagA'$/],
      [null, /takes/],
    ],
    ["'Taga'"],
  ],
  [
    // bswap ecx; mov r8d, ecx; jmp [alloc] || mov ecx, 54616731h; jmp 1000
    'a wrapper swaps the bytes',
    '1000:0fc94189c8ff25f50f0000 1040:b931676154ebb9',
    'Tag1',
    [
      [0x1040, /^'1gaT' is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x1005, /0x1000 passes its 1st parameter on$/],
      [null, /^its bytes are swapped on the way, which makes 'Tag1'$/],
      [null, /takes/],
    ],
    ["'1gaT'"],
  ],
  [
    // mov r8d, ecx; shl r8d, 24; add r8d, 30676154h; jmp [alloc] || mov ecx, 3; jmp 1000
    'a wrapper puts a number into it',
    '1000:4189c841c1e0184181c054616730ff25ec0f0000 1040:b903000000ebb9',
    'Tag3',
    [
      [0x1040, /^0x3 is a number in this instruction$/],
      [0x1045, /1st argument, in ecx/],
      [0x100e, /0x1000 passes its 1st parameter on$/],
      [null, /^it becomes a character of 'Tag3' on the way$/],
      [null, /takes/],
    ],
    [],
  ],
];

for (const [what, vector, tag, steps, notes] of VECTORS) {
  test(`${tag} is explained where ${what}.`, async () => {
    const image = imageOfVector('x64', vector);
    const findings = analyseCode(image, 'test.sys', { isTraced: true });
    const [sighting] = sightingsOf(tagSightings(findings, { fileName: 'test.sys' }).sightings, poolTag(tag));
    const [use] = findings.uses.filter(one => isUseOf(sighting, one));
    const disassembler = await openDisassembler(image, { fileName: 'test.sys' });
    const names = { quoted: `'${tag}'`, ulong: undefined };
    const explainer = new SiteExplainer(image, new FunctionInstructions(image), disassembler, names);
    const site = explainer.explain(sighting.evidence[0], use);
    disassembler.close();
    assert.deepEqual(
      site.steps.map(({ rva }) => rva),
      steps.map(([rva]) => rva),
    );
    steps.forEach(([, words], i) => {
      assert.match(site.steps[i].text, words);
    });
    const noted = site.listings.flatMap(({ lines }) => lines.map(({ note }) => note));
    assert.deepEqual(
      noted.filter(note => note?.startsWith("'")),
      notes,
    );
  });
}

test('A use belongs to the wildcard whose character it computes, and to no tag.', () => {
  const sighting = (tag: string, isPattern?: true) => ({ tag: poolTag(tag), isPattern }) as TagSighting;
  const use = (ulong: number, familyMask?: number) => ({ ulong, familyMask }) as TagUse;
  const computed = use(0x30676154, 0xff000000);
  assert.ok(isUseOf(sighting('Tag?', true), computed));
  assert.ok(!isUseOf(sighting('Tag0'), computed), 'its base is no tag');
  assert.ok(!isUseOf(sighting('Tag?'), use(0x3f676154, 0xff000000)), 'nor is the tag with a real ?');
  assert.ok(!isUseOf(sighting('Tag?', true), use(0x30676154)), 'nor is a tag that the wildcard covers');
  assert.ok(!isUseOf(sighting('Ta??', true), use(0x30676154, 0xff)), 'another character');
  assert.ok(isUseOf(sighting('Tag0'), use(0xb0676154)), 'PROTECTED_POOL is no part of a tag');
});

test('Where the bytes with a real ? stand in the code of a family, the family is meant first.', () => {
  const bytes = { tag: poolTag('Tag?'), id: '5461673f', protected: false, evidence: [] };
  const family: TagSighting = { ...bytes, id: 'p-5461673f', isPattern: true };
  assert.deepEqual(sightingsOf([bytes, family], bytes.tag), [family, bytes]);
  assert.deepEqual(sightingsOf([bytes], bytes.tag), [bytes]);
  assert.deepEqual(sightingsOf([bytes], poolTag('Tag0')), []);
});
