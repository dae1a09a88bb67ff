/** Queries and what they must find among the records of search-records.ts, each with its reason. */
import type { SearchQuery } from '../../data/search-index.ts';

export interface SearchVector {
  q: string;
  filters?: Partial<SearchQuery>;
  /** How many there are in all. */
  total?: number;
  /** The first hits, in order. */
  first?: string[];
  /** Hits that must be among the first hundred. */
  includes?: string[];
  reason: string;
}

export const SEARCH_VECTORS: readonly SearchVector[] = [
  // Exact tags, in every spelling
  { q: 'Thre', first: ['Thre'], reason: 'the tag itself comes first' },
  {
    q: 'Ntfs',
    first: ['Ntfs', 'NtFS', 'NtFs'],
    reason: 'the exact case first, then the other cases in byte order',
  },
  { q: 'NtFS', first: ['NtFS', 'NtFs', 'Ntfs'], reason: 'case is not folded away' },
  { q: "'erhT'", first: ['Thre'], total: 1, reason: 'the literal of the C source' },
  { q: 'erhT', first: ['Thre'], reason: 'the reversed reading, as only that is known' },
  { q: '0x65726854', first: ['Thre'], total: 1, reason: 'the ULONG' },
  { q: '0xE5726854', first: ['Thre'], total: 1, reason: 'the ULONG with the protected bit' },
  { q: '65726854', first: ['Thre'], total: 1, reason: 'eight hex digits, the ULONG first' },
  {
    q: '54687265',
    first: ['Thre'],
    total: 1,
    reason: 'eight hex digits in memory order, as only that is known',
  },
  { q: ' Thre ', first: ['Thre'], reason: 'blanks around a pasted tag' },
  { q: 'Io', first: ['Io  ', 'Io\0\0', 'IoNm'], reason: 'both paddings of a short tag, then what begins so' },
  { q: 'Io  ', first: ['Io  '], reason: 'the padded spelling' },
  { q: 'Dh 0', first: ['Dh 0'], reason: 'a blank inside' },
  { q: '<b>"', first: ['<b>"'], reason: 'a tag that looks like HTML' },
  { q: '=1+1', first: ['=1+1'], reason: 'a tag that looks like a formula' },
  { q: '\xe9\x01\xff\x80', first: ['\xe9\x01\xff\x80'], reason: 'bytes outside ASCII' },
  {
    q: 'Gh05',
    first: ['Gh05', 'Gh??'],
    reason: 'the wildcard entry that covers it stands below the exact tag',
  },
  { q: 'GhX:', first: ['Gh?:', 'Gh??'], reason: 'an unknown tag is answered by the entries that cover it' },
  // Beginnings
  { q: 'Nt', first: ['NtFS', 'NtFs', 'Ntfs', 'NTFX'], reason: 'tags that begin so, in the same case first' },
  { q: 'nT', first: ['NTFX', 'NtFS', 'NtFs', 'Ntfs'], reason: 'no tag has this case' },
  { q: 'Reg', first: ['Reg1', 'Reg2', 'Meta'], total: 3, reason: 'tags that begin so before words that do' },
  // Bytes
  {
    q: 'Nt??',
    first: ['NtFS', 'NtFs', 'Ntfs'],
    total: 3,
    reason: 'any two bytes after Nt, in this case only',
  },
  { q: 'N?F?', first: ['NTFX', 'NtFS', 'NtFs'], total: 3, reason: 'wildcards between' },
  { q: '?t*', first: ['NtFS', 'NtFs', 'Ntfs'], reason: 'one byte, t, anything' },
  { q: '*fs', first: ['Ntfs'], total: 1, reason: 'what ends so, in this case' },
  { q: '*FS', first: ['NtFS'], total: 1, reason: 'what ends so, in the other case' },
  { q: 'Io*', first: ['Io\0\0', 'Io  ', 'IoNm'], total: 3, reason: 'a star takes padding too' },
  { q: '?o', first: ['Io\0\0', 'Io  '], total: 2, reason: 'a shorter pattern means padded tags' },
  {
    q: 'Gh??',
    first: ['Gh??', 'Gh05', 'Gh?:'],
    total: 3,
    reason: 'the entry of that name first, then what it covers',
  },
  { q: 'Gh?:', first: ['Gh?:'], total: 1, reason: 'an entry by its own name' },
  { q: '???\x80', first: ['\xe9\x01\xff\x80'], total: 1, reason: 'a wildcard takes any byte' },
  { q: '*=*', first: ['=1+1'], total: 1, reason: 'a star takes nothing as well' },
  { q: 'Ntfs?', includes: ['Ntfs'], reason: 'too long for a pattern, so the word counts' },
  { q: 'nt??', total: 0, reason: 'byte wildcards keep the case' },
  // Punctuation alone
  { q: '!', first: ['Lr!!'], total: 1, reason: 'only tags that contain it' },
  { q: '!!', first: ['Lr!!'], total: 1, reason: 'side by side' },
  { q: '!!!', total: 0, reason: 'no tag contains it' },
  { q: '+-', first: ['-+-+'], total: 1, reason: 'in this order' },
  { q: '"', first: ['<b>"'], total: 1, reason: 'a quote is punctuation, no syntax' },
  {
    q: '?',
    first: ['Gh?:', 'Gh??'],
    total: 2,
    reason: 'alone it stands for itself: entries that contain it',
  },
  { q: '*', first: ['Zz* '], total: 1, reason: 'alone it stands for itself: entries that contain it' },
  { q: '????', total: 0, reason: 'no entry contains four of them' },
  { q: '!@#$%^&()', total: 0, reason: 'longer than a tag' },
  { q: '\u2026', total: 0, reason: 'punctuation that no tag can hold' },
  // Words
  { q: 'thread', includes: ['Thre', 'Meta'], reason: 'a beginning of a word counts (threads, Thread)' },
  { q: 'thread objects', first: ['Thre'], total: 1, reason: 'all words must be there' },
  { q: 'objects thread', first: ['Thre'], total: 1, reason: 'in any order' },
  { q: 'dereference', first: ['ObDr'], total: 1, reason: 'a word inside a name' },
  { q: 'ObDereferenceObject', first: ['ObDr'], total: 1, reason: 'the whole name' },
  { q: 'DereferenceObject', includes: ['ObDr'], reason: 'the end of a name' },
  { q: 'obderef', first: ['ObDr'], total: 1, reason: 'a name while it is typed' },
  { q: 'ntfs.sys', includes: ['Ntfs', 'NtFs', 'NtFS'], reason: 'an image' },
  { q: 'nt!cm', first: ['Reg1', 'Reg2'], total: 2, reason: 'a component of the kernel' },
  { q: 'object manager', includes: ['Thre'], reason: 'the title of a component' },
  { q: 'npcap', first: ['NPcp'], reason: 'an image, a driver, a product' },
  { q: 'nmap project', first: ['NPcp'], total: 1, reason: 'the vendor of a component' },
  {
    q: 'ExAllocatePoolWithTag',
    filters: { driver: 'zephyrflt.sys' },
    first: ['Seen'],
    reason: 'the function that was called',
  },
  { q: 'kb950162', first: ['IoNm'], total: 1, reason: 'a known leak' },
  // Drivers without any knowledge
  { q: 'zephyrflt.sys', first: ['Seen'], total: 1, reason: 'the file name' },
  { q: 'zephyr storage', first: ['Seen'], total: 1, reason: 'the company' },
  { q: 'vault', first: ['Seen'], total: 1, reason: 'the product' },
  { q: 'minifilter', first: ['Seen'], total: 1, reason: 'the description' },
  { q: 'societe generale', first: ['\xe9\x01\xff\x80'], total: 1, reason: 'accents do not matter' },
  { q: 'ÉDITEUR', first: ['\xe9\x01\xff\x80'], total: 1, reason: 'nor does their case' },
  { q: '软件', first: ['Cjk1'], total: 1, reason: 'a company written without blanks' },
  // Typing errors
  { q: 'registri', includes: ['Reg1', 'Reg2', 'Meta'], reason: 'a wrong letter' },
  { q: 'regstry', includes: ['Reg1', 'Reg2', 'Meta'], reason: 'a missing letter' },
  { q: 'regisstry', includes: ['Reg1', 'Reg2', 'Meta'], reason: 'a letter too many' },
  { q: 'regsitry', includes: ['Reg1', 'Reg2', 'Meta'], reason: 'two neighbours swapped count as one error' },
  { q: 'rgeistri', includes: ['Reg1'], reason: 'two errors in eight letters' },
  { q: 'registri control', first: ['Reg1'], total: 1, reason: 'an error in one of two words' },
  { q: 'logcal font', includes: ['Gh?:'], reason: 'one error in six letters' },
  { q: 'lgocla', total: 0, reason: 'two errors in six letters are too many' },
  { q: 'zephyrftl.sys', total: 0, reason: 'names of files are taken as they stand' },
  { q: 'handel manager', includes: ['Gh??'], reason: 'an error beside a right word' },
  // Rank
  { q: 'thread', first: ['Meta', 'Thre'], reason: 'an image counts more than a meaning' },
  { q: 'registry', first: ['Meta', 'Reg1', 'Reg2'], reason: 'bytes decide between equals' },
  // Filters
  { q: '', filters: { driver: 'zephyrflt.sys' }, first: ['Seen'], total: 1, reason: 'a driver' },
  { q: '', filters: { driver: 'NTFS.SYS' }, first: ['Ntfs'], total: 1, reason: 'file names have no case' },
  {
    q: '',
    filters: { vendor: 'microsoft' },
    includes: ['Thre', 'Ntfs', 'NtFs'],
    total: 3,
    reason: 'a vendor of drivers and components',
  },
  {
    q: '',
    filters: { vendor: 'Microsoft Corporation' },
    total: 3,
    reason: 'the same vendor as drivers spell it',
  },
  { q: '', filters: { component: 'file-system' }, first: ['NtFs', 'Ntfs'], total: 2, reason: 'a component' },
  { q: '', filters: { source: 'article' }, first: ['IoNm'], total: 1, reason: 'tags of known leaks' },
  {
    q: '',
    filters: { vendor: 'microsoft', arch: 'arm64' },
    first: ['Ntfs'],
    total: 1,
    reason: 'filters narrow each other',
  },
  { q: '', filters: { strength: 'likely' }, first: ['Seen'], total: 1, reason: 'only a call that frees' },
  { q: '', filters: { strength: 'bytes-only' }, first: ['NTFX'], total: 1, reason: 'only bytes' },
  { q: 'Nt', filters: { source: 'pooltag.txt' }, first: ['NtFS'], total: 1, reason: 'filters narrow tags' },
  {
    q: 'N*',
    filters: { vendor: 'Contoso Ltd' },
    first: ['NTFX'],
    total: 1,
    reason: 'filters narrow patterns',
  },
  { q: 'Thre', filters: { vendor: 'Contoso Ltd' }, total: 0, reason: 'filters hold for the exact tag too' },
  { q: 'registry', filters: { vendor: 'nobody' }, total: 0, reason: 'a value that no record has' },
  {
    q: '',
    filters: { vendor: 'bobby "tables" \\ co' },
    first: ['<b>"'],
    total: 1,
    reason: 'quotes in a value are no syntax',
  },
  { q: '', filters: { vendor: '"' }, total: 0, reason: 'a value that says nothing' },
  { q: '', filters: { vendor: '' }, total: 325, reason: 'an empty filter is none' },
  // Hostile
  { q: 'a'.repeat(10_000), total: 0, reason: 'a very long word' },
  { q: `registry ${'control '.repeat(2_000)}`, first: ['Reg1'], reason: 'a very long sentence' },
  { q: `${' '.repeat(10_000)}Thre`, first: ['Thre'], reason: 'a very long way to the tag' },
];
