/** The page that says what is leaking. What it is given is read, answered and forgotten. */
import { type Request, type Response, Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { answerUpload } from '../leaks/answer-upload.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { leakReportPage } from '../leaks/leak-report-page.ts';
import { compareNaturally } from '../leaks/snapshot-files.ts';
import { readUpload, type Upload } from '../leaks/upload.ts';
import { requireOwnOrigin } from '../middleware/own-origin.ts';
import { MAX_TAG_ROWS } from '../page-models/leak-tables.ts';
import { EMPTY_FIELDS, type FormProblem, type LeaksFields, leaksPage } from '../page-models/leaks-form.ts';
import { leaksResultPage } from '../page-models/leaks-page.ts';
import { driversTyped } from '../page-models/machine-form.ts';
import { PooltagError } from '../pooltag-error.ts';
import { problemOfError } from '../problems.ts';
import { pageContext, sendPage } from './pages-request.ts';

/** What stands in an answer is the reader's: no cache keeps it, neither theirs nor one on the way. */
const NOT_KEPT = 'no-store';
/** Longer texts in a field of one line are no value of it. */
const MAX_FIELD_CHARACTERS = 5_000;

/** Faults of what was given: the form comes back with a word on them, and with the text to be mended. */
const TITLES: ReadonlyMap<string, string> = new Map([
  ['nothing-recognised', 'Nothing was recognised'],
  ['invalid-query', 'One field cannot be read'],
  ['invalid-body', 'The form cannot be read'],
  ['body-too-large', 'This is more than 20 MB'],
  ['leaks-busy', 'The server has too much to read'],
]);
const COMMAND = 'pooltag leaks FILE';

/** Routes of the page. */
export function createLeaksPage(catalogue: Catalogue): Router {
  const router = Router();
  const guides = new Map(catalogue.knowledge.guides.map(({ id, title }) => [id, title]));

  router.get('/leaks', (request, response) => {
    sendPage(response, 'leaks', leaksPage(pageContext(request), EMPTY_FIELDS, null));
  });

  router.post('/leaks', async (request, response) => {
    requireOwnOrigin(request);
    let fields = EMPTY_FIELDS;
    try {
      const upload = await readUpload(request);
      fields = fieldsOf(upload);
      const texts = textsOf(upload, fields);
      const files = texts.flatMap(({ name }) => name ?? []);
      const answer = await answerUpload({ ...upload, texts }, queryOf(fields), catalogue);
      if (upload.fields.get('as')?.includes('report')) return sendReport(response, answer);
      const model = leaksResultPage(pageContext(request), answer, { guides, fields, files });
      sendPage(response, 'leaks-result', model, 200, NOT_KEPT);
    } catch (error) {
      sendFormAgain(request, response, fields, error);
    }
  });
  return router;
}

/** The answer as a file to attach to a ticket. */
function sendReport(response: Response, answer: LeakAnswer): void {
  const madeAtMs = Date.now();
  const name = `pooltag-leaks-${new Date(madeAtMs).toISOString().slice(0, 16).replace(':', '')}.html`;
  response
    .set('Cache-Control', NOT_KEPT)
    .attachment(name)
    .type('html')
    .send(leakReportPage(answer, { madeAtMs }));
}

function sendFormAgain(request: Request, response: Response, fields: LeaksFields, error: unknown): void {
  const title = error instanceof PooltagError ? TITLES.get(error.code) : undefined;
  if (title === undefined) throw error;
  const { detail, status } = problemOfError(error);
  const problem: FormProblem = { title, detail, command: status === 413 ? COMMAND : null };
  sendPage(response, 'leaks', leaksPage(pageContext(request), fields, problem), status, NOT_KEPT);
}

/** What stood in the form. */
function fieldsOf({ texts, fields }: Upload): LeaksFields {
  const pasted = texts.filter(({ name }) => name === undefined).flatMap(({ chunks }) => chunks);
  const given = { ...EMPTY_FIELDS, text: Buffer.concat(pasted).toString('utf8') };
  for (const name of Object.keys(EMPTY_FIELDS) as (keyof LeaksFields)[]) {
    const value = name === 'text' ? undefined : fields.get(name)?.at(-1);
    if (value !== undefined) given[name] = value.slice(0, MAX_FIELD_CHARACTERS);
  }
  return given;
}

/**
 * The texts in the order of their names, which is all that tells where they have no time, with the times at which the
 * files were written: the script of the page sends them, unless the reader says how far apart the snapshots are.
 */
function textsOf({ texts, fields }: Upload, { every }: LeaksFields): Upload['texts'] {
  const times = new Map(every.trim() === '' ? (fields.get('modified') ?? []).map(writtenAt) : []);
  return texts
    .map(text => {
      const fileTimeMs = times.get(text.name);
      return fileTimeMs === undefined ? text : { ...text, fileTimeMs };
    })
    .sort((a, b) => compareNaturally(a.name ?? '', b.name ?? ''));
}

/** `1796000000000 pool.log`: milliseconds since 1970, and the name of the file. */
function writtenAt(field: string): [name: string | undefined, ms: number | undefined] {
  const [, ms, name] = /^(\d{1,15}) (.+)$/s.exec(field) ?? [];
  return [name, ms === undefined ? undefined : Number(ms)];
}

/** As the address of a request to REST says it. The fields are for people: blanks do not count, commas separate. */
function queryOf({ windows, driver, include, exclude, every, pool, sort }: LeaksFields) {
  return {
    every: every.trim(),
    pool,
    sort,
    windows: windows.trim() === '' ? undefined : windows.trim(),
    driver: driversTyped(driver),
    include: patternsTyped(include),
    exclude: patternsTyped(exclude),
    top: MAX_TAG_ROWS,
  };
}

/** `Ntf*, Irp?` */
function patternsTyped(text: string): string[] {
  return text
    .split(',')
    .map(pattern => pattern.trim())
    .filter(pattern => pattern !== '');
}
