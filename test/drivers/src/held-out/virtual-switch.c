// An extensible virtual switch as a lightweight filter: flow tables, ports, tunnels, connection tracking, a netlink-like
// channel to user mode. Each module has allocation helpers of its own.
// image: virtual-switch.sys
#include "kernel.h"

typedef UINT UINT32;
typedef ULONGLONG UINT64;

/* ---- Util.h ---- */
#define VSW_MEMORY_TAG        'MwsV'
#define VSW_SWITCH_POOL_TAG   'SwsV'
#define VSW_FLOW_POOL_TAG     'FwsV'
#define VSW_FLOW_MASK_TAG     'KwsV'
#define VSW_FLOW_STATS_TAG    'AwsV'
#define VSW_VPORT_POOL_TAG    'PwsV'
#define VSW_GRE_POOL_TAG      'GwsV'
#define VSW_VXLAN_POOL_TAG    'XwsV'
#define VSW_GENEVE_POOL_TAG   'EwsV'
#define VSW_STT_POOL_TAG      'TwsV'
#define VSW_STT_FRAG_TAG      'RwsV'
#define VSW_NETLINK_POOL_TAG  'NwsV'
#define VSW_CT_POOL_TAG       'CwsV'
#define VSW_CT_RELATED_TAG    'DwsV'
#define VSW_NAT_POOL_TAG      'LwsV'
#define VSW_METER_POOL_TAG    'OwsV'
#define VSW_USER_POOL_TAG     'UwsV'
#define VSW_QUEUE_POOL_TAG    'QwsV'
#define VSW_CTX_MAGIC         0xABCE
#define VSW_SWITCH_MAGIC      'hcwS'
#define VSW_INSTANCE_MAGIC    'tsnI'

#define NormalPoolPriority 16
#define VSW_MAX_CPU 64
#define VSW_HASH_BASIS 0x3E59264Du

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct {
  NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN fAllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize;
} NET_BUFFER_LIST_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG PoolTag, DataSize; } NET_BUFFER_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } NDIS_TIMER_CHARACTERISTICS;
typedef struct NET_BUFFER_LIST { struct NET_BUFFER_LIST *Next; PVOID FirstNetBuffer; PVOID Context; PVOID ParentNetBufferList; HANDLE NdisPoolHandle; ULONG Flags; NTSTATUS Status; PVOID Info[8]; } NET_BUFFER_LIST;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG RequestType, PortNumber, Timeout; PVOID RequestId; HANDLE RequestHandle; ULONG Oid; PVOID Buffer; UINT Length; PVOID SourceReserved[2]; } NDIS_OID_REQUEST;
typedef struct {
  NDIS_OBJECT_HEADER Header; UCHAR MajorNdisVersion, MinorNdisVersion, MajorDriverVersion, MinorDriverVersion; ULONG Flags;
  UNICODE_STRING FriendlyName, UniqueName, ServiceName;
  PVOID SetOptions, SetFilterModuleOptions, Attach, Detach, Restart, Pause, SendNetBufferLists, SendComplete, CancelSend, Receive, Return, OidRequest, OidRequestComplete, CancelOid, DevicePnp, NetPnp, StatusHandler;
} NDIS_FILTER_DRIVER_CHARACTERISTICS;
typedef struct { GUID CalloutKey; ULONG Flags; PVOID ClassifyFn, NotifyFn, FlowDeleteFn; } FWPS_CALLOUT1;

static HANDLE gFilterDriverHandle;
static DRIVER_OBJECT *gDriverObject;
static ULONG gProcessorCount = 4;

#define InitializeListHead(h) ((h)->Flink = (h)->Blink = (h))
ALWAYS_INLINE void InsertTailList(LIST_ENTRY *head, LIST_ENTRY *e) { e->Flink = head; e->Blink = head->Blink; head->Blink->Flink = e; head->Blink = e; }
ALWAYS_INLINE void RemoveEntryList(LIST_ENTRY *e) { e->Blink->Flink = e->Flink; e->Flink->Blink = e->Blink; }
#define CONTAINING_RECORD(a, t, f) ((t *)((PCHAR)(a) - __builtin_offsetof(t, f)))
#define LIST_FORALL(head, e) for ((e) = (head)->Flink; (e) != (head); (e) = (e)->Flink)

/* ---- Util.c ---- */
PVOID VswAllocateMemoryWithTag(SIZE_T size, ULONG tag) {
  return NdisAllocateMemoryWithTagPriority(gFilterDriverHandle, (UINT)size, tag, NormalPoolPriority);
}

void VswFreeMemoryWithTag(PVOID p, ULONG tag) { NdisFreeMemoryWithTagPriority(gFilterDriverHandle, p, tag); }

PVOID VswAllocateMemory(SIZE_T size) { return VswAllocateMemoryWithTag(size, VSW_MEMORY_TAG); } //= VswM any wrapper-fixed
void VswFreeMemory(PVOID p) { VswFreeMemoryWithTag(p, VSW_MEMORY_TAG); }

PVOID VswAllocateMemoryPerCpu(SIZE_T size, SIZE_T count, ULONG tag) {
  PUCHAR p = VswAllocateMemoryWithTag(size * count, tag);
  if (p != NULL) memset(p, 0, size * count);
  return p;
}

/* The head of memory that starts on a cache line: what came from the pool and with which tag. */
typedef struct { PVOID Base; ULONG Tag; } VSW_ALIGNED_HEAD;

PVOID VswAllocateAlignedMemory(SIZE_T size, USHORT align, ULONG tag) {
  SIZE_T total = size + align + sizeof(VSW_ALIGNED_HEAD);
  PCHAR base = VswAllocateMemoryWithTag(total, tag);
  VSW_ALIGNED_HEAD *head;
  if (base == NULL) return NULL;
  head = (VSW_ALIGNED_HEAD *)(((ULONG_PTR)base + sizeof(*head) + align - 1) & ~(ULONG_PTR)(align - 1));
  head[-1].Base = base;
  head[-1].Tag = tag;
  return head;
}

void VswFreeAlignedMemory(PVOID p) {
  VSW_ALIGNED_HEAD *head = (VSW_ALIGNED_HEAD *)p - 1;
  VswFreeMemoryWithTag(head->Base, head->Tag);
}

LIST_ENTRY *VswAllocateHashArray(ULONG buckets, ULONG tag) {
  LIST_ENTRY *array = VswAllocateMemoryWithTag(buckets * sizeof(LIST_ENTRY), tag);
  ULONG i;
  if (array != NULL) for (i = 0; i < buckets; i++) InitializeListHead(&array[i]);
  return array;
}

