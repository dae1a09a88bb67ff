/** The first page: one box to type in, and where else to begin. */
import type { Knowledge } from '../../data/knowledge.ts';
import { groupedNumber } from './evidence-phrases.ts';
import type { LoadedBlock } from './loaded-block.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pathWith } from './pager.ts';
import type { TagDirectory } from './tag-directory.ts';

const SHOWN_COMPONENTS = 8;
const SHOWN_ARTICLES = 7;

/** One for each way to ask: a tag, its spellings, a pattern, a driver, words. */
const EXAMPLES = [
  { text: 'Thre', href: '/tags/Thre' },
  { text: '0x65726854', href: '/tags/0x65726854' },
  { text: "'erhT'", href: "/tags/'erhT'" },
  { text: 'Nt??', href: pathWith('/search', { q: 'Nt??' }) },
  { text: 'ntfs.sys', href: pathWith('/search', { q: 'ntfs.sys' }) },
  { text: 'event 2020', href: pathWith('/search', { q: 'event 2020' }) },
];

/** The view model of views/pages/home.hbs. */
export function homePage(
  context: PageContext,
  knowledge: Knowledge,
  { byComponent }: TagDirectory,
  loaded: LoadedBlock,
) {
  const sizeOf = (id: string) => byComponent.get(id)?.length ?? 0;
  return {
    frame: pageFrame(context, {
      title: 'Pooltag: who owns this pool tag?',
      description:
        'Who owns a Windows kernel pool tag, how that is known, and what to do about memory that is not given back.',
      isHome: true,
    }),
    examples: EXAMPLES,
    loaded,
    guides: knowledge.guides.map(({ id, title }) => ({ href: `/guides/${id}`, title })),
    components: knowledge.components
      .toSorted((a, b) => sizeOf(b.id) - sizeOf(a.id))
      .slice(0, SHOWN_COMPONENTS)
      .map(({ id, title }) => ({ href: `/components/${id}`, title, tags: groupedNumber(sizeOf(id)) })),
    // Open ones first: who comes with a leak today is likelier to have one of those.
    articles: knowledge.articles
      .toSorted((a, b) => Number(b.status === 'open') - Number(a.status === 'open'))
      .slice(0, SHOWN_ARTICLES)
      .map(({ id, title }) => ({ href: `/articles/${id}`, title })),
  };
}
