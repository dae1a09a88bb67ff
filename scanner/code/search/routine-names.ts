/** Pool functions that a driver looks up by name at run time: MmGetSystemRoutineAddress and everything like it. */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import type { Callee } from '../facts/callee.ts';
import { directCallee } from '../facts/sinks.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { POOL_FUNCTIONS } from '../pool/pool-functions.ts';
import { Op } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';

/** The module that exports a function looked up by name; the kernel unless its name says otherwise. */
function moduleOf(functionName: string): string {
  if (functionName.startsWith('Flt')) return 'fltmgr.sys';
  return functionName.startsWith('Ndis') ? 'ndis.sys' : 'ntoskrnl.exe';
}

/** Addresses that code names and that hold the name of a pool function, as ASCII or UTF-16. */
export function poolFunctionNames(image: DriverImage, index: CodeIndex): number[] {
  const found: number[] = [];
  const named = index.referencedAddresses();
  for (let n = 0; n < named.length; n++) {
    const rva = named[n];
    const section = image.sectionAt(rva);
    if (section === undefined) continue;
    const first = section.bytes[rva - section.rva];
    if (!(first >= 0x41 && first <= 0x5f)) continue; // every such name begins with a capital or _
    if (poolFunctionNamedAt(image, rva) !== undefined) found.push(rva);
  }
  return found;
}

/** The pool function whose name stands at an RVA. */
function poolFunctionNamedAt(image: DriverImage, rva: number): string | undefined {
  return [nameAt(image, rva, 1), nameAt(image, rva, 2)].find(
    name => name !== undefined && POOL_FUNCTIONS.has(name),
  );
}

/** Longer names are no exported functions. */
const MAX_NAME = 64;

/** The NUL-terminated name at an RVA, in one or two bytes a character; undefined where there is none. */
function nameAt(image: DriverImage, rva: number, bytesPerCharacter: 1 | 2): string | undefined {
  let name = '';
  const section = image.sectionAt(rva);
  if (section === undefined) return undefined;
  for (let at = rva - section.rva; name.length < MAX_NAME; at += bytesPerCharacter) {
    const byte = section.bytes[at];
    if (byte === undefined || (bytesPerCharacter === 2 && section.bytes[at + 1] !== 0)) return undefined;
    if (byte === 0) return name === '' ? undefined : name;
    if (byte < 0x21 || byte > 0x7e) return undefined;
    name += String.fromCharCode(byte);
  }
  return undefined;
}

/** Look-up functions take the name as one of their first arguments. */
const NAME_ARGUMENTS = [1, 2, 3, 4];

/** Finds what the calls of one function at a time look up by name; answers are kept until the next function. */
export class RoutineNames {
  readonly #code: Pick<CodeUnderAnalysis, 'image' | 'processor' | 'functions'>;
  readonly #fn: AnalysedFunction;
  /** Functions that name a pool function in a text: in others there is nothing to look for. */
  readonly #namingFunctions: ReadonlySet<number>;
  /** The import slot of RtlInitUnicodeString; -1 where there is none. */
  readonly #initSlot: number;
  readonly #calleesByCall = new Map<number, readonly Callee[]>();
  #inits: readonly number[] | undefined;

  constructor(code: CodeUnderAnalysis, fn: AnalysedFunction, namingFunctions: ReadonlySet<number>) {
    this.#code = code;
    this.#fn = fn;
    this.#namingFunctions = namingFunctions;
    this.#initSlot = code.image.imports.find(({ name }) => name === 'RtlInitUnicodeString')?.slotRva ?? -1;
  }

  /** Another function is at hand now. */
  forget(): void {
    if (this.#calleesByCall.size > 0) this.#calleesByCall.clear(); // an empty one makes room anew
    this.#inits = undefined;
  }

  /** Where a value is what a call returned: the pool functions that the call looked up. */
  calleesOf(value: Value): readonly Callee[] {
    const isLookedFor = value.kind === 'result' && this.#namingFunctions.has(this.#fn.rva);
    return isLookedFor ? this.#lookedUpBy(value.operation) : [];
  }

  /** The pool functions whose names a call is given, as text or as a UNICODE_STRING: it returns their address. */
  #lookedUpBy(call: number): readonly Callee[] {
    const known = this.#calleesByCall.get(call);
    if (known !== undefined) return known;
    const names = new Set(NAME_ARGUMENTS.flatMap(position => this.#namesIn(position, call)));
    const { processor } = this.#code;
    const callees = [...names].map(name =>
      directCallee(POOL_FUNCTIONS.get(name)!, moduleOf(name), processor),
    );
    this.#calleesByCall.set(call, callees);
    return callees;
  }

  #namesIn(position: number, call: number): string[] {
    const { image, processor } = this.#code;
    const argument = processor.argument(position);
    return this.#values(argument, call).flatMap(value => {
      if (value.kind !== 'address' && value.kind !== 'stack') return [];
      const buffers = this.#values({ ...argument, behind: image.pointerSize }, call);
      const texts = [value, ...buffers, ...this.#initialisedWith(value, call)];
      return texts.flatMap(text =>
        text.kind === 'address' ? (poolFunctionNamedAt(image, text.rva) ?? []) : [],
      );
    });
  }

  /** The text that RtlInitUnicodeString last put into this very UNICODE_STRING: one is often used again and again. */
  #initialisedWith(string: Value, call: number): readonly Value[] {
    const { processor } = this.#code;
    const inits = this.#unicodeStringInits().filter(init =>
      this.#values(processor.argument(1), init).some(target => isSamePlace(target, string)),
    );
    const nearest = inits.filter(init => init < call).at(-1) ?? inits[0];
    return nearest === undefined ? [] : this.#values(processor.argument(2), nearest);
  }

  /** Operations that call RtlInitUnicodeString, directly or by its thunk. */
  #unicodeStringInits(): readonly number[] {
    if (this.#inits !== undefined) return this.#inits;
    const { op, low, count } = this.#fn.body.operations;
    const inits: number[] = [];
    for (let i = 0; i < count && this.#initSlot !== -1; i++) {
      if (op[i] === Op.call) {
        if (this.#code.functions.thunkSlot(low[i]) === this.#initSlot) inits.push(i);
      } else if (op[i] === Op.callIndirect) {
        const values = this.#fn.resolver.resolveTarget(i).values;
        if (values.some(value => value.kind === 'memory' && value.rva === this.#initSlot)) inits.push(i);
      }
    }
    this.#inits = inits;
    return inits;
  }

  #values(place: Place, before: number): readonly Value[] {
    return this.#fn.resolver.resolve(place, before).values;
  }
}

function isSamePlace(a: Value, b: Value): boolean {
  if (a.kind === 'stack') return b.kind === 'stack' && a.offset === b.offset;
  return a.kind === 'address' && b.kind === 'address' && a.rva === b.rva;
}
