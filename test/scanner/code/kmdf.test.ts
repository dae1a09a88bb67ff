/** Where KMDF drivers find the framework's functions: older ones in an array of their own, later ones behind a pointer. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { scanDriver } from '../../../scanner/scan-driver.ts';
import { IMAGE_BASE, section, smallImage } from './small-image.ts';

const CODE_RVA = 0x1000;
const DATA_RVA = 0x2000;
/** What WdfVersionBind fills, behind WDF_BIND_INFO and the library's name. */
const FILLED_RVA = DATA_RVA + 0x100;
const MEMORY_CREATE = 192;

const COPIED = ['1.0', '1.5', '1.7', '1.9'];
const POINTED = ['1.11', '1.15', '1.33'];

for (const arch of ['x64', 'x86'] as const) {
  for (const version of COPIED) {
    test(`KMDF ${version} copies its functions into the driver (${arch}).`, () => {
      assert.deepEqual(tagsOf(kmdfImage(arch, version, callOfElement(arch))), ['Copy']);
    });
  }
  for (const version of POINTED) {
    test(`KMDF ${version} leaves the address of its functions in the driver (${arch}).`, () => {
      assert.deepEqual(tagsOf(kmdfImage(arch, version, callThroughPointer(arch))), ['Ptr1']);
      assert.deepEqual(tagsOf(kmdfImage(arch, version, callOfElement(arch))), []);
    });
  }
}

function tagsOf(image: DriverImage): string[] {
  return analyseCode(image, 'test.sys').uses.map(({ ulong, callee }) => {
    assert.equal(callee.poolFunction.name, 'WdfMemoryCreate');
    return Buffer.from(Uint32Array.of(ulong).buffer).toString('latin1');
  });
}

/** call [WdfFunctions + 192 * pointer], with the tag `Copy` as the fourth argument. */
function callOfElement(arch: 'x86' | 'x64'): number[] {
  const tag = ascii('Copy');
  if (arch === 'x86') {
    const slot = u32(IMAGE_BASE + FILLED_RVA + MEMORY_CREATE * 4);
    return [...pushes(3), 0x68, ...tag, ...pushes(3), 0xff, 0x15, ...slot, 0xc3];
  }
  const slot = FILLED_RVA + MEMORY_CREATE * 8;
  return [0x41, 0xb9, ...tag, 0xff, 0x15, ...u32(slot - (CODE_RVA + 12)), 0xc3];
}

/** mov rax, [WdfFunctions]; call [rax + 192 * pointer], with the tag `Ptr1`. */
function callThroughPointer(arch: 'x86' | 'x64'): number[] {
  const tag = ascii('Ptr1');
  if (arch === 'x86') {
    const pushed = [...pushes(3), 0x68, ...tag, ...pushes(3)];
    const load = [0xa1, ...u32(IMAGE_BASE + FILLED_RVA)];
    return [...pushed, ...load, 0xff, 0x90, ...u32(MEMORY_CREATE * 4), 0xc3];
  }
  const load = [0x48, 0x8b, 0x05, ...u32(FILLED_RVA - (CODE_RVA + 13))];
  return [0x41, 0xb9, ...tag, ...load, 0xff, 0x90, ...u32(MEMORY_CREATE * 8), 0xc3];
}

/** So many times push 0. */
function pushes(count: number): number[] {
  return Array.from({ length: count }, () => [0x6a, 0x00]).flat();
}

function kmdfImage(arch: 'x86' | 'x64', version: string, code: number[]): DriverImage {
  const pointerSize = arch === 'x86' ? 4 : 8;
  const pointer = (rva: number) => [...u32(IMAGE_BASE + rva), ...(arch === 'x86' ? [] : u32(0))];
  const nameRva = DATA_RVA + 0x80;
  const [major, minor] = version.split('.').map(Number);
  const data = new Uint8Array(0x1000);
  data.set(pointer(nameRva), pointerSize);
  data.set([major, minor, 7600, 396].flatMap(u32), 2 * pointerSize);
  data.set(pointer(FILLED_RVA), 2 * pointerSize + 16);
  data.set(Buffer.from('KmdfLibrary\0', 'utf16le'), nameRva - DATA_RVA);
  return smallImage({
    arch,
    sections: [
      section('.text', CODE_RVA, Uint8Array.from(code), { executable: true }),
      section('.data', DATA_RVA, data, { writable: true }),
    ],
    functionRanges: [{ beginRva: CODE_RVA, endRva: CODE_RVA + code.length, functionRva: CODE_RVA }],
  });
}

function ascii(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

function u32(value: number): number[] {
  return [...Buffer.from(Uint32Array.of(value).buffer)];
}

test('A file that stands at an odd place of a larger buffer is read like any other.', () => {
  const file = readFileSync(projectFile('test', 'drivers', 'built', 'kmdf-device.arm64.clang.O2.sys'));
  const larger = Buffer.alloc(file.length + 1);
  file.copy(larger, 1);
  const names = { fileName: 'kmdf-device.sys', sha256: 'x' };
  assert.deepEqual(scanDriver(larger.subarray(1), names), scanDriver(file, names));
});
