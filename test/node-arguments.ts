/** How a test starts code of ours in a process of its own: compiled like this very file, or from source by tsx. */
import { fileURLToPath } from 'node:url';

const isSource = import.meta.url.endsWith('.ts');

/** What Node needs to be told before it can load a file of the project. */
export const LOADER: readonly string[] = isSource ? ['--import', 'tsx'] : [];

/** The URL of a file of the project (`api/cli.ts`), to be imported. */
export function moduleUrl(source: string): string {
  return new URL(`../${isSource ? source : source.replace(/\.ts$/, '.js')}`, import.meta.url).href;
}

/** Node's arguments for a program of the project (`api/cli.ts`). */
export function nodeArguments(source: string): string[] {
  return [...LOADER, fileURLToPath(moduleUrl(source))];
}
