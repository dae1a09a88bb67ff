/** The text of a cache entry, and the check that it is whole, ours, and has the shape of an outcome. */
import { createHash } from 'node:crypto';
import { EVIDENCE_KINDS, OTHER_TAG_KINDS, type ScanOutcome } from '../../data/facts.ts';

/** `pooltag-scan KEY DIGEST`, a line end, and the outcome as JSON, of which DIGEST is the SHA-256. */
const FIRST_LINE = /^pooltag-scan ([0-9a-f]{64}) ([0-9a-f]{64})$/;
const FIRST_LINE_LENGTH = 'pooltag-scan '.length + 64 + 1 + 64;

const ARCHES: readonly unknown[] = ['x86', 'x64', 'arm64'];
const KINDS: readonly unknown[] = EVIDENCE_KINDS;
const OTHER_KINDS: readonly unknown[] = OTHER_TAG_KINDS;

/** The entry that keeps an outcome under its key (64 hex digits). */
export function entryText(key: string, outcome: ScanOutcome): string {
  const json = JSON.stringify(outcome);
  return `pooltag-scan ${key} ${digestOf(json)}\n${json}`;
}

/** The outcome of an entry; undefined where it is cut, damaged, of another key, or no outcome at all. */
export function readEntry(key: string, text: string): ScanOutcome | undefined {
  const [, ownKey, digest] = FIRST_LINE.exec(text.slice(0, FIRST_LINE_LENGTH)) ?? [];
  const json = text.slice(FIRST_LINE_LENGTH + 1);
  if (ownKey !== key || digest !== digestOf(json)) return undefined;
  try {
    const outcome: unknown = JSON.parse(json);
    return isOutcome(outcome) ? outcome : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(json: string): string {
  return createHash('sha256').update(json).digest('hex');
}

/** The digest says that a scan wrote it; the shape is looked at all the same, since anybody can make a digest. */
function isOutcome(value: unknown): value is ScanOutcome {
  if (!isRecord(value)) return false;
  if (value.status === 'refused') {
    return isText(value.fileName) && isRecord(value.reason) && areTexts(value.reason, ['code', 'message']);
  }
  return (
    value.status === 'scanned' &&
    isDriver(value.driver) &&
    isListOf(value.sightings, isSighting) &&
    (value.otherTags === undefined || isListOf(value.otherTags, isOtherTag)) &&
    isListOf(value.remarks, isText) &&
    typeof value.partial === 'boolean'
  );
}

const NULLABLE_FACTS = [
  'linkDate',
  'company',
  'product',
  'description',
  'version',
  'originalName',
  'pdbName',
  'pdbId',
  'buildHash',
  'hybrid',
];

function isDriver(value: unknown): boolean {
  return (
    isRecord(value) &&
    areTexts(value, ['fileName', 'sha256']) &&
    typeof value.sizeBytes === 'number' &&
    ARCHES.includes(value.arch) &&
    NULLABLE_FACTS.every(name => value[name] === null || isText(value[name])) &&
    isListOf(value.frameworks, one => isRecord(one) && areTexts(one, ['id', 'name'])) &&
    isListOf(value.imports, one => isRecord(one) && isText(one.dll) && typeof one.functions === 'number') &&
    isListOf(value.poolFunctions, isText) &&
    (value.signature === null || isSignature(value.signature))
  );
}

function isSignature(value: unknown): boolean {
  const isOne = (one: unknown) => isRecord(one) && areTexts(one, ['digestAlgorithm', 'digest']);
  return isRecord(value) && isText(value.status) && isListOf(value.signatures, isOne);
}

function isTagged(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && isText(value.tag) && /^[\0-\xff]{4}$/.test(value.tag) && isText(value.id);
}

function isOtherTag(value: unknown): boolean {
  return (
    isTagged(value) &&
    OTHER_KINDS.includes(value.kind) &&
    isText(value.api) &&
    typeof value.rva === 'number' &&
    typeof value.sites === 'number'
  );
}

function isSighting(value: unknown): boolean {
  return isTagged(value) && typeof value.protected === 'boolean' && isListOf(value.evidence, isEvidence);
}

function isEvidence(value: unknown): boolean {
  return (
    isRecord(value) &&
    KINDS.includes(value.kind) &&
    ['api', 'origin', 'structure', 'rule', 'pool', 'symbol'].every(name =>
      isOptional(value[name], 'string'),
    ) &&
    ['rva', 'functionRva', 'sizeBytes'].every(name => isOptional(value[name], 'number')) &&
    (value.wrappers === undefined || isListOf(value.wrappers, one => typeof one === 'number')) &&
    (value.wrapperSymbols === undefined || isListOf(value.wrapperSymbols, one => one === null || isText(one)))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function areTexts(value: Record<string, unknown>, names: readonly string[]): boolean {
  return names.every(name => isText(value[name]));
}

function isListOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isOptional(value: unknown, type: 'string' | 'number'): boolean {
  return value === undefined || typeof value === type;
}
