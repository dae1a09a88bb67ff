/** Whether the owner that a published list names for a tag is one of ours. */
import type { KnowledgeEntry } from '../../data/facts.ts';

export interface Disagreement {
  tag: string;
  theirs: string;
  ours: string;
  /** What our entry says about it. */
  reason: string;
}

/** What a list writes where it knows no owner. */
const NOBODY = /^<?unknown>?$/i;

/** Undefined where they agree: one of the list's owners is one of ours, or a part of it. */
export function agreesOnOwner(
  tag: string,
  theirs: string,
  known: readonly KnowledgeEntry[],
): Disagreement | undefined {
  if (NOBODY.test(theirs)) return undefined;
  const named = ownersIn(theirs);
  const ours = known.flatMap(({ image }) => (image === null ? [] : ownersIn(image)));
  if (named.some(owner => ours.some(own => isSameOwner(owner, own)))) return undefined;
  const reason = known.map(({ note }) => note ?? '').find(note => note !== '') ?? 'no reason given';
  return { tag, theirs, ours: known.map(({ image }) => image ?? 'nobody').join(', '), reason };
}

/** `nt!store or rdyboost.sys` are two; brackets and the function behind `module!` are no part of the name. */
function ownersIn(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+or\s+|[/,]|\s+and\s+/)
    .map(owner => owner.replace(/[<>\s]/g, ''))
    .filter(owner => owner !== '');
}

/** `win32k!foo` and `win32k.sys` are one module; `nt!mm` and `nt!ps` are two parts of the kernel. */
function isSameOwner(a: string, b: string): boolean {
  if (a === b) return true;
  const module = (owner: string) => owner.replace(/!.*$/, '').replace(/\.(sys|dll|exe)$/, '');
  const isKernelPart = (owner: string) => owner.startsWith('nt!');
  if (isKernelPart(a) && isKernelPart(b)) return false;
  return module(a) === module(b);
}
