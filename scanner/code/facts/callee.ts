/** What uses a tag when it is called, how it is reached, and what of that is guessed. */
import type { ConstantOrigin } from '../../../data/facts.ts';
import type { PoolFunction } from '../pool/pool-functions.ts';
import type { PoolRequest } from '../pool/pool-request.ts';
import type { Place } from '../processors/places.ts';
import type { Value } from '../values/values.ts';
import type { MadeTag } from './made-tags.ts';

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
  /** Not the tag stands at `place` but a number that it is made of. */
  computed?: MadeTag;
  /** What is asked for, where that is constant: see pool-request.ts. */
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
  /** The tag is put into the only object that the call is given, by the function that calls. */
  isPutHere?: true;
  /** The tag's distance in an object within the one that `place` leads to, whose own functions know no other. */
  inner?: number;
  /** Objects on the way here that are not known for certain: then only what reads like a tag is believed. */
  guesses?: number;
  /** Among the guesses is one which function an object's table leads to. */
  virtual?: VirtualCall;
  /** What the table leads to, where the object is made by who calls. */
  called?: readonly number[];
  /** It is called by a pointer that its caller was given, which nobody has been seen to give yet. */
  handed?: HandedFunction;
  /** What a caller has been seen to give for such a pointer. */
  given?: GivenFunctions;
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

/** A call by a pointer that is a parameter. */
export interface HandedFunction {
  /** Where the pointer stands: for a call of the function that was given it, just before that; at its entry for the one at hand. */
  place: Place;
  known: PointedFunctions;
}

/** Where a pointer may lead on the way to the tag, functions found later as well: shared by all that are on it. */
export interface PointedFunctions {
  /** By function: what is given further in on each way through it, undefined where nothing is or has to be. */
  ways: Map<number, (GivenFunctions | undefined)[]>;
  /** Another way leads to the tag, too, so that the pointer tells nothing. */
  isOpen: boolean;
}

/** What a caller gives for a pointer: where the pointer leads to none of them, the way is none. */
export interface GivenFunctions {
  functions: readonly number[];
  known: PointedFunctions;
  /** The same place is read by a way without this. */
  isOpen: boolean;
}

/** The call of a function that reads its tag in the object by whose table it is called. */
export interface VirtualCall {
  /** The object's pointer to the table stands so far before the tag. */
  before: number;
  /** How far in the table the function stands. */
  at: number;
  /** The functions that are guessed to stand there, those found later as well. */
  targets: Set<number>;
  /** Something else reads a tag there, too, so that the table tells nothing. */
  isOpen: boolean;
}

/** A call by a table that was guessed: the function with the call, the pointer that it goes through, and where the tag is passed. */
interface GuessedCall {
  functionRva: number;
  pointer: Value;
  place: Place;
  /** Nothing was seen to keep the table in that very place: a proven tag must begin alike. */
  isOpen?: true;
}

/** How a tag of an object of the image is read. */
export interface Described {
  /** The two distances: of the pointer to it, and behind that. */
  at: string;
  /** Where the object begins. */
  rva: number;
  /** A function has found the object in a table, or a list of several holds it. */
  isFound: boolean;
  /** It begins with something like a tag. So do objects with a signature, whose other fields may be codes of four characters, too. */
  beginsAlike: boolean;
}
