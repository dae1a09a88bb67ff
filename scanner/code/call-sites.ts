/**
 * Finds the calls that carry a tag and the constants that reach them. A function whose own parameter reaches a tag
 * argument is a wrapper: its callers are looked at in the next wave, until no new wrapper turns up.
 */
import type { ConstantOrigin } from '../../data/facts.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import type { CodeIndex } from './code-index.ts';
import { FunctionBody, type PoppedBytes } from './function-body.ts';
import type { FunctionMap } from './function-map.ts';
import { NONE, Op } from './operations.ts';
import { movedPlace, type Place, placeKey } from './places.ts';
import type { InstructionFront, Processor } from './processor.ts';
import type { Callee, Sinks } from './sinks.ts';
import { ValueResolver } from './value-resolver.ts';

/** A constant that reaches a tag argument. */
export interface TagUse {
  /** The ULONG as passed, PROTECTED_POOL included. */
  ulong: number;
  callee: Callee;
  /** RVA of the call. */
  rva: number;
  functionRva: number;
  origin: ConstantOrigin;
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

export interface CodeUnderAnalysis {
  image: DriverImage;
  processor: Processor;
  front: InstructionFront;
  index: CodeIndex;
  functions: FunctionMap;
  poppedBytes: PoppedBytes;
  /** Operations that may be decoded in all, so that the time is bounded by the size of the code. */
  maxOperations: number;
}

export function findCallSites(code: CodeUnderAnalysis, sinks: Sinks): CallSites {
  return new CallSiteSearch(code, sinks).run();
}

class CallSiteSearch {
  readonly #code: CodeUnderAnalysis;
  readonly #sinks: Sinks;
  readonly #body: FunctionBody;
  readonly #resolver: ValueResolver;
  /** What an address leads to when called: thunks, wrappers, the image's own pool functions. */
  readonly #calleesAt = new Map<number, Callee[]>();
  readonly #seenWrappers = new Set<string>();
  readonly #seenUses = new Set<string>();
  readonly #uses: TagUse[] = [];
  #waiting: { targetRva: number; callee: Callee }[] = [];
  #operationsLeft: number;
  #unresolvedCalls = 0;

  constructor(code: CodeUnderAnalysis, sinks: Sinks) {
    this.#code = code;
    this.#sinks = sinks;
    this.#body = new FunctionBody(code.front, code.processor);
    this.#resolver = new ValueResolver(this.#body, code);
    this.#operationsLeft = code.maxOperations;
  }

  run(): CallSites {
    for (const [rva, callee] of this.#sinks.byFunction) this.#addCallee(rva, callee);
    const references = [...this.#sinks.bySlot.keys()].flatMap(slot => this.#code.index.referencesTo(slot));
    this.#analyse(this.#functionsOf(references));
    while (this.#waiting.length > 0 && this.#operationsLeft > 0) {
      const wave = this.#waiting;
      this.#waiting = [];
      const sites = wave.flatMap(({ targetRva }) => this.#code.index.callersOf(targetRva));
      this.#analyse(this.#functionsOf(sites));
    }
    return {
      uses: this.#uses,
      unresolvedCalls: this.#unresolvedCalls,
      isPartial: this.#operationsLeft <= 0 || this.#uses.length >= MAX_USES,
    };
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
      this.#analyseBody(functionRva);
    }
  }

  #analyseBody(functionRva: number): void {
    const operations = this.#body.operations;
    for (let i = 0; i < operations.count; i++) {
      const op = operations.op[i];
      const isJump = op === Op.jump || op === Op.jumpIndirect;
      if (!isJump && op !== Op.call && op !== Op.callIndirect) continue;
      if (op === Op.jump && this.#body.contains(operations.low[i])) continue;
      for (const callee of this.#calleesOf(i)) {
        if (isJump && this.#isThunk(i))
          this.#addCallee(functionRva, callee); // a thunk, not a wrapper
        else this.#useAt(i, isJump, functionRva, callee);
      }
    }
  }

  /** Whether the function does nothing but jump: ARM64 first loads the import's address into a register. */
  #isThunk(i: number): boolean {
    const { op, dst, source } = this.#body.operations;
    for (let before = 0; before < i; before++) {
      if (op[before] !== Op.nothing && (dst[before] !== source[i] || source[i] === NONE)) return false;
    }
    return true;
  }

  #calleesOf(i: number): readonly Callee[] {
    const operations = this.#body.operations;
    const op = operations.op[i];
    if (op === Op.call || op === Op.jump) return this.#calleesAt.get(operations.low[i]) ?? [];
    const isPlainSlot = operations.source[i] === NONE && operations.index[i] === NONE;
    if (!isPlainSlot && operations.source[i] === NONE) return [];
    return this.#resolver.resolveTarget(i).values.flatMap(value => {
      if (value.kind === 'memory') return this.#sinks.bySlot.get(value.rva) ?? [];
      if (value.kind === 'address') return this.#calleesAt.get(value.rva) ?? [];
      return [];
    });
  }

  #useAt(i: number, isJump: boolean, functionRva: number, callee: Callee): void {
    if (!this.#firstArgumentFits(i, isJump, callee)) return;
    const place = this.#seenFrom(callee.place, isJump);
    let isResolved = false;
    for (const value of this.#resolver.resolve(place, i).values) {
      if (value.kind === 'constant') {
        isResolved = true;
        this.#addUse({
          ulong: value.value,
          callee,
          rva: this.#body.operations.rva[i],
          functionRva,
          origin: value.origin,
        });
      } else if (value.kind === 'parameter') {
        isResolved = true;
        this.#addWrapper(functionRva, value.place, callee);
      }
    }
    if (!isResolved) this.#unresolvedCalls++;
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

  #addWrapper(functionRva: number, place: Place, callee: Callee): void {
    if (callee.wrappers.length >= MAX_WRAPPER_DEPTH || this.#seenWrappers.size >= MAX_WRAPPERS) return;
    const key = `${functionRva}:${placeKey(place)}:${callee.poolFunction.kind === 'free-call'}`;
    if (this.#seenWrappers.has(key)) return;
    this.#seenWrappers.add(key);
    const before = movedPlace(place, -this.#code.processor.callPushes);
    this.#addCallee(functionRva, { ...callee, place: before, wrappers: [functionRva, ...callee.wrappers] });
  }

  #addCallee(targetRva: number, callee: Callee): void {
    const known = this.#calleesAt.get(targetRva);
    if (known?.some(other => isSameCallee(other, callee))) return;
    if (known === undefined) this.#calleesAt.set(targetRva, [callee]);
    else known.push(callee);
    this.#waiting.push({ targetRva, callee });
  }
}

function isSameCallee(a: Callee, b: Callee): boolean {
  return (
    a.poolFunction === b.poolFunction &&
    placeKey(a.place) === placeKey(b.place) &&
    a.wrappers.length === b.wrappers.length
  );
}
