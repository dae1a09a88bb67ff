/** Loads what the program knows by itself: tags, components, known leaks, advice and guides, each with its sources. */
import type { KnowledgeEntry, LeakArticle, SourceRef } from './facts.ts';
import { KnowledgeBroken, type KnowledgeFiles, readKnowledgeFiles } from './knowledge-files.ts';
import { type GuideFile, readGuides } from './knowledge-guides.ts';
import type { AdviceKind, AffectedProduct, ComponentFile, KnowledgeFileEntry } from './knowledge-shapes.ts';
import { isPattern, type PoolTag, type TagPattern } from './pool-tag.ts';
import { projectFile } from './project-files.ts';
import type { WindowsRelease } from './windows-builds.ts';

/** A part of Windows or a product: what it takes pool for, and which growth is ordinary. */
export interface Component {
  /** `process-manager`: part of an address. */
  id: string;
  title: string;
  /** `nt!ps`; null where the component spans several images. */
  image: string | null;
  vendor: string;
  /** The title gathers several owners, so that it is none itself. */
  isCollection: boolean;
  /** What it allocates pool for. */
  about: string;
  growth: { normal: string; abnormal: string | null };
  /** What to try, in order. */
  steps: string[];
  sources: SourceRef[];
}

/** A report of a leak with the versions it touches, where they are known. */
export interface KnownLeak extends LeakArticle {
  affected: AffectedProduct[];
  /** Where versions were read that the report itself does not name. */
  versionSources: SourceRef[];
}

/** What to do next about some tags. */
export interface AdviceRule {
  id: string;
  kind: AdviceKind;
  /** Tags and patterns it applies to; none for `unknown-tag`, which applies where nothing is known. */
  tags: (PoolTag | TagPattern)[];
  text: string;
  steps: string[];
  /** Tags that tend to grow along. */
  companions: PoolTag[];
  /** Id of the guide that goes deeper. */
  guide: string | null;
  sources: SourceRef[];
}

/** An instruction of several steps, in Markdown. */
export interface Guide extends Omit<GuideFile, 'sourceIds'> {
  sources: SourceRef[];
}

/** A source that facts were taken from. */
interface Source extends SourceRef {
  id: string;
  licence: string;
}

/** All of it. Lists are in a stable order: by component and tag, and by id. */
export interface Knowledge {
  entries: KnowledgeEntry[];
  articles: KnownLeak[];
  components: Component[];
  advice: AdviceRule[];
  guides: Guide[];
  sources: Source[];
  /** Releases of Windows, the oldest first. */
  windows: WindowsRelease[];
}

/** The name under which our own list stands among the sources of an entry. */
export const OUR_LIST = 'pooltag-list';

/**
 * Reads the bundled knowledge (synchronously: it is a few hundred kilobytes, read once at start). It trusts the rules
 * of data/lint for everything but what would make it fall over later; then it throws {@link KnowledgeBroken}.
 */
export function loadKnowledge(
  folder: string = projectFile('data', 'knowledge'),
  guidesFolder: string = projectFile('data', 'guides'),
): Knowledge {
  const files = readKnowledgeFiles(folder);
  const guides = readGuides(guidesFolder);
  try {
    return buildKnowledge(files, guides);
  } catch (error) {
    if (error instanceof KnowledgeBroken) throw error;
    throw new KnowledgeBroken(folder, `${error instanceof Error ? error.message : error}.`, error);
  }
}

function buildKnowledge(files: KnowledgeFiles, guides: GuideFile[]): Knowledge {
  const refs = sourceRefs(files);
  return {
    entries: files.components.flatMap(({ file, content }) => entriesOf(file, content, refs)),
    components: files.components.map(({ file, content }) => ({
      id: content.id,
      title: content.title,
      image: content.image,
      vendor: content.vendor,
      isCollection: content.isCollection ?? false,
      about: content.about.purpose,
      growth: { normal: content.about.normal, abnormal: content.about.abnormal ?? null },
      steps: content.about.steps,
      sources: refs(file, content.about.sources),
    })),
    articles: files.leaks.leaks.map(leak => ({
      ...leak,
      tags: leak.tags.map(tag => fourBytes('leaks.json', tag)),
      products: leak.affected.map(({ product }) => product),
      symptom: leak.symptom ?? null,
      remedy: leak.remedy ?? null,
      supersededBy: leak.supersededBy ?? [],
      sources: refs('leaks.json', leak.sources),
      versionSources: refs('leaks.json', leak.versionSources ?? []),
    })),
    advice: files.advice.advice.map(rule => ({
      ...rule,
      tags: rule.tags.map(tag => fourBytes('advice.json', tag)),
      companions: (rule.companions ?? []).map(tag => fourBytes('advice.json', tag) as PoolTag),
      guide: rule.guide ?? null,
      sources: refs('advice.json', rule.sources),
    })),
    guides: guides.map(({ sourceIds, ...guide }) => ({
      ...guide,
      sources: refs(`${guide.id}.md`, sourceIds),
    })),
    sources: files.sources.sources.map(source => ({ ...source })),
    windows: files.windowsBuilds.releases.map(({ name, build }) => ({ name, build })),
  };
}

type SourceLookup = (file: string, ids: readonly string[]) => SourceRef[];

function sourceRefs(files: KnowledgeFiles): SourceLookup {
  const byId = new Map<string, SourceRef>(
    files.sources.sources.map(({ id, name, url }) => [id, { name, url }]),
  );
  return (file, ids) =>
    ids.map(id => {
      const source = byId.get(id);
      if (source === undefined) throw new KnowledgeBroken(file, `sources.json has no source "${id}".`);
      return source;
    });
}

function entriesOf(file: string, component: ComponentFile, refs: SourceLookup): KnowledgeEntry[] {
  const list: SourceRef = { name: OUR_LIST, url: null };
  const shared = [list, ...refs(file, component.sources)];
  return component.entries.flatMap(entry => {
    const tag = fourBytes(file, entry.tag);
    const note = noteOf(entry);
    return imagesOf(entry, component).map(image => ({
      tag,
      isPattern: isPattern(tag),
      image,
      component: component.id,
      meaning: entry.meaning ?? null,
      ...(note === '' ? {} : { note }),
      list: OUR_LIST,
      sources: entry.sources === undefined ? shared : [list, ...refs(file, entry.sources)],
    }));
  });
}

/** The owners of an entry: its own, or the component's. */
export function imagesOf(entry: KnowledgeFileEntry, component: ComponentFile): (string | null)[] {
  const image = entry.image === undefined ? component.image : entry.image;
  return Array.isArray(image) ? image : [image];
}

function noteOf({ note, since, until, inferred }: KnowledgeFileEntry): string {
  return [
    note,
    since && until
      ? `Seen from ${since} to ${until}.`
      : since
        ? `Seen from ${since} on.`
        : until && `Seen up to ${until}.`,
    inferred && `The owner is inferred: ${inferred}`,
  ]
    .filter(Boolean)
    .join(' ');
}

function fourBytes(file: string, tag: unknown): PoolTag | TagPattern {
  if (typeof tag !== 'string' || !/^[\0-\xff]{4}$/.test(tag)) {
    throw new KnowledgeBroken(file, `${JSON.stringify(tag)} is not a tag of four one-byte characters.`);
  }
  return tag as PoolTag | TagPattern;
}
