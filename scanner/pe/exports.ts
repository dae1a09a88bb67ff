/** Reads the export table: what an image offers to others, by name or by number alone. */
import type { ExportedFunction } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** Ordinals have 16 bits. */
const MAX_EXPORTS = 65_536;
const MAX_EXPORT_NAME = 4096;
/** All names together: 65,536 entries may all point at one long string. */
const MAX_NAME_BYTES = 4 * 1024 * 1024;
const EXPORT_DIRECTORY_SIZE = 40;

/** Exports that are code or data of this image; forwarders (names of another DLL's function) are left out. */
export function readExports(memory: ImageMemory, directory: DataDirectory): ExportedFunction[] {
  const table = memory.from(directory.rva);
  if (!table.holds(0, EXPORT_DIRECTORY_SIZE)) return [];
  const functions = memory.from(table.u32(28), table.u32(20) * 4);
  const names = memory.from(table.u32(32), table.u32(24) * 4);
  const ordinals = memory.from(table.u32(36), table.u32(24) * 2);
  const count = Math.min(MAX_EXPORTS, Math.floor(names.length / 4), Math.floor(ordinals.length / 2));
  const found: ExportedFunction[] = [];
  const named = new Set<number>();
  const rvaAt = (row: number) => {
    const rva = functions.holds(row, 4) ? functions.u32(row) : 0;
    const isForwarder = rva >= directory.rva && rva < directory.rva + directory.size;
    return rva === 0 || isForwarder || memory.sectionAt(rva) === undefined ? undefined : rva;
  };
  let nameBytesLeft = MAX_NAME_BYTES;
  for (let index = 0; index < count && nameBytesLeft > 0; index++) {
    const row = ordinals.u16(index * 2) * 4;
    const rva = rvaAt(row);
    if (rva === undefined) continue;
    const name = memory.nameAt(names.u32(index * 4), MAX_EXPORT_NAME);
    nameBytesLeft -= name === undefined ? MAX_EXPORT_NAME : name.length + 1;
    if (name === undefined || name === '') continue;
    found.push({ name, rva });
    named.add(rva);
  }
  const rows = Math.min(MAX_EXPORTS, Math.floor(functions.length / 4));
  for (let row = 0; row < rows; row++) {
    const rva = rvaAt(row * 4);
    if (rva !== undefined && !named.has(rva)) found.push({ name: null, rva });
  }
  return found;
}
