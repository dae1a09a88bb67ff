/** The test sources declare every tag-like constant that they hold, so that the measured precision means something. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { parseDriverName, readTruth, sourceFiles } from './truth.ts';

const EVERY_BUILD = new Set(['x86', 'x64', 'arm64', 'gcc', 'clang', 'direct']);

for (const file of sourceFiles()) {
  test(`Every multi-character constant of ${file} is declared as a tag or as bait`, () => {
    const { tags, open, bait } = readTruth(file, EVERY_BUILD);
    const declared = new Set([...tags.map(({ tag }) => tag), ...open, ...bait.keys()]);
    const source = readFileSync(projectFile('test', 'drivers', 'src', file), 'utf8');
    const code = source.replace(/\/\*.*?\*\/|\/\/.*$/gm, '');
    const constants = [...code.matchAll(/'([^'\\]|\\.)+'/g)].map(([text]) => text.slice(1, -1));
    const tagLike = constants.filter(text => text.length >= 3 && !text.includes('\\'));
    assert.deepEqual(
      tagLike.filter(text => !declared.has([...text].reverse().join('').padEnd(4, '\0'))),
      [],
    );
  });

  test(`No declaration of ${file} contradicts another`, () => {
    const { tags, bait } = readTruth(file, EVERY_BUILD);
    assert.deepEqual(
      tags.filter(({ tag }) => bait.has(tag)),
      [],
    );
  });
}

test('The name of a test driver says how it was built', () => {
  assert.deepEqual(parseDriverName('disk-filter.x64.gcc.O0.strip.sys'), {
    source: 'disk-filter',
    arch: 'x64',
    compiler: 'gcc',
    level: 'O0',
    variant: 'strip',
  });
  assert.equal(parseDriverName('bait.x86.clang.O2.sys')?.variant, 'direct');
  assert.equal(parseDriverName('disk.sys'), undefined);
});
