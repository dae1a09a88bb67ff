import assert from 'node:assert/strict';
import test from 'node:test';
import type { SightingView, TagAnswer, UnknownTagAnswer } from '../../api/answer-document.ts';
import { terminalStyle } from '../../api/terminal-text.ts';
import { textAnswer } from '../../api/text-answer.ts';

const plain = { style: terminalStyle(false), width: Number.POSITIVE_INFINITY };
const links = { self: '', page: '' };
const names = { tag: 'Io  ', id: '496f2020', ulong: '0x20206F49', literal: "'  oI'", bytes: '49 6F 20 20' };
const reading = { input: 'Io', as: 'padded with blanks', isPlain: false, also: [] };

function sighting(fileName: string): SightingView {
  return {
    driver: {
      fileName,
      sha256: '00',
      arch: 'x64',
      company: 'Contoso',
      product: null,
      version: '1.0',
      description: null,
      isSample: false,
    },
    strength: 'proven',
    kinds: ['allocation-call'],
    sites: 12,
    protected: false,
    firstSites: [{ kind: 'allocation-call', api: 'ntoskrnl.exe!ExAllocatePoolWithTag', rva: 0x1a2b }],
    links,
  };
}

function answer(parts: Partial<TagAnswer> = {}): TagAnswer {
  return {
    found: true,
    reading,
    ...names,
    summary: 'General memory, owned by the I/O manager (nt!io).',
    strength: 'written',
    owners: [],
    knowledge: [],
    sightings: [],
    advice: [],
    articles: [],
    caseVariants: [],
    near: [],
    companions: [],
    links,
    ...parts,
  };
}

test('The tag with its blanks comes first, then its other spellings and the reading.', () => {
  assert.equal(
    textAnswer(answer(), plain),
    'Io    General memory, owned by the I/O manager (nt!io).\n' +
      "49 6F 20 20 · 0x20206F49 · '  oI'\n" +
      'Read "Io" as: padded with blanks.\n',
  );
});

test('What is empty has no heading.', () => {
  assert.doesNotMatch(textAnswer(answer(), plain), /Who says so|Known leaks|Seen in/);
});

test('An owner known by a wildcard entry says which one, and every source is named.', () => {
  const text = textAnswer(
    answer({
      owners: [
        {
          image: 'afd.sys',
          component: null,
          meaning: 'AFD objects',
          strength: 'written',
          matched: 'Afd?',
          sources: [{ name: 'pooltag-list', url: null }],
        },
        { image: null, component: null, meaning: null, strength: 'bytes-only', sources: [] },
      ],
    }),
    plain,
  );
  assert.match(
    text,
    /\n {2}written {5}afd\.sys: AFD objects\n {14}the wildcard entry Afd\? in pooltag-list\n {2}bytes only {2}no owner named\n/,
  );
});

test('Drivers stand with their evidence, and past twenty they are counted.', () => {
  const sightings = Array.from({ length: 23 }, (_, i) => sighting(`d${i}.sys`));
  const text = textAnswer(answer({ sightings }), plain);
  assert.match(
    text,
    /proven {2}d0\.sys 1\.0 x64 +Contoso {2}allocated by ExAllocatePoolWithTag, 12 sites, first at 0x1a2b\n/,
  );
  assert.match(text, /d19\.sys/);
  assert.doesNotMatch(text, /d20\.sys/);
  assert.match(text, /and in 3 more/);
});

test('A leak is told with its products, its remedy and its address; advice with its steps.', () => {
  const text = textAnswer(
    answer({
      articles: [
        {
          id: 'a',
          title: 'Drivers leak',
          products: ['Windows XP'],
          symptom: null,
          cause: 'A cause.',
          remedy: 'An update.',
          status: 'fixed',
          supersededBy: [],
          affected: [],
          applies: { verdict: 'fixed', reason: 'Fixed in 2: your a.sys 3 has it.', fixedIn: '2' },
          sources: [{ name: 'KB1', url: 'https://example.org/kb1' }],
        },
      ],
      advice: [{ kind: 'next-step', text: 'Look further.', steps: ['!poolused 2'], sources: [] }],
    }),
    plain,
  );
  assert.match(text, /What to do next\n {2}Look further\.\n {2}- !poolused 2\n/);
  assert.match(
    text,
    /Known leaks\n {2}- Drivers leak \(Windows XP; fixed\)\n {4}Fixed in 2: your a\.sys 3 has it\.\n {4}A cause\.\n {4}Remedy: An update\.\n {4}https:\/\/example\.org\/kb1\n/,
  );
});

test('Drivers that use the tag for something else are told apart, their names escaped.', () => {
  const use = (fileName: string) => ({
    driver: { fileName, sha256: '00', isSample: false },
    kind: 'remove-lock' as const,
    sites: 1,
    links,
  });
  assert.match(
    textAnswer(answer({ otherUses: [use('a\u001b.sys'), use('b.sys')] }), plain),
    /Used for something else\n {2}a\\x1B\.sys and b\.sys use it for a remove lock, which is no pool tag\. A driver may give/,
  );
  assert.doesNotMatch(textAnswer(answer(), plain), /something else/);
});

test('An unknown tag has suggestions with their reasons, and says how to find out.', () => {
  const unknown: UnknownTagAnswer = {
    found: false,
    reading: { ...reading, isPlain: true },
    ...names,
    summary: 'Nothing knows it.',
    suggestions: [{ tag: 'IO  ', id: '494f2020', summary: 'Another.', why: 'differs only by case', links }],
    advice: [{ kind: 'unknown-tag', text: 'Scan this computer.', steps: [], sources: [] }],
    links,
  };
  const text = textAnswer(unknown, plain);
  assert.match(text, /Did you mean\n {2}IO {4}Another\. \(differs only by case\)\n/);
  assert.match(text, /How to find out\n {2}Scan this computer\.\n$/);
});
