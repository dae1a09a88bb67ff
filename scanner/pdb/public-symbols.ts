/**
 * Reads the public symbols of a PDB: the names of what one object file offers to the others. Types, lines and private
 * symbols stay unread. The layout is LLVM's public description: https://llvm.org/docs/PDB/PublicStream.html
 */
import type { GuardedBytes } from '../pe/guarded-bytes.ts';
import { readAddressMap } from './address-map.ts';
import type { OpenPdb } from './open-pdb.ts';
import { PdbProblem } from './pdb-problem.ts';

/** Held in memory whole. The kernel's take 2 MB; with the private symbols of a very large driver, about 20 MB. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** The kernel has about 30,000. An RVA and the number of a symbol below this fit one double, which sorts fast. */
const MAX_SYMBOLS = 2 ** 21;
const PUBLIC_SYMBOL = 0x110e;
/** Length, kind, flags, offset, segment: the name follows. */
const NAME_AT = 14;
const IS_FUNCTION = 2;
/** Functions with the same code share one address; more names than this are not compared. */
const MAX_NAMES_COMPARED = 64;
/** Names of C++ templates run to some thousand characters; more than this helps nobody. */
const MAX_NAME_BYTES = 4096;

/** Public symbols by RVA. */
export class PublicSymbols {
  readonly #records: GuardedBytes;
  /** Sorted, and for each the offset of its record. */
  readonly #rvas: Uint32Array;
  readonly #offsets: Uint32Array;

  constructor(records: GuardedBytes, rvas: Uint32Array, offsets: Uint32Array) {
    this.#records = records;
    this.#rvas = rvas;
    this.#offsets = offsets;
  }

  /** How many there are; several may share an address. */
  get count(): number {
    return this.#rvas.length;
  }

  /** The RVA of the nearest symbol at or before `rva`. */
  rvaAtOrBefore(rva: number): number | undefined {
    const after = this.#firstAfter(rva);
    return after === 0 ? undefined : this.#rvas[after - 1];
  }

  /** The name, as the linker decorates it, of the symbol at exactly this RVA: a function before data, then by spelling. */
  nameAt(rva: number): string | undefined {
    let best: { name: string; isFunction: boolean } | undefined;
    const after = this.#firstAfter(rva);
    for (let at = after - 1; at >= 0 && this.#rvas[at] === rva && after - at <= MAX_NAMES_COMPARED; at--) {
      const offset = this.#offsets[at];
      const name = this.#nameOf(offset);
      const isFunction = (this.#records.u32(offset + 4) & IS_FUNCTION) !== 0;
      if (name === '') continue;
      if (best === undefined || (isFunction === best.isFunction ? name < best.name : isFunction)) {
        best = { name, isFunction };
      }
    }
    return best?.name;
  }

  #nameOf(offset: number): string {
    const length = this.#records.u16(offset) + 2 - NAME_AT;
    const bytes = this.#records.slice(offset + NAME_AT, Math.min(length, MAX_NAME_BYTES));
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  #firstAfter(rva: number): number {
    let low = 0;
    let high = this.#rvas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rvas[middle] <= rva) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The public symbols of a PDB. All or none: with some of them missing, the nearest name before an address would be
 * another function's.
 */
export function readPublicSymbols(pdb: OpenPdb): PublicSymbols | PdbProblem {
  const { msf, symbolRecords } = pdb;
  if (symbolRecords === undefined) return new PdbProblem('it holds no symbols');
  const size = msf.sizeOf(symbolRecords) ?? 0;
  if (size > MAX_RECORD_BYTES) {
    return new PdbProblem(`its symbols take ${size} bytes, and up to ${MAX_RECORD_BYTES} bytes are read`);
  }
  const addresses = readAddressMap(pdb);
  if (addresses instanceof PdbProblem) return addresses;
  const records = msf.read(symbolRecords, 0, size);
  if (records instanceof PdbProblem) return records;
  const rvas: number[] = [];
  const offsets: number[] = [];
  for (let at = 0; at < records.length; ) {
    const length = records.holds(at, 4) ? records.u16(at) : 0;
    if (length < 2 || !records.holds(at + 2, length)) return new PdbProblem('its symbol records are damaged');
    if (records.u16(at + 2) === PUBLIC_SYMBOL && length + 2 > NAME_AT) {
      const rva = addresses.rvaOf(records.u16(at + 12), records.u32(at + 8));
      if (rva !== undefined && rva <= 0xffff_ffff) {
        rvas.push(rva);
        offsets.push(at);
        if (rvas.length === MAX_SYMBOLS)
          return new PdbProblem(`it holds ${MAX_SYMBOLS} public symbols or more`);
      }
    }
    at += length + 2;
  }
  if (rvas.length === 0) return new PdbProblem('it holds no public symbols');
  return sortedSymbols(records, rvas, offsets);
}

/** PDBs list symbols in the order of the object files. */
function sortedSymbols(
  records: GuardedBytes,
  rvas: readonly number[],
  offsets: readonly number[],
): PublicSymbols {
  const keys = Float64Array.from(rvas, (rva, index) => rva * MAX_SYMBOLS + index).sort();
  return new PublicSymbols(
    records,
    Uint32Array.from(keys, key => Math.floor(key / MAX_SYMBOLS)),
    Uint32Array.from(keys, key => offsets[key % MAX_SYMBOLS]),
  );
}
