/** Handlers whose modules are loaded with the first request that needs them, so that a start does not wait for them. */
import type { RequestHandler } from 'express';

export interface LazyHandler extends RequestHandler {
  /** Loads it now, so that no request has to wait. */
  load(): Promise<void>;
}

/** A handler that `make` makes once. Requests that come before it is there wait for it. */
export function lazyHandler(make: () => Promise<RequestHandler>): LazyHandler {
  let handler: RequestHandler | undefined;
  let loading: Promise<void> | undefined;
  const load = () => {
    loading ??= make().then(made => {
      handler = made;
    });
    return loading;
  };
  const handle: RequestHandler = async (request, response, next) => {
    if (handler === undefined) await load();
    await handler!(request, response, next);
  };
  return Object.assign(handle, { load });
}
