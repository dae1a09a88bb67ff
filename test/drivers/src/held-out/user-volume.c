// Held out: file systems that user processes serve: a control device and volume devices, queues of requests that a process fetches,
// caches of metadata, file nodes of several types, names and security, timeouts, and memory by kinds, some of it kept in the volume's extension.
#include "kernel.h"

enum { NODE_VCB = 0x51, NODE_DCB, NODE_CCB, NODE_FCB, NODE_IRP, NODE_GLOBAL };
#define TAG_DEFAULT 'faVU'
#define POOL_NAMES 0
#define POOL_EVENTS 1
#define POOL_SECURITY 2
#define POOL_STREAMS 3
#define POOL_KINDS 4
#define LIST_INIT(Head) ((Head)->Flink = (Head)->Blink = (Head))

typedef struct { USHORT Type, Size; } NODE_ID;
typedef struct { ULONG Tag, Limit; SIZE_T Used, Peak; LONG Count; } POOL_KIND;
typedef struct META_ITEM { struct META_ITEM *Next, *Hash; ULONG64 Index, Expires; ULONG Size; LONG References; UCHAR Data[8]; } META_ITEM;
typedef struct {
    ULONG_PTR Lock; ULONG Capacity, ItemLimit, Count, Tag; ULONG64 Timeout, LastIndex; LIST_ENTRY Aging; META_ITEM *Buckets[16];
} META_CACHE;
typedef struct { ULONG_PTR Lock; LIST_ENTRY Pending, Process, Retried; PVOID Event; ULONG Limit, Hint; IRP *Current; ULONG EntryTag; } IO_QUEUE;
typedef struct {
    NODE_ID Id; DEVICE_OBJECT *Device; PVOID Global, Dcb; UNICODE_STRING Volume, Label; ULONG_PTR Resource[14];
    LOOKASIDE Irps; LOOKASIDE Ccbs; META_CACHE *Security, *Directories, *Streams; IO_QUEUE *Queue; POOL_KIND Pools[POOL_KINDS]; ULONG Options, Serial;
    struct { ULONG WorkTag, ReplyTag; ULONG64 Due; } Timer;
} VOLUME;
typedef struct { NODE_ID Id; LONG References; VOLUME *Volume; UNICODE_STRING Name; PVOID NonPaged, Oplock, Stream; LIST_ENTRY Opens, Link; ULONG Flags; } FILE_NODE;
typedef struct { NODE_ID Id; FILE_NODE *Node; UNICODE_STRING Pattern; ULONG64 Context, User; PVOID DirBuffer; ULONG DirSize, Flags; LIST_ENTRY Link; } OPEN_NODE;
typedef struct { ULONG_PTR Opaque[28]; ULONG Marker; } NONPAGED_NODE;
typedef struct IRP_NODE { LIST_ENTRY Link; IRP *Irp; ULONG Serial, Due; VOLUME *Volume; PVOID Context; } IRP_NODE;
typedef struct { SIZE_T Size; ULONG Tag, Flags; } EVENT_SPEC;

static VOLUME *Volumes[8];
static ULONG VolumeCount;
static PVOID volatile Keep;

/* ---- memory ---- */

static PVOID AllocateMustSucceed(ULONG Type, SIZE_T Size, ULONG Tag)
{
    LARGE_INTEGER Delay;
    ULONG Try;

    for (Try = 0; Try < 12; Try++) {
        PVOID Block = ExAllocatePoolWithTag(Type, Size, Tag);
        if (Block != NULL) return Block;
        Delay.QuadPart = (LONGLONG)-100000 << (Try < 4 ? Try : 4);
        KeWaitForSingleObject(&Delay, 0, 0, FALSE, &Delay);
    }
    return NULL;
}

static PVOID AllocateZero(SIZE_T Size, ULONG Tag, ULONG Type)
{
    PVOID Block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (Block != NULL) memset(Block, 0, Size);
    return Block;
}

/* A block in front of the memory says where it came from; the volume counts. */
typedef struct { VOLUME *Volume; ULONG Kind, Size; } BLOCK_HEADER;

NOINLINE static PVOID VolumeAllocate(VOLUME *Volume, ULONG Kind, SIZE_T Size)
{
    POOL_KIND *Pool = &Volume->Pools[Kind];
    BLOCK_HEADER *Block;

    if (Pool->Used + Size > Pool->Limit) return NULL;
    Block = ExAllocatePoolWithTag(Kind == POOL_EVENTS ? NonPagedPoolNx : PagedPool, Size + sizeof(*Block), Pool->Tag);
    if (Block == NULL) return NULL;
    Block->Volume = Volume;
    Block->Kind = Kind;
    Block->Size = (ULONG)Size;
    Pool->Used += Size;
    if (Pool->Used > Pool->Peak) Pool->Peak = Pool->Used;
    Pool->Count++;
    return Block + 1;
}

