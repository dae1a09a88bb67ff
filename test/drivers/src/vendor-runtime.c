// A vendor's runtime under a driver: four layers of wrappers, debug blocks with a header that keeps the tag, a default for tag 0,
// variadic and structured parameters, other calling conventions, code in PAGE and INIT, an exported allocator.
// exports: VrtAllocate
// exports: VrtFree
#include "kernel.h"

#if defined(__i386__)
#define FASTCALL __attribute__((fastcall))
#define STDCALL __attribute__((stdcall))
#define EXPORTED STDCALL
#else
#define FASTCALL
#define STDCALL
#define EXPORTED
#endif
#if defined(__clang__) && !defined(__aarch64__)
#define VECTORCALL __attribute__((vectorcall))
#else
#define VECTORCALL
#endif
#ifdef __clang__
#define EXPORT
#else
#define EXPORT __declspec(dllexport)
#endif

static PVOID volatile keep;
static ULONG volatile options;
static LONG64 volatile bytes;

/* --- the lowest layer: blocks with a header, as debug allocators make them ------------------------------------------------------------- */
typedef struct BLOCK { ULONG signature; ULONG tag; SIZE_T size; LIST_ENTRY link; const CHAR *file; ULONG line; ULONG guard; } BLOCK;
#define BLOCK_LIVE 'kcoL' //~ Lock magic
#define BLOCK_DEAD 'daeD' //~ Dead magic
static LIST_ENTRY blocks = {&blocks, &blocks};

NOINLINE static PVOID RawAllocate(ULONG type, SIZE_T size, ULONG tag, const CHAR *file, ULONG line) {
  BLOCK *block = ExAllocatePoolWithTag(type, size + sizeof(BLOCK) + 4, tag);
  if (!block) return NULL;
  block->signature = BLOCK_LIVE;
  block->tag = tag;
  block->size = size;
  block->file = file;
  block->line = line;
  block->guard = 'draG'; //~ Gard magic
  block->link.Flink = blocks.Flink;
  block->link.Blink = &blocks;
  blocks.Flink->Blink = &block->link;
  blocks.Flink = &block->link;
  *(volatile ULONG *)((UCHAR *)(block + 1) + size) = 'liaT'; //~ Tail magic
  return block + 1;
}
NOINLINE static void RawFree(PVOID p, ULONG tag) {
  BLOCK *block = (BLOCK *)p - 1;
  if (block->signature != BLOCK_LIVE || block->guard != 'draG') KeBugCheckEx(0xC2, BLOCK_DEAD, (ULONG_PTR)p, tag, 0);
  block->signature = BLOCK_DEAD;
  ExFreePoolWithTag(block, block->tag); /* the header's tag, not the caller's */
}

