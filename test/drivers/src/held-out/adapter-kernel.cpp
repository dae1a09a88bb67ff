// Held out: a graphics kernel: adapters, devices and contexts made by an operator new with pool and tag, arrays with room of their own, a scheduler
// with lists for each priority, a memory manager with segments and heaps, escapes by table, histories, a tracked layer, a miniport's callbacks.
#include "kernel.h"

enum PoolKind : ULONG { PoolPaged = PagedPool, PoolNonPaged = NonPagedPoolNx };

/* ---- operators ---- */

PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }

NOINLINE PVOID operator new(SIZE_T cb, PoolKind kind, ULONG tag) noexcept {
  if (cb == 0) cb = 1;
  PVOID p = ExAllocatePoolWithTag(kind, cb, tag);
  if (p != nullptr) memset(p, 0, cb);
  return p;
}
NOINLINE PVOID operator new[](SIZE_T cb, PoolKind kind, ULONG tag) noexcept { return operator new(cb, kind, tag); }
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { if (p != nullptr) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx(0x119, 'cruP', 0, 0, 0); return 0; } //~ Purc bug-check

/* Objects that are charged to the process which asked for them. */
template <PoolKind Kind, ULONG Tag> class QuotaObject {
public:
  static PVOID operator new(SIZE_T cb) noexcept { return ExAllocatePoolWithQuotaTag(Kind | 8, cb, Tag); }
  static void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePoolWithTag(p, Tag); }
};

/* An array with room for the usual number of elements, and memory only for more. */
template <class T, ULONG Room, ULONG Tag> class InlineArray {
public:
  T *Reserve(ULONG count) {
    Release();
    if (count == 0 || count > 0xFFFFFFFF / sizeof(T)) return nullptr;
    if (count <= Room) m_data = m_room;
    else m_data = static_cast<T *>(ExAllocatePoolWithTag(PagedPool, count * sizeof(T), Tag));
    if (m_data != nullptr) { memset(m_data, 0, count * sizeof(T)); m_count = count; }
    return m_data;
  }
  void Release() {
    if (m_data != m_room && m_data != nullptr) ExFreePoolWithTag(m_data, Tag);
    m_data = nullptr;
    m_count = 0;
  }
  InlineArray() : m_data(nullptr), m_count(0) {}
  ~InlineArray() { Release(); }
private:
  T m_room[Room];
  T *m_data;
  ULONG m_count;
};

/* ---- the tracked layer: every block in a list, with its tag and line ---- */

struct TrackedHeader { LIST_ENTRY links; SIZE_T cb; ULONG tag, line; };
static struct { LIST_ENTRY blocks; ULONG_PTR lock; LONG64 bytes; } g_tracked;

NOINLINE static PVOID TrackedAllocate(PoolKind kind, SIZE_T cb, ULONG tag, ULONG line) {
  TrackedHeader *header = static_cast<TrackedHeader *>(ExAllocatePoolWithTag(kind, cb + sizeof(TrackedHeader), tag));
  if (header == nullptr) return nullptr;
  header->cb = cb;
  header->tag = tag;
  header->line = line;
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&g_tracked.lock);
  header->links.Flink = g_tracked.blocks.Flink;
  header->links.Blink = &g_tracked.blocks;
  g_tracked.blocks.Flink->Blink = &header->links;
  g_tracked.blocks.Flink = &header->links;
  g_tracked.bytes += cb;
  KeReleaseSpinLock(&g_tracked.lock, irql);
  return header + 1;
}
NOINLINE static void TrackedFree(PVOID p) {
  TrackedHeader *header = static_cast<TrackedHeader *>(p) - 1;
  header->links.Flink->Blink = header->links.Blink;
  header->links.Blink->Flink = header->links.Flink;
  g_tracked.bytes -= header->cb;
  ExFreePoolWithTag(header, header->tag);
}
#define GK_ALLOCATE(kind, cb, tag) TrackedAllocate(kind, cb, tag, __LINE__)

/* ---- texts and arrays that grow ---- */

