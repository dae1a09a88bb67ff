// A multiport serial adapter: a KMDF function driver of the card, WDM port devices below it, a shared port library that its
// clients initialise with their tag, buffers of each port, modem state, timers, WMI blocks, parameters from the registry.
// image: serial-mux.sys
#include "kernel.h"

/* ---- the framework, as its headers expand ---------------------------------------------------------------------------------- */

typedef struct { ULONG Major, Minor, Build; } WDF_VERSION;
typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; WDF_VERSION Version; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct { ULONG Size; const CHAR *ContextName; SIZE_T ContextSize; PVOID Unique, Get; } WDF_CONTEXT_TYPE;
typedef struct {
  ULONG Size; PVOID Cleanup, Destroy; ULONG ExecutionLevel, SynchronizationScope; PVOID Parent; SIZE_T ContextSize;
  const WDF_CONTEXT_TYPE *TypeInfo;
} WDF_OBJECT_ATTRIBUTES;
typedef HANDLE WDFDEVICE, WDFMEMORY, WDFLOOKASIDE, WDFDRIVER;

enum {
  DeviceCreateIndex = 75, DriverCreateIndex = 116, MemoryCreateIndex = 192, MemoryCreateFromLookasideIndex = 199, LookasideListCreateIndex = 198,
  ObjectGetTypedContextIndex = 202, ObjectReferenceIndex = 205, ObjectDereferenceIndex = 206, ObjectDeleteIndex = 208
};
static WDFFUNC *WdfFunctions;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO WdfBindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", {1, 25, 0}, 453, &WdfFunctions, NULL};
#define WDF(result, index, ...) ((result(CALL *)(PVOID, ##__VA_ARGS__))WdfFunctions[index])

