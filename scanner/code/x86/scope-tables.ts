/**
 * Structured exceptions on x86: a function with guarded code pushes the address of a table that says where filters and
 * handlers are. These are parts of the function, although pointers lead to them and jumps or returns stand before them.
 */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { lastNotAbove, sectionOf } from '../address-search.ts';
import { type ExceptionScope, MAX_SCOPES } from '../exception-scopes.ts';
import { readInt32 } from '../little-endian.ts';
import { isRelocated } from '../static-memory.ts';
import { opensFrame } from './popped-bytes.ts';

/** What the table that is pushed at `siteRva` says: filters and handlers, in its order. */
export interface GuardedCode {
  siteRva: number;
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

/** All tables of an image, in the order of the code that pushes them. */
export function guardedCode(image: DriverImage, code: Section[]): GuardedCode[] {
  const tableBySite = new Map<number, number>();
  for (const at of image.relocations) {
    const section = sectionOf(code, at);
    const tableRva =
      section !== undefined && isTablePushed(code, section, at) ? image.pointerAt(at) : undefined;
    if (tableRva !== undefined) tableBySite.set(at, tableRva);
  }
  const tables = new Set(tableBySite.values());
  const found: GuardedCode[] = [];
  let rowsLeft = MAX_ROWS;
  for (const [siteRva, tableRva] of tableBySite) {
    const section = sectionOf(code, siteRva)!;
    const handlers: number[] = [];
    for (let row = firstRow(image, tableRva); rowsLeft > 0; row += ROW_BYTES, rowsLeft--) {
      // One table may begin where another ends.
      if (row !== tableRva && tables.has(row)) break;
      const handler = partAt(image, row + 8, section, siteRva);
      const filter = image.u32At(row + 4) === 0 ? 0 : partAt(image, row + 4, section, siteRva);
      if (handler === undefined || filter === undefined) break;
      if (filter !== 0) handlers.push(filter);
      handlers.push(handler);
    }
    if (handlers.length > 0) found.push({ siteRva, handlers });
  }
  return found;
}

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
