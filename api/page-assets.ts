/** Style sheets, scripts and icons, kept in memory under an address that changes with their content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { projectFile } from '../data/project-files.ts';

const STYLE = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const CONTENTS = {
  'pooltag.css': { type: STYLE, read: () => packedStyle('pooltag.css') },
  'leaks.css': { type: STYLE, read: () => packedStyle('leaks.css') },
  'pooltag.js': { type: SCRIPT, read: () => ours('pooltag.js') },
  'leaks.js': { type: SCRIPT, read: () => ours('leaks.js') },
  'uplot.css': { type: STYLE, read: () => uplot('uPlot.min.css') },
  'uplot.js': { type: SCRIPT, read: () => uplot('uPlot.iife.min.js') },
  'icon.svg': { type: 'image/svg+xml', read: () => ours('icon.svg') },
  'favicon.ico': { type: 'image/x-icon', read: () => ours('favicon.ico') },
};

/** The name of a file as its address ends. */
export type AssetName = keyof typeof CONTENTS;

/** One file as it is sent. */
export interface Asset {
  type: string;
  content: Buffer;
  /** Hex; part of its address. */
  hash: string;
}

/** Enough of SHA-256 that two versions never share an address. */
const HASH_DIGITS = 12;

const ASSETS: ReadonlyMap<string, Asset> = new Map(
  Object.entries(CONTENTS).map(([name, { type, read }]) => {
    const content = read();
    const hash = createHash('sha256').update(content).digest('hex').slice(0, HASH_DIGITS);
    return [name, { type, content, hash }];
  }),
);

/** The asset of this name; undefined where there is none. */
export function assetNamed(name: string): Asset | undefined {
  return ASSETS.get(name);
}

/** The address of an asset: it may be kept for ever, because another content has another address. */
export function assetPath(name: AssetName): string {
  return `/assets/${ASSETS.get(name)!.hash}/${name}`;
}

function ours(file: string): Buffer {
  return readFileSync(projectFile('views', 'assets', file));
}

/** A style sheet of ours without comments and layout, a quarter smaller. No text in them has braces or semicolons. */
function packedStyle(file: string): Buffer {
  const packed = ours(file)
    .toString('utf8')
    .replace(/\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//g, '')
    .replace(/\s*([{};,])\s*/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/(?<=[{;][-a-z]+:) /g, '')
    .replaceAll(';}', '}');
  return Buffer.from(packed);
}

/** The chart library comes as npm installed it. */
function uplot(file: string): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`));
}
