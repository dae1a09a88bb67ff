/** Finds the operation that may give a register or a place in memory what it holds: a look at each, for most can not. */
import type { FunctionBody } from '../functions/function-body.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { BASE_IMAGE, Op } from '../processors/operations.ts';
import { isLostInCall } from '../processors/processor.ts';
import type { MemoryFunctions } from './memory-functions.ts';
import type { Walk, Wanted } from './walk.ts';

/** Operations that change registers which they do not name. */
const KILLS = 1;
const CALLS = 2;
const EFFECT = new Uint8Array(256);
EFFECT[Op.killMany] = KILLS;
EFFECT[Op.call] = EFFECT[Op.callIndirect] = CALLS;

/** Bytes that one operation writes at most, which its size has room for. */
const MAX_WRITTEN = 255;

/** Distances within a page of 4 KB. */
const PAGE_MASK = 0xfff;

/**
 * The last operation from `from` down to `end` that may define what is wanted, or `end - 1`. Calls leave a register
 * alone that they must keep.
 */
export function lastDefinition(
  { body, processor, memoryFunctions }: Pick<Walk, 'body' | 'processor' | 'memoryFunctions'>,
  wanted: Wanted,
  from: number,
  end: number,
): number {
  const { space, at, lane, width } = wanted;
  if (space === 'register') {
    const isLost = isLostInCall(processor, at, lane);
    return ofRegister(body, at, isLost ? KILLS | CALLS : KILLS, from, end);
  }
  if (space === 'image')
    return processor.arch === 'arm64' ? ofPage(body, at, from, end) : ofImage(body, from, end);
  return ofSlot(body, memoryFunctions, at, width, from, end);
}

function ofRegister(
  body: FunctionBody,
  register: number,
  effects: number,
  from: number,
  end: number,
): number {
  const { op, dst } = body.operations;
  let i = from;
  while (i >= end && dst[i] !== register && (EFFECT[op[i]] & effects) === 0) i--;
  return i;
}

function ofSlot(
  body: FunctionBody,
  memoryFunctions: MemoryFunctions | undefined,
  wanted: number,
  width: number,
  from: number,
  end: number,
): number {
  const { op } = body.operations;
  const { slot } = body;
  let i = from;
  for (; i >= end; i--) {
    const kind = op[i];
    if (kind === Op.blockCopy || kind === Op.blockFill) break;
    if (EFFECT[kind] === CALLS && memoryFunctions?.at(body, i) !== undefined) break;
    if ((kind !== Op.store && kind !== Op.push) || slot[i] === NO_SLOT) continue;
    const lane = wanted - slot[i];
    if (lane + width > 0 && lane < MAX_WRITTEN) break;
  }
  return i;
}

function ofImage(body: FunctionBody, from: number, end: number): number {
  const { op, base } = body.operations;
  let i = from;
  while (i >= end && (op[i] !== Op.store || base[i] !== BASE_IMAGE)) i--;
  return i;
}

/**
 * ARM64 forms the address of a variable's page first, which is a multiple of 4 KB: so the distance from there tells of most stores that
 * they write something else.
 */
function ofPage(body: FunctionBody, wanted: number, from: number, end: number): number {
  const { op, displacement, size } = body.operations;
  let i = from;
  while (i >= end && (op[i] !== Op.store || ((wanted - displacement[i]) & PAGE_MASK) >= size[i])) i--;
  return i;
}
