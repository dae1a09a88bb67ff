/** Where objects go in the function at hand: what keeps the pointer that a call returned, and who reads a tag from one. */

import type { CalledClasses } from '../classes/called-classes.ts';
import { MethodTables } from '../classes/method-tables.ts';
import type { Callee } from '../facts/callee.ts';
import { handedAt, withoutHanded } from '../facts/handed-functions.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { insideOf, keptBeside } from '../facts/stored-callbacks.ts';
import { calledByTable } from '../facts/virtual-calls.ts';
import { namesAddress } from '../functions/named-addresses.ts';
import { nearAddress } from '../functions/near-address.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Flag, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { type Place, pointerTo } from '../processors/places.ts';
import { behindPointer } from '../values/behind-pointer.ts';
import { isSame } from '../values/make-value.ts';
import { pointersOf } from '../values/null-pointers.ts';
import type { Value } from '../values/values.ts';
import { MadeObjects } from './made-objects.ts';

/** Where a function leaves the pointer to an object. */
export type Keeper =
  | { kind: 'variable'; rva: number }
  /** With `pointer`, the object whose field it is was passed: where the field is, as the function sees it at its entry. */
  | { kind: 'field'; offset: number; pointer?: Place }
  | { kind: 'returned' };

/** The call `i`, which reads a tag behind a pointer; of a function that is only kept, the pointers kept beside it. */
interface ReaderCall {
  i: number;
  callee: Callee;
  kept?: readonly Value[];
  /** Where the pointer is passed, and the tag's distance behind it. */
  pointer: Place;
  behind: number;
  /** What it is given there, once that was asked for: every store into an object asks all the calls of its function. */
  given?: readonly Value[];
}

/** Answers are kept until the next function. */
export class ObjectFlow {
  readonly #context: SearchContext;
  readonly #classes: CalledClasses;
  readonly #methods: MethodTables;
  readonly #made: MadeObjects;
  readonly #keepers = new Map<number, readonly Keeper[]>();
  #readerCalls: ReaderCall[] | undefined;

  constructor(context: SearchContext, classes: CalledClasses) {
    this.#context = context;
    this.#classes = classes;
    this.#methods = new MethodTables(context);
    this.#made = new MadeObjects(context, this.#methods);
  }

