/** Compresses what a route is about to send, where the client takes that: for answers that are made once and not kept. */
import compression from 'compression';
import type { Request, Response } from 'express';

const compress = compression();

/** Resolves when the response is ready to be written to; what is already encoded or too short stays as it is. */
export function compressResponse(request: Request, response: Response): Promise<void> {
  return new Promise(resolve => compress(request, response, () => resolve()));
}
