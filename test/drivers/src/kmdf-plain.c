// A KMDF driver that names no tag of its own: KMDF computes one from the service name (here WdfHeater: "Heat").
// image: WdfHeater.sys
#include "kernel.h"

typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; ULONG Major, Minor, Build; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID DeviceAdd, Unload; ULONG Flags, PoolTag; } WDF_DRIVER_CONFIG;

WDFFUNC *WdfFunctions;
PVOID WdfDriverGlobals;
WDF_BIND_INFO BindInfo = {sizeof(BindInfo), (PWSTR)L"KmdfLibrary", 1, 9, 7600, 396, &WdfFunctions, NULL};
typedef NTSTATUS(CALL *CREATE)(PVOID, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, PVOID);
typedef NTSTATUS(CALL *MEMORY)(PVOID, PVOID, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *);

NOINLINE static NTSTATUS CALL DeviceAdd(HANDLE driver, PVOID init) {
  HANDLE memory; /* tag 0: the driver's own */
  return ((MEMORY)WdfFunctions[192])(WdfDriverGlobals, NULL, PagedPool, 0, 100, &memory, NULL);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { //= Heat default-tag wdf-default
  WDF_DRIVER_CONFIG config = {sizeof(config), DeviceAdd, NULL, 0, 0};
  NTSTATUS status = WdfVersionBind(driver, path, &BindInfo, &WdfDriverGlobals);
  if (status < 0) return status;
  return ((CREATE)WdfFunctions[116])(WdfDriverGlobals, driver, path, NULL, &config, NULL);
}
