/** ARM64 branches, calls, exceptions, hints and barriers. Source: Arm Architecture Reference Manual, C4.1.93. */
import { type AddressWriter, bits, condition, immediate, instruction, register, signed } from './operands.ts';

const INSTRUCTION_BYTES = 4;
const LINK_REGISTER = 30;

/** The text of an instruction of the group `101x`; undefined for one that is not written out. */
export function branchText(word: number, rva: number, address: AddressWriter): string | undefined {
  const to = (field: number, count: number) => address(rva + signed(field, count) * INSTRUCTION_BYTES);
  if (bits(word, 30, 26) === 0b00101) return instruction(word < 0 ? 'bl' : 'b', to(bits(word, 25, 0), 26));
  const near = () => to(bits(word, 23, 5), 19);
  if (word >>> 24 === 0x54) {
    return bits(word, 4, 4) === 0 ? instruction(`b.${condition(word & 15)}`, near()) : undefined;
  }
  const isNot = bits(word, 24, 24) === 1;
  if (bits(word, 30, 25) === 0b011010)
    return instruction(isNot ? 'cbnz' : 'cbz', register(word & 31, word < 0), near());
  if (bits(word, 30, 25) === 0b011011) {
    const bit = (bits(word, 31, 31) << 5) | bits(word, 23, 19);
    const tested = register(word & 31, word < 0);
    return instruction(isNot ? 'tbnz' : 'tbz', tested, immediate(bit), to(bits(word, 18, 5), 14));
  }
  if (word >>> 24 === 0xd4) return exceptionText(word);
  if (word >>> 22 === 0b1101010100) return systemText(word);
  if (word >>> 25 === 0b1101011) return registerBranchText(word);
  return undefined;
}

const EXCEPTIONS = new Map([
  [0b000_00001, 'svc'],
  [0b000_00010, 'hvc'],
  [0b000_00011, 'smc'],
  [0b001_00000, 'brk'],
  [0b010_00000, 'hlt'],
]);

function exceptionText(word: number): string | undefined {
  const name = EXCEPTIONS.get((bits(word, 23, 21) << 5) | (word & 31));
  return name === undefined ? undefined : instruction(name, immediate(bits(word, 20, 5)));
}

const REGISTER_BRANCHES = new Map([
  [0xd61f0000, 'br'],
  [0xd63f0000, 'blr'],
  [0xd65f0000, 'ret'],
]);
const RETURNS = new Map([
  [0xd65f0bff, 'retaa'],
  [0xd65f0fff, 'retab'],
  [0xd69f03e0, 'eret'],
]);

function registerBranchText(word: number): string | undefined {
  const plain = RETURNS.get(word >>> 0);
  if (plain !== undefined) return plain;
  const name = REGISTER_BRANCHES.get((word & 0xfffffc1f) >>> 0);
  const target = bits(word, 9, 5);
  if (name === 'ret' && target === LINK_REGISTER) return name;
  return name === undefined ? undefined : instruction(name, register(target, true));
}

/** By CRm and op2, seven bits together. The rest are hints without a name, and do nothing either. */
const HINTS = new Map([
  [0, 'nop'],
  [1, 'yield'],
  [2, 'wfe'],
  [3, 'wfi'],
  [4, 'sev'],
  [5, 'sevl'],
  [6, 'dgh'],
  [7, 'xpaclri'],
  [8, 'pacia1716'],
  [10, 'pacib1716'],
  [12, 'autia1716'],
  [14, 'autib1716'],
  [16, 'esb'],
  [17, 'psb csync'],
  [18, 'tsb csync'],
  [20, 'csdb'],
  [24, 'paciaz'],
  [25, 'paciasp'],
  [26, 'pacibz'],
  [27, 'pacibsp'],
  [28, 'autiaz'],
  [29, 'autiasp'],
  [30, 'autibz'],
  [31, 'autibsp'],
  [32, 'bti'],
  [34, 'bti c'],
  [36, 'bti j'],
  [38, 'bti jc'],
]);
/** Barrier domains by number; the empty ones have none. */
const DOMAINS = ',oshld,oshst,osh,,nshld,nshst,nsh,,ishld,ishst,ish,,ld,st,sy'.split(',');

function systemText(word: number): string | undefined {
  const masked = (word & 0xfffff01f) >>> 0;
  if (masked === 0xd503201f) {
    const number = bits(word, 11, 5);
    return HINTS.get(number) ?? instruction('hint', immediate(number));
  }
  if (masked === 0xd503301f) return barrierText(bits(word, 7, 5), bits(word, 11, 8));
  if (masked === 0xd503401f) {
    const field = ({ 6: 'daifset', 7: 'daifclr' } as Record<number, string>)[bits(word, 7, 5)];
    return field === undefined ? undefined : instruction('msr', field, immediate(bits(word, 11, 8)));
  }
  if (word >>> 20 === 0xd53) return instruction('mrs', register(word & 31, true), systemRegister(word));
  if (word >>> 20 === 0xd51) return instruction('msr', systemRegister(word), register(word & 31, true));
  return undefined;
}

function barrierText(operation: number, domain: number): string | undefined {
  const where = DOMAINS[domain] === '' ? immediate(domain) : DOMAINS[domain];
  if (operation === 4 && domain !== 0 && domain !== 4) return instruction('dsb', where);
  if (operation === 5) return instruction('dmb', where);
  if (operation === 6) return domain === 15 ? 'isb' : instruction('isb', immediate(domain));
  return undefined;
}

/** The registers that Windows code reads; by op0 to op2 as they stand in the instruction. */
const SYSTEM_REGISTERS = new Map([
  ['3_0_c0_c0_0', 'midr_el1'],
  ['3_0_c0_c0_5', 'mpidr_el1'],
  ['3_0_c4_c1_0', 'sp_el0'],
  ['3_0_c4_c2_2', 'currentel'],
  ['3_0_c13_c0_4', 'tpidr_el1'],
  ['3_3_c4_c2_0', 'nzcv'],
  ['3_3_c4_c2_1', 'daif'],
  ['3_3_c4_c4_0', 'fpcr'],
  ['3_3_c4_c4_1', 'fpsr'],
  ['3_3_c9_c13_0', 'pmccntr_el0'],
  ['3_3_c13_c0_2', 'tpidr_el0'],
  ['3_3_c13_c0_3', 'tpidrro_el0'],
  ['3_3_c14_c0_0', 'cntfrq_el0'],
  ['3_3_c14_c0_2', 'cntvct_el0'],
]);

function systemRegister(word: number): string {
  const place = `${2 + bits(word, 19, 19)}_${bits(word, 18, 16)}_c${bits(word, 15, 12)}_c${bits(word, 11, 8)}_${bits(word, 7, 5)}`;
  return SYSTEM_REGISTERS.get(place) ?? `s${place}`;
}
