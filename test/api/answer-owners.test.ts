import assert from 'node:assert/strict';
import test from 'node:test';
import { ownersOf } from '../../api/answer-owners.ts';
import type { EvidenceKind, KnowledgeEntry, ScannedDriver, TagRecord } from '../../data/facts.ts';
import { mergeRecords } from '../../data/merge.ts';
import { stopwatch } from '../stopwatch.ts';
import { driver, entry, evidence, userEntry } from './sample-facts.ts';

/** The owners of `Tag1` as `image strength` with `~` for a wildcard, and `+` for each further source. */
function owners(
  knowledge: KnowledgeEntry[],
  drivers: ScannedDriver[],
  covering: KnowledgeEntry[] = [],
): string[] {
  const scans = drivers.map(one => ({ driver: one, isSample: false }));
  const records = mergeRecords({ knowledge: [...knowledge, ...covering], articles: [], scans });
  const patterns = records.filter(({ isPattern }) => isPattern) as TagRecord[];
  const record = records.find(({ tag }) => tag === 'Tag1');
  return ownersOf(record, patterns).map(({ image, strength, matched, sources }) =>
    [
      image ?? 'nobody',
      strength,
      ...(matched === undefined ? [] : [`~${matched}`]),
      '+'.repeat(sources.length - 1),
    ]
      .filter(part => part !== '')
      .join(' '),
  );
}

const uses = (fileName: string, kind: EvidenceKind, count = 1) =>
  driver(fileName, { Tag1: evidence(kind, count) });

const CASES: [reason: string, knowledge: KnowledgeEntry[], drivers: ScannedDriver[], expected: string[]][] = [
  ['an entry alone', [entry('Tag1', 'a.sys', 'A')], [], ['a.sys written']],
  ['a driver alone', [], [uses('a.sys', 'allocation-call')], ['a.sys proven']],
  [
    'two lists that agree are one owner with both sources',
    [entry('Tag1', 'a.sys', 'A'), userEntry('Tag1', 'A.SYS', 'B')],
    [],
    ['a.sys written +'],
  ],
  [
    'two lists that differ are two owners',
    [entry('Tag1', 'a.sys', 'A'), userEntry('Tag1', 'b.sys', 'B')],
    [],
    ['a.sys written', 'b.sys written'],
  ],
  [
    'two images in one column are two owners',
    [userEntry('Tag1', 'nt!store or rdyboost.sys', 'A')],
    [],
    ['nt!store written', 'rdyboost.sys written'],
  ],
  [
    'two images in one column confirm what another list names',
    [entry('Tag1', 'nt!store', 'A'), userEntry('Tag1', 'nt!store or rdyboost.sys', 'B')],
    [],
    ['nt!store written +', 'rdyboost.sys written'],
  ],
  [
    'one list that says two uses keeps both',
    [entry('Tag1', 'a.sys', 'A'), entry('Tag1', 'a.sys', 'B')],
    [],
    ['a.sys written', 'a.sys written'],
  ],
  [
    'a scan that confirms an entry is one more source of it',
    [entry('Tag1', 'a.sys', 'A')],
    [uses('a.sys', 'allocation-call')],
    ['a.sys written +'],
  ],
  [
    'the kernel confirms its parts',
    [entry('Tag1', 'nt!mm', 'A')],
    [uses('ntoskrnl.exe', 'allocation-call')],
    ['nt!mm written +'],
  ],
  [
    'a confirmed entry stands before another',
    [entry('Tag1', 'a.sys', 'A'), entry('Tag1', 'b.sys', 'B')],
    [uses('b.sys', 'allocation-call')],
    ['b.sys written +', 'a.sys written'],
  ],
  [
    'another driver that allocates stands below the entry',
    [entry('Tag1', 'a.sys', 'A')],
    [uses('b.sys', 'lookaside-init')],
    ['a.sys written', 'b.sys proven'],
  ],
  [
    'who only frees is no owner beside another',
    [entry('Tag1', 'a.sys', 'A')],
    [uses('b.sys', 'free-call')],
    ['a.sys written'],
  ],
  [
    'who only frees is a likely owner where nobody else is',
    [],
    [uses('b.sys', 'free-call')],
    ['b.sys likely'],
  ],
  [
    'who only frees is no owner beside one who allocates',
    [],
    [uses('a.sys', 'free-call', 9), uses('b.sys', 'wrapper-call')],
    ['b.sys proven'],
  ],
  [
    'who marks user memory is a likely owner where nobody else is',
    [],
    [uses('b.sys', 'user-memory')],
    ['b.sys likely'],
  ],
  [
    'who marks user memory is no owner beside another',
    [entry('Tag1', 'a.sys', 'A')],
    [uses('b.sys', 'user-memory')],
    ['a.sys written'],
  ],
  ['a computed default tag is likely', [], [uses('b.sys', 'default-tag')], ['b.sys likely']],
  [
    'bytes without proof make no owner',
    [],
    [uses('b.sys', 'literal', 20), uses('c.sys', 'family-literal')],
    [],
  ],
  [
    'an entry without an owner stands below a driver that allocates',
    [entry('Tag1', '<unknown>', 'A')],
    [uses('b.sys', 'allocation-call')],
    ['b.sys proven', 'nobody written'],
  ],
  [
    'many sites stand before few',
    [],
    [uses('a.sys', 'allocation-call', 2), uses('b.sys', 'allocation-call', 7)],
    ['b.sys proven', 'a.sys proven'],
  ],
  [
    'two builds of one driver are one owner',
    [],
    [uses('a.sys', 'allocation-call'), { ...uses('A.sys', 'allocation-call'), status: 'scanned' }],
    ['A.sys proven +'],
  ],
  [
    'wildcards stand below exact entries and drivers, the most specific first',
    [entry('Tag1', 'a.sys', 'A'), entry('T???', 'w.sys', 'W'), entry('Tag?', 'v.sys', 'V')],
    [uses('b.sys', 'allocation-call')],
    ['a.sys written', 'b.sys proven', 'v.sys written ~Tag?', 'w.sys written ~T???'],
  ],
  [
    'a wildcard that a scan confirms counts as proof',
    [entry('Tag?', 'v.sys', 'V')],
    [uses('v.sys', 'allocation-call'), uses('b.sys', 'free-call')],
    ['v.sys written ~Tag? +'],
  ],
];

for (const [reason, knowledge, drivers, expected] of CASES) {
  test(`owners: ${reason}`, () => {
    assert.deepEqual(owners(knowledge, drivers), expected);
  });
}

test('a shared tag of a thousand drivers lists a few owners, and quickly', () => {
  const drivers = Array.from({ length: 1000 }, (_, i) => uses(`d${i}.sys`, 'allocation-call'));
  const takenMs = stopwatch();
  assert.equal(owners([], drivers).length, 20);
  assert.ok(takenMs() < 1000);
});
