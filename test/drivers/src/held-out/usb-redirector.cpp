// USB redirection in C++: a bus that reports devices of a remote machine and a filter that takes devices of this one. KMDF for the bus and
// its control device, WDM for the filter; containers with allocation policies, smart pointers, URBs, isochronous rings, strings, registry.
#include "kernel.h"

inline void *operator new(SIZE_T, void *at) noexcept { return at; }
void *operator new(SIZE_T bytes, ULONG type, ULONG tag) noexcept {
  void *p = ExAllocatePoolWithTag(type, bytes ? bytes : 1, tag);
  if (p) memset(p, 0, bytes);
  return p;
}
void operator delete(void *p) noexcept { if (p) ExFreePool(p); }
void operator delete(void *p, SIZE_T) noexcept { if (p) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx('vriP', 0, 0, 0, 0); return 0; } //~ Pirv bug-check

/* ---- KMDF ------------------------------------------------------------------------------------------------------------------------------ */

using WDFFUNC = void (*)();
struct WDF_BIND_INFO { ULONG Size; PWSTR Component; ULONG Major, Minor, Build; ULONG FuncCount; WDFFUNC **FuncTable; PVOID Module; };
struct WDF_DRIVER_CONFIG { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; };
struct WDF_CONTEXT_TYPE { ULONG Size; const CHAR *Name; SIZE_T Bytes; PVOID Unique, Get; };
struct WDF_OBJECT_ATTRIBUTES { ULONG Size; PVOID EvtCleanup, EvtDestroy; ULONG Execution, Synchronization; HANDLE Parent; SIZE_T ContextOverride; const WDF_CONTEXT_TYPE *Type; };
static WDFFUNC *WdfFunctions;
static PVOID WdfDriverGlobals;
static WDF_BIND_INFO g_BindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", 1, 15, 0, 444, &WdfFunctions, nullptr};
namespace wdf {
enum Function : ULONG { DeviceCreate = 75, DriverCreate = 116, IoQueueCreate = 152, MemoryCreate = 192, MemoryCreatePreallocated = 193, LookasideCreate = 198, MemoryFromLookaside = 199, GetContext = 202, Reference = 205, Dereference = 206, Delete = 208 };
template <typename R, Function F, typename... A> static inline __attribute__((always_inline)) R Call(A... arguments) {
  return ((R(CALL *)(PVOID, A...))WdfFunctions[F])(WdfDriverGlobals, arguments...);
}
template <typename T> struct ContextOf { static const WDF_CONTEXT_TYPE Type; };
template <typename T> const WDF_CONTEXT_TYPE ContextOf<T>::Type = {sizeof(WDF_CONTEXT_TYPE), "CONTEXT", sizeof(T), nullptr, nullptr};
template <typename T> static inline T *Context(HANDLE object) { return (T *)Call<PVOID, GetContext>(object, &ContextOf<T>::Type); }

struct Attributes : WDF_OBJECT_ATTRIBUTES {
  Attributes() { memset(this, 0, sizeof(*this)); Size = sizeof(WDF_OBJECT_ATTRIBUTES); Execution = Synchronization = 1; }
  explicit Attributes(HANDLE parent) : Attributes() { Parent = parent; }
};
/* A framework memory that goes with its holder. */
class Memory {
  HANDLE handle_ = nullptr;
  PVOID buffer_ = nullptr;
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  ~Memory() { if (handle_) Call<void, Delete>(handle_); }
  NOINLINE NTSTATUS Create(HANDLE parent, ULONG type, ULONG tag, SIZE_T bytes) {
    Attributes attributes(parent);
    return Call<NTSTATUS, MemoryCreate>((WDF_OBJECT_ATTRIBUTES *)&attributes, type, tag, bytes, &handle_, &buffer_);
  }
  template <typename T> T *As() const { return (T *)buffer_; }
  HANDLE Detach() { HANDLE handle = handle_; handle_ = nullptr; return handle; }
};
} // namespace wdf

/* ---- foundation ---------------------------------------------------------------------------------------------------------------------------- */

constexpr ULONG kDefaultTag = 'dRsU'; //= UsRd any default-tag

template <ULONG Type, ULONG Tag> class Allocatable {
public:
  static void *operator new(SIZE_T bytes) noexcept { return ExAllocatePoolWithTag(Type, bytes, Tag); }
  static void *operator new[](SIZE_T bytes) noexcept { return ExAllocatePoolWithTag(Type, bytes, Tag); }
  static void *operator new(SIZE_T, void *at) noexcept { return at; }
  static void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, Tag); }
  static void operator delete[](void *p) noexcept { if (p) ExFreePoolWithTag(p, Tag); }
};

