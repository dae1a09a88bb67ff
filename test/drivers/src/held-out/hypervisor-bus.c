// Held out: the bus of a hypervisor's guest: event channels, grant tables, a store of settings, rings, caches of slabs with magic numbers, a range
// set, a hash table, function and physical devices, a disk on the storage port, a network interface, each module with a small allocator of its own.
#include "kernel.h"

#define FORCEINLINE ALWAYS_INLINE
#define PAGE_SIZE 4096

/* ---- what all modules share ---- */

FORCEINLINE PVOID __AllocatePoolWithTag(ULONG PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    UCHAR *Buffer;

    if (NumberOfBytes == 0) return NULL;
    Buffer = ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
    if (Buffer == NULL) return NULL;
    memset(Buffer, 0, NumberOfBytes);
    return Buffer;
}

FORCEINLINE void __FreePoolWithTag(PVOID Buffer, ULONG Tag)
{
    ExFreePoolWithTag(Buffer, Tag);
}

#define ASSERT_MAGIC(Object, Value) \
    do { if ((Object)->Magic != (Value)) KeBugCheckEx(0x3B, (Value), (ULONG_PTR)(Object), __LINE__, 0); } while (FALSE)

#define CONTAINING(Address, Type, Field) ((Type *)((UCHAR *)(Address) - __builtin_offsetof(Type, Field)))

static void InitializeListHead(LIST_ENTRY *Head)
{
    Head->Flink = Head->Blink = Head;
}
static void InsertTail(LIST_ENTRY *Head, LIST_ENTRY *Entry)
{
    Entry->Flink = Head;
    Entry->Blink = Head->Blink;
    Head->Blink->Flink = Entry;
    Head->Blink = Entry;
}
static void RemoveEntry(LIST_ENTRY *Entry)
{
    Entry->Blink->Flink = Entry->Flink;
    Entry->Flink->Blink = Entry->Blink;
}

/* ---- hypercalls: which hypervisor is it? ---- */

typedef struct { ULONG Eax, Ebx, Ecx, Edx; } HV_CPUID;
typedef enum { HvNone, HvXen, HvKvm, HvTcg } HV_KIND;
static HV_CPUID HypervisorLeaf;
static ULONG HypervisorBase;

static HV_KIND HypervisorDetect(void)
{
    ULONG Index;

    for (Index = 0; Index < 16; Index++) {
        HV_CPUID Leaf = HypervisorLeaf;

        Leaf.Eax += Index * 0x100;
        OPAQUE(Leaf.Ebx);
        if (Leaf.Ebx == 'VneX' && Leaf.Ecx == 'eXMM' && Leaf.Edx == 'MMVn') { //~ XenV magic //~ MMXe magic //~ nVMM magic
            HypervisorBase = Leaf.Eax;
            return HvXen;
        }
        if (Leaf.Ebx == 'KMVK' && Leaf.Ecx == 'VMKV') return HvKvm; //~ KVMK magic //~ VKMV magic
        if (Leaf.Ebx == 'TGCT') return HvTcg; //~ TCGT magic
    }
    return HvNone;
}

/* ---- a cache of objects, in slabs ---- */

#define CACHE_TAG 'HCAC' /* what the allocator of this module gives to the pool */
#define CACHE_MAGIC 'EHCA' /* what stands in front of a cache */
#define SLAB_MAGIC 'BALS'

typedef NTSTATUS (*CACHE_CTOR)(PVOID Argument, PVOID Object);
typedef void (*CACHE_DTOR)(PVOID Argument, PVOID Object);
typedef struct HV_CACHE {
    ULONG Magic;
    LIST_ENTRY SlabList;
    const CHAR *Name;
    ULONG Size, Reservation, Count;
    CACHE_CTOR Ctor;
    CACHE_DTOR Dtor;
    PVOID Argument;
    ULONG_PTR Lock;
} HV_CACHE;
typedef struct {
    LIST_ENTRY ListEntry;
    ULONG Magic;
    HV_CACHE *Cache;
    USHORT Maximum, Current;
    ULONG *Mask;
    UCHAR *Objects;
} HV_SLAB;

FORCEINLINE PVOID __CacheAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, CACHE_TAG); } //= CACH any wrapper-fixed
FORCEINLINE void __CacheFree(PVOID Buffer) { __FreePoolWithTag(Buffer, CACHE_TAG); }

static void CacheDestroySlab(HV_CACHE *Cache, HV_SLAB *Slab)
{
    ULONG Index;

    ASSERT_MAGIC(Slab, SLAB_MAGIC);
    for (Index = 0; Index < Slab->Maximum; Index++) Cache->Dtor(Cache->Argument, Slab->Objects + Index * Cache->Size);
    RemoveEntry(&Slab->ListEntry);
    Slab->Magic = 0;
    __CacheFree(Slab->Mask);
    __CacheFree(Slab);
}

