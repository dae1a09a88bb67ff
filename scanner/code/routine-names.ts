/** Pool functions that a driver looks up by name at run time: MmGetSystemRoutineAddress and everything like it. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { CodeIndex } from './code-index.ts';
import type { Place } from './places.ts';
import { POOL_FUNCTIONS } from './pool-functions.ts';
import type { Value } from './values.ts';

/** The module that exports a function looked up by name; the kernel unless its name says otherwise. */
export function moduleOf(functionName: string): string {
  if (functionName.startsWith('Flt')) return 'fltmgr.sys';
  return functionName.startsWith('Ndis') ? 'ndis.sys' : 'ntoskrnl.exe';
}

/** Addresses that code names and that hold the name of a pool function, as ASCII or UTF-16. */
export function poolFunctionNames(image: DriverImage, index: CodeIndex): number[] {
  const found: number[] = [];
  for (const rva of index.referencedAddresses()) {
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

/** What the search for a name needs of the function that holds the call. */
export interface NameQuestions {
  image: DriverImage;
  /** Possible values of a place just before an operation. */
  resolve(place: Place, before: number): readonly Value[];
  argument(position: number): Place;
  /** Operations of this function that call RtlInitUnicodeString. */
  unicodeStringInits(): number[];
}

/** Look-up functions take the name as one of their first arguments. */
const NAME_ARGUMENTS = [1, 2, 3, 4];

/** The pool functions whose names a call is given, as text or as a UNICODE_STRING: what it returns is their address. */
export function namesAskedFor(call: number, ask: NameQuestions): string[] {
  const { image } = ask;
  const names = NAME_ARGUMENTS.flatMap(position => {
    const argument = ask.argument(position);
    return ask.resolve(argument, call).flatMap(value => {
      if (value.kind !== 'address' && value.kind !== 'stack') return [];
      const texts = [
        ...ask.resolve({ ...argument, behind: image.pointerSize }, call),
        ...initialisedWith(value, ask),
      ];
      return [value, ...texts].flatMap(text =>
        text.kind === 'address' ? (poolFunctionNamedAt(image, text.rva) ?? []) : [],
      );
    });
  });
  return [...new Set(names)];
}

/** The texts that RtlInitUnicodeString puts into this very UNICODE_STRING, in this function. */
function initialisedWith(string: Value, ask: NameQuestions): Value[] {
  return ask.unicodeStringInits().flatMap(init => {
    const isSame = ask.resolve(ask.argument(1), init).some(target => isSamePlace(target, string));
    return isSame ? [...ask.resolve(ask.argument(2), init)] : [];
  });
}

function isSamePlace(a: Value, b: Value): boolean {
  if (a.kind === 'stack') return b.kind === 'stack' && a.offset === b.offset;
  return a.kind === 'address' && b.kind === 'address' && a.rva === b.rva;
}
