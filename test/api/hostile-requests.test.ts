import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { startServer } from '../../api/server.ts';
import { ask, askRaw } from './rest-client.ts';
import { sampleCatalogue } from './sample-facts.ts';

const server = await startServer({ host: '127.0.0.1', port: 0, catalogue: await sampleCatalogue() });
const { url } = server;
after(() => server.stop());

const TAGS: [segment: string, status: number, tag: string | undefined, reason: string][] = [
  ['%3Cb%3E%22', 404, '<b>"', 'markup'],
  ['<b>"', 404, '<b>"', 'markup without escapes'],
  ['%00', 404, undefined, 'a NUL'],
  ['%00%00%00%00', 400, undefined, 'four NULs are no tag'],
  ['..%2F', 404, '../ ', 'a way up, escaped'],
  ['%2e%2e%2f%2e', 404, '../.', 'a way up of four bytes'],
  ['%2Fabc', 404, '/abc', 'a slash within'],
  ['%5C%5Cab', 404, '\\\\ab', 'backslashes'],
  ['=1+1', 200, '=1+1', 'a formula that a driver uses'],
  ['%E9bcd', 404, '\xe9bcd', 'a byte that is no UTF-8'],
  ['%C3%A9bcd', 404, '\xe9bcd', 'the same byte as UTF-8'],
  ['%FF%FE%FD%FC', 404, undefined, 'bytes that are never UTF-8'],
  ['%25%35%34', 404, undefined, 'escaped twice'],
  ['CM%20%20', 200, 'CM  ', 'blanks'],
  ['CM++', 404, 'CM++', 'a plus is no blank in a path'],
  ['%0d%0aX', 404, undefined, 'a line break'],
  ['%1b%5b2J', 404, '\x1b[2J', 'a terminal sequence'],
  ['%F0%9F%98%80', 400, undefined, 'a character that is no byte'],
  ['__proto__', 400, undefined, 'a name of JavaScript'],
  ['%', 400, undefined, 'a bare percent sign'],
  ['%zz', 400, undefined, 'no hex digits'],
  ['%4', 400, undefined, 'half an escape'],
  ['a'.repeat(8000), 400, undefined, 'very long'],
  ['%41'.repeat(3000), 400, undefined, 'very long in escapes'],
];

for (const [segment, status, tag, reason] of TAGS) {
  test(`/tags/${segment.slice(0, 24)} is ${status}: ${reason}`, async () => {
    const answer = await askAsWritten(`/api/v1/tags/${segment}`);
    assert.equal(answer.status, status);
    assert.match(answer.headers['content-type']!, /^application\/(problem\+)?json/);
    assert.doesNotMatch(answer.text, /node_modules|\.ts:\d|at Object/);
    if (tag !== undefined) assert.equal(answer.json.tag, tag);
  });
}

/** http.request refuses what no browser would send; such addresses go out over a socket. */
async function askAsWritten(path: string) {
  return /[<>"]/.test(path) ? ask(url, encodeURI(path)) : ask(url, path);
}

const ADDRESSES = [
  '//evil.example/api/v1/tags/Thre',
  '/api//v1/tags/Thre',
  '/api/v1/../../etc/passwd',
  '/api/v1/tags/../../../etc/passwd',
  '/api/v1/%2e%2e/%2e%2e/package.json',
  '/\\evil.example',
  '/package.json',
  '/.git/config',
  '/api/v1/export/..%2f..%2fpackage.json',
  '/problems/..%2f..%2fpackage.json',
  '/api/v1/tags/Thre%3Fq=1%23x%00/..',
  '/%',
  '/api/%zz',
  '/?%zz',
];

for (const path of ADDRESSES) {
  test(`${path} gives a client error and no file`, async () => {
    const answer = await ask(url, path);
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    assert.match(answer.headers['content-type']!, /problem\+json/);
    assert.doesNotMatch(answer.text, /"dependencies"|root:|\[core\]/);
  });
}

const RAW: [bytes: string, line: RegExp, reason: string][] = [
  [
    'GET http://evil.example/api/v1/tags/Thre HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    /^HTTP\/1\.1 (200|404)/,
    'an absolute address',
  ],
  ['GET /api/v1/tags/Thre HTTP/1.1\r\nHost: "><script>\r\n\r\n', /^HTTP\/1\.1 (200|400)/, 'markup as a host'],
  ['GET /api/v1/tags/Thre HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/, 'no host'],
  ['GET /api/v1/tags/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 [24]0/, 'bytes that are no ASCII'],
  ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 (2|4)\d\d/, 'a request to the server itself'],
  ['BREW /api/v1/tags/Thre HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400/, 'a method that does not exist'],
  ['GET /api/v1/tags/Thre\r\n\r\n', /^HTTP\/1\.1 (200|400)/, 'no version'],
  [`GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 4\d\d/, 'a head that is too long'],
  [
    'GET /api/v1/tags/Thre HTTP/1.1\r\nHost: x\r\nIf-None-Match: ",,,W/,*x"\r\n\r\n',
    /^HTTP\/1\.1 200/,
    'a broken If-None-Match',
  ],
  [
    'GET /api/v1/tags/Thre HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ;;q=,,gzip;q=x\r\n\r\n',
    /^HTTP\/1\.1 200/,
    'a broken Accept-Encoding',
  ],
];

for (const [bytes, line, reason] of RAW) {
  test(`a raw request is survived: ${reason}`, async () => {
    assert.match(await askRaw(url, bytes), line);
    assert.equal((await ask(url, '/healthz')).status, 200);
  });
}