NOINLINE static NTSTATUS CacheCreateSlab(HV_CACHE *Cache)
{
    HV_SLAB *Slab;
    ULONG Index;

    Slab = __CacheAllocate(PAGE_SIZE);
    if (Slab == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Slab->Magic = SLAB_MAGIC; //~ SLAB magic
    Slab->Cache = Cache;
    Slab->Maximum = (USHORT)((PAGE_SIZE - sizeof(HV_SLAB)) / Cache->Size);
    Slab->Objects = (UCHAR *)(Slab + 1);
    Slab->Mask = __CacheAllocate((Slab->Maximum + 31) / 32 * sizeof(ULONG));
    if (Slab->Mask == NULL) goto fail;
    for (Index = 0; Index < Slab->Maximum; Index++)
        if (Cache->Ctor(Cache->Argument, Slab->Objects + Index * Cache->Size) < 0) goto fail;
    InsertTail(&Cache->SlabList, &Slab->ListEntry);
    Cache->Count += Slab->Maximum;
    return STATUS_SUCCESS;
fail:
    if (Slab->Mask != NULL) __CacheFree(Slab->Mask);
    __CacheFree(Slab);
    return STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID CacheGet(HV_CACHE *Cache)
{
    LIST_ENTRY *Entry;

    ASSERT_MAGIC(Cache, CACHE_MAGIC); //~ ACHE magic
    for (Entry = Cache->SlabList.Flink; Entry != &Cache->SlabList; Entry = Entry->Flink) {
        HV_SLAB *Slab = CONTAINING(Entry, HV_SLAB, ListEntry);

        ASSERT_MAGIC(Slab, SLAB_MAGIC);
        if (Slab->Current == Slab->Maximum) continue;
        Slab->Mask[Slab->Current / 32] |= 1u << (Slab->Current % 32);
        return Slab->Objects + Cache->Size * Slab->Current++;
    }
    return NULL;
}

NOINLINE static NTSTATUS CacheCreate(const CHAR *Name, ULONG Size, ULONG Reservation, CACHE_CTOR Ctor, CACHE_DTOR Dtor, PVOID Argument, HV_CACHE **Cache)
{
    NTSTATUS Status = STATUS_SUCCESS;

    *Cache = __CacheAllocate(sizeof(HV_CACHE));
    if (*Cache == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    (*Cache)->Magic = CACHE_MAGIC;
    (*Cache)->Name = Name;
    (*Cache)->Size = (Size + 7) & ~7u;
    (*Cache)->Reservation = Reservation;
    (*Cache)->Ctor = Ctor;
    (*Cache)->Dtor = Dtor;
    (*Cache)->Argument = Argument;
    InitializeListHead(&(*Cache)->SlabList);
    KeInitializeSpinLock(&(*Cache)->Lock);
    while (Status >= 0 && (*Cache)->Count < Reservation) Status = CacheCreateSlab(*Cache);
    return Status;
}

NOINLINE static void CacheDestroy(HV_CACHE *Cache)
{
    ASSERT_MAGIC(Cache, CACHE_MAGIC);
    while (Cache->SlabList.Flink != &Cache->SlabList) CacheDestroySlab(Cache, CONTAINING(Cache->SlabList.Flink, HV_SLAB, ListEntry));
    memset(Cache, 0, sizeof(*Cache));
    __CacheFree(Cache);
}

/* ---- ranges of page frames ---- */

#define RANGE_TAG 'GNAR'
typedef struct { LIST_ENTRY ListEntry; LONGLONG Start, End; } HV_RANGE;
typedef struct { CHAR Name[16]; LIST_ENTRY List; ULONG Magic; ULONG Count; LONGLONG Items; HV_RANGE *Spare; } HV_RANGE_SET;

FORCEINLINE PVOID __RangeSetAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPoolNx, Length, RANGE_TAG); } //= RANG any wrapper-fixed
FORCEINLINE void __RangeSetFree(PVOID Buffer) { __FreePoolWithTag(Buffer, RANGE_TAG); }

NOINLINE static NTSTATUS RangeSetPut(HV_RANGE_SET *Set, LONGLONG Start, ULONGLONG Count)
{
    HV_RANGE *Range = Set->Spare;

    ASSERT_MAGIC(Set, 'ESNR'); //~ RNSE magic
    Set->Spare = NULL;
    if (Range == NULL) Range = __RangeSetAllocate(sizeof(HV_RANGE));
    if (Range == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Range->Start = Start;
    Range->End = Start + Count - 1;
    InsertTail(&Set->List, &Range->ListEntry);
    Set->Items += Count;
    Set->Count++;
    return STATUS_SUCCESS;
}

NOINLINE static LONGLONG RangeSetPop(HV_RANGE_SET *Set)
{
    HV_RANGE *Range;
    LONGLONG Item;

    ASSERT_MAGIC(Set, 'ESNR');
    if (Set->List.Flink == &Set->List) return -1;
    Range = CONTAINING(Set->List.Flink, HV_RANGE, ListEntry);
    Item = Range->Start++;
    if (Range->Start > Range->End) {
        RemoveEntry(&Range->ListEntry);
        if (Set->Spare == NULL) Set->Spare = Range;
        else __RangeSetFree(Range);
    }
    return Item;
}

NOINLINE static HV_RANGE_SET *RangeSetCreate(const CHAR *Name)
{
    HV_RANGE_SET *Set = __RangeSetAllocate(sizeof(HV_RANGE_SET));
    ULONG Index;

    if (Set == NULL) return NULL;
    for (Index = 0; Index < sizeof(Set->Name) - 1 && Name[Index] != 0; Index++) Set->Name[Index] = Name[Index];
    InitializeListHead(&Set->List);
    Set->Magic = 'ESNR';
    return Set;
}

/* ---- a hash table: the seed looks like a tag, the tag like a seed ---- */

#define HASH_TAG 'HSAH'
typedef struct HASH_NODE { struct HASH_NODE *Next; ULONG_PTR Key, Value; } HASH_NODE;
typedef struct { HASH_NODE *Bucket[64]; ULONG_PTR Lock; } HASH_TABLE;

static ULONG HashKey(ULONG_PTR Key)
{
    ULONG Hash = 'DEES'; //~ SEED magic
    ULONG Index;

    for (Index = 0; Index < sizeof(Key); Index++) {
        Hash = (Hash ^ (Key & 0xFF)) * 16777619;
        Key >>= 8;
    }
    return Hash % 64;
}

NOINLINE static NTSTATUS HashAdd(HASH_TABLE *Table, ULONG_PTR Key, ULONG_PTR Value)
{
    HASH_NODE *Node = __AllocatePoolWithTag(NonPagedPool, sizeof(HASH_NODE), HASH_TAG); //= HASH any direct
    ULONG Bucket = HashKey(Key);

    if (Node == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Node->Key = Key;
    Node->Value = Value;
    Node->Next = Table->Bucket[Bucket];
    Table->Bucket[Bucket] = Node;
    return STATUS_SUCCESS;
}

NOINLINE static ULONG_PTR HashRemove(HASH_TABLE *Table, ULONG_PTR Key)
{
    HASH_NODE **Link = &Table->Bucket[HashKey(Key)], *Node;
    ULONG_PTR Value;

    while ((Node = *Link) != NULL && Node->Key != Key) Link = &Node->Next;
    if (Node == NULL) return 0;
    *Link = Node->Next;
    Value = Node->Value;
    ExFreePoolWithTag(Node, HASH_TAG);
    return Value;
}

/* ---- event channels ---- */

#define EVTCHN_TAG 'TVE'
typedef enum { EvtchnFixed, EvtchnUnbound, EvtchnInterDomain, EvtchnVirq } EVTCHN_TYPE;
typedef struct { ULONG Magic; LIST_ENTRY ListEntry; PVOID Callback, Argument; EVTCHN_TYPE Type; ULONG LocalPort, RemotePort; UCHAR Active; ULONG Cpu; } HV_EVTCHN;
typedef struct { LONG References; HASH_TABLE *Table; LIST_ENTRY List; ULONG *PerCpu; PVOID SharedInfo; REMOVE_LOCK RemoveLock; } EVTCHN_CONTEXT;

FORCEINLINE PVOID __EvtchnAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, EVTCHN_TAG); } //= "EVT\0" any wrapper-fixed
FORCEINLINE void __EvtchnFree(PVOID Buffer) { __FreePoolWithTag(Buffer, EVTCHN_TAG); }

NOINLINE static HV_EVTCHN *EvtchnOpen(EVTCHN_CONTEXT *Context, EVTCHN_TYPE Type, PVOID Callback, PVOID Argument, ULONG Port)
{
    HV_EVTCHN *Channel = __EvtchnAllocate(sizeof(HV_EVTCHN));

    if (Channel == NULL) return NULL;
    Channel->Magic = 'NHCE'; //~ ECHN magic
    Channel->Type = Type;
    Channel->Callback = Callback;
    Channel->Argument = Argument;
    switch (Type) {
    case EvtchnFixed: Channel->LocalPort = Port; break;
    case EvtchnUnbound: Channel->RemotePort = Port | 0x10000; break;
    case EvtchnInterDomain: Channel->RemotePort = Port; Channel->LocalPort = Port + 1; break;
    case EvtchnVirq: Channel->LocalPort = 0x80 + Port; break;
    }
    if (HashAdd(Context->Table, Channel->LocalPort, (ULONG_PTR)Channel) < 0) { __EvtchnFree(Channel); return NULL; }
    InsertTail(&Context->List, &Channel->ListEntry);
    return Channel;
}

NOINLINE static void EvtchnClose(EVTCHN_CONTEXT *Context, HV_EVTCHN *Channel)
{
    ASSERT_MAGIC(Channel, 'NHCE');
    RemoveEntry(&Channel->ListEntry);
    HashRemove(Context->Table, Channel->LocalPort);
    __EvtchnFree(Channel);
}

NOINLINE static NTSTATUS EvtchnInitialize(EVTCHN_CONTEXT *Context, ULONG Processors)
{
    InitializeListHead(&Context->List);
    IoInitializeRemoveLockEx(&Context->RemoveLock, 'RtvE', 0, 0, sizeof(REMOVE_LOCK)); //~ EvtR remove-lock
    Context->Table = __EvtchnAllocate(sizeof(HASH_TABLE));
    Context->PerCpu = __AllocatePoolWithTag(NonPagedPool, Processors * 64, 'CtvE'); //= EvtC any direct
    if (Context->Table == NULL || Context->PerCpu == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    return IoAcquireRemoveLockEx(&Context->RemoveLock, (PVOID)(ULONG_PTR)'AtvE', __FILE_NAME__, __LINE__, sizeof(REMOVE_LOCK)); //~ EvtA remove-lock
}

/* ---- grant tables ---- */

#define GNTTAB_TAG 'TTNG'
#define GNTTAB_ENTRY_MAGIC 'DTNG'
typedef struct { ULONG Magic; USHORT Flags, Domain; ULONG Frame, Reference; } GNTTAB_ENTRY;
typedef struct { ULONG FrameCount, Limit; HV_RANGE_SET *Free; PVOID *Frames; HV_CACHE *Cache; PVOID Mapping; } GNTTAB_CONTEXT;
static GNTTAB_CONTEXT *Gnttab;

FORCEINLINE PVOID __GnttabAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPoolNx, Length, GNTTAB_TAG); } //= GNTT any wrapper-fixed

