/** Reads the export table: the names under which an image offers its functions. */
import type { ExportedFunction } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** Ordinals have 16 bits. */
const MAX_EXPORTS = 65_536;
const MAX_EXPORT_NAME = 4096;
/** All names together: 65,536 entries may all point at one long string. */
const MAX_NAME_BYTES = 4 * 1024 * 1024;
const EXPORT_DIRECTORY_SIZE = 40;

/** Named exports that are code or data of this image; forwarders (names of another DLL's function) are left out. */
export function readExports(memory: ImageMemory, directory: DataDirectory): ExportedFunction[] {
  const table = memory.from(directory.rva);
  if (!table.holds(0, EXPORT_DIRECTORY_SIZE)) return [];
  const functions = memory.from(table.u32(28), table.u32(20) * 4);
  const names = memory.from(table.u32(32), table.u32(24) * 4);
  const ordinals = memory.from(table.u32(36), table.u32(24) * 2);
  const count = Math.min(MAX_EXPORTS, Math.floor(names.length / 4), Math.floor(ordinals.length / 2));
  const found: ExportedFunction[] = [];
  let nameBytesLeft = MAX_NAME_BYTES;
  for (let index = 0; index < count && nameBytesLeft > 0; index++) {
    const row = ordinals.u16(index * 2) * 4;
    if (!functions.holds(row, 4)) continue;
    const rva = functions.u32(row);
    const isForwarder = rva >= directory.rva && rva < directory.rva + directory.size;
    if (rva === 0 || isForwarder || memory.sectionAt(rva) === undefined) continue;
    const name = memory.nameAt(names.u32(index * 4), MAX_EXPORT_NAME);
    nameBytesLeft -= name === undefined ? MAX_EXPORT_NAME : name.length + 1;
    if (name !== undefined && name !== '') found.push({ name, rva });
  }
  return found;
}
