/** The security headers of every answer: made once by helmet, because they never change from one answer to the next. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Names and values, as {@link ServerResponse.setHeader} takes them. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

const setHelmetHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'connect-src': ["'self'"],
      'form-action': ["'self'"],
      'base-uri': ["'none'"],
      'frame-ancestors': ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  // Whether a name is reached by TLS alone is for whoever runs the TLS proxy to say, for all that lives there.
  strictTransportSecurity: false,
});

/** Helmet's headers. */
export const SECURITY_HEADERS: HeaderList = helmetHeaders();

/** Sets the security headers; the same for pages, files and REST. */
export const securityHeaders: RequestHandler = (_request, response, next) => {
  for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
  next();
};

function helmetHeaders(): HeaderList {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  let failure: unknown;
  setHelmetHeaders(request, response, error => {
    failure = error;
  });
  if (failure) throw failure;
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)] as const);
}
