/** One site in a sentence, for explanations on a terminal and on a page. */
import type { Evidence } from '../data/facts.ts';
import { addressText, evidenceInWords, placeText } from './evidence-words.ts';
import { escapeControls } from './terminal-text.ts';

/** `Allocated by ExAllocatePoolWithTag at 0x15e0 (foo!Alloc+0x30), in the function at 0x15b0, from PagedPool, 64 bytes`. */
export function siteInWords(evidence: Evidence): string {
  const { rva, functionRva, symbol } = evidence;
  const words = evidenceInWords(evidence);
  const parts = [words.charAt(0).toUpperCase() + words.slice(1)];
  if (rva !== undefined) parts[0] += ` at ${placeText(rva, symbol)}`;
  if (functionRva !== undefined) parts.push(`in the function at ${addressText(functionRva)}`);
  const request = requestInWords(evidence);
  if (request !== null) parts.push(request);
  return parts.join(', ');
}

/** `from PagedPool, 64 bytes`: what a call asks for; null where it says neither by a constant. */
export function requestInWords({ pool, sizeBytes }: Pick<Evidence, 'pool' | 'sizeBytes'>): string | null {
  const parts = pool === undefined ? [] : [`from ${escapeControls(pool)}`];
  if (sizeBytes !== undefined)
    parts.push(`${sizeBytes.toLocaleString('en')} ${sizeBytes === 1 ? 'byte' : 'bytes'}`);
  return parts.length === 0 ? null : parts.join(', ');
}
