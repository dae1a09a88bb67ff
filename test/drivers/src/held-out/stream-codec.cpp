// Held out: classes of streams in C++ (sound, video, cameras on USB): codes of four characters where other classes keep tags, virtual methods that take
// a format beside such that allocate, operators new that take an identifier and allocate nothing, templates with both, chunks, properties, wrappers of one depth.
#include "kernel.h"

template <class T, ULONG N> constexpr ULONG CountOf(T (&)[N]) { return N; }

/* ---- operators: two that allocate, two that only look like it ---- */

enum PoolKind : ULONG { Paged = PagedPool, Resident = NonPagedPoolNx };
enum class ArenaId : ULONG {};

struct Arena { ULONG id; ULONG used; UCHAR bytes[0x1000]; };
static Arena g_arenas[3] = {{'rdeM', 0, {0}}, {'fuBA', 0, {0}}, {'pmeT', 0, {0}}}; //~ Medr magic //~ ABuf magic //~ Temp magic
static ULONG g_lastArena;

PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }
NOINLINE PVOID operator new(SIZE_T size, PoolKind pool, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(pool, size, tag);
  if (p != nullptr) memset(p, 0, size);
  return p;
}
PVOID operator new[](SIZE_T size, PoolKind pool, ULONG tag) noexcept { return ExAllocatePoolWithTag(pool, size, tag); }
/* from an arena that is found by its name: no pool is touched */
NOINLINE PVOID operator new(SIZE_T size, ArenaId id) noexcept {
  for (Arena &arena : g_arenas) {
    if (arena.id != static_cast<ULONG>(id)) continue;
    if (arena.used + size > sizeof(arena.bytes)) return nullptr;
    arena.used += static_cast<ULONG>(size + 15) & ~15u;
    return arena.bytes + arena.used - (static_cast<ULONG>(size + 15) & ~15u);
  }
  return nullptr;
}
/* in place, with a mark before it */
NOINLINE PVOID operator new(SIZE_T size, PVOID where, ULONG mark) noexcept {
  static_cast<ULONG *>(where)[0] = mark;
  static_cast<ULONG *>(where)[1] = static_cast<ULONG>(size);
  g_lastArena = mark;
  return static_cast<ULONG *>(where) + 4;
}
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete[](PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx(0x10D, 'eruP', 0, 0, 0); return 0; } //~ Pure bug-check

/* ---- tables: codes beside sizes, tags beside sizes, both walked ---- */

struct CodeRow { ULONG code, bits; };
struct PoolRow { ULONG tag, bytes; };

static const CodeRow g_codes[] = {
  {'422S', 16}, //~ S224 firmware-table
  {'024S', 12}, //~ S420 firmware-table
  {'46vb', 24}, //~ bv64 firmware-table
  {'BGR_', 32}, //~ _RGB firmware-table
  {'gepj', 0}, //~ jpeg firmware-table
  {'1cvh', 0}, //~ hvc1 firmware-table
};
static const PoolRow g_pools[] = {
  {'aBcS', 0x200}, //= ScBa any tag-table
  {'bBcS', 0x800}, //= ScBb any tag-table
  {'cBcS', 0x2000}, //= ScBc any tag-table
  {'dBcS', 0x8000}, //= ScBd any tag-table
};

NOINLINE static ULONG BitsOf(ULONG code) {
  for (const CodeRow &row : g_codes)
    if (row.code == code) return row.bits;
  return code == 'war_' ? 8 : 0; //~ _raw firmware-table
}

NOINLINE static ULONG CopyCodes(ULONG *out, ULONG room) {
  ULONG count = 0;
  for (const CodeRow &row : g_codes) {
    if (count + 2 > room) break;
    out[count++] = row.code;
    out[count++] = row.bits;
  }
  return count;
}

NOINLINE static bool FillPools(PVOID *out) {
  for (ULONG i = 0; i < CountOf(g_pools); i++) {
    out[i] = ExAllocatePoolWithTag(NonPagedPoolNx, g_pools[i].bytes, g_pools[i].tag);
    if (out[i] == nullptr) return false;
  }
  return true;
}

/* ---- wrappers: two deep to memory, two deep to a register ---- */

