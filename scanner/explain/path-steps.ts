/** The way of a constant in words: from where it stands, through what carries it, to the function that takes it. */
import type { ConstantOrigin, Evidence } from '../../data/facts.ts';
import { PROTECTED_BIT, tagText } from '../../data/pool-tag.ts';
import { looksLikeTag } from '../code/bytes/tag-characters.ts';
import type { TagUse } from '../code/facts/tag-use.ts';
import type { Place } from '../code/processors/places.ts';
import { placeKey } from '../code/processors/places.ts';
import type { Processor } from '../code/processors/processor.ts';
import { computedCharacter, tagWithoutBit } from './computed-family.ts';
import { registerName } from './register-name.ts';
import type { PathStep } from './tag-explanation.ts';

/** More carriers than this are counted: a constant that is handed about in a long function. */
const MAX_CARRIERS = 8;
/** Where the argument of a wrapper is looked for. */
const MAX_ARGUMENTS = 16;

const ORIGINS: Record<ConstantOrigin, string> = {
  immediate: 'is a number in this instruction',
  'literal-pool': 'stands among the constants beside the code',
  global: "stands in the driver's data",
  table: 'stands in a table of the driver',
  structure: 'stands in a structure of the driver',
  computed: 'comes out of this instruction, which computes it',
  parameter: 'stands in a structure that the function of this use is given',
};

/** Of a constant that another instruction than the use's own puts somewhere, from where the use takes it. */
const KEPT: Partial<Record<ConstantOrigin, string>> = {
  global: "comes out of this instruction and goes into the driver's data",
  structure: 'comes out of this instruction and goes into a structure of the driver',
  parameter: 'comes out of this instruction and goes into a structure that the function of this use is given',
};

const COUNTED = 'is one of several numbers that are counted through; this instruction bounds them';

/** The way of one use of a tag. `quoted` is its constant as people read it, `textAt` an instruction as text. */
export function stepsOfUse(
  use: TagUse,
  evidence: Evidence,
  quoted: string,
  processor: Processor,
  textAt: (rva: number) => string | null,
): PathStep[] {
  const path = use.path ?? [];
  // What is computed of a family is one character: where the others come from is told first.
  const { origin, rva } = use.familyBase ?? {
    origin: use.madeOf?.origin ?? use.origin,
    rva: use.constantRva,
  };
  const kept = path[0] === rva ? KEPT[origin] : undefined;
  const isInCode = origin === 'immediate' || origin === 'computed' || kept !== undefined;
  // A loop that counts through tags leaves no path of its own: what bounds it is known.
  const isCounted = origin === 'computed' && path.length === 0;
  const constantRva = isInCode ? (path[0] ?? rva) : rva;
  const carriers = isInCode ? path.slice(1) : path;
  return [
    {
      kind: 'constant',
      rva: constantRva,
      text: `${quoted} ${isCounted ? COUNTED : (kept ?? ORIGINS[origin])}`,
      instruction: isInCode ? textAt(constantRva) : null,
    },
    ...(use.familyMask === undefined
      ? carriedSteps(carriers, textAt)
      : familySteps(carriers, use.familyMask, use.constantRva, textAt)),
    {
      kind: 'call',
      rva: use.rva,
      text: argumentText(use, processor),
      instruction: textAt(use.rva),
    },
    ...wrapperSteps(use, evidence, processor, textAt),
    ...madeSteps(use),
    { kind: 'function', rva: null, text: `it is the tag that ${use.callee.api} takes`, instruction: null },
  ];
}

/** What a function on the way makes of the number. */
function madeSteps({ madeOf, ulong }: TagUse): PathStep[] {
  if (madeOf === undefined) return [];
  const made = `'${tagText(tagWithoutBit(ulong))}'`;
  return [{ kind: 'computed', rva: null, text: madeText(madeOf, ulong, made), instruction: null }];
}

