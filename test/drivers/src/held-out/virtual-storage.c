// Held out: the drivers of a virtual machine's guest, as open source has them: virtqueues over an operations table, a storage miniport, a
// network adapter, a framework driver with memory objects and lookaside lists, and the evaluation of firmware methods.
#include "kernel.h"

/* ---- common ---- */

#define VIOSTOR_POOL_TAG 'SoiV'
#define VIRTIO_NET_POOL_TAG 'NtiV'
#define VIRTIO_NET_MEM_TAG '5muQ'
#define VIRT_ACPI_TAG 'pcAV'
#define ALLOC_NPAGED(Size, Tag) ExAllocatePoolWithTag(NonPagedPoolNx, (Size), (Tag))
#define ALLOC_PAGED(Size, Tag) ExAllocatePoolWithTag(PagedPool, (Size), (Tag))
#define RETURN_IF_NULL(Pointer) do { if ((Pointer) == NULL) return STATUS_INSUFFICIENT_RESOURCES; } while (0)

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

typedef struct VirtIODevice VirtIODevice;
typedef struct virtqueue virtqueue;
typedef struct {
    u32 (*read_dword)(ULONG_PTR port);
    void (*write_dword)(ULONG_PTR port, u32 value);
    PVOID (*mem_alloc_contiguous_pages)(PVOID context, SIZE_T size);
    void (*mem_free_contiguous_pages)(PVOID context, PVOID virt);
    u64 (*mem_get_physical_address)(PVOID context, PVOID virt);
    PVOID (*mem_alloc_nonpaged_block)(PVOID context, SIZE_T size);
    void (*mem_free_nonpaged_block)(PVOID context, PVOID addr);
} VirtIOSystemOps;
typedef struct { virtqueue *vq; u16 num; PVOID queue; } VirtIOQueueInfo;
struct VirtIODevice { const VirtIOSystemOps *system; PVOID DeviceContext; ULONG_PTR addr; ULONG maxQueues; VirtIOQueueInfo *info; VirtIOQueueInfo inlineInfo[4]; u64 features; };
struct virtqueue { VirtIODevice *vdev; u32 index, num_free, num_added; PVOID desc; PVOID opaque[1]; };

