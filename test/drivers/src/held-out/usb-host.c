// Held out: a USB host controller, its hubs and devices on KMDF: contexts of framework objects, calls by WdfFunctions, tags in the driver's globals,
// transfer rings, endpoints by kind, buffers by size class, hubs registered as an extension's client, descriptors, a mass storage probe, a debug port.
#include "kernel.h"

/* ---- the framework, as its headers expand it ---- */

typedef void (*WDFFUNC)(void);
typedef HANDLE WDFOBJECT, WDFDEVICE, WDFMEMORY, WDFLOOKASIDE, WDFDRIVER;
typedef struct { ULONG Major, Minor, Build; } WDF_VERSION;
typedef struct { ULONG Size; PWSTR Component; WDF_VERSION Version; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct WDF_CONTEXT_TYPE {
    ULONG Size; const CHAR *ContextName; SIZE_T ContextSize; const struct WDF_CONTEXT_TYPE *UniqueType; PVOID EvtDriverGetUniqueContextType;
} WDF_CONTEXT_TYPE;
typedef struct {
    ULONG Size; PVOID EvtCleanupCallback, EvtDestroyCallback; ULONG ExecutionLevel, SynchronizationScope; PVOID ParentObject;
    SIZE_T ContextSizeOverride; const WDF_CONTEXT_TYPE *ContextTypeInfo;
} WDF_OBJECT_ATTRIBUTES;

enum {
    DeviceCreateIndex = 75, DriverCreateIndex = 116, MemoryCreateIndex = 192, LookasideListCreateIndex = 198, MemoryCreateFromLookasideIndex = 199,
    TypedContextIndex = 202, ReferenceIndex = 205, DereferenceIndex = 206, ObjectCreateIndex = 207, ObjectDeleteIndex = 208,
};

static WDFFUNC *WdfFunctions_01031;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO WdfBindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", {1, 31, 0}, 460, &WdfFunctions_01031, NULL};

#define WDFCALL(Result, Index, ...) ((Result(CALL *)(PVOID, __VA_ARGS__))WdfFunctions_01031[Index])
#define WDF_DECLARE_CONTEXT(Type) static const WDF_CONTEXT_TYPE Type##_Info = {sizeof(WDF_CONTEXT_TYPE), #Type, sizeof(Type), &Type##_Info, NULL}
#define WDF_CONTEXT(Type, Object) ((Type *)WDFCALL(PVOID, TypedContextIndex, WDFOBJECT, const WDF_CONTEXT_TYPE *)(WdfDriverGlobals, Object, &Type##_Info))

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *Attributes, ULONG Type, ULONG Tag, SIZE_T Size, WDFMEMORY *Memory, PVOID *Buffer) {
    return WDFCALL(NTSTATUS, MemoryCreateIndex, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, WDFMEMORY *, PVOID *)(
        WdfDriverGlobals, Attributes, Type, Tag, Size, Memory, Buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *List, SIZE_T Size, ULONG Type, WDF_OBJECT_ATTRIBUTES *Each, ULONG Tag, WDFLOOKASIDE *Out) {
    return WDFCALL(NTSTATUS, LookasideListCreateIndex, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, WDFLOOKASIDE *)(
        WdfDriverGlobals, List, Size, Type, Each, Tag, Out);
}
ALWAYS_INLINE void WdfObjectReferenceWithTag(WDFOBJECT Object, ULONG Tag) {
    WDFCALL(void, ReferenceIndex, WDFOBJECT, PVOID, LONG, const CHAR *)(WdfDriverGlobals, Object, (PVOID)(ULONG_PTR)Tag, __LINE__, "endpoint.c");
}
ALWAYS_INLINE void WdfObjectDereferenceWithTag(WDFOBJECT Object, ULONG Tag) {
    WDFCALL(void, DereferenceIndex, WDFOBJECT, PVOID, LONG, const CHAR *)(WdfDriverGlobals, Object, (PVOID)(ULONG_PTR)Tag, __LINE__, "endpoint.c");
}
ALWAYS_INLINE void WDF_OBJECT_ATTRIBUTES_INIT(WDF_OBJECT_ATTRIBUTES *Attributes) {
    memset(Attributes, 0, sizeof(*Attributes));
    Attributes->Size = sizeof(*Attributes);
    Attributes->ExecutionLevel = 1;
    Attributes->SynchronizationScope = 1;
}

/* ---- the driver's objects ---- */

typedef struct { ULONG Parameter[2], Status, Control; } TRB;
typedef struct RING_SEGMENT { struct RING_SEGMENT *Next; TRB *Trbs; PHYSICAL_ADDRESS Address; ULONG Index; } RING_SEGMENT;
typedef struct { RING_SEGMENT *First, *Last, *Enqueue; ULONG SegmentCount, TrbsPerSegment, CycleState, PoolTag; ULONG_PTR Lock; } RING;
typedef struct { ULONG Signature; RING Ring; ULONG Kind, MaxPacket, StreamCount; PVOID Streams, Isoch; LIST_ENTRY Transfers; WDFLOOKASIDE TransferList; } ENDPOINT_CONTEXT;
typedef struct CONTROLLER_CONTEXT {
    ULONG Signature;
    WDFDEVICE Device;
    WDFMEMORY RegisterMemory, ScratchpadMemory;
    UCHAR *Registers, *Scratchpad;
    RING CommandRing, EventRing[4];
    LOOKASIDE UrbList, RequestList;
    REMOVE_LOCK Lock;
    PVOID Slots[16], DmaPool, Mapping, DeviceTable[8];
    PVOID Log;
    ULONG Quirks, SlotCount, Revision;
    CHAR Name[8];
} CONTROLLER_CONTEXT;
WDF_DECLARE_CONTEXT(CONTROLLER_CONTEXT);
WDF_DECLARE_CONTEXT(ENDPOINT_CONTEXT);

/* What all of the driver shares; the tags are here so that a verifier's setting can change them. */
typedef struct { DRIVER_OBJECT *DriverObject; WDFDRIVER Driver; ULONG ControllerTag, SlotTag, StreamTag; ULONG64 EtwHandle; LIST_ENTRY Controllers; } HOST_GLOBALS;
static HOST_GLOBALS HostGlobals;

#define TAG_DESCRIPTOR 'cseD' /* see DescriptorRead */
#define CONTROLLER_SIGNATURE 'lrtC'
#define ENDPOINT_SIGNATURE 'tpdE'

/* Provider of events, and the interface of the extension: some of their bytes happen to be letters. */
static const GUID EtwProvider = {0x66425355, 0x4C43, 0x4D44, {0xA1, 0x5B, 0x4B, 0x75, 0x48, 0x63, 0x39, 0x78}}; //~ USBf guid //~ KuHc guid
static const GUID ExtensionInterface = {0x3158636D, 0x11A7, 0x4F2E, {0x8E, 0x31, 0x62, 0x55, 0x73, 0x46, 0x90, 0x01}}; //~ mcX1 guid //~ bUsF guid

/* ---- rings: a ring keeps the tag of what it is for, and grows with it ---- */

NOINLINE static RING_SEGMENT *RingSegmentAllocate(RING *Ring) {
    RING_SEGMENT *Segment = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(RING_SEGMENT), Ring->PoolTag);
    SIZE_T Bytes = Ring->TrbsPerSegment * sizeof(TRB);

    if (Segment == NULL) return NULL;
    memset(Segment, 0, sizeof(RING_SEGMENT));
    Segment->Trbs = ExAllocatePool2(POOL_FLAG_NON_PAGED, Bytes, 'sbrT'); //= Trbs any direct
    if (Segment->Trbs == NULL) {
        ExFreePoolWithTag(Segment, Ring->PoolTag);
        return NULL;
    }
    Segment->Address = MmGetPhysicalAddress(Segment->Trbs);
    return Segment;
}

