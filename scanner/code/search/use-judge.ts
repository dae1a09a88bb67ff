/** Which of the collected uses hold, now that everything is known that the search has found. */

import { PassedClasses } from '../classes/passed-classes.ts';
import { RivalFunctions } from '../classes/rival-functions.ts';
import type { Callee } from '../facts/callee.ts';
import { withoutFarData } from '../facts/far-data.ts';
import { isNotGiven } from '../facts/handed-functions.ts';
import type { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { isPlainField } from '../facts/stored-tags.ts';
import {
  isSameUse,
  keepSurest,
  type TagUse,
  withoutLonelyGuesses,
  withoutSignatures,
  withoutStrayFrees,
} from '../facts/tag-use.ts';
import { isOfOtherClass } from '../facts/virtual-calls.ts';
import { placeKey } from '../processors/places.ts';

/** Judges the uses of a whole image, once. */
export class UseJudge {
  readonly #context: SearchContext;
  readonly #passed: PassedClasses;
  readonly #rivals: RivalFunctions;

  constructor(context: SearchContext, tables: ObjectTables) {
    this.#context = context;
    this.#passed = new PassedClasses(context, tables);
    this.#rivals = new RivalFunctions(context.code, context.targets);
  }

  /** The uses that hold, each once; what is given are those of each call site. */
  believed(bySite: Iterable<readonly TagUse[]>): readonly TagUse[] {
    const { code, stored } = this.#context;
    const uses: TagUse[] = [];
    for (const atSite of bySite) {
      const first = uses.length;
      for (const use of withoutOthers(atSite)) {
        const { callee } = use;
        if (this.#isSpoiled(callee) && callee.described === undefined) continue;
        if (isOfOtherClass(callee)) continue;
        if (isNotGiven(callee) || stored.held.isOwn(callee.notIn)) continue;
        if (this.#passed.isOfOtherClass(callee)) continue;
        // Nearly every site has one use: no list is made of each.
        keepSurest(uses, first, use, isSameUse);
      }
      if (uses.length - first > 1) dropNeedlessGuesses(uses, first);
    }
    const near = withoutFarData(uses, code.image);
    const kept = withoutStrayFrees(withoutSignatures(near, code.image));
    return withoutLonelyGuesses(kept, callee => this.#isOpen(callee));
  }

  /**
   * Whether what is kept in the same place of other objects is no tag. Of an object of the image, which is kept in place of theirs,
   * that says less.
   */
  #isSpoiled({ keptIn }: Callee): boolean {
    return this.#context.stored.held.isSpoiled(keptIn);
  }

  /** Whether a guessed call by a table may lead to a function that takes no tag, or a guessed object be another one. */
  #isOpen(callee: Callee): boolean {
    const { guessedCall, virtual, called, described, isNear } = callee;
    const { objects, held } = this.#context.stored;
    if (held.isDoubted(callee.keptIn)) return true;
    if (described === undefined ? isNear : objects.isOpen(described) || this.#isSpoiled(callee)) return true;
    if (guessedCall === undefined || called?.some(rva => virtual?.targets.has(rva))) return false;
    const { pointer, place } = guessedCall;
    if (guessedCall.isOpen) return true;
    if (this.#context.tables.isOfKeptTable(pointer)) return false;
    const distance =
      pointer.kind === 'parameter'
        ? pointer.place.behind
        : pointer.kind === 'field' || pointer.kind === 'behind'
          ? pointer.offset
          : undefined;
    return distance !== undefined && this.#rivals.isAt(distance, place);
  }
}

/**
 * The uses of one call site less what other objects hold at the distance of the tag, where the function is seen to put one into the very
 * object that it passes.
 */
function withoutOthers(atSite: readonly TagUse[]): readonly TagUse[] {
  if (atSite.length < 2) return atSite;
  const here = atSite.filter(({ callee }) => callee.isPutHere);
  if (here.length === 0) return atSite;
  const isOfOther = ({ callee }: TagUse) =>
    isPlainField(callee.keptIn) &&
    here.some(use => use.callee.api === callee.api && placeKey(use.callee.place) === placeKey(callee.place));
  return atSite.filter(use => !isOfOther(use));
}

/** Of the uses of one call site, those from `first` on, a guess says nothing beside the same tag that is certain. */
function dropNeedlessGuesses(uses: TagUse[], first: number): void {
  const keyOf = ({ ulong, callee }: TagUse) => `${ulong}:${callee.api}`;
  const certain = new Set<string>();
  for (let n = first; n < uses.length; n++) if (!uses[n].callee.guesses) certain.add(keyOf(uses[n]));
  let kept = first;
  for (let n = first; n < uses.length; n++)
    if (!uses[n].callee.guesses || !certain.has(keyOf(uses[n]))) uses[kept++] = uses[n];
  uses.length = kept;
}
