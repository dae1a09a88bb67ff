// Held out: a filter on volumes with its store: contexts by definition, descriptors that a function fills in, operations chosen when the driver
// loads, sizes that are asked for first, resources that are pooled by kind, records and journals on disk.
#include "kernel.h"

/* ---- what is allocated, by definition ---- */

typedef void (*CLEANUP)(PVOID Object);
typedef struct { USHORT Kind, Flags; ULONG Size, Tag; CLEANUP Cleanup; } CONTEXT_DEFINITION;
enum { CTX_VOLUME = 1, CTX_FILE = 2, CTX_STREAM = 4, CTX_TRANSACTION = 0x10 };
static void CleanupAny(PVOID Object) { *(ULONG *)Object = 0; }
static void CleanupStream(PVOID Object) { ((ULONG *)Object)[1]--; }
static const CONTEXT_DEFINITION Definitions[] = {
    { CTX_VOLUME, 0, 256, 'lVfV', CleanupAny }, //= VfVl any tag-table
    { CTX_FILE, 1, 96, 'lFfV', CleanupAny }, //= VfFl any tag-table
    { CTX_STREAM, 1, 128, 'tSfV', CleanupStream }, //= VfSt any tag-table
    { CTX_TRANSACTION, 2, 64, 'xTfV', NULL }, //= VfTx any tag-table
    { 0 },
};

NOINLINE static const CONTEXT_DEFINITION *FindDefinition(USHORT Kind)
{
    const CONTEXT_DEFINITION *Definition;

    for (Definition = Definitions; Definition->Kind != 0; Definition++)
        if (Definition->Kind == Kind) return Definition;
    return NULL;
}

typedef struct { LONG References; USHORT Kind; CLEANUP Cleanup; } CONTEXT_HEADER;
NOINLINE static NTSTATUS AllocateContext(USHORT Kind, PVOID *Out)
{
    const CONTEXT_DEFINITION *Definition = FindDefinition(Kind);
    CONTEXT_HEADER *Header;

    if (Definition == NULL) return STATUS_INVALID_PARAMETER;
    Header = ExAllocatePoolWithTag(Definition->Flags & 1 ? PagedPool : NonPagedPoolNx, sizeof(*Header) + Definition->Size, Definition->Tag);
    if (Header == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Header->References = 1;
    Header->Kind = Kind;
    Header->Cleanup = Definition->Cleanup;
    *Out = Header + 1;
    return STATUS_SUCCESS;
}

NOINLINE static void ReleaseContext(PVOID Context)
{
    CONTEXT_HEADER *Header = (CONTEXT_HEADER *)Context - 1;

    if (--Header->References != 0) return;
    if (Header->Cleanup != NULL) Header->Cleanup(Context);
    ExFreePoolWithTag(Header, FindDefinition(Header->Kind)->Tag);
}

/* ---- operations, chosen by what the system can do ---- */

typedef struct { ULONG Version; PVOID (*Allocate)(BOOLEAN Paged, SIZE_T Size, ULONG Tag); void (*Free)(PVOID p, ULONG Tag); } MEMORY_OPERATIONS;
static PVOID AllocateOld(BOOLEAN Paged, SIZE_T Size, ULONG Tag)
{
    PVOID p = ExAllocatePoolWithTag(Paged ? PagedPool : NonPagedPool, Size, Tag);
    if (p != NULL) memset(p, 0, Size);
    return p;
}
static PVOID AllocateNew(BOOLEAN Paged, SIZE_T Size, ULONG Tag) { return ExAllocatePool2(Paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, Size, Tag); }
static void FreeAny(PVOID p, ULONG Tag) { ExFreePoolWithTag(p, Tag); }
static const MEMORY_OPERATIONS OldOperations = { 1, AllocateOld, FreeAny }, NewOperations = { 2, AllocateNew, FreeAny };
static const MEMORY_OPERATIONS *Memory;

NOINLINE static PVOID CreateBitmap(ULONG Bits)
{
    ULONG *Bitmap = Memory->Allocate(FALSE, sizeof(ULONG) * 2 + Bits / 8, 'mBfV'); //= VfBm any operations-table

    if (Bitmap == NULL) return NULL;
    Bitmap[0] = 'pmtB'; //~ Btmp magic
    Bitmap[1] = Bits;
    return Bitmap;
}

NOINLINE static NTSTATUS QueryName(PVOID Volume, UNICODE_STRING *Name)
{
    ULONG Needed = 0;
    NTSTATUS Status = FltGetVolumeName(Volume, NULL, &Needed);

    if (Needed == 0) return Status;
    for (;;) {
        Name->Buffer = Memory->Allocate(TRUE, Needed, 'nVfV'); //= VfVn any operations-table
        if (Name->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Name->MaximumLength = (USHORT)Needed;
        Status = FltGetVolumeName(Volume, Name, &Needed);
        if (Status != (NTSTATUS)0xC0000023) return Status;
        Memory->Free(Name->Buffer, 'nVfV');
    }
}

/* ---- a descriptor that a function fills in ---- */

typedef struct { ULONG Bytes, Tag; BOOLEAN Paged; UCHAR Align; } DESCRIPTOR;
NOINLINE static void DescribeBuffer(ULONG Purpose, DESCRIPTOR *d)
{
    d->Paged = FALSE;
    d->Align = 4;
    if (Purpose == 0) {
        d->Bytes = 0x1000;
        d->Tag = 'dRfV'; //= VfRd any wrapper-structure
    } else if (Purpose == 1) {
        d->Bytes = 0x10000;
        d->Tag = 'rWfV'; //= VfWr any wrapper-structure
    } else {
        d->Bytes = 0x400;
        d->Paged = TRUE;
        d->Tag = 'tMfV'; //= VfMt any wrapper-structure
    }
}
NOINLINE static PVOID AllocateBuffer(ULONG Purpose)
{
    DESCRIPTOR d;

    DescribeBuffer(Purpose, &d);
    return ExAllocatePoolWithTagPriority(d.Paged ? PagedPool : NonPagedPoolNx, d.Bytes, d.Tag, 16);
}

/* ---- the tag by a function of the kind ---- */

static ULONG TagOfRecord(ULONG Kind)
{
    switch (Kind) {
    case 1: return 'jRfV'; //= VfRj any return-value
    case 2: return 'kRfV'; //= VfRk any return-value
    case 7: return 'zRfV'; //= VfRz any return-value
    }
    return 'xRfV'; //= VfRx any return-value
}
typedef struct { ULONG Signature, Kind, Length; UCHAR Data[4]; } RECORD;
NOINLINE static RECORD *CopyRecord(const RECORD *From)
{
    RECORD *Record;

    if (From->Signature != 'rLsJ' && From->Signature != 'gLsJ') return NULL; //~ JsLr magic //~ JsLg magic
    Record = ExAllocatePoolWithTag(PagedPool, sizeof(*Record) + From->Length, TagOfRecord(From->Kind));
    if (Record != NULL) memcpy(Record, From, sizeof(*Record) + From->Length);
    return Record;
}

/* ---- resources that are kept for later, by kind; each kind has its set of functions ---- */

typedef struct RESOURCE_KIND { SIZE_T Size; ULONG Tag; PVOID (*Create)(const struct RESOURCE_KIND *Kind); void (*Destroy)(PVOID); } RESOURCE_KIND;
typedef struct { ULONG_PTR Free[2]; LONG Held; RESOURCE_KIND Kind; } RESOURCE_SET;
static PVOID CreatePlain(const RESOURCE_KIND *Kind) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, Kind->Size, Kind->Tag); }
static PVOID CreateLocked(const RESOURCE_KIND *Kind)
{
    PVOID Resource = ExAllocatePoolWithTag(NonPagedPoolNx, Kind->Size + 104, Kind->Tag);
    if (Resource != NULL) ExInitializeResourceLite(Resource);
    return Resource;
}
static void DestroyPlain(PVOID p) { ExFreePool(p); }
static RESOURCE_SET RequestSet, CellSet, NodeSet;