class SpinLock {
  ULONG_PTR lock_ = 0;
public:
  UCHAR Lock() { return KeAcquireSpinLockRaiseToDpc(&lock_); }
  void Unlock(UCHAR irql) { KeReleaseSpinLock(&lock_, irql); }
};
class Locked {
  SpinLock &lock_;
  UCHAR irql_;
public:
  explicit Locked(SpinLock &lock) : lock_(lock), irql_(lock.Lock()) {}
  ~Locked() { lock_.Unlock(irql_); }
};

template <typename T> class Holder {
  T *p_;
public:
  explicit Holder(T *p = nullptr) : p_(p) {}
  Holder(const Holder &) = delete;
  ~Holder() { delete p_; }
  T *operator->() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
  T *Get() const { return p_; }
  T *Detach() { T *p = p_; p_ = nullptr; return p; }
  void Reset(T *p) { delete p_; p_ = p; }
};

template <typename T> class Shared {
  struct Block : Allocatable<NonPagedPoolNx, 'hSsU'> { LONG References; T *Object; }; //= UsSh any template-tag
  Block *block_ = nullptr;
public:
  Shared() = default;
  Shared(const Shared &other) : block_(other.block_) { if (block_) __atomic_add_fetch(&block_->References, 1, __ATOMIC_SEQ_CST); }
  ~Shared() { Release(); }
  NOINLINE bool Attach(T *object) {
    Release();
    block_ = new Block;
    if (!block_) return false;
    block_->References = 1;
    block_->Object = object;
    return true;
  }
  void Release() {
    if (block_ && __atomic_sub_fetch(&block_->References, 1, __ATOMIC_SEQ_CST) == 0) { delete block_->Object; delete block_; }
    block_ = nullptr;
  }
  T *operator->() const { return block_->Object; }
};

/* Policies: where the nodes of a container come from. */
template <ULONG Type, ULONG Tag> struct PoolPolicy {
  bool Prepare(SIZE_T) { return true; }
  void *Take(SIZE_T bytes) { return ExAllocatePoolWithTag(Type, bytes, Tag); }
  void Give(void *p) { ExFreePoolWithTag(p, Tag); }
  void Finish() {}
};
template <ULONG Tag> class LookasidePolicy {
  LOOKASIDE list_;
public:
  bool Prepare(SIZE_T bytes) { return ExInitializeLookasideListEx(&list_, nullptr, nullptr, NonPagedPoolNx, 0, bytes, Tag, 0) >= 0; }
  void *Take(SIZE_T) { return ExpInterlockedPopEntrySList(&list_); }
  void Give(void *p) { ExpInterlockedPushEntrySList(&list_, p); }
  void Finish() { ExDeleteLookasideListEx(&list_); }
};
class TaggedPolicy {
  ULONG tag_;
public:
  explicit TaggedPolicy(ULONG tag) : tag_(tag) {}
  bool Prepare(SIZE_T) { return tag_ != 0; }
  void *Take(SIZE_T bytes) { return ExAllocatePoolWithTag(PagedPool, bytes, tag_); }
  void Give(void *p) { ExFreePoolWithTag(p, tag_); }
  void Finish() {}
};

template <typename T, typename Policy> class List {
  struct Node { Node *Next; ULONG Magic; T Value; };
  Policy policy_;
  Node *first_ = nullptr;
  ULONG count_ = 0;
  SpinLock lock_;
public:
  template <typename... A> explicit List(A... arguments) : policy_(arguments...) {}
  bool Prepare() { return policy_.Prepare(sizeof(Node)); }
  NOINLINE bool Push(const T &value) {
    Node *node = (Node *)policy_.Take(sizeof(Node));
    if (!node) return false;
    node->Magic = 'doNL'; //~ LNod magic
    node->Value = value;
    Locked guard(lock_);
    node->Next = first_;
    first_ = node;
    count_++;
    return true;
  }
  NOINLINE bool Pop(T *value) {
    Locked guard(lock_);
    Node *node = first_;
    if (!node) return false;
    first_ = node->Next;
    count_--;
    *value = node->Value;
    policy_.Give(node);
    return true;
  }
  ULONG Count() const { return count_; }
  void Clear() { T value; while (Pop(&value)) {} policy_.Finish(); }
};

