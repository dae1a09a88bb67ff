/** Which function a driver asks for by name: MmGetSystemRoutineAddress(L"...") and FltGetRoutineAddress("..."). */
import type { DriverImage } from '../pe/image-facts.ts';
import type { Place } from './places.ts';
import type { Value } from './values.ts';

/** How each look-up function is given the name. */
export const LOOKUP_FUNCTIONS: ReadonlyMap<string, { module: string; text: 'unicode-string' | 'ascii' }> =
  new Map([
    ['MmGetSystemRoutineAddress', { module: 'ntoskrnl.exe', text: 'unicode-string' }],
    ['FltGetRoutineAddress', { module: 'fltmgr.sys', text: 'ascii' }],
  ]);

/** Whether the image can look functions up by name at all. */
export function looksUpNames(image: DriverImage): boolean {
  return image.imports.some(({ name }) => name !== null && LOOKUP_FUNCTIONS.has(name));
}

/** Longer names are no exported functions. */
const MAX_NAME = 64;

/** The NUL-terminated name at an RVA, in one or two bytes a character; undefined where there is none. */
export function nameAt(image: DriverImage, rva: number, bytesPerCharacter: 1 | 2): string | undefined {
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

/** The names that a look-up call may ask for. */
export function namesAskedFor(text: 'unicode-string' | 'ascii', call: number, ask: NameQuestions): string[] {
  const { image } = ask;
  const values = ask.resolve(ask.argument(1), call);
  if (text === 'ascii')
    return values.flatMap(value => (value.kind === 'address' ? (nameAt(image, value.rva, 1) ?? []) : []));
  const buffer = image.pointerSize;
  return values.flatMap(value => {
    const texts =
      value.kind === 'address' || value.kind === 'stack'
        ? ask.resolve({ ...ask.argument(1), behind: buffer }, call).concat(initialisedWith(value, ask))
        : [];
    return texts.flatMap(pointer =>
      pointer.kind === 'address' ? (nameAt(image, pointer.rva, 2) ?? []) : [],
    );
  });
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
