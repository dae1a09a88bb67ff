// Held out: a window manager and its graphics in the kernel: handle tables whose types have their tag in a constant table, classes that
// bring their tag, templates over tags, buffers with one owner, allocators that other drivers import, surfaces, regions and adapters.
// exports: DkAllocPool DkAllocPoolZ DkFreePool
#include "kernel.h"

#if defined(__clang__)
#define EXPORT extern "C"
#else
#define EXPORT extern "C" __declspec(dllexport)
#endif

static PVOID volatile g_Last;

/* ---- what other drivers import ---- */

EXPORT NOINLINE PVOID DkAllocPool(SIZE_T cb, ULONG tag) { return ExAllocatePoolWithTag(PagedPool, cb, tag); }
EXPORT NOINLINE PVOID DkAllocPoolZ(SIZE_T cb, ULONG tag) {
  PVOID pv = DkAllocPool(cb, tag);
  if (pv != nullptr) memset(pv, 0, cb);
  return pv;
}
EXPORT NOINLINE void DkFreePool(PVOID pv) { if (pv != nullptr) ExFreePool(pv); }

enum PoolKind : ULONG { Paged = PagedPool, NonPaged = NonPagedPoolNx };
void *operator new(SIZE_T cb, PoolKind kind, ULONG tag) noexcept {
  void *pv = ExAllocatePoolWithTag(kind, cb, tag);
  if (pv != nullptr) memset(pv, 0, cb);
  return pv;
}
void *operator new(SIZE_T cb, ULONG tag) noexcept { return DkAllocPoolZ(cb, tag); }
void *operator new[](SIZE_T cb, ULONG tag) noexcept { return DkAllocPoolZ(cb, tag); }
inline void *operator new(SIZE_T, void *where) noexcept { return where; }
void operator delete(void *pv) noexcept { DkFreePool(pv); }
void operator delete(void *pv, SIZE_T) noexcept { DkFreePool(pv); }
void operator delete[](void *pv) noexcept { DkFreePool(pv); }
extern "C" int _purecall() { KeBugCheckEx(0x164, 'krup', 0, 0, 0); return 0; } //~ purk bug-check

/* ---- helpers ---- */

template <ULONG Tag> class CTempBuffer {
public:
  explicit CTempBuffer(SIZE_T cb) : m_pv(cb <= sizeof(m_inline) ? m_inline : static_cast<UCHAR *>(DkAllocPool(cb, Tag))) {}
  ~CTempBuffer() { if (m_pv != m_inline) DkFreePool(m_pv); }
  UCHAR *Get() const { return m_pv; }
private:
  UCHAR m_inline[64];
  UCHAR *m_pv;
};

template <typename T, ULONG Tag> class CDynArray {
public:
  ~CDynArray() { DkFreePool(m_items); }
  NOINLINE bool Add(const T &item) {
    if (m_count == m_room) {
      T *grown = static_cast<T *>(DkAllocPool((m_room * 2 + 4) * sizeof(T), Tag));
      if (grown == nullptr) return false;
      for (ULONG i = 0; i < m_count; i++) grown[i] = m_items[i];
      DkFreePool(m_items);
      m_items = grown;
      m_room = m_room * 2 + 4;
    }
    m_items[m_count++] = item;
    return true;
  }
  ULONG Count() const { return m_count; }
  T &At(ULONG i) { return m_items[i]; }
private:
  T *m_items = nullptr;
  ULONG m_count = 0, m_room = 0;
};

template <typename T, ULONG Tag> struct Tagged {
  void *operator new(SIZE_T cb) noexcept { return ExAllocatePool2(POOL_FLAG_NON_PAGED, cb, Tag); }
  void operator delete(void *pv) noexcept { ExFreePoolWithTag(pv, Tag); }
};

/* a lookaside list of one class; several classes have one */
class CLookaside {
public:
  NTSTATUS Init(SIZE_T cb, ULONG tag, ULONG depth) {
    m_cb = cb;
    m_tag = tag;
    return ExInitializeLookasideListEx(&m_list, nullptr, nullptr, NonPagedPoolNx, 0, cb, tag, static_cast<USHORT>(depth));
  }
  NOINLINE PVOID Get() {
    PVOID pv = ExpInterlockedPopEntrySList(&m_list);
    return pv != nullptr ? pv : ExAllocatePoolWithTag(NonPagedPoolNx, m_cb, m_tag);
  }
private:
  LOOKASIDE m_list;
  SIZE_T m_cb;
  ULONG m_tag;
};

