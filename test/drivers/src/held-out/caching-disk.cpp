// A disk filter that caches on a fast disk and compresses what it keeps: C++ with a small runtime of its own. Operators new with pool
// and tag, allocators and containers as templates, tags as template arguments and as constructor arguments, counted references, locks
// that release themselves, a hierarchy of classes with virtual allocation, static objects with constructors, and a table of classes.
#include "kernel.h"

/* --- the runtime: memory --------------------------------------------------------------------------------------------------------- */
enum class Pool : ULONG { NonPaged = 512, Paged = 1 };

namespace rt {
struct Statistics { volatile LONG allocations, frees; SIZE_T bytes; };
static Statistics statistics;

struct BlockHeader { SIZE_T size; ULONG signature, tag; };
static constexpr ULONG kBlockSignature = 'kclB'; //~ Blck magic

NOINLINE void *Allocate(Pool pool, SIZE_T size, ULONG tag) noexcept {
  BlockHeader *header = static_cast<BlockHeader *>(ExAllocatePoolWithTag(static_cast<ULONG>(pool), size + sizeof(BlockHeader), tag));
  if (header == nullptr) return nullptr;
  __sync_add_and_fetch(&statistics.allocations, 1);
  statistics.bytes += size;
  header->size = size;
  header->signature = kBlockSignature;
  header->tag = tag;
  memset(header + 1, 0, size);
  return header + 1;
}
NOINLINE void Free(void *p) noexcept {
  if (p == nullptr) return;
  BlockHeader *header = static_cast<BlockHeader *>(p) - 1;
  if (header->signature != kBlockSignature) KeBugCheckEx(0xC2, reinterpret_cast<ULONG_PTR>(p), 'eerF', header->tag, 0); //~ Free bug-check
  __sync_add_and_fetch(&statistics.frees, 1);
  statistics.bytes -= header->size;
  header->signature = 'derF'; //~ Fred magic
  ExFreePoolWithTag(header, header->tag);
}
} // namespace rt

static constexpr ULONG kTagDefault = 'fDdC';
void *operator new(SIZE_T size) { return rt::Allocate(Pool::NonPaged, size, kTagDefault); } //= CdDf any operator-new
void *operator new(SIZE_T size, Pool pool, ULONG tag) noexcept { return rt::Allocate(pool, size, tag); }
void *operator new[](SIZE_T size, Pool pool, ULONG tag) noexcept { return rt::Allocate(pool, size, tag); }
inline void *operator new(SIZE_T, void *where) noexcept { return where; }
void operator delete(void *p) noexcept { rt::Free(p); }
void operator delete(void *p, SIZE_T) noexcept { rt::Free(p); }
void operator delete[](void *p) noexcept { rt::Free(p); }
void operator delete(void *p, Pool, ULONG) noexcept { rt::Free(p); }
extern "C" int _purecall() {
  KeBugCheckEx('ruPC', 0, 0, 0, 0); //~ CPur bug-check
  return 0;
}

/* --- the runtime: static constructors ------------------------------------------------------------------------------------------------ */
typedef void (*Initializer)();
extern "C" {
__attribute__((section(".CRT$XCA"), used)) Initializer __xc_a[] = {nullptr};
__attribute__((section(".CRT$XCZ"), used)) Initializer __xc_z[] = {nullptr};
static Initializer exit_functions[32];
static ULONG exit_count;
int atexit(void (*function)()) {
  if (exit_count == 32) return -1;
  exit_functions[exit_count++] = function;
  return 0;
}
}
static void RunConstructors() {
  Initializer *end = __xc_z;
  OPAQUE(end);
  for (Initializer *p = __xc_a + 1; p < end; p++) {
    if (*p) (*p)();
  }
}
static void RunDestructors() {
  while (exit_count) exit_functions[--exit_count]();
}

