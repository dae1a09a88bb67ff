/** Runs rules over a knowledge base, takes granted exceptions out, and reports exceptions that no longer fail. */
import { type Finding, type KnowledgeBase, type Rule, runRule } from './rule.ts';

/** A finding that is known and accepted, with the reason. */
export interface Exception {
  rule: string;
  file: string;
  entry: string;
  reason: string;
}

/** A finding with the name of its rule. */
export interface RuleFinding extends Finding {
  rule: string;
}

/** What is left to mend: findings without an exception, and exceptions without a finding. */
export function checkRules(
  base: KnowledgeBase,
  rules: readonly Rule[],
  exceptions: readonly Exception[],
): RuleFinding[] {
  const findings = rules.flatMap(rule =>
    runRule(rule, base).map(finding => ({ rule: rule.name, ...finding })),
  );
  const stale = exceptions.filter(exception => !findings.some(finding => covers(exception, finding)));
  return [
    ...findings.filter(finding => !exceptions.some(exception => covers(exception, finding))),
    ...stale.map(({ rule, file, entry }) => ({
      rule: 'stale-exception',
      file,
      entry,
      message: `The rule ${rule} no longer fails here: take the exception out of exceptions.json.`,
    })),
  ];
}

function covers(exception: Exception, finding: RuleFinding): boolean {
  return (
    exception.rule === finding.rule && exception.file === finding.file && exception.entry === finding.entry
  );
}
