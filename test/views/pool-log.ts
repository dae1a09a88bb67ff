/** Logs as `poolmon -n` writes them, made up: `Thre` rises from snapshot to snapshot, all else goes up and down a little. */

const LEVELS: [tag: string, pool: 'Nonp' | 'Paged', blocks: number][] = [
  ['Thre', 'Nonp', 24_000],
  ['Io  ', 'Nonp', 3_500],
  ['EtwB', 'Nonp', 150_000],
  ['MmSt', 'Paged', 600_000],
  ['IoNm', 'Paged', 20_000],
  ['Ntff', 'Paged', 9_000],
];
const BLOCK_BYTES = 256;
const RISE_BLOCKS = 1_600;
/** Counters only rise while the machine runs. */
const FREES_EACH_TIME = 50_000;

/** The snapshot number `n`, from 0 on. */
export function poolSnapshot(n: number): string {
  const rows = LEVELS.map(([tag, pool, level], i) => {
    const wave = Math.round((level / 400) * (((n * 37 + i * 11) % 17) - 8));
    const blocks = tag === 'Thre' ? level + n * RISE_BLOCKS : level + wave;
    const frees = (n + 1) * FREES_EACH_TIME;
    return ` ${tag} ${pool.padEnd(5)} ${blocks + frees} ${frees} ${blocks} ${blocks * BLOCK_BYTES} ${BLOCK_BYTES}`;
  });
  return [
    ' Memory:16468560K Avail:12072536K  PageFlts:468600648   InRam Krnl:56708K P:950888K',
    ' Commit:4100436K Limit:17517136K Peak:11685564K            Pool N:710920K P:983564K',
    '',
    ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc',
    '',
    ...rows,
    '',
    '',
  ].join('\r\n');
}

/** So many snapshots in one text. */
export function poolLog(snapshots: number): string {
  return Array.from({ length: snapshots }, (_, n) => poolSnapshot(n)).join('');
}
