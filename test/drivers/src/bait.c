// Constants that look like tags and are none. A scan of this driver must prove only the tags marked with //=.
#include "kernel.h"

static PVOID volatile keep;
static ULONG volatile state;
static REMOVE_LOCK lock;

/* One real tag, so that there is an allocator to be confused about. */
NOINLINE static PVOID Allocate(SIZE_T size) {
  return ExAllocatePoolWithTag(PagedPool, size, 'laeR'); //= Real allocation-call direct
}

typedef struct { ULONG signature; ULONG version; ULONG size; } HEADER;

NOINLINE static BOOLEAN IsOurs(const HEADER *header) {
  if (header->signature == 'FFIR') return TRUE; //~ RIFF magic
  if (header->signature == 0x474E5089) return FALSE;
  return header->signature == 'SFTN' && header->version == 'vers'; //~ NTFS magic //~ srev magic
}

NOINLINE static void Stamp(HEADER *header, SIZE_T size) {
  PVOID p = Allocate(size);
  header->signature = 'kcaP'; //~ Pack magic
  header->version = 'dneE'; //~ Eend magic
  header->size = (ULONG)size;
  keep = p;
}

NOINLINE static ULONG StateName(ULONG code) {
  switch (code) { /* returned, compared by the caller, printed; never a tag */
    case 1: return 'tiaW'; //~ Wait magic
    case 2: return 'ydaR'; //~ Rady magic
    case 3: return 'pots'; //~ stop magic
    default: return '?nkU'; //~ Ukn? magic
  }
}

/* The same multi-character constant in a register that an allocator's size then needs. */
NOINLINE static void SizesThatSpell(void) {
  keep = ExAllocatePoolWithTag(PagedPool, 0x20202041, 'laeR'); //~ "A   " other-argument
  keep = ExAllocatePoolWithTagPriority(PagedPool, 64, 'laeR', 'oirP'); //~ Prio other-argument
  keep = ExAllocatePool2('galF', 32, 'laeR'); //~ Flag other-argument
  keep = ExAllocatePool('epyT', 'eziS'); //~ Type no-tag //~ Size no-tag
  ExFreePool(keep);
}

NOINLINE static void References(PVOID object, HANDLE handle) {
  ObReferenceObjectByHandleWithTag(handle, 1, NULL, 0, '1fbO', &object, NULL); //~ Obf1 object-tag
  ObReferenceObjectByPointerWithTag(object, 1, NULL, 0, '2fbO'); //~ Obf2 object-tag
  ObDereferenceObjectDeferDeleteWithTag(object, '3fbO'); //~ Obf3 object-tag
  IoInitializeRemoveLockEx(&lock, 'kcoL', 0, 0, sizeof(lock)); //~ Lock remove-lock
  IoAcquireRemoveLockEx(&lock, (PVOID)(ULONG_PTR)'qcAL', "bait.c", 61, sizeof(lock)); //~ LAcq remove-lock
}

NOINLINE static NTSTATUS Log(ULONG component, SIZE_T size, ULONG event) { /* shaped like an allocator */
  state = component ^ event;
  return DbgPrint("%c %u\n", component & 0xFF, (ULONG)size) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

/* Calls a real allocator, but the third parameter is a label for the message, not the tag. */
NOINLINE static PVOID AllocateAndTell(ULONG type, SIZE_T size, ULONG label) {
  PVOID p = ExAllocatePoolWithTag(type, size, 'laeR');
  DbgPrint("%.4s %p\n", (const CHAR *)&label, p);
  return p;
}

NOINLINE static void CallsThatAllocateNothing(SIZE_T size) {
  Log(1, size, 'tnvE'); //~ Evnt not-an-allocator
  Log('pmoC', size, 'gnlS'); //~ Comp not-an-allocator //~ Slng not-an-allocator
  keep = AllocateAndTell(NonPagedPool, size, 'lbaL'); //~ Labl not-an-allocator
  keep = AllocateAndTell(PagedPool, size, 'mbaL'); //~ Labm not-an-allocator
}

NOINLINE static void NoTagsAtAll(SIZE_T size) {
  keep = ExAllocatePoolWithTag(PagedPool, size, 0);
  keep = ExAllocatePoolWithTag(PagedPool, size, 0x01020304);
  keep = ExAllocatePoolWithTag(PagedPool, size, 0x7FFFFFFF);
  keep = ExAllocatePoolWithTag(PagedPool, size, state);
  ExFreePoolWithTag(keep, 0);
}

NOINLINE static void Crash(ULONG_PTR why) {
  if (why > 0x1000) KeBugCheckEx('CkgB', 'maRp', why, 'neWx', 4); //~ BgkC bug-check //~ pRam bug-check //~ xWen bug-check
}

/* Dead code that the compiler must keep: nothing jumps over the ret in it. */
__attribute__((used)) static const GUID interface_guid = {0x44697547, 0x7541, 0x6469, {'G', 'u', 'i', 'd', 'B', 'a', 'i', 't'}}; //~ GuiD guid //~ Guid guid //~ Bait guid
static const CHAR *const messages[] = {"Tag1", "Free", "Pool tag Abcd is not Wxyz", "Mem!"}; //~ Tag1 text //~ Free text //~ Abcd text //~ Wxyz text //~ Mem! text
static const WCHAR name[] = L"\\Device\\Bait";

NOINLINE static void Speak(ULONG which) {
  UNICODE_STRING text;
  RtlInitUnicodeString(&text, name);
  DbgPrint(messages[which & 3]);
  if (memcmp(&interface_guid, text.Buffer, 16) == 0) DbgPrint("equal\n");
}

/* Text built from immediates, as compilers do for short copies. */
NOINLINE static void CopyText(CHAR *to) {
  *(volatile ULONG *)to = 'txeT'; //~ Text text
  *(volatile ULONG *)(to + 4) = 'retA'; //~ Ater text
  keep = Allocate(8);
}

/* A constant that is overwritten before the call must not count. */
NOINLINE static void Overwritten(SIZE_T size) {
  volatile ULONG tag = 'vorP'; //~ Prov dead-code
  state = tag;
  tag = 'wenT'; //= Tnew allocation-call stack-slot
  keep = ExAllocatePoolWithTag(PagedPool, size, tag);
}

/* A value tested against a constant, then replaced by another. */
NOINLINE static void Compared(ULONG value, SIZE_T size) {
  if (value == 'pmCt') DbgPrint("compared\n"); //~ tCmp magic
  keep = ExAllocatePoolWithTag(PagedPool, size, 'laeR');
  if (state == 'pmCu') keep = NULL; //~ uCmp magic
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  HEADER *header = (HEADER *)path->Buffer;
  if (IsOurs(header)) Stamp(header, path->Length);
  state = StateName(path->Length);
  if (state == 'hslF') SizesThatSpell(); //~ Flsh magic
  References(driver, path);
  CallsThatAllocateNothing(path->Length);
  NoTagsAtAll(path->Length);
  Crash(path->Length);
  Speak(path->Length);
  CopyText((CHAR *)path->Buffer);
  Overwritten(path->Length);
  Compared(driver->Flags, path->Length);
  return keep ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
