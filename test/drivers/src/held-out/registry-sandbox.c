// A sandbox: pools with a name and a tag that all its code passes around, process records, rule lists with patterns, registry
// callbacks with contexts of objects, a minifilter, tables of handlers, queues of messages to its service.
#include "kernel.h"

typedef ULONG_PTR RESOURCE[16];
#define TRACE(...) DbgPrint("SBX: " __VA_ARGS__)

/* ---- pool.h ---------------------------------------------------------------------------------------------------------- */

#define POOL_EYECATCHER 'looP' //~ Pool magic
#define POOL_LARGE_EYECATCHER 'egrL' //~ Lrge magic
#define POOL_PAGE_EYECATCHER 'egaP' //~ Page magic
#define POOL_PAGE_SIZE 4096
#define POOL_MAX_SMALL 2048

typedef struct _POOL_PAGE { LIST_ENTRY Link; ULONG Eyecatcher; ULONG Used; UCHAR Data[1]; } POOL_PAGE;
typedef struct _POOL_LARGE { LIST_ENTRY Link; ULONG Eyecatcher; SIZE_T Size; ULONG_PTR Pad; } POOL_LARGE;
typedef struct _POOL {
  ULONG Eyecatcher;
  ULONG Tag;
  const WCHAR *Name;
  ULONG Type;
  LONG PageCount;
  LIST_ENTRY Pages;
  LIST_ENTRY LargeChunks;
  RESOURCE Lock;
} POOL;

#define TAG_DRIVER 'rDbS' //= SbDr any object-field
#define TAG_PROCESS 'rPbS' //= SbPr any object-field
#define TAG_RULES 'lRbS' //= SbRl any object-field
#define TAG_TEMPLATE 'pTbS' //= SbTp any object-field
#define TAG_SESSION 'eSbS' //= SbSe any tag-table
#define TAG_WINDOW 'nWbS' //= SbWn any tag-table
#define TAG_HOOK 'kHbS' //= SbHk any tag-table
#define TAG_PATH 'hPbS' //= SbPh any wrapper
#define TAG_PATH_SPLIT 'sPbS' //= SbPs any wrapper-two
#define TAG_DEVICE_MAP 'mDbS' //= SbDm any wrapper-two
#define TAG_MESSAGE 'gMbS' //= SbMg any default-tag
#define TAG_REPLY 'eRbS' //= SbRe any default-tag

static void InitializeListHead(LIST_ENTRY *Head) { Head->Flink = Head->Blink = Head; }
static void InsertTailList(LIST_ENTRY *Head, LIST_ENTRY *Entry) {
  Entry->Flink = Head; Entry->Blink = Head->Blink; Head->Blink->Flink = Entry; Head->Blink = Entry;
}
static void RemoveEntryList(LIST_ENTRY *Entry) { Entry->Flink->Blink = Entry->Blink; Entry->Blink->Flink = Entry->Flink; }

static POOL_PAGE *Pool_Alloc_Page(POOL *pool, ULONG eyecatcher) {
  POOL_PAGE *page = ExAllocatePoolWithTag(pool->Type, POOL_PAGE_SIZE, pool->Tag);
  if (page) {
    memset(page, 0, sizeof(POOL_PAGE));
    page->Eyecatcher = eyecatcher;
    InsertTailList(&pool->Pages, &page->Link);
    pool->PageCount++;
  }
  return page;
}

NOINLINE static POOL *Pool_Create(const WCHAR *name, ULONG type, ULONG tag) {
  POOL *pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(POOL), tag);
  if (!pool) return NULL;
  memset(pool, 0, sizeof(POOL));
  pool->Eyecatcher = POOL_EYECATCHER;
  pool->Tag = tag;
  pool->Name = name;
  pool->Type = type;
  InitializeListHead(&pool->Pages);
  InitializeListHead(&pool->LargeChunks);
  ExInitializeResourceLite(pool->Lock);
  if (!Pool_Alloc_Page(pool, POOL_PAGE_EYECATCHER)) {
    ExDeleteResourceLite(pool->Lock);
    ExFreePoolWithTag(pool, tag);
    return NULL;
  }
  return pool;
}

NOINLINE static void Pool_Delete(POOL *pool) {
  if (pool->Eyecatcher != POOL_EYECATCHER) KeBugCheckEx('BADP', (ULONG_PTR)pool, 0, 0, 0); //~ PDAB bug-check
  while (pool->LargeChunks.Flink != &pool->LargeChunks) {
    LIST_ENTRY *entry = pool->LargeChunks.Flink;
    RemoveEntryList(entry);
    ExFreePoolWithTag(entry, pool->Tag);
  }
  while (pool->Pages.Flink != &pool->Pages) {
    LIST_ENTRY *entry = pool->Pages.Flink;
    RemoveEntryList(entry);
    ExFreePoolWithTag(entry, pool->Tag);
  }
  ExDeleteResourceLite(pool->Lock);
  ExFreePoolWithTag(pool, pool->Tag);
}

