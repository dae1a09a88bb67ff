/** Reads the values of settings from text; what is not such a value gives undefined. */
import { isIP } from 'node:net';
import path from 'node:path';

/** Meilisearch allows 400 bytes in an index name; ours add a stamp. */
const MAX_PREFIX_LENGTH = 64;
/** More proxies in a row than anybody has: a port number in the wrong place, for example. */
const MAX_PROXY_HOPS = 16;

/** A whole number from 0 to `most`, in decimal digits. Undefined for anything else. */
export function readWholeNumber(text: string, most: number): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
}

/** A host name or an IP address, an IPv6 one with or without its brackets. Undefined for anything else. */
export function readHost(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return bare;
  const isName = text.length <= 253 && text.split('.').every(label => /^[A-Za-z0-9_-]{1,63}$/.test(label));
  // Four numbers that are no IP address are a mistyped one, not a name.
  return isName && !/^[\d.]+$/.test(text) ? text : undefined;
}

/** Paths, separated as the platform's PATH is (`;` on Windows, `:` elsewhere). Undefined for anything else. */
export function readPaths(text: string): string[] | undefined {
  const paths = text.split(path.delimiter).filter(part => part.trim() !== '');
  return paths.length > 0 && !text.includes('\0') ? paths : undefined;
}

/** An absolute path; a relative one counts from the working folder. Undefined for anything else. */
export function readFolder(text: string): string | undefined {
  return text !== '' && !text.includes('\0') ? path.resolve(text) : undefined;
}

/** A server's http or https address without a closing slash, name or password. Undefined for anything else. */
export function readServerUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isServer =
    /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '';
  return isServer ? url.href.replace(/\/+$/, '') : undefined;
}

/** A key that may stand in an HTTP header. Undefined for anything else. */
export function readKey(text: string): string | undefined {
  return /^[!-~]{1,512}$/.test(text) ? text : undefined;
}

/** What Express takes as `trust proxy`. Undefined for anything else. */
export function readTrustProxy(text: string): false | number | string[] | undefined {
  if (/^(false|no|off|0)$/i.test(text)) return false;
  // Trusting everybody would let any client choose its address, so "yes" means the one proxy in front.
  if (/^(true|yes|on)$/i.test(text)) return 1;
  if (/^\d+$/.test(text)) return readWholeNumber(text, MAX_PROXY_HOPS);
  const proxies = text.split(',').map(part => part.trim());
  return proxies.every(isProxyAddress) ? proxies : undefined;
}

function isProxyAddress(text: string): boolean {
  if (/^(loopback|linklocal|uniquelocal)$/.test(text)) return true;
  const [address, bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || readWholeNumber(bits, version === 4 ? 32 : 128) !== undefined;
}

/** How index names may begin. Undefined for anything else. */
export function readNamePrefix(text: string): string | undefined {
  return text.length <= MAX_PREFIX_LENGTH && /^[\w-]+$/.test(text) ? text : undefined;
}
