/** How a worker thread of ours is started, compiled or from source. */

/** Compiled, this is JavaScript and so is the worker; run from source, both are TypeScript. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

/** How the file of a worker ends. */
export const WORKER_EXTENSION = IS_SOURCE ? 'ts' : 'js';

/** Before Node strips types itself, a thread does not inherit the loader that reads TypeScript: only tests meet this. */
export function workerArguments(): string[] | undefined {
  if (!IS_SOURCE || ('typescript' in process.features && process.features.typescript)) return undefined;
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return ['--import', `data:text/javascript,import{register}from${loader};register()`];
}
