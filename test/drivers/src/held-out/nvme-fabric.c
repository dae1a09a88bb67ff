// An NVMe over fabrics initiator: a virtual StorPort miniport, controllers and queues above a transport layer with two providers (TCP on
// WSK, RDMA), pools of PDUs, command slots, discovery log pages, authentication, reconnects, asynchronous events, I/O control, logs.
#include "kernel.h"

typedef int NVF_STATUS;
#define NVF_OK(status) ((status) >= 0)
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER(p, type, field) ((type *)((UCHAR *)(p) - __builtin_offsetof(type, field)))
#define STATUS_NOT_FOUND ((NTSTATUS)0xC0000225)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_CONNECTION_RESET ((NTSTATUS)0xC000020D)

/* ---- memory classes: what the statistics of the control interface are kept by ------------------------------------------------------ */

typedef enum { MemController, MemQueue, MemNamespace, MemIdentify, MemHostId, MemClassCount } NVF_MEMORY_CLASS;
typedef struct { ULONG Tag; USHORT Pool; USHORT Zero; const CHAR *Name; } NVF_MEMORY_CLASS_INFO;
static const NVF_MEMORY_CLASS_INFO NvfMemoryClasses[MemClassCount] = {
  {'CfvN', NonPagedPoolNx, 1, "controller"}, //= NvfC any tag-table
  {'QfvN', NonPagedPoolNx, 1, "queue"}, //= NvfQ any tag-table
  {'NfvN', NonPagedPoolNx, 1, "namespace"}, //= NvfN any tag-table
  {'IfvN', PagedPool, 0, "identify"}, //= NvfI any tag-table
  {'HfvN', PagedPool, 1, "hostid"}, //= NvfH any tag-table
};
static struct { LONG Count, Peak; SIZE_T Bytes; } NvfMemoryStatistics[MemClassCount];

typedef struct { ULONG Cookie; USHORT Class; USHORT Reserved; SIZE_T Bytes; ULONG_PTR Pad; } NVF_BLOCK;
#define NVF_BLOCK_LIVE 'kBvL' //~ LvBk magic
#define NVF_BLOCK_DEAD 'kBdD' //~ DdBk magic

NOINLINE static PVOID NvfAllocate(NVF_MEMORY_CLASS class, SIZE_T bytes) {
  const NVF_MEMORY_CLASS_INFO *info = &NvfMemoryClasses[class];
  NVF_BLOCK *block = ExAllocatePoolWithTag(info->Pool, bytes + sizeof(NVF_BLOCK), info->Tag);
  if (!block) {
    DbgPrint("nvf: no memory for %s (%s)\n", info->Name, "NoMm"); //~ NoMm text
    return NULL;
  }
  if (info->Zero) memset(block, 0, bytes + sizeof(NVF_BLOCK));
  block->Cookie = NVF_BLOCK_LIVE;
  block->Class = (USHORT)class;
  block->Bytes = bytes;
  if (++NvfMemoryStatistics[class].Count > NvfMemoryStatistics[class].Peak) NvfMemoryStatistics[class].Peak = NvfMemoryStatistics[class].Count;
  NvfMemoryStatistics[class].Bytes += bytes;
  return block + 1;
}
NOINLINE static void NvfRelease(PVOID p) {
  NVF_BLOCK *block = (NVF_BLOCK *)p - 1;
  if (block->Cookie != NVF_BLOCK_LIVE) KeBugCheckEx('fvNB', (ULONG_PTR)p, block->Cookie, 0, 0); //~ BNvf bug-check
  block->Cookie = NVF_BLOCK_DEAD;
  NvfMemoryStatistics[block->Class].Count--;
  NvfMemoryStatistics[block->Class].Bytes -= block->Bytes;
  ExFreePoolWithTag(block, NvfMemoryClasses[block->Class].Tag);
}

/* Buffers without a class, for the parts that were written before there were classes. */
NOINLINE static PVOID NvfAllocateZeroed(SIZE_T bytes, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag);
  if (p) memset(p, 0, bytes);
  return p;
}
NOINLINE static BOOLEAN NvfGrow(PVOID *buffer, SIZE_T used, SIZE_T *capacity, SIZE_T wanted, ULONG tag) {
  SIZE_T bytes = *capacity ? *capacity : 256;
  PVOID bigger;
  while (bytes < wanted) bytes += bytes / 2;
  bigger = NvfAllocateZeroed(bytes, tag);
  if (!bigger) return FALSE;
  if (*buffer) {
    memcpy(bigger, *buffer, used);
    ExFreePoolWithTag(*buffer, tag);
  }
  *buffer = bigger;
  *capacity = bytes;
  return TRUE;
}

