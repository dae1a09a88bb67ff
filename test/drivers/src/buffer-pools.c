// A driver that manages its memory in objects: pools and heaps with a tag in a field, kept in a device extension, in arrays, in lists,
// two and three objects deep; what is allocated later takes the tag from there.
#include "kernel.h"

#define DEVICE_SIGNATURE 'tveD' //~ Devt magic
#define POOL_SIGNATURE 'looP' //~ Pool magic
#define HEAP_SIGNATURE 'paeH' //~ Heap magic

typedef struct POOL {
  ULONG Signature; ULONG Type; ULONG Tag; ULONG Count; SIZE_T Size;
  LIST_ENTRY Free;
  struct POOL *Parent;
} POOL;

typedef struct { ULONG Signature; ULONG Flags; POOL *Small, *Large; ULONG DefaultTag; ULONG Owner; } HEAP;
typedef struct { ULONG Tag; USHORT Depth, Size; PVOID Spare; } QUEUE;

typedef struct {
  ULONG Signature;
  DEVICE_OBJECT *Self, *Lower;
  POOL Requests; /* embedded */
  POOL *Buffers; /* by pointer */
  HEAP *Heap;
  QUEUE Queues[3];
  ULONG PoolTag; /* the extension's own */
  ULONG ReferenceTag; /* for object references, never for pool */
  ULONG Status;
  REMOVE_LOCK Lock;
} EXTENSION;

static PVOID volatile keep;
static POOL global_pool;
static HEAP *global_heap;

/* --- pools ------------------------------------------------------------------------------------------------------------------------ */
NOINLINE static void PoolInitialize(POOL *pool, ULONG type, SIZE_T size, ULONG tag) {
  memset(pool, 0, sizeof(*pool));
  pool->Signature = POOL_SIGNATURE;
  pool->Type = type;
  pool->Tag = tag;
  pool->Size = size;
  pool->Free.Flink = pool->Free.Blink = &pool->Free;
}

NOINLINE static PVOID PoolTake(POOL *pool) {
  if (pool->Signature != POOL_SIGNATURE) return NULL;
  if (pool->Free.Flink != &pool->Free) {
    LIST_ENTRY *entry = pool->Free.Flink;
    pool->Free.Flink = entry->Flink;
    entry->Flink->Blink = &pool->Free;
    return entry;
  }
  pool->Count++;
  return ExAllocatePoolWithTag(pool->Type, pool->Size, pool->Tag);
}

NOINLINE static void PoolDrain(POOL *pool) {
  while (pool->Free.Flink != &pool->Free) {
    LIST_ENTRY *entry = pool->Free.Flink;
    pool->Free.Flink = entry->Flink;
    ExFreePoolWithTag(entry, pool->Tag);
  }
}

/* A pool made in pool memory: the tag goes through two functions into the object. */
NOINLINE static POOL *PoolCreate(ULONG type, SIZE_T size, ULONG tag) {
  POOL *pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(POOL), 'HpFB'); //= BFpH allocation-call direct
  if (pool) PoolInitialize(pool, type, size, tag);
  return pool;
}

/* --- heaps: two levels --------------------------------------------------------------------------------------------------------------- */
NOINLINE static HEAP *HeapCreate(ULONG smallTag, ULONG largeTag, ULONG owner) {
  HEAP *heap = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(HEAP), 'hHFB'); //= BFHh allocation-call direct
  if (!heap) return NULL;
  heap->Signature = HEAP_SIGNATURE;
  heap->Flags = 0;
  heap->DefaultTag = smallTag;
  heap->Owner = owner;
  heap->Small = PoolCreate(NonPagedPoolNx, 256, smallTag);
  heap->Large = PoolCreate(PagedPool, 4096, largeTag);
  return heap;
}

NOINLINE static PVOID HeapAllocate(HEAP *heap, SIZE_T size) {
  if (heap->Signature != HEAP_SIGNATURE) KeBugCheckEx(0xC2, 'aHdB', (ULONG_PTR)heap, size, 0); //~ BdHa bug-check
  if (size <= 256) return PoolTake(heap->Small);
  if (size <= 4096) return PoolTake(heap->Large);
  return ExAllocatePoolWithTag(PagedPool, size, heap->DefaultTag);
}

