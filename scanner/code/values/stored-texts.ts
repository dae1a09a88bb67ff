/** Texts that are put into memory by numbers, four or eight characters at a time: `FAT16   ` is stored as `FAT1` and `6   `. */
import { NONE, Op } from '../processors/operations.ts';
import type { AnalysedFunction } from './analysed-function.ts';
import { isText } from './texts.ts';

/** Operations before and behind a store in which the rest of its text is looked for: compilers put them side by side. */
const MAX_APART = 4;

/**
 * Whether right behind what the store `i` puts at its `lane` it, or another one, puts the blanks with which a text is filled up. Other
 * characters say nothing: a tag may stand beside a mark, or beside another tag.
 */
export function isBeforeBlanks(fn: AnalysedFunction, i: number, lane: number): boolean {
  const { op, base, index, dst, displacement, size, count } = fn.body.operations;
  const arePutAt = (store: number, at: number) =>
    fn.resolver
      .resolveStored(store, at)
      .values.some(value => value.kind === 'constant' && endsInBlanks(value.value));
  if (lane + 8 <= size[i]) return arePutAt(i, lane + 4);
  if (index[i] !== NONE) return false;
  for (const step of [1, -1]) {
    for (let n = 1; n <= MAX_APART; n++) {
      const j = i + n * step;
      if (j < 0 || j >= count || dst[j] === base[i]) break;
      const isBehind = op[j] === Op.store && base[j] === base[i] && index[j] === NONE && size[j] === 4;
      if (isBehind && displacement[j] === displacement[i] + lane + 4) return arePutAt(j, 0);
    }
  }
  return false;
}

/** No tag, and no mark, ends in two blanks. */
function endsInBlanks(value: number): boolean {
  return value >>> 16 === 0x2020 && isText(value);
}
