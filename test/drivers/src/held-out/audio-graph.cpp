// Held out: a port's graph of units in C++: factories in a table, members that allocate with a tag of their own, buffers by template, lists
// that are given their tag when they are made, callbacks as lambdas, a pool of commands that the hardware's side reads.
#include "kernel.h"

enum class Where : ULONG { Paged = 1, NonPaged = 512 };
PVOID operator new(SIZE_T cb, Where where, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(static_cast<ULONG>(where), cb, tag);
  if (p != nullptr) memset(p, 0, cb);
  return p;
}
PVOID operator new[](SIZE_T cb, Where where, ULONG tag) noexcept { return operator new(cb, where, tag); }
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { operator delete(p); }
void operator delete(PVOID p, Where, ULONG) noexcept { operator delete(p); }
void operator delete[](PVOID p) noexcept { operator delete(p); }
extern "C" int _purecall() { KeBugCheckEx(0x1000007E, 0, 0, 0, 0); return 0; }

/* a member that allocates */
class Heap {
public:
  Heap(ULONG tag, Where where) : m_tag(tag), m_where(where), m_used(0) {}
  NOINLINE PVOID Take(SIZE_T cb) {
    PVOID p = ExAllocatePoolWithTag(static_cast<ULONG>(m_where), cb, m_tag);
    if (p != nullptr) m_used++;
    return p;
  }
  NOINLINE void Give(PVOID p) { m_used--; ExFreePoolWithTag(p, m_tag); }
private:
  ULONG m_tag;
  Where m_where;
  LONG m_used;
};

/* a buffer that frees itself */
template <ULONG Tag, Where Kind = Where::Paged> class Buffer {
public:
  Buffer() : m_data(nullptr), m_size(0) {}
  ~Buffer() { Reset(); }
  NOINLINE bool Resize(ULONG size) {
    if (size <= m_size) return true;
    Reset();
    m_data = static_cast<UCHAR *>(ExAllocatePoolWithTag(static_cast<ULONG>(Kind), size, Tag));
    m_size = m_data == nullptr ? 0 : size;
    return m_data != nullptr;
  }
  void Reset() { if (m_data != nullptr) { ExFreePoolWithTag(m_data, Tag); m_data = nullptr; } }
  UCHAR *Data() const { return m_data; }
private:
  UCHAR *m_data;
  ULONG m_size;
};

/* a list whose nodes carry the tag it was made with */
class List {
public:
  explicit List(ULONG tag) : m_first(nullptr), m_tag(tag), m_count(0) {}
  NOINLINE bool Push(PVOID item) {
    Node *node = static_cast<Node *>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(Node), m_tag));
    if (node == nullptr) return false;
    node->next = m_first;
    node->item = item;
    m_first = node;
    m_count++;
    return true;
  }
  NOINLINE PVOID Pop() {
    Node *node = m_first;
    if (node == nullptr) return nullptr;
    PVOID item = node->item;
    m_first = node->next;
    ExFreePoolWithTag(node, m_tag);
    return item;
  }
private:
  struct Node { Node *next; PVOID item; };
  Node *m_first;
  ULONG m_tag, m_count;
};

class Unit {
public:
  explicit Unit(ULONG signature) : m_signature(signature), m_references(1) {}
  virtual ~Unit() { m_signature = 'eerF'; } //~ Free magic
  virtual NTSTATUS Prepare(ULONG format, ULONG bytes) = 0;
  virtual PVOID AllocateFrame(SIZE_T cb) = 0;
  void Release() { if (--m_references == 0) delete this; }
protected:
  ULONG m_signature;
  LONG m_references;
};

