/** The answer document as text for a terminal: the answer first, the proof under it, then what to do next. */
import type { Strength } from '../data/facts.ts';
import { type PoolTag, tagText } from '../data/pool-tag.ts';
import type {
  Advice,
  ArticleView,
  Owner,
  Reading,
  SightingView,
  TagAnswer,
  TagPointer,
  UnknownTagAnswer,
} from './answer-document.ts';
import { evidenceInWords, placeText } from './evidence-words.ts';
import { verdictInWords } from './leak-applies.ts';
import { OTHER_USE_NOTE, otherUsesInWords } from './other-tag-words.ts';
import { alignColumns, escapeControls, type Style, wrapText } from './terminal-text.ts';

export interface AnswerTextOptions {
  style: Style;
  /** Characters to a line; Infinity where nothing is to be wrapped. */
  width: number;
}

/** More drivers than this are counted, not listed: `--format json` has them all. */
const MAX_LISTED_SIGHTINGS = 20;

/** The answer to one tag, ending with a line feed. Everything that came from outside is escaped. */
export function textAnswer(answer: TagAnswer | UnknownTagAnswer, options: AnswerTextOptions): string {
  const { style } = options;
  const shown = tagText(answer.tag as PoolTag);
  const [first, ...rest] = paragraph(answer.summary, ' '.repeat(shown.length + 2), options);
  const lines = [
    `${style.bold(shown)}${first.slice(shown.length)}`,
    ...rest,
    style.dim(`${answer.bytes} · ${answer.ulong} · ${escapeControls(answer.literal)}`),
    ...readingLines(answer.reading, options),
  ];
  const sections = answer.found ? knownSections(answer, options) : unknownSections(answer, options);
  for (const section of sections) if (section.length > 1) lines.push('', ...section);
  return `${lines.join('\n')}\n`;
}

function knownSections(answer: TagAnswer, options: AnswerTextOptions): string[][] {
  const { style } = options;
  return [
    [style.bold('Who says so'), ...ownerLines(answer.owners, options)],
    [style.bold('Seen in drivers'), ...sightingLines(answer.sightings, options)],
    otherUseSection(answer, options),
    ...answer.advice.map(advice => adviceSection(advice, options)),
    leakSection(answer, options),
    [style.bold('Grows along with it'), ...pointerLines(answer.companions)],
    [style.bold('Differs only by case'), ...pointerLines(answer.caseVariants)],
    [style.bold('Spelled alike'), ...pointerLines(answer.near)],
  ];
}

function unknownSections(answer: UnknownTagAnswer, options: AnswerTextOptions): string[][] {
  const { style } = options;
  const suggestions = answer.suggestions.map(one => ({ ...one, summary: `${one.summary} (${one.why})` }));
  return [
    otherUseSection(answer, options),
    [style.bold('Did you mean'), ...pointerLines(suggestions)],
    ...answer.advice.map(advice => adviceSection(advice, options)),
  ];
}

function readingLines({ isPlain, input, as, also }: Reading, options: AnswerTextOptions): string[] {
  const lines = isPlain ? [] : paragraph(`Read ${JSON.stringify(input)} as: ${as}.`, '', options);
  const others = also.map(other => `${other.tag} (${other.as})`);
  if (others.length > 0)
    lines.push(...paragraph(`It can also be read as ${others.join(', ')}.`, '', options));
  return lines;
}

/** The owners, each with its sources. */
export function ownerLines(owners: readonly Owner[], options: AnswerTextOptions): string[] {
  const { style } = options;
  const columns = Math.max(0, ...owners.map(owner => strengthWord(owner.strength).length));
  const indent = ' '.repeat(columns + 4);
  return owners.flatMap(({ strength, image, meaning, component, matched, sources }) => {
    const word = strengthWord(strength);
    const first = `  ${strengthColour(strength, style)(word)}${' '.repeat(columns - word.length)}  `;
    const told = [image ?? 'no owner named', meaning ?? component].filter(part => part !== null).join(': ');
    const by = matched === undefined ? '' : `the wildcard entry ${matched} in `;
    const names = [...new Set(sources.map(source => source.name))].join(', ');
    return [
      ...paragraph(told, indent, options, first),
      ...paragraph(by + names, indent, options).map(line => style.dim(line)),
    ];
  });
}

/** The drivers that were seen with a tag, one line each. */
export function sightingLines(sightings: readonly SightingView[], { style }: AnswerTextOptions): string[] {
  const rows = sightings
    .slice(0, MAX_LISTED_SIGHTINGS)
    .map(({ driver, firstSites, kinds, sites, strength }) => {
      const [first] = firstSites;
      const seen = first === undefined ? kinds.join(', ') : evidenceInWords(first);
      const at =
        first?.rva === undefined
          ? ''
          : `, ${sites > 1 ? 'first ' : ''}at ${placeText(first.rva, first.symbol)}`;
      return [
        strengthColour(strength, style)(strengthWord(strength)),
        escapeControls([driver.fileName, driver.version, driver.arch].filter(Boolean).join(' ')),
        escapeControls(driver.isSample ? 'sample driver' : (driver.company ?? '')),
        `${seen}, ${sites} ${sites === 1 ? 'site' : 'sites'}${at}`,
      ];
    });
  const lines = indented(alignColumns(rows));
  const left = sightings.length - rows.length;
  if (left > 0) lines.push(`  and in ${left} more; --format json lists them all`);
  return lines;
}

