// An endpoint sensor: an object manager of its own (types with callbacks and tags), hash tables, contexts of processes and threads,
// minifilter contexts and a port, registry and image callbacks, signatures, dynamic data, lookaside objects, trace buffers, callouts.
#include "kernel.h"

#define NT_SUCCESS(s) ((s) >= 0)
#define SNS_TRACE(level, ...) DbgPrint("sns[" level "] " __VA_ARGS__)
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017)

/* ---- tags.h ----------------------------------------------------------------------------------------------------------------- */

#define SNS_TAG_CID_TABLE 'tcsS' //= Ssct any wrapper
#define SNS_TAG_PROCESS 'rpsS' //= Sspr any object-field-deep
#define SNS_TAG_THREAD 'htsS' //= Ssth any object-field-deep
#define SNS_TAG_SESSION_TOKEN 'tssS' //= Ssst any object-field-deep
#define SNS_TAG_HASH_BUCKETS 'bhsS' //= Sshb any wrapper-two
#define SNS_TAG_IMAGE 'misS' //= Ssim any object-field-deep
#define SNS_TAG_MESSAGE 'smsS' //= Ssms any object-field-deep
#define SNS_TAG_SIGNATURE 'gssS' //= Sssg any wrapper
#define SNS_TAG_FILE_BUFFER 'bfsS' //= Ssfb any wrapper
#define SNS_TAG_DYNDATA 'ddsS' //= Ssdd any wrapper
#define SNS_TAG_CONFIG 'fcsS' //= Sscf any wrapper-two
#define SNS_TAG_REG_NAME 'nrsS' //= Ssrn any wrapper-two
#define SNS_TAG_RING 'grsS' //= Ssrg any object-field

/* ---- alloc.c ------------------------------------------------------------------------------------------------------------------ */

typedef PVOID(CALL *PEX_ALLOCATE_POOL2)(ULONG64 flags, SIZE_T size, ULONG tag);
typedef PVOID(CALL *PEX_ALLOCATE_POOL3)(ULONG64 flags, SIZE_T size, ULONG tag, PVOID parameters, ULONG count);
static PEX_ALLOCATE_POOL2 SnspExAllocatePool2;
static ULONG SnspNonPagedType = NonPagedPool;

NOINLINE static PVOID SnsAllocateNPaged(SIZE_T NumberOfBytes, ULONG Tag) {
  PVOID p;
  if (SnspExAllocatePool2) return SnspExAllocatePool2(POOL_FLAG_NON_PAGED, NumberOfBytes, Tag);
  p = ExAllocatePoolWithTag(SnspNonPagedType, NumberOfBytes, Tag);
  if (p) memset(p, 0, NumberOfBytes);
  return p;
}
PAGED_CODE_SECTION static PVOID SnsAllocatePaged(SIZE_T NumberOfBytes, ULONG Tag) {
  PVOID p;
  if (SnspExAllocatePool2) return SnspExAllocatePool2(POOL_FLAG_PAGED, NumberOfBytes, Tag);
  p = ExAllocatePoolWithTag(PagedPool, NumberOfBytes, Tag);
  if (p) memset(p, 0, NumberOfBytes);
  return p;
}
static void SnsFree(PVOID Memory, ULONG Tag) { ExFreePoolWithTag(Memory, Tag); }
INIT_CODE_SECTION static void SnsInitializeAlloc(void) {
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool2");
  SnspExAllocatePool2 = (PEX_ALLOCATE_POOL2)MmGetSystemRoutineAddress(&name);
  if (!SnspExAllocatePool2) SnspNonPagedType = NonPagedPoolNx;
}

/* ---- object.c: objects with a header, counted, of types that bring their callbacks ------------------------------------------------ */

typedef struct _SNS_OBJECT_TYPE SNS_OBJECT_TYPE;
typedef struct _SNS_OBJECT_TYPE_INFO {
  PVOID (*Allocate)(SIZE_T Size);
  NTSTATUS (*Initialize)(PVOID Object, PVOID Parameter);
  void (*Delete)(PVOID Object);
  void (*Free)(PVOID Object);
  ULONG Tag, Flags;
} SNS_OBJECT_TYPE_INFO;
struct _SNS_OBJECT_TYPE { UNICODE_STRING Name; UCHAR Index; LONG TotalObjects, HighWater; SNS_OBJECT_TYPE_INFO Info; };
typedef struct { LONG Pointers; UCHAR TypeIndex, Flags; USHORT Signature; SIZE_T Size; ULONG_PTR Body[1]; } SNS_OBJECT_HEADER;
#define OBJECT_TO_HEADER(o) ((SNS_OBJECT_HEADER *)((PUCHAR)(o) - (SIZE_T) & ((SNS_OBJECT_HEADER *)0)->Body))
#define SNS_TYPE_COUNT 12

static SNS_OBJECT_TYPE SnspTypes[SNS_TYPE_COUNT];
static LONG SnspTypeCount;

