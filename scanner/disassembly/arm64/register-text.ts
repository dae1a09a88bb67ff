/** ARM64 instructions that compute with registers. Source: Arm Architecture Reference Manual, C4.1.95. */
import {
  bits,
  condition,
  EXTENSIONS,
  hasOpposite,
  immediate,
  instruction,
  register,
  registerOrSp,
  shift,
} from './operands.ts';

/** The text of an instruction of the group `x101`; undefined for one that is not written out. */
export function registerText(word: number): string | undefined {
  switch (bits(word, 28, 24)) {
    case 0b01010:
      return logicalText(word);
    case 0b01011:
      return bits(word, 21, 21) === 0 ? shiftedSumText(word) : extendedSumText(word);
    case 0b11010:
      return otherText(word);
    case 0b11011:
      return productText(word);
  }
  return undefined;
}

/** The fields that nearly all of them share. */
function fields(word: number) {
  const is64 = word < 0;
  const [d, n, m] = [word & 31, bits(word, 9, 5), bits(word, 20, 16)];
  return {
    is64,
    ...{ d, n, m },
    rd: register(d, is64),
    rn: register(n, is64),
    rm: register(m, is64),
    /** Bits 30 and 29, which mostly choose the operation. */
    operation: bits(word, 30, 29),
  };
}

const LOGICAL = ['and', 'bic', 'orr', 'orn', 'eor', 'eon', 'ands', 'bics'];

function logicalText(word: number): string | undefined {
  const { is64, d, n, rd, rn, rm, operation } = fields(word);
  const amount = bits(word, 15, 10);
  if (!is64 && amount > 31) return undefined;
  const moved = rm + shift(bits(word, 23, 22), amount);
  const name = LOGICAL[operation * 2 + bits(word, 21, 21)];
  if (name === 'orr' && n === 31 && moved === rm) return instruction('mov', rd, rm);
  if (name === 'orn' && n === 31) return instruction('mvn', rd, moved);
  if (name === 'ands' && d === 31) return instruction('tst', rn, moved);
  return instruction(name, rd, rn, moved);
}

const SUMS = ['add', 'adds', 'sub', 'subs'];

function shiftedSumText(word: number): string | undefined {
  const { is64, d, n, rd, rn, rm, operation } = fields(word);
  const [kind, amount] = [bits(word, 23, 22), bits(word, 15, 10)];
  if (kind === 3 || (!is64 && amount > 31)) return undefined;
  const name = SUMS[operation];
  const moved = rm + shift(kind, amount);
  if (d === 31 && name === 'subs') return instruction('cmp', rn, moved);
  if (d === 31 && name === 'adds') return instruction('cmn', rn, moved);
  if (n === 31 && name.startsWith('sub')) return instruction(name.replace('sub', 'neg'), rd, moved);
  return instruction(name, rd, rn, moved);
}

function extendedSumText(word: number): string | undefined {
  const { is64, d, n, m, rd, operation } = fields(word);
  const [extension, amount] = [bits(word, 15, 13), bits(word, 12, 10)];
  if (bits(word, 23, 22) !== 0 || amount > 4) return undefined;
  const name = SUMS[operation];
  const setsFlags = name.endsWith('s');
  const involvesSp = n === 31 || (d === 31 && !setsFlags);
  const isLsl = involvesSp && extension === (is64 ? 3 : 2);
  const widening = isLsl
    ? shift(0, amount)
    : `,${EXTENSIONS[extension]}${amount === 0 ? '' : ` ${immediate(amount)}`}`;
  const second = register(m, is64 && (extension & 3) === 3) + widening;
  const first = registerOrSp(n, is64);
  if (d === 31 && setsFlags) return instruction(name === 'subs' ? 'cmp' : 'cmn', first, second);
  return instruction(name, setsFlags ? rd : registerOrSp(d, is64), first, second);
}

function otherText(word: number): string | undefined {
  switch (bits(word, 23, 21)) {
    case 0b000:
      return carryText(word);
    case 0b010:
      return conditionalCompareText(word);
    case 0b100:
      return selectText(word);
    case 0b110:
      return bits(word, 30, 30) === 0 ? twoSourceText(word) : oneSourceText(word);
  }
  return undefined;
}

const CARRIES = ['adc', 'adcs', 'sbc', 'sbcs'];

