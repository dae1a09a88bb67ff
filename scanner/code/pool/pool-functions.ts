/**
 * The functions that take a pool tag, and which argument it is. Source: Microsoft's driver documentation (DDI), the
 * Win32 documentation of winddi.h, and, for win32kbase's exports, counts at call sites of published binaries.
 * Adding a function is adding a row.
 */
import type { EvidenceKind, OtherTagKind } from '../../../data/facts.ts';
import type { RequestArguments } from './pool-words.ts';

export interface PoolFunction {
  name: string;
  kind:
    | Extract<
        EvidenceKind,
        | 'allocation-call'
        | 'free-call'
        | 'lookaside-init'
        | 'framework-call'
        | 'structure-field'
        | 'user-memory'
      >
    | OtherTagKind;
  /** In no public document: see unlisted-allocators.ts. */
  isUnlisted?: true;
  /** On x86 the first two arguments stand in ecx and edx. */
  isFastcall?: true;
  /** 1-based position of the tag in the documented argument list. */
  tagArgument: number;
  /** Byte offset of the tag above the stack pointer just before an x86 call, where 64-bit arguments come before it. */
  x86Offset?: number;
  /** The argument is the address of this structure, and the tag a field of it. */
  field?: { name: string; offset64: number; offset32: number };
  /** Which arguments say from which pool and how much. */
  request?: RequestArguments;
  /** The call takes a tag only when its first argument is this constant. */
  onlyWhenFirstIs?: number;
}

type Row = [tagArgument: number, names: string];

const ALLOCATIONS: Row[] = [
  [
    2,
    `ExAllocateCacheAwareRundownProtection ExCreatePool FsRtlAllocateAePushLock MmAllocateMappingAddress
    MmAllocateMappingAddressEx NdisAllocateGenericObject
    Win32AllocPool Win32AllocPoolZInit Win32AllocPoolNonPaged Win32AllocPoolNonPagedZInit Win32AllocPoolWithQuota
    Win32AllocPoolWithQuotaZInit AllocThreadBufferWithTag`,
  ],
  [
    3,
    `ExAllocatePoolWithTag ExAllocatePoolWithQuotaTag ExAllocatePoolWithTagPriority FsRtlAllocatePoolWithTag
    FsRtlAllocatePoolWithQuotaTag NdisAllocateMemoryWithTag NdisAllocateMemoryWithTagPriority
    NdisAllocateCloneOidRequest EngAllocMem _RxAllocatePoolWithTag
    Win32AllocPoolImpl Win32AllocPoolWithQuotaImpl`,
  ],
  [
    4,
    `FltAllocatePoolAlignedWithTag NdisAllocateNetBufferListContext VideoPortAllocatePool USBD_CreateHandle
    DlAllocatePool UserReAllocPool UserReAllocPoolZInit UserReAllocPoolWithQuota UserReAllocPoolWithQuotaZInit`,
  ],
  [5, 'FsRtlAllocateExtraCreateParameter USBD_ValidateConfigurationDescriptor _KsEdit KsEdit'],
  [6, 'FltAllocateExtraCreateParameter'],
];

/** Functions that name the tag of memory which somebody (usually the same driver) allocated. */
const FREES: Row[] = [
  [
    2,
    `ExFreePoolWithTag ExFreePool2 ExSecurePoolUpdate ExSecurePoolValidate MmFreeMappingAddress
    MmMapLockedPagesWithReservedMapping MmUnmapReservedMapping NdisFreeMemoryWithTag`,
  ],
  [3, 'NdisFreeMemoryWithTagPriority FltFreePoolAlignedWithTag'],
];

const LOOKASIDES: Row[] = [
  [4, 'FsRtlInitExtraCreateParameterLookasideList'],
  [5, 'FltInitExtraCreateParameterLookasideList'],
  [6, 'ExInitializeNPagedLookasideList ExInitializePagedLookasideList NdisInitializeNPagedLookasideList'],
  [7, 'ExInitializeLookasideListEx'],
];

/** Memory of user mode with a tag in front of it: no pool, but the tag is the driver's. */
const USER_MEMORY: Row[] = [
  [2, 'EngAllocUserMem'],
  [3, 'EngAllocPrivateUserMem'],
];

/** Tags of other things, told apart so that nobody takes them for pool tags. */
const REMOVE_LOCKS: Row[] = [[2, 'IoInitializeRemoveLockEx']];
const OBJECT_REFERENCES: Row[] = [
  [2, 'ObReferenceObjectWithTag ObDereferenceObjectWithTag ObDereferenceObjectDeferDeleteWithTag'],
  [5, 'ObReferenceObjectByHandleWithTag ObReferenceObjectByPointerWithTag'],
  [7, 'ObOpenObjectByPointerWithTag'],
];
const FASTCALL_REFERENCES: PoolFunction[] = ['ObfReferenceObjectWithTag', 'ObfDereferenceObjectWithTag'].map(
  name => ({ name, kind: 'object-reference', tagArgument: 2, isFastcall: true }),
);

/** Functions whose x86 argument list has 64-bit arguments before the tag. */
const WITH_64_BIT_ARGUMENTS: PoolFunction[] = [
  { name: 'ExAllocatePool2', kind: 'allocation-call', tagArgument: 3, x86Offset: 0x0c },
  { name: 'ExAllocatePool3', kind: 'allocation-call', tagArgument: 3, x86Offset: 0x0c },
  { name: 'MmAllocateContiguousMemoryEx', kind: 'allocation-call', tagArgument: 8, x86Offset: 0x28 },
];

