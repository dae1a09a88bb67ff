/** Calls of which it is said that their tag could not be worked out. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import { imageOfVector } from './image-of-vector.ts';

/** Code of x64 with an import slot of ExFreePoolWithTag at 2008, a variable at 3000, and how many such calls it has. */
const VECTORS: [reason: string, image: string, unresolved: number][] = [
  // mov edx, [3000]; call [free]; ret
  ['the tag is in a variable that nothing fills', '1000:8b15fa1f0000ff15fc0f0000c3', 1],
  // mov edx, [3000]; test edx, edx; jne end; call [free]; end: ret
  ['only zero comes to the call', '1000:8b15fa1f000085d27506ff15f80f0000c3', 0],
  // mov edx, [3000]; test edx, edx; je end; call [free]; end: ret
  ['zero alone does not come to it', '1000:8b15fa1f000085d27406ff15f80f0000c3', 1],
  // mov edx, [3000]; test edx, ecx; jne end; call [free]; end: ret
  ['other bits of it come to the call', '1000:8b15fa1f000085ca7506ff15f80f0000c3', 1],
  // mov edx, [3000]; cmp edx, 1; ja end; call [free]; end: ret
  ['zero or one comes to it', '1000:8b15fa1f000083fa017706ff15f70f0000c3', 1],
];

for (const [reason, image, unresolved] of VECTORS) {
  test(`${unresolved === 0 ? 'No call' : 'A call'} is unresolved: ${reason}.`, () => {
    const findings = analyseCode(imageOfVector('x64', image), 'test.sys');
    assert.deepEqual([findings.unresolvedCalls, findings.uses], [unresolved, []]);
  });
}
