/** Everything that differs between processors, chosen for an image: the rest of the analysis is written once. */
import type { DriverImage } from '../pe/image-facts.ts';
import { type CodeIndex, indexX86Code } from './bytes/code-index.ts';
import { findArm64Literals, findX86Literals, type Literal } from './bytes/literals.ts';
import { isRelocated } from './bytes/relocated-pointers.ts';
import { arm64Front } from './processors/arm64/arm64-front.ts';
import { indexArm64Code } from './processors/arm64/arm64-index.ts';
import {
  type InstructionFront,
  type PoppedBytes,
  PROCESSORS,
  type Processor,
} from './processors/processor.ts';
import { popsNothing, x86PoppedBytes } from './processors/x86/popped-bytes.ts';
import { x86Front } from './processors/x86/x86-front.ts';

export interface ProcessorKit {
  processor: Processor;
  front: InstructionFront;
  index(image: DriverImage): CodeIndex;
  poppedBytes: PoppedBytes;
  literals(image: DriverImage): Literal[];
}

/** The kit for the processor of an image; it decodes no other image. */
export function processorKit(image: DriverImage): ProcessorKit {
  const { arch, imageBase, relocations } = image;
  const processor = PROCESSORS[arch];
  if (arch === 'arm64') {
    return {
      processor,
      front: arm64Front,
      index: indexArm64Code,
      poppedBytes: popsNothing,
      literals: findArm64Literals,
    };
  }
  const is64 = arch === 'x64';
  const front = x86Front(is64, imageBase, rva => isRelocated(relocations, rva));
  return {
    processor,
    front,
    index: indexX86Code,
    poppedBytes: is64 ? popsNothing : x86PoppedBytes(image, front),
    literals: findX86Literals,
  };
}
