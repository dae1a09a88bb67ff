// An HTTP server in the kernel: lookaside lists per processor, kinds of counted objects with traces of their references, parser
// buffers that grow, two caches, a tree of URLs, a thread pool, filter channels, log writers in several formats.
#include "kernel.h"

#define HTTRACE(...) DbgPrint("HSVC: " __VA_ARGS__)
#define NT_SUCCESS(status) ((status) >= 0)
#define CONTAINING(address, type, field) ((type *)((PUCHAR)(address) - (ULONG_PTR)&((type *)0)->field))

/* ---- tags: what is in use has a capital first letter, what was freed a small one ------------------------------------------ */

#define HT_CONNECTION_TAG 'nCsH' //= HsCn any wrapper
#define HT_REQUEST_TAG 'qRsH' //= HsRq any wrapper
#define HT_RECEIVE_BUFFER_TAG 'bRsH' //= HsRb any wrapper
#define HT_SEND_TRACKER_TAG 'kTsH' //= HsTk any wrapper
#define HT_PER_PROC_TAG 'aPsH' //= HsPa any direct
#define HT_URL_GROUP_TAG 'gUsH' //= HsUg any tag-table
#define HT_SESSION_TAG 'sSsH' //= HsSs any tag-table
#define HT_ENDPOINT_TAG 'pEsH' //= HsEp any tag-table
#define HT_QUEUE_TAG 'uQsH' //= HsQu any tag-table
#define HT_CONFIG_GROUP_TAG 'gCsH' //= HsCg any tag-table
#define HT_HEADER_TAG 'dHsH' //= HsHd any object-field
#define HT_BODY_TAG 'dBsH' //= HsBd any object-field
#define HT_LOG_BUFFER_TAG 'bLsH' //= HsLb any object-field
#define HT_URL_NODE_TAG 'nUsH' //= HsUn any direct
#define HT_URL_PREFIX_TAG 'pUsH' //= HsUp any wrapper-two
#define HT_HOST_TAG 'oHsH' //= HsHo any wrapper-two
#define HT_WORK_ITEM_TAG 'iWsH' //= HsWi any direct
#define HT_OPAQUE_TAG 'iOsH' //= HsOi any direct
#define HT_AUTH_TAG 'vAsH' //= HsAv any callback

#define MAKE_FREE_SIGNATURE(tag) ((tag) | 0x20)

