/** Reads the import table: which function the loader puts into which slot. */
import type { ImportedFunction } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** Far beyond any driver (ntoskrnl.exe imports from about 20); ends a table that never ends. */
export const MAX_IMPORT_DLLS = 1024;
/** All slots of one image together, readable or not; large drivers have a few thousand. */
const MAX_SLOTS = 65_536;
/** MSVC cuts decorated names at 4,096 characters. */
const MAX_FUNCTION_NAME = 4096;
const MAX_DLL_NAME = 260;
/** All names together, so that 65,536 slots cannot name one 4,096-byte string each. */
const MAX_NAME_BYTES = 4 * 1024 * 1024;
const DESCRIPTOR_SIZE = 20;

/** What a reader of import tables adds to, and what it may still spend. */
export interface ImportList {
  readonly found: ImportedFunction[];
  slotsLeft: number;
  nameBytesLeft: number;
}

/** An empty list with its full allowance. */
export function newImportList(): ImportList {
  return { found: [], slotsLeft: MAX_SLOTS, nameBytesLeft: MAX_NAME_BYTES };
}

/** One DLL's two parallel arrays of thunks: where the names are listed, and the slots that code calls through. */
export interface ThunkTables {
  dllRva: number;
  namesRva: number;
  slotsRva: number;
  delayed: boolean;
  /** What a name entry holds, as an RVA (old delay imports hold virtual addresses). */
  toRva(entry: number): number | undefined;
}

/** Adds every function of the import directory to `list`; slots are by FirstThunk, names by OriginalFirstThunk. */
export function readImports(
  memory: ImageMemory,
  directory: DataDirectory,
  pointerSize: 4 | 8,
  list: ImportList,
): void {
  const table = memory.from(directory.rva);
  const count = Math.min(MAX_IMPORT_DLLS, Math.floor(table.length / DESCRIPTOR_SIZE));
  for (let index = 0; index < count; index++) {
    const row = index * DESCRIPTOR_SIZE;
    const originalFirstThunk = table.u32(row);
    const dllRva = table.u32(row + 12);
    const firstThunk = table.u32(row + 16);
    if (dllRva === 0 || firstThunk === 0) return;
    readThunks(
      memory,
      pointerSize,
      {
        dllRva,
        // Old Borland linkers write no name table; the slots hold the names until the image is loaded.
        namesRva:
          memory.sectionAt(originalFirstThunk) === undefined || originalFirstThunk === 0
            ? firstThunk
            : originalFirstThunk,
        slotsRva: firstThunk,
        delayed: false,
        toRva: entry => entry,
      },
      list,
    );
  }
}

/** Adds one DLL's functions to `list`. */
export function readThunks(
  memory: ImageMemory,
  pointerSize: 4 | 8,
  tables: ThunkTables,
  list: ImportList,
): void {
  const dll = dllName(memory.nameAt(tables.dllRva, MAX_DLL_NAME));
  if (dll === undefined) return;
  const names = memory.from(tables.namesRva);
  const count = Math.floor(names.length / pointerSize);
  for (let index = 0; index < count; index++) {
    const low = names.u32(index * pointerSize);
    const high = pointerSize === 8 ? names.u32(index * pointerSize + 4) : low;
    if (low === 0 && (pointerSize === 4 || high === 0)) return;
    if (isExhausted(list)) return;
    list.slotsLeft--;
    const slotRva = tables.slotsRva + index * pointerSize;
    if (high >= 0x80000000) {
      list.found.push({ dll, name: null, ordinal: low & 0xffff, slotRva, delayed: tables.delayed });
      continue;
    }
    const entryRva = tables.toRva(low);
    if (entryRva === undefined) continue;
    const name = memory.nameAt(entryRva + 2, MAX_FUNCTION_NAME);
    list.nameBytesLeft -= name === undefined ? MAX_FUNCTION_NAME : name.length + 1;
    if (name === undefined || name === '') continue;
    list.found.push({ dll, name, ordinal: null, slotRva, delayed: tables.delayed });
  }
}

/** Whether the allowance is used up: the rest of such a table is not read. */
export function isExhausted(list: ImportList): boolean {
  return list.slotsLeft <= 0 || list.nameBytesLeft <= 0;
}

function dllName(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === '') return undefined;
  const lower = raw.toLowerCase();
  return lower.includes('.') ? lower : `${lower}.dll`;
}
