// Held out: a USB camera's function driver on KMDF, built of modules: each module's configuration brings its tag or takes the default,
// buffers through framework objects, formats and controls of four letters, descriptors from the bus.
// image: camera-class.sys
#include "kernel.h"

typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; ULONG Major, Minor, Build; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct { ULONG Size; PVOID EvtCleanup, EvtDestroy; ULONG Level, Scope; HANDLE Parent; SIZE_T ContextSizeOverride; const void *Type; } WDF_OBJECT_ATTRIBUTES;

static WDFFUNC *WdfFunctions;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO WdfBindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)u"KmdfLibrary", 1, 31, 0, 458, &WdfFunctions, NULL};

typedef NTSTATUS(CALL *PFN_WDFMEMORYCREATE)(PVOID, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *);
typedef NTSTATUS(CALL *PFN_WDFLOOKASIDE)(PVOID, WDF_OBJECT_ATTRIBUTES *, SIZE_T, ULONG, WDF_OBJECT_ATTRIBUTES *, ULONG, HANDLE *);
typedef NTSTATUS(CALL *PFN_WDFDRIVERCREATE)(PVOID, DRIVER_OBJECT *, UNICODE_STRING *, WDF_OBJECT_ATTRIBUTES *, WDF_DRIVER_CONFIG *, HANDLE *);
typedef void(CALL *PFN_WDFREFERENCE)(PVOID, HANDLE, PVOID, LONG, const CHAR *);
typedef NTSTATUS(CALL *PFN_WDFFOUR)(PVOID, HANDLE, ULONG, ULONG, SIZE_T);

ALWAYS_INLINE NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *attributes, ULONG type, ULONG tag, SIZE_T size, HANDLE *memory, PVOID *buffer) {
  return ((PFN_WDFMEMORYCREATE)WdfFunctions[192])(WdfDriverGlobals, attributes, type, tag, size, memory, buffer);
}
ALWAYS_INLINE NTSTATUS WdfLookasideListCreate(WDF_OBJECT_ATTRIBUTES *a, SIZE_T size, ULONG type, WDF_OBJECT_ATTRIBUTES *m, ULONG tag, HANDLE *list) {
  return ((PFN_WDFLOOKASIDE)WdfFunctions[198])(WdfDriverGlobals, a, size, type, m, tag, list);
}
ALWAYS_INLINE void WdfObjectReference(HANDLE object, ULONG tag) {
  ((PFN_WDFREFERENCE)WdfFunctions[205])(WdfDriverGlobals, object, (PVOID)(ULONG_PTR)tag, __LINE__, "camera-class.c");
}
ALWAYS_INLINE NTSTATUS WdfUsbSelectSetting(HANDLE device, ULONG setting, ULONG alternate, SIZE_T size) {
  return ((PFN_WDFFOUR)WdfFunctions[289])(WdfDriverGlobals, device, setting, alternate, size);
}

/* ---- modules ------------------------------------------------------------------------------------------------------------------------- */
typedef struct _MODULE MODULE;
typedef struct { ULONG Size; ULONG Tag; ULONG Elements; ULONG ElementSize; const CHAR *Name; } MODULE_CONFIG;
typedef struct { NTSTATUS (*Open)(MODULE *); void (*Close)(MODULE *); PVOID (*GetBuffer)(MODULE *, SIZE_T, ULONG); } MODULE_CALLBACKS;
struct _MODULE { MODULE_CONFIG Config; const MODULE_CALLBACKS *Callbacks; HANDLE Memory; PVOID Context; ULONG Signature; MODULE *Next; };
#define DEFAULT_TAG 'fDmC' //= CmDf any default-tag

static HANDLE Driver;
static MODULE *Modules;
static PVOID volatile Last;

NOINLINE static NTSTATUS MemoryObject(ULONG Type, SIZE_T Size, ULONG Tag, HANDLE *Memory, PVOID *Buffer) {
  WDF_OBJECT_ATTRIBUTES Attributes;
  memset(&Attributes, 0, sizeof(Attributes));
  Attributes.Size = sizeof(Attributes);
  Attributes.Parent = Driver;
  return WdfMemoryCreate(&Attributes, Type, Tag, Size, Memory, Buffer);
}

static NTSTATUS RingOpen(MODULE *Module) {
  return MemoryObject(NonPagedPoolNx, Module->Config.Elements * Module->Config.ElementSize, Module->Config.Tag, &Module->Memory, &Module->Context);
}
static PVOID RingBuffer(MODULE *Module, SIZE_T Size, ULONG Tag) {
  Module->Signature = Tag ^ 'giSM'; //~ MSig magic
  return (UCHAR *)Module->Context + Size;
}
static NTSTATUS PoolOpen(MODULE *Module) {
  Module->Context = ExAllocatePoolWithTag(NonPagedPoolNx, Module->Config.Elements * 16, Module->Config.Tag);
  return Module->Context ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static PVOID PoolBuffer(MODULE *Module, SIZE_T Size, ULONG Tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tag); }
static void ModuleClose(MODULE *Module) {
  if (Module->Context && !Module->Memory) ExFreePoolWithTag(Module->Context, Module->Config.Tag);
}
static const MODULE_CALLBACKS RingCallbacks = {RingOpen, ModuleClose, RingBuffer};
static const MODULE_CALLBACKS PoolCallbacks = {PoolOpen, ModuleClose, PoolBuffer};

