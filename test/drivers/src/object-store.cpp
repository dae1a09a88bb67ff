// A C++ driver with a small runtime of its own: tagged operator new in its variants, allocators behind an interface, containers and
// strings that keep their tag, smart pointers and arrays that carry it as a template argument.
#include "kernel.h"

enum POOL_TYPE : ULONG { Paged = 1, NonPagedNx = 512 };
static const ULONG kDefaultTag = 'fDbO'; //= ObDf wrapper-call operator-new
static void *volatile keep;

/* --- operator new and delete -------------------------------------------------------------------------------------------------- */
void *operator new(SIZE_T size, POOL_TYPE type, ULONG tag = kDefaultTag) noexcept {
  if (size == 0) size = 1;
  void *p = ExAllocatePoolWithTag(type, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
void *operator new[](SIZE_T size, POOL_TYPE type, ULONG tag) noexcept { return operator new(size, type, tag); }
void *operator new(SIZE_T, void *where) noexcept { return where; }
void *operator new(SIZE_T size) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, 'wNbO'); } //= ObNw allocation-call wrapper-fixed
void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, 0); }
void operator delete(void *p, SIZE_T) noexcept { operator delete(p); }
void operator delete[](void *p) noexcept { operator delete(p); }
void operator delete(void *p, POOL_TYPE, ULONG) noexcept { operator delete(p); }
extern "C" int _purecall() { KeBugCheckEx('lacP', 0, 0, 0, 0); return 0; } //~ Pcal bug-check

/* --- an allocator behind an interface -------------------------------------------------------------------------------------------- */
struct IAllocator {
  virtual void *Allocate(SIZE_T size, ULONG tag) = 0;
  virtual void Free(void *p, ULONG tag) = 0;
  virtual ULONG Signature() const { return 'cllA'; } //~ Allc magic
};

class PagedAllocator : public IAllocator {
public:
  void *Allocate(SIZE_T size, ULONG tag) override {
    calls_++;
    return ExAllocatePoolWithTag(Paged, size, tag);
  }
  void Free(void *p, ULONG tag) override { ExFreePoolWithTag(p, tag); }
private:
  ULONG calls_ = 0;
};

class CountingAllocator final : public IAllocator {
public:
  explicit CountingAllocator(IAllocator *inner) : inner_(inner) {}
  void *Allocate(SIZE_T size, ULONG tag) override {
    void *p = inner_->Allocate(size + 16, tag);
    if (p) bytes_ += size;
    return p;
  }
  void Free(void *p, ULONG tag) override { inner_->Free(p, tag); }
  ULONG Signature() const override { return 'tnuC'; } //~ Cunt magic
private:
  IAllocator *inner_;
  SIZE_T bytes_ = 0;
};

/* --- a vector with its tag in a member ---------------------------------------------------------------------------------------------- */
template <typename T> class Vector {
public:
  Vector(POOL_TYPE type, ULONG tag) : items_(nullptr), count_(0), room_(0), type_(type), tag_(tag) {}
  ~Vector() { if (items_) ExFreePoolWithTag(items_, tag_); }
  NOINLINE bool Add(const T &item) {
    if (count_ == room_ && !Grow(room_ ? room_ * 2 : 8)) return false;
    items_[count_++] = item;
    return true;
  }
  ULONG Count() const { return count_; }
private:
  NOINLINE bool Grow(ULONG room) {
    T *items = static_cast<T *>(ExAllocatePoolWithTag(type_, room * sizeof(T), tag_));
    if (!items) return false;
    if (items_) {
      memcpy(items, items_, count_ * sizeof(T));
      ExFreePoolWithTag(items_, tag_);
    }
    items_ = items;
    room_ = room;
    return true;
  }
  T *items_;
  ULONG count_, room_;
  POOL_TYPE type_;
  ULONG tag_;
};

