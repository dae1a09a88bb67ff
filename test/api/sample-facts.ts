/** A small, fixed world to answer from: a few components, lists and drivers, made up so that no real fact can move a test. */
import { Catalogue, type CatalogueOptions } from '../../api/catalogue.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import type { Evidence, EvidenceKind, KnowledgeEntry, OtherTag, ScannedDriver } from '../../data/facts.ts';
import type { AdviceRule, Component, Knowledge, KnownLeak } from '../../data/knowledge.ts';
import { isPattern, type PoolTag, poolTag, tagId } from '../../data/pool-tag.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

const LIST = { name: 'pooltag-list', url: null };

export function component(id: string, title: string, image: string | null, vendor = 'Microsoft'): Component {
  return {
    id,
    title,
    image,
    vendor,
    about: 'What it does.',
    isCollection: false,
    growth: { normal: `${title} grows with use.`, abnormal: null },
    steps: [`look at ${id}`],
    sources: [LIST],
  };
}

export function entry(
  tag: string,
  image: string | null,
  meaning: string | null,
  more: Partial<KnowledgeEntry> = {},
): KnowledgeEntry {
  return {
    tag: tag as PoolTag,
    isPattern: isPattern(tag),
    image,
    component: null,
    meaning,
    list: 'pooltag-list',
    sources: [LIST],
    ...more,
  };
}

/** An entry of a user's file. */
export function userEntry(tag: string, image: string | null, meaning: string | null): KnowledgeEntry {
  return entry(tag, image, meaning, { list: 'my.txt', sources: [{ name: 'my.txt', url: null }] });
}

function rule(
  id: string,
  kind: AdviceRule['kind'],
  tags: string[],
  more: Partial<AdviceRule> = {},
): AdviceRule {
  return {
    id,
    kind,
    tags: tags as PoolTag[],
    text: `Advice ${id}.`,
    steps: [`step of ${id}`],
    companions: [],
    guide: null,
    sources: [LIST],
    ...more,
  };
}

function leak(id: string, tags: string[]): KnownLeak {
  return {
    id,
    title: `Leak ${id}`,
    tags: tags as PoolTag[],
    products: ['Product'],
    affected: [{ product: 'Product' }],
    symptom: null,
    cause: 'A cause.',
    remedy: null,
    status: 'open',
    supersededBy: [],
    sources: [LIST],
    versionSources: [],
  };
}

/** The bundled knowledge of the small world. */
export const KNOWLEDGE: Knowledge = {
  entries: [
    entry('Thre', 'nt!ps', 'Thread objects. One for every thread.', { component: 'process-manager' }),
    entry('Proc', 'nt!ps', 'Process objects.', { component: 'process-manager' }),
    entry('Ntfs', 'ntfs.sys', 'Stream control blocks.', { component: 'ntfs' }),
    entry('NtFS', 'ntfs.sys', 'Structure support.', { component: 'ntfs' }),
    entry('CM  ', 'nt!cm', 'Registry memory.', { component: 'registry' }),
    entry('Afd?', 'afd.sys', 'Winsock objects.', { component: 'afd' }),
    entry('AfdB', 'afd.sys', 'Winsock buffers.', { component: 'afd' }),
    entry('Nt??', 'ntfs.sys', 'Some NTFS memory.', { component: 'ntfs' }),
    entry('Ddk ', null, 'Default of the older driver headers.'),
    entry('Duo1', 'one.sys', 'First use.'),
    entry('Duo1', 'two.sys', 'Second use.'),
    entry('NoMn', 'quiet.sys', null),
  ],
  articles: [
    leak('q1', ['Thre', 'THRE']),
    leak('afd-family', ['Afd?']),
    {
      ...leak('foo-leak', ['Duo1']),
      affected: [{ product: 'Contoso Suite', image: 'foo.sys', from: '1.0', before: '1.3' }],
    },
    { ...leak('eleven', ['Duo1']), affected: [{ product: 'Eleven', windows: { only: ['10.0.26200'] } }] },
  ],
  components: [
    component('process-manager', 'Process manager', 'nt!ps'),
    component('ntfs', 'NTFS', 'ntfs.sys'),
    component('registry', 'Configuration manager', 'nt!cm'),
    component('afd', 'Ancillary function driver for Winsock', 'afd.sys'),
  ],
  advice: [
    rule('handles', 'owner-is-not-culprit', ['Thre', 'Proc'], {
      companions: [poolTag('Proc')],
      guide: 'handles',
    }),
    rule('nt-family', 'next-step', ['Nt??']),
    rule('default', 'shared-default', ['Ddk ']),
    rule('scan', 'unknown-tag', []),
  ],
  guides: [
    {
      id: 'guide',
      title: 'Find a handle leak',
      summary: 'Count the handles.',
      order: 1,
      keywords: ['event 2019'],
      markdown: 'Look.',
      sources: [LIST],
    },
  ],
  sources: [],
  windows: [{ name: 'Windows Eleven', build: '10.0.26200' }],
};

