/** Every fact has a source that sources.json knows, with its licence; a source that nothing uses goes. */
import type { BaseRule, Finding, KnowledgeBase } from '../rule.ts';

export const sourcesResolve: BaseRule = {
  name: 'sources-resolve',
  scope: 'base',
  check(base) {
    const known = new Set(base.sources.sources.map(({ id }) => id));
    const used = new Set<string>();
    const findings: Finding[] = [];
    for (const { file, entry, ids } of uses(base)) {
      if (ids.length === 0) findings.push({ file, entry, message: 'It names no source.' });
      for (const id of ids) {
        used.add(id);
        if (!known.has(id)) findings.push({ file, entry, message: `sources.json has no source "${id}".` });
      }
    }
    for (const { id, licence, name } of base.sources.sources) {
      const complain = (message: string) => findings.push({ file: 'sources.json', entry: id, message });
      if (licence.trim() === '') complain('It has no licence: say on what ground its facts are used.');
      if (name.trim() === '') complain('It has no name.');
      if (!used.has(id)) complain('Nothing uses this source.');
    }
    return findings;
  },
};

function uses({
  components,
  leaks,
  advice,
  guides,
  windowsBuilds,
}: KnowledgeBase): { file: string; entry: string; ids: string[] }[] {
  return [
    ...components.flatMap(({ file, content }) => [
      { file, entry: '', ids: content.sources },
      { file, entry: '', ids: content.about.sources },
      ...content.entries.flatMap(({ tag, sources }) => (sources ? [{ file, entry: tag, ids: sources }] : [])),
    ]),
    ...leaks.leaks.flatMap(({ id, sources, versionSources }) => [
      { file: 'leaks.json', entry: id, ids: sources },
      ...(versionSources ? [{ file: 'leaks.json', entry: id, ids: versionSources }] : []),
    ]),
    ...advice.advice.map(({ id, sources }) => ({ file: 'advice.json', entry: id, ids: sources })),
    ...windowsBuilds.releases.map(({ name, sources }) => ({
      file: 'windows-builds.json',
      entry: name,
      ids: sources,
    })),
    ...guides.map(({ id, sourceIds }) => ({ file: `${id}.md`, entry: '', ids: sourceIds })),
  ];
}
