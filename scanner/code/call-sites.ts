/**
 * Finds the calls that carry a tag and the constants that reach them. A function whose own parameter reaches a tag
 * argument is a wrapper: its callers are looked at in the next wave, until nothing new turns up.
 */
import type { ConstantOrigin } from '../../data/facts.ts';
import { CallTargets } from './call-targets.ts';
import type { CodeIndex } from './code-index.ts';
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { type DataPointers, dataPointers } from './data-pointers.ts';
import { displacementSites, isTagNear } from './displacement-sites.ts';
import { contextTags } from './filter-contexts.ts';
import { FunctionBody } from './function-body.ts';
import { isDispatchStub, isGuardDispatch } from './guard-dispatch.ts';
import { nearAddress } from './near-address.ts';
import { BASE_ELSEWHERE, BASE_IMAGE, Flag, NONE, Op } from './operations.ts';
import { OperationsTables } from './operations-tables.ts';
import { movedPlace, type Place, placeKey } from './places.ts';
import { DRIVER_CREATE, FILTER_CONTEXT, isOtherTag } from './pool-functions.ts';
import { poolRequest } from './pool-request.ts';
import { ReturnValues } from './return-values.ts';
import { RoutineNames } from './routine-names.ts';
import type { Callee, Sinks } from './sinks.ts';
import { NO_SLOT } from './stack-slots.ts';
import { looksLikeTag } from './static-memory.ts';
import { keptIn, type Setter, StoredTags, storePointers } from './stored-tags.ts';
import { ValueResolver } from './value-resolver.ts';
import { constant, isSame, type Value } from './values.ts';

/** A constant that reaches a tag argument. */
export interface TagUse {
  /** The ULONG as passed, PROTECTED_POOL included. */
  ulong: number;
  callee: Callee;
  /** RVA of the call. */
  rva: number;
  functionRva: number;
  origin: ConstantOrigin;
  /** Where the constant stands: an instruction, or data of the image. */
  constantRva: number;
  /** In a traced analysis: RVAs of the instructions that carried the constant, the first one first. */
  path?: readonly number[];
}

export interface CallSites {
  uses: TagUse[];
  /** Calls whose tag stayed unknown. */
  unresolvedCalls: number;
  /** The work limit was reached. */
  isPartial: boolean;
}

/** Wrappers of wrappers beyond this depth are a misreading. */
const MAX_WRAPPER_DEPTH = 8;
/** Wrappers, objects and tables are followed in waves; real drivers come to rest after a dozen. */
const MAX_WAVES = 48;
/**
 * In real drivers fewer than one function in twenty passes a tag on, and functions have a few hundred bytes; in damaged
 * ones everything may look like a wrapper.
 */
const MAX_WRAPPERS = 5_000;
const LEAST_WRAPPERS = 200;
const CODE_BYTES_PER_WRAPPER = 1_000;
/** Honest tag uses number in the thousands; hostile code must not fill the memory with them. */
const MAX_USES = 100_000;

/** Where values are put into an object: the operation, its function, and how many setters lie between. */
interface PutPlace {
  i: number;
  functionRva: number;
  depth: number;
}

/** Where a function leaves the pointer to an object. */
type Keeper = { kind: 'variable'; rva: number } | { kind: 'field'; offset: number } | { kind: 'returned' };

/** The share of the work that may go into objects which are told apart by guesses. */
const OBJECT_SHARE = 400;
const LEAST_OBJECT_OPERATIONS = 150_000;
/** A virtual call and a field of an object on the way to one tag; more guesses upon guesses prove nothing. */
const MAX_GUESSES = 2;
/** Callers of one function that are looked at for a guess. */
const MAX_GUESSED_CALLERS = 500;
/** A local structure of functions is not longer. */
const MAX_LOCAL_TABLE = 0x100;
/** A variable inside a structure is reached by the structure's address, this far before it at most. */
const MAX_STRUCTURE_BYTES = 0x80;
/** Code that names a variable; more is one that everything uses. */
const MAX_VARIABLE_SITES = 300;

const WRITTEN_IN_CODE: ReadonlySet<ConstantOrigin> = new Set([
  'immediate',
  'literal-pool',
  'stack',
  'computed',
]);

/** Whether a constant may be taken for a tag where objects were guessed: it reads like one; of data only after one guess. */
function isBelievable(ulong: number, origin: ConstantOrigin, guesses: number): boolean {
  return looksLikeTag(ulong) && (guesses === 1 || WRITTEN_IN_CODE.has(origin));
}

