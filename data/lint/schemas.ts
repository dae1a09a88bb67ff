/** The JSON schemas beside the knowledge, which make editors help: made from the shapes, so that they never drift. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  adviceShape,
  componentShape,
  leaksShape,
  sourcesShape,
  windowsBuildsShape,
} from '../knowledge-shapes.ts';
import type { RuleFinding } from './check-rules.ts';

const SCHEMAS = {
  'schema.json': componentShape,
  'leaks.schema.json': leaksShape,
  'advice.schema.json': adviceShape,
  'sources.schema.json': sourcesShape,
  'windows-builds.schema.json': windowsBuildsShape,
};

/** Writes every schema file into the folder (the formatter lays them out). */
export function writeSchemas(folder: string): void {
  for (const [file, shape] of Object.entries(SCHEMAS)) {
    writeFileSync(path.join(folder, file), `${JSON.stringify(z.toJSONSchema(shape), null, 2)}\n`);
  }
}

/** One finding for each schema file that says something else than its shape. */
export function staleSchemas(folder: string): RuleFinding[] {
  return Object.entries(SCHEMAS)
    .filter(
      ([file, shape]) => !isDeepStrictEqual(readJson(path.join(folder, file)), plain(z.toJSONSchema(shape))),
    )
    .map(([file]) => ({
      rule: 'schema-current',
      file,
      entry: '',
      message: 'It differs from data/knowledge-shapes.ts: run `npm run check:knowledge -- --write-schemas`.',
    }));
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // missing or broken is stale, too
  }
}
