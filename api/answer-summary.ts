/** Writes the one sentence that answers "who owns this tag?", and reads well whatever is missing. */
import type { EvidenceKind, SightingSummary } from '../data/facts.ts';
import type { Component } from '../data/knowledge.ts';
import type { Owner } from './answer-document.ts';
import { isAllocating, rankSightings, sightingStrength } from './answer-owners.ts';

/** A sentence longer than this is not read by somebody in a hurry. */
const MAX_MEANING_CHARACTERS = 160;
const MAX_ABOUT_CHARACTERS = 80;

/** What the sentence is made of. */
export interface SummaryParts {
  /** Ranked; see `ownersOf`. */
  owners: readonly Owner[];
  sightings: readonly SightingSummary[];
  component(id: string): Component | undefined;
  /** The tag is a default that many drivers share. */
  isShared: boolean;
  /** A report of a leak names the tag. */
  isReported: boolean;
}

/** `Thread objects, owned by the kernel's process manager (nt!ps).` */
export function summarise({ owners, sightings, component, isShared, isReported }: SummaryParts): string {
  const written = owners.filter(owner => owner.strength === 'written');
  if (written.length === 0 && sightings.length === 0 && isReported) {
    return 'No list names the owner of this tag, but a leak with it was reported.';
  }
  if (written.length === 0) return `No list knows this tag; ${seenClause(sightings)}.`;
  const named = written.find(({ image }) => image !== null);
  const told = written.find(({ meaning }) => headline(meaning) !== null);
  // The tag's own entry knows what it is for better than the wildcard that names its owner.
  const own = named?.matched === undefined ? undefined : written.find(isOwnMeaning);
  const meaning = headline((own ?? named)?.meaning ?? null) ?? headline(told?.meaning ?? null);
  const first = named ?? written[0];
  const byEntry = first.matched === undefined ? '' : `, says the wildcard entry ${first.matched}`;
  if (named !== undefined) {
    const owner = ownerPhrase(named, component);
    return meaning === null
      ? `Owned by ${owner}${byEntry}; what the memory holds is not written down.`
      : `${meaning}, owned by ${owner}${byEntry}.`;
  }
  const isSeen = sightings.some(sighting => sightingStrength(sighting) !== 'bytes-only');
  const subject = meaning ?? 'A listed tag without a description';
  if (isShared) return `${subject}, shared by many drivers and owned by none in particular.`;
  const seen = isSeen ? `, but ${seenClause(sightings)}` : '';
  return `${subject}${byEntry}; no list names an owner${seen}.`;
}

function isOwnMeaning({ matched, meaning }: Owner): boolean {
  return matched === undefined && headline(meaning) !== null;
}

/** `the kernel's process manager (nt!ps)`, `NTFS (ntfs.sys)`, `foo.sys`. */
export function ownerPhrase(
  { image, component: id }: Pick<Owner, 'image' | 'component'>,
  component: (id: string) => Component | undefined,
): string {
  const owner = id === null ? undefined : component(id);
  // A list may name the very function: "win32kbase!CEvent::operator new". The module is the owner.
  const name = plainText(image ?? '').replace(/^(?!nt!)([^!]+)!.*$/i, '$1') || null;
  if (owner === undefined || owner.isCollection) return name ?? 'nobody in particular';
  const phrase = withArticle(owner, image?.startsWith('nt!') ?? false);
  return name === null || name.toLowerCase() === phrase.toLowerCase() ? phrase : `${phrase} (${name})`;
}

/** The first sentence of a meaning without its full stop, its first letter large; null where there is none. */
export function headline(meaning: string | null): string | null {
  // A full stop ends a sentence only before a capital: "e.g. names" and "tcpip.sys" do not.
  const sentence = plainText(meaning ?? '')
    .split(/(?<=[^.\s]{2}[.])\s+(?=[A-Z])/)[0]
    .replace(/[\s.;,:]+$/, '');
  if (!/[\p{L}\p{N}]/u.test(sentence)) return null;
  const short = shortened(sentence, MAX_MEANING_CHARACTERS);
  return /^[a-z]+(\s|$)/.test(short) ? short[0].toUpperCase() + short.slice(1) : short;
}

/** Words that join names: they do not make a common noun of "Event Tracing for Windows". */
const JOINING = new Set(['and', 'for', 'of', 'in', 'the']);

function withArticle({ title, vendor }: Component, isKernel: boolean): string {
  const [first, ...rest] = title.split(' ');
  // "Process manager" is a common noun; "NTFS", "Driver Verifier" and "Event Tracing for Windows" are names.
  if (!rest.some(word => /^[a-z]/.test(word) && !JOINING.has(word))) return title;
  const isOrdinary = /^[A-Z][a-z]+$/.test(first) && first !== 'Windows' && vendor === 'Microsoft';
  const namesNothing = rest.every(
    (word, i) => /^[a-z(]|^[A-Z0-9/]+$/.test(word) || /^(for|of|in)$/.test(rest[i - 1]),
  );
  const noun = isOrdinary && namesNothing ? first.toLowerCase() + title.slice(first.length) : title;
  return isKernel && !/kernel/i.test(title) ? `the kernel's ${noun}` : `the ${noun}`;
}

function seenClause(sightings: readonly SightingSummary[]): string {
  const ranked = rankSightings(sightings);
  const allocating = ranked.filter(isAllocating);
  if (allocating.length > 0) {
    const many = distinctFiles(allocating) > 1;
    return `${drivers(allocating)} ${many ? 'allocate' : 'allocates'} with it`;
  }
  const likely = (kind: EvidenceKind) => ranked.filter(({ kinds }) => kinds.includes(kind));
  const byDefault = likely('default-tag');
  if (byDefault.length > 0)
    return `it is the default tag that the framework computes for ${drivers(byDefault)}`;
  const inferred = likely('inferred-call');
  if (inferred.length > 0)
    return `${drivers(inferred)} probably ${distinctFiles(inferred) > 1 ? 'allocate' : 'allocates'} with it`;
  const freeing = likely('free-call');
  if (freeing.length > 0) {
    const many = distinctFiles(freeing) > 1;
    return `${drivers(freeing)} ${many ? 'free' : 'frees'} memory with it, and so probably ${many ? 'allocate' : 'allocates'} it too`;
  }
  const ofUsers = likely('user-memory');
  if (ofUsers.length > 0) {
    return `${drivers(ofUsers)} ${distinctFiles(ofUsers) > 1 ? 'mark' : 'marks'} memory of user mode with it, which is no pool memory`;
  }
  if (ranked.length > 0) {
    return `its four bytes stand in ${drivers(ranked)}, without proof that they are a tag`;
  }
  return 'no scanned driver uses it';
}

function drivers(ranked: readonly SightingSummary[]): string {
  const [{ driver }] = ranked;
  const others = distinctFiles(ranked) - 1;
  const name = plainText(driver.fileName);
  if (others > 0) return `${name} and ${others === 1 ? 'one other driver' : `${others} other drivers`}`;
  const about = plainText(driver.description ?? driver.product ?? '');
  return about === '' ? name : `${name} (${shortened(about, MAX_ABOUT_CHARACTERS)})`;
}

function distinctFiles(sightings: readonly SightingSummary[]): number {
  return new Set(sightings.map(({ driver }) => driver.fileName.toLowerCase())).size;
}

/** Version resources and lists hold whatever their author put there: line breaks and control characters among it. */
export function plainText(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').trim();
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).replace(/\s+\S*$/, '')}…`;
}
