/** Arrays in a function's own frame that a loop of it fills: `for (i = 0; i < 4; i++) slots[i].tag = 'Tag0' + (i << 24)`. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { indexFactor, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { countedNumbers } from './loop-counters.ts';
import { storeSource } from './store-sources.ts';
import type { Value } from './values.ts';
import { register, type Walk } from './walk.ts';

/** Stores that may be to such an array, of those that are looked at. */
const MAX_STORES = 32;

/**
 * The tags that loops put into a field of an array whose first one is at `slot`. Without `stride`, the bytes of its elements, one of the
 * stores must be to that very place.
 */
export function tagsOfLoops(walk: Walk, slot: number, stride: number | undefined, depth: number): Value[] {
  const { body } = walk;
  const { op, base, size, count } = body.operations;
  const tags: Value[] = [];
  let stores = 0;
  for (let i = 0; i < count && stores < MAX_STORES; i++) {
    if (op[i] !== Op.store || size[i] < 4 || base[i] >= VECTOR0 || body.slot[i] !== NO_SLOT) continue;
    stores++;
    const isField = (place: number) =>
      stride === undefined ? place === slot : place >= slot && (place - slot) % stride === 0;
    if (!placesFilled(walk, i, depth).some(isField)) continue;
    const { values } = storeSource(walk, i, 0, 4, depth);
    for (const value of countedNumbers(walk, values, i, depth) ?? values)
      if (value.kind === 'constant' && looksLikeTag(value.value)) tags.push(value);
  }
  return tags;
}

/** Places of the frame that a store in a loop writes: by a counted index, or the first one of a pointer that walks. */
function placesFilled(walk: Walk, i: number, depth: number): number[] {
  const { body, processor } = walk;
  const { base, index, scale, displacement } = body.operations;
  const isByFrame = base[i] === processor.stackRegister;
  if (isByFrame && index[i] === NONE) return [];
  const pointers = isByFrame ? [] : walk.at(register(base[i]), i, depth + 1).values;
  const begins = pointers.flatMap(pointer => (pointer.kind === 'stack' ? [pointer.offset] : []));
  if (index[i] === NONE) {
    const walks = pointers.some(pointer => pointer.kind === 'previous' && pointer.plus > 0);
    return walks ? begins.map(begin => begin + displacement[i]) : [];
  }
  const begin = isByFrame ? body.stackAt[i] : pointers.length === 1 ? begins[0] : undefined;
  if (begin === undefined) return [];
  const numbers = countedNumbers(walk, walk.at(register(index[i]), i, depth + 1).values, i, depth) ?? [];
  return numbers.flatMap(number =>
    number.kind === 'constant' ? [begin + displacement[i] + number.value * indexFactor(scale[i])] : [],
  );
}
