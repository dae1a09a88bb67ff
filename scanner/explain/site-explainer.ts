/** Explains one site after the other: the way of the constant in words, and the code that it goes through. */
import type { Evidence } from '../../data/facts.ts';
import { PROTECTED_BIT, tagText } from '../../data/pool-tag.ts';
import { looksLikeTag } from '../code/bytes/tag-characters.ts';
import type { TagUse } from '../code/facts/tag-use.ts';
import { PROCESSORS, type Processor } from '../code/processors/processor.ts';
import type { Disassembler } from '../disassembly/disassembler.ts';
import { bytesText } from '../disassembly/instruction-bytes.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import { codeListing, type ListingWish } from './code-listing.ts';
import { tagWithoutBit } from './computed-family.ts';
import type { FunctionInstructions } from './function-instructions.ts';
import { stepsOfUse } from './path-steps.ts';
import type { CodeListing, ExplainedSite, PathStep } from './tag-explanation.ts';

/** Listings of code elsewhere than around the call: a constant comes from one other function, seldom from two. */
const MAX_OTHER_LISTINGS = 3;
/** Wrappers shown with their code; tags go through one or two. */
const MAX_WRAPPER_LISTINGS = 8;
/** How far before the second half of an ARM64 constant its first half may stand. */
const HALVES_APART = 6;

/** The tag that is explained. */
export interface ExplainedTag {
  /** `'TCon'`. */
  quoted: string;
  /** None where a character is computed. */
  ulong: number | undefined;
}

/** The code of one site. */
interface SiteCode {
  functionRva: number;
  callRva: number;
  path: readonly number[];
  constantRva?: number | null;
  ulong: number | undefined;
  note: string;
  computed?: ListingWish['computed'];
}

export class SiteExplainer {
  readonly #instructions: FunctionInstructions;
  readonly #disassembler: Disassembler;
  readonly #processor: Processor;
  readonly #tag: ExplainedTag;
  readonly #wrapperCalls = new Map<number, number>();

  constructor(
    { arch }: DriverImage,
    instructions: FunctionInstructions,
    disassembler: Disassembler,
    tag: ExplainedTag,
  ) {
    this.#processor = PROCESSORS[arch];
    this.#instructions = instructions;
    this.#disassembler = disassembler;
    this.#tag = tag;
  }

