// Held out: a session of windows and of drawing: objects by type with a descriptor each, handles whose entry says the type, drawing objects
// whose tag has the type's letter, isolated types by template, a display adapter with an allocator of its own, lists by size and type.
#include "kernel.h"

typedef ULONG_PTR UPTR;
enum class Pool : ULONG { Paged = 0x21, NonPaged = 0x200 };

/* ---- the session's allocator: one instance, made when the session begins ---- */

class SessionAllocator {
public:
  virtual PVOID Allocate(SIZE_T cb, ULONG tag, bool zero) = 0;
  virtual PVOID Reallocate(PVOID p, SIZE_T old, SIZE_T cb, ULONG tag) = 0;
  virtual void Free(PVOID p) = 0;
};

class PagedSession final : public SessionAllocator {
public:
  PVOID Allocate(SIZE_T cb, ULONG tag, bool zero) override;
  PVOID Reallocate(PVOID p, SIZE_T old, SIZE_T cb, ULONG tag) override;
  void Free(PVOID p) override { m_live--; ExFreePool(p); }
private:
  LONG m_live;
};

NOINLINE static PVOID PoolAllocate(Pool pool, SIZE_T cb, ULONG tag) { return ExAllocatePoolWithTag(static_cast<ULONG>(pool), cb, tag); }

PVOID PagedSession::Allocate(SIZE_T cb, ULONG tag, bool zero) {
  PVOID p = PoolAllocate(Pool::Paged, cb, tag);
  if (p == nullptr) return nullptr;
  m_live++;
  if (zero) memset(p, 0, cb);
  return p;
}
PVOID PagedSession::Reallocate(PVOID p, SIZE_T old, SIZE_T cb, ULONG tag) {
  if (cb <= old) return p;
  PVOID grown = Allocate(cb, tag, true);
  if (grown == nullptr) return nullptr;
  memcpy(grown, p, old);
  Free(p);
  return grown;
}

PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { operator delete(p); }
extern "C" int _purecall() { KeBugCheckEx(0x164, 'lrup', 0, 0, 0); return 0; } //~ purl bug-check

static SessionAllocator *gAllocator;
alignas(8) static UCHAR gSessionStorage[sizeof(PagedSession)];

/* ---- classes that say their tag themselves ---- */

template <ULONG Tag, Pool Where = Pool::Paged> struct TaggedObject {
  static PVOID operator new(SIZE_T cb) noexcept { return PoolAllocate(Where, cb, Tag); }
  static void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePoolWithTag(p, Tag); }
};

template <class T> NOINLINE static T *CreateZeroed() {
  T *object = static_cast<T *>(PoolAllocate(T::Where, sizeof(T), T::Tag));
  if (object != nullptr) memset(object, 0, sizeof(T));
  return object;
}

/* objects of one type in sections of their own; a new section when the others are full */
template <class T, ULONG Tag, ULONG Each> class IsolatedType {
public:
  struct Section { Section *next; ULONG used; UCHAR room[Each * sizeof(T)]; };
  NOINLINE T *Create() {
    for (Section *section = m_first; section != nullptr; section = section->next)
      if (section->used < Each) return reinterpret_cast<T *>(section->room) + section->used++;
    Section *section = static_cast<Section *>(gAllocator->Allocate(sizeof(Section), Tag, true));
    if (section == nullptr) return nullptr;
    section->next = m_first;
    section->used = 1;
    m_first = section;
    return reinterpret_cast<T *>(section->room);
  }
private:
  Section *m_first;
};

template <typename T, ULONG Tag> class Vector {
public:
  NOINLINE bool Append(T value) {
    if (m_count == m_room) {
      ULONG room = m_room == 0 ? 8 : m_room * 2;
      T *data = static_cast<T *>(PoolAllocate(Pool::Paged, room * sizeof(T), Tag));
      if (data == nullptr) return false;
      if (m_data != nullptr) { memcpy(data, m_data, m_count * sizeof(T)); ExFreePoolWithTag(m_data, Tag); }
      m_data = data;
      m_room = room;
    }
    m_data[m_count++] = value;
    return true;
  }
private:
  T *m_data;
  ULONG m_count, m_room;
};

/* ---- windows and their like: a descriptor for each type ---- */

