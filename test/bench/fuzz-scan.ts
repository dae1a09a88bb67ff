/** Scans damaged drivers by the thousand: fuzz-scan.ts [--seed S] [--count N] [--image-only] FILE... Exits 1 on a crash. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { mutateImage } from '../scanner/pe/mutate-image.ts';

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    'image-only': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const files = positionals.map(path => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)) }));
if (files.length === 0) {
  console.error('Name at least one driver to damage.');
  process.exit(2);
}
const firstSeed = Number(values.seed);
const count = Number(values.count);
const outcomes = new Map<string, number>();
const times: { elapsedMs: number; what: string }[] = [];
let crashes = 0;

for (let seed = firstSeed; seed < firstSeed + count; seed++) {
  const file = files[seed % files.length];
  const what = `${file.name} seed ${seed}`;
  const bytes = mutateImage(file.bytes, seed);
  const startedMs = performance.now();
  let outcome: string;
  try {
    outcome = outcomeOf(bytes, file.name);
  } catch (error) {
    crashes++;
    outcome = 'crash';
    console.log(`${what}: ${error instanceof Error ? error.stack : error}`);
  }
  times.push({ elapsedMs: performance.now() - startedMs, what });
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

times.sort((a, b) => a.elapsedMs - b.elapsedMs);
const percentile = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
console.log(`${count} damaged images of ${files.length} files, seeds from ${firstSeed}: ${crashes} crashes`);
for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1]))
  console.log(`  ${times}  ${outcome}`);
for (const [name, part] of Object.entries({ median: 0.5, p99: 0.99, 'p99.9': 0.999, slowest: 1 })) {
  const { elapsedMs, what } = percentile(part);
  console.log(`${name}: ${elapsedMs.toFixed(2)} ms (${what})`);
}
process.exitCode = crashes > 0 ? 1 : 0;

function outcomeOf(bytes: Uint8Array, fileName: string): string {
  if (values['image-only']) {
    const image = readDriverImage(bytes);
    return 'code' in image ? `refused: ${image.code}` : 'image';
  }
  const outcome = scanDriver(bytes, { fileName, sha256: '0'.repeat(64) });
  if (outcome.status === 'refused') return `refused: ${outcome.reason.code}`;
  return outcome.partial ? 'scanned in part' : 'scanned';
}
