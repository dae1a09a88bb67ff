/** Where a tag stands when a call happens. */

/**
 * A register, or memory `stackOffset` bytes above the stack pointer just before the call; with `behind`, the memory
 * that many bytes behind the pointer there (a structure passed by its address).
 */
export type Place = { register: number; behind?: number } | { stackOffset: number; behind?: number };

/** A string that names a place. */
export function placeKey(place: Place): string {
  const at = 'register' in place ? `r${place.register}` : `s${place.stackOffset}`;
  return place.behind === undefined ? at : `${at}+${place.behind}`;
}

/** The same place seen from elsewhere: the stack pointer has moved by `bytes`. */
export function movedPlace(place: Place, bytes: number): Place {
  return 'register' in place ? place : { ...place, stackOffset: place.stackOffset + bytes };
}
