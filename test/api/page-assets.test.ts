import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { after, before } from 'node:test';
import type { Browser } from 'playwright-core';
import { assetNamed } from '../../api/page-assets.ts';
import { projectFile } from '../../data/project-files.ts';
import { launchBrowser } from '../views/browser.ts';

/** What a page may cost, the chart library apart. */
const MAX_BYTES = 20_000;

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());

function sizeOf(...names: string[]): number {
  return names.reduce((sum, name) => sum + assetNamed(name)!.content.length, 0);
}

test('all our style sheets together stay below 20 KB as they are sent, and so do our scripts', () => {
  assert.ok(sizeOf('pooltag.css', 'leaks.css') < MAX_BYTES, `${sizeOf('pooltag.css', 'leaks.css')} bytes`);
  assert.ok(sizeOf('pooltag.js', 'leaks.js') < MAX_BYTES, `${sizeOf('pooltag.js', 'leaks.js')} bytes`);
});

test('a packed style sheet has the rules of its source, in a browser', async () => {
  const page = await browser.newPage();
  try {
    const rulesOf = (css: string) =>
      page.evaluate(text => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(text);
        return [...sheet.cssRules].map(({ cssText }) => cssText.replaceAll(', ', ','));
      }, css);
    for (const name of ['pooltag.css', 'leaks.css']) {
      const source = await rulesOf(readFileSync(projectFile('views', 'assets', name), 'utf8'));
      const packed = await rulesOf(assetNamed(name)!.content.toString());
      assert.ok(source.length > 30, name);
      assert.deepEqual(packed, source, name);
    }
  } finally {
    await page.close();
  }
});

test('a packed script is one that a browser can read, without a comment', async () => {
  const page = await browser.newPage();
  try {
    for (const name of ['pooltag.js', 'leaks.js']) {
      const script = assetNamed(name)!.content.toString();
      assert.doesNotMatch(script, /^\s*(\/\/|\/\*)/m, name);
      assert.equal(await page.evaluate(text => typeof new Function(text), script), 'function', name);
    }
  } finally {
    await page.close();
  }
});

test('the chart library comes from here, with the notice of who made it', () => {
  assert.match(assetNamed('uplot.js')!.content.toString(), /^\/\*! https:\/\/github\.com\/leeoniya\/uPlot/);
  assert.equal(assetNamed('uplot.css')!.type, 'text/css; charset=utf-8');
});
