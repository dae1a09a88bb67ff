/**
 * What a function makes of constant arguments: `MakeTag("Abcd")`, `MakeTag('A', 'b', 'c', 'd')`. Without optimisation a compiler calls
 * such a function wherever it need not know the tag itself. Its operations are carried out one by one, as the processor would: it must
 * call nothing, decide nothing and write to its own frame only, so that what it returns follows from what it is given.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Alu, BASE_IMAGE, Flag, indexFactor, NONE, Op } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import { compute } from './arithmetic.ts';
import { address, carriedBy, constant } from './make-value.ts';
import { OtherFunction } from './other-function.ts';
import { readConstant } from './static-memory.ts';
import type { Value } from './values.ts';

/** Operations that are carried out; putting four characters together takes thirty without optimisation. */
const MAX_OPERATIONS = 200;
/** Jumps that are taken, from an entry of a linker's table of jumps among them. */
const MAX_JUMPS = 8;

/** Bytes of such a function: it is decoded for each call whose result is a tag. */
const MAX_BYTES = 1024;

/** Bytes that one store writes at most. */
const WIDEST = 8;

/** What the caller passes, as the function sees that at its entry. */
interface Caller {
  passed(place: Place): readonly Value[];
  /** In the lowest byte of a register. */
  bytePassed(register: number): readonly Value[];
}

/** A number or an address of the image, of which the lowest bytes are known. */
interface Cell {
  value: Value;
  bytes: number;
}

/** Operations that change nothing which is followed here. */
const WITHOUT_EFFECT: ReadonlySet<number> = new Set([Op.nothing, Op.compare]);

/** Carries out one function at a time. */
export class WorkedOutResults extends OtherFunction {
  readonly #registers = new Map<number, Cell | undefined>();
  readonly #frame = new Map<number, Cell | undefined>();
  #caller: Caller | undefined;

  /** The tag that the function returns for what it is passed. */
  of(functionRva: number, caller: Caller): Value | undefined {
    this.#registers.clear();
    this.#frame.clear();
    this.#caller = caller;
    if (!this.#decodeSmall(functionRva)) return undefined;
    const { operations } = this.body;
    let jumps = 0;
    let i = 0;
    for (let steps = 0; i >= 0 && i < operations.count && steps < MAX_OPERATIONS; steps++) {
      const { op, low } = operations;
      if (op[i] === Op.return) return this.#result();
      if (op[i] === Op.jump) {
        if (++jumps > MAX_JUMPS) return undefined;
        const isOutside = !this.body.contains(low[i]);
        // A jump to another function stands for it where nothing has been done before.
        if (isOutside && (steps >= MAX_JUMPS || !this.#decodeSmall(low[i]))) return undefined;
        i = isOutside ? 0 : this.body.operationAt(low[i]);
      } else if (this.#carryOut(i)) i = this.#next(i);
      else return undefined;
    }
    return undefined;
  }

  #decodeSmall(functionRva: number): boolean {
    const pieces = this.code.functions.pieces(functionRva);
    const bytes = pieces.reduce((sum, { beginRva, endRva }) => sum + endRva - beginRva, 0);
    return bytes <= MAX_BYTES && this.decode(functionRva);
  }

  #result(): Value | undefined {
    const found = this.#register(this.code.processor.resultRegister, 4);
    if (found?.kind !== 'constant' || !looksLikeTag(found.value)) return undefined;
    const tag = constant(found.value, 'computed', found.rva);
    return this.code.isTraced ? carriedBy(tag, found.rva) : tag;
  }

  /** Runs are decoded in the order in which they are found: what comes next need not stand behind. */
  #next(i: number): number {
    const { rva, nextRva, count } = this.body.operations;
    return i + 1 < count && (rva[i + 1] === rva[i] || rva[i + 1] === nextRva[i])
      ? i + 1
      : this.body.operationAt(nextRva[i]);
  }

  /** Carries out operation `i`; false where what it does is not followed. */
  #carryOut(i: number): boolean {
    const { op, dst, source, size } = this.body.operations;
    const { slot } = this.body;
    const { pointerSize } = this.code.processor;
    switch (op[i]) {
      case Op.store:
        if (slot[i] === NO_SLOT || size[i] === 0) return false;
        return this.#setFrame(slot[i], this.#source(i), size[i]);
      case Op.push:
        // What is pushed from memory is not looked at: no compiler passes a character on like that.
        return this.#setFrame(slot[i], source[i] === NONE ? undefined : this.#source(i), pointerSize);
      case Op.pop:
        return this.#set(dst[i], this.#slot(slot[i], pointerSize), pointerSize);
      case Op.load:
        return this.#set(dst[i], this.#load(i, size[i]), size[i]);
      case Op.kill:
        return this.#set(dst[i], this.#narrowLoad(i), 4);
      case Op.move:
      case Op.address:
      case Op.binary:
      case Op.zeroExtend:
      case Op.signExtend:
      case Op.negate:
      case Op.invert:
        return this.#set(dst[i], this.#computed(i), op[i] === Op.move ? size[i] : 4);
      default:
        return WITHOUT_EFFECT.has(op[i]);
    }
  }