/* --- the runtime: locks ------------------------------------------------------------------------------------------------------------------ */
class SpinLock {
public:
  SpinLock() { KeInitializeSpinLock(&lock_); }
  void Acquire() { irql_ = KeAcquireSpinLockRaiseToDpc(&lock_); }
  void Release() { KeReleaseSpinLock(&lock_, irql_); }
private:
  ULONG_PTR lock_;
  UCHAR irql_ = 0;
};
class Resource { /* its storage must not move */
public:
  Resource() : storage_(ExAllocatePoolWithTag(512, 104, 'sRdC')) { if (storage_) ExInitializeResourceLite(storage_); } //= CdRs allocation-call direct
  ~Resource() {
    if (storage_ == nullptr) return;
    ExDeleteResourceLite(storage_);
    ExFreePoolWithTag(storage_, 'sRdC');
  }
  void Acquire() { KeEnterCriticalRegion(); ExAcquireResourceExclusiveLite(storage_, TRUE); }
  void Release() { ExReleaseResourceLite(storage_); KeLeaveCriticalRegion(); }
private:
  PVOID storage_;
};
template <typename Lock> class LockGuard {
public:
  explicit LockGuard(Lock &lock) : lock_(lock) { lock_.Acquire(); }
  ~LockGuard() { lock_.Release(); }
  LockGuard(const LockGuard &) = delete;
private:
  Lock &lock_;
};

/* --- the runtime: containers and pointers -------------------------------------------------------------------------------------------------- */
template <typename T, Pool P, ULONG Tag> struct PoolAllocator {
  static T *Allocate(SIZE_T count) { return static_cast<T *>(ExAllocatePoolWithTag(static_cast<ULONG>(P), count * sizeof(T), Tag)); }
  static void Free(T *p) { ExFreePoolWithTag(p, Tag); }
};
template <typename T, typename Allocator> class Vector {
public:
  Vector() = default;
  ~Vector() { if (items_) Allocator::Free(items_); }
  NOINLINE bool Reserve(SIZE_T room) {
    if (room <= room_) return true;
    T *items = Allocator::Allocate(room);
    if (!items) return false;
    if (items_) {
      memcpy(items, items_, count_ * sizeof(T));
      Allocator::Free(items_);
    }
    items_ = items;
    room_ = room;
    return true;
  }
  bool PushBack(const T &item) {
    if (count_ == room_ && !Reserve(room_ ? room_ * 2 : 16)) return false;
    items_[count_++] = item;
    return true;
  }
  T &operator[](SIZE_T i) { return items_[i]; }
  SIZE_T Size() const { return count_; }
private:
  T *items_ = nullptr;
  SIZE_T count_ = 0, room_ = 0;
};
template <typename T> class UniqueArray { /* the tag is given once, at construction */
public:
  explicit UniqueArray(ULONG tag, Pool pool = Pool::NonPaged) : data_(nullptr), size_(0), tag_(tag), pool_(pool) {}
  ~UniqueArray() { Reset(); }
  NOINLINE bool Resize(SIZE_T size) {
    Reset();
    data_ = static_cast<T *>(rt::Allocate(pool_, size * sizeof(T), tag_));
    size_ = data_ ? size : 0;
    return data_ != nullptr;
  }
  void Reset() {
    rt::Free(data_);
    data_ = nullptr;
  }
  T *Get() const { return data_; }
  SIZE_T Size() const { return size_; }
private:
  T *data_;
  SIZE_T size_;
  ULONG tag_;
  Pool pool_;
};
class String {
public:
  explicit String(ULONG tag) : tag_(tag) {}
  ~String() { if (text_.Buffer) ExFreePoolWithTag(text_.Buffer, tag_); }
  NOINLINE NTSTATUS Assign(const UNICODE_STRING &from) {
    PWSTR buffer = static_cast<PWSTR>(ExAllocatePoolWithTag(static_cast<ULONG>(Pool::Paged), from.Length + sizeof(WCHAR), tag_));
    if (!buffer) return STATUS_INSUFFICIENT_RESOURCES;
    if (text_.Buffer) ExFreePoolWithTag(text_.Buffer, tag_);
    text_.Buffer = buffer;
    text_.Length = 0;
    text_.MaximumLength = from.Length + sizeof(WCHAR);
    return RtlCopyUnicodeString(&text_, &from);
  }
private:
  UNICODE_STRING text_ = {};
  ULONG tag_;
};
template <typename T, ULONG Tag> class Lookaside {
public:
  Lookaside() { ExInitializeLookasideListEx(&list_, nullptr, nullptr, 512, 0, sizeof(T), Tag, 0); }
  ~Lookaside() { ExDeleteLookasideListEx(&list_); }
  T *Take() { return static_cast<T *>(ExpInterlockedPopEntrySList(&list_)); }
  void Give(T *p) { ExpInterlockedPushEntrySList(&list_, p); }
private:
  LOOKASIDE list_;
};
template <typename K, typename V> class HashMap {
public:
  HashMap(ULONG buckets, ULONG nodeTag) : buckets_('bHdC'), nodeTag_(nodeTag) { buckets_.Resize(buckets); } //= CdHb any object-field-deep
  NOINLINE V *Find(const K &key) {
    for (Node *node = buckets_.Get()[key % buckets_.Size()]; node; node = node->next) {
      if (node->key == key) return &node->value;
    }
    return nullptr;
  }
  NOINLINE V *Insert(const K &key) {
    Node *node = new (Pool::NonPaged, nodeTag_) Node;
    if (!node) return nullptr;
    Node *&head = buckets_.Get()[key % buckets_.Size()];
    node->key = key;
    node->next = head;
    head = node;
    return &node->value;
  }
private:
  struct Node { Node *next; K key; V value; };
  UniqueArray<Node *> buckets_;
  ULONG nodeTag_;
};