  /** Another function is at hand now. */
  begin(): void {
    if (this.#keepers.size > 0) this.#keepers.clear(); // an empty one makes room anew
    this.#readerCalls = undefined;
  }

  /** Where the result of a call goes: variables, fields of objects, the function's own result. */
  keepersOf(call: number): readonly Keeper[] {
    const known = this.#keepers.get(call);
    if (known !== undefined) return known;
    const { body } = this.#context.fn;
    const { op, size, source, count } = body.operations;
    const { pointerSize, resultRegister } = this.#context.code.processor;
    const keepers: Keeper[] = [];
    for (let i = 0; i < count; i++) {
      if (op[i] === Op.return && this.#holds(resultRegister, i, call)) keepers.push({ kind: 'returned' });
      const mayKeep =
        op[i] === Op.store && size[i] === pointerSize && source[i] !== NONE && body.slot[i] === NO_SLOT;
      if (!mayKeep || !this.#holds(source[i], i, call)) continue;
      keepers.push(...this.#keepersAt(i));
    }
    this.#keepers.set(call, keepers);
    return keepers;
  }

  /** Who reads a tag `offset` bytes behind a pointer, or behind what the function at hand keeps it in. */
  readersAt(object: Value, offset: number): Callee[] {
    const { stored } = this.#context;
    const readers = [...stored.readersBehind(object, offset), ...this.#readersHere(object, offset)];
    if (object.kind === 'parameter') {
      readers.push(...this.#readersBeside(object.place, offset));
      if (this.#made.isHandedOut(object.place)) readers.push(...this.#made.readersOf(offset));
    }
    if (object.kind !== 'result') return readers;
    if (this.keepersOf(object.operation).some(isHandedOver)) readers.push(...this.#made.readersOf(offset));
    const first = readers.length;
    for (const keeper of this.keepersOf(object.operation)) {
      if (keeper.kind === 'variable') readers.push(...stored.readersBehindVariable(keeper.rva, offset));
      else if (keeper.kind === 'field') readers.push(...stored.readersOfField(keeper.offset, offset));
    }
    for (let n = first; n < readers.length; n++)
      readers[n] = this.#classes.ofObject(readers[n], object, offset);
    readers.push(...this.#readersOfItsClass(object, offset));
    return readers;
  }

  /** Functions that stand in a table beside the one at hand, and read in the object that both are given as what they work on. */
  #readersBeside(place: Place, offset: number): Callee[] {
    const { stored } = this.#context;
    if (!stored.hasMethods || !this.#methods.isOwnObject(place)) return [];
    return stored
      .readersOfField(undefined, offset)
      .filter(({ method }) => method !== undefined && this.#methods.areOfOneKind(method));
  }

  /**
   * Functions of its own table read in an object that the function at hand makes, whoever gets it: their class is known, so that short
   * distances tell as well, and what stands before the object is none of it.
   */
  #readersOfItsClass(object: Value, offset: number): Callee[] {
    const { stored } = this.#context;
    if (!stored.mayMethodRead(offset)) return [];
    const begin = this.#classes.beginningOf(object);
    if (begin === undefined || begin > offset) return [];
    return stored
      .readersOfField(undefined, offset - begin)
      .filter(
        ({ method }) =>
          method !== undefined && this.#classes.isMethodOf(method, object, undefined, begin) === true,
      );
  }

  /** Calls of the same function that are given the very object and read their tag `offset` bytes behind it. */
  #readersHere(object: Value, offset: number): Callee[] {
    if (object.kind === 'unknown' || object.kind === 'derived') return [];
    const { fn } = this.#context;
    const found: Callee[] = [];
    for (const call of this.#callsThatRead()) {
      const { i, callee, kept, behind } = call;
      call.given ??= kept ?? pointersOf(fn.passedAt(call.pointer, i), behind);
      if (!isAnyPlaceIn(object, offset, call.given, behind)) continue;
      const guesses = isCertain(object) ? callee.guesses : (callee.guesses ?? 0) + 1;
      const site = kept === undefined ? this.#siteOf(i) : callee.site;
      const isPutHere = kept === undefined && call.given.length === 1 ? true : undefined;
      found.push({ ...this.#classes.ofCall(callee, i), guesses, site, isPutHere });
    }
    return found;
  }

  #siteOf(i: number): Callee['site'] {
    const { fn } = this.#context;
    return { rva: fn.body.operations.rva[i], functionRva: fn.rva, origin: 'structure' };
  }

  /**
   * The variables that the store `i` may fill, or the field; with its place, where it is one of an object that the function is
   * passed.
   */
  #keepersAt(i: number): Keeper[] {
    const { fn } = this.#context;
    const rva = nearAddress(fn.body, i);
    if (rva !== undefined) return [{ kind: 'variable', rva }];
    const { displacement, index } = fn.body.operations;
    const offset = displacement[i];
    const pointers = fn.storePointers(i);
    // Without optimisation the variable's address waits in the frame; an array of variables goes by the first one.
    const variable = firstVariable(pointers);
    if (variable !== undefined) return [{ kind: 'variable', rva: (variable + offset) | 0 }];
    // Either of two registers may hold the array's address, and the other one what a loop counts.
    const elements = index[i] === NONE ? [] : fn.resolver.resolveAddress(i).values;
    const variables = elements.flatMap((value): Keeper[] =>
      value.kind === 'address' || value.kind === 'element' ? [{ kind: 'variable', rva: value.rva }] : [],
    );
    if (variables.length > 0 && variables.length === elements.length) return variables;
    if (pointers.length !== 1) return [{ kind: 'field', offset }];
    const [pointer] = pointers;
    const field = behindPointer(pointer, offset);
    return [{ kind: 'field', offset, pointer: field.kind === 'parameter' ? field.place : undefined }];
  }

  #holds(register: number, i: number, call: number): boolean {
    const { values } = this.#context.fn.resolver.resolve({ register }, i);
    return values.some(value => value.kind === 'result' && value.operation === call);
  }

  /** The calls that read a tag behind a pointer which they are given. */
  #callsThatRead(): readonly ReaderCall[] {
    this.#readerCalls ??= this.#context.targets.hasReaders ? this.#findCallsThatRead() : [];
    return this.#readerCalls;
  }

  #findCallsThatRead(): ReaderCall[] {
    const { fn, targets, registrations } = this.#context;
    const { op, low, count } = fn.body.operations;
    const calls: ReaderCall[] = [];
    const addReader = (i: number, callee: Callee, kept?: readonly Value[]) => {
      const place = pointerTo(callee.place);
      if (place === undefined) return;
      // What is only kept is given by somebody else.
      const given = kept === undefined ? handedAt(fn, i, callee) : withoutHanded(callee);
      calls.push({ i, callee: given, kept, pointer: place.pointer, behind: place.offset });
    };
    const add = (i: number, target: number) => {
      for (const callee of targets.readersAt(target)) addReader(i, callee);
    };
    // A function that is kept somewhere has been named before.
    const mayKeep = namesAddress(fn.body.operations, rva => targets.readersAt(rva).length > 0);
    for (let i = 0; i < count; i++) {
      const isTailJump = op[i] === Op.jump && !fn.body.contains(low[i]);
      if (op[i] === Op.call || isTailJump) add(i, low[i]);
      if (op[i] === Op.store && mayKeep)
        for (const { callee, kept } of this.#keptCallbacks(i)) addReader(i, callee, kept);
      if (op[i] !== Op.call && !isTailJump && !fn.isIndirect(i)) continue;
      for (const callee of registrations.calleesOf(i, rva => targets.readersAt(rva))) addReader(i, callee);
      if (!fn.isIndirect(i)) continue;
      for (const value of fn.calledPointers(i)) {
        if (value.kind === 'address') add(i, value.rva);
        const called = this.#methods.callsOf(value);
        // Who reads the object's tag would be a guess upon two.
        if (called.guesses > 1) continue;
        for (const target of called.targets)
          for (const callee of targets.readersAt(target))
            addReader(i, calledByTable(fn, i, value, target, callee, called.guesses));
      }
    }
    return calls;
  }

  /** Functions that the store `i` puts into an object beside what they are to be given: a guess. */
  #keptCallbacks(i: number): Pick<ReaderCall, 'callee' | 'kept'>[] {
    const { fn, targets, code } = this.#context;
    const { size, source, base, flags, low } = fn.body.operations;
    const { pointerSize } = code.processor;
    const isKept = size[i] === pointerSize && base[i] < VECTOR0 && fn.body.slot[i] === NO_SLOT;
    if (!isKept) return [];
    const isAddress = source[i] === NONE && flags[i] === Flag.immediateIsAddress;
    if (source[i] === NONE && !isAddress) return [];
    const functions = isAddress
      ? [low[i]]
      : fn.storedPointers(i, 0).flatMap(value => (value.kind === 'address' ? [value.rva] : []));
    const callees = functions.flatMap(rva =>
      targets.readersAt(rva).filter(({ wrappers }) => wrappers.length > 0),
    );
    if (callees.length === 0) return [];
    const kept = keptBeside(fn, i, pointerSize);
    if (kept.length === 0) return [];
    return callees.map(callee => ({ callee: insideOf(callee), kept }));
  }
}

/** The object goes to the caller: it is returned, or left where the caller's pointer leads. */
function isHandedOver(keeper: Keeper): boolean {
  if (keeper.kind !== 'field') return keeper.kind === 'returned';
  return keeper.pointer?.behind === 0 && keeper.pointer.further === undefined;
}

/** The one variable at which a pointer leads, or the first one of an array that the pointer of a loop goes through. */
function firstVariable(pointers: readonly Value[]): number | undefined {
  const [first] = pointers;
  if (first === undefined || (first.kind !== 'address' && first.kind !== 'element')) return undefined;
  if (pointers.length === 1) return first.rva;
  const step = pointers.find(value => value.kind === 'previous');
  if (first.kind !== 'address' || step?.kind !== 'previous' || step.plus <= 0) return undefined;
  const isWalk = pointers.every(
    value =>
      value === first ||
      value === step ||
      (value.kind === 'address' && value.rva === ((first.rva + step.plus) | 0)),
  );
  return isWalk ? first.rva : undefined;
}

/**
 * Whether two values that read alike mean one object: what a call left in the frame may have been replaced by another call, and a
 * field whose object nobody knows is any object's.
 */
function isCertain(object: Value): boolean {
  if (object.kind === 'inside') return isCertain(object.object);
  if (object.kind !== 'field') return object.kind !== 'blank';
  return object.operation !== undefined || object.place !== undefined;
}

/** Whether `behind` bytes behind one of the pointers is the place `offset` bytes into an object. */
function isAnyPlaceIn(object: Value, offset: number, pointers: readonly Value[], behind: number): boolean {
  for (const pointer of pointers) {
    if (pointer.kind === 'inside' && pointer.stride === 0) {
      if (pointer.plus + behind === offset && isSame(pointer.object, object)) return true;
    } else if (behind === offset && isSame(pointer, object)) return true;
  }
  return false;
}