/* --- the device extension ------------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS ExtensionInitialize(EXTENSION *extension, DEVICE_OBJECT *device, ULONG tag) {
  ULONG i;
  memset(extension, 0, sizeof(*extension));
  extension->Signature = DEVICE_SIGNATURE;
  extension->Self = device;
  extension->PoolTag = tag;
  extension->ReferenceTag = 'feRB'; //~ BRef object-tag
  PoolInitialize(&extension->Requests, NonPagedPoolNx, 184, 'qRFB'); //= BFRq any object-field
  extension->Buffers = PoolCreate(NonPagedPoolNx, 2048, 'fBFB'); //= BFBf any object-field-deep
  extension->Heap = HeapCreate('sHFB', 'lHFB', 'rnwO'); //= BFHs any object-field-deep //= BFHl any object-field-deep //~ Ownr magic
  for (i = 0; i < 3; i++) extension->Queues[i].Depth = 16;
  extension->Queues[0].Tag = '0QFB'; //= BFQ0 any object-field
  extension->Queues[1].Tag = '1QFB'; //= BFQ1 any object-field
  extension->Queues[2].Tag = '2QFB'; //= BFQ2 any object-field
  IoInitializeRemoveLockEx(&extension->Lock, 'kLFB', 0, 0, sizeof(extension->Lock)); //~ BFLk remove-lock
  return extension->Buffers && extension->Heap ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID ExtensionAllocate(EXTENSION *extension, SIZE_T size) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, extension->PoolTag);
  if (!p) extension->Status = 'omeM'; //~ Memo magic
  return p;
}

NOINLINE static NTSTATUS QueueFill(QUEUE *queue) {
  queue->Spare = ExAllocatePoolWithTag(NonPagedPoolNx, queue->Depth * 64, queue->Tag);
  return queue->Spare ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS ExtensionStart(EXTENSION *extension) {
  ULONG i;
  keep = ExtensionAllocate(extension, 96);
  keep = PoolTake(&extension->Requests);
  keep = PoolTake(extension->Buffers);
  keep = HeapAllocate(extension->Heap, 100);
  for (i = 0; i < 3; i++) if (QueueFill(&extension->Queues[i]) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  ObReferenceObjectByPointerWithTag(extension->Lower, 0, NULL, 0, extension->ReferenceTag);
  return STATUS_SUCCESS;
}

/* --- a request that carries the tag of whoever made it ---------------------------------------------------------------------------------- */
typedef struct { ULONG Code; ULONG Tag; SIZE_T Length; PVOID Data; NTSTATUS (*Complete)(PVOID context); PVOID Context; } REQUEST;
NOINLINE static REQUEST *RequestCreate(EXTENSION *extension, ULONG code, SIZE_T length, ULONG tag) {
  REQUEST *request = PoolTake(&extension->Requests);
  if (!request) return NULL;
  request->Code = code;
  request->Length = length;
  request->Tag = tag;
  request->Complete = NULL;
  return request;
}
NOINLINE static NTSTATUS RequestRun(REQUEST *request) {
  request->Data = ExAllocatePoolWithTag(PagedPool, request->Length, request->Tag);
  if (!request->Data) return STATUS_INSUFFICIENT_RESOURCES;
  return request->Complete ? request->Complete(request->Context) : STATUS_SUCCESS;
}
NOINLINE static void RequestDestroy(REQUEST *request) {
  if (request->Data) ExFreePoolWithTag(request->Data, request->Tag);
}

static NTSTATUS CALL DeviceControl(DEVICE_OBJECT *device, IRP *irp) {
  EXTENSION *extension = device->Extension;
  REQUEST *request;
  NTSTATUS status;
  if (extension->Signature != DEVICE_SIGNATURE) return STATUS_INVALID_PARAMETER;
  switch (irp->Stack->Major) {
    case 3: request = RequestCreate(extension, 3, 512, 'dRFB'); break; //= BFRd any object-field
    case 4: request = RequestCreate(extension, 4, 1024, 'rWFB'); break; //= BFWr any object-field
    case 14: request = RequestCreate(extension, 'ltcI', irp->Information, 'oIFB'); break; //= BFIo any object-field //~ Ictl other-argument
    default: return STATUS_NOT_SUPPORTED;
  }
  if (!request) return STATUS_INSUFFICIENT_RESOURCES;
  status = RequestRun(request);
  RequestDestroy(request);
  return status;
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  EXTENSION *extension = driver->Device->Extension;
  PoolDrain(&global_pool);
  PoolDrain(&extension->Requests);
  IoDeleteDevice(driver->Device);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  NTSTATUS status = IoCreateDevice(driver, sizeof(EXTENSION), NULL, 'yT', 0x100, FALSE, &device);
  if (status < 0) return status;
  PoolInitialize(&global_pool, PagedPool, 64, 'lGFB'); //= BFGl any object-field
  global_heap = HeapCreate('1GFB', '2GFB', 'tooR'); //= BFG1 any object-field-deep //= BFG2 any object-field-deep //~ Root magic
  status = ExtensionInitialize(device->Extension, device, 'txFB'); //= BFxt any object-field
  if (status < 0) return status;
  keep = PoolTake(&global_pool);
  if (global_heap) keep = HeapAllocate(global_heap, path->Length);
  driver->Major[14] = DeviceControl;
  driver->Unload = Unload;
  return ExtensionStart(device->Extension);
}
