// A Bluetooth profile driver on KMDF: HID over GATT and over L2CAP, a continuous reader on each channel, an attribute cache,
// vendor firmware, and a helper library that names its tags by an enumeration.
// image: radio-profile.sys
#include "kernel.h"

/* ---- the framework, as its headers expand ---- */
typedef struct { ULONG Major, Minor, Build; } WDF_VERSION;
typedef void (*WDFFUNC)(void);
typedef struct {
  ULONG Size; PWSTR Component; WDF_VERSION Version; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module;
} WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct {
  ULONG Size; PVOID EvtCleanup, EvtDestroy; ULONG ExecutionLevel, SynchronizationScope; HANDLE ParentObject; SIZE_T ContextSizeOverride; const void *ContextTypeInfo;
} WDF_OBJECT_ATTRIBUTES;
typedef struct WDF_OBJECT_CONTEXT_TYPE_INFO { ULONG Size; const CHAR *ContextName; SIZE_T ContextSize; const struct WDF_OBJECT_CONTEXT_TYPE_INFO *UniqueType; PVOID Get; } WDF_OBJECT_CONTEXT_TYPE_INFO;
typedef struct { ULONG Size; PVOID Callbacks[17]; } WDF_PNPPOWER_EVENT_CALLBACKS;
typedef struct { ULONG Size, DispatchType, PowerManaged; BOOLEAN AllowZeroLength, DefaultQueue; PVOID Read, Write, DeviceControl, InternalDeviceControl, Default, Stop, Resume, Canceled; ULONG Parallel; HANDLE Driver; } WDF_IO_QUEUE_CONFIG;
typedef HANDLE WDFDEVICE, WDFOBJECT, WDFMEMORY, WDFLOOKASIDE, WDFREQUEST, WDFQUEUE, WDFDRIVER;

static WDFFUNC *WdfFunctions_01015;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO WdfBindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", {1, 15, 0}, 444, &WdfFunctions_01015, NULL};

