/** Reads the JSON files of data/knowledge/ as they stand: no opinion about their content beyond "it is JSON of its kind". */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type {
  AdviceFile,
  ComponentFile,
  LeaksFile,
  SourcesFile,
  WindowsBuildsFile,
} from './knowledge-shapes.ts';

/** The bundled knowledge cannot be used: which file, what is wrong with it, and what to do. */
export class KnowledgeBroken extends Error {
  readonly code = 'knowledge-broken';
  override name = 'KnowledgeBroken';

  constructor(file: string, fault: string, cause?: unknown) {
    super(
      `The knowledge file ${file} cannot be used: ${fault} ` +
        'Run `npm run check:knowledge` to see every fault, or install the program again.',
      { cause },
    );
  }
}

/** The folder's content, parsed. Components in the order of their file names. */
export interface KnowledgeFiles {
  components: { file: string; content: ComponentFile }[];
  leaks: LeaksFile;
  advice: AdviceFile;
  sources: SourcesFile;
  windowsBuilds: WindowsBuildsFile;
}

const NOT_COMPONENTS = new Set([
  'leaks.json',
  'advice.json',
  'sources.json',
  'windows-builds.json',
  'schema.json',
]);

/** Whether a file name of the folder is a component's. */
function isComponentFile(fileName: string): boolean {
  return fileName.endsWith('.json') && !fileName.endsWith('.schema.json') && !NOT_COMPONENTS.has(fileName);
}

/** Reads the folder. Throws {@link KnowledgeBroken} for a file that is missing, not JSON, or lacks its list. */
export function readKnowledgeFiles(folder: string): KnowledgeFiles {
  const components = fileNames(folder)
    .filter(isComponentFile)
    .map(file => ({ file, content: readJson<ComponentFile>(folder, file, 'entries') }));
  return {
    components,
    leaks: readJson<LeaksFile>(folder, 'leaks.json', 'leaks'),
    advice: readJson<AdviceFile>(folder, 'advice.json', 'advice'),
    sources: readJson<SourcesFile>(folder, 'sources.json', 'sources'),
    windowsBuilds: readJson<WindowsBuildsFile>(folder, 'windows-builds.json', 'releases'),
  };
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw new KnowledgeBroken(folder, 'the folder cannot be read.', error);
  }
}

function readJson<T extends object>(folder: string, file: string, list: keyof T & string): T {
  const where = path.join(folder, file);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(where, 'utf8'));
  } catch (error) {
    throw new KnowledgeBroken(where, `${error instanceof Error ? error.message : error}.`, error);
  }
  if (typeof content !== 'object' || content === null || !Array.isArray((content as T)[list])) {
    throw new KnowledgeBroken(where, `it has no list named "${list}".`);
  }
  return content as T;
}
