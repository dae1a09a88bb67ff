/** The page about the REST interface. */
import { type PageContext, pageFrame } from './page-frame.ts';

/** The addresses as people need them; the OpenAPI document has every field. */
export const API_OPERATIONS: readonly ApiOperation[] = [
  {
    method: 'GET',
    path: '/api/v1/tags/{tag}',
    summary: 'Who owns a tag: owners, evidence, advice, known leaks. Any spelling.',
    parameters: 'windows, driver (repeatable): which known leaks apply',
    example: '/api/v1/tags/Thre',
  },
  {
    method: 'GET',
    path: '/api/v1/search',
    summary: 'Tags by words, patterns such as Nt??, or hex.',
    parameters: 'q, driver, vendor, component, source, arch, page, pageSize',
    example: '/api/v1/search?q=thread',
  },
  {
    method: 'POST',
    path: '/api/v1/lookup',
    summary: 'Up to 1,000 tags at once, answered in order.',
    parameters: null,
    example: null,
  },
  {
    method: 'POST',
    path: '/api/v1/leaks',
    summary: 'What is leaking: a log as text, or files as a form, up to 20 MB. Nothing of it is kept.',
    parameters: 'every, pool, include, exclude (repeatable), sort, top, windows, driver',
    example: null,
  },
  {
    method: 'GET',
    path: '/api/v1/drivers',
    summary: 'The scanned drivers.',
    parameters: 'q, vendor, arch, page',
    example: '/api/v1/drivers',
  },
  {
    method: 'GET',
    path: '/api/v1/drivers/{sha256}',
    summary: 'One driver with every tag and every call site.',
    parameters: null,
    example: null,
  },
  {
    method: 'GET',
    path: '/api/v1/drivers/{sha256}/explain/{tag}',
    summary: 'How a scan knows that a driver uses a tag, with the instructions that show it.',
    parameters: null,
    example: null,
  },
  {
    method: 'GET',
    path: '/api/v1/export/{name}',
    summary: 'Everything as pooltag.txt, localtag.txt, tags.csv or tags.ndjson.',
    parameters: null,
    example: null,
  },
  {
    method: 'GET',
    path: '/api/v1/suggest',
    summary: 'Free pool tags for a driver of your own, by its name.',
    parameters: 'name, count',
    example: '/api/v1/suggest?name=Contoso%20Filter',
  },
  {
    method: 'GET',
    path: '/api/v1/status',
    summary: 'What is loaded, and how far a scan has come.',
    parameters: null,
    example: '/api/v1/status',
  },
  {
    method: 'GET',
    path: '/api/v1/articles',
    summary: 'Every known leak, and which of them concern a machine.',
    parameters: 'windows, driver (repeatable)',
    example: '/api/v1/articles?windows=10.0.26200',
  },
  {
    method: 'GET',
    path: '/api/v1/articles/{id}',
    summary: 'One known leak.',
    parameters: 'windows, driver (repeatable)',
    example: '/api/v1/articles/npcap-318?driver=npcap.sys@0.9988',
  },
  {
    method: 'GET',
    path: '/api/v1/components',
    summary: 'The parts of Windows and the products that own tags.',
    parameters: null,
    example: '/api/v1/components',
  },
  {
    method: 'GET',
    path: '/api/v1/components/{id}',
    summary: 'One component with its tags.',
    parameters: null,
    example: '/api/v1/components/npcap',
  },
  {
    method: 'GET',
    path: '/api/v1/guides',
    summary: 'The guides.',
    parameters: null,
    example: '/api/v1/guides',
  },
  {
    method: 'GET',
    path: '/api/v1/guides/{id}',
    summary: 'One guide, in Markdown.',
    parameters: null,
    example: '/api/v1/guides/handle-leaks',
  },
  {
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'The description of all this in OpenAPI 3.1.',
    parameters: null,
    example: '/api/v1/openapi.json',
  },
  {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the process lives.',
    parameters: null,
    example: '/healthz',
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether the index answers look-ups and searches; 503 where it does not.',
    parameters: null,
    example: '/readyz',
  },
];

interface ApiOperation {
  method: 'GET' | 'POST';
  path: string;
  summary: string;
  parameters: string | null;
  example: string | null;
}

const EXPORTS = ['pooltag.txt', 'localtag.txt', 'tags.csv', 'tags.ndjson'];

/** The view model of views/pages/api.hbs; `origin` is where the reader reached this server. */
export function apiPage(context: PageContext, origin: string) {
  return {
    frame: pageFrame(context, {
      title: 'REST interface',
      description: 'Ask for pool tags from a program.',
      section: 'api',
    }),
    origin,
    operations: API_OPERATIONS,
    lookupExample: `curl ${origin}/api/v1/lookup -H "Content-Type: application/json" -d '{"tags":["Thre","0x20204d43"]}'`,
    exports: EXPORTS.map(name => ({ name, href: `/api/v1/export/${name}` })),
  };
}
