// A network security driver: a WFP callout with NDIS pools whose parameters are filled field by field, helper threads' contexts, KMDF
// for its control device, a recorder log, minifilter contexts on the stack; GUIDs, layer keys and protocol words around them.
// image: net-callout.sys
#include "kernel.h"

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN fAllocateNetBuffer; USHORT ContextSize; ULONG PoolTag; ULONG DataSize; ULONG Flags; } NBL_POOL;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG PoolTag; ULONG DataSize; } NB_POOL;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } TIMER;
typedef struct { GUID key; ULONG flags; PVOID classify, notify, flowDelete; } CALLOUT;
typedef struct { ULONG Size, LogTag, LogTypeFlags; ULONG TotalBufferSize, ErrorPartitionSize; CHAR LogIdentifier[16]; } RECORDER;
typedef struct { ULONG64 flow; LIST_ENTRY link; ULONG tag; ULONG protocol; PVOID payload; SIZE_T length; } FLOW;
typedef struct { HANDLE nbl[2], nb, timer, injection; ULONG callouts[4]; LOOKASIDE flows; PVOID log; ULONG version; } STATE;

static STATE state;
static PVOID volatile keep;
static const GUID layer_keys[] = {
  {0xe1cd9fe7, 0xf4b5, 0x4273, {0x96, 0xc0, 0x59, 0x2e, 'W', 'f', 'p', 'A'}}, //~ WfpA guid
  {'BpfW', 0x8b4f, 0x4f2d, {0x81, 0x22, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06}}, //~ WfpB guid
};