NOINLINE static PVOID Mem_Alloc(POOL *pool, SIZE_T size) {
  PVOID result = NULL;
  KeEnterCriticalRegion();
  ExAcquireResourceExclusiveLite(pool->Lock, TRUE);
  if (size > POOL_MAX_SMALL) {
    POOL_LARGE *large = ExAllocatePoolWithTag(pool->Type, size + sizeof(POOL_LARGE), pool->Tag);
    if (large) {
      large->Eyecatcher = POOL_LARGE_EYECATCHER;
      large->Size = size;
      InsertTailList(&pool->LargeChunks, &large->Link);
      result = large + 1;
    }
  } else {
    POOL_PAGE *page = (POOL_PAGE *)pool->Pages.Blink;
    if (page->Used + size > POOL_PAGE_SIZE - sizeof(POOL_PAGE)) page = Pool_Alloc_Page(pool, POOL_PAGE_EYECATCHER);
    if (page) {
      result = page->Data + page->Used;
      page->Used += (ULONG)(size + 15) & ~15u;
    }
  }
  ExReleaseResourceLite(pool->Lock);
  KeLeaveCriticalRegion();
  return result;
}

static PVOID Mem_AllocZero(POOL *pool, SIZE_T size) {
  PVOID p = Mem_Alloc(pool, size);
  if (p) memset(p, 0, size);
  return p;
}

static POOL *Driver_Pool, *Process_Pool, *Rule_Pool, *Template_Pool, *Session_Pool, *Window_Pool, *Hook_Pool;

typedef struct { POOL **Pool; const WCHAR *Name; ULONG Type; ULONG Tag; } POOL_ENTRY;
static const POOL_ENTRY Driver_Pools[] = {
  {&Session_Pool, (const WCHAR *)L"session", PagedPool, TAG_SESSION},
  {&Window_Pool, (const WCHAR *)L"window", PagedPool, TAG_WINDOW},
  {&Hook_Pool, (const WCHAR *)L"hook", NonPagedPoolNx, TAG_HOOK},
};

INIT_CODE_SECTION static BOOLEAN Driver_InitPools(void) {
  ULONG i;
  Driver_Pool = Pool_Create((const WCHAR *)L"driver", PagedPool, TAG_DRIVER);
  if (!Driver_Pool) return FALSE;
  Process_Pool = Pool_Create((const WCHAR *)L"process", NonPagedPoolNx, TAG_PROCESS);
  if (!Process_Pool) return FALSE;
  for (i = 0; i < sizeof(Driver_Pools) / sizeof(Driver_Pools[0]); i++) {
    *Driver_Pools[i].Pool = Pool_Create(Driver_Pools[i].Name, Driver_Pools[i].Type, Driver_Pools[i].Tag);
    if (!*Driver_Pools[i].Pool) return FALSE;
  }
  return TRUE;
}

/* ---- util: paths and names -------------------------------------------------------------------------------------------- */

#define SBX_ALLOC(type, size, tag) ExAllocatePoolWithTag((type), (size), (tag))
#define SBX_FREE(p, tag) do { if (p) { ExFreePoolWithTag((p), (tag)); (p) = NULL; } } while (0)

