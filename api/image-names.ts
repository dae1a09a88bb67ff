/** Says which files an owner's name can mean, so that lists and scans can be compared: `nt!ps` is in ntoskrnl.exe. */

/** Images that the kernel is, or was, built as; HAL moved into the kernel with Windows 10 2004. */
const KERNEL_FILES = /^(nt|ntos|ntoskrnl|ntkrnlmp|ntkrnlpa|ntkrpamp|ntkrla57|ntosp|krnl|hal)(\.exe|\.dll)?$/;
/** win32k was split into three files with Windows 10; lists keep the old name. */
const WIN32K_FILES = /^win32k(base|full|s)?(\.sys)?$/;

/** What stands for "not known" or "many" in lists. */
const NO_OWNER = /^(<[^>]*>|unknown( driver)?|none|n\/a|\?+|-+)$/i;

/** Whether a list's owner column names nobody. */
export function namesNobody(image: string | null): boolean {
  return image === null || NO_OWNER.test(image.trim()) || image.trim() === '';
}

/** The owners that one owner column names: `nt!store or rdyboost.sys` gives two, `<unknown>` none. */
export function ownerNames(image: string | null): string[] {
  if (image === null) return [];
  const names = image.split(/\s+or\s+|\s*,\s*/i).map(name => name.trim());
  return names.filter(name => !namesNobody(name));
}

/**
 * The files that an owner's name can mean, in one spelling: lower case, the kernel's parts as `ntoskrnl.exe`, win32k's
 * as `win32k.sys`, `.sys` where there is no extension. A name such as `nt!store or rdyboost.sys` gives two.
 */
export function imageFiles(image: string | null): string[] {
  if (namesNobody(image)) return [];
  const names = image!
    .toLowerCase()
    .split(/,|\/|\||&|\s+(?:or|and)\s+/)
    .map(part => part.trim().split('!')[0].trim())
    .filter(name => name !== '' && !namesNobody(name));
  return [...new Set(names.map(canonicalFile))];
}

/** One spelling of a driver's file name, comparable with {@link imageFiles}. */
export function canonicalFile(fileName: string): string {
  const name = fileName.toLowerCase();
  if (KERNEL_FILES.test(name)) return 'ntoskrnl.exe';
  if (WIN32K_FILES.test(name)) return 'win32k.sys';
  return /\.[a-z]{2,4}$/.test(name) ? name : `${name}.sys`;
}

/** One spelling of an owner's name, so that two lists that mean the same owner are seen to agree. */
export function ownerKey(image: string): string {
  const name = image.trim().toLowerCase();
  // A part of the kernel stays apart from its other parts; everything else is its file.
  return name.includes('!') ? name : canonicalFile(name);
}
