// Held out: a packet inspector in another style: macros, tags by feature in an enum, state machine, hashing, per-CPU pools.
#include "kernel.h"

enum PiTag {
  PiTagFlow = 'wFiP', //= PiFw wrapper-call wrapper-two
  PiTagRule = 'lRiP', //= PiRl wrapper-call wrapper-two
  PiTagPacket = 'kPiP', //= PiPk lookaside-init lookaside
  PiTagName = 'mNiP', //= PiNm wrapper-call wrapper
  PiTagQueue = 'uQiP', //= PiQu any xmm-structure
  PiTagCpu = '0CiP', //= PiC0 allocation-call computed-tag //= PiC1 allocation-call computed-tag
};

#define PI_ALLOC(type, tag) ((type *)PiAllocate(sizeof(type), (tag), __LINE__))
#define PI_MAGIC 'XMiP' //~ PiMX magic
#define RETURN_IF_NULL(p) do { if (!(p)) return STATUS_INSUFFICIENT_RESOURCES; } while (0)

typedef struct _PI_FLOW { LIST_ENTRY Link; ULONG Magic; ULONG Source, Target; USHORT Ports[2]; ULONG State; } PI_FLOW;
typedef struct _PI_RULE { LIST_ENTRY Link; ULONG Action; UNICODE_STRING Name; } PI_RULE;
typedef struct _PI_QUEUE_CONFIG { ULONG Size, Type, Tag, Depth; ULONG_PTR Flags; } PI_QUEUE_CONFIG;

static LIST_ENTRY PiFlows[64];
static LOOKASIDE PiPackets;
static ULONG PiFailures;
static PVOID volatile PiKeep;

NOINLINE static PVOID PiRaw(ULONG Type, ULONG Tag, SIZE_T Size) {
  PVOID Memory = ExAllocatePoolWithTag(Type, Size, Tag);
  if (!Memory) PiFailures++;
  return Memory;
}

NOINLINE static PVOID PiAllocate(SIZE_T Size, ULONG Tag, ULONG Line) {
  PVOID Memory = PiRaw(NonPagedPool, Tag, Size);
  if (!Memory) DbgPrint("line %u\n", Line);
  else memset(Memory, 0, Size);
  return Memory;
}

NOINLINE static ULONG PiHash(ULONG Source, ULONG Target) {
  ULONG Hash = 0x811C9DC5 ^ Source;
  Hash = (Hash ^ Target) * 0x01000193;
  return (Hash ^ 'hsaH') & 63; //~ Hash magic
}

NOINLINE static NTSTATUS PiAddFlow(ULONG Source, ULONG Target) {
  PI_FLOW *Flow = PI_ALLOC(PI_FLOW, PiTagFlow);
  LIST_ENTRY *Head = &PiFlows[PiHash(Source, Target)];
  RETURN_IF_NULL(Flow);
  Flow->Magic = PI_MAGIC;
  Flow->Source = Source;
  Flow->Target = Target;
  Flow->State = 'tinI'; //~ Init magic
  Flow->Link.Flink = Head;
  Flow->Link.Blink = Head->Blink;
  Head->Blink = &Flow->Link;
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS PiAddRule(const UNICODE_STRING *Name, ULONG Action) {
  PI_RULE *Rule = PI_ALLOC(PI_RULE, PiTagRule);
  RETURN_IF_NULL(Rule);
  Rule->Action = Action;
  Rule->Name.Buffer = PiRaw(PagedPool, PiTagName, Name->Length);
  if (!Rule->Name.Buffer) {
    ExFreePoolWithTag(Rule, PiTagRule);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  Rule->Name.MaximumLength = Name->Length;
  return RtlCopyUnicodeString(&Rule->Name, Name);
}

NOINLINE static PVOID PiCreateQueue(const PI_QUEUE_CONFIG *Config) {
  if (Config->Depth > 64) return NULL;
  return ExAllocatePoolWithTag(Config->Type, Config->Size * Config->Depth, Config->Tag);
}

NOINLINE static ULONG PiInspect(const UCHAR *Packet, ULONG Length) {
  ULONG First = Packet[0] | Packet[1] << 8 | Packet[2] << 16 | Packet[3] << 24;
  switch (First) {
    case ' TEG': return 1; //~ "GET " magic
    case 'TSOP': return 2; //~ POST magic
    case 'PTTH': return 3; //~ HTTP magic
    case 'daeH': return 4; //~ Head magic
  }
  return Length > 1500 ? 'gibT' : 0; //~ Tbig magic
}

NOINLINE static NTSTATUS PiStart(void) {
  PI_QUEUE_CONFIG Config = {64, NonPagedPool, PiTagQueue, 16, 3};
  ULONG Cpu;
  PiKeep = PiCreateQueue(&Config);
  RETURN_IF_NULL(PiKeep);
  for (Cpu = 0; Cpu < 2; Cpu++) {
    OPAQUE(PiFailures);
    PiKeep = ExAllocatePoolWithTag(NonPagedPool, 4096, PiTagCpu + (Cpu << 24));
    RETURN_IF_NULL(PiKeep);
  }
  ExInitializeNPagedLookasideList(&PiPackets, NULL, NULL, 0x200, 1600, PiTagPacket, 0);
  return STATUS_SUCCESS;
}

static void CALL PiUnload(DRIVER_OBJECT *Driver) {
  ULONG i;
  for (i = 0; i < 64; i++) {
    LIST_ENTRY *Entry = PiFlows[i].Flink;
    while (Entry && Entry != &PiFlows[i]) {
      LIST_ENTRY *Next = Entry->Flink;
      if (((PI_FLOW *)Entry)->Magic == PI_MAGIC) ExFreePoolWithTag(Entry, 'fFiP'); //= PiFf free-call free
      Entry = Next;
    }
  }
  ExFreePool(PiKeep);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
  NTSTATUS Status = PiStart();
  Driver->Unload = PiUnload;
  if (Status >= 0) Status = PiAddFlow(PiInspect((const UCHAR *)Path->Buffer, Path->Length), Path->Length);
  if (Status >= 0) Status = PiAddRule(Path, 3);
  if (Status >= 0 && Path->Length > 8) Status = PiAddRule(Path, 'kclB'); //~ Blck not-an-allocator
  return Status;
}
