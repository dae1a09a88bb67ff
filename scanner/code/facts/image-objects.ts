/**
 * Objects in the image's data that hold a tag (types, protocols, modules) and whose address other objects keep:
 * `interface->protocol->tag`. Which functions keep or pass one on is looked at only for what is named by code.
 */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import { readInt32 } from '../bytes/little-endian.ts';
import { isRelocated, relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Flag, NONE, Op, type OperationList, VECTOR0 } from '../processors/operations.ts';
import { imageArray } from '../values/array-values.ts';
import { constant } from '../values/make-value.ts';
import { isPieceOfText, isText } from '../values/texts.ts';
import type { Value } from '../values/values.ts';
import type { Described } from './callee.ts';

/** A type that describes others is not longer. */
const MAX_OBJECT_BYTES = 0x400;
/** Distances at which tags of such objects are read: each costs a look at every address that code names. */
const MAX_DISTANCES = 32;
/** Objects, and functions that are given one or return one; real drivers have a few. */
const MAX_OBJECTS = 200;
const MAX_GIVEN = 500;
/** Addresses in a list of objects. */
const MAX_LISTED = 32;
/** Code that names one object; more is one that everything uses. */
const MAX_SITES = 32;

/** What is known for the whole image. */
export class ImageObjects {
  /** By the distance at which a pointer is kept: the distances behind it at which a tag is read. */
  readonly #wanted = new Map<number, Set<number>>();
  /** Distances behind such a pointer, and how many of them objects have been looked for at. */
  readonly #distances = new Set<number>();
  #lookedFor = 0;
  /** The wave of the search after which objects were last found. */
  #foundAfter = -1;
  readonly #objects = new Set<number>();
  /** Lists of their addresses, and what these hold. */
  readonly #lists = new Set<number>();
  readonly #listed = new Set<number>();
  readonly #given = new Set<number>();
  readonly #finders = new Set<number>();
  /** Where tags are read of what functions find: the two distances. */
  readonly #foundAt = new Set<string>();

