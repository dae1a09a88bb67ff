/** Versions as files, products and Windows number themselves: up to four numbers with dots, compared number by number. */

/** One to four numbers. */
export type Version = readonly number[];

const VERSION = /^\d{1,9}(\.\d{1,9}){0,3}$/;
/** What file resources write beside the bare numbers: `5, 1, 2600, 0`, `10.0.1.2 (WinBuild.160101.0800)`. */
const BEGINNING = /^v?(\d{1,9}(?:(?:\.|, ?)\d{1,9}){0,3})(?![\d.])/;

/** `0.9988`, `10.0.26100.8875`; null for anything else. */
export function parseVersion(text: string): Version | null {
  return VERSION.test(text) ? text.split('.').map(Number) : null;
}

/** The version that a file's own text begins with; null where it begins with none. */
export function versionOfFile(text: string | null): Version | null {
  const found = text === null ? null : BEGINNING.exec(text.trim());
  return found && found[1]!.split(/\.|, ?/).map(Number);
}

/** The version as text. */
export function versionText(version: Version): string {
  return version.join('.');
}

/** Below zero, zero or above; what is not there counts as zero: `1.78` is `1.78.0.0`. */
export function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Like {@link compareVersions}, but undefined where `known` ends before the two differ: whether a machine with Windows
 * 5.1.2600 has a fix of 5.1.2600.3357, its build does not tell.
 */
export function compareKnown(known: Version, bound: Version): number | undefined {
  for (let i = 0; i < bound.length; i++) {
    if (known[i] === undefined) return bound.slice(i).every(part => part === 0) ? 0 : undefined;
    const difference = known[i]! - bound[i]!;
    if (difference !== 0) return difference;
  }
  return compareVersions(known, bound);
}

/** Whether a version is the one that is named, or one of its revisions: 10.0.26200.8875 is one of 10.0.26200. */
export function isVersionOf(version: Version, named: Version): boolean {
  return named.every((part, i) => part === (version[i] ?? 0));
}
