/**
 * `npm run eval:user-mode -- FOLDER...`: real code with an answer that is known. Modules of user mode have no pool tags; with
 * some of their imports taken for pool functions that have as many arguments (on x86 callees pop them), whatever reads like a
 * tag there is false. Where the folders hold one program for several processors (Wine's for x86_64, i386 and aarch64, as Debian's
 * libwine has them), its numbers are to be the same for all.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { analyseCode } from '../../scanner/code/analyse-code.ts';
import { looksLikeTag } from '../../scanner/code/bytes/tag-characters.ts';
import type { TagUse } from '../../scanner/code/facts/tag-use.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';

/** By pool function: what stands in for it. A number that their programs give stands where its tag does. */
const STAND_INS = {
  'ntoskrnl.exe!ExFreePoolWithTag':
    'GetDlgItem LoadIconW LoadCursorW ShowWindow GetWindowLongW GetDeviceCaps SetTextColor SelectObject GetProcAddress',
  'ntoskrnl.exe!ExAllocatePoolWithTag':
    'HeapAlloc HeapFree RtlAllocateHeap SetWindowLongW GetClassNameW CheckMenuItem EnableMenuItem OpenProcess',
  'ntoskrnl.exe!ExAllocatePoolWithTagPriority': 'SendMessageW PostMessageW',
  'fltmgr.sys!FltAllocatePoolAlignedWithTag': 'MessageBoxW LoadStringW VirtualAlloc',
  'ntoskrnl.exe!ExInitializePagedLookasideList': 'CreateFileW',
};
const POOL_FUNCTION = new Map(
  Object.entries(STAND_INS).flatMap(([api, names]) =>
    names.split(' ').map(name => [name, api.split('!')] as const),
  ),
);
const MAX_LISTED = 40;

interface Module {
  uses: readonly TagUse[];
  megabytes: number;
}

function analyse(file: string): Module | undefined {
  const bytes = new Uint8Array(readFileSync(file));
  const image = readDriverImage(bytes);
  if ('code' in image) return undefined;
  const imports = image.imports.map(entry => {
    const standIn = POOL_FUNCTION.get(entry.name ?? '');
    return standIn === undefined ? entry : { ...entry, dll: standIn[0], name: standIn[1] };
  });
  const { uses } = analyseCode({ ...image, imports }, path.basename(file));
  return { uses, megabytes: bytes.length / 1e6 };
}

/** Its numbers are sizes, which are not alike on all processors. */
const OF_SIZES = 'ExAllocatePoolWithTag';

/** What a use says that is alike on each processor. */
function numberOf({ ulong, callee }: TagUse): string {
  return `${callee.poolFunction.name} ${(ulong & 0x7fffffff) >>> 0}`;
}

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error(
    'usage: eval-user-mode.ts FOLDER... (one for each processor, of modules with the same names)',
  );
  process.exit(2);
}
const numbers = new Map<string, Map<string, Set<string>>>();
for (const folder of folders) {
  let [files, megabytes, calls] = [0, 0, 0];
  const texts: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const module = analyse(path.join(folder, name));
    if (module === undefined) continue;
    files++;
    megabytes += module.megabytes;
    calls += module.uses.length;
    for (const use of module.uses) {
      const isRead = use.origin !== 'immediate' || use.callee.guesses !== undefined;
      if (isRead && looksLikeTag(use.ulong))
        texts.push(
          `${name} ${use.callee.guesses ? 'guess' : 'proven'} ${use.origin} ${use.ulong.toString(16)}`,
        );
      if (use.callee.guesses || use.callee.poolFunction.name === OF_SIZES) continue;
      const byFolder = numbers.get(name) ?? new Map<string, Set<string>>();
      const known = byFolder.get(folder) ?? new Set<string>();
      numbers.set(name, byFolder.set(folder, known.add(numberOf(use))));
    }
  }
  const found = [...new Set(texts)];
  console.log(`${folder}: ${files} modules, ${megabytes.toFixed(0)} MB, ${calls} numbers at calls`);
  console.log(`  read like tags, and are none: ${found.length}`);
  for (const one of found.slice(0, MAX_LISTED)) console.log(`    ${one}`);
}
if (folders.length > 1) compare();

/** Numbers of a module that most processors have; who lacks one is told of. */
function compare(): void {
  const counts = new Map(folders.map(folder => [folder, { has: 0, lacks: [] as string[] }]));
  for (const [name, byFolder] of numbers) {
    if (byFolder.size < folders.length) continue; // a folder has no such module, or it does nothing there
    for (const number of new Set([...byFolder.values()].flatMap(set => [...set]))) {
      const having = folders.filter(folder => byFolder.get(folder)?.has(number));
      if (having.length * 2 <= folders.length) continue;
      for (const folder of folders) {
        const count = counts.get(folder);
        if (having.includes(folder)) count!.has++;
        else count!.lacks.push(`${name} ${number}`);
      }
    }
  }
  console.log('\nNumbers that most processors have, module by module');
  for (const [folder, { has, lacks }] of counts) {
    console.log(`${folder}: ${has} of ${has + lacks.length}`);
    for (const one of lacks.slice(0, MAX_LISTED)) console.log(`    lacks ${one}`);
  }
}
