import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { Browser } from 'playwright-core';
import type { RunningServer } from '../../api/server.ts';
import { axeFindings } from './axe-findings.ts';
import { launchBrowser } from './browser.ts';
import { type ContextOptions, pageInContext } from './page-in-context.ts';
import { poolLog, poolSnapshot } from './pool-log.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { startSampleSite } from './sample-site.ts';

const TOO_LARGE_BYTES = 21 * 1024 * 1024;

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
  pageInContext(browser, { timeoutMs: 20_000, ...options }, use);

const ASK = 'Say what is leaking';

/** Snapshots, a file each, named so that their order as text is another one. */
function snapshotFiles(count: number) {
  return Array.from({ length: count }, (_, n) => ({
    name: `pool-${n + 1}.log`,
    mimeType: 'text/plain',
    buffer: Buffer.from(poolSnapshot(n)),
  })).reverse();
}

test('what is pasted is answered in place, with a chart; Back leads to the form as it was', async () => {
  await inContext({}, async page => {
    const said: string[] = [];
    page.on('console', message => said.push(message.text()));
    page.on('pageerror', error => said.push(error.message));
    await page.goto(`${site.url}/leaks`);
    await page.getByLabel('Paste what').fill(poolLog(24));
    await page.getByLabel('Time between snapshots').fill('30m');
    await page.getByRole('button', { name: ASK }).click();
    await page.locator('h1.headline').waitFor();
    assert.match((await page.locator('h1').textContent())!, /^Thre is leaking nonpaged pool/);
    assert.match(await page.title(), /^What is leaking ·/);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    await page.locator('.uplot canvas').first().waitFor();
    assert.deepEqual(await axeFindings(page), []);
    await page.goBack();
    await page.getByRole('button', { name: ASK }).waitFor();
    assert.equal(await page.locator('h1').textContent(), 'What is leaking?');
    assert.match(await page.getByLabel('Paste what').inputValue(), /Thre Nonp/);
    await page.goForward();
    await page.locator('h1.headline').waitFor();
    assert.deepEqual(said, []);
  });
});

test('a text too long to come back with the answer stays in the form all the same', async () => {
  await inContext({}, async page => {
    const text = poolLog(400);
    await page.goto(`${site.url}/leaks`);
    await page.locator('[name=text]').evaluate((area, value) => {
      (area as HTMLTextAreaElement).value = value;
    }, text);
    await page.getByRole('button', { name: ASK }).click();
    await page.locator('h1.headline').waitFor();
    const kept = await page.locator('[name=text]').evaluate(area => (area as HTMLTextAreaElement).value);
    assert.equal(kept.trimEnd(), text.replaceAll('\r', '').trimEnd());
    assert.equal(await page.locator('[data-text-note]').count(), 0);
  });
});

test('several files are read, and stay chosen to ask again', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/leaks`);
    await page.locator('[name=files]').setInputFiles(snapshotFiles(12));
    await page.getByLabel('Time between snapshots').fill('1h');
    await page.getByRole('button', { name: ASK }).click();
    await page.locator('h1.headline').waitFor();
    assert.match((await page.locator('.reasons').first().textContent())!, /in 11 of 11 steps up/);
    await page.getByText('Change the text, the filters or the order').click();
    assert.equal(
      await page.locator('[name=files]').evaluate(input => (input as HTMLInputElement).files!.length),
      12,
    );
    await page.getByText('Only some tags, or in another order').click();
    await page.getByLabel('Only tags like').fill('Io*');
    await page.getByRole('button', { name: ASK }).click();
    await page.waitForFunction(() => document.querySelectorAll('.tags tbody tr').length === 2);
  });
});

for (const javaScriptEnabled of [true, false]) {
  test(`the answer is saved as a file that opens by itself, ${javaScriptEnabled ? 'with' : 'without'} a script`, async () => {
    await inContext({ javaScriptEnabled }, async page => {
      await page.goto(`${site.url}/leaks`);
      await page.locator('[name=files]').setInputFiles(snapshotFiles(12));
      await page.getByLabel('Time between snapshots').fill('1h');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save the answer as a file' }).click(),
      ]);
      assert.match(download.suggestedFilename(), /^pooltag-leaks-.*\.html$/);
      const html = readFileSync(await download.path(), 'utf8');
      assert.match(html, /in 11 of 11 steps up/);
      assert.match(html, /style-src &#x27;sha256-/);
    });
  });
}

test('files that are dropped are chosen', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/leaks`);
    await page.evaluate(text => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], 'dropped.log'));
      const form = document.querySelector('[data-leaks]')!;
      for (const type of ['dragenter', 'dragover', 'drop']) {
        form.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      }
    }, poolSnapshot(0));
    await page.getByRole('button', { name: ASK }).click();
    await page.getByText('dropped.log: 1 snapshot of PoolMon').waitFor();
  });
});

