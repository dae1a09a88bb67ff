// A packet capture and injection driver in C++: readers, a filter machine, ring buffers, clocks, injection, OID requests,
// loopback traffic by way of kernel sockets, parameters from the registry.
// image: packet-tap.sys
#include "kernel.h"

typedef unsigned long long UINT64;
typedef UINT UINT32;

// ---- base.h: memory ------------------------------------------------------------------------------------------------

inline void *operator new(SIZE_T, void *where) noexcept { return where; }

void *operator new(SIZE_T size, ULONG tag) noexcept {
  void *p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
void *operator new[](SIZE_T size, ULONG tag) noexcept {
  void *p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
void *operator new[](SIZE_T size, ULONG64 flags, ULONG tag) noexcept { return ExAllocatePool2(flags, size, tag); }
void operator delete(void *p) noexcept { if (p) ExFreePool(p); }
void operator delete(void *p, SIZE_T) noexcept { if (p) ExFreePool(p); }
void operator delete[](void *p) noexcept { if (p) ExFreePool(p); }
extern "C" int __cdecl _purecall() { KeBugCheckEx(0x0000014F, 0x50757265, 0, 0, 0); return 0; } //~ eruP bug-check

namespace tags {
constexpr ULONG Open = 'nOtP', Program = 'gPtP', Rule = 'uRtP', Ring = 'gRtP', Clock = 'kCtP', Oid = 'dOtP', Inject = 'jItP', Parameter = 'mPtP'; //? PtIj of an older version: nothing uses it
constexpr ULONG Dump = 'mDtP', Statistics = 'tStP', Kernel = 'rKtP', Interface = 'fItP', Socket = 'kStP';
} // namespace tags

// Classes that say themselves which tag they have.
template <ULONG Tag, ULONG Type = NonPagedPoolNx> struct Tagged {
  static void *operator new(SIZE_T size) noexcept { return ExAllocatePoolWithTag(Type, size, Tag); }
  static void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, Tag); }
};

// Where a container takes its memory from.
class Allocator {
public:
  virtual void *Allocate(SIZE_T size, ULONG tag) = 0;
  virtual void Release(void *p, ULONG tag) = 0;
};
class NonPagedAllocator final : public Allocator {
public:
  void *Allocate(SIZE_T size, ULONG tag) override { return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, tag); }
  void Release(void *p, ULONG tag) override { ExFreePoolWithTag(p, tag); }
};
class PagedAllocator final : public Allocator {
public:
  void *Allocate(SIZE_T size, ULONG tag) override { return ExAllocatePool2(POOL_FLAG_PAGED, size, tag); }
  void Release(void *p, ULONG tag) override { ExFreePoolWithTag(p, tag); }
};

template <class T> class Vector {
  Allocator *allocator_; T *items_; ULONG count_, capacity_, tag_;
public:
  void Initialize(Allocator *allocator, ULONG tag) { allocator_ = allocator; tag_ = tag; items_ = nullptr; count_ = capacity_ = 0; }
  bool Add(const T &item) {
    if (count_ == capacity_) {
      ULONG capacity = capacity_ ? capacity_ * 2 : 8;
      T *items = static_cast<T *>(allocator_->Allocate(capacity * sizeof(T), tag_));
      if (!items) return false;
      if (items_) { memcpy(items, items_, count_ * sizeof(T)); allocator_->Release(items_, tag_); }
      items_ = items;
      capacity_ = capacity;
    }
    items_[count_++] = item;
    return true;
  }
  ULONG Count() const { return count_; }
  T &operator[](ULONG i) { return items_[i]; }
  void Clear() { if (items_) allocator_->Release(items_, tag_); items_ = nullptr; count_ = capacity_ = 0; }
};

class Lookaside {
  LOOKASIDE list_; ULONG size_;
public:
  NTSTATUS Initialize(SIZE_T size, ULONG tag) { size_ = (ULONG)size; return ExInitializeLookasideListEx(&list_, nullptr, nullptr, NonPagedPoolNx, 0, size, tag, 0); }
  void *Get() { return ExpInterlockedPopEntrySList(&list_); }
  void Put(void *p) { ExpInterlockedPushEntrySList(&list_, p); }
  void Destroy() { ExDeleteLookasideListEx(&list_); }
};

