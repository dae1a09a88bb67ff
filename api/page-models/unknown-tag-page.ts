/** The page of a tag that nothing knows: what it could be, and how to find out. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import type { UnknownTagAnswer } from '../answer-document.ts';
import { adviceBox, type GuideTitles } from './advice-box.ts';
import { otherUses, pointer, tagHead } from './answer-parts.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pathWith } from './pager.ts';

/** A heading counts the ways in words up to here. */
const NUMBER_WORDS = ['No way', 'One way', 'Two ways', 'Three ways', 'Four ways', 'Five ways'];

/** The view model of views/pages/unknown-tag.hbs. */
export function unknownTagPage(context: PageContext, answer: UnknownTagAnswer, guides: GuideTitles) {
  const shown = tagText(answer.tag as PoolTag);
  const ways = answer.advice.filter(({ kind }) => kind === 'unknown-tag');
  return {
    frame: pageFrame(context, {
      title: `${shown} is not known`,
      description: answer.summary,
      query: shown,
    }),
    ...tagHead(answer),
    otherUses: otherUses(answer),
    suggestions: answer.suggestions.map(suggestion => ({ ...pointer(suggestion), why: suggestion.why })),
    advice: answer.advice
      .filter(({ kind }) => kind !== 'unknown-tag')
      .map(advice => adviceBox(advice, guides)),
    waysTitle: `${NUMBER_WORDS[ways.length] ?? 'Ways'} to find out`,
    ways: ways.map(advice => adviceBox(advice, guides)),
    searchHref: pathWith('/search', { q: shown.trim() }),
    searchText: shown.trim(),
  };
}
