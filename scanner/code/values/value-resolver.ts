/**
 * Finds what a register or a place in memory may hold, walking backwards over every path to what defines it.
 * Nothing else of the function is evaluated: a tag's constant is usually a few instructions away.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import { NO_EDGE } from '../functions/block-graph.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { savesAtEntry } from '../functions/frame-edges.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import type { KeptRegisters } from '../functions/kept-registers.ts';
import { BASE_IMAGE, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import type { Processor } from '../processors/processor.ts';
import { arrayBehind } from './array-values.ts';
import { BlockWalks } from './block-walks.ts';
import { enumerated } from './bounds.ts';
import { lastDefinition } from './last-definition.ts';
import { countedNumbers } from './loop-counters.ts';
import { tagsOfLoops } from './loop-fills.ts';
import { blank, carriedBy, memory, parameter, previous, UNKNOWN } from './make-value.ts';
import { MemoryFunctions } from './memory-functions.ts';
import { addressValue, loadedValue } from './memory-operands.ts';
import { blockUnits, storedValue } from './memory-values.ts';
import { withoutNull } from './null-pointers.ts';
import { fieldAt, passedMemory } from './pointed-memory.ts';
import { definedValue } from './register-values.ts';
import { readConstant, readHalf } from './static-memory.ts';
import { storeSource } from './store-sources.ts';
import { type Value, ValueSet } from './values.ts';
import { type Assumption, framePart, register, registerPart, type Walk, type Wanted } from './walk.ts';

/**
 * Operations looked at for one question. Honest code needs tens; the bound keeps hostile code from costing more than
 * a fraction of a millisecond a call site.
 */
const MAX_STEPS = 4_000;
/** Looking at an operation costs a fraction of decoding one. */
const STEPS_PER_OPERATION = 4;
/** Expressions inside expressions: each level is a few frames of the JavaScript stack. */
const MAX_DEPTH = 60;

/** No compiler makes a function of so many blocks; in one, only questions this deep leave their blocks: each depth has arrays. */
const MANY_BLOCKS = 32_768;
const SHALLOW = 4;

/** Asks of the function that `body` holds; each question begins anew, with its own bound of steps. */
export class ValueResolver implements Walk {
  readonly body: FunctionBody;
  readonly image: DriverImage;
  readonly processor: Processor;
  readonly index: CodeIndex;
  readonly memoryFunctions: MemoryFunctions | undefined;
  readonly keptRegisters: KeptRegisters;
  readonly assumptions: Assumption[] = [];
  readonly guardChecks = new Map<number, boolean>();
  #steps = 0;
  #stepsTaken = 0;
  readonly #isTraced: boolean;
  /** Import slots and Control Flow Guard's: the loader fills them, whatever stands there in the file. */
  readonly #slots: Set<number>;
  /** What a call through one of them goes through: made once, for it is asked for most calls. */
  readonly #importSlots: ReadonlyMap<number, readonly Value[]>;
  /** Definitions being evaluated: meeting one again is a loop. */
  readonly #active = new Float64Array(MAX_DEPTH + 2);
  #activeCount = 0;
  readonly #blockWalks = new BlockWalks(MAX_DEPTH);
  #walks = 0;

  constructor(
    body: FunctionBody,
    code: Pick<
      CodeUnderAnalysis,
      'image' | 'processor' | 'index' | 'isTraced' | 'functions' | 'keptRegisters'
    >,
  ) {
    this.body = body;
    this.image = code.image;
    this.processor = code.processor;
    this.index = code.index;
    const memoryFunctions = new MemoryFunctions(code);
    this.memoryFunctions = memoryFunctions.isEmpty ? undefined : memoryFunctions;
    this.keptRegisters = code.keptRegisters;
    this.#isTraced = code.isTraced;
    this.#importSlots = new Map(code.image.imports.map(({ slotRva }) => [slotRva, [memory(slotRva)]]));
    this.#slots = new Set(this.#importSlots.keys());
    for (const slot of Object.values(code.image.guardSlots)) if (slot !== null) this.#slots.add(slot);
  }

