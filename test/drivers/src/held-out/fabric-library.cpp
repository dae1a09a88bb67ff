// Held out: a fabric's bus driver on a component library: memory with records of what is in use, pools of objects, maps and vectors as templates,
// reference-counted objects of several modules, management datagrams, verbs through a table, connections, and child devices on the bus.
#include "kernel.h"

/* ---- cl_memory: every module hands its own tag ---- */

#define TAG_OBJ 'jbOF' //= FObj any operator-new
#define TAG_MGR 'rgMF' //= FMgr any wrapper
#define TAG_POOL 'looF' //= Fool any wrapper
#define TAG_MAP 'paMF' //= FMap any template-tag
#define TAG_VEC 'ceVF' //= FVec any template-tag
#define TAG_MAD 'daMF' //= FMad any object-field
#define TAG_QP 'PQbF' //= FbQP any operator-new
#define TAG_CQ 'QCbF' //= FbCQ any operator-new
#define TAG_MR 'RMbF' //= FbMR any operator-new
#define TAG_CA 'ACbF' //= FbCA any operator-new
#define TAG_CM 'MCbF' //= FbCM any operator-new
#define TAG_PDO 'odPF' //= FPdo any direct
#define TAG_IOU 'uoIF' //= FIou any wrapper

enum ClFlags : ULONG { ClPaged = 1, ClZero = 2 };

struct MemRecord {
  LIST_ENTRY links;
  ULONG guard, tag;
  SIZE_T size;
};
struct MemTracker {
  ULONG_PTR lock;
  LIST_ENTRY used;
  SIZE_T bytes;
};
static MemTracker *g_tracker;
static const ULONG kGuard = 'DRGC'; //~ CGRD magic

extern "C" NOINLINE PVOID cl_alloc(SIZE_T size, ULONG flags, ULONG tag) {
  SIZE_T need = size + (g_tracker != nullptr ? sizeof(MemRecord) : 0);
  PVOID p = ExAllocatePoolWithTag((flags & ClPaged) ? PagedPool : NonPagedPoolNx, need, tag);
  if (p == nullptr) return nullptr;
  if (flags & ClZero) memset(p, 0, need);
  if (g_tracker == nullptr) return p;
  MemRecord *record = static_cast<MemRecord *>(p);
  record->guard = kGuard;
  record->tag = tag;
  record->size = size;
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&g_tracker->lock);
  record->links.Flink = g_tracker->used.Flink;
  record->links.Blink = &g_tracker->used;
  g_tracker->used.Flink->Blink = &record->links;
  g_tracker->used.Flink = &record->links;
  g_tracker->bytes += size;
  KeReleaseSpinLock(&g_tracker->lock, irql);
  return record + 1;
}

extern "C" NOINLINE void cl_free(PVOID p) {
  if (p == nullptr) return;
  if (g_tracker == nullptr) { ExFreePool(p); return; }
  MemRecord *record = static_cast<MemRecord *>(p) - 1;
  if (record->guard != kGuard) KeBugCheckEx(0xC2, reinterpret_cast<ULONG_PTR>(p), record->guard, 'eerf', 0); //~ free bug-check
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&g_tracker->lock);
  record->links.Blink->Flink = record->links.Flink;
  record->links.Flink->Blink = record->links.Blink;
  g_tracker->bytes -= record->size;
  KeReleaseSpinLock(&g_tracker->lock, irql);
  ULONG tag = record->tag;
  record->guard = 0;
  ExFreePoolWithTag(record, tag);
}

static PVOID cl_zalloc(SIZE_T size, ULONG tag) { return cl_alloc(size, ClZero, tag); }
static PVOID cl_palloc(SIZE_T size, ULONG tag) { return cl_alloc(size, ClPaged, tag); }

PVOID operator new(SIZE_T size, ULONG tag) noexcept { return cl_zalloc(size, tag); }
void operator delete(PVOID p) noexcept { cl_free(p); }
void operator delete(PVOID p, SIZE_T) noexcept { cl_free(p); }
extern "C" int _purecall() { KeBugCheckEx(0x119, 0, 0, 0, 0); return 0; }

/* ---- containers ---- */

