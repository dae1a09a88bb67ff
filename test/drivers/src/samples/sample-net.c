// A sample that ships with the program: a network filter. It is made to be scanned, not to be loaded.
#include "kernel.h"

#define FLOW_TAG 'wFnS' //= SnFw allocation-call direct
typedef struct { HANDLE adapter; PVOID flows[16]; UCHAR lists[256]; ULONG64 packets; } FILTER;

static FILTER *filter;

NOINLINE static PVOID NewFlow(FILTER *f, ULONG hash) {
  PVOID flow = NdisAllocateMemoryWithTagPriority(f->adapter, 192, FLOW_TAG, 16);
  if (flow) f->flows[hash & 15] = flow;
  return flow;
}

NOINLINE static NTSTATUS CopyPacket(FILTER *f, const UCHAR *packet, UINT size) {
  PVOID copy;
  NTSTATUS status = NdisAllocateMemoryWithTag(&copy, size, 'kPnS'); //= SnPk allocation-call direct
  if (status) return status;
  memcpy(copy, packet, size);
  if (*(const ULONG *)packet == 'PTTH') f->packets++; /* a magic number, no tag */ //~ HTTP magic
  NdisFreeMemoryWithTag(copy, 'kPnS');
  return STATUS_SUCCESS;
}

static NTSTATUS CALL Attach(HANDLE adapter, PVOID context, const UCHAR *parameters) {
  filter = ExAllocatePoolWithTag(NonPagedPool, sizeof(FILTER), ' kdD'); /* the old default of the driver kit's headers */ //= "Ddk " allocation-call direct
  if (!filter) return STATUS_INSUFFICIENT_RESOURCES;
  filter->adapter = adapter;
  NdisInitializeNPagedLookasideList(filter->lists, NULL, NULL, 0, 128, 'lLnS', 0); //= SnLl lookaside-init lookaside
  if (!NewFlow(filter, parameters[0])) return STATUS_INSUFFICIENT_RESOURCES;
  return CopyPacket(filter, parameters, 64);
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  ULONG i;
  for (i = 0; i < 16; i++) if (filter->flows[i]) NdisFreeMemoryWithTagPriority(filter->adapter, filter->flows[i], FLOW_TAG);
  ExFreePool(filter);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG_PTR characteristics[20];
  HANDLE handle;
  memset(characteristics, 0, sizeof(characteristics));
  characteristics[2] = (ULONG_PTR)Attach;
  driver->Unload = Unload;
  return NdisMRegisterMiniportDriver(driver, path, NULL, characteristics, &handle);
}
