/** Names places in a driver by the public symbols of its PDB. */
import type { DriverImage, FunctionRange } from '../pe/image-facts.ts';
import { printableText } from '../pe/printable-text.ts';
import type { PublicSymbols } from './public-symbols.ts';
import { undecoratedName } from './undecorated-name.ts';

/** No function is as large; what lies further behind a name than this belongs to something without one. */
const MAX_DISTANCE = 1024 * 1024;
/** What a line of text can hold. */
const MAX_NAME_CHARACTERS = 256;

/** A place as a debugger says it: so many bytes behind the symbol. */
export interface SymbolPlace {
  name: string;
  offset: number;
}

/** What the PDB says of an image's addresses. */
export class DriverSymbols {
  readonly #publics: PublicSymbols;
  readonly #image: DriverImage;

  constructor(publics: PublicSymbols, image: DriverImage) {
    this.#publics = publics;
    this.#image = image;
  }

  /**
   * The nearest public symbol at or before an RVA, where it names the same function: functions that are no one else's
   * business have no public symbol, and the name of the function before them would be false.
   */
  nameOf(rva: number, functionRva?: number): SymbolPlace | undefined {
    const symbolRva = this.#publics.rvaAtOrBefore(rva);
    if (symbolRva === undefined || rva - symbolRva > MAX_DISTANCE) return undefined;
    if (!this.#isSameFunction(symbolRva, rva, functionRva)) return undefined;
    const decorated = this.#publics.nameAt(symbolRva);
    if (decorated === undefined) return undefined;
    const name = printableText(undecoratedName(decorated, this.#image.arch), MAX_NAME_CHARACTERS);
    return name === '' ? undefined : { name, offset: rva - symbolRva };
  }

  #isSameFunction(symbolRva: number, rva: number, functionRva: number | undefined): boolean {
    const { functionRanges } = this.#image;
    const section = this.#image.sectionAt(rva);
    if (section === undefined || section !== this.#image.sectionAt(symbolRva)) return false;
    const symbolRange = rangeBefore(functionRanges, symbolRva);
    const range = rangeBefore(functionRanges, rva);
    if (range !== undefined && holds(range, rva)) {
      return holds(symbolRange, symbolRva) && symbolRange?.functionRva === range.functionRva;
    }
    // Where .pdata says nothing, what the analysis worked out of functions is the next best.
    if (functionRva !== undefined && functionRva > symbolRva) return false;
    return symbolRange === range && !holds(range, symbolRva);
  }
}

function holds(range: FunctionRange | undefined, rva: number): boolean {
  return range !== undefined && rva < range.endRva;
}

/** The last range that begins at or before an RVA. */
function rangeBefore(ranges: readonly FunctionRange[], rva: number): FunctionRange | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].beginRva <= rva) low = middle + 1;
    else high = middle;
  }
  return ranges[low - 1];
}
