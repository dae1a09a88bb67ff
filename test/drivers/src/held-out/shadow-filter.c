// Held out: a file-system minifilter that keeps copies of changed files, in the manner of the kit's samples: contexts with resources,
// a name cache over lookaside lists, strings that are duplicated, and one clean-up routine for everything, by tag.
#include "kernel.h"

#define SHF_NAME_BUFFER_TAG   'bnHS' //= SHnb any wrapper-two
#define SHF_RESOURCE_TAG      'erHS' //= SHre allocation-call direct
#define SHF_INSTANCE_TAG      'niHS' //= SHin structure-field filter-context
#define SHF_STREAM_TAG        'tsHS' //= SHst structure-field filter-context
#define SHF_FILE_TAG          'ifHS' //= SHfi structure-field filter-context
#define SHF_SWAP_TAG          'wsHS' //= SHsw allocation-call direct
#define SHF_REGISTRY_TAG      'grHS' //= SHrg allocation-call page-section
#define SHF_CACHE_NODE        0x4843 /* a node type, not a tag */

typedef struct { USHORT ContextType, Flags; PVOID Cleanup; SIZE_T Size; ULONG PoolTag; PVOID Allocate, Free, Reserved; } CONTEXT_REGISTRATION;
typedef struct { UCHAR Major; ULONG Flags; PVOID Pre, Post, Reserved; } OPERATION_REGISTRATION;
typedef struct {
    USHORT Size, Version; ULONG Flags; const CONTEXT_REGISTRATION *Contexts; const OPERATION_REGISTRATION *Operations;
    PVOID Unload, Setup, QueryTeardown, TeardownStart, TeardownComplete, Name[3], Transaction, Normalize, Section;
} FILTER_REGISTRATION;
typedef struct { USHORT Size, NamesParsed; ULONG Format; UNICODE_STRING Name, Volume, Share, Extension, Stream; } NAME_INFORMATION;

/* what wdm.h shows of a lookaside list, for the inlined allocate and free */
typedef struct { PVOID Head[2]; USHORT Depth, Maximum; ULONG Total, Misses, Frees, FreeMisses, Type, Tag, Size; PVOID(CALL *Allocate)(ULONG, SIZE_T, ULONG); void(CALL *Free)(PVOID); } GENERAL_LOOKASIDE;

typedef struct { USHORT NodeType, NodeSize; ULONG Signature, Hash, References; LIST_ENTRY Link; UNICODE_STRING Name; } NAME_ENTRY;
typedef struct { PVOID Resource; LIST_ENTRY *Buckets; ULONG Count, Limit, Tag; LOOKASIDE Entries; } NAME_CACHE;
typedef struct { UNICODE_STRING VolumeName, DosName; PVOID Resource; NAME_CACHE Names; PVOID Swap; ULONG SectorSize; } INSTANCE_CONTEXT;
typedef struct { UNICODE_STRING FileName; PVOID Resource, Snapshot; ULONG Flags; } STREAM_CONTEXT;
typedef struct { ULONG Command, Length; UCHAR Data[64]; } PORT_MESSAGE;

static struct {
    PVOID Filter, ServerPort, ClientPort;
    UNICODE_STRING RegistryPath, *Excluded;
    ULONG ExcludedCount, DebugFlags;
    LOOKASIDE Completion, Copy, Notify, Ranges;
    ULONG_PTR Owners[32];
    UCHAR EcpList[256];
    LIST_ENTRY Pending;
} Globals;

static const GUID ShadowEcp = {0x9d1e4a70, 0x1f2b, 0x4b6c, {0x8e, 0x11, 'S', 'H', 'e', 'G', 0x42, 0x07}}; //~ SHeG guid

/* ---- allocation support ---- */

NOINLINE static PVOID ShfAllocate(ULONG PoolType, SIZE_T Size, ULONG Tag)
{
    PVOID Buffer = ExAllocatePoolWithTag(PoolType, Size, Tag);
    if (Buffer == NULL) {
        if (Globals.DebugFlags & 1) DbgPrint("[shadow] %u bytes failed, tag %.4s\n", (ULONG)Size, (const CHAR *)&Tag);
        return NULL;
    }
    memset(Buffer, 0, Size);
    return Buffer;
}

NOINLINE static void ShfFree(PVOID *Buffer, ULONG Tag)
{
    if (*Buffer != NULL) {
        ExFreePoolWithTag(*Buffer, Tag);
        *Buffer = NULL;
    }
}

ALWAYS_INLINE PVOID ShfAllocateResource(void)
{
    return ExAllocatePoolWithTag(NonPagedPoolNx, 104, SHF_RESOURCE_TAG);
}

