/** A PositionalFile over bytes in memory, that counts what is asked of it. */
import type { PositionalFile } from '../../../scanner/pdb/msf-container.ts';

export interface MemoryFile extends PositionalFile {
  /** Bytes that were read so far. */
  bytesRead: number;
}

export function memoryFile(bytes: Uint8Array): MemoryFile {
  return {
    sizeBytes: bytes.length,
    bytesRead: 0,
    read(offset, length) {
      const part = bytes.slice(offset, offset + length);
      this.bytesRead += part.length;
      return part;
    },
  };
}
