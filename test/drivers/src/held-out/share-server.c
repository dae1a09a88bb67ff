// Held out: a file server on top of its own small file system: work item pools per queue, buffers by size class, structures by type in a
// switch, a volume control block whose lists and resources one large function initialises, a cache of buffers, security and names.
#include "kernel.h"

typedef struct { ULONG_PTR Opaque[13]; } ERESOURCE;
typedef struct { ULONG_PTR Opaque[7]; } FAST_MUTEX;
typedef struct { SHORT NodeTypeCode, NodeByteSize; } NODE_HEADER;

#define POOL_RAISE_IF_ALLOCATION_FAILURE 16

/* ---- allocation ---- */

#define FsAllocatePool(Type, Size, Tag) FsRtlAllocatePoolWithTag((Type), (Size), (Tag))
#define FsFreePool(Pointer) do { if ((Pointer) != NULL) { ExFreePoolWithTag((Pointer), 0); (Pointer) = NULL; } } while (0)

typedef enum { SrvTypeConnection, SrvTypeSession, SrvTypeTree, SrvTypeOpen, SrvTypeLease, SrvTypeNotify, SrvTypeMaximum } SRV_TYPE;
typedef struct { ULONG Type, Size; LONG References; ULONG Flags; LIST_ENTRY Link; } SRV_HEADER;

static ULONG SrvPoolTagForType(SRV_TYPE Type)
{
    switch (Type) {
    case SrvTypeConnection: return 'cSLS'; //= SLSc any switch-tags
    case SrvTypeSession: return 'essS'; //= Ssse any switch-tags
    case SrvTypeTree: return 'ertS'; //= Stre any switch-tags
    case SrvTypeOpen: return 'nepS'; //= Spen any switch-tags
    case SrvTypeLease: return 'slrS'; //= Srls any switch-tags
    default: return 'csMS'; //= SMsc any switch-tags
    }
}

NOINLINE static PVOID SrvAllocateHeader(SRV_TYPE Type, ULONG Size)
{
    SRV_HEADER *Header = ExAllocatePoolWithTag(PagedPool, Size, SrvPoolTagForType(Type));

    if (Header == NULL) {
        return NULL;
    }
    memset(Header, 0, Size);
    Header->Type = Type;
    Header->Size = Size;
    Header->References = 1;
    return Header;
}

/* ---- buffers by size class ---- */

NOINLINE static PVOID SrvAllocateBuffer(ULONG Length, ULONG *Actual)
{
    ULONG Tag, Size;

    if (Length <= 512) {
        Size = 512;
        Tag = 'sBfS'; //= SfBs any switch-tags
    } else if (Length <= 4096) {
        Size = 4096;
        Tag = 'mBfS'; //= SfBm any switch-tags
    } else if (Length <= 0x10000) {
        Size = 0x10000;
        Tag = 'lBfS'; //= SfBl any switch-tags
    } else {
        Size = (Length + 0xFFF) & ~0xFFFu;
        Tag = 'hBfS'; //= SfBh any switch-tags
    }
    *Actual = Size;
    return ExAllocatePoolWithTagPriority(NonPagedPoolNx, Size, Tag, 16);
}

/* ---- work items ---- */

typedef struct WORK_QUEUE WORK_QUEUE;
typedef struct { LIST_ENTRY Link; WORK_QUEUE *Queue; PVOID Request, Response; ULONG RequestLength, Flags; } WORK_ITEM;
struct WORK_QUEUE {
    LIST_ENTRY Free;
    ULONG_PTR Lock;
    ULONG ItemTag, BufferTag, Allocated, Maximum;
    LOOKASIDE Items;
    void (*Process)(WORK_ITEM *);
};
typedef struct { WORK_QUEUE Normal, Blocking; WORK_QUEUE *PerProcessor; ULONG Processors; PVOID Endpoint; } SRV_GLOBALS;
static SRV_GLOBALS Srv;

