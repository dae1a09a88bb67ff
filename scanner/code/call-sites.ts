/**
 * Finds the calls that carry a tag and the constants that reach them. A function whose own parameter reaches a tag
 * argument is a wrapper: its callers are looked at in the next wave, until nothing new turns up.
 */
import type { ConstantOrigin } from '../../data/facts.ts';
import { CallTargets } from './call-targets.ts';
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { type DataPointers, dataPointers } from './data-pointers.ts';
import { contextTags } from './filter-contexts.ts';
import { FunctionBody } from './function-body.ts';
import { isGuardDispatch } from './guard-dispatch.ts';
import { nearAddress } from './near-address.ts';
import { NONE, Op } from './operations.ts';
import { movedPlace, type Place, placeKey } from './places.ts';
import { FILTER_CONTEXT } from './pool-functions.ts';
import { ReturnValues } from './return-values.ts';
import { RoutineNames } from './routine-names.ts';
import type { Callee, Sinks } from './sinks.ts';
import { ValueResolver } from './value-resolver.ts';
import type { Value } from './values.ts';

/** A constant that reaches a tag argument. */
export interface TagUse {
  /** The ULONG as passed, PROTECTED_POOL included. */
  ulong: number;
  callee: Callee;
  /** RVA of the call. */
  rva: number;
  functionRva: number;
  origin: ConstantOrigin;
  /** Where the constant stands: an instruction, or data of the image. */
  constantRva: number;
  /** In a traced analysis: RVAs of the instructions that carried the constant, the first one first. */
  path?: readonly number[];
}

export interface CallSites {
  uses: TagUse[];
  /** Calls whose tag stayed unknown. */
  unresolvedCalls: number;
  /** The work limit was reached. */
  isPartial: boolean;
}

/** Wrappers of wrappers beyond this depth are a misreading. */
const MAX_WRAPPER_DEPTH = 8;
/** More wrappers than any real driver has; hostile code could chain them without end. */
const MAX_WRAPPERS = 5_000;
/** Honest tag uses number in the thousands; hostile code must not fill the memory with them. */
const MAX_USES = 100_000;

export function findCallSites(code: CodeUnderAnalysis, sinks: Sinks): CallSites {
  return new CallSiteSearch(code, sinks).run();
}

class CallSiteSearch {
  readonly #code: CodeUnderAnalysis;
  readonly #sinks: Sinks;
  readonly #body: FunctionBody;
  readonly #resolver: ValueResolver;
  readonly #targets: CallTargets;
  readonly #pointers: DataPointers;
  readonly #names: RoutineNames;
  readonly #returns: ReturnValues;
  /** Functions that name a pool function in a text. */
  #namingFunctions: ReadonlySet<number> = new Set();
  #looksUpNames = false;
  /** The wave in which a function was last looked at. */
  readonly #lookedAt = new Map<number, number>();
  readonly #seenWrappers = new Set<string>();
  readonly #seenUses = new Set<string>();
  readonly #uses: TagUse[] = [];
  readonly #unresolved = new Set<number>();
  /** Code addresses whose functions the next wave looks at. */
  #waiting: number[] = [];
  #operationsLeft: number;

  constructor(code: CodeUnderAnalysis, sinks: Sinks) {
    this.#code = code;
    this.#sinks = sinks;
    this.#body = new FunctionBody(code.front, code.processor);
    this.#resolver = new ValueResolver(this.#body, code);
    this.#names = new RoutineNames(code, this.#body, this.#resolver);
    this.#returns = new ReturnValues(code);
    this.#targets = new CallTargets(code.image);
    this.#pointers = dataPointers(code.image, code.index);
    this.#operationsLeft = code.maxOperations;
  }

