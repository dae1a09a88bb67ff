// Held out: a manager of typed objects for other drivers' use: types made at run time from an initializer, contexts by registration,
// a table of lists by kind, counted strings, trees of entries, trace buffers per processor, a global with the tags of its parts.
// exports: OmCreateType OmAllocateObject OmFreeObject
#include "kernel.h"

#if defined(__clang__)
#define EXPORT
#else
#define EXPORT __declspec(dllexport)
#endif

typedef struct { USHORT Length; UCHAR Flags, Reserved; ULONG PoolType, PoolTag, BodySize; void (*Delete)(PVOID Body); NTSTATUS (*Open)(PVOID Body, ULONG Access); } TYPE_INITIALIZER;
typedef struct OBJECT_TYPE { LIST_ENTRY Types; UNICODE_STRING Name; ULONG Index, Objects, HighWater, Key; TYPE_INITIALIZER Info; ULONG_PTR Lock; } OBJECT_TYPE;
typedef struct { LONG Pointers, Handles; OBJECT_TYPE *Type; ULONG Flags, Spare; } OBJECT_HEADER;

static struct {
    ULONG NameTag, DirectoryTag, SymlinkTag, EventTag;
    OBJECT_TYPE *Types[16];
    ULONG TypeCount;
    ULONG Processors;
} OmGlobal = {
    'mNmO', //= OmNm any initialised-global
    'riDO', //= ODir any initialised-global
    'myLO', //= OLym any initialised-global
    'tvEO', //= OEvt any initialised-global
};

/* ---- types and objects ---- */

EXPORT NOINLINE NTSTATUS OmCreateType(const UNICODE_STRING *Name, const TYPE_INITIALIZER *Initializer, OBJECT_TYPE **Out)
{
    OBJECT_TYPE *Type = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Type), 'pyTO'); //= OTyp allocation-call direct

    if (Type == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Type, 0, sizeof(*Type));
    Type->Info = *Initializer;
    Type->Index = OmGlobal.TypeCount++;
    Type->Name.Length = Name->Length;
    Type->Name.MaximumLength = Name->Length;
    Type->Name.Buffer = ExAllocatePoolWithTag(PagedPool, Name->Length, OmGlobal.NameTag);
    if (Type->Name.Buffer == NULL) {
        ExFreePoolWithTag(Type, 'pyTO');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Type->Name.Buffer, Name->Buffer, Name->Length);
    KeInitializeSpinLock(&Type->Lock);
    OmGlobal.Types[Type->Index & 15] = Type;
    *Out = Type;
    return STATUS_SUCCESS;
}