class RefObject {
public:
  void AddRef() { __sync_add_and_fetch(&references_, 1); }
  void Release() { if (__sync_sub_and_fetch(&references_, 1) == 0) delete this; }
  virtual ~RefObject() = default;
  virtual ULONG TypeId() const = 0;
private:
  volatile LONG references_ = 1;
};
template <typename T> class Ref {
public:
  Ref(T *p = nullptr) : p_(p) {}
  ~Ref() { if (p_) p_->Release(); }
  void Attach(T *p) { if (p_) p_->Release(); p_ = p; }
  T *operator->() const { return p_; }
  T *Get() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
private:
  T *p_;
};
template <ULONG Tag, Pool P = Pool::NonPaged> struct Tagged { /* mixed in: the class's own operator new */
  void *operator new(SIZE_T size) noexcept { return ExAllocatePool2(P == Pool::Paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, Tag); }
  void *operator new(SIZE_T, void *where) noexcept { return where; }
  void operator delete(void *p) noexcept { ExFreePoolWithTag(p, Tag); }
};

/* --- memory of the cache, behind an interface --------------------------------------------------------------------------------------------------- */
class MemorySource {
public:
  virtual ~MemorySource() = default;
  virtual void *AllocateBlock(SIZE_T size, ULONG tag) = 0;
  virtual void FreeBlock(void *p) = 0;
  virtual const char *Name() const { return "base"; }
};
class PoolSource final : public MemorySource {
public:
  void *AllocateBlock(SIZE_T size, ULONG tag) override { return rt::Allocate(Pool::NonPaged, size, tag); }
  void FreeBlock(void *p) override { rt::Free(p); }
  const char *Name() const override { return "POOL"; } //~ POOL text
};
class ContiguousSource final : public MemorySource {
public:
  void *AllocateBlock(SIZE_T size, ULONG tag) override {
    PVOID p = nullptr;
    PHYSICAL_ADDRESS low = {}, high = {};
    high.QuadPart = 0xFFFFFFFFFFLL;
    MmAllocateContiguousMemoryEx(&size, low, high, low, 0x80000000, 4, nullptr, tag, 0, &p);
    return p;
  }
  void FreeBlock(void *p) override { MmFreeContiguousMemory(p); }
  const char *Name() const override { return "DMA!"; } //~ DMA! text
};
static PoolSource pool_source;
static ContiguousSource contiguous_source;

