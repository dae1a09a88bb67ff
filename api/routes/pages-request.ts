/** What pages read from a request, and how they are sent. */
import type { Request, Response } from 'express';
import type { Arch } from '../../data/facts.ts';
import type { PageContext, Theme } from '../page-models/page-frame.ts';
import { renderPage } from '../render-page.ts';

/** Longer texts name nothing that could be found. */
const MAX_PARAMETER_CHARACTERS = 200;
/** No list has more pages; it keeps products of page numbers exact. */
const MAX_PAGE = 100_000;
const ARCHS: readonly Arch[] = ['x86', 'x64', 'arm64'];

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

/** A query parameter as text: cut where it is too long, the last one where it is given twice, empty where missing. */
export function textParameter(request: Request, name: string): string {
  const given = request.query[name];
  const value = Array.isArray(given) ? given.at(-1) : given;
  return typeof value === 'string' ? value.slice(0, MAX_PARAMETER_CHARACTERS) : '';
}

/** The same, undefined where it is missing or blank. */
export function optionalParameter(request: Request, name: string): string | undefined {
  const value = textParameter(request, name);
  return value.trim() === '' ? undefined : value;
}

/** The page of a list, from 1. What is no number is the first page: a reader is better served so than by an error. */
export function pageParameter(request: Request): number {
  const value = textParameter(request, 'page');
  return /^[1-9]\d{0,8}$/.test(value) ? Math.min(Number(value), MAX_PAGE) : 1;
}

/** The processor asked for; undefined for none or one that does not exist. */
export function archParameter(request: Request): Arch | undefined {
  const value = textParameter(request, 'arch');
  return ARCHS.find(arch => arch === value);
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