/* ---- the handle table ---- */

enum HandleType { TYPE_FREE, TYPE_WINDOW, TYPE_MENU, TYPE_CURSOR, TYPE_HOOK, TYPE_TIMER, TYPE_MONITOR, TYPE_COUNT };
enum { OCF_DESKTOPHEAP = 1, OCF_NONPAGED = 2, OCF_QUOTA = 4 };
struct HANDLETYPEINFO { void (*Destroy)(PVOID object); ULONG tag; UCHAR flags; };
struct HANDLEENTRY { PVOID object; PVOID owner; UCHAR type, flags; USHORT unique; };
struct HEAD { ULONG handle, locks; };

static void DestroyObject(PVOID object) { g_Last = object; }
static void DestroyWindow(PVOID object) { static_cast<HEAD *>(object)->locks = 0; }
static const HANDLETYPEINFO g_Types[TYPE_COUNT] = {
  {nullptr, 'reFU', 0}, //? UFer the free type: no object of it is made
  {DestroyWindow, 'niWU', OCF_DESKTOPHEAP}, //= UWin any tag-table
  {DestroyObject, 'neMU', OCF_DESKTOPHEAP}, //= UMen any tag-table
  {DestroyObject, 'ruCU', OCF_QUOTA}, //= UCur any tag-table
  {DestroyObject, 'koHU', 0}, //= UHok any tag-table
  {DestroyObject, 'miTU', OCF_NONPAGED}, //= UTim any tag-table
  {DestroyObject, 'noMU', OCF_NONPAGED | OCF_QUOTA}, //= UMon any tag-table
};
static HANDLEENTRY *g_Entries;
static ULONG g_EntryCount, g_EntryNext;

NOINLINE static HEAD *HMAllocObject(PVOID owner, UCHAR type, ULONG cb) {
  const HANDLETYPEINFO *info = &g_Types[type];
  HEAD *head;
  if (g_EntryNext >= g_EntryCount) return nullptr;
  if (info->flags & OCF_NONPAGED) head = static_cast<HEAD *>(ExAllocatePoolWithTag(NonPagedPoolNx, cb, info->tag));
  else if (info->flags & OCF_QUOTA) head = static_cast<HEAD *>(ExAllocatePoolWithQuotaTag(PagedPool | 8, cb, info->tag));
  else head = static_cast<HEAD *>(DkAllocPoolZ(cb, info->tag));
  if (head == nullptr) return nullptr;
  HANDLEENTRY *entry = &g_Entries[g_EntryNext++];
  entry->object = head;
  entry->owner = owner;
  entry->type = type;
  head->handle = static_cast<ULONG>(entry - g_Entries) | static_cast<ULONG>(entry->unique) << 16;
  return head;
}

/* ---- user objects ---- */

struct RECTL { LONG left, top, right, bottom; };
struct WINDOW { HEAD head; RECTL rect; PWSTR name; PVOID props; ULONG cbExtra; PVOID extra; };

class Message : public Tagged<Message, 'gsMU'> { //= UMsg any operator-new
public:
  Message(ULONG id, ULONG_PTR w) : m_id(id), m_w(w) {}
  ULONG_PTR W() const { return m_w + m_id; }
  LIST_ENTRY m_link;
private:
  ULONG m_id;
  ULONG_PTR m_w;
};

