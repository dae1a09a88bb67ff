/** The only file that imports pe-library: takes the version resources out of an image's resource section. */
import { Format, NtExecutable, NtExecutableResource } from 'pe-library';
import type { GuardedBytes } from './guarded-bytes.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** RT_VERSION. */
const VERSION_TYPE = 16;
/** Languages of one version resource are a few; pe-library would walk every path through tables that point back. */
const MAX_VERSION_LEAVES = 64;
/** The longest name that a table may have, as pe-library reads it into a string whatever it says. */
const MAX_NAME_LENGTH = 256;
/** A version resource counts its length in 16 bits. */
const MAX_VERSION_SIZE = 65_536;
/** Tables and version data stand before icons and firmware in every section seen; this is what is copied. */
const MAX_COPIED = 16 * 1024 * 1024;
const TABLE_HEADER_SIZE = 16;
const ENTRY_SIZE = 8;
const IS_TABLE = 0x80000000;

export interface VersionResource {
  /** Windows language identifier: 0x409 is English (United States), 0 neutral. */
  language: number;
  bytes: Uint8Array;
}

/** Every version resource, one per language. Throws what pe-library throws; the caller turns that into a remark. */
export function readVersionResources(memory: ImageMemory, directory: DataDirectory): VersionResource[] {
  const section = memory.from(directory.rva, MAX_COPIED);
  const entry = findVersionEntry(section);
  if (entry === undefined) return [];
  assertSmallTree(section, entry, directory.rva);
  const resources = NtExecutableResource.from(onlyVersions(section, entry, directory.rva), true);
  return resources.entries.map(({ lang, bin }) => ({
    language: typeof lang === 'number' ? lang : 0,
    bytes: new Uint8Array(bin),
  }));
}

/** Where the root table's entry for version resources stands. Names come first, then numbers. */
function findVersionEntry(section: GuardedBytes): number | undefined {
  if (!section.holds(0, TABLE_HEADER_SIZE)) return undefined;
  const count = section.u16(12) + section.u16(14);
  for (let index = section.u16(12); index < count; index++) {
    const entry = TABLE_HEADER_SIZE + index * ENTRY_SIZE;
    if (!section.holds(entry, ENTRY_SIZE)) return undefined;
    if (section.u32(entry) === VERSION_TYPE && section.u32(entry + 4) >= IS_TABLE) return entry;
  }
  return undefined;
}

/** Tables may share sub-tables and leaves may claim gigabytes, so the work is counted before it is handed over. */
function assertSmallTree(section: GuardedBytes, versionEntry: number, baseRva: number): void {
  let leaves = 0;
  for (const name of entriesOf(section, section.u32(versionEntry + 4))) {
    if (name.target < IS_TABLE) continue;
    for (const language of entriesOf(section, name.target)) {
      if (++leaves > MAX_VERSION_LEAVES) throw new Error('Too many version resources.');
      if (language.target >= IS_TABLE) continue;
      const dataOffset = section.u32(language.target) - baseRva;
      const size = section.u32(language.target + 4);
      if (size > MAX_VERSION_SIZE || !section.holds(dataOffset, size)) {
        throw new Error('A version resource goes past its section.');
      }
    }
  }
}

function entriesOf(section: GuardedBytes, tableOffset: number): { target: number }[] {
  const table = tableOffset % IS_TABLE;
  const named = section.u16(table + 12);
  const count = named + section.u16(table + 14);
  if (count > MAX_VERSION_LEAVES) throw new Error('Too many resource entries.');
  return Array.from({ length: count }, (_, index) => {
    const entry = table + TABLE_HEADER_SIZE + index * ENTRY_SIZE;
    const nameAt = section.u32(entry) % IS_TABLE;
    if (index < named && section.u16(nameAt) > MAX_NAME_LENGTH)
      throw new Error('A resource name is too long.');
    return { target: section.u32(entry + 4) };
  });
}

/**
 * A copy that pe-library can take: an image of its own making with one section, whose root table lists versions alone.
 * So no certificate, symbol table, odd header or other resource of the real file can make it throw or copy megabytes,
 * and the copy owns its buffer, because pe-library reads past a view into the buffer behind it.
 */
function onlyVersions(section: GuardedBytes, versionEntry: number, baseRva: number): NtExecutable {
  const data = new Uint8Array(section.bytes);
  const view = new DataView(data.buffer);
  view.setUint16(12, 0, true);
  view.setUint16(14, 1, true);
  data.copyWithin(TABLE_HEADER_SIZE, versionEntry, versionEntry + ENTRY_SIZE);
  const image = NtExecutable.createEmpty();
  image.setSectionByEntry(Format.ImageDirectoryEntry.Resource, {
    data: data.buffer,
    info: {
      name: '.rsrc',
      virtualSize: data.length,
      virtualAddress: 0,
      sizeOfRawData: data.length,
      pointerToRawData: 0,
      pointerToRelocations: 0,
      pointerToLineNumbers: 0,
      numberOfRelocations: 0,
      numberOfLineNumbers: 0,
      characteristics: 0x40000040,
    },
  });
  // pe-library chose an address of its own; the data's addresses count from the real one.
  const placed = image.getSectionByEntry(Format.ImageDirectoryEntry.Resource);
  if (placed !== null) placed.info.virtualAddress = baseRva;
  image.newHeader.optionalHeaderDataDirectory.set(Format.ImageDirectoryEntry.Resource, {
    virtualAddress: baseRva,
    size: data.length,
  });
  return image;
}
