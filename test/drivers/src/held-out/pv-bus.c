// A paravirtual bus and two front ends: every module wraps the pool with its own tag, interfaces of versions are handed between
// modules as structures of functions, object caches with callbacks, grant tables, event channels, a store client, watches, threads.
#include "kernel.h"

typedef PVOID(*ROUTINE)(PVOID);
#define Trace(...) DbgPrint("PVBUS|" __VA_ARGS__)
#define STATUS_NO_MEMORY STATUS_INSUFFICIENT_RESOURCES
#define PAGE_SIZE 4096
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINING(p, type, field) ((type *)((UCHAR *)(p) - (SIZE_T) & ((type *)0)->field))

/* ---- util --------------------------------------------------------------------------------------------------------------- */

ALWAYS_INLINE PVOID __AllocatePoolWithTag(ULONG PoolType, SIZE_T Length, ULONG Tag) {
  PUCHAR Buffer = ExAllocatePoolWithTag(PoolType, Length, Tag);
  if (Buffer == NULL) return NULL;
  memset(Buffer, 0, Length);
  return Buffer;
}
ALWAYS_INLINE void __FreePoolWithTag(PVOID Buffer, ULONG Tag) { ExFreePoolWithTag(Buffer, Tag); }

static void InitializeListHead(LIST_ENTRY *Head) { Head->Flink = Head->Blink = Head; }
static void InsertTailList(LIST_ENTRY *Head, LIST_ENTRY *Entry) {
  Entry->Flink = Head; Entry->Blink = Head->Blink; Head->Blink->Flink = Entry; Head->Blink = Entry;
}
static LIST_ENTRY *RemoveHeadList(LIST_ENTRY *Head) {
  LIST_ENTRY *Entry = Head->Flink;
  Head->Flink = Entry->Flink; Entry->Flink->Blink = Head;
  return Entry;
}
static BOOLEAN IsListEmpty(LIST_ENTRY *Head) { return Head->Flink == Head; }
static ULONG StringLength(const CHAR *Text) { ULONG Length = 0; while (Text[Length]) Length++; return Length; }

/* Strings that outlive their caller: whoever asks says whose they are. */
static PCHAR __StringDuplicate(const CHAR *Text, ULONG Tag) {
  ULONG Length = StringLength(Text) + 1;
  PCHAR Copy = __AllocatePoolWithTag(NonPagedPool, Length, Tag);
  if (Copy != NULL) memcpy(Copy, Text, Length - 1);
  return Copy;
}

/* ---- thread ------------------------------------------------------------------------------------------------------------- */

#define THREAD_POOL 'DRHT' //= THRD any wrapper-fixed
typedef struct _BUS_THREAD BUS_THREAD;
typedef NTSTATUS (*THREAD_FUNCTION)(BUS_THREAD *, PVOID);
struct _BUS_THREAD { THREAD_FUNCTION Function; PVOID Context; ULONG_PTR Event[4]; BOOLEAN Alerted; LONG References; HANDLE Handle; };

static PVOID __ThreadAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, THREAD_POOL); }
static void __ThreadFree(PVOID Buffer) { __FreePoolWithTag(Buffer, THREAD_POOL); }

static void CALL ThreadFunction(PVOID Argument) {
  BUS_THREAD *Self = Argument;
  NTSTATUS status = Self->Function(Self, Self->Context);
  if (status < 0) Trace("thread ended %x %s\n", status, "ABND"); //~ ABND text
  if (--Self->References == 0) __ThreadFree(Self);
}
static NTSTATUS ThreadCreate(THREAD_FUNCTION Function, PVOID Context, BUS_THREAD **Thread) {
  NTSTATUS status;
  *Thread = __ThreadAllocate(sizeof(BUS_THREAD));
  if (*Thread == NULL) return STATUS_NO_MEMORY;
  (*Thread)->Function = Function;
  (*Thread)->Context = Context;
  (*Thread)->References = 2;
  KeInitializeEvent((*Thread)->Event, 0, FALSE);
  status = PsCreateSystemThread(&(*Thread)->Handle, 0x1FFFFF, NULL, NULL, NULL, ThreadFunction, *Thread);
  if (status < 0) { __ThreadFree(*Thread); *Thread = NULL; }
  return status;
}
static void ThreadStop(BUS_THREAD *Thread) {
  Thread->Alerted = TRUE;
  KeSetEvent(Thread->Event, 0, FALSE);
  if (--Thread->References == 0) __ThreadFree(Thread);
}

/* ---- registry ----------------------------------------------------------------------------------------------------------- */

#define REGISTRY_POOL 'GERR' //= RREG any wrapper-fixed
static PVOID __RegistryAllocate(ULONG Length) { return __AllocatePoolWithTag(PagedPool, Length, REGISTRY_POOL); }
static void __RegistryFree(PVOID Buffer) { __FreePoolWithTag(Buffer, REGISTRY_POOL); }

NOINLINE static NTSTATUS RegistryQueryValue(HANDLE Key, UNICODE_STRING *Name, ULONG Type, PVOID *Value) {
  ULONG Size = 0, *Data;
  NTSTATUS status = ZwQueryValueKey(Key, Name, 2, NULL, 0, &Size);
  if (status != (NTSTATUS)0xC0000023 && status != (NTSTATUS)0x80000005) return status;
  Data = __RegistryAllocate(Size);
  if (Data == NULL) return STATUS_NO_MEMORY;
  status = ZwQueryValueKey(Key, Name, 2, Data, Size, &Size);
  if (status < 0 || Data[1] != Type) { __RegistryFree(Data); return status < 0 ? status : STATUS_INVALID_PARAMETER; }
  *Value = Data;
  return STATUS_SUCCESS;
}
static NTSTATUS RegistryQueryDword(HANDLE Key, const WCHAR *Name, ULONG *Value) {
  UNICODE_STRING Unicode;
  ULONG *Data;
  NTSTATUS status;
  RtlInitUnicodeString(&Unicode, Name);
  status = RegistryQueryValue(Key, &Unicode, 4, (PVOID *)&Data);
  if (status < 0) return status;
  *Value = Data[3];
  __RegistryFree(Data);
  return status;
}

/* ---- interfaces --------------------------------------------------------------------------------------------------------- */

typedef struct _INTERFACE { USHORT Size, Version; PVOID Context; void (*Reference)(PVOID); void (*Dereference)(PVOID); } INTERFACE;

typedef struct _CACHE CACHE;
typedef NTSTATUS (*CACHE_CTOR)(PVOID Argument, PVOID Object);
typedef void (*CACHE_DTOR)(PVOID Argument, PVOID Object);
typedef void (*CACHE_LOCK)(PVOID Argument);
typedef struct _CACHE_INTERFACE {
  INTERFACE Interface;
  NTSTATUS (*Acquire)(INTERFACE *);
  void (*Release)(INTERFACE *);
  NTSTATUS (*Create)(INTERFACE *, const CHAR *Name, ULONG Size, ULONG Tag, CACHE_CTOR, CACHE_DTOR, CACHE_LOCK, CACHE_LOCK, PVOID, CACHE **);
  PVOID (*Get)(INTERFACE *, CACHE *, BOOLEAN Locked);
  void (*Put)(INTERFACE *, CACHE *, PVOID Object, BOOLEAN Locked);
  void (*Destroy)(INTERFACE *, CACHE *);
} CACHE_INTERFACE;

