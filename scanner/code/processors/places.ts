/** Where a tag stands when a call happens. */

/**
 * A register (or its upper half, where a structure of eight bytes is passed in one), or memory `stackOffset` bytes above the
 * stack pointer just before the call; with `behind`, the memory that many bytes behind the pointer there (a structure passed by its address); with `further` as well, the memory that
 * many bytes behind the pointer which stands there in turn (a structure that keeps another one's address). With a stride,
 * the same of any element of an array that begins there.
 */
export type Place = ({ register: number; isUpper?: true } | { stackOffset: number }) & {
  behind?: number;
  further?: number;
  stride?: number;
};

/** A string that names a place. */
export function placeKey(place: Place): string {
  const at = 'register' in place ? `r${place.register}${place.isUpper ? 'h' : ''}` : `s${place.stackOffset}`;
  if (place.behind === undefined) return at;
  if (place.stride !== undefined) return `${at}+${place.behind}*${place.stride}`;
  return place.further === undefined ? `${at}+${place.behind}` : `${at}+${place.behind}+${place.further}`;
}

/** Where the pointer stands that leads to a place in memory, and the distance behind it; undefined for other places. */
export function pointerTo(place: Place): { pointer: Place; offset: number } | undefined {
  const { further, behind, stride: _stride, ...at } = place;
  if (behind === undefined) return undefined;
  if (further === undefined) return { pointer: at as Place, offset: behind };
  return { pointer: { ...at, behind } as Place, offset: further };
}

/** The same place seen from elsewhere: the stack pointer has moved by `bytes`. */
export function movedPlace(place: Place, bytes: number): Place {
  return 'register' in place ? place : { ...place, stackOffset: place.stackOffset + bytes };
}