NOINLINE static void VolumeFree(PVOID Memory)
{
    BLOCK_HEADER *Block = (BLOCK_HEADER *)Memory - 1;
    POOL_KIND *Pool = &Block->Volume->Pools[Block->Kind];

    Pool->Used -= Block->Size;
    Pool->Count--;
    ExFreePoolWithTag(Block, Pool->Tag);
}

static const POOL_KIND PoolTemplate[POOL_KINDS] = {
    { 'mNVU', 0x100000 }, //= UVNm any xmm-structure
    { 'vEVU', 0x400000 }, //= UVEv any xmm-structure
    { 'eSVU', 0x80000 }, //= UVSe any xmm-structure
    { 'tSVU', 0x200000 }, //= UVSt any xmm-structure
};

/* ---- names ---- */

static NTSTATUS DuplicateName(const UNICODE_STRING *From, UNICODE_STRING *To, ULONG Tag)
{
    USHORT Length = From->Length;

    To->Length = To->MaximumLength = 0;
    To->Buffer = NULL;
    if (Length == 0) return STATUS_SUCCESS;
    To->Buffer = AllocateMustSucceed(PagedPool, Length + sizeof(WCHAR), Tag);
    if (To->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, Length);
    To->Buffer[Length / sizeof(WCHAR)] = 0;
    To->Length = Length;
    To->MaximumLength = Length + sizeof(WCHAR);
    return STATUS_SUCCESS;
}

static void ReleaseName(UNICODE_STRING *Name)
{
    if (Name->Buffer != NULL) ExFreePool(Name->Buffer);
    Name->Buffer = NULL;
    Name->Length = 0;
}

static NTSTATUS JoinNames(const UNICODE_STRING *Parent, const UNICODE_STRING *Child, UNICODE_STRING *Out, BOOLEAN Stream)
{
    ULONG Size = Parent->Length + Child->Length + 2 * sizeof(WCHAR);

    if (Size > 0xFFFE) return STATUS_INVALID_PARAMETER;
    Out->Buffer = AllocateMustSucceed(PagedPool, Size, Stream ? 'sJVU' : 'nJVU'); //= UVJs any ternary //= UVJn any ternary
    if (Out->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Out->Buffer, Parent->Buffer, Parent->Length);
    Out->Buffer[Parent->Length / 2] = Stream ? ':' : '\\';
    memcpy(Out->Buffer + Parent->Length / 2 + 1, Child->Buffer, Child->Length);
    Out->Length = (USHORT)(Size - sizeof(WCHAR));
    Out->MaximumLength = (USHORT)Size;
    return STATUS_SUCCESS;
}

/* ---- caches of metadata ---- */

static NTSTATUS MetaCacheCreate(ULONG Capacity, ULONG Limit, ULONG Timeout, ULONG Tag, META_CACHE **Out)
{
    META_CACHE *Cache;
    ULONG Index;

    *Out = NULL;
    if (Capacity == 0 || Timeout == 0) return STATUS_SUCCESS;
    Cache = AllocateZero(sizeof(*Cache), 'cMVU', NonPagedPoolNx); //= UVMc any wrapper
    if (Cache == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeSpinLock(&Cache->Lock);
    LIST_INIT(&Cache->Aging);
    Cache->Capacity = Capacity;
    Cache->ItemLimit = Limit;
    Cache->Timeout = (ULONG64)Timeout * 10000;
    Cache->Tag = Tag;
    for (Index = 0; Index < 16; Index++) Cache->Buckets[Index] = NULL;
    *Out = Cache;
    return STATUS_SUCCESS;
}

static ULONG64 MetaCacheAdd(META_CACHE *Cache, const void *Data, ULONG Size)
{
    META_ITEM *Item;
    UCHAR Irql;

    if (Cache == NULL || Size > Cache->ItemLimit) return 0;
    Item = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Item) + Size, Cache->Tag);
    if (Item == NULL) return 0;
    memcpy(Item->Data, Data, Size);
    Item->Size = Size;
    Item->References = 1;
    Irql = KeAcquireSpinLockRaiseToDpc(&Cache->Lock);
    Item->Index = ++Cache->LastIndex;
    Item->Expires = Cache->Timeout;
    Item->Hash = Cache->Buckets[Item->Index & 15];
    Cache->Buckets[Item->Index & 15] = Item;
    Cache->Count++;
    KeReleaseSpinLock(&Cache->Lock, Irql);
    return Item->Index;
}

