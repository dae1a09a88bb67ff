// A character of a tag that nothing bounds: which tags there are nobody can say, only what they have in common.
#include "kernel.h"

static PVOID last;

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *device, IRP *irp) {
  SIZE_T size = irp->Information;
  ULONG tag = '0NfO' + (irp->Flags << 24); //? OfN0 one of a family
  OPAQUE(size);
  last = ExAllocatePoolWithTag(NonPagedPool, size, tag);
  irp->SystemBuffer = ExAllocatePoolWithTag(PagedPool, size, 'aSfO'); //= OfSa allocation-call direct
  IoCompleteRequest(irp, 0);
  return STATUS_SUCCESS;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  driver->Major[14] = Dispatch;
  return STATUS_SUCCESS;
}
