/** What functions of the image return: a tag may be chosen by one function and used by its caller. */
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { FunctionBody } from './function-body.ts';
import { Op } from './operations.ts';
import { ValueResolver } from './value-resolver.ts';
import { type Value, ValueSet } from './values.ts';

/** Functions that return what another returned, that deep. */
const MAX_DEPTH = 3;

/** Reads one function at a time, apart from the one whose calls are being looked at; answers are kept. */
export class ReturnValues {
  readonly #code: CodeUnderAnalysis;
  readonly #body: FunctionBody;
  readonly #resolver: ValueResolver;
  readonly #known = new Map<number, readonly Value[]>();
  #operations = 0;

  constructor(code: CodeUnderAnalysis) {
    this.#code = code;
    this.#body = new FunctionBody(code);
    this.#resolver = new ValueResolver(this.#body, code);
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const taken = this.#operations + this.#resolver.takeWork();
    this.#operations = 0;
    return taken;
  }

  /** Constants and parameters (as the function sees them at its entry) that the function may return. */
  of(functionRva: number, depth = 0): readonly Value[] {
    const known = this.#known.get(functionRva);
    if (known !== undefined) return known;
    this.#known.set(functionRva, []); // ends functions that call each other
    const { values, others } = this.#read(functionRva);
    // The body is free again, so what the function passes on can be read now.
    if (depth < MAX_DEPTH)
      for (const other of others) for (const value of this.of(other, depth + 1)) values.add(value);
    this.#known.set(functionRva, values.values);
    return values.values;
  }

  #read(functionRva: number): { values: ValueSet; others: number[] } {
    const values = new ValueSet();
    const others: number[] = [];
    const { processor, functions, poppedBytes } = this.#code;
    // Only a function's own start can be read: a target inside another function is a misreading.
    if (functions.functionAt(functionRva) !== functionRva) return { values, others };
    this.#operations += this.#body.decode(functions.pieces(functionRva), poppedBytes);
    const { op, low, count } = this.#body.operations;
    for (let i = 0; i < count; i++) {
      if (op[i] === Op.jump && !this.#body.contains(low[i])) others.push(low[i]);
      if (op[i] !== Op.return) continue;
      for (const value of this.#resolver.resolve({ register: processor.resultRegister }, i).values) {
        if (value.kind === 'constant' || value.kind === 'parameter') values.add(value);
        else if (value.kind === 'result' && op[value.operation] === Op.call)
          others.push(low[value.operation]);
      }
    }
    return { values, others };
  }
}
