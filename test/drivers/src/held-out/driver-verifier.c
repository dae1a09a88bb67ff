// Held out: a diagnostic driver that watches others: records with types of four characters beside tags, objects with a signature and a tag, cookies of
// callbacks, logs with the allocator's own shape, tables of operations that hold both, seeds and magics in tables beside tags, tags compared before a free.
#include "kernel.h"

typedef struct { LIST_ENTRY Head; ULONG_PTR Lock; ULONG Count; } DV_LIST;

static ULONG_PTR g_lock;
static ULONG g_bytes, g_blocks, g_lost;

static void DvLink(DV_LIST *list, LIST_ENTRY *entry) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&list->Lock);
  entry->Flink = list->Head.Flink;
  entry->Blink = &list->Head;
  list->Head.Flink = entry;
  list->Count++;
  KeReleaseSpinLock(&list->Lock, irql);
}

/* ---- memory, and the log that has its shape ---- */

typedef struct { ULONG Id; ULONG Level; SIZE_T Size; LONG64 When; } DV_LINE;
static DV_LINE g_lines[64];
static ULONG g_nextLine;

NOINLINE static PVOID DvAllocate(ULONG flags, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(flags & 1 ? PagedPool : NonPagedPoolNx, size, tag);
  if (p == NULL) { g_lost++; return NULL; }
  memset(p, 0, size);
  g_bytes += (ULONG)size;
  g_blocks++;
  return p;
}

NOINLINE static PVOID DvLogEvent(ULONG level, SIZE_T size, ULONG id) {
  DV_LINE *line = &g_lines[g_nextLine++ % 64];
  line->Id = id;
  line->Level = level;
  line->Size = size;
  line->When = KeQueryPerformanceCounter(NULL).QuadPart;
  return line;
}

/* three layers down to memory, and three down to the log */
NOINLINE static PVOID DvTake(SIZE_T size, ULONG tag) { return DvAllocate(0, size + sizeof(PVOID), tag); }
NOINLINE static PVOID DvTakeArray(ULONG count, ULONG each, ULONG tag) { return count > 0x1000 ? NULL : DvTake((SIZE_T)count * each, tag); }
NOINLINE static PVOID DvNote(SIZE_T size, ULONG id) { return DvLogEvent(2, size + sizeof(PVOID), id); }
NOINLINE static PVOID DvNoteArray(ULONG count, ULONG each, ULONG id) { return count > 0x1000 ? NULL : DvNote((SIZE_T)count * each, id); }

/* ---- blocks with a header: a guard, the tag and a check before they are freed ---- */

typedef struct { ULONG Guard; ULONG Tag; SIZE_T Size; } DV_HEADER;

NOINLINE static PVOID DvGuardedAllocate(SIZE_T size, ULONG tag) {
  DV_HEADER *header = ExAllocatePool2(POOL_FLAG_NON_PAGED, size + sizeof(DV_HEADER) + 8, tag);
  if (header == NULL) return NULL;
  header->Guard = 'dGvD'; //~ DvGd magic
  header->Tag = tag;
  header->Size = size;
  *(ULONG *)((UCHAR *)(header + 1) + size) = 'lTvD'; //~ DvTl magic
  return header + 1;
}

NOINLINE static void DvGuardedFree(PVOID p, ULONG tag) {
  DV_HEADER *header = (DV_HEADER *)p - 1;
  if (header->Tag != tag) KeBugCheckEx(0xC4, (ULONG_PTR)p, header->Tag, tag, 'daBT'); //~ TBad bug-check
  if (*(ULONG *)((UCHAR *)p + header->Size) != 'lTvD') KeBugCheckEx(0xC4, (ULONG_PTR)p, 'rvOP', 0, 0); //~ POvr bug-check
  header->Guard = 'eerF'; //~ Free magic
  ExFreePoolWithTag(header, tag);
}

/* ---- records: the type of four characters lies next to the tag that the record is made with ---- */

typedef struct { ULONG Type; ULONG Tag; USHORT Size, Flags; } DV_RECORD_KIND;
typedef struct { LIST_ENTRY Link; ULONG Type; ULONG Tag; ULONG Length; UCHAR Data[1]; } DV_RECORD;

