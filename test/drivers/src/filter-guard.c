// An antivirus vendor's minifilter: contexts registered from the stack, with and without callbacks, names and messages in pool memory,
// work under structured exception handling, options read from the registry; magic, FourCC and firmware words among them.
#include "kernel.h"

#if defined(__clang__)
#define TRY __try
#define EXCEPT __except (1)
#define FINALLY __finally
#else /* mingw's C has none: the code runs in line */
#define TRY if (1)
#define EXCEPT else
#define FINALLY
#endif

typedef struct { USHORT ContextType, Flags; PVOID Cleanup; SIZE_T Size; ULONG PoolTag; PVOID Allocate, Free, Reserved; } CONTEXT;
typedef struct { USHORT Size, Version; ULONG Flags; const CONTEXT *Contexts; const void *Operations; PVOID Unload, Setup, Query, Start, Complete, Names[6]; } REGISTRATION;
typedef struct { UCHAR Major; ULONG Flags; PVOID Pre, Post, Reserved; } OPERATION;
typedef struct { ULONG Magic, Version, Command, Length; ULONG_PTR Cookie; } MESSAGE;
typedef struct { UNICODE_STRING Name; ULONG Flags, Hash; } NAME_CONTEXT;
#define STREAM_TAG 'sSgF' //= FgSs structure-field filter-context
#define NAME_TAG 'mNgF' //= FgNm allocation-call direct
#define MESSAGE_TAG 'gMgF' //= FgMg allocation-call direct

static PVOID filter, port;
static PVOID volatile keep;
static ULONG volatile state;

/* --- contexts ----------------------------------------------------------------------------------------------------------------------------- */
static void CALL Cleanup(PVOID context, USHORT type) {
  NAME_CONTEXT *name = context;
  if (name->Name.Buffer) ExFreePoolWithTag(name->Name.Buffer, NAME_TAG);
}
static PVOID CALL AllocateContext(ULONG type, SIZE_T size, USHORT kind) {
  return ExAllocatePoolWithTag(type, size, kind == 2 ? 'iCgF' : 'fDhG'); //= FgCi allocation-call ternary //= GhDf allocation-call ternary
}
static void CALL FreeContext(PVOID p, USHORT kind) { ExFreePool(p); }
static NTSTATUS CALL PreOperation(PVOID data, PVOID objects, PVOID *context) {
  keep = FltAllocatePoolAlignedWithTag(objects, PagedPool, 4096, 'bPgF'); //= FgPb allocation-call direct
  *context = keep;
  return keep ? 0 : 1;
}
static NTSTATUS CALL PostOperation(PVOID data, PVOID objects, PVOID context, ULONG flags) {
  if (context) FltFreePoolAlignedWithTag(objects, context, 'fPgF'); //= FgPf free-call free
  return 0;
}
static const OPERATION operations[] = {{0, 0, PreOperation, PostOperation}, {6, 0, PreOperation, NULL}, {0x80}};

NOINLINE static NTSTATUS RegisterWithStack(DRIVER_OBJECT *driver, ULONG options) { /* sizes and tags are known at run time only */
  CONTEXT contexts[4];
  REGISTRATION registration;
  memset(contexts, 0, sizeof(contexts));
  memset(&registration, 0, sizeof(registration));
  contexts[0].ContextType = 8;
  contexts[0].Cleanup = Cleanup;
  contexts[0].Size = sizeof(NAME_CONTEXT) + options;
  contexts[0].PoolTag = STREAM_TAG;
  contexts[1].ContextType = 2;
  contexts[1].Size = 64;
  contexts[1].PoolTag = 'iIgF'; //= FgIi structure-field filter-context
  contexts[2].ContextType = 4;
  contexts[2].Size = 48;
  contexts[2].PoolTag = 'xIgF'; //~ FgIx ignored-context
  contexts[2].Allocate = AllocateContext;
  contexts[2].Free = FreeContext;
  contexts[3].ContextType = 0xFFFF;
  registration.Size = sizeof(registration);
  registration.Version = 0x203;
  registration.Contexts = contexts;
  registration.Operations = operations;
  return FltRegisterFilter(driver, &registration, &filter);
}

/* --- names, under exception handling ---------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS CaptureName(const UNICODE_STRING *from, NAME_CONTEXT *to) { /* the caller's buffer may be gone */
  NTSTATUS status = STATUS_SUCCESS;
  to->Name.Buffer = NULL;
  TRY {
    USHORT length = from->Length;
    to->Name.Buffer = ExAllocatePoolWithQuotaTag(PagedPool, length + 2, NAME_TAG);
    memcpy(to->Name.Buffer, from->Buffer, length);
    to->Name.Length = length;
    to->Hash = 'hsaH' ^ length; //~ Hash magic
  } EXCEPT {
    if (to->Name.Buffer) ExFreePoolWithTag(to->Name.Buffer, 'xEgF'); //= FgEx free-call seh-handler clang
    to->Name.Buffer = NULL;
    status = STATUS_INVALID_PARAMETER;
  }
  return status;
}
NOINLINE static NTSTATUS SendWithRetry(MESSAGE *message, SIZE_T size) {
  PVOID reply = NULL;
  NTSTATUS status = STATUS_SUCCESS;
  TRY {
    ULONG tries;
    for (tries = 0; tries < 3; tries++) {
      reply = ExAllocatePoolWithTag(PagedPool, size << tries, 'yRgF'); //= FgRy allocation-call direct
      if (reply) break;
      KeStallExecutionProcessor(tries);
    }
    message->Magic = 'GSMF'; //~ FMSG magic
    memcpy(reply, message, size);
  } FINALLY {
    if (reply) ExFreePoolWithTag(reply, 'zRgF'); //= FgRz free-call seh-handler
  }
  return status;
}

