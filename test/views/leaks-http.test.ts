import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { RunningServer } from '../../api/server.ts';
import { poolLog, poolSnapshot } from './pool-log.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { MADE_UP, startLeaksSite } from './sample-leaks-site.ts';

/** The largest answer there can be; gzip makes a tenth of it. */
const MAX_RESULT_BYTES = 800_000;
const MAX_USUAL_BYTES = 100_000;
const TOO_LARGE_BYTES = 21 * 1024 * 1024;

let site: RunningServer;
before(async () => {
  site = await startLeaksSite(await sampleCatalogue());
});
after(() => site.stop());

interface Given {
  text?: string;
  files?: [name: string, content: string | Buffer<ArrayBuffer>][];
  [field: string]: unknown;
}

/** Sends the form as a browser without a script does: every field, and a file without a name where none is chosen. */
async function send({ text = '', files = [], ...fields }: Given, headers: Record<string, string> = {}) {
  const body = new FormData();
  body.append('text', text);
  for (const [name, content] of files) body.append('files', new File([content], name));
  if (files.length === 0) body.append('files', new File([], ''));
  for (const name of ['every', 'windows', 'driver', 'pool', 'include', 'exclude', 'sort']) {
    body.append(name, String(fields[name] ?? ''));
  }
  if (fields.as !== undefined) body.append('as', String(fields.as));
  for (const modified of (fields.modified as string[] | undefined) ?? []) body.append('modified', modified);
  const response = await fetch(`${site.url}/leaks`, {
    method: 'POST',
    body,
    headers: { accept: 'text/html', ...headers },
  });
  return { response, html: await response.text() };
}

/** The tags of the table, in its order. */
function tagsOf(html: string): string[] {
  const table = /<table class="figures tags">.*?<\/table>/s.exec(html)?.[0] ?? '';
  return [...table.matchAll(/<th scope="row">.*?<code class="tag">(.*?)<\/code>/g)].map(([, tag]) =>
    tag.replace(/<i> <\/i>/g, ' '),
  );
}

test('the page says what it does, what becomes of the text, and how each kind of text is made', async () => {
  const response = await fetch(`${site.url}/leaks`, { headers: { accept: 'text/html' } });
  const html = await response.text();
  assert.equal(response.status, 200);
  assert.match(html, /<form class="ask" method="post" action="\/leaks" enctype="multipart\/form-data"/);
  for (const text of [
    'Nothing is stored and nothing is logged of what you paste or choose.',
    'poolmon -n pool-%i.log',
    '!poolused 2',
    'typeperf',
    'verifier /query',
    'pooltag watch',
    'href="/articles"',
    '<a href="/leaks" aria-current="page">Leaks</a>',
  ]) {
    assert.ok(html.includes(text), text);
  }
});

test('a pasted log is answered as a page that is kept nowhere and has no address', async () => {
  const { response, html } = await send({ text: poolLog(24), every: '30m' });
  assert.equal(response.status, 200);
  assert.equal(response.redirected, false);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(html, /<h1 class="headline">Thre is leaking nonpaged pool, [^<]* an hour\. Thread objects/);
  assert.match(html, /<span class="leak-verdict leaking">leaking<\/span>/);
  assert.match(html, /<svg class="drawn" role="img"/);
  assert.match(html, /The owner is rarely the culprit/);
  assert.match(html, /<h2 id="tags">All tags<\/h2>/);
  assert.ok(Buffer.byteLength(html) < MAX_USUAL_BYTES, `${Buffer.byteLength(html)} bytes`);
});

test('files without a time are taken in the order of their names, however they come', async () => {
  const files = [10, 2, 1, 11, 3, 9, 4, 8, 7, 5, 6].map((n): [string, string] => [
    `pool-${n}.log`,
    poolSnapshot(n * 2),
  ]);
  const { html } = await send({ files, every: '1h' });
  assert.match(html, /<h1 class="headline">Thre /);
  assert.match(html, /in 10 of 10 steps up/);
});

