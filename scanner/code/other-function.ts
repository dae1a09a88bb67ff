/** A function of the image that is read apart from the one whose calls are being looked at. */
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { FunctionBody } from './function-body.ts';
import { ValueResolver } from './value-resolver.ts';

/** Holds one function at a time. */
export class OtherFunction {
  protected readonly code: CodeUnderAnalysis;
  protected readonly body: FunctionBody;
  protected readonly resolver: ValueResolver;
  #operations = 0;

  constructor(code: CodeUnderAnalysis) {
    this.code = code;
    this.body = new FunctionBody(code);
    this.resolver = new ValueResolver(this.body, code);
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const taken = this.#operations + this.resolver.takeWork();
    this.#operations = 0;
    return taken;
  }

  /** False where no function begins: a target inside another function is a misreading. */
  protected decode(functionRva: number): boolean {
    const { functions, poppedBytes } = this.code;
    if (functions.functionAt(functionRva) !== functionRva) return false;
    this.#operations += this.body.decode(functions.pieces(functionRva), poppedBytes);
    return true;
  }
}
