// One function per way in which a tag travels to a call inside a function: registers, stack, globals, choices, arithmetic.
#include "kernel.h"

typedef PVOID(CALL *ALLOCATE)(ULONG type, SIZE_T size, ULONG tag);

static PVOID volatile keep;
static volatile ULONG mode;
static const ULONG constant_tag = '1GfV'; //= VfG1 allocation-call const-global
static const volatile ULONG read_only_tag = '2GfV'; //= VfG2 allocation-call const-global
ULONG initialised_tag = '3GfV'; //= VfG3 allocation-call initialised-global
static const struct { ULONG version, size, tag; } settings = {3, 4096, '4GfV'}; //= VfG4 allocation-call const-global
static LOOKASIDE list;
static ALLOCATE volatile allocate_later;

/* Two calls with one constant: compilers keep it in a callee-saved register. */
NOINLINE static void TagKeptAcrossCalls(SIZE_T size) {
  PVOID a = ExAllocatePoolWithTag(NonPagedPool, size, '1RfV'); //= VfR1 allocation-call register
  PVOID b = ExAllocatePoolWithTag(NonPagedPool, size + 16, '1RfV');
  PVOID c = ExAllocatePoolWithTag(PagedPool, size + 32, '1RfV');
  if (a && b && !c) ExFreePoolWithTag(a, '1RfV');
  keep = b;
}

NOINLINE static void TagComesBeforeTheBranch(SIZE_T size) {
  ULONG tag = '2RfV'; //= VfR2 allocation-call register
  if (size > 100) {
    DbgPrint("large %u\n", (ULONG)size);
    keep = ExAllocatePoolWithTag(PagedPool, size, tag);
  } else {
    keep = ExAllocatePoolWithQuotaTag(NonPagedPool, size, tag);
  }
}

NOINLINE static void TagWaitsOnTheStack(SIZE_T size) {
  volatile ULONG tag = '1SfV'; //= VfS1 allocation-call stack-slot
  DbgPrint("before %u\n", (ULONG)size);
  keep = ExAllocatePoolWithTag(NonPagedPool, size, tag);
}

NOINLINE static void TagWaitsInALocalStructure(SIZE_T size) {
  volatile struct { SIZE_T size; ULONG type; ULONG tag; } request;
  request.size = size;
  request.type = PagedPool;
  request.tag = '2SfV'; //= VfS2 allocation-call stack-slot
  keep = ExAllocatePoolWithTag(request.type, request.size, request.tag);
}

NOINLINE static void CallThroughARegister(SIZE_T size) {
  ULONG i;
  for (i = 0; i < 8; i++) { /* the slot is loaded once, the loop calls the register */
    keep = ExAllocatePoolWithTag(NonPagedPool, size << i, '1CfV'); //= VfC1 allocation-call call-register
    if (!keep) break;
  }
  ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, size, '2CfV', 4); //= VfC2 lookaside-init lookaside
}

NOINLINE static void CallThroughALocalPointer(SIZE_T size) {
  ALLOCATE allocate = ExAllocatePoolWithTag;
  OPAQUE(size);
  keep = allocate(PagedPool, size, '3CfV'); //= VfC3 allocation-call call-register
  DbgPrint("%p\n", keep);
  keep = allocate(PagedPool, size + 1, '4CfV'); //= VfC4 allocation-call call-register
}

NOINLINE static void TagsInGlobals(SIZE_T size) {
  keep = ExAllocatePoolWithTag(NonPagedPool, size, constant_tag);
  keep = ExAllocatePoolWithTag(NonPagedPool, size, read_only_tag);
  keep = ExAllocatePoolWithTag(NonPagedPool, size, initialised_tag);
  keep = ExAllocatePoolWithTag(NonPagedPool, settings.size + size, settings.tag);
}

NOINLINE static void ChosenByACondition(SIZE_T size, BOOLEAN paged) {
  keep = ExAllocatePoolWithTag(paged ? PagedPool : NonPagedPool, size, paged ? '1TfV' : '2TfV'); //= VfT1 allocation-call ternary //= VfT2 allocation-call ternary
}

NOINLINE static void ChosenFarApart(SIZE_T size, ULONG kind) {
  ULONG tag = 'xTfV'; //= VfTx allocation-call ternary
  if (kind == 4) tag = 'yTgW'; //= WgTy allocation-call ternary
  else if (kind > 9) tag = '9ThX'; //= XhT9 allocation-call ternary
  if (size) DbgPrint("kind %u\n", kind);
  keep = ExAllocatePoolWithTag(NonPagedPool, size, tag);
}

NOINLINE static void ChosenByASwitch(SIZE_T size, ULONG kind) {
  ULONG tag;
  switch (kind) {
    case 0: tag = 'aWfV'; break; //= VfWa allocation-call switch-tags
    case 1: tag = 'qWfV'; break; //= VfWq allocation-call switch-tags
    case 2: tag = 'kWfV'; break; //= VfWk allocation-call switch-tags
    case 5: tag = 'eWfV'; break; //= VfWe allocation-call switch-tags
    default: tag = 'zWfV'; break; //= VfWz allocation-call switch-tags
  }
  keep = ExAllocatePoolWithTag(PagedPool, size, tag);
}