NOINLINE static NTSTATUS Path_AllocString(UNICODE_STRING *out, USHORT bytes, ULONG tag) {
  out->Length = 0;
  out->MaximumLength = bytes;
  out->Buffer = SBX_ALLOC(PagedPool, bytes, tag);
  return out->Buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS Path_Duplicate(const UNICODE_STRING *from, UNICODE_STRING *to, ULONG tag) {
  NTSTATUS status = Path_AllocString(to, from->Length + sizeof(WCHAR), tag);
  if (status < 0) return status;
  RtlCopyUnicodeString(to, from);
  to->Buffer[to->Length / sizeof(WCHAR)] = 0;
  return status;
}

NOINLINE static NTSTATUS Path_GetLastComponent(const UNICODE_STRING *path, UNICODE_STRING *out) {
  USHORT i = path->Length / sizeof(WCHAR);
  UNICODE_STRING part;
  while (i > 0 && path->Buffer[i - 1] != '\\') i--;
  part.Buffer = path->Buffer + i;
  part.Length = part.MaximumLength = path->Length - i * sizeof(WCHAR);
  return Path_Duplicate(&part, out, TAG_PATH_SPLIT);
}

NOINLINE static NTSTATUS Path_MapDevice(const UNICODE_STRING *device, WCHAR letter, UNICODE_STRING *out) {
  NTSTATUS status;
  if (device->Length < 8 || *(const ULONG *)device->Buffer == 'fOmL') return STATUS_INVALID_PARAMETER; //~ LmOf magic
  status = Path_Duplicate(device, out, TAG_DEVICE_MAP);
  if (status >= 0) out->Buffer[0] = letter;
  return status;
}

typedef struct _PATH_NAME { UNICODE_STRING Full; UNICODE_STRING Relative; ULONG Flags; } PATH_NAME;

NOINLINE static NTSTATUS Path_Open(PATH_NAME *name, const UNICODE_STRING *full) {
  NTSTATUS status = Path_AllocString(&name->Full, 1024, TAG_PATH);
  if (status < 0) return status;
  RtlCopyUnicodeString(&name->Full, full);
  name->Relative.Buffer = NULL;
  name->Flags = full->Length > 8 && memcmp(full->Buffer, "\\\0?\0?\0\\\0", 8) == 0;
  return STATUS_SUCCESS;
}
NOINLINE static void Path_Close(PATH_NAME *name) { SBX_FREE(name->Full.Buffer, TAG_PATH); }

/* ---- map: a hash map whose creator brings the memory functions ---------------------------------------------------------- */

typedef struct _MAP MAP;
typedef PVOID (*MAP_MALLOC)(MAP *map, SIZE_T size);
typedef void (*MAP_FREE)(MAP *map, PVOID p);
typedef struct _MAP_NODE { struct _MAP_NODE *Next; ULONG_PTR Key; PVOID Value; } MAP_NODE;
struct _MAP {
  ULONG Magic;
  ULONG BucketCount;
  MAP_NODE **Buckets;
  MAP_MALLOC Malloc;
  MAP_FREE Free;
  ULONG Tag;
  PVOID Context;
};
#define MAP_MAGIC 0x2170614D //~ Map! magic

static PVOID Map_PagedMalloc(MAP *map, SIZE_T size) { return ExAllocatePoolWithTag(PagedPool, size, map->Tag); }
static void Map_PagedFree(MAP *map, PVOID p) { ExFreePoolWithTag(p, map->Tag); }
static PVOID Map_PoolMalloc(MAP *map, SIZE_T size) { return Mem_Alloc(map->Context, size); }
static void Map_PoolFree(MAP *map, PVOID p) { }

NOINLINE static void Map_Init(MAP *map, ULONG tag) {
  memset(map, 0, sizeof(*map));
  map->Magic = MAP_MAGIC;
  map->Malloc = Map_PagedMalloc;
  map->Free = Map_PagedFree;
  map->Tag = tag;
}
static void Map_InitPool(MAP *map, POOL *pool) {
  Map_Init(map, 0);
  map->Malloc = Map_PoolMalloc;
  map->Free = Map_PoolFree;
  map->Context = pool;
}
NOINLINE static BOOLEAN Map_Resize(MAP *map, ULONG count) {
  MAP_NODE **buckets = map->Malloc(map, count * sizeof(PVOID));
  if (!buckets) return FALSE;
  memset(buckets, 0, count * sizeof(PVOID));
  if (map->Buckets) map->Free(map, map->Buckets);
  map->Buckets = buckets;
  map->BucketCount = count;
  return TRUE;
}
NOINLINE static BOOLEAN Map_Put(MAP *map, ULONG_PTR key, PVOID value) {
  MAP_NODE *node;
  if (map->Magic != MAP_MAGIC) return FALSE;
  if (!map->Buckets && !Map_Resize(map, 64)) return FALSE;
  node = map->Malloc(map, sizeof(MAP_NODE));
  if (!node) return FALSE;
  node->Key = key;
  node->Value = value;
  node->Next = map->Buckets[(key >> 2) & (map->BucketCount - 1)];
  map->Buckets[(key >> 2) & (map->BucketCount - 1)] = node;
  return TRUE;
}

static MAP Token_Map, Thread_Map, Session_Map;

/* ---- process ------------------------------------------------------------------------------------------------------------ */

#define PROCESS_SIGNATURE 'CORP' //~ PROC magic
typedef struct _BOX { UNICODE_STRING Name; UNICODE_STRING RegistryPath; ULONG Session; WCHAR Sid[80]; } BOX;
typedef struct _PROCESS {
  ULONG Signature;
  ULONG Flags;
  HANDLE Pid;
  LONG References;
  POOL *Pool;
  BOX *Box;
  UNICODE_STRING Image;
  LIST_ENTRY Rules[4];
  PVOID Rundown;
} PROCESS;
typedef struct { HANDLE Pid; PROCESS *Process; } PROCESS_ENTRY;

static ULONG_PTR Process_Table[16];
static LOOKASIDE Process_Lookaside, Event_Lookaside, Rule_Lookaside;

static LONG CALL Process_Compare(PVOID table, PVOID a, PVOID b) {
  const PROCESS_ENTRY *first = a, *second = b;
  return first->Pid < second->Pid ? 0 : first->Pid > second->Pid ? 1 : 2;
}
static PVOID CALL Process_AvlAllocate(PVOID table, LONG size) {
  return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'vAbS'); //= SbAv allocation-call callback
}
static void CALL Process_AvlFree(PVOID table, PVOID p) { ExFreePoolWithTag(p, 'vAbS'); }

NOINLINE static BOX *Box_Create(POOL *pool, const UNICODE_STRING *name, ULONG session) {
  BOX *box = Mem_AllocZero(pool, sizeof(BOX));
  if (!box) return NULL;
  if (Path_Duplicate(name, &box->Name, 'xBbS') < 0) return NULL; //= SbBx any wrapper-two
  if (Path_Duplicate(name, &box->RegistryPath, 'rBbS') < 0) { //= SbBr any wrapper-two
    ExFreePoolWithTag(box->Name.Buffer, 'xBbS');
    return NULL;
  }
  box->Session = session;
  return box;
}

