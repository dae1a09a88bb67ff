/** Runs the search contract on a real Meilisearch server, fetching one where there is none; fails where it cannot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { projectFile } from '../../data/project-files.ts';
import { findMeilisearch } from './meilisearch-server.ts';

const server = await findMeilisearch({ mayFetch: true });
if ('reason' in server) {
  console.error(`The Meilisearch contract cannot run: ${server.reason}.`);
  process.exit(1);
}
console.log(`The Meilisearch contract runs on ${server.origin}.`);
try {
  const test = projectFile('test', 'data', 'meilisearch-index.test.ts');
  const run = spawn(process.execPath, ['--import', 'tsx', '--test', test], {
    stdio: 'inherit',
    env: { ...process.env, MEILI_TEST_URL: server.url, MEILI_TEST_KEY: server.masterKey },
  });
  const [code] = await once(run, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await server.stop();
}
