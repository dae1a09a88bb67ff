/** Turns the constants that code passes into sightings: one per tag, with its evidence, strongest first. */
import type { Evidence, EvidenceKind, OtherTag, OtherTagKind, TagSighting } from '../data/facts.ts';
import {
  isNameableUlong,
  isShortTagUlong,
  type PoolTag,
  PROTECTED_BIT,
  patternId,
  poolTag,
  type TagPattern,
  tagFromUlong,
  tagId,
  tagToUlong,
} from '../data/pool-tag.ts';
import type { CodeFindings } from './code/analyse-code.ts';
import { looksLikeTag } from './code/bytes/tag-characters.ts';
import { familiesOf, familyOf } from './code/bytes/tag-families.ts';
import type { Callee } from './code/facts/callee.ts';
import type { TagUse } from './code/facts/tag-use.ts';
import { DRIVER_CREATE, isOtherTag } from './code/pool/pool-functions.ts';
import { byStrength } from './evidence-order.ts';
import { type DriverNames, isKmdfDefault, kmdfDefault } from './kmdf-default-tag.ts';

/** Other tags kept of one driver; real ones have a handful. */
const MAX_OTHER_TAGS = 200;

export interface Sightings {
  sightings: TagSighting[];
  otherTags: OtherTag[];
  remarks: string[];
}

