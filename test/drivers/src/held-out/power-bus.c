// Held out: a bus driver for firmware-described devices: extensions and queues of requests, a heap for an interpreter, name objects of
// several types, a registry helper, resource arbiters by a table, power requests from lists, and interfaces handed to children.
#include "kernel.h"

#define ACPI_TAG_STRING 'SpcA'
#define ACPI_TAG_DEVICE 'DpcA'
#define ACPI_TAG_REGISTRY 'RpcA'
#define LIST_INIT(Head) ((Head)->Flink = (Head)->Blink = (Head))

typedef struct _DEVICE_EXTENSION DEVICE_EXTENSION;
typedef NTSTATUS (*IRP_HANDLER)(DEVICE_EXTENSION *Extension, IRP *Irp);
typedef struct { IRP_HANDLER Start, Stop, Query; ULONG ExtensionSize, ExtensionTag; const CHAR *Name; } DEVICE_KIND;
struct _DEVICE_EXTENSION { ULONG Signature, Flags; const DEVICE_KIND *Kind; PVOID KindData; LIST_ENTRY Children, Queue; PVOID Address, Resources, Name, Id; ULONG_PTR Lock; };

/* ---- memory ---- */

static PVOID AcpiAllocate(ULONG Type, SIZE_T Size, ULONG Tag)
{
    PVOID Block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (Block) memset(Block, 0, Size);
    return Block;
}

typedef struct HEAP_BLOCK { ULONG Signature, Size; struct HEAP_BLOCK *Next; } HEAP_BLOCK;
typedef struct { ULONG Signature, Tag, Length, Grown; HEAP_BLOCK *First; ULONG_PTR Lock; } AML_HEAP;
static AML_HEAP GlobalHeap;
static AML_HEAP *LocalHeap;

