import assert from 'node:assert/strict';
import test from 'node:test';
import { ScreenPainter } from '../../../api/watch/screen-painter.ts';
import { FakeTerminal } from './watch-fakes.ts';

test('Only lines that changed are sent again, and a shorter picture leaves nothing behind.', () => {
  const terminal = new FakeTerminal();
  const painter = new ScreenPainter(terminal.write);
  painter.open();
  painter.draw(['one', 'two', 'three']);
  terminal.written = '';
  painter.draw(['one', 'TWO', 'three']);
  assert.doesNotMatch(terminal.written, /one|three/);
  assert.equal(terminal.screen, 'one\nTWO\nthree');
  terminal.written = '';
  painter.draw(['one', 'TWO', 'three']);
  assert.equal(terminal.written, '');
  painter.draw(['four']);
  assert.equal(terminal.screen, 'four');
  painter.forget();
  painter.draw(['four']);
  assert.match(terminal.written, /2J.*four/s);
  painter.close();
  painter.close();
  assert.ok(!terminal.isOther);
});

test('While the terminal has not taken a picture only the newest waits.', () => {
  const sent: string[] = [];
  let done = () => {};
  const painter = new ScreenPainter((text, callback) => {
    sent.push(text);
    done = callback;
  });
  painter.open();
  for (let i = 0; i < 1000; i++) painter.draw([`picture ${i}`]);
  assert.equal(sent.length, 1, 'the change of the screen is on its way');
  done();
  assert.equal(sent.length, 2);
  assert.match(sent[1], /picture 999/);
  done();
  assert.equal(sent.length, 2);
});

test('Nothing is drawn before the screen is open and after it is closed.', () => {
  const terminal = new FakeTerminal();
  const painter = new ScreenPainter(terminal.write);
  painter.draw(['early']);
  assert.equal(terminal.written, '');
  painter.open();
  painter.close();
  terminal.written = '';
  painter.draw(['late']);
  assert.equal(terminal.written, '');
});
