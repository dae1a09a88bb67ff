/** ARM64 instructions that work on constants. Source: Arm Architecture Reference Manual, C4.1.92. */
import { bitmaskImmediate } from '../../code/processors/arm64/bitmask-immediate.ts';
import {
  type AddressWriter,
  bits,
  immediate,
  instruction,
  register,
  registerOrSp,
  signed,
} from './operands.ts';

const PAGE_BITS = 12;

/** The text of an instruction of the group `100x`; undefined for one that is not written out. */
export function immediateText(word: number, rva: number, address: AddressWriter): string | undefined {
  switch (bits(word, 25, 23)) {
    case 0b000:
    case 0b001:
      return pageText(word, rva, address);
    case 0b010:
      return sumText(word);
    case 0b100:
      return logicalText(word);
    case 0b101:
      return moveWideText(word);
    case 0b110:
      return bitfieldText(word);
    case 0b111:
      return extractText(word);
  }
  return undefined;
}

function pageText(word: number, rva: number, address: AddressWriter): string {
  const distance = signed((bits(word, 23, 5) << 2) | bits(word, 30, 29), 21);
  const destination = register(word & 31, true);
  if (word >= 0) return instruction('adr', destination, address(rva + distance));
  return instruction('adrp', destination, address(pageOf(rva) + distance * 2 ** PAGE_BITS));
}

function pageOf(rva: number): number {
  return rva - (rva % 2 ** PAGE_BITS);
}

function sumText(word: number): string {
  const is64 = word < 0;
  const isSubtraction = bits(word, 30, 30) === 1;
  const setsFlags = bits(word, 29, 29) === 1;
  const value = bits(word, 21, 10);
  const isHigh = bits(word, 22, 22) === 1;
  const destination = word & 31;
  const source = registerOrSp(bits(word, 9, 5), is64);
  const amount = immediate(value) + (isHigh ? `,lsl ${immediate(PAGE_BITS)}` : '');
  if (setsFlags && destination === 31) return instruction(isSubtraction ? 'cmp' : 'cmn', source, amount);
  const involvesSp = destination === 31 || bits(word, 9, 5) === 31;
  if (!isSubtraction && !setsFlags && value === 0 && !isHigh && involvesSp) {
    return instruction('mov', registerOrSp(destination, is64), source);
  }
  const target = setsFlags ? register(destination, is64) : registerOrSp(destination, is64);
  return instruction(`${isSubtraction ? 'sub' : 'add'}${setsFlags ? 's' : ''}`, target, source, amount);
}

const LOGICAL = ['and', 'orr', 'eor', 'ands'];

function logicalText(word: number): string | undefined {
  const is64 = word < 0;
  const n = bits(word, 22, 22);
  if (!is64 && n === 1) return undefined;
  const mask = bitmaskImmediate(n, bits(word, 21, 16), bits(word, 15, 10));
  if (mask === undefined) return undefined;
  const wide = (BigInt(mask.high >>> 0) << 32n) | BigInt(mask.low >>> 0);
  const value = immediate(is64 ? wide : mask.low >>> 0);
  const operation = bits(word, 30, 29);
  const source = bits(word, 9, 5);
  const destination = word & 31;
  if (operation === 1 && source === 31 && !isMovedWide(is64 ? wide : wide & 0xffffffffn, is64)) {
    const whole = is64 ? BigInt.asIntN(64, wide) : mask.low;
    return instruction('mov', registerOrSp(destination, is64), immediate(whole));
  }
  if (operation === 3 && destination === 31) return instruction('tst', register(source, is64), value);
  const target = operation === 3 ? register(destination, is64) : registerOrSp(destination, is64);
  return instruction(LOGICAL[operation], target, register(source, is64), value);
}

/** Whether movz or movn can make the value: then those are `mov`, and orr stays orr. */
function isMovedWide(value: bigint, is64: boolean): boolean {
  const whole = is64 ? 0xffffffffffffffffn : 0xffffffffn;
  const steps = is64 ? [0n, 16n, 32n, 48n] : [0n, 16n];
  return steps.some(step => {
    const others = whole & ~(0xffffn << step);
    return (value & others) === 0n || (~value & others) === 0n;
  });
}

function moveWideText(word: number): string | undefined {
  const is64 = word < 0;
  const half = bits(word, 22, 21);
  const value = bits(word, 20, 5);
  const destination = register(word & 31, is64);
  if (!is64 && half > 1) return undefined;
  const shifted = immediate(value) + (half === 0 ? '' : `,lsl ${immediate(half * 16)}`);
  const isPlain = value !== 0 || half === 0;
  const whole = BigInt(value) << BigInt(half * 16);
  switch (bits(word, 30, 29)) {
    case 0:
      if (!isPlain || (!is64 && value === 0xffff)) return instruction('movn', destination, shifted);
      return instruction('mov', destination, immediate(BigInt.asIntN(is64 ? 64 : 32, -whole - 1n)));
    case 2:
      if (!isPlain) return instruction('movz', destination, shifted);
      return instruction('mov', destination, immediate(BigInt.asIntN(is64 ? 64 : 32, whole)));
    case 3:
      return instruction('movk', destination, shifted);
  }
  return undefined;
}

const SIGN_EXTENSIONS = new Map([
  [7, 'sxtb'],
  [15, 'sxth'],
  [31, 'sxtw'],
]);
const ZERO_EXTENSIONS = new Map([
  [7, 'uxtb'],
  [15, 'uxth'],
]);

function bitfieldText(word: number): string | undefined {
  const is64 = word < 0;
  const width = is64 ? 64 : 32;
  const first = bits(word, 21, 16);
  const last = bits(word, 15, 10);
  const operation = bits(word, 30, 29);
  if (bits(word, 22, 22) !== Number(is64) || operation === 3 || first >= width || last >= width)
    return undefined;
  const destination = register(word & 31, is64);
  const source = register(bits(word, 9, 5), is64);
  const isInsert = last < first;
  const from = immediate(isInsert ? width - first : first);
  const count = immediate(isInsert ? last + 1 : last - first + 1);
  const isCleared = bits(word, 9, 5) === 31 && (isInsert || first === 0);
  if (operation === 1 && isCleared) return instruction('bfc', destination, from, count);
  if (operation === 1) return instruction(isInsert ? 'bfi' : 'bfxil', destination, source, from, count);
  if (operation === 2 && last !== width - 1 && last + 1 === first) {
    return instruction('lsl', destination, source, immediate(width - first));
  }
  if (last === width - 1)
    return instruction(operation === 0 ? 'asr' : 'lsr', destination, source, immediate(first));
  const extension = operation === 0 ? SIGN_EXTENSIONS.get(last) : ZERO_EXTENSIONS.get(last);
  if (first === 0 && extension !== undefined && (operation === 0 || !is64)) {
    return instruction(extension, destination, register(bits(word, 9, 5), false));
  }
  const sign = operation === 0 ? 's' : 'u';
  return instruction(`${sign}${isInsert ? 'bfiz' : 'bfx'}`, destination, source, from, count);
}

function extractText(word: number): string | undefined {
  const is64 = word < 0;
  const at = bits(word, 15, 10);
  const isValid = bits(word, 30, 29) === 0 && bits(word, 22, 22) === Number(is64) && bits(word, 21, 21) === 0;
  if (!isValid || (!is64 && at > 31)) return undefined;
  const destination = register(word & 31, is64);
  const high = register(bits(word, 9, 5), is64);
  const low = register(bits(word, 20, 16), is64);
  if (high === low) return instruction('ror', destination, high, immediate(at));
  return instruction('extr', destination, high, low, immediate(at));
}