enum ObjectType : UCHAR { otFree, otWindow, otMenu, otHook, otInput, otLayout, otCount };
struct TypeDescriptor { const CHAR *name; ULONG flags, tag; void (*destroy)(PVOID); USHORT bytes; };
enum { tfNonPaged = 1, tfLocked = 2 };
static void DestroyPlain(PVOID p) { *static_cast<ULONG *>(p) = 0; }
static void DestroyWindow(PVOID p) { static_cast<ULONG *>(p)[2] = 0; }
static const TypeDescriptor typeWindow = {"window", 0, 'dnwU', DestroyWindow, 232}; //= Uwnd any tag-table
static const TypeDescriptor typeMenu = {"menu", 0, 'unmU', DestroyPlain, 112}; //= Umnu any tag-table
static const TypeDescriptor typeHook = {"hook", tfLocked, 'khsU', DestroyPlain, 64}; //= Ushk any tag-table
static const TypeDescriptor typeInput = {"input", tfNonPaged, 'cniU', DestroyPlain, 96}; //= Uinc any tag-table
static const TypeDescriptor typeLayout = {"layout", 0, 'yalU', DestroyPlain, 80}; //= Ulay any tag-table
static const TypeDescriptor *const gTypes[otCount] = {nullptr, &typeWindow, &typeMenu, &typeHook, &typeInput, &typeLayout};

struct HandleEntry { PVOID object; UPTR owner; UCHAR type, flags; USHORT unique; };
static HandleEntry gHandles[512];
static ULONG gHandleCount;

NOINLINE static PVOID CreateObject(UPTR owner, ObjectType type, ULONG extra) {
  if (type >= otCount || gHandleCount >= 512) return nullptr;
  const TypeDescriptor *descriptor = gTypes[type];
  SIZE_T cb = descriptor->bytes + extra;
  PVOID object = descriptor->flags & tfNonPaged ? PoolAllocate(Pool::NonPaged, cb, descriptor->tag) : gAllocator->Allocate(cb, descriptor->tag, true);
  if (object == nullptr) return nullptr;
  HandleEntry &entry = gHandles[gHandleCount++];
  entry.object = object;
  entry.owner = owner;
  entry.type = type;
  return object;
}

/* an object's handle tells its type, and the type what its copy is tagged with */
struct CloneTags { USHORT bytes; ULONG tag; };
static const CloneTags gClone[otCount] = {
  {0, 0},
  {232, 'ewcU'}, //= Ucwe any tag-table
  {112, 'emcU'}, //= Ucme any tag-table
  {0, 0}, {0, 0}, {0, 0},
};
NOINLINE static PVOID CloneObject(ULONG handle) {
  const HandleEntry &entry = gHandles[handle & 511];
  if (entry.type >= otCount || gClone[entry.type].bytes == 0) return nullptr;
  const CloneTags &clone = gClone[entry.type];
  PVOID copy = gAllocator->Allocate(clone.bytes, clone.tag, false);
  if (copy != nullptr) memcpy(copy, entry.object, clone.bytes);
  return copy;
}

/* ---- drawing: the type is a letter of the tag; lists for the small and common ---- */

enum DrawType : ULONG { dtDc, dtRegion, dtSurface, dtPalette, dtFont, dtCount };
struct DrawHead { UPTR handle; ULONG shares, type; };
static LOOKASIDE gDrawLists[3];
struct ListSetup { USHORT bytes, depth; ULONG tag; };
static const ListSetup gListSetup[3] = {
  {0x2C0, 8, 'cdlG'}, //= Gldc any lookaside-loop
  {0x80, 64, 'rrlG'}, //= Glrr any lookaside-loop
  {0x120, 32, 'fslG'}, //= Glsf any lookaside-loop
};

NOINLINE static void InitializeDrawLists() {
  const ListSetup *setup = gListSetup;
  for (LOOKASIDE *list = gDrawLists; list != gDrawLists + 3; list++, setup++)
    ExInitializePagedLookasideList(list, nullptr, nullptr, 0, setup->bytes, setup->tag, setup->depth);
}

NOINLINE static DrawHead *AllocateDraw(ULONG type, SIZE_T cb) {
  DrawHead *head = nullptr;
  if (type < 3 && cb <= gListSetup[type].bytes) head = static_cast<DrawHead *>(ExpInterlockedPopEntrySList(&gDrawLists[type]));
  if (head == nullptr) head = static_cast<DrawHead *>(gAllocator->Allocate(cb, '0tdG' + (type << 24), true)); //= Gdt0 any computed-tag //= Gdt1 any computed-tag //= Gdt2 any computed-tag //= Gdt3 any computed-tag //= Gdt4 any computed-tag
  if (head != nullptr) head->type = type;
  return head;
}

struct Region : TaggedObject<'ngrG'> { LONG bounds[4]; ULONG rectangles; }; //= Grgn any operator-new
struct Brush { static constexpr ULONG Tag = 'hsbG'; static constexpr Pool Where = Pool::Paged; ULONG style, color; }; //= Gbsh any template-tag
struct Timer { static constexpr ULONG Tag = 'rmtU'; static constexpr Pool Where = Pool::NonPaged; UPTR next, due; }; //= Utmr any template-tag
struct Cursor { ULONG frame, rate; LONG hot[2]; };
struct Sprite { ULONG z; LONG at[4]; };
static IsolatedType<Cursor, 'siCU', 32> gCursors; //= UCis any virtual-call
static IsolatedType<Sprite, 'siSG', 16> gSprites; //= GSis any virtual-call
static Vector<ULONG, 'xtvU'> gAtoms; //= Uvtx any template-tag

