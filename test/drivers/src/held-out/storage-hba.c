// The miniport of a host bus adapter on StorPort: a port library that knows several ways to memory and chooses one at start (a system
// that runs, one that writes its crash dump), queues, commands, lists of pieces, events of the firmware, I/O controls, targets, recovery.
#include "kernel.h"

#define HBA_TAG(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)
#define HBA_TRACE(hba, ...) do { if ((hba)->TraceLevel > 1) DbgPrint("hba: " __VA_ARGS__); } while (0)

#define ExtFunctionAllocatePool 0
#define ExtFunctionFreePool 1
#define ExtFunctionGetMessageInterruptInformation 5
#define ExtFunctionInitializePerformanceOptimizations 20
#define STOR_STATUS_SUCCESS 0
#define STOR_STATUS_INSUFFICIENT_RESOURCES 0xC1000003u
#define ResetDetected 2
#define RequestComplete 0

ALWAYS_INLINE ULONG StorPortAllocatePool(PVOID extension, ULONG bytes, ULONG tag, PVOID *buffer) {
  return StorPortExtendedFunction(ExtFunctionAllocatePool, extension, bytes, tag, buffer);
}
ALWAYS_INLINE ULONG StorPortFreePool(PVOID extension, PVOID buffer) {
  return StorPortExtendedFunction(ExtFunctionFreePool, extension, buffer);
}
ALWAYS_INLINE ULONG StorPortInitializePerfOpts(PVOID extension, BOOLEAN query, PVOID data) {
  return StorPortExtendedFunction(ExtFunctionInitializePerformanceOptimizations, extension, query, data);
}

/* ---- the port library: memory by kind ------------------------------------------------------------------------------------------ */

typedef struct _HBA HBA;
typedef struct _PORT_MEMORY {
  PVOID (*Allocate)(HBA *hba, ULONG bytes, ULONG tag);
  void (*Free)(HBA *hba, PVOID p);
  const CHAR *Name;
} PORT_MEMORY;

typedef enum { MEM_QUEUE, MEM_COMMAND, MEM_SGL, MEM_SENSE, MEM_TASK, MEM_IOCTL, MEM_KINDS } MEM_KIND;

typedef struct _QUEUE {
  ULONG Signature; USHORT Id, Depth; USHORT Head, Tail; ULONG EntrySize; UCHAR *Entries; PHYSICAL_ADDRESS Physical;
  struct _COMMAND **Tracker; ULONG_PTR Lock;
} QUEUE;
typedef struct _SGE { ULONG64 Address; ULONG Length, Flags; } SGE;
typedef struct _SGL { struct _SGL *Next; ULONG Count, Limit; SGE Elements[1]; } SGL;
typedef struct _COMMAND {
  LIST_ENTRY Link; ULONG Signature; ULONG Index, State; struct _TARGET *Target; SGL *Sgl; UCHAR *Sense; PVOID Srb; UCHAR Frame[64];
  void (*Done)(HBA *hba, struct _COMMAND *command);
} COMMAND;
typedef struct _TARGET { struct _TARGET *Next; ULONG64 Address; ULONG Signature, Id, Luns; PVOID *LunTable; UCHAR *Vpd; LONG Outstanding; } TARGET;
typedef struct _FW_EVENT { LIST_ENTRY Link; USHORT Code, Length; ULONG Sequence; UCHAR Data[1]; } FW_EVENT;
typedef struct _RECOVERY { LIST_ENTRY Link; ULONG Step, Retries; TARGET *Target; COMMAND *Command; PVOID Snapshot; } RECOVERY;
typedef struct _DUMP_REGION { UCHAR *Base; ULONG Size, Used; } DUMP_REGION;

