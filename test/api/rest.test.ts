import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { z } from 'zod';
import {
  driverAnswerSchema,
  driversAnswerSchema,
  lookupAnswerSchema,
  problemSchema,
  searchAnswerSchema,
  statusSchema,
  tagAnswerSchema,
} from '../../api/document-schemas.ts';
import {
  articleAnswerSchema,
  articlesAnswerSchema,
  componentAnswerSchema,
  componentsAnswerSchema,
  guideAnswerSchema,
  guidesAnswerSchema,
} from '../../api/knowledge-schemas.ts';
import { startServer } from '../../api/server.ts';
import { suggestionsSchema } from '../../api/suggestion-schema.ts';
import { readTagList } from '../../data/pooltag-txt.ts';
import { ask, post } from './rest-client.ts';
import { DRIVERS, driver, evidence, sampleCatalogue } from './sample-facts.ts';

const catalogue = await sampleCatalogue();
const server = await startServer({ host: '127.0.0.1', port: 0, catalogue });
const { url } = server;
after(() => server.stop());

const FOO = DRIVERS[0].driver.sha256;

const DOCUMENTS: [path: string, schema: z.ZodType][] = [
  ['/tags/Thre', tagAnswerSchema],
  ['/tags/Ntfs', tagAnswerSchema],
  ['/tags/Foo1', tagAnswerSchema],
  ['/tags/AfdQ', tagAnswerSchema],
  ['/search?q=thread', searchAnswerSchema],
  ['/search', searchAnswerSchema],
  [
    '/search?q=&vendor=Microsoft&component=ntfs&source=pooltag-list&strength=written&page=1&pageSize=5',
    searchAnswerSchema,
  ],
  ['/drivers', driversAnswerSchema],
  ['/drivers?q=foo&vendor=Contoso&arch=x64&page=1', driversAnswerSchema],
  [`/drivers/${FOO}`, driverAnswerSchema],
  ['/suggest?name=Contoso%20Filter', suggestionsSchema],
  ['/suggest?name=Afd%20Thread&count=50', suggestionsSchema],
  ['/status', statusSchema],
  ['/tags/Duo1?windows=26200&driver=foo.sys@1.2&driver=a.sys@1', tagAnswerSchema],
  ['/search?q=handle+leak', searchAnswerSchema],
  ['/articles?windows=10.0.26200', articlesAnswerSchema],
  ['/articles/foo-leak?driver=foo.sys@1.3', articleAnswerSchema],
  ['/components', componentsAnswerSchema],
  ['/components/ntfs', componentAnswerSchema],
  ['/guides', guidesAnswerSchema],
  ['/guides/guide', guideAnswerSchema],
];

for (const [path, schema] of DOCUMENTS) {
  test(`GET ${path} answers with exactly the documented shape`, async () => {
    const { status, headers, json } = await ask(url, `/api/v1${path}`);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    // Parsing drops what the schema does not know, so equality proves that everything is documented.
    assert.deepEqual(schema.parse(json), json);
  });
}

// query, code
const NO_SUGGESTIONS: [query: string, code: string][] = [
  ['', 'invalid-query'],
  ['?name=', 'invalid-name'],
  ['?name=%20', 'invalid-name'],
  ['?name=%F0%9F%98%80', 'invalid-name'],
  ['?name=a&name=b', 'invalid-query'],
  [`?name=${'x'.repeat(10_000)}`, 'invalid-query'],
  ['?name=Contoso&count=0', 'invalid-query'],
  ['?name=Contoso&count=51', 'invalid-query'],
];
for (const [query, code] of NO_SUGGESTIONS) {
  test(`GET /suggest${query.slice(0, 30)} is ${code}`, async () => {
    const { status, json } = await ask(url, `/api/v1/suggest${query}`);
    assert.equal(status, 400);
    assert.equal(json.code, code);
  });
}

test('a tag is answered as the contract shows it', async () => {
  const { json } = await ask(url, "/api/v1/tags/'erhT'");
  assert.deepEqual(json.reading, { input: "'erhT'", as: 'source literal', isPlain: false, also: [] });
  assert.equal(json.tag, 'Thre');
  assert.equal(json.summary, "Thread objects, owned by the kernel's process manager (nt!ps).");
  assert.deepEqual(json.sightings[0].driver.fileName, 'ntoskrnl.exe');
  assert.deepEqual(json.links, { self: '/api/v1/tags/Thre', page: '/tags/Thre' });
});

