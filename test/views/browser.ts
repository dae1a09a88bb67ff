/** Finds a browser for the page tests: one that is installed, else the one that npm brought. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/**
 * Starts a headless browser. `CHROME_PATH` names one; otherwise an installed Chrome, Edge or Chromium is taken,
 * otherwise `@sparticuz/chromium`. `POOLTAG_TEST_BROWSER=npm` takes the last one in any case.
 */
export async function launchBrowser(): Promise<Browser> {
  const { executablePath, env } = findBrowser();
  return chromium.launch({
    executablePath,
    env: { ...process.env, ...env } as Record<string, string>,
    // Our own flags: the npm package's would switch web security off, and with it what is tested here.
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

interface FoundBrowser {
  executablePath: string;
  env: Record<string, string>;
}

function findBrowser(): FoundBrowser {
  const wanted = process.env.POOLTAG_TEST_BROWSER;
  if (wanted !== undefined && wanted !== 'npm') {
    throw new Error(`POOLTAG_TEST_BROWSER is "${wanted}"; the only value it takes is "npm".`);
  }
  if (wanted === undefined) {
    const installed = [process.env.CHROME_PATH, ...usualPlaces()].find(place => place && existsSync(place));
    if (installed) return { executablePath: installed, env: {} };
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      'No Chrome, Edge or Chromium was found, and the browser that npm brings is for Linux x64 only. ' +
        'Install one, or set CHROME_PATH to its executable.',
    );
  }
  return npmBrowser();
}

function usualPlaces(): string[] {
  if (process.platform === 'win32') {
    const roots = [process.env.ProgramFiles, process.env['ProgramFiles(x86)'], process.env.LOCALAPPDATA];
    const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'];
    return roots.flatMap(root => (root ? programs.map(program => path.join(root, program)) : []));
  }
  if (process.platform === 'darwin') {
    return ['Google Chrome', 'Microsoft Edge', 'Chromium'].map(
      name => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  }
  return [
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/usr/bin/microsoft-edge',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/snap/bin/chromium',
  ];
}

/** Unpacks the npm browser once per version into the temporary folder. */
function npmBrowser(): FoundBrowser {
  const { version } = createRequire(import.meta.url)(packageJsonOf('@sparticuz/chromium'));
  const home = path.join(tmpdir(), `pooltag-test-chromium-${version}`);
  if (!existsSync(home)) {
    const staging = mkdtempSync(`${home}.`);
    unpackInto(staging);
    // A rename shows the finished folder or none, also to a test file that unpacks at the same moment.
    try {
      renameSync(staging, home);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(home)) throw error;
    }
  }
  const env: Record<string, string> = { FONTCONFIG_FILE: writeFontConfig(home) };
  if (!hostHasNss()) {
    env.LD_LIBRARY_PATH = [path.join(home, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH]
      .filter(Boolean)
      .join(':');
  }
  return { executablePath: path.join(home, 'chromium'), env };
}

function packageJsonOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const marker = path.join('node_modules', ...name.split('/'));
  return path.join(entry.slice(0, entry.lastIndexOf(marker) + marker.length), 'package.json');
}

function unpackInto(folder: string): void {
  // A process of its own: the package unpacks its libraries only where these variables say "AWS", and it
  // changes the environment of whoever loads it.
  const run = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      "const { default: chromium } = await import('@sparticuz/chromium'); await chromium.executablePath();",
    ],
    {
      cwd: import.meta.dirname,
      env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x', NODE_OPTIONS: '' },
      encoding: 'utf8',
    },
  );
  if (run.status !== 0) throw new Error(`@sparticuz/chromium did not unpack: ${run.stderr}`);
}

/** The package's own fonts.conf names `/tmp/fonts` only, and a browser without any font crashes. */
function writeFontConfig(home: string): string {
  const file = path.join(home, 'fonts.conf');
  mkdirSync(path.join(home, 'font-cache'), { recursive: true });
  const dirs = [path.join(home, 'fonts'), '/usr/share/fonts', '/usr/local/share/fonts'];
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>${dirs
      .map(dir => `<dir>${dir}</dir>`)
      .join('')}<cachedir>${path.join(home, 'font-cache')}</cachedir></fontconfig>`,
  );
  return file;
}

function hostHasNss(): boolean {
  const run = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  return /libnss3\.so/.test(run.stdout ?? '') && /libnspr4\.so/.test(run.stdout ?? '');
}