NOINLINE static NTSTATUS SrvInitializeWorkQueue(WORK_QUEUE *Queue, ULONG Maximum, ULONG ItemTag, ULONG BufferTag, void (*Process)(WORK_ITEM *))
{
    Queue->Free.Flink = Queue->Free.Blink = &Queue->Free;
    KeInitializeSpinLock(&Queue->Lock);
    Queue->Maximum = Maximum;
    Queue->ItemTag = ItemTag;
    Queue->BufferTag = BufferTag;
    Queue->Process = Process;
    return ExInitializeLookasideListEx(&Queue->Items, NULL, NULL, NonPagedPoolNx, 0, sizeof(WORK_ITEM), ItemTag, 0);
}

NOINLINE static WORK_ITEM *SrvAllocateWorkItem(WORK_QUEUE *Queue)
{
    WORK_ITEM *Item = ExpInterlockedPopEntrySList(&Queue->Items);

    if (Item == NULL && Queue->Allocated < Queue->Maximum) {
        Item = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Item), Queue->ItemTag);
    }
    if (Item == NULL) {
        return NULL;
    }
    Queue->Allocated++;
    Item->Queue = Queue;
    Item->Response = NULL;
    Item->RequestLength = 4356;
    Item->Request = ExAllocatePoolWithTag(NonPagedPoolNx, Item->RequestLength, Queue->BufferTag);
    if (Item->Request == NULL) {
        ExFreePoolWithTag(Item, Queue->ItemTag);
        return NULL;
    }
    return Item;
}

static void SrvProcessNormal(WORK_ITEM *Item) { *(ULONG *)Item->Request = 'BMS\xFE'; }
static void SrvProcessBlocking(WORK_ITEM *Item) { Item->Flags |= 1; Item->Queue->Allocated--; }

/* ---- the file system: structures ---- */

typedef struct { ULONG Type, Size; PVOID List; } FS_POOL_ENTRY;
typedef struct VCB {
    NODE_HEADER Header;
    ULONG Flags, State, ClusterSize;
    ERESOURCE Resource, BitmapResource, *MetadataResource;
    FAST_MUTEX Mutex;
    LOOKASIDE FcbList, CcbList, IrpContextList, LcbList;
    LIST_ENTRY Fcbs, Notify;
    struct { PVOID Allocate, Compare; ULONG Tag, EntrySize; PVOID Table; } Runs;
    PVOID Bitmap, SerialName, UpcaseTable, Root;
    DEVICE_OBJECT *Target;
    ULONG_PTR TableStorage[16];
} VCB;
typedef struct FCB { NODE_HEADER Header; VCB *Vcb; ERESOURCE *Resource; PVOID Mcb, Name, Security; LONG Count; } FCB;

#define TAG_FCB 'cFtN' /* NtFc */
#define TAG_FCB_NONPAGED 'nFtN'
#define TAG_ERESOURCE 'eRtN'
#define TAG_MCB 'MtfN'

static LOOKASIDE FsIoContextList;
static ERESOURCE FsGlobalResource;

NOINLINE static ERESOURCE *FsAllocateResource(void)
{
    ERESOURCE *Resource = FsAllocatePool(NonPagedPoolNx | POOL_RAISE_IF_ALLOCATION_FAILURE, sizeof(ERESOURCE), TAG_ERESOURCE); //= NtRe allocation-call direct

    ExInitializeResourceLite(Resource);
    return Resource;
}

static PVOID CALL FsTableAllocate(PVOID Table, ULONG Size) { return FsAllocatePool(PagedPool, Size, 'bTtN'); } //= NtTb allocation-call callback
static void CALL FsTableFree(PVOID Table, PVOID Entry) { ExFreePoolWithTag(Entry, 'bTtN'); }
static LONG CALL FsTableCompare(PVOID Table, PVOID a, PVOID b) { return *(ULONG *)a < *(ULONG *)b ? 0 : *(ULONG *)a > *(ULONG *)b ? 1 : 2; }

