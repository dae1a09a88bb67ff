/** `pooltag suggest NAME`: free pool tags for a driver of that name, ready to paste. */
import { InvalidArgumentError, Option } from 'commander';
import { safeJson } from '../export-formats/safe-json.ts';
import { failureOf } from '../failures.ts';
import { DEFAULT_PROPOSALS, MAX_PROPOSALS, suggestTags, type TagSuggestions } from '../suggest-tags.ts';
import { suggestionText } from '../suggestion-text.ts';
import { type CommandIo, lineWidth, styleFor, writeText } from './command-io.ts';
import { openCatalogue } from './open-catalogue.ts';
import { newCommand, runCommand, wantsColour } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag suggest "Contoso Filter"                        free tags, with the line of C for each
pooltag suggest contosoflt.sys --count 20               more of them
pooltag suggest Contoso --drivers C:\\Windows\\System32\\drivers   free beside these drivers, too
pooltag suggest Contoso --pooltag pooltag.txt --format json      and beside this list, for a program
`;

interface SuggestOptions {
  format: 'text' | 'json';
  count: number;
  colour?: boolean;
  color?: boolean;
}

/** Exit code 0 where a tag is free, 1 where none is, 2 for a name without a letter or digit. */
export function suggest(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('suggest', 'Free pool tags for a driver of your own.', EXAMPLES, io)
    .argument('<NAME...>', 'the name of the driver or the product')
    .addOption(
      new Option('--count <number>', 'how many to propose')
        .argParser(proposalCount)
        .default(DEFAULT_PROPOSALS),
    )
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'));
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<SuggestOptions>();
    const catalogue = await openCatalogue(settingsOf(command, io), io);
    try {
      const suggestions = await suggestTags(command.args.join(' '), options.count, catalogue);
      const style = styleFor(io.stdout, io.env, wantsColour(options));
      await writeText(
        io.stdout,
        options.format === 'json'
          ? `${safeJson(suggestions, 2)}\n`
          : suggestionText(suggestions, { style, width: lineWidth(io.stdout) }),
      );
      io.stderr.write(`pooltag: ${comparison(suggestions, options.count)}\n`);
      return suggestions.proposals.length > 0 ? 0 : failureOf('unknown-tag').exitCode;
    } finally {
      await catalogue.index.close();
    }
  });
}

function proposalCount(text: string): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_PROPOSALS) return number;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_PROPOSALS}.`);
}

function comparison({ comparedWith, proposals }: TagSuggestions, count: number): string {
  const { tags, drivers } = comparedWith;
  const few = proposals.length < count ? ` Only ${proposals.length} of ${count} are free.` : '';
  const beside =
    drivers === 0
      ? 'and no driver; --drivers and --pooltag compare with more'
      : `and ${drivers.toLocaleString('en')} ${drivers === 1 ? 'driver' : 'drivers'}`;
  return `compared with ${tags.toLocaleString('en')} tags ${beside}.${few}`;
}
