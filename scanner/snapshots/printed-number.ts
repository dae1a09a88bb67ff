/** Numbers as tools print them, checked for what a counter or a size can be. */

/** Text of digits, with a sign perhaps; undefined where it is none, or none that a number can hold exactly. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Hex digits with `0x` or without; undefined where they are none or more than a number holds exactly. */
export function hexNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0x)?[0-9a-f]{1,16}$/i.test(text)) return undefined;
  const value = Number.parseInt(text, 16);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `0x1a` as hex, `26` as decimal. */
export function hexOrWholeNumber(text: string | undefined): number | undefined {
  return text?.startsWith('0x') ? hexNumber(text) : wholeNumber(text);
}

/** Counters have 32 bits and begin anew at zero. */
const COUNTER_SPAN = 2 ** 32;

/**
 * Allocations that are not freed, by counters either of which may have wrapped. Undefined where more is freed than was
 * allocated: the tool read one counter later than the other.
 */
export function outstanding(allocs: number, frees: number): number | undefined {
  if (allocs >= frees) return allocs - frees;
  return frees - allocs > COUNTER_SPAN / 2 && frees < COUNTER_SPAN
    ? allocs + COUNTER_SPAN - frees
    : undefined;
}