/* ---- queues ---- */

NOINLINE static IO_QUEUE *QueueCreate(ULONG Limit, ULONG EntryTag)
{
    IO_QUEUE *Queue = AllocateZero(sizeof(*Queue), 'uQVU', NonPagedPoolNx); //= UVQu any wrapper

    if (Queue == NULL) return NULL;
    KeInitializeSpinLock(&Queue->Lock);
    LIST_INIT(&Queue->Pending);
    LIST_INIT(&Queue->Process);
    LIST_INIT(&Queue->Retried);
    Queue->Limit = Limit;
    Queue->EntryTag = EntryTag;
    return Queue;
}

static NTSTATUS QueuePost(VOLUME *Volume, IO_QUEUE *Queue, IRP *Irp)
{
    IRP_NODE *Entry = NULL;
    UCHAR Irql;

    if (Volume->Options & 2) Entry = ExpInterlockedPopEntrySList(&Volume->Irps);
    if (Entry == NULL) Entry = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Entry), Queue->EntryTag);
    if (Entry == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Entry->Irp = Irp;
    Entry->Volume = Volume;
    Irql = KeAcquireSpinLockRaiseToDpc(&Queue->Lock);
    Entry->Serial = Volume->Serial++;
    Entry->Link.Flink = &Queue->Pending;
    Entry->Link.Blink = Queue->Pending.Blink;
    Queue->Pending.Blink->Flink = &Entry->Link;
    Queue->Pending.Blink = &Entry->Link;
    KeReleaseSpinLock(&Queue->Lock, Irql);
    KeSetEvent(Queue->Event, 0, FALSE);
    return STATUS_SUCCESS;
}

/* ---- events for the process: the specification goes by value ---- */

NOINLINE static PVOID EventAllocate(VOLUME *Volume, EVENT_SPEC Spec)
{
    ULONG *Event;

    if (Spec.Size < 64) Spec.Size = 64;
    Event = ExAllocatePoolWithTag(Spec.Flags & 1 ? PagedPool : NonPagedPoolNx, Spec.Size, Spec.Tag);
    if (Event == NULL) return NULL;
    Event[0] = (ULONG)Spec.Size;
    Event[1] = Volume->Serial++;
    return Event;
}

