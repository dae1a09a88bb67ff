// Held out: the core of a network stack: lookaside lists per processor, pools of MDLs, modules that register with each other and bring
// their tags in their characteristics, two IP protocols behind one set of functions, a hash table with callbacks, a socket layer on top.
#include "kernel.h"

#define LowPoolPriority 0
#define NormalPoolPriority 16
#define HighPoolPriority 32
#define MAX_PROCESSORS 16
#define CONTAINING_RECORD(address, type, field) ((type *)((UCHAR *)(address) - __builtin_offsetof(type, field)))

ULONG KeActiveProcessors = 8;

/* ---- netio: allocation helpers ---- */

NOINLINE static PVOID NetioAllocatePool(ULONG PoolType, SIZE_T NumberOfBytes, ULONG Tag, ULONG Priority)
{
    PVOID Block;

    if (NumberOfBytes == 0) {
        return NULL;
    }
    Block = ExAllocatePoolWithTagPriority(PoolType, NumberOfBytes, Tag, Priority);
    if (Block != NULL) {
        memset(Block, 0, NumberOfBytes);
    }
    return Block;
}

static PVOID NetioAllocateNonPaged(SIZE_T NumberOfBytes, ULONG Tag)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, NumberOfBytes, Tag);
}

static void NetioFreePool(PVOID Block, ULONG Tag)
{
    if (Block != NULL) {
        ExFreePoolWithTag(Block, Tag);
    }
}

/* ---- netio: lookaside lists per processor ---- */

typedef struct _PPL_LIST { LOOKASIDE List; ULONG Processor; ULONG Reserved[7]; } PPL_LIST;
typedef struct _PPL { ULONG Count, Tag, Size, Flags; PPL_LIST Lists[1]; } PPL, *HPPL;
typedef PVOID (CALL *PPL_ALLOCATE)(ULONG PoolType, SIZE_T NumberOfBytes, ULONG Tag);

NOINLINE static HPPL PplCreateLookasideList(PPL_ALLOCATE Allocate, PVOID Free, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    HPPL Handle;
    ULONG Index;

    Handle = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(PPL) + KeActiveProcessors * sizeof(PPL_LIST), 'lppN'); //= Nppl allocation-call direct
    if (Handle == NULL) {
        return NULL;
    }
    Handle->Count = KeActiveProcessors + 1;
    Handle->Tag = Tag;
    Handle->Size = (ULONG)Size;
    Handle->Flags = Flags;
    for (Index = 0; Index < Handle->Count; Index++) {
        Handle->Lists[Index].Processor = Index;
        ExInitializeNPagedLookasideList(&Handle->Lists[Index].List, (PVOID)Allocate, Free, Flags, Size, Tag, Depth);
    }
    return Handle;
}

NOINLINE static PVOID PplAllocate(HPPL Handle)
{
    PPL_LIST *Entry = &Handle->Lists[KeActiveProcessors % Handle->Count];
    PVOID Block = ExpInterlockedPopEntrySList(&Entry->List);

    if (Block == NULL) {
        Block = ExAllocatePoolWithTag(NonPagedPoolNx, Handle->Size, Handle->Tag);
    }
    return Block;
}

/* ---- netio: pools of MDLs ---- */

typedef struct _MDL_POOL { ULONG Signature, Tag; SIZE_T DataSize; PVOID Mdl; PVOID FreeList[MAX_PROCESSORS]; } MDL_POOL;
typedef struct _MDL_ENTRY { struct _MDL_POOL *Pool; PVOID Next, Mdl; UCHAR Data[1]; } MDL_ENTRY;

NOINLINE static MDL_POOL *MdpCreatePool(SIZE_T DataSize, ULONG Tag)
{
    MDL_POOL *Pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pool), 'pdMN'); //= NMdp allocation-call direct

    if (Pool != NULL) {
        memset(Pool, 0, sizeof(*Pool));
        Pool->Signature = 'lPdM'; //~ MdPl magic
        Pool->Tag = Tag;
        Pool->DataSize = DataSize;
    }
    return Pool;
}

