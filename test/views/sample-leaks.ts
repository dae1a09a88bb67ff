/** Made-up answers to what is leaking, as rich as a page can get, and as hostile. */
import { tagLinks } from '../../api/answer-links.ts';
import type { LeakAnswer, SuspectView, TagView } from '../../api/leaks/leak-answer.ts';
import { poolTag, tagId } from '../../data/pool-tag.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import { CONTOSO_SHA256 } from './sample-catalogue.ts';

/** Nine in the evening, so that the axis passes midnight. */
const BEGIN_MS = Date.UTC(2026, 10, 28, 21);
const HALF_HOUR_MS = 30 * 60_000;
const SNAPSHOTS = 48;
const HOSTILE_TAG = '<b>"';
export const HOSTILE_TEXT = '</script><img src=x onerror=alert(1)>"\'{{x}}\u202e\x1b[31m';

interface Course {
  verdict?: TagTrend['verdict'];
  pool?: TagTrend['pool'];
  /** Bytes at each snapshot; null where it is not printed. */
  bytes?: (number | null)[];
  eachBytes?: number;
  summary?: string | null;
}

/** A tag with a course, as the answer lists it. */
function tagView(tag: string, rank: number, course: Course = {}): TagView {
  const { verdict = 'steady', pool = 'nonpaged', eachBytes = 1280, summary = null } = course;
  const bytes =
    course.bytes ?? Array.from({ length: SNAPSHOTS }, (_, n) => 400_000 + 4_000 * ((n * 7 + rank) % 5));
  const known = bytes.filter(value => value !== null);
  const numbers = (value: number) => ({
    allocs: Math.round(value / eachBytes) + 3_000_000 + rank,
    frees: 3_000_000 + rank,
    diff: Math.round(value / eachBytes),
    bytes: value,
    bytesPerAlloc: eachBytes,
  });
  return {
    tag,
    id: tagId(poolTag(tag)),
    rank,
    pool,
    isInexact: false,
    verdict,
    reasons: [`It stood at ${known[0]} bytes and stands at ${known[known.length - 1]}.`],
    snapshots: bytes.length,
    first: numbers(known[0]),
    last: numbers(known[known.length - 1]),
    growthBytes: known[known.length - 1] - known[0],
    events: [],
    mapped: [],
    series: {
      snapshot: bytes.map((_, n) => n),
      bytes,
      diff: bytes.map(value => (value === null ? null : Math.round(value / eachBytes))),
    },
    summary,
    owners: [],
    links: tagLinks(poolTag(tag)),
  };
}

/** A straight rise with a little noise that is the same each time. */
function rising(from: number, to: number, snapshots = SNAPSHOTS): number[] {
  return Array.from({ length: snapshots }, (_, n) =>
    Math.round(from + ((to - from) * n) / Math.max(1, snapshots - 1) + ((n * 37) % 11) * (to - from) * 0.002),
  );
}

function suspect(view: TagView, more: Partial<SuspectView> = {}): SuspectView {
  return { ...view, sightings: [], advice: [], articles: [], risesWith: [], ...more };
}