  run(): CallSites {
    this.#begin();
    while (this.#waiting.length > 0 && this.#operationsLeft > 0) {
      const functions = this.#functionsOf(this.#waiting);
      this.#waiting = [];
      this.#targets.wave++;
      this.#analyse(functions);
    }
    for (const { rva } of this.#uses) this.#unresolved.delete(rva);
    return {
      uses: this.#uses,
      unresolvedCalls: this.#unresolved.size,
      isPartial: this.#operationsLeft <= 0 || this.#uses.length >= MAX_USES,
    };
  }

  #begin(): void {
    const { index } = this.#code;
    const naming = this.#sinks.nameRvas.flatMap(nameRva => index.referencesTo(nameRva));
    this.#namingFunctions = this.#functionsOf(naming);
    this.#waiting.push(...naming);
    for (const [slotRva, callee] of this.#sinks.bySlot) this.#addVariable(slotRva, callee);
    for (const [rva, callee] of this.#sinks.byFunction) this.#addFunction(rva, callee);
    for (const { variableRva, callees } of this.#sinks.tables) {
      this.#targets.addTable(variableRva, callees);
      this.#waiting.push(...index.referencesTo(variableRva));
    }
  }

  #functionsOf(rvas: readonly number[]): Set<number> {
    const functions = new Set<number>();
    for (const rva of rvas) {
      const functionRva = this.#code.functions.functionAt(rva);
      if (functionRva !== undefined) functions.add(functionRva);
    }
    return functions;
  }

  #analyse(functions: Set<number>): void {
    for (const functionRva of functions) {
      if (this.#operationsLeft <= 0 || this.#uses.length >= MAX_USES) return;
      this.#operationsLeft -=
        this.#body.decode(this.#code.functions.pieces(functionRva), this.#code.poppedBytes) + 1;
      this.#names.forget();
      this.#looksUpNames = this.#namingFunctions.has(functionRva);
      // What was known when the function was last looked at has been followed there.
      this.#targets.since = this.#lookedAt.get(functionRva) ?? 0;
      this.#lookedAt.set(functionRva, this.#targets.wave);
      this.#analyseBody(functionRva);
      this.#operationsLeft -= this.#resolver.takeWork() + this.#returns.takeWork();
    }
  }

  #analyseBody(functionRva: number): void {
    const { op, low, size, source, count } = this.#body.operations;
    for (let i = 0; i < count; i++) {
      const isDirectJump = op[i] === Op.jump || op[i] === Op.branch;
      const isJump = isDirectJump || op[i] === Op.jumpIndirect;
      if (isJump || op[i] === Op.call || op[i] === Op.callIndirect) {
        if (!isDirectJump || !this.#body.contains(low[i])) this.#callAt(i, isJump, functionRva);
      } else if (op[i] === Op.store && source[i] !== NONE && size[i] === this.#code.processor.pointerSize) {
        const variableRva = nearAddress(this.#body, i);
        if (variableRva !== undefined) this.#pointerStoredAt(i, variableRva);
      }
    }
  }

  #callAt(i: number, isJump: boolean, functionRva: number): void {
    for (const callee of this.#calleesOf(i)) {
      // A thunk is the function it jumps to, not a wrapper of it.
      if (isJump && this.#isThunk(i)) this.#addFunction(functionRva, callee);
      else this.#useAt(i, isJump, functionRva, callee);
    }
  }

  /** Whether the function does nothing but jump: ARM64 first loads the import's address into a register. */
  #isThunk(i: number): boolean {
    const { op, dst, source } = this.#body.operations;
    if (op[i] === Op.branch) return false;
    for (let before = 0; before < i; before++) {
      if (op[before] !== Op.nothing && (dst[before] !== source[i] || source[i] === NONE)) return false;
    }
    return true;
  }

  #calleesOf(i: number): readonly Callee[] {
    const { op, low } = this.#body.operations;
    if (op[i] !== Op.callIndirect && op[i] !== Op.jumpIndirect) return this.#targets.ofFunction(low[i]);
    return this.#targetValues(i).flatMap(value => [
      ...this.#targets.ofValue(value),
      ...this.#foundByName(value),
    ]);
  }

  /** The pointers that an indirect call may go through; behind a Control Flow Guard check they are in a register. */
  #targetValues(i: number): readonly Value[] {
    const { source, index } = this.#body.operations;
    if (source[i] === NONE && index[i] !== NONE) return [];
    const values = this.#resolver.resolveTarget(i).values;
    const isDispatch = values.some(value => isGuardDispatch(this.#code.image, value));
    if (!isDispatch) return values;
    return this.#resolver.resolve({ register: this.#code.processor.guardedTarget }, i).values;
  }

  /** A pool function that this function has looked up by its name. */
  #foundByName(value: Value): readonly Callee[] {
    return value.kind === 'result' && this.#looksUpNames ? this.#names.calleesOf(value.operation) : [];
  }

  /** A pointer to a pool function or wrapper is kept in a variable: what calls through it is looked at next. */
  #pointerStoredAt(i: number, variableRva: number): void {
    const { source } = this.#body.operations;
    for (const value of this.#resolver.resolve({ register: source[i] }, i).values) {
      const callees = [...this.#targets.ofValue(value), ...this.#foundByName(value)];
      for (const callee of callees) this.#addVariable(variableRva, callee);
    }
  }

  #useAt(i: number, isJump: boolean, functionRva: number, callee: Callee): void {
    if (!this.#firstArgumentFits(i, isJump, callee)) return;
    const { rva } = this.#body.operations;
    let isResolved = false;
    const found = this.#resolver.resolve(this.#seenFrom(callee.place, isJump), i).values;
    const values =
      callee.poolFunction.field?.name === FILTER_CONTEXT
        ? this.#contextTags(found, i)
        : found.flatMap(value => this.#returned(value));
    for (const value of values) {
      if (value.kind === 'constant') {
        isResolved = true;
        const { value: ulong, origin, rva: constantRva, via: path } = value;
        this.#addUse({ ulong, callee, rva: rva[i], functionRva, origin, constantRva, path });
      } else if (value.kind === 'parameter') {
        isResolved = true;
        this.#addWrapper(functionRva, value.place, rva[i], callee);
      }
    }
    if (!isResolved) this.#unresolved.add(rva[i]);
  }

  /** In place of a call's result, what the function that it calls returns; parameters as they are at the call. */
  #returned(value: Value): readonly Value[] {
    const { op, low } = this.#body.operations;
    if (value.kind !== 'result' || op[value.operation] !== Op.call) return [value];
    return this.#returns.of(low[value.operation]).flatMap(result => {
      if (result.kind !== 'parameter') return [result];
      const place = movedPlace(result.place, -this.#code.processor.callPushes);
      return [...this.#resolver.resolve(place, value.operation).values];
    });
  }

  /** What FltRegisterFilter's registration leads to: an array of contexts, each with its tag. */
  #contextTags(arrays: readonly Value[], i: number): Value[] {
    const { image } = this.#code;
    return arrays.flatMap(array => {
      const initial = array.kind === 'memory' ? image.pointerAt(array.rva) : undefined;
      const contexts: Value = initial === undefined ? array : { kind: 'address', rva: initial };
      return contextTags(
        image,
        contexts,
        (pointer, offset, width) => this.#resolver.resolveBehind(pointer, offset, width, i).values,
      );
    });
  }

  /** A tail jump happens with the return address already on the stack, so the same argument is further up. */
  #seenFrom(place: Place, isJump: boolean): Place {
    return isJump ? movedPlace(place, this.#code.processor.callPushes) : place;
  }

  #firstArgumentFits(i: number, isJump: boolean, callee: Callee): boolean {
    const wanted = callee.poolFunction.onlyWhenFirstIs;
    if (wanted === undefined || callee.wrappers.length > 0) return true;
    const first = this.#seenFrom(this.#code.processor.argument(1), isJump);
    const values = this.#resolver.resolve(first, i).values;
    return values.some(value => value.kind === 'constant' && value.value === wanted);
  }

  #addUse(use: TagUse): void {
    const key = `${use.ulong}:${use.rva}:${use.callee.api}:${use.callee.wrappers.length}`;
    if (this.#seenUses.has(key) || this.#uses.length >= MAX_USES) return;
    this.#seenUses.add(key);
    this.#uses.push(use);
  }

  #addWrapper(functionRva: number, place: Place, callRva: number, callee: Callee): void {
    if (callee.wrappers.length >= MAX_WRAPPER_DEPTH || this.#seenWrappers.size >= MAX_WRAPPERS) return;
    const key = `${functionRva}:${placeKey(place)}:${callee.poolFunction.kind}`;
    if (this.#seenWrappers.has(key)) return;
    this.#seenWrappers.add(key);
    const before = movedPlace(place, -this.#code.processor.callPushes);
    this.#addFunction(functionRva, {
      ...callee,
      place: before,
      wrappers: [functionRva, ...callee.wrappers],
      wrapperCalls: [callRva, ...callee.wrapperCalls],
    });
  }

  #addFunction(rva: number, callee: Callee): void {
    if (!this.#targets.addFunction(rva, callee)) return;
    this.#waiting.push(...this.#code.index.callersOf(rva), ...this.#pointers.codeNear(rva));
  }

  #addVariable(rva: number, callee: Callee): void {
    if (this.#targets.addVariable(rva, callee)) this.#waiting.push(...this.#code.index.referencesTo(rva));
  }
}