test('search finds by words, pages with exact totals, filters and counts facets', async () => {
  const { json } = await ask(url, '/api/v1/search?q=objects&pageSize=1&page=2');
  assert.equal(json.page, 2);
  assert.equal(json.pageSize, 1);
  assert.equal(json.hits.length, 1);
  assert.ok(json.total >= 3);
  assert.deepEqual(json.query, { q: 'objects', page: 2, pageSize: 1 });
  const filtered = (await ask(url, '/api/v1/search?driver=foo.sys&vendor=')).json;
  assert.equal(filtered.total, 5);
  assert.ok(filtered.facets.vendor.length > 0);
  const pattern = (await ask(url, '/api/v1/search?q=Nt%3F%3F')).json;
  assert.ok(pattern.hits.every((hit: { tag: string }) => hit.tag.startsWith('Nt')));
});

test('a look-up answers in order, and marks what is unknown or no tag', async () => {
  const { status, json } = await post(url, '/api/v1/lookup', {
    tags: ['Thre', '0x20204d43', 'Zzzz', 'Nt??', ''],
  });
  assert.equal(status, 200);
  assert.deepEqual(lookupAnswerSchema.parse(json), json);
  assert.deepEqual(
    json.answers.map(
      (answer: { found: boolean; tag?: string; problem?: { code: string } }) =>
        answer.tag ?? answer.problem?.code,
    ),
    ['Thre', 'CM  ', 'unknown-tag', 'invalid-tag', 'invalid-tag'],
  );
});

test('known leaks say whether they concern the machine: by the request, else by what was scanned', async () => {
  const verdicts = async (query: string) =>
    (await ask(url, `/api/v1/tags/Duo1${query}`)).json.articles.map(
      ({ id, applies }: { id: string; applies: { verdict: string } }) => `${id} ${applies.verdict}`,
    );
  assert.deepEqual(await verdicts(''), ['foo-leak applies', 'eleven may-apply']);
  assert.deepEqual(await verdicts('?driver=FOO.SYS@1.3&windows=26200'), ['eleven applies', 'foo-leak fixed']);
  assert.deepEqual(await verdicts('?windows=Windows+Eleven'), ['foo-leak applies', 'eleven applies']);
  const asked = { tags: ['Duo1', 'Zzzz'], windows: '19045', drivers: ['foo.sys@1.3'] };
  const { json } = await post(url, '/api/v1/lookup', asked);
  assert.deepEqual(lookupAnswerSchema.parse(json), json);
  assert.deepEqual(
    json.answers[0].articles.map(({ id, applies }: { id: string; applies: { verdict: string } }) => [
      id,
      applies.verdict,
    ]),
    [
      ['foo-leak', 'fixed'],
      ['eleven', 'does-not-apply'],
    ],
  );
});

test('a search gives what there is to read, on its first page and without filters', async () => {
  const reading = async (query: string) =>
    (await ask(url, `/api/v1/search?q=${query}`)).json.reading.map(({ links }: { links: object }) => links);
  assert.deepEqual(await reading('event+2019'), [{ self: '/api/v1/guides/guide', page: '/guides/guide' }]);
  assert.deepEqual(await reading('event+2019&page=2'), []);
  assert.deepEqual(await reading('event+2019&arch=x64'), []);
});

