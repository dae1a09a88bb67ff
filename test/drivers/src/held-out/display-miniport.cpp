// A display miniport for a paravirtual GPU: adapters with segments and allocations, mode lists, rings of commands and events, fences, a
// cache of pixels, a debug heap, containers and smart pointers of its own, a parser for EDIDs, the callbacks of the graphics kernel.
#include "kernel.h"

#define PAGE_SIZE 4096
#define VG_PRINT(...) DbgPrint("vgpu: " __VA_ARGS__)
extern "C" int _purecall() { KeBugCheckEx(0x119, 'cPgV', 0, 0, 0); return 0; } //~ VgPc bug-check

/* ---- debug heap: a header before and a guard behind each block ------------------------------------------------------------------ */

namespace heap {
struct Header { LIST_ENTRY Link; SIZE_T Size; ULONG Magic, Tag; const CHAR *Where; ULONG Line, Type; };
constexpr ULONG Live = 'evil'; //~ live magic
constexpr ULONG Dead = 'daed'; //~ dead magic
constexpr ULONG Guard = 0xFDFDFDFD;
static LIST_ENTRY g_Blocks;
static ULONG_PTR g_Lock;
static LONG g_Count;

NOINLINE static void *Allocate(ULONG type, SIZE_T size, ULONG tag, const CHAR *where, ULONG line) {
  auto *header = (Header *)ExAllocatePoolWithTag(type, sizeof(Header) + size + sizeof(ULONG), tag);
  if (!header) return nullptr;
  header->Size = size;
  header->Magic = Live;
  header->Tag = tag;
  header->Where = where;
  header->Line = line;
  header->Type = type;
  *(ULONG *)((PUCHAR)(header + 1) + size) = Guard;
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&g_Lock);
  header->Link.Flink = g_Blocks.Flink;
  header->Link.Blink = &g_Blocks;
  g_Blocks.Flink->Blink = &header->Link;
  g_Blocks.Flink = &header->Link;
  g_Count++;
  KeReleaseSpinLock(&g_Lock, irql);
  return header + 1;
}
NOINLINE static void Free(void *p) {
  if (!p) return;
  auto *header = (Header *)p - 1;
  if (header->Magic != Live || *(ULONG *)((PUCHAR)p + header->Size) != Guard) KeBugCheckEx(0x119, 'pHgV', (ULONG_PTR)p, header->Line, 0); //~ VgHp bug-check
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&g_Lock);
  header->Link.Flink->Blink = header->Link.Blink;
  header->Link.Blink->Flink = header->Link.Flink;
  g_Count--;
  KeReleaseSpinLock(&g_Lock, irql);
  header->Magic = Dead;
  ExFreePoolWithTag(header, header->Tag);
}
NOINLINE static void *Reallocate(void *p, SIZE_T size) {
  auto *header = (Header *)p - 1;
  void *bigger = Allocate(header->Type, size, header->Tag, header->Where, header->Line);
  if (!bigger) return nullptr;
  memcpy(bigger, p, header->Size < size ? header->Size : size);
  Free(p);
  return bigger;
}
static void Initialize() { g_Blocks.Flink = g_Blocks.Blink = &g_Blocks; KeInitializeSpinLock(&g_Lock); }
}
#define VG_ALLOC(size, tag) heap::Allocate(NonPagedPoolNx, (size), (tag), __FUNCTION__, __LINE__)
#define VG_FREE(p) heap::Free(p)

/* ---- operators --------------------------------------------------------------------------------------------------------------------- */

enum class Pool : ULONG { NonPaged = NonPagedPoolNx, Paged = PagedPool };
struct NoThrow {};
constexpr NoThrow nothrow{};
inline void *operator new(SIZE_T, void *at) noexcept { return at; }
void *operator new(SIZE_T size, Pool pool, ULONG tag) noexcept { return heap::Allocate((ULONG)pool, size, tag, "new", 0); }
void *operator new[](SIZE_T size, Pool pool, ULONG tag) noexcept { return heap::Allocate((ULONG)pool, size, tag, "new[]", 0); }
void *operator new(SIZE_T size, Pool pool) noexcept { return heap::Allocate((ULONG)pool, size, 'fDgV', "new", 0); } //= VgDf any operator-new
void *operator new(SIZE_T size, const NoThrow &) noexcept { return VG_ALLOC(size, 'tNgV'); } //= VgNt any operator-new
void operator delete(void *p) noexcept { heap::Free(p); }
void operator delete(void *p, SIZE_T) noexcept { heap::Free(p); }
void operator delete[](void *p) noexcept { heap::Free(p); }

template <ULONG Tag, ULONG Type = PagedPool> struct Tagged {
  static void *operator new(SIZE_T size) noexcept { return ExAllocatePoolWithTag(Type, size, Tag); }
  static void *operator new(SIZE_T, void *at) noexcept { return at; }
  static void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, Tag); }
};

