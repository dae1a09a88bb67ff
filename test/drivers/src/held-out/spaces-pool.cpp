// Pooled storage: disks cut into slabs, spaces made of columns of extents, a journal in memory and on disk, metadata records,
// trees, maps and lists as templates, counted objects, strings and buffers of its own, jobs with a scheduler, injected errors.
#include "kernel.h"

#define STATUS_DISK_FULL ((NTSTATUS)0xC000007F)
#define STATUS_DEVICE_DATA_ERROR ((NTSTATUS)0xC000009C)
#define STATUS_CANCELLED ((NTSTATUS)0xC0000120)
#define STATUS_CORRUPT ((NTSTATUS)0xC0000102)
#define STATUS_NOT_FOUND ((NTSTATUS)0xC0000225)
typedef decltype(sizeof(0)) size_type;
typedef unsigned long long UINT64;

/* ---- operators -------------------------------------------------------------------------------------------------------------- */

enum class Pool : ULONG { NonPaged = NonPagedPoolNx, Paged = PagedPool };
struct PoolTag { ULONG Value; };
constexpr PoolTag operator""_tag(const char *text, size_type) {
  return PoolTag{(ULONG)(UCHAR)text[0] | (ULONG)(UCHAR)text[1] << 8 | (ULONG)(UCHAR)text[2] << 16 | (ULONG)(UCHAR)text[3] << 24};
}

void *operator new(size_type size, void *at) noexcept { return at; }
void *operator new(size_type size, Pool pool, PoolTag tag) noexcept {
  void *p = ExAllocatePoolWithTag((ULONG)pool, size, tag.Value);
  if (p) memset(p, 0, size);
  return p;
}
void *operator new[](size_type size, Pool pool, PoolTag tag) noexcept { return ExAllocatePoolWithTag((ULONG)pool, size, tag.Value); }
void *operator new(size_type size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, "SpNw"_tag.Value); } //= SpNw any operator-new
void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, 0); }
void operator delete(void *p, size_type) noexcept { if (p) ExFreePoolWithTag(p, 0); }
void operator delete[](void *p) noexcept { if (p) ExFreePoolWithTag(p, 0); }
void operator delete(void *p, Pool, PoolTag tag) noexcept { ExFreePoolWithTag(p, tag.Value); }
extern "C" int _purecall() { KeBugCheckEx('VriV', 0, 0, 0, 0); return 0; } //~ VirV bug-check

template <typename T> constexpr T &&Move(T &value) { return static_cast<T &&>(value); }
template <typename T> constexpr T Least(T a, T b) { return a < b ? a : b; }

/* ---- injected errors: a site may be told to fail ----------------------------------------------------------------------------- */

struct FaultSite { const CHAR *Name; ULONG Code; volatile LONG Countdown; };
static FaultSite g_Faults[] = {{"slab", 'balS', -1}, {"journal", 'nrJS', -1}, {"read", 'daeR', -1}}; //~ Slab magic //~ SJrn magic //~ Read magic
NOINLINE static bool FaultFires(ULONG code) {
  for (auto &site : g_Faults)
    if (site.Code == code && site.Countdown > 0 && __sync_sub_and_fetch(&site.Countdown, 1) == 0) {
      DbgPrint("spaces: fault at %s (%s)\n", site.Name, "FALT"); //~ FALT text
      return true;
    }
  return false;
}

/* ---- counted objects ------------------------------------------------------------------------------------------------------------ */

class Object {
  volatile LONG references_ = 1;
protected:
  ULONG signature_;
  explicit Object(ULONG signature) : signature_(signature) {}
public:
  virtual ~Object() { signature_ = 'daeD'; } //~ Dead magic
  virtual NTSTATUS Start() { return STATUS_SUCCESS; }
  void Reference() { __sync_add_and_fetch(&references_, 1); }
  void Release() { if (__sync_sub_and_fetch(&references_, 1) == 0) delete this; }
  bool Is(ULONG signature) const { return signature_ == signature; }
};
template <typename T> class Ref {
  T *object_ = nullptr;
public:
  Ref() = default;
  explicit Ref(T *taken) : object_(taken) {}
  Ref(const Ref &other) : object_(other.object_) { if (object_) object_->Reference(); }
  ~Ref() { if (object_) object_->Release(); }
  Ref &operator=(const Ref &other) {
    if (other.object_) other.object_->Reference();
    if (object_) object_->Release();
    object_ = other.object_;
    return *this;
  }
  T *operator->() const { return object_; }
  T *Get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
};

/* ---- allocators that containers are given ------------------------------------------------------------------------------------------ */

