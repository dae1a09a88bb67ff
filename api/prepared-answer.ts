/** PreparedAnswer: an answer's bytes, headers and ETag, made once and sent many times. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { chooseEncoding, type Encoding, encodeBody, MIN_COMPRESSED_BYTES } from './content-encoding.ts';

export interface AnswerHead {
  contentType: string;
  cacheControl: string;
  /** Sent with every answer of this kind, already in lower case: `[name, value]`. */
  headers: readonly (readonly [string, string])[];
}

interface Form {
  body: Buffer;
  /** Names and values by turns, as `writeHead` takes them fastest. */
  head: string[];
}

/** A 200 answer. Compressed forms are made when first asked for, and kept. */
export class PreparedAnswer {
  readonly etag: string;
  readonly #head: AnswerHead;
  readonly #plain: Buffer;
  readonly #forms = new Map<Encoding, Form | Promise<Form>>();
  readonly #notModifiedHead: string[];

  constructor(body: Buffer, head: AnswerHead) {
    this.#plain = body;
    this.#head = head;
    // Weak, because the compressed forms share it.
    this.etag = `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    this.#notModifiedHead = this.#headOf([]);
    this.#forms.set('identity', this.#form(body, 'identity'));
  }

  /** About how much memory it takes with its compressed forms, in bytes. */
  get sizeBytes(): number {
    return this.#plain.length * 2 + 2048;
  }

  /** Sends it: 304 where the client has it, without a body for HEAD, compressed where the client takes that. */
  send(request: IncomingMessage, response: ServerResponse): void {
    const known = request.headers['if-none-match'];
    if (known !== undefined && matches(known, this.etag)) {
      response.writeHead(304, this.#notModifiedHead);
      response.end();
      return;
    }
    const encoding =
      this.#plain.length < MIN_COMPRESSED_BYTES
        ? 'identity'
        : chooseEncoding(request.headers['accept-encoding'] as string | undefined);
    const form = this.#forms.get(encoding) ?? this.#compress(encoding as Exclude<Encoding, 'identity'>);
    if (form instanceof Promise) {
      form.then(
        made => write(request, response, made),
        // Without its compressed form the answer is as good, only longer.
        () => write(request, response, this.#forms.get('identity') as Form),
      );
    } else write(request, response, form);
  }

  #compress(encoding: Exclude<Encoding, 'identity'>): Promise<Form> {
    const form = encodeBody(this.#plain, encoding).then(body => {
      const made = this.#form(body, encoding);
      this.#forms.set(encoding, made);
      return made;
    });
    this.#forms.set(encoding, form);
    return form;
  }

  #form(body: Buffer, encoding: Encoding): Form {
    const own = [
      ['content-type', this.#head.contentType],
      ['content-length', String(body.length)],
      ...(encoding === 'identity' ? [] : [['content-encoding', encoding]]),
    ] as [string, string][];
    return { body, head: this.#headOf(own) };
  }

  #headOf(own: readonly [string, string][]): string[] {
    return [
      ...own,
      ['etag', this.etag],
      ['cache-control', this.#head.cacheControl],
      ['vary', 'Accept-Encoding'],
      ...this.#head.headers,
    ].flat() as string[];
  }
}

function write(request: IncomingMessage, response: ServerResponse, form: Form): void {
  response.writeHead(200, form.head);
  response.end(request.method === 'HEAD' ? undefined : form.body);
}

/** Weak comparison, as If-None-Match asks for. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag) return true;
  const opaque = etag.slice(2);
  return ifNoneMatch.split(',').some(part => {
    const given = part.trim();
    return given === '*' || given.replace(/^W\//, '') === opaque;
  });
}
