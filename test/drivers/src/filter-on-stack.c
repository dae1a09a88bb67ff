// A minifilter that fills its registration on the stack and copies of it, and finds newer functions by name.
#include "kernel.h"

typedef struct { USHORT type, flags; PVOID cleanup; SIZE_T size; ULONG tag; PVOID allocate, release, reserved; } CONTEXT;
typedef struct { USHORT size, version; ULONG flags; const CONTEXT *contexts; const void *operations; PVOID callbacks[11]; } REGISTRATION;
typedef PVOID(CALL *ALIGNED)(PVOID instance, ULONG type, SIZE_T size, ULONG tag);
typedef NTSTATUS(CALL *PARAMETER)(PVOID filter, const GUID *type, ULONG size, ULONG flags, PVOID cleanup, ULONG tag, PVOID *out);

static PVOID filter, keep;
static ALIGNED allocate_aligned;
static struct { ULONG version; PARAMETER allocate_parameter; } dynamic;

static void CALL Cleanup(PVOID context, USHORT type) {}

INIT_CODE_SECTION static void FindFunctions(void) {
  allocate_aligned = (ALIGNED)FltGetRoutineAddress("FltAllocatePoolAlignedWithTag");
  dynamic.allocate_parameter = (PARAMETER)FltGetRoutineAddress("FltAllocateExtraCreateParameter");
  dynamic.version = dynamic.allocate_parameter ? 2 : 1;
}

NOINLINE static void UseFunctions(PVOID instance, SIZE_T size) {
  if (allocate_aligned) keep = allocate_aligned(instance, NonPagedPool, size, '1DsF'); //= FsD1 any routine-address
  if (dynamic.version == 2) dynamic.allocate_parameter(filter, NULL, 16, 0, NULL, '2DsF', &keep); //= FsD2 any routine-address
}

NOINLINE static NTSTATUS Register(DRIVER_OBJECT *driver) {
  CONTEXT contexts[3];
  REGISTRATION registration;
  memset(contexts, 0, sizeof(contexts));
  memset(&registration, 0, sizeof(registration));
  contexts[0].type = 2;
  contexts[0].cleanup = Cleanup;
  contexts[0].size = 88;
  contexts[0].tag = '1CsF'; //= FsC1 structure-field filter-context
  contexts[1].type = 8;
  contexts[1].size = 24;
  contexts[1].tag = '2CsF'; //= FsC2 structure-field filter-context
  contexts[2].type = 0xFFFF;
  registration.size = sizeof(registration);
  registration.version = 0x202;
  registration.contexts = contexts;
  return FltRegisterFilter(driver, &registration, &filter);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  FindFunctions();
  UseFunctions(driver->Section, path->Length);
  return Register(driver);
}