test('when a file was written is its time, unless the reader says how far apart they are', async () => {
  const hours = [1, 2, 3, 4, 5, 6, 7, 8];
  const files = hours.map((n): [string, string] => [`pool ${n}.log`, poolSnapshot(n)]);
  const modified = hours.map(n => `${Date.UTC(2026, 10, 29, n)} pool ${n}.log`);
  const timed = await send({ files, modified });
  assert.match(timed.html, /in 7 hours/);
  assert.match(timed.html, /2026-11-29 01:00:00/);
  const given = await send({ files, modified, every: '30m' });
  assert.match(given.html, /in 3\.5 hours/);
  assert.match(given.html, /Hours since the first snapshot/);
  for (const wrong of ['', '-1 pool 1.log', 'x pool 1.log', '9'.repeat(400), '1e9 __proto__', '5 ']) {
    assert.equal((await send({ files, modified: [wrong] })).response.status, 200, wrong);
  }
});

test('without a script the fields sort and filter', async () => {
  const text = poolLog(3);
  assert.deepEqual(tagsOf((await send({ text, sort: 'tag', pool: 'paged' })).html), ['IoNm', 'MmSt', 'Ntff']);
  assert.deepEqual(tagsOf((await send({ text, include: 'Io*, Thr?', sort: 'bytes' })).html), [
    'Thre',
    'IoNm',
    'Io  ',
  ]);
  const { html } = await send({ text, exclude: '*', sort: 'growth' });
  assert.deepEqual(tagsOf(html), []);
  assert.match(html, /<option value="growth" selected>/);
  assert.match(html, /name="exclude" value="\*"/);
});

