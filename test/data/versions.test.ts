import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { compareKnown, compareVersions, parseVersion, versionOfFile } from '../../data/versions.ts';
import { parseWindowsBuild, windowsBuildInWords } from '../../data/windows-builds.ts';

const RELEASES = [
  { name: 'Windows XP', build: '5.1.2600' },
  { name: 'Windows 7 SP1', build: '6.1.7601' },
  { name: 'Windows Server 2008 R2 SP1', build: '6.1.7601' },
];

const ORDER: [a: string, b: string, sign: number][] = [
  ['0.9988', '1.78', -1],
  ['0.9988', '0.9989', -1],
  ['0.993', '0.9988', -1],
  ['1.78', '1.78.0.0', 0],
  ['5.1.2600.3357', '5.1.2600.5586', -1],
  ['10.0.26100.8875', '6.0.6001.22137', 1],
  ['10.0.9', '10.0.10', -1],
];
for (const [a, b, sign] of ORDER) {
  test(`${a} against ${b} is ${sign}.`, () => {
    assert.equal(Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!)), sign);
    assert.equal(Math.sign(compareVersions(parseVersion(b)!, parseVersion(a)!)), sign === 0 ? 0 : -sign);
  });
}

test('A version that ends before the two differ tells nothing, but zeros may be left out.', () => {
  assert.equal(compareKnown([5, 1, 2600], [5, 1, 2600, 3357]), undefined);
  assert.equal(compareKnown([5, 2], [5, 1, 2600, 3357]), 1);
  assert.equal(compareKnown([1, 78], [1, 78, 0, 0]), 0);
  assert.equal(compareKnown([1, 78, 1], [1, 78]), 1);
});

for (const text of [
  '',
  '1.',
  '.1',
  '1..2',
  '1.2.3.4.5',
  'v1',
  '1.2 beta',
  '-1',
  '1e3',
  '１.２',
  '9999999999',
  ' 1',
]) {
  test(`${JSON.stringify(text)} is no version.`, () => assert.equal(parseVersion(text), null));
}

const FILES: [text: string | null, version: number[] | null][] = [
  ['10.0.26100.1 (WinBuild.160101.0800)', [10, 0, 26100, 1]],
  ['5, 1, 2600, 0', [5, 1, 2600, 0]],
  ['v7.01', [7, 1]],
  ['build 7', null],
  ['1.2.3.4.5', null],
  [null, null],
];
for (const [text, version] of FILES) {
  test(`A file that calls itself ${text} has the version ${version}.`, () => {
    assert.deepEqual(versionOfFile(text), version);
  });
}

const BUILDS: [text: string, build: string | null][] = [
  ['10.0.26200', '10.0.26200'],
  [' 10.0.26200.8875 ', '10.0.26200.8875'],
  ['26200', '10.0.26200'],
  ['2600', '5.1.2600'],
  ['windows 7 sp1', '6.1.7601'],
  ['5.1.2600.3357', '5.1.2600.3357'],
  ['9', null],
  ['10.0', null],
  ['10.0.19', null],
  ['11.0.26200', null],
  ['7.1.7601', null],
  ['Windows Nine', null],
  ['10.0.26200; drop', null],
];
for (const [text, build] of BUILDS) {
  test(`${JSON.stringify(text)} is the build ${build}.`, () => {
    assert.equal(parseWindowsBuild(text, RELEASES)?.join('.') ?? null, build);
  });
}

test('A build is named with every release that has it.', () => {
  assert.equal(
    windowsBuildInWords([6, 1, 7601, 17514], RELEASES),
    '6.1.7601.17514 (Windows 7 SP1, Windows Server 2008 R2 SP1)',
  );
  assert.equal(windowsBuildInWords([10, 0, 26200], RELEASES), '10.0.26200');
});

test('Comparing is an order, and what can be told without all parts agrees with it.', () => {
  const version = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
      const known = compareKnown(a, b);
      if (known !== undefined) assert.equal(Math.sign(known), Math.sign(compareVersions(a, b)));
    }),
  );
});
