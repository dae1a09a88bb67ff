/** Logs as `poolmon /n` writes them, made up: `Thre` rises by 40 KB in each snapshot, all else goes up and down. */

const LEVELS: [tag: string, pool: 'Nonp' | 'Paged', bytes: number][] = [
  ['MmSt', 'Paged', 156_097_152],
  ['EtwB', 'Nonp', 40_000_000],
  ['IoNm', 'Paged', 5_236_176],
  ['Io  ', 'Nonp', 919_120],
  ['Ntff', 'Paged', 2_519_040],
  ['ZqZ!', 'Nonp', 120_000],
  ['=cmd', 'Nonp', 64_000],
];
const RISE_BYTES = 40_960;

/** The snapshot number `n`, from 0 on. */
export function poolmonSnapshot(n: number): string {
  const head =
    ' Memory:16468560K Avail:12072536K  PageFlts:468600648   InRam Krnl:56708K P:950888K\n' +
    ' Commit:4100436K Limit:17517136K Peak:11685564K            Pool N:710920K P:983564K\n\n' +
    ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n';
  const rows = LEVELS.map(([tag, pool, bytes], i) => {
    // Up and down by less than a hundredth, another way for each tag; the counters only rise.
    const wave = n === 0 ? 0 : Math.round((bytes / 1024 / 256) * (((n * 37 + i * 11) % 17) - 8)) * 256;
    return row(tag, pool, bytes + wave, Math.round((bytes / 256) * (10 + n)));
  });
  return `${head}${rows.join('')}${row('Thre', 'Nonp', 1_048_576 + n * RISE_BYTES + ((n * 7) % 5) * 2048, 40_000 + n * 30)}\n`;
}

function row(tag: string, pool: string, bytes: number, frees: number): string {
  const diff = Math.round(bytes / 256);
  const cell = (number: number, width: number) => String(number).padStart(width);
  const each = Math.floor(bytes / diff);
  return ` ${tag} ${pool.padEnd(5)} ${cell(diff + frees, 10)} ${cell(frees, 10)} ${cell(diff, 9)} ${cell(bytes, 10)} ${cell(each, 9)}\n`;
}

/** So many snapshots in one text. */
export function poolmonLog(snapshots: number): string {
  return Array.from({ length: snapshots }, (_, n) => poolmonSnapshot(n)).join('');
}
