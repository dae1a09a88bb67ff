/** The program's settings: each an environment variable and a command-line option, checked before anything starts. */
import { PooltagError } from './pooltag-error.ts';
import {
  readFolder,
  readHost,
  readKey,
  readNamePrefix,
  readPaths,
  readServerUrl,
  readTrustProxy,
  readWholeNumber,
} from './setting-values.ts';
import { userFolders } from './user-folders.ts';

/** What pino takes, the quietest first. */
const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

export interface Settings {
  /** The address to listen on: a name or an IP address. */
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Folders and files to scan. */
  drivers: string[];
  /** pooltag.txt and localtag.txt files to read. */
  pooltagFiles: string[];
  /** Folders of PDBs and symbol stores, searched after each driver's own folder. */
  symbolFolders: string[];
  /** The folder for what must be kept. */
  dataFolder: string;
  /** The folder for what can be made again; null where nothing is to be kept. */
  cacheFolder: string | null;
  /** Null: the embedded index. */
  meiliUrl: string | null;
  meiliSearchKey: string | null;
  meiliIndexKey: string | null;
  meiliPrefix: string;
  /** Requests per minute and client; 0 means no limit. */
  rateLimit: number;
  /** Null: `info`, or `warn` where a person watches a terminal. */
  logLevel: LogLevel | null;
  /** What Express takes as `trust proxy`: no proxy, how many stand in front, or their addresses. */
  trustProxy: false | number | string[];
}

/** A setting as the command line gives it, before it is checked. */
export type SettingOptions = { [Name in keyof Settings]?: string | string[] };

/** The limit where strangers can connect: far above what a reader does, far below what hurts. */
const PUBLIC_RATE_LIMIT = 600;
/** More per minute is no limit at all. */
const MAX_RATE_LIMIT = 1_000_000;
/** As much of a wrong value as a sentence can hold. */
const MAX_SHOWN_CHARACTERS = 200;

interface SettingRow<Value> {
  /** The environment variable. */
  env: string;
  /** The option, as commander takes it. */
  option: string;
  help: string;
  /** What the variable or option must be, for the sentence that refuses it. */
  expected: string;
  /** Never repeated in a message. */
  isSecret?: true;
  /** Undefined where the text is no such value. */
  read(text: string): Value | undefined;
}
type SettingTable = { [Name in keyof Settings]: SettingRow<Settings[Name]> };

/** Every setting: its variable, its option and what it may be. */
export const SETTINGS: SettingTable = {
  host: {
    env: 'HOST',
    option: '--host <address>',
    help: 'address to listen on (default 127.0.0.1: this computer only)',
    expected: 'an IP address or a host name without a scheme or a port',
    read: readHost,
  },
  port: {
    env: 'PORT',
    option: '--port <number>',
    help: 'port to listen on (default 3000; 0 takes a free one)',
    expected: 'a whole number from 0 to 65535',
    read: text => readWholeNumber(text, 65535),
  },
  drivers: {
    env: 'POOLTAG_DRIVERS',
    option: '--drivers <path...>',
    help: 'folders or files with drivers to scan',
    expected: 'one or more paths',
    read: readPaths,
  },
  pooltagFiles: {
    env: 'POOLTAG_FILES',
    option: '--pooltag <file>',
    help: 'a pooltag.txt or localtag.txt to read; may be repeated',
    expected: 'one or more paths',
    read: readPaths,
  },
  symbolFolders: {
    env: 'POOLTAG_SYMBOLS',
    option: '--symbols <folder>',
    help: 'a folder of PDBs, or a symbol store, that names the call sites; may be repeated',
    expected: 'one or more paths of folders',
    read: readPaths,
  },
  dataFolder: {
    env: 'POOLTAG_DATA',
    option: '--data <folder>',
    help: "folder for what is kept (default: the platform's)",
    expected: 'the path of a folder',
    read: readFolder,
  },
  cacheFolder: {
    env: 'POOLTAG_CACHE',
    option: '--cache <folder>',
    help: "folder for what can be made again, such as scans (default: the platform's)",
    expected: 'the path of a folder',
    read: readFolder,
  },
  meiliUrl: {
    env: 'MEILI_URL',
    option: '--meili-url <url>',
    help: 'keep the index in this Meilisearch server',
    expected: 'an http or https address such as http://127.0.0.1:7700',
    read: readServerUrl,
  },
  meiliSearchKey: {
    env: 'MEILI_SEARCH_KEY',
    option: '--meili-search-key <key>',
    help: 'Meilisearch key that may search',
    expected: 'a key of visible ASCII characters',
    isSecret: true,
    read: readKey,
  },
  meiliIndexKey: {
    env: 'MEILI_INDEX_KEY',
    option: '--meili-index-key <key>',
    help: 'Meilisearch key that may fill the index',
    expected: 'a key of visible ASCII characters',
    isSecret: true,
    read: readKey,
  },
  meiliPrefix: {
    env: 'MEILI_PREFIX',
    option: '--meili-prefix <name>',
    help: "how the names of the program's indexes begin (default pooltag)",
    expected: '1 to 64 of the characters a-z A-Z 0-9 - _',
    read: readNamePrefix,
  },
  rateLimit: {
    env: 'RATE_LIMIT',
    option: '--rate-limit <number>',
    help: `requests per minute and client, 0 for no limit (default 0 on this computer only, else ${PUBLIC_RATE_LIMIT})`,
    expected: `a whole number from 0 to ${MAX_RATE_LIMIT}`,
    read: text => readWholeNumber(text, MAX_RATE_LIMIT),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    option: '--log-level <level>',
    help: `how much to log: ${LOG_LEVELS.join(', ')} (default info, on a terminal warn)`,
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    read: text => LOG_LEVELS.find(level => level === text.toLowerCase()),
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    option: '--trust-proxy <proxies>',
    help: 'how many proxies stand in front, or their addresses (default false: none)',
    expected: 'true, false, a number of proxies up to 16, or a list of addresses such as loopback,10.0.0.0/8',
    read: readTrustProxy,
  },
};

