/** What made-up code is told of the image it is for, and what it gives back. */
import type { Random } from './random.ts';

/** An import that allocates, frees or prepares memory by a tag, and the shape of its call. */
export interface TagImport {
  shape: 'allocate' | 'allocate2' | 'free' | 'lookaside';
  slotRva: number;
}

export interface CodeRecipe {
  arch: 'x64' | 'x86' | 'arm64';
  imageBase: number;
  codeRva: number;
  random: Random;
  /** Code is written until there are so many functions, or so many bytes. */
  functions: number;
  maxBytes: number;
  /** Median size of a function in bytes. */
  medianFunction: number;
  tagImports: readonly TagImport[];
  /** Slots of other imports, and on x86 the bytes each callee pops. */
  otherImports: readonly { slotRva: number; poppedBytes: number }[];
  /** Where variables and constants may be read and written. */
  dataRva: number;
  dataBytes: number;
  /** The share of functions that use a tag: 0.01 to 0.03 in real drivers. */
  tagShare: number;
  /** The ULONG of the next tag to use. */
  nextTag(): number;
}

export interface MadeCode {
  bytes: Uint8Array;
  functions: { begin: number; end: number }[];
  /** RVAs of absolute addresses in the code (x86). */
  relocations: number[];
}

/** What writes the functions of one processor. */
export interface FunctionWriter {
  /** A function that takes the tag as its second argument and allocates. */
  wrapper(tagImport: TagImport): void;
  /** An ordinary function of about so many bytes. `tagged` uses tags once or more. */
  ordinary(index: number, bytes: number, tagged: boolean): void;
}

/** The number of wrappers that begin each image's code. */
export const WRAPPERS = 3;
/** Real functions have between a few instructions and some kilobytes. */
const LEAST_BYTES = 24;
const MOST_BYTES = 4000;
const FUNCTION_SPREAD = 0.8;

/** Writes wrappers, then ordinary functions until the recipe is full. `begin` is told where each starts. */
export function writeFunctions(
  recipe: CodeRecipe,
  writer: FunctionWriter,
  here: () => number,
  begin: () => void,
): void {
  const { random } = recipe;
  const allocator = recipe.tagImports.find(({ shape }) => shape === 'allocate');
  for (let index = 0; index < recipe.functions; index++) {
    if (here() - recipe.codeRva >= recipe.maxBytes) return;
    begin();
    if (index < WRAPPERS && allocator !== undefined) writer.wrapper(allocator);
    else {
      const size = random.logNormal(recipe.medianFunction, FUNCTION_SPREAD);
      const bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, size));
      writer.ordinary(index, bytes, random.chance(recipe.tagShare));
    }
  }
}