static NTSTATUS GnttabEntryCtor(PVOID Argument, PVOID Object)
{
    GNTTAB_CONTEXT *Context = Argument;
    GNTTAB_ENTRY *Entry = Object;
    LONGLONG Reference = RangeSetPop(Context->Free);

    if (Reference < 0) return STATUS_INSUFFICIENT_RESOURCES;
    Entry->Magic = GNTTAB_ENTRY_MAGIC; //~ GNTD magic
    Entry->Reference = (ULONG)Reference;
    return STATUS_SUCCESS;
}
static void GnttabEntryDtor(PVOID Argument, PVOID Object)
{
    GNTTAB_CONTEXT *Context = Argument;
    GNTTAB_ENTRY *Entry = Object;

    ASSERT_MAGIC(Entry, GNTTAB_ENTRY_MAGIC);
    RangeSetPut(Context->Free, Entry->Reference, 1);
}

NOINLINE static NTSTATUS GnttabExpand(GNTTAB_CONTEXT *Context)
{
    PVOID *Frames;

    if (Context->FrameCount == Context->Limit) {
        Frames = __GnttabAllocate(2 * Context->Limit * sizeof(PVOID));
        if (Frames == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Frames, Context->Frames, Context->Limit * sizeof(PVOID));
        __FreePoolWithTag(Context->Frames, GNTTAB_TAG);
        Context->Frames = Frames;
        Context->Limit *= 2;
    }
    Context->Frames[Context->FrameCount] = MmAllocateMappingAddress(PAGE_SIZE, 'FTNG'); //= GNTF any direct
    if (Context->Frames[Context->FrameCount] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    return RangeSetPut(Context->Free, Context->FrameCount++ * 512, 512);
}

NOINLINE static NTSTATUS GnttabInitialize(ULONG Limit)
{
    GNTTAB_CONTEXT *Context = __GnttabAllocate(sizeof(GNTTAB_CONTEXT));

    if (Context == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Context->Limit = Limit;
    Context->Frames = __GnttabAllocate(Limit * sizeof(PVOID));
    Context->Free = RangeSetCreate("grants");
    if (Context->Frames == NULL || Context->Free == NULL || GnttabExpand(Context) < 0) return STATUS_INSUFFICIENT_RESOURCES;
    Gnttab = Context;
    return CacheCreate("GNTT", sizeof(GNTTAB_ENTRY), 128, GnttabEntryCtor, GnttabEntryDtor, Context, &Context->Cache);
}

static GNTTAB_ENTRY *GnttabGrant(USHORT Domain, ULONG Frame)
{
    GNTTAB_ENTRY *Entry = CacheGet(Gnttab->Cache);

    if (Entry == NULL) return NULL;
    ASSERT_MAGIC(Entry, GNTTAB_ENTRY_MAGIC);
    Entry->Domain = Domain;
    Entry->Frame = Frame;
    Entry->Flags = 1;
    return Entry;
}

/* ---- the store ---- */

#define STORE_TAG 'ROTS'
#define STORE_TRANSACTION_MAGIC 'NART'
#define STORE_WATCH_MAGIC 'CTAW'
typedef struct { ULONG Type, Id, Transaction, Length; } STORE_HEADER;
typedef struct { STORE_HEADER Header; LIST_ENTRY ListEntry; const CHAR *Segments[4]; STORE_HEADER *Response; ULONG_PTR Event[4]; } STORE_REQUEST;
typedef struct { LIST_ENTRY ListEntry; ULONG Magic; PVOID Caller; ULONG Id; UCHAR Active; } STORE_TRANSACTION;
typedef struct { LIST_ENTRY ListEntry; ULONG Magic; PVOID Caller; CHAR *Path; PVOID Event; USHORT Id; } STORE_WATCH;
typedef struct { CHAR Magic[4]; ULONG Version; ULONG Producer, Consumer; CHAR Ring[1024]; } STORE_INTERFACE;
typedef struct { STORE_INTERFACE *Shared; LIST_ENTRY Requests, Watches, Transactions; ULONG NextId; CHAR *Scratch; LOOKASIDE RequestList; } STORE_CONTEXT;

static PVOID __StoreAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, STORE_TAG); } //= STOR any wrapper-fixed
static void __StoreFree(PVOID Buffer) { __FreePoolWithTag(Buffer, STORE_TAG); }