class MessageQueue {
public:
  NTSTATUS Init() { return m_entries.Init(56, 'qsMU', 32); } //= UMsq any wrapper
  NOINLINE NTSTATUS Post(ULONG id, ULONG_PTR w) {
    Message *message = new Message(id, w);
    PVOID entry = m_entries.Get();
    if (message == nullptr || entry == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    *static_cast<Message **>(entry) = message;
    return m_order.Add(entry) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
private:
  CLookaside m_entries;
  CDynArray<PVOID, 'roMU'> m_order; //= UMor any template-tag
};

NOINLINE static WINDOW *CreateWindowObject(PVOID thread, const UNICODE_STRING *name, ULONG cbExtra) {
  WINDOW *window = reinterpret_cast<WINDOW *>(HMAllocObject(thread, TYPE_WINDOW, sizeof(WINDOW)));
  if (window == nullptr) return nullptr;
  window->name = static_cast<PWSTR>(DkAllocPool(name->Length + sizeof(WCHAR), 'txTU')); //= UTxt any wrapper
  if (window->name != nullptr) memcpy(window->name, name->Buffer, name->Length);
  window->cbExtra = cbExtra;
  window->extra = cbExtra != 0 ? DkAllocPoolZ(cbExtra, 'txEU') : nullptr; //= UExt any wrapper-two
  window->props = new ('prPU') ULONG_PTR[16]; //= UPrp any operator-new
  return window;
}

NOINLINE static NTSTATUS CopyFromUser(const UCHAR *from, SIZE_T cb) {
  CTempBuffer<'pmTU'> temp(cb); //= UTmp any template-tag
  if (temp.Get() == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(temp.Get(), from, cb);
  return temp.Get()[0] == 0x4D ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* ---- graphics objects ---- */

enum ObjectType : UCHAR { OBJ_DC, OBJ_REGION, OBJ_SURFACE, OBJ_PALETTE, OBJ_FONT, OBJ_TYPES };
struct ObjectDescriptor { ULONG size, tag; bool lookaside; };
static const ObjectDescriptor c_Objects[OBJ_TYPES] = {
  {512, 'cdhG', false}, //= Ghdc any tag-table
  {112, 'ngRG', true}, //= GRgn any tag-table
  {640, 'fuSG', true}, //= GSuf any tag-table
  {96, 'laPG', false}, //= GPal any tag-table
  {256, 'tnFG', false}, //= GFnt any tag-table
};
static LOOKASIDE *g_ObjectLists[OBJ_TYPES];

NOINLINE static NTSTATUS InitObjectLists() {
  for (ULONG i = 0; i < OBJ_TYPES; i++) {
    if (!c_Objects[i].lookaside) continue;
    g_ObjectLists[i] = static_cast<LOOKASIDE *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(LOOKASIDE), 'kooG')); //= Gook allocation-call direct
    if (g_ObjectLists[i] == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializePagedLookasideList(g_ObjectLists[i], nullptr, nullptr, 0, c_Objects[i].size, c_Objects[i].tag, 0);
  }
  return STATUS_SUCCESS;
}

NOINLINE static PVOID AllocateObject(ULONG cb, UCHAR type) {
  if (type >= OBJ_TYPES) return nullptr;
  if (c_Objects[type].lookaside && cb <= c_Objects[type].size) return ExpInterlockedPopEntrySList(g_ObjectLists[type]);
  return DkAllocPoolZ(cb, c_Objects[type].tag);
}

class OBJECT {
public:
  explicit OBJECT(UCHAR type) : m_type(type) {}
  virtual ~OBJECT() {}
  virtual ULONG Tag() const = 0;
  virtual PVOID AllocateBits(SIZE_T cb) { return DkAllocPool(cb, Tag()); }
protected:
  UCHAR m_type;
};

class SURFACE : public OBJECT {
public:
  SURFACE(ULONG cx, ULONG cy) : OBJECT(OBJ_SURFACE), m_cx(cx), m_cy(cy), m_pvBits(nullptr) {}
  ULONG Tag() const override { return 'tiBG'; } //= GBit any virtual-call
  NOINLINE bool Create() { m_pvBits = AllocateBits(m_cx * m_cy * 4); return m_pvBits != nullptr; }
protected:
  ULONG m_cx, m_cy;
  PVOID m_pvBits;
};

class DIBSECTION final : public SURFACE {
public:
  DIBSECTION(ULONG cx, ULONG cy) : SURFACE(cx, cy) {}
  ULONG Tag() const override { return 'biDG'; } //= GDib any virtual-call
  PVOID AllocateBits(SIZE_T cb) override { return ExAllocatePoolWithQuotaTag(PagedPool | 8, cb, 'sDBG'); } //= GBDs any virtual-call
};

class REGION {
public:
  NOINLINE static REGION *Create(ULONG scans) {
    REGION *region = new (Paged, 'ergG') REGION; //= Ggre any operator-new
    if (region == nullptr) return nullptr;
    region->m_scans = new ('ncsG') ULONG[scans * 4]; //= Gscn any operator-new
    if (region->m_scans == nullptr) { delete region; return nullptr; }
    region->m_count = scans;
    return region;
  }
  ~REGION() { delete[] m_scans; }
private:
  ULONG *m_scans;
  ULONG m_count;
};

/* ---- the display adapter ---- */

struct ALLOCATION_INFO { ULONG64 size; ULONG flags; PVOID data; };

class ADAPTER {
public:
  explicit ADAPTER(DEVICE_OBJECT *device) : m_device(device), m_signature('tpdA') {} //~ Adpt magic
  NOINLINE NTSTATUS Start() {
    m_segments = static_cast<PVOID *>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 32 * sizeof(PVOID), 'gSxD')); //= DxSg allocation-call direct
    if (m_segments == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = m_dma.Init(264, 'mDxD', 16); //= DxDm any wrapper
    if (status < 0) return status;
    return m_fences.Init(48, 'nFxD', 64); //= DxFn any wrapper
  }
  NOINLINE NTSTATUS CreateAllocation(const ALLOCATION_INFO *info, ULONG count) {
    ULONG tag = info->flags & 1 ? 'pAxD' : 'lAxD'; //= DxAp any ternary //= DxAl any ternary
    for (ULONG i = 0; i < count; i++) {
      PVOID allocation = AllocateTracked(sizeof(ALLOCATION_INFO) + 64, tag);
      if (allocation == nullptr || !m_allocations.Add(allocation)) return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS Submit() {
    PVOID dma = m_dma.Get(), fence = m_fences.Get();
    PVOID history = AllocateTracked(4096, 'hHxD'); //= DxHh any wrapper
    if (dma == nullptr || fence == nullptr || history == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    m_segments[0] = dma;
    m_segments[1] = fence;
    m_segments[2] = history;
    return m_signature == 'tpdA' ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
  }
private:
  NOINLINE PVOID AllocateTracked(SIZE_T cb, ULONG tag) {
    PVOID pv = ExAllocatePoolWithTag(NonPagedPoolNx, cb, tag);
    if (pv != nullptr) { m_bytes += cb; m_count++; }
    return pv;
  }
  DEVICE_OBJECT *m_device;
  ULONG m_signature, m_count;
  SIZE_T m_bytes;
  PVOID *m_segments;
  CLookaside m_dma, m_fences;
  CDynArray<PVOID, 'rAxD'> m_allocations; //= DxAr any template-tag
};

static ADAPTER *g_Adapter;
static MessageQueue *g_Queue;

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *device, IRP *irp) {
  const ULONG code = irp->Flags;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: g_Last = CreateWindowObject(device, static_cast<UNICODE_STRING *>(irp->SystemBuffer), code); break;
  case 1: g_Last = HMAllocObject(device, irp->Stack->Control, code); break;
  case 2: g_Last = AllocateObject(code, irp->Stack->Control); break;
  case 3: status = g_Queue->Post(code, irp->Information); break;
  case 4: status = CopyFromUser(static_cast<UCHAR *>(irp->SystemBuffer), irp->Information); break;
  case 5: g_Last = REGION::Create(code); break;
  case 6: status = g_Adapter->CreateAllocation(static_cast<ALLOCATION_INFO *>(irp->SystemBuffer), code); break;
  case 7: status = g_Adapter->Submit(); break;
  case 8: {
    SURFACE *surface = code & 1 ? new ('rsDG') DIBSECTION(code, 64) : new ('rSpG') SURFACE(code, code); //= GDsr any operator-new //= GpSr any operator-new
    if (surface == nullptr || !surface->Create()) status = STATUS_INSUFFICIENT_RESOURCES;
    g_Last = surface;
    break;
  }
  case 9: DkFreePool(irp->SystemBuffer); break;
  default: status = code == 'tpcs' ? STATUS_NOT_SUPPORTED : STATUS_INVALID_PARAMETER; break; //~ scpt magic
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  g_EntryCount = 1024;
  g_Entries = static_cast<HANDLEENTRY *>(DkAllocPoolZ(g_EntryCount * sizeof(HANDLEENTRY), 'bTHU')); //= UHTb any wrapper-two
  g_Queue = new (NonPaged, 'euQU') MessageQueue; //= UQue any operator-new
  g_Adapter = new (NonPaged, 'dAxD') ADAPTER(driver->Device); //= DxAd any operator-new
  if (g_Entries == nullptr || g_Queue == nullptr || g_Adapter == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = g_Queue->Init();
  if (status >= 0) status = InitObjectLists();
  if (status >= 0) status = g_Adapter->Start();
  for (ULONG i = 0; i < 28; i++) driver->Major[i] = Dispatch;
  return status;
}
