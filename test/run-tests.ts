/** Runs every test file below test/ with node:test. A glob library finds them: Node 20 expands none itself. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fg from 'fast-glob';

const chosen = process.argv.slice(2).filter(argument => !argument.startsWith('-'));
const options = process.argv.slice(2).filter(argument => argument.startsWith('-'));
const files = fg
  .sync(chosen.length > 0 ? chosen : ['test/**/*.test.ts'], { ignore: ['**/node_modules/**'] })
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${chosen.join(' ')}.`);
  process.exit(2);
}
const seed = pathToFileURL(path.join(import.meta.dirname, 'property-seed.ts')).href;
const run = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--import', seed, '--test', ...options, ...files],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);
