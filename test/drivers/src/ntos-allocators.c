// Every pool function of ntoskrnl.exe that takes a tag, called once each with a tag of its own.
#include "kernel.h"

static PVOID volatile keep;
static HANDLE pool;
static LOOKASIDE lists[4];
static const GUID ecp = {0x4d656d6f, 0x6f6d, 0x656d, {'M', 'e', 'm', 'o', 'r', 'y', 0, 1}};

NOINLINE static void AllocateEverything(SIZE_T size) {
  PHYSICAL_ADDRESS low, high, boundary;
  keep = ExAllocatePoolWithTag(NonPagedPool, size, '1AoN'); //= NoA1 allocation-call direct
  keep = ExAllocatePoolWithQuotaTag(PagedPool, size + 8, '2AoN'); //= NoA2 allocation-call direct
  keep = ExAllocatePoolWithTagPriority(PagedPool, size, '3AoN', 16); //= NoA3 allocation-call direct
  keep = ExAllocatePool2(POOL_FLAG_NON_PAGED, size, '4AoN'); //= NoA4 allocation-call direct
  keep = ExAllocatePool3(POOL_FLAG_PAGED, size * 2, '5AoN', NULL, 0); //= NoA5 allocation-call direct
  keep = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, '6AoN'); //= NoA6 allocation-call direct
  keep = FsRtlAllocateAePushLock(PagedPool, '7AoN'); //= NoA7 allocation-call direct
  keep = FsRtlAllocatePoolWithTag(PagedPool, size, '8AoN'); //= NoA8 allocation-call direct
  keep = FsRtlAllocatePoolWithQuotaTag(PagedPool, size, '9AoN'); //= NoA9 allocation-call direct
  FsRtlAllocateExtraCreateParameter(&ecp, 24, 0, NULL, 'aAoN', (PVOID *)&keep); //= NoAa allocation-call direct
  low.QuadPart = 0;
  high.QuadPart = 0xFFFFFFFFFFLL;
  boundary.QuadPart = 0x10000;
  MmAllocateContiguousMemoryEx(&size, low, high, boundary, 0, 4, NULL, 'bAoN', 0, (PVOID *)&keep); //= NoAb allocation-call direct
  if (ExCreatePool(2, 'cAoN', NULL, &pool) < 0) pool = NULL; //= NoAc any direct
}

NOINLINE static void MapEverything(PVOID mdl) {
  PVOID window = MmAllocateMappingAddress(0x4000, '1MoN'); //= NoM1 allocation-call direct
  if (MmMapLockedPagesWithReservedMapping(window, '2MoN', mdl, 1)) { //= NoM2 any direct
    MmUnmapReservedMapping(window, '3MoN', mdl); //= NoM3 any direct
  }
  MmFreeMappingAddress(window, '4MoN'); //= NoM4 any free
  keep = MmAllocateMappingAddressEx(0x8000, '5MoN', 1); //= NoM5 allocation-call direct
}

NOINLINE static void FreeEverything(PVOID p) {
  ExFreePoolWithTag(p, '1FoN'); //= NoF1 free-call free
  ExFreePool2(p, '2FoN', NULL, 0); //= NoF2 free-call free
  ExSecurePoolUpdate(pool, '3FoN', p, 7, 0, 4, &ecp); //= NoF3 any direct
  if (!ExSecurePoolValidate(pool, '4FoN', p, 7)) DbgPrint("not ours: %p\n", p); //= NoF4 any direct
  ExFreePoolWithTag(keep, 0); // tag 0: "I do not care"
}

NOINLINE static void InitializeLists(void) {
  ExInitializeNPagedLookasideList(&lists[0], NULL, NULL, 0, 0x88, '1LoN', 0); //= NoL1 lookaside-init lookaside
  ExInitializePagedLookasideList(&lists[1], NULL, NULL, 0, 0x120, '2LoN', 0); //= NoL2 lookaside-init lookaside
  ExInitializeLookasideListEx(&lists[2], NULL, NULL, NonPagedPoolNx, 0, 0x40, '3LoN', 0); //= NoL3 lookaside-init lookaside
  FsRtlInitExtraCreateParameterLookasideList(&lists[3], 0, 0x30, '4LoN'); //= NoL4 lookaside-init lookaside
}

static void CALL Unload(DRIVER_OBJECT *driver) { FreeEverything(driver->Section); }

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  driver->Unload = Unload;
  InitializeLists();
  AllocateEverything(path->Length);
  MapEverything(path->Buffer);
  return keep ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
