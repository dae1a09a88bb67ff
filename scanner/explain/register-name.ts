/** Names of registers, as the 32 bits of a tag stand in them. */
import type { Arch } from '../../data/facts.ts';

const X86_NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];

/** `r8d`, `edx`, `w2`, or `rdx` for an address: the register of this number in the analysis. */
export function registerName(number: number, arch: Arch, isPointer: boolean): string {
  const isWide = isPointer && arch !== 'x86';
  if (arch === 'arm64') return `${isWide ? 'x' : 'w'}${number}`;
  if (isWide) return X86_NAMES[number]?.replace('e', 'r') ?? `r${number}`;
  return X86_NAMES[number] ?? `r${number}d`;
}