NOINLINE static void SnsCreateObjectType(const WCHAR *Name, const SNS_OBJECT_TYPE_INFO *Info, SNS_OBJECT_TYPE **Type) {
  LONG index = SnspTypeCount++;
  if (index >= SNS_TYPE_COUNT) { *Type = NULL; return; }
  *Type = &SnspTypes[index];
  RtlInitUnicodeString(&(*Type)->Name, Name);
  (*Type)->Index = (UCHAR)index;
  (*Type)->Info = *Info;
}
NOINLINE static NTSTATUS SnsCreateObject(SNS_OBJECT_TYPE *Type, SIZE_T Size, PVOID *Object, PVOID Parameter) {
  NTSTATUS status = STATUS_SUCCESS;
  SIZE_T bytes = Size + sizeof(SNS_OBJECT_HEADER);
  SNS_OBJECT_HEADER *header = Type->Info.Allocate ? Type->Info.Allocate(bytes) : SnsAllocateNPaged(bytes, Type->Info.Tag);
  *Object = NULL;
  if (!header) return STATUS_NO_MEMORY;
  header->Pointers = 1;
  header->TypeIndex = Type->Index;
  header->Signature = 0x5350;
  header->Size = Size;
  if (Type->Info.Initialize) status = Type->Info.Initialize(header->Body, Parameter);
  if (!NT_SUCCESS(status)) {
    if (Type->Info.Free) Type->Info.Free(header);
    else SnsFree(header, Type->Info.Tag);
    return status;
  }
  if (++Type->TotalObjects > Type->HighWater) Type->HighWater = Type->TotalObjects;
  *Object = header->Body;
  return STATUS_SUCCESS;
}
static PVOID SnsReferenceObject(PVOID Object) { OBJECT_TO_HEADER(Object)->Pointers++; return Object; }
NOINLINE static void SnsDereferenceObject(PVOID Object) {
  SNS_OBJECT_HEADER *header = OBJECT_TO_HEADER(Object);
  SNS_OBJECT_TYPE *type = &SnspTypes[header->TypeIndex];
  if (--header->Pointers > 0) return;
  if (type->Info.Delete) type->Info.Delete(Object);
  type->TotalObjects--;
  if (type->Info.Free) type->Info.Free(header);
  else SnsFree(header, type->Info.Tag);
}

/* ---- lookaside objects: lists with a reference count ------------------------------------------------------------------------------ */

typedef struct { LOOKASIDE List; BOOLEAN Paged; ULONG Tag; } SNS_LOOKASIDE_OBJECT;
typedef struct { SIZE_T Size; ULONG Tag; } SNS_LOOKASIDE_INIT;
static SNS_OBJECT_TYPE *SnspPagedLookasideType, *SnspNPagedLookasideType;

static PVOID SnspAllocateLookasideObject(SIZE_T Size) { return SnsAllocateNPaged(Size, 'olsS'); } //= Sslo any object-field-deep
static void SnspFreeLookasideObject(PVOID Object) { SnsFree(Object, 'olsS'); }
static NTSTATUS SnspInitializePagedLookaside(PVOID Object, PVOID Parameter) {
  SNS_LOOKASIDE_OBJECT *lookaside = Object;
  SNS_LOOKASIDE_INIT *init = Parameter;
  ExInitializePagedLookasideList(&lookaside->List, NULL, NULL, 0, init->Size, init->Tag, 0);
  lookaside->Paged = TRUE;
  return STATUS_SUCCESS;
}
static NTSTATUS SnspInitializeNPagedLookaside(PVOID Object, PVOID Parameter) {
  SNS_LOOKASIDE_OBJECT *lookaside = Object;
  SNS_LOOKASIDE_INIT *init = Parameter;
  ExInitializeNPagedLookasideList(&lookaside->List, NULL, NULL, 0, init->Size, init->Tag, 0);
  lookaside->Tag = init->Tag;
  return STATUS_SUCCESS;
}
static void SnspDeleteLookaside(PVOID Object) {
  SNS_LOOKASIDE_OBJECT *lookaside = Object;
  if (lookaside->Paged) ExDeletePagedLookasideList(&lookaside->List);
  else ExDeleteNPagedLookasideList(&lookaside->List);
}
NOINLINE static NTSTATUS SnsCreatePagedLookasideObject(SNS_LOOKASIDE_OBJECT **Lookaside, SIZE_T Size, ULONG Tag) {
  SNS_LOOKASIDE_INIT init = {Size, Tag};
  return SnsCreateObject(SnspPagedLookasideType, sizeof(SNS_LOOKASIDE_OBJECT), (PVOID *)Lookaside, &init);
}
NOINLINE static NTSTATUS SnsCreateNPagedLookasideObject(SNS_LOOKASIDE_OBJECT **Lookaside, SIZE_T Size, ULONG Tag) {
  SNS_LOOKASIDE_INIT init = {Size, Tag};
  return SnsCreateObject(SnspNPagedLookasideType, sizeof(SNS_LOOKASIDE_OBJECT), (PVOID *)Lookaside, &init);
}
static PVOID SnsAllocateFromLookasideObject(SNS_LOOKASIDE_OBJECT *Lookaside) {
  SnsReferenceObject(Lookaside);
  return ExpInterlockedPopEntrySList(&Lookaside->List);
}
static void SnsFreeToLookasideObject(SNS_LOOKASIDE_OBJECT *Lookaside, PVOID p) {
  ExpInterlockedPushEntrySList(&Lookaside->List, p);
  SnsDereferenceObject(Lookaside);
}
static SNS_LOOKASIDE_OBJECT *SnspApcLookaside, *SnspNameLookaside;

/* ---- hash.c --------------------------------------------------------------------------------------------------------------------------- */

typedef struct _SNS_HASH_ENTRY { struct _SNS_HASH_ENTRY *Next; ULONG Hash; PVOID Object; } SNS_HASH_ENTRY;
typedef struct { SNS_HASH_ENTRY **Buckets; ULONG Count, Entries, EntryTag; PVOID Lock; } SNS_HASH_TABLE;

