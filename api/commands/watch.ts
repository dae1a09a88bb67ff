/** `pooltag watch`: PoolMon's live screen with owners and verdicts, for the Windows computer that it runs on. */
import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Option } from 'commander';
import type { LiveSource } from '../../scanner/live/live-source.ts';
import { LogKeeper } from '../watch/log-keeper.ts';
import { PooltagError } from '../pooltag-error.ts';
import { escapeControls } from '../terminal-text.ts';
import { readWatchOptions, type WatchOptions, type WatchPlan } from '../watch/read-watch-options.ts';
import { SnapshotLog } from '../watch/snapshot-log.ts';
import { watchJson } from '../watch/watch-json.ts';
import { WatchOwners } from '../watch/watch-owners.ts';
import { WatchScreen } from '../watch/watch-screen.ts';
import { WatchSession } from '../watch/watch-session.ts';
import { processTerminal, type WatchTerminal } from '../watch/watch-terminal.ts';
import { watchText } from '../watch/watch-text.ts';
import { type Analysis, WatchVerdicts } from '../watch/watch-verdicts.ts';
import { type CommandIo, styleFor, writeText } from './command-io.ts';
import { openCatalogue } from './open-catalogue.ts';
import { EXIT_STOPPED, newCommand, runCommand, wantsColour } from './run-command.ts';
import { addSettingOptions, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag watch                                 the live screen; ? shows its keys
pooltag watch --drivers C:\\Windows\\System32\\drivers   owners from this computer's drivers too
pooltag watch --log pool.jsonl                keep snapshots for days; pooltag leaks pool.jsonl* reads them
pooltag watch --sort growth --pool nonp       what has grown since the start, nonpaged pool only
pooltag watch --include "Nt*" --exclude NtFs  PoolMon's wildcards
pooltag watch --once --top 10                 one snapshot as text
pooltag watch --every 1m --format json        a line of JSON each minute
`;

/** What watching needs of the world; tests bring their own. */
export interface WatchWorld {
  /** The pools of this computer. Throws `pools-unreadable`. */
  openSource(): Promise<LiveSource>;
  /** Null where no live screen is possible. */
  terminal(): WatchTerminal | null;
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
  /** Milliseconds of a clock that nobody sets. */
  elapsedMs(): number;
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** The computer's name. */
  computer: string;
  newAnalysis(): Promise<Analysis>;
}

/** So many rows of each snapshot are printed as text unless --top says otherwise. */
const TEXT_ROWS = 20;
/** As many things as are said again after the screen has gone. */
const MAX_TROUBLES_KEPT = 20;

/** Exit code 0 after Q, Esc or --once, 130 after Ctrl-C, 4 where the pools cannot be read. */
export function watch(argv: readonly string[], io: CommandIo, world = processWorld(io)): Promise<number> {
  const repeated = (text: string, before: string[] | undefined) => [...(before ?? []), text];
  const command = newCommand('watch', 'Watch the pools of this Windows computer.', EXAMPLES, io)
    .option('--every <time>', 'how often to look: 5s, 1m, 1h', '5s')
    .option('--once', 'one snapshot, then end')
    .option('--sort <order>', 'bytes, diff, per-alloc, allocs, frees, growth, rate, suspicion, tag or pool', 'bytes')
    .option('--pool <pool>', 'nonp or paged; both without it')
    .addOption(new Option('--include <tag>', 'only these tags; ? and * as in PoolMon; may be repeated').argParser(repeated))
    .addOption(new Option('--exclude <tag>', 'all but these tags; may be repeated').argParser(repeated))
    .option('--top <number>', `how many rows (default: what fits on the screen; ${TEXT_ROWS} as text)`)
    .addOption(new Option('--format <format>', 'json is one line for each snapshot').choices(['text', 'json']).default('text'))
    .option('--log <file>', 'append snapshots to a file that pooltag leaks reads')
    .option('--log-every <time>', 'how often to log (default 2m, or as --every if that is longer)')
    .option('--log-size <MB>', 'FILE becomes FILE.1 when it would be larger', '128')
    .option('--log-files <number>', 'how many files to keep, FILE among them', '8');
  addSettingOptions(command, [
    'drivers',
    'pooltagFiles',
    'cacheFolder',
    'meiliUrl',
    'meiliSearchKey',
    'meiliPrefix',
  ]);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<WatchOptions>();
    const plan = readWatchOptions(options);
    const settings = settingsOf(command, io);
    // Before the drivers are scanned: who cannot watch here should not wait.
    const source = await world.openSource();
    const log = plan.log && (await SnapshotLog.open(plan.log.file, plan.log.limits));
    const catalogue = await openCatalogue(settings, io);
    try {
      const trouble = new TroubleList(io);
      const keeper =
        plan.log === undefined || log === undefined
          ? null
          : new LogKeeper({
              log,
              everyMs: plan.log.everyMs,
              computer: world.computer,
              onTrouble: message => trouble.add(message),
            });
      const session = new WatchSession({
        source,
        keeper,
        owners: new WatchOwners(catalogue),
        verdicts: new WatchVerdicts(await world.newAnalysis(), world.elapsedMs),
        computer: world.computer,
        everyMs: plan.everyMs,
      });
      const terminal = options.once || options.format === 'json' ? null : world.terminal();
      try {
        return terminal === null
          ? await watchAsText(session, plan, options, io, world)
          : await watchOnScreen(session, plan, terminal, trouble, wantsColour(options), io, world);
      } finally {
        await keeper?.finish();
      }
    } finally {
      await catalogue.index.close();
    }
  });
}

/** Prints each snapshot below the other. */
async function watchAsText(
  session: WatchSession,
  plan: WatchPlan,
  { once, format, ...options }: WatchOptions,
  io: CommandIo,
  world: WatchWorld,
): Promise<number> {
  const top = format === 'text' && plan.view.top === Number.POSITIVE_INFINITY ? TEXT_ROWS : plan.view.top;
  const view = { ...plan.view, top };
  const style = styleFor(io.stdout, io.env, wantsColour(options));
  const width = io.stdout.isTTY ? (io.stdout.columns ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  let note = '';
  await eachInterval(plan.everyMs, io.signal, world, async now => {
    await session.read(now);
    if (session.note !== note && session.note !== '') {
      io.stderr.write(`pooltag: ${escapeControls(session.note)}\n`);
    }
    note = session.note;
    const picture = session.picture(view);
    await writeText(io.stdout, format === 'json' ? watchJson(picture) : watchText(picture, width, style));
    return once !== true;
  });
  return io.signal.aborted ? EXIT_STOPPED : 0;
}

/** Draws until a key or the system ends it; the window is put back whatever happens. */
async function watchOnScreen(
  session: WatchSession,
  plan: WatchPlan,
  terminal: WatchTerminal,
  trouble: TroubleList,
  withColour: boolean,
  io: CommandIo,
  world: WatchWorld,
): Promise<number> {
  const screen = new WatchScreen(terminal, session, plan.view, styleFor(io.stdout, io.env, withColour));
  // A system that cannot be watched says so on the ordinary screen.
  await session.read(world.nowMs());
  const signal = AbortSignal.any([io.signal, screen.ended]);
  try {
    screen.open();
    trouble.showOn(screen);
    screen.draw();
    await world.wait(plan.everyMs, signal);
    await eachInterval(plan.everyMs, signal, world, async now => {
      await session.read(now);
      screen.draw();
      return true;
    });
  } finally {
    screen.close();
    trouble.showOn(null);
  }
  return io.signal.aborted || screen.ended.reason === 'stop' ? EXIT_STOPPED : 0;
}

/** Does something at once and then in each interval, until it gives false or the signal is aborted. */
async function eachInterval(
  everyMs: number,
  signal: AbortSignal,
  world: WatchWorld,
  deed: (nowMs: number) => Promise<boolean>,
): Promise<void> {
  let next = world.elapsedMs();
  while (!signal.aborted) {
    if (!(await deed(world.nowMs()))) return;
    // A reading that took longer than an interval, or a computer that slept, leaves intervals out.
    next = Math.max(next + everyMs, world.elapsedMs());
    await world.wait(next - world.elapsedMs(), signal);
  }
}

/** What the user should know: in the last line of the screen while there is one, and on stderr. */
class TroubleList {
  readonly #io: CommandIo;
  #screen: WatchScreen | null = null;
  #kept: string[] = [];

  constructor(io: CommandIo) {
    this.#io = io;
  }

  add(message: string): void {
    if (this.#screen === null) {
      this.#io.stderr.write(`pooltag: ${escapeControls(message)}\n`);
      return;
    }
    this.#screen.note(message);
    this.#kept = [...this.#kept, message].slice(-MAX_TROUBLES_KEPT);
  }

  /** With null, what the screen has shown goes to stderr, where it stays. */
  showOn(screen: WatchScreen | null): void {
    this.#screen = screen;
    if (screen !== null) return;
    const kept = this.#kept;
    this.#kept = [];
    for (const message of kept) this.add(message);
  }
}

/** The process and the computer that it runs on. */
export function processWorld(io: CommandIo): WatchWorld {
  return {
    openSource: async () => {
      if (io.platform !== 'win32') {
        throw new PooltagError(
          'pools-unreadable',
          'pooltag watch reads the pools of the Windows computer that it runs on, and this one does not run Windows: run it there, or give what PoolMon or a debugger printed to pooltag leaks.',
        );
      }
      const { loadSystemCalls } = await import('../../scanner/live/system-calls.ts');
      const { liveSource } = await import('../../scanner/live/live-source.ts');
      const loaded = await loadSystemCalls();
      if ('missing' in loaded) throw new PooltagError('pools-unreadable', loaded.missing);
      return liveSource(loaded.calls);
    },
    terminal: () => {
      const { stdin, stdout } = process;
      const isLive = stdin.isTTY && stdout.isTTY && io.stdout === stdout && io.env.TERM !== 'dumb';
      return isLive ? processTerminal(stdin, stdout) : null;
    },
    nowMs: Date.now,
    elapsedMs: () => performance.now(),
    wait: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
    computer: os.hostname(),
    newAnalysis: async () => {
      const { LeakAnalysis } = await import('../../scanner/leaks/leak-analysis.ts');
      return new LeakAnalysis();
    },
  };
}