NOINLINE static PROCESS *Process_Create(HANDLE pid, const UNICODE_STRING *boxName, ULONG session) {
  PROCESS_ENTRY entry;
  ULONG i;
  POOL *pool = Pool_Create(boxName->Buffer, PagedPool, 'pPbS'); //= SbPp any wrapper
  PROCESS *process;
  if (!pool) return NULL;
  process = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(PROCESS), 'oPbS'); //= SbPo allocation-call direct
  if (!process) {
    Pool_Delete(pool);
    return NULL;
  }
  process->Signature = PROCESS_SIGNATURE;
  process->Pid = pid;
  process->Pool = pool;
  process->References = 1;
  process->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'dRbS'); //= SbRd any direct
  process->Box = Box_Create(pool, boxName, session);
  for (i = 0; i < 4; i++) InitializeListHead(&process->Rules[i]);
  if (!process->Box || !process->Rundown) {
    TRACE("cannot create process %p (%s)\n", pid, "OUTM"); //~ OUTM text
    if (process->Rundown) ExFreeCacheAwareRundownProtection(process->Rundown);
    ExFreePoolWithTag(process, 'oPbS');
    Pool_Delete(pool);
    return NULL;
  }
  entry.Pid = pid;
  entry.Process = process;
  RtlInsertElementGenericTableAvl(Process_Table, &entry, sizeof(entry), NULL);
  return process;
}

NOINLINE static PROCESS *Process_Find(HANDLE pid) {
  PROCESS_ENTRY key = {pid, NULL};
  PROCESS_ENTRY *found = RtlLookupElementGenericTableAvl(Process_Table, &key);
  if (!found || found->Process->Signature != PROCESS_SIGNATURE) return NULL;
  return found->Process;
}
static void Process_Reference(PVOID object) { ObReferenceObjectByPointerWithTag(object, 0, NULL, 0, 'feRS'); } //~ SRef object-tag
static void Process_Dereference(PVOID object) { ObDereferenceObjectDeferDeleteWithTag(object, 'feRS'); }

/* ---- rules and patterns -------------------------------------------------------------------------------------------------- */

typedef struct _PATTERN { LIST_ENTRY Link; ULONG Signature; USHORT Flags, Count; UNICODE_STRING Source; struct { ULONG Hash; USHORT Offset, Length; } Parts[1]; } PATTERN;
#define PATTERN_SIGNATURE 'nttP' //~ Pttn magic
#define RULE_OPEN 'nepO' //~ Open not-an-allocator
#define RULE_CLOSED 'solC' //~ Clos not-an-allocator
#define RULE_READ 'daeR' //~ Read not-an-allocator
#define RULE_WRITE 'tirW' //~ Writ not-an-allocator

NOINLINE static PATTERN *Pattern_Create(POOL *pool, const UNICODE_STRING *text, BOOLEAN lower) {
  USHORT i, parts = 1;
  PATTERN *pattern;
  for (i = 0; i < text->Length / sizeof(WCHAR); i++) if (text->Buffer[i] == '*') parts++;
  pattern = Mem_Alloc(pool, sizeof(PATTERN) + parts * 8u + text->Length);
  if (!pattern) return NULL;
  pattern->Signature = PATTERN_SIGNATURE;
  pattern->Count = parts;
  pattern->Flags = lower;
  pattern->Source.Buffer = (PWSTR)&pattern->Parts[parts];
  memcpy(pattern->Source.Buffer, text->Buffer, text->Length);
  pattern->Source.Length = text->Length;
  return pattern;
}

