/** One image with everything that is worked out before its calls are looked at. */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import type { InstructionFront, PoppedBytes, Processor } from '../processors/processor.ts';
import type { FunctionMap } from './function-map.ts';
import type { KeptRegisters } from './kept-registers.ts';

export interface CodeUnderAnalysis {
  image: DriverImage;
  processor: Processor;
  front: InstructionFront;
  index: CodeIndex;
  functions: FunctionMap;
  poppedBytes: PoppedBytes;
  keptRegisters: KeptRegisters;
  /** Bytes of executable sections. */
  codeBytes: number;
  /** Operations that may be decoded in all, so that the time is bounded by the size of the code. */
  maxOperations: number;
  /** Every constant keeps the way it came (for an explanation); scans go without, which costs nothing. */
  isTraced: boolean;
  /** Asked between two functions: whether the caller wants what has been found by now. */
  isStopped: () => boolean;
}
