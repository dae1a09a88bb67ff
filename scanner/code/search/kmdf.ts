/** KMDF: where a driver keeps the table of framework functions. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { isRelocated } from '../bytes/relocated-pointers.ts';
import type { Callee } from '../facts/callee.ts';
import { directCallee, type FunctionTable } from '../facts/sinks.ts';
import { KMDF_FUNCTIONS, KMDF_QUERY_INTERFACE } from '../pool/pool-functions.ts';
import type { Processor } from '../processors/processor.ts';

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
    const queryAt = KMDF_QUERY_INTERFACE * pointerSize;
    const tables = [{ variableRva: filledRva, callees: new Map(callees), queryAt }];
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
