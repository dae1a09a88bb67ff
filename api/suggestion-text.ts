/** Proposals for a pool tag as text for a terminal. */
import type { TagSuggestions } from './suggest-tags.ts';
import { alignColumns, escapeControls, type Style, wrapText } from './terminal-text.ts';

/** The text that `pooltag suggest` prints. */
export function suggestionText(
  { name, proposals, kinds, rejected, rules }: TagSuggestions,
  { style, width }: { style: Style; width: number },
): string {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', style.bold(title), ...lines];
  const define = (text: string) => style.green(text);
  return [
    ...section(
      `Free tags for ${escapeControls(name)}`,
      alignColumns(proposals.map(one => [`  ${one.tag}`, define(one.define), style.dim(one.how)])),
    ),
    ...section(
      'Or one for each kind of allocation',
      alignColumns(kinds.map(one => [`  ${one.tag}`, define(one.define), style.dim(one.kind)])),
    ),
    ...section(
      'Not free',
      rejected.flatMap(one => indented(`  ${one.tag}  `, escapeControls(one.why), width)),
    ),
    ...section(
      'A good tag',
      rules.flatMap(rule => indented('  - ', rule, width)),
    ),
    '',
  ]
    .slice(1)
    .join('\n');
}

function indented(head: string, text: string, width: number): string[] {
  const [first, ...rest] = wrapText(text, width - head.length);
  return [head + first, ...rest.map(line => ' '.repeat(head.length) + line)];
}
