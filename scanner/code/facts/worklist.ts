/**
 * Where the search looks next: addresses of code, whose functions the next wave analyses. What follows from what is proven
 * comes first, then guesses where something like a tag stands near, then all other guesses.
 */

import type { DataPointers } from '../bytes/data-pointers.ts';
import { isTagNear, mayHoldTag } from '../bytes/tags-in-code.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import type { FunctionMap } from '../functions/function-map.ts';

/** Callers of one function that are looked at for a guess. */
const MAX_GUESSED_CALLERS = 500;
/** So few callers are looked at in any case: their tags may stand in data. */
const FEW_CALLERS = 8;
/**
 * Functions far from anything like a tag that are looked at for a guess: a tag that comes through one is handed down by several. Of
 * 1,105 built drivers none has more than 14 of them, a made one of 2 MB more than a thousand.
 */
const MAX_REMOTE_FUNCTIONS = 40;
/** A variable inside a structure is reached by the structure's address, this far before it at most. */
const MAX_STRUCTURE_BYTES = 0x80;
/** Thunks before a function that only its address reaches: that of an incremental link. */
const MAX_THUNKS = 2;
/** Code that names a variable; more is one that everything uses. */
const MAX_VARIABLE_SITES = 300;

/** Collects sites until a wave takes their functions, each once; a wave is of one kind of sites. */
export class Worklist {
  readonly #code: Pick<CodeUnderAnalysis, 'image' | 'index' | 'functions'>;
  readonly #pointers: DataPointers;
  readonly #proven: number[] = [];
  readonly #nearTags: number[] = [];
  readonly #plain: number[] = [];
  /** Whether functions that came up for a plain guess are looked at for it. */
  readonly #isPromising = new Map<number, boolean>();
  readonly #areCalledNearTags = new Map<number, boolean>();
  #remoteLeft = MAX_REMOTE_FUNCTIONS;

  constructor(code: Pick<CodeUnderAnalysis, 'image' | 'index' | 'functions'>, pointers: DataPointers) {
    this.#code = code;
    this.#pointers = pointers;
  }

  get isEmpty(): boolean {
    return !this.hasProven && !this.hasGuessesNearTags && this.#plain.length === 0;
  }

  get hasProven(): boolean {
    return this.#proven.length > 0;
  }

  get hasGuessesNearTags(): boolean {
    return this.#nearTags.length > 0;
  }

