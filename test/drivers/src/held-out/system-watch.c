// Held out: a monitor of processes, threads and images: typed objects with their allocators, hash tables and trees, messages in parts, a ring
// of events, formatted strings, settings that swap the allocator for one that keeps account, and encrypted regions of memory.
#include "kernel.h"

typedef struct { SIZE_T Size; ULONG Tag; } REQUEST; /* 64-bit: two registers or one pair; passed by value */
typedef struct { USHORT Units; USHORT Flags; ULONG Tag; } SMALL_REQUEST; /* eight bytes: one register */
typedef PVOID(CALL *ALLOCATE_ROUTINE)(SIZE_T Size, ULONG Tag);
typedef void(CALL *FREE_ROUTINE)(PVOID Memory, ULONG Tag);
typedef struct { ALLOCATE_ROUTINE Allocate, AllocatePaged; FREE_ROUTINE Free; } MEMORY_ROUTINES;
typedef struct OBJECT_TYPE OBJECT_TYPE;
typedef struct { PVOID(CALL *Allocate)(SIZE_T Size); NTSTATUS(CALL *Initialize)(PVOID Object, PVOID Parameter); void(CALL *Delete)(PVOID Object); void(CALL *Free)(PVOID Object); ULONG Flags; } TYPE_INFO;
struct OBJECT_TYPE { UNICODE_STRING Name; UCHAR Index; LONG Objects; SIZE_T Total; TYPE_INFO Info; };
typedef struct { LONG References; UCHAR TypeIndex, Pad[3]; ULONG_PTR Body[1]; } OBJECT;
typedef struct HASH_ENTRY { struct HASH_ENTRY *Next; ULONG Hash; } HASH_ENTRY;
typedef struct { ULONG Tag, Count, Capacity, EntrySize; HASH_ENTRY **Buckets; ULONG (*Hash)(const void *); LONG (*Compare)(const void *, const void *); } HASH_TABLE;
typedef struct { ULONG_PTR Avl[16]; SMALL_REQUEST Node; ULONG Failures; } TRACKER;
typedef struct { PVOID Data; ULONG Count, Capacity, ItemSize, Tag; } ARRAY;
typedef struct { ULONG Tag, Size; UCHAR *Start, *Write; LIST_ENTRY Waiters; ULONG_PTR Lock; } EVENT_RING;
typedef struct { ULONG Options, RingSize; MEMORY_ROUTINES Memory; HASH_TABLE Processes, Images; TRACKER Handles; EVENT_RING *Ring; ULONG_PTR Lock[14]; } WATCH;

static WATCH Watch;
static OBJECT_TYPE *ProcessType, *ThreadType, *MessageType;
static OBJECT_TYPE Types[8];
static UCHAR TypeCount;
static LOOKASIDE MessageList, ProcessList;
static PVOID volatile Keep;

/* ---- memory: three sets of routines, one is chosen at start ---- */

static PVOID CALL PlainAllocate(SIZE_T Size, ULONG Tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tag); }
static PVOID CALL PlainAllocatePaged(SIZE_T Size, ULONG Tag) { return ExAllocatePoolWithTag(PagedPool, Size, Tag); }
static void CALL PlainFree(PVOID Memory, ULONG Tag) { ExFreePoolWithTag(Memory, Tag); }
static PVOID CALL ZeroAllocate(SIZE_T Size, ULONG Tag) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, Size, Tag); }
static PVOID CALL ZeroAllocatePaged(SIZE_T Size, ULONG Tag) { return ExAllocatePool2(POOL_FLAG_PAGED, Size, Tag); }

static struct { ULONG Tag; LONG Count; SIZE_T Bytes; } Account[32];

