// Held out: a bus of virtual USB devices on KMDF: targets of several models plugged in by a process, reports in and out, descriptors,
// sessions over a network with transfers, an allocator looked up by name, and tags that belong to the model of a target.
// image: gamepad-bus.sys
#include "kernel.h"

typedef struct { ULONG Major, Minor, Build; } WDF_VERSION;
typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; WDF_VERSION Version; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct { ULONG Size; PVOID Cleanup, Destroy; ULONG ExecutionLevel, SynchronizationScope; PVOID Parent; SIZE_T ContextSize; const void *TypeInfo; } WDF_OBJECT_ATTRIBUTES;
typedef struct { ULONG Size, DispatchType, PowerManaged; BOOLEAN AllowZero, Default; PVOID Handlers[8]; } WDF_IO_QUEUE_CONFIG;

enum { DriverCreate = 116, DeviceCreate = 75, IoQueueCreate = 152, MemoryCreate = 192, LookasideListCreate = 198, ObjectDelete = 208, RequestCreate = 256, RequestRetrieveInput = 269 };
static WDFFUNC *WdfFunctions_01031;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO BindInfo = { sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", { 1, 31, 0 }, 458, &WdfFunctions_01031, NULL };
#define WDF(Result, Index, ...) ((Result(CALL *)(PVOID, ##__VA_ARGS__))WdfFunctions_01031[Index])

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *Attributes, ULONG Type, ULONG Tag, SIZE_T Size, HANDLE *Memory, PVOID *Buffer)
{
    return WDF(NTSTATUS, MemoryCreate, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *)(WdfDriverGlobals, Attributes, Type, Tag, Size, Memory, Buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *Attributes, SIZE_T Size, ULONG Type, ULONG Tag, HANDLE *List)
{
    return WDF(NTSTATUS, LookasideListCreate, PVOID, SIZE_T, ULONG, PVOID, ULONG, HANDLE *)(WdfDriverGlobals, Attributes, Size, Type, NULL, Tag, List);
}
ALWAYS_INLINE void WdfObjectDelete(HANDLE Object) { WDF(void, ObjectDelete, HANDLE)(WdfDriverGlobals, Object); }
ALWAYS_INLINE NTSTATUS WdfRequestCreate(WDF_OBJECT_ATTRIBUTES *Attributes, HANDLE Target, HANDLE *Request)
{
    return WDF(NTSTATUS, RequestCreate, PVOID, HANDLE, HANDLE *)(WdfDriverGlobals, Attributes, Target, Request);
}

/* ---- the system's allocator: the new one by name, the old one where it is not there ---- */

typedef PVOID(CALL *ALLOCATE2)(ULONG64 Flags, SIZE_T Size, ULONG Tag);
static ALLOCATE2 Allocate2;
static ULONG DefaultType = NonPagedPool;
static BOOLEAN Zeroes;

INIT_CODE_SECTION static void ResolveAllocator(void)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, (const WCHAR *)L"ExAllocatePool2");
    Allocate2 = (ALLOCATE2)MmGetSystemRoutineAddress(&Name);
    if (Allocate2 != NULL) Zeroes = TRUE;
    DefaultType = NonPagedPoolNx;
}

static PVOID BusAllocate(SIZE_T Size, ULONG Tag, BOOLEAN Paged)
{
    PVOID Block;

    if (Allocate2 != NULL) return Allocate2(Paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, Size, Tag);
    Block = ExAllocatePoolWithTag(Paged ? PagedPool : DefaultType, Size, Tag);
    if (Block != NULL) memset(Block, 0, Size);
    return Block;
}

ALWAYS_INLINE PVOID ExAllocatePoolZero(ULONG Type, SIZE_T Size, ULONG Tag)
{
    PVOID Block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (Block != NULL) memset(Block, 0, Size);
    return Block;
}

/* ---- models ---- */

typedef struct TARGET TARGET;
typedef struct {
    NTSTATUS (*Init)(TARGET *);
    NTSTATUS (*Descriptor)(TARGET *, UCHAR Kind, PVOID *Out, ULONG *Size);
    NTSTATUS (*Report)(TARGET *, const void *Data, ULONG Size);
    ULONG ContextSize;
    ULONG ReportTag;
    USHORT Vendor, Product;
} MODEL;
struct TARGET {
    LIST_ENTRY Link; const MODEL *Model; ULONG Serial, State, Vendor; HANDLE Memory, Pending; PVOID Context, Last, Strings; ULONG LastSize;
    struct { HANDLE List; ULONG Size, Tag, Depth; } Transfers;
    ULONG AwaitTag; ULONG64 Sequence;
};
typedef struct { UCHAR Report[64], Feature[48]; PVOID Calibration; ULONG Magic; } PAD_CONTEXT;
typedef struct { UCHAR Leds[8]; PVOID Blobs[3]; ULONG Handshake; } BOX_CONTEXT;

