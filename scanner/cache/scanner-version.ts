/** scannerVersion: changes whenever the scanner's own code does, without anyone having to think of it. */
import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFile } from '../../data/project-files.ts';

/** In what `npm run build` makes, where the sources do not stand as files any more: their SHA-256, all of the program's. */
declare const BUILT_FROM: string | undefined;

/** The sources as they run: TypeScript from a clone, JavaScript in a test. */
const EXTENSION = extname(fileURLToPath(import.meta.url));
const SCANNER_FOLDER = fileURLToPath(new URL('../', import.meta.url));
const DATA_FOLDER = fileURLToPath(new URL('../../data/', import.meta.url));

let version: string | undefined;

/**
 * The SHA-256 of every file that the scan of a driver can depend on, in hex: all code below scanner/, the code in
 * data/ (not its facts) and the pinned versions of the dependencies. A built program has that of all its sources, from source
 * it is worked out once per process (130 files, 5 ms).
 */
export function scannerVersion(): string {
  version ??= typeof BUILT_FROM === 'undefined' ? hashOfSources() : BUILT_FROM;
  return version;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  addFolder(hash, SCANNER_FOLDER, true);
  addFolder(hash, DATA_FOLDER, false);
  const { dependencies } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
  return hash.update(JSON.stringify(dependencies)).digest('hex');
}

function addFolder(hash: Hash, folder: string, isDeep: boolean): void {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) {
      if (isDeep) addFolder(hash, `${path}/`, true);
    } else if (extname(entry.name) === EXTENSION) {
      const source = readFileSync(path);
      // With its length, the end of one file and the beginning of the next are not interchangeable.
      hash.update(`${entry.name}\0${source.length}\0`).update(source);
    }
  }
}