static PVOID Charge(PVOID Memory, SIZE_T Size, ULONG Tag)
{
    ULONG Slot = (Tag ^ Tag >> 7 ^ Tag >> 15) & 31;
    if (Memory == NULL) return NULL;
    Account[Slot].Tag = Tag;
    Account[Slot].Count++;
    Account[Slot].Bytes += Size;
    return Memory;
}
static PVOID CALL TraceAllocate(SIZE_T Size, ULONG Tag) { return Charge(ExAllocatePoolWithTag(NonPagedPoolNx, Size + 16, Tag), Size, Tag); }
static PVOID CALL TraceAllocatePaged(SIZE_T Size, ULONG Tag) { return Charge(ExAllocatePoolWithTag(PagedPool, Size + 16, Tag), Size, Tag); }
static void CALL TraceFree(PVOID Memory, ULONG Tag) { Charge(Memory, 0, Tag); ExFreePoolWithTag(Memory, Tag); }

static const MEMORY_ROUTINES PlainRoutines = { PlainAllocate, PlainAllocatePaged, PlainFree };
static const MEMORY_ROUTINES ZeroRoutines = { ZeroAllocate, ZeroAllocatePaged, PlainFree };
static const MEMORY_ROUTINES TraceRoutines = { TraceAllocate, TraceAllocatePaged, TraceFree };

INIT_CODE_SECTION static void ChooseMemory(ULONG Options)
{
    Watch.Options = Options;
    if (Options & 0x10) Watch.Memory = TraceRoutines;
    else if (Options & 0x20) Watch.Memory = ZeroRoutines;
    else Watch.Memory = PlainRoutines;
}

#define WatchAllocate(Size, Tag) Watch.Memory.Allocate(Size, Tag)
#define WatchAllocatePaged(Size, Tag) Watch.Memory.AllocatePaged(Size, Tag)

static PVOID AllocateRequest(REQUEST Request)
{
    PVOID Memory = Watch.Memory.AllocatePaged(Request.Size, Request.Tag);
    if (Memory != NULL && Watch.Options & 1) memset(Memory, 0xA5, Request.Size);
    return Memory;
}

NOINLINE static PVOID AllocateSmall(SMALL_REQUEST Request)
{
    SIZE_T Size = (SIZE_T)Request.Units * 16;
    return Request.Flags & 1 ? ExAllocatePoolWithTag(PagedPool, Size, Request.Tag) : ExAllocatePoolWithTag(NonPagedPoolNx, Size, Request.Tag);
}

/* ---- typed objects ---- */

static OBJECT_TYPE *CreateType(const WCHAR *Name, const TYPE_INFO *Info)
{
    OBJECT_TYPE *Type = &Types[TypeCount];

    RtlInitUnicodeString(&Type->Name, Name);
    Type->Info = *Info;
    Type->Index = TypeCount++;
    return Type;
}

NOINLINE static NTSTATUS CreateObject(OBJECT_TYPE *Type, SIZE_T Size, PVOID Parameter, PVOID *Out)
{
    OBJECT *Object = Type->Info.Allocate(Size + sizeof(OBJECT));
    NTSTATUS Status;

    if (Object == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Object->References = 1;
    Object->TypeIndex = Type->Index;
    Type->Objects++;
    Type->Total += Size;
    Status = Type->Info.Initialize != NULL ? Type->Info.Initialize(Object->Body, Parameter) : STATUS_SUCCESS;
    if (Status < 0) Type->Info.Free(Object);
    *Out = Object->Body;
    return Status;
}

static PVOID CALL ProcessAllocate(SIZE_T Size) { return Size > 256 ? WatchAllocate(Size, 'lPWS') : ExpInterlockedPopEntrySList(&ProcessList); } //= SWPl any operations-object
static void CALL ProcessFree(PVOID Object) { ExpInterlockedPushEntrySList(&ProcessList, Object); }
static PVOID CALL ThreadAllocate(SIZE_T Size) { return WatchAllocate(Size, 'hTWS'); } //= SWTh any operations-object
static void CALL ThreadFree(PVOID Object) { Watch.Memory.Free(Object, 'hTWS'); }
static PVOID CALL MessageAllocate(SIZE_T Size) { return ExAllocatePoolWithTag(PagedPool, Size + 0x80, 'eMWS'); } //= SWMe any callback
static void CALL MessageFree(PVOID Object) { ExFreePoolWithTag(Object, 'eMWS'); }
static NTSTATUS CALL ThreadInitialize(PVOID Object, PVOID Parameter) { *(PVOID *)Object = Parameter; return STATUS_SUCCESS; }

static NTSTATUS CALL ProcessInitialize(PVOID Object, PVOID Parameter)
{
    ULONG *Process = Object;
    const UNICODE_STRING *Image = Parameter;
    REQUEST Name = { Image->Length + 2, 'niWS' }; //= SWin any operations-object
    PVOID Copy = AllocateRequest(Name);

    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Image->Buffer, Image->Length);
    Process[0] = 'corP'; //~ Proc magic
    Keep = Copy;
    return STATUS_SUCCESS;
}

