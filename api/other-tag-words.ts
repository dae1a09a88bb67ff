/** Tags that look like pool tags and are none, in words. */
import type { OtherTag, OtherTagKind } from '../data/facts.ts';

/** What such a tag names, and what for. */
const WORDS: Record<OtherTagKind, { thing: string; use: string }> = {
  'remove-lock': { thing: 'remove lock', use: 'for a remove lock' },
  'object-reference': { thing: 'object reference', use: 'for references to objects' },
};

/** `remove lock, 2 calls`; `isPoolToo`: the same driver uses the tag for pool memory as well. */
export function otherTagWords({ kind, sites }: Pick<OtherTag, 'kind' | 'sites'>, isPoolToo: boolean): string {
  const calls = `${sites} ${sites === 1 ? 'call' : 'calls'}`;
  return `${WORDS[kind].thing}, ${calls}${isPoolToo ? '; a pool tag elsewhere' : ''}`;
}

/** `foo.sys uses it for a remove lock, which is no pool tag`. Names stand as given. Not for no drivers. */
export function otherUsesInWords(uses: readonly { fileName: string; kind: OtherTagKind }[]): string {
  const clauses = (Object.keys(WORDS) as OtherTagKind[]).flatMap(kind => {
    const names = uses.filter(use => use.kind === kind).map(({ fileName }) => fileName);
    const files = [...new Map(names.map(name => [name.toLowerCase(), name])).values()];
    return files.length === 0
      ? []
      : [`${named(files)} ${files.length === 1 ? 'uses' : 'use'} it ${WORDS[kind].use}`];
  });
  return `${clauses.join(', and ')}, ${clauses.length === 1 ? 'which is no pool tag' : 'neither of which is a pool tag'}`;
}

/** What to think of it, in a sentence. */
export const OTHER_USE_NOTE =
  'A driver may give its pool memory the same tag, so such a driver is worth a look.';

function named([first, ...rest]: string[]): string {
  if (rest.length === 0) return first;
  return `${first} and ${rest.length === 1 ? rest[0] : `${rest.length} other drivers`}`;
}
