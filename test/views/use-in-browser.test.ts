import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Catalogue } from '../../api/catalogue.ts';
import type { RunningServer } from '../../api/server.ts';
import { projectFile } from '../../data/project-files.ts';
import { addDriverWithFile } from '../api/driver-with-file.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { type ContextOptions, pageInContext } from './page-in-context.ts';
import { CONTOSO_SHA256, sampleCatalogue } from './sample-catalogue.ts';
import { startSampleSite } from './sample-site.ts';

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
  pageInContext(browser, { timeoutMs: 10_000, ...options }, use);

test('typing answers under the box; the exact tag is first, chosen, and opened by Enter; Back returns', async () => {
  await inContext({}, async page => {
    await page.goto(site.url);
    await page.locator('#q:focus').waitFor();
    await page.keyboard.type('Thre');
    const first = page.locator('[role=option]').first();
    await page.locator('[role=option][data-exact]').waitFor();
    assert.match((await first.textContent()) ?? '', /^Thre\s*Thread objects/);
    assert.equal(await first.getAttribute('aria-selected'), 'true');
    const box = page.getByRole('combobox');
    assert.equal(await box.getAttribute('aria-expanded'), 'true');
    assert.equal(await box.getAttribute('aria-activedescendant'), await first.getAttribute('id'));
    assert.match((await page.locator('[data-announce]').textContent()) ?? '', /\d+ tags? found/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/tags/Thre');
    await page.goBack();
    await page.waitForURL(`${site.url}/`);
    await page.goForward();
    await page.waitForURL('**/tags/Thre');
  });
});

test('arrows choose among the results, Esc closes them, Enter without a choice searches', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/guides`);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'q');
    await page.keyboard.type('thread');
    const options = page.locator('[role=option]');
    await options.first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await options.nth(1).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('ArrowUp');
    assert.equal(await options.nth(0).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Escape');
    assert.equal(await options.first().isVisible(), false);
    assert.equal(await page.locator('#q').inputValue(), 'thread');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/search?q=thread');
  });
});

test('arrows walk the results of a search page, Enter opens one', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/search?q=thread`);
    await page.locator('#q').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const links = page.locator('.hits > li > a');
    assert.equal(await links.nth(1).evaluate(link => link === document.activeElement), true);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'q');
    await page.keyboard.press('ArrowDown');
    const href = await links.first().getAttribute('href');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${href}`);
  });
});

test('`/` typed into a box stays in the box, and blanks typed count', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/drivers`);
    const filter = page.locator('main input[name=q]');
    await filter.focus();
    await page.keyboard.type('a/b');
    assert.equal(await filter.inputValue(), 'a/b');
    await page.goto(site.url);
    await page.locator('#q').pressSequentially('Irp ');
    await page.locator('[role=option][data-exact]').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/tags/0x20707249');
  });
});

test('with the keyboard alone: the skip link is first, and every stop shows where it is', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/tags/Thre`);
    await page.keyboard.press('Tab');
    const skip = page.locator('.skip');
    assert.equal(await skip.evaluate(link => link === document.activeElement), true);
    assert.ok((await skip.boundingBox())!.y >= 0);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    for (let stops = 0; stops < 12; stops++) {
      await page.keyboard.press('Tab');
      const { tag, outline } = await page.evaluate(() => ({
        tag: document.activeElement!.outerHTML.slice(0, 80),
        outline: getComputedStyle(document.activeElement!).outlineStyle,
      }));
      assert.notEqual(outline, 'none', tag);
    }
  });
});

test('a tag is copied with plain blanks, by its button and by hand', async () => {
  await inContext({ permissions: ['clipboard-read', 'clipboard-write'] }, async page => {
    await page.goto(`${site.url}/tags/0x20204D43`);
    const dot = await page
      .locator('h1 .tag i')
      .first()
      .evaluate(blank => getComputedStyle(blank, '::before').content);
    assert.match(dot, /·/);
    assert.equal(await page.locator('h1').textContent(), 'CM  ');
    const byHand = await page.locator('h1 .tag').evaluate(tag => {
      getSelection()!.selectAllChildren(tag);
      return getSelection()!.toString();
    });
    assert.equal(byHand, 'CM  ');
    await page.getByRole('button', { name: 'Copy the tag' }).click();
    await page.getByRole('button', { name: 'Copy the tag' }).getByText('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'CM  ');
    await page.getByRole('button', { name: 'Copy a link to this page' }).click();
    await page.getByText('Copied http').waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${site.url}/tags/0x20204D43`);
  });
});

test('the choice of colours is remembered, without a flash of the other ones', async () => {
  await inContext({ colorScheme: 'light' }, async page => {
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.goto(site.url);
    const light = await paper();
    await page.getByRole('button', { name: 'Dark' }).click();
    const dark = await paper();
    assert.notEqual(dark, light);
    await page.goto(`${site.url}/guides`);
    assert.equal(await paper(), dark);
    assert.equal(await page.getByRole('button', { name: 'Dark' }).getAttribute('aria-pressed'), 'true');
    // The server wrote it: no script has to run first.
    assert.match(await (await page.request.get(`${site.url}/guides`)).text(), /data-theme="dark"/);
    await page.getByRole('button', { name: 'Automatic' }).click();
    assert.equal(await paper(), light);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.equal(await paper(), dark);
  });
});