/* --- the layers above -------------------------------------------------------------------------------------------------------------------- */
NOINLINE static PVOID CheckedAllocate(SIZE_T size, ULONG type, const CHAR *file, ULONG line, ULONG tag) {
  PVOID p;
  if (size > 0x1000000) return NULL;
  p = RawAllocate(type, size, tag, file, line);
  if (p) bytes += size;
  return p;
}
NOINLINE static PVOID ZeroAllocate(ULONG tag, SIZE_T size) {
  PVOID p = CheckedAllocate(size, NonPagedPoolNx, "zero.c", 71, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static PVOID ArrayAllocate(SIZE_T count, SIZE_T each, ULONG tag) {
  return count > 4096 ? NULL : ZeroAllocate(tag, count * each);
}

/* tag 0 means the driver's own */
NOINLINE static PVOID DefaultAllocate(SIZE_T size, ULONG tag) {
  return CheckedAllocate(size, PagedPool, "default.c", 84, tag ? tag : 'fDrV'); //= VrDf wrapper-call default-tag
}
NOINLINE static void DefaultFree(PVOID p, ULONG tag) {
  if (!tag) tag = 'fDrV';
  if (p) RawFree(p, tag);
}

/* flags decide, the tag is the sixth parameter, the seventh is by pointer */
NOINLINE static NTSTATUS AllocateEx(DRIVER_OBJECT *owner, SIZE_T size, ULONG flags, ULONG alignment, PVOID hint, ULONG tag, PVOID *out) {
  ULONG type = flags & 1 ? PagedPool : NonPagedPoolNx;
  PVOID p;
  if (alignment > 16) size += alignment;
  p = flags & 4 ? ExAllocatePoolWithQuotaTag(type, size, tag) : ExAllocatePoolWithTag(type, size, tag);
  if (p && flags & 2) memset(p, 0, size);
  if (!p && flags & 8) KeBugCheckEx(0x4000, 'meMN', size, 0, 0); //~ NMem bug-check
  *out = p;
  return p ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* variadic: name, tag, then sizes until 0 */
NOINLINE static PVOID AllocateMany(const CHAR *name, ULONG tag, ...) {
  __builtin_va_list list;
  SIZE_T total = 0;
  ULONG size;
  __builtin_va_start(list, tag);
  while ((size = __builtin_va_arg(list, ULONG)) != 0) total += size;
  __builtin_va_end(list);
  DbgPrint("%s: %u\n", name, (ULONG)total);
  return ExAllocatePool2(POOL_FLAG_NON_PAGED, total, tag);
}

/* a structure of parameters */
typedef struct { SIZE_T Size; ULONG Type; ULONG Flags; ULONG Tag; ULONG Line; const CHAR *File; ULONG Check; } ALLOC_PARAMS;
NOINLINE static PVOID AllocateWith(const ALLOC_PARAMS *parameters) {
  if (parameters->Check != 'kehC') return NULL; //~ Chek magic
  return CheckedAllocate(parameters->Size, parameters->Type, parameters->File, parameters->Line, parameters->Tag);
}

/* calling conventions */
NOINLINE static PVOID FASTCALL FastAllocate(ULONG tag, SIZE_T size) {
  bytes++;
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}
NOINLINE static PVOID STDCALL StdAllocate(ULONG type, SIZE_T size, ULONG a, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (!p) DbgPrint("%u failed\n", a);
  return p;
}
NOINLINE static PVOID VECTORCALL VectorAllocate(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size + 32, tag);
  if (p) options++;
  return p;
}

/* a pointer to a wrapper, and an exported wrapper that is called inside too */
static PVOID (*volatile array_allocator)(SIZE_T, SIZE_T, ULONG) = ArrayAllocate;
EXPORT NOINLINE PVOID EXPORTED VrtAllocate(SIZE_T size, ULONG tag) {
  return DefaultAllocate(size, tag);
}
EXPORT NOINLINE void EXPORTED VrtFree(PVOID p, ULONG tag) { DefaultFree(p, tag); }

/* other sections */
PAGED_CODE_SECTION static PVOID PagedAllocate(UNICODE_STRING *text, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(PagedPool, text->Length, tag);
  if (p) memcpy(p, text->Buffer, text->Length);
  return p;
}
INIT_CODE_SECTION static PVOID InitAllocate(SIZE_T size, ULONG tag) {
  PVOID p = ZeroAllocate(tag, size);
  if (!p) DbgPrint("start\n");
  return p;
}

/* shaped like the wrappers, and none of them allocates */
NOINLINE static PVOID FindBlock(SIZE_T size, ULONG tag) {
  LIST_ENTRY *entry;
  for (entry = blocks.Flink; entry != &blocks; entry = entry->Flink) {
    BLOCK *block = (BLOCK *)((UCHAR *)entry - (SIZE_T)&((BLOCK *)0)->link);
    if (block->tag == tag && block->size >= size) return block + 1;
  }
  return NULL;
}
NOINLINE static BOOLEAN TagIs(PVOID p, ULONG tag) { return ((BLOCK *)p - 1)->tag == tag; }
NOINLINE static void Trace(ULONG component, SIZE_T size, ULONG label) { DbgPrint("%.4s %u %x\n", (CHAR *)&label, (ULONG)size, component); }

/* --- who uses it -------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS UseLayers(SIZE_T size) {
  keep = RawAllocate(PagedPool, size, 'wRrV', "use.c", 140); //= VrRw wrapper-call wrapper-layers
  keep = CheckedAllocate(size, PagedPool, "use.c", 141, 'hCrV'); //= VrCh wrapper-call wrapper-layers
  keep = ZeroAllocate('eZrV', size); //= VrZe wrapper-call wrapper-layers
  keep = ArrayAllocate(size, 24, 'rArV'); //= VrAr wrapper-call wrapper-layers
  keep = array_allocator(size, 8, 'pArV'); //= VrAp any pointer-in-global
  keep = DefaultAllocate(size, 0);
  DefaultFree(keep, 0);
  keep = DefaultAllocate(size * 2, 'oNrV'); //= VrNo wrapper-call default-tag
  DefaultFree(keep, 'oNrV');
  Trace(3, size, 'ecaT'); //~ Tace not-an-allocator
  return keep ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS UseShapes(DRIVER_OBJECT *driver, SIZE_T size) {
  ALLOC_PARAMS parameters;
  PVOID p;
  if (AllocateEx(driver, size, 5, 8, NULL, '6ErV', &p) < 0) return STATUS_INSUFFICIENT_RESOURCES; //= VrE6 wrapper-call wrapper-stack
  if (AllocateEx(driver, 128, 2, 64, p, '7ErV', &p) < 0) return STATUS_INSUFFICIENT_RESOURCES; //= VrE7 wrapper-call wrapper-stack
  keep = AllocateMany("many", 'yMrV', 32, 64, 128, 0); //= VrMy wrapper-call variadic
  keep = AllocateMany("few", 'fMrV', (ULONG)size, 0); //= VrMf wrapper-call variadic
  parameters.Size = size;
  parameters.Type = PagedPool;
  parameters.Flags = 'gaFP'; //~ PFag magic
  parameters.Tag = 'mPrV'; //= VrPm any wrapper-structure
  parameters.Line = 160;
  parameters.File = "use.c";
  parameters.Check = 'kehC';
  keep = AllocateWith(&parameters);
  parameters.Size = 64;
  parameters.Tag = 'nPrV'; //= VrPn any wrapper-structure
  keep = AllocateWith(&parameters);
  keep = FastAllocate('1FrV', size); //= VrF1 wrapper-call calling-convention
  keep = FastAllocate('2FrV', 512); //= VrF2 wrapper-call calling-convention
  keep = StdAllocate(PagedPool, size, 7, '1SrV'); //= VrS1 wrapper-call calling-convention
  keep = StdAllocate(NonPagedPoolNx, size, 8, '2SrV'); //= VrS2 wrapper-call calling-convention
  keep = VectorAllocate(size, '1VrV'); //= VrV1 wrapper-call calling-convention
  keep = VectorAllocate(size * 4, '2VrV'); //= VrV2 wrapper-call calling-convention
  keep = VrtAllocate(size, 'xErV'); //= VrEx any own-export
  if (TagIs(keep, 'sITt')) VrtFree(keep, 'xErV'); //~ tTIs not-an-allocator
  return FindBlock(size, 'dniF') ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; //~ Find not-an-allocator
}
PAGED_CODE_SECTION static NTSTATUS UsePaged(UNICODE_STRING *path) {
  keep = PagedAllocate(path, '1GrV'); //= VrG1 wrapper-call page-section
  if (keep) ExFreePoolWithTag(keep, '1GrV');
  keep = ZeroAllocate('2GrV', path->Length); //= VrG2 wrapper-call wrapper-layers
  return STATUS_SUCCESS;
}

static void CALL Unload(DRIVER_OBJECT *driver) { DefaultFree(driver->Section, 'lUrV'); } //? VrUl the header's tag is what frees; this one only reaches a bug check

INIT_CODE_SECTION NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SIZE_T size = path->Length;
  driver->Unload = Unload;
  keep = InitAllocate(size, '1IrV'); //= VrI1 wrapper-call wrapper-layers
  driver->Section = InitAllocate(96, '2IrV'); //= VrI2 wrapper-call wrapper-layers
  keep = PagedAllocate(path, '3IrV'); //= VrI3 wrapper-call page-section
  if (UsePaged(path) < 0 || UseLayers(size) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  return UseShapes(driver, size);
}
