/** Where a command looks for drivers: what is named, the drivers folder, or with --all-drivers all of Windows. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { DriverServices } from '../../scanner/files/driver-services.ts';
import type { SearchFolder } from '../../scanner/files/file-list.ts';
import { readDriverServices } from '../../scanner/files/read-services.ts';
import { allDriverFolders, windowsFolderAt } from '../../scanner/files/windows-folders.ts';
import { PooltagError } from '../pooltag-error.ts';
import { escapeControls } from '../terminal-text.ts';
import { windowsDriversFolder } from '../windows-drivers-folder.ts';
import type { CommandIo } from './command-io.ts';

/** What `scanFiles` is to be given. */
export interface DriverPlaces {
  paths: (string | SearchFolder)[];
  /** What loads the drivers, where they are those of this computer; null where that is not known. */
  services: Promise<DriverServices | null> | null;
}

/** The value of `--all-drivers [folder]`: true without a folder, undefined without the option. */
export type AllDrivers = string | true | undefined;

/** Adds `--all-drivers [folder]`. */
export function addAllDriversOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--all-drivers [folder]',
      'all places of Windows too: System32, the DriverStore, Program Files, ProgramData and what services name; of this computer, or of the Windows folder of a mounted disk',
    ),
  );
}

/**
 * The places for the named paths and `--all-drivers`; without both the drivers folder of this computer. Null where
 * there is nothing to look in. Throws `invalid-usage` where --all-drivers finds no Windows.
 */
export async function driverPlaces(
  named: readonly string[],
  allDrivers: AllDrivers,
  io: CommandIo,
): Promise<DriverPlaces | null> {
  if (allDrivers !== undefined) return await allOfWindows(named, allDrivers, io);
  if (named.length > 0) return { paths: [...named], services: null };
  const folder = windowsDriversFolder(io.env, io.platform);
  return folder === null ? null : { paths: [folder], services: readDriverServices(io.env, io.signal) };
}

async function allOfWindows(
  named: readonly string[],
  allDrivers: string | true,
  { env, platform, signal }: CommandIo,
): Promise<DriverPlaces> {
  const ownFolder = env.SystemRoot || env.windir || (platform === 'win32' ? 'C:\\Windows' : undefined);
  const asked = allDrivers === true ? ownFolder : allDrivers;
  if (asked === undefined) {
    throw new PooltagError(
      'invalid-usage',
      'This computer does not run Windows: name the Windows folder of a mounted disk, such as --all-drivers /mnt/c/Windows, or set SystemRoot to it.',
    );
  }
  const root = windowsFolderAt(asked);
  if (root === null) {
    throw new PooltagError(
      'invalid-usage',
      `--all-drivers takes ${asked} as the Windows folder, but there is no System32 in it that may be opened. Name the folder that holds System32.`,
    );
  }
  const isThisComputer = platform === 'win32' && path.relative(root, ownFolder ?? '') === '';
  if (!isThisComputer) return { paths: [...named, ...allDriverFolders(root)], services: null };
  const services = readDriverServices(env, signal);
  const system32 = env.PROCESSOR_ARCHITEW6432 ? 'Sysnative' : 'System32';
  const moreFolders = ['ProgramFiles', 'ProgramW6432', 'ProgramFiles(x86)', 'ProgramData']
    .map(name => env[name] ?? '')
    .filter(folder => path.isAbsolute(folder));
  const folders = allDriverFolders(root, { system32, moreFolders });
  const files = ((await services)?.files ?? []).map(file =>
    file.replace(/\\system32\\/i, () => `\\${system32}\\`),
  );
  return { paths: [...named, ...folders, ...filesOutside(folders, files)], services };
}

/** A service may outlive its file: what is not there is nothing to report. */
function filesOutside(folders: readonly SearchFolder[], files: readonly string[]): string[] {
  const searched = folders.filter(({ isDeep }) => isDeep).map(({ folder }) => folder.toLowerCase());
  return files.filter(
    file =>
      !searched.some(folder => file.toLowerCase().startsWith(`${folder}${path.sep}`)) && existsSync(file),
  );
}

/** More of them make no sentence. */
const MAX_PLACES_SHOWN = 6;

/** The places in words, for a sentence on where was looked. */
export function placesText(paths: readonly (string | SearchFolder)[]): string {
  const names = paths.map(place => escapeControls(typeof place === 'string' ? place : place.folder));
  const more = names.length - MAX_PLACES_SHOWN;
  return `${names.slice(0, MAX_PLACES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more places` : ''}`;
}
