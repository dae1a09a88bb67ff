/** A tag copied from C source stands the wrong way round; its reverse is then in the base for the same owner. */
import type { BaseRule, Finding } from '../rule.ts';

/** Finds pairs such as Thre and erhT with one owner. */
export const tagReversed: BaseRule = {
  name: 'tag-reversed',
  scope: 'base',
  check(base) {
    const owners = new Map<string, Set<string | null>>();
    const each = (visit: (file: string, tag: string, images: (string | null)[]) => void) => {
      for (const { file, content } of base.components)
        for (const entry of content.entries)
          visit(file, entry.tag, [entry.image === undefined ? content.image : entry.image].flat());
    };
    each((_, tag, images) => {
      owners.set(tag, new Set([...(owners.get(tag) ?? []), ...images]));
    });
    const findings: Finding[] = [];
    each((file, tag, images) => {
      const reversed = [...tag].reverse().join('');
      const shared = reversed !== tag && images.find(image => owners.get(reversed)?.has(image));
      if (shared !== undefined && shared !== false)
        findings.push({
          file,
          entry: tag,
          message: `Its reverse ${JSON.stringify(reversed)} is listed for ${shared}, too: one of them was read backwards.`,
        });
    });
    return findings;
  },
};