/* ---- pointers and containers --------------------------------------------------------------------------------------------------------- */

template <typename T> class Owner {
  T *p_ = nullptr;
public:
  Owner() = default;
  explicit Owner(T *p) : p_(p) {}
  Owner(const Owner &) = delete;
  ~Owner() { delete p_; }
  void Reset(T *p) { if (p_ != p) { delete p_; p_ = p; } }
  T *Release() { T *p = p_; p_ = nullptr; return p; }
  T *Get() const { return p_; }
  T *operator->() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
};
class Counted {
  volatile LONG references_ = 1;
public:
  virtual ~Counted() {}
  void AddReference() { __sync_fetch_and_add(&references_, 1); }
  void Release() { if (__sync_fetch_and_sub(&references_, 1) == 1) delete this; }
};
template <typename T> class Reference {
  T *p_ = nullptr;
public:
  Reference() = default;
  explicit Reference(T *p) : p_(p) {}
  Reference(const Reference &other) : p_(other.p_) { if (p_) p_->AddReference(); }
  ~Reference() { if (p_) p_->Release(); }
  T *Detach() { T *p = p_; p_ = nullptr; return p; }
  T *operator->() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
};

struct PoolAllocator {
  ULONG Tag, Type;
  void *Get(SIZE_T size) const { return ExAllocatePoolWithTag(Type, size, Tag); }
  void Put(void *p) const { ExFreePoolWithTag(p, Tag); }
};
template <typename T> class Array {
  T *items_ = nullptr;
  ULONG count_ = 0, room_ = 0;
  PoolAllocator allocator_;
public:
  explicit Array(ULONG tag, ULONG type = PagedPool) : allocator_{tag, type} {}
  ~Array() { if (items_) allocator_.Put(items_); }
  NOINLINE bool Reserve(ULONG room) {
    if (room <= room_) return true;
    auto *items = (T *)allocator_.Get(room * sizeof(T));
    if (!items) return false;
    if (items_) { memcpy(items, items_, count_ * sizeof(T)); allocator_.Put(items_); }
    items_ = items;
    room_ = room;
    return true;
  }
  bool Add(const T &item) {
    if (count_ == room_ && !Reserve(room_ ? room_ * 2 : 8)) return false;
    items_[count_++] = item;
    return true;
  }
  ULONG Count() const { return count_; }
  T &operator[](ULONG i) { return items_[i]; }
};
template <typename K, typename V, ULONG Tag, ULONG Buckets = 64> class Map {
  struct Node { Node *Next; K Key; V Value; };
  Node *buckets_[Buckets] = {};
public:
  NOINLINE V *Insert(const K &key, const V &value) {
    auto *node = (Node *)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(Node), Tag);
    if (!node) return nullptr;
    ULONG slot = (ULONG)key % Buckets;
    node->Key = key;
    node->Value = value;
    node->Next = buckets_[slot];
    buckets_[slot] = node;
    return &node->Value;
  }
  V *Find(const K &key) const {
    for (Node *node = buckets_[(ULONG)key % Buckets]; node; node = node->Next) if (node->Key == key) return &node->Value;
    return nullptr;
  }
  NOINLINE void Clear() {
    for (auto &bucket : buckets_) while (bucket) { Node *next = bucket->Next; ExFreePoolWithTag(bucket, Tag); bucket = next; }
  }
};
template <typename T, ULONG Tag> class SlabList {
  LOOKASIDE list_;
public:
  void Open() { ExInitializeNPagedLookasideList(&list_, nullptr, nullptr, 0, sizeof(T), Tag, 0); }
  void Close() { ExDeleteNPagedLookasideList(&list_); }
  T *Take() {
    void *p = ExpInterlockedPopEntrySList(&list_);
    if (!p) p = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(T), Tag);
    if (p) memset(p, 0, sizeof(T));
    return (T *)p;
  }
  void Give(T *p) { ExpInterlockedPushEntrySList(&list_, p); }
};

class Text {
  WCHAR *buffer_ = nullptr;
  USHORT length_ = 0;
  const ULONG tag_;
public:
  explicit Text(ULONG tag) : tag_(tag) {}
  ~Text() { if (buffer_) ExFreePoolWithTag(buffer_, tag_); }
  NOINLINE bool Assign(const WCHAR *text, ULONG length) {
    auto *copy = (WCHAR *)ExAllocatePoolWithTag(PagedPool, (length + 1) * sizeof(WCHAR), tag_);
    if (!copy) return false;
    memcpy(copy, text, length * sizeof(WCHAR));
    copy[length] = 0;
    if (buffer_) ExFreePoolWithTag(buffer_, tag_);
    buffer_ = copy;
    length_ = (USHORT)length;
    return true;
  }
  const WCHAR *Get() const { return buffer_; }
};

/* ---- the graphics kernel's interface ------------------------------------------------------------------------------------------------------ */

