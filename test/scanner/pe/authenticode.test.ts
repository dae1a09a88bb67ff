/** What a signature's message says, from whoever wrote it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { stopwatch } from '../../stopwatch.ts';
import '../../property-seed.ts';
import fc from 'fast-check';
import { readSignatures } from '../../../scanner/pe/authenticode.ts';
import {
  attribute,
  bmp,
  COMMON_NAME,
  der,
  generalizedTime,
  type MessageSpec,
  name,
  OIDS,
  ORGANIZATION,
  oid,
  opusInfo,
  sequence,
  signatureMessage,
  signedData,
  signerInfo,
  timestampToken,
  utcTime,
  utf8,
} from './signature-message.ts';

/** Far above what such a message takes, far below a hang; a busy machine must not fail the test. */
const LIMIT_MS = 3000;

function onlySignature(spec: MessageSpec) {
  const read = readSignatures(signatureMessage(spec));
  assert.ok(read !== undefined && read.length === 1);
  return read[0];
}

test('A plain signature names its signer, issuer and digest, and no time', () => {
  assert.deepEqual(onlySignature({}), {
    signer: 'Contoso Ltd',
    organization: null,
    issuer: 'Test authority',
    programName: null,
    digestAlgorithm: 'sha256',
    digest: 'ab'.repeat(32),
    signedAt: null,
    signedAtBy: null,
    isNested: false,
  });
});

const cn = (value: Uint8Array): MessageSpec => ({ subject: name([COMMON_NAME, value]) });
const signedOn = (time: Uint8Array): MessageSpec => ({ signed: [attribute(OIDS.signingTime, time)] });
const stamped = (time: Uint8Array): MessageSpec => ({
  unsigned: [attribute(OIDS.timestamp, timestampToken(time))],
});
const DETAILS: [why: string, spec: MessageSpec, fact: keyof ReturnType<typeof onlySignature>, unknown][] = [
  ['UTF-8', cn(utf8('Größe 大小')), 'signer', 'Größe 大小'],
  ['UTF-16, as old authorities wrote', cn(bmp('Größe')), 'signer', 'Größe'],
  ['Teletex as latin1', cn(der(0x14, Buffer.from('Größe', 'latin1'))), 'signer', 'Größe'],
  [
    'a printable string with a character it may not have',
    cn(der(0x13, Buffer.from('A&B*'))),
    'signer',
    'A&B*',
  ],
  ['control and direction characters', cn(utf8('A\u0007\u202eB\u001b[31m')), 'signer', 'AB[31m'],
  ['a name of nothing but controls', cn(utf8('\u0001\u0002')), 'signer', null],
  ['a very long name', cn(utf8('x'.repeat(5000))), 'signer', 'x'.repeat(256)],
  ['only an organisation', { subject: name([ORGANIZATION, utf8('Org')]) }, 'signer', 'Org'],
  [
    'several common names: the most specific',
    { subject: name([COMMON_NAME, utf8('CA')], [COMMON_NAME, utf8('Unit')]) },
    'signer',
    'Unit',
  ],
  ['a certificate of version 1', { isVersion1: true }, 'signer', 'Contoso Ltd'],
  ['no certificate', { subject: null }, 'signer', null],
  ['a signer named by its key', { identity: der(0x80, [1, 2, 3]) }, 'signer', null],
  ['an algorithm without a name', { digestAlgorithm: '1.2.3.4' }, 'digestAlgorithm', '1.2.3.4'],
  ['SHA-384', { digestAlgorithm: '2.16.840.1.101.3.4.2.2' }, 'digestAlgorithm', 'sha384'],
  ['a program name in UTF-16', { signed: [opusInfo(0x80, 'Filter ü')] }, 'programName', 'Filter ü'],
  ['a program name in ASCII', { signed: [opusInfo(0x81, 'Filter')] }, 'programName', 'Filter'],
  ['an opus info without a name', { signed: [attribute(OIDS.opusInfo, sequence())] }, 'programName', null],
  ['the signer itself', signedOn(utcTime('240501090000Z')), 'signedAt', '2024-05-01T09:00:00Z'],
  ['a year of the last century', signedOn(utcTime('990501090000Z')), 'signedAt', '1999-05-01T09:00:00Z'],
  ['a day that there is not', signedOn(utcTime('240231090000Z')), 'signedAt', null],
  ['a time of another zone', signedOn(utcTime('240501090000+0100')), 'signedAt', null],
  ['a time that is text', signedOn(utf8('240501090000Z')), 'signedAt', null],
  ['a time stamp', stamped(generalizedTime('20240501090000Z')), 'signedAt', '2024-05-01T09:00:00Z'],
  ['with fractions', stamped(generalizedTime('20240501090000.125Z')), 'signedAt', '2024-05-01T09:00:00Z'],
  ['a stamp that cannot be read', { unsigned: [attribute(OIDS.timestamp, utf8('no'))] }, 'signedAt', null],
  [
    'a countersignature',
    {
      ...signedOn(utcTime('240502000000Z')),
      unsigned: [
        attribute(
          OIDS.countersignature,
          signerInfo([attribute(OIDS.signingTime, utcTime('240501090000Z'))], []),
        ),
      ],
    },
    'signedAt',
    '2024-05-01T09:00:00Z',
  ],
];
for (const [why, spec, fact, expected] of DETAILS) {
  test(`The ${fact} is read from ${why}`, () => assert.equal(onlySignature(spec)[fact], expected));
}

