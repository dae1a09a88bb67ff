// Held out: a network stack's core with its runtime: pools that are created with a tag, caches by processor, providers and clients that
// attach to each other, modules with their descriptors, a socket layer with buffers by size class, a server of requests on top.
#include "kernel.h"

typedef enum { NioPaged, NioNonPaged } NIO_KIND;
typedef struct { ULONG_PTR Head[2]; ULONG Depth, Hits; } NIO_CACHE;
typedef struct { ULONG Signature; USHORT Processors, Depth; ULONG BlockSize, Tag; LONG Outstanding; NIO_CACHE Caches[1]; } NIO_POOL;

static ULONG ProcessorCount = 4;
static ULONG CurrentProcessor(void) { LARGE_INTEGER f; return (ULONG)KeQueryPerformanceCounter(&f).u.Low; }

/* ---- allocation ---- */

NOINLINE static PVOID NioAllocate(NIO_KIND Kind, SIZE_T Size, ULONG Tag)
{
    return ExAllocatePoolWithTag(Kind == NioPaged ? PagedPool : NonPagedPoolNx, Size, Tag);
}

static PVOID NioAllocateZero(NIO_KIND Kind, SIZE_T Size, ULONG Tag)
{
    PVOID Block = NioAllocate(Kind, Size, Tag);
    if (Block != NULL) memset(Block, 0, Size);
    return Block;
}

NOINLINE static PVOID NioAllocateArray(NIO_KIND Kind, ULONG Count, ULONG Size, ULONG Tag)
{
    ULONG64 Total = (ULONG64)Count * Size;
    if (Total > 0x7FFFFFFF) return NULL;
    return NioAllocateZero(Kind, (SIZE_T)Total, Tag);
}

/* ---- pools: blocks of one size, cached for each processor ---- */

NOINLINE static NIO_POOL *NioCreatePool(ULONG BlockSize, USHORT Depth, ULONG Tag)
{
    NIO_POOL *Pool = NioAllocateZero(NioNonPaged, sizeof(*Pool) + ProcessorCount * sizeof(NIO_CACHE), 'lPiN'); //= NiPl any wrapper
    ULONG Index;

    if (Pool == NULL) return NULL;
    Pool->Signature = 'looP'; //~ Pool magic
    Pool->Processors = (USHORT)ProcessorCount;
    Pool->Depth = Depth;
    Pool->BlockSize = BlockSize;
    Pool->Tag = Tag;
    for (Index = 0; Index < Pool->Processors; Index++) Pool->Caches[Index].Depth = Depth;
    return Pool;
}

NOINLINE static PVOID NioAllocateFromPool(NIO_POOL *Pool)
{
    NIO_CACHE *Cache = &Pool->Caches[CurrentProcessor() % Pool->Processors];
    PVOID Block = ExpInterlockedPopEntrySList(Cache->Head);

    Pool->Outstanding++;
    if (Block != NULL) {
        Cache->Hits++;
        return Block;
    }
    return ExAllocatePoolWithTag(NonPagedPoolNx, Pool->BlockSize, Pool->Tag);
}

static void NioFreeToPool(NIO_POOL *Pool, PVOID Block)
{
    NIO_CACHE *Cache = &Pool->Caches[CurrentProcessor() % Pool->Processors];

    Pool->Outstanding--;
    if (Cache->Depth != 0) { Cache->Depth--; ExpInterlockedPushEntrySList(Cache->Head, Block); }
    else ExFreePoolWithTag(Block, Pool->Tag);
}

static NIO_POOL *SegmentPool, *AckPool;
static struct { NIO_POOL *Endpoint, *Listener, *Request; ULONG Created; } TlPools;

/* ---- modules: a descriptor for each, with what it needs ---- */

typedef struct { const CHAR *Name; USHORT Id, Flags; ULONG ControlTag, DataTag; ULONG ControlSize; } NIO_MODULE;
static const NIO_MODULE TcpModule = { "TCP", 6, 1, 'CpcT', 'DpcT', 320 }; //= TcpC any wrapper-structure //= TcpD any wrapper-structure
static const NIO_MODULE UdpModule = { "UDP", 17, 0, 'CpdU', 'DpdU', 128 }; //= UdpC any wrapper-structure //= UdpD any wrapper-structure

NOINLINE static PVOID ModuleCreateControl(const NIO_MODULE *Module, SIZE_T Extra)
{
    PVOID Control = NioAllocate(NioNonPaged, Module->ControlSize + Extra, Module->ControlTag);
    if (Control == NULL) DbgPrint("%s: no memory\n", Module->Name);
    return Control;
}

