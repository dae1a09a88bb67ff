/**
 * Finds what a register or a stack slot may hold at a place, walking backwards from it over every path.
 * Nothing else of the function is evaluated: the tags' constants are usually a few instructions away.
 */
import type { DriverImage } from '../pe/image-facts.ts';
import { compute, computeWithItself } from './arithmetic.ts';
import type { FunctionBody } from './function-body.ts';
import { Alu, BASE_IMAGE, Flag, NONE, Op, VECTOR0 } from './operations.ts';
import type { Place, Processor } from './processor.ts';
import { NO_SLOT } from './stack-slots.ts';
import { readConstant } from './static-memory.ts';
import { constant, UNKNOWN, type Value, ValueSet } from './values.ts';

/**
 * Operations looked at for one question. Honest code needs tens; the bound keeps hostile code from costing
 * more than a fraction of a millisecond a call site.
 */
const MAX_STEPS = 20_000;
/** Depth of expressions and of blocks behind blocks: each level is a frame of the JavaScript stack. */
const MAX_DEPTH = 200;

/** Registers are asked for by lane (byte offset), so that structures built in wide registers can be taken apart. */
type Wanted = { register: number; lane: number; width: number } | { slot: number; width: number };

export class ValueResolver {
  readonly #body: FunctionBody;
  readonly #image: DriverImage;
  readonly #processor: Processor;
  #steps = 0;
  /** Answers at block ends, by block and place; one in progress answers with nothing, which ends loops. */
  #known = new Map<number, ValueSet>();

  constructor(body: FunctionBody, image: DriverImage, processor: Processor) {
    this.#body = body;
    this.#image = image;
    this.#processor = processor;
  }

  /** The values that `place` may hold just before an operation; stack offsets count from the stack pointer there. */
  resolve(place: Place, before: number): ValueSet {
    this.#steps = 0;
    this.#known.clear();
    return this.#at(this.#wanted(place, before), before, 0);
  }

  /** The values of the address or pointer that an indirect call or jump goes through. */
  resolveTarget(operation: number): ValueSet {
    this.#steps = 0;
    this.#known.clear();
    const source = this.#body.operations.source[operation];
    if (source !== NONE) return this.#at({ register: source, lane: 0, width: 4 }, operation, 0);
    return this.#loaded(operation, 0, 4, 0);
  }

  #wanted(place: Place, before: number): Wanted {
    if ('register' in place) return { register: place.register, lane: 0, width: 4 };
    return { slot: this.#body.stackAt[before] + place.stackOffset, width: 4 };
  }

