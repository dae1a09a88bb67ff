/** Marks in a record's own texts what a query hit, as parts and never as HTML. Both indexes use it. */
import type { TagRecord } from './facts.ts';
import type { Highlight, SearchHit } from './search-index.ts';
import type { BytesPlan, SearchPlan } from './search-query.ts';
import { foldText, namePartsOf, wordsOf } from './search-words.ts';
import { allowedTypos, typosIn } from './typo-distance.ts';

/** A record with its highlights; `words` are the words that were searched for in the end. */
export function searchHit(record: TagRecord, plan: SearchPlan, words: readonly string[]): SearchHit {
  const highlights: SearchHit['highlights'] = {};
  const drivers = record.sightings.map(sighting => sighting.driver);
  const entries = record.knowledge;
  const put = (name: keyof SearchHit['highlights'], highlight: Highlight | undefined) => {
    if (highlight !== undefined) highlights[name] = highlight;
  };
  put('tag', tagHighlight(record, plan, words));
  if (words.length > 0) {
    const first = (texts: (string | null)[], forgiving: boolean) => firstHighlight(texts, words, forgiving);
    put(
      'meaning',
      first(
        entries.map(({ meaning }) => meaning),
        true,
      ),
    );
    put(
      'image',
      first(
        entries.map(({ image }) => image),
        true,
      ),
    );
    put(
      'driver',
      first(
        drivers.map(({ fileName }) => fileName),
        false,
      ),
    );
    put(
      'vendor',
      first(
        drivers.map(({ company }) => company),
        true,
      ),
    );
    put(
      'product',
      first(
        drivers.flatMap(({ product, description }) => [product, description]),
        true,
      ),
    );
  }
  return { record, highlights };
}

function tagHighlight(
  { id, tag }: TagRecord,
  plan: SearchPlan,
  words: readonly string[],
): Highlight | undefined {
  if (plan.kind === 'all') return undefined;
  if (plan.kind === 'bytes') return bytesHighlight(tag, plan);
  if (plan.exact.includes(id)) return marked(tag, [[0, 4]]);
  const { prefix } = plan;
  if (prefix !== null && asciiLower(tag).startsWith(asciiLower(prefix))) {
    return marked(tag, [[0, prefix.length]]);
  }
  return textHighlight(tag, words, false);
}

function bytesHighlight(tag: string, plan: BytesPlan): Highlight | undefined {
  const shape = plan.shapes.find(bytes =>
    bytes.every((byte, i) => byte === null || byte === tag.charCodeAt(i)),
  );
  if (shape === undefined) return undefined;
  return marked(tag, shape.flatMap((byte, i) => (byte === null ? [] : [[i, i + 1]])) as [number, number][]);
}

/** The first text that holds a hit: a record may have many owners, and a page shows one line. */
function firstHighlight(
  texts: readonly (string | null)[],
  words: readonly string[],
  forgiving: boolean,
): Highlight | undefined {
  for (const text of texts) {
    const highlight = text === null ? undefined : textHighlight(text, words, forgiving);
    if (highlight !== undefined) return highlight;
  }
  return undefined;
}

function textHighlight(text: string, words: readonly string[], forgiving: boolean): Highlight | undefined {
  const hits: [number, number][] = [];
  for (const word of [...wordsOf(text), ...namePartsOf(text)]) {
    for (const [index, wanted] of words.entries()) {
      const length = matchLength(word.text, wanted, index === words.length - 1, forgiving);
      if (length === 0) continue;
      // Where folding changed the length (an accent taken off), positions inside the word are not known.
      const plain = foldText(text.slice(word.start, word.end)).length === word.end - word.start;
      hits.push([word.start, plain ? word.start + length : word.end]);
    }
  }
  return hits.length === 0 ? undefined : marked(text, hits);
}

/** How many characters of `word` the wanted word hit; 0 for none. */
function matchLength(word: string, wanted: string, mayBeBeginning: boolean, forgiving: boolean): number {
  if (word === wanted) return word.length;
  if (mayBeBeginning && word.startsWith(wanted)) return wanted.length;
  const limit = forgiving ? allowedTypos(wanted) : 0;
  if (limit === 0) return 0;
  const typos =
    word[0] === wanted[0] ? typosIn(wanted, word, limit, mayBeBeginning) : typosIn(wanted, word, 1, false);
  return typos === undefined ? 0 : word.length;
}

/** The text in parts; ranges may overlap and stand in any order. */
function marked(text: string, ranges: [number, number][]): Highlight {
  const parts: Highlight = [];
  let done = 0;
  const push = (end: number, isMatch: boolean) => {
    if (end <= done) return;
    const last = parts.at(-1);
    if (last?.isMatch === isMatch) last.text += text.slice(done, end);
    else parts.push({ text: text.slice(done, end), isMatch });
    done = end;
  };
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    push(start, false);
    push(end, true);
  }
  push(text.length, false);
  return parts;
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, letter => letter.toLowerCase());
}
