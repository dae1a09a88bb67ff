/** What is left of a meaning when the names in it are taken out. */

/**
 * Names are tags, quoted code, file names, and every word that is written with a capital elsewhere than at its
 * beginning (NTFS, BitLocker, RtlInitString) or that the component's title has; numbers stay.
 */
export function withoutNames(meaning: string, tag: string, title: string): string {
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
