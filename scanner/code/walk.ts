/** The question that the analysis asks, and what the files that know the operations need to answer it. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { CodeIndex } from './code-index.ts';
import type { FunctionBody } from './function-body.ts';
import type { Processor } from './processor.ts';
import type { Value, ValueSet } from './values.ts';

/** A register, by lane (byte offset), so that structures built in wide registers can be taken apart. */
export interface WantedRegister {
  register: number;
  lane: number;
  width: number;
}

/** A place in the frame, or memory of the image. */
export type WantedMemory = { slot: number; width: number } | { global: number; width: number };

/** What is looked for. */
export type Wanted = WantedRegister | WantedMemory;

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
  /** What holds where the walk is just now. */
  readonly assumptions: Assumption[];
  /** Which indirect calls are Control Flow Guard's check, by RVA. */
  readonly guardChecks: Map<number, boolean>;
  /** The values of what is wanted just before an operation. */
  at(wanted: Wanted, before: number, depth: number): ValueSet;
}
