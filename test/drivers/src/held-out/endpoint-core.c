// Held out: endpoints of a socket layer beside the methods of a firmware's namespace: endpoints and connections of classes, requests from lists by
// size, contexts that rundown frees, objects evaluated by type, queues with a routine of their own, timers, and strings of identifiers.
#include "kernel.h"

/* ---- classes of blocks ---- */

typedef struct { ULONG Tag; USHORT Size; UCHAR Pool; UCHAR Flags; } BLOCK_CLASS;
enum { CLASS_ENDPOINT, CLASS_CONNECTION, CLASS_REQUEST, CLASS_ADDRESS, CLASS_COUNT };
static const BLOCK_CLASS Classes[CLASS_COUNT] = {
    { 'EcpE', 320, 0, 1 }, //= EpcE any tag-table
    { 'CcpE', 256, 0, 1 }, //= EpcC any tag-table
    { 'RcpE', 128, 0, 0 }, //= EpcR any tag-table
    { 'AcpE', 96, 1, 0 }, //= EpcA any tag-table
};

typedef struct { const BLOCK_CLASS *Class; LONG References; SIZE_T Size; } BLOCK_HEADER;

NOINLINE static PVOID EpAllocateBlock(ULONG Index, SIZE_T Extra)
{
    const BLOCK_CLASS *Class = &Classes[Index];
    BLOCK_HEADER *Header = ExAllocatePoolWithTag(Class->Pool ? PagedPool : NonPagedPoolNx, sizeof(BLOCK_HEADER) + Class->Size + Extra, Class->Tag);

    if (Header == NULL) return NULL;
    Header->Class = Class;
    Header->References = 1;
    Header->Size = Extra;
    return Header + 1;
}

NOINLINE static void EpFreeBlock(PVOID Block)
{
    BLOCK_HEADER *Header = (BLOCK_HEADER *)Block - 1;
    if (--Header->References == 0) ExFreePoolWithTag(Header, Header->Class->Tag);
}

/* ---- buffers by size, from lists that are made in a loop ---- */

typedef struct { LOOKASIDE List; SIZE_T Size; ULONG Tag; LONG Hits; } SIZE_LIST;
static SIZE_LIST SizeLists[3];
static const USHORT Sizes[3] = { 0x200, 0x1000, 0x4000 };

static void EpMakeLists(void)
{
    ULONG i;
    for (i = 0; i < 3; i++) {
        SizeLists[i].Size = Sizes[i];
        SizeLists[i].Tag = '0bpE' + (i << 24); //= Epb0 any lookaside-loop
        //= Epb1 any lookaside-loop
        //= Epb2 any lookaside-loop
        ExInitializeNPagedLookasideList(&SizeLists[i].List, NULL, NULL, 0, SizeLists[i].Size, SizeLists[i].Tag, 0);
    }
}

NOINLINE static PVOID EpAllocateBuffer(SIZE_T Size, SIZE_LIST **From)
{
    ULONG i;
    for (i = 0; i < 3; i++) {
        if (Size <= SizeLists[i].Size) {
            SizeLists[i].Hits++;
            *From = &SizeLists[i];
            return ExpInterlockedPopEntrySList(&SizeLists[i].List);
        }
    }
    *From = NULL;
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, 'LbpE'); //= EpbL any direct
}

/* ---- queues: the owner names a tag and a routine ---- */

typedef struct QUEUE {
    LIST_ENTRY Items;
    ULONG_PTR Lock;
    void (*Work)(struct QUEUE *Queue, PVOID Item);
    ULONG ItemTag, ItemSize;
    UCHAR Name[8];
} QUEUE;

static void EpQueueInitialize(QUEUE *Queue, const CHAR *Name, void (*Work)(QUEUE *, PVOID), ULONG ItemSize, ULONG ItemTag)
{
    ULONG i;
    memset(Queue, 0, sizeof(*Queue));
    Queue->Items.Flink = Queue->Items.Blink = &Queue->Items;
    KeInitializeSpinLock(&Queue->Lock);
    Queue->Work = Work;
    Queue->ItemSize = ItemSize;
    Queue->ItemTag = ItemTag;
    for (i = 0; i < 7 && Name[i] != 0; i++) Queue->Name[i] = Name[i];
}

NOINLINE static NTSTATUS EpQueueInsert(QUEUE *Queue, PVOID Data, SIZE_T Size)
{
    LIST_ENTRY *Entry = ExAllocatePoolWithTag(NonPagedPoolNx, Queue->ItemSize + Size, Queue->ItemTag);
    if (Entry == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Entry + 1, Data, Size);
    Entry->Flink = &Queue->Items;
    Entry->Blink = Queue->Items.Blink;
    Queue->Items.Blink = Entry;
    return STATUS_SUCCESS;
}

