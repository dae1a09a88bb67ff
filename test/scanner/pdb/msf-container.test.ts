/** The container of a PDB: streams over scattered blocks, and what is no such container. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { openMsf } from '../../../scanner/pdb/msf-container.ts';
import { PdbProblem } from '../../../scanner/pdb/pdb-problem.ts';
import { GuardedBytes } from '../../../scanner/pe/guarded-bytes.ts';
import '../../property-seed.ts';
import { memoryFile } from './memory-file.ts';
import { msfOf } from './tiny-pdb.ts';

function opened(bytes: Uint8Array) {
  const msf = openMsf(memoryFile(bytes));
  assert.ok(!(msf instanceof PdbProblem), `it opens: ${(msf as PdbProblem).message}`);
  return msf;
}

function bytesOf(read: GuardedBytes | PdbProblem): Uint8Array {
  assert.ok(read instanceof GuardedBytes, `it reads: ${(read as PdbProblem).message}`);
  return read.bytes;
}

test('Any part of any stream reads as it was written, at every block size', () => {
  const streams = fc.array(fc.option(fc.uint8Array({ maxLength: 3000 })), { minLength: 1, maxLength: 6 });
  const blockSize = fc.constantFrom(512, 1024, 4096, 32768);
  fc.assert(
    fc.property(streams, blockSize, fc.nat(3000), fc.nat(3000), (contents, size, offset, length) => {
      const msf = opened(msfOf(contents, size));
      contents.forEach((content, number) => {
        assert.equal(msf.sizeOf(number), content?.length);
        const expected = content?.subarray(offset, offset + length) ?? new Uint8Array(0);
        assert.deepEqual(bytesOf(msf.read(number, offset, length)), Uint8Array.from(expected));
      });
      assert.equal(msf.sizeOf(contents.length), undefined);
    }),
    { numRuns: 60 },
  );
});

test('Only the blocks of the part that is asked for are read', () => {
  const file = memoryFile(msfOf([new Uint8Array(1_000_000), new Uint8Array(600).fill(9)], 4096));
  const msf = openMsf(file);
  assert.ok(!(msf instanceof PdbProblem));
  file.bytesRead = 0;
  bytesOf(msf.read(0, 8000, 500));
  assert.ok(file.bytesRead <= 3 * 4096, `${file.bytesRead} bytes were read`);
});

const sound = msfOf([new Uint8Array(600).fill(1), new Uint8Array(2000).fill(2)]);
const changed = (at: number, value: number) => {
  const bytes = sound.slice();
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
};
const REFUSED: [what: string, bytes: Uint8Array, message: RegExp][] = [
  ['an empty file', new Uint8Array(0), /no PDB/],
  ['text', new Uint8Array(500).fill(0x20), /no PDB/],
  [
    'a PDB of Visual C++ 6',
    Uint8Array.from(Buffer.from('Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0')),
    /Visual C\+\+ 6/,
  ],
  ['a file that ends in its header', sound.slice(0, 40), /cut short/],
  ['a file that ends before its directory', sound.slice(0, 1600), /cut short/],
  ['blocks of no size', changed(32, 0), /blocks have 0 bytes/],
  ['blocks of 1,000 bytes', changed(32, 1000), /blocks have 1000 bytes/],
  ['blocks of 1 MB', changed(32, 0x100000), /blocks have 1048576 bytes/],
  ['a directory of 4 GB', changed(44, 0xffffffff), /larger than any PDB needs/],
  ['a directory of no size', changed(44, 0), /directory is damaged/],
  ['a directory somewhere else', changed(52, 0xffffffff), /directory is damaged/],
  ['a directory in zeros', changed(52, 1), /damaged/],
  ['fewer blocks than it uses', changed(40, 4), /damaged/],
];
for (const [what, bytes, message] of REFUSED) {
  test(`A file with ${what} is a problem with its reason`, () => {
    const msf = openMsf(memoryFile(bytes));
    const result = msf instanceof PdbProblem ? msf : msf.read(1, 0, 2000);
    assert.ok(result instanceof PdbProblem);
    assert.match(result.message, message);
  });
}

test('A stream that claims more than the file has is cut short, and takes no memory', () => {
  const bytes = sound.slice();
  const directoryAt = bytes.length - 512;
  new DataView(bytes.buffer).setUint32(directoryAt + 8, 0xfffffff0, true);
  const read = opened(bytes).read(1, 0, 0xfffffff0);
  assert.ok(read instanceof PdbProblem);
});

test('A file that is too large is not read at all', () => {
  const file = memoryFile(sound);
  const problem = openMsf({ sizeBytes: 5 * 1024 ** 3, read: () => assert.fail('it was read') });
  assert.ok(problem instanceof PdbProblem);
  assert.match(problem.message, /it has 5368709120 bytes/);
  assert.equal(file.bytesRead, 0);
});
