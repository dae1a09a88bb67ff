/** The records that the search contract is tried on: special cases by hand, and some hundred ordinary ones. */
import type { Arch, EvidenceKind, KnowledgeEntry, SightingSummary, TagRecord } from '../../data/facts.ts';
import { isPattern, patternId, poolTag, type TagPattern, tagId } from '../../data/pool-tag.ts';

/** Components as the knowledge base would name them. */
export const COMPONENTS = new Map([
  ['object-manager', { title: 'Object manager', vendor: 'Microsoft' }],
  ['file-system', { title: 'NT file system', vendor: 'Microsoft' }],
  ['packet-capture', { title: 'Packet capture', vendor: 'Nmap Project' }],
]);

/** A record of a tag or a pattern; `seenIn` are drivers. */
export function record(
  tag: string,
  facts: {
    owners?: (Partial<KnowledgeEntry> & { meaning: string | null })[];
    seenIn?: SightingSummary[];
    articleIds?: string[];
  } = {},
): TagRecord {
  const pattern = isPattern(tag);
  return {
    id: pattern ? patternId(tag as TagPattern) : tagId(poolTag(tag)),
    tag: tag as TagPattern,
    isPattern: pattern,
    knowledge: (facts.owners ?? []).map(owner => ({
      tag: tag as TagPattern,
      isPattern: pattern,
      image: null,
      component: null,
      list: 'pooltag-list',
      sources: [{ name: 'pooltag-list', url: null }],
      ...owner,
    })),
    sightings: facts.seenIn ?? [],
    articleIds: facts.articleIds ?? [],
  };
}

/** A driver that was seen using a tag. */
export function seenIn(
  fileName: string,
  facts: {
    company?: string | null;
    product?: string;
    description?: string;
    arch?: Arch;
    kind?: EvidenceKind;
  } = {},
): SightingSummary {
  const kind = facts.kind ?? 'allocation-call';
  return {
    driver: {
      fileName,
      sha256: Buffer.from(fileName.padEnd(32, '.')).toString('hex').slice(0, 64),
      arch: facts.arch ?? 'x64',
      company: facts.company ?? null,
      product: facts.product ?? null,
      version: '1.0.0.0',
      description: facts.description ?? null,
      isSample: false,
    },
    kinds: [kind],
    sites: 1,
    protected: false,
    firstSites: [{ kind, api: 'ntoskrnl.exe!ExAllocatePoolWithTag', rva: 4660 }],
  };
}