test('a tag that a driver uses for something else is told, and makes no owner', async () => {
  const { json: driver } = await ask(url, `/api/v1/drivers/${FOO}`);
  assert.deepEqual(driver.otherTags[0], {
    tag: 'Fred',
    id: '46726564',
    kind: 'remove-lock',
    api: 'ntoskrnl.exe!IoInitializeRemoveLockEx',
    rva: 32,
    sites: 2,
    links: { self: '/api/v1/tags/Fred', page: '/tags/Fred' },
  });
  const use = {
    driver: { fileName: 'foo.sys', sha256: FOO, isSample: false },
    sites: 1,
    links: { self: `/api/v1/drivers/${FOO}`, page: `/drivers/${FOO}` },
  };
  const known = (await ask(url, '/api/v1/tags/Thre')).json;
  assert.deepEqual(known.otherUses, [{ ...use, kind: 'object-reference' }]);
  assert.ok(known.owners.every(({ image }: { image: string }) => image !== 'foo.sys'));
  const { status, json: unknown } = await ask(url, '/api/v1/tags/Fred');
  assert.equal(status, 404);
  assert.deepEqual(problemSchema.parse(unknown), unknown);
  assert.equal(
    unknown.detail,
    'No list names this tag; foo.sys uses it for a remove lock, which is no pool tag.',
  );
  assert.deepEqual(unknown.otherUses, [{ ...use, kind: 'remove-lock', sites: 2 }]);
  const both = (await ask(url, '/api/v1/tags/Foo1')).json;
  assert.equal('otherUses' in both, false, 'the driver allocates with it as well');
  assert.deepEqual(
    [both.sightings[0].firstSites[0].pool, both.sightings[0].firstSites[0].sizeBytes],
    ['PagedPool', 64],
  );
  assert.equal('otherTags' in (await ask(url, `/api/v1/drivers/${DRIVERS[1].driver.sha256}`)).json, false);
});

test('a driver shows each tag with all evidence, those that no list knows marked', async () => {
  const { json } = await ask(url, `/api/v1/drivers/${FOO.toUpperCase()}`);
  assert.equal(json.driver.fileName, 'foo.sys');
  const foo1 = json.sightings.find(({ tag }: { tag: string }) => tag === 'Foo1');
  assert.equal(foo1.evidence.length, 12);
  assert.equal(foo1.isListed, false);
  assert.equal(foo1.evidence[0].rva, 0x1000);
  assert.equal(json.sightings.find(({ tag }: { tag: string }) => tag === 'Ntfs').isListed, true);
});

const EXPORTS: [name: string, type: string][] = [
  ['pooltag.txt', 'text/plain; charset=us-ascii'],
  ['localtag.txt', 'text/plain; charset=us-ascii'],
  ['tags.csv', 'text/csv; charset=utf-8; header=present'],
  ['tags.ndjson', 'application/x-ndjson; charset=utf-8'],
];

for (const [name, type] of EXPORTS) {
  test(`${name} is sent as a file, and not again while nothing changed`, async () => {
    const first = await ask(url, `/api/v1/export/${name}`);
    assert.equal(first.status, 200);
    assert.equal(first.headers['content-type'], type);
    assert.equal(first.headers['content-disposition'], `attachment; filename="${name}"`);
    assert.ok(first.text.endsWith('\n'));
    const again = await ask(url, `/api/v1/export/${name}`, {
      headers: { 'if-none-match': first.headers.etag! },
    });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
    const zipped = await ask(url, `/api/v1/export/${name}`, { headers: { 'accept-encoding': 'gzip' } });
    const text =
      zipped.headers['content-encoding'] === 'gzip' ? gunzipSync(zipped.body).toString() : zipped.text;
    assert.equal(text, first.text);
  });
}

test('what is exported as pooltag.txt is read back, with lists and drivers', async () => {
  const { text } = await ask(url, '/api/v1/export/pooltag.txt');
  const list = readTagList(text, 'export');
  assert.deepEqual(list.remarks, []);
  const owners = list.entries.map(({ tag, image }) => `${tag} ${image}`);
  for (const owner of [
    'Thre nt!ps',
    'CM   nt!cm',
    'Afd? afd.sys',
    'Foo1 foo.sys',
    'Ntfs ntfs.sys',
    'Ntfs foo.sys',
    'Mine mine.sys',
  ]) {
    assert.ok(owners.includes(owner), owner);
  }
  assert.ok(!owners.includes('Bits foo.sys'), 'bytes without proof are no owner');
});

test('localtag.txt holds the tags of scanned drivers alone', async () => {
  const { text } = await ask(url, '/api/v1/export/localtag.txt');
  assert.match(text, /Foo1 - foo\.sys/);
  assert.doesNotMatch(text, /Mine/);
});

