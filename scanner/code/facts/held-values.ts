/** What places that are read as tags were seen to hold, by their names (`keptIn` in stored-tags.ts): one with other numbers in it holds no tags. */
import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { Value } from '../values/values.ts';

/** Numbers that are counted or put together: a variable that holds one is no variable of tags. */
const COMPUTED: ReadonlySet<Value['kind']> = new Set(['derived', 'inside', 'multiple', 'bits']);

/** What is known for the whole image. */
export class HeldValues {
  /** Places that hold something else than tags at times. */
  readonly #spoiled = new Set<string>();
  /** Places in objects of the class whose function reads there. */
  readonly #own = new Set<string>();

  /** Places of which objects that nobody knows may be, and these hold something else. */
  readonly #doubted = new Set<string>();

  /** Notes what is stored in a place. */
  note(place: string, values: readonly Value[]): void {
    if (areOthers(values)) this.#spoiled.add(place);
  }

  /** Notes what is stored in an object of an unknown class, which may be the one whose place this is. */
  noteUnknown(place: string, values: readonly Value[]): void {
    if (areOthers(values)) this.#doubted.add(place);
  }

  isDoubted(place: string | undefined): boolean {
    return place !== undefined && this.#doubted.has(place);
  }

  /** An object of the very class that reads there is seen to hold a tag. */
  addOwn(place: string): void {
    this.#own.add(place);
  }

  isOwn(place: string | undefined): boolean {
    return place !== undefined && this.#own.has(place);
  }

  isSpoiled(place: string | undefined): boolean {
    return place !== undefined && this.#spoiled.has(place);
  }
}

/** Whether something among them is no tag. */
function areOthers(values: readonly Value[]): boolean {
  return values.some(
    value =>
      COMPUTED.has(value.kind) ||
      (value.kind === 'constant' && value.value !== 0 && !looksLikeTag(value.value)),
  );
}