export function evidence(kind: EvidenceKind, count = 1): Evidence[] {
  const api = kind.endsWith('call') ? { api: 'ntoskrnl.exe!ExAllocatePoolWithTag' } : {};
  return Array.from({ length: count }, (_, i) => ({ kind, ...api, rva: 0x1000 + i * 16 }));
}

/** A driver whose SHA-256 is made of its name. */
export function driver(
  fileName: string,
  tags: Record<string, Evidence[]>,
  more: Partial<ScannedDriver['driver']> = {},
): ScannedDriver {
  return {
    status: 'scanned',
    driver: {
      fileName,
      sha256: Buffer.from(fileName).toString('hex').padEnd(64, '0').slice(0, 64),
      sizeBytes: 4096,
      arch: 'x64',
      ...NO_FACTS,
      company: 'Contoso Ltd',
      product: 'Contoso Suite',
      description: 'Contoso filter',
      version: '1.2.3.4',
      ...more,
    },
    sightings: Object.entries(tags).map(([tag, sites]) => ({
      tag: poolTag(tag),
      id: tagId(poolTag(tag)),
      protected: false,
      evidence: sites,
    })),
    remarks: [],
    partial: false,
  };
}

/** A tag that is no pool tag. */
export function otherTag(tag: string, kind: OtherTag['kind'], sites = 1): OtherTag {
  const name = kind === 'remove-lock' ? 'IoInitializeRemoveLockEx' : 'ObfReferenceObjectWithTag';
  return { tag: poolTag(tag), id: tagId(poolTag(tag)), kind, api: `ntoskrnl.exe!${name}`, rva: 0x20, sites };
}

/** The drivers of the small world. */
export const DRIVERS: ScannedDriver[] = [
  {
    ...driver('foo.sys', {
      Foo1: evidence('allocation-call', 12).map(site => ({ ...site, pool: 'PagedPool', sizeBytes: 64 })),
      Ntfs: evidence('allocation-call'),
      Bits: evidence('literal'),
      Free: evidence('free-call'),
      'Ddk ': evidence('allocation-call'),
    }),
    otherTags: [
      otherTag('Fred', 'remove-lock', 2),
      otherTag('Foo1', 'remove-lock'),
      otherTag('Thre', 'object-reference'),
    ],
  },
  driver('ntoskrnl.exe', { Thre: evidence('allocation-call', 3) }, { company: 'Microsoft Corporation' }),
  driver('afd.sys', { AfdX: evidence('allocation-call') }, { arch: 'x86', company: 'Microsoft Corporation' }),
  driver(
    '<b>&".sys',
    { '=1+1': evidence('allocation-call') },
    { company: '=cmd|calc', description: '\u0007bad\n' },
  ),
];

/** A catalogue of the small world with its drivers in the index. */
export async function sampleCatalogue(options: Partial<CatalogueOptions> = {}): Promise<Catalogue> {
  const components = new Map(KNOWLEDGE.components.map(one => [one.id, one]));
  const catalogue = await Catalogue.create({
    knowledge: KNOWLEDGE,
    index: createEmbeddedIndex({ components }),
    tagFiles: [
      {
        path: 'my.txt',
        entries: [userEntry('Thre', 'NT!PS', 'Threads'), userEntry('Mine', 'mine.sys', 'My tag')],
        remarks: [],
      },
    ],
    ...options,
  });
  for (const one of DRIVERS) catalogue.addOutcome(one);
  catalogue.addOutcome({
    status: 'refused',
    fileName: 'notes.sys',
    reason: { code: 'not-a-pe', message: 'It does not begin with MZ.' },
  });
  await catalogue.flush();
  return catalogue;
}
