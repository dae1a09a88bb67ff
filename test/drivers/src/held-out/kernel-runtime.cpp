// A monitor of devices on a kernel-mode C++ runtime: containers parameterised by allocators and by tag, memory resources, owning
// pointers whose deleters know the tag, interfaces of several levels, factories in tables, singletons in static storage, results.
#include "kernel.h"

namespace kr {

/* --- the base of the runtime ------------------------------------------------------------------------------------------------------ */
enum class pool : ULONG { paged = 1, nonpaged = 512 };
using tag_t = ULONG;
constexpr tag_t make_tag(const char (&text)[5]) {
  return static_cast<UCHAR>(text[0]) | static_cast<UCHAR>(text[1]) << 8 | static_cast<UCHAR>(text[2]) << 16 | static_cast<tag_t>(static_cast<UCHAR>(text[3])) << 24;
}
template <typename T> struct remove_reference { using type = T; };
template <typename T> struct remove_reference<T &> { using type = T; };
template <typename T> struct remove_reference<T &&> { using type = T; };
template <typename T> constexpr typename remove_reference<T>::type &&move(T &&t) noexcept { return static_cast<typename remove_reference<T>::type &&>(t); }
template <typename T> constexpr T &&forward(typename remove_reference<T>::type &t) noexcept { return static_cast<T &&>(t); }

constexpr tag_t default_tag = make_tag("KrDf"); //= KrDf any operator-new
constexpr tag_t runtime_tag = make_tag("KrRt"); //= KrRt any operator-new
constexpr ULONG heap_cookie = 'eoCK'; //~ KCoe magic
constexpr ULONG object_alive = 'vLbO'; //~ ObLv magic
constexpr ULONG object_dead = 'dDbO'; //~ ObDd magic

/* A value or the reason why there is none: what exceptions are elsewhere. */
template <typename T> class result {
public:
  result(T value) noexcept : status_(STATUS_SUCCESS), value_(move(value)) {}
  static result failure(NTSTATUS status) noexcept { result r{T{}}; r.status_ = status; return r; }
  explicit operator bool() const noexcept { return status_ >= 0; }
  NTSTATUS status() const noexcept { return status_; }
  T &value() noexcept { return value_; }
private:
  NTSTATUS status_;
  T value_;
};

} // namespace kr

void *operator new(SIZE_T size, kr::pool type, kr::tag_t tag) noexcept {
  ULONG *p = static_cast<ULONG *>(ExAllocatePoolWithTag(static_cast<ULONG>(type), size + 16, tag));
  if (!p) return nullptr;
  p[0] = kr::heap_cookie;
  p[1] = tag;
  memset(p + 4, 0, size);
  return p + 4;
}
void *operator new[](SIZE_T size, kr::pool type, kr::tag_t tag) noexcept { return operator new(size, type, tag); }
void *operator new(SIZE_T size) { return operator new(size, kr::pool::nonpaged, kr::default_tag); }
void *operator new[](SIZE_T size) { return operator new(size, kr::pool::nonpaged, kr::default_tag); }
void *operator new(SIZE_T, void *where) noexcept { return where; }
void operator delete(void *p) noexcept {
  if (!p) return;
  ULONG *block = static_cast<ULONG *>(p) - 4;
  if (block[0] != kr::heap_cookie) KeBugCheckEx(0xC2, 'xrrK', reinterpret_cast<ULONG_PTR>(p), block[0], 0); //~ Krrx bug-check
  ExFreePoolWithTag(block, block[1]);
}
void operator delete(void *p, SIZE_T) noexcept { operator delete(p); }
void operator delete[](void *p) noexcept { operator delete(p); }
void operator delete(void *p, kr::pool, kr::tag_t) noexcept { operator delete(p); }
extern "C" int _purecall() { KeBugCheckEx('rupK', 0, 0, 0, 0); return 0; } //~ Kpur bug-check

