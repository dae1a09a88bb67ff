/** `pooltag search WORDS...`: tags by words, owner, driver or a pattern. */
import { InvalidArgumentError, Option } from 'commander';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import { tagText } from '../../data/pool-tag.ts';
import type { SearchQuery } from '../../data/search-index.ts';
import { safeJson } from '../export-formats/safe-json.ts';
import { failureOf } from '../failures.ts';
import { PooltagError } from '../pooltag-error.ts';
import { READING_KINDS } from '../reading-answer.ts';
import { answerSearch } from '../search-answer.ts';
import { escapeControls, type Style, wrapText } from '../terminal-text.ts';
import { type CommandIo, lineWidth, styleFor, writeText } from './command-io.ts';
import { openCatalogue } from './open-catalogue.ts';
import { newCommand, runCommand, wantsColour } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag search mapped file                 tags with these words, typing errors forgiven
pooltag search event 2019                  guides, components and known leaks with them, too
pooltag search "Nt??"                      tags that begin with Nt
pooltag search --component ntfs --page 2   all tags of a component, the second page
pooltag search socket --format json        the same document as GET /api/v1/search
`;

/** As many hits as REST gives at most. */
const MAX_PAGE_SIZE = 100;
/** Far more pages than any result has. */
const MAX_PAGE = 1_000_000;

type Answer = Awaited<ReturnType<typeof answerSearch>>;
interface SearchOptions extends Omit<SearchQuery, 'q'> {
  format: 'text' | 'json';
  colour?: boolean;
  color?: boolean;
}

/** Exit code 0 where something was found, 1 where nothing was. */
export function search(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand(
    'search',
    'Find tags by words, owner, driver or a pattern, and guides and known leaks.',
    EXAMPLES,
    io,
  )
    .argument('[WORDS...]', 'words, a tag in any spelling, or a pattern (Nt??, ?t*)')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--component <id>', 'only tags of this component')
    .option('--vendor <name>', 'only tags of this vendor')
    .option('--driver <file>', 'only tags seen in this driver')
    .option('--source <source>', 'only tags from here: pooltag-list, pooltag.txt, scan or article')
    .addOption(new Option('--arch <arch>', 'only tags seen in drivers for this processor').choices(ARCHES))
    .addOption(new Option('--strength <strength>', 'only tags known this well').choices(STRENGTHS))
    .addOption(new Option('--page <number>', 'which page').argParser(numberUpTo(MAX_PAGE)).default(1))
    .addOption(
      new Option('--page-size <number>', 'hits to a page').argParser(numberUpTo(MAX_PAGE_SIZE)).default(20),
    );
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<SearchOptions>();
    const query = queryOf(command.args.join(' '), options);
    const catalogue = await openCatalogue(settingsOf(command, io), io, () => {
      const { components } = loadKnowledge();
      return createEmbeddedIndex({ components: new Map(components.map(one => [one.id, one])) });
    });
    try {
      const answer = await answerSearch(query, catalogue);
      const style = styleFor(io.stdout, io.env, wantsColour(options));
      const text =
        options.format === 'json'
          ? `${safeJson(answer, 2)}\n`
          : [
              ...hitLines(answer, style, lineWidth(io.stdout)),
              ...readingLines(answer, style, lineWidth(io.stdout)),
            ].join('');
      await writeText(io.stdout, text);
      io.stderr.write(`pooltag: ${countSentence(answer)}\n`);
      return answer.total + answer.reading.length > 0 ? 0 : failureOf('unknown-tag').exitCode;
    } finally {
      await catalogue.index.close();
    }
  });
}

const ARCHES = ['x86', 'x64', 'arm64'];
const STRENGTHS = ['written', 'proven', 'likely', 'bytes-only'];

function numberUpTo(most: number): (text: string) => number {
  return text => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  };
}

function queryOf(q: string, options: SearchOptions): SearchQuery {
  const { component, vendor, driver, source, arch, strength, page, pageSize } = options;
  const filters = { component, vendor, driver, source, arch, strength };
  if (q.trim() === '' && Object.values(filters).every(filter => filter === undefined)) {
    throw new PooltagError(
      'invalid-usage',
      'Nothing to search for: give words, a tag or a pattern, or a filter such as --component. pooltag search --help shows how.',
    );
  }
  return { q, ...filters, page, pageSize };
}

function hitLines({ hits }: Answer, style: Style, width: number): string[] {
  return hits.map(({ tag, summary }) => {
    const shown = tagText(tag);
    const indent = ' '.repeat(shown.length + 2);
    const lines = wrapText(escapeControls(summary), width - indent.length);
    return `${style.bold(shown)}  ${lines.join(`\n${indent}`)}\n`;
  });
}

/** Guides, components and known leaks: the pages of `pooltag serve`. */
function readingLines({ hits, reading }: Answer, style: Style, width: number): string[] {
  if (reading.length === 0) return [];
  const lines = reading.flatMap(({ kind, title, summary, links }) => [
    `  ${READING_KINDS[kind]}: ${escapeControls(title)}\n`,
    ...wrapText(escapeControls(summary), width - 4).map(line => `    ${line}\n`),
    style.dim(`    ${links.page}\n`),
  ]);
  return [hits.length > 0 ? '\n' : '', style.bold('To read, in pooltag serve\n'), ...lines];
}

function countSentence({ total, page, pageSize, ignoredWords, reading }: Answer): string {
  const ignored =
    ignoredWords.length === 0 ? '' : ` Nothing has all the words; left out: ${ignoredWords.join(', ')}.`;
  if (total === 0 && reading.length > 0) return 'No tag was found, but there is something to read.';
  if (total === 0)
    return 'Nothing was found. Fewer words, a pattern such as Nt??, or pooltag who TAG may help.';
  const pages = Math.ceil(total / pageSize);
  const more = page < pages ? ` --page ${page + 1} shows more.` : '';
  const tags = `${total.toLocaleString('en')} ${total === 1 ? 'tag' : 'tags'}`;
  return `${escapeControls(`${tags} found; page ${page} of ${pages}.${more}${ignored}`)}`;
}