static UINT32 VswHashAdd(UINT32 hash, UINT32 data) {
  data *= 0xCC9E2D51u;
  data = (data << 15) | (data >> 17);
  hash ^= data * 0x1B873593u;
  hash = (hash << 13) | (hash >> 19);
  return hash * 5 + 0x64726148u; //~ Hard magic
}
UINT32 VswHashBytes(const void *bytes, SIZE_T size, UINT32 basis) {
  const UINT32 *word = bytes;
  UINT32 hash = basis ^ 0x31415926u; //~ &YA1 magic
  while (size >= 4) { hash = VswHashAdd(hash, *word++); size -= 4; }
  return hash ^ (hash >> 16);
}

/* ---- BufferMgmt.c ---- */
typedef struct {
  USHORT Magic; USHORT Flags; ULONG OriginalLength; ULONG RefCount; ULONG DataOffset; PVOID Owner;
} VSW_BUFFER_CONTEXT;
typedef struct {
  HANDLE FixSizePool, ZeroSizePool, NbPool, ClonePool; LOOKASIDE ContextCache; ULONG_PTR Lock; ULONG FixCount, ZeroCount, CloneCount;
} VSW_NBL_POOL;
typedef struct VSW_SWITCH_CONTEXT VSW_SWITCH_CONTEXT;

static void VswFillNblPoolParameters(NET_BUFFER_LIST_POOL_PARAMETERS *p, USHORT contextSize, ULONG dataSize, ULONG tag) {
  memset(p, 0, sizeof(*p));
  p->Header.Type = 0x80;
  p->Header.Revision = 1;
  p->Header.Size = sizeof(*p);
  p->ContextSize = contextSize;
  p->fAllocateNetBuffer = TRUE;
  p->DataSize = dataSize + 32;
  p->PoolTag = tag;
}