test('without JavaScript the search, the colours, the filters and the folded evidence work', async () => {
  await inContext({ javaScriptEnabled: false }, async page => {
    await page.goto(site.url);
    await page.locator('#q').fill('Thre');
    await page.locator('.search button').click();
    await page.waitForURL('**/search?q=Thre');
    await page.locator('.hits a').first().click();
    await page.waitForURL('**/tags/Thre');
    assert.equal(await page.locator('.copy').first().isVisible(), false);
    assert.equal(await page.locator('.sites').first().isVisible(), false);
    await page.locator('summary').first().click();
    assert.equal(await page.locator('.sites').first().isVisible(), true);
    await page.getByRole('button', { name: 'Dark' }).click();
    await page.waitForURL('**/tags/Thre');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.goto(`${site.url}/drivers`);
    await page.locator('main input[name=q]').fill('contoso');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL('**/drivers?q=contoso*');
    assert.equal(await page.locator('tbody tr').count(), 1);
    await page.locator('tbody th a').click();
    await page.waitForURL(`**/drivers/${CONTOSO_SHA256}`);
  });
});

test('a scan that runs is followed on the page, and nothing moves while it is', async () => {
  const catalogue = await sampleCatalogue({ withDrivers: false });
  const running = await startSampleSite(catalogue);
  try {
    catalogue.beginScan(4);
    addRefused(catalogue);
    await inContext({}, async page => {
      await page.addInitScript(watchLayout);
      await page.goto(running.url);
      await page.getByText('1 of 4').waitFor();
      await page.locator('#q').pressSequentially('Thre');
      await page.locator('[role=option]').first().waitFor();
      addRefused(catalogue);
      await page.getByText('2 of 4').waitFor();
      addRefused(catalogue);
      addRefused(catalogue);
      await catalogue.endScan();
      await page.getByText('4 files read').first().waitFor();
      assert.equal(await page.locator('[data-running]').count(), 0);
      assert.equal(await page.evaluate(() => (window as unknown as { moved: number }).moved), 0);
    });
  } finally {
    await running.stop();
  }
});

test('how a tag was found is loaded into its fold when that is opened, once; without JavaScript a link leads to it', async () => {
  const catalogue = await sampleCatalogue();
  const { sha256, tag } = await addDriverWithFile(catalogue);
  const running = await startSampleSite(catalogue);
  const openFolds = async (page: Page) => {
    await page.goto(`${running.url}/drivers/${sha256}`);
    const row = page.getByRole('row').filter({ has: page.locator(`a[href="/tags/${tag}"]`) });
    await row.locator('summary').first().click();
    await row.getByText('How it was found').click();
    return row;
  };
  try {
    await inContext({}, async page => {
      const asked: string[] = [];
      page.on('request', request => asked.push(new URL(request.url()).pathname));
      const row = await openFolds(page);
      await row.locator('.asm .call').first().waitFor();
      assert.match(
        (await row.locator('.way').first().textContent()) ?? '',
        new RegExp(`'${tag}' is a number`),
      );
      await row.getByText('How it was found').click();
      await row.getByText('How it was found').click();
      await row.locator('.asm .call').first().waitFor();
      assert.equal(asked.filter(path => path.endsWith('/fold')).length, 1);
      assert.deepEqual(await axeFindings(page), []);
      await page.goto(`${running.url}/drivers/${sha256}/explain/${tag}`);
      assert.deepEqual(await axeFindings(page), []);
    });
    await inContext({ viewport: { width: 320, height: 640 } }, async page => {
      const row = await openFolds(page);
      await row.locator('.asm .call').first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    });
    await inContext({ javaScriptEnabled: false }, async page => {
      const row = await openFolds(page);
      await row.getByText('The way of the constant').click();
      await page.waitForURL(`**/drivers/${sha256}/explain/*`);
      assert.equal(await page.locator('h1').textContent(), `How ${tag} was found in sample-disk.sys`);
    });
  } finally {
    await running.stop();
  }
});

test('a fold whose driver file is gone says so, and keeps its link', async () => {
  const catalogue = await sampleCatalogue();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-fold-'));
  const file = path.join(folder, 'disk.sys');
  copyFileSync(projectFile('data', 'samples', 'sample-disk.sys'), file);
  const { sha256 } = await addDriverWithFile(catalogue, file);
  rmSync(folder, { recursive: true });
  const running = await startSampleSite(catalogue);
  try {
    await inContext({}, async page => {
      await page.goto(`${running.url}/drivers/${sha256}`);
      await page.locator('tbody summary').first().click();
      await page.getByText('How it was found').first().click();
      await page.getByText('is no longer there').first().waitFor();
      await page.getByText('The way of the constant').first().waitFor();
    });
  } finally {
    await running.stop();
  }
});

test('with no driver loaded, the pages say how to load some', async () => {
  const running = await startSampleSite(await sampleCatalogue({ withDrivers: false }));
  try {
    await inContext({}, async page => {
      await page.goto(`${running.url}/drivers`);
      await page.getByText('pooltag serve --drivers').waitFor();
      await page.goto(`${running.url}/tags/Thre`);
      await page.getByText('No driver is loaded').waitFor();
    });
  } finally {
    await running.stop();
  }
});

function addRefused(catalogue: Catalogue): void {
  catalogue.addOutcome({
    status: 'refused',
    fileName: 'x.sys',
    reason: { code: 'empty', message: 'The file is empty.' },
  });
}

/** Runs in the page: adds up what moved. */
function watchLayout(): void {
  const seen = window as unknown as { moved: number };
  seen.moved = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) seen.moved += (entry as unknown as { value: number }).value;
  }).observe({ type: 'layout-shift', buffered: true });
}
