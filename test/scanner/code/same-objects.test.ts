import assert from 'node:assert/strict';
import test from 'node:test';
import { behindPointer } from '../../../scanner/code/values/behind-pointer.ts';
import { isSame, parameter, resultOf } from '../../../scanner/code/values/make-value.ts';
import type { Value } from '../../../scanner/code/values/values.ts';

const first: Value = parameter({ register: 1 });
const second: Value = parameter({ register: 2 });

/** What an object keeps at 8, and what that keeps at 16. */
function kept(object: Value): Value {
  return behindPointer(behindPointer(object, 8), 16);
}

test('A field of what one call returned is not that of another call, nor of another argument', () => {
  assert.ok(isSame(behindPointer(resultOf(5), 8), behindPointer(resultOf(5), 8)));
  assert.ok(!isSame(behindPointer(resultOf(5), 8), behindPointer(resultOf(9), 8)));
  assert.ok(!isSame(behindPointer(resultOf(5), 8), behindPointer(resultOf(5), 16)));
  assert.ok(isSame(kept(first), kept(first)));
  assert.ok(!isSame(kept(first), kept(second)));
});
