import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import type { RunningServer } from '../../api/server.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { type ContextOptions, pageInContext } from './page-in-context.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { startLeaksSite } from './sample-leaks-site.ts';

let site: RunningServer;
let browser: Browser;
before(async () => {
  site = await startLeaksSite(await sampleCatalogue());
  browser = await launchBrowser();
});
after(async () => {
  await browser.close();
  await site.stop();
});

const inContext = (options: ContextOptions, use: Parameters<typeof pageInContext>[2]) =>
  pageInContext(browser, { timeoutMs: 10_000, ...options }, use);

const buttonOf = (page: Page, name: string): Locator =>
  page.getByRole('button', { name: `Chart of ${name}` });

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the chart of any row opens by the keyboard, with its numbers beside, and closes again, ${colorScheme}`, async () => {
    await inContext({ colorScheme }, async page => {
      const said: string[] = [];
      page.on('console', message => said.push(message.text()));
      page.on('pageerror', error => said.push(error.message));
      await page.goto(`${site.url}/made-up/a-day`);
      const button = buttonOf(page, 'T007 in nonpaged pool');
      assert.equal(await button.getAttribute('aria-expanded'), 'false');
      assert.equal(await page.locator('.drawn-row').count(), 0, 'nothing is drawn before it is asked for');
      await button.press('Enter');
      assert.equal(await button.getAttribute('aria-expanded'), 'true');
      const table = page.getByRole('table', { name: 'T007 in nonpaged pool: bytes in use over time' });
      assert.equal(await table.locator('tbody tr').count(), 48);
      assert.deepEqual(await table.locator('tr').nth(0).locator('th').allTextContents(), [
        'Time (UTC)',
        'Bytes',
      ]);
      assert.deepEqual(await table.locator('tr').nth(1).locator('th, td').allTextContents(), [
        '2026-11-28 21:00:00',
        '408,000',
      ]);
      const plot = page.locator('.drawn-row .place');
      await plot.locator('.uplot').waitFor();
      assert.match(
        (await plot.getAttribute('aria-label'))!,
        /^T007 in nonpaged pool: bytes in use over time\. From 2026-11-28 21:00:00: 408,000 bytes to 2026-11-29 20:30:00/,
      );
      await plot.press('End');
      await page.locator('.drawn-row [data-read]').getByText('2026-11-29 20:30:00: ').waitFor();
      await page.evaluate(() => {
        for (const row of document.querySelectorAll('tbody > tr')) {
          if ([...(row.parentElement?.children ?? [])].indexOf(row) >= 14) row.remove();
        }
      });
      assert.deepEqual(await axeFindings(page, colorScheme), []);
      await button.press('Space');
      assert.equal(await button.getAttribute('aria-expanded'), 'false');
      assert.equal(await page.locator('.drawn-row').count(), 0);
      assert.deepEqual(said, []);
    });
  });
}

test('an open chart goes with its row when the table is sorted and filtered', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    await buttonOf(page, '<b>" in paged pool').click();
    await page.locator('.drawn-row .uplot').waitFor();
    assert.equal(
      await page.locator('.drawn-row caption').textContent(),
      '<b>" in paged pool: bytes in use over time',
    );
    assert.equal(await page.locator('.drawn-row tbody tr').nth(11).locator('td').textContent(), '–');
    const before = () =>
      page
        .locator('.drawn-row')
        .evaluate(row => row.previousElementSibling?.querySelector('.tag')?.textContent);
    await page.locator('.tags th', { hasText: 'Bytes per alloc' }).getByRole('button').click();
    assert.equal(await before(), '<b>"');
    await page.locator('.tags > thead th', { hasText: 'Tag' }).getByRole('button').click();
    assert.equal(await before(), '<b>"');
    await page.getByLabel('Tag, with ? and *').fill('T*');
    assert.equal(await page.locator('.drawn-row').isVisible(), false);
    assert.match((await page.locator('[data-tag-count]').textContent())!, /^57 of 60 rows\.$/);
    await page.getByLabel('Tag, with ? and *').fill('');
    assert.equal(await page.locator('.drawn-row .uplot canvas').isVisible(), true);
  });
});

test('on a phone a chart is as wide as the window and stays in sight while its table is scrolled', async () => {
  await inContext({ viewport: { width: 390, height: 844 } }, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    await buttonOf(page, 'CM   in paged pool').click();
    const chart = page.locator('.drawn-row figure');
    await chart.locator('.uplot').waitFor();
    const before = (await chart.boundingBox())!;
    assert.ok(before.x >= 0 && before.x + before.width <= 390, `${before.x} to ${before.x + before.width}`);
    await page.locator('[data-sortable]').evaluate(region => region.scrollBy(300, 0));
    assert.equal((await chart.boundingBox())!.x, before.x);
  });
});

test('without a script no row has a chart, and the page says where charts are', async () => {
  await inContext({ javaScriptEnabled: false }, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    assert.equal(await page.locator('.plot').first().isVisible(), false);
    assert.equal(await page.getByText('The charts of single rows are drawn by a script.').isVisible(), true);
  });
});

test('one snapshot has no charts: neither buttons nor a column for them', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/one-snapshot`);
    await page.locator('.tags thead button').first().waitFor();
    assert.equal(await page.locator('.plot, template').count(), 0);
  });
});

test('what the page has no room for is asked of the server, with the filters and the order of the table', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/everything`);
    await page.getByLabel('Tag, with ? and *').fill('H2*');
    await page.locator('[data-filter=pool]').selectOption('nonpaged');
    await page.locator('.tags > thead th', { hasText: 'Diff' }).getByRole('button').click();
    const asked = page.waitForRequest(request => request.method() === 'POST');
    await page.getByRole('button', { name: 'Look in all 3,000 tags' }).press('Enter');
    const body = (await asked).postData() ?? '';
    for (const [field, value] of [
      ['include', 'H2*'],
      ['pool', 'nonpaged'],
      ['sort', 'diff'],
    ]) {
      assert.match(body, new RegExp(`name="${field}"\r\n\r\n${value.replace('*', '\\*')}\r\n`), field);
    }
  });
});
