// A storage driver that runs on old and new systems: ExAllocatePool2 where the kernel has it, ExAllocatePoolWithTag where not, zeroing
// inlines, lookaside lists in a loop over a table, StorPort's inlines, SLIST-style lookaside inlines, memory for I/O.
#include "kernel.h"

typedef PVOID(CALL *EX_ALLOCATE_POOL2)(ULONG64 flags, SIZE_T size, ULONG tag);
typedef PVOID(CALL *EX_ALLOCATE_POOL3)(ULONG64 flags, SIZE_T size, ULONG tag, PVOID parameters, ULONG count);
typedef void(CALL *EX_FREE_POOL2)(PVOID p, ULONG tag, PVOID parameters, ULONG count);

/* --- what the newer headers put into every driver: ExAllocatePoolZero for systems that do not zero ------------------------------------------ */
static BOOLEAN ExPoolZeroingNativelySupported;
static ULONG ExpDriverRuntimeFlags;
ALWAYS_INLINE void ExInitializeDriverRuntime(ULONG flags) {
  ULONG version[71];
  version[0] = sizeof(version);
  ExpDriverRuntimeFlags = flags;
  if (RtlVerifyVersionInfo(version, 2, 0x8000000000000003ULL) >= 0) ExPoolZeroingNativelySupported = TRUE;
}
ALWAYS_INLINE PVOID ExAllocatePoolZero(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type | 0x400, size, tag);
  if (p && !ExPoolZeroingNativelySupported) memset(p, 0, size);
  return p;
}
ALWAYS_INLINE PVOID ExAllocatePoolQuotaZero(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithQuotaTag(type | 0x400, size, tag);
  if (p && !ExPoolZeroingNativelySupported) memset(p, 0, size);
  return p;
}
ALWAYS_INLINE PVOID ExAllocatePoolPriorityZero(ULONG type, SIZE_T size, ULONG tag, ULONG priority) {
  PVOID p = ExAllocatePoolWithTagPriority(type | 0x400, size, tag, priority);
  if (p && !ExPoolZeroingNativelySupported) memset(p, 0, size);
  return p;
}
ALWAYS_INLINE PVOID ExAllocatePoolUninitialized(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type | 0x800, size, tag);
  if (p && (ExpDriverRuntimeFlags & 1)) *(ULONG *)p = 'tinU'; /* a mark for debuggers */ //~ Unit magic
  return p;
}

/* --- the allocator by name, with a fallback -------------------------------------------------------------------------------------------------- */
static PVOID volatile keep;
static EX_ALLOCATE_POOL2 pool2;
static EX_FREE_POOL2 free2;
static struct { EX_ALLOCATE_POOL3 allocate3; PVOID queryDepth; ULONG build; } kernel_routines;
static BOOLEAN has_pool2;

INIT_CODE_SECTION static void ResolveRoutines(void) {
  static const WCHAR names[][20] = {L"ExAllocatePool2", L"ExFreePool2", L"ExAllocatePool3", L"ExQueryDepthSList"};
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, names[0]);
  pool2 = (EX_ALLOCATE_POOL2)MmGetSystemRoutineAddress(&name);
  has_pool2 = pool2 != NULL;
  RtlInitUnicodeString(&name, names[1]);
  free2 = (EX_FREE_POOL2)MmGetSystemRoutineAddress(&name);
  RtlInitUnicodeString(&name, names[2]);
  kernel_routines.allocate3 = (EX_ALLOCATE_POOL3)MmGetSystemRoutineAddress(&name);
  RtlInitUnicodeString(&name, names[3]);
  kernel_routines.queryDepth = MmGetSystemRoutineAddress(&name);
  kernel_routines.build = 'dliB'; //~ Bild magic
}