EXPORT NOINLINE NTSTATUS OmAllocateObject(OBJECT_TYPE *Type, ULONG Extra, PVOID *Body)
{
    OBJECT_HEADER *Header = ExAllocatePoolWithTag(Type->Info.PoolType, sizeof(*Header) + Type->Info.BodySize + Extra, Type->Info.PoolTag);

    if (Header == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Header->Pointers = 1;
    Header->Handles = 0;
    Header->Type = Type;
    if (++Type->Objects > Type->HighWater) Type->HighWater = Type->Objects;
    *Body = Header + 1;
    return STATUS_SUCCESS;
}

EXPORT NOINLINE void OmFreeObject(PVOID Body)
{
    OBJECT_HEADER *Header = (OBJECT_HEADER *)Body - 1;

    if (--Header->Pointers != 0) return;
    if (Header->Type->Info.Delete != NULL) Header->Type->Info.Delete(Body);
    Header->Type->Objects--;
    ExFreePoolWithTag(Header, Header->Type->Info.PoolTag);
}

static OBJECT_TYPE *SessionType, *ChannelType, *SectionType;
static void DeleteSession(PVOID Body) { *(ULONG *)Body = 'daeD'; } //~ Dead magic
static NTSTATUS OpenChannel(PVOID Body, ULONG Access) { return Access & 1 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }

INIT_CODE_SECTION static NTSTATUS CreateTypes(UNICODE_STRING *Names)
{
    TYPE_INITIALIZER Initializer;
    NTSTATUS Status;

    memset(&Initializer, 0, sizeof(Initializer));
    Initializer.Length = sizeof(Initializer);
    Initializer.PoolType = PagedPool;
    Initializer.PoolTag = 'seSO'; //= OSes any object-field
    Initializer.BodySize = 96;
    Initializer.Delete = DeleteSession;
    Status = OmCreateType(&Names[0], &Initializer, &SessionType);
    if (Status < 0) return Status;
    Initializer.PoolType = NonPagedPoolNx;
    Initializer.PoolTag = 'nhCO'; //= OChn any object-field
    Initializer.Open = OpenChannel;
    Status = OmCreateType(&Names[1], &Initializer, &ChannelType);
    if (Status < 0) return Status;
    Initializer.PoolTag = 'tcSO'; //= OSct any object-field
    Initializer.BodySize = 160;
    Initializer.Open = NULL;
    return OmCreateType(&Names[2], &Initializer, &SectionType);
}

/* ---- counted strings ---- */

typedef struct { LONG References; ULONG Hash; UNICODE_STRING Value; WCHAR Text[1]; } COUNTED_STRING;

NOINLINE static NTSTATUS StringDuplicate(const UNICODE_STRING *From, ULONG Tag, UNICODE_STRING *To)
{
    To->Buffer = ExAllocatePool2(POOL_FLAG_PAGED, From->Length + sizeof(WCHAR), Tag);
    if (To->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    To->MaximumLength = From->Length + sizeof(WCHAR);
    To->Length = From->Length;
    memcpy(To->Buffer, From->Buffer, From->Length);
    return STATUS_SUCCESS;
}

NOINLINE static COUNTED_STRING *StringCreate(const UNICODE_STRING *From)
{
    COUNTED_STRING *String = ExAllocatePoolWithTag(PagedPool, sizeof(*String) + From->Length, 'rtSO'); //= OStr allocation-call direct

    if (String == NULL) return NULL;
    String->References = 1;
    String->Hash = 0x811C9DC5;
    String->Value.Buffer = String->Text;
    String->Value.Length = String->Value.MaximumLength = From->Length;
    memcpy(String->Text, From->Buffer, From->Length);
    return String;
}

/* ---- lists by kind ---- */

enum { LIST_REQUEST, LIST_REPLY, LIST_WAIT, LIST_KINDS };
typedef struct { USHORT Size, Depth; ULONG Tag; BOOLEAN Paged; } LIST_SPEC;
static const LIST_SPEC ListSpecs[LIST_KINDS] = {
    { 128, 16, 'qRmO', FALSE }, //= OmRq any lookaside-loop
    { 512, 8, 'pRmO', TRUE }, //= OmRp any lookaside-loop
    { 64, 32, 'tWmO', FALSE }, //= OmWt any lookaside-loop
};
static LOOKASIDE Lists[LIST_KINDS];

NOINLINE static void InitLists(void)
{
    ULONG Kind;

    for (Kind = 0; Kind < LIST_KINDS; Kind++) {
        const LIST_SPEC *Spec = &ListSpecs[Kind];
        if (Spec->Paged) ExInitializePagedLookasideList(&Lists[Kind], NULL, NULL, 0, Spec->Size, Spec->Tag, Spec->Depth);
        else ExInitializeNPagedLookasideList(&Lists[Kind], NULL, NULL, 0x200, Spec->Size, Spec->Tag, Spec->Depth);
    }
}

/* ---- a directory: a tree whose nodes a callback allocates ---- */

typedef struct { ULONG_PTR Table[16]; ULONG Tag, Count; ULONG_PTR Lock; } DIRECTORY;
static PVOID CALL DirectoryAllocate(PVOID Table, ULONG Size) { return ExAllocatePoolWithTag(PagedPool, Size, OmGlobal.DirectoryTag); }
static void CALL DirectoryFree(PVOID Table, PVOID p) { ExFreePoolWithTag(p, OmGlobal.DirectoryTag); }
static LONG CALL DirectoryCompare(PVOID Table, PVOID a, PVOID b) { return *(ULONG *)a < *(ULONG *)b ? 0 : *(ULONG *)a > *(ULONG *)b ? 1 : 2; }

NOINLINE static DIRECTORY *DirectoryCreate(ULONG Options)
{
    DIRECTORY *Directory = ExAllocatePoolWithTagPriority(PagedPool, sizeof(*Directory), Options & 1 ? 'gDmO' : 'lDmO', 16); //= OmDg any ternary //= OmDl any ternary

    if (Directory == NULL) return NULL;
    RtlInitializeGenericTableAvl(Directory->Table, (PVOID)DirectoryCompare, (PVOID)DirectoryAllocate, (PVOID)DirectoryFree, Directory);
    Directory->Tag = 'tcrD'; //~ Drct magic
    KeInitializeSpinLock(&Directory->Lock);
    return Directory;
}

/* ---- trace buffers, one for each processor ---- */

typedef struct { PVOID Buffer; ULONG Size, Used, Tag, Lost; LIST_ENTRY Full; } TRACE_BUFFER;
typedef struct { ULONG Processors, BufferSize, Tag, Level; TRACE_BUFFER Buffers[1]; } TRACE_LOG;
static TRACE_LOG *KernelLog;

NOINLINE static TRACE_LOG *TraceCreate(ULONG Processors, ULONG Size, ULONG Tag)
{
    TRACE_LOG *Log = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Log) + Processors * sizeof(TRACE_BUFFER), 'gLmO'); //= OmLg allocation-call direct
    ULONG Index;

    if (Log == NULL) return NULL;
    Log->Processors = Processors;
    Log->BufferSize = Size;
    Log->Tag = Tag;
    for (Index = 0; Index < Processors; Index++) {
        TRACE_BUFFER *Buffer = &Log->Buffers[Index];
        Buffer->Size = Size;
        Buffer->Used = 0;
        Buffer->Tag = 'fBmO'; //= OmBf any object-field
        Buffer->Buffer = NULL;
    }
    return Log;
}