NOINLINE NTSTATUS VswInitBufferPool(VSW_NBL_POOL *pool) {
  NET_BUFFER_LIST_POOL_PARAMETERS nbl;
  NET_BUFFER_POOL_PARAMETERS nb;
  VswFillNblPoolParameters(&nbl, sizeof(VSW_BUFFER_CONTEXT) + 64, 256, '1wsV'); //= Vsw1 structure-field ndis-wrapper
  pool->FixSizePool = NdisAllocateNetBufferListPool(gFilterDriverHandle, &nbl);
  if (pool->FixSizePool == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  VswFillNblPoolParameters(&nbl, sizeof(VSW_BUFFER_CONTEXT) + 64, 0, '2wsV'); //= Vsw2 structure-field ndis-wrapper
  pool->ZeroSizePool = NdisAllocateNetBufferListPool(gFilterDriverHandle, &nbl);
  nbl.PoolTag = '3wsV'; //= Vsw3 structure-field ndis-parameters
  nbl.fAllocateNetBuffer = FALSE;
  nbl.ContextSize = 0;
  pool->ClonePool = NdisAllocateNetBufferListPool(gFilterDriverHandle, &nbl);
  memset(&nb, 0, sizeof(nb));
  nb.Header.Type = 0x80;
  nb.Header.Revision = 1;
  nb.Header.Size = sizeof(nb);
  nb.PoolTag = '4wsV'; //= Vsw4 structure-field ndis-parameters
  nb.DataSize = 256;
  pool->NbPool = NdisAllocateNetBufferPool(gFilterDriverHandle, &nb);
  ExInitializeNPagedLookasideList(&pool->ContextCache, NULL, NULL, 0, sizeof(VSW_BUFFER_CONTEXT), '5wsV', 0); //= Vsw5 lookaside-init lookaside
  KeInitializeSpinLock(&pool->Lock);
  return STATUS_SUCCESS;
}

void VswCleanupBufferPool(VSW_NBL_POOL *pool) {
  if (pool->FixSizePool) NdisFreeNetBufferListPool(pool->FixSizePool);
  if (pool->ZeroSizePool) NdisFreeNetBufferListPool(pool->ZeroSizePool);
  if (pool->ClonePool) NdisFreeNetBufferListPool(pool->ClonePool);
  ExDeleteNPagedLookasideList(&pool->ContextCache);
}

NOINLINE NTSTATUS VswAddBufferContext(NET_BUFFER_LIST *nbl, ULONG length) {
  VSW_BUFFER_CONTEXT *ctx;
  NTSTATUS status = NdisAllocateNetBufferListContext(nbl, sizeof(*ctx), 0, '6wsV'); //= Vsw6 allocation-call direct
  if (status != 0) return status;
  ctx = nbl->Context;
  ctx->Magic = VSW_CTX_MAGIC;
  ctx->OriginalLength = length;
  ctx->RefCount = 1;
  return 0;
}

/* ---- Flow.c ---- */
typedef struct { UINT32 InPort, Priority, Recirc; UCHAR Mac[12]; USHORT EtherType; UCHAR Proto, Tos; UINT32 Src, Dst; USHORT SrcPort, DstPort; UINT64 TunnelId; } VSW_FLOW_KEY;
typedef struct { LIST_ENTRY Link; VSW_FLOW_KEY Mask; ULONG RefCount; } VSW_FLOW_MASK;
typedef struct { UINT64 Packets, Bytes, Used; ULONG TcpFlags; } VSW_FLOW_STATS;
typedef struct {
  LIST_ENTRY Link; VSW_FLOW_KEY Key; UINT32 Hash; VSW_FLOW_MASK *Mask; VSW_FLOW_STATS *Stats; ULONG ActionsLength; PUCHAR Actions;
} VSW_FLOW;
typedef struct { LIST_ENTRY *Buckets; ULONG BucketCount, FlowCount; LIST_ENTRY Masks; PVOID Lock; } VSW_DATAPATH;

static VSW_FLOW_MASK *VswFindOrAddMask(VSW_DATAPATH *dp, const VSW_FLOW_KEY *mask) {
  LIST_ENTRY *e;
  VSW_FLOW_MASK *entry;
  LIST_FORALL(&dp->Masks, e) {
    entry = CONTAINING_RECORD(e, VSW_FLOW_MASK, Link);
    if (memcmp(&entry->Mask, mask, sizeof(*mask)) == 0) { entry->RefCount++; return entry; }
  }
  entry = VswAllocateMemoryWithTag(sizeof(*entry), VSW_FLOW_MASK_TAG); //= VswK any wrapper
  if (entry == NULL) return NULL;
  entry->Mask = *mask;
  entry->RefCount = 1;
  InsertTailList(&dp->Masks, &entry->Link);
  return entry;
}

static void VswFreeFlow(VSW_FLOW *flow) {
  if (flow->Mask != NULL && --flow->Mask->RefCount == 0) {
    RemoveEntryList(&flow->Mask->Link);
    VswFreeMemoryWithTag(flow->Mask, VSW_FLOW_MASK_TAG);
  }
  if (flow->Stats != NULL) VswFreeMemoryWithTag(flow->Stats, VSW_FLOW_STATS_TAG);
  if (flow->Actions != NULL) VswFreeMemoryWithTag(flow->Actions, VSW_FLOW_POOL_TAG);
  VswFreeMemoryWithTag(flow, VSW_FLOW_POOL_TAG);
}

NOINLINE NTSTATUS VswPutFlow(VSW_DATAPATH *dp, const VSW_FLOW_KEY *key, const VSW_FLOW_KEY *mask, const void *actions, ULONG length) {
  VSW_FLOW *flow = VswAllocateMemoryWithTag(sizeof(*flow), VSW_FLOW_POOL_TAG); //= VswF any wrapper
  if (flow == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memset(flow, 0, sizeof(*flow));
  flow->Key = *key;
  flow->Hash = VswHashBytes(key, sizeof(*key), VSW_HASH_BASIS);
  flow->Mask = VswFindOrAddMask(dp, mask);
  flow->Stats = VswAllocateMemoryPerCpu(sizeof(VSW_FLOW_STATS), gProcessorCount, VSW_FLOW_STATS_TAG); //= VswA any wrapper-two
  flow->Actions = VswAllocateMemoryWithTag(length, VSW_FLOW_POOL_TAG);
  if (flow->Mask == NULL || flow->Stats == NULL || flow->Actions == NULL) { VswFreeFlow(flow); return STATUS_INSUFFICIENT_RESOURCES; }
  memcpy(flow->Actions, actions, length);
  flow->ActionsLength = length;
  InsertTailList(&dp->Buckets[flow->Hash & (dp->BucketCount - 1)], &flow->Link);
  dp->FlowCount++;
  return STATUS_SUCCESS;
}

NOINLINE NTSTATUS VswAllocateFlowTable(VSW_DATAPATH *dp, ULONG buckets) {
  dp->Buckets = VswAllocateHashArray(buckets, 'BwsV'); //= VswB any wrapper-two
  dp->BucketCount = buckets;
  InitializeListHead(&dp->Masks);
  if (dp->Buckets == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  dp->Lock = VswAllocateAlignedMemory(128, 64, 'JwsV'); //= VswJ any wrapper-two
  return dp->Lock != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE void VswFreeFlowTable(VSW_DATAPATH *dp) {
  ULONG i;
  for (i = 0; i < dp->BucketCount; i++) {
    while (dp->Buckets[i].Flink != &dp->Buckets[i]) {
      LIST_ENTRY *e = dp->Buckets[i].Flink;
      RemoveEntryList(e);
      VswFreeFlow(CONTAINING_RECORD(e, VSW_FLOW, Link));
    }
  }
  VswFreeMemoryWithTag(dp->Buckets, 'BwsV');
  VswFreeAlignedMemory(dp->Lock);
}

/* ---- Vport.c: port types with their private parts ---- */
typedef struct VSW_VPORT VSW_VPORT;
typedef struct {
  const CHAR *Name; ULONG Type; ULONG PrivSize; ULONG PoolTag; USHORT DefaultPort;
  NTSTATUS (*Init)(VSW_VPORT *port); void (*Cleanup)(VSW_VPORT *port);
} VSW_VPORT_OPS;
struct VSW_VPORT {
  LIST_ENTRY Link; const VSW_VPORT_OPS *Ops; ULONG PortNo; USHORT DstPort; PVOID Priv; PVOID FilterHandle; UINT64 Statistics[8]; CHAR Name[32];
};
typedef struct { UINT64 FilterId; USHORT UdpPort; UINT64 InPackets, OutPackets; } VSW_VXLAN;
typedef struct { UINT32 Version; UINT64 InPackets; } VSW_GRE;
typedef struct { USHORT UdpPort; UCHAR OptionLength; UINT32 OptionClass; } VSW_GENEVE;
typedef struct { USHORT TcpPort; UINT64 AckNumber; LIST_ENTRY *Reassembly; } VSW_STT;

static NTSTATUS VswInitVxlan(VSW_VPORT *port) {
  VSW_VXLAN *v = port->Priv;
  v->UdpPort = port->DstPort ? port->DstPort : 4789;
  return STATUS_SUCCESS;
}
static NTSTATUS VswInitGeneve(VSW_VPORT *port) {
  VSW_GENEVE *g = port->Priv;
  g->UdpPort = port->DstPort;
  g->OptionClass = 0x6E764747; //~ GGvn magic
  return STATUS_SUCCESS;
}
static NTSTATUS VswInitGre(VSW_VPORT *port) { ((VSW_GRE *)port->Priv)->Version = 0; return STATUS_SUCCESS; }
static NTSTATUS VswInitStt(VSW_VPORT *port) {
  VSW_STT *s = port->Priv;
  s->TcpPort = port->DstPort;
  s->Reassembly = VswAllocateHashArray(1024, VSW_STT_FRAG_TAG); //= VswR any wrapper-two
  return s->Reassembly ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void VswCleanupStt(VSW_VPORT *port) { VswFreeMemoryWithTag(((VSW_STT *)port->Priv)->Reassembly, VSW_STT_FRAG_TAG); }
static void VswCleanupNothing(VSW_VPORT *port) { port->DstPort = 0; }

static const VSW_VPORT_OPS vportOps[] = {
  {"vxlan", 4, sizeof(VSW_VXLAN), VSW_VXLAN_POOL_TAG, 4789, VswInitVxlan, VswCleanupNothing}, //= VswX any tag-table
  {"gre", 3, sizeof(VSW_GRE), VSW_GRE_POOL_TAG, 0, VswInitGre, VswCleanupNothing}, //= VswG any tag-table
  {"geneve", 5, sizeof(VSW_GENEVE), VSW_GENEVE_POOL_TAG, 6081, VswInitGeneve, VswCleanupNothing}, //= VswE any tag-table
  {"stt", 6, sizeof(VSW_STT), VSW_STT_POOL_TAG, 7471, VswInitStt, VswCleanupStt}, //= VswT any tag-table
};

static const VSW_VPORT_OPS *VswFindOps(ULONG type) {
  ULONG i;
  for (i = 0; i < sizeof(vportOps) / sizeof(vportOps[0]); i++) if (vportOps[i].Type == type) return &vportOps[i];
  return NULL;
}

NOINLINE NTSTATUS VswCreateVport(LIST_ENTRY *ports, ULONG type, ULONG number, VSW_VPORT **out) {
  const VSW_VPORT_OPS *ops = VswFindOps(type);
  VSW_VPORT *port;
  NTSTATUS status;
  if (ops == NULL) return STATUS_NOT_SUPPORTED;
  port = VswAllocateMemoryWithTag(sizeof(*port), VSW_VPORT_POOL_TAG); //= VswP any wrapper
  if (port == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memset(port, 0, sizeof(*port));
  port->Ops = ops;
  port->PortNo = number;
  port->DstPort = ops->DefaultPort;
  port->Priv = VswAllocateMemoryWithTag(ops->PrivSize, ops->PoolTag);
  if (port->Priv == NULL) { VswFreeMemoryWithTag(port, VSW_VPORT_POOL_TAG); return STATUS_INSUFFICIENT_RESOURCES; }
  status = ops->Init(port);
  if (status < 0) {
    VswFreeMemoryWithTag(port->Priv, ops->PoolTag);
    VswFreeMemoryWithTag(port, VSW_VPORT_POOL_TAG);
    return status;
  }
  InsertTailList(ports, &port->Link);
  *out = port;
  return STATUS_SUCCESS;
}

NOINLINE void VswRemoveVport(VSW_VPORT *port) {
  RemoveEntryList(&port->Link);
  port->Ops->Cleanup(port);
  VswFreeMemoryWithTag(port->Priv, port->Ops->PoolTag);
  VswFreeMemoryWithTag(port, VSW_VPORT_POOL_TAG);
}

/* ---- Netlink.c: messages to and from user mode ---- */
typedef struct VSW_USER_PARAMS VSW_USER_PARAMS;
typedef struct { ULONG Length; USHORT Type, Flags; ULONG Sequence, Pid; } NL_MSG_HDR;
typedef struct { PCHAR Head; ULONG Used, Size, Reserved; } NL_BUFFER;
typedef struct { USHORT Cmd; USHORT Flags; ULONG ReplyTag; ULONG ReplySize; NTSTATUS (*Handler)(VSW_USER_PARAMS *params); } NETLINK_CMD;
typedef struct { USHORT Family; ULONG Signature; const NETLINK_CMD *Cmds; ULONG Count; } NETLINK_FAMILY;
typedef struct VSW_OPEN_INSTANCE {
  ULONG Magic; ULONG Pid; PVOID FileObject; LIST_ENTRY PacketQueue; NL_BUFFER DumpState; PVOID ProtocolFilter; ULONG_PTR Lock; REMOVE_LOCK Rundown;
} VSW_OPEN_INSTANCE;
struct VSW_USER_PARAMS { VSW_OPEN_INSTANCE *Instance; NL_MSG_HDR *Input; ULONG InputLength; PVOID Output; ULONG OutputLength; ULONG ReplyLength; VSW_SWITCH_CONTEXT *Switch; };

static BOOLEAN NlBufInit(NL_BUFFER *b, ULONG size, ULONG tag) {
  b->Head = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  b->Size = b->Head ? size : 0;
  b->Used = 0;
  return b->Head != NULL;
}
static BOOLEAN NlBufCopyAtTail(NL_BUFFER *b, const void *data, ULONG size) {
  if (b->Used + size > b->Size) return FALSE;
  memcpy(b->Head + b->Used, data, size);
  b->Used += size;
  return TRUE;
}
static BOOLEAN NlFillHeader(NL_BUFFER *b, USHORT type, ULONG sequence, ULONG pid) {
  NL_MSG_HDR h = {sizeof(h), type, 2, sequence, pid};
  return NlBufCopyAtTail(b, &h, sizeof(h));
}

typedef struct { LIST_ENTRY Link; ULONG Cmd; ULONG PacketLength; ULONG Queue; UINT64 Arrival; UCHAR Data[4]; } VSW_PACKET_QUEUE_ELEM;
typedef struct { ULONG Kind; ULONG Size; ULONG Magic; VSW_FLOW_KEY Key; } VSW_UPCALL_HEAD;

NOINLINE VSW_PACKET_QUEUE_ELEM *VswCreateQueueElement(const VSW_FLOW_KEY *key, const void *packet, ULONG length, ULONG cmd) {
  VSW_UPCALL_HEAD head;
  VSW_PACKET_QUEUE_ELEM *elem = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*elem) + sizeof(head) + length, VSW_QUEUE_POOL_TAG); //= VswQ allocation-call direct
  if (elem == NULL) return NULL;
  head.Kind = cmd;
  head.Size = length;
  head.Magic = 'lcpU'; //~ Upcl magic
  head.Key = *key;
  elem->PacketLength = length;
  memcpy(elem->Data, &head, sizeof(head));
  memcpy(elem->Data + sizeof(head), packet, length);
  return elem;
}

static NTSTATUS VswFlowNlCmdHandler(VSW_USER_PARAMS *p);
static NTSTATUS VswVportNlCmdHandler(VSW_USER_PARAMS *p);
static NTSTATUS VswMeterNlCmdHandler(VSW_USER_PARAMS *p);
static NTSTATUS VswCtNlCmdHandler(VSW_USER_PARAMS *p);

static const NETLINK_CMD flowCmds[] = {
  {1, 3, '1fsV', 512, VswFlowNlCmdHandler}, //= Vsf1 any tag-table
  {2, 1, '2fsV', 64, VswFlowNlCmdHandler}, //= Vsf2 any tag-table
};
static const NETLINK_CMD portCmds[] = {
  {1, 3, '1psV', 256, VswVportNlCmdHandler}, //= Vsp1 any tag-table
  {2, 3, '2psV', 128, VswMeterNlCmdHandler}, //= Vsp2 any tag-table
  {3, 2, '3psV', 1024, VswCtNlCmdHandler}, //= Vsp3 any tag-table
};
static const NETLINK_FAMILY families[] = {{0x17, 'wolf', flowCmds, 2}, {0x18, 'trop', portCmds, 3}}; //~ flow magic //~ port magic

static const NETLINK_CMD *VswFindCommand(ULONG signature, USHORT family, USHORT cmd) {
  ULONG i, j;
  for (i = 0; i < 2; i++) {
    if (families[i].Family != family || families[i].Signature != signature) continue;
    for (j = 0; j < families[i].Count; j++) if (families[i].Cmds[j].Cmd == cmd) return &families[i].Cmds[j];
  }
  return NULL;
}

/* ---- Conntrack.c ---- */
typedef struct { UINT32 Src, Dst; USHORT SrcPort, DstPort; UCHAR Proto; USHORT Zone; } VSW_CT_KEY;
typedef struct VSW_CT_ENTRY { LIST_ENTRY Link; VSW_CT_KEY Key; UINT32 Mark, State; UINT64 Expiration; PVOID NatInfo; PCHAR Helper; ULONG Signature; } VSW_CT_ENTRY;
typedef struct { VSW_CT_ENTRY Entry; UINT32 SeqLow[2], SeqHigh[2]; UCHAR State[2]; } VSW_CT_TCP;
typedef struct { VSW_CT_ENTRY Entry; UCHAR Type; } VSW_CT_ICMP;
typedef struct { LIST_ENTRY Link; VSW_CT_KEY Key, Master; } VSW_CT_RELATED;
typedef struct { VSW_CT_ENTRY *(*New)(const UCHAR *header, UINT64 now); ULONG (*Update)(VSW_CT_ENTRY *e, const UCHAR *header); } VSW_CT_PROTOCOL;
typedef struct { LIST_ENTRY Free; ULONG Count; PVOID Spare; } VSW_CT_CPU_LIST;

static LIST_ENTRY *ctTable, *ctRelated, *natTable;
static VSW_CT_CPU_LIST *ctCpu;
static LOOKASIDE ctOtherCache;
static HANDLE ctThread;

static VSW_CT_ENTRY *VswCtCreateTcp(const UCHAR *header, UINT64 now) {
  VSW_CT_TCP *e = VswAllocateMemoryWithTag(sizeof(*e), '1csV'); //= Vsc1 any callback
  if (e == NULL) return NULL;
  memset(e, 0, sizeof(*e));
  e->SeqLow[0] = *(const UINT32 *)(header + 4);
  e->State[0] = (header[13] & 2) ? 1 : 4;
  e->Entry.Expiration = now + 300000000;
  return &e->Entry;
}
static VSW_CT_ENTRY *VswCtCreateIcmp(const UCHAR *header, UINT64 now) {
  VSW_CT_ICMP *e = VswAllocateMemoryWithTag(sizeof(*e), '2csV'); //= Vsc2 any callback
  if (e == NULL) return NULL;
  e->Type = header[0];
  e->Entry.Expiration = now + 30000000;
  return &e->Entry;
}
static VSW_CT_ENTRY *VswCtCreateOther(const UCHAR *header, UINT64 now) {
  VSW_CT_ENTRY *e = ExpInterlockedPopEntrySList(&ctOtherCache);
  if (e == NULL) e = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*e), '3csV'); //= Vsc3 allocation-call callback
  if (e != NULL) e->Expiration = now + 60000000 + header[0];
  return e;
}
static ULONG VswCtUpdate(VSW_CT_ENTRY *e, const UCHAR *header) { e->State = header[13]; return e->State & 5; }
static const VSW_CT_PROTOCOL ctProtocols[3] = {{VswCtCreateTcp, VswCtUpdate}, {VswCtCreateIcmp, VswCtUpdate}, {VswCtCreateOther, VswCtUpdate}};

/* The control connections of FTP open others: the commands that name their ports. */
static BOOLEAN VswCtFtpCommand(const UCHAR *payload, ULONG length) {
  ULONG word;
  if (length < 8) return FALSE;
  memcpy(&word, payload, 4);
  switch (word) {
    case 0x54524F50: return payload[4] == ' '; //~ PORT magic
    case 0x56534150: return TRUE; //~ PASV magic
    case 0x54525045: return payload[5] == '|'; //~ EPRT magic
    case 0x56535045: return TRUE; //~ EPSV magic
    case 0x20373232: return payload[4] == 'E'; //~ "227 " magic
  }
  return FALSE;
}

NOINLINE NTSTATUS VswCtHandleFtp(VSW_CT_ENTRY *master, const UCHAR *payload, ULONG length) {
  VSW_CT_RELATED *related;
  if (!VswCtFtpCommand(payload, length)) return STATUS_SUCCESS;
  related = VswAllocateMemoryWithTag(sizeof(*related), VSW_CT_RELATED_TAG); //= VswD any wrapper
  if (related == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  related->Master = master->Key;
  InsertTailList(&ctRelated[master->Key.SrcPort & 63], &related->Link);
  master->Helper = VswAllocateMemoryWithTag(16, VSW_CT_POOL_TAG); //= VswC any wrapper
  if (master->Helper != NULL) memcpy(master->Helper, "ftp helper", 11);
  return STATUS_SUCCESS;
}

NOINLINE NTSTATUS VswCtLookupOrCreate(const VSW_CT_KEY *key, const UCHAR *header, UINT64 now, VSW_CT_ENTRY **out) {
  LIST_ENTRY *bucket = &ctTable[VswHashBytes(key, sizeof(*key), 0) & 1023], *e;
  ULONG index = key->Proto == 6 ? 0 : key->Proto == 1 ? 1 : 2;
  LIST_FORALL(bucket, e) {
    VSW_CT_ENTRY *entry = CONTAINING_RECORD(e, VSW_CT_ENTRY, Link);
    if (memcmp(&entry->Key, key, sizeof(*key)) != 0) continue;
    if (entry->Signature != 'tnEC') KeBugCheckEx(0xDEAD0C17, (ULONG_PTR)entry, 'tnEC', 0, 0); //~ CEnt magic
    ctProtocols[index].Update(entry, header);
    *out = entry;
    return STATUS_SUCCESS;
  }
  *out = ctProtocols[index].New(header, now);
  if (*out == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  (*out)->Key = *key;
  (*out)->Signature = 'tnEC';
  InsertTailList(bucket, &(*out)->Link);
  return STATUS_SUCCESS;
}

static void CALL VswCtEntryCleaner(PVOID context) {
  LIST_ENTRY *e;
  ULONG i;
  for (i = 0; i < 1024; i++) {
    while ((e = ctTable[i].Flink) != &ctTable[i]) {
      VSW_CT_ENTRY *entry = CONTAINING_RECORD(e, VSW_CT_ENTRY, Link);
      RemoveEntryList(e);
      if (entry->NatInfo) VswFreeMemoryWithTag(entry->NatInfo, VSW_NAT_POOL_TAG);
      if (entry->Helper) VswFreeMemoryWithTag(entry->Helper, VSW_CT_POOL_TAG);
      VswFreeMemoryWithTag(entry, entry->Key.Proto == 6 ? '1csV' : '2csV');
    }
  }
}

static ULONG_PTR natKeys[2] = {(ULONG_PTR)'yeKN', 1}; //~ NKey magic
NOINLINE NTSTATUS VswNatTranslate(VSW_CT_ENTRY *entry, UINT32 address) {
  struct { LIST_ENTRY Link; VSW_CT_KEY Key; UINT32 Address; ULONG_PTR Cookie; } *nat = VswAllocateMemoryWithTag(sizeof(*nat), VSW_NAT_POOL_TAG); //= VswL any wrapper
  if (nat == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  nat->Key = entry->Key;
  nat->Address = address;
  nat->Cookie = natKeys[address & 1];
  InsertTailList(&natTable[address & 255], &nat->Link);
  entry->NatInfo = nat;
  return STATUS_SUCCESS;
}

NOINLINE NTSTATUS VswInitConntrack(void) {
  ULONG i;
  ctTable = VswAllocateHashArray(1024, '4csV'); //= Vsc4 any wrapper-two
  ctRelated = VswAllocateHashArray(64, '5csV'); //= Vsc5 any wrapper-two
  natTable = VswAllocateHashArray(256, '6csV'); //= Vsc6 any wrapper-two
  ctCpu = VswAllocateMemoryPerCpu(sizeof(*ctCpu), gProcessorCount, '7csV'); //= Vsc7 any wrapper-two
  if (!ctTable || !ctRelated || !natTable || !ctCpu) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < gProcessorCount; i++) {
    InitializeListHead(&ctCpu[i].Free);
    ctCpu[i].Spare = ExAllocatePoolWithTag(NonPagedPoolNx, 4096, '8csV'); //= Vsc8 allocation-call direct
  }
  ExInitializeLookasideListEx(&ctOtherCache, NULL, NULL, NonPagedPoolNx, 0, sizeof(VSW_CT_ENTRY), '9csV', 0); //= Vsc9 lookaside-init lookaside
  return PsCreateSystemThread(&ctThread, 0x1F03FF, NULL, NULL, NULL, (PVOID)VswCtEntryCleaner, NULL);
}

/* ---- Meter.c ---- */
static NTSTATUS VswMeterNlCmdHandler(VSW_USER_PARAMS *p) {
  struct { ULONG Id, Rate, Burst, Bands[8]; } *meter = VswAllocateMemoryWithTag(sizeof(*meter), VSW_METER_POOL_TAG); //= VswO any callback
  if (meter == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(meter, p->Input, p->InputLength < sizeof(*meter) ? p->InputLength : sizeof(*meter));
  p->ReplyLength = meter->Id;
  VswFreeMemoryWithTag(meter, VSW_METER_POOL_TAG);
  return STATUS_SUCCESS;
}

/* ---- Switch.c ---- */
struct VSW_SWITCH_CONTEXT {
  ULONG Magic; HANDLE FilterHandle; VSW_DATAPATH Datapath; LIST_ENTRY Ports; VSW_NBL_POOL Buffers; HANDLE Timer; REMOVE_LOCK RemoveLock; ULONG PendingOids; UINT32 NextPort; HANDLE Injection; ULONG CalloutIds[2];
};
static VSW_SWITCH_CONTEXT *gSwitch;

static NTSTATUS VswFlowNlCmdHandler(VSW_USER_PARAMS *p) {
  VSW_FLOW_KEY *key = (VSW_FLOW_KEY *)(p->Input + 1);
  if (p->InputLength < sizeof(NL_MSG_HDR) + 2 * sizeof(*key)) return STATUS_INVALID_PARAMETER;
  return VswPutFlow(&p->Switch->Datapath, key, key + 1, key + 2, p->InputLength - sizeof(NL_MSG_HDR) - 2 * sizeof(*key));
}
static NTSTATUS VswVportNlCmdHandler(VSW_USER_PARAMS *p) {
  VSW_VPORT *port;
  NTSTATUS status = VswCreateVport(&p->Switch->Ports, p->Input->Flags, p->Switch->NextPort++, &port);
  if (status >= 0 && p->Input->Pid != p->Instance->Pid) VswRemoveVport(port);
  return status;
}
static NTSTATUS VswCtNlCmdHandler(VSW_USER_PARAMS *p) {
  VSW_CT_ENTRY *entry;
  NTSTATUS status = VswCtLookupOrCreate((VSW_CT_KEY *)(p->Input + 1), (UCHAR *)p->Output, p->Input->Sequence, &entry);
  if (status >= 0) status = VswCtHandleFtp(entry, p->Output, p->OutputLength);
  return status < 0 ? status : VswNatTranslate(entry, p->Input->Pid);
}

static NTSTATUS CALL VswFilterAttach(HANDLE filter, HANDLE context, PVOID parameters) {
  NDIS_TIMER_CHARACTERISTICS timer = {{0x97, 1, sizeof(timer)}, 'miTV', (PVOID)VswCtEntryCleaner, NULL}; //= VTim structure-field ndis-parameters
  struct { NDIS_OBJECT_HEADER Header; ULONG Flags; } attributes = {{0x80, 1, sizeof(attributes)}, 0};
  VSW_SWITCH_CONTEXT *sw;
  NTSTATUS status;
  (void)context; (void)parameters;
  sw = VswAllocateMemoryWithTag(sizeof(*sw), VSW_SWITCH_POOL_TAG); //= VswS any wrapper
  if (sw == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memset(sw, 0, sizeof(*sw));
  sw->Magic = VSW_SWITCH_MAGIC; //~ Swch magic
  sw->FilterHandle = filter;
  InitializeListHead(&sw->Ports);
  IoInitializeRemoveLockEx(&sw->RemoveLock, 'kLsV', 1, 0, sizeof(sw->RemoveLock)); //~ VsLk remove-lock
  timer.FunctionContext = sw;
  status = VswAllocateFlowTable(&sw->Datapath, 2048);
  if (status >= 0) status = VswInitBufferPool(&sw->Buffers);
  if (status >= 0) status = NdisAllocateTimerObject(filter, &timer, &sw->Timer);
  if (status >= 0) status = NdisFSetAttributes(filter, sw, &attributes);
  if (status < 0) {
    DbgPrint("VSWITCH: attach failed, VsEr %x\n", status); //~ VsEr text
    VswFreeMemoryWithTag(sw, VSW_SWITCH_POOL_TAG);
    return status;
  }
  gSwitch = sw;
  return STATUS_SUCCESS;
}

static void CALL VswFilterDetach(VSW_SWITCH_CONTEXT *sw) {
  if (sw->Magic != VSW_SWITCH_MAGIC) return;
  while (sw->Ports.Flink != &sw->Ports) VswRemoveVport(CONTAINING_RECORD(sw->Ports.Flink, VSW_VPORT, Link));
  VswFreeFlowTable(&sw->Datapath);
  VswCleanupBufferPool(&sw->Buffers);
  VswFreeMemoryWithTag(sw, VSW_SWITCH_POOL_TAG);
  gSwitch = NULL;
}

static NTSTATUS CALL VswFilterOidRequest(VSW_SWITCH_CONTEXT *sw, NDIS_OID_REQUEST *request) {
  PVOID clone;
  NTSTATUS status;
  if (request->Oid == 0x4E535756) return STATUS_NOT_SUPPORTED; //~ VWSN magic
  status = NdisAllocateCloneOidRequest(sw->FilterHandle, request, 'dOsV', &clone); //= VsOd allocation-call direct
  if (status == 0) __atomic_add_fetch(&sw->PendingOids, 1, __ATOMIC_SEQ_CST);
  return status;
}

/* ---- Actions.c: deferred and tunnelled packets ---- */
typedef struct { VSW_FLOW_KEY Key; PVOID Actions; NET_BUFFER_LIST *Nbl; } VSW_DEFERRED;
typedef struct { ULONG Head, Tail; VSW_DEFERRED Queue[16]; } VSW_DEFERRED_QUEUE;
static VSW_DEFERRED_QUEUE *deferred;

NOINLINE static BOOLEAN VswExecuteActions(VSW_SWITCH_CONTEXT *sw, NET_BUFFER_LIST *nbl, VSW_FLOW *flow, ULONG cpu) {
  const ULONG *action = (const ULONG *)flow->Actions, *end = action + flow->ActionsLength / 4;
  for (; action < end; action += 2) {
    switch (action[0]) {
      case 1: { /* output: the clone has a context of its own */
        NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(nbl, sw->Buffers.ClonePool, NULL, 0);
        if (clone == NULL || VswAddBufferContext(clone, action[1]) != 0) return FALSE;
        NdisFSendNetBufferLists(sw->FilterHandle, clone, action[1], 0);
        break;
      }
      case 2: { /* user space */
        VSW_PACKET_QUEUE_ELEM *elem = VswCreateQueueElement(&flow->Key, nbl->Info, sizeof(nbl->Info), action[1]);
        if (elem != NULL) InsertTailList(&sw->Ports, &elem->Link);
        break;
      }
      case 3: { /* recirculate */
        VSW_DEFERRED_QUEUE *queue = &deferred[cpu];
        VSW_DEFERRED *d = &queue->Queue[queue->Head++ & 15];
        d->Key = flow->Key;
        d->Nbl = nbl;
        d->Actions = VswAllocateMemory(action[1]);
        break;
      }
      case 0x706F7264: return FALSE; //~ drop magic
    }
  }
  return TRUE;
}

static void CALL VswFilterSend(VSW_SWITCH_CONTEXT *sw, NET_BUFFER_LIST *nbl, ULONG port, ULONG flags) {
  ULONG storage[16];
  const UCHAR *frame = NdisGetDataBuffer(nbl->FirstNetBuffer, 42, storage, 1, 0);
  VSW_FLOW *flow;
  if (frame == NULL) return;
  if (*(const ULONG *)(frame + 12) == 0x42440008) return;
  flow = CONTAINING_RECORD(sw->Datapath.Buckets[VswHashBytes(frame, 40, port) & 2047].Flink, VSW_FLOW, Link);
  if (!VswExecuteActions(sw, nbl, flow, flags & 3)) DbgPrint("VSWITCH: %s dropped\n", "tunl"); //~ tunl text
}

/* ---- TunnelFilter.c: callouts of the filtering platform ---- */
static const GUID tunnelCallouts[2] = {
  {0x4C54754E, 0x1a2b, 0x4c3d, {0x54, 0x75, 0x6e, 0x43, 0x61, 0x6c, 0x6c, 0x31}}, //~ NuTL guid //~ TunC guid //~ all1 guid
  {0x325A6B91, 0x1a2c, 0x4c3d, {0xb1, 0x5e, 0x2a, 0x11, 0x90, 0x7f, 0x10, 0x02}},
};
typedef struct { LIST_ENTRY Link; PVOID Irp; ULONG Kind; UINT64 FilterId; ULONG Signature; } VSW_TUNNEL_REQUEST;
typedef struct { LIST_ENTRY List; ULONG_PTR Lock; ULONG Count; HANDLE Thread; } VSW_TUNNEL_QUEUE;
static VSW_TUNNEL_QUEUE *tunnelQueues;

static void CALL VswTunnelClassify(const void *values, const void *meta, NET_BUFFER_LIST *layerData, const void *context, const void *filter, UINT64 flow, ULONG *out) {
  NET_BUFFER_LIST *nbl = NULL;
  PCHAR copy;
  (void)values; (void)meta; (void)context; (void)filter;
  copy = ExAllocatePoolWithTag(NonPagedPoolNx, 2048, 'yCtV'); //= VtCy allocation-call callback
  if (copy != NULL && FwpsAllocateNetBufferAndNetBufferList0(gSwitch->Buffers.FixSizePool, 0, 0, copy, 0, 64, (PVOID *)&nbl) >= 0) {
    nbl->ParentNetBufferList = layerData;
    FwpsInjectNetworkSendAsync0(gSwitch->Injection, NULL, 0, 1, nbl, (PVOID)VswTunnelClassify, copy);
  } else if (copy != NULL) ExFreePoolWithTag(copy, 'yCtV');
  *out = flow == 0x6B636F6C62ULL ? 0x1001 : 0x1002; //~ lock not-an-allocator
}
static NTSTATUS CALL VswTunnelNotify(ULONG type, const GUID *key, const void *filter) {
  VSW_TUNNEL_REQUEST *request;
  (void)key; (void)filter;
  request = ExAllocatePool2(POOL_FLAG_PAGED, sizeof(*request), 'qRtV'); //= VtRq allocation-call callback
  if (request == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  request->Kind = type;
  request->Signature = 'qeRT'; //~ TReq magic
  InsertTailList(&tunnelQueues[type & 3].List, &request->Link);
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS VswTunnelFilterInitialize(DEVICE_OBJECT *device, VSW_SWITCH_CONTEXT *sw) {
  FWPS_CALLOUT1 callout;
  NTSTATUS status = STATUS_SUCCESS;
  ULONG i;
  tunnelQueues = VswAllocateMemoryPerCpu(sizeof(*tunnelQueues), 4, 'uQtV'); //= VtQu any wrapper-two
  if (tunnelQueues == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < 4; i++) InitializeListHead(&tunnelQueues[i].List);
  for (i = 0; i < 2 && status >= 0; i++) {
    memset(&callout, 0, sizeof(callout));
    callout.CalloutKey = tunnelCallouts[i];
    callout.ClassifyFn = (PVOID)VswTunnelClassify;
    callout.NotifyFn = (PVOID)VswTunnelNotify;
    status = FwpsCalloutRegister1(device, &callout, &sw->CalloutIds[i]);
  }
  if (status >= 0) status = FwpsInjectionHandleCreate0(2, 4, &sw->Injection);
  return status;
}

/* ---- Datapath.c: the control device ---- */
static NTSTATUS CALL VswOpen(DEVICE_OBJECT *device, IRP *irp) {
  VSW_OPEN_INSTANCE *instance = ExAllocatePoolWithQuotaTag(NonPagedPoolNx | 8, sizeof(*instance), VSW_USER_POOL_TAG); //= VswU allocation-call callback
  if (instance == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memset(instance, 0, sizeof(*instance));
  instance->Magic = VSW_INSTANCE_MAGIC; //~ Inst magic
  InitializeListHead(&instance->PacketQueue);
  ObReferenceObjectByPointerWithTag(irp->Stack->Argument[3], 0, NULL, 0, 'bOsV'); //~ VsOb object-tag
  irp->Stack->Argument[3] = instance;
  if (gSwitch->Injection == NULL) return VswTunnelFilterInitialize(device, gSwitch);
  return STATUS_SUCCESS;
}

static NTSTATUS CALL VswControl(DEVICE_OBJECT *device, IRP *irp) {
  VSW_OPEN_INSTANCE *instance = irp->Stack->Argument[3];
  NL_MSG_HDR *message = irp->SystemBuffer;
  const NETLINK_CMD *cmd;
  VSW_USER_PARAMS params;
  NL_BUFFER reply;
  (void)device;
  if (instance == NULL || instance->Magic != VSW_INSTANCE_MAGIC) return STATUS_INVALID_PARAMETER;
  cmd = VswFindCommand(message->Pid, message->Type, message->Flags);
  if (cmd == NULL) return STATUS_NOT_SUPPORTED;
  memset(&params, 0, sizeof(params));
  params.Instance = instance;
  params.Input = message;
  params.InputLength = message->Length;
  params.Output = irp->Mdl;
  params.Switch = gSwitch;
  irp->Status = cmd->Handler(&params);
  if ((cmd->Flags & 1) == 0) return irp->Status;
  if (!NlBufInit(&reply, cmd->ReplySize, cmd->ReplyTag)) return STATUS_INSUFFICIENT_RESOURCES;
  NlFillHeader(&reply, message->Type, message->Sequence, 0x6C6E6576); //~ venl not-an-allocator
  memcpy(irp->SystemBuffer, reply.Head, reply.Used);
  irp->Information = reply.Used;
  ExFreePoolWithTag(reply.Head, cmd->ReplyTag);
  if ((cmd->Flags & 2) != 0 && instance->DumpState.Head == NULL) {
    if (!NlBufInit(&instance->DumpState, 65536, VSW_NETLINK_POOL_TAG)) return STATUS_INSUFFICIENT_RESOURCES; //= VswN any wrapper
  }
  return irp->Status;
}

static void CALL VswUnload(DRIVER_OBJECT *driver) {
  (void)driver;
  VswFreeMemoryWithTag(ctTable, '4csV');
  VswFreeMemoryWithTag(ctRelated, '5csV');
  VswFreeMemory(deferred);
  ExDeleteLookasideListEx(&ctOtherCache);
}

INIT_CODE_SECTION static NTSTATUS VswRegisterFilter(DRIVER_OBJECT *driver) {
  NDIS_FILTER_DRIVER_CHARACTERISTICS c;
  memset(&c, 0, sizeof(c));
  c.Header.Type = 0x8B;
  c.Header.Revision = 2;
  c.Header.Size = sizeof(c);
  c.MajorNdisVersion = 6;
  c.MinorNdisVersion = 40;
  RtlInitUnicodeString(&c.FriendlyName, (const WCHAR *)L"Virtual Switch Extension");
  RtlInitUnicodeString(&c.UniqueName, (const WCHAR *)L"{583CC151-73EC-4A6A-8B47-578297AD7623}");
  c.Attach = (PVOID)VswFilterAttach;
  c.Detach = (PVOID)VswFilterDetach;
  c.SendNetBufferLists = (PVOID)VswFilterSend;
  c.OidRequest = (PVOID)VswFilterOidRequest;
  return NdisFRegisterFilterDriver(driver, driver, &c, &gFilterDriverHandle);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  UNICODE_STRING name;
  NTSTATUS status;
  (void)path;
  gDriverObject = driver;
  status = VswRegisterFilter(driver);
  if (status < 0) return status;
  status = VswInitConntrack();
  if (status < 0) return status;
  deferred = VswAllocateMemoryPerCpu(sizeof(*deferred), VSW_MAX_CPU, 'fDsV'); //= VsDf any wrapper-two
  if (deferred == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitUnicodeString(&name, (const WCHAR *)L"\\Device\\VswControl");
  status = IoCreateDevice(driver, 0, &name, 0x12, 0x100, FALSE, &device);
  if (status < 0) return status;
  driver->Major[0] = VswOpen;
  driver->Major[14] = VswControl;
  driver->Unload = VswUnload;
  return STATUS_SUCCESS;
}
