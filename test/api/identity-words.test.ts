/** What is said of a file's signature: who, when, and whether the digest is the one that was signed; no word of trust. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  frameworkNames,
  isChangedSinceSigned,
  otherSigner,
  signatureLines,
  signatureSummary,
} from '../../api/identity-words.ts';
import type { DriverIdentity, DriverSignature, FileSignature } from '../../data/facts.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

function identity(facts: Partial<DriverIdentity>): DriverIdentity {
  return { ...NO_FACTS, fileName: 'foo.sys', sha256: '', sizeBytes: 1, arch: 'x64', ...facts };
}

function signedBy(...signatures: Partial<FileSignature>[]): DriverSignature {
  return { status: 'signed', signatures: signatures.map(one => ({ ...CONTOSO, ...one })) };
}

const CONTOSO: FileSignature = {
  signer: 'Contoso Ltd',
  organization: 'Contoso Ltd',
  issuer: 'Some CA',
  programName: null,
  digestAlgorithm: 'sha256',
  digest: 'ab',
  digestMatches: true,
  signedAt: '2024-05-01T09:00:00Z',
  signedAtBy: 'timestamp',
  isNested: false,
};
const PUBLISHER: Partial<FileSignature> = {
  signer: 'Microsoft Windows Hardware Compatibility Publisher',
  organization: 'Microsoft Corporation',
  programName: 'Contoso Ltd',
};

const LINES: [why: string, signature: DriverSignature | null, lines: string[]][] = [
  ['nobody looked', null, []],
  [
    'no signature',
    { status: 'none', signatures: [] },
    ['No embedded signature (it may be signed by a catalogue).'],
  ],
  [
    'one that cannot be read',
    { status: 'unreadable', signatures: [] },
    ['There is a signature, but it cannot be read.'],
  ],
  [
    'a sound one',
    signedBy({}),
    [
      "Contoso Ltd on 2024-05-01 09:00:00 UTC, by a certificate of Some CA: the file's SHA-256 digest is the one that was signed.",
    ],
  ],
  [
    'a changed file, signed for somebody',
    signedBy({ programName: 'Disk filter', digestMatches: false, digestAlgorithm: 'sha1', issuer: null }),
    [
      'Contoso Ltd for "Disk filter" on 2024-05-01 09:00:00 UTC: the file\'s SHA-1 digest is not the one that was signed.',
    ],
  ],
  [
    'a time that only the signer says',
    signedBy({ signedAtBy: 'signer', issuer: null }),
    [
      "Contoso Ltd on 2024-05-01 09:00:00 UTC by the signer's own clock: the file's SHA-256 digest is the one that was signed.",
    ],
  ],
  [
    'nothing known but the digest, by an unknown algorithm',
    signedBy({
      signer: null,
      issuer: null,
      signedAt: null,
      signedAtBy: null,
      digestAlgorithm: '1.2.3',
      digestMatches: null,
    }),
    [
      'a signer whose certificate is not in the file: a digest by 1.2.3 cannot be computed here and was not compared.',
    ],
  ],
];
for (const [why, signature, lines] of LINES) {
  test(`Lines of a signature: ${why}`, () => {
    const texts = signatureLines(identity({ signature })).map(({ text }) => text);
    assert.deepEqual(texts, lines);
  });
}

test('Only a digest that was compared and differs is a changed one', () => {
  const changed = (digestMatches: boolean | null) =>
    isChangedSinceSigned(identity({ signature: signedBy({}, { digestMatches }) }));
  assert.deepEqual([true, false, null].map(changed), [false, true, false]);
  assert.equal(isChangedSinceSigned(identity({})), false);
});

const SUMMARIES: [why: string, signature: DriverSignature | null, text: string | undefined][] = [
  ['nobody looked', null, undefined],
  ['none', { status: 'none', signatures: [] }, 'No embedded signature (it may be signed by a catalogue).'],
  [
    'two signers',
    signedBy({ digestAlgorithm: 'sha1' }, PUBLISHER, {}),
    'Signed by Contoso Ltd and Microsoft Windows Hardware Compatibility Publisher for "Contoso Ltd": ' +
      "the file's SHA-1 and SHA-256 digests are the ones that were signed.",
  ],
  [
    'one digest of two',
    signedBy({ digestAlgorithm: 'sha1' }, { digestMatches: false }),
    "Signed by Contoso Ltd: the file's SHA-1 digest is the one that was signed; " +
      "the file's SHA-256 digest is not the one that was signed.",
  ],
];
for (const [why, signature, text] of SUMMARIES) {
  test(`Summary of signatures: ${why}`, () =>
    assert.equal(signatureSummary(identity({ signature }))?.text, text));
}

const OTHERS: [
  why: string,
  company: string | null,
  signature: DriverSignature | null,
  signer: string | null,
][] = [
  ['the company itself', 'CONTOSO GmbH', signedBy({}), null],
  ['a publisher for the company', 'Contoso', signedBy(PUBLISHER), null],
  ['somebody else', 'Fabrikam', signedBy({}), 'Contoso Ltd'],
  ['a signer where the file names no company', null, signedBy({}), 'Contoso Ltd'],
  ['nobody', 'Contoso', { status: 'none', signatures: [] }, null],
  ['not looked at', 'Contoso', null, null],
];
for (const [why, company, signature, signer] of OTHERS) {
  test(`A list names a signer that is not the company: ${why}`, () =>
    assert.equal(otherSigner(identity({ company, signature })), signer));
}

test('Frameworks are named with the version that the driver binds to', () => {
  const frameworks = [
    { id: 'kmdf', name: 'KMDF', version: '1.15' },
    { id: 'minifilter', name: 'minifilter', version: null },
  ];
  assert.deepEqual(frameworkNames(identity({ frameworks })), ['KMDF 1.15', 'minifilter']);
});