struct _HBA {
  ULONG Signature;
  ULONG TraceLevel;
  const PORT_MEMORY *Memory;
  DUMP_REGION Dump;
  BOOLEAN DumpMode, Msix;
  UCHAR QueueCount, Generation;
  QUEUE **Queues;
  COMMAND *Commands[256];
  TARGET *Targets[32];
  ULONG TargetCount;
  LIST_ENTRY Events, Recoveries;
  ULONG EventTag, EventSequence;
  LOOKASIDE RecoveryList;
  PVOID Log, Stats, NodeMap;
  ULONG LogSize;
  struct { PVOID Buffer; ULONG Size; ULONG Tag; } Wmi[3];
  ULONG_PTR Lock;
  LONG Failures;
};
#define HBA_SIGNATURE HBA_TAG('H', 'b', 'A', '!') //~ HbA! magic
#define TAG_ADAPTER HBA_TAG('H', 'b', 'A', 'd') //= HbAd any storport-pool
#define TAG_QUEUE HBA_TAG('H', 'b', 'Q', 'u') //= HbQu any switch-tags
#define TAG_COMMAND HBA_TAG('H', 'b', 'C', 'm') //= HbCm any switch-tags
#define TAG_SGL HBA_TAG('H', 'b', 'S', 'g') //= HbSg any switch-tags
#define TAG_SENSE HBA_TAG('H', 'b', 'S', 'e') //= HbSe any switch-tags
#define TAG_TASK HBA_TAG('H', 'b', 'T', 'k') //= HbTk any switch-tags
#define TAG_IOCTL HBA_TAG('H', 'b', 'I', 'o') //= HbIo any switch-tags
#define TAG_OTHER HBA_TAG('H', 'b', 'O', 't') //= HbOt any switch-tags

static PVOID StorAllocate(HBA *hba, ULONG bytes, ULONG tag) {
  PVOID p = NULL;
  if (StorPortAllocatePool(hba, bytes, tag, &p) != STOR_STATUS_SUCCESS) {
    hba->Failures++;
    return NULL;
  }
  memset(p, 0, bytes);
  return p;
}
static void StorFree(HBA *hba, PVOID p) { StorPortFreePool(hba, p); }

static PVOID KernelAllocate(HBA *hba, ULONG bytes, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag);
  if (p) memset(p, 0, bytes);
  return p;
}
static void KernelFree(HBA *hba, PVOID p) { ExFreePool(p); }

static PVOID DumpAllocate(HBA *hba, ULONG bytes, ULONG tag) {
  UCHAR *p = hba->Dump.Base + hba->Dump.Used;
  bytes = (bytes + 63) & ~63u;
  if (hba->Dump.Used + bytes > hba->Dump.Size) return NULL;
  hba->Dump.Used += bytes;
  *(ULONG *)p = tag;
  return p + 64;
}
static void DumpFree(HBA *hba, PVOID p) { *(ULONG *)((UCHAR *)p - 64) = HBA_TAG('D', 'e', 'a', 'd'); } //~ Dead magic

static const PORT_MEMORY StorMemory = {StorAllocate, StorFree, "storport"};
static const PORT_MEMORY KernelMemory = {KernelAllocate, KernelFree, "kernel"};
static const PORT_MEMORY DumpMemory = {DumpAllocate, DumpFree, "dump"};

NOINLINE static void PlChooseMemory(HBA *hba, BOOLEAN dump, ULONG version) {
  if (dump) hba->Memory = &DumpMemory;
  else if (version < 0x0603) hba->Memory = &KernelMemory;
  else hba->Memory = &StorMemory;
  hba->DumpMode = dump;
}
NOINLINE static PVOID PlAllocate(HBA *hba, MEM_KIND kind, ULONG bytes) {
  ULONG tag;
  switch (kind) {
    case MEM_QUEUE: tag = TAG_QUEUE; break;
    case MEM_COMMAND: tag = TAG_COMMAND; break;
    case MEM_SGL: tag = TAG_SGL; break;
    case MEM_SENSE: tag = TAG_SENSE; break;
    case MEM_TASK: tag = TAG_TASK; break;
    case MEM_IOCTL: tag = TAG_IOCTL; break;
    default: tag = TAG_OTHER;
  }
  return hba->Memory->Allocate(hba, bytes, tag);
}
static void PlFree(HBA *hba, PVOID p) { if (p) hba->Memory->Free(hba, p); }
NOINLINE static PVOID PlAllocateTagged(HBA *hba, ULONG bytes, ULONG tag) {
  PVOID p = hba->Memory->Allocate(hba, bytes, tag);
  if (!p) HBA_TRACE(hba, "no memory from %s for %u bytes\n", hba->Memory->Name, bytes);
  return p;
}

