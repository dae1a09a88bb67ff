// A bus driver for a bus like PCI: devices found by scanning, extensions with a common header, arbiters with a table of functions
// for each kind of resource, requirement lists, capabilities parsed by descriptors, interfaces with references, slots, error records.
#include "kernel.h"

#define STATUS_CONFLICT ((NTSTATUS)0xC0000018)
#define STATUS_NO_SUCH_DEVICE ((NTSTATUS)0xC000000E)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#define CONTAINER(p, type, field) ((type *)((UCHAR *)(p) - (ULONG_PTR)&((type *)0)->field))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(x, a) (((x) + (a) - 1) & ~((a) - 1))

/* ---- extensions --------------------------------------------------------------------------------------------------------- */

typedef enum { ExtensionFdo = 'FicP', ExtensionPdo = 'DicP', ExtensionSlot = 'SicP' } EXTENSION_TYPE; //~ PciF magic //~ PciD magic //~ PciS magic
typedef struct { EXTENSION_TYPE Type; ULONG State; DEVICE_OBJECT *Device; REMOVE_LOCK Lock; ULONG PoolTag; LONG References; } EXTENSION_HEADER;

typedef struct _RANGE { LIST_ENTRY Link; ULONG64 Start, End; PVOID Owner; UCHAR Attributes; } RANGE;
typedef struct { LIST_ENTRY Head; ULONG Count; ULONG Tag; } RANGE_LIST;
typedef struct _ARBITER_VECTORS ARBITER_VECTORS;
typedef struct _ARBITER {
  LIST_ENTRY Link; const ARBITER_VECTORS *Vectors; ULONG Signature; ULONG Kind; RANGE_LIST *Allocated, *Possible; PVOID Stack; ULONG StackSize; LONG References;
} ARBITER;
struct _ARBITER_VECTORS {
  ULONG Kind;
  NTSTATUS (*Initialise)(ARBITER *arbiter);
  NTSTATUS (*Allocate)(ARBITER *arbiter, ULONG64 start, ULONG64 length, PVOID owner);
  NTSTATUS (*Free)(ARBITER *arbiter, PVOID owner);
  NTSTATUS (*Grow)(ARBITER *arbiter, ULONG entries);
  const CHAR *Name;
};

typedef struct { UCHAR Type, Share; USHORT Flags; ULONG64 Start, Length; } RESOURCE;
typedef struct { UCHAR Option, Type, Share, Spare; USHORT Flags, Spare2; ULONG Length, Alignment; ULONG64 Minimum, Maximum; } REQUIREMENT;
typedef struct { ULONG Size, Interface, Bus, Slot; ULONG Alternatives; ULONG Count; REQUIREMENT Items[1]; } REQUIREMENT_LIST;
typedef struct { ULONG Count; RESOURCE Items[1]; } RESOURCE_LIST;

struct _FDO;
typedef struct _PDO {
  EXTENSION_HEADER Header; LIST_ENTRY Siblings; struct _FDO *Parent; USHORT Vendor, Device; UCHAR Bus, Slot, Class, Pin; UCHAR Config[64];
  PVOID Capabilities[12]; RESOURCE_LIST *Current; REQUIREMENT_LIST *Requirements; PVOID MsiTable; UNICODE_STRING Ids[3]; WCHAR *Location; PVOID ErrorRecords; BOOLEAN Present;
} PDO;
typedef struct _FDO {
  EXTENSION_HEADER Header; DEVICE_OBJECT *Lower; LIST_ENTRY Children, Arbiters, Slots, Interfaces; UCHAR Bus; UCHAR *Ecam; PVOID Cache; ULONG_PTR Mutex; PVOID Relations; PVOID Methods;
} FDO;

NOINLINE static PVOID Pci_CreateExtension(EXTENSION_TYPE type, SIZE_T size, ULONG tag, DEVICE_OBJECT *device) {
  EXTENSION_HEADER *header = ExAllocatePool2(POOL_FLAG_NON_PAGED, size, tag);
  if (!header) return NULL;
  header->Type = type;
  header->Device = device;
  header->PoolTag = tag;
  header->References = 1;
  IoInitializeRemoveLockEx(&header->Lock, 'LicP', 0, 0, sizeof(REMOVE_LOCK)); //~ PciL remove-lock
  return header;
}
NOINLINE static void Pci_ReleaseExtension(EXTENSION_HEADER *header) {
  if (__sync_sub_and_fetch(&header->References, 1) == 0) {
    if (header->Device) header->Device->Extension = NULL;
    ExFreePoolWithTag(header, header->PoolTag);
  }
}

