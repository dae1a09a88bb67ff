/** Reads event 2004 of the Resource-Exhaustion-Detector as XML, one or a whole export, on one line or on many. */
import { printableText } from '../pe/printable-text.ts';
import type { MemoryFacts, Pool, PoolSnapshot, ProcessRow } from './pool-snapshot.ts';
import { wholeNumber } from './printed-number.ts';
import { quoted, shownTag } from './printed-text.ts';
import { isoTime } from './printed-time.ts';
import type { ReadSession } from './read-session.ts';

/** An event has some three kilobytes. */
const MAX_EVENT_CHARACTERS = 512 * 1024;
const BEGIN = /<(?:Event|MemoryExhaustionInfo)[\s>]/g;
const EVENT_END = '</Event>';
const INFO = '<MemoryExhaustionInfo';
const INFO_END = '</MemoryExhaustionInfo>';
const ENTITIES = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

const FACTS: [string, keyof MemoryFacts][] = [
  ['SystemCommitLimit', 'commitLimitBytes'],
  ['SystemCommitCharge', 'commitBytes'],
  ['PagedPoolUsage', 'pagedBytes'],
  ['NonPagedPoolUsage', 'nonpagedBytes'],
  ['PhysicalMemorySize', 'physicalBytes'],
];

export class Event2004 {
  readonly #session: ReadSession;
  /** The event as far as it was read, and the line on which it began; undefined between events. */
  #event:
    | { parts: string[]; characters: number; line: number; lastLine: number; isBare: boolean }
    | undefined;
  #pool: Pool | undefined;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  get isInside(): boolean {
    return this.#event !== undefined;
  }

  /** Takes a line that has to do with an event; false for any other. */
  take(line: string): boolean {
    let rest = line;
    let isTaken = false;
    for (;;) {
      if (this.#event === undefined) {
        BEGIN.lastIndex = 0;
        const found = BEGIN.exec(rest);
        if (found === null) return isTaken;
        isTaken = true;
        rest = rest.slice(found.index);
        this.#event = {
          parts: [],
          characters: 0,
          line: this.#session.line,
          lastLine: 0,
          isBare: rest.startsWith(INFO),
        };
        this.#pool = undefined;
      }
      const event = this.#event;
      const endTag = event.isBare ? INFO_END : EVENT_END;
      const end = rest.indexOf(endTag);
      this.#keep(end === -1 ? rest : rest.slice(0, end));
      if (event.characters > MAX_EVENT_CHARACTERS) this.#finish();
      if (end === -1) return true;
      if (this.#event !== undefined) this.#finish();
      rest = rest.slice(end + endTag.length);
    }
  }

  /** The text ends within an event: what there is of it is read. */
  end(): void {
    if (this.#event === undefined) return;
    const text = this.#event.parts.join('');
    if (text.includes(INFO))
      this.#session.remark('This event is cut off before its end; what is there was read.', this.#event.line);
    this.#finish();
  }

  #keep(text: string): void {
    const event = this.#event!;
    this.#showTag(text);
    event.characters += text.length;
    // A line of megabytes comes in pieces.
    const isSameLine = event.lastLine === this.#session.line;
    event.lastLine = this.#session.line;
    event.parts.push(isSameLine ? text : `\n${text}`);
  }

  /** For those who want the tag of this very line, long before the event is complete. */
  #showTag(text: string): void {
    if (text.includes('<NonPagedPoolInfo>')) this.#pool = 'nonpaged';
    else if (text.includes('<PagedPoolInfo>')) this.#pool = 'paged';
    else if (text.includes('<ProcessInfo>')) this.#pool = undefined;
    if (this.#pool === undefined) return;
    const name = /<Name>([^<]{1,40})<\/Name>/.exec(text);
    if (name !== null) this.#session.shown ??= shownTag(plain(name[1]));
  }

  #finish(): void {
    const event = this.#event!;
    this.#event = undefined;
    const text = event.parts.join('');
    const start = text.indexOf(INFO);
    // Other events of the same export are of no concern here.
    if (start === -1) return;
    if (event.characters > MAX_EVENT_CHARACTERS) {
      this.#session.remark(
        `This event is longer than ${MAX_EVENT_CHARACTERS} characters; the rest of it is not read.`,
        event.line,
      );
    }
    const snapshot = this.#session.begin('event-2004');
    snapshot.line = event.line;
    const system = text.slice(0, start);
    const taken = isoTime(/<TimeCreated\s{1,10}SystemTime=["']([^"']{1,60})["']/.exec(system)?.[1] ?? '');
    if (taken !== undefined) {
      snapshot.takenAtMs = taken;
      snapshot.timeFrom = 'text';
    }
    const computer = within(system, 'Computer');
    if (computer !== undefined) snapshot.computer = printableText(plain(computer), 100);
    // Each line has shown its own tag already.
    const { shown } = this.#session;
    this.#fill(snapshot, text.slice(start));
    this.#session.shown = shown;
    this.#session.complete();
  }

  #fill(snapshot: PoolSnapshot, info: string): void {
    const system = within(info, 'SystemInfo') ?? '';
    for (const [name, fact] of FACTS) {
      const value = numberWithin(system, name);
      if (value !== undefined && value >= 0) snapshot.memory[fact] = value;
    }
    const used = numberWithin(system, 'PhysicalMemoryUsage');
    const { physicalBytes } = snapshot.memory;
    if (used !== undefined && physicalBytes !== undefined && used >= 0 && used <= physicalBytes) {
      snapshot.memory.availableBytes = physicalBytes - used;
    }
    this.#takeTags(section(info, 'PagedPoolInfo'), 'paged');
    this.#takeTags(section(info, 'NonPagedPoolInfo'), 'nonpaged');
    this.#takeProcesses(section(info, 'ProcessInfo'));
  }

  #takeTags(text: string, pool: Pool): void {
    for (const item of itemsOf(text, 'Tag_')) {
      const name = plain(within(item, 'Name') ?? '');
      const bytes = numberWithin(item, 'PoolUsed');
      if (name === '' && !bytes) continue;
      const shown = shownTag(name);
      if (shown === undefined || bytes === undefined || bytes < 0) {
        this.#session.remark(`A tag of this event cannot be read: ${quoted(name)}.`);
      } else {
        this.#session.addRow({
          tag: shown.tag,
          pool,
          bytes,
          ...(shown.isInexact ? { isInexact: true as const } : {}),
        });
      }
    }
  }

  #takeProcesses(text: string): void {
    for (const item of itemsOf(text, 'Process_')) {
      const process: ProcessRow = { name: printableText(plain(within(item, 'Name') ?? ''), 260) };
      if (process.name === '') continue;
      for (const [name, field] of [
        ['ID', 'processId'],
        ['CommitCharge', 'commitBytes'],
        ['HandleCount', 'handles'],
      ] as const) {
        const value = numberWithin(item, name);
        if (value !== undefined && value >= 0) process[field] = value;
      }
      this.#session.addProcess(process);
    }
  }
}

/** What stands within the first element of this name. */
function within(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  if (start === -1) return undefined;
  const from = start + name.length + 2;
  const end = text.indexOf(`</${name}>`, from);
  return text.slice(from, end === -1 ? text.length : end);
}

function numberWithin(text: string, name: string): number | undefined {
  return wholeNumber(within(text, name)?.trim());
}

/** Sections follow one another: where one is not closed, the next ends it. */
function section(info: string, name: string): string {
  const text = within(info, name) ?? '';
  const next = text.search(/<(?:PagedPoolInfo|NonPagedPoolInfo|ProcessInfo)>/);
  return next === -1 ? text : text.slice(0, next);
}

/** `<Tag_1>`, `<Tag_2>` and so on. */
function itemsOf(text: string, prefix: string): string[] {
  return text
    .split(`<${prefix}`)
    .slice(1)
    .map(item => {
      const end = item.indexOf(`</${prefix}`);
      return end === -1 ? item : item.slice(0, end);
    });
}

function plain(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,5}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name.toLowerCase()) ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0xffff ? String.fromCharCode(code) : '?';
  });
}
