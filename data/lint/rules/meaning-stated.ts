/** A meaning is a short noun phrase and perhaps a sentence or two, or is marked unknown. */
import type { KnowledgeFileEntry } from '../../knowledge-shapes.ts';
import type { EntryRule } from '../rule.ts';

/** The headline stands in lists and in the first line of an answer, so it must fit one line. */
const LONGEST_HEADLINE = 90;
/** What can be read at a glance under pressure; more belongs into the component. */
const LONGEST_MEANING = 360;

export const meaningStated: EntryRule = {
  name: 'meaning-stated',
  scope: 'entry',
  check(entry) {
    if (entry.meaning === undefined) {
      return entry.unknown ? [] : ['No meaning: write one, or mark the entry "unknown": true.'];
    }
    if (entry.unknown) return ['Marked unknown, yet it has a meaning: drop one of them.'];
    const texts: [keyof KnowledgeFileEntry, string | undefined][] = [
      ['meaning', entry.meaning],
      ['note', entry.note],
      ['inferred', entry.inferred],
    ];
    const messages = texts.flatMap(([name, text]) => (text === undefined ? [] : faultsOf(name, text)));
    const headline = entry.meaning.split('. ')[0]!;
    if (headline.length > LONGEST_HEADLINE) {
      messages.push(
        `The first sentence has ${headline.length} characters; ${LONGEST_HEADLINE} fit one line.`,
      );
    }
    if (entry.meaning.length > LONGEST_MEANING) {
      messages.push(
        `The meaning has ${entry.meaning.length} characters; ${LONGEST_MEANING} can be read at a glance.`,
      );
    }
    return messages;
  },
};

function faultsOf(name: string, text: string): string[] {
  const faults: string[] = [];
  if (text !== text.trim()) faults.push(`The ${name} begins or ends with a blank.`);
  if (/\s{2}|[\t\r\n]/.test(text)) faults.push(`The ${name} has a double blank or a line break.`);
  if (!/[.]$/.test(text.trim())) faults.push(`The ${name} does not end with a full stop.`);
  if (/!(?![A-Za-z])/.test(text)) faults.push(`The ${name} has an exclamation mark.`);
  if (name === 'meaning' && !/^[A-Z0-9`]/.test(text.trim()))
    faults.push('The meaning begins with a small letter.');
  if (text.trim().length < 4) faults.push(`The ${name} says nothing.`);
  return faults;
}