test('tags.csv makes no spreadsheet run anything', async () => {
  const { text } = await ask(url, '/api/v1/export/tags.csv');
  assert.match(text, /^'=1\+1,/m);
  assert.match(text, /,'=cmd\|calc,/);
  for (const line of text.split('\n')) assert.doesNotMatch(line, /(^|,)"?[=+@-]/);
});

test('tags.ndjson holds one record to a line', async () => {
  const lines = (await ask(url, '/api/v1/export/tags.ndjson')).text.trim().split('\n');
  assert.equal(lines.length, catalogue.records().length);
  assert.ok(lines.map(line => JSON.parse(line)).some(record => record.tag === 'Thre'));
});

const PROBLEMS: [method: string, path: string, status: number, code: string, reason: string][] = [
  ['GET', '/tags/Zzzz', 404, 'unknown-tag', 'a tag that nothing knows'],
  ['GET', '/tags/Threads', 400, 'invalid-tag', 'too long'],
  ['GET', '/tags/Nt%3F%3F', 400, 'invalid-tag', 'a pattern'],
  ['GET', '/tags/%20', 400, 'invalid-tag', 'one blank'],
  ['GET', '/tags', 404, 'unknown-route', 'no tag at all'],
  ['GET', '/nothing', 404, 'unknown-route', 'no such address'],
  ['GET', '/Tags/Thre', 404, 'unknown-route', 'letter case counts in addresses'],
  ['GET', '/tags/Thre/more', 404, 'unknown-route', 'an address below a tag'],
  ['POST', '/tags/Thre', 405, 'method-not-allowed', 'reading only'],
  ['DELETE', '/search', 405, 'method-not-allowed', 'reading only'],
  ['GET', '/lookup', 405, 'method-not-allowed', 'takes a body'],
  ['GET', '/search?page=0', 400, 'invalid-query', 'pages begin at 1'],
  ['GET', '/search?page=1e3', 400, 'invalid-query', 'digits only'],
  ['GET', '/search?page=99999999999', 400, 'invalid-query', 'a page that cannot be'],
  ['GET', '/search?pageSize=101', 400, 'invalid-query', 'too many to a page'],
  ['GET', '/search?pageSize=-1', 400, 'invalid-query', 'less than nothing'],
  ['GET', '/search?q=a&q=b', 400, 'invalid-query', 'given twice'],
  ['GET', '/search?arch=mips', 400, 'invalid-query', 'no such processor'],
  ['GET', `/search?q=${'a'.repeat(201)}`, 400, 'invalid-query', 'too long a text'],
  ['GET', '/drivers?arch=z80', 400, 'invalid-query', 'no such processor'],
  ['GET', '/drivers/foo.sys', 400, 'invalid-query', 'a name is no SHA-256'],
  ['GET', `/drivers/${'0'.repeat(64)}`, 404, 'unknown-driver', 'not scanned'],
  ['GET', '/tags/Thre?windows=7x', 400, 'invalid-query', 'no build of Windows'],
  ['GET', '/tags/Thre?driver=foo.sys', 400, 'invalid-query', 'a driver without a version'],
  ['GET', '/tags/Thre?windows=26200&windows=19045', 400, 'invalid-query', 'given twice'],
  ['GET', `/tags/Thre?${'driver=a.sys@1&'.repeat(51)}`, 400, 'invalid-query', 'too many drivers'],
  ['GET', '/articles?windows=x', 400, 'invalid-query', 'no build of Windows'],
  ['GET', '/articles/nope', 404, 'unknown-route', 'no such leak'],
  ['GET', '/components/__proto__', 404, 'unknown-route', 'no such component'],
  ['GET', '/guides/nope', 404, 'unknown-route', 'no such guide'],
  ['GET', '/export/secrets.txt', 404, 'unknown-route', 'no such export'],
  ['GET', '/export/__proto__', 404, 'unknown-route', 'no such export'],
];

for (const [method, path, status, code, reason] of PROBLEMS) {
  test(`${method} ${path.slice(0, 40)} is ${status} ${code}: ${reason}`, async () => {
    const answer = await ask(url, `/api/v1${path}`, { method });
    assert.equal(answer.status, status);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
    problemSchema.parse(answer.json);
    assert.equal(answer.json.type, `/problems/${code}`);
    assert.equal(answer.json.code, code);
    assert.equal(answer.json.status, status);
    assert.equal(answer.json.instance, `/api/v1${path}`);
    assert.ok(answer.json.detail.endsWith('.') && answer.json.title !== '');
    if (status === 405) assert.ok(answer.headers.allow?.includes(path === '/lookup' ? 'POST' : 'GET'));
  });
}

test('an unknown tag comes with suggestions and advice', async () => {
  const { json } = await ask(url, '/api/v1/tags/tHRE');
  assert.deepEqual(
    json.suggestions.map(({ tag }: { tag: string }) => tag),
    ['Thre', 'THRE'],
  );
  assert.equal(json.advice[0].kind, 'unknown-tag');
});

test('a pattern in place of a tag is pointed to the search', async () => {
  const { json } = await ask(url, '/api/v1/tags/Nt%3F%3F');
  assert.equal(json.links.search.self, '/api/v1/search?q=Nt%3F%3F');
});

const BODIES: [body: string, type: string | undefined, status: number, code: string, reason: string][] = [
  ['{"tags":["Thre"]}', 'text/plain', 415, 'unsupported-media-type', 'not sent as JSON'],
  ['{"tags":["Thre"]}', undefined, 415, 'unsupported-media-type', 'no content type'],
  [
    '{"tags":["Thre"]}',
    'application/json; charset=x-unknown',
    415,
    'unsupported-media-type',
    'an unknown charset',
  ],
  ['{"tags":["Thre"]', 'application/json', 400, 'invalid-json', 'cut off'],
  ['', 'application/json', 400, 'invalid-body', 'no body'],
  ['"Thre"', 'application/json', 400, 'invalid-json', 'a text, where an object is taken'],
  ['null', 'application/json', 400, 'invalid-json', 'null'],
  ['[]', 'application/json', 400, 'invalid-body', 'a list'],
  ['{}', 'application/json', 400, 'invalid-body', 'no tags'],
  ['{"tags":[]}', 'application/json', 400, 'invalid-body', 'no tag'],
  ['{"tags":"Thre"}', 'application/json', 400, 'invalid-body', 'not a list'],
  ['{"tags":["Thre",7]}', 'application/json', 400, 'invalid-body', 'a number among the tags'],
  ['{"tags":["Thre"],"more":1}', 'application/json', 400, 'invalid-body', 'an unknown field'],
  ['{"tags":["Thre"],"windows":"x"}', 'application/json', 400, 'invalid-body', 'no build of Windows'],
  ['{"tags":["Thre"],"drivers":["a"]}', 'application/json', 400, 'invalid-body', 'no driver with a version'],
  ['{"__proto__":{"tags":["Thre"]}}', 'application/json', 400, 'invalid-body', 'a prototype is no field'],
  [
    JSON.stringify({ tags: Array(1001).fill('Thre') }),
    'application/json',
    400,
    'invalid-body',
    'more than 1,000',
  ],
  [
    JSON.stringify({ tags: ['a'.repeat(300_000)] }),
    'application/json',
    413,
    'body-too-large',
    'a very long tag',
  ],
];

for (const [body, type, status, code, reason] of BODIES) {
  test(`POST /lookup with ${body.slice(0, 32)} is ${status} ${code}: ${reason}`, async () => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const answer = await ask(url, '/api/v1/lookup', { method: 'POST', headers, body });
    assert.equal(answer.status, status);
    assert.equal(answer.json.code, code);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  });
}

test('a thousand tags are taken in one look-up', async () => {
  const { status, json } = await post(url, '/api/v1/lookup', { tags: Array(1000).fill("'erhT'") });
  assert.equal(status, 200);
  assert.equal(json.answers.length, 1000);
  const zipped = await ask(url, '/api/v1/lookup', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-encoding': 'gzip' },
    body: JSON.stringify({ tags: Array(1000).fill('Thre') }),
  });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(gunzipSync(zipped.body).toString()).answers.length, 1000);
});

