// A driver that links a decompression library and uses the kernel's own callbacks: allocators handed over as function pointers, in
// structures on the stack, in the heap and in globals filled at run time; operations passed as a parameter.
#include "kernel.h"

/* --- the library's side: written for any system, it knows nothing of tags --------------------------------------------------------- */
typedef PVOID (*ZALLOC)(PVOID opaque, UINT items, UINT size);
typedef void (*ZFREE)(PVOID opaque, PVOID address);
typedef struct STREAM {
  const UCHAR *next; UINT available; ULONG total;
  struct INFLATE *state;
  ZALLOC zalloc; ZFREE zfree; PVOID opaque;
  ULONG adler;
} STREAM;
typedef struct INFLATE { ULONG mode; ULONG window_bits; UCHAR *window; USHORT *codes; ULONG check; } INFLATE;

NOINLINE static NTSTATUS InflateInit(STREAM *stream, ULONG bits, const char *version) {
  INFLATE *state;
  if (version[0] != '1' || !stream->zalloc || !stream->zfree) return -6;
  state = stream->zalloc(stream->opaque, 1, sizeof(INFLATE));
  if (!state) return -4;
  state->window = stream->zalloc(stream->opaque, 1u << bits, sizeof(UCHAR));
  state->codes = stream->zalloc(stream->opaque, 1440, sizeof(USHORT));
  state->window_bits = bits;
  state->mode = 0x3F34;
  state->check = 'LFNI'; /* a mode word */ //~ INFL magic
  stream->state = state;
  return 0;
}
NOINLINE static void InflateEnd(STREAM *stream) {
  INFLATE *state = stream->state;
  if (!state || state->check != 'LFNI') return;
  if (state->window) stream->zfree(stream->opaque, state->window);
  stream->zfree(stream->opaque, state);
}

/* --- the driver's callbacks ------------------------------------------------------------------------------------------------------------ */
static PVOID volatile keep;
static SIZE_T volatile charged;
static ULONG volatile failures;

static PVOID ZipAllocate(PVOID opaque, UINT items, UINT size) {
  if (size && items > 0xFFFFFFFF / size) return NULL;
  return ExAllocatePoolWithTag(PagedPool, (SIZE_T)items * size, 'bilZ'); //= Zlib allocation-call callback
}
static void ZipFree(PVOID opaque, PVOID address) { ExFreePoolWithTag(address, 'bilZ'); }

typedef struct { ULONG type; ULONG tag; SIZE_T limit; } ARENA; /* the opaque pointer is an arena with a tag */
static PVOID ArenaAllocate(PVOID opaque, UINT items, UINT size) {
  ARENA *arena = opaque;
  if ((SIZE_T)items * size > arena->limit) return NULL;
  return ExAllocatePoolWithTag(arena->type, (SIZE_T)items * size, arena->tag);
}
static void ArenaFree(PVOID opaque, PVOID address) { ExFreePoolWithTag(address, ((ARENA *)opaque)->tag); }
static const ARENA constant_arena = {PagedPool, 'cArA', 1 << 20}; //= ArAc any callback-context

NOINLINE static NTSTATUS ReadPacked(const UCHAR *bytes, UINT size) {
  STREAM stream;
  NTSTATUS status;
  memset(&stream, 0, sizeof(stream));
  stream.zalloc = ZipAllocate;
  stream.zfree = ZipFree;
  stream.next = bytes;
  stream.available = size;
  status = InflateInit(&stream, 15, "1.2.11");
  if (status == 0) InflateEnd(&stream);
  return status;
}

NOINLINE static NTSTATUS ReadInArena(const UCHAR *bytes, UINT size, BOOLEAN nonpaged) {
  STREAM stream = {bytes, size};
  ARENA arena;
  arena.type = nonpaged ? NonPagedPoolNx : PagedPool;
  arena.tag = 'sArA'; //= ArAs any callback-context
  arena.limit = size * 16;
  stream.zalloc = ArenaAllocate;
  stream.zfree = ArenaFree;
  stream.opaque = nonpaged ? (PVOID)&arena : (PVOID)&constant_arena;
  if (InflateInit(&stream, 9, "1.2.11")) return STATUS_INVALID_PARAMETER;
  InflateEnd(&stream);
  return STATUS_SUCCESS;
}

