/** Decodes PERFORMANCE_INFORMATION, what GetPerformanceInfo of psapi says of the machine's memory. */
import type { MemoryFacts } from '../snapshots/pool-snapshot.ts';
import type { PointerBytes } from './pool-tag-records.ts';

/**
 * The structure's size. Documented by Microsoft (psapi.h): a DWORD with this size, ten SIZE_T, three DWORD; all but the
 * first and the last three in pages, PageSize in bytes.
 */
const PERFORMANCE_INFORMATION_BYTES: Record<PointerBytes, number> = { 4: 56, 8: 104 };

/** The SIZE_T fields in their order. */
const FIELDS = [
  'commitTotal',
  'commitLimit',
  'commitPeak',
  'physicalTotal',
  'physicalAvailable',
  'systemCache',
  'kernelTotal',
  'kernelPaged',
  'kernelNonpaged',
  'pageSize',
] as const;
type Field = (typeof FIELDS)[number];

/** No processor of Windows has other pages than 4 KB; 64 KB is what others have. */
const LARGEST_PAGE = 65_536;

/** The structure with its size filled in, to be handed to GetPerformanceInfo. */
export function emptyPerformanceInformation(pointerBytes: PointerBytes): Uint8Array {
  const bytes = new Uint8Array(PERFORMANCE_INFORMATION_BYTES[pointerBytes]);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  return bytes;
}

/** The memory in bytes; no facts where the structure cannot be true. A number beyond 2^53, and one that is 0, is left out. */
export function decodePerformanceInformation(bytes: Uint8Array, pointerBytes: PointerBytes): MemoryFacts {
  if (bytes.length < PERFORMANCE_INFORMATION_BYTES[pointerBytes]) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (name: Field): number => {
    const offset = pointerBytes + FIELDS.indexOf(name) * pointerBytes;
    return pointerBytes === 8 ? Number(view.getBigUint64(offset, true)) : view.getUint32(offset, true);
  };
  const pageBytes = field('pageSize');
  if (pageBytes === 0 || pageBytes > LARGEST_PAGE) return {};
  const pages: [keyof MemoryFacts, Field][] = [
    ['physicalBytes', 'physicalTotal'],
    ['availableBytes', 'physicalAvailable'],
    ['commitBytes', 'commitTotal'],
    ['commitLimitBytes', 'commitLimit'],
    ['commitPeakBytes', 'commitPeak'],
    ['nonpagedBytes', 'kernelNonpaged'],
    ['pagedBytes', 'kernelPaged'],
  ];
  const facts: MemoryFacts = {};
  for (const [name, from] of pages) {
    const value = field(from) * pageBytes;
    // No machine has none of these: Wine says 0 of what it does not know.
    if (value > 0 && Number.isSafeInteger(value)) facts[name] = value;
  }
  return facts;
}
