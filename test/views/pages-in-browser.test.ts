import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Browser } from 'playwright-core';
import type { RunningServer } from '../../api/server.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { type ContextOptions, pageInContext } from './page-in-context.ts';
import { PAGE_KINDS } from './page-kinds.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { startSampleSite } from './sample-site.ts';

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 740 };

/** Rows are alike: the first ones tell as much as hundreds, in a fraction of the time. */
const ROWS_KEPT = 8;

function keepFewRows(kept: number): void {
  for (const row of document.querySelectorAll('tbody > tr, .hits > li, .inline-tags > a, .chips > a')) {
    if ([...(row.parentElement?.children ?? [])].indexOf(row) >= kept) row.remove();
  }
}

let site: RunningServer;
let browser: Browser;
before(async () => {
  site = await startSampleSite(await sampleCatalogue());
  browser = await launchBrowser();
});
after(async () => {
  await browser.close();
  await site.stop();
});

const inContext = (options: ContextOptions, use: Parameters<typeof pageInContext>[2]) =>
  pageInContext(browser, { viewport: DESKTOP, ...options }, use);

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing on any kind of page, ${colorScheme}`, async () => {
    await inContext({ colorScheme }, async page => {
      for (const { name, path } of PAGE_KINDS) {
        await page.goto(site.url + path);
        await page.evaluate(keepFewRows, ROWS_KEPT);
        assert.deepEqual(await axeFindings(page, colorScheme), [], `${name} (${path})`);
      }
    });
  });
}

test('axe finds nothing on a phone, where the evidence stands in blocks', async () => {
  await inContext({ viewport: PHONE }, async page => {
    for (const path of ['/tags/Thre', '/search?q=thread', '/drivers']) {
      await page.goto(site.url + path);
      assert.deepEqual(await axeFindings(page), [], path);
    }
  });
});

test('no page breaks the security policy, reports an error or asks another host', async () => {
  await inContext({}, async page => {
    const said: string[] = [];
    const asked = new Set<string>();
    page.on('console', message => said.push(message.text()));
    page.on('pageerror', error => said.push(error.message));
    page.on('request', request => asked.add(new URL(request.url()).origin));
    page.on('dialog', dialog => said.push(`dialog ${dialog.message()}`));
    for (const { path, status } of PAGE_KINDS) {
      await page.goto(site.url + path);
      // The browser itself notes a page whose status is an error.
      const own = said.filter(text => status === 200 || !/^Failed to load resource/.test(text));
      assert.deepEqual(own, [], path);
      said.length = 0;
    }
    assert.deepEqual([...asked], [site.url]);
  });
});

for (const [name, viewport] of [
  ['on a phone', PHONE],
  ['on a narrow phone', { width: 320, height: 640 }],
  ['on a desktop', DESKTOP],
  ['on a desktop at 200 % zoom', { width: 640, height: 400 }],
] as const) {
  test(`no page is wider than the window ${name}`, async () => {
    await inContext({ viewport }, async page => {
      for (const { name: kind, path } of PAGE_KINDS) {
        await page.goto(site.url + path);
        const tooWide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(tooWide, 0, `${kind} (${path}) by ${tooWide} px`);
      }
    });
  });
}

test('on a page that scrolls, the head of a table stays in sight', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/drivers`);
    await page.evaluate(() => scrollTo(0, 1500));
    const top = await page
      .locator('thead th')
      .first()
      .evaluate(cell => cell.getBoundingClientRect().top);
    assert.equal(top, 0);
  });
});

test('on paper there is the answer without navigation, and what was folded is there', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/tags/Thre`);
    await page.emulateMedia({ media: 'print' });
    for (const gone of ['.top', '.theme', '.copy >> nth=0']) {
      assert.equal(await page.locator(gone).isVisible(), false, gone);
    }
    assert.equal(await page.locator('.lede').isVisible(), true);
    assert.equal(await page.locator('.sites li').first().isVisible(), true);
  });
});

test('nothing moves for those who asked for no motion', async () => {
  await inContext({ reducedMotion: 'reduce' }, async page => {
    await page.goto(`${site.url}/tags/Thre`);
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter(element => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return !/^0s(, 0s)*$/.test(transitionDuration) || animationName !== 'none';
        }).length,
    );
    assert.equal(moving, 0);
  });
});
