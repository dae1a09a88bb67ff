/** One function as operations in basic blocks, with every stack access resolved to its place in the frame. */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodePiece } from '../bytes/code-piece.ts';
import type { ExceptionScope } from '../bytes/exception-scopes.ts';
import { isPadding, nopAt } from '../bytes/function-beginnings.ts';
import { BASE_IMAGE, NONE, Op, OperationList } from '../processors/operations.ts';
import type { InstructionFront, PoppedBytes, Processor } from '../processors/processor.ts';
import { basicBlocks, type DecodedCode } from './basic-blocks.ts';
import { BlockGraph } from './block-graph.ts';
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { isBehindEpilogue } from './frame-edges.ts';
import { jumpTableTargets } from './jump-tables.ts';
import { type FollowedFunction, followStack } from './stack-slots.ts';

/**
 * A function longer than this is cut: the longest in 450 real drivers has 190 KB, and every table here grows with it.
 */
const MAX_FUNCTION_BYTES = 1 << 20;

/** Rare parts of one function that are looked for: as many as an optimiser moves away from a large one. */
const MAX_COLD_PARTS = 32;
/** Bytes of one; it is an error path of a few calls. */
const MAX_COLD_BYTES = 512;
/** Operations of the part that is tried. */
const COLD_RUN = new OperationList();

/** Reused for every function: one at a time is analysed, and building these anew would cost more than using them. */
export class FunctionBody implements DecodedCode, FollowedFunction {
  readonly operations = new OperationList();
  /** See stack-slots.ts, as for the two after it. */
  slot = new Int32Array(0);
  pushedFrom = new Int32Array(0);
  stackAt = new Int32Array(0);
  readonly blocks = new BlockGraph();
  /** Block number of each operation. */
  blockOf = new Int32Array(0);
  hasIndirectJump = false;
  /** Instructions read to see whether code elsewhere is a part of the function. */
  #coldOperations = 0;
  readonly tableTargets = new Map<number, number[]>();
  readonly scopes: ExceptionScope[] = [];
  #pieces: CodePiece[] = [];
  /** Operation number + 1 by byte of code, all pieces in a row. */
  #operationAt = new Int32Array(0);
  readonly #front: InstructionFront;
  readonly #processor: Processor;
  readonly #image: DriverImage;
  /** Indirect jumps that were found and not followed yet. */
  readonly #jumps: number[] = [];

  constructor({ front, processor, image }: Pick<CodeUnderAnalysis, 'front' | 'processor' | 'image'>) {
    this.#front = front;
    this.#processor = processor;
    this.#image = image;
  }

  /** A bit for each register that a call may change. */
  get volatileRegisters(): number {
    return this.#processor.volatileRegisters;
  }

