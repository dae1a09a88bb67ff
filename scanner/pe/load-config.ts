/** Reads the load configuration: Control Flow Guard's call pointers and the mark of a hybrid ARM64 image. */
import type { DriverImage } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** Field offsets in IMAGE_LOAD_CONFIG_DIRECTORY32 and 64; the structure's first field is its size, and it has grown. */
const FIELDS = {
  4: { check: 72, dispatch: 76, hybrid: 124, xfgCheck: 172, xfgDispatch: 176 },
  8: { check: 112, dispatch: 120, hybrid: 200, xfgCheck: 280, xfgDispatch: 288 },
} as const;

export interface LoadConfig {
  guardSlots: DriverImage['guardSlots'];
  /** The image carries metadata of ARM64EC or ARM64X code. */
  isHybrid: boolean;
}

/** An image without a load configuration. */
export const NO_LOAD_CONFIG: LoadConfig = {
  guardSlots: { check: null, dispatch: null, xfgCheck: null, xfgDispatch: null },
  isHybrid: false,
};

/** What the load configuration says; every field is absent where the structure is too short to hold it. */
export function readLoadConfig(
  memory: ImageMemory,
  directory: DataDirectory,
  pointerSize: 4 | 8,
): LoadConfig {
  const fields = FIELDS[pointerSize];
  const { rva } = directory;
  const size = memory.u32At(rva) ?? 0;
  const slot = (field: number): number | null =>
    field + pointerSize <= size ? (memory.pointerAt(rva + field) ?? null) : null;
  return {
    guardSlots: {
      check: slot(fields.check),
      dispatch: slot(fields.dispatch),
      xfgCheck: slot(fields.xfgCheck),
      xfgDispatch: slot(fields.xfgDispatch),
    },
    isHybrid: slot(fields.hybrid) !== null,
  };
}
