// A sampling profiler and tracer: rings for each processor, slabs and arenas, caches of modules and symbols, interned strings, stack walks,
// sessions with pools of buffers, counters of two vendors in tables, filters compiled to small programs, dumps, a block for the debugger.
#include "kernel.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_CPUS 64
#define KB(n) ((n) * 1024u)
typedef ULONG HASH;
#define STATUS_NOT_FOUND ((NTSTATUS)0xC0000225)
#define STATUS_BUFFER_OVERFLOW ((NTSTATUS)0x80000005)

#define PfTag(a, b) ((ULONG)('P' | 'f' << 8 | (a) << 16 | (ULONG)(b) << 24))

static void ListInit(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static void ListPush(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head->Flink; entry->Blink = head; head->Flink->Blink = entry; head->Flink = entry;
}
static BOOLEAN ListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static LIST_ENTRY *ListPop(LIST_ENTRY *head) {
  LIST_ENTRY *entry = head->Flink;
  head->Flink = entry->Flink; entry->Flink->Blink = head;
  return entry;
}

/* ---- memory of a node ------------------------------------------------------------------------------------------------------------------ */

typedef struct { ULONG64 Type; union { ULONG64 Reserved; ULONG Node; ULONG Priority; } u; } POOL_PARAMETER;
typedef PVOID(CALL *ALLOCATE3)(ULONG64 flags, SIZE_T size, ULONG tag, PVOID parameters, ULONG count);
static ALLOCATE3 PfAllocate3;
static ULONG PfNodes = 1, PfCpus = 4;

NOINLINE static PVOID NodeAllocate(ULONG node, SIZE_T size, ULONG tag) {
  if (PfAllocate3 && PfNodes > 1) {
    POOL_PARAMETER parameter = {4};
    parameter.u.Node = node;
    return PfAllocate3(POOL_FLAG_NON_PAGED, size, tag, &parameter, 1);
  }
  return ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
}
NOINLINE static NTSTATUS NodeContiguous(ULONG node, SIZE_T *size, ULONG tag, PVOID *out) {
  PHYSICAL_ADDRESS low, high, boundary;
  low.QuadPart = boundary.QuadPart = 0;
  high.QuadPart = 0xFFFFFFFF;
  *size = (*size + 4095) & ~(SIZE_T)4095;
  return MmAllocateContiguousMemoryEx(size, low, high, boundary, node, 4, NULL, tag, 0, out);
}
static PVOID ZeroedAllocate(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
/* Several blocks or none: triples of address, size and tag, ended by NULL. */
NOINLINE static BOOLEAN AllocateTogether(ULONG type, ...) {
  PVOID *done[8], *out;
  ULONG tags[8];
  ULONG count = 0;
  __builtin_va_list list;
  __builtin_va_start(list, type);
  while (count < 8 && (out = __builtin_va_arg(list, PVOID *)) != NULL) {
    SIZE_T size = __builtin_va_arg(list, SIZE_T);
    ULONG tag = __builtin_va_arg(list, ULONG);
    *out = ExAllocatePoolWithTag(type, size, tag);
    if (!*out) {
      while (count--) ExFreePoolWithTag(*done[count], tags[count]);
      __builtin_va_end(list);
      return FALSE;
    }
    tags[count] = tag;
    done[count++] = out;
  }
  __builtin_va_end(list);
  return TRUE;
}

/* ---- slabs: a cache for each class of sizes ----------------------------------------------------------------------------------------------- */

typedef struct SLAB { struct SLAB *Next; ULONG Magic; ULONG Used; ULONG64 Bitmap; UCHAR Objects[1]; } SLAB;
typedef struct { ULONG Tag; ULONG ObjectBytes; ULONG PerSlab; ULONG_PTR Lock; SLAB *Slabs; LONG Live; } SLAB_CACHE;
#define SLAB_MAGIC 'balS' //~ Slab magic
static SLAB_CACHE SlabCaches[4];

NOINLINE static void SlabInitialize(void) {
  ULONG i;
  for (i = 0; i < COUNT_OF(SlabCaches); i++) {
    SlabCaches[i].Tag = PfTag('s', '0' + i); //= Pfs0 any computed-tag //= Pfs1 any computed-tag //= Pfs2 any computed-tag //= Pfs3 any computed-tag
    SlabCaches[i].ObjectBytes = 32u << i;
    SlabCaches[i].PerSlab = 32;
    KeInitializeSpinLock(&SlabCaches[i].Lock);
  }
}
NOINLINE static SLAB *SlabGrow(SLAB_CACHE *cache) {
  SLAB *slab = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(SLAB) + cache->ObjectBytes * cache->PerSlab, cache->Tag);
  if (!slab) return NULL;
  slab->Magic = SLAB_MAGIC;
  slab->Used = 0;
  slab->Bitmap = 0;
  slab->Next = cache->Slabs;
  cache->Slabs = slab;
  return slab;
}
NOINLINE static PVOID SlabTake(SIZE_T size) {
  ULONG class = size <= 32 ? 0 : size <= 64 ? 1 : size <= 128 ? 2 : 3, bit;
  SLAB_CACHE *cache = &SlabCaches[class];
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&cache->Lock);
  SLAB *slab = cache->Slabs;
  PVOID result = NULL;
  while (slab && slab->Used == cache->PerSlab) slab = slab->Next;
  if (!slab) slab = SlabGrow(cache);
  if (slab) {
    for (bit = 0; ((ULONG)slab->Bitmap & (1u << bit)) != 0; bit++) {}
    slab->Bitmap |= 1u << bit;
    slab->Used++;
    cache->Live++;
    result = slab->Objects + bit * cache->ObjectBytes;
  }
  KeReleaseSpinLock(&cache->Lock, irql);
  return result;
}
static void SlabDestroy(void) {
  ULONG i;
  for (i = 0; i < COUNT_OF(SlabCaches); i++) {
    while (SlabCaches[i].Slabs) {
      SLAB *slab = SlabCaches[i].Slabs;
      SlabCaches[i].Slabs = slab->Next;
      ExFreePoolWithTag(slab, SlabCaches[i].Tag);
    }
  }
}

