/** The shapes in which memory is seen to grow, as columns for a regression: leaks, steps, and caches that fill. */

/**
 * `leak` rises evenly from a moment on and to the end; `step` is at another level from one snapshot on; `ramp` rises and
 * then stays; `curve` fills ever more slowly, as a cache does.
 */
export interface GrowthShape {
  kind: 'leak' | 'step' | 'ramp' | 'curve';
  /** Where it begins and where it has ended, as parts of the whole time; of a curve, `to` is where 95 % are reached. */
  from: number;
  to: number;
  /** One value for each point, 0 to 1. */
  column: Float64Array;
}

/** Leaks that begin later than this have too little time left to be told from a step. */
const LEAK_STARTS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
/** Corners of ramps. The last one leaves a fifth of the time to see that the growth has stopped. */
const RAMP_CORNERS = [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.42, 0.5, 0.6, 0.7, 0.8];
/** Time constants of caches that fill, as parts of the whole time: the slowest has 6 % of its growth still to come. */
const CURVE_CONSTANTS = [0.02, 0.04, 0.06, 0.09, 0.12, 0.16, 0.2, 0.27, 0.35];

/** Places of steps that are tried. */
const MOST_STEPS = 64;

/** All shapes over these times (ascending); those that look the same at these points are there once. */
export function growthShapes(hours: Float64Array): GrowthShape[] {
  const start = hours[0];
  const span = hours[hours.length - 1] - start;
  const parts = hours.map(hour => (hour - start) / span);
  const shapes: GrowthShape[] = [
    ...LEAK_STARTS.map(from => ({ kind: 'leak' as const, from, to: 1, column: ramp(parts, from, 1) })),
    ...stepsOf(parts),
    ...RAMP_CORNERS.flatMap(from =>
      RAMP_CORNERS.filter(to => to > from).map(to => ({
        kind: 'ramp' as const,
        from,
        to,
        column: ramp(parts, from, to),
      })),
    ),
    ...CURVE_CONSTANTS.map(constant => ({
      kind: 'curve' as const,
      from: 0,
      to: Math.min(1, 3 * constant),
      column: parts.map(part => 1 - Math.exp(-part / constant)),
    })),
  ];
  const seen = new Set<string>();
  return shapes.filter(({ column }) => {
    const key = column.join();
    const isFlat = column.every(value => value === column[0]);
    if (isFlat || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function ramp(parts: Float64Array, from: number, to: number): Float64Array {
  return parts.map(part => Math.min(1, Math.max(0, (part - from) / (to - from))));
}

/** One for each point but the first; for every second of many points, where a neighbour fits nearly as well. */
function stepsOf(parts: Float64Array): GrowthShape[] {
  const every = Math.ceil(parts.length / MOST_STEPS);
  return Array.from({ length: Math.ceil((parts.length - 1) / every) }, (_, i) => {
    const before = i * every;
    const at = before + 1;
    return {
      kind: 'step' as const,
      from: parts[before],
      to: parts[at],
      column: parts.map((_, i) => (i >= at ? 1 : 0)),
    };
  });
}
