// Named pipes and mailslots as file systems in one driver, in the manner of a free NT clone: node type codes, a prefix tree, data
// queues that charge quota, an event table, waiters, IRP queues, copies of security, a table of file system controls.
#include "kernel.h"

/* --- node type codes and tags ------------------------------------------------------------------------------------------------- */
typedef USHORT NODE_TYPE_CODE;
#define NPFS_NTC_VCB 0x401
#define NPFS_NTC_ROOT_DCB 0x402
#define NPFS_NTC_FCB 0x403
#define NPFS_NTC_CCB 0x404
#define NPFS_NTC_NONPAGED_CCB 0x405
#define NPFS_NTC_ROOT_DCB_CCB 0x406
#define MSFS_NTC_FCB 0x407
#define MSFS_NTC_CCB 0x408

#define TAG_NPFS_ROOT_DCB 'DRpN'
#define TAG_NPFS_FCB 'FFpN'
#define TAG_NPFS_CCB 'FCpN'
#define TAG_NPFS_NP_CCB 'NCpN'
#define TAG_NPFS_ROOT_CCB 'CRpN'
#define TAG_MSFS_FCB 'FFsM'
#define TAG_MSFS_CCB 'CFsM'
#define TAG_NPFS_NAME 'nNpN'
#define TAG_NPFS_QUERY 'qDpN'
#define TAG_NPFS_WAIT 'tWpN'
#define TAG_NPFS_EVENT 'tEpN'
#define TAG_NPFS_PREFIX 'xPpN'
#define TAG_NPFS_CLIENT 'CSpN'
#define TAG_NPFS_DESCRIPTOR 'DSpN'
#define TAG_NPFS_INFO 'iCpN'
#define TAG_MSFS_MESSAGE 'rMsM'

#define FSCTL_PIPE_ASSIGN_EVENT 0x110000
#define FSCTL_PIPE_DISCONNECT 0x110004
#define FSCTL_PIPE_LISTEN 0x110008
#define FSCTL_PIPE_PEEK 0x11400C
#define FSCTL_PIPE_TRANSCEIVE 0x11C017
#define FSCTL_PIPE_WAIT 0x110018
#define FSCTL_PIPE_IMPERSONATE 0x11001C
#define FSCTL_PIPE_SET_CLIENT_PROCESS 0x110020
#define FSCTL_MAILSLOT_PEEK 0x0C4003
#define POOL_QUOTA_FAIL 8
#define STATUS_PENDING ((NTSTATUS)0x103)
#define STATUS_PIPE_DISCONNECTED ((NTSTATUS)0xC00000B0)
#define STATUS_INVALID_DEVICE_REQUEST ((NTSTATUS)0xC0000010)
#define STATUS_OBJECT_NAME_NOT_FOUND ((NTSTATUS)0xC0000034)
#define NPFS_BUGCHECK_FILE_ID 'cNpN' //~ NpNc bug-check
#define NpBugCheck(a, b) KeBugCheckEx(0x25, NPFS_BUGCHECK_FILE_ID, (ULONG_PTR)(a), (b), 0)
#define RPC_MAGIC 'CPRM' //~ MRPC magic
#define NTLM_MAGIC 'MLTN' //~ NTLM magic
#define CCB_MAGIC 'bccP' //~ Pccb magic
#define PIPE_CLOSED_MAGIC 'lCpN' //~ NpCl magic
#define LOCK_TAG 'kLpN' //~ NpLk remove-lock
#define OBJECT_TAG 'bOpN' //~ NpOb object-tag
#define THREAD_TAG 'hTpN' //~ NpTh object-tag

typedef struct { ULONG_PTR Opaque[13]; } ERESOURCE;
typedef struct { ULONG_PTR Opaque[9]; } RTL_GENERIC_TABLE;
typedef struct { ULONG_PTR Opaque[8]; } KTIMER, KDPC;
typedef struct NP_ZONE {
  LOOKASIDE List;
  ULONG Tag;
  ULONG EntrySize;
  ULONG Grown;
  LIST_ENTRY Segments;
} NP_ZONE, *PNP_ZONE;

enum { Inbound, Outbound };
typedef enum { ReadEntries, WriteEntries, Empty } NP_DATA_QUEUE_STATE;
typedef enum { Buffered, Unbuffered, FlushEntry, CloseEntry } NP_DATA_QUEUE_ENTRY_TYPE;

typedef struct NP_DATA_QUEUE {
  LIST_ENTRY Queue;
  NP_DATA_QUEUE_STATE QueueState;
  ULONG BytesInQueue, EntriesInQueue, QuotaUsed, Quota, ByteOffset;
  ULONG BufferTag;
} NP_DATA_QUEUE;

typedef struct NP_DATA_QUEUE_ENTRY {
  LIST_ENTRY QueueEntry;
  ULONG DataEntryType;
  IRP *Irp;
  ULONG QuotaInEntry, DataSize;
  PVOID ClientSecurityContext;
  UCHAR Data[1];
} NP_DATA_QUEUE_ENTRY;

