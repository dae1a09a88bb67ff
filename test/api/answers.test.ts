import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { TagAnswer, UnknownTagAnswer } from '../../api/answer-document.ts';
import { answerTag } from '../../api/answers.ts';
import { lookUp } from '../../api/lookup.ts';
import type { TagProblem } from '../../api/tag-problem.ts';
import { stopwatch } from '../stopwatch.ts';
import { sampleCatalogue, userEntry } from './sample-facts.ts';

const catalogue = await sampleCatalogue();

async function known(input: string): Promise<TagAnswer> {
  const answer = await answerTag(input, catalogue);
  assert.ok(answer.found, `${input} is not known`);
  return answer;
}

async function unknown(input: string): Promise<UnknownTagAnswer> {
  const answer = await answerTag(input, catalogue);
  assert.ok(!answer.found && 'suggestions' in answer, `${input} is known or no tag`);
  return answer;
}

const READINGS: [input: string, tag: string, as: string, reason: string][] = [
  ['Thre', 'Thre', 'plain', 'as it stands in PoolMon'],
  ["'erhT'", 'Thre', 'source literal', 'as C source writes it'],
  ['erhT', 'Thre', 'reversed', 'only the reversed reading is known'],
  ['0x65726854', 'Thre', 'ULONG', 'as the debugger shows the value'],
  ['65726854', 'Thre', 'ULONG', 'eight bare digits are a ULONG first'],
  ['54687265', 'Thre', 'bytes in memory order', 'as memory only where just that is known'],
  ['0x20204d43', 'CM  ', 'ULONG', 'a tag with blanks'],
  ['CM', 'CM  ', 'padded with blanks', 'a short tag'],
  ['NtfS', 'NtfS', 'plain', 'letter case counts: the family covers it, Ntfs does not'],
  ['AfdX', 'AfdX', 'plain', 'a wildcard and a driver'],
  ['%54hre', 'Thre', 'percent-encoded', 'pasted from an address'],
];

for (const [input, tag, as, reason] of READINGS) {
  test(`${input} is read as ${tag}: ${reason}`, async () => {
    const answer = await known(input);
    assert.equal(answer.tag, tag);
    assert.equal(answer.reading.as, as);
    assert.equal(answer.reading.isPlain, as === 'plain');
    assert.equal(answer.reading.input, input);
  });
}

test('a known tag is answered with every notation, owner, advice and links', async () => {
  const answer = await known('Thre');
  assert.equal(answer.summary, "Thread objects, owned by the kernel's process manager (nt!ps).");
  assert.deepEqual(
    [answer.id, answer.ulong, answer.literal, answer.bytes],
    ['54687265', '0x65726854', "'erhT'", '54 68 72 65'],
  );
  assert.equal(answer.strength, 'written');
  assert.equal(answer.owners.length, 1);
  assert.deepEqual(
    answer.owners[0].sources.map(({ name }) => name),
    ['pooltag-list', 'my.txt', 'scan of ntoskrnl.exe'],
  );
  assert.equal(answer.knowledge.length, 2, 'each list keeps its own words');
  assert.equal(answer.sightings[0].sites, 3);
  assert.deepEqual(
    answer.advice.map(({ kind, guide }) => [kind, guide]),
    [['owner-is-not-culprit', 'handles']],
  );
  assert.deepEqual(
    answer.companions.map(({ tag }) => tag),
    ['Proc'],
  );
  assert.deepEqual(
    answer.articles.map(({ id }) => id),
    ['q1'],
  );
  assert.deepEqual(
    answer.caseVariants.map(({ tag }) => tag),
    ['THRE'],
  );
  assert.deepEqual(answer.links, { self: '/api/v1/tags/Thre', page: '/tags/Thre' });
});

test('a driver that no list knows is the owner, and the next step names it', async () => {
  const answer = await known('Foo1');
  assert.equal(answer.strength, 'proven');
  assert.equal(answer.owners[0].image, 'foo.sys');
  assert.match(answer.advice[0].text, /foo\.sys from Contoso Ltd/);
  assert.deepEqual(answer.advice[0].steps, ['poolmon /iFoo1', '!poolused 2 Foo1']);
});

test("the component of an image is known also where a user's list or a scan alone names it", async () => {
  const own = await sampleCatalogue({
    tagFiles: [{ path: 'my.txt', entries: [userEntry('NtQq', 'NTFS.sys', 'Mine')], remarks: [] }],
  });
  const answer = (await answerTag('NtQq', own)) as TagAnswer;
  assert.equal(answer.owners[0].component, 'ntfs');
  assert.equal(answer.summary, 'Mine, owned by NTFS (NTFS.sys).');
  assert.equal(answer.knowledge[0].component, null, 'the entry stands as its list has it');
});

test('bytes without proof make no owner and say so', async () => {
  const answer = await known('Bits');
  assert.deepEqual(answer.owners, []);
  assert.equal(answer.strength, 'bytes-only');
  assert.equal(answer.sightings[0].strength, 'bytes-only');
});