/* Memory that the device reads and writes: contiguous where the system gives it. */
NOINLINE static PVOID PlAllocateDma(HBA *hba, SIZE_T bytes, ULONG tag, PHYSICAL_ADDRESS *physical) {
  PHYSICAL_ADDRESS low, high, boundary;
  PVOID p = NULL;
  if (hba->DumpMode) {
    p = DumpAllocate(hba, (ULONG)bytes, tag);
  } else {
    low.QuadPart = 0;
    high.u.Low = 0xFFFFFFFF; high.u.High = hba->Generation > 2 ? -1 : 0;
    boundary.QuadPart = 0;
    if (MmAllocateContiguousMemoryEx(&bytes, low, high, boundary, 0x80000000, 4, NULL, tag, 0, &p) < 0) return NULL;
  }
  if (p) *physical = MmGetPhysicalAddress(p);
  return p;
}

/* ---- lists of pieces -------------------------------------------------------------------------------------------------------------- */

NOINLINE static SGL *SglCreate(HBA *hba, ULONG limit) {
  SGL *sgl = PlAllocate(hba, MEM_SGL, sizeof(SGL) + limit * sizeof(SGE));
  if (!sgl) return NULL;
  sgl->Next = NULL;
  sgl->Count = 0;
  sgl->Limit = limit;
  return sgl;
}
NOINLINE static BOOLEAN SglAdd(HBA *hba, SGL *sgl, ULONG64 address, ULONG length) {
  while (sgl->Count == sgl->Limit) {
    if (!sgl->Next) {
      sgl->Next = PlAllocateTagged(hba, sizeof(SGL) + 32 * sizeof(SGE), HBA_TAG('H', 'b', 'S', 'x')); //= HbSx any operations-object
      if (!sgl->Next) return FALSE;
      sgl->Next->Next = NULL;
      sgl->Next->Count = 0;
      sgl->Next->Limit = 32;
    }
    sgl = sgl->Next;
  }
  sgl->Elements[sgl->Count].Address = address;
  sgl->Elements[sgl->Count].Length = length;
  sgl->Elements[sgl->Count++].Flags = length ? 0 : HBA_TAG('L', 'a', 's', 't'); //~ Last magic
  return TRUE;
}
static void SglFree(HBA *hba, SGL *sgl) {
  while (sgl) {
    SGL *next = sgl->Next;
    PlFree(hba, sgl);
    sgl = next;
  }
}

/* ---- queues: each kind says what it needs ------------------------------------------------------------------------------------------- */

typedef struct _QUEUE_KIND { USHORT Depth, EntrySize; ULONG RingTag, TrackerTag; } QUEUE_KIND;
static const QUEUE_KIND QueueKinds[] = {
  {32, 64, HBA_TAG('H', 'b', 'R', 'a'), HBA_TAG('H', 'b', 'K', 'a')}, //= HbRa any tag-table //= HbKa any tag-table
  {512, 64, HBA_TAG('H', 'b', 'R', 's'), HBA_TAG('H', 'b', 'K', 's')}, //= HbRs any tag-table //= HbKs any tag-table
  {512, 16, HBA_TAG('H', 'b', 'R', 'c'), HBA_TAG('H', 'b', 'K', 'c')}, //= HbRc any tag-table //= HbKc any tag-table
};

