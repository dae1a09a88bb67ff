/** Chooses and makes the compressed form of an answer. */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export type Encoding = 'br' | 'gzip' | 'identity';

/** Below this many bytes a compressed answer saves no packet. */
export const MIN_COMPRESSED_BYTES = 1024;

/** A good trade for text: as small as gzip's best in a third of the time. */
const BROTLI_QUALITY = 5;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Clients send a handful of different Accept-Encoding headers, so reading each once is enough. */
const chosen = new Map<string, Encoding>();
const MAX_REMEMBERED = 100;

/** The encoding to use for an Accept-Encoding header: brotli before gzip at equal weight, as is without either. */
export function chooseEncoding(accepted: string | undefined): Encoding {
  if (accepted === undefined) return 'identity';
  let encoding = chosen.get(accepted);
  if (encoding === undefined) {
    encoding = readAcceptEncoding(accepted);
    if (chosen.size >= MAX_REMEMBERED) chosen.clear();
    chosen.set(accepted, encoding);
  }
  return encoding;
}

function readAcceptEncoding(accepted: string): Encoding {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map(text => text.trim());
    const q = parameters.find(parameter => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number.parseFloat(q.slice(2));
    weights.set(name, Number.isNaN(weight) ? 0 : weight);
  }
  const weightOf = (encoding: Encoding) => weights.get(encoding) ?? weights.get('*') ?? 0;
  const best: Encoding = weightOf('br') >= weightOf('gzip') ? 'br' : 'gzip';
  const wanted = Math.max(weights.get('identity') ?? 0, 0);
  return weightOf(best) > 0 && weightOf(best) >= wanted ? best : 'identity';
}

/** The body in an encoding; compressed off the main thread. */
export async function encodeBody(body: Buffer, encoding: Exclude<Encoding, 'identity'>): Promise<Buffer> {
  if (encoding === 'gzip') return gzipAsync(body);
  return brotliAsync(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
}