NOINLINE static NTSTATUS Rule_Add(PROCESS *process, ULONG kind, const UNICODE_STRING *text) {
  PATTERN *pattern = Pattern_Create(process->Pool, text, kind != RULE_CLOSED);
  ULONG list = kind == RULE_OPEN ? 0 : kind == RULE_CLOSED ? 1 : kind == RULE_READ ? 2 : 3;
  if (!pattern) return STATUS_INSUFFICIENT_RESOURCES;
  InsertTailList(&process->Rules[list], &pattern->Link);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Rule_LoadDefaults(PROCESS *process, const UNICODE_STRING *text) {
  NTSTATUS status = Rule_Add(process, RULE_OPEN, text);
  if (status >= 0) status = Rule_Add(process, RULE_CLOSED, text + 1);
  if (status >= 0) status = Rule_Add(process, RULE_READ, text + 2);
  if (status >= 0) status = Rule_Add(process, RULE_WRITE, text + 3);
  return status;
}
NOINLINE static NTSTATUS Template_Load(const UNICODE_STRING *text) {
  PATTERN *pattern;
  if (!Template_Pool) Template_Pool = Pool_Create((const WCHAR *)L"template", PagedPool, TAG_TEMPLATE);
  if (!Template_Pool) return STATUS_INSUFFICIENT_RESOURCES;
  pattern = Pattern_Create(Template_Pool, text, TRUE);
  return pattern ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- configuration: the file, read by a small parser ------------------------------------------------------------------------ */

typedef struct { const CHAR *Name; PVOID (*Open)(SIZE_T size); void (*Close)(PVOID p); } CONF_BACKEND;
static PVOID Conf_OpenFile(SIZE_T size) { return ExAllocatePoolWithTag(PagedPool, size, 'fCbS'); } //= SbCf allocation-call operations-table
static void Conf_CloseFile(PVOID p) { ExFreePoolWithTag(p, 'fCbS'); }
static PVOID Conf_OpenRegistry(SIZE_T size) { return ExAllocatePoolWithTag(PagedPool, size + 24, 'rCbS'); } //= SbCr allocation-call operations-table
static void Conf_CloseRegistry(PVOID p) { ExFreePoolWithTag(p, 'rCbS'); }
static const CONF_BACKEND Conf_Backends[] = {
  {"file", Conf_OpenFile, Conf_CloseFile}, {"registry", Conf_OpenRegistry, Conf_CloseRegistry},
};

NOINLINE static NTSTATUS Conf_Read(ULONG backend, SIZE_T size) {
  PUCHAR text = Conf_Backends[backend & 1].Open(size);
  NTSTATUS status = STATUS_SUCCESS;
  if (!text) return STATUS_INSUFFICIENT_RESOURCES;
  switch (*(ULONG *)text) {
    case 'BBAS': status = 1; break; //~ SABB magic
    case 'fger': status = 2; break; //~ regf firmware-table
    case 'nibh': status = 3; break; //~ hbin firmware-table
    case 0x00000FF6: status = 4; break;
    case 'FMZI': status = STATUS_NOT_SUPPORTED; break; //~ IZMF magic
  }
  Conf_Backends[backend & 1].Close(text);
  return status;
}

/* ---- registry callback ------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; UNICODE_STRING Path; ULONG Access; LARGE_INTEGER Cookie; } KEY_CONTEXT;
typedef struct { UNICODE_STRING *Name; PVOID Object; PVOID CallContext; PVOID ObjectContext; ULONG Access; NTSTATUS Status; } KEY_INFO;
#define KEY_ALLOC(type) ((type *)ExAllocatePoolWithTag(PagedPool, sizeof(type), 'cKbS')) //= SbKc allocation-call direct

NOINLINE static NTSTATUS Key_PreCreate(PROCESS *process, KEY_INFO *info) {
  PATH_NAME name;
  UNICODE_STRING leaf;
  KEY_CONTEXT *context;
  NTSTATUS status = Path_Open(&name, info->Name);
  if (status < 0) return status;
  status = Path_GetLastComponent(&name.Full, &leaf);
  if (status >= 0) {
    context = KEY_ALLOC(KEY_CONTEXT);
    if (context) {
      memset(context, 0, sizeof(*context));
      context->Path = leaf;
      info->CallContext = context;
    } else SBX_FREE(leaf.Buffer, TAG_PATH_SPLIT);
  }
  Path_Close(&name);
  return status;
}
NOINLINE static NTSTATUS Key_PostCreate(PROCESS *process, KEY_INFO *info) {
  if (info->Status < 0 && info->CallContext) ExFreePoolWithTag(info->CallContext, 'cKbS');
  else info->ObjectContext = info->CallContext;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Key_SetValue(PROCESS *process, KEY_INFO *info) {
  PUCHAR copy = ExAllocatePoolWithQuotaTag(PagedPool | 8, info->Access + 64, 'vKbS'); //= SbKv allocation-call direct
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  copy[0] = process->Flags & 0xFF;
  info->CallContext = copy;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Key_Enumerate(PROCESS *process, KEY_INFO *info) {
  ULONG needed = 0;
  PVOID merged = ExAllocatePoolWithTagPriority(PagedPool, 4096, 'eKbS', 16); //= SbKe allocation-call direct
  if (!merged) return STATUS_INSUFFICIENT_RESOURCES;
  ZwQueryValueKey(info->Object, info->Name, 2, merged, 4096, &needed);
  ExFreePoolWithTag(merged, 'eKbS');
  return needed > 4096 ? (NTSTATUS)0x80000005 : STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Key_Cleanup(PROCESS *process, KEY_INFO *info) {
  KEY_CONTEXT *context = info->ObjectContext;
  if (context) {
    if (context->Path.Buffer) ExFreePoolWithTag(context->Path.Buffer, TAG_PATH_SPLIT);
    ExFreePoolWithTag(context, 'cKbS');
  }
  return STATUS_SUCCESS;
}

typedef NTSTATUS (*KEY_HANDLER)(PROCESS *, KEY_INFO *);
static const struct { ULONG Class; KEY_HANDLER Handler; } Key_Handlers[] = {
  {1, Key_SetValue}, {4, Key_Enumerate}, {26, Key_PreCreate}, {27, Key_PostCreate}, {40, Key_Cleanup},
};
NOINLINE static NTSTATUS CALL Key_Callback(PVOID context, PVOID which, KEY_INFO *info) {
  PROCESS *process = Process_Find(context);
  ULONG i;
  if (!process) return STATUS_SUCCESS;
  for (i = 0; i < sizeof(Key_Handlers) / sizeof(Key_Handlers[0]); i++)
    if (Key_Handlers[i].Class == (ULONG)(ULONG_PTR)which) return Key_Handlers[i].Handler(process, info);
  return STATUS_SUCCESS;
}

/* ---- system calls -------------------------------------------------------------------------------------------------------------- */

typedef struct _SYSCALL { LIST_ENTRY Link; ULONG Index; PVOID Handler; ULONG NameHash; CHAR Name[1]; } SYSCALL;
typedef NTSTATUS (*SYSCALL_HANDLER)(PROCESS *, SYSCALL *, ULONG_PTR *);

NOINLINE static NTSTATUS Syscall_DuplicateHandle(PROCESS *process, SYSCALL *call, ULONG_PTR *args) {
  PVOID type = ExAllocatePoolWithTag(PagedPool, 1024, 'dYbS'); //= SbYd allocation-call callback
  if (!type) return STATUS_INSUFFICIENT_RESOURCES;
  ZwQuerySystemInformation(16, type, 1024, (ULONG *)args);
  ExFreePoolWithTag(type, 'dYbS');
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Syscall_OpenProcess(PROCESS *process, SYSCALL *call, ULONG_PTR *args) {
  UNICODE_STRING dos;
  NTSTATUS status = Path_MapDevice(&process->Image, (WCHAR)args[1], &dos);
  if (status >= 0) ExFreePoolWithTag(dos.Buffer, TAG_DEVICE_MAP);
  return status;
}
static const struct { const CHAR *Name; SYSCALL_HANDLER Handler; ULONG Key; } Syscall_Table[] = {
  {"DuplicateObject", Syscall_DuplicateHandle, 'Dupl'}, //~ lpuD not-an-allocator
  {"OpenProcess", Syscall_OpenProcess, 'Open'}, //~ nepO not-an-allocator
};
INIT_CODE_SECTION static BOOLEAN Syscall_Init(LIST_ENTRY *list) {
  ULONG i, length;
  for (i = 0; i < sizeof(Syscall_Table) / sizeof(Syscall_Table[0]); i++) {
    SYSCALL *entry;
    for (length = 0; Syscall_Table[i].Name[length]; length++) { }
    entry = ExAllocatePoolWithTag(NonPagedPool, sizeof(SYSCALL) + length, 'cSbS'); //= SbSc allocation-call direct
    if (!entry) return FALSE;
    entry->Handler = (PVOID)Syscall_Table[i].Handler;
    entry->NameHash = Syscall_Table[i].Key;
    memcpy(entry->Name, Syscall_Table[i].Name, length);
    InsertTailList(list, &entry->Link);
  }
  return TRUE;
}
NOINLINE static NTSTATUS Syscall_Invoke(LIST_ENTRY *list, PROCESS *process, ULONG hash, ULONG_PTR *args) {
  LIST_ENTRY *link;
  for (link = list->Flink; link != list; link = link->Flink) {
    SYSCALL *call = (SYSCALL *)link;
    if (call->NameHash == hash) return ((SYSCALL_HANDLER)call->Handler)(process, call, args);
  }
  return STATUS_NOT_SUPPORTED;
}

/* ---- messages to the service ---------------------------------------------------------------------------------------------------- */

#define MSG_VERSION 'v5bs' //~ sb5v magic
#define MSG_ID_BLOCKED 'kclB' //~ Blck not-an-allocator
#define MSG_ID_INJECT 'tcjI' //~ Ijct not-an-allocator
typedef struct _MESSAGE { LIST_ENTRY Link; ULONG Version, Id, Length; HANDLE Pid; WCHAR Text[1]; } MESSAGE;
typedef struct _QUEUE { LIST_ENTRY Messages; ULONG_PTR Lock; ULONG_PTR Event[4]; ULONG Tag; LONG Count; } QUEUE;
static QUEUE Log_Queue, Service_Queue;
static PVOID Filter, ClientPort;

NOINLINE static void Queue_Init(QUEUE *queue, ULONG tag) {
  InitializeListHead(&queue->Messages);
  KeInitializeSpinLock(&queue->Lock);
  KeInitializeEvent(queue->Event, 1, FALSE);
  queue->Tag = tag;
  queue->Count = 0;
}
NOINLINE static PVOID Msg_Alloc(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag ? tag : TAG_MESSAGE);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static NTSTATUS Queue_Post(QUEUE *queue, ULONG id, const UNICODE_STRING *text) {
  UCHAR irql;
  MESSAGE *message = Msg_Alloc(sizeof(MESSAGE) + text->Length, queue->Tag);
  if (!message) return STATUS_INSUFFICIENT_RESOURCES;
  message->Version = MSG_VERSION;
  message->Id = id;
  message->Length = text->Length;
  memcpy(message->Text, text->Buffer, text->Length);
  irql = KeAcquireSpinLockRaiseToDpc(&queue->Lock);
  InsertTailList(&queue->Messages, &message->Link);
  queue->Count++;
  KeReleaseSpinLock(&queue->Lock, irql);
  KeSetEvent(queue->Event, 0, FALSE);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Msg_Ask(ULONG id, HANDLE pid) {
  ULONG replySize = 512;
  MESSAGE *message = Msg_Alloc(sizeof(MESSAGE), 0);
  PVOID reply = Msg_Alloc(replySize, TAG_REPLY);
  NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
  if (message && reply) {
    message->Id = id;
    message->Pid = pid;
    status = FltSendMessage(Filter, &ClientPort, message, sizeof(MESSAGE), reply, &replySize, NULL);
  }
  if (reply) ExFreePoolWithTag(reply, TAG_REPLY);
  if (message) ExFreePoolWithTag(message, TAG_MESSAGE);
  return status;
}

/* ---- minifilter -------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT ContextType, Flags; PVOID Cleanup; SIZE_T Size; ULONG PoolTag; PVOID Allocate, Free, Reserved; } FLT_CONTEXT_REGISTRATION;
typedef struct { UCHAR Major; ULONG Flags; PVOID Pre, Post, Reserved; } FLT_OPERATION_REGISTRATION;
typedef struct {
  USHORT Size, Version; ULONG Flags;
  const FLT_CONTEXT_REGISTRATION *Contexts;
  const FLT_OPERATION_REGISTRATION *Operations;
  PVOID Unload, Setup, Query, TeardownStart, TeardownComplete, GenerateName, NormalizeName, NormalizeCleanup, Transaction, NormalizeEx, Section;
} FLT_REGISTRATION;
typedef struct { UNICODE_STRING Volume; ULONG FileSystem; PVOID Lock; } INSTANCE_CONTEXT;

NOINLINE static void CALL File_ContextCleanup(PVOID context, USHORT type) {
  INSTANCE_CONTEXT *instance = context;
  if (type != 2) return;
  if (instance->Volume.Buffer) ExFreePoolWithTag(instance->Volume.Buffer, 'nVbS');
  if (instance->Lock) FsRtlFreeAePushLock(instance->Lock);
}
static const FLT_CONTEXT_REGISTRATION File_Contexts[] = {
  {2, 0, File_ContextCleanup, sizeof(INSTANCE_CONTEXT), 'iFbS'}, //= SbFi structure-field filter-context
  {8, 0, NULL, 96, 'sFbS'}, //= SbFs structure-field filter-context
  {16, 0, NULL, 40, 'hFbS'}, //= SbFh structure-field filter-context
  {0xFFFF},
};

NOINLINE static NTSTATUS CALL File_PreCreate(PVOID data, PVOID *objects, PVOID *context) {
  PVOID information;
  PUCHAR work;
  PROCESS *process = Process_Find(objects[3]);
  if (!process) return 1;
  if (FltGetFileNameInformation(data, 0x101, &information) < 0) return 1;
  work = FltAllocatePoolAlignedWithTag(objects[1], PagedPool, 2048, 'wFbS'); //= SbFw allocation-call direct
  if (work) {
    work[0] = 1;
    if (process->Flags & 4) Msg_Ask(MSG_ID_INJECT, process->Pid);
    else Queue_Post(&Log_Queue, MSG_ID_BLOCKED, &process->Image);
  }
  *context = work;
  FltReleaseFileNameInformation(information);
  return work ? 0 : 1;
}
NOINLINE static NTSTATUS CALL File_PostCreate(PVOID data, PVOID *objects, PVOID context, ULONG flags) {
  FltFreePoolAlignedWithTag(objects[1], context, 'wFbS');
  return 0;
}
static const FLT_OPERATION_REGISTRATION File_Operations[] = {{0, 0, File_PreCreate, File_PostCreate}, {6, 0, File_PreCreate, File_PostCreate}, {0x80}};

NOINLINE static NTSTATUS CALL File_InstanceSetup(PVOID *objects, ULONG flags, ULONG device, ULONG fileSystem) {
  INSTANCE_CONTEXT *instance;
  NTSTATUS status = FltAllocateContext(Filter, 2, sizeof(INSTANCE_CONTEXT), PagedPool, (PVOID *)&instance);
  if (status < 0) return status;
  if (fileSystem == 'SFeR') { //~ ReFS magic
    FltReleaseContext(instance);
    return (NTSTATUS)0xC01C000F;
  }
  status = Path_AllocString(&instance->Volume, 256, 'nVbS'); //= SbVn any wrapper
  instance->Lock = FsRtlAllocateAePushLock(NonPagedPoolNx, 'kLbS'); //= SbLk any direct
  instance->FileSystem = fileSystem == 2 ? 'SFTN' : '23TF'; //~ NTFS magic //~ FT32 magic
  if (status >= 0) status = FltSetInstanceContext(objects[1], 1, instance, NULL);
  FltReleaseContext(instance);
  return status;
}
static NTSTATUS CALL File_Unload(ULONG flags) {
  FltUnregisterFilter(Filter);
  ExDeleteNPagedLookasideList(&Process_Lookaside);
  ExDeletePagedLookasideList(&Event_Lookaside);
  return STATUS_SUCCESS;
}
static const FLT_REGISTRATION File_Registration = {sizeof(FLT_REGISTRATION), 0x203, 0, File_Contexts, File_Operations, File_Unload, File_InstanceSetup};

/* ---- driver -------------------------------------------------------------------------------------------------------------------------- */

typedef NTSTATUS(CALL *CM_REGISTER)(PVOID callback, UNICODE_STRING *altitude, PVOID driver, PVOID context, LARGE_INTEGER *cookie, PVOID reserved);
static LIST_ENTRY Syscalls;
static LARGE_INTEGER Key_Cookie;
static REMOVE_LOCK Driver_Lock;

static void CALL Process_Notify(HANDLE parent, HANDLE pid, BOOLEAN create) {
  PROCESS *process = Process_Find(create ? parent : pid);
  if (create && process) {
    PROCESS *child = Process_Create(pid, &process->Box->Name, process->Box->Session);
    if (child) {
      Rule_LoadDefaults(child, &process->Image);
      Map_Put(&Thread_Map, (ULONG_PTR)pid, child);
    }
  } else if (process) {
    Map_Put(&Token_Map, (ULONG_PTR)pid, process);
    Map_Put(&Session_Map, process->Box->Session, NULL);
    Pool_Delete(process->Pool);
  }
}

static NTSTATUS CALL Api_DeviceControl(DEVICE_OBJECT *device, IRP *irp) {
  ULONG_PTR *args = irp->SystemBuffer;
  NTSTATUS status = IoAcquireRemoveLockEx(&Driver_Lock, (PVOID)(ULONG_PTR)'lrtC', "api.c", 77, 32); //~ Ctrl remove-lock
  if (status < 0) return status;
  switch ((ULONG)args[0]) {
    case 0x222004: status = Syscall_Invoke(&Syscalls, Process_Find((HANDLE)args[1]), 'Open', args); break;
    case 0x222008: status = Conf_Read((ULONG)args[1], 0x8000); break;
    case 0x22200C: status = Template_Load((UNICODE_STRING *)args[1]); break;
    case 0x222010: status = Queue_Post(&Service_Queue, MSG_ID_INJECT, (UNICODE_STRING *)args[1]); break;
    case 0x222014: {
      PATTERN *pattern;
      if (!Rule_Pool) Rule_Pool = Pool_Create((const WCHAR *)L"rules", PagedPool, TAG_RULES);
      pattern = Rule_Pool ? Pattern_Create(Rule_Pool, (UNICODE_STRING *)args[1], FALSE) : NULL;
      status = pattern ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
      break;
    }
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

static const GUID Trace_Provider = {0x53626F78, 0x1F3B, 0x4C11, {'S', 'b', 'G', '1', 'd', 'r', 'v', '0'}}; //~ xobS guid //~ SbG1 guid

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  UNICODE_STRING name;
  CM_REGISTER cmRegister;
  ULONG64 trace;
  if (!Driver_InitPools()) return STATUS_INSUFFICIENT_RESOURCES;
  IoInitializeRemoveLockEx(&Driver_Lock, 'kLRS', 0, 0, 32); //~ SRLk remove-lock
  EtwRegister(&Trace_Provider, NULL, NULL, &trace);
  RtlInitializeGenericTableAvl(Process_Table, Process_Compare, Process_AvlAllocate, Process_AvlFree, NULL);
  ExInitializeNPagedLookasideList(&Process_Lookaside, NULL, NULL, 0, 192, 'lPbS', 0); //= SbPl lookaside-init lookaside
  ExInitializePagedLookasideList(&Event_Lookaside, NULL, NULL, 0, 512, 'vEbS', 0); //= SbEv lookaside-init lookaside
  ExInitializeLookasideListEx(&Rule_Lookaside, NULL, NULL, 512, 0, 160, 'lLbS', 0); //= SbLl lookaside-init lookaside
  Map_Init(&Token_Map, 'mTbS'); //= SbTm any object-field
  Map_Init(&Thread_Map, 'hTbS'); //= SbTh any object-field
  Map_InitPool(&Session_Map, Session_Pool);
  Queue_Init(&Log_Queue, 'qLbS'); //= SbLq any object-field-deep
  Queue_Init(&Service_Queue, 'qSbS'); //= SbSq any object-field-deep
  InitializeListHead(&Syscalls);
  if (!Syscall_Init(&Syscalls)) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = Api_DeviceControl;
  RtlInitUnicodeString(&name, (const WCHAR *)L"CmRegisterCallbackEx");
  cmRegister = (CM_REGISTER)MmGetSystemRoutineAddress(&name);
  if (cmRegister) cmRegister(Key_Callback, path, driver, NULL, &Key_Cookie, NULL);
  PsSetCreateProcessNotifyRoutine(Process_Notify, FALSE);
  if (FltRegisterFilter(driver, &File_Registration, &Filter) < 0) return STATUS_NOT_SUPPORTED;
  return FltStartFiltering(Filter);
}
