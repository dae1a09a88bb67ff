/**
 * Pointers to functions that take a tag, and to tables of them: stored in variables and objects, handed to other
 * functions, kept by these, and called in the end. What calls them by an object that is not known is a guess.
 */

import { isTagNear } from '../bytes/tags-in-code.ts';
import { MethodTables } from '../classes/method-tables.ts';
import { handedFunction } from '../facts/handed-functions.ts';
import { LeftOperations } from '../facts/left-operations.ts';
import { OperationSetters } from '../facts/operation-setters.ts';
import type { SearchContext } from '../facts/search-context.ts';
import type { FunctionTable } from '../facts/sinks.ts';
import { calledByTable } from '../facts/virtual-calls.ts';
import { namesAddress } from '../functions/named-addresses.ts';
import { nearAddress } from '../functions/near-address.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { BASE_ELSEWHERE, Flag, NONE } from '../processors/operations.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { address } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';
import { CallbackContexts } from './callback-contexts.ts';
import type { Callees } from './callees.ts';
import { QueriedInterfaces } from './queried-interfaces.ts';
import type { TagUses } from './tag-uses.ts';

/** A local structure of functions is not longer. */
const MAX_LOCAL_TABLE = 0x100;
/** Copies that are looked at in all, 0.1 ms each; in functions that name operations real drivers have a handful. */
const MAX_COPIES = 2_000;
/** Guessed calls that are followed; hostile code must not fill the memory with them. */
const MAX_GUESSED_CALLS = 100_000;

/** Looks at the stores and calls of the function at hand. */
export class OperationsPointers {
  readonly #context: SearchContext;
  readonly #callees: Callees;
  readonly #uses: TagUses;
  /** The function names something that takes a tag: only then are its stores and arguments looked at for it. */
  #namesOperations = false;
  #isGivenOperations = false;
  /** Functions that take a tag, stored in the frame of the function. */
  #inFrame: { slot: number; rva: number }[] = [];
  readonly #left: LeftOperations;
  readonly #contexts: CallbackContexts;
  readonly #methods: MethodTables;
  readonly #queried: QueriedInterfaces;
  readonly #setters = new OperationSetters();
  readonly #seenGuesses = new Set<string>();
  #copiesLeft = MAX_COPIES;

  constructor(context: SearchContext, callees: Callees, uses: TagUses, frameworks: readonly FunctionTable[]) {
    this.#context = context;
    this.#queried = new QueriedInterfaces(context, frameworks);
    this.#callees = callees;
    this.#uses = uses;
    this.#left = new LeftOperations(context.fn, context.code.processor.guardedTarget);
    this.#contexts = new CallbackContexts(context, uses);
    this.#methods = new MethodTables(context);
  }

  /** Another function is at hand now. */
  begin(): void {
    const { fn, tables } = this.#context;
    if (this.#inFrame.length > 0) this.#inFrame = [];
    this.#left.begin();
    // Structures of functions are copied from a template in pieces that only a load names.
    this.#namesOperations = namesAddress(fn.body.operations, this.#isOperation, true);
    this.#isGivenOperations = tables.isGivenTo(fn.rva);
  }

  /** Whether the address is that of a function that takes a tag, or of a table with one. */
  readonly #isOperation = (rva: number): boolean => {
    const { targets, tables } = this.#context;
    return targets.knowsFunction(rva) || tables.isTable(rva);
  };

