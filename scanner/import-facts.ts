/** What an image's imports say of the driver: the modules it uses, and the pool functions among their functions. */
import type { ImportedDll } from '../data/facts.ts';
import { isOtherTag, POOL_FUNCTIONS, undecorated } from './code/pool/pool-functions.ts';
import type { ImportedFunction } from './pe/image-facts.ts';
import { printableText } from './pe/printable-text.ts';

/** Drivers import from up to about forty modules; the rest of a hostile table is not listed. */
const MAX_DLLS = 100;
const MAX_POOL_FUNCTIONS = 100;
const MAX_DLL_NAME = 128;

/** Functions that give or take back pool memory without naming a tag. */
const UNTAGGED = new Set([
  'ExAllocatePool',
  'ExAllocatePoolWithQuota',
  'ExFreePool',
  'FsRtlAllocatePool',
  'FsRtlAllocatePoolWithQuota',
  'NdisAllocateMemory',
  'NdisFreeMemory',
  'VideoPortFreePool',
]);

/** The modules that an image imports from, with the number of functions; late ones last, else as in the table. */
export function importedDlls(imports: readonly ImportedFunction[]): ImportedDll[] {
  const found = new Map<string, ImportedDll>();
  for (const { dll, delayed } of imports) {
    const key = `${delayed} ${dll}`;
    const known = found.get(key);
    if (known !== undefined) known.functions++;
    else if (found.size < MAX_DLLS) {
      found.set(key, { dll: printableText(dll, MAX_DLL_NAME), functions: 1, delayed });
    }
  }
  return [...found.values()].sort((a, b) => Number(a.delayed) - Number(b.delayed));
}

/** `ntoskrnl.exe!ExAllocatePoolWithTag`: the imported functions that take a pool tag or give and take back pool, sorted. */
export function importedPoolFunctions(imports: readonly ImportedFunction[]): string[] {
  const found = new Set<string>();
  for (const { dll, name } of imports) {
    const plain = undecorated(name ?? '');
    const tagged = POOL_FUNCTIONS.get(plain);
    if (tagged === undefined ? !UNTAGGED.has(plain) : isOtherTag(tagged)) continue;
    if (found.size < MAX_POOL_FUNCTIONS) found.add(`${printableText(dll, MAX_DLL_NAME)}!${plain}`);
  }
  return [...found].sort();
}