typedef struct NP_NODE { NODE_TYPE_CODE NodeType; USHORT Size; ULONG Reference; } NP_NODE;
typedef struct NP_FCB {
  NP_NODE Node;
  struct NP_DCB *ParentDcb;
  LIST_ENTRY DcbEntry, CcbList;
  ULONG MaximumInstances, CurrentInstances;
  USHORT NamedPipeConfiguration, NamedPipeType;
  LARGE_INTEGER Timeout;
  UNICODE_STRING FullName, ShortName;
  PVOID SecurityDescriptor;
  const struct NP_ENDPOINT_OPS *Ops;
} NP_FCB;
typedef struct NP_NONPAGED_CCB { NP_NODE Node; PVOID EventBuffer[2]; ERESOURCE Lock; } NP_NONPAGED_CCB;
typedef struct NP_CCB {
  NP_NODE Node;
  ULONG Magic;
  UCHAR NamedPipeState, ReadMode[2], CompletionMode[2];
  LIST_ENTRY CcbEntry;
  NP_FCB *Fcb;
  PVOID FileObject[2], ClientSession, ClientContext;
  NP_NONPAGED_CCB *NonPagedCcb;
  NP_DATA_QUEUE DataQueue[2];
  LIST_ENTRY IrpList;
} NP_CCB;
typedef struct NP_DCB { NP_NODE Node; LIST_ENTRY FcbList; PVOID NotifySync; UNICODE_STRING FullName; } NP_DCB;
typedef struct NP_WAITER { LIST_ENTRY Entry; IRP *Irp; KDPC Dpc; KTIMER Timer; UNICODE_STRING Name; PVOID FileObject; } NP_WAITER;
typedef struct NP_EVENT { NP_CCB *Ccb; PVOID Process, Event; ULONG End, KeyValue; } NP_EVENT;
typedef struct NP_PREFIX { struct NP_PREFIX *Left, *Right; UNICODE_STRING Name; NP_FCB *Fcb; } NP_PREFIX;
typedef struct NP_VCB {
  NP_NODE Node;
  NP_DCB *RootDcb;
  NP_PREFIX *PrefixRoot;
  ERESOURCE Lock;
  RTL_GENERIC_TABLE EventTable;
  LIST_ENTRY WaitList;
  ULONG_PTR WaitLock;
  PVOID Rundown;
  REMOVE_LOCK RemoveLock;
  NP_ZONE IrpContextZone, WaitZone, MessageZone;
  LOOKASIDE ReadEntryList;
} NP_VCB;
typedef struct NP_ENDPOINT_OPS {
  ULONG Signature;
  NTSTATUS (*Create)(NP_FCB *Fcb, IRP *Irp, NP_CCB **Out);
  NTSTATUS (*Write)(NP_CCB *Ccb, IRP *Irp, const UCHAR *Data, ULONG Size);
  NTSTATUS (*SetInformation)(NP_CCB *Ccb, PVOID Buffer, ULONG Size);
  void (*Cleanup)(NP_CCB *Ccb);
} NP_ENDPOINT_OPS;
static NP_VCB *NpVcb;
static DEVICE_OBJECT *NpfsDeviceObject;
static UNICODE_STRING NpRootDirectoryName;

static void InitializeListHead(LIST_ENTRY *Head) { Head->Flink = Head->Blink = Head; }
static void InsertTailList(LIST_ENTRY *Head, LIST_ENTRY *Entry) {
  Entry->Flink = Head; Entry->Blink = Head->Blink; Head->Blink->Flink = Entry; Head->Blink = Entry;
}
static void RemoveEntryList(LIST_ENTRY *Entry) { Entry->Flink->Blink = Entry->Blink; Entry->Blink->Flink = Entry->Flink; }

/* --- memory ------------------------------------------------------------------------------------------------------------------- */
#define NpAllocatePagedPool(Size, Tag) ExAllocatePoolWithTag(PagedPool, (Size), (Tag))
#define NpFreePool(P, Tag) do { if (P) ExFreePoolWithTag((P), (Tag)); } while (0)
NOINLINE static PVOID NpAllocatePoolWithQuota(ULONG Type, SIZE_T Size, ULONG Tag) {
  return ExAllocatePoolWithQuotaTag(Type | POOL_QUOTA_FAIL, Size, Tag);
}
static PVOID NpAllocateNonPagedPoolWithQuota(SIZE_T Size, ULONG Tag) { return NpAllocatePoolWithQuota(NonPagedPool, Size, Tag); }
static PVOID NpAllocateZeroed(ULONG Type, SIZE_T Size, ULONG Tag) {
  PVOID P = ExAllocatePoolWithTag(Type, Size, Tag);
  if (P) memset(P, 0, Size);
  return P;
}

/* What each kind of node is made of; the low byte of the node type code, less one, is the row. */
static const struct { NODE_TYPE_CODE Type; USHORT Size; ULONG Pool, Tag; } NpNodeClasses[] = {
  {NPFS_NTC_VCB, sizeof(NP_VCB), NonPagedPool, 'cVpN'}, //= NpVc any tag-table
  {NPFS_NTC_ROOT_DCB, sizeof(NP_DCB), PagedPool, TAG_NPFS_ROOT_DCB}, //= NpRD any tag-table
  {NPFS_NTC_FCB, sizeof(NP_FCB), PagedPool, TAG_NPFS_FCB}, //= NpFF any tag-table
  {NPFS_NTC_CCB, sizeof(NP_CCB), PagedPool, TAG_NPFS_CCB}, //= NpCF any tag-table
  {NPFS_NTC_NONPAGED_CCB, sizeof(NP_NONPAGED_CCB), NonPagedPool, TAG_NPFS_NP_CCB}, //= NpCN any tag-table
  {NPFS_NTC_ROOT_DCB_CCB, 48, PagedPool, TAG_NPFS_ROOT_CCB}, //= NpRC any tag-table
  {MSFS_NTC_FCB, sizeof(NP_FCB), PagedPool, TAG_MSFS_FCB}, //= MsFF any tag-table
  {MSFS_NTC_CCB, sizeof(NP_CCB), PagedPool, TAG_MSFS_CCB}, //= MsFC any tag-table
};
NOINLINE static PVOID NpAllocateNode(NODE_TYPE_CODE Type) {
  ULONG Class = (Type & 0xFF) - 1;
  NP_NODE *Node = NpAllocateZeroed(NpNodeClasses[Class].Pool, NpNodeClasses[Class].Size, NpNodeClasses[Class].Tag);
  if (!Node) return NULL;
  Node->NodeType = Type;
  Node->Size = NpNodeClasses[Class].Size;
  Node->Reference = 1;
  return Node;
}
static void NpFreeNode(PVOID P) {
  NP_NODE *Node = P;
  ULONG Tag = NpNodeClasses[(Node->NodeType & 0xFF) - 1].Tag;
  if ((Node->NodeType & 0xFF00) != 0x400) NpBugCheck(Node, Node->NodeType);
  ExFreePoolWithTag(Node, Tag);
}