/* --- a list whose nodes come from operator new with the list's own tag ------------------------------------------------------------------ */
class List {
public:
  struct Node { Node *next; ULONG_PTR value; };
  explicit List(ULONG tag) : head_(nullptr), tag_(tag) {}
  NOINLINE bool Push(ULONG_PTR value) {
    Node *node = new (NonPagedNx, tag_) Node;
    if (!node) return false;
    node->next = head_;
    node->value = value;
    head_ = node;
    return true;
  }
  void Clear() {
    while (Node *node = head_) {
      head_ = node->next;
      ExFreePoolWithTag(node, tag_);
    }
  }
private:
  Node *head_;
  ULONG tag_;
};

/* --- the tag as a template argument -------------------------------------------------------------------------------------------------------- */
template <typename T, ULONG Tag> class UniquePool {
public:
  explicit UniquePool(T *p = nullptr) : p_(p) {}
  ~UniquePool() { Reset(); }
  NOINLINE bool Make(SIZE_T extra) {
    Reset(static_cast<T *>(ExAllocatePoolWithTag(NonPagedNx, sizeof(T) + extra, Tag)));
    return p_ != nullptr;
  }
  void Reset(T *p = nullptr) {
    if (p_) ExFreePoolWithTag(p_, Tag);
    p_ = p;
  }
  T *operator->() const { return p_; }
  T *Get() const { return p_; }
private:
  T *p_;
};

template <ULONG Tag> struct TaggedObject { /* a base class that brings operator new */
  void *operator new(SIZE_T size) { return ExAllocatePool2(POOL_FLAG_PAGED, size, Tag); }
  void operator delete(void *p) noexcept { ExFreePoolWithTag(p, Tag); }
};

template <typename Traits> class Cache { /* traits with a static constexpr member */
public:
  NOINLINE void *Take(SIZE_T size) {
    if (free_) return Unlink();
    return ExAllocatePoolWithTag(Traits::kPool, size + Traits::kExtra, Traits::kTag);
  }
  NOINLINE void Drain() { while (free_) ExFreePoolWithTag(Unlink(), Traits::kTag); }
private:
  void *Unlink() {
    void **p = static_cast<void **>(free_);
    free_ = *p;
    return p;
  }
  void *free_;
};
struct NameTraits { static constexpr ULONG kPool = 1, kExtra = 8, kTag = 'aNbO'; }; //= ObNa allocation-call template-tag
struct BlobTraits { static constexpr ULONG kPool = 512, kExtra = 32, kTag = 'lBbO'; }; //= ObBl allocation-call template-tag
static Cache<NameTraits> names;
static Cache<BlobTraits> blobs;

/* --- the driver's objects --------------------------------------------------------------------------------------------------------------- */
struct Header { ULONG magic; USHORT type, size; ULONG_PTR key; };

class Entry : public TaggedObject<'nEbO'> { //= ObEn allocation-call template-tag
public:
  Entry(ULONG_PTR key, ULONG flags) : magic_('rtnE'), flags_(flags), key_(key) {} //~ Entr magic
  virtual ~Entry() { magic_ = 'eerF'; } //~ Free magic
  NOINLINE bool Valid() const { return magic_ == 'rtnE' && key_ != 0; }
  virtual ULONG Weight() const { return flags_ & 0xFF; }
  ULONG_PTR Key() const { return key_; }
private:
  ULONG magic_, flags_;
  ULONG_PTR key_;
};

class Text { /* a string that remembers who pays for it */
public:
  Text(IAllocator *allocator, ULONG tag) : allocator_(allocator), tag_(tag), length_(0), text_(nullptr) {}
  NOINLINE NTSTATUS Assign(const UNICODE_STRING &from) {
    WCHAR *text = static_cast<WCHAR *>(allocator_->Allocate(from.Length + sizeof(WCHAR), tag_));
    if (!text) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(text, from.Buffer, from.Length);
    if (text_) allocator_->Free(text_, tag_);
    text_ = text;
    length_ = from.Length;
    return STATUS_SUCCESS;
  }
private:
  IAllocator *allocator_;
  ULONG tag_;
  USHORT length_;
  WCHAR *text_;
};