NOINLINE static PVOID MdpAllocate(MDL_POOL *Pool, PVOID *Data)
{
    MDL_ENTRY *Entry = Pool->FreeList[KeActiveProcessors & (MAX_PROCESSORS - 1)];

    if (Entry == NULL) {
        Entry = ExAllocatePoolWithTagPriority(NonPagedPoolNx, sizeof(*Entry) + Pool->DataSize, Pool->Tag, LowPoolPriority);
        if (Entry == NULL) {
            return NULL;
        }
        Entry->Pool = Pool;
        Entry->Mdl = IoAllocateMdl(Entry->Data, (ULONG)Pool->DataSize, FALSE, FALSE, NULL);
    } else {
        Pool->FreeList[KeActiveProcessors & (MAX_PROCESSORS - 1)] = Entry->Next;
    }
    *Data = Entry->Data;
    return Entry->Mdl;
}

/* ---- netio: a hash table whose owner gives the allocator ---- */

typedef PVOID (CALL *HASH_ALLOCATE)(SIZE_T Size, PVOID Context);
typedef void (CALL *HASH_FREE)(PVOID Block, PVOID Context);
typedef struct _HASH_TABLE { HASH_ALLOCATE Allocate; HASH_FREE Free; PVOID Context; ULONG Buckets, Entries; LIST_ENTRY *Table; } HASH_TABLE;

