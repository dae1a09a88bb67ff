/** What the calls of the function at hand lead to; whatever is found to lead to a pool function sends the search on. */

import type { Callee } from '../facts/callee.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { isDispatchStub } from '../values/control-flow-guard.ts';
import type { Value } from '../values/values.ts';
import { RoutineNames } from './routine-names.ts';

/** Answers for the function at hand; what is added holds for the whole image. */
export class Callees {
  readonly #context: SearchContext;
  readonly #names: RoutineNames;

  /** `namingFunctions` are those that name a pool function in a text. */
  constructor(context: SearchContext, namingFunctions: ReadonlySet<number>) {
    this.#context = context;
    this.#names = new RoutineNames(context.code, context.fn, namingFunctions);
  }

  /** Another function is at hand now. */
  begin(): void {
    this.#names.forget();
  }

  /** What the call or jump `i` leads to for certain. */
  of(i: number): readonly Callee[] {
    const { code, fn, targets } = this.#context;
    const { low } = fn.body.operations;
    if (!fn.isIndirect(i) && !isDispatchStub(code.image, low[i])) return targets.ofFunction(low[i]);
    const pointers = fn.calledPointers(i);
    if (pointers.length === 1) return this.ofPointer(pointers[0]); // nearly always
    return pointers.flatMap(value => this.ofPointer(value));
  }

  /** What a call through a pointer with this value leads to. */
  ofPointer(value: Value): readonly Callee[] {
    const known = this.#context.targets.ofValue(value);
    const named = this.#names.calleesOf(value);
    return named.length === 0 ? known : [...known, ...named];
  }

  /** The function takes a tag: a thunk, or a wrapper. */
  addFunction(rva: number, callee: Callee): void {
    const { targets, tables, worklist } = this.#context;
    if (!targets.addFunction(rva, callee)) return;
    tables.addFunction(rva);
    if (callee.guesses) worklist.addCallersNearTags(rva);
    else worklist.addCallers(rva);
  }

  /** The variable holds a pointer to a function that takes a tag. */
  addVariable(rva: number, callee: Callee): void {
    const { targets, worklist } = this.#context;
    if (targets.addVariable(rva, callee)) worklist.addReferences(rva);
  }
}
