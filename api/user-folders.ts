/** Where this user's data and cache lie when nobody says otherwise, and a first look whether anything is kept there. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import envPaths from 'env-paths';

/** As the platform has it, and the variables by which it can be set otherwise. */
export const userFolders = () => envPaths('pooltag', { suffix: '' });

/**
 * Whether earlier scans are kept where a scan with these arguments will look for them: a guess ahead of reading the command
 * line, by which nothing but time can be lost.
 */
export function hasKeptScans(args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  if (args.includes('--no-cache')) return false;
  const option = args.find(arg => arg.startsWith('--cache='))?.slice('--cache='.length);
  const named = option ?? args[args.indexOf('--cache') + 1 || args.length] ?? env.POOLTAG_CACHE;
  return existsSync(path.join(named || userFolders().cache, 'files'));
}
