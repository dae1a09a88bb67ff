/** Made-up functions for x64 and x86, of the instructions that compilers of drivers write, in about their proportions. */
import { CodeBuffer } from './code-buffer.ts';
import {
  type CodeRecipe,
  type FunctionWriter,
  type MadeCode,
  type TagImport,
  WRAPPERS,
  writeFunctions,
} from './code-recipe.ts';
import { type Memory, R, X86Encoder } from './x86-encoder.ts';

/** Conditions of jumps: equal, not equal, signed and unsigned comparisons, sign. */
const CONDITIONS = [4, 4, 4, 5, 5, 5, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15];
/** A call of the image's own code leads this far at most: what calls each other stands together. */
const CALL_DISTANCE = 400;
const NOP_AFTER_CALL = [0x0f, 0x1f, 0x44, 0x00, 0x00];

export function makeX86Code(recipe: CodeRecipe): MadeCode {
  return new X86Functions(recipe).make();
}

class X86Functions implements FunctionWriter {
  readonly #recipe: CodeRecipe;
  readonly #out: CodeBuffer;
  readonly #code: X86Encoder;
  readonly #is64: boolean;
  readonly #functions: { begin: number; end: number }[] = [];
  /** Calls whose target is known when all is written. */
  readonly #calls: { at: number; target: number }[] = [];
  /** Branches to the function's common end. */
  #exits: number[] = [];
  /** Registers that keep values over calls in this function. */
  #kept: number[] = [];
  #frameBytes = 0;
  /** x86: bytes of arguments that the image's functions pop, by number. */
  #index = 0;

  constructor(recipe: CodeRecipe) {
    this.#recipe = recipe;
    this.#out = new CodeBuffer(recipe.codeRva);
    this.#is64 = recipe.arch === 'x64';
    this.#code = new X86Encoder(this.#out, this.#is64, recipe.imageBase);
  }