/* ---- arenas -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct CHUNK { struct CHUNK *Next; ULONG Used, Bytes; } CHUNK;
typedef struct ARENA { struct ARENA *Parent; CHUNK *Chunks; ULONG Tag; ULONG ChunkBytes; ULONG Signature; } ARENA;
#define ARENA_SIGNATURE 'nerA' //~ Aren magic

NOINLINE static ARENA *ArenaCreate(ARENA *parent, ULONG tag, ULONG chunk) {
  ARENA *arena = SlabTake(sizeof(ARENA));
  if (!arena) return NULL;
  arena->Signature = ARENA_SIGNATURE;
  arena->Parent = parent;
  arena->Chunks = NULL;
  arena->Tag = tag ? tag : parent->Tag;
  arena->ChunkBytes = chunk;
  return arena;
}
NOINLINE static PVOID ArenaTake(ARENA *arena, ULONG bytes) {
  CHUNK *chunk = arena->Chunks;
  bytes = (bytes + 7) & ~7u;
  if (!chunk || chunk->Used + bytes > chunk->Bytes) {
    ULONG size = bytes > arena->ChunkBytes ? bytes : arena->ChunkBytes;
    chunk = ExAllocatePoolWithTag(PagedPool, sizeof(CHUNK) + size, arena->Tag);
    if (!chunk) return NULL;
    chunk->Bytes = size;
    chunk->Used = 0;
    chunk->Next = arena->Chunks;
    arena->Chunks = chunk;
  }
  chunk->Used += bytes;
  return (UCHAR *)(chunk + 1) + chunk->Used - bytes;
}
NOINLINE static void ArenaReset(ARENA *arena) {
  if (arena->Signature != ARENA_SIGNATURE) KeBugCheckEx(0xE2, 'cAfP', (ULONG_PTR)arena, 0, 0); //~ PfAc bug-check
  while (arena->Chunks) {
    CHUNK *chunk = arena->Chunks;
    arena->Chunks = chunk->Next;
    ExFreePoolWithTag(chunk, arena->Tag);
  }
}

/* ---- hash tables with growth ------------------------------------------------------------------------------------------------------------------ */

typedef struct ENTRY { struct ENTRY *Next; HASH Hash; const void *Key; PVOID Value; } ENTRY;
typedef struct { ULONG BucketTag, EntryTag; HASH (*Hash)(const void *key); BOOLEAN (*Equal)(const void *a, const void *b); } TABLE_TYPE;
typedef struct { const TABLE_TYPE *Type; ENTRY **Buckets; ULONG Count, Mask; } TABLE;

static HASH TextHash(const void *key) {
  const UCHAR *text = key;
  HASH hash = 0x811C9DC5;
  while (*text) hash = (hash ^ *text++) * 0x01000193;
  return hash;
}
static BOOLEAN TextEqual(const void *a, const void *b) {
  const UCHAR *first = a, *second = b;
  while (*first && *first == *second) { first++; second++; }
  return *first == *second;
}
static HASH AddressHash(const void *key) { return (HASH)((ULONG_PTR)key >> 12) * 0x9E3779B1u; }
static BOOLEAN AddressEqual(const void *a, const void *b) { return a == b; }
static const TABLE_TYPE StringTable = {PfTag('h', 's'), PfTag('e', 's'), TextHash, TextEqual}; //= Pfhs any object-field-deep //= Pfes any object-field-deep
static const TABLE_TYPE SymbolTable = {PfTag('h', 'y'), PfTag('e', 'y'), AddressHash, AddressEqual}; //= Pfhy any object-field-deep //= Pfey any object-field-deep