NOINLINE static PVOID TraceReserve(TRACE_LOG *Log, ULONG Processor, ULONG Size)
{
    TRACE_BUFFER *Buffer = &Log->Buffers[Processor % Log->Processors];

    if (Buffer->Buffer == NULL) Buffer->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Buffer->Size, Buffer->Tag);
    if (Buffer->Buffer == NULL) return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Log->Tag);
    Buffer->Used += Size;
    return (UCHAR *)Buffer->Buffer + Buffer->Used - Size;
}

/* ---- registered clients: each has its own tag ---- */

typedef struct { ULONG Version, PoolTag; NTSTATUS (*Notify)(PVOID Context, ULONG Event); PVOID Context; } CLIENT_REGISTRATION;
typedef struct CLIENT { struct CLIENT *Next; CLIENT_REGISTRATION Registration; PVOID Storage; COUNTED_STRING *Name; } CLIENT;
static CLIENT *Clients;
static NTSTATUS OwnNotify(PVOID Context, ULONG Event) { return Event == 'dnet' ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS; } //~ tend magic

NOINLINE static NTSTATUS ClientRegister(const CLIENT_REGISTRATION *Registration, const UNICODE_STRING *Name)
{
    CLIENT *Client = ExAllocatePoolWithTag(PagedPool, sizeof(*Client), 'tlCO'); //= OClt allocation-call direct

    if (Client == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Client->Registration = *Registration;
    Client->Name = StringCreate(Name);
    Client->Storage = NULL;
    Client->Next = Clients;
    Clients = Client;
    return Client->Registration.Notify(Registration->Context, 1);
}

NOINLINE static NTSTATUS ClientStorage(CLIENT *Client, SIZE_T Size)
{
    if (Client->Storage != NULL) ExFreePoolWithTag(Client->Storage, Client->Registration.PoolTag);
    Client->Storage = ExAllocatePoolWithQuotaTag(PagedPool | 8, Size, Client->Registration.PoolTag);
    return Client->Storage != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    UNICODE_STRING Copy;
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Body = NULL;

    switch (Irp->Stack->Minor) {
    case 0: Status = OmAllocateObject(SessionType, 0, &Body); break;
    case 1: Status = OmAllocateObject(ChannelType, Irp->Flags, &Body); break;
    case 2: Status = OmAllocateObject(SectionType, Irp->Flags * 8, &Body); break;
    case 3: OmFreeObject(Irp->SystemBuffer); break;
    case 4: Body = DirectoryCreate(Irp->Flags); break;
    case 5: Body = TraceReserve(KernelLog, Irp->Flags, (ULONG)Irp->Information); break;
    case 6: Status = StringDuplicate(Irp->SystemBuffer, OmGlobal.SymlinkTag, &Copy); Body = Copy.Buffer; break;
    case 7: Status = StringDuplicate(Irp->SystemBuffer, 'pDmO', &Copy); Body = Copy.Buffer; break; //= OmDp any wrapper
    case 8: Body = ExAllocatePoolWithTag(NonPagedPoolNx, 40, OmGlobal.EventTag); break;
    case 9: Status = ClientStorage(Clients, Irp->Information); break;
    case 10: Body = ExpInterlockedPopEntrySList(&Lists[Irp->Flags % LIST_KINDS]); break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->SystemBuffer = Body;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    static const CLIENT_REGISTRATION Own = { 1, 'nwOO', OwnNotify, NULL }; //= OOwn any wrapper-structure
    CLIENT_REGISTRATION Other = { 2, 'htOO', OwnNotify, Driver }; //= OOth any wrapper-structure
    NTSTATUS Status = CreateTypes(Path);

    if (Status < 0) return Status;
    InitLists();
    KernelLog = TraceCreate(8, 0x10000, 'cTmO'); //= OmTc any object-field
    if (KernelLog == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = ClientRegister(&Own, Path);
    if (Status >= 0) Status = ClientRegister(&Other, Path);
    Driver->Major[14] = Dispatch;
    return Status;
}
