/** Answers "who owns this tag?": the one document that text, JSON and page are views of. */
import type { SightingSummary } from '../data/facts.ts';
import { type TagCandidate, tagReadings } from '../data/tag-readings.ts';
import { adviceOf, unknownAdvice } from './answer-advice.ts';
import type { OtherUse, SightingView, TagAnswer, UnknownTagAnswer } from './answer-document.ts';
import { driverLinks, tagLinks } from './answer-links.ts';
import { bestStrength, rankSightings, sightingStrength } from './answer-owners.ts';
import type { AnswerSource } from './answer-source.ts';
import { plainText } from './answer-summary.ts';
import { articleViews } from './article-answer.ts';
import { type ChosenReading, chooseReadings, isKnown } from './known-readings.ts';
import type { Machine } from './leak-applies.ts';
import { NO_MACHINE } from './machine.ts';
import { otherUsesInWords } from './other-tag-words.ts';
import { nearTags, pointerTo, shortAnswer, tagNames } from './tag-pointers.ts';
import { problemOfReadings, type TagProblem } from './tag-problem.ts';
import { suggestionsFor } from './tag-suggestions.ts';

/**
 * The answer to one input in any spelling. The first reading that names a known tag is taken, and said where it is not
 * the plain one. `machine` is what the asker says of theirs, for known leaks. Throws SearchUnavailable where the index
 * does not answer.
 */
export async function answerTag(
  input: string,
  source: AnswerSource,
  machine: Machine = NO_MACHINE,
): Promise<TagAnswer | UnknownTagAnswer | TagProblem> {
  const read = tagReadings(input);
  if (read.kind !== 'readings') return problemOfReadings(input, read);
  const [chosen] = await chooseReadings([{ input, candidates: read.candidates }], source);
  return isKnown(chosen.taken)
    ? knownAnswer(chosen, source, machine)
    : unknownAnswer(chosen, read.candidates, source);
}

async function knownAnswer(
  { taken: { tag, record, covering }, reading }: ChosenReading,
  source: AnswerSource,
  machine: Machine,
): Promise<TagAnswer> {
  const { index } = source;
  const rules = source.advice.rulesFor(tag);
  const variants = await index.caseVariants(tag);
  const companionTags = [...new Set(rules.flatMap(rule => rule.companions))].filter(other => other !== tag);
  const [near, companions] = await Promise.all([
    nearTags(tag, source, new Set(variants.map(variant => variant.tag))),
    index.findMany(companionTags),
  ]);
  const { owners, summary } = shortAnswer(tag, record, covering, source);
  const sightings = rankSightings(record?.sightings ?? []);
  return {
    found: true,
    reading,
    ...tagNames(tag),
    summary,
    strength: bestStrength([...owners.map(({ strength }) => strength), ...sightings.map(sightingStrength)]),
    owners,
    knowledge: [...(record?.knowledge ?? []), ...covering.flatMap(({ knowledge }) => knowledge)],
    sightings: sightings.map(sightingView),
    ...withOtherUses(source.otherUses(tag)),
    advice: adviceOf({ tag, record, owners, rules, component: id => source.component(id) }),
    articles: articleViews([record, ...covering], source, machine),
    caseVariants: variants.map(variant => pointerTo(variant, source)),
    near,
    companions: companions.filter(other => other !== undefined).map(other => pointerTo(other, source)),
    links: tagLinks(tag),
  };
}

async function unknownAnswer(
  { taken: { tag }, reading }: ChosenReading,
  readings: readonly TagCandidate[],
  source: AnswerSource,
): Promise<UnknownTagAnswer> {
  const others = source.otherUses(tag);
  return {
    found: false,
    reading,
    ...tagNames(tag),
    summary: unknownSummary(others),
    ...withOtherUses(others),
    suggestions: await suggestionsFor(tag, readings, source),
    advice: unknownAdvice(source.advice.unknownTagRules, tag),
    links: tagLinks(tag),
  };
}

function withOtherUses(otherUses: OtherUse[]): { otherUses?: OtherUse[] } {
  return otherUses.length === 0 ? {} : { otherUses };
}

function unknownSummary(others: readonly OtherUse[]): string {
  if (others.length === 0) return 'No list names this tag, and no scanned driver uses it.';
  const uses = others.map(({ driver, kind }) => ({ kind, fileName: plainText(driver.fileName) }));
  return `No list names this tag; ${otherUsesInWords(uses)}.`;
}

/** A sighting as answers show it. */
export function sightingView(sighting: SightingSummary): SightingView {
  const { driver, kinds, sites, firstSites } = sighting;
  return {
    driver,
    strength: sightingStrength(sighting),
    kinds,
    sites,
    protected: sighting.protected,
    firstSites: firstSites.map(({ kind, api, rva, functionRva, structure, pool, sizeBytes, symbol }) => ({
      kind,
      api,
      rva,
      functionRva,
      structure,
      pool,
      sizeBytes,
      symbol,
    })),
    links: driverLinks(driver.sha256),
  };
}