/* --- NDIS pools ---------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static HANDLE CreateListPool(ULONG tag, USHORT context, ULONG size) { /* a wrapper that fills the structure */
  NBL_POOL parameters;
  memset(&parameters, 0, sizeof(parameters));
  parameters.Header.Type = 0x80;
  parameters.Header.Revision = 1;
  parameters.Header.Size = sizeof(parameters);
  parameters.fAllocateNetBuffer = TRUE;
  parameters.ContextSize = context;
  parameters.PoolTag = tag;
  parameters.DataSize = size;
  return NdisAllocateNetBufferListPool(NULL, &parameters);
}
NOINLINE static NTSTATUS CreatePools(void) {
  NB_POOL buffers = {{0x80, 1, sizeof(NB_POOL)}, 'bNcN', 2048}; //= NcNb structure-field ndis-parameters
  NBL_POOL plain;
  UCHAR *raw = (UCHAR *)&plain;
  state.nbl[0] = CreateListPool('1LcN', 64, 0); //= NcL1 any ndis-wrapper
  state.nbl[1] = CreateListPool('2LcN', 0, 1514); //= NcL2 any ndis-wrapper
  state.nb = NdisAllocateNetBufferPool(NULL, &buffers);
  if (!state.nb) return STATUS_INSUFFICIENT_RESOURCES;
  memset(raw, 0, sizeof(plain));
  plain.Header.Type = 0x80;
  plain.PoolTag = 'pNcN'; //= NcNp structure-field ndis-parameters
  plain.Flags = 'galF'; //~ Flag magic
  keep = NdisAllocateNetBufferListPool(state.injection, &plain);
  return state.nbl[0] && state.nbl[1] ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void CALL Tick(PVOID a, PVOID b, PVOID c, PVOID d) { state.version++; }
NOINLINE static NTSTATUS CreateTimer(void) {
  TIMER timer;
  timer.Header.Type = 0x97;
  timer.Header.Revision = 1;
  timer.Header.Size = sizeof(timer);
  timer.AllocationTag = 'mTcN'; //= NcTm structure-field ndis-parameters
  timer.TimerFunction = Tick;
  timer.FunctionContext = &state;
  return NdisAllocateTimerObject(state.injection, &timer, &state.timer);
}

/* --- flows ------------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static FLOW *CreateFlow(ULONG64 id, ULONG protocol, SIZE_T length) {
  FLOW *flow = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(FLOW), 'wFcN'); //= NcFw allocation-call direct
  if (!flow) return NULL;
  memset(flow, 0, sizeof(*flow));
  flow->flow = id;
  flow->protocol = protocol;
  flow->tag = protocol == 6 ? 'tPcN' : protocol == 17 ? 'uPcN' : 'xPcO'; //= NcPt any object-field //= NcPu any object-field //= OcPx any object-field
  flow->length = length;
  return flow;
}
NOINLINE static NTSTATUS CopyPayload(FLOW *flow, const UCHAR *bytes) {
  flow->payload = ExAllocatePoolWithTag(NonPagedPoolNx, flow->length, flow->tag);
  if (!flow->payload) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(flow->payload, bytes, flow->length);
  if (flow->length > 4 && *(const ULONG *)bytes == ' TEG') flow->protocol = 'ptth'; //~ "GET " magic //~ http magic
  else if (*(const ULONG *)bytes == 'TSOP') flow->protocol = 'dnes'; //~ POST magic //~ send magic
  return STATUS_SUCCESS;
}
NOINLINE static void DeleteFlow(FLOW *flow) {
  if (flow->payload) ExFreePoolWithTag(flow->payload, flow->tag);
  ExFreePoolWithTag(flow, 'wFcN');
}

/* --- the callout ---------------------------------------------------------------------------------------------------------------------------------- */
static void CALL Classify(const PVOID values, const PVOID meta, PVOID data, const PVOID filter, ULONG64 context, ULONG *out) {
  PVOID list = NULL;
  FLOW *flow = CreateFlow(context, ((ULONG *)values)[2], ((ULONG *)meta)[4]);
  out[0] = 'kolB'; //~ Blok magic
  if (!flow) return;
  if (CopyPayload(flow, data) < 0) {
    DeleteFlow(flow);
    return;
  }
  FwpsAllocateNetBufferAndNetBufferList0(state.nbl[0], 0, 0, NULL, 'sffO', flow->length, &list); //~ Offs not-an-allocator
  if (list) NdisAllocateNetBufferListContext(list, 32, 0, 'xCcN'); //= NcCx allocation-call direct
  FwpsFlowAssociateContext0(context, 20, 'llaC', (ULONG_PTR)flow); //~ Call not-an-allocator
}
NOINLINE static NTSTATUS RegisterCallouts(DEVICE_OBJECT *device) {
  CALLOUT callout;
  ULONG i;
  NTSTATUS status = STATUS_SUCCESS;
  memset(&callout, 0, sizeof(callout));
  callout.classify = Classify;
  for (i = 0; i < 2 && status >= 0; i++) {
    callout.key = layer_keys[i];
    status = FwpsCalloutRegister1(device, &callout, &state.callouts[i]);
  }
  if (status >= 0) status = FwpsInjectionHandleCreate0(2, 'jnI', &state.injection); //~ "Inj\u0000" not-an-allocator
  return status;
}

/* --- the log ---------------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS CreateLog(void) {
  RECORDER parameters = {sizeof(RECORDER), 'gLcN', 0, 8192, 1024, "NetCallout"}; //= NcLg any log-parameters
  return WppRecorderLogCreate(&parameters, &state.log);
}

/* --- the framework ------------------------------------------------------------------------------------------------------------------------------------ */
typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; ULONG Version[3]; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } BIND;
typedef struct { ULONG Size; PVOID DeviceAdd, Unload; ULONG Flags, Tag; } CONFIG;
static WDFFUNC *WdfFunctions_01033;
static PVOID WdfDriverGlobals;
static BIND bind = {sizeof(BIND), (PWSTR)L"KmdfLibrary", {1, 33, 0}, 458, &WdfFunctions_01033, NULL};
#define WDF(result, index, ...) ((result(CALL *)(PVOID, __VA_ARGS__))WdfFunctions_01033[index])
ALWAYS_INLINE NTSTATUS WdfMemoryCreate(PVOID attributes, ULONG type, ULONG tag, SIZE_T size, HANDLE *out, PVOID *buffer) {
  return WDF(NTSTATUS, 192, PVOID, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *)(WdfDriverGlobals, attributes, type, tag, size, out, buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(PVOID a, SIZE_T size, ULONG type, PVOID m, ULONG tag, HANDLE *out) {
  return WDF(NTSTATUS, 198, PVOID, SIZE_T, ULONG, PVOID, ULONG, HANDLE *)(WdfDriverGlobals, a, size, type, m, tag, out);
}
ALWAYS_INLINE NTSTATUS WdfDeviceStopIdle(HANDLE device, BOOLEAN wait, PVOID tag) {
  return WDF(NTSTATUS, 44, HANDLE, BOOLEAN, PVOID, LONG, const CHAR *)(WdfDriverGlobals, device, wait, tag, 90, "idle.c");
}
ALWAYS_INLINE NTSTATUS WdfRegistryQueryULong(HANDLE key, PVOID name, ULONG *value) {
  return WDF(NTSTATUS, 233, HANDLE, PVOID, ULONG *)(WdfDriverGlobals, key, name, value);
}
typedef struct { HANDLE memory, list; PVOID buffer; ULONG value; } CONTROL;
NOINLINE static NTSTATUS OpenControl(CONTROL *control, SIZE_T size, BOOLEAN big) {
  NTSTATUS status = WdfMemoryCreate(NULL, NonPagedPoolNx, big ? 'bWcN' : 'sXdO', size, &control->memory, &control->buffer); //= NcWb framework-call wdf-function //= OdXs framework-call wdf-function
  if (status < 0) return status;
  status = WdfLookasideListCreate(NULL, 96, PagedPool, NULL, 'lWcN', &control->list); //= NcWl framework-call wdf-function
  if (status < 0) return status;
  WdfDeviceStopIdle(control->list, TRUE, (PVOID)(ULONG_PTR)'eldI'); //~ Idle wdf-reference
  return WdfRegistryQueryULong(control->memory, NULL, &control->value);
}
NOINLINE static NTSTATUS CreateBuffer(SIZE_T size, ULONG tag, CONTROL *control) {
  if (size > 65536) return STATUS_INVALID_PARAMETER;
  return WdfMemoryCreate(NULL, PagedPool, tag, size, &control->memory, NULL);
}
NOINLINE static NTSTATUS CreateFramework(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  CONFIG config = {sizeof(CONFIG), NULL, NULL, 1, 'vDcN'}; //= NcDv structure-field wdf-config
  CONTROL control;
  NTSTATUS status = WDF(NTSTATUS, 116, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, CONFIG *, HANDLE *)(WdfDriverGlobals, driver, path, NULL, &config, NULL);
  if (status < 0) return status;
  control.value = 'lrtC'; //~ Ctrl magic
  status = OpenControl(&control, path->Length, driver->Flags & 1);
  if (status < 0) return status;
  status = CreateBuffer(path->Length, '1BcN', &control); //= NcB1 framework-call wdf-function
  return status < 0 ? status : CreateBuffer(64, '2BcN', &control); //= NcB2 framework-call wdf-function
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  WdfVersionUnbind(&driver->Name, &bind, WdfDriverGlobals);
  ExDeleteNPagedLookasideList(&state.flows);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = WdfVersionBind(driver, path, &bind, &WdfDriverGlobals);
  if (status < 0) return status;
  driver->Unload = Unload;
  ExInitializeNPagedLookasideList(&state.flows, NULL, NULL, 0, sizeof(FLOW), 'oFcN', 0); //= NcFo lookaside-init lookaside
  status = CreateLog();
  if (status >= 0) status = CreateFramework(driver, path);
  if (status >= 0) status = CreatePools();
  if (status >= 0) status = CreateTimer();
  return status < 0 ? status : RegisterCallouts(driver->Device);
}