class String {
  UNICODE_STRING text_; ULONG tag_;
public:
  explicit String(ULONG tag) : text_{0, 0, nullptr}, tag_(tag) {}
  bool Assign(const UNICODE_STRING *from) {
    Free();
    text_.Buffer = static_cast<PWSTR>(ExAllocatePoolWithTag(PagedPool, from->Length + sizeof(WCHAR), tag_));
    if (!text_.Buffer) return false;
    text_.MaximumLength = from->Length + sizeof(WCHAR);
    return RtlCopyUnicodeString(&text_, from) >= 0;
  }
  void Free() { if (text_.Buffer) ExFreePoolWithTag(text_.Buffer, tag_); text_.Buffer = nullptr; }
  UNICODE_STRING *Get() { return &text_; }
};

static NonPagedAllocator *nonPaged;
static PagedAllocator *paged;
static HANDLE filterDriver;

// ---- clock.cpp: where timestamps come from ----------------------------------------------------------------------------

class TimestampSource {
protected:
  UINT64 offset_ = 0; ULONG signature_;
  explicit TimestampSource(ULONG signature) : signature_(signature) {}
public:
  virtual UINT64 Now() = 0;
  virtual bool Calibrate() { return signature_ != 0; }
  virtual void *Scratch(SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, tags::Clock); } //= PtCk any virtual-call
};
class PerformanceClock : public TimestampSource {
public:
  PerformanceClock() : TimestampSource('kCcP') {} //~ PcCk magic
  UINT64 Now() override { LARGE_INTEGER f; return KeQueryPerformanceCounter(&f).QuadPart + offset_; }
};
class SystemClock : public TimestampSource {
public:
  SystemClock() : TimestampSource('kCyS') {} //~ SyCk magic
  UINT64 Now() override { return offset_ + 0x19DB1DED53E8000ULL; }
  void *Scratch(SIZE_T size) override { return ExAllocatePoolWithTag(PagedPool, size, 'yCtP'); } //= PtCy any virtual-call
};
class AdapterClock : public TimestampSource {
  UINT64 *samples_ = nullptr;
public:
  AdapterClock() : TimestampSource('kCdA') {} //~ AdCk magic
  UINT64 Now() override { return samples_ ? samples_[0] : 0; }
  bool Calibrate() override {
    samples_ = new ('aCtP') UINT64[64]; //= PtCa any operator-new
    return samples_ != nullptr;
  }
};
NOINLINE static TimestampSource *CreateClock(ULONG mode) {
  switch (mode) {
  case 0: return new ('1CtP') PerformanceClock; //= PtC1 any operator-new
  case 2: return new ('2CtP') SystemClock; //= PtC2 any operator-new
  case 4: return new ('3CtP') AdapterClock; //= PtC3 any operator-new
  }
  return nullptr;
}

// ---- bpf.cpp: the filter machine -----------------------------------------------------------------------------------------

struct Instruction { USHORT Code; UCHAR JumpTrue, JumpFalse; UINT32 K; };
class Program : public Tagged<tags::Program> {
  Instruction *code_ = nullptr; ULONG length_ = 0; UINT32 *memory_ = nullptr; PUCHAR native_ = nullptr;
public:
  static Program *Create(const Instruction *code, ULONG length) {
    if (!Validate(code, length)) return nullptr;
    Program *p = new Program; //= PtPg any template-tag
    if (!p) return nullptr;
    p->code_ = new ('iPtP') Instruction[length]; //= PtPi any operator-new
    p->memory_ = static_cast<UINT32 *>(nonPaged->Allocate(16 * sizeof(UINT32), 'sPtP')); //= PtPs any virtual-call
    p->native_ = static_cast<PUCHAR>(ExAllocatePoolWithTag(NonPagedPool, length * 32, 'jPtP')); //= PtPj allocation-call direct
    p->length_ = length;
    if (!p->code_ || !p->memory_) { p->Destroy(); return nullptr; }
    memcpy(p->code_, code, length * sizeof(Instruction));
    p->Translate();
    return p;
  }
  void Destroy() {
    if (native_) ExFreePoolWithTag(native_, 'jPtP');
    if (memory_) nonPaged->Release(memory_, 'sPtP');
    delete[] code_;
    delete this;
  }
  static bool Validate(const Instruction *code, ULONG length) {
    for (ULONG i = 0; i < length; i++) {
      if (code[i].Code == 0x15 && i + code[i].JumpTrue >= length) return false;
      if (code[i].Code == 0x06 && code[i].K == 0x7470656B) return false; //~ kept magic
    }
    return length != 0 && length < 4096;
  }
  void Translate() {
    static const UCHAR prologue[] = {0x55, 0x48, 0x57, 0x56, 0x53, 0x41, 0x54, 0x41}; //~ UHWV text //~ SATA text
    if (native_) memcpy(native_, prologue, sizeof(prologue));
  }
  UINT32 Run(const UCHAR *packet, UINT32 size) {
    UINT32 a = 0, x = 0;
    for (const Instruction *i = code_; i < code_ + length_; i++) {
      switch (i->Code) {
      case 0x20: if (i->K + 4 > size) return 0; a = packet[i->K] << 24 | packet[i->K + 1] << 16 | packet[i->K + 2] << 8 | packet[i->K + 3]; break;
      case 0x28: if (i->K + 2 > size) return 0; a = packet[i->K] << 8 | packet[i->K + 1]; break;
      case 0x15: i += a == i->K ? i->JumpTrue : i->JumpFalse; break;
      case 0x02: memory_[i->K & 15] = a; break;
      case 0x61: x = memory_[i->K & 15]; break;
      case 0x07: x = a; break;
      case 0x0C: a += x; break;
      case 0x06: return i->K;
      }
    }
    return 0;
  }
};