namespace kr {

/* --- allocators, as types and as objects --------------------------------------------------------------------------------------------- */
template <tag_t Tag, pool Type = pool::paged> struct pool_allocator {
  static constexpr tag_t tag = Tag;
  void *allocate(SIZE_T size) noexcept { return ExAllocatePoolWithTag(static_cast<ULONG>(Type), size, Tag); }
  void deallocate(void *p) noexcept { ExFreePoolWithTag(p, Tag); }
};
class tagged_allocator {
public:
  constexpr tagged_allocator(pool type, tag_t tag) noexcept : type_(type), tag_(tag) {}
  void *allocate(SIZE_T size) noexcept { return ExAllocatePoolWithTag(static_cast<ULONG>(type_), size, tag_); }
  void deallocate(void *p) noexcept { ExFreePoolWithTag(p, tag_); }
private:
  pool type_;
  tag_t tag_;
};
class memory_resource {
public:
  virtual ~memory_resource() {}
  void *allocate(SIZE_T size, SIZE_T align = 8) noexcept { return do_allocate((size + align - 1) & ~(align - 1)); }
  void deallocate(void *p) noexcept { if (p) do_deallocate(p); }
protected:
  virtual void *do_allocate(SIZE_T size) noexcept = 0;
  virtual void do_deallocate(void *p) noexcept = 0;
};
class pool_resource : public memory_resource {
public:
  pool_resource(pool type, tag_t tag) noexcept : type_(type), tag_(tag) {}
protected:
  void *do_allocate(SIZE_T size) noexcept override { return ExAllocatePoolWithTag(static_cast<ULONG>(type_), size, tag_); }
  void do_deallocate(void *p) noexcept override { ExFreePoolWithTag(p, tag_); }
private:
  pool type_;
  tag_t tag_;
};
class quota_resource final : public pool_resource {
public:
  explicit quota_resource(tag_t tag) noexcept : pool_resource(pool::paged, tag), quota_tag_(tag) {}
protected:
  void *do_allocate(SIZE_T size) noexcept override { return ExAllocatePoolWithQuotaTag(1 | 8, size, quota_tag_); }
private:
  tag_t quota_tag_;
};
class monotonic_resource final : public memory_resource {
public:
  monotonic_resource(memory_resource *upstream, SIZE_T chunk) noexcept : upstream_(upstream), at_(nullptr), left_(0), chunk_(chunk), magic_('onoM') {} //~ Mono magic
protected:
  void *do_allocate(SIZE_T size) noexcept override {
    if (magic_ != 'onoM') return nullptr;
    if (size > left_) {
      at_ = static_cast<UCHAR *>(upstream_->allocate(size > chunk_ ? size : chunk_));
      if (!at_) return nullptr;
      left_ = size > chunk_ ? size : chunk_;
    }
    void *p = at_;
    at_ += size;
    left_ -= size;
    return p;
  }
  void do_deallocate(void *) noexcept override {}
private:
  memory_resource *upstream_;
  UCHAR *at_;
  SIZE_T left_, chunk_;
  ULONG magic_;
};
template <typename T> class lookaside_cache {
public:
  NOINLINE bool initialize(pool type, tag_t tag) noexcept {
    return ExInitializeLookasideListEx(&list_, nullptr, nullptr, static_cast<ULONG>(type), 0, sizeof(T), tag, 0) >= 0;
  }
  template <typename... A> T *create(A &&...a) noexcept {
    void *p = ExpInterlockedPopEntrySList(&list_);
    return p ? new (p) T(forward<A>(a)...) : nullptr;
  }
  void destroy(T *p) noexcept { p->~T(); ExpInterlockedPushEntrySList(&list_, p); }
private:
  LOOKASIDE list_;
};

/* --- containers ------------------------------------------------------------------------------------------------------------------------ */
template <typename T, typename Allocator> class vector {
public:
  explicit vector(Allocator allocator = Allocator()) noexcept : allocator_(allocator), data_(nullptr), size_(0), capacity_(0) {}
  ~vector() { if (data_) allocator_.deallocate(data_); }
  NOINLINE bool reserve(ULONG capacity) noexcept {
    if (capacity <= capacity_) return true;
    T *data = static_cast<T *>(allocator_.allocate(capacity * sizeof(T)));
    if (!data) return false;
    for (ULONG i = 0; i < size_; i++) new (data + i) T(move(data_[i]));
    if (data_) allocator_.deallocate(data_);
    data_ = data;
    capacity_ = capacity;
    return true;
  }
  bool push_back(T value) noexcept {
    if (size_ == capacity_ && !reserve(capacity_ ? capacity_ * 2 : 4)) return false;
    new (data_ + size_++) T(move(value));
    return true;
  }
  T *begin() noexcept { return data_; }
  T *end() noexcept { return data_ + size_; }
  ULONG size() const noexcept { return size_; }
private:
  Allocator allocator_;
  T *data_;
  ULONG size_, capacity_;
};
template <typename T, typename Allocator> class list {
  struct node { node *next; T value; };
public:
  explicit list(Allocator allocator = Allocator()) noexcept : allocator_(allocator), head_(nullptr), size_(0) {}
  ~list() { while (head_) pop_front(); }
  NOINLINE bool push_front(const T &value) noexcept {
    void *p = allocator_.allocate(sizeof(node));
    if (!p) return false;
    head_ = new (p) node{head_, value};
    size_++;
    return true;
  }
  void pop_front() noexcept { node *n = head_; head_ = n->next; allocator_.deallocate(n); size_--; }
  bool empty() const noexcept { return !head_; }
private:
  Allocator allocator_;
  node *head_;
  ULONG size_;
};
template <typename K, typename V, tag_t BucketTag, tag_t NodeTag> class hash_map {
  struct node { node *next; K key; V value; };
public:
  hash_map() noexcept : buckets_(nullptr), count_(0), shift_(0) {}
  NOINLINE bool rehash(ULONG shift) noexcept {
    node **buckets = static_cast<node **>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(node *) << shift, BucketTag));
    if (!buckets) return false;
    for (ULONG i = 0; buckets_ && i < (1u << shift_); i++)
      while (node *n = buckets_[i]) {
        buckets_[i] = n->next;
        node **to = &buckets[n->key & ((1u << shift) - 1)];
        n->next = *to;
        *to = n;
      }
    if (buckets_) ExFreePoolWithTag(buckets_, BucketTag);
    buckets_ = buckets;
    shift_ = shift;
    return true;
  }
  NOINLINE V *emplace(K key) noexcept {
    if (!buckets_ && !rehash(5)) return nullptr;
    if (count_ > (2u << shift_)) rehash(shift_ + 1);
    node *n = new (pool::nonpaged, NodeTag) node;
    if (!n) return nullptr;
    node **to = &buckets_[key & ((1u << shift_) - 1)];
    n->next = *to;
    n->key = key;
    *to = n;
    count_++;
    return &n->value;
  }