NOINLINE static QUEUE *QueueCreate(HBA *hba, USHORT id, const QUEUE_KIND *kind) {
  QUEUE *queue = PlAllocate(hba, MEM_QUEUE, sizeof(QUEUE));
  if (!queue) return NULL;
  queue->Signature = HBA_TAG('Q', 'u', 'e', '1'); //~ Que1 magic
  queue->Id = id;
  queue->Depth = kind->Depth;
  queue->EntrySize = kind->EntrySize;
  queue->Entries = PlAllocateDma(hba, (SIZE_T)kind->Depth * kind->EntrySize, kind->RingTag, &queue->Physical);
  queue->Tracker = PlAllocateTagged(hba, kind->Depth * sizeof(PVOID), kind->TrackerTag);
  if (!queue->Entries || !queue->Tracker) {
    PlFree(hba, queue->Tracker);
    if (queue->Entries && !hba->DumpMode) MmFreeContiguousMemory(queue->Entries);
    PlFree(hba, queue);
    return NULL;
  }
  KeInitializeSpinLock(&queue->Lock);
  return queue;
}
NOINLINE static BOOLEAN QueuesCreate(HBA *hba, UCHAR count) {
  UCHAR i;
  hba->Queues = PlAllocateTagged(hba, (count * 2u + 1) * sizeof(PVOID), HBA_TAG('H', 'b', 'Q', 't')); //= HbQt any operations-object
  if (!hba->Queues) return FALSE;
  hba->Queues[0] = QueueCreate(hba, 0, &QueueKinds[0]);
  for (i = 1; i <= count; i++) {
    hba->Queues[i * 2 - 1] = QueueCreate(hba, i, &QueueKinds[1]);
    hba->Queues[i * 2] = QueueCreate(hba, i, &QueueKinds[2]);
    if (!hba->Queues[i * 2] || !hba->Queues[i * 2 - 1]) break;
    hba->QueueCount = i;
  }
  hba->Stats = PlAllocate(hba, MEM_KINDS, (count + 1) * 64u);
  if (!hba->DumpMode && count > 8) {
    struct { ULONG64 Type; ULONG Node, Pad; } preferred = {3, count / 16u, 0};
    hba->NodeMap = ExAllocatePool3(POOL_FLAG_NON_PAGED, count * 8u, HBA_TAG('H', 'b', 'N', 'u'), &preferred, 1); //= HbNu any direct
    if (hba->NodeMap) memset(hba->NodeMap, 0, count * 8u);
  }
  return hba->Queues[0] && hba->QueueCount;
}
NOINLINE static BOOLEAN QueueSubmit(HBA *hba, QUEUE *queue, COMMAND *command) {
  USHORT next;
  if (queue->Signature != HBA_TAG('Q', 'u', 'e', '1')) return FALSE;
  next = (USHORT)((queue->Tail + 1) & (queue->Depth - 1));
  if (next == queue->Head) return FALSE;
  memcpy(queue->Entries + queue->Tail * queue->EntrySize, command->Frame, queue->EntrySize);
  queue->Tracker[queue->Tail] = command;
  queue->Tail = next;
  return TRUE;
}

/* ---- commands ------------------------------------------------------------------------------------------------------------------------ */

static void CommandDone(HBA *hba, COMMAND *command) {
  command->State = 0;
  if (command->Target) __sync_fetch_and_sub(&command->Target->Outstanding, 1);
  StorPortNotification(RequestComplete, hba, command->Srb);
}
NOINLINE static COMMAND *CommandCreate(HBA *hba, ULONG index) {
  COMMAND *command = PlAllocate(hba, MEM_COMMAND, sizeof(COMMAND));
  if (!command) return NULL;
  command->Signature = HBA_TAG('C', 'm', 'd', '#'); //~ Cmd# magic
  command->Index = index;
  command->Done = CommandDone;
  command->Sgl = SglCreate(hba, 16);
  command->Sense = PlAllocate(hba, MEM_SENSE, 252);
  if (!command->Sgl || !command->Sense) {
    SglFree(hba, command->Sgl);
    PlFree(hba, command->Sense);
    PlFree(hba, command);
    return NULL;
  }
  hba->Commands[index] = command;
  return command;
}
static COMMAND *CommandTake(HBA *hba) {
  ULONG i;
  for (i = 0; i < 256; i++) {
    COMMAND *command = hba->Commands[i] ? hba->Commands[i] : CommandCreate(hba, i);
    if (!command) return NULL;
    if (command->State == 0) { command->State = 1; return command; }
  }
  return NULL;
}

/* ---- targets -------------------------------------------------------------------------------------------------------------------------- */

#define TARGET_SIGNATURE HBA_TAG('T', 'g', 't', 'S') //~ TgtS magic
#define TargetSlot(address) (((ULONG)(address) ^ (ULONG)((address) >> 32)) & 31)