// ---- rules.cpp: kinds of filters that the service names --------------------------------------------------------------------

struct RuleContext { ULONG Kind; ULONG Size; UCHAR Data[1]; };
class Rule {
public:
  ULONG Hits = 0;
  virtual bool Match(const UCHAR *packet, UINT32 size) = 0;
  virtual ULONG Kind() const = 0;
};
class PortRule : public Rule {
  USHORT port_ = 0;
public:
  bool Match(const UCHAR *packet, UINT32 size) override { return size > 38 && *(const USHORT *)(packet + 36) == port_; }
  ULONG Kind() const override { return 0x74726F50; } //~ Port magic
};
class ContentRule : public Rule {
public:
  bool Match(const UCHAR *packet, UINT32 size) override {
    if (size < 60) return false;
    switch (*(const UINT32 *)(packet + 54)) {
    case 0x20544547: //~ "GET " magic
    case 0x54534F50: //~ POST magic
    case 0x50545448: //~ HTTP magic
    case 0x49564E49: return true; //~ INVI magic
    }
    return false;
  }
  ULONG Kind() const override { return 0x746E6F43; } //~ Cont magic
};
template <class T, ULONG Tag> static Rule *MakeRule() { return new (Tag) T; }
struct RuleKind { const CHAR *Name; Rule *(*Create)(); ULONG ContextTag; };
static const RuleKind ruleKinds[] = {
    {"port", MakeRule<PortRule, '1RtP'>, '4RtP'}, //= PtR1 any template-tag //= PtR4 any tag-table
    {"content", MakeRule<ContentRule, '2RtP'>, '5RtP'}, //= PtR2 any template-tag //= PtR5 any tag-table
};
class RuleList : public Tagged<tags::Rule, PagedPool> {
  Vector<Rule *> rules_; Vector<RuleContext *> contexts_;
public:
  RuleList() {
    rules_.Initialize(nonPaged, '6RtP'); //= PtR6 any object-field
    contexts_.Initialize(paged, '7RtP'); //= PtR7 any object-field
  }
  bool Add(ULONG kind, const void *data, ULONG size) {
    if (kind >= sizeof(ruleKinds) / sizeof(ruleKinds[0])) return false;
    Rule *rule = ruleKinds[kind].Create();
    auto *context = static_cast<RuleContext *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(RuleContext) + size, ruleKinds[kind].ContextTag));
    if (!rule || !context) return false;
    context->Kind = rule->Kind();
    context->Size = size;
    memcpy(context->Data, data, size);
    return rules_.Add(rule) && contexts_.Add(context);
  }
  bool Match(const UCHAR *packet, UINT32 size) {
    for (ULONG i = 0; i < rules_.Count(); i++) if (rules_[i]->Match(packet, size)) { rules_[i]->Hits++; return true; }
    return false;
  }
  void Clear() {
    for (ULONG i = 0; i < contexts_.Count(); i++) ExFreePool(contexts_[i]);
    rules_.Clear();
    contexts_.Clear();
  }
};

// ---- ring.cpp: a ring buffer for each processor ------------------------------------------------------------------------------