/* ---- strings and the registry ---------------------------------------------------------------------------------------------------------------- */

class String {
  UNICODE_STRING text_ = {0, 0, nullptr};
  ULONG tag_;
public:
  explicit String(ULONG tag = kDefaultTag) : tag_(tag) {}
  String(const String &) = delete;
  ~String() { if (text_.Buffer) ExFreePoolWithTag(text_.Buffer, tag_); }
  NOINLINE bool Reserve(USHORT bytes) {
    if (bytes <= text_.MaximumLength) return true;
    PWSTR bigger = (PWSTR)ExAllocatePoolWithTag(PagedPool, bytes, tag_);
    if (!bigger) return false;
    if (text_.Buffer) {
      memcpy(bigger, text_.Buffer, text_.Length);
      ExFreePoolWithTag(text_.Buffer, tag_);
    }
    text_.Buffer = bigger;
    text_.MaximumLength = bytes;
    return true;
  }
  NOINLINE bool Append(const WCHAR *from, USHORT bytes) {
    if (!Reserve(text_.Length + bytes + 2)) return false;
    memcpy((UCHAR *)text_.Buffer + text_.Length, from, bytes);
    text_.Length += bytes;
    text_.Buffer[text_.Length / 2] = 0;
    return true;
  }
  UNICODE_STRING *Get() { return &text_; }
};

struct PARTIAL_INFORMATION { ULONG Title, Type, Length; UCHAR Data[1]; };
class RegistryKey {
  HANDLE key_ = nullptr;
public:
  ~RegistryKey() { if (key_) ZwClose(key_); }
  NTSTATUS Open(UNICODE_STRING *path) {
    struct { ULONG Length; HANDLE Root; UNICODE_STRING *Name; ULONG Flags; PVOID A, B; } attributes = {sizeof(attributes), nullptr, path, 0x240, nullptr, nullptr};
    return ZwOpenKey(&key_, 0x20019, &attributes);
  }
  NOINLINE NTSTATUS Query(UNICODE_STRING *name, Holder<UCHAR> &out, ULONG tag) {
    ULONG needed = 0;
    ZwQueryValueKey(key_, name, 2, nullptr, 0, &needed);
    if (needed < sizeof(PARTIAL_INFORMATION)) return STATUS_INVALID_PARAMETER;
    out.Reset((UCHAR *)ExAllocatePoolWithTag(PagedPool, needed, tag));
    if (!out) return STATUS_INSUFFICIENT_RESOURCES;
    return ZwQueryValueKey(key_, name, 2, out.Get(), needed, &needed);
  }
  NOINLINE ULONG QueryNumber(UNICODE_STRING *name, ULONG otherwise) {
    Holder<UCHAR> value;
    if (Query(name, value, 'nRsU') < 0) return otherwise; //= UsRn any wrapper
    auto *information = (PARTIAL_INFORMATION *)value.Get();
    return information->Type == 4 ? *(ULONG *)information->Data : otherwise;
  }
  NOINLINE bool QueryString(UNICODE_STRING *name, String &out) {
    Holder<UCHAR> value;
    if (Query(name, value, 'sRsU') < 0) return false; //= UsRs any wrapper
    auto *information = (PARTIAL_INFORMATION *)value.Get();
    return information->Type == 1 && out.Append((WCHAR *)information->Data, (USHORT)information->Length);
  }
};

/* ---- URBs ------------------------------------------------------------------------------------------------------------------------------------- */

enum TransferKind : ULONG { Control, Isochronous, Bulk, Interrupt, TransferKinds };
struct URB { USHORT Length, Function; NTSTATUS Status; PVOID Device; ULONG Flags; PVOID Pipe; PVOID Buffer; ULONG Bytes; ULONG Signature; UCHAR Setup[8]; ULONG Packets; struct { ULONG Offset, Length; NTSTATUS Status; } Packet[1]; };

