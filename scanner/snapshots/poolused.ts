/** Reads the debugger's `!poolused`, old and new, plain and verbose, of the system and of sessions. */
import type { FormatReader } from './format-reader.ts';
import { PoolPairs } from './pool-pair.ts';
import type { Pool, PoolRow, PoolSnapshot } from './pool-snapshot.ts';
import { outstanding, wholeNumber } from './printed-number.ts';
import { ownerText, quoted, type ShownTag, shownTag } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const SORTING = /^\s*Sorting by\s+(?:Tag\s*$|(?:Non)?Paged Pool Consumed|Session Pool Consumed)/i;
const POOL_USED = /^\s*(?:Session\s+\d+\s+)?Pool Used:?/i;
const POOLS = /^\s*(NonPaged|Paged)(?:\s+(NonPaged|Paged))?\s*$/i;
const BOTH_POOLS = /Paged\s+(?:Non)?Paged/i;
const TITLE = /^(?:#{1,3} ?)?\s*Tag\s+((?:(?:Allocs|Frees|Diff|Used)\s*)+)$/;
const UNKNOWN_TAG = /^UNKNOWN pooltag '(.{4})'/i;

type Column = 'Allocs' | 'Frees' | 'Diff' | 'Used';

interface Layout {
  tagColumn: number;
  /** For each number, the pool and the column; and where its title ends. */
  columns: { pool: Pool; column: Column; end: number }[];
  isVerbose: boolean;
}

export class PoolUsed implements FormatReader {
  readonly #session: ReadSession;
  readonly #pairs = new PoolPairs();
  #pools: Pool[] = ['nonpaged', 'paged'];
  #layout: Layout | undefined;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    if (SORTING.test(line) || POOL_USED.test(line)) {
      const snapshot = this.#unfilled();
      const session = /Session\s+(\d{1,6})/i.exec(line);
      if (session !== null) snapshot.session = Number(session[1]);
      return true;
    }
    const pools = POOLS.exec(line);
    // One name alone may be prose, unless the lines before it announced a table.
    if (pools !== null && (BOTH_POOLS.test(line) || this.#isUnfilled())) {
      this.#unfilled();
      this.#pools = pools
        .slice(1)
        .filter(Boolean)
        .map(name => (/^n/i.test(name) ? 'nonpaged' : 'paged'));
      return true;
    }
    const title = TITLE.exec(line);
    if (title === null) return false;
    this.#unfilled();
    this.#layout = layoutOf(line, title[1].trim().split(/\s+/) as Column[], this.#pools);
    return true;
  }

  plainRow(line: string): boolean {
    return this.#layout !== undefined && /^\s?.{4}\s+\d+\s+\d/.test(line) && this.#take(line, this.#layout);
  }

  row(line: string): boolean {
    if (this.#layout === undefined || /^\s*TOTAL\s+\d/.test(line)) return this.#layout !== undefined;
    if (!/^\s?.{1,4}\s+-?\d/.test(line)) return false;
    if (!this.#take(line, this.#layout)) {
      // Prose may begin like a row; a row has two numbers at least.
      if (!/^\s?.{1,4}\s+\d+\s+\d+(?:\s|$)/.test(line)) return false;
      this.#session.remark(`This row of !poolused cannot be read: ${quoted(line)}.`);
    }
    return true;
  }

  /** Without any title a row is known by what the debugger says of its tag. */
  loneRow(line: string): boolean {
    if (!/, Binary\s?: |UNKNOWN pooltag '|please update pooltag\.txt/.test(line)) return false;
    const numbers = /^\s?.{4}((?:\s+\d{1,16})+)/.exec(line)?.[1].trim().split(/\s+/).length;
    if (numbers !== 4 && numbers !== 8) return false;
    const names: Column[] = numbers === 4 ? ['Allocs', 'Used'] : ['Allocs', 'Frees', 'Diff', 'Used'];
    this.#pools = ['nonpaged', 'paged'];
    this.#layout = layoutOf(line[0] === ' ' ? ' ' : '', [...names, ...names], this.#pools);
    this.#session.ensure('poolused');
    return this.#take(line, this.#layout);
  }

  #isUnfilled(): boolean {
    const { current } = this.#session;
    return current?.format === 'poolused' && current.rows.length === 0;
  }

  #unfilled(): PoolSnapshot {
    if (this.#isUnfilled()) return this.#session.current!;
    this.#layout = undefined;
    this.#pools = ['nonpaged', 'paged'];
    return this.#session.begin('poolused');
  }

  #take(line: string, layout: Layout): boolean {
    const start = line[0] === ' ' || line[0] === '\t' ? 1 : 0;
    const tagStart = layout.tagColumn === 0 && start === 1 && line[4] === ' ' && line[5] !== ' ' ? 0 : start;
    const aligned = readNumbers(line, tagStart + 4, layout);
    const flattened = aligned === undefined ? /^\s?(\S{1,3}) (?=\d)/.exec(line) : null;
    const numbers = aligned ?? (flattened && readNumbers(line, flattened[0].length - 1, layout));
    if (!numbers) return false;
    const printed = flattened?.[1] ?? line.slice(tagStart, tagStart + 4);
    const description = line.slice(numbers.end).trim();
    const tag = betterTag(printed, description);
    if (tag === undefined) return false;
    this.#pairs.add(this.#session, this.#rows(tag, numbers.values, layout, ownerText(description)));
    return true;
  }

  #rows(shown: ShownTag, values: number[], layout: Layout, mapped: string | undefined): PoolRow[] {
    return this.#pools.map(pool => {
      const row: PoolRow = { tag: shown.tag, pool };
      layout.columns.forEach((column, i) => {
        if (column.pool !== pool) return;
        const value = values[i];
        if (!Number.isSafeInteger(value) || value < 0) {
          const what = 'A number is negative or larger than any counter; it is left out.';
          this.#session.remarkRow(quoted(shown.tag), what);
        } else if (column.column === 'Used') row.bytes = value;
        // Without Frees and Diff, Allocs counts those in use.
        else if (column.column === 'Diff' || !layout.isVerbose) row.diff = value;
        else if (column.column === 'Allocs') row.allocs = value;
        else row.frees = value;
      });
      if (row.allocs !== undefined && row.frees !== undefined) this.#checkDiff(row);
      if (mapped !== undefined) row.mapped = mapped;
      if (shown.isInexact) row.isInexact = true;
      return row;
    });
  }

  #checkDiff(row: PoolRow): void {
    const counted = outstanding(row.allocs!, row.frees!);
    if (counted === undefined || counted === row.diff) return;
    this.#session.remarkRow(
      quoted(row.tag),
      'A 32-bit counter has wrapped around; Diff is computed from Allocs and Frees.',
    );
    row.diff = counted;
  }
}

