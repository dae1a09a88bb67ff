import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import { tagSightings } from '../../../scanner/tag-sightings.ts';
import { codeImage } from './code-image.ts';

const vectors = readFileSync(projectFile('test', 'vectors', 'call-sites.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split('|').map(cell => cell.trim()));

for (const [arch, hex, expected, reason] of vectors) {
  test(`On ${arch}: ${reason}.`, () => {
    const image = codeImage(arch as 'x86' | 'x64', Uint8Array.from(Buffer.from(hex, 'hex')));
    const { sightings } = tagSightings(analyseCode(image, 'test.sys'), { fileName: 'test.sys' });
    const found = sightings.flatMap(({ tag, protected: isProtected, evidence }) => {
      const best = evidence[0].kind;
      if (best === 'literal' || best === 'family-literal') return [];
      return [`${tag}${isProtected ? '+' : ''}${best === 'wrapper-call' ? 'w' : ''}`];
    });
    assert.deepEqual(found.sort(), expected === '-' ? [] : expected.split(' ').sort());
  });
}
