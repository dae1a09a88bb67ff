// Held out: snapshots of volumes: a filter with an extension for each volume and each snapshot, lookaside lists in the extensions, wrappers of the pool by
// kind of memory, quota and priority, caches of regions and bitmaps, log containers with magics on the disk, queues of work with a reserve for emergencies.
#include "kernel.h"

#define EX_LOW_PRIORITY 0
#define EX_NORMAL_PRIORITY 16
#define EX_HIGH_PRIORITY 32
#define POOL_FLAG_USE_QUOTA 1ULL
#define POOL_FLAG_CACHE_ALIGNED 8ULL
#define STATUS_CORRUPT ((NTSTATUS)0xC01A000D)
#define STATUS_MORE ((NTSTATUS)0xC0000016)
#define STATUS_NO_DATA ((NTSTATUS)0xC000026E)
#define CONTAINING(Address, Type, Field) ((Type *)((UCHAR *)(Address) - __builtin_offsetof(Type, Field)))
#define SNAP_TAG_WORK 'kWsV'
#define SNAP_TAG_BITMAP 'mBsV'
#define SNAP_TAG_LOG 'gLsV'

/* ---- what is on the disk ---- */

typedef struct { GUID Signature; ULONG Version, RecordType; LONGLONG ThisOffset, CurrentOffset, NextOffset; } DISK_BLOCK;
typedef struct { ULONG Magic; USHORT Version, SectorCount; ULONG Checksum; ULONG64 BaseLsn; ULONG Kind, ContainerId, Reserved[2]; } LOG_BLOCK;
typedef struct { ULONG Magic, Size; ULONG64 Lsn, Previous; ULONG Client, Flags; } LOG_RECORD;

#define LOG_MAGIC_BLOCK 'BgoL'
#define LOG_MAGIC_RECORD 'RgoL'
#define LOG_MAGIC_BASE 'FSAB'
#define LOG_MAGIC_SHADOW 'HSAB'

/* The signature of all blocks; a part of it reads as text. */
static const GUID SnapshotSignature = {0x6B506D53, 0x4AC1, 0x11D3, {0x85, 0x6A, 0x56, 0x73, 0x42, 0x6C, 0x1C, 0x8E}}; //~ SmPk guid //~ VsBl guid

/* ---- objects ---- */

typedef struct VOLUME_EXTENSION VOLUME_EXTENSION;
typedef struct SNAPSHOT_EXTENSION SNAPSHOT_EXTENSION;
typedef void (*WORKER)(PVOID Context);
typedef struct WORK { LIST_ENTRY Link; WORKER Routine; PVOID Context; BOOLEAN FromReserve; VOLUME_EXTENSION *Extension; } WORK;
typedef struct { LIST_ENTRY List; ULONG_PTR Lock; WORK *Reserve; BOOLEAN ReserveInUse; ULONG Depth; } WORK_QUEUE;
typedef struct { ULONG Size; ULONG *Bits; } BITMAP;
typedef struct { ULONG Tag, RegionSize, Count, Limit; PVOID *Regions; ULONG64 Hits, Misses; } REGION_CACHE;
typedef struct { ULONG64 From, To, Length; ULONG Flags; } TABLE_ENTRY;
typedef struct {
    DEVICE_OBJECT *Device;
    DRIVER_OBJECT *Driver;
    LIST_ENTRY Volumes;
    WORK_QUEUE Queues[3];
    LOOKASIDE ContextList, TableEntryList, TempEntryList;
    PVOID ReserveContext, ReserveTableEntry;
    ULONG MaximumSnapshots;
    BOOLEAN LowMemory;
} ROOT_EXTENSION;
struct VOLUME_EXTENSION {
    ULONG Signature;
    ROOT_EXTENSION *Root;
    DEVICE_OBJECT *Device, *Lower;
    REMOVE_LOCK RemoveLock;
    LOOKASIDE ReadList, WriteList;
    LIST_ENTRY Snapshots, Holding;
    REGION_CACHE Cache[2];
    BITMAP *Ignorable, *Tracked;
    PVOID LogName, Control, CopyBuffer;
    ULONG64 Size;
    ULONG BlockShift, EpicNumber;
    struct LOG_FILE *Log;
};
struct SNAPSHOT_EXTENSION {
    ULONG Signature;
    VOLUME_EXTENSION *Volume;
    LIST_ENTRY Link;
    LOOKASIDE DiffList;
    PVOID DiffTable[16], TempTable[16];
    BITMAP *Bitmap;
    PVOID ApplicationInformation, DiffFile;
    ULONG ApplicationSize;
};
#define VOLUME_SIGNATURE 'loVS'
#define SNAPSHOT_SIGNATURE 'panS'

