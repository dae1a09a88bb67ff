// A window manager's kernel half in C++: win32k's allocators, handle tables with a type table of tags, surfaces and regions as classes
// with vtables, per-session heaps, reallocation, thread buffers, type isolation by object type.
#include "kernel.h"

namespace {
void *volatile keep;
ULONG volatile session;

/* --- the allocator family of the session ----------------------------------------------------------------------------------------------- */
enum class Kind : ULONG { Window, Menu, Cursor, Hook, Timer, Count };
struct TypeInfo { ULONG flags; ULONG tag; void (*destroy)(void *); USHORT size; UCHAR isolated; const char *name; };
NOINLINE void DestroyObject(void *p) { ExFreePoolWithTag(p, 0); }
const TypeInfo kTypes[] = {
  {1, 'wnWU', DestroyObject, 0x148, 1, "window"}, //= UWnw allocation-call tag-table
  {0, 'nmWU', DestroyObject, 0x98, 0, "menu"}, //= UWmn allocation-call tag-table
  {2, 'ucWU', DestroyObject, 0x90, 1, "cursor"}, //= UWcu allocation-call tag-table
  {0, 'khWU', DestroyObject, 0x60, 0, "hook"}, //= UWhk allocation-call tag-table
  {0, 'mtWU', DestroyObject, 0x80, 0, "timer"}, //= UWtm allocation-call tag-table
};

NOINLINE void *AllocateObject(Kind kind, SIZE_T extra) {
  const TypeInfo &type = kTypes[static_cast<ULONG>(kind)];
  if (type.isolated && session == 'noS1') return nullptr; //~ "1Son" magic
  return type.flags & 2 ? Win32AllocPoolNonPagedZInit(type.size + extra, type.tag) : Win32AllocPoolWithQuotaZInit(type.size + extra, type.tag);
}
NOINLINE void *HeapAllocate(SIZE_T size, ULONG tag, bool zero) {
  void *p = zero ? Win32AllocPoolZInit(size, tag) : Win32AllocPool(size, tag);
  if (!p) DbgPrint("session %u\n", session);
  return p;
}
NOINLINE void *ArrayAllocate(ULONG count, ULONG each, ULONG tag) { return each && count > 0x10000 / each ? nullptr : HeapAllocate(count * each, tag, true); }

/* --- objects with vtables ----------------------------------------------------------------------------------------------------------------- */
class Object {
public:
  explicit Object(ULONG magic) : magic_(magic), references_(1) {}
  virtual ~Object() {}
  virtual NTSTATUS Resize(ULONG width, ULONG height) = 0;
  virtual ULONG Tag() const = 0;
  NOINLINE bool Check(ULONG magic) const { return magic_ == magic; }
  void Release() { if (--references_ == 0) delete this; }
  void *operator new(SIZE_T size, ULONG tag) noexcept { return EngAllocMem(1, static_cast<ULONG>(size), tag); }
  void operator delete(void *p) noexcept { EngFreeMem(p); }
  void operator delete(void *p, ULONG) noexcept { EngFreeMem(p); }
protected:
  NOINLINE void *Scratch(SIZE_T size) { return Win32AllocPool(size, Tag()); } /* the tag comes from a virtual function */
  ULONG magic_;
  LONG references_;
};

class Surface : public Object {
public:
  explicit Surface(ULONG format) : Object('fruS'), bits_(nullptr), size_(0), format_(format) {} //~ Surf magic
  ~Surface() override { if (bits_) EngFreeMem(bits_); }
  NTSTATUS Resize(ULONG width, ULONG height) override {
    ULONG size = width * height * (format_ == '23RA' ? 4 : 2); //~ AR32 firmware-table
    void *bits = EngAllocMem(0, size, 'bSWU'); //= UWSb allocation-call direct
    if (!bits) return STATUS_INSUFFICIENT_RESOURCES;
    if (bits_) EngFreeMem(bits_);
    bits_ = bits;
    size_ = size;
    return STATUS_SUCCESS;
  }
  ULONG Tag() const override { return 'tSWU'; } //= UWSt any return-value
  NOINLINE void *Line(SIZE_T size) { return Scratch(size * 4); }
private:
  void *bits_;
  ULONG size_, format_;
};

class Region : public Object {
public:
  struct Rectangle { LONG left, top, right, bottom; };
  explicit Region(ULONG tag) : Object('ngeR'), rectangles_(nullptr), count_(0), room_(0), tag_(tag) {} //~ Regn magic
  NTSTATUS Resize(ULONG width, ULONG height) override { return Add({0, 0, static_cast<LONG>(width), static_cast<LONG>(height)}); }
  ULONG Tag() const override { return 'gRWU'; } //? UWRg only Surface calls Scratch
  NOINLINE NTSTATUS Add(const Rectangle &r) {
    if (count_ == room_) {
      ULONG room = room_ + 16;
      Rectangle *grown = static_cast<Rectangle *>(
        rectangles_ ? UserReAllocPool(rectangles_, room_ * sizeof(r), room * sizeof(r), tag_) : Win32AllocPool(room * sizeof(r), tag_));
      if (!grown) return STATUS_INSUFFICIENT_RESOURCES;
      rectangles_ = grown;
      room_ = room;
    }
    rectangles_[count_++] = r;
    return STATUS_SUCCESS;
  }
private:
  Rectangle *rectangles_;
  ULONG count_, room_, tag_;
};

/* --- class templates over win32k's allocators ------------------------------------------------------------------------------------------------- */
template <typename T, ULONG Tag, SIZE_T Inline> class StackBuffer { /* small on the stack, large in the pool */
public:
  StackBuffer() : p_(inline_) {}
  ~StackBuffer() { if (p_ != inline_) ExFreePoolWithTag(p_, Tag); }
  NOINLINE T *Get(SIZE_T count) {
    if (count <= Inline) return p_;
    void *p = AllocThreadBufferWithTag(count * sizeof(T), Tag, 0);
    if (p) p_ = static_cast<T *>(p);
    return p ? p_ : nullptr;
  }
private:
  T inline_[Inline], *p_;
};
template <typename T> struct PoolTagOf;
struct Glyph { ULONG code, width; };
struct Key { USHORT scan, flags; };
template <> struct PoolTagOf<Glyph> { static constexpr ULONG value = 'lGWU'; }; //= UWGl allocation-call template-tag
template <> struct PoolTagOf<Key> { static constexpr ULONG value = 'yKWU'; }; //= UWKy allocation-call template-tag
template <typename T> NOINLINE T *AllocateArray(ULONG count) {
  T *p = static_cast<T *>(Win32AllocPoolImpl(1, count * sizeof(T), PoolTagOf<T>::value));
  if (p) memset(p, 0, count * sizeof(T));
  return p;
}

/* --- a heap object per session, with functions as members -------------------------------------------------------------------------------------- */
struct SessionHeap {
  ULONG signature, id;
  void *(*allocate)(SessionHeap *, SIZE_T, ULONG);
  void *(SessionHeap::*method)(SIZE_T, ULONG);
  NOINLINE void *Take(SIZE_T size, ULONG tag) {
    if (signature != 'paHS') return nullptr; //~ SHap magic
    return allocate(this, size, tag);
  }
  NOINLINE void *Quota(SIZE_T size, ULONG tag) { return Win32AllocPoolWithQuota(size + id, tag); }
};
SessionHeap heaps[2];
NOINLINE void *SessionAllocate(SessionHeap *heap, SIZE_T size, ULONG tag) { return Win32AllocPoolNonPaged(size + heap->id, tag); }
NOINLINE void CreateHeaps() {
  for (ULONG i = 0; i < 2; i++) {
    heaps[i].signature = 'paHS';
    heaps[i].id = i;
    heaps[i].allocate = SessionAllocate;
    heaps[i].method = &SessionHeap::Quota;
  }
}

/* --- who uses it --------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE NTSTATUS CreateWindow(SIZE_T extra) {
  keep = AllocateObject(static_cast<Kind>(session % 5), extra);
  keep = HeapAllocate(extra, 'xTWU', false); //= UWTx wrapper-call wrapper
  keep = HeapAllocate(extra + 2, 'lCWU', true); //= UWCl wrapper-call wrapper
  keep = ArrayAllocate(16, static_cast<ULONG>(extra), 'rPWU'); //= UWPr wrapper-call wrapper-layers
  return keep ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE NTSTATUS Paint(ULONG width, ULONG height, ULONG format) {
  Surface *surface = new ('uSWU') Surface(format); //= UWSu any operator-new
  Region *region = new ('eRWU') Region('cRWU'); //= UWRe any operator-new //= UWRc any object-field
  if (!surface || !region) return STATUS_INSUFFICIENT_RESOURCES;
  Object *objects[] = {surface, region};
  for (Object *object : objects) if (object->Resize(width, height) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  if (!surface->Check('fruS') || region->Check('daeD')) return STATUS_INVALID_PARAMETER; //~ Dead magic
  keep = surface->Line(width);
  surface->Release();
  region->Release();
  return STATUS_SUCCESS;
}
NOINLINE ULONG Draw(const UNICODE_STRING &text) {
  StackBuffer<WCHAR, 'sBWU', 32> characters; //= UWBs allocation-call template-tag
  WCHAR *p = characters.Get(text.Length);
  Glyph *glyphs = AllocateArray<Glyph>(text.Length);
  Key *keys = AllocateArray<Key>(text.MaximumLength);
  if (!p || !glyphs || !keys) return 'liaF'; //~ Fail magic
  memcpy(p, text.Buffer, text.Length);
  glyphs->code = p[0];
  ULONG sum = glyphs->code + keys->scan;
  delete glyphs;
  return sum;
}
NOINLINE void *UseHeaps(SIZE_T size) {
  void *p = heaps[session & 1].Take(size, 'aHWU'); //= UWHa any operations-object
  if (!p) p = heaps[0].Take(size / 2, 'bHWU'); //= UWHb any operations-object
  void *(SessionHeap::*method)(SIZE_T, ULONG) = heaps[session & 1].method;
  return p ? p : (heaps[1].*method)(size, 'qHWU'); //= UWHq any operations-object
}
} // namespace

extern "C" int _purecall() { KeBugCheckEx('lacP', 0, 0, 0, 0); return 0; } //~ Pcal bug-check
void operator delete(void *p) noexcept { ExFreePoolWithTag(p, 'eDWU'); } //= UWDe free-call free
void operator delete(void *p, SIZE_T) noexcept { operator delete(p); }

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  session = driver->Flags;
  CreateHeaps();
  keep = UseHeaps(path->Length);
  if (CreateWindow(path->Length) < 0) return STATUS_INSUFFICIENT_RESOURCES;
  session = Draw(*path);
  return Paint(path->Length, path->MaximumLength, session);
}
