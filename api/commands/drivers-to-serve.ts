/** Which drivers the server scans when it starts. */
import { readdirSync } from 'node:fs';
import { projectFile } from '../../data/project-files.ts';
import type { Settings } from '../settings.ts';
import type { CommandIo } from './command-io.ts';
import { type AllDrivers, type DriverPlaces, driverPlaces } from './driver-places.ts';

export interface DriverPlace extends DriverPlaces {
  /** The samples that ship with the program, which say nothing about this computer. */
  isSample: boolean;
}

/**
 * What is named, all of Windows where that is asked for, else the drivers folder of a Windows computer, else the samples
 * of the program, so that a reader elsewhere sees what a scan gives. No samples go into a server's index, which others
 * share; null where there is nothing.
 */
export async function driversToServe(
  settings: Settings,
  allDrivers: AllDrivers,
  io: CommandIo,
): Promise<DriverPlace | null> {
  const places = await driverPlaces(settings.drivers, allDrivers, io);
  if (places !== null) return { ...places, isSample: false };
  const samples = projectFile('data', 'samples');
  const isShown = settings.meiliUrl === null && hasDrivers(samples);
  return isShown ? { paths: [samples], services: null, isSample: true } : null;
}

function hasDrivers(folder: string): boolean {
  try {
    return readdirSync(folder).some(file => file.endsWith('.sys'));
  } catch {
    return false;
  }
}
