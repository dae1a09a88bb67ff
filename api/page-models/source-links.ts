/** Where a fact was read, as links. */
import type { SourceRef } from '../../data/facts.ts';

export interface SourceLink {
  name: string;
  /** null where nothing can be opened. */
  url: string | null;
}

/** The sources, each once. A link leads to the web or to a page of ours, never to another scheme. */
export function sourceLinks(sources: readonly SourceRef[]): SourceLink[] {
  const byName = new Map<string, SourceLink>();
  for (const { name, url } of sources) {
    const isOpenable = url !== null && /^(https?:\/\/|\/(?!\/))/.test(url);
    byName.set(name, { name: shortName(name), url: isOpenable ? url : null });
  }
  return [...byName.values()];
}

/** A list of the user's is known by its path; its last part says enough. */
function shortName(name: string): string {
  if (name === 'pooltag-list') return 'Pooltag list';
  return /^([A-Za-z]:)?[\\/]/.test(name) ? `your ${name.split(/[\\/]/).at(-1)}` : name;
}
