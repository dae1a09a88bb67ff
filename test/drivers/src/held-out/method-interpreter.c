// Held out: an interpreter of a firmware's methods with a heap of its own: heaps with signatures, namespace objects by type, contexts from lists,
// operation regions with handlers and contexts, devices built in phases, event vectors that grow, arbiters, identifiers, a layer that counts.
#include "kernel.h"

/* ---- what is allocated is counted ---- */

typedef struct { LONG Count; SIZE_T Bytes, Peak; } AM_STATISTICS;
static AM_STATISTICS PagedStatistics, NonPagedStatistics;
static ULONG AmTraceLevel;

NOINLINE static PVOID AmAllocateCounted(ULONG PoolType, SIZE_T Size, ULONG Tag, const CHAR *File, ULONG Line)
{
    AM_STATISTICS *Statistics = PoolType == PagedPool ? &PagedStatistics : &NonPagedStatistics;
    PVOID Block = ExAllocatePoolWithTag(PoolType, Size, Tag);

    if (Block == NULL) {
        if (AmTraceLevel > 2) DbgPrint("%s(%u): no memory for %u\n", File, Line, (ULONG)Size);
        return NULL;
    }
    Statistics->Count++;
    Statistics->Bytes += Size;
    if (Statistics->Bytes > Statistics->Peak) Statistics->Peak = Statistics->Bytes;
    memset(Block, 0, Size);
    return Block;
}
#define AM_ALLOC(Type, Size, Tag) AmAllocateCounted(Type, Size, Tag, __FILE_NAME__, __LINE__)
#define AM_FREE(Block, Tag) ExFreePoolWithTag(Block, Tag)

#define AM_TAG_STRING 'SmcA'
#define AM_TAG_MISC 'MmcA'
#define AM_TAG_POWER 'PmcA'

/* ---- heaps: blocks with signatures, a heap that is full gets a successor ---- */

struct AM_CONTEXT;
typedef struct AM_BLOCK { ULONG Signature, Length; struct AM_HEAP *Heap; struct AM_BLOCK *NextFree; } AM_BLOCK;
typedef struct AM_HEAP {
    ULONG Signature;
    UCHAR *End;
    struct AM_HEAP *Head, *Next;
    UCHAR *Top;
    AM_BLOCK *Free;
} AM_HEAP;

NOINLINE static NTSTATUS AmNewHeap(ULONG Size, AM_HEAP **Out)
{
    AM_HEAP *Heap = AM_ALLOC(NonPagedPoolNx, Size, 'HmcA'); //= AcmH any wrapper

    *Out = Heap;
    if (Heap == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Heap->Signature = 'PAEH'; //~ HEAP magic
    Heap->End = (UCHAR *)Heap + Size;
    Heap->Head = Heap;
    Heap->Top = (UCHAR *)(Heap + 1);
    return STATUS_SUCCESS;
}

NOINLINE static PVOID AmHeapAllocate(AM_HEAP *Heap, ULONG Signature, ULONG Length)
{
    AM_HEAP *This;
    AM_BLOCK *Block = NULL;

    Length = (Length + sizeof(AM_BLOCK) + 7) & ~7u;
    for (This = Heap->Head; This != NULL; This = This->Next) {
        if ((ULONG_PTR)(This->End - This->Top) >= Length) {
            Block = (AM_BLOCK *)This->Top;
            This->Top += Length;
            break;
        }
        if (This->Next == NULL && AmNewHeap(0x2000, &This->Next) >= 0) This->Next->Head = Heap->Head;
    }
    if (Block == NULL) return NULL;
    Block->Signature = Signature;
    Block->Length = Length;
    Block->Heap = This;
    return Block + 1;
}

/* ---- objects of the namespace ---- */

typedef struct { USHORT Type, Flags; ULONG Length; ULONG_PTR Value; PVOID Buffer; } AM_DATA;
typedef struct AM_NODE { ULONG Segment; struct AM_NODE *Parent, *Child, *Next; AM_DATA Data; ULONG References; PVOID Device; } AM_NODE;
enum { DataUnknown, DataInteger, DataString, DataBuffer, DataPackage, DataField, DataDevice, DataEvent, DataMethod, DataMutex };
static AM_HEAP *GlobalHeap;
static AM_NODE *Root;

NOINLINE static NTSTATUS AmCreateNode(AM_NODE *Parent, ULONG Segment, AM_NODE **Out)
{
    AM_NODE *Node = AmHeapAllocate(GlobalHeap, 'OSNH', sizeof(AM_NODE)); //~ HNSO magic
    if (Node == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Node, 0, sizeof(*Node));
    Node->Segment = Segment;
    Node->Parent = Parent;
    if (Parent != NULL) { Node->Next = Parent->Child; Parent->Child = Node; }
    else Root = Node;
    *Out = Node;
    return STATUS_SUCCESS;
}

static NTSTATUS AmCreatePredefined(void)
{
    AM_NODE *Top, *Node;
    NTSTATUS Status = AmCreateNode(NULL, '___\\', &Top);
    if (Status >= 0) Status = AmCreateNode(Top, 'EPG_', &Node); //~ _GPE firmware-table
    if (Status >= 0) Status = AmCreateNode(Top, '_BS_', &Node); //~ _SB_ firmware-table
    if (Status >= 0) Status = AmCreateNode(Top, '_ZT_', &Node); //~ _TZ_ firmware-table
    return Status;
}

/* what a caller outside the interpreter gets is a copy in pool, by type */
NOINLINE static NTSTATUS AmCopyResult(const AM_DATA *From, AM_DATA *To)
{
    ULONG Tag;

    *To = *From;
    switch (From->Type) {
    case DataInteger: return STATUS_SUCCESS;
    case DataString: Tag = 'sRcA'; break; //= AcRs any switch-tags
    case DataBuffer: Tag = 'bRcA'; break; //= AcRb any switch-tags
    case DataPackage: Tag = 'pRcA'; break; //= AcRp any switch-tags
    default: return STATUS_NOT_SUPPORTED;
    }
    To->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, From->Length, Tag);
    if (To->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, From->Length);
    return STATUS_SUCCESS;
}

