/** ImageEditor: adds sections to a PE image and points its directories at them; begins one where there is none. */
import { CodeBuffer } from './code-buffer.ts';

const FILE_ALIGNMENT = 0x200;
const PAGE = 0x1000;
const SECTION_HEADER = 40;
const MACHINE = { x64: 0x8664, x86: 0x14c, arm64: 0xaa64 } as const;
const FIRST_HEADERS = 0x400;

export const SECTION_FLAGS = { code: 0x68000020, data: 0xc8000040, constants: 0x48000040 } as const;

export class ImageEditor {
  #file: Uint8Array;
  readonly #view = () => new DataView(this.#file.buffer, this.#file.byteOffset, this.#file.length);
  readonly #pe: number;
  readonly #isWide: boolean;

  /** Copies the file's bytes. */
  constructor(file: Uint8Array) {
    this.#file = file.slice();
    this.#pe = this.#view().getUint32(0x3c, true);
    this.#isWide = this.#view().getUint16(this.#pe + 24, true) === 0x20b;
  }

  /** The RVA that the next section gets. */
  get nextRva(): number {
    return aligned(this.#view().getUint32(this.#pe + 24 + 56, true), PAGE);
  }

  /** Appends a section; its bytes must have been made for `nextRva`. */
  addSection(name: string, bytes: Uint8Array, flags: number): void {
    const count = this.#view().getUint16(this.#pe + 6, true);
    const row = this.#pe + 24 + this.#view().getUint16(this.#pe + 20, true) + count * SECTION_HEADER;
    if (row + SECTION_HEADER > this.#view().getUint32(this.#pe + 24 + 60, true))
      throw new Error('The headers have no room for another section.');
    const header = new CodeBuffer(0).u8(...Buffer.from(name.padEnd(8, '\0'), 'latin1'));
    const offset = aligned(this.#file.length, FILE_ALIGNMENT);
    const rva = this.nextRva;
    header.u32(bytes.length, rva, aligned(bytes.length, FILE_ALIGNMENT), offset, 0, 0, 0, flags);
    const bigger = new Uint8Array(offset + aligned(bytes.length, FILE_ALIGNMENT));
    bigger.set(this.#file);
    bigger.set(bytes, offset);
    bigger.set(header.bytes, row);
    this.#file = bigger;
    this.#view().setUint16(this.#pe + 6, count + 1, true);
    this.#view().setUint32(this.#pe + 24 + 56, aligned(rva + bytes.length, PAGE), true);
  }

  setDirectory(index: number, rva: number, size: number): void {
    const at = this.#pe + 24 + (this.#isWide ? 112 : 96) + index * 8;
    this.#view().setUint32(at, rva, true);
    this.#view().setUint32(at + 4, size, true);
  }

  /** The table that a directory names, as 32-bit numbers; empty where there is none. */
  directoryWords(index: number): number[] {
    const at = this.#pe + 24 + (this.#isWide ? 112 : 96) + index * 8;
    const view = this.#view();
    const rva = view.getUint32(at, true);
    const words = view.getUint32(at + 4, true) >> 2;
    const sections = this.#pe + 24 + view.getUint16(this.#pe + 20, true);
    for (let i = 0; i < view.getUint16(this.#pe + 6, true); i++) {
      const row = sections + i * SECTION_HEADER;
      const sectionRva = view.getUint32(row + 12, true);
      const offset = view.getUint32(row + 20, true) + rva - sectionRva;
      const size = view.getUint32(row + 16, true);
      if (rva >= sectionRva && rva < sectionRva + size)
        return Array.from({ length: words }, (_, n) => view.getUint32(offset + 4 * n, true));
    }
    return [];
  }

  get bytes(): Uint8Array {
    return this.#file;
  }
}

/** An image of headers only. */
export function emptyImage(arch: keyof typeof MACHINE, imageBase: number): ImageEditor {
  const isWide = arch !== 'x86';
  const w = new CodeBuffer(0).u8(0x4d, 0x5a);
  while (w.here < 0x3c) w.u8(0);
  w.u32(0x40).u32(0x4550).u16(MACHINE[arch]).u16(0).u32(0x5f000000, 0, 0);
  w.u16((isWide ? 112 : 96) + 128).u16(isWide ? 0x22 : 0x102);
  w.u16(isWide ? 0x20b : 0x10b)
    .u16(14)
    .u32(0, 0, 0, PAGE, PAGE);
  if (isWide) w.u32(imageBase % 2 ** 32, Math.floor(imageBase / 2 ** 32));
  else w.u32(PAGE, imageBase);
  w.u32(PAGE, FILE_ALIGNMENT).u16(10).u16(0).u16(0).u16(0).u16(10).u16(0);
  w.u32(0, PAGE, FIRST_HEADERS, 0).u16(1).u16(0);
  for (let i = 0; i < (isWide ? 8 : 4); i++) w.u32(0);
  w.u32(0, 16);
  while (w.here < FIRST_HEADERS) w.u8(0);
  return new ImageEditor(w.bytes);
}

function aligned(value: number, boundary: number): number {
  return Math.ceil(value / boundary) * boundary;
}
