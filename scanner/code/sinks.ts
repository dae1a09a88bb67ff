/** The places in one image through which its code reaches a function that takes a tag. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { Place } from './places.ts';
import { POOL_FUNCTIONS, type PoolFunction } from './pool-functions.ts';
import type { Processor } from './processor.ts';

/** Something that, when called, uses the tag at `place` (as seen just before the call). */
export interface Callee {
  poolFunction: PoolFunction;
  /** `ntoskrnl.exe!ExAllocatePoolWithTag`. */
  api: string;
  place: Place;
  /** Functions of the image between a caller and the pool function, the outermost first; empty for the function itself. */
  wrappers: number[];
}

export interface Sinks {
  /** Import slots, by RVA. */
  bySlot: Map<number, Callee>;
  /** Functions of this image that are pool functions themselves (ntoskrnl, win32kbase), by RVA. */
  byFunction: Map<number, Callee>;
}

/** Finds the pool functions that an image imports or exports. `ownName` is the image's file name, for its own exports. */
export function findSinks(image: DriverImage, processor: Processor, ownName: string): Sinks {
  const bySlot = new Map<number, Callee>();
  for (const { dll, name, slotRva } of image.imports) {
    const callee = name === null ? undefined : calleeFor(name, dll, processor);
    if (callee !== undefined) bySlot.set(slotRva, callee);
  }
  const byFunction = new Map<number, Callee>();
  for (const { name, rva } of image.exports) {
    const callee = calleeFor(name, ownName, processor);
    if (callee !== undefined) byFunction.set(rva, callee);
  }
  return { bySlot, byFunction };
}

function calleeFor(name: string, module: string, processor: Processor): Callee | undefined {
  const poolFunction = POOL_FUNCTIONS.get(undecorated(name));
  if (poolFunction === undefined) return undefined;
  const api = `${module}!${poolFunction.name}`;
  return {
    poolFunction,
    api,
    place: processor.argument(poolFunction.tagArgument, poolFunction.x86Offset),
    wrappers: [],
  };
}

/** `_ExAllocatePoolWithTag@12` is how some x86 import libraries leave the name. */
function undecorated(name: string): string {
  const match = /^_([A-Za-z]\w*)@\d+$/.exec(name);
  return match === null ? name : match[1];
}
