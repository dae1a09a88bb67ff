/** Structures that a function copies: by one instruction (`rep movs`), or by a function of the kernel. */
import type { FunctionBody } from '../functions/function-body.ts';
import { NONE, Op } from '../processors/operations.ts';
import { movedPlace, type Place } from '../processors/places.ts';
import type { ValueResolver } from './value-resolver.ts';
import type { Value } from './values.ts';

/** Where a structure may stand that is copied whole. */
const TEMPLATES: ReadonlySet<Value['kind']> = new Set(['address', 'stack', 'parameter']);
/** Structures are not larger. */
export const MAX_COPIED_BYTES = 0x10000;

export interface Copy {
  to: readonly Value[];
  from: readonly Value[];
  bytes: number;
}

/** Whether operation `i` copies something: a quick look. */
export function mayCopy({ body, memoryFunctions }: ValueResolver, i: number): boolean {
  if (body.operations.op[i] === Op.blockCopy) return true;
  const called = memoryFunctions?.at(body, i);
  return called?.from !== undefined && hasConstantSize(body, called.size, i);
}

/** What operation `i` copies; undefined where it copies nothing, or how much is not known. `moved` bytes are on the stack besides. */
export function copyAt(resolver: ValueResolver, i: number, moved: number): Copy | undefined {
  const { op } = resolver.body.operations;
  return op[i] === Op.blockCopy ? blockCopy(resolver, i) : calledCopy(resolver, i, moved);
}

function blockCopy(resolver: ValueResolver, i: number): Copy | undefined {
  const { base, source } = resolver.body.operations;
  const bytes = resolver.copiedBytes(i) ?? 0;
  if (!isStructure(bytes)) return undefined;
  return {
    to: resolver.resolve({ register: base[i] }, i).values,
    from: resolver.resolve({ register: source[i] }, i).values,
    bytes,
  };
}

/** A template stands in the image or the frame, or the caller passes it: a structure, where the size is a constant. */
function calledCopy(resolver: ValueResolver, i: number, moved: number): Copy | undefined {
  const called = resolver.memoryFunctions?.at(resolver.body, i);
  if (called?.from === undefined) return undefined;
  const passed = (place: Place) => resolver.resolve(movedPlace(place, moved), i).values;
  const size = passed(called.size);
  if (size.length !== 1 || size[0].kind !== 'constant' || !isStructure(size[0].value)) return undefined;
  const from = passed(called.from);
  if (!from.some(({ kind }) => TEMPLATES.has(kind))) return undefined;
  const to = passed(called.to);
  // What stands in the frame is asked for where it is used; an object that a call left there is another thing.
  const isInFrame = to.every(({ kind }) => kind === 'stack' || kind === 'constant');
  return isInFrame && !from.some(({ kind }) => kind === 'address')
    ? undefined
    : { to, from, bytes: size[0].value };
}

/** Instructions before a call that give it its arguments. */
const MAX_ARGUMENTS = 24;

/** A quick look whether the size may be a constant: most are computed, and to follow those costs more than all the rest. */
function hasConstantSize(body: FunctionBody, size: Place, i: number): boolean {
  const { op, dst, source, base } = body.operations;
  let register = 'register' in size ? size.register : NONE;
  for (let before = i - 1; before >= 0 && before >= i - MAX_ARGUMENTS; before--) {
    if (register !== NONE) {
      if (dst[before] !== register) continue;
      if (op[before] !== Op.move || source[before] === NONE) return op[before] === Op.move;
      register = source[before];
    } else if (source[before] === NONE) {
      if ((op[before] === Op.push && base[before] === NONE) || op[before] === Op.store) return true;
    }
  }
  return false;
}

function isStructure(bytes: number): boolean {
  return bytes >= 4 && bytes <= MAX_COPIED_BYTES;
}
