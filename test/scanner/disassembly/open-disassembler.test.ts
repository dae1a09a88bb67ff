import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import fg from 'fast-glob';
import { projectFile } from '../../../data/project-files.ts';
import { openDisassembler } from '../../../scanner/disassembly/open-disassembler.ts';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { codeImage } from '../code/code-image.ts';

/** Hex, the processor, the text at RVA 0x1000, and why. */
const VECTORS: [arch: 'x86' | 'x64', hex: string, text: string, reason: string][] = [
  ['x64', '41b854436f6e', 'mov r8d,6E6F4354h', 'numbers as WinDbg writes them'],
  ['x64', 'ff15fa0f0000', 'call qword ptr [ntoskrnl.exe!ExAllocatePoolWithTag]', 'an import by its name'],
  ['x64', 'ff15f40f0000', 'call qword ptr [0x1ffa]', 'an address without a name as an RVA'],
  ['x64', 'e8fb000000', 'call 0x1100', 'a call as an RVA'],
  ['x64', '7505', 'jne 0x1007', 'a short jump'],
  ['x64', '65488b042588010000', 'mov rax,gs:[188h]', 'an offset into the processor block is no address'],
  ['x64', '06', '??', 'bytes that are no instruction'],
  ['x86', '6854436f6e', 'push 6E6F4354h', 'a tag on the stack'],
  ['x86', 'e8fb000000', 'call 0x1100', 'a call as an RVA'],
  ['x86', 'c3', 'ret', 'no operands'],
];

for (const [arch, hex, text, reason] of VECTORS) {
  test(`On ${arch} ${hex} is written as ${text}: ${reason}.`, async () => {
    const disassembler = await openDisassembler(codeImage(arch, Uint8Array.from(Buffer.from(hex, 'hex'))), {
      fileName: 'test.sys',
    });
    assert.equal(disassembler.at(0x1000)?.text, text);
    disassembler.close();
  });
}

test('x86 names imports and data by what the loader relocates.', async () => {
  const image = builtDriver('*.x86.*.sys');
  const disassembler = await openDisassembler(image, { fileName: 'test.sys' });
  const texts: string[] = [];
  const code = image.sections.find(({ executable }) => executable)!;
  for (let rva = code.rva; rva < code.rva + code.bytes.length; ) {
    const instruction = disassembler.at(rva)!;
    texts.push(instruction.text);
    rva += instruction.length;
  }
  disassembler.close();
  assert.ok(
    texts.some(text => /^(call|jmp|mov) .*\[ntoskrnl\.exe!Ex\w+\]$/.test(text)),
    'an import',
  );
  assert.ok(!texts.some(text => text.includes('undefined')));
});

test('Whatever the bytes and the address are, an instruction is at least one byte long or is not there.', async () => {
  const images = (['x86', 'x64'] as const).map(arch => codeImage(arch, new Uint8Array(0x100).fill(0xf0)));
  const arm64 = { ...images[1], arch: 'arm64' } as DriverImage;
  for (const image of [...images, arm64]) {
    const disassembler = await openDisassembler(image, { fileName: 'test.sys' });
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 0x3000 }), rva => {
        const instruction = disassembler.at(rva);
        if (instruction === undefined) return;
        assert.ok(instruction.length >= 1 && instruction.length <= 15);
        assert.match(instruction.text, /^[ -~]+$/);
      }),
    );
    disassembler.close();
  }
});

function builtDriver(pattern: string): DriverImage {
  const [file] = fg.sync(`test/drivers/built/**/${pattern}`, { cwd: projectFile() }).sort();
  const image = readDriverImage(new Uint8Array(readFileSync(projectFile(file))));
  assert.ok(!('code' in image));
  return image;
}
