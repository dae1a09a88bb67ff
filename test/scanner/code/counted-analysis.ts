/** Runs the analysis with a decoder that counts, so that a bound on its work can be stated without a clock. */

import { findSinks } from '../../../scanner/code/facts/sinks.ts';
import { mapFunctions } from '../../../scanner/code/functions/function-map.ts';
import { KeptRegisters } from '../../../scanner/code/functions/kept-registers.ts';
import { processorKit } from '../../../scanner/code/processor-kit.ts';
import { type CallSites, findCallSites } from '../../../scanner/code/search/call-sites.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';

/** What was found, and how many instructions were decoded for it; `maxOperations` is the budget. */
export function countedAnalysis(
  image: DriverImage,
  maxOperations: number,
): CallSites & { decodedInstructions: number } {
  const { processor, front, poppedBytes, index: indexCode } = processorKit(image);
  const index = indexCode(image);
  let decodedInstructions = 0;
  const counting: typeof front = {
    append(...instruction) {
      decodedInstructions++;
      return front.append(...instruction);
    },
  };
  const found = findCallSites(
    {
      image,
      processor,
      front: counting,
      index,
      functions: mapFunctions(image, index),
      poppedBytes,
      keptRegisters: new KeptRegisters({ image, processor, front: counting, codeBytes: codeBytesOf(image) }),
      codeBytes: codeBytesOf(image),
      maxOperations,
      isTraced: false,
      isStopped: () => false,
    },
    { ...findSinks(image, processor, 'test.sys'), tables: [], nameRvas: [] },
  );
  return { ...found, decodedInstructions };
}

/** Bytes of all executable sections. */
export function codeBytesOf(image: DriverImage): number {
  return image.sections.reduce((sum, { executable, bytes }) => sum + (executable ? bytes.length : 0), 0);
}
