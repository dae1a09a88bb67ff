/** Evidence in words, for text on a terminal. */
import type { Evidence, EvidenceKind } from '../data/facts.ts';
import { EVIDENCE_KINDS } from '../data/facts.ts';
import { escapeControls } from './terminal-text.ts';

const WORDS: Record<EvidenceKind, (by: string, evidence: EvidenceWords) => string> = {
  'allocation-call': by => `allocated by ${by || 'a pool function'}`,
  'lookaside-init': by => `lookaside list by ${by || 'a pool function'}`,
  'framework-call': by => `allocated through ${by || 'the framework'}`,
  'wrapper-call': by => `allocated by its own wrapper${by && ` of ${by}`}`,
  'structure-field': (by, { structure }) =>
    `set in ${structure ? escapeControls(structure) : by || 'a structure'}`,
  'inferred-call': (by, { rule }) =>
    rule === undefined
      ? `allocated by ${by || 'a pool function'}, by way of an object that only its fields tell`
      : `probably allocated by ${by || 'a function'}, which no documentation lists`,
  'free-call': by => `freed by ${by || 'a pool function'}`,
  'default-tag': () => 'default tag that the framework computes from its name',
  'user-memory': by => `user memory by ${by || 'the window manager'}`,
  'family-literal': () => 'four bytes only, of one family with its proven tags',
  literal: () => 'four bytes only, no proof',
};

type EvidenceWords = Pick<Evidence, 'kind' | 'api' | 'structure' | 'rule'>;

/** `allocated by ExAllocatePoolWithTag`: how a tag was seen at one place. */
export function evidenceInWords(evidence: EvidenceWords): string {
  const functionName = evidence.api?.slice(evidence.api.lastIndexOf('!') + 1) ?? '';
  return WORDS[evidence.kind](escapeControls(functionName), evidence);
}

/** `0x1a2b`: an address as text, in every format that is no JSON. */
export function addressText(rva: number): string {
  return `0x${rva.toString(16)}`;
}

/** As much of a symbol as stands beside other columns; names of C++ run to some hundred characters. */
const MAX_SYMBOL_CHARACTERS = 60;

/** `0x1a2b (foo!AllocateContext+0x2c)`: a place, with its symbol where there is one. */
export function placeText(rva: number, symbol: string | undefined): string {
  if (symbol === undefined) return addressText(rva);
  const isLong = symbol.length > MAX_SYMBOL_CHARACTERS;
  const shown = isLong ? `${symbol.slice(0, MAX_SYMBOL_CHARACTERS)}...` : symbol;
  return `${addressText(rva)} (${escapeControls(shown)})`;
}

/** The evidence that proves most; the first of equals. Undefined where there is none. */
export function strongestEvidence<Place extends EvidenceWords>(
  evidence: readonly Place[],
): Place | undefined {
  let strongest: Place | undefined;
  for (const one of evidence) {
    if (strongest === undefined || rank(one) < rank(strongest)) strongest = one;
  }
  return strongest;
}

function rank(evidence: EvidenceWords): number {
  return EVIDENCE_KINDS.indexOf(evidence.kind);
}
