/** Builds valid PE images of a few kilobytes, with exactly the tables that a test asks for. */
import { ByteWriter } from './byte-writer.ts';
import { type Directories, isWide, TINY_BASE, TINY_RVA, type TinyImage } from './tiny-image-spec.ts';
import { readOnlyData } from './tiny-tables.ts';
import { resourceSection } from './tiny-version.ts';

const FILE_ALIGNMENT = 0x200;
const SIZE_OF_IMAGE = 0x6000;
const MACHINE = { x86: 0x14c, x64: 0x8664, arm64: 0xaa64 };

/** The file's bytes. The layout is fixed, so that a test can say where a byte stands. */
export function tinyImage(spec: TinyImage): Uint8Array {
  const directories = Array.from({ length: 16 }, () => ({ rva: 0, size: 0 }));
  const sections = [
    { name: '.text', rva: TINY_RVA.text, flags: 0x60000020, data: spec.code ?? new Uint8Array(64) },
    { name: '.rdata', rva: TINY_RVA.rdata, flags: 0xc0000040, data: readOnlyData(spec, directories) },
    { name: '.pdata', rva: TINY_RVA.pdata, flags: 0x40000040, data: functionTable(spec, directories) },
    { name: '.rsrc', rva: TINY_RVA.rsrc, flags: 0x40000040, data: resources(spec, directories) },
    { name: '.reloc', rva: TINY_RVA.reloc, flags: 0x42000040, data: relocationTable(spec, directories) },
  ];
  return assemble(spec, directories, sections);
}

function functionTable(spec: TinyImage, directories: Directories): Uint8Array {
  const w = new ByteWriter(TINY_RVA.pdata);
  const functions = spec.functions ?? [];
  if (functions.length === 0 || spec.arch === 'x86') return w.bytes;
  const entrySize = spec.arch === 'x64' ? 12 : 8;
  directories[3] = { rva: TINY_RVA.pdata, size: functions.length * entrySize };
  const records = TINY_RVA.pdata + functions.length * entrySize;
  const recordOf = (index: number) => records + index * 20;
  functions.forEach(({ begin, end, packed }, index) => {
    if (spec.arch === 'x64') w.u32(begin, end, recordOf(index));
    else w.u32(begin, packed ? (((end - begin) / 4) << 2) | 1 : recordOf(index));
  });
  functions.forEach(({ begin, end, parent }) => {
    if (spec.arch === 'arm64') {
      w.u32((end - begin) / 4).raw(new Uint8Array(16));
      return;
    }
    // Version 1; chained data names the parent's own entry after an even number of (no) unwind codes.
    const parentIndex = functions.findIndex(f => f.begin === parent);
    w.u32(parent === undefined ? 1 : 1 | (4 << 3));
    if (parent === undefined) w.raw(new Uint8Array(16));
    else w.u32(parent, functions[parentIndex].end, recordOf(parentIndex), 0);
  });
  return w.bytes;
}

function resources(spec: TinyImage, directories: Directories): Uint8Array {
  if (!spec.versions) return new Uint8Array(0);
  const data = resourceSection(TINY_RVA.rsrc, spec.versions);
  directories[2] = { rva: TINY_RVA.rsrc, size: data.length };
  return data;
}

function relocationTable(spec: TinyImage, directories: Directories): Uint8Array {
  const w = new ByteWriter(TINY_RVA.reloc);
  const pages = groupByPage(spec.relocations ?? []);
  for (const [page, rvas] of pages) {
    const type = isWide(spec) ? 10 : 3;
    const entries = [...rvas.map(rva => (type << 12) | (rva & 0xfff)), ...(rvas.length % 2 ? [0] : [])];
    w.u32(page, 8 + entries.length * 2).u16(...entries);
  }
  if (w.here > w.rva) directories[5] = { rva: w.rva, size: w.here - w.rva };
  return w.bytes;
}

function groupByPage(rvas: number[]): Map<number, number[]> {
  const pages = new Map<number, number[]>();
  for (const rva of rvas) pages.set(rva & ~0xfff, [...(pages.get(rva & ~0xfff) ?? []), rva]);
  return pages;
}

interface TinySection {
  name: string;
  rva: number;
  flags: number;
  data: Uint8Array;
}

function assemble(spec: TinyImage, directories: Directories, sections: TinySection[]): Uint8Array {
  const wide = isWide(spec);
  const filled = sections.filter(section => section.data.length > 0);
  const optionalSize = (wide ? 112 : 96) + 128;
  const headersSize = 0x400;
  let fileOffset = headersSize;
  const placed = filled.map(section => {
    const fileSize = Math.ceil(section.data.length / FILE_ALIGNMENT) * FILE_ALIGNMENT;
    const at = fileOffset;
    fileOffset += fileSize;
    return { ...section, fileSize, fileOffset: at };
  });
  if (spec.tail?.directory) directories[4] = { rva: fileOffset, size: spec.tail.bytes.length };
  const base = TINY_BASE[spec.arch];
  const w = new ByteWriter(0).raw(Buffer.from('MZ')).raw(new Uint8Array(0x3a)).u32(0x40);
  w.raw(Buffer.from('PE\0\0'))
    .u16(MACHINE[spec.arch], placed.length)
    .u32(spec.timestamp ?? 0, 0, 0);
  w.u16(optionalSize, wide ? 0x22 : 0x102);
  w.u16(wide ? 0x20b : 0x10b, 14).u32(0, 0, 0, TINY_RVA.text, TINY_RVA.text);
  if (wide) w.u32(base % 0x1_0000_0000, Math.floor(base / 0x1_0000_0000));
  else w.u32(TINY_RVA.rdata, base);
  w.u32(0x1000, FILE_ALIGNMENT).u16(10, 0, 0, 0, 10, 0).u32(0, SIZE_OF_IMAGE, headersSize, 0).u16(1, 0);
  w.raw(new Uint8Array(wide ? 32 : 16)).u32(0, 16);
  for (const { rva, size } of directories) w.u32(rva, size);
  for (const section of placed) {
    w.raw(Buffer.from(section.name.padEnd(8, '\0')));
    w.u32(section.data.length, section.rva, section.fileSize, section.fileOffset, 0, 0, 0, section.flags);
  }
  const file = new Uint8Array(fileOffset + (spec.tail?.bytes.length ?? 0));
  file.set(w.bytes);
  for (const section of placed) file.set(section.data, section.fileOffset);
  file.set(spec.tail?.bytes ?? [], fileOffset);
  return file;
}