test('the answer is saved as one file, where that is asked for', async () => {
  const { response, html } = await send({ text: poolLog(24), every: '30m', as: 'report' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(
    response.headers.get('content-disposition') ?? '',
    /^attachment; filename="?pooltag-leaks-\d{4}-\d\d-\d\dT\d{4}\.html"?$/,
  );
  assert.match(html, /Content-Security-Policy/);
  assert.match(html, /<h1 class="headline">Thre is leaking nonpaged pool/);
  assert.match(html, /Made \d{4}-\d\d-\d\d/);
  assert.equal((await send({ text: 'nothing', as: 'report' })).response.status, 400);
});

test('where nothing is recognised the page says what was expected, and gives the text back', async () => {
  const text = '\nno pool here <b>"</textarea><script>alert(1)</script>\n';
  const { response, html } = await send({ text, every: '<b>"' });
  assert.equal(response.status, 400);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(html, /role="alert"/);
  assert.doesNotMatch(html, /<script>|<b>"/);
  const unread = await send({ text });
  assert.equal(unread.response.status, 400);
  assert.match(unread.html, /<h2>Nothing was recognised<\/h2>\s*<p>No snapshot was recognised\. Expected is/);
  assert.match(
    unread.html,
    /<textarea[^>]*>\n\r?\nno pool here &lt;b&gt;&quot;&lt;\/textarea&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;\r?\n<\/textarea>/,
  );
  const long = await send({ text: 'x '.repeat(150_000) });
  assert.match(long.html, /The text was too long to be written back here/);
  assert.ok(Buffer.byteLength(long.html) < MAX_USUAL_BYTES);
  assert.equal((await send({})).response.status, 400);
});

const WRONG_FIELDS: [field: string, value: string, said: RegExp][] = [
  ['every', 'often', /a number with s, m, h or d/],
  ['windows', 'Vista', /Vista/],
  ['driver', 'nothing@', /nothing@/],
  ['sort', 'colour', /one of suspicion, bytes/],
  ['pool', 'swimming', /nonp or paged/],
  ['include', 'x'.repeat(41), /at most 40 characters/],
];

test('a field that cannot be read is named, and everything else stays', async () => {
  for (const [field, value, said] of WRONG_FIELDS) {
    const { response, html } = await send({ text: poolSnapshot(0), [field]: value });
    assert.equal(response.status, 400, field);
    assert.match(html, /<h2>One field cannot be read<\/h2>/, field);
    assert.match(html, said, field);
    assert.match(html, /Thre Nonp/, field);
    assert.equal(html.match(/<h1[ >]/g)?.length, 1, field);
  }
});

test('more than 20 MB get a page with the command to use instead', async () => {
  const { response, html } = await send({ files: [['big.log', Buffer.alloc(TOO_LARGE_BYTES, 'x')]] });
  assert.equal(response.status, 413);
  assert.match(html, /<h2>This is more than 20 MB<\/h2>/);
  assert.match(html, /<code>pooltag leaks FILE<\/code>/);
});

test('tags are hostile text: in a pasted log they stay text', async () => {
  const rows = ['<b>"', '</a>', '{{x}', '=1+1', "'--;", '%00a', '\x1b[2J', '&lt;', '\u0085\u0086ab']
    .map(
      (tag, n) => ` ${tag} Nonp  ${1000 + n} 10 ${990 + n} ${100_000 - n} 100 [<img src=x onerror=alert(1)>]`,
    )
    .join('\n');
  const head = ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n';
  for (const text of [head + rows, `${head}${rows}\n${head}${rows.replaceAll('100000', '900000')}\n`]) {
    const { response, html } = await send({ text, include: '<b>"' });
    assert.equal(response.status, 200);
    assert.match(html, /<code class="tag">&lt;b&gt;&quot;<\/code>/);
    const whole = (await send({ text })).html;
    for (const page of [html, whole]) {
      assert.doesNotMatch(page, /<b>"|<\/a><\/code>|<img src=x|\{\{x\}\}/);
      assert.doesNotMatch(page, /\p{Bidi_Control}|(?![\n\r\t])\p{Cc}/u);
      assert.doesNotMatch(page, /href="(?!\/|#|https?:)/);
    }
  }
});

test('a page of another site cannot send the form', async () => {
  const { response, html } = await send({ text: poolSnapshot(0) }, { 'sec-fetch-site': 'cross-site' });
  assert.equal(response.status, 403);
  assert.doesNotMatch(html, /Thre/);
});

test('what is no form gets an error page, and a program a problem document', async () => {
  const post = (accept: string, type: string) =>
    fetch(`${site.url}/leaks`, {
      method: 'POST',
      body: Buffer.from('x'),
      headers: { accept, 'content-type': type },
    });
  assert.equal((await post('text/html', 'multipart/form-data')).status, 400);
  assert.equal((await post('text/html', 'image/png')).status, 415);
  const problem = await post('application/json', 'image/png');
  assert.match(problem.headers.get('content-type') ?? '', /^application\/problem\+json/);
});

test('however much there is to show, a result stays bounded, and has neither script nor style in it', async () => {
  for (const name of MADE_UP.keys()) {
    const html = await (await fetch(`${site.url}/made-up/${name}`)).text();
    assert.ok(Buffer.byteLength(html) < MAX_RESULT_BYTES, `${name} has ${Buffer.byteLength(html)} bytes`);
    assert.equal(html.match(/<h1[ >]/g)?.length, 1, name);
    assert.doesNotMatch(html, /<script(?![^>]* src="\/assets\/)|<style|\sstyle=|\son[a-z]+="/, name);
    assert.doesNotMatch(html, /\p{Bidi_Control}|(?![\n\t])\p{Cc}/u, name);
  }
  const html = await (await fetch(`${site.url}/made-up/everything`)).text();
  assert.equal(tagsOf(html).length, 500);
  assert.match(html, /500 rows are shown, 2,500 more left out/);
  assert.match(html, /And 13,245 more remarks\./);
  assert.match(html, /And 2,560 more files\./);
});
