import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import type { LeakAnswer } from '../../api/leaks/leak-answer.ts';
import { leakReportPage } from '../../api/leaks/leak-report-page.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { hugeLeaks, oneSnapshot, sampleLeaks } from './sample-leaks.ts';

const MADE_AT_MS = Date.UTC(2026, 10, 29, 12);
/** What mail and ticket systems take without a word. */
const MAX_REPORT_BYTES = 1_000_000;

const ANSWERS: [name: string, answer: LeakAnswer][] = [
  ['a day of snapshots', sampleLeaks()],
  ['one snapshot', oneSnapshot()],
  ['as much as there can be', hugeLeaks()],
];

let browser: Browser;
let folder: string;
before(async () => {
  browser = await launchBrowser();
  folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-report-'));
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

function fileOf(answer: LeakAnswer): string {
  const file = path.join(folder, 'report.html');
  writeFileSync(file, leakReportPage(answer, { madeAtMs: MADE_AT_MS }));
  return pathToFileURL(file).href;
}

test('the report has no script, loads nothing, and its policy allows its own style alone', () => {
  for (const [name, answer] of ANSWERS) {
    const html = leakReportPage(answer, { madeAtMs: MADE_AT_MS });
    assert.doesNotMatch(
      html,
      /<script|<link|<img|<form|<iframe|<object|\son[a-z]+="|\sstyle="|url\(|@import/,
      name,
    );
    assert.doesNotMatch(html, /(?:src|href|action)="(?!https:\/\/)/, name);
    const style = /<style>(.*?)<\/style>/s.exec(html)![1];
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)![1];
    assert.equal(
      policy.replaceAll('&#x27;', "'").replaceAll('&#x3D;', '='),
      `default-src 'none'; style-src 'sha256-${hash}'`,
      name,
    );
    assert.ok(Buffer.byteLength(html) < MAX_REPORT_BYTES, `${name} has ${Buffer.byteLength(html)} bytes`);
    assert.equal(html.match(/<h1[ >]/g)?.length, 1, name);
  }
});

test('the report says when it was made, where that is given', () => {
  assert.match(
    leakReportPage(sampleLeaks(), { madeAtMs: MADE_AT_MS }),
    /Made 2026-11-29 12:00:00 UTC by Pooltag \d/,
  );
  assert.match(leakReportPage(sampleLeaks()), /Made by Pooltag \d/);
});

test('the report has the headline, the reasons, the owner, the next steps and every table', () => {
  const html = leakReportPage(sampleLeaks());
  for (const text of [
    'Thre in nonpaged pool is leaking: 7.9 MB an hour',
    'in 47 of 47 steps up',
    'Thread objects. They stay while somebody holds a handle.',
    '<code>!process 0 0</code>',
    'The owner is rarely the culprit',
    'A program that leaks threads',
    'href="https://example.com/report"',
    '221,204,850',
    '359,617',
    'cstorflt!AllocateContext+0x2c',
    'line 1,734',
    'And 3 more remarks.',
    'Of each tag 500 points are kept',
  ]) {
    assert.ok(html.includes(text), text);
  }
});

test('hostile tags and texts stay text in the report', () => {
  const html = leakReportPage(sampleLeaks());
  assert.match(html, /<code class="tag">&lt;b&gt;&quot;<\/code>/);
  assert.doesNotMatch(html, /<b>"|<img/);
  assert.doesNotMatch(html, /\p{Bidi_Control}|(?![\n\t])\p{Cc}/u);
});

test('charts of what is suspicious and of what grew most come along, folded, each once and not without end', () => {
  const sample = sampleLeaks();
  const chartsOf = (answer: LeakAnswer) => {
    const [, section = ''] = /<h2 id="charts">(.*?)<\/section>/s.exec(leakReportPage(answer)) ?? [];
    return [...section.matchAll(/<title id="chart-\d+-title">(.*?) in /g)].map(([, name]) => name);
  };
  const shown = chartsOf(sample);
  assert.equal(shown.length, 13, 'what did not grow has none');
  assert.equal(shown[0], 'Proc', 'what grew most is no suspect here');
  assert.ok(!shown.includes('Thre'), 'the suspects have theirs already');
  // One suspect too many: its chart comes before those of all that only grew.
  assert.equal(chartsOf({ ...sample, suspects: sample.suspects.slice(0, 1) })[0], '&lt;b&gt;&quot;');
  assert.deepEqual(chartsOf(oneSnapshot()), []);
  const huge = hugeLeaks();
  assert.equal(chartsOf(huge).length, 20);
  assert.match(leakReportPage(huge), /among the listed tags\. 2,970 more tags grew; the page \/leaks draws/);
  assert.doesNotMatch(leakReportPage(sample), /data-(?:chart|times|axis|bytes)/);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a browser opens the report without an error, axe finds nothing, and no page is too wide, ${colorScheme}`, async () => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 360, height: 740 } });
    try {
      const page = await context.newPage();
      const said: string[] = [];
      page.on('console', message => said.push(message.text()));
      page.on('pageerror', error => said.push(error.message));
      page.on('dialog', dialog => said.push(`dialog ${dialog.message()}`));
      for (const [name, answer] of ANSWERS.slice(0, 2)) {
        await page.goto(fileOf(answer));
        assert.deepEqual(said, [], name);
        const paper = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        assert.equal(
          paper,
          colorScheme === 'light' ? 'rgb(253, 253, 251)' : 'rgb(21, 24, 28)',
          'its style counts',
        );
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, name);
        assert.deepEqual(await axeFindings(page, colorScheme), [], name);
      }
    } finally {
      await context.close();
    }
  });
}

test('on paper the folded parts of the report are there', async () => {
  const page = await browser.newPage();
  try {
    await page.goto(fileOf(sampleLeaks()));
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.points table').first().isVisible(), true);
    assert.equal(await page.getByText('line 1,734').isVisible(), true);
  } finally {
    await page.close();
  }
});
