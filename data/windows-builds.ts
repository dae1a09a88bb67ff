/** Builds of Windows by what people write, and their names. */
import { isVersionOf, parseVersion, type Version, versionText } from './versions.ts';

/** A release of Windows with the version that its kernel calls itself. */
export interface WindowsRelease {
  /** `Windows 11, version 25H2`. */
  name: string;
  /** `10.0.26200`. */
  build: string;
}

/** Builds count on from 10240 since Windows 10, and all of them are 10.0. */
const FIRST_BUILD_OF_10 = 10_240;
/** The last version before it was 6.3. */
const OLDEST_MAJOR = 3;

/**
 * `10.0.26200`, `10.0.26200.8875`, the build number alone (`26200`, `2600`) where the version in front of it is known, or
 * a release by its full name (`Windows 7 SP1`). Null for what is no build of Windows.
 */
export function parseWindowsBuild(text: string, releases: readonly WindowsRelease[]): Version | null {
  const given = text.trim();
  const named = releases.find(({ name }) => name.toLowerCase() === given.toLowerCase());
  const version = parseVersion(named?.build ?? given);
  if (version === null || version.length === 2) return null;
  if (version.length === 1) {
    const [build] = version;
    if (build! >= FIRST_BUILD_OF_10) return [10, 0, build!];
    return releases.map(release => parseVersion(release.build)!).find(known => known[2] === build) ?? null;
  }
  return isWindowsVersion(version) ? version : null;
}

/** 4.0 to 6.3, and 10.0: there is no Windows 7.1 in any kernel. */
function isWindowsVersion([major, minor, build]: Version): boolean {
  if (major === 10) return minor === 0 && build! >= FIRST_BUILD_OF_10;
  return major! >= OLDEST_MAJOR && major! <= 6 && build! > 0 && build! < FIRST_BUILD_OF_10;
}

/** `10.0.26200 (Windows 11, version 25H2)`; the bare version where no release has this build. */
export function windowsBuildInWords(build: Version, releases: readonly WindowsRelease[]): string {
  const names = releases
    .filter(release => isVersionOf(build, parseVersion(release.build)!))
    .map(({ name }) => name);
  return names.length === 0 ? versionText(build) : `${versionText(build)} (${names.join(', ')})`;
}