static void EpReceiveWork(QUEUE *Queue, PVOID Item) { (void)Queue; ExFreePoolWithTag(Item, 'QrpE'); } //= EprQ any free
static void EpNotifyWork(QUEUE *Queue, PVOID Item) { ExFreePoolWithTag(Item, Queue->ItemTag); }

/* ---- endpoints ---- */

typedef struct ENDPOINT {
    ULONG Signature;
    USHORT State, Type;
    struct ENDPOINT *Peer;
    PVOID Address, Options;
    ULONG OptionsTag, OptionsSize;
    QUEUE Receive, Notify;
    PVOID Connect;
    void (*Rundown)(struct ENDPOINT *Endpoint, PVOID Context);
} ENDPOINT;

NOINLINE static NTSTATUS EpSetOptions(ENDPOINT *Endpoint, const void *Data, ULONG Size)
{
    PVOID Copy;
    if (Endpoint->Options != NULL) {
        ExFreePoolWithTag(Endpoint->Options, Endpoint->OptionsTag);
        Endpoint->Options = NULL;
    }
    Copy = ExAllocatePoolWithQuotaTag(PagedPool, Size, Endpoint->OptionsTag);
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Data, Size);
    Endpoint->Options = Copy;
    Endpoint->OptionsSize = Size;
    return STATUS_SUCCESS;
}

static void EpFreeConnect(ENDPOINT *Endpoint, PVOID Context)
{
    (void)Endpoint;
    ExFreePoolWithTag(Context, 'XcpE'); //= EpcX any free
}

NOINLINE static ENDPOINT *EpCreate(USHORT Type)
{
    ENDPOINT *Endpoint = EpAllocateBlock(CLASS_ENDPOINT, sizeof(ENDPOINT));
    if (Endpoint == NULL) return NULL;
    Endpoint->Signature = 'tpdE'; //~ Edpt magic
    Endpoint->State = 1;
    Endpoint->Type = Type;
    Endpoint->Options = NULL;
    Endpoint->OptionsTag = Type == 2 ? 'DopE' : 'SopE'; //= EpoD any object-field
    //= EpoS any object-field
    EpQueueInitialize(&Endpoint->Receive, "receive", EpReceiveWork, sizeof(LIST_ENTRY), 'QrpE');
    EpQueueInitialize(&Endpoint->Notify, "notify", EpNotifyWork, sizeof(LIST_ENTRY) + 8, 'NtpE'); //= EptN any object-field
    Endpoint->Rundown = EpFreeConnect;
    return Endpoint;
}