/** What a tag's origin is called when it was kept somewhere before. */
const ORIGINS = { memory: 'global', behind: 'structure', field: 'structure' } as const;

/** Code that names a variable or a structure which holds it. */
function sitesNear(index: CodeIndex, rva: number): number[] {
  const sites = index.referencesTo(rva);
  for (
    let at = index.nextReference(rva - MAX_STRUCTURE_BYTES, rva);
    at < rva && sites.length < MAX_VARIABLE_SITES;
    at = index.nextReference(at + 1, rva)
  )
    sites.push(...index.referencesTo(at));
  return sites.slice(0, MAX_VARIABLE_SITES);
}

/** Addresses that code names shortly before a variable: it may be part of a structure that begins there. */
function structuresAt(index: CodeIndex, variableRva: number): number[] {
  const starts: number[] = [];
  for (
    let at = index.nextReference(variableRva - MAX_STRUCTURE_BYTES, variableRva);
    at < variableRva;
    at = index.nextReference(at + 1, variableRva)
  )
    starts.push(at);
  return starts;
}

export function findCallSites(code: CodeUnderAnalysis, sinks: Sinks): CallSites {
  return new CallSiteSearch(code, sinks).run();
}

class CallSiteSearch {
  readonly #code: CodeUnderAnalysis;
  readonly #sinks: Sinks;
  readonly #body: FunctionBody;
  readonly #resolver: ValueResolver;
  readonly #targets: CallTargets;
  readonly #pointers: DataPointers;
  readonly #names: RoutineNames;
  readonly #returns: ReturnValues;
  readonly #tables: OperationsTables;
  readonly #stored = new StoredTags();
  /** Functions that name a pool function in a text. */
  #namingFunctions: ReadonlySet<number> = new Set();
  #looksUpNames = false;
  /** Everything that can be proven has been followed; what is left is bounded more tightly. */
  #isGuessing = false;
  readonly #objectOperations: number;
  readonly #maxWrappers: number;
  /** The function names something that takes a tag: only then are its stores and arguments looked at for it. */
  #namesOperations = false;
  /** What #keepersOf found, by call. */
  readonly #keepers = new Map<number, readonly Keeper[]>();
  #readerCalls: { i: number; callee: Callee }[] | undefined;
  /** Functions that take a tag, stored in the frame of the function. */
  #operationsInFrame: { slot: number; rva: number }[] = [];
  /** The wave in which a function was last looked at. */
  readonly #lookedAt = new Map<number, number>();
  readonly #seenWrappers = new Set<string>();
  readonly #seenUses = new Set<string>();
  readonly #seenGuesses = new Set<string>();
  /** What pointers that are called or stored hold, by the operation's RVA: a function is looked at again and again. */
  readonly #pointerValues = new Map<number, readonly Value[]>();
  readonly #uses: TagUse[] = [];
  readonly #unresolved = new Set<number>();
  /** Code addresses whose functions the next wave looks at. */
  #waiting: number[] = [];
  #operationsLeft: number;

  constructor(code: CodeUnderAnalysis, sinks: Sinks) {
    this.#code = code;
    this.#sinks = sinks;
    this.#body = new FunctionBody(code);
    this.#resolver = new ValueResolver(this.#body, code);
    this.#names = new RoutineNames(code, this.#body, this.#resolver);
    this.#returns = new ReturnValues(code);
    this.#targets = new CallTargets(code.image);
    this.#pointers = dataPointers(code.image, code.index);
    this.#tables = new OperationsTables(code.index, this.#pointers, code.processor.pointerSize);
    this.#operationsLeft = code.maxOperations;
    const codeBytes = code.image.sections.reduce((sum, s) => sum + (s.executable ? s.bytes.length : 0), 0);
    this.#maxWrappers = Math.min(MAX_WRAPPERS, LEAST_WRAPPERS + codeBytes / CODE_BYTES_PER_WRAPPER);
    this.#objectOperations = LEAST_OBJECT_OPERATIONS + code.maxOperations / OBJECT_SHARE;
  }

