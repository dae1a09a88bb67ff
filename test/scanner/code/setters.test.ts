import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Setter, Setters } from '../../../scanner/code/facts/setters.ts';
import { constant } from '../../../scanner/code/values/make-value.ts';

const TAG = 0x31676154;

function setter(offset: number, number: number): Setter {
  const values = [constant(number, 'immediate', 0x1000)];
  return { pointer: { register: 1 }, offset, values, depth: 0, wave: 0 };
}

test('A constructor keeps 32 fields, and tags beside them where it has more', () => {
  const setters = new Setters();
  for (let n = 0; n < 40; n++) assert.equal(setters.add(0x1000, setter(8 * n, n)), n < 32);
  assert.equal(setters.add(0x1000, setter(400, TAG)), true);
  for (let n = 1; n < 100; n++) assert.equal(setters.add(0x1000, setter(400 + 8 * n, TAG)), n < 64);
  assert.equal(setters.of(0x1000).length, 96);
});

test('What everything sets at a distance is no tag', () => {
  const setters = new Setters();
  for (let n = 0; n < 70; n++) assert.equal(setters.add(0x1000 + n, setter(40, TAG)), n < 64);
});