/* --- messages ------------------------------------------------------------------------------------------------------------------------------------ */
NOINLINE static NTSTATUS Answer(const MESSAGE *input, MESSAGE **out) {
  MESSAGE *answer;
  if (input->Magic != 'GSMF' || input->Version != '10.2') return STATUS_INVALID_PARAMETER; //~ "2.01" magic
  switch (input->Command) {
    case 'nepo': state = 1; break; //~ open magic
    case 'solc': state = 2; break; //~ clos magic
    case 'yreq': state |= 4; break; //~ qery magic
    case 0x80002000 | ('F' << 16): state = 'lrtc'; break; //~ ctrl magic
    default: return STATUS_NOT_SUPPORTED;
  }
  answer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(MESSAGE) + input->Length, MESSAGE_TAG);
  if (!answer) return STATUS_INSUFFICIENT_RESOURCES;
  answer->Magic = 'RSNA'; //~ ANSR magic
  answer->Length = input->Length;
  *out = answer;
  return STATUS_SUCCESS;
}

/* --- firmware tables and registry values: words of four letters that allocate nothing -------------------------------------------------------------- */
typedef struct { ULONG Provider, Action, TableId, Length; UCHAR Buffer[4]; } FIRMWARE;
NOINLINE static NTSTATUS ReadFirmware(ULONG id) {
  FIRMWARE *table = ExAllocatePoolWithTag(PagedPool, sizeof(FIRMWARE) + 4096, 'wFgF'); //= FgFw allocation-call direct
  ULONG needed;
  NTSTATUS status;
  if (!table) return STATUS_INSUFFICIENT_RESOURCES;
  table->Provider = 'ACPI'; //~ IPCA firmware-table
  table->Action = 1;
  table->TableId = id ? 'TDSD' : 'BMSR'; //~ DSDT firmware-table //~ RSMB firmware-table
  table->Length = 4096;
  status = ZwQuerySystemInformation(76, table, sizeof(FIRMWARE) + 4096, &needed);
  if (status >= 0 && *(ULONG *)table->Buffer == 'PCAF') state |= 8; //~ FACP firmware-table
  ExFreePoolWithTag(table, 'wFgF');
  return status;
}
NOINLINE static ULONG VideoFormat(ULONG format) {
  switch (format) {
    case '2YUY': return 16; //~ YUY2 firmware-table
    case '21VN': case '21VY': return 12; //~ NV12 firmware-table //~ YV12 firmware-table
    case 'GPJM': return 0; //~ MJPG firmware-table
    default: return 'nknU'; //~ Unkn magic
  }
}
NOINLINE static NTSTATUS QueryOption(HANDLE key, ULONG kind) {
  ULONG value[4];
  ULONG needed = 0;
  UNICODE_STRING name = {8, 10, (PWSTR)u"FgOp"};
  NTSTATUS status = ZwQueryValueKey(key, &name, 2, value, sizeof(value), &needed);
  if (status < 0 || value[1] != kind) return status;
  return value[3] == 'slaF' ? STATUS_NOT_SUPPORTED : EtwWrite(value[2], "FgEvent", NULL, 'twtE', NULL); //~ Fals magic //~ Etwt not-an-allocator
}
NOINLINE static void Never(SIZE_T size) { /* a build option that is off: the call is there, nothing reaches it */
  if (size == (SIZE_T)-5 && (size & 1) == 0) keep = ExAllocatePoolWithTag(PagedPool, size, 'aDgF'); //? FgDa unreachable
}

static void CALL Unload(DRIVER_OBJECT *driver) { FltUnregisterFilter(filter); }

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  MESSAGE message = {'GSMF', '10.2', path->Length, 0, 0}, *answer = NULL;
  NAME_CONTEXT name;
  NTSTATUS status;
  driver->Unload = Unload;
  message.Length = driver->Flags;
  status = RegisterWithStack(driver, path->Length);
  if (status >= 0) status = CaptureName(path, &name);
  if (status >= 0) status = Answer(&message, &answer);
  if (status >= 0) status = SendWithRetry(answer, path->Length);
  if (status >= 0) status = ReadFirmware(path->MaximumLength);
  Never(path->Length);
  if (status >= 0) status = QueryOption(driver->Section, VideoFormat(driver->Flags));
  return status < 0 ? status : FltStartFiltering(filter);
}
