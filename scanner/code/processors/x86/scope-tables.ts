/**
 * Structured exceptions on x86: a function with guarded code pushes the address of a table that says where filters and
 * handlers are; clang's stores it into the frame. These are parts of the function, although pointers lead to them and
 * jumps or returns stand before them.
 */
import type { DriverImage, Section } from '../../../pe/image-facts.ts';
import { lastNotAbove, sectionOf } from '../../bytes/address-search.ts';
import { type ExceptionScope, MAX_SCOPES } from '../../bytes/exception-scopes.ts';
import { readInt32 } from '../../bytes/little-endian.ts';
import { isRelocated } from '../../bytes/relocated-pointers.ts';
import { opensFrame } from './popped-bytes.ts';

/** What the table that is pushed or stored at `siteRva` says. */
export interface GuardedCode {
  siteRva: number;
  /** Where pointers of the table lead into the function, in its order. */
  parts: number[];
  /** Where the function goes on with its frame as it was; for most that is where the parts begin. */
  handlers: number[];
}

/** Rows of all tables that are read; real images have some hundreds. */
const MAX_ROWS = 20_000;
/** Of a row: the level around it, the filter (0: the handler is called whatever happens), the handler. */
const ROW_BYTES = 12;
/** What stands before the rows of _except_handler4: where the cookies are. */
const HEADER_BYTES = 16;
/** A function has at most this much code behind the table's push. */
const MAX_DISTANCE = 1 << 20;

/** All tables of an image, in the order of the code that names them. */
export function guardedCode(image: DriverImage, code: Section[]): GuardedCode[] {
  const tableBySite = new Map<number, number>();
  const stored = new Set<number>();
  for (const at of image.relocations) {
    const section = sectionOf(code, at);
    if (section === undefined) continue;
    const isStored = isTableStored(image, section, at);
    const tableRva = isStored || isTablePushed(code, section, at) ? image.pointerAt(at) : undefined;
    if (tableRva === undefined) continue;
    tableBySite.set(at, tableRva);
    if (isStored) stored.add(at);
  }
  const tables = new Set(tableBySite.values());
  const found: GuardedCode[] = [];
  let rowsLeft = MAX_ROWS;
  for (const [siteRva, tableRva] of tableBySite) {
    const section = sectionOf(code, siteRva)!;
    const addRow = stored.has(siteRva) ? addStoredRow : addPushedRow;
    const guarded: GuardedCode = { siteRva, parts: [], handlers: [] };
    for (let row = firstRow(image, tableRva); rowsLeft > 0; row += ROW_BYTES, rowsLeft--) {
      // One table may begin where another ends.
      if (row !== tableRva && tables.has(row)) break;
      if (!addRow(image, row, section, guarded)) break;
    }
    if (guarded.handlers.length > 0) found.push(guarded);
  }
  return found;
}

/** Adds filter and handler of a row: both are parts of the function. False where it is no row. */
function addPushedRow(image: DriverImage, row: number, section: Section, guarded: GuardedCode): boolean {
  const handler = partAt(image, row + 8, section, guarded.siteRva);
  const filter = image.u32At(row + 4) === 0 ? 0 : partAt(image, row + 4, section, guarded.siteRva);
  if (handler === undefined || filter === undefined) return false;
  for (const part of filter === 0 ? [handler] : [filter, handler]) {
    guarded.parts.push(part);
    guarded.handlers.push(part);
  }
  return true;
}

/** As clang makes them: filters, and what is done whatever happens, are functions of their own. */
function addStoredRow(image: DriverImage, row: number, section: Section, guarded: GuardedCode): boolean {
  const isFinally = image.u32At(row + 4) === 0;
  const isRow = isRelocated(image.relocations, row + 8);
  if (!isRow || !(isFinally || isRelocated(image.relocations, row + 4))) return false;
  const handler = isFinally ? undefined : partAt(image, row + 8, section, guarded.siteRva);
  if (handler === undefined || !takesFrameBack(section.bytes, handler - section.rva)) return true;
  guarded.parts.push(handler);
  guarded.handlers.push(handler + FRAME_BACK_BYTES);
  return true;
}

