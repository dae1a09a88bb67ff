/** Picks the instructions of a function that show how a constant travels, and writes them as a debugger does. */
import { lastNotAbove } from '../code/bytes/address-search.ts';
import type { Disassembler } from '../disassembly/disassembler.ts';
import type { CodeListing, ListingLine } from './tag-explanation.ts';

/** What to show of one function. */
export interface ListingWish {
  functionRva: number;
  /** The call that the listing is about; shown with its surroundings. */
  callRva?: number;
  /** Instructions that carried the constant, the first one first; each is shown. */
  path: readonly number[];
  /** The instruction that holds the constant, or completes it; null where none does. */
  constantRva: number | null;
  /** How the constant is noted (`'TCon'`), and its bytes as they stand in an instruction (`54 43 6f 6e`), if they do. */
  tag: { note: string; bytes?: string };
  /** The instruction that computes a character of the constant, and what it makes (`'TCo?'`). */
  computed?: { rva: number; note: string };
}

/** Instructions shown before and after the call: enough to see its other arguments, and what becomes of the result. */
const BEFORE_CALL = 6;
const AFTER_CALL = 2;
/** Instructions shown around one that stands in another function than the call. */
const AROUND_CARRIER = 1;

/** The lines of a listing; undefined where the function has no such instruction. `starts` are its instructions. */
export function codeListing(
  wish: ListingWish,
  starts: readonly number[],
  disassembler: Disassembler,
): CodeListing | undefined {
  const chosen = chosenInstructions(wish, starts);
  const lines: ListingLine[] = [];
  let next: number | undefined;
  for (const rva of chosen) {
    const instruction = disassembler.at(rva);
    if (instruction === undefined) continue;
    const { bytes, text, length } = instruction;
    const isAfterGap = lines.length > 0 && next !== rva;
    const note = tagNote(rva, bytes, wish) ?? instruction.note;
    lines.push({ rva, bytes, text, note, role: roleOf(rva, wish), isAfterGap });
    next = rva + length;
  }
  return lines.length === 0 ? undefined : { functionRva: wish.functionRva, lines };
}

function chosenInstructions({ callRva, path }: ListingWish, starts: readonly number[]): number[] {
  const chosen = new Set<number>();
  const around = (rva: number, before: number, after: number) => {
    const at = indexOf(starts, rva);
    if (at < 0) return;
    for (const start of starts.slice(Math.max(0, at - before), at + after + 1)) chosen.add(start);
  };
  if (callRva !== undefined) around(callRva, BEFORE_CALL, AFTER_CALL);
  const aroundPath = callRva === undefined ? AROUND_CARRIER : 0;
  for (const rva of path) around(rva, aroundPath, aroundPath);
  return [...chosen].sort((a, b) => a - b);
}

function indexOf(starts: readonly number[], rva: number): number {
  const at = lastNotAbove(starts.length, i => starts[i], rva);
  return starts[at] === rva ? at : -1;
}

/** What of the tag an instruction holds or makes. */
function tagNote(
  rva: number,
  bytes: string,
  { tag, constantRva, computed }: ListingWish,
): string | undefined {
  const hasTag = rva === constantRva || (tag.bytes !== undefined && bytes.includes(tag.bytes));
  if (hasTag) return tag.note;
  return rva === computed?.rva ? computed.note : undefined;
}

function roleOf(rva: number, { callRva, path, constantRva }: ListingWish): ListingLine['role'] {
  if (rva === constantRva) return 'constant';
  if (rva === callRva) return 'call';
  return path.includes(rva) ? 'carries' : null;
}
