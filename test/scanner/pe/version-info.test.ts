/** What an image's version resources say, in whatever language and shape compilers leave them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import { NO_VERSION, readVersionInfo } from '../../../scanner/pe/version-info.ts';
import { tinyImage } from './tiny-image.ts';
import { type TinyVersion, versionInfo } from './tiny-version.ts';

const ENGLISH = {
  CompanyName: 'Contoso Ltd.',
  ProductName: 'Contoso Vault',
  FileDescription: 'Vault filter driver',
  FileVersion: '3.2 (rel.240501)',
  OriginalFilename: 'vault.sys',
};

test('All five facts are read, the version from the fixed part', () => {
  const resource = versionInfo({
    language: 0x409,
    fixed: [10, 0, 19041, 65535],
    tables: { '040904b0': ENGLISH },
  });
  assert.deepEqual(readVersionInfo(resource), {
    company: 'Contoso Ltd.',
    product: 'Contoso Vault',
    description: 'Vault filter driver',
    version: '10.0.19041.65535',
    originalName: 'vault.sys',
  });
});

const versions: [
  fixed: TinyVersion['fixed'],
  text: string | undefined,
  expected: string | null,
  why: string,
][] = [
  [[1, 2, 3, 4], '9.9', '1.2.3.4', 'the fixed part is what Windows compares'],
  [undefined, '9.9', '9.9', 'no fixed part: the text'],
  [[0, 0, 0, 0], '9.9', '9.9', 'all zero says nothing: the text'],
  [[0, 0, 0, 0], undefined, null, 'nothing at all'],
];
for (const [fixed, text, expected, why] of versions) {
  test(`The version is ${expected}: ${why}`, () => {
    const strings: Record<string, string> = text === undefined ? {} : { FileVersion: text };
    const resource = versionInfo({ language: 0, fixed, tables: { '000004b0': strings } });
    assert.equal(readVersionInfo(resource).version, expected);
  });
}

test('Of several string tables English wins, and others fill its gaps', () => {
  const resource = versionInfo({
    language: 0,
    tables: {
      '040704b0': { CompanyName: 'Contoso GmbH', ProductName: 'Tresor' },
      '040904b0': { CompanyName: 'Contoso Ltd.' },
    },
  });
  const { company, product } = readVersionInfo(resource);
  assert.deepEqual([company, product], ['Contoso Ltd.', 'Tresor']);
});

test('Of several resources the English one is read, then the neutral one, then any', () => {
  const inLanguage = (language: number): TinyVersion => ({
    language,
    tables: { '040904b0': { CompanyName: `language ${language}` } },
  });
  const companyOf = (...languages: number[]) => {
    const image = readDriverImage(tinyImage({ arch: 'x64', versions: languages.map(inLanguage) }));
    assert.ok(!('code' in image));
    return image.version.company;
  };
  assert.equal(companyOf(0x407, 0, 0x809, 0x409), 'language 1033');
  assert.equal(companyOf(0x407, 0x809, 0), 'language 0');
  assert.equal(companyOf(0x407, 0x809), 'language 2057');
  assert.equal(companyOf(0x407), 'language 1031');
});

test('Names are shown without control characters and within bounds', () => {
  const resource = versionInfo({
    language: 0,
    tables: { '040904b0': { CompanyName: '\u001b[31mCon\u202etoso\n ', ProductName: 'x'.repeat(5000) } },
  });
  const { company, product } = readVersionInfo(resource);
  assert.equal(company, '[31mContoso');
  assert.equal(product, 'x'.repeat(256));
});

test('A blank name is no name', () => {
  const resource = versionInfo({ language: 0, tables: { '040904b0': { CompanyName: '   ' } } });
  assert.equal(readVersionInfo(resource).company, null);
});

test('Every prefix of a version resource gives facts or none, and never throws', () => {
  const resource = versionInfo({ language: 0, fixed: [1, 2, 3, 4], tables: { '040904b0': ENGLISH } });
  for (let length = 0; length < resource.length; length++) {
    const facts = readVersionInfo(resource.subarray(0, length));
    assert.ok(facts.company === null || 'Contoso Ltd.'.startsWith(facts.company));
  }
  assert.deepEqual(readVersionInfo(new Uint8Array(0)), NO_VERSION);
});
