/** Says whether a known leak concerns a machine, by the versions of its drivers and its build of Windows. */
import type { KnownLeak } from '../data/knowledge.ts';
import type { AffectedProduct } from '../data/knowledge-shapes.ts';
import {
  compareKnown,
  compareVersions,
  isVersionOf,
  parseVersion,
  type Version,
  versionOfFile,
} from '../data/versions.ts';
import { parseWindowsBuild } from '../data/windows-builds.ts';
import { joined, rangeInWords } from './affected-words.ts';
import { canonicalFile } from './image-names.ts';

/** What is known of a machine. */
export interface Machine {
  drivers: readonly { fileName: string; version: string | null }[];
  /** `10.0.26200`, with the revision where it is known; null where nobody said. */
  windowsBuild: string | null;
}

/** Whether a leak concerns a machine. `applies` is about versions: whether it is what grows there, the tag must show. */
export interface LeakVerdict {
  verdict: 'applies' | 'may-apply' | 'fixed' | 'does-not-apply';
  /** One sentence. */
  reason: string;
  /** The first version without the fault, where the verdict is `fixed`. */
  fixedIn?: string;
}

/** Where a version stands to a range. `doubt`: within reach of it, but it cannot be told. */
type State = 'in' | 'fixed' | 'out' | 'doubt' | 'unknown';
interface Finding {
  state: State;
  reason: string;
  fixedIn?: string;
}

/** Of several products, what is sure comes before what is not, and the worst news before the best. */
const WEIGHT: readonly State[] = ['in', 'doubt', 'fixed', 'unknown', 'out'];
const VERDICTS: Record<State, LeakVerdict['verdict']> = {
  in: 'applies',
  doubt: 'may-apply',
  fixed: 'fixed',
  unknown: 'may-apply',
  out: 'does-not-apply',
};

/** The verdict with its reason. */
export function leakApplies({ affected }: Pick<KnownLeak, 'affected'>, machine: Machine): LeakVerdict {
  const { state, reason, fixedIn } = worst(affected.map(one => findingOf(one, machine)));
  return { verdict: VERDICTS[state], reason, ...(fixedIn === undefined ? {} : { fixedIn }) };
}

/** `applies`, `may apply`, `fixed in 0.9989`, `does not apply`. */
export function verdictInWords({ verdict, fixedIn }: LeakVerdict): string {
  return verdict === 'fixed' ? `fixed in ${fixedIn}` : verdict.replaceAll('-', ' ');
}

/** The order in which leaks matter to a machine: those that apply first, those that do not last. */
export function verdictRank({ verdict }: LeakVerdict): number {
  return ['applies', 'may-apply', 'fixed', 'does-not-apply'].indexOf(verdict);
}

function worst(findings: readonly Finding[]): Finding {
  return findings.reduce((best, one) => {
    const difference = WEIGHT.indexOf(one.state) - WEIGHT.indexOf(best.state);
    if (difference !== 0) return difference < 0 ? one : best;
    // Of two branches that have the fix, the machine's own is the newer one.
    const isNewer =
      one.state === 'fixed' &&
      compareVersions(parseVersion(one.fixedIn!) ?? [], parseVersion(best.fixedIn!) ?? []) > 0;
    return isNewer ? one : best;
  });
}

function findingOf(affected: AffectedProduct, machine: Machine): Finding {
  const windows = windowsFinding(affected, machine);
  if (windows?.state === 'out' || windows?.state === 'fixed') return windows;
  const image = imageFinding(affected, machine);
  if (image !== null && (image.state !== 'unknown' || windows === null)) return image;
  if (windows === null) return inWords(affected);
  if (windows.state !== 'in') return windows;
  if (image !== null) return image;
  const open = openQuestion(affected);
  return open === null ? windows : { state: 'unknown', reason: `${windows.reason.slice(0, -1)}; ${open}` };
}

function windowsFinding({ windows }: AffectedProduct, { windowsBuild }: Machine): Finding | null {
  if (windows === undefined) return null;
  if (windowsBuild === null) return { state: 'unknown', reason: 'The build of Windows was not given.' };
  const build = parseVersion(windowsBuild)!;
  return rangeFinding(build, windows, `Windows ${windowsBuild}`, text => parseWindowsBuild(text, [])!);
}