  /** `use` is what a traced analysis found of the site; literals and default tags have none. */
  explain(evidence: Evidence, use: TagUse | undefined): ExplainedSite {
    if (use === undefined) return this.#withoutUse(evidence);
    const { familyBase, madeOf } = use;
    /** As it stands: a function on the way may make the tag of it. */
    const ulong = madeOf?.number ?? use.ulong;
    const isProtected = (ulong & PROTECTED_BIT) !== 0;
    const { quoted } = this.#tag;
    const isWhole = familyBase === undefined && madeOf === undefined;
    const isDigit = madeOf !== undefined && !looksLikeTag(ulong);
    const other = isDigit ? `0x${ulong.toString(16)}` : `'${tagText(tagWithoutBit(ulong))}'`;
    const constant = isWhole ? quoted : other;
    const note = `${constant}${isProtected ? ' with PROTECTED_POOL (bit 31)' : ''}`;
    const words = familyBase === undefined ? note : `${note}, the base of ${quoted},`;
    const textAt = (rva: number) => this.#disassembler.at(rva)?.text ?? null;
    const path = this.#pathOf({ ...use, ulong });
    use.callee.wrapperCalls.forEach((callRva, i) => {
      this.#wrapperCalls.set(callRva, use.callee.wrappers[i]);
    });
    return {
      evidence,
      steps: stepsOfUse({ ...use, path }, evidence, words, this.#processor, textAt),
      // Without a path, what bounds a counted tag is part of the picture, but does not hold it.
      listings: this.#listings({
        functionRva: use.functionRva,
        callRva: use.rva,
        path: path ?? [use.constantRva],
        constantRva: path?.[0],
        ulong,
        note,
        computed: familyBase && { rva: use.constantRva, note: quoted },
      }),
    };
  }

  /** What carried the constant. A store that holds it itself leaves no path: it is all of it. */
  #pathOf({ path, familyBase, constantRva, ulong }: TagUse): readonly number[] | undefined {
    if (path !== undefined || familyBase !== undefined) return path;
    if (this.#instructionHolding(constantRva) !== constantRva) return undefined;
    const bytes = this.#disassembler.at(constantRva)?.bytes ?? '';
    return bytes.includes(bytesText(littleEndian(ulong))) ? [constantRva] : undefined;
  }

  /** The call in each wrapper that the sites so far went through. */
  wrapperListings(): CodeListing[] {
    const calls = [...this.#wrapperCalls].slice(0, MAX_WRAPPER_LISTINGS);
    const { ulong, quoted } = this.#tag;
    return calls.flatMap(([callRva, functionRva]) =>
      this.#listings({ functionRva, callRva, path: [], ulong, note: quoted }),
    );
  }

  #withoutUse(evidence: Evidence): ExplainedSite {
    const { rva, kind, rule, api } = evidence;
    const isCall = api !== undefined;
    const steps: PathStep[] = [];
    const instructionRva = rva === undefined ? undefined : this.#instructionHolding(rva);
    if (rva !== undefined) {
      const text =
        kind === 'default-tag'
          ? 'this call names no tag of its own'
          : isCall
            ? `${this.#tag.quoted} reaches this call`
            : `the four bytes of ${this.#tag.quoted} stand here, and no call is known that takes them as a tag`;
      const instruction = instructionRva === undefined ? null : this.#disassembler.at(instructionRva)!.text;
      steps.push({ kind: isCall ? 'call' : 'constant', rva, text, instruction });
    }
    if (rule !== undefined) steps.push({ kind: 'function', rva: null, text: rule, instruction: null });
    return { evidence, steps, listings: this.#listingsAround(instructionRva, isCall) };
  }

  /** The instruction that the byte at an RVA belongs to; undefined for text and tables that lie among the code. */
  #instructionHolding(rva: number): number | undefined {
    const functionRva = this.#instructions.functionAt(rva);
    if (functionRva === undefined || !this.#instructions.isSure(functionRva)) return undefined;
    const start = this.#instructions.of(functionRva).findLast(one => one <= rva);
    const length = start === undefined ? 0 : (this.#disassembler.at(start)?.length ?? 0);
    return start !== undefined && rva < start + length ? start : undefined;
  }

  #listingsAround(rva: number | undefined, isCall: boolean): CodeListing[] {
    const functionRva = rva === undefined ? undefined : this.#instructions.functionAt(rva);
    if (rva === undefined || functionRva === undefined) return [];
    const { ulong, quoted } = this.#tag;
    const constantRva = isCall ? undefined : rva;
    const path = isCall ? [] : [rva];
    return this.#listings({ functionRva, callRva: rva, path, constantRva, ulong, note: quoted });
  }

  #listings(code: SiteCode): CodeListing[] {
    const { functionRva: own, callRva, path, constantRva = null, ulong, note, computed } = code;
    const ownInstructions = new Set(this.#instructions.of(own));
    const byFunction = new Map<number, number[]>();
    byFunction.set(own, []);
    for (const rva of this.#withFirstHalf(path)) {
      // Rare parts of a function may stand far from it, where they look like another one.
      const functionRva = ownInstructions.has(rva) ? own : this.#instructions.functionAt(rva);
      if (functionRva === undefined) continue;
      byFunction.set(functionRva, [...(byFunction.get(functionRva) ?? []), rva]);
    }
    const tag = { note, bytes: ulong === undefined ? undefined : bytesText(littleEndian(ulong)) };
    return [...byFunction].slice(0, MAX_OTHER_LISTINGS + 1).flatMap(([functionRva, carriers]) => {
      const wish = {
        functionRva,
        callRva: functionRva === own ? callRva : undefined,
        path: carriers,
        constantRva,
        tag,
        computed,
      };
      return codeListing(wish, this.#instructions.of(functionRva), this.#disassembler) ?? [];
    });
  }

  /** On ARM64 a constant is put together from halves; the first one belongs to the picture. */
  #withFirstHalf(path: readonly number[]): readonly number[] {
    const register = /^movk ([wx]\d+),/.exec(this.#disassembler.at(path[0] ?? -1)?.text ?? '')?.[1];
    if (register === undefined) return path;
    for (let rva = path[0] - 4; rva >= path[0] - 4 * HALVES_APART; rva -= 4) {
      const text = this.#disassembler.at(rva)?.text ?? '';
      if (text.startsWith(`mov ${register},#`)) return [...path, rva];
    }
    return path;
  }
}

function littleEndian(ulong: number): Uint8Array {
  return Uint8Array.of(ulong & 0xff, (ulong >>> 8) & 0xff, (ulong >>> 16) & 0xff, ulong >>> 24);
}
