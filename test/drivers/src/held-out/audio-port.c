// Held out: an audio port driver: stream objects made by factories, a tag per stream kind, KS bags, contiguous memory.
#include "kernel.h"

typedef struct PORT PORT;
typedef struct { const CHAR *name; ULONG kind; NTSTATUS (*create)(PORT *port, ULONG tag, PVOID *out); ULONG tag; } FACTORY;
struct PORT { PVOID bag; ULONG format; PVOID streams[4]; PHYSICAL_ADDRESS dma; SIZE_T dmaSize; const ULONG *formats; };

static PVOID volatile keep;

static NTSTATUS CreateStream(PORT *port, ULONG tag, PVOID *out) {
  *out = ExAllocatePoolWithTag(NonPagedPoolNx, 0x340, tag);
  return *out ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS CreateMixer(PORT *port, ULONG tag, PVOID *out) {
  *out = ExAllocatePoolWithTag(PagedPool, port->format * 8, tag);
  return STATUS_SUCCESS;
}
static const FACTORY factories[] = {
  {"render", 1, CreateStream, 'ruAP'}, //= PAur any operations-table
  {"capture", 2, CreateStream, 'cuAP'}, //= PAuc any operations-table
  {"mixer", 7, CreateMixer, 'muAP'}, //= PAum any operations-table
};

static NTSTATUS CreateAll(PORT *port) {
  ULONG i;
  for (i = 0; i < 3; i++) {
    NTSTATUS status = factories[i].create(port, factories[i].tag, &port->streams[i]);
    if (status < 0) return status;
  }
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS GrowFormats(PORT *port, ULONG count) {
  return _KsEdit(port->bag, (PVOID *)&port->formats, count * 4, 16, 'fuAP'); //= PAuf allocation-call direct
}

NOINLINE static NTSTATUS AllocateDma(PORT *port) {
  PHYSICAL_ADDRESS low = {{0, 0}}, high, boundary = {{0, 0}};
  high.QuadPart = port->format & 1 ? 0xFFFFFFFF : 0xFFFFFFFFFFFF;
  port->dmaSize = 0x20000;
  return MmAllocateContiguousMemoryEx(&port->dmaSize, low, high, boundary, 0x80000000, 0x204, NULL, 'duAP', 0, (PVOID *)&keep); //= PAud allocation-call direct
}

NOINLINE static PVOID Notify(PORT *port, ULONG event) {
  ULONG tag = 'nuAP'; //= PAun allocation-call ternary
  ULONG *p;
  if (event == 'ksaM') return NULL; //~ Mask magic
  if (port->format > 96000) tag = 'NuAQ'; //= QAuN allocation-call ternary
  p = ExAllocatePoolWithQuotaTag(PagedPool, 64, tag);
  if (p) {
    p[0] = 'EVAW'; //~ WAVE magic
    p[1] = ' tmf'; //~ "fmt " magic
  }
  return p;
}

typedef struct { ULONG64 cookie; HANDLE pool; } SECURE;
NOINLINE static NTSTATUS Secure(SECURE *secure, PVOID p) {
  NTSTATUS status = ExCreatePool(2, 'suAP', NULL, &secure->pool); //= PAus any direct
  if (status < 0) return status;
  return ExSecurePoolValidate(secure->pool, 'vuAP', p, (ULONG_PTR)secure->cookie) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; //= PAuv any direct
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  PORT *port = driver->Section;
  ULONG i;
  for (i = 0; i < 4; i++) if (port->streams[i]) ExFreePoolWithTag(port->streams[i], i == 2 ? 'xuAP' : 'yuAR'); //= PAux free-call ternary //= RAuy free-call ternary
  MmUnmapReservedMapping(port, 'wuAP', NULL); //= PAuw any direct
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  PORT *port = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*port), 'puAP'); //= PAup allocation-call direct
  SECURE secure;
  if (!port) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Unload = Unload;
  driver->Section = port;
  port->format = path->Length;
  secure.cookie = (ULONG_PTR)path;
  keep = Notify(port, path->MaximumLength);
  if (CreateAll(port) < 0 || AllocateDma(port) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  return Secure(&secure, keep) < 0 ? -1 : GrowFormats(port, 8);
}