  make(): MadeCode {
    const out = this.#out;
    const begin = () => {
      this.#endFunction();
      out.align(16, 0xcc);
      this.#functions.push({ begin: out.here, end: 0 });
    };
    writeFunctions(this.#recipe, this, () => out.here, begin);
    this.#endFunction();
    for (const { at, target } of this.#calls) {
      const { begin } = this.#functions[Math.min(target, this.#functions.length - 1)];
      out.patchU32(at, (begin - (at + 4)) >>> 0);
    }
    return { bytes: out.bytes, functions: this.#functions, relocations: this.#code.relocations };
  }

  #endFunction(): void {
    const last = this.#functions.at(-1);
    if (last !== undefined) last.end = this.#out.here;
  }

  wrapper(tagImport: TagImport): void {
    const code = this.#code;
    if (this.#is64) {
      code.moveStack(-0x28);
      code.registers([0x8b], R.r8, R.dx);
      code.registers([0x8b], R.dx, R.cx, true);
      code.moveImmediate(R.cx, 0x200);
      code.memory([0xff], 2, { rva: tagImport.slotRva });
      code.moveStack(0x28);
      this.#out.u8(0xc3);
    } else {
      code.memory([0xff], 6, { base: R.sp, displacement: 8 });
      code.memory([0xff], 6, { base: R.sp, displacement: 8 });
      this.#out.u8(0x6a, 0x01);
      code.memory([0xff], 2, { rva: tagImport.slotRva });
      this.#out.u8(0xc2, 8, 0);
    }
  }

  ordinary(index: number, bytes: number, tagged: boolean): void {
    const { random } = this.#recipe;
    this.#index = index;
    this.#exits = [];
    const begin = this.#out.here;
    const isLeaf = bytes < 48 && !tagged;
    this.#prologue(isLeaf);
    // Most functions with tags use one or two: memory is taken in one place and given back in another.
    let uses = tagged ? 1 + this.#recipe.random.below(2) : 0;
    while (this.#out.here - begin < bytes - 24 || uses > 0) {
      const isNow = uses > 0 && (this.#out.here - begin >= bytes - 24 || random.chance(0.15));
      if (isNow) {
        this.#tagUse();
        uses--;
      } else this.#statement(isLeaf, 0);
    }
    for (const at of this.#exits) this.#code.land(at, false);
    this.#epilogue(isLeaf);
  }

  #prologue(isLeaf: boolean): void {
    const { random } = this.#recipe;
    const code = this.#code;
    const saved = this.#is64 ? [R.bx, R.di, R.si, R.r14, R.r15, R.r12] : [R.si, R.di, R.bx];
    this.#kept = isLeaf ? [R.cx] : saved.slice(0, 1 + random.below(this.#is64 ? 5 : 3));
    this.#frameBytes = 0x20 + 8 * random.below(12) + (random.chance(0.05) ? 0x200 : 0);
    if (isLeaf) return;
    if (!this.#is64) {
      this.#out.u8(0x8b, 0xff, 0x55, 0x8b, 0xec);
      code.moveStack(-this.#frameBytes);
      for (const register of this.#kept) code.push(register);
      code.memory([0x8b], this.#kept[0], { base: R.bp, displacement: 8 });
      return;
    }
    if (random.chance(0.6)) code.memory([0x89], R.bp, { base: R.sp, displacement: 8 }, { wide: true });
    for (const register of this.#kept) code.push(register);
    code.moveStack(-this.#frameBytes);
    this.#kept.slice(0, 4).forEach((register, i) => {
      code.registers([0x8b], register, [R.cx, R.dx, R.r8, R.r9][i], true);
    });
  }

  #epilogue(isLeaf: boolean): void {
    const { random } = this.#recipe;
    const code = this.#code;
    if (random.chance(0.5)) code.registers([0x33], R.ax, R.ax);
    if (!isLeaf && this.#is64) {
      code.moveStack(this.#frameBytes);
      for (const register of [...this.#kept].reverse()) code.pop(register);
    } else if (!isLeaf) {
      for (const register of [...this.#kept].reverse()) code.pop(register);
      this.#out.u8(0xc9);
    }
    if (this.#is64 || isLeaf) this.#out.u8(0xc3);
    else this.#out.u8(0xc2, this.#poppedBy(this.#index), 0);
  }

  /** On x86 every function takes one to three arguments and pops them. */
  #poppedBy(index: number): number {
    return index < WRAPPERS ? 8 : 4 + 4 * (index % 3);
  }

  #statement(isLeaf: boolean, depth: number): void {
    const { random } = this.#recipe;
    const roll = random.next();
    if (roll < 0.2) this.#load();
    else if (roll < 0.31) this.#store();
    else if (roll < 0.45 && !isLeaf) this.#call();
    else if (roll < 0.53 && !isLeaf) this.#importCall();
    else if (roll < 0.55 && !isLeaf) this.#pointerCall();
    else if (roll < 0.73 && depth < 2) this.#branch(isLeaf, depth);
    else if (roll < 0.76 && depth < 1) this.#loop(isLeaf);
    else if (roll < 0.82) this.#global();
    else if (roll < 0.85) this.#copyVector();
    else this.#compute();
  }

  /** A register for a short time. */
  #temporary(): number {
    return this.#recipe.random.pick(
      this.#is64 ? [R.ax, R.ax, R.cx, R.dx, R.r8, R.r9] : [R.ax, R.ax, R.cx, R.dx],
    );
  }

  #place(): Memory {
    const { random } = this.#recipe;
    if (random.chance(0.25)) return this.#local();
    return { base: random.pick(this.#kept), displacement: 4 * random.below(random.chance(0.8) ? 31 : 200) };
  }

  #local(): Memory {
    const { random } = this.#recipe;
    const slot = 8 * random.below(this.#frameBytes >> 3);
    return this.#is64 ? { base: R.sp, displacement: slot } : { base: R.bp, displacement: -8 - slot };
  }

  #load(): void {
    const { random } = this.#recipe;
    const roll = random.next();
    if (roll < 0.75)
      this.#code.memory([0x8b], this.#temporary(), this.#place(), { wide: random.chance(0.6) });
    else if (roll < 0.88)
      this.#code.memory([0x0f, random.chance(0.5) ? 0xb6 : 0xb7], this.#temporary(), this.#place());
    else this.#code.memory([0x8d], this.#temporary(), this.#local(), { wide: true });
  }

  #store(): void {
    const { random } = this.#recipe;
    const roll = random.next();
    if (roll < 0.6) this.#code.memory([0x89], this.#temporary(), this.#place(), { wide: random.chance(0.6) });
    else if (roll < 0.85) {
      this.#code.memory([0xc7], 0, this.#place(), { immediateBytes: 4 });
      this.#out.u32(random.chance(0.7) ? random.below(64) : (0xc0000000 + random.below(0x300)) >>> 0);
    } else {
      this.#code.memory([0xc6], 0, this.#place(), { immediateBytes: 1 });
      this.#out.u8(random.below(3));
    }
  }

  #compute(): void {
    const { random } = this.#recipe;
    const code = this.#code;
    const roll = random.next();
    const wide = random.chance(0.5);
    if (roll < 0.3) code.registers([0x8b], this.#temporary(), random.pick(this.#kept), wide);
    else if (roll < 0.45)
      code.registers([random.pick([0x03, 0x2b, 0x23, 0x0b])], this.#temporary(), this.#temporary(), wide);
    else if (roll < 0.6) {
      code.registers([0x83], random.pick([0, 1, 4, 5]), this.#temporary(), wide);
      this.#out.u8(random.below(128));
    } else if (roll < 0.7) code.registers([0x33], R.dx, R.dx);
    else if (roll < 0.78) {
      code.registers([0xc1], random.pick([4, 5, 7]), this.#temporary(), wide);
      this.#out.u8(1 + random.below(12));
    } else if (roll < 0.85) {
      code.registers([0x85], R.ax, R.ax, wide);
      code.registers([0x0f, 0x44 + random.below(2)], R.ax, R.cx, wide);
    } else if (roll < 0.9) code.registers([0x0f, 0x94 + random.below(2)], 0, R.ax);
    else
      code.moveImmediate(
        this.#temporary(),
        random.chance(0.8) ? random.below(512) : (0xc0000000 + random.below(0x300)) >>> 0,
      );
  }

  /** if (...) { a few statements } or, to the function's end, if (...) goto exit. */
  #branch(isLeaf: boolean, depth: number): void {
    const { random } = this.#recipe;
    this.#compare();
    const condition = random.pick(CONDITIONS);
    if (random.chance(0.3)) {
      this.#exits.push(this.#code.longBranch(condition));
      return;
    }
    const isShort = random.chance(0.75);
    const at = isShort ? this.#code.shortBranch(condition) : this.#code.longBranch(condition);
    for (let i = isShort ? 1 : 1 + random.below(4); i > 0; i--)
      this.#statement(isLeaf, isShort ? 2 : depth + 1);
    if (!this.#code.land(at, isShort)) throw new Error('A short branch was made over too much code.');
  }

  #loop(isLeaf: boolean): void {
    const { random } = this.#recipe;
    this.#code.registers([0x33], R.dx, R.dx);
    const top = this.#out.here;
    for (let i = 1 + random.below(3); i > 0; i--) this.#statement(isLeaf, 2);
    this.#code.registers([0xff], 0, R.dx);
    this.#compare();
    const distance = top - (this.#out.here + 2);
    if (distance >= -128) this.#out.u8(0x72, distance & 0xff);
    else this.#out.u8(0x0f, 0x82).u32((distance - 4) >>> 0);
  }

  #compare(): void {
    const { random } = this.#recipe;
    const code = this.#code;
    const roll = random.next();
    if (roll < 0.45) {
      const register = random.chance(0.6) ? R.ax : random.pick(this.#kept);
      code.registers([0x85], register, register, random.chance(0.5));
    } else if (roll < 0.7) {
      code.memory([0x83], 7, this.#place(), { immediateBytes: 1 });
      this.#out.u8(random.below(32));
    } else if (roll < 0.85)
      code.registers([0x3b], this.#temporary(), random.pick(this.#kept), random.chance(0.5));
    else {
      code.memory([0xf6], 0, this.#place(), { immediateBytes: 1 });
      this.#out.u8(1 << random.below(8));
    }
  }

  #global(): void {
    const { random, dataRva, dataBytes } = this.#recipe;
    const memory = { rva: dataRva + 8 * random.below(dataBytes >> 3) };
    const roll = random.next();
    if (!this.#is64 && roll >= 0.7) {
      this.#out.u8(0x68); // push offset
      this.#code.address(memory.rva);
      this.#code.pop(R.cx);
    } else
      this.#code.memory([roll < 0.5 ? 0x8b : roll < 0.7 ? 0x89 : 0x8d], this.#temporary(), memory, {
        wide: true,
      });
  }

  #copyVector(): void {
    this.#code.memory([0x0f, 0x10], 0, this.#place());
    this.#code.memory([0x0f, 0x11], 0, this.#local());
  }

  #call(): void {
    const { random } = this.#recipe;
    const last = this.#index;
    const target = Math.max(WRAPPERS, last + random.below(2 * CALL_DISTANCE) - CALL_DISTANCE);
    this.#arguments(this.#poppedBy(target) / 4);
    this.#calls.push({ at: this.#code.relative(0xe8), target });
    this.#afterCall();
  }

  #importCall(): void {
    const { random, otherImports } = this.#recipe;
    if (otherImports.length === 0) return this.#call();
    const { slotRva, poppedBytes } = random.pick(otherImports);
    this.#arguments(poppedBytes / 4);
    this.#code.memory([0xff], 2, { rva: slotRva }, { wide: true });
    if (this.#is64 && random.chance(0.7)) this.#out.u8(...NOP_AFTER_CALL);
    this.#afterCall();
  }

  #pointerCall(): void {
    const { random } = this.#recipe;
    this.#code.memory(
      [0x8b],
      R.ax,
      { base: random.pick(this.#kept), displacement: 8 * random.below(12) },
      { wide: true },
    );
    this.#arguments(0);
    this.#code.memory([0xff], 2, { base: R.ax, displacement: 8 * random.below(12) });
  }

  #afterCall(): void {
    const { random } = this.#recipe;
    if (random.chance(0.4)) {
      this.#code.registers([0x85], R.ax, R.ax, random.chance(0.5));
      if (random.chance(0.6)) this.#exits.push(this.#code.longBranch(random.pick([4, 8])));
    } else if (random.chance(0.3)) this.#code.registers([0x8b], random.pick(this.#kept), R.ax, true);
  }

  /** Moves or pushes arguments; on x64 their number is not the callee's affair. */
  #arguments(count: number): void {
    const { random } = this.#recipe;
    const code = this.#code;
    if (!this.#is64) {
      for (let i = 0; i < count; i++) {
        if (random.chance(0.5)) code.push(random.pick(this.#kept));
        else if (random.chance(0.6)) this.#out.u8(0x6a, random.below(100));
        else code.memory([0xff], 6, this.#place());
      }
      return;
    }
    for (const register of [R.r9, R.r8, R.dx, R.cx].slice(random.below(4))) {
      const roll = random.next();
      if (roll < 0.45) code.registers([0x8b], register, random.pick(this.#kept), true);
      else if (roll < 0.6) code.memory([0x8d], register, this.#local(), { wide: true });
      else if (roll < 0.75) code.memory([0x8b], register, this.#place(), { wide: true });
      else if (roll < 0.85) code.registers([0x33], register, register);
      else code.moveImmediate(register, random.below(0x400));
    }
  }

  #tagUse(): void {
    const { random, tagImports } = this.#recipe;
    if (random.chance(0.3)) return this.#wrapperUse();
    const { shape, slotRva } = random.pick(tagImports);
    const tag = this.#recipe.nextTag();
    if (shape === 'lookaside') this.#lookaside(tag);
    else if (this.#is64) {
      const isFree = shape === 'free';
      this.#code.moveImmediate(isFree ? R.dx : R.r8, tag);
      if (isFree) this.#code.registers([0x8b], R.cx, random.pick(this.#kept), true);
      else {
        this.#code.moveImmediate(R.dx, 16 + 8 * random.below(200));
        this.#code.moveImmediate(R.cx, shape === 'allocate' ? 0x200 : 0x40);
      }
    } else {
      this.#out.u8(0x68).u32(tag);
      if (shape === 'free') this.#code.push(random.pick(this.#kept));
      else {
        this.#out.u8(0x6a, 8 * random.below(15));
        if (shape === 'allocate2') this.#out.u8(0x6a, 0);
        this.#out.u8(0x6a, shape === 'allocate' ? 1 : 0x40);
      }
    }
    this.#code.memory([0xff], 2, { rva: slotRva }, { wide: true });
    this.#afterCall();
  }

  /** Its tag is an argument on the stack. */
  #lookaside(tag: number): void {
    const code = this.#code;
    if (this.#is64) {
      const at = (displacement: number): Memory => ({ base: R.sp, displacement });
      code.memory([0x83], 4, at(0x30), { immediateBytes: 1 });
      this.#out.u8(0);
      code.memory([0xc7], 0, at(0x28), { immediateBytes: 4 });
      this.#out.u32(tag);
      code.registers([0x33], R.r9, R.r9);
      code.registers([0x33], R.r8, R.r8);
      code.memory([0x8d], R.cx, { rva: this.#recipe.dataRva }, { wide: true });
    } else {
      this.#out.u8(0x6a, 0, 0x68).u32(tag);
      this.#out.u8(0x6a, 0x40, 0x6a, 0, 0x6a, 0, 0x6a, 0, 0x68);
      code.address(this.#recipe.dataRva);
    }
  }

  #wrapperUse(): void {
    const { random } = this.#recipe;
    const tag = this.#recipe.nextTag();
    if (this.#is64) {
      this.#code.moveImmediate(R.dx, tag);
      this.#code.moveImmediate(R.cx, 16 + 8 * random.below(200));
    } else {
      this.#out.u8(0x68).u32(tag);
      this.#out.u8(0x6a, 8 * random.below(15));
    }
    this.#calls.push({ at: this.#code.relative(0xe8), target: random.below(WRAPPERS) });
    this.#afterCall();
  }
}
