/** ARM64 loads and stores. Source: Arm Architecture Reference Manual, C4.1.94. */
import {
  type AddressWriter,
  bits,
  EXTENSIONS,
  immediate,
  instruction,
  register,
  registerOrSp,
  signed,
} from './operands.ts';
import { orderedText } from './ordered-text.ts';

/** The text of an instruction of the group `x1x0`; undefined for one that is not written out. */
export function memoryText(word: number, rva: number, address: AddressWriter): string | undefined {
  if (bits(word, 29, 24) === 0b001000) return orderedText(word);
  switch (bits(word, 29, 27)) {
    case 0b011:
      return bits(word, 24, 24) === 0 ? literalText(word, rva, address) : undefined;
    case 0b101:
      return pairText(word);
    case 0b111:
      return singleText(word);
  }
  return undefined;
}

const VECTOR_NAMES = 'bhsdq';

/** A vector register of 2 to the power of `size` bytes: `q0`. */
function vector(number: number, size: number): string {
  return `${VECTOR_NAMES[size]}${number}`;
}

function literalText(word: number, rva: number, address: AddressWriter): string | undefined {
  const kind = bits(word, 31, 30);
  const place = address(rva + signed(bits(word, 23, 5), 19) * 4);
  const number = word & 31;
  if (kind === 3) {
    return bits(word, 26, 26) === 1 ? undefined : instruction('prfm', prefetch(number), place);
  }
  if (bits(word, 26, 26) === 1) return instruction('ldr', vector(number, kind + 2), place);
  return instruction(kind === 2 ? 'ldrsw' : 'ldr', register(number, kind !== 0), place);
}

/** `[x0]`, `[x0,#8]`, `[x0,#8]!`, `[x0],#8`. */
function atOffset(base: string, offset: number, mode: 'offset' | 'before' | 'after'): string {
  if (mode === 'after') return `[${base}],${immediate(offset)}`;
  if (mode === 'before') return `[${base},${immediate(offset)}]!`;
  return offset === 0 ? `[${base}]` : `[${base},${immediate(offset)}]`;
}

const PAIR_MODES = ['offset', 'after', 'offset', 'before'] as const;

function pairText(word: number): string | undefined {
  const kind = bits(word, 31, 30);
  const isVector = bits(word, 26, 26) === 1;
  const isLoad = bits(word, 22, 22) === 1;
  const isHint = bits(word, 24, 23) === 0;
  const isSigned = !isVector && kind === 1;
  if (kind === 3 || (isSigned && (!isLoad || isHint))) return undefined;
  const size = isVector ? kind + 2 : kind === 2 ? 3 : 2;
  const name = (number: number) =>
    isVector ? vector(number, size) : register(number, isSigned || kind === 2);
  const mnemonic = `${isLoad ? 'ld' : 'st'}${isHint ? 'np' : 'p'}${isSigned ? 'sw' : ''}`;
  const offset = signed(bits(word, 21, 15), 7) * 2 ** size;
  const place = atOffset(registerOrSp(bits(word, 9, 5), true), offset, PAIR_MODES[bits(word, 24, 23)]);
  return instruction(mnemonic, name(word & 31), name(bits(word, 14, 10)), place);
}

/** What one load or store moves: the ending of its mnemonic, its register, and the size as a power of two. */
interface Moved {
  isLoad: boolean;
  ending: string;
  target: string;
  size: number;
}

/** Undefined for what is no load or store of one register. */
function movedBy(word: number): Moved | undefined {
  const size = bits(word, 31, 30);
  const operation = bits(word, 23, 22);
  const number = word & 31;
  if (bits(word, 26, 26) === 1) {
    const vectorSize = operation >= 2 ? 4 : size;
    if (operation >= 2 && size !== 0) return undefined;
    return {
      isLoad: (operation & 1) === 1,
      ending: '',
      target: vector(number, vectorSize),
      size: vectorSize,
    };
  }
  const isSigned = operation >= 2;
  if (isSigned && (size === 3 || (size === 2 && operation === 3))) return undefined;
  const is64 = isSigned ? operation === 2 : size === 3;
  const width = size === 0 ? 'b' : size === 1 ? 'h' : isSigned ? 'w' : '';
  return {
    isLoad: operation !== 0,
    ending: (isSigned ? 's' : '') + width,
    target: register(number, is64),
    size,
  };
}

