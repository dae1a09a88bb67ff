/** How a POOL_TYPE or POOL_FLAGS constant is called. Source: the values of wdm.h in Microsoft's driver documentation. */

/** Which argument of a pool function says what is asked for; 1-based, as documented. */
export interface RequestArguments {
  /** POOL_TYPE. */
  type?: number;
  /** POOL_FLAGS, 64 bits. */
  flags?: number;
  size?: number;
  /** Byte offset of the size above the stack pointer just before an x86 call, where 64-bit arguments come before it. */
  x86SizeOffset?: number;
}

const TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'NonPagedPool'],
  [1, 'PagedPool'],
  [2, 'NonPagedPoolMustSucceed'],
  [4, 'NonPagedPoolCacheAligned'],
  [5, 'PagedPoolCacheAligned'],
  [6, 'NonPagedPoolCacheAlignedMustS'],
  [32, 'NonPagedPoolSession'],
  [33, 'PagedPoolSession'],
  [512, 'NonPagedPoolNx'],
  [516, 'NonPagedPoolNxCacheAligned'],
  [544, 'NonPagedPoolSessionNx'],
]);

/** Bits that may be added to a POOL_TYPE. */
const TYPE_BITS: readonly (readonly [bit: number, name: string])[] = [
  [8, 'POOL_QUOTA_FAIL_INSTEAD_OF_RAISE'],
  [16, 'POOL_RAISE_IF_ALLOCATION_FAILURE'],
  [64, 'POOL_COLD_ALLOCATION'],
  [1024, 'POOL_ZERO_ALLOCATION'],
];

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x40, 'POOL_FLAG_NON_PAGED'],
  [0x80, 'POOL_FLAG_NON_PAGED_EXECUTE'],
  [0x100, 'POOL_FLAG_PAGED'],
  [0x01, 'POOL_FLAG_USE_QUOTA'],
  [0x02, 'POOL_FLAG_UNINITIALIZED'],
  [0x04, 'POOL_FLAG_SESSION'],
  [0x08, 'POOL_FLAG_CACHE_ALIGNED'],
  [0x20, 'POOL_FLAG_RAISE_ON_FAILURE'],
];

/** `NonPagedPoolNx`, with added bits as ` | POOL_ZERO_ALLOCATION`; undefined for numbers that are no POOL_TYPE. */
export function poolTypeName(value: number): string | undefined {
  const added = TYPE_BITS.filter(([bit]) => (value & bit) !== 0);
  const name = TYPES.get(added.reduce((rest, [bit]) => rest & ~bit, value));
  return name === undefined ? undefined : [name, ...added.map(([, bitName]) => bitName)].join(' | ');
}

/** `POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED`; undefined where a bit is unknown or none names a pool. */
export function poolFlagsName(value: number): string | undefined {
  const set = FLAGS.filter(([bit]) => (value & bit) !== 0);
  const isWhole = set.reduce((rest, [bit]) => rest & ~bit, value) === 0;
  return isWhole && (value & 0x1c0) !== 0 ? set.map(([, name]) => name).join(' | ') : undefined;
}
