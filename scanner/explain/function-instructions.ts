/** Where the instructions of a function begin, as the analysis decoded it: forward from its start, never by guess. */
import { FunctionBody } from '../code/functions/function-body.ts';
import { type FunctionMap, mapFunctions } from '../code/functions/function-map.ts';
import { processorKit } from '../code/processor-kit.ts';
import type { PoppedBytes } from '../code/processors/processor.ts';
import type { DriverImage } from '../pe/image-facts.ts';

/** The functions of an image and the instructions in each. */
export class FunctionInstructions {
  readonly #map: FunctionMap;
  readonly #body: FunctionBody;
  readonly #poppedBytes: PoppedBytes;
  readonly #hasList: boolean;
  readonly #kept = new Map<number, readonly number[]>();

  constructor(image: DriverImage) {
    const { processor, front, poppedBytes, index } = processorKit(image);
    this.#hasList = processor.arch !== 'x86';
    this.#map = mapFunctions(image, index(image));
    this.#body = new FunctionBody({ front, processor, image });
    this.#poppedBytes = poppedBytes;
  }

  /** RVA of the function that holds an address; undefined outside of code. */
  functionAt(rva: number): number | undefined {
    return this.#map.functionAt(rva);
  }

  /** Whether .pdata names the function; on x86, which has none, whether it was found at all. */
  isSure(functionRva: number): boolean {
    return !this.#hasList || this.#map.isListed(functionRva);
  }

  /** The RVAs of the function's instructions, ascending. */
  of(functionRva: number): readonly number[] {
    const kept = this.#kept.get(functionRva);
    if (kept !== undefined) return kept;
    this.#body.decode(this.#map.pieces(functionRva), this.#poppedBytes);
    const { rva, count } = this.#body.operations;
    const starts = [...new Set(rva.subarray(0, count))].sort((a, b) => a - b);
    this.#kept.set(functionRva, starts);
    return starts;
  }
}