private:
  node **buckets_;
  ULONG count_, shift_;
};
template <typename Allocator> class basic_string {
public:
  explicit basic_string(Allocator allocator = Allocator()) noexcept : allocator_(allocator), text_(nullptr), length_(0), room_(0) {}
  ~basic_string() { if (text_) allocator_.deallocate(text_); }
  NOINLINE NTSTATUS append(const WCHAR *text, ULONG length) noexcept {
    if (length_ + length + 1 > room_) {
      ULONG room = (length_ + length + 16) & ~15u;
      WCHAR *grown = static_cast<WCHAR *>(allocator_.allocate(room * sizeof(WCHAR)));
      if (!grown) return STATUS_INSUFFICIENT_RESOURCES;
      if (text_) { memcpy(grown, text_, length_ * sizeof(WCHAR)); allocator_.deallocate(text_); }
      text_ = grown;
      room_ = room;
    }
    memcpy(text_ + length_, text, length * sizeof(WCHAR));
    length_ += length;
    text_[length_] = 0;
    return STATUS_SUCCESS;
  }
  NTSTATUS assign(const UNICODE_STRING &from) noexcept { length_ = 0; return append(from.Buffer, from.Length / sizeof(WCHAR)); }
  const WCHAR *c_str() const noexcept { return text_; }
private:
  Allocator allocator_;
  WCHAR *text_;
  ULONG length_, room_;
};
using name_string = basic_string<pool_allocator<make_tag("KrSn")>>; //= KrSn any template-tag
using path_string = basic_string<tagged_allocator>;