NOINLINE static NTSTATUS SnsHashInitialize(SNS_HASH_TABLE *Table, ULONG Count, ULONG EntryTag) {
  Table->Buckets = SnsAllocateNPaged(Count * sizeof(PVOID), SNS_TAG_HASH_BUCKETS);
  if (!Table->Buckets) return STATUS_NO_MEMORY;
  Table->Count = Count;
  Table->EntryTag = EntryTag;
  Table->Lock = FsRtlAllocateAePushLock(NonPagedPoolNx, EntryTag);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS SnsHashInsert(SNS_HASH_TABLE *Table, ULONG Hash, PVOID Object) {
  SNS_HASH_ENTRY *entry = SnsAllocateNPaged(sizeof(SNS_HASH_ENTRY), Table->EntryTag);
  if (!entry) return STATUS_NO_MEMORY;
  entry->Hash = Hash;
  entry->Object = SnsReferenceObject(Object);
  entry->Next = Table->Buckets[Hash & (Table->Count - 1)];
  Table->Buckets[Hash & (Table->Count - 1)] = entry;
  Table->Entries++;
  return STATUS_SUCCESS;
}
NOINLINE static PVOID SnsHashFind(SNS_HASH_TABLE *Table, ULONG Hash) {
  SNS_HASH_ENTRY *entry;
  for (entry = Table->Buckets[Hash & (Table->Count - 1)]; entry; entry = entry->Next) if (entry->Hash == Hash) return entry->Object;
  return NULL;
}
NOINLINE static void SnsHashDelete(SNS_HASH_TABLE *Table) {
  ULONG i;
  for (i = 0; i < Table->Count; i++)
    while (Table->Buckets[i]) {
      SNS_HASH_ENTRY *entry = Table->Buckets[i];
      Table->Buckets[i] = entry->Next;
      SnsDereferenceObject(entry->Object);
      SnsFree(entry, Table->EntryTag);
    }
  SnsFree(Table->Buckets, SNS_TAG_HASH_BUCKETS);
}
static SNS_HASH_TABLE SnspModules, SnspTokens;

/* ---- cid table: three levels ------------------------------------------------------------------------------------------------------------- */

#define CID_PER_PAGE 512
typedef struct { PVOID Object; ULONG_PTR Lock; } SNS_CID_ENTRY;
typedef struct { ULONG_PTR Level; SNS_CID_ENTRY **Pages; SNS_CID_ENTRY *First; } SNS_CID_TABLE;
static SNS_CID_TABLE SnspCidTable;

static SNS_CID_ENTRY *SnspCidAllocatePage(void) { return SnsAllocateNPaged(CID_PER_PAGE * sizeof(SNS_CID_ENTRY), SNS_TAG_CID_TABLE); }
NOINLINE static SNS_CID_ENTRY *SnsCidGetEntry(ULONG_PTR Cid) {
  ULONG_PTR id = Cid >> 2, page = id / CID_PER_PAGE;
  if (page == 0) {
    if (!SnspCidTable.First) SnspCidTable.First = SnspCidAllocatePage();
    return SnspCidTable.First ? &SnspCidTable.First[id] : NULL;
  }
  if (page >= 256) return NULL;
  if (!SnspCidTable.Pages) SnspCidTable.Pages = SnsAllocateNPaged(256 * sizeof(PVOID), 'dcsS'); //= Sscd any wrapper
  if (!SnspCidTable.Pages) return NULL;
  if (!SnspCidTable.Pages[page]) SnspCidTable.Pages[page] = SnspCidAllocatePage();
  return SnspCidTable.Pages[page] ? &SnspCidTable.Pages[page][id % CID_PER_PAGE] : NULL;
}

/* ---- process and thread contexts ------------------------------------------------------------------------------------------------------------ */

typedef struct { HANDLE Pid; ULONG State; UNICODE_STRING Image; PVOID Token; LIST_ENTRY Threads; ULONG ThreadCount; PVOID Rundown; struct { ULONG Creator, Session; } Info; PUCHAR Unwind; } SNS_PROCESS_CONTEXT;
typedef struct { HANDLE Tid; SNS_PROCESS_CONTEXT *Process; LIST_ENTRY Link; PVOID Apc; ULONG Flags; } SNS_THREAD_CONTEXT;
typedef struct { UCHAR Key[64]; ULONG Uses; } SNS_TOKEN;
typedef struct { UNICODE_STRING Name; ULONG_PTR Base; ULONG Size, Hash; } SNS_IMAGE;
static SNS_OBJECT_TYPE *SnsProcessType, *SnsThreadType, *SnsTokenType, *SnsImageType, *SnsMessageType, *SnsRuleType;

static PVOID SnspAllocateProcess(SIZE_T Size) { return SnsAllocateNPaged(Size, SNS_TAG_PROCESS); }
static void SnspFreeProcess(PVOID Object) { SnsFree(Object, SNS_TAG_PROCESS); }
static NTSTATUS SnspInitializeProcess(PVOID Object, PVOID Parameter) {
  SNS_PROCESS_CONTEXT *process = Object;
  process->Pid = Parameter;
  process->Threads.Flink = process->Threads.Blink = &process->Threads;
  process->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'drsS'); //= Ssrd any direct
  if (!process->Rundown) return STATUS_NO_MEMORY;
  process->Image.Buffer = SnsAllocatePaged(520, 'ipsS'); //= Sspi any wrapper
  if (process->Image.Buffer) process->Image.MaximumLength = 520;
  return STATUS_SUCCESS;
}
static void SnspDeleteProcess(PVOID Object) {
  SNS_PROCESS_CONTEXT *process = Object;
  if (process->Image.Buffer) SnsFree(process->Image.Buffer, 'ipsS');
  if (process->Token) SnsDereferenceObject(process->Token);
  if (process->Unwind) SnsFree(process->Unwind, 'wusS');
  ExFreeCacheAwareRundownProtection(process->Rundown);
}
static PVOID SnspAllocateThread(SIZE_T Size) { return SnsAllocateNPaged(Size, SNS_TAG_THREAD); }
static void SnspFreeThread(PVOID Object) { SnsFree(Object, SNS_TAG_THREAD); }
static NTSTATUS SnspInitializeThread(PVOID Object, PVOID Parameter) {
  SNS_THREAD_CONTEXT *thread = Object;
  thread->Tid = Parameter;
  thread->Flags = 'rhTs'; //~ sThr magic
  return STATUS_SUCCESS;
}
static void SnspDeleteThread(PVOID Object) {
  SNS_THREAD_CONTEXT *thread = Object;
  if (thread->Apc) SnsFreeToLookasideObject(SnspApcLookaside, thread->Apc);
  if (thread->Process) SnsDereferenceObject(thread->Process);
}
static NTSTATUS SnspInitializeToken(PVOID Object, PVOID Parameter) {
  ULONG seed = (ULONG)(ULONG_PTR)Parameter, i;
  for (i = 0; i < 64; i++) ((SNS_TOKEN *)Object)->Key[i] = (UCHAR)RtlRandomEx(&seed);
  return STATUS_SUCCESS;
}
static PVOID SnspAllocateImage(SIZE_T Size) { return SnsAllocatePaged(Size, SNS_TAG_IMAGE); }
static void SnspFreeImage(PVOID Object) { SnsFree(Object, SNS_TAG_IMAGE); }
static PVOID SnspAllocateMessage(SIZE_T Size) { return SnsAllocatePaged(Size + 64, SNS_TAG_MESSAGE); }
static void SnspFreeMessage(PVOID Object) { SnsFree(Object, SNS_TAG_MESSAGE); }