NOINLINE static PVOID ModuleCopyData(const NIO_MODULE *Module, const void *From, ULONG Size)
{
    PVOID Copy = NioAllocate(NioNonPaged, Size, Module->DataTag);
    if (Copy != NULL) memcpy(Copy, From, Size);
    return Copy;
}

/* ---- providers and clients ---- */

typedef struct { USHORT Version, Size; PVOID (*AllocateContext)(PVOID Provider, ULONG Size, ULONG Tag); void (*FreeContext)(PVOID Provider, PVOID p); NTSTATUS (*Notify)(PVOID Provider, ULONG Event); } PROVIDER_DISPATCH;
typedef struct CLIENT { NTSTATUS (*Attach)(struct CLIENT *Client, PVOID Provider, const PROVIDER_DISPATCH *Dispatch); PVOID Provider; const PROVIDER_DISPATCH *Dispatch; PVOID Context; } CLIENT;
typedef struct { const PROVIDER_DISPATCH *Dispatch; PVOID Context; ULONG ModuleId; } PROVIDER;

static PVOID FlAllocateContext(PVOID Provider, ULONG Size, ULONG Tag) { ++*(ULONG *)Provider; return NioAllocateZero(NioNonPaged, Size, Tag); }
static void FlFreeContext(PVOID Provider, PVOID p) { --*(ULONG *)Provider; ExFreePool(p); }
static NTSTATUS FlNotify(PVOID Provider, ULONG Event) { return Event == 'pUkL' ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; } //~ LkUp magic
static const PROVIDER_DISPATCH FlDispatch = { 2, sizeof(PROVIDER_DISPATCH), FlAllocateContext, FlFreeContext, FlNotify };
static ULONG FlContexts;
static PROVIDER FlProvider = { &FlDispatch, &FlContexts, 0x11 };

