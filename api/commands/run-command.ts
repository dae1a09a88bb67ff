/** What all commands share: reading options with commander, and turning every way to end into an exit code. */
import { Command, CommanderError, Option } from 'commander';
import { failureOf, isFailureCode } from '../failures.ts';
import { escapeControls, escapeControlsInLines } from '../terminal-text.ts';
import type { CommandIo } from './command-io.ts';
import { faultReport } from './fault-report.ts';

/** A command as a function: arguments without the program's and the command's name -> exit code. */
export type CommandFunction = (argv: readonly string[], io: CommandIo) => Promise<number>;

/** The exit code for a wrong command line. */
export const EXIT_USAGE = failureOf('invalid-usage').exitCode;
/** The exit code where Ctrl-C ended a command. */
export const EXIT_STOPPED = failureOf('stopped').exitCode;

/** A commander command that writes to `io`, never ends the process, and knows the option every command has. */
export function newCommand(name: string, summary: string, examples: string, io: CommandIo): Command {
  const fullName = name === 'pooltag' ? name : `pooltag ${name}`;
  return new Command(fullName)
    .description(summary)
    .exitOverride()
    .configureOutput({
      writeOut: text => void io.stdout.write(text),
      // What was typed is repeated here.
      writeErr: text => void io.stderr.write(escapeControlsInLines(text)),
      outputError: (text, write) => write(text.replace(/^error: (.)/, (_, first) => `pooltag: ${first}`)),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(`(${fullName} --help says more)`)
    .helpOption('-h, --help', 'show this help')
    .addOption(new Option('--no-colour', 'never colour the text (NO_COLOR does the same)'))
    .addOption(new Option('--no-color').hideHelp())
    .addHelpText('after', `\nExamples:\n${examples.trim().replace(/^/gm, '  ')}\n`);
}

/** Whether the options of a command leave colour allowed. */
export function wantsColour(options: { colour?: boolean; color?: boolean }): boolean {
  return options.colour !== false && options.color !== false;
}

/** Parses and runs a command; every error becomes a sentence on stderr and an exit code. */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  io: CommandIo,
  action: () => Promise<number>,
): Promise<number> {
  let exitCode = 0;
  command.action(async () => {
    exitCode = await action();
  });
  try {
    await command.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOfError(error, command.name(), io);
  }
}

/** Says what went wrong on stderr; the exit code is that of the failure's row, 5 for what nobody foresaw. */
export function exitCodeOfError(error: unknown, what: string, io: CommandIo): number {
  // Commander has written its sentence already; its only codes for success are those of --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (io.signal.aborted && error instanceof Error && error.name === 'AbortError') return EXIT_STOPPED;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (isReaderGone(error)) return 0;
  if (error instanceof Error && isFailureCode(code) && code !== 'internal-error') {
    io.stderr.write(`pooltag: ${escapeControls(error.message)}\n`);
    return failureOf(code).exitCode;
  }
  io.stderr.write(faultReport(error, what));
  return failureOf('internal-error').exitCode;
}

/** Whether a write failed because the reader (`head`, a closed window) has gone, having what it wanted. */
export function isReaderGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'EOF' || code === 'ERR_STREAM_DESTROYED';
}