const special: TagRecord[] = [
  record('Thre', {
    owners: [{ meaning: 'Thread objects', image: 'nt!ps', component: 'object-manager' }],
    seenIn: [
      seenIn('ntoskrnl.exe', { company: 'Microsoft Corporation', product: 'Windows Operating System' }),
    ],
  }),
  record('Ntfs', {
    owners: [{ meaning: 'Stream control blocks', image: 'ntfs.sys', component: 'file-system' }],
    seenIn: [
      seenIn('Ntfs.sys', { company: 'Microsoft Corporation', arch: 'x64' }),
      seenIn('ntfs.sys', { company: 'MICROSOFT CORP.', arch: 'arm64' }),
    ],
  }),
  record('NtFs', {
    owners: [{ meaning: 'Structure support', image: 'ntfs.sys', component: 'file-system' }],
  }),
  record('NtFS', {
    owners: [{ meaning: 'Security support', image: 'ntfs.sys', list: 'C:\\tools\\pooltag.txt' }],
  }),
  record('NTFX', { seenIn: [seenIn('third.sys', { company: 'Contoso Ltd', kind: 'literal' })] }),
  record('Io  ', { owners: [{ meaning: 'General requests of the manager', image: 'nt!io' }] }),
  record('Io\0\0', { seenIn: [seenIn('short.sys', { company: 'Fabrikam, Inc.', arch: 'x86' })] }),
  record('IoNm', { owners: [{ meaning: 'File names', image: 'nt!io' }], articleIds: ['kb950162'] }),
  record('ObDr', {
    owners: [{ meaning: 'Deferred by ObDereferenceObject until it may wait', image: 'nt!ob' }],
  }),
  record('Gh?:', { owners: [{ meaning: 'Logical font handles', image: 'win32k.sys' }] }),
  record('Gh??', { owners: [{ meaning: 'Handle manager in general', image: 'win32k.sys' }] }),
  record('Gh05', { owners: [{ meaning: 'Bitmap handles', image: 'win32k.sys' }] }),
  record('Zz* ', { owners: [{ meaning: 'A family closed by a star', image: 'zz.sys' }] }),
  record('<b>"', {
    seenIn: [seenIn('"><script>alert(1)</script>.sys', { company: 'Bobby "Tables" \\ Co' })],
  }),
  record('-+-+', { owners: [{ meaning: 'Punctuation alone', image: 'odd.sys' }] }),
  record('Lr!!', { owners: [{ meaning: 'Cancelled requests', image: 'odd.sys' }] }),
  record('=1+1', { owners: [{ meaning: 'Looks like a formula', image: 'odd.sys' }] }),
  record('\xe9\x01\xff\x80', {
    seenIn: [seenIn('naïve.sys', { company: 'Société Générale', product: 'Éditeur' })],
  }),
  record('Dh 0', { owners: [{ meaning: 'Default object of drawing', image: 'dxg.sys' }] }),
  record('NPcp', {
    owners: [{ meaning: 'Packets on their way', image: 'npcap.sys', component: 'packet-capture' }],
    seenIn: [
      seenIn('npcap.sys', {
        company: 'Insecure.Com LLC.',
        product: 'Npcap',
        description: 'Npcap packet driver',
      }),
    ],
  }),
  record('Seen', {
    seenIn: [
      seenIn('zephyrflt.sys', {
        company: 'Zephyr Storage GmbH',
        product: 'Zephyr Vault',
        description: 'Vault minifilter',
        kind: 'free-call',
      }),
    ],
  }),
  record('Cjk1', { seenIn: [seenIn('beijing.sys', { company: '北京软件', arch: 'x86' })] }),
  record('Reg1', { owners: [{ meaning: 'Registry key control blocks', image: 'nt!cm' }] }),
  record('Reg2', { owners: [{ meaning: 'Registry notify blocks', image: 'nt!cm' }] }),
  record('Meta', { owners: [{ meaning: 'registry of nothing', image: 'thread.sys' }] }),
];

const SUBJECTS = ['buffer', 'queue', 'context', 'endpoint', 'lookaside', 'timer', 'adapter', 'volume'];
const QUALITIES = ['shared', 'pending', 'cached', 'mirrored', 'protected', 'temporary', 'encrypted'];
const COMPANIES = ['Contoso Ltd', 'Fabrikam, Inc.', 'Northwind Traders', 'Adventure Works'];
const ARCHES: Arch[] = ['x64', 'x86', 'arm64'];

const ordinary = Array.from({ length: 300 }, (_, i) => {
  const tag = `Q${String.fromCharCode(97 + (i % 26))}${String(i).padStart(3, '0').slice(-2)}`;
  const company = COMPANIES[i % COMPANIES.length]!;
  return record(tag, {
    owners:
      i % 3 === 0
        ? []
        : [
            {
              meaning: `A ${QUALITIES[i % 7]} ${SUBJECTS[i % 8]} number ${i}`,
              image: `unit${i % 20}.sys`,
              list: i % 2 === 0 ? 'pooltag-list' : 'C:\\tools\\pooltag.txt',
            },
          ],
    seenIn:
      i % 3 === 1
        ? []
        : [seenIn(`unit${i % 20}.sys`, { company, product: `Suite ${i % 5}`, arch: ARCHES[i % 3]! })],
  });
});

/** All of them, in no particular order; every tag once. */
export const SEARCH_RECORDS: readonly TagRecord[] = [
  ...new Map([...ordinary, ...special].map(entry => [entry.id, entry])).values(),
];

/** The tags in the order that every list of the index has. */
export const TAGS_IN_BYTE_ORDER: readonly string[] = SEARCH_RECORDS.map(({ tag }) => tag as string).sort(
  (a, b) => (a < b ? -1 : 1),
);