NOINLINE static NTSTATUS RingGrow(RING *Ring, ULONG Count) {
    while (Count-- != 0) {
        RING_SEGMENT *Segment = RingSegmentAllocate(Ring);

        if (Segment == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Segment->Index = Ring->SegmentCount++;
        if (Ring->Last == NULL) Ring->First = Ring->Enqueue = Segment;
        else Ring->Last->Next = Segment;
        Ring->Last = Segment;
        Segment->Next = Ring->First;
    }
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS RingInitialize(RING *Ring, ULONG Segments, ULONG Trbs, ULONG Tag) {
    memset(Ring, 0, sizeof(*Ring));
    Ring->TrbsPerSegment = Trbs;
    Ring->CycleState = 1;
    Ring->PoolTag = Tag;
    KeInitializeSpinLock(&Ring->Lock);
    return RingGrow(Ring, Segments);
}

NOINLINE static void RingWrite(RING *Ring, ULONG Index, ULONG Low, ULONG High, ULONG Control) {
    TRB *Trb = &Ring->Enqueue->Trbs[Index];

    Trb->Parameter[0] = Low;
    Trb->Parameter[1] = High;
    Trb->Status = 0;
    Trb->Control = Control | Ring->CycleState;
}

/* ---- buffers by size class ---- */

typedef struct { SIZE_T Size; ULONG Tag; USHORT Depth; } BUFFER_CLASS;
typedef struct { LOOKASIDE List; SIZE_T Size; ULONG Outstanding; } BUFFER_POOL;
static const BUFFER_CLASS BufferClasses[] = {
    {64, '0fBU', 256}, //= UBf0 any lookaside-loop
    {512, '1fBU', 64}, //= UBf1 any lookaside-loop
    {4096, '2fBU', 16}, //= UBf2 any lookaside-loop
    {16384, '3fBU', 4}, //= UBf3 any lookaside-loop
};
#define BUFFER_CLASS_COUNT (sizeof(BufferClasses) / sizeof(BufferClasses[0]))
static BUFFER_POOL BufferPools[BUFFER_CLASS_COUNT];

NOINLINE static NTSTATUS BufferPoolsInitialize(void) {
    for (ULONG i = 0; i < BUFFER_CLASS_COUNT; i++) {
        NTSTATUS Status = ExInitializeLookasideListEx(&BufferPools[i].List, NULL, NULL, NonPagedPoolNx, 0, BufferClasses[i].Size, BufferClasses[i].Tag, BufferClasses[i].Depth);

        if (Status < 0) return Status;
        BufferPools[i].Size = BufferClasses[i].Size;
    }
    return STATUS_SUCCESS;
}

NOINLINE static PVOID BufferGet(SIZE_T Size) {
    for (ULONG i = 0; i < BUFFER_CLASS_COUNT; i++)
        if (Size <= BufferPools[i].Size) {
            PVOID p = ExpInterlockedPopEntrySList(&BufferPools[i].List);

            BufferPools[i].Outstanding++;
            if (p != NULL) return p;
            break;
        }
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, 'rLBU'); //= UBLr any direct
}

/* ---- endpoints ---- */

enum { KindControl, KindIsoch, KindBulk, KindInterrupt };
typedef struct { const CHAR *Name; ULONG RingTag; USHORT Segments, Trbs; } ENDPOINT_KIND;
static const ENDPOINT_KIND EndpointKinds[4] = {
    {"CTRL", 'cREU', 1, 64}, //= UERc any tag-table //~ CTRL text
    {"ISOC", 'iREU', 4, 256}, //= UERi any tag-table //~ ISOC text
    {"BULK", 'bREU', 2, 256}, //= UERb any tag-table //~ BULK text
    {"INTR", 'nREU', 1, 64}, //= UERn any tag-table //~ INTR text
};

NOINLINE static NTSTATUS EndpointStreams(ENDPOINT_CONTEXT *Endpoint, ULONG Count) {
    if (Endpoint->Kind != KindBulk || Count > 65533) return STATUS_INVALID_PARAMETER;
    Endpoint->Streams = ExAllocatePoolWithTag(NonPagedPoolNx, Count * sizeof(RING), HostGlobals.StreamTag);
    if (Endpoint->Streams == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG i = 0; i < Count; i++) {
        NTSTATUS Status = RingInitialize((RING *)Endpoint->Streams + i, 1, 64, 'sREU'); //= UERs any object-field

        if (Status < 0) return Status;
    }
    Endpoint->StreamCount = Count;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS EndpointCreate(CONTROLLER_CONTEXT *Controller, const UCHAR *Descriptor, WDFOBJECT *Out) {
    WDF_OBJECT_ATTRIBUTES Attributes;
    ENDPOINT_CONTEXT *Endpoint;
    ULONG Kind = Descriptor[3] & 3;
    NTSTATUS Status;

    WDF_OBJECT_ATTRIBUTES_INIT(&Attributes);
    Attributes.ContextTypeInfo = &ENDPOINT_CONTEXT_Info;
    Attributes.ParentObject = Controller->Device;
    Status = WDFCALL(NTSTATUS, ObjectCreateIndex, WDF_OBJECT_ATTRIBUTES *, WDFOBJECT *)(WdfDriverGlobals, &Attributes, Out);
    if (Status < 0) return Status;
    Endpoint = WDF_CONTEXT(ENDPOINT_CONTEXT, *Out);
    Endpoint->Signature = ENDPOINT_SIGNATURE; //~ Edpt magic
    Endpoint->Kind = Kind;
    Endpoint->MaxPacket = Descriptor[4] | (Descriptor[5] & 7) << 8;
    Endpoint->Transfers.Flink = Endpoint->Transfers.Blink = &Endpoint->Transfers;
    Status = RingInitialize(&Endpoint->Ring, EndpointKinds[Kind].Segments, EndpointKinds[Kind].Trbs, EndpointKinds[Kind].RingTag);
    if (Status < 0) return Status;
    if (Kind == KindIsoch) Endpoint->Isoch = ExAllocatePoolWithTag(NonPagedPoolNx, 8 * Endpoint->MaxPacket, 'cosI'); //= Isoc any direct
    Attributes.ContextTypeInfo = NULL;
    Attributes.ParentObject = *Out;
    Status = WdfLookasideListCreate(&Attributes, 160, NonPagedPoolNx, NULL, 'rfxT', &Endpoint->TransferList); //= Txfr any wdf-function
    if (Status >= 0) WdfObjectReferenceWithTag(*Out, 'tpEh'); //~ hEpt wdf-reference
    return Status;
}

NOINLINE static void EndpointClose(WDFOBJECT Object) {
    ENDPOINT_CONTEXT *Endpoint = WDF_CONTEXT(ENDPOINT_CONTEXT, Object);

    if (Endpoint->Signature != ENDPOINT_SIGNATURE) KeBugCheckEx(0x144, 0x1005, (ULONG_PTR)Object, 'tpEB', 0); //~ BEpt bug-check
    if (Endpoint->Streams != NULL) ExFreePoolWithTag(Endpoint->Streams, HostGlobals.StreamTag);
    Endpoint->Signature = 'dsoC'; //~ Cosd magic
    WdfObjectDereferenceWithTag(Object, 'tpEh');
}

/* ---- device slots ---- */

typedef struct { ULONG Signature; UCHAR *Input, *Output; UCHAR Address, Speed, Port; PVOID Configuration; WDFOBJECT Endpoints[31]; } SLOT;

NOINLINE static SLOT *SlotEnable(CONTROLLER_CONTEXT *Controller, ULONG Number, BOOLEAN Large) {
    SLOT *Slot = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(SLOT), HostGlobals.SlotTag);

    if (Slot == NULL) return NULL;
    memset(Slot, 0, sizeof(SLOT));
    Slot->Signature = 'tolS'; //~ Slot magic
    Slot->Input = ExAllocatePoolWithTag(NonPagedPoolNx, Large ? 0x840 : 0x420, Large ? 'LnIU' : 'SnIU'); //= UInL any ternary //= UInS any ternary
    Slot->Output = ExAllocatePool2(POOL_FLAG_NON_PAGED, Large ? 0x800 : 0x400, 'ntOU'); //= UOtn any direct
    RingWrite(&Controller->CommandRing, Number & 63, (ULONG)(ULONG_PTR)Slot->Input, 0, 11 << 10 | Number << 24);
    Controller->Slots[Number & 15] = Slot;
    return Slot;
}

NOINLINE static void SlotDisable(CONTROLLER_CONTEXT *Controller, ULONG Number) {
    SLOT *Slot = Controller->Slots[Number & 15];

    if (Slot == NULL || Slot->Signature != 'tolS') return;
    ExFreePoolWithTag(Slot->Output, 'ntOU');
    ExFreePoolWithTag(Slot->Configuration, 'gfCU'); //= UCfg any free
    Controller->Slots[Number & 15] = NULL;
    ExFreePoolWithTag(Slot, HostGlobals.SlotTag);
}

/* ---- descriptors ---- */

NOINLINE static PVOID DescriptorBuffer(SIZE_T Size) {
    UCHAR *Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Size, TAG_DESCRIPTOR); //= Desc any direct

    if (Buffer != NULL) memset(Buffer, 0, Size);
    return Buffer;
}

