/** Where the instructions of a function begin, as the analysis decoded it: forward from its start, never by guess. */
import { arm64Front } from '../code/arm64/arm64-front.ts';
import { indexArm64Code } from '../code/arm64/arm64-index.ts';
import { indexX86Code } from '../code/code-index.ts';
import { FunctionBody } from '../code/function-body.ts';
import { type FunctionMap, mapFunctions } from '../code/function-map.ts';
import { arm64, x64, x86 } from '../code/processor.ts';
import { isRelocated } from '../code/static-memory.ts';
import { popsNothing } from '../code/x86/popped-bytes.ts';
import { x86Front } from '../code/x86/x86-front.ts';
import type { DriverImage } from '../pe/image-facts.ts';

/** The functions of an image and the instructions in each. */
export class FunctionInstructions {
  readonly #map: FunctionMap;
  readonly #body: FunctionBody;
  readonly #hasList: boolean;
  readonly #kept = new Map<number, readonly number[]>();

  constructor(image: DriverImage) {
    const { arch, imageBase, relocations } = image;
    this.#hasList = arch !== 'x86';
    this.#map = mapFunctions(image, arch === 'arm64' ? indexArm64Code(image) : indexX86Code(image));
    const processor = arch === 'arm64' ? arm64 : arch === 'x64' ? x64 : x86;
    const front =
      arch === 'arm64'
        ? arm64Front
        : x86Front(arch === 'x64', imageBase, rva => isRelocated(relocations, rva));
    this.#body = new FunctionBody({ front, processor, image });
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
    this.#body.decode(this.#map.pieces(functionRva), popsNothing);
    const { rva, count } = this.#body.operations;
    const starts = [...new Set(rva.subarray(0, count))].sort((a, b) => a - b);
    this.#kept.set(functionRva, starts);
    return starts;
  }
}