/* --- compressors --------------------------------------------------------------------------------------------------------------------------------- */
enum class Method : ULONG { None = 'ENON', Lz4 = '4ZL_', Zstd = 'DTSZ', Deflate = 'lfeD' }; //~ NONE magic //~ _LZ4 magic //~ ZSTD magic //~ Defl magic
class Compressor : public RefObject {
public:
  explicit Compressor(Method method, ULONG workspaceTag) : method_(method), workspaceTag_(workspaceTag) {}
  ~Compressor() override { ReleaseWorkspace(); }
  virtual SIZE_T WorkspaceSize() const = 0;
  virtual SIZE_T Compress(const UCHAR *from, SIZE_T size, UCHAR *to, SIZE_T room) = 0;
  virtual bool Prepare() {
    workspace_ = rt::Allocate(Pool::NonPaged, WorkspaceSize(), workspaceTag_);
    return workspace_ != nullptr;
  }
  ULONG TypeId() const override { return static_cast<ULONG>(method_); }
protected:
  void ReleaseWorkspace() { rt::Free(workspace_); workspace_ = nullptr; }
  Method method_;
  ULONG workspaceTag_;
  PVOID workspace_ = nullptr;
};
class NullCompressor final : public Compressor, public Tagged<'nCdC'> { //= CdCn allocation-call template-tag
public:
  using Tagged<'nCdC'>::operator new;
  using Tagged<'nCdC'>::operator delete;
  NullCompressor() : Compressor(Method::None, 0) {}
  SIZE_T WorkspaceSize() const override { return 0; }
  bool Prepare() override { return true; }
  SIZE_T Compress(const UCHAR *from, SIZE_T size, UCHAR *to, SIZE_T room) override {
    if (room < size) return 0;
    memcpy(to, from, size);
    return size;
  }
};
class Lz4Compressor final : public Compressor {
public:
  Lz4Compressor() : Compressor(Method::Lz4, 'wLdC') {} //= CdLw any object-field
  SIZE_T WorkspaceSize() const override { return 16384; }
  SIZE_T Compress(const UCHAR *from, SIZE_T size, UCHAR *to, SIZE_T room) override {
    ULONG *table = static_cast<ULONG *>(workspace_);
    SIZE_T out = 0;
    for (SIZE_T i = 0; i + 4 < size && out + 1 < room; i++) {
      ULONG sequence = *reinterpret_cast<const ULONG *>(from + i);
      ULONG slot = sequence * 2654435761u >> 20;
      if (table[slot] != sequence) to[out++] = from[i];
      table[slot] = sequence;
    }
    return out;
  }
};
class ZstdCompressor final : public Compressor {
public:
  ZstdCompressor() : Compressor(Method::Zstd, 'wZdC') {} //= CdZw any object-field
  SIZE_T WorkspaceSize() const override { return 131072; }
  bool Prepare() override {
    dictionary_ = new (Pool::Paged, 'dZdC') UCHAR[32768]; //= CdZd any operator-new
    return dictionary_ && Compressor::Prepare();
  }
  ~ZstdCompressor() override { delete[] dictionary_; }
  SIZE_T Compress(const UCHAR *from, SIZE_T size, UCHAR *to, SIZE_T room) override {
    *reinterpret_cast<ULONG *>(to) = 'MdtS'; //~ StdM firmware-table
    memcpy(to + 4, dictionary_, room < 64 ? room : 64);
    return size / 2;
  }
private:
  UCHAR *dictionary_ = nullptr;
};