NOINLINE static NTSTATUS DuplicateText(UNICODE_STRING *to, const UNICODE_STRING *from, PoolKind kind, ULONG tag) {
  to->Buffer = static_cast<PWSTR>(ExAllocatePoolWithTag(kind, from->Length + sizeof(WCHAR), tag));
  if (to->Buffer == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(to->Buffer, from->Buffer, from->Length);
  to->Length = from->Length;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  return STATUS_SUCCESS;
}

template <class T> static bool GrowArray(T *&array, ULONG &room, ULONG wanted, ULONG tag) {
  if (wanted <= room) return true;
  ULONG count = room * 2 > wanted ? room * 2 : wanted;
  T *grown = new (PoolPaged, tag) T[count];
  if (grown == nullptr) return false;
  if (array != nullptr) { memcpy(grown, array, room * sizeof(T)); ExFreePoolWithTag(array, tag); }
  array = grown;
  room = count;
  return true;
}

/* ---- histories: rings whose size is set later ---- */

class History {
public:
  void Initialize(ULONG entries, ULONG tag) { m_entries = entries; m_tag = tag; m_ring = nullptr; m_next = 0; }
  NOINLINE NTSTATUS Start() {
    m_ring = static_cast<ULONG64 *>(ExAllocatePoolWithTag(NonPagedPoolNx, m_entries * sizeof(ULONG64), m_tag));
    return m_ring == nullptr ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
  }
  void Add(ULONG64 value) { if (m_ring != nullptr) m_ring[m_next++ % m_entries] = value; }
  void Stop() { if (m_ring != nullptr) ExFreePoolWithTag(m_ring, m_tag); m_ring = nullptr; }
private:
  ULONG64 *m_ring;
  ULONG m_entries, m_next, m_tag;
};

/* ---- memory: segments of kinds, each with its heap ---- */

class Heap {
public:
  virtual PVOID Take(SIZE_T cb) = 0;
  virtual void Give(PVOID p) = 0;
  virtual NTSTATUS Prepare() { return STATUS_SUCCESS; }
protected:
  Heap(ULONG tag) : m_tag(tag), m_blocks(0) {}
  ULONG m_tag;
  LONG m_blocks;
};

class SystemHeap : public Heap {
public:
  SystemHeap(ULONG tag) : Heap(tag) {}
  PVOID Take(SIZE_T cb) override { m_blocks++; return ExAllocatePoolWithTag(PagedPool, cb, m_tag); }
  void Give(PVOID p) override { m_blocks--; ExFreePoolWithTag(p, m_tag); }
};

class ApertureHeap : public Heap {
public:
  ApertureHeap(ULONG tag, ULONG pages) : Heap(tag), m_pages(pages), m_map(nullptr) {}
  NTSTATUS Prepare() override {
    m_map = static_cast<ULONG *>(ExAllocatePoolWithTag(NonPagedPoolNx, m_pages / 8, 'mmmG')); //= Gmmm any direct
    return m_map ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  PVOID Take(SIZE_T cb) override {
    ULONG pages = static_cast<ULONG>(cb >> 12);
    if (m_map == nullptr || pages > m_pages) return nullptr;
    m_map[pages / 32] |= 1u << (pages & 31);
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(ULONG64) * (pages + 1), m_tag);
  }
  void Give(PVOID p) override { ExFreePoolWithTag(p, m_tag); }
private:
  ULONG m_pages;
  ULONG *m_map;
};

struct SegmentKind { const wchar_t *name; ULONG flags, pageShift, tag; };
static const SegmentKind g_segmentKinds[] = {
  {L"local", 0x01, 16, 'lsmG'}, //= Gmsl any tag-table
  {L"aperture", 0x02, 12, 'asmG'}, //= Gmsa any tag-table
  {L"system", 0x14, 12, 'ssmG'}, //= Gmss any tag-table
};
struct Segment { const SegmentKind *kind; Heap *heap; ULONG64 base, size; ULONG *pages; };

NOINLINE static Segment *CreateSegment(ULONG kind, ULONG64 base, ULONG64 size) {
  if (kind >= sizeof(g_segmentKinds) / sizeof(g_segmentKinds[0])) return nullptr;
  const SegmentKind &row = g_segmentKinds[kind];
  Segment *segment = static_cast<Segment *>(ExAllocatePoolWithTag(PagedPool, sizeof(Segment), row.tag));
  if (segment == nullptr) return nullptr;
  segment->kind = &row;
  segment->base = base;
  segment->size = size;
  segment->pages = new (PoolPaged, 'tpmG') ULONG[static_cast<ULONG>(size >> row.pageShift)]; //= Gmpt any operator-new
  if (row.flags & 2) segment->heap = new (PoolNonPaged, 'phmG') ApertureHeap('axmG', static_cast<ULONG>(size >> 12)); //= Gmhp any operator-new //= Gmxa any virtual-call
  else segment->heap = new (PoolPaged, 'phmG') SystemHeap('sxmG'); //= Gmxs any virtual-call
  if (segment->heap != nullptr && segment->heap->Prepare() >= 0) return segment;
  ExFreePoolWithTag(segment, row.tag);
  return nullptr;
}

/* ---- the scheduler: nodes, packets in lists by priority, work that is put off ---- */

enum { PriorityIdle, PriorityNormal, PriorityHigh, PriorityCount };
struct Packet { LIST_ENTRY links; ULONG64 fence; ULONG kind, bytes; PVOID dma; };
struct DeferredWork { PVOID item[8]; void (*routine)(DeferredWork *); PVOID context; ULONG tag; };

static void CALL DeferredRoutine(PVOID context) {
  DeferredWork *work = static_cast<DeferredWork *>(context);
  ULONG tag = work->tag;
  work->routine(work);
  ExFreePoolWithTag(work, tag);
}
NOINLINE static NTSTATUS QueueDeferred(void (*routine)(DeferredWork *), PVOID context, ULONG tag) {
  DeferredWork *work = static_cast<DeferredWork *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(DeferredWork), tag));
  if (work == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  work->routine = routine;
  work->context = context;
  work->tag = tag;
  ExQueueWorkItem(work, 1);
  return STATUS_SUCCESS;
}
static void ResetEngine(DeferredWork *work) { *static_cast<ULONG *>(work->context) = 0; }
static void ReportHang(DeferredWork *work) { KeSetEvent(work->context, 0, FALSE); }

