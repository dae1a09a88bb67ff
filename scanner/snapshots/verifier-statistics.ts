/** Reads what Driver Verifier counts: `!verifier 3`, `verifier /query` old and new, and the log of `verifier /log`. */
import { printableText } from '../pe/printable-text.ts';
import type { FormatReader } from './format-reader.ts';
import type { VerifiedDriver } from './pool-snapshot.ts';
import { hexNumber, hexOrWholeNumber } from './printed-number.ts';
import { quoted, shownTag } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

type Count = 'nonpagedAllocs' | 'pagedAllocs' | 'nonpagedBytes' | 'pagedBytes';

const TITLES = [
  /^\s*Driver Verification List/i,
  /^\s*Summary of All Verifier Statistics/i,
  /^\s*Verif(?:y|ier) (?:Level|Flags)\b.{0,80}\d/i,
  /^\s*Verified drivers?:\s*$/i,
  /^\s*Pool Allocations (?:With NO TAG|Attempted)\s+0x/i,
];
/** `<address> Loaded 000000a0 00000854 foo.sys`: bytes of nonpaged and of paged pool. */
const LISTED =
  /^\s*([0-9a-f`]{8,17})\s+((?:un)?loaded\S{0,20}|Load\S{0,20})\s+([0-9a-f]{8,16})\s+([0-9a-f]{8,16})\s+(\S.{0,99}?)\s*$/i;
const MODULE = /^\s*MODULE:\s+0x[0-9a-f`]{1,17}\s+(\S.{0,99}?)\s+\((.{1,60})\)\s*$/i;
const TARGET = /_VF_TARGET_DRIVER 0x[0-9a-f`]{1,17}:\s+(\S.{0,99}?)\s+\((.{1,60})\)\s*$/i;
const NAMED = /^\s*(?:Module )?Name:\s*([^\s,]{1,100})\s*,\s*loads:\s*(\d{1,9})\s*,\s*unloads:\s*(\d{1,9})/i;
const TOTAL = /^\s*Current (non)?paged pool allocations\s+0x([0-9a-f]{1,16}) for ([0-9a-f]{1,16}) bytes/i;
const PAIR = /^\s*Current Pool (Allocations|Bytes)\s*:\s*\(\s*(\S{1,20})\s*\/\s*(\S{1,20})\s*\)/i;
const SINGLE =
  /^\s*(Current(?:Non)?PagedPoolAllocations|(?:Non)?PagedPoolUsageInBytes|(?:Current)?(?:Non)?PagedPoolBytes)\s*[:=]\s*(\S{1,20})\s*$/i;
const ALLOCATION_TITLE = /^\s*(?:PoolAddress|Address)\s+(?:SizeInBytes|Length)\s+Tag\s+Caller/i;
const ALLOCATION =
  /^\s*(?:0x)?([0-9a-f`]{8,17})\s+0x([0-9a-f]{1,16})\s{1,9}(.{4})\s+(?:0x)?([0-9a-f`]{8,17})(?:\s+(\S.{0,199}))?\s*$/i;
/** A machine has some hundred drivers. */
const MAX_DRIVERS = 5000;
/** Allocations that are kept one by one, over all drivers of a snapshot. */
const MAX_ALLOCATIONS = 200_000;

export class VerifierStatistics implements FormatReader {
  readonly #session: ReadSession;
  #driver: VerifiedDriver | undefined;
  #isPagedFirst = false;
  #tagColumn: number | undefined;
  #allocations = 0;
  #names = new Set<string>();

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    if (this.#takeDriver(line)) return true;
    if (!TITLES.some(title => title.test(line))) return false;
    const { current } = this.#session;
    const isFilled = current?.format === 'verifier' && current.verifier.length > 0;
    // The list of drivers follows the totals of the same print-out.
    if (current?.format !== 'verifier' || isFilled) this.#begin();
    return true;
  }

  row(line: string): boolean {
    if (/Pool Allocation Statistics/i.test(line)) {
      this.#isPagedFirst = /\(\s*PagedPool\s*\/\s*NonPaged/i.test(line);
      return true;
    }
    if (ALLOCATION_TITLE.test(line)) {
      this.#tagColumn = line.search(/\bTag\b/);
      return true;
    }
    return this.#takeCounts(line) || this.#takeAllocation(line);
  }

  loneRow(line: string): boolean {
    if (!TOTAL.test(line) && !PAIR.test(line) && !SINGLE.test(line) && !ALLOCATION_TITLE.test(line))
      return false;
    this.#begin();
    return this.row(line);
  }

  #begin(): void {
    this.#session.begin('verifier');
    this.#driver = undefined;
    this.#isPagedFirst = false;
    this.#tagColumn = undefined;
    this.#allocations = 0;
    this.#names = new Set();
  }

  #takeDriver(line: string): boolean {
    const listed = /loaded/i.test(line) ? LISTED.exec(line) : null;
    if (listed !== null) {
      const driver = this.#add(listed[5], /^unloaded/i.test(listed[2]), listed[1]);
      put(driver, 'nonpagedBytes', hexNumber(listed[3]));
      put(driver, 'pagedBytes', hexNumber(listed[4]));
      return true;
    }
    const module = MODULE.exec(line) ?? TARGET.exec(line);
    if (module !== null) {
      this.#add(module[1], /unloaded/i.test(module[2]));
      return true;
    }
    const named = NAMED.exec(line);
    if (named === null) return false;
    this.#add(named[1], Number(named[3]) > 0 && Number(named[3]) >= Number(named[2]));
    return true;
  }

  /** The same driver again means that the next print-out has begun, as in a log. */
  #add(printed: string, isUnloaded: boolean, entry = ''): VerifiedDriver {
    const name = printableText(printed, 100) || 'unnamed driver';
    const { current } = this.#session;
    // The old list has an entry for each time that a driver was loaded.
    const key = `${name} ${entry}`;
    const isNext = this.#names.has(key) || this.#session.hasNewTime('verifier');
    if (current?.format !== 'verifier' || isNext) this.#begin();
    this.#names.add(key);
    this.#driver = { driver: name, isUnloaded, allocations: [] };
    if (this.#names.size <= MAX_DRIVERS) this.#session.current!.verifier.push(this.#driver);
    return this.#driver;
  }

  #takeCounts(line: string): boolean {
    const total = TOTAL.exec(line);
    if (total !== null) {
      const snapshot = this.#session.current!;
      snapshot.verifierTotals ??= {};
      put(snapshot.verifierTotals, total[1] ? 'nonpagedAllocs' : 'pagedAllocs', hexNumber(total[2]));
      put(snapshot.verifierTotals, total[1] ? 'nonpagedBytes' : 'pagedBytes', hexNumber(total[3]));
      return true;
    }
    const pair = PAIR.exec(line);
    if (pair !== null) {
      const kind = /^a/i.test(pair[1]) ? 'Allocs' : 'Bytes';
      const [first, second] = [pair[2], pair[3]].map(hexOrWholeNumber);
      const counts = this.#counts();
      put(counts, `nonpaged${kind}`, this.#isPagedFirst ? second : first);
      put(counts, `paged${kind}`, this.#isPagedFirst ? first : second);
      return true;
    }
    const single = SINGLE.exec(line);
    if (single === null) return false;
    const pool = /nonpaged/i.test(single[1]) ? 'nonpaged' : 'paged';
    const kind = /allocations$/i.test(single[1]) ? 'Allocs' : 'Bytes';
    put(this.#counts(), `${pool}${kind}`, hexOrWholeNumber(single[2]));
    return true;
  }

  /** What is printed before any driver is of all of them. */
  #counts(): Partial<Record<Count, number>> {
    if (this.#driver !== undefined) return this.#driver;
    const snapshot = this.#session.current!;
    snapshot.verifierTotals ??= {};
    return snapshot.verifierTotals;
  }

  #takeAllocation(line: string): boolean {
    const row = ALLOCATION.exec(line);
    if (row === null) return false;
    const [, address, size, found, caller, symbol] = row;
    const column = this.#tagColumn;
    const aligned = column !== undefined && line[column - 1] === ' ' ? line.slice(column, column + 4) : '';
    const shown =
      shownTag(aligned.trim() !== '' && !/^.{1,3}\s{2}/.test(aligned) ? aligned : found) ?? shownTag(found);
    const sizeBytes = hexNumber(size);
    if (shown === undefined || sizeBytes === undefined) {
      this.#session.remark(`This allocation of Driver Verifier cannot be read: ${quoted(line)}.`);
      return true;
    }
    this.#session.shown ??= shown;
    if (++this.#allocations > MAX_ALLOCATIONS) return true;
    this.#driver ??= this.#add('unknown driver', false);
    this.#driver.allocations.push({
      tag: shown.tag,
      address: plainAddress(address),
      sizeBytes,
      caller: symbol === undefined ? plainAddress(caller) : printableText(symbol, 200),
    });
    return true;
  }
}

function put(target: Partial<Record<Count, number>>, count: Count, value: number | undefined): void {
  if (value !== undefined) target[count] = value;
}

function plainAddress(printed: string): string {
  return printed.replaceAll('`', '').toLowerCase();
}
