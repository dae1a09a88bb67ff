/** The tag that KMDF gives the memory of a driver that names none: made from a name. */
import type { DriverIdentity } from '../data/facts.ts';

/** The literal `Ddk `, which KMDF takes for "no tag". */
const OLD_DEFAULT = 0x206b6444;

/** Whether KMDF would use its own rule in place of this value of DriverPoolTag. */
export function isKmdfDefault(driverPoolTag: number): boolean {
  return driverPoolTag === 0 || driverPoolTag === OLD_DEFAULT;
}

/** The names that a file has, and had when it was made. */
export type DriverNames = Pick<DriverIdentity, 'fileName'> &
  Partial<Pick<DriverIdentity, 'originalName' | 'pdbName'>>;

/** Names that are quoted; a service's may be longer, but none is in use. */
const MAX_NAME = 64;
/** Collections of files name them by a hash. */
const HASH = /^[0-9a-f]{32,}$/i;

/**
 * The tag of a driver that names none, and by which rule. KMDF takes the service's name, which is nearly always the file's.
 * A file that was renamed since (`foo(1).sys`, a hash) has its first name in its version resource, and mostly in its PDB's
 * name: one of them that gives the file's own tag settles it, else the version resource is believed. A PDB alone is
 * believed against a hash only, since a project may be called otherwise than its driver.
 */
export function kmdfDefault({ fileName, originalName, pdbName }: DriverNames): {
  tag?: string;
  rule: string;
} {
  const [file, original, pdb] = [fileName, originalName ?? '', pdbName ?? ''].map(baseName);
  const own = kmdfDefaultTag(file);
  const others = [original, pdb].filter(isQuotable);
  const isSettled = others.length === 0 || others.some(name => isSameTag(kmdfDefaultTag(name), own));
  if (isSettled) return { tag: own, rule: ruleOf('taken from the file name') };
  if (isQuotable(original)) {
    const why = `taken to be ${original}, which the version resource calls the file; in doubt, since the file has another name now`;
    return { tag: kmdfDefaultTag(original), rule: ruleOf(why) };
  }
  if (HASH.test(file)) {
    const why = `taken to be ${pdb}, as its PDB is called; in doubt, since the file is named by a hash`;
    return { tag: kmdfDefaultTag(pdb), rule: ruleOf(why) };
  }
  const why = `taken from the file name; in doubt, since its PDB is called ${pdb}`;
  return { tag: own, rule: ruleOf(why) };
}

/** The same where a service of this computer is known to load the file: nothing is left to guess. */
export function kmdfDefaultOfService(service: string): { tag?: string; rule: string } {
  const name = service.length <= MAX_NAME ? service : `${service.slice(0, MAX_NAME)}...`;
  return { tag: kmdfDefaultTag(service), rule: ruleOf(`${name}, which loads this file on this computer`) };
}

function ruleOf(why: string): string {
  return `KMDF: the first four characters of the service name (${why}), less a leading WDF`;
}

function baseName(file: string): string {
  return file.replace(/\.mui$/i, '').replace(/\.[^.]*$/, '');
}

function isQuotable(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME && kmdfDefaultTag(name) !== undefined;
}

function isSameTag(a: string | undefined, b: string | undefined): boolean {
  return a?.toLowerCase() === b?.toLowerCase();
}

/**
 * The tag KMDF computes from a service name: a leading WDF is dropped; two or fewer characters left give `FxDr`, three
 * those and a NUL, else the first four.
 * Source: fxdriver.cpp of Windows-Driver-Frameworks (MIT). Undefined where the name is not plain ASCII.
 */
function kmdfDefaultTag(serviceName: string): string | undefined {
  const service = serviceName.replace(/^wdf/i, '');
  if (!/^[\x20-\x7e]*$/.test(service)) return undefined;
  if (service.length <= 2) return 'FxDr';
  return service.length === 3 ? `${service}\0` : service.slice(0, 4);
}
