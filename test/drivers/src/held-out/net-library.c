// Held out: a library of network drivers: allocators for others, lookaside lists of a component for each processor, types of objects with their tag and
// size, a hash table that grows, wheels of timers, pools of buffers by parameters, counted objects with a history of who holds them, sockets' providers.
// exports: NlAllocate NlFree NlCreateLookaside NlAllocateFromLookaside NlRegisterType NlCreateObject NlCreateBufferPool NlHashCreate
#include "kernel.h"

#if defined(__clang__)
#define EXPORT /* the linker is told by name: "exports" above */
#else
#define EXPORT __declspec(dllexport)
#endif

#define CONTAINING(Address, Type, Field) ((Type *)((UCHAR *)(Address) - __builtin_offsetof(Type, Field)))
#define MAXIMUM_PROCESSORS 64
#define STATUS_CONFLICT ((NTSTATUS)0xC0000035)
#define STATUS_NOT_FOUND ((NTSTATUS)0xC0000225)
#define NL_LOOKASIDE_PAGED 1
#define NL_LOOKASIDE_ONE 2

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize, Flags; } NET_BUFFER_LIST_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG PoolTag, DataSize; } NET_BUFFER_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } NDIS_TIMER_CHARACTERISTICS;

static volatile ULONG ProcessorCount = 4, CurrentProcessor;
static HANDLE NdisHandle;
static LONG Failures;

/* ---- the allocators that others import ---- */

EXPORT NOINLINE PVOID CALL NlAllocate(SIZE_T Size, ULONG Tag, BOOLEAN Paged) {
    PVOID p = ExAllocatePoolWithTag(Paged ? PagedPool : NonPagedPoolNx, Size, Tag);

    if (p == NULL) __sync_fetch_and_add(&Failures, 1);
    return p;
}

EXPORT NOINLINE void CALL NlFree(PVOID p, ULONG Tag) {
    if (p != NULL) ExFreePoolWithTag(p, Tag);
}

static PVOID NlAllocateZeroed(SIZE_T Size, ULONG Tag) {
    PVOID p = NlAllocate(Size, Tag, FALSE);

    if (p != NULL) memset(p, 0, Size);
    return p;
}

/* ---- lookaside lists, one for each processor ---- */

typedef struct { ULONG Signature, Count, Tag, Flags; SIZE_T Size; LOOKASIDE List[1]; } NL_LOOKASIDE;

static PVOID CALL LookasideAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag) {
    PVOID p = ExAllocatePoolWithTag(PoolType, Size, Tag);

    if (p == NULL) __sync_fetch_and_add(&Failures, 1);
    return p;
}
static void CALL LookasideFree(PVOID p) { ExFreePool(p); }

EXPORT NOINLINE NL_LOOKASIDE *CALL NlCreateLookaside(SIZE_T Size, ULONG Tag, ULONG Flags, USHORT Depth) {
    ULONG Count = (Flags & NL_LOOKASIDE_ONE) != 0 ? 1 : ProcessorCount;
    NL_LOOKASIDE *Lookaside = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(NL_LOOKASIDE) + (Count - 1) * sizeof(LOOKASIDE), 'kLlN'); //= NlLk any direct

    if (Lookaside == NULL) return NULL;
    Lookaside->Signature = 'sdkL'; //~ Lkds magic
    Lookaside->Count = Count;
    Lookaside->Tag = Tag;
    Lookaside->Flags = Flags;
    Lookaside->Size = Size;
    for (ULONG i = 0; i < Count; i++) {
        if ((Flags & NL_LOOKASIDE_PAGED) != 0) ExInitializePagedLookasideList(&Lookaside->List[i], LookasideAllocate, LookasideFree, 0, Size, Tag, Depth);
        else ExInitializeNPagedLookasideList(&Lookaside->List[i], LookasideAllocate, LookasideFree, 512, Size, Tag, Depth);
    }
    return Lookaside;
}

EXPORT NOINLINE PVOID CALL NlAllocateFromLookaside(NL_LOOKASIDE *Lookaside) {
    PVOID p;

    if (Lookaside->Signature != 'sdkL') KeBugCheckEx(0x18A, 'kLlB', (ULONG_PTR)Lookaside, 0, 0); //~ BlLk bug-check
    p = ExpInterlockedPopEntrySList(&Lookaside->List[CurrentProcessor % Lookaside->Count]);
    return p != NULL ? p : LookasideAllocate((Lookaside->Flags & NL_LOOKASIDE_PAGED) != 0 ? PagedPool : NonPagedPoolNx, Lookaside->Size, Lookaside->Tag);
}

