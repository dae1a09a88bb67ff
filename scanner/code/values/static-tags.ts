/** Tags in descriptions that stand in the image: structures of constants, and rows of tables. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { imageArray } from './array-values.ts';
import { address, element } from './make-value.ts';
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

/** The tags behind the pointers, or in the tables, to which those descriptions of the image have the address at a distance. */
export function tagsBehindNext(
  code: Pick<CodeUnderAnalysis, 'image' | 'index'>,
  descriptions: readonly Value[],
  { owner, offset, stride }: { owner: number; offset: number; stride: number | undefined },
): Value[] {
  const next = descriptions.flatMap(description => {
    const read =
      description.kind === 'address' ? readConstant(code.image, (description.rva + owner) | 0) : undefined;
    if (read?.kind !== 'address') return [];
    return stride === undefined ? [address(read.rva)] : [element(read.rva, stride)];
  });
  return tagsBehind(code, next, offset);
}
