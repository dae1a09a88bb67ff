/** Makes one vendor of the many ways a company writes its name in its drivers. */
import { foldText } from './search-words.ts';

/** Legal forms that come and go at the end of a company's name. */
const LEGAL_FORMS = new Set(
  'ab ag as bv co company corp corporation gmbh inc incorporated kg kk limited llc ltd nv oy plc pte pty sa sarl sas srl spa'.split(
    ' ',
  ),
);

/**
 * What two spellings of one vendor share: `Microsoft Corporation`, `MICROSOFT CORP.` and `Microsoft` are all
 * `microsoft`. Empty for a name without letters and digits.
 */
export function vendorKey(company: string): string {
  const words = foldText(company.replace(/\((?:r|tm|c)\)|[®™©]/giu, ' '))
    .replace(/(?<=\p{L})\.(?=\p{L})|['’]/gu, '')
    .match(/[\p{L}\p{N}]+/gu);
  if (words === null) return '';
  let length = words.length;
  while (length > 1 && LEGAL_FORMS.has(words[length - 1]!)) length--;
  return words.slice(0, length).join(' ');
}