NOINLINE static NTSTATUS HashInitialize(HASH_TABLE *Hash, ULONG Buckets, HASH_ALLOCATE Allocate, HASH_FREE Free, PVOID Context)
{
    ULONG Index;

    Hash->Allocate = Allocate;
    Hash->Free = Free;
    Hash->Context = Context;
    Hash->Buckets = Buckets;
    Hash->Entries = 0;
    Hash->Table = Allocate(Buckets * sizeof(LIST_ENTRY), Context);
    if (Hash->Table == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (Index = 0; Index < Buckets; Index++) {
        Hash->Table[Index].Flink = Hash->Table[Index].Blink = &Hash->Table[Index];
    }
    return STATUS_SUCCESS;
}

NOINLINE static PVOID HashInsert(HASH_TABLE *Hash, ULONG Key, SIZE_T Size)
{
    LIST_ENTRY *Entry = Hash->Allocate(sizeof(LIST_ENTRY) + Size, Hash->Context);
    LIST_ENTRY *Head = &Hash->Table[Key % Hash->Buckets];

    if (Entry == NULL) {
        return NULL;
    }
    Entry->Flink = Head->Flink;
    Entry->Blink = Head;
    Head->Flink->Blink = Entry;
    Head->Flink = Entry;
    Hash->Entries++;
    return Entry + 1;
}

static PVOID CALL TcbTableAllocate(SIZE_T Size, PVOID Context)
{
    return ExAllocatePoolWithTagPriority(NonPagedPoolNx, Size, 'TtcT', HighPoolPriority); //= TctT allocation-call callback
}
static void CALL TcbTableFree(PVOID Block, PVOID Context) { ExFreePoolWithTag(Block, 'TtcT'); }
static PVOID CALL PathSetAllocate(SIZE_T Size, PVOID Context) { return NetioAllocateNonPaged(Size, 'sPpI'); } //= IpPs any callback
static void CALL PathSetFree(PVOID Block, PVOID Context) { NetioFreePool(Block, 'sPpI'); }
static PVOID CALL TaggedAllocate(SIZE_T Size, PVOID Context) { return NetioAllocateNonPaged(Size, *(ULONG *)Context); }
static void CALL TaggedFree(PVOID Block, PVOID Context) { NetioFreePool(Block, *(ULONG *)Context); }

/* ---- the modules: network module registrar ---- */

typedef struct _MODULE_CHARACTERISTICS {
    USHORT Version, Length;
    ULONG ModuleId, PoolTag, ContextSize;
    NTSTATUS (CALL *Attach)(PVOID Binding);
    void (CALL *Detach)(PVOID Binding);
} MODULE_CHARACTERISTICS;
typedef struct _MODULE { LIST_ENTRY Link; const MODULE_CHARACTERISTICS *Characteristics; PVOID Context; LONG References; } MODULE;

static LIST_ENTRY NmrModules;

NOINLINE static NTSTATUS NmrRegister(const MODULE_CHARACTERISTICS *Characteristics, MODULE **Handle)
{
    MODULE *Module = ExAllocatePoolWithTag(PagedPool, sizeof(*Module), 'rmNN'); //= NNmr allocation-call direct

    if (Module == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Module->Characteristics = Characteristics;
    Module->References = 1;
    Module->Context = ExAllocatePoolWithTag(NonPagedPoolNx, Characteristics->ContextSize, Characteristics->PoolTag);
    if (Module->Context == NULL) {
        ExFreePoolWithTag(Module, 'rmNN');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Module->Link.Flink = NmrModules.Flink;
    Module->Link.Blink = &NmrModules;
    NmrModules.Flink = &Module->Link;
    *Handle = Module;
    return Characteristics->Attach(Module->Context);
}

static NTSTATUS CALL TcpAttach(PVOID Binding) { *(ULONG *)Binding = 6; return STATUS_SUCCESS; }
static NTSTATUS CALL UdpAttach(PVOID Binding) { *(ULONG *)Binding = 17; return STATUS_SUCCESS; }
static void CALL CoreDetach(PVOID Binding) { *(ULONG *)Binding = 0; }
static const MODULE_CHARACTERISTICS TcpModule = { 1, sizeof(TcpModule), 'PcTm', 'MpcT', 96, TcpAttach, CoreDetach }; //= TcpM any tag-table //~ mTcP magic
static const MODULE_CHARACTERISTICS UdpModule = { 1, sizeof(UdpModule), 'PdUm', 'MpdU', 64, UdpAttach, CoreDetach }; //= UdpM any tag-table //~ mUdP magic

/* ---- IP: one set of functions, two protocols ---- */

typedef struct _IP_COMPARTMENT { ULONG Id, Flags; HASH_TABLE Paths; ULONG PathTag; HPPL Fragments; struct _IP_PROTOCOL *Protocol; } IP_COMPARTMENT;
typedef struct _IP_PROTOCOL {
    ULONG Family, AddressBytes;
    ULONG InterfaceTag, NeighborTag, RouteTag, GenericTag;
    HPPL ControlBlocks;
    MDL_POOL *Headers;
    IP_COMPARTMENT *Default;
} IP_PROTOCOL;

static IP_PROTOCOL Ipv4Global = { 2, 4,
    'fI4I', //= I4If any initialised-global
    'bN4I', //= I4Nb any initialised-global
    'tR4I', //= I4Rt any initialised-global
    'eG4I', //= I4Ge any initialised-global
};
static IP_PROTOCOL Ipv6Global = { 23, 16,
    'fI6I', //= I6If any initialised-global
    'bN6I', //= I6Nb any initialised-global
    'tR6I', //= I6Rt any initialised-global
    'eG6I', //= I6Ge any initialised-global
};

typedef struct _IP_INTERFACE { IP_PROTOCOL *Protocol; ULONG Index; PVOID Neighbors[32]; PVOID Name; } IP_INTERFACE;

static PVOID IppAllocate(IP_PROTOCOL *Protocol, SIZE_T Size)
{
    return NetioAllocateNonPaged(Size, Protocol->GenericTag);
}

NOINLINE static IP_INTERFACE *IppCreateInterface(IP_PROTOCOL *Protocol, ULONG Index)
{
    IP_INTERFACE *Interface = NetioAllocatePool(NonPagedPoolNx, sizeof(*Interface), Protocol->InterfaceTag, NormalPoolPriority);

    if (Interface == NULL) {
        return NULL;
    }
    Interface->Protocol = Protocol;
    Interface->Index = Index;
    Interface->Name = IppAllocate(Protocol, 64);
    return Interface;
}

NOINLINE static NTSTATUS IppCreateNeighbor(IP_INTERFACE *Interface, const UCHAR *Address)
{
    IP_PROTOCOL *Protocol = Interface->Protocol;
    UCHAR *Neighbor = ExAllocatePoolWithTag(NonPagedPoolNx, 48 + Protocol->AddressBytes, Protocol->NeighborTag);

    if (Neighbor == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Neighbor + 48, Address, Protocol->AddressBytes);
    Interface->Neighbors[Address[Protocol->AddressBytes - 1] & 31] = Neighbor;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS IppCreateCompartment(IP_PROTOCOL *Protocol, ULONG Id)
{
    IP_COMPARTMENT *Compartment = NetioAllocateNonPaged(sizeof(*Compartment), 'cCpI'); //= IpCc any wrapper
    PVOID Route;

    if (Compartment == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Compartment->Id = Id;
    Compartment->Protocol = Protocol;
    Compartment->PathTag = 'hPpI'; //= IpPh any callback-context
    Compartment->Fragments = PplCreateLookasideList(NULL, NULL, 0x200, 120, 'rFpI', 0); //= IpFr any wrapper
    if (Compartment->Fragments == NULL ||
        HashInitialize(&Compartment->Paths, 256, TaggedAllocate, TaggedFree, &Compartment->PathTag) < 0) {
        ExFreePoolWithTag(Compartment, 'cCpI');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Route = NetioAllocatePool(PagedPool, 96, Protocol->RouteTag, LowPoolPriority);
    if (Route != NULL) {
        *(IP_COMPARTMENT **)Route = Compartment;
    }
    Protocol->Default = Compartment;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS IppStart(IP_PROTOCOL *Protocol)
{
    Protocol->ControlBlocks = PplCreateLookasideList(NULL, NULL, 0x200, 208, 'bCpI', 16); //= IpCb any wrapper
    Protocol->Headers = MdpCreatePool(128, 'rHpI'); //= IpHr any object-field
    if (Protocol->ControlBlocks == NULL || Protocol->Headers == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return IppCreateCompartment(Protocol, 1);
}

NOINLINE static NTSTATUS IppSend(IP_PROTOCOL *Protocol, SIZE_T Length)
{
    PVOID Header, Mdl = MdpAllocate(Protocol->Headers, &Header);
    PVOID Control = PplAllocate(Protocol->ControlBlocks);

    if (Mdl == NULL || Control == NULL || HashInsert(&Protocol->Default->Paths, (ULONG)Length, 32) == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Control, Header, 20);
    return STATUS_SUCCESS;
}

/* ---- TCP ---- */

typedef struct _TCP_PARTITION { HASH_TABLE Tcbs; HPPL Segments; ULONG_PTR Lock; ULONG Index; } TCP_PARTITION;
static TCP_PARTITION *TcpPartitions;
static LOOKASIDE TcpTimeWaitList, TcpSynList;
static HASH_TABLE TcpPathSets;

NOINLINE static NTSTATUS TcpStartPartitions(void)
{
    ULONG Index;

    TcpPartitions = ExAllocatePool2(POOL_FLAG_NON_PAGED, KeActiveProcessors * sizeof(TCP_PARTITION), 'PpcT'); //= TcpP allocation-call direct
    if (TcpPartitions == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (Index = 0; Index < KeActiveProcessors; Index++) {
        TCP_PARTITION *Partition = &TcpPartitions[Index];

        KeInitializeSpinLock(&Partition->Lock);
        Partition->Index = Index;
        Partition->Segments = PplCreateLookasideList(NULL, NULL, 0x200, 88, 'gSpT', 0); //= TpSg any wrapper
        if (Partition->Segments == NULL || HashInitialize(&Partition->Tcbs, 128, TcbTableAllocate, TcbTableFree, NULL) < 0) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    ExInitializeNPagedLookasideList(&TcpTimeWaitList, NULL, NULL, 0x200, 72, 'WTcT', 0); //= TcTW lookaside-init lookaside
    ExInitializeNPagedLookasideList(&TcpSynList, NULL, NULL, 0x200, 160, 'ySpT', 0); //= TpSy lookaside-init lookaside
    return HashInitialize(&TcpPathSets, 64, PathSetAllocate, PathSetFree, NULL);
}

/* ---- the socket layer ---- */

enum { BufferSmall, BufferMedium, BufferLarge, BufferClasses };
typedef struct _AFD_LISTS { LOOKASIDE Buffers[BufferClasses]; LOOKASIDE Work; } AFD_LISTS;
static AFD_LISTS *AfdLists;
static const ULONG AfdBufferSize[BufferClasses] = { 128, 1536, 8192 };

static PVOID CALL AfdAllocateBuffer(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    PVOID *Buffer = ExAllocatePoolWithTagPriority(PoolType, Size, Tag, NormalPoolPriority);

    if (Buffer != NULL) {
        Buffer[1] = IoAllocateMdl(Buffer + 4, (ULONG)Size, FALSE, FALSE, NULL);
    }
    return Buffer;
}

#define AFD_ALLOCATE_POOL_WITH_QUOTA(PoolType, Size, Tag) ExAllocatePoolWithQuotaTag((PoolType) | 8, (Size), (Tag))
#define AFD_POOL_TAG_ADDRESS 'lAfA'
#define AFD_POOL_TAG_POLL 'lPfA'
#define AFD_POOL_TAG_EVENT 'vEfA'

INIT_CODE_SECTION static NTSTATUS AfdInitializeData(void)
{
    ULONG Index;

    AfdLists = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*AfdLists), 'LdfA'); //= AfdL allocation-call direct
    if (AfdLists == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (Index = 0; Index < BufferClasses; Index++) {
        ExInitializeNPagedLookasideList(&AfdLists->Buffers[Index], (PVOID)AfdAllocateBuffer, NULL, 0x200, AfdBufferSize[Index], 'BdfA', 0); //= AfdB lookaside-init register
    }
    ExInitializeNPagedLookasideList(&AfdLists->Work, NULL, NULL, 0x200, 40, 'WdfA', 0); //= AfdW lookaside-init lookaside
    return STATUS_SUCCESS;
}

typedef struct _ENDPOINT { USHORT Type, State; ULONG Flags; PVOID Local, Remote, Poll; IP_INTERFACE *Interface; MODULE *Transport; } ENDPOINT;

NOINLINE static NTSTATUS AfdCreate(IRP *Irp, USHORT Type)
{
    ENDPOINT *Endpoint = AFD_ALLOCATE_POOL_WITH_QUOTA(NonPagedPoolNx, sizeof(ENDPOINT), Type == 'eP' ? 'PdfA' : 'EdfA'); //= AfdP any ternary //= AfdE any ternary

    if (Endpoint == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memset(Endpoint, 0, sizeof(*Endpoint));
    Endpoint->Type = Type;
    Endpoint->Local = AFD_ALLOCATE_POOL_WITH_QUOTA(NonPagedPoolNx, 28, AFD_POOL_TAG_ADDRESS); //= AfAl allocation-call direct
    Endpoint->Remote = NetioAllocatePool(PagedPool, 28, 'RdfA', LowPoolPriority); //= AfdR any wrapper
    Irp->SystemBuffer = Endpoint;
    return Endpoint->Local != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS AfdPoll(ENDPOINT *Endpoint, IRP *Irp, ULONG Handles)
{
    ULONG *Event;

    Endpoint->Poll = NetioAllocatePool(NonPagedPoolNx, 64 + Handles * 16, AFD_POOL_TAG_POLL, NormalPoolPriority); //= AfPl any wrapper
    if (Endpoint->Poll == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event = AFD_ALLOCATE_POOL_WITH_QUOTA(NonPagedPoolNx, 48, AFD_POOL_TAG_EVENT); //= AfEv allocation-call direct
    if (Event == NULL) {
        NetioFreePool(Endpoint->Poll, AFD_POOL_TAG_POLL);
        Endpoint->Poll = NULL;
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event[0] = 'tnvE'; //~ Evnt magic
    KeInitializeEvent(Event + 4, 0, FALSE);
    Irp->Information = Handles;
    return STATUS_SUCCESS;
}

static NTSTATUS CALL AfdDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    static const UCHAR Loopback[16] = { 127, 0, 0, 1 };
    ENDPOINT *Endpoint = Irp->SystemBuffer;
    IP_PROTOCOL *Protocol = Irp->Stack->Flags & 1 ? &Ipv6Global : &Ipv4Global;
    NTSTATUS Status;

    switch (Irp->Stack->Minor) {
    case 0: Status = AfdCreate(Irp, (USHORT)Irp->Flags); break;
    case 1: Status = AfdPoll(Endpoint, Irp, Irp->Stack->Control); break;
    case 2:
        Endpoint->Interface = IppCreateInterface(Protocol, Irp->Flags);
        Status = Endpoint->Interface ? IppCreateNeighbor(Endpoint->Interface, Loopback) : STATUS_INSUFFICIENT_RESOURCES;
        break;
    case 3: Status = IppSend(Protocol, Irp->Information); break;
    case 4: Status = HashInsert(&TcpPartitions[Irp->Flags % KeActiveProcessors].Tcbs, Irp->Flags, 512) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; break;
    case 5: Status = HashInsert(&TcpPathSets, Irp->Flags, 64) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    MODULE *Tcp, *Udp;
    NTSTATUS Status;
    ULONG Index;

    NmrModules.Flink = NmrModules.Blink = &NmrModules;
    Status = AfdInitializeData();
    if (Status >= 0) Status = IppStart(&Ipv4Global);
    if (Status >= 0) Status = IppStart(&Ipv6Global);
    if (Status >= 0) Status = TcpStartPartitions();
    if (Status >= 0) Status = NmrRegister(&TcpModule, &Tcp);
    if (Status >= 0) Status = NmrRegister(&UdpModule, &Udp);
    for (Index = 0; Index < 15; Index++) {
        Driver->Major[Index] = AfdDispatch;
    }
    return Status;
}
