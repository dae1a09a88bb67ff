/** `pooltag index`: fills the index of a Meilisearch server, in one step that readers do not notice. */
import { Option } from 'commander';
import { loadKnowledge } from '../../data/knowledge.ts';
import { RecordStore } from '../../data/merge.ts';
import { safeJson } from '../export-formats/safe-json.ts';
import { PooltagError } from '../pooltag-error.ts';
import { type CommandIo, writeText } from './command-io.ts';
import { type AllDrivers, addAllDriversOption, driverPlaces } from './driver-places.ts';
import { meilisearchIndex, namedTagFiles, scanInto } from './open-catalogue.ts';
import { newCommand, runCommand } from './run-command.ts';
import { addSettingOptions, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag index --meili-url http://127.0.0.1:7700         the bundled knowledge
pooltag index --pooltag pooltag.txt --drivers D:\\drivers  with a tag list and the drivers of a folder
`;

/** Exit code 0 once the new index is in place, 4 where there is no server. */
export function index(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('index', 'Fill the index of a Meilisearch server anew.', EXAMPLES, io).addOption(
    new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'),
  );
  addAllDriversOption(command);
  addSettingOptions(command, [
    'pooltagFiles',
    'drivers',
    'symbolFolders',
    'cacheFolder',
    'meiliUrl',
    'meiliIndexKey',
    'meiliPrefix',
  ]);
  return runCommand(command, argv, io, async () => {
    const settings = settingsOf(command, io);
    const server = await meilisearchIndex(settings);
    if (server === undefined) {
      throw new PooltagError(
        'index-unavailable',
        'There is no server to fill: name a Meilisearch server with --meili-url or MEILI_URL. Without one, the program keeps its index in memory and needs no filling.',
      );
    }
    const close = () => void server.close();
    io.signal.addEventListener('abort', close, { once: true });
    try {
      const { entries, articles } = loadKnowledge();
      const tagFiles = await namedTagFiles(settings, io);
      const store = new RecordStore([...entries, ...tagFiles.flatMap(file => file.entries)], articles);
      const { allDrivers } = command.opts<{ allDrivers?: AllDrivers }>();
      const places =
        settings.drivers.length > 0 || allDrivers !== undefined
          ? await driverPlaces(settings.drivers, allDrivers, io)
          : null;
      if (places !== null) {
        await scanInto(
          outcome => {
            if (outcome.status === 'scanned') store.put(outcome, false);
          },
          places,
          settings,
          io,
        );
      }
      const records = store.records();
      io.stderr.write(
        `pooltag: sending ${records.length.toLocaleString('en')} records to ${settings.meiliUrl}\n`,
      );
      await server.replaceAll(records);
      const result = { records: records.length, server: settings.meiliUrl, prefix: settings.meiliPrefix };
      const text = `${result.records.toLocaleString('en')} records are in the index of ${result.server}.\n`;
      await writeText(io.stdout, command.opts().format === 'json' ? `${safeJson(result)}\n` : text);
      return 0;
    } finally {
      io.signal.removeEventListener('abort', close);
      await server.close();
    }
  });
}
