/** `pooltag who TAG...`: who owns these tags, how we know, and what to do next. */
import { Option } from 'commander';
import { loadKnowledge } from '../../data/knowledge.ts';
import type { TagAnswer, UnknownTagAnswer } from '../answer-document.ts';
import { answerTag } from '../answers.ts';
import { safeJson } from '../export-formats/safe-json.ts';
import { failureOf } from '../failures.ts';
import { readMachine } from '../machine.ts';
import type { TagProblem } from '../tag-problem.ts';
import { escapeControls } from '../terminal-text.ts';
import { textAnswer } from '../text-answer.ts';
import { type CommandIo, lineWidth, styleFor, writeText } from './command-io.ts';
import { addMachineOptions, MACHINE_OPTION_NAMES, type MachineOptions } from './machine-options.ts';
import { openCatalogue } from './open-catalogue.ts';
import { newCommand, runCommand, wantsColour } from './run-command.ts';
import { addSettingOptions, CATALOGUE_SETTINGS, settingsOf } from './setting-options.ts';

const EXAMPLES = `
pooltag who Thre                                   a tag as PoolMon shows it
pooltag who "Io  " "'erhT'" 0x65726854             blanks, a source literal, a ULONG
pooltag who Foo1 --drivers C:\\Windows\\System32\\drivers   look in these drivers too
pooltag who NPBL --driver npcap.sys@1.79           does a known leak apply to this version?
pooltag who Pp --windows 10.0.26200                ... to this build of Windows?
pooltag who -- -abc                                a tag that begins with a dash
`;

const FORMATS = ['text', 'json', 'ndjson'] as const;
type Format = (typeof FORMATS)[number];

interface WhoOptions extends MachineOptions {
  format: Format;
  colour?: boolean;
  color?: boolean;
}

type Answer = TagAnswer | UnknownTagAnswer | TagProblem;

/** Exit code 0 where every tag is known, 1 where one is not, 2 where one is no tag. */
export function who(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = newCommand('who', 'Who owns this pool tag, how we know, and what to do next.', EXAMPLES, io)
    .argument('<TAG...>', "tags in any spelling: Thre, 'erhT', 0x65726854, 65726854")
    .addOption(
      new Option('--format <format>', 'how to print; json is one document, or an array of several')
        .choices(FORMATS)
        .default('text'),
    );
  addMachineOptions(command);
  addSettingOptions(command, CATALOGUE_SETTINGS);
  return runCommand(command, argv, io, async () => {
    const options = command.opts<WhoOptions>();
    const given = { windows: options.windows, drivers: options.driver };
    // Before the drivers are scanned: who mistyped should not wait.
    const machine = readMachine(given, loadKnowledge().windows, MACHINE_OPTION_NAMES);
    const source = await openCatalogue(settingsOf(command, io), io);
    try {
      const answers: Answer[] = [];
      for (const tag of command.args) answers.push(await answerTag(tag, source, machine));
      const textOptions = {
        style: styleFor(io.stdout, io.env, wantsColour(options)),
        width: lineWidth(io.stdout),
      };
      for (const answer of answers) {
        if (isProblem(answer)) io.stderr.write(`pooltag: ${escapeControls(answer.message)}\n`);
      }
      await writeText(
        io.stdout,
        options.format === 'text'
          ? answers
              .filter((answer): answer is TagAnswer | UnknownTagAnswer => !isProblem(answer))
              .map(answer => textAnswer(answer, textOptions))
              .join('\n\n')
          : answersAsJson(answers, options.format),
      );
      return Math.max(...answers.map(exitCodeOf));
    } finally {
      await source.index.close();
    }
  });
}

function answersAsJson(answers: readonly Answer[], format: 'json' | 'ndjson'): string {
  if (format === 'ndjson') return answers.map(answer => `${safeJson(answer)}\n`).join('');
  return `${safeJson(answers.length === 1 ? answers[0] : answers, 2)}\n`;
}

function isProblem(answer: Answer): answer is TagProblem {
  return 'code' in answer;
}

function exitCodeOf(answer: Answer): number {
  if (isProblem(answer)) return failureOf(answer.code).exitCode;
  return answer.found ? 0 : failureOf('unknown-tag').exitCode;
}
