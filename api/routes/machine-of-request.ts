/** Reads what a request says of the asker's machine. */
import type { Request } from 'express';
import type { Catalogue } from '../catalogue.ts';
import type { Machine } from '../leak-applies.ts';
import { NO_MACHINE, QUERY_NAMES, readMachine } from '../machine.ts';
import { driversTyped, type MachineForm } from '../page-models/machine-form.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { machineQuerySchema } from '../schemas.ts';
import { optionalParameter, textParameter } from './query-parameters.ts';

/** More than the most drivers that are taken need. */
const MAX_TYPED_CHARACTERS = 5_000;

/** `?windows=10.0.26200&driver=npcap.sys@0.9988`. Throws `invalid-query` for what is no build and no driver. */
export function machineOfRequest(request: Request, { knowledge }: Catalogue): Machine {
  const { windows, driver } = readRequest(machineQuerySchema, request.query, 'invalid-query');
  return readMachine(
    { windows, drivers: driver.filter(text => text !== '') },
    knowledge.windows,
    QUERY_NAMES,
  );
}

/** The same for a page: what cannot be read is said above its form, and the page is answered without it. */
export function machineOfPage(
  request: Request,
  { knowledge }: Catalogue,
): { machine: Machine; form: MachineForm } {
  const windows = optionalParameter(request, 'windows');
  const driver = driversOf(request);
  const form = { action: request.path, windows: windows ?? '', driver, problem: null };
  try {
    const given = { windows, drivers: driversTyped(driver) };
    const names = { ...QUERY_NAMES, windows: 'The build of Windows', driver: 'The driver' };
    return { machine: readMachine(given, knowledge.windows, names), form };
  } catch (error) {
    if (!(error instanceof PooltagError)) throw error;
    return { machine: NO_MACHINE, form: { ...form, problem: error.message } };
  }
}

/** Links name each driver apart, as REST does; the form has one field for all of them. */
function driversOf(request: Request): string {
  const given = request.query.driver;
  if (!Array.isArray(given)) return textParameter(request, 'driver');
  return given
    .filter(text => typeof text === 'string')
    .join(', ')
    .slice(0, MAX_TYPED_CHARACTERS);
}
