import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { RunningServer } from '../../api/server.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { type ContextOptions, pageInContext } from './page-in-context.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { MADE_UP, startLeaksSite } from './sample-leaks-site.ts';

const ROWS_KEPT = 8;

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

/** Tags of the rows that are seen, in their order. */
function shownTags(page: Page): Promise<string[]> {
  return page
    .locator('.tags tbody tr:not([hidden]) th .tag')
    .evaluateAll(tags => tags.map(tag => tag.textContent ?? ''));
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing on the form and on any result, ${colorScheme}`, async () => {
    await inContext({ colorScheme }, async page => {
      for (const path of [
        '/leaks',
        ...['a-day', 'one-snapshot', 'nothing'].map(name => `/made-up/${name}`),
      ]) {
        await page.goto(site.url + path);
        await page.evaluate(kept => {
          for (const row of document.querySelectorAll('tbody > tr, .suspect')) {
            if ([...(row.parentElement?.children ?? [])].indexOf(row) >= kept) row.remove();
          }
          for (const fold of document.querySelectorAll('details')) fold.open = true;
        }, ROWS_KEPT);
        assert.deepEqual(await axeFindings(page, colorScheme), [], path);
      }
    });
  });
}

for (const [name, options] of [
  ['on a phone', { viewport: { width: 360, height: 740 } }],
  ['on a narrow phone without a script', { viewport: { width: 320, height: 640 }, javaScriptEnabled: false }],
  ['on a tablet', { viewport: { width: 820, height: 1180 } }],
  ['in a window of 1,000 px', { viewport: { width: 1000, height: 700 } }],
  ['on a desktop', { viewport: { width: 1280, height: 800 } }],
] as const) {
  test(`neither the form nor a result is wider than the window ${name}, and nothing is reported`, async () => {
    await inContext(options, async page => {
      const said: string[] = [];
      const asked = new Set<string>();
      page.on('console', message => said.push(message.text()));
      page.on('pageerror', error => said.push(error.message));
      page.on('dialog', dialog => said.push(`dialog ${dialog.message()}`));
      page.on('request', request => asked.add(new URL(request.url()).origin));
      for (const path of ['/leaks', ...[...MADE_UP.keys()].map(made => `/made-up/${made}`)]) {
        await page.goto(site.url + path);
        if (!('javaScriptEnabled' in options) && (await page.locator('[data-chart]').count()) > 0) {
          await page.locator('.uplot').last().waitFor();
        }
        // Without a script there is no way to ask the page itself: the box of its root tells.
        const box = await page.locator('html').boundingBox();
        assert.equal(box!.width, options.viewport.width, path);
        assert.ok((await page.locator('main').boundingBox())!.width <= options.viewport.width, path);
        if (!('javaScriptEnabled' in options)) {
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${path} by ${wide} px`);
        }
      }
      assert.deepEqual(said, []);
      assert.deepEqual([...asked], [site.url]);
    });
  });
}

test('the library draws where a script runs, in the place of the drawing, and nothing moves', async () => {
  await inContext({}, async page => {
    await page.addInitScript(watchLayout);
    await page.goto(`${site.url}/made-up/a-day`);
    await page.locator('.uplot canvas').nth(1).waitFor();
    assert.equal(await page.locator('.uplot').count(), 2);
    assert.equal(await page.locator('svg.drawn').first().isVisible(), false);
    const drawn = await page
      .locator('.uplot canvas')
      .first()
      .evaluate(canvas => {
        const { width, height } = canvas as HTMLCanvasElement;
        const pixels = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height).data;
        return pixels.some(value => value !== 0);
      });
    assert.equal(drawn, true);
    assert.equal(await page.evaluate(() => (window as unknown as { moved: number }).moved), 0);
  });
});

test('without a script the drawing of the server stands, with its points in a table', async () => {
  await inContext({ javaScriptEnabled: false }, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    const chart = page.locator('svg.drawn').first();
    assert.equal(await chart.isVisible(), true);
    assert.match(
      (await chart.locator('title').textContent())!,
      /^Thre in nonpaged pool: bytes in use over time$/,
    );
    assert.match((await chart.locator('desc').textContent())!, /^From 30 MB/);
    await page.getByText('The points as a table').first().click();
    assert.equal(await page.locator('.points table').first().isVisible(), true);
    assert.equal(await page.locator('.points').first().locator('tbody tr').count(), 48);
    assert.equal(await page.locator('[data-filter]').first().isVisible(), false);
    assert.equal(await page.locator('thead button').count(), 0);
  });
});

test('with the keyboard the points of a chart are read one by one, and zoomed into', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    await page.locator('.uplot').first().waitFor();
    const plot = page.locator('.place').first();
    await plot.focus();
    assert.match((await plot.getAttribute('aria-label'))!, /From 30 MB.*The arrow keys read the points/);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    const read = page.locator('[data-read]').first();
    await page.getByText('2026-11-28 21:30:00: ').first().waitFor();
    assert.match(
      (await page.locator('[data-announce]').textContent())!,
      /^2026-11-28 21:30:00: [\d,]+ bytes$/,
    );
    await page.keyboard.press('End');
    await page.getByText('2026-11-29 20:30:00: ').first().waitFor();
    assert.match((await read.textContent())!, /221,204,850 bytes$/);
    const whole = page.getByRole('button', { name: 'Whole time' }).first();
    await page.keyboard.press('+');
    await whole.waitFor();
    await whole.click();
    await whole.waitFor({ state: 'hidden' });
    await plot.focus();
    await page.keyboard.press('+');
    await whole.waitFor();
    await page.keyboard.press('Escape');
    await whole.waitFor({ state: 'hidden' });
  });
});

