/** From an image to the tags its code uses: the one place that knows the order of the steps. */
import type { DriverImage } from '../pe/image-facts.ts';
import { findCallSites, type TagUse } from './call-sites.ts';
import { indexX86Code } from './code-index.ts';
import { mapFunctions } from './function-map.ts';
import { findX86Literals, type Literal } from './literals.ts';
import { popsNothing, x86PoppedBytes } from './popped-bytes.ts';
import { x64, x86 } from './processor.ts';
import { findSinks } from './sinks.ts';
import { isRelocated } from './static-memory.ts';
import { x86Front } from './x86-front.ts';

export interface CodeFindings {
  uses: TagUse[];
  literals: Literal[];
  /** Whether .pdata lists the function, so that its RVA is a fact and not worked out. */
  isListedFunction(functionRva: number): boolean;
  unresolvedCalls: number;
  isPartial: boolean;
}

/** Operations decoded per byte of code: several waves over every function fit, an endless one does not. */
const OPERATIONS_PER_CODE_BYTE = 40;
const LEAST_OPERATIONS = 200_000;

/** Analyses an x86 or x64 image; `ownName` is its file name. */
export function analyseX86(image: DriverImage, ownName: string): CodeFindings {
  const is64 = image.arch === 'x64';
  const processor = is64 ? x64 : x86;
  const relocations = image.relocations;
  const front = x86Front(is64, image.imageBase, rva => isRelocated(relocations, rva));
  const sinks = findSinks(image, processor, ownName);
  const literals = findX86Literals(image);
  if (sinks.bySlot.size === 0 && sinks.byFunction.size === 0) {
    return { uses: [], literals, isListedFunction: () => false, unresolvedCalls: 0, isPartial: false };
  }
  const index = indexX86Code(image, new Set(sinks.bySlot.keys()));
  const functions = mapFunctions(image, index, []);
  const codeBytes = image.sections.reduce(
    (sum, section) => sum + (section.executable ? section.bytes.length : 0),
    0,
  );
  const { uses, unresolvedCalls, isPartial } = findCallSites(
    {
      image,
      processor,
      front,
      index,
      functions,
      poppedBytes: is64 ? popsNothing : x86PoppedBytes(image, front),
      maxOperations: LEAST_OPERATIONS + codeBytes * OPERATIONS_PER_CODE_BYTE,
    },
    sinks,
  );
  return { uses, literals, isListedFunction: rva => functions.isListed(rva), unresolvedCalls, isPartial };
}