test('The word of a time-stamp authority goes before that of the signer', () => {
  const own = attribute(OIDS.signingTime, utcTime('200101000000Z'));
  const { signedAt, signedAtBy } = onlySignature({
    signed: [own],
    ...stamped(generalizedTime('20240501090000Z')),
  });
  assert.deepEqual([signedAt, signedAtBy], ['2024-05-01T09:00:00Z', 'timestamp']);
  assert.equal(onlySignature({ signed: [own] }).signedAtBy, 'signer');
});

test('A nested signature follows the one it stands in', () => {
  const inner = signatureMessage({ subject: name([COMMON_NAME, utf8('Inner')]) });
  const read = readSignatures(signatureMessage({ unsigned: [attribute(OIDS.nested, inner, inner)] }));
  assert.deepEqual(
    read?.map(({ signer, isNested }) => [signer, isNested]),
    [
      ['Contoso Ltd', false],
      ['Inner', true],
      ['Inner', true],
    ],
  );
});

test('A nested signature that cannot be read costs itself alone', () => {
  const broken = attribute(OIDS.nested, utf8('no'));
  assert.equal(readSignatures(signatureMessage({ unsigned: [broken] }))?.length, 1);
  const sound = attribute(OIDS.nested, signatureMessage());
  assert.equal(readSignatures(signatureMessage({ unsigned: [broken, sound] }))?.length, 2);
});

const NO_SIGNATURES: [why: string, message: Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(0x30)],
  ['zeros', new Uint8Array(64)],
  ['text', Buffer.from('This is no signature.')],
  ['another kind of message', sequence(oid('1.2.840.113549.1.7.1'), der(0xa0, sequence()))],
  ['a signed message that holds no digest of an image', signatureMessage({ contentType: '1.2.3' })],
  ['an empty signed message', signedData('1.3.6.1.4.1.311.2.1.4', sequence())],
  ['a digest longer than any', signatureMessage({ digest: new Uint8Array(65) })],
  ['no signer', signatureMessage({ signers: 0 })],
  ['a length of four gigabytes', Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x06, 0x00)],
  ['a length without end', Uint8Array.of(0x30, 0x80, 0x06, 0x00, 0x00, 0x00)],
];
for (const [why, message] of NO_SIGNATURES) {
  test(`Not a signature: ${why}`, () => assert.equal(readSignatures(message), undefined));
}

function timed(message: Uint8Array): ReturnType<typeof readSignatures> {
  const takenMs = stopwatch();
  const read = readSignatures(message);
  const elapsedMs = takenMs();
  assert.ok(elapsedMs < LIMIT_MS, `It took ${elapsedMs} ms.`);
  return read;
}

test('Nesting without end ends after sixteen signatures', () => {
  let message = signatureMessage();
  for (let depth = 0; depth < 60; depth++)
    message = signatureMessage({ unsigned: [attribute(OIDS.nested, message)] });
  assert.equal(timed(message)?.length, 16);
});

test('Signers without end end there too', () => {
  assert.equal(timed(signatureMessage({ signers: 3000 }))?.length, 16);
});

test('A megabyte of empty elements is read in bounded time', () => {
  const junk = new Uint8Array(1024 * 1024);
  for (let at = 0; at < junk.length; at += 2) junk[at] = 0x05;
  timed(sequence(oid('1.2.840.113549.1.7.2'), der(0xa0, der(0x30, junk))));
  timed(signatureMessage({ unsigned: [der(0x30, oid(OIDS.nested), der(0x31, junk))] }));
  timed(signatureMessage({ subject: der(0x30, junk) }));
  timed(
    signedData('1.3.6.1.4.1.311.2.1.4', sequence(), { certificates: [junk], signers: [signerInfo([], [])] }),
  );
  timed(signatureMessage({ signed: [junk] }));
});

test('A megabyte of attributes is read in bounded time', () => {
  const attributes = Buffer.alloc(1024 * 1024 - 4, Buffer.from([0x30, 0x05, 0x06, 0x01, 0x2a, 0x31, 0x00]));
  timed(signatureMessage({ signed: [attributes.subarray(0, Math.floor(attributes.length / 7) * 7)] }));
});

test('A megabyte of elements within elements is read in bounded time', () => {
  for (const [first, second] of [
    [0x30, 0x80],
    [0x30, 0x83],
    [0xa0, 0x80],
  ]) {
    const deep = new Uint8Array(1024 * 1024);
    for (let at = 0; at < deep.length; at += 2) deep.set([first, second], at);
    timed(deep);
    timed(signatureMessage({ unsigned: [attribute(OIDS.nested, deep)] }));
  }
});

test('Property: damage anywhere gives signatures with clean names, or none, and never throws', () => {
  const whole = signatureMessage({
    signed: [opusInfo(0x80, 'Filter'), attribute(OIDS.signingTime, utcTime('240501090000Z'))],
    unsigned: [
      attribute(OIDS.timestamp, timestampToken(generalizedTime('20240501090000Z'))),
      attribute(OIDS.nested, signatureMessage()),
    ],
  });
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(whole.length), (changes, cut) => {
      const damaged = Uint8Array.from(whole);
      for (const [at, byte] of changes) damaged[at] = byte;
      for (const message of [damaged, damaged.subarray(0, cut)]) {
        for (const { signer, programName, signedAt, digest } of readSignatures(message) ?? []) {
          assert.doesNotMatch(`${signer}${programName}`, /[\p{Cc}\p{Cf}]/u);
          assert.match(digest, /^([0-9a-f]{2}){0,64}$/);
          assert.ok(signedAt === null || !Number.isNaN(Date.parse(signedAt)));
        }
      }
    }),
    { numRuns: 3000 },
  );
});
