/** Reads VS_VERSIONINFO, the tree of fixed numbers and strings in which an image says who made it. */
import { GuardedBytes } from './guarded-bytes.ts';
import type { VersionFacts } from './image-facts.ts';
import { printableText } from './printable-text.ts';

const FIXED_SIGNATURE = 0xfeef04bd;
/** Up to and with both halves of dwFileVersion. */
const FIXED_SIZE = 16;
const NODE_HEADER_SIZE = 6;
/** All nodes of one resource; real ones have about 20 per language. */
const MAX_NODES = 2000;
const MAX_KEY = 64;
const MAX_VALUE = 1024;
/** What a list of drivers can show; longer texts are no names. */
const MAX_FACT = 256;

interface Node {
  key: string;
  valueAt: number;
  valueLength: number;
  end: number;
}

/** Nothing known: what an image without a version resource has. */
export const NO_VERSION: VersionFacts = {
  company: null,
  product: null,
  description: null,
  version: null,
  originalName: null,
};

/** The facts of one VS_VERSIONINFO; of its languages the one `languageRank` puts first, others fill its gaps. */
export function readVersionInfo(resource: Uint8Array): VersionFacts {
  const bytes = new GuardedBytes(resource);
  const budget = { nodes: MAX_NODES };
  const [root] = nodesBetween(bytes, 0, bytes.length, budget);
  if (root === undefined || root.key !== 'VS_VERSION_INFO') return NO_VERSION;
  const strings = mergeTables(stringTables(bytes, root, budget));
  const fact = (name: string): string | null => strings.get(name) ?? null;
  return {
    company: fact('companyname'),
    product: fact('productname'),
    description: fact('filedescription'),
    version: fixedVersion(bytes, root) ?? fact('fileversion'),
    originalName: fact('originalfilename'),
  };
}

/** Sorts languages: English of the United States, neutral, any English, the rest. */
export function languageRank(language: number): number {
  if (language === 0x409) return 0;
  if (language === 0) return 1;
  return (language & 0x3ff) === 9 ? 2 : 3;
}

function fixedVersion(bytes: GuardedBytes, root: Node): string | null {
  if (root.valueLength < FIXED_SIZE || !bytes.holds(root.valueAt, FIXED_SIZE)) return null;
  if (bytes.u32(root.valueAt) !== FIXED_SIGNATURE) return null;
  const high = bytes.u32(root.valueAt + 8);
  const low = bytes.u32(root.valueAt + 12);
  if (high === 0 && low === 0) return null;
  return `${high >>> 16}.${high & 0xffff}.${low >>> 16}.${low & 0xffff}`;
}

interface StringTable {
  language: number;
  strings: Map<string, string>;
}

function stringTables(bytes: GuardedBytes, root: Node, budget: { nodes: number }): StringTable[] {
  const tables: StringTable[] = [];
  for (const info of nodesBetween(bytes, afterValue(root), root.end, budget)) {
    if (info.key !== 'StringFileInfo') continue;
    for (const table of nodesBetween(bytes, afterValue(info), info.end, budget)) {
      const strings = new Map<string, string>();
      for (const { key, valueAt, end } of nodesBetween(bytes, afterValue(table), table.end, budget)) {
        const value = printableText(textBetween(bytes, valueAt, end, MAX_VALUE), MAX_FACT);
        const name = key.toLowerCase();
        if (value !== '' && !strings.has(name)) strings.set(name, value);
      }
      tables.push({ language: Number.parseInt(table.key.slice(0, 4), 16) || 0, strings });
    }
  }
  return tables;
}

function mergeTables(tables: StringTable[]): Map<string, string> {
  const best = tables.toSorted((a, b) => languageRank(a.language) - languageRank(b.language));
  return new Map(best.toReversed().flatMap(table => [...table.strings]));
}

/** The nodes that lie one after the other in a range, each on a 4-byte boundary. Stops at the first that is malformed. */
function* nodesBetween(
  bytes: GuardedBytes,
  start: number,
  end: number,
  budget: { nodes: number },
): Generator<Node> {
  let at = start;
  while (at + NODE_HEADER_SIZE <= end && budget.nodes-- > 0) {
    const length = bytes.u16(at);
    if (length < NODE_HEADER_SIZE) return;
    const nodeEnd = Math.min(at + length, end);
    const key = textBetween(bytes, at + NODE_HEADER_SIZE, nodeEnd, MAX_KEY);
    const valueAt = aligned(at + NODE_HEADER_SIZE + (key.length + 1) * 2);
    yield { key, valueAt, valueLength: bytes.u16(at + 2), end: nodeEnd };
    at = aligned(at + length);
  }
}

/** Children follow the value; a table's value is empty, and only the root's length counts bytes for certain. */
function afterValue(node: Node): number {
  return aligned(node.valueAt + node.valueLength);
}

/** UTF-16 up to a NUL, the end, or `maxLength` code units. The length field is not asked: compilers disagree on its unit. */
function textBetween(bytes: GuardedBytes, start: number, end: number, maxLength: number): string {
  let text = '';
  for (let at = start; at + 2 <= end && text.length < maxLength; at += 2) {
    const unit = bytes.u16(at);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