NOINLINE static NTSTATUS virtio_device_initialize(VirtIODevice *vdev, const VirtIOSystemOps *ops, PVOID context, ULONG queues)
{
    memset(vdev, 0, sizeof(*vdev));
    vdev->DeviceContext = context;
    vdev->system = ops;
    vdev->info = vdev->inlineInfo;
    vdev->maxQueues = queues;
    if (queues > 4) {
        vdev->info = ops->mem_alloc_nonpaged_block(context, queues * sizeof(VirtIOQueueInfo));
        RETURN_IF_NULL(vdev->info);
        memset(vdev->info, 0, queues * sizeof(VirtIOQueueInfo));
    }
    if (ops->read_dword(vdev->addr) != 'triv') { //~ virt magic
        return STATUS_NOT_SUPPORTED;
    }
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS virtio_find_queue(VirtIODevice *vdev, u32 index, virtqueue **out)
{
    VirtIOQueueInfo *info = &vdev->info[index];
    virtqueue *vq;

    info->num = (u16)vdev->system->read_dword(vdev->addr + 12);
    info->queue = vdev->system->mem_alloc_contiguous_pages(vdev->DeviceContext, info->num * 26 + 4096);
    RETURN_IF_NULL(info->queue);
    vq = vdev->system->mem_alloc_nonpaged_block(vdev->DeviceContext, sizeof(virtqueue) + info->num * sizeof(PVOID));
    RETURN_IF_NULL(vq);
    vq->vdev = vdev;
    vq->index = index;
    vq->num_free = info->num;
    vq->desc = info->queue;
    vdev->system->write_dword(vdev->addr + 8, (u32)(vdev->system->mem_get_physical_address(vdev->DeviceContext, info->queue) >> 12));
    *out = info->vq = vq;
    return STATUS_SUCCESS;
}

/* ---- the storage miniport ---- */

ALWAYS_INLINE ULONG StorPortAllocatePool(PVOID Extension, ULONG Size, ULONG Tag, PVOID *Buffer)
{
    return StorPortExtendedFunction(0, Extension, Size, Tag, Buffer);
}

typedef struct {
    VirtIODevice vdev;
    virtqueue *vq[8];
    ULONG num_queues, poolOffset, poolSize;
    PVOID poolAllocationVa, requests, vpd, dpc;
    LIST_ENTRY list;
} ADAPTER_EXTENSION;

static u32 port_read(ULONG_PTR port) { return *(volatile u32 *)port; }
static void port_write(ULONG_PTR port, u32 value) { *(volatile u32 *)port = value; }

static PVOID stor_alloc_contiguous(PVOID context, SIZE_T size)
{
    ADAPTER_EXTENSION *adapt = context;
    PVOID ptr = (UCHAR *)adapt->poolAllocationVa + adapt->poolOffset;

    if (adapt->poolOffset + size > adapt->poolSize) {
        return NULL;
    }
    adapt->poolOffset += (ULONG)size;
    return ptr;
}
static PVOID stor_alloc_nonpaged(PVOID context, SIZE_T size)
{
    PVOID ptr = NULL;

    if (StorPortAllocatePool(context, (ULONG)size, VIOSTOR_POOL_TAG, &ptr) != 0) { //= VioS any storport-pool
        return NULL;
    }
    return ptr;
}
static void stor_free(PVOID context, PVOID ptr) { StorPortExtendedFunction(1, context, ptr); }
static u64 stor_physical(PVOID context, PVOID ptr) { return MmGetPhysicalAddress(ptr).QuadPart; }
static const VirtIOSystemOps VioStorSystemOps = {
    port_read, port_write, stor_alloc_contiguous, stor_free, stor_physical, stor_alloc_nonpaged, stor_free
};

NOINLINE static ULONG VirtIoFindAdapter(ADAPTER_EXTENSION *adapt, PVOID resources)
{
    ULONG index;

    adapt->num_queues = 8;
    adapt->poolSize = 0x20000;
    adapt->poolAllocationVa = resources;
    if (virtio_device_initialize(&adapt->vdev, &VioStorSystemOps, adapt, adapt->num_queues) < 0) {
        return 3;
    }
    for (index = 0; index < adapt->num_queues; index++) {
        if (virtio_find_queue(&adapt->vdev, index, &adapt->vq[index]) < 0) {
            return 3;
        }
    }
    if (StorPortAllocatePool(adapt, 256 * 96, 'qRiV', &adapt->requests) != 0 || //= ViRq any storport-pool
        StorPortAllocatePool(adapt, 4096, 'PVoi', &adapt->vpd) != 0) { //= ioVP any storport-pool
        return 2;
    }
    memcpy(adapt->vpd, "Red Hat VirtIO", 14); //~ Virt text
    return 1;
}

/* ---- the network adapter ---- */

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize, Flags; } NET_BUFFER_LIST_POOL_PARAMETERS;
typedef struct { VirtIODevice vdev; HANDLE MiniportHandle, BufferListsPool, RssPool; PVOID OffloadCfg, MulticastList; virtqueue *rx, *tx; LOOKASIDE TxBlocks; ULONG MaxPacket; } PARANDIS_ADAPTER;

static PVOID net_alloc_contiguous(PVOID context, SIZE_T size)
{
    PHYSICAL_ADDRESS low = { { 0 } }, high, boundary = { { 0 } };
    PVOID out = NULL;

    high.QuadPart = -1;
    MmAllocateContiguousMemoryEx(&size, low, high, boundary, 0x80000000, 4, NULL, 'gCtV', 0, &out); //= VtCg any operations-table
    return out;
}
static PVOID net_alloc_nonpaged(PVOID context, SIZE_T size)
{
    PARANDIS_ADAPTER *adapter = context;

    return NdisAllocateMemoryWithTagPriority(adapter->MiniportHandle, (UINT)size, VIRTIO_NET_MEM_TAG, 16); //= Qum5 allocation-call direct
}
static void net_free(PVOID context, PVOID ptr) { NdisFreeMemory(ptr, 0, 0); }
static const VirtIOSystemOps ParaNdisSystemOps = {
    port_read, port_write, net_alloc_contiguous, net_free, stor_physical, net_alloc_nonpaged, net_free
};

NOINLINE static PVOID ParaNdis_AllocateMemory(PARANDIS_ADAPTER *adapter, ULONG size)
{
    return NdisAllocateMemoryWithTagPriority(adapter->MiniportHandle, size, VIRTIO_NET_POOL_TAG, 16); //= VitN any wrapper-fixed
}