  run(): CallSites {
    this.#begin();
    while (this.#waiting.length > 0 && this.#operationsLeft > 0 && this.#targets.wave < MAX_WAVES) {
      const functions = this.#functionsOf(this.#waiting);
      this.#waiting = [];
      this.#targets.wave++;
      this.#analyse(functions);
      if (this.#waiting.length === 0) this.#waiting = this.#sitesOfObjects();
    }
    const uses = this.#uses.filter(({ callee }) => !this.#stored.isSpoiled(callee.keptIn));
    for (const { rva } of uses) this.#unresolved.delete(rva);
    return {
      uses,
      unresolvedCalls: this.#unresolved.size,
      isPartial:
        this.#seenWrappers.size >= this.#maxWrappers ||
        (this.#operationsLeft <= 0 && !this.#isGuessing) ||
        this.#uses.length >= MAX_USES,
    };
  }

  #begin(): void {
    const { index } = this.#code;
    const naming = this.#sinks.nameRvas.flatMap(nameRva => index.referencesTo(nameRva));
    this.#namingFunctions = this.#functionsOf(naming);
    this.#waiting.push(...naming);
    for (const [slotRva, callee] of this.#sinks.bySlot) this.#addVariable(slotRva, callee);
    for (const [rva, callee] of this.#sinks.byFunction) this.#addFunction(rva, callee);
    for (const { variableRva, callees } of this.#sinks.tables) {
      this.#targets.addTable(variableRva, callees);
      this.#waiting.push(...index.referencesTo(variableRva));
    }
  }

  /** Where objects are filled with tags, and operations called by them: asked for when nothing else is left to do. */
  #sitesOfObjects(): number[] {
    this.#operationsLeft = Math.min(this.#operationsLeft, this.#objectOperations);
    this.#isGuessing = true;
    const calls = this.#tables.takeWantedCalls();
    const stores = this.#stored.takeWantedStores();
    const structures = this.#tables.takeStructures().flatMap(rva => this.#code.index.referencesTo(rva));
    return [...structures, ...displacementSites(this.#code.image, { calls, stores })];
  }

  #functionsOf(rvas: readonly number[]): Set<number> {
    const functions = new Set<number>();
    for (const rva of rvas) {
      const functionRva = this.#code.functions.functionAt(rva);
      if (functionRva !== undefined) functions.add(functionRva);
    }
    return functions;
  }

  #analyse(functions: Set<number>): void {
    for (const functionRva of functions) {
      if (this.#operationsLeft <= 0 || this.#uses.length >= MAX_USES) return;
      this.#operationsLeft -=
        this.#body.decode(this.#code.functions.pieces(functionRva), this.#code.poppedBytes) + 1;
      this.#names.forget();
      this.#operationsInFrame = [];
      this.#keepers.clear();
      this.#readerCalls = undefined;
      this.#looksUpNames = this.#namingFunctions.has(functionRva);
      // What was known when the function was last looked at has been followed there.
      this.#targets.since = this.#lookedAt.get(functionRva) ?? 0;
      this.#lookedAt.set(functionRva, this.#targets.wave);
      this.#analyseBody(functionRva);
      this.#operationsLeft -= this.#resolver.takeWork() + this.#returns.takeWork();
    }
  }

  #analyseBody(functionRva: number): void {
    const { op, low, count } = this.#body.operations;
    this.#namesOperations = this.#findsOperations();
    const isGivenOperations = this.#tables.isGivenTo(functionRva);
    for (let i = 0; i < count; i++) {
      const isDirectJump = op[i] === Op.jump || op[i] === Op.branch;
      const isJump = isDirectJump || op[i] === Op.jumpIndirect;
      if (isJump || op[i] === Op.call || op[i] === Op.callIndirect) {
        if (!isDirectJump || !this.#body.contains(low[i])) this.#callAt(i, isJump, functionRva);
      } else if (op[i] === Op.store) {
        this.#pointerStoredAt(i);
        if (isGivenOperations) this.#operationsKeptAt(i, functionRva);
        this.#tagStoredAt(i, functionRva);
      }
    }
  }

  /** Whether the function names the address of a function that takes a tag, or of a table with one. */
  #findsOperations(): boolean {
    const { op, flags, low, base, displacement, count } = this.#body.operations;
    for (let i = 0; i < count; i++) {
      const isAddress = op[i] === Op.address && base[i] === BASE_IMAGE;
      const rva = isAddress ? displacement[i] : flags[i] === Flag.immediateIsAddress ? low[i] : undefined;
      if (rva !== undefined && this.#isOperation(rva)) return true;
    }
    return false;
  }

  #isOperation(rva: number): boolean {
    return this.#targets.knowsFunction(rva) || this.#tables.isTable(rva);
  }

  #callAt(i: number, isJump: boolean, functionRva: number): void {
    for (const callee of this.#calleesOf(i)) {
      // A thunk is the function it jumps to, not a wrapper of it.
      if (isJump && this.#isThunk(i)) this.#addFunction(functionRva, callee);
      else this.#useAt(i, isJump, functionRva, callee);
    }
    const { op, low } = this.#body.operations;
    if (op[i] === Op.callIndirect || op[i] === Op.jumpIndirect) this.#guessedCallAt(i, isJump, functionRva);
    else {
      for (const setter of this.#stored.settersOf(low[i])) {
        if (setter.wave >= this.#targets.since) this.#setAt(i, isJump, functionRva, setter);
      }
      if (this.#namesOperations) this.#operationsPassedAt(i, isJump);
    }
  }

  /** A call by an operations table of an object that is not known. */
  #guessedCallAt(i: number, isJump: boolean, functionRva: number): void {
    for (const value of this.#targetValues(i)) {
      for (const target of this.#tables.targetsOf(value, functionRva)) {
        for (const callee of this.#targets.allOfFunction(target)) {
          const key = `${this.#body.operations.rva[i]}:${target}:${placeKey(callee.place)}:${callee.poolFunction.name}`;
          if (this.#seenGuesses.has(key) || this.#seenGuesses.size >= MAX_USES) continue;
          this.#seenGuesses.add(key);
          this.#useAt(i, isJump, functionRva, { ...callee, guesses: (callee.guesses ?? 0) + 1 });
        }
      }
    }
  }

  /** Functions that take a tag, or tables of them, are handed to another function: it may call them. */
  #operationsPassedAt(i: number, isJump: boolean): void {
    const { processor } = this.#code;
    const calleeRva = this.#body.operations.low[i];
    for (const place of processor.passedPlaces) {
      for (const value of this.#resolver.resolve(this.#seenFrom(place, isJump), i).values) {
        if (value.kind === 'stack') this.#operationsOnStack(value.offset, calleeRva);
        const isAddress = value.kind === 'address' || value.kind === 'element';
        if (!isAddress || !this.#isOperation(value.rva)) continue;
        const atEntry = movedPlace(place, processor.callPushes);
        if (this.#tables.passed(calleeRva, atEntry, value.rva)) this.#waiting.push(calleeRva);
      }
    }
  }

  /** A local structure of functions: each is an operation at its distance in it. */
  #operationsOnStack(offset: number, calleeRva: number): void {
    for (const { slot, rva } of this.#operationsInFrame) {
      const distance = slot - offset;
      if (distance < 0 || distance > MAX_LOCAL_TABLE) continue;
      this.#tables.storedInObject(distance, rva);
      this.#waiting.push(calleeRva);
    }
  }

  /** Whether the function does nothing but jump: ARM64 first loads the import's address into a register. */
  #isThunk(i: number): boolean {
    const { op, dst, source } = this.#body.operations;
    if (op[i] === Op.branch) return false;
    for (let before = 0; before < i; before++) {
      if (op[before] !== Op.nothing && (dst[before] !== source[i] || source[i] === NONE)) return false;
    }
    return true;
  }

  #calleesOf(i: number): readonly Callee[] {
    const { op, low } = this.#body.operations;
    const isDirect = op[i] !== Op.callIndirect && op[i] !== Op.jumpIndirect;
    if (isDirect && !isDispatchStub(this.#code.image, low[i])) return this.#targets.ofFunction(low[i]);
    return this.#targetValues(i).flatMap(value => [
      ...this.#targets.ofValue(value),
      ...this.#foundByName(value),
    ]);
  }

  /** The pointers that an indirect call may go through; behind a Control Flow Guard check they are in a register. */
  #targetValues(i: number): readonly Value[] {
    const { source, index } = this.#body.operations;
    if (source[i] === NONE && index[i] !== NONE) return []; // a jump table
    return this.#pointersAt(i, () => {
      const { op } = this.#body.operations;
      if (op[i] === Op.call || op[i] === Op.jump)
        return this.#resolver.resolve({ register: this.#code.processor.guardedTarget }, i).values;
      const values = this.#resolver.resolveTarget(i).values;
      const isDispatch = values.some(value => isGuardDispatch(this.#code.image, value));
      if (!isDispatch) return values;
      return this.#resolver.resolve({ register: this.#code.processor.guardedTarget }, i).values;
    });
  }

  /** The values of a pointer at an operation, worked out once: nothing that is found later changes them. */
  #pointersAt(i: number, resolve: () => readonly Value[]): readonly Value[] {
    const rva = this.#body.operations.rva[i];
    const known = this.#pointerValues.get(rva);
    if (known !== undefined) return known;
    const values = resolve();
    if (this.#pointerValues.size < MAX_USES) this.#pointerValues.set(rva, values);
    return values;
  }

  /** A pool function that this function has looked up by its name. */
  #foundByName(value: Value): readonly Callee[] {
    return value.kind === 'result' && this.#looksUpNames ? this.#names.calleesOf(value.operation) : [];
  }