INIT_CODE_SECTION static void CreateTypes(void)
{
    TYPE_INFO Info = { ProcessAllocate, ProcessInitialize, NULL, ProcessFree, 0 };

    ProcessType = CreateType((const WCHAR *)L"Process", &Info);
    Info.Allocate = ThreadAllocate;
    Info.Initialize = ThreadInitialize;
    Info.Free = ThreadFree;
    ThreadType = CreateType((const WCHAR *)L"Thread", &Info);
    Info.Allocate = MessageAllocate;
    Info.Initialize = NULL;
    Info.Free = MessageFree;
    MessageType = CreateType((const WCHAR *)L"Message", &Info);
    ExInitializePagedLookasideList(&MessageList, NULL, NULL, 0, 1024, 'lMWS', 0); //= SWMl any lookaside
    ExInitializeNPagedLookasideList(&ProcessList, NULL, NULL, 0, 256, 'kPWS', 0); //= SWPk any lookaside
}

/* ---- hash tables: the tag stands in the table ---- */

static NTSTATUS HashResize(HASH_TABLE *Table, ULONG Capacity)
{
    HASH_ENTRY **Buckets = ExAllocatePoolWithTag(NonPagedPoolNx, Capacity * sizeof(PVOID), Table->Tag), *Entry, *Next;
    ULONG Index;

    if (Buckets == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Buckets, 0, Capacity * sizeof(PVOID));
    for (Index = 0; Index < Table->Capacity; Index++)
        for (Entry = Table->Buckets[Index]; Entry != NULL; Entry = Next) {
            Next = Entry->Next;
            Entry->Next = Buckets[Entry->Hash & (Capacity - 1)];
            Buckets[Entry->Hash & (Capacity - 1)] = Entry;
        }
    if (Table->Buckets != NULL) ExFreePoolWithTag(Table->Buckets, Table->Tag);
    Table->Buckets = Buckets;
    Table->Capacity = Capacity;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS HashInit(HASH_TABLE *Table, ULONG EntrySize, ULONG Capacity, ULONG Tag, ULONG (*Hash)(const void *), LONG (*Compare)(const void *, const void *))
{
    Table->EntrySize = EntrySize;
    Table->Tag = Tag;
    Table->Count = Table->Capacity = 0;
    Table->Buckets = NULL;
    Table->Hash = Hash;
    Table->Compare = Compare;
    return HashResize(Table, Capacity);
}

NOINLINE static PVOID HashAdd(HASH_TABLE *Table, const void *Entry)
{
    ULONG Hash = Table->Hash(Entry);
    HASH_ENTRY *Slot;

    for (Slot = Table->Buckets[Hash & (Table->Capacity - 1)]; Slot != NULL; Slot = Slot->Next)
        if (Slot->Hash == Hash && Table->Compare(Slot + 1, Entry) == 0) return Slot + 1;
    if (Table->Count >= Table->Capacity && HashResize(Table, Table->Capacity * 2) < 0) return NULL;
    Slot = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Slot) + Table->EntrySize, Table->Tag);
    if (Slot == NULL) return NULL;
    memcpy(Slot + 1, Entry, Table->EntrySize);
    Slot->Hash = Hash;
    Slot->Next = Table->Buckets[Hash & (Table->Capacity - 1)];
    Table->Buckets[Hash & (Table->Capacity - 1)] = Slot;
    Table->Count++;
    return Slot + 1;
}

