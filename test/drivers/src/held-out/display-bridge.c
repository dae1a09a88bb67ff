// Held out: a display driver's kernel half in the win32k manner, with an interface of allocators and re-entrant callbacks.
#include "kernel.h"

typedef struct {
  ULONG version;
  PVOID(CALL *allocate)(ULONG type, SIZE_T size, ULONG tag);
  void(CALL *release)(PVOID p, ULONG tag);
} MEMORY_INTERFACE;
typedef struct { USHORT width, height; ULONG pitch; UCHAR *bits; PVOID palette; } SURFACE;

static MEMORY_INTERFACE memory = {1};
static PVOID volatile keep;
static SURFACE *current;

INIT_CODE_SECTION static void SetUp(void) { /* fills the interface from the imports */
  memory.allocate = ExAllocatePoolWithTag;
  memory.release = ExFreePoolWithTag;
  memory.version = 2;
}

NOINLINE static SURFACE *CreateSurface(USHORT width, USHORT height) {
  SURFACE *surface = memory.allocate(PagedPool, sizeof(SURFACE), 'fuSB'); //= BSuf any pointer-in-global
  if (!surface) return NULL;
  surface->width = width;
  surface->height = height;
  surface->pitch = (width * 4 + 15) & ~15u;
  surface->bits = EngAllocMem(1, surface->pitch * height, 'tiBB'); //= BBit allocation-call direct
  if (!surface->bits) {
    memory.release(surface, 'gxSB'); //= BSxg any pointer-in-global
    return NULL;
  }
  return surface;
}

NOINLINE static NTSTATUS Palette(SURFACE *surface, ULONG colours) {
  ULONG i, *palette = EngAllocMem(0, colours * 4, 'laPB'); //= BPal allocation-call direct
  if (!palette) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < colours; i++) palette[i] = i * 0x010101;
  surface->palette = palette;
  if (palette[0] == 'ABGR') surface->pitch = 'knil'; //~ RGBA magic //~ link magic
  return STATUS_SUCCESS;
}

NOINLINE static PVOID Cursor(ULONG shape, SIZE_T size) {
  PVOID p;
  switch (shape) {
    case 0: p = Win32AllocPool(size, 'rCUB'); break; //= BUCr allocation-call branches
    case 1: p = Win32AllocPoolZInit(size * 2, 'rCUB'); break;
    case 2: p = Win32AllocPoolWithQuota(size, 'qCUB'); break; //= BUCq allocation-call branches
    default: p = UserReAllocPool(keep, size, size + 64, 'cCUB'); break; //= BUCc allocation-call branches
  }
  return p;
}

NOINLINE static PVOID VideoMemory(PVOID extension, ULONG kind, SIZE_T size, ULONG tag) {
  if (kind == 'oedV') return VideoPortAllocatePool(extension, 0, size, tag); //~ Vdeo magic
  return VideoPortAllocatePool(extension, 1, size + 64, tag);
}

NOINLINE static PVOID Recursive(SIZE_T size, ULONG depth, ULONG tag) { /* the summary of a function that calls itself */
  if (depth == 0) return ExAllocatePoolWithTag(PagedPool, size, tag);
  return Recursive(size * 2, depth - 1, tag);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SetUp();
  current = CreateSurface(path->Length, path->MaximumLength);
  if (!current) return STATUS_INSUFFICIENT_RESOURCES;
  keep = Cursor(path->Length, 128);
  keep = VideoMemory(driver->Extension, path->Length, 256, '1iVB'); //= BVi1 wrapper-call wrapper
  keep = VideoMemory(driver->Extension, path->MaximumLength, 256, '2iVB'); //= BVi2 wrapper-call wrapper
  keep = Recursive(16, path->Length, 'ceRB'); //= BRec wrapper-call wrapper
  return Palette(current, 256);
}
