import assert from 'node:assert/strict';
import test from 'node:test';
import { evidenceInWords } from '../../api/evidence-words.ts';
import { otherTagWords, otherUsesInWords } from '../../api/other-tag-words.ts';
import { requestInWords, siteInWords } from '../../api/site-words.ts';
import { EVIDENCE_KINDS, type Evidence, type OtherTagKind } from '../../data/facts.ts';

test('A tag that is none of pool says what it names and how often', () => {
  assert.equal(otherTagWords({ kind: 'remove-lock', sites: 2 }, false), 'remove lock, 2 calls');
  assert.equal(
    otherTagWords({ kind: 'object-reference', sites: 1 }, true),
    'object reference, 1 call; a pool tag elsewhere',
  );
});

const lock = (fileName: string) => ({ fileName, kind: 'remove-lock' as OtherTagKind });
const reference = (fileName: string) => ({ fileName, kind: 'object-reference' as OtherTagKind });
const USES: [uses: ReturnType<typeof lock>[], words: string, reason: string][] = [
  [[lock('a.sys')], 'a.sys uses it for a remove lock, which is no pool tag', 'one driver'],
  [[reference('a.sys')], 'a.sys uses it for references to objects, which is no pool tag', 'the other kind'],
  [
    [lock('a.sys'), lock('A.SYS')],
    'A.SYS uses it for a remove lock, which is no pool tag',
    'two builds of one driver',
  ],
  [
    [lock('a.sys'), lock('b.sys')],
    'a.sys and b.sys use it for a remove lock, which is no pool tag',
    'two drivers',
  ],
  [
    [reference('a.sys'), reference('b.sys'), reference('c.sys')],
    'a.sys and 2 other drivers use it for references to objects, which is no pool tag',
    'many drivers',
  ],
  [
    [reference('a.sys'), lock('b.sys')],
    'b.sys uses it for a remove lock, and a.sys uses it for references to objects, neither of which is a pool tag',
    'both',
  ],
];
test('Which drivers use a tag for something else is one clause', () => {
  for (const [uses, words, reason] of USES) assert.equal(otherUsesInWords(uses), words, reason);
});

const REQUESTS: [Partial<Evidence>, string | null, string][] = [
  [{ pool: 'PagedPool', sizeBytes: 4096 }, 'from PagedPool, 4,096 bytes', 'both'],
  [{ pool: 'PagedPool' }, 'from PagedPool', 'the pool alone'],
  [{ sizeBytes: 1 }, '1 byte', 'the size alone'],
  [{}, null, 'neither'],
  [{ pool: '\u001b[2J' }, 'from \\x1B[2J', 'a pool out of a cache that somebody wrote'],
];
test('What a call asks for is said behind where it stands', () => {
  for (const [evidence, words, reason] of REQUESTS) assert.equal(requestInWords(evidence), words, reason);
  assert.equal(
    siteInWords({
      kind: 'allocation-call',
      api: 'ntoskrnl.exe!ExAllocatePool2',
      rva: 0x15e0,
      functionRva: 0x15b0,
      symbol: 'foo!Alloc+0x30',
      pool: 'POOL_FLAG_PAGED',
      sizeBytes: 64,
    }),
    'Allocated by ExAllocatePool2 at 0x15e0 (foo!Alloc+0x30), in the function at 0x15b0, from POOL_FLAG_PAGED, 64 bytes',
  );
});

test('Only evidence of pool memory says that it was allocated or freed', () => {
  for (const kind of EVIDENCE_KINDS) {
    const isOfPool = /call$|init$|^structure/.test(kind);
    const words = evidenceInWords({ kind, api: 'win32k.sys!EngAllocUserMem', structure: 'S.Tag' });
    assert.equal(/^(allocated|freed|lookaside|set in) /.test(words), isOfPool, `${kind}: ${words}`);
  }
});
