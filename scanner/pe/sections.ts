/** Turns the section table into sections as the loader would map them: sorted, apart from each other, zero-copy. */
import type { RefusalReason } from '../../data/facts.ts';
import type { GuardedBytes } from './guarded-bytes.ts';
import type { Section } from './image-facts.ts';
import type { ImageHeaders, SectionHeader } from './image-headers.ts';

const NO_BYTES = new Uint8Array(0);
const PAGE = 0x1000;
/** The loader reads sections from whole sectors, so it ignores the lower bits of the file offset. */
const SECTOR = 0x200;
const HAS_CODE = 0x20;
const EXECUTABLE = 0x20000000;
const WRITABLE = 0x80000000;

/** The sections, or the refusal of a file that ends before them. `remarks` gets what was put right. */
export function readSections(
  file: GuardedBytes,
  headers: ImageHeaders,
  remarks: string[],
): Section[] | RefusalReason {
  const missing = bytesMissing(file, headers.sections);
  if (missing > 0) {
    return {
      code: 'truncated',
      message: `The file is cut short: it has ${file.length} bytes, and its sections need ${missing} more.`,
    };
  }
  const mapped = headers.sections
    .map(header => mapSection(file, header, headers.sectionAlignment))
    .filter(section => section.virtualSize > 0)
    .sort((a, b) => a.rva - b.rva);
  const apart = keepApart(mapped);
  if (apart.some((section, index) => section !== mapped[index])) {
    remarks.push('Sections overlap; each was cut where the next one begins.');
  }
  return apart;
}

function bytesMissing(file: GuardedBytes, sections: readonly SectionHeader[]): number {
  let end = 0;
  for (const { fileOffset, fileSize } of sections) {
    if (fileSize > 0 && fileOffset > 0) end = Math.max(end, fileOffset + fileSize);
  }
  return end - file.length;
}

function mapSection(file: GuardedBytes, header: SectionHeader, sectionAlignment: number): Section {
  const wanted = header.virtualSize === 0 ? header.fileSize : header.virtualSize;
  const virtualSize = Math.min(wanted, 0x1_0000_0000 - header.rva);
  // Images aligned below a page are mapped as they lie in the file, byte by byte.
  const fileOffset =
    sectionAlignment >= PAGE ? header.fileOffset - (header.fileOffset % SECTOR) : header.fileOffset;
  const mappable = Math.ceil(virtualSize / PAGE) * PAGE;
  const size = header.fileOffset === 0 ? 0 : Math.min(header.fileSize, mappable);
  return {
    name: header.name,
    rva: header.rva,
    virtualSize,
    bytes: size === 0 ? NO_BYTES : file.slice(fileOffset, size),
    executable: (header.characteristics & (EXECUTABLE | HAS_CODE)) !== 0,
    writable: (header.characteristics & WRITABLE) !== 0,
  };
}

/** Of sections that overlap, each ends where the next begins; one that is left with nothing is dropped. */
function keepApart(sorted: readonly Section[]): Section[] {
  const apart: Section[] = [];
  sorted.forEach((section, index) => {
    const room = (sorted[index + 1]?.rva ?? Number.POSITIVE_INFINITY) - section.rva;
    if (room === 0) return;
    const fits = section.virtualSize <= room && section.bytes.length <= room;
    apart.push(
      fits
        ? section
        : {
            ...section,
            virtualSize: Math.min(section.virtualSize, room),
            bytes: section.bytes.subarray(0, Math.min(section.bytes.length, room)),
          },
    );
  });
  return apart;
}
