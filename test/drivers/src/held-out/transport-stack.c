// Held out: a transport protocol in the system's own style: per-processor pools made by one function, block pools, compartments,
// request objects from lookasides, packets described by parameter structures, a component table.
#include "kernel.h"

typedef struct _NDIS_OBJECT_HEADER { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct _NBL_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN fAllocateNetBuffer; USHORT ContextSize; ULONG PoolTag; ULONG DataSize; ULONG Flags;
} NBL_POOL_PARAMETERS;

#define TCP_ENDPOINT_TAG   'EpcT'  //= TcpE any object-field
#define TCP_LISTENER_TAG   'LpcT'  //= TcpL any object-field
#define TCP_TCB_TAG        'tpcT'  //= Tcpt any object-field
#define IP_REASSEMBLY_TAG  'erPI'  //= IPre allocation-call direct
#define IP_GENERIC_TAG     'egPI'  //= IPge wrapper-call wrapper-layers
#define HASH_TAG           'hBlT'  //= TlBh wrapper-call wrapper
#define TIMER_TAG          'wTlT'  //= TlTw wrapper-call wrapper-layers
#define MAXIMUM_PROCESSORS 4

typedef struct _PROCESSOR_POOL {
    ULONG Magic;
    ULONG ProcessorCount;
    ULONG Tag;
    ULONG Depth;
    LOOKASIDE Lists[MAXIMUM_PROCESSORS];
} PROCESSOR_POOL, *PPROCESSOR_POOL;

typedef struct _BLOCK_POOL {
    LIST_ENTRY Full, Partial;
    SIZE_T BlockSize;
    USHORT BlocksPerPage, Alignment;
    ULONG BlockTag;
    PVOID(*BuildBlock)(PVOID Block, SIZE_T Size, ULONG Tag);
} BLOCK_POOL, *PBLOCK_POOL;

typedef struct _COMPARTMENT { ULONG Id; PBLOCK_POOL Endpoints; PPROCESSOR_POOL Requests; HANDLE Packets; ULONG HashSeed; PVOID *Buckets; } COMPARTMENT, *PCOMPARTMENT;

static PBLOCK_POOL TcpEndpointPool, TcpListenerPool, TcpTcbPool;
static PPROCESSOR_POOL TcpipRequestPool;
static COMPARTMENT TcpipDefaultCompartment;
static PVOID volatile TcpipLastAllocation;
static ULONG volatile TcpipProcessorCount = 2;

/* Generic memory: everything below goes through here, in one of three flavours. */

NOINLINE static PVOID
NetioAllocateMemory(SIZE_T Size, ULONG64 PoolFlags, ULONG Tag)
{
    PVOID Memory = ExAllocatePool3(PoolFlags, Size, Tag, NULL, 0);
    if (Memory == NULL) {
        DbgPrint("NetioAllocateMemory %u %x\n", (ULONG)Size, (ULONG)PoolFlags);
    }
    return Memory;
}

NOINLINE static PVOID
TlAllocateArray(ULONG Tag, ULONG Count, ULONG Each)
{
    if (Each != 0 && Count > 0x7FFFFFFF / Each) {
        return NULL;
    }
    return NetioAllocateMemory((SIZE_T)Count * Each, POOL_FLAG_NON_PAGED, Tag);
}

/* Pools for each processor. */

NOINLINE static PPROCESSOR_POOL
PplCreatePool(PVOID Allocate, PVOID Free, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    PPROCESSOR_POOL Pool;
    ULONG Processor;

    Pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(PROCESSOR_POOL), 'lppN');  //= Nppl allocation-call direct
    if (Pool == NULL) {
        return NULL;
    }
    Pool->Magic = 'LPPm';  //~ mPPL magic
    Pool->Tag = Tag;
    Pool->Depth = Depth;
    Pool->ProcessorCount = TcpipProcessorCount;
    for (Processor = 0; Processor < Pool->ProcessorCount; Processor++) {
        if (ExInitializeLookasideListEx(&Pool->Lists[Processor], Allocate, Free, NonPagedPoolNx, Flags, Size, Tag, Depth) < 0) {
            ExFreePoolWithTag(Pool, 'lppN');
            return NULL;
        }
    }
    return Pool;
}

