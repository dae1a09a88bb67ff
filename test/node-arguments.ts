/** How a test starts a program of ours in a process of its own. */
import { fileURLToPath } from 'node:url';

/** Node's arguments for a file of the project (`api/cli.ts`): compiled like this very file, or from source by tsx. */
export function nodeArguments(source: string): string[] {
  const file = fileURLToPath(new URL(`../${source}`, import.meta.url));
  return import.meta.url.endsWith('.ts') ? ['--import', 'tsx', file] : [file.replace(/\.ts$/, '.js')];
}