class TaggedAllocator {
  ULONG tag_; Pool pool_; volatile LONG live_ = 0;
public:
  constexpr TaggedAllocator(Pool pool, PoolTag tag) : tag_(tag.Value), pool_(pool) {}
  NOINLINE void *Get(SIZE_T size) {
    void *p = ExAllocatePoolWithTag((ULONG)pool_, size, tag_);
    if (p) __sync_add_and_fetch(&live_, 1);
    return p;
  }
  NOINLINE void Put(void *p) { __sync_sub_and_fetch(&live_, 1); ExFreePoolWithTag(p, tag_); }
};
template <ULONG Tag, ULONG Type> struct StaticPolicy {
  static void *Get(SIZE_T size) { return ExAllocatePoolWithTag(Type, size, Tag); }
  static void Put(void *p) { ExFreePoolWithTag(p, Tag); }
};
struct LookasidePolicy {
  LOOKASIDE List; bool Ready = false;
  NOINLINE bool Open(SIZE_T size, PoolTag tag) {
    Ready = ExInitializeLookasideListEx(&List, nullptr, nullptr, NonPagedPoolNx, 0, size, tag.Value, 0) >= 0;
    return Ready;
  }
  void *Get(SIZE_T) { return ExpInterlockedPopEntrySList(&List); }
  void Put(void *p) { ExpInterlockedPushEntrySList(&List, p); }
  void Close() { if (Ready) ExDeleteLookasideListEx(&List); }
};

/* ---- strings and buffers ---------------------------------------------------------------------------------------------------------------- */

class Buffer {
protected:
  UCHAR *data_ = nullptr; ULONG size_ = 0, capacity_ = 0; PoolTag tag_;
public:
  explicit Buffer(PoolTag tag) : tag_(tag) {}
  Buffer(const Buffer &) = delete;
  ~Buffer() { if (data_) ExFreePoolWithTag(data_, tag_.Value); }
  NOINLINE bool Reserve(ULONG capacity) {
    if (capacity <= capacity_) return true;
    auto *data = (UCHAR *)ExAllocatePoolWithTag(PagedPool, capacity, tag_.Value);
    if (!data) return false;
    if (data_) {
      memcpy(data, data_, size_);
      ExFreePoolWithTag(data_, tag_.Value);
    }
    data_ = data;
    capacity_ = capacity;
    return true;
  }
  NOINLINE bool Append(const void *from, ULONG size) {
    if (!Reserve(size_ + size > capacity_ ? (size_ + size) * 2 : capacity_)) return false;
    memcpy(data_ + size_, from, size);
    size_ += size;
    return true;
  }
  const UCHAR *Data() const { return data_; }
  ULONG Size() const { return size_; }
  void Clear() { size_ = 0; }
};
class Text {
  WCHAR *chars_ = nullptr; ULONG length_ = 0;
public:
  ~Text() { delete[] chars_; }
  NOINLINE bool Assign(const WCHAR *from, ULONG length) {
    WCHAR *copy = new (Pool::Paged, "SpTx"_tag) WCHAR[length + 1]; //= SpTx any operator-new
    if (!copy) return false;
    memcpy(copy, from, length * sizeof(WCHAR));
    copy[length] = 0;
    delete[] chars_;
    chars_ = copy;
    length_ = length;
    return true;
  }
  bool StartsWith(WCHAR c) const { return length_ && chars_[0] == c; }
};

/* ---- lists, trees, maps ------------------------------------------------------------------------------------------------------------------- */

template <typename T, LIST_ENTRY T::*Link> class List {
  LIST_ENTRY head_;
  static T *Owner(LIST_ENTRY *entry) { return (T *)((UCHAR *)entry - (ULONG_PTR)&(((T *)nullptr)->*Link)); }
public:
  void Open() { head_.Flink = head_.Blink = &head_; }
  bool Empty() const { return head_.Flink == &head_; }
  void Add(T *item) {
    LIST_ENTRY *entry = &(item->*Link);
    entry->Flink = &head_; entry->Blink = head_.Blink; head_.Blink->Flink = entry; head_.Blink = entry;
  }
  T *Take() {
    if (Empty()) return nullptr;
    LIST_ENTRY *entry = head_.Flink;
    head_.Flink = entry->Flink; entry->Flink->Blink = &head_;
    return Owner(entry);
  }
  template <typename F> T *Find(F test) {
    for (LIST_ENTRY *entry = head_.Flink; entry != &head_; entry = entry->Flink) if (test(Owner(entry))) return Owner(entry);
    return nullptr;
  }
};

