/** Each rule of data/lint fails where it should and passes where it should. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { GuideFile } from '../../data/knowledge-guides.ts';
import type {
  AdviceFile,
  ComponentFile,
  LeaksFile,
  SourcesFile,
  WindowsBuildsFile,
} from '../../data/knowledge-shapes.ts';
import { checkRules } from '../../data/lint/check-rules.ts';
import { type KnowledgeBase, runRule } from '../../data/lint/rule.ts';
import { RULES } from '../../data/lint/rules.ts';

type Entry = ComponentFile['entries'][number];

const SOURCE: SourcesFile['sources'][number] = { id: 'list', name: 'A list', url: null, licence: 'CC0-1.0' };
const GUIDE: GuideFile = {
  id: 'guide',
  title: 'Guide',
  order: 1,
  summary: 'Helps.',
  keywords: ['help'],
  sourceIds: ['list'],
  markdown: 'Look at `Thre`.',
};
const THREAD: Entry = { tag: 'Thre', meaning: 'Thread objects. One for every thread.' };

interface Parts {
  entries?: Entry[];
  component?: Partial<ComponentFile>;
  leaks?: Partial<LeaksFile['leaks'][number]>[];
  advice?: Partial<AdviceFile['advice'][number]>[];
  sources?: SourcesFile['sources'];
  guides?: Partial<GuideFile>[];
  releases?: WindowsBuildsFile['releases'];
}

function base({
  entries = [THREAD],
  component = {},
  leaks = [],
  advice = [],
  sources = [SOURCE],
  guides = [],
  releases = [{ name: 'Windows', build: '10.0.26200', sources: ['list'] }],
}: Parts): KnowledgeBase {
  const content: ComponentFile = {
    $schema: './schema.json',
    id: 'process-manager',
    title: 'Process manager',
    image: 'nt!ps',
    vendor: 'Microsoft',
    about: { purpose: 'Makes processes.', normal: 'Small.', steps: [], sources: ['list'] },
    sources: ['list'],
    entries,
    ...component,
  };
  return {
    components: [{ file: 'process-manager.json', content }],
    leaks: {
      $schema: './leaks.schema.json',
      leaks: leaks.map(leak => ({
        id: 'leak',
        title: 'A leak',
        tags: [],
        affected: [{ product: 'Windows' }],
        cause: 'It leaks.',
        status: 'open' as const,
        sources: ['list'],
        ...leak,
      })),
    },
    advice: {
      $schema: './advice.schema.json',
      advice: advice.map(rule => ({
        id: 'advice',
        kind: 'next-step' as const,
        tags: ['Thre'],
        text: 'Look.',
        steps: ['look'],
        sources: ['list'],
        ...rule,
      })),
    },
    sources: { $schema: './sources.schema.json', sources },
    windowsBuilds: { $schema: './windows-builds.schema.json', releases },
    guides: guides.map(guide => ({ ...GUIDE, ...guide })),
  };
}

const affected = (more: Partial<LeaksFile['leaks'][number]['affected'][number]>): Parts => ({
  leaks: [{ affected: [{ product: 'Foo', ...more }] }],
});
const foo = { image: 'foo.sys', from: '1.0', before: '2.0' };

const FAILS: [rule: string, parts: Parts, message: RegExp][] = [
  ['affected-ranges', affected({ image: 'foo.sys' }), /no version of it/],
  ['affected-ranges', affected({ ...foo, from: '1.0 beta' }), /"1.0 beta" is no version/],
  ['affected-ranges', affected({ ...foo, from: '2.0' }), /begins with 2.0, which is not before 2.0/],
  ['affected-ranges', affected({ image: 'foo.sys', from: '2.0', until: '1.9' }), /ends with 1.9/],
  ['affected-ranges', affected({ ...foo, until: '1.5' }), /one of them/],
  ['affected-ranges', affected({ ...foo, only: ['1.0'] }), /very versions/],
  ['affected-ranges', affected({ filePrefix: '5' }), /name its image/],
  ['affected-ranges', affected({ ...foo, filePrefix: 'v' }), /filePrefix/],
  ['affected-ranges', affected({ ...foo, hotfixBranch: '3.0' }), /not between/],
  ['affected-ranges', affected({ windows: {} }), /names no build/],
  ['affected-ranges', affected({ windows: { only: ['Windows Nine'] } }), /no version: builds of Windows/],
  ['affected-ranges', affected({ windows: { from: '26200', before: '10.0.19041' } }), /not before/],
  [
    'affected-ranges',
    {
      releases: ['10.0.26200', '10.0.19041'].map(build => ({ name: build, build, sources: ['list'] })),
    },
    /the oldest first/,
  ],
  ['shape', { entries: [{ ...THREAD, colour: 'red' } as Entry] }, /colour/],
  ['shape', { sources: [{ ...SOURCE, url: 'ftp://example.org' }] }, /URL/i],
  ['tag-valid', { entries: [{ ...THREAD, tag: 'Thr' }] }, /has 3 characters/],
  ['tag-valid', { entries: [{ ...THREAD, tag: 'T€re' }] }, /four/],
  ['tag-valid', { entries: [{ ...THREAD, tag: '    ' }] }, /blank/],
  ['tag-valid', { entries: [{ ...THREAD, tag: ' Ddk' }] }, /reversed/],
  ['tag-valid', { entries: [{ ...THREAD, tag: 'Ab\u0001\u00e9' }] }, /0x20/],
  ['tag-reversed', { entries: [THREAD, { tag: 'erhT', meaning: 'Something else.' }] }, /backwards/],
  ['owner-named', { component: { image: null } }, /must name one/],
  ['owner-named', { entries: [{ ...THREAD, image: 'ntfs' }] }, /"ntfs"/],
  ['owner-named', { entries: [{ ...THREAD, image: 'nt!ps' }] }, /leave it out/],
  ['meaning-stated', { entries: [{ tag: 'Thre' }] }, /No meaning/],
  ['meaning-stated', { entries: [{ ...THREAD, unknown: true }] }, /drop one/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: ' Thread objects.' }] }, /blank/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: 'Thread  objects.' }] }, /double blank/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: 'thread objects.' }] }, /small letter/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: 'Thread objects' }] }, /full stop/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: 'Threads! Many.' }] }, /exclamation/],
  ['meaning-stated', { entries: [{ ...THREAD, meaning: `${'Long '.repeat(20)}.` }] }, /first sentence/],
  [
    'meaning-stated',
    { entries: [{ ...THREAD, meaning: `Threads. ${'Many more of them. '.repeat(30)}End.` }] },
    /glance/,
  ],
  ['meaning-stated', { entries: [{ ...THREAD, note: 'no stop' }] }, /note/],
  [
    'meaning-unique',
    {
      entries: [
        { tag: 'Aaaa', meaning: 'Buffers of NTFS.' },
        { tag: 'Bbbb', meaning: 'Buffers of ReFS.' },
      ],
    },
    /names apart/,
  ],
  [
    'meaning-unique',
    {
      entries: [
        { tag: 'Aaaa', meaning: 'Buffers `x`.' },
        { tag: 'Bbbb', meaning: 'Buffers `y`.' },
      ],
    },
    /names apart/,
  ],
  ['no-duplicate', { entries: [THREAD, { ...THREAD, meaning: 'Other.' }] }, /already owns/],
  ['sorted', { entries: [THREAD, { tag: 'Proc', meaning: 'Processes.' }] }, /Stands after/],
  ['sorted', { leaks: [{ id: 'b' }, { id: 'a' }] }, /Stands after/],
  ['sources-resolve', { entries: [{ ...THREAD, sources: ['nowhere'] }] }, /no source "nowhere"/],
  ['sources-resolve', { sources: [{ ...SOURCE, licence: ' ' }] }, /no licence/],
  ['sources-resolve', { sources: [SOURCE, { ...SOURCE, id: 'unused' }] }, /Nothing uses/],
  ['sources-resolve', { guides: [{ sourceIds: ['nowhere'] }] }, /no source "nowhere"/],
  ['references-exist', { component: { id: 'other' } }, /must agree/],
  ['references-exist', { entries: [{ ...THREAD, family: 'Thr?' }] }, /no entry for its family/],
  [
    'references-exist',
    {
      entries: [
        { tag: 'Ab??', meaning: 'Family.' },
        { ...THREAD, family: 'Ab??' },
      ],
    },
    /does not cover/,
  ],
  ['references-exist', { entries: [{ ...THREAD, note: 'See `Proc`.' }] }, /tag "Proc"/],
  ['references-exist', { leaks: [{ tags: ['Nope'] }] }, /tag "Nope"/],
  ['references-exist', { leaks: [{ supersededBy: ['gone'] }] }, /leak "gone"/],
  ['references-exist', { advice: [{ tags: ['Nope'] }] }, /tag "Nope"/],
  ['references-exist', { advice: [{ companions: ['Nope'] }] }, /tag "Nope"/],
  ['references-exist', { advice: [{ guide: 'gone' }] }, /guide "gone"/],
  ['references-exist', { advice: [{ tags: [] }] }, /Only unknown-tag/],
  ['references-exist', { guides: [{ markdown: 'Look at `Nope`.' }] }, /tag "Nope"/],
  ['references-exist', { guides: [{ markdown: 'See [this](/guides/gone).' }] }, /guide "gone"/],
  ['references-exist', { guides: [{ markdown: '# Title' }] }, /first-level/],
];

for (const [name, parts, message] of FAILS) {
  test(`The rule ${name} fails for ${JSON.stringify(parts).slice(0, 90)}.`, () => {
    const rule = RULES.find(candidate => candidate.name === name)!;
    const messages = runRule(rule, base(parts)).map(finding => finding.message);
    assert.ok(
      messages.some(text => message.test(text)),
      messages.join('\n') || 'no finding',
    );
  });
}

const PASSES: [parts: Parts, reason: string][] = [
  [
    affected({ from: 'Service Pack 1', before: 'Service Pack 4' }),
    'versions in words where no file is named',
  ],
  [affected({ ...foo, filePrefix: '5', hotfixBranch: '1.5' }), 'versions of a file'],
  [affected({ image: 'foo.sys', only: ['1.0'], before: '2.0' }), 'a version and the fix'],
  [affected({ windows: { from: '26200', before: '10.0.26300.1' } }), 'builds of Windows'],
  [{}, 'a plain entry'],
  [{ entries: [{ tag: 'CM  ', meaning: 'Registry memory.' }] }, 'blanks at the end'],
  [{ entries: [{ tag: 'Thre', unknown: true }] }, 'only the owner is known'],
  [{ entries: [{ tag: 'ABBA', meaning: 'Palindrome.' }] }, 'a tag that is its own reverse'],
  [{ entries: [{ ...THREAD, image: null }] }, 'nobody in particular'],
  [{ entries: [{ ...THREAD, image: ['ntfs.sys', 'refs.sys'] }] }, 'several owners'],
  [
    {
      entries: [
        { tag: 'Th??', meaning: 'Family.' },
        { ...THREAD, family: 'Th??' },
      ],
    },
    'a family',
  ],
  [{ leaks: [{ tags: ['THRE', 'Thre'] }] }, 'an old spelling in other capitals'],
  [{ advice: [{ kind: 'unknown-tag', tags: [] }], guides: [{}] }, 'advice for unknown tags'],
  [{ advice: [{ tags: ['Zz??'] }] }, 'advice for a pattern'],
  [{ guides: [{ markdown: 'Code:\n```\n# comment `Nope`\n```\n' }] }, 'code blocks are not references'],
  [
    {
      entries: [
        { tag: 'Aaaa', meaning: 'Buffers up to 1 KB.' },
        { tag: 'Bbbb', meaning: 'Buffers up to 2 KB.' },
      ],
    },
    'numbers tell meanings apart',
  ],
];
for (const [parts, reason] of PASSES) {
  test(`All rules pass for ${reason}.`, () => {
    assert.deepEqual(checkRules(base(parts), RULES, []), []);
  });
}

test('Every rule has a case that makes it fail.', () => {
  const tested = new Set(FAILS.map(([name]) => name));
  assert.deepEqual(
    RULES.map(({ name }) => name).filter(name => !tested.has(name)),
    [],
  );
});

test('An exception silences its finding, and is reported once it is no longer needed.', () => {
  const exception = { rule: 'tag-valid', file: 'process-manager.json', entry: 'Thr', reason: 'a test' };
  const faulty = base({ entries: [{ ...THREAD, tag: 'Thr' }] });
  const left = checkRules(faulty, RULES, [exception]).map(({ rule }) => rule);
  assert.ok(!left.includes('tag-valid') && !left.includes('stale-exception'), `${left}`);
  assert.deepEqual(
    checkRules(base({}), RULES, [exception]).map(({ rule, entry }) => [rule, entry]),
    [['stale-exception', 'Thr']],
  );
});
