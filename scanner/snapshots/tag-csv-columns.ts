/** Which columns a CSV of pool tags has: the long form of the PowerShell scripts around PoolMon, or our own. */
import type { Pool, PoolRow } from './pool-snapshot.ts';

type Figure = 'allocs' | 'frees' | 'diff' | 'bytes';

/** Where in a line each thing stands. */
export interface TagCsvColumns {
  format: 'powershell-csv' | 'pooltag-csv';
  count: number;
  tag?: number;
  id?: number;
  pool?: number;
  /** The first that has a value counts: UTC before local time. */
  times: { at: number; isUtc: boolean }[];
  /** For each figure the pool that it is of; without one the column of the pool tells. */
  figures: { at: number; pool?: Pool; figure: Figure }[];
  binary?: number;
  description?: number;
  computer?: number;
}

const OWN_FIGURES = ['allocs', 'frees', 'diff', 'bytes'];
const POWERSHELL_FIGURE = /^(nonpaged|paged)(allocs|frees|diff|usedbytes)$/;

/** The columns by their titles, in any order and letter case; undefined where it is no table of pool tags. */
export function tagCsvColumns(titles: string[]): TagCsvColumns | undefined {
  const names = titles.map(title => title.trim().toLowerCase());
  const at = (name: string) => (names.includes(name) ? names.indexOf(name) : undefined);
  const shared = { count: names.length, tag: at('tag'), computer: at('computer') ?? at('computername') };
  const powershell = powershellFigures(names);
  if (powershell.length > 0 && shared.tag !== undefined) {
    const times = ['datetimeutc', 'datetime'].flatMap(name => {
      const column = at(name);
      return column === undefined ? [] : [{ at: column, isUtc: name === 'datetimeutc' }];
    });
    return {
      ...shared,
      format: 'powershell-csv',
      times,
      figures: powershell,
      binary: at('binary'),
      description: at('description'),
    };
  }
  const figures = OWN_FIGURES.flatMap(name => {
    const column = at(name);
    return column === undefined ? [] : [{ at: column, figure: name as Figure }];
  });
  const id = at('id');
  if ((shared.tag ?? id) === undefined || at('pool') === undefined || figures.length === 0) return undefined;
  const time = at('time');
  const times = time === undefined ? [] : [{ at: time, isUtc: true }];
  return { ...shared, format: 'pooltag-csv', id, pool: at('pool'), times, figures };
}

function powershellFigures(names: string[]): TagCsvColumns['figures'] {
  return names.flatMap((name, column) => {
    const [, pool, figure] = POWERSHELL_FIGURE.exec(name) ?? [];
    if (pool === undefined) return [];
    return [
      {
        at: column,
        pool: pool as Pool,
        figure: (figure === 'usedbytes' ? 'bytes' : figure) as keyof PoolRow & Figure,
      },
    ];
  });
}
