/** What pages need beside themselves: style sheet, script, icons, OpenSearch description, and the choice of colours. */
import express, { Router } from 'express';
import { assetNamed, assetPath } from '../page-assets.ts';
import { renderPage } from '../render-page.ts';
import { originOf } from './pages-request.ts';

const YEAR_S = 365 * 24 * 60 * 60;
const DAY_S = 24 * 60 * 60;
const THEME_BODY_LIMIT = '4kb';

/** Routes of files and of the colour switch. */
export function createAssetRoutes(): Router {
  const router = Router();

  router.get('/assets/:hash/:name', (request, response, next) => {
    const { hash, name } = request.params;
    const asset = assetNamed(name);
    if (asset === undefined) return next();
    // An old page may ask for an old address: it gets today's file, but may not keep it under that name.
    const caching = asset.hash === hash ? `public, max-age=${YEAR_S}, immutable` : 'no-cache';
    response.set('Cache-Control', caching).type(asset.type).send(asset.content);
  });

  router.get('/favicon.ico', (_request, response) => {
    const icon = assetNamed('favicon.ico')!;
    response.set('Cache-Control', `public, max-age=${DAY_S}`).type(icon.type).send(icon.content);
  });

  router.get('/opensearch.xml', (request, response) => {
    response
      .set('Cache-Control', 'private, no-cache')
      .type('application/opensearchdescription+xml')
      .send(renderPage('opensearch', { origin: originOf(request), icon: assetPath('icon.svg') }));
  });

  // Without a script the switch is a form; the script only sets the same cookie itself.
  router.post(
    '/theme',
    express.urlencoded({ extended: false, limit: THEME_BODY_LIMIT }),
    (request, response) => {
      const { theme, back } = (request.body ?? {}) as Record<string, unknown>;
      if (theme === 'light' || theme === 'dark') {
        response.cookie('theme', theme, { maxAge: YEAR_S * 1000, sameSite: 'lax', path: '/' });
      } else response.clearCookie('theme', { path: '/' });
      response.redirect(303, isOwnPath(back) ? back : '/');
    },
  );
  return router;
}

/** A path on this server: `//host` and `/\host` lead elsewhere. */
function isOwnPath(path: unknown): path is string {
  return typeof path === 'string' && /^\/(?![/\\])/.test(path);
}