test('an answer that the client has is not sent again', async () => {
  const first = await ask(url, '/api/v1/tags/Proc');
  const { etag } = first.headers;
  assert.match(etag!, /^W\/"[\w-]{27}"$/);
  for (const known of [etag!, `"other", ${etag}`, etag!.slice(2), '*']) {
    const again = await ask(url, '/api/v1/tags/Proc', { headers: { 'if-none-match': known } });
    assert.equal(again.status, 304, known);
    assert.equal(again.body.length, 0);
    assert.equal(again.headers.etag, etag);
  }
  assert.equal(
    (await ask(url, '/api/v1/tags/Proc', { headers: { 'if-none-match': '"other"' } })).status,
    200,
  );
});

const ENCODINGS: [accepted: string, used: string | undefined][] = [
  ['gzip, deflate, br', 'gzip'],
  ['gzip;q=0', undefined],
  ['identity', undefined],
  ['*', 'gzip'],
  ['br', undefined],
  ['gzip;q=0.1, identity;q=0.5', undefined],
  ['x-gzip;q=bad', undefined],
];

for (const [accepted, used] of ENCODINGS) {
  test(`Accept-Encoding: ${accepted} is answered with ${used ?? 'no compression'}`, async () => {
    const plain = await ask(url, '/api/v1/tags/Thre');
    const answer = await ask(url, '/api/v1/tags/Thre', { headers: { 'accept-encoding': accepted } });
    assert.equal(answer.headers['content-encoding'], used);
    assert.equal(answer.headers.vary, 'Accept-Encoding');
    assert.equal(answer.headers.etag, plain.headers.etag);
    assert.equal(Number(answer.headers['content-length']), answer.body.length);
    const text = used === 'gzip' ? gunzipSync(answer.body).toString() : answer.text;
    assert.equal(text, plain.text);
  });
}