template <typename T, ULONG Tag> class Vector {
public:
  ~Vector() { cl_free(m_items); }
  bool Reserve(ULONG count) {
    if (count <= m_capacity) return true;
    ULONG capacity = (count + 15) & ~15u;
    T *items = static_cast<T *>(cl_alloc(capacity * sizeof(T), 0, Tag));
    if (items == nullptr) return false;
    if (m_items != nullptr) memcpy(items, m_items, m_count * sizeof(T));
    cl_free(m_items);
    m_items = items;
    m_capacity = capacity;
    return true;
  }
  bool Push(const T &item) {
    if (!Reserve(m_count + 1)) return false;
    m_items[m_count++] = item;
    return true;
  }
  T &operator[](ULONG index) { return m_items[index]; }
  ULONG Count() const { return m_count; }
private:
  T *m_items;
  ULONG m_count, m_capacity;
};

template <typename K, typename V, ULONG Tag> class FlatMap {
  struct Node { Node *left, *right; K key; V value; };
public:
  V *Insert(const K &key) {
    Node **at = &m_root;
    while (*at != nullptr) {
      if ((*at)->key == key) return &(*at)->value;
      at = key < (*at)->key ? &(*at)->left : &(*at)->right;
    }
    Node *node = static_cast<Node *>(cl_zalloc(sizeof(Node), Tag));
    if (node == nullptr) return nullptr;
    node->key = key;
    *at = node;
    m_count++;
    return &node->value;
  }
  V *Find(const K &key) const {
    for (Node *node = m_root; node != nullptr; node = key < node->key ? node->left : node->right)
      if (node->key == key) return &node->value;
    return nullptr;
  }
private:
  Node *m_root;
  ULONG m_count;
};

/* A pool of objects of one size that grows by blocks, as the caller's constructor makes them. */
typedef NTSTATUS (*PoolConstructor)(PVOID object, PVOID context);
struct ObjectPool {
  ULONG signature, size, grow, tag;
  PVOID context;
  PoolConstructor construct;
  LIST_ENTRY free;
  Vector<PVOID, TAG_VEC> blocks;
  ULONG_PTR lock;
};