NOINLINE static NTSTATUS DescriptorConfiguration(SLOT *Slot, const UCHAR *Raw, ULONG Length) {
    PUCHAR Bad = NULL;
    NTSTATUS Status = USBD_ValidateConfigurationDescriptor(Raw, Length, 3, &Bad, 'dlVU'); //= UVld any direct
    PVOID Copy;

    if (Status < 0) return Status;
    Copy = DescriptorBuffer(Length);
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Raw, Length);
    Slot->Configuration = Copy;
    return STATUS_SUCCESS;
}

NOINLINE static BOOLEAN DescriptorIsVendorString(const UCHAR *Raw) { /* "MSFT100" and a code, in wide characters */
    const ULONG *Words = (const ULONG *)(Raw + 2);

    return Raw[0] == 18 && Words[0] == 0x0053004D && Words[1] == 0x00540046;
}

/* Mass storage: what a probe of a bulk pipe sends and expects. */
typedef struct { ULONG Signature, Tag, Length; UCHAR Flags, Lun, CommandLength, Command[16]; } COMMAND_WRAPPER;
NOINLINE static NTSTATUS StorageProbe(ENDPOINT_CONTEXT *Endpoint, ULONG Sequence) {
    COMMAND_WRAPPER *Wrapper = BufferGet(512);
    const ULONG *Answer;

    if (Wrapper == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Wrapper, 0, sizeof(*Wrapper));
    Wrapper->Signature = 'CBSU'; //~ USBC firmware-table
    Wrapper->Tag = Sequence != 0 ? Sequence : 'brPU'; //~ UPrb magic
    Wrapper->Length = 36;
    Wrapper->Flags = 0x80;
    Wrapper->CommandLength = 6;
    Wrapper->Command[0] = 0x12;
    RingWrite(&Endpoint->Ring, 0, (ULONG)(ULONG_PTR)Wrapper, 0, 1 << 10 | 1 << 5);
    Answer = (const ULONG *)((const UCHAR *)Wrapper + 64);
    if (Answer[0] != 'SBSU' || Answer[1] != Wrapper->Tag) return -1; //~ USBS firmware-table
    return Answer[3] == 0 ? STATUS_SUCCESS : -2;
}