/** 48 snapshots of a day: threads leak with their processes, a driver nobody knows leaks beside them. */
export function sampleLeaks(): LeakAnswer {
  const thre = tagView('Thre', 1, {
    verdict: 'leaking',
    bytes: rising(31_457_280, 220_826_112),
    eachBytes: 1280,
    summary: 'Thread objects, owned by the kernel’s process manager (nt!ps).',
  });
  const hostile = tagView(HOSTILE_TAG, 2, {
    verdict: 'suspicious',
    pool: 'paged',
    bytes: rising(1_048_576, 1_310_720).map((value, n) => (n > 9 && n < 14 ? null : value)),
  });
  const proc = tagView('Proc', 3, { verdict: 'growing but bounded', bytes: rising(2_000_000, 9_000_000) });
  const blanks = tagView('CM  ', 4, { pool: 'paged', verdict: 'shrinking', summary: 'Registry data.' });
  const others = Array.from({ length: 56 }, (_, n) => tagView(`T${n.toString(36).padStart(3, '0')}`, n + 5));
  const tags = [thre, hostile, proc, blanks, ...others];
  return {
    headline:
      'Thre in nonpaged pool is leaking: 7.9 MB an hour, 211 MB now. Thread objects belong to the kernel; look for the process that makes them.',
    summary: [
      'Nonpaged pool holds 412 MB of at most 2 GB; at this rate it is full in 8.4 days.',
      '48 snapshots over 23.5 hours were compared.',
    ],
    snapshots: Array.from({ length: SNAPSHOTS }, (_, n) => ({
      format: 'poolmon' as const,
      file: 'pool.log',
      line: 1 + n * 70,
      takenAtMs: BEGIN_MS + n * HALF_HOUR_MS,
      timeFrom: 'text' as const,
      rows: tags.length,
    })),
    compared: SNAPSHOTS,
    spanHours: 23.5,
    confidence: 0.95,
    falseRate: 0.01,
    suspects: [
      suspect(
        {
          ...thre,
          reasons: [
            'Grew from 30 MB to 211 MB in 23.5 hours: 7.9 MB an hour (95 % between 7.8 and 8), in 47 of 47 steps up.',
            'Of 3,172,521 allocations 172,521 were never freed. `!process 0 0` shows who has them.',
          ],
          bytesRate: { perHour: 8_283_750, low: 8_178_892, high: 8_388_608 },
          allocsRate: { perHour: 6_472, low: 6_390, high: 6_554 },
          trendP: 0.000001,
          poolShare: 0.51,
          hoursToLimit: 201.6,
          events: [{ kind: 'step', atMs: BEGIN_MS + 6 * HALF_HOUR_MS, snapshot: 6 }],
          mapped: ['[nt!ps - Thread objects]'],
          owners: [
            {
              image: 'nt!ps',
              component: 'process-manager',
              meaning: 'Thread objects. They stay while somebody holds a handle.',
              strength: 'written',
              sources: [
                { name: 'pooltag-list', url: null },
                { name: 'a page', url: 'https://example.com/page' },
                { name: 'a guide', url: '/guides/handle-leaks' },
              ],
            },
          ],
        },
        {
          sightings: Array.from({ length: 11 }, (_, n) => ({
            driver: {
              fileName: `driver${n}.sys`,
              sha256: CONTOSO_SHA256,
              arch: 'x64' as const,
              company: 'Contoso Ltd',
              version: '3.2.0.0',
              isSample: false,
            } as SuspectView['sightings'][number]['driver'],
            strength: 'proven' as const,
            kinds: ['allocation-call' as const],
            sites: 12,
            protected: false,
            firstSites: [
              { kind: 'allocation-call' as const, api: 'ntoskrnl.exe!ExAllocatePoolWithTag', rva: 0x1a2b },
            ],
            links: { self: `/api/v1/drivers/${CONTOSO_SHA256}`, page: `/drivers/${CONTOSO_SHA256}` },
          })),
          advice: [
            {
              kind: 'owner-is-not-culprit',
              text: 'Threads are made for a process. Look for one with many handles.',
              steps: ['`!process 0 0`', 'Task Manager, Details, Handles'],
              guide: 'handle-leaks',
              sources: [],
            },
          ],
          articles: [
            {
              id: 'kb927493',
              title: 'A program that leaks threads',
              products: ['Contoso Storage'],
              affected: [],
              symptom: null,
              cause: 'A handle of each thread stays open.',
              remedy: 'Install 3.3.',
              status: 'fixed',
              supersededBy: [],
              applies: { verdict: 'applies', reason: 'Your cstorflt.sys 3.2 has the fault.' },
              sources: [{ name: 'a report', url: 'https://example.com/report' }],
            },
          ],
          risesWith: [{ tag: 'Proc', pool: 'nonpaged', links: tagLinks(poolTag('Proc')) }],
        },
      ),
      suspect({ ...hostile, reasons: [HOSTILE_TEXT], mapped: [HOSTILE_TEXT] }),
    ],
    groups: [
      {
        head: { tag: 'Thre', pool: 'nonpaged' },
        members: [{ tag: 'Proc', pool: 'nonpaged' }],
        reason: 'Each process brings its threads: 46 of 47 steps go together.',
      },
    ],
    nextSteps: [
      { text: 'See which process has many handles.', command: '!process 0 0' },
      {
        text: `Name the owner of ${HOSTILE_TAG} by a scan of the drivers.`,
        command: 'pooltag scan --all-drivers',
      },
      { text: 'Update the driver that holds the threads.' },
    ],
    tags,
    matchingTags: tags.length,
    totalTags: tags.length,
    verdicts: {
      leaking: 1,
      suspicious: 1,
      'growing but bounded': 1,
      'not-compared': 0,
      steady: 56,
      shrinking: 1,
    },
    unknownTags: 57,
    memory: {
      physicalBytes: 17_179_869_184,
      availableBytes: 4_294_967_296,
      nonpagedBytes: 432_013_312,
      nonpagedLimitBytes: 2_147_483_648,
      nonpagedAllocs: 1_234_567,
    },
    processes: [
      { name: HOSTILE_TEXT, processId: 4212, handles: 359_617, threads: 12 },
      { name: 'svchost.exe', processId: 880, handles: 2_411 },
    ],
    verifier: [
      {
        driver: 'cstorflt.sys',
        isUnloaded: true,
        nonpagedAllocs: 26,
        nonpagedBytes: 2_384,
        allocations: [
          {
            tag: poolTag(HOSTILE_TAG),
            address: 'fffff9800157efc0',
            sizeBytes: 60,
            caller: 'cstorflt!AllocateContext+0x2c',
          },
        ],
      },
    ],
    blocks: [{ tag: poolTag('Hack'), pool: 'nonpaged', count: 12, free: 2, bytes: 6_336 }],
    thinnedTo: 500,
    remarks: [
      { file: 'pool.log', line: 1_734, message: `This line is no row of tags: ${HOSTILE_TEXT}` },
      { file: undefined, message: 'The times run backwards at one place.' },
    ],
    moreRemarks: 3,
  };
}