struct RecordHeader { UINT64 Time; UINT32 Captured, Length; };
class RingBuffer {
  ULONG signature_, size_, producer_, consumer_, dropped_; PUCHAR bytes_; PVOID mapping_;
public:
  static RingBuffer *Create(ULONG processors, ULONG size) {
    auto *rings = static_cast<RingBuffer *>(NdisAllocateMemoryWithTagPriority(filterDriver, processors * sizeof(RingBuffer), tags::Ring, 16)); //= PtRg allocation-call direct
    if (!rings) return nullptr;
    for (ULONG i = 0; i < processors; i++) {
      RingBuffer *ring = new (&rings[i]) RingBuffer;
      if (!ring->Allocate(size)) return nullptr;
    }
    return rings;
  }
  bool Allocate(ULONG size) {
    signature_ = 'gniR'; //~ Ring magic
    size_ = size;
    producer_ = consumer_ = dropped_ = 0;
    mapping_ = MmAllocateMappingAddress(size * 2, 'mRtP'); //= PtRm allocation-call direct
    bytes_ = new (POOL_FLAG_NON_PAGED, 'bRtP') UCHAR[size]; //= PtRb any operator-new
    return bytes_ != nullptr;
  }
  bool Write(const RecordHeader &header, const UCHAR *packet) {
    if (signature_ != 'gniR') KeBugCheckEx(0x52494E47, (ULONG_PTR)this, producer_, consumer_, 0); //~ GNIR bug-check
    ULONG needed = sizeof(header) + header.Captured;
    if (producer_ - consumer_ + needed > size_) { dropped_++; return false; }
    memcpy(bytes_ + producer_ % size_, &header, sizeof(header));
    memcpy(bytes_ + producer_ % size_ + sizeof(header), packet, header.Captured);
    producer_ += needed;
    return true;
  }
  ULONG Read(void *to, ULONG size) {
    ULONG available = producer_ - consumer_;
    if (available > size) available = size;
    memcpy(to, bytes_ + consumer_ % size_, available);
    consumer_ += available;
    return available;
  }
  void Free() {
    if (mapping_) MmFreeMappingAddress(mapping_, 'mRtP');
    delete[] bytes_;
  }
};

// ---- readers.cpp -----------------------------------------------------------------------------------------------------------

class OpenInstance;
class Reader {
protected:
  OpenInstance *open_; PVOID buffer_ = nullptr; ULONG size_ = 0;
  void *AllocateBuffer(ULONG size) { // each reader's memory has the tag of its kind
    buffer_ = ExAllocatePoolWithTag(NonPagedPoolNx, size, PoolTag());
    size_ = buffer_ ? size : 0;
    return buffer_;
  }
public:
  explicit Reader(OpenInstance *open) : open_(open) {}
  virtual ULONG PoolTag() const { return tags::Kernel; } //= PtKr any return-value
  virtual bool Start() = 0;
  virtual void Packet(const RecordHeader &header, const UCHAR *packet) = 0;
  virtual void Stop() { if (buffer_) ExFreePoolWithTag(buffer_, PoolTag()); buffer_ = nullptr; }
};
class KernelReader : public Reader {
  RingBuffer *rings_ = nullptr;
public:
  using Reader::Reader;
  bool Start() override { rings_ = RingBuffer::Create(4, 1 << 20); return rings_ && AllocateBuffer(65536); }
  void Packet(const RecordHeader &header, const UCHAR *packet) override { rings_->Write(header, packet); }
  void Stop() override { rings_->Read(buffer_, size_); rings_->Free(); Reader::Stop(); }
};
class DumpReader : public Reader {
  HANDLE file_ = nullptr; String name_;
  struct FileHeader { UINT32 Magic; USHORT Major, Minor; UINT32 Zone, Digits, Snap, Link; };
public:
  explicit DumpReader(OpenInstance *open) : Reader(open), name_('nDtP') {} //= PtDn any object-field
  ULONG PoolTag() const override { return tags::Dump; } //= PtDm any return-value
  bool Start() override {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, (const WCHAR *)L"\\??\\C:\\capture.cap");
    FileHeader header = {0xA1B2C3D4, 2, 4, 0, 0, 65535, 1};
    return name_.Assign(&name) && AllocateBuffer(1 << 16) && ZwWriteFile(file_, nullptr, nullptr, nullptr, buffer_, &header, sizeof(header), nullptr, nullptr) >= 0;
  }
  void Packet(const RecordHeader &header, const UCHAR *packet) override { memcpy(buffer_, packet, header.Captured < size_ ? header.Captured : size_); }
  void Stop() override { name_.Free(); ZwClose(file_); Reader::Stop(); }
  // Which program wrote a capture file.
  static ULONG Recognize(const UINT32 *head) {
    switch (head[0]) {
    case 0xA1B2C3D4: return 1;
    case 0x0A0D0D0A: return 2;
    case 0x53535452: return 3; //~ RTSS magic
    case 0x55424D47: return 4; //~ GMBU magic
    case 0x6F6F6E73: return 5; //~ snoo magic
    case 0x4E535254: return 6; //~ TRSN magic
    }
    return 0;
  }
};
class StatisticsReader : public Reader {
  UINT64 *counters_ = nullptr;
public:
  using Reader::Reader;
  ULONG PoolTag() const override { return tags::Statistics; } //= PtSt any return-value
  bool Start() override { return (counters_ = static_cast<UINT64 *>(AllocateBuffer(256))) != nullptr; }
  void Packet(const RecordHeader &header, const UCHAR *) override { counters_[0]++; counters_[1] += header.Length; }
};
NOINLINE static Reader *CreateReader(OpenInstance *open, ULONG mode) {
  if (mode & 2) return new ('2KtP') DumpReader(open); //= PtK2 any operator-new
  if (mode & 1) return new ('1KtP') StatisticsReader(open); //= PtK1 any operator-new
  return new ('0KtP') KernelReader(open); //= PtK0 any operator-new
}