template <typename K> struct TreeTraits;
template <typename K, typename V> class Tree {
  struct Node { Node *Child[2]; Node *Parent; bool Red; K Key; V Value; };
  Node *root_ = nullptr; ULONG count_ = 0;
  void Rotate(Node *node, int side) {
    Node *child = node->Child[1 - side];
    node->Child[1 - side] = child->Child[side];
    if (child->Child[side]) child->Child[side]->Parent = node;
    child->Parent = node->Parent;
    if (!node->Parent) root_ = child;
    else node->Parent->Child[node->Parent->Child[1] == node] = child;
    child->Child[side] = node;
    node->Parent = child;
  }
public:
  NOINLINE NTSTATUS Insert(const K &key, const V &value) {
    Node **link = &root_, *parent = nullptr;
    while (*link) {
      parent = *link;
      link = &parent->Child[parent->Key < key];
    }
    Node *node = (Node *)ExAllocatePoolWithTag(PagedPool, sizeof(Node), TreeTraits<K>::Tag);
    if (!node) return STATUS_INSUFFICIENT_RESOURCES;
    node->Child[0] = node->Child[1] = nullptr;
    node->Parent = parent;
    node->Red = true;
    node->Key = key;
    node->Value = value;
    *link = node;
    count_++;
    while (node->Parent && node->Parent->Red && node->Parent->Parent) {
      Node *grand = node->Parent->Parent;
      int side = grand->Child[0] == node->Parent ? 0 : 1;
      Node *uncle = grand->Child[1 - side];
      if (uncle && uncle->Red) {
        node->Parent->Red = uncle->Red = false;
        grand->Red = true;
        node = grand;
        continue;
      }
      if (node->Parent->Child[1 - side] == node) { node = node->Parent; Rotate(node, side); }
      node->Parent->Red = false;
      grand->Red = true;
      Rotate(grand, 1 - side);
    }
    root_->Red = false;
    return STATUS_SUCCESS;
  }
  V *Find(const K &key) {
    for (Node *node = root_; node; node = node->Child[node->Key < key]) if (!(node->Key < key) && !(key < node->Key)) return &node->Value;
    return nullptr;
  }
  NOINLINE void Clear() {
    Node *node = root_;
    while (node) {
      if (node->Child[0]) node = node->Child[0];
      else if (node->Child[1]) node = node->Child[1];
      else {
        Node *parent = node->Parent;
        if (parent) parent->Child[parent->Child[1] == node] = nullptr;
        ExFreePoolWithTag(node, TreeTraits<K>::Tag);
        node = parent;
      }
    }
    root_ = nullptr;
    count_ = 0;
  }
  ULONG Count() const { return count_; }
};
struct ExtentKey { ULONG Space; UINT64 Offset; bool operator<(const ExtentKey &o) const { return Space != o.Space ? Space < o.Space : Offset < o.Offset; } };
struct DirtyKey { UINT64 Sector; bool operator<(const DirtyKey &o) const { return Sector < o.Sector; } };
template <> struct TreeTraits<ExtentKey> { static constexpr ULONG Tag = "SpTe"_tag.Value; }; //= SpTe any template-tag
template <> struct TreeTraits<DirtyKey> { static constexpr ULONG Tag = "SpTd"_tag.Value; }; //= SpTd any template-tag

template <typename V, typename A> class Map {
  struct Entry { Entry *Next; UINT64 Key; V Value; };
  Entry **buckets_ = nullptr; ULONG size_ = 0, count_ = 0; A *allocator_;
  ULONG Slot(UINT64 key) const { return (ULONG)((key ^ key >> 17) * 0x9E3779B1u) & (size_ - 1); }
  NOINLINE bool Rehash(ULONG size) {
    auto **buckets = (Entry **)allocator_->Get(size * sizeof(Entry *));
    if (!buckets) return false;
    memset(buckets, 0, size * sizeof(Entry *));
    ULONG old = size_;
    size_ = size;
    for (ULONG i = 0; i < old; i++)
      while (Entry *entry = buckets_[i]) {
        buckets_[i] = entry->Next;
        entry->Next = buckets[Slot(entry->Key)];
        buckets[Slot(entry->Key)] = entry;
      }
    if (buckets_) allocator_->Put(buckets_);
    buckets_ = buckets;
    return true;
  }
public:
  void Open(A *allocator) { allocator_ = allocator; }
  NOINLINE bool Put(UINT64 key, const V &value) {
    if (count_ >= size_ && !Rehash(size_ ? size_ * 2 : 32)) return false;
    auto *entry = (Entry *)allocator_->Get(sizeof(Entry));
    if (!entry) return false;
    entry->Key = key;
    entry->Value = value;
    entry->Next = buckets_[Slot(key)];
    buckets_[Slot(key)] = entry;
    count_++;
    return true;
  }
  V *Find(UINT64 key) {
    if (!size_) return nullptr;
    for (Entry *entry = buckets_[Slot(key)]; entry; entry = entry->Next) if (entry->Key == key) return &entry->Value;
    return nullptr;
  }
  NOINLINE void Close() {
    for (ULONG i = 0; i < size_; i++)
      while (Entry *entry = buckets_[i]) { buckets_[i] = entry->Next; allocator_->Put(entry); }
    if (buckets_) allocator_->Put(buckets_);
    buckets_ = nullptr;
    size_ = count_ = 0;
  }
};

template <typename T, typename Policy> class Vector {
  T *items_ = nullptr; ULONG count_ = 0, capacity_ = 0;
public:
  ~Vector() { if (items_) Policy::Put(items_); }
  NOINLINE bool Push(const T &item) {
    if (count_ == capacity_) {
      ULONG capacity = capacity_ ? capacity_ * 2 : 8;
      auto *items = (T *)Policy::Get(capacity * sizeof(T));
      if (!items) return false;
      if (items_) { memcpy(items, items_, count_ * sizeof(T)); Policy::Put(items_); }
      items_ = items;
      capacity_ = capacity;
    }
    items_[count_++] = item;
    return true;
  }
  ULONG Count() const { return count_; }
  T &operator[](ULONG i) { return items_[i]; }
  T *begin() { return items_; }
  T *end() { return items_ + count_; }
};

