// Held out: the core of a file server and its file system: types of objects with descriptors, lists of blocks made in loops from tables, memory through
// functions in a context, buffers that grow, tags by switch and condition, quotas in guarded calls, structures with node types and signatures.
#include "kernel.h"

#define MAKE_TAG(A, B, C, D) ((ULONG)(A) | ((ULONG)(B) << 8) | ((ULONG)(C) << 16) | ((ULONG)(D) << 24))
#define FC_TAG(A, B) MAKE_TAG('F', 'c', A, B)
#define COUNT_OF(Array) (sizeof(Array) / sizeof((Array)[0]))
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8

/* ---- protocol ---- */

typedef struct { ULONG Protocol; USHORT Length, Credit; ULONG Status; USHORT Command, Credits; ULONG Flags, Next; ULONG64 MessageId; ULONG Process, Tree; ULONG64 Session; UCHAR Signature[16]; } PACKET_HEADER;
#define PROTOCOL_PLAIN MAKE_TAG(0xFE, 'S', 'M', 'B')
#define PROTOCOL_OLD MAKE_TAG(0xFF, 'S', 'M', 'B')
#define CONTEXT_LEASE 'sLqR'
#define CONTEXT_DURABLE 'QnHD'
#define CONTEXT_MAXIMAL 'cAxM'

/* ---- blocks: every object begins with a header that says what it is ---- */

typedef enum { BlockConnection, BlockSession, BlockTree, BlockOpen, BlockLock, BlockNotify, BlockWork, BlockTypeCount } BLOCK_TYPE;
typedef struct { ULONG Signature; UCHAR State, Type; USHORT Size; LONG References; } BLOCK_HEADER;
typedef struct { const CHAR *Name; SIZE_T Size; ULONG PoolType, Tag, Signature; void (*Close)(BLOCK_HEADER *Block); } OBJECT_TYPE;

typedef struct { BLOCK_HEADER Header; LIST_ENTRY Sessions, WorkItems; ULONG_PTR Lock; PVOID Transport; UNICODE_STRING Client; LOOKASIDE Packets, Transforms; ULONG MaximumRead, MaximumWrite; PVOID Bitmap; } CONNECTION;
typedef struct { BLOCK_HEADER Header; LIST_ENTRY Links; CONNECTION *Connection; UNICODE_STRING User; PVOID Token, Key; ULONG KeyLength; ULONG64 Id; } SESSION;
typedef struct { BLOCK_HEADER Header; SESSION *Session; UNICODE_STRING Share; ULONG Access; } TREE;
typedef struct { BLOCK_HEADER Header; TREE *Tree; PVOID Fcb; ULONG64 Volatile, Persistent; PVOID Lease, Enumeration; ULONG Disposition; } OPEN;

static void CloseSession(BLOCK_HEADER *Block);
static void CloseTree(BLOCK_HEADER *Block);
static void CloseOpen(BLOCK_HEADER *Block);

static const OBJECT_TYPE ObjectTypes[BlockTypeCount] = {
    {"connection", sizeof(CONNECTION), NonPagedPoolNx, 'nCcF', 'NNOC', NULL}, //= FcCn any tag-table //~ CONN magic
    {"session", sizeof(SESSION), PagedPool, 'sScF', 'SSES', CloseSession}, //= FcSs any tag-table //~ SESS magic
    {"tree", sizeof(TREE), PagedPool, 'rTcF', 'EERT', CloseTree}, //= FcTr any tag-table //~ TREE magic
    {"open", sizeof(OPEN), PagedPool, 'pOcF', 'NEPO', CloseOpen}, //= FcOp any tag-table //~ OPEN magic
    {"lock", 0x60, NonPagedPoolNx, 'kLcF', 'KCOL', NULL}, //= FcLk any tag-table //~ LOCK magic
    {"notify", 0x88, PagedPool, 'yNcF', 'YTON', NULL}, //= FcNy any tag-table //~ NOTY magic
    {"work", 0x140, NonPagedPoolNx, 'iWcF', 'KROW', NULL}, //= FcWi any tag-table //~ WORK magic
};
static LONG BlockCounts[BlockTypeCount];