/* ---- fonts and cursors from files: everything has four letters there ---- */

NOINLINE static const UCHAR *FindTable(const UCHAR *file, ULONG cb, ULONG name) {
  for (ULONG at = 12; at + 16 <= cb; at += 16)
    if (*reinterpret_cast<const ULONG *>(file + at) == name) return file + at;
  return nullptr;
}
struct FontFile { const UCHAR *glyphs, *map, *header; PVOID cache; ULONG cbCache; };
NOINLINE static FontFile *LoadFont(const UCHAR *file, ULONG cb) {
  FontFile *font = static_cast<FontFile *>(gAllocator->Allocate(sizeof(FontFile), 'tnfG', true)); //= Gfnt any virtual-call
  if (font == nullptr) return nullptr;
  font->glyphs = FindTable(file, cb, 'fylg'); //~ glyf firmware-table
  font->map = FindTable(file, cb, 'pamc'); //~ cmap firmware-table
  font->header = FindTable(file, cb, 'daeh'); //~ head firmware-table
  font->cbCache = font->glyphs ? 0x1000 : 0x200;
  font->cache = gAllocator->Allocate(font->cbCache, 'cgfG', false); //= Gfgc any virtual-call
  return font;
}
NOINLINE static bool GrowCache(FontFile *font, ULONG cb) {
  PVOID cache = gAllocator->Reallocate(font->cache, font->cbCache, cb, 'cgfG');
  if (cache == nullptr) return false;
  font->cache = cache;
  font->cbCache = cb;
  return true;
}
NOINLINE static Cursor *LoadAnimation(const ULONG *file, ULONG words) {
  if (words < 4 || file[0] != 'FFIR' || file[2] != 'NOCA') return nullptr; //~ RIFF firmware-table //~ ACON firmware-table
  Cursor *cursor = gCursors.Create();
  for (ULONG at = 3; cursor != nullptr && at + 2 < words; at += 2 + file[at + 1] / 4) {
    if (file[at] == 'hina') cursor->frame = file[at + 2]; //~ anih firmware-table
    else if (file[at] == 'etar') cursor->rate = file[at + 2]; //~ rate firmware-table
  }
  return cursor;
}

/* ---- the display adapter: callbacks that the port gives the adapter, a memory manager per adapter ---- */

struct PortInterface { ULONG size, version; PVOID context; PVOID (*acquire)(PVOID context, ULONG flags, SIZE_T cb, ULONG tag); void (*release)(PVOID context, PVOID p); void (*log)(PVOID context, ULONG code); };
static PVOID PortAcquire(PVOID context, ULONG flags, SIZE_T cb, ULONG tag) {
  if (flags & 4) return ExAllocatePool2(flags & 1 ? POOL_FLAG_NON_PAGED : POOL_FLAG_PAGED, cb, tag);
  ++*static_cast<ULONG *>(context);
  return PoolAllocate(flags & 1 ? Pool::NonPaged : Pool::Paged, cb, tag);
}
static void PortRelease(PVOID context, PVOID p) { --*static_cast<ULONG *>(context); ExFreePool(p); }
static void PortLog(PVOID context, ULONG code) { if (code != 'knlB') ++*static_cast<ULONG *>(context); } //~ Blnk magic
static ULONG gPortBlocks;