  /** Decodes the function whose first piece begins at its entry. Returns the number of operations. */
  decode(pieces: CodePiece[], poppedBytes: PoppedBytes): number {
    this.#pieces = cutPieces(pieces);
    this.operations.clear();
    this.hasIndirectJump = false;
    this.#jumps.length = 0;
    this.tableTargets.clear();
    this.scopes.length = 0;
    const bytes = this.#pieces.reduce((sum, piece) => sum + piece.endRva - piece.beginRva, 0);
    if (this.#operationAt.length < bytes) this.#operationAt = new Int32Array(bytes * 2);
    else this.#operationAt.fill(0, 0, bytes);
    this.#coldOperations = 0;
    const leaders = this.#decodeAll();
    const count = this.operations.count;
    if (this.slot.length < count) {
      this.blockOf = new Int32Array(count * 2);
      this.slot = new Int32Array(count * 2);
      this.stackAt = new Int32Array(count * 2);
      this.pushedFrom = new Int32Array(count * 2);
    }
    basicBlocks(this, leaders, this.blocks, this.blockOf);
    followStack(this, this.#processor, poppedBytes);
    return count + this.#coldOperations;
  }

  /** The first operation of the instruction at an RVA, or -1. */
  operationAt(rva: number): number {
    const at = this.#placeOf(rva);
    return at < 0 ? -1 : this.#operationAt[at] - 1;
  }

  /** Whether the RVA lies in the function's own code. */
  contains(rva: number): boolean {
    return this.#placeOf(rva) >= 0;
  }

  #placeOf(rva: number): number {
    let before = 0;
    for (const piece of this.#pieces) {
      if (rva >= piece.beginRva && rva < piece.endRva) return before + rva - piece.beginRva;
      before += piece.endRva - piece.beginRva;
    }
    return -1;
  }

  /** Follows control from the entry, then fills what only a jump table or an exception can reach. */
  #decodeAll(): number[] {
    const leaders: number[] = [];
    if (this.#pieces.length === 0) return leaders;
    const waiting: number[] = [this.#pieces[0].beginRva];
    this.#decodeWaiting(waiting, leaders);
    this.#decodeTables(leaders);
    this.#decodeColdParts(leaders);
    for (const { scopes = [] } of this.#pieces) this.scopes.push(...scopes);
    for (const { beginRva, endRva, handlerRva } of this.scopes) {
      this.#decodeWaiting([handlerRva], leaders);
      leaders.push(beginRva, endRva);
    }
    this.#decodeTables(leaders);
    for (const piece of this.#pieces) {
      // What control flow does not reach is reached by a switch, by an exception, or is not code at all.
      const isReached = this.hasIndirectJump || piece !== this.#pieces[0];
      for (let rva = piece.beginRva; isReached && rva < piece.endRva; ) {
        const operation = this.operationAt(rva);
        if (operation >= 0) {
          rva = Math.max(this.operations.nextRva[operation], rva + 1);
          continue;
        }
        const padding = this.#paddingAt(piece.section.bytes, rva - piece.section.rva);
        if (padding > 0) {
          rva += padding;
          continue;
        }
        waiting.push(rva);
        this.#decodeWaiting(waiting, leaders);
        this.#decodeTables(leaders);
        if (this.operationAt(rva) < 0) rva++;
      }
    }
    return leaders;
  }

  /**
   * Rare paths that a compiler has put elsewhere: a jump out of the function to code that jumps back into its middle.
   * Where .pdata lists such a part it is a piece of the function already.
   */
  #decodeColdParts(leaders: number[]): void {
    const { op, low, count } = this.operations;
    const outside: number[] = [];
    for (let i = 0; i < count && outside.length < MAX_COLD_PARTS; i++) {
      const isOutside = (op[i] === Op.jump || op[i] === Op.branch) && !this.contains(low[i]);
      if (isOutside && !outside.includes(low[i])) outside.push(low[i]);
    }
    for (const rva of outside) {
      const piece = this.contains(rva) ? undefined : this.#coldPart(rva);
      if (piece === undefined) continue;
      this.#addPiece(piece);
      this.#decodeWaiting([rva], leaders);
    }
  }

  /** The stretch of code from an address up to the jump that leads back into the function. */
  #coldPart(beginRva: number): CodePiece | undefined {
    const section = this.#image.sectionAt(beginRva);
    if (section === undefined || !section.executable) return undefined;
    const { bytes, rva: sectionRva } = section;
    const run = COLD_RUN;
    run.clear();
    for (let rva = beginRva; rva < beginRva + MAX_COLD_BYTES; ) {
      const length = this.#front.append(bytes, rva - sectionRva, bytes.length, rva, run);
      if (length === 0) return undefined;
      rva += length;
      this.#coldOperations++;
      const last = run.count - 1;
      const isEnd = [Op.return, Op.stop, Op.jumpIndirect].includes(run.op[last] as never);
      if (isEnd) return undefined;
      if (run.op[last] !== Op.jump) continue;
      const isBack = this.operationAt(run.low[last]) > 0;
      return isBack ? { section, beginRva, endRva: rva } : undefined;
    }
    return undefined;
  }

  #addPiece(piece: CodePiece): void {
    this.#pieces.push(piece);
    const bytes = this.#pieces.reduce((sum, { beginRva, endRva }) => sum + endRva - beginRva, 0);
    if (this.#operationAt.length >= bytes) {
      this.#operationAt.fill(0, bytes - (piece.endRva - piece.beginRva), bytes);
      return;
    }
    const grown = new Int32Array(bytes * 2);
    grown.set(this.#operationAt.subarray(0, bytes - (piece.endRva - piece.beginRva))); // the rest is of other functions
    this.#operationAt = grown;
  }

  /** Follows the tables of the switches found so far: what they lead to may hold further ones. */
  #decodeTables(leaders: number[]): void {
    for (let jump = this.#jumps.pop(); jump !== undefined; jump = this.#jumps.pop()) {
      const targets = jumpTableTargets(this.#image, this.#processor, this.operations, jump, rva =>
        this.contains(rva),
      );
      this.tableTargets.set(jump, targets);
      this.#decodeWaiting([...targets], leaders);
    }
  }