// ---- inject.cpp ------------------------------------------------------------------------------------------------------------------

struct NdisHeader { UCHAR Type, Revision; USHORT Size; };
struct ListPoolParameters { NdisHeader Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize; };
struct BufferPoolParameters { NdisHeader Header; ULONG PoolTag, DataSize; };
class Injector {
  HANDLE lists_ = nullptr, buffers_ = nullptr; HANDLE module_; Lookaside packets_; ULONG freeTag_;
public:
  explicit Injector(HANDLE module, ULONG freeTag) : module_(module), freeTag_(freeTag) {}
  bool Initialize() {
    ListPoolParameters lists = {{0x80, 1, sizeof(lists)}, 0, TRUE, 0, 'lItP', 0}; //= PtIl structure-field ndis-parameters
    BufferPoolParameters buffers = {{0x80, 1, sizeof(buffers)}, 'bItP', 0}; //= PtIb structure-field ndis-parameters
    lists_ = NdisAllocateNetBufferListPool(module_, &lists);
    buffers_ = NdisAllocateNetBufferPool(module_, &buffers);
    return lists_ && buffers_ && packets_.Initialize(2048, 'pItP') >= 0; //= PtIp any wrapper
  }
  bool Send(const UCHAR *packet, ULONG size) {
    PVOID copy = packets_.Get();
    if (!copy && NdisAllocateMemoryWithTag(&copy, size, freeTag_) != 0) return false;
    memcpy(copy, packet, size);
    PVOID mdl = NdisAllocateMdl(module_, copy, size);
    PVOID list = mdl ? NdisAllocateNetBufferList(lists_, 0, 0) : nullptr;
    if (!list) { NdisFreeMemoryWithTag(copy, freeTag_); return false; }
    NdisFSendNetBufferLists(module_, list, 0, 0);
    return true;
  }
  void Destroy() { NdisFreeNetBufferListPool(lists_); packets_.Destroy(); }
};

// ---- oid.cpp ------------------------------------------------------------------------------------------------------------------------

class OidRequest : public Tagged<tags::Oid> {
  struct { NdisHeader Header; ULONG Type, Port, Timeout; PVOID Id, Handle; ULONG Oid; PVOID Buffer; UINT Length; } request_; ULONG Cookie_;
public:
  static OidRequest *Create(ULONG oid, const void *input, ULONG size) {
    OidRequest *r = new OidRequest; //= PtOd any template-tag
    if (!r) return nullptr;
    r->request_.Header = {0x96, 1, sizeof(r->request_)};
    r->request_.Oid = oid;
    r->request_.Buffer = nonPaged->Allocate(size, 'bOtP'); //= PtOb any virtual-call
    r->Cookie_ = 'RdiO'; //~ OidR magic
    if (!r->request_.Buffer) { delete r; return nullptr; }
    memcpy(r->request_.Buffer, input, size);
    return r;
  }
  NTSTATUS Forward(HANDLE module) {
    PVOID clone;
    if (Cookie_ != 'RdiO') return STATUS_INVALID_PARAMETER;
    return NdisAllocateCloneOidRequest(module, &request_, 'cOtP', &clone); //= PtOc allocation-call direct
  }
  void Complete() { nonPaged->Release(request_.Buffer, 'bOtP'); delete this; }
};