NOINLINE static void NpInitializeZone(PNP_ZONE Zone, BOOLEAN Paged, ULONG EntrySize, ULONG Tag) {
  memset(Zone, 0, sizeof(*Zone));
  if (Paged) ExInitializePagedLookasideList(&Zone->List, NULL, NULL, 0, EntrySize, Tag, 0);
  else ExInitializeNPagedLookasideList(&Zone->List, NULL, NULL, 0, EntrySize, Tag, 0);
  InitializeListHead(&Zone->Segments);
  Zone->EntrySize = EntrySize;
  Zone->Tag = Tag;
}
NOINLINE static NTSTATUS NpExtendZone(PNP_ZONE Zone, ULONG Count) {
  LIST_ENTRY *Segment = NpAllocateNonPagedPoolWithQuota(sizeof(LIST_ENTRY) + Count * Zone->EntrySize, Zone->Tag);
  if (!Segment) return STATUS_INSUFFICIENT_RESOURCES;
  InsertTailList(&Zone->Segments, Segment);
  Zone->Grown += Count;
  return STATUS_SUCCESS;
}
static NTSTATUS NpCreateZones(NP_VCB *Vcb) {
  NpInitializeZone(&Vcb->IrpContextZone, FALSE, 64, 'cIpN'); //= NpIc any wrapper
  NpInitializeZone(&Vcb->WaitZone, FALSE, sizeof(NP_WAITER), 'zWpN'); //= NpWz any wrapper
  NpInitializeZone(&Vcb->MessageZone, TRUE, 0x200, 'zMsM'); //= MsMz any wrapper
  ExInitializeNPagedLookasideList(&Vcb->ReadEntryList, NULL, NULL, 0, sizeof(NP_DATA_QUEUE_ENTRY), 'eRpN', 16); //= NpRe any lookaside
  return NpExtendZone(&Vcb->IrpContextZone, 4);
}

/* --- strings and the prefix tree --------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS NpDuplicateString(UNICODE_STRING *To, const UNICODE_STRING *From, ULONG Tag) {
  To->Buffer = NpAllocatePagedPool(From->Length + sizeof(WCHAR), Tag);
  if (!To->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(To->Buffer, From->Buffer, From->Length);
  To->Buffer[From->Length / sizeof(WCHAR)] = 0;
  To->Length = From->Length;
  To->MaximumLength = From->Length + sizeof(WCHAR);
  return STATUS_SUCCESS;
}
static NTSTATUS NpInsertPrefix(NP_VCB *Vcb, NP_FCB *Fcb) {
  NP_PREFIX **Link = &Vcb->PrefixRoot, *Prefix;
  while (*Link) {
    LONG Order = RtlCompareUnicodeString(&Fcb->FullName, &(*Link)->Name, TRUE);
    if (!Order) return (NTSTATUS)0xC0000035;
    Link = Order < 0 ? &(*Link)->Left : &(*Link)->Right;
  }
  Prefix = NpAllocatePagedPool(sizeof(*Prefix), TAG_NPFS_PREFIX); //= NpPx allocation-call direct
  if (!Prefix) return STATUS_INSUFFICIENT_RESOURCES;
  Prefix->Left = Prefix->Right = NULL;
  Prefix->Name = Fcb->FullName;
  Prefix->Fcb = Fcb;
  *Link = Prefix;
  return STATUS_SUCCESS;
}
static NP_FCB *NpFindPrefix(NP_VCB *Vcb, const UNICODE_STRING *Name) {
  NP_PREFIX *Prefix = Vcb->PrefixRoot;
  while (Prefix) {
    LONG Order = RtlCompareUnicodeString(Name, &Prefix->Name, TRUE);
    if (!Order) return Prefix->Fcb;
    Prefix = Order < 0 ? Prefix->Left : Prefix->Right;
  }
  return NULL;
}

/* --- the table of events ------------------------------------------------------------------------------------------------------------ */
static int CALL NpEventTableCompare(PVOID Table, const NP_EVENT *First, const NP_EVENT *Second) {
  if (First->Ccb != Second->Ccb) return First->Ccb < Second->Ccb ? 0 : 1;
  return First->End == Second->End ? 2 : First->End < Second->End ? 0 : 1;
}
static PVOID CALL NpEventTableAllocate(PVOID Table, ULONG Size) {
  return NpAllocateNonPagedPoolWithQuota(Size, TAG_NPFS_EVENT); //= NpEt any callback
}
static void CALL NpEventTableDeallocate(PVOID Table, PVOID P) { ExFreePoolWithTag(P, TAG_NPFS_EVENT); }
static NTSTATUS NpAddEvent(NP_VCB *Vcb, NP_CCB *Ccb, ULONG End, PVOID Event, ULONG Key) {
  NP_EVENT *Entry = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Entry), 'bEpN'); //= NpEb allocation-call direct
  if (!Entry) return STATUS_INSUFFICIENT_RESOURCES;
  ObReferenceObjectByPointerWithTag(Event, 2, NULL, 0, OBJECT_TAG);
  Entry->Ccb = Ccb; Entry->End = End; Entry->Event = Event; Entry->KeyValue = Key;
  Ccb->NonPagedCcb->EventBuffer[End] = Entry;
  return STATUS_SUCCESS;
}