  #decodeWaiting(waiting: number[], leaders: number[]): void {
    while (waiting.length > 0) {
      const start = waiting.pop()!;
      if (this.#placeOf(start) < 0) continue;
      leaders.push(start);
      this.#decodeRun(start, waiting, leaders);
    }
  }

  /**
   * The bytes of padding that begin here, before the head of a loop as well: what goes on from there into the loop would be a way
   * into it that nothing is known of.
   */
  #paddingAt(bytes: Uint8Array, offset: number): number {
    if (isPadding(bytes[offset])) return 1;
    return this.#processor.arch === 'arm64' ? 0 : nopAt(bytes, offset);
  }

  #decodeRun(start: number, waiting: number[], leaders: number[]): void {
    const piece = this.#pieces.find(p => start >= p.beginRva && start < p.endRva)!;
    const { bytes, rva: sectionRva } = piece.section;
    const end = Math.min(bytes.length, piece.endRva - sectionRva);
    const operations = this.operations;
    const offset = this.#placeOf(start) - start;
    const firstOfRun = operations.count;
    for (let rva = start; rva < piece.endRva; ) {
      if (this.#operationAt[offset + rva] !== 0) {
        leaders.push(rva); // this run goes on in code that is decoded already
        return;
      }
      const first = operations.count;
      const length = this.#front.append(bytes, rva - sectionRva, end, rva, operations);
      if (length === 0) {
        operations.add(Op.stop, rva);
        operations.nextRva[first] = rva + 1;
        this.#operationAt[offset + rva] = first + 1;
        return;
      }
      this.#operationAt[offset + rva] = first + 1;
      rva += length;
      const last = operations.count - 1;
      const op = operations.op[last];
      if (op === Op.branch) {
        waiting.push(operations.low[last]);
        leaders.push(rva);
      } else if (op === Op.jump) {
        waiting.push(operations.low[last]);
        return;
      } else if (op === Op.jumpIndirect) {
        // Through a slot of the image it is a tail call; only computed targets come from a jump table.
        const isOfSlot = operations.base[last] === BASE_IMAGE && operations.index[last] === NONE;
        const isTailCall =
          isOfSlot || isBehindEpilogue(operations, firstOfRun, last, this.#processor.stackRegister);
        if (!isTailCall) {
          this.hasIndirectJump = true;
          this.#jumps.push(last);
        }
        return;
      } else if (op === Op.return || op === Op.stop) return;
    }
  }
}

function cutPieces(pieces: CodePiece[]): CodePiece[] {
  const isPlain = pieces.length === 1 && pieces[0].endRva - pieces[0].beginRva <= MAX_FUNCTION_BYTES;
  if (isPlain && pieces[0].endRva > pieces[0].beginRva) return [pieces[0]];
  let left = MAX_FUNCTION_BYTES;
  return pieces.flatMap(piece => {
    const size = Math.min(left, piece.endRva - piece.beginRva);
    left -= Math.max(size, 0);
    return size > 0 ? [{ ...piece, endRva: piece.beginRva + size }] : [];
  });
}