NOINLINE static NTSTATUS ShfAllocateString(UNICODE_STRING *String, ULONG Tag)
{
    String->Buffer = ShfAllocate(PagedPool, String->MaximumLength, Tag);
    String->Length = 0;
    return String->Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS ShfDuplicateString(UNICODE_STRING *To, const UNICODE_STRING *From, ULONG Tag)
{
    To->MaximumLength = From->Length + sizeof(WCHAR);
    if (ShfAllocateString(To, Tag) < 0) return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyUnicodeString(To, From);
    return STATUS_SUCCESS;
}

static PVOID ShfFromLookaside(LOOKASIDE *List)
{
    GENERAL_LOOKASIDE *L = (GENERAL_LOOKASIDE *)List;
    PVOID Entry;
    L->Total += 1;
    Entry = ExpInterlockedPopEntrySList(L);
    if (Entry == NULL) {
        L->Misses += 1;
        Entry = L->Allocate(L->Type, L->Size, L->Tag);
    }
    return Entry;
}

static void ShfToLookaside(LOOKASIDE *List, PVOID Entry)
{
    GENERAL_LOOKASIDE *L = (GENERAL_LOOKASIDE *)List;
    L->Frees += 1;
    if (*(USHORT *)L >= L->Depth) { L->FreeMisses += 1; L->Free(Entry); }
    else ExpInterlockedPushEntrySList(L, Entry);
}

static PVOID CALL ShfCopyAllocate(ULONG Type, SIZE_T Size, ULONG Tag)
{
    return ExAllocatePoolWithTagPriority(Type, Size, Tag, 0);
}
static void CALL ShfCopyFree(PVOID Buffer) { ExFreePoolWithTag(Buffer, 'pcHS'); }

/* ---- the name cache ---- */

NOINLINE static NTSTATUS ShfInitializeCache(NAME_CACHE *Cache, ULONG Limit, ULONG Tag)
{
    ULONG i;
    Cache->Resource = ShfAllocateResource();
    if (Cache->Resource == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializeResourceLite(Cache->Resource);
    Cache->Buckets = ShfAllocate(PagedPool, 64 * sizeof(LIST_ENTRY), 'hnHS'); //= SHnh wrapper-call wrapper
    if (Cache->Buckets == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < 64; i++) Cache->Buckets[i].Flink = Cache->Buckets[i].Blink = &Cache->Buckets[i];
    ExInitializePagedLookasideList(&Cache->Entries, NULL, NULL, 0, sizeof(NAME_ENTRY), 'enHS', 0); //= SHne lookaside-init lookaside
    Cache->Limit = Limit;
    Cache->Tag = Tag;
    return STATUS_SUCCESS;
}

NOINLINE static NAME_ENTRY *ShfCacheName(NAME_CACHE *Cache, const UNICODE_STRING *Name)
{
    NAME_ENTRY *Entry;
    LIST_ENTRY *Head;
    ULONG Hash = 'hsaH', i; //~ Hash magic
    for (i = 0; i < Name->Length / sizeof(WCHAR); i++) Hash = Hash * 33 + Name->Buffer[i];
    Head = &Cache->Buckets[Hash & 63];
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(Cache->Resource, TRUE);
    Entry = ShfFromLookaside(&Cache->Entries);
    if (Entry != NULL) {
        Entry->NodeType = SHF_CACHE_NODE;
        Entry->NodeSize = sizeof(NAME_ENTRY);
        Entry->Signature = 'TNES'; //~ SENT magic
        Entry->Hash = Hash;
        Entry->Name.MaximumLength = Name->Length;
        Entry->Name.Buffer = ExAllocatePoolWithTag(PagedPool, Name->Length, Cache->Tag);
        if (Entry->Name.Buffer == NULL || Cache->Count >= Cache->Limit) {
            if (Entry->Name.Buffer) ExFreePoolWithTag(Entry->Name.Buffer, Cache->Tag);
            ShfToLookaside(&Cache->Entries, Entry);
            Entry = NULL;
        } else {
            RtlCopyUnicodeString(&Entry->Name, Name);
            Entry->Link.Flink = Head->Flink;
            Entry->Link.Blink = Head;
            Head->Flink->Blink = &Entry->Link;
            Head->Flink = &Entry->Link;
            Cache->Count += 1;
        }
    }
    ExReleaseResourceLite(Cache->Resource);
    KeLeaveCriticalRegion();
    return Entry;
}

/* ---- owners, in a balanced tree ---- */

static ULONG CALL ShfCompareOwners(PVOID Table, ULONG *First, ULONG *Second) { return *First < *Second ? 0 : *First > *Second ? 1 : 2; }
static PVOID CALL ShfAllocateOwner(PVOID Table, ULONG Size) { return ExAllocatePoolWithTag(PagedPool, Size, 'woHS'); } //= SHow allocation-call callback
static void CALL ShfFreeOwner(PVOID Table, PVOID Buffer) { ExFreePoolWithTag(Buffer, 'woHS'); }

/* ---- contexts ---- */

static void CALL ShfContextCleanup(PVOID Context, USHORT Type)
{
    if (Type == 2) {
        INSTANCE_CONTEXT *Instance = Context;
        ShfFree((PVOID *)&Instance->VolumeName.Buffer, 'nvHS'); //= SHvn any wrapper-two
        ShfFree((PVOID *)&Instance->DosName.Buffer, 'ndHS'); //= SHdn any wrapper
        ShfFree((PVOID *)&Instance->Names.Buckets, 'hnHS');
        if (Instance->Resource) {
            ExDeleteResourceLite(Instance->Resource);
            ExFreePoolWithTag(Instance->Resource, SHF_RESOURCE_TAG);
        }
        ExDeletePagedLookasideList(&Instance->Names.Entries);
    } else if (Type == 8) {
        STREAM_CONTEXT *Stream = Context;
        ShfFree((PVOID *)&Stream->FileName.Buffer, SHF_NAME_BUFFER_TAG);
        ShfFree(&Stream->Snapshot, 'nsHS'); //= SHsn any wrapper
        if (Stream->Resource) ExFreePoolWithTag(Stream->Resource, SHF_RESOURCE_TAG);
    }
}

static PVOID CALL ShfHandleAllocate(ULONG Type, SIZE_T Size, USHORT Kind) { return ExAllocatePoolWithTag(Type, Size, 'xhHS'); } //= SHhx allocation-call callback
static void CALL ShfHandleFree(PVOID Buffer, USHORT Kind) { ExFreePoolWithTag(Buffer, 'xhHS'); }

static const CONTEXT_REGISTRATION Contexts[] = {
    {2, 0, ShfContextCleanup, sizeof(INSTANCE_CONTEXT), SHF_INSTANCE_TAG},
    {8, 0, ShfContextCleanup, sizeof(STREAM_CONTEXT), SHF_STREAM_TAG},
    {4, 0, NULL, 40, SHF_FILE_TAG},
    {16, 0, NULL, 24, 'hsHS', ShfHandleAllocate, ShfHandleFree}, //~ SHsh ignored-context
    {32, 0, NULL, 56, 'xtHS'}, //= SHtx structure-field filter-context
    {0xFFFF},
};

static NTSTATUS CALL ShfInstanceSetup(PVOID *Objects, ULONG Flags, ULONG DeviceType, ULONG FileSystem)
{
    INSTANCE_CONTEXT *Instance;
    ULONG Needed = 0;
    NTSTATUS Status = FltAllocateContext(Globals.Filter, 2, sizeof(*Instance), NonPagedPoolNx, (PVOID *)&Instance);
    if (Status < 0) return Status;
    memset(Instance, 0, sizeof(*Instance));
    Instance->SectorSize = FileSystem == 'SFeR' ? 4096 : 512; //~ ReFS magic
    Instance->Resource = ShfAllocateResource();
    FltGetVolumeName(Objects[1], NULL, &Needed);
    Instance->VolumeName.MaximumLength = (USHORT)Needed;
    Status = ShfAllocateString(&Instance->VolumeName, 'nvHS');
    if (Status >= 0) Status = FltGetVolumeName(Objects[1], &Instance->VolumeName, NULL);
    if (Status >= 0) Status = ShfInitializeCache(&Instance->Names, 4096, 'gnHS'); //= SHng any object-field
    Instance->DosName.Buffer = ShfAllocate(PagedPool, 8 * sizeof(WCHAR), 'ndHS');
    Instance->Swap = FltAllocatePoolAlignedWithTag(Objects[2], NonPagedPoolNx, 65536, SHF_SWAP_TAG);
    if (Status >= 0 && Instance->Swap == NULL) Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status >= 0) Status = FltSetInstanceContext(Objects[2], 1, Instance, NULL);
    FltReleaseContext(Instance);
    return Status;
}

/* ---- operations ---- */

static void CALL ShfCopyWorker(PVOID Item, PVOID Object, PVOID Context)
{
    PVOID Ranges = ShfFromLookaside(&Globals.Ranges);
    if (Ranges) ShfToLookaside(&Globals.Ranges, Ranges);
    ShfToLookaside(&Globals.Copy, Context);
    FltFreeGenericWorkItem(Item);
}

NOINLINE static NTSTATUS CALL ShfPreCreate(PVOID *Data, PVOID *Objects, PVOID *Completion)
{
    NAME_INFORMATION *Information;
    INSTANCE_CONTEXT *Instance;
    PVOID Ecp, Item;
    ULONG *Record;
    if (FltGetInstanceContext(Objects[2], (PVOID *)&Instance) < 0) return 1;
    if (FltGetFileNameInformation(Data, 0x101, (PVOID *)&Information) >= 0) {
        FltParseFileNameInformation(Information);
        ShfCacheName(&Instance->Names, &Information->Name);
        FltReleaseFileNameInformation(Information);
    }
    if (FltAllocateExtraCreateParameter(Globals.Filter, &ShadowEcp, 32, 0, NULL, 'peHS', &Ecp) >= 0) //= SHep allocation-call direct
        *(ULONG *)Ecp = 'DELS'; //~ SLED magic
    Record = ShfFromLookaside(&Globals.Completion);
    if (Record == NULL) { FltReleaseContext(Instance); return 1; }
    Record[0] = 'RPCS'; //~ SCPR magic
    Record[1] = 0xA0000003; /* a mount point */
    *Completion = Record;
    Item = FltAllocateGenericWorkItem();
    if (Item) FltQueueGenericWorkItem(Item, Objects[0], ShfCopyWorker, 1, ShfFromLookaside(&Globals.Copy));
    FltReleaseContext(Instance);
    return 0;
}

NOINLINE static NTSTATUS CALL ShfPostCreate(PVOID *Data, PVOID *Objects, PVOID Completion, ULONG Flags)
{
    STREAM_CONTEXT *Stream;
    NAME_INFORMATION *Information;
    ULONG Owner[2] = {(ULONG)(ULONG_PTR)Data[2], Flags};
    BOOLEAN IsNew;
    if (((ULONG *)Completion)[0] != 'RPCS') KeBugCheckEx(0xF5, 'dHSc', (ULONG_PTR)Completion, 0, 0); //~ cSHd bug-check
    ShfToLookaside(&Globals.Completion, Completion);
    RtlInsertElementGenericTableAvl(Globals.Owners, Owner, sizeof(Owner), &IsNew);
    if (FltAllocateContext(Globals.Filter, 8, sizeof(*Stream), PagedPool, (PVOID *)&Stream) < 0) return 0;
    memset(Stream, 0, sizeof(*Stream));
    Stream->Resource = ExAllocatePoolWithTag(NonPagedPoolNx, 104, SHF_RESOURCE_TAG);
    Stream->Snapshot = ShfAllocate(NonPagedPoolNx, 256, 'nsHS');
    if (FltGetFileNameInformation(Data, 0x101, (PVOID *)&Information) >= 0) {
        ShfDuplicateString(&Stream->FileName, &Information->Name, SHF_NAME_BUFFER_TAG);
        FltReleaseFileNameInformation(Information);
    }
    ObReferenceObjectByPointerWithTag(Objects[3], 0, NULL, 0, 'foHS'); //~ SHof object-tag
    FltSetStreamContext(Objects[2], Objects[3], 1, Stream, NULL);
    FltReleaseContext(Stream);
    return 0;
}

NOINLINE static NTSTATUS CALL ShfPreCleanup(PVOID *Data, PVOID *Objects, PVOID *Completion)
{
    PVOID Security = Data[5], Handed = Data[6];
    if (Security) ExFreePoolWithTag(Security, 'dSeS'); //= SeSd free-call free
    if (Handed) ExFreePoolWithTag(Handed, 'dhHS'); //= SHhd free-call free
    RtlDeleteElementGenericTableAvl(Globals.Owners, &Data[2]);
    return 1;
}

static const OPERATION_REGISTRATION Operations[] = {
    {0, 0, ShfPreCreate, ShfPostCreate}, {18, 0, ShfPreCleanup, NULL}, {0x80},
};

static NTSTATUS CALL ShfMessage(PVOID Cookie, PORT_MESSAGE *In, ULONG InSize, PVOID Out, ULONG OutSize, ULONG *Returned)
{
    PVOID Copy;
    if (InSize < 8 || In->Length > 0x10000) return STATUS_INVALID_PARAMETER;
    Copy = ExAllocatePoolWithQuotaTag(PagedPool | 8, In->Length, 'gmHS'); //= SHmg allocation-call direct
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, In->Data, In->Length);
    if (*(ULONG *)Copy == 'ETED') FltSendMessage(Globals.Filter, &Globals.ClientPort, Copy, In->Length, NULL, NULL, NULL); //~ DETE magic
    ExFreePoolWithTag(Copy, 'gmHS');
    *Returned = 0;
    return STATUS_SUCCESS;
}

