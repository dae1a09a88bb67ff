/** The shapes of the answers about components, known leaks and guides, for the OpenAPI document. */
import { z } from 'zod';
import { article, count, id, links, source } from './document-parts.ts';

/** A known leak on its own. */
const wholeArticle = article
  .extend({ tags: z.array(z.string()), versionSources: z.array(source), links })
  .openapi('Article');

/** The answer of `GET /articles/{id}`. */
export const articleAnswerSchema = wholeArticle;

/** The answer of `GET /articles`. */
export const articlesAnswerSchema = z
  .object({ total: count, articles: z.array(wholeArticle) })
  .openapi('ArticlesAnswer');

const component = z
  .object({
    id: z.string(),
    title: z.string(),
    image: z.string().nullable(),
    vendor: z.string(),
    isCollection: z.boolean(),
    about: z.string(),
    growth: z.object({ normal: z.string(), abnormal: z.string().nullable() }),
    steps: z.array(z.string()),
    sources: z.array(source),
    links,
  })
  .openapi('Component');

/** The answer of `GET /components`. */
export const componentsAnswerSchema = z
  .object({ total: count, components: z.array(component) })
  .openapi('ComponentsAnswer');

/** The answer of `GET /components/{id}`. */
export const componentAnswerSchema = component
  .extend({
    tags: z.array(
      z.object({ tag: z.string(), id, isPattern: z.boolean(), meaning: z.string().nullable(), links }),
    ),
  })
  .openapi('ComponentAnswer');

const guide = z.object({
  id: z.string(),
  title: z.string(),
  summary: z.string(),
  keywords: z.array(z.string()),
  sources: z.array(source),
  links,
});

/** The answer of `GET /guides`. */
export const guidesAnswerSchema = z.object({ total: count, guides: z.array(guide) }).openapi('GuidesAnswer');

/** The answer of `GET /guides/{id}`. */
export const guideAnswerSchema = guide.extend({ markdown: z.string() }).openapi('Guide');