NOINLINE static MODULE *ModuleCreate(const MODULE_CONFIG *Config, const MODULE_CALLBACKS *Callbacks) {
  MODULE *Module;
  HANDLE Memory;
  if (Config->Size != sizeof(MODULE_CONFIG)) return NULL;
  if (MemoryObject(NonPagedPoolNx, sizeof(MODULE), 'doMC', &Memory, (PVOID *)&Module) < 0) return NULL; //= CMod framework-call wdf-function
  memset(Module, 0, sizeof(*Module));
  Module->Config = *Config;
  if (Module->Config.Tag == 0) Module->Config.Tag = DEFAULT_TAG;
  Module->Callbacks = Callbacks;
  Module->Signature = 'luDM'; //~ MDul magic
  Module->Next = Modules;
  Modules = Module;
  return Callbacks->Open(Module) < 0 ? NULL : Module;
}

NOINLINE static NTSTATUS CreateModules(ULONG Frames) {
  MODULE_CONFIG Config = {sizeof(Config), 'mrFC', 8, 0x4000, "frames"}; //= CFrm any wrapper-structure
  static const MODULE_CONFIG Controls = {sizeof(Controls), 'ltCC', 32, 64, "controls"}; //= CCtl any wrapper-structure
  MODULE *Module;
  Config.Elements = Frames;
  if (!ModuleCreate(&Config, &RingCallbacks) || !ModuleCreate(&Controls, &PoolCallbacks)) return STATUS_INSUFFICIENT_RESOURCES;
  Config.Tag = 0;
  Config.Name = "events";
  Module = ModuleCreate(&Config, &PoolCallbacks);
  if (!Module) return STATUS_INSUFFICIENT_RESOURCES;
  Last = Module->Callbacks->GetBuffer(Module, 0x100, 'bvEC'); //? CEvb a slot that one module takes for a pool's and one does not
  return Last ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

/* ---- formats and controls ---------------------------------------------------------------------------------------------------------------- */
static const struct { ULONG fourcc; USHORT bits; USHORT planes; GUID guid; } Formats[] = {
  {'2YUY', 16, 1, {'2YUY', 0x0000, 0x0010, {0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}}}, //~ YUY2 firmware-table
  {'21VN', 12, 2, {'21VN', 0x0000, 0x0010, {0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}}}, //~ NV12 firmware-table
  {'462H', 0, 1, {'462H', 0x0000, 0x0010, {0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}}}, //~ H264 firmware-table
};
NOINLINE static ULONG FormatOf(const UCHAR *Descriptor) {
  ULONG i;
  for (i = 0; i < 3; i++) if (memcmp(Descriptor + 5, &Formats[i].guid, 16) == 0) return Formats[i].fourcc;
  return *(const ULONG *)(Descriptor + 5) == 'GPJM' ? 'gpjm' : 'wkNU'; //~ MJPG firmware-table //~ mjpg firmware-table //~ UNkw magic
}
NOINLINE static NTSTATUS FrameBuffer(ULONG Format, SIZE_T Size, PVOID *Out) {
  HANDLE Memory;
  ULONG Tag;
  switch (Format) { /* each kind of stream has its own */
    case '2YUY': Tag = 'uYmC'; break; //= CmYu any switch-tags
    case '21VN': Tag = 'vNnC'; break; //= CnNv any switch-tags
    case 'gpjm': Tag = 'jMqD'; break; //= DqMj any switch-tags
    default: return STATUS_NOT_SUPPORTED;
  }
  return WdfMemoryCreate(NULL, NonPagedPoolNx, Tag, Size, &Memory, Out);
}

/* ---- the bus -------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS Configure(const UCHAR *Descriptor, ULONG Size, HANDLE Device) {
  PUCHAR Bad;
  NTSTATUS Status = USBD_ValidateConfigurationDescriptor(Descriptor, Size, 3, &Bad, 'dVmC'); //= CmVd any direct
  if (Status < 0) return Status;
  WdfObjectReference(Device, 'feRC'); //~ CRef wdf-reference
  Status = WdfUsbSelectSetting(Device, 1, 'tesA', Size); //~ Aset not-an-allocator
  if (Status >= 0) Status = FrameBuffer(FormatOf(Descriptor), Size * 64, (PVOID *)&Last);
  return Status;
}

static NTSTATUS CALL EvtDeviceAdd(HANDLE DriverHandle, PVOID Init) {
  static HANDLE Requests;
  NTSTATUS Status = WdfLookasideListCreate(NULL, 512, NonPagedPoolNx, NULL, 'qRmC', &Requests); //= CmRq framework-call wdf-function
  if (Status < 0) return Status;
  Status = CreateModules(4);
  return Status < 0 ? Status : Configure(Init, 200, Requests);
}

static void CALL EvtUnload(HANDLE DriverHandle) {
  MODULE *Module;
  for (Module = Modules; Module; Module = Module->Next) if (Module->Signature == 'luDM') Module->Callbacks->Close(Module);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *DriverObject, UNICODE_STRING *RegistryPath) {
  WDF_DRIVER_CONFIG Config;
  NTSTATUS Status = WdfVersionBind(DriverObject, RegistryPath, &WdfBindInfo, &WdfDriverGlobals);
  if (Status < 0) return Status;
  memset(&Config, 0, sizeof(Config));
  Config.Size = sizeof(Config);
  Config.EvtDriverDeviceAdd = EvtDeviceAdd;
  Config.EvtDriverUnload = EvtUnload;
  Config.DriverPoolTag = 'mCmC'; //= CmCm any wdf-config
  Status = ((PFN_WDFDRIVERCREATE)WdfFunctions[116])(WdfDriverGlobals, DriverObject, RegistryPath, NULL, &Config, &Driver);
  if (Status < 0) WdfVersionUnbind(RegistryPath, &WdfBindInfo, WdfDriverGlobals);
  return Status;
}
