// A logger: structures built whole (compilers use 16-byte moves on x64), ring buffers, C's own operator new, a recorder log.
#include "kernel.h"

typedef struct { ULONG size, flags, tag, depth; ULONG_PTR owner, reserved; } BUFFER_OPTIONS;
typedef struct { USHORT size; ULONG tag; ULONG count; SIZE_T each; CHAR name[16]; } RING_OPTIONS;
typedef struct { ULONG Size; ULONG LogTag; ULONG LogTypeFlags; SIZE_T BufferSize; CHAR identifier[16]; } RECORDER_PARAMETERS;
typedef struct RING { struct RING *next; SIZE_T size; ULONG head, tail; UCHAR bytes[1]; } RING;

static RING *rings;
static PVOID volatile keep;
static PVOID log;
static const BUFFER_OPTIONS default_options = {sizeof(BUFFER_OPTIONS), 2, 'dOvE', 8, 1, 2}; //= EvOd any wrapper-structure

/* operator new with placement-like arguments, the way C drivers write it */
NOINLINE static PVOID New(SIZE_T size, ULONG pool, ULONG tag) {
  ULONG *p;
  if (size == 0) size = 1;
  p = ExAllocatePoolWithTag(pool, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static void Delete(PVOID p, ULONG tag) {
  if (p) ExFreePoolWithTag(p, tag);
}
#define NEW(type, tag) ((type *)New(sizeof(type), NonPagedPool, tag))

NOINLINE static RING *CreateRing(const RING_OPTIONS *options) {
  RING *ring = ExAllocatePoolWithTag(NonPagedPool, options->each * options->count + sizeof(RING), options->tag);
  if (!ring) return NULL;
  ring->size = options->each;
  ring->next = rings;
  rings = ring;
  return ring;
}

NOINLINE static PVOID CreateBuffer(BUFFER_OPTIONS options) { /* by value: copied by the caller */
  if (options.size != sizeof(options)) return NULL;
  return ExAllocatePoolWithTag(options.flags & 1 ? PagedPool : NonPagedPool, options.depth * 64, options.tag);
}

NOINLINE static void Structures(ULONG_PTR owner) {
  BUFFER_OPTIONS options = {sizeof(options), 1, '1OvE', 32, 0, 0}; //= EvO1 any xmm-structure
  RING_OPTIONS ring = {sizeof(ring), '1RvE', 16, 256, "events"}; //= EvR1 any xmm-structure
  options.owner = owner;
  keep = CreateBuffer(options);
  keep = CreateRing(&ring);
  keep = CreateBuffer(default_options);
  ring.tag = '2RvE'; //= EvR2 any wrapper-structure
  ring.count = 4;
  keep = CreateRing(&ring);
}

NOINLINE static void Objects(void) {
  RING *a = NEW(RING, '1NvE'); //= EvN1 wrapper-call operator-new
  BUFFER_OPTIONS *b = NEW(BUFFER_OPTIONS, '2NvE'); //= EvN2 wrapper-call operator-new
  if (a && b) {
    a->size = 64;
    *b = default_options;
  }
  Delete(a, '3NvE'); //= EvN3 free-call operator-new
  Delete(b, '4NvE'); //= EvN4 free-call operator-new
}

NOINLINE static NTSTATUS Recorder(void) {
  RECORDER_PARAMETERS parameters;
  memset(&parameters, 0, sizeof(parameters));
  parameters.Size = sizeof(parameters);
  parameters.LogTag = 'lWvE'; //= EvWl any log-parameters
  parameters.BufferSize = 1024;
  return WppRecorderLogCreate(&parameters, &log);
}

/* Four bytes at a time into a text, as an inlined strcpy does; then a real allocation with a tag that stands in the text too. */
NOINLINE static NTSTATUS Text(CHAR *to, SIZE_T size) {
  static const CHAR banner[] = "Event logger EvTx ready"; /* EvTx: a string holds it, an allocation uses it */
  if (size < sizeof(banner)) return STATUS_INVALID_PARAMETER;
  memcpy(to, banner, sizeof(banner));
  keep = ExAllocatePoolWithTag(PagedPool, size, 'xTvE'); //= EvTx allocation-call direct
  *(volatile ULONG *)(to + size - 4) = 'dnEx'; //~ xEnd magic
  return keep ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* Tags indexed by the kind of an event */
static const struct { USHORT id, level; ULONG tag; const CHAR *name; } kinds[] = {
  {1, 3, '1KvE', "process"}, {2, 3, '2KvE', "thread"}, {5, 4, '5KvE', "image"}, {9, 1, '9KvE', "registry"}, //= EvK1 allocation-call tag-table //= EvK2 allocation-call tag-table //= EvK5 allocation-call tag-table //= EvK9 allocation-call tag-table
};
NOINLINE static PVOID AllocateEvent(ULONG kind, SIZE_T size) {
  if (kind >= 4) return NULL;
  DbgPrint("%s\n", kinds[kind].name);
  return ExAllocatePoolWithTag(NonPagedPool, size + kinds[kind].level, kinds[kind].tag);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  Structures((ULONG_PTR)driver);
  Objects();
  keep = AllocateEvent(path->MaximumLength, path->Length);
  if (Recorder() < 0) return STATUS_NOT_SUPPORTED;
  return Text((CHAR *)path->Buffer, path->Length);
}
