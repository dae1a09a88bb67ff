/** Turns a symbol's segment and offset into the RVA of the image as it is shipped. */
import type { GuardedBytes } from '../pe/guarded-bytes.ts';
import type { OpenPdb } from './open-pdb.ts';
import { PdbProblem } from './pdb-problem.ts';

const SECTION_HEADER_SIZE = 40;
/** The Windows loader takes no more. */
const MAX_SECTIONS = 96;
/** Two million moved pieces; the kernel of Windows 7, which was built so, has about 200,000. */
const MAX_MAP_BYTES = 16 * 1024 * 1024;

interface SectionPlace {
  rva: number;
  size: number;
}

/** Addresses by the PDB's own section headers. */
export class AddressMap {
  readonly #sections: readonly SectionPlace[];
  readonly #moves: MovedCode | undefined;

  constructor(sections: readonly SectionPlace[], moves: MovedCode | undefined) {
    this.#sections = sections;
    this.#moves = moves;
  }

  /** The RVA, or undefined for what lies in no section (absolute symbols) or was left out of the image. */
  rvaOf(segment: number, offset: number): number | undefined {
    const section = this.#sections[segment - 1];
    if (section === undefined || offset >= section.size) return undefined;
    const rva = section.rva + offset;
    return this.#moves === undefined ? rva : this.#moves.target(rva);
  }
}

/** The map of a PDB, or why there is none. */
export function readAddressMap(pdb: OpenPdb): AddressMap | PdbProblem {
  const { msf, mapFromSource } = pdb;
  const moves = mapFromSource === undefined ? undefined : readMovedCode(pdb, mapFromSource);
  if (moves instanceof PdbProblem) return moves;
  const stream = moves === undefined ? pdb.sectionHeaders : pdb.originalSectionHeaders;
  if (stream === undefined)
    return new PdbProblem('it holds no section headers, so its symbols have no addresses');
  const headers = msf.read(stream, 0, MAX_SECTIONS * SECTION_HEADER_SIZE);
  if (headers instanceof PdbProblem) return headers;
  const sections: SectionPlace[] = [];
  for (let at = 0; headers.holds(at, SECTION_HEADER_SIZE); at += SECTION_HEADER_SIZE) {
    sections.push({ rva: headers.u32(at + 12), size: Math.max(headers.u32(at + 8), headers.u32(at + 16)) });
  }
  return new AddressMap(sections, moves);
}

/** Where tools have moved code after linking: pairs of an RVA before and after, sorted by the first (OMAP of dbghelp.h). */
export class MovedCode {
  readonly #pairs: GuardedBytes;

  constructor(pairs: GuardedBytes) {
    this.#pairs = pairs;
  }

  /** Where the byte at an original RVA lies today; undefined where it was left out. */
  target(rva: number): number | undefined {
    let low = 0;
    let high = Math.floor(this.#pairs.length / 8);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pairs.u32(middle * 8) <= rva) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const moved = this.#pairs.u32(low * 8 - 4);
    return moved === 0 ? undefined : moved + (rva - this.#pairs.u32(low * 8 - 8));
  }
}

function readMovedCode({ msf }: OpenPdb, stream: number): MovedCode | PdbProblem {
  const size = msf.sizeOf(stream) ?? 0;
  if (size > MAX_MAP_BYTES) return new PdbProblem('its map of moved code is larger than any driver needs');
  const pairs = msf.read(stream, 0, size);
  return pairs instanceof PdbProblem ? pairs : new MovedCode(pairs);
}
