/** readDriverServices: asks Windows for its services. */
import { execFile } from 'node:child_process';
import { win32 } from 'node:path';
import { promisify } from 'node:util';
import { DriverServices } from './driver-services.ts';
import { readServiceList } from './service-list.ts';

const SERVICES_KEY = 'HKLM\\SYSTEM\\CurrentControlSet\\Services';
/** It takes about a second; a computer that is busy enough to need more has its drivers scanned without. */
const TIME_LIMIT_MS = 20_000;
/** The list of a crowded server has 20 MB. */
const MAX_OUTPUT_BYTES = 128 * 1024 * 1024;

/**
 * The driver services of this computer, which runs Windows; null where they cannot be read or the signal ended the
 * reading. Never rejects.
 */
export async function readDriverServices(
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<DriverServices | null> {
  const root = env.SystemRoot ?? env.windir ?? '';
  // By its full path, so that no reg.exe of the working folder is run.
  if (!/^[A-Za-z]:\\/.test(root)) return null;
  try {
    const { stdout } = await promisify(execFile)(
      win32.join(root, 'System32', 'reg.exe'),
      ['query', SERVICES_KEY, '/s'],
      { encoding: 'latin1', maxBuffer: MAX_OUTPUT_BYTES, timeout: TIME_LIMIT_MS, windowsHide: true, signal },
    );
    return new DriverServices(readServiceList(stdout), env);
  } catch {
    return null;
  }
}
