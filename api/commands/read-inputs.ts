/** Reads files and standard input piece by piece, whatever their size, with a word on each that cannot be read. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { unreadable } from '../../scanner/files/file-problems.ts';
import { listSnapshotFiles } from '../leaks/snapshot-files.ts';
import { PooltagError } from '../pooltag-error.ts';
import { escapeControls } from '../terminal-text.ts';
import type { CommandIo } from './command-io.ts';
import { scanProgress } from './scan-progress.ts';

/** Standard input, as an argument. */
const STDIN = '-';
/** Large enough that a disk is read at its speed. */
const CHUNK_BYTES = 256 * 1024;
const MEGABYTE = 1024 * 1024;
/** Less is read before anybody looks for a bar. */
const PROGRESS_MEGABYTES = 32;

/** What takes the pieces of one input; `end` is called however it ends. */
export interface InputReader {
  write(chunk: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

type OpenReader = (file: string | undefined, writtenAtMs: number | undefined) => InputReader;

export interface InputsRead {
  inputs: number;
  /** Those that could not be read, or not to their end. */
  failed: number;
}

/**
 * Reads what is named; without a name, what is piped in. `glob` says which files of a folder. Ends early, without an
 * error, on Ctrl-C. Throws `invalid-usage` where nothing is named and nothing is piped in.
 */
export async function readInputs(
  names: readonly string[],
  glob: string | undefined,
  io: CommandIo,
  open: OpenReader,
): Promise<InputsRead> {
  const places = names.length === 0 ? [STDIN] : names;
  if (places.includes(STDIN) && (io.stdin === undefined || (names.length === 0 && io.stdin.isTTY === true))) {
    throw new PooltagError(
      'invalid-usage',
      'No file is named and nothing is piped in. Name the files or folders that hold the print-outs, or pipe one in; --help shows how.',
    );
  }
  const read: InputsRead = { inputs: 0, failed: 0 };
  const parts = groupsOf(places);
  for (const part of parts) {
    if (io.signal.aborted) break;
    if (part === STDIN) await readStdin(io, open, read);
    else await readFiles(part, glob, io, open, read);
  }
  return read;
}

/** Files between two mentions of standard input are listed together, so that none is read twice. */
function groupsOf(places: readonly string[]): (string[] | typeof STDIN)[] {
  const groups: (string[] | typeof STDIN)[] = [];
  for (const place of places) {
    const last = groups.at(-1);
    if (place === STDIN) {
      if (!groups.includes(STDIN)) groups.push(STDIN);
    } else if (Array.isArray(last)) last.push(place);
    else groups.push([place]);
  }
  return groups;
}

async function readStdin(io: CommandIo, open: OpenReader, read: InputsRead): Promise<void> {
  read.inputs++;
  const failure = await passOn(chunksOf(untilAborted(io.stdin!, io.signal)), open(undefined, undefined));
  if (failure === null) return;
  read.failed++;
  io.stderr.write(`pooltag: standard input was not read to its end: ${failure}\n`);
}

async function readFiles(
  places: readonly string[],
  glob: string | undefined,
  io: CommandIo,
  open: OpenReader,
  read: InputsRead,
): Promise<void> {
  const files = await listSnapshotFiles(places, glob);
  if (files.length === 0) {
    const shown = places.map(escapeControls).join(', ');
    io.stderr.write(
      `pooltag: there is no file to read in ${shown}. --glob says which files of a folder are read.\n`,
    );
  }
  const facts = await Promise.all(files.map(({ path }) => stat(path).catch(() => undefined)));
  const progress = await scanProgress(io, 'reading MB');
  const total = facts.reduce((sum, one) => sum + (one?.size ?? 0), 0) / MEGABYTE;
  if (total >= PROGRESS_MEGABYTES) progress.total(Math.ceil(total));
  let [bytes, shownMegabytes] = [0, 0];
  for (const [i, { path, problem }] of files.entries()) {
    if (io.signal.aborted) break;
    read.inputs++;
    // The date of a pipe or a device is no date of what it holds.
    const writtenAtMs = facts[i]?.isFile() === true ? facts[i].mtimeMs : undefined;
    const onChunk = (size: number) => {
      bytes += size;
      for (; shownMegabytes < Math.floor(bytes / MEGABYTE); shownMegabytes++) progress.step(path);
    };
    const stream = () => untilAborted(createReadStream(path, { highWaterMark: CHUNK_BYTES }), io.signal);
    const failure = problem?.message ?? (await passOn(chunksOf(stream()), open(path, writtenAtMs), onChunk));
    if (failure === null) continue;
    read.failed++;
    progress.clear();
    io.stderr.write(`pooltag: ${escapeControls(path)} was not read: ${escapeControls(failure)}\n`);
  }
  progress.stop();
}

/** Gives the pieces to the reader. What the system says where they end too early is given back; null where they do not. */
async function passOn(
  chunks: AsyncIterable<Uint8Array>,
  reader: InputReader,
  onChunk?: (size: number) => void,
): Promise<string | null> {
  let failure: string | null = null;
  try {
    for await (const chunk of chunks) {
      await reader.write(chunk);
      onChunk?.(chunk.length);
    }
  } catch (error) {
    if (!(error instanceof InputFailed)) throw error;
    failure = error.message;
  }
  await reader.end();
  return failure;
}

/** Apart from what the reader of the pieces throws, which is no fault of the input. */
class InputFailed extends Error {}

async function* chunksOf(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw new InputFailed(unreadable(error).message, { cause: error });
  }
}

/** The pieces, until there are no more or the user has enough: a pipe may never end. */
async function* untilAborted<Chunk>(
  chunks: AsyncIterable<Chunk>,
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  const iterator = chunks[Symbol.asyncIterator]();
  while (!signal.aborted) {
    const next = await nextUnlessAborted(iterator, signal);
    if (next.done) return;
    yield next.value;
  }
}

/** Not by a race with one promise that lives as long as the signal: it would keep every piece that it lost to. */
function nextUnlessAborted<Chunk>(
  iterator: AsyncIterator<Chunk>,
  signal: AbortSignal,
): Promise<IteratorResult<Chunk, void>> {
  return new Promise((resolve, reject) => {
    const end = () => resolve({ done: true, value: undefined });
    signal.addEventListener('abort', end, { once: true });
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', end));
  });
}
