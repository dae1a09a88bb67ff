// Functions of the driver's own that pass a tag on: one level, several, by structure, by table, by jump, by linker stub.
#include "kernel.h"

static PVOID volatile keep;
static ULONG volatile allocations;

/* --- one level ---------------------------------------------------------------------------------------------------- */
NOINLINE static PVOID AllocateZeroed(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}

NOINLINE static PVOID AllocateCounted(SIZE_T size, ULONG tag) {
  allocations++;
  return size > 0x100000 ? NULL : ExAllocatePool2(POOL_FLAG_PAGED, size + 16, tag);
}

NOINLINE static void Release(PVOID p, ULONG tag) {
  if (!p) return;
  allocations--;
  ExFreePoolWithTag(p, tag);
}

NOINLINE static void InitializeList(LOOKASIDE *list, ULONG tag, SIZE_T size) {
  memset(list, 0, sizeof(*list));
  ExInitializeNPagedLookasideList(list, NULL, NULL, 0, size, tag, 0);
}

/* The tag is the third parameter of four, the allocation the second call. */
NOINLINE static NTSTATUS Duplicate(const UNICODE_STRING *from, UNICODE_STRING *to, ULONG tag, BOOLEAN terminate) {
  USHORT size = from->Length + (terminate ? 2 : 0);
  if (RtlCopyUnicodeString(to, from) == 1) return STATUS_INVALID_PARAMETER;
  to->Buffer = (PWSTR)ExAllocatePoolWithTag(PagedPool, size, tag);
  if (!to->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(to->Buffer, from->Buffer, from->Length);
  to->MaximumLength = size;
  return STATUS_SUCCESS;
}

NOINLINE static PVOID AllocateNode(void) { /* no parameter: others call it, the tag is here */
  allocations++;
  return ExAllocatePoolWithTag(NonPagedPool, 48, '1XrW'); //= WrX1 allocation-call wrapper-fixed
}

/* --- two and three levels ----------------------------------------------------------------------------------------- */
NOINLINE static PVOID Middle(SIZE_T size, ULONG tag, BOOLEAN paged) {
  PVOID p = AllocateZeroed(paged ? PagedPool : NonPagedPool, size + 8, tag);
  if (!p) DbgPrint("no memory for %u\n", (ULONG)size);
  return p;
}

NOINLINE static PVOID Outer(ULONG tag, SIZE_T count, SIZE_T each) {
  if (each && count > 0xFFFF / each) return NULL;
  keep = Middle(count * each, tag, TRUE);
  return keep;
}

NOINLINE static PVOID Outermost(SIZE_T count, ULONG kind, ULONG tag) {
  DbgPrint("array of %u\n", (ULONG)count);
  return Outer(tag, count, kind ? 16 : 8);
}

/* --- the fifth parameter and later ----------------------------------------------------------------------------------- */
NOINLINE static PVOID AllocateForDevice(DEVICE_OBJECT *device, ULONG type, SIZE_T size, ULONG flags, ULONG tag, ULONG line) {
  PVOID p = ExAllocatePoolWithTag(type | (flags & 0x200), size, tag);
  if (!p) DbgPrint("%p: line %u\n", device, line);
  return p;
}

/* --- a jump to the allocator: the compiler makes tail calls of these ------------------------------------------------- */
NOINLINE static PVOID JumpToAllocator(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(PagedPool, size, tag); }
NOINLINE static PVOID JumpWithTag(SIZE_T size) { return JumpToAllocator(size + 4, '2JrW'); } //= WrJ2 wrapper-call wrapper-tail
NOINLINE static PVOID SameArguments(ULONG type, SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(type, size, tag); }

/* --- a structure by pointer ------------------------------------------------------------------------------------------- */
typedef struct { SIZE_T size; ULONG type; ULONG tag; PVOID result; } REQUEST;
NOINLINE static NTSTATUS Serve(REQUEST *request) {
  request->result = ExAllocatePoolWithTag(request->type, request->size, request->tag);
  return request->result ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* --- operations --------------------------------------------------------------------------------------------------------- */
typedef struct {
  PVOID (*allocate)(SIZE_T size, ULONG tag);
  void (*release)(PVOID p, ULONG tag);
} OPERATIONS;
NOINLINE static PVOID OperationAllocate(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, tag); }
NOINLINE static void OperationRelease(PVOID p, ULONG tag) { ExFreePoolWithTag(p, tag); }
static const OPERATIONS fast_operations = {OperationAllocate, OperationRelease};
static const OPERATIONS slow_operations = {AllocateCounted, Release};
static const OPERATIONS *volatile operations = &fast_operations;

/* --- a pointer kept in a global, and one that is asked for by name ------------------------------------------------------- */
typedef PVOID(CALL *ALLOCATE)(ULONG type, SIZE_T size, ULONG tag);
typedef PVOID(CALL *ALLOCATE2)(ULONG64 flags, SIZE_T size, ULONG tag);
static PVOID (*volatile own_allocator)(SIZE_T, ULONG) = AllocateCounted;
static ALLOCATE2 allocate2;
static const WCHAR allocate2_name[] = L"ExAllocatePool2";

NOINLINE static void FindAllocator(void) {
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, allocate2_name);
  allocate2 = (ALLOCATE2)MmGetSystemRoutineAddress(&name);
}

