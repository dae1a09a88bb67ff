/** The answer to "what is leaking?" as text for a terminal: the answer first, then suspects, next steps and the table. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { bytesInWords, count, counted } from '../../data/quantity-words.ts';
import type { ReadRemark } from '../../scanner/snapshots/pool-snapshot.ts';
import { alignColumns, escapeControls, type Style } from '../terminal-text.ts';
import {
  type AnswerTextOptions,
  adviceSection,
  articleLines,
  ownerLines,
  paragraph,
  sightingLines,
} from '../text-answer.ts';
import type { LeakAnswer, NextStep, SuspectView } from './leak-answer.ts';
import { tableLines } from './leak-table.ts';
import type { SortName } from './leak-view.ts';
import { poolTitle, processName, sizeInWords, tagName } from './leak-words.ts';
import { sparkline } from './sparkline.ts';

export interface LeakTextOptions extends AnswerTextOptions {
  /** How the tags are sorted. */
  sort: SortName;
}

/** More processes than these are not told of; `--format json` has them. */
const MAX_PROCESSES = 10;
const MAX_REMARKS = 10;
/** Drivers of a suspect; `pooltag who` lists more. */
const MAX_SIGHTINGS = 5;
/** Suspects that are told in full; of more, all is a screen away by `pooltag who`. */
const MAX_IN_FULL = 3;

/** The text, ending with a line feed. Everything that came from outside is escaped. */
export function leakText(answer: LeakAnswer, options: LeakTextOptions): string {
  const { style } = options;
  const [first, ...rest] = paragraph(answer.headline, '', options);
  const told = new Set<string>();
  const sections = [
    [...answer.summary.flatMap(sentence => paragraph(sentence, '  ', options, '  '))],
    ...answer.suspects.map((suspect, i) => [
      ...suspectLines(suspect, answer, options),
      ...(i < MAX_IN_FULL ? knownLines(suspect, told, options) : []),
      ...risesLines(suspect.risesWith, options),
    ]),
    nextSection(answer, told, options),
    tagSection(answer, options),
    processSection(answer, options),
    verifierSection(answer, options),
    blockSection(answer, options),
    remarkSection(answer, options),
  ];
  const lines = [style.bold(first), ...rest.map(style.bold)];
  for (const section of sections) if (section.length > 0) lines.push('', ...section);
  return `${lines.join('\n')}\n`;
}

/** What the snapshots show of a suspect. */
function suspectLines(suspect: SuspectView, { headline }: LeakAnswer, options: LeakTextOptions): string[] {
  const { style } = options;
  const { tag, pool, verdict, reasons, summary } = suspect;
  const title = [poolTitle(pool).toLowerCase(), verdictText(verdict, style), sizeInWords(suspect)];
  const chart = chartOf(suspect);
  const says = summary ?? 'No list names this tag, and no scanned driver uses it.';
  return [
    `${style.bold(tagText(tag as PoolTag))}  ${title.filter(part => part !== undefined).join(', ')}`,
    ...(chart === null ? [] : [`  ${chart}`]),
    ...reasons.flatMap(reason => paragraph(reason, '  ', options)),
    ...(headline.includes(says) ? [] : paragraph(says, '  ', options)),
  ];
}

/** What is known of it. Advice and steps of a suspect above are not repeated: for objects they are the same. */
function knownLines(suspect: SuspectView, told: Set<string>, options: LeakTextOptions): string[] {
  const { owners, sightings, advice, articles } = suspect;
  const fresh = advice
    .filter(({ text }) => !told.has(text))
    .map(one => ({ ...one, steps: one.steps.filter(step => !told.has(step)) }));
  for (const { text, steps } of advice) for (const said of [text, ...steps]) told.add(said);
  return [
    ...ownerLines(owners, options),
    ...sightingLines(sightings.slice(0, MAX_SIGHTINGS), options),
    ...fresh.flatMap(one => indented(adviceSection(one, options))),
    ...(articles.length === 0 ? [] : [`  ${options.style.bold('Known leaks')}`]),
    ...articles.flatMap(article => indented(articleLines(article, options))),
  ];
}

function risesLines(risesWith: SuspectView['risesWith'], options: LeakTextOptions): string[] {
  if (risesWith.length === 0) return [];
  return paragraph(`Rises along: ${risesWith.map(({ tag }) => tagName(tag)).join(', ')}.`, '  ', options);
}

function nextSection(
  { nextSteps }: LeakAnswer,
  told: ReadonlySet<string>,
  options: LeakTextOptions,
): string[] {
  const steps = nextSteps.filter(({ text }) => !told.has(text));
  if (steps.length === 0) return [];
  return [options.style.bold('What to do next'), ...steps.flatMap(step => stepLines(step, options))];
}

function verdictText(verdict: SuspectView['verdict'], style: Style): string {
  if (verdict === 'leaking') return style.red(verdict);
  if (verdict === 'suspicious') return style.yellow(verdict);
  return verdict === 'not-compared' ? 'not compared' : verdict;
}

