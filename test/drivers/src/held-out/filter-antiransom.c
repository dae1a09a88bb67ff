// A minifilter against ransomware: it scores processes by what they do to files, keeps copies of overwritten blocks, compiles rules
// that a service sends, and reports to that service through a port.
#include "kernel.h"

typedef ULONG_PTR SPINLOCK;
typedef ULONG_PTR RESOURCE[16];
#define AR_LOG(...) DbgPrint("arf: " __VA_ARGS__)
#define C_ASSERT_SIZE(n) ((n) & ~15u)

static void InitializeListHead(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static BOOLEAN IsListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void InsertHeadList(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Blink = head; entry->Flink = head->Flink; head->Flink->Blink = entry; head->Flink = entry;
}
static void RemoveEntryList(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* ---- memory: the newer allocator where there is one ------------------------------------------------------------------------- */

typedef PVOID(CALL *EX_ALLOCATE_POOL2)(ULONG64 flags, SIZE_T size, ULONG tag);
static struct { EX_ALLOCATE_POOL2 Allocate2; ULONG OldNonPaged; LONG Failures; SIZE_T Charged, Limit; } Memory = {NULL, NonPagedPool, 0, 0, 64 << 20};

INIT_CODE_SECTION static void ArMemoryInitialize(void) {
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool2");
  Memory.Allocate2 = (EX_ALLOCATE_POOL2)MmGetSystemRoutineAddress(&name);
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExPoolZeroingNativelySupported");
  if (MmGetSystemRoutineAddress(&name)) Memory.OldNonPaged = NonPagedPoolNx;
}
NOINLINE static PVOID ArAllocate(BOOLEAN paged, SIZE_T size, ULONG tag) {
  PVOID p;
  if (Memory.Allocate2) p = Memory.Allocate2(paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, tag);
  else {
    p = ExAllocatePoolWithTag(paged ? PagedPool : Memory.OldNonPaged, size, tag);
    if (p) memset(p, 0, size);
  }
  if (!p) __sync_fetch_and_add(&Memory.Failures, 1);
  return p;
}
#define AR_NEW(type, tag) ((type *)ArAllocate(FALSE, sizeof(type), (tag)))
#define AR_NEW_PAGED(type, tag) ((type *)ArAllocate(TRUE, sizeof(type), (tag)))
NOINLINE static void ArFree(PVOID p, ULONG tag) { if (p) ExFreePoolWithTag(p, tag); }

/* A header in front of what counts against the quota of the driver. */
typedef struct { SIZE_T Size; ULONG Tag, Check; } CHARGE;
NOINLINE static PVOID ArAllocateCharged(SIZE_T size, ULONG tag) {
  CHARGE *charge;
  if (Memory.Charged + size > Memory.Limit) return NULL;
  charge = ArAllocate(TRUE, size + sizeof(CHARGE), tag);
  if (!charge) return NULL;
  charge->Size = size;
  charge->Tag = tag;
  charge->Check = tag ^ 'gKhC'; //~ ChKg magic
  Memory.Charged += size;
  return charge + 1;
}
NOINLINE static void ArFreeCharged(PVOID p) {
  CHARGE *charge = (CHARGE *)p - 1;
  if (charge->Check != (charge->Tag ^ 'gKhC')) KeBugCheckEx(0x19, (ULONG_PTR)p, charge->Tag, 'RAHC', 0); //~ CHAR bug-check
  Memory.Charged -= charge->Size;
  ExFreePoolWithTag(charge, charge->Tag);
}

NOINLINE static NTSTATUS ArCopyString(const UNICODE_STRING *from, UNICODE_STRING *to, ULONG tag) {
  to->Buffer = ArAllocateCharged(from->Length + sizeof(WCHAR), tag);
  if (!to->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(to->Buffer, from->Buffer, from->Length);
  to->Length = from->Length;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  return STATUS_SUCCESS;
}

/* ---- vectors and arenas --------------------------------------------------------------------------------------------------------- */

typedef struct { PVOID Items; ULONG Count, Room, ItemSize; ULONG Tag; } VECTOR;
static void VectorInit(VECTOR *v, ULONG itemSize, ULONG tag) { v->Items = NULL; v->Count = v->Room = 0; v->ItemSize = itemSize; v->Tag = tag; }
NOINLINE static PVOID VectorPush(VECTOR *v) {
  if (v->Count == v->Room) {
    ULONG room = v->Room ? v->Room * 2 : 8;
    PVOID items = ExAllocatePoolWithTag(PagedPool, (SIZE_T)room * v->ItemSize, v->Tag);
    if (!items) return NULL;
    if (v->Items) {
      memcpy(items, v->Items, (SIZE_T)v->Count * v->ItemSize);
      ExFreePoolWithTag(v->Items, v->Tag);
    }
    v->Items = items;
    v->Room = room;
  }
  return (PUCHAR)v->Items + (SIZE_T)v->Count++ * v->ItemSize;
}
static void VectorClear(VECTOR *v) { if (v->Items) ExFreePoolWithTag(v->Items, v->Tag); v->Items = NULL; }

typedef struct _ARENA_BLOCK { struct _ARENA_BLOCK *Next; ULONG Used, Size; UCHAR Data[1]; } ARENA_BLOCK;
typedef struct { ARENA_BLOCK *Blocks; ULONG BlockSize; ULONG PoolTag; ULONG Signature; } ARENA;
#define ARENA_SIGNATURE 'nerA' //~ Aren magic
NOINLINE static ARENA *ArenaCreate(ULONG blockSize, ULONG tag) {
  ARENA *arena = ArAllocate(TRUE, sizeof(ARENA), tag);
  if (!arena) return NULL;
  arena->Signature = ARENA_SIGNATURE;
  arena->BlockSize = blockSize;
  arena->PoolTag = tag;
  return arena;
}
NOINLINE static PVOID ArenaPush(ARENA *arena, ULONG size) {
  ARENA_BLOCK *block = arena->Blocks;
  size = (size + 15) & ~15u;
  if (!block || block->Used + size > block->Size) {
    ULONG room = size > arena->BlockSize ? size : arena->BlockSize;
    block = ArAllocate(TRUE, sizeof(ARENA_BLOCK) + room, arena->PoolTag);
    if (!block) return NULL;
    block->Size = room;
    block->Next = arena->Blocks;
    arena->Blocks = block;
  }
  block->Used += size;
  return block->Data + block->Used - size;
}
NOINLINE static void ArenaDestroy(ARENA *arena) {
  ARENA_BLOCK *block = arena->Blocks;
  if (arena->Signature != ARENA_SIGNATURE) return;
  while (block) { ARENA_BLOCK *next = block->Next; ArFree(block, arena->PoolTag); block = next; }
  ArFree(arena, arena->PoolTag);
}

/* ---- hash tables: what they hold is described by a structure of callbacks ------------------------------------------------------------- */

typedef struct _HASH_LINK { struct _HASH_LINK *Next; ULONG Hash; } HASH_LINK;
typedef struct _HASH_TRAITS {
  ULONG (*Hash)(const void *key);
  BOOLEAN (*Equal)(const HASH_LINK *entry, const void *key);
  HASH_LINK *(*Create)(const void *key);
  void (*Destroy)(HASH_LINK *entry);
  ULONG BucketTag;
  ULONG Flags;
} HASH_TRAITS;
typedef struct { const HASH_TRAITS *Traits; HASH_LINK **Buckets; ULONG Mask; LONG Count; RESOURCE Lock; } HASH_TABLE;

NOINLINE static NTSTATUS HashOpen(HASH_TABLE *table, const HASH_TRAITS *traits, ULONG bits) {
  table->Traits = traits;
  table->Mask = (1u << bits) - 1;
  table->Buckets = ExAllocatePoolWithTag(PagedPool, sizeof(PVOID) << bits, traits->BucketTag);
  if (!table->Buckets) return STATUS_INSUFFICIENT_RESOURCES;
  memset(table->Buckets, 0, sizeof(PVOID) << bits);
  ExInitializeResourceLite(table->Lock);
  return STATUS_SUCCESS;
}
NOINLINE static HASH_LINK *HashGet(HASH_TABLE *table, const void *key, BOOLEAN create) {
  ULONG hash = table->Traits->Hash(key);
  HASH_LINK **bucket = &table->Buckets[hash & table->Mask], *entry;
  KeEnterCriticalRegion();
  ExAcquireResourceExclusiveLite(table->Lock, TRUE);
  for (entry = *bucket; entry; entry = entry->Next) if (entry->Hash == hash && table->Traits->Equal(entry, key)) break;
  if (!entry && create) {
    entry = table->Traits->Create(key);
    if (entry) { entry->Hash = hash; entry->Next = *bucket; *bucket = entry; table->Count++; }
  }
  ExReleaseResourceLite(table->Lock);
  KeLeaveCriticalRegion();
  return entry;
}
NOINLINE static void HashClose(HASH_TABLE *table) {
  ULONG i;
  for (i = 0; i <= table->Mask; i++) while (table->Buckets[i]) {
    HASH_LINK *entry = table->Buckets[i];
    table->Buckets[i] = entry->Next;
    table->Traits->Destroy(entry);
  }
  ExFreePoolWithTag(table->Buckets, table->Traits->BucketTag);
}

typedef struct { HASH_LINK Link; ULONG_PTR FileId; ULONG Writes, Entropy; LIST_ENTRY Blocks; UNICODE_STRING Path; } FILE_RECORD;
static ULONG FileHash(const void *key) { return (ULONG)(*(const ULONG_PTR *)key >> 4) * 2654435761u; }
static BOOLEAN FileEqual(const HASH_LINK *entry, const void *key) { return ((const FILE_RECORD *)entry)->FileId == *(const ULONG_PTR *)key; }
static HASH_LINK *FileCreate(const void *key) {
  FILE_RECORD *file = AR_NEW_PAGED(FILE_RECORD, 'fHrA'); //= ArHf any wrapper
  if (!file) return NULL;
  file->FileId = *(const ULONG_PTR *)key;
  InitializeListHead(&file->Blocks);
  return &file->Link;
}
static void FileDestroy(HASH_LINK *entry) { ArFree(entry, 'fHrA'); }

typedef struct { HASH_LINK Link; UCHAR Thumbprint[20]; ULONG Verdict; } SIGNER_RECORD;
static ULONG SignerHash(const void *key) { return *(const ULONG *)key; }
static BOOLEAN SignerEqual(const HASH_LINK *entry, const void *key) { return memcmp(((const SIGNER_RECORD *)entry)->Thumbprint, key, 20) == 0; }
static HASH_LINK *SignerCreate(const void *key) {
  SIGNER_RECORD *signer = AR_NEW_PAGED(SIGNER_RECORD, 'sHrA'); //= ArHs any wrapper
  if (!signer) return NULL;
  memcpy(signer->Thumbprint, key, 20);
  signer->Verdict = 'knuV'; //~ Vunk magic
  return &signer->Link;
}
static void SignerDestroy(HASH_LINK *entry) { ArFree(entry, 'sHrA'); }

static const HASH_TRAITS FileTraits = {FileHash, FileEqual, FileCreate, FileDestroy, 'fBrA', 1}; //= ArBf any object-field
static const HASH_TRAITS SignerTraits = {SignerHash, SignerEqual, SignerCreate, SignerDestroy, 'sBrA', 0}; //= ArBs any object-field
static HASH_TABLE Files, Signers;

/* ---- processes and images: the tables of the runtime library ----------------------------------------------------------------------------- */

typedef struct { HANDLE Pid; LONG Score; ULONG Writes, Renames, Deletes; UNICODE_STRING Image, CommandLine; ULONG Verdict; } PROCESS_RECORD;
typedef struct { ULONG_PTR Base; SIZE_T Size; UCHAR Hash[32]; } IMAGE_RECORD;
static ULONG_PTR ProcessTable[16], ImageTable[16];

static LONG CALL CompareProcess(PVOID table, const PROCESS_RECORD *a, const PROCESS_RECORD *b) { return a->Pid < b->Pid ? 0 : a->Pid > b->Pid ? 1 : 2; }
static LONG CALL CompareImage(PVOID table, const IMAGE_RECORD *a, const IMAGE_RECORD *b) { return a->Base < b->Base ? 0 : a->Base > b->Base ? 1 : 2; }
static PVOID CALL AllocateProcess(PVOID table, LONG size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'ePrA'); } //= ArPe allocation-call callback
static PVOID CALL AllocateImage(PVOID table, LONG size) { return ArAllocate(TRUE, size, 'mIrA'); } //= ArIm any callback
static void CALL ReleaseProcess(PVOID table, PVOID p) { ExFreePoolWithTag(p, 'ePrA'); }
static void CALL ReleaseImage(PVOID table, PVOID p) { ArFree(p, 'mIrA'); }

NOINLINE static PROCESS_RECORD *ProcessFind(HANDLE pid) {
  PROCESS_RECORD key;
  key.Pid = pid;
  return RtlLookupElementGenericTableAvl(ProcessTable, &key);
}
typedef struct { SIZE_T Size; HANDLE Parent; PVOID Creating[2]; PVOID File; UNICODE_STRING *Image, *CommandLine; NTSTATUS Status; } CREATE_INFO;
static void CALL ArProcessNotify(PVOID process, HANDLE pid, CREATE_INFO *info) {
  PROCESS_RECORD record = {pid}, *found;
  if (!info) {
    found = ProcessFind(pid);
    if (!found) return;
    if (found->Image.Buffer) ArFreeCharged(found->Image.Buffer);
    if (found->CommandLine.Buffer) ArFreeCharged(found->CommandLine.Buffer);
    RtlDeleteElementGenericTableAvl(ProcessTable, found);
    ObDereferenceObjectDeferDeleteWithTag(process, 'pOrA'); //~ ArOp object-tag
    return;
  }
  ArCopyString(info->Image, &record.Image, 'nPrA'); //= ArPn any wrapper-three
  if (info->CommandLine) ArCopyString(info->CommandLine, &record.CommandLine, 'cPrA'); //= ArPc any wrapper-three
  found = RtlInsertElementGenericTableAvl(ProcessTable, &record, sizeof(record), NULL);
  if (found && found->Score > 900) info->Status = (NTSTATUS)0xC0000022;
}
static void CALL ArImageNotify(UNICODE_STRING *name, HANDLE pid, ULONG_PTR *info) {
  IMAGE_RECORD image = {info[1], info[3]};
  if (*(USHORT *)info[1] == 0x5A4D) RtlInsertElementGenericTable(ImageTable, &image, sizeof(image), NULL);
}

/* ---- contexts -------------------------------------------------------------------------------------------------------------------------------- */

static PVOID Filter;
typedef struct { PVOID Instance; UNICODE_STRING Volume; ULONG SectorSize; LONG Shadows; } INSTANCE_CONTEXT;
typedef struct { FILE_RECORD *File; ULONG *Histogram; ULONG Samples; BOOLEAN Backed; } STREAM_CONTEXT;
typedef struct { LIST_ENTRY Streams; ULONG Flags; } TRANSACTION_CONTEXT;

typedef struct {
  USHORT Type, Flags;
  void(CALL *Cleanup)(PVOID, USHORT);
  SIZE_T Size;
  ULONG PoolTag;
  PVOID Allocate, Free, Reserved;
} FLT_CONTEXT_REGISTRATION;
typedef struct {
  USHORT Size, Version;
  ULONG Flags;
  const FLT_CONTEXT_REGISTRATION *Contexts;
  const void *Operations;
  PVOID Unload, InstanceSetup, QueryTeardown, TeardownStart, TeardownComplete, GenerateName, NormalizeName, NormalizeCleanup, TransactionNotify, NormalizeEx, SectionNotify;
} FLT_REGISTRATION;
typedef struct { UCHAR Major; ULONG Flags; PVOID Pre, Post, Reserved; } FLT_OPERATION;

static LOOKASIDE Histograms, Messages;
static void CALL InstanceCleanup(INSTANCE_CONTEXT *context, USHORT type) { if (context->Volume.Buffer) ArFree(context->Volume.Buffer, 'nVrA'); }
static void CALL StreamCleanup(STREAM_CONTEXT *context, USHORT type) { if (context->Histogram) ExpInterlockedPushEntrySList(&Histograms, context->Histogram); }
static PVOID CALL HandleContextAllocate(ULONG type, SIZE_T size, USHORT kind) { return ExAllocatePoolWithTag(type, size, 'aHrA'); } //= ArHa allocation-call callback
static void CALL HandleContextFree(PVOID p, USHORT kind) { ExFreePoolWithTag(p, 'aHrA'); }
static const FLT_CONTEXT_REGISTRATION Contexts[] = {
  {2, 0, (PVOID)InstanceCleanup, sizeof(INSTANCE_CONTEXT), 'cIrA'}, //= ArIc structure-field filter-context
  {8, 0, (PVOID)StreamCleanup, sizeof(STREAM_CONTEXT), 'cSrA'}, //= ArSc structure-field filter-context
  {16, 0, NULL, 32, 'cHrA', HandleContextAllocate, HandleContextFree}, //~ ArHc ignored-context
  {32, 0, NULL, sizeof(TRANSACTION_CONTEXT), 'cTrA'}, //= ArTc structure-field filter-context
  {0xFFFF},
};

/* ---- events for the service --------------------------------------------------------------------------------------------------------------------- */

typedef struct { const CHAR *Name; USHORT Kind, Extra; ULONG Tag; } EVENT_CLASS;
typedef struct { LIST_ENTRY Link; const EVENT_CLASS *Class; ULONG Size, Priority; HANDLE Pid; UCHAR Body[1]; } EVENT;
static const EVENT_CLASS EventWrite = {"write", 1, 64, 'wErA'}; //= ArEw any object-field
static const EVENT_CLASS EventRename = {"rename", 2, 1024, 'rErA'}; //= ArEr any object-field
static const EVENT_CLASS EventBlocked = {"blocked", 3, 256, 'bErA'}; //= ArEb any object-field
static LIST_ENTRY Events;
static SPINLOCK EventsLock;

NOINLINE static EVENT *EventCreate(const EVENT_CLASS *class, HANDLE pid, ULONG size) {
  EVENT *event = ArAllocate(FALSE, sizeof(EVENT) + size + class->Extra, class->Tag);
  UCHAR irql;
  if (!event) return NULL;
  event->Class = class;
  event->Size = size + class->Extra;
  event->Pid = pid;
  irql = KeAcquireSpinLockRaiseToDpc(&EventsLock);
  InsertHeadList(&Events, &event->Link);
  KeReleaseSpinLock(&EventsLock, irql);
  return event;
}
static void EventFree(EVENT *event) { ArFree(event, event->Class->Tag); }

#define MESSAGE_MAGIC 'GMRA' //~ ARMG magic
typedef struct { ULONG Magic, Version, Command, Size; UCHAR Data[1]; } MESSAGE;
static PVOID ServerPort, ClientPort;
NOINLINE static NTSTATUS PortSend(EVENT *event) {
  ULONG replySize = 64;
  NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
  MESSAGE *message = ExpInterlockedPopEntrySList(&Messages);
  PVOID reply;
  if (!message) return status;
  reply = ArAllocate(FALSE, replySize, 'pRrA'); //= ArRp any wrapper
  if (reply) {
    message->Magic = MESSAGE_MAGIC;
    message->Command = event->Class->Kind == 3 ? 'CLBD' : 'TNVE'; //~ DBLC magic //~ EVNT magic
    message->Size = event->Size < 4000 ? event->Size : 4000;
    memcpy(message->Data, event->Body, message->Size);
    status = FltSendMessage(Filter, &ClientPort, message, sizeof(MESSAGE) + message->Size, reply, &replySize, NULL);
    ArFree(reply, 'pRrA');
  }
  ExpInterlockedPushEntrySList(&Messages, message);
  return status;
}
NOINLINE static void EventsFlush(void) {
  while (!IsListEmpty(&Events)) {
    EVENT *event = (EVENT *)Events.Blink;
    RemoveEntryList(&event->Link);
    if (PortSend(event) < 0) AR_LOG("%s lost, %s\n", event->Class->Name, "PORT"); //~ PORT text
    EventFree(event);
  }
}

/* ---- rules: a small language, compiled to a program --------------------------------------------------------------------------------------------------- */

typedef struct _NODE { ULONG Kind; struct _NODE *Left, *Right; ULONG Value; const WCHAR *Text; } NODE;
typedef struct { USHORT Op, A; ULONG B; } INSTRUCTION;
typedef struct { ULONG Signature, Count; INSTRUCTION *Code; UNICODE_STRING Name; LONG References; } PROGRAM;
typedef struct { ARENA *Arena; const CHAR *At; ULONG Left; VECTOR Code, Strings; BOOLEAN Failed; } COMPILER;
static PROGRAM *CurrentProgram;
enum { OP_PUSH, OP_ENTROPY, OP_EXTENSION, OP_SCORE, OP_AND, OP_OR, OP_GREATER, OP_BLOCK };

NOINLINE static NODE *RuleNode(COMPILER *c, ULONG kind, NODE *left, NODE *right) {
  NODE *node = ArenaPush(c->Arena, sizeof(NODE));
  if (!node) { c->Failed = TRUE; return NULL; }
  node->Kind = kind;
  node->Left = left;
  node->Right = right;
  return node;
}
NOINLINE static NODE *RulePrimary(COMPILER *c) {
  NODE *node;
  while (c->Left && *c->At == ' ') { c->At++; c->Left--; }
  if (c->Left < 4) { c->Failed = TRUE; return NULL; }
  switch (*(const ULONG *)c->At) {
    case 'rtne': node = RuleNode(c, OP_ENTROPY, NULL, NULL); break; //~ entr text
    case 'nixe': node = RuleNode(c, OP_EXTENSION, NULL, NULL); break; //~ exin text
    case 'rocs': node = RuleNode(c, OP_SCORE, NULL, NULL); break; //~ scor text
    default: node = RuleNode(c, OP_PUSH, NULL, NULL); if (node) node->Value = (ULONG)(c->At[0] - '0') * 10 + (ULONG)(c->At[1] - '0'); break;
  }
  c->At += 4;
  c->Left -= 4;
  return node;
}
NOINLINE static NODE *RuleExpression(COMPILER *c, ULONG depth) {
  NODE *left = RulePrimary(c);
  while (left && c->Left && depth) {
    CHAR op = *c->At;
    ULONG kind = op == '&' ? OP_AND : op == '|' ? OP_OR : op == '>' ? OP_GREATER : 0;
    if (!kind) break;
    c->At++;
    c->Left--;
    left = RuleNode(c, kind, left, RuleExpression(c, depth - 1));
  }
  return left;
}
NOINLINE static void RuleEmit(COMPILER *c, const NODE *node) {
  INSTRUCTION *code;
  if (!node) return;
  RuleEmit(c, node->Left);
  RuleEmit(c, node->Right);
  code = VectorPush(&c->Code);
  if (!code) { c->Failed = TRUE; return; }
  code->Op = (USHORT)node->Kind;
  code->A = (USHORT)c->Strings.Count;
  code->B = node->Value;
  if (node->Kind == OP_EXTENSION) { ULONG *at = VectorPush(&c->Strings); if (at) *at = node->Value; else c->Failed = TRUE; }
}
NOINLINE static NTSTATUS RulesCompile(const CHAR *text, ULONG size, const UNICODE_STRING *name) {
  COMPILER c;
  PROGRAM *program = NULL;
  memset(&c, 0, sizeof(c));
  c.Arena = ArenaCreate(8192, 'aRrA'); //= ArRa any object-field
  if (!c.Arena) return STATUS_INSUFFICIENT_RESOURCES;
  c.At = text;
  c.Left = size;
  VectorInit(&c.Code, sizeof(INSTRUCTION), 'cVrA'); //= ArVc any object-field
  VectorInit(&c.Strings, sizeof(ULONG), 'sVrA'); //= ArVs any object-field
  while (c.Left > 4 && !c.Failed) RuleEmit(&c, RuleExpression(&c, 16));
  if (!c.Failed) program = ArAllocate(FALSE, sizeof(PROGRAM) + c.Code.Count * sizeof(INSTRUCTION), 'gPrA'); //= ArPg any wrapper
  if (program) {
    program->Signature = 'gorP'; //~ Prog magic
    program->Count = c.Code.Count;
    program->Code = (INSTRUCTION *)(program + 1);
    memcpy(program->Code, c.Code.Items, c.Code.Count * sizeof(INSTRUCTION));
    if (ArCopyString(name, &program->Name, 'nRrA') < 0) program->Name.Length = 0; //= ArRn any wrapper-three
    ArFree(CurrentProgram, 'gPrA');
    CurrentProgram = program;
  }
  VectorClear(&c.Code);
  VectorClear(&c.Strings);
  ArenaDestroy(c.Arena);
  return program ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static LONG RulesRun(const PROGRAM *program, PROCESS_RECORD *process, ULONG entropy, ULONG extension) {
  LONG stack[32];
  ULONG i, top = 0;
  for (i = 0; i < program->Count && top < 31; i++) {
    const INSTRUCTION *code = &program->Code[i];
    switch (code->Op) {
      case OP_PUSH: stack[top++] = (LONG)code->B; break;
      case OP_ENTROPY: stack[top++] = (LONG)entropy; break;
      case OP_EXTENSION: stack[top++] = extension == code->B; break;
      case OP_SCORE: stack[top++] = process->Score; break;
      case OP_AND: if (top > 1) { top--; stack[top - 1] &= stack[top]; } break;
      case OP_OR: if (top > 1) { top--; stack[top - 1] |= stack[top]; } break;
      case OP_GREATER: if (top > 1) { top--; stack[top - 1] = stack[top - 1] > stack[top]; } break;
    }
  }
  return top ? stack[top - 1] : 0;
}

/* ---- entropy and kinds of files -------------------------------------------------------------------------------------------------------------------------------- */

NOINLINE static ULONG EntropyOf(const UCHAR *data, ULONG size, ULONG *histogram) {
  ULONG i, sum = 0;
  memset(histogram, 0, 256 * sizeof(ULONG));
  for (i = 0; i < size; i++) histogram[data[i]]++;
  for (i = 0; i < 256; i++) { ULONG c = histogram[i], bits = 0; while (c >>= 1) bits++; sum += histogram[i] * bits; }
  return size ? sum / size : 0;
}
static const struct { ULONG Magic, Kind; } FileKinds[] = {
  {'FDP%', 1}, //~ %PDF magic
  {0x04034B50, 2}, {0xE0FFD8FF, 3},
  {'FFIR', 4}, //~ RIFF magic
  {'!raR', 5}, //~ Rar! magic
  {0xE011CFD0, 6},
};
NOINLINE static ULONG FileKindOf(const UCHAR *data) {
  ULONG i;
  for (i = 0; i < sizeof(FileKinds) / sizeof(FileKinds[0]); i++) if (*(const ULONG *)data == FileKinds[i].Magic) return FileKinds[i].Kind;
  return 0;
}
static const ULONG BadExtensions[] = {'ycnw', 'kcol', 'tpyr', 'cnez'}; //~ wncy magic //~ lock magic //~ rypt magic //~ zenc magic

/* ---- copies of blocks ---------------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct _BLOCK_CLASS { ULONG Size, Most; ULONG Tag; LIST_ENTRY Lru; LONG Count; } BLOCK_CLASS;
typedef struct { LIST_ENTRY FileLink, LruLink; BLOCK_CLASS *Class; LONGLONG Offset; ULONG Size; PVOID Data; } BLOCK;
static BLOCK_CLASS BlockClasses[] = {
  {4096, 4096, '0BrA'}, //= ArB0 any tag-table
  {16384, 1024, '1BrA'}, //= ArB1 any tag-table
  {65536, 256, '2BrA'}, //= ArB2 any tag-table
};
static RESOURCE BlocksLock;

NOINLINE static BLOCK_CLASS *BlockClassOf(ULONG size) {
  BLOCK_CLASS *class;
  for (class = BlockClasses; class < BlockClasses + 3; class++) if (size <= class->Size) return class;
  return NULL;
}
NOINLINE static void BlockRelease(BLOCK *block) {
  RemoveEntryList(&block->FileLink);
  RemoveEntryList(&block->LruLink);
  block->Class->Count--;
  ExFreePoolWithTag(block->Data, block->Class->Tag);
  ArFreeCharged(block);
}
NOINLINE static BLOCK *BlockSave(FILE_RECORD *file, PVOID instance, PVOID object, LARGE_INTEGER offset, ULONG size) {
  BLOCK_CLASS *class = BlockClassOf(size);
  BLOCK *block;
  ULONG read = 0;
  if (!class) return NULL;
  if (class->Count >= (LONG)class->Most) BlockRelease((BLOCK *)((PUCHAR)class->Lru.Blink - sizeof(LIST_ENTRY)));
  block = ArAllocateCharged(sizeof(BLOCK), 'kBrA'); //= ArBk any wrapper-two
  if (!block) return NULL;
  block->Class = class;
  block->Offset = offset.QuadPart;
  block->Size = size;
  block->Data = ExAllocatePoolWithTag(PagedPool, class->Size, class->Tag);
  if (!block->Data || FltReadFile(instance, object, &offset, size, block->Data, 4, &read, NULL, NULL) < 0) {
    if (block->Data) ExFreePoolWithTag(block->Data, class->Tag);
    ArFreeCharged(block);
    return NULL;
  }
  class->Count++;
  InsertHeadList(&file->Blocks, &block->FileLink);
  InsertHeadList(&class->Lru, &block->LruLink);
  return block;
}
NOINLINE static NTSTATUS BlocksRestore(FILE_RECORD *file, PVOID instance, PVOID object) {
  PVOID aligned = FltAllocatePoolAlignedWithTag(instance, NonPagedPoolNx, 65536, 'lArA'); //= ArAl allocation-call direct
  NTSTATUS status = STATUS_SUCCESS;
  if (!aligned) return STATUS_INSUFFICIENT_RESOURCES;
  while (!IsListEmpty(&file->Blocks) && status >= 0) {
    BLOCK *block = (BLOCK *)file->Blocks.Flink;
    LARGE_INTEGER offset;
    ULONG written;
    offset.QuadPart = block->Offset;
    memcpy(aligned, block->Data, block->Size);
    status = FltWriteFile(instance, object, &offset, block->Size, aligned, 4, &written, NULL, NULL);
    BlockRelease(block);
  }
  FltFreePoolAlignedWithTag(instance, aligned, 'lArA');
  return status;
}

/* ---- deferred work ------------------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { void (*Routine)(PVOID); PVOID Argument; ULONG Tag; PVOID Item; } DEFERRED;
static void CALL DeferredRoutine(PVOID item, PVOID object, DEFERRED *work) {
  work->Routine(work->Argument);
  FltFreeGenericWorkItem(item);
  ArFree(work, work->Tag);
}
NOINLINE static NTSTATUS Defer(void (*routine)(PVOID), PVOID argument, ULONG tag) {
  DEFERRED *work = AR_NEW(DEFERRED, tag);
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->Routine = routine;
  work->Argument = argument;
  work->Tag = tag;
  work->Item = FltAllocateGenericWorkItem();
  if (!work->Item) { ArFree(work, tag); return STATUS_INSUFFICIENT_RESOURCES; }
  return FltQueueGenericWorkItem(work->Item, Filter, DeferredRoutine, 1, work);
}
static void FlushWork(PVOID argument) { EventsFlush(); }
static void ScoreWork(PVOID argument) { PROCESS_RECORD *process = ProcessFind(argument); if (process && process->Score > 0) process->Score -= process->Score / 8 + 1; }

/* ---- operations ----------------------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { HANDLE Pid; PVOID Instance, File; LARGE_INTEGER Offset; ULONG Length; PUCHAR Buffer; UNICODE_STRING *Name; ULONG_PTR FileId; } CALLBACK_DATA;
static LONG CALL PreWrite(CALLBACK_DATA *data, PVOID objects, PVOID *completion) {
  PROCESS_RECORD *process = ProcessFind(data->Pid);
  STREAM_CONTEXT *stream = NULL;
  FILE_RECORD *file;
  ULONG entropy, kind;
  if (!process || FltGetStreamContext(data->Instance, data->File, (PVOID *)&stream) < 0) return 1;
  file = (FILE_RECORD *)HashGet(&Files, &data->FileId, TRUE);
  if (!stream->Histogram) stream->Histogram = ExpInterlockedPopEntrySList(&Histograms);
  if (!file || !stream->Histogram) { FltReleaseContext(stream); return 1; }
  entropy = EntropyOf(data->Buffer, data->Length, stream->Histogram);
  kind = FileKindOf(data->Buffer);
  file->Writes++;
  file->Entropy = (file->Entropy * 7 + entropy) / 8;
  if (!BlockSave(file, data->Instance, data->File, data->Offset, data->Length)) process->Score += 5;
  process->Score += kind ? -1 : (LONG)entropy;
  if (CurrentProgram && RulesRun(CurrentProgram, process, entropy, BadExtensions[data->FileId & 3])) {
    EVENT *event = EventCreate(&EventBlocked, data->Pid, 32);
    if (event) event->Priority = 'hgiH'; //~ High magic
    BlocksRestore(file, data->Instance, data->File);
    FltReleaseContext(stream);
    return 4;
  }
  if (process->Score > 500) EventCreate(&EventWrite, data->Pid, data->Length & 0x3F);
  *completion = stream;
  return 0;
}
static LONG CALL PreSetInformation(CALLBACK_DATA *data, PVOID objects, PVOID *completion) {
  PROCESS_RECORD *process = ProcessFind(data->Pid);
  UNICODE_STRING *copy;
  EVENT *event;
  if (!process) return 1;
  process->Renames++;
  copy = AR_NEW_PAGED(UNICODE_STRING, 'sUrA'); //= ArUs any wrapper
  if (copy && ArCopyString(data->Name, copy, 'nNrA') < 0) { ArFree(copy, 'sUrA'); copy = NULL; } //= ArNn any wrapper-three
  event = EventCreate(&EventRename, data->Pid, data->Name->Length);
  if (event) memcpy(event->Body, data->Name->Buffer, data->Name->Length);
  if (process->Renames % 16 == 0) Defer(ScoreWork, data->Pid, 'sDrA'); //= ArDs any wrapper-two
  *completion = copy;
  return copy ? 0 : 1;
}
static LONG CALL PostSetInformation(CALLBACK_DATA *data, PVOID objects, UNICODE_STRING *copy) {
  if (copy) { ArFreeCharged(copy->Buffer); ArFree(copy, 'sUrA'); }
  if (Events.Flink->Flink != Events.Blink) Defer(FlushWork, NULL, 'fDrA'); //= ArDf any wrapper-two
  return 0;
}
static NTSTATUS CALL InstanceSetup(PVOID *objects, ULONG flags, ULONG device, ULONG type) {
  INSTANCE_CONTEXT *context;
  ULONG needed = 0;
  NTSTATUS status = FltAllocateContext(Filter, 2, sizeof(INSTANCE_CONTEXT), 1, (PVOID *)&context);
  if (status < 0) return status;
  memset(context, 0, sizeof(*context));
  FltGetVolumeName(objects[2], NULL, &needed);
  context->Volume.Buffer = ArAllocate(TRUE, needed, 'nVrA'); //= ArVn any wrapper
  context->Volume.MaximumLength = (USHORT)needed;
  status = context->Volume.Buffer ? FltGetVolumeName(objects[2], &context->Volume, NULL) : STATUS_INSUFFICIENT_RESOURCES;
  if (status >= 0) status = FltSetInstanceContext(objects[3], 0, context, NULL);
  FltReleaseContext(context);
  return status;
}

/* ---- registry and object manager ------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { UNICODE_STRING *Name; PVOID Object, CallContext; ULONG Type, Size; PVOID Data; } KEY_INFO;
static NTSTATUS CALL ArRegistryCallback(PVOID context, PVOID which, KEY_INFO *info) {
  PUCHAR before;
  if ((ULONG_PTR)which == 1) {
    before = ExAllocatePoolWithTagPriority(PagedPool, info->Size + 16, 'vKrA', 0); //= ArKv allocation-call direct
    if (!before) return STATUS_SUCCESS;
    memcpy(before, info->Data, info->Size);
    info->CallContext = before;
  } else if ((ULONG_PTR)which == 16 && info->CallContext) {
    ExFreePoolWithTag(info->CallContext, 'vKrA');
    info->CallContext = NULL;
  }
  return STATUS_SUCCESS;
}
typedef struct { PVOID *Type; ULONG Operations; PVOID Pre, Post; } OB_OPERATION;
typedef struct { USHORT Version, Count; UNICODE_STRING Altitude; PVOID Context; OB_OPERATION *Operations; } OB_REGISTRATION;
static PVOID ObHandle;
static LONG CALL ArHandleCallback(PVOID context, ULONG *info) { if (info[0] & 1) info[4] &= ~0x0Bu; return 0; }
INIT_CODE_SECTION static NTSTATUS ArProtectService(PVOID *types) {
  OB_REGISTRATION *registration = ExAllocatePoolWithTag(PagedPool, sizeof(OB_REGISTRATION) + 2 * sizeof(OB_OPERATION), 'bOrA'); //= ArOb allocation-call page-section
  NTSTATUS status;
  ULONG i;
  if (!registration) return STATUS_INSUFFICIENT_RESOURCES;
  registration->Version = 0x100;
  registration->Count = 2;
  registration->Operations = (OB_OPERATION *)(registration + 1);
  for (i = 0; i < 2; i++) {
    registration->Operations[i].Type = &types[i];
    registration->Operations[i].Operations = 3;
    registration->Operations[i].Pre = ArHandleCallback;
    registration->Operations[i].Post = NULL;
  }
  RtlInitUnicodeString(&registration->Altitude, (const WCHAR *)L"328010");
  status = ObRegisterCallbacks(registration, &ObHandle);
  ExFreePoolWithTag(registration, 'bOrA');
  return status;
}

/* ---- the port ------------------------------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { HANDLE Service; PVOID Port; ULONG Version; } CONNECTION;
static NTSTATUS CALL PortConnect(PVOID port, PVOID cookie, MESSAGE *hello, ULONG size, CONNECTION **out) {
  CONNECTION *connection;
  if (size < sizeof(MESSAGE) || hello->Magic != MESSAGE_MAGIC) return STATUS_INVALID_PARAMETER;
  connection = AR_NEW(CONNECTION, 'nCrA'); //= ArCn any wrapper
  if (!connection) return STATUS_INSUFFICIENT_RESOURCES;
  connection->Port = ClientPort = port;
  connection->Version = hello->Version;
  *out = connection;
  return STATUS_SUCCESS;
}
static void CALL PortDisconnect(CONNECTION *connection) { ClientPort = NULL; ArFree(connection, 'nCrA'); }
static NTSTATUS CALL PortMessage(CONNECTION *connection, MESSAGE *in, ULONG inSize, PVOID out, ULONG outSize, ULONG *written) {
  UNICODE_STRING name;
  SIGNER_RECORD *signer;
  if (inSize < sizeof(MESSAGE) || in->Magic != MESSAGE_MAGIC) return STATUS_INVALID_PARAMETER;
  RtlInitUnicodeString(&name, (const WCHAR *)L"service");
  *written = 0;
  switch (in->Command) {
    case 'ELUR': return RulesCompile((CHAR *)in->Data, in->Size, &name); //~ RULE magic
    case 'NGIS': //~ SIGN magic
      signer = (SIGNER_RECORD *)HashGet(&Signers, in->Data, TRUE);
      if (!signer) return STATUS_INSUFFICIENT_RESOURCES;
      signer->Verdict = in->Data[20];
      return STATUS_SUCCESS;
    case 'RAEC': HashClose(&Signers); return HashOpen(&Signers, &SignerTraits, 8); //~ CEAR magic
  }
  return STATUS_NOT_SUPPORTED;
}

/* ---- driver ---------------------------------------------------------------------------------------------------------------------------------------------------------------- */

static LARGE_INTEGER KeyCookie;
static NTSTATUS CALL ArUnload(ULONG flags) {
  FltCloseCommunicationPort(ServerPort);
  FltUnregisterFilter(Filter);
  EventsFlush();
  HashClose(&Files);
  HashClose(&Signers);
  ExDeleteNPagedLookasideList(&Histograms);
  ExDeleteLookasideListEx(&Messages);
  return STATUS_SUCCESS;
}
static const FLT_OPERATION Operations[] = {{4, 0, PreWrite, NULL}, {6, 0, PreSetInformation, PostSetInformation}, {0x80}};
static const FLT_REGISTRATION Registration = {sizeof(FLT_REGISTRATION), 0x203, 0, Contexts, Operations, ArUnload, InstanceSetup};
static const GUID TraceProvider = {0x46637241, 0x2B77, 0x4E3D, {'A', 'r', 'G', 'd', 'f', 'l', 't', '1'}}; //~ ArcF guid //~ ArGd guid //~ flt1 guid

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  UNICODE_STRING altitude;
  ULONG64 trace;
  PVOID types[2] = {driver->Extension, driver->Section};
  ULONG i;
  ArMemoryInitialize();
  EtwRegister(&TraceProvider, NULL, NULL, &trace);
  InitializeListHead(&Events);
  KeInitializeSpinLock(&EventsLock);
  ExInitializeResourceLite(BlocksLock);
  for (i = 0; i < 3; i++) InitializeListHead(&BlockClasses[i].Lru);
  ExInitializeNPagedLookasideList(&Histograms, NULL, NULL, 512, 256 * sizeof(ULONG), 'nErA', 0); //= ArEn lookaside-init lookaside
  if (ExInitializeLookasideListEx(&Messages, NULL, NULL, 512, 0, 4096, 'gMrA', 0) < 0) return STATUS_INSUFFICIENT_RESOURCES; //= ArMg lookaside-init lookaside
  if (HashOpen(&Files, &FileTraits, 12) < 0 || HashOpen(&Signers, &SignerTraits, 8) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitializeGenericTableAvl(ProcessTable, CompareProcess, AllocateProcess, ReleaseProcess, NULL);
  RtlInitializeGenericTable(ImageTable, CompareImage, AllocateImage, ReleaseImage, NULL);
  if (FltRegisterFilter(driver, &Registration, &Filter) < 0) return STATUS_NOT_SUPPORTED;
  if (FltCreateCommunicationPort(Filter, &ServerPort, NULL, NULL, PortConnect, PortDisconnect, PortMessage, 1) < 0) { FltUnregisterFilter(Filter); return STATUS_NOT_SUPPORTED; }
  RtlInitUnicodeString(&altitude, (const WCHAR *)L"328010");
  CmRegisterCallbackEx(ArRegistryCallback, &altitude, driver, NULL, &KeyCookie, NULL);
  ArProtectService(types);
  PsSetCreateProcessNotifyRoutineEx(ArProcessNotify, FALSE);
  PsSetLoadImageNotifyRoutine(ArImageNotify);
  return FltStartFiltering(Filter);
}
