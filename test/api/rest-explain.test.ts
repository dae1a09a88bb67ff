import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DriverExplanations } from '../../api/driver-explanations.ts';
import { explanationSchema } from '../../api/explanation-schema.ts';
import { createPages } from '../../api/routes/pages.ts';
import { startServer } from '../../api/server.ts';
import { projectFile } from '../../data/project-files.ts';
import { addDriverWithFile } from './driver-with-file.ts';
import { ask } from './rest-client.ts';
import { DRIVERS, sampleCatalogue } from './sample-facts.ts';
import { driverWithBoth, driverWithMarks } from './wildcard-drivers.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'pooltag-explain-rest-'));
const catalogue = await sampleCatalogue();
const explanations = new DriverExplanations(catalogue);
const pages = createPages({ catalogue, explanations });
const server = await startServer({ host: '127.0.0.1', port: 0, catalogue, explanations, pages });
const disk = await addDriverWithFile(catalogue);
const computed = await addDriverWithFile(
  catalogue,
  projectFile('test', 'drivers', 'built', 'open-family.arm64.clang.O0.sys'),
);
const marks = await addDriverWithFile(catalogue, driverWithMarks(root));
const both = await addDriverWithFile(catalogue, driverWithBoth(root));
const gone = await addCopy('sample-net.sys');
rmSync(gone.file);
const changed = await addCopy('sample-files.sys');
writeFileSync(changed.file, 'Something else now.');
after(async () => {
  await server.stop();
  await explanations.close();
  rmSync(root, { recursive: true });
});

function addCopy(name: string) {
  const file = path.join(root, name);
  copyFileSync(projectFile('data', 'samples', name), file);
  return addDriverWithFile(catalogue, file);
}

const at = (sha256: string, tag: string) => `/drivers/${sha256}/explain/${encodeURIComponent(tag)}`;
const inRest = (sha256: string, tag: string) => `/api/v1${at(sha256, tag)}`;

test('a tag of a driver is explained as the description says, and says nothing of where the file lies', async () => {
  const answer = await ask(server.url, inRest(disk.sha256, disk.tag));
  assert.equal(answer.status, 200, answer.text);
  const read = explanationSchema.strict().safeParse(answer.json);
  assert.ok(read.success, String(read.error));
  assert.equal(answer.json.tag, disk.tag);
  assert.equal(answer.json.sites.length + answer.json.moreSites, disk.sites);
  assert.equal(answer.json.driver.fileName, 'sample-disk.sys');
  const { status } = await ask(server.url, answer.json.links.page, { headers: { accept: 'text/html' } });
  assert.equal(status, 200);
  assert.doesNotMatch(answer.text, /samples|\/data\//);
});

test('the tag may be spelled in any way', async () => {
  const reversed = `'${[...disk.tag].reverse().join('')}'`;
  const answer = await ask(server.url, inRest(disk.sha256, reversed));
  assert.equal(answer.json.tag, disk.tag);
  assert.equal(answer.json.links.self, inRest(disk.sha256, disk.tag));
});

test('the wildcard of a computed family is explained under its own address, on the pages too', async () => {
  const answer = await ask(server.url, inRest(computed.sha256, 'OfN?'));
  assert.equal(answer.status, 200, answer.text);
  const read = explanationSchema.strict().safeParse(answer.json);
  assert.ok(read.success, String(read.error));
  assert.deepEqual([answer.json.id, answer.json.isPattern], ['p-4f664e3f', true]);
  assert.equal(answer.json.links.self, inRest(computed.sha256, 'OfN?'));
  assert.deepEqual(
    answer.json.sites[0].steps.map(({ kind }: { kind: string }) => kind),
    ['constant', 'computed', 'carried', 'carried', 'call', 'function'],
  );
  const page = await ask(server.url, answer.json.links.page, { headers: { accept: 'text/html' } });
  assert.equal(page.status, 200);
  assert.match(page.text, /One character is computed from a number that is not known/);
  assert.match(page.text, /A number that is not known goes into its 4th character/);
  assert.match(page.text, /href="\/search\?q&#x3D;OfN%3F"/);
  assert.doesNotMatch(page.text, /Who owns/);
  const driver = await ask(server.url, `/drivers/${computed.sha256}`);
  assert.ok(driver.text.includes(`${at(computed.sha256, 'OfN?')}/fold`), 'the page of the driver links it');
});

test('a tag with a real ? is explained by its text and its value, on the page too', async () => {
  for (const spelling of ['Rx??', '0x3F3F7852']) {
    const { status, json, text } = await ask(server.url, inRest(marks.sha256, spelling));
    assert.equal(status, 200, text);
    assert.deepEqual([json.tag, json.isPattern], ['Rx??', undefined]);
    assert.equal(json.links.self, inRest(marks.sha256, '0x3F3F7852'));
    const page = await ask(server.url, json.links.page, { headers: { accept: 'text/html' } });
    assert.match(page.text, /The tag has these very characters: it is no wildcard\./);
  }
});

test('a tag that is spelled like a family is explained beside it, and by its value alone', async () => {
  const typed = await ask(server.url, inRest(both.sha256, 'OfN?'));
  const read = explanationSchema.strict().safeParse(typed.json);
  assert.ok(read.success, String(read.error));
  assert.deepEqual([typed.json.id, typed.json.also.id], ['p-4f664e3f', '4f664e3f']);
  const page = await ask(server.url, typed.json.links.page, { headers: { accept: 'text/html' } });
  assert.match(page.text, /A tag spelled like it: \d+ sites?<\/h2>[\s\S]*it is no wildcard/);
  const value = await ask(server.url, inRest(both.sha256, '0x3F4E664F'));
  assert.deepEqual([value.json.id, value.json.also], ['4f664e3f', undefined]);
  const family = await ask(server.url, inRest(computed.sha256, '0x3F4E664F'));
  assert.deepEqual([family.status, family.json.code], [404, 'tag-not-in-driver']);
});

test('a tag that a driver uses for something else than pool memory says so in place of an explanation', async () => {
  const { status, json } = await ask(server.url, inRest(DRIVERS[0].driver.sha256, "'derF'"));
  assert.equal(status, 404);
  assert.equal(json.code, 'tag-not-in-driver');
  assert.match(
    json.detail,
    /^foo\.sys has no site of Fred; foo\.sys uses it for a remove lock, which is no pool tag\. GET/,
  );
});

const PROBLEMS: [path: string, status: number, code: string, reason: string][] = [
  [inRest(disk.sha256, 'Zzzz'), 404, 'tag-not-in-driver', 'a tag that the driver does not use'],
  [inRest(disk.sha256, '<b>"'), 404, 'tag-not-in-driver', 'a tag that looks like HTML'],
  [inRest(disk.sha256, 'Threads'), 400, 'invalid-tag', 'not a tag'],
  [inRest(disk.sha256, 'Nt??'), 400, 'invalid-tag', 'a pattern'],
  [inRest(disk.sha256, 'OfN?'), 400, 'invalid-tag', 'a wildcard that is no family of the driver'],
  [inRest('f'.repeat(64), disk.tag), 404, 'unknown-driver', 'a driver that was not scanned'],
  [inRest('nope', disk.tag), 400, 'invalid-query', 'not a SHA-256'],
  [inRest(gone.sha256, gone.tag), 404, 'driver-file-gone', 'a file that was removed'],
  [inRest(changed.sha256, changed.tag), 404, 'driver-file-gone', 'a file that is another one now'],
  [inRest(DRIVERS[0].driver.sha256, DRIVERS[0].sightings[0].tag), 404, 'driver-file-gone', 'no file known'],
];
for (const [asked, status, code, reason] of PROBLEMS) {
  test(`the problem is ${code}: ${reason}`, async () => {
    const answer = await ask(server.url, asked);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.code, code);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.ok(!answer.text.includes(root), 'no path of this computer');
  });
}