/* --- waiters ------------------------------------------------------------------------------------------------------------------------ */
static void CALL NpTimerDispatch(PVOID Dpc, NP_WAITER *Waiter, PVOID A, PVOID B) {
  UCHAR Irql = KeAcquireSpinLockRaiseToDpc(&NpVcb->WaitLock);
  RemoveEntryList(&Waiter->Entry);
  KeReleaseSpinLock(&NpVcb->WaitLock, Irql);
  ObDereferenceObjectDeferDeleteWithTag(Waiter->FileObject, THREAD_TAG);
  if (Waiter->Irp) { Waiter->Irp->Status = (NTSTATUS)0xC00000B5; IoCompleteRequest(Waiter->Irp, 2); }
  ExFreePoolWithTag(Waiter, TAG_NPFS_WAIT);
}
static NTSTATUS NpAddWaiter(NP_VCB *Vcb, IRP *Irp, const UNICODE_STRING *Name) {
  UCHAR Irql;
  NP_WAITER *Waiter = NpAllocateNonPagedPoolWithQuota(sizeof(*Waiter) + Name->Length, TAG_NPFS_WAIT); //= NpWt any wrapper-two
  if (!Waiter) return STATUS_INSUFFICIENT_RESOURCES;
  Waiter->Irp = Irp;
  KeInitializeDpc(&Waiter->Dpc, (PVOID)NpTimerDispatch, Waiter);
  KeInitializeTimer(&Waiter->Timer);
  if (NpDuplicateString(&Waiter->Name, Name, 'nWpN') < 0) { //= NpWn any wrapper
    ExFreePoolWithTag(Waiter, TAG_NPFS_WAIT);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  Irql = KeAcquireSpinLockRaiseToDpc(&Vcb->WaitLock);
  InsertTailList(&Vcb->WaitList, &Waiter->Entry);
  KeReleaseSpinLock(&Vcb->WaitLock, Irql);
  return STATUS_PENDING;
}

/* --- data queues -------------------------------------------------------------------------------------------------------------------- */
static void NpInitializeDataQueue(NP_DATA_QUEUE *Queue, ULONG Quota, ULONG Tag) {
  InitializeListHead(&Queue->Queue);
  Queue->QueueState = Empty;
  Queue->BytesInQueue = Queue->EntriesInQueue = Queue->QuotaUsed = 0;
  Queue->Quota = Quota;
  Queue->BufferTag = Tag;
}
NOINLINE static NTSTATUS NpAddDataQueueEntry(NP_CCB *Ccb, NP_DATA_QUEUE *Queue, ULONG Type, const UCHAR *Data, ULONG Size, IRP *Irp) {
  NP_DATA_QUEUE_ENTRY *Entry;
  switch (Type) {
    case Unbuffered: case FlushEntry: case CloseEntry:
      Entry = ExAllocatePoolWithQuotaTag(NonPagedPool | POOL_QUOTA_FAIL, sizeof(*Entry), 'uQpN'); //= NpQu allocation-call direct
      if (!Entry) return STATUS_INSUFFICIENT_RESOURCES;
      Entry->QuotaInEntry = 0;
      break;
    case Buffered:
      if (Size > Queue->Quota - Queue->QuotaUsed) return (NTSTATUS)0xC0000044;
      Entry = NpAllocatePoolWithQuota(NonPagedPool, sizeof(*Entry) + Size, Queue->BufferTag);
      if (!Entry) return STATUS_INSUFFICIENT_RESOURCES;
      memcpy(Entry->Data, Data, Size);
      Entry->QuotaInEntry = Size;
      Queue->QuotaUsed += Size;
      break;
    default:
      NpBugCheck(Queue, Type);
      return STATUS_INVALID_PARAMETER;
  }
  Entry->DataEntryType = Type; Entry->DataSize = Size; Entry->Irp = Irp;
  Entry->ClientSecurityContext = Ccb->ClientContext;
  Queue->BytesInQueue += Size; Queue->EntriesInQueue++;
  InsertTailList(&Queue->Queue, &Entry->QueueEntry);
  return Type == Buffered ? STATUS_SUCCESS : STATUS_PENDING;
}
static void NpRemoveDataQueueEntry(NP_DATA_QUEUE *Queue) {
  NP_DATA_QUEUE_ENTRY *Entry = (NP_DATA_QUEUE_ENTRY *)Queue->Queue.Flink;
  if ((PVOID)Entry == &Queue->Queue) return;
  RemoveEntryList(&Entry->QueueEntry);
  Queue->BytesInQueue -= Entry->DataSize; Queue->QuotaUsed -= Entry->QuotaInEntry;
  if (!--Queue->EntriesInQueue) Queue->QueueState = Empty;
  ExFreePoolWithTag(Entry, Entry->DataEntryType == Buffered ? Queue->BufferTag : 'uQpN');
}

/* --- security ----------------------------------------------------------------------------------------------------------------------- */
typedef struct { ULONG Size, Level; PVOID Token; UCHAR Tracking; UCHAR Package[8]; } CLIENT_CONTEXT;
static NTSTATUS NpGetClientSecurityContext(NP_CCB *Ccb, const CLIENT_CONTEXT *From, CLIENT_CONTEXT **Out) {
  CLIENT_CONTEXT *Context = FsRtlAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL, sizeof(*Context), TAG_NPFS_CLIENT); //= NpSC allocation-call direct
  *Out = Context;
  if (!Context) return STATUS_INSUFFICIENT_RESOURCES;
  *Context = *From;
  if (*(const ULONG *)From->Package == NTLM_MAGIC) Context->Level |= 0x100;
  ObReferenceObjectByPointerWithTag(From->Token, 8, NULL, 0, 'kTpN'); //~ NpTk object-tag
  return STATUS_SUCCESS;
}
static NTSTATUS NpCopySecurityDescriptor(const void *From, ULONG Size, ULONG Tag, PVOID *To) {
  const UCHAR *Bytes = From;
  if (Size < 20 || Bytes[0] != 1) return (NTSTATUS)0xC0000079;
  *To = NpAllocateZeroed(PagedPool, Size, Tag);
  if (!*To) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(*To, From, Size);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS NpSetSecurity(NP_FCB *Fcb, const void *Descriptor, ULONG Size, BOOLEAN Cached) {
  PVOID New, Old = Fcb->SecurityDescriptor;
  NTSTATUS Status = NpCopySecurityDescriptor(Descriptor, Size, Cached ? 'dSpN' : TAG_NPFS_DESCRIPTOR, &New); //= NpSd any ternary //= NpSD any ternary
  if (Status < 0) return Status;
  Fcb->SecurityDescriptor = New;
  NpFreePool(Old, TAG_NPFS_DESCRIPTOR);
  return STATUS_SUCCESS;
}

/* --- pipes ---------------------------------------------------------------------------------------------------------------------------- */
static NTSTATUS NpCreateCcb(NP_FCB *Fcb, IRP *Irp, NP_CCB **Out) {
  NP_CCB *Ccb = NpAllocateNode(NPFS_NTC_CCB);
  if (!Ccb) return STATUS_INSUFFICIENT_RESOURCES;
  Ccb->NonPagedCcb = NpAllocateNode(NPFS_NTC_NONPAGED_CCB);
  if (!Ccb->NonPagedCcb) { NpFreeNode(Ccb); return STATUS_INSUFFICIENT_RESOURCES; }
  ExInitializeResourceLite(&Ccb->NonPagedCcb->Lock);
  Ccb->Magic = CCB_MAGIC;
  Ccb->Fcb = Fcb;
  InitializeListHead(&Ccb->IrpList);
  NpInitializeDataQueue(&Ccb->DataQueue[Inbound], 4096, 'iQpN'); //= NpQi any object-field
  NpInitializeDataQueue(&Ccb->DataQueue[Outbound], 4096, 'oQpN'); //= NpQo any object-field
  InsertTailList(&Fcb->CcbList, &Ccb->CcbEntry);
  *Out = Ccb;
  return STATUS_SUCCESS;
}
static NTSTATUS NpWriteFile(NP_CCB *Ccb, IRP *Irp, const UCHAR *Data, ULONG Size) {
  NP_DATA_QUEUE *Queue = &Ccb->DataQueue[Irp->Flags & 1];
  if (Ccb->Magic == PIPE_CLOSED_MAGIC) return STATUS_PIPE_DISCONNECTED;
  if (Size >= 4 && *(const ULONG *)Data == RPC_MAGIC) Ccb->ReadMode[0] = 1;
  if (Irp->Flags & 0x10) return NpAddDataQueueEntry(Ccb, Queue, Unbuffered, NULL, Size, Irp);
  return NpAddDataQueueEntry(Ccb, Queue, Buffered, Data, Size, Irp);
}
static NTSTATUS NpSetClientInformation(NP_CCB *Ccb, PVOID Buffer, ULONG Size) {
  PVOID Copy = NpAllocatePoolWithQuota(PagedPool, Size, TAG_NPFS_INFO); //= NpCi any wrapper
  if (!Copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(Copy, Buffer, Size);
  NpFreePool(Ccb->ClientSession, TAG_NPFS_INFO);
  Ccb->ClientSession = Copy;
  return STATUS_SUCCESS;
}
static void NpCleanup(NP_CCB *Ccb) {
  Ccb->Magic = PIPE_CLOSED_MAGIC;
  while (Ccb->DataQueue[Inbound].EntriesInQueue) NpRemoveDataQueueEntry(&Ccb->DataQueue[Inbound]);
  while (Ccb->DataQueue[Outbound].EntriesInQueue) NpRemoveDataQueueEntry(&Ccb->DataQueue[Outbound]);
  NpFreePool(Ccb->ClientContext, TAG_NPFS_CLIENT);
  ExDeleteResourceLite(&Ccb->NonPagedCcb->Lock);
  NpFreeNode(Ccb->NonPagedCcb);
  NpFreeNode(Ccb);
}

/* --- mailslots ------------------------------------------------------------------------------------------------------------------------ */
typedef struct MSFS_MESSAGE { LIST_ENTRY Entry; ULONG Size; UCHAR Buffer[1]; } MSFS_MESSAGE;
NOINLINE static MSFS_MESSAGE *MsfsAllocateMessage(ULONG Size) {
  return ExAllocatePoolWithTag(NonPagedPool, sizeof(MSFS_MESSAGE) + Size, TAG_MSFS_MESSAGE); //= MsMr allocation-call wrapper-fixed
}
static NTSTATUS MsfsCreateCcb(NP_FCB *Fcb, IRP *Irp, NP_CCB **Out) {
  NP_CCB *Ccb = NpAllocateNode(MSFS_NTC_CCB);
  if (!Ccb) return STATUS_INSUFFICIENT_RESOURCES;
  Ccb->Magic = 'bccM'; //~ Mccb magic
  Ccb->Fcb = Fcb;
  InitializeListHead(&Ccb->IrpList);
  Ccb->FileObject[0] = ExAllocatePoolWithTagPriority(PagedPool, 32 + Fcb->FullName.Length, 'oFsM', 16); //= MsFo allocation-call operations-table
  *Out = Ccb;
  return STATUS_SUCCESS;
}
static NTSTATUS MsfsWrite(NP_CCB *Ccb, IRP *Irp, const UCHAR *Data, ULONG Size) {
  MSFS_MESSAGE *Message = MsfsAllocateMessage(Size);
  if (!Message) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(Message->Buffer, Data, Size);
  Message->Size = Size;
  InsertTailList(&Ccb->IrpList, &Message->Entry);
  return STATUS_SUCCESS;
}
static NTSTATUS MsfsSetInformation(NP_CCB *Ccb, PVOID Buffer, ULONG Size) {
  if (Size < 8) return STATUS_INVALID_PARAMETER;
  Ccb->Fcb->Timeout.u.Low = *(ULONG *)Buffer;
  return STATUS_SUCCESS;
}
static void MsfsCleanup(NP_CCB *Ccb) {
  while (Ccb->IrpList.Flink != &Ccb->IrpList) {
    LIST_ENTRY *Entry = Ccb->IrpList.Flink;
    RemoveEntryList(Entry);
    ExFreePoolWithTag(Entry, TAG_MSFS_MESSAGE);
  }
  NpFreePool(Ccb->FileObject[0], 'oFsM');
  NpFreeNode(Ccb);
}
static const NP_ENDPOINT_OPS NpPipeOps = {'OpiP', NpCreateCcb, NpWriteFile, NpSetClientInformation, NpCleanup}; //~ PipO magic
static const NP_ENDPOINT_OPS MsfsOps = {'OlsM', MsfsCreateCcb, MsfsWrite, MsfsSetInformation, MsfsCleanup}; //~ MslO magic

NOINLINE static NTSTATUS NpCreateFcb(NP_VCB *Vcb, const UNICODE_STRING *Name, BOOLEAN Mailslot, NP_FCB **Out) {
  NTSTATUS Status;
  NP_FCB *Fcb = NpAllocateNode(Mailslot ? MSFS_NTC_FCB : NPFS_NTC_FCB);
  if (!Fcb) return STATUS_INSUFFICIENT_RESOURCES;
  Fcb->Ops = Mailslot ? &MsfsOps : &NpPipeOps;
  Fcb->ParentDcb = Vcb->RootDcb;
  InitializeListHead(&Fcb->CcbList);
  Status = NpDuplicateString(&Fcb->FullName, Name, TAG_NPFS_NAME); //= NpNn any wrapper
  if (Status >= 0) Status = NpInsertPrefix(Vcb, Fcb);
  if (Status < 0) { NpFreePool(Fcb->FullName.Buffer, TAG_NPFS_NAME); NpFreeNode(Fcb); return Status; }
  InsertTailList(&Vcb->RootDcb->FcbList, &Fcb->DcbEntry);
  *Out = Fcb;
  return STATUS_SUCCESS;
}

/* --- file system controls --------------------------------------------------------------------------------------------------------------- */
typedef NTSTATUS (*NP_FSCTL_HANDLER)(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size);
static NTSTATUS NpAssignEvent(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  PVOID *Parameters = Input;
  return NpAddEvent(NpVcb, Ccb, Irp->Flags & 1, Parameters[0], Size);
}
static NTSTATUS NpDisconnect(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  if (Ccb->Magic != CCB_MAGIC) return STATUS_PIPE_DISCONNECTED;
  return NpAddDataQueueEntry(Ccb, &Ccb->DataQueue[Outbound], CloseEntry, NULL, 0, Irp);
}
static NTSTATUS NpListen(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  PVOID Context = ExAllocatePoolWithQuotaTag(NonPagedPool | POOL_QUOTA_FAIL, 56, 'sLpN'); //= NpLs allocation-call direct
  if (!Context) return STATUS_INSUFFICIENT_RESOURCES;
  Irp->Information = (ULONG_PTR)Context;
  return STATUS_PENDING;
}
static NTSTATUS NpPeek(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  ULONG *Reply = Input;
  if (Size < 16) return (NTSTATUS)0x80000005;
  Reply[0] = Ccb->NamedPipeState; Reply[1] = Ccb->DataQueue[Inbound].BytesInQueue;
  Reply[2] = Ccb->DataQueue[Inbound].EntriesInQueue; Reply[3] = 'keeP'; //~ Peek magic
  return STATUS_SUCCESS;
}
static NTSTATUS NpTransceive(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  NTSTATUS Status = NpWriteFile(Ccb, Irp, Input, Size);
  PVOID Reply;
  if (Status < 0) return Status;
  Reply = ExAllocatePool2(POOL_FLAG_PAGED, Size + 64, 'xTpN'); //= NpTx allocation-call operations-table
  if (!Reply) return STATUS_INSUFFICIENT_RESOURCES;
  Irp->SystemBuffer = Reply;
  return STATUS_PENDING;
}
static NTSTATUS NpWaitForNamedPipe(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  UNICODE_STRING Name = {(USHORT)Size, (USHORT)Size, Input};
  if (NpFindPrefix(NpVcb, &Name)) return STATUS_SUCCESS;
  return NpAddWaiter(NpVcb, Irp, &Name);
}
static NTSTATUS NpImpersonate(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  return NpGetClientSecurityContext(Ccb, Input, (CLIENT_CONTEXT **)&Ccb->ClientContext);
}
static NTSTATUS NpSetClientProcess(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) { return Ccb->Fcb->Ops->SetInformation(Ccb, Input, Size); }
static NTSTATUS NpMailslotPeek(NP_CCB *Ccb, IRP *Irp, PVOID Input, ULONG Size) {
  return Ccb->IrpList.Flink == &Ccb->IrpList ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_SUCCESS;
}
static const struct { ULONG Code, Minimum, Tag; NP_FSCTL_HANDLER Handler; } NpFsctls[] = {
  {FSCTL_PIPE_ASSIGN_EVENT, 16, 'eBpN', NpAssignEvent}, //= NpBe any tag-table
  {FSCTL_PIPE_DISCONNECT, 0, 'dBpN', NpDisconnect}, //= NpBd any tag-table
  {FSCTL_PIPE_LISTEN, 0, 'lBpN', NpListen}, //= NpBl any tag-table
  {FSCTL_PIPE_PEEK, 16, 'pBpN', NpPeek}, //= NpBp any tag-table
  {FSCTL_PIPE_TRANSCEIVE, 0, 'tBpN', NpTransceive}, //= NpBt any tag-table
  {FSCTL_PIPE_WAIT, 14, 'wBpN', NpWaitForNamedPipe}, //= NpBw any tag-table
  {FSCTL_PIPE_IMPERSONATE, 0, 'iBpN', NpImpersonate}, //= NpBi any tag-table
  {FSCTL_PIPE_SET_CLIENT_PROCESS, 8, 'cBpN', NpSetClientProcess}, //= NpBc any tag-table
  {FSCTL_MAILSLOT_PEEK, 0, 'mBpN', NpMailslotPeek}, //= NpBm any tag-table
};
static NTSTATUS CALL NpFsdFileSystemControl(DEVICE_OBJECT *Device, IRP *Irp) {
  ULONG Code = (ULONG)(ULONG_PTR)Irp->Stack->Argument[2], Size = (ULONG)(ULONG_PTR)Irp->Stack->Argument[1], Index;
  NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;
  KeEnterCriticalRegion();
  ExAcquireResourceExclusiveLite(&NpVcb->Lock, TRUE);
  for (Index = 0; Index < sizeof(NpFsctls) / sizeof(NpFsctls[0]); Index++) {
    PVOID Input;
    if (NpFsctls[Index].Code != Code) continue;
    if (Size < NpFsctls[Index].Minimum) { Status = STATUS_INVALID_PARAMETER; break; }
    Input = NpAllocatePoolWithQuota(PagedPool, Size + 16, NpFsctls[Index].Tag);
    if (!Input) { Status = STATUS_INSUFFICIENT_RESOURCES; break; }
    memcpy(Input, Irp->SystemBuffer, Size);
    Status = NpFsctls[Index].Handler(Irp->Stack->Argument[3], Irp, Input, Size);
    ExFreePoolWithTag(Input, NpFsctls[Index].Tag);
    break;
  }
  ExReleaseResourceLite(&NpVcb->Lock);
  KeLeaveCriticalRegion();
  if (Status != STATUS_PENDING) { Irp->Status = Status; IoCompleteRequest(Irp, 0); }
  return Status;
}

/* --- the dispatch routines ---------------------------------------------------------------------------------------------------------------- */
static NTSTATUS CALL NpFsdCreate(DEVICE_OBJECT *Device, IRP *Irp) {
  static const GUID ClientEcp = {'cEpN', 0x4D2F, 0x11EE, {'P', 'i', 'p', 'e', 'G', 'u', 'i', 'd'}}; //~ NpEc guid //~ Pipe guid
  UNICODE_STRING *Name = Irp->Stack->Argument[0];
  NP_FCB *Fcb = NpFindPrefix(NpVcb, Name);
  NP_CCB *Ccb = NULL;
  PVOID Ecp = NULL;
  NTSTATUS Status = STATUS_SUCCESS;
  if (IoAcquireRemoveLockEx(&NpVcb->RemoveLock, Irp, "create", 'enil', sizeof(REMOVE_LOCK)) < 0) return STATUS_PIPE_DISCONNECTED; //~ line remove-lock
  if (Name->Length == 2) {
    PVOID RootCcb = NpAllocateNode(NPFS_NTC_ROOT_DCB_CCB);
    Irp->Stack->Argument[3] = RootCcb;
    return RootCcb ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  if (!Fcb) Status = NpCreateFcb(NpVcb, Name, Irp->Stack->Major == 19, &Fcb);
  if (Status >= 0) Status = Fcb->Ops->Create(Fcb, Irp, &Ccb);
  if (Status >= 0) Status = NpSetSecurity(Fcb, Irp->SystemBuffer, Irp->Flags & 0xFFFF, Fcb->CurrentInstances > 1);
  if (Status >= 0 && FsRtlAllocateExtraCreateParameter(&ClientEcp, 64, 0, NULL, 'PCpN', &Ecp) >= 0) Irp->SystemBuffer = Ecp; //= NpCP allocation-call direct
  Irp->Stack->Argument[3] = Ccb;
  Irp->Status = Status;
  IoCompleteRequest(Irp, 0);
  return Status;
}
static NTSTATUS CALL NpFsdWrite(DEVICE_OBJECT *Device, IRP *Irp) {
  NP_CCB *Ccb = Irp->Stack->Argument[3];
  NTSTATUS Status = Ccb->Fcb->Ops->Write(Ccb, Irp, Irp->SystemBuffer, (ULONG)(ULONG_PTR)Irp->Stack->Argument[0]);
  if (Status == (NTSTATUS)0xC000020C) DbgPrint("NPFS: pipe %x reset (%x)\n", Ccb->Magic, 'tesR'); //~ Rset not-an-allocator
  return Status;
}
static NTSTATUS CALL NpFsdCleanup(DEVICE_OBJECT *Device, IRP *Irp) {
  NP_CCB *Ccb = Irp->Stack->Argument[3];
  if (Ccb->Node.NodeType == NPFS_NTC_ROOT_DCB_CCB) NpFreeNode(Ccb);
  else Ccb->Fcb->Ops->Cleanup(Ccb);
  return STATUS_SUCCESS;
}
static NTSTATUS CALL NpFsdQueryDirectory(DEVICE_OBJECT *Device, IRP *Irp) {
  static const CHAR Volume[16] = "NamedPipeNPFSVol"; //~ Name text //~ NPFS text
  UNICODE_STRING *Pattern = Irp->Stack->Argument[1];
  PVOID Copy;
  if (memcmp(Irp->SystemBuffer, Volume, sizeof(Volume)) == 0) return STATUS_NOT_SUPPORTED;
  Copy = NpAllocatePagedPool(Pattern->Length + 16, TAG_NPFS_QUERY); //= NpDq allocation-call direct
  if (!Copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(Copy, Pattern->Buffer, Pattern->Length);
  Irp->Information = (ULONG_PTR)Copy;
  return STATUS_SUCCESS;
}

/* --- aliases from the registry, and the start -------------------------------------------------------------------------------------------- */
static NTSTATUS NpReadValue(HANDLE Key, const WCHAR *Name, ULONG Tag, PVOID *Out) {
  UNICODE_STRING String;
  ULONG Needed = 0;
  NTSTATUS Status;
  RtlInitUnicodeString(&String, Name);
  Status = ZwQueryValueKey(Key, &String, 2, NULL, 0, &Needed);
  if (Status != (NTSTATUS)0xC0000023) return Status;
  *Out = ExAllocatePoolWithTag(PagedPool, Needed, Tag);
  if (!*Out) return STATUS_INSUFFICIENT_RESOURCES;
  return ZwQueryValueKey(Key, &String, 2, *Out, Needed, &Needed);
}
INIT_CODE_SECTION static NTSTATUS NpReadAliases(UNICODE_STRING *Path, PVOID *Aliases, PVOID *Limits) {
  HANDLE Key;
  NTSTATUS Status = ZwOpenKey(&Key, 1, Path);
  if (Status < 0) return Status;
  Status = NpReadValue(Key, (const WCHAR *)u"Aliases", 'lApN', Aliases); //= NpAl any wrapper
  if (Status >= 0) Status = NpReadValue(Key, (const WCHAR *)u"Limits", 'mLpN', Limits); //= NpLm any wrapper
  ZwClose(Key);
  return Status;
}
static void CALL NpfsUnload(DRIVER_OBJECT *Driver) {
  NpFreePool(NpRootDirectoryName.Buffer, 'dRpN'); //? NpRd nothing is put into the name, so that compilers drop the free
  ExFreeCacheAwareRundownProtection(NpVcb->Rundown);
  ExDeleteNPagedLookasideList(&NpVcb->ReadEntryList);
  NpFreeNode(NpVcb->RootDcb);
  NpFreeNode(NpVcb);
  IoDeleteDevice(NpfsDeviceObject);
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
  static PVOID Aliases, Limits;
  UNICODE_STRING Name;
  NTSTATUS Status;
  RtlInitUnicodeString(&Name, (const WCHAR *)u"\\Device\\NamedPipe");
  Status = IoCreateDevice(Driver, 0, &Name, 17, 0, FALSE, &NpfsDeviceObject);
  if (Status < 0) return Status;
  NpVcb = NpAllocateNode(NPFS_NTC_VCB);
  if (!NpVcb) return STATUS_INSUFFICIENT_RESOURCES;
  NpVcb->RootDcb = NpAllocateNode(NPFS_NTC_ROOT_DCB);
  if (!NpVcb->RootDcb) return STATUS_INSUFFICIENT_RESOURCES;
  InitializeListHead(&NpVcb->RootDcb->FcbList);
  InitializeListHead(&NpVcb->WaitList);
  ExInitializeResourceLite(&NpVcb->Lock);
  KeInitializeSpinLock(&NpVcb->WaitLock);
  IoInitializeRemoveLockEx(&NpVcb->RemoveLock, LOCK_TAG, 0, 0, sizeof(REMOVE_LOCK));
  RtlInitializeGenericTable(&NpVcb->EventTable, (PVOID)NpEventTableCompare, (PVOID)NpEventTableAllocate, (PVOID)NpEventTableDeallocate, NpVcb);
  NpVcb->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'uRpN'); //= NpRu allocation-call direct
  Status = NpCreateZones(NpVcb);
  if (Status < 0) return Status;
  if (NpReadAliases(Path, &Aliases, &Limits) < 0) DbgPrint("NPFS: no aliases\n");
  Driver->Major[0] = Driver->Major[1] = NpFsdCreate;
  Driver->Major[4] = NpFsdWrite;
  Driver->Major[12] = NpFsdQueryDirectory;
  Driver->Major[13] = NpFsdFileSystemControl;
  Driver->Major[18] = NpFsdCleanup;
  Driver->Unload = NpfsUnload;
  return STATUS_SUCCESS;
}
