// Allocators of delay-loaded libraries (built with /delayload where the linker knows it: POOL_DELAY).
#include "kernel.h"

static PVOID volatile keep;

#ifdef POOL_DELAY
typedef struct { ULONG attributes, name, module, slots, names, bound, unload, time; } DELAY_DESCRIPTOR;
PVOID CALL __delayLoadHelper2(const DELAY_DESCRIPTOR *descriptor, PVOID *slot) {
  *slot = (PVOID)DbgPrint;
  return *slot;
}
#endif

NOINLINE static NTSTATUS Filter(PVOID instance, PVOID filter) {
  keep = FltAllocatePoolAlignedWithTag(instance, NonPagedPool, 512, '1FlD'); //= DlF1 allocation-call delay-import delay //= DlF1 allocation-call direct !delay
  if (!keep) return STATUS_INSUFFICIENT_RESOURCES;
  FltFreePoolAlignedWithTag(instance, keep, '2FlD'); //= DlF2 free-call delay-import delay //= DlF2 free-call free !delay
  return FltAllocateExtraCreateParameter(filter, NULL, 8, 0, NULL, '3FlD', (PVOID *)&keep); //= DlF3 allocation-call delay-import delay //= DlF3 allocation-call direct !delay
}

NOINLINE static NTSTATUS Network(HANDLE adapter, UINT size) {
  keep = NdisAllocateMemoryWithTagPriority(adapter, size, '1NlD', 0); //= DlN1 allocation-call delay-import delay //= DlN1 allocation-call direct !delay
  NdisFreeMemoryWithTag(keep, '2NlD'); //= DlN2 free-call delay-import delay //= DlN2 free-call free !delay
  return NdisAllocateMemoryWithTag((PVOID *)&keep, size, '3NlD'); //= DlN3 allocation-call delay-import delay //= DlN3 allocation-call direct !delay
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = Filter(driver->Section, driver->Extension);
  keep = ExAllocatePoolWithTag(PagedPool, path->Length, '1ElD'); //= DlE1 allocation-call direct
  return status < 0 ? status : Network(driver->Device, path->Length);
}
