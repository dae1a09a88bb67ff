// Held out: a graphics kernel's objects: adapters and allocations as classes, arrays by template over pool and tag, a memory manager
// reached through an interface in the adapter, escape codes and formats of four letters.
#include "kernel.h"

enum POOL_KIND { PoolPaged = 1, PoolNonPaged = 512 };
NOINLINE static PVOID VidAllocate(SIZE_T cb, ULONG tag, POOL_KIND kind) {
  ULONG64 flags = kind == PoolPaged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED;
  return cb == 0 ? nullptr : ExAllocatePool2(flags, cb, tag);
}
PVOID operator new(SIZE_T cb, ULONG tag, POOL_KIND kind) noexcept { return VidAllocate(cb, tag, kind); }
PVOID operator new[](SIZE_T cb, ULONG tag, POOL_KIND kind) noexcept { return VidAllocate(cb, tag, kind); }
PVOID operator new(SIZE_T, PVOID p) noexcept { return p; }
void operator delete(PVOID pv) noexcept { if (pv != nullptr) ExFreePoolWithTag(pv, 0); }
void operator delete(PVOID pv, SIZE_T) noexcept { operator delete(pv); }
void operator delete(PVOID pv, ULONG, POOL_KIND) noexcept { operator delete(pv); }
void operator delete[](PVOID pv) noexcept { operator delete(pv); }
extern "C" int _purecall() { KeBugCheckEx(0x10E, 'crup', 0, 0, 0); return 0; } //~ purc bug-check

static PVOID volatile g_pvLast;

template <typename T, ULONG Tag, POOL_KIND Kind, ULONG Local = 4> class ARRAY {
public:
  ARRAY() : m_p(m_local), m_c(Local) {}
  ~ARRAY() { if (m_p != m_local) ExFreePoolWithTag(m_p, Tag); }
  NOINLINE T *Ensure(ULONG c) {
    if (c <= m_c) return m_p;
    T *p = static_cast<T *>(VidAllocate(c * sizeof(T), Tag, Kind));
    if (p == nullptr) return nullptr;
    memcpy(p, m_p, m_c * sizeof(T));
    if (m_p != m_local) ExFreePoolWithTag(m_p, Tag);
    m_p = p;
    m_c = c;
    return p;
  }
private:
  T m_local[Local], *m_p;
  ULONG m_c;
};

/* the memory manager's interface, given to the adapter when it starts */
struct MEMORY_MANAGER {
  ULONG Version;
  PVOID Context;
  PVOID (*pfnAllocate)(PVOID context, SIZE_T cb, ULONG tag);
  PVOID (*pfnReallocate)(PVOID context, PVOID pv, SIZE_T cb, ULONG tag);
  void (*pfnFree)(PVOID context, PVOID pv);
  NTSTATUS (*pfnNotify)(PVOID context, SIZE_T cb, ULONG event);
};
struct SEGMENT { ULONG64 base, size; ULONG flags, poolTag; LOOKASIDE list; };

static PVOID ManagerAllocate(PVOID context, SIZE_T cb, ULONG tag) {
  static_cast<SEGMENT *>(context)->size += cb;
  return ExAllocatePoolWithTag(NonPagedPoolNx, cb, tag);
}
static PVOID ManagerReallocate(PVOID context, PVOID pv, SIZE_T cb, ULONG tag) {
  PVOID grown = ExAllocatePoolWithTag(PagedPool, cb, tag);
  if (grown && pv) ExFreePoolWithTag(pv, tag);
  return grown;
}
static void ManagerFree(PVOID, PVOID pv) { ExFreePool(pv); }
static NTSTATUS ManagerNotify(PVOID context, SIZE_T cb, ULONG event) {
  static_cast<SEGMENT *>(context)->flags = event + static_cast<ULONG>(cb);
  return STATUS_SUCCESS;
}

class OBJECT {
public:
  explicit OBJECT(ULONG signature) : m_signature(signature) {}
  virtual ~OBJECT() { m_signature = 'daed'; } //~ dead magic
  virtual NTSTATUS Start() = 0;
protected:
  ULONG m_signature;
};