static ROOT_EXTENSION *Root;

/* ---- the pool ---- */

/* All of the driver's memory comes from here; a tag is charged to the low-memory path too. */
NOINLINE static PVOID SnapAllocatePool(ULONG PoolType, SIZE_T Size, ULONG Tag) {
    PVOID p = ExAllocatePoolWithTag(PoolType, Size, Tag);

    if (p == NULL && Root != NULL && !Root->LowMemory) {
        Root->LowMemory = TRUE;
        DbgPrint("snapshot: %u bytes of type %u failed\n", (ULONG)Size, PoolType);
    }
    return p;
}
static PVOID SnapAllocatePaged(SIZE_T Size, ULONG Tag) { return SnapAllocatePool(PagedPool, Size, Tag); }
static PVOID SnapAllocateNonPaged(SIZE_T Size, ULONG Tag) { return SnapAllocatePool(NonPagedPoolNx, Size, Tag); }
NOINLINE static PVOID SnapAllocateZeroed(ULONG64 Flags, SIZE_T Size, ULONG Tag) { return ExAllocatePool2(Flags | POOL_FLAG_CACHE_ALIGNED, Size, Tag); }

/* What a caller's buffer makes us hold is charged to the caller. */
NOINLINE static NTSTATUS SnapAllocateQuota(SIZE_T Size, ULONG Tag, PVOID *Out) {
    *Out = Size <= 0x100000 ? ExAllocatePoolWithQuotaTag(PagedPool | 8, Size, Tag) : NULL;
    return *Out != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* Tries again a few times with less hurry, then as a last resort with what the system keeps for paging. */
NOINLINE static PVOID SnapAllocateRetry(SIZE_T Size, ULONG Tag, ULONG Tries) {
    LARGE_INTEGER Delay;

    for (ULONG Try = 0; Try < Tries; Try++) {
        PVOID p = ExAllocatePoolWithTagPriority(NonPagedPoolNx, Size, Tag, Try == 0 ? EX_LOW_PRIORITY : EX_NORMAL_PRIORITY);

        if (p != NULL) return p;
        Delay.QuadPart = -10000ll * (1 << Try);
        KeWaitForSingleObject(&Delay, 0, 0, FALSE, &Delay);
    }
    return ExAllocatePoolWithTagPriority(NonPagedPoolNx, Size, Tag, EX_HIGH_PRIORITY);
}

typedef struct { ULONG64 TypeAndFlags; ULONG64 Value; } POOL_PARAMETER;
NOINLINE static PVOID SnapAllocateOnNode(SIZE_T Size, ULONG Tag, ULONG Node) {
    POOL_PARAMETER Parameter[1] = {{2 /* the preferred node */, Node}};

    return ExAllocatePool3(POOL_FLAG_NON_PAGED, Size, Tag, Parameter, 1);
}

static void SnapFree(PVOID p, ULONG Tag) { if (p != NULL) ExFreePoolWithTag(p, Tag); }

/* ---- work ---- */

NOINLINE static NTSTATUS WorkQueueInitialize(WORK_QUEUE *Queue) {
    Queue->List.Flink = Queue->List.Blink = &Queue->List;
    KeInitializeSpinLock(&Queue->Lock);
    Queue->Reserve = SnapAllocateNonPaged(sizeof(WORK), SNAP_TAG_WORK); //= VsWk any wrapper-two
    return Queue->Reserve != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static void WorkQueueInsert(VOLUME_EXTENSION *Extension, ULONG Which, WORKER Routine, PVOID Context) {
    WORK_QUEUE *Queue = &Extension->Root->Queues[Which];
    WORK *Work = SnapAllocateNonPaged(sizeof(WORK), SNAP_TAG_WORK);
    UCHAR Irql;

    Irql = KeAcquireSpinLockRaiseToDpc(&Queue->Lock);
    if (Work == NULL && !Queue->ReserveInUse) {
        Work = Queue->Reserve;
        Queue->ReserveInUse = Work->FromReserve = TRUE;
    } else if (Work == NULL) {
        KeBugCheckEx(0xF4, 'kroW', (ULONG_PTR)Extension, 0, 0); //~ Work bug-check
    }
    Work->Routine = Routine;
    Work->Context = Context;
    Work->Extension = Extension;
    Work->Link.Flink = &Queue->List;
    Work->Link.Blink = Queue->List.Blink;
    Queue->List.Blink->Flink = &Work->Link;
    Queue->List.Blink = &Work->Link;
    Queue->Depth++;
    KeReleaseSpinLock(&Queue->Lock, Irql);
}

NOINLINE static void WorkQueueRun(WORK_QUEUE *Queue) {
    while (Queue->List.Flink != &Queue->List) {
        WORK *Work = CONTAINING(Queue->List.Flink, WORK, Link);

        Queue->List.Flink = Work->Link.Flink;
        Work->Link.Flink->Blink = &Queue->List;
        Work->Routine(Work->Context);
        if (Work->FromReserve) Queue->ReserveInUse = FALSE;
        else SnapFree(Work, SNAP_TAG_WORK);
        Queue->Depth--;
    }
}

/* ---- bitmaps and regions ---- */

NOINLINE static BITMAP *BitmapCreate(ULONG64 Bits, BOOLEAN Paged) {
    ULONG Words = (ULONG)((Bits + 31) / 32);
    BITMAP *Bitmap = SnapAllocatePool(Paged ? PagedPool : NonPagedPoolNx, sizeof(BITMAP), SNAP_TAG_BITMAP); //= VsBm any wrapper

    if (Bitmap == NULL) return NULL;
    Bitmap->Size = Words * 32;
    Bitmap->Bits = Paged ? SnapAllocatePaged(Words * 4, 'pBsV') : SnapAllocateNonPaged(Words * 4, 'nBsV'); //= VsBp any wrapper-two //= VsBn any wrapper-two
    if (Bitmap->Bits == NULL) {
        SnapFree(Bitmap, SNAP_TAG_BITMAP);
        return NULL;
    }
    memset(Bitmap->Bits, 0, Words * 4);
    return Bitmap;
}

NOINLINE static void RegionCacheInitialize(REGION_CACHE *Cache, ULONG RegionSize, ULONG Limit, ULONG Tag) {
    Cache->Tag = Tag;
    Cache->RegionSize = RegionSize;
    Cache->Limit = Limit;
    Cache->Count = 0;
    Cache->Hits = Cache->Misses = 0;
    Cache->Regions = SnapAllocateNonPaged(Limit * sizeof(PVOID), 'aRsV'); //= VsRa any wrapper-two
    if (Cache->Regions != NULL) memset(Cache->Regions, 0, Limit * sizeof(PVOID));
}

NOINLINE static PVOID RegionCacheFault(REGION_CACHE *Cache, ULONG Index) {
    ULONG Slot = Index % Cache->Limit;

    if (Cache->Regions[Slot] != NULL) {
        Cache->Hits++;
        return Cache->Regions[Slot];
    }
    Cache->Misses++;
    Cache->Regions[Slot] = SnapAllocatePool(NonPagedPoolNx, Cache->RegionSize, Cache->Tag);
    if (Cache->Regions[Slot] != NULL) Cache->Count++;
    return Cache->Regions[Slot];
}

NOINLINE static void RegionCacheTrim(REGION_CACHE *Cache) {
    for (ULONG i = 0; i < Cache->Limit; i++)
        if (Cache->Regions[i] != NULL) {
            ExFreePoolWithTag(Cache->Regions[i], Cache->Tag);
            Cache->Regions[i] = NULL;
        }
    SnapFree(Cache->Regions, 'aRsV');
}

/* ---- tables of what has been copied: nodes come from an extension's list or from the reserve ---- */

static PVOID CALL DiffAllocate(PVOID Table, ULONG Size) {
    ROOT_EXTENSION *Extension = Root;
    PVOID p = ExpInterlockedPopEntrySList(&Extension->TableEntryList);

    return p != NULL ? p : SnapAllocateNonPaged(Size, 'eDsV'); //= VsDe any wrapper-two
}
static void CALL DiffFree(PVOID Table, PVOID p) { ExpInterlockedPushEntrySList(&Root->TableEntryList, p); }
static PVOID CALL TempAllocate(PVOID Table, ULONG Size) { return ExAllocatePoolWithTag(PagedPool, Size, 'eTsV'); } //= VsTe any callback
static void CALL TempFree(PVOID Table, PVOID p) { ExFreePoolWithTag(p, 'eTsV'); }
static int CALL EntryCompare(PVOID Table, const TABLE_ENTRY *a, const TABLE_ENTRY *b) { return a->From < b->From ? 0 : a->From > b->From ? 1 : 2; }

/* ---- the log: containers, blocks, records ---- */

typedef struct LOG_CONTAINER { LIST_ENTRY Link; ULONG Id, State; LOG_BLOCK *Header; UCHAR *Data; } LOG_CONTAINER;
typedef struct LOG_FILE { ULONG Signature, ContainerSize, ContainerCount; ULONG64 Base, Tail; LOG_CONTAINER *Current; UCHAR *Restart; LIST_ENTRY Containers; UNICODE_STRING Name; } LOG_FILE;

/* Blocks of the base file: what each is called on the disk and in memory. */
typedef struct { ULONG Magic, PoolTag, Size; } BLOCK_DESCRIPTION;
static const BLOCK_DESCRIPTION BaseBlocks[] = {
    {'LRTC', 'cLsV', 1024}, //~ CTRL magic //= VsLc any tag-table
    {'LRNG', 'gMsV', 31744}, //~ GNRL magic //= VsMg any tag-table
    {'TCRS', 'sLsV', 16384}, //~ SRCT magic //= VsLs any tag-table
    {'DNCS', 'dLsV', 512}, //~ SCND magic //= VsLd any tag-table
};

NOINLINE static ULONG LogChecksum(const LOG_BLOCK *Block, ULONG Length) {
    ULONG Sum = 0;

    for (ULONG i = 0; i < Length / 4; i++) Sum = (Sum << 1 | Sum >> 31) ^ ((const ULONG *)Block)[i];
    return Sum;
}

NOINLINE static NTSTATUS LogReadBase(LOG_FILE *Log, const UCHAR *Image, PVOID Blocks[4]) {
    const LOG_BLOCK *First = (const LOG_BLOCK *)Image;

    if (First->Magic != LOG_MAGIC_BASE && First->Magic != LOG_MAGIC_SHADOW) return STATUS_CORRUPT; //~ BASF magic //~ BASH magic
    for (ULONG i = 0; i < 4; i++) {
        const LOG_BLOCK *Block = (const LOG_BLOCK *)Image;

        if (Block->Kind != BaseBlocks[i].Magic) return STATUS_CORRUPT;
        Blocks[i] = SnapAllocatePool(PagedPool, BaseBlocks[i].Size, BaseBlocks[i].PoolTag);
        if (Blocks[i] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Blocks[i], Image, BaseBlocks[i].Size);
        Image += BaseBlocks[i].Size;
    }
    Log->Base = First->BaseLsn;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS LogAddContainer(LOG_FILE *Log) {
    LOG_CONTAINER *Container = ExAllocatePoolWithTag(PagedPool, sizeof(LOG_CONTAINER), SNAP_TAG_LOG); //= VsLg any direct

    if (Container == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Container, 0, sizeof(LOG_CONTAINER));
    Container->Id = Log->ContainerCount++;
    Container->Header = SnapAllocateZeroed(POOL_FLAG_PAGED, 512, 'hCsV'); //= VsCh any wrapper
    Container->Data = SnapAllocateRetry(Log->ContainerSize, 'dCsV', 3); //= VsCd any wrapper
    if (Container->Header == NULL || Container->Data == NULL) {
        SnapFree(Container->Header, 'hCsV');
        SnapFree(Container->Data, 'dCsV');
        ExFreePoolWithTag(Container, SNAP_TAG_LOG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Container->Header->Magic = LOG_MAGIC_BLOCK; //~ LogB magic
    Container->Header->Version = 21;
    Container->Header->ContainerId = Container->Id;
    Container->Header->Kind = 'RDHC'; //~ CHDR magic
    Container->Header->Checksum = LogChecksum(Container->Header, 512);
    Container->State = 'tini'; //~ init magic
    Container->Link.Flink = &Log->Containers;
    Container->Link.Blink = Log->Containers.Blink;
    Log->Containers.Blink->Flink = &Container->Link;
    Log->Containers.Blink = &Container->Link;
    Log->Current = Container;
    return STATUS_SUCCESS;
}

NOINLINE static LOG_RECORD *LogAppend(LOG_FILE *Log, ULONG Size, ULONG Client) {
    LOG_RECORD *Record;

    if (Log->Signature != 'FgoL') return NULL; //~ LogF magic
    if (Log->Current == NULL || Log->Tail + Size > Log->ContainerSize) {
        if (LogAddContainer(Log) < 0) return NULL;
        Log->Tail = 0;
    }
    Record = (LOG_RECORD *)(Log->Current->Data + Log->Tail);
    Record->Magic = LOG_MAGIC_RECORD; //~ LogR magic
    Record->Size = Size;
    Record->Client = Client;
    Record->Previous = Log->Base;
    Record->Lsn = ++Log->Base;
    Log->Tail += (Size + 7) & ~7u;
    Log->Current->State = 'evta'; //~ atve magic
    return Record;
}

NOINLINE static NTSTATUS LogOpen(VOLUME_EXTENSION *Extension, const UCHAR *Image) {
    LOG_FILE *Log = SnapAllocateNonPaged(sizeof(LOG_FILE), 'fLsV'); //= VsLf any wrapper-two
    PVOID Blocks[4] = {NULL, NULL, NULL, NULL};
    NTSTATUS Status;

    if (Log == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Log, 0, sizeof(LOG_FILE));
    Log->Signature = 'FgoL';
    Log->ContainerSize = 1 << 19;
    Log->Containers.Flink = Log->Containers.Blink = &Log->Containers;
    Log->Name.MaximumLength = 520;
    Log->Name.Buffer = SnapAllocatePaged(Log->Name.MaximumLength, 'mNsV'); //= VsNm any wrapper-two
    memcpy(Log->Name.Buffer, L"$Tops.blf", 20);
    Log->Restart = SnapAllocateOnNode(4096, 'sRsV', 0); //= VsRs any wrapper
    Status = LogReadBase(Log, Image, Blocks);
    Extension->Log = Log;
    Extension->Control = Blocks[0];
    if (Status >= 0 && LogAppend(Log, sizeof(LOG_RECORD), 'tinI') == NULL) Status = STATUS_INSUFFICIENT_RESOURCES; //~ Init not-an-allocator
    return Status;
}

/* ---- snapshots ---- */

NOINLINE static NTSTATUS SnapshotCreate(VOLUME_EXTENSION *Volume, DEVICE_OBJECT *Device, ULONG InformationSize, const void *Information) {
    SNAPSHOT_EXTENSION *Snapshot = Device->Extension;
    NTSTATUS Status;

    Snapshot->Signature = SNAPSHOT_SIGNATURE; //~ Snap magic
    Snapshot->Volume = Volume;
    ExInitializePagedLookasideList(&Snapshot->DiffList, NULL, NULL, 0, 96, 'lDsV', 0); //= VsDl any lookaside
    RtlInitializeGenericTableAvl(Snapshot->DiffTable, EntryCompare, DiffAllocate, DiffFree, Snapshot);
    RtlInitializeGenericTableAvl(Snapshot->TempTable, EntryCompare, TempAllocate, TempFree, Snapshot);
    Snapshot->Bitmap = BitmapCreate(Volume->Size >> Volume->BlockShift, FALSE);
    if (Snapshot->Bitmap == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = SnapAllocateQuota(InformationSize, 'iAsV', &Snapshot->ApplicationInformation); //= VsAi any wrapper
    if (Status < 0) return Status;
    Snapshot->ApplicationSize = InformationSize;
    memcpy(Snapshot->ApplicationInformation, Information, InformationSize);
    Snapshot->DiffFile = SnapAllocateNonPaged(320, 'fDsV'); //= VsDf any wrapper-two
    return Snapshot->DiffFile != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static void SnapshotCopyWorker(PVOID Context) {
    VOLUME_EXTENSION *Volume = Context;
    TABLE_ENTRY Entry = {0, 0, 1u << Volume->BlockShift, 0};
    SNAPSHOT_EXTENSION *Snapshot = CONTAINING(Volume->Snapshots.Flink, SNAPSHOT_EXTENSION, Link);
    UCHAR *Region = RegionCacheFault(&Volume->Cache[0], (ULONG)(Entry.From >> 14));
    LOG_RECORD *Record;
    BOOLEAN New;

    if (Snapshot->Signature != SNAPSHOT_SIGNATURE || Region == NULL) return;
    if (Volume->CopyBuffer == NULL) Volume->CopyBuffer = SnapAllocateRetry(1u << Volume->BlockShift, 'bCsV', 5); //= VsCb any wrapper
    memcpy(Region, Volume->CopyBuffer, 1u << Volume->BlockShift);
    RtlInsertElementGenericTableAvl(Snapshot->DiffTable, &Entry, sizeof(Entry), &New);
    Record = LogAppend(Volume->Log, sizeof(LOG_RECORD) + sizeof(Entry), 'wCoW'); //~ WoCw not-an-allocator
    if (Record != NULL) memcpy(Record + 1, &Entry, sizeof(Entry));
}

NOINLINE static NTSTATUS SnapshotQueryNames(VOLUME_EXTENSION *Volume, IRP *Irp) {
    ULONG Count = 0, Length;
    UNICODE_STRING *Names;
    LIST_ENTRY *Entry;

    for (Entry = Volume->Snapshots.Flink; Entry != &Volume->Snapshots; Entry = Entry->Flink) Count++;
    Length = Count * sizeof(UNICODE_STRING);
    Names = ExAllocatePoolWithQuotaTag(PagedPool | 8, Length, 'nQsV'); //= VsQn any direct
    if (Names == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Names, 0, Length);
    memcpy(Irp->SystemBuffer, Names, Length);
    Irp->Information = Length;
    ExFreePoolWithTag(Names, 'nQsV');
    return STATUS_SUCCESS;
}

/* ---- the volume: which file system is on it, and is a snapshot's area there ---- */

NOINLINE static ULONG VolumeRecognize(const UCHAR *Sector) {
    const ULONG *Words = (const ULONG *)(Sector + 3);

    if (Words[0] == 'SFTN' && Words[1] == '    ') return 1; //~ NTFS firmware-table //~ "    " firmware-table
    if (Words[0] == 'sFeR') return 2; //~ ReFs firmware-table
    if (Words[0] == 'AFXE') return 3; //~ EXFA firmware-table
    if (Words[0] == 'EVF-') return 4; //~ -FVE firmware-table
    if (*(const ULONG *)(Sector + 0x52) == '3TAF') return 5; //~ FAT3 firmware-table
    return 0;
}

NOINLINE static NTSTATUS VolumeReadSignature(VOLUME_EXTENSION *Extension, const DISK_BLOCK *Block) {
    DISK_BLOCK *Copy;

    if (memcmp(&Block->Signature, &SnapshotSignature, sizeof(GUID)) != 0 || Block->Version != 1) return STATUS_NO_DATA;
    Copy = SnapAllocateNonPaged(16384, 'bDsV'); //= VsDb any wrapper-two
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Block, 16384);
    Extension->EpicNumber = (ULONG)Copy->CurrentOffset;
    SnapFree(Copy, 'bDsV');
    return LogOpen(Extension, (const UCHAR *)Block + 16384);
}

NOINLINE static NTSTATUS VolumeControl(VOLUME_EXTENSION *Extension, IRP *Irp, ULONG Code) {
    IoAcquireRemoveLockEx(&Extension->RemoveLock, (PVOID)(ULONG_PTR)'ltcI', "volume.c", __LINE__, sizeof(REMOVE_LOCK)); //~ Ictl remove-lock
    switch (Code) {
    case 0x53C018: return SnapshotQueryNames(Extension, Irp);
    case 0x53C01C:
        if (*(const ULONG *)Irp->SystemBuffer == 'rtsn') WorkQueueInsert(Extension, 1, SnapshotCopyWorker, Extension); //~ nstr magic
        return STATUS_SUCCESS;
    default: return STATUS_NOT_SUPPORTED;
    }
}

static NTSTATUS CALL VolumeDispatch(DEVICE_OBJECT *Device, IRP *Irp) {
    VOLUME_EXTENSION *Extension = Device->Extension;
    NTSTATUS Status;

    if (Extension->Signature != VOLUME_SIGNATURE) KeBugCheckEx(0x7E, 0x4001, (ULONG_PTR)Device, 'vDsV', 0); //~ VsDv bug-check
    Status = VolumeControl(Extension, Irp, (ULONG)(ULONG_PTR)Irp->Stack->Argument[0]);
    Irp->Status = Status;
    WorkQueueRun(&Extension->Root->Queues[1]);
    IoCompleteRequest(Irp, 0);
    return Status;
}

/* A setting of the registry: names are compared by their first four characters. */
NOINLINE static void RootSetting(const CHAR *Name, ULONG Value) {
    ULONG First;

    memcpy(&First, Name, 4);
    if (First == 'SxaM') Root->MaximumSnapshots = Value; //~ MaxS text
    else if (First == 'MwoL') Root->LowMemory = Value != 0; //~ LowM text
}

NOINLINE static NTSTATUS CALL AddDevice(DRIVER_OBJECT *Driver, DEVICE_OBJECT *Lower) {
    VOLUME_EXTENSION *Extension;
    DEVICE_OBJECT *Device, *Child;
    DISK_BLOCK *Block;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(VOLUME_EXTENSION), NULL, 7, 0, FALSE, &Device);

    if (Status < 0) return Status;
    Extension = Device->Extension;
    memset(Extension, 0, sizeof(VOLUME_EXTENSION));
    Extension->Signature = VOLUME_SIGNATURE; //~ SVol magic
    Extension->Root = Root;
    Extension->Device = Device;
    Extension->Lower = IoAttachDeviceToDeviceStack(Device, Lower);
    Extension->Snapshots.Flink = Extension->Snapshots.Blink = &Extension->Snapshots;
    IoInitializeRemoveLockEx(&Extension->RemoveLock, 'lRsV', 2, 0, sizeof(REMOVE_LOCK)); //~ VsRl remove-lock
    ExInitializeNPagedLookasideList(&Extension->ReadList, NULL, NULL, 512, 128, 'rRsV', 0); //= VsRr any lookaside
    ExInitializeNPagedLookasideList(&Extension->WriteList, NULL, NULL, 512, 144, 'wWsV', 0); //= VsWw any lookaside
    RegionCacheInitialize(&Extension->Cache[0], 16384, 128, 'cRsV'); //= VsRc any object-field
    RegionCacheInitialize(&Extension->Cache[1], 4096, 512, 'mRsV'); //= VsRm any object-field
    Extension->Tracked = BitmapCreate(Extension->Size, TRUE);
    Block = FsRtlAllocatePoolWithTag(PagedPool, 32768, 'kBsV'); //= VsBk any direct
    if (VolumeRecognize((const UCHAR *)Block) == 1) Status = VolumeReadSignature(Extension, Block);
    if (Status >= 0) Status = IoCreateDevice(Driver, sizeof(SNAPSHOT_EXTENSION), NULL, 7, 0, FALSE, &Child);
    if (Status >= 0) Status = SnapshotCreate(Extension, Child, 512, Block);
    RegionCacheFault(&Extension->Cache[1], 0);
    ExFreePoolWithTag(Block, 'kBsV');
    if (Status < 0) RegionCacheTrim(&Extension->Cache[1]);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(ROOT_EXTENSION), NULL, 0x53, 0, FALSE, &Device);

    if (Status < 0) return Status;
    Root = Device->Extension;
    memset(Root, 0, sizeof(ROOT_EXTENSION));
    Root->Driver = Driver;
    for (ULONG i = 0; i < 3 && Status >= 0; i++) Status = WorkQueueInitialize(&Root->Queues[i]);
    if (Status < 0) return Status;
    ExInitializeNPagedLookasideList(&Root->ContextList, NULL, NULL, 0, 112, 'xCsV', 32); //= VsCx any lookaside
    ExInitializeNPagedLookasideList(&Root->TableEntryList, NULL, NULL, 0, sizeof(TABLE_ENTRY) + 32, 'lTsV', 32); //= VsTl any lookaside
    ExInitializePagedLookasideList(&Root->TempEntryList, NULL, NULL, 0, sizeof(TABLE_ENTRY), 'mTsV', 32); //= VsTm any lookaside
    Root->ReserveContext = SnapAllocateNonPaged(112, 'xCsV');
    RootSetting((const CHAR *)Path->Buffer, Path->Length);
    Driver->Major[14] = VolumeDispatch;
    *(PVOID *)Driver->Extension = (PVOID)AddDevice;
    return STATUS_SUCCESS;
}
