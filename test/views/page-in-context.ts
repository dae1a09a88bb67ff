/** A page of its own for one test: nothing that another has set or kept. */
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** Options of the context, and how long one step of the page may take (else as long as the browser's driver says). */
export type ContextOptions = Parameters<Browser['newContext']>[0] & { timeoutMs?: number };

/** Opens a page, lets it be used, and closes it with all that belongs to it. */
export async function pageInContext(
  browser: Browser,
  { timeoutMs, ...options }: ContextOptions,
  use: (page: Page, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  if (timeoutMs !== undefined) context.setDefaultTimeout(timeoutMs);
  try {
    await use(await context.newPage(), context);
  } finally {
    await context.close();
  }
}