static const DV_RECORD_KIND g_recordKinds[] = {
  {'CORP', 'pRvD', 0x80, 0}, //~ PROC magic //= DvRp any tag-table
  {'DRHT', 'tRvD', 0x40, 0}, //~ THRD magic //= DvRt any tag-table
  {'DOMI', 'iRvD', 0x140, 1}, //~ IMOD magic //= DvRi any tag-table
  {'KGER', 'kRvD', 0x100, 1}, //~ REGK magic //= DvRk any tag-table
  {'ELIF', 'fRvD', 0x200, 3}, //~ FILE magic //= DvRf any tag-table
};
static DV_LIST g_records;

NOINLINE static DV_RECORD *DvCreateRecord(ULONG type, ULONG extra) {
  ULONG i;
  for (i = 0; i < sizeof(g_recordKinds) / sizeof(g_recordKinds[0]); i++) {
    const DV_RECORD_KIND *kind = &g_recordKinds[i];
    DV_RECORD *record;
    if (kind->Type != type) continue;
    record = DvAllocate(kind->Flags, kind->Size + extra, kind->Tag);
    if (record == NULL) return NULL;
    record->Type = kind->Type;
    record->Tag = kind->Tag;
    record->Length = kind->Size + extra;
    DvLink(&g_records, &record->Link);
    return record;
  }
  DvLogEvent(3, extra, 'kUvE'); //~ EvUk not-an-allocator
  return NULL;
}

NOINLINE static void DvFreeRecord(DV_RECORD *record) {
  ULONG tag = record->Tag;
  record->Type = 'DAED'; //~ DEAD magic
  ExFreePoolWithTag(record, tag);
}

/* the lines of the log have kinds too, in a table of the same form that is walked in the same way */
static const DV_RECORD_KIND g_lineKinds[] = {
  {'TRTS', '1tvE', 0x10, 0}, //~ STRT magic //~ Evt1 magic
  {'DPOT', '2tvE', 0x10, 0}, //~ TOPD magic //~ Evt2 magic
  {'NRAW', '3tvE', 0x18, 1}, //~ WARN magic //~ Evt3 magic
  {'LIAF', '4tvE', 0x20, 2}, //~ FAIL magic //~ Evt4 magic
};

NOINLINE static PVOID DvLogKind(ULONG type, ULONG extra) {
  ULONG i;
  for (i = 0; i < sizeof(g_lineKinds) / sizeof(g_lineKinds[0]); i++)
    if (g_lineKinds[i].Type == type) return DvLogEvent(g_lineKinds[i].Flags, g_lineKinds[i].Size + extra, g_lineKinds[i].Tag);
  return NULL;
}

/* ---- objects: here the signature, there the tag, at the same distances ---- */

typedef struct { ULONG Signature; ULONG Tag; LONG References; DV_LIST Blocks; } DV_TARGET; /* signature, tag */
typedef struct { ULONG Tag; ULONG Signature; LONG References; PVOID Owner; SIZE_T Used; } DV_SESSION; /* tag, signature */
typedef struct { ULONG Signature; ULONG Kind; LONG References; ULONG Tag; PVOID Data; } DV_RULE; /* signature, kind, tag */
typedef struct { ULONG State; ULONG Cookie; LONG References; ULONG Signature; PVOID Data; } DV_MONITOR; /* no tag at all */

NOINLINE static void DvInitTarget(DV_TARGET *target, ULONG signature, ULONG tag) {
  target->Signature = signature;
  target->Tag = tag;
  target->References = 1;
  target->Blocks.Count = 0;
}

NOINLINE static DV_TARGET *DvCreateTarget(BOOLEAN isKernel) {
  DV_TARGET *target = DvAllocate(0, sizeof(DV_TARGET), 'gTvD'); //= DvTg any wrapper
  if (target == NULL) return NULL;
  if (isKernel) DvInitTarget(target, 'nrKT', 'kTvD'); //~ TKrn magic //= DvTk any object-field
  else DvInitTarget(target, 'rsUT', 'uTvD'); //~ TUsr magic //= DvTu any object-field
  return target;
}

NOINLINE static PVOID DvTargetBlock(DV_TARGET *target, ULONG size) {
  LIST_ENTRY *entry = ExAllocatePoolWithTag(NonPagedPoolNx, size + sizeof(LIST_ENTRY), target->Tag);
  if (entry != NULL) DvLink(&target->Blocks, entry);
  return entry;
}

NOINLINE static DV_SESSION *DvCreateSession(PVOID owner) {
  DV_SESSION *session = DvAllocate(1, sizeof(DV_SESSION), 'sSvD'); //= DvSs any wrapper
  if (session == NULL) return NULL;
  session->Tag = 'bSvD'; //= DvSb any object-field
  session->Signature = 'sseS'; //~ Sess magic
  session->References = 1;
  session->Owner = owner;
  return session;
}

