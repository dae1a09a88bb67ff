/** `pooltag leaks [FILE...]`: what is leaking, by the print-outs of PoolMon and its kin. */
import { InvalidArgumentError, Option } from 'commander';
import { loadKnowledge } from '../../data/knowledge.ts';
import { safeJson } from '../export-formats/safe-json.ts';
import { failureOf } from '../failures.ts';
import { answerLeaks } from '../leaks/answer-leaks.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { leakCsv } from '../leaks/leak-csv.ts';
import { leakText } from '../leaks/leak-text.ts';
import { type LeakView, readPool, readSort, SORT_FORM, type SortName } from '../leaks/leak-view.ts';
import { DURATION_FORM, readDuration } from '../leaks/read-duration.ts';
import { companionTags, NOTHING_RECOGNISED, SnapshotIntake } from '../leaks/snapshot-intake.ts';
import { MAX_FILTER_CHARACTERS, MAX_FILTERS } from '../leaks/tag-filter.ts';
import { readMachine } from '../machine.ts';
import type { Settings } from '../settings.ts';
import { escapeControls } from '../terminal-text.ts';
import { type CommandIo, lineWidth, styleFor } from './command-io.ts';
import { addMachineOptions, MACHINE_OPTION_NAMES, type MachineOptions } from './machine-options.ts';
import { openCatalogue } from './open-catalogue.ts';
import { type InputsRead, readInputs } from './read-inputs.ts';
import { fileOutput, type ResultOutput, standardOutput } from './result-output.ts';
import { EXIT_STOPPED, newCommand, runCommand, wantsColour } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag leaks pool.log                         one print-out: who holds most
pooltag leaks pool-*.log --every 15m           many: what grows, how fast, who owns it
poolmon /n pool.log & pooltag leaks pool.log   a snapshot of this moment (Windows)
pooltag leaks logs --format html --out leak.html     a folder of logs; a report for a ticket
pooltag leaks pool.log --sort b --top 50       by bytes, as PoolMon's key B does
pooltag leaks pool.log --include Ntf* --exclude "NtF?" --pool paged
pooltag leaks pool.log --drivers localtag.txt --windows 10.0.26200
type pool.log | pooltag leaks -                what is piped in
`;

const FORMATS = ['text', 'json', 'csv', 'html'] as const;
type Format = (typeof FORMATS)[number];

/** How many tags a format lists where nobody says: text is read by people, a table by a program. */
const DEFAULT_TOP: Record<Format, number> = { text: 25, json: 100, csv: Number.POSITIVE_INFINITY, html: 100 };
/** More tags than this no machine has. */
const MAX_TOP = 1_000_000;
/** Remarks that are printed on stderr where nothing was recognised. */
const MAX_REMARKS = 5;

interface LeaksOptions extends MachineOptions {
  every?: number;
  pool?: LeakView['pool'];
  include?: string[];
  exclude?: string[];
  sort: SortName;
  top?: number;
  glob?: string;
  format: Format;
  out?: string;
  colour?: boolean;
  color?: boolean;
}

/**
 * Exit code 0 where snapshots were recognised, leak or no leak, 1 where none was, 3 where some input could not be read,
 * 130 after Ctrl-C, with what was read by then.
 */
export function leaks(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('leaks', 'What is leaking, how fast, and who owns it?', EXAMPLES, io)
    .argument(
      '[FILE...]',
      'print-outs of PoolMon, MemSnap, the debugger, Driver Verifier, Performance Monitor and others; folders; - for standard input',
    )
    .addOption(
      new Option('--every <time>', 'how far apart the snapshots were taken: 30s, 5m, 30m, 2h, 1d').argParser(
        durationArgument,
      ),
    )
    .addOption(new Option('--pool <pool>', 'nonp or paged alone').argParser(poolArgument))
    .addOption(
      new Option(
        '--include <pattern>',
        'only tags like this, as /i of PoolMon: ? is one character, * any number; may be repeated',
      ).argParser(filterArgument),
    )
    .addOption(
      new Option('--exclude <pattern>', 'no tags like this, as /x of PoolMon; may be repeated').argParser(
        filterArgument,
      ),
    )
    .addOption(
      new Option(
        '--sort <order>',
        'suspicion, bytes, diff, per-alloc, allocs, frees, growth, rate, tag, pool; or a key of PoolMon: b, d (or s), m, a, f, t, p',
      )
        .argParser(sortArgument)
        .default('suspicion'),
    )
    .addOption(
      new Option(
        '--top <number>',
        'how many tags to list (default: text 25, json and html 100, csv all)',
      ).argParser(topArgument),
    )
    .option(
      '--glob <pattern>',
      'which files of a folder to read, instead of logs and tables by their endings',
    )
    .addOption(new Option('--format <format>', 'how to print').choices(FORMATS).default('text'))
    .option('--out <file>', 'write to a file, which appears whole or not at all');
  addMachineOptions(command);
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<LeaksOptions>();
    const knowledge = loadKnowledge();
    // All that can be mistyped comes before two gigabytes are read.
    const machine = readMachine(
      { windows: options.windows, drivers: options.driver },
      knowledge.windows,
      MACHINE_OPTION_NAMES,
    );
    const settings = settingsOf(command, io);
    const output =
      options.out === undefined ? standardOutput(io, options.format === 'text') : fileOutput(options.out);
    const intake = new SnapshotIntake({
      everyMs: options.every,
      companions: companionTags(knowledge.advice),
    });
    const read = await readInputs(command.args, options.glob, io, (file, writtenAtMs) =>
      intake.open(file, writtenAtMs),
    );
    if (intake.snapshots === 0) return nothingRecognised(intake, read, io);
    // After Ctrl-C nobody waits for a scan: the bundled lists name the owners of what was found.
    const source = await openCatalogue(io.signal.aborted ? withoutScans(settings) : settings, io);
    try {
      const answer = await answerLeaks(intake.report(), source, { view: viewOf(options), machine });
      await print(answer, options, output, io);
    } finally {
      await source.index.close();
    }
    if (io.signal.aborted) {
      io.stderr.write('pooltag: stopped; the answer is about what was read so far.\n');
      return EXIT_STOPPED;
    }
    return read.failed > 0 ? failureOf('unreadable').exitCode : 0;
  });
}

function viewOf({ pool, include = [], exclude = [], sort, top, format }: LeaksOptions): LeakView {
  return { pool, include, exclude, sort, top: top ?? DEFAULT_TOP[format] };
}

function withoutScans(settings: Settings): Settings {
  return { ...settings, drivers: [] };
}

function nothingRecognised(intake: SnapshotIntake, { failed }: InputsRead, io: CommandIo): number {
  const { remarks } = intake.report();
  io.stderr.write(`pooltag: ${NOTHING_RECOGNISED}\n`);
  for (const { file, line, message } of remarks.slice(0, MAX_REMARKS)) {
    const where = [file, line === undefined ? undefined : `line ${line}`].filter(part => part !== undefined);
    io.stderr.write(`pooltag: ${escapeControls([...where, message].join(': '))}\n`);
  }
  if (io.signal.aborted) return EXIT_STOPPED;
  return failureOf(failed > 0 ? 'unreadable' : 'nothing-recognised').exitCode;
}

async function print(
  answer: LeakAnswer,
  options: LeaksOptions,
  output: ResultOutput,
  io: CommandIo,
): Promise<void> {
  switch (options.format) {
    case 'text': {
      const isFile = options.out !== undefined;
      const style = styleFor(io.stdout, io.env, wantsColour(options) && !isFile);
      const width = isFile ? Number.POSITIVE_INFINITY : lineWidth(io.stdout);
      await output.write(leakText(answer, { style, width, sort: options.sort }));
      break;
    }
    case 'json':
      await output.write(`${safeJson(answer, 2)}\n`);
      break;
    case 'csv':
      for (const line of leakCsv(answer)) await output.write(line);
      break;
    case 'html': {
      const { leakReportPage } = await import('../leaks/leak-report-page.ts');
      await output.write(leakReportPage(answer, { madeAtMs: Date.now() }));
    }
  }
  await output.finish();
}

function durationArgument(text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`It must be ${DURATION_FORM}.`);
}

function poolArgument(text: string): LeakView['pool'] {
  const pool = readPool(text);
  if (pool !== undefined) return pool;
  throw new InvalidArgumentError('It must be nonp or paged.');
}

function sortArgument(text: string): SortName {
  const sort = readSort(text);
  if (sort !== undefined) return sort;
  throw new InvalidArgumentError(`It must be ${SORT_FORM}.`);
}

function topArgument(text: string): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_TOP) return number;
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}

function filterArgument(text: string, before: string[] | undefined): string[] {
  if (text === '' || text.length > MAX_FILTER_CHARACTERS) {
    throw new InvalidArgumentError(
      `It must have 1 to ${MAX_FILTER_CHARACTERS} characters, such as Ntf* or "Io??".`,
    );
  }
  const filters = [...(before ?? []), text];
  if (filters.length <= MAX_FILTERS) return filters;
  throw new InvalidArgumentError(`It may be given at most ${MAX_FILTERS} times.`);
}
