import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { PooltagError } from '../../api/pooltag-error.ts';
import { readSettings, SETTINGS, type Settings } from '../../api/settings.ts';

// variable, text, the value it gives, reason
const TAKEN: [string, string, keyof Settings, unknown, string][] = [
  ['HOST', '0.0.0.0', 'host', '0.0.0.0', 'every address of the machine'],
  ['HOST', '[::1]', 'host', '::1', 'brackets belong to addresses with a port'],
  ['HOST', 'pool-server.example', 'host', 'pool-server.example', 'a name'],
  ['HOST', '', 'host', '127.0.0.1', 'empty counts as unset'],
  ['PORT', '0', 'port', 0, 'any free port'],
  ['PORT', ' 8080 ', 'port', 8080, 'a batch file leaves blanks'],
  ['PORT', '65535', 'port', 65535, 'the last one'],
  ['POOLTAG_DRIVERS', ['a', 'b'].join(path.delimiter), 'drivers', ['a', 'b'], 'separated as PATH is'],
  ['POOLTAG_FILES', `x${path.delimiter}`, 'pooltagFiles', ['x'], 'an empty part is none'],
  ['POOLTAG_SYMBOLS', ['a', 'b'].join(path.delimiter), 'symbolFolders', ['a', 'b'], 'several folders'],
  ['POOLTAG_DATA', 'here', 'dataFolder', path.resolve('here'), 'relative to the working folder'],
  ['MEILI_URL', 'http://127.0.0.1:7700/', 'meiliUrl', 'http://127.0.0.1:7700', 'without the closing slash'],
  ['MEILI_URL', 'https://host/search/', 'meiliUrl', 'https://host/search', 'behind a path'],
  ['MEILI_SEARCH_KEY', 'aB3=', 'meiliSearchKey', 'aB3=', 'a key'],
  ['MEILI_PREFIX', 'team-1', 'meiliPrefix', 'team-1', 'letters, digits, dash'],
  ['RATE_LIMIT', '0', 'rateLimit', 0, 'off'],
  ['LOG_LEVEL', 'DEBUG', 'logLevel', 'debug', 'any letter case'],
  ['TRUST_PROXY', 'false', 'trustProxy', false, 'none'],
  ['TRUST_PROXY', '0', 'trustProxy', false, 'none'],
  ['TRUST_PROXY', 'true', 'trustProxy', 1, 'the one in front, never everybody'],
  ['TRUST_PROXY', '2', 'trustProxy', 2, 'two in a row'],
  ['TRUST_PROXY', 'loopback, 10.0.0.0/8', 'trustProxy', ['loopback', '10.0.0.0/8'], 'by address'],
];

// variable, text, reason
const REFUSED: [string, string, string][] = [
  ['HOST', 'http://127.0.0.1', 'a scheme'],
  ['HOST', '127.0.0.1:3000', 'a port'],
  ['HOST', '256.1.1.1', 'a mistyped address is no name'],
  ['HOST', 'a b', 'a blank inside'],
  ['PORT', '65536', 'past the last port'],
  ['PORT', '-1', 'below zero'],
  ['PORT', '3000.5', 'not whole'],
  ['PORT', '0x50', 'not decimal'],
  ['PORT', 'http', 'a name'],
  ['PORT', '99999999999999999999', 'absurd'],
  ['POOLTAG_DRIVERS', path.delimiter, 'no path in it'],
  ['POOLTAG_FILES', 'a\0b', 'no path holds a NUL'],
  ['POOLTAG_SYMBOLS', path.delimiter, 'no path in it'],
  ['MEILI_URL', '127.0.0.1:7700', 'no scheme'],
  ['MEILI_URL', 'ftp://host', 'another scheme'],
  ['MEILI_URL', 'http://user:secret@host', 'a password has its own setting'],
  ['MEILI_PREFIX', '../tags', 'no index name'],
  ['MEILI_PREFIX', 'x'.repeat(65), 'too long'],
  ['RATE_LIMIT', '1e3', 'not plain digits'],
  ['LOG_LEVEL', 'loud', 'no level'],
  ['TRUST_PROXY', '3000', 'a port in the wrong place'],
  ['TRUST_PROXY', '10.0.0.0/33', 'no such network'],
  ['TRUST_PROXY', 'everyone', 'no address'],
];

for (const [variable, text, name, value, reason] of TAKEN) {
  test(`${variable}=${text} is taken: ${reason}.`, () => {
    assert.deepEqual(readSettings({ [variable]: text })[name], value);
  });
}

for (const [variable, text, reason] of REFUSED) {
  test(`${variable}=${JSON.stringify(text)} stops the start: ${reason}.`, () => {
    assert.throws(
      () => readSettings({ [variable]: text }),
      (error: unknown) =>
        error instanceof PooltagError &&
        error.code === 'invalid-setting' &&
        error.message.startsWith(`${variable} is `) &&
        !error.message.includes('\n'),
    );
  });
}

test('Without anything set, the program listens on this computer only and keeps its own index.', () => {
  const settings = readSettings({});
  assert.equal(settings.host, '127.0.0.1');
  assert.equal(settings.port, 3000);
  assert.equal(settings.meiliUrl, null);
  assert.equal(settings.meiliPrefix, 'pooltag');
  assert.equal(settings.rateLimit, 0);
  assert.deepEqual(settings.drivers, []);
  assert.ok(path.isAbsolute(settings.dataFolder) && path.isAbsolute(settings.cacheFolder!));
});

test('Where strangers can connect there is a rate limit unless it is switched off.', () => {
  assert.ok(readSettings({ HOST: '0.0.0.0' }).rateLimit > 0);
  assert.ok(readSettings({ TRUST_PROXY: '1' }).rateLimit > 0);
  assert.equal(readSettings({ HOST: '0.0.0.0', RATE_LIMIT: '0' }).rateLimit, 0);
});

test('An option goes before its variable, and a wrong one is named as the option.', () => {
  assert.equal(readSettings({ PORT: '1' }, { port: '2' }).port, 2);
  assert.throws(() => readSettings({ PORT: '1' }, { port: 'x' }), /^PooltagError: --port is "x"/);
  assert.throws(() => readSettings({}, { port: '' }), /--port is ""/);
});

test('Paths given as options may hold what separates paths in a variable.', () => {
  const odd = `C${path.delimiter}drivers`;
  assert.deepEqual(readSettings({}, { drivers: [odd, 'x'] }).drivers, [odd, 'x']);
});

test('A wrong key is refused without being repeated.', () => {
  assert.throws(
    () => readSettings({ MEILI_INDEX_KEY: 'secret key' }),
    (error: unknown) => error instanceof PooltagError && !error.message.includes('secret'),
  );
});

test('Every setting of the contract has its variable.', () => {
  const variables = Object.values(SETTINGS).map(row => row.env);
  assert.deepEqual(
    variables.sort(),
    (
      'HOST LOG_LEVEL MEILI_INDEX_KEY MEILI_PREFIX MEILI_SEARCH_KEY MEILI_URL POOLTAG_CACHE POOLTAG_DATA ' +
      'POOLTAG_DRIVERS POOLTAG_FILES POOLTAG_SYMBOLS PORT RATE_LIMIT TRUST_PROXY'
    ).split(' '),
  );
});
