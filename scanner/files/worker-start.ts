/** How a worker thread of ours is started: from source, compiled, or from what `npm run build` has put together. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Run from source, the worker is TypeScript as this is; else both are JavaScript. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const EXTENSION = IS_SOURCE ? '.ts' : '.js';

/**
 * The file of a worker, named as from the project's root: `scanner/scan-worker`. Put together with others this module
 * may stand anywhere, so that the folder with the worker in it is looked for upwards.
 */
export function workerUrl(name: string): URL {
  const file = `${name}${EXTENSION}`;
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const found = path.join(folder, file);
    if (existsSync(found)) return pathToFileURL(found);
    if (folder === path.dirname(folder)) throw new Error(`${file} is missing: the installation is broken.`);
  }
}

/** Before Node strips types itself, a thread does not inherit the loader that reads TypeScript: only tests meet this. */
export function workerArguments(): string[] | undefined {
  if (!IS_SOURCE || ('typescript' in process.features && process.features.typescript)) return undefined;
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return ['--import', `data:text/javascript,import{register}from${loader};register()`];
}