/* --- callbacks of the kernel: tables and lookaside lists ------------------------------------------------------------------------------- */
typedef struct { ULONG_PTR opaque[14]; } TABLE;
static TABLE files, streams;
static LOOKASIDE nodes, requests;

static PVOID CALL TableAllocate(TABLE *table, ULONG size) {
  charged += size;
  return ExAllocatePoolWithTag(PagedPool, size, 'lbTA'); //= ATbl allocation-call callback
}
static PVOID CALL TableAllocateByOwner(TABLE *table, ULONG size) {
  return ExAllocatePoolWithTag(NonPagedPoolNx, size, table == &files ? 'lFTA' : 'oSXB'); //= ATFl allocation-call ternary //= BXSo allocation-call ternary
}
static void CALL TableFree(TABLE *table, PVOID p) { ExFreePoolWithTag(p, 'lbTA'); }
static LONG CALL TableCompare(TABLE *table, PVOID a, PVOID b) { return *(LONG *)a == 'TSRF' ? 1 : *(LONG *)b; } //~ FRST magic

/* A lookaside list's own allocate routine receives the tag that the list was made with. */
static PVOID CALL NodeAllocate(ULONG type, SIZE_T size, ULONG tag, PVOID list) {
  PVOID p = ExAllocatePoolWithTag(type, size + 8, tag);
  if (!p) failures++;
  return p;
}
static void CALL NodeFree(PVOID p, PVOID list) { ExFreePoolWithTag(p, 'fLdN'); } //= NdLf free-call free

NOINLINE static NTSTATUS CreateTables(void) {
  RtlInitializeGenericTableAvl(&files, TableCompare, TableAllocate, TableFree, NULL);
  RtlInitializeGenericTable(&streams, TableCompare, TableAllocateByOwner, TableFree, (PVOID)(ULONG_PTR)'xetC'); //~ Ctex other-argument
  ExInitializePagedLookasideList(&requests, NULL, NULL, 0, 160, 'qRLA', 0); //= ALRq lookaside-init lookaside
  return ExInitializeLookasideListEx(&nodes, NodeAllocate, NodeFree, PagedPool, 0, 96, 'dNLA', 0); //= ALNd lookaside-init lookaside
}

/* --- operations as a parameter ------------------------------------------------------------------------------------------------------------ */
typedef struct { PVOID (*get)(SIZE_T size, ULONG tag); void (*put)(PVOID p, ULONG tag); void (*log)(ULONG code, SIZE_T size, ULONG tag); } MEMORY_OPERATIONS;
static PVOID GetPaged(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(PagedPool, size, tag); }
static PVOID GetQuota(SIZE_T size, ULONG tag) { charged += size; return ExAllocatePoolWithQuotaTag(PagedPool, size, tag); }
static void Put(PVOID p, ULONG tag) { if (p) ExFreePoolWithTag(p, tag); }
static void LogCode(ULONG code, SIZE_T size, ULONG tag) { DbgPrint("%x %u %x\n", code, (ULONG)size, tag); }
static const MEMORY_OPERATIONS paged_operations = {GetPaged, Put, LogCode};
static const MEMORY_OPERATIONS quota_operations = {GetQuota, Put, LogCode};

NOINLINE static NTSTATUS ReadDirectory(const MEMORY_OPERATIONS *memory, SIZE_T count) {
  ULONG *entries = memory->get(count * 46, 'riDA'); //= ADir any operations-parameter
  PVOID names = memory->get(count * 512, 'emNA'); //= ANme any operations-parameter
  memory->log(3, count, 'ridL'); //~ Ldir not-an-allocator
  if (!entries || !names) return STATUS_INSUFFICIENT_RESOURCES;
  if (entries[0] == 0x02014B50) entries[1] = 'dneZ'; //~ Zend magic
  memory->put(names, 'emNA');
  memory->put(entries, 'riDA');
  return STATUS_SUCCESS;
}