test('a file that comes back is explained', async () => {
  const again = await addCopy('sample-net.sys');
  const answer = await ask(server.url, inRest(again.sha256, again.tag));
  assert.equal(answer.status, 200, answer.text);
  rmSync(again.file);
  const kept = await ask(server.url, inRest(again.sha256, again.tag));
  assert.equal(kept.status, 200, 'what was worked out is kept');
});

test('requests at once for the same explanation share it; too many for others are told to come again', async () => {
  const narrow = new DriverExplanations(catalogue, undefined, { maxWaiting: 1 });
  const asked = await Promise.allSettled([
    narrow.explain(disk.sha256, disk.tag),
    narrow.explain(disk.sha256, disk.tag),
    narrow.explain(gone.sha256, gone.tag),
  ]);
  const codes = asked.map(result => (result.status === 'rejected' ? result.reason.code : result.value.sites));
  assert.equal(codes[0], codes[1]);
  assert.equal(codes[2], 'explanations-busy');
  await assert.rejects(narrow.explain(gone.sha256, gone.tag), { code: 'driver-file-gone' });
});

test('closing gives up the explanation that is being made', async () => {
  const closed = new DriverExplanations(catalogue);
  const asked = closed.explain(disk.sha256, disk.tag);
  const refused = assert.rejects(asked, { code: 'explanation-failed' });
  // The worker is there a moment after it was asked.
  await new Promise(resolve => setImmediate(resolve));
  await closed.close();
  await refused;
});

test('the page and the fold show the same, escaped; a reader gets errors as pages', async () => {
  const headers = { accept: 'text/html' };
  const page = await ask(server.url, at(disk.sha256, disk.tag), { headers });
  assert.equal(page.status, 200);
  assert.match(page.text, /<h1>How .* was found in sample-disk\.sys<\/h1>/);
  assert.match(page.text, /ntoskrnl\.exe!Ex\w+/);
  const fold = await ask(server.url, `${at(disk.sha256, disk.tag)}/fold`);
  assert.equal(fold.status, 200);
  assert.match(fold.text, /^<div class="explanation">/);
  assert.ok(page.text.includes(fold.text.trim()), fold.text);
  const none = await ask(server.url, at(disk.sha256, '<b>"'), { headers });
  assert.equal(none.status, 404);
  assert.match(none.text, /has no site of &lt;b&gt;&quot;/);
  assert.doesNotMatch(none.text, /<b>"/);
  const noFold = await ask(server.url, `${at(changed.sha256, changed.tag)}/fold`);
  assert.equal(noFold.status, 404);
  assert.match(noFold.text, /has changed since it was scanned/);
});

test("the driver's page offers explanations only where the file is known", async () => {
  const known = await ask(server.url, `/drivers/${disk.sha256}`);
  assert.ok(known.text.includes(`${at(disk.sha256, disk.tag)}/fold`));
  const unknown = await ask(server.url, `/drivers/${DRIVERS[0].driver.sha256}`);
  assert.doesNotMatch(unknown.text, /\/explain\//);
});
