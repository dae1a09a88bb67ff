/** Runs a watch, as text or on the live screen, until its user or the system ends it. */
import { type CommandIo, styleFor, writeText } from '../commands/command-io.ts';
import { EXIT_STOPPED, wantsColour } from '../commands/run-command.ts';
import { escapeControls } from '../terminal-text.ts';
import type { WatchOptions, WatchPlan } from './read-watch-options.ts';
import type { TroubleList } from './trouble-list.ts';
import { watchJson } from './watch-json.ts';
import { WatchScreen } from './watch-screen.ts';
import type { WatchSession } from './watch-session.ts';
import type { WatchTerminal } from './watch-terminal.ts';
import { watchText } from './watch-text.ts';
import type { WatchWorld } from './watch-world.ts';

/** So many rows of each snapshot are printed as text unless --top says otherwise. */
export const TEXT_ROWS = 20;

/** Prints each snapshot below the other. */
export async function watchAsText(
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
export async function watchOnScreen(
  session: WatchSession,
  plan: WatchPlan,
  terminal: WatchTerminal,
  trouble: TroubleList,
  options: WatchOptions,
  io: CommandIo,
  world: WatchWorld,
): Promise<number> {
  const screen = new WatchScreen(
    terminal,
    session,
    plan.view,
    styleFor(io.stdout, io.env, wantsColour(options)),
  );
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
