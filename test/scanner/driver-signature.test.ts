/** Who signed a file, and whether the file is still the one that was signed. The drivers come from sign-drivers.sh. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { driverSignature } from '../../scanner/driver-signature.ts';
import { signatureMeans } from '../../scanner/files/signature-means.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { stopwatch } from '../stopwatch.ts';
import { mutateImage } from './pe/mutate-image.ts';
import { signatureMessage } from './pe/signature-message.ts';
import { tinyImage } from './pe/tiny-image.ts';

const read = (path: string) => new Uint8Array(readFileSync(projectFile('test', path)));
const SINGLE = read('drivers/signed/sample-disk.signed.sys');
const DUAL = read('drivers/signed/sample-files.dual-signed.sys');
const UNSIGNED = read('../data/samples/sample-disk.sys');
/** Far above what reading takes, far below a hang; a busy machine must not fail the test. */
const LIMIT_MS = 2000;

async function signatureOf(bytes: Uint8Array) {
  const image = readDriverImage(bytes);
  assert.ok(!('code' in image));
  return driverSignature(bytes, image.certificates, await signatureMeans(bytes));
}

test('A driver that is signed once names its signer, and its digest is the one that was signed', async () => {
  const { signature, remarks } = await signatureOf(SINGLE);
  assert.deepEqual(signature, {
    status: 'signed',
    signatures: [
      {
        signer: 'Contoso Ltd',
        organization: 'Contoso Ltd',
        issuer: 'Pooltag test authority',
        programName: 'Contoso disk filter',
        digestAlgorithm: 'sha256',
        // By osslsigncode 2.9: "Calculated message digest".
        digest: '4d1c0e48d5831fcaa64ece558b89bb5c405db24b4b2cc4d2654f1aae2a0f793a',
        digestMatches: true,
        signedAt: '2024-05-01T09:00:00Z',
        signedAtBy: 'timestamp',
        isNested: false,
      },
    ],
  });
  assert.deepEqual(remarks, []);
});

test('Of two signatures both are listed, the outer one first, each with its own digest', async () => {
  const { signature } = await signatureOf(DUAL);
  assert.deepEqual(
    signature.signatures.map(one => [one.signer, one.digestAlgorithm, one.digestMatches, one.isNested]),
    [
      ['Contoso Ltd', 'sha1', true, false],
      ['Fabrikam Hardware Lab', 'sha256', true, true],
    ],
  );
  assert.equal(signature.signatures[1].organization, 'Fabrikam Größe');
});

test('A flipped bit in code, in a header or behind the image is another digest; in what is not signed it is not', async () => {
  const image = readDriverImage(SINGLE);
  assert.ok(!('code' in image) && image.certificates !== null);
  const { offset, checksumOffset, entryOffset } = image.certificates;
  const CHANGES: [at: number, matches: boolean, where: string][] = [
    [0x400, true, 'code'],
    [offset - 1, true, 'the last byte of the image'],
    [checksumOffset - 1, true, 'before the checksum'],
    [checksumOffset + 4, true, 'behind the checksum'],
    [entryOffset - 1, true, 'before the directory row'],
    [entryOffset + 8, true, 'behind the directory row'],
    [checksumOffset, false, 'the checksum'],
    [checksumOffset + 3, false, 'the end of the checksum'],
    [offset + 4, false, 'the revision of the certificate entry'],
  ];
  for (const [at, isCovered, where] of CHANGES) {
    const changed = SINGLE.slice();
    changed[at] ^= 1;
    const { signature } = await signatureOf(changed);
    assert.equal(signature.signatures[0]?.digestMatches, !isCovered, where);
  }
  const longer = new Uint8Array(SINGLE.length + 8);
  longer.set(SINGLE);
  assert.equal(
    (await signatureOf(longer)).signature.signatures[0].digestMatches,
    false,
    'bytes behind it all',
  );
});

test('A file without a signature says so, without a remark', async () => {
  assert.deepEqual(await signatureOf(UNSIGNED), {
    signature: { status: 'none', signatures: [] },
    remarks: [],
  });
});

test('An algorithm that cannot be computed is not compared', async () => {
  const { signature } = await signatureOf(imageWith(entry(signatureMessage({ digestAlgorithm: '1.2.3.4' }))));
  assert.equal(signature.signatures[0].digestMatches, null);
});

/** A WIN_CERTIFICATE entry, filled up to a multiple of eight. */
function entry(message: Uint8Array, { length = message.length + 8, type = 2 } = {}): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((message.length + 8) / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, 0x200, true);
  view.setUint16(6, type, true);
  bytes.set(message, 8);
  return bytes;
}

