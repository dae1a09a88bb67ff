/**
 * Imported functions that copy or fill memory: compilers leave them where a structure is copied or cleared, so that what
 * the structure holds afterwards is known. Source: Microsoft's C runtime and driver documentation (DDI).
 */
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import { nearAddress } from '../functions/near-address.ts';
import { undecorated } from '../pool/pool-functions.ts';
import { NONE, Op } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import type { Processor } from '../processors/processor.ts';

/** Which arguments are what, 1-based; what has no source and no value clears. */
interface Row {
  names: string;
  to: number;
  size: number;
  from?: number;
  value?: number;
}

/** By exported name; adding one is adding it to its row. */
const ROWS: readonly Row[] = [
  {
    names: 'memcpy memmove RtlCopyMemory RtlMoveMemory RtlCopyMemoryNonTemporal',
    to: 1,
    from: 2,
    size: 3,
  },
  { names: 'memset', to: 1, value: 2, size: 3 },
  { names: 'RtlFillMemory', to: 1, size: 2, value: 3 },
  { names: 'RtlZeroMemory', to: 1, size: 2 },
];

const BY_NAME: ReadonlyMap<string, Row> = new Map(
  ROWS.flatMap(row => row.names.split(' ').map((name): [string, Row] => [name, row])),
);

/** Where the arguments of such a function stand just before its call. */
export interface MemoryFunction {
  to: Place;
  size: Place;
  from?: Place;
  value?: Place;
}

/** Operations back to the load of a function's address: as near-address.ts. */
const MAX_OPERATIONS = 64;

/** Tells such calls apart; a look-up for each call. */
export class MemoryFunctions {
  readonly #functions: CodeUnderAnalysis['functions'];
  readonly #bySlot: ReadonlyMap<number, MemoryFunction>;
  /** What a direct call leads to, by its target: a thunk of one of the slots, or something else. */
  readonly #byTarget = new Map<number, MemoryFunction | undefined>();

  constructor({ image, processor, functions }: Pick<CodeUnderAnalysis, 'image' | 'processor' | 'functions'>) {
    this.#functions = functions;
    this.#bySlot = new Map(
      image.imports.flatMap(({ name, slotRva }): [number, MemoryFunction][] => {
        const row = name === null ? undefined : BY_NAME.get(undecorated(name));
        return row === undefined ? [] : [[slotRva, placesOf(row, processor)]];
      }),
    );
  }

  /** The image imports none of them: nothing needs to be asked. */
  get isEmpty(): boolean {
    return this.#bySlot.size === 0;
  }

  /** What the call `i` leads to, where it is one of them. */
  at(body: FunctionBody, i: number): MemoryFunction | undefined {
    const { op, low } = body.operations;
    if (op[i] === Op.call) return this.#ofTarget(low[i]);
    const slotRva = calledSlot(body, i);
    return slotRva === undefined ? undefined : this.#bySlot.get(slotRva);
  }

  #ofTarget(rva: number): MemoryFunction | undefined {
    if (this.#byTarget.has(rva)) return this.#byTarget.get(rva);
    const slotRva = this.#functions.thunkSlot(rva);
    const found = slotRva === undefined ? undefined : this.#bySlot.get(slotRva);
    this.#byTarget.set(rva, found);
    return found;
  }
}

/** The slot that an indirect call goes through: its own operand, or loaded into its register shortly before. */
export function calledSlot(body: FunctionBody, i: number): number | undefined {
  const { op, dst, source } = body.operations;
  const register = source[i];
  if (register === NONE) return nearAddress(body, i);
  const first = Math.max(body.blocks.begin[body.blockOf[i]], i - MAX_OPERATIONS);
  for (let before = i - 1; before >= first; before--) {
    if (dst[before] === register) return op[before] === Op.load ? nearAddress(body, before) : undefined;
  }
  return undefined;
}

function placesOf({ to, size, from, value }: Row, processor: Processor): MemoryFunction {
  const argument = (position: number | undefined) =>
    position === undefined ? undefined : processor.argument(position);
  return {
    to: processor.argument(to),
    size: processor.argument(size),
    from: argument(from),
    value: argument(value),
  };
}
