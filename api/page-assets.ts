/** The style sheet, the script and the icons, kept in memory under an address that changes with their content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { projectFile } from '../data/project-files.ts';

const TYPES = {
  'pooltag.css': 'text/css; charset=utf-8',
  'pooltag.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'favicon.ico': 'image/x-icon',
};

/** The name of a file in views/assets/. */
export type AssetName = keyof typeof TYPES;

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
  Object.entries(TYPES).map(([name, type]) => {
    const content = readFileSync(projectFile('views', 'assets', name));
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
