/** What functions of the image return: a tag may be chosen by one function and used by its caller. */

import { byteSwapped } from '../bytes/little-endian.ts';
import { Op } from '../processors/operations.ts';
import { changed, constant, DERIVED, element, swapped } from './make-value.ts';
import { OtherFunction } from './other-function.ts';
import { isOpenValue, type Value, ValueSet } from './values.ts';

/** Functions that return what another returned, that deep. */
const MAX_DEPTH = 3;

/** Reads one function at a time; answers are kept. */
export class ReturnValues extends OtherFunction {
  readonly #known = new Map<number, readonly Value[]>();
  /** Addresses of the image, or of rows of a table, and what variables point at. */
  readonly #pointers = new Map<number, readonly Value[]>();
  /** Functions that return what is not followed: see WorkedOutResults. */
  readonly #computing = new Set<number>();

  /** Constants and parameters (as the function sees them at its entry), or what is made of these, that the function may return. */
  of(functionRva: number, depth = 0): readonly Value[] {
    const known = this.#known.get(functionRva);
    if (known !== undefined) return known;
    this.#known.set(functionRva, []); // ends functions that call each other
    const { values, others } = this.#read(functionRva);
    // The body is free again, so what the function passes on can be read now.
    const pointers = ValueSet.ofAll(this.#pointers.get(functionRva) ?? []);
    for (const other of depth < MAX_DEPTH ? others : []) {
      for (const value of this.of(other, depth + 1)) values.add(value);
      if (this.#computing.has(other)) this.#computing.add(functionRva);
      for (const pointer of this.#pointers.get(other) ?? []) pointers.add(pointer);
    }
    this.#known.set(functionRva, values.values);
    this.#pointers.set(functionRva, pointers.values);
    return values.values;
  }

  /**
   * The addresses of the image, of rows of its tables, and of what its variables point at (the first of a list) that the function may
   * return: it looks a description up.
   */
  pointersOf(functionRva: number): readonly Value[] {
    this.of(functionRva);
    return this.#pointers.get(functionRva) ?? [];
  }

  /** Whether the function returns something that it computes, so that it has to be carried out. */
  isComputing(functionRva: number): boolean {
    this.of(functionRva);
    return this.#computing.has(functionRva);
  }

  #read(functionRva: number): { values: ValueSet; others: number[] } {
    const values = new ValueSet();
    const pointers = new ValueSet();
    const others: number[] = [];
    if (!this.decode(functionRva)) return { values, others };
    const { op, low, count } = this.body.operations;
    for (let i = 0; i < count; i++) {
      if (op[i] === Op.jump && !this.body.contains(low[i])) others.push(low[i]);
      if (op[i] !== Op.return) continue;
      const returned = this.resolver.resolve({ register: this.code.processor.resultRegister }, i);
      const step = returned.values.find(value => value.kind === 'previous' && value.plus > 0);
      // Of a checksum only the first round is known: the number that it begins with is no choice of the function.
      const isComputed = returned.values.some(({ kind }) => kind === 'derived');
      if (isComputed) this.#computing.add(functionRva);
      for (const value of returned.values) {
        if (isComputed && value.kind === 'constant' && value.origin === 'computed') continue;
        if (value.kind === 'constant' || value.kind === 'parameter' || isMadeOfParameter(value))
          values.add(value);
        else if (value.kind === 'result' && op[value.operation] === Op.call)
          others.push(low[value.operation]);
        else if (value.kind === 'element') pointers.add(value);
        // A pointer that walks a table, and is returned where the row is found.
        else if (value.kind === 'address')
          pointers.add(step?.kind === 'previous' ? element(value.rva, step.plus) : value);
        else if (isOfVariable(value)) pointers.add(value);
      }
    }
    this.#pointers.set(functionRva, pointers.values);
    return { values, others };
  }
}

function isMadeOfParameter(value: Value): boolean {
  return (value.kind === 'changed' || value.kind === 'swapped') && value.object.kind === 'parameter';
}

/** What a variable points at, or the object around that: a list leads to the links within its objects. */
function isOfVariable(value: Value): boolean {
  return (value.kind === 'inside' && value.stride === 0 ? value.object : value).kind === 'memory';
}

/** What a function returns that makes it of a parameter, made of what is passed there. */
export function remade(made: Extract<Value, { kind: 'changed' | 'swapped' }>, value: Value): Value {
  if (value.kind === 'constant') {
    const number =
      made.kind === 'swapped' ? byteSwapped(value.value) : (value.value & made.mask) ^ made.value;
    return constant(number, 'computed', value.rva);
  }
  if (!isOpenValue(value)) return DERIVED;
  return made.kind === 'swapped' ? swapped(value) : changed(value, made.mask, made.value);
}
