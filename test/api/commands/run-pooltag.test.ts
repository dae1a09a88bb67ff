import assert from 'node:assert/strict';
import test from 'node:test';
import { runPooltag } from '../../../api/commands/run-pooltag.ts';
import { programVersion } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

// arguments, exit code, what stdout holds, what stderr holds, reason
const CALLS: [string[], number, RegExp, RegExp, string][] = [
  [['--version'], 0, new RegExp(`^${programVersion()}\n$`), /^$/, 'the version is a result'],
  [['--help'], 0, /Usage: pooltag[\s\S]*who[\s\S]*Examples:/, /^$/, 'asked for help is a result'],
  [[], 2, /^$/, /Usage: pooltag/, 'no command is a missing argument'],
  [['help'], 0, /Usage: pooltag/, /^$/, 'help is a command too'],
  [['help', 'who'], 0, /Usage: pooltag who/, /^$/, 'help for one command'],
  [['whoo', 'Thre'], 2, /^$/, /unknown command 'whoo'[\s\S]*Did you mean who/, 'a suggestion'],
  [['help', 'whoo'], 2, /^$/, /whoo/, 'help for no command'],
  [['--bogus'], 2, /^$/, /unknown option '--bogus'/, 'an unknown option'],
  [['\u001b[2J'], 2, /^$/, /unknown command '\\x1B\[2J'/, 'what was typed is repeated harmlessly'],
  [['constructor'], 2, /^$/, /unknown command/, 'no property of an object is a command'],
];
for (const [argv, exitCode, out, err, reason] of CALLS) {
  test(`pooltag ${JSON.stringify(argv.join(' '))} ends with ${exitCode}: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await runPooltag(argv, io), exitCode);
    assert.match(io.out(), out);
    assert.match(io.err(), err);
  });
}

const COMMANDS = ['who', 'scan', 'search', 'leaks', 'annotate', 'suggest', 'index', 'serve'];
for (const command of COMMANDS) {
  test(`pooltag ${command} --help shows examples, and an unknown option ends with 2 and a suggestion.`, async () => {
    const help = capturedIo();
    assert.equal(await runPooltag([command, '--help'], help), 0);
    assert.match(
      help.out(),
      new RegExp(`Usage: pooltag ${command}[\\s\\S]*Examples:\\n +pooltag ${command}`),
    );
    const wrong = capturedIo();
    assert.equal(await runPooltag([command, '--no-color-at-all', '--no-colou'], wrong), 2);
    assert.equal(wrong.out(), '');
    assert.match(wrong.err(), /unknown option/);
  });
}

test('A mistyped option is met with the one that is meant.', async () => {
  const io = capturedIo();
  assert.equal(await runPooltag(['who', 'Thre', '--frmat', 'json'], io), 2);
  assert.match(io.err(), /unknown option '--frmat'[\s\S]*Did you mean --format/);
});
