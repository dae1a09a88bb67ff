// Held out: the index of a database-like file system in C++: smart allocation blocks, tag enumerations, trees over an allocator policy,
// a context object that chooses pool and tag, a class for each record with a virtual allocator.
#include "kernel.h"

namespace store {

enum Tag : ULONG {
  TagBucket = 'kuBI', //= IBuk any object-field
  TagCursor = 'ruCI', //= ICur wrapper-call operator-new
  TagRecord = 'ceRI', //= IRec wrapper-call operator-new
  TagScratch = 'arcS', //= Scra any virtual-call
  TagNode = 'edoN', //= Node any object-field
  TagLeaf = 'faeL', //= Leaf any object-field
};
enum Marks : ULONG { MarkTree = 'eerT', MarkDirty = 'ytrD', MarkPage = 'egaP' }; //~ Tree magic //~ Drty magic //~ Page magic

static PVOID volatile g_last;

class ScopedBlock final { // owns one allocation; knows size and tag
public:
  ScopedBlock() = default;
  ScopedBlock(const ScopedBlock &) = delete;
  ~ScopedBlock() { Reset(); }
  NOINLINE bool Allocate(SIZE_T bytes, ULONG tag, bool paged = true) {
    Reset();
    m_data = ExAllocatePoolWithTag(paged ? PagedPool : NonPagedPoolNx, bytes, tag);
    m_bytes = m_data ? bytes : 0;
    m_tag = tag;
    return m_data != nullptr;
  }
  NOINLINE bool Regrow(SIZE_T bytes) { // the tag comes from the first call
    PVOID grown = ExAllocatePool2(POOL_FLAG_PAGED, bytes, m_tag);
    if (!grown) return false;
    memcpy(grown, m_data, m_bytes);
    ExFreePoolWithTag(m_data, m_tag);
    m_data = grown;
    m_bytes = bytes;
    return true;
  }
  void Reset() {
    if (m_data) ExFreePoolWithTag(m_data, m_tag);
    m_data = nullptr;
  }
  template <typename T> T *As() const { return static_cast<T *>(m_data); }
private:
  PVOID m_data = nullptr;
  SIZE_T m_bytes = 0;
  ULONG m_tag = 0;
};

struct MemoryContext { // passed by reference through everything, as a request's context is
  ULONG poolType, limit;
  ULONG spent;
  NOINLINE PVOID Get(SIZE_T bytes, Tag tag) {
    if (spent + bytes > limit) return nullptr;
    spent += static_cast<ULONG>(bytes);
    return ExAllocatePoolWithTagPriority(poolType, bytes, tag, 16);
  }
};

} // namespace store

PVOID operator new(SIZE_T bytes, store::MemoryContext &memory, store::Tag tag) noexcept { return memory.Get(bytes, tag); }
void operator delete(PVOID p, store::MemoryContext &, store::Tag) noexcept { ExFreePool(p); }
void operator delete(PVOID p) noexcept { ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx('llaC', 0, 0, 0, 0); return 0; } //~ Call bug-check

