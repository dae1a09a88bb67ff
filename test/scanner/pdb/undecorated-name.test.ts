/** Decorated names, and the plain ones that are certain. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Arch } from '../../../data/facts.ts';
import { undecoratedName } from '../../../scanner/pdb/undecorated-name.ts';
import { stopwatch } from '../../stopwatch.ts';

const VECTORS: [decorated: string, arch: Arch, expected: string, why: string][] = [
  ['AllocateContext', 'x64', 'AllocateContext', 'C is not decorated on x64'],
  ['_AllocateContext', 'x64', '_AllocateContext', 'on x64 the underscore is its own'],
  ['_AllocateContext', 'x86', 'AllocateContext', 'cdecl'],
  ['_AllocateContext@12', 'x86', 'AllocateContext', 'stdcall'],
  ['_AllocateContext@12', 'arm64', '_AllocateContext@12', 'only x86 has stdcall'],
  ['@IofCallDriver@8', 'x86', 'IofCallDriver', 'fastcall'],
  [
    '__imp__ExFreePool@4',
    'x86',
    '_imp__ExFreePool',
    'a pointer of the import table is a name like any other',
  ],
  ['_a@b@4', 'x86', '_a@b@4', 'no decoration has two marks'],
  ['Vector@@16', 'x64', 'Vector@@16', 'vectorcall is left as it is'],
  ['?Create@Buffer@Ring@@SAPEAV12@_K@Z', 'x64', 'Ring::Buffer::Create', 'a member in a namespace'],
  ['?Open@@YAHXZ', 'x64', 'Open', 'a function of C++ without a scope'],
  ['?Open@@YGHXZ', 'x86', 'Open', 'C++ is decorated alike on x86'],
  ['?g_list@Pool@@2PEAXEA', 'x64', 'Pool::g_list', 'data too'],
  ['??0Buffer@Ring@@QEAA@_K@Z', 'x64', 'Ring::Buffer::Buffer', 'a constructor'],
  ['??1Buffer@Ring@@QEAA@XZ', 'x64', 'Ring::Buffer::~Buffer', 'a destructor'],
  ['??2@YAPEAX_K@Z', 'x64', 'operator new', 'the global operator'],
  ['??3@YAXPEAX@Z', 'x64', 'operator delete', 'the global operator'],
  ['??_U@YAPEAX_KIK@Z', 'x64', 'operator new[]', 'with arguments of its own'],
  ['??_V@YAXPEAX@Z', 'x64', 'operator delete[]', 'the array form'],
  ['??2Buffer@Ring@@SAPEAX_K@Z', 'x64', 'Ring::Buffer::operator new', 'an operator of a class'],
  [
    '??4Buffer@@QEAAAEAV0@AEBV0@@Z',
    'x64',
    '??4Buffer@@QEAAAEAV0@AEBV0@@Z',
    'other operators stay as they are',
  ],
  ['??_7Buffer@@6B@', 'x64', '??_7Buffer@@6B@', 'a table of virtual functions'],
  ['??$Make@H@@YAXH@Z', 'x64', '??$Make@H@@YAXH@Z', 'a template'],
  ['?Get@?$List@H@@QEAAHXZ', 'x64', '?Get@?$List@H@@QEAAHXZ', 'a member of a template'],
  ['?Get@A@1@QEAAHXZ', 'x64', '?Get@A@1@QEAAHXZ', 'a reference back to a name before'],
  ['?Run@?A0x1234abcd@@YAXXZ', 'x64', '?Run@?A0x1234abcd@@YAXXZ', 'an unnamed namespace'],
  ['?', 'x64', '?', 'nothing behind the mark'],
  ['??', 'x64', '??', 'nothing behind the marks'],
  ['??_', 'x64', '??_', 'half an operator'],
  ['?@@', 'x64', '?@@', 'no name'],
  ['', 'x86', '', 'nothing at all'],
];
for (const [decorated, arch, expected, why] of VECTORS) {
  test(`${JSON.stringify(decorated)} on ${arch} reads ${JSON.stringify(expected)}: ${why}`, () => {
    assert.equal(undecoratedName(decorated, arch), expected);
  });
}

test('A name of the greatest length is read in no time', () => {
  const takenMs = stopwatch();
  for (const name of [`?${'a@'.repeat(2000)}`, `_${'a'.repeat(4000)}@`, `@${'a@'.repeat(2000)}`]) {
    assert.equal(undecoratedName(name, 'x86'), name);
  }
  assert.ok(takenMs() < 500);
});
