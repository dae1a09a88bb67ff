/** The servers that are measured, each in a process of its own: `bench-servers.ts NAME` prints its port. */
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import express from 'express';
import { pino } from 'pino';
import { Catalogue } from '../../api/catalogue.ts';
import { securityHeaders } from '../../api/middleware/security-headers.ts';
import { type ServerOptions, startServer } from '../../api/server.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { loadKnowledge } from '../../data/knowledge.ts';

/** The look-up that is measured. */
export const LOOKUP_PATH = '/api/v1/tags/Thre';

/** What clients such as browsers send. */
export const CLIENT_HEADERS = { 'accept-encoding': 'gzip, deflate, br' };

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });

async function startOurs(options: Partial<ServerOptions> = {}): Promise<number> {
  const knowledge = loadKnowledge();
  const components = new Map(knowledge.components.map(component => [component.id, component]));
  const catalogue = await Catalogue.create({ knowledge, index: createEmbeddedIndex({ components }) });
  const { port } = await startServer({ host: '127.0.0.1', port: 0, catalogue, ...options });
  return port;
}

/** The answer of our server as it is sent: bare node:http answers these very bytes. */
async function ourAnswer(): Promise<{ head: string[]; body: Buffer }> {
  const port = await startOurs();
  return new Promise((resolve, reject) => {
    httpRequest({ port, path: LOOKUP_PATH, headers: CLIENT_HEADERS }, response => {
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
    })
      .on('error', reject)
      .end();
  });
}

function listen(listener: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer(listener as Parameters<typeof createServer>[0]);
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Every server by name. */
export const SERVERS: Record<string, () => Promise<number>> = {
  bare: async () => {
    const { head, body } = await ourAnswer();
    return listen((_request, response) => {
      response.writeHead(200, head);
      response.end(body);
    });
  },
  ours: () => startOurs(),
  'ours-rate-limit': () => startOurs({ rateLimit: 1_000_000 }),
  'ours-access-log': () => startOurs({ logger: pino({ level: 'info' }, nowhere) }),
  'express-route': async () => {
    const { head, body } = await ourAnswer();
    const app = express().disable('x-powered-by');
    app.get('/api/v1/tags/:tag', (_request, response) => {
      response.writeHead(200, head);
      response.end(body);
    });
    return listen(app);
  },
  'express-security-headers': async () => {
    const { head, body } = await ourAnswer();
    const app = express().disable('x-powered-by').use(securityHeaders);
    app.get('/api/v1/tags/:tag', (_request, response) => {
      response.writeHead(200, head);
      response.end(body);
    });
    return listen(app);
  },
};

const wanted = process.argv[2];
if (process.argv[1]?.endsWith('bench-servers.ts') && wanted !== undefined) {
  process.stdout.write(`${await SERVERS[wanted]()}\n`);
}