function madeText({ number, how }: NonNullable<TagUse['madeOf']>, ulong: number, made: string): string {
  const turned = (ulong ^ number) >>> 0;
  if (turned === PROTECTED_BIT)
    return `PROTECTED_POOL (bit 31) is ${(ulong & PROTECTED_BIT) !== 0 ? 'set in it' : 'cleared'} on the way`;
  if (how === 'swapped') return `its bytes are swapped on the way, which makes ${made}`;
  if (how === 'changed')
    return `bits 0x${turned.toString(16)} of it are turned on the way, which makes ${made}`;
  if (!looksLikeTag(number)) return `it becomes a character of ${made} on the way`;
  return `0x${((ulong - number) >>> 0).toString(16)} is added to it on the way, which makes ${made}`;
}

/** The way of a family's base to the instruction that computes a character of it, and on from there. */
function familySteps(
  carriers: readonly number[],
  mask: number,
  computedRva: number,
  textAt: (rva: number) => string | null,
): PathStep[] {
  // Negative where the base is a number in that very instruction.
  const at = carriers.indexOf(computedRva);
  const character = `its ${ordinal(computedCharacter(mask) + 1)} character`;
  const text = `a number that is not known goes into ${character}, for which the ? stands`;
  return [
    ...carriedSteps(carriers.slice(0, Math.max(0, at)), textAt),
    { kind: 'computed', rva: computedRva, text, instruction: textAt(computedRva) },
    ...carriedSteps(carriers.slice(at + 1), textAt),
  ];
}

function carriedSteps(carriers: readonly number[], textAt: (rva: number) => string | null): PathStep[] {
  const steps = carriers
    .slice(0, MAX_CARRIERS)
    .map((rva): PathStep => ({ kind: 'carried', rva, text: 'it moves on', instruction: textAt(rva) }));
  const left = carriers.length - steps.length;
  if (left > 0) {
    const text = `it moves on through ${left} more ${left === 1 ? 'instruction' : 'instructions'}`;
    steps.push({ kind: 'carried', rva: null, text, instruction: null });
  }
  return steps;
}

function wrapperSteps(
  { callee }: TagUse,
  { wrapperSymbols }: Evidence,
  processor: Processor,
  textAt: (rva: number) => string | null,
): PathStep[] {
  return callee.wrappers.map((wrapperRva, i): PathStep => {
    const callRva = callee.wrapperCalls[i];
    const symbol = wrapperSymbols?.[i];
    const name = `the driver's own function ${symbol == null ? 'at' : `${symbol} at`} 0x${wrapperRva.toString(16)}`;
    const position = i === 0 ? positionOf(callee.place, processor) : undefined;
    const what = position === undefined ? 'it' : `its ${ordinal(position)} parameter`;
    return {
      kind: 'wrapper',
      rva: callRva,
      text: `${name} passes ${what} on`,
      instruction: textAt(callRva),
    };
  });
}

/** `it is passed as the 3rd argument, in r8d`. */
function argumentText({ callee }: TagUse, processor: Processor): string {
  const { poolFunction, place, wrappers } = callee;
  const position = wrappers.length === 0 ? poolFunction.tagArgument : positionOf(place, processor);
  const where =
    'register' in place
      ? `in ${place.isUpper ? 'the upper half of ' : ''}${registerName(place.register, processor.arch, place.isUpper === true || place.behind !== undefined)}`
      : 'on the stack';
  const argument = position === undefined ? where : `as the ${ordinal(position)} argument, ${where}`;
  if (place.behind === undefined) return `it is passed ${argument}`;
  const field = poolFunction.field?.name ?? 'a field of a structure';
  return `it is ${field}, and the structure's address is passed ${argument}`;
}

/** Which documented argument a place is; undefined for a register that only this compiler passes arguments in. */
function positionOf(place: Place, processor: Processor): number | undefined {
  const { behind: _behind, ...argument } = place;
  for (let position = 1; position <= MAX_ARGUMENTS; position++) {
    if (placeKey(processor.argument(position)) === placeKey(argument as Place)) return position;
  }
  return undefined;
}

function ordinal(position: number): string {
  const ending =
    position % 100 > 10 && position % 100 < 14 ? undefined : ['st', 'nd', 'rd'][(position % 10) - 1];
  return `${position}${ending ?? 'th'}`;
}