class Node {
public:
  NTSTATUS Initialize(ULONG ordinal) {
    for (ULONG priority = 0; priority < PriorityCount; priority++)
      ExInitializeNPagedLookasideList(&m_packets[priority], nullptr, nullptr, 0, sizeof(Packet), '0psG' + (priority << 24), 0); //= Gsp0 any lookaside-loop //= Gsp1 any lookaside-loop //= Gsp2 any lookaside-loop
    m_ordinal = ordinal;
    m_submitted.Initialize(256, 'shsG'); //= Gshs any object-field
    m_completed.Initialize(512, 'chsG'); //= Gshc any object-field
    NTSTATUS status = m_submitted.Start();
    return status < 0 ? status : m_completed.Start();
  }
  NOINLINE Packet *Submit(ULONG priority, ULONG bytes) {
    Packet *packet = static_cast<Packet *>(ExpInterlockedPopEntrySList(&m_packets[priority % PriorityCount]));
    if (packet == nullptr) return nullptr;
    packet->bytes = bytes;
    packet->dma = bytes > 0x1000 ? ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'bdsG') : nullptr; //= Gsdb any direct
    m_submitted.Add(packet->fence);
    return packet;
  }
  void Hang() { QueueDeferred(ReportHang, this, 'whsG'); } //= Gshw any wrapper
  void Reset() { QueueDeferred(ResetEngine, &m_ordinal, 'wrsG'); } //= Gsrw any wrapper
  void Stop() { m_submitted.Stop(); m_completed.Stop(); }
private:
  LOOKASIDE m_packets[PriorityCount];
  History m_submitted, m_completed;
  ULONG m_ordinal;
};

/* ---- devices, contexts, allocations ---- */

enum ContextKind : ULONG { ContextRender, ContextOverlay, ContextSystem };
static ULONG ContextTag(ContextKind kind) {
  switch (kind) {
  case ContextRender: return 'rcKG'; //= GKcr any return-value
  case ContextOverlay: return 'ocKG'; //= GKco any return-value
  case ContextSystem: return 'scKG'; //= GKcs any return-value
  }
  return 'xcKG'; //= GKcx any return-value
}
struct Context { ContextKind kind; Node *node; PVOID privateData; ULONG privateSize; };
struct Fence : QuotaObject<PoolNonPaged, 'efKG'> { ULONG64 value; LONG waiters; }; //= GKfe any operator-new
struct Sharing : QuotaObject<PoolPaged, 'hsKG'> { GUID luid; LONG references; }; //= GKsh any operator-new

struct MiniportCallbacks {
  ULONG size, version;
  NTSTATUS (*CreateAllocation)(PVOID adapter, PVOID data, ULONG count);
  PVOID (*CreateContext)(PVOID adapter, ULONG node);
  NTSTATUS (*Escape)(PVOID adapter, PVOID data, ULONG cb);
};

class Device {
public:
  NOINLINE Context *CreateContext(ContextKind kind, Node *node, const void *data, ULONG cb) {
    ULONG tag = ContextTag(kind);
    Context *context = static_cast<Context *>(GK_ALLOCATE(PoolNonPaged, sizeof(Context), tag));
    if (context == nullptr) return nullptr;
    context->kind = kind;
    context->node = node;
    context->privateData = GK_ALLOCATE(PoolPaged, cb, 'dpKG'); //= GKpd any wrapper
    if (context->privateData == nullptr) { TrackedFree(context); return nullptr; }
    memcpy(context->privateData, data, cb);
    return context;
  }
  NOINLINE ULONG Insert(PVOID object) {
    if (!GrowArray(m_handles, m_room, m_count + 1, 'thKG')) return 0; //= GKht any wrapper-two
    m_handles[m_count] = object;
    return ++m_count;
  }
private:
  PVOID *m_handles;
  ULONG m_count, m_room;
};