static ULONG HashNumber(const void *Entry) { return *(const ULONG *)Entry * 0x9E3779B1; }
static LONG CompareNumber(const void *a, const void *b) { return *(const LONG *)a - *(const LONG *)b; }

/* ---- a tree of handles: its callbacks read the request kept beside it ---- */

static PVOID CALL TrackerAllocate(PVOID Table, ULONG Size)
{
    TRACKER *Tracker = Table;
    SMALL_REQUEST Request = Tracker->Node;
    Request.Units = (USHORT)((Size + 15) / 16);
    return AllocateSmall(Request);
}
static void CALL TrackerFree(PVOID Table, PVOID Node) { ExFreePool(Node); }
static ULONG CALL TrackerCompare(PVOID Table, PVOID a, PVOID b) { return *(ULONG *)a < *(ULONG *)b ? 0 : *(ULONG *)a > *(ULONG *)b ? 1 : 2; }

static void TrackerInit(TRACKER *Tracker)
{
    SMALL_REQUEST Node = { 0, 1, 'dNWS' }; //= SWNd any callback-context
    Tracker->Node = Node;
    RtlInitializeGenericTableAvl(Tracker, (PVOID)TrackerCompare, (PVOID)TrackerAllocate, (PVOID)TrackerFree, Tracker);
}

/* ---- arrays ---- */

static ARRAY ArrayMake(ULONG ItemSize, ULONG Tag)
{
    ARRAY Array = { NULL, 0, 0, ItemSize, Tag };
    return Array;
}

NOINLINE static PVOID ArrayPush(ARRAY *Array, const void *Item)
{
    if (Array->Count == Array->Capacity) {
        ULONG Capacity = Array->Capacity ? Array->Capacity * 2 : 8;
        PVOID Grown = ExAllocatePoolWithTag(PagedPool, (SIZE_T)Capacity * Array->ItemSize, Array->Tag);
        if (Grown == NULL) return NULL;
        memcpy(Grown, Array->Data, Array->Count * Array->ItemSize);
        if (Array->Data != NULL) ExFreePool(Array->Data);
        Array->Data = Grown;
        Array->Capacity = Capacity;
    }
    return memcpy((UCHAR *)Array->Data + Array->Count++ * Array->ItemSize, Item, Array->ItemSize);
}

static NTSTATUS Snapshot(const ULONG *Ids, ULONG Count, BOOLEAN Threads)
{
    ARRAY Array = ArrayMake(Threads ? 16 : 8, Threads ? 'tAWS' : 'pAWS'); //= SWAt any object-field //= SWAp any object-field

    while (Count-- > 0)
        if (ArrayPush(&Array, Ids + Count) == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Keep = Array.Data;
    return STATUS_SUCCESS;
}

/* ---- the ring of events ---- */

NOINLINE static EVENT_RING *RingCreate(ULONG Size, ULONG Tag)
{
    EVENT_RING *Ring = WatchAllocate(sizeof(*Ring), Tag);

    if (Ring == NULL) return NULL;
    Ring->Start = WatchAllocatePaged(Size, Tag ^ 0x20000000);
    Ring->Write = Ring->Start;
    Ring->Size = Size;
    Ring->Tag = 'rRWS'; //= SWRr any object-field
    KeInitializeSpinLock(&Ring->Lock);
    return Ring;
}

static PVOID RingReserve(EVENT_RING *Ring, ULONG Size)
{
    UCHAR *At = Ring->Write;

    if (At + Size > Ring->Start + Ring->Size) return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Ring->Tag);
    Ring->Write += Size;
    return At;
}

/* ---- messages ---- */

enum { PART_NAME, PART_COMMAND, PART_STACK, PART_KINDS };
static ULONG PartTag(ULONG Kind, BOOLEAN Kernel)
{
    if (Kernel) return Kind == PART_STACK ? 'kKWS' : 'oKWS'; //= SWKk any return-value //= SWKo any return-value
    switch (Kind) {
    case PART_NAME: return 'nMWS'; //= SWMn any return-value
    case PART_COMMAND: return 'cMWS'; //= SWMc any return-value
    default: return 'sMWS'; //= SWMs any return-value
    }
}

