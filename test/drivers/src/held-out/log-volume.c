// A common log with containers, marshalling areas and blocks, and above it a volume of copy-on-write B+ trees: tables described by
// static descriptors, cursors, caches of pages, trims, contexts of balanced trees, mapping control blocks, work queues.
#include "kernel.h"

#define PAGE_BYTES 4096
#define BLOCK_BYTES 512
#define FAILED(status) ((status) < 0)
#define ROUND_UP(value, to) (((value) + (to) - 1) & ~((SIZE_T)(to) - 1))

typedef ULONG_PTR ERESOURCE[13];
typedef struct { PVOID Guard[2]; ULONG_PTR Pairs[4]; } LARGE_MCB;

/* What ntoskrnl keeps of a balanced tree; the context stands last. */
typedef struct _AVL_TABLE AVL_TABLE;
typedef PVOID(CALL *AVL_ALLOCATE)(AVL_TABLE *table, ULONG size);
typedef void(CALL *AVL_FREE)(AVL_TABLE *table, PVOID p);
struct _AVL_TABLE {
  struct { PVOID Parent, Left, Right; CHAR Balance, Reserved[3]; } Root;
  PVOID OrderedPointer;
  ULONG WhichOrdered, Count, Depth;
  PVOID RestartKey;
  ULONG DeleteCount;
  PVOID Compare;
  AVL_ALLOCATE Allocate;
  AVL_FREE Free;
  PVOID Context;
};

static void ListInit(LIST_ENTRY *head) { head->Flink = head; head->Blink = head; }
static BOOLEAN ListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void ListAppend(LIST_ENTRY *head, LIST_ENTRY *entry) {
  LIST_ENTRY *last = head->Blink;
  entry->Flink = head; entry->Blink = last; last->Flink = entry; head->Blink = entry;
}
static void ListRemove(LIST_ENTRY *entry) { entry->Blink->Flink = entry->Flink; entry->Flink->Blink = entry->Blink; }

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

#define LV_RAISE 0x10
static volatile LONG LvOutstanding;

NOINLINE static NTSTATUS LvAllocate(ULONG type, SIZE_T size, ULONG tag, PVOID *out) {
  PVOID p = ExAllocatePoolWithTag(type & ~LV_RAISE, size ? size : 1, tag);
  if (!p) {
    *out = NULL;
    if (type & LV_RAISE) KeBugCheckEx(0x13C, size, tag, 'mMvL', 0); //~ LvMm bug-check
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  __sync_fetch_and_add(&LvOutstanding, 1);
  memset(p, 0, size);
  *out = p;
  return STATUS_SUCCESS;
}
NOINLINE static void LvFree(PVOID p, ULONG tag) {
  if (!p) return;
  __sync_fetch_and_sub(&LvOutstanding, 1);
  ExFreePoolWithTag(p, tag);
}
/* An array that doubles: the caller owns pointer and count. */
NOINLINE static NTSTATUS LvGrow(PVOID *array, ULONG *capacity, ULONG element, ULONG tag) {
  ULONG count = *capacity ? *capacity * 2 : 8;
  PVOID bigger = ExAllocatePool2(POOL_FLAG_PAGED, (SIZE_T)count * element, tag);
  if (!bigger) return STATUS_INSUFFICIENT_RESOURCES;
  if (*array) {
    memcpy(bigger, *array, (SIZE_T)*capacity * element);
    ExFreePoolWithTag(*array, tag);
  }
  *array = bigger;
  *capacity = count;
  return STATUS_SUCCESS;
}

/* Locks are allocated apart, so that paged structures may have one. */
typedef struct _LV_LOCK { ERESOURCE Resource; ULONG Owner; } LV_LOCK;
NOINLINE static LV_LOCK *LvCreateLock(void) {
  LV_LOCK *lock = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(LV_LOCK), 'kLvL'); //= LvLk any wrapper-fixed
  if (lock) ExInitializeResourceLite(lock->Resource);
  return lock;
}
static void LvEnter(LV_LOCK *lock) { KeEnterCriticalRegion(); ExAcquireResourceExclusiveLite(lock->Resource, TRUE); }
static void LvLeave(LV_LOCK *lock) { ExReleaseResourceLite(lock->Resource); KeLeaveCriticalRegion(); }
NOINLINE static void LvDeleteLock(LV_LOCK *lock) {
  ExDeleteResourceLite(lock->Resource);
  ExFreePoolWithTag(lock, 'kLvL');
}

/* ---- the log: containers ---------------------------------------------------------------------------------------------------- */

#define LOG_BASE_MAGIC 'BFLC' //~ CLFB magic
#define LOG_BLOCK_MAGIC 'BgoL' //~ LogB magic
#define LOG_RESTART_MAGIC 'TSRL' //~ LRST magic