ALWAYS_INLINE void WDF_OBJECT_ATTRIBUTES_INIT(WDF_OBJECT_ATTRIBUTES *attributes) {
  memset(attributes, 0, sizeof(*attributes));
  attributes->Size = sizeof(*attributes);
  attributes->ExecutionLevel = attributes->SynchronizationScope = 1;
}
ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *attributes, ULONG type, ULONG tag, SIZE_T size, WDFMEMORY *out, PVOID *buffer) {
  return WDF(NTSTATUS, MemoryCreateIndex, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, WDFMEMORY *, PVOID *)(WdfDriverGlobals, attributes, type, tag, size, out, buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *attributes, SIZE_T size, ULONG type, WDF_OBJECT_ATTRIBUTES *memory, ULONG tag, WDFLOOKASIDE *out) {
  return WDF(NTSTATUS, LookasideListCreateIndex, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, WDFLOOKASIDE *)(WdfDriverGlobals, attributes, size, type, memory, tag, out);
}
ALWAYS_INLINE NTSTATUS WdfMemoryCreateFromLookaside(WDFLOOKASIDE list, WDFMEMORY *out) {
  return WDF(NTSTATUS, MemoryCreateFromLookasideIndex, WDFLOOKASIDE, WDFMEMORY *)(WdfDriverGlobals, list, out);
}
ALWAYS_INLINE PVOID WdfObjectGetTypedContext(HANDLE object, const WDF_CONTEXT_TYPE *type) {
  return WDF(PVOID, ObjectGetTypedContextIndex, HANDLE, const WDF_CONTEXT_TYPE *)(WdfDriverGlobals, object, type);
}
ALWAYS_INLINE void WdfObjectReferenceWithTag(HANDLE object, ULONG_PTR tag, LONG line) {
  WDF(void, ObjectReferenceIndex, HANDLE, PVOID, LONG, const CHAR *)(WdfDriverGlobals, object, (PVOID)tag, line, "muxfdo.c");
}
ALWAYS_INLINE void WdfObjectDereferenceWithTag(HANDLE object, ULONG_PTR tag, LONG line) {
  WDF(void, ObjectDereferenceIndex, HANDLE, PVOID, LONG, const CHAR *)(WdfDriverGlobals, object, (PVOID)tag, line, "muxfdo.c");
}
ALWAYS_INLINE void WdfObjectDelete(HANDLE object) { WDF(void, ObjectDeleteIndex, HANDLE)(WdfDriverGlobals, object); }

/* ---- portlib: shared by the drivers of this maker ---------------------------------------------------------------------------------- */

#define PORTLIB_SIGNATURE 'bLtP' //~ PtLb magic
#define PORTLIB_VERSION 0x00030001
typedef struct _PORTLIB PORTLIB;
typedef struct _PORTLIB_INIT {
  ULONG Size;
  ULONG Version;
  ULONG PoolTag;
  ULONG PoolType;
  ULONG ReadBufferSize, WriteBufferSize;
  void (*ReadComplete)(PVOID context, PUCHAR data, ULONG length);
  void (*ModemChanged)(PVOID context, ULONG status);
  PVOID Context;
} PORTLIB_INIT;
struct _PORTLIB {
  ULONG Signature;
  ULONG References;
  PORTLIB_INIT Init;
  PUCHAR ReadBuffer, WriteBuffer;
  ULONG ReadHead, ReadTail, Allocated;
  ULONG_PTR Lock;
};

NOINLINE static NTSTATUS PortLibInitialize(const PORTLIB_INIT *init, PORTLIB **out) {
  PORTLIB *lib;
  *out = NULL;
  if (init->Size != sizeof(PORTLIB_INIT) || init->Version != PORTLIB_VERSION) return STATUS_INVALID_PARAMETER;
  lib = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(PORTLIB), init->PoolTag);
  if (!lib) return STATUS_INSUFFICIENT_RESOURCES;
  memset(lib, 0, sizeof(PORTLIB));
  lib->Signature = PORTLIB_SIGNATURE;
  lib->References = 1;
  lib->Init = *init;
  KeInitializeSpinLock(&lib->Lock);
  *out = lib;
  return STATUS_SUCCESS;
}
NOINLINE static PVOID PortLibAllocate(PORTLIB *lib, SIZE_T size) {
  PVOID p = ExAllocatePoolWithTag(lib->Init.PoolType, size, lib->Init.PoolTag);
  if (p) {
    memset(p, 0, size);
    lib->Allocated++;
  }
  return p;
}
NOINLINE static void PortLibFree(PORTLIB *lib, PVOID p) {
  ExFreePoolWithTag(p, lib->Init.PoolTag);
  lib->Allocated--;
}
NOINLINE static NTSTATUS PortLibOpen(PORTLIB *lib) {
  if (lib->Signature != PORTLIB_SIGNATURE) return STATUS_INVALID_PARAMETER;
  lib->ReadBuffer = PortLibAllocate(lib, lib->Init.ReadBufferSize);
  lib->WriteBuffer = PortLibAllocate(lib, lib->Init.WriteBufferSize);
  if (lib->ReadBuffer && lib->WriteBuffer) return STATUS_SUCCESS;
  if (lib->ReadBuffer) PortLibFree(lib, lib->ReadBuffer);
  lib->ReadBuffer = NULL;
  return STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void PortLibDeliver(PORTLIB *lib, const UCHAR *data, ULONG length) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&lib->Lock);
  ULONG i;
  for (i = 0; i < length; i++) lib->ReadBuffer[lib->ReadHead++ & (lib->Init.ReadBufferSize - 1)] = data[i];
  KeReleaseSpinLock(&lib->Lock, irql);
  if (lib->Init.ReadComplete) lib->Init.ReadComplete(lib->Init.Context, lib->ReadBuffer, length);
}

/* ---- common ------------------------------------------------------------------------------------------------------------------------ */

#define MUX_POOL_TAG 'xuMS' //= SMux any direct
#define MUX_TAG_PORT 'tPMS' //= SMPt any direct
#define MUX_TAG_RX 'xRMS' //= SMRx any wrapper
#define MUX_TAG_TX 'xTMS' //= SMTx any wrapper
#define MUX_TAG_STATE 'tSMS' //= SMSt any wrapper-fixed
#define MUX_TAG_NAME 'mNMS' //= SMNm any wrapper
#define MUX_TAG_LINK 'kLMS' //= SMLk any wrapper
#define MUX_MAX_PORTS 16

#define FDO_SIGNATURE 'oDFM' //~ MFDo magic
#define PDO_SIGNATURE 'oDPM' //~ MPDo magic
#define PORT_SIGNATURE 'trPM' //~ MPrt magic
#define MuxDebug(level, ...) do { if (MuxDebugLevel >= (level)) DbgPrint("SerialMux: " __VA_ARGS__); } while (0)
static ULONG MuxDebugLevel = 1;
static ULONG MuxPoolTag = MUX_POOL_TAG;

