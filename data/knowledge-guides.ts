/** Reads the guides: Markdown files that open with a few `name: value` lines between two `---` lines. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { KnowledgeBroken } from './knowledge-files.ts';

/** A guide as its file says it. */
export interface GuideFile {
  /** The file name without `.md`: part of an address. */
  id: string;
  title: string;
  /** Its place in lists, from 1: what is read first comes first. */
  order: number;
  /** One sentence. */
  summary: string;
  /** Words people search for, beside those in the text. */
  keywords: string[];
  /** Ids of sources.json. */
  sourceIds: string[];
  /** The text below the front matter, which has no first-level heading of its own. */
  markdown: string;
}

/** Every guide of the folder, in reading order. Throws {@link KnowledgeBroken} for one without its front matter. */
export function readGuides(folder: string): GuideFile[] {
  return fileNames(folder)
    .filter(file => file.endsWith('.md'))
    .sort()
    .map(file => parseGuide(file, readFileSync(path.join(folder, file), 'utf8')))
    .sort((a, b) => a.order - b.order);
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new KnowledgeBroken(folder, 'the folder of the guides cannot be read.', error);
  }
}

/** One guide's text, with its front matter taken apart. */
export function parseGuide(file: string, text: string): GuideFile {
  const lines = text.replace(/\r\n/g, '\n').split('\n');
  const end = lines.indexOf('---', 1);
  if (lines[0] !== '---' || end < 0) {
    throw new KnowledgeBroken(file, 'a guide begins with front matter between two lines of ---.');
  }
  const fields = new Map<string, string>();
  for (const line of lines.slice(1, end)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const field = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw new KnowledgeBroken(file, `its front matter has no "${name}".`);
    return value;
  };
  const wholeNumber = (name: string): number => {
    const value = Number(field(name));
    if (!Number.isInteger(value)) throw new KnowledgeBroken(file, `its "${name}" is not a whole number.`);
    return value;
  };
  return {
    id: file.replace(/\.md$/, ''),
    title: field('title'),
    order: wholeNumber('order'),
    summary: field('summary'),
    keywords: commaList(field('keywords')),
    sourceIds: commaList(field('sources')),
    markdown: lines
      .slice(end + 1)
      .join('\n')
      .trim(),
  };
}

function commaList(text: string): string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');
}
