/** Arithmetic on possible values, in 32 bits: ternaries and switches are folded into it by compilers. */
import { Alu } from './operations.ts';
import { constant, UNKNOWN, type Value } from './values.ts';

/** What `left ALU right` gives; `rva` is where it is computed. Carry counts as both 0 and 1: see {@link compute}. */
function computeOne(alu: number, left: Value, right: Value, rva: number, carry: number): Value {
  if (left.kind === 'constant' && right.kind === 'constant') {
    const result = computeNumber(alu, left.value, right.value, carry);
    return result === undefined ? UNKNOWN : constant(result, 'computed', rva);
  }
  if (left.kind === 'address' && right.kind === 'constant') {
    if (alu === Alu.add) return { kind: 'address', rva: (left.rva + right.value) | 0 };
    if (alu === Alu.subtract) return { kind: 'address', rva: (left.rva - right.value) | 0 };
  }
  if (left.kind === 'constant' && right.kind === 'address' && alu === Alu.add) {
    return { kind: 'address', rva: (left.value + right.rva) | 0 };
  }
  if (left.kind === 'constant' || right.kind === 'constant') {
    const known = left.kind === 'constant' ? left.value : right.kind === 'constant' ? right.value : 1;
    if (alu === Alu.and && known === 0) return constant(0, 'computed', rva);
    if (alu === Alu.or && known === 0xffffffff) return constant(known, 'computed', rva);
  }
  return UNKNOWN;
}

/** The possible results of `left ALU right`. */
export function compute(alu: number, left: Value, right: Value, rva: number): Value[] {
  const usesCarry = alu === Alu.addWithCarry || alu === Alu.subtractWithBorrow;
  const without = computeOne(alu, left, right, rva, 0);
  return usesCarry ? [without, computeOne(alu, left, right, rva, 1)] : [without];
}

function computeNumber(alu: number, left: number, right: number, carry: number): number | undefined {
  switch (alu) {
    case Alu.add:
    case Alu.addWithCarry:
      return left + right + carry;
    case Alu.subtract:
    case Alu.subtractWithBorrow:
      return left - right - carry;
    case Alu.or:
      return left | right;
    case Alu.and:
      return left & right;
    case Alu.xor:
      return left ^ right;
    case Alu.shiftLeft:
      return right > 31 ? 0 : left << right;
    case Alu.shiftRight:
      return right > 31 ? 0 : left >>> right;
    case Alu.shiftRightSigned:
      return (left | 0) >> Math.min(right, 31);
    case Alu.multiply:
      return Math.imul(left, right);
  }
  return undefined;
}

/** What an operation gives when both its operands are the same register, whatever that holds. */
export function computeWithItself(alu: number, rva: number): Value[] | undefined {
  if (alu === Alu.xor || alu === Alu.subtract) return [constant(0, 'computed', rva)];
  if (alu === Alu.subtractWithBorrow)
    return [constant(0, 'computed', rva), constant(0xffffffff, 'computed', rva)];
  return undefined;
}