NOINLINE static PVOID AllocateByName(SIZE_T size) {
  if (allocate2) return allocate2(POOL_FLAG_NON_PAGED, size, '1QrW'); //= WrQ1 any routine-address
  return ExAllocatePoolWithTag(NonPagedPool, size, '2QrW'); //= WrQ2 allocation-call direct
}

/* --- a function that returns the tag ---------------------------------------------------------------------------------------- */
NOINLINE static ULONG TagOf(ULONG kind) {
  DbgPrint("kind %u\n", kind);
  return kind == 3 ? '1YrW' : 'zYqX'; //= WrY1 allocation-call return-value //= XqYz allocation-call return-value
}

/* --- an object keeps the tag --------------------------------------------------------------------------------------------------- */
typedef struct { LIST_ENTRY entries; SIZE_T size; ULONG tag; ULONG count; } POOL;
static POOL small_pool, *pools[2];
NOINLINE static void PreparePool(POOL *pool, SIZE_T size, ULONG tag) {
  pool->entries.Flink = pool->entries.Blink = &pool->entries;
  pool->size = size;
  pool->tag = tag;
  pools[pool->count & 1] = pool;
}
NOINLINE static PVOID TakeFromPool(POOL *pool) {
  pool->count++;
  return ExAllocatePoolWithTag(NonPagedPool, pool->size, pool->tag);
}

/* --- linker stubs, as incremental linking makes them: calls go through a table of jumps ---------------------------------------- */
#if defined(__i386__)
#define SYMBOL(name) "_" name
#else
#define SYMBOL(name) name
#endif
__attribute__((used, noinline)) PVOID LinkedAllocate(SIZE_T size, ULONG tag) {
  allocations += 2;
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}
PVOID LinkedAllocateStub(SIZE_T size, ULONG tag);
#if defined(__aarch64__)
__asm__(".text\n .globl LinkedAllocateStub\n LinkedAllocateStub:\n b LinkedAllocate\n");
#else
__asm__(".text\n .globl " SYMBOL("LinkedAllocateStub") "\n" SYMBOL("LinkedAllocateStub") ":\n .byte 0xE9\n .long " SYMBOL("LinkedAllocate") " - . - 4\n");
#endif

/* --- callers ----------------------------------------------------------------------------------------------------------------------- */
NOINLINE static void OneLevel(SIZE_T size, UNICODE_STRING *text) {
  static LOOKASIDE list;
  keep = AllocateZeroed(NonPagedPool, size, '1ArW'); //= WrA1 wrapper-call wrapper
  keep = AllocateZeroed(PagedPool, size * 2, '2ArW'); //= WrA2 wrapper-call wrapper
  keep = AllocateCounted(size, '3ArW'); //= WrA3 wrapper-call wrapper
  keep = AllocateCounted(size + 1, size > 64 ? '4ArW' : '5BrX'); //= WrA4 wrapper-call wrapper //= XrB5 wrapper-call wrapper
  Release(keep, '1FrW'); //= WrF1 free-call wrapper
  Release(text->Buffer, '2FrW'); //= WrF2 free-call wrapper
  InitializeList(&list, '1LrW', 96); //= WrL1 lookaside-init wrapper
  InitializeList(&list + 1, '2LrW', 128); //= WrL2 lookaside-init wrapper
  if (Duplicate(text, text + 1, '6ArW', TRUE) < 0) Duplicate(text, text + 2, '7ArW', FALSE); //= WrA6 wrapper-call wrapper //= WrA7 wrapper-call wrapper
  keep = AllocateNode();
}

