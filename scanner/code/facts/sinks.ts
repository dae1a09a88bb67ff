/** The places in one image through which its code reaches a function that takes a tag. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { POOL_FUNCTIONS, type PoolFunction, undecorated } from '../pool/pool-functions.ts';
import type { Processor } from '../processors/processor.ts';
import type { Callee } from './callee.ts';

export interface Sinks {
  /** Import slots, by RVA. */
  bySlot: Map<number, Callee>;
  /** Functions of this image that are pool functions themselves (ntoskrnl, win32kbase), by RVA. */
  byFunction: Map<number, Callee>;
  /** Framework tables that the driver calls through. */
  tables: FunctionTable[];
  /** Texts that name pool functions, for look-ups at run time. */
  nameRvas: number[];
}

/** Functions reached through a table whose address the variable at `variableRva` holds. */
export interface FunctionTable {
  variableRva: number;
  /** By offset in the table. */
  callees: Map<number, Callee>;
  /** Offset of the function that lets another driver fill an interface: see queried-interfaces.ts. */
  queryAt?: number;
}

/** Finds the pool functions that an image imports or exports. `ownName` is the image's file name, for its own exports. */
export function findSinks(
  image: DriverImage,
  processor: Processor,
  ownName: string,
): Pick<Sinks, 'bySlot' | 'byFunction'> {
  const bySlot = new Map<number, Callee>();
  for (const { dll, name, slotRva } of image.imports) {
    const callee = name === null ? undefined : calleeFor(name, dll, processor);
    if (callee !== undefined) bySlot.set(slotRva, callee);
  }
  const byFunction = new Map<number, Callee>();
  for (const { name, rva } of image.exports) {
    const callee = name === null ? undefined : calleeFor(name, ownName, processor);
    if (callee !== undefined) byFunction.set(rva, callee);
  }
  return { bySlot, byFunction };
}

function calleeFor(name: string, module: string, processor: Processor): Callee | undefined {
  const poolFunction = POOL_FUNCTIONS.get(undecorated(name));
  return poolFunction === undefined ? undefined : directCallee(poolFunction, module, processor);
}

/** A callee that is the pool function itself, as `module` exports it. */
export function directCallee(poolFunction: PoolFunction, module: string, processor: Processor): Callee {
  const { name, tagArgument, x86Offset, field, isFastcall } = poolFunction;
  const argument = isFastcall
    ? processor.fastcallArgument(tagArgument)
    : processor.argument(tagArgument, x86Offset);
  const behind = processor.pointerSize === 8 ? field?.offset64 : field?.offset32;
  const place = behind === undefined ? argument : { ...argument, behind };
  return { poolFunction, api: `${module}!${name}`, place, wrappers: [], wrapperCalls: [] };
}