/** One snapshot: nothing is compared, nothing is drawn as a line. */
export function oneSnapshot(): LeakAnswer {
  const whole = sampleLeaks();
  const tags = whole.tags.slice(0, 20).map(({ tag, rank, pool }) => {
    const { growthBytes, ...view } = tagView(tag, rank, {
      pool,
      verdict: 'not-compared',
      bytes: [1_280_000 - 1_280 * rank],
    });
    return view;
  });
  return {
    ...whole,
    headline: 'One snapshot cannot tell what leaks. The largest tag is Thre.',
    summary: [],
    snapshots: [{ format: 'poolused', file: undefined, line: 1, rows: 20 }],
    compared: 1,
    spanHours: undefined,
    suspects: tags.slice(0, 3).map(view => suspect(view)),
    groups: [],
    tags,
    matchingTags: 20,
    totalTags: 20,
    verdicts: {
      ...whole.verdicts,
      leaking: 0,
      suspicious: 0,
      'growing but bounded': 0,
      steady: 0,
      shrinking: 0,
      'not-compared': 20,
    },
    memory: {},
    processes: [],
    verifier: [],
    blocks: [],
    thinnedTo: undefined,
    remarks: [],
    moreRemarks: 0,
  };
}

/** As much of everything as an answer may hold. */
export function hugeLeaks(): LeakAnswer {
  const whole = sampleLeaks();
  const many = 500;
  const bytes = rising(10_000_000, 900_000_000, many);
  const tags = Array.from({ length: 3_000 }, (_, n) =>
    tagView(`H${n.toString(36).padStart(3, '0')}`, n + 1, {
      bytes,
      summary: 'A meaning of usual length, owned by some component of Windows (nt!xx).',
    }),
  );
  const [rich] = whole.suspects;
  return {
    ...whole,
    snapshots: Array.from({ length: 2_600 }, (_, n) => ({
      ...whole.snapshots[0],
      line: n,
      file: `pool-${n}.log`,
      takenAtMs: BEGIN_MS + n * 60_000,
    })),
    compared: 2_600,
    suspects: tags
      .slice(0, 10)
      .map(view => ({ ...rich, ...view, owners: rich.owners, reasons: rich.reasons })),
    tags,
    matchingTags: 3_000,
    totalTags: 3_000,
    processes: Array.from({ length: 400 }, (_, n) => ({
      name: `process${n}.exe`,
      processId: n,
      handles: 10_000 - n,
    })),
    remarks: Array.from({ length: 1_000 }, (_, n) => ({
      file: 'pool.log',
      line: n,
      message: 'This line is no row of tags.',
    })),
    moreRemarks: 12_345,
  };
}
