/** What readDriverImage makes of whole images, sound and strange. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { RefusalReason } from '../../../data/facts.ts';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { tinyImage } from './tiny-image.ts';
import { TINY_BASE, TINY_RVA, type TinyImage } from './tiny-image-spec.ts';

function imageOf(spec: TinyImage): DriverImage {
  const image = readDriverImage(tinyImage(spec));
  assert.ok(!('code' in image), `refused: ${JSON.stringify(image)}`);
  return image;
}

function refusalOf(bytes: Uint8Array): RefusalReason {
  const reason = readDriverImage(bytes);
  assert.ok('code' in reason, 'was not refused');
  return reason;
}

/** Offsets in a tiny image's headers, counted from the start of the file. */
const AT = { peOffset: 0x3c, machine: 0x44, sectionCount: 0x46, optionalSize: 0x54, magic: 0x58 };
const sectionRow = (index: number) => 0x58 + 240 + index * 40;

function patched(bytes: Uint8Array, ...patches: [offset: number, size: 2 | 4, value: number][]): Uint8Array {
  const view = new DataView(bytes.buffer);
  for (const [offset, size, value] of patches) {
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
  }
  return bytes;
}

for (const arch of ['x86', 'x64', 'arm64'] as const) {
  test(`An ${arch} image gives up its imports with the slots that code calls through`, () => {
    const image = imageOf({
      arch,
      imports: {
        'NTOSKRNL.exe': ['ExAllocatePoolWithTag', 7, 'DbgPrint'],
        HAL: ['KeStallExecutionProcessor'],
      },
    });
    assert.deepEqual(
      image.imports.map(({ dll, name, ordinal }) => `${dll}!${name ?? `#${ordinal}`}`),
      [
        'ntoskrnl.exe!ExAllocatePoolWithTag',
        'ntoskrnl.exe!#7',
        'ntoskrnl.exe!DbgPrint',
        'hal.dll!KeStallExecutionProcessor',
      ],
    );
    const [first, second, third] = image.imports;
    assert.equal(second.slotRva - first.slotRva, image.pointerSize);
    assert.equal(third.slotRva - second.slotRva, image.pointerSize);
    assert.equal(image.arch, arch);
    assert.equal(image.pointerSize, arch === 'x86' ? 4 : 8);
    assert.equal(image.imageBase, TINY_BASE[arch]);
    assert.deepEqual(image.remarks, []);
  });

  test(`An ${arch} image gives up exports, guard slots, relocations, PDB and version`, () => {
    const image = imageOf({
      arch,
      timestamp: 1_714_554_000,
      exports: { '#1': 0x1004, DllInitialize: 0x1010, Forwarded: 'ntoskrnl.DbgPrint', '#4': 'hal.KeX' },
      guard: { check: 0x2010, dispatch: 0x2018 },
      relocations: [0x1004, 0x1010, 0x2008],
      pdbPath: 'D:\\build\\agent/out\\vault.pdb',
      versions: [
        { language: 0x409, fixed: [3, 2, 0, 7], tables: { '040904b0': { CompanyName: 'Contoso' } } },
      ],
    });
    const exported = [
      { name: 'DllInitialize', rva: 0x1010 },
      { name: null, rva: 0x1004 },
    ];
    assert.deepEqual(image.exports, exported, 'a forwarder is no function');
    assert.deepEqual(image.guardSlots, {
      check: 0x2010,
      dispatch: 0x2018,
      xfgCheck: null,
      xfgDispatch: null,
    });
    assert.deepEqual([...image.relocations], [0x1004, 0x1010, 0x2008]);
    assert.equal(image.pdbName, 'vault.pdb');
    assert.equal(image.pdbId, '0403020106050807090A0B0C0D0E0F103');
    assert.equal(image.version.company, 'Contoso');
    assert.equal(image.version.version, '3.2.0.7');
    assert.equal(image.timestamp, 1_714_554_000);
  });
}

for (const delayFieldsAreAddresses of [false, true]) {
  const form = delayFieldsAreAddresses ? 'addresses' : 'RVAs';
  test(`Delay imports are read where their table holds ${form}`, () => {
    const image = imageOf({
      arch: 'x86',
      delayImports: { 'fltmgr.sys': ['FltX', 9] },
      delayFieldsAreAddresses,
    });
    assert.deepEqual(
      image.imports.map(({ dll, name, ordinal, delayed }) => ({ dll, name, ordinal, delayed })),
      [
        { dll: 'fltmgr.sys', name: 'FltX', ordinal: null, delayed: true },
        { dll: 'fltmgr.sys', name: null, ordinal: 9, delayed: true },
      ],
    );
  });
}

test('A chained piece of an x64 function belongs to the function at the root of its chain', () => {
  const { functionRanges } = imageOf({
    arch: 'x64',
    functions: [
      { begin: 0x1000, end: 0x1010 },
      { begin: 0x1010, end: 0x1020, parent: 0x1000 },
      { begin: 0x1020, end: 0x1030, parent: 0x1010 },
    ],
  });
  assert.deepEqual(
    functionRanges.map(({ beginRva, endRva, functionRva }) => [beginRva, endRva, functionRva]),
    [
      [0x1000, 0x1010, 0x1000],
      [0x1010, 0x1020, 0x1000],
      [0x1020, 0x1030, 0x1000],
    ],
  );
});

test('A chain that leads back to itself ends, and the piece stands for itself', () => {
  const { functionRanges } = imageOf({
    arch: 'x64',
    functions: [
      { begin: 0x1000, end: 0x1010, parent: 0x1010 },
      { begin: 0x1010, end: 0x1020, parent: 0x1000 },
    ],
  });
  assert.deepEqual(
    functionRanges.map(range => range.functionRva),
    [0x1000, 0x1010],
  );
});

test('ARM64 functions have their lengths, packed or with a record', () => {
  const { functionRanges } = imageOf({
    arch: 'arm64',
    functions: [
      { begin: 0x1000, end: 0x1010, packed: true },
      { begin: 0x1010, end: 0x1030 },
    ],
  });
  assert.deepEqual(
    functionRanges.map(({ beginRva, endRva }) => [beginRva, endRva]),
    [
      [0x1000, 0x1010],
      [0x1010, 0x1030],
    ],
  );
});

test('Function entries out of order or on top of each other come out sorted and apart', () => {
  const { functionRanges } = imageOf({
    arch: 'x64',
    functions: [
      { begin: 0x1020, end: 0x1030 },
      { begin: 0x1000, end: 0x1028 },
      { begin: 0x1000, end: 0x1010 },
      { begin: 0x1038, end: 0x1034 },
    ],
  });
  assert.deepEqual(
    functionRanges.map(({ beginRva, endRva }) => [beginRva, endRva]),
    [
      [0x1000, 0x1020],
      [0x1020, 0x1030],
    ],
  );
});

test('Memory reads as the loader would have it: bytes, then zeros, and nothing between sections', () => {
  const image = imageOf({ arch: 'x64', code: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  assert.equal(image.u32At(TINY_RVA.text), 0x04030201);
  assert.equal(image.u32At(TINY_RVA.text + 4), 0x0605, 'the file is padded with zeros');
  assert.equal(image.u32At(TINY_RVA.rdata - 0x100), undefined);
  assert.equal(image.u32At(0x7fffffff), undefined);
  assert.equal(image.sectionAt(TINY_RVA.text + 5)?.name, '.text');
  assert.equal(image.sectionAt(0), undefined);
});

test('A pointer is followed only into the image itself', () => {
  const code = new Uint8Array(32);
  const view = new DataView(code.buffer);
  view.setBigUint64(0, BigInt(TINY_BASE.x64 + 0x2010), true);
  view.setBigUint64(8, BigInt(TINY_BASE.x64 + 0x6000), true);
  view.setBigUint64(16, 0x2010n, true);
  const image = imageOf({ arch: 'x64', code });
  assert.equal(image.pointerAt(TINY_RVA.text), 0x2010);
  assert.equal(image.pointerAt(TINY_RVA.text + 8), undefined, 'one past the end');
  assert.equal(image.pointerAt(TINY_RVA.text + 16), undefined, 'below the base');
});

test('Sections are views into the file, not copies', () => {
  const bytes = tinyImage({ arch: 'x64' });
  const image = readDriverImage(bytes);
  assert.ok(!('code' in image));
  for (const section of image.sections) assert.equal(section.bytes.buffer, bytes.buffer);
});

test('A Buffer reads as a Uint8Array does, and is left as it was', () => {
  const versions = [{ language: 0, tables: { '040904b0': { CompanyName: 'Contoso' } } }];
  const plain = tinyImage({ arch: 'x64', versions });
  const buffer = Buffer.concat([Buffer.from('before'), plain]).subarray(6);
  const image = readDriverImage(buffer);
  assert.ok(!('code' in image));
  assert.equal(image.version.company, 'Contoso');
  assert.deepEqual(new Uint8Array(buffer), plain);
});

const refusals: [code: RefusalReason['code'], words: RegExp, bytes: () => Uint8Array, why: string][] = [
  ['empty', /empty/, () => new Uint8Array(0), 'no bytes'],
  ['not-a-pe', /"MZ"/, () => Buffer.from('hello, this is text'), 'text'],
  ['truncated', /cut short/, () => Buffer.from('MZ'), 'nothing but the first two bytes'],
  ['not-a-pe', /MZ/, () => Buffer.from(`MZ${'text '.repeat(40)}`), 'text that begins with MZ'],
  ['not-a-pe', /16-bit/, () => patched(tinyImage({ arch: 'x64' }), [0x40, 2, 0x454e]), 'an NE program'],
  [
    'not-a-pe',
    /no PE signature/,
    () => patched(tinyImage({ arch: 'x64' }), [0x40, 2, 0]),
    'another signature',
  ],
  ['unsupported-arch', /ARM32/, () => patched(tinyImage({ arch: 'x64' }), [AT.machine, 2, 0x1c4]), 'ARM32'],
  ['unsupported-arch', /IA64/, () => patched(tinyImage({ arch: 'x64' }), [AT.machine, 2, 0x200]), 'Itanium'],
  [
    'unsupported-arch',
    /0x1234/,
    () => patched(tinyImage({ arch: 'x64' }), [AT.machine, 2, 0x1234]),
    'unknown',
  ],
  [
    'bad-headers',
    /0x20b/,
    () => patched(tinyImage({ arch: 'x64' }), [AT.machine, 2, 0x14c]),
    'x86 with PE32+',
  ],
  ['bad-headers', /no sections/, () => patched(tinyImage({ arch: 'x64' }), [AT.sectionCount, 2, 0]), 'none'],
  [
    'bad-headers',
    /65535 sections/,
    () => patched(tinyImage({ arch: 'x64' }), [AT.sectionCount, 2, 65535]),
    'many',
  ],
  [
    'bad-headers',
    /8 bytes/,
    () => patched(tinyImage({ arch: 'x64' }), [AT.optionalSize, 2, 8]),
    'short header',
  ],
  ['managed-image', /\.NET/, () => tinyImage({ arch: 'x64', isManaged: true }), 'a .NET header'],
  ['truncated', /3 more/, () => tinyImage({ arch: 'x64' }).subarray(0, -3), 'the last bytes are missing'],
  [
    'truncated',
    /cut short/,
    () => patched(tinyImage({ arch: 'x64' }), [sectionRow(0) + 20, 4, 0xffffff00]),
    'a section far behind the end',
  ],
];
for (const [code, words, bytes, why] of refusals) {
  test(`A file is refused as ${code}: ${why}`, () => {
    const reason = refusalOf(bytes());
    assert.equal(reason.code, code, reason.message);
    assert.match(reason.message, words);
    assert.match(reason.message, /^[A-Z].*\.$/, 'a sentence');
  });
}

test('A file that is cut short within its signature is scanned, with a remark', () => {
  const bytes = tinyImage({ arch: 'x64', tail: { directory: true, bytes: new Uint8Array(64) } });
  const image = readDriverImage(bytes.subarray(0, -1));
  assert.ok(!('code' in image));
  assert.match(image.remarks.join(), /cut short within its signature/);
});

test('COFF symbols and a certificate, on which pe-library throws, do not cost the version', () => {
  const versions = [{ language: 0x409, tables: { '040904b0': { CompanyName: 'Contoso' } } }];
  const tail = { directory: true, bytes: new Uint8Array(64) };
  const image = readDriverImage(
    patched(tinyImage({ arch: 'x64', versions, tail }), [0x4c, 4, 0x400], [0x50, 4, 1]),
  );
  assert.ok(!('code' in image));
  assert.equal(image.version.company, 'Contoso');
  assert.deepEqual(image.remarks, []);
});

test('A resource section that makes no sense costs the version, not the file', () => {
  const versions = [{ language: 0x409, tables: {} }];
  const bytes = tinyImage({ arch: 'x64', versions });
  const rsrc = 0x400 + 0x200;
  // The name table claims 65,535 entries.
  const image = readDriverImage(patched(bytes, [rsrc + 0x20 + 14, 2, 65535]));
  assert.ok(!('code' in image));
  assert.equal(image.version.company, null);
  assert.match(image.remarks.join(), /resource section could not be read/);
});

for (const [arch, kind] of [
  ['arm64', 'ARM64X'],
  ['x64', 'ARM64EC'],
  ['x86', 'CHPE'],
] as const) {
  test(`A hybrid image with the header of ${arch} is ${kind}, and says which view was read`, () => {
    const image = imageOf({ arch, isHybrid: true });
    assert.equal(image.hybrid, kind);
    assert.ok(image.remarks.join().includes(`hybrid (${kind})`));
    assert.equal(imageOf({ arch }).hybrid, null);
  });
}

for (const [machine, kind] of [
  [0xa641, 'ARM64EC'],
  [0xa64e, 'ARM64X'],
] as const) {
  test(`A header that names ${kind} outright makes the image one`, () => {
    const bytes = tinyImage({ arch: 'arm64' });
    const image = readDriverImage(patched(bytes, [0x44, 2, machine]));
    assert.ok(!('code' in image));
    assert.deepEqual([image.arch, image.hybrid], ['arm64', kind]);
  });
}

test('A reproducible build has its whole hash where the linker wrote it', () => {
  const hash = Uint8Array.from({ length: 32 }, (_, n) => n);
  const image = imageOf({ arch: 'x64', isReproducible: true, reproHash: hash, timestamp: 0x03020100 });
  assert.deepEqual([image.isReproducible, image.reproHash], [true, Buffer.from(hash).toString('hex')]);
  const bare = imageOf({ arch: 'x64', isReproducible: true, timestamp: 0xdeadbeef });
  assert.deepEqual([bare.isReproducible, bare.reproHash], [true, null]);
});

for (const length of [0, 3, 65, 0xffffffff]) {
  test(`A build hash that claims ${length} bytes is none`, () => {
    const reproHash = new Uint8Array(32);
    const image = imageOf({ arch: 'x64', isReproducible: true, reproHash, reproHashLength: length });
    assert.deepEqual([image.isReproducible, image.reproHash], [true, null]);
  });
}

test('Sections that overlap are cut apart, with a remark', () => {
  const bytes = patched(
    tinyImage({ arch: 'x64', relocations: [0x1000] }),
    [sectionRow(0) + 8, 4, 0x7fffffff],
    [sectionRow(1) + 12, 4, TINY_RVA.text + 0x20],
  );
  const image = readDriverImage(bytes);
  assert.ok(!('code' in image));
  assert.deepEqual(image.sections.map(({ rva, virtualSize }) => [rva, virtualSize]).slice(0, 1), [
    [TINY_RVA.text, 0x20],
  ]);
  assert.match(image.remarks.join(), /overlap/);
});

test('A virtual size far beyond the file costs no memory and reads as zeros', () => {
  const bytes = patched(tinyImage({ arch: 'x64' }), [sectionRow(0) + 8, 4, 0xf0000000]);
  const image = readDriverImage(bytes);
  assert.ok(!('code' in image));
  assert.equal(image.sections[0].bytes.length, 0x200);
  assert.equal(image.u32At(0xe0000000), 0);
});

test('A relocation block under 8 bytes ends the table', () => {
  const bytes = tinyImage({ arch: 'x86', relocations: [0x1004, 0x2004] });
  const image = readDriverImage(patched(bytes, [bytes.length - 0x200 + 12 + 4, 4, 4]));
  assert.ok(!('code' in image));
  assert.deepEqual([...image.relocations], [0x1004]);
});
