/**
 * Whether a distance in tables of functions tells anything: where other tables have functions there which take no tag, a call by a
 * table that nobody knows may as well lead to one of those.
 */
import type { CallTargets } from './call-targets.ts';
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { relocatedPointerAt } from './static-memory.ts';
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
  readonly #known = new Map<number, boolean>();
  #tables: number[] | undefined;

  constructor(code: CodeUnderAnalysis, targets: CallTargets) {
    this.#code = code;
    this.#targets = targets;
    this.#stopping = new StoppingFunctions(code);
  }

  /** Whether any table has a function at this distance that takes no tag; the place of a pure virtual one says nothing. */
  isAt(distance: number): boolean {
    let isRival = this.#known.get(distance);
    if (isRival === undefined) {
      if (this.#known.size >= MAX_DISTANCES) return true;
      isRival = this.#find(distance);
      this.#known.set(distance, isRival);
    }
    return isRival;
  }

  #find(distance: number): boolean {
    const { index } = this.#code;
    this.#tables ??= this.#findTables();
    return this.#tables.some(table => {
      const slot = table + distance;
      // Another table begins before.
      if (distance < 0 || index.nextReference(table + 1, slot + 1) <= slot) return false;
      const target = this.#functionAt(slot);
      if (target === undefined || this.#targets.knowsFunction(target)) return false;
      return !this.#stopping.isOne(target);
    });
  }

  /** Addresses that code names and that hold a pointer to code. */
  #findTables(): number[] {
    const { image, index } = this.#code;
    const tables: number[] = [];
    for (const at of image.relocations) {
      if (tables.length === MAX_TABLES) break;
      if (this.#functionAt(at) !== undefined && index.referencesTo(at).length > 0) tables.push(at);
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