NOINLINE static PVOID DvSessionBuffer(DV_SESSION *session, SIZE_T size) {
  session->Used += size;
  return ExAllocatePool2(POOL_FLAG_PAGED, size, session->Tag);
}

NOINLINE static DV_RULE *DvCreateRule(ULONG kind) {
  DV_RULE *rule = DvAllocate(1, sizeof(DV_RULE), 'lRvD'); //= DvRl any wrapper
  if (rule == NULL) return NULL;
  rule->Signature = 'eluR'; //~ Rule magic
  rule->Kind = kind ? 'kcoB' : 'wllA'; //~ Bock magic //~ Allw magic
  rule->References = 1;
  rule->Tag = 'dRvD'; //= DvRd any object-field
  return rule;
}

NOINLINE static NTSTATUS DvRuleData(DV_RULE *rule, const void *from, ULONG size) {
  rule->Data = ExAllocatePoolWithTag(PagedPool, size, rule->Tag);
  if (rule->Data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(rule->Data, from, size);
  return STATUS_SUCCESS;
}

NOINLINE static DV_MONITOR *DvCreateMonitor(ULONG cookie) {
  DV_MONITOR *monitor = DvAllocate(0, sizeof(DV_MONITOR), 'nMvD'); //= DvMn any wrapper
  if (monitor == NULL) return NULL;
  monitor->State = 'eldI'; //~ Idle magic
  monitor->Cookie = cookie;
  monitor->References = 1;
  monitor->Signature = 'rtnM'; //~ Mntr magic
  return monitor;
}

NOINLINE static void DvMonitorGo(DV_MONITOR *monitor) {
  monitor->State = monitor->Cookie == 'eniF' ? 'nnuR' : 'dloH'; //~ Fine magic //~ Runn magic //~ Hold magic
  DvLogEvent(1, sizeof(*monitor), monitor->Signature);
}

/* ---- callbacks: a context and a cookie; some make an object with a tag that they are given in the same place ---- */

typedef NTSTATUS (*DV_NOTIFY)(PVOID context, ULONG cookie);
typedef PVOID (*DV_MAKE)(PVOID context, ULONG tag);
typedef struct { DV_NOTIFY Notify; PVOID Context; ULONG Cookie; } DV_CALLBACK;
typedef struct { DV_MAKE Make; PVOID Context; ULONG Tag; } DV_MAKER;
static DV_CALLBACK g_callbacks[4];
static DV_MAKER g_makers[2];
static ULONG g_callbackCount, g_makerCount;

static NTSTATUS OnProcess(PVOID context, ULONG cookie) { DvLogEvent(1, (ULONG_PTR)context & 0xFF, cookie); return STATUS_SUCCESS; }
static NTSTATUS OnThread(PVOID context, ULONG cookie) {
  DV_MONITOR *monitor = context;
  if (monitor->Cookie != cookie) return STATUS_INVALID_PARAMETER;
  monitor->State = cookie;
  return STATUS_SUCCESS;
}
static PVOID MakePage(PVOID context, ULONG tag) { return DvAllocate(1, context != NULL ? 0x1000 : 0x2000, tag); }
static PVOID MakeSmall(PVOID context, ULONG tag) { PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 0x40, tag); if (p != NULL) *(PVOID *)p = context; return p; }

NOINLINE static void DvRegister(DV_NOTIFY notify, PVOID context, ULONG cookie) {
  DV_CALLBACK *callback = &g_callbacks[g_callbackCount++ & 3];
  callback->Notify = notify;
  callback->Context = context;
  callback->Cookie = cookie;
}

NOINLINE static void DvRegisterMaker(DV_MAKE make, PVOID context, ULONG tag) {
  DV_MAKER *maker = &g_makers[g_makerCount++ & 1];
  maker->Make = make;
  maker->Context = context;
  maker->Tag = tag;
}

NOINLINE static NTSTATUS DvNotifyAll(void) {
  ULONG i;
  NTSTATUS status = STATUS_SUCCESS;
  for (i = 0; i < g_callbackCount && i < 4 && status >= 0; i++) status = g_callbacks[i].Notify(g_callbacks[i].Context, g_callbacks[i].Cookie);
  return status;
}

NOINLINE static PVOID DvMake(ULONG which) { return g_makers[which & 1].Make(g_makers[which & 1].Context, g_makers[which & 1].Tag); }

