/** Writes pooltag.txt and localtag.txt in the documented form that PoolMon's /g and WinDbg's triage folder take. */
import type { KnowledgeEntry } from './facts.ts';
import { isPattern as hasWildcard, tagText } from './pool-tag.ts';

/** What one line of such a file holds. */
export type TagListFact = Pick<KnowledgeEntry, 'tag' | 'isPattern' | 'image' | 'meaning'>;

/** A file's text, ASCII with CR LF, and what it could not hold. */
export interface WrittenTagList {
  text: string;
  remarks: TagListOmission[];
}

/** A tag that was left out, or one whose owner or description was changed so that the file can hold it. */
interface TagListOmission {
  /** As people read it: `tagText`. */
  tag: string;
  kind: 'left-out' | 'changed';
  message: string;
}

/** The readers' lines are short; nobody knows their buffers, so these stay far below any usual one. */
const MAX_OWNER_CHARACTERS = 120;
const MAX_TEXT_CHARACTERS = 500;
/** The published lists pad the binary to twelve columns. */
const OWNER_COLUMNS = 12;
const UNKNOWN_OWNER = '<unknown>';
const LINE_END = '\r\n';

/** Writes one line per fact, in the order given: `Thre - nt!ps        - Thread objects`. */
export function writePooltagTxt(facts: Iterable<TagListFact>): WrittenTagList {
  return writeTagList('Pooltag.txt', 'Pool tags, their owners and what the memory is for.', facts);
}

/** The same form for the drivers of one computer: `Foo1 - foo.sys      - Contoso filter`. See `localtagFacts`. */
export function writeLocaltagTxt(facts: Iterable<TagListFact>): WrittenTagList {
  return writeTagList('Localtag.txt', 'Pool tags that the drivers of this computer use.', facts);
}

/** Why such a file cannot hold the tag, as a clause; undefined where it can. */
function whyNotInTagList(tag: string, isPattern: boolean): string | undefined {
  if (!/^[ -~]{4}$/.test(tag)) return 'it holds a byte that is not a printable ASCII character';
  if (tag.startsWith(' ')) return 'it begins with a blank, and a line of the file never does';
  if (tag.startsWith('//') || /^rem $/i.test(tag)) return 'a line that begins with it is a comment';
  if (!isPattern && /[?*]/.test(tag)) return 'its ? or * would be read as a wildcard';
  if (isPattern && (!hasWildcard(tag) || /\*.*[^ ]/.test(tag)))
    return 'its wildcards would be read differently';
  return undefined;
}

function writeTagList(title: string, about: string, facts: Iterable<TagListFact>): WrittenTagList {
  const lines = [
    'rem',
    `rem    ${title}`,
    'rem',
    `rem    ${about}`,
    'rem    Written by Pooltag. The file has the following format:',
    'rem       <PoolTag> - <binary-name> - <Description>',
    'rem',
    '',
  ];
  const remarks = new Map<string, TagListOmission>();
  const remark = (fact: TagListFact, kind: TagListOmission['kind'], message: string): void => {
    const tag = tagText(fact.tag);
    remarks.set(`${kind} ${tag} ${message}`, { tag, kind, message });
  };
  for (const fact of facts) {
    const objection = whyNotInTagList(fact.tag, fact.isPattern);
    if (objection !== undefined) {
      remark(fact, 'left-out', `"${tagText(fact.tag)}" was left out: ${objection}.`);
      continue;
    }
    const owner = holdableOwner(fact.image);
    const text = holdableText(fact.meaning);
    if (owner !== fact.image)
      remark(fact, 'changed', `The owner of "${fact.tag}" was written as ${said(owner)}.`);
    if (text !== fact.meaning)
      remark(fact, 'changed', `The description of "${fact.tag}" was written as ${said(text)}.`);
    lines.push(`${fact.tag} - ${(owner ?? UNKNOWN_OWNER).padEnd(OWNER_COLUMNS)} - ${text ?? ''}`.trimEnd());
  }
  return { text: lines.join(LINE_END) + LINE_END, remarks: [...remarks.values()] };
}

function said(text: string | null): string {
  return text === null ? 'nothing' : `"${text}"`;
}

/** An owner without a dash after a blank, which would begin the description. */
function holdableOwner(image: string | null): string | null {
  if (image === null) return null;
  const joined = cut(ascii(image), MAX_OWNER_CHARACTERS).replace(/(?<! ) +-/g, '-');
  const owner = joined.replace(/^[- ]+/, '').trim();
  return owner === '' || owner.toLowerCase() === UNKNOWN_OWNER ? null : owner;
}

function holdableText(meaning: string | null): string | null {
  return meaning === null ? null : cut(ascii(meaning), MAX_TEXT_CHARACTERS) || null;
}

/** Letters without their accents, typographic marks as plain ones, `?` for the rest, no surrounding blanks. */
function ascii(text: string): string {
  return text
    .slice(0, 2 * MAX_TEXT_CHARACTERS)
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[\p{Cc}\p{Z}]/gu, ' ')
    .replace(/[^ -~]/gu, '?')
    .trim();
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3).trimEnd()}...`;
}
