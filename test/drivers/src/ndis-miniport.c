// A network miniport: pools by parameter structures, a timer object, send and receive control blocks.
#include "kernel.h"

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct {
  NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag; ULONG DataSize; ULONG Flags;
} NET_BUFFER_LIST_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG PoolTag; ULONG DataSize; } NET_BUFFER_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } NDIS_TIMER_CHARACTERISTICS;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR major, minor, a, b; ULONG flags; PVOID handlers[20]; } MINIPORT_CHARACTERISTICS;

#define ADAPTER_TAG 'aMnE' /* EnMa */

typedef struct { LIST_ENTRY free; PVOID data; ULONG length; } RCB;
typedef struct {
  HANDLE ndis, nblPool, nbPool, constantPool, timer, constantTimer;
  LOOKASIDE receive;
  UCHAR address[6];
  RCB *blocks;
  ULONG speed;
} ADAPTER;

static HANDLE miniport;

static const NET_BUFFER_LIST_POOL_PARAMETERS constant_pool = {
  {0x80, 1, sizeof(NET_BUFFER_LIST_POOL_PARAMETERS)}, 0, TRUE, 64, 'cPnE', 1514}; //= EnPc structure-field ndis-parameters

static void CALL TimerTick(PVOID system, PVOID context, PVOID a, PVOID b) { ((ADAPTER *)context)->speed++; }
static const NDIS_TIMER_CHARACTERISTICS constant_timer = {{0x97, 1, sizeof(NDIS_TIMER_CHARACTERISTICS)}, 'cTnE', TimerTick, NULL}; //= EnTc structure-field ndis-parameters

NOINLINE static NTSTATUS CreatePools(ADAPTER *adapter) {
  NET_BUFFER_LIST_POOL_PARAMETERS lists;
  NET_BUFFER_POOL_PARAMETERS buffers;
  memset(&lists, 0, sizeof(lists));
  lists.Header.Type = 0x80;
  lists.Header.Revision = 1;
  lists.Header.Size = sizeof(lists);
  lists.AllocateNetBuffer = TRUE;
  lists.PoolTag = 'lPnE'; //= EnPl structure-field ndis-parameters
  lists.DataSize = 0;
  adapter->nblPool = NdisAllocateNetBufferListPool(adapter->ndis, &lists);
  if (!adapter->nblPool) return STATUS_INSUFFICIENT_RESOURCES;
  buffers.Header.Type = 0x80;
  buffers.Header.Revision = 1;
  buffers.Header.Size = sizeof(buffers);
  buffers.PoolTag = 'bPnE'; //= EnPb structure-field ndis-parameters
  buffers.DataSize = 2048;
  adapter->nbPool = NdisAllocateNetBufferPool(adapter->ndis, &buffers);
  adapter->constantPool = NdisAllocateNetBufferListPool(adapter->ndis, &constant_pool);
  return adapter->nbPool ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static NTSTATUS CreateTimer(ADAPTER *adapter) {
  NDIS_TIMER_CHARACTERISTICS timer = {{0x97, 1, sizeof(timer)}, 'tTnE', TimerTick, adapter}; //= EnTt structure-field ndis-parameters
  NTSTATUS status = NdisAllocateTimerObject(adapter->ndis, &timer, &adapter->timer);
  if (status) return status;
  return NdisAllocateTimerObject(adapter->ndis, &constant_timer, &adapter->constantTimer);
}

NOINLINE static NTSTATUS CreateBlocks(ADAPTER *adapter, ULONG count) {
  ULONG i;
  adapter->blocks = NdisAllocateMemoryWithTagPriority(adapter->ndis, count * sizeof(RCB), 'rMnE', 16); //= EnMr allocation-call direct
  if (!adapter->blocks) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < count; i++) {
    RCB *block = &adapter->blocks[i];
    if (NdisAllocateMemoryWithTag(&block->data, 1600, 'dMnE')) return STATUS_INSUFFICIENT_RESOURCES; //= EnMd allocation-call direct
    block->length = 0;
  }
  NdisInitializeNPagedLookasideList(&adapter->receive, NULL, NULL, 0, sizeof(RCB), 'kMnE', 0); //= EnMk lookaside-init lookaside
  return STATUS_SUCCESS;
}

NOINLINE static void FreeAdapter(ADAPTER *adapter, ULONG count) {
  while (count--) if (adapter->blocks[count].data) NdisFreeMemoryWithTag(adapter->blocks[count].data, 'fMnE'); //= EnMf free-call free
  if (adapter->blocks) NdisFreeMemoryWithTagPriority(adapter->ndis, adapter->blocks, 'gMnE'); //= EnMg free-call free
  NdisFreeMemoryWithTag(adapter, ADAPTER_TAG);
}

static NTSTATUS CALL Initialize(HANDLE handle, HANDLE context, const USHORT *parameters) {
  ADAPTER *adapter = NdisAllocateMemoryWithTagPriority(handle, sizeof(ADAPTER), ADAPTER_TAG, 0); //= EnMa allocation-call direct
  NTSTATUS status;
  if (!adapter) return STATUS_INSUFFICIENT_RESOURCES;
  memset(adapter, 0, sizeof(*adapter));
  adapter->ndis = handle;
  adapter->speed = parameters[1] == 0x4E45 ? 100 : 10;
  status = CreatePools(adapter);
  if (!status) status = CreateTimer(adapter);
  if (!status) status = CreateBlocks(adapter, 32);
  if (status) FreeAdapter(adapter, 32);
  return status;
}

static NTSTATUS CALL OidRequest(ADAPTER *adapter, PVOID request) {
  PVOID clone;
  NTSTATUS status = NdisAllocateCloneOidRequest(adapter->ndis, request, 'oMnE', &clone); //= EnMo allocation-call direct
  return status ? status : ((ULONG *)clone)[1] == 'enE\0' ? 1 : 0;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  MINIPORT_CHARACTERISTICS characteristics;
  memset(&characteristics, 0, sizeof(characteristics));
  characteristics.Header.Type = 0x8A;
  characteristics.Header.Size = sizeof(characteristics);
  characteristics.major = 6;
  characteristics.handlers[0] = Initialize;
  characteristics.handlers[5] = OidRequest;
  return NdisMRegisterMiniportDriver(driver, path, NULL, &characteristics, &miniport);
}
