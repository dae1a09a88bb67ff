/** What is known of the machine that somebody asks about: what they say of it, and what was scanned. */
import type { SightingSummary } from '../data/facts.ts';
import type { KnownLeak } from '../data/knowledge.ts';
import { parseVersion, versionOfFile, versionText } from '../data/versions.ts';
import { parseWindowsBuild, type WindowsRelease } from '../data/windows-builds.ts';
import type { AnswerSource } from './answer-source.ts';
import type { FailureCode } from './failures.ts';
import { canonicalFile } from './image-names.ts';
import type { Machine } from './leak-applies.ts';
import { PooltagError } from './pooltag-error.ts';

type DriverVersion = Machine['drivers'][number];

/** Nothing said. */
export const NO_MACHINE: Machine = { drivers: [], windowsBuild: null };

/** Drivers in one question: more than any leak is about. */
export const MAX_GIVEN_DRIVERS = 50;
/** How much of a wrong value a message repeats. */
const MAX_SHOWN_CHARACTERS = 60;

/** How a wrong value is reported: under which code, and by what names the two were given. */
export interface GivenNames {
  code: FailureCode;
  windows: string;
  driver: string;
}

/** Query parameters and fields of a body. */
export const QUERY_NAMES: GivenNames = { code: 'invalid-query', windows: 'windows', driver: 'driver' };

/** Reads `10.0.26200` and `npcap.sys@0.9988`. Throws a {@link PooltagError} for what is neither. */
export function readMachine(
  { windows, drivers = [] }: { windows?: string | undefined; drivers?: readonly string[] | undefined },
  releases: readonly WindowsRelease[],
  names: GivenNames,
): Machine {
  if (drivers.length > MAX_GIVEN_DRIVERS) {
    const message = `${names.driver} is given ${drivers.length} times; ${MAX_GIVEN_DRIVERS} drivers are taken at once.`;
    throw new PooltagError(names.code, message);
  }
  return {
    windowsBuild: windows === undefined ? null : readBuild(windows, releases, names),
    drivers: drivers.map(text => readDriver(text, names)),
  };
}

function readBuild(text: string, releases: readonly WindowsRelease[], names: GivenNames): string {
  const build = parseWindowsBuild(text, releases);
  if (build !== null) return versionText(build);
  throw new PooltagError(
    names.code,
    `${names.windows} is ${shown(text)}, which is no build of Windows. Give what \`ver\` or \`winver\` shows, such as 10.0.26200 or 10.0.26200.8875.`,
  );
}

function readDriver(text: string, names: GivenNames): DriverVersion {
  const at = text.lastIndexOf('@');
  const [fileName, version] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && /^[\w .()+-]{1,100}$/.test(fileName) && parseVersion(version) !== null) {
    return { fileName, version };
  }
  throw new PooltagError(
    names.code,
    `${names.driver} is ${shown(text)}, which is no driver with a version. Write the file name, @ and up to four numbers with dots, such as npcap.sys@0.9988.`,
  );
}

function shown(text: string): string {
  return JSON.stringify(
    text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text,
  );
}

/**
 * The machine as one leak needs it: what was said, and for files that nothing was said of what was scanned. Samples are
 * no drivers of any machine.
 */
export function machineFor(
  { affected }: Pick<KnownLeak, 'affected'>,
  given: Machine,
  source: Pick<AnswerSource, 'scannedDrivers'>,
  sightings: readonly SightingSummary[] = [],
): Machine {
  const images = new Set(affected.flatMap(({ image }) => (image === undefined ? [] : canonicalFile(image))));
  const isKernelGiven = given.windowsBuild !== null;
  const drivers = [...images].flatMap((file): readonly DriverVersion[] => {
    const named = given.drivers.filter(({ fileName }) => canonicalFile(fileName) === file);
    if (named.length > 0 || (file === KERNEL && isKernelGiven)) return named;
    const scanned = source.scannedDrivers(file);
    if (scanned.length > 0) return scanned;
    return sightings
      .map(({ driver }) => driver)
      .filter(({ fileName, isSample }) => !isSample && canonicalFile(fileName) === file);
  });
  return { drivers, windowsBuild: given.windowsBuild ?? scannedBuild(source) };
}

const KERNEL = 'ntoskrnl.exe';

/** The build of the scanned kernel; null where none was scanned, or kernels of several machines. */
function scannedBuild(source: Pick<AnswerSource, 'scannedDrivers'>): string | null {
  const builds = new Set<string>();
  for (const { version } of source.scannedDrivers(KERNEL)) {
    const read = versionOfFile(version);
    const build = read === null ? null : parseWindowsBuild(versionText(read), []);
    if (build !== null) builds.add(versionText(build));
  }
  const [build] = builds;
  return builds.size === 1 ? build! : null;
}