static void InitializeListHead(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static BOOLEAN IsListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void InsertTailList(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static LIST_ENTRY *RemoveHeadList(LIST_ENTRY *head) {
  LIST_ENTRY *entry = head->Flink;
  head->Flink = entry->Flink; entry->Flink->Blink = head;
  return entry;
}
static void RemoveEntryList(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static struct { LONG Allocations, Failures; SIZE_T Bytes; ULONG Processors; BOOLEAN LowMemory; } g_Memory;

NOINLINE static PVOID HtAllocatePool(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p;
  if (g_Memory.LowMemory && size > 0x10000) return NULL;
  p = ExAllocatePoolWithTagPriority(type, size, tag, g_Memory.LowMemory ? 0 : 16);
  if (!p) { __sync_fetch_and_add(&g_Memory.Failures, 1); return NULL; }
  __sync_fetch_and_add(&g_Memory.Allocations, 1);
  return p;
}
NOINLINE static void HtFreePool(PVOID p, ULONG tag) {
  __sync_fetch_and_sub(&g_Memory.Allocations, 1);
  ExFreePoolWithTag(p, tag);
}
static PVOID HtAllocateZeroed(SIZE_T size, ULONG tag) {
  PVOID p = HtAllocatePool(NonPagedPoolNx, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
#define HT_ALLOCATE_STRUCT(type, tag) ((type *)HtAllocateZeroed(sizeof(type), tag))
#define HT_FREE_STRUCT(p, tag) do { (p)->Signature = MAKE_FREE_SIGNATURE(tag); HtFreePool((p), (tag)); (p) = NULL; } while (0)

/* ---- pools of each processor ------------------------------------------------------------------------------------------------ */

typedef struct { ULONG_PTR Header[2]; USHORT Depth, Maximum; ULONG Counters[4]; ULONG Type, Tag, Size; PVOID Allocate, Free; ULONG_PTR Rest[12]; } HT_LIST;
typedef struct _HT_PPL { ULONG Signature, Count; SIZE_T EntrySize; HT_LIST *Lists; LONG Current; } HT_PPL;
#define HT_PPL_SIGNATURE 'lppH' //~ Hppl magic

static HT_PPL g_ConnectionPool, g_RequestPool, g_ReceivePool, g_TrackerPool;

NOINLINE static NTSTATUS HtPplCreate(HT_PPL *pool, SIZE_T size, ULONG tag, USHORT depth) {
  ULONG i, count = g_Memory.Processors + 1;
  pool->Lists = HtAllocatePool(NonPagedPoolNx, count * sizeof(HT_LIST), HT_PER_PROC_TAG);
  if (!pool->Lists) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < count; i++) ExInitializeNPagedLookasideList((LOOKASIDE *)&pool->Lists[i], NULL, NULL, 0, size, tag, i ? depth : 0);
  pool->Count = count;
  pool->EntrySize = size;
  pool->Signature = HT_PPL_SIGNATURE;
  return STATUS_SUCCESS;
}
NOINLINE static PVOID HtPplAllocate(HT_PPL *pool) {
  HT_LIST *list = &pool->Lists[(ULONG)__sync_fetch_and_add(&pool->Current, 1) % pool->Count];
  PVOID p = ExpInterlockedPopEntrySList(list);
  if (!p) p = ((PVOID(CALL *)(ULONG, SIZE_T, ULONG))list->Allocate)(list->Type, list->Size, list->Tag);
  if (p) memset(p, 0, pool->EntrySize);
  return p;
}
static void HtPplFree(HT_PPL *pool, PVOID p) { ExpInterlockedPushEntrySList(&pool->Lists[0], p); }
NOINLINE static void HtPplDestroy(HT_PPL *pool) {
  ULONG i;
  if (pool->Signature != HT_PPL_SIGNATURE) return;
  for (i = 0; i < pool->Count; i++) ExDeleteNPagedLookasideList((LOOKASIDE *)&pool->Lists[i]);
  HtFreePool(pool->Lists, HT_PER_PROC_TAG);
  pool->Signature = 'lpph'; //~ hppl magic
}

/* ---- traces of references ----------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Reason, Line; LONG Count; PVOID Object; } HT_TRACE_ENTRY;
typedef struct { ULONG Signature, Tag, Mask; LONG Next; HT_TRACE_ENTRY Entries[1]; } HT_TRACE_LOG;

NOINLINE static HT_TRACE_LOG *HtCreateTraceLog(ULONG entries, ULONG tag) {
  HT_TRACE_LOG *log = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(HT_TRACE_LOG) + entries * sizeof(HT_TRACE_ENTRY), tag);
  if (!log) return NULL;
  memset(log, 0, sizeof(*log));
  log->Signature = 'gLtR'; //~ RtLg magic
  log->Tag = tag;
  log->Mask = entries - 1;
  return log;
}
NOINLINE static void HtDestroyTraceLog(HT_TRACE_LOG *log) { if (log) { log->Signature = 'glTR'; ExFreePoolWithTag(log, log->Tag); } } //~ RTlg magic
NOINLINE static void HtWriteTrace(HT_TRACE_LOG *log, ULONG reason, LONG count, PVOID object, ULONG line) {
  HT_TRACE_ENTRY *entry;
  if (!log) return;
  entry = &log->Entries[(ULONG)__sync_fetch_and_add(&log->Next, 1) & log->Mask];
  entry->Reason = reason;
  entry->Count = count;
  entry->Object = object;
  entry->Line = line;
}
static HT_TRACE_LOG *g_ConnectionTrace, *g_RequestTrace;

/* ---- counted objects ------------------------------------------------------------------------------------------------------------ */

typedef enum { HtUrlGroup, HtServerSession, HtEndpoint, HtRequestQueue, HtConfigGroup, HtMaxKind } HT_KIND;
typedef struct _HT_OBJECT { ULONG Signature; LONG References; HT_KIND Kind; LIST_ENTRY Link; PVOID Owner; } HT_OBJECT;
typedef struct { HT_OBJECT Header; LIST_ENTRY Urls; PVOID Config; UNICODE_STRING Site; } HT_URL_GROUP;
typedef struct { HT_OBJECT Header; LIST_ENTRY Connections; ULONG Port; PVOID Socket; } HT_ENDPOINT;
typedef struct { HT_OBJECT Header; LIST_ENTRY Pending; ULONG_PTR Lock; ULONG Limit; PVOID Process; } HT_QUEUE;
typedef struct { const CHAR *Name; USHORT Size; ULONG Tag; ULONG Freed; void (*Cleanup)(HT_OBJECT *object); } HT_KIND_INFO;

static void HtCleanUrlGroup(HT_OBJECT *object);
static void HtCleanQueue(HT_OBJECT *object);

static const HT_KIND_INFO g_Kinds[HtMaxKind] = {
  {"url group", sizeof(HT_URL_GROUP), HT_URL_GROUP_TAG, MAKE_FREE_SIGNATURE(HT_URL_GROUP_TAG), HtCleanUrlGroup}, //~ hsUg magic
  {"session", sizeof(HT_OBJECT) + 64, HT_SESSION_TAG, MAKE_FREE_SIGNATURE(HT_SESSION_TAG), NULL}, //~ hsSs magic
  {"endpoint", sizeof(HT_ENDPOINT), HT_ENDPOINT_TAG, MAKE_FREE_SIGNATURE(HT_ENDPOINT_TAG), NULL}, //~ hsEp magic
  {"queue", sizeof(HT_QUEUE), HT_QUEUE_TAG, MAKE_FREE_SIGNATURE(HT_QUEUE_TAG), HtCleanQueue}, //~ hsQu magic
  {"config", sizeof(HT_OBJECT) + 256, HT_CONFIG_GROUP_TAG, MAKE_FREE_SIGNATURE(HT_CONFIG_GROUP_TAG), NULL}, //~ hsCg magic
};
static LIST_ENTRY g_Objects[HtMaxKind];

NOINLINE static HT_OBJECT *HtCreateObject(HT_KIND kind, PVOID owner) {
  const HT_KIND_INFO *info;
  HT_OBJECT *object;
  if ((ULONG)kind >= HtMaxKind) return NULL;
  info = &g_Kinds[kind];
  object = HtAllocateZeroed(info->Size, info->Tag);
  if (!object) { HTTRACE("no memory for a %s\n", info->Name); return NULL; }
  object->Signature = info->Tag;
  object->References = 1;
  object->Kind = kind;
  object->Owner = owner;
  InitializeListHead((LIST_ENTRY *)(object + 1));
  InsertTailList(&g_Objects[kind], &object->Link);
  HtWriteTrace(g_RequestTrace, 'etrC', 1, object, __LINE__); //~ Crte not-an-allocator
  return object;
}
NOINLINE static void HtDereference(HT_OBJECT *object, ULONG reason) {
  LONG left = __sync_sub_and_fetch(&object->References, 1);
  const HT_KIND_INFO *info = &g_Kinds[object->Kind];
  HtWriteTrace(g_RequestTrace, reason, left, object, __LINE__);
  if (left) return;
  RemoveEntryList(&object->Link);
  if (info->Cleanup) info->Cleanup(object);
  object->Signature = info->Freed;
  HtFreePool(object, info->Tag);
}
NOINLINE static void HtReference(HT_OBJECT *object, ULONG reason) {
  HtWriteTrace(g_RequestTrace, reason, __sync_add_and_fetch(&object->References, 1), object, __LINE__);
}

/* ---- strings ---------------------------------------------------------------------------------------------------------------------- */

NOINLINE static NTSTATUS HtAllocateString(UNICODE_STRING *out, ULONG bytes, ULONG tag) {
  if (bytes > 0xFFFE) return STATUS_INVALID_PARAMETER;
  out->Buffer = HtAllocatePool(PagedPool, bytes, tag);
  if (!out->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  out->Length = 0;
  out->MaximumLength = (USHORT)bytes;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS HtCopyString(UNICODE_STRING *out, const UNICODE_STRING *from, ULONG tag) {
  NTSTATUS status = HtAllocateString(out, from->Length + 2u, tag);
  if (NT_SUCCESS(status)) {
    RtlCopyUnicodeString(out, from);
    out->Buffer[out->Length / 2] = 0;
  }
  return status;
}

/* ---- parser buffers that grow -------------------------------------------------------------------------------------------------------- */

typedef struct _HT_BUFFER { PUCHAR Data; ULONG Used, Size, Tag, Increment; } HT_BUFFER;

static void HtInitializeBuffer(HT_BUFFER *buffer, ULONG tag, ULONG increment) {
  buffer->Data = NULL;
  buffer->Used = buffer->Size = 0;
  buffer->Tag = tag;
  buffer->Increment = increment;
}
NOINLINE static NTSTATUS HtReserve(HT_BUFFER *buffer, ULONG more) {
  ULONG size = (buffer->Used + more + buffer->Increment - 1) & ~(buffer->Increment - 1);
  PUCHAR bigger;
  if (buffer->Used + more <= buffer->Size) return STATUS_SUCCESS;
  bigger = HtAllocatePool(NonPagedPoolNx, size, buffer->Tag);
  if (!bigger) return STATUS_INSUFFICIENT_RESOURCES;
  if (buffer->Data) {
    memcpy(bigger, buffer->Data, buffer->Used);
    HtFreePool(buffer->Data, buffer->Tag);
  }
  buffer->Data = bigger;
  buffer->Size = size;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS HtAppend(HT_BUFFER *buffer, const void *data, ULONG length) {
  NTSTATUS status = HtReserve(buffer, length);
  if (!NT_SUCCESS(status)) return status;
  memcpy(buffer->Data + buffer->Used, data, length);
  buffer->Used += length;
  return STATUS_SUCCESS;
}
static void HtDiscard(HT_BUFFER *buffer) { if (buffer->Data) HtFreePool(buffer->Data, buffer->Tag); buffer->Data = NULL; }

/* ---- connections and requests ---------------------------------------------------------------------------------------------------------- */

typedef struct _HT_CHANNEL HT_CHANNEL;
typedef struct _HT_CONNECTION { ULONG Signature; LONG References; LIST_ENTRY Link; HT_ENDPOINT *Endpoint; HT_BUFFER Pending; HT_CHANNEL *Channel; ULONG_PTR Id; } HT_CONNECTION;
typedef struct _HT_REQUEST { ULONG Signature; ULONG Verb, Version, State; LIST_ENTRY Link; HT_CONNECTION *Connection; HT_BUFFER Headers, Body; UNICODE_STRING Host; PVOID Chunks; } HT_REQUEST;

/* Identifiers that user mode sees: a table of tables. */
typedef struct { PVOID Slots[64]; USHORT Reuse[64]; ULONG Used; } HT_OPAQUE_TABLE;
static HT_OPAQUE_TABLE *g_Opaque[32];

NOINLINE static ULONG_PTR HtAssignId(PVOID object) {
  ULONG i, j;
  for (i = 0; i < 32; i++) {
    if (!g_Opaque[i]) g_Opaque[i] = HT_ALLOCATE_STRUCT(HT_OPAQUE_TABLE, HT_OPAQUE_TAG);
    if (!g_Opaque[i]) return 0;
    for (j = 0; j < 64 && g_Opaque[i]->Used < 64; j++) {
      if (g_Opaque[i]->Slots[j]) continue;
      g_Opaque[i]->Slots[j] = object;
      g_Opaque[i]->Used++;
      return (ULONG_PTR)i << 16 | (ULONG_PTR)j << 8 | ++g_Opaque[i]->Reuse[j];
    }
  }
  return 0;
}

NOINLINE static HT_CONNECTION *HtCreateConnection(HT_ENDPOINT *endpoint) {
  HT_CONNECTION *connection = HtPplAllocate(&g_ConnectionPool);
  if (!connection) return NULL;
  connection->Signature = HT_CONNECTION_TAG;
  connection->References = 1;
  connection->Endpoint = endpoint;
  connection->Id = HtAssignId(connection);
  HtInitializeBuffer(&connection->Pending, HT_BODY_TAG, 4096);
  HtReference(&endpoint->Header, 'nnoC'); //~ Conn not-an-allocator
  InsertTailList(&endpoint->Connections, &connection->Link);
  return connection;
}
NOINLINE static void HtCloseConnection(HT_CONNECTION *connection) {
  if (connection->Signature != HT_CONNECTION_TAG) KeBugCheckEx(0x8086, (ULONG_PTR)connection, 'CdaB', 0, 0); //~ BadC bug-check
  RemoveEntryList(&connection->Link);
  HtDiscard(&connection->Pending);
  HtDereference(&connection->Endpoint->Header, 'solC'); //~ Clos not-an-allocator
  connection->Signature = MAKE_FREE_SIGNATURE(HT_CONNECTION_TAG); //~ hsCn magic
  HtPplFree(&g_ConnectionPool, connection);
}

NOINLINE static ULONG HtParseVerb(const UCHAR *text, ULONG length, ULONG *taken) {
  static const struct { ULONG First; UCHAR Length, Verb; } fast[] = {
    {'TSOP', 4, 4}, {'DAEH', 4, 5}, {'ELED', 6, 7}, {'CART', 5, 8}, {'ITPO', 7, 9}, //~ POST magic //~ HEAD magic //~ DELE magic //~ TRAC magic //~ OPTI magic
  };
  ULONG i, first;
  if (length < 8) return 0;
  memcpy(&first, text, 4);
  if (first == ' TEG') { *taken = 4; return 3; } //~ "GET " magic
  for (i = 0; i < sizeof(fast) / sizeof(fast[0]); i++)
    if (first == fast[i].First) { *taken = fast[i].Length + 1u; return fast[i].Verb; }
  if (first == 'PORP' || first == 'KCOL') { *taken = 9; return 12; } //~ PROP magic //~ LOCK magic
  return 1;
}
NOINLINE static ULONG HtParseVersion(const UCHAR *text) {
  if (*(const ULONG *)text != 'PTTH') return 0; //~ HTTP magic
  switch (*(const ULONG *)(text + 4)) {
    case '1.1/': return 11; //~ /1.1 magic
    case '0.1/': return 10; //~ /1.0 magic
    case '9.0/': return 9; //~ /0.9 magic
    default: return 0;
  }
}
NOINLINE static HT_REQUEST *HtParseRequest(HT_CONNECTION *connection, const UCHAR *text, ULONG length) {
  ULONG taken = 0;
  HT_REQUEST *request = HtPplAllocate(&g_RequestPool);
  if (!request) return NULL;
  request->Signature = HT_REQUEST_TAG;
  request->Connection = connection;
  HtInitializeBuffer(&request->Headers, HT_HEADER_TAG, 1024);
  HtInitializeBuffer(&request->Body, HT_BODY_TAG, 8192);
  request->Verb = HtParseVerb(text, length, &taken);
  if (request->Verb && length > taken + 8) request->Version = HtParseVersion(text + length - 10);
  if (!request->Version || !NT_SUCCESS(HtAppend(&request->Headers, text + taken, length - taken))) {
    HtDiscard(&request->Headers);
    HtPplFree(&g_RequestPool, request);
    return NULL;
  }
  if (length > 4096) {
    request->Chunks = ExAllocatePoolWithQuotaTag(PagedPool | 8, 64 * (length >> 12), 'kCsH'); //= HsCk any direct
    request->State = request->Chunks ? 2 : 3;
  }
  return request;
}

/* ---- caches: one keeps responses, the other fragments --------------------------------------------------------------------------------- */

typedef struct { ULONG Buckets, EntryTag, DataTag; SIZE_T Limit; BOOLEAN Paged; } HT_CACHE_CONFIG;
typedef struct _HT_CACHE_ENTRY { struct _HT_CACHE_ENTRY *Next; ULONG Signature, Hash, Length; LONG References; PVOID Data; PVOID Mdl; } HT_CACHE_ENTRY;
typedef struct { HT_CACHE_CONFIG Config; HT_CACHE_ENTRY **Table; SIZE_T Bytes; PVOID Lock; ULONG Generation; } HT_CACHE;
static HT_CACHE g_ResponseCache, g_FragmentCache;
static const HT_CACHE_CONFIG g_DefaultConfig = {256, 'eCsH', 'dCsH', 0x1000000, FALSE}; //= HsCe any xmm-structure //= HsCd any xmm-structure

NOINLINE static NTSTATUS HtInitializeCache(HT_CACHE *cache, const HT_CACHE_CONFIG *config) {
  cache->Config = *config;
  cache->Table = HtAllocateZeroed(cache->Config.Buckets * sizeof(PVOID), 'tCsH'); //= HsCt any wrapper-two
  cache->Lock = FsRtlAllocateAePushLock(NonPagedPoolNx, 'lPsH'); //= HsPl any direct
  return cache->Table && cache->Lock ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static HT_CACHE_ENTRY *HtCacheResponse(HT_CACHE *cache, ULONG hash, const void *data, ULONG length) {
  HT_CACHE_ENTRY *entry;
  if (cache->Bytes + length > cache->Config.Limit) return NULL;
  entry = HtAllocateZeroed(sizeof(HT_CACHE_ENTRY), cache->Config.EntryTag);
  if (!entry) return NULL;
  entry->Data = HtAllocatePool(cache->Config.Paged ? PagedPool : NonPagedPoolNx, length, cache->Config.DataTag);
  if (!entry->Data) {
    HtFreePool(entry, cache->Config.EntryTag);
    return NULL;
  }
  memcpy(entry->Data, data, length);
  entry->Signature = 'tneC'; //~ Cent magic
  entry->Mdl = IoAllocateMdl(entry->Data, length, FALSE, FALSE, NULL);
  entry->Hash = hash;
  entry->Length = length;
  entry->Next = cache->Table[hash % cache->Config.Buckets];
  cache->Table[hash % cache->Config.Buckets] = entry;
  cache->Bytes += length;
  return entry;
}
NOINLINE static void HtFlushCache(HT_CACHE *cache) {
  ULONG i;
  for (i = 0; i < cache->Config.Buckets; i++)
    while (cache->Table[i]) {
      HT_CACHE_ENTRY *entry = cache->Table[i];
      cache->Table[i] = entry->Next;
      HtFreePool(entry->Data, cache->Config.DataTag);
      HtFreePool(entry, cache->Config.EntryTag);
    }
  cache->Generation++;
}

/* ---- the tree of URLs ------------------------------------------------------------------------------------------------------------------ */

typedef struct _HT_URL_NODE { ULONG Signature, Hash; struct _HT_URL_NODE *Parent; LIST_ENTRY Children, Link; UNICODE_STRING Prefix; HT_URL_GROUP *Group; USHORT TokenLength; WCHAR Token[1]; } HT_URL_NODE;
static HT_URL_NODE *g_UrlRoot;

NOINLINE static HT_URL_NODE *HtCreateNode(HT_URL_NODE *parent, const WCHAR *token, USHORT length) {
  HT_URL_NODE *node = HtAllocateZeroed(sizeof(HT_URL_NODE) + length * 2u, HT_URL_NODE_TAG);
  USHORT i;
  if (!node) return NULL;
  node->Signature = HT_URL_NODE_TAG;
  node->Parent = parent;
  InitializeListHead(&node->Children);
  for (i = 0; i < length; i++) { node->Token[i] = token[i]; node->Hash = node->Hash * 37 + token[i]; }
  node->TokenLength = length;
  if (parent) InsertTailList(&parent->Children, &node->Link);
  return node;
}
NOINLINE static NTSTATUS HtRegisterUrl(HT_URL_GROUP *group, const UNICODE_STRING *url) {
  USHORT start = 0, i, count = url->Length / 2;
  HT_URL_NODE *node = g_UrlRoot;
  NTSTATUS status;
  if (!node) node = g_UrlRoot = HtCreateNode(NULL, url->Buffer, 0);
  for (i = 0; node && i < count; i++) {
    if (url->Buffer[i] != '/') continue;
    if (i > start) node = HtCreateNode(node, url->Buffer + start, i - start);
    start = i + 1;
  }
  if (!node) return STATUS_INSUFFICIENT_RESOURCES;
  status = HtCopyString(&node->Prefix, url, HT_URL_PREFIX_TAG);
  if (!NT_SUCCESS(status)) {
    RemoveEntryList(&node->Link);
    HT_FREE_STRUCT(node, HT_URL_NODE_TAG); //~ hsUn magic
    return status;
  }
  node->Group = group;
  InsertTailList(&group->Urls, &node->Link);
  return HtCopyString(&group->Site, url, HT_HOST_TAG);
}
static void HtCleanUrlGroup(HT_OBJECT *object) {
  HT_URL_GROUP *group = (HT_URL_GROUP *)object;
  while (!IsListEmpty(&group->Urls)) {
    HT_URL_NODE *node = CONTAINING(RemoveHeadList(&group->Urls), HT_URL_NODE, Link);
    if (node->Prefix.Buffer) HtFreePool(node->Prefix.Buffer, HT_URL_PREFIX_TAG);
    HT_FREE_STRUCT(node, HT_URL_NODE_TAG);
  }
  if (group->Site.Buffer) HtFreePool(group->Site.Buffer, HT_HOST_TAG);
}
static void HtCleanQueue(HT_OBJECT *object) {
  HT_QUEUE *queue = (HT_QUEUE *)object;
  while (!IsListEmpty(&queue->Pending)) {
    HT_REQUEST *request = CONTAINING(RemoveHeadList(&queue->Pending), HT_REQUEST, Link);
    HtDiscard(&request->Headers);
    HtPplFree(&g_RequestPool, request);
  }
  if (queue->Process) ObDereferenceObjectDeferDeleteWithTag(queue->Process, 'rPtH'); //~ HtPr object-tag
}

/* ---- thread pool -------------------------------------------------------------------------------------------------------------------------- */

typedef void (*HT_WORKER)(PVOID context);
typedef struct { LIST_ENTRY Link; HT_WORKER Routine; PVOID Context; BOOLEAN Owned; } HT_WORK;
typedef struct { LIST_ENTRY Queue; ULONG_PTR Lock; ULONG_PTR Event[4]; HANDLE Thread; BOOLEAN Stop; } HT_THREAD;
static HT_THREAD *g_Threads;

NOINLINE static NTSTATUS HtQueueWork(HT_WORKER routine, PVOID context) {
  HT_WORK *work = HT_ALLOCATE_STRUCT(HT_WORK, HT_WORK_ITEM_TAG);
  HT_THREAD *thread = &g_Threads[(ULONG_PTR)context / 64 % g_Memory.Processors];
  UCHAR irql;
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->Routine = routine;
  work->Context = context;
  work->Owned = TRUE;
  irql = KeAcquireSpinLockRaiseToDpc(&thread->Lock);
  InsertTailList(&thread->Queue, &work->Link);
  KeReleaseSpinLock(&thread->Lock, irql);
  KeSetEvent(thread->Event, 0, FALSE);
  return STATUS_SUCCESS;
}
static void CALL HtThread(PVOID context) {
  HT_THREAD *thread = context;
  while (!thread->Stop) {
    KeWaitForSingleObject(thread->Event, 0, 0, FALSE, NULL);
    while (!IsListEmpty(&thread->Queue)) {
      HT_WORK *work = (HT_WORK *)RemoveHeadList(&thread->Queue);
      work->Routine(work->Context);
      if (work->Owned) HtFreePool(work, HT_WORK_ITEM_TAG);
    }
  }
}
INIT_CODE_SECTION static NTSTATUS HtStartThreads(void) {
  ULONG i;
  g_Threads = HtAllocateZeroed(g_Memory.Processors * sizeof(HT_THREAD), 'pTsH'); //= HsTp any wrapper-two
  if (!g_Threads) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < g_Memory.Processors; i++) {
    NTSTATUS status;
    InitializeListHead(&g_Threads[i].Queue);
    KeInitializeEvent(g_Threads[i].Event, 1, FALSE);
    status = PsCreateSystemThread(&g_Threads[i].Thread, 0x1FFFFF, NULL, NULL, NULL, HtThread, &g_Threads[i]);
    if (!NT_SUCCESS(status)) return status;
  }
  return STATUS_SUCCESS;
}

/* ---- filter channels: raw and encrypted ------------------------------------------------------------------------------------------------------- */

typedef struct {
  ULONG Kind;
  PVOID (*Open)(HT_CONNECTION *connection, SIZE_T extra);
  NTSTATUS (*Write)(HT_CHANNEL *channel, const void *data, ULONG length);
  void (*Close)(HT_CHANNEL *channel, PVOID state);
} HT_FILTER;
struct _HT_CHANNEL { ULONG Signature; const HT_FILTER *Filter; PVOID State; HT_CONNECTION *Connection; PVOID Rundown; };
typedef struct { ULONG Sequence, Pad; UCHAR Key[32]; PUCHAR Record; } HT_SSL_STATE;

static PVOID HtRawOpen(HT_CONNECTION *connection, SIZE_T extra) { return HtAllocatePool(NonPagedPoolNx, 64 + extra, 'wRsH'); } //= HsRw any operations-table
static NTSTATUS HtRawWrite(HT_CHANNEL *channel, const void *data, ULONG length) { return HtAppend(&channel->Connection->Pending, data, length); }
static void HtRawClose(HT_CHANNEL *channel, PVOID state) { HtFreePool(state, 'wRsH'); }
static PVOID HtSslOpen(HT_CONNECTION *connection, SIZE_T extra) {
  HT_SSL_STATE *state = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(HT_SSL_STATE) + extra, 'lSsH'); //= HsSl any callback
  if (state) memcpy(state->Key, "\x16\x03\x01SSLK", 7); //~ SSLK text
  return state;
}
static NTSTATUS HtSslWrite(HT_CHANNEL *channel, const void *data, ULONG length) {
  HT_SSL_STATE *state = channel->State;
  if (!state->Record) state->Record = HtAllocatePool(NonPagedPoolNx, 0x4100, 'eRsH'); //= HsRe any wrapper
  if (!state->Record || length > 0x4000) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(state->Record + 5, data, length);
  state->Sequence++;
  return HtAppend(&channel->Connection->Pending, state->Record, length + 5);
}
static void HtSslClose(HT_CHANNEL *channel, PVOID state) {
  if (((HT_SSL_STATE *)state)->Record) HtFreePool(((HT_SSL_STATE *)state)->Record, 'eRsH');
  ExFreePoolWithTag(state, 'lSsH');
}
static const HT_FILTER g_RawFilter = {'warF', HtRawOpen, HtRawWrite, HtRawClose}; //~ Fraw magic
static const HT_FILTER g_SslFilter = {'lssF', HtSslOpen, HtSslWrite, HtSslClose}; //~ Fssl magic

NOINLINE static NTSTATUS HtAttachChannel(HT_CONNECTION *connection, BOOLEAN secure) {
  HT_CHANNEL *channel = HT_ALLOCATE_STRUCT(HT_CHANNEL, 'cFsH'); //= HsFc any wrapper-two
  if (!channel) return STATUS_INSUFFICIENT_RESOURCES;
  channel->Signature = 'cFsH';
  channel->Filter = secure ? &g_SslFilter : &g_RawFilter;
  channel->Connection = connection;
  channel->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'uRsH'); //= HsRu any direct
  channel->State = channel->Filter->Open(connection, connection->Pending.Size);
  if (!channel->State || !channel->Rundown) {
    HT_FREE_STRUCT(channel, 'cFsH'); //~ hsFc magic
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  connection->Channel = channel;
  return channel->Filter->Write(channel, "hello", 5);
}
NOINLINE static void HtDetachChannel(HT_CONNECTION *connection) {
  HT_CHANNEL *channel = connection->Channel;
  channel->Filter->Close(channel, channel->State);
  ExFreeCacheAwareRundownProtection(channel->Rundown);
  HT_FREE_STRUCT(channel, 'cFsH');
}

/* ---- log writers ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { LIST_ENTRY Link; ULONG Format, Tag; HT_BUFFER Buffer; HANDLE File; PUCHAR Line; UNICODE_STRING Directory; } HT_LOG;
static LIST_ENTRY g_Logs;

static ULONG HtLogTag(ULONG format) {
  switch (format) {
    case 0: return '3WsH'; //= HsW3 any return-value
    case 1: return 'cNsH'; //= HsNc any return-value
    case 2: return 'sIsH'; //= HsIs any return-value
    case 3: return 'rCsH'; //= HsCr any return-value
    default: return 'wLsH'; //= HsLw any return-value
  }
}
NOINLINE static NTSTATUS HtCreateLog(ULONG format, const UNICODE_STRING *directory, HT_LOG **out) {
  ULONG tag = HtLogTag(format);
  HT_LOG *log = HtAllocateZeroed(sizeof(HT_LOG), tag);
  NTSTATUS status;
  if (!log) return STATUS_INSUFFICIENT_RESOURCES;
  log->Format = format;
  log->Tag = tag;
  HtInitializeBuffer(&log->Buffer, HT_LOG_BUFFER_TAG, 0x10000);
  status = HtCopyString(&log->Directory, directory, 'dLsH'); //= HsLd any wrapper-two
  if (NT_SUCCESS(status)) status = HtReserve(&log->Buffer, 1);
  if (!NT_SUCCESS(status)) {
    HtFreePool(log, tag);
    return status;
  }
  InsertTailList(&g_Logs, &log->Link);
  *out = log;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS HtWriteLog(HT_LOG *log, HT_REQUEST *request) {
  ULONG block[4];
  NTSTATUS status;
  if (!log->Line) log->Line = HtAllocatePool(PagedPool, 4096, log->Tag);
  if (!log->Line) return STATUS_INSUFFICIENT_RESOURCES;
  block[0] = log->Format == 3 ? 'lBiI' : '>gol'; //~ IiBl magic //~ log> magic
  block[1] = request->Verb;
  block[2] = request->Version;
  block[3] = request->Headers.Used;
  status = HtAppend(&log->Buffer, block, sizeof(block));
  if (log->Buffer.Used > 0xF000) {
    ULONG_PTR result[2];
    status = ZwWriteFile(log->File, NULL, NULL, NULL, result, log->Buffer.Data, log->Buffer.Used, NULL, NULL);
    log->Buffer.Used = 0;
  }
  return status;
}

/* ---- credentials, kept in a balanced tree --------------------------------------------------------------------------------------------------------------- */

static ULONG_PTR g_Credentials[20];
static LONG CALL HtCompareCredential(PVOID table, PVOID a, PVOID b) {
  int order = memcmp(a, b, 16);
  return order < 0 ? 0 : order > 0 ? 1 : 2;
}
static PVOID CALL HtAllocateCredential(PVOID table, ULONG size) { return HtAllocatePool(PagedPool, size, HT_AUTH_TAG); }
static void CALL HtFreeCredential(PVOID table, PVOID p) { HtFreePool(p, HT_AUTH_TAG); }

/* ---- driver ------------------------------------------------------------------------------------------------------------------------------------------------ */

static const GUID HtProvider = {0x70747448, 0x4C6A, 0x11ED, {'s', 'v', 'c', 'W', 'e', 'b', 'K', '1'}}; //~ Http guid //~ svcW guid //~ ebK1 guid

static void HtProcessWork(PVOID context) {
  HT_CONNECTION *connection = context;
  HT_REQUEST *request = HtParseRequest(connection, connection->Pending.Data, connection->Pending.Used);
  if (!request) { HtCloseConnection(connection); return; }
  if (!IsListEmpty(&g_Logs)) HtWriteLog((HT_LOG *)g_Logs.Flink, request);
  HtCacheResponse(request->Verb == 3 ? &g_ResponseCache : &g_FragmentCache, request->Version, request->Headers.Data, request->Headers.Used);
  RtlInsertElementGenericTableAvl(g_Credentials, request->Headers.Data, 32, NULL);
  HtDiscard(&request->Body);
}
static NTSTATUS CALL HtDeviceControl(DEVICE_OBJECT *device, IRP *irp) {
  ULONG_PTR *input = irp->SystemBuffer;
  HT_OBJECT *object;
  HT_LOG *log;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Major == 14 ? input[0] : 0) {
    case 1:
      object = HtCreateObject((HT_KIND)input[1], device);
      if (!object) { status = STATUS_INSUFFICIENT_RESOURCES; break; }
      irp->Information = HtAssignId(object);
      if (object->Kind == HtRequestQueue) ObReferenceObjectByHandleWithTag((HANDLE)input[2], 1, NULL, 1, 'rPtH', &((HT_QUEUE *)object)->Process, NULL);
      break;
    case 2: status = HtRegisterUrl((HT_URL_GROUP *)g_Objects[HtUrlGroup].Flink, (UNICODE_STRING *)input[1]); break;
    case 3: status = HtCreateLog((ULONG)input[1], (UNICODE_STRING *)input[2], &log); break;
    case 4: {
      HT_CONNECTION *connection = HtCreateConnection((HT_ENDPOINT *)input[1]);
      status = connection ? HtAttachChannel(connection, input[2] != 0) : STATUS_INSUFFICIENT_RESOURCES;
      if (NT_SUCCESS(status)) status = HtQueueWork(HtProcessWork, connection);
      if (!NT_SUCCESS(status) && connection && connection->Channel) HtDetachChannel(connection);
      break;
    }
    case 5: HtFlushCache(&g_ResponseCache); HtFlushCache(&g_FragmentCache); break;
    case 6: HtDereference((HT_OBJECT *)input[1], 'tpoI'); break; //~ Iopt not-an-allocator
    case 7: {
      PVOID buffer = HtPplAllocate(&g_ReceivePool), tracker = HtPplAllocate(&g_TrackerPool);
      irp->Information = (ULONG_PTR)buffer ^ (ULONG_PTR)tracker;
      break;
    }
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static void CALL HtUnload(DRIVER_OBJECT *driver) {
  HtPplDestroy(&g_ConnectionPool);
  HtPplDestroy(&g_RequestPool);
  HtPplDestroy(&g_ReceivePool);
  HtPplDestroy(&g_TrackerPool);
  HtDestroyTraceLog(g_ConnectionTrace);
  HtDestroyTraceLog(g_RequestTrace);
}
INIT_CODE_SECTION static NTSTATUS HtInitializeCaches(void) {
  HT_CACHE_CONFIG config = g_DefaultConfig;
  NTSTATUS status = HtInitializeCache(&g_ResponseCache, &config);
  if (!NT_SUCCESS(status)) return status;
  config.EntryTag = 'eFsH'; //= HsFe any stack-slot
  config.DataTag = 'dFsH'; //= HsFd any stack-slot
  config.Paged = TRUE;
  return HtInitializeCache(&g_FragmentCache, &config);
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG64 trace;
  ULONG i;
  NTSTATUS status;
  g_Memory.Processors = (path->Length & 63) + 1;
  EtwRegister(&HtProvider, NULL, NULL, &trace);
  for (i = 0; i < HtMaxKind; i++) InitializeListHead(&g_Objects[i]);
  InitializeListHead(&g_Logs);
  g_ConnectionTrace = HtCreateTraceLog(4096, 'nTsH'); //= HsTn any wrapper
  g_RequestTrace = HtCreateTraceLog(8192, 'tRsH'); //= HsRt any wrapper
  status = HtPplCreate(&g_ConnectionPool, sizeof(HT_CONNECTION), HT_CONNECTION_TAG, 64);
  if (NT_SUCCESS(status)) status = HtPplCreate(&g_RequestPool, sizeof(HT_REQUEST), HT_REQUEST_TAG, 128);
  if (NT_SUCCESS(status)) status = HtPplCreate(&g_ReceivePool, 0x2000, HT_RECEIVE_BUFFER_TAG, 32);
  if (NT_SUCCESS(status)) status = HtPplCreate(&g_TrackerPool, 192, HT_SEND_TRACKER_TAG, 32);
  if (NT_SUCCESS(status)) status = HtInitializeCaches();
  if (NT_SUCCESS(status)) status = HtStartThreads();
  if (!NT_SUCCESS(status)) {
    HtUnload(driver);
    return status;
  }
  RtlInitializeGenericTableAvl(g_Credentials, HtCompareCredential, HtAllocateCredential, HtFreeCredential, NULL);
  driver->Major[14] = HtDeviceControl;
  driver->Unload = HtUnload;
  return status;
}
