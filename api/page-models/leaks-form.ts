/** The form of the page of leaks: what is pasted or chosen, what is said of it, and which tags are wanted. */
import type { PageContext } from './page-frame.ts';
import { pageFrame } from './page-frame.ts';

/** More is not written back into the page: the reader has it still, and the answer stays small. */
const MAX_KEPT_CHARACTERS = 200_000;

/** What the form holds, as it was given. */
export interface LeaksFields {
  text: string;
  every: string;
  windows: string;
  driver: string;
  pool: string;
  include: string;
  exclude: string;
  sort: string;
}

/** A form that nobody has filled in. */
export const EMPTY_FIELDS: LeaksFields = {
  text: '',
  every: '',
  windows: '',
  driver: '',
  pool: '',
  include: '',
  exclude: '',
  sort: '',
};

const POOLS = [
  { value: '', label: 'Both' },
  { value: 'nonpaged', label: 'Nonpaged' },
  { value: 'paged', label: 'Paged' },
];
const SORTS = [
  { value: 'suspicion', label: 'Most suspicious first' },
  { value: 'bytes', label: 'Bytes in use' },
  { value: 'growth', label: 'Growth in bytes' },
  { value: 'rate', label: 'Growth an hour' },
  { value: 'diff', label: 'Allocations in use' },
  { value: 'per-alloc', label: 'Bytes per allocation' },
  { value: 'allocs', label: 'Allocations' },
  { value: 'frees', label: 'Frees' },
  { value: 'tag', label: 'Tag' },
  { value: 'pool', label: 'Pool' },
];

/** What can be given, and how it is made. */
const FORMATS: readonly { name: string; how: string; commands: string[]; good: string }[] = [
  {
    name: 'PoolMon',
    how: 'A copy of its screen, or files that it wrote. In a command window, one snapshot each half hour for a day:',
    commands: ['for /L %i in (1,1,48) do (poolmon -n pool-%i.log & timeout /t 1800 /nobreak)'],
    good: 'Best: allocations, frees and bytes of every tag.',
  },
  {
    name: 'Pooltag',
    how: 'Watches for days and writes down every snapshot with its time:',
    commands: ['pooltag watch --every 5m --log pool.jsonl'],
    good: 'As good as PoolMon, with the times in the file.',
  },
  {
    name: 'WinDbg',
    how: 'Of a crash dump or a machine that stands still: the pool by tag, the limits, the handles.',
    commands: ['!poolused 2', '!vm', '!process 0 0'],
    good: 'One moment: the largest, not what grows. !pool, !poolfind and !verifier 3 are read as well.',
  },
  {
    name: 'Performance counters',
    how: 'The pools as a whole, for weeks, at no cost:',
    commands: [
      'typeperf "\\Memory\\Pool Nonpaged Bytes" "\\Memory\\Pool Paged Bytes" "\\Process(*)\\Handle Count" -si 60 -f CSV -o pool.csv',
    ],
    good: 'Says whether and when, not which tag.',
  },
  {
    name: 'Driver Verifier',
    how: 'What each watched driver has not freed:',
    commands: ['verifier /query'],
    good: 'Names the driver itself.',
  },
];
const MORE_FORMATS =
  'MemSnap, CSV of PoolMon scripts, event 2004 as XML and Pooltag’s own JSON and CSV are read too; several kinds may stand in one text, with anything around them. UTF-8, UTF-16 and old code pages are told apart.';

/** What stands above the form when it comes back. */
export interface FormProblem {
  title: string;
  /** Full sentences. */
  detail: string;
  /** To be pasted into a command window; null where none helps. */
  command: string | null;
}

/** The model of views/pages/leaks.hbs. */
export function leaksPage(context: PageContext, fields: LeaksFields, problem: FormProblem | null) {
  return {
    frame: pageFrame(context, {
      title: 'What is leaking?',
      description:
        'Paste what PoolMon or the debugger printed, and read which pool tag leaks and who owns it.',
      section: 'leaks',
      assets: { styles: ['leaks.css'], scripts: ['leaks.js'] },
    }),
    problem,
    form: leaksForm(fields),
    formats: FORMATS,
    moreFormats: MORE_FORMATS,
  };
}

/** The model of views/partials/leaks-form.hbs. */
export function leaksForm(fields: LeaksFields) {
  const isLong = fields.text.length > MAX_KEPT_CHARACTERS;
  return {
    ...fields,
    text: isLong ? '' : fields.text,
    textNote: isLong ? 'The text was too long to be written back here. Paste it again to change it.' : null,
    pools: POOLS.map(one => ({ ...one, isChosen: one.value === fields.pool })),
    sorts: SORTS.map(one => ({ ...one, isChosen: one.value === fields.sort })),
  };
}