NOINLINE static STORE_HEADER *StoreSubmit(STORE_CONTEXT *Context, STORE_REQUEST *Request)
{
    STORE_HEADER *Response;

    if (memcmp(Context->Shared->Magic, "XSRG", 4) != 0) return NULL; //~ XSRG text
    Request->Header.Id = Context->NextId++;
    InsertTail(&Context->Requests, &Request->ListEntry);
    KeWaitForSingleObject(Request->Event, 0, 0, FALSE, NULL);
    Response = __StoreAllocate(sizeof(STORE_HEADER) + Request->Header.Length);
    if (Response != NULL) memcpy(Response, Request->Response, sizeof(STORE_HEADER));
    return Response;
}

NOINLINE static NTSTATUS StoreTransactionStart(STORE_CONTEXT *Context, STORE_TRANSACTION **Transaction)
{
    STORE_REQUEST Request = {{6, 0, 0, 1}};
    STORE_HEADER *Response;

    *Transaction = __StoreAllocate(sizeof(STORE_TRANSACTION));
    if (*Transaction == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    (*Transaction)->Magic = STORE_TRANSACTION_MAGIC; //~ TRAN magic
    (*Transaction)->Caller = __builtin_return_address(0);
    Response = StoreSubmit(Context, &Request);
    if (Response == NULL) { __StoreFree(*Transaction); return STATUS_INSUFFICIENT_RESOURCES; }
    (*Transaction)->Id = Response->Id;
    InsertTail(&Context->Transactions, &(*Transaction)->ListEntry);
    __StoreFree(Response);
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS StoreWatchAdd(STORE_CONTEXT *Context, const CHAR *Prefix, const CHAR *Node, PVOID Event)
{
    STORE_WATCH *Watch = __StoreAllocate(sizeof(STORE_WATCH));
    ULONG First = 0, Second = 0;

    if (Watch == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Watch->Magic = STORE_WATCH_MAGIC; //~ WATC magic
    while (Prefix[First] != 0) First++;
    while (Node[Second] != 0) Second++;
    Watch->Path = __AllocatePoolWithTag(PagedPool, First + Second + 2, 'PrtS'); //= StrP any direct
    if (Watch->Path == NULL) { __StoreFree(Watch); return STATUS_INSUFFICIENT_RESOURCES; }
    memcpy(Watch->Path, Prefix, First);
    Watch->Path[First] = '/';
    memcpy(Watch->Path + First + 1, Node, Second);
    Watch->Event = Event;
    InsertTail(&Context->Watches, &Watch->ListEntry);
    return STATUS_SUCCESS;
}

NOINLINE static void StoreFire(STORE_CONTEXT *Context, USHORT Id)
{
    LIST_ENTRY *Entry;

    for (Entry = Context->Watches.Flink; Entry != &Context->Watches; Entry = Entry->Flink) {
        STORE_WATCH *Watch = CONTAINING(Entry, STORE_WATCH, ListEntry);

        if (Watch->Magic != STORE_WATCH_MAGIC) { DbgPrint("STORE: bad watch %p\n", Watch); continue; }
        if (Watch->Id == Id) KeSetEvent(Watch->Event, 0, FALSE);
    }
}

static STORE_CONTEXT *StoreInitialize(PVOID Shared)
{
    STORE_CONTEXT *Context = __StoreAllocate(sizeof(STORE_CONTEXT));

    if (Context == NULL) return NULL;
    Context->Shared = Shared;
    InitializeListHead(&Context->Requests);
    InitializeListHead(&Context->Watches);
    InitializeListHead(&Context->Transactions);
    ExInitializeNPagedLookasideList(&Context->RequestList, NULL, NULL, 0, sizeof(STORE_REQUEST), 'RrtS', 0); //= StrR any lookaside
    Context->Scratch = ExAllocatePoolWithTag(PagedPool, 1024, 'SrtS'); //= StrS any direct
    return Context;
}

/* ---- devices ---- */

typedef enum { FunctionDevice = 'ODF_', PhysicalDevice = 'ODP_' } DX_TYPE;
typedef struct { DX_TYPE Type; DEVICE_OBJECT *DeviceObject, *Lower; ULONG SystemPower; CHAR Name[24]; struct HV_FDO *Fdo; struct HV_PDO *Pdo; REMOVE_LOCK Lock; } DX;
typedef struct HV_PDO { DX *Dx; struct HV_FDO *Fdo; LIST_ENTRY ListEntry; ULONG Missing; ULONG *Revisions; PVOID SuspendCallback; } HV_PDO;
typedef struct HV_FDO {
    DX *Dx;
    LIST_ENTRY Children;
    EVTCHN_CONTEXT *Evtchn;
    STORE_CONTEXT *Store;
    UNICODE_STRING RegistryPath;
    struct { PVOID WorkItem; ULONG Tag; PVOID Buffer; ULONG Size; } Scan, Suspend;
    ULONG *Distribution, LogLevel;
    HV_RANGE_SET *Ranges;
} HV_FDO;

#define FDO_TAG 'ODF'
#define PDO_TAG 'ODP'
FORCEINLINE PVOID __FdoAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, FDO_TAG); } //= "FDO\0" any wrapper-fixed
FORCEINLINE PVOID __PdoAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, PDO_TAG); } //= "PDO\0" any wrapper-fixed

static void CALL FdoScanWorker(DEVICE_OBJECT *Device, PVOID Argument)
{
    HV_FDO *Fdo = Argument;
    PVOID Listing = __AllocatePoolWithTag(PagedPool, Fdo->Scan.Size, Fdo->Scan.Tag);

    if (Listing == NULL) return;
    memcpy(Listing, Fdo->Store->Scratch, Fdo->Scan.Size);
    if (Fdo->Scan.Buffer != NULL) __FreePoolWithTag(Fdo->Scan.Buffer, Fdo->Scan.Tag);
    Fdo->Scan.Buffer = Listing;
}
static void CALL FdoSuspendWorker(DEVICE_OBJECT *Device, PVOID Argument)
{
    HV_FDO *Fdo = Argument;

    Fdo->Suspend.Buffer = __AllocatePoolWithTag(NonPagedPool, Fdo->Suspend.Size, Fdo->Suspend.Tag);
}

