/** An explanation for people: each site, the way of its constant, and the instructions that show it. */
import { tagText } from '../../data/pool-tag.ts';
import type {
  CodeListing,
  ExplainedSite,
  ListingLine,
  PathStep,
  TagExplanation,
} from '../../scanner/explain/tag-explanation.ts';
import { addressText } from '../evidence-words.ts';
import { isOwnWildcard } from '../explain-readings.ts';
import { siteInWords } from '../site-words.ts';
import { alignColumns, escapeControls, type Style } from '../terminal-text.ts';
import type { ScanWriter } from './scan-writer.ts';

/** Wider bytes push their own line only: few instructions have more than eight. */
const BYTES_WIDTH = 24;
const ROLE_MARKS: Record<NonNullable<ListingLine['role']>, string> = {
  constant: '>',
  carries: '|',
  call: '=>',
};

/** Writes a block per driver that uses the tag, and nothing for the others. */
export function explanationScanWriter(style: Style): ScanWriter {
  return {
    begin: () => '',
    file: ({ file, outcome, explanation, sameAs }) => {
      if (outcome.status === 'refused' || !explanation || sameAs !== undefined) return '';
      const { fileName, arch, version } = outcome.driver;
      const identity = [arch, version].filter(fact => fact !== null).join(', ');
      return `${[
        `${style.bold(escapeControls(fileName))}  ${escapeControls(identity)}`,
        style.dim(escapeControls(file)),
        '',
        ...explanationLines(explanation, style),
      ].join('\n')}\n\n`;
    },
    end: () => '',
    remarks: [],
  };
}

/** The lines of an explanation, without an indent. */
function explanationLines(explanation: TagExplanation, style: Style): string[] {
  const { tag, isPattern, sites, moreSites, wrappers, also } = explanation;
  const total = sites.length + moreSites;
  const computed = isPattern ? ' (one character is computed)' : '';
  const own = isOwnWildcard(explanation) ? ' (the tag has these very characters: it is no wildcard)' : '';
  const lines = [`${style.bold(tagText(tag))}  ${total} ${total === 1 ? 'site' : 'sites'}${computed}${own}`];
  sites.forEach((site, i) => {
    lines.push('', ...siteLines(site, i + 1, style));
  });
  if (wrappers.length > 0) {
    lines.push('', style.bold('The functions of the driver that pass the tag on'));
    for (const listing of wrappers) lines.push(...listingLines(listing, style));
  }
  if (moreSites > 0) lines.push('', `and ${moreSites} more`);
  if (also !== undefined) lines.push('', ...explanationLines(also, style));
  return lines;
}

function siteLines({ evidence, steps, listings }: ExplainedSite, number: number, style: Style): string[] {
  return [
    style.bold(`${number}. ${siteInWords(evidence)}`),
    ...alignColumns(steps.map(step => stepCells(step, style))).map(line => `  ${line}`),
    ...listings.flatMap(listing => listingLines(listing, style)),
  ];
}

function stepCells({ rva, text, instruction }: PathStep, style: Style): string[] {
  const words = escapeControls(text);
  const where = rva === null ? '->' : addressText(rva);
  return [style.dim(where), instruction === null ? words : `${words}: ${escapeControls(instruction)}`];
}

function listingLines({ functionRva, lines }: CodeListing, style: Style): string[] {
  const shown = [style.dim(`  in the function at ${addressText(functionRva)}`)];
  for (const { rva, bytes, text, note, role, isAfterGap } of lines) {
    if (isAfterGap) shown.push(style.dim('      ...'));
    const mark = role === null ? '' : ROLE_MARKS[role];
    const line = `${mark.padStart(4)}  ${addressText(rva).padEnd(8)}  ${bytes.padEnd(BYTES_WIDTH)}  ${escapeControls(text)}`;
    const marked = role === null ? line : style.bold(line);
    shown.push(note === null ? marked : `${marked}  ${style.green(`; ${escapeControls(note)}`)}`);
  }
  return shown;
}
