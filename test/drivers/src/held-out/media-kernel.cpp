// Held out: a media kernel in C++: operators new with tags, templates with a tag as argument, classes with constants of their own, counted objects,
// holders, virtual allocators, tags by enumerations, formats by FourCC, containers in chunks, status words, signatures within objects.
#include "kernel.h"

/* ---- operators and what they stand on ---- */

enum POOL : ULONG { PagedMemory = PagedPool, NonPagedMemory = NonPagedPoolNx };
enum ALLOC_FLAGS : ULONG64 { AllocPaged = POOL_FLAG_PAGED, AllocNonPaged = POOL_FLAG_NON_PAGED };

PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }
PVOID operator new(SIZE_T size, POOL pool, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(pool, size != 0 ? size : 1, tag);
  if (p != nullptr) memset(p, 0, size);
  return p;
}
PVOID operator new[](SIZE_T size, POOL pool, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(pool, size != 0 ? size : 1, tag);
  if (p != nullptr) memset(p, 0, size);
  return p;
}
PVOID operator new(SIZE_T size, ALLOC_FLAGS flags, ULONG tag) noexcept { return ExAllocatePool2(flags, size, tag); }
PVOID operator new[](SIZE_T size, ALLOC_FLAGS flags, ULONG tag) noexcept { return ExAllocatePool2(flags, size, tag); }
/* who says nothing gets the default */
PVOID operator new(SIZE_T size) noexcept { return ExAllocatePoolWithTag(PagedPool, size, 'dDkM'); } //= MkDd any operator-new
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete[](PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx(0x10E, 'llaC', 0, 0, 0); return 0; } //~ Call bug-check

#define MEDIA_FOURCC(a, b, c, d) ((ULONG)(UCHAR)(a) | ((ULONG)(UCHAR)(b) << 8) | ((ULONG)(UCHAR)(c) << 16) | ((ULONG)(UCHAR)(d) << 24))
template <class T, ULONG N> constexpr ULONG CountOf(T (&)[N]) { return N; }

/* ---- holders ---- */

template <class T, ULONG Tag> class PoolHolder {
public:
  PoolHolder() : m_p(nullptr) {}
  ~PoolHolder() { Reset(); }
  bool Allocate(SIZE_T count) {
    Reset();
    m_p = static_cast<T *>(ExAllocatePoolWithTag(PagedPool, count * sizeof(T), Tag));
    return m_p != nullptr;
  }
  void Reset() { if (m_p != nullptr) { ExFreePoolWithTag(m_p, Tag); m_p = nullptr; } }
  T *Detach() { T *p = m_p; m_p = nullptr; return p; }
  T *Get() const { return m_p; }
  T &operator[](ULONG i) { return m_p[i]; }
private:
  PoolHolder(const PoolHolder &);
  T *m_p;
};

class TaggedString {
public:
  explicit TaggedString(ULONG tag) : m_tag(tag) { m_text.Length = m_text.MaximumLength = 0; m_text.Buffer = nullptr; }
  ~TaggedString() { if (m_text.Buffer != nullptr) ExFreePoolWithTag(m_text.Buffer, m_tag); }
  NOINLINE NTSTATUS Assign(const UNICODE_STRING *from) {
    PWSTR buffer = static_cast<PWSTR>(ExAllocatePoolWithTag(PagedPool, from->Length + sizeof(WCHAR), m_tag));
    if (buffer == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(buffer, from->Buffer, from->Length);
    buffer[from->Length / 2] = 0;
    if (m_text.Buffer != nullptr) ExFreePoolWithTag(m_text.Buffer, m_tag);
    m_text.Buffer = buffer;
    m_text.Length = from->Length;
    m_text.MaximumLength = from->Length + sizeof(WCHAR);
    return STATUS_SUCCESS;
  }
  const UNICODE_STRING *Text() const { return &m_text; }
private:
  UNICODE_STRING m_text;
  ULONG m_tag;
};

/* ---- counted objects: a base with a signature, classes that say their tag ---- */

class Unknown {
public:
  virtual ULONG Type() const = 0;
  void AddRef() { m_references++; }
  NOINLINE void Release() {
    if (m_signature != 'jbOM') KeBugCheckEx(0x18, reinterpret_cast<ULONG_PTR>(this), m_signature, 0, 0); //~ MObj magic
    if (--m_references == 0) Destroy();
  }
protected:
  Unknown() : m_signature('jbOM'), m_references(1) {}
  virtual void Destroy() = 0;
  ULONG m_signature;
  LONG m_references;
};

template <class T> class Counted : public Unknown {
public:
  static PVOID operator new(SIZE_T size) noexcept {
    PVOID p = ExAllocatePoolWithTag(T::Pool, size, T::Tag);
    if (p != nullptr) memset(p, 0, size);
    return p;
  }
  static void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePoolWithTag(p, T::Tag); }
  ULONG Type() const override { return T::Kind; }
protected:
  void Destroy() override { delete static_cast<T *>(this); }
};

