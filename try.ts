import { SNAPSHOT_VECTORS } from './test/scanner/snapshots/snapshot-vectors.ts';
import { readSnapshots } from './scanner/snapshots/read-snapshots.ts';
import { resultText } from './test/scanner/snapshots/snapshot-text.ts';
import { readFileSync, writeFileSync } from 'node:fs';
for (const f of ['poolmon','debugger','other-formats']) {
  const p = `test/vectors/snapshots/${f}.txt`;
  const parts = readFileSync(p,'utf8').split(/^=== /m);
  let out = parts[0]; let i = 0;
  for (const v of SNAPSHOT_VECTORS.filter(v => v.file === f + '.txt')) { const part = parts[++i]; const head = part.slice(0, part.indexOf('\n>>>\n'));
    out += '=== ' + head + '\n>>>\n' + resultText(readSnapshots(v.text, {fileTimeMs: Date.UTC(2026,10,29)})).join('\n') + '\n\n'; }
  writeFileSync(p, out.trimEnd() + '\n');
}
