/** Drivers of any size: a committed test driver grown by made-up code, or one that is made up from the headers on. */

import { POOL_FUNCTIONS } from '../../../scanner/code/pool/pool-functions.ts';
import { poppedBytes } from '../../../scanner/code/processors/x86/import-stack-bytes.ts';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { makeArm64Code } from './arm64-functions.ts';
import { CodeBuffer } from './code-buffer.ts';
import type { CodeRecipe, MadeCode, TagImport } from './code-recipe.ts';
import { emptyImage, ImageEditor, SECTION_FLAGS } from './image-editor.ts';
import { Random } from './random.ts';
import { makeX86Code } from './x86-functions.ts';

const DIRECTORY = { imports: 1, functionTable: 3, relocations: 5 } as const;
const SHAPES: ReadonlyMap<string, TagImport['shape']> = new Map([
  ['ExAllocatePoolWithTag', 'allocate'],
  ['ExAllocatePool2', 'allocate2'],
  ['ExFreePoolWithTag', 'free'],
  ['ExInitializeNPagedLookasideList', 'lookaside'],
]);
/** Imports of a driver that is made from nothing, besides those that take tags. */
const OTHER_IMPORTS = `IofCompleteRequest KeSetEvent KeWaitForSingleObject RtlInitUnicodeString IoCreateDevice
  IoDeleteDevice KeInitializeEvent ObfDereferenceObject RtlCompareMemory KeQueryPerformanceCounter ZwClose ZwOpenKey
  ZwQueryValueKey RtlCopyUnicodeString ExAcquireFastMutex ExReleaseFastMutex MmMapLockedPagesSpecifyCache IoFreeMdl
  IoAllocateMdl IoBuildDeviceIoControlRequest KeDelayExecutionThread memcpy memset memmove`.split(/\s+/);
/** Names, strings and tables beside the code: about this share of a driver's bytes. */
const DATA_SHARE = 0.25;
/** Of a real driver's functions one to three in a hundred use a tag; the size is what MSVC's typically have. */
const TAG_SHARE = 0.02;
const MEDIAN_FUNCTION = 160;
const PAGE = 0x1000;
const MADE_BASE = 0x1_4000_0000;
const TAG_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

export interface DriverSize {
  bytes: number;
  /** Code stops at so many functions, where given. */
  functions?: number;
  /** Median bytes of a function. */
  medianFunction?: number;
  /** The share of functions that use a tag. */
  tagShare?: number;
  /** How many different tags they use. */
  tags: number;
}

/** A test driver with about so many bytes: what it holds stays, code and data that resemble a real driver's are added. */
export function grownDriver(file: Uint8Array, seed: number, size: DriverSize): Uint8Array {
  const image = readDriverImage(file);
  if ('code' in image) throw new Error(`Only a driver can grow: ${image.message}`);
  const random = new Random(seed);
  const editor = new ImageEditor(file);
  const room = Math.max(0, size.bytes - file.length);
  const dataRva = editor.nextRva;
  const imports = importsOf(image);
  editor.addSection('.bench0', madeData(room * DATA_SHARE, random), SECTION_FLAGS.data);
  const code = madeCode({
    arch: image.arch,
    imageBase: image.imageBase,
    codeRva: editor.nextRva,
    random,
    functions: size.functions ?? Number.POSITIVE_INFINITY,
    maxBytes: room * (1 - DATA_SHARE),
    medianFunction: size.medianFunction ?? MEDIAN_FUNCTION,
    ...imports,
    dataRva,
    dataBytes: Math.max(PAGE, room * DATA_SHARE) & ~7,
    tagShare: imports.tagImports.length === 0 ? 0 : (size.tagShare ?? TAG_SHARE),
    nextTag: tagMaker(random, size.tags),
  });
  editor.addSection('.bench1', code.bytes, SECTION_FLAGS.code);
  if (image.arch === 'x86') addRelocations(editor, code.relocations);
  else addFunctionTable(editor, code, image.arch);
  return editor.bytes;
}

/** A driver for x64 that is made up whole. */
export function madeDriver(seed: number, size: DriverSize): Uint8Array {
  const editor = emptyImage('x64', MADE_BASE);
  const rva = editor.nextRva;
  const table = importTable(rva);
  editor.addSection('.idata', table, SECTION_FLAGS.data);
  editor.setDirectory(DIRECTORY.imports, rva, table.length);
  return grownDriver(editor.bytes, seed, size);
}

