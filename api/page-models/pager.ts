/** Previous, next and "page 2 of 7" below a long list. */

export interface Pager {
  isNeeded: boolean;
  page: number;
  pages: number;
  previous: string | null;
  next: string | null;
}

/** The pager of a list: `page` from 1, `pathOf` gives the address of a page. */
export function pagerOf(
  total: number,
  page: number,
  pageSize: number,
  pathOf: (page: number) => string,
): Pager {
  const pages = Math.max(1, Math.ceil(total / pageSize));
  return {
    isNeeded: pages > 1,
    page,
    pages,
    previous: page > 1 ? pathOf(Math.min(page - 1, pages)) : null,
    next: page < pages ? pathOf(page + 1) : null,
  };
}

/** A path with the parameters that have a value. */
export function pathWith(path: string, parameters: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
