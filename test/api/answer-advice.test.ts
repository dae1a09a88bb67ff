import assert from 'node:assert/strict';
import test from 'node:test';
import { AdviceBook } from '../../api/advice-book.ts';
import { unknownAdvice } from '../../api/answer-advice.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import { poolTag } from '../../data/pool-tag.ts';

const rules = new AdviceBook(loadKnowledge().advice).unknownTagRules;

function commandsFor(tag: string): string[] {
  return unknownAdvice(rules, poolTag(tag)).flatMap(({ steps }) => steps);
}

test('the first way to find an unknown tag is to scan, then findstr, then Driver Verifier', () => {
  const ways = unknownAdvice(rules, poolTag('Zqz7')).map(({ steps }) => steps.join(' '));
  assert.deepEqual(
    ['pooltag scan', 'findstr', 'verifier'].map(word => ways.findIndex(way => way.includes(word))),
    [0, 1, 2],
  );
});

test('the commands that find an unknown tag name it', () => {
  assert.ok(commandsFor('Zqz7').includes('findstr /m /l Zqz7 *.sys'));
  assert.ok(commandsFor('Zqz7').some(step => step.startsWith('findstr /m /l hZqz7 *.sys')));
});

test('a tag that a shell would read as something else stays out of commands', () => {
  for (const tag of ['&cmd', 'a"b ', '%a% ', '>x  ']) {
    assert.ok(commandsFor(tag).includes('findstr /m /l TAG *.sys'), tag);
  }
});