static BOOLEAN TableInitialize(TABLE *table, const TABLE_TYPE *type, ULONG buckets) {
  table->Type = type;
  table->Count = 0;
  table->Mask = buckets - 1;
  table->Buckets = ZeroedAllocate(PagedPool, buckets * sizeof(PVOID), type->BucketTag);
  return table->Buckets != NULL;
}
NOINLINE static BOOLEAN TableGrow(TABLE *table) {
  ULONG buckets = (table->Mask + 1) * 2, i;
  ENTRY **bigger = ZeroedAllocate(PagedPool, buckets * sizeof(PVOID), table->Type->BucketTag);
  if (!bigger) return FALSE;
  for (i = 0; i <= table->Mask; i++) {
    while (table->Buckets[i]) {
      ENTRY *entry = table->Buckets[i];
      table->Buckets[i] = entry->Next;
      entry->Next = bigger[entry->Hash & (buckets - 1)];
      bigger[entry->Hash & (buckets - 1)] = entry;
    }
  }
  ExFreePoolWithTag(table->Buckets, table->Type->BucketTag);
  table->Buckets = bigger;
  table->Mask = buckets - 1;
  return TRUE;
}
NOINLINE static ENTRY *TablePut(TABLE *table, const void *key) {
  HASH hash = table->Type->Hash(key);
  ENTRY *entry;
  for (entry = table->Buckets[hash & table->Mask]; entry; entry = entry->Next)
    if (entry->Hash == hash && table->Type->Equal(entry->Key, key)) return entry;
  if (table->Count > table->Mask && !TableGrow(table)) return NULL;
  entry = ZeroedAllocate(PagedPool, sizeof(ENTRY), table->Type->EntryTag);
  if (!entry) return NULL;
  entry->Key = key;
  entry->Hash = hash;
  entry->Next = table->Buckets[hash & table->Mask];
  table->Buckets[hash & table->Mask] = entry;
  table->Count++;
  return entry;
}

static TABLE Strings, Symbols;
static ARENA *StringArena, *SymbolArena, *FilterArena;

NOINLINE static const CHAR *Intern(const CHAR *text, ULONG length) {
  CHAR *copy = ArenaTake(StringArena, length + 1);
  ENTRY *entry;
  if (!copy) return "";
  memcpy(copy, text, length);
  copy[length] = 0;
  entry = TablePut(&Strings, copy);
  return entry ? (const CHAR *)entry->Key : "";
}

