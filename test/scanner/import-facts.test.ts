/** The modules that an image uses, and the pool functions among its imports. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { importedDlls, importedPoolFunctions } from '../../scanner/import-facts.ts';
import type { ImportedFunction } from '../../scanner/pe/image-facts.ts';

function imported(dll: string, name: string | null, delayed = false): ImportedFunction {
  return { dll, name, ordinal: name === null ? 1 : null, slotRva: 0x2000, delayed };
}

test('Modules stand in the order of the table with the number of functions, late ones last', () => {
  const imports = [
    imported('late.sys', 'A', true),
    imported('ntoskrnl.exe', 'A'),
    imported('hal.dll', null),
    imported('ntoskrnl.exe', 'B'),
    imported('hal.dll', 'C', true),
  ];
  assert.deepEqual(importedDlls(imports), [
    { dll: 'ntoskrnl.exe', functions: 2, delayed: false },
    { dll: 'hal.dll', functions: 1, delayed: false },
    { dll: 'late.sys', functions: 1, delayed: true },
    { dll: 'hal.dll', functions: 1, delayed: true },
  ]);
});

test('A hostile number of modules is cut off', () => {
  const imports = Array.from({ length: 1000 }, (_, n) => imported(`${n}.sys`, 'A'));
  assert.equal(importedDlls(imports).length, 100);
});

test('Pool functions are those that take a pool tag, and those that allocate without one', () => {
  const imports = [
    imported('ntoskrnl.exe', 'ExFreePool'),
    imported('ntoskrnl.exe', 'ExAllocatePoolWithTag'),
    imported('ntoskrnl.exe', 'ExAllocatePoolWithTag'),
    imported('ntoskrnl.exe', '_ExFreePoolWithTag@8'),
    imported('ndis.sys', 'NdisAllocateMemoryWithTag', true),
    imported('ntoskrnl.exe', 'IoCreateDevice'),
    imported('ntoskrnl.exe', 'IoInitializeRemoveLockEx'),
    imported('ntoskrnl.exe', '@ObfReferenceObjectWithTag@8'),
    imported('ntoskrnl.exe', null),
  ];
  assert.deepEqual(importedPoolFunctions(imports), [
    'ndis.sys!NdisAllocateMemoryWithTag',
    'ntoskrnl.exe!ExAllocatePoolWithTag',
    'ntoskrnl.exe!ExFreePool',
    'ntoskrnl.exe!ExFreePoolWithTag',
  ]);
});
