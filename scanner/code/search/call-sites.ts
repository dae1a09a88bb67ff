/**
 * Finds the calls that carry a tag and the constants that reach them. What turns up in one wave (wrappers, variables,
 * tables, objects) says which functions the next one looks at, until nothing new turns up.
 */

import { dataPointers } from '../bytes/data-pointers.ts';
import { displacementSites } from '../bytes/displacement-sites.ts';
import { CallTargets } from '../facts/call-targets.ts';
import { CallbackRegistrations } from '../facts/callback-registrations.ts';
import { OperationsTables } from '../facts/operations-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import type { Sinks } from '../facts/sinks.ts';
import { StoredTags } from '../facts/stored-tags.ts';
import type { TagUse } from '../facts/tag-use.ts';
import { functionsAt, Worklist } from '../facts/worklist.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { Op } from '../processors/operations.ts';
import { AnalysedFunction } from '../values/analysed-function.ts';
import { Callees } from './callees.ts';
import { OperationsPointers } from './operations-pointers.ts';
import { TagStores } from './tag-stores.ts';
import { TagUses } from './tag-uses.ts';

/** What a search gives. */
export interface CallSites {
  uses: readonly TagUse[];
  /** Calls whose tag stayed unknown. */
  unresolvedCalls: number;
  /** The work limit was reached, or the caller wanted no more. */
  isPartial: boolean;
  isStopped: boolean;
}

/** Wrappers, objects and tables are followed in waves; real drivers come to rest after a dozen. */
const MAX_WAVES = 48;
/**
 * The share of the work that is left for guesses (objects and calls that only a distance tells) once what is proven has been
 * followed: they touch few functions of real drivers, and in a large one everything looks like an object.
 */
const GUESSED_SHARE = 50;
/** Small drivers are searched as a whole: half as much again found nothing more in 450 drivers of 300 KB, half of it lost three tags. */
const LEAST_GUESSED_OPERATIONS = 100_000;

/** Searches an image; the search ends because every wave follows new facts only, and facts and work are bounded. */
export function findCallSites(code: CodeUnderAnalysis, sinks: Sinks): CallSites {
  return new CallSiteSearch(code, sinks).run();
}

class CallSiteSearch {
  readonly #context: SearchContext;
  readonly #callees: Callees;
  readonly #uses: TagUses;
  readonly #stores: TagStores;
  readonly #pointers: OperationsPointers;
  /** The wave in which a function was last looked at. */
  readonly #lookedAt = new Map<number, number>();
  readonly #calleesOfFunction = (rva: number) => this.#context.targets.ofFunction(rva);
  #operationsLeft: number;
  /** Everything that can be proven has been followed; what is left is bounded more tightly. */
  #isGuessing = false;