NOINLINE static SNS_PROCESS_CONTEXT *SnsTrackProcess(HANDLE Pid) {
  SNS_CID_ENTRY *entry = SnsCidGetEntry((ULONG_PTR)Pid);
  SNS_PROCESS_CONTEXT *process;
  if (!entry) return NULL;
  if (entry->Object) return SnsReferenceObject(entry->Object);
  if (!NT_SUCCESS(SnsCreateObject(SnsProcessType, sizeof(SNS_PROCESS_CONTEXT), (PVOID *)&process, Pid))) return NULL;
  SnsCreateObject(SnsTokenType, sizeof(SNS_TOKEN), &process->Token, Pid);
  if (process->Token) SnsHashInsert(&SnspTokens, (ULONG)(ULONG_PTR)Pid, process->Token);
  process->State = 'knaB'; //~ Bank magic
  entry->Object = process;
  return SnsReferenceObject(process);
}
NOINLINE static SNS_THREAD_CONTEXT *SnsTrackThread(SNS_PROCESS_CONTEXT *Process, HANDLE Tid) {
  SNS_THREAD_CONTEXT *thread;
  if (!NT_SUCCESS(SnsCreateObject(SnsThreadType, sizeof(SNS_THREAD_CONTEXT), (PVOID *)&thread, Tid))) return NULL;
  thread->Process = SnsReferenceObject(Process);
  thread->Apc = SnsAllocateFromLookasideObject(SnspApcLookaside);
  thread->Link.Flink = Process->Threads.Flink;
  Process->Threads.Flink = &thread->Link;
  Process->ThreadCount++;
  return thread;
}
static void SnspRegisterTypes(void) {
  SNS_OBJECT_TYPE_INFO info;
  info.Allocate = SnspAllocateLookasideObject;
  info.Initialize = SnspInitializePagedLookaside;
  info.Delete = SnspDeleteLookaside;
  info.Free = SnspFreeLookasideObject;
  info.Tag = 0;
  info.Flags = 0;
  SnsCreateObjectType((const WCHAR *)L"PagedLookaside", &info, &SnspPagedLookasideType);
  info.Initialize = SnspInitializeNPagedLookaside;
  SnsCreateObjectType((const WCHAR *)L"NPagedLookaside", &info, &SnspNPagedLookasideType);
  info.Allocate = SnspAllocateProcess;
  info.Initialize = SnspInitializeProcess;
  info.Delete = SnspDeleteProcess;
  info.Free = SnspFreeProcess;
  SnsCreateObjectType((const WCHAR *)L"Process", &info, &SnsProcessType);
  info.Allocate = SnspAllocateThread;
  info.Initialize = SnspInitializeThread;
  info.Delete = SnspDeleteThread;
  info.Free = SnspFreeThread;
  SnsCreateObjectType((const WCHAR *)L"Thread", &info, &SnsThreadType);
  info.Allocate = SnspAllocateImage;
  info.Initialize = NULL;
  info.Delete = NULL;
  info.Free = SnspFreeImage;
  SnsCreateObjectType((const WCHAR *)L"Image", &info, &SnsImageType);
  info.Allocate = SnspAllocateMessage;
  info.Free = SnspFreeMessage;
  SnsCreateObjectType((const WCHAR *)L"Message", &info, &SnsMessageType);
  info.Allocate = NULL;
  info.Free = NULL;
  info.Initialize = SnspInitializeToken;
  info.Tag = SNS_TAG_SESSION_TOKEN;
  info.Flags = 'lDel'; //~ leDl magic
  SnsCreateObjectType((const WCHAR *)L"SessionToken", &info, &SnsTokenType);
}
static const SNS_OBJECT_TYPE_INFO SnspRuleTypeInfo = {NULL, NULL, NULL, NULL, 'lrsS', 1}; //= Ssrl any object-field-deep

/* ---- dynamic data and configuration ------------------------------------------------------------------------------------------------------------ */

typedef struct { ULONG Magic; USHORT Version, Count; struct { USHORT Class, Machine; ULONG Stamp, Size, Offset; } Entries[1]; } SNS_DYN_CONFIG;
typedef struct { ULONG Offsets[16]; PUCHAR Key; } SNS_DYN;
#define SNS_DYN_MAGIC 'nyDs' //~ sDyn magic
static SNS_DYN *SnspDyn;