/* --- a table in a heap object, filled at run time ------------------------------------------------------------------------------------------- */
typedef struct VOLUME {
  ULONG signature; LIST_ENTRY entries;
  PVOID (*allocate)(struct VOLUME *volume, ULONG tag, SIZE_T size);
  void (*release)(struct VOLUME *volume, PVOID p);
  ULONG (*hash)(struct VOLUME *volume, ULONG seed, SIZE_T size);
  SIZE_T used;
} VOLUME;
static PVOID VolumeAllocate(VOLUME *volume, ULONG tag, SIZE_T size) {
  volume->used += size;
  return ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
}
static void VolumeRelease(VOLUME *volume, PVOID p) { ExFreePool(p); }
static ULONG VolumeHash(VOLUME *volume, ULONG seed, SIZE_T size) { return (seed >> 3) ^ (ULONG)(volume->used + size); }

NOINLINE static VOLUME *CreateVolume(void) {
  VOLUME *volume = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(VOLUME), 'loVA'); //= AVol allocation-call direct
  if (!volume) return NULL;
  memset(volume, 0, sizeof(*volume));
  volume->signature = 'emuL'; //~ Lume magic
  volume->entries.Flink = volume->entries.Blink = &volume->entries;
  volume->allocate = VolumeAllocate;
  volume->release = VolumeRelease;
  volume->hash = VolumeHash;
  return volume;
}
NOINLINE static PVOID AddEntry(VOLUME *volume, SIZE_T size) {
  ULONG seed = volume->hash(volume, 'deeS', size); //~ Seed not-an-allocator
  ULONG *entry;
  if (volume->signature != 'emuL') return NULL;
  entry = volume->allocate(volume, 'tnEA', size + 24); //= AEnt any operations-object
  if (entry) entry[0] = seed;
  return entry;
}

/* --- a table in a global, filled at run time by a library's registration function ------------------------------------------------------------- */
typedef PVOID(CALL *REALLOCATE)(PVOID old, SIZE_T size, ULONG tag);
static struct { ULONG version; REALLOCATE reallocate; void(CALL *release)(PVOID p, ULONG tag); } hooks;
static PVOID CALL Reallocate(PVOID old, SIZE_T size, ULONG tag) {
  PVOID p = size ? ExAllocatePool2(POOL_FLAG_PAGED, size, tag) : NULL;
  if (p && old) memcpy(p, old, size);
  if (old) ExFreePoolWithTag(old, tag);
  return p;
}
NOINLINE static void SetHooks(ULONG version, REALLOCATE reallocate, void(CALL *release)(PVOID, ULONG)) {
  hooks.version = version;
  hooks.reallocate = reallocate;
  hooks.release = release;
}
NOINLINE static PVOID Comment(SIZE_T size) {
  PVOID p = NULL;
  if (!hooks.reallocate) return NULL;
  p = hooks.reallocate(p, size, 'tmCA'); //= ACmt any operations-table
  p = hooks.reallocate(p, size * 2, 'xmCA'); //= ACmx any operations-table
  if (hooks.version == 'sreV') hooks.release(p, 'tmCA'); //~ Vers magic
  return p;
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  VOLUME *volume = driver->Section;
  if (volume) volume->release(volume, volume);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  VOLUME *volume = CreateVolume();
  if (!volume || CreateTables() < 0) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Section = volume;
  driver->Unload = Unload;
  SetHooks(driver->Flags, Reallocate, ExFreePoolWithTag);
  if (ReadPacked((const UCHAR *)path->Buffer, path->Length)) return STATUS_INVALID_PARAMETER;
  if (ReadInArena((const UCHAR *)path->Buffer, path->Length, driver->Flags & 1)) return STATUS_INVALID_PARAMETER;
  keep = AddEntry(volume, path->Length);
  keep = Comment(path->MaximumLength);
  return ReadDirectory(driver->Flags & 2 ? &quota_operations : &paged_operations, path->Length);
}
