/** Reads a multipart form as it arrives: files and the field `text` are snapshots, other fields are short. */
import { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { PooltagError } from '../pooltag-error.ts';
import type { UploadBytes, UploadedText } from './upload.ts';

/** A week of quarters of an hour, a file each. */
const MAX_FILES = 1_000;
const MAX_FIELDS = 300;
/** Only the text that was pasted is long; the body as a whole has its bound already. */
const MAX_FIELD_BYTES = 20 * 1024 * 1024;
/** What each part of a form has in front. */
const MAX_HEADER_PAIRS = 20;
/** The field that holds a pasted text. */
const TEXT_FIELD = 'text';
/** Values of other fields: patterns, builds, drivers. */
const MAX_VALUE_CHARACTERS = 5_000;

export interface Form {
  /** In the order of the form; empty ones, which a browser sends for a field without a file, are left out. */
  texts: UploadedText[];
  fields: Map<string, string[]>;
}

/** Throws `invalid-body` for what is no form or has more parts than are taken, and what `bytes` throws. */
export function readForm(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  bytes: UploadBytes,
): Promise<Form> {
  const texts: UploadedText[] = [];
  const fields = new Map<string, string[]>();
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new PooltagError('invalid-body', `The form cannot be read: ${why}.`, { cause }));
    let form: BusboyInstance;
    try {
      form = new Busboy({
        headers: { 'content-type': contentType },
        limits: {
          files: MAX_FILES,
          fields: MAX_FIELDS,
          fieldSize: MAX_FIELD_BYTES,
          headerPairs: MAX_HEADER_PAIRS,
        },
      });
    } catch (error) {
      fail('its Content-Type names no boundary', error);
      return;
    }
    form.on('file', (_field, stream: BusboyFileStream, name: string | undefined) => {
      const text: UploadedText = { name: name || undefined, chunks: [] };
      texts.push(text);
      stream.on('data', (chunk: Buffer) => text.chunks.push(chunk));
      stream.on('error', error => fail('a file in it is cut short', error));
    });
    form.on('field', (name: string | undefined, value: string) => {
      if (name === TEXT_FIELD) texts.push({ name: undefined, chunks: [Buffer.from(value)] });
      else if (name !== undefined && value.length <= MAX_VALUE_CHARACTERS) {
        fields.set(name, [...(fields.get(name) ?? []), value]);
      } else fail('a field in it is longer than is taken');
    });
    form.on('filesLimit', () => fail(`it has more than ${MAX_FILES} files`));
    form.on('fieldsLimit', () => fail(`it has more than ${MAX_FIELDS} fields`));
    form.on('error', error => fail('it is cut short, or its parts are not as a form has them', error));
    form.on('finish', () => {
      resolve({ texts: texts.filter(({ chunks }) => chunks.some(chunk => chunk.length > 0)), fields });
    });
    const counted = Readable.from(countedBytes(body, bytes));
    counted.on('error', error => {
      form.destroy();
      reject(error);
    });
    counted.pipe(form);
  });
}

async function* countedBytes(body: AsyncIterable<Uint8Array>, bytes: UploadBytes) {
  for await (const chunk of body) {
    bytes.take(chunk.length);
    yield chunk;
  }
}