  /** A pointer to a pool function or wrapper is kept: what calls through it is looked at next. */
  #pointerStoredAt(i: number): void {
    const { source, size, flags, low, displacement } = this.#body.operations;
    const isAddress = flags[i] === Flag.immediateIsAddress;
    if (size[i] !== this.#code.processor.pointerSize || (source[i] === NONE && !isAddress)) return;
    const variableRva = nearAddress(this.#body, i);
    if (variableRva === undefined && !this.#namesOperations) return;
    const values: readonly Value[] = isAddress
      ? [{ kind: 'address', rva: low[i] }]
      : this.#pointersAt(i, () => this.#resolver.resolve({ register: source[i] }, i).values);
    for (const value of values) {
      if (variableRva !== undefined) {
        const callees = [...this.#targets.ofValue(value), ...this.#foundByName(value)];
        for (const callee of callees) this.#addVariable(variableRva, callee);
        if (value.kind !== 'address') continue;
        // The variable may be part of a structure that code reaches by its own address.
        if (this.#isOperation(value.rva))
          this.#tables.functionInVariable(
            variableRva,
            value.rva,
            structuresAt(this.#code.index, variableRva),
          );
        if (this.#tables.storedInVariable(variableRva, value.rva))
          this.#waiting.push(...this.#code.index.referencesTo(variableRva));
      } else if (value.kind === 'address' && this.#isOperation(value.rva)) {
        const slot = this.#body.slot[i];
        if (slot === NO_SLOT) this.#tables.storedInObject(displacement[i], value.rva);
        else this.#operationsInFrame.push({ slot, rva: value.rva });
      }
    }
  }

  /** Functions that this function was given, alone or in a table, are kept in an object: `port->operations = *operations`. */
  #operationsKeptAt(i: number, functionRva: number): void {
    const { source, size, displacement, base } = this.#body.operations;
    const { pointerSize } = this.#code.processor;
    if (
      source[i] === NONE ||
      size[i] < pointerSize ||
      base[i] >= BASE_ELSEWHERE ||
      this.#body.slot[i] !== NO_SLOT
    )
      return;
    for (let lane = 0; lane < size[i]; lane += pointerSize) {
      for (const value of this.#resolver.resolveStored(i, lane).values) {
        for (const target of this.#tables.passedTo(value, functionRva)) {
          const variableRva = nearAddress(this.#body, i);
          if (variableRva === undefined) this.#tables.storedInObject(displacement[i] + lane, target);
          else
            for (const callee of this.#targets.allOfFunction(target))
              this.#addVariable(variableRva + lane, callee);
        }
      }
    }
  }

  /** Something is stored where a tag is read from. */
  #tagStoredAt(i: number, functionRva: number): void {
    const stored = this.#stored;
    if (!stored.mayStore(this.#body, i)) return;
    const { base, displacement, size } = this.#body.operations;
    const isImage = base[i] === BASE_IMAGE;
    const pointers: readonly Value[] = isImage
      ? [{ kind: 'address', rva: 0 }]
      : storePointers(this.#body, this.#resolver, i);
    for (const pointer of pointers) {
      for (let lane = 0; lane + 4 <= size[i]; lane += 4) {
        const offset = displacement[i] + lane;
        const mayBeRead =
          pointer.kind === 'address'
            ? stored.readersBehind(pointer, offset).length > 0
            : stored.isRead(offset, pointer);
        if (!mayBeRead) continue;
        const values = this.#resolver.resolveStored(i, lane).values.flatMap(value => this.#returned(value));
        this.#putInto(pointer, offset, values, { i, functionRva, depth: 0 });
      }
    }
  }

  /** Values are put `offset` bytes behind a pointer, by a store or by the call of a setter. */
  #putInto(object: Value, offset: number, values: readonly Value[], at: PutPlace): void {
    const { i, functionRva, depth } = at;
    if (object.kind === 'inside' && object.stride === 0)
      return this.#putInto(object.object, offset + object.plus, values, at);
    if (object.kind === 'parameter' && object.place.behind === undefined)
      this.#addSetter(functionRva, object.place, offset, values, depth);
    const readers = [
      ...this.#stored.readersBehind(object, offset),
      ...this.#readersHere(object, offset, functionRva),
    ];
    if (object.kind === 'result') {
      for (const keeper of this.#keepersOf(object.operation)) {
        if (keeper.kind === 'returned') this.#addSetter(functionRva, 'result', offset, values, depth);
        else if (keeper.kind === 'variable')
          readers.push(...this.#stored.readersBehindVariable(keeper.rva, offset));
        else readers.push(...this.#stored.readersOfField(keeper.offset, offset));
      }
    }
    for (const callee of readers) {
      if (callee.keptIn !== undefined) this.#stored.note(callee.keptIn, values);
      this.#tagsFound(values, i, functionRva, callee);
    }
  }

  /** Where the result of a call goes in this function: variables, fields of objects, the function's own result. */
  #keepersOf(call: number): readonly Keeper[] {
    const known = this.#keepers.get(call);
    if (known !== undefined) return known;
    const { op, size, source, displacement, count } = this.#body.operations;
    const { pointerSize, resultRegister } = this.#code.processor;
    const isIt = (register: number, i: number) =>
      this.#resolver
        .resolve({ register }, i)
        .values.some(value => value.kind === 'result' && value.operation === call);
    const keepers: Keeper[] = [];
    for (let i = 0; i < count; i++) {
      if (op[i] === Op.return && isIt(resultRegister, i)) keepers.push({ kind: 'returned' });
      if (
        op[i] !== Op.store ||
        size[i] !== pointerSize ||
        source[i] === NONE ||
        this.#body.slot[i] !== NO_SLOT
      )
        continue;
      if (!isIt(source[i], i)) continue;
      const rva = nearAddress(this.#body, i);
      keepers.push(
        rva === undefined ? { kind: 'field', offset: displacement[i] } : { kind: 'variable', rva },
      );
    }
    this.#keepers.set(call, keepers);
    return keepers;
  }

  #addSetter(
    functionRva: number,
    pointer: Setter['pointer'],
    offset: number,
    stored: readonly Value[],
    depth: number,
  ): void {
    const values = stored.filter(({ kind }) => kind === 'constant' || kind === 'parameter');
    const setter = { pointer, offset, values, depth, wave: this.#targets.wave };
    if (values.length === 0 || !this.#stored.addSetter(functionRva, setter)) return;
    this.#stored.wantStores(offset);
    this.#waiting.push(...this.#callersNearTags(functionRva));
  }

  /** Callers that may pass a tag of their own: what is only a guess is not followed through everything else. */
  #callersNearTags(functionRva: number): number[] {
    const sites = [...this.#code.index.callersOf(functionRva), ...this.#pointers.codeNear(functionRva)];
    return sites.slice(0, MAX_GUESSED_CALLERS).filter(
      rva => isTagNear(this.#code.image, rva) || this.#code.functions.functionAt(rva) === rva, // a thunk
    );
  }

  /** A call of a function that stores a tag behind the pointer it is given or returns. */
  #setAt(i: number, isJump: boolean, functionRva: number, setter: Setter): void {
    const { pointer, offset, values } = setter;
    const depth = setter.depth + 1;
    const atCall = (place: Place) => {
      const before = movedPlace(place, -this.#code.processor.callPushes);
      return this.#resolver.resolve(this.#seenFrom(before, isJump), i).values;
    };
    const passed = values.flatMap(value => (value.kind === 'parameter' ? atCall(value.place) : [value]));
    if (pointer !== 'result')
      for (const object of atCall(pointer)) this.#putInto(object, offset, passed, { i, functionRva, depth });
    else if (isJump) this.#addSetter(functionRva, 'result', offset, passed, depth);
    else this.#putInto({ kind: 'result', operation: i }, offset, passed, { i, functionRva, depth });
  }

  /** Calls of the same function that are given the very object and read their tag from it. */
  #readersHere(object: Value, offset: number, functionRva: number): Callee[] {
    if (object.kind === 'unknown' || object.kind === 'blank' || object.kind === 'derived') return [];
    const { rva } = this.#body.operations;
    return this.#objectReaders().flatMap(({ i, callee }) => {
      const { behind, ...place } = callee.place;
      if (behind !== offset) return [];
      const pointers = this.#resolver.resolve(place as Place, i).values;
      if (!pointers.some(pointer => isSame(pointer, object))) return [];
      return [{ ...callee, site: { rva: rva[i], functionRva, origin: 'structure' as const } }];
    });
  }

  /** The calls of this function that read a tag behind a pointer which they are given. */
  #objectReaders(): readonly { i: number; callee: Callee }[] {
    if (this.#readerCalls !== undefined) return this.#readerCalls;
    const { op, low, count } = this.#body.operations;
    this.#readerCalls = [];
    for (let i = 0; i < count; i++) {
      if (op[i] !== Op.call) continue;
      for (const callee of this.#targets.allOfFunction(low[i]))
        if (callee.place.behind !== undefined) this.#readerCalls.push({ i, callee });
    }
    return this.#readerCalls;
  }

  #useAt(i: number, isJump: boolean, functionRva: number, callee: Callee): void {
    if (!this.#firstArgumentFits(i, isJump, callee)) return;
    const found = this.#resolver.resolve(this.#seenFrom(callee.place, isJump), i).values;
    const values =
      callee.poolFunction.field?.name === FILTER_CONTEXT
        ? this.#contextTags(found, i)
        : found.flatMap(value => this.#returned(value)).map(value => this.#cleared(value, callee, i));
    const counted = this.#resolver.resolveCount(values, i) ?? values;
    const asking = this.#withRequest(callee, i, isJump);
    const isFound = this.#tagsFound(counted, i, functionRva, asking);
    if (!isFound && callee.guesses === undefined && !isOtherTag(callee.poolFunction))
      this.#unresolved.add(this.#body.operations.rva[i]);
  }

  /**
   * A field of WDF_DRIVER_CONFIG that nothing is seen to write is zero: WDF_DRIVER_CONFIG_INIT clears it. On x86, where
   * the stack pointer may be lost behind a call, a store may have gone unseen.
   */
  #cleared(value: Value, { poolFunction }: Callee, i: number): Value {
    const isX86 = this.#code.processor.arch === 'x86';
    const isCleared = value.kind === 'blank' && !isX86 && poolFunction.name === DRIVER_CREATE;
    return isCleared ? constant(0, 'structure', this.#body.operations.rva[i]) : value;
  }

  /** The callee with what this very call asks for: the pool function's own, or one by a wrapper that leaves it open. */
  #withRequest(callee: Callee, i: number, isJump: boolean): Callee {
    const { request } = callee.poolFunction;
    if (request === undefined || callee.wrappers.length > 0) return callee;
    const constantAt = (place: Place) => {
      const { values } = this.#resolver.resolve(this.#seenFrom(place, isJump), i);
      return values.length === 1 && values[0].kind === 'constant' ? values[0].value : undefined;
    };
    return { ...callee, request: poolRequest(request, this.#code.processor, constantAt) };
  }

  /** Follows what may stand in a tag argument at operation `i`. True where it is a constant or a parameter. */
  #tagsFound(values: readonly Value[], i: number, functionRva: number, callee: Callee): boolean {
    const rva = this.#body.operations.rva[i];
    const site = callee.site ?? { rva, functionRva };
    let isResolved = false;
    for (const value of values) {
      switch (value.kind) {
        case 'constant': {
          const { value: ulong, origin, rva: constantRva, via: path } = value;
          isResolved = true;
          if (callee.guesses && !isBelievable(ulong, origin, callee.guesses)) break;
          this.#addUse({ ulong, callee, ...site, origin: callee.site?.origin ?? origin, constantRva, path });
          break;
        }
        case 'parameter':
          isResolved = true;
          this.#addWrapper(functionRva, value.place, rva, callee);
          break;
        case 'memory':
        case 'behind':
        case 'field':
          if ((callee.guesses ?? 0) >= MAX_GUESSES) break;
          this.#addReader(value, {
            ...callee,
            keptIn: keptIn(value),
            site: { origin: ORIGINS[value.kind], ...site },
          });
      }
    }
    return isResolved;
  }

  /** A tag is read from a variable or from an object: what fills it is looked at next. */
  #addReader(value: Value, callee: Callee): void {
    if (value.kind === 'memory' && !this.#code.image.sectionAt(value.rva)?.writable) return;
    if (!this.#stored.addReader(value, callee)) return;
    if (value.kind === 'memory' || value.kind === 'behind')
      this.#waiting.push(...sitesNear(this.#code.index, value.rva));
  }

  /** In place of a call's result, what the function that it calls returns; parameters as they are at the call. */
  #returned(value: Value): readonly Value[] {
    const { op, low } = this.#body.operations;
    if (value.kind !== 'result' || op[value.operation] !== Op.call) return [value];
    return this.#returns.of(low[value.operation]).flatMap(result => {
      if (result.kind !== 'parameter') return [result];
      const place = movedPlace(result.place, -this.#code.processor.callPushes);
      return [...this.#resolver.resolve(place, value.operation).values];
    });
  }

  /** What FltRegisterFilter's registration leads to: an array of contexts, each with its tag. */
  #contextTags(arrays: readonly Value[], i: number): Value[] {
    const { image } = this.#code;
    return arrays.flatMap(array => {
      const initial = array.kind === 'memory' ? image.pointerAt(array.rva) : undefined;
      const contexts: Value = initial === undefined ? array : { kind: 'address', rva: initial };
      return contextTags(
        image,
        contexts,
        (pointer, offset, width) => this.#resolver.resolveBehind(pointer, offset, width, i).values,
      );
    });
  }

  /** A tail jump happens with the return address already on the stack, so the same argument is further up. */
  #seenFrom(place: Place, isJump: boolean): Place {
    return isJump ? movedPlace(place, this.#code.processor.callPushes) : place;
  }

  #firstArgumentFits(i: number, isJump: boolean, callee: Callee): boolean {
    const wanted = callee.poolFunction.onlyWhenFirstIs;
    if (wanted === undefined || callee.wrappers.length > 0) return true;
    const first = this.#seenFrom(this.#code.processor.argument(1), isJump);
    const values = this.#resolver.resolveBounded(first, i).values;
    return values.some(value => value.kind === 'constant' && value.value === wanted);
  }

  #addUse(use: TagUse): void {
    const key = `${use.ulong}:${use.rva}:${use.callee.api}:${use.callee.wrappers.length}`;
    if (this.#seenUses.has(key) || this.#uses.length >= MAX_USES) return;
    this.#seenUses.add(key);
    this.#uses.push(use);
  }

  #addWrapper(functionRva: number, place: Place, callRva: number, callee: Callee): void {
    if (callee.wrappers.length >= MAX_WRAPPER_DEPTH || this.#seenWrappers.size >= this.#maxWrappers) return;
    const key = `${functionRva}:${placeKey(place)}:${callee.poolFunction.kind}`;
    if (this.#seenWrappers.has(key)) return;
    this.#seenWrappers.add(key);
    if (place.behind !== undefined) this.#stored.wantStores(place.behind);
    const { site, wrappers, wrapperCalls, ...rest } = callee;
    // A tag that is kept between two functions goes through both of them.
    const isKept = site !== undefined && site.functionRva !== functionRva;
    this.#addFunction(functionRva, {
      ...rest,
      place: movedPlace(place, -this.#code.processor.callPushes),
      wrappers: isKept ? [functionRva, site.functionRva, ...wrappers] : [functionRva, ...wrappers],
      wrapperCalls: isKept ? [callRva, site.rva, ...wrapperCalls] : [callRva, ...wrapperCalls],
    });
  }

  #addFunction(rva: number, callee: Callee): void {
    if (!this.#targets.addFunction(rva, callee)) return;
    this.#tables.addFunction(rva);
    if (callee.guesses) this.#waiting.push(...this.#callersNearTags(rva));
    else this.#waiting.push(...this.#code.index.callersOf(rva), ...this.#pointers.codeNear(rva));
  }

  #addVariable(rva: number, callee: Callee): void {
    if (this.#targets.addVariable(rva, callee)) this.#waiting.push(...this.#code.index.referencesTo(rva));
  }
}
