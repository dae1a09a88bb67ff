/** What to do next about a tag: the rules written for it, a disagreement between lists and scans, or what its owner suggests. */
import type { SightingSummary, TagRecord } from '../data/facts.ts';
import type { AdviceRule, Component } from '../data/knowledge.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import { ADVICE_KIND_ORDER } from './advice-book.ts';
import type { Advice, Owner } from './answer-document.ts';
import { isAllocating, rankSightings } from './answer-owners.ts';
import { canonicalFile, imageFiles } from './image-names.ts';

/** Where advice follows from the owner alone, what helps with any tag. */
const GENERAL_GUIDE = 'find-a-leak-with-poolmon';

/** What the advice on a known tag depends on. */
export interface AdviceParts {
  tag: PoolTag;
  record: TagRecord | undefined;
  owners: readonly Owner[];
  rules: readonly AdviceRule[];
  component(id: string): Component | undefined;
}

/** Advice on a known tag, the most urgent first. Never empty where anything can be done. */
export function adviceOf(parts: AdviceParts): Advice[] {
  const written = parts.rules.map(adviceOfRule);
  const disagreement = disagreementOf(parts);
  const advice = disagreement === null ? written : [...written, disagreement];
  // A rule says what to do better than what follows from the owner alone.
  const hasSteps = advice.some(({ steps }) => steps.length > 0);
  const step = hasSteps ? null : (componentStep(parts) ?? driverStep(parts));
  return (step === null ? advice : [...advice, step]).sort(
    (a, b) => ADVICE_KIND_ORDER.indexOf(a.kind) - ADVICE_KIND_ORDER.indexOf(b.kind),
  );
}

/** How to find the owner of a tag that nothing knows. */
export function unknownAdvice(rules: readonly AdviceRule[], tag: PoolTag): Advice[] {
  return rules.map(rule => {
    const advice = adviceOfRule(rule);
    // Only letters and digits go into a command that somebody will paste: a tag can be `&cmd`.
    const isPlain = /^[A-Za-z0-9_]{4}$/.test(tag);
    return isPlain
      ? { ...advice, steps: advice.steps.map(step => step.replace(/\b(h?)TAG\b/, `$1${tag}`)) }
      : advice;
  });
}

function adviceOfRule({ kind, text, steps, guide, sources }: AdviceRule): Advice {
  return { kind, text, steps, ...(guide === null ? {} : { guide }), sources };
}

/**
 * Where exact entries name one owner and call sites show another alone. A driver that only frees, an entry that names
 * nobody, a wildcard, a shared default and a part of the kernel seen in ntoskrnl.exe are no disagreement.
 */
function disagreementOf({ record, owners, rules }: AdviceParts): Advice | null {
  if (rules.some(({ kind }) => kind === 'shared-default' || kind === 'verifier-stand-in')) return null;
  const written = owners.filter(({ strength, matched, image }) => {
    return strength === 'written' && matched === undefined && image !== null;
  });
  const allocating = rankSightings(record?.sightings ?? []).filter(isAllocating);
  if (written.length === 0 || allocating.length === 0) return null;
  const expected = new Set(written.flatMap(({ image }) => imageFiles(image)));
  if (allocating.some(({ driver }) => expected.has(canonicalFile(driver.fileName)))) return null;
  const images = joined(unique(written.map(({ image }) => image!)));
  const files = unique(allocating.map(({ driver }) => driver.fileName));
  return {
    kind: 'disagreement',
    text:
      `The lists name ${images}, but the scan saw ${joined(files)} allocate with this tag. ` +
      'Tags are not reserved and code is shared between drivers, so both can be true: ' +
      'on this machine, suspect the driver that was seen.',
    steps: [],
    sources: [],
  };
}

function componentStep({ owners, component }: AdviceParts): Advice | null {
  for (const { component: id } of owners) {
    const owner = id === null ? undefined : component(id);
    if (owner === undefined) continue;
    const { normal, abnormal } = owner.growth;
    return {
      kind: 'next-step',
      text: abnormal === null ? normal : `${normal} ${abnormal}`,
      steps: owner.steps,
      guide: GENERAL_GUIDE,
      sources: owner.sources,
    };
  }
  return null;
}

/** What helps against any driver: Windows' own tools, and only for a tag that can be typed without quoting. */
function driverStep({ tag, record, owners }: AdviceParts): Advice | null {
  const owner = owners.find(({ image }) => image !== null);
  if (owner === undefined) return null;
  const typed = /^[A-Za-z0-9]{4}$/.test(tag);
  const vendor = vendorOf(record?.sightings ?? [], owner.image!);
  return {
    kind: 'next-step',
    text:
      `If this tag keeps growing, look for a newer version of ${owner.image}` +
      `${vendor === null ? '' : ` from ${vendor}`}, and see whether the growth ends while the driver is stopped ` +
      'or its product removed.',
    guide: GENERAL_GUIDE,
    steps: typed ? [`poolmon /i${tag}`, `!poolused 2 ${tag}`] : ['poolmon /b', '!poolused 2'],
    sources: [],
  };
}

function vendorOf(sightings: readonly SightingSummary[], image: string): string | null {
  const files = imageFiles(image);
  const seen = sightings.find(({ driver }) => files.includes(canonicalFile(driver.fileName)));
  return seen?.driver.company?.replace(/[\p{C}\s]+/gu, ' ').trim() || null;
}

/** More names than these are counted, not listed. */
const MAX_NAMES = 3;

function joined(names: readonly string[]): string {
  const shown = names.slice(0, names.length > MAX_NAMES ? MAX_NAMES - 1 : MAX_NAMES);
  const rest = names.length - shown.length;
  const parts = rest > 0 ? [...shown, `${rest} others`] : shown;
  return parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function unique(names: readonly string[]): string[] {
  return [...new Map(names.map(name => [name.toLowerCase(), name])).values()];
}