static TaggedAllocator g_SlabAllocator(Pool::Paged, "SpSm"_tag); //= SpSm any object-field
static TaggedAllocator g_OwnerAllocator(Pool::NonPaged, "SpOm"_tag); //= SpOm any object-field

/* ---- disks and slabs -------------------------------------------------------------------------------------------------------------------------- */

struct SlabInfo { ULONG Disk, Index; UINT64 Owner; };
struct DiskHeader { ULONG Signature, Version; GUID Pool; UINT64 Sequence; ULONG Checksum; };
static constexpr GUID kPoolGuid = {0x43637053, 0x7053, 0x5264, {0x53, 0x70, 0x47, 0x75, 0xAA, 1, 2, 3}}; //~ SpcC guid //~ SpdR guid //~ SpGu guid

class Disk : public Object {
protected:
  ULONG index_; ULONG slabs_; ULONG *bitmap_ = nullptr; LIST_ENTRY link_; DEVICE_OBJECT *device_;
public:
  LIST_ENTRY Link;
  static constexpr PoolTag kBitmap = "SpBm"_tag; //= SpBm any operator-new
  Disk(DEVICE_OBJECT *device, ULONG index, ULONG slabs) : Object('ksiD'), index_(index), slabs_(slabs), device_(device) {} //~ Disk magic
  ~Disk() override { delete[] bitmap_; }
  static void *operator new(size_type size) noexcept { return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, "SpDk"_tag.Value); } //= SpDk allocation-call operator-new
  static void operator delete(void *p, size_type) { ExFreePoolWithTag(p, "SpDk"_tag.Value); }
  NOINLINE NTSTATUS Start() override {
    bitmap_ = new (Pool::NonPaged, kBitmap) ULONG[(slabs_ + 31) / 32];
    if (!bitmap_) return STATUS_INSUFFICIENT_RESOURCES;
    memset(bitmap_, 0, (slabs_ + 31) / 32 * sizeof(ULONG));
    return STATUS_SUCCESS;
  }
  virtual ULONG Media() const { return 'DDH_'; } //~ _HDD magic
  virtual void *Stage(ULONG length) = 0;
  virtual void Unstage(void *p) = 0;
  NOINLINE LONG Allocate() {
    if (FaultFires('balS')) return -1;
    for (ULONG i = 0; i < slabs_; i++) {
      if (bitmap_[i / 32] & 1u << i % 32) continue;
      bitmap_[i / 32] |= 1u << i % 32;
      return (LONG)i;
    }
    return -1;
  }
  void Free(ULONG slab) { bitmap_[slab / 32] &= ~(1u << slab % 32); }
  ULONG Index() const { return index_; }
};
class RotatingDisk final : public Disk {
public:
  using Disk::Disk;
  NOINLINE void *Stage(ULONG length) override { return ExAllocatePoolWithTag(NonPagedPoolNx, length, "SpSr"_tag.Value); } //= SpSr any virtual-call
  void Unstage(void *p) override { ExFreePoolWithTag(p, "SpSr"_tag.Value); }
};
class SolidDisk final : public Disk {
  void *spare_ = nullptr;
public:
  using Disk::Disk;
  ~SolidDisk() override { if (spare_) ExFreePoolWithTag(spare_, "SpSs"_tag.Value); }
  ULONG Media() const override { return 'DSS_'; } //~ _SSD magic
  NOINLINE void *Stage(ULONG length) override {
    if (spare_) { void *p = spare_; spare_ = nullptr; return p; }
    return ExAllocatePoolWithTag(NonPagedPoolNx, (length + 4095) & ~4095u, "SpSs"_tag.Value); //= SpSs any virtual-call
  }
  void Unstage(void *p) override { if (!spare_) spare_ = p; else ExFreePoolWithTag(p, "SpSs"_tag.Value); }
};

/* ---- journal --------------------------------------------------------------------------------------------------------------------------------------- */

