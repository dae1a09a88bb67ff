/**
 * Where a function goes on when an exception is handled: the scope table of __C_specific_handler, which stands behind a
 * function's unwind data. Source: Microsoft's documentation of exception handling on x64 and ARM64 (C_SCOPE_TABLE).
 */
import type { DriverImage, FunctionRange } from '../../pe/image-facts.ts';

/** Code from `beginRva` to `endRva` is guarded: an exception in it may be handled at `handlerRva`. */
export interface ExceptionScope {
  beginRva: number;
  endRva: number;
  handlerRva: number;
}

/** Scopes of one function; a handler of another language has something else there, mostly a larger number. */
export const MAX_SCOPES = 256;
const ENTRY_BYTES = 16;
/** UNW_FLAG_EHANDLER and UNW_FLAG_UHANDLER. */
const HAS_HANDLER_X64 = 3;

/** The scopes of a function whose handlers are parts of it; none where the table is not wholly one. */
export function exceptionScopes(image: DriverImage, range: FunctionRange): ExceptionScope[] {
  const tableRva = image.arch === 'x64' ? tableOfX64(image, range) : tableOfArm64(image, range);
  const count = tableRva === undefined ? undefined : image.u32At(tableRva);
  if (tableRva === undefined || count === undefined || count > MAX_SCOPES) return [];
  const isInside = (rva: number) => rva >= range.beginRva && rva <= range.endRva;
  const scopes: ExceptionScope[] = [];
  for (let n = 0; n < count; n++) {
    const at = tableRva + 4 + n * ENTRY_BYTES;
    const [beginRva, endRva, , handlerRva] = [0, 4, 8, 12].map(offset => image.u32At(at + offset) ?? 0);
    if (!isInside(beginRva) || !isInside(endRva) || endRva < beginRva) return [];
    if (handlerRva === 0) continue; // __finally: a function of its own
    if (!isInside(handlerRva)) return [];
    scopes.push({ beginRva, endRva, handlerRva });
  }
  return scopes;
}

/** Where the data of the function's handler begins. */
function tableOfX64(image: DriverImage, { unwindRva = 0 }: FunctionRange): number | undefined {
  const header = unwindRva === 0 || (unwindRva & 1) !== 0 ? undefined : image.u32At(unwindRva);
  if (header === undefined || ((header >>> 3) & HAS_HANDLER_X64) === 0) return undefined;
  const slotCount = (header >>> 16) & 0xff;
  return unwindRva + 4 + 2 * (slotCount + (slotCount & 1)) + 4;
}

function tableOfArm64(image: DriverImage, { unwindRva = 0 }: FunctionRange): number | undefined {
  const header = unwindRva === 0 || (unwindRva & 3) !== 0 ? undefined : image.u32At(unwindRva);
  const hasHandler = header !== undefined && (header & (1 << 20)) !== 0;
  if (!hasHandler) return undefined;
  const isPackedEpilog = (header & (1 << 21)) !== 0;
  let epilogs = (header >>> 22) & 0x1f;
  let codeWords = header >>> 27;
  let at = unwindRva + 4;
  if (epilogs === 0 && codeWords === 0) {
    const extension = image.u32At(at) ?? 0;
    epilogs = extension & 0xffff;
    codeWords = (extension >>> 16) & 0xff;
    at += 4;
  }
  return at + 4 * ((isPackedEpilog ? 0 : epilogs) + codeWords) + 4;
}