namespace store {

/* A tree over a node allocator that is a policy class. */
template <ULONG BranchTag, ULONG LeafTag> struct FixedPolicy {
  static PVOID Branch(SIZE_T bytes) { return ExAllocatePoolWithTag(PagedPool, bytes, BranchTag); }
  static PVOID Leaf(SIZE_T bytes) { return ExAllocatePoolWithTag(NonPagedPoolNx, bytes, LeafTag); }
  static void Free(PVOID p, bool leaf) { ExFreePoolWithTag(p, leaf ? LeafTag : BranchTag); }
};
class MemberPolicy {
public:
  MemberPolicy(ULONG branch, ULONG leaf) : m_branch(branch), m_leaf(leaf) {}
  PVOID Branch(SIZE_T bytes) const { return ExAllocatePoolWithTag(PagedPool, bytes, m_branch); }
  PVOID Leaf(SIZE_T bytes) const { return ExAllocatePoolWithTag(PagedPool, bytes, m_leaf); }
  void Free(PVOID p, bool leaf) const { ExFreePoolWithTag(p, leaf ? m_leaf : m_branch); }
private:
  ULONG m_branch, m_leaf;
};
template <typename Policy> class Tree {
  struct Node { Node *child[2]; ULONG_PTR key; ULONG mark; bool leaf; };
public:
  explicit Tree(const Policy &policy) : m_policy(policy), m_root(nullptr), m_mark(MarkTree) {}
  NOINLINE bool Insert(ULONG_PTR key) {
    Node **at = &m_root;
    while (*at) {
      if ((*at)->mark == MarkDirty) return false;
      at = &(*at)->child[key > (*at)->key];
    }
    bool leaf = (key & 7) == 0;
    Node *node = static_cast<Node *>(leaf ? m_policy.Leaf(sizeof(Node) + 64) : m_policy.Branch(sizeof(Node)));
    if (!node) return false;
    *node = {{nullptr, nullptr}, key, MarkPage, leaf};
    *at = node;
    return true;
  }
  NOINLINE void Clear() {
    while (Node *node = m_root) {
      m_root = node->child[0];
      m_policy.Free(node, node->leaf);
    }
  }
private:
  Policy m_policy;
  Node *m_root;
  ULONG m_mark;
};

/* Records with a virtual allocator: the base asks, the class answers. */
class Record {
public:
  virtual ~Record() {}
  virtual PVOID Room(SIZE_T bytes, Tag tag) = 0;
  virtual ULONG Mark() const { return MarkPage; }
  NOINLINE NTSTATUS Load(const UNICODE_STRING &from) {
    PVOID room = Room(from.Length, TagScratch);
    if (!room) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(room, from.Buffer, from.Length);
    if (*static_cast<ULONG *>(room) != Mark()) return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
  }
};
class PagedRecord : public Record {
public:
  PVOID Room(SIZE_T bytes, Tag tag) override { return ExAllocatePoolWithTag(PagedPool, bytes + m_extra, tag); }
protected:
  ULONG m_extra = 8;
};
class QuotaRecord : public PagedRecord {
public:
  PVOID Room(SIZE_T bytes, Tag tag) override {
    PVOID room = ExAllocatePoolWithQuotaTag(PagedPool, bytes, tag);
    return room ? room : PagedRecord::Room(bytes, tag);
  }
  ULONG Mark() const override { return 'touQ'; } //~ Quot magic
};

class Bucket {
public:
  Bucket(ULONG size, ULONG tag) : m_size(size), m_tag(tag) {}
  NOINLINE bool Open() { return m_block.Allocate(m_size * 16, m_tag); }
  NOINLINE bool Spill() { return m_block.Regrow(m_size * 32); }
  const ULONG *Words() const { return m_block.As<ULONG>(); }
private:
  ScopedBlock m_block;
  ULONG m_size, m_tag;
};

struct Cursor { ULONG position, mark; Record *record; };

NOINLINE static NTSTATUS Fill(MemoryContext &memory, const UNICODE_STRING &path) {
  Cursor *cursor = new (memory, TagCursor) Cursor;
  if (!cursor) return STATUS_INSUFFICIENT_RESOURCES;
  cursor->mark = 'sruC'; //~ Curs magic
  if (path.Length & 1) cursor->record = new (memory, TagRecord) PagedRecord;
  else cursor->record = new (memory, TagRecord) QuotaRecord;
  if (!cursor->record) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = cursor->record->Load(path);
  delete cursor->record;
  return status;
}

NOINLINE static NTSTATUS Build(ULONG_PTR seed) {
  static Tree<FixedPolicy<'rBxI', 'fLxI'>> *fixed; //= IxBr allocation-call template-tag //= IxLf allocation-call template-tag
  Tree<FixedPolicy<'rBxI', 'fLxI'>> first{{}};
  Tree<MemberPolicy> second(MemberPolicy(TagNode, TagLeaf));
  fixed = &first;
  for (ULONG_PTR i = 0; i < 64; i++) if (!first.Insert(seed * i) || !second.Insert(seed + i)) return STATUS_INSUFFICIENT_RESOURCES;
  g_last = fixed;
  second.Clear();
  first.Clear();
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS Buckets(ULONG size) {
  Bucket bucket(size, TagBucket);
  ScopedBlock names, temporary;
  if (!bucket.Open() || !names.Allocate(size, 'maNI') || !temporary.Allocate(size * 2, 'pmTI', false)) return STATUS_INSUFFICIENT_RESOURCES; //= INam wrapper-call wrapper //= ITmp wrapper-call wrapper
  *names.As<ULONG>() = bucket.Words()[0] ^ MarkTree;
  *temporary.As<ULONG>() = 'tarT'; //~ Trat magic
  if (!bucket.Spill() || !names.Regrow(size * 4)) return STATUS_INSUFFICIENT_RESOURCES;
  g_last = names.As<void>();
  return STATUS_SUCCESS;
}

} // namespace store

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  store::MemoryContext memory = {PagedPool, 0x100000, 0};
  if (driver->Flags & 4) memory.poolType = NonPagedPoolNx;
  NTSTATUS status = store::Fill(memory, *path);
  if (status >= 0) status = store::Build(path->Length);
  return status < 0 ? status : store::Buckets(path->MaximumLength);
}