NOINLINE static TARGET *TargetFind(HBA *hba, ULONG64 address) {
  TARGET *target;
  for (target = hba->Targets[TargetSlot(address)]; target; target = target->Next) if (target->Address == address) return target;
  return NULL;
}
NOINLINE static ULONG TargetAdd(HBA *hba, ULONG64 address, ULONG luns) {
  TARGET *target = TargetFind(hba, address);
  if (target) return STOR_STATUS_SUCCESS;
  target = PlAllocateTagged(hba, sizeof(TARGET), HBA_TAG('H', 'b', 'T', 'g')); //= HbTg any operations-object
  if (!target) return STOR_STATUS_INSUFFICIENT_RESOURCES;
  target->Signature = TARGET_SIGNATURE;
  target->Address = address;
  target->Id = hba->TargetCount++;
  target->Luns = luns;
  target->LunTable = PlAllocateTagged(hba, luns * sizeof(PVOID), HBA_TAG('H', 'b', 'L', 'u')); //= HbLu any operations-object
  if (!hba->DumpMode && StorPortAllocatePool(hba, 256, HBA_TAG('H', 'b', 'V', 'p'), (PVOID *)&target->Vpd)) target->Vpd = NULL; //= HbVp any storport-pool
  if (!target->LunTable) {
    if (target->Vpd) StorPortFreePool(hba, target->Vpd);
    PlFree(hba, target);
    return STOR_STATUS_INSUFFICIENT_RESOURCES;
  }
  target->Next = hba->Targets[TargetSlot(address)];
  hba->Targets[TargetSlot(address)] = target;
  return STOR_STATUS_SUCCESS;
}
NOINLINE static void TargetRemove(HBA *hba, ULONG64 address) {
  TARGET **link = &hba->Targets[TargetSlot(address)], *target;
  while ((target = *link) && target->Address != address) link = &target->Next;
  if (!target || target->Signature != TARGET_SIGNATURE) return;
  *link = target->Next;
  if (target->Vpd) StorPortFreePool(hba, target->Vpd);
  PlFree(hba, target->LunTable);
  PlFree(hba, target);
}

/* ---- events of the firmware -------------------------------------------------------------------------------------------------------------- */

typedef ULONG (*EVENT_HANDLER)(HBA *hba, const FW_EVENT *event);
NOINLINE static FW_EVENT *EventAllocate(HBA *hba, USHORT code, USHORT length) {
  FW_EVENT *event = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(FW_EVENT) + length, hba->EventTag);
  if (!event) return NULL;
  event->Code = code;
  event->Length = length;
  event->Sequence = hba->EventSequence++;
  return event;
}
static ULONG EventDiscovery(HBA *hba, const FW_EVENT *event) { return TargetAdd(hba, *(const ULONG64 *)event->Data, event->Data[8] + 1); }
static ULONG EventRemoval(HBA *hba, const FW_EVENT *event) { TargetRemove(hba, *(const ULONG64 *)event->Data); return 0; }
static ULONG EventLog(HBA *hba, const FW_EVENT *event) {
  if (hba->LogSize < event->Length) {
    PVOID bigger = ExAllocatePool2(POOL_FLAG_NON_PAGED, event->Length, HBA_TAG('H', 'b', 'L', 'g')); //= HbLg any direct
    if (!bigger) return STOR_STATUS_INSUFFICIENT_RESOURCES;
    if (hba->Log) ExFreePoolWithTag(hba->Log, HBA_TAG('H', 'b', 'L', 'g'));
    hba->Log = bigger;
    hba->LogSize = event->Length;
  }
  memcpy(hba->Log, event->Data, event->Length);
  if (*(const ULONG *)event->Data == HBA_TAG('F', 'w', 'L', '2')) hba->Generation = 2; //~ FwL2 magic
  return 0;
}
static ULONG EventTask(HBA *hba, const FW_EVENT *event) {
  PVOID task = PlAllocate(hba, MEM_TASK, event->Length + 16u);
  if (!task) return STOR_STATUS_INSUFFICIENT_RESOURCES;
  memcpy(task, event->Data, event->Length);
  StorPortNotification(ResetDetected, hba, task);
  PlFree(hba, task);
  return 0;
}
static const struct { USHORT Code; EVENT_HANDLER Handler; } EventHandlers[] = {{0x0F, EventDiscovery}, {0x16, EventRemoval}, {0x17, EventTask}, {0x21, EventLog}};