/* ---- a component: its lists, and by whom they are used ---- */

enum { ListHeader, ListRoute, ListNeighbor, ListPath, ListFragment, ListRequest, ListCount };
typedef struct { NL_LOOKASIDE *Lists[ListCount]; PVOID Pools[3], Timer, Wheel; ULONG State; } NL_COMPONENT;
static const struct { USHORT Size, Depth; ULONG Tag, Flags; } ComponentLists[ListCount] = {
    {128, 256, 'dHlN', 0}, //= NlHd any lookaside-loop
    {96, 64, 'tRlN', 0}, //= NlRt any lookaside-loop
    {208, 64, 'bNlN', 0}, //= NlNb any lookaside-loop
    {176, 32, 'tPlN', 0}, //= NlPt any lookaside-loop
    {64, 32, 'gFlN', NL_LOOKASIDE_ONE}, //= NlFg any lookaside-loop
    {320, 16, 'qRlN', NL_LOOKASIDE_PAGED | NL_LOOKASIDE_ONE}, //= NlRq any lookaside-loop
};

NOINLINE static NTSTATUS ComponentCreateLists(NL_COMPONENT *Component) {
    for (ULONG i = 0; i < ListCount; i++) {
        Component->Lists[i] = NlCreateLookaside(ComponentLists[i].Size, ComponentLists[i].Tag, ComponentLists[i].Flags, ComponentLists[i].Depth);
        if (Component->Lists[i] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    }
    Component->State = 'ydaR'; //~ Rady magic
    return STATUS_SUCCESS;
}

/* ---- objects that are counted; a holder gives four characters that name it ---- */

typedef struct NL_TYPE NL_TYPE;
typedef struct { ULONG Reason; LONG Count; PVOID Caller; } NL_HISTORY;
typedef struct { ULONG Signature; LONG References; const NL_TYPE *Type; NL_HISTORY *History; ULONG Next; LIST_ENTRY Link; } NL_OBJECT;
struct NL_TYPE {
    LIST_ENTRY Link;
    const CHAR *Name;
    ULONG PoolTag, Code;
    USHORT Size, HistoryDepth;
    NTSTATUS (*Initialize)(NL_OBJECT *Object, PVOID Context);
    void (*Cleanup)(NL_OBJECT *Object);
};
static LIST_ENTRY Types = {&Types, &Types};

NOINLINE static void ObjectRemember(NL_OBJECT *Object, ULONG Reason, LONG Count) {
    if (Object->History == NULL) return;
    Object->History[Object->Next % Object->Type->HistoryDepth].Reason = Reason;
    Object->History[Object->Next % Object->Type->HistoryDepth].Count = Count;
    Object->History[Object->Next++ % Object->Type->HistoryDepth].Caller = __builtin_return_address(0);
}
NOINLINE static void ObjectReference(NL_OBJECT *Object, ULONG Reason) { ObjectRemember(Object, Reason, __sync_add_and_fetch(&Object->References, 1)); }
NOINLINE static void ObjectRelease(NL_OBJECT *Object, ULONG Reason) {
    LONG Count = __sync_sub_and_fetch(&Object->References, 1);

    ObjectRemember(Object, Reason, Count);
    if (Count < 0) KeBugCheckEx(0x18, (ULONG_PTR)Object, Reason, Count, 0);
    if (Count > 0) return;
    if (Object->Type->Cleanup != NULL) Object->Type->Cleanup(Object);
    if (Object->History != NULL) ExFreePoolWithTag(Object->History, 'iHlN'); //= NlHi any free
    Object->Signature = 'daeD'; //~ Dead magic
    ExFreePoolWithTag(Object, Object->Type->PoolTag);
}

EXPORT NOINLINE NTSTATUS CALL NlRegisterType(NL_TYPE *Type) {
    for (LIST_ENTRY *Entry = Types.Flink; Entry != &Types; Entry = Entry->Flink)
        if (CONTAINING(Entry, NL_TYPE, Link)->Code == Type->Code) return STATUS_CONFLICT;
    Type->Link.Flink = &Types;
    Type->Link.Blink = Types.Blink;
    Types.Blink->Flink = &Type->Link;
    Types.Blink = &Type->Link;
    return STATUS_SUCCESS;
}

EXPORT NOINLINE NTSTATUS CALL NlCreateObject(const NL_TYPE *Type, PVOID Context, NL_OBJECT **Out) {
    NL_OBJECT *Object = ExAllocatePoolWithTag(NonPagedPoolNx, Type->Size, Type->PoolTag);
    NTSTATUS Status;

    if (Object == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Object, 0, Type->Size);
    Object->Signature = 'jbON'; //~ NObj magic
    Object->References = 1;
    Object->Type = Type;
    if (Type->HistoryDepth != 0) Object->History = NlAllocateZeroed(Type->HistoryDepth * sizeof(NL_HISTORY), 'iHlN');
    ObjectRemember(Object, 'tinI', 1); //~ Init object-tag
    Status = Type->Initialize(Object, Context);
    if (Status < 0) ObjectRelease(Object, 'liaF'); //~ Fail object-tag
    else *Out = Object;
    return Status;
}

/* ---- the library's own types ---- */

typedef struct { NL_OBJECT Object; ULONG Index, Mtu; UCHAR *Address; PVOID Statistics; } INTERFACE;
typedef struct { NL_OBJECT Object; ULONG Id; INTERFACE *Interfaces[8]; UCHAR *Policy; } COMPARTMENT;
typedef struct { NL_OBJECT Object; GUID ModuleId; ULONG Npi; PVOID Dispatch; } PROVIDER;
typedef struct { NL_OBJECT Object; USHORT Family, Protocol; UCHAR *Options; LIST_ENTRY Queue; } ENDPOINT;

NOINLINE static NTSTATUS InterfaceInitialize(NL_OBJECT *Object, PVOID Context) {
    INTERFACE *Interface = CONTAINING(Object, INTERFACE, Object);

    Interface->Mtu = 1500;
    Interface->Address = NlAllocate(32, 'dAlN', FALSE); //= NlAd any wrapper
    Interface->Statistics = NlAllocateZeroed(ProcessorCount * 128, 'tSlN'); //= NlSt any wrapper-two
    return Interface->Address != NULL && Interface->Statistics != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void InterfaceCleanup(NL_OBJECT *Object) {
    NlFree(((INTERFACE *)Object)->Address, 'dAlN');
    NlFree(((INTERFACE *)Object)->Statistics, 'tSlN');
}
NOINLINE static NTSTATUS CompartmentInitialize(NL_OBJECT *Object, PVOID Context) {
    COMPARTMENT *Compartment = CONTAINING(Object, COMPARTMENT, Object);

    Compartment->Id = (ULONG)(ULONG_PTR)Context;
    Compartment->Policy = NlAllocate(512, 'oPlN', TRUE); //= NlPo any wrapper
    return Compartment->Policy != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS ProviderInitialize(NL_OBJECT *Object, PVOID Context) {
    ((PROVIDER *)Object)->ModuleId = *(const GUID *)Context;
    ((PROVIDER *)Object)->Npi = 'IPNC'; //~ CNPI magic
    return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS EndpointInitialize(NL_OBJECT *Object, PVOID Context) {
    ENDPOINT *Endpoint = CONTAINING(Object, ENDPOINT, Object);

    Endpoint->Family = *(const USHORT *)Context;
    Endpoint->Queue.Flink = Endpoint->Queue.Blink = &Endpoint->Queue;
    if (Endpoint->Family == 23) Endpoint->Options = NlAllocate(64, '6OlN', FALSE); //= NlO6 any wrapper
    return STATUS_SUCCESS;
}

/* In writable memory, since types are linked where they stand. */
static NL_TYPE InterfaceType = {{NULL, NULL}, "Interface", 'fIlN', 'FTNI', sizeof(INTERFACE), 16, InterfaceInitialize, InterfaceCleanup}; //= NlIf any tag-table //~ INTF magic
static NL_TYPE CompartmentType = {{NULL, NULL}, "Compartment", 'mClN', 'PMOC', sizeof(COMPARTMENT), 0, CompartmentInitialize, NULL}; //= NlCm any tag-table //~ COMP magic
static NL_TYPE ProviderType = {{NULL, NULL}, "Provider", 'vPlN', 'VORP', sizeof(PROVIDER), 0, ProviderInitialize, NULL}; //= NlPv any tag-table //~ PROV magic
static NL_TYPE EndpointType = {{NULL, NULL}, "Endpoint", 'pElN', 'TPDE', sizeof(ENDPOINT), 32, EndpointInitialize, NULL}; //= NlEp any tag-table //~ EDPT magic

/* ---- a hash table that grows ---- */

typedef struct { ULONG Signature, Tag, Shift, Count; LIST_ENTRY *Buckets; ULONG Seed; } NL_HASH;

EXPORT NOINLINE NL_HASH *CALL NlHashCreate(ULONG Shift, ULONG Tag) {
    NL_HASH *Hash = NlAllocateZeroed(sizeof(NL_HASH), 'hHlN'); //= NlHh any wrapper-two

    if (Hash == NULL) return NULL;
    Hash->Signature = 'hsaH'; //~ Hash magic
    Hash->Tag = Tag;
    Hash->Shift = Shift;
    Hash->Seed = 0x646E6152 ^ RtlRandomEx(&Hash->Seed); //~ Rand magic
    Hash->Buckets = NlAllocate((SIZE_T)sizeof(LIST_ENTRY) << Shift, Tag, FALSE);
    if (Hash->Buckets == NULL) {
        NlFree(Hash, 'hHlN');
        return NULL;
    }
    for (ULONG i = 0; i < 1u << Shift; i++) Hash->Buckets[i].Flink = Hash->Buckets[i].Blink = &Hash->Buckets[i];
    return Hash;
}

NOINLINE static void HashGrow(NL_HASH *Hash) {
    LIST_ENTRY *Buckets = ExAllocatePoolWithTag(NonPagedPoolNx, (SIZE_T)sizeof(LIST_ENTRY) << (Hash->Shift + 1), Hash->Tag);

    if (Buckets == NULL) return;
    for (ULONG i = 0; i < 2u << Hash->Shift; i++) Buckets[i].Flink = Buckets[i].Blink = &Buckets[i];
    ExFreePoolWithTag(Hash->Buckets, Hash->Tag);
    Hash->Buckets = Buckets;
    Hash->Shift++;
}

NOINLINE static ULONG HashOf(const NL_HASH *Hash, const UCHAR *Key, ULONG Length) {
    ULONG h = Hash->Seed ^ 'hsaF'; //~ Fash magic

    while (Length-- != 0) h = (h ^ *Key++) * 16777619;
    return h >> (32 - Hash->Shift);
}

/* ---- pools of buffers ---- */

EXPORT NOINLINE HANDLE CALL NlCreateBufferPool(ULONG Tag, USHORT Context, ULONG DataSize) {
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters;

    memset(&Parameters, 0, sizeof(Parameters));
    Parameters.Header.Type = 0x80;
    Parameters.Header.Revision = 1;
    Parameters.Header.Size = sizeof(Parameters);
    Parameters.AllocateNetBuffer = TRUE;
    Parameters.ContextSize = Context;
    Parameters.PoolTag = Tag;
    Parameters.DataSize = DataSize;
    return NdisAllocateNetBufferListPool(NdisHandle, &Parameters);
}

NOINLINE static NTSTATUS ComponentCreatePools(NL_COMPONENT *Component) {
    NET_BUFFER_POOL_PARAMETERS Parameters = {{0x80, 1, sizeof(NET_BUFFER_POOL_PARAMETERS)}, 'pBlN', 0}; //= NlBp any ndis-parameters

    Component->Pools[0] = NlCreateBufferPool('rBlN', 0, 2048); //= NlBr any ndis-wrapper
    Component->Pools[1] = NlCreateBufferPool('tBlN', 64, 0); //= NlBt any ndis-wrapper
    Component->Pools[2] = NdisAllocateNetBufferPool(NdisHandle, &Parameters);
    return Component->Pools[0] != NULL && Component->Pools[1] != NULL && Component->Pools[2] != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- timers: one of NDIS for each component, and a wheel of our own ---- */

typedef struct { ULONG Signature, Slots, Tag; LIST_ENTRY *Spokes; ULONG64 Now; } TIMER_WHEEL;

static void CALL ComponentTick(PVOID System, PVOID Context, PVOID a, PVOID b) { ((TIMER_WHEEL *)((NL_COMPONENT *)Context)->Wheel)->Now++; }

NOINLINE static NTSTATUS WheelInitialize(TIMER_WHEEL **Out, ULONG Slots, ULONG Tag) {
    TIMER_WHEEL *Wheel = NlAllocateZeroed(sizeof(TIMER_WHEEL), Tag);

    if (Wheel == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Wheel->Signature = 'leeW'; //~ Weel magic
    Wheel->Slots = Slots;
    Wheel->Tag = Tag;
    Wheel->Spokes = NlAllocate(Slots * sizeof(LIST_ENTRY), 'sWlN', FALSE); //= NlWs any wrapper
    for (ULONG i = 0; i < Slots && Wheel->Spokes != NULL; i++) Wheel->Spokes[i].Flink = Wheel->Spokes[i].Blink = &Wheel->Spokes[i];
    *Out = Wheel;
    return Wheel->Spokes != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID WheelSchedule(TIMER_WHEEL *Wheel, ULONG Ticks) {
    LIST_ENTRY *Entry;

    if (Wheel->Signature != 'leeW') return NULL;
    Entry = ExAllocatePoolWithTag(NonPagedPoolNx, 3 * sizeof(LIST_ENTRY), Wheel->Tag);
    if (Entry == NULL) return NULL;
    Entry->Flink = Entry->Blink = &Wheel->Spokes[((ULONG)Wheel->Now + Ticks) % Wheel->Slots];
    return Entry;
}

NOINLINE static NTSTATUS ComponentCreateTimers(NL_COMPONENT *Component) {
    NDIS_TIMER_CHARACTERISTICS Characteristics;
    NTSTATUS Status;

    Characteristics.Header.Type = 0x97;
    Characteristics.Header.Revision = 1;
    Characteristics.Header.Size = sizeof(Characteristics);
    Characteristics.AllocationTag = 'mTlN'; //= NlTm any ndis-parameters
    Characteristics.TimerFunction = ComponentTick;
    Characteristics.FunctionContext = Component;
    Status = NdisAllocateTimerObject(NdisHandle, &Characteristics, &Component->Timer);
    if (Status < 0) return Status;
    return WheelInitialize((TIMER_WHEEL **)&Component->Wheel, 256, 'lWlN'); //= NlWl any wrapper-layers
}

/* ---- what a module says of itself to the store of settings ---- */

static const GUID Ipv4Module = {0x34765049, 0x1A00, 0x11D4, {0x9B, 0xDB, 0x55, 0x64, 0x70, 0x34, 0x92, 0xA0}}; //~ IPv4 guid //~ Udp4 guid
static const GUID Ipv6Module = {0x36765049, 0x1A00, 0x11D4, {0x9B, 0xDB, 0x00, 0xC0, 0x4F, 0x72, 0x31, 0xA0}}; //~ IPv6 guid
typedef struct { const GUID *Module; ULONG Object, KeySize, RwSize; CHAR Name[4]; NTSTATUS (*Get)(PVOID Key, PVOID Data); } STORE_OBJECT;

NOINLINE static NTSTATUS GetGlobal(PVOID Key, PVOID Data) { *(ULONG *)Data = (ULONG)Failures; return STATUS_SUCCESS; }
NOINLINE static NTSTATUS GetRoutes(PVOID Key, PVOID Data) {
    UCHAR *Copy = ExAllocatePoolWithTag(PagedPool, 4096, 'gRlN'); //= NlRg any operations-table

    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Data, Copy, 16);
    ExFreePoolWithTag(Copy, 'gRlN');
    return STATUS_SUCCESS;
}
static const STORE_OBJECT StoreObjects[] = {
    {&Ipv4Module, 0, 4, 64, {'g', 'l', 'o', 'b'}, GetGlobal}, //~ glob text
    {&Ipv4Module, 16, 24, 48, {'r', 'o', 'u', 't'}, GetRoutes}, //~ rout text
    {&Ipv6Module, 0, 4, 72, {'g', 'l', 'b', '6'}, GetGlobal}, //~ glb6 text
    {&Ipv6Module, 16, 48, 48, {'r', 't', 'e', '6'}, GetRoutes}, //~ rte6 text
};

NOINLINE static NTSTATUS StoreGet(const GUID *Module, ULONG Object, PVOID Key, PVOID Data) {
    for (ULONG i = 0; i < sizeof(StoreObjects) / sizeof(StoreObjects[0]); i++)
        if (StoreObjects[i].Object == Object && memcmp(StoreObjects[i].Module, Module, sizeof(GUID)) == 0) return StoreObjects[i].Get(Key, Data);
    return STATUS_NOT_FOUND;
}

/* What a packet seems to be: the first four bytes of its payload. */
NOINLINE static ULONG PacketGuess(const UCHAR *Payload, ULONG Length) {
    ULONG First;

    if (Length < 4) return 0;
    memcpy(&First, Payload, 4);
    switch (First) {
    case ' TEG': return 80; //~ "GET " firmware-table
    case 'TSOP': return 80; //~ POST firmware-table
    case '-HSS': return 22; //~ SSH- firmware-table
    case 'BMS\xFF': return 445;
    default: return 0;
    }
}

/* Events: kinds by four characters, written to a ring in memory. */
typedef struct { ULONG Kind, Size, Argument[2]; } NL_EVENT;
static NL_EVENT *Events;
static ULONG EventNext;
NOINLINE static void EventWrite(ULONG Kind, ULONG Size, ULONG a, ULONG b) {
    NL_EVENT *Event = &Events[EventNext++ & 255];

    Event->Kind = Kind;
    Event->Size = Size;
    Event->Argument[0] = a;
    Event->Argument[1] = b;
}

/* ---- start ---- */

NOINLINE static NTSTATUS LibraryStart(NL_COMPONENT *Component) {
    NL_OBJECT *Interface, *Provider, *Endpoint, *Compartment;
    USHORT Family = 2;
    NL_HASH *Routes, *Neighbors;
    NTSTATUS Status = ComponentCreateLists(Component);

    if (Status >= 0) Status = ComponentCreatePools(Component);
    if (Status >= 0) Status = ComponentCreateTimers(Component);
    if (Status < 0) return Status;
    NlRegisterType(&InterfaceType);
    NlRegisterType(&CompartmentType);
    NlRegisterType(&ProviderType);
    NlRegisterType(&EndpointType);
    if (NlCreateObject(&CompartmentType, (PVOID)1, &Compartment) >= 0) EventWrite('Cwen', 16, 1, 0); //~ newC not-an-allocator
    if (NlCreateObject(&InterfaceType, NULL, &Interface) < 0) return STATUS_INSUFFICIENT_RESOURCES;
    ObjectReference(Interface, 'tuoR'); //~ Rout object-tag
    if (NlCreateObject(&ProviderType, (PVOID)&Ipv4Module, &Provider) >= 0) ObjectRelease(Provider, 'dnib'); //~ bind object-tag
    if (NlCreateObject(&EndpointType, &Family, &Endpoint) >= 0) ObjectRelease(Endpoint, 'slCE'); //~ ECls object-tag
    Routes = NlHashCreate(6, 'bRlN'); //= NlRb any wrapper-two
    Neighbors = NlHashCreate(8, 'cNlN'); //= NlNc any wrapper-two
    if (Routes == NULL || Neighbors == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (HashOf(Routes, (const UCHAR *)&Ipv4Module, 16) > 48) HashGrow(Neighbors);
    EventWrite('trts', 16, 0, PacketGuess((const UCHAR *)Interface, 64)); //~ strt not-an-allocator
    ObjectRelease(Interface, 'tuoR');
    WheelSchedule(Component->Wheel, 10);
    NlAllocateFromLookaside(Component->Lists[ListRoute]);
    return StoreGet(&Ipv4Module, 16, &Family, Component);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
    NL_COMPONENT *Component;

    NdisHandle = NdisAllocateGenericObject(Driver, 'jGlN', 0); //= NlGj any direct
    Events = NlAllocateZeroed(256 * sizeof(NL_EVENT), 'vElN'); //= NlEv any wrapper-two
    Component = NlAllocateZeroed(sizeof(NL_COMPONENT), 'oClN'); //= NlCo any wrapper-two
    if (Events == NULL || Component == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    return LibraryStart(Component);
}
