/** Compresses answers with gzip where the client takes it: every client does, and it costs a third of brotli's time. */
import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';

/** Below this many bytes a compressed answer saves no packet. */
export const MIN_COMPRESSED_BYTES = 1024;

/** Compressing so much here takes 0.2 ms, about what it costs to hand the work to another thread and back. */
const MAX_SYNC_BYTES = 32 * 1024;

const gzipAsync = promisify(gzip);

/** Clients send a handful of different Accept-Encoding headers, so reading each once is enough. */
const readBefore = new Map<string, boolean>();
const MAX_REMEMBERED = 100;

/** Whether an Accept-Encoding header takes gzip, and prefers it to no compression. */
export function acceptsGzip(accepted: string | undefined): boolean {
  if (accepted === undefined) return false;
  let isAccepted = readBefore.get(accepted);
  if (isAccepted === undefined) {
    isAccepted = readAcceptEncoding(accepted);
    if (readBefore.size >= MAX_REMEMBERED) readBefore.clear();
    readBefore.set(accepted, isAccepted);
  }
  return isAccepted;
}

function readAcceptEncoding(accepted: string): boolean {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map(text => text.trim());
    const q = parameters.find(parameter => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number.parseFloat(q.slice(2));
    weights.set(name, Number.isNaN(weight) ? 0 : weight);
  }
  const gzipWeight = weights.get('gzip') ?? weights.get('*') ?? 0;
  return gzipWeight > 0 && gzipWeight >= (weights.get('identity') ?? 0);
}

/** The compressed body; a long one is made off the main thread. */
export function compress(body: Buffer): Buffer | Promise<Buffer> {
  return body.length <= MAX_SYNC_BYTES ? gzipSync(body) : gzipAsync(body);
}
