/** Where an image keeps its embedded signatures, what stands in that table, and which bytes a signature covers. */
import { GuardedBytes } from './guarded-bytes.ts';
import { DIRECTORY, type ImageHeaders, readImageHeaders } from './image-headers.ts';

/** The table of WIN_CERTIFICATE entries, and the fields that its signatures leave out. All are file offsets. */
export interface CertificateTable {
  offset: number;
  /** Bytes, as the header claims: they may go past the end of the file. */
  size: number;
  checksumOffset: number;
  /** The table's own row among the data directories. */
  entryOffset: number;
}

const ENTRY_HEADER_SIZE = 8;
const DIRECTORY_ROW_SIZE = 8;
const CHECKSUM_SIZE = 4;
/** WIN_CERT_TYPE_PKCS_SIGNED_DATA; the other types never sign a driver. */
const PKCS_SIGNED_DATA = 2;
/** Windows reads the first; signing tools write one or two. */
const MAX_ENTRIES = 16;
/**
 * A signature has 5 to 40 KB, and 36 bytes more for each 4 KB of a file with page hashes: room for 100 MB of them. Every
 * two bytes may claim to be an element, so this also bounds the memory that a hostile table takes.
 */
const MAX_TABLE_BYTES = 1024 * 1024;

/** The certificate table that the headers name; null where they name none. */
export function certificateTable(headers: ImageHeaders): CertificateTable | null {
  const directory = headers.directories[DIRECTORY.certificates];
  if (directory === undefined || directory.rva === 0 || directory.size === 0) return null;
  return {
    // Alone among the directories this one has a file offset: the table is no part of the image in memory.
    offset: directory.rva,
    size: directory.size,
    checksumOffset: headers.checksumOffset,
    entryOffset: headers.certificatesEntryOffset,
  };
}

/** Whether a file names a certificate table: who has no means to read signatures yet need get none for others. */
export function hasCertificates(bytes: Uint8Array): boolean {
  const headers = readImageHeaders(new GuardedBytes(bytes));
  return !('code' in headers) && certificateTable(headers) !== null;
}

/** The PKCS#7 messages of the table, without what pads them; or why the table was not read. */
export function pkcs7Messages(
  bytes: Uint8Array,
  table: CertificateTable,
): Uint8Array[] | { problem: string } {
  const { offset, size } = table;
  if (offset < table.entryOffset + DIRECTORY_ROW_SIZE)
    return { problem: 'its table lies within the headers' };
  if (offset + size > bytes.length) return { problem: 'its table goes past the end of the file' };
  if (size > MAX_TABLE_BYTES) {
    return { problem: `its table has ${size} bytes, and no signature needs more than ${MAX_TABLE_BYTES}` };
  }
  const file = new GuardedBytes(bytes);
  const messages: Uint8Array[] = [];
  const end = offset + size;
  for (let at = offset, count = 0; at + ENTRY_HEADER_SIZE <= end && count < MAX_ENTRIES; count++) {
    const length = file.u32(at);
    if (length <= ENTRY_HEADER_SIZE || at + length > end) break;
    if (file.u16(at + 6) === PKCS_SIGNED_DATA) {
      messages.push(file.slice(at + ENTRY_HEADER_SIZE, length - ENTRY_HEADER_SIZE));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return messages.length > 0 ? messages : { problem: 'its table holds no entry of a signature' };
}

/**
 * The parts of a file that an Authenticode digest covers, in their order: all but the checksum, the directory row of the
 * certificate table and that table; what stands before the table is filled up with zeros to a multiple of eight.
 * Source: "Windows Authenticode Portable Executable Signature Format". The table must lie within the file.
 */
export function signedParts(bytes: Uint8Array, table: CertificateTable): Uint8Array[] {
  const { offset, size, checksumOffset, entryOffset } = table;
  const parts = [
    bytes.subarray(0, checksumOffset),
    bytes.subarray(checksumOffset + CHECKSUM_SIZE, entryOffset),
    bytes.subarray(entryOffset + DIRECTORY_ROW_SIZE, offset),
    new Uint8Array((8 - (offset % 8)) % 8),
    bytes.subarray(offset + size),
  ];
  return parts.filter(part => part.length > 0);
}
