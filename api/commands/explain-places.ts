/** `pooltag scan --explain TAG`: how a scan knows that these drivers use the tag, with the code that shows it. */
import { type TagPattern, tagText } from '../../data/pool-tag.ts';
import { scanFiles } from '../../scanner/driver-files.ts';
import type { TagExplanation } from '../../scanner/explain/tag-explanation.ts';
import { type ExplainReadings, explainReadings, isBare, meantExplanation } from '../explain-readings.ts';
import { explanationScanWriter } from '../export-formats/explanation-text.ts';
import { jsonScanWriter } from '../export-formats/json.ts';
import { ndjsonScanWriter } from '../export-formats/ndjson.ts';
import { ofExplainedTag, type ScanWriter } from '../export-formats/scan-writer.ts';
import { failureOf } from '../failures.ts';
import { PooltagError } from '../pooltag-error.ts';
import type { Settings } from '../settings.ts';
import { problemOfReadings } from '../tag-problem.ts';
import { escapeControls } from '../terminal-text.ts';
import { cacheRemark } from './cache-remark.ts';
import { type CommandIo, styleFor } from './command-io.ts';
import { type DriverPlaces, placesText } from './driver-places.ts';
import { fileOutput, standardOutput } from './result-output.ts';
import { EXIT_STOPPED, wantsColour } from './run-command.ts';
import { scanProgress } from './scan-progress.ts';

/** The options of `scan` that matter here. */
export interface ExplainOptions {
  explain: string;
  format: string;
  out?: string;
  glob?: string;
  all?: true;
  colour?: boolean;
  color?: boolean;
}

/** Exit code 0 where some driver uses the tag, 1 where none does, 3 where something was refused, 130 after Ctrl-C. */
export async function explainPlaces(
  { paths, services }: DriverPlaces,
  options: ExplainOptions,
  settings: Settings,
  io: CommandIo,
): Promise<number> {
  const readings = readingsOf(options.explain);
  const { tags, pattern } = readings;
  const { format, out, glob, all } = options;
  const writer = writerFor(options, io);
  const output = out === undefined ? standardOutput(io, format === 'text') : fileOutput(out);
  const progress = await scanProgress(io, 'scanning');
  const counts = { files: 0, refused: 0, explained: 0, sites: 0, bare: 0, others: 0 };
  await output.write(writer.begin());
  const scanning = scanFiles({
    paths,
    glob,
    services,
    explain: tags,
    cacheFolder: settings.cacheFolder,
    symbolFolders: settings.symbolFolders,
    signal: io.signal,
    onPlan: progress.total,
    onCacheProblem: cacheRemark(io),
  });
  for await (const scanned of scanning) {
    const explanation =
      scanned.explanation && meantExplanation(scanned.explanation, pattern === undefined, all);
    const isUnproven = explanation ? isBare(explanation) : false;
    const shown = ofExplainedTag({ ...scanned, explanation: isUnproven && !all ? null : explanation }, tags);
    counts.files++;
    if (shown.explanation) {
      counts.explained++;
      counts.sites += siteCount(shown.explanation);
    } else if (isUnproven) counts.bare++;
    else if (shown.outcome.status === 'scanned' && shown.outcome.otherTags) counts.others++;
    progress.clear();
    if (shown.outcome.status === 'refused') {
      counts.refused++;
      const { message } = shown.outcome.reason;
      io.stderr.write(`pooltag: ${escapeControls(shown.file)} was not scanned: ${escapeControls(message)}\n`);
    }
    await output.write(writer.file(shown));
    progress.step(scanned.file);
  }
  progress.stop();
  await output.write(writer.end());
  await output.finish();
  io.stderr.write(`${summary(counts, readings, paths, glob, io.signal.aborted)}\n`);
  if (io.signal.aborted) return EXIT_STOPPED;
  if (counts.refused > 0) return failureOf('unreadable').exitCode;
  return counts.explained > 0 ? 0 : failureOf('unknown-tag').exitCode;
}

/** Throws `invalid-tag` where the text can be no tag. */
function readingsOf(text: string): ExplainReadings {
  const read = explainReadings(text);
  if ('kind' in read) throw new PooltagError('invalid-tag', problemOfReadings(text, read).message);
  return read;
}

function siteCount({ sites, moreSites, also }: TagExplanation): number {
  return sites.length + moreSites + (also === undefined ? 0 : siteCount(also));
}

function writerFor(options: ExplainOptions, io: CommandIo): ScanWriter {
  const { format, out } = options;
  if (format === 'json') return jsonScanWriter();
  if (format === 'ndjson') return ndjsonScanWriter();
  if (format === 'text') {
    return explanationScanWriter(styleFor(io.stdout, io.env, wantsColour(options) && out === undefined));
  }
  const message = `--explain shows code, for which the format ${format} has no place: choose text, json or ndjson.`;
  throw new PooltagError('invalid-usage', message);
}

/** Several tags at a time are for a search. */
function wildcardNote(pattern: TagPattern): string {
  return ` (taken for a tag that has these very characters, or for one of which a single character is computed; pooltag search '${tagText(pattern)}' lists the tags that a pattern stands for)`;
}

function summary(
  counts: { files: number; refused: number; explained: number; sites: number; bare: number; others: number },
  { tags: [tag], pattern }: ExplainReadings,
  paths: DriverPlaces['paths'],
  glob: string | undefined,
  isStopped: boolean,
): string {
  const { files, refused, explained, sites, bare, others } = counts;
  if (isStopped) return `pooltag: stopped after ${count(files, 'file')}; what was found so far is written.`;
  if (files === 0) {
    return `pooltag: no driver was found: ${placesText(paths)} has no file that matches ${escapeControls(glob ?? '*.sys')}, here or below.`;
  }
  const name = tagText(tag);
  const found =
    files === refused
      ? 'no driver could be scanned'
      : explained === 0
        ? `no site of ${name} in ${count(files - refused, 'driver')}${pattern === undefined ? '' : wildcardNote(pattern)}`
        : `${count(sites, 'site')} in ${count(explained, 'driver')}`;
  const without =
    bare === 0
      ? ''
      : `; ${count(bare, 'driver')} ${bare === 1 ? 'holds' : 'hold'} the four bytes without proof (--all shows them)`;
  const otherwise =
    others === 0
      ? ''
      : `; ${count(others, 'driver')} ${others === 1 ? 'uses' : 'use'} it for a remove lock or for references to objects, which is no pool tag`;
  const refusals = refused === 0 || files === refused ? '' : `; ${count(refused, 'file')} not scanned`;
  return `pooltag: ${found}${without}${otherwise}${refusals}.`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