static NTSTATUS CALL ShfConnect(PVOID Port, PVOID Cookie, PVOID Context, ULONG Size, PVOID *PortCookie)
{
    *PortCookie = ShfAllocate(NonPagedPoolNx, 96, 'ccHS'); //= SHcc wrapper-call wrapper
    Globals.ClientPort = Port;
    return *PortCookie ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void CALL ShfDisconnect(PVOID PortCookie) { ShfFree(&PortCookie, 'ccHS'); }

/* ---- start and stop ---- */

PAGED_CODE_SECTION static NTSTATUS ShfReadConfiguration(HANDLE Key)
{
    UNICODE_STRING Name = {20, 22, (PWSTR)L"Exclusions"};
    ULONG Needed = 0, i;
    UCHAR *Information;
    ZwQueryValueKey(Key, &Name, 2, NULL, 0, &Needed);
    Information = ExAllocatePoolWithTag(PagedPool, Needed, SHF_REGISTRY_TAG);
    if (Information == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (ZwQueryValueKey(Key, &Name, 2, Information, Needed, &Needed) >= 0) {
        Globals.ExcludedCount = Information[0];
        Globals.Excluded = ExAllocatePoolWithTag(PagedPool, Globals.ExcludedCount * sizeof(UNICODE_STRING), 'cxHS'); //= SHxc allocation-call page-section
        for (i = 0; Globals.Excluded && i < Globals.ExcludedCount; i++)
            ShfDuplicateString(&Globals.Excluded[i], &Name, 'sxHS'); //= SHxs any wrapper-three
    }
    ExFreePoolWithTag(Information, SHF_REGISTRY_TAG);
    return STATUS_SUCCESS;
}

static NTSTATUS CALL ShfUnload(ULONG Flags)
{
    FltUnregisterFilter(Globals.Filter);
    ExDeleteNPagedLookasideList(&Globals.Completion);
    ExDeleteNPagedLookasideList(&Globals.Copy);
    ShfFree((PVOID *)&Globals.RegistryPath.Buffer, 'prHS'); //= SHrp any wrapper-three
    ShfFree((PVOID *)&Globals.Excluded, 'cxHS');
    return STATUS_SUCCESS;
}

static const FILTER_REGISTRATION Registration = {sizeof(FILTER_REGISTRATION), 0x203, 0, Contexts, Operations, ShfUnload, ShfInstanceSetup};

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NTSTATUS Status;
    Globals.Pending.Flink = Globals.Pending.Blink = &Globals.Pending;
    RtlInitializeGenericTableAvl(Globals.Owners, ShfCompareOwners, ShfAllocateOwner, ShfFreeOwner, NULL);
    ExInitializeNPagedLookasideList(&Globals.Completion, NULL, NULL, 0, 64, 'ocHS', 0); //= SHco lookaside-init lookaside
    ExInitializeNPagedLookasideList(&Globals.Copy, ShfCopyAllocate, ShfCopyFree, 0x200, 512, 'pcHS', 0); //= SHcp lookaside-init lookaside
    ExInitializeNPagedLookasideList(&Globals.Notify, NULL, NULL, 0, sizeof(PORT_MESSAGE), 'tnHS', 0); //= SHnt lookaside-init lookaside
    ExInitializeNPagedLookasideList(&Globals.Ranges, NULL, NULL, 0, 48, 'arHS', 0); //= SHra lookaside-init lookaside
    FltInitExtraCreateParameterLookasideList(Globals.Filter, Globals.EcpList, 0, 32, 'leHS'); //= SHel lookaside-init lookaside
    Status = ShfDuplicateString(&Globals.RegistryPath, RegistryPath, 'prHS');
    if (Status < 0) return Status;
    ShfReadConfiguration(Driver->Section);
    Status = FltRegisterFilter(Driver, &Registration, &Globals.Filter);
    if (Status < 0) return Status;
    Status = FltCreateCommunicationPort(Globals.Filter, &Globals.ServerPort, NULL, NULL, ShfConnect, ShfDisconnect, ShfMessage, 1);
    if (Status >= 0) Status = FltStartFiltering(Globals.Filter);
    if (Status < 0) FltUnregisterFilter(Globals.Filter);
    return Status;
}
