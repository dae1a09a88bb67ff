import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import type { ReadStream, WriteStream } from 'node:tty';
import { LEAVE_SCREEN } from '../../../api/watch/screen-painter.ts';
import { processTerminal } from '../../../api/watch/watch-terminal.ts';
import { LOADER, moduleUrl } from '../../node-arguments.ts';

/** A keyboard that notes whether it is in raw mode. */
function keyboard() {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode(isRaw: boolean) {
      raw.push(isRaw);
      return this;
    },
  });
  return { raw, stdin: stdin as unknown as ReadStream & PassThrough };
}

test('What a terminal sends becomes keys by name, until the listener is taken away.', async () => {
  const { stdin, raw } = keyboard();
  const terminal = processTerminal(stdin, new PassThrough() as unknown as WriteStream);
  const keys: string[] = [];
  const undo = terminal.onKey(key => void keys.push(key));
  assert.deepEqual(raw, [true]);
  for (const sent of [
    'p',
    'P',
    '?',
    '(',
    '\u001b[A',
    '\u001b[B',
    '\u001b[5~',
    '\u001b[6~',
    '\u001b[H',
    '\u0003',
    '\f',
  ]) {
    stdin.write(sent);
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.deepEqual(keys, [
    'p',
    'P',
    '?',
    '(',
    'up',
    'down',
    'pageup',
    'pagedown',
    'home',
    'ctrl-c',
    'ctrl-l',
  ]);
  // A lone Esc is known as such a moment later, when nothing has followed.
  stdin.write('\u001b');
  while (keys.length < 12) await new Promise(resolve => setImmediate(resolve));
  assert.equal(keys[11], 'escape');
  undo();
  assert.deepEqual(raw, [true, false]);
  assert.equal(stdin.isPaused(), true);
  stdin.emit('keypress', 'q', { name: 'q' });
  assert.equal(keys.length, 12);
});

test('A window that does not tell its size is taken for the usual one, and a change of size is heard.', () => {
  const stdout = Object.assign(new PassThrough(), { columns: 0, rows: 0 });
  const terminal = processTerminal(keyboard().stdin, stdout as unknown as WriteStream);
  assert.deepEqual([terminal.columns(), terminal.rows()], [80, 24]);
  let changes = 0;
  const undo = terminal.onResize(() => changes++);
  Object.assign(stdout, { columns: 132, rows: 43 });
  stdout.emit('resize');
  assert.deepEqual([terminal.columns(), terminal.rows(), changes], [132, 43, 1]);
  undo();
  stdout.emit('resize');
  assert.equal(changes, 1);
});

// how the process ends, what it writes afterwards
const ENDS: [string, string][] = [
  ['process.exit(7)', ''],
  ['setImmediate(() => { throw new Error("a fault") })', 'a fault'],
  ['Promise.reject(new Error("a fault"))', 'a fault'],
  ['undo(); console.log("put back already")', 'put back already'],
];
for (const [end, after] of ENDS) {
  test(`The window is put back by ${end}, before anything else is said.`, () => {
    const url = moduleUrl('api/watch/watch-terminal.ts');
    const script = `
      const { processTerminal } = await import(${JSON.stringify(url)});
      // As the program does it.
      for (const fault of ['uncaughtException', 'unhandledRejection'])
        process.on(fault, error => process.stdout.write(error.message, () => process.exit(5)));
      const undo = processTerminal({ isTTY: true, setRawMode() {} }, process.stdout).guard();
      process.stdout.write('picture');
      ${end};`;
    const { stdout } = spawnSync(process.execPath, [...LOADER, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const expected = end.startsWith('undo') ? `picture${after}` : `picture${LEAVE_SCREEN}${after}`;
    // At the exit of the process it is put back once more, which does no harm.
    assert.equal(stdout.trimEnd().replace(new RegExp(`(?<=fault)${escaped(LEAVE_SCREEN)}$`), ''), expected);
  });
}

function escaped(text: string): string {
  return text.replace(/[[\]?]/g, '\\$&');
}
