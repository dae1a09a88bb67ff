/** A DriverImage put together from its parts, for tests of the analysis alone. */
import type { DriverImage, FunctionRange, Section } from '../../../scanner/pe/image-facts.ts';

export const IMAGE_BASE = 0x400000;

/** The kernel functions that test code may call, by the RVA of their import slots. */
const SLOTS: ReadonlyMap<number, string> = new Map([
  [0x2000, 'ExAllocatePoolWithTag'],
  [0x2008, 'ExFreePoolWithTag'],
  [0x2010, 'ExInitializeNPagedLookasideList'],
  [0x2018, 'FltRegisterFilter'],
  [0x2020, 'KeBugCheck'],
  [0x2028, 'StorPortExtendedFunction'],
  [0x2040, 'RtlInitializeGenericTableAvl'],
  [0x2048, 'IoQueueWorkItem'],
  [0x2050, 'memcpy'],
  [0x2058, 'memset'],
]);

/** Where the load config says that Control Flow Guard's pointers are. */
export const GUARD_CHECK_RVA = 0x2030;
export const GUARD_DISPATCH_RVA = 0x2038;

export interface ImageParts {
  arch: DriverImage['arch'];
  sections: Section[];
  imports?: ReadonlyMap<number, string>;
  functionRanges?: FunctionRange[];
  guardSlots?: DriverImage['guardSlots'];
}

/** Pointers are what reads as an address of the image: in data where it is aligned, on x86 in code everywhere. */
export function smallImage({ arch, sections, imports, functionRanges, guardSlots }: ImageParts): DriverImage {
  const last = sections[sections.length - 1];
  const sizeOfImage = (last.rva + last.virtualSize + 0xfff) & ~0xfff;
  const sectionAt = (rva: number) => sections.find(s => rva >= s.rva && rva < s.rva + s.virtualSize);
  const u32At = (rva: number) => {
    const section = sectionAt(rva);
    if (section === undefined) return undefined;
    const at = rva - section.rva;
    return [3, 2, 1, 0].reduce((value, n) => ((value << 8) | (section.bytes[at + n] ?? 0)) >>> 0, 0);
  };
  const pointerSize = arch === 'x86' ? 4 : 8;
  const pointerAt = (rva: number) => {
    const value = u32At(rva);
    if (value === undefined || (pointerSize === 8 && u32At(rva + 4) !== 0)) return undefined;
    const target = value - IMAGE_BASE;
    return target >= sections[0].rva && target < sizeOfImage ? target : undefined;
  };
  return {
    arch,
    pointerSize,
    imageBase: IMAGE_BASE,
    sizeOfImage,
    entryPointRva: sections[0].rva,
    timestamp: 0,
    sections,
    imports: [...(imports ?? SLOTS)].map(([slotRva, name]) => ({
      dll: name.startsWith('Flt') ? 'fltmgr.sys' : 'ntoskrnl.exe',
      name,
      ordinal: null,
      slotRva,
      delayed: false,
    })),
    exports: [],
    functionRanges: arch === 'x86' ? [] : (functionRanges ?? []),
    relocations: relocationsOf(sections, pointerSize, pointerAt),
    guardSlots: guardSlots ?? { check: null, dispatch: null, xfgCheck: null, xfgDispatch: null },
    version: { company: null, product: null, description: null, version: null, originalName: null },
    pdbName: null,
    pdbId: null,
    isReproducible: false,
    reproHash: null,
    hybrid: null,
    certificates: null,
    remarks: [],
    sectionAt,
    u32At,
    pointerAt,
  };
}

/** A section whose bytes are all in the file. */
export function section(
  name: string,
  rva: number,
  bytes: Uint8Array,
  { executable = false, writable = false } = {},
): Section {
  return { name, rva, virtualSize: Math.max(bytes.length, 1), bytes, executable, writable };
}

function relocationsOf(
  sections: readonly Section[],
  pointerSize: number,
  pointerAt: (rva: number) => number | undefined,
): Uint32Array {
  const found: number[] = [];
  for (const { rva, bytes, executable } of sections) {
    if (executable && pointerSize === 8) continue;
    for (let at = 0; at + pointerSize <= bytes.length; at += executable ? 1 : pointerSize)
      if (pointerAt(rva + at) !== undefined) found.push(rva + at);
  }
  return Uint32Array.from(found);
}