/* ---- modules ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { PVOID Base; ULONG Bytes; ULONG Stamp; const CHAR *Name; GUID Pdb; } MODULE;
typedef struct { ULONG_PTR Links[4]; PVOID Ordered; ULONG Which, Elements, Depth; PVOID Restart; ULONG Deletes; PVOID Compare, Allocate, Free; PVOID Context; } AVL_TABLE;
typedef struct { ULONG Tag; ULONG Type; LONG Nodes; } AVL_CONTEXT;
static AVL_TABLE KernelModules, UserModules;
static AVL_CONTEXT KernelContext = {PfTag('m', 'k'), NonPagedPoolNx}; //= Pfmk any callback-context
static AVL_CONTEXT UserContext = {PfTag('m', 'u'), PagedPool}; //= Pfmu any callback-context

static LONG CALL ModuleCompare(PVOID table, PVOID a, PVOID b) {
  const MODULE *first = a, *second = b;
  if ((UCHAR *)first->Base + first->Bytes <= (UCHAR *)second->Base) return 0;
  return (UCHAR *)second->Base + second->Bytes <= (UCHAR *)first->Base ? 1 : 2;
}
static PVOID CALL ModuleAllocate(PVOID table, LONG size) {
  AVL_CONTEXT *context = ((AVL_TABLE *)table)->Context;
  context->Nodes++;
  return ExAllocatePoolWithTag(context->Type, size, context->Tag);
}
static void CALL ModuleFree(PVOID table, PVOID p) {
  AVL_CONTEXT *context = ((AVL_TABLE *)table)->Context;
  context->Nodes--;
  ExFreePoolWithTag(p, context->Tag);
}
NOINLINE static NTSTATUS ModulesRefresh(void) {
  ULONG size = 0, i;
  struct { ULONG Count; struct { HANDLE Section; PVOID Mapped, Base; ULONG Bytes, Flags; USHORT A, B, C, Offset; CHAR Path[256]; } Module[1]; } *list;
  MODULE module;
  NTSTATUS status;
  do {
    ZwQuerySystemInformation(11, NULL, 0, &size);
    size += KB(4);
    list = ExAllocatePoolWithTag(PagedPool, size, PfTag('q', 'm')); //= Pfqm any direct
    if (!list) return STATUS_INSUFFICIENT_RESOURCES;
    status = ZwQuerySystemInformation(11, list, size, &size);
    if (status >= 0) break;
    ExFreePoolWithTag(list, PfTag('q', 'm'));
  } while (status == (NTSTATUS)0xC0000004);
  if (status < 0) return status;
  for (i = 0; i < list->Count; i++) {
    const UCHAR *image = list->Module[i].Base;
    module.Base = list->Module[i].Base;
    module.Bytes = list->Module[i].Bytes;
    module.Name = Intern(list->Module[i].Path + list->Module[i].Offset, 32);
    module.Stamp = *(const ULONG *)(image + 0x40);
    if (*(const ULONG *)(image + 0x80) == 'SDSR') memcpy(&module.Pdb, image + 0x84, 16); //~ RSDS magic
    else if (*(const ULONG *)(image + 0x80) == '01BN') module.Pdb.Data1 = module.Stamp; //~ NB10 magic
    RtlInsertElementGenericTableAvl((LONG)(ULONG_PTR)module.Base < 0 ? &KernelModules : &UserModules, &module, sizeof(module), NULL);
  }
  ExFreePoolWithTag(list, PfTag('q', 'm'));
  return STATUS_SUCCESS;
}
NOINLINE static ULONG SymbolAdd(PVOID address, const CHAR *name) {
  ENTRY *entry = TablePut(&Symbols, address);
  CHAR *line;
  if (!entry) return 0;
  line = ArenaTake(SymbolArena, 48);
  if (!line) return 0;
  memcpy(line, name, 40);
  *(ULONG *)(line + 44) = 'bmyS'; //~ Symb magic
  entry->Value = line;
  return entry->Hash;
}

/* ---- stack walks ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; ULONG Frames; HASH Hash; PVOID Frame[62]; } STACK;
static LOOKASIDE StackList, SampleList;
static LONG StackBlocks;

static PVOID CALL StackAllocateEx(ULONG type, SIZE_T size, ULONG tag, LOOKASIDE *list) {
  StackBlocks++;
  return ExAllocatePoolWithTag(type, size, tag);
}
static void CALL StackFreeEx(PVOID p, LOOKASIDE *list) { StackBlocks--; ExFreePool(p); }
NOINLINE static NTSTATUS StacksInitialize(void) {
  NTSTATUS status = ExInitializeLookasideListEx(&StackList, StackAllocateEx, StackFreeEx, NonPagedPoolNx, 0, sizeof(STACK), PfTag('s', 't'), 0); //= Pfst any lookaside
  if (status < 0) return status;
  ExInitializePagedLookasideList(&SampleList, NULL, NULL, 0, 96, PfTag('s', 'm'), 0); //= Pfsm any lookaside
  return STATUS_SUCCESS;
}
NOINLINE static STACK *StackCapture(const ULONG_PTR *frame, ULONG limit) {
  STACK *stack = ExpInterlockedPopEntrySList(&StackList);
  if (!stack) return NULL;
  stack->Frames = 0;
  while (frame && stack->Frames < limit && stack->Frames < 62) {
    if ((ULONG)frame[1] == 'dnEF') break; //~ FEnd magic
    stack->Frame[stack->Frames++] = (PVOID)frame[1];
    frame = (const ULONG_PTR *)frame[0];
  }
  return stack;
}

/* ---- rings ------------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Signature, Cpu; UCHAR *Buffer; SIZE_T Bytes; ULONG Head, Tail, Lost; PVOID Debug; UCHAR *Spill; } RING;
static RING *Rings[MAX_CPUS];

NOINLINE static NTSTATUS RingCreate(ULONG cpu, SIZE_T bytes, BOOLEAN hardware) {
  ULONG node = cpu * PfNodes / MAX_CPUS;
  RING *ring = NodeAllocate(node, sizeof(RING), PfTag('r', 'c')); //= Pfrc any wrapper
  NTSTATUS status = STATUS_SUCCESS;
  if (!ring) return STATUS_INSUFFICIENT_RESOURCES;
  memset(ring, 0, sizeof(RING));
  ring->Signature = 'gnRC'; //~ CRng magic
  ring->Cpu = cpu;
  ring->Bytes = bytes;
  if (hardware) {
    SIZE_T debug = 4096;
    status = NodeContiguous(node, &ring->Bytes, PfTag('r', 'p'), (PVOID *)&ring->Buffer); //= Pfrp any wrapper
    if (status >= 0) status = NodeContiguous(node, &debug, PfTag('d', 's'), &ring->Debug); //= Pfds any wrapper
  } else {
    ring->Buffer = NodeAllocate(node, bytes, PfTag('r', 'b')); //= Pfrb any wrapper
    if (!ring->Buffer) status = STATUS_INSUFFICIENT_RESOURCES;
  }
  if (status < 0) {
    ExFreePoolWithTag(ring, PfTag('r', 'c'));
    return status;
  }
  Rings[cpu] = ring;
  return status;
}
NOINLINE static BOOLEAN RingWrite(RING *ring, const void *record, ULONG bytes) {
  if (ring->Head + bytes - ring->Tail > ring->Bytes) {
    ring->Lost++;
    if (ring->Spill) return FALSE;
    ring->Spill = ExAllocatePool2(POOL_FLAG_NON_PAGED, KB(16), PfTag('r', 's')); //= Pfrs any direct
    return ring->Spill != NULL;
  }
  memcpy(ring->Buffer + ring->Head % (ULONG)ring->Bytes, record, bytes);
  ring->Head += bytes;
  return TRUE;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; ULONG Offset, Cpu; LARGE_INTEGER Start; UCHAR Data[1]; } BUFFER;
typedef struct { LIST_ENTRY Free, Full; ULONG_PTR Lock; ULONG Minimum, Maximum, Count, Bytes; ULONG Tag; } BUFFER_POOL;
typedef struct SESSION { LIST_ENTRY Link; ULONG Id; ULONG Mode; BUFFER_POOL Pool; HANDLE File; const CHAR *Name; struct FILTER *Filter; ULONG64 Provider; } SESSION;
typedef struct { const CHAR *Name; ULONG Mode; ULONG Tag; USHORT Minimum, Maximum; } SESSION_TYPE;
static const SESSION_TYPE SessionTypes[] = {
  {"cpu", 0, PfTag('b', 'c'), 8, 64}, //= Pfbc any tag-table
  {"io", 0, PfTag('b', 'i'), 4, 32}, //= Pfbi any tag-table
  {"realtime", 1, PfTag('b', 'r'), 4, 16}, //= Pfbr any tag-table
};
static LIST_ENTRY Sessions;
static const GUID ProviderId = {0x50726F66, 0x6950, 0x7472, {'P', 'r', 'o', 'v', 'I', 'd', '0', '1'}}; //~ forP guid //~ Prov guid

NOINLINE static BUFFER *PoolTake(BUFFER_POOL *pool) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&pool->Lock);
  BUFFER *buffer = ListEmpty(&pool->Free) ? NULL : (BUFFER *)ListPop(&pool->Free);
  KeReleaseSpinLock(&pool->Lock, irql);
  if (!buffer && pool->Count < pool->Maximum) {
    buffer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(BUFFER) + pool->Bytes, pool->Tag);
    if (buffer) pool->Count++;
  }
  if (buffer) {
    buffer->Start = KeQueryPerformanceCounter(NULL);
    buffer->Offset = 0;
  }
  return buffer;
}
NOINLINE static NTSTATUS PoolFill(BUFFER_POOL *pool) {
  while (pool->Count < pool->Minimum) {
    BUFFER *buffer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(BUFFER) + pool->Bytes, pool->Tag);
    if (!buffer) return STATUS_INSUFFICIENT_RESOURCES;
    ListPush(&pool->Free, &buffer->Link);
    pool->Count++;
  }
  return STATUS_SUCCESS;
}
static NTSTATUS SessionStart(const CHAR *name, SESSION **out) {
  const SESSION_TYPE *type = NULL;
  SESSION *session;
  NTSTATUS status;
  ULONG i;
  for (i = 0; i < COUNT_OF(SessionTypes); i++) if (TextEqual(SessionTypes[i].Name, name)) { type = &SessionTypes[i]; break; }
  if (!type) return STATUS_NOT_FOUND;
  session = ZeroedAllocate(NonPagedPoolNx, sizeof(SESSION), type->Mode ? PfTag('s', 'r') : PfTag('s', 'e')); //= Pfsr any ternary //= Pfse any ternary
  if (!session) return STATUS_INSUFFICIENT_RESOURCES;
  session->Id = 'nseS'; //~ Sesn magic
  session->Mode = type->Mode;
  session->Name = Intern(type->Name, 8);
  ListInit(&session->Pool.Free);
  ListInit(&session->Pool.Full);
  session->Pool.Minimum = type->Minimum;
  session->Pool.Maximum = type->Maximum;
  session->Pool.Tag = type->Tag;
  session->Pool.Bytes = KB(64);
  status = PoolFill(&session->Pool);
  if (status >= 0) status = EtwRegister(&ProviderId, NULL, session, &session->Provider);
  if (status < 0) {
    ExFreePoolWithTag(session, session->Mode ? PfTag('s', 'r') : PfTag('s', 'e'));
    return status;
  }
  ListPush(&Sessions, &session->Link);
  *out = session;
  return status;
}
NOINLINE static NTSTATUS SessionLog(SESSION *session, const void *record, ULONG bytes) {
  BUFFER *buffer = PoolTake(&session->Pool);
  if (!buffer) return STATUS_BUFFER_OVERFLOW;
  *(ULONG *)buffer->Data = 'dRvE'; //~ EvRd magic
  memcpy(buffer->Data + 4, record, bytes);
  buffer->Offset = bytes + 4;
  ListPush(&session->Pool.Full, &buffer->Link);
  return STATUS_SUCCESS;
}

/* ---- counters of the processor ------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT Event, Mask; ULONG Msr; ULONG Tag; const CHAR *Name; } COUNTER;
typedef struct PMU { ULONG Vendor; ULONG Count; const COUNTER *Counters; ULONG StateTag; SIZE_T StateBytes; NTSTATUS (*Start)(PVOID state, ULONG counter); } PMU;
typedef struct { const COUNTER *Counter; ULONG Values[MAX_CPUS]; } COUNTER_STATE;
static const COUNTER IntelCounters[] = {
  {0x3C, 0, 0x186, PfTag('i', 'c'), "cycles"}, //= Pfic any tag-table
  {0xC0, 0, 0x187, PfTag('i', 'i'), "instructions"}, //= Pfii any tag-table
  {0x2E, 0x41, 0x188, PfTag('i', 'm'), "misses"}, //= Pfim any tag-table
};
static const COUNTER AmdCounters[] = {
  {0x76, 0, 0xC0010200, PfTag('a', 'c'), "cycles"}, //= Pfac any tag-table
  {0xC0, 0, 0xC0010202, PfTag('a', 'i'), "instructions"}, //= Pfai any tag-table
};
typedef struct { ULONG Global, Status, Fixed[3]; } INTEL_STATE;
typedef struct { ULONG Select[6], Value[6]; } AMD_STATE;
static NTSTATUS IntelStart(PVOID state, ULONG counter) {
  INTEL_STATE *intel = state;
  intel->Global |= 1u << counter;
  intel->Fixed[counter % 3] = 0x333;
  return STATUS_SUCCESS;
}
static NTSTATUS AmdStart(PVOID state, ULONG counter) {
  AMD_STATE *amd = state;
  if (counter >= 6) return STATUS_NOT_SUPPORTED;
  amd->Select[counter] = 0x430076;
  return STATUS_SUCCESS;
}
static const PMU IntelPmu = {'uneG', COUNT_OF(IntelCounters), IntelCounters, PfTag('I', 'n'), sizeof(INTEL_STATE), IntelStart}; //~ Genu magic //= PfIn any operations-table
static const PMU AmdPmu = {'htuA', COUNT_OF(AmdCounters), AmdCounters, PfTag('A', 'm'), sizeof(AMD_STATE), AmdStart}; //~ Auth magic //= PfAm any operations-table
static const PMU *Pmu;
static PVOID PmuState;
static COUNTER_STATE *Counters[8];

NOINLINE static NTSTATUS CountersStart(ULONG vendor) {
  ULONG i;
  Pmu = vendor == IntelPmu.Vendor ? &IntelPmu : vendor == AmdPmu.Vendor ? &AmdPmu : NULL;
  if (!Pmu) return STATUS_NOT_SUPPORTED;
  PmuState = ZeroedAllocate(NonPagedPoolNx, Pmu->StateBytes, Pmu->StateTag);
  if (!PmuState) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < Pmu->Count; i++) {
    Counters[i] = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(COUNTER_STATE), Pmu->Counters[i].Tag);
    if (!Counters[i]) return STATUS_INSUFFICIENT_RESOURCES;
    Counters[i]->Counter = &Pmu->Counters[i];
    if (Pmu->Start(PmuState, i) < 0) DbgPrint("profiler: %s does not count\n", Pmu->Counters[i].Name);
  }
  return STATUS_SUCCESS;
}
NOINLINE static void CountersStop(void) {
  ULONG i;
  if (!Pmu) return;
  for (i = 0; i < Pmu->Count; i++) if (Counters[i]) ExFreePoolWithTag(Counters[i], Pmu->Counters[i].Tag);
  ExFreePoolWithTag(PmuState, Pmu->StateTag);
}

/* ---- filters ------------------------------------------------------------------------------------------------------------------------------------------- */

