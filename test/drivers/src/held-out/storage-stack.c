// Held out: a stack of storage with signatures everywhere: objects that begin with one, or have one behind their links, requests checked by theirs,
// blocks with a guard at either end, pools made in loops over rows, queues for each path, descriptors that objects keep, contexts of completions.
#include "kernel.h"

#define ST_SIGNATURE_DEVICE 'veDS'
#define ST_SIGNATURE_PATH 'htPS'
#define ST_SIGNATURE_REQUEST 'qrSS'
#define ST_GUARD 'draG'

/* ---- blocks between two guards; the header knows the tag ---- */

typedef struct { ULONG Guard, Size, Tag, Line; } BLOCK;

NOINLINE static PVOID StAllocate(ULONG Type, ULONG Size, ULONG Tag, ULONG Line)
{
    BLOCK *Block = ExAllocatePoolWithTag(Type, sizeof(BLOCK) + Size + sizeof(ULONG), Tag);
    if (Block == NULL) return NULL;
    Block->Guard = ST_GUARD; //~ Gard magic
    Block->Size = Size;
    Block->Tag = Tag;
    Block->Line = Line;
    *(ULONG *)((UCHAR *)(Block + 1) + Size) = ST_GUARD;
    return Block + 1;
}
NOINLINE static void StFree(PVOID Data)
{
    BLOCK *Block = (BLOCK *)Data - 1;
    if (Block->Guard != ST_GUARD) KeBugCheckEx(0xC2, (ULONG_PTR)Block, Block->Guard, 'eerF', 0); //~ Free bug-check
    Block->Guard = 'daeD'; //~ Dead magic
    ExFreePoolWithTag(Block, Block->Tag);
}

/* ---- pools of requests, made over rows ---- */

typedef struct { ULONG Signature, Tag, Size, Depth; LIST_ENTRY Free; } POOL;
typedef struct { USHORT Size, Depth; ULONG Tag; } POOL_ROW;
static const POOL_ROW PoolRows[4] = {
    { 0x80, 64, 'srSS' }, //= SSrs any tag-table
    { 0x200, 32, 'lrSS' }, //= SSrl any tag-table
    { 0x1000, 8, 'brSS' }, //= SSrb any tag-table
    { 0x40, 128, 'crSS' }, //= SSrc any tag-table
};
static POOL *Pools[4];
static POOL *PathPools[3];

NOINLINE static POOL *PoolMake(ULONG Size, ULONG Depth, ULONG Tag)
{
    POOL *Pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pool), 'lpSS'); //= SSpl any direct
    if (Pool == NULL) return NULL;
    Pool->Signature = 'looP'; //~ Pool magic
    Pool->Tag = Tag;
    Pool->Size = Size;
    Pool->Depth = Depth;
    Pool->Free.Flink = Pool->Free.Blink = &Pool->Free;
    return Pool;
}
NOINLINE static PVOID PoolTake(POOL *Pool) { return ExAllocatePoolWithTag(NonPagedPoolNx, Pool->Size, Pool->Tag); }
NOINLINE static NTSTATUS PoolsMake(void)
{
    ULONG i;
    for (i = 0; i < 4; i++)
        if ((Pools[i] = PoolMake(PoolRows[i].Size, PoolRows[i].Depth, PoolRows[i].Tag)) == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < 3; i++)
        if ((PathPools[i] = PoolMake(0x100, 16, '0hPS' + (i << 24))) == NULL) return STATUS_INSUFFICIENT_RESOURCES; //= SPh0 any computed-tag
    //= SPh1 any computed-tag
    //= SPh2 any computed-tag
    return STATUS_SUCCESS;
}

/* ---- devices and paths: signatures at the beginning and behind the links ---- */

typedef struct DESCRIPTOR { const CHAR *Name; ULONG Version, ContextTag, ContextSize; } DESCRIPTOR;
static const DESCRIPTOR ActiveDescriptor = { "active", 0x10002, 'aCDS', 0x60 }; //= SDCa any wrapper-structure
static const DESCRIPTOR SpareDescriptor = { "spare", 0x10001, 'sCDS', 0x30 }; //= SDCs any wrapper-structure

typedef struct PATH { LIST_ENTRY Links; ULONG Signature, State, BufferTag, Weight; PVOID Buffer; struct DEVICE *Device; } PATH;
typedef struct DEVICE {
    ULONG Signature;
    LONG References;
    LIST_ENTRY Paths;
    const DESCRIPTOR *Descriptor;
    PVOID Context;
    PATH *Current;
    ULONG SenseTag, SenseSize;
    PVOID Sense;
} DEVICE;
typedef struct REQUEST { LIST_ENTRY Links; ULONG Signature, Code; DEVICE *Device; void (*Done)(struct REQUEST *Request, PVOID Context); PVOID Context; } REQUEST;
typedef struct { ULONG Tag, Retries; PVOID Saved; } RETRY;