/* ---- the hub, a client of this driver's extension ---- */

typedef struct HOST_CLIENT_CONFIG {
    ULONG Size, Flags, PoolTag;
    NTSTATUS (*Start)(PVOID Client);
    NTSTATUS (*PortChange)(PVOID Client, ULONG Port, ULONG Status);
    void (*Stop)(PVOID Client);
} HOST_CLIENT_CONFIG;
typedef struct HOST_CLIENT { LIST_ENTRY Link; HOST_CLIENT_CONFIG Config; PVOID Context, Scratch; ULONG Generation; } HOST_CLIENT;
static LIST_ENTRY Clients;

NOINLINE static NTSTATUS HostClientRegister(const HOST_CLIENT_CONFIG *Config, HOST_CLIENT **Out) {
    HOST_CLIENT *Client;

    if (Config->Size != sizeof(*Config)) return STATUS_INVALID_PARAMETER;
    Client = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(HOST_CLIENT), 'tnlC'); //= Clnt any direct
    if (Client == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Client->Config = *Config;
    Client->Link.Flink = Clients.Flink;
    Client->Link.Blink = &Clients;
    Clients.Flink = &Client->Link;
    *Out = Client;
    return Client->Config.Start(Client);
}

NOINLINE static PVOID HostClientAllocate(HOST_CLIENT *Client, SIZE_T Size) {
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Client->Config.PoolTag);

    if (p != NULL) memset(p, 0, Size);
    return p;
}