/** `mov esp, [ebp-18h]; add ebp, 0Ch`: the run time calls the handler with another ebp than its function has. */
function takesFrameBack(bytes: Uint8Array, offset: number): boolean {
  return [0x8b, 0x65, 0xe8, 0x83, 0xc5].every((byte, i) => bytes[offset + i] === byte);
}

const FRAME_BACK_BYTES = 6;

/** As scopes of the function between these addresses: until a handler begins, all code behind the push may lead to it. */
export function scopesBetween(guarded: GuardedCode[], beginRva: number, endRva: number): ExceptionScope[] {
  const scopes: ExceptionScope[] = [];
  const last = lastNotAbove(guarded.length, i => guarded[i].siteRva, endRva);
  for (let i = last; i >= 0 && guarded[i].siteRva >= beginRva; i--) {
    const { siteRva, handlers } = guarded[i];
    for (const handlerRva of handlers) {
      if (scopes.length >= MAX_SCOPES) return scopes;
      if (handlerRva < endRva) scopes.push({ beginRva: siteRva, endRva: handlerRva, handlerRva });
    }
  }
  return scopes;
}

/** Whether `push table` is followed by a call of _SEH_prolog, or by what that does: `push handler; mov eax, fs:[0]`. */
function isTablePushed(code: Section[], { bytes, rva }: Section, at: number): boolean {
  const offset = at - rva;
  if (offset < 1 || bytes[offset - 1] !== 0x68 || offset + 15 > bytes.length) return false;
  const next = offset + 4;
  if (bytes[next] === 0x68) return bytes[next + 5] === 0x64 && bytes[next + 6] === 0xa1;
  if (bytes[next] !== 0xe8) return false;
  const callee = (at + 9 + readInt32(bytes, next + 1)) | 0;
  const section = sectionOf(code, callee);
  return section !== undefined && opensFrame(section.bytes, callee - section.rva);
}

/** How far behind the store of the table the others of a record stand. */
const RECORD_CODE_BYTES = 48;

/** Whether `mov [frame+n], table` is followed by `mov [frame+n-4], handler` and by what reads fs:[0]. */
function isTableStored(image: DriverImage, { bytes, rva }: Section, at: number): boolean {
  const offset = at - rva;
  const modrm = bytes[offset - 2];
  // A displacement of one byte behind a register other than esp.
  if (offset < 3 || bytes[offset - 3] !== 0xc7 || (modrm & 0xf8) !== 0x40 || (modrm & 7) === 4) return false;
  const before = (bytes[offset - 1] - 4) & 0xff;
  const end = Math.min(offset + 4 + RECORD_CODE_BYTES, bytes.length - 7);
  let hasHandler = false;
  for (let p = offset + 4; p < end; p++) {
    if (bytes[p] === 0xc7 && bytes[p + 1] === modrm && bytes[p + 2] === before)
      hasHandler ||= isRelocated(image.relocations, rva + p + 3);
    const isRead = bytes[p + 1] === 0xa1 || (bytes[p + 1] === 0x8b && (bytes[p + 2] & 0xc7) === 0x05);
    if (bytes[p] === 0x64 && isRead) return hasHandler;
  }
  return false;
}

/** The older tables begin with a row, whose handler is relocated; in the place of that later ones have a cookie's. */
function firstRow(image: DriverImage, tableRva: number): number {
  return isRelocated(image.relocations, tableRva + 8) ? tableRva : tableRva + HEADER_BYTES;
}

/** Where a pointer in the table leads, if that is code of the function that pushes the table. */
function partAt(image: DriverImage, at: number, section: Section, siteRva: number): number | undefined {
  const target = isRelocated(image.relocations, at) ? image.pointerAt(at) : undefined;
  if (target === undefined || target <= siteRva || target > siteRva + MAX_DISTANCE) return undefined;
  return target < section.rva + section.bytes.length ? target : undefined;
}