class ADAPTER : public OBJECT {
public:
  ADAPTER(SEGMENT *segment, ULONG tag) : OBJECT('tpdA'), m_segment(segment), m_tag(tag) { //~ Adpt magic
    m_manager = {2, segment, ManagerAllocate, ManagerReallocate, ManagerFree, ManagerNotify};
  }
  NTSTATUS Start() override {
    m_ring = m_manager.pfnAllocate(m_manager.Context, 0x4000, 'gRxG'); //= GxRg any operations-object
    m_fence = m_manager.pfnReallocate(m_manager.Context, nullptr, 64, 'nFxG'); //= GxFn any operations-object
    return m_manager.pfnNotify(m_manager.Context, 64, 'trtS'); //~ Strt not-an-allocator
  }
  NOINLINE PVOID Private(SIZE_T cb) { return ExAllocatePoolWithTag(NonPagedPoolNx, cb, m_tag); }
  NOINLINE void Stop() {
    if (m_ring && m_segment->size) m_manager.pfnFree(m_manager.Context, m_ring);
  }
private:
  MEMORY_MANAGER m_manager;
  SEGMENT *m_segment;
  PVOID m_ring = nullptr, m_fence = nullptr;
  ULONG m_tag;
};

class ALLOCATION : public OBJECT {
public:
  static constexpr ULONG Tag = 'lAxG'; //= GxAl wrapper-call operator-new
  static ALLOCATION *Create(ULONG format) { return new (Tag, PoolPaged) ALLOCATION(format); }
  NTSTATUS Start() override {
    switch (m_format) {
      case '565R': m_bits = 16; break; //~ R565 firmware-table
      case '010P': m_bits = 24; break; //~ P010 firmware-table
      case '1TXD': case '5TXD': m_bits = 4; break; //~ DXT1 firmware-table //~ DXT5 firmware-table
      default: return STATUS_NOT_SUPPORTED;
    }
    ULONG *runtime = new ('tRxG', m_bits > 8 ? PoolNonPaged : PoolPaged) ULONG[m_bits]; //= GxRt wrapper-call operator-new
    if (!runtime) return STATUS_INSUFFICIENT_RESOURCES;
    m_runtime = runtime;
    return m_pages.Ensure(m_bits * 4) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  ~ALLOCATION() override { delete[] m_runtime; }
private:
  explicit ALLOCATION(ULONG format) : OBJECT('colA'), m_format(format), m_bits(0), m_runtime(nullptr) {} //~ Aloc magic
  ULONG m_format, m_bits, *m_runtime;
  ARRAY<ULONG64, 'gPxG', PoolNonPaged> m_pages; //= GxPg any template-tag
};

/* what kind of memory a video client asks for decides the tag */
NOINLINE static ULONG TagOfClient(ULONG client) {
  switch (client) {
    case 0: return '0CxG'; //= GxC0 wrapper-call return-value
    case 1: return '1CxG'; //= GxC1 wrapper-call return-value
    case 2: return '2CxG'; //= GxC2 wrapper-call return-value
    case 6: return 'DFdV'; //= VdFD wrapper-call return-value
    default: return '?CxG'; //= GxC? wrapper-call return-value
  }
}

NOINLINE static NTSTATUS Escape(const ULONG *data, ULONG cb) {
  if (cb < 8 || data[0] != 'csEx') return STATUS_INVALID_PARAMETER; //~ xEsc magic
  ARRAY<ULONG, 'cExG', PoolPaged, 16> copy; //= GxEc any template-tag
  ULONG *p = copy.Ensure(cb);
  if (!p) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(p, data, cb);
  g_pvLast = VidAllocate(cb, TagOfClient(p[1]), PoolPaged);
  return p[1] == 'tixE' ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS; //~ Exit magic
}

NOINLINE static NTSTATUS StartSegment(SEGMENT *segment, ULONG index) {
  segment->poolTag = index & 1 ? '1SxG' : '0SyG'; //= GxS1 lookaside-init object-field //= GyS0 lookaside-init object-field
  segment->flags = 'gmeS'; //~ Semg magic
  return ExInitializeLookasideListEx(&segment->list, NULL, NULL, NonPagedPoolNx, 0, 256, segment->poolTag, 0);
}

static void CALL Unload(DRIVER_OBJECT *driver) { delete static_cast<OBJECT *>(driver->Section); }

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SEGMENT *segment = new ('gSxG', PoolNonPaged) SEGMENT; //= GxSg wrapper-call operator-new
  if (!segment || StartSegment(segment, path->Length) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  ADAPTER *adapter = new ('dAxG', PoolNonPaged) ADAPTER(segment, 'pAxG'); //= GxAd wrapper-call operator-new //= GxAp any object-field
  if (!adapter) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Section = adapter;
  driver->Unload = Unload;
  g_pvLast = adapter->Private(path->Length);
  ALLOCATION *allocation = ALLOCATION::Create(driver->Flags);
  if (!allocation) return STATUS_INSUFFICIENT_RESOURCES;
  OBJECT *objects[2] = {adapter, allocation};
  for (OBJECT *object : objects) if (object->Start() < 0) return STATUS_NOT_SUPPORTED;
  if (driver->Flags & 0x100) adapter->Stop();
  return Escape(reinterpret_cast<const ULONG *>(path->Buffer), path->Length);
}