NOINLINE static NTSTATUS PdoCreate(HV_FDO *Fdo, DRIVER_OBJECT *Driver, const CHAR *Name)
{
    DEVICE_OBJECT *Device;
    HV_PDO *Pdo;
    DX *Dx;
    ULONG Index;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(DX), NULL, 0x22, 0x80, FALSE, &Device);

    if (Status < 0) return Status;
    Dx = Device->Extension;
    Dx->Type = PhysicalDevice; //~ _PDO magic
    Dx->DeviceObject = Device;
    for (Index = 0; Index < 23 && Name[Index]; Index++) Dx->Name[Index] = Name[Index];
    Pdo = __PdoAllocate(sizeof(HV_PDO));
    if (Pdo == NULL) { IoDeleteDevice(Device); return STATUS_INSUFFICIENT_RESOURCES; }
    Pdo->Dx = Dx;
    Pdo->Fdo = Fdo;
    Pdo->Revisions = __PdoAllocate(12 * sizeof(ULONG));
    IoInitializeRemoveLockEx(&Dx->Lock, 'LodP', 1, 10, sizeof(REMOVE_LOCK)); //~ PdoL remove-lock
    InsertTail(&Fdo->Children, &Pdo->ListEntry);
    Dx->Pdo = Pdo;
    return STATUS_SUCCESS;
}

static NTSTATUS FdoReadDistribution(HV_FDO *Fdo)
{
    struct { ULONG TitleIndex, Type, DataLength; ULONG Data[1]; } Small, *Value;
    UNICODE_STRING Name;
    HANDLE Key;
    ULONG Needed = 0;
    NTSTATUS Status;

    RtlInitUnicodeString(&Name, L"Distribution");
    Status = ZwOpenKey(&Key, 0x20019, NULL);
    if (Status < 0) return Status;
    Status = ZwQueryValueKey(Key, &Name, 2, &Small, sizeof(Small), &Needed);
    if (Needed > sizeof(Small)) {
        Value = __AllocatePoolWithTag(PagedPool, Needed, 'VgeR'); //= RegV any direct
        if (Value != NULL) {
            Status = ZwQueryValueKey(Key, &Name, 2, Value, Needed, &Needed);
            Fdo->Distribution = __FdoAllocate(Value->DataLength);
            if (Fdo->Distribution != NULL) memcpy(Fdo->Distribution, Value->Data, Value->DataLength);
            __FreePoolWithTag(Value, 'VgeR');
        }
    }
    ZwClose(Key);
    return Status;
}

NOINLINE static NTSTATUS FdoCreate(DRIVER_OBJECT *Driver, DEVICE_OBJECT *Physical, const UNICODE_STRING *Path)
{
    DEVICE_OBJECT *Device;
    HV_FDO *Fdo;
    DX *Dx;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(DX), NULL, 0x22, 0x100, FALSE, &Device);

    if (Status < 0) return Status;
    Dx = Device->Extension;
    Dx->Type = FunctionDevice; //~ _FDO magic
    Dx->Lower = IoAttachDeviceToDeviceStack(Device, Physical);
    Fdo = __FdoAllocate(sizeof(HV_FDO));
    if (Fdo == NULL) goto fail;
    Dx->Fdo = Fdo;
    Fdo->Dx = Dx;
    InitializeListHead(&Fdo->Children);
    Fdo->Scan.WorkItem = IoAllocateWorkItem(Device);
    Fdo->Scan.Tag = 'nacS'; //= Scan any object-field
    Fdo->Scan.Size = 1024;
    Fdo->Suspend.WorkItem = IoAllocateWorkItem(Device);
    Fdo->Suspend.Tag = 'psuS'; //= Susp any object-field
    Fdo->Suspend.Size = 256;
    Fdo->RegistryPath.Buffer = ExAllocatePoolWithTag(PagedPool, Path->Length, 'PgeR'); //= RegP any direct
    if (Fdo->RegistryPath.Buffer == NULL) goto fail;
    memcpy(Fdo->RegistryPath.Buffer, Path->Buffer, Path->Length);
    Fdo->Evtchn = __FdoAllocate(sizeof(EVTCHN_CONTEXT));
    if (Fdo->Evtchn == NULL || EvtchnInitialize(Fdo->Evtchn, 64) < 0) goto fail;
    Fdo->Store = StoreInitialize(Fdo->Evtchn->SharedInfo);
    if (Fdo->Store == NULL) goto fail;
    Fdo->Ranges = RangeSetCreate("memory");
    FdoReadDistribution(Fdo);
    IoQueueWorkItem(Fdo->Scan.WorkItem, FdoScanWorker, 1, Fdo);
    IoQueueWorkItem(Fdo->Suspend.WorkItem, FdoSuspendWorker, 1, Fdo);
    return PdoCreate(Fdo, Driver, "VIF");
fail:
    IoDeleteDevice(Device);
    return STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- interfaces that physical devices hand out: functions, with their context ---- */

typedef struct {
    USHORT Size, Version;
    PVOID Context;
    PVOID (*Allocate)(PVOID Context, ULONG Length, ULONG Tag);
    void (*Free)(PVOID Context, PVOID Buffer, ULONG Tag);
} MEMORY_INTERFACE;
static LONG64 MemoryOutstanding;

static PVOID MemoryAllocate(PVOID Context, ULONG Length, ULONG Tag)
{
    PVOID Buffer = __AllocatePoolWithTag(NonPagedPool, Length, Tag);

    if (Buffer != NULL) *(LONG64 *)Context += 1;
    return Buffer;
}
static void MemoryFree(PVOID Context, PVOID Buffer, ULONG Tag)
{
    *(LONG64 *)Context -= 1;
    __FreePoolWithTag(Buffer, Tag);
}
static const MEMORY_INTERFACE MemoryInterface = {sizeof(MEMORY_INTERFACE), 2, &MemoryOutstanding, MemoryAllocate, MemoryFree};

/* ---- rings of the front ends ---- */

typedef struct { MEMORY_INTERFACE Memory; ULONG Order; PVOID Shared; GNTTAB_ENTRY *Entries[16]; PVOID *Requests; ULONG Head, Tail; CHAR *Path; } HV_RING;

