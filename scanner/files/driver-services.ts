/** DriverServices: which services load which driver file, from the paths as the registry spells them. */
import { win32 } from 'node:path';
import type { DriverService } from '../../data/facts.ts';
import type { ServiceEntry } from './service-list.ts';

export class DriverServices {
  readonly #byFile = new Map<string, DriverService[]>();
  readonly #files: string[] = [];

  /** `env` is that of the computer whose services these are; its SystemRoot is where relative paths begin. */
  constructor(entries: readonly ServiceEntry[], env: NodeJS.ProcessEnv) {
    for (const { name, start, type, imagePath } of entries) {
      const file = serviceFile(imagePath, name, env);
      if (file === null) continue;
      const known = this.#byFile.get(sameSpelling(file));
      if (known === undefined) {
        this.#files.push(file);
        this.#byFile.set(sameSpelling(file), [{ name, start, type }]);
      } else {
        known.push({ name, start, type });
      }
    }
  }

  /** The services that name this file (an absolute Windows path); empty where none does. */
  of(path: string): DriverService[] {
    return this.#byFile.get(sameSpelling(path)) ?? [];
  }

  /** Every file that a service names, as an absolute Windows path; it need not exist. */
  get files(): readonly string[] {
    return this.#files;
  }
}

/** Windows ignores letter case, and shows a 32-bit process the real System32 as Sysnative. */
function sameSpelling(path: string): string {
  return win32.normalize(path).toLowerCase().replace('\\sysnative\\', '\\system32\\');
}

/**
 * The absolute path of a service's file; null where it lies on no drive of this computer. The registry has the spellings
 * of the kernel (`\SystemRoot\...`, `\??\C:\...`), of programs (`%SystemRoot%\...`, `"C:\..."`), and paths relative to
 * SystemRoot.
 */
export function serviceFile(
  imagePath: string | undefined,
  serviceName: string,
  env: NodeJS.ProcessEnv,
): string | null {
  const root = win32.normalize(variable(env, 'SystemRoot') ?? 'C:\\Windows');
  const written = unquoted(imagePath?.trim() ?? '').replaceAll('/', '\\');
  if (written === '') {
    // A service that is named like a path would lead anywhere.
    return /[\\/:]/.test(serviceName) ? null : win32.join(root, 'System32', 'drivers', `${serviceName}.sys`);
  }
  const bare = expanded(written, env).replace(/^\\(?:\?\?|\\\?|DosDevices)\\/i, '');
  const file = bare.replace(/^\\SystemRoot(?=\\)/i, () => root);
  if (/^[a-z]:\\/i.test(file)) return win32.normalize(file);
  // \Device\HarddiskVolume3\..., a volume by its GUID, another computer.
  if (file.startsWith('\\') || /[:%]|^Volume\{/i.test(file)) return null;
  return win32.join(root, file);
}

/** Of a quoted path what stands within the quotes. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  const end = text.indexOf('"', 1);
  return text.slice(1, end < 0 ? undefined : end);
}

function expanded(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/%([^%]{1,64})%/g, (whole, name) => variable(env, name) ?? whole);
}

/** Windows ignores the letter case of a variable's name; a copy of the environment does not. */
function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const own = Object.keys(env).find(key => key.toLowerCase() === wanted);
  return own === undefined ? undefined : env[own] || undefined;
}
