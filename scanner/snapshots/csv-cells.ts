/** Cells of one line of comma separated values, as Perfmon and PowerShell write them. */

/** Perfmon has a column for each counter of each process; more than this is no log. */
const MAX_CELLS = 20_000;

export type CsvSeparator = ',' | ';' | '\t';

/** The separator of a line of titles: the one outside quotes that is there most. */
export function separatorOf(line: string): CsvSeparator {
  let best: CsvSeparator = ',';
  let most = 0;
  for (const separator of [',', ';', '\t'] as const) {
    const count = csvCells(line, separator).length;
    if (count > most) [best, most] = [separator, count];
  }
  return best;
}

/** Quotes around a cell are taken off, doubled ones within made single. A quote that is not closed ends with the line. */
export function csvCells(line: string, separator: CsvSeparator): string[] {
  const cells: string[] = [];
  let at = 0;
  while (cells.length < MAX_CELLS) {
    const start = at;
    while (line[at] === ' ') at++;
    if (line[at] === '"') {
      const end = closingQuote(line, at + 1);
      cells.push(line.slice(at + 1, end).replaceAll('""', '"'));
      at = line.indexOf(separator, end);
    } else {
      at = line.indexOf(separator, start);
      cells.push(line.slice(start, at === -1 ? line.length : at));
    }
    if (at === -1) break;
    at++;
  }
  return cells;
}

function closingQuote(line: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = line.indexOf('"', at);
    if (at === -1) return line.length;
    if (line[at + 1] !== '"') return at;
  }
}