NOINLINE static PVOID CompatAllocate(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p;
  if (has_pool2) return pool2(type == PagedPool ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, tag);
  p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static void CompatFree(PVOID p, ULONG tag) {
  if (free2) free2(p, tag, NULL, 0);
  else ExFreePoolWithTag(p, tag);
}
NOINLINE static PVOID NewOnly(SIZE_T size, ULONG tag) { /* nothing but the pointer */
  if (!kernel_routines.allocate3) return NULL;
  return kernel_routines.allocate3(POOL_FLAG_NON_PAGED | 2, size, tag, NULL, 0);
}

/* --- lookaside lists from a table -------------------------------------------------------------------------------------------------------------- */
typedef struct { ULONG_PTR head[2]; USHORT depth, maximum; ULONG allocates, misses; ULONG type, tag, size; PVOID(CALL *allocate)(ULONG, SIZE_T, ULONG, PVOID); } GENERAL_LOOKASIDE;
static LOOKASIDE lists[4], one_list, exlist;
static const struct { USHORT size; USHORT depth; ULONG tag; } list_table[4] = {
  {64, 0, '1LoM'}, {256, 0, '2LoM'}, {1024, 16, '3LoM'}, {4096, 4, '4LoM'}}; //= MoL1 lookaside-init lookaside-loop //= MoL2 lookaside-init lookaside-loop //= MoL3 lookaside-init lookaside-loop //= MoL4 lookaside-init lookaside-loop

NOINLINE static NTSTATUS InitializeLists(void) {
  ULONG i;
  NTSTATUS status;
  for (i = 0; i < 4; i++) {
    status = ExInitializeLookasideListEx(&lists[i], NULL, NULL, NonPagedPoolNx, 0, list_table[i].size, list_table[i].tag, list_table[i].depth);
    if (status < 0) return status;
  }
  ExInitializeNPagedLookasideList(&one_list, NULL, NULL, 0x200, 88, 'sLoM', 0); //= MoLs lookaside-init lookaside
  return ExInitializeLookasideListEx(&exlist, NULL, NULL, PagedPool, 2, 192, 'xLoM', 0); //= MoLx lookaside-init lookaside
}
ALWAYS_INLINE PVOID AllocateFromLookaside(LOOKASIDE *list) { /* as the headers inline it: the list's own tag, by pointer */
  GENERAL_LOOKASIDE *l = (GENERAL_LOOKASIDE *)list;
  PVOID p;
  l->allocates++;
  p = ExpInterlockedPopEntrySList(l);
  if (!p) {
    l->misses++;
    p = l->allocate(l->type, l->size, l->tag, l);
  }
  return p;
}

/* --- a miniport's side --------------------------------------------------------------------------------------------------------------------------- */
ALWAYS_INLINE ULONG StorPortAllocatePool(PVOID extension, ULONG size, ULONG tag, PVOID *out) { return StorPortExtendedFunction(0, extension, size, tag, out); }
ALWAYS_INLINE ULONG StorPortFreePool(PVOID extension, PVOID p) { return StorPortExtendedFunction(1, extension, p); }
ALWAYS_INLINE ULONG StorPortLogTelemetry(PVOID extension, PVOID address, PVOID info) { return StorPortExtendedFunction(83, extension, address, info, 0); }
typedef struct { PVOID commands, sense; ULONG lun; ULONG signature; } LUN;

NOINLINE static ULONG PortAllocate(PVOID extension, ULONG size, ULONG tag, PVOID *out) {
  ULONG status;
  *out = NULL;
  status = StorPortAllocatePool(extension, size, tag, out);
  if (status == 0) memset(*out, 0, size);
  else StorPortNotification(5, extension, 'gLoM', size); //~ MoLg not-an-allocator
  return status;
}
NOINLINE static BOOLEAN StartLun(PVOID extension, LUN *lun) {
  if (lun->signature != 'nuLM') return FALSE; //~ MLun magic
  if (PortAllocate(extension, 64 * lun->lun, 'dCoM', &lun->commands)) return FALSE; //= MoCd wrapper-call storport-pool
  if (PortAllocate(extension, 252, 'eSoM', &lun->sense)) return FALSE; //= MoSe wrapper-call storport-pool
  if (StorPortAllocatePool(extension, 4096, 'lToM', &lun->sense)) return FALSE; //= MoTl any storport-pool
  StorPortLogTelemetry(extension, lun, (PVOID)(ULONG_PTR)'eleT'); //~ Tele other-code
  return StorPortFreePool(extension, lun->sense) == 0;
}

/* --- who uses it ----------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS Prepare(SIZE_T size) {
  keep = CompatAllocate(PagedPool, size, 'pCoM'); //= MoCp wrapper-call allocator-choice
  CompatFree(keep, 'pCoM');
  keep = CompatAllocate(NonPagedPoolNx, 128, 'nCoM'); //= MoCn wrapper-call allocator-choice
  if (!keep) return STATUS_INSUFFICIENT_RESOURCES;
  CompatFree(keep, 'fCoM'); //= MoCf free-call allocator-choice
  keep = NewOnly(size, 'wNoM'); //= MoNw any routine-address
  keep = NewOnly(64, 'vNoM'); //= MoNv any routine-address
  return keep ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
NOINLINE static NTSTATUS PrepareZeroed(SIZE_T size, ULONG *from) {
  ULONG *p = ExAllocatePoolZero(NonPagedPoolNx, size, 'aZoM'); //= MoZa allocation-call pool-zero
  if (!p) return STATUS_INSUFFICIENT_RESOURCES;
  p[0] = from[0] == 'GRBM' ? 'drpS' : 'tpGM'; //~ MBRG magic //~ Sprd magic //~ MGpt magic
  keep = ExAllocatePoolQuotaZero(PagedPool, size * 2, 'bZoM'); //= MoZb allocation-call pool-zero
  keep = ExAllocatePoolPriorityZero(PagedPool, size * 4, 'cZoM', 16); //= MoZc allocation-call pool-zero
  keep = ExAllocatePoolUninitialized(PagedPool, 0x10000, 'dZoM'); //= MoZd allocation-call pool-zero
  if (size > 4096) ExFreePoolWithTag(p, 'aZoM');
  return STATUS_SUCCESS;
}
NOINLINE static PVOID DirectChoice(SIZE_T size, BOOLEAN paged) { /* both calls side by side, one tag */
  if (has_pool2) return pool2(paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, 'hDoM'); //= MoDh any allocator-choice
  return ExAllocatePoolZero(paged ? PagedPool : NonPagedPoolNx, size, 'hDoM');
}
NOINLINE static PVOID PointerChoice(SIZE_T size) { /* the pointer alone has this tag */
  return pool2 ? pool2(POOL_FLAG_PAGED, size, 'kDoM') : NULL; //= MoDk any routine-address
}
NOINLINE static NTSTATUS MapMemory(SIZE_T size) {
  PHYSICAL_ADDRESS low = {{0, 0}}, high = {{-1, 0x7F}}, none = {{0, 0}};
  PVOID mapping = MmAllocateMappingAddress(size, 'gMoM'); //= MoMg any direct
  if (!mapping) return STATUS_INSUFFICIENT_RESOURCES;
  MmFreeMappingAddress(mapping, 'gMoM');
  keep = IoAllocateErrorLogEntry(NULL, 64);
  return MmAllocateContiguousMemoryEx(&size, low, high, none, 0x80000000, 4, NULL, 'tCoM', 0, (PVOID *)&keep); //= MoCt any direct
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  LUN lun = {NULL, NULL, 1, 'nuLM'};
  NTSTATUS status;
  ExInitializeDriverRuntime(driver->Flags);
  ResolveRoutines();
  status = InitializeLists();
  if (status < 0) return status;
  keep = AllocateFromLookaside(&one_list);
  keep = AllocateFromLookaside(&lists[path->Length & 3]);
  keep = DirectChoice(path->Length, driver->Flags & 1);
  keep = PointerChoice(path->Length);
  if (Prepare(path->Length) < 0 || PrepareZeroed(path->Length, (ULONG *)path->Buffer) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  if (!StartLun(driver->Extension, &lun)) return STATUS_NOT_SUPPORTED;
  return MapMemory(path->MaximumLength);
}