  #set(register: number, value: Value | undefined, bytes: number): boolean {
    if (register !== NONE) this.#registers.set(register, value && { value, bytes });
    return true;
  }

  #setFrame(slot: number, value: Value | undefined, bytes: number): boolean {
    // What the store reaches into is no longer known, nor is an argument that was not read before.
    for (let at = slot - WIDEST + 1; at < slot + bytes; at++) {
      const reach = this.#frame.has(at) ? (this.#frame.get(at)?.bytes ?? 0) : 4;
      if (at + reach > slot) this.#frame.set(at, undefined);
    }
    this.#frame.set(slot, value && { value, bytes });
    return true;
  }

  /** `bytes` of a register; of one that the function has not written yet, what it is passed there. */
  #register(register: number, bytes: number): Value | undefined {
    if (register === NONE) return undefined;
    if (!this.#registers.has(register) && this.code.processor.isArgumentRegister(register))
      this.#registers.set(register, this.#passedIn(register));
    return known(this.#registers.get(register), bytes);
  }

  #slot(slot: number, bytes: number): Value | undefined {
    if (!this.#frame.has(slot) && slot > 0) {
      const value = this.#onlyPassed({ stackOffset: slot });
      this.#frame.set(slot, value && { value, bytes: 4 });
    }
    return known(this.#frame.get(slot), bytes);
  }

  /** Of a character, Microsoft's compilers write the lowest byte alone. */
  #passedIn(register: number): Cell | undefined {
    const whole = this.#onlyPassed({ register });
    if (whole !== undefined) return { value: whole, bytes: 4 };
    const byte = onlyKnown(this.#caller?.bytePassed(register) ?? []);
    return byte === undefined ? undefined : { value: byte, bytes: 1 };
  }

  #onlyPassed(place: Place): Value | undefined {
    return onlyKnown(this.#caller?.passed(place) ?? []);
  }

  #source(i: number): Value | undefined {
    const { source, low, flags, rva, size } = this.body.operations;
    if (source[i] !== NONE) return this.#register(source[i], Math.min(size[i] || 4, 4));
    return flags[i] === Flag.immediateIsAddress ? address(low[i]) : constant(low[i], 'computed', rva[i]);
  }

  /** Where the memory operand is, in the image. */
  #address(i: number): number | undefined {
    const { base, index, scale, displacement } = this.body.operations;
    let distance = displacement[i];
    // Without optimisation Microsoft's compilers multiply a constant index: `text[2]` is `mov eax, 1; imul rax, rax, 2`.
    if (index[i] !== NONE) {
      const number = this.#register(index[i], 4);
      if (number?.kind !== 'constant') return undefined;
      distance += Math.imul(number.value, indexFactor(scale[i]));
    }
    if (base[i] === BASE_IMAGE) return distance | 0;
    const pointer = this.#register(base[i], 4);
    return pointer?.kind === 'address' ? (pointer.rva + distance) | 0 : undefined;
  }

  #load(i: number, bytes: number): Value | undefined {
    const slot = this.body.slot[i];
    if (slot !== NO_SLOT) return this.#slot(slot, bytes);
    const rva = this.#address(i);
    return rva === undefined ? undefined : readOnly(this.code.image, rva, bytes);
  }

  /** A load of a character: the fronts do not say whether its sign is extended, which changes none that a tag has. */
  #narrowLoad(i: number): Value | undefined {
    const { base, size } = this.body.operations;
    if (base[i] === NONE || (size[i] !== 1 && size[i] !== 2)) return undefined;
    const value = this.#load(i, size[i]);
    if (value?.kind !== 'constant') return undefined;
    const number = size[i] === 1 ? value.value & 0xff : value.value & 0xffff;
    return number < (size[i] === 1 ? 0x80 : 0x8000) ? numberLike(value, number) : undefined;
  }

  #computed(i: number): Value | undefined {
    const { op, alu, left, source, size, rva } = this.body.operations;
    switch (op[i]) {
      case Op.move:
        return this.#source(i);
      case Op.address: {
        const at = this.#address(i);
        return at === undefined ? undefined : address(at);
      }
      case Op.zeroExtend:
      case Op.signExtend: {
        const value = this.#register(source[i], Math.min(size[i], 4));
        if (value?.kind !== 'constant') return size[i] < 4 ? undefined : value;
        const shift = 32 - 8 * Math.min(size[i], 4);
        const shifted = value.value << shift;
        return numberLike(value, op[i] === Op.signExtend ? shifted >> shift : shifted >>> shift);
      }
      case Op.binary: {
        const one = this.#register(left[i], 4);
        const other = this.#source(i);
        // The upper half of a wide register would come down.
        const isWide = size[i] === 8 && (alu[i] === Alu.shiftRight || alu[i] === Alu.shiftRightSigned);
        if (one === undefined || other === undefined || isWide || size[i] < 4) return undefined;
        return onlyKnown(compute(alu[i], one, other, rva[i]));
      }
      default: {
        const value = this.#register(source[i], 4);
        if (value?.kind !== 'constant') return undefined;
        return numberLike(value, op[i] === Op.negate ? -value.value : ~value.value);
      }
    }
  }
}

/** Another number, that stands or was computed where one did. */
function numberLike({ origin, rva }: Extract<Value, { kind: 'constant' }>, number: number): Value {
  return constant(number, origin, rva);
}

function known(cell: Cell | undefined, bytes: number): Value | undefined {
  return cell !== undefined && (cell.bytes >= bytes || cell.bytes >= 4) ? cell.value : undefined;
}

function onlyKnown(values: readonly Value[]): Value | undefined {
  const [value] = values;
  return values.length === 1 && (value.kind === 'constant' || value.kind === 'address') ? value : undefined;
}

/** Bytes of the image that nothing changes. */
function readOnly(image: DriverImage, rva: number, bytes: number): Value | undefined {
  const section = image.sectionAt(rva);
  if (section === undefined || section.writable) return undefined;
  if (bytes >= 4) return readConstant(image, rva);
  const value = image.u32At(rva);
  return value === undefined ? undefined : constant(value & (bytes === 1 ? 0xff : 0xffff), 'computed', rva);
}