static void SetInitialize(RESOURCE_SET *Set, SIZE_T Size, ULONG Tag, PVOID (*Create)(const RESOURCE_KIND *))
{
    Set->Held = 0;
    Set->Kind.Size = Size;
    Set->Kind.Tag = Tag;
    Set->Kind.Create = Create;
    Set->Kind.Destroy = DestroyPlain;
}
NOINLINE static PVOID SetTake(RESOURCE_SET *Set)
{
    PVOID Resource = ExpInterlockedPopEntrySList(Set->Free);

    if (Resource == NULL) Resource = Set->Kind.Create(&Set->Kind);
    if (Resource != NULL) Set->Held++;
    return Resource;
}
NOINLINE static void SetGive(RESOURCE_SET *Set, PVOID Resource)
{
    if (Set->Held-- > 16) Set->Kind.Destroy(Resource);
    else ExpInterlockedPushEntrySList(Set->Free, Resource);
}

/* ---- a run list that grows by halves ---- */

typedef struct { ULONG64 Start, Length; } RUN;
typedef struct { RUN *Runs; ULONG Count, Room; RUN Inline[4]; } RUN_LIST;
NOINLINE static NTSTATUS AddRun(RUN_LIST *List, ULONG64 Start, ULONG64 Length)
{
    if (List->Count == List->Room) {
        ULONG Room = List->Room + List->Room / 2 + 4;
        RUN *Runs = ExAllocatePoolWithQuotaTag(PagedPool | 8, Room * sizeof(RUN), 'nufV'); //= Vfun any direct
        if (Runs == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Runs, List->Runs, List->Count * sizeof(RUN));
        if (List->Runs != List->Inline) ExFreePoolWithTag(List->Runs, 'nufV');
        List->Runs = Runs;
        List->Room = Room;
    }
    List->Runs[List->Count].Start = Start;
    List->Runs[List->Count++].Length = Length;
    return STATUS_SUCCESS;
}

/* ---- a cache of slots, each with the tag of who filled it ---- */

