import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { API_OPERATIONS } from '../../api/page-models/api-page.ts';
import type { RunningServer } from '../../api/server.ts';
import { PAGE_KINDS } from './page-kinds.ts';
import { CONTOSO_SHA256, HOSTILE_SHA256, sampleCatalogue } from './sample-catalogue.ts';
import { startSampleSite } from './sample-site.ts';

const MAX_PAGE_BYTES = 100_000;
const MAX_TAG_PAGE_BYTES = 30_000;
const MAX_ASSET_BYTES = 20_000;

let site: RunningServer;
before(async () => {
  site = await startSampleSite(await sampleCatalogue());
});
after(() => site.stop());

function get(path: string, headers: Record<string, string> = {}) {
  return fetch(site.url + path, { redirect: 'manual', headers: { accept: 'text/html', ...headers } });
}

test('every kind of page answers with its status, as HTML below 100 KB', async () => {
  for (const { name, path, status } of PAGE_KINDS) {
    const response = await get(path);
    const html = await response.text();
    assert.equal(response.status, status, `${name}: ${html.slice(0, 200)}`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html; charset=utf-8/, name);
    assert.ok(Buffer.byteLength(html) < MAX_PAGE_BYTES, `${name} has ${Buffer.byteLength(html)} bytes`);
    assert.equal(html.match(/<h1[ >]/g)?.length, 1, `${name} has one h1`);
  }
});

test('the page of a usual tag is below 30 KB, the style sheet and the script below 20 KB each', async () => {
  for (const tag of ['Thre', 'MmSt', 'Ntff', 'File', '0x2049704F']) {
    const size = (await (await get(`/tags/${tag}`)).arrayBuffer()).byteLength;
    assert.ok(size < MAX_TAG_PAGE_BYTES, `${tag} has ${size} bytes`);
  }
  for (const asset of await assetsOf('/')) {
    const size = (await (await get(asset)).arrayBuffer()).byteLength;
    assert.ok(size < MAX_ASSET_BYTES, `${asset} has ${size} bytes`);
  }
});

