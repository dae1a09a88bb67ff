/** Where Windows keeps its drivers: the folders of this computer, or of a Windows disk that is mounted here. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SearchFolder } from './file-list.ts';

/** Of System32 itself: drivers, and what the kernel loads without calling it a driver. */
const SYSTEM32_GLOB = '{*.sys,ntoskrnl.exe,ntkr*.exe,hal*.dll,ci.dll,cdd.dll}';
const DRIVERS_GLOB = '*.sys';
/** Beside the Windows folder; vendors keep drivers here that they load themselves. */
const VENDOR_FOLDERS = ['Program Files', 'Program Files (x86)', 'ProgramData'];

/**
 * The Windows folder that a path means: the path itself, or the Windows folder of the drive or mount point that it
 * names. Null where there is no System32.
 */
export function windowsFolderAt(path: string): string | null {
  const candidates = [path, child(path, 'Windows')];
  return candidates.find(folder => isFolder(child(folder, 'System32'))) ?? null;
}

/**
 * Where --all-drivers looks, the most usual places first: System32\drivers, System32 (the folder alone, with the kernel
 * and the HAL), the DriverStore, and the folders of programs, all of these at any depth.
 * `system32` is the name under which this process sees the real one; `moreFolders` are further folders of programs.
 */
export function allDriverFolders(
  windowsFolder: string,
  { system32 = 'System32', moreFolders = [] }: { system32?: string; moreFolders?: readonly string[] } = {},
): SearchFolder[] {
  const system = child(windowsFolder, system32);
  const drive = dirname(windowsFolder);
  const vendors = [...VENDOR_FOLDERS.map(name => child(drive, name)), ...moreFolders];
  const isFirst = (folder: string, index: number) =>
    vendors.findIndex(one => isSameName(one, folder)) === index;
  const deep = (folder: string): SearchFolder => ({ folder, glob: DRIVERS_GLOB, isDeep: true });
  return [
    deep(child(system, 'drivers')),
    { folder: system, glob: SYSTEM32_GLOB, isDeep: false },
    deep(child(child(system, 'DriverStore'), 'FileRepository')),
    ...vendors.filter(isFirst).map(deep),
  ];
}

/** What a folder holds under this name, in any letter case: a mounted disk tells `system32` from `System32`. */
function child(folder: string, name: string): string {
  const exact = join(folder, name);
  // Asked for by name first: Sysnative is in no listing.
  if (isFolder(exact)) return exact;
  try {
    const found = readdirSync(folder).find(entry => isSameName(entry, name));
    return found === undefined ? exact : join(folder, found);
  } catch {
    return exact;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