template <class T> class Reference {
public:
  Reference(T *p = nullptr) : m_p(p) {}
  ~Reference() { if (m_p != nullptr) m_p->Release(); }
  void Attach(T *p) { if (m_p != nullptr) m_p->Release(); m_p = p; }
  T *operator->() const { return m_p; }
  operator T *() const { return m_p; }
private:
  Reference(const Reference &);
  T *m_p;
};

/* ---- vectors and lists with tags ---- */

template <class T, ULONG Tag, POOL Pool = PagedMemory> class Vector {
public:
  Vector() : m_data(nullptr), m_count(0), m_room(0) {}
  ~Vector() { if (m_data != nullptr) ExFreePoolWithTag(m_data, Tag); }
  NTSTATUS Add(const T &value) {
    if (m_count == m_room) {
      ULONG room = m_room == 0 ? 8 : m_room * 2;
      T *data = new (Pool, Tag) T[room];
      if (data == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
      if (m_data != nullptr) { memcpy(data, m_data, m_count * sizeof(T)); ExFreePoolWithTag(m_data, Tag); }
      m_data = data;
      m_room = room;
    }
    m_data[m_count++] = value;
    return STATUS_SUCCESS;
  }
  ULONG Count() const { return m_count; }
  T &operator[](ULONG i) { return m_data[i]; }
private:
  T *m_data;
  ULONG m_count, m_room;
};

template <SIZE_T Size, ULONG Tag> class FixedPool {
public:
  void Initialize(USHORT depth) { ExInitializeNPagedLookasideList(&m_list, nullptr, nullptr, 0, Size, Tag, depth); }
  PVOID Take() { return ExpInterlockedPopEntrySList(&m_list); }
  void Give(PVOID p) { ExpInterlockedPushEntrySList(&m_list, p); }
  void Delete() { ExDeleteNPagedLookasideList(&m_list); }
private:
  LOOKASIDE m_list;
};

/* ---- formats ---- */

struct FormatRow { ULONG fourcc; UCHAR planes, bits; USHORT flags; const CHAR *name; };
static const FormatRow g_formats[] = {
  {'2YUY', 1, 16, 0, "packed 4:2:2"}, //~ YUY2 firmware-table
  {'YVYU', 1, 16, 1, "packed 4:2:2, chroma first"}, //~ UYVY firmware-table
  {'21VN', 2, 12, 2, "planar 4:2:0"}, //~ NV12 firmware-table
  {'010P', 2, 24, 2, "planar 4:2:0, ten bits"}, //~ P010 firmware-table
  {'VUYA', 1, 32, 0, "packed 4:4:4"}, //~ AYUV firmware-table
  {'24VI', 3, 12, 4, "planar"}, //~ IV42 firmware-table
  {MEDIA_FOURCC('M', 'J', 'P', 'G'), 1, 0, 8, "compressed"}, //~ MJPG firmware-table
  {MEDIA_FOURCC('H', '2', '6', '4'), 1, 0, 8, "compressed"}, //~ H264 firmware-table
};

NOINLINE static const FormatRow *FindFormat(ULONG fourcc) {
  for (const FormatRow &row : g_formats)
    if (row.fourcc == fourcc) return &row;
  if (fourcc == '21VY') return &g_formats[5]; //~ YV12 firmware-table
  return nullptr;
}

class Surface final : public Counted<Surface> {
public:
  static const ULONG Tag = 'fSkM'; //= MkSf any template-tag
  static const ULONG Kind = 'FRUS'; //~ SURF magic
  static const POOL Pool = PagedMemory;
  NOINLINE NTSTATUS Initialize(ULONG fourcc, ULONG width, ULONG height) {
    const FormatRow *row = FindFormat(fourcc);
    if (row == nullptr) return STATUS_NOT_SUPPORTED;
    m_fourcc = fourcc;
    m_width = width;
    m_height = height;
    ULONG tag = row->planes > 1 ? 'pSkM' : 'bSkM'; //= MkSp any ternary //= MkSb any ternary
    m_bits = new (NonPagedMemory, tag) UCHAR[width * height * row->bits / 8];
    m_bitsTag = tag;
    return m_bits != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  ~Surface() { if (m_bits != nullptr) ExFreePoolWithTag(m_bits, m_bitsTag); }
  ULONG Stride() const { return m_fourcc == '2YUY' ? m_width * 2 : m_width; }
private:
  ULONG m_fourcc, m_width, m_height, m_bitsTag;
  UCHAR *m_bits;
};

/* ---- containers: chunks with names ---- */

struct ChunkHeader { ULONG id, size; };
struct WaveFormat { USHORT format, channels; ULONG rate, bytes; USHORT align, bits; };

class RiffReader {
public:
  RiffReader(const UCHAR *data, ULONG size) : m_data(data), m_size(size), m_format(nullptr), m_samples(0) {}
  ~RiffReader() { if (m_format != nullptr) ExFreePoolWithTag(m_format, 'tFkM'); }
  NOINLINE NTSTATUS Parse() {
    const ChunkHeader *riff = reinterpret_cast<const ChunkHeader *>(m_data);
    if (m_size < 12 || riff->id != 'FFIR') return STATUS_INVALID_PARAMETER; //~ RIFF firmware-table
    ULONG form = *reinterpret_cast<const ULONG *>(m_data + 8);
    if (form != 'EVAW' && form != ' IVA') return STATUS_NOT_SUPPORTED; //~ WAVE firmware-table //~ "AVI " firmware-table
    for (ULONG at = 12; at + 8 <= m_size;) {
      const ChunkHeader *chunk = reinterpret_cast<const ChunkHeader *>(m_data + at);
      NTSTATUS status = STATUS_SUCCESS;
      switch (chunk->id) {
      case ' tmf': status = ReadFormat(chunk); break; //~ "fmt " firmware-table
      case 'atad': status = ReadSamples(chunk, m_data + at + 8); break; //~ data firmware-table
      case 'tcaf': m_samples = *reinterpret_cast<const ULONG *>(chunk + 1); break; //~ fact firmware-table
      case 'TSIL': break; //~ LIST firmware-table
      default: DbgPrint("chunk %x skipped\n", chunk->id);
      }
      if (status < 0) return status;
      at += 8 + ((chunk->size + 1) & ~1u);
    }
    return STATUS_SUCCESS;
  }
  PoolHolder<SHORT, 'mSkM'> m_pcm; //= MkSm any template-tag
private:
  NTSTATUS ReadFormat(const ChunkHeader *chunk) {
    if (chunk->size < sizeof(WaveFormat)) return STATUS_INVALID_PARAMETER;
    m_format = static_cast<WaveFormat *>(ExAllocatePoolWithTag(PagedPool, chunk->size, 'tFkM')); //= MkFt any direct
    if (m_format == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(m_format, chunk + 1, chunk->size);
    return STATUS_SUCCESS;
  }
  NTSTATUS ReadSamples(const ChunkHeader *chunk, const UCHAR *samples) {
    if (!m_pcm.Allocate(chunk->size / 2)) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(m_pcm.Get(), samples, chunk->size);
    return STATUS_SUCCESS;
  }
  const UCHAR *m_data;
  ULONG m_size;
  WaveFormat *m_format;
  ULONG m_samples;
};

/* ---- allocators: an interface, one for each kind of memory ---- */

enum MemoryClass { MemorySystem, MemoryLocal, MemoryShared, MemoryCount };
static const ULONG g_classTags[MemoryCount] = {'sMkM', 'lMkM', 'hMkM'}; //= MkMs any tag-table //= MkMl any tag-table //= MkMh any tag-table

class Allocator {
public:
  virtual PVOID Allocate(SIZE_T size) = 0;
  virtual void Free(PVOID p) = 0;
  virtual ULONG64 Address(PVOID p) { return MmGetPhysicalAddress(p).QuadPart; }
};
class PoolAllocator : public Allocator {
public:
  explicit PoolAllocator(ULONG tag) : m_tag(tag), m_bytes(0) {}
  PVOID Allocate(SIZE_T size) override { m_bytes += size; return ExAllocatePoolWithTag(NonPagedPoolNx, size, m_tag); }
  void Free(PVOID p) override { ExFreePoolWithTag(p, m_tag); }
private:
  ULONG m_tag;
  SIZE_T m_bytes;
};
class ContiguousAllocator : public Allocator {
public:
  PVOID Allocate(SIZE_T size) override {
    PHYSICAL_ADDRESS low, high, boundary;
    PVOID out = nullptr;
    low.QuadPart = boundary.QuadPart = 0;
    high.QuadPart = 0xFFFFFFFF;
    return MmAllocateContiguousMemoryEx(&size, low, high, boundary, 0x80000000, 4, nullptr, 'gCkM', 0, &out) < 0 ? nullptr : out; //= MkCg any virtual-call
  }
  void Free(PVOID p) override { MmFreeContiguousMemory(p); }
};
class ClassAllocator : public Allocator {
public:
  explicit ClassAllocator(MemoryClass memory) : m_class(memory) {}
  PVOID Allocate(SIZE_T size) override {
    if (static_cast<ULONG>(m_class) >= MemoryCount) return nullptr;
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, g_classTags[m_class]);
  }
  void Free(PVOID p) override { ExFreePool(p); }
private:
  MemoryClass m_class;
};

NOINLINE static Allocator *CreateAllocator(ULONG kind) {
  switch (kind) {
  case 0: return new (NonPagedMemory, 'rAkM') PoolAllocator('aPkM'); //= MkAr any operator-new //= MkPa any virtual-call
  case 1: return new (NonPagedMemory, 'rAkM') PoolAllocator('vPkM'); //= MkPv any virtual-call
  case 2: return new (NonPagedMemory, 'cAkM') ContiguousAllocator; //= MkAc any operator-new
  default: return new (NonPagedMemory, 'mAkM') ClassAllocator(static_cast<MemoryClass>(kind - 3)); //= MkAm any operator-new
  }
}

/* ---- streams and ports ---- */

struct StreamState { ULONG word; ULONG64 position; };
enum : ULONG { StateStopped = 'POTS', StatePaused = 'SUAP', StateRunning = 'NNUR' }; //~ STOP magic //~ PAUS magic //~ RUNN magic

class Stream final : public Counted<Stream> {
public:
  static const ULONG Tag = 'tSkM'; //= MkSt any template-tag
  static const ULONG Kind = 'MRTS'; //~ STRM magic
  static const POOL Pool = NonPagedMemory;
  Stream() : m_name('nSkM') { m_state.word = StateStopped; } //= MkSn any object-field
  ~Stream() { if (m_allocator != nullptr && m_ring != nullptr) m_allocator->Free(m_ring); }
  NOINLINE NTSTATUS Initialize(const UNICODE_STRING *name, Allocator *allocator, ULONG bytes) {
    m_allocator = allocator;
    NTSTATUS status = m_name.Assign(name);
    if (status < 0) return status;
    m_ring = allocator->Allocate(bytes);
    m_notifications = new (AllocNonPaged, 'eSkM') PVOID[16]; //= MkSe any operator-new
    m_packets.Initialize(32);
    return m_ring != nullptr && m_notifications != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  NOINLINE NTSTATUS SetState(ULONG word) {
    if (word != StateStopped && word != StatePaused && word != StateRunning) return STATUS_INVALID_PARAMETER;
    if (word == StateRunning && m_state.word == StateStopped) return STATUS_NOT_SUPPORTED;
    m_state.word = word;
    return STATUS_SUCCESS;
  }
  NOINLINE PVOID Packet() { return m_packets.Take(); }
private:
  StreamState m_state;
  TaggedString m_name;
  Allocator *m_allocator;
  PVOID m_ring;
  PVOID *m_notifications;
  FixedPool<0x60, 'kPkM'> m_packets; //= MkPk any template-tag
};

class Pin final : public Counted<Pin> {
public:
  static const ULONG Tag = 'nPkM'; //= MkPn any template-tag
  static const ULONG Kind = 'SNIP'; //~ PINS magic
  static const POOL Pool = PagedMemory;
  NOINLINE NTSTATUS Connect(Stream *stream) { stream->AddRef(); return m_streams.Add(stream); }
  NOINLINE NTSTATUS Range(ULONG low, ULONG high) { ULONG64 range = static_cast<ULONG64>(high) << 32 | low; return m_ranges.Add(range); }
private:
  Vector<Stream *, 'vPkM' + 0x01000000, NonPagedMemory> m_streams; //= MkPw any template-tag
  Vector<ULONG64, 'rPkM'> m_ranges; //= MkPr any template-tag
};

/* ---- descriptions of filters: a structure for each, with its properties ---- */

typedef NTSTATUS (*PropertyHandler)(Pin *pin, PVOID value, ULONG size);
struct PropertyRow { const GUID *set; ULONG id, size; PropertyHandler get; };
struct FilterDescriptor { ULONG version; const CHAR *name; const PropertyRow *properties; ULONG count, contextSize, contextTag; };

static NTSTATUS GetVolume(Pin *, PVOID value, ULONG) { *static_cast<LONG *>(value) = -0x10000; return STATUS_SUCCESS; }
static NTSTATUS GetMute(Pin *, PVOID value, ULONG) { *static_cast<BOOL *>(value) = FALSE; return STATUS_SUCCESS; }
static NTSTATUS GetJack(Pin *pin, PVOID value, ULONG) { *static_cast<ULONG *>(value) = pin->Type() == 'SNIP' ? 'KCAJ' : 0; return STATUS_SUCCESS; } //~ JACK magic

static const GUID g_audioSet = {0x6F697541, 0x4D6B, 0x11D0, {'S', 'e', 't', '1', 'A', 'u', 'd', 's'}}; //~ Auio guid //~ Set1 guid //~ Auds guid
static const PropertyRow g_waveProperties[] = {{&g_audioSet, 4, 4, GetVolume}, {&g_audioSet, 13, 4, GetMute}};
static const PropertyRow g_topologyProperties[] = {{&g_audioSet, 20, 4, GetJack}};
static const FilterDescriptor g_filters[] = {
  {0x10000, "Wave", g_waveProperties, CountOf(g_waveProperties), 0x90, 'wDkM'}, //= MkDw any tag-table //~ Wave text
  {0x10000, "Topo", g_topologyProperties, CountOf(g_topologyProperties), 0x40, 'tDkM'}, //= MkDt any tag-table //~ Topo text
  {0x10001, "Midi", nullptr, 0, 0x28, 'mDkM'}, //= MkDm any tag-table //~ Midi text
};

struct FilterContext { const FilterDescriptor *descriptor; PVOID node; };

NOINLINE static FilterContext *CreateFilter(const CHAR *name) {
  for (const FilterDescriptor &descriptor : g_filters) {
    if (strncmp(descriptor.name, name, 4) != 0) continue;
    FilterContext *context = static_cast<FilterContext *>(ExAllocatePoolWithTag(PagedPool, descriptor.contextSize, descriptor.contextTag));
    if (context == nullptr) return nullptr;
    context->descriptor = &descriptor;
    return context;
  }
  return nullptr;
}

NOINLINE static NTSTATUS GetProperty(FilterContext *context, Pin *pin, ULONG id, PVOID value, ULONG size) {
  for (ULONG i = 0; i < context->descriptor->count; i++) {
    const PropertyRow &row = context->descriptor->properties[i];
    if (row.id != id) continue;
    if (size < row.size) return STATUS_INVALID_PARAMETER;
    return row.get(pin, value, size);
  }
  return STATUS_NOT_SUPPORTED;
}

/* ---- handles: objects of a window manager's kind, by type, with desktop and thread ---- */

enum HandleType : UCHAR { HandleFree, HandleWindow, HandleMenu, HandleCursor, HandleHook, HandleTimer, HandleTypes };
struct HandleTypeInfo { ULONG tag; ULONG flags; void (*destroy)(PVOID); };
static void DestroyPlain(PVOID p) { ExFreePool(p); }
static const HandleTypeInfo g_handleTypes[HandleTypes] = {
  {'eerF', 0, nullptr}, //? Free the first row is never allocated
  {'wUkM', 1, DestroyPlain}, //= MkUw any tag-table
  {'mUkM', 1, DestroyPlain}, //= MkUm any tag-table
  {'cUkM', 2, DestroyPlain}, //= MkUc any tag-table
  {'hUkM', 4, DestroyPlain}, //= MkUh any tag-table
  {'tUkM', 4, nullptr}, //= MkUt any tag-table
};
struct HandleEntry { PVOID object, owner; HandleType type; UCHAR flags; USHORT unique; };
static struct { ULONG signature; HandleEntry *entries; ULONG count, used; } g_handles;

NOINLINE static PVOID AllocateHandle(HandleType type, SIZE_T size, PVOID owner) {
  if (type == HandleFree || type >= HandleTypes || g_handles.used == g_handles.count) return nullptr;
  const HandleTypeInfo &info = g_handleTypes[type];
  PVOID object = info.flags & 4 ? Win32AllocPoolNonPagedZInit(size, info.tag) : Win32AllocPoolZInit(size, info.tag);
  if (object == nullptr) return nullptr;
  HandleEntry &entry = g_handles.entries[g_handles.used++];
  entry.object = object;
  entry.owner = owner;
  entry.type = type;
  return object;
}

NOINLINE static NTSTATUS InitializeHandles(ULONG count) {
  g_handles.signature = 'ldnH'; //~ Hndl magic
  g_handles.entries = static_cast<HandleEntry *>(Win32AllocPoolWithQuotaZInit(count * sizeof(HandleEntry), 'eUkM')); //= MkUe any direct
  g_handles.count = count;
  return g_handles.entries != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID GrowThreadText(PVOID text, ULONG from, ULONG to) {
  if (text == nullptr) return AllocThreadBufferWithTag(to, 'bTkM', 1); //= MkTb any direct
  return UserReAllocPoolWithQuota(text, from, to, 'xTkM'); //= MkTx any direct
}

/* ---- fonts: tables with names of four letters, caches by kind ---- */

struct FontTable { ULONG name, checksum, offset, length; };
enum FontCache { CacheGlyphs, CacheMetrics, CacheKerning, CacheKinds };
struct FontFace { ULONG signature; PVOID caches[CacheKinds]; const FontTable *head, *glyphs, *map; USHORT tables; };

NOINLINE static NTSTATUS LoadFont(FontFace *face, const UCHAR *file, USHORT tables) {
  static const ULONG cacheTags[CacheKinds] = {'gGkM', 'mGkM', 'kGkM'}; //= MkGg any tag-table //= MkGm any tag-table //= MkGk any tag-table
  face->signature = 'ecaF'; //~ Face magic
  face->tables = tables;
  for (USHORT i = 0; i < tables; i++) {
    const FontTable *table = reinterpret_cast<const FontTable *>(file + 12) + i;
    if (table->name == 'daeh') face->head = table; //~ head firmware-table
    else if (table->name == 'fylg') face->glyphs = table; //~ glyf firmware-table
    else if (table->name == 'pamc') face->map = table; //~ cmap firmware-table
    else if (table->name == '2/SO') face->tables |= 0x8000; //~ OS/2 firmware-table
  }
  for (ULONG kind = 0; kind < CacheKinds; kind++) {
    face->caches[kind] = EngAllocMem(1, 0x400u << kind, cacheTags[kind]);
    if (face->caches[kind] == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  }
  return STATUS_SUCCESS;
}

/* ---- work that is put off: a closure with its function, made by a template ---- */

template <class T, ULONG Tag> class Closure {
public:
  typedef void (T::*Method)();
  static NTSTATUS Queue(T *object, Method method) {
    Closure *closure = static_cast<Closure *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(Closure), Tag));
    if (closure == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    closure->m_item[2] = reinterpret_cast<PVOID>(&Run);
    closure->m_item[3] = closure;
    closure->m_object = object;
    closure->m_method = method;
    ExQueueWorkItem(closure, 1);
    return STATUS_SUCCESS;
  }
private:
  static void CALL Run(PVOID context) {
    Closure *closure = static_cast<Closure *>(context);
    T *object = closure->m_object;
    Method method = closure->m_method;
    ExFreePoolWithTag(closure, Tag);
    (object->*method)();
  }
  PVOID m_item[4];
  T *m_object;
  Method m_method;
};

/* ---- an adapter that puts it together ---- */

class MediaAdapter {
public:
  MediaAdapter() : m_signature('padM'), m_friendly('fNkM'), m_link('lNkM') {} //~ Mdap magic //= MkNf any object-field //= MkNl any object-field
  NOINLINE NTSTATUS Start(const UNICODE_STRING *friendly, const UNICODE_STRING *link) {
    NTSTATUS status = m_friendly.Assign(friendly);
    if (status >= 0) status = m_link.Assign(link);
    if (status < 0) return status;
    for (ULONG i = 0; i < CountOf(m_allocators); i++) {
      m_allocators[i] = CreateAllocator(i);
      if (m_allocators[i] == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    }
    m_registers = ExAllocatePoolWithTag(NonPagedPoolNx, 0x200, 'gRkM'); //= MkRg any direct
    m_scratch = ::new ULONG64;
    return m_registers == nullptr ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS OpenStream(const UNICODE_STRING *name, ULONG memory, Pin *pin) {
    if (m_signature != 'padM') return STATUS_INVALID_PARAMETER;
    Reference<Stream> stream(new Stream);
    if (stream == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = stream->Initialize(name, m_allocators[memory % CountOf(m_allocators)], 0x8000);
    if (status < 0) return status;
    return pin->Connect(stream);
  }
  NOINLINE NTSTATUS OpenSurface(ULONG fourcc, ULONG width, ULONG height) {
    Surface *surface = new Surface;
    if (surface == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = surface->Initialize(fourcc, width, height);
    if (status < 0) { surface->Release(); return status; }
    m_surface.Attach(surface);
    return STATUS_SUCCESS;
  }
  NTSTATUS Reset() { return Closure<MediaAdapter, 'rWkM'>::Queue(this, &MediaAdapter::ResetWorker); } //= MkWr any template-tag
  NTSTATUS Poll() { return Closure<MediaAdapter, 'pWkM'>::Queue(this, &MediaAdapter::PollWorker); } //= MkWp any template-tag
  NOINLINE PVOID Pin16(ULONG count) {
    PVOID pinned = new (PagedMemory, count > 16 ? 'LNkM' : 'SNkM') ULONG64[count]; //= MkNL any ternary //= MkNS any ternary
    return pinned;
  }
private:
  void ResetWorker() { static_cast<ULONG *>(m_registers)[0] = 'TSER'; } //~ REST magic
  void PollWorker() {
    ULONG word = static_cast<volatile ULONG *>(m_registers)[1];
    if (word == 'YDAR') KeSetEvent(m_event, 0, FALSE); //~ RADY magic
    else if (word == 'YSUB') Poll(); //~ BUSY magic
    else KeBugCheckEx(0x116, word, 'DRDT', 0, 0); //~ TDRD bug-check
  }
  ULONG m_signature;
  TaggedString m_friendly, m_link;
  Allocator *m_allocators[6];
  PVOID m_registers;
  ULONG64 *m_scratch;
  Reference<Surface> m_surface;
  ULONG_PTR m_event[4];
};

/* ---- the driver ---- */

static MediaAdapter *g_adapter;
static Pin *g_pin;
static FontFace g_face;

static NTSTATUS CALL MediaDispatch(DEVICE_OBJECT *, IRP *irp) {
  const UNICODE_STRING *text = static_cast<const UNICODE_STRING *>(irp->SystemBuffer);
  PVOID buffer = irp->SystemBuffer;
  ULONG flags = irp->Flags;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: status = g_adapter->Start(text, text + 1); break;
  case 1: status = g_adapter->OpenStream(text, flags, g_pin); break;
  case 2: status = g_adapter->OpenSurface(flags, 640, 480); break;
  case 3: status = g_adapter->Reset(); break;
  case 4: status = g_adapter->Poll(); break;
  case 5: irp->SystemBuffer = g_adapter->Pin16(flags); break;
  case 6: { RiffReader reader(static_cast<UCHAR *>(buffer), flags); status = reader.Parse(); break; }
  case 7: irp->SystemBuffer = CreateFilter(static_cast<CHAR *>(buffer)); break;
  case 8: status = GetProperty(static_cast<FilterContext *>(buffer), g_pin, flags, irp->Mdl, 4); break;
  case 9: irp->SystemBuffer = AllocateHandle(static_cast<HandleType>(flags), irp->Information, buffer); break;
  case 10: status = InitializeHandles(flags); break;
  case 11: irp->SystemBuffer = GrowThreadText(buffer, flags, flags * 2); break;
  case 12: status = LoadFont(&g_face, static_cast<UCHAR *>(buffer), static_cast<USHORT>(flags)); break;
  case 13: status = g_pin->Range(flags, flags + 1); break;
  case 14: status = static_cast<Stream *>(buffer)->SetState(flags); break;
  case 15: irp->SystemBuffer = static_cast<Stream *>(buffer)->Packet(); break;
  case 16: static_cast<Unknown *>(buffer)->Release(); break;
  case 17: if (static_cast<Unknown *>(buffer)->Type() == 'MRTS') status = g_pin->Connect(static_cast<Stream *>(buffer)); break;
  default: status = STATUS_NOT_SUPPORTED;
  }
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  g_adapter = new (NonPagedMemory, 'dAkM') MediaAdapter; //= MkAd any operator-new
  g_pin = new Pin;
  if (g_adapter == nullptr || g_pin == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = MediaDispatch;
  return STATUS_SUCCESS;
}