function madeCode(recipe: CodeRecipe): MadeCode {
  return recipe.arch === 'arm64' ? makeArm64Code(recipe) : makeX86Code(recipe);
}

function importsOf(image: DriverImage): Pick<CodeRecipe, 'tagImports' | 'otherImports'> {
  const tagImports: TagImport[] = [];
  const otherImports: { slotRva: number; poppedBytes: number }[] = [];
  for (const { name, slotRva, delayed } of image.imports) {
    const shape = name === null ? undefined : SHAPES.get(name);
    if (shape !== undefined) tagImports.push({ shape, slotRva });
    else if (name !== null && !delayed && !POOL_FUNCTIONS.has(name))
      otherImports.push({ slotRva, poppedBytes: poppedBytes(name) ?? 0 });
  }
  return { tagImports, otherImports };
}

/** Tags in order, each new one different from the last, over and over. */
function tagMaker(random: Random, count: number): () => number {
  const first = random.below(1 << 16);
  let next = 0;
  return () => {
    let rest = first + (next++ % count);
    const letters = [0, 1, 2].map(() => {
      const letter = TAG_LETTERS.charCodeAt(rest % TAG_LETTERS.length);
      rest = Math.floor(rest / TAG_LETTERS.length);
      return letter;
    });
    const upper = 65 + (rest % 26);
    return upper | (letters[2] << 8) | (letters[1] << 16) | (letters[0] << 24);
  };
}

/** Zeros, wide text, small numbers and noise. */
function madeData(length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(Math.max(PAGE, Math.floor(length)));
  for (let at = 0; at + 64 <= bytes.length; at += 64) {
    const kind = random.next();
    for (let i = 0; i < 64 && kind >= 0.4; i++) {
      const isWritten = kind < 0.7 ? i % 2 === 0 : kind < 0.9 ? i % 4 === 0 : true;
      if (isWritten) bytes[at + i] = kind < 0.7 ? 97 + random.below(26) : random.below(256);
    }
  }
  return bytes;
}

/** The image's own entries and one for each new function, which stands behind them all. */
function addFunctionTable(editor: ImageEditor, code: MadeCode, arch: 'x64' | 'arm64'): void {
  const w = new CodeBuffer(editor.nextRva);
  w.u32(1, 0); // unwind information without codes, which every new function shares
  const tableRva = w.here;
  w.u32(...editor.directoryWords(DIRECTORY.functionTable));
  for (const { begin, end } of code.functions) {
    if (arch === 'x64') w.u32(begin, end, w.rva);
    else w.u32(begin, (end - begin) | 1); // packed: the number of words is counted from the third bit on
  }
  editor.setDirectory(DIRECTORY.functionTable, tableRva, w.here - tableRva);
  editor.addSection('.bench2', w.bytes, SECTION_FLAGS.constants);
}

function addRelocations(editor: ImageEditor, added: readonly number[]): void {
  const w = new CodeBuffer(editor.nextRva);
  w.u32(...editor.directoryWords(DIRECTORY.relocations));
  for (let first = 0; first < added.length; ) {
    const page = added[first] - (added[first] % PAGE);
    let end = first;
    while (end < added.length && added[end] < page + PAGE) end++;
    const count = end - first;
    w.u32(page, 8 + 2 * (count + (count % 2)));
    for (; first < end; first++) w.u16(0x3000 | (added[first] - page));
    if (count % 2 === 1) w.u16(0);
  }
  editor.setDirectory(DIRECTORY.relocations, w.rva, w.here - w.rva);
  editor.addSection('.bench2', w.bytes, SECTION_FLAGS.constants);
}

function importTable(rva: number): Uint8Array {
  const names = [...SHAPES.keys(), ...OTHER_IMPORTS];
  const slots = rva + 40;
  const afterSlots = slots + 8 * (names.length + 1);
  const text = new CodeBuffer(afterSlots);
  text.text('ntoskrnl.exe');
  const hints = names.map(name => {
    const at = text.align(2).here;
    text.u16(0).text(name);
    return at;
  });
  const w = new CodeBuffer(rva).u32(slots, 0, 0, afterSlots, slots, 0, 0, 0, 0, 0);
  for (const hint of hints) w.u32(hint, 0);
  return w.u32(0, 0).u8(...text.bytes).bytes;
}
