// Held out: a virtual network adapter with a capturing filter beside it: rings shared with a process, pools by parameters, settings read by
// a table, open instances with their buffers, cloned requests, and an allocator that the configuration chooses.
#include "kernel.h"

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_HEADER;
typedef struct { NDIS_HEADER Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize, Flags; } NBL_POOL;
typedef struct { NDIS_HEADER Header; ULONG PoolTag, DataSize; } NB_POOL;
typedef struct { NDIS_HEADER Header; ULONG AllocationTag; PVOID Function, Context; } TIMER_CHARACTERISTICS;
typedef struct { NDIS_HEADER Header; UCHAR Major, Minor, MajorDriver, MinorDriver; ULONG Flags; PVOID Handlers[20]; } CHARACTERISTICS;
typedef struct { ULONG Length; PUCHAR Data; ULONG Allocated, Tag; } BLOB;

typedef struct ADAPTER ADAPTER;
typedef struct { PVOID (*Allocate)(ADAPTER *, ULONG Size, ULONG Tag); void (*Release)(ADAPTER *, PVOID, ULONG Tag); ULONG Flags; } MEMORY_OPS;
typedef struct { ULONG Head, Tail, Size, Alertable; UCHAR Data[4]; } RING;
typedef struct { RING *Ring; ULONG Capacity; PVOID Event, Mdl; ULONG_PTR Lock; ULONG PacketTag; } QUEUE;
struct ADAPTER {
    HANDLE Handle, SendPool, ReceivePool, Timer, BufferPool; const MEMORY_OPS *Memory; QUEUE Send, Receive; UCHAR Mac[6]; USHORT Mtu;
    ULONG Flags, SettingsTag; ULONG Mode; PVOID Multicast; ULONG MulticastCount; BLOB DhcpReply; UNICODE_STRING Name, Instance;
};
typedef struct OPEN { struct OPEN *Next; ADAPTER *Adapter; HANDLE Filter, ListPool, BufferPool; ULONG Mode, BufferSize, Tag; PVOID Program; PVOID Buffers[8]; ULONG_PTR Lock; UNICODE_STRING Dump; } OPEN;

static HANDLE MiniportHandle, FilterHandle;
static OPEN *Opens;
static ULONG MemoryTag = 'mAVN'; //= NVAm any initialised-global
static ULONG OidTag = 'oAVN'; //= NVAo any initialised-global
static PVOID volatile Keep;

/* ---- memory ---- */

static PVOID MemAlloc(UINT Size, BOOLEAN Zero)
{
    PVOID Block = NULL;
    if (NdisAllocateMemoryWithTag(&Block, Size, MemoryTag) != 0) return NULL;
    if (Zero) memset(Block, 0, Size);
    return Block;
}

static void MemFree(PVOID Block, UINT Size) { NdisFreeMemory(Block, Size, 0); }

static PVOID NdisBlock(ADAPTER *Adapter, ULONG Size, ULONG Tag) { return NdisAllocateMemoryWithTagPriority(Adapter->Handle, Size, Tag, 16); }
static void NdisRelease(ADAPTER *Adapter, PVOID p, ULONG Tag) { NdisFreeMemoryWithTagPriority(Adapter->Handle, p, Tag); }
static PVOID ExBlock(ADAPTER *Adapter, ULONG Size, ULONG Tag) { return ExAllocatePool2(POOL_FLAG_NON_PAGED | (Adapter->Flags & 1 ? 2 : 0), Size, Tag); }
static void ExRelease(ADAPTER *Adapter, PVOID p, ULONG Tag) { ExFreePoolWithTag(p, Tag); }
static const MEMORY_OPS NdisMemory = { NdisBlock, NdisRelease, 0 };
static const MEMORY_OPS ExMemory = { ExBlock, ExRelease, 1 };

/* Every part of the adapter asks here; the adapter says whose memory it is. */
static PVOID AdapterAllocate(ADAPTER *Adapter, ULONG Size, ULONG Tag)
{
    PVOID Block = Adapter->Memory->Allocate(Adapter, Size, Tag);
    if (Block != NULL && !(Adapter->Memory->Flags & 1)) memset(Block, 0, Size);
    return Block;
}