/** StorPortAllocatePool is inlined into this call with function code 0 (ExtFunctionAllocatePool). */
const STORPORT: PoolFunction = {
  name: 'StorPortExtendedFunction',
  kind: 'framework-call',
  tagArgument: 4,
  onlyWhenFirstIs: 0,
};

/** Whether the function's tag names something else than pool memory. */
export function isOtherTag({ kind }: PoolFunction): boolean {
  return kind === 'remove-lock' || kind === 'object-reference';
}

/** Behind FltRegisterFilter's second argument stands not the tag but the address of an array: see filter-contexts.ts. */
export const FILTER_CONTEXT = 'FLT_CONTEXT_REGISTRATION.PoolTag';

/** In which a KMDF driver may name its tag, and mostly does not. */
export const DRIVER_CREATE = 'WdfDriverCreate';

/** Functions that are given the address of a structure with a tag in it; offsets on 64-bit and 32-bit processors. */
const STRUCTURES: PoolFunction[] = [
  inStructure('NdisAllocateNetBufferListPool', 2, 'NET_BUFFER_LIST_POOL_PARAMETERS.PoolTag', 8, 8),
  inStructure('NdisAllocateNetBufferPool', 2, 'NET_BUFFER_POOL_PARAMETERS.PoolTag', 4, 4),
  inStructure('NdisAllocateTimerObject', 2, 'NDIS_TIMER_CHARACTERISTICS.AllocationTag', 4, 4),
  inStructure('WppRecorderLogCreate', 1, 'RECORDER_LOG_CREATE_PARAMS.LogTag', 4, 4),
  inStructure('FltRegisterFilter', 2, FILTER_CONTEXT, 8, 8),
];

function inStructure(
  name: string,
  tagArgument: number,
  field: string,
  offset64: number,
  offset32: number,
): PoolFunction {
  return { name, kind: 'structure-field', tagArgument, field: { name: field, offset64, offset32 } };
}

/**
 * Functions of KMDF, which a driver calls through the table that WdfVersionBind fills. The driver's globals come first,
 * so positions are one more than documented. Source of the indices: wdffuncenum.h of Windows-Driver-Frameworks (MIT),
 * the same in every version 1.x.
 */
export const KMDF_FUNCTIONS: readonly { index: number; poolFunction: PoolFunction }[] = [
  {
    index: 192,
    poolFunction: {
      name: 'WdfMemoryCreate',
      kind: 'framework-call',
      tagArgument: 4,
      request: { type: 3, size: 5 },
    },
  },
  { index: 198, poolFunction: { name: 'WdfLookasideListCreate', kind: 'framework-call', tagArgument: 6 } },
  {
    index: 116,
    poolFunction: inStructure(DRIVER_CREATE, 5, 'WDF_DRIVER_CONFIG.DriverPoolTag', 0x1c, 0x10),
  },
];

/** Of WdfFdoQueryForInterface, by which a driver gets functions of another driver. */
export const KMDF_QUERY_INTERFACE = 131;

function rows(kind: PoolFunction['kind'], table: Row[]): PoolFunction[] {
  return table.flatMap(([tagArgument, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map(name => ({ name, kind, tagArgument })),
  );
}

/** Where the pool and the size stand, for the functions that are given them as plain arguments. */
const REQUESTS: [request: RequestArguments, names: string][] = [
  [
    { type: 1, size: 2 },
    `ExAllocatePoolWithTag ExAllocatePoolWithQuotaTag ExAllocatePoolWithTagPriority FsRtlAllocatePoolWithTag
    FsRtlAllocatePoolWithQuotaTag`,
  ],
  [{ flags: 1, size: 2, x86SizeOffset: 8 }, 'ExAllocatePool2 ExAllocatePool3'],
  [{ type: 2, size: 3 }, 'FltAllocatePoolAlignedWithTag'],
  [{ type: 4, size: 6 }, 'ExInitializeLookasideListEx'],
  [{ size: 5 }, 'ExInitializeNPagedLookasideList ExInitializePagedLookasideList'],
  [{ size: 2 }, 'NdisAllocateMemoryWithTag NdisAllocateMemoryWithTagPriority EngAllocMem'],
  [{ size: 3 }, 'StorPortExtendedFunction VideoPortAllocatePool'],
];

const REQUEST_BY_NAME: ReadonlyMap<string, RequestArguments> = new Map(
  REQUESTS.flatMap(([request, names]) => names.split(/\s+/).map(name => [name, request] as const)),
);

/** Every function that takes a tag, by its exported name. */
export const POOL_FUNCTIONS: ReadonlyMap<string, PoolFunction> = new Map(
  [
    ...rows('allocation-call', ALLOCATIONS),
    ...rows('free-call', FREES),
    ...rows('lookaside-init', LOOKASIDES),
    ...rows('user-memory', USER_MEMORY),
    ...rows('remove-lock', REMOVE_LOCKS),
    ...rows('object-reference', OBJECT_REFERENCES),
    ...FASTCALL_REFERENCES,
    ...WITH_64_BIT_ARGUMENTS,
    STORPORT,
    ...STRUCTURES,
  ].map(poolFunction => [
    poolFunction.name,
    { ...poolFunction, request: REQUEST_BY_NAME.get(poolFunction.name) },
  ]),
);

/** The name without what some x86 import libraries leave: `_ExAllocatePoolWithTag@12`, `@ObfReferenceObjectWithTag@8`. */
export function undecorated(name: string): string {
  const match = /^[_@]([A-Za-z]\w*)@\d+$/.exec(name);
  return match === null ? name : match[1];
}
