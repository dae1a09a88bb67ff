import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { FAILURES } from '../../api/failures.ts';
import { PooltagError } from '../../api/pooltag-error.ts';
import { problemOf, problemOfError } from '../../api/problems.ts';
import { projectFile } from '../../data/project-files.ts';
import { SearchUnavailable } from '../../data/search-index.ts';

/** The row that the documentation must have. */
const rows = [...FAILURES].map(
  ([code, { status, exitCode, title }]) => `| \`${code}\` | ${status ?? ''} | ${exitCode} | ${title} |`,
);

test('every error code has its row in api/README.md, and no other code has one', () => {
  const text = readFileSync(projectFile('api', 'README.md'), 'utf8');
  const documented = text.split(/\r?\n/).filter(line => /^\| `[a-z-]+` \| \d* \| \d+ \|/.test(line));
  assert.deepEqual(documented, rows, `The rows must be:\n${rows.join('\n')}`);
});

test('every failure has a title and an explanation in full sentences, and a status that fits', () => {
  for (const [code, { title, explanation, status, exitCode }] of FAILURES) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.match(title, /^[A-Z].*[^.!]$/, code);
    assert.match(explanation, /^[A-Z`].*\.$/, code);
    assert.doesNotMatch(explanation, /!/, code);
    assert.ok(status === null || (status >= 400 && status < 600), code);
    if (status !== null && status >= 500) assert.ok(exitCode === 4 || exitCode === 5, code);
  }
});

const ERRORS: [error: unknown, code: string, reason: string][] = [
  [new PooltagError('unknown-driver', 'No.'), 'unknown-driver', 'our own'],
  [new SearchUnavailable('away'), 'index-unavailable', 'an index that is away'],
  [
    Object.assign(new Error('x'), { type: 'entity.too.large', status: 413 }),
    'body-too-large',
    "the body reader's",
  ],
  [new URIError('URI malformed'), 'malformed-url', 'an address that cannot be decoded'],
  [
    Object.assign(new Error('incorrect header check'), { status: 400 }),
    'invalid-body',
    'a broken compressed body',
  ],
  [new TypeError('secret'), 'internal-error', 'a fault of ours'],
  [Object.assign(new Error('x'), { code: 'toString' }), 'internal-error', 'a code that is no code'],
  [undefined, 'internal-error', 'nothing at all'],
  ['text', 'internal-error', 'a text'],
];

for (const [error, code, reason] of ERRORS) {
  test(`an error becomes ${code}: ${reason}`, () => {
    const problem = problemOfError(error);
    assert.equal(problem.code, code);
    assert.doesNotMatch(JSON.stringify(problem), /secret/);
  });
}

test('a problem document has all fields of RFC 9457, its own before extensions', () => {
  assert.deepEqual(problemOf('invalid-tag', 'Wrong.', { links: {} }), {
    type: '/problems/invalid-tag',
    title: 'Not a pool tag',
    status: 400,
    detail: 'Wrong.',
    code: 'invalid-tag',
    links: {},
  });
});
