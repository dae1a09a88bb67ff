/** How a worker thread is started: from the source as well as from what was compiled. */

/** Compiled, this is JavaScript and so are the workers; run from source, all are TypeScript. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

/** The URL of a worker whose path is given without its extension, such as `../scan-worker`, seen from `importer`. */
export function workerUrl(path: string, importer: string): URL {
  return new URL(`${path}.${IS_SOURCE ? 'ts' : 'js'}`, importer);
}

/** Before Node strips types itself, a thread does not inherit the loader that reads TypeScript: only tests meet this. */
export function workerArguments(): string[] | undefined {
  if (!IS_SOURCE || ('typescript' in process.features && process.features.typescript)) return undefined;
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return ['--import', `data:text/javascript,import{register}from${loader};register()`];
}
