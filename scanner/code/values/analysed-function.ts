/** The function that the search is looking at: its operations, and what its calls and stores are given. */
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { FunctionBody } from '../functions/function-body.ts';
import { BASE_IMAGE, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { movedPlace, type Place } from '../processors/places.ts';
import type { Processor } from '../processors/processor.ts';
import { isGuardDispatch } from './control-flow-guard.ts';
import { type Copy, copyAt, MAX_COPIED_BYTES, mayCopy } from './copies.ts';
import { address } from './make-value.ts';
import { ReturnValues, remade } from './return-values.ts';
import { ValueResolver } from './value-resolver.ts';
import type { Value } from './values.ts';
import { WorkedOutResults } from './worked-out-results.ts';

/** Real images have a few thousand pointers that are called or stored; beyond this they are worked out anew. */
const MAX_KNOWN_POINTERS = 100_000;

/** The same for calls in functions that hand operations on: some thousands in a large driver of C++. */
const MAX_KNOWN_CALLS = 20_000;
/** Operations of one function that calls are told apart by. */
const MAX_NUMBERED = 1 << 20;

/** One function at a time; operations are told by their number in `body`. */
export class AnalysedFunction {
  readonly body: FunctionBody;
  readonly resolver: ValueResolver;
  readonly #code: CodeUnderAnalysis;
  readonly #processor: Processor;
  readonly #returns: ReturnValues;
  readonly #workedOut: WorkedOutResults;
  /** What pointers that are called or stored hold, by the instruction's RVA: a function is looked at again and again. */
  readonly #pointerValues = new Map<number, readonly Value[]>();
  /** What calls pass, by function and operation, for the same reason. */
  readonly #passed = new Map<number, readonly (readonly Value[])[]>();
  readonly #copies = new Map<number, Copy | undefined>();
  readonly #copiedValues = new Map<number, readonly Value[]>();
  #rva = 0;

  constructor(code: CodeUnderAnalysis) {
    this.#code = code;
    this.#processor = code.processor;
    this.body = new FunctionBody(code);
    this.resolver = new ValueResolver(this.body, code);
    this.#returns = new ReturnValues(code);
    this.#workedOut = new WorkedOutResults(code);
  }

  /** RVA of the function. */
  get rva(): number {
    return this.#rva;
  }

  /** Goes on to another function. Returns the number of its operations. */
  decode(functionRva: number): number {
    this.#rva = functionRva;
    return this.body.decode(this.#code.functions.pieces(functionRva), this.#code.poppedBytes);
  }

  /** The work done on values since this was last asked, in decoded operations. */
  takeWork(): number {
    return this.resolver.takeWork() + this.#returns.takeWork() + this.#workedOut.takeWork();
  }

  /** The pointers that the memory operand of the store `i` is reached by. */
  storePointers(i: number): readonly Value[] {
    const { base } = this.body.operations;
    if (base[i] === BASE_IMAGE) return [address(0)];
    return base[i] < VECTOR0 ? this.resolver.resolve({ register: base[i] }, i).values : [];
  }

  isIndirect(i: number): boolean {
    const { op } = this.body.operations;
    return op[i] === Op.callIndirect || op[i] === Op.jumpIndirect;
  }

  isJump(i: number): boolean {
    const { op } = this.body.operations;
    return op[i] === Op.jump || op[i] === Op.branch || op[i] === Op.jumpIndirect;
  }

  /** Whether the function does nothing but the jump `i`: ARM64 first loads the import's address into a register. */
  isThunk(i: number): boolean {
    const { op, dst, source } = this.body.operations;
    if (op[i] === Op.branch) return false;
    for (let before = 0; before < i; before++) {
      if (op[before] !== Op.nothing && (dst[before] !== source[i] || source[i] === NONE)) return false;
    }
    return true;
  }

  /**
   * `place`, as seen just before a call, where `i` calls or jumps. A tail jump happens with the return address already
   * on the stack, so the same argument is further up.
   */
  placeAt(place: Place, i: number): Place {
    return this.isJump(i) ? movedPlace(place, this.#processor.callPushes) : place;
  }

  /** The values that call or tail jump `i` passes at a place, as seen just before a call. */
  passedAt(place: Place, i: number): readonly Value[] {
    return this.resolver.resolve(this.placeAt(place, i), i).values;
  }

  /** `if (tag == 0) free(p, tag)`: what is passed may be anything, but a comparison lets only zero come to call `i`. */
  passesZero(place: Place, i: number): boolean {
    const { values } = this.resolver.resolveBounded(this.placeAt(place, i), i);
    return values.length > 0 && values.every(value => value.kind === 'constant' && value.value === 0);
  }

  /** What call `i` passes at each of the processor's `passedPlaces`. */
  passedEverywhere(i: number): readonly (readonly Value[])[] {
    const key = this.#rva * MAX_NUMBERED + i;
    const known = this.#passed.get(key);
    if (known !== undefined) return known;
    const passed = this.#processor.passedPlaces.map(place => this.passedAt(place, i));
    if (i < MAX_NUMBERED && this.#passed.size < MAX_KNOWN_CALLS) this.#passed.set(key, passed);
    return passed;
  }

  /** What a callee sees at `place` at its entry, as seen by its caller just before the call. */
  beforeCall(place: Place): Place {
    return movedPlace(place, -this.#processor.callPushes);
  }

  /** The other way round. */
  atEntry(place: Place): Place {
    return movedPlace(place, this.#processor.callPushes);
  }

  /** In place of a call's result, what the function that it calls returns; parameters as they are at the call. */
  withReturned(values: readonly Value[]): readonly Value[] {
    const { op, low } = this.body.operations;
    const isReturned = (value: Value) => value.kind === 'result' && op[value.operation] === Op.call;
    if (!values.some(isReturned)) return values;
    return values.flatMap(value => {
      if (value.kind !== 'result' || op[value.operation] !== Op.call) return [value];
      const target = low[value.operation];
      const passed = (place: Place) => this.passedAt(this.beforeCall(place), value.operation);
      const bytePassed = (register: number) => this.resolver.resolveByte(register, value.operation).values;
      const made = this.#returns.isComputing(target)
        ? this.#workedOut.of(target, { passed, bytePassed })
        : undefined;
      const returned = this.#returns.of(target).flatMap(result => {
        if (result.kind === 'parameter') return passed(result.place);
        const isMade = result.kind === 'changed' || result.kind === 'swapped';
        if (!isMade || result.object.kind !== 'parameter') return [result];
        return passed(result.object.place).map(value => remade(result, value));
      });
      return made === undefined ? returned : [...returned, made];
    });
  }

  /** The addresses of the image that a function may return. */
  pointersReturnedBy(functionRva: number): readonly Value[] {
    return this.#returns.pointersOf(functionRva);
  }

  /** Constants and parameters, or what is made of these, that a function of the image may return. */
  returnedBy(functionRva: number): readonly Value[] {
    return this.#returns.of(functionRva);
  }

  /** The pointers that a call or jump may go through; behind a Control Flow Guard check they are in a register. */
  calledPointers(i: number): readonly Value[] {
    const { source, index } = this.body.operations;
    const pointers = this.resolver.importSlotAt(i) ?? this.#otherPointers(i);
    if (!this.isJump(i) || source[i] !== NONE || index[i] === NONE) return pointers;
    // Through a table of its own cases, or to what a row of functions has for it.
    const isCase = (value: Value) => value.kind !== 'address' || this.body.contains(value.rva);
    return pointers.some(isCase) ? [] : pointers;
  }

  #otherPointers(i: number): readonly Value[] {
    return this.#pointersAt(i, () => {
      if (this.isIndirect(i)) {
        const { values } = this.resolver.resolveTarget(i);
        if (!values.some(value => isGuardDispatch(this.#code.image, value))) return values;
      }
      return this.resolver.resolve({ register: this.#processor.guardedTarget }, i).values;
    });
  }

  /** What operation `i` copies, worked out once: as of pointers, nothing that is found later changes it. */
  copyAt(i: number): Copy | undefined {
    if (!mayCopy(this.resolver, i)) return undefined; // most calls
    const rva = this.body.operations.rva[i];
    if (this.#copies.has(rva)) return this.#copies.get(rva);
    const copy = copyAt(this.resolver, i, this.isJump(i) ? this.#processor.callPushes : 0);
    if (this.#copies.size < MAX_KNOWN_POINTERS) this.#copies.set(rva, copy);
    return copy;
  }

  /** What is copied by operation `i` from `offset` bytes into its source: as above. */
  copiedValues(i: number, { from }: Copy, offset: number): readonly Value[] {
    const key = this.body.operations.rva[i] * MAX_COPIED_BYTES + offset;
    const known = this.#copiedValues.get(key);
    if (known !== undefined) return known;
    const values = from.flatMap(pointer => this.resolver.resolveBehind(pointer, offset, 4, i).values);
    if (this.#copiedValues.size < MAX_KNOWN_POINTERS) this.#copiedValues.set(key, values);
    return values;
  }

  /** The pointer that the store of a register puts `lane` bytes into its destination. */
  storedPointers(i: number, lane: number): readonly Value[] {
    return this.#pointersAt(i, () => this.resolver.resolveStored(i, lane).values, lane);
  }

  /** The values of a pointer at an operation, worked out once: nothing that is found later changes them. */
  #pointersAt(i: number, resolve: () => readonly Value[], lane = 0): readonly Value[] {
    const { rva } = this.body.operations;
    // One instruction may store two pointers: by two operations, or out of one vector register.
    const key = rva[i] * 16 + (i > 0 && rva[i - 1] === rva[i] ? 1 : 0) + lane;
    const known = this.#pointerValues.get(key);
    if (known !== undefined) return known;
    const values = resolve();
    if (this.#pointerValues.size < MAX_KNOWN_POINTERS) this.#pointerValues.set(key, values);
    return values;
  }
}
