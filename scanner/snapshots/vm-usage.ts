/** Reads the debugger's `!vm`: how much of each pool is used, and how far it may grow. */
import { printableText } from '../pe/printable-text.ts';
import type { FormatReader } from './format-reader.ts';
import type { MemoryFacts, PoolSnapshot } from './pool-snapshot.ts';
import { hexNumber, wholeNumber } from './printed-number.ts';
import type { ReadSession } from './read-session.ts';

const TITLE = /^\s*\*{3} Virtual Memory Usage \*{3}/i;
const ROW =
  /^\s*([A-Za-z][A-Za-z0-9 ./-]{0,60}?)\s{0,40}:\s{0,40}(\d{1,16})\s{0,40}\(\s{0,40}(\d{1,16})\s?K[bB]\s?\)/;
const PROCESS =
  /^\s*([0-9a-f]{4,8}) (\S.{0,99}?)\s{1,60}(\d{1,16})\s{0,40}\(\s{0,40}(\d{1,16})\s?K[bB]\s?\)/i;
/** Rows that no other print-out has: with one of them a snapshot may begin. */
const POOL_LABEL = /^(?:non)?pagedpool(?:nx)?(?:\d|usage|max|maximum|commit)/;

const FACTS = new Map<string, keyof MemoryFacts>([
  ['physicalmemory', 'physicalBytes'],
  ['availablepages', 'availableBytes'],
  ['committedpages', 'commitBytes'],
  ['commitlimit', 'commitLimitBytes'],
  ['peakcommitment', 'commitPeakBytes'],
  ['pagedpoolusage', 'pagedBytes'],
  ['nonpagedpoolmax', 'nonpagedLimitBytes'],
  ['nonpagedpoolmaximum', 'nonpagedLimitBytes'],
  ['pagedpoolmax', 'pagedLimitBytes'],
  ['pagedpoolmaximum', 'pagedLimitBytes'],
]);

export class VmUsage implements FormatReader {
  readonly #session: ReadSession;
  /** Bytes of the rows that make up nonpaged pool: old systems have one, newer ones a second that forbids execution. */
  #nonpaged = new Map<string, number>();
  #lines = new Map<keyof MemoryFacts | 'nonpagedBytes', number>();

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    if (!TITLE.test(line)) return false;
    this.#begin();
    return true;
  }

  row(line: string): boolean {
    const row = ROW.exec(line);
    if (row !== null) return this.#take(labelOf(row[1]), row[3]);
    const process = PROCESS.exec(line);
    if (process !== null) return this.#takeProcess(process);
    return /^\s*(?:\*{4,}|Page File:|Current:|Minimum:|Total Private:)/.test(line);
  }

  loneRow(line: string): boolean {
    const row = ROW.exec(line);
    if (row === null || !POOL_LABEL.test(labelOf(row[1]))) return false;
    this.#begin();
    return this.#take(labelOf(row[1]), row[3]);
  }

  /** A debugger that reads counters of another version prints sizes that cannot be. */
  finish(snapshot: PoolSnapshot): void {
    const { memory } = snapshot;
    const nx = this.#nonpaged.get('nonpagedpoolnxusage');
    const plain = this.#nonpaged.get('nonpagedpoolusage');
    if (nx !== undefined || plain !== undefined) memory.nonpagedBytes = (nx ?? 0) + (plain ?? 0);
    const ceiling = memory.nonpagedLimitBytes ?? Number.POSITIVE_INFINITY;
    const physical = memory.physicalBytes ?? Number.POSITIVE_INFINITY;
    if (plain !== undefined && nx !== undefined && plain > Math.min(ceiling, physical) && nx <= ceiling) {
      memory.nonpagedBytes = nx;
      this.#remark(
        'nonpagedBytes',
        'NonPagedPool Usage is above what the pool may hold: the debugger has miscounted. NonPagedPoolNx Usage is taken alone.',
      );
      if (plain > ceiling) delete memory.nonpagedLimitBytes;
    } else this.#doubtLimit(memory, 'nonpagedBytes', 'nonpagedLimitBytes', 'NonPaged Pool');
    this.#doubtLimit(memory, 'pagedBytes', 'pagedLimitBytes', 'Paged Pool');
    if (memory.nonpagedBytes !== undefined && memory.nonpagedBytes > physical) {
      this.#remark(
        'nonpagedBytes',
        'Nonpaged pool is larger than the memory of the machine, which cannot be: the debugger has miscounted. Its size is left out.',
      );
      delete memory.nonpagedBytes;
    }
  }

  #doubtLimit(
    memory: MemoryFacts,
    used: 'nonpagedBytes' | 'pagedBytes',
    limit: 'nonpagedLimitBytes' | 'pagedLimitBytes',
    name: string,
  ): void {
    const usedBytes = memory[used];
    const limitBytes = memory[limit];
    if (usedBytes === undefined || limitBytes === undefined || usedBytes <= limitBytes) return;
    delete memory[limit];
    this.#remark(
      used,
      `${name} Usage is above its maximum: the debugger has miscounted. The maximum is not believed.`,
    );
  }

  #remark(fact: keyof MemoryFacts, message: string): void {
    this.#session.remark(message, this.#lines.get(fact) ?? this.#session.line);
  }

  #begin(): void {
    // The snapshot before is finished by the figures that were kept for it.
    this.#session.begin('vm');
    this.#nonpaged = new Map();
    this.#lines = new Map();
  }

  #take(label: string, kilobytes: string): boolean {
    const bytes = wholeNumber(kilobytes)! * 1024;
    const { memory } = this.#session.current!;
    if (!Number.isSafeInteger(bytes)) {
      this.#session.remark('This size is larger than any memory; it is left out.');
      return true;
    }
    if (label === 'nonpagedpoolusage' || label === 'nonpagedpoolnxusage') {
      this.#nonpaged.set(label, bytes);
      if (label === 'nonpagedpoolusage') this.#lines.set('nonpagedBytes', this.#session.line);
    }
    const fact = FACTS.get(label);
    if (fact !== undefined) {
      memory[fact] = bytes;
      this.#lines.set(fact, this.#session.line);
    }
    return true;
  }

  #takeProcess([, id, name, , kilobytes]: RegExpExecArray): boolean {
    const commitBytes = wholeNumber(kilobytes)! * 1024;
    const processId = hexNumber(id);
    this.#session.addProcess({
      name: printableText(name, 260),
      ...(processId === undefined ? {} : { processId }),
      ...(Number.isSafeInteger(commitBytes) ? { commitBytes } : {}),
    });
    return true;
  }
}

/** `NonPaged Pool Usage` and `NonPagedPool Usage` are one. */
function labelOf(printed: string): string {
  return printed.replace(/[\s-]/g, '').toLowerCase();
}