/* --- the table of classes -------------------------------------------------------------------------------------------------------------------------- */
struct ClassEntry {
  Method method;
  const char *name;
  ULONG size, tag;
  Compressor *(*construct)(void *where);
};
template <typename T> static Compressor *ConstructAt(void *where) { return new (where) T; }
static Compressor *ConstructNull(void *) { return new NullCompressor; }
static const ClassEntry class_table[] = {
  { Method::Lz4, "lz4", sizeof(Lz4Compressor), 'lCdC', ConstructAt<Lz4Compressor> }, //= CdCl any tag-table
  { Method::Zstd, "zstd", sizeof(ZstdCompressor), 'zCdC', ConstructAt<ZstdCompressor> }, //= CdCz any tag-table
};
NOINLINE static Compressor *CreateCompressor(Method method) {
  for (const ClassEntry &entry : class_table) {
    if (entry.method != method) continue;
    void *where = rt::Allocate(Pool::NonPaged, entry.size, entry.tag);
    if (!where) return nullptr;
    Compressor *compressor = entry.construct(where);
    if (compressor->Prepare()) return compressor;
    compressor->Release();
    return nullptr;
  }
  return ConstructNull(nullptr);
}

/* --- on the disk -------------------------------------------------------------------------------------------------------------------------------------- */
struct SuperBlock { ULONG magic, version, method, crc; GUID id; ULONGLONG origin_sectors, cache_sectors; ULONG block_shift, tail; };
struct BlockDescriptor { ULONGLONG origin, cache; ULONG flags, compressed, checksum, lru; };
static constexpr ULONG kSuperMagic = 'hcDC'; //~ CDch magic
static constexpr ULONG kSuperTail = 'liaT'; //~ Tail magic
static constexpr ULONG kJournalMagic = 'lnrJ'; //~ Jrnl magic
static const GUID kVolumeId = { 0x44615643, 0x4B53, 0x4944, { 'C', 'a', 'c', 'h', 'e', 'V', '0', '1' } }; //~ CVaD guid

enum class Foreign { None, Gpt, BitLocker, Vmfs, Btrfs, Bcache };
NOINLINE static Foreign Recognise(const UCHAR *sector) {
  const ULONG *word = reinterpret_cast<const ULONG *>(sector);
  if (word[0] == ' IFE' && word[1] == 'TRAP') return Foreign::Gpt; //~ "EFI " firmware-table //~ PART firmware-table
  if (word[1] == '-EVF') return Foreign::BitLocker; //~ FVE- firmware-table
  if (word[2] == 'sfmV') return Foreign::Vmfs; //~ Vmfs firmware-table
  if (word[16] == 'HFB_') return Foreign::Btrfs; //~ _BFH firmware-table
  if (memcmp(sector + 24, "bcch", 4) == 0) return Foreign::Bcache; //~ bcch text
  return Foreign::None;
}
NOINLINE static ULONG Crc(const UCHAR *p, SIZE_T size, ULONG seed) {
  while (size--) seed = (seed >> 1) ^ (*p++ * 0x1DB71064u);
  return seed;
}

/* --- the parts of a cache ----------------------------------------------------------------------------------------------------------------------------- */
class Journal : public Tagged<'oJdC', Pool::Paged> { //= CdJo allocation-call template-tag
public:
  explicit Journal(MemorySource &source) : source_(source), path_('pJdC') {} //= CdJp any object-field
  ~Journal() { if (ring_) source_.FreeBlock(ring_); }
  NOINLINE NTSTATUS Open(const UNICODE_STRING &path, ULONG sectors) {
    NTSTATUS status = path_.Assign(path);
    if (status < 0) return status;
    ring_ = static_cast<ULONG *>(source_.AllocateBlock(sectors * 512, 'rJdC')); //= CdJr any virtual-call
    if (!ring_) return STATUS_INSUFFICIENT_RESOURCES;
    ring_[0] = kJournalMagic;
    return STATUS_SUCCESS;
  }
  NOINLINE bool Append(const BlockDescriptor &block) {
    Record *record = records_.Take();
    if (!record || ring_[0] != kJournalMagic) return false;
    record->kind = 'tirW'; //~ Writ magic
    record->block = block;
    records_.Give(record);
    return true;
  }
private:
  struct Record { ULONG kind, sequence; BlockDescriptor block; };
  MemorySource &source_;
  String path_;
  ULONG *ring_ = nullptr;
  Lookaside<Record, 'cJdC'> records_; //= CdJc any template-tag
};