static ULONG FsRunSize(VCB *Vcb, ULONG Entries) { return Entries * Vcb->Runs.EntrySize + 16; }

NOINLINE static NTSTATUS FsInitializeVcb(VCB *Vcb, DEVICE_OBJECT *Target, const UCHAR *Boot)
{
    ULONG Index;

    memset(Vcb, 0, sizeof(*Vcb));
    Vcb->Header.NodeTypeCode = 0x0701;
    Vcb->Header.NodeByteSize = sizeof(*Vcb);
    Vcb->Target = Target;
    Vcb->Fcbs.Flink = Vcb->Fcbs.Blink = &Vcb->Fcbs;
    Vcb->Notify.Flink = Vcb->Notify.Blink = &Vcb->Notify;
    ExInitializeResourceLite(&Vcb->Resource);
    ExInitializeResourceLite(&Vcb->BitmapResource);
    Vcb->MetadataResource = FsAllocateResource();
    ExInitializePagedLookasideList(&Vcb->FcbList, NULL, NULL, POOL_RAISE_IF_ALLOCATION_FAILURE, sizeof(FCB), TAG_FCB, 0); //= NtFc lookaside-init lookaside
    ExInitializePagedLookasideList(&Vcb->CcbList, NULL, NULL, POOL_RAISE_IF_ALLOCATION_FAILURE, 88, 'cCtN', 0); //= NtCc lookaside-init lookaside
    ExInitializeNPagedLookasideList(&Vcb->IrpContextList, NULL, NULL, 0x200, 312, 'cItN', 0); //= NtIc lookaside-init lookaside
    ExInitializePagedLookasideList(&Vcb->LcbList, NULL, NULL, 0, 120, 'cLtN', 0); //= NtLc lookaside-init lookaside
    RtlInitializeGenericTable(Vcb->TableStorage, (PVOID)FsTableCompare, (PVOID)FsTableAllocate, (PVOID)FsTableFree, Vcb);
    Vcb->ClusterSize = Boot[13] * 512;
    if (Vcb->ClusterSize == 0) {
        return STATUS_INVALID_PARAMETER;
    }
    if (*(const ULONG *)(Boot + 3) != 'SFTN') { //~ NTFS magic
        return STATUS_NOT_SUPPORTED;
    }
    Vcb->Runs.Tag = 'nRtN'; //= NtRn any object-field
    Vcb->Runs.EntrySize = 24;
    Vcb->Runs.Table = FsAllocatePool(PagedPool, FsRunSize(Vcb, 32), 'tRtN'); //= NtRt allocation-call direct
    Vcb->Bitmap = FsAllocatePool(NonPagedPoolNx, Vcb->ClusterSize, 'pBtN'); //= NtBp allocation-call direct
    Vcb->UpcaseTable = FsAllocatePool(PagedPool, 0x20000, 'pUtN'); //= NtUp allocation-call direct
    for (Index = 0; Index < 0x10000; Index++) {
        ((USHORT *)Vcb->UpcaseTable)[Index] = (USHORT)(Index >= 'a' && Index <= 'z' ? Index - 32 : Index);
    }
    Vcb->SerialName = ExAllocatePoolWithTag(PagedPool, 32, 'mNtN'); //= NtNm allocation-call direct
    return Vcb->SerialName != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID FsAllocateRuns(VCB *Vcb, ULONG Entries)
{
    return ExAllocatePoolWithTag(PagedPool, FsRunSize(Vcb, Entries), Vcb->Runs.Tag);
}

NOINLINE static FCB *FsCreateFcb(VCB *Vcb, const UNICODE_STRING *Name, BOOLEAN Paging)
{
    FCB *Fcb = Paging ? FsAllocatePool(NonPagedPoolNx, sizeof(FCB), TAG_FCB_NONPAGED) : ExpInterlockedPopEntrySList(&Vcb->FcbList); //= NtFn allocation-call direct

    if (Fcb == NULL) {
        Fcb = FsAllocatePool(PagedPool, sizeof(FCB), TAG_FCB);
    }
    memset(Fcb, 0, sizeof(*Fcb));
    Fcb->Header.NodeTypeCode = Paging ? 0x0706 : 0x0705;
    Fcb->Vcb = Vcb;
    Fcb->Resource = FsAllocateResource();
    Fcb->Mcb = FsAllocatePool(NonPagedPoolNx, 64, TAG_MCB); //= NftM allocation-call direct
    if (Name->Length != 0) {
        Fcb->Name = FsRtlAllocatePoolWithQuotaTag(PagedPool, Name->Length, 'nFtN');
        memcpy(Fcb->Name, Name->Buffer, Name->Length);
    }
    return Fcb;
}

/* ---- a cache of buffers ---- */

typedef struct CACHE { ULONG Tag, Blocks, BlockSize, Hits; ULONG PoolType; PVOID Buffers[64]; } CACHE;
static CACHE *MetadataCache, *DataCache;

NOINLINE static CACHE *CacheCreate(ULONG PoolType, ULONG BlockSize, ULONG Tag)
{
    CACHE *Cache = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CACHE), 'hcCS'); //= SCch allocation-call direct

    if (Cache == NULL) {
        return NULL;
    }
    memset(Cache, 0, sizeof(*Cache));
    Cache->Tag = Tag;
    Cache->BlockSize = BlockSize;
    Cache->PoolType = PoolType;
    return Cache;
}