NOINLINE static HV_RING *RingCreate(const MEMORY_INTERFACE *Interface, ULONG Order)
{
    HV_RING *Ring = Interface->Allocate(Interface->Context, sizeof(HV_RING), 'gniR'); //= Ring any operations-table
    ULONG Index;

    if (Ring == NULL) return NULL;
    Ring->Memory = *Interface;
    Ring->Order = Order;
    Ring->Shared = Ring->Memory.Allocate(Ring->Memory.Context, PAGE_SIZE << Order, 'SniR'); //= RinS any operations-object
    Ring->Requests = Ring->Memory.Allocate(Ring->Memory.Context, 256 * sizeof(PVOID), 'RniR'); //= RinR any operations-object
    if (Ring->Shared == NULL || Ring->Requests == NULL) return NULL;
    for (Index = 0; Index < 1u << Order; Index++)
        Ring->Entries[Index] = GnttabGrant(0, (ULONG)(MmGetPhysicalAddress((UCHAR *)Ring->Shared + Index * PAGE_SIZE).QuadPart >> 12));
    return Ring;
}

NOINLINE static void RingDestroy(HV_RING *Ring)
{
    const MEMORY_INTERFACE Interface = Ring->Memory;

    if (Ring->Path != NULL) Interface.Free(Interface.Context, Ring->Path, 'PniR'); //= RinP any operations-object
    Interface.Free(Interface.Context, Ring->Requests, 'RniR');
    Interface.Free(Interface.Context, Ring->Shared, 'SniR');
    Interface.Free(Interface.Context, Ring, 'gniR');
}

/* ---- queues in the manner of the other hypervisor: a device with a magic number in its registers ---- */

typedef struct { ULONG MagicValue, Version, DeviceId, VendorId, Features; } VQ_REGISTERS;
typedef struct VQ_DEVICE VQ_DEVICE;
struct VQ_DEVICE {
    VQ_REGISTERS *Registers;
    PVOID (*AllocPages)(PVOID Context, SIZE_T Size);
    PVOID (*AllocBlock)(PVOID Context, SIZE_T Size);
    void (*FreeBlock)(PVOID Context, PVOID Block);
    PVOID Context;
    PVOID Queues[8];
};
typedef struct { ULONG Index, Size; PVOID Ring, Data[1]; } VQ_QUEUE;
typedef struct { VQ_DEVICE Device; ULONG MemoryTag; SIZE_T Allocated; DEVICE_OBJECT *Owner; } VQ_PORT;

static PVOID VqAllocPages(PVOID Context, SIZE_T Size)
{
    static const PHYSICAL_ADDRESS Low = {{0}}, High = {{0xFFFFFFFF, 0x7FFFFFFF}}, Boundary = {{0}};
    PVOID Out = NULL;

    return MmAllocateContiguousMemoryEx(&Size, Low, High, Boundary, 0x80000000, 4, NULL, 'MqrV', 0, &Out) < 0 ? NULL : Out; //= VrqM any callback
}
static PVOID VqAllocBlock(PVOID Context, SIZE_T Size)
{
    VQ_PORT *Port = Context;

    Port->Allocated += Size;
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Port->MemoryTag);
}
static void VqFreeBlock(PVOID Context, PVOID Block)
{
    ExFreePoolWithTag(Block, ((VQ_PORT *)Context)->MemoryTag);
}