static volatile ULONG g_registers[16];
NOINLINE static PVOID WriteWord(ULONG at, SIZE_T size, ULONG word) {
  g_registers[at & 15] = word;
  g_registers[(at + 1) & 15] = static_cast<ULONG>(size);
  return const_cast<ULONG *>(&g_registers[at & 15]);
}
NOINLINE static PVOID TakePool(ULONG pool, SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(pool, size != 0 ? size : 16, tag); }
NOINLINE static PVOID TakeBuffer(SIZE_T size, ULONG tag) { return TakePool(NonPagedPoolNx, size + 0x40, tag); }
NOINLINE static PVOID SendCommand(SIZE_T size, ULONG word) { return WriteWord(2, size + 0x40, word); }
NOINLINE static PVOID TakeList(ULONG count, ULONG tag) { return count < 0x100 ? TakeBuffer(count * 24, tag) : nullptr; }
NOINLINE static PVOID SendList(ULONG count, ULONG word) { return count < 0x100 ? SendCommand(count * 24, word) : nullptr; }

NOINLINE static PVOID Prepare(ULONG count) {
  PVOID p = TakeBuffer(count, 'pPcS'); //= ScPp any wrapper-two
  SendCommand(count, 'perP'); //~ Prep not-an-allocator
  if (p == nullptr) return SendList(count, 'liaF'); //~ Fail not-an-allocator
  return TakeList(count, 'lPcS'); //= ScPl any wrapper-three
}

/* ---- devices: SetFormat and Allocate take a word each, at distances that differ from class to class ---- */

class Device {
public:
  virtual NTSTATUS Open(ULONG word) = 0;
  virtual NTSTATUS SetFormat(ULONG fourcc) = 0;
  virtual PVOID Allocate(SIZE_T size, ULONG tag) = 0;
  virtual void Close() {}
  ULONG m_format, m_poolTag;
protected:
  explicit Device(ULONG format, ULONG tag) : m_format(format), m_poolTag(tag) {}
};

class Render final : public Device {
public:
  Render() : Device(' mcp', 'rDcS') {} //~ "pcm " firmware-table //= ScDr any object-field
  NTSTATUS Open(ULONG word) override { m_open = word; return word == 'dnoS' ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; } //~ Sond magic
  NTSTATUS SetFormat(ULONG fourcc) override { m_format = fourcc; return BitsOf(fourcc) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; }
  PVOID Allocate(SIZE_T size, ULONG tag) override { return ExAllocatePoolWithTag(NonPagedPoolNx, size, tag); }
private:
  ULONG m_open;
};

class Capture final : public Device {
public:
  Capture() : Device('wal_', 'cDcS') {} //~ _law firmware-table //= ScDc any object-field
  NTSTATUS Open(ULONG word) override { m_serial = word ^ 'kram'; return STATUS_SUCCESS; } //~ mark magic
  NTSTATUS SetFormat(ULONG fourcc) override { m_format = fourcc; m_frames = 0; return STATUS_SUCCESS; }
  PVOID Allocate(SIZE_T size, ULONG tag) override { m_frames++; return ExAllocatePool2(POOL_FLAG_PAGED, size, tag); }
private:
  ULONG m_serial, m_frames;
};

/* here the methods stand the other way round */
class Codec {
public:
  virtual PVOID Allocate(SIZE_T size, ULONG tag) { return TakePool(PagedPool, size, tag); }
  virtual PVOID Configure(SIZE_T size, ULONG fourcc) { m_code = fourcc; m_size = size; return this; }
  virtual PVOID Table(SIZE_T size, ULONG tag) { return Allocate(size * 4, tag); }
  ULONG m_code;
  SIZE_T m_size;
};

/* and here nothing allocates, though the prototype is the same */
class Meter {
public:
  virtual PVOID Sample(SIZE_T size, ULONG channel) { m_channel = channel; m_last = size; return &m_last; }
  virtual PVOID Label(SIZE_T size, ULONG name) { m_name = name; m_last += size; return &m_name; }
  ULONG m_channel, m_name;
  SIZE_T m_last;
};