/* ---- contexts of methods that run ---- */

typedef struct AM_CONTEXT { ULONG Signature, Flags; AM_HEAP *Heap; AM_NODE *Scope; const UCHAR *Code; PVOID Frame; struct AM_CONTEXT *Next; AM_DATA Result; } AM_CONTEXT;
static LOOKASIDE ContextList, RequestList, DeviceList, ObjectList, ResourceList;

static void AmCreateLists(void)
{
    ExInitializeNPagedLookasideList(&ContextList, NULL, NULL, 0, sizeof(AM_CONTEXT) + 0x2000, 'CmcA', 16); //= AcmC any lookaside
    ExInitializeNPagedLookasideList(&RequestList, NULL, NULL, 0, 0x70, 'RmcA', 38); //= AcmR any lookaside
    ExInitializeNPagedLookasideList(&DeviceList, NULL, NULL, 0, 0x258, 'DmcA', 64); //= AcmD any lookaside
    ExInitializeNPagedLookasideList(&ObjectList, NULL, NULL, 0, sizeof(AM_DATA), 'OmcA', 128); //= AcmO any lookaside
    ExInitializePagedLookasideList(&ResourceList, NULL, NULL, 0, 0x100, 'rmcA', 0); //= Acmr any lookaside
}

typedef NTSTATUS (*AM_OPCODE)(AM_CONTEXT *Context, AM_DATA *Arguments);
static NTSTATUS OpBuffer(AM_CONTEXT *Context, AM_DATA *Arguments)
{
    Context->Result.Type = DataBuffer;
    Context->Result.Length = (ULONG)Arguments[0].Value;
    Context->Result.Buffer = AmHeapAllocate(Context->Heap, 'TADH', Context->Result.Length); //~ HDAT magic
    return Context->Result.Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS OpConcatenate(AM_CONTEXT *Context, AM_DATA *Arguments)
{
    ULONG Length = Arguments[0].Length + Arguments[1].Length;
    UCHAR *Text = AM_ALLOC(PagedPool, Length, 'tCcA'); //= AcCt any wrapper
    if (Text == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Text, Arguments[0].Buffer, Arguments[0].Length);
    memcpy(Text + Arguments[0].Length, Arguments[1].Buffer, Arguments[1].Length);
    Context->Result.Type = DataString;
    Context->Result.Length = Length;
    Context->Result.Buffer = Text;
    return STATUS_SUCCESS;
}
static NTSTATUS OpLoad(AM_CONTEXT *Context, AM_DATA *Arguments)
{
    const ULONG *Header = Arguments[0].Buffer;
    PVOID Table;
    if (Header[0] != 'TDSS' && Header[0] != 'TDSP') return STATUS_INVALID_PARAMETER; //~ SSDT firmware-table //~ PSDT firmware-table
    Table = ExAllocatePoolWithTag(NonPagedPoolNx, Header[1], 'TmcA'); //= AcmT any direct
    if (Table == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Table, Header, Header[1]);
    Context->Code = Table;
    return STATUS_SUCCESS;
}
static const struct { UCHAR Opcode, Arguments; USHORT Flags; AM_OPCODE Run; } Opcodes[] = {
    { 0x11, 1, 0, OpBuffer }, { 0x73, 2, 1, OpConcatenate }, { 0x20, 1, 0x10, OpLoad },
};

NOINLINE static NTSTATUS AmRunContext(AM_CONTEXT *Context, AM_DATA *Arguments)
{
    ULONG i;
    NTSTATUS Status = STATUS_SUCCESS;

    while (Status >= 0 && *Context->Code != 0) {
        for (i = 0; i < sizeof(Opcodes) / sizeof(Opcodes[0]) && Opcodes[i].Opcode != *Context->Code; i++) ;
        if (i == sizeof(Opcodes) / sizeof(Opcodes[0])) return STATUS_NOT_SUPPORTED;
        Context->Code++;
        Status = Opcodes[i].Run(Context, Arguments);
    }
    return Status;
}

NOINLINE static NTSTATUS AmEvaluate(AM_NODE *Node, AM_DATA *Arguments, AM_DATA *Result)
{
    NTSTATUS Status;
    AM_CONTEXT *Context = ExpInterlockedPopEntrySList(&ContextList);
    if (Context == NULL) Context = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Context) + 0x2000, 'CmcA');
    if (Context == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Context->Signature = 'TXTC'; //~ CTXT magic
    Context->Heap = GlobalHeap;
    Context->Scope = Node;
    Context->Code = Node->Data.Buffer;
    Status = AmRunContext(Context, Arguments);
    if (Status >= 0) Status = AmCopyResult(&Context->Result, Result);
    ExpInterlockedPushEntrySList(&ContextList, Context);
    return Status;
}