/* --- pointers ---------------------------------------------------------------------------------------------------------------------------- */
template <tag_t Tag> struct pool_deleter { void operator()(void *p) const noexcept { ExFreePoolWithTag(p, Tag); } };
struct resource_deleter { memory_resource *resource; void operator()(void *p) const noexcept { resource->deallocate(p); } };
template <typename T, typename Deleter> class unique_ptr {
public:
  explicit unique_ptr(T *p = nullptr, Deleter deleter = Deleter()) noexcept : p_(p), deleter_(deleter) {}
  unique_ptr(unique_ptr &&other) noexcept : p_(other.release()), deleter_(other.deleter_) {}
  unique_ptr &operator=(unique_ptr &&other) noexcept { reset(other.release()); return *this; }
  ~unique_ptr() { reset(); }
  void reset(T *p = nullptr) noexcept { if (p_) deleter_(p_); p_ = p; }
  T *release() noexcept { T *p = p_; p_ = nullptr; return p; }
  T *get() const noexcept { return p_; }
  T *operator->() const noexcept { return p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
private:
  T *p_;
  Deleter deleter_;
};
template <typename T, tag_t Tag> using pool_ptr = unique_ptr<T, pool_deleter<Tag>>;
template <typename T, tag_t Tag> NOINLINE pool_ptr<T, Tag> make_pool(SIZE_T extra = 0) noexcept {
  T *p = static_cast<T *>(ExAllocatePoolWithTag(static_cast<ULONG>(pool::nonpaged), sizeof(T) + extra, Tag));
  if (p) memset(p, 0, sizeof(T));
  return pool_ptr<T, Tag>(p);
}
class control_block {
public:
  virtual ~control_block() {}
  virtual void dispose() noexcept = 0;
  LONG references = 1;
};
template <typename T> class shared_ptr {
  struct block final : control_block {
    template <typename... A> explicit block(A &&...a) : object(forward<A>(a)...) {}
    void dispose() noexcept override { delete this; }
    T object;
  };
public:
  shared_ptr() noexcept : block_(nullptr) {}
  shared_ptr(shared_ptr &&other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  ~shared_ptr() { if (block_ && !__atomic_sub_fetch(&block_->references, 1, __ATOMIC_SEQ_CST)) block_->dispose(); }
  template <typename... A> static shared_ptr make(tag_t tag, A &&...a) noexcept {
    shared_ptr p;
    p.block_ = new (pool::nonpaged, tag) block(forward<A>(a)...);
    return p;
  }
  T *get() const noexcept { return block_ ? &block_->object : nullptr; }
  T *operator->() const noexcept { return get(); }
private:
  block *block_;
};
template <typename T> class static_storage { /* a singleton without a constructor at load */
public:
  template <typename... A> T &construct(A &&...a) noexcept { return *new (bytes_) T(forward<A>(a)...); }
  T &get() noexcept { return *reinterpret_cast<T *>(bytes_); }
  void destroy() noexcept { get().~T(); }
private:
  alignas(8) UCHAR bytes_[sizeof(T)];
};

/* Work that a lambda describes: the closure moves to the pool. */
class task { public: virtual ~task() {} virtual void run() noexcept = 0; task *next = nullptr; };
template <typename F> class closure final : public task {
public:
  explicit closure(F f) noexcept : f_(move(f)) {}
  void run() noexcept override { f_(); }
private:
  F f_;
};
template <typename F> task *make_task(F f, tag_t tag = runtime_tag) noexcept { return new (pool::nonpaged, tag) closure<F>(move(f)); }
} // namespace kr

using namespace kr;

/* --- interfaces of the monitor ------------------------------------------------------------------------------------------------------------- */
struct IObject {
  virtual ~IObject() {}
  virtual LONG AddRef() = 0;
  virtual LONG Release() = 0;
};
struct IDeviceMonitor : IObject {
  virtual NTSTATUS Start(const UNICODE_STRING &name) = 0;
  virtual NTSTATUS OnEvent(ULONG code, const void *data, ULONG size) = 0;
};
struct IWorker { virtual ~IWorker() {} virtual NTSTATUS Work(ULONG budget) = 0; };

template <tag_t Tag> class pool_object { /* a base that brings its own operators */
public:
  void *operator new(SIZE_T size) noexcept { return ExAllocatePoolWithTag(static_cast<ULONG>(pool::nonpaged), size, Tag); }
  void operator delete(void *p) noexcept { ExFreePoolWithTag(p, Tag); }
};
template <typename Interface> class counted : public Interface {
public:
  LONG AddRef() override { return __atomic_add_fetch(&references_, 1, __ATOMIC_SEQ_CST); }
  LONG Release() override {
    LONG left = __atomic_sub_fetch(&references_, 1, __ATOMIC_SEQ_CST);
    if (!left) { signature_ = object_dead; delete this; }
    return left;
  }
protected:
  LONG references_ = 1;
  ULONG signature_ = object_alive;
};
static static_storage<pool_resource> event_resource;
static static_storage<quota_resource> user_resource;
static static_storage<monotonic_resource> boot_resource;
static tagged_allocator path_allocator(pool::paged, make_tag("KrPa")); //= KrPa any object-field

struct event_record { ULONG magic, code, size; LARGE_INTEGER time; };

class MonitorBase : public counted<IDeviceMonitor>, public IWorker {
public:
  explicit MonitorBase(tag_t history) noexcept : history_(tagged_allocator(pool::nonpaged, history)), path_(path_allocator) {}
  NTSTATUS Start(const UNICODE_STRING &name) override {
    NTSTATUS status = name_.assign(name);
    return status < 0 ? status : path_.append(name.Buffer, name.Length / 2);
  }
  NTSTATUS OnEvent(ULONG code, const void *data, ULONG size) override {
    event_record *record = static_cast<event_record *>(event_resource.get().allocate(sizeof(*record) + size));
    if (!record) return STATUS_INSUFFICIENT_RESOURCES;
    record->magic = 'dcRE'; //~ ERcd magic
    record->code = code;
    record->size = size;
    memcpy(record + 1, data, size);
    return history_.push_back(record) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NTSTATUS Work(ULONG budget) override {
    scratch_ = ExAllocatePoolWithTag(1, budget * 16, make_tag("KrWb")); //= KrWb any virtual-call
    if (!scratch_) return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(scratch_, make_tag("KrWb"));
    return STATUS_SUCCESS;
  }
protected:
  vector<event_record *, tagged_allocator> history_;
  name_string name_;
  path_string path_;
  void *scratch_ = nullptr;
};

class DiskMonitor final : public MonitorBase, public pool_object<make_tag("KrMd")> { //= KrMd any template-tag
public:
  DiskMonitor() noexcept : MonitorBase(make_tag("KrHd")) {} //= KrHd any object-field
  NTSTATUS OnEvent(ULONG code, const void *data, ULONG size) override {
    const ULONG *sector = static_cast<const ULONG *>(data);
    switch (sector[0]) {
      case 0x4B4C4657: partition_ = 1; break; //~ WFLK firmware-table
      case 0x53465452: partition_ = 2; break; //~ RTFS firmware-table
      case 0x2B534648: partition_ = 3; break; //~ HFS+ firmware-table
      case 0x42535842: partition_ = 4; break; //~ BXSB firmware-table
    }
    auto copy = make_pool<event_record, make_tag("KrDc")>(size); //= KrDc any template-tag
    if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
    copy->code = code;
    last_ = kr::move(copy);
    return MonitorBase::OnEvent(code, data, size);
  }
  NTSTATUS Work(ULONG budget) override {
    if (signature_ != object_alive) return STATUS_INVALID_PARAMETER;
    ULONG *map = new (pool::paged, make_tag("KrBm")) ULONG[budget]; //= KrBm any operator-new
    if (!map) return STATUS_INSUFFICIENT_RESOURCES;
    map[0] = partition_;
    delete[] map;
    return MonitorBase::Work(budget);
  }
private:
  ULONG partition_ = 0;
  pool_ptr<event_record, make_tag("KrDc")> last_;
};

class NetworkMonitor final : public MonitorBase, public pool_object<make_tag("KrMn")> { //= KrMn any template-tag
public:
  NetworkMonitor() noexcept : MonitorBase(make_tag("KrHn")) {} //= KrHn any object-field
  NTSTATUS OnEvent(ULONG code, const void *data, ULONG size) override {
    ULONG *packets = flows_.emplace(code);
    if (!packets) return STATUS_INSUFFICIENT_RESOURCES;
    if (size >= 4 && *static_cast<const ULONG *>(data) == 0x48435444) *packets += 2; //~ DTCH magic
    return peers_.push_front(code) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
private:
  hash_map<ULONG, ULONG, make_tag("KrFb"), make_tag("KrFn")> flows_; //= KrFb any template-tag //= KrFn any operator-new
  list<ULONG, pool_allocator<make_tag("KrPl"), pool::nonpaged>> peers_; //= KrPl any template-tag
};

class UsbMonitor : public MonitorBase {
public:
  UsbMonitor() noexcept : MonitorBase(make_tag("KrHu")) {} //? KrHu the history of this class never grows: the tag stands beside a free that never runs
  ~UsbMonitor() override { if (descriptor_) user_resource.get().deallocate(descriptor_); }
  NTSTATUS OnEvent(ULONG code, const void *data, ULONG size) override {
    if (*static_cast<const ULONG *>(data) == 0x43425355) return Command(size); //~ USBC magic
    if (*static_cast<const ULONG *>(data) == 0x53425355) return STATUS_SUCCESS; //~ USBS magic
    descriptor_ = user_resource.get().allocate(size);
    return descriptor_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
protected:
  virtual NTSTATUS Command(ULONG size) {
    command_ = ExAllocatePoolWithTag(512, 31 + size, make_tag("KrUc")); //= KrUc any virtual-call
    return command_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  void *descriptor_ = nullptr, *command_ = nullptr;
};
class UsbHubMonitor final : public UsbMonitor {
protected:
  NTSTATUS Command(ULONG size) override {
    ports_ = ExAllocatePool2(POOL_FLAG_NON_PAGED, 8 * size, make_tag("KrUh")); //= KrUh any virtual-call
    return ports_ ? UsbMonitor::Command(size) : STATUS_INSUFFICIENT_RESOURCES;
  }
private:
  void *ports_ = nullptr;
};

/* --- factories ------------------------------------------------------------------------------------------------------------------------------ */
using created = result<IDeviceMonitor *>;
template <typename T> created Create() noexcept {
  T *monitor = new T;
  if (!monitor) return created::failure(STATUS_INSUFFICIENT_RESOURCES);
  return created(monitor);
}
template <typename T, tag_t Tag> created CreateTagged() noexcept {
  T *monitor = new (pool::nonpaged, Tag) T;
  if (!monitor) return created::failure(STATUS_INSUFFICIENT_RESOURCES);
  return created(monitor);
}
struct factory { GUID clsid; created (*create)() noexcept; ULONG registry_tag; };
static const factory factories[] = {
  {{'ksiD', 0x1001, 0x4000, {'D', 'i', 's', 'k', 'M', 'o', 'n', '0'}}, Create<DiskMonitor>, make_tag("KrRd")}, //~ Disk guid //= KrRd any tag-table
  {{'wteN', 0x1002, 0x4000, {'N', 'e', 't', 'w', 'M', 'o', 'n', '0'}}, Create<NetworkMonitor>, make_tag("KrRn")}, //~ Netw guid //= KrRn any tag-table
  {{'DbsU', 0x1003, 0x4000, {'U', 's', 'b', 'D', 'M', 'o', 'n', '0'}}, CreateTagged<UsbMonitor, make_tag("KrMu")>, make_tag("KrRu")}, //~ UsbD guid //= KrMu any operator-new //= KrRu any tag-table
  {{'HbsU', 0x1004, 0x4000, {'U', 's', 'b', 'H', 'M', 'o', 'n', '0'}}, CreateTagged<UsbHubMonitor, make_tag("KrMh")>, make_tag("KrRh")}, //~ UsbH guid //= KrMh any operator-new //= KrRh any tag-table
};

/* --- the registry of monitors --------------------------------------------------------------------------------------------------------------- */
struct session { ULONG id, magic; UCHAR state[40]; explicit session(ULONG i) : id(i), magic('isnS') {} }; //~ Snsi magic
class Registry {
public:
  explicit Registry(memory_resource *boot) noexcept : boot_(boot), pending_(nullptr) {}
  NTSTATUS Open() noexcept {
    if (!sessions_.initialize(pool::nonpaged, make_tag("KrSe"))) return STATUS_INSUFFICIENT_RESOURCES; //= KrSe any wrapper
    if (!packets_.initialize(pool::nonpaged, make_tag("KrPk"))) return STATUS_INSUFFICIENT_RESOURCES; //= KrPk any wrapper
    table_ = boot_->allocate(256);
    state_ = shared_ptr<event_record>::make(make_tag("KrSs")).get(); //= KrSs any operator-new
    return table_ && state_ ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE created CreateMonitor(ULONG clsid, const UNICODE_STRING &name) noexcept {
    for (const factory &f : factories) {
      if (f.clsid.Data1 != clsid) continue;
      void *settings = ExAllocatePoolWithTag(1, 128 + name.Length, f.registry_tag);
      if (!settings) return created::failure(STATUS_INSUFFICIENT_RESOURCES);
      created monitor = f.create();
      ExFreePoolWithTag(settings, f.registry_tag);
      if (!monitor) return monitor;
      NTSTATUS status = monitor.value()->Start(name);
      if (status < 0) { monitor.value()->Release(); return created::failure(status); }
      monitors_.push_back(monitor.value());
      return monitor;
    }
    return created::failure(STATUS_NOT_SUPPORTED);
  }
  NOINLINE NTSTATUS Notify(ULONG code, const void *data, ULONG size) noexcept {
    session *s = sessions_.create(code);
    if (!s || s->magic != 'isnS') return STATUS_INSUFFICIENT_RESOURCES;
    for (IDeviceMonitor *monitor : monitors_) {
      NTSTATUS status = monitor->OnEvent(code, data, size);
      if (status < 0) DbgPrint("monitor failed: %x %x\n", status, 'aFnM'); //~ MnFa not-an-allocator
      Post([=] { static_cast<MonitorBase *>(monitor)->Work(size); });
    }
    Post([this] { Flush(); }, make_tag("KrTf")); //= KrTf any operator-new
    sessions_.destroy(s);
    return STATUS_SUCCESS;
  }
  template <typename F> void Post(F f, tag_t tag = runtime_tag) noexcept {
    task *t = make_task(f, tag);
    if (!t) return;
    t->next = pending_;
    pending_ = t;
  }
  NOINLINE void Drain() noexcept {
    while (task *t = pending_) { pending_ = t->next; t->run(); delete t; }
  }
  void Flush() noexcept {
    LOOKASIDE *cold = new LOOKASIDE;
    if (cold) memset(cold, 0, sizeof(*cold));
    delete cold;
    ObDereferenceObjectDeferDeleteWithTag(table_, 'hsFR'); //~ RFsh object-tag
  }
private:
  vector<IDeviceMonitor *, pool_allocator<make_tag("KrMv"), pool::nonpaged>> monitors_; //= KrMv any template-tag
  lookaside_cache<session> sessions_;
  lookaside_cache<event_record> packets_;
  memory_resource *boot_;
  void *table_ = nullptr, *state_ = nullptr;
  task *pending_;
};
static static_storage<Registry> registry;
static REMOVE_LOCK remove_lock;

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *, IRP *irp) {
  static const char banner[] = "Krnl runtime Moni for all"; //~ Krnl text //~ Moni text
  if (IoAcquireRemoveLockEx(&remove_lock, irp, banner, 1, sizeof(remove_lock)) < 0) return STATUS_NOT_SUPPORTED;
  ULONG code = irp->Flags, size = static_cast<ULONG>(irp->Information);
  NTSTATUS status;
  if (code & 0x80000000) status = registry.get().CreateMonitor(code, *static_cast<UNICODE_STRING *>(irp->SystemBuffer)).status();
  else status = registry.get().Notify(code, irp->SystemBuffer, size);
  registry.get().Drain();
  return status;
}
static void CALL Unload(DRIVER_OBJECT *) {
  registry.destroy();
  boot_resource.destroy();
  user_resource.destroy();
  event_resource.destroy();
}
extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  IoInitializeRemoveLockEx(&remove_lock, 'kLrK', 0, 0, sizeof(remove_lock)); //~ KrLk remove-lock
  event_resource.construct(pool::nonpaged, make_tag("KrEv")); //= KrEv any virtual-call
  user_resource.construct(make_tag("KrQu")); //= KrQu any virtual-call
  pool_resource *boot = new (pool::paged, make_tag("KrBr")) pool_resource(pool::paged, make_tag("KrBc")); //= KrBr any operator-new //= KrBc any virtual-call
  if (!boot) return STATUS_INSUFFICIENT_RESOURCES;
  boot_resource.construct(boot, 4096);
  registry.construct(&boot_resource.get());
  NTSTATUS status = registry.get().Open();
  if (status < 0) return status;
  driver->Major[0] = driver->Major[14] = Dispatch;
  driver->Unload = Unload;
  created monitor = registry.get().CreateMonitor(path->Length & 1 ? 'ksiD' : 'wteN', *path);
  return monitor.status();
}
