/** A function of the image that is read apart from the one whose calls are being looked at. */
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { FunctionBody } from '../functions/function-body.ts';
import { ValueResolver } from './value-resolver.ts';

/** Holds one function at a time. What that takes is made when the first is read: most drivers need none. */
export class OtherFunction {
  protected readonly code: CodeUnderAnalysis;
  #body: FunctionBody | undefined;
  #resolver: ValueResolver | undefined;
  #operations = 0;

  constructor(code: CodeUnderAnalysis) {
    this.code = code;
  }

  protected get body(): FunctionBody {
    this.#body ??= new FunctionBody(this.code);
    return this.#body;
  }

  protected get resolver(): ValueResolver {
    this.#resolver ??= new ValueResolver(this.body, this.code);
    return this.#resolver;
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const taken = this.#operations + (this.#resolver?.takeWork() ?? 0);
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
