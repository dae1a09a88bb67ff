/** Numbers of charts as they are sent to the script of the page: short, and the same at every reader. */

/**
 * Each as its difference from the one before, the first from zero: `1000,5,,-3` is 1000, 1005, 1005, 1002. `x` is not
 * printed and counts for nothing; what a difference would not tell exactly stands whole after `=`.
 */
export function chartNumbers(values: readonly (number | null)[]): string {
  let before = 0;
  return values
    .map(value => {
      if (value === null) return 'x';
      const step = value - before;
      before = value;
      if (!Number.isSafeInteger(step) || !Number.isSafeInteger(value)) return `=${value}`;
      return step === 0 ? '' : String(step);
    })
    .join(',');
}

/** Evenly chosen ones, the first and the last among them; all where they are few. */
export function thinned<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  if (most === 1) return all.slice(-1);
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))]);
}
