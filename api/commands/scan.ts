/** `pooltag scan [PATH...]`: which tags these drivers use, and how that was seen. */
import { Option } from 'commander';
import { scanFiles } from '../../scanner/driver-files.ts';
import { type ScanWriter, withoutLiterals } from '../export-formats/scan-writer.ts';
import { failureOf } from '../failures.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readSettings, type Settings } from '../settings.ts';
import { escapeControls } from '../terminal-text.ts';
import { windowsDriversFolder } from '../windows-drivers-folder.ts';
import { type CommandIo, styleFor } from './command-io.ts';
import { entriesLookup } from './open-catalogue.ts';
import { fileOutput, standardOutput } from './result-output.ts';
import { EXIT_STOPPED, newCommand, runCommand, wantsColour } from './run-command.ts';
import { scanProgress } from './scan-progress.ts';
import { addSettingOptions, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag scan                                       the drivers folder of this computer (Windows)
pooltag scan foo.sys C:\\drivers                     a file, and all *.sys of a folder and below
pooltag scan --format csv --out tags.csv C:\\drivers   for a spreadsheet
pooltag scan --format localtag --out localtag.txt  for PoolMon
pooltag scan --glob "*.{sys,exe}" C:\\Windows\\System32
`;

const FORMATS = ['text', 'ndjson', 'json', 'csv', 'localtag', 'pooltag'] as const;
type Format = (typeof FORMATS)[number];

interface ScanOptions {
  format: Format;
  out?: string;
  glob?: string;
  all?: true;
  colour?: boolean;
  color?: boolean;
}

/** Exit code 0 where everything was scanned, 3 where something was refused or unreadable, 130 after Ctrl-C. */
export function scan(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('scan', 'Which pool tags do these drivers use?', EXAMPLES, io)
    .argument('[PATH...]', 'files, which are always tried, and folders, searched for *.sys with all below')
    .addOption(new Option('--format <format>', 'how to print').choices(FORMATS).default('text'))
    .option('--out <file>', 'write to a file, which appears whole or not at all')
    .option('--all', 'show bare literals too: four bytes that look like a tag, without proof')
    .option('--glob <pattern>', 'which files of a folder to scan, instead of *.sys');
  addSettingOptions(command, ['pooltagFiles']);
  return runCommand(command, argv, io, () => {
    const paths = command.args.length > 0 ? command.args : defaultPaths(io);
    return scanPaths(paths, command.opts<ScanOptions>(), settingsOf(command, io), io);
  });
}

function defaultPaths(io: CommandIo): string[] {
  const { drivers } = readSettings({ POOLTAG_DRIVERS: io.env.POOLTAG_DRIVERS });
  if (drivers.length > 0) return drivers;
  const folder = windowsDriversFolder(io.env, io.platform);
  if (folder !== null) return [folder];
  throw new PooltagError(
    'invalid-usage',
    'There is no Windows drivers folder on this computer: name the driver files to scan, or a folder that holds them. pooltag scan --help shows how.',
  );
}

async function scanPaths(
  paths: readonly string[],
  options: ScanOptions,
  settings: Settings,
  io: CommandIo,
): Promise<number> {
  const { format, out, glob, all } = options;
  const output = out === undefined ? standardOutput(io, format === 'text') : fileOutput(out);
  const writer = await scanWriter(options, settings, io);
  const progress = await scanProgress(io, 'scanning');
  const counts = { files: 0, refused: 0, tags: 0 };
  await output.write(writer.begin());
  for await (const scanned of scanFiles({ paths, glob, signal: io.signal, onPlan: progress.total })) {
    const shown = all ? scanned : withoutLiterals(scanned);
    const { outcome } = shown;
    counts.files++;
    if (outcome.status === 'scanned') counts.tags += outcome.sightings.length;
    progress.clear();
    if (outcome.status === 'refused') {
      counts.refused++;
      const { file } = shown;
      io.stderr.write(
        `pooltag: ${escapeControls(file)} was not scanned: ${escapeControls(outcome.reason.message)}\n`,
      );
    }
    await output.write(writer.file(shown));
    progress.step(scanned.file);
  }
  progress.stop();
  await output.write(writer.end());
  await output.finish();
  for (const remark of writer.remarks) io.stderr.write(`pooltag: ${escapeControls(remark)}\n`);
  io.stderr.write(`${summary(counts, paths, glob, io.signal.aborted)}\n`);
  if (io.signal.aborted) return EXIT_STOPPED;
  return counts.refused > 0 ? failureOf('unreadable').exitCode : 0;
}

function summary(
  { files, refused, tags }: { files: number; refused: number; tags: number },
  paths: readonly string[],
  glob: string | undefined,
  isStopped: boolean,
): string {
  if (isStopped) return `pooltag: stopped after ${count(files, 'file')}; what was found so far is written.`;
  if (files === 0) {
    const where = paths.map(escapeControls).join(', ');
    return `pooltag: no driver was found: ${where} has no file that matches ${escapeControls(glob ?? '*.sys')}, here or below.`;
  }
  const refusals = refused === 0 ? '' : `; ${count(refused, 'file')} not scanned`;
  return `pooltag: ${count(tags, 'tag')} in ${count(files - refused, 'driver')}${refusals}.`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** Only the writer that is needed, and the knowledge only where its words are shown. */
async function scanWriter(options: ScanOptions, settings: Settings, io: CommandIo): Promise<ScanWriter> {
  switch (options.format) {
    case 'text': {
      const { textScanWriter } = await import('../export-formats/text.ts');
      const style = styleFor(io.stdout, io.env, wantsColour(options) && options.out === undefined);
      return textScanWriter({ style, entriesFor: await entriesLookup(settings, io) });
    }
    case 'pooltag':
      return (await import('../export-formats/pooltag.ts')).pooltagScanWriter(
        await entriesLookup(settings, io),
      );
    case 'localtag':
      return (await import('../export-formats/localtag.ts')).localtagScanWriter();
    case 'csv':
      return (await import('../export-formats/csv.ts')).csvScanWriter();
    case 'json':
      return (await import('../export-formats/json.ts')).jsonScanWriter();
    case 'ndjson':
      return (await import('../export-formats/ndjson.ts')).ndjsonScanWriter();
  }
}
