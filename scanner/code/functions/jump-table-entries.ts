/**
 * The entries of x86's jump tables, which the loader relocates like pointers to functions, but which lead into functions. On other
 * processors compilers write distances.
 */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { lastAddressNotAbove, sectionOf } from '../bytes/address-search.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import { readInt32 } from '../bytes/little-endian.ts';

/**
 * Whether the displacement at `offset` is that of [table + register*4], in anything but a call. `lea` reads nothing: it leads to a row of
 * a table of structures, which may have functions in it.
 */
function readsTable(bytes: Uint8Array, offset: number): boolean {
  const modrm = bytes[offset - 2];
  const isScaledByFour = (modrm & 0xc7) === 0x04 && (bytes[offset - 1] & 0xc7) === 0x85;
  const isCall = bytes[offset - 3] === 0xff && ((modrm >> 3) & 7) === 2;
  const isAddress = bytes[offset - 3] === 0x8d;
  return isScaledByFour && !isCall && !isAddress;
}

/** Whether the constant at `offset` is that of gcc without optimisation: `add eax, table; mov eax, [eax]; jmp eax`. */
function isAddedTable(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset - 1] !== 0x05 || bytes[offset + 4] !== 0x8b || bytes[offset + 5] !== 0x00) return false;
  const jump = offset + (bytes[offset + 6] === 0x3e ? 7 : 6); // `notrack`
  return bytes[jump] === 0xff && bytes[jump + 1] === 0xe0;
}

/** Whether the address at `offset` is handed on as it is, by `push` or `mov register`: what is read by a register may begin elsewhere. */
function namesExactly(bytes: Uint8Array, offset: number): boolean {
  const opcode = bytes[offset - 1];
  return opcode === 0x68 || (opcode & 0xf8) === 0xb8;
}

/** The first address from `rva` on that code hands on: something else begins there. */
function nextHandedOn(index: CodeIndex, code: Section[], rva: number, limit: number): number {
  const isHandedOn = (site: number) => {
    const section = sectionOf(code, site);
    return section !== undefined && namesExactly(section.bytes, site - section.rva);
  };
  let next = index.nextReference(rva, limit);
  while (next < limit && !index.referencesTo(next).some(isHandedOn))
    next = index.nextReference(next + 1, limit);
  return next;
}

/**
 * RVAs of the entries of jump tables: relocated pointers to code in a row that code reads by an index, up to a table of functions that may
 * stand right behind. Rows of a name and a function are read alike.
 */
export function jumpTableEntries(image: DriverImage, index: CodeIndex, code: Section[]): Set<number> {
  const { relocations } = image;
  const entries = new Set<number>();
  for (let i = 0; i < relocations.length; i++) {
    const at = relocations[i];
    const section = sectionOf(code, at);
    if (section === undefined) continue;
    const { bytes } = section;
    const offset = at - section.rva;
    const isTableJump = (offset >= 3 && readsTable(bytes, offset)) || isAddedTable(bytes, offset);
    const table = isTableJump ? ((readInt32(bytes, offset) >>> 0) - image.imageBase) | 0 : 0;
    const first = isTableJump ? lastAddressNotAbove(relocations, table) : -1;
    if (first < 0 || relocations[first] !== table || !leadsToCode(image, code, table)) continue;
    let last = first;
    while (relocations[last + 1] === relocations[last] + 4 && leadsToCode(image, code, relocations[last + 1]))
      last++;
    const end = nextHandedOn(index, code, table + 1, relocations[last] + 1);
    for (let n = first; n <= last && relocations[n] < end; n++) entries.add(relocations[n]);
  }
  return entries;
}

function leadsToCode(image: DriverImage, code: Section[], rva: number): boolean {
  const target = image.pointerAt(rva);
  return target !== undefined && sectionOf(code, target) !== undefined;
}
