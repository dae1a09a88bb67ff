import assert from 'node:assert/strict';
import test from 'node:test';
import { canonicalFile, imageFiles, namesNobody, ownerKey } from '../../api/image-names.ts';

const FILES: [image: string | null, files: string[], reason: string][] = [
  ['ntfs.sys', ['ntfs.sys'], 'a driver is its file'],
  ['NTFS.SYS', ['ntfs.sys'], 'Windows does not tell letter case in names'],
  ['nt!ps', ['ntoskrnl.exe'], 'a part of the kernel'],
  ['nt', ['ntoskrnl.exe'], 'the kernel without a part'],
  ['hal.dll', ['ntoskrnl.exe'], 'the kernel took the HAL in'],
  ['win32kfull.sys', ['win32k.sys'], 'win32k was split'],
  ['win32kbase!CKeyEvent::operator new', ['win32k.sys'], 'a module and a symbol with a blank'],
  ['tcpip', ['tcpip.sys'], 'lists leave the extension out'],
  ['nt!store or rdyboost.sys', ['ntoskrnl.exe', 'rdyboost.sys'], 'two owners joined by "or"'],
  ['a.sys, b.sys', ['a.sys', 'b.sys'], 'two owners joined by a comma'],
  ['perm2dll.dll', ['perm2dll.dll'], 'another extension stays'],
  ['<unknown>', [], 'the word of lists for nobody'],
  [null, [], 'no owner'],
  ['   ', [], 'blanks name nobody'],
];

for (const [image, files, reason] of FILES) {
  test(`imageFiles: ${JSON.stringify(image)} is ${files.join(' and ') || 'nothing'}: ${reason}`, () => {
    assert.deepEqual(imageFiles(image), files);
  });
}

test('a scanned kernel image of any build is the kernel', () => {
  for (const name of ['ntoskrnl.exe', 'NTKRNLPA.EXE', 'ntkrnlmp.exe', 'ntkrpamp.exe']) {
    assert.equal(canonicalFile(name), 'ntoskrnl.exe');
  }
});

test('parts of the kernel are different owners, spellings of one owner are the same', () => {
  assert.notEqual(ownerKey('nt!ps'), ownerKey('nt!mm'));
  assert.equal(ownerKey('nt!ps'), ownerKey(' NT!PS '));
  assert.equal(ownerKey('ntfs'), ownerKey('Ntfs.sys'));
});

test('placeholders name nobody, names do', () => {
  for (const name of [null, '', '<unknown>', '<multiple>', 'Unknown Driver', '???', '-'])
    assert.ok(namesNobody(name), `${name}`);
  for (const name of ['nt', 'unknown.sys', 'a']) assert.ok(!namesNobody(name), name);
});
