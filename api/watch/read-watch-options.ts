/** Reads the options of `pooltag watch` from text; each wrong value is refused in one sentence. */

import { readPool, readSort, SORT_FORM } from '../leaks/leak-view.ts';
import { DURATION_FORM, readDuration } from '../leaks/read-duration.ts';
import { MAX_FILTER_CHARACTERS, MAX_FILTERS } from '../leaks/tag-filter.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readWholeNumber } from '../setting-values.ts';
import type { LogLimits } from './snapshot-log.ts';
import type { WatchView } from './watch-view.ts';

/** The options as commander gives them. */
export interface WatchOptions {
  every: string;
  log?: string;
  logEvery?: string;
  logSize: string;
  logFiles: string;
  include?: string[];
  exclude?: string[];
  sort: string;
  pool?: string;
  top?: string;
  once?: true;
  format: 'text' | 'json';
  colour?: boolean;
  color?: boolean;
}

export interface WatchPlan {
  everyMs: number;
  view: WatchView;
  /** Undefined where nothing is logged. */
  log: { file: string; everyMs: number; limits: LogLimits } | undefined;
}

/** More often than once a second says nothing that people could follow. */
const SHORTEST_EVERY_MS = 1_000;
/** Seldom enough for anybody; timers end at 24 days. */
const LONGEST_EVERY_MS = 86_400_000;
/** Two minutes: 720 snapshots a day of about 190 KB (4,000 rows), so that a week stays within the eight files. */
const LOG_EVERY_MS = 120_000;
/** One snapshot has up to a few hundred KB: a file of less would hold one or two. */
const SMALLEST_LOG_MB = 1;
const LARGEST_LOG_MB = 100_000;
const FEWEST_LOG_FILES = 2;
const MOST_LOG_FILES = 1_000;
const MOST_ROWS = 1_000_000;

/** The options as values. Throws `invalid-usage`. */
export function readWatchOptions(options: WatchOptions): WatchPlan {
  const everyMs = durationOf('--every', options.every);
  const sort = readSort(options.sort) ?? refuse('--sort', options.sort, SORT_FORM);
  const pool = options.pool === undefined ? undefined : readPool(options.pool);
  if (options.pool !== undefined && pool === undefined) refuse('--pool', options.pool, 'nonp or paged');
  const view: WatchView = {
    include: filtersOf('--include', options.include),
    exclude: filtersOf('--exclude', options.exclude),
    sort,
    byChange: false,
    pool,
    top:
      options.top === undefined
        ? Number.POSITIVE_INFINITY
        : numberOf('--top', options.top, 1, MOST_ROWS, 'how many rows to show'),
    hasTotals: false,
    hasHelp: false,
    skipped: 0,
  };
  return { everyMs, view, log: logOf(options, everyMs) };
}

function logOf(options: WatchOptions, everyMs: number): WatchPlan['log'] {
  const { log: file, logEvery, logSize, logFiles } = options;
  const megabytes = numberOf(
    '--log-size',
    logSize.replace(/ ?mb?$/i, ''),
    SMALLEST_LOG_MB,
    LARGEST_LOG_MB,
    'the megabytes of one file',
  );
  const files = numberOf('--log-files', logFiles, FEWEST_LOG_FILES, MOST_LOG_FILES, 'how many files to keep');
  const logEveryMs =
    logEvery === undefined ? Math.max(LOG_EVERY_MS, everyMs) : durationOf('--log-every', logEvery);
  if (file === undefined) {
    if (logEvery === undefined) return undefined;
    throw new PooltagError('invalid-usage', '--log-every needs --log FILE, which says where to write.');
  }
  return { file, everyMs: logEveryMs, limits: { fileBytes: megabytes * 1024 * 1024, files } };
}

function durationOf(option: string, text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined && ms >= SHORTEST_EVERY_MS && ms <= LONGEST_EVERY_MS) return ms;
  return refuse(option, text, `${DURATION_FORM}, from a second to a day`);
}

function numberOf(option: string, text: string, least: number, most: number, what: string): number {
  const value = readWholeNumber(text, most);
  if (value !== undefined && value >= least) return value;
  return refuse(option, text, `a whole number from ${least} to ${most}: ${what}`);
}

function filtersOf(option: string, filters: readonly string[] = []): readonly string[] {
  if (filters.length > MAX_FILTERS) {
    throw new PooltagError('invalid-usage', `${option} may be given ${MAX_FILTERS} times at most.`);
  }
  const wrong = filters.find(text => text === '' || text.length > MAX_FILTER_CHARACTERS);
  if (wrong !== undefined)
    refuse(option, wrong, 'a tag of four characters; ? stands for one, * for any number');
  return filters;
}

/** As much of a wrong value as a sentence can hold. */
const MAX_SHOWN_CHARACTERS = 80;

function refuse(option: string, given: string, expected: string): never {
  const shown = given.length > MAX_SHOWN_CHARACTERS ? `${given.slice(0, MAX_SHOWN_CHARACTERS)}…` : given;
  throw new PooltagError('invalid-usage', `${option} was given "${shown}"; it must be ${expected}.`);
}