  /** The functions that hold the sites which come first, in their order; those sites are done. */
  takeFunctions(): Set<number> {
    const sites = [this.#proven, this.#nearTags].find(({ length }) => length > 0) ?? this.#plain;
    return functionsAt(this.#code.functions, sites.splice(0));
  }

  add(sites: Iterable<number>): void {
    for (const rva of sites) this.#proven.push(rva);
  }

  /** Sites that may be worth a look: what is found there may belong to something else. */
  addGuesses(sites: Iterable<number>): void {
    for (const rva of sites) {
      if (this.#mayPassTag(rva)) this.#nearTags.push(rva);
      else if (this.#isInPromising(rva)) this.#plain.push(rva);
    }
  }

  /** Sites that name data with tags: wherever code has its own. */
  addSitesOfTags(sites: Iterable<number>): void {
    for (const rva of sites) (this.#mayPassTag(rva) ? this.#nearTags : this.#plain).push(rva);
  }

  /** Whether the site's function may see a tag; of those that are remote from any, some are looked at all the same. */
  #isInPromising(rva: number): boolean {
    const functionRva = this.#code.functions.functionAt(rva);
    if (functionRva === undefined) return false;
    const known = this.#isPromising.get(functionRva);
    if (known !== undefined) return known;
    const isPromising = this.#maySeeTag(functionRva) || this.#remoteLeft-- > 0;
    this.#isPromising.set(functionRva, isPromising);
    return isPromising;
  }

  /** Whether the function has something like a tag in it, or may be passed one. */
  #maySeeTag(functionRva: number): boolean {
    const { image, index, functions } = this.#code;
    if (this.isPointedAt(functionRva)) return true;
    const callers = [...index.callersOf(functionRva), ...index.referencesTo(functionRva)];
    return (
      callers.length === 0 ||
      functions.pieces(functionRva).some(piece => mayHoldTag(image, piece)) ||
      callers.slice(0, MAX_GUESSED_CALLERS).some(caller => this.#mayPassTag(caller))
    );
  }

  /** Whether nobody calls the function, but code or data holds its address, or that of a thunk which jumps to it. */
  isOnlyNamed(functionRva: number): boolean {
    const entry = this.#entryOf(functionRva);
    return entry !== undefined && this.isNamed(entry);
  }

  /** Where data holds the address by which a function is entered, its own or that of a thunk. */
  slotsOf(functionRva: number): readonly number[] {
    return this.#pointers.slotsOf(this.#entryOf(functionRva) ?? functionRva);
  }

  /** Code that names the address by which a function is entered. */
  namesOf(functionRva: number): readonly number[] {
    return this.#code.index.referencesTo(this.#entryOf(functionRva) ?? functionRva);
  }

  /** The function, or the thunk that jumps to it, where nobody calls that. */
  #entryOf(functionRva: number, hops = 0): number | undefined {
    const { index, functions } = this.#code;
    const callers = index.callersOf(functionRva);
    if (callers.length === 0) return functionRva;
    if (callers.length > 1 || hops === MAX_THUNKS) return undefined;
    return functions.functionAt(callers[0]) === callers[0] ? this.#entryOf(callers[0], hops + 1) : undefined;
  }

  /** Whether code or data holds the address: what calls the function is not known then. */
  isNamed(rva: number): boolean {
    return this.#code.index.referencesTo(rva).length > 0 || this.isPointedAt(rva);
  }

  /** Where data holds an address. */
  pointersTo(rva: number): readonly number[] {
    return this.#pointers.slotsOf(rva);
  }

  /** Whether data holds the address. */
  isPointedAt(rva: number): boolean {
    return this.#pointers.slotsOf(rva).length > 0;
  }

  /** Code that calls the function, names it, or may reach it through data. */
  addCallers(functionRva: number): void {
    this.add(this.#code.index.callersOf(functionRva));
    this.add(this.#pointers.codeNear(functionRva));
  }

  /** Callers that may pass a tag of their own: what is only a guess is not followed through everything else. */
  addCallersNearTags(functionRva: number): void {
    const sites = [...this.#code.index.callersOf(functionRva), ...this.#pointers.codeNear(functionRva)];
    if (sites.length <= FEW_CALLERS) return this.addGuesses(sites);
    const isWorth = (rva: number) => this.#mayPassTag(rva) || this.#isCalledNearTag(rva);
    this.addGuesses(sites.slice(0, MAX_GUESSED_CALLERS).filter(isWorth));
  }

  /** Whether the site's function is called where something like a tag stands near: it may pass that on. */
  #isCalledNearTag(rva: number): boolean {
    const { image, index, functions } = this.#code;
    const functionRva = functions.functionAt(rva);
    if (functionRva === undefined) return false;
    let isCalled = this.#areCalledNearTags.get(functionRva);
    if (isCalled === undefined) {
      const callers = index
        .callersOf(functionRva)
        .flatMap(caller => (functions.functionAt(caller) === caller ? index.callersOf(caller) : [caller]));
      isCalled = callers.length <= FEW_CALLERS && callers.some(caller => isTagNear(image, caller));
      this.#areCalledNearTags.set(functionRva, isCalled);
    }
    return isCalled;
  }

  /** Whether something like a tag stands near, or the site is a thunk, whose callers have it. */
  #mayPassTag(rva: number): boolean {
    const { image, functions } = this.#code;
    return isTagNear(image, rva) || functions.functionAt(rva) === rva;
  }

  /** Code that names an address. */
  addReferences(rva: number): void {
    this.add(this.#code.index.referencesTo(rva));
  }

  /** Code that names a variable, or an address before it: it may be part of a structure that begins there. */
  addSitesNear(variableRva: number): void {
    const { index } = this.#code;
    const sites = index.referencesTo(variableRva);
    for (const start of this.structuresAt(variableRva)) {
      if (sites.length >= MAX_VARIABLE_SITES) break;
      sites.push(...index.referencesTo(start));
    }
    this.add(sites.slice(0, MAX_VARIABLE_SITES));
  }

  /** Addresses that code names shortly before a variable. */
  *structuresAt(variableRva: number): Iterable<number> {
    const { index } = this.#code;
    for (
      let at = index.nextReference(variableRva - MAX_STRUCTURE_BYTES, variableRva);
      at < variableRva;
      at = index.nextReference(at + 1, variableRva)
    )
      yield at;
  }
}

/** The functions that hold these addresses, each once. */
export function functionsAt(functions: FunctionMap, rvas: Iterable<number>): Set<number> {
  const found = new Set<number>();
  for (const rva of rvas) {
    const functionRva = functions.functionAt(rva);
    if (functionRva !== undefined) found.add(functionRva);
  }
  return found;
}
