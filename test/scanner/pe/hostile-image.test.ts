/** Whatever the bytes are: an image that keeps its promises or a refusal, in bounded time. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import { stopwatch } from '../../stopwatch.ts';
import { mutateImage } from './mutate-image.ts';
import { tinyImage } from './tiny-image.ts';

const MUTATIONS_EACH = 1500;
/** Far above what a tiny image takes (under 1 ms), far below a hang; a busy machine must not fail the test. */
const LIMIT_MS = 1000;

const full = (arch: 'x86' | 'x64' | 'arm64') =>
  tinyImage({
    arch,
    imports: { 'ntoskrnl.exe': ['ExAllocatePoolWithTag', 7, 'ExFreePoolWithTag'], 'hal.dll': ['KeX'] },
    delayImports: { 'fltmgr.sys': ['FltRegisterFilter'] },
    exports: { DllInitialize: 0x1010, Forwarded: 'hal.KeX' },
    functions: [
      { begin: 0x1000, end: 0x1010, packed: true },
      { begin: 0x1010, end: 0x1020, parent: 0x1000 },
    ],
    relocations: [0x1004, 0x1010, 0x2008],
    pdbPath: 'C:\\x\\vault.pdb',
    isReproducible: true,
    versions: [
      { language: 0x407, fixed: [1, 2, 3, 4], tables: { '040704b0': { CompanyName: 'Contoso' } } },
      { language: 0x409, fixed: [1, 2, 3, 4], tables: { '040904b0': { CompanyName: 'Contoso' } } },
    ],
    guard: { check: 0x2010, dispatch: 0x2018 },
  });

/** What every caller builds on, sound file or not. */
function assertPromises(bytes: Uint8Array, what: string): void {
  const takenMs = stopwatch();
  const image = readDriverImage(bytes);
  const elapsedMs = takenMs();
  assert.ok(elapsedMs < LIMIT_MS, `${what} took ${elapsedMs} ms`);
  if ('code' in image) return;
  let end = 0;
  for (const section of image.sections) {
    assert.ok(section.rva >= end && section.virtualSize > 0, `${what}: sections lie apart`);
    if (section.bytes.length > 0)
      assert.equal(section.bytes.buffer, bytes.buffer, `${what}: sections are views`);
    end = section.rva + Math.max(section.virtualSize, section.bytes.length);
    assert.doesNotMatch(section.name, /\p{Cc}/u);
  }
  image.functionRanges.forEach((range, index) => {
    assert.ok(range.beginRva < range.endRva, `${what}: ranges hold something`);
    const before = image.functionRanges[index - 1];
    assert.ok(before === undefined || before.endRva <= range.beginRva, `${what}: ranges lie apart`);
  });
  image.relocations.forEach((rva, index) => {
    assert.ok(index === 0 || image.relocations[index - 1] < rva, `${what}: relocations are sorted`);
  });
  for (const { dll, name, ordinal } of image.imports) {
    assert.ok(dll !== '' && (name === null) !== (ordinal === null), `${what}: an import has one name`);
    assert.doesNotMatch(`${dll}${name}`, /\p{Cc}/u);
  }
  for (const rva of [0, image.entryPointRva, end - 1, end, 0xffffffff]) {
    const inside: boolean = image.sectionAt(rva) !== undefined;
    assert.equal(image.u32At(rva) !== undefined, inside, `${what}: memory is where sections are`);
  }
}

for (const arch of ['x86', 'x64', 'arm64'] as const) {
  test(`Every prefix of an ${arch} image is refused in bounded time`, () => {
    const bytes = full(arch);
    for (let length = 0; length < bytes.length; length++) {
      const prefix = bytes.subarray(0, length);
      assertPromises(prefix, `${length} bytes`);
      assert.ok(
        'code' in readDriverImage(prefix),
        `${length} bytes of ${bytes.length} were taken for a driver`,
      );
    }
  });

  test(`Any damage to an ${arch} image gives an image that keeps its promises, or a refusal`, () => {
    const bytes = full(arch);
    for (let seed = 1; seed <= MUTATIONS_EACH; seed++)
      assertPromises(mutateImage(bytes, seed), `seed ${seed}`);
  });
}