function imageWith(...entries: Uint8Array[]): Uint8Array {
  return tinyImage({ arch: 'x64', tail: { directory: true, bytes: new Uint8Array(Buffer.concat(entries)) } });
}

test('Entries beside each other are all read, in their order; other kinds are passed over', async () => {
  const message = signatureMessage();
  const { signature, remarks } = await signatureOf(
    imageWith(entry(message, { type: 1 }), entry(message), entry(Buffer.from('damaged')), entry(message)),
  );
  assert.equal(signature.signatures.length, 2);
  assert.deepEqual(
    signature.signatures.map(one => [one.isNested, one.digestMatches]),
    [
      [false, false],
      [false, false],
    ],
  );
  assert.deepEqual(remarks, ['1 of 3 signatures cannot be read.']);
});

const message = signatureMessage();
const UNREADABLE: [why: string, bytes: Uint8Array, remark: RegExp][] = [
  ['an entry that is no message', imageWith(entry(Buffer.from('no message'))), /no Authenticode signature/],
  ['an entry of no length', imageWith(entry(message, { length: 0 })), /no entry of a signature/],
  ['an entry past the table', imageWith(entry(message, { length: 0xffffffff })), /no entry of a signature/],
  ['only another kind of entry', imageWith(entry(message, { type: 1 })), /no entry of a signature/],
  ['a table of four bytes', imageWith(new Uint8Array(4)), /no entry of a signature/],
  ['a table larger than any', imageWith(entry(new Uint8Array(1024 * 1024))), /no signature needs more/],
  ['a table past the end of the file', withTable({ size: 0x100000 }), /past the end of the file/],
  [
    'a table at four gigabytes',
    withTable({ offset: 0xfffffff8, size: 0xfffffff8 }),
    /past the end of the file/,
  ],
  ['a table within the headers', withTable({ offset: 8, size: 64 }), /within the headers/],
];
for (const [why, bytes, remark] of UNREADABLE) {
  test(`Unreadable: ${why}`, async () => {
    const { signature, remarks } = await signatureOf(bytes);
    assert.deepEqual(signature, { status: 'unreadable', signatures: [] });
    assert.match(remarks.join(), remark);
  });
}

/** The signed driver with another row among its data directories. */
function withTable({ offset, size }: { offset?: number; size: number }): Uint8Array {
  const image = readDriverImage(SINGLE);
  assert.ok(!('code' in image) && image.certificates !== null);
  const bytes = SINGLE.slice();
  const view = new DataView(bytes.buffer);
  if (offset !== undefined) view.setUint32(image.certificates.entryOffset, offset, true);
  view.setUint32(image.certificates.entryOffset + 4, size, true);
  return bytes;
}

test('A scan without means to read signatures does not guess', () => {
  const outcome = scanDriver(SINGLE, { fileName: 'a.sys', sha256: '' });
  assert.ok(outcome.status === 'scanned');
  assert.equal(outcome.driver.signature, null);
});

test('A scan tells the remarks of a signature that cannot be read', async () => {
  const bytes = withTable({ offset: 8, size: 64 });
  const signatures = await signatureMeans(bytes);
  const outcome = scanDriver(bytes, { fileName: 'a.sys', sha256: '' }, { signatures });
  assert.ok(outcome.status === 'scanned');
  assert.match(
    outcome.remarks.join('\n'),
    /The signature cannot be read: its table lies within the headers\./,
  );
});

test('Any damage to a signed driver gives an outcome in bounded time', async () => {
  const image = readDriverImage(DUAL);
  assert.ok(!('code' in image) && image.certificates !== null);
  const { offset } = image.certificates;
  for (let seed = 1; seed <= 600; seed++) {
    // Half the damage goes to the signature, which is most of what is new here.
    const bytes = mutateImage(DUAL, seed);
    if (seed % 2 === 0 && bytes.length > offset) bytes.set(mutateImage(bytes.slice(offset), seed), offset);
    const takenMs = stopwatch();
    const outcome = scanDriver(
      bytes,
      { fileName: 'a.sys', sha256: '' },
      { signatures: await signatureMeans(bytes) },
    );
    assert.ok(takenMs() < LIMIT_MS, `seed ${seed}`);
    if (outcome.status === 'scanned') {
      assert.ok(outcome.driver.signature !== null, `seed ${seed}`);
      assert.doesNotMatch(JSON.stringify(outcome.driver), /[\p{Cc}\p{Cf}]/u, `seed ${seed}`);
    }
  }
});
