/**
 * A machine made from a seed, with leaks that are known: pool tags with noise that remembers, daily waves, caches that
 * fill, bursts, and planted leaks. What is varied is what people who read the same words could mean by them.
 */
import { type PoolTag, tagFromUlong } from '../../data/pool-tag.ts';
import type { Pool, PoolRow, PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';

export interface MachineOptions {
  tags: number;
  snapshots: number;
  everyHours: number;
  /** How much of the noise is left at the next snapshot (AR(1)). */
  memory: number | 'mixed';
  /** Whether 2 % of the level is the noise's own size, or what each snapshot adds to it. */
  noise: 'stationary' | 'innovation';
  /** Whether a leak must end 3x above 2 % of the level, or above the size that the noise really has. */
  measuredBy: 'nominal' | 'real';
  waves: number;
  caches: number;
  bursts: number;
  /** Longest burst, in snapshots. */
  burstLength: number;
  /** How far a snapshot is from its time, as a part of the gap between two. */
  jitter: number;
  /** Bytes are whole allocations, and counters are there; or bytes only, as they come. */
  rows: 'whole allocations' | 'bytes only';
  /** `any` size from 1 KB a minute on, or `near` the bar: ending 3 to 4.5 times above the noise. */
  leaks: 'any' | 'near';
  /** On which tags leaks are planted. */
  leaksOn: 'any' | 'waves' | 'caches';
  /** The part of the time at which leaks begin. */
  leaksFrom: number;
}

export const USUAL: MachineOptions = {
  tags: 2_000,
  snapshots: 48,
  everyHours: 0.5,
  memory: 0.7,
  noise: 'stationary',
  measuredBy: 'real',
  waves: 0.2,
  caches: 0.05,
  bursts: 0.05,
  burstLength: 3,
  jitter: 0,
  rows: 'whole allocations',
  leaks: 'any',
  leaksOn: 'any',
  leaksFrom: 0,
};

const NOISE = 0.02;
const WAVE = 0.2;
const KILOBYTE = 1024;
const LEAST_LEAK_PER_HOUR = 60 * KILOBYTE;
const MEMORIES = [0.3, 0.5, 0.7, 0.9, 0.95];
const MOST_TRIES = 10_000;

export interface SimulatedMachine {
  snapshots: PoolSnapshot[];
  /** Tag and pool of each leak, by how many times its noise it grows, and what else the tag does. */
  planted: { tag: PoolTag; pool: Pool; timesNoise: number; on: 'plain' | 'wave' | 'cache' }[];
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function logUniform(random: () => number, low: number, high: number): number {
  return low * (high / low) ** random();
}

export function simulatedMachine(seed: number, options: MachineOptions = USUAL): SimulatedMachine {
  const random = seededRandom(seed * 7_919 + 17);
  const span = options.everyHours * (options.snapshots - 1);
  const hours = Array.from(
    { length: options.snapshots },
    (_, i) => options.everyHours * (i + options.jitter * (random() - 0.5)),
  );
  const tags = Array.from({ length: options.tags }, (_, i) => makeTag(i, hours, options, random));
  const leakCount = 1 + Math.floor(random() * 5);
  const planted: SimulatedMachine['planted'] = [];
  for (let tries = 0; planted.length < leakCount && tries < MOST_TRIES; tries++) {
    const made = tags[Math.floor(random() * tags.length)];
    if (
      made.leaks ||
      (options.leaksOn === 'waves' && !made.waves) ||
      (options.leaksOn === 'caches' && !made.fills)
    )
      continue;
    const noise = made.level * (options.measuredBy === 'real' ? made.noise : NOISE);
    const time = span * (1 - options.leaksFrom);
    const perHour =
      options.leaks === 'near'
        ? (noise * (3 + 1.5 * random())) / time
        : logUniform(random, LEAST_LEAK_PER_HOUR, 60 * LEAST_LEAK_PER_HOUR);
    if (perHour < LEAST_LEAK_PER_HOUR || perHour * time < 3 * noise) continue;
    made.leaks = true;
    const begins = span * options.leaksFrom;
    hours.forEach((hour, i) => {
      made.values[i] += perHour * Math.max(0, hour - begins);
    });
    planted.push({
      tag: made.tag,
      pool: made.pool,
      timesNoise: (perHour * time) / noise,
      on: made.waves ? 'wave' : made.fills ? 'cache' : 'plain',
    });
  }
  const startMs = Date.UTC(2024, 4, 1, 8);
  const snapshots = hours.map((hour, i): PoolSnapshot => {
    return {
      format: 'poolmon',
      file: 'simulated.log',
      line: 1 + i * (options.tags + 5),
      takenAtMs: startMs + Math.round(hour * 3_600_000),
      timeFrom: 'text',
      rows: tags.map(made => rowOf(made, i, options, random)),
      memory: {},
      processes: [],
      blocks: [],
      verifier: [],
    };
  });
  return { snapshots, planted };
}

interface MadeTag {
  tag: PoolTag;
  pool: Pool;
  level: number;
  /** Standard deviation of the noise, as a part of the level. */
  noise: number;
  waves: boolean;
  fills: boolean;
  leaks: boolean;
  values: number[];
  sizeOfOne: number;
  freed: number;
}

function makeTag(index: number, hours: number[], options: MachineOptions, random: () => number): MadeTag {
  const level = logUniform(random, KILOBYTE, 100 * KILOBYTE * KILOBYTE);
  const memory =
    options.memory === 'mixed' ? MEMORIES[Math.floor(random() * MEMORIES.length)] : options.memory;
  const left = Math.sqrt(1 - memory * memory);
  const noise = options.noise === 'stationary' ? NOISE : NOISE / left;
  const waves = random() < options.waves;
  const phase = 2 * Math.PI * random();
  const fills = random() < options.caches;
  const fill = fillingCache(random);
  let state = gaussian(random);
  const values = hours.map((hour, i) => {
    if (i > 0) state = memory * state + left * gaussian(random);
    const wave = waves ? WAVE * Math.sin((2 * Math.PI * hour) / 24 + phase) : 0;
    return level * ((fills ? fill(hour) : 1) + wave + noise * state);
  });
  if (random() < options.bursts) addBursts(values, level, options, random);
  const tag = tagFromUlong(
    0x61616161 + (index % 26) + ((Math.floor(index / 26) % 26) << 8) + (Math.floor(index / 676) << 16),
  );
  const sizeOfOne = Math.min(16 * Math.ceil(logUniform(random, 32, 4096) / 16), level);
  return {
    tag,
    pool: random() < 0.5 ? 'nonpaged' : 'paged',
    level,
    noise,
    waves,
    fills,
    leaks: false,
    values,
    sizeOfOne,
    freed: Math.floor(logUniform(random, 10, 1e7)),
  };
}

/** From a part of the level to the level within 8 hours, evenly or ever more slowly. */
function fillingCache(random: () => number): (hour: number) => number {
  const from = 0.7 * random();
  const within = 2 + 6 * random();
  const evenly = random() < 0.5;
  return hour =>
    from + (1 - from) * (evenly ? Math.min(1, hour / within) : 1 - Math.exp((-3 * hour) / within));
}

function addBursts(values: number[], level: number, options: MachineOptions, random: () => number): void {
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const from = Math.floor(random() * values.length);
    const length = 1 + Math.floor(random() * options.burstLength);
    const height = level * logUniform(random, 0.2, 3);
    for (let i = from; i < Math.min(values.length, from + length); i++) values[i] += height;
  }
}

function rowOf(made: MadeTag, i: number, options: MachineOptions, random: () => number): PoolRow {
  const value = Math.max(0, made.values[i]);
  if (options.rows === 'bytes only') return { tag: made.tag, pool: made.pool, bytes: Math.round(value) };
  const diff = Math.round(value / made.sizeOfOne);
  made.freed += Math.floor(random() * 1_000);
  return {
    tag: made.tag,
    pool: made.pool,
    allocs: (made.freed + diff) >>> 0,
    frees: made.freed >>> 0,
    diff,
    bytes: Math.round(diff * made.sizeOfOne),
  };
}