static TARGET *Targets[16];
static ULONG TargetCount;
static LIST_ENTRY Awaiting;
static HANDLE ScratchList, ReportList;
static PVOID volatile Keep;

static NTSTATUS PadInit(TARGET *Target)
{
    PAD_CONTEXT *Pad = Target->Context;

    Pad->Magic = 'ladP'; //~ Pdal magic
    Pad->Calibration = BusAllocate(37, 'aCBG', FALSE); //= GBCa any allocator-choice
    return Pad->Calibration != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS BoxInit(TARGET *Target)
{
    static const struct { ULONG Tag; ULONG Size; } Blobs[3] = {
        { '0BBG', 0x1D }, //= GBB0 any tag-table
        { '1BBG', 0x0E }, //= GBB1 any tag-table
        { '2BBG', 0x60 }, //= GBB2 any tag-table
    };
    BOX_CONTEXT *Box = Target->Context;
    ULONG Index;

    for (Index = 0; Index < 3; Index++) {
        Box->Blobs[Index] = BusAllocate(Blobs[Index].Size, Blobs[Index].Tag, FALSE);
        if (Box->Blobs[Index] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    }
    Box->Handshake = 1;
    return STATUS_SUCCESS;
}

static NTSTATUS CopyDescriptor(const void *From, ULONG Length, ULONG Tag, PVOID *Out, ULONG *Size)
{
    *Out = BusAllocate(Length, Tag, TRUE);
    if (*Out == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(*Out, From, Length);
    *Size = Length;
    return STATUS_SUCCESS;
}

static const UCHAR PadDevice[18] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x4C, 0x05, 0xC4, 0x05 };
static const UCHAR BoxDevice[18] = { 18, 1, 0, 2, 0xFF, 0xFF, 0xFF, 8, 0x5E, 0x04, 0x8E, 0x02 };
static const UCHAR Configuration[225] = { 9, 2, 225, 0, 1, 1, 0, 0xC0, 0xFA };

static NTSTATUS PadDescriptor(TARGET *Target, UCHAR Kind, PVOID *Out, ULONG *Size)
{
    if (Kind == 1) return CopyDescriptor(PadDevice, sizeof(PadDevice), 'dPBG', Out, Size); //= GBPd any wrapper-two
    if (Kind == 2) return CopyDescriptor(Configuration, sizeof(Configuration), 'cPBG', Out, Size); //= GBPc any wrapper-two
    return STATUS_NOT_SUPPORTED;
}

static NTSTATUS BoxDescriptor(TARGET *Target, UCHAR Kind, PVOID *Out, ULONG *Size)
{
    if (Kind > 2) return STATUS_NOT_SUPPORTED;
    return CopyDescriptor(Kind == 1 ? BoxDevice : Configuration, Kind == 1 ? 18 : 225, Kind == 1 ? 'dXBG' : 'cXBG', Out, Size); //= GBXd any ternary //= GBXc any ternary
}

static NTSTATUS PadReport(TARGET *Target, const void *Data, ULONG Size) { memcpy(((PAD_CONTEXT *)Target->Context)->Report, Data, Size & 63); return STATUS_SUCCESS; }
static NTSTATUS BoxReport(TARGET *Target, const void *Data, ULONG Size) { return memcmp(Target->Context, Data, Size & 7) == 0 ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS; }
static const MODEL Models[] = {
    { PadInit, PadDescriptor, PadReport, sizeof(PAD_CONTEXT), 'rPBG', 0x054C, 0x05C4 }, //= GBPr any tag-table
    { BoxInit, BoxDescriptor, BoxReport, sizeof(BOX_CONTEXT), 'rXBG', 0x045E, 0x028E }, //= GBXr any tag-table
};

/* ---- targets ---- */

NOINLINE static NTSTATUS TargetSetup(TARGET *Target, ULONG Kind, ULONG Depth)
{
    const MODEL *Model = &Models[Kind];
    NTSTATUS Status;

    Target->Model = Model;
    Target->Vendor = Model->Vendor;
    Target->AwaitTag = Kind == 0 ? 'aPBG' : 'aXBG'; //= GBPa any object-field //= GBXa any object-field
    Target->Transfers.Size = 256;
    Target->Transfers.Tag = 'rTBG'; //= GBTr any object-field
    Target->Transfers.Depth = Depth;
    Status = WdfMemoryCreate(NULL, NonPagedPoolNx, 'xCBG', Model->ContextSize, &Target->Memory, &Target->Context); //= GBCx any wdf-function
    if (Status < 0) return Status;
    Status = WdfLookasideListCreate(NULL, Target->Transfers.Size, NonPagedPoolNx, Target->Transfers.Tag, &Target->Transfers.List);
    if (Status < 0) {
        WdfObjectDelete(Target->Memory);
        return Status;
    }
    return Model->Init(Target);
}

static NTSTATUS PlugIn(ULONG Serial, ULONG Kind)
{
    TARGET *Target;

    if (Kind >= 2 || TargetCount >= 16) return STATUS_INVALID_PARAMETER;
    Target = BusAllocate(sizeof(*Target), 'tTBG', FALSE); //= GBTt any allocator-choice
    if (Target == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Target->Serial = Serial;
    Targets[TargetCount++] = Target;
    return TargetSetup(Target, Kind, 4);
}

static NTSTATUS Submit(TARGET *Target, const void *Data, ULONG Size)
{
    if (Target->Last == NULL || Target->LastSize < Size) {
        if (Target->Last != NULL) ExFreePool(Target->Last);
        Target->Last = ExAllocatePoolZero(DefaultType, Size, Target->Model->ReportTag);
        if (Target->Last == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Target->LastSize = Size;
    }
    memcpy(Target->Last, Data, Size);
    return Target->Model->Report(Target, Data, Size);
}

typedef struct { LIST_ENTRY Link; ULONG Serial, Session; HANDLE Request; ULONG64 Stamp; } AWAIT;

static NTSTATUS AwaitExchange(TARGET *Target, HANDLE Request)
{
    AWAIT *Await = ExAllocatePoolZero(NonPagedPoolNx, sizeof(*Await), Target->AwaitTag);

    if (Await == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Await->Serial = Target->Serial;
    Await->Request = Request;
    Await->Stamp = Target->Sequence++;
    Await->Link.Flink = Awaiting.Flink;
    Await->Link.Blink = &Awaiting;
    Awaiting.Flink = &Await->Link;
    return STATUS_SUCCESS;
}

/* ---- transfers of a session over the network ---- */

typedef struct { ULONG Command, Serial, Device, Direction, Endpoint; LONG Status; ULONG Length, Start, Packets; } HEADER;
typedef struct { HEADER Header; PVOID Buffer, Iso; SIZE_T Total; ULONG Owner; } TRANSFER;

NOINLINE static NTSTATUS MakeMemory(HANDLE Parent, const HEADER *Header, ULONG Tag, HANDLE *Memory, PVOID *Buffer)
{
    WDF_OBJECT_ATTRIBUTES Attributes;

    memset(&Attributes, 0, sizeof(Attributes));
    Attributes.Size = sizeof(Attributes);
    Attributes.Parent = Parent;
    Attributes.ExecutionLevel = 1;
    Attributes.SynchronizationScope = 1;
    return WdfMemoryCreate(&Attributes, Header->Length > 4096 ? PagedPool : NonPagedPoolNx, Tag, Header->Length + sizeof(HEADER), Memory, Buffer);
}

static NTSTATUS TransferPrepare(TRANSFER *Transfer, HANDLE Request, const HEADER *Header)
{
    HANDLE Memory, Forward;
    NTSTATUS Status;
    ULONG Tag;

    Transfer->Header = *Header;
    switch (Header->Endpoint & 3) {
    case 0: Tag = 'cEBG'; break; //= GBEc any switch-tags
    case 1: Tag = 'iEBG'; break; //= GBEi any switch-tags
    case 2: Tag = 'bEBG'; break; //= GBEb any switch-tags
    default: Tag = 'nEBG'; break; //= GBEn any switch-tags
    }
    Transfer->Owner = Tag;
    Status = MakeMemory(Request, Header, Tag, &Memory, &Transfer->Buffer);
    if (Status < 0) return Status;
    if (Header->Packets > 0 && Header->Packets < 1024) {
        Status = MakeMemory(Request, Header, 'sIBG', &Memory, &Transfer->Iso); //= GBIs any wdf-function
        if (Status < 0) {
            WdfObjectDelete(Memory);
            return Status;
        }
    }
    Status = WdfRequestCreate(NULL, Request, &Forward);
    Keep = Forward;
    return Status;
}

static NTSTATUS CommandBlock(HANDLE Request, const HEADER *Header)
{
    TRANSFER *Transfer = ExAllocatePoolWithTag(DefaultType, sizeof(*Transfer), 'fTBG'); //= GBTf any direct
    NTSTATUS Status;

    if (Transfer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Transfer, 0, sizeof(*Transfer));
    if (Header->Command == 'tbmS') { //~ Smbt magic
        ExFreePoolWithTag(Transfer, 'fTBG');
        return STATUS_NOT_SUPPORTED;
    }
    Status = TransferPrepare(Transfer, Request, Header);
    if (Status < 0) ExFreePoolWithTag(Transfer, 'fTBG');
    else Keep = Transfer;
    return Status;
}

static NTSTATUS ReadStrings(TARGET *Target, const void *Raw, ULONG Size)
{
    UCHAR *Offset;
    NTSTATUS Status = USBD_ValidateConfigurationDescriptor(Raw, Size, 2, &Offset, 'vUBG'); //= GBUv any direct

    if (Status < 0) return Status;
    Target->Strings = BusAllocate(Size, Target->State & 1 ? 'uSBG' : 'lSBG', (Target->State & 2) != 0); //= GBSu any ternary //= GBSl any ternary
    if (Target->Strings == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Target->Strings, Raw, Size);
    return STATUS_SUCCESS;
}

/* ---- the framework's callbacks ---- */

static void CALL EvtControl(HANDLE Queue, HANDLE Request, SIZE_T Out, SIZE_T In, ULONG Code)
{
    ULONG *Input;
    TARGET *Target;
    PVOID Block;
    ULONG Size;

    if (WDF(NTSTATUS, RequestRetrieveInput, HANDLE, SIZE_T, PVOID *, SIZE_T *)(WdfDriverGlobals, Request, In, (PVOID *)&Input, NULL) < 0) return;
    Target = Targets[Input[0] & 15];
    switch (Code) {
    case 0x2AA004: PlugIn(Input[0], Input[1]); break;
    case 0x2AA008: Submit(Target, Input + 2, Input[1]); break;
    case 0x2AA00C: AwaitExchange(Target, Request); break;
    case 0x2AA010: CommandBlock(Request, (const HEADER *)Input); break;
    case 0x2AA014: ReadStrings(Target, Input + 2, Input[1]); break;
    case 0x2AA018: if (Target->Model->Descriptor(Target, (UCHAR)Input[1], &Block, &Size) >= 0) Keep = Block; break;
    default:
        Block = BusAllocate(In, 'tCBG', TRUE); //= GBCt any allocator-choice
        if (Block != NULL) memcpy(Block, Input, In);
        Keep = Block;
        break;
    }
}

static NTSTATUS CALL EvtDeviceAdd(HANDLE Driver, PVOID Init)
{
    WDF_IO_QUEUE_CONFIG Config;
    HANDLE Device, Queue;
    NTSTATUS Status = WDF(NTSTATUS, DeviceCreate, PVOID *, PVOID, HANDLE *)(WdfDriverGlobals, &Init, NULL, &Device);

    if (Status < 0) return Status;
    memset(&Config, 0, sizeof(Config));
    Config.Size = sizeof(Config);
    Config.DispatchType = 2;
    Config.Handlers[3] = (PVOID)EvtControl;
    Status = WDF(NTSTATUS, IoQueueCreate, HANDLE, PVOID, PVOID, HANDLE *)(WdfDriverGlobals, Device, &Config, NULL, &Queue);
    if (Status < 0) return Status;
    Status = WdfLookasideListCreate(NULL, 512, PagedPool, 'cSBG', &ScratchList); //= GBSc any wdf-function
    if (Status < 0) return Status;
    return WdfLookasideListCreate(NULL, 64, NonPagedPoolNx, 'pRBG', &ReportList); //= GBRp any wdf-function
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    WDF_DRIVER_CONFIG Config;
    NTSTATUS Status = WdfVersionBind(Driver, Path, &BindInfo, &WdfDriverGlobals);

    if (Status < 0) return Status;
    ResolveAllocator();
    Awaiting.Flink = Awaiting.Blink = &Awaiting;
    memset(&Config, 0, sizeof(Config));
    Config.Size = sizeof(Config);
    Config.EvtDriverDeviceAdd = (PVOID)EvtDeviceAdd;
    Config.DriverPoolTag = 'suBG'; //= GBus any wdf-config
    Status = WDF(NTSTATUS, DriverCreate, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, HANDLE *)(WdfDriverGlobals, Driver, Path, NULL, &Config, NULL);
    if (Status < 0) WdfVersionUnbind(Path, &BindInfo, WdfDriverGlobals);
    return Status;
}