/** Sightings in the order of their tags' bytes; values that no pool tag can have become one remark. */
export function tagSightings(findings: CodeFindings, names: DriverNames): Sightings {
  const byTag = new Map<PoolTag, TagSighting>();
  const notTags = new Set<number>();
  const others = new Map<string, OtherTag>();
  const computed = new Map<string, TagSighting>();
  for (const use of findings.uses) {
    if (isDriverCreate(use) && isKmdfDefault(use.ulong)) continue;
    // What is not written in the code itself must read like a tag: data holds numbers and text beside it.
    const isWritten = use.origin === 'immediate' && !use.callee.poolFunction.isUnlisted;
    if (use.familyMask === undefined && !isWritten && !looksLikeTag(use.ulong)) continue;
    const otherKind = otherKindOf(use);
    if (otherKind !== undefined) {
      // Which reference or lock it is of a family is not known, and names nobody.
      if (use.familyMask === undefined) addOther(others, otherKind, use);
      continue;
    }
    if (use.familyMask !== undefined) {
      addFamily(computed, evidenceOf(use, findings), use.ulong, use.familyMask);
      continue;
    }
    if (!isNameableUlong(use.ulong) && !isShortTag(use)) {
      if (use.ulong !== 0) notTags.add(use.ulong);
      continue;
    }
    add(byTag, use.ulong, evidenceOf(use, findings));
  }
  addKmdfDefault(byTag, findings, names);
  const families = familiesOf(Array.from(byTag.keys(), tagToUlong));
  const otherNames = new Set([...others.values()].map(({ tag }) => tag));
  for (const { ulong, rva } of findings.literals) {
    const tag = nameOf(ulong);
    // What these bytes are for is known, and it is no pool memory.
    if (otherNames.has(tag)) continue;
    if (byTag.get(tag)?.evidence.some(({ kind }) => kind !== 'literal' && kind !== 'family-literal'))
      continue;
    add(byTag, ulong, { kind: families.has(familyOf(ulong)) ? 'family-literal' : 'literal', rva });
  }
  const sightings = [...byTag.values(), ...computed.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const { evidence } of sightings) if (evidence.length > 1) evidence.sort(byStrength);
  return {
    sightings,
    otherTags: [...others.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    remarks: remarksOf(notTags, findings),
  };
}

/** A tag of which one character is computed from an unbounded number: `Sw1?`. */
function addFamily(
  computed: Map<string, TagSighting>,
  evidence: Evidence,
  ulong: number,
  mask: number,
): void {
  const known = [...nameOf(ulong)];
  const isProtected = (ulong & PROTECTED_BIT) !== 0;
  const at = [0, 1, 2, 3].find(n => ((mask >>> (8 * n)) & 0xff) !== 0) ?? 3;
  known[at] = '?';
  const tag = known.join('');
  if (!/^[A-Za-z0-9_? ]{4}$/.test(tag)) return;
  const sighting = computed.get(tag);
  if (sighting !== undefined) {
    sighting.evidence.push(evidence);
    sighting.protected ||= isProtected;
    return;
  }
  const id = patternId(tag as TagPattern);
  computed.set(tag, {
    tag: poolTag(tag),
    id,
    isPattern: true,
    protected: isProtected,
    evidence: [evidence],
  });
}

/** Sizes and flags may look like one, so it counts where the very call is known and gives it as an immediate. */
function isShortTag({ ulong, origin, callee }: TagUse): boolean {
  const isCertain = callee.guesses === undefined && !callee.poolFunction.isUnlisted;
  return isCertain && origin === 'immediate' && isShortTagUlong(ulong);
}

function otherKindOf({ callee }: TagUse): OtherTagKind | undefined {
  const { poolFunction } = callee;
  return isOtherTag(poolFunction) ? (poolFunction.kind as OtherTagKind) : undefined;
}

function addOther(others: Map<string, OtherTag>, kind: OtherTagKind, { ulong, rva, callee }: TagUse): void {
  if (!isNameableUlong(ulong)) return;
  const tag = nameOf(ulong);
  const key = `${kind} ${tag}`;
  const known = others.get(key);
  if (known !== undefined) known.sites++;
  else if (others.size < MAX_OTHER_TAGS)
    others.set(key, { tag, id: tagId(tag), kind, api: callee.api, rva, sites: 1 });
}

/** The call in which a KMDF driver may name its tag. */
function isDriverCreate({ callee }: TagUse): boolean {
  return callee.poolFunction.name === DRIVER_CREATE;
}

/** A KMDF driver that names no tag of its own allocates with one that KMDF makes from the service's name. */
function addKmdfDefault(byTag: Map<PoolTag, TagSighting>, findings: CodeFindings, names: DriverNames): void {
  const creates = findings.uses.filter(isDriverCreate);
  // A tag that could not be worked out may be the driver's own: no guess is made.
  const isDefault = creates.length > 0 && creates.every(({ ulong }) => isKmdfDefault(ulong));
  if (!isDefault) return;
  const { tag, rule } = kmdfDefault(names);
  if (tag === undefined || !(isNameableUlong(tagToUlong(tag)) || isShortTagUlong(tagToUlong(tag)))) return;
  const { callee, rva } = creates[0];
  add(byTag, tagToUlong(tag), { kind: 'default-tag', api: callee.api, rva, rule });
}

const UNLISTED_RULE =
  'No documentation lists this function: its name says that it allocates, and the calls with a constant give what reads like a tag';

function nameOf(ulong: number): PoolTag {
  return tagFromUlong((ulong & ~PROTECTED_BIT) >>> 0);
}

function add(byTag: Map<PoolTag, TagSighting>, ulong: number, evidence: Evidence): void {
  const tag = nameOf(ulong);
  const isProtected = (ulong & PROTECTED_BIT) !== 0;
  const known = byTag.get(tag);
  if (known === undefined)
    byTag.set(tag, { tag, id: tagId(tag), protected: isProtected, evidence: [evidence] });
  else {
    known.evidence.push(evidence);
    known.protected ||= isProtected;
  }
}

/** A wrapper of a free is still a free, and a structure a structure: allocations through wrappers are `wrapper-call`. */
const WRAPPABLE: ReadonlySet<string> = new Set(['allocation-call', 'lookaside-init', 'framework-call']);

function kindOf({ poolFunction: { kind, isUnlisted }, wrappers, guesses }: Callee): EvidenceKind {
  if (WRAPPABLE.has(kind)) {
    if (guesses !== undefined || isUnlisted) return 'inferred-call';
    if (wrappers.length > 0) return 'wrapper-call';
  }
  return kind as EvidenceKind;
}

function evidenceOf(use: TagUse, findings: CodeFindings): Evidence {
  const { callee, rva, functionRva, origin } = use;
  const { poolFunction, api, wrappers } = callee;
  const isWrapped = wrappers.length > 0;
  const evidence: Evidence = { kind: kindOf(callee), api, rva };
  if (findings.isListedFunction(functionRva)) evidence.functionRva = functionRva;
  evidence.origin = origin;
  if (isWrapped) evidence.wrappers = wrappers;
  if (callee.request !== undefined) Object.assign(evidence, callee.request);
  if (poolFunction.isUnlisted) evidence.rule = UNLISTED_RULE;
  if (poolFunction.field !== undefined) evidence.structure = poolFunction.field.name;
  return evidence;
}

/** Values shown in a remark; the rest are counted. */
const SHOWN_VALUES = 5;

function remarksOf(notTags: Set<number>, findings: CodeFindings): string[] {
  const remarks: string[] = [];
  if (notTags.size > 0) {
    const shown = [...notTags]
      .slice(0, SHOWN_VALUES)
      .map(value => `0x${value.toString(16).padStart(8, '0')}`);
    const more = notTags.size > SHOWN_VALUES ? ` and ${notTags.size - SHOWN_VALUES} more` : '';
    remarks.push(`Values that no pool tag can have stand as tag arguments: ${shown.join(', ')}${more}.`);
  }
  if (findings.unresolvedCalls > 0) {
    const calls = findings.unresolvedCalls === 1 ? '1 call' : `${findings.unresolvedCalls} calls`;
    remarks.push(`The tag of ${calls} could not be worked out.`);
  }
  if (findings.isStopped)
    remarks.push('The search of the code took too long and was stopped before its end.');
  else if (findings.isPartial)
    remarks.push('The code is too large or too tangled to be followed to its end.');
  return remarks;
}