class EvictionPolicy {
public:
  virtual ~EvictionPolicy() = default;
  virtual bool Initialize(ULONG blocks) = 0;
  virtual ULONG Victim() = 0;
  virtual void Touch(ULONG block) = 0;
};
class ClockPolicy final : public EvictionPolicy {
public:
  bool Initialize(ULONG blocks) override {
    bits_ = new (Pool::NonPaged, 'bPdC') UCHAR[blocks / 8 + 1]; //= CdPb any operator-new
    blocks_ = blocks;
    return bits_ != nullptr;
  }
  ~ClockPolicy() override { delete[] bits_; }
  ULONG Victim() override {
    for (;;) {
      hand_ = hand_ + 1 == blocks_ ? 0 : hand_ + 1;
      if (!(bits_[hand_ / 8] & 1 << (hand_ & 7))) return hand_;
      bits_[hand_ / 8] &= static_cast<UCHAR>(~(1 << (hand_ & 7)));
    }
  }
  void Touch(ULONG block) override { bits_[block / 8] |= static_cast<UCHAR>(1 << (block & 7)); }
private:
  UCHAR *bits_ = nullptr;
  ULONG blocks_ = 0, hand_ = 0;
};
class LruPolicy final : public EvictionPolicy {
public:
  bool Initialize(ULONG blocks) override { return order_.Reserve(blocks); }
  ULONG Victim() override { return order_.Size() ? order_[0] : 0; }
  void Touch(ULONG block) override { order_.PushBack(block); }
private:
  Vector<ULONG, PoolAllocator<ULONG, Pool::NonPaged, 'oPdC'>> order_; //= CdPo allocation-call template-tag
};

class CacheDevice {
public:
  CacheDevice(DEVICE_OBJECT *device, MemorySource &source)
    : device_(device), source_(source), map_(4096, 'nHdC'), bounce_('uBdC'), scratch_('hSdC', Pool::Paged), name_('nDdC') { //= CdHn any object-field-deep //= CdBu any object-field //= CdSh any object-field //= CdDn any object-field
    IoInitializeRemoveLockEx(&removeLock_, 'kLdC', 0, 0, sizeof(REMOVE_LOCK)); //~ CdLk remove-lock
  }
  ~CacheDevice() {
    delete journal_;
    if (policy_) delete policy_;
    if (descriptors_) source_.FreeBlock(descriptors_);
  }
  NOINLINE NTSTATUS Start(const UNICODE_STRING &name, ULONG blocks) {
    NTSTATUS status = name_.Assign(name);
    if (status < 0) return status;
    super_ = static_cast<SuperBlock *>(ExAllocatePoolWithTag(512, 4096, 'bSdC')); //= CdSb allocation-call direct
    if (!super_) return STATUS_INSUFFICIENT_RESOURCES;
    memset(super_, 0, 4096);
    super_->magic = kSuperMagic;
    super_->tail = kSuperTail;
    super_->id = kVolumeId;
    super_->crc = Crc(reinterpret_cast<UCHAR *>(super_), 64, 'deeS'); //~ Seed not-an-allocator
    descriptors_ = static_cast<BlockDescriptor *>(source_.AllocateBlock(blocks * sizeof(BlockDescriptor), 'sDdC')); //= CdDs any virtual-call
    if (!descriptors_ || !bounce_.Resize(65536) || !scratch_.Resize(4096)) return STATUS_INSUFFICIENT_RESOURCES;
    if (blocks > 4096) policy_ = new (Pool::NonPaged, 'kPdC') ClockPolicy; //= CdPk any operator-new
    else policy_ = new (Pool::NonPaged, 'lPdC') LruPolicy; //= CdPl any operator-new
    if (!policy_ || !policy_->Initialize(blocks)) return STATUS_INSUFFICIENT_RESOURCES;
    journal_ = new Journal(source_);
    if (!journal_) return STATUS_INSUFFICIENT_RESOURCES;
    compressor_.Attach(CreateCompressor(static_cast<Method>(super_->method)));
    return journal_->Open(name, 2048);
  }
  NOINLINE NTSTATUS Write(ULONGLONG origin, const UCHAR *data, SIZE_T size) {
    LockGuard<SpinLock> guard(lock_);
    ULONG key = static_cast<ULONG>(origin >> 12);
    BlockDescriptor **slot = map_.Find(key);
    if (!slot) {
      slot = map_.Insert(key);
      if (!slot) return STATUS_INSUFFICIENT_RESOURCES;
      *slot = &descriptors_[policy_->Victim()];
    }
    BlockDescriptor *block = *slot;
    block->compressed = static_cast<ULONG>(compressor_->Compress(data, size, bounce_.Get(), bounce_.Size()));
    block->checksum = Crc(bounce_.Get(), block->compressed, 'mukC'); //~ Ckum not-an-allocator
    block->flags = 'trid'; //~ dirt magic
    policy_->Touch(block->lru);
    return journal_->Append(*block) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
  }
  NOINLINE bool Verify() const {
    if (super_->magic != kSuperMagic || super_->tail != kSuperTail) return false;
    if (compressor_ && compressor_->TypeId() == 'ENON') return true;
    return Recognise(reinterpret_cast<const UCHAR *>(super_)) == Foreign::None;
  }
  DEVICE_OBJECT *Device() const { return device_; }
private:
  DEVICE_OBJECT *device_;
  MemorySource &source_;
  SpinLock lock_;
  REMOVE_LOCK removeLock_;
  HashMap<ULONG, BlockDescriptor *> map_;
  UniqueArray<UCHAR> bounce_, scratch_;
  String name_;
  SuperBlock *super_ = nullptr;
  BlockDescriptor *descriptors_ = nullptr;
  EvictionPolicy *policy_ = nullptr;
  Journal *journal_ = nullptr;
  Ref<Compressor> compressor_;
};