NOINLINE static NTSTATUS VqSetup(VQ_DEVICE *Device, ULONG Index, ULONG Size)
{
    VQ_QUEUE *Queue;

    if (Device->Registers->MagicValue != 'triv') return STATUS_NOT_SUPPORTED; //~ virt firmware-table
    if (Device->Registers->VendorId == 'UMEQ') Size /= 2; //~ QEMU firmware-table
    Queue = Device->AllocBlock(Device->Context, sizeof(VQ_QUEUE) + Size * sizeof(PVOID));
    if (Queue == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Queue->Index = Index;
    Queue->Size = Size;
    Queue->Ring = Device->AllocPages(Device->Context, Size * 26 + PAGE_SIZE);
    if (Queue->Ring == NULL) { Device->FreeBlock(Device->Context, Queue); return STATUS_INSUFFICIENT_RESOURCES; }
    Device->Queues[Index & 7] = Queue;
    return STATUS_SUCCESS;
}

NOINLINE static void VqPortInitialize(VQ_PORT *Port, ULONG Tag)
{
    memset(Port, 0, sizeof(*Port));
    Port->MemoryTag = Tag;
    Port->Device.AllocPages = VqAllocPages;
    Port->Device.AllocBlock = VqAllocBlock;
    Port->Device.FreeBlock = VqFreeBlock;
    Port->Device.Context = Port;
}
static VQ_PORT SerialPort, BalloonPort;

/* ---- a balloon ---- */

typedef struct { ULONG64 *Frames; ULONG Count; PVOID Mdl; ULONG_PTR Event[4]; HANDLE Thread; } BALLOON;
static BALLOON Balloon;

static void CALL BalloonThread(PVOID Argument)
{
    BALLOON *Context = Argument;

    for (;;) {
        ULONG64 *Frames;

        KeWaitForSingleObject(Context->Event, 0, 0, FALSE, NULL);
        if (Context->Count == 0) break;
        Frames = ExAllocatePool2(POOL_FLAG_NON_PAGED, Context->Count * sizeof(ULONG64), 'FlaB'); //= BalF any callback
        if (Frames == NULL) continue;
        if (Context->Frames != NULL) ExFreePoolWithTag(Context->Frames, 'FlaB');
        Context->Frames = Frames;
    }
}

/* ---- a disk on the storage port ---- */

#define VBD_TAG 'DBVX'
typedef struct { PVOID Port; HV_RING *Ring; PVOID Bounce, Inquiry; ULONG MaxTargets; PVOID *Targets; ULONG Signature; } VBD_ADAPTER;
typedef struct { UCHAR Type, Flags; UCHAR Page, Length; CHAR Vendor[8], Product[16], Revision[4]; } INQUIRY_DATA;

static PVOID __VbdAllocate(VBD_ADAPTER *Adapter, ULONG Length, ULONG Tag)
{
    PVOID Buffer = NULL;

    if (StorPortExtendedFunction(0, Adapter->Port, Length, Tag, &Buffer) != 0) return NULL;
    memset(Buffer, 0, Length);
    return Buffer;
}

NOINLINE static BOOLEAN VbdInitialize(VBD_ADAPTER *Adapter, ULONG Targets)
{
    ULONG Index;

    Adapter->Signature = 'DPDA'; //~ ADPD magic
    Adapter->Targets = __VbdAllocate(Adapter, Targets * sizeof(PVOID), VBD_TAG); //= XVBD any wrapper
    if (Adapter->Targets == NULL) return FALSE;
    for (Index = 0; Index < Targets; Index++) Adapter->Targets[Index] = __VbdAllocate(Adapter, 0x200, 'TBVX'); //= XVBT any wrapper
    Adapter->Bounce = __VbdAllocate(Adapter, 0x10000, 'BBVX'); //= XVBB any wrapper
    StorPortNotification(0x1003, Adapter->Port, 'yfiN'); //~ Nify not-an-allocator
    return StorPortExtendedFunction(0x29, Adapter->Port, 'prtS', 0, &Adapter->Inquiry) == 0; //~ Strp other-code
}

NOINLINE static BOOLEAN VbdStartIo(VBD_ADAPTER *Adapter, UCHAR *Cdb, INQUIRY_DATA *Data)
{
    PVOID Sense;

    if (Adapter->Signature != 'DPDA') return FALSE;
    switch (Cdb[0]) {
    case 0x12:
        memset(Data, 0, sizeof(*Data));
        memcpy(Data->Vendor, "XENSRC  ", 8); //~ XENS text
        memcpy(Data->Product, "PVDISK          ", 16); //~ PVDI text
        memcpy(Data->Revision, "2.0 ", 4); //~ "2.0 " text
        return TRUE;
    case 0x28:
    case 0x2A:
        return StorPortExtendedFunction(0, Adapter->Port, 0x1000, 'RBVX', &Data) == 0; //= XVBR any storport-pool
    case 0x03:
        Sense = __VbdAllocate(Adapter, 18, 'SBVX'); //= XVBS any wrapper
        if (Sense != NULL) StorPortExtendedFunction(1, Adapter->Port, Sense);
        return Sense != NULL;
    default:
        return FALSE;
    }
}

/* ---- a network interface ---- */

#define VIF_TAG 'FIVX'
typedef struct { ULONG Signature; HANDLE Handle, ListPool; PVOID Receiver, Transmitter; PVOID Stats; ULONG Filter; UCHAR Mac[6]; } VIF_ADAPTER;
typedef struct { UCHAR Type, Revision; USHORT Size; UCHAR Protocol, Flag; USHORT Context; ULONG Tag; ULONG Data; } VIF_POOL_PARAMETERS;

static PVOID __VifAllocate(VIF_ADAPTER *Adapter, ULONG Length) { return NdisAllocateMemoryWithTagPriority(Adapter->Handle, Length, VIF_TAG, 16); } //= XVIF any wrapper-fixed

NOINLINE static NTSTATUS VifInitialize(HANDLE Handle, VIF_ADAPTER **Out)
{
    VIF_POOL_PARAMETERS Parameters = {0};
    VIF_ADAPTER *Adapter;

    if (NdisAllocateMemoryWithTag((PVOID *)&Adapter, sizeof(VIF_ADAPTER), 'AIVX') < 0) return STATUS_INSUFFICIENT_RESOURCES; //= XVIA any direct
    Adapter->Signature = 'PDAN'; //~ NADP magic
    Adapter->Handle = Handle;
    Adapter->Receiver = __VifAllocate(Adapter, 0x800);
    Adapter->Transmitter = __VifAllocate(Adapter, 0xC00);
    Parameters.Type = 0x80;
    Parameters.Revision = 1;
    Parameters.Size = sizeof(Parameters);
    Parameters.Flag = TRUE;
    Parameters.Tag = 'LIVX'; //= XVIL any ndis-parameters
    Adapter->ListPool = NdisAllocateNetBufferListPool(Handle, &Parameters);
    *Out = Adapter;
    return STATUS_SUCCESS;
}

typedef struct { ULONG Oid; CHAR Name[4]; } VIF_OID;
static const VIF_OID VifOids[] = {
    {0x00010101, "SUPP"}, //~ SUPP text
    {0x00010107, "LINK"}, //~ LINK text
    {0x0001010E, "FILT"}, //~ FILT text
    {0x01010101, "ADDR"}, //~ ADDR text
};

NOINLINE static const VIF_OID *VifFindOid(VIF_ADAPTER *Adapter, ULONG Oid)
{
    ULONG Index;

    if (Adapter->Signature != 'PDAN') return NULL;
    if (Oid == 'XVOD') return &VifOids[3]; //~ DOVX magic
    for (Index = 0; Index < sizeof(VifOids) / sizeof(VifOids[0]); Index++)
        if (VifOids[Index].Oid == Oid) return &VifOids[Index];
    return NULL;
}

/* ---- tables of the firmware ---- */

typedef struct { ULONG Signature, Length; UCHAR Revision, Checksum; CHAR Oem[6]; } FIRMWARE_TABLE;
typedef struct { ULONG Signature; const CHAR *Text; PVOID Copy; } FIRMWARE_ENTRY;
static FIRMWARE_ENTRY FirmwareEntries[] = {
    {'CIPA', "interrupt controllers"}, //~ APIC firmware-table
    {'TARS', "affinities"}, //~ SRAT firmware-table
    {'GFCM', "configuration"}, //~ MCFG firmware-table
    {'TEAW', "emulated devices"}, //~ WAET firmware-table
};
static NTSTATUS FirmwareQuery(ULONG Provider, ULONG Table, PVOID Buffer, ULONG Size, ULONG *Needed)
{
    struct { ULONG Provider, Action, Table, Length; } Request = {Provider, 1, Table, Size};

    memcpy(Buffer, &Request, sizeof(Request));
    return ZwQuerySystemInformation(76, Buffer, Size + sizeof(Request), Needed);
}

NOINLINE static void FirmwareCollect(void)
{
    ULONG Index, Needed;

    for (Index = 0; Index < 4; Index++) {
        FIRMWARE_ENTRY *Entry = &FirmwareEntries[Index];

        Entry->Copy = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, 'TmrF'); //= FrmT any direct
        if (Entry->Copy == NULL) break;
        if (FirmwareQuery('IPCA', Entry->Signature, Entry->Copy, PAGE_SIZE - 16, &Needed) < 0) { //~ ACPI firmware-table
            ExFreePoolWithTag(Entry->Copy, 'TmrF');
            Entry->Copy = NULL;
        } else DbgPrint("%.4s: %s\n", (CHAR *)&Entry->Signature, Entry->Text);
    }
}

/* ---- threads and debug callbacks, each with the name of its module ---- */