typedef struct { ULONG Signature, PortCount, Power; USHORT *PortStatus; PVOID WorkItem; UCHAR *DeviceStrings; } HUB;
NOINLINE static NTSTATUS HubStart(PVOID Argument) {
    HOST_CLIENT *Client = Argument;
    HUB *Hub = HostClientAllocate(Client, sizeof(HUB));

    if (Hub == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Hub->Signature = '3BUH'; //~ HUB3 magic
    Hub->PortCount = 15;
    Hub->PortStatus = ExAllocatePoolWithTag(NonPagedPoolNx, Hub->PortCount * sizeof(USHORT), 'tSPU'); //= UPSt any direct
    Client->Context = Hub;
    return Hub->PortStatus != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS HubPortChange(PVOID Argument, ULONG Port, ULONG Status) {
    HOST_CLIENT *Client = Argument;
    HUB *Hub = Client->Context;

    if (Hub->Signature != '3BUH' || Port >= Hub->PortCount) KeBugCheckEx(0x144, 0x3001, Port, '3BUH', 0);
    Hub->PortStatus[Port] = (USHORT)Status;
    if ((Status & 1) != 0 && Hub->DeviceStrings == NULL) Hub->DeviceStrings = ExAllocatePoolWithTag(PagedPool, 256, 'rtSU'); //= UStr any direct
    return STATUS_SUCCESS;
}
NOINLINE static void HubStop(PVOID Argument) {
    HOST_CLIENT *Client = Argument;
    HUB *Hub = Client->Context;

    ExFreePoolWithTag(Hub->PortStatus, 'tSPU');
    Hub->Signature = '3buh'; //~ hub3 magic
    ExFreePoolWithTag(Hub, Client->Config.PoolTag);
}
static const HOST_CLIENT_CONFIG HubConfig = {sizeof(HOST_CLIENT_CONFIG), 1, 'CbHU', HubStart, HubPortChange, HubStop}; //= UHbC any object-field

NOINLINE static NTSTATUS DebugStart(PVOID Argument) {
    HOST_CLIENT *Client = Argument;

    Client->Scratch = HostClientAllocate(Client, 1024);
    return Client->Scratch != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS DebugPortChange(PVOID Argument, ULONG Port, ULONG Status) { return Port == 1 && Status != 0 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; }
NOINLINE static void DebugStop(PVOID Argument) { ((HOST_CLIENT *)Argument)->Generation++; }

NOINLINE static NTSTATUS DebugRegister(const ULONG *Table, HOST_CLIENT **Out) { /* a debug port, if the firmware says so */
    HOST_CLIENT_CONFIG Config;

    if (Table[0] != '2GBD' && Table[0] != 'PGBD') return STATUS_NOT_SUPPORTED; //~ DBG2 firmware-table //~ DBGP firmware-table
    memset(&Config, 0, sizeof(Config));
    Config.Size = sizeof(Config);
    Config.PoolTag = 'CbDU'; //= UDbC any object-field
    Config.Start = DebugStart;
    Config.PortChange = DebugPortChange;
    Config.Stop = DebugStop;
    return HostClientRegister(&Config, Out);
}

/* Ports that the firmware describes: names of its methods. */
NOINLINE static ULONG PortCapability(const ULONG *Node) {
    switch (Node[1]) {
    case 'CPU_': return 1; //~ _UPC firmware-table
    case 'DLP_': return 2; //~ _PLD firmware-table
    case 'DSD_': return 4; //~ _DSD firmware-table
    default: return 0;
    }
}

/* ---- the controller ---- */

NOINLINE static NTSTATUS ControllerMemory(CONTROLLER_CONTEXT *Controller, SIZE_T Size, ULONG Tag, WDFMEMORY *Memory, PVOID Buffer) {
    WDF_OBJECT_ATTRIBUTES Attributes;

    WDF_OBJECT_ATTRIBUTES_INIT(&Attributes);
    Attributes.ParentObject = Controller->Device;
    return WdfMemoryCreate(&Attributes, NonPagedPoolNx, Tag, Size, Memory, Buffer);
}

static PVOID CALL DeviceTableAllocate(PVOID Table, ULONG Size) { return ExAllocatePoolWithTag(NonPagedPoolNx, Size, 'bTDU'); } //= UDTb any callback
static void CALL DeviceTableFree(PVOID Table, PVOID p) { ExFreePoolWithTag(p, 'bTDU'); }
static int CALL DeviceTableCompare(PVOID Table, const ULONG *a, const ULONG *b) { return *a < *b ? 0 : *a > *b ? 1 : 2; }

NOINLINE static NTSTATUS ControllerPrepare(CONTROLLER_CONTEXT *Controller) {
    PHYSICAL_ADDRESS Low = {{0, 0}}, High = {{~0u, 0}}, None = {{0, 0}};
    SIZE_T Bytes = 65536;
    NTSTATUS Status;

    Controller->Signature = CONTROLLER_SIGNATURE; //~ Ctrl magic
    memcpy(Controller->Name, "xHCI_01", 8); //~ xHCI text //~ "_01\0" text
    IoInitializeRemoveLockEx(&Controller->Lock, 'kLHU', 0, 0, sizeof(Controller->Lock)); //~ UHLk remove-lock
    Status = ControllerMemory(Controller, 4096, 'geRU', &Controller->RegisterMemory, &Controller->Registers); //= UReg any wdf-function
    if (Status < 0) return Status;
    Status = ControllerMemory(Controller, 32 * 4096, 'dpSU', &Controller->ScratchpadMemory, &Controller->Scratchpad); //= USpd any wdf-function
    if (Status < 0) return Status;
    Status = RingInitialize(&Controller->CommandRing, 1, 64, 'dmCU'); //= UCmd any object-field
    for (ULONG i = 0; i < 4 && Status >= 0; i++) Status = RingInitialize(&Controller->EventRing[i], 2, 256, 'tvEU'); //= UEvt any object-field
    if (Status < 0) return Status;
    ExInitializeNPagedLookasideList(&Controller->UrbList, NULL, NULL, 0, 192, 'brUU', 0); //= UUrb any lookaside
    ExInitializeNPagedLookasideList(&Controller->RequestList, NULL, NULL, 512, 320, 'qeRU', 0); //= UReq any lookaside
    Status = MmAllocateContiguousMemoryEx(&Bytes, Low, High, None, 0, 4, NULL, 'amDU', 0, &Controller->DmaPool); //= UDma any direct
    if (Status < 0) return Status;
    Controller->Mapping = MmAllocateMappingAddress(1 << 20, 'paMU'); //= UMap any direct
    RtlInitializeGenericTableAvl(Controller->DeviceTable, DeviceTableCompare, DeviceTableAllocate, DeviceTableFree, Controller);
    return Controller->Mapping != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static void ControllerSelfTest(CONTROLLER_CONTEXT *Controller) { /* a pattern through the scratchpad */
    ULONG *Words = (ULONG *)Controller->Scratchpad;

    for (ULONG i = 0; i < 1024; i++) Words[i] = (i & 1) != 0 ? 'tseT' : 'TSET'; //~ Test magic //~ TEST magic
    for (ULONG i = 0; i < 1024; i++)
        if (Words[i] != ((i & 1) != 0 ? 'tseT' : 'TSET')) DbgPrint("%s: scratchpad differs at %u\n", Controller->Name, i);
}

NOINLINE static NTSTATUS CALL EvtDeviceAdd(WDFDRIVER Driver, PVOID Init) {
    WDF_OBJECT_ATTRIBUTES Attributes;
    CONTROLLER_CONTEXT *Controller;
    HOST_CLIENT *Hub, *Debug;
    WDFOBJECT Endpoint;
    WDFDEVICE Device;
    UCHAR *Raw;
    SLOT *Slot;
    NTSTATUS Status;

    WDF_OBJECT_ATTRIBUTES_INIT(&Attributes);
    Attributes.ContextTypeInfo = &CONTROLLER_CONTEXT_Info;
    Status = WDFCALL(NTSTATUS, DeviceCreateIndex, PVOID *, WDF_OBJECT_ATTRIBUTES *, WDFDEVICE *)(WdfDriverGlobals, &Init, &Attributes, &Device);
    if (Status < 0) return Status;
    Controller = WDF_CONTEXT(CONTROLLER_CONTEXT, Device);
    Controller->Device = Device;
    Status = ControllerPrepare(Controller);
    if (Status < 0) return Status;
    ControllerSelfTest(Controller);
    Raw = ExAllocatePoolWithTag(NonPagedPoolNx, 4096, HostGlobals.ControllerTag);
    if (Raw == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Slot = SlotEnable(Controller, Raw[0], (Controller->Quirks & 4) != 0);
    if (Slot == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = EndpointCreate(Controller, Raw + 9, &Endpoint);
    if (Status < 0) return Status;
    if (!DescriptorIsVendorString(Raw)) Status = DescriptorConfiguration(Slot, Raw, 256);
    if (Status >= 0) Status = EndpointStreams(WDF_CONTEXT(ENDPOINT_CONTEXT, Endpoint), Raw[1]);
    if (Status >= 0) Status = StorageProbe(WDF_CONTEXT(ENDPOINT_CONTEXT, Endpoint), Raw[2]);
    Controller->Quirks |= PortCapability((const ULONG *)Raw);
    ExFreePoolWithTag(Raw, HostGlobals.ControllerTag);
    EndpointClose(Endpoint);
    SlotDisable(Controller, Controller->SlotCount);
    if (HostClientRegister(&HubConfig, &Hub) >= 0) Status = Hub->Config.PortChange(Hub, 1, 1);
    if (DebugRegister((const ULONG *)Controller->Registers, &Debug) >= 0) Debug->Config.Stop(Debug);
    EtwRegister(&EtwProvider, NULL, NULL, &HostGlobals.EtwHandle);
    EtwWrite(HostGlobals.EtwHandle, &ExtensionInterface, NULL, 0, NULL);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
    WDF_DRIVER_CONFIG Config;
    NTSTATUS Status = WdfVersionBind(Driver, Path, &WdfBindInfo, &WdfDriverGlobals);

    if (Status < 0) return Status;
    HostGlobals.DriverObject = Driver;
    HostGlobals.ControllerTag = 'oCHU'; //= UHCo any object-field
    HostGlobals.SlotTag = 'lSHU'; //= UHSl any object-field
    HostGlobals.StreamTag = 'mSHU'; //= UHSm any object-field
    HostGlobals.Controllers.Flink = HostGlobals.Controllers.Blink = &HostGlobals.Controllers;
    Clients.Flink = Clients.Blink = &Clients;
    Status = BufferPoolsInitialize();
    if (Status < 0) return Status;
    memset(&Config, 0, sizeof(Config));
    Config.Size = sizeof(Config);
    Config.EvtDriverDeviceAdd = EvtDeviceAdd;
    Config.DriverPoolTag = 'rDHU'; //= UHDr any wdf-config
    Status = WDFCALL(NTSTATUS, DriverCreateIndex, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, WDFDRIVER *)(
        WdfDriverGlobals, Driver, Path, NULL, &Config, &HostGlobals.Driver);
    if (Status < 0) WdfVersionUnbind(Path, &WdfBindInfo, WdfDriverGlobals);
    return Status;
}