class Adapter {
public:
  Adapter(ULONG ordinal, ULONG tag) : m_ordinal(ordinal), m_tag(tag), m_commands(nullptr) {}
  NTSTATUS Start(const PortInterface *port) {
    m_port = *port;
    m_commands = m_port.acquire(m_port.context, 1, 0x10000, 'mcxD'); //= Dxcm any operations-object
    if (m_commands == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    m_port.log(m_port.context, 'trtS'); //~ Strt not-an-allocator
    return STATUS_SUCCESS;
  }
  NOINLINE PVOID AllocatePrivate(SIZE_T cb) { return m_ordinal > 7 ? nullptr : PoolAllocate(Pool::NonPaged, cb, m_tag); }
  NOINLINE PVOID AllocateFence(bool shared) { return m_port.acquire(m_port.context, 5, 64, shared ? 'sfxD' : 'pfxD'); } //= Dxfs any operations-object //= Dxfp any operations-object
  void Stop() { if (m_commands) m_port.release(m_port.context, m_commands); }
  static PVOID operator new(SIZE_T cb) noexcept { return PoolAllocate(Pool::NonPaged, cb, 'daxD'); } //= Dxad any operator-new
  static void operator delete(PVOID p) noexcept { ExFreePoolWithTag(p, 'daxD'); }
private:
  ULONG m_ordinal, m_tag;
  PortInterface m_port;
  PVOID m_commands;
};
static Adapter *gAdapters[2];

INIT_CODE_SECTION static NTSTATUS StartAdapters() {
  PortInterface port = {sizeof(port), 3, &gPortBlocks, PortAcquire, PortRelease, PortLog};
  gAdapters[0] = new Adapter(0, 'rpxD'); //= Dxpr any object-field
  gAdapters[1] = new Adapter(1, 'cesD'); //= Dsec any object-field
  for (Adapter *adapter : gAdapters) {
    if (adapter == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = adapter->Start(&port);
    if (status < 0) return status;
  }
  return STATUS_SUCCESS;
}

/* ---- texts, and messages with a reply ---- */

NOINLINE static bool CopyText(const UNICODE_STRING *from, UNICODE_STRING *to, ULONG tag) {
  to->Buffer = static_cast<PWSTR>(gAllocator->Allocate(from->Length + sizeof(WCHAR), tag, false));
  if (to->Buffer == nullptr) return false;
  to->Length = from->Length;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  memcpy(to->Buffer, from->Buffer, from->Length);
  return true;
}

struct Message { ULONG id; UPTR w, l; UNICODE_STRING text; PVOID reply; };
NOINLINE static Message *PostText(const UNICODE_STRING *text, ULONG cbReply) {
  Message *message = static_cast<Message *>(Win32AllocPoolZInit(sizeof(Message), 'gsmU')); //= Umsg any direct
  if (message == nullptr) return nullptr;
  message->id = 0xC;
  if (!CopyText(text, &message->text, 'xtmU')) { //= Umtx any virtual-call
    ExFreePoolWithTag(message, 'gsmU');
    return nullptr;
  }
  if (cbReply != 0) message->reply = EngAllocMem(1, cbReply, 'pemU'); //= Umep any direct
  return message;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *, IRP *irp) {
  ULONG a = irp->Flags;
  PVOID result = nullptr;
  UNICODE_STRING name;

  switch (irp->Stack->Minor) {
  case 0: result = CreateObject(irp->Information, otWindow, a); break;
  case 1: result = CreateObject(irp->Information, a & 1 ? otMenu : otHook, 0); break;
  case 2: result = CreateObject(irp->Information, static_cast<ObjectType>(a), 16); break;
  case 3: result = CloneObject(a); break;
  case 4: result = AllocateDraw(a & 0xFF ? dtRegion : dtDc, irp->Information); break;
  case 5: result = AllocateDraw(dtSurface, irp->Information); break;
  case 6: result = AllocateDraw(dtPalette, 4 * a); break;
  case 7: result = AllocateDraw(dtFont, 0x300); break;
  case 8: result = new Region; break;
  case 9: result = CreateZeroed<Brush>(); break;
  case 10: result = CreateZeroed<Timer>(); break;
  case 11: result = LoadAnimation(static_cast<ULONG *>(irp->SystemBuffer), a); break;
  case 12: result = gSprites.Create(); break;
  case 13: gAtoms.Append(a); break;
  case 14: result = LoadFont(static_cast<UCHAR *>(irp->SystemBuffer), a); break;
  case 15: if (!GrowCache(static_cast<FontFile *>(irp->SystemBuffer), a)) return STATUS_INSUFFICIENT_RESOURCES; break;
  case 16: result = gAdapters[a & 1]->AllocatePrivate(irp->Information); break;
  case 17: result = gAdapters[0]->AllocateFence(a != 0); break;
  case 18: result = PostText(static_cast<UNICODE_STRING *>(irp->SystemBuffer), a); break;
  case 19: if (CopyText(static_cast<UNICODE_STRING *>(irp->SystemBuffer), &name, 'mnwU')) result = name.Buffer; break; //= Uwnm any virtual-call
  case 20: if (gHandles[a & 511].type < otCount && gTypes[gHandles[a & 511].type]) gTypes[gHandles[a & 511].type]->destroy(gHandles[a & 511].object); break;
  case 21: gAdapters[1]->Stop(); delete gAdapters[1]; delete static_cast<Region *>(irp->SystemBuffer); break;
  default: return STATUS_NOT_SUPPORTED;
  }
  irp->SystemBuffer = result;
  IoCompleteRequest(irp, 0);
  return STATUS_SUCCESS;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  gAllocator = new (gSessionStorage) PagedSession;
  InitializeDrawLists();
  driver->Major[14] = Dispatch;
  return StartAdapters();
}
