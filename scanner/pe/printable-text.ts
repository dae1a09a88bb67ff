/** Text out of a file, made fit to be shown: no control characters, no bidirectional tricks, bounded length. */

/** Controls, format characters (which turn a name into another one on screen), lone surrogates, line separators. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu;

/** At most `maxLength` characters of `text`, trimmed, without what could trick a terminal or a page. */
export function printableText(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(UNFIT, '').trim();
}