NOINLINE static BLOCK_HEADER *AllocateBlock(BLOCK_TYPE Type, SIZE_T Extra)
{
    const OBJECT_TYPE *Descriptor;
    BLOCK_HEADER *Block;

    if (Type >= BlockTypeCount) return NULL;
    Descriptor = &ObjectTypes[Type];
    Block = ExAllocatePoolWithTag(Descriptor->PoolType, Descriptor->Size + Extra, Descriptor->Tag);
    if (Block == NULL) {
        DbgPrint("no memory for a %s\n", Descriptor->Name);
        return NULL;
    }
    memset(Block, 0, Descriptor->Size + Extra);
    Block->Signature = Descriptor->Signature;
    Block->Type = (UCHAR)Type;
    Block->Size = (USHORT)Descriptor->Size;
    Block->References = 1;
    BlockCounts[Type]++;
    return Block;
}

NOINLINE static void DereferenceBlock(BLOCK_HEADER *Block)
{
    const OBJECT_TYPE *Descriptor = &ObjectTypes[Block->Type % BlockTypeCount];

    if (Block->Signature != Descriptor->Signature) KeBugCheckEx(0x7E, 'kcoB', (ULONG_PTR)Block, Block->Signature, 0); //~ Bock bug-check
    if (--Block->References != 0) return;
    if (Descriptor->Close != NULL) Descriptor->Close(Block);
    Block->Signature = 'EERF'; //~ FREE magic
    BlockCounts[Block->Type]--;
    ExFreePoolWithTag(Block, Descriptor->Tag);
}

/* ---- lists of blocks: a table of sizes and tags, lists in an array within the device's extension ---- */

typedef enum { ListIrpContext, ListCcb, ListFcb, ListScb, ListLcb, ListKeep, ListCount } LIST_INDEX;
typedef struct { USHORT Depth; BOOLEAN Paged; ULONG Size; ULONG Tag; } LIST_ROW;
static const LIST_ROW ListRows[ListCount] = {
    {16, FALSE, 0xC8, FC_TAG('I', 'r')}, //= FcIr any lookaside-loop
    {8, TRUE, 0x48, FC_TAG('C', 'c')}, //= FcCc any lookaside-loop
    {8, FALSE, 0x1A0, FC_TAG('F', 'f')}, //= FcFf any lookaside-loop
    {8, FALSE, 0x118, FC_TAG('S', 'b')}, //= FcSb any lookaside-loop
    {4, TRUE, 0x80, FC_TAG('L', 'b')}, //= FcLb any lookaside-loop
    {4, TRUE, 0x30, FC_TAG('K', 'p')}, //= FcKp any lookaside-loop
};

typedef struct { USHORT NodeType, NodeSize; ULONG Flags; LIST_ENTRY Volumes; ULONG_PTR Resource[13]; LOOKASIDE Lists[ListCount]; LOOKASIDE SmallBuffers[4]; PVOID Reserve; ULONG ReserveTag; } CORE_DATA;
static CORE_DATA CoreData;

static void InitializeLists(CORE_DATA *Data)
{
    ULONG Index;

    for (Index = 0; Index < ListCount; Index++) {
        const LIST_ROW *Row = &ListRows[Index];

        if (Row->Paged) ExInitializePagedLookasideList(&Data->Lists[Index], NULL, NULL, 0, Row->Size, Row->Tag, Row->Depth);
        else ExInitializeNPagedLookasideList(&Data->Lists[Index], NULL, NULL, 0, Row->Size, Row->Tag, Row->Depth);
    }
    for (Index = 0; Index < COUNT_OF(Data->SmallBuffers); Index++)
        ExInitializeNPagedLookasideList(&Data->SmallBuffers[Index], NULL, NULL, 0, 64u << Index, 'BScF', 8); //= FcSB any lookaside
}

/* ---- memory by functions in a context ---- */

typedef struct MEMORY_CONTEXT MEMORY_CONTEXT;
typedef PVOID (*ALLOCATE_ROUTINE)(MEMORY_CONTEXT *Context, SIZE_T Size, ULONG Tag);
typedef void (*FREE_ROUTINE)(MEMORY_CONTEXT *Context, PVOID Block, ULONG Tag);
struct MEMORY_CONTEXT { ALLOCATE_ROUTINE Allocate; FREE_ROUTINE Free; LONG64 Charged, Limit; ULONG PoolType; };

static PVOID ChargedAllocate(MEMORY_CONTEXT *Context, SIZE_T Size, ULONG Tag)
{
    PVOID Block;

    if (Context->Charged + (LONG64)Size > Context->Limit) return NULL;
    Block = ExAllocatePoolWithTag(Context->PoolType, Size, Tag);
    if (Block != NULL) Context->Charged += Size;
    return Block;
}
static PVOID PlainAllocate(MEMORY_CONTEXT *Context, SIZE_T Size, ULONG Tag)
{
    return ExAllocatePool2(Context->PoolType == PagedPool ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, Size, Tag);
}
static void PlainFree(MEMORY_CONTEXT *Context, PVOID Block, ULONG Tag)
{
    ExFreePoolWithTag(Block, Tag);
}

