import assert from 'node:assert/strict';
import test from 'node:test';
import { newCommand, runCommand } from '../../../api/commands/run-command.ts';
import { FAILURES, type FailureCode } from '../../../api/failures.ts';
import { PooltagError } from '../../../api/pooltag-error.ts';
import { SearchUnavailable } from '../../../data/search-index.ts';
import { capturedIo } from './captured-io.ts';

async function endWith(error: unknown) {
  const io = capturedIo();
  const exitCode = await runCommand(newCommand('who', 'Who?', 'pooltag who', io), [], io, async () => {
    throw error;
  });
  return { exitCode, err: io.err() };
}

test('Every failure ends with the exit code of its row and its own sentence.', async () => {
  for (const [code, { exitCode }] of FAILURES) {
    if (code === 'internal-error') continue;
    assert.deepEqual(await endWith(new PooltagError(code as FailureCode, 'What happened.')), {
      exitCode,
      err: 'pooltag: What happened.\n',
    });
  }
  assert.equal((await endWith(new SearchUnavailable('Away.'))).exitCode, 4);
});

test('What nobody foresaw is a fault of ours: 5, and what to send us.', async () => {
  for (const error of [
    new TypeError('x is not a function'),
    'a text',
    undefined,
    new RangeError('\u001b[2J'),
  ]) {
    const { exitCode, err } = await endWith(error);
    assert.equal(exitCode, 5);
    assert.match(
      err,
      /fault of the program[\s\S]*report[\s\S]*pooltag who, pooltag \d+\.\d+\.\d+, Node v\d+/,
    );
    assert.doesNotMatch(err.replaceAll('\n', ''), /\p{Cc}/u);
  }
});

test('A reader that went away is no failure.', async () => {
  assert.deepEqual(await endWith(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })), {
    exitCode: 0,
    err: '',
  });
});