NOINLINE static NTSTATUS ParaNdis_Initialize(PARANDIS_ADAPTER *adapter, HANDLE handle)
{
    NET_BUFFER_LIST_POOL_PARAMETERS params;
    NTSTATUS status;

    memset(adapter, 0, sizeof(*adapter));
    adapter->MiniportHandle = handle;
    adapter->OffloadCfg = ParaNdis_AllocateMemory(adapter, 128);
    adapter->MulticastList = ParaNdis_AllocateMemory(adapter, 32 * 6);
    RETURN_IF_NULL(adapter->OffloadCfg);
    status = virtio_device_initialize(&adapter->vdev, &ParaNdisSystemOps, adapter, 6);
    if (status < 0) return status;
    memset(&params, 0, sizeof(params));
    params.Header.Type = 0x80;
    params.Header.Revision = 1;
    params.Header.Size = sizeof(params);
    params.AllocateNetBuffer = TRUE;
    params.PoolTag = 'lBtV'; //= VtBl structure-field ndis-parameters
    adapter->BufferListsPool = NdisAllocateNetBufferListPool(handle, &params);
    params.PoolTag = 'sRtV'; //= VtRs structure-field ndis-parameters
    params.ContextSize = 64;
    adapter->RssPool = NdisAllocateNetBufferListPool(handle, &params);
    NdisInitializeNPagedLookasideList(&adapter->TxBlocks, NULL, NULL, 0, 152, 'xTtV', 0); //= VtTx lookaside-init lookaside
    status = virtio_find_queue(&adapter->vdev, 0, &adapter->rx);
    return status < 0 ? status : virtio_find_queue(&adapter->vdev, 1, &adapter->tx);
}

/* ---- the framework driver: balloon, console ---- */

typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; ULONG Major, Minor, Build, FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID Cleanup, Destroy; ULONG ExecutionLevel, SynchronizationScope; HANDLE Parent; SIZE_T ContextSize; const void *TypeInfo; } WDF_OBJECT_ATTRIBUTES;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
enum { DriverCreateIndex = 116, MemoryCreateIndex = 192, LookasideListCreateIndex = 198, MemoryCreateFromLookasideIndex = 199 };
static WDFFUNC *WdfFunctions_01011;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO BindInfo = { sizeof(BindInfo), (PWSTR)L"KmdfLibrary", 1, 11, 0, 400, &WdfFunctions_01011, NULL };

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *Attributes, ULONG Type, ULONG Tag, SIZE_T Size, HANDLE *Memory, PVOID *Buffer)
{
    return ((NTSTATUS(CALL *)(PVOID, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *))WdfFunctions_01011[MemoryCreateIndex])(
        WdfDriverGlobals, Attributes, Type, Tag, Size, Memory, Buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *Attributes, SIZE_T Size, ULONG Type, WDF_OBJECT_ATTRIBUTES *Memory, ULONG Tag, HANDLE *List)
{
    return ((NTSTATUS(CALL *)(PVOID, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, HANDLE *))WdfFunctions_01011[LookasideListCreateIndex])(
        WdfDriverGlobals, Attributes, Size, Type, Memory, Tag, List);
}
ALWAYS_INLINE void WDF_OBJECT_ATTRIBUTES_INIT(WDF_OBJECT_ATTRIBUTES *Attributes)
{
    memset(Attributes, 0, sizeof(*Attributes));
    Attributes->Size = sizeof(*Attributes);
    Attributes->ExecutionLevel = 1;
    Attributes->SynchronizationScope = 1;
}

typedef struct { HANDLE Device, StatLookaside, PfnMemory, PortList; PVOID PfnTable, Stats, Control; ADAPTER_EXTENSION *Storage; PARANDIS_ADAPTER *Net; } DEVICE_CONTEXT;
static DEVICE_CONTEXT *Context;
static HANDLE DriverHandle;

NOINLINE static NTSTATUS BalloonInit(DEVICE_CONTEXT *Device)
{
    WDF_OBJECT_ATTRIBUTES Attributes;
    NTSTATUS Status;

    WDF_OBJECT_ATTRIBUTES_INIT(&Attributes);
    Attributes.Parent = Device->Device;
    Status = WdfLookasideListCreate(&Attributes, 192, NonPagedPoolNx, NULL, 'pLlB', &Device->StatLookaside); //= BlLp framework-call wdf-function
    if (Status < 0) return Status;
    WDF_OBJECT_ATTRIBUTES_INIT(&Attributes);
    Attributes.Parent = Device->Device;
    Status = WdfMemoryCreate(&Attributes, NonPagedPoolNx, 'nPlB', 4096, &Device->PfnMemory, &Device->PfnTable); //= BlPn framework-call wdf-function
    if (Status < 0) return Status;
    Device->Stats = ALLOC_NPAGED(160, 'tSlB'); //= BlSt allocation-call direct
    Device->Control = ALLOC_PAGED(64, 'tClB'); //= BlCt allocation-call direct
    RETURN_IF_NULL(Device->Stats);
    return Device->Control != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS VIOSerialAddPort(DEVICE_CONTEXT *Device, ULONG Id, const CHAR *Name, SIZE_T Length)
{
    PVOID Buffer;
    NTSTATUS Status = WdfMemoryCreate(NULL, PagedPool, 'oPlB', Length + 1, &Device->PortList, &Buffer); //= BlPo framework-call wdf-function

    if (Status < 0) return Status;
    memcpy(Buffer, Name, Length);
    *((CHAR *)Buffer + Length) = 0;
    return Id == 'trop' ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS; //~ port magic
}

/* ---- firmware methods ---- */

typedef struct { ULONG Signature; ULONG MethodNameAsUlong; ULONG_PTR IntegerArgument; } ACPI_EVAL_INPUT;
typedef struct { USHORT Type, DataLength; ULONG Argument; } ACPI_ARGUMENT;
typedef struct { ULONG Signature, Length, Count; ACPI_ARGUMENT Argument[1]; } ACPI_EVAL_OUTPUT;

NOINLINE static NTSTATUS AcpiEvaluate(DEVICE_OBJECT *Pdo, ULONG Method, ULONG Size, ACPI_EVAL_OUTPUT **Out)
{
    ACPI_EVAL_INPUT *Input = ALLOC_PAGED(sizeof(*Input), VIRT_ACPI_TAG); //= VAcp allocation-call direct
    ACPI_EVAL_OUTPUT *Output;
    PVOID Irp;

    RETURN_IF_NULL(Input);
    Input->Signature = 'IieA'; //~ AeiI firmware-table
    Input->MethodNameAsUlong = Method;
    Output = ALLOC_PAGED(Size, 'oeAV'); //= VAeo allocation-call direct
    if (Output == NULL) {
        ExFreePoolWithTag(Input, VIRT_ACPI_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Irp = IoBuildDeviceIoControlRequest(0x32C004, Pdo, Input, sizeof(*Input), Output, Size, FALSE, NULL, NULL);
    if (Irp == NULL || Output->Signature != 'BoeA') { //~ AeoB firmware-table
        ExFreePoolWithTag(Output, 'oeAV');
        return STATUS_INVALID_PARAMETER;
    }
    *Out = Output;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS AcpiStart(DEVICE_OBJECT *Pdo)
{
    ACPI_EVAL_OUTPUT *Output;
    NTSTATUS Status = AcpiEvaluate(Pdo, 'SRC_', 256, &Output); //~ _CRS firmware-table

    if (Status < 0) return Status;
    Status = AcpiEvaluate(Pdo, 'DDA_', 64, &Output); //~ _ADD firmware-table
    return Status < 0 ? Status : AcpiEvaluate(Pdo, 'ATS_', 64, &Output); //~ _STA firmware-table
}

/* ---- the driver ---- */

NOINLINE static NTSTATUS CALL EvtDeviceAdd(HANDLE Driver, PVOID Init)
{
    NTSTATUS Status;

    Context = ALLOC_NPAGED(sizeof(*Context), 'xCiV'); //= ViCx allocation-call direct
    RETURN_IF_NULL(Context);
    memset(Context, 0, sizeof(*Context));
    Context->Device = Driver;
    Context->Storage = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(ADAPTER_EXTENSION), 'xAiV'); //= ViAx allocation-call direct
    RETURN_IF_NULL(Context->Storage);
    if (VirtIoFindAdapter(Context->Storage, Init) != 1) return STATUS_NOT_SUPPORTED;
    if (NdisAllocateMemoryWithTag((PVOID *)&Context->Net, sizeof(PARANDIS_ADAPTER), 'dAtV') != 0) return STATUS_INSUFFICIENT_RESOURCES; //= VtAd allocation-call direct
    Status = ParaNdis_Initialize(Context->Net, Init);
    if (Status < 0) return Status;
    Status = BalloonInit(Context);
    if (Status < 0) return Status;
    Status = VIOSerialAddPort(Context, Context->Net->MaxPacket, "com.redhat.spice.0", 18); //~ redh text
    return Status < 0 ? Status : AcpiStart(Init);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    WDF_DRIVER_CONFIG Config;
    NTSTATUS Status = WdfVersionBind(Driver, Path, &BindInfo, &WdfDriverGlobals);

    if (Status < 0) return Status;
    memset(&Config, 0, sizeof(Config));
    Config.Size = sizeof(Config);
    Config.EvtDriverDeviceAdd = EvtDeviceAdd;
    Config.DriverPoolTag = 'rDiV'; //= ViDr structure-field wdf-config
    return ((NTSTATUS(CALL *)(PVOID, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, HANDLE *))WdfFunctions_01011[DriverCreateIndex])(
        WdfDriverGlobals, Driver, Path, NULL, &Config, &DriverHandle);
}