class Store {
public:
  explicit Store(IAllocator *allocator)
    : allocator_(allocator), entries_(Paged, 'eVbO'), sizes_(NonPagedNx, 'sVbO'), waiting_('wLbO'), path_(allocator, 'pTbO') {} //= ObVe any object-field //= ObVs any object-field //= ObLw any object-field //= ObTp any object-field
  NOINLINE NTSTATUS Open(const UNICODE_STRING &path) {
    NTSTATUS status = path_.Assign(path);
    if (status < 0) return status;
    if (!header_.Make(path.Length)) return STATUS_INSUFFICIENT_RESOURCES;
    header_->magic = 'rotS'; //~ Stor magic
    header_->size = path.Length;
    scratch_ = allocator_->Allocate(4096, 'cSbO'); //= ObSc any virtual-call
    return scratch_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE bool Insert(ULONG_PTR key, ULONG flags) {
    Entry *entry = new Entry(key, flags);
    if (!entry) return false;
    if (!entry->Valid() || !entries_.Add(entry) || !sizes_.Add(entry->Weight())) {
      delete entry;
      return false;
    }
    return waiting_.Push(key);
  }
  NOINLINE void Close() {
    waiting_.Clear();
    if (scratch_) allocator_->Free(scratch_, 'dSbO'); //= ObSd any virtual-call
    if (header_.Get() && header_->magic != 'rotS') KeBugCheckEx(0xE2, 'kcuS', 0, 0, 0); //~ Suck bug-check
  }
private:
  IAllocator *allocator_;
  Vector<Entry *> entries_;
  Vector<ULONG> sizes_;
  List waiting_;
  Text path_;
  UniquePool<Header, 'dHbO'> header_; //= ObHd allocation-call template-tag
  void *scratch_ = nullptr;
};

struct Driver { PagedAllocator *paged; CountingAllocator *counting; Store *store; ULONG signature; };
static Driver driver_state;

NOINLINE static NTSTATUS BuildAllocators(Driver &state) {
  state.paged = new (NonPagedNx, 'aPbO') PagedAllocator; //= ObPa wrapper-call operator-new
  if (!state.paged) return STATUS_INSUFFICIENT_RESOURCES;
  state.counting = new (NonPagedNx, 'oCbO') CountingAllocator(state.paged); //= ObCo wrapper-call operator-new
  if (!state.counting) return STATUS_INSUFFICIENT_RESOURCES;
  void *room = new (Paged, 'tSbO') UCHAR[sizeof(Store) + 64]; //= ObSt wrapper-call operator-new
  if (!room) return STATUS_INSUFFICIENT_RESOURCES;
  state.store = new (room) Store(state.counting);
  state.signature = 'virD'; //~ Driv magic
  return STATUS_SUCCESS;
}

NOINLINE static ULONG *CopyTable(const ULONG *from, ULONG count) {
  ULONG *copy = new (Paged) ULONG;
  ULONG *more = new ULONG;
  if (copy && more) *copy = from[count - 1] + (*more = from[0]);
  keep = more;
  return copy;
}

static void CALL Unload(DRIVER_OBJECT *) {
  if (driver_state.signature != 'virD') return;
  driver_state.store->Close();
  names.Drain();
  blobs.Drain();
  ExFreePoolWithTag(driver_state.store, 'tSbO');
  delete driver_state.counting;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  driver->Unload = Unload;
  NTSTATUS status = BuildAllocators(driver_state);
  if (status < 0) return status;
  keep = names.Take(path->Length);
  keep = blobs.Take(path->MaximumLength);
  keep = CopyTable(reinterpret_cast<ULONG *>(path->Buffer), path->Length);
  status = driver_state.store->Open(*path);
  if (status < 0) return status;
  return driver_state.store->Insert(path->Length, driver->Flags) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
