// A KMDF driver as the framework's headers expand it: a bind table, WDF_DRIVER_CONFIG, calls through WdfFunctions.
// image: kmdf-device.sys
#include "kernel.h"

typedef struct { ULONG Major, Minor, Build; } WDF_VERSION;
typedef void (*WDFFUNC)(void);
typedef struct {
  ULONG Size; PWSTR Component; WDF_VERSION Version; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module;
} WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct {
  ULONG Size; PVOID Cleanup, Destroy; ULONG ExecutionLevel, SynchronizationScope; PVOID Parent; SIZE_T ContextSize; const void *TypeInfo;
} WDF_OBJECT_ATTRIBUTES;
typedef struct { ULONG Size; const CHAR *ContextName; SIZE_T ContextSize; PVOID Unique, Get; } WDF_CONTEXT_TYPE;

enum { DriverCreate = 116, MemoryCreate = 192, MemoryCreatePreallocated = 193, LookasideListCreate = 198, ObjectReferenceActual = 205, ObjectDereferenceActual = 206, ObjectDelete = 208, DeviceCreate = 75, RequestCreate = 256 };

static WDFFUNC *WdfFunctions_01015;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO WdfBindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", {1, 15, 0}, 444, &WdfFunctions_01015, NULL};
static const WDF_CONTEXT_TYPE deviceContext = {sizeof(WDF_CONTEXT_TYPE), "DEVICE_CONTEXT", 56};
static HANDLE driverHandle, lookaside, memory;

#define WDF(result, index, ...) ((result(CALL *)(__VA_ARGS__))WdfFunctions_01015[index])

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *attributes, ULONG type, ULONG tag, SIZE_T size, HANDLE *out, PVOID *buffer) {
  return WDF(NTSTATUS, MemoryCreate, PVOID, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *)(
    WdfDriverGlobals, attributes, type, tag, size, out, buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *a, SIZE_T size, ULONG type, WDF_OBJECT_ATTRIBUTES *m, ULONG tag, HANDLE *out) {
  return WDF(NTSTATUS, LookasideListCreate, PVOID, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, HANDLE *)(
    WdfDriverGlobals, a, size, type, m, tag, out);
}
ALWAYS_INLINE void WdfObjectReferenceWithTag(HANDLE object, PVOID tag) {
  WDF(void, ObjectReferenceActual, PVOID, HANDLE, PVOID, LONG, const CHAR *)(WdfDriverGlobals, object, tag, 60, "device.c");
}

NOINLINE static NTSTATUS CALL EvtDeviceAdd(HANDLE driver, PVOID init) {
  WDF_OBJECT_ATTRIBUTES attributes;
  PVOID buffer;
  NTSTATUS status;
  memset(&attributes, 0, sizeof(attributes));
  attributes.Size = sizeof(attributes);
  attributes.TypeInfo = &deviceContext;
  attributes.ContextSize = 64;
  status = WdfMemoryCreate(&attributes, NonPagedPoolNx, '1MdK', 4096, &memory, &buffer); //= KdM1 framework-call wdf-function
  if (status < 0) return status;
  status = WdfMemoryCreate(NULL, PagedPool, '2MdK', 64, &memory, NULL); //= KdM2 framework-call wdf-function
  if (status < 0) return status;
  status = WdfLookasideListCreate(NULL, 128, NonPagedPoolNx, NULL, '1LdK', &lookaside); //= KdL1 framework-call wdf-function
  if (status >= 0) WdfObjectReferenceWithTag(lookaside, (PVOID)(ULONG_PTR)'1RdK'); //~ KdR1 wdf-reference
  return status;
}

NOINLINE static NTSTATUS CreateBuffer(HANDLE *out, SIZE_T size, ULONG tag) {
  return WdfMemoryCreate(NULL, PagedPool, tag, size, out, NULL);
}

NOINLINE static NTSTATUS DriverMain(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  WDF_DRIVER_CONFIG config;
  NTSTATUS status;
  memset(&config, 0, sizeof(config));
  config.Size = sizeof(config);
  config.EvtDriverDeviceAdd = EvtDeviceAdd;
  config.DriverPoolTag = '1CdK'; //= KdC1 structure-field wdf-config
  status = WDF(NTSTATUS, DriverCreate, PVOID, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, HANDLE *)(
    WdfDriverGlobals, driver, path, NULL, &config, &driverHandle);
  if (status < 0) return status;
  if (CreateBuffer(&memory, 16, '3MdK') < 0) return -1; //= KdM3 framework-call wdf-function
  return CreateBuffer(&memory, 32, '4MdK'); //= KdM4 framework-call wdf-function
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = WdfVersionBind(driver, path, &WdfBindInfo, &WdfDriverGlobals);
  if (status < 0) return status;
  status = DriverMain(driver, path);
  if (status < 0) WdfVersionUnbind(path, &WdfBindInfo, WdfDriverGlobals);
  return status;
}
