// Held out: an engine of requests: pools of objects with a cache for each processor and routines that allocate, requests with rooms for their
// address, buffers by size, connections, groups of configuration with properties, entries of a cache, logs by format, filters, values of the registry.
#include "kernel.h"

/* What is freed gets the first letter of its signature in the other case. */
#define RE_FREE_SIGNATURE(Tag) ((Tag) ^ 0x20)
#define RE_TAG_CONNECTION 'noCR'
#define RE_TAG_REQUEST 'qeRR'
#define RE_TAG_GROUP 'rGCR'
#define RE_TAG_URL 'lrUR'

NOINLINE static PVOID RePoolAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    return ExAllocatePoolWithTag(PoolType, Size, Tag);
}
NOINLINE static void RePoolFree(PVOID Block, ULONG Tag)
{
    ExFreePoolWithTag(Block, Tag);
}
#define RE_ALLOCATE(Type, Size, Tag) RePoolAllocate(Type, Size, Tag)
#define RE_ALLOCATE_STRUCT(Type, Struct, Tag) ((Struct *)RePoolAllocate(Type, sizeof(Struct), Tag))
#define RE_FREE(Block, Tag) RePoolFree(Block, Tag)

/* the quota of the process is charged; who may not be charged gets nothing */
static PVOID ReAllocateCharged(ULONG PoolType, SIZE_T Size, ULONG Tag, LONG *Charged)
{
    PVOID Block;
    if (*Charged + (LONG)Size > 0x100000) return NULL;
    Block = RePoolAllocate(PoolType, Size, Tag);
    if (Block != NULL) *Charged += (LONG)Size;
    return Block;
}

/* ---- pools of objects: lists for each processor, and routines for when they are empty ---- */

typedef PVOID (*PP_ALLOCATE)(ULONG PoolType, SIZE_T Size, ULONG Tag);
typedef void (*PP_FREE)(PVOID Block);
typedef struct { ULONG_PTR Head[2]; ULONG Depth, Misses; } PP_LIST;
typedef struct { ULONG Type, Tag; SIZE_T Size; PP_ALLOCATE Allocate; PP_FREE Free; ULONG Lists; PP_LIST List[1]; } PP_POOL;
static ULONG ProcessorCount = 8;

static ULONG ThisProcessor(void) { LARGE_INTEGER f; return (ULONG)KeQueryPerformanceCounter(&f).u.Low; }

NOINLINE static PP_POOL *PpCreatePool(PP_ALLOCATE Allocate, PP_FREE Free, ULONG Type, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    ULONG i;
    PP_POOL *Pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pool) + ProcessorCount * sizeof(PP_LIST), 'loPR'); //= RPol any direct
    if (Pool == NULL) return NULL;
    Pool->Type = Type;
    Pool->Size = Size;
    Pool->Tag = Tag;
    Pool->Allocate = Allocate;
    Pool->Free = Free;
    Pool->Lists = ProcessorCount;
    for (i = 0; i < ProcessorCount; i++) Pool->List[i].Depth = Depth;
    return Pool;
}

NOINLINE static PVOID PpAllocate(PP_POOL *Pool)
{
    PP_LIST *List = &Pool->List[ThisProcessor() % Pool->Lists];
    PVOID Block = ExpInterlockedPopEntrySList(List->Head);
    if (Block != NULL) return Block;
    List->Misses++;
    return Pool->Allocate(Pool->Type, Pool->Size, Pool->Tag);
}

NOINLINE static void PpFree(PP_POOL *Pool, PVOID Block)
{
    PP_LIST *List = &Pool->List[ThisProcessor() % Pool->Lists];
    if (List->Depth != 0) { List->Depth--; ExpInterlockedPushEntrySList(List->Head, Block); }
    else Pool->Free(Block);
}

typedef struct { ULONG Signature; LONG References; LIST_ENTRY Links; PVOID Buffer; SIZE_T Size; } RE_OBJECT;

