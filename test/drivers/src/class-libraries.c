// The tagged functions of the class libraries: filter manager, NDIS, video port, USB, kernel streaming, win32k.
#include "kernel.h"

#define MINE(n) (0x00426C43 | ((ULONG)(n) << 24)) /* 'ClB?' spelt as a number */

static PVOID volatile keep;
static UCHAR lists[3][256];
static const GUID ecp_type = {0x2b8d3e57, 0x11aa, 0x4c1f, {0x90, 0x66, 'E', 'c', 'p', 'T', 0x12, 0x34}}; //~ EcpT guid

NOINLINE static void FilterManager(PVOID filter, PVOID instance) {
  PVOID p = FltAllocatePoolAlignedWithTag(instance, NonPagedPool, 4096, 'aFlC'); //= ClFa allocation-call direct
  if (p) FltFreePoolAlignedWithTag(instance, p, 'bFlC'); //= ClFb free-call free
  FltInitExtraCreateParameterLookasideList(filter, lists[0], 0, 88, 'cFlC'); //= ClFc lookaside-init lookaside
  FltAllocateExtraCreateParameter(filter, &ecp_type, 40, 0, NULL, 'dFlC', (PVOID *)&keep); //= ClFd allocation-call direct
}

NOINLINE static NTSTATUS Network(DRIVER_OBJECT *driver, HANDLE adapter, PVOID request, PVOID list) {
  PVOID buffer, clone;
  NTSTATUS status = NdisAllocateMemoryWithTag(&buffer, 1514, 'aNlC'); //= ClNa allocation-call direct
  if (status) return status;
  keep = NdisAllocateMemoryWithTagPriority(adapter, 2048, 'bNlC', 16); //= ClNb allocation-call direct
  keep = NdisAllocateGenericObject(driver, 'cNlC', 64); //= ClNc allocation-call direct
  NdisAllocateCloneOidRequest(adapter, request, 'dNlC', &clone); //= ClNd allocation-call direct
  NdisAllocateNetBufferListContext(list, 32, 0, 'eNlC'); //= ClNe allocation-call direct
  NdisInitializeNPagedLookasideList(lists[1], NULL, NULL, 0, 128, 'fNlC', 0); //= ClNf lookaside-init lookaside
  NdisFreeMemoryWithTag(buffer, 'gNlC'); //= ClNg free-call free
  NdisFreeMemoryWithTagPriority(adapter, keep, 'hNlC'); //= ClNh free-call free
  NdisFreeMemory(keep, 'iNlC', 0); //~ ClNi other-argument
  return status;
}

NOINLINE static void Video(PVOID extension, SIZE_T size) {
  PVOID p = VideoPortAllocatePool(extension, PagedPool, size, 'aVlC'); //= ClVa allocation-call direct
  if (p) VideoPortFreePool(extension, p);
}

NOINLINE static NTSTATUS Usb(const UCHAR *descriptor, ULONG size) {
  PUCHAR bad;
  return USBD_ValidateConfigurationDescriptor(descriptor, size, 3, &bad, 'aUlC'); //= ClUa allocation-call direct
}

NOINLINE static NTSTATUS Streaming(PVOID bag, PVOID *pointer) {
  return _KsEdit(bag, pointer, 400, 200, 'aKlC'); //= ClKa allocation-call direct
}

NOINLINE static void Graphics(PVOID surface, ULONG size) {
  keep = EngAllocMem(1, size, 'aElC'); //= ClEa allocation-call direct
  EngFreeMem(keep);
  keep = EngAllocUserMem(size, 'bElC'); //? ClEb user memory with a tag in front: weak
  keep = EngAllocPrivateUserMem(surface, size, 'cElC'); //? ClEc user memory: weak
}

NOINLINE static void Windows(SIZE_T size) {
  keep = Win32AllocPool(size, MINE('1')); //= ClB1 allocation-call direct
  keep = Win32AllocPoolZInit(size, MINE('2')); //= ClB2 allocation-call direct
  keep = Win32AllocPoolNonPaged(size, MINE('3')); //= ClB3 allocation-call direct
  keep = Win32AllocPoolNonPagedZInit(size, MINE('4')); //= ClB4 allocation-call direct
  keep = Win32AllocPoolWithQuota(size, MINE('5')); //= ClB5 allocation-call direct
  keep = Win32AllocPoolWithQuotaZInit(size, MINE('6')); //= ClB6 allocation-call direct
  keep = AllocThreadBufferWithTag(size, MINE('7'), 1); //= ClB7 allocation-call direct
  keep = UserReAllocPool(keep, size, size * 2, MINE('8')); //= ClB8 allocation-call direct
  keep = UserReAllocPoolZInit(keep, size, size * 2, MINE('9')); //= ClB9 allocation-call direct
  keep = UserReAllocPoolWithQuota(keep, size, size * 3, MINE('a')); //= ClBa allocation-call direct
  keep = UserReAllocPoolWithQuotaZInit(keep, size, size * 3, MINE('b')); //= ClBb allocation-call direct
  keep = Win32AllocPoolImpl(PagedPool, size, MINE('c')); //= ClBc allocation-call direct
  keep = Win32AllocPoolWithQuotaImpl(PagedPool, size, MINE('d')); //= ClBd allocation-call direct
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  FilterManager(driver->Extension, driver->Section);
  Video(driver->HardwareDatabase, path->Length);
  Graphics(driver->StartIo, path->MaximumLength);
  Windows(path->Length);
  if (Usb((const UCHAR *)path->Buffer, path->Length) < 0) return STATUS_INVALID_PARAMETER;
  if (Streaming(driver, &driver->FastIo) < 0) return STATUS_INVALID_PARAMETER;
  return Network(driver, driver->Start, driver->Init, path);
}