  /** A tag is read `offset` bytes behind the pointer that an object keeps at the distance `owner`. */
  want(owner: number, offset: number): void {
    if (offset < 0 || offset >= MAX_OBJECT_BYTES) return;
    if (!this.#distances.has(offset) && this.#distances.size >= MAX_DISTANCES) return;
    this.#distances.add(offset);
    const known = this.#wanted.get(owner);
    if (known === undefined) this.#wanted.set(owner, new Set([offset]));
    else known.add(offset);
  }

  /** Code that names objects with something like a tag at a distance that was not looked for before. */
  takeSites(image: DriverImage, index: CodeIndex, wave: number): number[] {
    const distances = [...this.#distances].slice(this.#lookedFor);
    if (distances.length === 0) return [];
    this.#lookedFor = this.#distances.size;
    const sites: number[] = [];
    let section: Section | undefined;
    for (const rva of index.referencedAddresses()) {
      if (this.#objects.size >= MAX_OBJECTS) break;
      const isInside = section !== undefined && rva - section.rva < section.virtualSize; // they ascend
      if (!isInside) section = image.sectionAt(rva);
      if (section === undefined || section.executable || (rva & 3) !== 0) continue;
      const at = rva - section.rva;
      const { bytes } = section;
      const mayHold = (offset: number) =>
        at + offset + 4 <= bytes.length && looksLikeTag(readInt32(bytes, at + offset));
      const isObject = distances.some(offset => mayHold(offset) && tagAt(image, rva, offset) !== undefined);
      if (isObject) this.#objects.add(rva);
      // A short list looks like an object where tags of something else stand behind it.
      const isList = this.#addList(rva, objectsListedAt(image, index, rva, distances));
      if (!isObject && !isList) continue;
      this.#foundAfter = wave;
      sites.push(...index.referencesTo(rva).slice(0, MAX_SITES));
    }
    return sites;
  }

  #addList(rva: number, objects: readonly number[]): boolean {
    if (objects.length === 0) return false;
    this.#lists.add(rva);
    for (const object of objects) {
      this.#listed.add(object);
      if (this.#objects.size < MAX_OBJECTS) this.#objects.add(object);
    }
    return true;
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0;
  }

  isList(rva: number): boolean {
    return this.#lists.has(rva);
  }

  has(rva: number): boolean {
    return this.#objects.has(rva);
  }

  /** Whether pointers are kept at this distance to objects that were found since: who sets it was known before. */
  isNews(owner: number, since: number): boolean {
    return this.#foundAfter >= since && this.#wanted.has(owner);
  }

  /** A function is given an object. True where that is new. */
  give(functionRva: number): boolean {
    if (this.#given.has(functionRva) || this.#given.size >= MAX_GIVEN) return false;
    this.#given.add(functionRva);
    return true;
  }

  isGivenTo(functionRva: number): boolean {
    return this.#given.has(functionRva);
  }

  /** A function may return these. True where it is news that one of them is an object; the others are rows of the same table then. */
  addFinder(functionRva: number, returned: readonly Value[]): boolean {
    if (this.#finders.has(functionRva) || this.#finders.size >= MAX_GIVEN) return false;
    const rows = returned.flatMap(value => (isOfImage(value) ? [value.rva] : []));
    if (!rows.some(rva => this.has(rva))) return false;
    this.#finders.add(functionRva);
    for (const rva of rows) if (this.#objects.size < MAX_OBJECTS) this.#objects.add(rva);
    return true;
  }

  /** Whether the function calls one that returns an object. */
  isFoundIn({ op, low, count }: OperationList): boolean {
    if (this.#finders.size === 0) return false;
    for (let i = 0; i < count; i++)
      if ((op[i] === Op.call || op[i] === Op.jump) && this.#finders.has(low[i])) return true;
    return false;
  }

  /** Whether the store `i` keeps a pointer where such objects' are kept. */
  mayBeKept({ operations, slot }: FunctionBody, i: number, pointerSize: number): boolean {
    const { base, displacement, flags, index, size, source } = operations;
    if (size[i] !== pointerSize || index[i] !== NONE || base[i] >= VECTOR0 || slot[i] !== NO_SLOT)
      return false;
    if (source[i] === NONE && flags[i] !== Flag.immediateIsAddress) return false;
    return this.#wanted.has(displacement[i]);
  }

  /** The tags of an object (of any row, where it is one of an array) that are read where its pointer is kept at the distance `owner`. */
  tagsOf(
    code: { image: DriverImage; index: CodeIndex },
    object: Value,
    owner: number,
    isFound: boolean,
  ): { offset: number; tags: readonly Value[]; described: Described }[] {
    if (!isOfImage(object) || !this.#objects.has(object.rva)) return [];
    const isOneOfMany = isFound || this.#listed.has(object.rva);
    return [...(this.#wanted.get(owner) ?? [])].flatMap(offset => {
      const rva = object.rva + offset;
      const first = tagAt(code.image, object.rva, offset);
      if (first === undefined) return [];
      const beginsAlike = isText(code.image.u32At(object.rva) ?? 0);
      const described = { at: `${owner}:${offset}`, rva: object.rva, isFound: isOneOfMany, beginsAlike };
      if (isOneOfMany) this.#foundAt.add(described.at);
      if (object.kind === 'address')
        return [{ offset, tags: [constant(first, 'structure', rva)], described }];
      const rows = imageArray(code, rva, object.stride).values;
      return [{ offset, tags: rows.filter(({ kind }) => kind === 'constant'), described }];
    });
  }

  /**
   * Whether the object may be another one than the tags are read of: it begins as one with a signature does, a function has found it in
   * a table, or one has found others that are kept alike.
   */
  isOpen({ at, isFound, beginsAlike }: Described): boolean {
    return isFound || beginsAlike || this.#foundAt.has(at);
  }
}

/**
 * Objects with something like a tag at one of the distances, whose addresses a list that code names holds, in a row. By its end, which
 * a loop that counts up to zero names, it goes by the pointers before that.
 */
function objectsListedAt(
  image: DriverImage,
  index: CodeIndex,
  listRva: number,
  distances: readonly number[],
): number[] {
  const { pointerSize } = image;
  const found: number[] = [];
  for (const step of [pointerSize, -pointerSize]) {
    const first = step > 0 ? listRva : listRva + step;
    for (let n = 0; n < MAX_LISTED; n++) {
      const at = first + n * step;
      const object = relocatedPointerAt(image, at);
      const isNamed = index.nextReference(at, at + 1) === at;
      if (object === undefined || (step > 0 && n > 0 && isNamed)) break;
      if (distances.some(offset => tagAt(image, object, offset) !== undefined)) found.push(object);
      if (step < 0 && isNamed) break;
    }
  }
  return found;
}

function isOfImage(value: Value): value is Extract<Value, { kind: 'address' | 'element' }> {
  return value.kind === 'address' || value.kind === 'element';
}

/** What reads like a tag in an object of the image, which may begin with one; undefined in text, which reads so anywhere. */
function tagAt(image: DriverImage, rva: number, offset: number): number | undefined {
  const value = image.u32At(rva + offset);
  if (value === undefined || !looksLikeTag(value)) return undefined;
  if (isText(image.u32At(rva) ?? 0) && isPieceOfText(image, rva, rva)) return undefined;
  const section = image.sectionAt(rva);
  const isData = section !== undefined && !section.executable && section === image.sectionAt(rva + offset);
  return isData && !isRelocated(image.relocations, rva + offset) ? value : undefined;
}