/* ---- blobs grow ---- */

static BOOLEAN BlobReserve(BLOB *Blob, ULONG Size)
{
    PUCHAR Grown;

    if (Size <= Blob->Allocated) return TRUE;
    Size = (Size + 255) & ~255u;
    Grown = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Blob->Tag);
    if (Grown == NULL) return FALSE;
    if (Blob->Data != NULL) {
        memcpy(Grown, Blob->Data, Blob->Length);
        ExFreePoolWithTag(Blob->Data, Blob->Tag);
    }
    Blob->Data = Grown;
    Blob->Allocated = Size;
    return TRUE;
}

NOINLINE static BOOLEAN BlobAppend(BLOB *Blob, const void *Data, ULONG Size)
{
    if (!BlobReserve(Blob, Blob->Length + Size)) return FALSE;
    memcpy(Blob->Data + Blob->Length, Data, Size);
    Blob->Length += Size;
    return TRUE;
}

/* ---- settings: a table says where each goes and who owns the memory ---- */

typedef struct { const WCHAR *Name; ULONG Offset; BOOLEAN Required, IsString; ULONG Tag; ULONG Default; } SETTING;
static const SETTING Settings[] = {
    { (const WCHAR *)L"MTU", __builtin_offsetof(ADAPTER, Mode), FALSE, FALSE, 'uMVN', 1500 }, //= NVMu any tag-table
    { (const WCHAR *)L"NetCfgInstanceId", __builtin_offsetof(ADAPTER, Instance), TRUE, TRUE, 'iCVN', 0 }, //= NVCi any tag-table
    { (const WCHAR *)L"AdapterName", __builtin_offsetof(ADAPTER, Name), TRUE, TRUE, 'nCVN', 0 }, //= NVCn any tag-table
    { (const WCHAR *)L"MediaStatus", __builtin_offsetof(ADAPTER, Flags), FALSE, FALSE, 'sMVN', 1 }, //= NVMs any tag-table
};