static NTSTATUS SendEvent(VOLUME *Volume, IRP *Irp, ULONG Code)
{
    PVOID Event;

    switch (Code) {
    case 0: Event = EventAllocate(Volume, (EVENT_SPEC){ 256 + Irp->Flags, 'oCVU', 0 }); break; //= UVCo any wrapper-structure
    case 1: Event = EventAllocate(Volume, (EVENT_SPEC){ 128, 'dRVU', 1 }); break; //= UVRd any wrapper-structure
    case 2: Event = EventAllocate(Volume, (EVENT_SPEC){ Irp->Information, 'rWVU', Volume->Options }); break; //= UVWr any wrapper-structure
    default: Event = VolumeAllocate(Volume, POOL_EVENTS, 64); break;
    }
    if (Event == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    ((ULONG *)Event)[2] = 'tnvE'; //~ Evnt magic
    return QueuePost(Volume, Volume->Queue, Irp);
}

/* ---- nodes ---- */

static ULONG NodeTag(USHORT Type)
{
    switch (Type) {
    case NODE_VCB: return 'bVVU'; //= UVVb any switch-tags
    case NODE_DCB: return 'bDVU'; //= UVDb any switch-tags
    case NODE_CCB: return 'bCVU'; //= UVCb any switch-tags
    case NODE_FCB: return 'bFVU'; //= UVFb any switch-tags
    case NODE_GLOBAL: return 'bGVU'; //= UVGb any switch-tags
    default: return TAG_DEFAULT; //= UVaf any switch-tags
    }
}

NOINLINE static PVOID NodeAllocate(USHORT Type, USHORT Size, ULONG Pool)
{
    NODE_ID *Node = AllocateZero(Size, NodeTag(Type), Pool);
    if (Node == NULL) return NULL;
    Node->Type = Type;
    Node->Size = Size;
    return Node;
}

NOINLINE static void NodeFree(NODE_ID *Node)
{
    ULONG Tag = NodeTag(Node->Type);
    Node->Type |= 0x8000;
    ExFreePoolWithTag(Node, Tag);
}

static FILE_NODE *FileNodeCreate(VOLUME *Volume, const UNICODE_STRING *Name, BOOLEAN Directory)
{
    FILE_NODE *Node = NodeAllocate(NODE_FCB, sizeof(*Node), PagedPool);
    NONPAGED_NODE *NonPaged;

    if (Node == NULL) return NULL;
    NonPaged = AllocateZero(sizeof(*NonPaged), Directory ? 'dNVU' : 'pNVU', NonPagedPoolNx); //= UVNd any ternary //= UVNp any ternary
    if (NonPaged == NULL || DuplicateName(Name, &Node->Name, 'nFVU') < 0) { //= UVFn any wrapper-two
        if (NonPaged != NULL) ExFreePool(NonPaged);
        NodeFree(&Node->Id);
        return NULL;
    }
    NonPaged->Marker = 'kraM'; //~ Mark magic
    ExInitializeResourceLite(NonPaged->Opaque);
    Node->NonPaged = NonPaged;
    Node->Volume = Volume;
    Node->References = 1;
    LIST_INIT(&Node->Opens);
    return Node;
}

static NTSTATUS OpenNodeCreate(FILE_NODE *Node, const UNICODE_STRING *Pattern, OPEN_NODE **Out)
{
    OPEN_NODE *Open = NodeAllocate(NODE_CCB, sizeof(*Open), PagedPool);
    NTSTATUS Status;

    if (Open == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = DuplicateName(Pattern, &Open->Pattern, 'tPVU'); //= UVPt any wrapper-two
    if (Status < 0) {
        NodeFree(&Open->Id);
        return Status;
    }
    Open->Node = Node;
    Node->References++;
    *Out = Open;
    return STATUS_SUCCESS;
}

static NTSTATUS FillDirectory(OPEN_NODE *Open, ULONG Size, const void *Data)
{
    PVOID Buffer = Open->DirBuffer;

    if (Size > Open->DirSize) {
        Buffer = VolumeAllocate(Open->Node->Volume, Open->Flags & 4 ? POOL_STREAMS : POOL_NAMES, Size);
        if (Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        if (Open->DirBuffer != NULL) VolumeFree(Open->DirBuffer);
        Open->DirBuffer = Buffer;
        Open->DirSize = Size;
    }
    memcpy(Buffer, Data, Size);
    MetaCacheAdd(Open->Node->Volume->Directories, Data, Size);
    return STATUS_SUCCESS;
}

/* ---- timeouts and work ---- */

typedef struct { LIST_ENTRY Link; void (*Routine)(PVOID); VOLUME *Volume; ULONG Tag; } DELAYED_WORK;
static void RunWork(PVOID Context) { DELAYED_WORK *Work = Context; ULONG Tag = Work->Tag; Work->Routine(Work->Volume); ExFreePoolWithTag(Work, Tag); }
static void ExpireItems(PVOID Context) { VOLUME *Volume = Context; if (Volume->Security) Volume->Security->Count = 0; }
static void CheckKeepalive(PVOID Context) { VOLUME *Volume = Context; Volume->Timer.Due += 100; }

NOINLINE static NTSTATUS PostWork(VOLUME *Volume, void (*Routine)(PVOID), ULONG Tag)
{
    DELAYED_WORK *Work = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Work), Tag);

    if (Work == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Work->Routine = Routine;
    Work->Volume = Volume;
    Work->Tag = Tag;
    IoQueueWorkItem(IoAllocateWorkItem(Volume->Device), (PVOID)RunWork, 1, Work);
    return STATUS_SUCCESS;
}

static NTSTATUS TimerTick(VOLUME *Volume)
{
    NTSTATUS Status = PostWork(Volume, ExpireItems, 'xEVU'); //= UVEx any wrapper

    if (Status >= 0 && Volume->Timer.Due < 1000) Status = PostWork(Volume, CheckKeepalive, Volume->Timer.WorkTag);
    if (Status >= 0 && Volume->Options & 8) {
        PVOID Reply = ExAllocatePoolWithTag(NonPagedPoolNx, 48, Volume->Timer.ReplyTag);
        Keep = Reply;
    }
    return Status;
}

/* ---- mounting ---- */

static NTSTATUS VolumeInit(VOLUME *Volume, const UNICODE_STRING *Name, ULONG Options)
{
    NTSTATUS Status;

    Volume->Id.Type = NODE_VCB;
    Volume->Id.Size = sizeof(*Volume);
    Volume->Options = Options;
    memcpy(Volume->Pools, PoolTemplate, sizeof(PoolTemplate));
    Volume->Timer.WorkTag = 'kWVU'; //= UVWk any object-field
    Volume->Timer.ReplyTag = 'eRVU'; //= UVRe any object-field
    Volume->Timer.Due = 0;
    ExInitializeResourceLite(Volume->Resource);
    ExInitializeNPagedLookasideList(&Volume->Irps, NULL, NULL, 0x200, sizeof(IRP_NODE), 'nIVU', 0); //= UVIn any lookaside
    ExInitializePagedLookasideList(&Volume->Ccbs, NULL, NULL, 0, sizeof(OPEN_NODE), 'lCVU', 0); //= UVCl any lookaside
    Status = MetaCacheCreate(100, 16384, 1000, 'sMVU', &Volume->Security); //= UVMs any object-field
    if (Status < 0) return Status;
    Status = MetaCacheCreate(Options & 1 ? 256 : 100, 4096, 500, 'dMVU', &Volume->Directories); //= UVMd any object-field
    if (Status < 0) return Status;
    Status = MetaCacheCreate(64, 1024, Options >> 8, 'tMVU', &Volume->Streams); //= UVMt any object-field
    if (Status < 0) return Status;
    Volume->Queue = QueueCreate(1000, 'eQVU'); //= UVQe any object-field
    if (Volume->Queue == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = DuplicateName(Name, &Volume->Volume, 'nVVU'); //= UVVn any wrapper-two
    if (Status >= 0) Status = DuplicateName(Name, &Volume->Label, 'bLVU'); //= UVLb any wrapper-two
    return Status;
}

NOINLINE static NTSTATUS Mount(DRIVER_OBJECT *Driver, UNICODE_STRING *Name, ULONG Options)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(VOLUME), NULL, 8, 0x100, FALSE, &Device);

    if (Status < 0) return Status;
    memset(Device->Extension, 0, sizeof(VOLUME));
    ((VOLUME *)Device->Extension)->Device = Device;
    Status = VolumeInit(Device->Extension, Name, Options);
    if (Status < 0) {
        ReleaseName(&((VOLUME *)Device->Extension)->Volume);
        IoDeleteDevice(Device);
        return Status;
    }
    Volumes[VolumeCount++ & 7] = Device->Extension;
    return STATUS_SUCCESS;
}

/* ---- dispatch ---- */

static NTSTATUS CALL Create(DEVICE_OBJECT *Device, IRP *Irp)
{
    VOLUME *Volume = Device->Extension;
    FILE_NODE *Node = FileNodeCreate(Volume, Irp->Stack->Argument[0], (Irp->Flags & 1) != 0);
    UNICODE_STRING Full;
    OPEN_NODE *Open = NULL;

    if (Node == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (Irp->Flags & 2 && JoinNames(&Node->Name, Irp->Stack->Argument[1], &Full, (Irp->Flags & 4) != 0) >= 0) {
        ReleaseName(&Node->Name);
        Node->Name = Full;
    }
    Node->Stream = VolumeAllocate(Volume, POOL_SECURITY, 96);
    Irp->Status = OpenNodeCreate(Node, Irp->Stack->Argument[2], &Open);
    Irp->SystemBuffer = Open;
    return SendEvent(Volume, Irp, 0);
}

static NTSTATUS CALL Transfer(DEVICE_OBJECT *Device, IRP *Irp)
{
    VOLUME *Volume = Device->Extension;

    if (MetaCacheAdd(Volume->Security, Irp->SystemBuffer, Irp->Flags) == 0) MetaCacheAdd(Volume->Streams, Irp->SystemBuffer, 16);
    return SendEvent(Volume, Irp, Irp->Stack->Minor);
}

static NTSTATUS CALL Control(DEVICE_OBJECT *Device, IRP *Irp)
{
    VOLUME *Volume = Device->Extension;

    switch (Irp->Stack->Minor) {
    case 0: return Mount(Device->Driver, Irp->SystemBuffer, Irp->Flags);
    case 1: return TimerTick(Volume);
    case 2: return FillDirectory(Irp->SystemBuffer, Irp->Flags, Irp->Stack->Argument[1]);
    case 3: NodeFree(Irp->SystemBuffer); return STATUS_SUCCESS;
    case 4: Keep = NodeAllocate((USHORT)Irp->Flags, 64, NonPagedPoolNx); return STATUS_SUCCESS;
    default: return STATUS_NOT_SUPPORTED;
    }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NODE_ID *Global = NodeAllocate(NODE_GLOBAL, 128, NonPagedPoolNx);

    if (Global == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Keep = Global;
    Driver->Major[0] = Create;
    Driver->Major[3] = Driver->Major[4] = Transfer;
    Driver->Major[13] = Driver->Major[14] = Control;
    return Mount(Driver, Path, 1);
}
