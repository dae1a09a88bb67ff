import assert from 'node:assert/strict';
import test from 'node:test';
import { readPool, readSort, type SortName, tagsInView, WHOLE_VIEW } from '../../../api/leaks/leak-view.ts';
import { readDuration } from '../../../api/leaks/read-duration.ts';
import { tagFilter } from '../../../api/leaks/tag-filter.ts';
import { trend } from './leak-reports.ts';

// include, exclude, a tag, whether it is let through, reason
const FILTERS: [string[], string[], string, boolean, string][] = [
  [[], [], 'Thre', true, 'no filter'],
  [['Thre'], [], 'Thre', true, 'the very tag'],
  [['thre'], [], 'Thre', false, 'letter case matters'],
  [['Ntf*'], [], 'Ntff', true, 'a star at the end'],
  [['Ntf*'], [], 'NtFf', false, 'a star covers no other case'],
  [['*tf*'], [], 'Ntff', true, 'stars on both sides'],
  [['N*f'], [], 'Ntff', true, 'a star between'],
  [['N*x'], [], 'Ntff', false, 'what follows a star must be there'],
  [['FM??'], [], 'FMfn', true, 'two characters'],
  [['FM?'], [], 'FMfn', false, 'a question mark is one character'],
  [['Irp*'], [], 'Irp ', true, 'a star covers the blank'],
  [['Irp'], [], 'Irp ', true, 'blanks at the end need not be typed'],
  [['Irp '], [], 'Irp ', true, 'and may be'],
  [['Io'], [], 'Iox ', false, 'other letters are no blanks'],
  [[' rx'], [], ' rx ', true, 'a blank in front counts'],
  [['Thre', 'Proc'], [], 'Proc', true, 'one of several'],
  [['Thre', 'Proc'], [], 'File', false, 'none of several'],
  [[], ['EtwB'], 'EtwB', false, 'excluded'],
  [['E*'], ['EtwB'], 'EtwB', false, 'excluding is stronger'],
  [['E*'], ['EtwB'], 'EtwC', true, 'the rest is let through'],
  [['Caf\\xE9'], [], 'Caf\xe9', true, 'a byte as it is shown'],
  [['\u0000*'], [], '\u0000abc', true, 'a byte that no keyboard has'],
  [['.*'], [], 'Thre', false, 'no regular expression'],
  [['(a+)+$'], [], 'aaaa', false, 'no regular expression, however it looks'],
  [['*'.repeat(40)], [], 'Thre', true, 'many stars'],
];
for (const [include, exclude, tag, isLet, reason] of FILTERS) {
  test(`A filter ${isLet ? 'lets through' : 'holds back'}: ${reason}.`, () => {
    assert.equal(tagFilter({ include, exclude })(tag), isLet);
  });
}

// what is given, the sort order
const SORTS: [string, SortName | undefined][] = [
  ['bytes', 'bytes'],
  ['b', 'bytes'],
  ['B', 'bytes'],
  ['m', 'per-alloc'],
  ['t', 'tag'],
  ['a', 'allocs'],
  ['f', 'frees'],
  ['d', 'diff'],
  ['S', 'diff'],
  ['p', 'pool'],
  [' Growth ', 'growth'],
  ['e', undefined],
  ['constructor', undefined],
  ['', undefined],
];
for (const [given, sort] of SORTS) {
  test(`The sort order ${JSON.stringify(given)} is ${sort ?? 'none'}.`, () => {
    assert.equal(readSort(given), sort);
  });
}

test('Each sort order puts the largest first, and what is not printed last.', () => {
  const small = trend('AAAA', 'steady', { to: 1 });
  const large = trend('BBBB', 'steady', { to: 9, pool: 'paged' });
  const blank = trend('CCCC', 'steady', { last: {}, growthBytes: undefined, bytesRate: undefined });
  const order = (sort: SortName) =>
    tagsInView([small, blank, large], { ...WHOLE_VIEW, sort })
      .map(({ tag }) => tag[0])
      .join('');
  assert.equal(order('suspicion'), 'ACB');
  for (const sort of ['bytes', 'per-alloc', 'growth', 'rate'] as const)
    assert.equal(order(sort), 'BAC', sort);
  for (const sort of ['diff', 'allocs', 'frees'] as const) assert.equal(order(sort), 'ABC', sort);
  assert.equal(order('tag'), 'ABC');
  assert.equal(order('pool'), 'ACB');
});

test('A tag keeps its rank, however it is filtered and sorted.', () => {
  const tags = [trend('AAAA', 'leaking'), trend('BBBB', 'steady', { pool: 'paged', to: 5 })];
  const view = { ...WHOLE_VIEW, pool: 'paged' as const, sort: 'bytes' as const };
  assert.deepEqual(
    tagsInView(tags, view).map(({ tag, rank }) => [tag, rank]),
    [['BBBB', 2]],
  );
});

// what is given, milliseconds
const DURATIONS: [string, number | undefined][] = [
  ['30s', 30_000],
  ['5m', 300_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1.5h', 5_400_000],
  ['15 min', 900_000],
  ['2 hours', 7_200_000],
  ['5M', 300_000],
  ['30', undefined],
  ['0s', undefined],
  ['-5m', undefined],
  ['5w', undefined],
  ['1e3s', undefined],
  ['400d', undefined],
  ['', undefined],
  ['5m5s', undefined],
];
for (const [given, ms] of DURATIONS) {
  test(`${JSON.stringify(given)} is ${ms === undefined ? 'no time' : `${ms} ms`}.`, () => {
    assert.equal(readDuration(given), ms);
  });
}

test('The pool is read as PoolMon prints it and as people say it.', () => {
  for (const name of ['nonp', 'Nonp', 'nonpaged', 'Non-paged']) assert.equal(readPool(name), 'nonpaged');
  for (const name of ['paged', 'Paged']) assert.equal(readPool(name), 'paged');
  for (const name of ['', 'p', 'both', 'unpaged']) assert.equal(readPool(name), undefined);
});
