/** What functions of the image leave behind a pointer that they are given: `Describe(kind, &description)`. */
import { isSame } from './make-value.ts';
import { NONE, Op } from './operations.ts';
import { OtherFunction } from './other-function.ts';
import { type Place, placeKey } from './places.ts';
import { NO_SLOT } from './stack-slots.ts';
import { looksLikeTag } from './static-memory.ts';
import { type Value, ValueSet } from './values.ts';

/** Functions and distances that are read in one image; real drivers have a few. */
const MAX_KNOWN = 2_000;

/** Reads one function at a time; answers are kept. */
export class FilledValues extends OtherFunction {
  readonly #known = new Map<string, readonly Value[]>();

  /** The tags, and parameters as the function sees them at its entry, that it stores `distance` bytes behind a parameter. */
  of(functionRva: number, pointer: Place, distance: number): readonly Value[] {
    const key = `${functionRva}:${placeKey(pointer)}:${distance}`;
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.size >= MAX_KNOWN) return known ?? [];
    this.#known.set(key, []); // ends functions that jump to each other
    const values = this.decode(functionRva) ? this.#stored(pointer, distance) : [];
    // Incremental linking puts a jump before each function, and some leave the work to another.
    const { op, low } = this.body.operations;
    const isThunk = this.body.operations.count === 1 && op[0] === Op.jump;
    const filled = isThunk ? this.of(low[0], pointer, distance) : values;
    this.#known.set(key, filled);
    return filled;
  }

  #stored(pointer: Place, distance: number): readonly Value[] {
    const { op, size, base, index, displacement, count } = this.body.operations;
    const parameter = { kind: 'parameter', place: pointer } as const;
    const found = new ValueSet();
    for (let i = 0; i < count; i++) {
      const lane = distance - displacement[i];
      if (op[i] !== Op.store || lane < 0 || lane + 4 > size[i] || this.body.slot[i] !== NO_SLOT) continue;
      if (base[i] >= NONE - 2 || index[i] !== NONE) continue;
      if (!this.resolver.resolve({ register: base[i] }, i).values.some(value => isSame(value, parameter)))
        continue;
      for (const value of this.resolver.resolveStored(i, lane).values)
        if (value.kind === 'parameter' || (value.kind === 'constant' && looksLikeTag(value.value)))
          found.add(value);
    }
    return found.values;
  }
}