NOINLINE static void ChosenByASwitchOverNeighbours(SIZE_T size, ULONG kind) {
  ULONG tag;
  switch (kind) { /* folded to an addition */
    case 0: tag = '0NfV'; break; //= VfN0 allocation-call switch-arithmetic
    case 1: tag = '1NfV'; break; //= VfN1 allocation-call switch-arithmetic
    case 2: tag = '2NfV'; break; //= VfN2 allocation-call switch-arithmetic
    case 3: tag = '3NfV'; break; //= VfN3 allocation-call switch-arithmetic
    default: return;
  }
  keep = ExAllocatePoolWithTag(PagedPool, size, tag);
}

/* A call in each branch of a switch: a jump table with the tags in the blocks. */
NOINLINE static void CalledInEachBranch(SIZE_T size, ULONG kind) {
  switch (kind) {
    case 0: keep = ExAllocatePoolWithTag(PagedPool, size, '0BfV'); break; //= VfB0 allocation-call branches
    case 1: keep = ExAllocatePoolWithTag(NonPagedPool, 64, '1BfV'); DbgPrint("one\n"); break; //= VfB1 allocation-call branches
    case 2: keep = ExAllocatePoolWithTag(PagedPool, size * 2, '2BfV'); mode = 2; break; //= VfB2 allocation-call branches
    case 3: keep = ExAllocatePoolWithQuotaTag(PagedPool, size, '3BfV'); break; //= VfB3 allocation-call branches
    case 4: ExFreePoolWithTag(keep, '4BfV'); break; //= VfB4 free-call free
    case 5: keep = FsRtlAllocatePoolWithTag(PagedPool, size, '5BfV'); mode = 5; break; //= VfB5 allocation-call branches
  }
}

NOINLINE static void ComputedByALoop(SIZE_T size) {
  ULONG i;
  for (i = 0; i < 3; i++) {
    ULONG tag = '0LfV' + (i << 24); //= VfL0 allocation-call computed-tag //= VfL1 allocation-call computed-tag //= VfL2 allocation-call computed-tag
    OPAQUE(size);
    keep = ExAllocatePoolWithTag(NonPagedPool, size, tag);
  }
}

NOINLINE static void ComputedFromAMask(SIZE_T size, ULONG n) {
  keep = ExAllocatePoolWithTag(NonPagedPool, size, '0MfV' + ((n & 1) << 24)); //= VfM0 allocation-call computed-tag //= VfM1 allocation-call computed-tag
}

static const ULONG tags_in_a_table[] = {'aAfV', 'bAfV', 'cAfV', 'dAfV'}; //= VfAa allocation-call tag-table //= VfAb allocation-call tag-table //= VfAc allocation-call tag-table //= VfAd allocation-call tag-table

NOINLINE static void WalkOverATable(SIZE_T size) {
  const ULONG *tag;
  for (tag = tags_in_a_table; tag < tags_in_a_table + 4; tag++) keep = ExAllocatePoolWithTag(PagedPool, size, *tag);
}

NOINLINE static void ProtectedPool(SIZE_T size) {
  keep = ExAllocatePoolWithTag(PagedPool, size, '1PfV' | 0x80000000); //= VfP1 allocation-call protected-bit
  ExFreePoolWithTag(keep, '1PfV' | 0x80000000);
}

NOINLINE static void ShortTags(SIZE_T size) {
  keep = ExAllocatePoolWithTag(PagedPool, size, ' 1fV'); //= "Vf1 " allocation-call blank-padded
  keep = ExAllocatePoolWithTag(PagedPool, size, '2fV'); //? "Vf2\0" three characters and a NUL: a remark, or the tag with its NUL
}

NOINLINE static PVOID TailCall(SIZE_T size) {
  return ExAllocatePoolWithTag(NonPagedPool, size, '1JfV'); //= VfJ1 allocation-call tail-call
}

NOINLINE static void StoredPointer(SIZE_T size) {
  allocate_later = mode ? ExAllocatePoolWithTag : ExAllocatePoolWithQuotaTag;
  DbgPrint("%p\n", (PVOID)allocate_later);
  keep = allocate_later(NonPagedPool, size, '1HfV'); //= VfH1 any pointer-in-global
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  ExFreePoolWithTag(driver->Section, '1UfV'); //= VfU1 free-call free
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SIZE_T size = path->Length;
  driver->Unload = Unload;
  TagKeptAcrossCalls(size);
  TagComesBeforeTheBranch(size);
  TagWaitsOnTheStack(size);
  TagWaitsInALocalStructure(size);
  CallThroughARegister(size);
  CallThroughALocalPointer(size);
  TagsInGlobals(size);
  ChosenByACondition(size, driver->Flags != 0);
  ChosenFarApart(size, driver->Flags);
  ChosenByASwitch(size, path->MaximumLength);
  ChosenByASwitchOverNeighbours(size, path->MaximumLength);
  CalledInEachBranch(size, path->MaximumLength);
  ComputedByALoop(size);
  ComputedFromAMask(size, driver->Flags);
  WalkOverATable(size);
  ProtectedPool(size);
  ShortTags(size);
  StoredPointer(size);
  keep = TailCall(size);
  return STATUS_SUCCESS;
}
