/** The owner of a tag in a few words, for the end of a line. */
import type { Owner } from '../answer-document.ts';
import { headline, plainText } from '../answer-summary.ts';

/** `nt!ps: Thread objects`; null where nobody is named and nothing told. */
export function ownerInShort(owners: readonly Owner[]): string | null {
  const named = owners.find(({ image }) => image !== null) ?? owners[0];
  if (named === undefined) return null;
  const told =
    headline(named.meaning) ?? headline(owners.find(({ meaning }) => meaning !== null)?.meaning ?? null);
  const image = named.image === null ? null : plainText(named.image);
  if (image === null) return told;
  return told === null ? image : `${image}: ${told}`;
}
