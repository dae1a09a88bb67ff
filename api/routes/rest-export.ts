/** `GET /export/{name}`: everything in one file, sent as fast as the client reads it. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EXPORTS } from '../exports.ts';
import { compressResponse } from '../middleware/compress-response.ts';
import { PooltagError } from '../pooltag-error.ts';
import { EXPORT_NAMES, exportParamsSchema } from '../schemas.ts';
import { problemResponse } from './rest-responses.ts';
import type { RestRoute } from './rest-route.ts';

/** Pieces are joined up to about this many characters: one chunk for every line would cost more than the lines. */
const CHUNK_CHARACTERS = 64 * 1024;
/** What is handed on before the client has to have read some of it. */
const CHUNK_BYTES = 64 * 1024;

/** Versions count from the start of a process, so another one's may be equal by chance. */
const processId = randomBytes(6).toString('base64url');

export const exportRoute: RestRoute = {
  method: 'get',
  path: '/export/{name}',
  operationId: 'exportTags',
  summary: 'Everything in one file.',
  description:
    '`pooltag.txt` and `localtag.txt` in the form that PoolMon (/g) and WinDbg (triage folder) take; `tags.csv` with cells made harmless for spreadsheets; `tags.ndjson` with one record per line.',
  request: { params: exportParamsSchema },
  responses: {
    200: {
      description: 'The file.',
      content: Object.fromEntries(
        Object.values(EXPORTS).map(({ contentType }) => [
          contentType.split(';')[0],
          { schema: { type: 'string' as const } },
        ]),
      ),
    },
    ...problemResponse(404, 'There is no export of this name.'),
  },
  async handle(request, response, { catalogue }) {
    const read = exportParamsSchema.safeParse(request.params);
    if (!read.success) {
      const names = EXPORT_NAMES.join(', ');
      throw new PooltagError('unknown-route', `There is no export of this name. There are ${names}.`);
    }
    const { name } = read.data;
    const { contentType, text } = EXPORTS[name];
    const etag = `W/"${processId}-${catalogue.version}-${name}"`;
    response.setHeader('content-type', contentType);
    response.setHeader('content-disposition', `attachment; filename="${name}"`);
    response.setHeader('cache-control', 'no-cache');
    response.setHeader('etag', etag);
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    await compressResponse(request, response);
    try {
      await pipeline(Readable.from(inChunks(text(catalogue))), response);
    } catch (error) {
      // The reader went away; there is nobody left to tell.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    }
  },
};

function* inChunks(pieces: Iterable<string>): Generator<Buffer> {
  let joined = '';
  for (const piece of pieces) {
    joined += piece;
    if (joined.length < CHUNK_CHARACTERS) continue;
    yield* inParts(Buffer.from(joined));
    joined = '';
  }
  yield* inParts(Buffer.from(joined));
}

/** A piece may be a whole file; cut as bytes, since a cut through text could halve a character. */
function* inParts(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    yield bytes.subarray(start, start + CHUNK_BYTES);
  }
}
