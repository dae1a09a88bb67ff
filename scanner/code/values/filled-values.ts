/** What functions of the image leave behind a pointer that they are given: `Describe(kind, &description)`. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { movedPlace, type Place, placeKey } from '../processors/places.ts';
import { carriedBy, isSame, parameter, UNKNOWN } from './make-value.ts';
import { OtherFunction } from './other-function.ts';
import { type Value, ValueSet } from './values.ts';

/** Functions and distances that are read in one image; real drivers have a few. */
const MAX_KNOWN = 2_000;
/** The share of all work that may go into this, and what small drivers have in any case: a function is read anew for each distance. */
const WORK_SHARE = 50;
const LEAST_OPERATIONS = 50_000;
/** Functions that leave the work to another, that deep. */
const MAX_DEPTH = 2;
/** Stores of one function at the distance. */
const MAX_STORES = 64;
/** Calls of one function that may do the work. */
const MAX_CALLS = 16;

/** A place that another function may fill, as that sees it at its entry. */
interface Elsewhere {
  functionRva: number;
  pointer: Place;
  distance: number;
}

/** Reads one function at a time; answers are kept. */
export class FilledValues extends OtherFunction {
  readonly #known = new Map<string, readonly Value[]>();
  #operationsLeft: number;

  constructor(code: CodeUnderAnalysis) {
    super(code);
    this.#operationsLeft = LEAST_OPERATIONS + code.maxOperations / WORK_SHARE;
  }

  /**
   * Tags, addresses, and parameters as the function sees them at its entry, that it stores `distance` bytes behind a parameter;
   * anything else is unknown.
   */
  of(functionRva: number, pointer: Place, distance: number, depth = 0): readonly Value[] {
    const key = `${functionRva}:${placeKey(pointer)}:${distance}`;
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.size >= MAX_KNOWN || this.#operationsLeft < 0) return known ?? [];
    this.#known.set(key, []); // ends functions that call each other
    if (!this.decode(functionRva)) return [];
    this.#operationsLeft -= this.body.operations.count;
    const target = this.#thunkTarget();
    if (target !== undefined) {
      const left = this.of(target, pointer, distance, depth);
      this.#known.set(key, left);
      return left;
    }
    const found = this.#stored(pointer, distance);
    // The body is free again behind this, so what is left to others can be read.
    const others = found.values.length > 0 || depth >= MAX_DEPTH ? [] : this.#passedOn(pointer, distance);
    for (const other of others)
      for (const value of this.of(other.functionRva, other.pointer, other.distance, depth + 1))
        if (value.kind !== 'parameter') found.add(value);
    this.#known.set(key, found.values);
    return found.values;
  }

  /** Where a thunk jumps to (incremental links put one before every function): that is given the very same. */
  #thunkTarget(): number | undefined {
    const { op, low, count } = this.body.operations;
    let i = 0;
    while (i < count && op[i] === Op.nothing) i++;
    return i < count && op[i] === Op.jump && !this.body.contains(low[i]) ? low[i] : undefined;
  }

  #stored(pointer: Place, distance: number): ValueSet {
    const { op, size, base, index, displacement, rva, count } = this.body.operations;
    const found = new ValueSet();
    let stores = 0;
    for (let i = 0; i < count && stores < MAX_STORES; i++) {
      const lane = distance - displacement[i];
      const isPlain = op[i] === Op.store && index[i] === NONE && base[i] < VECTOR0;
      if (!isPlain || lane < 0 || lane + 4 > size[i] || this.body.slot[i] !== NO_SLOT) continue;
      stores++;
      const { values } = this.resolver.resolve({ register: base[i] }, i);
      if (!values.some(value => isSame(value, parameter(pointer)))) continue;
      for (const value of this.resolver.resolveStored(i, lane).values)
        found.add(!mayBeLeft(value) ? UNKNOWN : this.code.isTraced ? carriedBy(value, rva[i]) : value);
    }
    return found;
  }

  /** The functions to which the pointer, or one to a part of the object, is passed on. */
  #passedOn(pointer: Place, distance: number): Elsewhere[] {
    const { op, low, count } = this.body.operations;
    const { passedPlaces, returnedPlace, callPushes } = this.code.processor;
    const places = returnedPlace === undefined ? passedPlaces : [...passedPlaces, returnedPlace];
    const found: Elsewhere[] = [];
    let calls = 0;
    for (let i = 0; i < count && calls < MAX_CALLS; i++) {
      const isTailJump = op[i] === Op.jump && !this.body.contains(low[i]);
      if (op[i] !== Op.call && !isTailJump) continue;
      calls++;
      for (const place of places) {
        const passed = isTailJump ? movedPlace(place, callPushes) : place;
        for (const value of this.resolver.resolve(passed, i).values) {
          const isPart = value.kind === 'inside' && value.stride === 0;
          const plus = isPart ? value.plus : 0;
          if (plus > distance || !isSame(isPart ? value.object : value, parameter(pointer))) continue;
          const inner = { pointer: movedPlace(place, callPushes), distance: distance - plus };
          found.push({ functionRva: low[i], ...inner });
        }
      }
    }
    return found;
  }
}

function mayBeLeft(value: Value): boolean {
  if (value.kind === 'constant') return looksLikeTag(value.value);
  return value.kind === 'parameter' || value.kind === 'address' || value.kind === 'element';
}
