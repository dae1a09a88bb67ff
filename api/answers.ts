/** Answers "who owns this tag?": the one document that text, JSON and page are views of. */
import type { SightingSummary, TagRecord } from '../data/facts.ts';
import type { KnownLeak } from '../data/knowledge.ts';
import { type PoolTag, patternSpecificity } from '../data/pool-tag.ts';
import { type TagCandidate, tagReadings } from '../data/tag-readings.ts';
import { adviceOf, rulesFor, unknownAdvice } from './answer-advice.ts';
import type { ArticleView, Reading, SightingView, TagAnswer, UnknownTagAnswer } from './answer-document.ts';
import { driverLinks, tagLinks } from './answer-links.ts';
import { bestStrength, rankSightings, sightingStrength } from './answer-owners.ts';
import type { AnswerSource } from './answer-source.ts';
import { isTold, nearTags, pointerTo, shortAnswer, tagNames } from './tag-pointers.ts';
import { patternProblem, type TagProblem } from './tag-problem.ts';
import { suggestionsFor } from './tag-suggestions.ts';

/** A reading of the input with what is known of its tag. */
interface KnownReading extends TagCandidate {
  record: TagRecord | undefined;
  covering: TagRecord[];
}

/**
 * The answer to one input in any spelling. The first reading that names a known tag is taken, and said where it is not
 * the plain one. Throws SearchUnavailable where the index does not answer.
 */
export async function answerTag(
  input: string,
  source: AnswerSource,
): Promise<TagAnswer | UnknownTagAnswer | TagProblem> {
  const read = tagReadings(input);
  if (read.kind === 'problem') return { found: false, code: 'invalid-tag', input, message: read.message };
  if (read.kind === 'pattern') return patternProblem(input, read.pattern);
  const readings = await knownReadings(read.candidates, source);
  const taken = chooseKnown(readings);
  const reading = readingOf(input, taken, readings);
  return isKnown(taken)
    ? knownAnswer(taken, reading, source)
    : unknownAnswer(taken, reading, readings, source);
}

/** What the index knows of each reading. */
async function knownReadings(
  candidates: readonly TagCandidate[],
  { index }: AnswerSource,
): Promise<KnownReading[]> {
  const [records, ...covering] = await Promise.all([
    index.findMany(candidates.map(({ tag }) => tag)),
    ...candidates.map(({ tag }) => index.covering(tag)),
  ]);
  return candidates.map((candidate, i) => ({ ...candidate, record: records[i], covering: covering[i] }));
}

/** A wildcard entry that fixes fewer bytes covers so many tags that it says little for a reading. */
const TELLING_SPECIFICITY = 3;

/**
 * The reading to take: the first whose very tag is told of, or that a narrow wildcard covers; then the first of which
 * anything is known (a wide wildcard, bytes without proof); then the first.
 */
export function chooseKnown<Candidate extends Pick<KnownReading, 'record' | 'covering'>>(
  readings: readonly Candidate[],
): Candidate {
  const isSure = ({ record, covering }: Candidate) =>
    isTold(record) || covering.some(({ tag }) => patternSpecificity(tag) >= TELLING_SPECIFICITY);
  return readings.find(isSure) ?? readings.find(isKnown) ?? readings[0];
}

/** Whether anything at all is known of the tag. */
export function isKnown({ record, covering }: Pick<KnownReading, 'record' | 'covering'>): boolean {
  return record !== undefined || covering.length > 0;
}

function readingOf(input: string, taken: KnownReading, readings: readonly KnownReading[]): Reading {
  return {
    input,
    as: taken.as,
    isPlain: taken.isPlain,
    also: readings
      .filter(other => other !== taken && isTold(other.record))
      .map(({ as, tag }) => ({ as, tag, links: tagLinks(tag) })),
  };
}

async function knownAnswer(
  { tag, record, covering }: KnownReading,
  reading: Reading,
  source: AnswerSource,
): Promise<TagAnswer> {
  const { index } = source;
  const rules = rulesFor(tag, source.advice);
  const variants = await index.caseVariants(tag);
  const companionTags = [...new Set(rules.flatMap(rule => rule.companions))].filter(other => other !== tag);
  const [near, companions] = await Promise.all([
    nearTags(tag, source, new Set(variants.map(variant => variant.tag))),
    index.findMany(companionTags),
  ]);
  const { owners, summary } = shortAnswer(record ?? emptyRecord(tag), covering, source);
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
    advice: adviceOf({ tag, record, owners, rules, component: id => source.component(id) }),
    articles: articlesOf([record, ...covering], source),
    caseVariants: variants.map(variant => pointerTo(variant, source)),
    near,
    companions: companions.filter(other => other !== undefined).map(other => pointerTo(other, source)),
    links: tagLinks(tag),
  };
}

async function unknownAnswer(
  { tag }: KnownReading,
  reading: Reading,
  readings: readonly KnownReading[],
  source: AnswerSource,
): Promise<UnknownTagAnswer> {
  return {
    found: false,
    reading,
    ...tagNames(tag),
    summary: 'No list names this tag, and no scanned driver uses it.',
    suggestions: await suggestionsFor(tag, readings, source),
    advice: unknownAdvice(source.advice),
    links: tagLinks(tag),
  };
}

function emptyRecord(tag: PoolTag): TagRecord {
  return { ...tagNames(tag), tag, isPattern: false, knowledge: [], sightings: [], articleIds: [] };
}

function sightingView(sighting: SightingSummary): SightingView {
  const { driver, kinds, sites, firstSites } = sighting;
  return {
    driver,
    strength: sightingStrength(sighting),
    kinds,
    sites,
    protected: sighting.protected,
    firstSites: firstSites.map(({ kind, api, rva, functionRva, structure }) => ({
      kind,
      api,
      rva,
      functionRva,
      structure,
    })),
    links: driverLinks(driver.sha256),
  };
}

function articlesOf(records: readonly (TagRecord | undefined)[], source: AnswerSource): ArticleView[] {
  const ids = new Set(records.flatMap(record => record?.articleIds ?? []));
  return [...ids]
    .map(id => source.article(id))
    .filter(article => article !== undefined)
    .map(articleView);
}

function articleView({ tags: _tags, ...article }: KnownLeak): ArticleView {
  return article;
}
