import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import fg from 'fast-glob';
import { projectFile } from '../../../data/project-files.ts';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { imageOfVector } from './image-of-vector.ts';

const folder = projectFile('test', 'vectors', 'code-analysis');
const files = fg.sync('*.txt', { cwd: folder }).sort();

test('There are vectors of the analysis.', () => assert.ok(files.length > 0));

for (const file of files) {
  for (const line of readFileSync(path.join(folder, file), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [arch, image, expected, reason] = line.split('|').map(cell => cell.trim());
    test(`${path.basename(file, '.txt')}, ${arch}: ${reason}.`, () => {
      const found = usesIn(imageOfVector(arch as DriverImage['arch'], image));
      assert.deepEqual(found, expected === '-' ? [] : expected.split(' ').sort());
    });
  }
}

/** Each use as the vectors write it: `Tag1=computed`, `Tag?=computed` for a family, `free-call:Tag1=immediate<2` through two wrappers. */
function usesIn(image: DriverImage): string[] {
  const { uses } = analyseCode(image, 'test.sys');
  const texts = uses.map(({ ulong, familyMask = 0, origin, callee }) => {
    const shifts = [0, 8, 16, 24];
    const characters = shifts.map(shift =>
      ((familyMask >>> shift) & 0xff) === 0 ? String.fromCharCode((ulong >>> shift) & 0xff) : '?',
    );
    const tag = characters.join('');
    const name = /^[\w?]+$/.test(tag) ? tag : ulong.toString(16);
    const kind = callee.poolFunction.kind === 'allocation-call' ? '' : `${callee.poolFunction.kind}:`;
    const through = callee.wrappers.length === 0 ? '' : `<${callee.wrappers.length}`;
    return `${kind}${name}=${origin}${through}`;
  });
  return [...new Set(texts)].sort();
}