function singleText(word: number): string | undefined {
  const isScaled = bits(word, 24, 24) === 1;
  const way = bits(word, 11, 10);
  const isRegisterForm = !isScaled && bits(word, 21, 21) === 1;
  if (isRegisterForm && way === 0) return bits(word, 26, 26) === 1 ? undefined : atomicText(word);
  if (isRegisterForm && way !== 2) return undefined;
  const base = registerOrSp(bits(word, 9, 5), true);
  const isPrefetch = word >>> 30 === 3 && bits(word, 26, 26) === 0 && bits(word, 23, 22) === 2;
  const moved = isPrefetch ? undefined : movedBy(word);
  if (moved === undefined && !isPrefetch) return undefined;
  const size = moved?.size ?? 3;
  const text = (mark: '' | 'u' | 't', place: string) => {
    if (moved === undefined) {
      return mark === 't' ? undefined : instruction(`prf${mark}m`, prefetch(word & 31), place);
    }
    const mnemonic = `${moved.isLoad ? 'ld' : 'st'}${mark}r${moved.ending}`;
    return instruction(mnemonic, moved.target, place);
  };
  if (isScaled) return text('', atOffset(base, bits(word, 21, 10) * 2 ** size, 'offset'));
  if (isRegisterForm) {
    const index = indexOf(word, size);
    return index === undefined ? undefined : text('', `[${base},${index}]`);
  }
  const offset = signed(bits(word, 20, 12), 9);
  if (way === 0) return text('u', atOffset(base, offset, 'offset'));
  if (way === 2) return bits(word, 26, 26) === 1 ? undefined : text('t', atOffset(base, offset, 'offset'));
  return moved === undefined ? undefined : text('', atOffset(base, offset, way === 1 ? 'after' : 'before'));
}

function indexOf(word: number, size: number): string | undefined {
  const extension = bits(word, 15, 13);
  if ((extension & 2) === 0) return undefined;
  const index = register(bits(word, 20, 16), (extension & 1) === 1);
  const isShifted = bits(word, 12, 12) === 1;
  const amount = isShifted ? ` ${immediate(size)}` : '';
  if (extension === 3) return isShifted ? `${index},lsl${amount}` : index;
  return `${index},${EXTENSIONS[extension]}${amount}`;
}

const PREFETCH_KINDS = ['pld', 'pli', 'pst'];

function prefetch(number: number): string {
  const kind = PREFETCH_KINDS[number >>> 3];
  const level = (number >>> 1) & 3;
  if (kind === undefined || level === 3) return immediate(number);
  return `${kind}l${level + 1}${(number & 1) === 1 ? 'strm' : 'keep'}`;
}

const ATOMICS = ['add', 'clr', 'eor', 'set', 'smax', 'smin', 'umax', 'umin'];

/** Read, change and write in one (Armv8.1). */
function atomicText(word: number): string | undefined {
  const size = bits(word, 31, 30);
  const is64 = size === 3;
  const order = `${bits(word, 23, 23) === 1 ? 'a' : ''}${bits(word, 22, 22) === 1 ? 'l' : ''}`;
  const ending = order + (['b', 'h'][size] ?? '');
  const operation = bits(word, 14, 12);
  const given = register(bits(word, 20, 16), is64);
  const target = register(word & 31, is64);
  const place = `[${registerOrSp(bits(word, 9, 5), true)}]`;
  if (bits(word, 15, 15) === 1) {
    if (operation === 0) return instruction(`swp${ending}`, given, target, place);
    const isLoadAcquire = operation === 4 && order === 'a' && bits(word, 20, 16) === 31;
    return isLoadAcquire ? instruction(`ldapr${ending.slice(1)}`, target, place) : undefined;
  }
  const name = ATOMICS[operation];
  if ((word & 31) === 31 && !order.includes('a')) return instruction(`st${name}${ending}`, given, place);
  return instruction(`ld${name}${ending}`, given, target, place);
}
