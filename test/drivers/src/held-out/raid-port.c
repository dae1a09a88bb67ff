// Held out: a RAID adapter's miniport, one source for two port drivers: an operating-system layer of function pointers chosen at start,
// adapter resources described by a table, physical pages, units and commands with their own pools, firmware mailboxes.
#include "kernel.h"

typedef unsigned char U8;
typedef ULONG U32;

/* -- the operating-system layer ------------------------------------------------------------------------------------------------- */
typedef struct OSL OSL;
struct OSL {
  U32 revision;
  PVOID extension;
  U32 (*mem_alloc)(OSL *osl, U32 bytes, U32 tag, U32 attributes, PVOID *out);
  void (*mem_free)(OSL *osl, PVOID p, U32 tag);
  U32 (*mail)(OSL *osl, U32 command, U32 argument, U32 length, PVOID *out);
};

static U32 port_alloc(OSL *osl, U32 bytes, U32 tag, U32 attributes, PVOID *out) {
  U32 status = StorPortExtendedFunction(0, osl->extension, bytes, tag, out);
  if (status == 0 && attributes & 1) memset(*out, 0, bytes);
  return status;
}
static void port_free(OSL *osl, PVOID p, U32 tag) { StorPortExtendedFunction(1, osl->extension, p); }
static U32 port_mail(OSL *osl, U32 command, U32 argument, U32 length, PVOID *out) {
  return StorPortExtendedFunction(command & 0x7F, osl->extension, argument, length, out);
}
static U32 nt_alloc(OSL *osl, U32 bytes, U32 tag, U32 attributes, PVOID *out) {
  U32 type = attributes & 2 ? PagedPool : NonPagedPoolNx;
  *out = ExAllocatePoolWithTag(type, bytes, tag);
  if (!*out) return 0xC1000001;
  if (attributes & 1) memset(*out, 0, bytes);
  return 0;
}
static void nt_free(OSL *osl, PVOID p, U32 tag) { ExFreePoolWithTag(p, tag); }
static U32 nt_mail(OSL *osl, U32 command, U32 argument, U32 length, PVOID *out) { return command == 'Diam' ? argument : length; } //~ maiD magic

NOINLINE static void osl_init(OSL *osl, PVOID extension, U8 crash_dump) {
  osl->revision = '0.1v'; //~ "v1.0" magic
  osl->extension = extension;
  osl->mem_alloc = crash_dump ? nt_alloc : port_alloc;
  osl->mem_free = crash_dump ? nt_free : port_free;
  osl->mail = crash_dump ? nt_mail : port_mail;
}

/* -- the adapter ------------------------------------------------------------------------------------------------------------------- */
typedef struct { U32 id, bytes, count, tag, attributes; U32 offset; } RESOURCE;
typedef struct COMMAND { struct COMMAND *next; U32 state; PVOID sgl; PVOID sense; } COMMAND;
typedef struct { U32 signature, target; U32 state; PVOID queue; U32 queue_tag; } UNIT;
typedef struct {
  U32 signature;
  OSL osl;
  PVOID reply_ring, request_ring, event_log, config;
  COMMAND *commands;
  UNIT units[3];
  U32 command_tag;
  U8 *mailbox;
} ADAPTER;
#define OFFSET(field) ((U32)(SIZE_T)&((ADAPTER *)0)->field)

static const RESOURCE resources[] = {
  {0x11, 4096, 8, 'yRaR', 1, OFFSET(reply_ring)},   //= RaRy any tag-table
  {0x12, 128, 256, 'qRaR', 1, OFFSET(request_ring)}, //= RaRq any tag-table
  {0x2E, 512, 4, 'vEaR', 3, OFFSET(event_log)},      //= RaEv any tag-table
  {0x30, 64, 32, 'fCaR', 2, OFFSET(config)},         //= RaCf any tag-table
};

NOINLINE static U32 adapter_resources(ADAPTER *adapter) {
  U32 i, status = 0;
  for (i = 0; i < sizeof(resources) / sizeof(*resources) && status == 0; i++) {
    const RESOURCE *r = &resources[i];
    PVOID *slot = (PVOID *)((U8 *)adapter + r->offset);
    status = adapter->osl.mem_alloc(&adapter->osl, r->bytes * r->count, r->tag, r->attributes, slot);
    if (status) StorPortNotification(6, adapter->osl.extension, 'rrEm', r->id); //~ mErr not-an-allocator
  }
  return status;
}

