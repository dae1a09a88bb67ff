/** What points somewhere points at something that is there: families, tags, articles, guides, file names. */
import { isPattern, type PoolTag, patternCovers } from '../../pool-tag.ts';
import type { BaseRule, Finding, KnowledgeBase } from '../rule.ts';

export const referencesExist: BaseRule = {
  name: 'references-exist',
  scope: 'base',
  check(base) {
    const tags = new Set(base.components.flatMap(({ content }) => content.entries.map(({ tag }) => tag)));
    return [
      ...entryReferences(base, tags),
      ...leakReferences(base, tags),
      ...adviceReferences(base, tags),
      ...guideReferences(base, tags),
    ];
  },
};

function entryReferences(base: KnowledgeBase, tags: Set<string>): Finding[] {
  return base.components.flatMap(({ file, content }) => [
    ...(file === `${content.id}.json`
      ? []
      : [{ file, entry: '', message: `Its id is "${content.id}": id and file name must agree.` }]),
    ...content.entries.flatMap(({ tag, family, meaning = '', note = '' }) => [
      ...(family === undefined || tags.has(family)
        ? []
        : [{ file, entry: tag, message: `The base has no entry for its family ${family}.` }]),
      ...(family === undefined || patternCovers(family, tag as PoolTag)
        ? []
        : [{ file, entry: tag, message: `Its family ${family} does not cover it.` }]),
      ...missingTags(file, tag, `${meaning} ${note}`, tags),
    ]),
  ]);
}

function leakReferences({ leaks }: KnowledgeBase, tags: Set<string>): Finding[] {
  const ids = new Set(leaks.leaks.map(({ id }) => id));
  return leaks.leaks.flatMap(leak => [
    ...leak.tags.flatMap(tag => (spelled(tag, tags) ? [] : missing('leaks.json', leak.id, 'tag', tag, tags))),
    ...(leak.supersededBy ?? []).flatMap(id => missing('leaks.json', leak.id, 'leak', id, ids)),
  ]);
}

/** Old reports spell tags in other capitals (Afde for AfdE), which is worth keeping: people search for both. */
function spelled(tag: string, tags: Set<string>): boolean {
  return [...tags].some(known => known.toLowerCase() === tag.toLowerCase());
}

function adviceReferences({ advice, guides }: KnowledgeBase, tags: Set<string>): Finding[] {
  const guideIds = new Set(guides.map(({ id }) => id));
  return advice.advice.flatMap(rule => [
    ...rule.tags
      .filter(tag => !isPattern(tag))
      .flatMap(tag => missing('advice.json', rule.id, 'tag', tag, tags)),
    ...(rule.companions ?? []).flatMap(tag => missing('advice.json', rule.id, 'tag', tag, tags)),
    ...(rule.guide === undefined ? [] : missing('advice.json', rule.id, 'guide', rule.guide, guideIds)),
    ...(rule.tags.length > 0 || rule.kind === 'unknown-tag'
      ? []
      : [{ file: 'advice.json', entry: rule.id, message: 'Only unknown-tag advice applies to no tag.' }]),
  ]);
}

function guideReferences({ guides }: KnowledgeBase, tags: Set<string>): Finding[] {
  const ids = new Set(guides.map(({ id }) => id));
  return guides.flatMap(({ id, markdown }) => [
    ...missingTags(`${id}.md`, '', markdown, tags),
    ...[...markdown.matchAll(/\]\(\/guides\/([^)#]+)[^)]*\)/g)].flatMap(([, guide]) =>
      missing(`${id}.md`, '', 'guide', guide!, ids),
    ),
    ...(/^# /m.test(markdown.replace(/```[\s\S]*?```/g, ''))
      ? [
          {
            file: `${id}.md`,
            entry: '',
            message: 'The title comes from the front matter: no first-level heading.',
          },
        ]
      : []),
  ]);
}

/** In running text a tag stands as `Thre`: four characters in backticks, of which the first is a letter or digit. */
function missingTags(file: string, entry: string, text: string, tags: Set<string>): Finding[] {
  const withoutBlocks = text.replace(/```[\s\S]*?```/g, '');
  return [...withoutBlocks.matchAll(/`([A-Za-z0-9][^`\n]{3})`/g)].flatMap(([, tag]) =>
    missing(file, entry, 'tag', tag!, tags),
  );
}

function missing(file: string, entry: string, kind: string, name: string, known: Set<string>): Finding[] {
  return known.has(name)
    ? []
    : [{ file, entry, message: `It refers to the ${kind} "${name}", which the base does not have.` }];
}