NOINLINE static DEVICE *DeviceMake(BOOLEAN IsActive, ULONG SenseTag)
{
    DEVICE *Device = StAllocate(NonPagedPoolNx, sizeof(*Device), 'vdSS', __LINE__); //= SSdv any wrapper
    if (Device == NULL) return NULL;
    Device->Signature = ST_SIGNATURE_DEVICE; //~ SDev magic
    Device->References = 1;
    Device->Paths.Flink = Device->Paths.Blink = &Device->Paths;
    Device->Descriptor = IsActive ? &ActiveDescriptor : &SpareDescriptor;
    Device->Context = ExAllocatePoolWithTag(NonPagedPoolNx, Device->Descriptor->ContextSize, Device->Descriptor->ContextTag);
    Device->SenseTag = SenseTag;
    Device->SenseSize = 0x40;
    Device->Sense = NULL;
    return Device;
}
NOINLINE static PATH *PathAdd(DEVICE *Device, ULONG Weight)
{
    PATH *Path = StAllocate(NonPagedPoolNx, sizeof(*Path), 'hpSS', __LINE__); //= SSph any wrapper
    if (Path == NULL) return NULL;
    Path->Signature = ST_SIGNATURE_PATH; //~ SPth magic
    Path->State = 'tini'; //~ init magic
    Path->BufferTag = Weight > 8 ? 'hbPS' : 'lbPS'; //= SPbh any object-field
    //= SPbl any object-field
    Path->Weight = Weight;
    Path->Device = Device;
    Path->Links.Flink = &Device->Paths;
    Path->Links.Blink = Device->Paths.Blink;
    Device->Paths.Blink = &Path->Links;
    Device->Current = Path;
    return Path;
}
NOINLINE static NTSTATUS PathBuffer(PATH *Path, SIZE_T Size)
{
    if (Path->Signature != ST_SIGNATURE_PATH || Path->State == 'liaf') return STATUS_INVALID_PARAMETER; //~ fail magic
    Path->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Path->BufferTag);
    return Path->Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS DeviceSense(DEVICE *Device)
{
    if (Device->Sense != NULL) ExFreePoolWithTag(Device->Sense, Device->SenseTag);
    Device->Sense = ExAllocatePoolWithTag(NonPagedPoolNx, Device->SenseSize, Device->SenseTag);
    return Device->Sense ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- requests: who finishes one is kept with it, and a context of its own ---- */

static void RequestRetried(REQUEST *Request, PVOID Context)
{
    RETRY *Retry = Context;
    Retry->Saved = ExAllocatePoolWithTag(NonPagedPoolNx, 0x200, Retry->Tag);
    Retry->Retries++;
    Request->Code = 'yrtR'; //~ Rtry magic
}
static void RequestReported(REQUEST *Request, PVOID Context)
{
    PVOID Report = ExAllocatePoolWithTag(PagedPool, 0x80, 'prSS'); //= SSrp any direct
    if (Report != NULL) memcpy(Report, Context, 0x80);
    Request->Context = Report;
}
NOINLINE static REQUEST *RequestMake(DEVICE *Device, ULONG Code)
{
    RETRY *Retry;
    REQUEST *Request = PoolTake(Pools[Code & 3]);
    if (Request == NULL) return NULL;
    Request->Signature = ST_SIGNATURE_REQUEST; //~ SSrq magic
    Request->Code = Code;
    Request->Device = Device;
    Request->Done = RequestReported;
    Request->Context = Device->Context;
    if (Code & 0x100) {
        Retry = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Retry), 'trSS'); //= SSrt any direct
        if (Retry == NULL) return NULL;
        Retry->Tag = 'vsSS'; //= SSsv any callback-context
        Request->Done = RequestRetried;
        Request->Context = Retry;
    }
    return Request;
}
NOINLINE static NTSTATUS RequestFinish(REQUEST *Request)
{
    if (Request->Signature != ST_SIGNATURE_REQUEST) return STATUS_INVALID_PARAMETER;
    Request->Signature = 'enoD'; //~ Done magic
    Request->Done(Request, Request->Context);
    return PathBuffer(Request->Device->Current, 0x400);
}

static NTSTATUS CALL StDispatch(DEVICE_OBJECT *Object, IRP *Irp)
{
    DEVICE **Device = Object->Extension;
    NTSTATUS Status = STATUS_SUCCESS;
    switch (Irp->Stack->Minor) {
    case 0: *Device = DeviceMake(Irp->Flags != 0, 'nsDS'); break; //= SDsn any object-field
    case 1: *Device = DeviceMake(FALSE, 'msDS'); break; //= SDsm any object-field
    case 2: Irp->SystemBuffer = PathAdd(*Device, Irp->Flags); break;
    case 3: Irp->SystemBuffer = RequestMake(*Device, Irp->Flags); break;
    case 4: Status = RequestFinish(Irp->SystemBuffer); break;
    case 5: Status = DeviceSense(*Device); break;
    case 6: Irp->SystemBuffer = PoolTake(PathPools[Irp->Flags % 3]); break;
    case 7: StFree(*Device); break;
    default: Status = PoolsMake();
    }
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    Driver->Major[14] = StDispatch;
    return PoolsMake();
}