test('lists and scans that name different owners are both shown, with a word on it', async () => {
  const answer = await known('Ntfs');
  assert.deepEqual(
    answer.owners.map(({ image, strength }) => `${image} ${strength}`),
    ['ntfs.sys written', 'foo.sys proven', 'ntfs.sys written'],
  );
  assert.match(
    answer.advice.find(({ kind }) => kind === 'disagreement')!.text,
    /ntfs\.sys, but the scan saw foo\.sys/,
  );
});

const NO_DISAGREEMENT: [tag: string, reason: string][] = [
  ['Thre', 'ntoskrnl.exe is where nt!ps lives'],
  ['Ddk ', 'a shared default has no owner to disagree with'],
  ['AfdX', 'a wildcard is too wide to disagree'],
  ['Foo1', 'no list names an owner'],
];

for (const [tag, reason] of NO_DISAGREEMENT) {
  test(`${tag} is no disagreement: ${reason}`, async () => {
    assert.ok(!(await known(tag)).advice.some(({ kind }) => kind === 'disagreement'));
  });
}

test('a wildcard entry answers for the tags it covers, named, with its leaks', async () => {
  const answer = await known('AfdQ');
  assert.deepEqual(
    answer.owners.map(({ matched }) => matched),
    ['Afd?'],
  );
  assert.equal(
    answer.summary,
    'Winsock objects, owned by the ancillary function driver for Winsock (afd.sys), says the wildcard entry Afd?.',
  );
  assert.deepEqual(
    answer.articles.map(({ id }) => id),
    ['afd-family'],
  );
});

test('an unknown tag gets suggestions with their reasons, and the way to find out', async () => {
  const answer = await unknown('tHrE');
  assert.deepEqual(
    answer.suggestions.map(({ tag, why }) => `${tag}: ${why}`),
    ['Thre: differs only by case', 'THRE: differs only by case'],
  );
  assert.deepEqual(
    answer.advice.map(({ kind }) => kind),
    ['unknown-tag'],
  );
  const families = await unknown('aFDx');
  assert.ok(
    families.suggestions.some(({ tag }) => tag === 'Afd?'),
    'a family in other letter case',
  );
  const near = await unknown('Throw'.slice(0, 4));
  assert.deepEqual(
    near.suggestions.map(({ tag, why }) => `${tag}: ${why}`),
    ['Thre: differs in one byte'],
  );
});

const PROBLEMS: [input: string, reason: string][] = [
  ['', 'nothing'],
  ['Threads', 'five or more characters'],
  ['0x0', 'zero is no tag'],
  ['日本', 'characters that are no bytes'],
  ['a'.repeat(10_000), 'far too long'],
];

for (const [input, reason] of PROBLEMS) {
  test(`${JSON.stringify(input.slice(0, 20))} is no tag: ${reason}`, async () => {
    const answer = (await answerTag(input, catalogue)) as TagProblem;
    assert.equal(answer.code, 'invalid-tag');
    assert.match(answer.message, /is not a pool tag/);
    assert.ok(answer.message.length < 400);
  });
}

test('a pattern is no tag, and is pointed to the search', async () => {
  const answer = (await answerTag('Nt??', catalogue)) as TagProblem;
  assert.equal(answer.code, 'invalid-tag');
  assert.equal(answer.search?.self, '/api/v1/search?q=Nt%3F%3F');
});

test('many tags are answered in order, and as one by one', async () => {
  const inputs = ['Thre', 'Zzzz', 'erhT', 'Nt??', 'AfdQ', 'Thre', '', 'Bits', '0x20204d43', 'NtfS'];
  const answers = await lookUp(inputs, catalogue);
  assert.deepEqual(
    answers.map(({ input }) => input),
    inputs,
  );
  for (const answer of answers) {
    const single = await answerTag(answer.input, catalogue);
    assert.equal(answer.found, single.found);
    if (answer.found && single.found) {
      assert.deepEqual(
        [answer.tag, answer.id, answer.summary, answer.owners],
        [single.tag, single.id, single.summary, single.owners],
      );
    } else if (!answer.found) {
      assert.equal(answer.problem.code, 'code' in single ? single.code : 'unknown-tag');
    }
  }
});

test('a thousand tags are looked up in well under a second', async () => {
  const inputs = Array.from({ length: 1000 }, (_, i) => `q${i.toString(36).padStart(3, '~')}`);
  const takenMs = stopwatch();
  assert.equal((await lookUp(inputs, catalogue)).length, 1000);
  assert.ok(takenMs() < 1000);
});

test('any text is answered, and what is found is found again by each of its own notations', async () => {
  const text = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('Thre', 'Ntfs', 'AfdQ', 'CM  ', '=1+1'),
  );
  await fc.assert(
    fc.asyncProperty(text, async input => {
      const answer = await answerTag(input, catalogue);
      if (!answer.found) return;
      for (const notation of [
        answer.ulong,
        answer.literal,
        decodeURIComponent(answer.links.self.split('/').at(-1)!),
      ]) {
        const again = await answerTag(notation, catalogue);
        assert.ok(again.found && again.tag === answer.tag, `${notation} does not lead to ${answer.tag}`);
      }
    }),
  );
});
