// A sample that ships with the program: a disk filter that queues requests. It is made to be scanned, not to be loaded.
#include "kernel.h"

typedef struct REQUEST { struct REQUEST *next; IRP *irp; LARGE_INTEGER when; ULONG bytes; } REQUEST;
typedef struct { DEVICE_OBJECT *lower; LOOKASIDE requests; REQUEST *first; PVOID history; ULONG count; ULONG_PTR event[4]; } DISK;

/* One door for all small buffers: the tag comes from the caller. */
NOINLINE static PVOID AllocateBuffer(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p) memset(p, 0, size);
  return p;
}

static NTSTATUS CALL ReadWrite(DEVICE_OBJECT *device, IRP *irp) {
  DISK *disk = device->Extension;
  REQUEST *request = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(REQUEST), 'qRdS'); //= SdRq allocation-call direct
  if (!request) return STATUS_INSUFFICIENT_RESOURCES;
  request->irp = irp;
  request->when = KeQueryPerformanceCounter(NULL);
  request->next = disk->first;
  disk->first = request;
  disk->count++;
  KeSetEvent(disk->event, 0, FALSE);
  return STATUS_SUCCESS;
}

static NTSTATUS CALL DeviceControl(DEVICE_OBJECT *device, IRP *irp) {
  DISK *disk = device->Extension;
  PVOID copy = AllocateBuffer(512, 'cIdS'); //= SdIc wrapper-call wrapper
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(copy, irp->SystemBuffer, 512);
  if (!disk->history) disk->history = AllocateBuffer(65536, 'sHdS'); //= SdHs wrapper-call wrapper
  ExFreePoolWithTag(copy, 'cIdS');
  return disk->history ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CALL AddDevice(DRIVER_OBJECT *driver, DEVICE_OBJECT *physical) {
  DEVICE_OBJECT *device;
  DISK *disk;
  NTSTATUS status = IoCreateDevice(driver, sizeof(DISK), NULL, 7, 0, FALSE, &device);
  if (status < 0) return status;
  disk = device->Extension;
  disk->lower = IoAttachDeviceToDeviceStack(device, physical);
  KeInitializeEvent(disk->event, 1, FALSE);
  ExInitializeNPagedLookasideList(&disk->requests, NULL, NULL, 0, sizeof(REQUEST), 'lLdS', 0); //= SdLl lookaside-init lookaside
  return disk->lower ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  DISK *disk = driver->Device->Extension;
  while (disk->first) {
    REQUEST *next = disk->first->next;
    ExFreePoolWithTag(disk->first, 'qRdS');
    disk->first = next;
  }
  if (disk->history) ExFreePoolWithTag(disk->history, 'sHdS');
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  PWSTR copy = ExAllocatePoolWithTag(PagedPool, path->Length, 'gRdS'); //= SdRg allocation-call direct
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(copy, path->Buffer, path->Length);
  driver->Major[3] = driver->Major[4] = ReadWrite;
  driver->Major[14] = DeviceControl;
  driver->StartIo = AddDevice;
  driver->Unload = Unload;
  return STATUS_SUCCESS;
}
