/** Tags that functions leave for the one that calls them: in its frame, or in a description that they return or find. */

import type { SearchContext } from '../facts/search-context.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import { behindPointer } from '../values/behind-pointer.ts';
import { FilledValues } from '../values/filled-values.ts';
import { tagsBehind } from '../values/static-tags.ts';
import type { Value } from '../values/values.ts';

/** Calls before the use of a structure that may have filled it, and how long it is at most. */
const MAX_FILLING_CALLS = 16;
const MAX_FILLED_BYTES = 0x200;
/** The same of what functions of others may fill: what is further on is another variable. */
const MAX_FOREIGN_BYTES = 0x20;
/** Structures of the frame of which one was copied from the other by functions. */
const MAX_COPIES = 2;
/** Operations between a load and the use of what it gave. */
const MAX_TO_LOAD = 24;

/** Answers for the function at hand. */
export class LeftTags {
  readonly #context: SearchContext;
  readonly #filled: FilledValues;

  constructor(context: SearchContext) {
    this.#context = context;
    this.#filled = new FilledValues(context.code);
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    return this.#filled.takeWork();
  }

  /**
   * In place of what nothing in the function has written, or only cleared, what functions left there that it passed the place's address
   * to before `i`; and besides a field of what a function returned or found, the field of the descriptions that this may be.
   */
  with(place: Place, values: readonly Value[], i: number): readonly Value[] {
    if (!values.some(mayStandForAnother)) return values;
    return values.flatMap(value => {
      // What the function returns may be another object at times.
      if (value.kind === 'field') return [value, ...this.#ofDescription(value, i)];
      const slot = value.kind === 'blank' ? value.offset : isZero(value) ? this.#slotOf(place, i) : undefined;
      const filled = value.kind === 'blank' ? this.#context.fn.resolver.resolveLoopFills(value.offset) : [];
      if (filled.length > 0) return filled;
      const left = slot === undefined ? [] : this.#leftAt(slot, i);
      const tags = left.filter(({ kind }) => kind === 'constant' || kind === 'parameter');
      return tags.length === 0 ? [value] : tags;
    });
  }

  #leftAt(slot: number, i: number, depth = 0): Value[] {
    const { fn } = this.#context;
    const { op } = fn.body.operations;
    const found: Value[] = [];
    /** Where the structure begins: another one may have stood at the same place before. */
    let begin: number | undefined;
    let calls = 0;
    for (let before = i - 1; before >= 0 && calls < MAX_FILLING_CALLS; before--) {
      if (op[before] !== Op.call && op[before] !== Op.callIndirect) continue;
      calls++;
      for (const [place, values] of this.#pointersPassed(before)) {
        for (const value of values) {
          const distance = value.kind === 'stack' ? slot - value.offset : -1;
          if (value.kind !== 'stack' || distance < 0 || distance > MAX_FILLED_BYTES) continue;
          if (begin !== undefined && begin !== value.offset) continue;
          if (this.#isForeign(before)) {
            if (distance > MAX_FOREIGN_BYTES) continue;
            return found;
          }
          const left = this.#leftBy(before, place, distance, depth);
          if (left.length > 0) begin = value.offset;
          found.push(...left);
        }
      }
    }
    return found;
  }

  /** What a call passes that it may fill, or return a structure in. */
  #pointersPassed(call: number): [Place, readonly Value[]][] {
    const { code, fn } = this.#context;
    const { passedPlaces, returnedPlace } = code.processor;
    const passed = fn.passedEverywhere(call);
    const pointers = passedPlaces.map((place, n): [Place, readonly Value[]] => [place, passed[n]]);
    if (returnedPlace !== undefined) pointers.push([returnedPlace, fn.passedAt(returnedPlace, call)]);
    return pointers;
  }

  /** Whether a function that is not of the image is called: nobody knows what it leaves. */
  #isForeign(call: number): boolean {
    const { code, fn } = this.#context;
    const { op, low } = fn.body.operations;
    if (fn.resolver.memoryFunctions?.at(fn.body, call) !== undefined) return false;
    return op[call] === Op.callIndirect || code.functions.thunkSlot(low[call]) !== undefined;
  }

  #leftBy(call: number, place: Place, distance: number, depth: number): readonly Value[] {
    const { fn } = this.#context;
    return this.#filled
      .of(fn.body.operations.low[call], fn.atEntry(place), distance)
      .flatMap(left => (left.kind === 'parameter' ? fn.passedAt(fn.beforeCall(left.place), call) : [left]))
      .flatMap(left => {
        const isCopied = left.kind === 'blank' && depth < MAX_COPIES;
        return isCopied ? this.#leftAt(left.offset, call, depth + 1) : [left];
      });
  }

  #ofDescription(field: Extract<Value, { kind: 'field' }>, i: number): readonly Value[] {
    const { code, fn } = this.#context;
    const { op, low } = fn.body.operations;
    const { offset, operation, slot } = field;
    if (slot !== undefined) return tagsBehind(code, this.#leftAt(slot, i), offset);
    const isReturned = operation !== undefined && op[operation] === Op.call;
    if (!isReturned) return [];
    const pointers = fn.pointersReturnedBy(low[operation]);
    const behind = pointers
      .map(pointer => behindPointer(pointer, offset))
      .filter(({ kind }) => kind === 'behind');
    return [...tagsBehind(code, pointers, offset), ...behind];
  }

  /** The place of the frame from which what stands at `place` has been loaded shortly before. */
  #slotOf(place: Place, i: number): number | undefined {
    const { body } = this.#context.fn;
    const { op, dst, source, base } = body.operations;
    if (place.behind !== undefined) return undefined;
    const slot = 'register' in place ? undefined : body.stackAt[i] + place.stackOffset;
    let register = 'register' in place ? place.register : NONE;
    for (let before = i - 1; before >= 0 && before >= i - MAX_TO_LOAD; before--) {
      const isPut = slot !== undefined && register === NONE && body.slot[before] === slot;
      if (isPut && op[before] === Op.push && base[before] !== NONE) return slotIn(body.pushedFrom, before);
      if (isPut && (op[before] === Op.push || op[before] === Op.store)) register = source[before];
      else if (register !== NONE && dst[before] === register) {
        if (op[before] === Op.load) return slotIn(body.slot, before);
        if (op[before] !== Op.move) return undefined;
        register = source[before];
      }
    }
    return undefined;
  }
}

function slotIn(slots: ArrayLike<number>, i: number): number | undefined {
  return slots[i] === NO_SLOT ? undefined : slots[i];
}

function mayStandForAnother(value: Value): boolean {
  return value.kind === 'blank' || value.kind === 'field' || isZero(value);
}

function isZero(value: Value): boolean {
  return value.kind === 'constant' && value.value === 0;
}