NOINLINE static NTSTATUS NewHeapBlock(AML_HEAP *Heap, ULONG Size)
{
    HEAP_BLOCK *Block = ExAllocatePoolWithTag(NonPagedPoolNx, Size + sizeof(HEAP_BLOCK), Heap->Tag);

    if (Block == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Block->Signature = 'BPAH'; //~ HAPB magic
    Block->Size = Size;
    Block->Next = Heap->First;
    Heap->First = Block;
    Heap->Grown += Size;
    return STATUS_SUCCESS;
}

NOINLINE static void InitHeap(AML_HEAP *Heap, ULONG Length, ULONG Tag)
{
    Heap->Signature = 'PAEH'; //~ HEAP magic
    Heap->Tag = Tag;
    Heap->Length = Length;
    Heap->First = NULL;
    KeInitializeSpinLock(&Heap->Lock);
}

NOINLINE static PVOID HeapAlloc(AML_HEAP *Heap, ULONG Size)
{
    if (Heap->First == NULL || Heap->First->Size < Size)
        if (NewHeapBlock(Heap, Size > Heap->Length ? Size : Heap->Length) < 0) return NULL;
    Heap->First->Size -= Size;
    return (UCHAR *)(Heap->First + 1) + Heap->First->Size;
}

/* ---- the registry ---- */

NOINLINE static NTSTATUS OSReadRegValue(HANDLE Key, UNICODE_STRING *Name, ULONG Extra, PVOID *Buffer, ULONG *Length, ULONG Tag)
{
    ULONG Size = 0;
    NTSTATUS Status = ZwQueryValueKey(Key, Name, 2, NULL, 0, &Size);

    *Buffer = ExAllocatePoolWithTag(PagedPool, Size + Extra, Tag);
    if (*Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = ZwQueryValueKey(Key, Name, 2, *Buffer, Size, &Size);
    if (Status < 0) {
        ExFreePoolWithTag(*Buffer, Tag);
        *Buffer = NULL;
    }
    *Length = Size;
    return Status;
}

NOINLINE static NTSTATUS ReadSettings(HANDLE Key, UNICODE_STRING *Name)
{
    PVOID Attributes, Overrides;
    ULONG Length;
    NTSTATUS Status = OSReadRegValue(Key, Name, 16, &Attributes, &Length, 'aRcA'); //= AcRa any wrapper-stack

    if (Status < 0) return Status;
    Status = OSReadRegValue(Key, Name, 0, &Overrides, &Length, ACPI_TAG_REGISTRY); //= AcpR any wrapper-stack
    ExFreePoolWithTag(Attributes, 'aRcA');
    return Status < 0 ? Status : *(ULONG *)Overrides == 'edom' ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS; //~ mode magic
}

/* ---- name objects ---- */

enum { OBJ_INTEGER, OBJ_STRING, OBJ_BUFFER, OBJ_PACKAGE, OBJ_METHOD, OBJ_REGION };
typedef struct { USHORT Type, Flags; ULONG Length; PVOID Data; } OBJDATA;

NOINLINE static ULONG ObjTypeTag(USHORT Type)
{
    ULONG Tag = 'tOcA'; //= AcOt any switch-tags

    if (Type == OBJ_STRING) Tag = 'sOcA'; //= AcOs any switch-tags
    else if (Type == OBJ_BUFFER) Tag = 'bOcA'; //= AcOb any switch-tags
    else if (Type == OBJ_PACKAGE) Tag = 'pOcA'; //= AcOp any switch-tags
    return Tag;
}

NOINLINE static NTSTATUS DupObjData(OBJDATA *To, const OBJDATA *From)
{
    *To = *From;
    if (From->Length == 0) return STATUS_SUCCESS;
    To->Data = ExAllocatePoolWithTag(PagedPool, From->Length, ObjTypeTag(From->Type));
    if (To->Data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Data, From->Data, From->Length);
    return STATUS_SUCCESS;
}

/* ---- arbiters ---- */

typedef struct { ULONG Kind; ULONG_PTR Low, High; LIST_ENTRY Link; } ARBITER_ENTRY;
typedef struct ARBITER { const CHAR *Name; ULONG Type, Tag; NTSTATUS (*Test)(struct ARBITER *, ULONG_PTR); ARBITER_ENTRY *Last; PVOID Ranges; } ARBITER;
static NTSTATUS TestPort(ARBITER *Arbiter, ULONG_PTR At) { return At < 0x10000 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static NTSTATUS TestMemory(ARBITER *Arbiter, ULONG_PTR At) { return At >= 0x100000 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static NTSTATUS TestIrq(ARBITER *Arbiter, ULONG_PTR At) { return At < 256 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static ARBITER Arbiters[] = {
    { "ports", 1, 'pAcA', TestPort }, //= AcAp any tag-table
    { "memory", 3, 'mAcA', TestMemory }, //= AcAm any tag-table
    { "interrupts", 2, 'iAcA', TestIrq }, //= AcAi any tag-table
};

NOINLINE static NTSTATUS ArbAdd(ARBITER *Arbiter, ULONG_PTR Low, ULONG_PTR High)
{
    ARBITER_ENTRY *Entry;

    if (Arbiter->Test(Arbiter, Low) < 0) return STATUS_INVALID_PARAMETER;
    Entry = ExAllocatePoolWithTag(PagedPool, sizeof(*Entry), Arbiter->Tag);
    if (Entry == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Entry->Kind = Arbiter->Type;
    Entry->Low = Low;
    Entry->High = High;
    Arbiter->Last = Entry;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS ArbFind(ULONG Type, ULONG_PTR Low, ULONG_PTR High)
{
    ULONG Index;

    for (Index = 0; Index < sizeof(Arbiters) / sizeof(Arbiters[0]); Index++)
        if (Arbiters[Index].Type == Type) return ArbAdd(&Arbiters[Index], Low, High);
    return STATUS_NOT_SUPPORTED;
}

/* ---- devices ---- */

static NTSTATUS StartButton(DEVICE_EXTENSION *Extension, IRP *Irp) { Extension->Flags |= 1; return STATUS_SUCCESS; }
static NTSTATUS StartProcessor(DEVICE_EXTENSION *Extension, IRP *Irp) { Extension->Flags |= 2; return DupObjData(Extension->KindData, Irp->SystemBuffer); }
static NTSTATUS StopDevice(DEVICE_EXTENSION *Extension, IRP *Irp) { Extension->Flags = 0; return STATUS_SUCCESS; }
static NTSTATUS QueryDevice(DEVICE_EXTENSION *Extension, IRP *Irp)
{
    Irp->Information = (ULONG_PTR)AcpiAllocate(PagedPool, 128, 'qDcA'); //= AcDq any wrapper
    return Irp->Information ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static const DEVICE_KIND KindButton = { StartButton, StopDevice, QueryDevice, 64, 'tBcA', "button" }; //= AcBt any object-field
static const DEVICE_KIND KindProcessor = { StartProcessor, StopDevice, QueryDevice, 256, 'rPcA', "processor" }; //= AcPr any object-field
static const DEVICE_KIND KindThermal = { StartButton, StopDevice, QueryDevice, 512, 'hTcA', "thermal zone" }; //= AcTh any object-field
static LOOKASIDE PowerRequests, DeviceExtensions, Strings;

NOINLINE static DEVICE_EXTENSION *BuildDevice(const DEVICE_KIND *Kind, const CHAR *Id, SIZE_T Length)
{
    DEVICE_EXTENSION *Extension = ExpInterlockedPopEntrySList(&DeviceExtensions);

    if (Extension == NULL) Extension = AcpiAllocate(NonPagedPoolNx, sizeof(*Extension), ACPI_TAG_DEVICE);
    if (Extension == NULL) return NULL;
    Extension->Signature = '_SGP'; //~ PGS_ magic
    Extension->Kind = Kind;
    LIST_INIT(&Extension->Children);
    LIST_INIT(&Extension->Queue);
    Extension->Id = AcpiAllocate(PagedPool, Length + 1, ACPI_TAG_STRING); //= AcpS any wrapper
    if (Extension->Id != NULL) memcpy(Extension->Id, Id, Length);
    return Extension;
}

NOINLINE static NTSTATUS StartDevice(DEVICE_EXTENSION *Extension, IRP *Irp)
{
    Extension->KindData = ExAllocatePoolWithTag(NonPagedPoolNx, Extension->Kind->ExtensionSize, Extension->Kind->ExtensionTag);
    if (Extension->KindData == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Extension->Resources = ExAllocatePool2(POOL_FLAG_PAGED, 256, 'sRcA'); //= AcRs allocation-call direct
    return Extension->Kind->Start(Extension, Irp);
}

/* ---- power requests ---- */

typedef struct POWER_REQUEST { LIST_ENTRY Link; DEVICE_EXTENSION *Extension; ULONG State, Work; void (*Done)(struct POWER_REQUEST *); } POWER_REQUEST;
static LIST_ENTRY PowerQueue;

NOINLINE static NTSTATUS QueuePower(DEVICE_EXTENSION *Extension, ULONG State, void (*Done)(POWER_REQUEST *))
{
    POWER_REQUEST *Request = ExpInterlockedPopEntrySList(&PowerRequests);

    if (Request == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Request->Extension = Extension;
    Request->State = State;
    Request->Work = '_0SP'; //~ PS0_ firmware-table
    Request->Done = Done;
    Request->Link.Flink = PowerQueue.Flink;
    PowerQueue.Flink = &Request->Link;
    return STATUS_SUCCESS;
}
static void PowerDone(POWER_REQUEST *Request) { ExpInterlockedPushEntrySList(&PowerRequests, Request); }

/* ---- an interface for children ---- */

typedef struct { USHORT Size, Version; PVOID Context; void (CALL *Reference)(PVOID); PVOID (CALL *Evaluate)(PVOID, ULONG); } FIRMWARE_INTERFACE;
static void CALL InterfaceReference(PVOID Context) { ((DEVICE_EXTENSION *)Context)->Flags++; }
static PVOID CALL InterfaceEvaluate(PVOID Context, ULONG Size) { return ExAllocatePoolWithQuotaTag(PagedPool, Size, 'vEcA'); } //= AcEv allocation-call callback

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    DEVICE_EXTENSION *Extension = Device->Extension;
    FIRMWARE_INTERFACE *Interface = Irp->SystemBuffer;
    NTSTATUS Status = STATUS_SUCCESS;

    switch (Irp->Stack->Minor) {
    case 0: Status = StartDevice(Extension, Irp); break;
    case 1: Status = Extension->Kind->Stop(Extension, Irp); break;
    case 2: Status = Extension->Kind->Query(Extension, Irp); break;
    case 3: Status = ArbFind(Irp->Flags, Irp->Information, Irp->Information + 16); break;
    case 4: Status = QueuePower(Extension, Irp->Flags, PowerDone); break;
    case 5: Interface->Context = Extension; Interface->Reference = InterfaceReference; Interface->Evaluate = InterfaceEvaluate; break;
    case 6: Device->Extension = BuildDevice(&KindButton, "PNP0C0C", 7); break; //~ 0C0C text
    case 7: Device->Extension = BuildDevice(&KindProcessor, "ACPI0007", 8); break; //~ ACPI text
    case 8: Device->Extension = BuildDevice(&KindThermal, "THRM", 4); break; //~ THRM text
    case 9: Extension->Address = HeapAlloc(LocalHeap, Irp->Flags); break;
    case 10: Extension->Address = HeapAlloc(&GlobalHeap, Irp->Flags); break;
    case 11: Status = ReadSettings(Irp->SystemBuffer, &((UNICODE_STRING *)Irp->SystemBuffer)[1]); break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    ULONG Index;

    LIST_INIT(&PowerQueue);
    ExInitializeNPagedLookasideList(&PowerRequests, NULL, NULL, 0, sizeof(POWER_REQUEST), 'oPcA', 0); //= AcPo lookaside-init lookaside
    ExInitializeNPagedLookasideList(&DeviceExtensions, NULL, NULL, 0, sizeof(DEVICE_EXTENSION), ACPI_TAG_DEVICE, 0); //= AcpD lookaside-init lookaside
    ExInitializePagedLookasideList(&Strings, NULL, NULL, 0, 64, 'gScA', 0); //= AcSg lookaside-init lookaside
    InitHeap(&GlobalHeap, 0x10000, 'GmaA'); //= AamG any object-field
    LocalHeap = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(AML_HEAP), 'HmaA'); //= AamH allocation-call direct
    if (LocalHeap == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    InitHeap(LocalHeap, 0x4000, 'LmaA'); //= AamL any object-field
    for (Index = 0; Index < 28; Index++) Driver->Major[Index] = Dispatch;
    return STATUS_SUCCESS;
}