static void ListInit(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static BOOLEAN ListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void ListInsert(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static void ListRemove(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* ---- ranges: the list says which tag its ranges have ---------------------------------------------------------------------- */

NOINLINE static RANGE_LIST *Range_CreateList(ULONG tag) {
  RANGE_LIST *list = ExAllocatePoolWithTag(PagedPool, sizeof(RANGE_LIST), tag);
  if (!list) return NULL;
  ListInit(&list->Head);
  list->Count = 0;
  list->Tag = tag;
  return list;
}
NOINLINE static NTSTATUS Range_Add(RANGE_LIST *list, ULONG64 start, ULONG64 end, PVOID owner, UCHAR attributes) {
  LIST_ENTRY *entry;
  RANGE *range;
  for (entry = list->Head.Flink; entry != &list->Head; entry = entry->Flink) {
    RANGE *other = CONTAINER(entry, RANGE, Link);
    if (start <= other->End && end >= other->Start && !(other->Attributes & attributes & 1)) return STATUS_CONFLICT;
    if (other->Start > end) break;
  }
  range = ExAllocatePoolWithTag(PagedPool, sizeof(RANGE), list->Tag);
  if (!range) return STATUS_INSUFFICIENT_RESOURCES;
  range->Start = start;
  range->End = end;
  range->Owner = owner;
  range->Attributes = attributes;
  ListInsert(entry, &range->Link);
  list->Count++;
  return STATUS_SUCCESS;
}
NOINLINE static ULONG Range_RemoveOwner(RANGE_LIST *list, PVOID owner) {
  LIST_ENTRY *entry = list->Head.Flink;
  ULONG removed = 0;
  while (entry != &list->Head) {
    RANGE *range = CONTAINER(entry, RANGE, Link);
    entry = entry->Flink;
    if (owner && range->Owner != owner) continue;
    ListRemove(&range->Link);
    ExFreePoolWithTag(range, list->Tag);
    removed++;
  }
  list->Count -= removed;
  return removed;
}
static void Range_DeleteList(RANGE_LIST *list) {
  Range_RemoveOwner(list, NULL);
  ExFreePoolWithTag(list, list->Tag);
}

/* ---- arbiters ----------------------------------------------------------------------------------------------------------------- */

#define ARBITER_SIGNATURE 'sbrA' //~ Arbs magic

NOINLINE static NTSTATUS Arbiter_GrowCommon(ARBITER *arbiter, ULONG size, ULONG tag) {
  PVOID stack = ExAllocatePoolWithTag(PagedPool, size, tag);
  if (!stack) return STATUS_INSUFFICIENT_RESOURCES;
  if (arbiter->Stack) {
    memcpy(stack, arbiter->Stack, arbiter->StackSize);
    ExFreePoolWithTag(arbiter->Stack, tag);
  }
  arbiter->Stack = stack;
  arbiter->StackSize = size;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Arbiter_CreateLists(ARBITER *arbiter, ULONG allocated, ULONG possible) {
  arbiter->Allocated = Range_CreateList(allocated);
  if (!arbiter->Allocated) return STATUS_INSUFFICIENT_RESOURCES;
  arbiter->Possible = Range_CreateList(possible);
  if (!arbiter->Possible) {
    Range_DeleteList(arbiter->Allocated);
    arbiter->Allocated = NULL;
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  return STATUS_SUCCESS;
}
static NTSTATUS Arbiter_FreeCommon(ARBITER *arbiter, PVOID owner) { return Range_RemoveOwner(arbiter->Allocated, owner) ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE; }

static NTSTATUS Memory_Initialise(ARBITER *arbiter) {
  NTSTATUS status = Arbiter_CreateLists(arbiter, 'MacP', 'mpcP'); //= PcaM any object-field //= Pcpm any object-field
  if (status < 0) return status;
  return Range_Add(arbiter->Possible, 0x80000000, 0xFEBFFFFF, NULL, 0);
}
static NTSTATUS Memory_Allocate(ARBITER *arbiter, ULONG64 start, ULONG64 length, PVOID owner) {
  return Range_Add(arbiter->Allocated, start, start + ROUND_UP(length, 4096) - 1, owner, 0);
}
static NTSTATUS Memory_Grow(ARBITER *arbiter, ULONG entries) { return Arbiter_GrowCommon(arbiter, entries * 32, 'MgcP'); } //= PcgM any operations-table

static NTSTATUS Port_Initialise(ARBITER *arbiter) {
  NTSTATUS status = Arbiter_CreateLists(arbiter, 'PacP', 'ppcP'); //= PcaP any object-field //= Pcpp any object-field
  if (status < 0) return status;
  status = Range_Add(arbiter->Possible, 0x1000, 0xFFFF, NULL, 0);
  if (status >= 0) status = Range_Add(arbiter->Allocated, 0x3B0, 0x3DF, arbiter, 1);
  return status;
}
static NTSTATUS Port_Allocate(ARBITER *arbiter, ULONG64 start, ULONG64 length, PVOID owner) {
  ULONG64 alias;
  NTSTATUS status = STATUS_SUCCESS;
  for (alias = start; alias < 0x10000 && status >= 0; alias += 0x400) status = Range_Add(arbiter->Allocated, alias, alias + length - 1, owner, alias != start);
  return status;
}
static NTSTATUS Port_Grow(ARBITER *arbiter, ULONG entries) { return Arbiter_GrowCommon(arbiter, entries * 16, 'PgcP'); } //= PcgP any operations-table

typedef struct { ULONG Line, Vectors; UCHAR Mode[1]; } INTERRUPT_STATE;
static NTSTATUS Interrupt_Initialise(ARBITER *arbiter) {
  arbiter->Allocated = Range_CreateList('IacP'); //= PcaI any object-field
  return arbiter->Allocated ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS Interrupt_Allocate(ARBITER *arbiter, ULONG64 start, ULONG64 length, PVOID owner) {
  INTERRUPT_STATE *state = arbiter->Stack;
  if (!state || start + length > arbiter->StackSize - sizeof(*state)) return STATUS_INSUFFICIENT_RESOURCES;
  state->Line = (ULONG)start;
  state->Mode[start] |= 1;
  return Range_Add(arbiter->Allocated, start, start + length - 1, owner, 1);
}
static NTSTATUS Interrupt_Grow(ARBITER *arbiter, ULONG entries) {
  INTERRUPT_STATE *state = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*state) + entries, 'IgcP'); //= PcgI allocation-call callback
  if (!state) return STATUS_INSUFFICIENT_RESOURCES;
  memset(state, 0, sizeof(*state) + entries);
  state->Vectors = entries;
  if (arbiter->Stack) ExFreePoolWithTag(arbiter->Stack, 'IgcP');
  arbiter->Stack = state;
  arbiter->StackSize = sizeof(*state) + entries;
  return STATUS_SUCCESS;
}
static NTSTATUS Bus_Initialise(ARBITER *arbiter) {
  NTSTATUS status = Arbiter_CreateLists(arbiter, 'BacP', 'bpcP'); //= PcaB any object-field //= Pcpb any object-field
  return status < 0 ? status : Range_Add(arbiter->Possible, 0, 255, NULL, 0);
}
static NTSTATUS Bus_Allocate(ARBITER *arbiter, ULONG64 start, ULONG64 length, PVOID owner) { return Range_Add(arbiter->Allocated, start, start + length - 1, owner, 0); }

static const ARBITER_VECTORS Arbiter_Memory = {3, Memory_Initialise, Memory_Allocate, Arbiter_FreeCommon, Memory_Grow, "memory"};
static const ARBITER_VECTORS Arbiter_Port = {1, Port_Initialise, Port_Allocate, Arbiter_FreeCommon, Port_Grow, "port"};
static const ARBITER_VECTORS Arbiter_Interrupt = {2, Interrupt_Initialise, Interrupt_Allocate, Arbiter_FreeCommon, Interrupt_Grow, "interrupt"};
static const ARBITER_VECTORS Arbiter_Bus = {6, Bus_Initialise, Bus_Allocate, Arbiter_FreeCommon, NULL, "bus"};
static const ARBITER_VECTORS *const Arbiter_Kinds[] = {&Arbiter_Memory, &Arbiter_Port, &Arbiter_Interrupt, &Arbiter_Bus, NULL};

INIT_CODE_SECTION static NTSTATUS Arbiter_CreateAll(FDO *fdo) {
  const ARBITER_VECTORS *const *vectors;
  for (vectors = Arbiter_Kinds; *vectors; vectors++) {
    NTSTATUS status;
    ARBITER *arbiter = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(ARBITER), 'bAcP'); //= PcAb any direct
    if (!arbiter) return STATUS_INSUFFICIENT_RESOURCES;
    memset(arbiter, 0, sizeof(*arbiter));
    arbiter->Signature = ARBITER_SIGNATURE;
    arbiter->Vectors = *vectors;
    arbiter->Kind = (*vectors)->Kind;
    arbiter->References = 1;
    status = arbiter->Vectors->Initialise(arbiter);
    if (status >= 0 && arbiter->Vectors->Grow) status = arbiter->Vectors->Grow(arbiter, 16);
    if (status < 0) {
      DbgPrint("pci: arbiter %s fails (%s) %08x\n", arbiter->Vectors->Name, "ARBF", status); //~ ARBF text
      ExFreePoolWithTag(arbiter, 'bAcP');
      return status;
    }
    ListInsert(&fdo->Arbiters, &arbiter->Link);
  }
  return STATUS_SUCCESS;
}
NOINLINE static ARBITER *Arbiter_Find(FDO *fdo, ULONG kind) {
  LIST_ENTRY *entry;
  for (entry = fdo->Arbiters.Flink; entry != &fdo->Arbiters; entry = entry->Flink) {
    ARBITER *arbiter = CONTAINER(entry, ARBITER, Link);
    if (arbiter->Signature != ARBITER_SIGNATURE) KeBugCheckEx(0xA1, 'BRAP', (ULONG_PTR)arbiter, kind, 0); //~ PARB bug-check
    if (arbiter->Kind == kind) return arbiter;
  }
  return NULL;
}
static void Arbiter_DeleteAll(FDO *fdo) {
  while (!ListEmpty(&fdo->Arbiters)) {
    ARBITER *arbiter = CONTAINER(fdo->Arbiters.Flink, ARBITER, Link);
    ListRemove(&arbiter->Link);
    if (arbiter->Allocated) Range_DeleteList(arbiter->Allocated);
    if (arbiter->Possible) Range_DeleteList(arbiter->Possible);
    if (arbiter->Stack) ExFreePool(arbiter->Stack);
    ExFreePoolWithTag(arbiter, 'bAcP');
  }
}

/* ---- resources and requirements ------------------------------------------------------------------------------------------------- */

PAGED_CODE_SECTION static REQUIREMENT_LIST *Requirements_Allocate(ULONG count) {
  SIZE_T size = sizeof(REQUIREMENT_LIST) + count * sizeof(REQUIREMENT);
  REQUIREMENT_LIST *list = ExAllocatePoolWithTag(PagedPool, size, 'qRcP'); //= PcRq any wrapper-fixed
  if (!list) return NULL;
  memset(list, 0, size);
  list->Size = (ULONG)size;
  list->Interface = 5;
  list->Alternatives = 1;
  list->Count = count;
  return list;
}
/* A copy carries the tag of who asks for it: the plug and play manager frees some, we others. */
PAGED_CODE_SECTION static PVOID Requirements_Copy(const REQUIREMENT_LIST *from, ULONG extra, ULONG tag) {
  REQUIREMENT_LIST *copy = ExAllocatePoolWithTag(PagedPool, from->Size + extra * sizeof(REQUIREMENT), tag);
  if (!copy) return NULL;
  memcpy(copy, from, from->Size);
  if (extra) {
    memset((UCHAR *)copy + from->Size, 0, extra * sizeof(REQUIREMENT));
    copy->Size += extra * sizeof(REQUIREMENT);
    copy->Count += extra;
  }
  return copy;
}
PAGED_CODE_SECTION static NTSTATUS Requirements_Build(PDO *pdo) {
  ULONG i, count = 0;
  const ULONG *bars = (const ULONG *)(pdo->Config + 16);
  REQUIREMENT_LIST *list;
  for (i = 0; i < 6; i++) if (bars[i]) count++;
  list = Requirements_Allocate(count + (pdo->Pin != 0));
  if (!list) return STATUS_INSUFFICIENT_RESOURCES;
  list->Bus = pdo->Bus;
  list->Slot = pdo->Slot;
  for (i = 0, count = 0; i < 6; i++) {
    if (!bars[i]) continue;
    list->Items[count].Type = bars[i] & 1 ? 1 : 3;
    list->Items[count].Length = -(bars[i] & ~15u);
    list->Items[count].Maximum = bars[i] & 1 ? 0xFFFF : 0xFFFFFFFF;
    count++;
  }
  if (pdo->Pin) list->Items[count].Type = 2;
  if (pdo->Requirements) ExFreePoolWithTag(pdo->Requirements, 'qRcP');
  pdo->Requirements = list;
  return STATUS_SUCCESS;
}
PAGED_CODE_SECTION static NTSTATUS Requirements_Query(PDO *pdo, BOOLEAN msi, PVOID *out) {
  if (!pdo->Requirements) return STATUS_UNSUCCESSFUL;
  *out = msi ? Requirements_Copy(pdo->Requirements, 1, 'mRcP') : Requirements_Copy(pdo->Requirements, 0, 'cRcP'); //= PcRm any ternary //= PcRc any ternary
  return *out ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
PAGED_CODE_SECTION static NTSTATUS Resources_Assign(PDO *pdo, const RESOURCE_LIST *from) {
  ULONG i;
  SIZE_T size = sizeof(RESOURCE_LIST) + from->Count * sizeof(RESOURCE);
  RESOURCE_LIST *list = ExAllocatePoolWithQuotaTag(PagedPool | 8, size, 'sRcP'); //= PcRs any direct
  if (!list) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(list, from, size);
  for (i = 0; i < list->Count; i++) {
    ARBITER *arbiter = Arbiter_Find(pdo->Parent, list->Items[i].Type);
    NTSTATUS status = STATUS_NO_SUCH_DEVICE;
    if (arbiter) status = arbiter->Vectors->Allocate(arbiter, list->Items[i].Start, list->Items[i].Length, pdo);
    if (status < 0) {
      while (i--) {
        arbiter = Arbiter_Find(pdo->Parent, list->Items[i].Type);
        if (arbiter) arbiter->Vectors->Free(arbiter, pdo);
      }
      ExFreePoolWithTag(list, 'sRcP');
      return status;
    }
  }
  if (pdo->Current) ExFreePoolWithTag(pdo->Current, 'sRcP');
  pdo->Current = list;
  return STATUS_SUCCESS;
}

/* ---- capabilities ------------------------------------------------------------------------------------------------------------------- */

struct _CAPABILITY;
typedef NTSTATUS (*PARSE_CAPABILITY)(PDO *pdo, const struct _CAPABILITY *how, const UCHAR *at, PVOID *out);
typedef struct _CAPABILITY { UCHAR Id, Extended; USHORT Length; ULONG Tag; PARSE_CAPABILITY Parse; } CAPABILITY;

static NTSTATUS Capability_Copy(PDO *pdo, const CAPABILITY *how, const UCHAR *at, PVOID *out) {
  UCHAR *copy = ExAllocatePoolWithTag(NonPagedPoolNx, how->Length, how->Tag);
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(copy, at, how->Length);
  *out = copy;
  return STATUS_SUCCESS;
}
typedef struct { USHORT Control; UCHAR Count, Size; struct { ULONG64 Address; ULONG Data, Mask; } Entries[1]; } MSI_TABLE;
static NTSTATUS Capability_Msi(PDO *pdo, const CAPABILITY *how, const UCHAR *at, PVOID *out) {
  ULONG count = 1u << ((at[2] >> 1) & 7);
  MSI_TABLE *table = ExAllocatePoolWithTag(NonPagedPoolNx, how->Length + count * 16, how->Tag);
  if (!table) return STATUS_INSUFFICIENT_RESOURCES;
  memset(table, 0, how->Length + count * 16);
  table->Control = *(const USHORT *)(at + 2);
  table->Count = (UCHAR)count;
  *out = table;
  return STATUS_SUCCESS;
}
static NTSTATUS Capability_Vendor(PDO *pdo, const CAPABILITY *how, const UCHAR *at, PVOID *out) {
  NTSTATUS status;
  if (*(const ULONG *)(at + 4) == '2ITM') return STATUS_NOT_SUPPORTED; //~ MTI2 magic
  status = Capability_Copy(pdo, how, at, out);
  if (status >= 0 && at[2] > how->Length) {
    ExFreePoolWithTag(*out, how->Tag);
    *out = ExAllocatePoolWithTag(PagedPool, at[2], 'vCcP'); //= PcCv any callback
    if (!*out) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(*out, at, at[2]);
  }
  return status;
}
static const CAPABILITY Capability_Table[] = {
  {0x01, 0, 8, 'pCcP', Capability_Copy}, //= PcCp any tag-table
  {0x05, 0, 16, 'mCcP', Capability_Msi}, //= PcCm any tag-table
  {0x10, 0, 60, 'eCcP', Capability_Copy}, //= PcCe any tag-table
  {0x09, 0, 12, 'oCcP', Capability_Vendor}, //= PcCo any tag-table
  {0x01, 1, 72, 'aCcP', Capability_Copy}, //= PcCa any tag-table
};
PAGED_CODE_SECTION static NTSTATUS Capability_Scan(PDO *pdo) {
  ULONG at = pdo->Config[0x34] & 0xFC, i, guard = 48;
  while (at >= 0x40 && guard--) {
    const UCHAR *here = pdo->Parent->Ecam + at;
    for (i = 0; i < COUNT_OF(Capability_Table); i++) {
      if (Capability_Table[i].Id == here[0] && !pdo->Capabilities[i]) {
        NTSTATUS status = Capability_Table[i].Parse(pdo, &Capability_Table[i], here, &pdo->Capabilities[i]);
        if (status == STATUS_INSUFFICIENT_RESOURCES) return status;
      }
    }
    at = here[1] & 0xFC;
  }
  return STATUS_SUCCESS;
}
static void Capability_Delete(PDO *pdo) {
  ULONG i;
  for (i = 0; i < COUNT_OF(Capability_Table); i++) {
    if (pdo->Capabilities[i]) ExFreePool(pdo->Capabilities[i]);
    pdo->Capabilities[i] = NULL;
  }
}

/* ---- interfaces --------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT Size, Version; PVOID Context; void(CALL *Reference)(PVOID); void(CALL *Dereference)(PVOID); } INTERFACE;
typedef struct { INTERFACE Header; ULONG(CALL *Read)(PVOID, PVOID, ULONG, ULONG); ULONG(CALL *Write)(PVOID, PVOID, ULONG, ULONG); } BUS_INTERFACE;
typedef struct { INTERFACE Header; NTSTATUS(CALL *Set)(PVOID, ULONG, PVOID); NTSTATUS(CALL *Table)(PVOID, ULONG); } MSIX_INTERFACE;
typedef struct { LIST_ENTRY Link; LONG References; PDO *Pdo; ULONG Tag; UCHAR Snapshot[1]; } INTERFACE_CONTEXT;
typedef struct { GUID Type; USHORT Size, Version; NTSTATUS (*Fill)(PDO *pdo, INTERFACE *out, ULONG tag); ULONG Tag; } INTERFACE_ROW;

static void CALL Interface_Reference(PVOID context) { __sync_add_and_fetch(&((INTERFACE_CONTEXT *)context)->References, 1); }
static void CALL Interface_Dereference(PVOID context) {
  INTERFACE_CONTEXT *interface = context;
  if (__sync_sub_and_fetch(&interface->References, 1)) return;
  ListRemove(&interface->Link);
  ObDereferenceObjectDeferDeleteWithTag(interface->Pdo->Header.Device, 'fIcP'); //~ PcIf object-tag
  ExFreePoolWithTag(interface, interface->Tag);
}
NOINLINE static INTERFACE_CONTEXT *Interface_Create(PDO *pdo, INTERFACE *out, SIZE_T snapshot, ULONG tag) {
  INTERFACE_CONTEXT *context = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*context) + snapshot, tag);
  if (!context) return NULL;
  context->References = 1;
  context->Pdo = pdo;
  context->Tag = tag;
  ObReferenceObjectByPointerWithTag(pdo->Header.Device, 0, NULL, 0, 'fIcP');
  ListInsert(&pdo->Parent->Interfaces, &context->Link);
  out->Context = context;
  out->Reference = Interface_Reference;
  out->Dereference = Interface_Dereference;
  return context;
}
static ULONG CALL Bus_Read(PVOID context, PVOID buffer, ULONG offset, ULONG length) {
  INTERFACE_CONTEXT *interface = context;
  if (offset + length > 256) return 0;
  memcpy(buffer, interface->Pdo->Parent->Ecam + offset, length);
  return length;
}
static ULONG CALL Bus_Write(PVOID context, PVOID buffer, ULONG offset, ULONG length) {
  INTERFACE_CONTEXT *interface = context;
  if (offset + length > 256) return 0;
  memcpy(interface->Pdo->Parent->Ecam + offset, buffer, length);
  memcpy(interface->Snapshot + offset, buffer, length);
  return length;
}
static NTSTATUS Interface_FillBus(PDO *pdo, INTERFACE *out, ULONG tag) {
  BUS_INTERFACE *bus = (BUS_INTERFACE *)out;
  INTERFACE_CONTEXT *context = Interface_Create(pdo, out, 256, tag);
  if (!context) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(context->Snapshot, pdo->Config, 64);
  bus->Read = Bus_Read;
  bus->Write = Bus_Write;
  return STATUS_SUCCESS;
}
static NTSTATUS CALL Msix_Set(PVOID context, ULONG entry, PVOID message) {
  INTERFACE_CONTEXT *interface = context;
  PVOID *table = interface->Pdo->MsiTable;
  if (!table || entry > 2047) return STATUS_INVALID_PARAMETER;
  table[entry] = message;
  return STATUS_SUCCESS;
}
static NTSTATUS CALL Msix_Table(PVOID context, ULONG entries) {
  INTERFACE_CONTEXT *interface = context;
  PVOID *table = ExAllocatePoolWithTagPriority(NonPagedPoolNx, entries * sizeof(PVOID), 'xMcP', 16); //= PcMx any callback
  if (!table) return STATUS_INSUFFICIENT_RESOURCES;
  memset(table, 0, entries * sizeof(PVOID));
  if (interface->Pdo->MsiTable) ExFreePoolWithTag(interface->Pdo->MsiTable, 'xMcP');
  interface->Pdo->MsiTable = table;
  return STATUS_SUCCESS;
}
static NTSTATUS Interface_FillMsix(PDO *pdo, INTERFACE *out, ULONG tag) {
  MSIX_INTERFACE *msix = (MSIX_INTERFACE *)out;
  if (!Interface_Create(pdo, out, 0, tag)) return STATUS_INSUFFICIENT_RESOURCES;
  msix->Set = Msix_Set;
  msix->Table = Msix_Table;
  return STATUS_SUCCESS;
}
static const INTERFACE_ROW Interface_Rows[] = {
  {{0x6E4A3B10, 0x1D2C, 0x4F4D, {0x91, 0x02, 0x50, 0x63, 0x49, 0x31, 0x7A, 0x0C}}, sizeof(BUS_INTERFACE), 1, Interface_FillBus, 'bIcP'}, //= PcIb any tag-table //~ PcI1 guid
  {{0x6E4A3B11, 0x1D2C, 0x4F4D, {0x91, 0x02, 0x00, 0x16, 0x90, 0x31, 0x7A, 0x0C}}, sizeof(MSIX_INTERFACE), 1, Interface_FillMsix, 'xIcP'}, //= PcIx any tag-table
};
PAGED_CODE_SECTION static NTSTATUS Interface_Query(PDO *pdo, const GUID *type, USHORT size, INTERFACE *out) {
  const INTERFACE_ROW *row;
  for (row = Interface_Rows; row < Interface_Rows + COUNT_OF(Interface_Rows); row++) {
    if (memcmp(&row->Type, type, sizeof(GUID)) || size < row->Size) continue;
    out->Size = row->Size;
    out->Version = row->Version;
    return row->Fill(pdo, out, row->Tag);
  }
  return STATUS_NOT_SUPPORTED;
}

/* ---- methods of the firmware: arguments are packed behind a signature ------------------------------------------------------------------ */

#define METHOD_SIGNATURE 'BieA' //~ AeiB magic
typedef struct { USHORT Type, Length; union { ULONG Value; UCHAR Data[4]; } u; } ARGUMENT;
typedef struct { ULONG Signature, Name, Size, Count; ARGUMENT Arguments[1]; } METHOD_INPUT;
typedef struct { ULONG Signature, Length, Count; ARGUMENT Arguments[1]; } METHOD_OUTPUT;

NOINLINE static NTSTATUS Method_Evaluate(FDO *fdo, ULONG name, ULONG count, const ULONG *arguments, METHOD_OUTPUT **result) {
  ULONG i, size = sizeof(METHOD_INPUT) + count * sizeof(ARGUMENT);
  PVOID irp;
  NTSTATUS status;
  METHOD_INPUT *input = ExAllocatePoolWithTag(PagedPool, size, 'iAcP'); //= PcAi allocation-call direct
  METHOD_OUTPUT *output;
  if (!input) return STATUS_INSUFFICIENT_RESOURCES;
  output = ExAllocatePoolWithTag(PagedPool, 1024, 'oAcP'); //= PcAo allocation-call direct
  if (!output) {
    ExFreePoolWithTag(input, 'iAcP');
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  input->Signature = METHOD_SIGNATURE;
  input->Name = name;
  input->Size = size;
  input->Count = count;
  for (i = 0; i < count; i++) {
    input->Arguments[i].Length = 4;
    input->Arguments[i].u.Value = arguments[i];
  }
  irp = IoBuildDeviceIoControlRequest(0x32C004, fdo->Lower, input, size, output, 1024, FALSE, NULL, NULL);
  status = irp ? IoCallDriver(fdo->Lower, irp) : STATUS_INSUFFICIENT_RESOURCES;
  ExFreePoolWithTag(input, 'iAcP');
  if (status < 0 || output->Signature != 'BoeA') { //~ AeoB magic
    ExFreePoolWithTag(output, 'oAcP');
    return status < 0 ? status : STATUS_UNSUCCESSFUL;
  }
  *result = output;
  return STATUS_SUCCESS;
}
PAGED_CODE_SECTION static NTSTATUS Method_Start(FDO *fdo) {
  ULONG arguments[4] = {5, 1, 0, 0};
  METHOD_OUTPUT *output;
  NTSTATUS status = Method_Evaluate(fdo, 'CSO_', 4, arguments, &output); //~ _OSC not-an-allocator
  if (status >= 0) {
    arguments[0] = output->Arguments[0].u.Value;
    ExFreePoolWithTag(output, 'oAcP');
    status = Method_Evaluate(fdo, 'NBB_', 0, NULL, &output); //~ _BBN not-an-allocator
    if (status >= 0) {
      fdo->Bus = (UCHAR)output->Arguments[0].u.Value;
      ExFreePoolWithTag(output, 'oAcP');
    }
  }
  return Method_Evaluate(fdo, 'TRP_', 1, arguments, (METHOD_OUTPUT **)&fdo->Methods); //~ _PRT not-an-allocator
}

/* ---- slots and deferred removal --------------------------------------------------------------------------------------------------------- */

typedef struct { EXTENSION_HEADER Header; LIST_ENTRY Link; UCHAR Number, State; ULONG_PTR Timer[8], Dpc[8]; FDO *Fdo; } SLOT;
typedef struct _DEFERRED { LIST_ENTRY Link; void (*Routine)(struct _DEFERRED *); ULONG Tag; FDO *Fdo; PDO *Pdo; PVOID Item; } DEFERRED;

static void CALL Deferred_Worker(DEVICE_OBJECT *device, PVOID context) {
  DEFERRED *deferred = context;
  ULONG tag = deferred->Tag;
  IoFreeWorkItem(deferred->Item);
  deferred->Routine(deferred);
  ExFreePoolWithTag(deferred, tag);
}
NOINLINE static NTSTATUS Deferred_Queue(FDO *fdo, PDO *pdo, void (*routine)(DEFERRED *), ULONG tag) {
  DEFERRED *deferred = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(DEFERRED), tag);
  if (!deferred) return STATUS_INSUFFICIENT_RESOURCES;
  deferred->Routine = routine;
  deferred->Fdo = fdo;
  deferred->Pdo = pdo;
  deferred->Tag = tag ? tag : 'fDcP'; //? PcDf only a zero would lead here
  deferred->Item = IoAllocateWorkItem(fdo->Header.Device);
  if (!deferred->Item) {
    ExFreePoolWithTag(deferred, tag);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  IoQueueWorkItem(deferred->Item, (PVOID)Deferred_Worker, 1, deferred);
  return STATUS_SUCCESS;
}
static void Pdo_Delete(PDO *pdo);
static NTSTATUS Bus_Scan(FDO *fdo);
static void Deferred_Remove(DEFERRED *deferred) { Pdo_Delete(deferred->Pdo); }
static void Deferred_Rescan(DEFERRED *deferred) { Bus_Scan(deferred->Fdo); }
static void CALL Slot_Timer(PVOID dpc, PVOID context, PVOID a, PVOID b) {
  SLOT *slot = context;
  if (slot->Header.Type != ExtensionSlot) return;
  if (++slot->State == 4) Deferred_Queue(slot->Fdo, NULL, Deferred_Rescan, 'rDcP'); //= PcDr any wrapper
}
PAGED_CODE_SECTION static NTSTATUS Slot_Create(FDO *fdo, UCHAR number) {
  SLOT *slot = Pci_CreateExtension(ExtensionSlot, sizeof(SLOT), 'lScP', NULL); //= PcSl any wrapper
  if (!slot) return STATUS_INSUFFICIENT_RESOURCES;
  slot->Number = number;
  slot->Fdo = fdo;
  KeInitializeTimer(slot->Timer);
  KeInitializeDpc(slot->Dpc, (PVOID)Slot_Timer, slot);
  ListInsert(&fdo->Slots, &slot->Link);
  return STATUS_SUCCESS;
}

/* ---- error records ----------------------------------------------------------------------------------------------------------------------- */

typedef struct _AER_RECORD { struct _AER_RECORD *Next; ULONG Signature, Severity; USHORT Source; ULONG Header[4]; } AER_RECORD;
static ULONG Aer_PoolTag = 'rEcP'; //= PcEr any initialised-global
NOINLINE static void Aer_Record(PDO *pdo, const ULONG *registers) {
  AER_RECORD *record = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(AER_RECORD), Aer_PoolTag);
  if (!record) return;
  record->Signature = 'REPC'; //~ CPER magic
  record->Severity = registers[1] & 0x4030 ? 'ataF' : 'rroC'; //~ Fata magic //~ Corr magic
  record->Source = (USHORT)(pdo->Bus << 8 | pdo->Slot);
  memcpy(record->Header, registers + 7, 16);
  record->Next = pdo->ErrorRecords;
  pdo->ErrorRecords = record;
}
static void Aer_Flush(PDO *pdo) {
  AER_RECORD *record = pdo->ErrorRecords;
  while (record) {
    AER_RECORD *next = record->Next;
    if (record->Severity == 'ataF') DbgPrint("pci: fatal at %x\n", record->Source);
    ExFreePoolWithTag(record, Aer_PoolTag);
    record = next;
  }
  pdo->ErrorRecords = NULL;
}

/* ---- registry cache ---------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Length; USHORT Vendor, Device; ULONG64 Flags; } HACK_ROW;
typedef struct { ULONG Rows; HACK_ROW Row[1]; } HACK_CACHE;
PAGED_CODE_SECTION static NTSTATUS Cache_Value(HANDLE key, const WCHAR *name, ULONG tag, PVOID *out, ULONG *length) {
  UNICODE_STRING value;
  ULONG needed = 0;
  NTSTATUS status;
  RtlInitUnicodeString(&value, name);
  ZwQueryValueKey(key, &value, 2, NULL, 0, &needed);
  if (!needed) return STATUS_UNSUCCESSFUL;
  *out = ExAllocatePoolWithTag(PagedPool, needed, tag);
  if (!*out) return STATUS_INSUFFICIENT_RESOURCES;
  status = ZwQueryValueKey(key, &value, 2, *out, needed, length);
  if (status < 0) {
    ExFreePoolWithTag(*out, tag);
    *out = NULL;
  }
  return status;
}
INIT_CODE_SECTION static NTSTATUS Cache_Load(FDO *fdo, HANDLE key) {
  PVOID data;
  ULONG length, i, count;
  HACK_CACHE *cache;
  NTSTATUS status = Cache_Value(key, (const WCHAR *)L"HackFlags", 'hKcP', &data, &length); //= PcKh any wrapper
  if (status < 0) return status;
  count = length / sizeof(HACK_ROW);
  cache = FsRtlAllocatePoolWithTag(PagedPool, sizeof(HACK_CACHE) + length, 'cKcP'); //= PcKc allocation-call direct
  if (!cache) {
    ExFreePoolWithTag(data, 'hKcP');
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  for (i = 0; i < count; i++) cache->Row[i] = ((HACK_ROW *)((UCHAR *)data + 12))[i];
  cache->Rows = count;
  fdo->Cache = cache;
  ExFreePoolWithTag(data, 'hKcP');
  if (Cache_Value(key, (const WCHAR *)L"RootBus", 'rKcP', &data, &length) >= 0) { //= PcKr any wrapper
    fdo->Bus = ((UCHAR *)data)[12];
    ExFreePoolWithTag(data, 'rKcP');
  }
  return STATUS_SUCCESS;
}

/* ---- devices --------------------------------------------------------------------------------------------------------------------------------- */

static const CHAR Hex[] = "0123456789ABCDEF";
PAGED_CODE_SECTION static NTSTATUS Pdo_BuildId(PDO *pdo, ULONG which, const CHAR *prefix, ULONG value) {
  static const ULONG Tags[3] = {'dHcP', 'dCcP', 'dIcP'}; //= PcHd any tag-table //= PcCd any tag-table //= PcId any tag-table
  ULONG i = 0, digit;
  WCHAR *text;
  if (which >= 3) return STATUS_INVALID_PARAMETER;
  text = ExAllocatePoolWithTag(PagedPool, 64 * sizeof(WCHAR), Tags[which]);
  if (!text) return STATUS_INSUFFICIENT_RESOURCES;
  for (; prefix[i]; i++) text[i] = prefix[i];
  for (digit = 8; digit--;) text[i++] = Hex[value >> digit * 4 & 15];
  text[i] = 0;
  pdo->Ids[which].Buffer = text;
  pdo->Ids[which].Length = (USHORT)(i * 2);
  return STATUS_SUCCESS;
}
PAGED_CODE_SECTION static NTSTATUS Pdo_Create(FDO *fdo, UCHAR slot, const UCHAR *config) {
  DEVICE_OBJECT *device;
  PDO *pdo;
  NTSTATUS status = IoCreateDevice(fdo->Header.Device->Driver, 0, NULL, 0x22, 0x80, FALSE, &device);
  if (status < 0) return status;
  pdo = Pci_CreateExtension(ExtensionPdo, sizeof(PDO), 'oDcP', device); //= PcDo any wrapper
  if (!pdo) {
    IoDeleteDevice(device);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  device->Extension = pdo;
  pdo->Parent = fdo;
  pdo->Slot = slot;
  pdo->Bus = fdo->Bus;
  pdo->Present = TRUE;
  memcpy(pdo->Config, config, 64);
  pdo->Vendor = *(const USHORT *)config;
  pdo->Device = *(const USHORT *)(config + 2);
  pdo->Pin = config[0x3D];
  status = Pdo_BuildId(pdo, 0, "PCI\\DEV_", *(const ULONG *)config);
  if (status >= 0) status = Pdo_BuildId(pdo, 1, "PCI\\CC_", *(const ULONG *)(config + 8));
  if (status >= 0) status = Pdo_BuildId(pdo, 2, "", slot);
  if (status >= 0) status = Capability_Scan(pdo);
  if (status >= 0) status = Requirements_Build(pdo);
  if (status < 0) {
    Pdo_Delete(pdo);
    return status;
  }
  ListInsert(&fdo->Children, &pdo->Siblings);
  return STATUS_SUCCESS;
}
NOINLINE static void Pdo_Delete(PDO *pdo) {
  ULONG i;
  Capability_Delete(pdo);
  Aer_Flush(pdo);
  for (i = 0; i < 3; i++) if (pdo->Ids[i].Buffer) ExFreePool(pdo->Ids[i].Buffer);
  if (pdo->Requirements) ExFreePoolWithTag(pdo->Requirements, 'qRcP');
  if (pdo->Current) ExFreePoolWithTag(pdo->Current, 'sRcP');
  IoDeleteDevice(pdo->Header.Device);
  Pci_ReleaseExtension(&pdo->Header);
}
NOINLINE static NTSTATUS Bus_Scan(FDO *fdo) {
  UCHAR slot;
  NTSTATUS status = STATUS_SUCCESS;
  for (slot = 0; slot < 32 && status >= 0; slot++) {
    const UCHAR *config = fdo->Ecam + ((ULONG)slot << 15);
    if (*(const USHORT *)config == 0xFFFF) continue;
    if (*(const ULONG *)(config + 0x2C) == 'UMEQ') continue; //~ QEMU magic
    status = Pdo_Create(fdo, slot, config);
    if (status >= 0 && config[0x0E] == 1) status = Slot_Create(fdo, slot);
  }
  return status;
}
PAGED_CODE_SECTION static NTSTATUS Bus_Relations(FDO *fdo, PVOID *out) {
  struct { ULONG Count; PVOID Objects[1]; } *relations;
  ULONG count = 0;
  LIST_ENTRY *entry;
  for (entry = fdo->Children.Flink; entry != &fdo->Children; entry = entry->Flink) count++;
  relations = ExAllocatePoolWithTag(PagedPool, sizeof(*relations) + count * sizeof(PVOID), 'eRcP'); //= PcRe allocation-call page-section
  if (!relations) return STATUS_INSUFFICIENT_RESOURCES;
  relations->Count = 0;
  for (entry = fdo->Children.Flink; entry != &fdo->Children; entry = entry->Flink) {
    PDO *pdo = CONTAINER(entry, PDO, Siblings);
    if (!pdo->Present) Deferred_Queue(fdo, pdo, Deferred_Remove, 'mDcP'); //= PcDm any wrapper
    else relations->Objects[relations->Count++] = pdo->Header.Device;
  }
  *out = relations;
  return STATUS_SUCCESS;
}

/* ---- dispatch ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { UCHAR Minor; NTSTATUS (*Handler)(EXTENSION_HEADER *, IRP *); } PNP_ROW;
static NTSTATUS Fdo_Start(EXTENSION_HEADER *header, IRP *irp) {
  FDO *fdo = (FDO *)header;
  NTSTATUS status = Arbiter_CreateAll(fdo);
  if (status >= 0) status = Cache_Load(fdo, irp->Stack->Argument[0]);
  if (status >= 0) status = Method_Start(fdo);
  return status >= 0 ? Bus_Scan(fdo) : status;
}
static NTSTATUS Fdo_Relations(EXTENSION_HEADER *header, IRP *irp) { return Bus_Relations((FDO *)header, (PVOID *)&irp->Information); }
static NTSTATUS Fdo_Remove(EXTENSION_HEADER *header, IRP *irp) {
  FDO *fdo = (FDO *)header;
  Arbiter_DeleteAll(fdo);
  if (fdo->Cache) ExFreePoolWithTag(fdo->Cache, 'cKcP');
  while (!ListEmpty(&fdo->Slots)) {
    SLOT *slot = CONTAINER(fdo->Slots.Flink, SLOT, Link);
    ListRemove(&slot->Link);
    Pci_ReleaseExtension(&slot->Header);
  }
  IoDetachDevice(fdo->Lower);
  Pci_ReleaseExtension(header);
  return STATUS_SUCCESS;
}
static NTSTATUS Pdo_Start(EXTENSION_HEADER *header, IRP *irp) { return Resources_Assign((PDO *)header, irp->SystemBuffer); }
static NTSTATUS Pdo_QueryRequirements(EXTENSION_HEADER *header, IRP *irp) { return Requirements_Query((PDO *)header, irp->Flags & 1, (PVOID *)&irp->Information); }
static NTSTATUS Pdo_QueryInterface(EXTENSION_HEADER *header, IRP *irp) {
  return Interface_Query((PDO *)header, irp->Stack->Argument[0], (USHORT)(ULONG_PTR)irp->Stack->Argument[1], irp->Stack->Argument[2]);
}
static NTSTATUS Pdo_Error(EXTENSION_HEADER *header, IRP *irp) { Aer_Record((PDO *)header, irp->SystemBuffer); return STATUS_SUCCESS; }
static NTSTATUS Pdo_Eject(EXTENSION_HEADER *header, IRP *irp) {
  ((PDO *)header)->Present = FALSE;
  return STATUS_SUCCESS;
}
static const PNP_ROW Fdo_Rows[] = {{0, Fdo_Start}, {2, Fdo_Remove}, {7, Fdo_Relations}};
static const PNP_ROW Pdo_Rows[] = {{0, Pdo_Start}, {8, Pdo_QueryInterface}, {11, Pdo_QueryRequirements}, {17, Pdo_Eject}, {22, Pdo_Error}};

static NTSTATUS CALL Pci_Pnp(DEVICE_OBJECT *device, IRP *irp) {
  EXTENSION_HEADER *header = device->Extension;
  const PNP_ROW *rows = header->Type == ExtensionFdo ? Fdo_Rows : Pdo_Rows;
  ULONG i, count = header->Type == ExtensionFdo ? COUNT_OF(Fdo_Rows) : COUNT_OF(Pdo_Rows);
  NTSTATUS status = IoAcquireRemoveLockEx(&header->Lock, irp, "dispatch.c", 9, sizeof(REMOVE_LOCK));
  if (status < 0) return status;
  status = irp->Status;
  for (i = 0; i < count; i++) if (rows[i].Minor == irp->Stack->Minor) { status = rows[i].Handler(header, irp); break; }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  FDO *fdo;
  ULONG magic[2] = {'TDSR', 'GFCM'}; //~ RSDT firmware-table //~ MCFG firmware-table
  PHYSICAL_ADDRESS base;
  NTSTATUS status = IoCreateDevice(driver, 0, NULL, 0x2A, 0, FALSE, &device);
  if (status < 0) return status;
  fdo = Pci_CreateExtension(ExtensionFdo, sizeof(FDO), 'oFcP', device); //= PcFo any wrapper
  if (!fdo) {
    IoDeleteDevice(device);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  device->Extension = fdo;
  ListInit(&fdo->Children); ListInit(&fdo->Arbiters); ListInit(&fdo->Slots); ListInit(&fdo->Interfaces);
  status = ZwQuerySystemInformation(0x4C, magic, sizeof(magic), NULL);
  base.QuadPart = magic[0];
  fdo->Ecam = MmGetVirtualForPhysical(base);
  fdo->Lower = IoAttachDeviceToDeviceStack(device, driver->Device);
  driver->Major[27] = Pci_Pnp;
  return fdo->Ecam ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE;
}