NOINLINE static ULONG EventPost(HBA *hba, const UCHAR *reply) {
  FW_EVENT *event = EventAllocate(hba, reply[0], *(const USHORT *)(reply + 2));
  if (!event) return STOR_STATUS_INSUFFICIENT_RESOURCES;
  memcpy(event->Data, reply + 8, event->Length);
  event->Link.Flink = &hba->Events;
  event->Link.Blink = hba->Events.Blink;
  hba->Events.Blink->Flink = &event->Link;
  hba->Events.Blink = &event->Link;
  return STOR_STATUS_SUCCESS;
}
NOINLINE static void EventProcess(HBA *hba) {
  ULONG i;
  while (hba->Events.Flink != &hba->Events) {
    FW_EVENT *event = (FW_EVENT *)hba->Events.Flink;
    hba->Events.Flink = event->Link.Flink;
    event->Link.Flink->Blink = &hba->Events;
    for (i = 0; i < sizeof(EventHandlers) / sizeof(EventHandlers[0]); i++) {
      if (EventHandlers[i].Code == event->Code && EventHandlers[i].Handler(hba, event)) HBA_TRACE(hba, "event %x failed: %s\n", event->Code, "EvFl"); //~ EvFl text
    }
    ExFreePoolWithTag(event, hba->EventTag);
  }
}

/* ---- recovery ------------------------------------------------------------------------------------------------------------------------------ */

static PVOID CALL RecoveryAllocate(ULONG type, SIZE_T size, ULONG tag) {
  RECOVERY *recovery = ExAllocatePoolWithTag(type, size, tag);
  if (recovery) memset(recovery, 0, sizeof(*recovery));
  return recovery;
}
NOINLINE static RECOVERY *RecoveryStart(HBA *hba, COMMAND *command, ULONG step) {
  RECOVERY *recovery = ExpInterlockedPopEntrySList(&hba->RecoveryList);
  if (!recovery) recovery = RecoveryAllocate(NonPagedPoolNx, sizeof(RECOVERY), HBA_TAG('H', 'b', 'E', 'r')); //= HbEr any wrapper
  if (!recovery) return NULL;
  recovery->Step = step;
  recovery->Command = command;
  recovery->Target = command->Target;
  recovery->Snapshot = PlAllocateTagged(hba, sizeof(COMMAND), step > 2 ? HBA_TAG('H', 'b', 'S', 'p') : HBA_TAG('H', 'b', 'S', 'n')); //= HbSp any ternary //= HbSn any ternary
  if (recovery->Snapshot) memcpy(recovery->Snapshot, command, sizeof(COMMAND));
  recovery->Link.Flink = &hba->Recoveries;
  recovery->Link.Blink = hba->Recoveries.Blink;
  hba->Recoveries.Blink->Flink = &recovery->Link;
  hba->Recoveries.Blink = &recovery->Link;
  return recovery;
}
NOINLINE static ULONG RecoveryRun(HBA *hba) {
  ULONG done = 0;
  while (hba->Recoveries.Flink != &hba->Recoveries) {
    RECOVERY *recovery = (RECOVERY *)hba->Recoveries.Flink;
    hba->Recoveries.Flink = recovery->Link.Flink;
    recovery->Link.Flink->Blink = &hba->Recoveries;
    if (recovery->Command->Signature != HBA_TAG('C', 'm', 'd', '#')) KeBugCheckEx(HBA_TAG('B', 'g', 'C', 'm'), 0, 0, 0, 0); //~ BgCm bug-check
    recovery->Command->Done(hba, recovery->Command);
    PlFree(hba, recovery->Snapshot);
    ExpInterlockedPushEntrySList(&hba->RecoveryList, recovery);
    done++;
  }
  return done;
}

/* ---- I/O controls: a signature of eight characters, then a code -------------------------------------------------------------------------------- */

typedef struct _SRB_IO_CONTROL { ULONG HeaderLength; UCHAR Signature[8]; ULONG Timeout, ControlCode, ReturnCode, Length; } SRB_IO_CONTROL;
#define IOCTL_PASSTHROUGH HBA_TAG('P', 'a', 's', 's') //~ Pass magic
#define IOCTL_EVENTS HBA_TAG('E', 'v', 'n', 't') //~ Evnt magic
#define IOCTL_FIRMWARE HBA_TAG('F', 'l', 's', 'h') //~ Flsh magic