  /** The values that `place` may hold just before an operation; stack offsets count from the stack pointer there. */
  resolve(place: Place, before: number): ValueSet {
    this.#begin();
    const pointers = this.at(this.#wanted(place, before), before, 0);
    const { behind, further, stride } = place;
    if (behind === undefined) return pointers;
    if (stride !== undefined)
      return pointers.flatMap(pointer => arrayBehind(this, pointer, behind, stride, before));
    const found = passedMemory(this, pointers, behind, before);
    if (further === undefined) return found;
    return withoutNull(found, further).flatMap(pointer => fieldAt(this, pointer, further, before));
  }

  /** The values of a register's lowest byte: `mov cl, 'T'` leaves the others as they are. */
  resolveByte(number: number, before: number): ValueSet {
    this.#begin();
    return this.at(registerPart(number, 0, 1), before, 0);
  }

  /** The values of `width` bytes behind a pointer, just before an operation. */
  resolveBehind(pointer: Value, offset: number, width: number, before: number): ValueSet {
    this.#begin();
    return fieldAt(this, pointer, offset, before, width);
  }

  /** The values of the four bytes that a store puts `lane` bytes into its destination. */
  resolveStored(operation: number, lane: number): ValueSet {
    this.#begin();
    return storeSource(this, operation, lane, 4, 0);
  }

  /** The tags that loops put into the array whose first one is at a place of the frame. */
  resolveLoopFills(slot: number): readonly Value[] {
    this.#begin();
    return tagsOfLoops(this, slot, undefined, 0);
  }

  /** The address of an operation's memory operand, its index and displacement included. */
  resolveAddress(operation: number): ValueSet {
    this.#begin();
    return addressValue(this, operation, 0);
  }

  /** How many bytes the `rep movs` at an operation copies; undefined where that is not known. */
  copiedBytes(operation: number): number | undefined {
    this.#begin();
    const units = blockUnits(this, operation, 0);
    return units === undefined ? undefined : units * this.body.operations.size[operation];
  }

  /** What `call [import]` goes through, which is most calls; undefined for others. */
  importSlotAt(operation: number): readonly Value[] | undefined {
    const { base, index, source, displacement, op } = this.body.operations;
    const isOfImage =
      (op[operation] === Op.callIndirect || op[operation] === Op.jumpIndirect) &&
      base[operation] === BASE_IMAGE &&
      source[operation] === NONE &&
      index[operation] === NONE;
    return isOfImage ? this.#importSlots.get(displacement[operation]) : undefined;
  }

  /** The values of the pointer that an indirect call or jump goes through. */
  resolveTarget(operation: number): ValueSet {
    this.#begin();
    const source = this.body.operations.source[operation];
    if (source !== NONE) return this.at(register(source), operation, 0);
    return loadedValue(this, operation, 0, 4, 0);
  }

  /** Like resolve, with numbers that a comparison on the way keeps small replaced by each of them. */
  resolveBounded(place: Place, before: number): ValueSet {
    return enumerated(this, this.resolve(place, before), before, 0);
  }

  /** The numbers of a loop that counts, where the values are such a loop's: see bounds.ts. */
  resolveCount(values: readonly Value[], use: number): readonly Value[] | undefined {
    this.#begin();
    return countedNumbers(this, values, use);
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const steps = this.#stepsTaken + this.#steps;
    this.#stepsTaken = 0;
    this.#steps = 0;
    return steps / STEPS_PER_OPERATION;
  }

  #begin(): void {
    this.#stepsTaken += this.#steps;
    this.#steps = 0;
    // Both are empty already, but after a fault; an array that is cut gives its memory away.
    this.#activeCount = 0;
    if (this.assumptions.length > 0) this.assumptions.length = 0;
  }

