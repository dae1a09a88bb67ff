/** Text for a terminal: control characters made visible, lines wrapped, columns aligned, colour where it is wanted. */
import picocolors from 'picocolors';

/** Functions that colour a text, or give it back as it is. */
export type Style = Pick<
  ReturnType<typeof picocolors.createColors>,
  'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'
>;

/** The style with colour or without. */
export function terminalStyle(withColour: boolean): Style {
  return picocolors.createColors(withColour);
}

// C0, DEL, C1, line and paragraph separators, and what turns the direction of writing or hides itself.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Nearly all texts are such; looking for what is unsafe, or taking a text apart, costs twenty times as much as this look. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/** The text with every character that could steer a terminal or mislead a reader written as `\x1B` or `\u202E`. */
export function escapeControls(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(UNSAFE, character => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16).toUpperCase();
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
  });
}

/** Like {@link escapeControls}, for text of several lines: line feeds stay. */
export function escapeControlsInLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}

/** The text in lines of at most `width` characters, broken at blanks; a longer word keeps its own line. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Rows as lines with aligned columns, two blanks apart; a cell longer than its column's limit pushes its own row only. */
export function alignColumns(rows: readonly (readonly string[])[], widest = 72): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (let column = 0; column < row.length; column++) {
      const width = visibleLength(row[column]);
      if (width <= widest) widths[column] = Math.max(widths[column] ?? 0, width);
    }
  }
  return rows.map(row => {
    // A driver has ten thousand rows: no list is made of each.
    let line = '';
    for (let column = 0; column < row.length; column++) {
      const missing = (widths[column] ?? 0) - visibleLength(row[column]);
      line += `${column > 0 ? '  ' : ''}${row[column]}${missing > 0 ? ' '.repeat(missing) : ''}`;
    }
    return line.trimEnd();
  });
}

/** Characters that take room: colour codes take none. */
function visibleLength(cell: string): number {
  if (PRINTABLE_ASCII.test(cell)) return cell.length;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour code
  return [...cell.replace(/\u001b\[\d+m/g, '')].length;
}