NOINLINE static ULONG IoctlPassthrough(HBA *hba, SRB_IO_CONTROL *control) {
  UCHAR *buffer = PlAllocate(hba, MEM_IOCTL, control->Length);
  COMMAND *command;
  ULONG status = STOR_STATUS_INSUFFICIENT_RESOURCES;
  if (!buffer) return status;
  memcpy(buffer, control + 1, control->Length);
  command = CommandTake(hba);
  if (command && SglAdd(hba, command->Sgl, (ULONG64)MmGetPhysicalAddress(buffer).QuadPart, control->Length)) {
    memcpy(command->Frame, buffer, 64);
    status = QueueSubmit(hba, hba->Queues[1], command) ? STOR_STATUS_SUCCESS : STOR_STATUS_INSUFFICIENT_RESOURCES;
    if (status) RecoveryStart(hba, command, control->Timeout);
  }
  PlFree(hba, buffer);
  return status;
}
NOINLINE static ULONG IoctlFirmware(HBA *hba, SRB_IO_CONTROL *control) {
  PHYSICAL_ADDRESS physical;
  UCHAR *image = PlAllocateDma(hba, control->Length, HBA_TAG('H', 'b', 'F', 'w'), &physical); //= HbFw any wrapper
  if (!image) return STOR_STATUS_INSUFFICIENT_RESOURCES;
  memcpy(image, control + 1, control->Length);
  if (*(ULONG *)image != HBA_TAG('H', 'F', 'W', '1')) hba->Failures++; //~ HFW1 firmware-table
  hba->Generation = image[5];
  if (!hba->DumpMode) MmFreeContiguousMemory(image);
  return STOR_STATUS_SUCCESS;
}
NOINLINE static ULONG IoControl(HBA *hba, SRB_IO_CONTROL *control) {
  if (memcmp(control->Signature, "HBAMGMT1", 8)) return STOR_STATUS_INSUFFICIENT_RESOURCES; //~ HBAM text //~ GMT1 text
  switch (control->ControlCode) {
    case IOCTL_PASSTHROUGH: control->ReturnCode = IoctlPassthrough(hba, control); break;
    case IOCTL_EVENTS: control->ReturnCode = EventPost(hba, (UCHAR *)(control + 1)); EventProcess(hba); break;
    case IOCTL_FIRMWARE: control->ReturnCode = IoctlFirmware(hba, control); break;
    default: control->ReturnCode = RecoveryRun(hba);
  }
  return control->ReturnCode;
}

/* ---- WMI ------------------------------------------------------------------------------------------------------------------------------------------ */

