/** Turns whatever goes wrong between us and a Meilisearch server into SearchUnavailable with a sentence and the cause. */
import { SearchUnavailable } from './search-index.ts';

/** Runs a request; `server` is its address for people, `index` the name of the index it is about. */
export async function orUnavailable<Answer>(
  server: string,
  index: string,
  request: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof SearchUnavailable) throw error;
    throw new SearchUnavailable(messageFor(error, server, index), { cause: error });
  }
}

/** Whether the server answered that it has no such index. */
export function isIndexMissing(error: unknown): boolean {
  return errorCode(error) === 'index_not_found';
}

/** The code that the server gave, searched along the causes: `index_not_found`, `invalid_api_key`. */
function errorCode(error: unknown): string | undefined {
  // A hand-made chain could be a ring; the client's are two deep.
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth++) {
    if ('code' in error && typeof error.code === 'string' && error.code.includes('_')) return error.code;
    error = 'cause' in error ? error.cause : undefined;
  }
  return undefined;
}

function messageFor(error: unknown, server: string, index: string): string {
  const said = error instanceof Error ? error.message : String(error);
  switch (errorCode(error)) {
    case 'index_not_found':
      return `The Meilisearch server at ${server} has no index "${index}". Fill it with: pooltag index`;
    case 'invalid_api_key':
    case 'missing_authorization_header':
      return `The Meilisearch server at ${server} refuses the key. Check MEILI_SEARCH_KEY and MEILI_INDEX_KEY.`;
    case 'task_not_found':
      return (
        `The Meilisearch server at ${server} hides its tasks from the key. ` +
        'A key that may exchange indexes (MEILI_INDEX_KEY) must be made for all of them: "indexes": ["*"].'
      );
    case undefined:
      return `The Meilisearch server at ${server} does not answer as it should (${said}). Check MEILI_URL and the server.`;
    default:
      return `The Meilisearch server at ${server} could not do what was asked: ${said}`;
  }
}