/* ---- operation regions: a handler for each space, with a context of its own ---- */

typedef NTSTATUS (*REGION_HANDLER)(ULONG Write, ULONG64 Address, ULONG Size, PVOID Data, PVOID Context);
typedef struct REGION { struct REGION *Next; ULONG Space, ContextTag; REGION_HANDLER Handler; PVOID Context; } REGION;
typedef struct { ULONG Tag, Size; UCHAR Port; PVOID Buffer; } BUS_CONTEXT;
static REGION *Regions;

NOINLINE static NTSTATUS RegionRegister(ULONG Space, REGION_HANDLER Handler, ULONG ContextSize, ULONG ContextTag, REGION **Out)
{
    REGION *Region = AM_ALLOC(NonPagedPoolNx, sizeof(*Region), 'GmcA'); //= AcmG any wrapper
    if (Region == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Region->Space = Space;
    Region->Handler = Handler;
    Region->ContextTag = ContextTag;
    Region->Context = ExAllocatePoolWithTag(NonPagedPoolNx, ContextSize, ContextTag);
    if (Region->Context == NULL) { AM_FREE(Region, 'GmcA'); return STATUS_INSUFFICIENT_RESOURCES; }
    Region->Next = Regions;
    Regions = Region;
    *Out = Region;
    return STATUS_SUCCESS;
}

static NTSTATUS ControllerHandler(ULONG Write, ULONG64 Address, ULONG Size, PVOID Data, PVOID Context)
{
    BUS_CONTEXT *Bus = Context;
    if (Size > Bus->Size) {
        if (Bus->Buffer != NULL) ExFreePoolWithTag(Bus->Buffer, Bus->Tag);
        Bus->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Bus->Tag);
        Bus->Size = Size;
    }
    if (Bus->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Write ? Bus->Buffer : Data, Write ? Data : Bus->Buffer, Size);
    return Address < 256 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
static NTSTATUS SerialHandler(ULONG Write, ULONG64 Address, ULONG Size, PVOID Data, PVOID Context)
{
    PVOID Packet = ExAllocatePoolWithTag(NonPagedPoolNx, Size + 0x18, 'pScA'); //= AcSp any direct
    (void)Address; (void)Context;
    if (Packet == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Write ? Packet : Data, Write ? Data : Packet, Size);
    ExFreePoolWithTag(Packet, 'pScA');
    return STATUS_SUCCESS;
}

INIT_CODE_SECTION static NTSTATUS RegionInitialize(void)
{
    REGION *Region;
    NTSTATUS Status = RegionRegister(3, ControllerHandler, sizeof(BUS_CONTEXT), 'cEcA', &Region); //= AcEc any wrapper
    if (Status < 0) return Status;
    ((BUS_CONTEXT *)Region->Context)->Tag = 'bEcA'; //= AcEb any callback-context
    ((BUS_CONTEXT *)Region->Context)->Buffer = NULL;
    ((BUS_CONTEXT *)Region->Context)->Size = 0;
    return RegionRegister(9, SerialHandler, 16, 'cScA', &Region); //= AcSc any wrapper
}

/* ---- devices are built in phases; what a phase needs hangs at the request ---- */

typedef struct BUILD { LIST_ENTRY Links; ULONG Phase; AM_NODE *Node; NTSTATUS Status; PVOID Work; AM_DATA Result; void (*Done)(struct BUILD *Build, PVOID Context); PVOID Context; } BUILD;
typedef NTSTATUS (*BUILD_PHASE)(BUILD *Build);

static NTSTATUS PhaseIdentifiers(BUILD *Build)
{
    Build->Work = ExAllocatePoolWithTag(PagedPool, 0x100, AM_TAG_STRING); //= AcmS any direct
    return Build->Work ? AmEvaluate(Build->Node, NULL, &Build->Result) : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS PhaseResources(BUILD *Build)
{
    Build->Work = ExAllocatePoolWithTag(PagedPool, Build->Result.Length * 2, 'LRcA'); //= AcRL any direct
    return Build->Work ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS PhasePower(BUILD *Build)
{
    Build->Work = AM_ALLOC(NonPagedPoolNx, 0x60, AM_TAG_POWER); //= AcmP any wrapper
    return Build->Work ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static const BUILD_PHASE Phases[] = { PhaseIdentifiers, PhaseResources, PhasePower };
static void FreeWork(BUILD *Build, PVOID Context) { (void)Context; ExFreePoolWithTag(Build->Work, AM_TAG_STRING); }

NOINLINE static void BuildRun(BUILD *Build)
{
    while (Build->Phase < 3) {
        Build->Status = Phases[Build->Phase](Build);
        if (Build->Status < 0) break;
        Build->Phase++;
    }
    Build->Done(Build, Build->Context);
    ExFreePoolWithTag(Build, 'QBcA'); //= AcBQ any free
}

NOINLINE static NTSTATUS BuildQueue(AM_NODE *Node, void (*Done)(BUILD *, PVOID), PVOID Context)
{
    BUILD *Build = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Build), 'QBcA');
    if (Build == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Build->Node = Node;
    Build->Done = Done ? Done : FreeWork;
    Build->Context = Context;
    BuildRun(Build);
    return STATUS_SUCCESS;
}

/* ---- vectors of events: an array that grows ---- */

typedef struct { UCHAR Next; UCHAR Mode; USHORT Index; PVOID Handler, Context; } VECTOR;
static VECTOR *Vectors;
static ULONG VectorCount;
static UCHAR *EventMasks;

static PVOID AmReallocate(PVOID Old, ULONG OldSize, ULONG NewSize, ULONG Tag)
{
    PVOID New = ExAllocatePoolWithTag(NonPagedPoolNx, NewSize, Tag);
    if (New == NULL) return NULL;
    if (Old != NULL) { memcpy(New, Old, OldSize); ExFreePoolWithTag(Old, Tag); }
    memset((UCHAR *)New + OldSize, 0, NewSize - OldSize);
    return New;
}

NOINLINE static NTSTATUS EventGrow(ULONG Count)
{
    VECTOR *New = AmReallocate(Vectors, VectorCount * sizeof(VECTOR), Count * sizeof(VECTOR), 'vEcA'); //= AcEv any wrapper
    UCHAR *Masks;
    if (New == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Vectors = New;
    Masks = AmReallocate(EventMasks, VectorCount / 8, Count / 8, 'mEcA'); //= AcEm any wrapper
    if (Masks == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    EventMasks = Masks;
    VectorCount = Count;
    return STATUS_SUCCESS;
}

/* ---- arbiters: one for interrupts, one for memory, made by the library that both use ---- */

typedef struct ARBITER { ULONG Signature, ResourceType; const WCHAR *Name; PVOID Allocation, Possible; ULONG StackSize; PVOID Stack; NTSTATUS (*Score)(PVOID); PVOID Extension; } ARBITER;
static ARBITER InterruptArbiter, MemoryArbiter;

NOINLINE static NTSTATUS ArbiterInitialize(ARBITER *Arbiter, ULONG Type, ULONG ExtensionSize, ULONG ExtensionTag)
{
    Arbiter->Signature = 'sbrA'; //~ Arbs magic
    Arbiter->ResourceType = Type;
    Arbiter->StackSize = 0x1000;
    Arbiter->Stack = ExAllocatePoolWithTag(PagedPool, Arbiter->StackSize, 'SbrA'); //= ArbS any direct
    Arbiter->Allocation = ExAllocatePoolWithTag(PagedPool, 0x30, 'AbrA'); //= ArbA any direct
    Arbiter->Possible = ExAllocatePoolWithTag(PagedPool, 0x30, 'LbrA'); //= ArbL any direct
    if (Arbiter->Stack == NULL || Arbiter->Allocation == NULL || Arbiter->Possible == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (ExtensionSize == 0) return STATUS_SUCCESS;
    Arbiter->Extension = ExAllocatePoolWithTag(NonPagedPoolNx, ExtensionSize, ExtensionTag);
    return Arbiter->Extension ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS ArbiterGrowStack(ARBITER *Arbiter)
{
    PVOID Stack = ExAllocatePoolWithTag(PagedPool, Arbiter->StackSize * 2, 'SbrA');
    if (Stack == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Stack, Arbiter->Stack, Arbiter->StackSize);
    ExFreePoolWithTag(Arbiter->Stack, 'SbrA');
    Arbiter->Stack = Stack;
    Arbiter->StackSize *= 2;
    return STATUS_SUCCESS;
}

/* ---- identifiers of devices ---- */

static const struct { ULONG Method, Tag; } Identifiers[] = {
    //~ _HID firmware-table
    //~ _UID firmware-table
    //~ _CID firmware-table
    { 'DIH_', 'hIcA' }, //= AcIh any tag-table
    { 'DIU_', 'uIcA' }, //= AcIu any tag-table
    { 'DIC_', 'cIcA' }, //= AcIc any tag-table
};

NOINLINE static AM_NODE *AmFindChild(AM_NODE *Parent, ULONG Segment)
{
    AM_NODE *Child;
    for (Child = Parent->Child; Child != NULL && Child->Segment != Segment; Child = Child->Next) ;
    return Child;
}

NOINLINE static PWSTR GetIdentifier(AM_NODE *Node, ULONG Which)
{
    AM_DATA Data;
    PWSTR Text;
    ULONG i;
    AM_NODE *Child = AmFindChild(Node, Identifiers[Which].Method);

    if (Child == NULL || AmEvaluate(Child, NULL, &Data) < 0) return NULL;
    Text = ExAllocatePoolWithTag(PagedPool, (Data.Length + 1) * sizeof(WCHAR), Identifiers[Which].Tag);
    if (Text != NULL) {
        for (i = 0; i < Data.Length; i++) Text[i] = ((UCHAR *)Data.Buffer)[i];
        Text[i] = 0;
    }
    ExFreePoolWithTag(Data.Buffer, 'sRcA');
    return Text;
}

/* ---- the driver ---- */

static NTSTATUS CALL AmDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    BUILD **Last = Device->Extension;
    AM_NODE *Node = Irp->SystemBuffer;
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Misc;

    switch (Irp->Stack->Minor) {
    case 0: Status = BuildQueue(Node, NULL, Last); break;
    case 1: Status = EventGrow(VectorCount + 32); break;
    case 2: Irp->SystemBuffer = GetIdentifier(Node, 0); break;
    case 3: Irp->SystemBuffer = GetIdentifier(Node, (ULONG)(Irp->Information % 3)); break;
    case 4: Status = ArbiterGrowStack(Irp->Flags ? &InterruptArbiter : &MemoryArbiter); break;
    case 5: Status = Regions->Handler(Irp->Flags, 0, 4, Irp->SystemBuffer, Regions->Context); break;
    case 6: Status = AmCreateNode(Node, Irp->Flags, &Node); break;
    default:
        Misc = AM_ALLOC(PagedPool, Irp->Information, AM_TAG_MISC); //= AcmM any wrapper
        if (Misc == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Misc, Irp->SystemBuffer, Irp->Information);
        AM_FREE(Misc, AM_TAG_MISC);
    }
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status;
    AmCreateLists();
    Status = AmNewHeap(0x10000, &GlobalHeap);
    if (Status >= 0) Status = AmCreatePredefined();
    if (Status >= 0) Status = RegionInitialize();
    if (Status >= 0) Status = ArbiterInitialize(&InterruptArbiter, 2, 0x200, 'IbrA'); //= ArbI any wrapper
    if (Status >= 0) Status = ArbiterInitialize(&MemoryArbiter, 3, Path->Length, 'MbrA'); //= ArbM any wrapper
    Driver->Major[27] = AmDispatch;
    return Status;
}
