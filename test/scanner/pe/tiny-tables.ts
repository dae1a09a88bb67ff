/** Writes the tables of a tiny image that lie in its read-only data. */
import { ByteWriter } from './byte-writer.ts';
import { type Directories, isWide, TINY_BASE, TINY_RVA, type TinyImage } from './tiny-image-spec.ts';

/** Imports, exports, debug data, load configuration and .NET header, as far as they are asked for. */
export function readOnlyData(spec: TinyImage, directories: Directories): Uint8Array {
  const w = new ByteWriter(TINY_RVA.rdata);
  if (spec.imports) writeImports(w, spec, spec.imports, directories);
  if (spec.delayImports) writeDelayImports(w, spec, spec.delayImports, directories);
  if (spec.exports) writeExports(w, spec.exports, directories);
  if (spec.pdbPath !== undefined || spec.isReproducible) writeDebug(w, spec, directories);
  if (spec.guard || spec.isHybrid) writeLoadConfig(w, spec, directories);
  if (spec.isManaged) {
    directories[14] = { rva: w.align(8).here, size: 72 };
    w.u32(72).raw(new Uint8Array(68));
  }
  return w.bytes;
}

function pointer(w: ByteWriter, spec: TinyImage, low: number, high: number): void {
  w.u32(low);
  if (isWide(spec)) w.u32(high);
}

/** One thunk array: names by address, ordinals with the top bit, a zero at the end. */
function writeThunks(
  w: ByteWriter,
  spec: TinyImage,
  functions: (string | number)[],
  names: number[],
): number {
  const start = w.align(8).here;
  functions.forEach((f, i) => {
    if (typeof f === 'string') pointer(w, spec, names[i], 0);
    else if (isWide(spec)) w.u32(f, 0x80000000);
    else w.u32(0x80000000 + f);
  });
  pointer(w, spec, 0, 0);
  return start;
}

function writeNames(w: ByteWriter, functions: (string | number)[]): number[] {
  return functions.map(f => {
    const at = w.align(2).here;
    if (typeof f === 'string') w.u16(0).name(f);
    return at;
  });
}

function writeImports(
  w: ByteWriter,
  spec: TinyImage,
  imports: Record<string, (string | number)[]>,
  directories: Directories,
): void {
  const rows = Object.entries(imports).map(([dll, functions]) => {
    const dllRva = w.here;
    w.name(dll);
    const names = writeNames(w, functions);
    return [writeThunks(w, spec, functions, names), 0, 0, dllRva, writeThunks(w, spec, functions, names)];
  });
  directories[1] = { rva: w.align(4).here, size: (rows.length + 1) * 20 };
  for (const row of rows) w.u32(...row);
  w.u32(0, 0, 0, 0, 0);
}

function writeDelayImports(
  w: ByteWriter,
  spec: TinyImage,
  imports: Record<string, (string | number)[]>,
  directories: Directories,
): void {
  const base = spec.delayFieldsAreAddresses ? TINY_BASE.x86 : 0;
  const rows = Object.entries(imports).map(([dll, functions]) => {
    const dllRva = w.here;
    w.name(dll);
    const names = writeNames(w, functions).map(name => name + base);
    const namesRva = writeThunks(w, spec, functions, names);
    const slotsRva = writeThunks(w, spec, functions, names);
    return [base === 0 ? 1 : 0, dllRva + base, 0, slotsRva + base, namesRva + base, 0, 0, 0];
  });
  directories[13] = { rva: w.align(4).here, size: (rows.length + 1) * 32 };
  for (const row of rows) w.u32(...row);
  w.raw(new Uint8Array(32));
}

/** A name that begins with # is of an export by number alone. */
function writeExports(
  w: ByteWriter,
  exports: Record<string, number | string>,
  directories: Directories,
): void {
  const start = w.align(4).here;
  const names = Object.keys(exports);
  const count = names.length;
  const named = names.filter(name => !name.startsWith('#'));
  const tables = start + 40;
  const ordinals = tables + (count + named.length) * 4;
  w.u32(0, 0, 0, 0, 1, count, named.length, tables, tables + count * 4, ordinals);
  w.raw(new Uint8Array((count + named.length) * 4));
  for (const name of named) w.u16(names.indexOf(name));
  Object.entries(exports).forEach(([name, target], index) => {
    if (named.includes(name)) w.patchU32(tables + (count + named.indexOf(name)) * 4, w.here).name(name);
    if (typeof target === 'number') w.patchU32(tables + index * 4, target);
    else w.patchU32(tables + index * 4, w.here).name(target);
  });
  directories[0] = { rva: start, size: w.here - start };
}

function writeDebug(w: ByteWriter, spec: TinyImage, directories: Directories): void {
  const entries: [type: number, rva: number, size: number][] = [];
  if (spec.pdbPath !== undefined) {
    const at = w.align(4).here;
    const guid = Array.from({ length: 16 }, (_, i) => i + 1);
    w.raw(Buffer.from('RSDS'))
      .raw(guid)
      .u32(3)
      .raw(Buffer.from(`${spec.pdbPath}\0`));
    entries.push([2, at, w.here - at]);
  }
  if (spec.reproHash) {
    const at = w.align(4).here;
    w.u32(spec.reproHashLength ?? spec.reproHash.length).raw(spec.reproHash);
    entries.push([16, at, w.here - at]);
  } else if (spec.isReproducible) entries.push([16, 0, 0]);
  directories[6] = { rva: w.align(4).here, size: entries.length * 28 };
  for (const [type, rva, size] of entries) w.u32(0, 0, 0, type, size, rva, 0);
}

function writeLoadConfig(w: ByteWriter, spec: TinyImage, directories: Directories): void {
  const wide = isWide(spec);
  const size = wide ? 0x140 : 0xc0;
  const at = w.align(8).here;
  directories[10] = { rva: at, size };
  w.u32(size).raw(new Uint8Array(size - 4));
  const patch = (field: number, rva: number) => {
    const address = TINY_BASE[spec.arch] + rva;
    w.patchU32(at + field, address % 0x1_0000_0000);
    if (wide) w.patchU32(at + field + 4, Math.floor(address / 0x1_0000_0000));
  };
  if (spec.guard) {
    patch(wide ? 112 : 72, spec.guard.check);
    patch(wide ? 120 : 76, spec.guard.dispatch);
  }
  if (spec.isHybrid) patch(wide ? 200 : 124, TINY_RVA.rdata);
}
