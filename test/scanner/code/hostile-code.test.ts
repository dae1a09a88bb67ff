/** Whatever the code is: an answer, after work that the size of the code bounds. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import { AnalysedFunction } from '../../../scanner/code/values/analysed-function.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { codeBytesOf, countedAnalysis } from './counted-analysis.ts';
import { ALLOCATE_RVA, CODE_RVA, MachineCode, pointersTo, TAG1 } from './machine-code.ts';
import { randomCode, randomStatements } from './random-code.ts';
import { IMAGE_BASE } from './small-image.ts';

/** Enough for every image here: what decodes more than this is not bounded by its code. */
const PLENTY = 100_000_000;
/** Little enough for random code to reach. */
const BUDGET = 1_000;

/** The tags found, with how often; and that decoding stayed within so many instructions for each byte of code. */
function tagsFound(image: DriverImage, maxInstructionsPerByte: number): Map<number, number> {
  const { uses, decodedInstructions } = countedAnalysis(image, PLENTY);
  const most = maxInstructionsPerByte * codeBytesOf(image);
  assert.ok(
    decodedInstructions <= most,
    `${decodedInstructions} instructions decoded, expected at most ${most}`,
  );
  const tags = new Map<number, number>();
  for (const { ulong } of uses) tags.set(ulong, (tags.get(ulong) ?? 0) + 1);
  return tags;
}

test('A jump table whose entries lead to its own jump, to itself and out of the image ends.', () => {
  const code = new MachineCode(0x200);
  let at = code.put(0, 0x41, 0xb8); // mov r8d, Tag1
  at = code.put32(at, TAG1);
  const load = at;
  at = code.towards(at, [0x48, 0x8d, 0x15], CODE_RVA + 0x40); // lea rdx, [table]
  at = code.put(at, 0x48, 0x63, 0x04, 0x8a, 0x48, 0x01, 0xd0); // movsxd rax, [rdx+rcx*4]; add rax, rdx
  const jump = at;
  at = code.put(at, 0xff, 0xe0); // jmp rax
  const use = at;
  at = code.allocate(at);
  code.put(at, 0xc3);
  for (const [n, target] of [jump, load, 0x40, 0, use, 0x7f000000].entries())
    code.put32(0x40 + 4 * n, target - 0x40);
  code.listed(0, 0x60);
  assert.deepEqual([...tagsFound(code.image('x64'), 8)], [[TAG1, 1]]);
});

test('A jump table of the longest kind, all of whose entries are one place, is read once.', () => {
  const code = new MachineCode(0x2000, 0x90);
  let at = code.towards(0, [0x48, 0x8d, 0x15], CODE_RVA + 0x1000); // lea rdx, [table]
  at = code.put(at, 0x48, 0x63, 0x04, 0x8a, 0x48, 0x01, 0xd0, 0xff, 0xe0);
  const use = at;
  at = code.put32(code.put(at, 0x41, 0xb8), TAG1);
  code.put(code.allocate(at), 0xeb, 0xfe);
  for (let n = 0; n < 0x400; n++) code.put32(0x1000 + 4 * n, use - 0x1000);
  code.listed(0, 0x2000);
  assert.deepEqual([...tagsFound(code.image('x64'), 4)], [[TAG1, 1]]);
});

test('Rare parts that chain to each other, ten thousand of them, are not followed from one to the next.', () => {
  const parts = 10_000;
  const code = new MachineCode(0x40 + parts * 16);
  let at = code.branch(0, 0x40);
  const middle = at;
  at = code.put32(code.put(at, 0x41, 0xb8), TAG1);
  code.put(code.allocate(at), 0xc3);
  for (let n = 0; n < parts; n++) {
    const next = n + 1 < parts ? 0x40 + (n + 1) * 16 : middle;
    code.jump(code.branch(0x40 + n * 16, next), next);
  }
  code.listed(0, 0x20);
  assert.deepEqual([...tagsFound(code.image('x64'), 2)], [[TAG1, 1]]);
});

test('A rare part is read anew, whatever an earlier function left behind.', () => {
  const code = new MachineCode(0x800, 0x90);
  const withRarePart = (begin: number, rare: number, rareBytes: number) => {
    const middle = code.branch(begin, rare);
    code.put(code.allocate(code.put32(code.put(middle, 0x41, 0xb8), TAG1)), 0xc3);
    code.listed(begin, begin + 0x40);
    code.jump(rare + rareBytes - 5, middle);
  };
  withRarePart(0x000, 0x200, 0x80);
  withRarePart(0x100, 0x400, 0x30);
  assert.deepEqual([...tagsFound(code.image('x64'), 8)], [[TAG1, 2]]);
});