function layoutOf(line: string, names: Column[], pools: Pool[]): Layout {
  const half = Math.ceil(names.length / Math.max(1, pools.length));
  const ends = [...line.matchAll(/Allocs|Frees|Diff|Used/g)].map(match => match.index + match[0].length);
  const columns = names.map((column, i) => {
    return { pool: pools[Math.floor(i / half)] ?? 'paged', column, end: ends[i] ?? Number.POSITIVE_INFINITY };
  });
  return { tagColumn: line.search(/\S|$/), columns, isVerbose: names.includes('Frees') };
}

/** The numbers behind the tag, one for each title; the description may follow the last one without a blank. */
function readNumbers(
  line: string,
  start: number,
  layout: Layout,
): { values: number[]; end: number } | undefined {
  const { columns } = layout;
  const values: number[] = [];
  let end = start;
  let isAligned = true;
  for (let i = 0; i < columns.length; i++) {
    const number = /\s+(-?\d{1,30})/y;
    number.lastIndex = end;
    const match = number.exec(line);
    if (match === null) return undefined;
    let digits = match[1];
    end = number.lastIndex;
    const overhang = end - columns[i].end;
    // A description that begins with digits is glued to the last number: the title tells where that ends.
    const isLast = i === columns.length - 1;
    if (isLast && isAligned && overhang > 0 && overhang < digits.length && /\S/.test(line.slice(end))) {
      digits = digits.slice(0, -overhang);
      end -= overhang;
    }
    if (overhang !== 0) isAligned = false;
    values.push(wholeNumber(digits) ?? Number.NaN);
  }
  return { values, end };
}

/** The debugger prints dots for bytes that it cannot show; its text may show them. */
function betterTag(printed: string, description: string): ShownTag | undefined {
  const told = UNKNOWN_TAG.exec(description)?.[1];
  const isAlike = told !== undefined && [...printed].every((c, i) => c === told[i] || c === '.');
  if (!isAlike || told.includes('.')) return shownTag(printed, true);
  const shown = shownTag(told);
  // A blank in place of a dot is a blank perhaps, perhaps a NUL.
  const isDoubtful = [...printed].some((c, i) => c === '.' && told[i] === ' ');
  return shown === undefined ? undefined : { ...shown, isInexact: shown.isInexact || isDoubtful };
}
