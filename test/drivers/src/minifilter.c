// A file system minifilter in the usual shape: registration tables, contexts, work items, a message port's names.
#include "kernel.h"

#define FLT_VOLUME_CONTEXT 1
#define FLT_INSTANCE_CONTEXT 2
#define FLT_FILE_CONTEXT 4
#define FLT_STREAM_CONTEXT 8
#define FLT_STREAMHANDLE_CONTEXT 16
#define FLT_CONTEXT_END 0xFFFF
#define NAME_TAG 'nMfS' //= SfMn allocation-call direct
#define BUFFER_TAG 'bMfS' //= SfMb allocation-call direct
#define WORK_TAG 'wMfS' //= SfMw lookaside-init lookaside

typedef struct {
  USHORT ContextType;
  USHORT Flags;
  PVOID CleanupCallback;
  SIZE_T Size;
  ULONG PoolTag;
  PVOID AllocateCallback;
  PVOID FreeCallback;
  PVOID Reserved;
} FLT_CONTEXT_REGISTRATION;

typedef struct { UCHAR MajorFunction; ULONG Flags; PVOID PreOperation, PostOperation, Reserved; } FLT_OPERATION_REGISTRATION;

typedef struct {
  USHORT Size, Version;
  ULONG Flags;
  const FLT_CONTEXT_REGISTRATION *ContextRegistration;
  const FLT_OPERATION_REGISTRATION *OperationRegistration;
  PVOID FilterUnload, InstanceSetup, QueryTeardown, TeardownStart, TeardownComplete;
  PVOID GenerateFileName, NormalizeName, NormalizeCleanup, Transaction, NormalizeEx, SectionNotification;
} FLT_REGISTRATION;

typedef struct { UNICODE_STRING volume; LOOKASIDE work; ULONG sectorSize; } INSTANCE;

static PVOID filter;
static LOOKASIDE workItems;

NOINLINE static void CALL ContextCleanup(PVOID context, USHORT type) {
  INSTANCE *instance = context;
  if (type == FLT_INSTANCE_CONTEXT && instance->volume.Buffer) {
    ExFreePoolWithTag(instance->volume.Buffer, NAME_TAG);
    instance->volume.Buffer = NULL;
  }
}

static PVOID CALL AllocateOwnContext(ULONG type, SIZE_T size, USHORT kind) {
  return ExAllocatePoolWithTag(type, size + kind, 'oMfS'); //= SfMo allocation-call direct
}
static void CALL FreeOwnContext(PVOID p, USHORT kind) { ExFreePoolWithTag(p, 'oMfS'); }

static const FLT_CONTEXT_REGISTRATION contexts[] = {
  {FLT_INSTANCE_CONTEXT, 0, ContextCleanup, sizeof(INSTANCE), 'iCfS'}, //= SfCi structure-field filter-context
  {FLT_STREAM_CONTEXT, 0, ContextCleanup, 48, 'sCfS'}, //= SfCs structure-field filter-context
  {FLT_FILE_CONTEXT, 0, NULL, (SIZE_T)-1, 'fCfS'}, //= SfCf structure-field filter-context
  {FLT_STREAMHANDLE_CONTEXT, 0, NULL, 32, 'hCfS', AllocateOwnContext, FreeOwnContext}, //~ SfCh ignored-context
  {FLT_VOLUME_CONTEXT, 1, ContextCleanup, 64, 'vCfS'}, //= SfCv structure-field filter-context
  {FLT_CONTEXT_END},
};

NOINLINE static NTSTATUS CALL PreCreate(PVOID data, PVOID objects, PVOID *context) {
  PUCHAR buffer = FltAllocatePoolAlignedWithTag(objects, NonPagedPool, 4096, BUFFER_TAG);
  if (buffer == NULL) return 1;
  buffer[0] = *(PUCHAR)data;
  *context = buffer;
  return 0;
}

NOINLINE static NTSTATUS CALL PostCreate(PVOID data, PVOID objects, PVOID context, ULONG flags) {
  if (context) FltFreePoolAlignedWithTag(objects, context, BUFFER_TAG);
  return flags == 1 ? 0 : 1;
}

static const FLT_OPERATION_REGISTRATION operations[] = {
  {0, 0, PreCreate, PostCreate}, {3, 1, PreCreate, PostCreate}, {4, 'sgO\0', NULL, PostCreate}, {0x80},
};

static NTSTATUS CALL InstanceSetup(PVOID objects, ULONG flags, ULONG device, ULONG fileSystem) {
  INSTANCE *instance;
  NTSTATUS status = FltAllocateContext(filter, FLT_INSTANCE_CONTEXT, sizeof(INSTANCE), NonPagedPool, (PVOID *)&instance);
  if (status < 0) return status;
  instance->volume.MaximumLength = 256;
  instance->volume.Buffer = ExAllocatePoolWithTag(PagedPool, instance->volume.MaximumLength, NAME_TAG);
  if (!instance->volume.Buffer) {
    FltReleaseContext(instance);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  instance->sectorSize = fileSystem == 'SFTN' ? 4096 : 512; //~ NTFS magic
  ExInitializeNPagedLookasideList(&instance->work, NULL, NULL, 0, 72, WORK_TAG, 0);
  FltReleaseContext(instance);
  return STATUS_SUCCESS;
}

static NTSTATUS CALL FilterUnload(ULONG flags) {
  FltUnregisterFilter(filter);
  ExDeleteNPagedLookasideList(&workItems);
  return STATUS_SUCCESS;
}

static const FLT_REGISTRATION registration = {
  sizeof(FLT_REGISTRATION), 0x203, 0, contexts, operations, FilterUnload, InstanceSetup,
};

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = FltRegisterFilter(driver, &registration, &filter);
  if (status < 0) return status;
  ExInitializePagedLookasideList(&workItems, NULL, NULL, 0, 128, 'lMfS', 0); //= SfMl lookaside-init lookaside
  status = FltStartFiltering(filter);
  if (status < 0) FltUnregisterFilter(filter);
  return status;
}