function imageFinding(affected: AffectedProduct, { drivers, windowsBuild }: Machine): Finding | null {
  const { image, filePrefix } = affected;
  if (image === undefined) return null;
  const file = canonicalFile(image);
  const named = drivers.filter(({ fileName }) => canonicalFile(fileName) === file);
  // The kernel's version is that of Windows.
  const all =
    named.length === 0 && file === 'ntoskrnl.exe' && windowsBuild !== null
      ? [{ fileName: 'Windows', version: windowsBuild }]
      : named;
  const findings = all.flatMap(({ fileName, version }) => {
    const read = versionOfFile(version);
    if (read === null) return [];
    return rangeFinding(withoutPrefix(read, filePrefix), affected, `${fileName} ${version}`, parse);
  });
  if (findings.length > 0) return worst(findings);
  const reason =
    named.length > 0 ? `${image} does not say its version.` : `The version of ${image} was not given.`;
  return { state: 'unknown', reason };
}

/** Npcap 1.78 is npcap.sys 5.1.78: what people write has no prefix, what a scan reads has it. */
function withoutPrefix(version: Version, prefix: string | undefined): Version {
  const [first] = prefix === undefined ? [] : parse(prefix);
  return version.length > 2 && version[0] === first ? version.slice(1) : version;
}

function parse(text: string): Version {
  return parseVersion(text)!;
}

type Range = Pick<AffectedProduct, 'from' | 'before' | 'until' | 'only' | 'hotfixBranch'>;

/** Where a version stands to a range; `what` names the thing with its version. */
function rangeFinding(
  version: Version,
  range: Range,
  what: string,
  read: (text: string) => Version,
): Finding {
  const { from, before, until, only, hotfixBranch } = range;
  const compare = (text: string) => compareKnown(version, read(text));
  const untold = (bound: string): Finding => ({
    state: 'doubt',
    reason: `${what} does not tell whether it is before ${bound}.`,
  });
  if (before !== undefined) {
    const difference = compare(before);
    if (difference !== undefined && difference >= 0)
      return { state: 'fixed', reason: `Fixed in ${before}: your ${what} has it.`, fixedIn: before };
    if (only === undefined && difference === undefined) return untold(before);
  }
  if (only !== undefined) {
    const list = joined(only);
    if (only.some(text => isVersionOf(version, read(text))))
      return { state: 'in', reason: `${what} is what it was reported for.` };
    if (only.some(text => compare(text) === undefined))
      return { state: 'doubt', reason: `${what} does not tell whether it is ${list}.` };
    if (before === undefined)
      return { state: 'out', reason: `Reported for ${list} only, not for your ${what}.` };
    return {
      state: 'doubt',
      reason: `Reported for ${list} and fixed in ${before}: your ${what} may have it.`,
    };
  }
  if (from !== undefined) {
    const difference = compare(from);
    if (difference === undefined) return untold(from);
    if (difference < 0) return { state: 'out', reason: `It began with ${from}, after your ${what}.` };
  }
  if (until !== undefined && compareVersions(version, read(until)) > 0 && !isVersionOf(version, read(until)))
    return { state: 'doubt', reason: `Reported up to ${until}, with no fix known: your ${what} is newer.` };
  if (hotfixBranch !== undefined && compareVersions(version, read(hotfixBranch)) < 0)
    return {
      state: 'doubt',
      reason: `Fixed in ${before} of the hotfix branch; ${what} is of the ordinary branch, which may have the fix under another number.`,
    };
  return { state: 'in', reason: `${what} is in the affected range, ${rangeInWords(range)}.` };
}

/** What versions cannot answer where the build of Windows is right; null where nothing is open. */
function openQuestion(affected: AffectedProduct): string | null {
  const { condition } = affected;
  if (condition !== undefined) return `it applies where ${condition}.`;
  const versions = rangeInWords(affected);
  return versions !== '' ? `it applies to ${affected.product} ${versions}.` : null;
}

function inWords(affected: AffectedProduct): Finding {
  const versions = rangeInWords(affected);
  const about = [affected.product, versions].filter(part => part !== '').join(' ');
  return {
    state: 'unknown',
    reason: `It is about ${about}, which no version of a driver or of Windows tells.`,
  };
}
