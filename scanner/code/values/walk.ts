/** The question that the analysis asks, and what the files that know the operations need to answer it. */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import type { KeptRegisters } from '../functions/kept-registers.ts';
import type { Processor } from '../processors/processor.ts';
import type { MemoryFunctions } from './memory-functions.ts';
import type { Value, ValueSet } from './values.ts';

/**
 * What is looked for: `width` bytes of a register, of the frame or of the image. One shape for all, as for values: see
 * make-value.ts.
 */
export interface Wanted {
  readonly space: 'register' | 'frame' | 'image';
  /** The register's number, the slot in the frame, or the RVA. */
  readonly at: number;
  /** In a register, the first of the bytes, so that structures built in wide registers can be taken apart; else 0. */
  readonly lane: number;
  readonly width: number;
}

export function registerPart(number: number, lane: number, width: number): Wanted {
  return { space: 'register', at: number, lane, width };
}

/** The lower half of a register: as much as a tag or an address of the image takes. */
export function register(number: number): Wanted {
  return { space: 'register', at: number, lane: 0, width: 4 };
}

export function framePart(slot: number, width: number): Wanted {
  return { space: 'frame', at: slot, lane: 0, width };
}

export function imagePart(rva: number, width: number): Wanted {
  return { space: 'image', at: rva, lane: 0, width };
}

/** The whole numbers from `low` to `high`, both included. */
export interface NumberRange {
  low: number;
  high: number;
}

/** What a conditional move takes for granted about a number while one of its operands is looked at. */
export interface Assumption {
  compared: readonly Value[];
  range: NumberRange;
}

/** What the files that know the operations need of the walk. */
export interface Walk {
  readonly body: FunctionBody;
  readonly image: DriverImage;
  readonly processor: Processor;
  readonly index: CodeIndex;
  /** The calls that copy or fill memory; undefined where the image imports none. */
  readonly memoryFunctions: MemoryFunctions | undefined;
  /** What functions of the image leave alone. */
  readonly keptRegisters: KeptRegisters;
  /** What holds where the walk is just now. */
  readonly assumptions: Assumption[];
  /** Which indirect calls are Control Flow Guard's check, by RVA. */
  readonly guardChecks: Map<number, boolean>;
  /** The values of what is wanted just before an operation. */
  at(wanted: Wanted, before: number, depth: number): ValueSet;
}