typedef struct _GRANT_ENTRY GRANT_ENTRY;
typedef struct _GRANT_CACHE GRANT_CACHE;
typedef struct _GRANT_INTERFACE {
  INTERFACE Interface;
  NTSTATUS (*CreateCache)(INTERFACE *, const CHAR *Name, ULONG Reservation, CACHE_LOCK, CACHE_LOCK, PVOID, GRANT_CACHE **);
  NTSTATUS (*Permit)(INTERFACE *, GRANT_CACHE *, USHORT Domain, ULONG_PTR Frame, BOOLEAN ReadOnly, GRANT_ENTRY **);
  void (*Revoke)(INTERFACE *, GRANT_CACHE *, GRANT_ENTRY *);
  NTSTATUS (*Map)(INTERFACE *, USHORT Domain, ULONG Count, const ULONG *References, PHYSICAL_ADDRESS *Address);
} GRANT_INTERFACE;

typedef struct _CHANNEL CHANNEL;
typedef struct _CHANNEL_INTERFACE {
  INTERFACE Interface;
  CHANNEL *(*Open)(INTERFACE *, ULONG Type, PVOID Callback, PVOID Argument, ULONG Port);
  void (*Send)(INTERFACE *, CHANNEL *);
  void (*Close)(INTERFACE *, CHANNEL *);
} CHANNEL_INTERFACE;

typedef struct _TRANSACTION TRANSACTION;
typedef struct _WATCH WATCH;
typedef struct _STORE_INTERFACE {
  INTERFACE Interface;
  NTSTATUS (*Read)(INTERFACE *, TRANSACTION *, const CHAR *Prefix, const CHAR *Node, PCHAR *Value);
  void (*Free)(INTERFACE *, PCHAR Value);
  NTSTATUS (*Printf)(INTERFACE *, TRANSACTION *, const CHAR *Prefix, const CHAR *Node, const CHAR *Format, ...);
  NTSTATUS (*TransactionStart)(INTERFACE *, TRANSACTION **);
  NTSTATUS (*TransactionEnd)(INTERFACE *, TRANSACTION *, BOOLEAN Commit);
  NTSTATUS (*WatchAdd)(INTERFACE *, const CHAR *Prefix, const CHAR *Node, PVOID Event, WATCH **);
  void (*WatchRemove)(INTERFACE *, WATCH *);
} STORE_INTERFACE;

typedef struct _DEBUG_INTERFACE {
  INTERFACE Interface;
  NTSTATUS (*Register)(INTERFACE *, const CHAR *Prefix, void (*Function)(PVOID, BOOLEAN), PVOID Argument, PVOID *Callback);
  void (*Deregister)(INTERFACE *, PVOID Callback);
} DEBUG_INTERFACE;

#define CALL_INTERFACE(Method, Pointer, ...) (Pointer)->Method((INTERFACE *)(Pointer), ##__VA_ARGS__)

typedef struct _BUS {
  DEVICE_OBJECT *Device;
  PVOID CacheContext, GrantContext, ChannelContext, StoreContext, DebugContext, SuspendContext, RangeContext;
  CACHE_INTERFACE Cache;
  HANDLE Parameters;
  LIST_ENTRY Children;
} BUS;

/* ---- cache: slabs and a magazine; the creator brings constructor, lock and tag --------------------------------------------- */

#define CACHE_POOL 'HCAC' //= CACH any wrapper-fixed
#define CACHE_MAGIC 'CAMC' //~ CMAC magic
#define SLAB_MAGIC 'BALS' //~ SLAB magic
typedef struct { LIST_ENTRY Link; ULONG Magic; CACHE *Cache; USHORT Used, Maximum; ULONG Mask; UCHAR Buffer[1]; } SLAB;
typedef struct { LONG References; LIST_ENTRY Caches; ULONG_PTR Lock; BUS *Bus; } CACHE_CONTEXT;
struct _CACHE {
  LIST_ENTRY Link;
  ULONG Magic;
  PCHAR Name;
  ULONG Size, Tag;
  CACHE_CTOR Ctor;
  CACHE_DTOR Dtor;
  CACHE_LOCK AcquireLock, ReleaseLock;
  PVOID Argument;
  LIST_ENTRY Slabs;
  PVOID Magazine[6];
  LONG Count;
};

static PVOID __CacheAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, CACHE_POOL); }
static void __CacheFree(PVOID Buffer) { __FreePoolWithTag(Buffer, CACHE_POOL); }

static SLAB *CacheCreateSlab(CACHE *Cache) {
  ULONG Bytes = PAGE_SIZE, Index;
  SLAB *Slab = __AllocatePoolWithTag(NonPagedPool, Bytes, Cache->Tag);
  if (Slab == NULL) return NULL;
  Slab->Magic = SLAB_MAGIC;
  Slab->Cache = Cache;
  for (Index = 0; sizeof(SLAB) + (Index + 1) * Cache->Size <= Bytes && Index < 32; Index++) {
    if (Cache->Ctor(Cache->Argument, Slab->Buffer + Index * Cache->Size) < 0) goto fail;
  }
  Slab->Maximum = (USHORT)Index;
  InsertTailList(&Cache->Slabs, &Slab->Link);
  return Slab;
fail:
  while (Index-- > 0) Cache->Dtor(Cache->Argument, Slab->Buffer + Index * Cache->Size);
  __FreePoolWithTag(Slab, Cache->Tag);
  return NULL;
}
static PVOID CacheGet(INTERFACE *Interface, CACHE *Cache, BOOLEAN Locked) {
  PVOID Object = NULL;
  SLAB *Slab;
  ULONG Index;
  if (Cache->Count > 0) return Cache->Magazine[--Cache->Count];
  if (!Locked) Cache->AcquireLock(Cache->Argument);
  Slab = (SLAB *)Cache->Slabs.Flink;
  if (IsListEmpty(&Cache->Slabs) || Slab->Used == Slab->Maximum) Slab = CacheCreateSlab(Cache);
  if (Slab != NULL && Slab->Magic == SLAB_MAGIC) {
    for (Index = 0; Index < Slab->Maximum && (Slab->Mask & (1u << Index)); Index++) { }
    Slab->Mask |= 1u << Index;
    Slab->Used++;
    Object = Slab->Buffer + Index * Cache->Size;
  }
  if (!Locked) Cache->ReleaseLock(Cache->Argument);
  return Object;
}
static void CachePut(INTERFACE *Interface, CACHE *Cache, PVOID Object, BOOLEAN Locked) {
  if (!Locked) Cache->AcquireLock(Cache->Argument);
  if (Cache->Count < 6) Cache->Magazine[Cache->Count++] = Object;
  else {
    LIST_ENTRY *Link;
    for (Link = Cache->Slabs.Flink; Link != &Cache->Slabs; Link = Link->Flink) {
      SLAB *Slab = (SLAB *)Link;
      SIZE_T Offset = (PUCHAR)Object - Slab->Buffer;
      if (Offset < PAGE_SIZE) { Slab->Mask &= ~(1u << ((ULONG)Offset / Cache->Size)); Slab->Used--; break; }
    }
  }
  if (!Locked) Cache->ReleaseLock(Cache->Argument);
}
static NTSTATUS CacheCreate(INTERFACE *Interface, const CHAR *Name, ULONG Size, ULONG Tag, CACHE_CTOR Ctor, CACHE_DTOR Dtor,
                            CACHE_LOCK AcquireLock, CACHE_LOCK ReleaseLock, PVOID Argument, CACHE **Cache) {
  CACHE_CONTEXT *Context = Interface->Context;
  *Cache = __CacheAllocate(sizeof(CACHE));
  if (*Cache == NULL) return STATUS_NO_MEMORY;
  (*Cache)->Name = __StringDuplicate(Name, CACHE_POOL);
  if ((*Cache)->Name == NULL) { __CacheFree(*Cache); return STATUS_NO_MEMORY; }
  (*Cache)->Magic = CACHE_MAGIC;
  (*Cache)->Size = (Size + 15) & ~15u;
  (*Cache)->Tag = Tag;
  (*Cache)->Ctor = Ctor;
  (*Cache)->Dtor = Dtor;
  (*Cache)->AcquireLock = AcquireLock;
  (*Cache)->ReleaseLock = ReleaseLock;
  (*Cache)->Argument = Argument;
  InitializeListHead(&(*Cache)->Slabs);
  InsertTailList(&Context->Caches, &(*Cache)->Link);
  return STATUS_SUCCESS;
}
static void CacheDestroy(INTERFACE *Interface, CACHE *Cache) {
  if (Cache->Magic != CACHE_MAGIC) KeBugCheckEx('EHCB', (ULONG_PTR)Cache, 0, 0, 0); //~ BCHE bug-check
  while (!IsListEmpty(&Cache->Slabs)) __FreePoolWithTag(RemoveHeadList(&Cache->Slabs), Cache->Tag);
  __CacheFree(Cache->Name);
  __CacheFree(Cache);
}
static NTSTATUS CacheAcquire(INTERFACE *Interface) { ((CACHE_CONTEXT *)Interface->Context)->References++; return STATUS_SUCCESS; }
static void CacheRelease(INTERFACE *Interface) { ((CACHE_CONTEXT *)Interface->Context)->References--; }
static void NoReference(PVOID Context) { }

