/** A line of blocks that shows how numbers went, for a terminal. */

const BLOCKS = '▁▂▃▄▅▆▇█';
/** As wide as a glance. */
const MAX_WIDTH = 32;

/** `▁▂▄▆█`: from the smallest to the largest number; blank where none is known, empty below two numbers. */
export function sparkline(values: readonly (number | null)[], width = MAX_WIDTH): string {
  const known = values.filter(value => value !== null);
  if (known.length < 2) return '';
  const points = pointsOf(values, width);
  const shown = points.filter(value => value !== null);
  const [least, most] = [Math.min(...shown), Math.max(...shown)];
  return points
    .map(value => {
      if (value === null) return ' ';
      if (most === least) return BLOCKS[3];
      return BLOCKS[
        Math.min(BLOCKS.length - 1, Math.floor(((value - least) / (most - least)) * BLOCKS.length))
      ];
    })
    .join('');
}

/** At most `width` points: of several that fall together the largest, so that a burst is seen. */
function pointsOf(values: readonly (number | null)[], width: number): (number | null)[] {
  if (values.length <= width) return [...values];
  const points = Array<number | null>(width).fill(null);
  values.forEach((value, i) => {
    const at = Math.floor((i * width) / values.length);
    if (value !== null) points[at] = Math.max(points[at] ?? value, value);
  });
  return points;
}
