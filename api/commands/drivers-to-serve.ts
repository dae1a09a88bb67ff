/** Which drivers the server scans when it starts. */
import fg from 'fast-glob';
import { projectFile } from '../../data/project-files.ts';
import type { Settings } from '../settings.ts';
import { windowsDriversFolder } from '../windows-drivers-folder.ts';
import type { CommandIo } from './command-io.ts';

export interface DriverPlace {
  paths: string[];
  /** The samples that ship with the program, which say nothing about this computer. */
  isSample: boolean;
}

/**
 * What is named, else the drivers folder of a Windows computer, else the samples of the program, so that a reader
 * elsewhere sees what a scan gives. No samples go into a server's index, which others share; null where there is nothing.
 */
export function driversToServe(settings: Settings, io: CommandIo): DriverPlace | null {
  if (settings.drivers.length > 0) return { paths: settings.drivers, isSample: false };
  const folder = windowsDriversFolder(io.env, io.platform);
  if (folder !== null) return { paths: [folder], isSample: false };
  const samples = projectFile('data', 'samples');
  const hasSamples = fg.sync('*.sys', { cwd: samples, suppressErrors: true }).length > 0;
  return hasSamples && settings.meiliUrl === null ? { paths: [samples], isSample: true } : null;
}
