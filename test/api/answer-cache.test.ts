import assert from 'node:assert/strict';
import test from 'node:test';
import { AnswerCache } from '../../api/answer-cache.ts';
import { PreparedAnswer } from '../../api/prepared-answer.ts';

const HEAD = { contentType: 'text/plain', cacheControl: 'no-cache', headers: [] };
const answer = (sizeBytes = 10) => new PreparedAnswer(Buffer.alloc(sizeBytes), HEAD);

test('an answer is kept for its address and version', () => {
  const cache = new AnswerCache();
  const kept = answer();
  cache.set('/a', 1, kept);
  assert.equal(cache.get('/a', 1), kept);
  assert.equal(cache.get('/b', 1), undefined);
  assert.equal(cache.get('/a', 2), undefined, 'the catalogue has changed');
});

test('a new version drops the answers of the old one, and an old answer never comes back', () => {
  const cache = new AnswerCache();
  cache.set('/a', 1, answer());
  cache.set('/b', 2, answer());
  assert.equal(cache.size, 1);
  cache.set('/late', 1, answer());
  assert.equal(cache.get('/late', 2), undefined);
});

test('any number of addresses is kept within bounds, the last used ones', () => {
  const cache = new AnswerCache();
  cache.set('/used', 1, answer());
  for (let i = 0; i < 30_000; i++) {
    cache.set(`/${i}`, 1, answer());
    cache.get('/used', 1);
  }
  assert.ok(cache.size <= 10_000 && cache.size >= 5_000, `${cache.size}`);
  assert.ok(cache.get('/used', 1));
  assert.equal(cache.get('/0', 1), undefined);
});

test('large answers are bounded by bytes, very large ones are not kept', () => {
  const cache = new AnswerCache();
  for (let i = 0; i < 500; i++) cache.set(`/${i}`, 1, answer(600_000));
  assert.ok(cache.size < 120);
  cache.set('/huge', 1, answer(5_000_000));
  assert.equal(cache.get('/huge', 1), undefined);
});

test('the same address again replaces its answer and is counted once', () => {
  const cache = new AnswerCache();
  for (let i = 0; i < 1000; i++) cache.set('/a', 1, answer(600_000));
  assert.equal(cache.size, 1);
  cache.set('/b', 1, answer(600_000));
  assert.ok(cache.get('/a', 1));
});