class UrbBuilder {
  static constexpr ULONG kTags[TransferKinds] = {'tCbU', 'sIbU', 'kBbU', 'nIbU'}; //= UbCt any tag-table //= UbIs any tag-table //= UbBk any tag-table //= UbIn any tag-table
  URB *urb_ = nullptr;
  TransferKind kind_;
public:
  explicit UrbBuilder(TransferKind kind) : kind_(kind) {}
  ~UrbBuilder() { if (urb_) ExFreePoolWithTag(urb_, kTags[kind_]); }
  NOINLINE bool Build(PVOID pipe, PVOID buffer, ULONG bytes, ULONG packets) {
    SIZE_T size = sizeof(URB) + packets * 12;
    urb_ = (URB *)ExAllocatePoolWithTag(NonPagedPoolNx, size, kTags[kind_]);
    if (!urb_) return false;
    memset(urb_, 0, size);
    urb_->Length = (USHORT)size;
    urb_->Function = kind_ == Control ? 8 : kind_ == Isochronous ? 10 : 9;
    urb_->Pipe = pipe;
    urb_->Buffer = buffer;
    urb_->Bytes = bytes;
    urb_->Packets = packets;
    urb_->Signature = 'CBSU'; //~ USBC magic
    return true;
  }
  URB *Detach() { URB *urb = urb_; urb_ = nullptr; return urb; }
  static void Free(URB *urb, TransferKind kind) { ExFreePoolWithTag(urb, kTags[kind]); }
  static constexpr ULONG TagOf(ULONG kind) { return kTags[kind & 3]; }
};
constexpr ULONG UrbBuilder::kTags[TransferKinds];

/* Frames of an isochronous pipe: each ring of a device has a tag of its own, numbered. */
class IsoRing : public Allocatable<NonPagedPoolNx, 'rIsU'> { //= UsIr any template-tag
  UCHAR *frames_[8];
  ULONG tag_, bytes_;
public:
  NOINLINE bool Open(ULONG number, ULONG bytes) {
    tag_ = '0IsU' + ((number & 3) << 24); //= UsI0 any computed-tag //= UsI1 any computed-tag //= UsI2 any computed-tag //= UsI3 any computed-tag
    bytes_ = bytes;
    for (auto &frame : frames_) {
      frame = (UCHAR *)ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag_);
      if (!frame) return false;
    }
    return true;
  }
  NOINLINE void Close() {
    for (auto *frame : frames_) if (frame) ExFreePoolWithTag(frame, tag_);
  }
  UCHAR *Frame(ULONG number) { return frames_[number & 7]; }
};

/* ---- devices of the remote machine ------------------------------------------------------------------------------------------------------------- */

class UsbDevice {
protected:
  LONG references_ = 1;
  ULONG signature_;
public:
  ULONG Id;
  explicit UsbDevice(ULONG signature) : signature_(signature) {}
  virtual ~UsbDevice() {}
  virtual NTSTATUS Start() = 0;
  virtual PVOID AllocateTransfer(ULONG bytes) = 0;
  virtual void FreeTransfer(PVOID p) = 0;
  virtual const CHAR *Name() const { return "USBD"; } //~ USBD text
};

class RemoteDevice : public UsbDevice, public Allocatable<NonPagedPoolNx, 'dRbU'> { //= UbRd any template-tag
  String serial_{'nSbU'}; //= UbSn any object-field
  UCHAR *configuration_ = nullptr;
  IsoRing *ring_ = nullptr;
  List<ULONG, PoolPolicy<NonPagedPoolNx, 'pEbU'>> endpoints_; //= UbEp any template-tag
public:
  RemoteDevice() : UsbDevice('vDmR') {} //~ RmDv magic
  NOINLINE ~RemoteDevice() override {
    endpoints_.Clear();
    if (ring_) { ring_->Close(); delete ring_; }
    if (configuration_) ExFreePoolWithTag(configuration_, 'fCbU');
  }
  NOINLINE NTSTATUS SetConfiguration(const UCHAR *descriptor, ULONG bytes) {
    PUCHAR offset = nullptr;
    NTSTATUS status = USBD_ValidateConfigurationDescriptor(descriptor, bytes, 2, &offset, 'dVbU'); //= UbVd any direct
    if (status < 0) return status;
    configuration_ = (UCHAR *)ExAllocatePoolWithQuotaTag(PagedPool, bytes, 'fCbU'); //= UbCf any direct
    if (!configuration_) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(configuration_, descriptor, bytes);
    for (ULONG i = 9; i + 7 < bytes && configuration_[i]; i += configuration_[i]) {
      if (configuration_[i + 1] != 5) continue;
      if (!endpoints_.Push(*(const ULONG *)(configuration_ + i))) return STATUS_INSUFFICIENT_RESOURCES;
      if ((configuration_[i + 3] & 3) == 1 && !ring_) {
        ring_ = new IsoRing;
        if (!ring_ || !ring_->Open(configuration_[i + 2], configuration_[i + 4])) return STATUS_INSUFFICIENT_RESOURCES;
      }
    }
    return STATUS_SUCCESS;
  }
  NOINLINE bool SetSerial(const WCHAR *text, USHORT bytes) { return serial_.Append(text, bytes); }
  NTSTATUS Start() override { return configuration_ ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; }
  PVOID AllocateTransfer(ULONG bytes) override {
    return bytes > 65536 && ring_ ? ring_->Frame(bytes) : ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'xRbU'); //= UbRx any virtual-call
  }
  void FreeTransfer(PVOID p) override { ExFreePoolWithTag(p, 'xRbU'); }
};
class LocalDevice : public UsbDevice {
  DEVICE_OBJECT *lower_;
public:
  explicit LocalDevice(DEVICE_OBJECT *lower) : UsbDevice('vDcL'), lower_(lower) {} //~ LcDv magic
  NTSTATUS Start() override { return lower_->Flags & 0x10 ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS; }
  PVOID AllocateTransfer(ULONG bytes) override { return ExAllocatePoolWithTagPriority(NonPagedPoolNx, bytes, 'xLbU', 0); } //= UbLx any virtual-call
  void FreeTransfer(PVOID p) override { ExFreePoolWithTag(p, 'xLbU'); }
};

