/**
 * Tags that one function keeps in a variable or an object and another one uses: which places are read as tags, and
 * what the stores into them hold.
 */

import type { FunctionBody } from '../functions/function-body.ts';
import { nearAddress } from '../functions/near-address.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { BASE_IMAGE, NONE } from '../processors/operations.ts';
import { UNKNOWN } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';
import type { Callee } from './callee.ts';
import { DescribedChains } from './described-chains.ts';
import { HeldValues } from './held-values.ts';
import { ImageObjects } from './image-objects.ts';
import { ListLinks } from './list-links.ts';
import { madeKey } from './made-tags.ts';
import { Setters } from './setters.ts';
import { TagKeepers } from './tag-keepers.ts';

/** Kinds of pool functions that one place may feed. */
const MAX_CALLEES = 8;
/** Variables, and fields, that are read as tags; real drivers have some hundreds. */
const MAX_PLACES = 5_000;
/**
 * An object that is not known by where its pointer was found is told by the distance of the field alone, and at the
 * start of an object, as many pointers long, other numbers stand too often.
 */
const FIRST_PLAIN_FIELD = 4;
/** Tags in the description that a variable points at; each is read for each store into the variable. */
const MAX_OFFSETS_BEHIND = 32;
/** Elements of an array in an object, or of one in the image that is filled at run time, that are looked at. */
const MAX_ELEMENTS = 8;
/** Smaller elements are no structures: rows of words stand beside other variables, which look like more of them. */
const LEAST_STRUCTURE_BYTES = 12;

/** Places that are looked at in the time that one decoded operation takes. */
const LOOKS_PER_OPERATION = 16;

type Places = Pick<ReadonlyMap<number, unknown>, 'has' | 'keys' | 'size'>;

/** A name for the variable or field that a value was read from. */
export function keptIn(value: Value): string | undefined {
  switch (value.kind) {
    case 'memory':
      return `variable ${value.rva}`;
    case 'behind':
      return `field ${value.rva}:${value.offset}`;
    case 'field':
      return `field ${fieldKey(value.owner, value.offset)}`;
  }
  return undefined;
}

/** Whether a place, by its name, is one of objects of which nothing but the distance is known. */
export function isPlainField(place: string | undefined): boolean {
  return place?.startsWith('field :') === true;
}

/** What is known for the whole image; adding tells whether something is new. */
export class StoredTags {
  readonly setters = new Setters();
  readonly objects = new ImageObjects();
  readonly keepers = new TagKeepers();
  readonly links = new ListLinks();
  readonly chains = new DescribedChains();
  readonly held = new HeldValues();
  readonly #pointerSize: number;
  readonly #variables = new Map<number, Callee[]>();
  readonly #behind = new Map<string, Callee[]>();
  /** By variable: how far behind the pointer in it tags are read. */
  readonly #offsetsBehind = new Map<number, Set<number>>();
  readonly #fields = new Map<string, Callee[]>();
  /** Every distance at which an object's field is read as a tag. */
  readonly #distances = new Set<number>();
  #wantedStores = new Set<number>();
  /** Distances at which functions read that only tables name. */
  readonly #ofMethods = new Set<number>();
  #looks = 0;

  constructor(pointerSize: number) {
    this.#pointerSize = pointerSize;
  }

  /** Distances at which stores are worth looking at since this was last asked. */
  takeWantedStores(): Set<number> {
    const wanted = this.#wantedStores;
    this.#wantedStores = new Set();
    return wanted;
  }