NOINLINE static NTSTATUS PoolGrow(ObjectPool *pool) {
  PUCHAR block = static_cast<PUCHAR>(cl_zalloc(pool->size * pool->grow, pool->tag));
  if (block == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  if (!pool->blocks.Push(block)) { cl_free(block); return STATUS_INSUFFICIENT_RESOURCES; }
  for (ULONG i = 0; i < pool->grow; i++) {
    LIST_ENTRY *entry = reinterpret_cast<LIST_ENTRY *>(block + i * pool->size);
    if (pool->construct != nullptr && pool->construct(entry + 1, pool->context) < 0) break;
    entry->Flink = pool->free.Flink;
    entry->Blink = &pool->free;
    pool->free.Flink->Blink = entry;
    pool->free.Flink = entry;
  }
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS PoolInit(ObjectPool *pool, ULONG size, ULONG first, ULONG grow, ULONG tag, PoolConstructor construct, PVOID context) {
  memset(pool, 0, sizeof(*pool));
  pool->signature = 'LOOP'; //~ POOL magic
  pool->size = size + sizeof(LIST_ENTRY);
  pool->grow = first;
  pool->tag = tag;
  pool->construct = construct;
  pool->context = context;
  pool->free.Flink = pool->free.Blink = &pool->free;
  KeInitializeSpinLock(&pool->lock);
  NTSTATUS status = PoolGrow(pool);
  pool->grow = grow;
  return status;
}

NOINLINE static PVOID PoolGet(ObjectPool *pool) {
  if (pool->signature != 'LOOP') return nullptr;
  if (pool->free.Flink == &pool->free && (pool->grow == 0 || PoolGrow(pool) < 0)) return nullptr;
  LIST_ENTRY *entry = pool->free.Flink;
  pool->free.Flink = entry->Flink;
  return entry + 1;
}

/* ---- objects ---- */

enum ObjectType : ULONG { TypeMgr = 'RGM_', TypeCa = 'A_C_', TypeQp = 'P_Q_', TypeCq = 'Q_C_', TypeMr = 'R_M_', TypeCm = 'M_C_' }; //~ _MGR magic //~ _C_A magic //~ _Q_P magic //~ _C_Q magic //~ _M_R magic //~ _C_M magic
class Object {
public:
  virtual ~Object() {}
  virtual void Destroying() {}
  virtual NTSTATUS Modify(const ULONG *attributes) { return STATUS_NOT_SUPPORTED; }
  LONG Ref() { return ++m_refs; }
  void Deref() {
    if (--m_refs != 0) return;
    Destroying();
    delete this;
  }
  ObjectType Type() const { return m_type; }
  Object *m_parent, *m_next;
protected:
  Object(ObjectType type, Object *parent) : m_parent(parent), m_next(nullptr), m_type(type), m_refs(1) { if (parent != nullptr) parent->Ref(); }
  ObjectType m_type;
  LONG m_refs;
};

/* ---- verbs: what the adapter's own driver gives us ---- */

struct Verbs {
  ULONG size, version;
  NTSTATUS (*create_qp)(PVOID ca, ULONG type, PVOID *handle);
  NTSTATUS (*create_cq)(PVOID ca, ULONG entries, PVOID *handle);
  NTSTATUS (*query)(PVOID ca, PVOID attributes, ULONG *size);
  PVOID (*allocate)(PVOID ca, SIZE_T size, ULONG tag);
};
static NTSTATUS NullCreateQp(PVOID ca, ULONG type, PVOID *handle) { *handle = cl_zalloc(64, 'pQvF'); return *handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; } //= FvQp any wrapper
static NTSTATUS NullCreateCq(PVOID ca, ULONG entries, PVOID *handle) { *handle = cl_palloc(entries * 32, 'qCvF'); return *handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; } //= FvCq any wrapper
static NTSTATUS NullQuery(PVOID ca, PVOID attributes, ULONG *size) {
  if (attributes != nullptr) { static_cast<ULONG *>(attributes)[0] = 'LLUN'; static_cast<ULONG *>(attributes)[1] = 0x15B3; } //~ NULL magic
  *size = 256;
  return STATUS_SUCCESS;
}
static PVOID NullAllocate(PVOID ca, SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, (size + 63) & ~static_cast<SIZE_T>(63), tag); }
static const Verbs g_nullVerbs = {sizeof(Verbs), 0x0200, NullCreateQp, NullCreateCq, NullQuery, NullAllocate};

class Ca : public Object {
public:
  Ca(const Verbs *verbs, ULONG64 guid) : Object(TypeCa, nullptr), m_verbs(verbs), m_guid(guid), m_attributes(nullptr) {}
  void Destroying() override { cl_free(m_attributes); }
  NTSTATUS Modify(const ULONG *attributes) override { m_port = attributes[0]; return Query(); }
  NOINLINE NTSTATUS Query() {
    ULONG size = 0;
    m_verbs->query(this, nullptr, &size);
    m_attributes = cl_zalloc(size, 'taCF'); //= FCat any wrapper
    if (m_attributes == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    return m_verbs->query(this, m_attributes, &size);
  }
  NOINLINE PVOID Doorbell(ULONG pages) { return m_verbs->allocate(this, pages * 4096, 'brDF'); } //= FDrb any operations-object
  const Verbs *m_verbs;
  ULONG64 m_guid;
  PVOID m_attributes;
  ULONG m_port;
};

class Cq : public Object {
public:
  Cq(Ca *ca) : Object(TypeCq, ca), m_handle(nullptr), m_events(nullptr) {}
  void Destroying() override { if (m_events != nullptr) ExFreePoolWithTag(m_events, 'veCF'); }
  NTSTATUS Modify(const ULONG *attributes) override {
    PVOID events = ExAllocatePool2(POOL_FLAG_NON_PAGED, attributes[0] * 16, 'veCF'); //= FCev any direct
    if (events == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    if (m_events != nullptr) ExFreePoolWithTag(m_events, 'veCF');
    m_events = events;
    return STATUS_SUCCESS;
  }
  NTSTATUS Init(ULONG entries) { return static_cast<Ca *>(m_parent)->m_verbs->create_cq(m_parent, entries, &m_handle); }
private:
  PVOID m_handle, m_events;
};

class Qp : public Object {
public:
  Qp(Ca *ca, ULONG kind) : Object(TypeQp, ca), m_kind(kind), m_sendTag(kind == 4 ? 'DUqF' : 'CRqF') {} //= FqUD any object-field //= FqRC any object-field
  void Destroying() override { cl_free(m_send); cl_free(m_receive); }
  NTSTATUS Modify(const ULONG *attributes) override {
    if (attributes[0] > 7) return STATUS_INVALID_PARAMETER;
    m_state = attributes[0];
    return m_send == nullptr ? Buffers(attributes[1]) : STATUS_SUCCESS;
  }
  NTSTATUS Init() { return static_cast<Ca *>(m_parent)->m_verbs->create_qp(m_parent, m_kind, &m_handle); }
private:
  NOINLINE NTSTATUS Buffers(ULONG depth) {
    m_send = cl_alloc(depth * 64, ClZero, m_sendTag);
    m_receive = cl_alloc(depth * 32, ClZero, 'vRqF'); //= FqRv any wrapper
    return m_send != nullptr && m_receive != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  ULONG m_kind, m_state, m_sendTag;
  PVOID m_handle, m_send, m_receive;
};

class Mr : public Object {
public:
  Mr(Ca *ca, PVOID address, ULONG length) : Object(TypeMr, ca), m_length(length) { m_mdl = IoAllocateMdl(address, length, FALSE, FALSE, nullptr); m_key = 'YEKR'; } //~ RKEY magic
private:
  PVOID m_mdl;
  ULONG m_length, m_key;
};

/* ---- management datagrams ---- */

struct Mad { UCHAR base, cls, version, method; USHORT status, specific; ULONG64 id; USHORT attribute; ULONG modifier; UCHAR data[232]; };
struct MadElement { Mad *mad; ULONG size, state; PVOID sender; };
struct MadService { ObjectPool pool; FlatMap<ULONG64, MadElement *, TAG_MAP> pending; ULONG64 next; ULONG segmentTag; };
static MadService *g_mads;

static NTSTATUS MadConstruct(PVOID object, PVOID context) {
  MadElement *element = static_cast<MadElement *>(object);
  element->state = 'EERF'; //~ FREE magic
  element->mad = static_cast<Mad *>(cl_zalloc(256, 'bdMF')); //= FMdb any wrapper
  return element->mad == nullptr ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

NOINLINE static MadElement *MadSend(MadService *service, UCHAR cls, UCHAR method, ULONG attribute, const void *data, ULONG size) {
  MadElement *element = static_cast<MadElement *>(PoolGet(&service->pool));
  if (element == nullptr) return nullptr;
  if (size > 232) {
    element->mad = static_cast<Mad *>(cl_alloc(size + 24, 0, service->segmentTag));
    if (element->mad == nullptr) return nullptr;
  }
  element->state = 'TNES'; //~ SENT magic
  element->size = size;
  element->mad->base = 1;
  element->mad->cls = cls;
  element->mad->method = method;
  element->mad->attribute = static_cast<USHORT>(attribute);
  element->mad->modifier = attribute == 0x12 ? 'DSCN' : 0; //~ NCSD magic
  element->mad->id = ++service->next;
  memcpy(element->mad->data, data, size);
  MadElement **slot = service->pending.Insert(element->mad->id);
  if (slot != nullptr) *slot = element;
  return element;
}

NOINLINE static NTSTATUS MadStart() {
  MadService *service = static_cast<MadService *>(cl_zalloc(sizeof(MadService), 'vsMF')); //= FMsv any wrapper
  if (service == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  service->segmentTag = 'psRF'; //= FRsp any object-field
  g_mads = service;
  return PoolInit(&service->pool, sizeof(MadElement), 64, 32, TAG_MAD, MadConstruct, service);
}

/* ---- connections ---- */

typedef void (*CmCallback)(class Cm *, ULONG event, PVOID data);
class Cm : public Object {
public:
  Cm(Object *parent, CmCallback callback) : Object(TypeCm, parent), m_callback(callback), m_state('ELDI') {} //~ IDLE magic
  void Destroying() override { cl_free(m_private); }
  NTSTATUS Modify(const ULONG *attributes) override {
    switch (attributes[0]) {
    case 0x10: m_state = 'SQER'; break; //~ REQS magic
    case 0x13: m_state = 'BATS'; m_callback(this, 1, m_private); break; //~ STAB magic
    default: m_state = 'TWMT'; break; //~ TMWT magic
    }
    return Private(attributes + 2, attributes[1]);
  }
private:
  NOINLINE NTSTATUS Private(const void *data, ULONG size) {
    if (size > 196) return STATUS_INVALID_PARAMETER;
    PVOID copy = cl_palloc(size, 'vPmF'); //= FmPv any wrapper
    if (copy == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, data, size);
    cl_free(m_private);
    m_private = copy;
    return STATUS_SUCCESS;
  }
  CmCallback m_callback;
  ULONG m_state;
  PVOID m_private;
};

static void CmNotify(Cm *cm, ULONG event, PVOID data) {
  PVOID copy = cl_zalloc(64, 'tNmF'); //= FmNt any wrapper
  if (copy == nullptr) return;
  memcpy(copy, data, 64);
  if (MadSend(g_mads, 7, 3, event, copy, 64) == nullptr) cl_free(copy);
}

/* ---- the manager: one of each service, in the order of this table ---- */

struct Manager { ULONG signature; Vector<Object *, 'sbOF'> objects; ObjectPool works; Ca *ca; PVOID services[4]; }; //= FObs any template-tag
static Manager *g_manager;
struct Service { const CHAR *name; ULONG code; ULONG size, tag; };
static const Service g_services[] = {
  {"al_proxy", 'YXRP', 512, 'xPlF'}, //~ PRXY magic //= FlPx any tag-table
  {"ipoib", 'BIPI', 4096, 'bIlF'}, //~ IPIB magic //= FlIb any tag-table
  {"srp", 'PRS_', 1024, 'rSlF'}, //~ _SRP magic //= FlSr any tag-table
  {"ndi", 'IDN_', 256, 'iNlF'}, //~ _NDI magic //= FlNi any tag-table
};

NOINLINE static Object *ManagerAdd(Object *object) {
  if (object == nullptr) return nullptr;
  if (!g_manager->objects.Push(object)) { object->Deref(); return nullptr; }
  return object;
}

NOINLINE static Object *ManagerCreate(ULONG type, const ULONG *attributes) {
  Ca *ca = g_manager->ca;
  switch (type) {
  case TypeQp: {
    Qp *qp = new (TAG_QP) Qp(ca, attributes[0]);
    if (qp != nullptr && qp->Init() < 0) { qp->Deref(); return nullptr; }
    return ManagerAdd(qp);
  }
  case TypeCq: {
    Cq *cq = new (TAG_CQ) Cq(ca);
    if (cq != nullptr && cq->Init(attributes[0]) < 0) { cq->Deref(); return nullptr; }
    return ManagerAdd(cq);
  }
  case TypeMr: return ManagerAdd(new (TAG_MR) Mr(ca, ca->Doorbell(attributes[0]), attributes[1]));
  case TypeCm: return ManagerAdd(new (TAG_CM) Cm(ca, CmNotify));
  default: return nullptr;
  }
}

NOINLINE static NTSTATUS ManagerStart() {
  g_manager = static_cast<Manager *>(cl_zalloc(sizeof(Manager), TAG_MGR));
  if (g_manager == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  g_manager->signature = TypeMgr;
  g_manager->ca = new (TAG_CA) Ca(&g_nullVerbs, 0x0002C90300000001ULL);
  if (g_manager->ca == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  for (ULONG i = 0; i < sizeof(g_services) / sizeof(g_services[0]); i++) {
    ULONG *service = static_cast<ULONG *>(cl_alloc(g_services[i].size, ClZero | ClPaged, g_services[i].tag));
    if (service == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    service[0] = g_services[i].code;
    g_manager->services[i] = service;
  }
  return PoolInit(&g_manager->works, 48, 16, 0, TAG_POOL, nullptr, nullptr);
}

/* ---- the bus: children that the fabric's manager reports ---- */

struct Child { Child *next; ULONG signature; UCHAR iocGuid[8]; DEVICE_OBJECT *device; UNICODE_STRING id; PVOID caps; };
struct BusExtension { ULONG signature; DEVICE_OBJECT *lower; REMOVE_LOCK lock; Child *children; PVOID iou; };
static const GUID kBusInterface = {0x4F494249, 0x5542, 0x2D53, {'v', 'e', 'r', 'b', 's', '2', '0', '0'}}; //~ IBIO guid //~ verb guid //~ s200 guid

static PVOID IdString(const CHAR *prefix, ULONG value) {
  WCHAR *text = static_cast<WCHAR *>(ExAllocatePoolWithTag(PagedPool, 64, 'dIPF')); //= FPId any direct
  if (text == nullptr) return nullptr;
  ULONG n = 0;
  for (; prefix[n] != 0 && n < 20; n++) text[n] = static_cast<UCHAR>(prefix[n]);
  for (ULONG shift = 32; shift != 0;) { shift -= 4; text[n++] = "0123456789ABCDEF"[(value >> shift) & 15]; }
  text[n] = 0;
  return text;
}

NOINLINE static NTSTATUS BusAddChild(BusExtension *bus, const UCHAR *guid) {
  Child *child = static_cast<Child *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(Child), TAG_PDO));
  if (child == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  memset(child, 0, sizeof(Child));
  child->signature = 'ODP_'; //~ _PDO magic
  memcpy(child->iocGuid, guid, 8);
  child->id.Buffer = static_cast<WCHAR *>(IdString("IBIO\\C", guid[0]));
  child->caps = cl_palloc(128, 'paPF'); //= FPap any wrapper
  if (child->id.Buffer == nullptr || child->caps == nullptr) { ExFreePoolWithTag(child, TAG_PDO); return STATUS_INSUFFICIENT_RESOURCES; }
  child->next = bus->children;
  bus->children = child;
  return STATUS_SUCCESS;
}

NOINLINE static ULONG *BusRelations(BusExtension *bus) {
  ULONG count = 0;
  for (Child *child = bus->children; child != nullptr; child = child->next) count += child->signature == 'ODP_';
  ULONG *relations = static_cast<ULONG *>(ExAllocatePoolWithTag(PagedPool, 8 + count * sizeof(PVOID), 'leRF')); //= FRel any direct
  if (relations != nullptr) relations[0] = count;
  return relations;
}

static NTSTATUS CALL BusPnp(DEVICE_OBJECT *device, IRP *irp) {
  BusExtension *bus = static_cast<BusExtension *>(device->Extension);
  if (bus->signature != 'ODF_') return STATUS_INVALID_PARAMETER; //~ _FDO magic
  NTSTATUS status = IoAcquireRemoveLockEx(&bus->lock, reinterpret_cast<PVOID>('PnPF'), "", 1, sizeof(bus->lock)); //~ FPnP remove-lock
  if (status < 0) return status;
  switch (irp->Stack->Minor) {
  case 0: return ManagerStart();
  case 7: irp->Information = reinterpret_cast<ULONG_PTR>(BusRelations(bus)); return STATUS_SUCCESS;
  case 8: return memcmp(irp->Stack->Argument[0], &kBusInterface, sizeof(GUID)) == 0 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
  default: return STATUS_NOT_SUPPORTED;
  }
}

static NTSTATUS CALL BusControl(DEVICE_OBJECT *device, IRP *irp) {
  BusExtension *bus = static_cast<BusExtension *>(device->Extension);
  const ULONG *input = static_cast<ULONG *>(irp->SystemBuffer);
  switch (static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(irp->Stack->Argument[2]))) {
  case 0x220004: return ManagerCreate(input[0], input + 1) != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  case 0x220008: return input[0] < g_manager->objects.Count() ? g_manager->objects[input[0]]->Modify(input + 1) : STATUS_INVALID_PARAMETER;
  case 0x22000C: return BusAddChild(bus, reinterpret_cast<const UCHAR *>(input));
  case 0x220010: return MadSend(g_mads, static_cast<UCHAR>(input[0]), 1, 0x12, input + 2, input[1]) != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  case 0x220014: return PoolGet(&g_manager->works) != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  default: return STATUS_NOT_SUPPORTED;
  }
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  g_tracker = nullptr;
  if (path->Length > 120) {
    MemTracker *tracker = new (TAG_OBJ) MemTracker;
    if (tracker == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    tracker->used.Flink = tracker->used.Blink = &tracker->used;
    g_tracker = tracker;
  }
  NTSTATUS status = IoCreateDevice(driver, sizeof(BusExtension), nullptr, 0x2A, 0, FALSE, &device);
  if (status < 0) return status;
  BusExtension *bus = static_cast<BusExtension *>(device->Extension);
  bus->signature = 'ODF_';
  IoInitializeRemoveLockEx(&bus->lock, 'kLPF', 0, 0, sizeof(bus->lock)); //~ FPLk remove-lock
  bus->iou = cl_zalloc(512, TAG_IOU);
  driver->Major[14] = BusControl;
  driver->Major[27] = BusPnp;
  return MadStart();
}