/* ---- operations: allocators and others with one prototype, in one table ---- */

typedef PVOID (*DV_OPERATION)(PVOID self, SIZE_T size, ULONG word);
typedef struct { DV_OPERATION Acquire, Report, Stamp; } DV_OPERATIONS;

static PVOID PoolAcquire(PVOID self, SIZE_T size, ULONG word) { (void)self; return ExAllocatePoolWithTag(NonPagedPoolNx, size, word); }
static PVOID PagedAcquire(PVOID self, SIZE_T size, ULONG word) { return DvAllocate(self != NULL, size, word); }
static PVOID RingReport(PVOID self, SIZE_T size, ULONG word) { (void)self; return DvLogEvent(4, size, word); }
static PVOID NullReport(PVOID self, SIZE_T size, ULONG word) { g_lost += (ULONG)size ^ word; return self; }
static PVOID StampFirst(PVOID self, SIZE_T size, ULONG word) { *(ULONG *)self = word; return (UCHAR *)self + size; }

static const DV_OPERATIONS g_poolOperations = {PoolAcquire, RingReport, StampFirst};
static const DV_OPERATIONS g_pagedOperations = {PagedAcquire, NullReport, StampFirst};
/* and one in which the log stands first */
static const DV_OPERATIONS g_traceOperations = {RingReport, NullReport, StampFirst};

typedef struct { const DV_OPERATIONS *Operations; PVOID Self; ULONG Mode; } DV_ENGINE;