  /** The callee reads its tag from here. True where that is new; other values are no such place. */
  addReader(value: Value, callee: Callee): boolean {
    switch (value.kind) {
      case 'memory':
        return value.plus === 0 && this.#addVariables(value.rva, value.stride ?? 0, callee);
      case 'behind': {
        const offsets = this.#offsetsBehind.get(value.rva) ?? new Set();
        if (offsets.size < MAX_OFFSETS_BEHIND) this.#offsetsBehind.set(value.rva, offsets.add(value.offset));
        const isNew = this.#addElements(this.#behind, `${value.rva}:`, value, callee);
        return this.#addUnknownArray(value, callee) || isNew;
      }
      case 'field': {
        if (value.owner !== undefined) this.objects.want(value.owner, value.offset);
        if (callee.method !== undefined) this.#ofMethods.add(value.offset);
        const isNew = this.#addElements(this.#fields, fieldKey(value.owner, ''), value, callee);
        return (value.owner !== undefined && this.#addUnknownArray(value, callee)) || isNew;
      }
    }
    return false;
  }

  /** A variable, or the same one of each element of an array: how long that is, nothing says, so all but the first are guesses. */
  #addVariables(rva: number, stride: number, callee: Callee): boolean {
    const isNew = addTo(this.#variables, rva, callee);
    const count = isNew && stride >= LEAST_STRUCTURE_BYTES && !callee.guesses ? MAX_ELEMENTS : 1;
    for (let n = 1; n < count; n++) {
      const at = rva + n * stride;
      addTo(this.#variables, at, { ...callee, keptIn: `variable ${at}`, guesses: 1 });
    }
    return isNew;
  }

  /** Who fills an array may have its object from elsewhere; what that holds besides says nothing about this one's. */
  #addUnknownArray(value: Extract<Value, { kind: 'behind' | 'field' }>, callee: Callee): boolean {
    if (value.stride === undefined) return false;
    const guess = { ...callee, keptIn: `field ${fieldKey(undefined, value.offset)}` };
    return this.#addElements(this.#fields, fieldKey(undefined, ''), value, guess);
  }

  /** A field of an object, or of the elements of an array in it. */
  #addElements(
    map: Map<string, Callee[]>,
    object: string,
    { offset, stride = 0 }: { offset: number; stride?: number },
    callee: Callee,
  ): boolean {
    let isNew = false;
    for (let n = 0; n < (stride === 0 ? 1 : MAX_ELEMENTS); n++) {
      this.wantStores(offset + n * stride);
      // What stands behind the last element spoils no other.
      const each = n === 0 ? callee : { ...callee, keptIn: `${callee.keptIn}+${n * stride}` };
      isNew = addTo(map, `${object}${offset + n * stride}`, each) || isNew;
    }
    return isNew;
  }

  /** Functions that only tables name read tags in objects of their own class. */
  get hasMethods(): boolean {
    return this.#ofMethods.size > 0;
  }

