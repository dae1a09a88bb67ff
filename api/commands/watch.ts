/** `pooltag watch`: PoolMon's live screen with owners and verdicts, for the Windows computer that it runs on. */
import { Option } from 'commander';
import { LogKeeper } from '../watch/log-keeper.ts';
import { readWatchOptions, type WatchOptions } from '../watch/read-watch-options.ts';
import { TEXT_ROWS, watchAsText, watchOnScreen } from '../watch/run-watch.ts';
import { SnapshotLog } from '../watch/snapshot-log.ts';
import { TroubleList } from '../watch/trouble-list.ts';
import { WatchOwners } from '../watch/watch-owners.ts';
import { WatchSession } from '../watch/watch-session.ts';
import { WatchVerdicts } from '../watch/watch-verdicts.ts';
import { processWorld } from '../watch/watch-world.ts';
import type { CommandIo } from './command-io.ts';
import { openCatalogue } from './open-catalogue.ts';
import { newCommand, runCommand } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag watch                                 the live screen; ? shows its keys
pooltag watch --drivers C:\\Windows\\System32\\drivers   owners from this computer's drivers too
pooltag watch --log pool.jsonl                keep snapshots for days; pooltag leaks pool.jsonl* reads them
pooltag watch --sort growth --pool nonp       what has grown since the start, nonpaged pool only
pooltag watch --include "Nt*" --exclude NtFs  PoolMon's wildcards
pooltag watch --once --top 10                 one snapshot as text
pooltag watch --every 1m --format json        a line of JSON each minute
`;

/** Exit code 0 after Q, Esc or --once, 130 after Ctrl-C, 4 where the pools cannot be read. */
export function watch(argv: readonly string[], io: CommandIo, world = processWorld(io)): Promise<number> {
  const repeated = (text: string, before: string[] | undefined) => [...(before ?? []), text];
  const command = newCommand('watch', 'Watch the pools of this Windows computer.', EXAMPLES, io)
    .option('--every <time>', 'how often to look: 5s, 1m, 1h', '5s')
    .option('--once', 'one snapshot, then end')
    .option(
      '--sort <order>',
      'bytes, diff, per-alloc, allocs, frees, growth, rate, suspicion, tag or pool',
      'bytes',
    )
    .option('--pool <pool>', 'nonp or paged; both without it')
    .addOption(
      new Option('--include <tag>', 'only these tags; ? and * as in PoolMon; may be repeated').argParser(
        repeated,
      ),
    )
    .addOption(new Option('--exclude <tag>', 'all but these tags; may be repeated').argParser(repeated))
    .option('--top <number>', `how many rows (default: what fits on the screen; ${TEXT_ROWS} as text)`)
    .addOption(
      new Option('--format <format>', 'json is one line for each snapshot')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--log <file>', 'append snapshots to a file that pooltag leaks reads')
    .option('--log-every <time>', 'how often to log (default 2m, or as --every if that is longer)')
    .option('--log-size <MB>', 'FILE becomes FILE.1 when it would be larger', '128')
    .option('--log-files <number>', 'how many files to keep, FILE among them', '8');
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<WatchOptions>();
    const plan = readWatchOptions(options);
    const settings = settingsOf(command, io);
    // Before the drivers are scanned: who cannot watch here should not wait.
    const source = await world.openSource();
    const log = plan.log && (await SnapshotLog.open(plan.log.file, plan.log.limits));
    const catalogue = await openCatalogue(settings, io);
    const trouble = new TroubleList(io);
    const onTrouble = (message: string) => trouble.add(message);
    const { computer, elapsedMs } = world;
    const verdicts = new WatchVerdicts(await world.newAnalysis(), {
      elapsedMs,
      onTrouble,
      onChange: () => trouble.screen?.draw(),
    });
    const keeper = log && new LogKeeper({ log, everyMs: plan.log!.everyMs, computer, onTrouble });
    try {
      const owners = new WatchOwners(catalogue);
      const session = new WatchSession({
        source,
        owners,
        verdicts,
        keeper,
        computer,
        everyMs: plan.everyMs,
      });
      const terminal = options.once || options.format === 'json' ? null : world.terminal();
      return terminal === null
        ? await watchAsText(session, plan, options, io, world)
        : await watchOnScreen(session, plan, terminal, trouble, options, io, world);
    } finally {
      await keeper?.finish();
      await verdicts.close();
      await catalogue.index.close();
    }
  });
}