test('A function of one megabyte with sixteen thousand calls is decoded once.', () => {
  const code = new MachineCode(1 << 20, 0x90);
  for (let at = 0; at + 64 < code.bytes.length; at += 64)
    code.allocate(code.put32(code.put(at, 0x41, 0xb8), TAG1));
  code.put(code.bytes.length - 1, 0xc3);
  code.listed(0, code.bytes.length);
  const tags = tagsFound(code.image('x64'), 1);
  assert.ok((tags.get(TAG1) ?? 0) > 0);
});

test('Branches of a function to everywhere in it do not multiply the work for each call.', () => {
  const code = new MachineCode(1 << 16, 0x90);
  for (let at = 0; at + 16 < code.bytes.length; at += 16) {
    const behind = code.branch(at, ((at * 7919) % code.bytes.length) & ~15);
    if (at % 64 === 0) code.allocate(behind);
  }
  code.put(code.bytes.length - 1, 0xc3);
  code.listed(0, code.bytes.length);
  assert.equal(tagsFound(code.image('x64'), 1).size, 0);
});

test('Setters that call each other in a cycle end, and the tag that enters the cycle is found.', () => {
  const setters = 2_000;
  const code = new MachineCode(0x40 + setters * 32 + 0x80);
  for (let n = 0; n < setters; n++) {
    const begin = 0x40 + n * 32;
    let at = code.put(begin, 0x89, 0x51, 0x28); // mov [rcx+28h], edx
    at = code.call(at, 0x40 + ((n + 1) % setters) * 32);
    at = code.call(at, 0x40 + ((n * 7) % setters) * 32);
    code.listed(begin, code.put(at, 0xc3));
  }
  const reader = 0x40 + setters * 32;
  code.listed(reader, readField(code, reader));
  const caller = reader + 0x40;
  let at = code.put(caller, 0x48, 0x8b, 0x49, 0x10, 0xba); // mov rcx, [rcx+10h]; mov edx, Tag1
  at = code.call(code.put32(at, TAG1), 0x40);
  code.listed(caller, code.put(at, 0xc3));
  assert.deepEqual([...tagsFound(code.image('x64'), 40)], [[TAG1, 1]]);
});

test('Of thousands of structures that are copied over thousands of variables of tags some are left out, which is said.', () => {
  const variables = 3_000;
  const copies = 6_000;
  const code = new MachineCode(0x40000);
  const tagAt = (n: number) => code.dataRva + 0x1000 + 4 * n;
  let at = 0;
  for (let n = 0; n < variables; n++) {
    const begin = at;
    // mov r8d, [variable]; call ExAllocatePoolWithTag; ret
    at = code.put(code.allocate(code.towards(at, [0x44, 0x8b, 0x05], tagAt(n))), 0xc3);
    code.listed(begin, at);
  }
  const begin = at;
  for (let n = 0; n < copies; n++) {
    at = code.towards(at, [0x48, 0x8d, 0x3d], tagAt(0)); // lea rdi, [the variables]
    at = code.towards(at, [0x48, 0x8d, 0x35], code.dataRva); // lea rsi, [zeroes]
    at = code.put(code.put32(code.put(at, 0xb9), variables), 0xf3, 0xa5); // mov ecx, 3000; rep movsd
  }
  code.listed(begin, code.put(at, 0xc3));
  const image = code.image('x64', new Uint8Array(0x1000 + 4 * variables));
  assert.ok(countedAnalysis(image, PLENTY).isPartial);
});

/** mov rax, [rcx+10h]; mov r8d, [rax+28h]; call ExAllocatePoolWithTag; ret */
function readField(code: MachineCode, begin: number): number {
  const at = code.allocate(code.put(begin, 0x48, 0x8b, 0x41, 0x10, 0x44, 0x8b, 0x40, 0x28));
  return code.put(at, 0xc3);
}

/** A wrapper whose second argument is the tag: mov r8d, edx; jmp ExAllocatePoolWithTag. */
function wrapper(code: MachineCode, begin: number): number {
  return code.towards(code.put(begin, 0x41, 0x89, 0xd0), [0xff, 0x25], ALLOCATE_RVA);
}

/** Wrappers that tail-call each other, and a caller of the first one with a tag. */
function wrappersInCycles(wrappers: number): DriverImage {
  const code = new MachineCode(wrappers * 32 + 0x40);
  for (let n = 0; n < wrappers; n++) {
    let at = code.branch(n * 32, ((n + 1) % wrappers) * 32);
    at = code.branch(at, ((n * n + 7) % wrappers) * 32);
    code.listed(n * 32, wrapper(code, at));
  }
  const caller = wrappers * 32;
  const at = code.call(code.put32(code.put(caller, 0xba), TAG1), 0);
  code.listed(caller, code.put(at, 0xc3));
  return code.image('x64');
}

test('Wrappers that call each other in cycles end, and the tag that enters is found.', () => {
  assert.ok(tagsFound(wrappersInCycles(50), 40).has(TAG1));
});

