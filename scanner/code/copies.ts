/** Structures that the function at hand copies: by one instruction (`rep movs`), or by a function of the kernel. */
import type { AnalysedFunction } from './analysed-function.ts';
import { Op } from './operations.ts';
import type { Value } from './values.ts';

/** Structures are not larger. */
const MAX_COPIED_BYTES = 0x10000;

export interface Copy {
  to: readonly Value[];
  from: readonly Value[];
  bytes: number;
}

/** What operation `i` copies; undefined where it copies nothing, or how much is not known. */
export function copyAt(fn: AnalysedFunction, i: number): Copy | undefined {
  const copy = fn.body.operations.op[i] === Op.blockCopy ? blockCopy(fn, i) : calledCopy(fn, i);
  return copy !== undefined && copy.bytes >= 4 && copy.bytes <= MAX_COPIED_BYTES ? copy : undefined;
}

function blockCopy(fn: AnalysedFunction, i: number): Copy {
  const { base, source } = fn.body.operations;
  return {
    to: fn.resolver.resolve({ register: base[i] }, i).values,
    from: fn.resolver.resolve({ register: source[i] }, i).values,
    bytes: fn.resolver.copiedBytes(i) ?? 0,
  };
}

function calledCopy(fn: AnalysedFunction, i: number): Copy | undefined {
  const called = fn.resolver.memoryFunctions?.at(fn.body, i);
  if (called?.from === undefined) return undefined;
  const size = fn.passedAt(called.size, i);
  if (size.length !== 1 || size[0].kind !== 'constant') return undefined;
  return { to: fn.passedAt(called.to, i), from: fn.passedAt(called.from, i), bytes: size[0].value };
}