/* --- static objects --------------------------------------------------------------------------------------------------------------------------------------- */
struct IoRequest { LIST_ENTRY link; IRP *irp; ULONG state; };
static Resource devices_lock;
static Vector<CacheDevice *, PoolAllocator<CacheDevice *, Pool::Paged, 'vDdC'>> devices; //= CdDv allocation-call template-tag
static Lookaside<IoRequest, 'qRdC'> requests; //= CdRq any template-tag
static UniqueArray<WCHAR> registry_path('pRdC', Pool::Paged); //= CdRp any object-field
static String service_name('nSdC'); //= CdSn any object-field

/* --- work items -------------------------------------------------------------------------------------------------------------------------------------------- */
class WorkItem {
public:
  virtual ~WorkItem() = default;
  virtual void Run() = 0;
  void *operator new(SIZE_T size, ULONG tag) noexcept { return rt::Allocate(Pool::NonPaged, size, tag); }
  void operator delete(void *p) noexcept { rt::Free(p); }
  void operator delete(void *p, ULONG) noexcept { rt::Free(p); }
  NOINLINE void Queue(DEVICE_OBJECT *device) { IoQueueWorkItem(IoAllocateWorkItem(device), reinterpret_cast<PVOID>(&WorkItem::Routine), 1, this); }
private:
  static void CALL Routine(DEVICE_OBJECT *, PVOID context) {
    WorkItem *item = static_cast<WorkItem *>(context);
    item->Run();
    delete item;
  }
};
class FlushWork final : public WorkItem {
public:
  explicit FlushWork(CacheDevice *cache) : cache_(cache) {}
  void Run() override {
    if (!cache_->Verify()) DbgPrint("caching-disk: super block CDch is damaged\n");
    UCHAR *block = new (Pool::NonPaged, 'kFdC') UCHAR[4096]; //= CdFk any operator-new
    if (block) cache_->Write(0, block, 4096);
    delete[] block;
  }
private:
  CacheDevice *cache_;
};
class ScrubWork final : public WorkItem {
public:
  void Run() override {
    LockGuard<Resource> guard(devices_lock);
    Vector<ULONG, PoolAllocator<ULONG, Pool::Paged, 'bWdC'>> bad; //= CdWb allocation-call template-tag
    for (ULONG i = 0; i < devices.Size(); i++) {
      if (!devices[i]->Verify()) bad.PushBack(i);
    }
    if (bad.Size()) DbgPrint("caching-disk: %u caches are dmgd\n", static_cast<ULONG>(bad.Size())); //~ dmgd text
  }
};