/* Blocks of equal size cut from pages. */

static PVOID
BuildSimpleBlock(PVOID Block, SIZE_T Size, ULONG Tag)
{
    memset(Block, 0, Size);
    return Tag == 'enoN' ? NULL : Block;  //~ None magic
}

NOINLINE static PBLOCK_POOL
FsbCreatePool(SIZE_T BlockSize, ULONG Tag, USHORT Alignment)
{
    PBLOCK_POOL Pool = NetioAllocateMemory(sizeof(BLOCK_POOL), POOL_FLAG_NON_PAGED, 'lPsF');  //= FsPl wrapper-call wrapper
    if (Pool != NULL) {
        Pool->Full.Flink = Pool->Full.Blink = &Pool->Full;
        Pool->Partial.Flink = Pool->Partial.Blink = &Pool->Partial;
        Pool->BlockSize = (BlockSize + Alignment) & ~(SIZE_T)Alignment;
        Pool->BlocksPerPage = (USHORT)(4096 / Pool->BlockSize);
        Pool->BlockTag = Tag;
        Pool->BuildBlock = BuildSimpleBlock;
    }
    return Pool;
}

NOINLINE static PVOID
FsbAllocate(PBLOCK_POOL Pool)
{

    LIST_ENTRY *Entry = Pool->Partial.Flink;
    PVOID Page;
    if (Entry != &Pool->Partial) {
        Pool->Partial.Flink = Entry->Flink;
        return Entry;
    }
    Page = ExAllocatePoolWithTag(NonPagedPoolNx, Pool->BlockSize * Pool->BlocksPerPage, Pool->BlockTag);
    if (Page == NULL) {
        return NULL;
    }
    return Pool->BuildBlock(Page, Pool->BlockSize, Pool->BlockTag);
}

/* Packets. */

NOINLINE static HANDLE
IppCreatePacketPool(PCOMPARTMENT Compartment, ULONG Kind)
{
    NBL_POOL_PARAMETERS Parameters = {0};
    Parameters.Header.Type = 0x80;
    Parameters.Header.Revision = 1;
    Parameters.Header.Size = sizeof(Parameters);
    Parameters.ProtocolId = 2;
    Parameters.ContextSize = 128;
    Parameters.PoolTag = Kind == 4 ? '4vPI' : 'rUTM';  //= IPv4 structure-field ndis-parameters //= MTUr structure-field ndis-parameters
    Compartment->Packets = NdisAllocateNetBufferListPool(NULL, &Parameters);
    return Compartment->Packets;
}

/* Components start in order; each brings what its memory is called. */

typedef NTSTATUS (*COMPONENT_START)(SIZE_T Size, ULONG Tag);
typedef struct _COMPONENT { PVOID Next; COMPONENT_START Start; USHORT Id; USHORT Flags; SIZE_T Size; ULONG Tag; ULONG Magic; } COMPONENT;

