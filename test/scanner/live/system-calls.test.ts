import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { loadSystemCalls } from '../../../scanner/live/system-calls.ts';
import { LOADER, moduleUrl } from '../../node-arguments.ts';

test('Libraries that are not there, or lack the functions, give a sentence and no calls.', async () => {
  for (const libraries of [
    { ntdll: '/missing/ntdll.dll', psapi: '/missing/psapi.dll' },
    { ntdll: process.execPath, psapi: process.execPath },
  ]) {
    const loaded = await loadSystemCalls(libraries);
    assert.ok('missing' in loaded);
    assert.match(
      loaded.missing,
      /^The functions NtQuerySystemInformation and .* cannot be called \(.+\)\. Run/,
    );
    assert.doesNotMatch(loaded.missing, /\n/);
  }
});

test('Without the optional package koffi a sentence says how to get it, and what does without.', () => {
  const url = moduleUrl('scanner/live/system-calls.ts');
  // A loader that does not find koffi, as after npm ci --omit=optional.
  const hook = `export function resolve(name, context, next) {
    if (name === 'koffi') throw Object.assign(new Error("Cannot find package 'koffi'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;
  const script = `
    import module from 'node:module';
    const hook = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)});
    // Node 26 warns of register; registerHooks came with Node 22.15.
    if (module.registerHooks) module.registerHooks(await import(hook));
    else module.register(hook);
    const { loadSystemCalls } = await import(${JSON.stringify(url)});
    console.log(JSON.stringify(await loadSystemCalls()));`;
  const { stdout, stderr } = spawnSync(process.execPath, [...LOADER, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { missing } = JSON.parse(stdout);
  assert.match(
    missing,
    /^The package koffi, .*\(Cannot find package 'koffi'\)\. Install it .*npm install koffi@\d+\.\d+\.\d+\. Without it, poolmon -n/,
  );
});
