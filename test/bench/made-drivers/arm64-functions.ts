/** Made-up functions for ARM64, of the instructions that compilers of drivers write, in about their proportions. */
import { CodeBuffer } from './code-buffer.ts';
import {
  type CodeRecipe,
  type FunctionWriter,
  type MadeCode,
  type TagImport,
  WRAPPERS,
  writeFunctions,
} from './code-recipe.ts';

const SP = 31;
const ZERO = 31;
/** A call of the image's own code leads this far at most: what calls each other stands together. */
const CALL_DISTANCE = 400;
const BL = 0x94000000;

export function makeArm64Code(recipe: CodeRecipe): MadeCode {
  return new Arm64Functions(recipe).make();
}

class Arm64Functions implements FunctionWriter {
  readonly #recipe: CodeRecipe;
  readonly #out: CodeBuffer;
  readonly #functions: { begin: number; end: number }[] = [];
  readonly #calls: { at: number; target: number }[] = [];
  #exits: number[] = [];
  /** Registers that keep values over calls: x19 and on. */
  #kept: number[] = [];
  #index = 0;

  constructor(recipe: CodeRecipe) {
    this.#recipe = recipe;
    this.#out = new CodeBuffer(recipe.codeRva);
  }

  make(): MadeCode {
    const out = this.#out;
    const begin = () => {
      this.#endFunction();
      this.#functions.push({ begin: out.here, end: 0 });
    };
    writeFunctions(this.#recipe, this, () => out.here, begin);
    this.#endFunction();
    for (const { at, target } of this.#calls) {
      const { begin } = this.#functions[Math.min(target, this.#functions.length - 1)];
      out.patchU32(at, (BL | (((begin - at) >> 2) & 0x3ffffff)) >>> 0);
    }
    return { bytes: out.bytes, functions: this.#functions, relocations: [] };
  }

  #endFunction(): void {
    const last = this.#functions.at(-1);
    if (last !== undefined) last.end = this.#out.here;
  }

  wrapper({ slotRva }: TagImport): void {
    this.#word(0xa9bf7bfd, 0x910003fd); // stp x29, x30, [sp, #-16]!; mov x29, sp
    this.#move(2, 1);
    this.#move(1, 0);
    this.#constant(0, 0x200);
    this.#callSlot(slotRva);
    this.#word(0xa8c17bfd, 0xd65f03c0); // ldp x29, x30, [sp], #16; ret
  }

  ordinary(index: number, bytes: number, tagged: boolean): void {
    const { random } = this.#recipe;
    this.#index = index;
    this.#exits = [];
    const begin = this.#out.here;
    this.#kept = [19, 20, 21, 22, 23].slice(0, 1 + random.below(5));
    this.#word(0xa9ba7bfd, 0x910003fd, 0xa90153f3, 0xa9025bf5); // frame, x19 to x22 kept
    this.#kept.slice(0, 4).forEach((register, i) => {
      this.#move(register, i);
    });
    let uses = tagged ? 1 + random.below(2) : 0;
    while (this.#out.here - begin < bytes - 32 || uses > 0) {
      const isNow = uses > 0 && (this.#out.here - begin >= bytes - 32 || random.chance(0.15));
      if (isNow) {
        this.#tagUse();
        uses--;
      } else this.#statement(0);
    }
    for (const at of this.#exits) this.#land(at);
    this.#word(0xa9425bf5, 0xa94153f3, 0xa8c67bfd, 0xd65f03c0);
  }

  #word(...words: number[]): void {
    this.#out.u32(...words.map(word => word >>> 0));
  }

