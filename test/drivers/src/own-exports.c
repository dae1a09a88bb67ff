// A kernel in small: it exports its allocators and calls them itself, without any import.
// image: ntoskrnl.exe
// exports: ExAllocatePoolWithTag ExAllocatePool2 ExFreePoolWithTag ExInitializeNPagedLookasideList IoFreeThing
#define KERNEL_IS_LOCAL
#include "kernel.h"
#ifdef __clang__
#define EXPORT /* the linker is told by name: "exports" above */
#else
#define EXPORT __declspec(dllexport)
#endif

static ULONG_PTR heap[512];
static ULONG used, lists, table[64];
static PVOID volatile keep;

EXPORT NOINLINE PVOID CALL ExAllocatePoolWithTag(ULONG type, SIZE_T size, ULONG tag) {
  ULONG at = used;
  if (at + size / sizeof(ULONG_PTR) + 1 > 512) return NULL;
  used += (ULONG)(size / sizeof(ULONG_PTR)) + 1;
  table[at & 63] = tag ^ type;
  return &heap[at];
}
EXPORT NOINLINE PVOID CALL ExAllocatePool2(ULONG64 flags, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(flags & POOL_FLAG_PAGED ? PagedPool : NonPagedPool, size, tag);
  if (p) *(ULONG_PTR *)p = 0;
  return p;
}
EXPORT NOINLINE void CALL ExFreePoolWithTag(PVOID p, ULONG tag) { table[((ULONG_PTR *)p - heap) & 63] ^= tag; }
EXPORT NOINLINE void CALL ExInitializeNPagedLookasideList(LOOKASIDE *list, PVOID allocate, PVOID release, ULONG flags, SIZE_T size, ULONG tag, USHORT depth) {
  list->Opaque[0] = (ULONG_PTR)allocate;
  list->Opaque[1] = (ULONG_PTR)release;
  list->Opaque[2] = size;
  list->Opaque[3] = tag + flags;
  lists += depth;
}

NOINLINE static PVOID CreateThread(SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPool, size + 64, 'hTxO'); } //= OxTh allocation-call own-export
NOINLINE static PVOID CreateProcess(SIZE_T size) {
  PVOID process = ExAllocatePool2(POOL_FLAG_NON_PAGED, size, 'rPxO'); //= OxPr allocation-call own-export
  if (process) ((ULONG *)process)[1] = 'corP'; //~ Proc magic
  return process;
}
NOINLINE static PVOID Wrapped(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(PagedPool, size, tag);
  lists += p != NULL;
  return p;
}
NOINLINE static void Lists(void) {
  static LOOKASIDE list;
  ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 96, 'sLxO', 4); //= OxLs lookaside-init own-export
}
EXPORT NOINLINE void CALL IoFreeThing(PVOID p) { ExFreePoolWithTag(p, 'eFxO'); } //= OxFe free-call own-export

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  keep = CreateThread(path->Length);
  keep = CreateProcess(path->Length);
  keep = Wrapped(path->Length, '1WxO'); //= OxW1 wrapper-call own-export
  keep = Wrapped(path->Length, '2WxO'); //= OxW2 wrapper-call own-export
  Lists();
  return used;
}

