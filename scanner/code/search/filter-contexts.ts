/**
 * The tags of a minifilter's contexts: FltRegisterFilter is given FLT_REGISTRATION, whose ContextRegistration points at
 * an array of FLT_CONTEXT_REGISTRATION. Source: Microsoft's driver documentation (fltkernel.h); the offsets follow from
 * the order of the fields and were checked with compiled structures.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { address } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';

/** ContextType of the entry that ends the array. */
const FLT_CONTEXT_END = 0xffff;
/** There are seven kinds of context; a driver may register one of each with several sizes. */
const MAX_CONTEXTS = 32;

const LAYOUT64 = { tag: 0x18, allocate: 0x20, free: 0x28, size: 0x38 };
const LAYOUT32 = { tag: 0x0c, allocate: 0x10, free: 0x14, size: 0x1c };

/** Possible values of the memory behind a pointer, `width` bytes of it. */
type ReadBehind = (pointer: Value, offset: number, width: number) => readonly Value[];

/** What FltRegisterFilter's registration leads to, at call `i`: arrays of contexts, each with its tag. */
export function registeredTags({ code, fn }: SearchContext, arrays: readonly Value[], i: number): Value[] {
  return arrays.flatMap(array => {
    const initial = array.kind === 'memory' ? code.image.pointerAt(array.rva) : undefined;
    const contexts: Value = initial === undefined ? array : address(initial);
    return contextTags(
      code.image,
      contexts,
      (pointer, offset, width) => fn.resolver.resolveBehind(pointer, offset, width, i).values,
    );
  });
}

/**
 * The tags of an array of contexts. PoolTag is ignored where the driver gives a callback that allocates or frees:
 * such an entry has none.
 */
function contextTags(image: DriverImage, contexts: Value, read: ReadBehind): Value[] {
  const layout = image.pointerSize === 8 ? LAYOUT64 : LAYOUT32;
  const tags: Value[] = [];
  for (let n = 0; n < MAX_CONTEXTS; n++) {
    const at = n * layout.size;
    const isEnd = read(contexts, at, 2).some(
      type => type.kind === 'constant' && type.value === FLT_CONTEXT_END,
    );
    if (isEnd) break;
    const found = read(contexts, at + layout.tag, 4).filter(({ kind }) => kind === 'constant');
    if (found.length === 0) break;
    const isOwn = [layout.allocate, layout.free].some(callback =>
      read(contexts, at + callback, 4).some(({ kind }) => kind === 'address'),
    );
    if (!isOwn) tags.push(...found);
  }
  return tags;
}