/* ---- strategies of the filter ------------------------------------------------------------------------------------------------------------------- */

class FilterStrategy {
protected:
  DEVICE_OBJECT *device_ = nullptr;
  PVOID context_ = nullptr;
public:
  virtual NTSTATUS Create(DEVICE_OBJECT *device) = 0;
  virtual NTSTATUS Dispatch(IRP *irp) = 0;
  virtual ULONG ContextTag() const { return kDefaultTag; }
  NOINLINE NTSTATUS AllocateContext(SIZE_T bytes) {
    context_ = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, ContextTag());
    if (!context_) return STATUS_INSUFFICIENT_RESOURCES;
    memset(context_, 0, bytes);
    return STATUS_SUCCESS;
  }
  NOINLINE void FreeContext() { if (context_) ExFreePoolWithTag(context_, ContextTag()); context_ = nullptr; }
};
class NullStrategy : public FilterStrategy {
public:
  NTSTATUS Create(DEVICE_OBJECT *device) override { device_ = device; return AllocateContext(32); }
  NTSTATUS Dispatch(IRP *irp) override { return irp->Status; }
};
class HubStrategy : public FilterStrategy {
  List<DEVICE_OBJECT *, LookasidePolicy<'cHsU'>> children_; //= UsHc any template-tag
public:
  NTSTATUS Create(DEVICE_OBJECT *device) override {
    device_ = device;
    if (!children_.Prepare()) return STATUS_INSUFFICIENT_RESOURCES;
    return AllocateContext(256);
  }
  ULONG ContextTag() const override { return 'xHsU'; } //= UsHx any virtual-call
  struct Relations { ULONG Count; DEVICE_OBJECT *Objects[1]; };
  NOINLINE NTSTATUS Dispatch(IRP *irp) override {
    if (irp->Stack->Minor != 7) return irp->Status;
    auto *from = (Relations *)irp->Information;
    auto *to = (Relations *)ExAllocatePool2(POOL_FLAG_PAGED, sizeof(Relations) + from->Count * sizeof(PVOID), 'lRsU'); //= UsRl any direct
    if (!to) return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG i = 0; i < from->Count; i++) {
      to->Objects[to->Count++] = from->Objects[i];
      ObReferenceObjectByPointerWithTag(from->Objects[i], 0, nullptr, 0, 'fRsU'); //~ UsRf object-tag
      children_.Push(from->Objects[i]);
    }
    ExFreePool(from);
    irp->Information = (ULONG_PTR)to;
    return STATUS_SUCCESS;
  }
};
class DeviceStrategy : public FilterStrategy {
  Holder<LocalDevice> device2_;
public:
  NTSTATUS Create(DEVICE_OBJECT *device) override {
    device_ = device;
    device2_.Reset(new (NonPagedPoolNx, 'dLsU') LocalDevice(device)); //= UsLd any operator-new
    if (!device2_) return STATUS_INSUFFICIENT_RESOURCES;
    return AllocateContext(64);
  }
  ULONG ContextTag() const override { return 'xDsU'; } //= UsDx any virtual-call
  NTSTATUS Dispatch(IRP *irp) override {
    PVOID transfer = device2_->AllocateTransfer((ULONG)irp->Information);
    if (!transfer) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(transfer, irp->SystemBuffer, irp->Information);
    *(ULONG *)transfer ^= 'keeP'; //~ Peek magic
    device2_->FreeTransfer(transfer);
    return device2_->Start();
  }
};

