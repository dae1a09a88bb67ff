/** What commands answer from: the bundled knowledge, the user's tag lists and, where named, drivers scanned on the spot. */
import type { KnowledgeEntry, ScanOutcome } from '../../data/facts.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { SearchIndex } from '../../data/search-index.ts';
import type { ScanFilesOptions } from '../../scanner/driver-files.ts';
import { Catalogue, type LoadedTagFile } from '../catalogue.ts';
import { ExactIndex } from '../exact-index.ts';
import { loadTagFiles, tagFileRemark } from '../load-tag-files.ts';
import type { Settings } from '../settings.ts';
import { escapeControls } from '../terminal-text.ts';
import { cacheRemark } from './cache-remark.ts';
import type { CommandIo } from './command-io.ts';
import { listsAmongDrivers } from './lists-among-drivers.ts';
import { scanProgress } from './scan-progress.ts';

/** The tag lists that are named, or on Windows the installed one, and `further` ones; what they could not say goes to stderr. */
export async function namedTagFiles(
  settings: Settings,
  io: CommandIo,
  further: readonly string[] = [],
): Promise<LoadedTagFile[]> {
  const { pooltagFiles } = settings;
  const isSearched = pooltagFiles.length === 0 && io.platform === 'win32';
  const named = isSearched ? await installedTagFile(io) : pooltagFiles;
  const files = await loadTagFiles([...named, ...further]);
  for (const file of files) {
    const remark = tagFileRemark(file);
    if (remark !== undefined) io.stderr.write(`pooltag: ${escapeControls(remark)}\n`);
  }
  return files;
}

/** One is enough: the installed copies mostly say the same. */
async function installedTagFile(io: CommandIo): Promise<string[]> {
  const { findInstalledPooltag } = await import('../find-installed-pooltag.ts');
  return (await findInstalledPooltag(io.env)).slice(0, 1);
}

/** The index that `MEILI_URL` names; undefined without it. */
export async function meilisearchIndex(settings: Settings) {
  const { meiliUrl, meiliSearchKey, meiliIndexKey, meiliPrefix } = settings;
  if (meiliUrl === null) return undefined;
  const { createMeilisearchIndex } = await import('../../data/meilisearch-index.ts');
  const { components } = loadKnowledge();
  return createMeilisearchIndex({
    url: meiliUrl,
    searchKey: meiliSearchKey ?? undefined,
    indexKey: meiliIndexKey ?? undefined,
    prefix: meiliPrefix,
    components: new Map(components.map(component => [component.id, component])),
  });
}

/**
 * A catalogue to answer from. With MEILI_URL it reads that index, and never writes to it: where lists or drivers are
 * named, an index in memory takes its place. `emptyIndex` makes that one.
 */
export async function openCatalogue(
  settings: Settings,
  io: CommandIo,
  emptyIndex: () => Promise<SearchIndex> | SearchIndex = () => new ExactIndex(),
): Promise<Catalogue> {
  const isAlone = settings.drivers.length === 0 && settings.pooltagFiles.length === 0;
  const server = isAlone ? await meilisearchIndex(settings) : undefined;
  if (server !== undefined)
    return Catalogue.create({ knowledge: loadKnowledge(), index: server, fill: false });
  const { drivers, lists } = await listsAmongDrivers(settings.drivers);
  const tagFiles = await namedTagFiles(settings, io, lists);
  const index = await emptyIndex();
  const catalogue = await Catalogue.create({ knowledge: loadKnowledge(), index, tagFiles });
  if (drivers.length > 0) {
    await scanInto(outcome => catalogue.addOutcome(outcome), { paths: drivers }, settings, io);
    await catalogue.flush();
  }
  return catalogue;
}

/** What the lists say of a tag: the bundled one and the user's. */
export async function entriesLookup(
  settings: Settings,
  io: CommandIo,
): Promise<(tag: PoolTag) => readonly KnowledgeEntry[]> {
  const index = new ExactIndex();
  await Catalogue.create({ knowledge: loadKnowledge(), index, tagFiles: await namedTagFiles(settings, io) });
  return tag => index.entriesFor(tag);
}

/** Scans drivers and hands each outcome on, with a bar on a terminal and a sentence on what was refused. */
export async function scanInto(
  take: (outcome: ScanOutcome) => void,
  places: Pick<ScanFilesOptions, 'paths' | 'services'>,
  { cacheFolder, symbolFolders }: Settings,
  io: CommandIo,
): Promise<void> {
  const { scanFiles } = await import('../../scanner/driver-files.ts');
  const progress = await scanProgress(io, 'scanning');
  let refused = 0;
  const onCacheProblem = cacheRemark(io);
  const options = {
    ...places,
    cacheFolder,
    symbolFolders,
    signal: io.signal,
    onPlan: progress.total,
    onCacheProblem,
  };
  for await (const { file, outcome } of scanFiles(options)) {
    take(outcome);
    if (outcome.status === 'refused') refused++;
    progress.step(file);
  }
  progress.stop();
  if (refused > 0) {
    const files = refused === 1 ? 'One file was' : `${refused} files were`;
    io.stderr.write(`pooltag: ${files} not scanned; pooltag scan says why.\n`);
  }
  io.signal.throwIfAborted();
}
