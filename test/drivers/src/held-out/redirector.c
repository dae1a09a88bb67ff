// Held out: a redirector and a server of files on one runtime: nodes by type code, redirectors that register with a table, exchanges by
// kind, work items and buffers in pools of their own, scratch buffers that grow, locks in trees, strings, records on disk.
#include "kernel.h"

/* ---- allocation: by way of a function that counts, and one that does not fail ---- */

static LONG Allocated[2];
NOINLINE static PVOID FsrAllocate(ULONG Type, SIZE_T Size, ULONG Tag)
{
    PVOID Block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (Block != NULL) Allocated[Type == PagedPool]++;
    return Block;
}
static void FsrFree(PVOID Block, ULONG Tag) { Allocated[0]--; ExFreePoolWithTag(Block, Tag); }

NOINLINE static PVOID FsrMustAllocate(ULONG Type, SIZE_T Size, ULONG Tag)
{
    PVOID Block;

    for (;;) {
        Block = FsrAllocate(Type, Size, Tag);
        if (Block != NULL) return Block;
        KeStallExecutionProcessor(100);
    }
}

NOINLINE static NTSTATUS FsrCopyString(UNICODE_STRING *To, const UNICODE_STRING *From, ULONG Type, ULONG Tag)
{
    To->Length = From->Length;
    To->MaximumLength = From->Length + sizeof(WCHAR);
    To->Buffer = FsrAllocate(Type, To->MaximumLength, Tag);
    if (To->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, From->Length);
    To->Buffer[From->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

/* ---- nodes ---- */

#define NODE_SERVER 0xEB10
#define NODE_ROOT 0xEB11
#define NODE_FCB 0xEB02
#define NODE_OPEN 0xEB1C
#define NODE_FOBX 0xEB1D
typedef struct { USHORT Code, Size; LONG References; ULONG Flags; UNICODE_STRING Name; PVOID Extension; } NODE;
typedef struct REDIRECTOR { ULONG Code, Flags; ULONG ServerExtra, FcbExtra, OpenExtra, ExtensionTag; NTSTATUS (*Start)(struct REDIRECTOR *Self); NTSTATUS (*Create)(NODE *Node); PVOID (*Extend)(NODE *Node, SIZE_T Size, ULONG Tag); } REDIRECTOR;
typedef struct { REDIRECTOR Table; UNICODE_STRING Name; ULONG Id; PVOID Statistics; } RDR_DEVICE;
static RDR_DEVICE *Devices[4];
static LOOKASIDE FcbList;

NOINLINE static NODE *NodeCreate(const RDR_DEVICE *Device, USHORT Code, const UNICODE_STRING *Name)
{
    ULONG Type = PagedPool, Tag, Extra = 0;
    NODE *Node;

    switch (Code) {
    case NODE_SERVER: Tag = 'SxeR'; Extra = Device->Table.ServerExtra; Type = NonPagedPoolNx; break; //= RexS any switch-tags
    case NODE_ROOT: Tag = 'VxeR'; break; //= RexV any switch-tags
    case NODE_FCB: Tag = 'FxeR'; Extra = Device->Table.FcbExtra; break; //= RexF any switch-tags
    case NODE_OPEN: Tag = 'OxeR'; Extra = Device->Table.OpenExtra; break; //= RexO any switch-tags
    case NODE_FOBX: Tag = 'XxeR'; break; //= RexX any switch-tags
    default: return NULL;
    }
    if (Code == NODE_FCB && Extra == 0 && (Node = ExpInterlockedPopEntrySList(&FcbList)) != NULL) memset(Node, 0, sizeof(*Node));
    else Node = FsrAllocate(Type, sizeof(*Node) + Extra, Tag);
    if (Node == NULL) return NULL;
    Node->Code = Code;
    Node->Size = sizeof(*Node);
    Node->References = 1;
    Node->Flags = Extra;
    if (FsrCopyString(&Node->Name, Name, PagedPool, 'NxeR') < 0) { FsrFree(Node, Tag); return NULL; } //= RexN any wrapper-two
    return Node;
}

NOINLINE static PVOID NodeExtend(NODE *Node, SIZE_T Size, ULONG Tag)
{
    if (Node->Extension == NULL) Node->Extension = FsrAllocate(NonPagedPoolNx, Size, Tag);
    return Node->Extension;
}

/* ---- redirectors register ---- */

NOINLINE static NTSTATUS RegisterRedirector(const REDIRECTOR *Table, const UNICODE_STRING *Name, RDR_DEVICE **Out)
{
    RDR_DEVICE *Device = FsrAllocate(NonPagedPoolNx, sizeof(*Device), 'DxeR'); //= RexD any wrapper

    if (Device == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Device, 0, sizeof(*Device));
    Device->Table = *Table;
    Device->Table.Extend = NodeExtend;
    Device->Id = Table->Code & 3;
    if (FsrCopyString(&Device->Name, Name, NonPagedPoolNx, 'nDxR') < 0) { FsrFree(Device, 'DxeR'); return STATUS_INSUFFICIENT_RESOURCES; } //= RxDn any wrapper-two
    Devices[Device->Id] = Device;
    *Out = Device;
    return Device->Table.Start(&Device->Table);
}

NOINLINE static PVOID OpenExtension(RDR_DEVICE *Device, NODE *Node)
{
    if (Device->Table.Create(Node) < 0) return NULL;
    return Device->Table.Extend(Node, Device->Table.OpenExtra, Device->Table.ExtensionTag);
}

static NTSTATUS SmbStart(REDIRECTOR *Self) { Self->Flags |= 1; return STATUS_SUCCESS; }
static NTSTATUS SmbCreate(NODE *Node) { return Node->Code == NODE_OPEN ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static NTSTATUS DavStart(REDIRECTOR *Self) { Self->Flags |= 'dvaD'; return STATUS_SUCCESS; } //~ Davd magic
static NTSTATUS DavCreate(NODE *Node) { return Node->References > 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static const REDIRECTOR SmbTable = { 0xEC01, 0, 96, 64, 48, 'xSmS', SmbStart, SmbCreate }; //= SmSx any object-field-deep
static RDR_DEVICE *SmbDevice, *DavDevice;

INIT_CODE_SECTION static NTSTATUS RegisterBoth(UNICODE_STRING *Names)
{
    REDIRECTOR Dav;
    NTSTATUS Status = RegisterRedirector(&SmbTable, &Names[0], &SmbDevice);

    if (Status < 0) return Status;
    memset(&Dav, 0, sizeof(Dav));
    Dav.Code = 0xEC02;
    Dav.FcbExtra = 128;
    Dav.ExtensionTag = 'xSvD'; //= DvSx any object-field-deep
    Dav.Start = DavStart;
    Dav.Create = DavCreate;
    return RegisterRedirector(&Dav, &Names[1], &DavDevice);
}

/* ---- exchanges: each kind has its size, its tag and its functions ---- */

typedef struct EXCHANGE EXCHANGE;
typedef struct { NTSTATUS (*Start)(EXCHANGE *); NTSTATUS (*Receive)(EXCHANGE *, const UCHAR *, ULONG); } EXCHANGE_DISPATCH;
struct EXCHANGE { USHORT Kind, Flags; ULONG Signature; const EXCHANGE_DISPATCH *Dispatch; RDR_DEVICE *Device; PVOID Buffer; };
enum { EX_NEGOTIATE, EX_SESSION, EX_TRANSACT, EX_IOCTL, EX_KINDS };
static NTSTATUS StartAny(EXCHANGE *e) { e->Flags |= 1; return STATUS_SUCCESS; }
static NTSTATUS ReceiveShort(EXCHANGE *e, const UCHAR *p, ULONG n) { return n < 64 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS; }
static NTSTATUS ReceiveCopy(EXCHANGE *e, const UCHAR *p, ULONG n)
{
    if (e->Buffer != NULL) FsrFree(e->Buffer, 'bXbS');
    e->Buffer = FsrAllocate(PagedPool, n, 'bXbS'); //= SbXb any wrapper
    if (e->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(e->Buffer, p, n);
    return STATUS_SUCCESS;
}
static const EXCHANGE_DISPATCH ShortDispatch = { StartAny, ReceiveShort }, CopyDispatch = { StartAny, ReceiveCopy };
static const struct { const EXCHANGE_DISPATCH *Dispatch; USHORT Size; ULONG Tag; } ExchangeKinds[EX_KINDS] = {
    { &ShortDispatch, 96, 'nXbS' }, //= SbXn any tag-table
    { &CopyDispatch, 128, 'sXbS' }, //= SbXs any tag-table
    { &CopyDispatch, 256, 'tXbS' }, //= SbXt any tag-table
    { &ShortDispatch, 192, 'iXbS' }, //= SbXi any tag-table
};

NOINLINE static EXCHANGE *CreateExchange(RDR_DEVICE *Device, USHORT Kind)
{
    EXCHANGE *Exchange = FsrAllocate(NonPagedPoolNx, ExchangeKinds[Kind].Size, ExchangeKinds[Kind].Tag);

    if (Exchange == NULL) return NULL;
    Exchange->Kind = Kind;
    Exchange->Signature = 'hcxE'; //~ Exch magic
    Exchange->Dispatch = ExchangeKinds[Kind].Dispatch;
    Exchange->Device = Device;
    Exchange->Buffer = NULL;
    if (Exchange->Dispatch->Start(Exchange) < 0) { FsrFree(Exchange, ExchangeKinds[Kind].Tag); return NULL; }
    return Exchange;
}

/* ---- the server: pools of work items by node, buffers by size ---- */

typedef struct { ULONG Node; ULONG_PTR Free[2]; ULONG ItemSize, ItemTag, Limit; LONG Count; } WORK_POOL;
typedef struct { WORK_POOL *Pool; ULONG Kind; PVOID Request, Reply; ULONG Length; } WORK_ITEM;
static WORK_POOL *WorkPools[2], *RawPool;

NOINLINE static NTSTATUS WorkPoolCreate(ULONG Node, ULONG Size, ULONG Tag, WORK_POOL **Out)
{
    WORK_POOL *Pool = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Pool), 'lPvS'); //= SvPl allocation-call direct

    *Out = Pool;
    if (Pool == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Pool->Node = Node;
    Pool->ItemSize = Size;
    Pool->ItemTag = Tag;
    Pool->Limit = 0x400;
    return STATUS_SUCCESS;
}

NOINLINE static WORK_ITEM *WorkAllocate(WORK_POOL *Pool, ULONG Kind)
{
    WORK_ITEM *Item = ExpInterlockedPopEntrySList(Pool->Free);

    if (Item == NULL) {
        if ((ULONG)Pool->Count >= Pool->Limit) return NULL;
        Item = ExAllocatePool2(POOL_FLAG_NON_PAGED, Pool->ItemSize, Pool->ItemTag);
        if (Item == NULL) return NULL;
        Pool->Count++;
    }
    Item->Pool = Pool;
    Item->Kind = Kind;
    return Item;
}

enum { BUFFER_SIZES = 5 };
static struct { LOOKASIDE List; ULONG Size, Tag; } Buffers[BUFFER_SIZES];
static PVOID CALL BufferAllocate(ULONG Type, SIZE_T Size, ULONG Tag)
{
    ULONG *Header = ExAllocatePoolWithTag(NonPagedPoolNx, Size + 32, Tag);

    if (Header == NULL) return NULL;
    Header[0] = (ULONG)Size;
    Header[1] = Tag;
    return Header + 8;
}
static void CALL BufferFree(PVOID p) { ExFreePoolWithTag((ULONG *)p - 8, ((ULONG *)p)[-7]); }

INIT_CODE_SECTION static void InitializeBuffers(void)
{
    ULONG Index, Size = 0x1000;

    for (Index = 0; Index < BUFFER_SIZES; Index++, Size *= 4) {
        Buffers[Index].Size = Size;
        Buffers[Index].Tag = Index < 2 ? 'sBvS' : 'lBvS'; //= SvBs any lookaside-loop //= SvBl any lookaside-loop
        ExInitializeNPagedLookasideList(&Buffers[Index].List, BufferAllocate, BufferFree, 0, Size, Buffers[Index].Tag, 16);
    }
}

NOINLINE static PVOID GetBuffer(ULONG Length)
{
    ULONG Index;

    for (Index = 0; Index < BUFFER_SIZES; Index++)
        if (Length <= Buffers[Index].Size) return ExpInterlockedPopEntrySList(&Buffers[Index].List);
    return BufferAllocate(NonPagedPoolNx, Length, 'hBvS'); //= SvBh any wrapper
}

/* ---- scratch buffers: on the stack, kept over several steps ---- */

typedef struct { PVOID Data; ULONG Size, Tag, Type; } SCRATCH;
static void ScratchInitialize(SCRATCH *s, ULONG Type, ULONG Tag) { s->Data = NULL; s->Size = 0; s->Type = Type; s->Tag = Tag; }
NOINLINE static NTSTATUS ScratchReserve(SCRATCH *s, ULONG Size)
{
    PVOID Data;

    if (Size <= s->Size) return STATUS_SUCCESS;
    Data = ExAllocatePoolWithTag(s->Type, Size, s->Tag);
    if (Data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (s->Data != NULL) { memcpy(Data, s->Data, s->Size); ExFreePoolWithTag(s->Data, s->Tag); }
    s->Data = Data;
    s->Size = Size;
    return STATUS_SUCCESS;
}
static void ScratchRelease(SCRATCH *s) { if (s->Data != NULL) ExFreePoolWithTag(s->Data, s->Tag); }

NOINLINE static NTSTATUS ReadIndex(IRP *Irp)
{
    SCRATCH Index, Names;
    ULONG Step;
    NTSTATUS Status = STATUS_SUCCESS;

    ScratchInitialize(&Index, PagedPool, 'xIfN'); //= NfIx any wrapper-structure
    ScratchInitialize(&Names, PagedPool, 'mNfN'); //= NfNm any wrapper-structure
    for (Step = 1; Step <= 3 && Status >= 0; Step++) {
        Status = ScratchReserve(&Index, Step * 4096);
        if (Status >= 0) Status = ScratchReserve(&Names, Irp->Flags);
        if (Status >= 0) memcpy(Index.Data, Irp->SystemBuffer, 4096);
    }
    ScratchRelease(&Names);
    ScratchRelease(&Index);
    return Status;
}

/* ---- records on disk: the first four bytes say what they are ---- */

typedef struct { ULONG Signature; USHORT Fixups, Count; ULONG64 Sequence; } RECORD_HEADER;
NOINLINE static NTSTATUS FormatRecord(RECORD_HEADER *Record, ULONG Kind)
{
    memset(Record, 0, sizeof(*Record));
    Record->Signature = Kind == 0 ? 'ELIF' : Kind == 1 ? 'XDNI' : 'RTSR'; //~ FILE magic //~ INDX magic //~ RSTR magic
    Record->Count = 3;
    return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS CheckRecord(const RECORD_HEADER *Record)
{
    if (Record->Signature == 'DAAB') return STATUS_INVALID_PARAMETER; //~ BAAD magic
    return Record->Signature == 'DRCR' ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; //~ RCRD magic
}

/* ---- locks in a tree; the tree's context says the tag ---- */

typedef struct { ULONG_PTR Balanced[4]; PVOID Ordered; ULONG Which, Count; ULONG Depth; PVOID Restart; ULONG Deletes; PVOID Compare, Allocate, Free, Context; } AVL_TABLE;
typedef struct { ULONG Tag; LONG Entries; } LOCK_CONTEXT;
static PVOID CALL LockAllocate(AVL_TABLE *Table, ULONG Size)
{
    LOCK_CONTEXT *Context = Table->Context;
    Context->Entries++;
    return ExAllocatePoolWithTag(PagedPool, Size, Context->Tag);
}
static void CALL LockFree(AVL_TABLE *Table, PVOID p) { ExFreePoolWithTag(p, ((LOCK_CONTEXT *)Table->Context)->Tag); }
static PVOID CALL LeaseAllocate(AVL_TABLE *Table, ULONG Size) { return FsrAllocate(PagedPool, Size, 'sLvS'); } //= SvLs any callback
static void CALL LeaseFree(AVL_TABLE *Table, PVOID p) { FsrFree(p, 'sLvS'); }
static LONG CALL CompareKeys(PVOID Table, ULONG *a, ULONG *b) { return *a < *b ? 0 : *a > *b ? 1 : 2; }
static AVL_TABLE LockTable, LeaseTable;
static LOCK_CONTEXT LockContext = { 'kLvS', 0 }; //= SvLk any callback-context

/* ---- a list entry with a payload, and what is put off ---- */

typedef struct { ULONG_PTR Links[3]; void (*Routine)(PVOID); PVOID Context; } DEFERRED;
NOINLINE static NTSTATUS Defer(void (*Routine)(PVOID), PVOID Context, ULONG Tag)
{
    DEFERRED *Deferred = FsrMustAllocate(NonPagedPoolNx, sizeof(*Deferred), Tag);

    Deferred->Routine = Routine;
    Deferred->Context = Context;
    ExQueueWorkItem(Deferred, 1);
    return STATUS_SUCCESS;
}
static void CloseLate(PVOID p) { ((NODE *)p)->Flags = 0; }
static void PurgeLate(PVOID p) { ((NODE *)p)->References--; }

static const GUID LeaseParameter = { 0x4d8b2f11, 0x7a3c, 0x4c55, { 1, 2, 3, 4, 5, 6, 7, 8 } };
NOINLINE static NTSTATUS AddLeaseParameter(PVOID *Out) { return FsRtlAllocateExtraCreateParameter(&LeaseParameter, 52, 0, NULL, 'pLvS', Out); } //= SvLp allocation-call direct

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Result = NULL;

    switch (Irp->Stack->Minor) {
    case 0: Result = NodeCreate(SmbDevice, (USHORT)Irp->Flags, Irp->SystemBuffer); break;
    case 1: Result = OpenExtension(SmbDevice, Irp->SystemBuffer); break;
    case 2: Result = OpenExtension(Devices[Irp->Flags & 3], Irp->SystemBuffer); break;
    case 3: Result = CreateExchange(SmbDevice, EX_NEGOTIATE); break;
    case 4: Result = CreateExchange(SmbDevice, Irp->Flags & 1 ? EX_SESSION : EX_TRANSACT); break;
    case 5: Result = CreateExchange(DavDevice, EX_IOCTL); break;
    case 6: Status = ((EXCHANGE *)Irp->SystemBuffer)->Dispatch->Receive(Irp->SystemBuffer, Irp->Mdl, Irp->Flags); break;
    case 7: Result = WorkAllocate(WorkPools[Irp->Flags & 1], 7); break;
    case 8: Result = WorkAllocate(RawPool, 8); break;
    case 9: Result = GetBuffer((ULONG)Irp->Information); break;
    case 10: Status = ReadIndex(Irp); break;
    case 11: Status = FormatRecord(Irp->SystemBuffer, Irp->Flags); break;
    case 12: Status = CheckRecord(Irp->SystemBuffer); break;
    case 13: Result = RtlInsertElementGenericTableAvl(&LockTable, Irp->SystemBuffer, 24, NULL); break;
    case 14: Result = RtlInsertElementGenericTableAvl(&LeaseTable, Irp->SystemBuffer, 48, NULL); break;
    case 15: Status = Defer(CloseLate, Irp->SystemBuffer, 'cDxR'); break; //= RxDc any wrapper-three
    case 16: Status = Defer(PurgeLate, Irp->SystemBuffer, 'pDxR'); break; //= RxDp any wrapper-three
    case 17: Status = AddLeaseParameter(&Result); break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->SystemBuffer = Result;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Node;

    ExInitializePagedLookasideList(&FcbList, NULL, NULL, 0, sizeof(NODE), 'LFxR', 64); //= RxFL lookaside-init lookaside
    InitializeBuffers();
    for (Node = 0; Node < 2 && Status >= 0; Node++) Status = WorkPoolCreate(Node, 512, 'iWvS', &WorkPools[Node]); //= SvWi any object-field
    if (Status >= 0) Status = WorkPoolCreate(0, 1024, 'rWvS', &RawPool); //= SvWr any object-field
    if (Status < 0) return Status;
    RtlInitializeGenericTableAvl(&LockTable, (PVOID)CompareKeys, (PVOID)LockAllocate, (PVOID)LockFree, &LockContext);
    RtlInitializeGenericTableAvl(&LeaseTable, (PVOID)CompareKeys, (PVOID)LeaseAllocate, (PVOID)LeaseFree, NULL);
    Driver->Major[14] = Dispatch;
    return RegisterBoth(Path);
}
