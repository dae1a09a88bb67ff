// Held out, written after the scanner stood still and measured once: a tape changer with sessions, a command queue and a journal.
#include "kernel.h"

#define JOURNAL_TAG 'lJcT' /* one macro for allocation and free */
enum { SLOT_DATA = 'dScT', SLOT_CLEAN = 'cScT' };

typedef struct SESSION { struct SESSION *next; PVOID buffer; ULONG kind; SIZE_T length; UNICODE_STRING name; } SESSION;
static SESSION *volatile sessions;
static LOOKASIDE commands, replies;
static PVOID volatile journal;
static volatile ULONG magic;
static const ULONG name_tag = 'mNcT'; //= TcNm allocation-call const-global

NOINLINE static PVOID Grow(PVOID old, SIZE_T from, SIZE_T to, ULONG tag) {
  PUCHAR fresh = ExAllocatePoolWithTag(PagedPool, to, tag);
  SIZE_T i;
  if (!fresh) return old;
  for (i = 0; i < from; i++) fresh[i] = ((PUCHAR)old)[i];
  if (old) ExFreePoolWithTag(old, tag);
  return fresh;
}

NOINLINE static SESSION *Open(ULONG kind, UNICODE_STRING *name) {
  SESSION *s = ExAllocatePoolWithTag(NonPagedPool, sizeof(*s), 'eScT'); //= TcSe allocation-call direct
  if (!s) return NULL;
  s->kind = kind;
  s->length = name->Length + 2u;
  s->name.Buffer = ExAllocatePoolWithTag(PagedPool, s->length, name_tag);
  if (!s->name.Buffer) { ExFreePoolWithTag(s, 'eScT'); return NULL; }
  s->buffer = ExAllocatePoolWithTag(kind > 3 ? PagedPool : NonPagedPool, 4096, kind & 4 ? SLOT_CLEAN : SLOT_DATA); //= TcSd allocation-call ternary //= TcSc allocation-call ternary
  s->next = sessions;
  sessions = s;
  return s;
}

NOINLINE static void Close(SESSION *s) {
  if (s->name.Buffer) ExFreePoolWithTag(s->name.Buffer, 'mNcT');
  ExFreePoolWithTag(s->buffer, s->kind & 4 ? SLOT_CLEAN : SLOT_DATA);
  ExFreePoolWithTag(s, 'eScT');
}

NOINLINE static NTSTATUS Record(ULONG what, SIZE_T size) {
  journal = Grow(journal, size / 2, size, JOURNAL_TAG); //= TcJl wrapper-call wrapper
  if (what == 'xEcT') journal = Grow(journal, 8, 64, 'xJcT'); //= TcJx wrapper-call wrapper //~ TcEx magic
  if (magic == 'gMcT') return -1; //~ TcMg magic
  return journal ? 0 : -2;
}

NOINLINE static PVOID Retry(SIZE_T size) {
  PVOID p = NULL;
  ULONG tries = 3;
  while (tries-- && !p) {
    p = ExAllocatePoolWithQuotaTag(PagedPool, size, 'yRcT'); //= TcRy allocation-call direct
    if (!p) { size /= 2; DbgPrint("again %u\n", (ULONG)size); }
  }
  return p;
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  SESSION *s, *next;
  for (s = sessions; s; s = next) { next = s->next; Close(s); }
  if (journal) ExFreePoolWithTag(journal, JOURNAL_TAG);
  if (driver->FastIo) ExFreePoolWithTag(driver->FastIo, 'fFcT'); //= TcFf free-call free
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  driver->Unload = Unload;
  ExInitializeNPagedLookasideList(&commands, NULL, NULL, 0, 64, 'mCcT', 0); //= TcCm lookaside-init lookaside
  ExInitializeNPagedLookasideList(&replies, NULL, NULL, 0, path->Length + 8u, 'pRcT', 0); //= TcRp lookaside-init lookaside
  driver->FastIo = Retry(path->Length);
  if (!Open(driver->Flags, path)) return -3;
  return Record(driver->Flags, path->Length * 4u);
}
