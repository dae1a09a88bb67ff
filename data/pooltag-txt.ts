/** Reads pooltag.txt and localtag.txt, recognised by what the lines look like, with a remark for each unreadable line. */
import { decodeText, linesOf, type TextEncoding } from './decode-text.ts';
import type { KnowledgeEntry } from './facts.ts';
import { isPattern, type PoolTag, type TagPattern } from './pool-tag.ts';
import {
  looksLikeImage,
  readBareTags,
  readTagListLine,
  splitOwner,
  type TagListLine,
} from './tag-list-line.ts';

/** A line that says nothing to the reader. */
interface TagListRemark {
  /** From 1; 0 where the remark is on the whole file. */
  line: number;
  /** The line, cut to a readable length. */
  text: string;
  message: string;
}

/** A tag list as it was read. Every line is counted once in `lines`. */
export interface TagList {
  /** `pooltag`: tag, owner and description. `localtag`: tags and the drivers that use them. null: not a tag list. */
  form: 'pooltag' | 'localtag' | null;
  entries: KnowledgeEntry[];
  /** Distinct tags and wildcard entries. */
  tagCount: number;
  /** Numbers of the lines that give a tag a further owner. */
  duplicateLines: number[];
  remarks: TagListRemark[];
  lines: { total: number; entries: number; comments: number; blanks: number; unreadable: number };
  /** The version that a comment above the first entry names. */
  version: string | null;
  encoding: TextEncoding;
}

/** The longest line of the published lists has about 200 characters. */
const MAX_LINE_CHARACTERS = 2000;
/** Forty times the largest published list: enough for every driver of a computer, and a bound on memory. */
const MAX_ENTRIES = 200_000;
/** A file with more unreadable lines than this is no tag list; the rest of them is only counted. */
const MAX_REMARKS = 1000;
/** The first lines that look like something decide on the form. */
const FORM_SAMPLE_LINES = 2000;
const MAX_SHOWN_CHARACTERS = 120;
const FORM = '<Tag> - <binary> - <description>';

/** Reads a tag list in UTF-8, UTF-16 or latin1. `listName` (a path, usually) becomes the source of every entry. */
export function readTagList(content: Uint8Array | string, listName: string): TagList {
  const decoded =
    typeof content === 'string' ? { text: content, encoding: 'utf-8' as const } : decodeText(content);
  const text = decoded.text.startsWith('\ufeff') ? decoded.text.slice(1) : decoded.text;
  const reader = new TagListReader(listName, formOf(text), decoded.encoding);
  for (const { number, line } of linesOf(text)) reader.read(number, line);
  return reader.finish();
}

/** localtag.txt names a driver and nothing else beside a tag; pooltag.txt has a description. */
function formOf(text: string): 'pooltag' | 'localtag' {
  let balance = 0;
  let sampled = 0;
  for (const { line } of linesOf(text)) {
    if (line.length > MAX_LINE_CHARACTERS) continue;
    const read = readTagListLine(line);
    if (read.shape === 'blank' || read.shape === 'comment') continue;
    if (read.shape === 'entry') balance += isTagAndDriver(read.rest) ? 1 : -1;
    else if (read.shape !== 'other') balance++;
    if (++sampled === FORM_SAMPLE_LINES) break;
  }
  return balance > 0 ? 'localtag' : 'pooltag';
}

function isTagAndDriver(rest: string): boolean {
  const { text, hasDash } = splitOwner(rest);
  return !hasDash && /^\S+$/.test(text);
}

type Fact = { tag: string } & Pick<KnowledgeEntry, 'image' | 'meaning'>;

class TagListReader {
  readonly #list: TagList;
  readonly #sources: KnowledgeEntry['sources'];
  readonly #listName: string;
  readonly #seen = new Set<string>();
  readonly #isLocaltag: boolean;
  /** The driver whose tags follow on lines of their own. */
  #driver: string | undefined;

