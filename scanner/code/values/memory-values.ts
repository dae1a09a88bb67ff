/** What stores leave in memory: in the function's frame and in the image's own data. */

import { nearAddress } from '../functions/near-address.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { BASE_IMAGE, NONE, Op, X86 } from '../processors/operations.ts';
import { storedCharacters } from './byte-stores.ts';
import { constant, UNKNOWN } from './make-value.ts';
import { calledValue, onlyNumber, valueBehind } from './memory-calls.ts';
import { operandInMemory } from './memory-operands.ts';
import { makesRoom } from './room-for-locals.ts';
import { storeSource } from './store-sources.ts';
import { ValueSet } from './values.ts';
import { register, type Walk, type Wanted } from './walk.ts';

/** What a store or push puts into the wanted memory; undefined where it writes elsewhere. */
export function storedValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet | undefined {
  const { op, size, base, index } = walk.body.operations;
  if (op[i] === Op.blockCopy || op[i] === Op.blockFill) return blockValue(walk, wanted, i, depth);
  if (op[i] === Op.call || op[i] === Op.callIndirect) return calledValue(walk, wanted, i, depth);
  const isGlobal = wanted.space === 'image';
  if (isGlobal && (op[i] !== Op.store || index[i] !== NONE)) return undefined;
  const at = isGlobal ? variableAt(walk, i) : walk.body.slot[i];
  if (at === undefined || at === NO_SLOT) return undefined;
  const bytes = op[i] === Op.push ? walk.processor.pointerSize : Math.max(size[i], 1);
  const lane = wanted.at - at;
  if (lane + wanted.width <= 0 || lane >= bytes) return undefined;
  if (lane < 0 || lane + wanted.width > bytes) {
    const isCharacter = !isGlobal && bytes === 1 && wanted.width === 4;
    return ValueSet.of(isCharacter ? storedCharacters(walk, wanted.at, i, depth) : UNKNOWN);
  }
  if (op[i] === Op.push) {
    if (size[i] === 1) return ValueSet.of(UNKNOWN); // flags, segments
    if (makesRoom(walk.body, walk.processor, i)) return undefined;
    // The operation's slot is where it writes; where it reads is kept apart.
    const isFromMemory = base[i] !== NONE || index[i] !== NONE;
    if (isFromMemory) return operandInMemory(walk, i, walk.body.pushedFrom[i], lane, wanted.width, depth);
  } else if (size[i] === 0) return ValueSet.of(UNKNOWN);
  return storeSource(walk, i, lane, wanted.width, depth);
}

/** The variable that a store writes; ARM64 gives a register its page's address shortly before. */
function variableAt({ body, processor }: Walk, i: number): number | undefined {
  const { base, displacement } = body.operations;
  if (base[i] === BASE_IMAGE) return displacement[i];
  return processor.arch === 'arm64' ? nearAddress(body, i) : undefined;
}

/** What `rep movs` or `rep stos` leaves in the frame; undefined where it writes elsewhere or how much is not known. */
function blockValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet | undefined {
  const { op, size, source: from, rva } = walk.body.operations;
  const at = walk.body.slot[i];
  if (wanted.space === 'image' || at === NO_SLOT || wanted.at < at) return undefined;
  const units = blockUnits(walk, i, depth);
  const lane = wanted.at - at;
  if (units === undefined || lane + wanted.width > units * size[i]) return undefined;
  const values = walk.at(register(from[i]), i, depth + 1);
  if (op[i] === Op.blockCopy) return valueBehind(walk, values, lane, wanted.width, i, depth);
  if (onlyNumber(values) === 0) return ValueSet.of(constant(0, 'computed', rva[i]));
  return size[i] === 4 && wanted.width === 4 ? values : ValueSet.of(UNKNOWN);
}

/** How many units `rep movs` or `rep stos` moves, where that is one number. */
export function blockUnits(walk: Walk, i: number, depth: number): number | undefined {
  if (walk.body.operations.low[i] === 0) return 1;
  return onlyNumber(walk.at(register(X86.cx), i, depth + 1));
}