enum { OpLoad, OpConst, OpEqual, OpAnd, OpOr, OpEnd };
typedef struct { UCHAR Op, Field; USHORT Length; ULONG Value; } INSTRUCTION;
typedef struct FILTER { ULONG Magic; ULONG Count; ULONG *Constants; INSTRUCTION Code[1]; } FILTER;
typedef struct { INSTRUCTION *Code; ULONG Count, Capacity; ULONG *Constants; ULONG ConstantCount; ULONG CodeTag, ConstantTag; } BUILDER;

NOINLINE static BOOLEAN BuilderEmit(BUILDER *builder, UCHAR op, UCHAR field, ULONG value) {
  if (builder->Count == builder->Capacity) {
    ULONG capacity = builder->Capacity ? builder->Capacity * 2 : 16;
    INSTRUCTION *code = ExAllocatePoolWithTag(PagedPool, capacity * sizeof(INSTRUCTION), builder->CodeTag);
    if (!code) return FALSE;
    if (builder->Code) {
      memcpy(code, builder->Code, builder->Count * sizeof(INSTRUCTION));
      ExFreePoolWithTag(builder->Code, builder->CodeTag);
    }
    builder->Code = code;
    builder->Capacity = capacity;
  }
  builder->Code[builder->Count].Op = op;
  builder->Code[builder->Count].Field = field;
  builder->Code[builder->Count++].Value = value;
  return TRUE;
}
NOINLINE static BOOLEAN BuilderConstant(BUILDER *builder, ULONG value) {
  if (!builder->Constants) {
    builder->Constants = ExAllocatePoolWithTag(PagedPool, 64 * sizeof(ULONG), builder->ConstantTag);
    if (!builder->Constants) return FALSE;
  }
  builder->Constants[builder->ConstantCount++ & 63] = value;
  return TRUE;
}
NOINLINE static FILTER *FilterCompile(const UCHAR *text, ULONG length) {
  BUILDER builder = {NULL, 0, 0, NULL, 0, PfTag('f', 'c'), PfTag('f', 'k')}; //= Pffc any wrapper-structure //= Pffk any wrapper-structure
  FILTER *filter = NULL;
  BOOLEAN good = TRUE;
  ULONG i;
  for (i = 0; good && i + 4 <= length; i += 4) {
    switch (*(const ULONG *)(text + i)) {
      case ' dip': good = BuilderEmit(&builder, OpLoad, 1, 0); break; //~ "pid " magic
      case ' dit': good = BuilderEmit(&builder, OpLoad, 2, 0); break; //~ "tid " magic
      case 'dna ': good = BuilderEmit(&builder, OpAnd, 0, 0); break; //~ " and" magic
      default: good = BuilderConstant(&builder, text[i]) && BuilderEmit(&builder, OpConst, 0, builder.ConstantCount - 1);
    }
  }
  if (good && BuilderEmit(&builder, OpEnd, 0, 0)) {
    filter = ArenaTake(FilterArena, sizeof(FILTER) + builder.Count * sizeof(INSTRUCTION));
    if (filter) {
      filter->Magic = 'rtlF'; //~ Fltr magic
      filter->Count = builder.Count;
      filter->Constants = builder.Constants;
      memcpy(filter->Code, builder.Code, builder.Count * sizeof(INSTRUCTION));
      builder.Constants = NULL;
    }
  }
  if (builder.Code) ExFreePoolWithTag(builder.Code, builder.CodeTag);
  if (builder.Constants) ExFreePoolWithTag(builder.Constants, builder.ConstantTag);
  return filter;
}
NOINLINE static BOOLEAN FilterRun(const FILTER *filter, const ULONG *fields) {
  ULONG stack[8] = {0}, top = 0, i;
  for (i = 0; i < filter->Count; i++) {
    const INSTRUCTION *code = &filter->Code[i];
    switch (code->Op) {
      case OpLoad: stack[top++ & 7] = fields[code->Field & 3]; break;
      case OpConst: stack[top++ & 7] = filter->Constants[code->Value & 63]; break;
      case OpEqual: top--; stack[(top - 1) & 7] = stack[(top - 1) & 7] == stack[top & 7]; break;
      case OpAnd: top--; stack[(top - 1) & 7] &= stack[top & 7]; break;
      case OpOr: top--; stack[(top - 1) & 7] |= stack[top & 7]; break;
      case OpEnd: return stack[(top - 1) & 7] != 0;
    }
  }
  return FALSE;
}