struct FilterExtension { FilterStrategy *Strategy; REMOVE_LOCK Lock; DEVICE_OBJECT *Lower; };

NOINLINE static FilterStrategy *ChooseStrategy(const WCHAR *id) {
  if (id[0] == 'U' && id[4] == 'R') return new (NonPagedPoolNx, 'bHsU') HubStrategy; //= UsHb any operator-new
  if (id[0] == 'U') return new (NonPagedPoolNx, 'vDsU') DeviceStrategy; //= UsDv any operator-new
  return new (NonPagedPoolNx, 'lNsU') NullStrategy; //= UsNl any operator-new
}

static DRIVER_OBJECT *g_Driver;
static NTSTATUS CALL FilterAddDevice(DRIVER_OBJECT *driver, DEVICE_OBJECT *physical) {
  DEVICE_OBJECT *filter;
  NTSTATUS status = IoCreateDevice(driver, sizeof(FilterExtension), nullptr, 0x22, 0, FALSE, &filter);
  if (status < 0) return status;
  auto *extension = (FilterExtension *)filter->Extension;
  ULONG needed = 0;
  IoInitializeRemoveLockEx(&extension->Lock, 'kLsU', 0, 0, 32); //~ UsLk remove-lock
  IoGetDeviceProperty(physical, 1, 0, nullptr, &needed);
  auto *id = (WCHAR *)ExAllocatePoolWithTag(PagedPool, needed + 16, 'dIsU'); //= UsId any direct
  if (id) {
    status = IoGetDeviceProperty(physical, 1, needed, id, &needed);
    extension->Strategy = ChooseStrategy(id);
    ExFreePoolWithTag(id, 'dIsU');
  }
  if (!id || !extension->Strategy || extension->Strategy->Create(physical) < 0) {
    IoDeleteDevice(filter);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  extension->Lower = IoAttachDeviceToDeviceStack(filter, physical);
  return status;
}
static NTSTATUS CALL FilterDispatch(DEVICE_OBJECT *device, IRP *irp) {
  auto *extension = (FilterExtension *)device->Extension;
  NTSTATUS status = IoAcquireRemoveLockEx(&extension->Lock, (PVOID)(ULONG_PTR)'pnPI', "filter.cpp", 17, 32); //~ IPnp remove-lock
  if (status < 0) return status;
  status = extension->Strategy->Dispatch(irp);
  if (irp->Stack->Minor == 2) extension->Strategy->FreeContext();
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

/* ---- the bus and its control device ---------------------------------------------------------------------------------------------------------------- */

struct Message { ULONG Type, Length, Id; UCHAR Data[1]; };
struct Transaction { ULONG Id; TransferKind Kind; URB *Urb; HANDLE Memory; };
struct BusContext {
  ULONG Signature;
  HANDLE TransactionList, ReplyList;
  List<Transaction, TaggedPolicy> *Pending;
  RemoteDevice *Devices[16];
  Shared<RemoteDevice> *Current;
  UCHAR *Inbox;
  HANDLE InboxMemory;
};

using POOL2 = PVOID(CALL *)(ULONG64, SIZE_T, ULONG);
static POOL2 g_AllocatePool2;
NOINLINE static PVOID AllocateZeroed(SIZE_T bytes, ULONG tag) {
  if (g_AllocatePool2) return g_AllocatePool2(POOL_FLAG_NON_PAGED, bytes, tag);
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag);
  if (p) memset(p, 0, bytes);
  return p;
}
template <typename T, typename... A> static inline T *Make(ULONG tag, A... arguments) {
  void *p = AllocateZeroed(sizeof(T), tag);
  return p ? new (p) T(arguments...) : nullptr;
}

static BusContext *g_Bus;

NOINLINE static NTSTATUS BusPrepare(HANDLE device, BusContext *bus) {
  wdf::Attributes attributes(device), memory;
  bus->Signature = 'suBU'; //~ UBus magic
  NTSTATUS status = wdf::Call<NTSTATUS, wdf::LookasideCreate>((WDF_OBJECT_ATTRIBUTES *)&attributes, (SIZE_T)sizeof(Transaction), (ULONG)NonPagedPoolNx, (WDF_OBJECT_ATTRIBUTES *)&memory, (ULONG)'lTsU', &bus->TransactionList); //= UsTl any wdf-function
  if (status < 0) return status;
  status = wdf::Call<NTSTATUS, wdf::LookasideCreate>((WDF_OBJECT_ATTRIBUTES *)&attributes, (SIZE_T)512, (ULONG)PagedPool, (WDF_OBJECT_ATTRIBUTES *)nullptr, (ULONG)'yRsU', &bus->ReplyList); //= UsRy any wdf-function
  if (status < 0) return status;
  wdf::Memory inbox;
  status = inbox.Create(device, NonPagedPoolNx, 'xIsU', 65536); //= UsIx any wdf-function
  if (status < 0) return status;
  bus->Inbox = inbox.As<UCHAR>();
  bus->InboxMemory = inbox.Detach();
  bus->Pending = Make<List<Transaction, TaggedPolicy>>('nPsU', (ULONG)'ePsU'); //= UsPn any wrapper //= UsPe any object-field
  bus->Current = Make<Shared<RemoteDevice>>('uCsU'); //= UsCu any wrapper
  return bus->Pending && bus->Current && bus->Pending->Prepare() ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS BusPlug(BusContext *bus, const Message *message) {
  Holder<RemoteDevice> device(new RemoteDevice);
  if (!device) return STATUS_INSUFFICIENT_RESOURCES;
  device->Id = message->Id;
  NTSTATUS status = device->SetConfiguration(message->Data, message->Length);
  if (status < 0) return status;
  if (!device->SetSerial((const WCHAR *)message->Data, 32)) return STATUS_INSUFFICIENT_RESOURCES;
  for (auto &slot : bus->Devices) {
    if (slot) continue;
    slot = device.Detach();
    return bus->Current->Attach(slot) ? slot->Start() : STATUS_INSUFFICIENT_RESOURCES;
  }
  return STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static NTSTATUS BusTransfer(HANDLE queue, BusContext *bus, const Message *message) {
  RemoteDevice *device = bus->Devices[message->Id & 15];
  if (!device) return STATUS_INVALID_PARAMETER;
  UrbBuilder builder((TransferKind)(message->Data[0] & 3));
  Transaction transaction = {message->Id, (TransferKind)(message->Data[0] & 3), nullptr, nullptr};
  PVOID transfer = device->AllocateTransfer(message->Length);
  if (!transfer || !builder.Build(device, transfer, message->Length, message->Data[1])) return STATUS_INSUFFICIENT_RESOURCES;
  wdf::Memory reply;
  NTSTATUS status = reply.Create(queue, NonPagedPoolNx, message->Length > 4096 ? 'lRxU' : 'sRxU', message->Length + 16); //= UxRl any wdf-function //= UxRs any wdf-function
  if (status < 0) return status;
  *reply.As<ULONG>() = 'YLPR'; //~ RPLY magic
  transaction.Urb = builder.Detach();
  transaction.Memory = reply.Detach();
  if (!bus->Pending->Push(transaction)) {
    UrbBuilder::Free(transaction.Urb, transaction.Kind);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  wdf::Call<void, wdf::Reference>(transaction.Memory, (PVOID)(ULONG_PTR)'snrT', (LONG)400, (const CHAR *)"bus.cpp"); //~ Trns wdf-reference
  return STATUS_SUCCESS;
}
static NTSTATUS BusUnplug(BusContext *bus, const Message *message) {
  Transaction transaction;
  while (bus->Pending->Pop(&transaction)) {
    UrbBuilder::Free(transaction.Urb, transaction.Kind);
    wdf::Call<void, wdf::Dereference>(transaction.Memory, (PVOID)(ULONG_PTR)'snrT', (LONG)410, (const CHAR *)"bus.cpp");
  }
  bus->Current->Release();
  bus->Devices[message->Id & 15] = nullptr;
  return STATUS_SUCCESS;
}

/* String descriptors: asked for twice, the first time for the length. */
NOINLINE static UCHAR *BusStringDescriptor(BusContext *bus, UCHAR index, USHORT language) {
  UCHAR head[4] = {index, 3, (UCHAR)language, (UCHAR)(language >> 8)};
  UrbBuilder first(Control);
  if (!first.Build(bus->Devices[0], head, 4, 0)) return nullptr;
  if (*(ULONG *)head == 'TFSM') return nullptr; //~ MSFT magic
  auto *text = (UCHAR *)AllocateZeroed(head[0] + 2, 'cSsU'); //= UsSc any wrapper
  if (text) memcpy(text, bus->Inbox, head[0]);
  return text;
}

static void CALL ControlEvtIoDeviceControl(HANDLE queue, HANDLE request, SIZE_T out, SIZE_T in, ULONG code) {
  BusContext *bus = g_Bus;
  auto *message = (const Message *)bus->Inbox;
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (bus->Signature != 'suBU') return;
  switch (message->Type) {
    case 'GULP': status = BusPlug(bus, message); break; //~ PLUG magic
    case 'RFSX': status = BusTransfer(queue, bus, message); break; //~ XSFR magic
    case 'GLPU': status = BusUnplug(bus, message); break; //~ UPLG magic
    case 'GRTS': //~ STRG magic
      if (UCHAR *text = BusStringDescriptor(bus, message->Data[0], 0x409)) {
        status = text[0] == 'z' ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
        ExFreePoolWithTag(text, 'cSsU');
      }
      break;
  }
  DbgPrint("usbr: request %p: %x (%s)\n", request, status, "CTRL"); //~ CTRL text
}

static NTSTATUS CALL BusEvtDeviceAdd(HANDLE driver, PVOID init) {
  wdf::Attributes attributes;
  HANDLE device, queue;
  attributes.Type = &wdf::ContextOf<BusContext>::Type;
  NTSTATUS status = wdf::Call<NTSTATUS, wdf::DeviceCreate>(&init, (WDF_OBJECT_ATTRIBUTES *)&attributes, &device);
  if (status < 0) return status;
  struct { ULONG Size, Dispatch; PVOID Callbacks[4]; } config = {sizeof(config), 2, {nullptr, nullptr, nullptr, (PVOID)ControlEvtIoDeviceControl}};
  g_Bus = wdf::Context<BusContext>(device);
  status = wdf::Call<NTSTATUS, wdf::IoQueueCreate>(device, (PVOID)&config, (WDF_OBJECT_ATTRIBUTES *)nullptr, &queue);
  return status < 0 ? status : BusPrepare(device, g_Bus);
}

/* ---- settings and start ------------------------------------------------------------------------------------------------------------------------------ */

struct Settings : Allocatable<PagedPool, 'tSsU'> { ULONG Signature; ULONG MaximumDevices; String Server; String Token{'kTsU'}; }; //= UsSt any template-tag //= UsTk any object-field
static Settings *g_Settings;

INIT_CODE_SECTION static NTSTATUS LoadSettings(UNICODE_STRING *path) {
  RegistryKey key;
  UNICODE_STRING name;
  if (key.Open(path) < 0) return STATUS_SUCCESS;
  g_Settings = new Settings;
  if (!g_Settings) return STATUS_INSUFFICIENT_RESOURCES;
  g_Settings->Signature = 'gtSU'; //~ UStg magic
  RtlInitUnicodeString(&name, (const WCHAR *)L"MaximumDevices");
  g_Settings->MaximumDevices = key.QueryNumber(&name, 16);
  RtlInitUnicodeString(&name, (const WCHAR *)L"Server");
  if (!key.QueryString(&name, g_Settings->Server)) return STATUS_INSUFFICIENT_RESOURCES;
  return key.QueryString(&name, g_Settings->Token) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void CALL Unload(DRIVER_OBJECT *driver) {
  delete g_Settings;
  WdfVersionUnbind(&driver->Name, &g_BindInfo, WdfDriverGlobals);
}
extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  UNICODE_STRING name;
  NTSTATUS status = WdfVersionBind(driver, path, &g_BindInfo, &WdfDriverGlobals);
  if (status < 0) return status;
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool2");
  g_AllocatePool2 = (POOL2)MmGetSystemRoutineAddress(&name);
  g_Driver = driver;
  status = LoadSettings(path);
  if (status < 0) return status;
  WDF_DRIVER_CONFIG config;
  memset(&config, 0, sizeof(config));
  config.Size = sizeof(config);
  config.EvtDriverDeviceAdd = (PVOID)BusEvtDeviceAdd;
  config.DriverPoolTag = 'rDsU'; //= UsDr any wdf-config
  status = wdf::Call<NTSTATUS, wdf::DriverCreate>(driver, path, (WDF_OBJECT_ATTRIBUTES *)nullptr, &config, (HANDLE *)nullptr);
  if (status < 0) return status;
  driver->Major[27] = FilterDispatch;
  driver->Major[15] = FilterDispatch;
  driver->Unload = Unload;
  ((PVOID *)driver->Extension)[1] = (PVOID)FilterAddDevice;
  return STATUS_SUCCESS;
}