NOINLINE static NTSTATUS DvEngineStart(DV_ENGINE *engine, ULONG mode) {
  engine->Mode = mode;
  engine->Operations = mode == 1 ? &g_poolOperations : &g_pagedOperations;
  engine->Self = engine->Operations->Acquire(engine, 0x300, 'nEvD'); //= DvEn any operations-table
  if (engine->Self == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  engine->Operations->Report(engine->Self, 0x300, 'tSnE'); //~ EnSt not-an-allocator
  engine->Operations->Stamp(engine->Self, 0x10, 'pmtS'); //~ Stmp magic
  return STATUS_SUCCESS;
}

NOINLINE static PVOID DvTrace(ULONG size) {
  const DV_OPERATIONS *operations = &g_traceOperations;
  OPAQUE(size);
  return operations->Acquire(NULL, size, 'ecrT'); //~ Trce not-an-allocator
}

NOINLINE static PVOID DvUse(const DV_OPERATIONS *operations, PVOID self, ULONG size) {
  PVOID p = operations->Acquire(self, size, 'sUvD'); //= DvUs any operations-parameter
  return p == NULL ? operations->Report(self, size, 'oNsU') : p; //~ UsNo not-an-allocator
}

/* ---- files: magics beside tags, seeds beside tags ---- */

typedef struct { ULONG Magic; ULONG Seed; ULONG Tag; ULONG HeaderSize; } DV_FORMAT;
static const DV_FORMAT g_formats[] = {
  {'4KP_', 'dees', 'zFvD', 0x1E}, //~ _PK4 firmware-table //~ seed magic //= DvFz any tag-table
  {'FLE_', 'hsah', 'eFvD', 0x34}, //~ _ELF firmware-table //~ hash magic //= DvFe any tag-table
  {'BACM', 'xim1', 'cFvD', 0x24}, //~ MCAB firmware-table //~ 1mix magic //= DvFc any tag-table
};

NOINLINE static ULONG DvHash(const UCHAR *data, ULONG size, ULONG seed) {
  ULONG i, hash = seed;
  for (i = 0; i < size; i++) hash = (hash << 5 | hash >> 27) ^ data[i];
  return hash ^ 'lnif'; //~ finl magic
}

NOINLINE static PVOID DvOpenFile(const UCHAR *data, ULONG size, ULONG *hash) {
  const DV_FORMAT *format;
  for (format = g_formats; format != g_formats + sizeof(g_formats) / sizeof(g_formats[0]); format++) {
    if (*(const ULONG *)data != format->Magic || size < format->HeaderSize) continue;
    *hash = DvHash(data, format->HeaderSize, format->Seed);
    return DvGuardedAllocate(format->HeaderSize, format->Tag);
  }
  *hash = DvHash(data, size, 'tlfD'); //~ Dflt magic
  return NULL;
}

/* ---- requests: a structure for memory, and one for the log with the same fields ---- */

typedef struct { ULONG Version; ULONG Flags; SIZE_T Size; ULONG Word; PVOID Result; } DV_REQUEST;

NOINLINE static NTSTATUS DvSubmitMemory(DV_REQUEST *request) {
  request->Result = ExAllocatePoolWithTag(request->Flags & 1 ? PagedPool : NonPagedPoolNx, request->Size, request->Word);
  return request->Result != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS DvSubmitLine(DV_REQUEST *request) {
  request->Result = DvLogEvent(request->Flags, request->Size, request->Word);
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS DvSnapshot(SIZE_T size, PVOID *out) {
  DV_REQUEST request;
  NTSTATUS status;
  request.Version = '10qR'; //~ Rq01 magic
  request.Flags = 1;
  request.Size = size;
  request.Word = 'nSvD'; //= DvSn any wrapper-structure
  request.Result = NULL;
  status = DvSubmitMemory(&request);
  *out = request.Result;
  request.Version = '20qR'; //~ Rq02 magic
  request.Flags = 4;
  request.Word = 'pnSL'; //~ LSnp not-an-allocator
  DvSubmitLine(&request);
  return status;
}

/* ---- words that functions return: a tag here, the type of a record there ---- */

NOINLINE static ULONG DvTagOf(ULONG kind) {
  if (kind == 0) return '0KvD'; //= DvK0 any return-value
  if (kind < 4) return '1KvD'; //= DvK1 any return-value
  return 'nKvD'; //= DvKn any return-value
}

NOINLINE static ULONG DvWordOf(ULONG kind) {
  if (kind == 0) return '0drW'; //~ Wrd0 magic
  if (kind < 4) return '1drW'; //~ Wrd1 magic
  return 'ndrW'; //~ Wrdn magic
}

NOINLINE static PVOID DvByKind(ULONG kind, SIZE_T size) {
  PVOID p = DvTake(size, DvTagOf(kind));
  DvNote(size, DvWordOf(kind));
  return p;
}

/* one call, two words: the first is written down, the second is a tag */
NOINLINE static ULONG *DvTyped(ULONG type, ULONG tag, SIZE_T size) {
  ULONG *p = ExAllocatePoolWithTag(PagedPool, size + 8, tag);
  if (p == NULL) return NULL;
  p[0] = type;
  p[1] = (ULONG)size;
  return p;
}
/* and the other way round */
NOINLINE static ULONG *DvTagged(ULONG tag, ULONG type, SIZE_T size) {
  ULONG *p = ExAllocatePoolWithTag(NonPagedPoolNx, size + 8, tag);
  if (p == NULL) return NULL;
  p[0] = type;
  p[1] = tag;
  return p;
}

NOINLINE static PVOID DvMessage(ULONG kind, SIZE_T size) {
  switch (kind & 3) {
  case 0: return DvTyped('qerM', 'qMvD', size); //~ Mreq magic //= DvMq any wrapper
  case 1: return DvTyped('perM', 'pMvD', size); //~ Mrep magic //= DvMp any wrapper
  case 2: return DvTagged('tMvD', 'xetM', size); //= DvMt any wrapper //~ Mtex magic
  default: return DvTagged('bMvD', 'nibM', size); //= DvMb any wrapper //~ Mbin magic
  }
}

/* ---- a pattern that objects are copied from ---- */

typedef struct { ULONG Signature, Tag; ULONG Depth; USHORT Size, Flags; PVOID List; } DV_CACHE;
static const DV_CACHE g_emptyCache = {'hcaC', 'eCvD', 16, 0x60, 0, NULL}; //~ Cach magic //= DvCe any object-field
static const DV_MONITOR g_emptyMonitor = {'tinI', 'yrtE', 1, 'ypoC', NULL}; //~ Init magic //~ Etry magic //~ Copy magic

NOINLINE static PVOID DvCacheTake(DV_CACHE *cache) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, cache->Size, cache->Tag); }

static DV_CACHE g_cache;
static LOOKASIDE g_lookaside;
static DV_MONITOR g_monitor;

NOINLINE static void DvInitCaches(void) {
  g_cache = g_emptyCache;
  g_monitor = g_emptyMonitor;
  ExInitializeNPagedLookasideList(&g_lookaside, NULL, NULL, 0, 0x60, 'sLvD', 0); //= DvLs any lookaside
}

/* ---- variables: the tag of the last session, and the name of the last event ---- */

static ULONG g_currentTag = 'uCvD'; //= DvCu any initialised-global
static ULONG g_currentEvent = 'rruC'; //~ Curr magic
static ULONG g_secret = 'trcS'; //~ Scrt magic

NOINLINE static PVOID DvCurrent(SIZE_T size) {
  PVOID p = ExAllocatePoolWithTag(PagedPool, size, g_currentTag);
  DvLogEvent(0, size, g_currentEvent);
  g_lost ^= g_secret;
  return p;
}

NOINLINE static void DvCompareTags(ULONG tag) {
  /* whose pool is it? known tags of others, only compared */
  if (tag == 'tsFN' || tag == 'tsaF' || tag == 'oIrI') g_lost++; //~ NFst magic //~ Fast magic //~ IrIo magic
  else if (tag == 'cprT') DvLogEvent(1, 0, 'cpTE'); //~ Trpc magic //~ ETpc not-an-allocator
}

/* ---- the driver ---- */

static DV_TARGET *g_target;
static DV_SESSION *g_session;
static DV_RULE *g_rule;
static DV_ENGINE g_engine;

static NTSTATUS CALL DvDispatch(DEVICE_OBJECT *device, IRP *irp) {
  PVOID buffer = irp->SystemBuffer;
  ULONG flags = irp->Flags;
  NTSTATUS status = STATUS_SUCCESS;
  (void)device;
  switch (irp->Stack->Minor) {
  case 0: irp->SystemBuffer = DvCreateRecord(flags, 16); break;
  case 1: DvFreeRecord(buffer); break;
  case 2: irp->SystemBuffer = DvLogKind(flags, 8); break;
  case 3: irp->SystemBuffer = g_target = DvCreateTarget(flags != 0); break;
  case 4: irp->SystemBuffer = DvTargetBlock(g_target, flags); break;
  case 5: irp->SystemBuffer = g_session = DvCreateSession(device); break;
  case 6: irp->SystemBuffer = DvSessionBuffer(g_session, flags); break;
  case 7: irp->SystemBuffer = g_rule = DvCreateRule(flags); break;
  case 8: status = DvRuleData(g_rule, buffer, flags); break;
  case 9: irp->SystemBuffer = DvCreateMonitor('nMoC'); break; //~ CoMn magic
  case 10: DvMonitorGo(buffer); break;
  case 11: status = DvNotifyAll(); break;
  case 12: irp->SystemBuffer = DvMake(flags); break;
  case 13: status = DvEngineStart(&g_engine, flags); break;
  case 14: irp->SystemBuffer = DvTrace(flags); break;
  case 15: irp->SystemBuffer = DvUse(flags & 1 ? &g_poolOperations : &g_pagedOperations, buffer, flags); break;
  case 16: irp->SystemBuffer = DvOpenFile(buffer, flags, (ULONG *)&irp->Information); break;
  case 17: DvGuardedFree(buffer, flags); break;
  case 18: status = DvSnapshot(flags, &irp->SystemBuffer); break;
  case 19: irp->SystemBuffer = DvByKind(flags, irp->Information); break;
  case 20: irp->SystemBuffer = DvMessage(flags, irp->Information); break;
  case 21: irp->SystemBuffer = DvCacheTake(&g_cache); break;
  case 22: irp->SystemBuffer = DvCurrent(flags); break;
  case 23: DvCompareTags(flags); break;
  case 24: irp->SystemBuffer = DvTakeArray(flags, 12, 'rAvD'); break; //= DvAr any wrapper-three
  case 25: irp->SystemBuffer = DvNoteArray(flags, 12, 'yrAN'); break; //~ NAry not-an-allocator
  case 26: irp->SystemBuffer = DvGuardedAllocate(flags, 'aGvD'); break; //= DvGa any wrapper
  case 27: DvMonitorGo(&g_monitor); break;
  default: status = STATUS_NOT_SUPPORTED;
  }
  IoCompleteRequest(irp, 0);
  return status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  (void)path;
  KeInitializeSpinLock(&g_lock);
  DvInitCaches();
  DvRegister(OnProcess, driver, 'corP'); //~ Proc not-an-allocator
  DvRegister(OnThread, &g_monitor, 'drhT'); //~ Thrd not-an-allocator
  DvRegisterMaker(MakePage, driver, 'gPvD'); //= DvPg any callback-context
  DvRegisterMaker(MakeSmall, &g_monitor, 'mSvD'); //= DvSm any callback-context
  DvLogEvent(0, 1, 'yrtn'); //~ ntry not-an-allocator
  driver->Major[14] = DvDispatch;
  return STATUS_SUCCESS;
}
