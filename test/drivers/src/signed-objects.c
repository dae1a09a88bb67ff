// Objects that carry a signature at a place where others carry a tag, behind a list entry or in the middle: it is set when one is made and
// checked by whoever gets one. No signature is a tag; the caches beside them read theirs from the same distance.
#include "kernel.h"

typedef struct { LIST_ENTRY Links; ULONG PoolTag; ULONG Depth; SIZE_T Size; } CACHE;
typedef struct { LIST_ENTRY Links; ULONG Signature; ULONG State; PVOID Owner; } SESSION;
typedef struct { PVOID Self; ULONG Flags; ULONG Magic; PVOID Next; } CHANNEL;
typedef struct { PVOID Self; ULONG Flags; ULONG Tag; PVOID Next; } HEAP;

typedef struct { DEVICE_OBJECT *Self; CACHE *Cache; HEAP *Heap; ULONG Count; } EXTENSION;
typedef struct { DEVICE_OBJECT *Self; SESSION *Session; CHANNEL *Channel; ULONG Count; } CONNECTION;

#define SESSION_SIGNATURE 'sseS' //~ Sess magic
#define CHANNEL_MAGIC 'nahC' //~ Chan magic

static PVOID volatile keep;

NOINLINE static void CacheInitialize(CACHE *cache, ULONG tag, SIZE_T size) {
  memset(cache, 0, sizeof(*cache));
  cache->PoolTag = tag;
  cache->Size = size;
}

NOINLINE static NTSTATUS ExtensionStart(EXTENSION *ext) {
  ext->Cache = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CACHE), 'aCgS'); //= SgCa allocation-call direct
  if (!ext->Cache) return STATUS_INSUFFICIENT_RESOURCES;
  CacheInitialize(ext->Cache, 'bCgS', 0x80); //= SgCb any object-field
  ext->Heap = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(HEAP), 'aHgS'); //= SgHa allocation-call direct
  if (!ext->Heap) return STATUS_INSUFFICIENT_RESOURCES;
  ext->Heap->Self = ext;
  ext->Heap->Tag = 'bHgS'; //= SgHb any object-field
  return STATUS_SUCCESS;
}

NOINLINE static PVOID ExtensionTake(EXTENSION *ext) {
  ext->Cache->Depth++;
  return ExAllocatePoolWithTag(NonPagedPoolNx, ext->Cache->Size, ext->Cache->PoolTag);
}

NOINLINE static PVOID ExtensionHeap(EXTENSION *ext, SIZE_T size) {
  return ExAllocatePoolWithTag(PagedPool, size, ext->Heap->Tag);
}

NOINLINE static NTSTATUS ConnectionStart(CONNECTION *connection) {
  connection->Session = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(SESSION), 'aSgS'); //= SgSa allocation-call direct
  if (!connection->Session) return STATUS_INSUFFICIENT_RESOURCES;
  memset(connection->Session, 0, sizeof(SESSION));
  connection->Session->Signature = SESSION_SIGNATURE;
  connection->Session->Owner = connection;
  connection->Channel = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CHANNEL), 'aNgS'); //= SgNa allocation-call direct
  if (!connection->Channel) return STATUS_INSUFFICIENT_RESOURCES;
  connection->Channel->Self = connection;
  connection->Channel->Magic = CHANNEL_MAGIC;
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS SessionUse(SESSION *session, ULONG state) {
  if (session == NULL || session->Signature != SESSION_SIGNATURE) return STATUS_INSUFFICIENT_RESOURCES;
  session->State = state;
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS ChannelUse(CHANNEL *channel, ULONG flags) {
  if (channel->Magic != CHANNEL_MAGIC) return STATUS_INSUFFICIENT_RESOURCES;
  channel->Flags |= flags;
  return STATUS_SUCCESS;
}

NOINLINE static void ConnectionStop(CONNECTION *connection) {
  if (SessionUse(connection->Session, 3) == STATUS_SUCCESS) {
    connection->Session->Signature = 0;
    ExFreePoolWithTag(connection->Session, 'aSgS');
  }
  if (ChannelUse(connection->Channel, 1) == STATUS_SUCCESS) ExFreePoolWithTag(connection->Channel, 'aNgS');
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  EXTENSION *ext = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(EXTENSION), 'xEgS'); //= SgEx allocation-call direct
  CONNECTION *connection = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CONNECTION), 'oCgS'); //= SgCo allocation-call direct
  (void)driver; (void)path;
  if (!ext || !connection) return STATUS_INSUFFICIENT_RESOURCES;
  if (ExtensionStart(ext) != STATUS_SUCCESS || ConnectionStart(connection) != STATUS_SUCCESS) return STATUS_INSUFFICIENT_RESOURCES;
  keep = ExtensionTake(ext);
  keep = ExtensionHeap(ext, 0x40);
  ConnectionStop(connection);
  keep = connection;
  return STATUS_SUCCESS;
}
