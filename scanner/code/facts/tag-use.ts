/** A constant that reaches a tag argument. */

import type { ConstantOrigin } from '../../../data/facts.ts';
import type { DriverImage } from '../../pe/image-facts.ts';
import { comparedNumbers } from '../bytes/compared-numbers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { familiesOf, familyOf } from '../bytes/tag-families.ts';
import { isOtherTag } from '../pool/pool-functions.ts';
import { isPieceOfText } from '../values/texts.ts';
import type { FamilyBase, Value } from '../values/values.ts';
import type { Callee } from './callee.ts';
import type { MadeTag } from './made-tags.ts';

/** One use of a tag. */
export interface TagUse {
  /** The ULONG as passed, PROTECTED_POOL included. */
  ulong: number;
  callee: Callee;
  /** RVA of the call. */
  rva: number;
  functionRva: number;
  origin: ConstantOrigin;
  /** Bits of one character that are not known: the tag is one of a family. */
  familyMask?: number;
  /** Of a family: the constant without the computed character. */
  familyBase?: FamilyBase;
  /** Where a function on the way makes the tag of a number that it is given: that number. */
  madeOf?: { number: number; origin: ConstantOrigin; how: MadeTag['how'] };
  /** Where the constant stands, or its character is computed: an instruction, or data of the image. */
  constantRva: number;
  /** In a traced analysis: RVAs of the instructions that carried the constant, the first one first. */
  path?: readonly number[];
}

const WRITTEN_IN_CODE: ReadonlySet<ConstantOrigin> = new Set(['immediate', 'literal-pool', 'computed']);

/** Whether they say the same of one call. */
export function isSameUse(a: TagUse, b: TagUse): boolean {
  return (
    a.ulong === b.ulong &&
    a.familyMask === b.familyMask &&
    a.callee.api === b.callee.api &&
    a.callee.wrappers.length === b.callee.wrappers.length
  );
}

/** Of two places one may turn out to hold other numbers (see HeldValues.note), and of two calls one to lead elsewhere. */
export function isSameSoFar(a: TagUse, b: TagUse): boolean {
  return (
    isSameUse(a, b) &&
    a.callee.keptIn === b.callee.keptIn &&
    a.callee.called === b.callee.called &&
    String(a.callee.given) === String(b.callee.given) &&
    a.callee.described?.at === b.callee.described?.at &&
    a.callee.described?.isFound === b.callee.described?.isFound &&
    a.callee.guessedCall?.functionRva === b.callee.guessedCall?.functionRva
  );
}

/**
 * Adds a use, unless one of those from `first` on says the same; of the two the one with fewer guesses stays. True where it
 * is one more.
 */
export function keepSurest(
  uses: TagUse[],
  first: number,
  use: TagUse,
  isAlike: (a: TagUse, b: TagUse) => boolean,
): boolean {
  for (let n = first; n < uses.length; n++) {
    if (!isAlike(uses[n], use)) continue;
    if ((use.callee.guesses ?? 0) < (uses[n].callee.guesses ?? 0)) uses[n] = use;
    return false;
  }
  uses.push(use);
  return true;
}

/**
 * The uses less those that read a signature (`HEAP`) from an object that was guessed: a number that code compares with is one, and
 * so is what stands at an object's beginning, unless it is one of a family, of three proven tags or more that begin alike.
 */
export function withoutSignatures(uses: readonly TagUse[], image: DriverImage): readonly TagUse[] {
  if (!uses.some(isOfGuessedObject)) return uses;
  const compared = comparedNumbers(image);
  const families = familiesOf(uses.filter(isProven).map(({ ulong }) => ulong));
  return uses.filter(use => {
    if (!isOfGuessedObject(use)) return true;
    return !compared.has(use.ulong) && (!use.callee.atBeginning || families.has(familyOf(use.ulong)));
  });
}

/**
 * The uses less strays: what is read from an object to free it with, and nobody is seen to ask for memory with, where the same call
 * frees with something that is asked with. Who frees any of several objects reads another one's signature at the distance of the tag.
 */
export function withoutStrayFrees(uses: readonly TagUse[]): readonly TagUse[] {
  const isFree = ({ callee }: TagUse) => callee.poolFunction.kind === 'free-call';
  const isRead = (use: TagUse) =>
    isFree(use) && (use.callee.guesses !== undefined || use.origin === 'structure');
  if (!uses.some(isRead)) return uses;
  const asked = tagsAskedFor(uses);
  const freeing = new Set(uses.flatMap(use => (isRead(use) && asked.has(use.ulong) ? [use.rva] : [])));
  return uses.filter(use => !isRead(use) || asked.has(use.ulong) || !freeing.has(use.rva));
}

/**
 * The tag is read from where it was kept, and something on the way there was guessed: the object, or the function that reads it there,
 * as another class's at the same distance in its table.
 */
function isOfGuessedObject({ callee, origin }: TagUse): boolean {
  const isRead = callee.atBeginning === true || callee.keptIn !== undefined || origin === 'structure';
  return callee.guesses !== undefined && isRead;
}

/**
 * The uses less what a guessed call by a table passes, or an object holds, where `isOpen` says that the call may lead elsewhere
 * or the object be another one, unless a proven tag begins with the same two characters: ids of formats and events are passed by calls of
 * the same form, and stand in rows of the same form. Nor does a guess upon a guess free without such a witness what nobody asks for.
 */
export function withoutLonelyGuesses(
  uses: readonly TagUse[],
  isOpen: (callee: Callee) => boolean,
): readonly TagUse[] {
  if (!uses.some(({ callee }) => callee.guesses !== undefined)) return uses;
  const proven = new Set(uses.filter(isProven).map(({ ulong }) => familyOf(ulong)));
  const asked = tagsAskedFor(uses);
  const isLonely = ({ ulong, callee }: TagUse) => isOpen(callee) || (isFarFree(callee) && !asked.has(ulong));
  return uses.filter(use => !use.callee.guesses || proven.has(familyOf(use.ulong)) || !isLonely(use));
}

/** It frees, by a guess upon a guess. */
function isFarFree({ guesses = 0, poolFunction }: Callee): boolean {
  return guesses > 1 && poolFunction.kind === 'free-call';
}

/** What memory is asked for with. */
function tagsAskedFor(uses: readonly TagUse[]): Set<number> {
  return new Set(
    uses.flatMap(({ callee, ulong }) => (callee.poolFunction.kind === 'free-call' ? [] : [ulong])),
  );
}

export function isProven({ callee, familyMask }: TagUse): boolean {
  const isCertain = !callee.guesses && !callee.poolFunction.isUnlisted && !isOtherTag(callee.poolFunction);
  return isCertain && familyMask === undefined;
}

/**
 * Whether a constant may be taken for a tag where objects were guessed: it reads like one, and is no piece of a text that
 * somebody copies. What stands in data is looked at once more, when all is known (withoutFarData).
 */
export function isBelievable(
  image: DriverImage,
  { value, origin, rva }: Extract<Value, { kind: 'constant' }>,
  { described }: Callee,
): boolean {
  if (!looksLikeTag(value)) return false;
  return WRITTEN_IN_CODE.has(origin) || !isPieceOfText(image, rva, described?.rva);
}
