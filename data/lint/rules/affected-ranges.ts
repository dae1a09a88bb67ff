/** The versions that a leak touches can be compared by a machine: they are numbers, and a range has a beginning before its end. */
import type { AffectedProduct } from '../../knowledge-shapes.ts';
import { compareVersions, parseVersion, type Version } from '../../versions.ts';
import { parseWindowsBuild, type WindowsRelease } from '../../windows-builds.ts';
import type { BaseRule, Finding } from '../rule.ts';

type Range = Pick<AffectedProduct, 'from' | 'before' | 'until' | 'only'>;
type Parse = (text: string) => Version | null;

export const affectedRanges: BaseRule = {
  name: 'affected-ranges',
  scope: 'base',
  check({ leaks, windowsBuilds }) {
    return [
      ...leaks.leaks.flatMap(({ id, affected }) =>
        affected
          .flatMap(one => faultsOf(one, windowsBuilds.releases))
          .map(message => ({ file: 'leaks.json', entry: id, message })),
      ),
      ...unsortedReleases(windowsBuilds.releases),
    ];
  },
};

function faultsOf(affected: AffectedProduct, releases: readonly WindowsRelease[]): string[] {
  const { product, image, filePrefix, hotfixBranch, before, from, windows } = affected;
  const faults: string[] = [];
  if (image === undefined) {
    if ((filePrefix ?? hotfixBranch) !== undefined)
      faults.push(`${product}: filePrefix and hotfixBranch are about a file: name its image.`);
  } else {
    faults.push(...rangeFaults(affected, parseVersion, `versions of ${image}`));
    if (isEmpty(affected)) faults.push(`${product}: it names ${image}, but no version of it.`);
  }
  if (hotfixBranch !== undefined) {
    const branch = parseVersion(hotfixBranch);
    const isInside =
      branch !== null &&
      before !== undefined &&
      compareVersions(branch, parseVersion(before) ?? []) <= 0 &&
      compareVersions(parseVersion(from ?? '0') ?? [], branch) <= 0;
    if (!isInside)
      faults.push(`${product}: hotfixBranch ${hotfixBranch} is not between "from" and "before".`);
  }
  if (filePrefix !== undefined && parseVersion(filePrefix) === null)
    faults.push(`${product}: filePrefix ${JSON.stringify(filePrefix)} is no number.`);
  if (windows !== undefined) {
    const parse: Parse = text => parseWindowsBuild(text, releases);
    faults.push(...rangeFaults(windows, parse, 'builds of Windows'));
    if (isEmpty(windows)) faults.push(`${product}: "windows" names no build.`);
  }
  return faults;
}

function isEmpty({ from, before, until, only }: Range): boolean {
  return (from ?? before ?? until ?? only) === undefined;
}

function rangeFaults({ from, before, until, only = [] }: Range, parse: Parse, what: string): string[] {
  const named = [from, before, until, ...only].filter(text => text !== undefined);
  const wrong = named.filter(text => parse(text) === null);
  if (wrong.length > 0) {
    return wrong.map(text => `${JSON.stringify(text)} is no version: ${what} are numbers with dots.`);
  }
  const isBefore = (a: string, b: string) => compareVersions(parse(a)!, parse(b)!) < 0;
  const faults: string[] = [];
  if (from !== undefined && before !== undefined && !isBefore(from, before))
    faults.push(`It begins with ${from}, which is not before ${before}.`);
  if (from !== undefined && until !== undefined && isBefore(until, from))
    faults.push(`It ends with ${until}, which is before ${from}.`);
  if (before !== undefined && until !== undefined)
    faults.push('"before" names the fix, "until" says that none is known: one of them.');
  if (only.length > 0 && (from ?? until) !== undefined)
    faults.push('"only" names the very versions: no "from" and "until" beside it.');
  return faults;
}

function unsortedReleases(releases: readonly WindowsRelease[]): Finding[] {
  return releases.flatMap(({ name, build }, i) => {
    const last = releases[i - 1];
    const isSorted =
      last === undefined || compareVersions(parseVersion(last.build)!, parseVersion(build)!) <= 0;
    return isSorted
      ? []
      : [
          {
            file: 'windows-builds.json',
            entry: name,
            message: `It stands after ${last.name}: the oldest first.`,
          },
        ];
  });
}
