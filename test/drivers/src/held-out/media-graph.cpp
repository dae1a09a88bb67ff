// Held out: the graph of a streaming driver in modern C++: a small kernel template library (unique pointers, vectors, guards of locks),
// operator new with the pool's tag, classes that bring their own tag, an allocator interface that nodes are given.
#include "kernel.h"

namespace ktl {

enum class pool : ULONG { paged = PagedPool, nonpaged = NonPagedPoolNx };
static PVOID volatile published;

NOINLINE PVOID allocate(SIZE_T bytes, pool type, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(static_cast<ULONG>(type), bytes ? bytes : 1, tag);
  if (p) memset(p, 0, bytes);
  return p;
}

} // namespace ktl

PVOID operator new(SIZE_T bytes, ktl::pool type, ULONG tag) noexcept { return ktl::allocate(bytes, type, tag); }
PVOID operator new[](SIZE_T bytes, ktl::pool type, ULONG tag) noexcept { return ktl::allocate(bytes, type, tag); }
inline PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }
void operator delete(PVOID p, ktl::pool, ULONG tag) noexcept { if (p) ExFreePoolWithTag(p, tag); }
void operator delete(PVOID p) noexcept { if (p) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { if (p) ExFreePool(p); }
void operator delete[](PVOID p) noexcept { if (p) ExFreePoolWithTag(p, 'aDGM'); } //= MGDa free-call free
extern "C" int _purecall() { KeBugCheckEx('ruPC', 0, 0, 0, 0); return 0; } //~ CPur bug-check

namespace ktl {

/* Locks that are held as long as the object lives. */
class spin_lock {
public:
  spin_lock() { KeInitializeSpinLock(&m_lock); }
  class guard {
  public:
    explicit guard(spin_lock &lock) : m_owner(lock), m_irql(KeAcquireSpinLockRaiseToDpc(&lock.m_lock)) {}
    ~guard() { KeReleaseSpinLock(&m_owner.m_lock, m_irql); }
  private:
    spin_lock &m_owner;
    UCHAR m_irql;
  };
private:
  ULONG_PTR m_lock;
};

class resource {
public:
  NTSTATUS initialize() {
    m_resource = ExAllocatePoolWithTag(NonPagedPoolNx, 104, 'eRGM'); //= MGRe allocation-call direct
    return m_resource ? ExInitializeResourceLite(m_resource) : STATUS_INSUFFICIENT_RESOURCES;
  }
  ~resource() {
    if (!m_resource) return;
    ExDeleteResourceLite(m_resource);
    ExFreePoolWithTag(m_resource, 'eRGM');
  }
  class exclusive {
  public:
    explicit exclusive(resource &owner) : m_owner(owner) { KeEnterCriticalRegion(); ExAcquireResourceExclusiveLite(owner.m_resource, TRUE); }
    ~exclusive() { ExReleaseResourceLite(m_owner.m_resource); KeLeaveCriticalRegion(); }
  private:
    resource &m_owner;
  };
private:
  PVOID m_resource = nullptr;
};

/* Memory with one owner. */
template <ULONG Tag, pool Type = pool::paged> class buffer {
public:
  buffer() = default;
  buffer(const buffer &) = delete;
  ~buffer() { reset(); }
  bool resize(SIZE_T bytes) {
    PVOID p = ExAllocatePoolWithTag(static_cast<ULONG>(Type), bytes, Tag);
    if (!p) return false;
    if (m_data) memcpy(p, m_data, m_bytes < bytes ? m_bytes : bytes);
    reset();
    m_data = p;
    m_bytes = bytes;
    return true;
  }
  void reset() { if (m_data) ExFreePoolWithTag(m_data, Tag); m_data = nullptr; }
  UCHAR *get() const { return static_cast<UCHAR *>(m_data); }
  SIZE_T size() const { return m_bytes; }
private:
  PVOID m_data = nullptr;
  SIZE_T m_bytes = 0;
};

template <typename T> class unique_ptr {
public:
  explicit unique_ptr(T *p = nullptr) : m_p(p) {}
  unique_ptr(unique_ptr &&other) : m_p(other.release()) {}
  ~unique_ptr() { if (m_p) { m_p->~T(); ExFreePoolWithTag(m_p, T::tag); } }
  T *release() { T *p = m_p; m_p = nullptr; return p; }
  T *operator->() const { return m_p; }
  T *get() const { return m_p; }
  explicit operator bool() const { return m_p != nullptr; }
private:
  T *m_p;
};
template <typename T, typename... A> unique_ptr<T> make_unique(A... arguments) {
  return unique_ptr<T>(new (pool::nonpaged, T::tag) T(arguments...));
}

/* A vector: what it holds says whose memory it is. */
template <typename T, typename Traits> class vector {
public:
  ~vector() { if (m_items) ExFreePoolWithTag(m_items, Traits::vector_tag); }
  NOINLINE bool push_back(T item) {
    if (m_count == m_room) {
      ULONG room = m_room ? m_room * 2 : 8;
      T *items = static_cast<T *>(ExAllocatePool2(POOL_FLAG_PAGED, room * sizeof(T), Traits::vector_tag));
      if (!items) return false;
      for (ULONG i = 0; i < m_count; i++) items[i] = m_items[i];
      if (m_items) ExFreePoolWithTag(m_items, Traits::vector_tag);
      m_items = items;
      m_room = room;
    }
    m_items[m_count++] = item;
    return true;
  }
  T &operator[](ULONG i) { return m_items[i]; }
  ULONG size() const { return m_count; }
private:
  T *m_items = nullptr;
  ULONG m_count = 0, m_room = 0;
};

/* An allocator as an interface. */
struct allocator {
  virtual PVOID Allocate(SIZE_T bytes, ULONG tag) = 0;
  virtual void Free(PVOID p, ULONG tag) = 0;
};
class pool_allocator final : public allocator {
public:
  explicit pool_allocator(pool type) : m_type(type) {}
  PVOID Allocate(SIZE_T bytes, ULONG tag) override { m_used += bytes; return ExAllocatePoolWithTag(static_cast<ULONG>(m_type), bytes, tag); }
  void Free(PVOID p, ULONG tag) override { ExFreePoolWithTag(p, tag); }
private:
  pool m_type;
  SIZE_T m_used = 0;
};
class quota_allocator final : public allocator {
public:
  PVOID Allocate(SIZE_T bytes, ULONG tag) override { return ExAllocatePoolWithQuotaTag(PagedPool | 8, bytes, tag); }
  void Free(PVOID p, ULONG tag) override { ExFreePoolWithTag(p, tag); }
};

template <ULONG Tag> class lookaside {
public:
  NTSTATUS initialize(SIZE_T size) { return ExInitializeLookasideListEx(&m_list, nullptr, nullptr, NonPagedPoolNx, 0, size, Tag, 0); }
  void destroy() { ExDeleteLookasideListEx(&m_list); }
private:
  LOOKASIDE m_list;
};

} // namespace ktl

namespace graph {

using ktl::pool;
constexpr ULONG fourcc(char a, char b, char c, char d) { return ULONG(a) | ULONG(b) << 8 | ULONG(c) << 16 | ULONG(d) << 24; }
constexpr ULONG format_nv12 = fourcc('N', 'V', '1', '2'); //~ NV12 firmware-table
constexpr ULONG format_mjpg = fourcc('M', 'J', 'P', 'G'); //~ MJPG firmware-table
constexpr ULONG format_yuy2 = fourcc('Y', 'U', 'Y', '2'); //~ YUY2 firmware-table

struct Format { ULONG fourcc, width, height, stride; static constexpr ULONG vector_tag = 'vFGM'; }; //= MGFv allocation-call template-tag
static const Format formats[] = {{format_nv12, 1920, 1080, 1920}, {format_yuy2, 640, 480, 1280}, {format_mjpg, 3840, 2160, 0}};

class Sample {
public:
  static constexpr ULONG tag = 'pSGM'; //= MGSp any operator-new
  explicit Sample(ULONG bytes) : m_bytes(bytes), m_mark('eLPS') { m_ok = m_data.resize(bytes); } //~ SPLe magic
  bool ok() const { return m_ok && m_bytes && m_mark == 'eLPS'; }
  UCHAR *data() const { return m_data.get(); }
  LIST_ENTRY link;
private:
  ULONG m_bytes, m_mark;
  bool m_ok;
  ktl::buffer<'dSGM', pool::nonpaged> m_data; //= MGSd allocation-call template-tag
};

class Node {
public:
  Node(ktl::allocator &memory, ULONG kind) : m_memory(memory), m_kind(kind) {}
  virtual ~Node() {}
  virtual NTSTATUS Prepare(const Format &format) = 0;
  virtual NTSTATUS Process(Sample &sample) = 0;
  static constexpr ULONG vector_tag = 'vNGM'; //= MGNv allocation-call template-tag
protected:
  ktl::allocator &m_memory;
  ULONG m_kind;
};

class Source final : public Node {
public:
  static constexpr ULONG tag = 'oSGM'; //= MGSo any operator-new
  explicit Source(ktl::allocator &memory) : Node(memory, 'ecrs') {} //~ srce magic
  NTSTATUS Prepare(const Format &format) override {
    m_line = static_cast<UCHAR *>(m_memory.Allocate(format.stride, 'nLGM')); //= MGLn any virtual-call
    return m_line ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NTSTATUS Process(Sample &sample) override { memcpy(sample.data(), m_line, 64); return STATUS_SUCCESS; }
  ~Source() override { if (m_line) m_memory.Free(m_line, 'nLGM'); }
private:
  UCHAR *m_line = nullptr;
};

class Scaler final : public Node {
public:
  static constexpr ULONG tag = 'cSGM'; //= MGSc any operator-new
  explicit Scaler(ktl::allocator &memory) : Node(memory, 'lacs') {} //~ scal magic
  NTSTATUS Prepare(const Format &format) override {
    m_taps = static_cast<ULONG *>(m_memory.Allocate(format.width * 8, 'pTGM')); //= MGTp any virtual-call
    if (!m_taps || !m_rows.resize(format.height * 4)) return STATUS_INSUFFICIENT_RESOURCES;
    m_taps[0] = format.fourcc == format_nv12 ? 2 : 1;
    return STATUS_SUCCESS;
  }
  NTSTATUS Process(Sample &sample) override {
    ULONG *history = new (pool::paged, 'iHGM') ULONG[64]; //= MGHi any operator-new
    if (!history) return STATUS_INSUFFICIENT_RESOURCES;
    history[0] = *reinterpret_cast<ULONG *>(sample.data()) ^ m_taps[0];
    ktl::published = history;
    return STATUS_SUCCESS;
  }
private:
  ULONG *m_taps = nullptr;
  ktl::buffer<'wRGM'> m_rows; //= MGRw allocation-call template-tag
};

class Metadata {
public:
  PVOID operator new(SIZE_T bytes) noexcept { return ExAllocatePoolWithTag(PagedPool, bytes, 'dMGM'); } //= MGMd any operator-new
  void operator delete(PVOID p) noexcept { ExFreePoolWithTag(p, 'dMGM'); }
  explicit Metadata(ULONG id) : m_id(id), m_mark('ateM') {} //~ Meta magic
  NOINLINE bool Parse(const UCHAR *from) { m_values[0] = *from; return m_mark == 'ateM' && m_id != 0; }
private:
  ULONG m_id, m_mark, m_values[12];
};

class Filter {
public:
  static constexpr ULONG tag = 'lFGM'; //= MGFl any operator-new
  explicit Filter(DRIVER_OBJECT *driver) : m_driver(driver), m_nonpaged(pool::nonpaged) {}
  NOINLINE NTSTATUS Build(ULONG options) {
    NTSTATUS status = m_lock.initialize();
    if (status < 0) return status;
    ktl::resource::exclusive hold(m_lock);
    ktl::allocator *memory = &m_quota;
    if (options & 1) memory = &m_nonpaged;
    Node *source = new (pool::nonpaged, Source::tag) Source(*memory);
    Node *scaler = new (pool::nonpaged, Scaler::tag) Scaler(m_nonpaged);
    if (!source || !scaler || !m_nodes.push_back(source) || !m_nodes.push_back(scaler)) return STATUS_INSUFFICIENT_RESOURCES;
    for (const Format &format : formats)
      if (!m_formats.push_back(format)) return STATUS_INSUFFICIENT_RESOURCES;
    status = m_requests.initialize(192);
    return status < 0 ? status : m_events.initialize(64);
  }
  NOINLINE NTSTATUS Run(ULONG which) {
    auto sample = ktl::make_unique<Sample>(m_formats[which].stride);
    if (!sample || !sample->ok()) return STATUS_INSUFFICIENT_RESOURCES;
    ktl::spin_lock::guard hold(m_queue);
    for (ULONG i = 0; i < m_nodes.size(); i++) {
      NTSTATUS status = m_nodes[i]->Prepare(m_formats[which]);
      if (status >= 0) status = m_nodes[i]->Process(*sample.get());
      if (status < 0) return status;
    }
    Metadata *metadata = new Metadata(which);
    if (metadata && !metadata->Parse(sample->data())) { delete metadata; return STATUS_INVALID_PARAMETER; }
    m_last = metadata;
    return STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS Describe(const UNICODE_STRING &path) {
    m_name = static_cast<WCHAR *>(ktl::allocate(path.Length, pool::paged, 'mNGM')); //= MGNm wrapper-call wrapper
    m_blob = ktl::allocate(path.MaximumLength * 4, pool::nonpaged, 'bBGM'); //= MGBb wrapper-call wrapper
    if (!m_name || !m_blob) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(m_name, path.Buffer, path.Length);
    *static_cast<ULONG *>(m_blob) = 'FFIR'; //~ RIFF magic
    ObReferenceObjectByPointerWithTag(m_driver, 0, nullptr, 0, 'bOGM'); //~ MGOb object-tag
    return STATUS_SUCCESS;
  }
  NOINLINE ~Filter() {
    m_requests.destroy();
    m_events.destroy();
    for (ULONG i = 0; i < m_nodes.size(); i++) m_nodes[i]->~Node();
  }
private:
  DRIVER_OBJECT *m_driver;
  ktl::pool_allocator m_nonpaged;
  ktl::quota_allocator m_quota;
  ktl::resource m_lock;
  ktl::spin_lock m_queue;
  ktl::vector<Node *, Node> m_nodes;
  ktl::vector<Format, Format> m_formats;
  ktl::lookaside<'qRGM'> m_requests; //= MGRq lookaside-init template-tag
  ktl::lookaside<'vEGM'> m_events; //= MGEv lookaside-init template-tag
  WCHAR *m_name = nullptr;
  PVOID m_blob = nullptr;
  Metadata *m_last = nullptr;
};

/* What the port class calls with properties: each answer is a block that the caller frees. */
NOINLINE static NTSTATUS Property(ULONG id, PVOID *out, ULONG bytes) {
  switch (id) {
  case 1: *out = new (pool::paged, '1PGM') UCHAR[bytes]; break; //= MGP1 any operator-new
  case 2: *out = ExAllocatePoolWithTag(PagedPool, bytes * 2, '2PGM'); break; //= MGP2 allocation-call branches
  case 3: *out = ExAllocatePoolWithTag(NonPagedPoolNx, 48, '3PGM'); break; //= MGP3 allocation-call branches
  case 4: *out = ExAllocatePool2(POOL_FLAG_PAGED, bytes, '4PGM'); break; //= MGP4 allocation-call branches
  case 'lcvP': delete[] static_cast<UCHAR *>(*out); *out = nullptr; return STATUS_SUCCESS; //~ Pvcl magic
  default: return STATUS_NOT_SUPPORTED;
  }
  return *out ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static Filter *s_filter;

static void CALL Unload(DRIVER_OBJECT *driver) {
  ktl::unique_ptr<Filter> last(s_filter);
  s_filter = nullptr;
}
static NTSTATUS CALL Control(DEVICE_OBJECT *device, IRP *irp) {
  NTSTATUS status = irp->Stack->Minor ? s_filter->Run(irp->Stack->Minor % 3u) : Property(irp->Flags, &irp->SystemBuffer, static_cast<ULONG>(irp->Information));
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

} // namespace graph

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  auto filter = ktl::make_unique<graph::Filter>(driver);
  if (!filter) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = filter->Build(driver->Flags);
  if (status >= 0) status = filter->Describe(*path);
  if (status < 0) return status;
  driver->Unload = graph::Unload;
  driver->Major[14] = graph::Control;
  graph::s_filter = filter.release();
  return STATUS_SUCCESS;
}