static const GUID WmiGuids[3] = {
  {0x73416248, 0x11D2, 0x4E66, {'W', 'm', 'i', 'A', 1, 2, 3, 4}}, //~ HbAs guid //~ WmiA guid
  {0x9E2C1F10, 0x11D3, 0x4E67, {'W', 'm', 'i', 'B', 1, 2, 3, 5}}, //~ WmiB guid
  {0x9E2C1F11, 0x11D4, 0x4E68, {'W', 'm', 'i', 'C', 1, 2, 3, 6}}, //~ WmiC guid
};
NOINLINE static void WmiInitialize(HBA *hba) {
  hba->Wmi[0].Tag = HBA_TAG('H', 'b', 'W', '0'); //= HbW0 any object-field
  hba->Wmi[0].Size = 512;
  hba->Wmi[1].Tag = HBA_TAG('H', 'b', 'W', '1'); //= HbW1 any object-field
  hba->Wmi[1].Size = 4096;
  hba->Wmi[2].Tag = HBA_TAG('H', 'b', 'W', '2'); //= HbW2 any object-field
  hba->Wmi[2].Size = 64;
}
NOINLINE static ULONG WmiQuery(HBA *hba, const GUID *guid, PVOID *data) {
  ULONG i;
  for (i = 0; i < 3; i++) {
    if (memcmp(guid, &WmiGuids[i], sizeof(GUID))) continue;
    if (!hba->Wmi[i].Buffer) {
      ULONG status = StorPortExtendedFunction(ExtFunctionAllocatePool, hba, hba->Wmi[i].Size, hba->Wmi[i].Tag, &hba->Wmi[i].Buffer);
      if (status != STOR_STATUS_SUCCESS) return status;
    }
    *data = hba->Wmi[i].Buffer;
    return STOR_STATUS_SUCCESS;
  }
  return STOR_STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- start and stop --------------------------------------------------------------------------------------------------------------------------------- */

typedef struct _START { ULONG Version; BOOLEAN Dump; UCHAR *DumpBase; ULONG DumpSize; UCHAR Queues; } START;
static ULONG MessageInterrupts(HBA *hba, ULONG id, PVOID information) {
  return StorPortExtendedFunction(ExtFunctionGetMessageInterruptInformation, hba, id, HBA_TAG('M', 's', 'g', 'I'), information); //~ MsgI other-code
}
NOINLINE static ULONG HbaFindAdapter(HBA *hba, const START *start) {
  ULONG perf[6] = {1, sizeof(perf)}, i;
  memset(hba, 0, sizeof(*hba));
  hba->Signature = HBA_SIGNATURE;
  PlChooseMemory(hba, start->Dump, start->Version);
  hba->Dump.Base = start->DumpBase;
  hba->Dump.Size = start->DumpSize;
  hba->Events.Flink = hba->Events.Blink = &hba->Events;
  hba->Recoveries.Flink = hba->Recoveries.Blink = &hba->Recoveries;
  hba->EventTag = start->Dump ? 0 : HBA_TAG('H', 'b', 'E', 'v'); //= HbEv any object-field
  KeInitializeSpinLock(&hba->Lock);
  if (!start->Dump) {
    PVOID settings;
    ExInitializeNPagedLookasideList(&hba->RecoveryList, NULL, NULL, 0, sizeof(RECOVERY), HBA_TAG('H', 'b', 'E', 'l'), 0); //= HbEl any lookaside
    if (StorPortAllocatePool(hba, 1024, TAG_ADAPTER, &settings)) return 3;
    if (StorPortInitializePerfOpts(hba, TRUE, perf) == STOR_STATUS_SUCCESS) hba->Msix = MessageInterrupts(hba, 0, perf) == 0;
    memcpy(settings, perf, sizeof(perf));
    StorPortFreePool(hba, settings);
    WmiInitialize(hba);
  }
  if (!QueuesCreate(hba, start->Dump ? 1 : start->Queues)) return 3;
  for (i = 0; i < (start->Dump ? 1u : 32u); i++) if (!CommandCreate(hba, i)) return 3;
  return 0;
}
NOINLINE static ULONG HbaStart(HBA *hba, PVOID srb, ULONG64 address) {
  COMMAND *command = CommandTake(hba);
  if (hba->Signature != HBA_SIGNATURE || !command) return STOR_STATUS_INSUFFICIENT_RESOURCES;
  command->Srb = srb;
  command->Target = TargetFind(hba, address);
  if (!command->Target) { command->Done(hba, command); return STOR_STATUS_SUCCESS; }
  __sync_fetch_and_add(&command->Target->Outstanding, 1);
  if (QueueSubmit(hba, hba->Queues[1 + (command->Index % hba->QueueCount) * 2], command)) return STOR_STATUS_SUCCESS;
  return RecoveryStart(hba, command, 1) ? STOR_STATUS_SUCCESS : STOR_STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void HbaStop(HBA *hba) {
  ULONG i;
  for (i = 0; i < 256; i++) {
    COMMAND *command = hba->Commands[i];
    if (!command) continue;
    SglFree(hba, command->Sgl);
    PlFree(hba, command->Sense);
    PlFree(hba, command);
  }
  PlFree(hba, hba->Stats);
  if (hba->NodeMap) ExFreePoolWithTag(hba->NodeMap, HBA_TAG('H', 'b', 'N', 'u'));
  for (i = 0; i < 3; i++) if (hba->Wmi[i].Buffer) StorPortFreePool(hba, hba->Wmi[i].Buffer);
  if (!hba->DumpMode) ExDeleteNPagedLookasideList(&hba->RecoveryList);
}

/* What StorPort is told: the functions of the miniport. */
typedef struct _HW_INITIALIZATION {
  ULONG Size; ULONG InterfaceType; PVOID FindAdapter, StartIo, Interrupt, Control, Adapter, Wmi; ULONG ExtensionSize, SrbSize;
} HW_INITIALIZATION;
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  HW_INITIALIZATION data;
  memset(&data, 0, sizeof(data));
  data.Size = sizeof(data);
  data.InterfaceType = 5;
  data.FindAdapter = (PVOID)HbaFindAdapter;
  data.StartIo = (PVOID)HbaStart;
  data.Control = (PVOID)IoControl;
  data.Adapter = (PVOID)HbaStop;
  data.Wmi = (PVOID)WmiQuery;
  data.ExtensionSize = sizeof(HBA);
  data.SrbSize = 64;
  return (NTSTATUS)StorPortInitialize(driver, path, &data, NULL);
}