typedef struct { ULONG Physical, State; ULONG64 Size, MinimumLsn; UNICODE_STRING Name; HANDLE File; LARGE_MCB Mcb; } LOG_CONTAINER;
typedef struct { ULONG_PTR Key; LOG_CONTAINER *Container; } LOG_CONTAINER_ROW;
typedef struct { ULONG Signature, Checksum; USHORT Sectors, Valid; ULONG64 Lsn; UCHAR Payload[1]; } LOG_BLOCK;

/* Contexts of the trees: which pool and which tag the nodes of a tree are to have. */
typedef struct { ULONG Type, Tag; LONG Live; } LV_TREE_CONTEXT;
static LV_TREE_CONTEXT LogContainerContext = {PagedPool, 'nCvL', 0}; //= LvCn any callback-context
static LV_TREE_CONTEXT LogClientContext = {NonPagedPoolNx, 'lCvL', 0}; //= LvCl any callback-context

static LONG CALL LvCompareKeys(AVL_TABLE *table, PVOID a, PVOID b) {
  ULONG_PTR first = *(ULONG_PTR *)a, second = *(ULONG_PTR *)b;
  return first < second ? 0 : first > second ? 1 : 2;
}
static PVOID CALL LvAllocateNode(AVL_TABLE *table, ULONG size) {
  LV_TREE_CONTEXT *context = table->Context;
  context->Live++;
  return ExAllocatePoolWithTag(context->Type, size, context->Tag);
}
static void CALL LvFreeNode(AVL_TABLE *table, PVOID p) {
  LV_TREE_CONTEXT *context = table->Context;
  context->Live--;
  ExFreePoolWithTag(p, context->Tag);
}

typedef PVOID(CALL *LOG_ALLOCATE)(ULONG type, SIZE_T size, ULONG tag);
typedef void(CALL *LOG_RELEASE)(PVOID p);
typedef struct _LOG_AREA {
  LIST_ENTRY Link, Free;
  ULONG Signature, Reserved, Limit, BlockBytes;
  LOG_ALLOCATE Allocate;
  LOG_RELEASE Release;
  LV_LOCK *Lock;
  ULONG BlockTag;
  struct _LOG_FILE *File;
} LOG_AREA;
typedef struct _LOG_FILE { ULONG Signature, ContainerCount; AVL_TABLE Containers, Clients; LIST_ENTRY Areas; LOG_BLOCK *Base, *Shadow; LV_LOCK *Lock; HANDLE Handle; UNICODE_STRING Name; } LOG_FILE;

NOINLINE static NTSTATUS LogAddContainer(LOG_FILE *log, const UNICODE_STRING *path, ULONG64 size) {
  LOG_CONTAINER *container;
  LOG_CONTAINER_ROW row;
  NTSTATUS status = LvAllocate(PagedPool, sizeof(LOG_CONTAINER), 'oCvL', (PVOID *)&container); //= LvCo any wrapper
  if (FAILED(status)) return status;
  status = LvAllocate(PagedPool, path->Length + 2u, 'pCvL', (PVOID *)&container->Name.Buffer); //= LvCp any wrapper
  if (FAILED(status)) goto Fail;
  container->Name.MaximumLength = path->Length + 2;
  RtlCopyUnicodeString(&container->Name, path);
  container->Size = size;
  container->State = size >> 32 ? 'vitA' : 'tini'; //~ Ativ magic //~ init magic
  FsRtlInitializeLargeMcb(&container->Mcb, PagedPool);
  if (!FsRtlAddLargeMcbEntry(&container->Mcb, 0, log->ContainerCount, (LONGLONG)size >> 9)) { status = STATUS_INSUFFICIENT_RESOURCES; goto FailMcb; }
  row.Key = log->ContainerCount++;
  row.Container = container;
  LvEnter(log->Lock);
  if (!RtlInsertElementGenericTableAvl(&log->Containers, &row, sizeof(row), NULL)) status = STATUS_INSUFFICIENT_RESOURCES;
  LvLeave(log->Lock);
  if (!FAILED(status)) return status;
FailMcb:
  FsRtlUninitializeLargeMcb(&container->Mcb);
  LvFree(container->Name.Buffer, 'pCvL');
Fail:
  LvFree(container, 'oCvL');
  return status;
}

