/** Writes machine code for hostile images: few instructions, many times, with their distances worked out. */
import type { DriverImage, FunctionRange } from '../../../scanner/pe/image-facts.ts';
import { IMAGE_BASE, section, smallImage } from './small-image.ts';

/** The import slot of ExAllocatePoolWithTag. */
export const ALLOCATE_RVA = 0x1000;
export const CODE_RVA = 0x2000;
/** "Tag1". */
export const TAG1 = 0x31676154;

/** Code of a fixed size, int3 where nothing is written; positions are offsets into it. */
export class MachineCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly functionRanges: FunctionRange[] = [];
  readonly #view: DataView;

  constructor(size: number, padding = 0xcc) {
    this.bytes = new Uint8Array(size).fill(padding);
    this.#view = new DataView(this.bytes.buffer);
  }

  put(at: number, ...bytes: number[]): number {
    this.bytes.set(bytes, at);
    return at + bytes.length;
  }

  put32(at: number, value: number): number {
    this.#view.setInt32(at, value, true);
    return at + 4;
  }

  /** An instruction that ends in the distance to an RVA, as x64 writes its operands and both write their calls. */
  towards(at: number, opcode: number[], targetRva: number): number {
    const end = this.put(at, ...opcode) + 4;
    return this.put32(end - 4, targetRva - (CODE_RVA + end));
  }

  call(at: number, target: number): number {
    return this.towards(at, [0xe8], CODE_RVA + target);
  }

  jump(at: number, target: number): number {
    return this.towards(at, [0xe9], CODE_RVA + target);
  }

  branch(at: number, target: number): number {
    return this.towards(at, [0x0f, 0x84], CODE_RVA + target);
  }

  /** call [ExAllocatePoolWithTag] on x64. */
  allocate(at: number): number {
    return this.towards(at, [0xff, 0x15], ALLOCATE_RVA);
  }

  /** A function that .pdata lists. */
  listed(begin: number, end: number): void {
    const beginRva = CODE_RVA + begin;
    this.functionRanges.push({ beginRva, endRva: CODE_RVA + end, functionRva: beginRva });
  }

  /** The image: the import, this code, and variables behind it. */
  image(arch: DriverImage['arch'], data: Uint8Array = new Uint8Array(16)): DriverImage {
    return smallImage({
      arch,
      sections: [
        section('.rdata', ALLOCATE_RVA, new Uint8Array(0x1000)),
        section('.text', CODE_RVA, this.bytes, { executable: true }),
        section('.data', this.dataRva, data, { writable: true }),
      ],
      imports: new Map([[ALLOCATE_RVA, 'ExAllocatePoolWithTag']]),
      functionRanges: this.functionRanges,
    });
  }

  get dataRva(): number {
    return CODE_RVA + ((this.bytes.length + 0xfff) & ~0xfff);
  }
}

/** So many pointers of eight bytes to one position of the code. */
export function pointersTo(position: number, count: number): Uint8Array<ArrayBuffer> {
  const pointers = new BigUint64Array(count).fill(BigInt(IMAGE_BASE + CODE_RVA + position));
  return new Uint8Array(pointers.buffer);
}
