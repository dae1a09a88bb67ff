/** Listens: the app on an address, until it is stopped. */
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { type AppOptions, createApp } from './app.ts';
import { PooltagError } from './pooltag-error.ts';

export interface ServerOptions extends AppOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:3000`, as a reader would type it. */
  url: string;
  port: number;
  /** Takes no more requests, lets those that run end, and resolves when all connections are closed. */
  stop(): Promise<void>;
}

/** How long requests may take to end once the server stops, in milliseconds. */
const STOP_GRACE_MS = 5_000;

/**
 * Starts listening. Throws a PooltagError with one sentence: `address-in-use` where another program has the port,
 * `address-unusable` where this machine cannot listen there.
 */
export async function startServer({ host, port, ...options }: ServerOptions): Promise<RunningServer> {
  const server = createHttpServer(createApp(options));
  await listen(server, host, port);
  const { port: actualPort, address } = server.address() as AddressInfo;
  return {
    url: `http://${readableHost(host, address)}:${actualPort}`,
    port: actualPort,
    stop: () => stop(server),
  };
}

/**
 * An HTTP server for the app. Express gives each request and response its own prototype, which costs Node before 24
 * more than everything else together: made with those prototypes from the start, a request costs a third of it on
 * Node 20. Newer versions are quicker without.
 */
export function createHttpServer(app: Express): Server {
  if (Number.parseInt(process.versions.node, 10) >= 24) return createServer(app);
  return createServer(
    {
      IncomingMessage: withPrototype(IncomingMessage, app.request),
      ServerResponse: withPrototype(ServerResponse, app.response),
    },
    app,
  );
}

/** A constructor like `base`, whose objects have this prototype. Below Node 24 both are functions, not classes. */
function withPrototype<Class extends typeof IncomingMessage | typeof ServerResponse>(
  base: Class,
  prototype: object,
): Class {
  const construct = base as unknown as (this: object, ...given: unknown[]) => void;
  function Constructor(this: object, first: unknown, second: unknown): void {
    construct.call(this, first, second);
  }
  Constructor.prototype = prototype;
  return Constructor as unknown as Class;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    const message = `Port ${port} on ${host} is taken by another program; choose another with --port, or 0 for any free one.`;
    return new PooltagError('address-in-use', message, { cause: error });
  }
  if (error.code === 'EACCES') {
    const message = `This user may not listen on port ${port} of ${host}; choose one from 1024 up with --port.`;
    return new PooltagError('address-unusable', message, { cause: error });
  }
  if (
    error.code === 'EADDRNOTAVAIL' ||
    error.code === 'ENOTFOUND' ||
    error.code === 'EAI_AGAIN' ||
    error.code === 'EINVAL'
  ) {
    const message = `${host} is not an address of this machine; use 127.0.0.1 for this machine alone, or 0.0.0.0 for all its addresses.`;
    return new PooltagError('address-unusable', message, { cause: error });
  }
  return error;
}

function readableHost(host: string, address: string): string {
  // Nobody can open "all addresses"; this machine's own is one of them.
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const force = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
    server.close(error => {
      clearTimeout(force);
      if (error && (error as NodeJS.ErrnoException).code !== 'ERR_SERVER_NOT_RUNNING') reject(error);
      else resolve();
    });
    server.closeIdleConnections();
  });
}