NOINLINE static NTSTATUS SnsActivateDynData(const SNS_DYN_CONFIG *Config, ULONG Length) {
  SNS_DYN *dyn;
  ULONG i;
  if (Length < sizeof(SNS_DYN_CONFIG) || Config->Magic != SNS_DYN_MAGIC || Config->Version > 12) return STATUS_INVALID_PARAMETER;
  dyn = SnsAllocateNPaged(sizeof(SNS_DYN), SNS_TAG_DYNDATA);
  if (!dyn) return STATUS_NO_MEMORY;
  for (i = 0; i < Config->Count; i++)
    if (Config->Entries[i].Machine == 0x8664) dyn->Offsets[i & 15] = Config->Entries[i].Offset;
  dyn->Key = SnsAllocatePaged(32, 'kdsS'); //= Ssdk any wrapper
  if (!dyn->Key) { SnsFree(dyn, SNS_TAG_DYNDATA); return STATUS_NO_MEMORY; }
  if (SnspDyn) { SnsFree(SnspDyn->Key, 'kdsS'); SnsFree(SnspDyn, SNS_TAG_DYNDATA); }
  SnspDyn = dyn;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS SnspQueryRegistry(HANDLE Key, const WCHAR *Name, ULONG Tag, PVOID *Out) {
  UNICODE_STRING name;
  ULONG needed = 0;
  NTSTATUS status;
  PVOID p;
  RtlInitUnicodeString(&name, Name);
  status = ZwQueryValueKey(Key, &name, 2, NULL, 0, &needed);
  if (needed == 0) return status;
  p = SnsAllocatePaged(needed, Tag);
  if (!p) return STATUS_NO_MEMORY;
  status = ZwQueryValueKey(Key, &name, 2, p, needed, &needed);
  if (!NT_SUCCESS(status)) SnsFree(p, Tag);
  else *Out = p;
  return status;
}
static PVOID SnspPortName, SnspAltitude;
NOINLINE static NTSTATUS SnsReadConfiguration(UNICODE_STRING *Path) {
  HANDLE key;
  NTSTATUS status = ZwOpenKey(&key, 0x20019, Path);
  if (!NT_SUCCESS(status)) return status;
  status = SnspQueryRegistry(key, (const WCHAR *)L"PortName", SNS_TAG_CONFIG, &SnspPortName);
  if (NT_SUCCESS(status)) status = SnspQueryRegistry(key, (const WCHAR *)L"Altitude", 'lasS', &SnspAltitude); //= Ssal any wrapper-two
  ZwClose(key);
  return status;
}

/* ---- signatures -------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { const CHAR *Name; ULONG Length; ULONG Magic; PVOID (*Prepare)(ULONG Length); void (*Update)(PVOID, const UCHAR *, ULONG); } SNS_ALGORITHM;
static PVOID SnspPrepareSha256(ULONG Length) { return SnsAllocateNPaged(Length + 104, 'nssS'); } //= Sssn any operations-table
static PVOID SnspPrepareEcdsa(ULONG Length) { return SnsAllocatePaged(Length + 512, 'essS'); } //= Ssse any operations-table
static void SnspUpdate(PVOID Hash, const UCHAR *Data, ULONG Length) { while (Length--) ((PUCHAR)Hash)[Length & 31] ^= Data[Length]; }
static const SNS_ALGORITHM SnspAlgorithms[] = {
  {"SHA256", 32, '2AHS', SnspPrepareSha256, SnspUpdate}, //~ SHA2 magic
  {"ECDSA", 64, '1SCE', SnspPrepareEcdsa, SnspUpdate}, //~ ECS1 magic
};
NOINLINE static NTSTATUS SnsVerifyBuffer(const UCHAR *Buffer, ULONG Length, const ULONG *Blob) {
  ULONG i;
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  for (i = 0; i < 2; i++) {
    const SNS_ALGORITHM *algorithm = &SnspAlgorithms[i];
    PVOID hash;
    if (Blob[0] != algorithm->Magic) continue;
    hash = algorithm->Prepare(algorithm->Length);
    if (!hash) return STATUS_NO_MEMORY;
    algorithm->Update(hash, Buffer, Length);
    status = memcmp(hash, Blob + 2, algorithm->Length) ? (NTSTATUS)0xC000A000 : STATUS_SUCCESS;
    ExFreePool(hash);
  }
  return status;
}
NOINLINE static NTSTATUS SnsVerifyFile(const UNICODE_STRING *FileName, const UCHAR *Mapped, ULONG Size) {
  PWSTR name;
  ULONG *signature;
  PUCHAR buffer;
  NTSTATUS status = STATUS_NO_MEMORY;
  if (*(const USHORT *)Mapped != 0x5A4D) return STATUS_INVALID_PARAMETER;
  name = SnsAllocatePaged(FileName->Length + 10u, SNS_TAG_SIGNATURE);
  if (!name) return status;
  memcpy(name, FileName->Buffer, FileName->Length);
  signature = SnsAllocatePaged(1024, SNS_TAG_SIGNATURE);
  buffer = SnsAllocatePaged(0x4000, SNS_TAG_FILE_BUFFER);
  if (signature && buffer) {
    memcpy(buffer, Mapped, Size & 0x3FFF);
    signature[0] = *(const ULONG *)(Mapped + Size - 72);
    status = SnsVerifyBuffer(buffer, Size, signature);
  }
  if (buffer) SnsFree(buffer, SNS_TAG_FILE_BUFFER);
  if (signature) SnsFree(signature, SNS_TAG_SIGNATURE);
  SnsFree(name, SNS_TAG_SIGNATURE);
  return status;
}

/* ---- messages and the port --------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Id, Size; HANDLE Pid; USHORT Fields; UCHAR Data[1024]; } SNS_MESSAGE;
typedef struct { ULONG Id; NTSTATUS (*Handler)(SNS_MESSAGE *, HANDLE); } SNS_MESSAGE_HANDLER;
static PVOID SnsFilter, SnsServerPort, SnsClientPort;

static NTSTATUS SnspMsgVerify(SNS_MESSAGE *Message, HANDLE Client) {
  UNICODE_STRING name = {16, 16, (PWSTR)Message->Data};
  return SnsVerifyFile(&name, Message->Data + 64, Message->Size);
}
static NTSTATUS SnspMsgDynData(SNS_MESSAGE *Message, HANDLE Client) { return SnsActivateDynData((SNS_DYN_CONFIG *)Message->Data, Message->Size); }
static NTSTATUS SnspMsgQuery(SNS_MESSAGE *Message, HANDLE Client) {
  NTSTATUS status;
  PVOID out = ExAllocatePoolWithQuotaTag(PagedPool | 8, Message->Size, 'yqsS'); //= Ssqy any operations-table
  if (!out) return (NTSTATUS)0xC0000044;
  status = ZwQuerySystemInformation(5, out, Message->Size, NULL);
  memcpy(Message->Data, out, 64);
  ExFreePoolWithTag(out, 'yqsS');
  return status;
}
static const SNS_MESSAGE_HANDLER SnspHandlers[] = {{'fVsM', SnspMsgVerify}, {'dDsM', SnspMsgDynData}, {'yQsM', SnspMsgQuery}}; //~ MsVf magic //~ MsDd magic //~ MsQy magic

static NTSTATUS CALL SnspPortMessage(PVOID Cookie, SNS_MESSAGE *Input, ULONG Length, PVOID Output, ULONG OutputLength, ULONG *Returned) {
  SNS_MESSAGE *copy;
  NTSTATUS status;
  ULONG i;
  if (Length > sizeof(SNS_MESSAGE)) return STATUS_INVALID_PARAMETER;
  status = SnsCreateObject(SnsMessageType, sizeof(SNS_MESSAGE), (PVOID *)&copy, NULL);
  if (!NT_SUCCESS(status)) return status;
  memcpy(copy, Input, Length);
  status = STATUS_NOT_SUPPORTED;
  for (i = 0; i < 3; i++)
    if (SnspHandlers[i].Id == copy->Id) { status = SnspHandlers[i].Handler(copy, Cookie); break; }
  if (Output) memcpy(Output, copy->Data, OutputLength < 64 ? OutputLength : 64);
  SnsDereferenceObject(copy);
  return status;
}
NOINLINE static NTSTATUS SnsSend(ULONG Id, HANDLE Pid, const UNICODE_STRING *Text) {
  SNS_MESSAGE *message;
  ULONG reply = 64;
  NTSTATUS status = SnsCreateObject(SnsMessageType, sizeof(SNS_MESSAGE), (PVOID *)&message, NULL);
  if (!NT_SUCCESS(status)) return status;
  message->Id = Id;
  message->Pid = Pid;
  if (Text) memcpy(message->Data, Text->Buffer, Text->Length & 511);
  status = FltSendMessage(SnsFilter, &SnsClientPort, message, 128, message->Data + 512, &reply, NULL);
  SnsDereferenceObject(message);
  return status;
}
static NTSTATUS CALL SnspPortConnect(PVOID Port, PVOID Cookie, PVOID Context, ULONG Size, PVOID *ConnectionCookie) {
  PVOID client = SnsAllocateNPaged(64, 'tpsS'); //= Sspt any callback
  if (!client) return STATUS_NO_MEMORY;
  SnsClientPort = Port;
  *ConnectionCookie = client;
  return STATUS_SUCCESS;
}
static void CALL SnspPortDisconnect(PVOID Cookie) { SnsFree(Cookie, 'tpsS'); SnsClientPort = NULL; }

/* ---- trace buffers: one ring for each kind of event ------------------------------------------------------------------------------------------------------------- */

typedef struct { PUCHAR Buffer; ULONG Size, Head, Tag, Kind; ULONG_PTR Lock; } SNS_RING;
static SNS_RING SnspRings[3];

NOINLINE static NTSTATUS SnspCreateRing(SNS_RING *Ring, ULONG Kind, ULONG Size, ULONG Tag) {
  Ring->Size = Size;
  Ring->Tag = Tag;
  Ring->Kind = Kind;
  KeInitializeSpinLock(&Ring->Lock);
  return STATUS_SUCCESS;
}
NOINLINE static PUCHAR SnspReserve(SNS_RING *Ring, ULONG Length) {
  UCHAR irql;
  PUCHAR p = NULL;
  if (!Ring->Buffer) {
    Ring->Buffer = SnsAllocateNPaged(Ring->Size, Ring->Tag);
    if (!Ring->Buffer) return NULL;
  }
  irql = KeAcquireSpinLockRaiseToDpc(&Ring->Lock);
  if (Ring->Head + Length <= Ring->Size) { p = Ring->Buffer + Ring->Head; Ring->Head += Length; }
  KeReleaseSpinLock(&Ring->Lock, irql);
  return p;
}
NOINLINE static void SnsTraceEvent(ULONG Ring, ULONG Code, HANDLE Pid) {
  ULONG *event = (ULONG *)SnspReserve(&SnspRings[Ring], 16);
  if (event) { event[0] = Code; event[1] = (ULONG)(ULONG_PTR)Pid; event[2] = SnspRings[Ring].Kind; }
}
INIT_CODE_SECTION static NTSTATUS SnspInitializeRings(void) {
  NTSTATUS status = SnspCreateRing(&SnspRings[0], 'corP', 0x10000, SNS_TAG_RING); //~ Proc not-an-allocator
  if (NT_SUCCESS(status)) status = SnspCreateRing(&SnspRings[1], 'eliF', 0x40000, 'rfsS'); //= Ssfr any object-field //~ File not-an-allocator
  if (NT_SUCCESS(status)) status = SnspCreateRing(&SnspRings[2], 'gzRk', 0x8000, 'rrsS'); //= Ssrr any object-field //~ kRzg not-an-allocator
  return status;
}

/* ---- minifilter --------------------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT ContextType, Flags; PVOID Cleanup; SIZE_T Size; ULONG PoolTag; PVOID Allocate, Free, Reserved; } FLT_CONTEXT_REGISTRATION;
typedef struct { UCHAR Major; ULONG Flags; PVOID Pre, Post, Reserved; } FLT_OPERATION_REGISTRATION;
typedef struct {
  USHORT Size, Version; ULONG Flags;
  const FLT_CONTEXT_REGISTRATION *Contexts;
  const FLT_OPERATION_REGISTRATION *Operations;
  PVOID Unload, Setup, Query, TeardownStart, TeardownComplete, GenerateName, NormalizeName, NormalizeCleanup, Transaction, NormalizeEx, Section;
} FLT_REGISTRATION;
typedef struct { SNS_PROCESS_CONTEXT *Process; ULONG Opens; PVOID Name; } SNS_STREAM_CONTEXT;

static PVOID CALL SnspAllocateSection(ULONG Pool, SIZE_T Size, USHORT Type) { return SnsAllocateNPaged(Size, 'csfS'); } //= Sfsc any callback
static void CALL SnspFreeSection(PVOID Context, USHORT Type) { SnsFree(Context, 'csfS'); }
static void CALL SnspCleanupStream(PVOID Context, USHORT Type) {
  SNS_STREAM_CONTEXT *stream = Context;
  if (stream->Process) SnsDereferenceObject(stream->Process);
  if (stream->Name) SnsFreeToLookasideObject(SnspNameLookaside, stream->Name);
}
static const FLT_CONTEXT_REGISTRATION SnspContexts[] = {
  {2, 0, NULL, 64, 'nifS'}, //= Sfin structure-field filter-context
  {8, 0, SnspCleanupStream, sizeof(SNS_STREAM_CONTEXT), 'tsfS'}, //= Sfst structure-field filter-context
  {0x40, 0, NULL, 48, 'gifS', SnspAllocateSection, SnspFreeSection}, //~ Sfig ignored-context
  {0xFFFF},
};
static NTSTATUS CALL SnspPreCreate(PVOID Data, PVOID *Objects, PVOID *Completion) {
  PVOID information;
  SNS_STREAM_CONTEXT *stream;
  SNS_PROCESS_CONTEXT *process = SnsTrackProcess(Objects[3]);
  if (!process) return 1;
  SnsTraceEvent(1, 'nepO', process->Pid); //~ Open not-an-allocator
  if (NT_SUCCESS(FltGetFileNameInformation(Data, 0x101, &information))) {
    PUCHAR ea = FltAllocatePoolAlignedWithTag(Objects[1], PagedPool, 512, 'aefS'); //= Sfea allocation-call direct
    if (ea) {
      ea[0] = 0;
      *Completion = ea;
    }
    FltReleaseFileNameInformation(information);
  }
  if (NT_SUCCESS(FltAllocateContext(SnsFilter, 8, sizeof(SNS_STREAM_CONTEXT), NonPagedPoolNx, (PVOID *)&stream))) {
    stream->Process = process;
    stream->Name = SnsAllocateFromLookasideObject(SnspNameLookaside);
    FltSetStreamContext(Objects[1], Objects[2], 1, stream, NULL);
    FltReleaseContext(stream);
  }
  return 0;
}
static NTSTATUS CALL SnspPostCreate(PVOID Data, PVOID *Objects, PVOID Completion, ULONG Flags) {
  if (Completion) FltFreePoolAlignedWithTag(Objects[1], Completion, 'aefS');
  return 0;
}
static const FLT_OPERATION_REGISTRATION SnspOperations[] = {{0, 0, SnspPreCreate, SnspPostCreate}, {0x80}};
static NTSTATUS CALL SnspUnload(ULONG Flags) {
  FltUnregisterFilter(SnsFilter);
  SnsHashDelete(&SnspModules);
  SnsHashDelete(&SnspTokens);
  SnsDereferenceObject(SnspApcLookaside);
  SnsDereferenceObject(SnspNameLookaside);
  return STATUS_SUCCESS;
}
static const FLT_REGISTRATION SnspRegistration = {sizeof(FLT_REGISTRATION), 0x203, 0, SnspContexts, SnspOperations, SnspUnload};

/* ---- registry, image and process callbacks ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct { PVOID Object; UNICODE_STRING *Value; ULONG Class, Size; PVOID Data; PVOID CallContext; } SNS_REG_INFO;
static NTSTATUS SnspCopyName(const UNICODE_STRING *From, UNICODE_STRING *To, ULONG Tag) {
  To->Buffer = SnsAllocatePaged(From->Length, Tag);
  if (!To->Buffer) return STATUS_NO_MEMORY;
  To->MaximumLength = From->Length;
  return RtlCopyUnicodeString(To, From);
}
static NTSTATUS CALL SnspRegistryCallback(PVOID Context, PVOID Class, SNS_REG_INFO *Info) {
  SNS_PROCESS_CONTEXT *process;
  UNICODE_STRING *name;
  if ((ULONG)(ULONG_PTR)Class == 16) {
    if (Info->CallContext) { SnsFree(((UNICODE_STRING *)Info->CallContext)->Buffer, SNS_TAG_REG_NAME); SnsFree(Info->CallContext, 'crsS'); }
    return STATUS_SUCCESS;
  }
  if ((ULONG)(ULONG_PTR)Class != 1) return STATUS_SUCCESS;
  name = SnsAllocatePaged(sizeof(UNICODE_STRING), 'crsS'); //= Ssrc any callback
  if (!name) return STATUS_SUCCESS;
  if (!NT_SUCCESS(SnspCopyName(Info->Value, name, SNS_TAG_REG_NAME))) { SnsFree(name, 'crsS'); return STATUS_SUCCESS; }
  process = SnsTrackProcess(Info->Object);
  if (process) SnsTraceEvent(2, Info->Class, process->Pid);
  if (Info->Size == 'ULCM') SnsSend('geRs', Info->Object, Info->Value); //~ MCLU magic //~ sReg not-an-allocator
  Info->CallContext = name;
  return STATUS_SUCCESS;
}
static void CALL SnspImageNotify(const UNICODE_STRING *Name, HANDLE Pid, ULONG_PTR *Info) {
  SNS_IMAGE *image;
  if (!NT_SUCCESS(SnsCreateObject(SnsImageType, sizeof(SNS_IMAGE), (PVOID *)&image, NULL))) return;
  image->Base = Info[1];
  image->Hash = (ULONG)(Info[1] >> 12);
  if (NT_SUCCESS(SnspCopyName(Name, &image->Name, 'nisS'))) { //= Ssin any wrapper-two
    if (!SnsHashFind(&SnspModules, image->Hash)) SnsHashInsert(&SnspModules, image->Hash, image);
    SnsSend('gmIs', Pid, Name); //~ sImg not-an-allocator
  }
  SnsDereferenceObject(image);
}
static void CALL SnspProcessNotify(HANDLE Parent, HANDLE Pid, BOOLEAN Create) {
  SNS_PROCESS_CONTEXT *process = SnsTrackProcess(Pid);
  PVOID rule;
  if (!process) { SNS_TRACE("E", "%p %s", Pid, "NTRK"); return; } //~ NTRK text
  if (Create) {
    process->Unwind = SnsAllocateNPaged(256, 'wusS'); //= Ssuw any callback
    SnsTrackThread(process, Parent);
    if (NT_SUCCESS(SnsCreateObject(SnsRuleType, 80, &rule, NULL))) SnsHashInsert(&SnspModules, 7, rule);
  }
  SnsTraceEvent(0, Create ? 'etrC' : 'tixE', Pid); //~ Crte not-an-allocator //~ Exit not-an-allocator
  ObReferenceObjectByPointerWithTag(process, 0, NULL, 0, 'bOsS'); //~ SsOb object-tag
  SnsDereferenceObject(process);
}

/* ---- callouts -------------------------------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { GUID Key; ULONG Flags; PVOID Classify, Notify, FlowDelete; } FWPS_CALLOUT;
typedef struct { ULONG64 Flow; USHORT Layer; ULONG Callout; SNS_PROCESS_CONTEXT *Process; ULONG64 Bytes; } SNS_FLOW;
static ULONG SnspCalloutId;
NOINLINE static void CALL SnspClassify(const ULONG *Values, const ULONG64 *Meta, PVOID Layer, PVOID Context, const void *Filter, ULONG64 FlowContext, ULONG *Out) {
  SNS_FLOW *flow = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(SNS_FLOW), 'lfsS'); //= Ssfl allocation-call callback
  if (!flow) return;
  flow->Flow = Meta[1];
  flow->Layer = (USHORT)Values[0];
  flow->Process = SnsTrackProcess((HANDLE)(ULONG_PTR)Values[2]);
  if (!NT_SUCCESS(FwpsFlowAssociateContext0(flow->Flow, flow->Layer, SnspCalloutId, (ULONG64)(ULONG_PTR)flow))) ExFreePoolWithTag(flow, 'lfsS');
  Out[0] = Values[1] == 'kclB' ? 0x1001 : 0x1002; //~ Blck magic
}
static void CALL SnspFlowDelete(USHORT Layer, ULONG Callout, ULONG64 Context) {
  SNS_FLOW *flow = (SNS_FLOW *)(ULONG_PTR)Context;
  if (flow->Process) SnsDereferenceObject(flow->Process);
  ExFreePoolWithTag(flow, 'lfsS');
}
static const FWPS_CALLOUT SnspCallout = {{0x53735763, 0x6F11, 0x4D2B, {'S', 's', 'C', 'a', 'l', 'l', 'G', '1'}}, 2, SnspClassify, NULL, SnspFlowDelete}; //~ cWsS guid //~ SsCa guid

/* ---- entry ------------------------------------------------------------------------------------------------------------------------------------------------------------------ */

typedef NTSTATUS(CALL *CM_REGISTER)(PVOID, UNICODE_STRING *, PVOID, PVOID, LARGE_INTEGER *, PVOID);
typedef NTSTATUS(CALL *IMAGE_NOTIFY)(PVOID);
static LARGE_INTEGER SnspCookie;
INIT_CODE_SECTION NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
  UNICODE_STRING name;
  CM_REGISTER cmRegister;
  IMAGE_NOTIFY imageNotify;
  NTSTATUS status;
  SnsInitializeAlloc();
  SnspRegisterTypes();
  SnsCreateObjectType((const WCHAR *)L"Rule", &SnspRuleTypeInfo, &SnsRuleType);
  status = SnsReadConfiguration(Path);
  if (!NT_SUCCESS(status)) SNS_TRACE("W", "defaults: %x", status);
  status = SnsHashInitialize(&SnspModules, 256, 'mhsS'); //= Sshm any object-field
  if (NT_SUCCESS(status)) status = SnsHashInitialize(&SnspTokens, 64, 'khsS'); //= Sshk any object-field
  if (NT_SUCCESS(status)) status = SnsCreateNPagedLookasideObject(&SnspApcLookaside, 96, 'pasS'); //= Ssap any wrapper-structure
  if (NT_SUCCESS(status)) status = SnsCreatePagedLookasideObject(&SnspNameLookaside, 512, 'lnsS'); //= Ssnl any wrapper-structure
  if (NT_SUCCESS(status)) status = SnspInitializeRings();
  if (!NT_SUCCESS(status)) return status;
  status = FltRegisterFilter(Driver, &SnspRegistration, &SnsFilter);
  if (!NT_SUCCESS(status)) return status;
  RtlInitUnicodeString(&name, (const WCHAR *)L"CmRegisterCallbackEx");
  cmRegister = (CM_REGISTER)MmGetSystemRoutineAddress(&name);
  if (cmRegister) cmRegister(SnspRegistryCallback, Path, Driver, NULL, &SnspCookie, NULL);
  RtlInitUnicodeString(&name, (const WCHAR *)L"PsSetLoadImageNotifyRoutine");
  imageNotify = (IMAGE_NOTIFY)MmGetSystemRoutineAddress(&name);
  if (imageNotify) imageNotify(SnspImageNotify);
  PsSetCreateProcessNotifyRoutine(SnspProcessNotify, FALSE);
  FwpsCalloutRegister1(Driver, &SnspCallout, &SnspCalloutId);
  FltCreateCommunicationPort(SnsFilter, &SnsServerPort, NULL, NULL, SnspPortConnect, SnspPortDisconnect, SnspPortMessage, 1);
  return FltStartFiltering(SnsFilter);
}