NOINLINE static NTSTATUS StartDevice(Device *device, ULONG kind) {
  NTSTATUS status = device->Open(kind == 0 ? 'dnoS' : 'erac'); //~ care magic
  if (status < 0) return status;
  status = device->SetFormat(kind == 0 ? '23_f' : '61_s'); //~ f_32 firmware-table //~ s_16 firmware-table
  if (status < 0) return status;
  PVOID p = device->Allocate(0x400, 'sDcS'); //= ScDs any virtual-call
  return p != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NOINLINE static PVOID DeviceBuffer(Device *device, SIZE_T size) { return device->Allocate(size, device->m_poolTag); }
NOINLINE static NTSTATUS DeviceReset(Device *device) { return device->SetFormat(device->m_format); }

NOINLINE static PVOID StartCodec(Codec *codec) {
  if (codec->Configure(0x100, '1cva') == nullptr) return nullptr; //~ avc1 firmware-table
  PVOID table = codec->Table(0x40, 'tCcS'); //= ScCt any virtual-call
  return table != nullptr ? codec->Allocate(0x600, 'aCcS') : nullptr; //= ScCa any virtual-call
}

NOINLINE static PVOID StartMeter(Meter *meter) {
  if (meter->Sample(0x100, 'tfeL') == nullptr) return nullptr; //~ Left not-an-allocator
  meter->Sample(0x200, 'thgR'); //~ Rght not-an-allocator
  return meter->Label(8, 'kaeP'); //~ Peak not-an-allocator
}

/* ---- objects that copy a code to where others keep their tag ---- */

struct FormatBlock { ULONG size; ULONG code; ULONG width, height; };
static const FormatBlock g_defaultFormat = {16, 'H420', 320, 240}; //~ 024H firmware-table

class Frame {
public:
  NOINLINE explicit Frame(const FormatBlock *from) : m_size(from->size), m_code(from->code), m_bits(nullptr) {}
  ULONG Code() const { return m_code; }
  NOINLINE ULONG Stride() const { return m_code == g_defaultFormat.code ? m_size * 2 : m_size; }
private:
  ULONG m_size, m_code;
  PVOID m_bits;
};

class Ring {
public:
  NOINLINE Ring(ULONG size, ULONG tag) : m_size(size), m_tag(tag), m_data(nullptr) {}
  NOINLINE bool Grow(ULONG by) {
    PVOID data = ExAllocatePoolWithTag(NonPagedPoolNx, m_size + by, m_tag);
    if (data == nullptr) return false;
    if (m_data != nullptr) { memcpy(data, m_data, m_size); ExFreePoolWithTag(m_data, m_tag); }
    m_data = data;
    m_size += by;
    return true;
  }
private:
  ULONG m_size, m_tag;
  PVOID m_data;
};

class Clock {
public:
  NOINLINE Clock(ULONG rate, ULONG source) : m_rate(rate), m_source(source), m_master(nullptr) {}
  NOINLINE ULONG Source() const { return m_master != nullptr ? m_master->Source() : m_source; }
  NOINLINE void Slave(Clock *to) { m_master = to; m_source = to->m_source; }
private:
  ULONG m_rate, m_source;
  Clock *m_master;
};

NOINLINE static PVOID CreateFrame(const FormatBlock *block) { return new (Resident, 'rFcS') Frame(block); } //= ScFr any operator-new
NOINLINE static Ring *CreateRing(ULONG size, bool video) {
  if (video) return new (Resident, 'gRcS') Ring(size, 'vRcS'); //= ScRg any operator-new //= ScRv any object-field
  return new (Resident, 'gRcS') Ring(size, 'aRcS'); //= ScRa any object-field
}
NOINLINE static Clock *CreateClock(bool bus) {
  if (bus) return new (Paged, 'kCcS') Clock(48000, 'suB_'); //= ScCk any operator-new //~ _Bus magic
  return new (Paged, 'kCcS') Clock(44100, 'latX'); //~ Xtal magic
}

/* what lives in an arena or in place */
NOINLINE static PVOID CreateLocal(PVOID where, ULONG kind) {
  static const FormatBlock block = {16, '1tob', 0, 0}; //~ bot1 firmware-table
  switch (kind) {
  case 0: return new (static_cast<ArenaId>('rdeM')) Frame(&block);
  case 1: return new (static_cast<ArenaId>('pmeT')) Clock(8000, 'piT_'); //~ _Tip magic
  case 2: return new (where, 'kcoC') Clock(96000, 'PTP_'); //~ Cock magic //~ _PTP magic
  default: return new (where, 'mrFL') Frame(&g_defaultFormat); //~ LFrm magic
  }
}

/* ---- templates: a tag or a name as argument ---- */

template <class T, ULONG Tag, ULONG Name> class Queue {
public:
  bool Reserve(ULONG count) {
    m_name = Name;
    m_items = static_cast<T *>(ExAllocatePoolWithTag(PagedPool, count * sizeof(T), Tag));
    m_count = count;
    return m_items != nullptr;
  }
  ULONG Name4() const { return m_name; }
private:
  ULONG m_name, m_count;
  T *m_items;
};

template <ULONG Id> class Property {
public:
  NOINLINE static NTSTATUS Get(ULONG id, ULONG *value) {
    if (id != Id) return STATUS_NOT_SUPPORTED;
    value[0] = Id;
    value[1] = 'dlaV'; //~ Vald magic
    return STATUS_SUCCESS;
  }
};

template <ULONG Tag> struct Scratch {
  NOINLINE static PVOID Get(SIZE_T size) { return TakeBuffer(size, Tag); }
};
template <ULONG Code> struct Packet {
  NOINLINE static PVOID Get(SIZE_T size) { return SendCommand(size, Code); }
};

static Queue<ULONG64, 'qQcS', 'uQuA'> g_audioQueue; //= ScQq any template-tag //~ AuQu magic
static Queue<USHORT, 'vQcS', 'uQiV'> g_videoQueue; //= ScQv any template-tag //~ ViQu magic

NOINLINE static PVOID Scratches(ULONG kind, SIZE_T size) {
  switch (kind) {
  case 0: return Scratch<'1ScS'>::Get(size); //= ScS1 any template-tag
  case 1: return Packet<'1tkP'>::Get(size); //~ Pkt1 not-an-allocator
  case 2: return Scratch<'2ScS'>::Get(size); //= ScS2 any template-tag
  default: return Packet<'2tkP'>::Get(size); //~ Pkt2 not-an-allocator
  }
}

/* ---- properties: handlers by a name of four characters, some of which keep a buffer ---- */

struct CameraContext;
typedef NTSTATUS (*CameraHandler)(CameraContext *camera, ULONG word, SIZE_T size);
struct CameraProperty { ULONG id; CameraHandler handler; ULONG word; };
struct CameraContext { ULONG signature, word; PVOID buffer; ULONG state; ULONG tag; };

static NTSTATUS SetWord(CameraContext *camera, ULONG word, SIZE_T size) { camera->word = word; camera->state = static_cast<ULONG>(size); return STATUS_SUCCESS; }
static NTSTATUS SetState(CameraContext *camera, ULONG word, SIZE_T) { camera->state = word; return STATUS_SUCCESS; }
static NTSTATUS SetBuffer(CameraContext *camera, ULONG word, SIZE_T size) {
  camera->buffer = ExAllocatePoolWithTag(PagedPool, size, word);
  camera->tag = word;
  return camera->buffer != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static const CameraProperty g_cameraProperties[] = {
  {'ucoF', SetWord, 'otuA'}, //~ Focu magic //~ Auto magic
  {'ooZ_', SetState, 'dooZ'}, //~ _Zoo magic //~ Zood magic
  {'magI', SetBuffer, 'iMcS'}, //~ Igam magic //= ScMi any tag-table
  {'tsiH', SetBuffer, 'hMcS'}, //~ Hist magic //= ScMh any tag-table
  {'etaR', SetState, 'tsaF'}, //~ Rate magic //~ Fast magic
};

NOINLINE static NTSTATUS SetCameraProperty(CameraContext *camera, ULONG id, SIZE_T size) {
  if (camera->signature != 'maC_') return STATUS_INVALID_PARAMETER; //~ _Cam magic
  for (const CameraProperty &property : g_cameraProperties)
    if (property.id == id) return property.handler(camera, property.word, size);
  ULONG value[2];
  if (Property<'nirB'>::Get(id, value) >= 0) return SetWord(camera, value[0], 0); //~ Brin magic
  if (Property<'rtnC'>::Get(id, value) >= 0) return SetState(camera, value[1], 0); //~ Cntr magic
  return STATUS_NOT_SUPPORTED;
}

NOINLINE static CameraContext *CreateCamera() {
  CameraContext *camera = new (Paged, 'xCcS') CameraContext; //= ScCx any operator-new
  if (camera == nullptr) return nullptr;
  camera->signature = 'maC_';
  camera->word = 'enon'; //~ none magic
  camera->state = 'eldi'; //~ idle magic
  camera->tag = 'dCcS'; //= ScCd any object-field
  return camera;
}

NOINLINE static PVOID CameraDescriptor(CameraContext *camera, SIZE_T size) {
  if (camera->buffer != nullptr) ExFreePoolWithTag(camera->buffer, camera->tag);
  camera->buffer = TakePool(PagedPool, size, camera->tag);
  return camera->buffer;
}

/* ---- chunks: a parser with a method for each name ---- */

struct Chunk { ULONG name, size; };

class ChunkParser {
public:
  typedef NTSTATUS (ChunkParser::*Method)(const Chunk *chunk, ULONG word);
  struct Row { ULONG name; ULONG word; Method method; };
  explicit ChunkParser(PVOID sink) : m_list('lLcS'), m_current(0), m_sink(sink), m_index(nullptr) {} //= ScLl any object-field
  NOINLINE NTSTATUS Parse(const UCHAR *data, ULONG size) {
    static const Row rows[] = {
      {'rdh_', 'H_TS', &ChunkParser::Remember}, //~ _hdr firmware-table //~ ST_H magic
      {'1xdi', 'xIcS', &ChunkParser::Keep}, //~ idx1 firmware-table //= ScIx any tag-table
      {'ivom', 'B_TS', &ChunkParser::Remember}, //~ movi firmware-table //~ ST_B magic
      {'frts', 'fIcS', &ChunkParser::Keep}, //~ strf firmware-table //= ScIf any tag-table
    };
    for (ULONG at = 12; at + sizeof(Chunk) <= size;) {
      const Chunk *chunk = reinterpret_cast<const Chunk *>(data + at);
      if (chunk->name == 'KNUJ') { at += 8 + chunk->size; continue; } //~ JUNK firmware-table
      for (const Row &row : rows) {
        if (row.name != chunk->name) continue;
        NTSTATUS status = (this->*row.method)(chunk, row.word);
        if (status < 0) return status;
      }
      at += 8 + ((chunk->size + 1) & ~1u);
    }
    return m_current == 'B_TS' ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
  }
  NOINLINE PVOID List(ULONG count) { return ExAllocatePoolWithTag(PagedPool, count * 8, m_list); }
private:
  NTSTATUS Remember(const Chunk *, ULONG word) { m_current = word; return STATUS_SUCCESS; }
  NTSTATUS Keep(const Chunk *chunk, ULONG word) {
    m_index = ExAllocatePoolWithTag(PagedPool, chunk->size, word);
    if (m_index == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(m_index, chunk + 1, chunk->size);
    return STATUS_SUCCESS;
  }
  ULONG m_list, m_current;
  PVOID m_sink, m_index;
};

/* ---- nodes of a graph: each class says its kind, and its tag, by virtual methods with one prototype ---- */

class Node {
public:
  virtual ULONG Kind() const = 0;
  virtual ULONG Tag() const = 0;
  virtual ULONG Medium() const { return 'dtS_'; } //~ _Std magic
  NOINLINE PVOID Attach(SIZE_T size) {
    PVOID p = ExAllocatePoolWithTag(PagedPool, size + 8, Tag());
    if (p != nullptr) { static_cast<ULONG *>(p)[0] = Kind(); static_cast<ULONG *>(p)[1] = Medium(); }
    return p;
  }
  NOINLINE PVOID Announce() const { return SendCommand(Kind() & 0xFF, Kind()); }
};
class Mixer final : public Node {
public:
  ULONG Kind() const override { return 'rxiM'; } //~ Mixr magic
  ULONG Tag() const override { return 'mNcS'; } //= ScNm any virtual-call
};
class Splitter final : public Node {
public:
  ULONG Kind() const override { return 'tlpS'; } //~ Splt magic
  ULONG Tag() const override { return 'sNcS'; } //= ScNs any virtual-call
  ULONG Medium() const override { return 'bsU_'; } //~ _Usb magic
};

/* ---- the driver ---- */

static Device *g_devices[2];
static Node *g_nodes[2];
static Codec *g_codec;
static Meter *g_meter;
static Ring *g_rings[2];
static Clock *g_clock;
static CameraContext *g_camera;
static PVOID g_buffers[CountOf(g_pools)];

static NTSTATUS CALL StreamDispatch(DEVICE_OBJECT *, IRP *irp) {
  PVOID buffer = irp->SystemBuffer;
  ULONG flags = irp->Flags;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: status = StartDevice(g_devices[flags & 1], flags & 1); break;
  case 1: irp->SystemBuffer = DeviceBuffer(g_devices[flags & 1], irp->Information); break;
  case 2: status = DeviceReset(g_devices[flags & 1]); break;
  case 3: irp->SystemBuffer = StartCodec(g_codec); break;
  case 4: irp->SystemBuffer = StartMeter(g_meter); break;
  case 5: irp->SystemBuffer = CreateFrame(flags ? static_cast<FormatBlock *>(buffer) : &g_defaultFormat); break;
  case 6: irp->Information = static_cast<Frame *>(buffer)->Stride() + static_cast<Frame *>(buffer)->Code(); break;
  case 7: g_rings[flags & 1] = CreateRing(0x1000, flags & 1); break;
  case 8: if (!g_rings[flags & 1]->Grow(0x1000)) status = STATUS_INSUFFICIENT_RESOURCES; break;
  case 9: g_clock = CreateClock(flags & 1); break;
  case 10: static_cast<Clock *>(buffer)->Slave(g_clock); break;
  case 11: irp->Information = g_clock->Source(); break;
  case 12: irp->SystemBuffer = CreateLocal(buffer, flags); break;
  case 13: if (!g_audioQueue.Reserve(flags) || !g_videoQueue.Reserve(flags)) status = STATUS_INSUFFICIENT_RESOURCES; break;
  case 14: irp->SystemBuffer = Scratches(flags, irp->Information); break;
  case 15: status = SetCameraProperty(g_camera, flags, irp->Information); break;
  case 16: irp->SystemBuffer = CameraDescriptor(g_camera, flags); break;
  case 17: {
    ChunkParser parser(buffer);
    status = parser.Parse(static_cast<UCHAR *>(buffer), flags);
    if (status >= 0) irp->SystemBuffer = parser.List(flags);
    break;
  }
  case 18: irp->SystemBuffer = g_nodes[flags & 1]->Attach(irp->Information); break;
  case 19: irp->SystemBuffer = g_nodes[flags & 1]->Announce(); break;
  case 20: irp->Information = CopyCodes(static_cast<ULONG *>(buffer), flags); break;
  case 21: if (!FillPools(g_buffers)) status = STATUS_INSUFFICIENT_RESOURCES; break;
  case 22: irp->SystemBuffer = Prepare(flags); break;
  case 23: irp->Information = g_audioQueue.Name4() ^ g_videoQueue.Name4(); break;
  default: status = STATUS_NOT_SUPPORTED;
  }
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  g_devices[0] = new (Resident, 'vDcS') Render; //= ScDv any operator-new
  g_devices[1] = new (Resident, 'vDcS') Capture;
  g_nodes[0] = new (Paged, 'dNcS') Mixer; //= ScNd any operator-new
  g_nodes[1] = new (Paged, 'dNcS') Splitter;
  g_codec = new (Paged, 'cCcS') Codec; //= ScCc any operator-new
  g_meter = new (Paged, 'tMcS') Meter; //= ScMt any operator-new
  g_camera = CreateCamera();
  if (g_camera == nullptr || g_codec == nullptr || g_meter == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = StreamDispatch;
  return STATUS_SUCCESS;
}