  /** An indirect call or jump by an operations table of an object that is not known. */
  addIndirectCall(i: number): void {
    this.addCopy(i);
    const { fn, tables } = this.#context;
    for (const { pointer, distance, rva } of this.#queried.filledBy(i))
      this.#addBehind(pointer, distance, rva);
    for (const value of fn.calledPointers(i)) {
      this.#addCallsBy(value, i, this.#left.calledBy(value, i), 0);
      const { targets, guesses } = this.#methods.callsOf(value);
      this.#addCallsBy(value, i, targets, guesses);
      this.#addCallsBy(value, i, tables.openCallsOf(value), 2, true);
    }
  }

  /** The call `i` may lead to these functions by a pointer, by so many guesses; an open one may as well lead elsewhere. */
  #addCallsBy(pointer: Value, i: number, functions: Iterable<number>, guesses: number, isOpen?: true): void {
    const { code, fn, targets } = this.#context;
    // A table of which nothing but a distance is known: only what may pass a tag itself is worth that guess.
    if (guesses > 1 && !isTagNear(code.image, fn.body.operations.rva[i])) return;
    for (const target of functions) {
      for (const callee of targets.allOfFunction(target)) {
        const way = `${fn.body.operations.rva[i]}:${target}:${guesses}`;
        const key = `${way}:${placeKey(callee.place)}:${callee.poolFunction.name}`;
        if (this.#seenGuesses.has(key) || this.#seenGuesses.size >= MAX_GUESSED_CALLS) continue;
        this.#seenGuesses.add(key);
        const by = handedFunction(pointer, target);
        this.#uses.addCall(i, calledByTable(fn, i, pointer, target, callee, guesses, isOpen), by);
      }
    }
  }

  /** Functions that take a tag, or tables of them, may be handed to the function that is called: it may call them. */
  addCall(i: number): void {
    this.addCopy(i);
    const calleeRva = this.#context.fn.body.operations.low[i];
    this.#addPassedOperations(i, calleeRva);
    this.#addSetterCall(i, calleeRva);
  }

  #addPassedOperations(i: number, calleeRva: number): void {
    const { code, fn, tables, worklist } = this.#context;
    if (!this.#namesOperations && !this.#isGivenOperations && this.#left.all.length === 0) return;
    const passed = fn.passedEverywhere(i);
    for (const [n, place] of code.processor.passedPlaces.entries()) {
      for (const value of passed[n]) {
        if (value.kind === 'stack') this.#addLocalTable(value.offset, calleeRva, fn.atEntry(place));
        for (const rva of value.kind === 'parameter' && this.#isGivenOperations
          ? tables.passedOn(value, fn.rva)
          : [])
          if (tables.passed(calleeRva, fn.atEntry(place), rva)) worklist.add([calleeRva]);
        const isAddress = value.kind === 'address' || value.kind === 'element';
        if (!isAddress || !this.#isOperation(value.rva)) continue;
        this.#contexts.addPassed(i, n, value.rva);
        if (tables.passed(calleeRva, fn.atEntry(place), value.rva)) worklist.add([calleeRva]);
      }
    }
  }

  /** A local structure of functions is passed: each is an operation at its distance in it. */
  #addLocalTable(offset: number, calleeRva: number, place: Place): void {
    const { tables, worklist } = this.#context;
    for (const { slot, rva } of [...this.#inFrame, ...this.#left.all]) {
      const distance = slot - offset;
      if (distance < 0 || distance > MAX_LOCAL_TABLE) continue;
      tables.storedInObject(distance, rva);
      tables.passed(calleeRva, { ...place, behind: distance }, rva);
      worklist.add([calleeRva]);
    }
  }

  /** The store `i`: pointers that it keeps are what calls may go through. */
  addStore(i: number): void {
    this.#addStoredPointer(i);
    if (this.#isGivenOperations) this.#addKeptOperations(i);
  }

  /** A bound was reached, so that something may be missing. */
  get isCut(): boolean {
    return this.#copiesLeft === 0;
  }

  /** A structure may be copied at `i`: a table of operations, into a variable, an object or the frame. */
  addCopy(i: number): void {
    if (!this.#namesOperations && !this.#isGivenOperations) return;
    const { code, fn } = this.#context;
    const { pointerSize } = code.processor;
    const copy = fn.copyAt(i);
    if (copy === undefined || this.#copiesLeft === 0) return;
    this.#copiesLeft--;
    for (let lane = 0; lane + pointerSize <= Math.min(copy.bytes, MAX_LOCAL_TABLE); lane += pointerSize) {
      const values = fn.copiedValues(i, copy, lane);
      for (const rva of values.flatMap(value => this.#operationsIn(value))) {
        for (const pointer of copy.to) {
          if (pointer.kind === 'address') this.#addToVariable(pointer.rva + lane, address(rva));
          else if (pointer.kind === 'stack') this.#inFrame.push({ slot: pointer.offset + lane, rva });
          else this.#addBehind(pointer, lane, rva);
        }
      }
    }
  }

  /** The operations that a value is: by their address, or as what the function at hand was given. */
  #operationsIn(value: Value): number[] {
    if (value.kind === 'address') return this.#isOperation(value.rva) ? [value.rva] : [];
    return this.#isGivenOperations ? this.#given(value) : [];
  }

  /** The functions that the function at hand was given at this place, alone or in a table or a structure. */
  #given(value: Value): number[] {
    const { fn, tables } = this.#context;
    return [...tables.passedTo(value, fn.rva), ...tables.passedInStructure(value, fn.rva)];
  }

  #addStoredPointer(i: number): void {
    const { code, fn } = this.#context;
    const { source, size, flags, low } = fn.body.operations;
    const { pointerSize } = code.processor;
    const isAddress = flags[i] === Flag.immediateIsAddress;
    if (size[i] < pointerSize || (source[i] === NONE && !isAddress)) return;
    const variableRva = nearAddress(fn.body, i);
    if (variableRva === undefined && !this.#namesOperations) return;
    // A vector register holds several.
    for (let lane = 0; lane < size[i]; lane += pointerSize) {
      const values: readonly Value[] = isAddress ? [address(low[i])] : fn.storedPointers(i, lane);
      for (const value of values) {
        if (variableRva !== undefined) this.#addToVariable(variableRva + lane, value);
        else if (value.kind === 'address' && this.#isOperation(value.rva))
          this.#addToObject(i, value.rva, lane);
      }
    }
  }

  #addToVariable(variableRva: number, value: Value): void {
    const { tables, worklist } = this.#context;
    for (const callee of this.#callees.ofPointer(value)) this.#callees.addVariable(variableRva, callee);
    if (value.kind !== 'address') return;
    // The variable may be part of a structure that code reaches by its own address.
    if (this.#isOperation(value.rva))
      tables.functionInVariable(variableRva, value.rva, worklist.structuresAt(variableRva));
    if (tables.storedInVariable(variableRva, value.rva)) worklist.addReferences(variableRva);
  }

  #addToObject(i: number, rva: number, lane: number): void {
    const { fn } = this.#context;
    const slot = fn.body.slot[i];
    if (slot !== NO_SLOT) {
      this.#inFrame.push({ slot: slot + lane, rva });
      return;
    }
    const distance = fn.body.operations.displacement[i] + lane;
    for (const pointer of fn.storePointers(i)) this.#addBehind(pointer, distance, rva);
    this.#contexts.addKept(i, rva);
  }

  /** A function, or the address of a table, is kept `distance` bytes behind a pointer. */
  #addBehind(pointer: Value, distance: number, rva: number): void {
    const { tables, worklist } = this.#context;
    if (pointer.kind === 'address' || pointer.kind === 'element') {
      // An array of structures that is filled in a loop.
      const variableRva = (pointer.rva + distance) | 0;
      for (const callee of this.#callees.ofPointer(address(rva)))
        this.#callees.addVariable(variableRva, callee);
      tables.functionInVariable(variableRva, rva, worklist.structuresAt(variableRva));
    } else tables.storedInObject(pointer.kind === 'inside' ? pointer.plus + distance : distance, rva);
    this.#addSetter(pointer, distance, rva);
  }

  /** Where the pointer is a parameter, callers may pass the address of a variable there. */
  #addSetter(pointer: Value, distance: number, rva: number): void {
    if (pointer.kind === 'inside' && pointer.stride === 0)
      return this.#addSetter(pointer.object, pointer.plus + distance, rva);
    if (pointer.kind !== 'parameter' || pointer.place.behind !== undefined) return;
    const { fn, worklist } = this.#context;
    if (this.#setters.add(fn.rva, { place: pointer.place, distance, rva }))
      worklist.addCallersNearTags(fn.rva);
  }

  /**
   * A setter is given a part of an object (`GetInterface(&frontend->store)`): calls by the object itself find its functions at the sum
   * of both distances.
   */
  #addPart(pointer: Value, distance: number, rva: number): void {
    if (pointer.kind === 'inside' && pointer.stride === 0)
      this.#context.tables.storedInObject(pointer.plus + distance, rva);
  }

  /** Call `i` passes a variable's address to a function that puts operations behind it. */
  #addSetterCall(i: number, calleeRva: number): void {
    const { fn, targets } = this.#context;
    for (const { place, distance, rva } of this.#setters.of(calleeRva)) {
      for (const pointer of fn.passedAt(fn.beforeCall(place), i)) {
        if (pointer.kind === 'stack') this.#left.add(pointer.offset + distance, rva);
        if (pointer.kind !== 'address') {
          this.#addPart(pointer, distance, rva);
          this.#addSetter(pointer, distance, rva);
          continue;
        }
        const variableRva = (pointer.rva + distance) | 0;
        // The setter may be news where what it stores is none.
        for (const callee of targets.allOfFunction(rva)) this.#callees.addVariable(variableRva, callee);
        this.#addToVariable(variableRva, address(rva));
      }
    }
  }

  /** Functions that this function was given, alone or in a table, are kept in an object: `port->operations = *operations`. */
  #addKeptOperations(i: number): void {
    const { code, fn, targets, tables } = this.#context;
    const { source, size, displacement, base } = fn.body.operations;
    const { pointerSize } = code.processor;
    const isFrame = fn.body.slot[i] !== NO_SLOT;
    const isElsewhere = base[i] === BASE_ELSEWHERE || base[i] === NONE;
    if (source[i] === NONE || size[i] < pointerSize || isElsewhere || isFrame) return;
    for (let lane = 0; lane < size[i]; lane += pointerSize) {
      for (const value of fn.resolver.resolveStored(i, lane).values) {
        for (const target of this.#given(value)) {
          const variableRva = nearAddress(fn.body, i);
          if (variableRva === undefined) tables.storedInObject(displacement[i] + lane, target);
          else
            for (const callee of targets.allOfFunction(target))
              this.#callees.addVariable(variableRva + lane, callee);
        }
      }
    }
  }
}