static const CACHE_INTERFACE CacheInterfaceVersion1 = {
  {sizeof(CACHE_INTERFACE), 1, NULL, NoReference, NoReference}, CacheAcquire, CacheRelease, CacheCreate, CacheGet, CachePut, CacheDestroy,
};
static NTSTATUS CacheInitialize(BUS *Bus) {
  CACHE_CONTEXT *Context = __CacheAllocate(sizeof(CACHE_CONTEXT));
  if (Context == NULL) return STATUS_NO_MEMORY;
  InitializeListHead(&Context->Caches);
  KeInitializeSpinLock(&Context->Lock);
  Context->Bus = Bus;
  Bus->CacheContext = Context;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS CacheGetInterface(PVOID Context, ULONG Version, INTERFACE *Interface, ULONG Size) {
  switch (Version) {
    case 1: {
      CACHE_INTERFACE *CacheInterface = (CACHE_INTERFACE *)Interface;
      if (Size < sizeof(CACHE_INTERFACE)) return (NTSTATUS)0xC0000023;
      *CacheInterface = CacheInterfaceVersion1;
      Interface->Context = Context;
      return STATUS_SUCCESS;
    }
    default: return STATUS_NOT_SUPPORTED;
  }
}

/* ---- range set: which numbers are free ------------------------------------------------------------------------------------ */

#define RANGE_SET_POOL 'GNAR' //= RANG any wrapper-fixed
typedef struct { LIST_ENTRY Link; LONGLONG Start, End; } RANGE;
typedef struct { LIST_ENTRY Ranges; ULONG_PTR Lock; RANGE *Spare; PCHAR Name; } RANGE_SET;

static PVOID __RangeSetAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, RANGE_SET_POOL); }
NOINLINE static NTSTATUS RangeSetPut(RANGE_SET *Set, LONGLONG Start, ULONG Count) {
  RANGE *Range = Set->Spare;
  if (Range == NULL) Range = __RangeSetAllocate(sizeof(RANGE));
  if (Range == NULL) return STATUS_NO_MEMORY;
  Set->Spare = NULL;
  Range->Start = Start;
  Range->End = Start + Count - 1;
  InsertTailList(&Set->Ranges, &Range->Link);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS RangeSetPop(RANGE_SET *Set, ULONG Count, LONGLONG *Start) {
  RANGE *Range = (RANGE *)Set->Ranges.Flink;
  if (IsListEmpty(&Set->Ranges) || Range->End - Range->Start + 1 < Count) return (NTSTATUS)0xC000007F;
  *Start = Range->Start;
  Range->Start += Count;
  if (Range->Start <= Range->End) return STATUS_SUCCESS;
  RemoveHeadList(&Set->Ranges);
  if (Set->Spare == NULL) Set->Spare = Range;
  else __FreePoolWithTag(Range, RANGE_SET_POOL);
  return STATUS_SUCCESS;
}
static NTSTATUS RangeSetCreate(const CHAR *Name, RANGE_SET **Set) {
  *Set = __RangeSetAllocate(sizeof(RANGE_SET));
  if (*Set == NULL) return STATUS_NO_MEMORY;
  InitializeListHead(&(*Set)->Ranges);
  (*Set)->Name = __StringDuplicate(Name, 'NGNR'); //= RNGN any wrapper
  return STATUS_SUCCESS;
}

/* ---- grant table ----------------------------------------------------------------------------------------------------------- */

#define GRANT_POOL 'TNRG' //= GRNT any wrapper-fixed
#define GRANT_ENTRY_MAGIC 'YTNE' //~ ENTY magic
struct _GRANT_ENTRY { ULONG Magic; ULONG Reference; ULONG_PTR Frame; USHORT Domain; };
struct _GRANT_CACHE { CACHE *Cache; CHAR Name[64]; ULONG_PTR Lock; struct _GRANT_CONTEXT *Context; };
typedef struct _GRANT_CONTEXT { LONG References; RANGE_SET *Free; ULONG *Table; PHYSICAL_ADDRESS TableAddress; CACHE_INTERFACE CacheInterface; LIST_ENTRY Maps; } GRANT_CONTEXT;
typedef struct { LIST_ENTRY Link; ULONG Count; PHYSICAL_ADDRESS Address; ULONG Handles[1]; } GRANT_MAP;

static PVOID __GrantAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, GRANT_POOL); }
static void __GrantFree(PVOID Buffer) { __FreePoolWithTag(Buffer, GRANT_POOL); }

