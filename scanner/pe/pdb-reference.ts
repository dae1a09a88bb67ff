/** Reads which PDB an image names, and nothing else: what must be known before a symbol file is looked for. */
import { NO_DEBUG_FACTS, readDebugDirectory } from './debug-directory.ts';
import { GuardedBytes, PastTheEnd } from './guarded-bytes.ts';
import { DIRECTORY, readImageHeaders } from './image-headers.ts';
import { ImageMemory } from './image-memory.ts';
import { readSections } from './sections.ts';

/** As in DriverImage: the PDB's file name without folders, and its GUID and age; both null where the image names none. */
export interface PdbReference {
  pdbName: string | null;
  pdbId: string | null;
}

/** The PDB that an image names. Never throws for what the bytes hold; what is no image names none. */
export function readPdbReference(bytes: Uint8Array): PdbReference {
  const file = new GuardedBytes(bytes);
  const headers = readImageHeaders(file);
  if ('code' in headers) return NO_DEBUG_FACTS;
  const directory = headers.directories[DIRECTORY.debug];
  const sections = readSections(file, headers, []);
  if ('code' in sections || directory === undefined || directory.rva === 0) return NO_DEBUG_FACTS;
  const base = { low: headers.imageBaseLow, high: headers.imageBaseHigh };
  const memory = new ImageMemory(sections, base, headers.arch === 'x86' ? 4 : 8, headers.sizeOfImage);
  try {
    return readDebugDirectory(memory, file, directory);
  } catch (error) {
    if (error instanceof PastTheEnd) return NO_DEBUG_FACTS;
    throw error;
  }
}
