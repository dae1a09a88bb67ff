/** `npm run eval:corpus -- CACHEDIR`: what the scanner proves in other people's drivers (fetched by fetch-corpus.sh). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fg from 'fast-glob';
import type { ScannedDriver, ScanOutcome, TagSighting } from '../../data/facts.ts';
import { strengthOf } from '../../data/facts.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { shownTag } from '../eval/score.ts';

/** What the VirtualBox drivers are known to hold: IPRT by its public source, Rx?? by the static library in VBoxSF. */
const KNOWN = [
  { files: /VBox\w+\.sys$/, tag: /^IPRT$/, name: 'IPRT' },
  { files: /VBoxSF\.sys$/, tag: /^Rx..$/, name: 'Rx??' },
];

/**
 * What drivers that others publish are to give, so that a change shows. The first two rows are what a first scan gave, the
 * others were read in disassembly. IA-64 and ARM32 images are refused. KMDF's default tag comes from the file's name.
 */
const PUBLISHED = [
  { files: /wireguard/, tags: ['wgnt'] },
  { files: /interception/, tags: ['KOOK'] },
  { files: /WinDivert/, tags: ['WDiv', 'WinD'] },
  { files: /wintun/, tags: ['wtun'] },
  { files: /psdrv3/, tags: ['PS30', 'psdr'] },
  { files: /tap0901/, tags: ['TAP5', 'TAPA'] },
  { files: /eppflex/, tags: ['Ddk '] },
  { files: /winusb/, tags: ['STCE', 'WUSB', 'winu'] },
  { files: /wdf01000/, tags: 'AuxK FxDr FxLg PpRb PpUc STCE SeAl SeSd SeTs WL03'.split(' ') },
  { files: /wdfldr/, tags: ['AuxK', ...[...'0123456789abcdeghi'].map(end => `FxL${end}`)] },
];

const [cache] = process.argv.slice(2);
if (cache === undefined) {
  console.error('usage: eval-corpus.ts CACHEDIR (the folder that fetch-corpus.sh filled)');
  process.exit(2);
}
let faults = 0;
let scannedBytes = 0;
let elapsedMs = 0;

console.log("Wine's drivers import no tagged allocator: nothing may be proven in them.");
for (const file of fg.sync('wine/*', { cwd: cache }).sort()) {
  const proven = scan(file).sightings.filter(isProven);
  faults += proven.length;
  if (proven.length > 0) console.log(`  FALSE ${file}: ${proven.map(describe).join(', ')}`);
}

console.log("\nVirtualBox's guest drivers");
for (const file of fg.sync('virtualbox/*', { cwd: cache }).sort()) {
  const outcome = scan(file);
  const proven = outcome.sightings.filter(isProven);
  const tags = new Set(proven.map(({ tag }) => tag as string));
  const missing = KNOWN.filter(
    ({ files, tag }) => files.test(file) && ![...tags].some(found => tag.test(found)),
  );
  const lacks = missing.length > 0 ? `; not found: ${missing.map(({ name }) => name).join(', ')}` : '';
  console.log(
    `  ${file} (${outcome.driver.version}): ${proven.map(describe).join(', ') || 'nothing proven'}${lacks}`,
  );
  for (const remark of outcome.remarks) console.log(`    ${remark}`);
}

console.log('\nPublished drivers, against what they are known to hold');
for (const file of fg.sync('published/*', { cwd: cache }).sort()) {
  const outcome = scanFile(file);
  if (outcome.status === 'refused') {
    if (outcome.reason.code !== 'unsupported-arch') throw new Error(`${file}: ${outcome.reason.message}`);
    continue;
  }
  const proven = outcome.sightings.filter(isProven);
  const known = PUBLISHED.find(({ files }) => files.test(file))?.tags ?? [];
  const missing = known.filter(tag => !proven.some(found => found.tag === tag));
  const extra = proven.filter(({ tag }) => !known.includes(tag));
  faults += missing.length + extra.length;
  const lacks = missing.length > 0 ? `; NOT FOUND: ${missing.join(', ')}` : '';
  const wrong = extra.length > 0 ? `; FALSE: ${extra.map(describe).join(', ')}` : '';
  console.log(`  ${file} (${outcome.driver.arch}): ${proven.map(describe).join(', ')}${lacks}${wrong}`);
}
const speed = scannedBytes / 1e6 / (elapsedMs / 1000);
console.log(
  `\n${(scannedBytes / 1e6).toFixed(1)} MB in ${elapsedMs.toFixed(0)} ms: ${speed.toFixed(1)} MB/s`,
);
process.exitCode = faults > 0 ? 1 : 0;

function scan(file: string): ScannedDriver {
  const outcome = scanFile(file);
  if (outcome.status === 'refused') throw new Error(`${file} was refused: ${outcome.reason.message}`);
  return outcome;
}

function scanFile(file: string): ScanOutcome {
  const bytes = new Uint8Array(readFileSync(path.join(cache, file)));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const began = performance.now();
  const outcome = scanDriver(bytes, { fileName: path.basename(file), sha256 });
  elapsedMs += performance.now() - began;
  scannedBytes += bytes.length;
  return outcome;
}

function isProven({ evidence }: TagSighting): boolean {
  return evidence.some(({ kind }) => strengthOf(kind) !== 'bytes-only');
}

/** `IPRT (allocation-call x 3)`. */
function describe({ tag, evidence }: TagSighting): string {
  return `${shownTag(tag)} (${evidence[0].kind}, ${evidence.length} sites)`;
}
