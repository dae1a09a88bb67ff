/** ARM64 loads and stores that are exclusive or ordered, and compare-and-swap. Source: the manual's C4.1.94. */
import { bits, instruction, register, registerOrSp } from './operands.ts';

const ENDINGS = ['b', 'h', '', ''];

/** The text of a load or store of the group `001000`; undefined for one that is not written out. */
export function orderedText(word: number): string | undefined {
  const size = bits(word, 31, 30);
  const is64 = size === 3;
  const isLoad = bits(word, 22, 22) === 1;
  const isOrdered = bits(word, 15, 15) === 1;
  const [status, second] = [bits(word, 20, 16), bits(word, 14, 10)];
  const target = register(word & 31, is64);
  const place = `[${registerOrSp(bits(word, 9, 5), true)}]`;
  const ending = ENDINGS[size];
  switch (bits(word, 23, 23) * 2 + bits(word, 21, 21)) {
    case 0:
      if (second !== 31 || (isLoad && status !== 31)) return undefined;
      return isLoad
        ? instruction(`ld${isOrdered ? 'a' : ''}xr${ending}`, target, place)
        : instruction(`st${isOrdered ? 'l' : ''}xr${ending}`, register(status, false), target, place);
    case 1: {
      if (size < 2 || (isLoad && status !== 31)) return undefined;
      const both = [target, register(second, is64)];
      return isLoad
        ? instruction(`ld${isOrdered ? 'a' : ''}xp`, ...both, place)
        : instruction(`st${isOrdered ? 'l' : ''}xp`, register(status, false), ...both, place);
    }
    case 2:
      if (second !== 31 || status !== 31 || !isOrdered) return undefined;
      return instruction(`${isLoad ? 'ldar' : 'stlr'}${ending}`, target, place);
  }
  if (second !== 31) return undefined;
  const order = `${isLoad ? 'a' : ''}${isOrdered ? 'l' : ''}`;
  return instruction(`cas${order}${ending}`, register(status, is64), target, place);
}
