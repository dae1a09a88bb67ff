import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { AnswerCache } from '../../api/answer-cache.ts';
import { DriverExplanations } from '../../api/driver-explanations.ts';
import { createRestRouter, REST_ROUTES } from '../../api/routes/rest.ts';
import { startServer } from '../../api/server.ts';
import { addDriverWithFile } from './driver-with-file.ts';
import { poolmonSnapshot } from './poolmon-logs.ts';
import { ask } from './rest-client.ts';
import { DRIVERS, sampleCatalogue } from './sample-facts.ts';

const catalogue = await sampleCatalogue();
const explained = await addDriverWithFile(catalogue);
const server = await startServer({ host: '127.0.0.1', port: 0, catalogue });
after(() => server.stop());
const { json: document } = await ask(server.url, '/api/v1/openapi.json');

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; description?: string; required?: boolean }[];
  responses: Record<string, { description: string; content?: object }>;
}
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** What Express itself would answer, as `get /api/v1/tags/{tag}`; the routes for all methods only refuse. */
function mountedRoutes(): string[] {
  const router = createRestRouter({
    catalogue,
    cache: new AnswerCache(),
    explanations: new DriverExplanations(catalogue),
  });
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack
          .filter(({ method }) => method !== undefined)
          .map(({ method }) => `${method} /api/v1${route.path.replace(/:(\w+)/g, '{$1}')}`),
  );
}

test('the document describes every route, and no other', () => {
  const described = operations.map(({ path, method }) => `${method} ${path}`);
  assert.deepEqual(described.sort(), mountedRoutes().sort());
});

test('it is OpenAPI 3.1 with the version of the program', async () => {
  assert.equal(document.openapi, '3.1.0');
  assert.match(document.info.version, /^\d+\.\d+\.\d+/);
  assert.equal(JSON.stringify(document).includes('$ref":"#/components/schemas/undefined'), false);
});

test('every reference in it leads somewhere', () => {
  const references = JSON.stringify(document).match(/"\$ref":"([^"]+)"/g) ?? [];
  assert.ok(references.length > 20);
  for (const reference of references) {
    const name = /#\/components\/schemas\/([\w.-]+)"$/.exec(reference)?.[1];
    assert.ok(name !== undefined && name in document.components.schemas, reference);
  }
});

test('every operation has a name of its own, a summary, and a text for each answer and parameter', () => {
  const names = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, names.length);
  for (const { operation, path } of operations) {
    assert.ok(operation.summary.endsWith('.') || operation.summary.endsWith('?'), path);
    for (const { description } of Object.values(operation.responses))
      assert.ok(description.endsWith('.'), path);
    for (const parameter of operation.parameters ?? []) {
      assert.ok(parameter.description !== undefined || parameter.in === 'path', `${path} ${parameter.name}`);
    }
  }
});

const EXAMPLES: Record<string, string> = { tag: 'Thre', sha256: DRIVERS[0].driver.sha256, name: 'tags.csv' };
/** An explanation needs a driver with its file. */
const EXPLAINED: Record<string, string> = { tag: explained.tag, sha256: explained.sha256 };

const BODIES: Record<string, string> = {
  '/api/v1/lookup': '{"tags":["Thre"]}',
  '/api/v1/leaks': JSON.stringify({ text: poolmonSnapshot(0) }),
};

test('every operation answers with a status and a media type that it names', async () => {
  for (const { path, method, operation } of operations) {
    const examples = path.includes('/explain/') ? EXPLAINED : EXAMPLES;
    const needed = (operation.parameters ?? []).filter(one => one.in === 'query' && one.required);
    const query = needed.length === 0 ? '' : `?${needed.map(({ name }) => `${name}=Contoso`).join('&')}`;
    const id = { '/articles/': 'q1', '/components/': 'ntfs', '/guides/': 'guide' };
    const [, ofKind] = Object.entries(id).find(([kind]) => path.includes(kind)) ?? [];
    const filled = path.replace(/\{(\w+)\}/g, (_whole, name: string) => ofKind ?? examples[name]) + query;
    const answer = await ask(server.url, filled, {
      method: method.toUpperCase(),
      headers: method === 'post' ? { 'content-type': 'application/json' } : {},
      body: method === 'post' ? BODIES[path] : undefined,
    });
    const response = operation.responses[answer.status];
    assert.equal(answer.status, 200, path);
    const type = answer.headers['content-type']!.split(';')[0];
    assert.ok(type in (response.content ?? {}), `${path}: ${type}`);
  }
});

test('the parameters that requests are checked for are those that are described', () => {
  const search = operations.find(({ operation }) => operation.operationId === 'searchTags')!.operation;
  assert.deepEqual(search.parameters!.map(({ name }) => name).sort(), [
    'arch',
    'component',
    'driver',
    'page',
    'pageSize',
    'q',
    'source',
    'strength',
    'vendor',
  ]);
  assert.equal(REST_ROUTES.length, operations.length);
});
