/**
 * Part of `npm run bench:leaks`: measures how quickly a log of `poolmon -n` is read, beside a plain read of the same file. Megabytes as argument (200),
 * and `mapped` for a log with Mapped_Driver and changes.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SnapshotReader } from '../../scanner/snapshots/snapshot-reader.ts';

const TAGS = 3000;
const CHUNK_BYTES = 256 * 1024;
const ROUNDS = 3;

const megabytes = Number(process.argv.find(argument => /^\d+$/.test(argument)) ?? 200);
const isMapped = process.argv.includes('mapped');
const folder = mkdtempSync(path.join(tmpdir(), 'pooltag-read-'));
const file = path.join(folder, 'poolmon.log');
try {
  const snapshots = writeLog(file);
  for (let round = 0; round < ROUNDS; round++) {
    const plain = measure(() => {});
    let rows = 0;
    let count = 0;
    const reader = new SnapshotReader({
      onSnapshot: snapshot => {
        count++;
        rows += snapshot.rows.length;
      },
      onRemark: remark => console.log(remark),
    });
    const cpuBefore = process.cpuUsage();
    const read = measure(chunk => reader.write(chunk));
    reader.end();
    // A machine with other work gives less than a core; this is what a core would do.
    const cpu = process.cpuUsage(cpuBefore);
    const perCore = (megabytes * 1e6) / (cpu.user + cpu.system);
    if (count !== snapshots) throw new Error(`${count} snapshots were read of ${snapshots}.`);
    const memory = Math.round(process.memoryUsage().rss / 1e6);
    console.log(
      `${count} snapshots, ${rows} rows: read ${read.toFixed(0)} MB/s (${perCore.toFixed(0)} by processor time), plain file ${plain.toFixed(0)} MB/s, ${memory} MB resident`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function measure(take: (chunk: Uint8Array) => void): number {
  const handle = openSync(file, 'r');
  const buffer = new Uint8Array(CHUNK_BYTES);
  const started = performance.now();
  let total = 0;
  for (;;) {
    const bytes = readSync(handle, buffer);
    if (bytes === 0) break;
    total += bytes;
    take(buffer.subarray(0, bytes));
  }
  closeSync(handle);
  return total / 1e3 / (performance.now() - started);
}

/** Rows as `poolmon -n` aligns them; the figures of each tag grow by their own steps. */
function writeLog(name: string): number {
  const handle = openSync(name, 'w');
  let written = 0;
  let snapshots = 0;
  for (; written < megabytes * 1e6; snapshots++) {
    const lines = [
      ' Memory:16468560K Avail:12072536K  PageFlts:468600648   InRam Krnl:56708K P:950888K',
      ' Commit:4100436K Limit:17517136K Peak:11685564K            Pool N:710920K P:983564K',
      '',
      ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc',
      '',
    ];
    for (let tag = 0; tag < TAGS; tag++) lines.push(row(tag, snapshots));
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    writeSync(handle, bytes);
    written += bytes.length;
  }
  closeSync(handle);
  return snapshots;
}

function row(tag: number, snapshot: number): string {
  const name = `T${tag.toString(36).padStart(3, 'a')}`;
  const frees = tag * 977 + snapshot * (tag % 13);
  const diff = (tag % 400) + 1 + Math.floor((snapshot * (tag % 3)) / 2);
  const size = 32 + (tag % 64) * 16;
  const change = isMapped ? ' (   0)' : '';
  const figures = [
    `${String(frees + diff).padStart(10)}${change}`,
    `${String(frees).padStart(10)}${change}`,
    String(diff).padStart(9),
    `${String(diff * size).padStart(9)}${change}`,
    String(size).padStart(10),
  ].join(' ');
  const mapped = isMapped && tag % 3 > 0 ? ` [driver${tag}.sys - Frames of driver ${tag}]` : '';
  return ` ${name} ${tag % 2 === 0 ? 'Nonp' : 'Paged'} ${figures}${mapped}`;
}