static NTSTATUS GrantEntryCtor(PVOID Argument, PVOID Object) {
  GRANT_CACHE *Cache = Argument;
  GRANT_ENTRY *Entry = Object;
  LONGLONG Reference;
  NTSTATUS status = RangeSetPop(Cache->Context->Free, 1, &Reference);
  if (status < 0) return status;
  Entry->Magic = GRANT_ENTRY_MAGIC;
  Entry->Reference = (ULONG)Reference;
  return STATUS_SUCCESS;
}
static void GrantEntryDtor(PVOID Argument, PVOID Object) {
  GRANT_CACHE *Cache = Argument;
  GRANT_ENTRY *Entry = Object;
  RangeSetPut(Cache->Context->Free, Entry->Reference, 1);
  Entry->Magic = 0;
}
static NTSTATUS GrantCreateCache(INTERFACE *Interface, const CHAR *Name, ULONG Reservation, CACHE_LOCK Acquire, CACHE_LOCK Release, PVOID Argument, GRANT_CACHE **Cache) {
  GRANT_CONTEXT *Context = Interface->Context;
  NTSTATUS status;
  *Cache = __GrantAllocate(sizeof(GRANT_CACHE));
  if (*Cache == NULL) return STATUS_NO_MEMORY;
  memcpy((*Cache)->Name, Name, StringLength(Name) & 63);
  (*Cache)->Context = Context;
  status = CALL_INTERFACE(Create, &Context->CacheInterface, (*Cache)->Name, sizeof(GRANT_ENTRY), 'EBTG', GrantEntryCtor, GrantEntryDtor, //= GTBE any operations-object
                          Acquire, Release, *Cache, &(*Cache)->Cache);
  if (status < 0) { __GrantFree(*Cache); *Cache = NULL; }
  return status;
}
static NTSTATUS GrantPermit(INTERFACE *Interface, GRANT_CACHE *Cache, USHORT Domain, ULONG_PTR Frame, BOOLEAN ReadOnly, GRANT_ENTRY **Entry) {
  GRANT_CONTEXT *Context = Interface->Context;
  *Entry = CALL_INTERFACE(Get, &Context->CacheInterface, Cache->Cache, FALSE);
  if (*Entry == NULL) return STATUS_NO_MEMORY;
  (*Entry)->Frame = Frame;
  (*Entry)->Domain = Domain;
  Context->Table[(*Entry)->Reference & 1023] = Domain << 16 | (ReadOnly ? 5 : 1);
  return STATUS_SUCCESS;
}
static void GrantRevoke(INTERFACE *Interface, GRANT_CACHE *Cache, GRANT_ENTRY *Entry) {
  GRANT_CONTEXT *Context = Interface->Context;
  if (Entry->Magic != GRANT_ENTRY_MAGIC) return;
  Context->Table[Entry->Reference & 1023] = 0;
  CALL_INTERFACE(Put, &Context->CacheInterface, Cache->Cache, Entry, FALSE);
}
static NTSTATUS GrantMap(INTERFACE *Interface, USHORT Domain, ULONG Count, const ULONG *References, PHYSICAL_ADDRESS *Address) {
  GRANT_CONTEXT *Context = Interface->Context;
  GRANT_MAP *Map = __AllocatePoolWithTag(NonPagedPool, sizeof(GRANT_MAP) + Count * 4, 'MTRG'); //= GRTM any direct
  ULONG Index;
  if (Map == NULL) return STATUS_NO_MEMORY;
  for (Index = 0; Index < Count; Index++) Map->Handles[Index] = References[Index] ^ Domain;
  Map->Count = Count;
  Map->Address = Context->TableAddress;
  *Address = Map->Address;
  InsertTailList(&Context->Maps, &Map->Link);
  return STATUS_SUCCESS;
}
static const GRANT_INTERFACE GrantInterfaceVersion1 = {{sizeof(GRANT_INTERFACE), 1, NULL, NoReference, NoReference}, GrantCreateCache, GrantPermit, GrantRevoke, NULL};
static const GRANT_INTERFACE GrantInterfaceVersion2 = {{sizeof(GRANT_INTERFACE), 2, NULL, NoReference, NoReference}, GrantCreateCache, GrantPermit, GrantRevoke, GrantMap};

static NTSTATUS GrantInitialize(BUS *Bus) {
  static const PHYSICAL_ADDRESS Zero, All = {{0xFFFFFFFF, 0x7FFFFFFF}};
  GRANT_CONTEXT *Context = __GrantAllocate(sizeof(GRANT_CONTEXT));
  SIZE_T Size = PAGE_SIZE;
  NTSTATUS status;
  if (Context == NULL) return STATUS_NO_MEMORY;
  InitializeListHead(&Context->Maps);
  status = MmAllocateContiguousMemoryEx(&Size, Zero, All, Zero, 0, 4, NULL, 'FTRG', 0, (PVOID *)&Context->Table); //= GRTF allocation-call direct
  if (status >= 0) status = RangeSetCreate("gnttab", &Context->Free);
  if (status >= 0) status = RangeSetPut(Context->Free, 8, 1016);
  if (status >= 0) status = CacheGetInterface(Bus->CacheContext, 1, (INTERFACE *)&Context->CacheInterface, sizeof(Context->CacheInterface));
  if (status < 0) { __GrantFree(Context); return status; }
  Context->TableAddress = MmGetPhysicalAddress(Context->Table);
  Bus->GrantContext = Context;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS GrantGetInterface(PVOID Context, ULONG Version, INTERFACE *Interface, ULONG Size) {
  if (Version == 1) *(GRANT_INTERFACE *)Interface = GrantInterfaceVersion1;
  else if (Version == 2) *(GRANT_INTERFACE *)Interface = GrantInterfaceVersion2;
  else return STATUS_NOT_SUPPORTED;
  Interface->Context = Context;
  return STATUS_SUCCESS;
}

/* ---- event channels ----------------------------------------------------------------------------------------------------------- */

#define CHANNEL_POOL 'CTVE' //= EVTC any wrapper-fixed
#define CHANNEL_MAGIC 'NAHC' //~ CHAN magic
#define CHANNEL_FIXED 0
#define CHANNEL_UNBOUND 1
#define CHANNEL_VIRTUAL 2
struct _CHANNEL { ULONG Magic; LIST_ENTRY Link; ULONG Type, Port; BOOLEAN Active; PVOID Callback, Argument; ULONG_PTR Lock; ULONG_PTR Caller; };
typedef struct { ULONG_PTR Key; LIST_ENTRY Link; ULONG_PTR Value; } HASH_NODE;
typedef struct { LIST_ENTRY Bucket[16]; ULONG Count; } HASH_TABLE;
typedef struct { HASH_TABLE *Table; LIST_ENTRY List; struct { PVOID Pending; ULONG_PTR Dpc[8]; } *Processors; ULONG ProcessorCount; const struct _CHANNEL_ABI *Abi; PVOID AbiContext; } CHANNEL_CONTEXT;

static PVOID __HashTableAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, 'HSAH'); } //= HASH any wrapper-fixed
static HASH_TABLE *HashTableCreate(void) {
  HASH_TABLE *Table = __HashTableAllocate(sizeof(HASH_TABLE));
  ULONG Index;
  if (Table != NULL) for (Index = 0; Index < 16; Index++) InitializeListHead(&Table->Bucket[Index]);
  return Table;
}
NOINLINE static NTSTATUS HashTableAdd(HASH_TABLE *Table, ULONG_PTR Key, ULONG_PTR Value) {
  HASH_NODE *Node = __HashTableAllocate(sizeof(HASH_NODE));
  if (Node == NULL) return STATUS_NO_MEMORY;
  Node->Key = Key;
  Node->Value = Value;
  InsertTailList(&Table->Bucket[(Key ^ Key >> 8) & 15], &Node->Link);
  Table->Count++;
  return STATUS_SUCCESS;
}