  /** Walks back from `before` to the operation that defines what is wanted. */
  #at(wanted: Wanted, before: number, depth: number): ValueSet {
    const number = this.#body.blockOf[Math.min(before, this.#body.operations.count - 1)];
    return this.#inBlock(wanted, before, number, depth);
  }

  #inBlock(wanted: Wanted, before: number, number: number, depth: number): ValueSet {
    const block = this.#body.blocks[number];
    for (let i = before - 1; i >= block.begin; i--) {
      if (++this.#steps > MAX_STEPS) return ValueSet.of(UNKNOWN);
      const result = 'register' in wanted ? this.#register(wanted, i, depth) : this.#slot(wanted, i, depth);
      if (result !== undefined) return result;
    }
    return this.#beforeBlock(wanted, number, depth);
  }

  #beforeBlock(wanted: Wanted, number: number, depth: number): ValueSet {
    const key = number * 0x2000000 + wantedKey(wanted);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = new ValueSet();
    this.#known.set(key, result);
    const block = this.#body.blocks[number];
    if (block.begin === 0) result.add(this.#atEntry(wanted));
    else if (block.predecessors.length === 0 || depth > MAX_DEPTH) result.add(UNKNOWN);
    if (depth > MAX_DEPTH) return result;
    for (const from of block.predecessors) {
      result.addAll(this.#inBlock(wanted, this.#body.blocks[from].end, from, depth + 1));
    }
    return result;
  }

  #atEntry(wanted: Wanted): Value {
    if (wanted.width !== 4) return UNKNOWN;
    if ('slot' in wanted) {
      return wanted.slot >= this.#processor.callPushes
        ? { kind: 'parameter', place: { stackOffset: wanted.slot } }
        : UNKNOWN;
    }
    if (wanted.lane !== 0 || !this.#processor.isArgumentRegister(wanted.register)) return UNKNOWN;
    return { kind: 'parameter', place: { register: wanted.register } };
  }

  /** What the operation gives the register, or undefined where it leaves it alone. */
  #register(
    wanted: { register: number; lane: number; width: number },
    i: number,
    depth: number,
  ): ValueSet | undefined {
    const operations = this.#body.operations;
    const op = operations.op[i];
    const register = wanted.register;
    if (op === Op.call || op === Op.callIndirect) {
      const isLost = register >= VECTOR0 || this.#processor.isVolatile(register);
      return isLost ? ValueSet.of(UNKNOWN) : undefined;
    }
    if (op === Op.killMany) {
      return register < 32 && (operations.low[i] & (1 << register)) !== 0 ? ValueSet.of(UNKNOWN) : undefined;
    }
    if (operations.dst[i] !== register) return undefined;
    if (depth > MAX_DEPTH) return ValueSet.of(UNKNOWN);
    switch (op) {
      case Op.move:
        return this.#narrow(wanted, i, depth, operations.size[i], () => this.#source(i, wanted, depth));
      case Op.load:
        return this.#narrow(wanted, i, depth, operations.size[i], () =>
          this.#loaded(i, wanted.lane, wanted.width, depth),
        );
      case Op.pop:
        return this.#at({ slot: this.#body.slot[i] + wanted.lane, width: wanted.width }, i, depth + 1);
      case Op.address:
        return wanted.lane === 0 ? this.#address(i, depth) : ValueSet.of(UNKNOWN);
      case Op.binary:
        return this.#narrow(wanted, i, depth, operations.size[i], () => this.#binary(i, wanted, depth));
      case Op.select: {
        const both = new ValueSet();
        both.addAll(this.#operand(operations.left[i], wanted, i, depth));
        both.addAll(this.#operand(operations.source[i], wanted, i, depth));
        return both;
      }
      case Op.flag:
        return this.#narrow(wanted, i, depth, operations.size[i] || 1, () => this.#zeroOrOne(i));
      case Op.zeroExtend:
      case Op.signExtend:
        return this.#extended(i, wanted, depth);
      case Op.insert:
        return this.#inserted(i, wanted, depth);
      case Op.negate:
      case Op.invert: {
        if (wanted.lane !== 0) return ValueSet.of(UNKNOWN);
        const rva = operations.rva[i];
        const all = constant(op === Op.negate ? 0 : 0xffffffff, 'computed', rva);
        const alu = op === Op.negate ? Alu.subtract : Alu.xor;
        return this.#at(wanted, i, depth + 1).map(value => compute(alu, all, value, rva)[0]);
      }
      default:
        return ValueSet.of(UNKNOWN);
    }
  }

  /** A write of 1 or 2 bytes changes only those of the register; one of 4 clears the upper half. */
  #narrow(
    wanted: { register: number; lane: number; width: number },
    i: number,
    depth: number,
    size: number,
    written: () => ValueSet,
  ): ValueSet {
    if (wanted.register >= VECTOR0) {
      return wanted.lane + wanted.width <= size ? written() : ValueSet.of(constant(0, 'computed', 0));
    }
    if (wanted.lane >= 4) return size === 8 ? written() : ValueSet.of(constant(0, 'computed', 0));
    if (size >= wanted.width) return written();
    const mask = size === 1 ? 0xff : 0xffff;
    const rest = this.#at(wanted, i, depth + 1);
    const rva = this.#body.operations.rva[i];
    return rest.combine(written(), (old, part) =>
      old.kind === 'constant' && part.kind === 'constant'
        ? constant((old.value & ~mask) | (part.value & mask), 'computed', rva)
        : UNKNOWN,
    );
  }

  #source(i: number, wanted: { lane: number; width: number }, depth: number): ValueSet {
    const operations = this.#body.operations;
    const source = operations.source[i];
    if (source !== NONE)
      return this.#at({ register: source, lane: wanted.lane, width: wanted.width }, i, depth + 1);
    return ValueSet.of(this.#immediate(i, wanted.lane));
  }

  /** A register of a select; NONE is ARM64's zero register. */
  #operand(register: number, wanted: { lane: number; width: number }, i: number, depth: number): ValueSet {
    if (register === NONE) return ValueSet.of(constant(0, 'computed', this.#body.operations.rva[i]));
    return this.#at({ register, lane: wanted.lane, width: wanted.width }, i, depth + 1);
  }

  #immediate(i: number, lane: number): Value {
    const operations = this.#body.operations;
    if (operations.flags[i] === Flag.immediateIsAddress) {
      return lane === 0 ? { kind: 'address', rva: operations.low[i] } : UNKNOWN;
    }
    if (lane >= 8) return constant(0, 'immediate', operations.rva[i]);
    return constant(lane === 0 ? operations.low[i] : operations.high[i], 'immediate', operations.rva[i]);
  }

  #zeroOrOne(i: number): ValueSet {
    const rva = this.#body.operations.rva[i];
    return ValueSet.of(constant(0, 'computed', rva), constant(1, 'computed', rva));
  }

  /** What a load reads: a stack slot, or memory of the image. */
  #loaded(i: number, lane: number, width: number, depth: number): ValueSet {
    const operations = this.#body.operations;
    if (this.#body.slot[i] !== NO_SLOT) {
      return this.#at({ slot: this.#body.slot[i] + lane, width }, i, depth + 1);
    }
    if (operations.index[i] !== NONE || width !== 4) return ValueSet.of(UNKNOWN);
    const base = operations.base[i];
    if (base === BASE_IMAGE) return ValueSet.of(this.#memory(operations.displacement[i] + lane));
    if (base >= VECTOR0) return ValueSet.of(UNKNOWN);
    const displacement = operations.displacement[i] + lane;
    return this.#at({ register: base, lane: 0, width: 4 }, i, depth + 1).map(value =>
      value.kind === 'address' ? this.#memory((value.rva + displacement) | 0) : UNKNOWN,
    );
  }

  /** Constants of the image are read at once; what may change at run time stays a place in memory. */
  #memory(rva: number): Value {
    return readConstant(this.#image, rva) ?? { kind: 'memory', rva };
  }

  #address(i: number, depth: number): ValueSet {
    const operations = this.#body.operations;
    const rva = operations.rva[i];
    const base = operations.base[i];
    const index = operations.index[i];
    const displacement = constant(operations.displacement[i], 'computed', rva);
    if (base === BASE_IMAGE) {
      return index === NONE
        ? ValueSet.of({ kind: 'address', rva: operations.displacement[i] })
        : ValueSet.of(UNKNOWN);
    }
    if (base >= VECTOR0 && base !== NONE) return ValueSet.of(UNKNOWN);
    const scale = 1 << operations.scale[i];
    let sum = ValueSet.of(displacement);
    const parts: [register: number, factor: number][] = [];
    // The same register twice is one value times three, not two values that vary apart.
    if (base !== NONE) parts.push([base, base === index ? 1 + scale : 1]);
    if (index !== NONE && index !== base) parts.push([index, scale]);
    for (const [register, factor] of parts) {
      const scaled = this.#at({ register, lane: 0, width: 4 }, i, depth + 1).map(value =>
        factor === 1 ? value : compute(Alu.multiply, value, constant(factor, 'computed', rva), rva)[0],
      );
      sum = sum.combine(scaled, (left, right) => compute(Alu.add, right, left, rva)[0]);
    }
    return sum;
  }

  #binary(i: number, wanted: { lane: number; width: number }, depth: number): ValueSet {
    const operations = this.#body.operations;
    const alu = operations.alu[i];
    const rva = operations.rva[i];
    const left = operations.left[i];
    const source = operations.source[i];
    if (wanted.width === 4 && operations.size[i] === 8 && source === NONE && operations.low[i] === 32) {
      const moved = this.#shiftedByHalf(alu, left, wanted.lane, i, depth);
      if (moved !== undefined) return moved;
    }
    const isLanewise = alu === Alu.and || alu === Alu.or || alu === Alu.xor;
    if (wanted.lane !== 0 && !isLanewise) return ValueSet.of(UNKNOWN);
    if (left === source) {
      const itself = computeWithItself(alu, rva);
      if (itself !== undefined) return ValueSet.of(...itself);
      const same = this.#at({ register: left, lane: wanted.lane, width: wanted.width }, i, depth + 1);
      return same.map(value => compute(alu, value, value, rva)[0]);
    }
    const lefts = this.#at({ register: left, lane: wanted.lane, width: wanted.width }, i, depth + 1);
    const rights = this.#source(i, wanted, depth);
    const results = new ValueSet();
    for (const a of lefts.values) {
      for (const b of rights.values) for (const value of compute(alu, a, b, rva)) results.add(value);
    }
    return results;
  }

  /** `shl rax, 20h` and `shr rax, 20h` move one half of a register to the other. */
  #shiftedByHalf(alu: number, left: number, lane: number, i: number, depth: number): ValueSet | undefined {
    const zero = constant(0, 'computed', this.#body.operations.rva[i]);
    if (alu === Alu.shiftLeft) {
      return lane === 0 ? ValueSet.of(zero) : this.#at({ register: left, lane: 0, width: 4 }, i, depth + 1);
    }
    if (alu === Alu.shiftRight) {
      return lane === 4 ? ValueSet.of(zero) : this.#at({ register: left, lane: 4, width: 4 }, i, depth + 1);
    }
    return undefined;
  }

  #extended(i: number, wanted: { lane: number; width: number }, depth: number): ValueSet {
    const operations = this.#body.operations;
    const size = operations.size[i];
    const isSigned = operations.op[i] === Op.signExtend;
    const rva = operations.rva[i];
    if (wanted.lane !== 0) return ValueSet.of(isSigned ? UNKNOWN : constant(0, 'computed', rva));
    const narrow = this.#at(
      { register: operations.source[i], lane: 0, width: Math.min(size, wanted.width) },
      i,
      depth + 1,
    );
    if (size >= 4) return narrow;
    const shift = 32 - 8 * size;
    return narrow.map(value => {
      if (value.kind !== 'constant') return UNKNOWN;
      const upper = value.value << shift;
      return constant(isSigned ? upper >> shift : upper >>> shift, 'computed', rva);
    });
  }

  #inserted(i: number, wanted: { register: number; lane: number; width: number }, depth: number): ValueSet {
    const operations = this.#body.operations;
    const lane = operations.high[i];
    const size = operations.size[i];
    if (wanted.lane >= lane && wanted.lane + wanted.width <= lane + size) {
      const inner = { register: operations.source[i], lane: wanted.lane - lane, width: wanted.width };
      return operations.source[i] === NONE
        ? ValueSet.of(this.#immediate(i, inner.lane))
        : this.#at(inner, i, depth + 1);
    }
    if (wanted.lane >= lane + size || wanted.lane + wanted.width <= lane)
      return this.#at(wanted, i, depth + 1);
    if (lane < wanted.lane || lane + size > wanted.lane + wanted.width) return ValueSet.of(UNKNOWN);
    return this.#mixed(i, wanted, lane - wanted.lane, size, depth);
  }

  /** Part of the wanted bytes is replaced: `movk` builds a constant in halves. */
  #mixed(
    i: number,
    wanted: { register: number; lane: number; width: number },
    at: number,
    size: number,
    depth: number,
  ): ValueSet {
    const operations = this.#body.operations;
    const mask = (size === 1 ? 0xff : 0xffff) << (8 * at);
    const source = operations.source[i];
    const part =
      source === NONE
        ? ValueSet.of(this.#immediate(i, 0))
        : this.#at({ register: source, lane: 0, width: size }, i, depth + 1);
    return this.#at(wanted, i, depth + 1).combine(part, (old, inserted) =>
      old.kind === 'constant' && inserted.kind === 'constant'
        ? constant(
            (old.value & ~mask) | ((inserted.value << (8 * at)) & mask),
            'immediate',
            operations.rva[i],
          )
        : UNKNOWN,
    );
  }

  /** What the operation stores into the slot, or undefined where it leaves it alone. */
  #slot(wanted: { slot: number; width: number }, i: number, depth: number): ValueSet | undefined {
    const operations = this.#body.operations;
    const op = operations.op[i];
    const slot = this.#body.slot[i];
    if (slot === NO_SLOT || (op !== Op.store && op !== Op.push)) return undefined;
    const size = op === Op.push ? this.#processor.pointerSize : Math.max(operations.size[i], 1);
    if (slot + size <= wanted.slot || slot >= wanted.slot + wanted.width) return undefined;
    const lane = wanted.slot - slot;
    if (lane < 0 || lane + wanted.width > size || operations.size[i] === 1) return ValueSet.of(UNKNOWN);
    if (op === Op.push && operations.base[i] !== NONE) return this.#pushedMemory(i, lane, depth);
    if (op === Op.store && operations.size[i] === 0) return ValueSet.of(UNKNOWN);
    return this.#source(i, { lane, width: wanted.width }, depth);
  }

  /** `push [memory]`: the slot of the operation is where it writes, so the memory is resolved by its base. */
  #pushedMemory(i: number, lane: number, depth: number): ValueSet {
    const operations = this.#body.operations;
    const base = operations.base[i];
    if (operations.index[i] !== NONE) return ValueSet.of(UNKNOWN);
    if (base === BASE_IMAGE) return ValueSet.of(this.#memory(operations.displacement[i] + lane));
    if (base >= VECTOR0) return ValueSet.of(UNKNOWN);
    const from = this.#body.pushedFrom[i];
    if (from !== NO_SLOT) return this.#at({ slot: from + lane, width: 4 }, i, depth + 1);
    return this.#at({ register: base, lane: 0, width: 4 }, i, depth + 1).map(value =>
      value.kind === 'address' ? this.#memory((value.rva + operations.displacement[i] + lane) | 0) : UNKNOWN,
    );
  }
}

function wantedKey(wanted: Wanted): number {
  if ('register' in wanted) return wanted.register * 64 + wanted.lane * 4 + Math.log2(wanted.width);
  return 0x4000 + ((wanted.slot + 0x100000) & 0x1fffff) * 4 + Math.log2(wanted.width);
}