struct DxgkInterface {
  ULONG Size, Version;
  HANDLE DeviceHandle;
  NTSTATUS(CALL *EvalAcpiMethod)(HANDLE device, ULONG uid, const ULONG *input, ULONG inputSize, ULONG *output, ULONG outputSize);
  NTSTATUS(CALL *GetDeviceInformation)(HANDLE device, void *information);
  NTSTATUS(CALL *MapMemory)(HANDLE device, PHYSICAL_ADDRESS address, ULONG length, BOOLEAN io, BOOLEAN user, ULONG cache, void **out);
  void(CALL *NotifyInterrupt)(HANDLE device, const void *data);
  BOOLEAN(CALL *QueueDpc)(HANDLE device);
  NTSTATUS(CALL *ReadDeviceSpace)(HANDLE device, ULONG type, void *buffer, ULONG offset, ULONG length, ULONG *read);
  void *(CALL *GetHandleData)(const void *data);
};
struct DxgkInitialization {
  ULONG Version;
  NTSTATUS(CALL *AddDevice)(DEVICE_OBJECT *physical, void **context);
  NTSTATUS(CALL *StartDevice)(void *context, void *start, DxgkInterface *dxgk, ULONG *sources, ULONG *children);
  NTSTATUS(CALL *StopDevice)(void *context);
  NTSTATUS(CALL *RemoveDevice)(void *context);
  BOOLEAN(CALL *Interrupt)(void *context, ULONG message);
  void(CALL *Dpc)(void *context);
  NTSTATUS(CALL *QueryChildren)(void *context, void *relations, ULONG size);
  NTSTATUS(CALL *QueryDescriptor)(void *context, ULONG child, void *descriptor);
  NTSTATUS(CALL *CreateDevice)(void *context, void *args);
  NTSTATUS(CALL *CreateAllocation)(void *context, void *args);
  NTSTATUS(CALL *DestroyAllocation)(void *context, void *args);
  NTSTATUS(CALL *SubmitCommand)(void *context, const void *args);
  NTSTATUS(CALL *Escape)(void *context, const void *args);
  NTSTATUS(CALL *EnumModes)(void *context, const void *args);
  NTSTATUS(CALL *Present)(void *context, const void *args);
};

/* ---- EDID --------------------------------------------------------------------------------------------------------------------------------------- */

struct Mode { ULONG Width, Height, Refresh, Format; };
constexpr ULONG FormatYuy2 = '2YUY'; //~ YUY2 firmware-table
constexpr ULONG FormatNv12 = '21VN'; //~ NV12 firmware-table
constexpr ULONG FormatUyvy = 'YVYU'; //~ UYVY firmware-table

class Edid : public Tagged<'dEgV'> { //= VgEd allocation-call template-tag
  UCHAR raw_[256];
  ULONG blocks_ = 1;
public:
  NOINLINE static Edid *Read(DxgkInterface *dxgk, ULONG output) {
    ULONG argument[4] = {'CieA', 1, 24, output}; //~ AeiC firmware-table
    Owner<Edid> edid(new Edid);
    if (!edid) return nullptr;
    if (dxgk->EvalAcpiMethod(dxgk->DeviceHandle, 0, argument, sizeof(argument), (ULONG *)edid->raw_, 256) < 0) return nullptr;
    if (*(ULONG *)edid->raw_ == 'boeA') return nullptr; //~ Aeob firmware-table
    edid->blocks_ += edid->raw_[126] ? 1 : 0;
    return edid->Valid() ? edid.Release() : nullptr;
  }
  bool Valid() const {
    UCHAR sum = 0;
    for (ULONG i = 0; i < 128; i++) sum += raw_[i];
    return sum == 0;
  }
  NOINLINE bool AppendModes(Array<Mode> &modes) const {
    for (ULONG at = 54; at + 18 <= 126; at += 18) {
      const UCHAR *d = raw_ + at;
      if (!d[0] && !d[1]) continue;
      Mode mode = {(ULONG)(d[2] | (d[4] & 0xF0) << 4), (ULONG)(d[5] | (d[7] & 0xF0) << 4), 60, d[17] & 1 ? FormatNv12 : 21};
      if (!modes.Add(mode)) return false;
    }
    return true;
  }
  NOINLINE bool Name(Text &out) const {
    WCHAR name[14];
    ULONG n = 0;
    for (; n < 13 && raw_[95 + n] != '\n'; n++) name[n] = raw_[95 + n];
    return out.Assign(name, n);
  }
};

/* ---- where the memory of the device comes from -------------------------------------------------------------------------------------------------- */