typedef struct _CHANNEL_ABI { const CHAR *Name; NTSTATUS (*Acquire)(PVOID *Context, ULONG Processors); ULONG Features; ULONG Code; } CHANNEL_ABI;
static NTSTATUS TwoLevelAcquire(PVOID *Context, ULONG Processors) {
  *Context = __AllocatePoolWithTag(NonPagedPool, Processors * 64 + 512, 'LTVE'); //= EVTL any operations-table
  return *Context ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
static NTSTATUS FifoAcquire(PVOID *Context, ULONG Processors) {
  PVOID *Pages = __AllocatePoolWithTag(NonPagedPool, Processors * sizeof(PVOID) * 2, 'FTVE'); //= EVTF any operations-table
  ULONG Index;
  if (Pages == NULL) return STATUS_NO_MEMORY;
  for (Index = 0; Index < Processors; Index++) {
    Pages[Index] = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, 'CTVE');
    if (Pages[Index] == NULL) break;
  }
  *Context = Pages;
  return Index == Processors ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
static const CHANNEL_ABI Abis[] = {{"fifo", FifoAcquire, 3, 'OFIF'}, {"two-level", TwoLevelAcquire, 1, 'OWT2'}}; //~ FIFO magic //~ 2TWO magic

static CHANNEL *ChannelOpen(INTERFACE *Interface, ULONG Type, PVOID Callback, PVOID Argument, ULONG Port) {
  CHANNEL_CONTEXT *Context = Interface->Context;
  CHANNEL *Channel = __AllocatePoolWithTag(NonPagedPool, sizeof(CHANNEL), CHANNEL_POOL);
  if (Channel == NULL) return NULL;
  Channel->Magic = CHANNEL_MAGIC;
  Channel->Type = Type;
  Channel->Callback = Callback;
  Channel->Argument = Argument;
  Channel->Port = Type == CHANNEL_FIXED ? Port : Type == CHANNEL_VIRTUAL ? Port | 0x8000 : Context->Table->Count + 1;
  if (HashTableAdd(Context->Table, Channel->Port, (ULONG_PTR)Channel) < 0) {
    Channel->Magic = 0;
    __FreePoolWithTag(Channel, CHANNEL_POOL);
    return NULL;
  }
  InsertTailList(&Context->List, &Channel->Link);
  return Channel;
}
static void ChannelSend(INTERFACE *Interface, CHANNEL *Channel) { if (Channel->Magic == CHANNEL_MAGIC) Channel->Active = TRUE; }
static void ChannelClose(INTERFACE *Interface, CHANNEL *Channel) { Channel->Magic = 0; __FreePoolWithTag(Channel, CHANNEL_POOL); }
static const CHANNEL_INTERFACE ChannelInterfaceVersion1 = {{sizeof(CHANNEL_INTERFACE), 1, NULL, NoReference, NoReference}, ChannelOpen, ChannelSend, ChannelClose};

static NTSTATUS ChannelInitialize(BUS *Bus) {
  CHANNEL_CONTEXT *Context = __AllocatePoolWithTag(NonPagedPool, sizeof(CHANNEL_CONTEXT), CHANNEL_POOL);
  ULONG Fifo = 1;
  NTSTATUS status;
  if (Context == NULL) return STATUS_NO_MEMORY;
  InitializeListHead(&Context->List);
  Context->Table = HashTableCreate();
  Context->ProcessorCount = 4;
  Context->Processors = __AllocatePoolWithTag(NonPagedPool, 4 * sizeof(*Context->Processors), 'PTVE'); //= EVTP any direct
  RegistryQueryDword(Bus->Parameters, (const WCHAR *)L"UseFifo", &Fifo);
  Context->Abi = Fifo ? &Abis[0] : &Abis[1];
  status = Context->Abi->Acquire(&Context->AbiContext, Context->ProcessorCount);
  if (status < 0) Trace("%s: %x (%x)\n", Context->Abi->Name, status, Context->Abi->Code);
  Bus->ChannelContext = Context;
  return status;
}
NOINLINE static NTSTATUS ChannelGetInterface(PVOID Context, ULONG Version, INTERFACE *Interface, ULONG Size) {
  if (Version != 1 || Size < sizeof(CHANNEL_INTERFACE)) return STATUS_NOT_SUPPORTED;
  *(CHANNEL_INTERFACE *)Interface = ChannelInterfaceVersion1;
  Interface->Context = Context;
  return STATUS_SUCCESS;
}

/* ---- store client ---------------------------------------------------------------------------------------------------------------- */

#define STORE_POOL 'ROTS' //= STOR any wrapper-fixed
#define STORE_TRANSACTION_MAGIC 'NART' //~ TRAN magic
#define STORE_WATCH_MAGIC 'CTAW' //~ WATC magic
#define STORE_REQUEST_MAGIC 'UQER' //~ REQU magic
typedef struct { ULONG Type, Id, Transaction, Length; } STORE_HEADER;
typedef struct { LIST_ENTRY Link; ULONG Magic; STORE_HEADER Header; const CHAR *Segments[4]; ULONG Lengths[4], Count; struct _RESPONSE *Response; } STORE_REQUEST;
typedef struct _RESPONSE { STORE_HEADER Header; ULONG Length; CHAR Data[256]; } STORE_RESPONSE;
struct _TRANSACTION { LIST_ENTRY Link; ULONG Magic; ULONG Id; PVOID Caller; };
struct _WATCH { LIST_ENTRY Link; ULONG Magic; USHORT Id; PCHAR Path; PVOID Event; BOOLEAN Active; };
typedef struct { LIST_ENTRY Transactions, Watches, Submitted; ULONG_PTR Lock; PUCHAR Ring; ULONG NextId; BUS_THREAD *Watchdog; } STORE_CONTEXT;

static PVOID __StoreAllocate(ULONG Length) { return __AllocatePoolWithTag(NonPagedPool, Length, STORE_POOL); }
static void __StoreFree(PVOID Buffer) { __FreePoolWithTag(Buffer, STORE_POOL); }

NOINLINE static STORE_RESPONSE *StoreSubmit(STORE_CONTEXT *Context, STORE_REQUEST *Request) {
  UCHAR Irql;
  STORE_RESPONSE *Response;
  ULONG Index, Offset = 0;
  Request->Magic = STORE_REQUEST_MAGIC;
  Request->Header.Id = Context->NextId++;
  Irql = KeAcquireSpinLockRaiseToDpc(&Context->Lock);
  for (Index = 0; Index < Request->Count; Index++) {
    memcpy(Context->Ring + (Offset & 1023), Request->Segments[Index], Request->Lengths[Index] & 255);
    Offset += Request->Lengths[Index];
  }
  KeReleaseSpinLock(&Context->Lock, Irql);
  Response = __AllocatePoolWithTag(NonPagedPool, sizeof(STORE_RESPONSE), 'PRTS'); //= STRP any direct
  if (Response == NULL) return NULL;
  memcpy(Response->Data, Context->Ring + 1024, 256);
  Response->Length = Offset;
  if (*(ULONG *)Response->Data == 'TNEN') { __FreePoolWithTag(Response, 'PRTS'); return NULL; } //~ NENT magic
  return Response;
}
static ULONG StorePath(STORE_REQUEST *Request, const CHAR *Prefix, const CHAR *Node) {
  Request->Segments[0] = Prefix; Request->Lengths[0] = Prefix ? StringLength(Prefix) : 0;
  Request->Segments[1] = Node; Request->Lengths[1] = StringLength(Node);
  return Request->Count = 2;
}
static NTSTATUS StoreRead(INTERFACE *Interface, TRANSACTION *Transaction, const CHAR *Prefix, const CHAR *Node, PCHAR *Value) {
  STORE_REQUEST Request;
  STORE_RESPONSE *Response;
  memset(&Request, 0, sizeof(Request));
  StorePath(&Request, Prefix, Node);
  if (Transaction != NULL) Request.Header.Transaction = Transaction->Id;
  Request.Header.Type = 2;
  Response = StoreSubmit(Interface->Context, &Request);
  if (Response == NULL) return STATUS_NO_MEMORY;
  *Value = __StoreAllocate(Response->Length + 1);
  if (*Value != NULL) memcpy(*Value, Response->Data, Response->Length & 255);
  __FreePoolWithTag(Response, 'PRTS');
  return *Value ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
static void StoreFree(INTERFACE *Interface, PCHAR Value) { __StoreFree(Value); }
static NTSTATUS StorePrintf(INTERFACE *Interface, TRANSACTION *Transaction, const CHAR *Prefix, const CHAR *Node, const CHAR *Format, ...) {
  STORE_REQUEST Request;
  STORE_RESPONSE *Response;
  PCHAR Buffer;
  ULONG Length = 64;
  int Result;
  __builtin_va_list Arguments;
  memset(&Request, 0, sizeof(Request));
  for (;;) {
    Buffer = __AllocatePoolWithTag(NonPagedPool, Length + 1, 'BFTS'); //= STFB any direct
    if (Buffer == NULL) return STATUS_NO_MEMORY;
    __builtin_va_start(Arguments, Format);
    Result = _vsnprintf(Buffer, Length, Format, Arguments);
    __builtin_va_end(Arguments);
    if (Result >= 0) break;
    __FreePoolWithTag(Buffer, 'BFTS');
    Length <<= 1;
    if (Length > 1024) return (NTSTATUS)0xC0000023;
  }
  StorePath(&Request, Prefix, Node);
  Request.Segments[2] = Buffer;
  Request.Lengths[2] = (ULONG)Result;
  Request.Count = 3;
  Request.Header.Type = 11;
  if (Transaction != NULL) Request.Header.Transaction = Transaction->Id;
  Response = StoreSubmit(Interface->Context, &Request);
  __FreePoolWithTag(Buffer, 'BFTS');
  if (Response == NULL) return STATUS_NO_MEMORY;
  __FreePoolWithTag(Response, 'PRTS');
  return STATUS_SUCCESS;
}
static NTSTATUS StoreTransactionStart(INTERFACE *Interface, TRANSACTION **Transaction) {
  STORE_CONTEXT *Context = Interface->Context;
  *Transaction = __StoreAllocate(sizeof(TRANSACTION));
  if (*Transaction == NULL) return STATUS_NO_MEMORY;
  (*Transaction)->Magic = STORE_TRANSACTION_MAGIC;
  (*Transaction)->Id = Context->NextId++;
  InsertTailList(&Context->Transactions, &(*Transaction)->Link);
  return STATUS_SUCCESS;
}
static NTSTATUS StoreTransactionEnd(INTERFACE *Interface, TRANSACTION *Transaction, BOOLEAN Commit) {
  if (Transaction->Magic != STORE_TRANSACTION_MAGIC) return STATUS_INVALID_PARAMETER;
  Transaction->Magic = 0;
  __StoreFree(Transaction);
  return Commit ? STATUS_SUCCESS : (NTSTATUS)0xC000022D;
}
static NTSTATUS StoreWatchAdd(INTERFACE *Interface, const CHAR *Prefix, const CHAR *Node, PVOID Event, WATCH **Watch) {
  STORE_CONTEXT *Context = Interface->Context;
  *Watch = __AllocatePoolWithTag(NonPagedPool, sizeof(WATCH), 'HCTW'); //= WTCH any direct
  if (*Watch == NULL) return STATUS_NO_MEMORY;
  (*Watch)->Magic = STORE_WATCH_MAGIC;
  (*Watch)->Path = __StringDuplicate(Node, 'PCTW'); //= WTCP any wrapper
  (*Watch)->Event = Event;
  InsertTailList(&Context->Watches, &(*Watch)->Link);
  return STATUS_SUCCESS;
}
static void StoreWatchRemove(INTERFACE *Interface, WATCH *Watch) {
  if (Watch->Path != NULL) __FreePoolWithTag(Watch->Path, 'PCTW');
  __FreePoolWithTag(Watch, 'HCTW');
}
static const STORE_INTERFACE StoreInterfaceVersion1 = {
  {sizeof(STORE_INTERFACE), 1, NULL, NoReference, NoReference},
  StoreRead, StoreFree, StorePrintf, StoreTransactionStart, StoreTransactionEnd, StoreWatchAdd, StoreWatchRemove,
};
static NTSTATUS StoreWatchdog(BUS_THREAD *Self, PVOID Argument) {
  STORE_CONTEXT *Context = Argument;
  while (!Self->Alerted) {
    LIST_ENTRY *Link;
    KeWaitForSingleObject(Self->Event, 0, 0, FALSE, NULL);
    for (Link = Context->Watches.Flink; Link != &Context->Watches; Link = Link->Flink)
      if (((WATCH *)Link)->Active) KeSetEvent(((WATCH *)Link)->Event, 0, FALSE);
  }
  return STATUS_SUCCESS;
}
static NTSTATUS StoreInitialize(BUS *Bus) {
  STORE_CONTEXT *Context = __StoreAllocate(sizeof(STORE_CONTEXT));
  if (Context == NULL) return STATUS_NO_MEMORY;
  InitializeListHead(&Context->Transactions);
  InitializeListHead(&Context->Watches);
  InitializeListHead(&Context->Submitted);
  Context->Ring = MmAllocateMappingAddress(PAGE_SIZE, 'GRTS'); //= STRG allocation-call direct
  Bus->StoreContext = Context;
  return ThreadCreate(StoreWatchdog, Context, &Context->Watchdog);
}
NOINLINE static NTSTATUS StoreGetInterface(PVOID Context, ULONG Version, INTERFACE *Interface, ULONG Size) {
  if (Version != 1) return STATUS_NOT_SUPPORTED;
  *(STORE_INTERFACE *)Interface = StoreInterfaceVersion1;
  Interface->Context = Context;
  return STATUS_SUCCESS;
}

/* ---- debug and suspend: lists of callbacks ------------------------------------------------------------------------------------------ */

typedef struct { LIST_ENTRY Link; PCHAR Prefix; void (*Function)(PVOID, BOOLEAN); PVOID Argument; } DEBUG_CALLBACK;
typedef struct { LIST_ENTRY Callbacks; ULONG Tag; ULONG_PTR Lock; } CALLBACK_CONTEXT;

static NTSTATUS DebugRegister(INTERFACE *Interface, const CHAR *Prefix, void (*Function)(PVOID, BOOLEAN), PVOID Argument, PVOID *Callback) {
  CALLBACK_CONTEXT *Context = Interface->Context;
  DEBUG_CALLBACK *New = __AllocatePoolWithTag(NonPagedPool, sizeof(DEBUG_CALLBACK), Context->Tag);
  if (New == NULL) return STATUS_NO_MEMORY;
  New->Prefix = __StringDuplicate(Prefix, Context->Tag);
  New->Function = Function;
  New->Argument = Argument;
  InsertTailList(&Context->Callbacks, &New->Link);
  *Callback = New;
  return STATUS_SUCCESS;
}
static void DebugDeregister(INTERFACE *Interface, PVOID Callback) {
  CALLBACK_CONTEXT *Context = Interface->Context;
  __FreePoolWithTag(Callback, Context->Tag);
}
static const DEBUG_INTERFACE DebugInterfaceVersion1 = {{sizeof(DEBUG_INTERFACE), 1, NULL, NoReference, NoReference}, DebugRegister, DebugDeregister};

NOINLINE static CALLBACK_CONTEXT *CallbackContextCreate(ULONG Tag) {
  CALLBACK_CONTEXT *Context = __AllocatePoolWithTag(NonPagedPool, sizeof(CALLBACK_CONTEXT), Tag);
  if (Context == NULL) return NULL;
  InitializeListHead(&Context->Callbacks);
  Context->Tag = Tag;
  return Context;
}
static NTSTATUS DebugInitialize(BUS *Bus) { return (Bus->DebugContext = CallbackContextCreate('GBED')) ? STATUS_SUCCESS : STATUS_NO_MEMORY; } //= DEBG any wrapper
static NTSTATUS SuspendInitialize(BUS *Bus) { return (Bus->SuspendContext = CallbackContextCreate('PSUS')) ? STATUS_SUCCESS : STATUS_NO_MEMORY; } //= SUSP any wrapper
NOINLINE static NTSTATUS DebugGetInterface(PVOID Context, ULONG Version, INTERFACE *Interface, ULONG Size) {
  *(DEBUG_INTERFACE *)Interface = DebugInterfaceVersion1;
  Interface->Context = Context;
  return Version == 1 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

/* ---- network front end ---------------------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; const CHAR *Path; struct _FRONTEND *Frontend; } CHILD;
typedef struct { ULONG Tag; ULONG Type; ULONG RingSize; const CHAR *Suffix; } RING_PARAMETERS;
typedef struct { ULONG_PTR Lock; PVOID Shared; GRANT_CACHE *GrantCache; GRANT_ENTRY *Entry; CHANNEL *Channel; CACHE *Requests, *Buffers; ULONG Produced, Consumed; const RING_PARAMETERS *Parameters; struct _FRONTEND *Frontend; } RING;
typedef struct _FRONTEND {
  BUS *Bus;
  CACHE_INTERFACE CacheInterface;
  GRANT_INTERFACE GrantInterface;
  CHANNEL_INTERFACE ChannelInterface;
  STORE_INTERFACE StoreInterface;
  DEBUG_INTERFACE DebugInterface;
  PVOID DebugCallback;
  PCHAR Path, BackendPath;
  WATCH *Watch;
  ULONG_PTR Event[4];
  RING *Transmitter, *Receiver;
  PVOID Extension;
  ULONG State;
} FRONTEND;
typedef struct { ULONG Magic; PVOID Mdl; PUCHAR Data; GRANT_ENTRY *Entry; } FRAME;

static void RingAcquireLock(PVOID Argument) { ((RING *)Argument)->Lock |= 1; }
static void RingReleaseLock(PVOID Argument) { ((RING *)Argument)->Lock &= ~(ULONG_PTR)1; }
static NTSTATUS FrameCtor(PVOID Argument, PVOID Object) {
  FRAME *Frame = Object;
  Frame->Magic = 'EMRF'; //~ FRME magic
  Frame->Data = __AllocatePoolWithTag(NonPagedPool, PAGE_SIZE, 'DMRF'); //= FRMD any callback
  if (Frame->Data == NULL) return STATUS_NO_MEMORY;
  Frame->Mdl = IoAllocateMdl(Frame->Data, PAGE_SIZE, FALSE, FALSE, NULL);
  return STATUS_SUCCESS;
}
static void FrameDtor(PVOID Argument, PVOID Object) { __FreePoolWithTag(((FRAME *)Object)->Data, 'DMRF'); }
static NTSTATUS RequestCtor(PVOID Argument, PVOID Object) { ((RING *)Argument)->Produced++; return STATUS_SUCCESS; }
static void RequestDtor(PVOID Argument, PVOID Object) { ((RING *)Argument)->Produced--; }
static BOOLEAN CALL RingDpc(PVOID Argument) { ((RING *)Argument)->Consumed++; return TRUE; }

static const RING_PARAMETERS TransmitterParameters = {'XTFV', NonPagedPool, 256, "tx"}; //= VFTX any object-field
static const RING_PARAMETERS ReceiverParameters = {'XRFV', NonPagedPoolNx, 512, "rx"}; //= VFRX any object-field

NOINLINE static NTSTATUS RingInitialize(FRONTEND *Frontend, const RING_PARAMETERS *Parameters, RING **Ring) {
  RING *New = __AllocatePoolWithTag(Parameters->Type, sizeof(RING), Parameters->Tag);
  NTSTATUS status;
  if (New == NULL) return STATUS_NO_MEMORY;
  New->Frontend = Frontend;
  New->Parameters = Parameters;
  status = CALL_INTERFACE(CreateCache, &Frontend->GrantInterface, Parameters->Suffix, 0, RingAcquireLock, RingReleaseLock, New, &New->GrantCache);
  if (status < 0) goto fail;
  status = CALL_INTERFACE(Create, &Frontend->CacheInterface, "request", 48, 'QRFV', RequestCtor, RequestDtor, RingAcquireLock, RingReleaseLock, New, &New->Requests); //= VFRQ any operations-object
  if (status < 0) goto fail;
  status = CALL_INTERFACE(Create, &Frontend->CacheInterface, "frame", sizeof(FRAME), 'RFFV', FrameCtor, FrameDtor, RingAcquireLock, RingReleaseLock, New, &New->Buffers); //= VFFR any operations-object
  if (status < 0) goto fail;
  New->Shared = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, 'GRFV'); //= VFRG any direct
  if (New->Shared == NULL) { status = STATUS_NO_MEMORY; goto fail; }
  status = CALL_INTERFACE(Permit, &Frontend->GrantInterface, New->GrantCache, 0, MmGetPhysicalAddress(New->Shared).u.Low >> 12, FALSE, &New->Entry);
  if (status < 0) goto fail;
  New->Channel = CALL_INTERFACE(Open, &Frontend->ChannelInterface, CHANNEL_UNBOUND, RingDpc, New, 0);
  *Ring = New;
  return STATUS_SUCCESS;
fail:
  if (New->Shared != NULL) __FreePoolWithTag(New->Shared, 'GRFV');
  __FreePoolWithTag(New, Parameters->Tag);
  return status;
}
static void FrontendDebug(PVOID Argument, BOOLEAN Crashing) {
  FRONTEND *Frontend = Argument;
  if (!Crashing) Trace("%s -> %s\n", Frontend->Path, Frontend->BackendPath);
}
NOINLINE static NTSTATUS FrontendConnect(FRONTEND *Frontend) {
  TRANSACTION *Transaction;
  NTSTATUS status = CALL_INTERFACE(Read, &Frontend->StoreInterface, NULL, Frontend->Path, "backend", &Frontend->BackendPath);
  if (status < 0) return status;
  status = CALL_INTERFACE(WatchAdd, &Frontend->StoreInterface, Frontend->BackendPath, "state", Frontend->Event, &Frontend->Watch);
  if (status < 0) return status;
  status = RingInitialize(Frontend, &TransmitterParameters, &Frontend->Transmitter);
  if (status >= 0) status = RingInitialize(Frontend, &ReceiverParameters, &Frontend->Receiver);
  if (status < 0) return status;
  do {
    status = CALL_INTERFACE(TransactionStart, &Frontend->StoreInterface, &Transaction);
    if (status < 0) return status;
    status = CALL_INTERFACE(Printf, &Frontend->StoreInterface, Transaction, Frontend->Path, "tx-ring-ref", "%u", Frontend->Transmitter->Entry->Reference);
    if (status >= 0) status = CALL_INTERFACE(Printf, &Frontend->StoreInterface, Transaction, Frontend->Path, "event-channel", "%u", Frontend->Receiver->Channel->Port);
    status = CALL_INTERFACE(TransactionEnd, &Frontend->StoreInterface, Transaction, status >= 0);
  } while (status == (NTSTATUS)0xC000022D);
  return CALL_INTERFACE(Register, &Frontend->DebugInterface, "VIF|FRONTEND", FrontendDebug, Frontend, &Frontend->DebugCallback);
}
NOINLINE static NTSTATUS FrontendReceive(FRONTEND *Frontend) {
  FRAME *Frame = CALL_INTERFACE(Get, &Frontend->CacheInterface, Frontend->Receiver->Buffers, FALSE);
  PVOID Request = CALL_INTERFACE(Get, &Frontend->CacheInterface, Frontend->Receiver->Requests, FALSE);
  PUCHAR Header;
  if (Frame == NULL || Request == NULL || Frame->Magic != 'EMRF') return STATUS_NO_MEMORY;
  Header = NdisAllocateMemoryWithTagPriority(Frontend->Extension, 128, 'DHFV', 16); //= VFHD allocation-call direct
  if (Header != NULL) {
    memcpy(Header, Frame->Data, 64);
    if (*(ULONG *)(Header + 12) == 'PIBO') Frontend->State |= 0x100; //~ OBIP magic
    NdisFreeMemoryWithTagPriority(Frontend->Extension, Header, 'DHFV');
  }
  CALL_INTERFACE(Put, &Frontend->CacheInterface, Frontend->Receiver->Buffers, Frame, FALSE);
  return STATUS_SUCCESS;
}

/* ---- disk front end --------------------------------------------------------------------------------------------------------------------- */

typedef struct { PVOID Extension; FRONTEND *Frontend; PUCHAR Inquiry, Bounce; ULONG Signature; struct { ULONG Id; CHAR Name[16]; } *Pages; } TARGET;
static PVOID StorAllocate(PVOID Extension, ULONG Length, ULONG Tag) {
  PVOID Buffer = NULL;
  return StorPortExtendedFunction(0, Extension, Length, Tag, &Buffer) == 0 ? Buffer : NULL;
}
NOINLINE static ULONG TargetInitialize(TARGET *Target) {
  Target->Inquiry = StorAllocate(Target->Extension, 255, 'QNBV'); //= VBNQ any wrapper
  Target->Bounce = StorAllocate(Target->Extension, 0x10000, 'NBBV'); //= VBBN any wrapper
  if (Target->Inquiry == NULL || Target->Bounce == NULL) return 0xC1000001;
  Target->Signature = 'KSDV'; //~ VDSK magic
  memcpy(Target->Inquiry + 8, "PVBUS   DISK0001", 16); //~ DISK text
  StorPortExtendedFunction(0x45, Target->Extension, 'ZTMV', Target); //~ VMTZ other-code
  return 0;
}
static ULONG TargetFind(PVOID Extension, TARGET *Target) {
  Target->Extension = Extension;
  return Target->Signature == 'KSDV' ? 0 : TargetInitialize(Target);
}

/* ---- bus ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { const CHAR *Name; NTSTATUS (*Initialize)(BUS *); ULONG Code; } MODULE;
static const MODULE Modules[] = {
  {"cache", CacheInitialize, 'MHCC'}, {"gnttab", GrantInitialize, 'MTNG'}, {"evtchn", ChannelInitialize, 'MTVE'}, //~ CCHM not-an-allocator //~ GNTM not-an-allocator //~ EVTM not-an-allocator
  {"store", StoreInitialize, 'MOTS'}, {"debug", DebugInitialize, 'MGBD'}, {"suspend", SuspendInitialize, 'MPSS'}, //~ STOM not-an-allocator //~ DBGM not-an-allocator //~ SSPM not-an-allocator
};
static BUS Bus;
static REMOVE_LOCK BusLock;

#define QUERY(Module, Version, Interface) Module##GetInterface(Bus->Module##Context, Version, (INTERFACE *)(Interface), sizeof(*(Interface)))
NOINLINE static NTSTATUS BusEnumerate(BUS *Bus, const CHAR *Path) {
  CHILD *Child = __AllocatePoolWithTag(NonPagedPool, sizeof(CHILD), 'ODPB'); //= BPDO any direct
  FRONTEND *Frontend;
  NTSTATUS status;
  if (Child == NULL) return STATUS_NO_MEMORY;
  Frontend = __AllocatePoolWithTag(NonPagedPool, sizeof(FRONTEND), 'TNRF'); //= FRNT any direct
  if (Frontend == NULL) { __FreePoolWithTag(Child, 'ODPB'); return STATUS_NO_MEMORY; }
  Frontend->Bus = Bus;
  KeInitializeEvent(Frontend->Event, 0, FALSE);
  Frontend->Path = __StringDuplicate(Path, 'PNRF'); //= FRNP any wrapper
  status = QUERY(Cache, 1, &Frontend->CacheInterface);
  if (status >= 0) status = QUERY(Grant, 2, &Frontend->GrantInterface);
  if (status >= 0) status = QUERY(Channel, 1, &Frontend->ChannelInterface);
  if (status >= 0) status = QUERY(Store, 1, &Frontend->StoreInterface);
  if (status >= 0) status = QUERY(Debug, 1, &Frontend->DebugInterface);
  if (status >= 0) status = FrontendConnect(Frontend);
  if (status < 0) {
    __FreePoolWithTag(Frontend->Path, 'PNRF');
    __FreePoolWithTag(Frontend, 'TNRF');
    __FreePoolWithTag(Child, 'ODPB');
    return status;
  }
  Child->Frontend = Frontend;
  InsertTailList(&Bus->Children, &Child->Link);
  return STATUS_SUCCESS;
}

static NTSTATUS CALL BusControl(DEVICE_OBJECT *Device, IRP *Irp) {
  ULONG *Input = Irp->SystemBuffer;
  NTSTATUS status = IoAcquireRemoveLockEx(&BusLock, Irp, "bus.c", 10, 32);
  if (status < 0) return status;
  ObReferenceObjectByPointerWithTag(Device, 0, NULL, 0, 'suBX'); //~ XBus object-tag
  switch (Input[0]) {
    case 'MUNE': status = BusEnumerate(&Bus, "device/vif/0"); break; //~ ENUM magic
    case 'VCER': status = IsListEmpty(&Bus.Children) ? STATUS_INVALID_PARAMETER : FrontendReceive(((CHILD *)Bus.Children.Flink)->Frontend); break; //~ RECV magic
    default: status = STATUS_NOT_SUPPORTED;
  }
  Irp->Status = status;
  IoCompleteRequest(Irp, 0);
  return status;
}
static void CALL BusUnload(DRIVER_OBJECT *Driver) {
  STORE_CONTEXT *Store = Bus.StoreContext;
  if (Store->Watchdog != NULL) ThreadStop(Store->Watchdog);
  while (!IsListEmpty(&Bus.Children)) {
    CHILD *Child = (CHILD *)RemoveHeadList(&Bus.Children);
    FRONTEND *Frontend = Child->Frontend;
    CALL_INTERFACE(Deregister, &Frontend->DebugInterface, Frontend->DebugCallback);
    CALL_INTERFACE(Revoke, &Frontend->GrantInterface, Frontend->Receiver->GrantCache, Frontend->Receiver->Entry);
    CALL_INTERFACE(Close, &Frontend->ChannelInterface, Frontend->Receiver->Channel);
    CALL_INTERFACE(Destroy, &Frontend->CacheInterface, Frontend->Receiver->Buffers);
    CALL_INTERFACE(WatchRemove, &Frontend->StoreInterface, Frontend->Watch);
    CALL_INTERFACE(Free, &Frontend->StoreInterface, Frontend->BackendPath);
    __FreePoolWithTag(Child, 'ODPB');
  }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
  struct { ULONG Size; ULONG Fields[40]; } Storage;
  ULONG Index;
  NTSTATUS status = STATUS_SUCCESS;
  InitializeListHead(&Bus.Children);
  IoInitializeRemoveLockEx(&BusLock, 'LsuB', 0, 0, 32); //~ BusL remove-lock
  if (ZwOpenKey(&Bus.Parameters, 0x20019, Path) < 0) return STATUS_INVALID_PARAMETER;
  for (Index = 0; Index < ARRAY_SIZE(Modules) && status >= 0; Index++) {
    status = Modules[Index].Initialize(&Bus);
    if (status < 0) Trace("%s failed: %x, code %x\n", Modules[Index].Name, status, Modules[Index].Code);
  }
  ZwClose(Bus.Parameters);
  if (status < 0) return status;
  memset(&Storage, 0, sizeof(Storage));
  Storage.Size = sizeof(Storage);
  Storage.Fields[3] = (ULONG)(ULONG_PTR)TargetFind;
  Driver->Major[14] = BusControl;
  Driver->Unload = BusUnload;
  return (NTSTATUS)StorPortInitialize(Driver, Path, &Storage, (PVOID)TargetFind);
}