static ULONG LogChecksum(const UCHAR *data, ULONG length) {
  ULONG sum = 0x04C11DB7, i;
  for (i = 0; i < length; i++) sum = (sum << 5) + (sum >> 27) + data[i];
  return sum;
}
NOINLINE static NTSTATUS LogReadBase(LOG_FILE *log) {
  ULONG_PTR result[2];
  NTSTATUS status = LvAllocate(NonPagedPoolNx | LV_RAISE, 0x8000, 'sBvL', (PVOID *)&log->Base); //= LvBs any wrapper
  if (FAILED(status)) return status;
  log->Shadow = FsRtlAllocatePoolWithTag(NonPagedPoolNx, 0x8000, 'hSvL'); //= LvSh any direct
  status = ZwReadFile(log->Handle, NULL, NULL, NULL, result, log->Base, 0x8000, NULL, NULL);
  if (FAILED(status)) return status;
  switch (log->Base->Signature) {
    case LOG_BASE_MAGIC: return LogChecksum(log->Base->Payload, log->Base->Valid) == log->Base->Checksum ? STATUS_SUCCESS : (NTSTATUS)0xC01A0001;
    case LOG_RESTART_MAGIC: memcpy(log->Base, log->Shadow, 0x8000); return STATUS_SUCCESS;
    case 'DCSR': return (NTSTATUS)0xC01A0008; //~ RSCD magic
    default: return (NTSTATUS)0xC01A000A;
  }
}

/* ---- the log: marshalling areas and blocks --------------------------------------------------------------------------------------- */