struct Backing { void *Address; SIZE_T Size; ULONG Tag; PHYSICAL_ADDRESS Physical; };
class MemorySource {
public:
  virtual bool Acquire(SIZE_T size, ULONG tag, Backing *out) = 0;
  virtual void Return(Backing *backing) = 0;
};
class PagedSource final : public MemorySource, public Tagged<'sPgV'> { //= VgPs allocation-call template-tag
public:
  NOINLINE bool Acquire(SIZE_T size, ULONG tag, Backing *out) override {
    out->Address = ExAllocatePoolWithTag(PagedPool, size, tag);
    out->Size = size;
    out->Tag = tag;
    return out->Address != nullptr;
  }
  NOINLINE void Return(Backing *backing) override { ExFreePoolWithTag(backing->Address, backing->Tag); }
};
class ContiguousSource final : public MemorySource, public Tagged<'sCgV', NonPagedPoolNx> { //= VgCs allocation-call template-tag
  ULONG node_ = 0x80000000;
public:
  NOINLINE bool Acquire(SIZE_T size, ULONG tag, Backing *out) override {
    PHYSICAL_ADDRESS low, high, boundary;
    low.QuadPart = 0; high.QuadPart = 0xFFFFFFFFull; boundary.QuadPart = 0;
    if (MmAllocateContiguousMemoryEx(&size, low, high, boundary, node_, 0x404, nullptr, tag, 0, &out->Address) < 0) return false;
    out->Size = size;
    out->Tag = tag;
    out->Physical = MmGetPhysicalAddress(out->Address);
    return true;
  }
  NOINLINE void Return(Backing *backing) override { MmFreeContiguousMemory(backing->Address); }
};

/* ---- fences, commands, rings ------------------------------------------------------------------------------------------------------------------------ */

struct Fence { LIST_ENTRY Link; ULONG Id; ULONG_PTR Event[4]; };
static SlabList<Fence, 'eFgV'> g_Fences; //= VgFe any template-tag

class Command : public Counted {
protected:
  ULONG opcode_;
public:
  explicit Command(ULONG opcode) : opcode_(opcode) {}
  static void *operator new(SIZE_T size, ULONG tag = 'dCgV') noexcept { return VG_ALLOC(size, tag); } //= VgCd any operator-new
  static void operator delete(void *p) noexcept { VG_FREE(p); }
  virtual ULONG Encode(ULONG *out, ULONG room) = 0;
  virtual bool Completed(const ULONG *response) { return response[0] == 0x1100; }
};
class CreateResource final : public Command {
  ULONG id_, width_, height_;
public:
  CreateResource(ULONG id, ULONG width, ULONG height) : Command(0x101), id_(id), width_(width), height_(height) {}
  ULONG Encode(ULONG *out, ULONG room) override { out[0] = opcode_; out[1] = id_; out[2] = width_; out[3] = height_; return 16; }
};
class TransferRegion final : public Command {
  ULONG id_;
  void *staging_;
public:
  TransferRegion(ULONG id, ULONG bytes) : Command(0x105), id_(id), staging_(VG_ALLOC(bytes, 'gSgV')) {} //= VgSg any wrapper
  ~TransferRegion() { VG_FREE(staging_); }
  bool Grow(ULONG bytes) { void *bigger = heap::Reallocate(staging_, bytes); if (bigger) staging_ = bigger; return bigger != nullptr; }
  ULONG Encode(ULONG *out, ULONG room) override { out[0] = opcode_; out[1] = id_; *(void **)(out + 2) = staging_; return 24; }
};
class CapsetQuery final : public Command {
  ULONG *answer_ = nullptr;
public:
  CapsetQuery() : Command(0x108) {}
  ~CapsetQuery() { if (answer_) ExFreePoolWithTag(answer_, 'aCgV'); }
  ULONG Encode(ULONG *out, ULONG room) override { out[0] = opcode_; out[1] = 'lgrv'; return 8; } //~ vrgl magic
  bool Completed(const ULONG *response) override {
    answer_ = (ULONG *)ExAllocatePoolWithTag(NonPagedPoolNx, response[1], 'aCgV'); //= VgCa any virtual-call
    if (answer_) memcpy(answer_, response + 2, response[1]);
    return answer_ && answer_[0] != 'pmuD'; //~ Dump magic
  }
};