static NTSTATUS MessageAddPart(ULONG *Message, ULONG Kind, const void *Data, USHORT Length)
{
    PVOID Part = ExAllocatePoolWithQuotaTag(PagedPool | 8, Length + 8u, PartTag(Kind, (Message[0] & 1) != 0));

    if (Part == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy((UCHAR *)Part + 8, Data, Length);
    ((ULONG *)Part)[0] = Kind;
    Message[1 + Kind] = Length;
    Keep = Part;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS Notify(ULONG Id, const UNICODE_STRING *Name, BOOLEAN Create)
{
    PVOID Object, Message, Event;
    NTSTATUS Status = CreateObject(Create ? ProcessType : ThreadType, 300, (PVOID)Name, &Object);

    if (Status < 0) return Status;
    if (HashAdd(&Watch.Processes, &Id) == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = CreateObject(MessageType, 128, NULL, &Message);
    if (Status >= 0) Status = MessageAddPart(Message, PART_NAME, Name->Buffer, Name->Length);
    if (Status >= 0 && Create) Status = MessageAddPart(Message, Id % PART_KINDS, Name->Buffer, 16);
    Event = RingReserve(Watch.Ring, 64);
    if (Event != NULL) memset(Event, 0, 64);
    return Status;
}

/* ---- verification: files in pieces, keys ---- */

static NTSTATUS ReadPieces(HANDLE File, ULONG Size)
{
    SMALL_REQUEST Piece = { 256, 1, 'bVWS' }, Digest = { 4, 0, 'gVWS' }; //= SWVb any wrapper-structure //= SWVg any wrapper-structure
    PVOID Buffer = AllocateSmall(Piece), Hash = AllocateSmall(Digest);

    if (Buffer == NULL || Hash == NULL) {
        if (Buffer != NULL) ExFreePool(Buffer);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return memcmp(Buffer, Hash, Size & 63) == 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS LoadKey(const void *Blob, SIZE_T Size)
{
    REQUEST Key = { Size * 2, 'eKWS' }; //= SWKe any operations-object
    ULONG *Copy = AllocateRequest(Key);

    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Blob, Size);
    if (Copy[0] == '1SCE') return STATUS_SUCCESS; //~ ECS1 magic
    Watch.Memory.Free(Copy, Key.Tag);
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CALL Control(DEVICE_OBJECT *Device, IRP *Irp)
{
    ULONG Element[4] = { Irp->Flags };

    switch (Irp->Stack->Minor) {
    case 0: return Notify(Irp->Flags, Irp->SystemBuffer, TRUE);
    case 1: return Notify(Irp->Flags, Irp->SystemBuffer, FALSE);
    case 2: return Snapshot(Irp->SystemBuffer, Irp->Flags, FALSE);
    case 3: return Snapshot(Irp->SystemBuffer, Irp->Flags, TRUE);
    case 4: return ReadPieces(Irp->Stack->Argument[0], Irp->Flags);
    case 5: return LoadKey(Irp->SystemBuffer, Irp->Information);
    case 6: return RtlInsertElementGenericTableAvl(&Watch.Handles, Element, sizeof(Element), NULL) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    case 7: return HashAdd(&Watch.Images, Element) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    default: return STATUS_NOT_SUPPORTED;
    }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status;

    ChooseMemory(Path->Length & 0x30);
    CreateTypes();
    TrackerInit(&Watch.Handles);
    Status = HashInit(&Watch.Processes, 16, 64, 'pHWS', HashNumber, CompareNumber); //= SWHp any object-field
    if (Status >= 0) Status = HashInit(&Watch.Images, 40, 128, 'iHWS', HashNumber, CompareNumber); //= SWHi any object-field
    if (Status < 0) return Status;
    Watch.Ring = RingCreate(0x10000, 'gRWS'); //= SWRg any operations-object //= SWRG any computed-tag
    if (Watch.Ring == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Driver->Major[14] = Control;
    return STATUS_SUCCESS;
}
