/** Tags in descriptions that stand in the image: structures of constants, and rows of tables. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { imageArray } from './array-values.ts';
import { readConstant } from './static-memory.ts';
import type { Value } from './values.ts';

/** The tags `offset` bytes behind those of the pointers that lead to something in the image. */
export function tagsBehind(
  code: Pick<CodeUnderAnalysis, 'image' | 'index'>,
  pointers: readonly Value[],
  offset: number,
): Value[] {
  return pointers.flatMap(pointer => {
    if (pointer.kind === 'element')
      return imageArray(code, (pointer.rva + offset) | 0, pointer.stride).values.filter(
        ({ kind }) => kind === 'constant',
      );
    const read =
      pointer.kind === 'address' ? readConstant(code.image, (pointer.rva + offset) | 0) : undefined;
    return read?.kind === 'constant' && looksLikeTag(read.value) ? [read] : [];
  });
}