static NTSTATUS IpAttach(CLIENT *Client, PVOID Provider, const PROVIDER_DISPATCH *Dispatch)
{
    if (Dispatch->Version < 2) return STATUS_NOT_SUPPORTED;
    Client->Provider = Provider;
    Client->Dispatch = Dispatch;
    Client->Context = Dispatch->AllocateContext(Provider, 96, 'tApI'); //= IpAt any operations-parameter
    return Client->Context != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static CLIENT IpClient = { IpAttach };

static NTSTATUS RegisterClient(CLIENT *Client, PROVIDER *Provider) { return Client->Attach(Client, Provider->Context, Provider->Dispatch); }

NOINLINE static PVOID IpCreateInterface(CLIENT *Client, ULONG Index)
{
    ULONG *Interface = Client->Dispatch->AllocateContext(Client->Provider, 256, 'fIpI'); //= IpIf any operations-object
    if (Interface == NULL) return NULL;
    Interface[0] = 'fiPI'; //~ IPif magic
    Interface[1] = Index;
    Client->Dispatch->Notify(Client->Provider, Index);
    return Interface;
}

/* ---- families: one path each, chosen when a packet comes ---- */

NOINLINE static PVOID IpCreatePath(USHORT Family, ULONG AddressSize)
{
    ULONG Tag;

    switch (Family) {
    case 2: Tag = '4PpI'; break; //= IpP4 any switch-tags
    case 23: Tag = 'xPpI'; break; //= IpPx any switch-tags
    default: return NULL;
    }
    return NioAllocate(NioNonPaged, 64 + AddressSize, Tag);
}

NOINLINE static PVOID IpCreateNeighbor(BOOLEAN V6, BOOLEAN Loopback)
{
    if (Loopback) return NULL;
    return ExAllocatePoolWithTagPriority(NonPagedPoolNx, 144, V6 ? '6bNI' : '4bNI', 0); //= INb6 any ternary //= INb4 any ternary
}

/* ---- tables that grow ---- */

typedef struct { PVOID *Buckets; ULONG Count, Used, Tag; ULONG_PTR Lock; } HASH_TABLE;

NOINLINE static BOOLEAN HashInitialize(HASH_TABLE *Table, ULONG Count, ULONG Tag)
{
    Table->Buckets = NioAllocateArray(NioNonPaged, Count, sizeof(PVOID), Tag);
    Table->Count = Count;
    Table->Used = 0;
    Table->Tag = Tag;
    return Table->Buckets != NULL;
}

NOINLINE static BOOLEAN HashGrow(HASH_TABLE *Table)
{
    PVOID *Buckets = NioAllocateArray(NioNonPaged, Table->Count * 2, sizeof(PVOID), Table->Tag);

    if (Buckets == NULL) return FALSE;
    memcpy(Buckets, Table->Buckets, Table->Count * sizeof(PVOID));
    ExFreePoolWithTag(Table->Buckets, Table->Tag);
    Table->Buckets = Buckets;
    Table->Count *= 2;
    return TRUE;
}

typedef struct { HASH_TABLE Local, Remote; ULONG Id, Flags; } COMPARTMENT;
static COMPARTMENT *DefaultCompartment;

NOINLINE static NTSTATUS CreateCompartment(ULONG Id)
{
    COMPARTMENT *Compartment = NioAllocateZero(NioNonPaged, sizeof(*Compartment), 'mCpI'); //= IpCm any wrapper

    if (Compartment == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Compartment->Id = Id;
    if (!HashInitialize(&Compartment->Local, 64, 'LHpI') || !HashInitialize(&Compartment->Remote, 256, 'RHpI')) { //= IpHL any wrapper-two //= IpHR any wrapper-two
        if (Compartment->Local.Buckets != NULL) ExFreePoolWithTag(Compartment->Local.Buckets, Compartment->Local.Tag);
        ExFreePoolWithTag(Compartment, 'mCpI');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    DefaultCompartment = Compartment;
    return STATUS_SUCCESS;
}

/* ---- sockets: buffers by size class ---- */

enum { SMALL_BUFFER, MEDIUM_BUFFER, LARGE_BUFFER, BUFFER_CLASSES };
static const struct { ULONG Size; USHORT Depth; } BufferClasses[BUFFER_CLASSES] = { { 128, 64 }, { 1500, 32 }, { 4096, 8 } };
static LOOKASIDE BufferLists[BUFFER_CLASSES];
typedef struct { ULONG Class, Length; PVOID Mdl; } SOCK_BUFFER;

static PVOID CALL SockAllocateBuffer(ULONG Type, SIZE_T Size, ULONG Tag)
{
    SOCK_BUFFER *Buffer = ExAllocatePoolWithTag(Type, Size, Tag);

    if (Buffer == NULL) return NULL;
    Buffer->Length = (ULONG)Size - sizeof(*Buffer);
    Buffer->Mdl = IoAllocateMdl(Buffer + 1, Buffer->Length, FALSE, FALSE, NULL);
    if (Buffer->Mdl == NULL) { ExFreePoolWithTag(Buffer, Tag); return NULL; }
    return Buffer;
}
static void CALL SockFreeBuffer(PVOID p) { ExFreePool(p); }

static void SockInitializeBuffers(void)
{
    ULONG Class;
    for (Class = 0; Class < BUFFER_CLASSES; Class++)
        ExInitializeNPagedLookasideList(&BufferLists[Class], SockAllocateBuffer, SockFreeBuffer, 0, BufferClasses[Class].Size + sizeof(SOCK_BUFFER), 'fBkS', BufferClasses[Class].Depth); //= SkBf lookaside-init lookaside
}

NOINLINE static SOCK_BUFFER *SockGetBuffer(ULONG Length)
{
    ULONG Class = Length <= 128 ? SMALL_BUFFER : Length <= 1500 ? MEDIUM_BUFFER : LARGE_BUFFER;
    SOCK_BUFFER *Buffer;

    if (Length > 4096) return SockAllocateBuffer(NonPagedPoolNx, Length + sizeof(*Buffer), 'LBkS'); //= SkBL any wrapper
    Buffer = ExpInterlockedPopEntrySList(&BufferLists[Class]);
    if (Buffer != NULL) Buffer->Class = Class;
    return Buffer;
}

/* one list of connection blocks for each processor */
static LOOKASIDE *ConnectionLists;
INIT_CODE_SECTION static NTSTATUS CreateConnectionLists(void)
{
    ULONG Index;

    ConnectionLists = ExAllocatePoolWithTag(NonPagedPoolNx, ProcessorCount * sizeof(LOOKASIDE), 'sLcT'); //= TcLs allocation-call direct
    if (ConnectionLists == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (Index = 0; Index < ProcessorCount; Index++) {
        NTSTATUS Status = ExInitializeLookasideListEx(&ConnectionLists[Index], NULL, NULL, 512, 0, 640, 'nCcT', 0); //= TcCn lookaside-init lookaside
        if (Status < 0) {
            while (Index-- != 0) ExDeleteLookasideListEx(&ConnectionLists[Index]);
            ExFreePoolWithTag(ConnectionLists, 'sLcT');
            return Status;
        }
    }
    return STATUS_SUCCESS;
}

/* ---- an endpoint: retried, with quota or without ---- */

typedef struct { USHORT Type; UCHAR State, Family; LONG References; PVOID Options, Address; ULONG OptionsSize; } ENDPOINT;

NOINLINE static PVOID SockAllocateQuota(SIZE_T Size, ULONG Tag, BOOLEAN Charge)
{
    if (Charge) return ExAllocatePoolWithQuotaTag(NonPagedPoolNx | 8, Size, Tag);
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tag);
}

NOINLINE static NTSTATUS SockCreateEndpoint(IRP *Irp, ENDPOINT **Out)
{
    ENDPOINT *Endpoint = SockAllocateQuota(sizeof(*Endpoint), 'nEkS', (Irp->Flags & 1) == 0); //= SkEn any wrapper
    ULONG Attempt;

    if (Endpoint == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Endpoint, 0, sizeof(*Endpoint));
    Endpoint->Type = 0xAFD0;
    Endpoint->References = 1;
    for (Attempt = 0; Attempt < 3 && Endpoint->Address == NULL; Attempt++) {
        Endpoint->Address = ExAllocatePool2(POOL_FLAG_NON_PAGED, 28 << Attempt, 'dAkS'); //= SkAd allocation-call register
        if (Endpoint->Address == NULL) KeStallExecutionProcessor(50);
    }
    if (Endpoint->Address == NULL) {
        ExFreePoolWithTag(Endpoint, 'nEkS');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Out = Endpoint;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS SockSetOptions(ENDPOINT *Endpoint, const void *From, ULONG Size)
{
    if (Endpoint->OptionsSize < Size) {
        PVOID Options = SockAllocateQuota(Size, 'pOkS', TRUE); //= SkOp any wrapper
        if (Options == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        if (Endpoint->Options != NULL) ExFreePoolWithTag(Endpoint->Options, 'pOkS');
        Endpoint->Options = Options;
        Endpoint->OptionsSize = Size;
    }
    memcpy(Endpoint->Options, From, Size);
    return STATUS_SUCCESS;
}

/* ---- requests: verbs are compared four letters at a time ---- */

typedef struct { ULONG Signature, Verb; USHORT UrlLength; WCHAR *Url; PVOID Trace; } REQUEST;

NOINLINE static ULONG ParseVerb(const UCHAR *Text)
{
    switch (*(const ULONG *)Text) {
    case ' TEG': return 1; //~ "GET " magic
    case 'TSOP': return 2; //~ POST magic
    case 'DAEH': return 3; //~ HEAD magic
    case ' TUP': return 4; //~ "PUT " magic
    case 'ELED': return 5; //~ DELE magic
    default: return 0;
    }
}

static PVOID TraceBuffer;
NOINLINE static REQUEST *CreateRequest(const UCHAR *Text, ULONG Length)
{
    REQUEST *Request = NioAllocateFromPool(TlPools.Request);

    if (Request == NULL) return NULL;
    Request->Signature = 'qeRH'; //~ HReq magic
    Request->Verb = ParseVerb(Text);
    Request->UrlLength = (USHORT)(Length * 2);
    Request->Url = ExAllocatePoolWithTag(PagedPool, Length * 2 + 2, 'lrUH'); //= HUrl allocation-call direct
    if (Request->Url == NULL) {
        NioFreeToPool(TlPools.Request, Request);
        return NULL;
    }
    while (Length-- != 0) Request->Url[Length] = Text[Length];
    Request->Trace = TraceBuffer;
    return Request;
}

NOINLINE static void DestroyRequest(REQUEST *Request)
{
    if (Request->Signature != 'qeRH') KeBugCheckEx(0xC5, (ULONG_PTR)Request, 0, 0, 0);
    Request->Signature = 'XeRH'; //~ HReX magic
    if (Request->Url != NULL) ExFreePoolWithTag(Request->Url, 'lrUH');
    NioFreeToPool(TlPools.Request, Request);
}

/* ---- deferred work, with its own copy of the data ---- */

typedef struct { ULONG_PTR Links[4]; void (*Routine)(PVOID); ULONG Length; UCHAR Data[1]; } WORK;
NOINLINE static BOOLEAN QueueWork(void (*Routine)(PVOID), const void *Data, ULONG Length, ULONG Tag)
{
    WORK *Work = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Work) + Length, Tag);

    if (Work == NULL) return FALSE;
    Work->Routine = Routine;
    Work->Length = Length;
    memcpy(Work->Data, Data, Length);
    ExQueueWorkItem(Work, 1);
    return TRUE;
}
static void ReportWork(PVOID p) { DbgPrint("report %u\n", ((WORK *)p)->Length); }
static void FlushWork(PVOID p) { FlContexts = ((WORK *)p)->Length; }

/* ---- lists of buffers ---- */

typedef struct { UCHAR Type, Revision; USHORT Size; UCHAR Protocol, Allocate; USHORT ContextSize; ULONG PoolTag, DataSize; } LIST_POOL_PARAMETERS;
static HANDLE ReceiveLists;
INIT_CODE_SECTION static NTSTATUS CreateReceiveLists(void)
{
    LIST_POOL_PARAMETERS Parameters = { 0x80, 1, sizeof(Parameters), 6, TRUE, 32, 'xRcT', 2048 }; //= TcRx any ndis-parameters

    ReceiveLists = NdisAllocateNetBufferListPool(NULL, &Parameters);
    return ReceiveLists != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ENDPOINT *Endpoint = NULL;
    PVOID Result = NULL;

    switch (Irp->Stack->Minor) {
    case 0: Status = SockCreateEndpoint(Irp, &Endpoint); Result = Endpoint; break;
    case 1: Status = SockSetOptions(Irp->Mdl, Irp->SystemBuffer, (ULONG)Irp->Information); break;
    case 2: Result = NioAllocateFromPool(SegmentPool); break;
    case 3: Result = NioAllocateFromPool(AckPool); break;
    case 4: Result = NioAllocateFromPool(TlPools.Endpoint); break;
    case 5: Result = NioAllocateFromPool(TlPools.Listener); break;
    case 6: Result = CreateRequest(Irp->SystemBuffer, (ULONG)Irp->Information); break;
    case 7: DestroyRequest(Irp->SystemBuffer); break;
    case 8: Result = ModuleCreateControl(Irp->Flags & 1 ? &TcpModule : &UdpModule, Irp->Information); break;
    case 9: Result = ModuleCopyData(&TcpModule, Irp->SystemBuffer, (ULONG)Irp->Information); break;
    case 10: Result = ModuleCopyData(&UdpModule, Irp->SystemBuffer, (ULONG)Irp->Information); break;
    case 11: Result = IpCreatePath((USHORT)Irp->Flags, Irp->Status); break;
    case 12: Result = IpCreateNeighbor(Irp->Flags & 1, Irp->Flags & 2); break;
    case 13: Status = HashGrow(&DefaultCompartment->Local) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; break;
    case 14: Result = SockGetBuffer((ULONG)Irp->Information); break;
    case 15: Result = IpCreateInterface(&IpClient, Irp->Flags); break;
    case 16: QueueWork(ReportWork, Irp->SystemBuffer, 16, 'rWcT'); break; //= TcWr any wrapper
    case 17: QueueWork(FlushWork, Irp->SystemBuffer, (ULONG)Irp->Information, 'fWcT'); break; //= TcWf any wrapper
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->SystemBuffer = Result;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status;

    SegmentPool = NioCreatePool(256, 64, 'gScT'); //= TcSg any object-field
    AckPool = NioCreatePool(96, 128, 'kAcT'); //= TcAk any object-field
    TlPools.Endpoint = NioCreatePool(512, 16, 'pElT'); //= TlEp any object-field
    TlPools.Listener = NioCreatePool(384, 4, 'iLlT'); //= TlLi any object-field
    TlPools.Request = NioCreatePool(sizeof(REQUEST), 32, 'qRlT'); //= TlRq any object-field
    if (SegmentPool == NULL || AckPool == NULL || TlPools.Endpoint == NULL || TlPools.Request == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Status = CreateCompartment(1);
    if (Status >= 0) Status = CreateConnectionLists();
    if (Status >= 0) Status = CreateReceiveLists();
    if (Status >= 0) Status = RegisterClient(&IpClient, &FlProvider);
    if (Status < 0) return Status;
    SockInitializeBuffers();
    TraceBuffer = NioAllocateArray(NioPaged, 128, 32, 'rTcT'); //= TcTr any wrapper-two
    Driver->Major[14] = Dispatch;
    return STATUS_SUCCESS;
}
