/** Reads the body of a request that brings snapshots: a text, JSON or a form with files; within a bound, and kept nowhere. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { leaksBodySchema, MAX_UPLOAD_BYTES } from './leak-request.ts';
import { readForm } from './multipart-form.ts';

/** What all requests together hold at a time, so that many of them fill no memory. */
const MAX_HELD_BYTES = 160 * 1024 * 1024;

/** One text with the name of its file, where it has one. */
export interface UploadedText {
  name: string | undefined;
  chunks: Uint8Array[];
  /** When the file was written, where that is known. */
  fileTimeMs?: number;
}

/** What a request brought. `release` must be called once the texts are no longer needed. */
export interface Upload {
  texts: UploadedText[];
  /** Further fields of a form, or of JSON. */
  fields: Map<string, string[]>;
  release(): void;
}

let heldBytes = 0;

/** Counts what a request holds, and ends it where that is too much. */
export class UploadBytes {
  #held = 0;

  /** Throws `body-too-large` or `leaks-busy`. */
  take(bytes: number): void {
    this.#held += bytes;
    heldBytes += bytes;
    if (this.#held > MAX_UPLOAD_BYTES) throw tooLarge();
    if (heldBytes > MAX_HELD_BYTES) {
      throw new PooltagError(
        'leaks-busy',
        'The server holds as many snapshots of other clients as it can at a time. Ask again in a few seconds.',
      );
    }
  }

  release(): void {
    heldBytes -= this.#held;
    this.#held = 0;
  }
}

function tooLarge(): PooltagError {
  return new PooltagError(
    'body-too-large',
    `The body has more than ${MAX_UPLOAD_BYTES / 1024 / 1024} MB. The command takes files of any size: pooltag leaks FILE answers the same, and --format html makes a page of it.`,
  );
}

/**
 * The body of the request. Throws `body-too-large`, `leaks-busy`, `unsupported-media-type`, `invalid-json` and
 * `invalid-body`.
 */
export async function readUpload(request: IncomingMessage): Promise<Upload> {
  const type = mediaType(request);
  if (Number(request.headers['content-length']) > MAX_UPLOAD_BYTES) throw tooLarge();
  const bytes = new UploadBytes();
  try {
    const body = bodyOf(request);
    if (type === 'multipart/form-data') {
      const { texts, fields } = await readForm(body, request.headers['content-type']!, bytes);
      return { texts, fields, release: () => bytes.release() };
    }
    const chunks = await collect(body, bytes);
    const read = type === 'application/json' ? readJson(chunks) : plainText(chunks);
    return { ...read, release: () => bytes.release() };
  } catch (error) {
    bytes.release();
    // What is left of the body is read and dropped, so that the answer reaches who is still sending.
    request.resume();
    throw error;
  }
}

/** Texts of any kind, and what `curl --data-binary` says where nobody tells it otherwise. */
const TEXT_TYPES = /^(text\/[\w.+-]+|application\/(octet-stream|xml|x-ndjson|x-www-form-urlencoded))$/;

function mediaType({ headers }: IncomingMessage): string {
  const given = headers['content-type'];
  const type = (given ?? '').split(';')[0].trim().toLowerCase();
  if (type === 'application/json' || type === 'multipart/form-data' || TEXT_TYPES.test(type)) return type;
  const said =
    given === undefined
      ? 'has no Content-Type'
      : `has the Content-Type ${JSON.stringify(given.slice(0, 80))}`;
  throw new PooltagError(
    'unsupported-media-type',
    `The request ${said}. Send a print-out as text/plain, several files as multipart/form-data, or {"text": "..."} as application/json.`,
  );
}

function bodyOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return request;
  if (encoding === 'gzip' || encoding === 'x-gzip') return unpacked(request);
  throw new PooltagError(
    'unsupported-media-type',
    `The body has the Content-Encoding ${JSON.stringify(encoding.slice(0, 80))}; send it as it is, or packed with gzip.`,
  );
}

async function* unpacked(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const piped = pipeline(request, gunzip);
  // What fails is thrown where the pieces are read.
  piped.catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk;
    await piped;
  } catch (error) {
    throw new PooltagError(
      'invalid-body',
      'The body says that it is packed with gzip, and it cannot be unpacked.',
      {
        cause: error,
      },
    );
  }
}

async function collect(body: AsyncIterable<Uint8Array>, bytes: UploadBytes): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) {
    bytes.take(chunk.length);
    chunks.push(chunk);
  }
  return chunks;
}

function plainText(chunks: Uint8Array[]) {
  return { texts: [{ name: undefined, chunks }], fields: new Map<string, string[]>() };
}

function readJson(chunks: readonly Uint8Array[]) {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new PooltagError(
      'invalid-json',
      'The body says that it is JSON and cannot be read as such. Expected is {"text": "..."}; a print-out itself is sent as text/plain.',
      { cause: error },
    );
  }
  const { text, file, every } = readRequest(
    leaksBodySchema,
    value,
    'invalid-body',
    '{"text": "...", "every": "30m"}',
  );
  const fields = new Map<string, string[]>();
  if (every !== undefined) fields.set('every', [every]);
  return { texts: [{ name: file, chunks: [Buffer.from(text)] }], fields };
}
