/** The addresses of tags, patterns and drivers: in REST (`self`) and as pages (`page`). */
import { type PoolTag, type TagPattern, tagPathSegment, tagText } from '../data/pool-tag.ts';
import type { Links } from './answer-document.ts';

/** Where every address of the REST interface begins. */
export const API_BASE = '/api/v1';

/** The addresses of a tag: in plain letters where they survive in an address, else as its ULONG. */
export function tagLinks(tag: PoolTag): Links {
  const segment = tagPathSegment(tag);
  return { self: `${API_BASE}/tags/${segment}`, page: `/tags/${segment}` };
}

/** The addresses of a wildcard entry: a search for the tags it covers. */
export function patternLinks(pattern: TagPattern): Links {
  const query = `?q=${encodeURIComponent(tagText(pattern))}`;
  return { self: `${API_BASE}/search${query}`, page: `/search${query}` };
}

/** The addresses of a scanned driver. */
export function driverLinks(sha256: string): Links {
  return { self: `${API_BASE}/drivers/${sha256}`, page: `/drivers/${sha256}` };
}

/** How a tag of a driver is explained; `isPattern` where the tag is the wildcard of a computed family, as people type it. */
export function explanationLinks(sha256: string, tag: PoolTag, isPattern = false): Links {
  const { self, page } = driverLinks(sha256);
  const below = `explain/${isPattern ? encodeURIComponent(tag) : tagPathSegment(tag)}`;
  return { self: `${self}/${below}`, page: `${page}/${below}` };
}

/** The addresses of a known leak. */
export function articleLinks(id: string): Links {
  return { self: `${API_BASE}/articles/${id}`, page: `/articles/${id}` };
}

/** The addresses of a component. */
export function componentLinks(id: string): Links {
  return { self: `${API_BASE}/components/${id}`, page: `/components/${id}` };
}

/** The addresses of a guide. */
export function guideLinks(id: string): Links {
  return { self: `${API_BASE}/guides/${id}`, page: `/guides/${id}` };
}