test('HEAD answers as GET without the body', async () => {
  for (const path of ['/api/v1/tags/Thre', '/api/v1/export/tags.csv', '/api/v1/tags/Zzzz', '/healthz']) {
    const get = await ask(url, path);
    const head = await ask(url, path, { method: 'HEAD' });
    assert.equal(head.status, get.status, path);
    assert.equal(head.body.length, 0, path);
    assert.equal(head.headers.etag, get.headers.etag, path);
  }
});

test('every answer has the security headers, first and from the cache, well and badly asked', async () => {
  for (const path of [
    '/api/v1/tags/Mine',
    '/api/v1/tags/Mine',
    '/api/v1/tags/Zzzz',
    '/healthz',
    '/nothing',
    '/api/v1/tags/%zz',
  ]) {
    const { headers } = await ask(url, path);
    const policy = headers['content-security-policy'] as string;
    assert.match(policy, /default-src 'none'/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['x-powered-by'], undefined, path);
    assert.equal(headers['set-cookie'], undefined, path);
  }
});

test('pages of other origins may read, and nothing else', async () => {
  for (const path of [
    '/api/v1/tags/Thre',
    '/api/v1/tags/Zzzz',
    '/api/v1/nothing',
    '/api/v1/export/tags.csv',
  ]) {
    const { headers } = await ask(url, path, { headers: { origin: 'https://example.org' } });
    assert.equal(headers['access-control-allow-origin'], '*', path);
    assert.equal(headers['access-control-allow-credentials'], undefined, path);
  }
  const preflight = await ask(url, '/api/v1/tags/Thre', {
    method: 'OPTIONS',
    headers: { origin: 'https://example.org', 'access-control-request-method': 'GET' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-allow-methods'], 'GET, HEAD');
  const options = await ask(url, '/api/v1/lookup', { method: 'OPTIONS' });
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, 'POST, OPTIONS');
});

test('the answer changes when a driver is scanned, also where it was kept', async () => {
  const own = await sampleCatalogue();
  const site = await startServer({ host: '127.0.0.1', port: 0, catalogue: own });
  try {
    const before = await ask(site.url, '/api/v1/tags/Mine');
    assert.equal(before.json.sightings.length, 0);
    own.addOutcome(driver('mine.sys', { Mine: evidence('allocation-call') }));
    await own.flush();
    const later = await ask(site.url, '/api/v1/tags/Mine', {
      headers: { 'if-none-match': before.headers.etag! },
    });
    assert.equal(later.status, 200);
    assert.equal(later.json.sightings.length, 1);
  } finally {
    await site.stop();
  }
});

test('a problem code is explained as JSON', async () => {
  const { status, json } = await ask(url, '/problems/invalid-tag');
  assert.equal(status, 200);
  assert.equal(json.status, 400);
  assert.equal(json.exitCode, 2);
  assert.equal((await ask(url, '/problems/constructor')).json.code, 'unknown-problem');
});
