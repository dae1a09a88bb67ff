/** Every way to fail, in one table: error code -> HTTP status, exit code, title and explanation. */
import type { RefusalReason } from '../data/facts.ts';

/** What a failure means to a browser, to a shell and to a reader. */
export interface Failure {
  /** The HTTP status; null for what only a command or a scan meets. */
  status: number | null;
  /** The exit code of a command, as CONTRACTS of the command line fix them. */
  exitCode: 0 | 1 | 2 | 3 | 4 | 5 | 130;
  title: string;
  /** What happened and what to do, in full sentences. */
  explanation: string;
}

/** Usage: the input itself is wrong. */
const USAGE = 2;
/** Some input was refused or could not be read. */
const REFUSED = 3;

const REFUSALS: Record<RefusalReason['code'], Failure> = {
  'not-a-pe': refusal(
    'Not a Windows image',
    'The file does not begin as a Windows program or driver does. Choose .sys files.',
  ),
  truncated: refusal(
    'The image is cut short',
    'The file ends before its own headers say it does. Copy it again from its source.',
  ),
  empty: refusal(
    'The file is empty',
    'The file has no bytes at all. It may be a placeholder, or still be copied.',
  ),
  'too-large': refusal(
    'The file is too large',
    'No driver is that large, so the file was not read into memory. Check that it is a driver.',
  ),
  'not-a-file': refusal(
    'Not a file',
    'The path names a folder, a device or something else that holds no image. Name a file, or the folder alone to search it.',
  ),
  unreadable: refusal(
    'The file cannot be read',
    'The system refused to open or read it. Check the path and the rights; some drivers need an elevated prompt.',
  ),
  'unsupported-arch': refusal(
    'A processor that is not supported',
    'The scanner reads images for x86, x64 and ARM64. This one is made for another processor.',
  ),
  'managed-image': refusal(
    'A .NET image',
    'The image holds .NET code, which never calls the kernel pool. It is not a driver.',
  ),
  'bad-headers': refusal(
    'Headers that contradict themselves',
    'The image says things about itself that cannot all be true, so Windows would not load it either.',
  ),
  'scan-failed': refusal(
    'The scan of this file failed',
    'Something in the image was not foreseen. The other files were scanned. Please send us the file name, its SHA-256 and the message.',
  ),
};

