/** Known leaks as answers show them, each with whether it concerns the machine; those that do come first. */
import type { TagRecord } from '../data/facts.ts';
import type { KnownLeak } from '../data/knowledge.ts';
import type { ArticleView, Links } from './answer-document.ts';
import { articleLinks } from './answer-links.ts';
import type { AnswerSource } from './answer-source.ts';
import { type LeakVerdict, leakApplies, type Machine, verdictRank } from './leak-applies.ts';
import { machineFor } from './machine.ts';

/** A known leak on its own: the answer of `GET /articles/{id}`. */
export interface ArticleAnswer extends KnownLeak {
  applies: LeakVerdict;
  links: Links;
}

/** The known leak with whether it concerns the machine. */
export function answerArticle(leak: KnownLeak, machine: Machine, source: AnswerSource): ArticleAnswer {
  return {
    ...leak,
    applies: leakApplies(leak, machineFor(leak, machine, source)),
    links: articleLinks(leak.id),
  };
}

/** The known leaks of some records, each once. */
export function articleViews(
  records: readonly (TagRecord | undefined)[],
  source: AnswerSource,
  machine: Machine,
): ArticleView[] {
  const ids = new Set(records.flatMap(record => record?.articleIds ?? []));
  const sightings = records.flatMap(record => record?.sightings ?? []);
  return [...ids]
    .map(id => source.article(id))
    .filter(article => article !== undefined)
    .map(({ tags: _tags, versionSources: _versionSources, ...article }) => ({
      ...article,
      applies: leakApplies(article, machineFor(article, machine, source, sightings)),
    }))
    .sort((a, b) => verdictRank(a.applies) - verdictRank(b.applies));
}

/** Every known leak, those that concern the machine first. */
export function answerArticles(
  leaks: readonly KnownLeak[],
  machine: Machine,
  source: AnswerSource,
): ArticleAnswer[] {
  return leaks
    .map(leak => answerArticle(leak, machine, source))
    .sort((a, b) => verdictRank(a.applies) - verdictRank(b.applies));
}
