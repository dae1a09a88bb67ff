/** Which code may call a function through data: tables of operations, variables that hold its address. */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeIndex } from './code-index.ts';

export interface DataPointers {
  /** Code that names the function's address, or data shortly before a pointer to it. */
  codeNear(functionRva: number): number[];
  /** Addresses of the data that hold a pointer to this address when the image is loaded. */
  slotsOf(rva: number): readonly number[];
  /** Whether an object of the image that code names begins with a pointer to this table: nothing is seen to keep the table in it. */
  isOfObject(tableRva: number): boolean;
}

/** A pointer this far into a table of operations is still found by the table's own address. */
export const MAX_TABLE_BYTES = 0x200;
/** Code that names one table; more is a table that everything uses, and nothing to follow. */
const MAX_SITES = 500;

/** Answers for an image; its pointers are read when one is first asked for. */
export function dataPointers(image: DriverImage, index: CodeIndex): DataPointers {
  let slotsByTarget: Map<number, number[]> | undefined;

  function readSlots(): Map<number, number[]> {
    const slots = new Map<number, number[]>();
    for (const at of image.relocations) {
      const section = image.sectionAt(at);
      const target = section === undefined || section.executable ? undefined : image.pointerAt(at);
      if (target === undefined) continue;
      const known = slots.get(target);
      if (known === undefined) slots.set(target, [at]);
      else known.push(at);
    }
    return slots;
  }

  /** Code that names an address in the table, or a variable that holds the table's address. */
  function sitesOfTable(slotRva: number): number[] {
    const sites: number[] = [];
    const low = slotRva - MAX_TABLE_BYTES;
    for (
      let rva = index.nextReference(low, slotRva + 1);
      rva <= slotRva;
      rva = index.nextReference(rva + 1, slotRva + 1)
    ) {
      sites.push(...index.referencesTo(rva));
      if (sites.length > MAX_SITES) return sites.slice(0, MAX_SITES);
    }
    for (let rva = low; rva <= slotRva; rva += image.pointerSize) {
      for (const variable of slotsOf(rva)) sites.push(...index.referencesTo(variable));
    }
    return sites.slice(0, MAX_SITES);
  }

  function slotsOf(rva: number): readonly number[] {
    slotsByTarget ??= readSlots();
    return slotsByTarget.get(rva) ?? [];
  }

  return {
    slotsOf,
    isOfObject: tableRva =>
      slotsOf(tableRva).some(
        slot => image.sectionAt(slot)?.writable === true && index.referencesTo(slot).length > 0,
      ),
    codeNear(functionRva) {
      const tables = slotsOf(functionRva).flatMap(sitesOfTable);
      return [...index.referencesTo(functionRva), ...tables];
    },
  };
}