  constructor(code: CodeUnderAnalysis, sinks: Sinks) {
    const pointers = dataPointers(code.image, code.index);
    const fn = new AnalysedFunction(code);
    this.#context = {
      code,
      fn,
      registrations: new CallbackRegistrations(code, fn),
      targets: new CallTargets(code.image),
      tables: new OperationsTables(code.index, pointers, code.processor.pointerSize),
      stored: new StoredTags(code.processor.pointerSize),
      worklist: new Worklist(code, pointers),
    };
    const naming = sinks.nameRvas.flatMap(nameRva => code.index.referencesTo(nameRva));
    this.#callees = new Callees(this.#context, functionsAt(code.functions, naming));
    this.#uses = new TagUses(this.#context, this.#callees);
    this.#stores = new TagStores(this.#context, this.#uses);
    this.#pointers = new OperationsPointers(this.#context, this.#callees, this.#uses, sinks.tables);
    this.#operationsLeft = code.maxOperations;
    this.#context.worklist.add(naming);
    this.#addSinks(sinks);
  }

  run(): CallSites {
    const { code, targets, worklist } = this.#context;
    let isStopped = false;
    while (this.#operationsLeft > 0 && targets.wave < MAX_WAVES && !isStopped) {
      if (!worklist.hasProven) this.#addGuesses();
      if (worklist.isEmpty) break;
      const functions = worklist.takeFunctions();
      targets.wave++;
      for (const functionRva of functions) {
        isStopped ||= code.isStopped();
        if (this.#operationsLeft <= 0 || this.#uses.isFull || isStopped) break;
        this.#analyse(functionRva);
      }
    }
    const isLeft = this.#operationsLeft <= 0 || !worklist.isEmpty;
    const isFull = this.#uses.isCut || this.#stores.isCut || this.#pointers.isCut;
    const isCut = isFull || (isLeft && !this.#isGuessing);
    return { ...this.#uses.result(), isPartial: isCut || isStopped, isStopped };
  }

  #addSinks({ bySlot, byFunction, tables }: Sinks): void {
    const { targets, worklist } = this.#context;
    for (const [slotRva, callee] of bySlot) this.#callees.addVariable(slotRva, callee);
    for (const [rva, callee] of byFunction) this.#callees.addFunction(rva, callee);
    for (const { variableRva, callees } of tables) {
      targets.addTable(variableRva, callees);
      worklist.addReferences(variableRva);
    }
  }

  /** Nothing proven is left to do: guesses have their share of the work from here on. */
  #addGuesses(): void {
    const { code, worklist } = this.#context;
    const most = LEAST_GUESSED_OPERATIONS + code.maxOperations / GUESSED_SHARE;
    if (!this.#isGuessing) this.#operationsLeft = Math.min(this.#operationsLeft, most);
    this.#isGuessing = true;
    if (!worklist.hasGuessesNearTags) this.#addSitesOfObjects();
  }

  /** Where objects are filled with tags, and operations called by them. */
  #addSitesOfObjects(): void {
    const { code, targets, tables, stored, worklist } = this.#context;
    const calls = tables.takeWantedCalls();
    const stores = stored.takeWantedStores();
    for (const rva of tables.takeStructures()) worklist.addGuesses(code.index.referencesTo(rva));
    for (const rva of stored.setters.takeWanted()) worklist.addCallersNearTags(rva);
    worklist.addSitesOfTags(stored.objects.takeSites(code.image, code.index, targets.wave));
    worklist.addGuesses(displacementSites(code.image, { calls, stores }));
  }

  #analyse(functionRva: number): void {
    const { fn, targets } = this.#context;
    this.#operationsLeft -= fn.decode(functionRva) + 1;
    // What was known when the function was last looked at has been followed there.
    targets.since = this.#lookedAt.get(functionRva) ?? 0;
    this.#lookedAt.set(functionRva, targets.wave);
    this.#callees.begin();
    this.#stores.begin();
    this.#pointers.begin();
    this.#analyseBody();
    this.#operationsLeft -= fn.takeWork() + this.#uses.takeWork() + this.#context.stored.takeWork();
  }

  #analyseBody(): void {
    const { body } = this.#context.fn;
    const { op, low, count } = body.operations;
    for (let i = 0; i < count; i++) {
      switch (op[i]) {
        case Op.jump:
        case Op.branch:
          if (body.contains(low[i])) break;
          this.#analyseCall(i);
          break;
        case Op.call:
        case Op.callIndirect:
        case Op.jumpIndirect:
          this.#analyseCall(i);
          break;
        case Op.store:
          this.#pointers.addStore(i);
          this.#stores.addStore(i);
          break;
        case Op.blockCopy:
          this.#pointers.addCopy(i);
          this.#stores.addCopy(i);
      }
    }
  }

  #analyseCall(i: number): void {
    const { fn, registrations } = this.#context;
    for (const callee of this.#callees.of(i)) {
      // A thunk is the function it jumps to, not a wrapper of it.
      if (fn.isJump(i) && fn.isThunk(i)) this.#callees.addFunction(fn.rva, callee);
      else this.#uses.addCall(i, callee);
    }
    this.#stores.addCall(i);
    for (const callee of registrations.calleesOf(i, this.#calleesOfFunction)) this.#uses.addCall(i, callee);
    if (fn.isIndirect(i)) this.#pointers.addIndirectCall(i);
    else this.#pointers.addCall(i);
  }
}