NOINLINE static NTSTATUS EpConnect(ENDPOINT *Endpoint, const UCHAR *Address, ULONG Size)
{
    PVOID Connect = ExAllocatePool2(POOL_FLAG_NON_PAGED, 0x80 + Size, 'XcpE');
    if (Connect == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Connect, Address, Size);
    Endpoint->Connect = Connect;
    Endpoint->Address = EpAllocateBlock(CLASS_ADDRESS, Size);
    if (Endpoint->Address == NULL) {
        Endpoint->Rundown(Endpoint, Connect);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return EpQueueInsert(&Endpoint->Notify, Connect, 16);
}

/* ---- objects of the namespace, by type ---- */

typedef struct { USHORT Type, Flags; ULONG Size; PVOID Data; } OBJECT;
#define TYPE_INTEGER 1
#define TYPE_STRING 2
#define TYPE_BUFFER 3
#define TYPE_PACKAGE 4

static ULONG NsTagOf(USHORT Type)
{
    switch (Type) {
    case TYPE_STRING: return 'SsnE'; //= EnsS any return-value
    case TYPE_BUFFER: return 'BsnE'; //= EnsB any return-value
    case TYPE_PACKAGE: return 'PsnE'; //= EnsP any return-value
    }
    return 'IsnE'; //= EnsI any return-value
}

NOINLINE static NTSTATUS NsDuplicate(OBJECT *To, const OBJECT *From)
{
    ULONG i;
    *To = *From;
    if (From->Type == TYPE_INTEGER || From->Size == 0) return STATUS_SUCCESS;
    To->Data = ExAllocatePoolWithTag(NonPagedPoolNx, From->Size, NsTagOf(From->Type));
    if (To->Data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (From->Type != TYPE_PACKAGE) {
        memcpy(To->Data, From->Data, From->Size);
        return STATUS_SUCCESS;
    }
    for (i = 0; i < From->Size / sizeof(OBJECT); i++) {
        NTSTATUS Status = NsDuplicate((OBJECT *)To->Data + i, (const OBJECT *)From->Data + i);
        if (Status < 0) return Status;
    }
    return STATUS_SUCCESS;
}

typedef NTSTATUS (*METHOD)(OBJECT *Arguments, ULONG Count, OBJECT *Result);
typedef struct { ULONG Name; METHOD Method; ULONG ResultTag; } METHOD_ENTRY;
static NTSTATUS NsStatus(OBJECT *Arguments, ULONG Count, OBJECT *Result);
static NTSTATUS NsResources(OBJECT *Arguments, ULONG Count, OBJECT *Result);
static const METHOD_ENTRY Methods[] = {
    { 'ATS_', NsStatus, 'SmnE' }, //= EnmS any tag-table
    { 'SRC_', NsResources, 'RmnE' }, //= EnmR any tag-table
    //~ _STA firmware-table
    //~ _CRS firmware-table
};

NOINLINE static NTSTATUS NsEvaluate(ULONG Name, OBJECT *Arguments, ULONG Count, OBJECT **Out)
{
    const METHOD_ENTRY *Entry;
    OBJECT Result;
    NTSTATUS Status;

    for (Entry = Methods; Entry < Methods + 2; Entry++)
        if (Entry->Name == Name) break;
    if (Entry == Methods + 2) return STATUS_NOT_SUPPORTED;
    memset(&Result, 0, sizeof(Result));
    Status = Entry->Method(Arguments, Count, &Result);
    if (Status < 0) return Status;
    *Out = ExAllocatePoolWithTag(PagedPool, sizeof(OBJECT) + Result.Size, Entry->ResultTag);
    if (*Out == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    **Out = Result;
    return STATUS_SUCCESS;
}

static NTSTATUS NsStatus(OBJECT *Arguments, ULONG Count, OBJECT *Result)
{
    Result->Type = TYPE_INTEGER;
    Result->Size = Count ? Arguments[0].Size : 0;
    return STATUS_SUCCESS;
}

static NTSTATUS NsResources(OBJECT *Arguments, ULONG Count, OBJECT *Result)
{
    OBJECT Copy;
    if (Count == 0 || Arguments[0].Type != TYPE_BUFFER) return STATUS_INVALID_PARAMETER;
    if (*(ULONG *)Arguments[0].Data == 'TDSD') return STATUS_NOT_SUPPORTED; //~ DSDT firmware-table
    NsDuplicate(&Copy, Arguments);
    *Result = Copy;
    return STATUS_SUCCESS;
}

/* ---- the heap of the interpreter: grows by segments, each remembers its owner's tag ---- */

typedef struct SEGMENT { struct SEGMENT *Next; ULONG Owner, Size, Used; } SEGMENT;
typedef struct { SEGMENT *First; ULONG Tag, Grow; LONG Count; } HEAP;
static HEAP *MainHeap, *TableHeap;

NOINLINE static NTSTATUS HeapCreate(HEAP **Out, ULONG Grow, ULONG Tag)
{
    HEAP *Heap = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(HEAP), 'HhnE'); //= EnhH any direct
    if (Heap == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Heap->First = NULL;
    Heap->Tag = Tag;
    Heap->Grow = Grow;
    Heap->Count = 0;
    *Out = Heap;
    return STATUS_SUCCESS;
}

NOINLINE static PVOID HeapTake(HEAP *Heap, ULONG Size)
{
    SEGMENT *Segment = Heap->First;
    if (Segment == NULL || Segment->Size - Segment->Used < Size) {
        ULONG Bytes = Size > Heap->Grow ? Size : Heap->Grow;
        Segment = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(SEGMENT) + Bytes, Heap->Tag);
        if (Segment == NULL) return NULL;
        Segment->Next = Heap->First;
        Segment->Owner = Heap->Tag;
        Segment->Size = Bytes;
        Segment->Used = 0;
        Heap->First = Segment;
        Heap->Count++;
    }
    Segment->Used += Size;
    return (UCHAR *)(Segment + 1) + Segment->Used - Size;
}

NOINLINE static void HeapDestroy(HEAP *Heap)
{
    SEGMENT *Segment, *Next;
    for (Segment = Heap->First; Segment != NULL; Segment = Next) {
        Next = Segment->Next;
        ExFreePoolWithTag(Segment, Segment->Owner);
    }
    ExFreePoolWithTag(Heap, 'HhnE');
}

/* ---- identifiers: strings that are joined ---- */

typedef struct { PVOID (*Allocate)(SIZE_T Size, ULONG Tag); void (*Free)(PVOID Block, ULONG Tag); ULONG Tag; } STRINGS;
static PVOID StrAllocate(SIZE_T Size, ULONG Tag) { return ExAllocatePoolWithTag(PagedPool, Size, Tag); }
static void StrFree(PVOID Block, ULONG Tag) { ExFreePoolWithTag(Block, Tag); }
static STRINGS Strings = { StrAllocate, StrFree, 'IdiE' }; //= EidI any initialised-global

NOINLINE static PWSTR IdJoin(const UNICODE_STRING *A, const UNICODE_STRING *B)
{
    PWSTR Text = Strings.Allocate(A->Length + B->Length + sizeof(WCHAR), Strings.Tag);
    if (Text == NULL) return NULL;
    memcpy(Text, A->Buffer, A->Length);
    memcpy((UCHAR *)Text + A->Length, B->Buffer, B->Length);
    Text[(A->Length + B->Length) / sizeof(WCHAR)] = 0;
    return Text;
}

NOINLINE static NTSTATUS IdQuery(DEVICE_OBJECT *Device, PVOID *Out)
{
    ULONG Size = 64, Needed = 0;
    PVOID Buffer = NULL;
    NTSTATUS Status;

    do {
        if (Buffer != NULL) ExFreePoolWithTag(Buffer, 'QdiE'); //= EidQ any free
        Buffer = ExAllocatePoolWithTag(PagedPool, Size, 'QdiE');
        if (Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Status = IoGetDeviceProperty(Device, 1, Size, Buffer, &Needed);
        Size = Needed;
    } while (Status == (NTSTATUS)0xC0000023);
    *Out = Buffer;
    return Status;
}

/* ---- the driver ---- */

typedef struct { ENDPOINT *First; SIZE_LIST *Used; PVOID Buffer; OBJECT *Last; PWSTR Id; } EXTENSION;

static NTSTATUS CALL EpDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    EXTENSION *Extension = Device->Extension;
    SIZE_T Size = Irp->Information;
    NTSTATUS Status = STATUS_SUCCESS;
    OBJECT Argument = { TYPE_BUFFER, 0, (ULONG)Size, Irp->SystemBuffer };

    OPAQUE(Size);
    switch (Size & 7) {
    case 0: Extension->First = EpCreate((USHORT)Size); break;
    case 1: Status = EpConnect(Extension->First, Irp->SystemBuffer, (ULONG)Size); break;
    case 2: Status = EpSetOptions(Extension->First, Irp->SystemBuffer, (ULONG)Size); break;
    case 3: Extension->Buffer = EpAllocateBuffer(Size, &Extension->Used); break;
    case 4: Status = EpQueueInsert(&Extension->First->Receive, Irp->SystemBuffer, Size); break;
    case 5: Status = NsEvaluate((ULONG)Size, &Argument, 1, &Extension->Last); break;
    case 6: Extension->Buffer = HeapTake(Size & 8 ? MainHeap : TableHeap, (ULONG)Size); break;
    default: Extension->Id = IdJoin(Irp->SystemBuffer, Irp->SystemBuffer); Status = IdQuery(Device, &Extension->Buffer);
    }
    if (Extension->First != NULL && (Size & 0x100) != 0) {
        ENDPOINT *Endpoint = Extension->First;
        Endpoint->Receive.Work(&Endpoint->Receive, Endpoint->Address);
        Endpoint->Notify.Work(&Endpoint->Notify, Endpoint->Address);
        Strings.Free(Extension->Id, Strings.Tag);
        EpFreeBlock(Endpoint);
        EpFreeBlock(EpAllocateBlock((ULONG)(Size >> 9) % CLASS_COUNT, 8));
    }
    IoCompleteRequest(Irp, 0);
    return Status;
}

static void CALL EpUnload(DRIVER_OBJECT *Driver)
{
    ULONG i;
    for (i = 0; i < 3; i++) ExDeleteNPagedLookasideList(&SizeLists[i].List);
    HeapDestroy(MainHeap);
    HeapDestroy(TableHeap);
    IoDeleteDevice(Driver->Device);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, 0x22, 0, FALSE, &Device);
    if (Status < 0) return Status;
    EpMakeLists();
    Status = HeapCreate(&MainHeap, 0x10000, 'MhnE'); //= EnhM any object-field
    if (Status >= 0) Status = HeapCreate(&TableHeap, 0x4000, 'ThnE'); //= EnhT any object-field
    if (Status < 0) return Status;
    Driver->Major[14] = EpDispatch;
    Driver->Unload = EpUnload;
    return STATUS_SUCCESS;
}