static void ListInit(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static void ListAppend(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static LIST_ENTRY *ListPop(LIST_ENTRY *head) {
  LIST_ENTRY *entry = head->Flink;
  if (entry == head) return NULL;
  head->Flink = entry->Flink; entry->Flink->Blink = head;
  return entry;
}

/* ---- the transport layer -------------------------------------------------------------------------------------------------------------- */

typedef struct NVF_CONTROLLER NVF_CONTROLLER;
typedef struct NVF_QUEUE NVF_QUEUE;
typedef struct NVF_ADDRESS { UCHAR Type, Family; USHORT Port; UCHAR Bytes[16]; WCHAR Subsystem[128]; } NVF_ADDRESS;
typedef struct NVF_TRANSPORT {
  UCHAR Type;
  const CHAR *Name;
  ULONG ConnectionTag;
  SIZE_T ConnectionBytes;
  NVF_STATUS (*Start)(void);
  void (*Stop)(void);
  NVF_STATUS (*Connect)(NVF_QUEUE *queue, const NVF_ADDRESS *address);
  NVF_STATUS (*Submit)(NVF_QUEUE *queue, ULONG slot, PVOID command);
  PVOID (*AllocateInCapsule)(NVF_QUEUE *queue, SIZE_T bytes);
  void (*Disconnect)(NVF_QUEUE *queue);
} NVF_TRANSPORT;

typedef struct { UCHAR Opcode, Flags; USHORT Id; ULONG Namespace; ULONG64 Reserved, Metadata, Prp1, Prp2; ULONG Cdw[6]; } NVF_COMMAND;
typedef struct { NVF_COMMAND Command; PVOID Srb; PVOID Data; ULONG Length; USHORT Next; USHORT State; PVOID Sgl; } NVF_SLOT;
struct NVF_QUEUE {
  ULONG Signature;
  USHORT Id, Depth;
  NVF_CONTROLLER *Controller;
  PVOID Connection;
  NVF_SLOT *Slots;
  USHORT FirstFree;
  ULONG_PTR Lock;
};
typedef struct { LIST_ENTRY Link; ULONG Id; ULONG64 Blocks; ULONG BlockSize; UCHAR Guid[16]; } NVF_NAMESPACE;
struct NVF_CONTROLLER {
  LIST_ENTRY Link;
  ULONG Signature;
  LONG State;
  PVOID Adapter;
  const NVF_TRANSPORT *Transport;
  NVF_ADDRESS Address;
  NVF_QUEUE *Queues[17];
  ULONG QueueCount;
  LIST_ENTRY Namespaces;
  LIST_ENTRY Events;
  struct NVF_AUTH *Auth;
  UCHAR *Identify;
  ULONG ReconnectDelay, ReconnectsLeft;
  LOOKASIDE SglList;
};
#define NVF_CONTROLLER_SIGNATURE 'ltCN' //~ NCtl magic
#define NVF_QUEUE_SIGNATURE 'euQN' //~ NQue magic

/* ---- TCP ------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Free; ULONG_PTR Lock; ULONG Tag; ULONG Count, Limit; SIZE_T Bytes; } TCP_PDU_POOL;
typedef struct { LIST_ENTRY Link; TCP_PDU_POOL *Pool; ULONG Length; UCHAR Header[72]; UCHAR Payload[1]; } TCP_PDU;
typedef struct { TCP_PDU_POOL Send, Receive; PVOID Socket; UCHAR *Stage; SIZE_T StageBytes; ULONG HeaderDigest; TCP_PDU *Current; } TCP_CONNECTION;
typedef struct { const void *Dispatch; ULONG_PTR Reserved[4]; } WSK_REGISTRATION;
typedef struct { PVOID Client; const struct WSK_PROVIDER_DISPATCH { USHORT Version, Reserved; NTSTATUS(CALL *Socket)(PVOID client, USHORT family, USHORT type, ULONG protocol, ULONG flags, PVOID context, PVOID dispatch, PVOID process, PVOID thread, PVOID security, PVOID irp); } *Dispatch; } WSK_PROVIDER;
static WSK_REGISTRATION WskRegistration;
static WSK_PROVIDER WskProvider;
static const struct { USHORT Version, Reserved; PVOID Event; } WskClientDispatch = {0x100, 0, NULL};

NOINLINE static void TcpPoolInitialize(TCP_PDU_POOL *pool, ULONG tag, SIZE_T bytes, ULONG limit) {
  ListInit(&pool->Free);
  KeInitializeSpinLock(&pool->Lock);
  pool->Tag = tag;
  pool->Bytes = sizeof(TCP_PDU) + bytes;
  pool->Limit = limit;
  pool->Count = 0;
}
NOINLINE static TCP_PDU *TcpPoolTake(TCP_PDU_POOL *pool) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&pool->Lock);
  LIST_ENTRY *entry = ListPop(&pool->Free);
  KeReleaseSpinLock(&pool->Lock, irql);
  if (!entry) {
    TCP_PDU *pdu;
    if (pool->Count >= pool->Limit) return NULL;
    pdu = ExAllocatePoolWithTag(NonPagedPoolNx, pool->Bytes, pool->Tag);
    if (!pdu) return NULL;
    pool->Count++;
    pdu->Pool = pool;
    return pdu;
  }
  return CONTAINER(entry, TCP_PDU, Link);
}
NOINLINE static void TcpPoolGive(TCP_PDU *pdu) {
  TCP_PDU_POOL *pool = pdu->Pool;
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&pool->Lock);
  ListAppend(&pool->Free, &pdu->Link);
  KeReleaseSpinLock(&pool->Lock, irql);
}
NOINLINE static void TcpPoolDrain(TCP_PDU_POOL *pool) {
  LIST_ENTRY *entry;
  while ((entry = ListPop(&pool->Free)) != NULL) ExFreePoolWithTag(entry, pool->Tag);
}

static NVF_STATUS TcpStart(void) {
  struct { PVOID Context; const void *Dispatch; } client = {NULL, &WskClientDispatch};
  NVF_STATUS status = WskRegister(&client, &WskRegistration);
  if (!NVF_OK(status)) return status;
  status = WskCaptureProviderNPI(&WskRegistration, 10000, &WskProvider);
  if (!NVF_OK(status)) WskDeregister(&WskRegistration);
  return status;
}
static void TcpStop(void) {
  WskReleaseProviderNPI(&WskRegistration);
  WskDeregister(&WskRegistration);
}
static NVF_STATUS TcpConnect(NVF_QUEUE *queue, const NVF_ADDRESS *address) {
  TCP_CONNECTION *connection = queue->Connection;
  TCP_PDU *icreq;
  NVF_STATUS status;
  TcpPoolInitialize(&connection->Send, 'sPtN', 128, queue->Depth); //= NtPs any object-field
  TcpPoolInitialize(&connection->Receive, 'rPtN', queue->Id ? 8192 : 4096, 64); //= NtPr any object-field
  if (!NvfGrow((PVOID *)&connection->Stage, 0, &connection->StageBytes, 0x4000, 'tStN')) return STATUS_INSUFFICIENT_RESOURCES; //= NtSt any wrapper-two
  icreq = TcpPoolTake(&connection->Send);
  if (!icreq) return STATUS_INSUFFICIENT_RESOURCES;
  memset(icreq->Header, 0, sizeof(icreq->Header));
  icreq->Header[2] = 128;
  icreq->Length = 128;
  *(ULONG *)(icreq->Header + 8) = 'qRcI'; //~ IcRq magic
  connection->HeaderDigest = address->Type & 0x10;
  status = WskProvider.Dispatch->Socket(WskProvider.Client, address->Family, 1, 6, 4, queue, NULL, NULL, NULL, NULL, IoAllocateIrp(1, FALSE));
  TcpPoolGive(icreq);
  return status;
}
static NVF_STATUS TcpSubmit(NVF_QUEUE *queue, ULONG slot, PVOID command) {
  TCP_CONNECTION *connection = queue->Connection;
  TCP_PDU *pdu = TcpPoolTake(&connection->Send);
  if (!pdu) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(pdu->Header + 8, command, 64);
  pdu->Header[0] = 4;
  pdu->Length = 72 + slot % 8;
  connection->Current = pdu;
  return STATUS_SUCCESS;
}
static PVOID TcpInCapsule(NVF_QUEUE *queue, SIZE_T bytes) { return NvfAllocateZeroed(bytes + 8, 'cItN'); } //= NtIc any operations-table
static void TcpDisconnect(NVF_QUEUE *queue) {
  TCP_CONNECTION *connection = queue->Connection;
  if (connection->Current) TcpPoolGive(connection->Current);
  TcpPoolDrain(&connection->Send);
  TcpPoolDrain(&connection->Receive);
  if (connection->Stage) ExFreePoolWithTag(connection->Stage, 'tStN');
}
/* A PDU arrived in parts: the stage takes them until it is whole. */
NOINLINE static NVF_STATUS TcpReceive(NVF_QUEUE *queue, const UCHAR *bytes, SIZE_T length, SIZE_T used) {
  TCP_CONNECTION *connection = queue->Connection;
  TCP_PDU *pdu;
  if (used + length > connection->StageBytes &&
      !NvfGrow((PVOID *)&connection->Stage, used, &connection->StageBytes, used + length, 'tStN')) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(connection->Stage + used, bytes, length);
  if (*(ULONG *)connection->Stage == 'mreT') return STATUS_CONNECTION_RESET; //~ Term magic
  pdu = TcpPoolTake(&connection->Receive);
  if (!pdu) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(pdu->Header, connection->Stage, 24);
  TcpPoolGive(pdu);
  return STATUS_SUCCESS;
}

/* ---- RDMA ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { PVOID Context; PVOID(CALL *CreateCq)(PVOID context, ULONG depth, ULONG tag); NTSTATUS(CALL *RegisterMr)(PVOID context, PVOID buffer, SIZE_T bytes, ULONG access, ULONG *key); } RDMA_PROVIDER;
typedef struct { ULONG Key; ULONG Pad; PVOID Buffer; SIZE_T Bytes; } RDMA_REGION;
typedef struct { RDMA_PROVIDER *Provider; PVOID Cq; RDMA_REGION *Regions; ULONG RegionCount; PVOID Ring; SIZE_T RingBytes; UCHAR *Private; } RDMA_CONNECTION;
static RDMA_PROVIDER *RdmaProvider;

static NVF_STATUS RdmaStart(void) { return RdmaProvider ? STATUS_SUCCESS : STATUS_NOT_FOUND; }
static void RdmaStop(void) { RdmaProvider = NULL; }
static NVF_STATUS RdmaConnect(NVF_QUEUE *queue, const NVF_ADDRESS *address) {
  static const PHYSICAL_ADDRESS lowest = {{0, 0}}, highest = {{0xFFFFFFFF, 0x7FFFFFFF}};
  RDMA_CONNECTION *connection = queue->Connection;
  ULONG i;
  NVF_STATUS status;
  connection->Provider = RdmaProvider;
  connection->RegionCount = queue->Depth;
  connection->Regions = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, queue->Depth * sizeof(RDMA_REGION), 'rMrN'); //= NrMr any direct
  if (!connection->Regions) return STATUS_INSUFFICIENT_RESOURCES;
  connection->RingBytes = queue->Depth * 64;
  status = MmAllocateContiguousMemoryEx(&connection->RingBytes, lowest, highest, lowest, 0x80000000, 4, NULL, 'gRrN', 0, &connection->Ring); //= NrRg any direct
  if (!NVF_OK(status)) goto noRing;
  connection->Private = ExAllocatePool2(POOL_FLAG_PAGED, 32, 'vPrN'); //= NrPv any direct
  if (!connection->Private) { status = STATUS_INSUFFICIENT_RESOURCES; goto noPrivate; }
  connection->Private[0] = address->Bytes[0];
  connection->Cq = RdmaProvider->CreateCq(RdmaProvider->Context, queue->Depth, 'qCrN'); //~ NrCq not-an-allocator
  for (i = 0; i < connection->RegionCount; i++) {
    connection->Regions[i].Buffer = (UCHAR *)connection->Ring + i * 64;
    status = RdmaProvider->RegisterMr(RdmaProvider->Context, connection->Regions[i].Buffer, 64, 3, &connection->Regions[i].Key);
    if (!NVF_OK(status)) goto failed;
  }
  return STATUS_SUCCESS;
failed:
  ExFreePoolWithTag(connection->Private, 'vPrN');
noPrivate:
  MmFreeContiguousMemory(connection->Ring);
noRing:
  ExFreePoolWithTag(connection->Regions, 'rMrN');
  return status;
}
static NVF_STATUS RdmaSubmit(NVF_QUEUE *queue, ULONG slot, PVOID command) {
  RDMA_CONNECTION *connection = queue->Connection;
  memcpy(connection->Regions[slot % connection->RegionCount].Buffer, command, 64);
  return STATUS_SUCCESS;
}
static PVOID RdmaInCapsule(NVF_QUEUE *queue, SIZE_T bytes) {
  RDMA_CONNECTION *connection = queue->Connection;
  if (bytes <= 64 && connection->Ring) return connection->Ring;
  return ExAllocatePoolWithTagPriority(NonPagedPoolNx, bytes, 'cIrN', 16); //= NrIc any operations-table
}
static void RdmaDisconnect(NVF_QUEUE *queue) {
  RDMA_CONNECTION *connection = queue->Connection;
  ExFreePoolWithTag(connection->Private, 'vPrN');
  MmFreeContiguousMemory(connection->Ring);
  ExFreePoolWithTag(connection->Regions, 'rMrN');
}

static const NVF_TRANSPORT NvfTcp = {3, "tcp", 'nCtN', sizeof(TCP_CONNECTION), TcpStart, TcpStop, TcpConnect, TcpSubmit, TcpInCapsule, TcpDisconnect}; //= NtCn any object-field-deep
static const NVF_TRANSPORT NvfRdma = {1, "rdma", 'nCrN', sizeof(RDMA_CONNECTION), RdmaStart, RdmaStop, RdmaConnect, RdmaSubmit, RdmaInCapsule, RdmaDisconnect}; //= NrCn any object-field-deep
static const NVF_TRANSPORT *const NvfTransports[] = {&NvfTcp, &NvfRdma};

static const NVF_TRANSPORT *NvfFindTransport(UCHAR type) {
  ULONG i;
  for (i = 0; i < ARRAY_COUNT(NvfTransports); i++) if (NvfTransports[i]->Type == type) return NvfTransports[i];
  return NULL;
}

/* ---- queues and slots ------------------------------------------------------------------------------------------------------------------- */

ALWAYS_INLINE ULONG StorPortAllocatePool(PVOID extension, ULONG bytes, ULONG tag, PVOID *buffer) {
  return StorPortExtendedFunction(0, extension, bytes, tag, buffer);
}
ALWAYS_INLINE void StorPortFreePool(PVOID extension, PVOID buffer) { StorPortExtendedFunction(1, extension, buffer); }

NOINLINE static void NvfQueueDestroy(NVF_QUEUE *queue) {
  const NVF_TRANSPORT *transport = queue->Controller->Transport;
  if (queue->Connection) {
    transport->Disconnect(queue);
    ExFreePoolWithTag(queue->Connection, transport->ConnectionTag);
  }
  if (queue->Slots) StorPortFreePool(queue->Controller->Adapter, queue->Slots);
  NvfRelease(queue);
}
NOINLINE static NVF_STATUS NvfQueueCreate(NVF_CONTROLLER *controller, USHORT id, USHORT depth) {
  const NVF_TRANSPORT *transport = controller->Transport;
  NVF_QUEUE *queue = NvfAllocate(MemQueue, sizeof(NVF_QUEUE));
  USHORT i;
  if (!queue) return STATUS_INSUFFICIENT_RESOURCES;
  queue->Signature = NVF_QUEUE_SIGNATURE;
  queue->Id = id;
  queue->Depth = depth;
  queue->Controller = controller;
  KeInitializeSpinLock(&queue->Lock);
  if (StorPortAllocatePool(controller->Adapter, depth * sizeof(NVF_SLOT), id ? 'oIlS' : 'dAlS', (PVOID *)&queue->Slots)) { //= SlIo any storport-pool //= SlAd any storport-pool
    queue->Slots = NULL;
    NvfQueueDestroy(queue);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  for (i = 0; i < depth; i++) {
    queue->Slots[i].Next = i + 1;
    queue->Slots[i].State = 0;
    queue->Slots[i].Command.Id = i;
  }
  queue->Connection = ExAllocatePoolWithTag(NonPagedPoolNx, transport->ConnectionBytes, transport->ConnectionTag);
  if (queue->Connection) {
    memset(queue->Connection, 0, transport->ConnectionBytes);
    controller->Queues[id] = queue;
    return transport->Connect(queue, &controller->Address);
  }
  NvfQueueDestroy(queue);
  return STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NVF_SLOT *NvfSlotTake(NVF_QUEUE *queue) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&queue->Lock);
  NVF_SLOT *slot = queue->FirstFree < queue->Depth ? &queue->Slots[queue->FirstFree] : NULL;
  if (slot) queue->FirstFree = slot->Next;
  KeReleaseSpinLock(&queue->Lock, irql);
  return slot;
}
NOINLINE static NVF_STATUS NvfCommand(NVF_QUEUE *queue, UCHAR opcode, ULONG cdw10, PVOID data, ULONG length) {
  NVF_SLOT *slot = NvfSlotTake(queue);
  if (!slot) return STATUS_INSUFFICIENT_RESOURCES;
  slot->Command.Opcode = opcode;
  slot->Command.Cdw[0] = cdw10;
  slot->Data = data;
  slot->Length = length;
  if (opcode == 0x7F && length > 64) slot->Sgl = queue->Controller->Transport->AllocateInCapsule(queue, length);
  else slot->Sgl = ExpInterlockedPopEntrySList(&queue->Controller->SglList);
  if (!slot->Sgl) return STATUS_INSUFFICIENT_RESOURCES;
  return queue->Controller->Transport->Submit(queue, slot->Command.Id, &slot->Command);
}

/* ---- authentication ---------------------------------------------------------------------------------------------------------------------- */

typedef struct NVF_HASH { UCHAR Id; UCHAR DigestBytes; USHORT StateBytes; ULONG Tag; const CHAR *Name; void (*Init)(PVOID state); } NVF_HASH;
typedef enum { KeyHost, KeyController, KeySession, KeyEphemeral } NVF_KEY_KIND;
typedef struct { NVF_KEY_KIND Kind; ULONG Bytes; UCHAR Data[1]; } NVF_KEY;
typedef struct NVF_AUTH { const NVF_HASH *Hash; PVOID State; NVF_KEY *Keys[4]; ULONG Group; UCHAR *Challenge; } NVF_AUTH;

static void Sha256Init(PVOID state) { ULONG *s = state; s[0] = 0x6A09E667; s[1] = 0xBB67AE85; }
static void Sha384Init(PVOID state) { ULONG *s = state; s[0] = 0xC1059ED8; s[1] = 0xCBBB9D5D; }
static void Sha512Init(PVOID state) { ULONG *s = state; s[0] = 0xF3BCC908; s[1] = 0x6A09E667; }
static const NVF_HASH NvfHashes[] = {
  {1, 32, 112, '2hAN', "hmac(sha256)", Sha256Init}, //= NAh2 any tag-table
  {2, 48, 208, '3hAN', "hmac(sha384)", Sha384Init}, //= NAh3 any tag-table
  {3, 64, 208, '5hAN', "hmac(sha512)", Sha512Init}, //= NAh5 any tag-table
};

NOINLINE static const NVF_HASH *AuthHashById(UCHAR id) {
  ULONG i;
  for (i = 0; i < ARRAY_COUNT(NvfHashes); i++) if (NvfHashes[i].Id == id) return &NvfHashes[i];
  return NULL;
}
NOINLINE static ULONG AuthKeyTag(NVF_KEY_KIND kind) {
  switch (kind) {
    case KeyHost: return 'hKAN'; //= NAKh any return-value
    case KeyController: return 'cKAN'; //= NAKc any return-value
    case KeySession: return 'SkAN'; //= NAkS any return-value
    default: return 'eKpT'; //= TpKe any return-value
  }
}
NOINLINE static NVF_KEY *AuthKeyCreate(NVF_KEY_KIND kind, const UCHAR *bytes, ULONG length) {
  NVF_KEY *key = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(NVF_KEY) + length, AuthKeyTag(kind));
  if (!key) return NULL;
  key->Kind = kind;
  key->Bytes = length;
  memcpy(key->Data, bytes, length);
  return key;
}
NOINLINE static void AuthKeyDestroy(NVF_KEY *key) {
  volatile UCHAR *wipe = key->Data;
  ULONG left = key->Bytes;
  while (left--) *wipe++ = 0;
  ExFreePoolWithTag(key, AuthKeyTag(key->Kind));
}
NOINLINE static NVF_STATUS AuthBegin(NVF_CONTROLLER *controller, UCHAR hash, ULONG group, const UCHAR *secret) {
  NVF_AUTH *auth = NvfAllocateZeroed(sizeof(NVF_AUTH), 'tAAN'); //= NAAt any wrapper
  if (!auth) return STATUS_INSUFFICIENT_RESOURCES;
  auth->Hash = AuthHashById(hash);
  if (!auth->Hash || *(const ULONG *)secret != 'CHHD') { //~ DHHC magic
    ExFreePoolWithTag(auth, 'tAAN');
    return STATUS_INVALID_PARAMETER;
  }
  auth->Group = group;
  auth->State = ExAllocatePoolWithTag(NonPagedPoolNx, auth->Hash->StateBytes, auth->Hash->Tag);
  auth->Keys[0] = AuthKeyCreate(KeyHost, secret + 10, auth->Hash->DigestBytes);
  auth->Challenge = FsRtlAllocatePoolWithTag(PagedPool, 512, 'lCAN'); //= NACl any direct
  if (!auth->State || !auth->Keys[0] || !auth->Challenge) return STATUS_INSUFFICIENT_RESOURCES;
  auth->Hash->Init(auth->State);
  controller->Auth = auth;
  return NvfCommand(controller->Queues[0], 0x7F, 'htuA', auth->Challenge, 512); //~ Auth not-an-allocator
}
NOINLINE static void AuthEnd(NVF_CONTROLLER *controller) {
  NVF_AUTH *auth = controller->Auth;
  ULONG i;
  for (i = 0; i < 4; i++) if (auth->Keys[i]) AuthKeyDestroy(auth->Keys[i]);
  ExFreePoolWithTag(auth->State, auth->Hash->Tag);
  ExFreePoolWithTag(auth->Challenge, 'lCAN');
  ExFreePoolWithTag(auth, 'tAAN');
  controller->Auth = NULL;
}
NOINLINE static NVF_STATUS AuthReply(NVF_AUTH *auth, const UCHAR *message, ULONG length) {
  if (length < 64) return STATUS_INVALID_PARAMETER;
  auth->Keys[1] = AuthKeyCreate(KeyController, message + 16, auth->Hash->DigestBytes);
  auth->Keys[2] = AuthKeyCreate(message[4] ? KeySession : KeyEphemeral, message + 32, 32);
  return auth->Keys[1] && auth->Keys[2] ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- events and work ---------------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; ULONG Kind; ULONG Bytes; UCHAR Data[1]; } NVF_EVENT;
typedef struct NVF_WORK { ULONG_PTR Item[4]; ULONG Tag; ULONG Delay; void (*Routine)(struct NVF_WORK *work); NVF_CONTROLLER *Controller; PVOID Argument; } NVF_WORK;

NOINLINE static void EventPost(NVF_CONTROLLER *controller, ULONG kind, const void *data, ULONG bytes) {
  NVF_EVENT *event;
  ULONG tag = 'nEvN'; //= NvEn any ternary
  if (kind & 0x80) tag = 'cEvN'; //= NvEc any ternary
  event = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(NVF_EVENT) + bytes, tag);
  if (!event) return;
  event->Kind = kind;
  event->Bytes = bytes;
  memcpy(event->Data, data, bytes);
  ListAppend(&controller->Events, &event->Link);
}
static void CALL WorkMain(PVOID context) {
  NVF_WORK *work = context;
  ULONG tag = work->Tag;
  work->Routine(work);
  ExFreePoolWithTag(work, tag);
}
NOINLINE static BOOLEAN WorkQueue(NVF_CONTROLLER *controller, void (*routine)(NVF_WORK *), ULONG tag, PVOID argument, ULONG delay) {
  NVF_WORK *work = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(NVF_WORK), tag);
  if (!work) return FALSE;
  work->Tag = tag;
  work->Routine = routine;
  work->Controller = controller;
  work->Argument = argument;
  work->Delay = delay;
  work->Item[2] = (ULONG_PTR)WorkMain;
  work->Item[3] = (ULONG_PTR)work;
  ExQueueWorkItem(work->Item, 1);
  return TRUE;
}
static void WorkReconnect(NVF_WORK *work) {
  NVF_CONTROLLER *controller = work->Controller;
  ULONG i;
  if (work->Delay) KeStallExecutionProcessor(work->Delay);
  for (i = 0; i < controller->QueueCount; i++) {
    if (NVF_OK(controller->Transport->Connect(controller->Queues[i], &controller->Address))) continue;
    if (--controller->ReconnectsLeft == 0) EventPost(controller, 0x80, "dead", 4); //~ dead text
    else WorkQueue(controller, WorkReconnect, 'cRwN', NULL, controller->ReconnectDelay * 2); //= NwRc any wrapper-stack
    return;
  }
  controller->State = 'eviL'; //~ Live magic
}
static void WorkScan(NVF_WORK *work) {
  NVF_NAMESPACE *space = NvfAllocate(MemNamespace, sizeof(NVF_NAMESPACE));
  if (!space) return;
  space->Id = (ULONG)(ULONG_PTR)work->Argument;
  ListAppend(&work->Controller->Namespaces, &space->Link);
  EventPost(work->Controller, 1, space->Guid, 16);
}

