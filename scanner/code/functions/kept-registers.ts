/**
 * Registers that a function of the image leaves alone though the convention lets it change them. Compilers that see both
 * sides of a call keep arguments there across it: Microsoft's in whole-program builds, gcc by -fipa-ra, and any around the
 * helper that touches the pages of a large frame (`__chkstk`). What is said here is read off all of the callee's code.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { Op, OperationList } from '../processors/operations.ts';
import type { InstructionFront, Processor } from '../processors/processor.ts';

/** Every register, as bits: what a callee may change that is not read to its end. */
const ALL = -1;
/** Helpers of this kind have tens of instructions; with more, what they leave alone is chance. */
const MAX_INSTRUCTIONS = 192;
/** Callees inside callees. */
const MAX_DEPTH = 3;
/** Instructions read in all, for each byte of code. */
const INSTRUCTIONS_PER_CODE_BYTE = 0.5;
const LEAST_INSTRUCTIONS = 20_000;

/** One for all images: no callee is read while another is. */
const SCRATCH = new OperationList();
const SEEN = new Set<number>();

interface ReadCode {
  image: DriverImage;
  processor: Processor;
  front: InstructionFront;
  /** Bytes of executable sections. */
  codeBytes: number;
}

/** Answers for one image; each callee is read once, and only when somebody asks. */
export class KeptRegisters {
  readonly #image: DriverImage;
  readonly #front: InstructionFront;
  readonly #volatile: number;
  readonly #changedBy = new Map<number, number>();
  #instructionsLeft: number;

  constructor({ image, processor, front, codeBytes }: ReadCode) {
    this.#image = image;
    this.#front = front;
    // The result is one of them, and no question.
    this.#volatile = processor.volatileRegisters & ~(1 << processor.resultRegister);
    this.#instructionsLeft = LEAST_INSTRUCTIONS + codeBytes * INSTRUCTIONS_PER_CODE_BYTE;
  }

  /** Whether the function at an RVA is certain to leave this general register as it is. */
  isKept(functionRva: number, register: number): boolean {
    return register < 32 && (this.#changed(functionRva, 0) & (1 << register)) === 0;
  }

  /** The registers that a call of the function may change, as bits. */
  #changed(functionRva: number, depth: number): number {
    const known = this.#changedBy.get(functionRva);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) return ALL;
    this.#changedBy.set(functionRva, ALL); // of a function that calls itself nothing is said
    const changed = this.#read(functionRva, depth);
    this.#changedBy.set(functionRva, changed);
    return changed;
  }

  #read(functionRva: number, depth: number): number {
    const section = this.#image.sectionAt(functionRva);
    if (section === undefined || !section.executable) return ALL;
    const { bytes, rva: from } = section;
    const operations = SCRATCH;
    operations.clear();
    const seen = SEEN;
    seen.clear();
    const callees: number[] = [];
    const waiting = [functionRva];
    let changed = 0;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      while (!seen.has(at)) {
        seen.add(at);
        if (seen.size > MAX_INSTRUCTIONS || this.#instructionsLeft-- <= 0) return ALL;
        if (at < from || at - from >= bytes.length) return ALL;
        const first = operations.count;
        const length = this.#front.append(bytes, at - from, bytes.length, at, operations);
        if (length === 0 || operations.count === first) return ALL;
        const { op, dst, low, count } = operations;
        let next: number | undefined = at + length;
        for (let i = first; i < count; i++) {
          if (dst[i] < 32) changed |= 1 << dst[i];
          if (op[i] === Op.killMany) changed |= low[i];
          else if (op[i] === Op.call) callees.push(low[i]);
          else if (op[i] === Op.callIndirect || op[i] === Op.jumpIndirect) return ALL;
          else if (op[i] === Op.branch) waiting.push(low[i]);
          else if (op[i] === Op.jump) next = low[i];
          else if (op[i] === Op.return || op[i] === Op.stop) next = undefined;
        }
        if ((changed & this.#volatile) === this.#volatile) return ALL;
        if (next === undefined) break;
        at = next;
      }
    }
    for (const callee of callees) changed |= this.#changed(callee, depth + 1);
    return changed;
  }
}
