/** The test sources declare every tag-like constant that they hold, so that the measured precision means something. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { parseDriverName, readTruth, sourceFiles } from './truth.ts';

/** What is declared for each processor: a source may hold one and the same tag in code for each. */
const EVERY_BUILD = (['x86', 'x64', 'arm64'] as const).map(arch => new Set([arch, 'gcc', 'clang', 'direct']));

for (const file of sourceFiles()) {
  test(`Every multi-character constant of ${file} is declared as a tag or as bait`, () => {
    const truths = EVERY_BUILD.map(build => readTruth(file, build));
    const declared = new Set(
      truths.flatMap(({ tags, open, bait }) => [...tags.map(({ tag }) => tag), ...open, ...bait.keys()]),
    );
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
    for (const build of EVERY_BUILD) {
      const { tags, bait } = readTruth(file, build);
      assert.deepEqual(
        tags.filter(({ tag }) => bait.has(tag)),
        [],
      );
    }
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
