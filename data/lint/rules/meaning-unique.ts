/** Two meanings that are the same once names are taken out are a template, not knowledge. */
import type { BaseRule, Finding } from '../rule.ts';
import { withoutNames } from '../without-names.ts';

export const meaningUnique: BaseRule = {
  name: 'meaning-unique',
  scope: 'base',
  check(base) {
    const first = new Map<string, { file: string; tag: string }>();
    const findings: Finding[] = [];
    for (const { file, content } of base.components) {
      for (const { tag, meaning } of content.entries) {
        if (meaning === undefined) continue;
        const bare = withoutNames(meaning, tag, content.title);
        const earlier = first.get(bare);
        if (earlier === undefined) first.set(bare, { file, tag });
        else
          findings.push({
            file,
            entry: tag,
            message: `The meaning says the same as that of ${earlier.tag} in ${earlier.file}, names apart: "${meaning}"`,
          });
      }
    }
    return findings;
  },
};
