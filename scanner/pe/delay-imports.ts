/** Reads the delay-load table, whose DLLs are loaded when one of their functions is first called. */
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';
import { type ImportList, MAX_IMPORT_DLLS, readThunks } from './imports.ts';

const DESCRIPTOR_SIZE = 32;
/** Bit 0 of Attributes: fields are RVAs. Visual C++ 6 left it clear and wrote virtual addresses. */
const FIELDS_ARE_RVAS = 1;

/** Adds every function of the delay-import directory to `list`. */
export function readDelayImports(
  memory: ImageMemory,
  directory: DataDirectory,
  pointerSize: 4 | 8,
  list: ImportList,
): void {
  const table = memory.from(directory.rva);
  const count = Math.min(MAX_IMPORT_DLLS, Math.floor(table.length / DESCRIPTOR_SIZE));
  for (let index = 0; index < count; index++) {
    const row = index * DESCRIPTOR_SIZE;
    const hasRvas = (table.u32(row) & FIELDS_ARE_RVAS) !== 0;
    const toRva = (field: number) => (hasRvas ? field : memory.rvaOf(field, 0));
    const dllField = table.u32(row + 4);
    const slotsField = table.u32(row + 12);
    const namesField = table.u32(row + 16);
    if (dllField === 0 || slotsField === 0) return;
    const dllRva = toRva(dllField);
    const slotsRva = toRva(slotsField);
    const namesRva = toRva(namesField);
    if (dllRva === undefined || slotsRva === undefined || namesRva === undefined) continue;
    readThunks(memory, pointerSize, { dllRva, namesRva, slotsRva, delayed: true, toRva }, list);
  }
}