NOINLINE static NTSTATUS ReadSettings(ADAPTER *Adapter, HANDLE Key)
{
    UNICODE_STRING Name;
    ULONG Needed, Index;
    NTSTATUS Status;

    for (Index = 0; Index < sizeof(Settings) / sizeof(Settings[0]); Index++) {
        const SETTING *Setting = &Settings[Index];
        PUCHAR Target = (PUCHAR)Adapter + Setting->Offset;
        PULONG Value;

        RtlInitUnicodeString(&Name, Setting->Name);
        Status = ZwQueryValueKey(Key, &Name, 2, NULL, 0, &Needed);
        if (Status < 0 && Setting->Required) return Status;
        Value = ExAllocatePoolWithTag(PagedPool, Needed + 16, Setting->Tag);
        if (Value == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Status = ZwQueryValueKey(Key, &Name, 2, Value, Needed, &Needed);
        if (Setting->IsString) {
            ((UNICODE_STRING *)Target)->Buffer = (PWSTR)(Value + 3);
            ((UNICODE_STRING *)Target)->Length = (USHORT)Value[2];
        } else {
            *(ULONG *)Target = Status < 0 ? Setting->Default : Value[3];
            ExFreePool(Value);
        }
    }
    return STATUS_SUCCESS;
}

/* ---- pools ---- */

NOINLINE static HANDLE ListPoolCreate(HANDLE Owner, ULONG Tag, USHORT Context, ULONG Data)
{
    NBL_POOL Parameters;

    memset(&Parameters, 0, sizeof(Parameters));
    Parameters.Header.Type = 0x80;
    Parameters.Header.Revision = 1;
    Parameters.Header.Size = sizeof(Parameters);
    Parameters.AllocateNetBuffer = TRUE;
    Parameters.ContextSize = Context;
    Parameters.PoolTag = Tag;
    Parameters.DataSize = Data;
    return NdisAllocateNetBufferListPool(Owner, &Parameters);
}

NOINLINE static NTSTATUS AdapterPools(ADAPTER *Adapter)
{
    NB_POOL Buffers = { { 0x80, 1, sizeof(NB_POOL) }, 'bNVN', 0 }; //= NVNb any ndis-parameters
    TIMER_CHARACTERISTICS Timer = { { 0x97, 1, sizeof(TIMER_CHARACTERISTICS) }, 'mTVN', NULL, Adapter }; //= NVTm any ndis-parameters

    Adapter->ReceivePool = ListPoolCreate(Adapter->Handle, 'xRVN', 0, 0); //= NVRx any ndis-wrapper
    Adapter->SendPool = ListPoolCreate(Adapter->Handle, Adapter->Flags & 2 ? 'tTVN' : 'xTVN', 32, Adapter->Mtu); //= NVTt any ndis-wrapper //= NVTx any ndis-wrapper
    if (Adapter->ReceivePool == NULL || Adapter->SendPool == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Adapter->BufferPool = NdisAllocateNetBufferPool(Adapter->Handle, &Buffers);
    return NdisAllocateTimerObject(Adapter->Handle, &Timer, &Adapter->Timer);
}

/* ---- rings ---- */

static NTSTATUS QueueInit(ADAPTER *Adapter, QUEUE *Queue, ULONG Capacity, ULONG RingTag, ULONG PacketTag)
{
    if (Capacity < 0x20000 || Capacity > 0x4000000 || (Capacity & (Capacity - 1)) != 0) return STATUS_INVALID_PARAMETER;
    Queue->Ring = AdapterAllocate(Adapter, sizeof(RING) + Capacity, RingTag);
    if (Queue->Ring == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Queue->Capacity = Capacity;
    Queue->PacketTag = PacketTag;
    KeInitializeSpinLock(&Queue->Lock);
    Queue->Mdl = NdisAllocateMdl(Adapter->Handle, Queue->Ring, Capacity);
    return STATUS_SUCCESS;
}

static NTSTATUS RingsCreate(ADAPTER *Adapter, ULONG Send, ULONG Receive)
{
    NTSTATUS Status = QueueInit(Adapter, &Adapter->Send, Send, 'sRVN', 'sPVN'); //= NVRs any operations-object //= NVPs any object-field

    if (Status < 0) return Status;
    Status = QueueInit(Adapter, &Adapter->Receive, Receive, 'rRVN', 'rPVN'); //= NVRr any operations-object //= NVPr any object-field
    if (Status < 0) MemFree(Adapter->Send.Ring, Send);
    return Status;
}

static PVOID PacketCopy(QUEUE *Queue, PVOID Buffer, ULONG Length)
{
    UCHAR *Packet = ExAllocatePoolWithTag(NonPagedPoolNx, Length + 16, Queue->PacketTag);
    PVOID Data;

    if (Packet == NULL) return NULL;
    Data = NdisGetDataBuffer(Buffer, Length, Packet + 16, 1, 0);
    if (Data != Packet + 16) memcpy(Packet + 16, Data, Length);
    *(ULONG *)Packet = Length;
    *(ULONG *)(Packet + 4) = 'tkpV'; //~ Vpkt magic
    return Packet;
}

NOINLINE static NTSTATUS PacketDeliver(ADAPTER *Adapter, PVOID Buffer, ULONG Length, BOOLEAN Up)
{
    QUEUE *Queue = Up ? &Adapter->Receive : &Adapter->Send;
    PVOID Packet = PacketCopy(Queue, Buffer, Length);

    if (Packet == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (Queue->Ring->Tail + Length > Queue->Capacity) {
        ExFreePool(Packet);
        return STATUS_NOT_SUPPORTED;
    }
    memcpy(Queue->Ring->Data + Queue->Ring->Tail, Packet, Length);
    Queue->Ring->Tail += Length;
    return STATUS_SUCCESS;
}

/* ---- multicast, replies ---- */

NOINLINE static NTSTATUS SetMulticast(ADAPTER *Adapter, const void *List, ULONG Count)
{
    PVOID Copy = NULL;

    if (Count > 32) return STATUS_INVALID_PARAMETER;
    if (Count != 0) {
        Copy = AdapterAllocate(Adapter, Count * 6, 'cMVN'); //= NVMc any operations-object
        if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Copy, List, Count * 6);
    }
    if (Adapter->Multicast != NULL) Adapter->Memory->Release(Adapter, Adapter->Multicast, 'cMVN');
    Adapter->Multicast = Copy;
    Adapter->MulticastCount = Count;
    return STATUS_SUCCESS;
}

static void BuildReply(ADAPTER *Adapter, ULONG Lease)
{
    static const UCHAR Cookie[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 5 };

    Adapter->DhcpReply.Tag = 'hDVN'; //= NVDh any object-field
    Adapter->DhcpReply.Length = 0;
    BlobAppend(&Adapter->DhcpReply, Adapter->Mac, 6);
    BlobAppend(&Adapter->DhcpReply, Cookie, sizeof(Cookie));
    BlobAppend(&Adapter->DhcpReply, &Lease, 4);
}

/* ---- requests ---- */

NOINLINE static NTSTATUS OidCopy(ADAPTER *Adapter, PVOID Request, ULONG Kind)
{
    PVOID Clone, Info;
    NTSTATUS Status = NdisAllocateCloneOidRequest(Adapter->Handle, Request, OidTag, &Clone);

    if (Status != 0) return Status;
    switch (Kind) {
    case 0x00010102: Info = AdapterAllocate(Adapter, 64, 'gOVN'); break; //= NVOg any operations-object
    case 0x0001010E: Info = MemAlloc(32, TRUE); break;
    case 0x01010101: Info = NdisAllocateMemoryWithTagPriority(Adapter->Handle, 6, 'mOVN', 16); break; //= NVOm any direct
    case 0xFD010106: Info = NdisAllocateGenericObject(NULL, 'wOVN', 128); break; //= NVOw any direct
    default: Info = NULL; break;
    }
    Keep = Info;
    return NdisAllocateNetBufferListContext(Request, 16, 0, 'xCVN'); //= NVCx any direct
}

/* ---- the filter: an open instance for each process ---- */

static const ULONG BufferTags[2][4] = {
    { '0KVN', '1KVN', '2KVN', '3KVN' }, //= NVK0 any tag-table //= NVK1 any tag-table //= NVK2 any tag-table //= NVK3 any tag-table
    { '4KVN', '5KVN', '6KVN', '7KVN' }, //= NVK4 any tag-table //= NVK5 any tag-table //= NVK6 any tag-table //= NVK7 any tag-table
};

NOINLINE static NTSTATUS OpenBuffers(OPEN *Open, ULONG Size)
{
    const ULONG *Tags = BufferTags[Open->Mode & 1];
    ULONG Index;

    for (Index = 0; Index < 4; Index++) {
        if (Open->Buffers[Index] != NULL) ExFreePoolWithTag(Open->Buffers[Index], Tags[Index]);
        Open->Buffers[Index] = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tags[Index]);
        if (Open->Buffers[Index] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    }
    Open->BufferSize = Size;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS SetProgram(OPEN *Open, const void *Program, ULONG Length, BOOLEAN Send)
{
    PVOID Copy;

    if (Length == 0 || Length % 8 != 0) return STATUS_INVALID_PARAMETER;
    Copy = ExAllocatePoolWithTag(NonPagedPoolNx, Length, Open->Tag + (Send ? 0x01000000 : 0)); //= NVP1 any computed-tag //= NVP2 any computed-tag
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Program, Length);
    if (*(ULONG *)Copy == 'MARG') return STATUS_NOT_SUPPORTED; //~ GRAM magic
    Open->Program = Copy;
    return STATUS_SUCCESS;
}

static OPEN *OpenCreate(HANDLE Filter, ADAPTER *Adapter)
{
    OPEN *Open = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Open), 'pOVN'); //= NVOp any direct

    if (Open == NULL) return NULL;
    memset(Open, 0, sizeof(*Open));
    Open->Adapter = Adapter;
    Open->Filter = Filter;
    Open->Tag = '1PVN';
    Open->ListPool = ListPoolCreate(Filter, 'lFVN', 16, 0); //= NVFl any ndis-wrapper
    if (Open->ListPool == NULL) {
        ExFreePool(Open);
        return NULL;
    }
    KeInitializeSpinLock(&Open->Lock);
    Open->Next = Opens;
    Opens = Open;
    return Open;
}

static NTSTATUS CALL FilterAttach(HANDLE Filter, HANDLE DriverContext, PVOID Parameters)
{
    OPEN *Open = OpenCreate(Filter, DriverContext);

    if (Open == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Open->Mode = *(ULONG *)Parameters;
    return NdisFSetAttributes(Filter, Open, Parameters);
}

/* ---- the miniport ---- */

static NTSTATUS CALL Initialize(HANDLE Handle, HANDLE Context, ULONG *Parameters)
{
    ADAPTER *Adapter = NdisAllocateMemoryWithTagPriority(Handle, sizeof(*Adapter), 'dAVN', 16); //= NVAd any direct
    NTSTATUS Status;

    if (Adapter == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Adapter, 0, sizeof(*Adapter));
    Adapter->Handle = Handle;
    Adapter->Memory = Parameters[1] >= 0x0A000006 ? &ExMemory : &NdisMemory;
    Status = ReadSettings(Adapter, Context);
    if (Status >= 0) Status = AdapterPools(Adapter);
    if (Status >= 0) Status = RingsCreate(Adapter, Parameters[2], Parameters[3]);
    if (Status < 0) {
        NdisFreeMemory(Adapter, 0, 0);
        return Status;
    }
    BuildReply(Adapter, Parameters[4]);
    return NdisMSetMiniportAttributes(Handle, Adapter);
}

static NTSTATUS CALL OidRequest(ADAPTER *Adapter, ULONG *Request)
{
    if (Request[0] == 0x01010103) return SetMulticast(Adapter, Request + 4, Request[1]);
    return OidCopy(Adapter, Request, Request[0]);
}

static void CALL SendLists(ADAPTER *Adapter, PVOID List, ULONG Port, ULONG Flags)
{
    if (PacketDeliver(Adapter, List, Flags & 0xFFFF, FALSE) < 0) PacketDeliver(Adapter, List, 60, TRUE);
}

static NTSTATUS CALL Control(DEVICE_OBJECT *Device, IRP *Irp)
{
    OPEN *Open = Irp->Stack->Argument[3];
    PVOID Name;

    switch (Irp->Stack->Minor) {
    case 0: return OpenBuffers(Open, Irp->Flags);
    case 1: return SetProgram(Open, Irp->SystemBuffer, Irp->Flags, FALSE);
    case 2: return SetProgram(Open, Irp->SystemBuffer, Irp->Flags, TRUE);
    case 3:
        Name = MemAlloc(Irp->Flags, FALSE);
        if (Name == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Open->Dump.Buffer = Name;
        return STATUS_SUCCESS;
    default: return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    CHARACTERISTICS Miniport = { { 0x8A, 2, sizeof(CHARACTERISTICS) }, 6, 30, 1, 0, 0 };
    CHARACTERISTICS Filter = { { 0x8B, 2, sizeof(CHARACTERISTICS) }, 6, 30, 1, 0, 0 };
    NTSTATUS Status;

    Miniport.Handlers[0] = (PVOID)Initialize;
    Miniport.Handlers[4] = (PVOID)OidRequest;
    Miniport.Handlers[5] = (PVOID)SendLists;
    Filter.Handlers[2] = (PVOID)FilterAttach;
    Driver->Major[14] = Control;
    Status = NdisMRegisterMiniportDriver(Driver, Path, NULL, &Miniport, &MiniportHandle);
    if (Status < 0) return Status;
    return NdisFRegisterFilterDriver(Driver, NULL, &Filter, &FilterHandle);
}