NOINLINE static void InitializeMemory(MEMORY_CONTEXT *Context, ULONG PoolType, LONG64 Limit)
{
    Context->Allocate = Limit != 0 ? ChargedAllocate : PlainAllocate;
    Context->Free = PlainFree;
    Context->PoolType = PoolType;
    Context->Limit = Limit;
    Context->Charged = 0;
}

/* a buffer that grows: with its tag, so that nobody need say it twice */
typedef struct { UCHAR *Data; ULONG Length, Room, Tag; MEMORY_CONTEXT *Memory; } GROWING_BUFFER;

NOINLINE static void InitializeGrowing(GROWING_BUFFER *Buffer, MEMORY_CONTEXT *Memory, ULONG Tag)
{
    Buffer->Data = NULL;
    Buffer->Length = Buffer->Room = 0;
    Buffer->Tag = Tag;
    Buffer->Memory = Memory;
}

NOINLINE static NTSTATUS AppendGrowing(GROWING_BUFFER *Buffer, const void *Data, ULONG Length)
{
    ULONG Room = Buffer->Room ? Buffer->Room : 0x100;
    UCHAR *Grown;

    if (Length > Buffer->Room - Buffer->Length || Buffer->Data == NULL) {
        while (Room < Buffer->Length + Length) Room *= 2;
        Grown = Buffer->Memory->Allocate(Buffer->Memory, Room, Buffer->Tag);
        if (Grown == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        if (Buffer->Data != NULL) {
            memcpy(Grown, Buffer->Data, Buffer->Length);
            Buffer->Memory->Free(Buffer->Memory, Buffer->Data, Buffer->Tag);
        }
        Buffer->Data = Grown;
        Buffer->Room = Room;
    }
    memcpy(Buffer->Data + Buffer->Length, Data, Length);
    Buffer->Length += Length;
    return STATUS_SUCCESS;
}

static PVOID Reallocate(PVOID Old, SIZE_T OldSize, SIZE_T Size, ULONG PoolType, ULONG Tag)
{
    PVOID New = ExAllocatePoolWithTag(PoolType, Size, Tag);

    if (New == NULL) return NULL;
    if (Old != NULL) {
        memcpy(New, Old, OldSize < Size ? OldSize : Size);
        ExFreePoolWithTag(Old, Tag);
    }
    return New;
}

/* a helper that checks what it frees: the tag stands in front as well */
typedef struct { ULONG Tag, Size; ULONG64 Guard; } CHECKED_HEADER;

NOINLINE static PVOID AllocateChecked(ULONG PoolType, ULONG Size, ULONG Tag)
{
    CHECKED_HEADER *Header = ExAllocatePoolWithTag(PoolType, sizeof(CHECKED_HEADER) + Size, Tag);

    if (Header == NULL) return NULL;
    Header->Tag = Tag;
    Header->Size = Size;
    Header->Guard = 0x4452415544524147ULL; //~ GARD magic
    return Header + 1;
}
NOINLINE static void FreeChecked(PVOID Block, ULONG Tag)
{
    CHECKED_HEADER *Header = (CHECKED_HEADER *)Block - 1;

    if (Header->Tag != Tag) KeBugCheckEx(0xC2, 0x0A, (ULONG_PTR)Header, Header->Tag, Tag);
    Header->Tag = 'DAED'; //~ DEAD magic
    ExFreePoolWithTag(Header, Tag);
}

/* ---- strings ---- */

NOINLINE static NTSTATUS CopyString(UNICODE_STRING *To, const UNICODE_STRING *From, ULONG Tag)
{
    To->Buffer = NULL;
    To->Length = To->MaximumLength = 0;
    if (From->Length == 0) return STATUS_SUCCESS;
    To->Buffer = ExAllocatePoolWithTag(PagedPool, From->Length, Tag);
    if (To->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, From->Length);
    To->Length = To->MaximumLength = From->Length;
    return STATUS_SUCCESS;
}

static void FreeString(UNICODE_STRING *String, ULONG Tag)
{
    if (String->Buffer != NULL) ExFreePoolWithTag(String->Buffer, Tag);
    memset(String, 0, sizeof(*String));
}

/* ---- connections and sessions ---- */

static MEMORY_CONTEXT ServerMemory;

NOINLINE static CONNECTION *CreateConnection(PVOID Transport, const UNICODE_STRING *Client, BOOLEAN Encrypted)
{
    CONNECTION *Connection = (CONNECTION *)AllocateBlock(BlockConnection, 0);

    if (Connection == NULL) return NULL;
    Connection->Transport = Transport;
    Connection->Sessions.Flink = Connection->Sessions.Blink = &Connection->Sessions;
    Connection->MaximumRead = Connection->MaximumWrite = 0x100000;
    ExInitializeLookasideListEx(&Connection->Packets, NULL, NULL, NonPagedPoolNx, 0, 0x1100, Encrypted ? 'ePcF' : 'pPcF', 0); //= FcPe any ternary //= FcPp any ternary
    ExInitializeNPagedLookasideList(&Connection->Transforms, NULL, NULL, 0, 0x34, 'rXcF', 0); //= FcXr any lookaside
    if (CopyString(&Connection->Client, Client, 'aCcF') < 0) { DereferenceBlock(&Connection->Header); return NULL; } //= FcCa any wrapper
    Connection->Bitmap = ServerMemory.Allocate(&ServerMemory, 0x400, 'mBcF'); //= FcBm any operations-object
    return Connection;
}

static void CloseSession(BLOCK_HEADER *Block)
{
    SESSION *Session = (SESSION *)Block;

    FreeString(&Session->User, 'uScF');
    if (Session->Key != NULL) {
        memset(Session->Key, 0, Session->KeyLength);
        FreeChecked(Session->Key, 'kScF');
    }
    Session->Links.Blink->Flink = Session->Links.Flink;
    Session->Links.Flink->Blink = Session->Links.Blink;
}

NOINLINE static NTSTATUS CreateSession(CONNECTION *Connection, const UNICODE_STRING *User, const void *Key, ULONG KeyLength, SESSION **Out)
{
    SESSION *Session;
    NTSTATUS Status;

    if (Connection->Header.Signature != 'NNOC') return STATUS_INVALID_PARAMETER;
    Session = (SESSION *)AllocateBlock(BlockSession, 0);
    if (Session == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Session->Links.Flink = &Connection->Sessions;
    Session->Links.Blink = Connection->Sessions.Blink;
    Connection->Sessions.Blink->Flink = &Session->Links;
    Connection->Sessions.Blink = &Session->Links;
    Status = CopyString(&Session->User, User, 'uScF'); //= FcSu any wrapper
    if (Status >= 0) {
        Session->Key = AllocateChecked(NonPagedPoolNx, KeyLength, 'kScF'); //= FcSk any wrapper
        if (Session->Key == NULL) Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (Status < 0) { DereferenceBlock(&Session->Header); return Status; }
    memcpy(Session->Key, Key, KeyLength);
    Session->KeyLength = KeyLength;
    Session->Id = ((ULONG64)'DISS' << 32) | 1; //~ SSID magic
    *Out = Session;
    return STATUS_SUCCESS;
}

static void CloseTree(BLOCK_HEADER *Block)
{
    FreeString(&((TREE *)Block)->Share, 'hScF');
}

NOINLINE static NTSTATUS ConnectTree(SESSION *Session, const UNICODE_STRING *Share, const CHAR *Service, TREE **Out)
{
    TREE *Tree;

    if (memcmp(Service, "A:", 2) != 0 && memcmp(Service, "IPC", 4) != 0 && memcmp(Service, "LPT1", 4) != 0) return STATUS_NOT_SUPPORTED; //~ "IPC\0" text //~ LPT1 text
    Tree = (TREE *)AllocateBlock(BlockTree, 0);
    if (Tree == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Tree->Session = Session;
    *Out = Tree;
    return CopyString(&Tree->Share, Share, 'hScF'); //= FcSh any wrapper
}

/* ---- contexts of a create: four letters in the packet say what follows ---- */

typedef struct { ULONG Next; USHORT NameOffset, NameLength, Reserved, DataOffset; ULONG DataLength, Name; } CREATE_CONTEXT;
typedef struct { ULONG Magic; GUID Key; ULONG State; PVOID Break; } LEASE;
typedef struct { const OPEN *Open; LEASE *Lease; PVOID Durable, Attributes; ULONG Seen; } CREATE_STATE;

NOINLINE static NTSTATUS ReadCreateContexts(CREATE_STATE *State, const CREATE_CONTEXT *Context)
{
    for (;;) {
        switch (Context->Name) {
        case CONTEXT_LEASE: //~ RqLs magic
            State->Lease = AllocateChecked(PagedPool, sizeof(LEASE), 'sLcF'); //= FcLs any wrapper
            if (State->Lease == NULL) return STATUS_INSUFFICIENT_RESOURCES;
            State->Lease->Magic = 'ESAL'; //~ LASE magic
            break;
        case CONTEXT_DURABLE: //~ DHnQ magic
            State->Durable = ExAllocatePoolWithTag(PagedPool, 0x48, 'hDcF'); //= FcDh any direct
            if (State->Durable == NULL) return STATUS_INSUFFICIENT_RESOURCES;
            break;
        case CONTEXT_MAXIMAL: //~ MxAc magic
            State->Seen |= 4;
            break;
        case 'AtxE': //~ ExtA magic
            State->Attributes = Reallocate(State->Attributes, 0, Context->DataLength, PagedPool, 'AEcF'); //= FcEA any wrapper
            if (State->Attributes == NULL) return STATUS_INSUFFICIENT_RESOURCES;
            memcpy(State->Attributes, (const UCHAR *)Context + Context->DataOffset, Context->DataLength);
            break;
        case 'prwT': //~ Twrp magic
        case 'diFQ': //~ QFid magic
            State->Seen |= 8;
            break;
        default:
            if (Context->NameLength != 4) State->Seen |= 16;
        }
        if (Context->Next == 0) return STATUS_SUCCESS;
        Context = (const CREATE_CONTEXT *)((const UCHAR *)Context + Context->Next);
    }
}

static void CloseOpen(BLOCK_HEADER *Block)
{
    OPEN *Open = (OPEN *)Block;

    if (Open->Lease != NULL) FreeChecked(Open->Lease, 'sLcF');
    if (Open->Enumeration != NULL) ExFreePoolWithTag(Open->Enumeration, 'nEcF');
}

/* ---- directories: classes of information, each with its buffer ---- */

enum { InfoDirectory = 1, InfoFull, InfoBoth, InfoNames = 12, InfoId = 37, InfoFullId };

static ULONG TagOfClass(ULONG Class)
{
    switch (Class) {
    case InfoDirectory:
        return 'dQcF'; //= FcQd any return-value
    case InfoFull:
    case InfoFullId:
        return 'fQcF'; //= FcQf any return-value
    case InfoNames:
        return 'nQcF'; //= FcQn any return-value
    default:
        return 'oQcF'; //= FcQo any return-value
    }
}

NOINLINE static NTSTATUS QueryDirectory(OPEN *Open, ULONG Class, ULONG Length, GROWING_BUFFER *Output)
{
    ULONG Tag = TagOfClass(Class);
    PVOID Buffer = ExAllocatePoolWithTag(PagedPool, Length, Tag);
    NTSTATUS Status;

    if (Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (Open->Enumeration == NULL) {
        Open->Enumeration = ExAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 0x208, 'nEcF'); //= FcEn any direct
        if (Open->Enumeration == NULL) { ExFreePoolWithTag(Buffer, Tag); return STATUS_INSUFFICIENT_RESOURCES; }
    }
    memcpy(Buffer, Open->Enumeration, 0x20);
    Status = AppendGrowing(Output, Buffer, Length);
    ExFreePoolWithTag(Buffer, Tag);
    return Status;
}

/* ---- work: a switch over commands gives size and tag, then they meet in one call ---- */

typedef struct { USHORT Command; PVOID Input, Output; ULONG Length; BOOLEAN Compound; } WORK_ITEM;

NOINLINE static PVOID PrepareWork(WORK_ITEM *Work, const PACKET_HEADER *Packet)
{
    SIZE_T Size = 0x40;
    ULONG Tag;

    if (Packet->Protocol != PROTOCOL_PLAIN && Packet->Protocol != PROTOCOL_OLD) return NULL;
    switch (Packet->Command) {
    case 0: Tag = 'gNcF'; Size = 0x90; break; //= FcNg any switch-tags
    case 1: Tag = 'eScF'; Size = 0x58; break; //= FcSe any switch-tags
    case 5: Tag = 'rCcF'; Size = 0x118; break; //= FcCr any switch-tags
    case 8: Tag = 'dRcF'; Size = Work->Length; break; //= FcRd any switch-tags
    case 9: Tag = 'rWcF'; Size = Work->Length + 0x10; break; //= FcWr any switch-tags
    case 11: Tag = Work->Compound ? 'jIcF' : 'tIcF'; break; //= FcIj any ternary //= FcIt any ternary
    case 14: Tag = 'yQcF'; break; //= FcQy any switch-tags
    case 16: Tag = 'iQcF'; break; //= FcQi any switch-tags
    case 19: Tag = 'bOcF'; break; //= FcOb any switch-tags
    default: Tag = 'kWcF'; break; //= FcWk any switch-tags
    }
    Work->Command = Packet->Command;
    Work->Output = ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tag);
    return Work->Output;
}

/* ---- the file system: volumes, records, runs ---- */

typedef struct VCB { USHORT NodeType, NodeSize; ULONG State; LIST_ENTRY Links; PVOID Device; UCHAR *Bitmap; ULONG ClusterShift, RecordSize; UNICODE_STRING Label; ULONG_PTR Table[16]; PVOID *Records; ULONG RecordCount; ULONG CacheTag; } VCB;
typedef struct { ULONG Signature; USHORT FixupOffset, FixupCount; ULONG64 Sequence; USHORT Number, Links, First, Flags; ULONG Used, Room; } FILE_RECORD;
typedef struct { ULONG64 Start, Length; LONGLONG Cluster; } RUN;
typedef struct { RUN *Runs; ULONG Count, Room; VCB *Volume; } RUN_LIST;

static PVOID ReadSectors(VCB *Vcb, ULONG64 Cluster, ULONG Length, ULONG Tag)
{
    PVOID Buffer = FsRtlAllocatePoolWithTag(NonPagedPoolNx, Length, Tag);

    if (Vcb->Device == NULL) memset(Buffer, 0, Length);
    else memcpy(Buffer, (UCHAR *)Vcb->Device + (Cluster << Vcb->ClusterShift), Length);
    return Buffer;
}

NOINLINE static NTSTATUS ReadRecord(VCB *Vcb, ULONG64 Number, FILE_RECORD **Out)
{
    FILE_RECORD *Record = ReadSectors(Vcb, Number, Vcb->RecordSize, 'rFcF'); //= FcFr any wrapper

    *Out = Record;
    if (Record->Signature == 'ELIF') return STATUS_SUCCESS; //~ FILE magic
    if (Record->Signature == 'XDNI' || Record->Signature == 'DAAB') Vcb->State |= 0x80; //~ INDX magic //~ BAAD magic
    ExFreePool(Record);
    return STATUS_INVALID_PARAMETER;
}

NOINLINE static NTSTATUS CheckLog(VCB *Vcb)
{
    static const struct { CHAR Page[4]; ULONG Version; } Pages[] = {{"RSTR", 1}, {"RCRD", 1}, {"CHKD", 2}}; //~ RSTR text //~ RCRD text //~ CHKD text
    UCHAR *Page = ReadSectors(Vcb, 2, 0x1000, 'gLcF'); //= FcLg any wrapper
    ULONG Index;

    for (Index = 0; Index < COUNT_OF(Pages); Index++)
        if (memcmp(Page, Pages[Index].Page, 4) == 0) { Vcb->State |= Pages[Index].Version; break; }
    ExFreePool(Page);
    return Index == COUNT_OF(Pages) ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NOINLINE static NTSTATUS AddRun(RUN_LIST *List, ULONG64 Start, ULONG64 Length, LONGLONG Cluster)
{
    if (List->Count == List->Room) {
        RUN *Runs = Reallocate(List->Runs, List->Count * sizeof(RUN), (List->Room + 16) * sizeof(RUN), PagedPool, 'uRcF'); //= FcRu any wrapper

        if (Runs == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        List->Runs = Runs;
        List->Room += 16;
    }
    List->Runs[List->Count].Start = Start;
    List->Runs[List->Count].Length = Length;
    List->Runs[List->Count++].Cluster = Cluster;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS ReserveRecords(VCB *Vcb, ULONG Count)
{
    PVOID *Records = Reallocate(Vcb->Records, Vcb->RecordCount * sizeof(PVOID), Count * sizeof(PVOID), PagedPool, 'tFcF'); //= FcFt any wrapper

    if (Records == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Vcb->Records = Records;
    Vcb->RecordCount = Count;
    return STATUS_SUCCESS;
}

/* what the tables of the run-time library ask for */
static PVOID CALL TableAllocate(PVOID Table, ULONG Size)
{
    return ExAllocatePoolWithTag(PagedPool, Size, 'eTcF'); //= FcTe any callback
}
static void CALL TableFree(PVOID Table, PVOID Block)
{
    ExFreePoolWithTag(Block, 'eTcF');
}
static int CALL TableCompare(PVOID Table, const ULONG *A, const ULONG *B)
{
    return *A < *B ? 0 : *A > *B ? 1 : 2;
}

NOINLINE static NTSTATUS MountVolume(PVOID Device, const UCHAR *Sector, const UNICODE_STRING *Label, VCB **Out)
{
    VCB *Vcb;

    if (memcmp(Sector + 3, "CORE", 4) != 0) return STATUS_NOT_SUPPORTED; //~ CORE text
    Vcb = ExAllocatePool3(POOL_FLAG_PAGED, sizeof(VCB), 'bVcF', NULL, 0); //= FcVb any direct
    if (Vcb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Vcb->NodeType = 0x0701;
    Vcb->NodeSize = sizeof(VCB);
    Vcb->Device = Device;
    Vcb->ClusterShift = Sector[13];
    Vcb->RecordSize = 1u << Sector[64];
    Vcb->CacheTag = Vcb->ClusterShift > 12 ? 'LVcF' : 'SVcF'; //= FcVL any object-field //= FcVS any object-field
    RtlInitializeGenericTableAvl(Vcb->Table, TableCompare, TableAllocate, TableFree, Vcb);
    Vcb->Bitmap = MmAllocateMappingAddress(0x10000, 'pMcF'); //= FcMp any direct
    if (Vcb->Bitmap == NULL || CopyString(&Vcb->Label, Label, 'lVcF') < 0) { //= FcVl any wrapper
        ExFreePoolWithTag(Vcb, 'bVcF');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    CoreData.Volumes.Flink = &Vcb->Links;
    *Out = Vcb;
    return CheckLog(Vcb);
}

NOINLINE static PVOID FillCache(VCB *Vcb, ULONG64 Cluster)
{
    PVOID Page = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 1u << Vcb->ClusterShift, Vcb->CacheTag, 16);

    if (Page != NULL && Vcb->NodeType == 0x0701) Vcb->Records[(ULONG)Cluster % Vcb->RecordCount] = Page;
    return Page;
}

/* ---- memory with extended parameters: a secure pool ---- */

typedef struct { ULONG64 Type; ULONG64 Value; } EXTENDED_PARAMETER;
static HANDLE SecurePool;

NOINLINE static PVOID AllocateSecret(const void *Secret, SIZE_T Size)
{
    struct { HANDLE Pool; const void *From; ULONG_PTR Cookie; ULONG64 Flags; } Secure = {SecurePool, Secret, 'kooC', 3}; //~ Cook other-argument
    EXTENDED_PARAMETER Parameters[2];

    Parameters[0].Type = 2;
    Parameters[0].Value = (ULONG64)(ULONG_PTR)&Secure;
    Parameters[1].Type = 3;
    Parameters[1].Value = 8;
    return ExAllocatePool3(POOL_FLAG_NON_PAGED, Size, 'cScF', Parameters, 2); //= FcSc any direct
}

/* ---- quotas: what raises is guarded; the reserve steps in ---- */

static NTSTATUS ReadUserBuffer(const void *From, ULONG Length, PVOID *Out)
{
    PVOID Copy = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, Length, 'qUcF'); //= FcUq any direct

    *Out = NULL;
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, From, Length);
    *Out = Copy;
    return STATUS_SUCCESS;
}

NOINLINE static PVOID MustSucceed(ULONG Length)
{
    PVOID Block = ExAllocatePoolWithTag(NonPagedPoolNx, Length, CoreData.ReserveTag);

    if (Block != NULL) return Block;
    Block = CoreData.Reserve;
    CoreData.Reserve = NULL;
    if (Block == NULL) KeBugCheckEx(0x22, 'vsRF', Length, 0, 0); //~ FRsv bug-check
    return Block;
}

/* ---- events: names of four letters beside numbers, hashes with seeds ---- */

typedef struct { CHAR Name[4]; ULONG Level; ULONG64 Keyword; } EVENT_ROW;
static const EVENT_ROW Events[] = {
    {{'O', 'p', 'e', 'n'}, 4, 0x01}, //~ Open text
    {{'C', 'l', 'o', 's'}, 4, 0x02}, //~ Clos text
    {{'R', 'e', 'a', 'd'}, 5, 0x04}, //~ Read text
    {{'W', 'r', 'i', 't'}, 5, 0x04}, //~ Writ text
    {{'F', 'l', 's', 'h'}, 3, 0x08}, //~ Flsh text
};
static ULONG64 EventHandle;

NOINLINE static NTSTATUS WriteEvent(ULONG Kind, PVOID Data)
{
    struct { USHORT Id; UCHAR Version, Channel, Level, Opcode; USHORT Task; ULONG64 Keyword; } Descriptor = {0};
    ULONG Name;

    if (Kind >= COUNT_OF(Events)) return STATUS_INVALID_PARAMETER;
    memcpy(&Name, Events[Kind].Name, sizeof(Name));
    Descriptor.Id = (USHORT)(Name ^ (Name >> 16));
    Descriptor.Level = (UCHAR)Events[Kind].Level;
    Descriptor.Keyword = Events[Kind].Keyword;
    return EtwWrite(EventHandle, &Descriptor, NULL, Name == 'hslF', Data);
}

static ULONG HashName(const WCHAR *Name, ULONG Length, ULONG Seed)
{
    ULONG Index;

    for (Index = 0; Index < Length; Index++) Seed = (Seed << 5) - Seed + Name[Index];
    return Seed;
}

NOINLINE static ULONG HashTwice(const UNICODE_STRING *Name)
{
    return HashName(Name->Buffer, Name->Length / 2, 'hsaH') ^ HashName(Name->Buffer, Name->Length / 2, 'dees'); //~ Hash magic //~ seed magic
}

/* ---- the driver ---- */

static GROWING_BUFFER Directory, Log;
static RUN_LIST Runs;
static CREATE_STATE Create;

static NTSTATUS CALL CoreDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    PVOID Buffer = Irp->SystemBuffer;
    UNICODE_STRING *Text = Buffer;
    ULONG Flags = Irp->Flags;
    FILE_RECORD *Record;
    WORK_ITEM Work = {0};

    switch (Irp->Stack->Minor) {
    case 0: Irp->SystemBuffer = CreateConnection(Irp->Mdl, Text, Flags & 1); break;
    case 1: return CreateSession(Irp->Mdl, Text, Buffer, 16, (SESSION **)&Irp->SystemBuffer);
    case 2: return ConnectTree(Irp->Mdl, Text, Buffer, (TREE **)&Irp->SystemBuffer);
    case 3: return ReadCreateContexts(&Create, Buffer);
    case 4: return QueryDirectory(Buffer, Flags, 0x1000, &Directory);
    case 5: Work.Length = Flags; Work.Compound = Irp->Size & 1; Irp->SystemBuffer = PrepareWork(&Work, Buffer); break;
    case 6: return MountVolume(Irp->Mdl, Buffer, Text, (VCB **)&Irp->SystemBuffer);
    case 7: return ReadRecord(Irp->Mdl, Flags, &Record);
    case 8: return AddRun(&Runs, Flags, Irp->Size, Irp->Type);
    case 9: return ReserveRecords(Buffer, Flags);
    case 10: Irp->SystemBuffer = FillCache(Buffer, Flags); break;
    case 11: Irp->SystemBuffer = AllocateSecret(Buffer, Flags); break;
    case 12: return ReadUserBuffer(Buffer, Flags, &Irp->SystemBuffer);
    case 13: Irp->SystemBuffer = MustSucceed(Flags); break;
    case 14: return WriteEvent(Flags, Buffer);
    case 15: Irp->Information = HashTwice(Text); break;
    case 16: DereferenceBlock(Buffer); break;
    case 17: return AppendGrowing(&Log, Buffer, Flags);
    case 18: Irp->SystemBuffer = AllocateBlock(Flags, Irp->Information); break;
    default: return STATUS_NOT_SUPPORTED;
    }
    IoCompleteRequest(Irp, 0);
    return STATUS_SUCCESS;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    CoreData.NodeType = 0x0700;
    CoreData.NodeSize = sizeof(CoreData);
    CoreData.ReserveTag = 'vRcF'; //= FcRv any object-field
    CoreData.Reserve = ExAllocatePoolWithTag(NonPagedPoolNx, 0x2000, 'vRcF');
    InitializeLists(&CoreData);
    InitializeMemory(&ServerMemory, PagedPool, 0x1000000);
    InitializeGrowing(&Directory, &ServerMemory, 'bDcF'); //= FcDb any object-field
    InitializeGrowing(&Log, &ServerMemory, 'BLcF'); //= FcLB any object-field
    if (ExCreatePool(3, 'lPcF', NULL, &SecurePool) < 0) return STATUS_INSUFFICIENT_RESOURCES; //= FcPl any direct
    Driver->Major[0] = CoreDispatch;
    return STATUS_SUCCESS;
}
