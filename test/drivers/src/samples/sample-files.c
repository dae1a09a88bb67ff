// A sample that ships with the program: a file system filter with contexts. It is made to be scanned, not to be loaded.
#include "kernel.h"

typedef struct { USHORT type, flags; PVOID cleanup; SIZE_T size; ULONG tag; PVOID callbacks[3]; } CONTEXT_REGISTRATION;
typedef struct { USHORT size, version; ULONG flags; const CONTEXT_REGISTRATION *contexts; const void *operations; PVOID callbacks[11]; } FILTER_REGISTRATION;
typedef struct VERDICT { struct VERDICT *next; ULONG hash; ULONG state; } VERDICT;

static PVOID filter;
static VERDICT *verdicts;

NOINLINE static PVOID Allocate(ULONG pool, ULONG tag, SIZE_T size) {
  return size > 0x40000 ? NULL : ExAllocatePoolWithTag(pool, size, tag);
}

NOINLINE static NTSTATUS CALL PreCreate(PVOID data, PVOID instance, PVOID *context) {
  UNICODE_STRING *name = data;
  PWSTR copy = Allocate(PagedPool, 'mNfS', name->Length + 2); //= SfNm wrapper-call wrapper
  VERDICT *verdict;
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(copy, name->Buffer, name->Length);
  verdict = Allocate(NonPagedPoolNx, 'dVfS', sizeof(*verdict)); //= SfVd wrapper-call wrapper
  if (verdict) {
    verdict->next = verdicts;
    verdicts = verdict;
  }
  *context = FltAllocatePoolAlignedWithTag(instance, NonPagedPoolNx, 4096, 'fBfS'); //= SfBf allocation-call direct
  ExFreePoolWithTag(copy, 'mNfS');
  return STATUS_SUCCESS;
}

static const CONTEXT_REGISTRATION contexts[] = {
  {8, 0, NULL, 64, 'sCfS'}, //= SfCs structure-field filter-context
  {2, 0, NULL, 128, 'iCfS'}, //= SfCi structure-field filter-context
  {0xFFFF},
};
static const struct { UCHAR major; ULONG flags; PVOID pre, post, reserved; } operations[] = {{0, 0, PreCreate}, {0x80}};
static const FILTER_REGISTRATION registration = {sizeof(registration), 0x203, 0, contexts, operations};

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = FltRegisterFilter(driver, &registration, &filter);
  return status < 0 ? status : FltStartFiltering(filter);
}