NOINLINE static void ManyLevels(SIZE_T size) {
  keep = Middle(size, '1MrW', TRUE); //= WrM1 wrapper-call wrapper-two
  keep = Middle(size, '2MrW', FALSE); //= WrM2 wrapper-call wrapper-two
  keep = Outer('1OrW', size, 24); //= WrO1 wrapper-call wrapper-three
  keep = Outer('2OrW', 12, size); //= WrO2 wrapper-call wrapper-three
  keep = Outermost(size, 1, '3OrW'); //= WrO3 wrapper-call wrapper-three
  keep = Outermost(size, 0, '4OrW'); //= WrO4 wrapper-call wrapper-three
}

NOINLINE static void OddWays(DEVICE_OBJECT *device, SIZE_T size) {
  REQUEST request = {0};
  keep = AllocateForDevice(device, PagedPool, size, 0, '1SrW', 210); //= WrS1 wrapper-call wrapper-stack
  keep = AllocateForDevice(device, NonPagedPool, size, 3, '2SrW', 211); //= WrS2 wrapper-call wrapper-stack
  keep = JumpToAllocator(size, '1JrW'); //= WrJ1 wrapper-call wrapper-tail
  keep = JumpWithTag(size);
  keep = SameArguments(PagedPool, size, '3JrW'); //= WrJ3 wrapper-call wrapper-tail
  request.size = size;
  request.tag = '1TrW'; //= WrT1 wrapper-call wrapper-structure
  if (Serve(&request) < 0) return;
  request.type = PagedPool;
  request.tag = '2TrW'; //= WrT2 wrapper-call wrapper-structure
  Serve(&request);
}

NOINLINE static void ByTables(SIZE_T size) {
  if (size & 1) operations = &slow_operations;
  keep = operations->allocate(size, '1PrW'); //= WrP1 wrapper-call operations-table
  operations->release(keep, '2PrW'); //= WrP2 free-call operations-table
  keep = own_allocator(size, '1GrW'); //= WrG1 wrapper-call pointer-in-global
  keep = AllocateByName(size);
  keep = ExAllocatePoolWithTag(PagedPool, size, TagOf(allocations));
  PreparePool(&small_pool, 64, '1ErW'); //= WrE1 any object-field
  keep = TakeFromPool(&small_pool);
  keep = LinkedAllocateStub(size, '1IrW'); //= WrI1 wrapper-call incremental-link
  keep = LinkedAllocateStub(size * 2, '2IrW'); //= WrI2 wrapper-call incremental-link
}

/* --- code in other sections ----------------------------------------------------------------------------------------------------------- */
PAGED_CODE_SECTION static PVOID PagedAllocate(SIZE_T size, ULONG tag) {
  KeStallExecutionProcessor(1);
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}
PAGED_CODE_SECTION static void PagedCaller(SIZE_T size) {
  keep = AllocateZeroed(PagedPool, size, '1GaP'); //= PaG1 wrapper-call page-section
  keep = ExAllocatePoolWithTag(PagedPool, size, '2GaP'); //= PaG2 allocation-call page-section
}
NOINLINE static void CallsPagedCode(SIZE_T size) {
  keep = PagedAllocate(size, '3GaP'); //= PaG3 wrapper-call page-section
  keep = PagedAllocate(size + 3, '4GaP'); //= PaG4 wrapper-call page-section
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  Release(driver->Section, '3FrW'); //= WrF3 free-call wrapper
  Release(driver->FastIo, '4FrW'); //= WrF4 free-call wrapper
}

INIT_CODE_SECTION NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SIZE_T size = path->Length;
  keep = PagedAllocate(size + 5, '5GaP'); //= PaG5 wrapper-call page-section
  driver->Unload = Unload;
  FindAllocator();
  OneLevel(size, path);
  ManyLevels(size);
  OddWays(driver->Device, size);
  ByTables(size);
  PagedCaller(size);
  CallsPagedCode(size);
  return STATUS_SUCCESS;
}
