/** What the frame of a page reads from a request, and how pages are sent. */
import type { Request, Response } from 'express';
import type { PageContext, Theme } from '../page-models/page-frame.ts';
import { renderPage } from '../render-page.ts';

/** What the frame of a page takes from the request. */
export function pageContext(request: Request): PageContext {
  return { theme: themeOf(request), path: request.originalUrl };
}

/** It may be kept, but is asked for again each time: what is known changes while a scan runs. */
const ASKED_AGAIN = 'private, no-cache';

/** Sends a rendered page. */
export function sendPage(
  response: Response,
  name: string,
  model: object,
  status = 200,
  caching = ASKED_AGAIN,
): void {
  response
    .status(status)
    .set('Cache-Control', caching)
    .vary('Cookie')
    .type('html')
    .send(renderPage(name, model));
}

/** `http://host:port` as the reader sees it. */
export function originOf(request: Request): string {
  const host = request.get('host') ?? '';
  return `${request.protocol}://${/^[\w.:[\]-]+$/.test(host) ? host : 'localhost'}`;
}

function themeOf(request: Request): Theme {
  const theme = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(request.get('cookie') ?? '')?.[1];
  return (theme as Theme | undefined) ?? null;
}