typedef struct { LIST_ENTRY ListEntry; ULONG Magic; CHAR Prefix[12]; PVOID Callback, Argument; } DEBUG_CALLBACK;
typedef struct { PVOID Function, Context; ULONG_PTR Event[4]; BOOLEAN Alerted; } HV_THREAD;
static LIST_ENTRY DebugCallbacks;

NOINLINE static NTSTATUS DebugRegister(const CHAR *Prefix, PVOID Callback, PVOID Argument)
{
    DEBUG_CALLBACK *Entry = __AllocatePoolWithTag(NonPagedPool, sizeof(DEBUG_CALLBACK), 'UBED'); //= DEBU any direct
    ULONG Index;

    if (Entry == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Entry->Magic = 'LLAC'; //~ CALL magic
    for (Index = 0; Index < 11 && Prefix[Index]; Index++) Entry->Prefix[Index] = Prefix[Index];
    Entry->Callback = Callback;
    Entry->Argument = Argument;
    InsertTail(&DebugCallbacks, &Entry->ListEntry);
    return STATUS_SUCCESS;
}

NOINLINE static HV_THREAD *ThreadCreate(PVOID Function, PVOID Context)
{
    HV_THREAD *Thread = __AllocatePoolWithTag(NonPagedPool, sizeof(HV_THREAD), 'ERHT'); //= THRE any direct
    HANDLE Handle;

    if (Thread == NULL) return NULL;
    Thread->Function = Function;
    Thread->Context = Context;
    KeInitializeEvent(Thread->Event, 0, FALSE);
    if (PsCreateSystemThread(&Handle, 0, NULL, NULL, NULL, Function, Thread) < 0) { ExFreePoolWithTag(Thread, 'ERHT'); return NULL; }
    if (ObReferenceObjectByHandleWithTag(Handle, 0x1F03FF, NULL, 0, 'RrhT', &Thread->Function, NULL) < 0) return NULL; //~ ThrR object-tag
    ZwClose(Handle);
    return Thread;
}

/* ---- what is emulated goes away: modules that have one block each ---- */

#define UNPLUG_TAG 'GULP'
#define SHARED_INFO_TAG 'OFNI'
#define SUSPEND_TAG 'PSUS'
typedef struct { PVOID Unplug, SharedInfo, Suspend, Vector; USHORT Magic; } HV_MODULES;
static HV_MODULES Modules;

FORCEINLINE PVOID __UnplugAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, UNPLUG_TAG); } //= PLUG any wrapper-fixed
FORCEINLINE PVOID __SharedInfoAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, SHARED_INFO_TAG); } //= INFO any wrapper-fixed
FORCEINLINE PVOID __SuspendAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, SUSPEND_TAG); } //= SUSP any wrapper-fixed

NOINLINE static NTSTATUS ModulesInitialize(ULONG Vectors)
{
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    Modules.Unplug = __UnplugAllocate(0x38);
    if (Modules.Unplug == NULL) goto fail1;
    Modules.SharedInfo = __SharedInfoAllocate(0x58);
    if (Modules.SharedInfo == NULL) goto fail2;
    Modules.Suspend = __SuspendAllocate(0x70);
    if (Modules.Suspend == NULL) goto fail3;
    Modules.Vector = ExAllocatePoolWithQuotaTag(NonPagedPool | 8, Vectors * 16, 'VIPA'); //= APIV any direct
    if (Modules.Vector == NULL) goto fail4;
    Modules.Magic = 0x49D2;
    return STATUS_SUCCESS;
fail4:
    __FreePoolWithTag(Modules.Suspend, SUSPEND_TAG);
fail3:
    __FreePoolWithTag(Modules.SharedInfo, SHARED_INFO_TAG);
fail2:
    __FreePoolWithTag(Modules.Unplug, UNPLUG_TAG);
fail1:
    return Status;
}

/* ---- the driver ---- */

static VIF_ADAPTER *LastVif;
static VBD_ADAPTER LastVbd;
static DRIVER_OBJECT *ThisDriver;

static NTSTATUS CALL BusControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    DX *Dx = Device->Extension;
    STORE_TRANSACTION *Transaction;
    PVOID Buffer = Irp->SystemBuffer;

    if (Dx->Type != FunctionDevice && Dx->Type != PhysicalDevice) return STATUS_INVALID_PARAMETER;
    switch (Irp->Stack->Minor) {
    case 0: return StoreTransactionStart(Dx->Fdo->Store, &Transaction);
    case 1: return StoreWatchAdd(Dx->Fdo->Store, "device", Buffer, Irp->Mdl);
    case 2: StoreFire(Dx->Fdo->Store, (USHORT)Irp->Flags); break;
    case 3: Irp->SystemBuffer = EvtchnOpen(Dx->Fdo->Evtchn, Irp->Flags & 3, Irp->Mdl, Dx, Irp->Flags >> 2); break;
    case 4: EvtchnClose(Dx->Fdo->Evtchn, Buffer); break;
    case 5: Irp->SystemBuffer = RingCreate(&MemoryInterface, Irp->Flags & 3); break;
    case 6: RingDestroy(Buffer); break;
    case 7: return VqSetup(&SerialPort.Device, Irp->Flags, 256);
    case 8: return VqSetup(&BalloonPort.Device, Irp->Flags, 128);
    case 9: LastVbd.Ring = Buffer; return VbdInitialize(&LastVbd, Irp->Flags) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
    case 10: return VbdStartIo(&LastVbd, Buffer, Irp->Mdl) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
    case 11: return VifInitialize(Buffer, &LastVif);
    case 12: Irp->SystemBuffer = (PVOID)VifFindOid(LastVif, Irp->Flags); break;
    case 13: FirmwareCollect(); break;
    case 14: return DebugRegister(Buffer, Irp->Mdl, Dx);
    case 15: CacheDestroy(Gnttab->Cache); break;
    case 16: return GnttabExpand(Gnttab);
    case 17: Balloon.Thread = ThreadCreate((PVOID)BalloonThread, &Balloon); break;
    case 19: return ModulesInitialize(Irp->Flags);
    case 18: return FdoCreate(ThisDriver, Device, Buffer);
    default: return STATUS_NOT_SUPPORTED;
    }
    IoCompleteRequest(Irp, 0);
    return STATUS_SUCCESS;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    if (HypervisorDetect() == HvNone) return STATUS_NOT_SUPPORTED;
    ThisDriver = Driver;
    InitializeListHead(&DebugCallbacks);
    VqPortInitialize(&SerialPort, 'SqrV'); //= VrqS any object-field
    VqPortInitialize(&BalloonPort, 'BqrV'); //= VrqB any object-field
    Driver->Major[14] = BusControl;
    return GnttabInitialize(32);
}
