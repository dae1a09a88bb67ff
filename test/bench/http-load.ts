/** A load generator on raw sockets: keep-alive connections that send the next request when the answer is complete. */
import { connect, type Socket } from 'node:net';

export interface Load {
  port: number;
  /** The whole request, with its empty line. A function is asked for each request. */
  request: string | (() => string);
  connections: number;
  durationMs: number;
}

export interface LoadResult {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** The status of the last answer. */
  status: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('ontent-length: ');
const LENGTH_UPPER = Buffer.from('ontent-Length: ');

/** Loads the server for a while. Rejects when a connection breaks. */
export async function runLoad({ port, request, connections, durationMs }: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  let status = 0;
  const start = performance.now();
  const end = start + durationMs;
  const client = () =>
    new Promise<void>((resolve, reject) => {
      const socket: Socket = connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      let sentAt = 0;
      let pending: Buffer | undefined;
      const send = () => {
        sentAt = performance.now();
        socket.write(typeof request === 'string' ? request : request());
      };
      socket.on('connect', send).on('error', reject);
      socket.on('close', () =>
        performance.now() < end ? reject(new Error('The server closed.')) : resolve(),
      );
      socket.on('data', chunk => {
        const data = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
        const length = answerLength(data);
        pending = length === undefined || data.length < length ? data : undefined;
        if (pending !== undefined) return;
        const now = performance.now();
        latencies.push(now - sentAt);
        if (now < end) {
          send();
          return;
        }
        status = Number(data.toString('latin1', 9, 12));
        socket.end();
      });
    });
  await Promise.all(Array.from({ length: connections }, client));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return {
    requestsPerSecond: latencies.length / seconds,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    status,
  };
}

/** How many bytes the first answer in the data takes; undefined while its head is incomplete. */
function answerLength(data: Buffer): number | undefined {
  const headEnd = data.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  let at = data.indexOf(LENGTH);
  if (at === -1 || at > headEnd) at = data.indexOf(LENGTH_UPPER);
  if (at === -1 || at > headEnd) return headEnd + HEAD_END.length;
  let length = 0;
  for (let i = at + LENGTH.length; data[i] >= 48 && data[i] <= 57; i++) length = length * 10 + data[i] - 48;
  return headEnd + HEAD_END.length + length;
}
