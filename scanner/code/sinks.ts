/** The places in one image through which its code reaches a function that takes a tag. */
import type { ConstantOrigin } from '../../data/facts.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import type { HandedFunction } from './handed-functions.ts';
import type { Described } from './image-objects.ts';
import type { GuessedCall } from './passed-classes.ts';
import type { Place } from './places.ts';
import { POOL_FUNCTIONS, type PoolFunction } from './pool-functions.ts';
import type { PoolRequest } from './pool-request.ts';
import type { Processor } from './processor.ts';
import type { VirtualCall } from './virtual-calls.ts';

/** Something that, when called, uses the tag at `place` (as seen just before the call). */
export interface Callee {
  poolFunction: PoolFunction;
  /** `ntoskrnl.exe!ExAllocatePoolWithTag`. */
  api: string;
  place: Place;
  /** The tag does not stand at `place`, but the function returns it that is this far in the table whose address stands there. */
  returnedAt?: number;
  /** Functions of the image between a caller and the pool function, the outermost first; empty for the function itself. */
  wrappers: number[];
  /** RVA of the call in each of the wrappers that leads on, in the same order. */
  wrapperCalls: number[];
  /** Not the tag stands at `place` but a number that the function puts into one: its lowest bits at the mask's, added to `base`. */
  computed?: { base: number; mask: number };
  /** What is asked for, where that is constant: see request.ts. */
  request?: PoolRequest;
  /** Where the pool function is called, when the tag comes from a variable or an object that others fill. */
  site?: { rva: number; functionRva: number; origin: ConstantOrigin };
  /** The variable or field that the tag is kept in: see keptIn in stored-tags.ts. */
  keptIn?: string;
  /** The function that reads the tag in an object which it is given, where nobody calls it: see CalledClasses.isMethodOf. */
  method?: number;
  /** That function reads it only where the object is seen to have a table which holds the function. */
  isOfOwnClass?: true;
  /** What is kept stands in another class's object: that of its own class, where one is seen to hold a tag, would be this place. */
  notIn?: string;
  /** The tag's distance in an object within the one that `place` leads to, whose own functions know no other. */
  inner?: number;
  /** Objects on the way here that are not known for certain: then only what reads like a tag is believed. */
  guesses?: number;
  /** Among the guesses is one which function an object's table leads to. */
  virtual?: VirtualCall;
  /** What the table leads to, where the object is made by who calls. */
  called?: readonly number[];
  /** It is called by a pointer that its caller was given. */
  handed?: HandedFunction;
  /** The functions that a caller is seen to give there. */
  given?: readonly number[];
  /** The call by an object's table that is guessed to lead here. */
  guessedCall?: GuessedCall;
  /** The tag is read of an object of the image whose pointer another one keeps: see ImageObjects. */
  described?: Described;
  /** The tag is read at the beginning of an object that was guessed: drivers keep signatures there, which read alike. */
  atBeginning?: boolean;
  /** Both the object's pointer and its field were found near a beginning: many other objects have such fields. */
  isNear?: boolean;
}

/** Whether a way to a tag takes fewer guesses than another one. */
export function isSurer(callee: Pick<Callee, 'guesses'>, than: Pick<Callee, 'guesses'>): boolean {
  return (callee.guesses ?? 0) < (than.guesses ?? 0);
}

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

/** The name without what some x86 import libraries leave: `_ExAllocatePoolWithTag@12`, `@ObfReferenceObjectWithTag@8`. */
export function undecorated(name: string): string {
  const match = /^[_@]([A-Za-z]\w*)@\d+$/.exec(name);
  return match === null ? name : match[1];
}