/** `▁▂▄▆█  1.2 MB to 3.9 MB`. */
function chartOf({ series, first, last }: SuspectView): string | null {
  const isOfBytes = series.bytes.some(value => value !== null);
  const line = sparkline(isOfBytes ? series.bytes : series.diff);
  if (line === '') return null;
  const [from, to] = [sizeInWords({ last: first }), sizeInWords({ last })];
  return from === undefined || to === undefined ? line : `${line}  ${from} to ${to}`;
}

function stepLines({ text, command }: NextStep, options: LeakTextOptions): string[] {
  const lines = paragraph(text, '    ', options, '  - ');
  return command === undefined ? lines : [...lines, `      ${options.style.cyan(escapeControls(command))}`];
}

function tagSection(
  { tags, matchingTags, totalTags, compared }: LeakAnswer,
  options: LeakTextOptions,
): string[] {
  if (totalTags === 0) return [];
  const shown =
    tags.length === matchingTags ? count(tags.length) : `${count(tags.length)} of ${count(matchingTags)}`;
  const filtered = matchingTags === totalTags ? '' : `, filtered from ${count(totalTags)}`;
  const rows = matchingTags === 1 ? 'row' : 'rows';
  const order = options.sort === 'suspicion' ? 'the most suspicious first' : `by ${options.sort}`;
  return [
    options.style.bold(`Tags: ${shown} ${rows}${filtered}, ${order}`),
    ...indented(tableLines(tags, compared > 1, options)),
  ];
}

function processSection({ processes }: LeakAnswer, { style }: LeakTextOptions): string[] {
  if (processes.length === 0) return [];
  const rows = processes
    .slice(0, MAX_PROCESSES)
    .map(process => [
      escapeControls(processName(process)),
      process.handles === undefined ? '' : counted(process.handles, 'handle'),
      process.threads === undefined ? '' : counted(process.threads, 'thread'),
      process.nonpagedBytes === undefined ? '' : `${bytesInWords(process.nonpagedBytes)} nonpaged`,
      process.pagedBytes === undefined ? '' : `${bytesInWords(process.pagedBytes)} paged`,
    ]);
  return [style.bold('Processes'), ...indented(alignColumns(rows)), ...more(processes.length - rows.length)];
}

function verifierSection({ verifier }: LeakAnswer, { style }: LeakTextOptions): string[] {
  if (verifier.length === 0) return [];
  const rows = verifier.slice(0, MAX_PROCESSES).map(one => {
    const { driver, isUnloaded, nonpagedAllocs, pagedAllocs, nonpagedBytes, pagedBytes, allocations } = one;
    const part = (allocs: number | undefined, bytes: number | undefined, pool: string) =>
      allocs === undefined && bytes === undefined
        ? ''
        : [
            allocs === undefined ? '' : counted(allocs, 'allocation'),
            bytes === undefined ? '' : bytesInWords(bytes),
            pool,
          ]
            .filter(text => text !== '')
            .join(' ');
    return [
      escapeControls(driver),
      isUnloaded ? 'unloaded' : 'loaded',
      part(nonpagedAllocs, nonpagedBytes, 'nonpaged'),
      part(pagedAllocs, pagedBytes, 'paged'),
      allocations.length === 0 ? '' : `${count(allocations.length)} listed`,
    ];
  });
  return [
    style.bold('Verified drivers'),
    ...indented(alignColumns(rows)),
    ...more(verifier.length - rows.length),
  ];
}

function blockSection({ blocks }: LeakAnswer, { style }: LeakTextOptions): string[] {
  if (blocks.length === 0) return [];
  const rows = blocks
    .slice(0, MAX_PROCESSES)
    .map(({ tag, pool, count: number, free, bytes }) => [
      tagText(tag),
      pool ?? '',
      counted(number, 'block'),
      free === 0 ? '' : `${count(free)} free`,
      bytesInWords(bytes),
    ]);
  return [style.bold('Single blocks'), ...indented(alignColumns(rows)), ...more(blocks.length - rows.length)];
}

function remarkSection({ remarks, moreRemarks }: LeakAnswer, options: LeakTextOptions): string[] {
  if (remarks.length === 0) return [];
  const shown = remarks.slice(0, MAX_REMARKS);
  return [
    options.style.bold('Remarks'),
    ...shown.flatMap(remark => paragraph(remarkText(remark), '    ', options, '  - ')),
    ...more(remarks.length - shown.length + moreRemarks),
  ];
}

/** `pool.log, line 12: ...`. */
function remarkText({ file, line, message }: ReadRemark): string {
  const where = [file, line === undefined ? undefined : `line ${count(line)}`].filter(
    part => part !== undefined,
  );
  return where.length === 0 ? message : `${where.join(', ')}: ${message}`;
}

function more(number: number): string[] {
  return number > 0 ? [`  and ${count(number)} more; --format json lists them`] : [];
}

function indented(lines: readonly string[]): string[] {
  return lines.map(line => `  ${line}`);
}
