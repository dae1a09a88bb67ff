/** The OpenAPI 3.1 document, made from the schemas that check the requests. */
import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import { programVersion } from '../data/project-files.ts';
import { API_BASE } from './answer-links.ts';
import type { RestRoute } from './routes/rest-route.ts';

/** Describes the operations; their paths begin below the version. */
export function openApiDocument(routes: readonly RestRoute[]) {
  const registry = new OpenAPIRegistry();
  for (const { handle: _handle, path, ...route } of routes) {
    registry.registerPath({ ...route, path: `${API_BASE}${path}` });
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Pooltag',
      version: programVersion(),
      description:
        'Who owns a Windows kernel pool tag, how it is known, and what to do next. Errors are problem documents (RFC 9457) with a stable code.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
  });
}