NOINLINE static PVOID CacheGet(CACHE *Cache, ULONG Block)
{
    PVOID *Slot = &Cache->Buffers[Block & 63];

    if (*Slot != NULL) {
        Cache->Hits++;
        return *Slot;
    }
    *Slot = ExAllocatePoolWithTag(Cache->PoolType, Cache->BlockSize, Cache->Tag);
    if (*Slot != NULL) {
        Cache->Blocks++;
    }
    return *Slot;
}

/* ---- the server's requests ---- */

typedef NTSTATUS (*SMB_HANDLER)(WORK_ITEM *Item, VCB *Vcb, ULONG Length);
static VCB *MountedVolume;

static NTSTATUS SmbNegotiate(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    SRV_HEADER *Connection = SrvAllocateHeader(SrvTypeConnection, 384);

    Item->Response = Connection;
    return Connection != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS SmbSessionSetup(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    PVOID Blob = ExAllocatePoolWithQuotaTag(PagedPool | 8, Length, 'lBsS'); //= SsBl allocation-call direct

    Item->Response = SrvAllocateHeader(Length > 64 ? SrvTypeSession : SrvTypeTree, 256);
    if (Blob == NULL || Item->Response == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Blob, "NTLMSSP", 8); //~ NTLM text
    return memcmp(Item->Request, Blob, 8) == 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS SmbCreate(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    UNICODE_STRING Name;
    SRV_HEADER *Open;
    ULONG *Context = Item->Request;

    Name.Length = (USHORT)Length;
    Name.Buffer = Item->Request;
    if (Context[0] == 'qXRM' || Context[0] == 'sLqR' || Context[0] == 'cAxM') { //~ MRXq magic //~ RqLs magic //~ MxAc magic
        Item->Flags |= 4;
    }
    Open = SrvAllocateHeader(SrvTypeOpen, 192);
    if (Open == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Item->Response = FsCreateFcb(Vcb, &Name, (Item->Flags & 4) != 0);
    return STATUS_SUCCESS;
}

static NTSTATUS SmbRead(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    ULONG Actual;
    PVOID Block = CacheGet(Length > 4096 ? DataCache : MetadataCache, Length);

    Item->Response = SrvAllocateBuffer(Length, &Actual);
    if (Item->Response == NULL || Block == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Item->Response, Block, 512);
    return STATUS_SUCCESS;
}

static NTSTATUS SmbQueryDirectory(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    PVOID Pattern = FsRtlAllocatePoolWithQuotaTag(PagedPool, Length + 2, 'tPdS'); //= SdPt allocation-call direct
    PVOID Runs = FsAllocateRuns(Vcb, Length / 16);

    Item->Response = Runs;
    if (Runs == NULL) {
        FsFreePool(Pattern);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(Runs, Pattern, 16);
    return STATUS_SUCCESS;
}

static NTSTATUS SmbLease(WORK_ITEM *Item, VCB *Vcb, ULONG Length)
{
    Item->Response = SrvAllocateHeader(Item->Flags & 8 ? SrvTypeLease : SrvTypeNotify, 160);
    return Item->Response != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static const SMB_HANDLER SmbHandlers[] = { SmbNegotiate, SmbSessionSetup, SmbCreate, SmbRead, SmbQueryDirectory, SmbLease };

static NTSTATUS CALL SrvReceive(DEVICE_OBJECT *Device, IRP *Irp)
{
    WORK_QUEUE *Queue = Irp->Flags & 0x100 ? &Srv.Blocking : &Srv.PerProcessor[Irp->Flags % Srv.Processors];
    WORK_ITEM *Item = SrvAllocateWorkItem(Queue);
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (Item != NULL) {
        Queue->Process(Item);
        memcpy(Item->Request, Irp->SystemBuffer, 64);
        Status = Irp->Stack->Minor < 6 ? SmbHandlers[Irp->Stack->Minor](Item, MountedVolume, (ULONG)Irp->Information) : STATUS_NOT_SUPPORTED;
        Irp->SystemBuffer = Item->Response;
    }
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

INIT_CODE_SECTION static NTSTATUS SrvInitialize(void)
{
    NTSTATUS Status;
    ULONG Index;

    Srv.Processors = 4;
    Status = SrvInitializeWorkQueue(&Srv.Normal, 512, 'nWvS', 'bWvS', SrvProcessNormal); //= SvWn any wrapper //= SvWb any object-field
    if (Status < 0) return Status;
    Status = SrvInitializeWorkQueue(&Srv.Blocking, 64, 'kWvS', 'cWvS', SrvProcessBlocking); //= SvWk any wrapper //= SvWc any object-field
    if (Status < 0) return Status;
    Srv.PerProcessor = ExAllocatePoolWithTag(NonPagedPoolNx, Srv.Processors * sizeof(WORK_QUEUE), 'qWvS'); //= SvWq allocation-call direct
    if (Srv.PerProcessor == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (Index = 0; Index < Srv.Processors; Index++) {
        Status = SrvInitializeWorkQueue(&Srv.PerProcessor[Index], 128, 'pWvS', 'dWvS', SrvProcessNormal); //= SvWp any wrapper //= SvWd any object-field
        if (Status < 0) return Status;
    }
    MetadataCache = CacheCreate(PagedPool, 4096, 'mCfS'); //= SfCm any object-field
    DataCache = CacheCreate(NonPagedPoolNx, 0x10000, 'dCfS'); //= SfCd any object-field
    return MetadataCache != NULL && DataCache != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CALL SrvControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    if (SrvAllocateWorkItem(&Srv.Normal) == NULL) {
        Irp->Status = STATUS_INSUFFICIENT_RESOURCES;
    } else {
        MountedVolume = FsAllocatePool(NonPagedPoolNx, sizeof(VCB), 'bVtN'); //= NtVb allocation-call direct
        Irp->Status = FsInitializeVcb(MountedVolume, Device->Next, Irp->SystemBuffer);
    }
    IoCompleteRequest(Irp, 0);
    return Irp->Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    ExInitializeResourceLite(&FsGlobalResource);
    ExInitializeNPagedLookasideList(&FsIoContextList, NULL, NULL, 0x200, 96, 'oItN', 0); //= NtIo lookaside-init lookaside
    Driver->Major[14] = SrvReceive;
    Driver->Major[13] = SrvControl;
    return SrvInitialize();
}
