// A disk upper filter in the classic style: AddDevice, dispatch routines, completion, a worker thread, per-device statistics.
#include "kernel.h"

#define DF_TAG 'tliF' /* Filt: the driver's usual tag, used in many places */ //= Filt allocation-call direct
#define DF_TAG_NAME 'mNfD' //= DfNm allocation-call direct
#define DF_TAG_STATS 'tSfD' //= DfSt allocation-call direct
#define DF_TAG_LOCK 'kLfD' //~ DfLk remove-lock
#define DF_SIGNATURE 'xEfD' //~ DfEx magic

typedef struct STATISTICS { LARGE_INTEGER started; ULONG64 reads, writes; struct STATISTICS *next; } STATISTICS;
typedef struct {
  ULONG signature;
  DEVICE_OBJECT *self, *lower;
  REMOVE_LOCK lock;
  LOOKASIDE requests;
  UNICODE_STRING name;
  STATISTICS *statistics;
  LIST_ENTRY queue;
  ULONG_PTR event[4];
  HANDLE thread;
  BOOLEAN stop;
} EXTENSION;
typedef struct { LIST_ENTRY link; IRP *irp; LARGE_INTEGER when; ULONG length; } REQUEST;

NOINLINE static NTSTATUS CopyName(UNICODE_STRING *to, const UNICODE_STRING *from) {
  to->Buffer = ExAllocatePoolWithTag(PagedPool, from->Length + sizeof(WCHAR), DF_TAG_NAME);
  if (to->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  to->Length = from->Length;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  memcpy(to->Buffer, from->Buffer, from->Length);
  to->Buffer[from->Length / sizeof(WCHAR)] = 0;
  return STATUS_SUCCESS;
}

NOINLINE static STATISTICS *NewStatistics(EXTENSION *extension) {
  STATISTICS *s = ExAllocatePoolWithTag(NonPagedPool, sizeof(STATISTICS), DF_TAG_STATS);
  if (s == NULL) return NULL;
  memset(s, 0, sizeof(*s));
  s->started = KeQueryPerformanceCounter(NULL);
  s->next = extension->statistics;
  extension->statistics = s;
  return s;
}

NOINLINE static void CALL Worker(PVOID context) {
  EXTENSION *extension = context;
  while (!extension->stop) {
    LIST_ENTRY *entry;
    KeWaitForSingleObject(extension->event, 0, 0, FALSE, NULL);
    entry = extension->queue.Flink;
    if (entry == &extension->queue) continue;
    extension->queue.Flink = entry->Flink;
    entry->Flink->Blink = &extension->queue;
    if (((REQUEST *)entry)->length > 0x10000) {
      PVOID bounce = ExAllocatePoolWithTag(NonPagedPool, ((REQUEST *)entry)->length, 'cnuB'); //= Bunc allocation-call direct
      if (bounce) {
        memcpy(bounce, ((REQUEST *)entry)->irp->SystemBuffer, ((REQUEST *)entry)->length);
        ExFreePoolWithTag(bounce, 'cnuB');
      }
    }
    ExFreePoolWithTag(entry, 'qeRD'); //= DReq free-call free
  }
}

static NTSTATUS CALL ReadWrite(DEVICE_OBJECT *device, IRP *irp) {
  EXTENSION *extension = device->Extension;
  REQUEST *request;
  if (extension->signature != DF_SIGNATURE) return STATUS_INVALID_PARAMETER;
  if (IoAcquireRemoveLockEx(&extension->lock, irp, "disk-filter.c", 88, sizeof(REMOVE_LOCK)) < 0) return STATUS_NOT_SUPPORTED;
  request = ExAllocatePoolWithTag(NonPagedPool, sizeof(REQUEST), DF_TAG);
  if (!request) return STATUS_INSUFFICIENT_RESOURCES;
  request->irp = irp;
  request->when = KeQueryPerformanceCounter(NULL);
  request->length = (ULONG)(ULONG_PTR)irp->Stack->Argument[0];
  request->link.Flink = &extension->queue;
  request->link.Blink = extension->queue.Blink;
  extension->queue.Blink = &request->link;
  if (extension->statistics || NewStatistics(extension)) {
    if (irp->Stack->Major == 3) extension->statistics->reads++;
    else extension->statistics->writes++;
  }
  KeSetEvent(extension->event, 0, FALSE);
  return STATUS_SUCCESS;
}

static NTSTATUS CALL DeviceControl(DEVICE_OBJECT *device, IRP *irp) {
  EXTENSION *extension = device->Extension;
  ULONG code = (ULONG)(ULONG_PTR)irp->Stack->Argument[2];
  ULONG *out = irp->SystemBuffer;
  PVOID copy;
  switch (code) {
    case 0x70000: /* geometry */
      copy = ExAllocatePoolWithTag(PagedPool, 24, 'moeG'); //= Geom allocation-call branches
      if (!copy) break;
      memcpy(copy, out, 24);
      extension->requests.Opaque[23] = (ULONG_PTR)copy;
      return STATUS_SUCCESS;
    case 0x70014: /* SMART */
      out[0] = 'TRMS'; //~ SMRT magic
      out[1] = 'atad'; //~ data magic
      copy = ExAllocatePoolWithQuotaTag(PagedPool, 512, 'traS'); //= Sart allocation-call branches
      if (!copy) break;
      ExFreePoolWithTag(copy, 'traS');
      return STATUS_SUCCESS;
    case 0x7C088:
      ExInitializePagedLookasideList(&extension->requests, NULL, NULL, 0, sizeof(REQUEST), 'sLfD', 0); //= DfLs lookaside-init lookaside
      return STATUS_SUCCESS;
  }
  return STATUS_NOT_SUPPORTED;
}

static NTSTATUS CALL AddDevice(DRIVER_OBJECT *driver, DEVICE_OBJECT *physical) {
  DEVICE_OBJECT *device;
  EXTENSION *extension;
  NTSTATUS status = IoCreateDevice(driver, sizeof(EXTENSION), NULL, 7, 0, FALSE, &device);
  if (status < 0) return status;
  extension = device->Extension;
  memset(extension, 0, sizeof(*extension));
  extension->signature = DF_SIGNATURE;
  extension->lower = IoAttachDeviceToDeviceStack(device, physical);
  if (!extension->lower) {
    IoDeleteDevice(device);
    return STATUS_NOT_SUPPORTED;
  }
  IoInitializeRemoveLockEx(&extension->lock, DF_TAG_LOCK, 1, 5, sizeof(REMOVE_LOCK));
  ExInitializeNPagedLookasideList(&extension->requests, NULL, NULL, 0, sizeof(REQUEST), 'qRfD', 0); //= DfRq lookaside-init lookaside
  extension->queue.Flink = extension->queue.Blink = &extension->queue;
  KeInitializeEvent(extension->event, 1, FALSE);
  return PsCreateSystemThread(&extension->thread, 0x1FFFFF, NULL, NULL, NULL, Worker, extension);
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  DEVICE_OBJECT *device = driver->Device;
  while (device) {
    EXTENSION *extension = device->Extension;
    STATISTICS *s = extension->statistics;
    while (s) {
      STATISTICS *next = s->next;
      ExFreePoolWithTag(s, DF_TAG_STATS);
      s = next;
    }
    ExFreePoolWithTag(extension->name.Buffer, DF_TAG_NAME);
    extension->stop = TRUE;
    device = device->Next;
  }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  static UNICODE_STRING registry;
  ULONG i;
  for (i = 0; i < 28; i++) driver->Major[i] = DeviceControl;
  driver->Major[3] = driver->Major[4] = ReadWrite;
  driver->Unload = Unload;
  driver->StartIo = AddDevice;
  return CopyName(&registry, path);
}