// ---- loopback.cpp: traffic that no adapter sees ----------------------------------------------------------------------------------------

struct WskProvider { PVOID Client; struct WskDispatch *Dispatch; };
struct WskDispatch { USHORT Version, Reserved; NTSTATUS(CALL *Socket)(PVOID client, USHORT family, USHORT type, ULONG protocol, ULONG flags, PVOID context, const void *dispatch, PVOID process, PVOID thread, PVOID security, IRP *irp); };
struct WskReceive { LIST_ENTRY Link; ULONG Length; PUCHAR Bytes; };
class Loopback {
  struct { PVOID Reserved[5]; } registration_; WskProvider provider_; IRP *irp_ = nullptr; LIST_ENTRY received_; ULONG bufferTag_; ULONG magic_;
  static NTSTATUS CALL ReceiveEvent(PVOID context, ULONG flags, PVOID data) {
    auto *self = static_cast<Loopback *>(context);
    auto *r = static_cast<WskReceive *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(WskReceive), 'rLtP')); //= PtLr allocation-call callback
    if (!r || self->magic_ != 'kcpL') return STATUS_INSUFFICIENT_RESOURCES; //~ Lpck magic
    r->Bytes = static_cast<PUCHAR>(ExAllocatePoolWithTag(NonPagedPoolNx, flags, self->bufferTag_));
    if (!r->Bytes) { ExFreePoolWithTag(r, 'rLtP'); return STATUS_INSUFFICIENT_RESOURCES; }
    memcpy(r->Bytes, data, flags);
    r->Link.Flink = self->received_.Flink;
    self->received_.Flink = &r->Link;
    return STATUS_SUCCESS;
  }
public:
  Loopback() : received_{&received_, &received_}, bufferTag_('bLtP'), magic_('kcpL') {} //= PtLb any callback-context
  NTSTATUS Start() {
    static const struct { USHORT Version, Reserved; PVOID Event; } dispatch = {0x100, 0, nullptr};
    struct { PVOID Context; const void *Dispatch; } client = {this, &dispatch};
    PVOID events[2] = {reinterpret_cast<PVOID>(ReceiveEvent), nullptr};
    NTSTATUS status = WskRegister(&client, &registration_);
    if (status >= 0) status = WskCaptureProviderNPI(&registration_, 1000, &provider_);
    if (status < 0) return status;
    irp_ = static_cast<IRP *>(IoAllocateIrp(1, FALSE));
    return provider_.Dispatch->Socket(provider_.Client, 2, 3, 0, 0, this, events, nullptr, nullptr, nullptr, irp_);
  }
  void Stop() { WskReleaseProviderNPI(&registration_); WskDeregister(&registration_); }
};

// ---- parameters.cpp ---------------------------------------------------------------------------------------------------------------------

struct ParameterRow { const WCHAR *Name; ULONG Kind; ULONG Default; ULONG Tag; };
static const ParameterRow parameterRows[] = {
    {(const WCHAR *)L"LoopbackAdapter", 1, 0, '1PtP'}, //= PtP1 any tag-table
    {(const WCHAR *)L"DltNull", 4, 0x6C6C754E, 0}, //~ Null other-argument
    {(const WCHAR *)L"SendToRxAdapters", 1, 0, '2PtP'}, //= PtP2 any tag-table
    {(const WCHAR *)L"TimestampMode", 4, 0x65646F4D, 0}, //~ Mode other-argument
    {(const WCHAR *)L"BlockRxAdapters", 1, 0, '3PtP'}, //= PtP3 any tag-table
};
static PVOID parameterValues[5];
PAGED_CODE_SECTION static NTSTATUS ReadParameters(HANDLE key) {
  UNICODE_STRING name;
  ULONG needed, i = 0;
  auto *information = static_cast<UCHAR *>(paged->Allocate(1024, tags::Parameter)); //= PtPm any virtual-call
  if (!information) return STATUS_INSUFFICIENT_RESOURCES;
  for (const ParameterRow &row : parameterRows) {
    RtlInitUnicodeString(&name, row.Name);
    NTSTATUS status = ZwQueryValueKey(key, &name, 2, information, 1024, &needed);
    if (row.Kind == 1 && status >= 0) {
      parameterValues[i] = ExAllocatePoolWithTag(PagedPool, needed, row.Tag);
      if (parameterValues[i]) memcpy(parameterValues[i], information + 12, needed);
    } else parameterValues[i] = reinterpret_cast<PVOID>((ULONG_PTR)row.Default);
    i++;
  }
  paged->Release(information, tags::Parameter);
  return STATUS_SUCCESS;
}