/* ---- dumps ------------------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct DUMP { HANDLE File; LARGE_INTEGER Offset; UCHAR *Scratch; ULONG *Index; UCHAR *Header; } DUMP;
typedef struct { const CHAR *Name; ULONG Tag; ULONG Bytes; ULONG (*Write)(DUMP *dump, UCHAR *buffer); } DUMP_STAGE;

static ULONG DumpModules(DUMP *dump, UCHAR *buffer) { *(ULONG *)buffer = 'LDOM'; return KernelModules.Elements; } //~ MODL magic
static ULONG DumpSymbols(DUMP *dump, UCHAR *buffer) { memcpy(buffer, Symbols.Buckets, 256); return Symbols.Count; }
static ULONG DumpRings(DUMP *dump, UCHAR *buffer) {
  ULONG i, bytes = 0;
  for (i = 0; i < PfCpus; i++) {
    if (!Rings[i]) continue;
    memcpy(buffer + bytes, &Rings[i]->Head, 12);
    bytes += 12;
  }
  return bytes;
}
static const DUMP_STAGE DumpStages[] = {
  {"modules", PfTag('d', 'm'), KB(64), DumpModules}, //= Pfdm any tag-table
  {"symbols", PfTag('d', 'y'), KB(32), DumpSymbols}, //= Pfdy any tag-table
  {"rings", PfTag('d', 'r'), KB(16), DumpRings}, //= Pfdr any tag-table
  {NULL},
};
NOINLINE static NTSTATUS DumpWrite(HANDLE file) {
  DUMP dump;
  ULONG status[4];
  NTSTATUS result = STATUS_SUCCESS;
  const DUMP_STAGE *stage;
  dump.File = file;
  dump.Offset.QuadPart = 0;
  if (!AllocateTogether(NonPagedPoolNx, &dump.Scratch, (SIZE_T)KB(8), PfTag('d', 'w'), &dump.Index, (SIZE_T)1024, PfTag('d', 'i'), //= Pfdw any variadic //= Pfdi any variadic
                        &dump.Header, (SIZE_T)4096, PfTag('d', 'h'), NULL)) return STATUS_INSUFFICIENT_RESOURCES; //= Pfdh any variadic
  *(ULONG *)dump.Header = 'UDMP'; //~ PMDU magic
  *(ULONG *)(dump.Header + 4) = 'FP46'; //~ 64PF magic
  for (stage = DumpStages; stage->Name; stage++) {
    UCHAR *buffer = ExAllocatePoolWithTag(PagedPool, stage->Bytes, stage->Tag);
    if (!buffer) { result = STATUS_INSUFFICIENT_RESOURCES; break; }
    dump.Index[stage - DumpStages] = stage->Write(&dump, buffer);
    result = ZwWriteFile(file, NULL, NULL, NULL, status, buffer, stage->Bytes, &dump.Offset, NULL);
    ExFreePoolWithTag(buffer, stage->Tag);
    if (result < 0) break;
    dump.Offset.QuadPart += stage->Bytes;
  }
  ExFreePoolWithTag(dump.Header, PfTag('d', 'h'));
  ExFreePoolWithTag(dump.Index, PfTag('d', 'i'));
  ExFreePoolWithTag(dump.Scratch, PfTag('d', 'w'));
  return result;
}

/* ---- what the debugger finds ----------------------------------------------------------------------------------------------------------------------- */

