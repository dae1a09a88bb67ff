/** A tag is four one-byte characters, printable unless bytes are meant, and never only blanks. */
import { isNameableUlong, tagToUlong } from '../../pool-tag.ts';
import type { EntryRule } from '../rule.ts';

/** Every tag of the base can be given to the kernel, or at least stand in memory. */
export const tagValid: EntryRule = {
  name: 'tag-valid',
  scope: 'entry',
  check({ tag }) {
    if (!/^[\0-\xff]{4}$/.test(tag)) {
      return [`${JSON.stringify(tag)} has ${[...tag].length} characters: a tag has four, blanks included.`];
    }
    if (tag.trim() === '') return ['The tag is blank.'];
    if (tag.startsWith(' '))
      return ['The tag begins with a blank: drivers pad at the end, so was it reversed?'];
    return isNameableUlong(tagToUlong(tag))
      ? []
      : ['The tag has a byte outside 0x20 to 0x7E; say so in an exception.'];
  },
};
