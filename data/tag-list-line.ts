/** One line of pooltag.txt or localtag.txt, taken apart by its form alone. */

/** What a line looks like. `tag` has its four characters; texts are as they stand, without surrounding blanks. */
export type TagListLine =
  | { shape: 'blank' }
  | { shape: 'comment' }
  /** `<Tag> - <rest>`: the form of pooltag.txt. */
  | { shape: 'entry'; tag: string; rest: string }
  /** `Tag driver`: a form of localtag.txt. */
  | { shape: 'pair'; tag: string; images: string[] }
  /** `foo.sys: Tag1 Tag2` or `[foo]`: a driver and its tags, which may follow on lines of their own. */
  | { shape: 'driver'; image: string; tags: string[] }
  | { shape: 'other' };

const CTRL_Z = '\x1a';
const IMAGE_FILE = /\.(?:sys|dll|exe)$/i;

/** Takes a line apart; linear in its length. */
export function readTagListLine(raw: string): TagListLine {
  const line = tabAfterTag(withoutCtrlZ(raw)).trimEnd();
  if (line.trim() === '') return { shape: 'blank' };
  const entry = readEntry(line);
  if (isComment(line, entry !== undefined)) return { shape: 'comment' };
  return entry ?? readDriver(line) ?? readPair(line) ?? { shape: 'other' };
}

/** Short tags on a line of their own, below a driver's name: `AfdB, AfdC`; undefined for anything else. */
export function readBareTags(line: string): string[] | undefined {
  const tags = withoutCtrlZ(line)
    .split(/[\s,;]+/)
    .filter(tag => tag !== '');
  return tags.length > 0 && tags.every(tag => tag.length <= 4) ? tags.map(tag => tag.padEnd(4)) : undefined;
}

/** Whether a word names an image: `afd.sys`, `nt!mm`, `win32k!Class::operator`. */
export function looksLikeImage(word: string): boolean {
  return IMAGE_FILE.test(word) || /^[^\s!]+!\S*$/.test(word);
}

/** The owner and the description of an entry's rest; empty where there is none. `hasDash` is the dash between them. */
export function splitOwner(rest: string): { owner: string; text: string; hasDash: boolean } {
  for (let dash = rest.indexOf('-'); dash !== -1; dash = rest.indexOf('-', dash + 1)) {
    if (dash > 0 && !/\s/.test(rest[dash - 1])) continue;
    return { owner: rest.slice(0, dash).trim(), text: rest.slice(dash + 1).trim(), hasDash: true };
  }
  const single = rest.trim();
  // `nt!etw         Etw memory partition MDL`: one line of the 2019 copy lacks its second dash.
  const lost = /^(\S+)\s{2,}(\S.*)$/.exec(single);
  if (lost !== null && looksLikeImage(lost[1])) return { owner: lost[1], text: lost[2], hasDash: true };
  return { owner: '', text: single, hasDash: false };
}

/** The two rules of the format: four characters and a dash, or fewer, a blank and a dash. */
function readEntry(line: string): TagListLine | undefined {
  const found = /^(\S.{3}) *-/.exec(line) ?? /^(\S.{0,2}) +-/.exec(line);
  if (found === null) return undefined;
  return { shape: 'entry', tag: found[1].padEnd(4), rest: line.slice(found[0].length) };
}

/** `rem` and `REM` always begin a comment; `Rem ` may be a tag, and is one where the rest has the form. */
function isComment(line: string, isEntry: boolean): boolean {
  const text = line.trimStart();
  if (text.startsWith('//') || /^(?:rem|REM)(?:\s|$)/.test(text)) return true;
  if (/^rem(?:\s|$)/i.test(text)) return !isEntry;
  // A line drawn under a heading.
  return /^([-=_])\1{3,}(?: +\1{4,})*$/.test(text);
}

function readDriver(line: string): TagListLine | undefined {
  const bracketed = /^\[([^\s\]]+)\](.*)$/.exec(line);
  const named = /^(\S+?\.(?:sys|dll|exe))(?:\s*[:=-]|\s|$)(.*)$/i.exec(line);
  const found = bracketed ?? named;
  if (found === null) return undefined;
  const list = found[2].replace(/^\s*[:=-]/, '').trim();
  const tags = list === '' ? [] : readBareTags(list);
  return tags === undefined ? undefined : { shape: 'driver', image: found[1], tags };
}

function readPair(line: string): TagListLine | undefined {
  const found = /^(\S.{3})\s+(\S.*)$/.exec(line) ?? /^(\S.{0,2})\s+(\S.*)$/.exec(line);
  if (found === null) return undefined;
  const images = found[2].split(/[\s,;]+/).map(image => image.replace(/^\[(.*)\]$/, '$1'));
  const isList = images.length > 1;
  if (images.some(image => (isList ? !IMAGE_FILE.test(image) : !/^[\w.$@!#~+-]+$/.test(image))))
    return undefined;
  return { shape: 'pair', tag: found[1].padEnd(4), images };
}

/** Newer copies end with Ctrl-Z; two files copied together have it in the middle. */
function withoutCtrlZ(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && line[start] === CTRL_Z) start++;
  while (end > start && line[end - 1] === CTRL_Z) end--;
  return line.slice(start, end);
}

/** A tab that follows a short tag stands for the blanks that pad it. */
function tabAfterTag(line: string): string {
  const tab = line.indexOf('\t');
  if (tab < 1 || tab > 4) return line;
  return `${line.slice(0, tab).padEnd(4)} ${line.slice(tab + 1).trimStart()}`;
}
