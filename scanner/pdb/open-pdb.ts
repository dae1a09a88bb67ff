/**
 * Opens a PDB: which build it belongs to, and where its streams of symbols are. Layouts are LLVM's public description:
 * https://llvm.org/docs/PDB/PdbStream.html and https://llvm.org/docs/PDB/DbiStream.html
 */
import { type GuardedBytes, PastTheEnd } from '../pe/guarded-bytes.ts';
import { symbolServerId } from '../pe/symbol-server-id.ts';
import { type MsfContainer, openMsf, type PositionalFile } from './msf-container.ts';
import { PdbProblem } from './pdb-problem.ts';

const INFO_STREAM = 1;
const INFO_SIZE = 28;
const DEBUG_STREAM = 3;
const DEBUG_HEADER_SIZE = 64;
/** Where the header has the sizes of the parts that lie between it and the list of further streams. */
const PARTS_BEFORE_LIST = [24, 28, 32, 36, 40, 52];
const LIST_SIZE_AT = 48;
/** The list has eleven stream numbers; these are the ones that turn a segment and offset into an address. */
const LIST_ENTRIES = 11;
const MAP_FROM_SOURCE = 4;
const SECTION_HEADERS = 5;
const ORIGINAL_SECTION_HEADERS = 10;
const NO_STREAM = 0xffff;

export interface OpenPdb {
  /** GUID and the age that the linker wrote into the image: what `DriverImage.pdbId` says of the same build. */
  id: string;
  msf: MsfContainer;
  /** Stream numbers; undefined where the PDB has none of the kind. */
  symbolRecords: number | undefined;
  sectionHeaders: number | undefined;
  /** Where a tool has moved the code after linking: the sections that symbols count from, and the map to today's. */
  originalSectionHeaders: number | undefined;
  mapFromSource: number | undefined;
}

/** Reads what identifies the PDB, some hundred bytes, or says why it cannot. Throws nothing but what `file.read` throws. */
export function openPdb(file: PositionalFile): OpenPdb | PdbProblem {
  const msf = openMsf(file);
  if (msf instanceof PdbProblem) return msf;
  try {
    return readHeaders(msf);
  } catch (error) {
    if (error instanceof PastTheEnd) return new PdbProblem('its headers are damaged');
    throw error;
  }
}

function readHeaders(msf: MsfContainer): OpenPdb | PdbProblem {
  const info = msf.read(INFO_STREAM, 0, INFO_SIZE);
  if (info instanceof PdbProblem) return info;
  const header = msf.read(DEBUG_STREAM, 0, DEBUG_HEADER_SIZE);
  if (header instanceof PdbProblem) return header;
  if (header.length === 0) return new PdbProblem('it holds types only, no symbols');
  const listAt = PARTS_BEFORE_LIST.reduce((at, part) => at + header.u32(part), DEBUG_HEADER_SIZE);
  const list = msf.read(DEBUG_STREAM, listAt, Math.min(header.u32(LIST_SIZE_AT), LIST_ENTRIES * 2));
  if (list instanceof PdbProblem) return list;
  return {
    // The age of the debug stream is the image's; the one of the info stream counts every later change of the PDB too.
    id: symbolServerId(info, 12, header.u32(8)),
    msf,
    symbolRecords: presentStream(msf, header.u16(20)),
    sectionHeaders: listedStream(msf, list, SECTION_HEADERS),
    originalSectionHeaders: listedStream(msf, list, ORIGINAL_SECTION_HEADERS),
    mapFromSource: listedStream(msf, list, MAP_FROM_SOURCE),
  };
}

function listedStream(msf: MsfContainer, list: GuardedBytes, entry: number): number | undefined {
  return list.holds(entry * 2, 2) ? presentStream(msf, list.u16(entry * 2)) : undefined;
}

function presentStream(msf: MsfContainer, stream: number): number | undefined {
  return stream === NO_STREAM || !msf.sizeOf(stream) ? undefined : stream;
}
