// A storage miniport: StorPortAllocatePool is inlined into StorPortExtendedFunction with code 0; other codes take no tag.
#include "kernel.h"

enum { ExtFunctionAllocatePool = 0, ExtFunctionFreePool, ExtFunctionAllocateMdl, ExtFunctionLogEvent = 12, ExtFunctionAllocateContiguous = 26 };

ALWAYS_INLINE ULONG StorPortAllocatePool(PVOID extension, ULONG size, ULONG tag, PVOID *out) {
  return StorPortExtendedFunction(ExtFunctionAllocatePool, extension, size, tag, out);
}
ALWAYS_INLINE ULONG StorPortFreePool(PVOID extension, PVOID p) { return StorPortExtendedFunction(ExtFunctionFreePool, extension, p); }

typedef struct { PVOID queue, completion, log; ULONG depth; } UNIT;
static ULONG volatile code;

NOINLINE static BOOLEAN InitializeUnit(PVOID extension, UNIT *unit) {
  if (StorPortAllocatePool(extension, 4096, 'qPtS', &unit->queue)) return FALSE; //= StPq any storport-pool
  if (StorPortAllocatePool(extension, unit->depth * 16, 'cPtS', &unit->completion)) { //= StPc any storport-pool
    StorPortFreePool(extension, unit->queue);
    return FALSE;
  }
  return TRUE;
}

NOINLINE static ULONG Allocate(PVOID extension, ULONG size, ULONG tag, PVOID *out) {
  ULONG status = StorPortAllocatePool(extension, size, tag, out);
  if (status == 0) memset(*out, 0, size);
  return status;
}

NOINLINE static void Log(PVOID extension, UNIT *unit) {
  StorPortExtendedFunction(ExtFunctionLogEvent, extension, 16, 'gLtS', unit); //~ StLg other-code
  StorPortExtendedFunction(ExtFunctionAllocateMdl, extension, unit->queue, 'mLtS', &unit->log); //~ StLm other-code
  StorPortExtendedFunction(ExtFunctionAllocateContiguous, extension, 4096, 'nLtS', unit); //~ StLn other-code
  StorPortNotification(3, extension, 'nNtS', 'oNtS'); //~ StNn not-an-allocator //~ StNo not-an-allocator
  StorPortExtendedFunction(code, extension, 64, 'xLtS', unit); //? StLx a code that is not known
}

static BOOLEAN CALL FindAdapter(PVOID extension, UNIT *unit) {
  PVOID p;
  if (!InitializeUnit(extension, unit)) return FALSE;
  Log(extension, unit);
  if (Allocate(extension, 512, '1AtS', &p)) return FALSE; //= StA1 wrapper-call wrapper
  return Allocate(extension, 128, '2AtS', &p) == 0; //= StA2 wrapper-call wrapper
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG_PTR data[20];
  memset(data, 0, sizeof(data));
  data[1] = (ULONG_PTR)FindAdapter;
  return (NTSTATUS)StorPortInitialize(driver, path, data, NULL);
}
