/** The vectors of test/vectors/snapshots: print-outs, and what is read of each. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectFile } from '../../../data/project-files.ts';

export interface SnapshotVector {
  file: string;
  name: string;
  text: string;
  expected: string[];
}

const folder = projectFile('test', 'vectors', 'snapshots');

export const SNAPSHOT_VECTORS: SnapshotVector[] = readdirSync(folder).flatMap(file =>
  readFileSync(path.join(folder, file), 'utf8')
    .split(/^=== /m)
    .slice(1)
    .map(part => {
      const [head, expected] = part.split(/^>>>\n/m);
      const name = head.slice(0, head.indexOf('\n'));
      const text = head
        .slice(name.length + 1)
        .replace(/\\t/g, '\t')
        .replace(/\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/g, (_, byte, unit) =>
          String.fromCharCode(Number.parseInt(byte ?? unit, 16)),
        );
      return { file, name, text, expected: expected.trimEnd().split('\n').filter(Boolean) };
    }),
);
