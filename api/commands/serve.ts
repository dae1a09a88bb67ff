/** `pooltag serve`: pages and REST on one address, with drivers scanned in the background. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { type Knowledge, loadKnowledge } from '../../data/knowledge.ts';
import { programVersion } from '../../data/project-files.ts';
import type { SearchIndex } from '../../data/search-index.ts';
import { Catalogue } from '../catalogue.ts';
import { DriverExplanations } from '../driver-explanations.ts';
import { lazyHandler } from '../middleware/lazy-handler.ts';
import { startServer } from '../server.ts';
import type { Settings } from '../settings.ts';
import { escapeControls } from '../terminal-text.ts';
import { cacheRemark } from './cache-remark.ts';
import { type CommandIo, writeText } from './command-io.ts';
import { type AllDrivers, addAllDriversOption, placesText } from './driver-places.ts';
import { type DriverPlace, driversToServe } from './drivers-to-serve.ts';
import { meilisearchIndex, namedTagFiles } from './open-catalogue.ts';
import { newCommand, runCommand } from './run-command.ts';
import { addSettingOptions, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag serve                                          http://127.0.0.1:3000
pooltag serve --drivers D:\\drivers --pooltag pooltag.txt --port 8080
npm start -- --drivers D:\\drivers                      the same from a clone
`;

/** Runs until it is told to stop; then exit code 0, for that is how a server is meant to end. */
export function serve(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('serve', 'Answer in the browser and by REST.', EXAMPLES, io);
  addAllDriversOption(command);
  addSettingOptions(command, [
    'host',
    'port',
    'drivers',
    'pooltagFiles',
    'symbolFolders',
    'dataFolder',
    'cacheFolder',
    'meiliUrl',
    'meiliSearchKey',
    'meiliIndexKey',
    'meiliPrefix',
    'rateLimit',
    'logLevel',
    'trustProxy',
  ]);
  return runCommand(command, argv, io, async () => {
    const settings = settingsOf(command, io);
    const catalogue = await loadCatalogue(settings, io);
    const explanations = new DriverExplanations(catalogue, settings);
    try {
      const place = await driversToServe(
        settings,
        command.opts<{ allDrivers?: AllDrivers }>().allDrivers,
        io,
      );
      const pages = lazyHandler(async () => {
        const { createPages } = await import('../routes/pages.ts');
        return createPages({ catalogue, explanations });
      });
      const server = await startServer({
        host: settings.host,
        port: settings.port,
        catalogue,
        explanations,
        pages,
        rateLimit: settings.rateLimit,
        trustProxy: settings.trustProxy,
        logger: pino({ level: settings.logLevel ?? (io.stderr.isTTY ? 'warn' : 'info') }, io.stderr),
      });
      await say(io, await banner(catalogue, place, server.url));
      // What comes earlier waits for its own part alone; exact look-ups wait for none.
      const filled = catalogue.index.prepare().then(pages.load);
      const scanned = filled.then(() => scanInBackground(catalogue, place, settings, io));
      void scanned.then(() => warmUp(catalogue));
      await aborted(io.signal);
      await Promise.all([scanned, server.stop()]);
      await explanations.close();
      return 0;
    } finally {
      await catalogue.index.close();
    }
  });
}

async function loadCatalogue(settings: Settings, io: CommandIo): Promise<Catalogue> {
  const knowledge = loadKnowledge();
  const tagFiles = await namedTagFiles(settings, io);
  const server = await meilisearchIndex(settings);
  if (server === undefined) return Catalogue.create({ knowledge, index: memoryIndex(knowledge), tagFiles });
  const fill = !(await server.isFilled());
  if (fill) io.stderr.write(`pooltag: the index at ${settings.meiliUrl} is missing; filling it\n`);
  return Catalogue.create({ knowledge, index: server, tagFiles, fill });
}

function memoryIndex({ components }: Knowledge): SearchIndex {
  return createEmbeddedIndex({ components: new Map(components.map(one => [one.id, one])) });
}

async function banner(catalogue: Catalogue, place: DriverPlace | null, url: string): Promise<string> {
  const { tags, knowledgeEntries, articles, tagFiles, index } = await catalogue.summary();
  const { guides } = catalogue.knowledge;
  const lines = [
    `Pooltag ${programVersion()}`,
    `  ${number(tags)} tags in the ${index} index`,
    `  ${number(knowledgeEntries)} entries of the bundled list, ${number(articles)} known leaks, ${guides.length} guides`,
    ...tagFiles.map(
      file =>
        `  ${number(file.entries)} ${file.entries === 1 ? 'entry' : 'entries'} of ${escapeControls(file.path)}`,
    ),
    `  ${driversLine(place)}`,
    `Open ${url} (Ctrl-C stops it)`,
  ];
  return `${lines.join('\n')}\n`;
}

function driversLine(place: DriverPlace | null): string {
  if (place === null) return 'no drivers: name a folder with --drivers to scan them';
  const paths = placesText(place.paths);
  return place.isSample
    ? `sample drivers only, which ship with the program: name your own with --drivers (${paths})`
    : `drivers of ${paths}, scanned in the background`;
}

/** Scans while the server answers; never fails, and leaves one core to the readers. */
async function scanInBackground(
  catalogue: Catalogue,
  place: DriverPlace | null,
  { cacheFolder, symbolFolders }: Settings,
  io: CommandIo,
): Promise<void> {
  if (place === null) return;
  const { paths, services, isSample } = place;
  const workers = Math.max(1, availableParallelism() - 1);
  catalogue.beginScan();
  const onPlan = (total: number) => catalogue.updateScan({ total });
  const onCacheProblem = cacheRemark(io);
  const options = {
    paths,
    services,
    workers,
    cacheFolder,
    symbolFolders,
    signal: io.signal,
    onPlan,
    onCacheProblem,
  };
  const { scanFiles } = await import('../../scanner/driver-files.ts');
  for await (const { file, outcome } of scanFiles(options)) {
    catalogue.updateScan({ currentFolder: file.slice(0, file.search(/[\\/][^\\/]*$/)) });
    catalogue.addOutcome(outcome, { isSample, file: path.resolve(file) });
  }
  try {
    await catalogue.endScan();
    if (io.signal.aborted) return;
    const { drivers, refused, tags } = await catalogue.summary();
    const what = isSample ? 'sample drivers' : 'drivers';
    const refusals = refused === 0 ? '' : `, ${number(refused)} files refused`;
    await say(io, `Scanned ${number(drivers)} ${what}${refusals}: ${number(tags)} tags are known now.\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    io.stderr.write(`pooltag: what was scanned is not in the index: ${escapeControls(why)}\n`);
  }
}

async function warmUp(catalogue: Catalogue): Promise<void> {
  const { warmUpLeaks } = await import('../leaks/warm-up.ts');
  await warmUpLeaks(catalogue);
}

/** A server serves on where nobody reads what it says. */
async function say(io: CommandIo, text: string): Promise<void> {
  await writeText(io.stdout, text).catch(() => undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function number(value: number): string {
  return value.toLocaleString('en');
}
