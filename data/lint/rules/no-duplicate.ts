/** One owner has one entry for a tag. */
import { imagesOf } from '../../knowledge.ts';
import type { BaseRule, Finding } from '../rule.ts';

export const noDuplicate: BaseRule = {
  name: 'no-duplicate',
  scope: 'base',
  check(base) {
    const seen = new Map<string, string>();
    const findings: Finding[] = [];
    for (const { file, content } of base.components) {
      for (const entry of content.entries) {
        for (const image of imagesOf(entry, content)) {
          const key = `${entry.tag} ${image?.toLowerCase() ?? ''}`;
          const earlier = seen.get(key);
          if (earlier === undefined) seen.set(key, file);
          else
            findings.push({
              file,
              entry: entry.tag,
              message: `${image ?? 'Nobody in particular'} already owns this tag in ${earlier}.`,
            });
        }
      }
    }
    return findings;
  },
};
