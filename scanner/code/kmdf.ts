/** KMDF: where a driver keeps the table of framework functions, and the tag it gets when it names none. */
import type { DriverIdentity } from '../../data/facts.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import { KMDF_FUNCTIONS } from './pool-functions.ts';
import type { Processor } from './processor.ts';
import { type Callee, directCallee, type FunctionTable } from './sinks.ts';
import { isRelocated } from './static-memory.ts';

const LIBRARY_NAME = 'KmdfLibrary';

/** Up to this minor version WdfVersionBind copies the functions into the driver; later it leaves their table's address there. */
const LAST_COPIED_VERSION = 9;

/**
 * How a KMDF driver reaches the framework: WDF_BIND_INFO names the library "KmdfLibrary" and, behind it, what
 * WdfVersionBind fills: since 1.11 a variable with the address of the table, before an array of the driver's own, so that
 * its elements are called like import slots. Nothing for other drivers.
 * Source: wdfbindinfo in Windows-Driver-Frameworks (MIT): Size, Component, Version (12 bytes), FuncCount, FuncTable;
 * the array is seen in drivers of 1.9.
 */
export function findKmdfFunctions(
  image: DriverImage,
  processor: Processor,
): { tables: FunctionTable[]; slots: [slotRva: number, callee: Callee][] } {
  const nameRva = findUtf16(image, LIBRARY_NAME);
  if (nameRva === undefined) return { tables: [], slots: [] };
  const { pointerSize } = processor;
  for (const at of image.relocations) {
    if (image.pointerAt(at) !== nameRva) continue;
    const tableAt = at + pointerSize + 16;
    const filledRva = isRelocated(image.relocations, tableAt) ? image.pointerAt(tableAt) : undefined;
    if (filledRva === undefined) continue;
    const callees = KMDF_FUNCTIONS.map(({ index, poolFunction }): [number, Callee] => [
      index * pointerSize,
      directCallee(poolFunction, 'wdf01000.sys', processor),
    ]);
    // The pointer is looked for with every version: in an array its place is another function, through which nobody reads.
    const tables = [{ variableRva: filledRva, callees: new Map(callees) }];
    const isCopied = (image.u32At(at + pointerSize + 4) ?? Infinity) <= LAST_COPIED_VERSION;
    return { tables, slots: isCopied ? callees.map(([offset, callee]) => [filledRva + offset, callee]) : [] };
  }
  return { tables: [], slots: [] };
}

/**
 * RVA of a NUL-terminated UTF-16LE string in the image's data. Compilers put such at even addresses, and two bytes at a
 * time its first letter is rare: looked for by bytes, it took 26 ms of a cold scan of 8 MB.
 */
function findUtf16(image: DriverImage, text: string): number | undefined {
  const wanted = unitsOf(
    Uint8Array.from([...`${text}\0`].flatMap(character => [character.charCodeAt(0), 0])),
  );
  for (const { bytes, rva } of image.sections) {
    const units = unitsOf(bytes);
    for (let p = units.indexOf(wanted[0]); p >= 0; p = units.indexOf(wanted[0], p + 1)) {
      if (wanted.every((unit, i) => units[p + i] === unit)) return rva + 2 * p;
    }
  }
  return undefined;
}

/** The bytes in pairs, where they stand at an even place of their buffer without a copy. */
function unitsOf(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint16Array(buffer, byteOffset, length >> 1);
}

/** The literal `Ddk `, which KMDF takes for "no tag". */
const OLD_DEFAULT = 0x206b6444;

/** Whether KMDF would use its own rule in place of this value of DriverPoolTag. */
export function isKmdfDefault(driverPoolTag: number): boolean {
  return driverPoolTag === 0 || driverPoolTag === OLD_DEFAULT;
}

/** The names that a file has, and had when it was made. */
export type DriverNames = Pick<DriverIdentity, 'fileName'> &
  Partial<Pick<DriverIdentity, 'originalName' | 'pdbName'>>;

/** Names that are quoted; a service's may be longer, but none is in use. */
const MAX_NAME = 64;
/** Collections of files name them by a hash. */
const HASH = /^[0-9a-f]{32,}$/i;

/**
 * The tag of a driver that names none, and by which rule. KMDF takes the service's name, which is nearly always the file's.
 * A file that was renamed since (`foo(1).sys`, a hash) has its first name in its version resource, and mostly in its PDB's
 * name: one of them that gives the file's own tag settles it, else the version resource is believed. A PDB alone is
 * believed against a hash only, since a project may be called otherwise than its driver.
 */
export function kmdfDefault({ fileName, originalName, pdbName }: DriverNames): {
  tag?: string;
  rule: string;
} {
  const [file, original, pdb] = [fileName, originalName ?? '', pdbName ?? ''].map(baseName);
  const own = kmdfDefaultTag(file);
  const others = [original, pdb].filter(isQuotable);
  const isSettled = others.length === 0 || others.some(name => isSameTag(kmdfDefaultTag(name), own));
  if (isSettled) return { tag: own, rule: ruleOf('taken from the file name') };
  if (isQuotable(original)) {
    const why = `taken to be ${original}, which the version resource calls the file; in doubt, since the file has another name now`;
    return { tag: kmdfDefaultTag(original), rule: ruleOf(why) };
  }
  if (HASH.test(file)) {
    const why = `taken to be ${pdb}, as its PDB is called; in doubt, since the file is named by a hash`;
    return { tag: kmdfDefaultTag(pdb), rule: ruleOf(why) };
  }
  const why = `taken from the file name; in doubt, since its PDB is called ${pdb}`;
  return { tag: own, rule: ruleOf(why) };
}

function ruleOf(why: string): string {
  return `KMDF: the first four characters of the service name (${why}), less a leading WDF`;
}

function baseName(file: string): string {
  return file.replace(/\.mui$/i, '').replace(/\.[^.]*$/, '');
}

function isQuotable(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME && kmdfDefaultTag(name) !== undefined;
}

function isSameTag(a: string | undefined, b: string | undefined): boolean {
  return a?.toLowerCase() === b?.toLowerCase();
}

/**
 * The tag KMDF computes from a service name: a leading WDF is dropped; two or fewer characters left give `FxDr`, three
 * those and a NUL, else the first four.
 * Source: fxdriver.cpp of Windows-Driver-Frameworks (MIT). Undefined where the name is not plain ASCII.
 */
function kmdfDefaultTag(serviceName: string): string | undefined {
  const service = serviceName.replace(/^wdf/i, '');
  if (!/^[\x20-\x7e]*$/.test(service)) return undefined;
  if (service.length <= 2) return 'FxDr';
  return service.length === 3 ? `${service}\0` : service.slice(0, 4);
}
