/** Style sheets, scripts and icons, kept in memory under an address that changes with their content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { projectFile } from '../data/project-files.ts';
import { packScript, packStyle } from './pack-assets.ts';

const STYLE = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

/** The parts of the script of leaks, each after those that it imports. */
const LEAKS_PARTS = ['said', 'charts', 'row-charts', 'tag-table', 'page'];

/** The chart library stands where npm put it. */
const require = createRequire(import.meta.url);

const CONTENTS = {
  'pooltag.css': { type: STYLE, read: () => packStyle(text('pooltag.css')) },
  'leaks.css': { type: STYLE, read: () => packStyle(text('leaks.css')) },
  'pooltag.js': { type: SCRIPT, read: () => packScript([text('pooltag.js')]) },
  'leaks.js': { type: SCRIPT, read: () => packScript(LEAKS_PARTS.map(part => text(`leaks/${part}.js`))) },
  'uplot.css': { type: STYLE, read: () => readFileSync(require.resolve('uplot/dist/uPlot.min.css')) },
  'uplot.js': { type: SCRIPT, read: () => readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js')) },
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
    const content = Buffer.from(read());
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
  return readFileSync(projectFile('views', 'assets', ...file.split('/')));
}

function text(file: string): string {
  return ours(file).toString('utf8');
}
