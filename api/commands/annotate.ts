/** `pooltag annotate [FILE...]`: a text as it is, with the owner behind each line that shows a tag. */
import { Option } from 'commander';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { AnswerSource } from '../answer-source.ts';
import { failureOf } from '../failures.ts';
import { knownTags } from '../leaks/known-tags.ts';
import { type Annotate, LineAnnotator } from '../leaks/line-annotator.ts';
import { ownerInShort } from '../leaks/owner-in-short.ts';
import { shortAnswer } from '../tag-pointers.ts';
import { escapeControls } from '../terminal-text.ts';
import { type CommandIo, writeText } from './command-io.ts';
import { openCatalogue } from './open-catalogue.ts';
import { readInputs } from './read-inputs.ts';
import { EXIT_STOPPED, newCommand, runCommand } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag annotate pool.log                      PoolMon's lines, each with its owner
poolmon /n pool.log & pooltag annotate pool.log   of this moment (Windows)
pooltag annotate < windbg.txt > with-owners.txt   a log of the debugger
pooltag annotate pool.log --drivers localtag.txt  with the owners that a scan found
`;

/** Owners that are kept: more tags than any machine has, and what bounds memory. */
const MAX_REMEMBERED = 50_000;

/** Exit code 0 where a line got its owner, 1 where none did, 3 where some input could not be read, 130 after Ctrl-C. */
export function annotate(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand(
    'annotate',
    'Add the owner to each line that shows a pool tag, and leave the rest as it is.',
    EXAMPLES,
    io,
  )
    .argument('[FILE...]', 'print-outs of PoolMon, MemSnap, the debugger and others; - for standard input')
    .option(
      '--glob <pattern>',
      'which files of a folder to read, instead of logs and tables by their endings',
    )
    .addOption(new Option('--format <format>', 'how to print').choices(['text']).default('text'));
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const { glob } = command.opts<{ glob?: string }>();
    const source = await openCatalogue(settingsOf(command, io), io);
    try {
      const ownerOf = rememberedOwners(source);
      const annotators: LineAnnotator[] = [];
      const read = await readInputs(command.args, glob, io, () => {
        const annotator = new LineAnnotator(ownerOf);
        annotators.push(annotator);
        return {
          write: async chunk => writeBytes(await annotator.write(chunk), annotator, io),
          end: async () => writeBytes(await annotator.end(), annotator, io),
        };
      });
      const sum = (count: (one: LineAnnotator) => number) =>
        annotators.reduce((all, one) => all + count(one), 0);
      const [annotated, unknown] = [sum(one => one.annotated), sum(one => one.unknown)];
      io.stderr.write(`pooltag: ${wordsOf(annotated, unknown)}\n`);
      if (io.signal.aborted) return EXIT_STOPPED;
      if (read.failed > 0) return failureOf('unreadable').exitCode;
      return annotated > 0 ? 0 : failureOf('nothing-recognised').exitCode;
    } finally {
      await source.index.close();
    }
  });
}

function wordsOf(annotated: number, unknown: number): string {
  const digits = (number: number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');
  if (annotated + unknown === 0) {
    return 'no line shows a pool tag as PoolMon, MemSnap, the debugger or Driver Verifier print it.';
  }
  const lines = annotated === 1 ? 'one line has its owner' : `${digits(annotated)} lines have their owner`;
  if (unknown === 0) return `${lines}.`;
  return `${lines}; of ${digits(unknown)} more nothing is known: --drivers looks into drivers.`;
}

/** The owner of each tag, looked up once. */
function rememberedOwners(source: AnswerSource): Annotate {
  const remembered = new Map<PoolTag, string | null>();
  return (tag, isInexact) => {
    const owner = remembered.get(tag);
    if (owner !== undefined) return withDoubt(owner, isInexact);
    return ownerOf(tag, source).then(found => {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(tag, found);
      return withDoubt(found, isInexact);
    });
  };
}

/** Bytes that the tool shows as dots may be any. */
function withDoubt(owner: string | null, isInexact: boolean): string | null {
  return owner === null || !isInexact ? owner : `${owner} (if the dots are dots)`;
}

async function ownerOf(tag: PoolTag, source: AnswerSource): Promise<string | null> {
  const known = (await knownTags([tag], source)).get(tag)!;
  if (!known.isKnown) return null;
  const { owners } = shortAnswer(known.tag, known.record, known.covering, source);
  const owner = ownerInShort(owners);
  return owner === null ? null : escapeControls(owner);
}

/** Byte by byte into a file or a pipe; what a terminal shows has no control characters but line ends and tabs. */
async function writeBytes(bytes: Buffer, annotator: LineAnnotator, io: CommandIo): Promise<void> {
  if (bytes.length === 0) return;
  await writeText(io.stdout, io.stdout.isTTY === true ? forTerminal(annotator.textOf(bytes)) : bytes);
}

function forTerminal(text: string): string {
  return text
    .split(/(\r?\n|\t)/)
    .map((part, i) => (i % 2 === 1 ? part : escapeControls(part)))
    .join('');
}
