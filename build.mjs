/**
 * `npm run build`: the program as it runs, in dist/. A process that scans one driver spent a sixth of its time on finding and
 * reading some two hundred modules, twice over with those of its thread, so that they are put together into few files:
 * one for each entry, and one for each part that is loaded only when it is needed. Packages stay outside, but for one.
 * JavaScript, since it runs before each `npm start` and has to see at once that there is nothing to do.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname;
const dist = path.join(root, 'dist');

/** Where processes and threads begin. They keep their paths: see worker-start.ts. */
const ENTRIES = [
  'api/cli.ts',
  'scanner/scan-worker.ts',
  'api/watch/analysis-worker.ts',
  'api/leaks/report-worker.ts',
];

/**
 * Packages that are put in as well: thirty small modules that each thread of each scan reads, a tenth of the processor time
 * that a scan of one driver takes.
 */
const BUNDLED = ['pe-library'];

/** What was built last, in dist/: the SHA-256 of all that it was made of. */
const STAMP = path.join(dist, 'built-from');

const stamp = hashOfSources();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== stamp) await buildAll();

function hashOfSources() {
  const hash = createHash('sha256');
  const sources = ['api', 'scanner', 'data'].flatMap(folder =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => path.join(folder, name)),
  );
  for (const name of ['build.mjs', 'package.json', 'package-lock.json', ...sources.sort()]) {
    const source = readFileSync(path.join(root, name));
    // With its length, the end of one file and the beginning of the next are not interchangeable.
    hash.update(`${name}\0${source.length}\0`).update(source);
  }
  return hash.digest('hex');
}

async function buildAll() {
  const { build } = await import('esbuild');
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  );
  const { default: writeFileAtomic } = await import('write-file-atomic');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outbase: '.',
    outdir: 'dist',
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    external: Object.keys({ ...dependencies, ...optionalDependencies })
      .filter(name => !BUNDLED.includes(name))
      .flatMap(name => [name, `${name}/*`]),
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { BUILT_FROM: JSON.stringify(stamp) },
    write: false,
    logLevel: 'warning',
  });
  // No file is ever there in part, and what has not changed is left alone: another process may be running it.
  for (const { path: file, text } of outputFiles) {
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileAtomic.sync(file, text);
  }
  for (const name of BUNDLED) {
    const licence = readFileSync(path.join(root, 'node_modules', name, 'LICENSE'), 'utf8');
    mkdirSync(path.join(dist, 'licences'), { recursive: true });
    writeFileAtomic.sync(path.join(dist, 'licences', `${name}.txt`), licence);
  }
  const written = new Set(outputFiles.map(file => file.path));
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(dist, name);
    if (file.endsWith('.js') && !written.has(file)) rmSync(file);
  }
  writeFileAtomic.sync(STAMP, stamp);
}