test('a chart takes the colours that are chosen while it is looked at', async () => {
  await inContext({ colorScheme: 'light' }, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    const canvas = page.locator('.uplot canvas').first();
    await canvas.waitFor();
    const picture = () => canvas.evaluate(one => (one as HTMLCanvasElement).toDataURL());
    const light = await picture();
    await page.getByRole('button', { name: 'Dark' }).click();
    await page.waitForFunction(
      before => (document.querySelector('.uplot canvas') as HTMLCanvasElement).toDataURL() !== before,
      light,
    );
  });
});

test('the table is sorted by its heads, by mouse and keyboard, and says so', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    const head = page.locator('.tags th', { hasText: 'Growth, bytes' });
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    assert.deepEqual((await shownTags(page)).slice(0, 3), ['Thre', 'Proc', '<b>"']);
    await head.getByRole('button').press('Enter');
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual((await shownTags(page)).slice(-3), ['<b>"', 'Proc', 'Thre']);
    assert.match(
      (await page.locator('[data-announce]').textContent())!,
      /^Sorted by Growth, bytes, ascending\.$/,
    );
    const numbers = await page
      .locator('.tags tbody tr')
      .evaluateAll(
        (rows, at) => rows.map(row => row.children[at].textContent ?? ''),
        await head.evaluate(cell => (cell as HTMLTableCellElement).cellIndex),
      );
    const values = numbers.map(text => Number(text.replaceAll(',', '').replace('−', '-')));
    assert.deepEqual(
      values,
      [...values].sort((a, b) => a - b),
    );
    await page.locator('.tags th', { hasText: 'Place' }).getByRole('button').click();
    assert.deepEqual((await shownTags(page)).slice(0, 2), ['Thre', '<b>"']);
  });
});

test('the order in which the table comes is announced, and verdicts are sorted by their weight', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    const sorted = page.locator('.tags [aria-sort]');
    assert.equal(await sorted.count(), 1);
    assert.match((await sorted.textContent())!, /^Place/);
    assert.equal(await sorted.getAttribute('aria-sort'), 'ascending');
    const verdict = page.locator('.tags th', { hasText: 'Verdict' });
    await verdict.getByRole('button').press('Enter');
    assert.equal(await verdict.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual((await shownTags(page)).slice(0, 3), ['Thre', '<b>"', 'Proc']);
    await verdict.getByRole('button').press('Enter');
    assert.deepEqual((await shownTags(page)).slice(0, 1), ['CM  ']);
    const owner = page.locator('.tags th', { hasText: 'Owner' });
    await owner.getByRole('button').press('Space');
    assert.deepEqual((await shownTags(page)).slice(-2), ['CM  ', 'Thre']);
    assert.equal(await sorted.count(), 1);
  });
});

const FILTERS: [pattern: string, tags: string[], reason: string][] = [
  ['Thre', ['Thre'], 'a tag'],
  ['thre', [], 'case matters'],
  ['?hre', ['Thre'], 'one character'],
  ['C*', ['CM  '], 'any number'],
  ['CM', ['CM  '], 'blanks at the end need not be typed'],
  ['CM  ', ['CM  '], 'but may be'],
  ['T', [], 'a beginning is no pattern'],
  [
    'T00?',
    ['T000', 'T001', 'T002', 'T003', 'T004', 'T005', 'T006', 'T007', 'T008', 'T009'].slice(0, 10),
    'many',
  ],
  ['<b>"', ['<b>"'], 'markup is text'],
  ['(.+)+$', [], 'no regular expression'],
];

test('the table is filtered where it stands, with the wildcards of PoolMon, and counts what is left', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    const [tag, pool] = [page.getByLabel('Tag, with ? and *'), page.locator('[data-filter=pool]')];
    for (const [pattern, tags, reason] of FILTERS) {
      await tag.fill(pattern);
      const shown = await shownTags(page);
      if (tags.length < 10) assert.deepEqual(shown, tags, `${pattern}: ${reason}`);
      else assert.deepEqual(shown.slice(0, 10), tags, `${pattern}: ${reason}`);
    }
    await tag.fill('');
    assert.equal(await page.locator('[data-tag-count]').textContent(), '60 tags.');
    await pool.selectOption('paged');
    assert.deepEqual(await shownTags(page), ['<b>"', 'CM  ']);
    assert.equal(await page.locator('[data-tag-count]').textContent(), '2 of 60 rows.');
    await tag.fill('*'.repeat(40));
    assert.equal((await shownTags(page)).length, 2);
    await tag.fill('');
    await pool.selectOption('');
    await page.locator('[data-filter=verdict]').selectOption('steady');
    assert.equal(await page.locator('[data-tag-count]').textContent(), '56 of 60 rows.');
    await page.getByLabel('Owner or meaning').fill('nobody KNOWS');
    assert.equal((await shownTags(page)).length, 56);
    await page.locator('[data-filter=verdict]').selectOption('');
    await page.getByLabel('Owner or meaning').fill('registry');
    assert.deepEqual(await shownTags(page), ['CM  ']);
  });
});

test('a command of the next steps is copied', async () => {
  await inContext({ permissions: ['clipboard-read', 'clipboard-write'] }, async page => {
    await page.goto(`${site.url}/made-up/a-day`);
    await page.getByRole('button', { name: 'Copy !process 0 0' }).first().click();
    await page.getByRole('button', { name: 'Copy !process 0 0' }).first().getByText('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '!process 0 0');
  });
});

/** Runs in the page: adds up what moved. */
function watchLayout(): void {
  const seen = window as unknown as { moved: number };
  seen.moved = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) seen.moved += (entry as unknown as { value: number }).value;
  }).observe({ type: 'layout-shift', buffered: true });
}
