/** Finds the files that ship beside the code (knowledge, guides, views), from the sources and from dist/ alike. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = findRoot(path.dirname(fileURLToPath(import.meta.url)));

function findRoot(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json'))) return folder;
    if (folder === path.dirname(folder))
      throw new Error(`No package.json above ${start}: the installation is broken.`);
  }
}

/** The absolute path of a file or folder that ships with the program: `projectFile('data', 'knowledge')`. */
export function projectFile(...segments: string[]): string {
  return path.join(root, ...segments);
}

/** The program's version, from package.json. */
export function programVersion(): string {
  return JSON.parse(readFileSync(projectFile('package.json'), 'utf8')).version;
}