struct JournalRecord { ULONG Signature, Length, Kind; UINT64 Sequence; };
class RecordSink {
public:
  virtual NTSTATUS Write(const JournalRecord *record) = 0;
  virtual NTSTATUS Flush() = 0;
};
class MemoryJournal final : public RecordSink {
  struct Page { Page *Next; ULONG Used; UCHAR Data[4096 - sizeof(void *) - 4]; };
  Page *first_ = nullptr, *last_ = nullptr;
  const ULONG tag_;
public:
  constexpr explicit MemoryJournal(PoolTag tag) : tag_(tag.Value) {}
  NOINLINE NTSTATUS Write(const JournalRecord *record) override {
    if (!last_ || last_->Used + record->Length > sizeof(last_->Data)) {
      auto *page = (Page *)ExAllocatePoolWithTag(PagedPool, sizeof(Page), tag_);
      if (!page) return STATUS_INSUFFICIENT_RESOURCES;
      page->Next = nullptr;
      page->Used = 0;
      if (last_) last_->Next = page; else first_ = page;
      last_ = page;
    }
    memcpy(last_->Data + last_->Used, record, record->Length);
    last_->Used += record->Length;
    return STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS Flush() override {
    while (Page *page = first_) {
      first_ = page->Next;
      ExFreePoolWithTag(page, tag_);
    }
    last_ = nullptr;
    return STATUS_SUCCESS;
  }
};
class DiskJournal final : public RecordSink {
  Buffer pending_{"SpJp"_tag}; //= SpJp any object-field-deep
  HANDLE file_; UINT64 offset_ = 0;
public:
  explicit DiskJournal(HANDLE file) : file_(file) {}
  NOINLINE NTSTATUS Write(const JournalRecord *record) override {
    if (FaultFires('nrJS')) return STATUS_DEVICE_DATA_ERROR;
    return pending_.Append(record, record->Length) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE NTSTATUS Flush() override {
    LARGE_INTEGER offset;
    ULONG_PTR status[2];
    ULONG size = (pending_.Size() + 511) & ~511u;
    void *aligned = ExAllocatePoolWithTag(NonPagedPoolNx, size, "SpJa"_tag.Value); //= SpJa any virtual-call
    if (!aligned) return STATUS_INSUFFICIENT_RESOURCES;
    memset(aligned, 0, size);
    memcpy(aligned, pending_.Data(), pending_.Size());
    offset.QuadPart = (LONGLONG)offset_;
    NTSTATUS result = ZwWriteFile(file_, nullptr, nullptr, nullptr, status, aligned, size, &offset, nullptr);
    ExFreePoolWithTag(aligned, "SpJa"_tag.Value);
    offset_ += size;
    pending_.Clear();
    return result;
  }
};
static MemoryJournal g_MemoryJournal("SpJm"_tag); //= SpJm any object-field

class LogWriter {
  RecordSink *const *sinks_; ULONG count_; UINT64 sequence_ = 0;
public:
  LogWriter(RecordSink *const *sinks, ULONG count) : sinks_(sinks), count_(count) {}
  template <typename T> NTSTATUS Record(ULONG kind, const T &body) { return Raw(kind, &body, sizeof(T)); }
  NOINLINE NTSTATUS Raw(ULONG kind, const void *body, ULONG size) {
    auto *record = (JournalRecord *)::operator new(sizeof(JournalRecord) + size, Pool::Paged, "SpLr"_tag); //= SpLr any operator-new
    if (!record) return STATUS_INSUFFICIENT_RESOURCES;
    record->Signature = 'ceRJ'; //~ JRec magic
    record->Kind = kind;
    record->Length = sizeof(JournalRecord) + size;
    record->Sequence = ++sequence_;
    memcpy(record + 1, body, size);
    NTSTATUS status = STATUS_SUCCESS;
    for (ULONG i = 0; i < count_ && status >= 0; i++) status = sinks_[i]->Write(record);
    ::operator delete(record, Pool::Paged, "SpLr"_tag);
    return status;
  }
  NTSTATUS Commit() {
    for (ULONG i = count_; i--;) {
      NTSTATUS status = sinks_[i]->Flush();
      if (status < 0) return status;
    }
    return STATUS_SUCCESS;
  }
};

/* ---- metadata -------------------------------------------------------------------------------------------------------------------------------------------- */

struct MetadataType { ULONG Kind; USHORT Size; bool Paged; ULONG Tag; };
static const MetadataType kMetadata[] = {
  {'kDdM', 64, true, "SpMd"_tag.Value}, //= SpMd any tag-table //~ MdDk magic
  {'pSdM', 128, true, "SpMs"_tag.Value}, //= SpMs any tag-table //~ MdSp magic
  {'xEdM', 40, false, "SpMe"_tag.Value}, //= SpMe any tag-table //~ MdEx magic
};
struct Metadata { const MetadataType *Type; LIST_ENTRY Link; ULONG Checksum; UCHAR Body[1]; };
NOINLINE static const MetadataType *FindMetadata(ULONG kind) {
  for (const auto &type : kMetadata) if (type.Kind == kind) return &type;
  return nullptr;
}
NOINLINE static Metadata *CreateMetadata(ULONG kind, const void *body) {
  const MetadataType *type = FindMetadata(kind);
  if (!type) return nullptr;
  auto *record = (Metadata *)ExAllocatePoolWithTag(type->Paged ? PagedPool : NonPagedPoolNx, sizeof(Metadata) + type->Size, type->Tag);
  if (!record) return nullptr;
  record->Type = type;
  record->Checksum = 0;
  memcpy(record->Body, body, type->Size);
  for (ULONG i = 0; i < type->Size; i++) record->Checksum = record->Checksum * 33 + record->Body[i];
  return record;
}
static void DeleteMetadata(Metadata *record) { ExFreePoolWithTag(record, record->Type->Tag); }
static List<Metadata, &Metadata::Link> g_Metadata;

/* ---- jobs ------------------------------------------------------------------------------------------------------------------------------------------------- */

template <typename T> class JobBase;
class Job : public Object {
public:
  LIST_ENTRY Link;
  ULONG Priority;
  Job(ULONG signature, ULONG priority) : Object(signature), Priority(priority) {}
  virtual NTSTATUS Step() = 0;
};
template <typename T> class JobBase : public Job { // its class says under which tag it lies
public:
  using Job::Job;
  static void *operator new(size_type size) noexcept { return ::operator new(size, Pool::NonPaged, PoolTag{T::kTag}); }
  static void operator delete(void *p, size_type) { ExFreePoolWithTag(p, T::kTag); }
};
class Spaces;
class RebuildJob final : public JobBase<RebuildJob> {
  Ref<Disk> disk_; ULONG slab_ = 0;
public:
  static constexpr ULONG kTag = 'bRpS'; //= SpRb any operator-new
  explicit RebuildJob(const Ref<Disk> &disk) : JobBase('dlbR', 1), disk_(disk) {} //~ Rbld magic
  NOINLINE NTSTATUS Step() override {
    void *stage = disk_->Stage(65536);
    if (!stage) return STATUS_INSUFFICIENT_RESOURCES;
    memset(stage, (int)slab_, 65536);
    disk_->Unstage(stage);
    return ++slab_ < 64 ? 0x103 : STATUS_SUCCESS;
  }
};
class ScrubJob final : public JobBase<ScrubJob> {
  ULONG *sums_ = nullptr; ULONG at_ = 0;
public:
  static constexpr ULONG kTag = 'cSpS'; //= SpSc any operator-new
  ScrubJob() : JobBase('burS', 3) {} //~ Srub magic
  ~ScrubJob() override { if (sums_) ExFreePoolWithTag(sums_, 'uSpS'); }
  NOINLINE NTSTATUS Step() override {
    if (!sums_) sums_ = (ULONG *)ExAllocatePoolWithTag(PagedPool, 1024, 'uSpS'); //= SpSu any virtual-call
    if (!sums_) return STATUS_INSUFFICIENT_RESOURCES;
    sums_[at_++ & 255] = at_ * 31;
    return at_ < 256 ? 0x103 : STATUS_SUCCESS;
  }
};
template <typename F> class LambdaJob final : public JobBase<LambdaJob<F>> {
  F body_;
public:
  static constexpr ULONG kTag = 'aLpS'; //= SpLa any operator-new
  explicit LambdaJob(const F &body) : JobBase<LambdaJob<F>>('dbmL', 2), body_(body) {} //~ Lmbd magic
  NTSTATUS Step() override { return body_(); }
};
class Scheduler {
  List<Job, &Job::Link> queues_[4]; ULONG_PTR lock_; HANDLE thread_ = nullptr; bool stop_ = false;
public:
  void Open() {
    for (auto &queue : queues_) queue.Open();
    KeInitializeSpinLock(&lock_);
  }
  NOINLINE void Enqueue(Job *job) {
    UCHAR irql = KeAcquireSpinLockRaiseToDpc(&lock_);
    queues_[job->Priority & 3].Add(job);
    KeReleaseSpinLock(&lock_, irql);
  }
  template <typename F> bool Run(const F &body) {
    auto *job = new LambdaJob<F>(body);
    if (!job) return false;
    Enqueue(job);
    return true;
  }
  NOINLINE void Drain() {
    for (auto &queue : queues_)
      while (Job *job = queue.Take()) {
        if (job->Step() == 0x103 && !stop_) Enqueue(job);
        else job->Release();
      }
  }
  static void CALL Thread(void *context) {
    auto *self = (Scheduler *)context;
    auto *statistics = (ULONG *)ExAllocatePoolWithTag(NonPagedPoolNx, 256, 'tSpS'); //= SpSt any callback
    while (!self->stop_) {
      self->Drain();
      if (statistics) statistics[0]++;
    }
    if (statistics) ExFreePoolWithTag(statistics, 'tSpS');
    PsTerminateSystemThread(STATUS_SUCCESS);
  }
  NTSTATUS Start() { return PsCreateSystemThread(&thread_, 0, nullptr, nullptr, nullptr, (PVOID)Thread, this); }
  void Stop() { stop_ = true; }
};

/* ---- spaces ------------------------------------------------------------------------------------------------------------------------------------------------- */

struct Extent { ULONG Disk; ULONG Slab; UINT64 Offset; };
struct Column { Vector<Extent, StaticPolicy<'cEpS', PagedPool>> Extents; }; //= SpEc any template-tag
class Layout {
public:
  virtual ~Layout() {}
  virtual ULONG Columns() const = 0;
  virtual NTSTATUS Map(UINT64 offset, ULONG *column, UINT64 *inside) = 0;
  virtual void *Parity(ULONG size) { return nullptr; }
};
class SimpleLayout final : public Layout {
public:
  ULONG Columns() const override { return 1; }
  NTSTATUS Map(UINT64 offset, ULONG *column, UINT64 *inside) override { *column = 0; *inside = offset; return STATUS_SUCCESS; }
};
class StripeLayout final : public Layout {
  ULONG columns_;
public:
  explicit StripeLayout(ULONG columns) : columns_(columns) {}
  ULONG Columns() const override { return columns_; }
  NTSTATUS Map(UINT64 offset, ULONG *column, UINT64 *inside) override {
    ULONG stripe = (ULONG)(offset >> 18);
    *column = stripe % columns_;
    *inside = ((UINT64)(stripe / columns_) << 18) | (offset & 0x3FFFF);
    return STATUS_SUCCESS;
  }
  NOINLINE void *Parity(ULONG size) override { return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'yPpS'); } //= SpPy any virtual-call
};

class Space : public Object {
  ULONG id_; Layout *layout_; Column *columns_ = nullptr; Text name_; Tree<DirtyKey, ULONG> dirty_;
  LookasidePolicy requests_; void *parity_ = nullptr;
public:
  LIST_ENTRY Link;
  Space(ULONG id, Layout *layout) : Object('capS'), id_(id), layout_(layout) {} //~ Spac magic
  ~Space() override {
    if (columns_) {
      for (ULONG i = 0; i < layout_->Columns(); i++) columns_[i].~Column();
      ExFreePoolWithTag(columns_, 'aCpS');
    }
    if (parity_) ExFreePoolWithTag(parity_, 'yPpS');
    dirty_.Clear();
    requests_.Close();
    delete layout_;
  }
  static void operator delete(void *p) { ExFreePoolWithTag(p, "SpSp"_tag.Value); }
  NOINLINE NTSTATUS Start() override {
    ULONG count = layout_->Columns();
    columns_ = (Column *)ExAllocatePoolWithTag(PagedPool, count * sizeof(Column), 'aCpS'); //= SpCa any virtual-call
    if (!columns_) return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG i = 0; i < count; i++) new (&columns_[i]) Column;
    parity_ = layout_->Parity(count * 4096);
    return requests_.Open(256, "SpRq"_tag) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; //= SpRq any lookaside
  }
  bool Name(const WCHAR *name, ULONG length) { return name_.Assign(name, length); }
  NOINLINE NTSTATUS Extend(ULONG column, const Extent &extent) {
    if (column >= layout_->Columns()) return STATUS_INVALID_PARAMETER;
    return columns_[column].Extents.Push(extent) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE NTSTATUS Write(UINT64 offset, ULONG length) {
    ULONG column;
    UINT64 inside;
    NTSTATUS status = layout_->Map(offset, &column, &inside);
    if (status < 0) return status;
    struct Request { UINT64 Offset; ULONG Length; } *request = (Request *)requests_.Get(sizeof(Request));
    if (!request) return STATUS_INSUFFICIENT_RESOURCES;
    request->Offset = inside;
    request->Length = length;
    status = dirty_.Insert(DirtyKey{inside >> 9}, length);
    requests_.Put(request);
    return status;
  }
  ULONG Id() const { return id_; }
};

class StoragePool {
  List<Disk, &Disk::Link> disks_; List<Space, &Space::Link> spaces_;
  Map<SlabInfo, TaggedAllocator> slabs_; Map<ULONG, TaggedAllocator> owners_; Tree<ExtentKey, Extent> extents_;
  LogWriter *log_ = nullptr; RecordSink *sinks_[2]; Scheduler scheduler_; ULONG next_ = 1; REMOVE_LOCK remove_;
public:
  NOINLINE NTSTATUS Open(HANDLE file) {
    IoInitializeRemoveLockEx(&remove_, 'kLpS', 0, 0, sizeof(REMOVE_LOCK)); //~ SpLk remove-lock
    disks_.Open();
    spaces_.Open();
    slabs_.Open(&g_SlabAllocator);
    owners_.Open(&g_OwnerAllocator);
    scheduler_.Open();
    sinks_[0] = &g_MemoryJournal;
    sinks_[1] = new DiskJournal(file);
    log_ = new (Pool::NonPaged, "SpLw"_tag) LogWriter(sinks_, 2); //= SpLw any operator-new
    if (!sinks_[1] || !log_) return STATUS_INSUFFICIENT_RESOURCES;
    return scheduler_.Start();
  }
  NOINLINE NTSTATUS AddDisk(DEVICE_OBJECT *device, const DiskHeader *header, bool solid) {
    if (header->Signature != 'CAPS' || memcmp(&header->Pool, &kPoolGuid, sizeof(GUID))) return STATUS_CORRUPT; //~ SPAC magic
    Disk *disk = solid ? (Disk *)new SolidDisk(device, next_++, 4096) : (Disk *)new RotatingDisk(device, next_++, 16384);
    if (!disk) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = disk->Start();
    if (status < 0) {
      disk->Release();
      return status;
    }
    disks_.Add(disk);
    ULONG body[16] = {disk->Index(), disk->Media()};
    Metadata *record = CreateMetadata('kDdM', body);
    if (record) g_Metadata.Add(record);
    return log_->Record(disk->Media(), body);
  }
  NOINLINE NTSTATUS AddSpace(const WCHAR *name, ULONG length, ULONG columns) {
    Layout *layout = columns > 1 ? (Layout *)new (Pool::NonPaged, "SpLs"_tag) StripeLayout(columns) : (Layout *)new (Pool::NonPaged, "SpLo"_tag) SimpleLayout; //= SpLs any operator-new //= SpLo any operator-new
    if (!layout) return STATUS_INSUFFICIENT_RESOURCES;
    auto *space = ::new (Pool::NonPaged, "SpSp"_tag) Space(next_++, layout); //= SpSp any operator-new
    if (!space) { delete layout; return STATUS_INSUFFICIENT_RESOURCES; }
    NTSTATUS status = space->Start();
    if (status >= 0 && !space->Name(name, length)) status = STATUS_INSUFFICIENT_RESOURCES;
    if (status < 0) { space->Release(); return status; }
    spaces_.Add(space);
    return Grow(space, columns);
  }
  NOINLINE NTSTATUS Grow(Space *space, ULONG columns) {
    for (ULONG column = 0; column < columns; column++) {
      LONG slab = -1;
      Disk *disk = disks_.Find([&](Disk *each) { return (slab = each->Allocate()) >= 0; });
      if (!disk) return STATUS_DISK_FULL;
      Extent extent = {disk->Index(), (ULONG)slab, 0};
      NTSTATUS status = space->Extend(column, extent);
      if (status >= 0) status = extents_.Insert(ExtentKey{space->Id(), (UINT64)column << 28}, extent);
      if (status >= 0 && !slabs_.Put((UINT64)extent.Disk << 32 | extent.Slab, SlabInfo{extent.Disk, extent.Slab, space->Id()})) status = STATUS_INSUFFICIENT_RESOURCES;
      if (status >= 0 && !owners_.Put(space->Id(), extent.Slab)) status = STATUS_INSUFFICIENT_RESOURCES;
      if (status >= 0) status = log_->Record('tnxE', extent); //~ Exnt not-an-allocator
      if (status < 0) { disk->Free((ULONG)slab); return status; }
    }
    return log_->Commit();
  }
  NOINLINE NTSTATUS Write(ULONG id, UINT64 offset, ULONG length) {
    Space *space = spaces_.Find([=](Space *each) { return each->Id() == id; });
    return space && space->Is('capS') ? space->Write(offset, length) : STATUS_NOT_FOUND;
  }
  NOINLINE NTSTATUS Repair(ULONG index) {
    Disk *disk = disks_.Find([=](Disk *each) { return each->Index() == index; });
    if (!disk) return STATUS_NOT_FOUND;
    disk->Reference();
    Job *job = new RebuildJob(Ref<Disk>(disk));
    if (!job) return STATUS_INSUFFICIENT_RESOURCES;
    scheduler_.Enqueue(job);
    job = new ScrubJob;
    if (job) scheduler_.Enqueue(job);
    return scheduler_.Run([this]() { return log_->Commit(); }) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE void Close() {
    scheduler_.Stop();
    while (Space *space = spaces_.Take()) space->Release();
    while (Disk *disk = disks_.Take()) disk->Release();
    while (Metadata *record = g_Metadata.Take()) DeleteMetadata(record);
    extents_.Clear();
    slabs_.Close();
    owners_.Close();
    log_->Commit();
  }
};
static StoragePool *g_Pool;

static NTSTATUS CALL PoolControl(DEVICE_OBJECT *device, IRP *irp) {
  auto *input = (ULONG *)irp->SystemBuffer;
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  switch (input[0]) {
    case 0x70000: status = g_Pool->AddDisk(device, (DiskHeader *)(input + 2), input[1] != 0); break;
    case 0x70004: status = g_Pool->AddSpace((WCHAR *)(input + 3), input[1], input[2]); break;
    case 0x70008: status = g_Pool->Write(input[1], (UINT64)input[2] << 9, input[3]); break;
    case 0x7000C: status = g_Pool->Repair(input[1]); break;
    case 'tluF': g_Faults[input[1] % 3].Countdown = (LONG)input[2]; status = STATUS_SUCCESS; break; //~ Fult magic
    case 'pSdM': case 'xEdM': {
      Metadata *record = CreateMetadata(input[0], input + 1);
      if (record) g_Metadata.Add(record);
      status = record ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    }
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static void CALL PoolUnload(DRIVER_OBJECT *driver) {
  g_Pool->Close();
  ExFreePoolWithTag(g_Pool, 'lPpS');
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  HANDLE key = nullptr;
  g_Metadata.Open();
  g_Pool = new (Pool::NonPaged, PoolTag{'lPpS'}) StoragePool; //= SpPl any operator-new
  if (!g_Pool) return STATUS_INSUFFICIENT_RESOURCES;
  if (ZwOpenKey(&key, 0x20019, path) < 0) KeBugCheckEx(0x7B, 'OOPS', 0, 0, 0); //~ SPOO bug-check
  driver->Major[14] = PoolControl;
  driver->Unload = PoolUnload;
  return g_Pool->Open(key);
}