/* ---- discovery ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { UCHAR Type, Family, Subtype, Requirements; USHORT Port, Controller; ULONG64 Reserved[3]; CHAR Name[224]; } NVF_LOG_ENTRY;
typedef struct { ULONG64 Generation; ULONG Count; ULONG Format; NVF_LOG_ENTRY Entries[1]; } NVF_LOG_PAGE;
static const ULONG DiscoveryTag = 'LsDN'; //= NDsL any const-global

NOINLINE static NVF_LOG_PAGE *DiscoveryRead(NVF_QUEUE *admin) {
  SIZE_T capacity = 0, wanted = sizeof(NVF_LOG_PAGE);
  NVF_LOG_PAGE *page = NULL;
  ULONG64 generation = 0;
  ULONG tries;
  for (tries = 0; tries < 4; tries++) {
    if (!NvfGrow((PVOID *)&page, 0, &capacity, wanted, *(volatile const ULONG *)&DiscoveryTag)) break;
    if (!NVF_OK(NvfCommand(admin, 2, 0x70, page, (ULONG)capacity))) break;
    if (page->Generation == generation && page->Count * sizeof(NVF_LOG_ENTRY) < capacity) return page;
    generation = page->Generation;
    wanted = sizeof(NVF_LOG_PAGE) + page->Count * sizeof(NVF_LOG_ENTRY);
  }
  if (page) ExFreePoolWithTag(page, *(volatile const ULONG *)&DiscoveryTag);
  return NULL;
}
NOINLINE static ULONG DiscoveryWalk(const NVF_LOG_PAGE *page, NVF_ADDRESS **out) {
  NVF_ADDRESS *list = NvfAllocateZeroed(page->Count * sizeof(NVF_ADDRESS), 'dADN'); //= NDAd any wrapper
  ULONG i, count = 0;
  if (!list) return 0;
  for (i = 0; i < page->Count; i++) {
    const NVF_LOG_ENTRY *entry = &page->Entries[i];
    if (*(const ULONG *)entry->Name == '.nqn' || !NvfFindTransport(entry->Type)) { //~ nqn. magic
      list[count].Type = entry->Type;
      list[count].Family = entry->Family;
      list[count++].Port = entry->Port;
    }
  }
  *out = list;
  return count;
}

/* ---- controllers ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Controllers; ULONG Signature; PVOID LogHandle; ULONG_PTR Resource[16]; UCHAR *HostId; UCHAR *Trace; ULONG TraceHead, TraceBytes; } NVF_ADAPTER;
static NVF_ADAPTER *NvfAdapter;

NOINLINE static NVF_STATUS ControllerCreate(NVF_ADAPTER *adapter, const NVF_ADDRESS *address, ULONG queues, NVF_CONTROLLER **out) {
  const NVF_TRANSPORT *transport = NvfFindTransport(address->Type);
  NVF_CONTROLLER *controller;
  NVF_STATUS status;
  ULONG i;
  if (!transport) return STATUS_NOT_SUPPORTED;
  controller = NvfAllocate(MemController, sizeof(NVF_CONTROLLER));
  if (!controller) return STATUS_INSUFFICIENT_RESOURCES;
  controller->Signature = NVF_CONTROLLER_SIGNATURE;
  controller->Adapter = adapter;
  controller->Transport = transport;
  controller->Address = *address;
  controller->ReconnectDelay = 10;
  controller->ReconnectsLeft = 60;
  ListInit(&controller->Namespaces);
  ListInit(&controller->Events);
  ExInitializeNPagedLookasideList(&controller->SglList, NULL, NULL, 0, 256, 'lGvN', 0); //= NvGl any lookaside
  status = NvfQueueCreate(controller, 0, 32);
  if (NVF_OK(status)) {
    controller->Identify = NvfAllocate(MemIdentify, 4096);
    status = controller->Identify ? NvfCommand(controller->Queues[0], 6, 1, controller->Identify, 4096) : STATUS_INSUFFICIENT_RESOURCES;
  }
  for (i = 1; NVF_OK(status) && i <= queues && i < 17; i++) status = NvfQueueCreate(controller, (USHORT)i, 128);
  controller->QueueCount = i;
  if (!NVF_OK(status)) {
    while (i--) if (controller->Queues[i]) NvfQueueDestroy(controller->Queues[i]);
    if (controller->Identify) NvfRelease(controller->Identify);
    ExDeleteNPagedLookasideList(&controller->SglList);
    NvfRelease(controller);
    return status;
  }
  ListAppend(&adapter->Controllers, &controller->Link);
  WorkQueue(controller, WorkScan, 'cSwN', (PVOID)1, 0); //= NwSc any wrapper-stack
  *out = controller;
  return STATUS_SUCCESS;
}
NOINLINE static void ControllerFail(NVF_CONTROLLER *controller, ULONG reason) {
  if (controller->Signature != NVF_CONTROLLER_SIGNATURE) return;
  controller->State = reason == 'KeeP' ? 2 : 3; //~ PeeK magic
  EventPost(controller, reason | 0x80, &controller->State, 4);
  if (!WorkQueue(controller, WorkReconnect, 'lFwN', NULL, controller->ReconnectDelay)) controller->ReconnectsLeft = 0; //= NwFl any wrapper-stack
  StorPortNotification(5, controller->Adapter, 'lFtC', controller->ReconnectDelay); //~ CtFl not-an-allocator
}

/* ---- the control interface ------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Code; ULONG Input, Output; ULONG Tag; NVF_STATUS (*Handler)(NVF_ADAPTER *adapter, const void *in, UCHAR *out, ULONG *bytes); } NVF_CONTROL;

static NVF_STATUS ControlConnect(NVF_ADAPTER *adapter, const void *in, UCHAR *out, ULONG *bytes) {
  NVF_CONTROLLER *controller;
  NVF_STATUS status = ControllerCreate(adapter, in, 4, &controller);
  if (NVF_OK(status)) *(NVF_CONTROLLER **)out = controller;
  return status;
}
static NVF_STATUS ControlDiscover(NVF_ADAPTER *adapter, const void *in, UCHAR *out, ULONG *bytes) {
  NVF_CONTROLLER *controller;
  NVF_ADDRESS *list = NULL;
  NVF_STATUS status = ControllerCreate(adapter, in, 0, &controller);
  NVF_LOG_PAGE *page;
  if (!NVF_OK(status)) return status;
  page = DiscoveryRead(controller->Queues[0]);
  if (!page) return STATUS_NOT_FOUND;
  *bytes = DiscoveryWalk(page, &list) * sizeof(NVF_ADDRESS);
  if (list) {
    memcpy(out, list, *bytes < 4096 ? *bytes : 4096);
    ExFreePoolWithTag(list, 'dADN');
  }
  ExFreePoolWithTag(page, *(volatile const ULONG *)&DiscoveryTag);
  return STATUS_SUCCESS;
}
static NVF_STATUS ControlAuthenticate(NVF_ADAPTER *adapter, const void *in, UCHAR *out, ULONG *bytes) {
  const UCHAR *input = in;
  NVF_CONTROLLER *controller = (NVF_CONTROLLER *)adapter->Controllers.Flink;
  NVF_STATUS status;
  if (controller->Auth) AuthEnd(controller);
  status = AuthBegin(controller, input[0], input[1], input + 2);
  if (NVF_OK(status)) status = AuthReply(controller->Auth, input + 64, input[1]);
  *bytes = 0;
  return status;
}
static NVF_STATUS ControlStatistics(NVF_ADAPTER *adapter, const void *in, UCHAR *out, ULONG *bytes) {
  *(ULONG *)out = 'tatS'; //~ Stat magic
  memcpy(out + 4, NvfMemoryStatistics, sizeof(NvfMemoryStatistics));
  *bytes = sizeof(NvfMemoryStatistics) + 4;
  return STATUS_SUCCESS;
}
static const NVF_CONTROL NvfControls[] = {
  {0x4F004, sizeof(NVF_ADDRESS), 16, 'cCcN', ControlConnect}, //= NcCc any tag-table
  {0x4F008, sizeof(NVF_ADDRESS), 4096, 'sDcN', ControlDiscover}, //= NcDs any tag-table
  {0x4F00C, 256, 8, 'uAcN', ControlAuthenticate}, //= NcAu any tag-table
  {0x4F010, 0, 256, 'tScN', ControlStatistics}, //= NcSt any tag-table
};
NOINLINE static NVF_STATUS ControlDispatch(NVF_ADAPTER *adapter, ULONG code, UCHAR *buffer, ULONG in, ULONG out, ULONG *done) {
  const NVF_CONTROL *control;
  UCHAR *copy;
  NVF_STATUS status;
  for (control = NvfControls; control < NvfControls + ARRAY_COUNT(NvfControls); control++) {
    if (control->Code != code) continue;
    if (in < control->Input || out < control->Output) return STATUS_BUFFER_TOO_SMALL;
    copy = ExAllocatePoolWithTag(PagedPool, control->Input + control->Output, control->Tag);
    if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, buffer, control->Input);
    *done = control->Output;
    status = control->Handler(adapter, copy, copy + control->Input, done);
    if (NVF_OK(status)) memcpy(buffer, copy + control->Input, *done);
    ExFreePoolWithTag(copy, control->Tag);
    return status;
  }
  return STATUS_NOT_SUPPORTED;
}

/* ---- StorPort ----------------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT Length; UCHAR Function, Status; ULONG Bytes; PVOID Data; UCHAR Cdb[16]; CHAR Signature[8]; ULONG Code; } SRB;
typedef struct {
  ULONG Size; ULONG Interface; PVOID Initialize, StartIo, Interrupt, FindAdapter, Reset, DmaStarted, State; ULONG ExtensionBytes, SpecificBytes;
  ULONG Ranges; UCHAR Map, Auto, Tagged, Multiple; PVOID AdapterControl, BuildIo; PVOID FreeAdapter; PVOID ProcessService;
} HW_INITIALIZATION_DATA;
typedef struct { ULONG Size, LogTag, Flags, Bytes; CHAR Name[16]; } LOG_PARAMETERS;

static ULONG CALL HwFindAdapter(PVOID extension, PVOID context, PVOID bus, PVOID argument, PVOID config, UCHAR *again) {
  NVF_ADAPTER *adapter = extension;
  LOG_PARAMETERS log = {sizeof(LOG_PARAMETERS), 'oLvN', 0, 4096, "nvf"}; //= NvLo any log-parameters
  ULONG i;
  ListInit(&adapter->Controllers);
  adapter->Signature = 'tpdA'; //~ Adpt magic
  ExInitializeResourceLite(adapter->Resource);
  WppRecorderLogCreate(&log, &adapter->LogHandle);
  adapter->HostId = NvfAllocate(MemHostId, 16);
  adapter->TraceBytes = 0x10000;
  if (StorPortAllocatePool(adapter, adapter->TraceBytes, 'rTvN', (PVOID *)&adapter->Trace) != 0) return 3; //= NvTr any storport-pool
  StorPortExtendedFunction(13, adapter, 'tiuQ', adapter->Trace); //~ Quit other-code
  for (i = 0; i < ARRAY_COUNT(NvfTransports); i++) if (!NVF_OK(NvfTransports[i]->Start())) DbgPrint("nvf: %s does not start\n", NvfTransports[i]->Name);
  NvfAdapter = adapter;
  *again = FALSE;
  return adapter->HostId ? 1 : 3;
}
static BOOLEAN CALL HwInitialize(PVOID extension) {
  NVF_ADAPTER *adapter = extension;
  return adapter->Signature == 'tpdA';
}
static BOOLEAN CALL HwStartIo(PVOID extension, SRB *srb) {
  NVF_ADAPTER *adapter = extension;
  NVF_CONTROLLER *controller = (NVF_CONTROLLER *)adapter->Controllers.Flink;
  ULONG done = 0;
  if (srb->Function == 2) {
    if (*(ULONG *)srb->Signature == 'BFVN') srb->Status = NVF_OK(ControlDispatch(adapter, srb->Code, srb->Data, srb->Bytes, srb->Bytes, &done)) ? 1 : 6; //~ NVFB magic
  } else if ((LIST_ENTRY *)controller != &adapter->Controllers) {
    NVF_QUEUE *queue = controller->Queues[srb->Cdb[15] & 15];
    if (!queue || queue->Signature != NVF_QUEUE_SIGNATURE) ControllerFail(controller, srb->Bytes);
    else if (srb->Cdb[0] == 0xA0) srb->Status = NVF_OK(TcpReceive(queue, srb->Data, srb->Bytes, srb->Cdb[1])) ? 1 : 4;
    else srb->Status = NVF_OK(NvfCommand(queue, srb->Cdb[0] == 0x2A ? 1 : 2, srb->Cdb[2], srb->Data, srb->Bytes)) ? 1 : 8;
  }
  adapter->Trace[adapter->TraceHead++ % adapter->TraceBytes] = srb->Status;
  StorPortNotification(0, extension, srb);
  return TRUE;
}
static void CALL HwFreeAdapter(PVOID extension) {
  NVF_ADAPTER *adapter = extension;
  LIST_ENTRY *entry;
  ULONG i;
  while ((entry = ListPop(&adapter->Controllers)) != NULL) {
    NVF_CONTROLLER *controller = CONTAINER(entry, NVF_CONTROLLER, Link);
    LIST_ENTRY *item;
    for (i = 0; i < controller->QueueCount; i++) if (controller->Queues[i]) NvfQueueDestroy(controller->Queues[i]);
    while ((item = ListPop(&controller->Namespaces)) != NULL) NvfRelease(CONTAINER(item, NVF_NAMESPACE, Link));
    while ((item = ListPop(&controller->Events)) != NULL) ExFreePool(item);
    NvfRelease(controller->Identify);
    NvfRelease(controller);
  }
  for (i = 0; i < ARRAY_COUNT(NvfTransports); i++) NvfTransports[i]->Stop();
  NvfRelease(adapter->HostId);
  StorPortFreePool(adapter, adapter->Trace);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  HW_INITIALIZATION_DATA data;
  UNICODE_STRING name;
  memset(&data, 0, sizeof(data));
  data.Size = sizeof(data);
  data.Interface = 5;
  data.FindAdapter = HwFindAdapter;
  data.Initialize = HwInitialize;
  data.StartIo = HwStartIo;
  data.FreeAdapter = HwFreeAdapter;
  data.ExtensionBytes = sizeof(NVF_ADAPTER);
  data.SpecificBytes = 'cepS'; //~ Spec magic
  RtlInitUnicodeString(&name, (const WCHAR *)L"NdkProvider");
  RdmaProvider = (RDMA_PROVIDER *)MmGetSystemRoutineAddress(&name);
  return StorPortInitialize(driver, path, &data, NULL);
}