ALWAYS_INLINE PVOID ExAllocatePoolZero(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static PVOID MuxAllocate(SIZE_T size, ULONG tag) { return ExAllocatePoolZero(NonPagedPoolNx, size, tag); }
NOINLINE static void MuxFree(PVOID p, ULONG tag) { if (p) ExFreePoolWithTag(p, tag); }
NOINLINE static PVOID MuxAllocateState(SIZE_T size) { return MuxAllocate(size, MUX_TAG_STATE); }

typedef struct { ULONG BaudRate; UCHAR WordLength, Parity, StopBits; ULONG Timeouts[5]; ULONG FlowReplace; UCHAR XonChar, XoffChar; } LINE_STATE;
typedef struct { ULONG ModemStatus, ModemControl, WaitMask, EventMask; LINE_STATE *Line; } MODEM_STATE;

struct _PORT;
typedef struct _PORT_TIMER { ULONG_PTR Timer[10], Dpc[10]; struct _PORT *Port; PVOID Context; ULONG Kind; } PORT_TIMER;
typedef struct _WMI_BLOCK { ULONG Size, Flags; ULONG BaudRate, BitsPerByte; ULONG Counters[8]; } WMI_BLOCK;
typedef struct _PORT_CLASS {
  const CHAR *Name;
  ULONG UartKind;
  ULONG PoolTag, FifoTag;
  ULONG FifoDepth;
  NTSTATUS (*Start)(struct _PORT *);
  void (*Stop)(struct _PORT *);
} PORT_CLASS;
typedef struct _PORT {
  ULONG Signature;
  ULONG Number;
  const PORT_CLASS *Class;
  DEVICE_OBJECT *Device;
  PORTLIB *Lib;
  PUCHAR Rx, Tx, Fifo;
  PVOID ClassState;
  ULONG RxSize, TxSize, ModelId;
  MODEM_STATE *Modem;
  PORT_TIMER *Timers[3];
  WMI_BLOCK *Wmi;
  UNICODE_STRING Name, Link;
  LOOKASIDE Packets;
} PORT;
typedef struct _FDO_CONTEXT {
  ULONG Signature;
  ULONG PortCount;
  ULONG BoardTag;
  PORT *Ports[MUX_MAX_PORTS];
  WDFMEMORY ConfigMemory, EepromMemory;
  WDFLOOKASIDE RequestList, EventList;
  PVOID Config;
  PVOID Interrupt;
} FDO_CONTEXT;
static const WDF_CONTEXT_TYPE FdoContextType = {sizeof(WDF_CONTEXT_TYPE), "FDO_CONTEXT", sizeof(FDO_CONTEXT)};
static const WDF_CONTEXT_TYPE PdoContextType = {sizeof(WDF_CONTEXT_TYPE), "PDO_CONTEXT", 48};

/* ---- registry ------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Index, Type, DataLength; UCHAR Data[1]; } VALUE_INFORMATION;
typedef struct { const WCHAR *Name; ULONG Offset; ULONG Default; } PARAMETER;
#define FIELD(type, field) ((ULONG)(ULONG_PTR)&((type *)0)->field)
static const PARAMETER MuxParameters[] = {
  {(const WCHAR *)L"RxSize", FIELD(PORT, RxSize), 4096},
  {(const WCHAR *)L"TxSize", FIELD(PORT, TxSize), 2048},
  {(const WCHAR *)L"Model", FIELD(PORT, ModelId), '0KxM'}, //~ MxK0 magic
};

PAGED_CODE_SECTION static NTSTATUS MuxQueryParameter(HANDLE key, const WCHAR *name, ULONG *value, ULONG fallback) {
  UNICODE_STRING string;
  ULONG needed = 0;
  VALUE_INFORMATION *information;
  NTSTATUS status;
  RtlInitUnicodeString(&string, name);
  *value = fallback;
  information = ExAllocatePoolWithTag(PagedPool, 256, 'gRMS'); //= SMRg allocation-call page-section
  if (!information) return STATUS_INSUFFICIENT_RESOURCES;
  status = ZwQueryValueKey(key, &string, 2, information, 256, &needed);
  if (status >= 0 && information->Type == 4) memcpy(value, information->Data, sizeof(ULONG));
  ExFreePoolWithTag(information, 'gRMS');
  return status;
}
PAGED_CODE_SECTION static void MuxReadParameters(HANDLE key, PORT *port) {
  ULONG i;
  for (i = 0; i < sizeof(MuxParameters) / sizeof(MuxParameters[0]); i++)
    MuxQueryParameter(key, MuxParameters[i].Name, (ULONG *)((PUCHAR)port + MuxParameters[i].Offset), MuxParameters[i].Default);
}
PAGED_CODE_SECTION static NTSTATUS MuxMakeName(UNICODE_STRING *out, const WCHAR *prefix, ULONG number, ULONG tag) {
  out->MaximumLength = 64;
  out->Buffer = ExAllocatePoolWithTag(PagedPool, 64, tag);
  if (!out->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  out->Length = 0;
  while (*prefix) out->Buffer[out->Length++ / 2] = *prefix++, out->Length++;
  out->Buffer[out->Length / 2] = (WCHAR)('0' + number % 10);
  return STATUS_SUCCESS;
}

/* ---- classes of ports ------------------------------------------------------------------------------------------------------------------- */

NOINLINE static NTSTATUS Uart16550Start(PORT *port) {
  port->ClassState = ExAllocatePoolWithTag(NonPagedPoolNx, 96, '5UMS'); //= SMU5 any operations-table
  return port->ClassState ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void Uart16550Stop(PORT *port) { MuxFree(port->ClassState, '5UMS'); }
NOINLINE static NTSTATUS Uart950Start(PORT *port) {
  ULONG *state = MuxAllocate(160, '9UMS'); //= SMU9 any operations-table
  if (!state) return STATUS_INSUFFICIENT_RESOURCES;
  state[0] = 'C59O'; //~ O95C magic
  port->ClassState = state;
  return STATUS_SUCCESS;
}
NOINLINE static void Uart950Stop(PORT *port) { MuxFree(port->ClassState, '9UMS'); }
NOINLINE static NTSTATUS VirtualStart(PORT *port) {
  port->ClassState = PortLibAllocate(port->Lib, 256);
  return port->ClassState ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static void VirtualStop(PORT *port) { PortLibFree(port->Lib, port->ClassState); }

static const PORT_CLASS PortClasses[] = {
  {"16C550", '055U', '5pMS', '5fMS', 16, Uart16550Start, Uart16550Stop}, //~ U550 magic //= SMp5 any tag-table //= SMf5 any tag-table
  {"16C950", '059U', '9pMS', '9fMS', 128, Uart950Start, Uart950Stop}, //~ U950 magic //= SMp9 any tag-table //= SMf9 any tag-table
  {"virtual", 'TRIV', 'vpMS', 'vfMS', 512, VirtualStart, VirtualStop}, //~ VIRT magic //= SMpv any tag-table //= SMfv any tag-table
};

/* ---- ports ---------------------------------------------------------------------------------------------------------------------------------- */

NOINLINE static void CALL PortTimerDpc(PVOID dpc, PORT_TIMER *timer, PVOID a, PVOID b) {
  if (timer->Port->Signature != PORT_SIGNATURE) KeBugCheckEx('XUMS', (ULONG_PTR)timer, 'rmiT', 0, 0); //~ SMUX bug-check //~ Timr bug-check
  timer->Port->Modem->EventMask |= 1u << (timer->Kind & 7);
}
NOINLINE static PORT_TIMER *PortCreateTimer(PORT *port, ULONG kind, SIZE_T contextSize) {
  PORT_TIMER *timer = MuxAllocate(sizeof(PORT_TIMER), 'mTMS'); //= SMTm any wrapper
  if (!timer) return NULL;
  timer->Port = port;
  timer->Kind = kind;
  if (contextSize) {
    timer->Context = MuxAllocate(contextSize, kind == 2 ? '2TMS' : '1TMS'); //= SMT2 any ternary //= SMT1 any ternary
    if (!timer->Context) {
      MuxFree(timer, 'mTMS');
      return NULL;
    }
  }
  KeInitializeTimer(timer->Timer);
  KeInitializeDpc(timer->Dpc, PortTimerDpc, timer);
  return timer;
}
NOINLINE static NTSTATUS PortCreateModem(PORT *port) {
  MODEM_STATE *modem = MuxAllocateState(sizeof(MODEM_STATE));
  if (!modem) return STATUS_INSUFFICIENT_RESOURCES;
  modem->Line = MuxAllocateState(sizeof(LINE_STATE));
  if (!modem->Line) {
    MuxFree(modem, MUX_TAG_STATE);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  modem->Line->BaudRate = 115200;
  modem->Line->XonChar = 0x11;
  modem->Line->XoffChar = 0x13;
  port->Modem = modem;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS PortCreateWmi(PORT *port) {
  port->Wmi = ExAllocatePool2(POOL_FLAG_PAGED, sizeof(WMI_BLOCK), 'iWMS'); //= SMWi any direct
  if (!port->Wmi) return STATUS_INSUFFICIENT_RESOURCES;
  port->Wmi->Size = sizeof(WMI_BLOCK);
  port->Wmi->Flags = 'DONW'; //~ WNOD magic
  return STATUS_SUCCESS;
}
static void PortReadComplete(PVOID context, PUCHAR data, ULONG length) {
  PORT *port = context;
  if (*(ULONG *)data == 'gniR') port->Modem->ModemStatus |= 0x40; //~ Ring magic
  if (*(ULONG *)data == '+HTA') port->Modem->WaitMask = 0; //~ ATH+ magic
  port->Wmi->Counters[0] += length;
}

NOINLINE static PORT *PortCreate(DRIVER_OBJECT *driver, const PORT_CLASS *class, ULONG number, HANDLE key) {
  PORTLIB_INIT init;
  DEVICE_OBJECT *device;
  PORT *port;
  if (IoCreateDevice(driver, sizeof(PORT), NULL, 0x1B, 0x100, FALSE, &device) < 0) return NULL;
  port = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(PORT), MUX_TAG_PORT);
  if (!port) {
    IoDeleteDevice(device);
    return NULL;
  }
  memset(port, 0, sizeof(PORT));
  device->Extension = port;
  port->Signature = PORT_SIGNATURE;
  port->Device = device;
  port->Class = class;
  port->Number = number;
  MuxReadParameters(key, port);
  memset(&init, 0, sizeof(init));
  init.Size = sizeof(init);
  init.Version = PORTLIB_VERSION;
  init.PoolTag = 'bLMS'; //= SMLb any wrapper-structure
  init.PoolType = NonPagedPoolNx;
  init.ReadBufferSize = 4096;
  init.WriteBufferSize = 2048;
  init.ReadComplete = PortReadComplete;
  init.Context = port;
  if (PortLibInitialize(&init, &port->Lib) < 0 || PortLibOpen(port->Lib) < 0) return NULL;
  port->Rx = MuxAllocate(port->RxSize, MUX_TAG_RX);
  port->Tx = MuxAllocate(port->TxSize, MUX_TAG_TX);
  port->Fifo = ExAllocatePoolWithTag(NonPagedPoolNx, class->FifoDepth, class->FifoTag);
  port->Timers[0] = PortCreateTimer(port, 1, 32);
  port->Timers[1] = PortCreateTimer(port, 2, 48);
  port->Timers[2] = PortCreateTimer(port, 3, 0);
  ExInitializeNPagedLookasideList(&port->Packets, NULL, NULL, 0, 88, class->PoolTag, 0);
  if (!port->Rx || !port->Tx || !port->Fifo || PortCreateModem(port) < 0 || PortCreateWmi(port) < 0) {
    MuxDebug(0, "port %u: no memory\n", number);
    return NULL;
  }
  if (MuxMakeName(&port->Name, (const WCHAR *)L"\\Device\\SerialMux", number, MUX_TAG_NAME) < 0) return NULL;
  if (MuxMakeName(&port->Link, (const WCHAR *)L"\\DosDevices\\COM", number, MUX_TAG_LINK) < 0) return NULL;
  return class->Start(port) < 0 ? NULL : port;
}
NOINLINE static void PortDelete(PORT *port) {
  port->Class->Stop(port);
  ExDeleteNPagedLookasideList(&port->Packets);
  MuxFree(port->Rx, MUX_TAG_RX);
  MuxFree(port->Tx, MUX_TAG_TX);
  MuxFree(port->Fifo, port->Class->FifoTag);
  MuxFree(port->Name.Buffer, MUX_TAG_NAME);
  MuxFree(port->Link.Buffer, MUX_TAG_LINK);
  if (port->Wmi) ExFreePoolWithTag(port->Wmi, 'iWMS');
  IoDeleteDevice(port->Device);
  ExFreePoolWithTag(port, MUX_TAG_PORT);
}

/* ---- requests -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct _MUX_PACKET { ULONG Magic; UCHAR Channel, Kind; USHORT Length; UCHAR Data[1]; } MUX_PACKET;
#define PACKET_MAGIC 'kPxM' //~ MxPk magic
NOINLINE static NTSTATUS PortSendPacket(PORT *port, ULONG kind, const UCHAR *data, USHORT length) {
  MUX_PACKET *packet = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(MUX_PACKET) + length, MuxPoolTag);
  ULONG first;
  if (!packet) return STATUS_INSUFFICIENT_RESOURCES;
  packet->Magic = PACKET_MAGIC;
  packet->Channel = (UCHAR)port->Number;
  packet->Length = length;
  memcpy(packet->Data, data, length);
  switch (kind) {
    case 'CNYS': packet->Kind = 1; break; //~ SYNC magic
    case 'ATAD': packet->Kind = 2; break; //~ DATA magic
    case 'KAER': packet->Kind = 3; break; //~ REAK magic
    case 'TESR': packet->Kind = 4; break; //~ RSET magic
    default: packet->Kind = 0;
  }
  first = packet->Kind;
  PortLibDeliver(port->Lib, packet->Data, packet->Length);
  ExFreePoolWithTag(packet, MuxPoolTag);
  return first ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NOINLINE static NTSTATUS CALL PortWrite(DEVICE_OBJECT *device, IRP *irp) {
  PORT *port = device->Extension;
  PUCHAR copy;
  if (port->Signature != PORT_SIGNATURE) return STATUS_INVALID_PARAMETER;
  copy = ExAllocatePoolWithQuotaTag(NonPagedPoolNx | 8, 1024, 'rWMS'); //= SMWr any direct
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(copy, irp->SystemBuffer, 1024);
  irp->Status = PortSendPacket(port, 'ATAD', copy, 1024);
  ExFreePoolWithTag(copy, 'rWMS');
  IoCompleteRequest(irp, 2);
  return STATUS_SUCCESS;
}

typedef struct { ULONG Code; NTSTATUS (*Handler)(PORT *, ULONG *); } IOCTL_ENTRY;
static NTSTATUS IoctlSetLine(PORT *port, ULONG *data) {
  LINE_STATE *line = MuxAllocate(sizeof(LINE_STATE), 'nLMS'); //= SMLn any callback
  if (!line) return STATUS_INSUFFICIENT_RESOURCES;
  line->BaudRate = data[0];
  MuxFree(port->Modem->Line, MUX_TAG_STATE);
  port->Modem->Line = line;
  return STATUS_SUCCESS;
}
static NTSTATUS IoctlPurge(PORT *port, ULONG *data) { return PortSendPacket(port, data[0] ? 'TESR' : 'CNYS', (PUCHAR)data, 4); }
static NTSTATUS IoctlBreak(PORT *port, ULONG *data) { return PortSendPacket(port, 'KAER', (PUCHAR)data, 4); }
static NTSTATUS IoctlGetStats(PORT *port, ULONG *data) {
  WMI_BLOCK *copy = ExAllocatePoolWithTagPriority(PagedPool, sizeof(WMI_BLOCK), 'cWMS', 32); //= SMWc any callback
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  *copy = *port->Wmi;
  memcpy(data, copy->Counters, sizeof(copy->Counters));
  ExFreePoolWithTag(copy, 'cWMS');
  return STATUS_SUCCESS;
}
static const IOCTL_ENTRY Ioctls[] = {{0x1B000C, IoctlSetLine}, {0x1B004C, IoctlPurge}, {0x1B0010, IoctlBreak}, {0x1B008C, IoctlGetStats}};
NOINLINE static NTSTATUS CALL PortControl(DEVICE_OBJECT *device, IRP *irp) {
  PORT *port = device->Extension;
  ULONG *data = irp->SystemBuffer, i;
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  for (i = 0; i < 4; i++) if (Ioctls[i].Code == data[0]) { status = Ioctls[i].Handler(port, data + 1); break; }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

/* ---- the card -------------------------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT Vendor, Device; ULONG BoardTag; const CHAR *Name; UCHAR Ports, Class; } BOARD;
static const BOARD Boards[] = {
  {0x1415, 0x9501, '4BMS', "quad", 4, 1}, //= SMB4 any tag-table
  {0x1415, 0x9511, '8BMS', "octal", 8, 1}, //= SMB8 any tag-table
  {0x10B5, 0x9050, 'LBMS', "legacy", 2, 0}, //= SMBL any tag-table
};
static DRIVER_OBJECT *MuxDriver;

NOINLINE static NTSTATUS MuxReadEeprom(WDFDEVICE device, FDO_CONTEXT *fdo) {
  WDF_OBJECT_ATTRIBUTES attributes;
  ULONG *eeprom;
  NTSTATUS status;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.Parent = device;
  status = WdfMemoryCreate(&attributes, NonPagedPoolNx, 'eEMS', 512, &fdo->EepromMemory, (PVOID *)&eeprom); //= SMEe framework-call wdf-function
  if (status < 0) return status;
  if (eeprom[0] == 0xFFFFFFFF || eeprom[0] != 'xMOR') { //~ ROMx magic
    WdfObjectDelete(fdo->EepromMemory);
    return STATUS_NOT_SUPPORTED;
  }
  if (eeprom[1] == ' PCV') fdo->PortCount /= 2; //~ "VCP " magic
  return WdfMemoryCreate(&attributes, PagedPool, 'fCMS', 128, &fdo->ConfigMemory, &fdo->Config); //= SMCf framework-call wdf-function
}
NOINLINE static NTSTATUS MuxCreateLists(WDFDEVICE device, FDO_CONTEXT *fdo) {
  WDF_OBJECT_ATTRIBUTES attributes, memory;
  NTSTATUS status;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.Parent = device;
  WDF_OBJECT_ATTRIBUTES_INIT(&memory);
  memory.TypeInfo = &PdoContextType;
  status = WdfLookasideListCreate(&attributes, 256, NonPagedPoolNx, &memory, 'qRMS', &fdo->RequestList); //= SMRq framework-call wdf-function
  if (status < 0) return status;
  status = WdfLookasideListCreate(&attributes, 64, NonPagedPoolNx, NULL, 'vEMS', &fdo->EventList); //= SMEv framework-call wdf-function
  if (status >= 0) status = WdfMemoryCreateFromLookaside(fdo->EventList, &fdo->ConfigMemory);
  return status;
}

NOINLINE static NTSTATUS CALL MuxEvtDeviceAdd(WDFDRIVER driver, PVOID init) {
  WDF_OBJECT_ATTRIBUTES attributes;
  const BOARD *board = NULL;
  WDFDEVICE device;
  FDO_CONTEXT *fdo;
  HANDLE key = NULL;
  ULONG id, i;
  NTSTATUS status;
  WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
  attributes.TypeInfo = &FdoContextType;
  status = WDF(NTSTATUS, DeviceCreateIndex, PVOID *, WDF_OBJECT_ATTRIBUTES *, WDFDEVICE *)(WdfDriverGlobals, &init, &attributes, &device);
  if (status < 0) return status;
  fdo = WdfObjectGetTypedContext(device, &FdoContextType);
  fdo->Signature = FDO_SIGNATURE;
  WdfObjectReferenceWithTag(device, 'ddAM', 411); //~ MAdd wdf-reference
  status = IoGetDeviceProperty(device, 1, sizeof(id), &id, &i);
  for (i = 0; i < sizeof(Boards) / sizeof(Boards[0]); i++)
    if (Boards[i].Vendor == (id & 0xFFFF) && Boards[i].Device == id >> 16) board = &Boards[i];
  if (!board) {
    WdfObjectDereferenceWithTag(device, 'ddAM', 416);
    return STATUS_NOT_SUPPORTED;
  }
  fdo->BoardTag = board->BoardTag;
  fdo->PortCount = board->Ports;
  fdo->Interrupt = ExAllocatePoolWithTag(NonPagedPoolNx, 128, board->BoardTag);
  if (!fdo->Interrupt) return STATUS_INSUFFICIENT_RESOURCES;
  status = MuxReadEeprom(device, fdo);
  if (status >= 0) status = MuxCreateLists(device, fdo);
  for (i = 0; status >= 0 && i < fdo->PortCount; i++) {
    fdo->Ports[i] = PortCreate(MuxDriver, &PortClasses[board->Class], i, key);
    if (!fdo->Ports[i]) status = STATUS_INSUFFICIENT_RESOURCES;
  }
  if (status >= 0) {
    fdo->Ports[15] = PortCreate(MuxDriver, &PortClasses[2], 15, key);
  }
  return status;
}

NOINLINE static NTSTATUS CALL MuxEvtReleaseHardware(WDFDEVICE device, PVOID resources) {
  FDO_CONTEXT *fdo = WdfObjectGetTypedContext(device, &FdoContextType);
  ULONG i;
  if (fdo->Signature != FDO_SIGNATURE) return STATUS_INVALID_PARAMETER;
  for (i = 0; i < MUX_MAX_PORTS; i++) if (fdo->Ports[i]) PortDelete(fdo->Ports[i]);
  ExFreePoolWithTag(fdo->Interrupt, fdo->BoardTag);
  WdfObjectDereferenceWithTag(device, 'ddAM', 440);
  return STATUS_SUCCESS;
}

/* A monitor of all ports: a second client of the port library, in its own device. */
typedef struct { ULONG Signature; PORTLIB *Lib; ULONG Seen; REMOVE_LOCK Lock; } MONITOR;
static void MonitorRead(PVOID context, PUCHAR data, ULONG length) { ((MONITOR *)context)->Seen += length; }
NOINLINE static NTSTATUS MonitorCreate(MONITOR **out) {
  PORTLIB_INIT init = {sizeof(PORTLIB_INIT), PORTLIB_VERSION, 'nMMS', PagedPool, 65536, 512, MonitorRead}; //= SMMn any wrapper-structure
  MONITOR *monitor = MuxAllocate(sizeof(MONITOR), 'oMMS'); //= SMMo any wrapper
  if (!monitor) return STATUS_INSUFFICIENT_RESOURCES;
  monitor->Signature = PDO_SIGNATURE;
  IoInitializeRemoveLockEx(&monitor->Lock, 'rLMS', 0, 0, 32); //~ SMLr remove-lock
  init.Context = monitor;
  *out = monitor;
  return PortLibInitialize(&init, &monitor->Lib);
}
static NTSTATUS MonitorOpen(MONITOR *monitor) {
  NTSTATUS status = IoAcquireRemoveLockEx(&monitor->Lock, (PVOID)(ULONG_PTR)'nepO', "monitor.c", 12, 32); //~ Open remove-lock
  return status < 0 ? status : PortLibOpen(monitor->Lib);
}

static MONITOR *Monitor;
static const GUID MuxInterface = {0x504D5331, 0x86E0, 0x11D0, {'m', 'u', 'x', 'I', 0x08, 0, 0x2B, 0xE1}}; //~ 1SMP guid //~ muxI guid

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  WDF_DRIVER_CONFIG config;
  WDFDRIVER handle;
  ULONG64 trace;
  NTSTATUS status = WdfVersionBind(driver, path, &WdfBindInfo, &WdfDriverGlobals);
  if (status < 0) return status;
  memset(&config, 0, sizeof(config));
  config.Size = sizeof(config);
  config.EvtDriverDeviceAdd = MuxEvtDeviceAdd;
  config.EvtDriverUnload = MuxEvtReleaseHardware;
  config.DriverPoolTag = 'vDMS'; //= SMDv any wdf-config
  MuxDriver = driver;
  driver->Major[4] = PortWrite;
  driver->Major[14] = PortControl;
  EtwRegister(&MuxInterface, NULL, NULL, &trace);
  status = WDF(NTSTATUS, DriverCreateIndex, DRIVER_OBJECT *, UNICODE_STRING *, WDF_OBJECT_ATTRIBUTES *, WDF_DRIVER_CONFIG *, WDFDRIVER *)(WdfDriverGlobals, driver, path, NULL, &config, &handle);
  if (status < 0) return status;
  status = MonitorCreate(&Monitor);
  return status < 0 ? status : MonitorOpen(Monitor);
}