function otherUseSection(
  { found, otherUses: uses = [] }: TagAnswer | UnknownTagAnswer,
  options: AnswerTextOptions,
): string[] {
  if (uses.length === 0) return [];
  const words = otherUsesInWords(uses.map(({ driver, kind }) => ({ kind, fileName: driver.fileName })));
  // The sentence on an unknown tag says it already.
  const text = found ? `${words}. ${OTHER_USE_NOTE}` : OTHER_USE_NOTE;
  return [options.style.bold('Used for something else'), ...paragraph(text, '  ', options)];
}

const ADVICE_TITLES: Record<Advice['kind'], string> = {
  'owner-is-not-culprit': 'The owner is rarely the culprit',
  'next-step': 'What to do next',
  'unknown-tag': 'How to find out',
  'shared-default': 'A tag that many drivers share',
  'verifier-stand-in': 'A stand-in of Driver Verifier',
  disagreement: 'The sources disagree',
};

/** The title, the text and the steps. */
export function adviceSection(advice: Advice, options: AnswerTextOptions): string[] {
  return [
    options.style.bold(ADVICE_TITLES[advice.kind]),
    ...paragraph(advice.text, '  ', options),
    ...advice.steps.flatMap(step => paragraph(step, '    ', options, '  - ')),
  ];
}

function leakSection({ tag, articles }: TagAnswer, options: AnswerTextOptions): string[] {
  const { style } = options;
  const lines = articles.flatMap(article => articleLines(article, options));
  const isOpen = articles.some(({ applies }) => applies.verdict === 'may-apply');
  const hint = `Versions tell which of them apply: pooltag who ${isPlainTag(tag) ? tag : 'TAG'} --windows BUILD --driver FILE@VERSION`;
  return [
    style.bold('Known leaks'),
    ...lines,
    ...(isOpen ? paragraph(hint, '  ', options).map(line => style.dim(line)) : []),
  ];
}

function isPlainTag(tag: string): boolean {
  return /^[A-Za-z0-9_]{4}$/.test(tag);
}

/** `May apply. The version of npcap.sys was not given.` */
function verdictLine({ applies }: ArticleView, options: AnswerTextOptions): string[] {
  const { style } = options;
  if (applies.verdict === 'fixed') return paragraph(applies.reason, '    ', options);
  const words = verdictInWords(applies);
  const shown = `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  const [first, ...rest] = paragraph(`${shown} ${applies.reason}`, '    ', options);
  const coloured = applies.verdict === 'applies' ? style.yellow(shown) : shown;
  return [first.replace(shown, () => coloured), ...rest];
}

/** A known leak with whether it applies. */
export function articleLines(article: ArticleView, options: AnswerTextOptions): string[] {
  const { title, status, products, cause, remedy, note, sources } = article;
  const facts = [products.join(', '), status].filter(fact => fact !== '').join('; ');
  return [
    ...paragraph(`${title} (${facts})`, '    ', options, '  - '),
    ...verdictLine(article, options),
    ...paragraph(cause, '    ', options),
    ...(remedy === null ? [] : paragraph(`Remedy: ${remedy}`, '    ', options)),
    ...(note === undefined ? [] : paragraph(`Note: ${note}`, '    ', options)),
    ...sources.map(source => options.style.dim(`    ${escapeControls(source.url ?? source.name)}`)),
  ];
}

function pointerLines(pointers: readonly TagPointer[]): string[] {
  return indented(
    alignColumns(pointers.map(one => [tagText(one.tag as PoolTag), escapeControls(one.summary)])),
  );
}

function strengthWord(strength: Strength): string {
  return strength === 'bytes-only' ? 'bytes only' : strength;
}

function strengthColour(strength: Strength, style: Style): (text: string) => string {
  if (strength === 'bytes-only') return style.dim;
  return strength === 'likely' ? style.yellow : style.green;
}

/** Escaped and wrapped; `first` takes the place of the indent in the first line. */
export function paragraph(
  text: string,
  indent: string,
  { width }: AnswerTextOptions,
  first = indent,
): string[] {
  const lines = wrapText(escapeControls(text), width - indent.length);
  return lines.map((line, number) => (number === 0 ? first : indent) + line);
}

function indented(lines: readonly string[]): string[] {
  return lines.map(line => `  ${line}`);
}
