/**
 * Pointers that are found by a table of distances from the table itself, `table + table[n]`: clang makes one of a choice among
 * addresses of the image, such as the rows of another table.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { indexFactor, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { enumerated } from './bounds.ts';
import { address } from './make-value.ts';
import { MAX_TABLE_ENTRIES } from './static-memory.ts';
import { ValueSet } from './values.ts';
import { register, type Walk } from './walk.ts';

/** Bytes of a distance. */
const SIZE = 4;
/** The distance is read just before it is added. */
const MAX_OPERATIONS = 4;

/** Of fewer rows nobody knows whether they stand in equal steps. */
const LEAST_ROWS = 3;

/** What the sum `i` of two registers is, where one of them is a distance from the other; undefined for other sums. */
export function foundByDistance(walk: Walk, i: number, depth: number): ValueSet | undefined {
  const { left, source, index, base, displacement } = walk.body.operations;
  const read = lastRead(walk, i);
  if (read === undefined) return undefined;
  const other = walk.body.operations.dst[read] === left[i] ? source[i] : left[i];
  const table = addressIn(walk, other, i, depth);
  const readFrom = table === undefined ? undefined : addressIn(walk, base[read], read, depth);
  if (table === undefined || readFrom === undefined || ((readFrom + displacement[read]) | 0) !== table)
    return undefined;
  const numbers = enumerated(walk, walk.at(register(index[read]), read, depth + 1), read, depth).values;
  const known = numbers.flatMap(value => (value.kind === 'constant' ? [value.value] : []));
  const targets = known.length === numbers.length ? targetsOf(walk.image, table, known) : rows(walk, table);
  return targets.length === 0 ? undefined : ValueSet.ofAll(targets.map(rva => address(rva)));
}

/** The load of four bytes by an index, shortly before operation `i`, into a register that this adds; undefined where there is none. */
function lastRead(walk: Walk, i: number): number | undefined {
  const { op, dst, left, source, size, index, scale, base } = walk.body.operations;
  const first = Math.max(walk.body.blocks.begin[walk.body.blockOf[i]], i - MAX_OPERATIONS);
  for (let j = i - 1; j >= first; j--) {
    const isAdded = dst[j] === left[i] || dst[j] === source[i];
    const isRead = op[j] === Op.load && size[j] === SIZE && index[j] !== NONE && base[j] < VECTOR0;
    if (isAdded && isRead) return indexFactor(scale[j]) === SIZE ? j : undefined;
  }
  return undefined;
}

function addressIn(walk: Walk, number: number, before: number, depth: number): number | undefined {
  const { values } = walk.at(register(number), before, depth + 1);
  return values.length === 1 && values[0].kind === 'address' ? values[0].rva : undefined;
}

/** Where the distances of these numbers lead; none where one leads out of the data. */
function targetsOf(image: DriverImage, table: number, numbers: readonly number[]): number[] {
  const targets = numbers.flatMap(number => targetAt(image, table, number) ?? []);
  return targets.length === numbers.length ? targets : [];
}

/** Of an index that is not known: the rows of another table, which stand in equal steps. */
function rows({ image, index }: Walk, table: number): number[] {
  const end = index.nextReference(table + SIZE, table + MAX_TABLE_ENTRIES * SIZE);
  const found: number[] = [];
  for (let n = 0; table + (n + 1) * SIZE <= end; n++) {
    const target = targetAt(image, table, n);
    const isInStep = found.length < 2 || target === 2 * found[n - 1] - found[n - 2];
    if (target === undefined || target === found[n - 1] || !isInStep) break;
    found.push(target);
  }
  return found.length >= LEAST_ROWS ? found : [];
}

function targetAt(image: DriverImage, table: number, number: number): number | undefined {
  const distance = image.u32At((table + number * SIZE) | 0);
  const target = distance === undefined ? undefined : (table + distance) | 0;
  return target !== undefined && image.sectionAt(target)?.executable === false ? target : undefined;
}