/**
 * The settings from the environment, with options before variables. An empty variable counts as unset.
 * Throws `invalid-setting` with one sentence for the first value that is wrong.
 */
export function readSettings(env: NodeJS.ProcessEnv, options: SettingOptions = {}): Settings {
  const read = <Name extends keyof Settings>(name: Name): Settings[Name] | undefined =>
    readSetting(SETTINGS[name], env, options[name]);
  const host = read('host') ?? '127.0.0.1';
  const trustProxy = read('trustProxy') ?? false;
  const isPublic = !isLoopback(host) || trustProxy !== false;
  return {
    host,
    port: read('port') ?? 3000,
    drivers: read('drivers') ?? [],
    pooltagFiles: read('pooltagFiles') ?? [],
    symbolFolders: read('symbolFolders') ?? [],
    dataFolder: read('dataFolder') ?? userFolders().data,
    cacheFolder: read('cacheFolder') ?? userFolders().cache,
    meiliUrl: read('meiliUrl') ?? null,
    meiliSearchKey: read('meiliSearchKey') ?? null,
    meiliIndexKey: read('meiliIndexKey') ?? null,
    meiliPrefix: read('meiliPrefix') ?? 'pooltag',
    rateLimit: read('rateLimit') ?? (isPublic ? PUBLIC_RATE_LIMIT : 0),
    logLevel: read('logLevel') ?? null,
    trustProxy,
  };
}

function readSetting<Value>(
  row: SettingRow<Value>,
  env: NodeJS.ProcessEnv,
  option: string | string[] | undefined,
): Value | undefined {
  // Paths from the command line come one by one, and may hold what separates them in a variable.
  if (Array.isArray(option)) {
    if (option.every(text => row.read(text) !== undefined)) return option as Value;
    throw wrongValue(row, optionName(row), option.join(' '));
  }
  const text = option ?? (env[row.env] || undefined);
  if (text === undefined) return undefined;
  const value = row.read(text.trim());
  if (value === undefined) throw wrongValue(row, option === undefined ? row.env : optionName(row), text);
  return value;
}

function wrongValue(row: SettingRow<unknown>, where: string, text: string): PooltagError {
  const given = row.isSecret ? 'no such key' : JSON.stringify(text.slice(0, MAX_SHOWN_CHARACTERS));
  return new PooltagError('invalid-setting', `${where} is ${given}, but it must be ${row.expected}.`);
}

function optionName(row: SettingRow<unknown>): string {
  return row.option.split(' ')[0];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