template <typename T> class Ring {
  T *slots_ = nullptr;
  ULONG mask_ = 0, head_ = 0, tail_ = 0;
  ULONG tag_ = 0;
  ULONG_PTR lock_ = 0;
public:
  NOINLINE NTSTATUS Open(ULONG order, ULONG tag) {
    tag_ = tag;
    mask_ = (1u << order) - 1;
    slots_ = (T *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(T) << order, tag_);
    return slots_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE void Close() { if (slots_) ExFreePoolWithTag(slots_, tag_); slots_ = nullptr; }
  bool Push(const T &item) {
    UCHAR irql = KeAcquireSpinLockRaiseToDpc(&lock_);
    bool ok = tail_ - head_ <= mask_;
    if (ok) slots_[tail_++ & mask_] = item;
    KeReleaseSpinLock(&lock_, irql);
    return ok;
  }
  bool Pop(T &item) {
    if (head_ == tail_) return false;
    item = slots_[head_++ & mask_];
    return true;
  }
};
struct DeviceEvent { ULONG Kind, Data[7]; };

/* ---- pixels ------------------------------------------------------------------------------------------------------------------------------------------------ */

struct PixelLine { PixelLine *Older, *Newer; ULONG Hash, Bytes; ULONG *Pixels; };
struct PixelCacheConfig { ULONG LineTag, PixelTag, MostBytes, Lines; };
static const PixelCacheConfig g_PrimaryCache = {'lPgV', 'xPgV', 8 << 20, 512}; //= VgPl any object-field-deep //= VgPx any object-field-deep
static const PixelCacheConfig g_CursorCache = {'lUgV', 'xUgV', 64 << 10, 16}; //= VgUl any object-field-deep //= VgUx any object-field-deep

class PixelCache {
  const PixelCacheConfig *config_;
  PixelLine *oldest_ = nullptr, *newest_ = nullptr;
  ULONG bytes_ = 0;
public:
  explicit PixelCache(const PixelCacheConfig &config) : config_(&config) {}
  ~PixelCache() { while (oldest_) Evict(); }
  NOINLINE PixelLine *Store(const ULONG *pixels, ULONG bytes) {
    ULONG hash = 'shxP'; //~ Pxhs magic
    for (ULONG i = 0; i < bytes / 4; i++) hash = (hash ^ pixels[i]) * 16777619u;
    for (PixelLine *line = newest_; line; line = line->Older) if (line->Hash == hash && line->Bytes == bytes) return line;
    while (oldest_ && bytes_ + bytes > config_->MostBytes) Evict();
    auto *line = (PixelLine *)ExAllocatePoolWithTag(PagedPool, sizeof(PixelLine), config_->LineTag);
    if (!line) return nullptr;
    line->Pixels = (ULONG *)ExAllocatePoolWithTag(PagedPool, bytes, config_->PixelTag);
    if (!line->Pixels) { ExFreePoolWithTag(line, config_->LineTag); return nullptr; }
    memcpy(line->Pixels, pixels, bytes);
    line->Hash = hash;
    line->Bytes = bytes;
    line->Older = newest_;
    line->Newer = nullptr;
    if (newest_) newest_->Newer = line; else oldest_ = line;
    newest_ = line;
    bytes_ += bytes;
    return line;
  }
  NOINLINE void Evict() {
    PixelLine *line = oldest_;
    oldest_ = line->Newer;
    if (oldest_) oldest_->Older = nullptr; else newest_ = nullptr;
    bytes_ -= line->Bytes;
    ExFreePoolWithTag(line->Pixels, config_->PixelTag);
    ExFreePoolWithTag(line, config_->LineTag);
  }
};

/* ---- allocations ---------------------------------------------------------------------------------------------------------------------------------------------- */

enum class Segment : ULONG { System, Aperture, Video };
static const struct { Segment Id; ULONG Tag; SIZE_T Granularity; } g_Segments[] = {
  {Segment::System, 'sSgV', PAGE_SIZE}, //= VgSs any tag-table
  {Segment::Aperture, 'aSgV', 0x10000}, //= VgSa any tag-table
  {Segment::Video, 'vSgV', 0x100000}, //= VgSv any tag-table
};
class Allocation : public Counted {
  Backing backing_{};
  MemorySource *source_;
  ULONG resource_;
public:
  Allocation(MemorySource *source, ULONG resource) : source_(source), resource_(resource) {}
  ~Allocation() override { if (backing_.Address) source_->Return(&backing_); }
  NOINLINE bool Commit(SIZE_T size, Segment segment) {
    for (auto &s : g_Segments)
      if (s.Id == segment) return source_->Acquire((size + s.Granularity - 1) & ~(s.Granularity - 1), s.Tag, &backing_);
    return false;
  }
  ULONG Resource() const { return resource_; }
};

/* ---- adapter ---------------------------------------------------------------------------------------------------------------------------------------------------- */

class Adapter;
class Engine {
protected:
  Adapter *adapter_;
public:
  explicit Engine(Adapter *adapter) : adapter_(adapter) {}
  virtual ~Engine() {}
  virtual NTSTATUS Start() = 0;
  virtual NTSTATUS Submit(const ULONG *commands, ULONG bytes) = 0;
};
class Adapter {
public:
  ULONG signature_ = 'rdAV'; //~ VAdr magic
  DEVICE_OBJECT *physical_;
  DxgkInterface dxgk_{};
  Owner<Engine> engine_;
  Owner<Edid> edid_;
  MemorySource *system_ = nullptr, *contiguous_ = nullptr;
  Array<Mode> modes_{'dMgV'}; //= VgMd any object-field
  Array<Fence *> pending_{'nPgV', NonPagedPoolNx}; //= VgPn any object-field
  Text monitor_{'nMgV'}; //= VgMn any object-field
  Text adapterName_{'nAgV'}; //= VgAn any object-field
  Map<ULONG, Allocation *, 'pMgV'> resources_; //= VgMp any template-tag
  Map<ULONG_PTR, ULONG, 'hHgV', 16> handles_; //= VgHh any template-tag
  Ring<Command *> commands_;
  Ring<DeviceEvent> events_;
  PixelCache primary_{g_PrimaryCache};
  PixelCache cursor_{g_CursorCache};
  ULONG nextFence_ = 1, nextResource_ = 1;
  Backing scanout_{};

  explicit Adapter(DEVICE_OBJECT *physical) : physical_(physical) {}
  NOINLINE NTSTATUS Start(DxgkInterface *dxgk);
  NOINLINE NTSTATUS Stop();
  NOINLINE Fence *NewFence() {
    Fence *fence = g_Fences.Take();
    if (!fence) return nullptr;
    fence->Id = nextFence_++;
    KeInitializeEvent(fence->Event, 0, FALSE);
    if (!pending_.Add(fence)) { g_Fences.Give(fence); return nullptr; }
    return fence;
  }
  NOINLINE bool Send(Command *command) {
    ULONG buffer[64];
    if (!command) return false;
    Reference<Command> held(command);
    if (!commands_.Push(command)) return false;
    return held->Encode(buffer, sizeof(buffer)) != 0 && engine_->Submit(buffer, sizeof(buffer)) >= 0 && held.Detach();
  }
};

class VirtioEngine final : public Engine {
  struct Queue { ULONG Size, Index; void *Descriptors; } *queues_ = nullptr;
  UCHAR *indirect_ = nullptr;
public:
  using Engine::Engine;
  ~VirtioEngine() override { delete[] queues_; VG_FREE(indirect_); }
  NOINLINE NTSTATUS Start() override {
    queues_ = new (Pool::NonPaged, 'qVgV') Queue[2]; //= VgVq any operator-new
    if (!queues_) return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG i = 0; i < 2; i++) {
      queues_[i].Index = i;
      queues_[i].Size = 256;
      queues_[i].Descriptors = VG_ALLOC(256 * 16 + 8, 'dVgV'); //= VgVd any wrapper
      if (!queues_[i].Descriptors) return STATUS_INSUFFICIENT_RESOURCES;
    }
    indirect_ = (UCHAR *)VG_ALLOC(PAGE_SIZE, 'iVgV'); //= VgVi any wrapper
    return indirect_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE NTSTATUS Submit(const ULONG *commands, ULONG bytes) override {
    memcpy(indirect_, commands, bytes);
    queues_[0].Index++;
    return STATUS_SUCCESS;
  }
};
class MmioEngine final : public Engine {
  volatile ULONG *registers_ = nullptr;
  ULONG *shadow_ = nullptr;
public:
  using Engine::Engine;
  ~MmioEngine() override { if (shadow_) ExFreePoolWithTag(shadow_, 'wSgV'); }
  NOINLINE NTSTATUS Start() override {
    PHYSICAL_ADDRESS bar;
    bar.QuadPart = 0xFEBC0000;
    shadow_ = (ULONG *)ExAllocatePoolWithTag(NonPagedPoolNx, 1024, 'wSgV'); //= VgSw any virtual-call
    if (!shadow_) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = adapter_->dxgk_.MapMemory(adapter_->dxgk_.DeviceHandle, bar, 0x1000, FALSE, FALSE, 0, (void **)&registers_);
    if (status >= 0 && registers_[0] != 'trvV') status = STATUS_NOT_SUPPORTED; //~ Vvrt magic
    return status;
  }
  NOINLINE NTSTATUS Submit(const ULONG *commands, ULONG bytes) override {
    for (ULONG i = 0; i < bytes / 4; i++) registers_[64 + i] = shadow_[i] = commands[i];
    return STATUS_SUCCESS;
  }
};

NTSTATUS Adapter::Start(DxgkInterface *dxgk) {
  ULONG id = 0, read = 0;
  memcpy(&dxgk_, dxgk, sizeof(dxgk_));
  system_ = new PagedSource;
  contiguous_ = new ContiguousSource;
  if (!system_ || !contiguous_) return STATUS_INSUFFICIENT_RESOURCES;
  dxgk_.ReadDeviceSpace(dxgk_.DeviceHandle, 0, &id, 0, 4, &read);
  if (id == 0x10501AF4) engine_.Reset(new (Pool::NonPaged, 'eVgV') VirtioEngine(this)); //= VgVe any operator-new
  else engine_.Reset(new (nothrow) MmioEngine(this));
  if (!engine_) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = engine_->Start();
  if (status >= 0) status = commands_.Open(8, 'rCgV'); //= VgCr any object-field
  if (status >= 0) status = events_.Open(6, 'rEgV'); //= VgEr any object-field
  if (status < 0) return status;
  if (!contiguous_->Acquire(1920 * 1080 * 4, 'oSgV', &scanout_)) return STATUS_INSUFFICIENT_RESOURCES; //= VgSo any virtual-call
  edid_.Reset(Edid::Read(&dxgk_, 0));
  if (edid_) {
    edid_->Name(monitor_);
    edid_->AppendModes(modes_);
  } else VG_PRINT("no %s, a mode of our own\n", "EDID"); //~ EDID text
  if (!modes_.Count()) modes_.Add({1024, 768, 60, 21});
  adapterName_.Assign((const WCHAR *)L"vgpu", 4);
  Send(new ('qCgV') CapsetQuery); //= VgCq any operator-new
  return STATUS_SUCCESS;
}
NTSTATUS Adapter::Stop() {
  commands_.Close();
  events_.Close();
  resources_.Clear();
  handles_.Clear();
  if (scanout_.Address) contiguous_->Return(&scanout_);
  engine_.Reset(nullptr);
  return STATUS_SUCCESS;
}

/* ---- entry points --------------------------------------------------------------------------------------------------------------------------------------------------- */

struct DeviceState { Adapter *Owner; HANDLE Handle; ULONG Flags; LIST_ENTRY Contexts; };
static NTSTATUS CALL VgAddDevice(DEVICE_OBJECT *physical, void **context) {
  auto *adapter = new (Pool::NonPaged, 'dAgV') Adapter(physical); //= VgAd any operator-new
  if (!adapter) return STATUS_INSUFFICIENT_RESOURCES;
  *context = adapter;
  return STATUS_SUCCESS;
}
static NTSTATUS CALL VgStartDevice(void *context, void *, DxgkInterface *dxgk, ULONG *sources, ULONG *children) {
  *sources = *children = 1;
  return ((Adapter *)context)->Start(dxgk);
}
static NTSTATUS CALL VgStopDevice(void *context) { return ((Adapter *)context)->Stop(); }
static NTSTATUS CALL VgRemoveDevice(void *context) { delete (Adapter *)context; return STATUS_SUCCESS; }
static BOOLEAN CALL VgInterrupt(void *context, ULONG message) {
  auto *adapter = (Adapter *)context;
  adapter->events_.Push({message, {'qrIV'}}); //~ VIrq magic
  return adapter->dxgk_.QueueDpc(adapter->dxgk_.DeviceHandle);
}
static void CALL VgDpc(void *context) {
  auto *adapter = (Adapter *)context;
  DeviceEvent event;
  Command *command;
  while (adapter->events_.Pop(event)) {
    if (event.Data[0] != 'qrIV') continue;
    if (adapter->commands_.Pop(command)) {
      if (command->Completed(event.Data)) adapter->dxgk_.NotifyInterrupt(adapter->dxgk_.DeviceHandle, &event);
      command->Release();
    }
  }
}
static NTSTATUS CALL VgQueryDescriptor(void *context, ULONG child, void *descriptor) {
  auto *adapter = (Adapter *)context;
  if (!adapter->edid_) return STATUS_NOT_SUPPORTED;
  memcpy(descriptor, adapter->edid_.Get(), 128);
  return child ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}
static NTSTATUS CALL VgCreateDevice(void *context, void *args) {
  auto *state = new (Pool::Paged) DeviceState;
  if (!state) return STATUS_INSUFFICIENT_RESOURCES;
  state->Owner = (Adapter *)context;
  state->Handle = *(HANDLE *)args;
  state->Contexts.Flink = state->Contexts.Blink = &state->Contexts;
  state->Owner->handles_.Insert((ULONG_PTR)state->Handle, 1);
  *(void **)args = state;
  return STATUS_SUCCESS;
}
struct AllocationInfo { ULONG Width, Height, Format; Segment Where; void *Handle; };
struct CreateAllocationArgs { void *Private; ULONG Count; AllocationInfo *Info; };
static NTSTATUS CALL VgCreateAllocation(void *context, void *p) {
  auto *adapter = (Adapter *)context;
  auto *args = (CreateAllocationArgs *)p;
  for (ULONG i = 0; i < args->Count; i++) {
    AllocationInfo &info = args->Info[i];
    ULONG bits = info.Format == FormatYuy2 || info.Format == FormatUyvy ? 16 : info.Format == FormatNv12 ? 12 : 32;
    MemorySource *source = info.Where == Segment::Video ? adapter->contiguous_ : adapter->system_;
    Reference<Allocation> allocation(new (Pool::Paged, 'lAgV') Allocation(source, adapter->nextResource_++)); //= VgAl any operator-new
    if (!allocation || !allocation->Commit((SIZE_T)info.Width * info.Height * bits / 8, info.Where)) return STATUS_INSUFFICIENT_RESOURCES;
    if (!adapter->Send(new CreateResource(allocation->Resource(), info.Width, info.Height))) return STATUS_INSUFFICIENT_RESOURCES;
    ULONG id = allocation->Resource();
    info.Handle = allocation.Detach();
    adapter->resources_.Insert(id, (Allocation *)info.Handle);
  }
  return STATUS_SUCCESS;
}
static NTSTATUS CALL VgDestroyAllocation(void *, void *p) {
  auto *args = (CreateAllocationArgs *)p;
  for (ULONG i = 0; i < args->Count; i++) ((Allocation *)args->Info[i].Handle)->Release();
  return STATUS_SUCCESS;
}
static NTSTATUS CALL VgSubmitCommand(void *context, const void *args) {
  auto *adapter = (Adapter *)context;
  auto *words = (const ULONG *)args;
  Fence *fence = adapter->NewFence();
  if (!fence) return STATUS_INSUFFICIENT_RESOURCES;
  auto *transfer = new ('rTgV') TransferRegion(words[0], words[1]); //= VgTr any operator-new
  if (!transfer) return STATUS_INSUFFICIENT_RESOURCES;
  if (words[2] > words[1] && !transfer->Grow(words[2])) { transfer->Release(); return STATUS_INSUFFICIENT_RESOURCES; }
  return adapter->Send(transfer) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
static NTSTATUS CALL VgPresent(void *context, const void *args) {
  auto *adapter = (Adapter *)context;
  auto *words = (const ULONG *)args;
  PixelLine *line = words[0] & 1 ? adapter->cursor_.Store(words + 4, words[1]) : adapter->primary_.Store(words + 4, words[1]);
  return line ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS CALL VgEscape(void *context, const void *args) {
  auto *adapter = (Adapter *)context;
  auto *words = (ULONG *)args;
  switch (words[0]) {
    case 'edoM': { //~ Mode magic
      auto *copy = new (Pool::Paged, 'mEgV') Mode[adapter->modes_.Count() + 1]; //= VgEm any operator-new
      if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
      for (ULONG i = 0; i < adapter->modes_.Count(); i++) copy[i] = adapter->modes_[i];
      *(void **)(words + 2) = copy;
      return STATUS_SUCCESS;
    }
    case 'eerF': delete[] *(Mode **)(words + 2); return STATUS_SUCCESS; //~ Free magic
    case 'maNg': *(const WCHAR **)(words + 2) = words[1] ? adapter->monitor_.Get() : adapter->adapterName_.Get(); return STATUS_SUCCESS; //~ gNam magic
  }
  return STATUS_NOT_SUPPORTED;
}
static NTSTATUS CALL VgEnumModes(void *context, const void *args) {
  auto *adapter = (Adapter *)context;
  Array<Mode> filtered('fMgV'); //= VgMf any object-field
  for (ULONG i = 0; i < adapter->modes_.Count(); i++)
    if (adapter->modes_[i].Width <= *(const ULONG *)args && !filtered.Add(adapter->modes_[i])) return STATUS_INSUFFICIENT_RESOURCES;
  return filtered.Count() ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

typedef NTSTATUS(CALL *DXGK_INITIALIZE)(DRIVER_OBJECT *driver, UNICODE_STRING *path, DxgkInitialization *data);
static REMOVE_LOCK g_Lock;
static NTSTATUS DxgkConnect(DRIVER_OBJECT *driver, UNICODE_STRING *path, DxgkInitialization *data) {
  UNICODE_STRING name;
  void *file;
  DEVICE_OBJECT *device;
  DXGK_INITIALIZE initialize = nullptr;
  ULONG_PTR event[4], status[2];
  RtlInitUnicodeString(&name, (const WCHAR *)L"\\Device\\DxgKrnl");
  NTSTATUS result = IoGetDeviceObjectPointer(&name, 0x1F0000, &file, &device);
  if (result < 0) return result;
  KeInitializeEvent(event, 0, FALSE);
  void *irp = IoBuildDeviceIoControlRequest(0x23003F, device, nullptr, 0, &initialize, sizeof(initialize), TRUE, event, status);
  if (!irp) return STATUS_INSUFFICIENT_RESOURCES;
  result = IoCallDriver(device, irp);
  return result >= 0 && initialize ? initialize(driver, path, data) : STATUS_NOT_SUPPORTED;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DxgkInitialization data;
  memset(&data, 0, sizeof(data));
  heap::Initialize();
  g_Fences.Open();
  IoInitializeRemoveLockEx(&g_Lock, 'kLgV', 0, 0, 32); //~ VgLk remove-lock
  data.Version = 0x300E;
  data.AddDevice = VgAddDevice;
  data.StartDevice = VgStartDevice;
  data.StopDevice = VgStopDevice;
  data.RemoveDevice = VgRemoveDevice;
  data.Interrupt = VgInterrupt;
  data.Dpc = VgDpc;
  data.QueryDescriptor = VgQueryDescriptor;
  data.CreateDevice = VgCreateDevice;
  data.CreateAllocation = VgCreateAllocation;
  data.DestroyAllocation = VgDestroyAllocation;
  data.SubmitCommand = VgSubmitCommand;
  data.Escape = VgEscape;
  data.EnumModes = VgEnumModes;
  data.Present = VgPresent;
  return DxgkConnect(driver, path, &data);
}
