/** The servers that are measured, each in a process of its own: `bench-servers.ts NAME` prints its port. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import express, { type Express } from 'express';
import { pino } from 'pino';
import { AnswerCache } from '../../api/answer-cache.ts';
import { Catalogue } from '../../api/catalogue.ts';
import { sendCachedAnswers } from '../../api/middleware/cached-answers.ts';
import { SECURITY_HEADERS } from '../../api/middleware/security-headers.ts';
import { PreparedAnswer } from '../../api/prepared-answer.ts';
import { createHttpServer, type ServerOptions, startServer } from '../../api/server.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { loadKnowledge } from '../../data/knowledge.ts';

/** The look-up that is measured. */
export const LOOKUP_PATH = '/api/v1/tags/Thre';

/** What clients such as browsers send. */
export const CLIENT_HEADERS = { 'accept-encoding': 'gzip, deflate, br' };

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });

async function bundledCatalogue(): Promise<Catalogue> {
  const knowledge = loadKnowledge();
  const components = new Map(knowledge.components.map(component => [component.id, component]));
  return Catalogue.create({ knowledge, index: createEmbeddedIndex({ components }) });
}

async function startOurs(options: Partial<ServerOptions> = {}): Promise<number> {
  const catalogue = await bundledCatalogue();
  const { port } = await startServer({ host: '127.0.0.1', port: 0, catalogue, ...options });
  return port;
}

/** The answer of our server as it is sent: bare node:http answers these very bytes. */
async function ourAnswer(headers: Record<string, string>): Promise<{ head: string[]; body: Buffer }> {
  const port = await startOurs();
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ port, path: LOOKUP_PATH, headers }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('end', () => {
        // Node writes these three itself.
        const own = new Set(['date', 'connection', 'keep-alive']);
        const head: string[] = [];
        for (let i = 0; i < response.rawHeaders.length; i += 2) {
          const [name, value] = response.rawHeaders.slice(i, i + 2);
          if (!own.has(name.toLowerCase())) head.push(name, value);
        }
        resolve({ head, body: Buffer.concat(chunks) });
      });
    });
    asked.on('error', reject).end();
  });
}

function listen(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** An Express app whose one route answers with our bytes. */
async function routeAlone(): Promise<Express> {
  const { head, body } = await ourAnswer(CLIENT_HEADERS);
  const app = express().disable('x-powered-by');
  app.get('/api/v1/tags/:tag', (_request, response) => {
    response.writeHead(200, head);
    response.end(body);
  });
  return app;
}

/** An Express app that answers from our cache alone, with these headers besides ETag and content. */
async function cacheAlone(headers: typeof SECURITY_HEADERS): Promise<number> {
  const { body } = await ourAnswer({});
  const catalogue = await bundledCatalogue();
  const cache = new AnswerCache();
  const answer = new PreparedAnswer(body, {
    contentType: 'application/json; charset=utf-8',
    cacheControl: 'no-cache',
    headers,
  });
  cache.set(LOOKUP_PATH, catalogue.answerVersion, answer);
  const app = express().disable('x-powered-by').use(sendCachedAnswers(cache, catalogue));
  return listen(createHttpServer(app));
}

/** Every server by name; each resolves with its port. */
const SERVERS: Record<string, () => Promise<number>> = {
  bare: async () => {
    const { head, body } = await ourAnswer(CLIENT_HEADERS);
    return listen(
      createServer((_request, response) => {
        response.writeHead(200, head);
        response.end(body);
      }),
    );
  },
  ours: () => startOurs(),
  // Apart, because its cache overflows, and what the garbage collector does then is not a look-up's price.
  'ours-anew': () => startOurs(),
  'ours-rate-limit': () => startOurs({ rateLimit: 1_000_000 }),
  'ours-access-log': () => startOurs({ logger: pino({ level: 'info' }, nowhere) }),
  'express-usual': async () => listen(createServer(await routeAlone())),
  'express-prototypes': async () => listen(createHttpServer(await routeAlone())),
  cache: () => cacheAlone([]),
  'cache-security-headers': () => cacheAlone(SECURITY_HEADERS),
};

const wanted = process.argv[2];
if (process.argv[1]?.endsWith('bench-servers.ts') && wanted !== undefined) {
  process.stdout.write(`${await SERVERS[wanted]()}\n`);
}