// ---- open.cpp -----------------------------------------------------------------------------------------------------------------------------

struct OpenPools { ULONG Read, Write, Mirror; };
class OpenInstance {
  ULONG signature_; OpenPools pools_; HANDLE module_; Reader *reader_ = nullptr; TimestampSource *clock_ = nullptr; Program *program_ = nullptr; RuleList *rules_ = nullptr; Injector injector_; Loopback *loopback_ = nullptr; REMOVE_LOCK lock_;
public:
  OpenInstance(HANDLE module, const OpenPools &pools) : signature_('tsnI'), pools_(pools), module_(module), injector_(module, 'fItP') { //~ Inst magic //= PtIf any object-field
    IoInitializeRemoveLockEx(&lock_, 'kLtP', 0, 0, sizeof(lock_)); //~ PtLk remove-lock
  }
  NTSTATUS Configure(ULONG mode) {
    clock_ = CreateClock(mode & 7);
    rules_ = new RuleList; //= PtRu any template-tag
    reader_ = CreateReader(this, mode >> 3);
    if (!clock_ || !rules_ || !reader_ || !clock_->Calibrate() || !clock_->Scratch(256)) return STATUS_INSUFFICIENT_RESOURCES;
    loopback_ = new (tags::Socket) Loopback; //= PtSk any operator-new
    if (loopback_ && loopback_->Start() < 0) DbgPrint("packet-tap: PtEr no loopback\n"); //~ PtEr text
    return injector_.Initialize() && reader_->Start() ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NTSTATUS SetProgram(const void *bytes, ULONG size) {
    if (program_) program_->Destroy();
    program_ = Program::Create(static_cast<const Instruction *>(bytes), size / sizeof(Instruction));
    return program_ ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
  }
  NTSTATUS AddRule(const void *bytes, ULONG size) { return rules_->Add(*static_cast<const UCHAR *>(bytes), bytes, size) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; }
  NTSTATUS Request(const void *bytes, ULONG size) {
    OidRequest *r = OidRequest::Create(*static_cast<const ULONG *>(bytes), bytes, size);
    if (!r) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = r->Forward(module_);
    if (status < 0) r->Complete();
    return status;
  }
  void Receive(const UCHAR *packet, UINT32 size) {
    if (signature_ != 'tsnI') return;
    UINT32 keep = program_ ? program_->Run(packet, size) : size;
    if (!keep || !rules_->Match(packet, size)) return;
    RecordHeader header = {clock_->Now(), keep, size};
    PVOID mirror = ExAllocatePoolWithTag(NonPagedPoolNx, keep, pools_.Mirror);
    if (mirror) { memcpy(mirror, packet, keep); ExFreePoolWithTag(mirror, pools_.Mirror); }
    reader_->Packet(header, packet);
  }
  NTSTATUS Read(IRP *irp) {
    PVOID bounce = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, 4096, pools_.Read);
    if (!bounce) return STATUS_INSUFFICIENT_RESOURCES;
    irp->SystemBuffer = bounce;
    return STATUS_SUCCESS;
  }
  NTSTATUS Write(IRP *irp) {
    PUCHAR bounce = static_cast<PUCHAR>(ExAllocatePoolWithTag(NonPagedPoolNx, 1514, pools_.Write));
    if (!bounce) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(bounce, irp->SystemBuffer, 1514);
    bool sent = injector_.Send(bounce, 1514);
    ExFreePoolWithTag(bounce, pools_.Write);
    return sent ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  void Close() {
    if (reader_) reader_->Stop();
    if (rules_) rules_->Clear();
    if (loopback_) loopback_->Stop();
    injector_.Destroy();
    ObDereferenceObjectDeferDeleteWithTag(module_, 'xOtP'); //~ PtOx object-tag
    signature_ = 0x65657266; //~ free magic
  }
};

static const GUID deviceInterface = {0x4B504154, 0x11d2, 0x4f31, {0x50, 0x74, 0x47, 0x64, 0x11, 0x8c, 0x29, 0xfe}}; //~ TAPK guid //~ PtGd guid

extern "C" {
static NTSTATUS CALL TapCreate(DEVICE_OBJECT *, IRP *irp) {
  static const OpenPools pools = {'1OtP', '2OtP', '3OtP'}; //= PtO1 any object-field //= PtO2 any object-field //= PtO3 any object-field
  auto *open = new (tags::Open) OpenInstance(irp->Stack->Device, pools); //= PtOn any operator-new
  if (!open) return STATUS_INSUFFICIENT_RESOURCES;
  irp->Stack->Argument[3] = open;
  return open->Configure((ULONG)irp->Information);
}
static NTSTATUS CALL TapControl(DEVICE_OBJECT *, IRP *irp) {
  auto *open = static_cast<OpenInstance *>(irp->Stack->Argument[3]);
  ULONG size = (ULONG)irp->Information;
  switch ((ULONG)(ULONG_PTR)irp->Stack->Argument[2]) {
  case 0x221E04: return open->SetProgram(irp->SystemBuffer, size);
  case 0x221E08: return open->AddRule(irp->SystemBuffer, size);
  case 0x221E0C: return open->Request(irp->SystemBuffer, size);
  case 0x221E10: return DumpReader::Recognize(static_cast<const UINT32 *>(irp->SystemBuffer)) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
  case 0x221E14: irp->SystemBuffer = (PVOID)&deviceInterface; return STATUS_SUCCESS;
  }
  return STATUS_INVALID_PARAMETER;
}
static NTSTATUS CALL TapRead(DEVICE_OBJECT *, IRP *irp) { return static_cast<OpenInstance *>(irp->Stack->Argument[3])->Read(irp); }
static NTSTATUS CALL TapWrite(DEVICE_OBJECT *, IRP *irp) { return static_cast<OpenInstance *>(irp->Stack->Argument[3])->Write(irp); }
static NTSTATUS CALL TapClose(DEVICE_OBJECT *, IRP *irp) {
  auto *open = static_cast<OpenInstance *>(irp->Stack->Argument[3]);
  open->Close();
  ExFreePoolWithTag(open, tags::Open);
  return STATUS_SUCCESS;
}
static void CALL TapReceive(OpenInstance *open, PVOID lists, ULONG port, ULONG count, ULONG flags) {
  ULONG storage[32];
  auto *packet = static_cast<const UCHAR *>(NdisGetDataBuffer(lists, 128, storage, 1, 0));
  if (packet && (port | count | flags)) open->Receive(packet, 128);
}
INIT_CODE_SECTION static NTSTATUS RegisterFilter(DRIVER_OBJECT *driver) {
  struct { NdisHeader Header; UCHAR Major, Minor, DriverMajor, DriverMinor; ULONG Flags; UNICODE_STRING Names[3]; PVOID Handlers[18]; } c = {};
  c.Header = {0x8B, 2, sizeof(c)};
  c.Major = 6;
  c.Minor = 30;
  RtlInitUnicodeString(&c.Names[0], (const WCHAR *)L"Packet Tap");
  c.Handlers[9] = reinterpret_cast<PVOID>(TapReceive);
  return NdisFRegisterFilterDriver(driver, driver, &c, &filterDriver);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  HANDLE key = nullptr;
  nonPaged = new ('1AtP') NonPagedAllocator; //= PtA1 any operator-new
  paged = new ('2AtP') PagedAllocator; //= PtA2 any operator-new
  if (!nonPaged || !paged) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = ZwOpenKey(&key, 0x20019, path);
  if (status >= 0) status = ReadParameters(key);
  if (status >= 0) status = RegisterFilter(driver);
  if (status >= 0) status = IoCreateDevice(driver, 0, nullptr, 0x12, 0, FALSE, &device);
  if (status < 0) return status;
  driver->Major[0] = TapCreate;
  driver->Major[2] = TapClose;
  driver->Major[3] = TapRead;
  driver->Major[4] = TapWrite;
  driver->Major[14] = TapControl;
  return STATUS_SUCCESS;
}
}
