/**
 * Whether a distance in tables of functions tells anything: where other tables have functions there which take no tag, or take it
 * in another argument, a call by a table that nobody knows may as well lead to one of those.
 */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import type { CallTargets } from '../facts/call-targets.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { StoppingFunctions } from './stopping-functions.ts';

/** Tables that are looked at; a large driver in C++ has some thousand classes. */
const MAX_TABLES = 5_000;
/** Distances that are asked about, each a look at all tables; where there are more, none tells anything. */
const MAX_DISTANCES = 256;

/** Answers for a whole image, when the search is over. */
export class RivalFunctions {
  readonly #code: CodeUnderAnalysis;
  readonly #targets: CallTargets;
  readonly #stopping: StoppingFunctions;
  readonly #known = new Map<string, boolean>();
  #tables: ReadonlySet<number> | undefined;

  constructor(code: CodeUnderAnalysis, targets: CallTargets) {
    this.#code = code;
    this.#targets = targets;
    this.#stopping = new StoppingFunctions(code);
  }

  /** Whether any table has a function at this distance that takes no tag by the argument which leads to `place`. */
  isAt(distance: number, place: Place): boolean {
    const argument = argumentOf(place);
    const key = `${distance}:${argument}`;
    let isRival = this.#known.get(key);
    if (isRival === undefined) {
      if (this.#known.size >= MAX_DISTANCES) return true;
      isRival = this.#find(distance, argument);
      this.#known.set(key, isRival);
    }
    return isRival;
  }

  #find(distance: number, argument: string): boolean {
    const { index } = this.#code;
    this.#tables ??= this.#findTables();
    for (const table of this.#tables) {
      const slot = table + distance;
      // Another table begins before.
      if (distance < 0 || index.nextReference(table + 1, slot + 1) <= slot) continue;
      const target = this.#functionAt(slot);
      if (target === undefined) continue;
      const isTaking = this.#targets
        .allOfFunction(target)
        .some(({ place }) => argumentOf(place) === argument);
      if (!isTaking && !this.#stopping.isOne(target)) return true;
    }
    return false;
  }

  /** Addresses that code names and that hold a pointer to code, and those that data holds: such a table may begin with a name or a number. */
  #findTables(): Set<number> {
    const { image, index } = this.#code;
    const tables = new Set<number>();
    for (const at of image.relocations) {
      if (tables.size >= MAX_TABLES) break;
      const section = image.sectionAt(at);
      const target = section?.executable === false ? relocatedPointerAt(image, at) : undefined;
      if (target === undefined) continue;
      if (image.sectionAt(target)?.executable !== true) tables.add(target);
      else if (index.referencesTo(at).length > 0) tables.add(at);
    }
    return tables;
  }

  #functionAt(slot: number): number | undefined {
    const { image, functions } = this.#code;
    if (image.sectionAt(slot)?.executable !== false) return undefined;
    const target = relocatedPointerAt(image, slot);
    // The table of a switch leads into functions.
    return target !== undefined && functions.functionAt(target) === target ? target : undefined;
  }
}

/** The argument in which a tag is passed, or the pointer that leads to it. */
function argumentOf(place: Place): string {
  return placeKey({ ...place, behind: undefined });
}