static NTSTATUS StartFramer(SIZE_T Size, ULONG Tag) {
    TcpipLastAllocation = NetioAllocateMemory(Size, POOL_FLAG_PAGED, Tag);
    return TcpipLastAllocation ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS StartTransport(SIZE_T Size, ULONG Tag) {
    TcpipLastAllocation = ExAllocatePoolWithTag(NonPagedPoolNx, Size + 64, Tag);
    return TcpipLastAllocation ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static const COMPONENT TcpipComponents[] = {
    {NULL, StartFramer, 1, 0, 0x200, '1rmF', 'pmoC'},  //= Fmr1 any operations-table //~ Comp magic
    {NULL, StartFramer, 2, 0, 0x180, '2rmF', 'pmoC'},  //= Fmr2 any operations-table
    {NULL, StartTransport, 9, 1, 0x400, 'pnrT', 'pmoC'},  //= Trnp any operations-table
};

NOINLINE static NTSTATUS
StartComponents(void)
{
    const COMPONENT *Component;
    NTSTATUS Status = STATUS_SUCCESS;
    for (Component = TcpipComponents; Component < TcpipComponents + 3; Component++) {
        if (Component->Magic != 'pmoC') {
            return STATUS_INVALID_PARAMETER;
        }
        Status = Component->Start(Component->Size, Component->Tag);
        if (Status < 0) {
            break;
        }
    }
    return Status;
}

/* Requests and reassembly. */

NOINLINE static NTSTATUS
IppReassemble(PCOMPARTMENT Compartment, const UCHAR *Fragment, ULONG Length)
{
    UCHAR *Buffer = ExAllocatePoolWithTagPriority(NonPagedPoolNx, Length + 40, IP_REASSEMBLY_TAG, 0);
    ULONG Extra;
    if (Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Buffer + 40, Fragment, Length);
    Extra = Compartment->HashSeed ^ 'SYN\x01';
    if (*(const ULONG *)Fragment == 'TRSb' || Extra == 'KCAb') {  //~ bSRT magic //~ bACK magic
        ExFreePoolWithTag(Buffer, IP_REASSEMBLY_TAG);
        return STATUS_NOT_SUPPORTED;
    }
    TcpipLastAllocation = Buffer;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS
StartCompartment(PCOMPARTMENT Compartment, ULONG Id)
{
    Compartment->Id = Id;
    Compartment->HashSeed = RtlRandomEx(&Compartment->Id);
    Compartment->Buckets = TlAllocateArray(HASH_TAG, 256, sizeof(PVOID));
    if (Compartment->Buckets == NULL) {
        goto Failed;
    }
    if (IppCreatePacketPool(Compartment, Id) == NULL) {
        goto FreeBuckets;
    }
    Compartment->Requests = PplCreatePool(NULL, NULL, 0, 0x68, 'qRlT', 0);  //= TlRq lookaside-init wrapper-stack
    if (Compartment->Requests == NULL || Compartment->Requests->Magic != 'LPPm') {
        goto FreeBuckets;
    }
    TcpipLastAllocation = TlAllocateArray(TIMER_TAG, 64, 24);
    TcpipLastAllocation = TlAllocateArray(IP_GENERIC_TAG, 16, Id);
    return STATUS_SUCCESS;
FreeBuckets:
    ExFreePoolWithTag(Compartment->Buckets, 'xBlT');  //= TlBx free-call free
Failed:
    return STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS CALL
DriverEntry(DRIVER_OBJECT *DriverObject, UNICODE_STRING *RegistryPath)
{
    NTSTATUS Status;

    TcpipProcessorCount = DriverObject->Flags & (MAXIMUM_PROCESSORS - 1);
    TcpipRequestPool = PplCreatePool(NULL, NULL, 0, 0x98, 'gRpT', 16);  //= TpRg lookaside-init wrapper-stack
    TcpEndpointPool = FsbCreatePool(0x140, TCP_ENDPOINT_TAG, 15);
    TcpListenerPool = FsbCreatePool(0x100, TCP_LISTENER_TAG, 15);
    TcpTcbPool = FsbCreatePool(0x2C0, TCP_TCB_TAG, 63);
    if (!TcpipRequestPool || !TcpEndpointPool || !TcpListenerPool || !TcpTcbPool) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    TcpipLastAllocation = FsbAllocate(TcpEndpointPool);
    TcpipLastAllocation = FsbAllocate(TcpListenerPool);
    TcpipLastAllocation = FsbAllocate(TcpTcbPool);
    Status = StartComponents();
    if (Status >= 0) {
        Status = StartCompartment(&TcpipDefaultCompartment, RegistryPath->Length);
    }
    if (Status >= 0) {
        Status = IppReassemble(&TcpipDefaultCompartment, (const UCHAR *)RegistryPath->Buffer, RegistryPath->Length);
    }
    return Status;
}