  /** Whether one of them may read there, in an object that begins here or before. */
  mayMethodRead(offset: number): boolean {
    for (const distance of this.#ofMethods) if (distance <= offset) return true;
    return false;
  }

  /** Tags are read from variables, or behind pointers. */
  get hasReaders(): boolean {
    return this.#distances.size + this.#variables.size > 0;
  }

  /** Something reads a tag at this distance behind an object. */
  wantStores(distance: number): void {
    if (this.#distances.has(distance)) return;
    this.#distances.add(distance);
    this.#wantedStores.add(distance);
  }

  /** Where tags are read in the bytes behind a pointer. */
  offsetsRead(pointer: Value, bytes: number): number[] {
    const isOfImage = pointer.kind === 'address';
    const isPart = pointer.kind === 'inside' && pointer.stride === 0;
    const start = isOfImage ? pointer.rva : isPart ? pointer.plus : 0;
    const places: Places = isOfImage ? this.#variables : this.#distances;
    const found: number[] = [];
    if (bytes < places.size) {
      for (let offset = 0; offset + 4 <= bytes; offset++) if (places.has(start + offset)) found.push(offset);
    } else {
      for (const place of places.keys())
        if (place >= start && place + 4 <= start + bytes) found.push(place - start);
    }
    this.#looks += Math.min(bytes, places.size);
    return found;
  }

  /** The work done on copies since this was last asked, in decoded operations. */
  takeWork(): number {
    const work = this.#looks / LOOKS_PER_OPERATION;
    this.#looks = 0;
    return work;
  }

  /** Whether a store may fill a place that is read as a tag: most cannot, which is quick to see. */
  mayStore(body: FunctionBody, i: number): boolean {
    const { base, displacement, index, size } = body.operations;
    if (index[i] !== NONE || size[i] < 4 || body.slot[i] !== NO_SLOT) return false;
    if (base[i] === BASE_IMAGE) return this.#variables.size > 0;
    for (let lane = 0; lane < size[i]; lane += 4)
      if (this.#distances.has(displacement[i] + lane)) return true;
    const rva = this.#variables.size > 0 ? nearAddress(body, i) : undefined;
    if (rva === undefined) return false;
    // Two fields may be stored at once.
    for (let lane = 0; lane < size[i]; lane += 4) if (this.#variables.has((rva + lane) | 0)) return true;
    return false;
  }

  /** Whether somebody may read a tag `offset` bytes behind a pointer: a quick look, before the values are. */
  mayBeRead(pointer: Value, offset: number): boolean {
    if (pointer.kind === 'address' || pointer.kind === 'element')
      return this.readersBehind(pointer, offset).length > 0;
    if (this.#distances.has(offset)) return true;
    return pointer.kind === 'inside' && this.#distances.has(offset + pointer.plus);
  }

  /** The callees that read what lies `offset` bytes behind a pointer. */
  readersBehind(pointer: Value, offset: number): readonly Callee[] {
    switch (pointer.kind) {
      case 'address':
      case 'element': // an array of variables, by its first element
        return this.#variables.get((pointer.rva + offset) | 0) ?? [];
      case 'memory':
        return this.readersBehindVariable(pointer.rva, pointer.plus + offset);
      case 'inside':
        if (pointer.stride === 0 || pointer.object.kind === 'memory')
          return this.readersBehind(pointer.object, pointer.plus + offset);
        return this.readersBehind(UNKNOWN, pointer.plus + offset); // an element of an array
      case 'field':
      case 'behind':
        return this.readersOfField(pointer.offset, offset);
      case 'parameter':
        return pointer.place.behind === undefined ? [] : this.readersOfField(pointer.place.behind, offset);
      case 'result':
      case 'blank': // an object that a call has given through its arguments
      case 'unknown':
        if (offset >= FIRST_PLAIN_FIELD * this.#pointerSize) return this.readersOfField(undefined, offset);
        // At the beginning only the objects of its own class are known to a function that their table holds.
        return this.readersOfField(undefined, offset)
          .filter(({ method }) => method !== undefined)
          .map(callee => ({ ...callee, isOfOwnClass: true }));
    }
    return [];
  }

  /** How far behind the pointer that a variable holds tags are read. */
  offsetsBehind(rva: number): Iterable<number> {
    return this.#offsetsBehind.get(rva) ?? [];
  }

  /** Whether tags are read behind the pointers in any variables. */
  get hasDescriptions(): boolean {
    return this.#offsetsBehind.size > 0 || !this.chains.isEmpty;
  }

  /** Readers of a field of the object that a variable points at. */
  readersBehindVariable(rva: number, offset: number): readonly Callee[] {
    return this.#behind.get(`${rva}:${offset}`) ?? [];
  }

  /** Readers of a field of objects whose pointers are kept at the distance `owner` in others: a guess. */
  readersOfField(owner: number | undefined, offset: number): readonly Callee[] {
    const isNear = Math.max(owner ?? 0, offset) < FIRST_PLAIN_FIELD * this.#pointerSize;
    return (this.#fields.get(fieldKey(owner, offset)) ?? []).map(callee => ({
      ...callee,
      guesses: (callee.guesses ?? 0) + 1,
      atBeginning: callee.atBeginning || offset === 0,
      isNear: callee.isNear || (isNear && owner !== undefined),
    }));
  }
}

function fieldKey(owner: number | undefined, offset: number | ''): string {
  return `${owner ?? ''}:${offset}`;
}

function addTo<K>(map: Map<K, Callee[]>, key: K, callee: Callee): boolean {
  const known = map.get(key);
  if (known === undefined) {
    if (map.size >= MAX_PLACES) return false;
    map.set(key, [callee]);
    return true;
  }
  const same = known.findIndex(
    other =>
      other.poolFunction === callee.poolFunction &&
      other.wrappers.length === callee.wrappers.length &&
      madeKey(other.computed) === madeKey(callee.computed) &&
      other.method === callee.method, // each reads in the objects of its own class
  );
  // A variable that was taken for an array's may turn out to be read itself.
  if (same >= 0 && known[same].guesses && !callee.guesses) known[same] = callee;
  else if (same >= 0 || known.length >= MAX_CALLEES) return false;
  else known.push(callee);
  return true;
}
