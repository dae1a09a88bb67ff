/** From which pool a call asks for memory, and how much, where it says so by constants. */
import type { Place } from '../processors/places.ts';
import type { Processor } from '../processors/processor.ts';
import { poolFlagsName, poolTypeName, type RequestArguments } from './pool-words.ts';

/** Absent where it is not constant. */
export interface PoolRequest {
  /** `PagedPool`, `POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED`. */
  pool?: string;
  sizeBytes?: number;
}

/** More bytes than this are a number that was misread: no constant request is as large. */
const MAX_SIZE_BYTES = 0x1000_0000;

/** The request of a call; `constantAt` gives the one constant that may stand at a place just before it. */
export function poolRequest(
  { type, flags, size, x86SizeOffset }: RequestArguments,
  processor: Processor,
  constantAt: (place: Place) => number | undefined,
): PoolRequest {
  const request: PoolRequest = {};
  const argument = type ?? flags;
  const value = argument === undefined ? undefined : constantAt(processor.argument(argument));
  const pool =
    value === undefined ? undefined : type === undefined ? poolFlagsName(value) : poolTypeName(value);
  if (pool !== undefined) request.pool = pool;
  const bytes = size === undefined ? undefined : constantAt(processor.argument(size, x86SizeOffset));
  if (bytes !== undefined && bytes > 0 && bytes <= MAX_SIZE_BYTES) request.sizeBytes = bytes;
  return request;
}