#define WDF_CALL(result, index, ...) ((result(CALL *)(PVOID, ##__VA_ARGS__))WdfFunctions_01015[index])
#define WDF_NO_OBJECT_ATTRIBUTES NULL

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *a, ULONG type, ULONG tag, SIZE_T size, WDFMEMORY *memory, PVOID *buffer) {
  return WDF_CALL(NTSTATUS, 192, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, WDFMEMORY *, PVOID *)(WdfDriverGlobals, a, type, tag, size, memory, buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *a, SIZE_T size, ULONG type, WDF_OBJECT_ATTRIBUTES *m, ULONG tag, WDFLOOKASIDE *out) {
  return WDF_CALL(NTSTATUS, 198, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, WDFLOOKASIDE *)(WdfDriverGlobals, a, size, type, m, tag, out);
}
ALWAYS_INLINE NTSTATUS WdfMemoryCreateFromLookaside(WDFLOOKASIDE list, WDFMEMORY *memory) {
  return WDF_CALL(NTSTATUS, 199, WDFLOOKASIDE, WDFMEMORY *)(WdfDriverGlobals, list, memory);
}
ALWAYS_INLINE PVOID WdfMemoryGetBuffer(WDFMEMORY memory, SIZE_T *size) {
  return WDF_CALL(PVOID, 194, WDFMEMORY, SIZE_T *)(WdfDriverGlobals, memory, size);
}
ALWAYS_INLINE PVOID WdfObjectGetTypedContextWorker(WDFOBJECT object, const WDF_OBJECT_CONTEXT_TYPE_INFO *type) {
  return WDF_CALL(PVOID, 202, WDFOBJECT, const WDF_OBJECT_CONTEXT_TYPE_INFO *)(WdfDriverGlobals, object, type);
}
ALWAYS_INLINE void WdfObjectReferenceWithTag(WDFOBJECT object, ULONG_PTR tag) {
  WDF_CALL(void, 205, WDFOBJECT, PVOID, LONG, const CHAR *)(WdfDriverGlobals, object, (PVOID)tag, __LINE__, "connection.c");
}
ALWAYS_INLINE void WdfObjectDereferenceWithTag(WDFOBJECT object, ULONG_PTR tag) {
  WDF_CALL(void, 206, WDFOBJECT, PVOID, LONG, const CHAR *)(WdfDriverGlobals, object, (PVOID)tag, __LINE__, "connection.c");
}
ALWAYS_INLINE NTSTATUS WdfObjectCreate(WDF_OBJECT_ATTRIBUTES *a, WDFOBJECT *out) {
  return WDF_CALL(NTSTATUS, 207, WDF_OBJECT_ATTRIBUTES *, WDFOBJECT *)(WdfDriverGlobals, a, out);
}
ALWAYS_INLINE void WdfObjectDelete(WDFOBJECT object) { WDF_CALL(void, 208, WDFOBJECT)(WdfDriverGlobals, object); }
ALWAYS_INLINE NTSTATUS WdfDeviceCreate(PVOID *init, WDF_OBJECT_ATTRIBUTES *a, WDFDEVICE *out) {
  return WDF_CALL(NTSTATUS, 75, PVOID *, WDF_OBJECT_ATTRIBUTES *, WDFDEVICE *)(WdfDriverGlobals, init, a, out);
}
ALWAYS_INLINE NTSTATUS WdfFdoQueryForInterface(WDFDEVICE device, const GUID *type, PVOID out, USHORT size, USHORT version, PVOID specific) {
  return WDF_CALL(NTSTATUS, 131, WDFDEVICE, const GUID *, PVOID, USHORT, USHORT, PVOID)(WdfDriverGlobals, device, type, out, size, version, specific);
}
ALWAYS_INLINE NTSTATUS WdfIoQueueCreate(WDFDEVICE device, WDF_IO_QUEUE_CONFIG *config, WDF_OBJECT_ATTRIBUTES *a, WDFQUEUE *out) {
  return WDF_CALL(NTSTATUS, 152, WDFDEVICE, WDF_IO_QUEUE_CONFIG *, WDF_OBJECT_ATTRIBUTES *, WDFQUEUE *)(WdfDriverGlobals, device, config, a, out);
}
ALWAYS_INLINE NTSTATUS WdfRequestCreate(WDF_OBJECT_ATTRIBUTES *a, HANDLE target, WDFREQUEST *out) {
  return WDF_CALL(NTSTATUS, 256, WDF_OBJECT_ATTRIBUTES *, HANDLE, WDFREQUEST *)(WdfDriverGlobals, a, target, out);
}
ALWAYS_INLINE void WdfDeviceInitSetPnpPowerEventCallbacks(PVOID init, WDF_PNPPOWER_EVENT_CALLBACKS *c) {
  WDF_CALL(void, 55, PVOID, WDF_PNPPOWER_EVENT_CALLBACKS *)(WdfDriverGlobals, init, c);
}
ALWAYS_INLINE void WDF_OBJECT_ATTRIBUTES_INIT(WDF_OBJECT_ATTRIBUTES *a) {
  memset(a, 0, sizeof(*a));
  a->Size = sizeof(*a);
  a->ExecutionLevel = 1;
  a->SynchronizationScope = 1;
}
#define WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(type, accessor) \
  static const WDF_OBJECT_CONTEXT_TYPE_INFO type##_TYPE_INFO = {sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), #type, sizeof(type), NULL, NULL}; \
  ALWAYS_INLINE type *accessor(HANDLE handle) { return WdfObjectGetTypedContextWorker(handle, &type##_TYPE_INFO); }

/* ---- the Bluetooth stack's interfaces ---- */
typedef struct { USHORT Size, Version; PVOID Context; PVOID InterfaceReference, InterfaceDereference; } INTERFACE;
typedef struct BRB { LIST_ENTRY Link; ULONG Length, Version, Type, BthportFlags; NTSTATUS Status; NTSTATUS BtStatus; PVOID Reserved[3]; ULONG64 BtAddress; USHORT Psm; USHORT Flags; PVOID Buffer; PVOID BufferMdl; ULONG BufferSize; HANDLE ChannelHandle; PVOID Callback, CallbackContext; } BRB;
typedef struct {
  INTERFACE Interface;
  BRB *(CALL *BthAllocateBrb)(ULONG type, ULONG tag);
  void (CALL *BthFreeBrb)(BRB *brb);
  void (CALL *BthInitializeBrb)(BRB *brb, ULONG type);
  void (CALL *BthReuseBrb)(BRB *brb, ULONG type);
} BTH_PROFILE_DRIVER_INTERFACE;
typedef struct {
  INTERFACE Interface;
  PVOID SdpCreateNodeTree, SdpFreeTree, CreateNodes[19];
  NTSTATUS (CALL *SdpAddAttributeToTree)(PVOID tree, USHORT attribute, PVOID value, ULONG tag);
  PVOID SdpAppendNodeToContainerNode;
} BTHDDI_SDP_NODE_INTERFACE;
typedef struct {
  INTERFACE Interface;
  PVOID SdpValidateStream;
  NTSTATUS (CALL *SdpConvertStreamToTree)(const UCHAR *stream, ULONG size, PVOID *root, ULONG tag);
  NTSTATUS (CALL *SdpConvertTreeToStream)(PVOID root, PUCHAR *stream, ULONG *size, ULONG tag);
} BTHDDI_SDP_PARSE_INTERFACE;
enum { BRB_REGISTER_PSM = 0x100, BRB_L2CA_REGISTER_SERVER = 0x101, BRB_L2CA_OPEN_CHANNEL = 0x104, BRB_L2CA_CLOSE_CHANNEL = 0x106, BRB_L2CA_ACL_TRANSFER = 0x107, BRB_HCI_GET_LOCAL_BD_ADDR = 1 };

static const GUID profileInterface = {0x94A59AA8, 0x4383, 0x4286, {0xAA, 0x4F, 0x34, 0xA1, 0x60, 0xF4, 0x00, 0x04}};
static const GUID sdpNodeInterface = {0x81A7FDF3, 0x86C1, 0x4BE8, {0xA8, 0xC8, 0x2A, 0x6D, 0x18, 0x8B, 0x41, 0x77}};
static const GUID sdpParseInterface = {0x4E719439, 0x9CF1, 0x4BAB, {0xAC, 0x1D, 0x32, 0x79, 0x86, 0x57, 0x43, 0xD2}};
static const GUID bluetoothBase = {0x00000000, 0x0000, 0x1000, {0x80, 0x00, 0x00, 0x80, 0x5F, 0x9B, 0x34, 0xFB}};

/* ---- HogpLib.h: memory by kind; the enumeration is shared with the extension that dumps pools ---- */
typedef enum { HogpMemReport, HogpMemDescriptor, HogpMemString, HogpMemKey, HogpMemFirmware, HogpMemMax } HOGP_MEM_KIND;
typedef enum {
  HogpTagDriver = 'fDpR', HogpTagConnection = 'nCpR', HogpTagReader = 'dRpR', HogpTagWriter = 'rWpR', HogpTagQueue = 'uQpR', HogpTagSdp = 'pSpR', //? RpCn nothing uses it //? RpQu nothing uses it
  HogpTagBrbOpen = 'oBpR', HogpTagBrbClose = 'cBpR', HogpTagBrbServer = 'sBpR', HogpTagBrbTransfer = 'tBpR', HogpTagAttribute = 'tApR', HogpTagCache = 'hCpR',
} HOGP_TAG;
typedef struct { ULONG PoolType; ULONG PoolTag; ULONG MaximumSize; } HOGP_MEM_POLICY;
static const HOGP_MEM_POLICY memoryPolicy[HogpMemMax] = {
  {NonPagedPoolNx, '0MpR', 4096}, //= RpM0 any tag-table
  {PagedPool, '1MpR', 65536}, //= RpM1 any tag-table
  {PagedPool, '2MpR', 512}, //= RpM2 any tag-table
  {NonPagedPoolNx, '3MpR', 64}, //= RpM3 any tag-table
  {PagedPool, '4MpR', 1u << 20}, //= RpM4 any tag-table
};

NOINLINE NTSTATUS HogpMemCreate(WDFOBJECT parent, HOGP_MEM_KIND kind, SIZE_T size, WDFMEMORY *memory, PVOID *buffer) {
  const HOGP_MEM_POLICY *policy = &memoryPolicy[kind];
  WDF_OBJECT_ATTRIBUTES attributes;
  if (size == 0 || size > policy->MaximumSize) return STATUS_INVALID_PARAMETER;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ParentObject = parent;
  return WdfMemoryCreate(&attributes, policy->PoolType, policy->PoolTag, size, memory, buffer);
}

/* Memory that has no framework object: lists of the library. */
static PVOID HogpAlloc(SIZE_T size, HOGP_TAG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p != NULL) memset(p, 0, size);
  return p;
}
static void HogpFree(PVOID p, HOGP_TAG tag) { if (p != NULL) ExFreePoolWithTag(p, tag); }

static NTSTATUS HogpDuplicateString(UNICODE_STRING *to, const UNICODE_STRING *from, ULONG tag) {
  to->Buffer = ExAllocatePoolWithTag(PagedPool, from->Length + 2, tag);
  if (to->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  to->Length = 0;
  to->MaximumLength = from->Length + 2;
  return RtlCopyUnicodeString(to, from);
}

/* ---- RingLog.c ---- */
typedef struct { ULONG Signature; ULONG Size, Head; HANDLE Memory; UCHAR *Bytes; } RING_LOG;
static RING_LOG *RingLogCreate(WDFOBJECT parent, ULONG size, ULONG tag) {
  WDF_OBJECT_ATTRIBUTES attributes;
  WDFMEMORY memory;
  RING_LOG *log;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ParentObject = parent;
  if (WdfMemoryCreate(&attributes, NonPagedPoolNx, tag, sizeof(*log) + size, &memory, (PVOID *)&log) < 0) return NULL;
  log->Signature = 'gLgR'; //~ RgLg magic
  log->Memory = memory;
  log->Size = size;
  log->Bytes = (UCHAR *)(log + 1);
  return log;
}
static void RingLogWrite(RING_LOG *log, ULONG code, ULONG_PTR value) {
  if (log == NULL || log->Signature != 'gLgR' || log->Head + 8 > log->Size) return;
  *(ULONG *)(log->Bytes + log->Head) = code;
  *(ULONG *)(log->Bytes + log->Head + 4) = (ULONG)value;
  log->Head += 8;
}

/* ---- contexts ---- */
struct CONNECTION;
typedef struct {
  ULONG BufferLength; ULONG Count; ULONG PoolTag; ULONG PoolType;
  void (*ReadComplete)(struct CONNECTION *c, const UCHAR *bytes, SIZE_T size); void (*ReadFailed)(struct CONNECTION *c, NTSTATUS status);
} CONTINUOUS_READER_CONFIG;
typedef struct { CONTINUOUS_READER_CONFIG Config; struct { WDFREQUEST Request; WDFMEMORY Memory; BRB *Brb; } Slots[4]; ULONG Running; } CONTINUOUS_READER;
typedef struct {
  LIST_ENTRY Connections; BTH_PROFILE_DRIVER_INTERFACE Profile; BTHDDI_SDP_NODE_INTERFACE SdpNode; BTHDDI_SDP_PARSE_INTERFACE SdpParse;
  WDFDEVICE Device; WDFQUEUE Queue, PendingReads; WDFLOOKASIDE ReportList; RING_LOG *Log; PUCHAR SdpRecord; ULONG SdpRecordLength; USHORT Psm; BRB *ServerBrb; UNICODE_STRING Name; LOOKASIDE AttributeCache;
} DEVICE_CONTEXT;
typedef struct CONNECTION {
  LIST_ENTRY Link; ULONG Signature; DEVICE_CONTEXT *Device; WDFOBJECT Object; HANDLE Channel; ULONG State; WDFLOOKASIDE Transfers; ULONG TransferTag;
  CONTINUOUS_READER Control, Interrupt; BRB *ConnectBrb; ULONG64 Address; PUCHAR LinkKey; LIST_ENTRY Services; struct HOGP_TRANSPORT *Transport;
} CONNECTION;
typedef struct { CONNECTION *Connection; BRB *Brb; ULONG Cookie; } REQUEST_CONTEXT;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(DEVICE_CONTEXT, GetDeviceContext)
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(CONNECTION, GetConnection)
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(REQUEST_CONTEXT, GetRequestContext)

/* ---- ContinuousReader.c ---- */
static void ContReaderConfigInit(CONTINUOUS_READER_CONFIG *config, ULONG length, ULONG tag) {
  memset(config, 0, sizeof(*config));
  config->BufferLength = length;
  config->PoolTag = tag;
  config->PoolType = NonPagedPoolNx;
  config->Count = 2;
}

/* The stack's completion of one transfer: the reader's own callback gets the bytes. */
static void CALL ContReaderTransferDone(CONTINUOUS_READER *reader, BRB *brb) {
  struct CONNECTION *c = brb->CallbackContext;
  if (brb->Status < 0) reader->Config.ReadFailed(c, brb->Status);
  else reader->Config.ReadComplete(c, brb->Buffer, brb->BufferSize);
}

NOINLINE NTSTATUS ContReaderInitialize(CONNECTION *c, CONTINUOUS_READER *reader, const CONTINUOUS_READER_CONFIG *config) {
  WDF_OBJECT_ATTRIBUTES attributes;
  PVOID buffer;
  NTSTATUS status;
  ULONG i;
  reader->Config = *config;
  for (i = 0; i < reader->Config.Count && i < 4; i++) {
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = c->Object;
    attributes.ContextTypeInfo = &REQUEST_CONTEXT_TYPE_INFO;
    status = WdfRequestCreate(&attributes, NULL, &reader->Slots[i].Request);
    if (status < 0) return status;
    attributes.ContextTypeInfo = NULL;
    attributes.ParentObject = reader->Slots[i].Request;
    status = WdfMemoryCreate(&attributes, reader->Config.PoolType, reader->Config.PoolTag, reader->Config.BufferLength, &reader->Slots[i].Memory, &buffer);
    if (status < 0) return status;
    reader->Slots[i].Brb = c->Device->Profile.BthAllocateBrb(BRB_L2CA_ACL_TRANSFER, HogpTagReader); //= RpRd any interface-pointer
    if (reader->Slots[i].Brb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    reader->Slots[i].Brb->Buffer = buffer;
    reader->Slots[i].Brb->Callback = (PVOID)ContReaderTransferDone;
    reader->Slots[i].Brb->CallbackContext = c;
    GetRequestContext(reader->Slots[i].Request)->Cookie = 'eRtC'; //~ CtRe magic
  }
  reader->Running = 1;
  return STATUS_SUCCESS;
}

static void ContReaderStop(CONNECTION *c, CONTINUOUS_READER *reader) {
  ULONG i;
  for (i = 0; i < 4; i++) if (reader->Slots[i].Brb != NULL) c->Device->Profile.BthFreeBrb(reader->Slots[i].Brb);
  reader->Running = 0;
}

/* ---- Report.c: what comes in ---- */
typedef struct { LIST_ENTRY Link; ULONG Length; UCHAR Id; UCHAR Data[63]; } INPUT_REPORT;
static void OnInterruptReport(CONNECTION *c, const UCHAR *bytes, SIZE_T size) {
  WDFMEMORY memory;
  INPUT_REPORT *report;
  if (size > 63 || WdfMemoryCreateFromLookaside(c->Device->ReportList, &memory) < 0) return;
  report = WdfMemoryGetBuffer(memory, NULL);
  memcpy(report->Data, bytes, size);
  report->Length = (ULONG)size;
}
static void OnControlReply(CONNECTION *c, const UCHAR *bytes, SIZE_T size) {
  WDFMEMORY memory;
  PVOID copy;
  if (HogpMemCreate(c->Object, HogpMemReport, size, &memory, &copy) >= 0) memcpy(copy, bytes, size);
}
static void OnReadFailed(CONNECTION *c, NTSTATUS status) { RingLogWrite(c->Device->Log, 0x6C696146, status); } //~ Fail not-an-allocator

/* ---- Transport.c: classic and low energy ---- */
typedef struct HOGP_TRANSPORT {
  ULONG Kind; ULONG TransferSize, TransferTag; NTSTATUS (*Open)(CONNECTION *c); NTSTATUS (*Send)(CONNECTION *c, const UCHAR *bytes, SIZE_T size); void (*Close)(CONNECTION *c);
} HOGP_TRANSPORT;

static NTSTATUS ClassicOpen(CONNECTION *c) {
  CONTINUOUS_READER_CONFIG config;
  NTSTATUS status;
  c->ConnectBrb = c->Device->Profile.BthAllocateBrb(BRB_L2CA_OPEN_CHANNEL, HogpTagBrbOpen); //= RpBo any interface-pointer
  if (c->ConnectBrb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  c->ConnectBrb->BtAddress = c->Address;
  c->ConnectBrb->Psm = 0x11;
  ContReaderConfigInit(&config, 672, '1CpR'); //= RpC1 any wrapper-structure
  config.ReadComplete = OnControlReply;
  config.ReadFailed = OnReadFailed;
  status = ContReaderInitialize(c, &c->Control, &config);
  if (status < 0) return status;
  ContReaderConfigInit(&config, 64, '2CpR'); //= RpC2 any wrapper-structure
  config.ReadComplete = OnInterruptReport;
  config.ReadFailed = OnReadFailed;
  config.Count = 4;
  return ContReaderInitialize(c, &c->Interrupt, &config);
}
static NTSTATUS ClassicSend(CONNECTION *c, const UCHAR *bytes, SIZE_T size) {
  BRB *brb = c->Device->Profile.BthAllocateBrb(BRB_L2CA_ACL_TRANSFER, HogpTagBrbTransfer); //= RpBt any interface-pointer
  WDFMEMORY memory;
  NTSTATUS status;
  if (brb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  status = WdfMemoryCreateFromLookaside(c->Transfers, &memory);
  if (status < 0) { c->Device->Profile.BthFreeBrb(brb); return status; }
  brb->Buffer = WdfMemoryGetBuffer(memory, NULL);
  brb->ChannelHandle = c->Channel;
  memcpy(brb->Buffer, bytes, size);
  return STATUS_SUCCESS;
}
static void ClassicClose(CONNECTION *c) {
  BRB *brb = c->Device->Profile.BthAllocateBrb(BRB_L2CA_CLOSE_CHANNEL, HogpTagBrbClose); //= RpBc any interface-pointer
  if (brb != NULL) { brb->ChannelHandle = c->Channel; c->Device->Profile.BthFreeBrb(brb); }
  ContReaderStop(c, &c->Control);
  ContReaderStop(c, &c->Interrupt);
}

/* ---- Gatt.c ---- */
typedef struct { LIST_ENTRY Link; USHORT Handle; USHORT Uuid; ULONG ValueLength; PUCHAR Value; } GATT_ATTRIBUTE;
typedef struct { LIST_ENTRY Link; ULONG Magic; const struct GATT_SERVICE_CLASS *Class; LIST_ENTRY Attributes; PVOID State; } GATT_SERVICE;
typedef struct GATT_SERVICE_CLASS { USHORT Uuid; const CHAR *Name; ULONG StateSize; ULONG StateTag; NTSTATUS (*Discover)(CONNECTION *c, GATT_SERVICE *s); } GATT_SERVICE_CLASS;

static NTSTATUS DiscoverHid(CONNECTION *c, GATT_SERVICE *s) {
  PUCHAR map = ExAllocatePool2(POOL_FLAG_PAGED, 512, 'mRpR'); //= RpRm allocation-call callback
  GATT_ATTRIBUTE *a;
  WDFMEMORY memory;
  if (map == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  a = ExpInterlockedPopEntrySList(&c->Device->AttributeCache);
  if (a == NULL) a = HogpAlloc(sizeof(*a), HogpTagAttribute); //= RpAt any callback
  if (a == NULL) { ExFreePoolWithTag(map, 'mRpR'); return STATUS_INSUFFICIENT_RESOURCES; }
  a->Uuid = 0x2A4B;
  a->Value = map;
  a->ValueLength = map[0] == 5 ? 512 : 0;
  if (HogpMemCreate(c->Object, HogpMemDescriptor, a->ValueLength, &memory, &s->State) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  s->Attributes.Flink = &a->Link;
  return STATUS_SUCCESS;
}
static NTSTATUS DiscoverBattery(CONNECTION *c, GATT_SERVICE *s) {
  if (s->Magic != 'cvSG') KeBugCheckEx(0x42544C45, (ULONG_PTR)c, (ULONG_PTR)s, 0, 0); //~ GSvc magic //~ ELTB bug-check
  *(ULONG *)s->State = 100;
  return STATUS_SUCCESS;
}
static NTSTATUS DiscoverDeviceInformation(CONNECTION *c, GATT_SERVICE *s) {
  WDFMEMORY memory;
  return HogpMemCreate(c->Object, HogpMemString, 128, &memory, (PVOID *)&s->State);
}
static const GATT_SERVICE_CLASS serviceClasses[] = {
  {0x1812, "hids", 128, '1GpR', DiscoverHid}, //= RpG1 any tag-table //~ hids text
  {0x180F, "bas", 8, '2GpR', DiscoverBattery}, //= RpG2 any tag-table
  {0x180A, "dis", 64, '3GpR', DiscoverDeviceInformation}, //= RpG3 any tag-table
};

NOINLINE NTSTATUS GattDiscover(CONNECTION *c) {
  const GATT_SERVICE_CLASS *k;
  for (k = serviceClasses; k < serviceClasses + 3; k++) {
    GATT_SERVICE *s = HogpAlloc(sizeof(*s), 'vSpR'); //= RpSv any wrapper
    if (s == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    s->Magic = 'cvSG';
    s->Class = k;
    s->State = ExAllocatePoolWithTag(NonPagedPoolNx, k->StateSize, k->StateTag);
    if (s->State == NULL || k->Discover(c, s) < 0) { HogpFree(s, 'vSpR'); return STATUS_INSUFFICIENT_RESOURCES; }
    s->Link.Flink = c->Services.Flink;
    c->Services.Flink = &s->Link;
  }
  return STATUS_SUCCESS;
}

static NTSTATUS LowEnergyOpen(CONNECTION *c) {
  CONTINUOUS_READER_CONFIG config = {244, 1, '3CpR', PagedPool, OnInterruptReport, OnReadFailed}; //= RpC3 any wrapper-structure
  NTSTATUS status = ContReaderInitialize(c, &c->Interrupt, &config);
  return status < 0 ? status : GattDiscover(c);
}
static NTSTATUS LowEnergySend(CONNECTION *c, const UCHAR *bytes, SIZE_T size) {
  PUCHAR copy = HogpAlloc(size + 3, HogpTagWriter); //= RpWr any callback
  if (copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  copy[0] = 0x52;
  memcpy(copy + 3, bytes, size);
  RingLogWrite(c->Device->Log, 0x74617257, size); //~ Wrat not-an-allocator
  HogpFree(copy, HogpTagWriter);
  return STATUS_SUCCESS;
}
static void LowEnergyClose(CONNECTION *c) { ContReaderStop(c, &c->Interrupt); }

static const HOGP_TRANSPORT classicTransport = {1, 672, 'cTpR', ClassicOpen, ClassicSend, ClassicClose}; //= RpTc any operations-table
static const HOGP_TRANSPORT lowEnergyTransport = {2, 244, 'lTpR', LowEnergyOpen, LowEnergySend, LowEnergyClose}; //= RpTl any operations-table

/* ---- Pairing.c: keys of the other transport are derived with four-character names ---- */
static void DeriveKey(const UCHAR *key, ULONG keyId, PUCHAR out) {
  ULONG i;
  for (i = 0; i < 16; i++) out[i] = key[i] ^ (UCHAR)(keyId >> ((i & 3) * 8));
}
NOINLINE NTSTATUS PairingConvertKey(CONNECTION *c, const UCHAR *key, BOOLEAN toClassic) {
  UCHAR intermediate[16];
  WDFMEMORY memory;
  PUCHAR identity;
  if (HogpMemCreate(c->Object, HogpMemKey, 32, &memory, (PVOID *)&identity) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(identity, key, 16);
  c->LinkKey = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'kLpR'); //= RpLk allocation-call direct
  if (c->LinkKey == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  if (toClassic) {
    DeriveKey(key, 0x746D7031, intermediate); //~ 1pmt magic
    DeriveKey(intermediate, 0x6C656272, c->LinkKey); //~ rbel magic
  } else {
    DeriveKey(key, 0x746D7032, intermediate); //~ 2pmt magic
    DeriveKey(intermediate, 0x62726C65, c->LinkKey); //~ elrb magic
  }
  return STATUS_SUCCESS;
}
NOINLINE void PairingForgetKey(CONNECTION *c) {
  if (c->LinkKey == NULL) return;
  memset(c->LinkKey, 0, 16);
  ExFreePoolWithTag(c->LinkKey, 'kLpR');
  c->LinkKey = NULL;
}

/* ---- Firmware.c: patch files of the makers ---- */
typedef struct { ULONG Signature, Version, Count; } FIRMWARE_HEAD;
NOINLINE NTSTATUS FirmwareLoad(DEVICE_CONTEXT *d, const FIRMWARE_HEAD *head, ULONG size) {
  WDFMEMORY memory;
  PVOID image;
  ULONG *section;
  NTSTATUS status;
  switch (head->Signature) {
    case 0x6C616552: RingLogWrite(d->Log, 1, head->Version); break; //~ Real firmware-table
    case 0x4D435242: RingLogWrite(d->Log, 2, head->Version); break; //~ BRCM firmware-table
    case 0x53534324: RingLogWrite(d->Log, 3, head->Version); break; //~ $CSS firmware-table
    case 0x424D4C4F: return STATUS_NOT_SUPPORTED; //~ OLMB firmware-table
    default: return STATUS_INVALID_PARAMETER;
  }
  status = HogpMemCreate(d->Device, HogpMemFirmware, size, &memory, &image);
  if (status < 0) return status;
  memcpy(image, head, size);
  section = HogpAlloc(head->Count * 8, 'wFpR'); //= RpFw any wrapper
  if (section == NULL) { WdfObjectDelete(memory); return STATUS_INSUFFICIENT_RESOURCES; }
  section[0] = head->Version;
  HogpFree(section, 'wFpR');
  return STATUS_SUCCESS;
}

/* ---- Sdp.c ---- */
NOINLINE NTSTATUS SdpBuildRecord(DEVICE_CONTEXT *d, PVOID tree) {
  static const UCHAR serviceList[] = {0x35, 0x03, 0x19, 0x11, 0x24, 0x25, 0x06, 'H', 'I', 'D', ' ', 'L', 'E'}; //~ "HID " text
  PVOID node;
  NTSTATUS status = d->SdpParse.SdpConvertStreamToTree(serviceList, sizeof(serviceList), &node, '1SpR'); //= RpS1 any interface-pointer
  if (status < 0) return status;
  status = d->SdpNode.SdpAddAttributeToTree(tree, 0x0001, node, '2SpR'); //= RpS2 any interface-pointer
  if (status < 0) return status;
  return d->SdpParse.SdpConvertTreeToStream(tree, &d->SdpRecord, &d->SdpRecordLength, HogpTagSdp); //= RpSp any interface-pointer
}

/* ---- Connection.c ---- */
static void CALL EvtConnectionCleanup(WDFOBJECT object) {
  CONNECTION *c = GetConnection(object);
  c->Transport->Close(c);
  PairingForgetKey(c);
  if (c->ConnectBrb != NULL) c->Device->Profile.BthFreeBrb(c->ConnectBrb);
}

NOINLINE NTSTATUS ConnectionCreate(DEVICE_CONTEXT *d, ULONG64 address, const HOGP_TRANSPORT *transport, CONNECTION **out) {
  WDF_OBJECT_ATTRIBUTES attributes;
  WDFOBJECT object;
  CONNECTION *c;
  NTSTATUS status;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ParentObject = d->Device;
  attributes.EvtCleanup = (PVOID)EvtConnectionCleanup;
  attributes.ContextTypeInfo = &CONNECTION_TYPE_INFO;
  status = WdfObjectCreate(&attributes, &object);
  if (status < 0) return status;
  c = GetConnection(object);
  c->Signature = 'noCB'; //~ BCon magic
  c->Object = object;
  c->Device = d;
  c->Address = address;
  c->Transport = (HOGP_TRANSPORT *)transport;
  c->TransferTag = transport->TransferTag;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ParentObject = object;
  status = WdfLookasideListCreate(&attributes, transport->TransferSize, NonPagedPoolNx, WDF_NO_OBJECT_ATTRIBUTES, c->TransferTag, &c->Transfers);
  if (status >= 0) status = transport->Open(c);
  if (status < 0) { WdfObjectDelete(object); return status; }
  c->Link.Flink = d->Connections.Flink;
  d->Connections.Flink = &c->Link;
  WdfObjectReferenceWithTag(object, 'feRC'); //~ CRef wdf-reference
  *out = c;
  return STATUS_SUCCESS;
}

static BOOLEAN ConnectionIsOurs(const CONNECTION *c) { return c->Signature == 'noCB' && c->State != 0x64616564; } //~ dead magic

/* ---- Device.c ---- */
typedef struct { ULONG Command; ULONG Length; ULONG64 Address; UCHAR Data[16]; } IOCTL_INPUT;

static NTSTATUS ConnectHandler(DEVICE_CONTEXT *d, IOCTL_INPUT *in) {
  CONNECTION *c;
  NTSTATUS status = ConnectionCreate(d, in->Address, in->Length & 1 ? &classicTransport : &lowEnergyTransport, &c);
  return status < 0 ? status : PairingConvertKey(c, in->Data, (BOOLEAN)(in->Length & 1));
}
static NTSTATUS SendHandler(DEVICE_CONTEXT *d, IOCTL_INPUT *in) {
  CONNECTION *c = (CONNECTION *)d->Connections.Flink;
  if (c == NULL || !ConnectionIsOurs(c)) return STATUS_INVALID_PARAMETER;
  return c->Transport->Send(c, in->Data, sizeof(in->Data));
}
static NTSTATUS DisconnectHandler(DEVICE_CONTEXT *d, IOCTL_INPUT *in) {
  CONNECTION *c = (CONNECTION *)d->Connections.Flink;
  if (c == NULL || c->Address != in->Address) return STATUS_INVALID_PARAMETER;
  d->Connections.Flink = c->Link.Flink;
  WdfObjectDereferenceWithTag(c->Object, 'feRC');
  WdfObjectDelete(c->Object);
  return STATUS_SUCCESS;
}
static NTSTATUS FirmwareHandler(DEVICE_CONTEXT *d, IOCTL_INPUT *in) { return FirmwareLoad(d, (const FIRMWARE_HEAD *)in->Data, in->Length); }
typedef struct { ULONG Command; NTSTATUS (*Handler)(DEVICE_CONTEXT *d, IOCTL_INPUT *in); ULONG CopyTag; } IOCTL_ENTRY;
static const IOCTL_ENTRY ioctls[] = {
  {0x0041200B, ConnectHandler, '1IpR'}, //= RpI1 any tag-table
  {0x0041200F, SendHandler, '2IpR'}, //= RpI2 any tag-table
  {0x00412013, DisconnectHandler, '3IpR'}, //= RpI3 any tag-table
  {0x00412017, FirmwareHandler, '4IpR'}, //= RpI4 any tag-table
};

static void CALL EvtIoDeviceControl(WDFQUEUE queue, WDFREQUEST request, SIZE_T out, SIZE_T in, ULONG code) {
  DEVICE_CONTEXT *d = GetDeviceContext(queue);
  IOCTL_INPUT *copy;
  ULONG i;
  (void)out;
  for (i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
    if (ioctls[i].Command != code || in < sizeof(*copy)) continue;
    copy = ExAllocatePoolWithTag(PagedPool, in, ioctls[i].CopyTag);
    if (copy == NULL) return;
    memcpy(copy, request, sizeof(*copy));
    RingLogWrite(d->Log, code, ioctls[i].Handler(d, copy));
    ExFreePoolWithTag(copy, ioctls[i].CopyTag);
    return;
  }
}

static NTSTATUS CALL EvtPrepareHardware(WDFDEVICE device, HANDLE raw, HANDLE translated) {
  DEVICE_CONTEXT *d = GetDeviceContext(device);
  NTSTATUS status;
  (void)raw; (void)translated;
  status = WdfFdoQueryForInterface(device, &profileInterface, &d->Profile, sizeof(d->Profile), 1, NULL);
  if (status >= 0) status = WdfFdoQueryForInterface(device, &sdpNodeInterface, &d->SdpNode, sizeof(d->SdpNode), 1, NULL);
  if (status >= 0) status = WdfFdoQueryForInterface(device, &sdpParseInterface, &d->SdpParse, sizeof(d->SdpParse), 1, NULL);
  if (status < 0) return status;
  d->ServerBrb = d->Profile.BthAllocateBrb(BRB_L2CA_REGISTER_SERVER, HogpTagBrbServer); //= RpBs any interface-pointer
  if (d->ServerBrb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  d->ServerBrb->BtAddress = 0;
  d->ServerBrb->Psm = d->Psm;
  return SdpBuildRecord(d, (PVOID)&bluetoothBase);
}
static NTSTATUS CALL EvtReleaseHardware(WDFDEVICE device, HANDLE translated) {
  DEVICE_CONTEXT *d = GetDeviceContext(device);
  (void)translated;
  if (d->SdpRecord != NULL) ExFreePoolWithTag(d->SdpRecord, HogpTagSdp);
  if (d->ServerBrb != NULL) d->Profile.BthFreeBrb(d->ServerBrb);
  ExDeleteLookasideListEx(&d->AttributeCache);
  return STATUS_SUCCESS;
}

static NTSTATUS ReadConfiguration(DEVICE_CONTEXT *d, UNICODE_STRING *key) {
  static const struct { const CHAR *Name; ULONG Signature; ULONG Default; } parameters[] = {
    {"IdleTimeout", 'eldI', 30}, {"SniffInterval", 'fnSi', 800}, {"ReconnectMode", 'cRmd', 1}}; //~ Idle magic //~ iSnf magic //~ dmRc magic
  ULONG i, found = 0;
  for (i = 0; i < 3; i++) {
    UCHAR value[32];
    ULONG needed;
    if (ZwQueryValueKey((HANDLE)key, key, 2, value, sizeof(value), &needed) >= 0 && *(ULONG *)value == parameters[i].Signature) found += parameters[i].Default;
  }
  d->Psm = (USHORT)(0x1001 + found);
  return HogpDuplicateString(&d->Name, key, 'mNpR'); //= RpNm any wrapper
}

static NTSTATUS CALL EvtDeviceAdd(WDFDRIVER driver, PVOID init) {
  WDF_OBJECT_ATTRIBUTES attributes;
  WDF_PNPPOWER_EVENT_CALLBACKS power;
  WDF_IO_QUEUE_CONFIG queue;
  UNICODE_STRING key;
  DEVICE_CONTEXT *d;
  WDFDEVICE device;
  NTSTATUS status;
  (void)driver;
  memset(&power, 0, sizeof(power));
  power.Size = sizeof(power);
  power.Callbacks[4] = (PVOID)EvtPrepareHardware;
  power.Callbacks[5] = (PVOID)EvtReleaseHardware;
  WdfDeviceInitSetPnpPowerEventCallbacks(init, &power);
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ContextTypeInfo = &DEVICE_CONTEXT_TYPE_INFO;
  status = WdfDeviceCreate(&init, &attributes, &device);
  if (status < 0) return status;
  d = GetDeviceContext(device);
  d->Device = device;
  d->Log = RingLogCreate(device, 8192, 'gLpR'); //= RpLg any wrapper
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.ParentObject = device;
  status = WdfLookasideListCreate(&attributes, sizeof(INPUT_REPORT), NonPagedPoolNx, NULL, 'lRpR', &d->ReportList); //= RpRl framework-call wdf-function
  if (status < 0) return status;
  status = ExInitializeLookasideListEx(&d->AttributeCache, NULL, NULL, NonPagedPoolNx, 0, sizeof(GATT_ATTRIBUTE), HogpTagCache, 0); //= RpCh lookaside-init lookaside
  if (status < 0) return status;
  memset(&queue, 0, sizeof(queue));
  queue.Size = sizeof(queue);
  queue.DispatchType = 2;
  queue.DefaultQueue = TRUE;
  queue.DeviceControl = (PVOID)EvtIoDeviceControl;
  status = WdfIoQueueCreate(device, &queue, NULL, &d->Queue);
  if (status < 0) return status;
  RtlInitUnicodeString(&key, (const WCHAR *)L"Parameters");
  return ReadConfiguration(d, &key);
}

static void CALL EvtDriverUnload(WDFDRIVER driver) {
  (void)driver;
  DbgPrint("radio-profile: RpUn unload\n"); //~ RpUn text
}

INIT_CODE_SECTION static NTSTATUS HogpDriverCreate(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  WDF_DRIVER_CONFIG config;
  memset(&config, 0, sizeof(config));
  config.Size = sizeof(config);
  config.EvtDriverDeviceAdd = (PVOID)EvtDeviceAdd;
  config.EvtDriverUnload = (PVOID)EvtDriverUnload;
  config.DriverPoolTag = HogpTagDriver; //= RpDf any wdf-config
  return WDF_CALL(NTSTATUS, 116, DRIVER_OBJECT *, UNICODE_STRING *, WDF_OBJECT_ATTRIBUTES *, WDF_DRIVER_CONFIG *, WDFDRIVER *)(WdfDriverGlobals, driver, path, NULL, &config, NULL);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  NTSTATUS status = WdfVersionBind(driver, path, &WdfBindInfo, &WdfDriverGlobals);
  if (status < 0) return status;
  status = HogpDriverCreate(driver, path);
  if (status < 0) WdfVersionUnbind(path, &WdfBindInfo, WdfDriverGlobals);
  return status;
}