struct { ULONG OwnerTag; ULONG Bytes; PVOID Rings, Sessions; const void *Counters; UCHAR Build[8]; } PfDebuggerBlock = {
  'GDfP', sizeof(PfDebuggerBlock), Rings, &Sessions, IntelCounters, {'B', 'l', 'd', '7', '7', '0', '1', 0}}; //~ PfDG magic //~ Bld7 text

/* ---- the device ------------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { ULONG Cpu, Bytes; ULONG_PTR Frame; UCHAR Text[64]; } REQUEST;
static SESSION *CurrentSession;
static DEVICE_OBJECT *PfDevice;

NOINLINE static NTSTATUS Sample(const REQUEST *request) {
  STACK *stack = StackCapture((const ULONG_PTR *)request->Frame, 32);
  RING *ring = Rings[request->Cpu % MAX_CPUS];
  if (!stack) return STATUS_INSUFFICIENT_RESOURCES;
  if (ring && !RingWrite(ring, stack->Frame, stack->Frames * sizeof(PVOID))) DbgPrint("profiler: %u lost (%s)\n", ring->Lost, "LOST"); //~ LOST text
  SymbolAdd(stack->Frame[0], (const CHAR *)request->Text);
  ExpInterlockedPushEntrySList(&StackList, stack);
  if (!CurrentSession) return STATUS_SUCCESS;
  if (CurrentSession->Filter && !FilterRun(CurrentSession->Filter, &request->Cpu)) return STATUS_SUCCESS;
  return SessionLog(CurrentSession, request, request->Bytes & 63);
}
static NTSTATUS CALL PfControl(DEVICE_OBJECT *device, IRP *irp) {
  REQUEST *request = irp->SystemBuffer;
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  switch ((ULONG)(ULONG_PTR)irp->Stack->Argument[2]) {
    case 0x22E000: status = ModulesRefresh(); break;
    case 0x22E004: status = RingCreate(request->Cpu % MAX_CPUS, request->Bytes, request->Frame != 0); break;
    case 0x22E008: status = SessionStart((const CHAR *)request->Text, &CurrentSession); break;
    case 0x22E00C: status = Sample(request); break;
    case 0x22E010:
      if (CurrentSession) CurrentSession->Filter = FilterCompile(request->Text, sizeof(request->Text));
      status = CurrentSession && CurrentSession->Filter ? STATUS_SUCCESS : STATUS_NOT_FOUND;
      break;
    case 0x22E014: status = DumpWrite((HANDLE)request->Frame); break;
    case 0x22E018: status = CountersStart(request->Cpu); break;
    case 0x22E01C: ArenaReset(StringArena); ArenaReset(SymbolArena); ArenaReset(FilterArena); status = STATUS_SUCCESS; break;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static void CALL PfUnload(DRIVER_OBJECT *driver) {
  ULONG i;
  CountersStop();
  for (i = 0; i < MAX_CPUS; i++) {
    if (!Rings[i]) continue;
    if (Rings[i]->Spill) ExFreePoolWithTag(Rings[i]->Spill, PfTag('r', 's'));
    ExFreePoolWithTag(Rings[i], PfTag('r', 'c'));
  }
  SlabDestroy();
  ExDeleteLookasideListEx(&StackList);
  IoDeleteDevice(PfDevice);
}

INIT_CODE_SECTION static NTSTATUS PfInitialize(void) {
  NTSTATUS status;
  SlabInitialize();
  ListInit(&Sessions);
  StringArena = ArenaCreate(NULL, PfTag('A', 's'), KB(32)); //= PfAs any object-field
  if (!StringArena) return STATUS_INSUFFICIENT_RESOURCES;
  SymbolArena = ArenaCreate(StringArena, PfTag('A', 'y'), KB(64)); //= PfAy any object-field
  FilterArena = ArenaCreate(StringArena, 0, KB(4));
  if (!SymbolArena || !FilterArena) return STATUS_INSUFFICIENT_RESOURCES;
  if (!TableInitialize(&Strings, &StringTable, 256) || !TableInitialize(&Symbols, &SymbolTable, 1024)) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitializeGenericTableAvl(&KernelModules, ModuleCompare, ModuleAllocate, ModuleFree, &KernelContext);
  RtlInitializeGenericTableAvl(&UserModules, ModuleCompare, ModuleAllocate, ModuleFree, &UserContext);
  status = StacksInitialize();
  return status;
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  UNICODE_STRING name;
  NTSTATUS status;
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool3");
  PfAllocate3 = (ALLOCATE3)MmGetSystemRoutineAddress(&name);
  RtlInitUnicodeString(&name, (const WCHAR *)L"\\Device\\PfProfiler");
  status = IoCreateDevice(driver, 0, &name, 0x22, 0, FALSE, &PfDevice);
  if (status < 0) return status;
  PfNodes = path->Length > 64 ? 2 : 1;
  driver->Major[14] = PfControl;
  driver->Unload = PfUnload;
  status = PfInitialize();
  if (status < 0) {
    SlabDestroy();
    IoDeleteDevice(PfDevice);
  }
  return status;
}
