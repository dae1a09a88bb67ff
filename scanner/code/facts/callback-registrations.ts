/**
 * Functions of the kernel that are given a routine of the driver and call it later, with what they were given for it:
 * a context, or the table or list that the driver made. So a tag that the routine takes from there is the caller's.
 * Source: Microsoft's driver documentation (DDI); the layouts of RTL_GENERIC_TABLE and RTL_AVL_TABLE are those of ntddk.h.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { type Place, placeKey } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';
import type { Callee } from './callee.ts';
import { withoutHanded } from './handed-functions.ts';

interface Registration {
  /** Which arguments are routines, 1-based. */
  routines: readonly number[];
  /** By argument of the routine: the argument of the registration that it is. */
  given: Readonly<Record<number, number>>;
  /** The routine's first argument is a structure that keeps this argument at these offsets. */
  kept?: { argument: number; offset64: number; offset32: number };
}

const second = (routine: number, context: number): Registration => ({
  routines: [routine],
  given: { 2: context },
});
const first = (routine: number, context: number): Registration => ({
  routines: [routine],
  given: { 1: context },
});
const table = (offset64: number, offset32: number): Registration => ({
  routines: [3, 4],
  given: { 1: 1 },
  kept: { argument: 5, offset64, offset32 },
});

/** By exported name; adding one is adding a row. */
const REGISTRATIONS: Readonly<Record<string, Registration>> = {
  RtlInitializeGenericTable: table(0x40, 0x24),
  RtlInitializeGenericTableAvl: table(0x60, 0x34),
  ExInitializeNPagedLookasideList: { routines: [2], given: { 3: 6 } },
  ExInitializePagedLookasideList: { routines: [2], given: { 3: 6 } },
  PsCreateSystemThread: first(6, 7),
  KeSynchronizeExecution: first(2, 3),
  KeExpandKernelStackAndCallout: first(1, 2),
  KeExpandKernelStackAndCalloutEx: first(1, 2),
  KeIpiGenericCall: first(1, 2),
  CmRegisterCallback: first(1, 2),
  CmRegisterCallbackEx: first(1, 4),
  ExRegisterCallback: first(2, 3),
  IoQueueWorkItem: second(2, 4),
  IoQueueWorkItemEx: second(2, 4),
  IoInitializeTimer: second(2, 3),
  IoConnectInterrupt: second(2, 3),
  IoRegisterPlugPlayNotification: second(5, 6),
  KeInitializeDpc: second(2, 3),
  KeInitializeThreadedDpc: second(2, 3),
  ExAllocateTimer: second(1, 2),
  RtlRunOnceExecuteOnce: second(2, 3),
  FltQueueGenericWorkItem: { routines: [3], given: { 3: 5 } },
  FltQueueDeferredIoWorkItem: { routines: [3], given: { 3: 5 } },
  PoRegisterPowerSettingCallback: { routines: [3], given: { 4: 4 } },
};

/** Two routines with arguments of their own: they are told the tag and the list. */
const LOOKASIDE_EX: readonly Registration[] = [
  { routines: [2], given: { 3: 7, 4: 1 } },
  { routines: [3], given: { 2: 1 } },
];

const NO_REGISTRATIONS: readonly Registration[] = [];

/** Answers for the function at hand. */
export class CallbackRegistrations {
  readonly #code: CodeUnderAnalysis;
  readonly #fn: AnalysedFunction;
  readonly #bySlot: ReadonlyMap<number, readonly Registration[]>;

  constructor(code: CodeUnderAnalysis, fn: AnalysedFunction) {
    this.#code = code;
    this.#fn = fn;
    this.#bySlot = registrationsOf(code.image);
  }

  /**
   * What the routines that call `i` registers are given by it: the callees that `calleesOf` tells of each, with the place
   * of the tag as it is at this very call.
   */
  calleesOf(i: number, calleesOf: (functionRva: number) => readonly Callee[]): Callee[] {
    const registrations = this.#bySlot.size === 0 ? NO_REGISTRATIONS : this.#registrationsAt(i);
    return registrations.length === 0 ? [] : this.#registered(i, registrations, calleesOf);
  }

  #registered(
    i: number,
    registrations: readonly Registration[],
    calleesOf: (functionRva: number) => readonly Callee[],
  ): Callee[] {
    return registrations.flatMap(registration =>
      registration.routines.flatMap(routine =>
        this.#fn.passedAt(this.#code.processor.argument(routine), i).flatMap(value => {
          if (value.kind !== 'address') return [];
          return calleesOf(value.rva).flatMap(callee => {
            const place = this.#placeAtRegistration(callee.place, registration);
            return place === undefined ? [] : [{ ...withoutHanded(callee), place }];
          });
        }),
      ),
    );
  }

  #registrationsAt(i: number): readonly Registration[] {
    const fn = this.#fn;
    if (!fn.isIndirect(i)) {
      const slot = this.#code.functions.thunkSlot(fn.body.operations.low[i]);
      return slot === undefined ? NO_REGISTRATIONS : this.#ofSlot(slot);
    }
    const pointers = fn.calledPointers(i);
    if (pointers.length === 1) return this.#ofPointer(pointers[0]); // nearly always
    return pointers.flatMap(value => this.#ofPointer(value));
  }

  #ofPointer(value: Value): readonly Registration[] {
    return value.kind === 'memory' && value.plus === 0 ? this.#ofSlot(value.rva) : NO_REGISTRATIONS;
  }

  #ofSlot(slotRva: number): readonly Registration[] {
    return this.#bySlot.get(slotRva) ?? NO_REGISTRATIONS;
  }

  /** Where the tag that the routine finds at `place` stands when it is registered. */
  #placeAtRegistration({ behind, further, ...at }: Place, { given, kept }: Registration): Place | undefined {
    const { processor } = this.#code;
    const isArgument = (n: number) => placeKey(processor.argument(n)) === placeKey(at as Place);
    const offset = processor.pointerSize === 8 ? kept?.offset64 : kept?.offset32;
    if (kept !== undefined && behind === offset && isArgument(1))
      return further === undefined
        ? processor.argument(kept.argument)
        : { ...processor.argument(kept.argument), behind: further };
    const argument = Object.keys(given).find(n => isArgument(Number(n)));
    if (argument === undefined) return undefined;
    return { ...processor.argument(given[Number(argument)]), behind, further };
  }
}

function registrationsOf(image: DriverImage): Map<number, readonly Registration[]> {
  const bySlot = new Map<number, readonly Registration[]>();
  for (const { name, slotRva } of image.imports) {
    if (name === 'ExInitializeLookasideListEx') bySlot.set(slotRva, LOOKASIDE_EX);
    else if (name !== null && Object.hasOwn(REGISTRATIONS, name)) bySlot.set(slotRva, [REGISTRATIONS[name]]);
  }
  return bySlot;
}