test('no page has a script or a style in it, or asks another host for anything', async () => {
  for (const { name, path } of PAGE_KINDS) {
    const html = await (await get(path)).text();
    assert.doesNotMatch(html, /<script(?![^>]* src="\/assets\/)/, name);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+="/, name);
    assert.doesNotMatch(html, /(?:src|srcset|action)="(?!\/)/, name);
    assert.doesNotMatch(html, /<link[^>]+href="(?!\/)/, name);
  }
});

test('the tag page says the answer in a sentence, the evidence, the advice and every spelling', async () => {
  const html = await (await get('/tags/Thre')).text();
  assert.match(html, /<p class="lede">Thread objects[^<]*nt!ps[^<]*<\/p>/);
  for (const text of [
    '0x65726854',
    '54 68 72 65',
    '&#x27;erhT&#x27;',
    'written',
    'proven',
    'ntoskrnl.exe',
    'The owner is rarely the culprit',
    'Known leaks',
    'Same component',
    '/api/v1/tags/Thre',
  ]) {
    assert.ok(html.includes(text), text);
  }
});

test('a name gets proposals by a plain form, and what was typed comes back as text', async () => {
  const empty = await (await get('/suggest')).text();
  assert.match(empty, /<form class="filters" action="\/suggest">/);
  assert.doesNotMatch(empty, /role="alert"/);
  const html = await (await get(`/suggest?name=${encodeURIComponent('Contoso <b>"Filter')}`)).text();
  assert.match(html, /value="Contoso &lt;b&gt;&quot;Filter"/);
  assert.match(html, /<code>#define CONTOSO_POOL_TAG &#x27;\w{4}&#x27;<\/code>/);
  assert.match(html, /CONTOSO_BUFFER_POOL_TAG/);
  // The made-up driver uses CsFl, and Thre is the kernel's.
  const taken = await (await get('/suggest?name=Thread')).text();
  assert.match(taken, /<h2>Not free<\/h2>[\s\S]*href="\/tags\/Thre"/);
  for (const name of ['', '%20', '%F0%9F%98%80']) {
    const response = await get(`/suggest?name=${name}`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /<p role="alert">The name /);
  }
  assert.match(await (await get('/api')).text(), /href="\/suggest"/);
});

test("a driver's page tells tags that are not pool's, and says why", async () => {
  const html = await (await get(`/drivers/${CONTOSO_SHA256}`)).text();
  assert.match(html, /<h2>Tags that are not pool’s<\/h2>\n<p[^>]*>They name remove locks/);
  assert.match(
    html,
    /<a href="\/tags\/CsRl"><code class="tag">CsRl<\/code><\/a> remove lock, 2 calls <span[^>]*>by <code[^>]*>ntoskrnl\.exe!IoInitializeRemoveLockEx<\/code> at <code>0x1c40<\/code>/,
  );
  assert.match(html, /CsLk<\/code><\/a> object reference, 1 call; a pool tag elsewhere/);
  const hostile = await (await get(`/drivers/${HOSTILE_SHA256}`)).text();
  assert.match(hostile, /<code class="tag">&lt;i&gt;&quot;<\/code><\/a> object reference, 3 calls/);
  assert.match(hostile, /And 160 more, as JSON/);
  assert.doesNotMatch(await (await get(`/drivers/${'5a'.padEnd(64, '0')}`)).text(), /not pool’s/);
});

test('a tag that a driver uses for something else alone leads to that driver', async () => {
  const response = await get('/tags/CsRl');
  const html = await response.text();
  assert.equal(response.status, 404);
  assert.match(
    html,
    /<p class="lede">No list names this tag; cstorflt\.sys uses it for a remove lock, which is no pool tag\.<\/p>/,
  );
  assert.match(html, /<h2>Used for something else<\/h2>/);
  assert.ok(html.includes(`<a href="/drivers/${CONTOSO_SHA256}">cstorflt.sys</a>`));
  const pooled = await (await get('/tags/CsLk')).text();
  assert.doesNotMatch(pooled, /Used for something else/);
});

test('sites say from which pool and how many bytes, on the page of the tag and of the driver', async () => {
  for (const path of ['/tags/CsFl', `/drivers/${CONTOSO_SHA256}`]) {
    const html = await (await get(path)).text();
    assert.match(
      html,
      /, <span class="break">from POOL_FLAG_NON_PAGED \| POOL_FLAG_UNINITIALIZED, 4,096 bytes<\/span>/,
      path,
    );
  }
});

test('known leaks say whether they apply, on the page of the tag, of the leak, and in the list', async () => {
  const text = async (path: string) => (await (await get(path)).text()).replace(/\s+/g, ' ');
  assert.match(await text('/tags/NPBL'), /May apply<\/span> The version of npcap\.sys was not given\./);
  for (const page of ['/tags/NPBL', '/articles/npcap-318', '/articles']) {
    assert.match(
      await text(`${page}?driver=npcap.sys%400.9988`),
      /<span class="flag warn">Applies<\/span>/,
      page,
    );
    assert.match(await text(`${page}?driver=a.sys@1,+npcap.sys@1.79`), />Fixed in 0\.9989<\/span>/, page);
    const wrong = await text(`${page}?windows=%3Cb%3E`);
    assert.match(
      wrong,
      /The build of Windows is &quot;&lt;b&gt;&quot;, which is no build of Windows\./,
      page,
    );
  }
  assert.match(await text('/articles/npcap-688'), /npcap\.sys from 1\.76 to before 1\.78/);
});

test('the page of a tag links its component, its companions, its leaks and a guide, and each is there', async () => {
  const html = await (await get('/tags/Proc')).text();
  for (const link of [
    '/components/process-manager',
    '/tags/Thre',
    '/articles/windows-dev-performance-137',
    '/guides/handle-leaks',
  ]) {
    assert.ok(html.includes(`href="${link}"`), link);
    assert.equal((await get(link)).status, 200, link);
  }
});

test('a search shows what there is to read, and so does the list under the box', async () => {
  assert.match(await (await get('/search?q=event+2019')).text(), /href="\/guides\/events-2019-2020"/);
  const live = await (await get('/search/live?q=event+2019')).text();
  assert.match(live, /id="live-read-0"[^>]*href="\/guides\/events-2019-2020"><span[^>]*>Guide<\/span>/);
  assert.equal(live.match(/id="live-read-/g)?.length, 3);
  assert.ok(live.indexOf('live-read-0') < live.indexOf('live-0'), 'no tag has both words');
  const thread = await (await get('/search/live?q=thread')).text();
  assert.ok(thread.indexOf('live-read-0') > thread.indexOf('live-0'));
});

test('a reading that is not the plain one is said', async () => {
  const html = await (await get("/tags/'erhT'")).text();
  assert.match(html, /was read as: source literal/);
  assert.match(html, /<p class="lede">Thread objects/);
});

test('a pattern leads to the search, a folder of tags to browsing', async () => {
  const pattern = await get('/tags/Nt%3F%3F');
  assert.equal(pattern.status, 302);
  assert.match(pattern.headers.get('location') ?? '', /^\/search\?q=Nt(%3F|\?){2}$/);
  assert.equal((await get('/tags')).headers.get('location'), '/browse');
});

test('an unknown tag gets suggestions and three ways to find out', async () => {
  const html = await (await get('/tags/ThrE')).text();
  assert.match(html, /href="\/tags\/Thre"/);
  assert.match(html, /differs only by case/);
  assert.match(html, /Three ways to find out/);
});

test('what is no tag gets a page that says how tags are written, and a search', async () => {
  const response = await get('/tags/Threads');
  const html = await response.text();
  assert.match(html, /How a tag can be written/);
  assert.match(html, /href="\/search\?q&#x3D;Threads"/);
});

const HOSTILE: [path: string, status: number, reason: string][] = [
  ['/tags/%3Cb%3E%22', 200, '<b>" is a tag that the hostile driver uses'],
  ['/tags/..%2F.', 200, '../. is one, too'],
  ['/tags/%3D1%2B1', 200, '=1+1 is one, too'],
  ['/tags/%2500a', 200, '%00a is one, too'],
  ['/tags/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 400, 'markup is no tag'],
  ['/tags/%E0%A4%A', 400, 'an escape is cut short'],
  ['/tags/%E9%E9%E9%E9', 404, 'bytes that are no UTF-8 are a tag all the same'],
  ['/search?q=%3Cscript%3Ealert(1)%3C/script%3E', 200, 'markup in the search box'],
  ['/search?q=%22%20autofocus%20onfocus%3Dalert(1)%20x%3D%22', 200, 'a quote that would end an attribute'],
  ['/search?q=a&q=%3Cb%3E&page=1e9&arch=%3Cb%3E&vendor=%3Cb%3E', 200, 'every parameter, some twice'],
  ['/search?q[__proto__]=1&page[]=2', 200, 'parameters shaped like objects'],
  ['/browse?prefix=%3Cb%3E%22', 200, 'markup to browse by'],
  ['/browse?prefix=__proto__', 200, 'a name that objects have'],
  ['/components/__proto__', 404, 'a name that objects have'],
  ['/drivers/constructor', 404, 'a name that objects have'],
  ['/problems/toString', 404, 'a name that objects have'],
  ['/drivers?q=%3Cscript%3E&vendor=%3Cscript%3E&arch=vax', 200, 'markup in filters'],
  ['/articles?q=%3Cscript%3E', 200, 'markup in filters'],
  ['/%3Cscript%3E', 404, 'markup as an address'],
  [`/drivers/${HOSTILE_SHA256}`, 200, 'markup in every field of a version resource'],
  ['/tags/%3Ci%3E%22', 404, 'a tag that the hostile driver uses for something else'],
];

test('hostile input is shown as text and breaks nothing', async () => {
  for (const [path, status, reason] of HOSTILE) {
    const response = await get(path);
    const html = await response.text();
    assert.equal(response.status, status, `${path}: ${reason}`);
    assert.doesNotMatch(html, /<script>|<img src=x|<b>"|onfocus=alert\(1\) x="/, `${path}: ${reason}`);
    assert.doesNotMatch(html, /\p{Bidi_Control}|(?![\n\t])\p{Cc}/u, `${path}: ${reason}`);
    assert.doesNotMatch(html, /href="(?!\/|#|https?:)/, `${path}: ${reason}`);
  }
});

test('the same page is not sent twice: 304 for who has it', async () => {
  const first = await get('/guides');
  const etag = first.headers.get('etag');
  assert.ok(etag);
  assert.equal(first.headers.get('cache-control'), 'private, no-cache');
  // Without this header fetch asks as somebody who reloads past every cache.
  const again = await get('/guides', { 'if-none-match': etag, 'cache-control': 'max-age=0' });
  assert.equal(again.status, 304);
});

test('assets are kept for ever under an address of their content, and not under an old one', async () => {
  for (const asset of await assetsOf('/')) {
    const response = await get(asset);
    assert.equal(response.status, 200, asset);
    assert.match(response.headers.get('cache-control') ?? '', /immutable/, asset);
    const old = await get(asset.replace(/\/assets\/[0-9a-f]+\//, '/assets/000000000000/'));
    assert.equal(old.status, 200, asset);
    assert.equal(old.headers.get('cache-control'), 'no-cache', asset);
  }
  assert.equal((await get('/assets/000000000000/..%2Fpackage.json')).status, 404);
  assert.equal((await get('/favicon.ico')).headers.get('content-type'), 'image/x-icon');
});

test('the choice of colours is a cookie that the page obeys, and leads back to a page of ours alone', async () => {
  const choose = (body: string) =>
    fetch(`${site.url}/theme`, { method: 'POST', redirect: 'manual', body: new URLSearchParams(body) });
  const dark = await choose('theme=dark&back=/tags/Thre');
  assert.equal(dark.status, 303);
  assert.equal(dark.headers.get('location'), '/tags/Thre');
  assert.match(dark.headers.get('set-cookie') ?? '', /^theme=dark;/);
  assert.match(
    await (await get('/', { cookie: 'a=b; theme=dark' })).text(),
    /<html lang="en" data-theme="dark">/,
  );
  assert.match(await (await get('/', { cookie: 'theme="><script>' })).text(), /<html lang="en">/);
  assert.match((await choose('theme=auto')).headers.get('set-cookie') ?? '', /^theme=;.*Expires=/);
  for (const back of ['//example.com', '/\\example.com', 'https://example.com', '']) {
    assert.equal((await choose(`theme=dark&back=${encodeURIComponent(back)}`)).headers.get('location'), '/');
  }
});

test('browsers learn how to search here', async () => {
  const response = await get('/opensearch.xml');
  const xml = await response.text();
  assert.match(response.headers.get('content-type') ?? '', /^application\/opensearchdescription\+xml/);
  assert.ok(xml.includes(`template="${site.url}/search?q={searchTerms}"`), xml);
  assert.doesNotMatch(await (await get('/opensearch.xml', { host: '"><b>' })).text(), /<b>/);
});

test('the REST page names addresses that the REST interface has, and no fewer', async () => {
  const document = (await (await get('/api/v1/openapi.json')).json()) as { paths: Record<string, object> };
  const offered = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  );
  const named = API_OPERATIONS.map(({ method, path }) => `${method} ${path}`).filter(line =>
    line.includes('/api/'),
  );
  assert.deepEqual(named.sort(), offered.sort());
  for (const { example } of API_OPERATIONS) {
    if (example !== null) assert.equal((await get(example)).status, 200, example);
  }
});

test('programs get problem documents where readers get pages', async () => {
  for (const accept of ['application/json', '*/*']) {
    const response = await get('/nope', { accept });
    assert.equal(response.status, 404);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  }
  assert.match((await get('/api/nope')).headers.get('content-type') ?? '', /^application\/problem\+json/);
});

test('links between pages lead somewhere', async () => {
  const links = new Set<string>();
  for (const { path } of PAGE_KINDS.slice(0, 12)) {
    const html = await (await get(path)).text();
    for (const [, href] of html.matchAll(/<a[^>]* href="(\/[^"#]*)/g)) {
      links.add(href.replaceAll('&#x3D;', '=').replaceAll('&amp;', '&').replaceAll('&#x27;', "'"));
    }
  }
  assert.ok(links.size > 100, `${links.size} links`);
  for (const href of links) {
    const { status } = await get(href);
    assert.ok(status === 200 || (status === 404 && /^\/tags\//.test(href)), `${href} gives ${status}`);
  }
});

async function assetsOf(path: string): Promise<string[]> {
  const html = await (await get(path)).text();
  return [...new Set([...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, asset]) => asset))];
}