static PVOID IrpContextAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    RE_OBJECT *Object = RE_ALLOCATE(PoolType, Size, Tag);
    if (Object != NULL) Object->Signature = 'CpIR';
    return Object;
}
static void IrpContextFree(PVOID Block)
{
    ((RE_OBJECT *)Block)->Signature = RE_FREE_SIGNATURE('CpIR');
    RE_FREE(Block, 'CpIR'); //= RIpC any callback
}
static PVOID ReceiveAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    RE_OBJECT *Object = RE_ALLOCATE(PoolType, Size + 0x2000, Tag);
    if (Object == NULL) return NULL;
    Object->Buffer = Object + 1;
    Object->Size = 0x2000;
    return Object;
}
static void PlainFree(PVOID Block) { ExFreePool(Block); }
static PVOID RequestAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    RE_OBJECT *Object = RE_ALLOCATE(PoolType, Size, Tag);
    if (Object == NULL) return NULL;
    memset(Object, 0, sizeof(*Object));
    Object->Signature = RE_TAG_REQUEST;
    Object->Buffer = RE_ALLOCATE(PoolType, 0x400, 'bHRR'); //= RRHb any wrapper
    return Object;
}
static void RequestFree(PVOID Block)
{
    RE_OBJECT *Object = Block;
    if (Object->Buffer != NULL) RE_FREE(Object->Buffer, 'bHRR');
    Object->Signature = RE_FREE_SIGNATURE(RE_TAG_REQUEST);
    RE_FREE(Object, RE_TAG_REQUEST); //= RReq any wrapper
}

static struct { PP_POOL *IrpContext, *Receive, *Request, *Response, *Tracker; LOOKASIDE Chunk, File; } Pools;

NOINLINE static NTSTATUS CreatePools(void)
{
    Pools.IrpContext = PpCreatePool(IrpContextAllocate, IrpContextFree, NonPagedPoolNx, 0x60, 'CpIR', 64);
    Pools.Receive = PpCreatePool(ReceiveAllocate, PlainFree, NonPagedPoolNx, sizeof(RE_OBJECT), 'fBcR', 16); //= RcBf any operations-object
    Pools.Request = PpCreatePool(RequestAllocate, RequestFree, NonPagedPoolNx, 0x800, RE_TAG_REQUEST, 32);
    Pools.Response = PpCreatePool(RePoolAllocate, PlainFree, NonPagedPoolNx, 0x300, 'psRR', 32); //= RRsp any operations-object
    Pools.Tracker = PpCreatePool(RePoolAllocate, PlainFree, NonPagedPoolNx, 0xA0, 'krTR', 32); //= RTrk any operations-object
    if (!Pools.IrpContext || !Pools.Receive || !Pools.Request || !Pools.Response || !Pools.Tracker) return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializeNPagedLookasideList(&Pools.Chunk, NULL, NULL, 0, 0x80, 'knhR', 0); //= Rhnk any lookaside
    ExInitializePagedLookasideList(&Pools.File, NULL, NULL, 0, 0x140, 'eliR', 0); //= Rile any lookaside
    return STATUS_SUCCESS;
}

/* ---- buffers of bodies: a pool for each size ---- */

static PP_POOL *BodyPools[4];
static const ULONG BodySizes[4] = { 0x400, 0x1000, 0x4000, 0x10000 };