class Mixer final : public Unit {
public:
  Mixer() : Unit('rxiM'), m_frames('fMgA', Where::NonPaged), m_inputs('iMgA') {} //~ Mixr magic //= AgMf any object-field //= AgMi any object-field
  ~Mixer() override { while (m_inputs.Pop() != nullptr) {} }
  NTSTATUS Prepare(ULONG format, ULONG bytes) override {
    if (format != 'mcp ') return STATUS_NOT_SUPPORTED; //~ " pcm" firmware-table
    return m_scratch.Resize(bytes) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  PVOID AllocateFrame(SIZE_T cb) override { return m_frames.Take(cb); }
  NOINLINE bool Connect(PVOID input) { return m_inputs.Push(input); }
private:
  Heap m_frames;
  List m_inputs;
  Buffer<'sMgA'> m_scratch; //= AgMs any template-tag
};

class Codec final : public Unit {
public:
  explicit Codec(bool wide) : Unit('cdoC'), m_wide(wide), m_tables('tCgA', Where::Paged), m_table(nullptr) {} //~ Codc magic //= AgCt any object-field
  ~Codec() override { if (m_table != nullptr) m_tables.Give(m_table); }
  NTSTATUS Prepare(ULONG format, ULONG bytes) override {
    m_table = static_cast<ULONG *>(m_tables.Take(format == '3pm.' ? 0x4000 : 0x800)); //~ ".mp3" firmware-table
    if (m_table == nullptr || !m_window.Resize(bytes * 2)) return STATUS_INSUFFICIENT_RESOURCES;
    return STATUS_SUCCESS;
  }
  PVOID AllocateFrame(SIZE_T cb) override { return new (Where::NonPaged, m_wide ? 'wCgA' : 'nCgA') UCHAR[cb]; } //= AgCw any operator-new //= AgCn any operator-new
private:
  bool m_wide;
  Heap m_tables;
  ULONG *m_table;
  Buffer<'wWgA', Where::NonPaged> m_window; //= AgWw any template-tag
};

class Sink final : public Unit {
public:
  Sink(PVOID port, ULONG tag) : Unit('kniS'), m_port(port), m_ring(new (Where::NonPaged, tag) UCHAR[0x2000]) {} //~ Sink magic
  ~Sink() override { delete[] static_cast<UCHAR *>(m_ring); }
  NTSTATUS Prepare(ULONG, ULONG bytes) override { return m_port != nullptr && m_ring != nullptr && bytes <= 0x2000 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
  PVOID AllocateFrame(SIZE_T) override { return m_ring; }
private:
  PVOID m_port, m_ring;
};

/* ---- factories: found by identifier ---- */

struct Factory { ULONG id; Unit *(*create)(PVOID port); ULONG stateTag; USHORT stateBytes; };
static const Factory kFactories[] = {
  {'mixr', [](PVOID) -> Unit * { return new (Where::NonPaged, 'xMgA') Mixer; }, 'mSgA', 64}, //~ rxim magic //= AgMx any operator-new //= AgSm any tag-table
  {'deco', [](PVOID) -> Unit * { return new (Where::Paged, 'dCgA') Codec(false); }, 'cSgA', 200}, //~ oced magic //= AgCd any operator-new //= AgSc any tag-table
  {'decw', [](PVOID) -> Unit * { return new (Where::Paged, 'eCgA') Codec(true); }, 'wSgA', 240}, //~ wced magic //= AgCe any operator-new //= AgSw any tag-table
  {'rend', [](PVOID port) -> Unit * { return new (Where::NonPaged, 'kSgA') Sink(port, 'rSgA'); }, 'rTgA', 32}, //~ dner magic //= AgSk any operator-new //= AgSr any operator-new //= AgTr any tag-table
};

struct Instance { Unit *unit; PVOID state; const Factory *factory; };
NOINLINE static NTSTATUS CreateInstance(ULONG id, PVOID port, Instance *instance) {
  for (const Factory &factory : kFactories) {
    if (factory.id != id) continue;
    instance->factory = &factory;
    instance->unit = factory.create(port);
    if (instance->unit == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    instance->state = ExAllocatePoolWithTag(PagedPool, factory.stateBytes, factory.stateTag);
    return instance->state != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  return STATUS_NOT_SUPPORTED;
}
NOINLINE static void DestroyInstance(Instance *instance) {
  ExFreePoolWithTag(instance->state, instance->factory->stateTag);
  instance->unit->Release();
}

/* ---- commands for the hardware ---- */

enum Command : ULONG { cmdStart, cmdStop, cmdVolume, cmdRoute, cmdCount };
static constexpr struct { USHORT bytes; bool waits; ULONG tag; } kCommands[cmdCount] = {
  {16, true, 'sKgA'}, //= AgKs any tag-table
  {16, true, 'pKgA'}, //= AgKp any tag-table
  {24, false, 'vKgA'}, //= AgKv any tag-table
  {64, false, 'rKgA'}, //= AgKr any tag-table
};
struct Queue { List pending; Heap replies; PVOID last; };
static Queue *gQueue;

NOINLINE static NTSTATUS Send(Command command, const void *data) {
  const auto &row = kCommands[command];
  UCHAR *block = new (Where::NonPaged, row.tag) UCHAR[row.bytes];
  if (block == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(block, data, row.bytes);
  if (row.waits) gQueue->last = gQueue->replies.Take(32);
  return gQueue->pending.Push(block) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *device, IRP *irp) {
  Instance *instance = static_cast<Instance *>(irp->SystemBuffer);
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: status = CreateInstance(irp->Flags, device->Extension, instance); break;
  case 1: DestroyInstance(instance); break;
  case 2: status = instance->unit->Prepare(irp->Flags, static_cast<ULONG>(irp->Information)); break;
  case 3: irp->Mdl = instance->unit->AllocateFrame(irp->Information); break;
  case 4: status = Send(cmdStart, irp->SystemBuffer); break;
  case 5: status = Send(irp->Flags & 1 ? cmdStop : cmdVolume, irp->SystemBuffer); break;
  case 6: status = Send(static_cast<Command>(irp->Flags & 3), irp->SystemBuffer); break;
  case 7: if (!static_cast<Mixer *>(instance->unit)->Connect(irp->Mdl)) status = STATUS_INSUFFICIENT_RESOURCES; break;
  case 8: irp->Mdl = gQueue->pending.Pop(); break;
  default: status = STATUS_NOT_SUPPORTED; break;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  gQueue = new (Where::NonPaged, 'uQgA') Queue{List('pQgA'), Heap('rQgA', Where::NonPaged), nullptr}; //= AgQu any operator-new //= AgQp any object-field //= AgQr any object-field
  if (gQueue == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = Dispatch;
  return STATUS_SUCCESS;
}
