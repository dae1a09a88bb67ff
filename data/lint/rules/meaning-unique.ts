/** Two meanings that are the same once names are taken out are a template, not knowledge. */
import type { BaseRule, Finding } from '../rule.ts';

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

/**
 * Names are tags, quoted code, file names, and every word that is written with a capital elsewhere than at its
 * beginning (NTFS, BitLocker, RtlInitString) or that the component's title has; numbers stay.
 */
function withoutNames(meaning: string, tag: string, title: string): string {
  const titleWords = new Set(title.toLowerCase().split(/[^a-z0-9]+/));
  return meaning
    .replaceAll(tag, ' ')
    .replace(/`[^`]*`/g, ' ')
    .replace(/\b[\w-]+\.(sys|dll|exe)\b/gi, ' ')
    .replace(/\b\w+[A-Z]\w*\b|\b\w+_\w+\b/g, ' ')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(word => word !== '' && !titleWords.has(word))
    .join(' ');
}
