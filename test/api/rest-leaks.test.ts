import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test, { after } from 'node:test';
import { gzipSync } from 'node:zlib';
import { leakAnswerSchema } from '../../api/leaks/leak-schema.ts';
import { startServer } from '../../api/server.ts';
import { poolmonLog, poolmonSnapshot } from './poolmon-logs.ts';
import { type Answer, ask, askRaw, post } from './rest-client.ts';
import { sampleCatalogue } from './sample-facts.ts';

const catalogue = await sampleCatalogue();
const server = await startServer({ host: '127.0.0.1', port: 0, catalogue });
const { url } = server;
after(() => server.stop());

const PATH = '/api/v1/leaks';

function send(body: string | Buffer, query = '', headers: Record<string, string> = {}): Promise<Answer> {
  return ask(url, PATH + query, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', ...headers },
    body,
  });
}

interface Part {
  name: string;
  file?: string;
  text: string | Buffer;
}

function sendForm(parts: Part[], query = ''): Promise<Answer> {
  const boundary = 'XxBoundaryxX';
  const chunks = parts.flatMap(({ name, file, text }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"\r\ncontent-type: text/plain`}\r\n\r\n`,
    ),
    Buffer.from(text),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return send(body, query, { 'content-type': `multipart/form-data; boundary=${boundary}` });
}

test('A pasted log is answered with the whole document, which is kept nowhere.', async () => {
  const { status, headers, json } = await send(poolmonLog(48), '?every=30m');
  assert.equal(status, 200);
  assert.equal(headers['cache-control'], 'no-store');
  assert.deepEqual(leakAnswerSchema.parse(json), json);
  assert.match(json.headline, /^Thre is leaking nonpaged pool, .* an hour\. Thread objects/);
  assert.equal(json.suspects[0].owners[0].image, 'nt!ps');
});

test('JSON holds the text, and what the query may say of its times.', async () => {
  const { status, json } = await post(url, PATH, { text: poolmonLog(48), every: '30m', file: 'mine.log' });
  assert.equal(status, 200);
  assert.deepEqual([json.spanHours, json.snapshots[0].file], [23.5, 'mine.log']);
});

test('A form brings several files, a pasted text and the parameters, in any order.', async () => {
  const { status, json } = await sendForm([
    ...[0, 1, 2, 3, 4, 5].map(n => ({ name: 'files', file: `pool-${n}.log`, text: poolmonSnapshot(n) })),
    { name: 'files', file: '', text: '' },
    { name: 'text', text: poolmonSnapshot(6) },
    { name: 'every', text: '30m' },
    { name: 'include', text: 'Thr*' },
    { name: 'unrelated', text: 'x' },
  ]);
  assert.equal(status, 200);
  assert.deepEqual([json.snapshots.length, json.spanHours, json.matchingTags], [7, 3, 1]);
  assert.equal(json.snapshots[5].file, 'pool-5.log');
});

test('What the address says is stronger than the form.', async () => {
  const form = [
    { name: 'top', text: '5' },
    { name: 'text', text: poolmonSnapshot(0) },
  ];
  assert.equal((await sendForm(form, '?top=1')).json.tags.length, 1);
  assert.equal((await sendForm(form)).json.tags.length, 5);
});

test('Filters, pool, order and versions are those of the command.', async () => {
  const { json } = await send(
    poolmonLog(6),
    '?every=1h&pool=paged&sort=B&top=2&exclude=Nt*&exclude=Io*&windows=26200&driver=a.sys@1',
  );
  assert.deepEqual(
    json.tags.map(({ tag }: { tag: string }) => tag),
    ['MmSt'],
  );
});

const ENCODINGS: [string, Buffer, Record<string, string>][] = [
  ['UTF-16', Buffer.from(`\ufeff${poolmonSnapshot(0)}`, 'utf16le'), {}],
  ['gzip', gzipSync(poolmonSnapshot(0)), { 'content-encoding': 'gzip' }],
  [
    'what curl says by itself',
    Buffer.from(poolmonSnapshot(0)),
    { 'content-type': 'application/x-www-form-urlencoded' },
  ],
  [
    'a media type in capitals',
    Buffer.from(poolmonSnapshot(0)),
    { 'content-type': 'TEXT/PLAIN; charset=utf-8' },
  ],
];
for (const [name, body, headers] of ENCODINGS) {
  test(`The same text is read as ${name}.`, async () => {
    const { status, json } = await send(body, '', headers);
    assert.deepEqual([status, json.snapshots?.length, json.totalTags], [200, 1, 8]);
  });
}

const bomb = gzipSync(Buffer.alloc(30 * 1024 * 1024, 0x20));
// body, query, headers, status, code, detail, reason
const PROBLEMS: [string | Buffer, string, Record<string, string>, number, string, RegExp, string][] = [
  ['no log', '', {}, 400, 'nothing-recognised', /Expected is what PoolMon, MemSnap/, 'prose'],
  ['', '', {}, 400, 'nothing-recognised', /No snapshot was recognised/, 'nothing'],
  ['x', '?every=30', {}, 400, 'invalid-query', /every is "30", but it must be a number with s, m/, 'a time'],
  ['x', '?sort=e', {}, 400, 'invalid-query', /sort is "e", but it must be one of suspicion/, 'an order'],
  ['x', '?pool=x', {}, 400, 'invalid-query', /pool is "x", but it must be nonp or paged/, 'a pool'],
  ['x', '?top=5001', {}, 400, 'invalid-query', /top is .*5001.*from 1 to 5000/, 'too many tags'],
  ['x', '?sort=b&sort=t', {}, 400, 'invalid-query', /sort is .* given once/, 'an order given twice'],
  [poolmonSnapshot(0), '?windows=eleven', {}, 400, 'invalid-query', /windows is "eleven"/, 'no build'],
  [
    '{',
    '',
    { 'content-type': 'application/json' },
    400,
    'invalid-json',
    /Expected is \{"text"/,
    'half of JSON',
  ],
  [
    '{"txt":1}',
    '',
    { 'content-type': 'application/json' },
    400,
    'invalid-body',
    /text/,
    'JSON without a text',
  ],
  [
    'x',
    '',
    { 'content-type': 'multipart/form-data' },
    400,
    'invalid-body',
    /boundary/,
    'a form without a boundary',
  ],
  [
    '--b\r\nx',
    '',
    { 'content-type': 'multipart/form-data; boundary=b' },
    400,
    'invalid-body',
    /cut short/,
    'half a form',
  ],
  [
    'x',
    '',
    { 'content-type': 'image/png' },
    415,
    'unsupported-media-type',
    /text\/plain.*multipart/,
    'an image',
  ],
  ['x', '', { 'content-encoding': 'br' }, 415, 'unsupported-media-type', /gzip/, 'another packing'],
  ['x', '', { 'content-encoding': 'gzip' }, 400, 'invalid-body', /cannot be unpacked/, 'no gzip at all'],
  [
    bomb,
    '',
    { 'content-encoding': 'gzip' },
    413,
    'body-too-large',
    /pooltag leaks FILE/,
    'what is large once it is unpacked',
  ],
  [
    'x',
    '',
    { 'sec-fetch-site': 'cross-site' },
    403,
    'foreign-origin',
    /another site/,
    'a page of another site',
  ],
];
for (const [body, query, headers, status, code, detail, reason] of PROBLEMS) {
  test(`The problem ${code} is said with what to do: ${reason}.`, async () => {
    const answer = await send(body, query, headers);
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
    assert.match(answer.json.detail, detail);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  });
}

test('More than 20 MB are refused by their announced length, and by what arrives.', async () => {
  const line = await askRaw(
    url,
    `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2000000000\r\n\r\n`,
  );
  assert.match(line, /^HTTP\/1\.1 413 /);
  const { status, json } = await send(Buffer.alloc(21 * 1024 * 1024, 0x20), '', {
    'transfer-encoding': 'chunked',
  });
  assert.deepEqual([status, json.code], [413, 'body-too-large']);
  const form = await sendForm([{ name: 'f', file: 'a', text: Buffer.alloc(21 * 1024 * 1024, 0x20) }]);
  assert.equal(form.status, 413);
});

test('A client that goes away in the middle leaves nothing behind, and others are answered.', async () => {
  const { hostname, port } = new URL(url);
  await new Promise<void>(resolve => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 500000\r\n\r\nhalf`,
      );
      socket.end();
    });
    socket.on('close', () => resolve());
    socket.resume();
  });
  assert.equal((await send(poolmonSnapshot(0))).status, 200);
});

test('Many requests at once are all answered.', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => send(poolmonLog(48), '?every=30m')));
  for (const { status, json } of answers) {
    assert.equal(status, 200);
    assert.match(json.headline, /^Thre is leaking/);
  }
});

test('A long log is compared in a thread of its own, and is answered as a short one is.', async () => {
  const text = poolmonLog(48);
  const padding = `${'-'.repeat(70)}\n`.repeat(20_000);
  const [long, short] = [await send(padding + text, '?every=30m'), await send(text, '?every=30m')];
  assert.ok(padding.length > 1024 * 1024);
  assert.equal(long.status, 200);
  assert.deepEqual([long.json.headline, long.json.verdicts], [short.json.headline, short.json.verdicts]);
  const nothing = await send(padding);
  assert.deepEqual([nothing.status, nothing.json.code], [400, 'nothing-recognised']);
});

test('Tags are hostile text, and come back as JSON alone.', async () => {
  const row = ' <b>" Nonp   9000000         1   8999999 999999999      111 [</script>\u0007]\n';
  const { json, text } = await send(poolmonSnapshot(0) + row);
  assert.ok(json.tags.some(({ tag }: { tag: string }) => tag === '<b>"'));
  assert.equal(text.includes('\u0007'), false);
});

test('__proto__ in a form or a query changes nothing.', async () => {
  const { status } = await sendForm(
    [
      { name: '__proto__', text: 'x' },
      { name: 'constructor', text: 'x' },
      { name: 'text', text: poolmonSnapshot(0) },
    ],
    '?__proto__=1&constructor=2',
  );
  assert.equal(status, 200);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});