test('More wrappers in cycles than code of that size can have end, and the answer says that it is partial.', () => {
  const image = wrappersInCycles(2_000);
  tagsFound(image, 40);
  assert.equal(analyseCode(image, 'test.sys').isPartial, true);
});

test('A table of a hundred thousand pointers to one wrapper costs its code and not its length.', () => {
  const code = new MachineCode(0x4000);
  const pointers = pointersTo(0, 100_000);
  code.listed(0, wrapper(code, 0));
  for (let begin = 0x40; begin + 32 <= code.bytes.length; begin += 32) {
    const slot = code.dataRva + 8 * ((begin * 31) % 100_000);
    let at = code.put32(code.put(begin, 0xba), TAG1);
    at = code.towards(at, [0xff, 0x15], slot); // call [table + n*8]
    code.listed(begin, code.put(at, 0xc3));
  }
  const callers = (code.bytes.length - 0x40) / 32;
  assert.deepEqual([...tagsFound(code.image('x64', pointers), 40)], [[TAG1, callers]]);
});

test('A hundred thousand pointers to one wrapper on x86, called by an index, end.', () => {
  const code = new MachineCode(0x2000);
  let at = code.put(0, 0xff, 0x74, 0x24, 0x04, 0x6a, 0x40, 0x6a, 0x00, 0xff, 0x15); // push [esp+4]; push 64; push 0
  at = code.put32(at, IMAGE_BASE + ALLOCATE_RVA);
  code.put(at, 0xc2, 0x04, 0x00);
  for (let begin = 0x40; begin + 32 <= code.bytes.length; begin += 32) {
    at = code.put32(code.put(begin, 0x8b, 0x44, 0x24, 0x04, 0x68), TAG1); // mov eax, [esp+4]; push Tag1
    at = code.put32(code.put(at, 0xff, 0x14, 0x85), IMAGE_BASE + code.dataRva); // call [table + eax*4]
    code.put(at, 0xc3);
  }
  const pointers = new Uint32Array(100_000).fill(IMAGE_BASE + CODE_RVA);
  tagsFound(code.image('x86', new Uint8Array(pointers.buffer)), 100);
});

test('Hundreds of stores into an object, each before a call that reads its tag, do not each ask all the calls anew.', t => {
  const code = new MachineCode(0x2000);
  const jump = code.put(0, 0x44, 0x8b, 0x41, 0x10); // mov r8d, [rcx+10h]
  code.listed(0, code.towards(jump, [0xff, 0x25], ALLOCATE_RVA)); // jmp [alloc]
  let at = code.put(0x40, 0x53, 0x48, 0x8b, 0xd9); // push rbx; mov rbx, rcx
  for (let n = 0; n < 400; n++) {
    at = code.put32(code.put(at, 0xc7, 0x43, 0x10), TAG1); // mov dword ptr [rbx+10h], Tag1
    at = code.call(code.put(at, 0x48, 0x8b, 0xcb), 0); // mov rcx, rbx; call reader
  }
  code.listed(0x40, code.put(at, 0x5b, 0xc3));
  const takeWork = AnalysedFunction.prototype.takeWork;
  let work = 0;
  t.mock.method(AnalysedFunction.prototype, 'takeWork', function (this: AnalysedFunction) {
    const taken = takeWork.call(this);
    work += taken;
    return taken;
  });
  assert.equal(tagsFound(code.image('x64'), 40).get(TAG1), 400);
  assert.ok(work < 1_000_000, `${work} operations asked about`); // each anew: 24 million
});

for (const arch of ['x86', 'x64', 'arm64'] as const) {
  test(`Random instructions and bytes as ${arch} code are analysed without an error and within the budget.`, () => {
    let analysed = 0;
    fc.assert(
      fc.property(randomStatements(arch), statements => {
        const image = randomCode(arch, statements).image(arch);
        const { uses, isPartial } = analyseCode(image, 'test.sys');
        assert.deepEqual(
          analyseCode(image, 'test.sys', { isTraced: true }).uses.map(({ path, ...use }) => use),
          uses.map(({ path, ...use }) => use),
          'a traced analysis finds the same',
        );
        assert.equal(isPartial, false, 'a small driver is analysed wholly');
        const { decodedInstructions } = countedAnalysis(image, BUDGET);
        // The budget is looked at between functions: one more may be read, with what it calls.
        const most = BUDGET + 4 * codeBytesOf(image);
        assert.ok(decodedInstructions <= most, `${decodedInstructions} decoded, expected at most ${most}`);
        if (decodedInstructions > 0) analysed++;
      }),
      // Making hundreds of statements fewer takes minutes; the seed and the path of a failure replay it.
      { endOnFailure: true },
    );
    assert.ok(analysed > 50, 'most of them hold calls to look at');
  });
}