  #statement(depth: number): void {
    const { random } = this.#recipe;
    const roll = random.next();
    const kept = () => random.pick(this.#kept);
    if (roll < 0.22)
      this.#word(
        random.pick([0xb9400000, 0xf9400000]) | (random.below(40) << 10) | (kept() << 5) | this.#temporary(),
      );
    else if (roll < 0.32)
      this.#word(
        random.pick([0xb9000000, 0xf9000000]) | (random.below(40) << 10) | (kept() << 5) | this.#temporary(),
      );
    else if (roll < 0.37)
      this.#word(
        random.pick([0xf9000000, 0xf9400000]) |
          ((2 + random.below(10)) << 10) |
          (SP << 5) |
          this.#temporary(),
      );
    else if (roll < 0.5) this.#call();
    else if (roll < 0.57) this.#importCall();
    else if (roll < 0.76 && depth < 2) this.#branch(depth);
    else if (roll < 0.82) this.#global();
    else if (roll < 0.87) this.#move(this.#temporary(), kept());
    else if (roll < 0.92)
      this.#word(
        random.pick([0x91000000, 0xd1000000]) |
          (random.below(256) << 10) |
          (this.#temporary() << 5) |
          this.#temporary(),
      );
    else if (roll < 0.96)
      this.#word(0x8a000000 | (this.#temporary() << 16) | (this.#temporary() << 5) | this.#temporary());
    else
      this.#constant(
        this.#temporary(),
        random.chance(0.8) ? random.below(512) : (0xc0000000 + random.below(0x300)) >>> 0,
      );
  }

  #temporary(): number {
    return this.#recipe.random.pick([0, 0, 1, 2, 3, 8, 9, 10]);
  }

  #move(to: number, from: number): void {
    this.#word(0xaa0003e0 | (from << 16) | to);
  }

  /** movz, and movk where the upper half is not empty. */
  #constant(register: number, value: number): void {
    this.#word(0x52800000 | ((value & 0xffff) << 5) | register);
    if (value >>> 16 !== 0) this.#word(0x72a00000 | ((value >>> 16) << 5) | register);
  }

  /** adrp, the page of an address. */
  #page(register: number, rva: number): void {
    const pages = (rva >> 12) - (this.#out.here >> 12);
    this.#word(0x90000000 | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5) | register);
  }

  #global(): void {
    const { random, dataRva, dataBytes } = this.#recipe;
    const rva = dataRva + 8 * random.below(dataBytes >> 3);
    const register = this.#temporary();
    this.#page(register, rva);
    if (random.chance(0.5))
      this.#word(0xf9400000 | (((rva & 0xfff) >> 3) << 10) | (register << 5) | register);
    else this.#word(0x91000000 | ((rva & 0xfff) << 10) | (register << 5) | register);
  }

  #branch(depth: number): void {
    const { random } = this.#recipe;
    const roll = random.next();
    const isCompared = roll < 0.5;
    if (isCompared) this.#word(0x7100001f | (random.below(32) << 10) | (this.#temporary() << 5)); // cmp w, #n
    const at = this.#out.here;
    if (isCompared) this.#word(0x54000000 | random.below(14));
    else this.#word(random.pick([0x34000000, 0xb4000000, 0x35000000]) | this.#temporary()); // cbz, cbnz
    if (random.chance(0.3)) {
      this.#exits.push(at);
      return;
    }
    for (let i = 1 + random.below(3); i > 0; i--) this.#statement(depth + 1);
    this.#land(at);
  }

  /** b.cond, cbz and cbnz have their distance in the same bits. */
  #land(at: number): void {
    this.#out.patchU32(at, (this.#out.u32At(at) | ((((this.#out.here - at) >> 2) & 0x7ffff) << 5)) >>> 0);
  }

  #call(): void {
    const target = this.#index + this.#recipe.random.below(2 * CALL_DISTANCE) - CALL_DISTANCE;
    this.#arguments();
    this.#callFunction(Math.max(WRAPPERS, target));
  }

  #callFunction(target: number): void {
    this.#calls.push({ at: this.#out.here, target });
    this.#word(BL);
    if (this.#recipe.random.chance(0.3)) {
      this.#exits.push(this.#out.here);
      this.#word(0x34000000);
    }
  }

  #importCall(): void {
    const { random, otherImports } = this.#recipe;
    if (otherImports.length === 0) return this.#call();
    this.#arguments();
    this.#callSlot(random.pick(otherImports).slotRva);
  }

  #callSlot(slotRva: number): void {
    this.#page(8, slotRva);
    this.#word(0xf9400000 | (((slotRva & 0xfff) >> 3) << 10) | (8 << 5) | 8, 0xd63f0100);
  }

  #arguments(): void {
    const { random } = this.#recipe;
    for (const register of [3, 2, 1, 0].slice(random.below(4))) {
      const roll = random.next();
      if (roll < 0.5) this.#move(register, random.pick(this.#kept));
      else if (roll < 0.65) this.#move(register, ZERO);
      else if (roll < 0.8) this.#word(0x91000000 | ((8 * random.below(12)) << 10) | (SP << 5) | register);
      else this.#constant(register, random.below(0x400));
    }
  }

  #tagUse(): void {
    const { random, tagImports } = this.#recipe;
    const tag = this.#recipe.nextTag();
    if (random.chance(0.3)) {
      this.#constant(1, tag);
      this.#constant(0, 16 + 8 * random.below(200));
      return this.#callFunction(random.below(WRAPPERS));
    }
    const { shape, slotRva } = random.pick(tagImports);
    if (shape === 'free') {
      this.#constant(1, tag);
      this.#move(0, random.pick(this.#kept));
    } else {
      this.#constant(shape === 'lookaside' ? 5 : 2, tag);
      this.#constant(1, 16 + 8 * random.below(200));
      this.#constant(0, 0x200);
    }
    this.#callSlot(slotRva);
  }
}