const FAILURES_BY_CODE = {
  'invalid-tag': {
    status: 400,
    exitCode: USAGE,
    title: 'Not a pool tag',
    explanation:
      "A pool tag is one to four characters (Thre), a source literal ('erhT'), a ULONG (0x65726854) or eight hex digits. To look for several tags at once with a pattern such as Nt??, use the search.",
  },
  'invalid-name': {
    status: 400,
    exitCode: USAGE,
    title: 'No name to make a tag from',
    explanation:
      'Proposals for a pool tag are made from the letters and digits of a name, and this one has none. Give the name of the driver or the product, for example "Contoso Filter".',
  },
  'unknown-tag': {
    status: 404,
    exitCode: 1,
    title: 'Unknown pool tag',
    explanation:
      'The tag is well formed, but no list names it and no scanned driver uses it for pool memory. The answer suggests tags that are spelled alike and says how to find the owner on the machine itself.',
  },
  'unknown-driver': {
    status: 404,
    exitCode: 1,
    title: 'Unknown driver',
    explanation:
      'No scanned driver has this SHA-256. Drivers are known to the program only while it runs over them: start it with their folder.',
  },
  'tag-not-in-driver': {
    status: 404,
    exitCode: 1,
    title: 'Not a tag of this driver',
    explanation:
      'The driver was scanned, and no use of this tag was seen in it. The page of the driver lists the tags that it uses.',
  },
  'driver-file-gone': {
    status: 404,
    exitCode: REFUSED,
    title: 'The driver file is gone',
    explanation:
      'An explanation reads the file of the driver again, and it is no longer where it was scanned, or another version is there now. Start Pooltag again with the folder that holds the file.',
  },
  'explanation-failed': {
    status: 422,
    exitCode: REFUSED,
    title: 'The file could not be analysed again',
    explanation:
      'Reading the code of the driver once more took longer or needed more memory than one file may. What the scan found of it stands.',
  },
  'explanations-busy': {
    status: 503,
    exitCode: 4,
    title: 'Too many explanations at once',
    explanation:
      'The server works out one explanation after the other, and too many are waiting. Ask again in a few seconds.',
  },
  'nothing-recognised': {
    status: 400,
    exitCode: 1,
    title: 'No snapshot was recognised',
    explanation:
      'What was given is no print-out of a tool that shows pool memory: PoolMon, MemSnap, the debugger, Driver Verifier, Performance Monitor, Event 2004 or pooltag watch. Give their text as it stands, with the line of titles.',
  },
  'leaks-busy': {
    status: 503,
    exitCode: 4,
    title: 'Too many snapshots at once',
    explanation:
      'The server reads the snapshots of a few clients at a time, and as many are being read. Ask again in a few seconds.',
  },
  'foreign-origin': {
    status: 403,
    exitCode: USAGE,
    title: 'A request of another site',
    explanation:
      'A page of another site sent this request with a browser. Pages of other sites may read what is public (GET), and send nothing.',
  },
  'unknown-route': {
    status: 404,
    exitCode: USAGE,
    title: 'Nothing at this address',
    explanation:
      'The server has nothing at this address. The REST interface is described at /api/v1/openapi.json.',
  },
  'unknown-problem': {
    status: 404,
    exitCode: USAGE,
    title: 'No such problem code',
    explanation: 'The address names an error code that the program does not have.',
  },
  'method-not-allowed': {
    status: 405,
    exitCode: USAGE,
    title: 'Method not allowed',
    explanation: 'The address exists, but not for this method. The Allow header names those it has.',
  },
  'invalid-query': {
    status: 400,
    exitCode: USAGE,
    title: 'A wrong query parameter',
    explanation:
      'A parameter is not what it must be: for example a page below 1, more than 100 hits to a page, an unknown processor, or a parameter given twice.',
  },
  'invalid-json': {
    status: 400,
    exitCode: USAGE,
    title: 'The body is not JSON',
    explanation: 'The body of the request could not be read as JSON (UTF-8).',
  },
  'invalid-body': {
    status: 400,
    exitCode: USAGE,
    title: 'A body of the wrong shape',
    explanation:
      'The body is JSON, but not of the shape that this address takes. The detail names the first place that is wrong.',
  },
  'malformed-url': {
    status: 400,
    exitCode: USAGE,
    title: 'A malformed address',
    explanation: 'A percent sign in the address is not followed by two hex digits. Write it as %25.',
  },
  'body-too-large': {
    status: 413,
    exitCode: USAGE,
    title: 'The body is too large',
    explanation: 'The body of the request is larger than this address takes. Send it in several requests.',
  },
  'unsupported-media-type': {
    status: 415,
    exitCode: USAGE,
    title: 'Not a media type that is taken here',
    explanation: 'Send the body as application/json in UTF-8, with that Content-Type.',
  },
  'too-many-requests': {
    status: 429,
    exitCode: 4,
    title: 'Too many requests',
    explanation:
      'This address sent more requests in a minute than the server takes from one client. Wait as long as Retry-After says, or look up many tags in one request with POST /api/v1/lookup.',
  },
  'internal-error': {
    status: 500,
    exitCode: 5,
    title: 'A fault of ours',
    explanation:
      'Something went wrong that should not. Please report it with what was asked, the version, and the message the program printed.',
  },
  'index-unavailable': {
    status: 503,
    exitCode: 4,
    title: 'The index does not answer',
    explanation:
      'The search index, or the Meilisearch server that keeps it, cannot answer now. Check that it runs and that MEILI_URL and its key are right, then try again.',
  },
  'knowledge-broken': {
    status: 500,
    exitCode: 5,
    title: 'The bundled knowledge is damaged',
    explanation: 'A file that ships with the program cannot be used. Install it again.',
  },
  'invalid-setting': {
    status: null,
    exitCode: USAGE,
    title: 'A wrong setting',
    explanation:
      'An environment variable or an option has a value that it cannot have, so nothing was started.',
  },
  'invalid-usage': {
    status: null,
    exitCode: USAGE,
    title: 'A wrong command line',
    explanation:
      'An option is unknown, an argument is missing, or two of them exclude each other. See --help.',
  },
  'address-in-use': {
    status: null,
    exitCode: USAGE,
    title: 'The port is taken',
    explanation:
      'Another program listens on this address and port. Choose another with --port, or 0 for any.',
  },
  'address-unusable': {
    status: null,
    exitCode: USAGE,
    title: 'The address cannot be used',
    explanation:
      'This machine cannot listen on the address and port: it is not one of its own, or the port needs more rights.',
  },
  'pooltag-file-unreadable': {
    status: null,
    exitCode: REFUSED,
    title: 'A tag list cannot be read',
    explanation: 'A pooltag.txt or localtag.txt that was named cannot be opened or read.',
  },
  'output-failed': {
    status: null,
    exitCode: REFUSED,
    title: 'The output cannot be written',
    explanation: 'The file named with --out cannot be written. What stood there before is unchanged.',
  },
  'pools-unreadable': {
    status: null,
    exitCode: 4,
    title: 'The pools of this computer cannot be read',
    explanation:
      'Watching asks Windows itself what its pool tags hold, and there is no Windows here, or it did not answer. Elsewhere, read with pooltag leaks what PoolMon or a debugger printed.',
  },
  stopped: {
    status: null,
    exitCode: 130,
    title: 'Stopped',
    explanation: 'The command was stopped with Ctrl-C or by the system. What was found so far was written.',
  },
  ...REFUSALS,
} satisfies Record<string, Failure>;

/** A stable name of a failure: part of an address (`/problems/{code}`) and of every JSON problem. */
export type FailureCode = keyof typeof FAILURES_BY_CODE;

/** The table, by code. */
export const FAILURES: ReadonlyMap<string, Failure> = new Map(Object.entries(FAILURES_BY_CODE));

/** The row of a code. */
export function failureOf(code: FailureCode): Failure {
  return FAILURES_BY_CODE[code];
}

/** Whether a text is one of the codes. */
export function isFailureCode(text: unknown): text is FailureCode {
  return typeof text === 'string' && FAILURES.has(text);
}

function refusal(title: string, explanation: string): Failure {
  return { status: null, exitCode: REFUSED, title, explanation };
}
