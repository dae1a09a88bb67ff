/** The settings as options of a command. */
import { existsSync, statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { PooltagError } from '../pooltag-error.ts';
import { readSettings, SETTINGS, type SettingOptions, type Settings } from '../settings.ts';
import type { CommandIo } from './command-io.ts';

/** What a command needs to open the catalogue and ask it. */
export const CATALOGUE_SETTINGS = [
  'pooltagFiles',
  'drivers',
  'cacheFolder',
  'meiliUrl',
  'meiliSearchKey',
  'meiliPrefix',
] as const satisfies readonly (keyof Settings)[];

/** Adds the options of these settings, in this order. */
export function addSettingOptions(command: Command, names: readonly (keyof Settings)[]): Command {
  for (const name of names) {
    const { option: flags, help, env } = SETTINGS[name];
    const option = new Option(flags, `${help} [${env}]`);
    if (name === 'pooltagFiles' || name === 'symbolFolders') {
      option.argParser((file: string, before: string[] | undefined) => [...(before ?? []), file]);
    }
    command.addOption(option);
    if (name === 'cacheFolder') {
      command.addOption(new Option('--no-cache', 'keep nothing, and use nothing that was kept'));
    }
  }
  return command;
}

/**
 * The settings after parsing: options first, then the environment; variables of settings that the command does not have
 * are not its business. Throws `invalid-setting`.
 */
export function settingsOf(command: Command, io: CommandIo): Settings {
  const options: SettingOptions = {};
  const env: NodeJS.ProcessEnv = {};
  for (const name of Object.keys(SETTINGS) as (keyof Settings)[]) {
    const flags = SETTINGS[name].option;
    const option = command.options.find(one => one.flags === flags);
    if (option === undefined) continue;
    const value = command.getOptionValue(option.attributeName());
    // --no-cache is the one setting with a no.
    if (value === false) continue;
    options[name] = value;
    env[SETTINGS[name].env] = io.env[SETTINGS[name].env];
  }
  const settings = readSettings(env, options);
  if (command.getOptionValue('cache') === false) settings.cacheFolder = null;
  requirePaths(settings.drivers, 'drivers');
  requirePaths(settings.pooltagFiles, 'pooltagFiles');
  requirePaths(settings.symbolFolders, 'symbolFolders');
  requireFolders(settings.symbolFolders, 'symbolFolders');
  return settings;
}

/** A path that was named and is not there is a mistake to correct before anything starts. */
function requirePaths(paths: readonly string[], name: 'drivers' | 'pooltagFiles' | 'symbolFolders'): void {
  const missing = paths.find(path => !existsSync(path));
  if (missing === undefined) return;
  const { option, env } = SETTINGS[name];
  throw new PooltagError(
    'invalid-setting',
    `${option.split(' ')[0]} (or ${env}) names ${missing}, which does not exist or may not be opened. Check the spelling and the rights.`,
  );
}

function requireFolders(paths: readonly string[], name: 'symbolFolders'): void {
  const other = paths.find(path => !statSync(path).isDirectory());
  if (other === undefined) return;
  const { option, env } = SETTINGS[name];
  throw new PooltagError(
    'invalid-setting',
    `${option.split(' ')[0]} (or ${env}) names ${other}, which is no folder. Name the folder that holds it.`,
  );
}
