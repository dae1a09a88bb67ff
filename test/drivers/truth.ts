/** Reads what the test sources declare beside each tag: `//= Tag1 allocation-call direct [CONDITION...]`. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import fg from 'fast-glob';
import { EVIDENCE_KINDS, type EvidenceKind } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { CASES, type CaseName } from './cases.ts';

export interface DeclaredTag {
  tag: string;
  /** `any` where the source leaves the kind open. */
  kind: EvidenceKind | 'any';
  caseName: CaseName;
  stage: 1 | 2;
  line: number;
}

export interface SourceTruth {
  /** File name without extension. */
  name: string;
  heldOut: boolean;
  /** The name that the image goes by (`// image: NAME`), where it matters; else null. */
  imageName: string | null;
  tags: DeclaredTag[];
  /** Tags that are neither asked for nor false: `//? Tag why`. */
  open: string[];
  /** Tags that must not be found, with the case: `//~ Tag case`. */
  bait: Map<string, CaseName>;
}

/** One built driver: `SOURCE.ARCH.COMPILER.LEVEL[.VARIANT].sys`. */
export interface DriverName {
  source: string;
  arch: string;
  compiler: string;
  level: string;
  variant: string;
}

/** The parts of a test driver's file name; undefined for a file that is none. */
export function parseDriverName(fileName: string): DriverName | undefined {
  const parts = /^([\w-]+)\.(x86|x64|arm64)\.(gcc|clang)\.(O\w)(?:\.(\w+))?\.sys$/.exec(fileName);
  if (parts === null) return undefined;
  return {
    source: parts[1],
    arch: parts[2],
    compiler: parts[3],
    level: parts[4],
    variant: parts[5] ?? 'direct',
  };
}

const sourceFolder = projectFile('test', 'drivers', 'src');
const ANNOTATION = /\/\/([=~?]) (?:"((?:[^"\\]|\\.)*)"|(\S+))((?:(?!\/\/[=~?]).)*)/g;

/** What a driver's source declares, for the processor, compiler and variant it was built for. */
export function truthOf(driver: DriverName): SourceTruth {
  const [file] = fg.sync(`**/${driver.source}.{c,cpp}`, { cwd: sourceFolder });
  if (file === undefined) throw new Error(`No source named ${driver.source} below ${sourceFolder}.`);
  return readTruth(file, new Set([driver.arch, driver.compiler, driver.variant]));
}

/** The sources that exist, relative to test/drivers/src. */
export function sourceFiles(): string[] {
  return fg.sync('**/*.{c,cpp}', { cwd: sourceFolder }).sort();
}

/** Reads one source; a declaration with conditions (`x86`, `!delay`) counts only where one of them holds. */
export function readTruth(file: string, conditions: ReadonlySet<string>): SourceTruth {
  const truth: SourceTruth = {
    name: path.basename(file).replace(/\.\w+$/, ''),
    heldOut: file.startsWith('held-out/'),
    imageName: null,
    tags: [],
    open: [],
    bait: new Map(),
  };
  const lines = readFileSync(path.join(sourceFolder, file), 'utf8').split('\n');
  lines.forEach((text, index) => {
    if (text.startsWith('// image: ')) truth.imageName = text.slice('// image: '.length).trim();
    for (const [, sign, quoted, bare, rest] of text.matchAll(ANNOTATION)) {
      const tag =
        quoted === undefined ? bare : (JSON.parse(`"${quoted.replace(/\\0/g, '\\u0000')}"`) as string);
      const where = `${file}:${index + 1}`;
      if (tag.length !== 4) throw new Error(`${where}: ${JSON.stringify(tag)} is not four characters.`);
      const words = rest.trim().split(/\s+/);
      if (sign === '?') truth.open.push(tag);
      else if (sign === '~') truth.bait.set(tag, caseNamed(words[0], 0, where));
      else declare(truth, tag, words, conditions, index + 1, where);
    }
  });
  return truth;
}

function declare(
  truth: SourceTruth,
  tag: string,
  [kind, name, ...wanted]: string[],
  conditions: ReadonlySet<string>,
  line: number,
  where: string,
): void {
  if (kind !== 'any' && !(EVIDENCE_KINDS as readonly string[]).includes(kind)) {
    throw new Error(`${where}: ${kind} is no evidence kind.`);
  }
  const caseName = caseNamed(name, 1, where);
  const holds = (wish: string) =>
    wish.startsWith('!') ? !conditions.has(wish.slice(1)) : conditions.has(wish);
  if (wanted.length > 0 && !wanted.some(holds)) return;
  if (truth.tags.some(other => other.tag === tag)) throw new Error(`${where}: ${tag} is declared twice.`);
  const stage = CASES[caseName].stage as 1 | 2;
  truth.tags.push({ tag, kind: kind as EvidenceKind | 'any', caseName, stage, line });
}

function caseNamed(name: string, leastStage: 0 | 1, where: string): CaseName {
  const found = Object.hasOwn(CASES, name) ? CASES[name as CaseName] : undefined;
  if (found === undefined || Math.min(found.stage, 1) !== leastStage) {
    throw new Error(`${where}: ${name} is no case of ${leastStage === 0 ? 'bait' : 'a tag'}.`);
  }
  return name as CaseName;
}