NOINLINE static COMMAND *command_create(ADAPTER *adapter, U32 index) {
  COMMAND *command;
  if (adapter->osl.mem_alloc(&adapter->osl, sizeof(COMMAND), adapter->command_tag, 1, (PVOID *)&command)) return NULL;
  if (adapter->osl.mem_alloc(&adapter->osl, 1024, 'lSaR', 1, &command->sgl)) { //= RaSl any operations-object
    adapter->osl.mem_free(&adapter->osl, command, adapter->command_tag);
    return NULL;
  }
  if (adapter->osl.mem_alloc(&adapter->osl, 96, index & 1 ? 'oSaR' : 'eSaQ', 0, &command->sense)) return NULL; //= RaSo any operations-object //= QaSe any operations-object
  command->state = 'eerF'; //~ Free magic
  command->next = adapter->commands;
  adapter->commands = command;
  return command;
}

NOINLINE static U32 unit_start(UNIT *unit, U32 target) {
  unit->signature = 'tinU'; //~ Unit magic
  unit->target = target;
  unit->queue_tag = target == 0 ? 'tBaR' : 'tUaR'; //= RaBt any object-field //= RaUt any object-field
  unit->queue = ExAllocatePoolWithTag(NonPagedPoolNx, 64 * (target + 1), unit->queue_tag);
  unit->state = unit->queue ? 'ydaR' : 'liaF'; //~ Rady magic //~ Fail magic
  return unit->queue ? 0 : 1;
}
NOINLINE static void unit_stop(UNIT *unit) {
  if (unit->signature != 'tinU' || unit->state == 'liaF') return;
  ExFreePoolWithTag(unit->queue, unit->queue_tag);
  unit->state = 'enoG'; //~ Gone magic
}

/* -- the firmware's mailbox ------------------------------------------------------------------------------------------------------------- */
NOINLINE static U32 mailbox(ADAPTER *adapter, U32 command, U32 argument) {
  PVOID reply = NULL;
  U32 status = adapter->osl.mail(&adapter->osl, command, argument, 'pteG', &reply); //~ Getp not-an-allocator
  if (status == 'ysuB') KeStallExecutionProcessor(50); //~ Busy magic
  return status == 'KCA\x06' ? 0 : status;
}

static const GUID adapter_guid = {0x0A7C1B3D, 0x5261, 0x6964, {'R', 'a', 'i', 'd', 'P', 'o', 'r', 't'}}; //~ Raid guid //~ Port guid

NOINLINE static U32 large_memory(ADAPTER *adapter, SIZE_T bytes) {
  PHYSICAL_ADDRESS low, high, boundary;
  PVOID p;
  low.QuadPart = 0;
  high.QuadPart = bytes > 0x100000 ? -1LL : 0xFFFFFFFFLL;
  boundary.QuadPart = 0x100000000LL;
  if (MmAllocateContiguousMemoryEx(&bytes, low, high, boundary, 0x80000000, 4, NULL, 'mDaR', 0, &p) < 0) return 1; //= RaDm any direct
  adapter->mailbox = p;
  p = MmAllocateMappingAddressEx(bytes, 'pMaR', 0); //= RaMp any direct
  if (p) MmFreeMappingAddress(p, 'pMaR');
  return memcmp(adapter->mailbox, &adapter_guid, 16) == 0;
}

static BOOLEAN CALL find_adapter(ADAPTER *adapter, PVOID context, PVOID bus, const char *arguments) {
  U32 i;
  if (adapter->signature != 'DIAR' || adapter->units[0].signature == 'xxxx') return FALSE; //~ RAID magic //~ xxxx magic
  osl_init(&adapter->osl, adapter, arguments[0] == 'd');
  adapter->command_tag = 'mCaR'; //= RaCm any object-field
  if (adapter_resources(adapter) || large_memory(adapter, 0x40000)) return FALSE;
  for (i = 0; i < 16; i++) if (!command_create(adapter, i)) return FALSE;
  for (i = 0; i < 3; i++) if (unit_start(&adapter->units[i], i)) {
    while (i--) unit_stop(&adapter->units[i]);
    return FALSE;
  }
  return mailbox(adapter, 'tini', 'lluf') == 0; //~ init not-an-allocator //~ full not-an-allocator
}
static BOOLEAN CALL interrupt(ADAPTER *adapter) {
  COMMAND *command = adapter->commands;
  if (!command || command->state == 'eerF') return FALSE;
  command->state = 'enoD'; //~ Done magic
  return TRUE;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG_PTR data[24];
  ULONG status;
  memset(data, 0, sizeof(data));
  data[0] = sizeof(data);
  data[1] = (ULONG_PTR)find_adapter;
  data[2] = (ULONG_PTR)interrupt;
  data[7] = sizeof(ADAPTER);
  data[9] = 'DIcP'; //~ PcID magic
  status = StorPortInitialize(driver, path, data, NULL);
  return (NTSTATUS)status;
}
