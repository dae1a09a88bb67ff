/** How a symbol server spells which build a PDB belongs to. */
import type { GuardedBytes } from './guarded-bytes.ts';

/** The GUID at `at` and the age, in upper-case hex: 32 digits, and as many as the age needs. */
export function symbolServerId(source: GuardedBytes, at: number, age: number): string {
  const tail = Array.from(source.slice(at + 8, 8), byte => hexText(byte, 2)).join('');
  const guid = hexText(source.u32(at), 8) + hexText(source.u16(at + 4), 4) + hexText(source.u16(at + 6), 4);
  return guid + tail + hexText(age);
}

/** Upper-case hex with at least `digits` digits. */
export function hexText(value: number, digits = 1): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
