/** The words that ARM64 operands are made of, spelled as WinDbg does: hexadecimal numbers, fp and lr, no blanks. */

/** Bits `high` to `low` of an instruction word. */
export function bits(word: number, high: number, low: number): number {
  return (word >>> low) & (2 ** (high - low + 1) - 1);
}

/** The lowest `count` bits of a number as a signed one. */
export function signed(value: number, count: number): number {
  return (value << (32 - count)) >> (32 - count);
}

/** `x3`, `w3`, `xzr`: register 31 is the zero register here. */
export function register(number: number, is64: boolean): string {
  if (number === 31) return is64 ? 'xzr' : 'wzr';
  if (is64 && number === 29) return 'fp';
  if (is64 && number === 30) return 'lr';
  return `${is64 ? 'x' : 'w'}${number}`;
}

/** The same where register 31 is the stack pointer. */
export function registerOrSp(number: number, is64: boolean): string {
  if (number === 31) return is64 ? 'sp' : 'wsp';
  return register(number, is64);
}

/** `#8`, `#0x10`, `#-0x10`. */
export function immediate(value: number | bigint): string {
  const isNegative = value < 0;
  const size = isNegative ? -value : value;
  return `#${isNegative ? '-' : ''}${size < 10 ? size : `0x${size.toString(16)}`}`;
}

const CONDITIONS = 'eq ne hs lo mi pl vs vc hi ls ge lt gt le al nv'.split(' ');

/** `ne`. */
export function condition(number: number): string {
  return CONDITIONS[number];
}

/** Conditions 14 and 15 always hold, so they have no opposite. */
export function hasOpposite(number: number): boolean {
  return number < 14;
}

const SHIFTS = ['lsl', 'lsr', 'asr', 'ror'];

/** `,lsl #3` behind a register; nothing for a shift left by none. */
export function shift(kind: number, amount: number): string {
  return kind === 0 && amount === 0 ? '' : `,${SHIFTS[kind]} ${immediate(amount)}`;
}

/** How a register is widened before it is added, by the number in the instruction. */
export const EXTENSIONS = ['uxtb', 'uxth', 'uxtw', 'uxtx', 'sxtb', 'sxth', 'sxtw', 'sxtx'];

/** An instruction as text: the mnemonic, a blank, and the operands that there are. */
export function instruction(mnemonic: string, ...operands: string[]): string {
  return operands.length === 0 ? mnemonic : `${mnemonic} ${operands.join(',')}`;
}

/** Writes an address of the image as text: its name, or the number alone. */
export type AddressWriter = (rva: number) => string;