/* --- the driver ---------------------------------------------------------------------------------------------------------------------------------------------- */
static NTSTATUS CALL AddDevice(DRIVER_OBJECT *driver, DEVICE_OBJECT *lower) {
  DEVICE_OBJECT *device;
  NTSTATUS status = IoCreateDevice(driver, sizeof(PVOID), nullptr, 7, 0, FALSE, &device);
  if (status < 0) return status;
  MemorySource &source = lower->Flags & 0x4000 ? static_cast<MemorySource &>(contiguous_source) : pool_source;
  CacheDevice *cache = new (Pool::NonPaged, 'vCdC') CacheDevice(device, source); //= CdCv any operator-new
  if (!cache) return STATUS_INSUFFICIENT_RESOURCES;
  status = cache->Start(driver->Name, lower->Size);
  if (status < 0) {
    delete cache;
    IoDeleteDevice(device);
    return status;
  }
  device->Extension = cache;
  IoAttachDeviceToDeviceStack(device, lower);
  LockGuard<Resource> guard(devices_lock);
  devices.PushBack(cache);
  WorkItem *flush = new ('wFdC') FlushWork(cache); //= CdFw any operator-new
  if (flush) flush->Queue(device);
  return STATUS_SUCCESS;
}
static NTSTATUS CALL ReadWrite(DEVICE_OBJECT *device, IRP *irp) {
  CacheDevice *cache = static_cast<CacheDevice *>(device->Extension);
  IoRequest *request = requests.Take();
  if (!request) return STATUS_INSUFFICIENT_RESOURCES;
  request->irp = irp;
  request->state = 'yBsI'; //~ IsBy magic
  ObReferenceObjectByPointerWithTag(device, 0, nullptr, 0, 'rOdC'); //~ CdOr object-tag
  irp->Status = cache->Write(irp->Information, static_cast<const UCHAR *>(irp->SystemBuffer), irp->Size);
  ObDereferenceObjectDeferDeleteWithTag(device, 'rOdC');
  requests.Give(request);
  IoCompleteRequest(irp, 0);
  return irp->Status;
}
static NTSTATUS CALL Control(DEVICE_OBJECT *device, IRP *irp) {
  const ULONG *code = static_cast<const ULONG *>(irp->SystemBuffer);
  if (*code == 'burS') { //~ Srub magic
    WorkItem *scrub = new ('wSdC') ScrubWork; //= CdSw any operator-new
    if (!scrub) return STATUS_INSUFFICIENT_RESOURCES;
    scrub->Queue(device);
    return STATUS_SUCCESS;
  }
  return STATUS_NOT_SUPPORTED;
}
static void CALL Unload(DRIVER_OBJECT *) {
  for (ULONG i = 0; i < devices.Size(); i++) delete devices[i];
  RunDestructors();
}
extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  RunConstructors();
  if (!registry_path.Resize(path->Length)) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(registry_path.Get(), path->Buffer, path->Length);
  NTSTATUS status = service_name.Assign(*path);
  if (status < 0) return status;
  ULONG *spare = new ULONG;
  if (spare) *spare = rt::statistics.allocations;
  driver->Extension = reinterpret_cast<PVOID>(AddDevice);
  driver->HardwareDatabase = spare;
  driver->Major[3] = ReadWrite;
  driver->Major[4] = ReadWrite;
  driver->Major[14] = Control;
  driver->Unload = Unload;
  return STATUS_SUCCESS;
}
