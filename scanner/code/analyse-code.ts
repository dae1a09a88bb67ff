/** From an image to the tags its code uses: the one place that knows the order of the steps. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { Literal } from './bytes/literals.ts';
import { findSinks } from './facts/sinks.ts';
import type { TagUse } from './facts/tag-use.ts';
import { mapFunctions } from './functions/function-map.ts';
import { KeptRegisters } from './functions/kept-registers.ts';
import { processorKit } from './processor-kit.ts';
import { findCallSites } from './search/call-sites.ts';
import { findKmdfFunctions } from './search/kmdf.ts';
import { poolFunctionNames } from './search/routine-names.ts';
import { unlistedAllocators, unlistedImports } from './search/unlisted-allocators.ts';

export interface CodeFindings {
  uses: readonly TagUse[];
  literals: Literal[];
  /** Whether .pdata lists the function, so that its RVA is a fact and not worked out. */
  isListedFunction(functionRva: number): boolean;
  unresolvedCalls: number;
  isPartial: boolean;
  /** The caller wanted no more. */
  isStopped: boolean;
}

/**
 * Operations decoded and asked about, per byte of code. Built drivers of more than 200 KB need 1.3 at
 * most, nearly all real ones far less (KMDF itself 4); a megabyte that is built to be slow then ends within half of the time that one file has.
 */
const OPERATIONS_PER_CODE_BYTE = 5;
const LEAST_OPERATIONS = 200_000;

/** Analyses the code of an image; `ownName` is its file name. Traced, every use tells the path of its constant. */
export function analyseCode(
  image: DriverImage,
  ownName: string,
  { isTraced = false, isStopped = () => false }: { isTraced?: boolean; isStopped?: () => boolean } = {},
): CodeFindings {
  const kit = processorKit(image);
  const { processor, front, poppedBytes } = kit;
  const { tables, slots } = findKmdfFunctions(image, processor);
  const literals = kit.literals(image);
  const index = kit.index(image);
  const sinks = {
    ...findSinks(image, processor, ownName),
    tables,
    nameRvas: poolFunctionNames(image, index),
  };
  for (const [slotRva, callee] of slots) sinks.bySlot.set(slotRva, callee);
  const unlisted = unlistedImports(image);
  const { bySlot, byFunction, nameRvas } = sinks;
  if (bySlot.size + byFunction.size + tables.length + nameRvas.length + unlisted.length === 0) {
    return {
      uses: [],
      literals,
      isListedFunction: () => false,
      unresolvedCalls: 0,
      isPartial: false,
      isStopped: false,
    };
  }
  const functions = mapFunctions(image, index);
  const codeBytes = image.sections.reduce(
    (sum, section) => sum + (section.executable ? section.bytes.length : 0),
    0,
  );
  const maxOperations = LEAST_OPERATIONS + codeBytes * OPERATIONS_PER_CODE_BYTE;
  const code = {
    image,
    processor,
    front,
    index,
    functions,
    poppedBytes,
    keptRegisters: new KeptRegisters({ image, processor, front, codeBytes }),
    codeBytes,
    maxOperations,
    isTraced,
    isStopped,
  };
  for (const [slotRva, callee] of unlistedAllocators(code, unlisted)) bySlot.set(slotRva, callee);
  const found = findCallSites(code, sinks);
  return { ...found, literals, isListedFunction: rva => functions.isListed(rva) };
}