  #wanted(place: Place, before: number): Wanted {
    if ('register' in place) return registerPart(place.register, place.isUpper ? 4 : 0, 4);
    return framePart(this.body.stackAt[before] + place.stackOffset, 4);
  }

  /** The values of what is wanted just before an operation; `depth` counts the questions inside the first one. */
  at(wanted: Wanted, before: number, depth: number): ValueSet {
    // The loader alone writes these, so no store is looked for: most calls go through one.
    if (wanted.space === 'image' && wanted.width === 4 && this.#slots.has(wanted.at))
      return ValueSet.of(this.#atStart(wanted.at));
    if (depth > MAX_DEPTH || this.#steps > MAX_STEPS) return ValueSet.of(UNKNOWN);
    const { blocks, blockOf, operations } = this.body;
    const first = blockOf[Math.min(before, operations.count - 1)];
    const inBlock = this.#walkBlock(wanted, before, blocks.begin[first], depth);
    if (inBlock !== undefined) return inBlock;
    if (depth > SHALLOW && blocks.count > MANY_BLOCKS) return ValueSet.of(UNKNOWN);
    // Every path into the block: each block is walked once, from its end.
    const result = new ValueSet();
    const { predecessors } = blocks;
    const { seen, waiting } = this.#blockWalks.at(depth, blocks.count);
    const walk = ++this.#walks;
    let waitingCount = 1;
    waiting[0] = first;
    while (waitingCount > 0) {
      const block = waiting[--waitingCount];
      let edge = predecessors.first[block];
      if (blocks.begin[block] === 0) result.add(this.#atEntry(wanted));
      else if (edge === NO_EDGE) result.add(UNKNOWN);
      for (; edge !== NO_EDGE; edge = predecessors.next[edge]) {
        this.#steps++;
        const from = predecessors.target[edge];
        if (seen[from] === walk) continue;
        seen[from] = walk;
        const found = this.#walkBlock(wanted, blocks.end[from], blocks.begin[from], depth);
        if (found === undefined) waiting[waitingCount++] = from;
        else result.addAll(found);
      }
    }
    return result;
  }

  /** The definition nearest before `before`, down to `begin`; undefined where the block has none. */
  #walkBlock(wanted: Wanted, before: number, begin: number, depth: number): ValueSet | undefined {
    for (let from = before - 1; from >= begin; ) {
      const end = Math.max(begin, from - (MAX_STEPS - this.#steps) + 1);
      const i = lastDefinition(this, wanted, from, end);
      this.#steps += from - i + (i < end ? 0 : 1);
      if (i < end) return end > begin ? this.#outOfSteps() : undefined;
      from = i - 1;
      const isRegister = wanted.space === 'register';
      const key = i * 0x1000 + (isRegister ? wanted.at * 16 + wanted.lane : 0xfff);
      if (this.#isActive(key)) return ValueSet.of(previous(i));
      this.#active[this.#activeCount++] = key;
      const found = isRegister ? definedValue(this, wanted, i, depth) : storedValue(this, wanted, i, depth);
      this.#activeCount--;
      if (found === undefined) continue;
      return this.#isTraced ? found.map(value => carriedBy(value, this.body.operations.rva[i])) : found;
    }
    return undefined;
  }

  #isActive(key: number): boolean {
    for (let n = 0; n < this.#activeCount; n++) if (this.#active[n] === key) return true;
    return false;
  }

  #outOfSteps(): ValueSet {
    this.#steps++;
    return ValueSet.of(UNKNOWN);
  }

  #atEntry(wanted: Wanted): Value {
    const { space, at, lane, width } = wanted;
    if (space === 'image' && width === 2) return readHalf(this.image, at);
    if (width !== 4) return UNKNOWN;
    if (space === 'image') return this.#atStart(at);
    if (space === 'frame') {
      if (at < this.processor.callPushes) return blank(at);
      return parameter({ stackOffset: at });
    }
    if (at >= VECTOR0 || !this.processor.isArgumentRegister(at) || this.#isOfCallers(at)) return UNKNOWN;
    if (lane === 0) return parameter({ register: at });
    return lane === 4 ? parameter({ register: at, isUpper: true }) : UNKNOWN;
  }

  /** Whether the function only keeps the register for its callers. x86's whole-program builds pass arguments in such registers, too. */
  #isOfCallers(register: number): boolean {
    const { processor, body } = this;
    if (processor.arch === 'x86' || processor.isVolatile(register)) return false;
    return savesAtEntry(body.operations, body.slot, register);
  }

  /** What the image's memory holds when nothing in this function has written it. */
  #atStart(rva: number): Value {
    return (this.#slots.has(rva) ? undefined : readConstant(this.image, rva)) ?? memory(rva);
  }
}
