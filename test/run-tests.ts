/**
 * Compiles everything and runs the test files below test/ with node:test: `tsx test/run-tests.ts [PATTERN...] [--node-option...]`.
 * Compiled, they take half the time: each file is a process, and so is every worker, that tsx would have to be loaded into.
 * A glob library finds the files, since Node 20 expands none itself.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fg from 'fast-glob';

const root = path.join(import.meta.dirname, '..');
/** Left there, for whoever wants to look; not shipped, not committed. */
const build = path.join(root, '.test-build');

const chosen = process.argv.slice(2).filter(argument => !argument.startsWith('-'));
const options = process.argv.slice(2).filter(argument => argument.startsWith('-'));
const files = fg
  .sync(chosen.length > 0 ? chosen : ['test/**/*.test.ts'], { cwd: root, ignore: ['**/node_modules/**'] })
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${chosen.join(' ')}.`);
  process.exit(2);
}
rmSync(build, { recursive: true, force: true });
const compiler = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);
run(compiler, '-p', path.join(import.meta.dirname, 'tsconfig.build.json'));
const compiled = (file: string) => path.join(build, file.replace(/\.ts$/, '.js'));
const seed = pathToFileURL(compiled('test/property-seed.ts')).href;
// What hangs fails, instead of keeping everybody waiting.
run(
  '--enable-source-maps',
  '--import',
  seed,
  '--test',
  '--test-timeout=600000',
  ...options,
  ...files.map(compiled),
);

function run(...argv: string[]): void {
  const { status } = spawnSync(process.execPath, argv, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