static PVOID CALL LogDefaultAllocate(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) __sync_fetch_and_add(&LvOutstanding, 1);
  return p;
}
static void CALL LogDefaultRelease(PVOID p) {
  __sync_fetch_and_sub(&LvOutstanding, 1);
  ExFreePoolWithTag(p, 0);
}
NOINLINE static NTSTATUS LogCreateArea(LOG_FILE *log, ULONG blockBytes, ULONG limit, LOG_ALLOCATE allocate, LOG_RELEASE release, ULONG tag, LOG_AREA **out) {
  LOG_AREA *area;
  if (!allocate || !release) { allocate = LogDefaultAllocate; release = LogDefaultRelease; }
  area = allocate(NonPagedPoolNx, sizeof(LOG_AREA), 'aMvL'); //= LvMa any operations-parameter
  if (!area) return STATUS_INSUFFICIENT_RESOURCES;
  memset(area, 0, sizeof(*area));
  area->Signature = 'aeRA'; //~ ARea magic
  area->Allocate = allocate;
  area->Release = release;
  area->BlockBytes = (ULONG)ROUND_UP(blockBytes, BLOCK_BYTES);
  area->Limit = limit;
  area->BlockTag = tag;
  area->File = log;
  area->Lock = LvCreateLock();
  if (!area->Lock) {
    release(area);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  ListInit(&area->Free);
  ListAppend(&log->Areas, &area->Link);
  *out = area;
  return STATUS_SUCCESS;
}
NOINLINE static LOG_BLOCK *LogTakeBlock(LOG_AREA *area) {
  LOG_BLOCK *block = NULL;
  LvEnter(area->Lock);
  if (!ListEmpty(&area->Free)) {
    LIST_ENTRY *entry = area->Free.Flink;
    ListRemove(entry);
    block = (LOG_BLOCK *)entry;
  } else if (area->Reserved < area->Limit) {
    block = area->Allocate(NonPagedPoolNx, area->BlockBytes, area->BlockTag);
    if (block) area->Reserved++;
  }
  LvLeave(area->Lock);
  if (block) {
    block->Signature = LOG_BLOCK_MAGIC;
    block->Sectors = (USHORT)(area->BlockBytes / BLOCK_BYTES);
    block->Valid = 0;
  }
  return block;
}
NOINLINE static NTSTATUS LogAppend(LOG_AREA *area, const void *record, ULONG length) {
  ULONG_PTR result[2];
  LOG_BLOCK *block = LogTakeBlock(area);
  NTSTATUS status;
  if (!block) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(block->Payload, record, length);
  block->Valid = (USHORT)length;
  block->Checksum = LogChecksum(block->Payload, length);
  status = ZwWriteFile(area->File->Handle, NULL, NULL, NULL, result, block, area->BlockBytes, NULL, NULL);
  ListAppend(&area->Free, (LIST_ENTRY *)block);
  return status;
}
NOINLINE static void LogDeleteArea(LOG_AREA *area) {
  while (!ListEmpty(&area->Free)) {
    LIST_ENTRY *entry = area->Free.Flink;
    ListRemove(entry);
    area->Release(entry);
  }
  ListRemove(&area->Link);
  LvDeleteLock(area->Lock);
  area->Release(area);
}

/* ---- caches of pages ----------------------------------------------------------------------------------------------------------------- */

typedef struct _LV_PAGE { struct _LV_PAGE *Next; ULONG64 Address; ULONG Signature, Flags; LONG Pins; PUCHAR Data; } LV_PAGE;
typedef struct { LOOKASIDE Headers; LV_PAGE *Buckets[64]; ULONG DataTag, PageBytes; SIZE_T Bytes, Target; } LV_CACHE;
typedef PVOID(CALL *ALLOCATE_EX)(ULONG type, SIZE_T size, ULONG tag, LOOKASIDE *list);

static PVOID CALL LvCacheAllocateHeader(ULONG type, SIZE_T size, ULONG tag, LOOKASIDE *list) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
static void CALL LvCacheFreeHeader(PVOID p, LOOKASIDE *list) { ExFreePool(p); }

NOINLINE static NTSTATUS LvCacheInitialize(LV_CACHE *cache, ULONG headerTag, ULONG dataTag, ULONG pageBytes) {
  memset(cache, 0, sizeof(*cache));
  cache->DataTag = dataTag;
  cache->PageBytes = pageBytes;
  cache->Target = (SIZE_T)pageBytes << 10;
  return ExInitializeLookasideListEx(&cache->Headers, LvCacheAllocateHeader, LvCacheFreeHeader, PagedPool, 0, sizeof(LV_PAGE), headerTag, 0);
}
NOINLINE static LV_PAGE *LvCacheGet(LV_CACHE *cache, ULONG64 address) {
  LV_PAGE **bucket = &cache->Buckets[(ULONG)(address >> 12) & 63], *page;
  for (page = *bucket; page; page = page->Next)
    if (page->Address == address) { page->Pins++; return page; }
  page = ExpInterlockedPopEntrySList(&cache->Headers);
  if (!page) page = LvCacheAllocateHeader(PagedPool, sizeof(LV_PAGE), 'xPvL', NULL); //= LvPx any wrapper
  if (!page) return NULL;
  page->Data = FsRtlAllocatePoolWithQuotaTag(PagedPool, cache->PageBytes, cache->DataTag);
  page->Address = address;
  page->Signature = '+BSM'; //~ MSB+ magic
  page->Pins = 1;
  page->Next = *bucket;
  *bucket = page;
  cache->Bytes += cache->PageBytes;
  return page;
}
NOINLINE static void LvCacheTrim(LV_CACHE *cache) {
  ULONG i;
  for (i = 0; i < 64 && cache->Bytes > cache->Target; i++) {
    LV_PAGE *page = cache->Buckets[i];
    if (!page || page->Pins) continue;
    cache->Buckets[i] = page->Next;
    LvFree(page->Data, cache->DataTag);
    ExpInterlockedPushEntrySList(&cache->Headers, page);
    cache->Bytes -= cache->PageBytes;
  }
}

/* ---- B+ tables ------------------------------------------------------------------------------------------------------------------------- */

typedef struct _BT_TABLE BT_TABLE;
typedef struct { ULONG KeyBytes, ValueBytes; UCHAR Data[1]; } BT_ROW;
typedef LONG (*BT_COMPARE)(const BT_TABLE *table, const void *a, const void *b);
typedef struct { ULONG Schema; USHORT KeyBytes, Flags; const CHAR *Name; BT_COMPARE Compare; struct { ULONG Table, Row; } Tags; SIZE_T Extra; } BT_DESCRIPTOR;
struct _BT_TABLE { const BT_DESCRIPTOR *Descriptor; ULONG64 RootAddress; LONG References; BT_ROW **Rows; ULONG Count, Capacity; LV_CACHE *Cache; LV_LOCK *Lock; struct _BT_TABLE *Parent; };
typedef struct { BT_TABLE *Table; BT_ROW *Saved; ULONG Index, Depth; struct { LV_PAGE *Page; ULONG Slot; } *Path; ULONG RowTag; } BT_CURSOR;

static LONG BtCompareIds(const BT_TABLE *table, const void *a, const void *b) {
  return memcmp(a, b, table->Descriptor->KeyBytes);
}
static LONG BtCompareExtents(const BT_TABLE *table, const void *a, const void *b) {
  ULONG64 first = *(const ULONG64 *)a, second = *(const ULONG64 *)b;
  return first < second ? -1 : first > second;
}
static const BT_DESCRIPTOR BtDescriptors[] = {
  {'OBJT', 16, 1, "object", BtCompareIds, {'oTvL', 'oRvL'}, 0}, //= LvTo any tag-table //= LvRo any tag-table //~ TJBO magic
  {'ALLO', 8, 2, "allocator", BtCompareExtents, {'aTvL', 'aRvL'}, 256}, //= LvTa any tag-table //= LvRa any tag-table //~ OLLA magic
  {'DIRS', 32, 1, "directory", BtCompareIds, {'dTvL', 'dRvL'}, 64}, //= LvTd any tag-table //= LvRd any tag-table //~ SRID magic
  {'FILE', 8, 4, "file", BtCompareExtents, {'fTvL', 'fRvL'}, 128}, //= LvTf any tag-table //= LvRf any tag-table //~ ELIF magic
};
#define BT_SCHEMAS (sizeof(BtDescriptors) / sizeof(BtDescriptors[0]))

NOINLINE static const BT_DESCRIPTOR *BtFindDescriptor(ULONG schema) {
  ULONG i;
  for (i = 0; i < BT_SCHEMAS; i++) if (BtDescriptors[i].Schema == schema) return &BtDescriptors[i];
  return NULL;
}
NOINLINE static NTSTATUS BtOpenTable(LV_CACHE *cache, ULONG schema, ULONG64 root, BT_TABLE **out) {
  const BT_DESCRIPTOR *descriptor = BtFindDescriptor(schema);
  BT_TABLE *table;
  NTSTATUS status;
  if (!descriptor) return STATUS_INVALID_PARAMETER;
  status = LvAllocate(PagedPool, sizeof(BT_TABLE) + descriptor->Extra, descriptor->Tags.Table, (PVOID *)&table);
  if (FAILED(status)) return status;
  table->Descriptor = descriptor;
  table->RootAddress = root;
  table->Cache = cache;
  table->References = 1;
  table->Lock = LvCreateLock();
  if (!table->Lock) {
    LvFree(table, descriptor->Tags.Table);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  *out = table;
  return STATUS_SUCCESS;
}
NOINLINE static BT_ROW *BtAllocateRow(BT_TABLE *table, ULONG valueBytes) {
  BT_ROW *row = ExAllocatePoolWithTag(PagedPool, sizeof(BT_ROW) + table->Descriptor->KeyBytes + valueBytes, table->Descriptor->Tags.Row);
  if (row) {
    row->KeyBytes = table->Descriptor->KeyBytes;
    row->ValueBytes = valueBytes;
  }
  return row;
}
NOINLINE static NTSTATUS BtInsert(BT_TABLE *table, const void *key, const void *value, ULONG valueBytes) {
  BT_ROW *row;
  ULONG i;
  LvEnter(table->Lock);
  if (table->Count == table->Capacity && FAILED(LvGrow((PVOID *)&table->Rows, &table->Capacity, sizeof(BT_ROW *), 'wRvL'))) goto Full; //= LvRw any wrapper
  row = BtAllocateRow(table, valueBytes);
  if (!row) goto Full;
  memcpy(row->Data, key, row->KeyBytes);
  memcpy(row->Data + row->KeyBytes, value, valueBytes);
  for (i = table->Count; i > 0 && table->Descriptor->Compare(table, table->Rows[i - 1]->Data, key) > 0; i--) table->Rows[i] = table->Rows[i - 1];
  table->Rows[i] = row;
  table->Count++;
  LvLeave(table->Lock);
  return STATUS_SUCCESS;
Full:
  LvLeave(table->Lock);
  return STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void BtCloseTable(BT_TABLE *table) {
  ULONG i;
  if (__sync_sub_and_fetch(&table->References, 1)) return;
  for (i = 0; i < table->Count; i++) ExFreePoolWithTag(table->Rows[i], table->Descriptor->Tags.Row);
  if (table->Rows) ExFreePoolWithTag(table->Rows, 'wRvL');
  LvDeleteLock(table->Lock);
  LvFree(table, table->Descriptor->Tags.Table);
}

/* Cursors live on the stack or in a file object; a moved row is copied under the tag that the user of the cursor chose. */
NOINLINE static NTSTATUS BtCursorOpen(BT_CURSOR *cursor, BT_TABLE *table, ULONG depth, ULONG rowTag) {
  memset(cursor, 0, sizeof(*cursor));
  cursor->Table = table;
  cursor->Depth = depth;
  cursor->RowTag = rowTag;
  return LvAllocate(PagedPool, depth * sizeof(*cursor->Path), 'uCvL', (PVOID *)&cursor->Path); //= LvCu any wrapper
}
NOINLINE static NTSTATUS BtCursorMove(BT_CURSOR *cursor, LONG by) {
  BT_ROW *row;
  cursor->Index += by;
  if (cursor->Index >= cursor->Table->Count) return (NTSTATUS)0x80000006;
  row = cursor->Table->Rows[cursor->Index];
  if (cursor->Saved) ExFreePoolWithTag(cursor->Saved, cursor->RowTag);
  cursor->Saved = ExAllocatePoolWithTag(PagedPool, sizeof(BT_ROW) + row->KeyBytes + row->ValueBytes, cursor->RowTag);
  if (!cursor->Saved) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(cursor->Saved, row, sizeof(BT_ROW) + row->KeyBytes + row->ValueBytes);
  cursor->Path[0].Page = LvCacheGet(cursor->Table->Cache, cursor->Table->RootAddress);
  return cursor->Path[0].Page ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void BtCursorClose(BT_CURSOR *cursor) {
  if (cursor->Saved) ExFreePoolWithTag(cursor->Saved, cursor->RowTag);
  LvFree(cursor->Path, 'uCvL');
}

/* ---- volume -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG64 Start, Length; } LV_TRIM;
typedef struct { LV_TRIM *Ranges; ULONG Count, Capacity; ULONG64 Total; } LV_TRIM_LIST;
typedef void (*LV_WORK_ROUTINE)(PVOID volume, PVOID context);
typedef struct { LIST_ENTRY Link; PVOID Blink, Routine, Parameter; LV_WORK_ROUTINE Work; PVOID Volume, Context; } LV_WORK;
typedef struct _LV_VOLUME { ULONG Signature; LOG_FILE Log; LOG_AREA *Redo, *Undo; LV_CACHE MetadataCache, DataCache; BT_TABLE *Tables[BT_SCHEMAS]; LV_TRIM_LIST Trims; HANDLE SecurePool; PVOID Mapping; PVOID Lock; UCHAR EcpList[256]; AVL_TABLE Streams; LV_TREE_CONTEXT StreamContext; } LV_VOLUME;

NOINLINE static NTSTATUS LvAddTrim(LV_VOLUME *volume, ULONG64 start, ULONG64 length) {
  LV_TRIM_LIST *trims = &volume->Trims;
  if (trims->Count == trims->Capacity) {
    NTSTATUS status = LvGrow((PVOID *)&trims->Ranges, &trims->Capacity, sizeof(LV_TRIM), 'mTvL'); //= LvTm any wrapper
    if (FAILED(status)) return status;
  }
  trims->Ranges[trims->Count].Start = start;
  trims->Ranges[trims->Count++].Length = length;
  trims->Total += length;
  return STATUS_SUCCESS;
}
static void CALL LvWorker(PVOID parameter) {
  LV_WORK *work = parameter;
  work->Work(work->Volume, work->Context);
  ExFreePoolWithTag(work, 'qWvL');
}
NOINLINE static NTSTATUS LvQueueWork(LV_VOLUME *volume, LV_WORK_ROUTINE routine, PVOID context) {
  LV_WORK *work = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(LV_WORK), 'qWvL'); //= LvWq any direct
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->Work = routine;
  work->Volume = volume;
  work->Context = context;
  work->Routine = LvWorker;
  work->Parameter = work;
  ExQueueWorkItem(work, 1);
  return STATUS_SUCCESS;
}
static void LvFlushTrims(PVOID owner, PVOID context) {
  LV_VOLUME *volume = owner;
  PUCHAR ranges = ExAllocatePoolWithQuotaTag(NonPagedPool | 8, volume->Trims.Count * sizeof(LV_TRIM) + 32, 'sDvL'); //= LvDs any direct
  if (!ranges) return;
  memcpy(ranges + 32, volume->Trims.Ranges, volume->Trims.Count * sizeof(LV_TRIM));
  *(ULONG *)ranges = 'MIRT'; //~ TRIM magic
  LogAppend(volume->Redo, ranges, 32);
  ExFreePoolWithTag(ranges, 'sDvL');
  volume->Trims.Count = 0;
}
static void LvCheckpoint(PVOID owner, PVOID context) {
  LV_VOLUME *volume = owner;
  ULONG record[4] = {'tpkC', 1, 0, 0}; //~ Ckpt magic
  LvCacheTrim(&volume->MetadataCache);
  LvCacheTrim(&volume->DataCache);
  record[2] = volume->Trims.Count;
  LogAppend(volume->Undo, record, sizeof(record));
}
static void CALL LvEcpCleanup(PVOID context, const GUID *type) { ((ULONG *)context)[0] = 'derF'; } //~ Fred magic
static const GUID LvEcpGuid = {0x47644C76, 0x99AA, 0x4F10, {'L', 'v', 'G', 'i', 'd', 'v', 'o', 'l'}}; //~ vLdG guid //~ LvGi guid //~ dvol guid

NOINLINE static NTSTATUS LvPrepareCreate(LV_VOLUME *volume, PVOID list, const UNICODE_STRING *name) {
  ULONG *context;
  BT_CURSOR cursor;
  NTSTATUS status = FsRtlAllocateExtraCreateParameter(&LvEcpGuid, 48, 0, LvEcpCleanup, 'pEvL', (PVOID *)&context); //= LvEp any direct
  if (FAILED(status)) return status;
  context[0] = volume->Signature;
  context[1] = name->Length;
  status = FsRtlInsertExtraCreateParameter(list, context);
  if (FAILED(status)) return status;
  status = BtCursorOpen(&cursor, volume->Tables[2], 4, 'cDvL'); //= LvDc any stack-slot
  if (FAILED(status)) return status;
  while (!FAILED(BtCursorMove(&cursor, 1)))
    if (cursor.Saved->ValueBytes == name->Length && !memcmp(cursor.Saved->Data + cursor.Saved->KeyBytes, name->Buffer, name->Length)) break;
  context[2] = cursor.Index;
  BtCursorClose(&cursor);
  return status;
}
NOINLINE static NTSTATUS LvEnumerateExtents(LV_VOLUME *volume, ULONG64 *out, ULONG count) {
  BT_CURSOR *cursor;
  ULONG i;
  NTSTATUS status = LvAllocate(PagedPool, sizeof(BT_CURSOR), 'oEvL', (PVOID *)&cursor); //= LvEo any wrapper
  if (FAILED(status)) return status;
  status = BtCursorOpen(cursor, volume->Tables[1], 2, 'xEvL'); //= LvEx any object-field
  for (i = 0; i < count && !FAILED(status); i++) {
    status = BtCursorMove(cursor, i ? 1 : 0);
    if (!FAILED(status)) memcpy(&out[i], cursor->Saved->Data, sizeof(ULONG64));
  }
  BtCursorClose(cursor);
  LvFree(cursor, 'oEvL');
  return status;
}

/* What a stream is kept for decides how its node is tagged; the tree itself knows one tag. */
NOINLINE static ULONG LvAttributeTag(ULONG code) {
  if (code == 'ATAD') return 'dSvL'; //= LvSd any ternary //~ DATA magic
  if (code == 'TXDI') return 'iSvL'; //= LvSi any ternary //~ IDXT magic
  return code == 'PRRE' ? 'rSvL' : 'oSvL'; //= LvSr any ternary //= LvSo any ternary //~ ERRP magic
}
NOINLINE static NTSTATUS LvCreateStream(LV_VOLUME *volume, ULONG code, ULONG_PTR id) {
  struct { ULONG_PTR Key; PVOID Body; } row;
  ULONG tag = LvAttributeTag(code);
  NTSTATUS status = LvAllocate(PagedPool, 200, tag, &row.Body);
  if (FAILED(status)) return status;
  *(ULONG *)row.Body = code;
  row.Key = id;
  if (RtlInsertElementGenericTableAvl(&volume->Streams, &row, sizeof(row), NULL)) return BtInsert(volume->Tables[3], &id, row.Body, 64);
  LvFree(row.Body, tag);
  return STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS LvMapMetadata(LV_VOLUME *volume, PVOID mdl, ULONG_PTR cookie) {
  PVOID view;
  NTSTATUS status;
  volume->Mapping = MmAllocateMappingAddress(0x10000, 'pMvL'); //= LvMp any direct
  if (!volume->Mapping) return STATUS_INSUFFICIENT_RESOURCES;
  view = MmMapLockedPagesWithReservedMapping(volume->Mapping, 'pMvL', mdl, 1);
  if (!view) {
    MmFreeMappingAddress(volume->Mapping, 'pMvL');
    return STATUS_INVALID_PARAMETER;
  }
  status = ExSecurePoolUpdate(volume->SecurePool, 'vSvL', view, cookie, 0, 64, &volume->Signature); //= LvSv any direct
  MmUnmapReservedMapping(volume->Mapping, 'pMvL', mdl);
  return status;
}

static LV_TREE_CONTEXT *LvContexts[] = {&LogContainerContext, &LogClientContext};
static REMOVE_LOCK LvRemoveLock;

NOINLINE static NTSTATUS LvOpenLog(LOG_FILE *log, HANDLE handle) {
  log->Signature = 'fgoL'; //~ Logf magic
  log->Handle = handle;
  ListInit(&log->Areas);
  log->Lock = LvCreateLock();
  if (!log->Lock) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitializeGenericTableAvl(&log->Containers, LvCompareKeys, LvAllocateNode, LvFreeNode, &LogContainerContext);
  RtlInitializeGenericTableAvl(&log->Clients, LvCompareKeys, LvAllocateNode, LvFreeNode, LvContexts[1]);
  return LogReadBase(log);
}
NOINLINE static NTSTATUS LvMount(DEVICE_OBJECT *device, HANDLE handle, LV_VOLUME **out) {
  static const ULONG order[BT_SCHEMAS] = {'OBJT', 'ALLO', 'DIRS', 'FILE'};
  LV_VOLUME *volume;
  ULONG i;
  NTSTATUS status = LvAllocate(NonPagedPoolNx, sizeof(LV_VOLUME), 'lVvL', (PVOID *)&volume); //= LvVl any wrapper
  if (FAILED(status)) return status;
  volume->Signature = 'loVL'; //~ LVol magic
  status = LvOpenLog(&volume->Log, handle);
  if (!FAILED(status)) status = LogCreateArea(&volume->Log, 0x1000, 64, NULL, NULL, 'rMvL', &volume->Redo); //= LvMr any object-field-deep
  if (!FAILED(status)) status = LogCreateArea(&volume->Log, 0x400, 256, NULL, NULL, 'uMvL', &volume->Undo); //= LvMu any object-field-deep
  if (!FAILED(status)) status = LvCacheInitialize(&volume->MetadataCache, 'hPvL', 'mPvL', PAGE_BYTES * 4); //= LvPh any lookaside //= LvPm any object-field-deep
  if (!FAILED(status)) status = LvCacheInitialize(&volume->DataCache, 'gPvL', 'dPvL', PAGE_BYTES); //= LvPg any lookaside //= LvPd any object-field-deep
  for (i = 0; i < BT_SCHEMAS && !FAILED(status); i++) status = BtOpenTable(&volume->MetadataCache, order[i], i * 0x4000ull, &volume->Tables[i]);
  if (FAILED(status)) {
    if (volume->Redo) LogDeleteArea(volume->Redo);
    LvFree(volume, 'lVvL');
    return status;
  }
  volume->StreamContext.Type = PagedPool;
  volume->StreamContext.Tag = 'tSvL'; //= LvSt any callback-context
  RtlInitializeGenericTableAvl(&volume->Streams, LvCompareKeys, LvAllocateNode, LvFreeNode, &volume->StreamContext);
  volume->Lock = FsRtlAllocateAePushLock(PagedPool, 'lPvL'); //= LvPl any direct
  FsRtlInitExtraCreateParameterLookasideList(volume->EcpList, 0, 64, 'eEvL'); //= LvEe any direct
  status = ExCreatePool(1, 'vSvL', NULL, &volume->SecurePool);
  *out = volume;
  return status;
}
NOINLINE static void LvDismount(LV_VOLUME *volume) {
  ULONG i;
  for (i = 0; i < BT_SCHEMAS; i++) if (volume->Tables[i]) BtCloseTable(volume->Tables[i]);
  LogDeleteArea(volume->Redo);
  LogDeleteArea(volume->Undo);
  ExDeleteLookasideListEx(&volume->MetadataCache.Headers);
  ExDeleteLookasideListEx(&volume->DataCache.Headers);
  if (volume->Lock) FsRtlFreeAePushLock(volume->Lock);
  if (volume->Trims.Ranges) ExFreePoolWithTag(volume->Trims.Ranges, 'mTvL');
  LvFree(volume, 'lVvL');
}

static LV_VOLUME *LvVolume;
static NTSTATUS CALL LvControl(DEVICE_OBJECT *device, IRP *irp) {
  ULONG64 *input = irp->SystemBuffer;
  LV_VOLUME *volume = LvVolume;
  NTSTATUS status = IoAcquireRemoveLockEx(&LvRemoveLock, (PVOID)(ULONG_PTR)'tCvL', "control.c", 40, 32); //~ LvCt remove-lock
  if (FAILED(status)) return status;
  switch (irp->Stack->Argument[2] == device ? (ULONG)input[0] : 0x90000) {
    case 0x90000: status = LvMount(device, (HANDLE)(ULONG_PTR)input[1], &LvVolume); break;
    case 0x90004: LvDismount(volume); LvVolume = NULL; break;
    case 0x90008:
      status = LvAddTrim(volume, input[1], input[2]);
      if (!FAILED(status) && volume->Trims.Total > 0x100000) status = LvQueueWork(volume, LvFlushTrims, irp);
      break;
    case 0x9000C: status = LogAddContainer(&volume->Log, (UNICODE_STRING *)(ULONG_PTR)input[1], input[2]); break;
    case 0x90010: status = LvEnumerateExtents(volume, input, 16); break;
    case 0x90014: status = LvPrepareCreate(volume, (PVOID)(ULONG_PTR)input[1], (UNICODE_STRING *)(ULONG_PTR)input[2]); break;
    case 0x90018: status = LvCreateStream(volume, (ULONG)input[1], (ULONG_PTR)input[2]); break;
    case 0x9001C: status = LvMapMetadata(volume, irp->Mdl, (ULONG_PTR)input[1]); break;
    case 0x90020: status = LvQueueWork(volume, LvCheckpoint, NULL); break;
    case 0x90024: {
      LOG_CONTAINER_ROW client = {(ULONG_PTR)input[1], NULL};
      status = RtlInsertElementGenericTableAvl(&volume->Log.Clients, &client, sizeof(client), NULL) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
      break;
    }
    case 0x90028: ObReferenceObjectByPointerWithTag(irp->Stack->Device, 1, NULL, 0, 'eRvL'); break; //~ LvRe object-tag
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  if (path->Length > 0x200) {
    DbgPrint("log volume: %wZ %s", path, "OLTL"); //~ OLTL text
    return STATUS_INVALID_PARAMETER;
  }
  IoInitializeRemoveLockEx(&LvRemoveLock, 'lRvL', 0, 0, 32); //~ LvRl remove-lock
  driver->Major[14] = LvControl;
  driver->Major[13] = LvControl;
  return STATUS_SUCCESS;
}
