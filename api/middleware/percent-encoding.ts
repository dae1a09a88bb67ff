/** Makes every percent-encoded path readable: tags are bytes, and not every four bytes are UTF-8. */
import type { RequestHandler } from 'express';
import { PooltagError } from '../pooltag-error.ts';

/**
 * Reads a path whose escapes are no UTF-8 byte for byte (`%E9` is the byte 0xE9), and refuses one with a `%` that two
 * hex digits do not follow.
 */
export const readPercentEncoding: RequestHandler = (request, _response, next) => {
  const { url } = request;
  if (!url.includes('%')) {
    next();
    return;
  }
  const pathEnd = url.indexOf('?') === -1 ? url.length : url.indexOf('?');
  const path = url.slice(0, pathEnd);
  if (/%(?![0-9a-f]{2})/i.test(path)) {
    next(
      new PooltagError(
        'malformed-url',
        'A % in the address is not followed by two hex digits. Write it as %25.',
      ),
    );
    return;
  }
  try {
    decodeURIComponent(path);
  } catch {
    const readable = path.replace(/%[89a-f][0-9a-f]/gi, escaped =>
      encodeURIComponent(String.fromCharCode(Number.parseInt(escaped.slice(1), 16))),
    );
    request.url = readable + url.slice(pathEnd);
  }
  next();
};