test('more than 20 MB are not sent; the command to use is named', async () => {
  await inContext({}, async page => {
    await page.goto(`${site.url}/leaks`);
    const posts: string[] = [];
    page.on('request', request => request.method() === 'POST' && posts.push(request.url()));
    await page.locator('[name=files]').evaluate((input, bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], 'big.log'));
      (input as HTMLInputElement).files = transfer.files;
    }, TOO_LARGE_BYTES);
    await page.getByRole('button', { name: ASK }).click();
    await page.getByRole('status').getByText('pooltag leaks FILE').waitFor();
    assert.deepEqual(posts, []);
  });
});

test('without a script, more than 20 MB get a page that names the command', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-big-'));
  const file = path.join(folder, 'big.log');
  writeFileSync(file, Buffer.alloc(TOO_LARGE_BYTES, 'x'));
  try {
    await inContext({ javaScriptEnabled: false }, async page => {
      await page.goto(`${site.url}/leaks`);
      await page.locator('[name=files]').setInputFiles(file);
      await page.getByRole('button', { name: ASK }).click();
      await page.getByRole('alert').getByText('This is more than 20 MB').waitFor();
      assert.equal(await page.locator('.advice code').first().textContent(), 'pooltag leaks FILE');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const javaScriptEnabled of [true, false]) {
  test(`where nothing is recognised the text is still there to be mended, ${javaScriptEnabled ? 'with' : 'without'} a script`, async () => {
    await inContext({ javaScriptEnabled }, async page => {
      await page.goto(`${site.url}/leaks`);
      await page.getByLabel('Paste what').fill('\nno pool <b>"\n');
      await page.getByRole('button', { name: ASK }).click();
      const alert = page.getByRole('alert');
      await alert.waitFor();
      assert.match((await alert.textContent())!, /Nothing was recognised[\s\S]*Expected is what PoolMon/);
      assert.equal(await page.getByLabel('Paste what').inputValue(), '\nno pool <b>"\n');
      await page.getByLabel('Paste what').fill(poolSnapshot(0));
      await page.getByRole('button', { name: ASK }).click();
      await page.locator('h1.headline').waitFor();
      assert.equal(await page.locator('.tags tbody tr').count(), 6);
    });
  });
}

test('without a script files and fields are sent, and the fields sort the table', async () => {
  await inContext({ javaScriptEnabled: false }, async page => {
    await page.goto(`${site.url}/leaks`);
    await page.locator('[name=files]').setInputFiles(snapshotFiles(5));
    await page.getByLabel('Time between snapshots').fill('1h');
    await page.getByText('Only some tags, or in another order').click();
    await page.getByLabel('Sorted by').selectOption('tag');
    await page.getByRole('button', { name: ASK }).click();
    await page.locator('h1.headline').waitFor();
    assert.equal(new URL(page.url()).pathname, '/leaks');
    assert.deepEqual(await page.locator('.tags tbody th .tag').allTextContents(), [
      'EtwB',
      'Io  ',
      'IoNm',
      'MmSt',
      'Ntff',
      'Thre',
    ]);
    assert.equal(await page.locator('svg.drawn').first().isVisible(), true);
    await page.getByText('Change the text, the filters or the order').click();
    assert.match(
      (await page.locator('[data-files-note]').textContent())!,
      /^Choose the files again \(pool-1\.log/,
    );
  });
});

test('a server that is gone leaves what was given, and says so', async () => {
  const other = await startSampleSite(await sampleCatalogue());
  await inContext({}, async page => {
    await page.goto(`${other.url}/leaks`);
    await page.getByLabel('Paste what').fill(poolSnapshot(0));
    await other.stop();
    await page.getByRole('button', { name: ASK }).click();
    await page.getByText('The server did not answer.').waitFor();
    assert.match(await page.getByLabel('Paste what').inputValue(), /Thre Nonp/);
  });
});
