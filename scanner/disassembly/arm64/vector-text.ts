/** The few vector instructions that clear memory and move constants. Source: the manual's C4.1.96. */
import { bits, immediate, instruction, register } from './operands.ts';

const SIZES = ['8b', '16b', '4h', '8h', '2s', '4s', '1d', '2d'];

/** The text of an instruction of the group `x111`; undefined for one that is not written out. */
export function vectorText(word: number): string | undefined {
  const isWide = bits(word, 30, 30);
  if ((word & 0xbff8fc00) >>> 0 === 0x0f00e400) {
    const value = (bits(word, 18, 16) << 5) | bits(word, 9, 5);
    return instruction('movi', `v${word & 31}.${isWide ? '16b' : '8b'}`, immediate(value));
  }
  // Each bit of the constant stands for eight: only the one that clears a register is common.
  if ((word & 0xfff8fc00) >>> 0 === 0x6f00e400 && bits(word, 18, 16) === 0 && bits(word, 9, 5) === 0) {
    return instruction('movi', `v${word & 31}.2d`, immediate(0));
  }
  if ((word & 0xbfe0fc00) >>> 0 === 0x0e000c00) {
    const size = Math.log2(bits(word, 20, 16) & -bits(word, 20, 16));
    if (!(size <= 3) || (size === 3 && isWide === 0)) return undefined;
    return instruction(
      'dup',
      `v${word & 31}.${SIZES[size * 2 + isWide]}`,
      register(bits(word, 9, 5), size === 3),
    );
  }
  return undefined;
}
