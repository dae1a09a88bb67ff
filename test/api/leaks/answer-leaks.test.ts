import assert from 'node:assert/strict';
import test from 'node:test';
import { Catalogue } from '../../../api/catalogue.ts';
import { ExactIndex } from '../../../api/exact-index.ts';
import { answerLeaks } from '../../../api/leaks/answer-leaks.ts';
import { WHOLE_VIEW } from '../../../api/leaks/leak-view.ts';
import { loadKnowledge } from '../../../data/knowledge.ts';
import { poolTag } from '../../../data/pool-tag.ts';
import type { LeakReport } from '../../../scanner/leaks/leak-report.ts';
import { sampleCatalogue } from '../sample-facts.ts';
import { leakReport, trend } from './leak-reports.ts';

const source = await sampleCatalogue();
const MB = 1024 * 1024;
const head = (tag: string) => ({ tag: poolTag(tag), pool: 'nonpaged' as const });

// report, the headline, what the summary holds, reason
const CASES: [LeakReport, RegExp, RegExp, string][] = [
  [
    leakReport([trend('Foo1', 'leaking', { from: 1, to: 25 }), trend('Thre', 'steady')]),
    /^Foo1 is leaking nonpaged pool, 1 MB an hour\. .*foo\.sys/,
    /^5 snapshots over 24 hours with 2 rows of tags and pools were compared: more of them/,
    'one leak',
  ],
  [
    leakReport([trend('Foo1', 'leaking', { to: 5 }), trend('Thre', 'leaking'), trend('Ntfs', 'leaking')]),
    /^3 tags are leaking, first of all Foo1 in nonpaged pool, 171 KB an hour\. /,
    /./,
    'several leaks',
  ],
  [
    leakReport([trend('Thre', 'leaking', { bytesRate: undefined, to: 3 })], { spanHours: undefined }),
    /^Thre is leaking nonpaged pool, 2 MB from the first to the last snapshot\. Thread objects/,
    /Their times are not known/,
    'no times',
  ],
  [
    leakReport([trend('ZzQ9', 'leaking', { to: 3, mapped: ['Unknown Driver', '[el90xbc5]'] })]),
    /^ZzQ9 is leaking .*No list names this tag, and no scanned driver uses it\.$/,
    /PoolMon says of ZzQ9: "\[el90xbc5\]"\. That is weak evidence\.[\s\S]*1 tag is in no list/,
    'an unknown tag, with the words of PoolMon',
  ],
  [
    leakReport([trend('Io  ', 'leaking', { to: 3 })]),
    /^"Io {2}" is leaking/,
    /./,
    'a tag that ends in blanks is quoted',
  ],
  [
    leakReport([trend('Thre', 'suspicious', { to: 3 })], { taken: 2 }),
    /^No leak is certain, but Thre in nonpaged pool \(it grew by 2 MB\) is suspicious\. Thread objects/,
    /cannot tell a leak from a busy hour/,
    'two snapshots',
  ],
  [
    leakReport([trend('Thre', 'suspicious', { from: 3, to: 3, snapshots: 1 })], { taken: 2 }),
    /^No leak is certain, but Thre in nonpaged pool \(it holds 3 MB\) is suspicious\. Thread objects/,
    /./,
    'a tag that only one of two snapshots shows',
  ],
  [
    leakReport([trend('Thre', 'suspicious', { to: 3 }), trend('Ntfs', 'suspicious')], { taken: 9 }),
    /but Thre in nonpaged pool \(it grew by 2 MB\) and 1 more tag are suspicious/,
    /^9 snapshots over 24 hours with 2 rows of tags and pools were compared\.$/m,
    'two suspects',
  ],
  [
    leakReport([trend('Thre', 'steady'), trend('Ntfs', 'growing but bounded')], { taken: 48 }),
    /^No tag is leaking: none of 2 rows keeps growing in 48 snapshots over 24 hours\.$/,
    /1 row grew and then stayed/,
    'nothing leaks',
  ],
  [
    leakReport([trend('Thre', 'steady')], { taken: 2 }),
    /^No tag grew suspiciously between two snapshots over 24 hours\.$/,
    /busy hour/,
    'nothing in two snapshots',
  ],
  [
    leakReport([trend('Thre', 'not-compared', { to: 1 }), trend('Ntfs', 'not-compared', { to: 149 })], {
      taken: 1,
    }),
    /^Ntfs holds 149 MB of nonpaged pool, the most of all tags\. /,
    /One snapshot shows who holds pool; only a later one shows who leaks it\./,
    'one snapshot: the biggest',
  ],
  [
    leakReport([trend('Thre', 'suspicious', { to: 300 })], {
      taken: 1,
      tags: [
        { ...trend('Thre', 'suspicious', { to: 300 }), growthBytes: undefined },
        trend('Ntfs', 'not-compared'),
      ].map(one => ({ ...one })),
      compared: 1,
    }),
    /^Thre holds 300 MB of nonpaged pool and is suspicious\. /,
    /One snapshot/,
    'one snapshot with a suspect',
  ],
  [
    leakReport([trend('Thre', 'steady')], {
      taken: 8,
      memory: { nonpagedBytes: 950 * MB, nonpagedLimitBytes: 1000 * MB, pagedBytes: 20 * MB },
    }),
    /^No tag is leaking/,
    /Nonpaged pool holds 950 MB of at most 1,000 MB \(95 %\): it is nearly full\.\nPaged pool holds 20 MB in all\./,
    'a pool that is nearly full',
  ],
  [
    leakReport([trend('Thre', 'leaking', { to: 3, hoursToLimit: 36 })]),
    /^Thre is leaking/,
    /At this rate nonpaged pool reaches its limit in 36 hours\./,
    'time that is left',
  ],
  [
    leakReport([], { taken: 1, processes: [{ name: 'bad.exe', handles: 90_000 }] }),
    /^bad\.exe has 90,000 handles, far more than other processes\.$/,
    /Each handle keeps an object/,
    'processes alone',
  ],
  [
    leakReport([], { taken: 1, memory: { nonpagedBytes: 20 * MB } }),
    /^Nonpaged pool holds 20 MB; nothing of what was read tells by tags\.$/,
    /./,
    'memory alone',
  ],
  [
    leakReport([], { taken: 1, blocks: [{ tag: poolTag('Thre'), count: 12, free: 1, bytes: 15360 }] }),
    /^Of the blocks that are listed most are of Thre: 12 blocks with 15 KB\.$/,
    /^$/,
    'blocks alone',
  ],
  [
    leakReport([], {
      taken: 1,
      verifier: [
        { driver: 'gone.sys', isUnloaded: true, nonpagedAllocs: 3, nonpagedBytes: 96, allocations: [] },
      ],
    }),
    /^gone\.sys was unloaded and left pool memory behind\.$/,
    /gone\.sys unloaded with pool memory still allocated: that is a leak of this driver/,
    'a driver that left memory behind',
  ],
  [leakReport([], { taken: 0 }), /^No snapshot was recognised/, /^$/, 'nothing at all'],
  [
    leakReport([trend('Foo1', 'leaking', { to: 9 }), trend('Thre', 'leaking', { to: 3 })], {
      groups: [{ head: head('Thre'), members: [head('Foo1'), head('Thre')], reason: 'They rise together.' }],
    }),
    /^2 tags are leaking, first of all Thre in/,
    /./,
    'the head of a group leads',
  ],
];
for (const [report, headline, summary, reason] of CASES) {
  test(`The first line says it and the summary what it is worth: ${reason}.`, async () => {
    const answer = await answerLeaks(report, source);
    assert.match(answer.headline, headline);
    assert.match(answer.summary.join('\n'), summary);
    for (const sentence of [answer.headline, ...answer.summary]) {
      assert.match(sentence, /[.")]$/);
      assert.doesNotMatch(sentence, /undefined|NaN|null| {2}(?!")|![ .]|!$/);
    }
  });
}

test('Each listed tag has its owners, and suspects all that is known of them.', async () => {
  const report = leakReport([
    trend('Thre', 'leaking', { to: 3 }),
    trend('Foo1', 'steady'),
    trend('ZzQ9', 'steady'),
  ]);
  const answer = await answerLeaks(report, source);
  assert.deepEqual(
    answer.tags.map(({ tag, rank, id, summary }) => [tag, rank, id, summary === null]),
    [
      ['Thre', 1, '54687265', false],
      ['Foo1', 2, '466f6f31', false],
      ['ZzQ9', 3, '5a7a5139', true],
    ],
  );
  assert.equal(answer.tags[0].owners[0].image, 'nt!ps');
  assert.equal(answer.suspects.length, 1);
  assert.equal(answer.unknownTags, 1);
  assert.deepEqual(answer.verdicts, {
    leaking: 1,
    suspicious: 0,
    'growing but bounded': 0,
    'not-compared': 0,
    steady: 2,
    shrinking: 0,
  });
});

test('The view filters and sorts, counts what there is, and says which leaks it hides.', async () => {
  const report = leakReport([
    trend('Foo1', 'leaking', { to: 3 }),
    trend('Thre', 'steady', { to: 9, from: 9 }),
    trend('ThrX', 'steady', { to: 20, from: 20, pool: 'paged' }),
  ]);
  const view = { ...WHOLE_VIEW, include: ['Thr*'], sort: 'bytes' as const, top: 1 };
  const answer = await answerLeaks(report, source, { view });
  assert.deepEqual(
    answer.tags.map(({ tag, rank }) => [tag, rank]),
    [['ThrX', 3]],
  );
  assert.deepEqual([answer.matchingTags, answer.totalTags, answer.suspects.length], [2, 3, 0]);
  assert.match(answer.headline, /^No tag that the filters let through is leaking\.$/);
  assert.match(answer.summary.join(' '), /The filters leave out Foo1, which is leaking\./);
});

test('Companions do not push the head of another story out of the suspects.', async () => {
  const members = Array.from({ length: 14 }, (_, i) => `M${String(i).padStart(3, '0')}`);
  const report = leakReport([...members.map(tag => trend(tag, 'leaking')), trend('Foo1', 'leaking')], {
    groups: [{ head: head('M005'), members: members.map(head), reason: 'Together.' }],
  });
  const { suspects } = await answerLeaks(report, source);
  assert.equal(suspects.length, 10);
  assert.deepEqual([suspects.some(({ tag }) => tag === 'M005'), suspects.at(-1)!.tag], [true, 'Foo1']);
  assert.equal(suspects[0].risesWith.length, 12);
});

test('A tag that is printed with the protected bit is the tag without it.', async () => {
  const { tags } = await answerLeaks(leakReport([trend('Thr\xe5', 'steady')]), source);
  assert.equal(tags[0].owners[0].image, 'nt!ps');
  assert.equal(tags[0].id, '546872e5');
});

test('Only a plain tag goes into a command.', async () => {
  const plain = await answerLeaks(leakReport([trend('Foo1', 'leaking')]), source);
  const commands = (answer: typeof plain) => answer.nextSteps.map(({ command }) => command ?? '').join('\n');
  assert.match(commands(plain), /^poolmon \/iFoo1 \/b$/m);
  assert.match(commands(plain), /^!poolused 2 Foo1$/m);
  assert.match(commands(plain), /^pooltag who Foo1$/m);
  for (const tag of ['&cmd', '<b>"', '$(x)', '\u0007\u001b[2', 'a\nb\r']) {
    const hostile = await answerLeaks(leakReport([trend(tag, 'leaking')]), source);
    assert.equal(commands(hostile).includes(tag), false);
    assert.match(commands(hostile), /^poolmon \/b$/m);
  }
});

test('The driver that is suspected goes to Driver Verifier, one of Windows does not.', async () => {
  const ours = await answerLeaks(leakReport([trend('Foo1', 'leaking')]), source);
  assert.ok(ours.nextSteps.some(({ command }) => command === 'verifier /flags 0x8 /driver foo.sys'));
  const windows = await answerLeaks(leakReport([trend('Thre', 'leaking')]), source);
  assert.equal(
    windows.nextSteps.some(({ command }) => command?.startsWith('verifier /flags')),
    false,
  );
});

test('A process with far more handles than others is named first where tags of objects rise.', async () => {
  const real = await Catalogue.create({ knowledge: loadKnowledge(), index: new ExactIndex() });
  const processes = [
    { name: 'bad\u001b.exe', processId: 77, handles: 90_000 },
    { name: 'a.exe', processId: 1, handles: 300 },
    { name: 'b.exe', processId: 2, handles: 200 },
  ];
  const objects = await answerLeaks(leakReport([trend('Thre', 'leaking', { to: 3 })], { processes }), real);
  assert.match(
    objects.summary.join('\n'),
    /^bad \.exe \(process 77\) has 90,000 handles, far more than other processes, and Thre is the tag of objects that/m,
  );
  assert.match(
    objects.nextSteps[0].text,
    /^Stop or restart bad \.exe \(process 77\), which has 90,000 handles/,
  );
  assert.equal(objects.nextSteps[1].command, 'handle.exe -s -p 77');
  const others = await answerLeaks(leakReport([trend('Ntff', 'leaking', { to: 3 })], { processes }), real);
  assert.match(others.summary.join('\n'), /no suspect here is an object that handles keep/);
  const even = processes.map(process => ({ ...process, handles: 6_000 }));
  const none = await answerLeaks(leakReport([trend('Thre', 'leaking')], { processes: even }), real);
  assert.doesNotMatch(none.summary.join('\n'), /handles/);
});