function carryText(word: number): string | undefined {
  if (bits(word, 15, 10) !== 0) return undefined;
  const { n, rd, rn, rm, operation } = fields(word);
  const name = CARRIES[operation];
  if (n === 31 && name.startsWith('sbc')) return instruction(name.replace('sbc', 'ngc'), rd, rm);
  return instruction(name, rd, rn, rm);
}

function conditionalCompareText(word: number): string | undefined {
  if (bits(word, 29, 29) === 0 || bits(word, 10, 10) === 1 || bits(word, 4, 4) === 1) return undefined;
  const { m, rn, rm } = fields(word);
  const second = bits(word, 11, 11) === 1 ? immediate(m) : rm;
  const name = bits(word, 30, 30) === 1 ? 'ccmp' : 'ccmn';
  return instruction(name, rn, second, immediate(word & 15), condition(bits(word, 15, 12)));
}

function selectText(word: number): string | undefined {
  if (bits(word, 29, 29) === 1 || bits(word, 11, 11) === 1) return undefined;
  const { n, m, rd, rn, rm } = fields(word);
  const name = ['csel', 'csinc', 'csinv', 'csneg'][bits(word, 30, 30) * 2 + bits(word, 10, 10)];
  const when = bits(word, 15, 12);
  if (n === m && name !== 'csel' && hasOpposite(when)) {
    const opposite = condition(when ^ 1);
    if (name === 'csneg') return instruction('cneg', rd, rn, opposite);
    if (n === 31) return instruction(name === 'csinc' ? 'cset' : 'csetm', rd, opposite);
    return instruction(name === 'csinc' ? 'cinc' : 'cinv', rd, rn, opposite);
  }
  return instruction(name, rd, rn, rm, condition(when));
}

const TWO_SOURCES = new Map([
  [2, 'udiv'],
  [3, 'sdiv'],
  [8, 'lsl'],
  [9, 'lsr'],
  [10, 'asr'],
  [11, 'ror'],
]);

function twoSourceText(word: number): string | undefined {
  const { is64, rd, rn, rm } = fields(word);
  if (bits(word, 29, 29) === 1) return undefined;
  const operation = bits(word, 15, 10);
  if (operation >>> 3 === 2) return checksumText(word, operation & 7);
  const name = TWO_SOURCES.get(operation);
  if (name === undefined || (operation > 11 && !is64)) return undefined;
  return instruction(name, rd, rn, rm);
}

function checksumText(word: number, operation: number): string | undefined {
  const { is64, d, n, m } = fields(word);
  const size = operation & 3;
  if (is64 !== (size === 3)) return undefined;
  const name = `crc32${operation < 4 ? '' : 'c'}${'bhwx'[size]}`;
  return instruction(name, register(d, false), register(n, false), register(m, is64));
}

const ONE_SOURCES = ['rbit', 'rev16', 'rev', 'rev', 'clz', 'cls'];

function oneSourceText(word: number): string | undefined {
  const { is64, rd, rn } = fields(word);
  const operation = bits(word, 15, 10);
  const isPlain = bits(word, 29, 29) === 0 && bits(word, 20, 16) === 0;
  if (!isPlain || operation >= ONE_SOURCES.length || (!is64 && operation === 3)) return undefined;
  return instruction(is64 && operation === 2 ? 'rev32' : ONE_SOURCES[operation], rd, rn);
}

/** Multiply and add; without the sum they have a name of their own. */
function productText(word: number): string | undefined {
  const { is64, d, n, m, rd, rn, rm, operation } = fields(word);
  if (operation !== 0) return undefined;
  const kind = bits(word, 23, 21);
  const isMinus = bits(word, 15, 15) === 1;
  const added = bits(word, 14, 10);
  const isAlone = added === 31;
  const sum = register(added, is64);
  if (kind === 0) {
    if (isAlone) return instruction(isMinus ? 'mneg' : 'mul', rd, rn, rm);
    return instruction(isMinus ? 'msub' : 'madd', rd, rn, rm, sum);
  }
  if (!is64) return undefined;
  const sign = kind < 4 ? 's' : 'u';
  const way = kind & 3;
  if (way === 2) return isMinus || !isAlone ? undefined : instruction(`${sign}mulh`, rd, rn, rm);
  if (way !== 1) return undefined;
  const narrow = [register(d, true), register(n, false), register(m, false)];
  if (isAlone) return instruction(`${sign}${isMinus ? 'mnegl' : 'mull'}`, ...narrow);
  return instruction(`${sign}${isMinus ? 'msubl' : 'maddl'}`, ...narrow, sum);
}