typedef struct { PVOID Block; ULONG Owner, Bytes; } SLOT;
static SLOT Slots[32];
NOINLINE static PVOID FillSlot(ULONG Index, ULONG Bytes, ULONG Owner)
{
    SLOT *Slot = &Slots[Index & 31];

    if (Slot->Block != NULL) ExFreePoolWithTag(Slot->Block, Slot->Owner);
    Slot->Block = ExAllocatePoolWithTag(PagedPool, Bytes, Owner);
    Slot->Owner = Owner;
    Slot->Bytes = Bytes;
    return Slot->Block;
}

/* ---- work, with a list of arguments in a block of its own ---- */

typedef struct { PVOID Item; ULONG Tag; ULONG_PTR Arguments[3]; } WORK_BLOCK;
NOINLINE static NTSTATUS Post(DEVICE_OBJECT *Device, PVOID Routine, const ULONG_PTR *Arguments, ULONG Tag)
{
    WORK_BLOCK *Block = FltAllocatePoolAlignedWithTag(Device, NonPagedPoolNx, sizeof(*Block), Tag);

    if (Block == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Block->Tag = Tag;
    memcpy(Block->Arguments, Arguments, sizeof(Block->Arguments));
    Block->Item = IoAllocateWorkItem(Device);
    if (Block->Item == NULL) {
        FltFreePoolAlignedWithTag(Device, Block, Tag);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoQueueWorkItem(Block->Item, Routine, 1, Block);
    return STATUS_SUCCESS;
}
static void CALL FlushRoutine(DEVICE_OBJECT *Device, WORK_BLOCK *Block) { IoFreeWorkItem(Block->Item); FltFreePoolAlignedWithTag(Device, Block, Block->Tag); }
static void CALL TrimRoutine(DEVICE_OBJECT *Device, WORK_BLOCK *Block) { Device->Flags += (ULONG)Block->Arguments[0]; FlushRoutine(Device, Block); }

static LOOKASIDE JournalList;
static PVOID CALL JournalAllocate(ULONG Type, SIZE_T Size, ULONG Tag, LOOKASIDE *List)
{
    ULONG *Block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (Block != NULL) Block[0] = 'lnrJ'; //~ Jrnl magic
    return Block;
}
static void CALL JournalFree(PVOID Block, LOOKASIDE *List) { ExFreePool(Block); }

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Result = NULL;
    UNICODE_STRING Name;
    ULONG_PTR Arguments[3] = { Irp->Flags, Irp->Information, 0 };

    switch (Irp->Stack->Minor) {
    case 0: Status = AllocateContext(CTX_VOLUME, &Result); break;
    case 1: Status = AllocateContext((USHORT)Irp->Flags, &Result); break;
    case 2: ReleaseContext(Irp->SystemBuffer); break;
    case 3: Result = CreateBitmap(Irp->Flags); break;
    case 4: Status = QueryName(Irp->SystemBuffer, &Name); Result = Name.Buffer; break;
    case 5: Result = AllocateBuffer(Irp->Flags); break;
    case 6: Result = CopyRecord(Irp->SystemBuffer); break;
    case 7: Result = SetTake(Irp->Flags == 0 ? &RequestSet : Irp->Flags == 1 ? &CellSet : &NodeSet); break;
    case 8: SetGive(&CellSet, Irp->SystemBuffer); break;
    case 9: Status = AddRun(Irp->SystemBuffer, Irp->Flags, Irp->Information); break;
    case 10: Result = FillSlot(Irp->Flags, 0x200, 'aSfV'); break; //= VfSa any wrapper
    case 11: Result = FillSlot(Irp->Flags, (ULONG)Irp->Information, 'bSfV'); break; //= VfSb any wrapper
    case 12: Status = Post(Device, FlushRoutine, Arguments, 'fWfV'); break; //= VfWf any wrapper
    case 13: Status = Post(Device, TrimRoutine, Arguments, 'tWfV'); break; //= VfWt any wrapper
    case 14: Result = ExpInterlockedPopEntrySList(&JournalList); break;
    case 15: Result = SetTake(&NodeSet); break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->SystemBuffer = Result;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    UCHAR Version[284];

    memset(Version, 0, sizeof(Version));
    Version[4] = 10;
    Memory = RtlVerifyVersionInfo(Version, 2, 3) >= 0 ? &NewOperations : &OldOperations;
    SetInitialize(&RequestSet, 192, 'qSfV', CreatePlain); //= VfSq any object-field
    SetInitialize(&CellSet, 48, 'cSfV', CreatePlain); //= VfSc any object-field
    SetInitialize(&NodeSet, 80, 'nSfV', CreateLocked); //= VfSn any object-field
    if (ExInitializeLookasideListEx(&JournalList, (PVOID)JournalAllocate, (PVOID)JournalFree, NonPagedPoolNx, 0, 4096, 'rJfV', 0) < 0) return STATUS_INSUFFICIENT_RESOURCES; //= VfJr lookaside-init lookaside
    Driver->Major[14] = Dispatch;
    return STATUS_SUCCESS;
}
