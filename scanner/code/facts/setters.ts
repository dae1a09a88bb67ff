/** Functions that put a tag into an object which they are given or return: who calls them fills it. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { isSame } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';

/** A function that stores a value `offset` bytes behind a pointer that it is given, or that it returns. */
export interface Setter {
  pointer: Place | 'result';
  offset: number;
  /** Constants, and parameters of the setter. */
  values: readonly Value[];
  /** The table of functions at the beginning of the object, where the setter made that. */
  table?: number;
  /** Functions between this one and the store. */
  depth: number;
  /** The wave of the search in which it was found. */
  wave: number;
}

/** Setters that call setters: constructors of members of members are as deep as real objects go. */
const MAX_SETTER_DEPTH = 4;
/** What more functions than this set at one distance is no tag. */
const MAX_SETTERS_AT_A_DISTANCE = 64;
/** Fields that one constructor fills at distances where tags are read; more where it is a tag that it puts there. */
const MAX_FIELDS_OF_A_SETTER = 32;
const MAX_TAGS_OF_A_SETTER = 96;

/** What is known for the whole image. */
export class Setters {
  readonly #byFunction = new Map<number, Setter[]>();
  /** By distance: how many there are, those of far pointers apart, and in which functions. */
  readonly #countAt = new Map<number, number>();
  readonly #farCountAt = new Map<number, number>();
  readonly #functionsAt = new Map<number, Set<number>>();
  /** Functions whose callers may have news for a reader that is a guess, since this was last asked. */
  #wanted = new Set<number>();
  /** By distance: the wave in which something was last found to read a tag there. */
  readonly #readIn = new Map<number, number>();
  /** The wave in which a variable was last found to be read as a tag: at which distance in an object it stands is not known. */
  #variableReadIn = -1;

  get isEmpty(): boolean {
    return this.#byFunction.size === 0;
  }

  of(functionRva: number): readonly Setter[] {
    return this.#byFunction.get(functionRva) ?? [];
  }

  /** Functions that set at this distance: their callers may have news for who reads there. */
  functionsAt(distance: number): Iterable<number> {
    return this.#functionsAt.get(distance) ?? [];
  }

  /** The callers of what sets at this distance are worth another look when nothing proven is left to do. */
  want(distance: number): void {
    for (const functionRva of this.functionsAt(distance)) this.#wanted.add(functionRva);
  }

  takeWanted(): Set<number> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    return wanted;
  }

  /** True where the setter is new. */
  add(functionRva: number, setter: Setter): boolean {
    const known = this.#byFunction.get(functionRva) ?? [];
    const isKnown = known.some(
      other =>
        other.offset === setter.offset &&
        other.table === setter.table &&
        pointerKey(other) === pointerKey(setter) &&
        setter.values.every(value => other.values.some(known => isSame(known, value))),
    );
    const counts = isFarPointer(setter.pointer) ? this.#farCountAt : this.#countAt;
    const alike = counts.get(setter.offset) ?? 0;
    const isTooMuch = setter.depth > MAX_SETTER_DEPTH || alike >= MAX_SETTERS_AT_A_DISTANCE;
    const mostFields = setter.values.some(isTag) ? MAX_TAGS_OF_A_SETTER : MAX_FIELDS_OF_A_SETTER;
    if (isKnown || isTooMuch || known.length >= mostFields) return false;
    counts.set(setter.offset, alike + 1);
    const functions = this.#functionsAt.get(setter.offset) ?? new Set();
    this.#functionsAt.set(setter.offset, functions.add(functionRva));
    this.#byFunction.set(functionRva, [...known, setter]);
    return true;
  }

  /** Something was found in this wave that reads a tag at this distance. */
  foundReader(distance: number, wave: number): void {
    this.#readIn.set(distance, wave);
  }

  /** A variable was found in this wave that is read as a tag; it may be part of an object that setters are given. */
  foundVariable(wave: number): void {
    this.#variableReadIn = wave;
  }

  /** Whether a call of the setter has something new to tell: it, or somebody who reads what it may set, was found since. */
  isNews(setter: Setter, since: number): boolean {
    const readIn = Math.max(this.#variableReadIn, this.#readIn.get(setter.offset) ?? -1);
    return setter.wave >= since || readIn >= since;
  }
}

/** The object is not passed itself but stands in a structure that is: many are, so only tags are followed so far. */
export function isFarPointer(pointer: Setter['pointer']): boolean {
  return pointer !== 'result' && pointer.behind !== undefined;
}

function isTag(value: Value): boolean {
  return value.kind === 'constant' && looksLikeTag(value.value);
}

function pointerKey({ pointer }: Setter): string {
  return pointer === 'result' ? pointer : placeKey(pointer);
}