  constructor(listName: string, form: 'pooltag' | 'localtag', encoding: TextEncoding) {
    this.#listName = listName;
    this.#sources = [{ name: listName, url: null }];
    this.#isLocaltag = form === 'localtag';
    this.#list = {
      form,
      entries: [],
      tagCount: 0,
      duplicateLines: [],
      remarks: [],
      lines: { total: 0, entries: 0, comments: 0, blanks: 0, unreadable: 0 },
      version: null,
      encoding,
    };
  }

  read(number: number, line: string): void {
    const { lines } = this.#list;
    lines.total++;
    if (line.length > MAX_LINE_CHARACTERS) {
      this.#remark(number, line, `It has ${line.length} characters; a line of a tag list has far fewer.`);
      return;
    }
    const read = readTagListLine(line);
    if (read.shape === 'blank') lines.blanks++;
    else if (read.shape === 'comment') this.#readComment(line);
    else this.#readFacts(number, line, read);
  }

  finish(): TagList {
    const list = this.#list;
    list.tagCount = this.#seen.size;
    const unlisted = list.lines.unreadable - list.remarks.length;
    if (unlisted > 0) {
      const message = `${unlisted} more lines could not be read.`;
      list.remarks.push({ line: 0, text: '', message });
    }
    if (list.entries.length > 0) return list;
    list.form = null;
    const message = `This is not a tag list: none of its ${list.lines.total} lines has the form ${FORM}.`;
    list.remarks.unshift({ line: 0, text: '', message });
    return list;
  }

  #readComment(line: string): void {
    this.#list.lines.comments++;
    if (this.#list.entries.length > 0) return;
    this.#list.version ??= /\b(?:version|build)[ :]{1,3}(\d+(?:\.\d+){1,3})/i.exec(line)?.[1] ?? null;
  }

  #readFacts(number: number, line: string, read: TagListLine): void {
    if (read.shape === 'entry') {
      this.#add(number, line, [{ tag: read.tag, ...this.#ownerAndText(read.rest) }]);
      return;
    }
    if (this.#isLocaltag) {
      const bare = this.#driver === undefined ? undefined : readBareTags(line);
      if (bare !== undefined && read.shape !== 'driver') {
        this.#add(
          number,
          line,
          bare.map(tag => ({ tag, image: this.#driver!, meaning: null })),
        );
        return;
      }
      if (read.shape === 'pair') {
        this.#add(
          number,
          line,
          read.images.map(image => ({ tag: read.tag, image, meaning: null })),
        );
        return;
      }
      if (read.shape === 'driver') {
        this.#driver = clean(read.image) ?? undefined;
        this.#add(
          number,
          line,
          read.tags.map(tag => ({ tag, image: this.#driver ?? null, meaning: null })),
        );
        return;
      }
    }
    this.#remark(number, line, complaintAbout(line));
  }

  #ownerAndText(rest: string): { image: string | null; meaning: string | null } {
    const { owner, text, hasDash } = splitOwner(rest);
    if (hasDash) return { image: imageOf(owner), meaning: clean(text) };
    const isDriver = /^\S+$/.test(text) && (this.#isLocaltag || looksLikeImage(text));
    if (isDriver || imageOf(text) === null) return { image: imageOf(text), meaning: null };
    return { image: null, meaning: clean(text) };
  }

  /** All facts of one line, or a remark on it. */
  #add(number: number, line: string, facts: Fact[]): void {
    const list = this.#list;
    const bad = facts.find(fact => !/^[\x20-\x7e\xa0-\xff]{4}$/.test(fact.tag));
    if (bad !== undefined) {
      this.#remark(number, line, 'Its tag holds a character that is not one printable byte.');
      return;
    }
    if (list.entries.length + facts.length > MAX_ENTRIES) {
      this.#remark(number, line, `It comes after ${MAX_ENTRIES} entries, more than a tag list may have.`);
      return;
    }
    list.lines.entries++;
    for (const { tag, image, meaning } of facts) {
      if (this.#seen.has(tag) && list.duplicateLines.at(-1) !== number) list.duplicateLines.push(number);
      this.#seen.add(tag);
      list.entries.push({
        tag: tag as PoolTag | TagPattern,
        isPattern: isPattern(tag),
        image,
        component: null,
        meaning,
        list: this.#listName,
        sources: this.#sources,
      });
    }
  }

  #remark(line: number, text: string, message: string): void {
    this.#list.lines.unreadable++;
    if (this.#list.remarks.length >= MAX_REMARKS) return;
    this.#list.remarks.push({ line, text: text.slice(0, MAX_SHOWN_CHARACTERS), message });
  }
}

function complaintAbout(line: string): string {
  return /^\s/.test(line)
    ? `It begins with a blank; expected ${FORM}, the tag in the first four columns.`
    : `No dash follows a tag of up to four characters; expected ${FORM}.`;
}

/** `<unknown>` is how the lists say that they know no owner. */
function imageOf(owner: string): string | null {
  return /^<unknown>$/i.test(owner.trim()) ? null : clean(owner);
}

/** Without control characters and surrounding blanks; null where nothing is left. */
function clean(text: string): string | null {
  return text.replace(/\p{Cc}/gu, ' ').trim() || null;
}
