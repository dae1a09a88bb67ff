/** The k-th smallest of many numbers without sorting them all. */

/** Puts the k-th smallest (from 0) of `values[from..to]` at its place, smaller ones before it, and gives it. */
export function selectRank(values: Float64Array, rank: number, from = 0, to = values.length - 1): number {
  let left = from;
  let right = to;
  while (left < right) {
    const pivot = middleOf(values[left], values[(left + right) >> 1], values[right]);
    let low = left;
    let high = right;
    while (low <= high) {
      while (values[low] < pivot) low++;
      while (values[high] > pivot) high--;
      if (low <= high) {
        const swapped = values[low];
        values[low++] = values[high];
        values[high--] = swapped;
      }
    }
    if (rank <= high) right = high;
    else if (rank >= low) left = low;
    else break;
  }
  return values[rank];
}

function middleOf(a: number, b: number, c: number): number {
  return a < b ? Math.max(a, Math.min(b, c)) : Math.min(a, Math.max(b, c));
}

/** The median of numbers, of which there is at least one; the mean of the middle two where their count is even. */
export function median(values: ArrayLike<number>): number {
  const copy = Float64Array.from(values);
  const middle = copy.length >> 1;
  const upper = selectRank(copy, middle);
  if (copy.length % 2 === 1) return upper;
  let lower = copy[0];
  for (let i = 1; i < middle; i++) lower = Math.max(lower, copy[i]);
  return (lower + upper) / 2;
}

/** Median distance from the median, scaled to be the standard deviation where the numbers are normally distributed. */
export function robustDeviation(values: ArrayLike<number>): number {
  const centre = median(values);
  return 1.4826 * median(Float64Array.from(values, value => Math.abs(value - centre)));
}
