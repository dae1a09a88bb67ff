/** AdviceBook: finds the advice written for a tag without reading every rule. */
import type { AdviceRule } from '../data/knowledge.ts';
import {
  isPattern,
  type PoolTag,
  patternCovers,
  patternSpecificity,
  type TagPattern,
} from '../data/pool-tag.ts';
import type { Advice } from './answer-document.ts';

/** The kinds of advice, the most urgent first. */
export const ADVICE_KIND_ORDER: readonly Advice['kind'][] = [
  'owner-is-not-culprit',
  'shared-default',
  'verifier-stand-in',
  'disagreement',
  'next-step',
  'unknown-tag',
];

interface PatternRule {
  pattern: TagPattern | PoolTag;
  specificity: number;
  rule: AdviceRule;
}

/** A tag's own entry is more specific than any pattern. */
const EXACT = 4;

export class AdviceBook {
  /** What applies where nothing is known. */
  readonly unknownTagRules: readonly AdviceRule[];
  readonly #byTag = new Map<string, AdviceRule[]>();
  readonly #patterns: PatternRule[] = [];

  constructor(rules: readonly AdviceRule[]) {
    this.unknownTagRules = rules.filter(({ kind }) => kind === 'unknown-tag');
    for (const rule of rules) {
      for (const tag of rule.tags) {
        if (isPattern(tag)) this.#patterns.push({ pattern: tag, specificity: patternSpecificity(tag), rule });
        else this.#byTag.set(tag, [...(this.#byTag.get(tag) ?? []), rule]);
      }
    }
  }

  /** The rules that apply to a tag: of each kind those written for the tag itself, else the most specific pattern's. */
  rulesFor(tag: PoolTag | TagPattern): AdviceRule[] {
    const best = new Map<Advice['kind'], { specificity: number; rules: Set<AdviceRule> }>();
    const put = (rule: AdviceRule, specificity: number) => {
      const found = best.get(rule.kind);
      if (found === undefined || specificity > found.specificity) {
        best.set(rule.kind, { specificity, rules: new Set([rule]) });
      } else if (specificity === found.specificity) found.rules.add(rule);
    };
    for (const rule of this.#byTag.get(tag) ?? []) put(rule, EXACT);
    for (const { pattern, specificity, rule } of this.#patterns) {
      if (pattern === tag) put(rule, EXACT);
      else if (patternCovers(pattern, tag as PoolTag)) put(rule, specificity);
    }
    return ADVICE_KIND_ORDER.flatMap(kind => [...(best.get(kind)?.rules ?? [])]);
  }
}
