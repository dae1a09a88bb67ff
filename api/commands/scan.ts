/** `pooltag scan [PATH...]`: which tags these drivers use, and how that was seen. */
import { Option } from 'commander';
import { scanFiles } from '../../scanner/driver-files.ts';
import { type ScanWriter, withoutLiterals } from '../export-formats/scan-writer.ts';
import { failureOf } from '../failures.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readSettings, type Settings } from '../settings.ts';
import { escapeControls } from '../terminal-text.ts';
import { cacheRemark } from './cache-remark.ts';
import { type CommandIo, styleFor } from './command-io.ts';
import {
  type AllDrivers,
  addAllDriversOption,
  type DriverPlaces,
  driverPlaces,
  placesText,
} from './driver-places.ts';
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
pooltag scan --symbols C:\\symbols foo.sys          call sites by name, as foo!Allocate+0x2c
pooltag scan --explain Foo1 foo.sys                how each use of a tag was found
pooltag scan --all-drivers                         every driver of this computer (Windows)
pooltag scan --all-drivers /mnt/c/Windows          every driver of a mounted Windows disk
`;

const FORMATS = ['text', 'ndjson', 'json', 'csv', 'localtag', 'pooltag'] as const;
type Format = (typeof FORMATS)[number];

interface ScanOptions {
  format: Format;
  out?: string;
  glob?: string;
  all?: true;
  explain?: string;
  allDrivers?: AllDrivers;
  colour?: boolean;
  color?: boolean;
}

/** Exit code 0 where everything was scanned, 1 where --explain found no site, 3 where something was refused or unreadable, 130 after Ctrl-C. */
export function scan(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('scan', 'Which pool tags do these drivers use?', EXAMPLES, io)
    .argument('[PATH...]', 'files, which are always tried, and folders, searched for *.sys with all below')
    .addOption(new Option('--format <format>', 'how to print').choices(FORMATS).default('text'))
    .option('--out <file>', 'write to a file, which appears whole or not at all')
    .option('--all', 'show bare literals too: four bytes that look like a tag, without proof')
    .option('--explain <tag>', 'how each use of this tag was found, with the instructions that show it')
    .option('--glob <pattern>', 'which files of a folder to scan, instead of *.sys');
  addAllDriversOption(command);
  addSettingOptions(command, ['pooltagFiles', 'symbolFolders', 'cacheFolder']);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<ScanOptions>();
    const places = await placesToScan(command.args, options.allDrivers, io);
    const settings = settingsOf(command, io);
    const { explain } = options;
    if (explain === undefined) return await scanPlaces(places, options, settings, io);
    const { explainPlaces } = await import('./explain-places.ts');
    return await explainPlaces(places, { ...options, explain }, settings, io);
  });
}

async function placesToScan(
  named: readonly string[],
  allDrivers: AllDrivers,
  io: CommandIo,
): Promise<DriverPlaces> {
  const { drivers } = readSettings({ POOLTAG_DRIVERS: io.env.POOLTAG_DRIVERS });
  const places = await driverPlaces(named.length > 0 ? named : drivers, allDrivers, io);
  if (places !== null) return places;
  throw new PooltagError(
    'invalid-usage',
    'There is no Windows drivers folder on this computer: name the driver files to scan, or a folder that holds them. pooltag scan --help shows how.',
  );
}

async function scanPlaces(
  { paths, services }: DriverPlaces,
  options: ScanOptions,
  settings: Settings,
  io: CommandIo,
): Promise<number> {
  const { format, out, glob, all } = options;
  const output = out === undefined ? standardOutput(io, format === 'text') : fileOutput(out);
  const progress = await scanProgress(io, 'scanning');
  const counts = { files: 0, refused: 0, tags: 0, copies: 0 };
  const scanned = scanFiles({
    paths,
    glob,
    services,
    cacheFolder: settings.cacheFolder,
    symbolFolders: settings.symbolFolders,
    signal: io.signal,
    onPlan: progress.total,
    onCacheProblem: cacheRemark(io),
  });
  // Another thread scans the first file while this one loads what it takes to write about it.
  const { results, value: writer } = await meanwhile(scanned, () => scanWriter(options, settings, io));
  await output.write(writer.begin());
  for await (const result of results) {
    const shown = all ? result : withoutLiterals(result);
    const { outcome } = shown;
    counts.files++;
    if (outcome.status === 'scanned') {
      if (shown.sameAs !== undefined) counts.copies++;
      else counts.tags += outcome.sightings.length;
    }
    progress.clear();
    if (outcome.status === 'refused') {
      counts.refused++;
      const { file } = shown;
      io.stderr.write(
        `pooltag: ${escapeControls(file)} was not scanned: ${escapeControls(outcome.reason.message)}\n`,
      );
    }
    await output.write(writer.file(shown));
    progress.step(result.file);
  }
  progress.stop();
  await output.write(writer.end());
  await output.finish();
  if (services !== null && (await services) === null && !io.signal.aborted) {
    io.stderr.write(
      'pooltag: the services of this computer could not be read, so that nothing is said of what loads these drivers.\n',
    );
  }
  for (const remark of writer.remarks) io.stderr.write(`pooltag: ${escapeControls(remark)}\n`);
  io.stderr.write(`${summary(counts, paths, glob, io.signal.aborted)}\n`);
  if (io.signal.aborted) return EXIT_STOPPED;
  return counts.refused > 0 ? failureOf('unreadable').exitCode : 0;
}

/** Begins to read a stream, prepares what its reader needs, and gives both: the stream from its first item on. */
async function meanwhile<T, R>(
  stream: AsyncGenerator<T, void, void>,
  prepare: () => Promise<R>,
): Promise<{ results: AsyncGenerator<T, void, void>; value: R }> {
  const first = stream.next();
  // Its error is met where the results are read; here it would end the process.
  first.catch(() => {});
  try {
    return { results: fromFirst(), value: await prepare() };
  } catch (error) {
    await stream.return();
    throw error;
  }

  async function* fromFirst(): AsyncGenerator<T, void, void> {
    try {
      for (let step = await first; !step.done; step = await stream.next()) yield step.value;
    } finally {
      await stream.return();
    }
  }
}

function summary(
  { files, refused, tags, copies }: { files: number; refused: number; tags: number; copies: number },
  paths: DriverPlaces['paths'],
  glob: string | undefined,
  isStopped: boolean,
): string {
  if (isStopped) return `pooltag: stopped after ${count(files, 'file')}; what was found so far is written.`;
  if (files === 0) {
    return `pooltag: no driver was found: ${placesText(paths)} has no file that matches ${escapeControls(glob ?? '*.sys')}, here or below.`;
  }
  const refusals = refused === 0 ? '' : `; ${count(refused, 'file')} not scanned`;
  const again = copies === 0 ? '' : `; ${count(copies, 'file')} found again in another folder`;
  return `pooltag: ${count(tags, 'tag')} in ${count(files - refused - copies, 'driver')}${again}${refusals}.`;
}

function count(number: number, noun: string): string {
  // By hand: loading the groupings of all languages takes 9 ms.
  const digits = String(number).replace(/\B(?=(\d{3})+$)/g, ',');
  return `${digits} ${noun}${number === 1 ? '' : 's'}`;
}

/** Only the writer that is needed, and the knowledge only where its words are shown. */
async function scanWriter(options: ScanOptions, settings: Settings, io: CommandIo): Promise<ScanWriter> {
  const entriesFor = async () => (await import('./open-catalogue.ts')).entriesLookup(settings, io);
  switch (options.format) {
    case 'text': {
      const { textScanWriter } = await import('../export-formats/text.ts');
      const style = styleFor(io.stdout, io.env, wantsColour(options) && options.out === undefined);
      return textScanWriter({ style, entriesFor: await entriesFor() });
    }
    case 'pooltag':
      return (await import('../export-formats/pooltag.ts')).pooltagScanWriter(await entriesFor());
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