static NTSTATUS CreateBodyPools(void)
{
    ULONG i;
    for (i = 0; i < 4; i++) {
        BodyPools[i] = PpCreatePool(RePoolAllocate, PlainFree, NonPagedPoolNx, BodySizes[i], '0dBR' + (i << 24), 8); //= RBd0 any computed-tag
        //= RBd1 any computed-tag
        //= RBd2 any computed-tag
        //= RBd3 any computed-tag
        if (BodyPools[i] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

NOINLINE static PVOID AllocateBody(SIZE_T Size)
{
    ULONG i;
    for (i = 0; i < 4; i++)
        if (Size <= BodySizes[i]) return PpAllocate(BodyPools[i]);
    return ExAllocatePoolWithTag(PagedPool, Size, 'LdBR'); //= RBdL any direct
}

/* ---- connections and requests ---- */

typedef struct CONNECTION { ULONG Signature, State; struct CONNECTION *Next; RE_OBJECT *Request; PVOID Address; ULONG AddressSize; PVOID Filter; LONG Charged; } CONNECTION;
typedef struct { ULONG Signature; USHORT Length, Room; PWSTR Text; WCHAR Inline[40]; } URL;

NOINLINE static NTSTATUS UrlCopy(URL *Url, const WCHAR *Text, USHORT Length)
{
    if (Length > sizeof(Url->Inline)) {
        Url->Text = RE_ALLOCATE(PagedPool, Length + sizeof(WCHAR), RE_TAG_URL); //= RUrl any wrapper
        if (Url->Text == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Url->Room = Length;
    } else {
        Url->Text = Url->Inline;
        Url->Room = sizeof(Url->Inline);
    }
    memcpy(Url->Text, Text, Length);
    Url->Length = Length;
    return STATUS_SUCCESS;
}
static void UrlRelease(URL *Url) { if (Url->Text != Url->Inline) RE_FREE(Url->Text, RE_TAG_URL); }

NOINLINE static NTSTATUS ConnectionCreate(const void *Address, ULONG Size, CONNECTION **Out)
{
    CONNECTION *Connection = RE_ALLOCATE_STRUCT(NonPagedPoolNx, CONNECTION, RE_TAG_CONNECTION); //= RCon any wrapper
    if (Connection == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Connection, 0, sizeof(*Connection));
    Connection->Signature = RE_TAG_CONNECTION;
    Connection->AddressSize = Size;
    Connection->Address = ReAllocateCharged(NonPagedPoolNx, Size, 'rdAR', &Connection->Charged); //= RAdr any wrapper-two
    Connection->Request = PpAllocate(Pools.Request);
    if (Connection->Address == NULL || Connection->Request == NULL) {
        if (Connection->Address != NULL) RE_FREE(Connection->Address, 'rdAR');
        Connection->Signature = RE_FREE_SIGNATURE(RE_TAG_CONNECTION);
        RE_FREE(Connection, RE_TAG_CONNECTION);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Connection->Address, Address, Size);
    *Out = Connection;
    return STATUS_SUCCESS;
}

NOINLINE static void ConnectionClose(CONNECTION *Connection)
{
    if (Connection->Signature != RE_TAG_CONNECTION) KeBugCheckEx(0xFA, (ULONG_PTR)Connection, Connection->Signature, RE_TAG_CONNECTION, 0);
    PpFree(Pools.Request, Connection->Request);
    RE_FREE(Connection->Address, 'rdAR');
    RE_FREE(Connection, RE_TAG_CONNECTION);
}

/* what a parser finds: names of methods are compared four letters at a time */
enum { VerbUnknown, VerbGet, VerbPost, VerbPut, VerbHead };
static ULONG ParseVerb(const ULONG *Text)
{
    switch (*Text) {
    case ' TEG': return VerbGet; //~ "GET " text
    case 'TSOP': return VerbPost; //~ POST text
    case ' TUP': return VerbPut; //~ "PUT " text
    case 'DAEH': return VerbHead; //~ HEAD text
    }
    return VerbUnknown;
}

NOINLINE static RE_OBJECT *HeaderAppend(RE_OBJECT *Request, const UCHAR *Value, USHORT Length)
{
    RE_OBJECT *Header = ExAllocatePoolWithTag(PagedPool, sizeof(*Header) + Length, 'dHUR'); //= RUHd any direct
    if (Header == NULL) return NULL;
    Header->Buffer = Header + 1;
    Header->Size = Length;
    memcpy(Header->Buffer, Value, Length);
    Header->Links.Flink = Request->Links.Flink;
    Request->Links.Flink = &Header->Links;
    return Header;
}

/* ---- groups of configuration: a property each has memory of its own ---- */

enum { PropertyState, PropertyAuthentication, PropertyLogging, PropertyBandwidth, PropertyBinding };
typedef struct { ULONG Signature; LONG References; ULONG Present; PVOID Authentication, Logging, Bandwidth, Binding; UNICODE_STRING Directory; } GROUP;

static NTSTATUS SetCopy(PVOID *Field, const void *From, ULONG Size, ULONG Tag)
{
    PVOID New = ExAllocatePoolWithTag(PagedPool, Size, Tag);
    if (New == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(New, From, Size);
    if (*Field != NULL) ExFreePoolWithTag(*Field, Tag);
    *Field = New;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS GroupCreate(GROUP **Out)
{
    GROUP *Group = RE_ALLOCATE_STRUCT(PagedPool, GROUP, RE_TAG_GROUP); //= RCGr any wrapper
    if (Group == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Group, 0, sizeof(*Group));
    Group->Signature = RE_TAG_GROUP;
    Group->References = 1;
    *Out = Group;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS GroupSet(GROUP *Group, ULONG Property, const void *Data, ULONG Size)
{
    NTSTATUS Status;
    switch (Property) {
    case PropertyState: Group->Present = *(const ULONG *)Data; return STATUS_SUCCESS;
    case PropertyAuthentication: Status = SetCopy(&Group->Authentication, Data, Size, 'uACR'); break; //= RCAu any wrapper
    case PropertyLogging: Status = SetCopy(&Group->Logging, Data, Size, 'gLCR'); break; //= RCLg any wrapper
    case PropertyBandwidth: Status = SetCopy(&Group->Bandwidth, Data, 16, 'wBCR'); break; //= RCBw any wrapper
    case PropertyBinding:
        if (Size < 8) return STATUS_INVALID_PARAMETER;
        Status = SetCopy(&Group->Binding, (const UCHAR *)Data + 4, Size - 4, 'dBCR'); break; //= RCBd any wrapper
    default: return STATUS_NOT_SUPPORTED;
    }
    if (Status >= 0) Group->Present |= 1u << Property;
    return Status;
}

NOINLINE static void GroupRelease(GROUP *Group)
{
    if (--Group->References != 0) return;
    if (Group->Logging != NULL) ExFreePoolWithTag(Group->Logging, 'gLCR');
    if (Group->Binding != NULL) ExFreePoolWithTag(Group->Binding, 'dBCR');
    Group->Signature = RE_FREE_SIGNATURE(RE_TAG_GROUP);
    RE_FREE(Group, RE_TAG_GROUP);
}

/* ---- entries of the cache: hash buckets, and blocks whose pool the settings choose ---- */

typedef struct ENTRY { ULONG Signature; struct ENTRY *Next; ULONG Hash, Tag; PVOID Content; SIZE_T Size; } ENTRY;
static ENTRY **Buckets;
static struct { ULONG BucketCount, MaximumSize, Paged; } CacheSettings = { 256, 0x40000, 0 };

NOINLINE static NTSTATUS CacheInitialize(void)
{
    Buckets = ExAllocatePoolWithTag(NonPagedPoolNx, CacheSettings.BucketCount * sizeof(*Buckets), 'hHUR'); //= RUHh any direct
    if (Buckets == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Buckets, 0, CacheSettings.BucketCount * sizeof(*Buckets));
    return STATUS_SUCCESS;
}

NOINLINE static ENTRY *CacheAdd(ULONG Hash, const void *Content, SIZE_T Size, BOOLEAN Fragment)
{
    ENTRY *Entry = RE_ALLOCATE_STRUCT(PagedPool, ENTRY, 'EcUR'); //= RUcE any wrapper
    if (Entry == NULL) return NULL;
    Entry->Signature = 'EcUR';
    Entry->Hash = Hash;
    Entry->Tag = Fragment ? 'FcUR' : 'DcUR'; //= RUcF any ternary //= RUcD any ternary
    Entry->Content = RE_ALLOCATE(CacheSettings.Paged ? PagedPool : NonPagedPoolNx, Size, Entry->Tag);
    if (Entry->Content == NULL) { RE_FREE(Entry, 'EcUR'); return NULL; }
    memcpy(Entry->Content, Content, Size);
    Entry->Next = Buckets[Hash % CacheSettings.BucketCount];
    Buckets[Hash % CacheSettings.BucketCount] = Entry;
    return Entry;
}
NOINLINE static void CacheFlush(ULONG Bucket)
{
    ENTRY *Entry, *Next;
    for (Entry = Buckets[Bucket]; Entry != NULL; Entry = Next) {
        Next = Entry->Next;
        RE_FREE(Entry->Content, Entry->Tag);
        RE_FREE(Entry, 'EcUR');
    }
    Buckets[Bucket] = NULL;
}

/* ---- logs: a format each writes lines into a buffer ---- */

typedef struct LOG_FILE { const struct LOG_FORMAT *Format; PVOID Buffer; ULONG Used, Room; UNICODE_STRING Path; } LOG_FILE;
typedef struct LOG_FORMAT { const CHAR *Name; ULONG BufferTag, LineSize; NTSTATUS (*Begin)(LOG_FILE *Log); PVOID (*Line)(LOG_FILE *Log, const CONNECTION *Connection); } LOG_FORMAT;

static NTSTATUS BeginPlain(LOG_FILE *Log) { Log->Used = 0; return STATUS_SUCCESS; }
static NTSTATUS BeginFields(LOG_FILE *Log)
{
    Log->Path.Buffer = ExAllocatePoolWithTag(PagedPool, 0x200, 'nPLR'); //= RLPn any direct
    return Log->Path.Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static PVOID LinePlain(LOG_FILE *Log, const CONNECTION *Connection)
{
    return RE_ALLOCATE(PagedPool, Log->Format->LineSize + Connection->AddressSize, 'nLLR'); //= RLLn any wrapper
}
static PVOID LineBinary(LOG_FILE *Log, const CONNECTION *Connection)
{
    PVOID Line = ExAllocatePoolWithTag(NonPagedPoolNx, Log->Format->LineSize, 'bLLR'); //= RLLb any direct
    if (Line != NULL) memcpy(Line, Connection->Address, Connection->AddressSize);
    return Line;
}
static const LOG_FORMAT FormatCommon = { "common", 'cBLR', 4096, BeginPlain, LinePlain }; //= RLBc any wrapper-structure
static const LOG_FORMAT FormatExtended = { "extended", 'xBLR', 10240, BeginFields, LinePlain }; //= RLBx any wrapper-structure
static const LOG_FORMAT FormatBinary = { "binary", 'bBLR', 512, BeginPlain, LineBinary }; //= RLBb any wrapper-structure

NOINLINE static NTSTATUS LogOpen(LOG_FILE *Log, ULONG Kind)
{
    Log->Format = Kind == 0 ? &FormatCommon : Kind == 1 ? &FormatExtended : &FormatBinary;
    Log->Room = 0x10000;
    Log->Buffer = ExAllocatePoolWithTag(PagedPool, Log->Room, Log->Format->BufferTag);
    return Log->Buffer ? Log->Format->Begin(Log) : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- filters: contexts that somebody else frees; work that runs later ---- */

typedef struct WORK { PVOID Item[4]; void (*Routine)(struct WORK *Work); ULONG Tag; CONNECTION *Connection; } WORK;
static void CALL WorkThread(PVOID Context) { WORK *Work = Context; Work->Routine(Work); }
static void WorkDisconnect(WORK *Work) { ConnectionClose(Work->Connection); RE_FREE(Work, 'dWFR'); } //= RFWd any wrapper
static void WorkNotify(WORK *Work) { KeSetEvent(Work->Connection->Filter, 0, FALSE); RE_FREE(Work, 'nWFR'); } //= RFWn any wrapper
NOINLINE static NTSTATUS QueueWork(CONNECTION *Connection, void (*Routine)(WORK *), ULONG Tag)
{
    WORK *Work = RE_ALLOCATE_STRUCT(NonPagedPoolNx, WORK, Tag);
    if (Work == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Work->Routine = Routine;
    Work->Connection = Connection;
    ExQueueWorkItem(Work, 1);
    return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS FilterAttach(CONNECTION *Connection, SIZE_T Size)
{
    Connection->Filter = ReAllocateCharged(NonPagedPoolNx, Size, 'xCFR', &Connection->Charged); //= RFCx any wrapper-two
    return Connection->Filter ? QueueWork(Connection, WorkNotify, 'nWFR') : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- values of the registry ---- */

NOINLINE static PVOID ReadValue(HANDLE Key, const WCHAR *Name, ULONG Tag)
{
    UNICODE_STRING String;
    ULONG Needed = 0;
    PVOID Value;
    RtlInitUnicodeString(&String, Name);
    ZwQueryValueKey(Key, &String, 2, NULL, 0, &Needed);
    Value = ExAllocatePoolWithTag(PagedPool, Needed, Tag);
    if (Value != NULL && ZwQueryValueKey(Key, &String, 2, Value, Needed, &Needed) < 0) {
        ExFreePoolWithTag(Value, Tag);
        Value = NULL;
    }
    return Value;
}

static NTSTATUS CALL ReDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    CONNECTION *Connection = Device->Extension;
    LOG_FILE *Log = Irp->Stack->Argument[0];
    ULONG Flags = Irp->Flags, Size = (ULONG)Irp->Information;
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Out = NULL;
    URL Url = { 0 };

    switch (Irp->Stack->Minor) {
    case 0: Status = ConnectionCreate(Irp->SystemBuffer, Size, &Connection); break;
    case 1: Out = AllocateBody(Size); break;
    case 2: Out = HeaderAppend(Connection->Request, Irp->SystemBuffer, (USHORT)Size); break;
    case 3: Status = GroupCreate((GROUP **)&Out); break;
    case 4: Status = GroupSet(Irp->SystemBuffer, Flags, Log, Size); break;
    case 5: GroupRelease(Irp->SystemBuffer); break;
    case 6: Out = CacheAdd(Flags, Irp->SystemBuffer, Size, ParseVerb(Irp->SystemBuffer) == VerbGet); break;
    case 7: CacheFlush(Flags & 0xFF); break;
    case 8: Status = LogOpen(Log, Flags); break;
    case 9: Out = Log->Format->Line(Log, Connection); break;
    case 10: Status = FilterAttach(Connection, Size); break;
    case 11: Status = QueueWork(Connection, WorkDisconnect, 'dWFR'); break;
    case 12: Out = ReadValue(Irp->SystemBuffer, Log->Path.Buffer, 'rVGR'); break; //= RGVr any wrapper
    case 13: Status = UrlCopy(&Url, Irp->SystemBuffer, (USHORT)Size); UrlRelease(&Url); break;
    case 14: Out = PpAllocate(Flags & 1 ? Pools.Response : Flags & 2 ? Pools.Tracker : Pools.Receive); break;
    case 15: PpFree(Pools.IrpContext, PpAllocate(Pools.IrpContext)); break;
    default: Status = STATUS_NOT_SUPPORTED;
    }
    Irp->SystemBuffer = Out;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status = CreatePools();
    if (Status >= 0) Status = CreateBodyPools();
    if (Status >= 0) Status = CacheInitialize();
    Driver->Major[14] = ReDispatch;
    return Status;
}