class Adapter {
public:
  NTSTATUS Start(const UNICODE_STRING *path, ULONG nodes, ULONG sources);
  NTSTATUS CreateAllocations(const ULONG *sizes, ULONG count);
  NTSTATUS Escape(ULONG code, const void *data, ULONG cb);
  void Stop();
  MiniportCallbacks m_miniport;
  UNICODE_STRING m_path, m_description;
  Node *m_nodes;
  ULONG m_nodeCount, m_signature;
  PVOID *m_sources, m_watchdog, m_lastAllocation;
  LOOKASIDE m_allocationList, m_resourceList, m_referenceList;
  Device *m_device;
};

NOINLINE NTSTATUS Adapter::Start(const UNICODE_STRING *path, ULONG nodes, ULONG sources) {
  m_signature = 'tpdA'; //~ Adpt magic
  NTSTATUS status = DuplicateText(&m_path, path, PoolPaged, 'pdKG'); //= GKdp any wrapper
  if (status < 0) return status;
  m_nodes = new (PoolNonPaged, 'onsG') Node[nodes]; //= Gsno any operator-new
  if (m_nodes == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  for (m_nodeCount = 0; m_nodeCount < nodes; m_nodeCount++)
    if ((status = m_nodes[m_nodeCount].Initialize(m_nodeCount)) < 0) return status;
  m_sources = static_cast<PVOID *>(ExAllocatePoolWithTag(NonPagedPoolNx, sources * sizeof(PVOID), 'svKG')); //= GKvs any direct
  m_watchdog = ExAllocatePoolWithTag(NonPagedPoolNx, 0x90, 'dwKG'); //= GKwd any direct
  if (m_sources == nullptr || m_watchdog == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  KeInitializeDpc(m_watchdog, nullptr, this);
  ExInitializePagedLookasideList(&m_allocationList, nullptr, nullptr, 0, 0x180, 'laKG', 0); //= GKal any lookaside
  ExInitializePagedLookasideList(&m_resourceList, nullptr, nullptr, 0, 0x90, 'lrKG', 0); //= GKrl any lookaside
  ExInitializeNPagedLookasideList(&m_referenceList, nullptr, nullptr, 0, 0x40, 'frKG', 0); //= GKrf any lookaside
  m_device = new (PoolPaged, 'vdKG') Device; //= GKdv any operator-new
  return m_device == nullptr ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

NOINLINE NTSTATUS Adapter::CreateAllocations(const ULONG *sizes, ULONG count) {
  InlineArray<ULONG64, 8, 'iaKG'> addresses; //= GKai any template-tag
  InlineArray<Packet *, 4, 'paKG'> packets; //= GKap any template-tag
  ULONG64 *address = addresses.Reserve(count);
  Packet **packet = packets.Reserve(count);
  if (address == nullptr || packet == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  for (ULONG i = 0; i < count; i++) {
    packet[i] = m_nodes[i % m_nodeCount].Submit(i, sizes[i]);
    address[i] = packet[i] == nullptr ? 0 : packet[i]->fence;
  }
  m_lastAllocation = ExpInterlockedPopEntrySList(&m_allocationList);
  return m_miniport.CreateAllocation(this, address, count);
}

/* ---- escapes: a row each, with the buffer that the call needs ---- */

static NTSTATUS EscapeMemory(Adapter *adapter, PVOID buffer, ULONG cb) { return adapter->m_miniport.Escape(adapter, buffer, cb); }
static NTSTATUS EscapeReset(Adapter *adapter, PVOID, ULONG) { adapter->m_nodes[0].Reset(); return STATUS_SUCCESS; }
static NTSTATUS EscapeFormat(Adapter *, PVOID buffer, ULONG cb) {
  ULONG format = cb < 4 ? 0 : *static_cast<ULONG *>(buffer);
  return format == '21VN' || format == '2YUY' ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; //~ NV12 firmware-table //~ YUY2 firmware-table
}
struct EscapeRow { ULONG code, least; NTSTATUS (*handler)(Adapter *, PVOID, ULONG); ULONG tag; };
static const EscapeRow g_escapes[] = {
  {0x01, 0x20, EscapeMemory, 'mEKG'}, //= GKEm any tag-table
  {0x03, 0x08, EscapeReset, 'rEKG'}, //= GKEr any tag-table
  {0x0A, 0x04, EscapeFormat, 'fEKG'}, //= GKEf any tag-table
};

NOINLINE NTSTATUS Adapter::Escape(ULONG code, const void *data, ULONG cb) {
  for (const EscapeRow &row : g_escapes) {
    if (row.code != code) continue;
    if (cb < row.least) return STATUS_INVALID_PARAMETER;
    PVOID copy = GK_ALLOCATE(PoolPaged, cb, row.tag);
    if (copy == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, data, cb);
    NTSTATUS status = row.handler(this, copy, cb);
    TrackedFree(copy);
    return status;
  }
  return STATUS_NOT_SUPPORTED;
}

void Adapter::Stop() {
  for (ULONG i = 0; i < m_nodeCount; i++) m_nodes[i].Stop();
  ExFreePoolWithTag(m_watchdog, 'dwKG');
  ExFreePoolWithTag(m_path.Buffer, 'pdKG');
  ExFreePoolWithTag(m_description.Buffer, 'edKG'); //= GKde any free
  delete m_device;
}

/* ---- objects that are described on the stack ---- */

struct ObjectDescription { SIZE_T cb; ULONG pool, tag; void (*construct)(PVOID, const UNICODE_STRING *); const UNICODE_STRING *name; };
NOINLINE static PVOID CreateDescribed(const ObjectDescription *description) {
  PVOID object = ExAllocatePoolWithTag(description->pool, description->cb, description->tag);
  if (object != nullptr && description->construct != nullptr) description->construct(object, description->name);
  return object;
}
static void ConstructMutex(PVOID object, const UNICODE_STRING *name) { *static_cast<ULONG *>(object) = name->Length; }

NOINLINE static PVOID CreateKeyedMutex(const UNICODE_STRING *name) {
  ObjectDescription description = {};
  description.cb = 0xA0;
  description.pool = NonPagedPoolNx;
  description.tag = 'mkKG'; //= GKkm any wrapper-structure
  description.construct = ConstructMutex;
  description.name = name;
  return CreateDescribed(&description);
}
NOINLINE static PVOID CreateSynchronization() {
  ObjectDescription description = {0x58, NonPagedPoolNx, 'osKG', nullptr, nullptr}; //= GKso any wrapper-structure
  return CreateDescribed(&description);
}

/* ---- the driver ---- */

static Adapter *g_adapter;

static NTSTATUS CALL GkDispatch(DEVICE_OBJECT *, IRP *irp) {
  const UNICODE_STRING *text = static_cast<const UNICODE_STRING *>(irp->SystemBuffer);
  ULONG flags = irp->Flags;
  PVOID result = nullptr;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: status = g_adapter->Start(text, flags, flags >> 4); break;
  case 1: status = g_adapter->CreateAllocations(static_cast<ULONG *>(irp->SystemBuffer), flags); break;
  case 2: result = g_adapter->m_device->CreateContext(static_cast<ContextKind>(flags), g_adapter->m_nodes, irp->SystemBuffer, 64); break;
  case 3: result = new Fence; break;
  case 4: result = new Sharing; break;
  case 5: result = CreateSegment(flags, 0, irp->Information); break;
  case 6: result = static_cast<Segment *>(irp->SystemBuffer)->heap->Take(irp->Information); break;
  case 7: static_cast<Segment *>(irp->SystemBuffer)->heap->Give(g_adapter->m_lastAllocation); break;
  case 8: result = CreateKeyedMutex(text); break;
  case 9: result = CreateSynchronization(); break;
  case 10: status = g_adapter->Escape(flags, irp->SystemBuffer, static_cast<ULONG>(irp->Information)); break;
  case 11: status = DuplicateText(&g_adapter->m_description, text, PoolNonPaged, 'edKG'); break;
  case 12: g_adapter->m_nodes[0].Hang(); break;
  case 13: irp->Information = g_adapter->m_device->Insert(irp->SystemBuffer); break;
  case 14: delete static_cast<Fence *>(irp->SystemBuffer); break;
  case 15: g_adapter->Stop(); break;
  default: status = STATUS_NOT_SUPPORTED;
  }
  irp->SystemBuffer = result;
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  g_tracked.blocks.Flink = g_tracked.blocks.Blink = &g_tracked.blocks;
  KeInitializeSpinLock(&g_tracked.lock);
  g_adapter = new (PoolNonPaged, 'daKG') Adapter; //= GKad any operator-new
  if (g_adapter == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = GkDispatch;
  return STATUS_SUCCESS;
}
