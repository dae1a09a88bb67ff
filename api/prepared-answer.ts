/** PreparedAnswer: an answer's bytes, headers and ETag, made once and sent many times. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { acceptsGzip, compress, MIN_COMPRESSED_BYTES } from './content-encoding.ts';

/** What all answers of a kind have in common. */
export interface AnswerHead {
  contentType: string;
  cacheControl: string;
  /** Further headers. */
  headers: readonly (readonly [name: string, value: string])[];
}

interface Form {
  body: Buffer;
  /** Names and values by turns: the form that `writeHead` takes fastest. */
  head: string[];
}

/** A 200 answer. Its compressed form is made when it is first asked for, and kept. */
export class PreparedAnswer {
  readonly #head: AnswerHead;
  /** Weak, because the compressed form shares it. */
  readonly #etag: string;
  readonly #plain: Form;
  readonly #notModifiedHead: string[];
  #gzipped: Form | Promise<Form> | undefined;

  constructor(body: Buffer, head: AnswerHead) {
    this.#head = head;
    this.#etag = `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    this.#notModifiedHead = this.#headOf([]);
    this.#plain = this.#formOf(body, []);
  }

  /** About how much memory it takes with its compressed form, in bytes. */
  get sizeBytes(): number {
    return Math.ceil(this.#plain.body.length * 1.5) + 2048;
  }

  /** Sends it: 304 where the client has it, without a body for HEAD, compressed where the client takes that. */
  send(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    const known = headers['if-none-match'];
    if (known !== undefined && matches(known, this.#etag)) {
      response.writeHead(304, this.#notModifiedHead);
      response.end();
      return;
    }
    const isWorthIt = this.#plain.body.length >= MIN_COMPRESSED_BYTES;
    if (!isWorthIt || !acceptsGzip(headers['accept-encoding'] as string | undefined)) {
      write(request, response, this.#plain);
      return;
    }
    this.#gzipped ??= this.#compressed();
    if (!(this.#gzipped instanceof Promise)) {
      write(request, response, this.#gzipped);
      return;
    }
    this.#gzipped.then(
      form => write(request, response, form),
      // The plain form is as good, only longer.
      () => write(request, response, this.#plain),
    );
  }

  #compressed(): Form | Promise<Form> {
    const formOf = (body: Buffer) => this.#formOf(body, [['content-encoding', 'gzip']]);
    const made = compress(this.#plain.body);
    if (!(made instanceof Promise)) return formOf(made);
    return made.then(body => {
      this.#gzipped = formOf(body);
      return this.#gzipped;
    });
  }

  #formOf(body: Buffer, encoding: [string, string][]): Form {
    const head = this.#headOf([
      ['content-type', this.#head.contentType],
      ['content-length', String(body.length)],
      ...encoding,
    ]);
    return { body, head };
  }

  #headOf(own: readonly (readonly [string, string])[]): string[] {
    return [
      ...own,
      ['etag', this.#etag],
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
  return ifNoneMatch.split(',').some(part => {
    const given = part.trim();
    return given === '*' || given.replace(/^W\//, '') === etag.slice(2);
  });
}
