// A compositor of windows: visuals and resources that are counted, tables of handles whose types a table describes, heaps of a
// session, arrays and maps as templates, batches of commands, channels that marshal, factories by the number of a class.
#include "kernel.h"

#define COMPOSITOR_LOG(...) DbgPrint("compositor: " __VA_ARGS__)
#define E_OUTOFMEMORY ((NTSTATUS)0xC0000017)

typedef ULONG_PTR RESOURCE[16];

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

inline void *operator new(SIZE_T, void *at) noexcept { return at; }
extern "C" int _purecall() { KeBugCheckEx('CALL', 'ERUP', 0, 0, 0); return 0; } //~ LLAC bug-check //~ PURE bug-check

namespace Memory {
enum class Kind : ULONG { Paged, NonPaged, Quota, Session };

NOINLINE void *Allocate(SIZE_T size, Kind kind, ULONG tag) {
  switch (kind) {
    case Kind::NonPaged: return Win32AllocPoolNonPagedZInit(size, tag);
    case Kind::Quota: return Win32AllocPoolWithQuotaZInit(size, tag);
    case Kind::Session: return EngAllocMem(1, (ULONG)size, tag);
    default: return Win32AllocPoolZInit(size, tag);
  }
}
void Free(void *p) { if (p) ExFreePool(p); }
}
void operator delete(void *p) noexcept { Memory::Free(p); }
void operator delete(void *p, SIZE_T) noexcept { Memory::Free(p); }

/* An object names its tag once; new and delete are the class's. */
#define DECLARE_POOL_CLASS(kind, tag) \
  static void *operator new(SIZE_T size) noexcept { return Memory::Allocate(size, Memory::Kind::kind, tag); } \
  static void *operator new(SIZE_T, void *at) noexcept { return at; } \
  static void operator delete(void *p) noexcept { Memory::Free(p); } \
  static void operator delete(void *p, SIZE_T) noexcept { Memory::Free(p); }

template <typename T, ULONG Tag> class PoolPointer {
  T *p_ = nullptr;
public:
  PoolPointer() = default;
  explicit PoolPointer(T *p) : p_(p) {}
  PoolPointer(const PoolPointer &) = delete;
  ~PoolPointer() { Reset(nullptr); }
  void Reset(T *p) { if (p_) ExFreePoolWithTag(p_, Tag); p_ = p; }
  bool Allocate(SIZE_T count) { Reset((T *)ExAllocatePoolWithTag(PagedPool, count * sizeof(T), Tag)); return p_ != nullptr; }
  T *Detach() { T *p = p_; p_ = nullptr; return p; }
  T *Get() const { return p_; }
  T &operator[](SIZE_T i) const { return p_[i]; }
};

class PushLock {
  void *lock_;
public:
  NOINLINE bool Create(ULONG tag) { lock_ = FsRtlAllocateAePushLock(NonPagedPoolNx, tag); return lock_ != nullptr; }
  void Destroy() { if (lock_) FsRtlFreeAePushLock(lock_); lock_ = nullptr; }
  void *Raw() { return lock_; }
};

/* ---- arrays: the part that knows no type is a function of its own ------------------------------------------------------------- */

struct ArrayBase {
  void *data = nullptr;
  ULONG count = 0, capacity = 0;
  NOINLINE NTSTATUS GrowBy(ULONG element, ULONG by, ULONG tag) {
    ULONG wanted = count + by;
    if (wanted <= capacity) return STATUS_SUCCESS;
    if (wanted < capacity + capacity / 2) wanted = capacity + capacity / 2;
    if (wanted > 0x10000000 / element) return STATUS_INVALID_PARAMETER;
    void *bigger = Win32AllocPool(wanted * element, tag);
    if (!bigger) return E_OUTOFMEMORY;
    if (data) {
      memcpy(bigger, data, count * element);
      ExFreePoolWithTag(data, tag);
    }
    data = bigger;
    capacity = wanted;
    return STATUS_SUCCESS;
  }
  NOINLINE void Destroy(ULONG tag) { if (data) ExFreePoolWithTag(data, tag); data = nullptr; count = capacity = 0; }
};
template <typename T, ULONG Tag> class DynArray : ArrayBase {
public:
  ~DynArray() { Destroy(Tag); }
  NTSTATUS Add(const T &value) {
    NTSTATUS status = GrowBy(sizeof(T), 1, Tag);
    if (status >= 0) ((T *)data)[count++] = value;
    return status;
  }
  NTSTATUS AddMultiple(const T *values, ULONG many) {
    NTSTATUS status = GrowBy(sizeof(T), many, Tag);
    if (status < 0) return status;
    memcpy((T *)data + count, values, many * sizeof(T));
    count += many;
    return status;
  }
  ULONG Count() const { return count; }
  T &operator[](ULONG i) { return ((T *)data)[i]; }
  void RemoveAt(ULONG i) { ((T *)data)[i] = ((T *)data)[--count]; }
};

/* ---- a map: traits say how keys are hashed and what its nodes are called ---------------------------------------------------------- */

struct IdTraits { static constexpr ULONG NodeTag = 'nMcD'; static constexpr ULONG TableTag = 'tMcD'; //= DcMn any template-tag //= DcMt any template-tag
  static ULONG Hash(ULONG key) { return key * 2654435761u; } };
struct WindowTraits { static constexpr ULONG NodeTag = 'nWcD'; static constexpr ULONG TableTag = 'tWcD'; //= DcWn any template-tag //= DcWt any template-tag
  static ULONG Hash(ULONG key) { return key ^ key >> 16; } };

template <typename V, typename Traits> class HashMap {
  struct Node { Node *next; ULONG key; V value; };
  Node **buckets_ = nullptr;
  ULONG size_ = 0, count_ = 0;
  NOINLINE bool Rehash(ULONG size) {
    Node **table = (Node **)ExAllocatePool2(POOL_FLAG_PAGED, size * sizeof(Node *), Traits::TableTag);
    if (!table) return false;
    for (ULONG i = 0; i < size_; i++) {
      while (Node *node = buckets_[i]) {
        buckets_[i] = node->next;
        Node *&head = table[Traits::Hash(node->key) & (size - 1)];
        node->next = head;
        head = node;
      }
    }
    if (buckets_) ExFreePoolWithTag(buckets_, Traits::TableTag);
    buckets_ = table;
    size_ = size;
    return true;
  }
public:
  NOINLINE bool Insert(ULONG key, const V &value) {
    if (count_ >= size_ && !Rehash(size_ ? size_ * 2 : 16)) return false;
    Node *node = (Node *)ExAllocatePool2(POOL_FLAG_PAGED, sizeof(Node), Traits::NodeTag);
    if (!node) return false;
    node->key = key;
    node->value = value;
    Node *&head = buckets_[Traits::Hash(key) & (size_ - 1)];
    node->next = head;
    head = node;
    count_++;
    return true;
  }
  V *Find(ULONG key) {
    if (!size_) return nullptr;
    for (Node *node = buckets_[Traits::Hash(key) & (size_ - 1)]; node; node = node->next) if (node->key == key) return &node->value;
    return nullptr;
  }
  NOINLINE void Clear() {
    for (ULONG i = 0; i < size_; i++) {
      while (Node *node = buckets_[i]) { buckets_[i] = node->next; ExFreePoolWithTag(node, Traits::NodeTag); }
    }
    if (buckets_) ExFreePoolWithTag(buckets_, Traits::TableTag);
    buckets_ = nullptr;
    size_ = count_ = 0;
  }
};

/* ---- heaps of the session ------------------------------------------------------------------------------------------------------------ */

class SessionHeap {
  ULONG signature_ = 'paHS'; //~ SHap magic
  ULONG tag_;
  ULONG blockSize_;
  struct Segment { Segment *next; ULONG used, size; } *segments_ = nullptr;
public:
  SessionHeap(ULONG tag, ULONG blockSize) : tag_(tag), blockSize_(blockSize) {}
  NOINLINE void *Allocate(ULONG size) {
    if (signature_ != 'paHS') KeBugCheckEx('PAEH', (ULONG_PTR)this, 0, 0, 0); //~ HEAP bug-check
    size = (size + 15) & ~15u;
    if (!segments_ || segments_->used + size > segments_->size) {
      ULONG bytes = size > blockSize_ ? size + sizeof(Segment) : blockSize_;
      Segment *segment = (Segment *)Win32AllocPoolNonPaged(bytes, tag_);
      if (!segment) return nullptr;
      segment->next = segments_;
      segment->used = sizeof(Segment);
      segment->size = bytes;
      segments_ = segment;
    }
    void *p = (UCHAR *)segments_ + segments_->used;
    segments_->used += size;
    return p;
  }
  NOINLINE void Destroy() {
    while (Segment *segment = segments_) { segments_ = segment->next; ExFreePoolWithTag(segment, tag_); }
  }
  DECLARE_POOL_CLASS(NonPaged, 'pHcD') //= DcHp any operator-new
};

/* ---- counted objects ----------------------------------------------------------------------------------------------------------------- */

class Counted {
  LONG references_ = 1;
protected:
  virtual ~Counted() {}
public:
  DECLARE_POOL_CLASS(Paged, 'bOcD') //? DcOb only what derives from it is made
  LONG AddRef() { return __sync_add_and_fetch(&references_, 1); }
  LONG Release() {
    LONG left = __sync_sub_and_fetch(&references_, 1);
    if (!left) delete this;
    return left;
  }
};

struct Rect { LONG left, top, right, bottom; };
class Channel;

class Resource : public Counted {
protected:
  ULONG id_ = 0;
  bool dirty_ = false;
public:
  virtual NTSTATUS Initialize(Channel *channel) { return STATUS_SUCCESS; }
  virtual NTSTATUS Update(const void *data, ULONG size) = 0;
  virtual ULONG Signature() const { return 'cseR'; } //~ Resc magic
  void SetId(ULONG id) { id_ = id; }
  bool Dirty() const { return dirty_; }
};

class Visual : public Resource {
  DynArray<Visual *, 'hCcD'> children_; //= DcCh any template-tag
  DynArray<Rect, 'gRcD'> regions_; //= DcRg any template-tag
  Visual *parent_ = nullptr;
  Rect bounds_ = {};
public:
  DECLARE_POOL_CLASS(Paged, 'iVcD') //= DcVi any operator-new
  NOINLINE NTSTATUS Update(const void *data, ULONG size) override {
    if (size % sizeof(Rect)) return STATUS_INVALID_PARAMETER;
    dirty_ = true;
    if (size) bounds_ = *(const Rect *)data;
    return regions_.AddMultiple((const Rect *)data, size / sizeof(Rect));
  }
  NOINLINE NTSTATUS AddChild(Visual *child) {
    NTSTATUS status = children_.Add(child);
    if (status >= 0) { child->AddRef(); child->parent_ = this; }
    return status;
  }
  ULONG Signature() const override { return 'usiV'; } //~ Visu magic
};

class Surface final : public Resource {
  void *bits_ = nullptr;
  ULONG size_ = 0;
  ULONG format_ = 0;
public:
  DECLARE_POOL_CLASS(Session, 'uScD') //= DcSu any operator-new
  NOINLINE NTSTATUS Update(const void *data, ULONG size) override {
    if (size > size_) {
      void *bits = bits_ ? UserReAllocPool(bits_, size_, size, 'bScD') : Win32AllocPoolWithQuota(size, 'bScD'); //= DcSb any direct
      if (!bits) return E_OUTOFMEMORY;
      bits_ = bits;
      size_ = size;
    }
    memcpy(bits_, data, size);
    format_ = *(const ULONG *)data == '2VUY' ? 2 : *(const ULONG *)data == '21VN' ? 1 : 0; //~ YUV2 firmware-table //~ NV12 firmware-table
    return STATUS_SUCCESS;
  }
  ~Surface() override { if (bits_) ExFreePoolWithTag(bits_, 'bScD'); }
};

class Animation final : public Resource {
  PoolPointer<ULONG64, 'fKcD'> frames_; //= DcKf any template-tag
  ULONG count_ = 0;
public:
  DECLARE_POOL_CLASS(Quota, 'nAcD') //= DcAn any operator-new
  NOINLINE NTSTATUS Update(const void *data, ULONG size) override {
    count_ = size / 8;
    if (!frames_.Allocate(count_)) return E_OUTOFMEMORY;
    for (ULONG i = 0; i < count_; i++) frames_[i] = ((const ULONG64 *)data)[i];
    return STATUS_SUCCESS;
  }
};

/* Brushes live in blocks of a lookaside list and are built in place. */
class Brush final : public Resource {
  static LOOKASIDE s_list;
  static LONG s_live;
  ULONG color_ = 0xFF000000;
public:
  static void InitializeList() {
    ExInitializePagedLookasideList(&s_list, nullptr, nullptr, 0, sizeof(Brush), 'rBcD', 0); //= DcBr any lookaside
  }
  static void *operator new(SIZE_T) noexcept { return nullptr; }
  static void *operator new(SIZE_T, void *at) noexcept { return at; }
  static void operator delete(void *p) noexcept { ExpInterlockedPushEntrySList(&s_list, p); s_live--; }
  static NOINLINE Brush *Create() {
    void *block = ExpInterlockedPopEntrySList(&s_list);
    if (!block) block = Win32AllocPoolWithQuotaZInit(sizeof(Brush), 'xBcD'); //= DcBx any direct
    if (!block) return nullptr;
    s_live++;
    return ::new (block) Brush();
  }
  NOINLINE NTSTATUS Update(const void *data, ULONG size) override { color_ = *(const ULONG *)data; return STATUS_SUCCESS; }
};
LOOKASIDE Brush::s_list;
LONG Brush::s_live;

/* ---- a table of handles: what each type is, the table says --------------------------------------------------------------------------- */

struct HandleType { const CHAR *name; ULONG tag; USHORT size; USHORT flags; void (*destroy)(void *object); };
enum { TYPE_FREE, TYPE_WINDOW, TYPE_MENU, TYPE_CURSOR, TYPE_HOOK, TYPE_MONITOR, TYPE_COUNT };
enum { HANDLE_POOL = 1, HANDLE_NONPAGED = 2, HANDLE_QUOTA = 4 };
static LONG g_Destroyed;
static void DestroyGeneric(void *object) { g_Destroyed++; ExFreePool(object); }
static void DestroyHook(void *object) { g_Destroyed += 0x100; *(ULONG *)object = 'kooH'; ExFreePool(object); } //~ Hook magic
static const HandleType g_HandleTypes[TYPE_COUNT] = {
  {"free", 0, 0, 0, nullptr},
  {"window", 'dwcD', 320, HANDLE_POOL | HANDLE_QUOTA, DestroyGeneric}, //= Dcwd any tag-table
  {"menu", 'umcD', 96, HANDLE_POOL, DestroyGeneric}, //= Dcmu any tag-table
  {"cursor", 'rccD', 128, HANDLE_POOL | HANDLE_QUOTA, DestroyGeneric}, //= Dccr any tag-table
  {"hook", 'khcD', 64, HANDLE_NONPAGED, DestroyHook}, //= Dchk any tag-table
  {"monitor", 'nmcD', 256, HANDLE_NONPAGED, DestroyGeneric}, //= Dcmn any tag-table
};
struct HandleEntry { void *object; USHORT type, unique; void *owner; };
struct HandleTable { ULONG signature; ULONG used, size; HandleEntry *entries; };
static HandleTable g_Handles;

NOINLINE static void *HandleAllocate(void *owner, ULONG type, ULONG extra, ULONG *handle) {
  const HandleType &info = g_HandleTypes[type];
  ULONG size = info.size + extra;
  void *object;
  if (type == TYPE_FREE || type >= TYPE_COUNT) return nullptr;
  if (g_Handles.used == g_Handles.size) {
    HandleEntry *bigger = (HandleEntry *)UserReAllocPoolWithQuotaZInit(g_Handles.entries, g_Handles.size * sizeof(HandleEntry),
                                                                       (g_Handles.size + 64) * sizeof(HandleEntry), 'bTcD'); //= DcTb any direct
    if (!bigger) return nullptr;
    g_Handles.entries = bigger;
    g_Handles.size += 64;
  }
  if (info.flags & HANDLE_NONPAGED) object = Win32AllocPoolNonPagedZInit(size, info.tag);
  else if (info.flags & HANDLE_QUOTA) object = Win32AllocPoolWithQuotaZInit(size, info.tag);
  else object = Win32AllocPoolZInit(size, info.tag);
  if (!object) return nullptr;
  HandleEntry &entry = g_Handles.entries[g_Handles.used];
  entry.object = object;
  entry.type = (USHORT)type;
  entry.owner = owner;
  *handle = g_Handles.used++ | (ULONG)++entry.unique << 16;
  return object;
}
NOINLINE static bool HandleFree(ULONG handle) {
  HandleEntry &entry = g_Handles.entries[handle & 0xFFFF];
  if (g_Handles.signature != 'bTnH' || entry.unique != handle >> 16) return false; //~ HnTb magic
  g_HandleTypes[entry.type].destroy(entry.object);
  entry.type = TYPE_FREE;
  return true;
}

/* ---- batches of commands ---------------------------------------------------------------------------------------------------------------- */

struct Command { ULONG size, opcode, resource; };
class CommandBatch {
  struct Chunk { Chunk *next; ULONG used, size; UCHAR data[1]; };
  Chunk *first_ = nullptr, *last_ = nullptr;
  const ULONG chunkTag_;
  ULONG total_ = 0;
public:
  explicit CommandBatch(ULONG tag) : chunkTag_(tag) {}
  DECLARE_POOL_CLASS(Paged, 'aBcD') //= DcBa any operator-new
  NOINLINE NTSTATUS Append(const Command *command) {
    if (command->size > 0x10000) return STATUS_INVALID_PARAMETER;
    if (!last_ || last_->used + command->size > last_->size) {
      ULONG size = command->size > 0x1000 ? command->size : 0x1000;
      Chunk *chunk = (Chunk *)ExAllocatePoolWithTag(PagedPool, sizeof(Chunk) + size, chunkTag_);
      if (!chunk) return E_OUTOFMEMORY;
      chunk->next = nullptr;
      chunk->used = 0;
      chunk->size = size;
      if (last_) last_->next = chunk; else first_ = chunk;
      last_ = chunk;
    }
    memcpy(last_->data + last_->used, command, command->size);
    last_->used += command->size;
    total_ += command->size;
    return STATUS_SUCCESS;
  }
  template <typename F> NTSTATUS ForEach(F visit) {
    for (Chunk *chunk = first_; chunk; chunk = chunk->next) {
      for (ULONG at = 0; at < chunk->used; at += ((Command *)(chunk->data + at))->size) {
        NTSTATUS status = visit((const Command *)(chunk->data + at));
        if (status < 0) return status;
      }
    }
    return STATUS_SUCCESS;
  }
  ~CommandBatch() { while (Chunk *chunk = first_) { first_ = chunk->next; ExFreePoolWithTag(chunk, chunkTag_); } }
};

/* ---- factories ------------------------------------------------------------------------------------------------------------------------------ */

typedef Resource *(*RESOURCE_FACTORY)();
template <typename T> static Resource *CreateResource() { return new T(); }
static Resource *CreateBrush() { return Brush::Create(); }
struct FactoryEntry { ULONG classId; RESOURCE_FACTORY create; ULONG stateTag; ULONG stateSize; };
static const FactoryEntry g_Factories[] = {
  {1, CreateResource<Visual>, 'vScD', 48}, //= DcSv any tag-table
  {2, CreateResource<Surface>, 'sScD', 128}, //= DcSs any tag-table
  {7, CreateResource<Animation>, 'aScD', 32}, //= DcSa any tag-table
  {'hsrB', CreateBrush, 0, 0}, //~ Brsh magic
};
NOINLINE static const FactoryEntry *FindFactory(ULONG classId) {
  for (const FactoryEntry &entry : g_Factories) if (entry.classId == classId) return &entry;
  return nullptr;
}

/* ---- channels -------------------------------------------------------------------------------------------------------------------------------- */

class Allocator {
public:
  virtual void *Allocate(SIZE_T size, ULONG tag) = 0;
  virtual void Free(void *p) = 0;
};
class PagedAllocator final : public Allocator {
public:
  NOINLINE void *Allocate(SIZE_T size, ULONG tag) override { return Win32AllocPoolZInit(size, tag); }
  NOINLINE void Free(void *p) override { ExFreePool(p); }
};
class ThreadAllocator final : public Allocator {
  ULONG outstanding_ = 0;
public:
  NOINLINE void *Allocate(SIZE_T size, ULONG tag) override { outstanding_++; return AllocThreadBufferWithTag(size, tag, 1); }
  NOINLINE void Free(void *p) override { outstanding_--; ExFreePool(p); }
};
static PagedAllocator g_PagedAllocator;
static ThreadAllocator g_ThreadAllocator;

struct Message { LIST_ENTRY link; ULONG signature, size, kind; UCHAR data[1]; };
class Channel : public Counted {
  Allocator *allocator_;
  HashMap<Resource *, IdTraits> resources_;
  DynArray<ULONG, 'iFcD'> freeIds_; //= DcFi any template-tag
  LIST_ENTRY messages_;
  CommandBatch *pending_ = nullptr;
  PushLock lock_;
public:
  DECLARE_POOL_CLASS(Paged, 'nCcD') //= DcCn any operator-new
  explicit Channel(Allocator *allocator) : allocator_(allocator) { messages_.Flink = messages_.Blink = &messages_; }
  NOINLINE NTSTATUS Open() {
    if (!lock_.Create('kLcD')) return E_OUTOFMEMORY; //= DcLk any wrapper
    pending_ = new CommandBatch('kCcD'); //= DcCk any object-field
    return pending_ ? STATUS_SUCCESS : E_OUTOFMEMORY;
  }
  NOINLINE NTSTATUS Post(ULONG kind, const void *data, ULONG size) {
    Message *message = (Message *)allocator_->Allocate(sizeof(Message) + size, 'sMcD'); //= DcMs any virtual-call
    if (!message) return E_OUTOFMEMORY;
    message->signature = 'gseM'; //~ Mesg magic
    message->kind = kind;
    message->size = size;
    memcpy(message->data, data, size);
    message->link.Flink = &messages_;
    message->link.Blink = messages_.Blink;
    messages_.Blink->Flink = &message->link;
    messages_.Blink = &message->link;
    return STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS Create(ULONG id, ULONG classId) {
    const FactoryEntry *factory = FindFactory(classId);
    if (!factory) return STATUS_NOT_SUPPORTED;
    Resource *resource = factory->create();
    if (!resource) return E_OUTOFMEMORY;
    resource->SetId(id);
    NTSTATUS status = resource->Initialize(this);
    if (status >= 0 && factory->stateSize) {
      void *state = Win32AllocPoolWithQuota(factory->stateSize, factory->stateTag);
      if (state) { status = resource->Update(state, 0); ExFreePoolWithTag(state, factory->stateTag); }
    }
    if (status < 0 || !resources_.Insert(id, resource)) { resource->Release(); return status; }
    return Post('etrC', &id, sizeof(id)); //~ Crte not-an-allocator
  }
  NOINLINE NTSTATUS Submit(const UCHAR *data, ULONG size) {
    for (ULONG at = 0; at + sizeof(Command) <= size; at += ((const Command *)(data + at))->size) {
      NTSTATUS status = pending_->Append((const Command *)(data + at));
      if (status < 0) return status;
    }
    return STATUS_SUCCESS;
  }
  NOINLINE NTSTATUS Commit() {
    NTSTATUS status = pending_->ForEach([this](const Command *command) -> NTSTATUS {
      Resource **found = resources_.Find(command->resource);
      if (!found) return command->opcode == 'etrC' ? Create(command->resource, command->opcode >> 24) : STATUS_INVALID_PARAMETER;
      return (*found)->Update(command + 1, command->size - sizeof(Command));
    });
    if (status >= 0) Post('tmoC', &status, sizeof(status)); //~ Comt not-an-allocator
    return status;
  }
  NOINLINE NTSTATUS ReleaseId(ULONG id) { return freeIds_.Add(id); }
  ~Channel() override {
    while (messages_.Flink != &messages_) {
      Message *message = (Message *)messages_.Flink;
      messages_.Flink = message->link.Flink;
      message->link.Flink->Blink = &messages_;
      allocator_->Free(message);
    }
    resources_.Clear();
    lock_.Destroy();
    delete pending_;
  }
};

/* ---- texts: their tag has a default ------------------------------------------------------------------------------------------------------------ */

class Text {
  UNICODE_STRING string_ = {};
  ULONG tag_;
public:
  explicit Text(ULONG tag = 'xTcD') : tag_(tag) {} //= DcTx any object-field
  NOINLINE NTSTATUS Assign(const UNICODE_STRING *from) {
    PWSTR buffer = (PWSTR)ExAllocatePoolWithTag(PagedPool, from->Length + 2, tag_);
    if (!buffer) return E_OUTOFMEMORY;
    if (string_.Buffer) ExFreePoolWithTag(string_.Buffer, tag_);
    string_.Buffer = buffer;
    string_.MaximumLength = from->Length + 2;
    return RtlCopyUnicodeString(&string_, from);
  }
  ~Text() { if (string_.Buffer) ExFreePoolWithTag(string_.Buffer, tag_); }
};

/* ---- the session -------------------------------------------------------------------------------------------------------------------------------- */

class Session {
  SessionHeap *desktopHeap_ = nullptr, *sharedHeap_ = nullptr;
  HashMap<Visual *, WindowTraits> windows_;
  DynArray<Channel *, 'hAcD'> channels_; //= DcAh any template-tag
  Text name_;
  Text title_{'tTcD'}; //= DcTt any object-field
  Visual *root_ = nullptr;
  void *rundown_ = nullptr;
public:
  static void *operator new(SIZE_T size) noexcept {
    void *p = ExAllocatePoolWithTagPriority(NonPagedPoolNx, size, 'eScD', 32); //= DcSe any operator-new
    if (p) memset(p, 0, size);
    return p;
  }
  static void operator delete(void *p) noexcept { ExFreePoolWithTag(p, 'eScD'); }
  NOINLINE NTSTATUS Initialize(const UNICODE_STRING *name) {
    desktopHeap_ = new SessionHeap('hDcD', 0x10000); //= DcDh any object-field
    sharedHeap_ = new SessionHeap('hScD', 0x4000); //= DcSh any object-field
    if (!desktopHeap_ || !sharedHeap_) return E_OUTOFMEMORY;
    rundown_ = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'dRcD'); //= DcRd any direct
    root_ = new Visual();
    if (!root_ || !rundown_) return E_OUTOFMEMORY;
    g_Handles.signature = 'bTnH';
    NTSTATUS status = name_.Assign(name);
    return status < 0 ? status : title_.Assign(name);
  }
  NOINLINE NTSTATUS OpenChannel(bool thread, ULONG *index) {
    Allocator *allocator = thread ? (Allocator *)&g_ThreadAllocator : (Allocator *)&g_PagedAllocator;
    Channel *channel = new Channel(allocator);
    if (!channel) return E_OUTOFMEMORY;
    NTSTATUS status = channel->Open();
    if (status >= 0) status = channels_.Add(channel);
    if (status < 0) { channel->Release(); return status; }
    *index = channels_.Count() - 1;
    return status;
  }
  NOINLINE NTSTATUS CreateWindow(ULONG type, ULONG extra, ULONG *handle) {
    void *window = HandleAllocate(this, type, extra, handle);
    Visual *visual = new Visual();
    if (!window || !visual) return E_OUTOFMEMORY;
    *(void **)window = desktopHeap_->Allocate(extra + 32);
    ((void **)window)[1] = sharedHeap_->Allocate(64);
    if (!windows_.Insert(*handle, visual)) { visual->Release(); return E_OUTOFMEMORY; }
    return root_->AddChild(visual);
  }
  Channel *At(ULONG i) { return i < channels_.Count() ? channels_[i] : nullptr; }
  ~Session() {
    for (ULONG i = 0; i < channels_.Count(); i++) channels_[i]->Release();
    windows_.Clear();
    if (desktopHeap_) { desktopHeap_->Destroy(); delete desktopHeap_; }
    if (sharedHeap_) { sharedHeap_->Destroy(); delete sharedHeap_; }
    if (rundown_) ExFreeCacheAwareRundownProtection(rundown_);
    if (root_) root_->Release();
  }
};
static Session *g_Session;

/* ---- driver ------------------------------------------------------------------------------------------------------------------------------------- */

struct Request { ULONG channel, id, classId, size; UNICODE_STRING name; UCHAR data[256]; };
static const GUID g_Provider = {0x50436344, 0x2A41, 0x4E37, {'C', 'm', 'p', 'o', 0x11, 0x8F, 0xA2, 0x06}}; //~ DcCP guid //~ Cmpo guid

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *device, IRP *irp) {
  Request *request = (Request *)irp->SystemBuffer;
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  if (request->size > sizeof(request->data)) return STATUS_INVALID_PARAMETER;
  Channel *channel = g_Session ? g_Session->At(request->channel) : nullptr;
  ObReferenceObjectByPointerWithTag(device, 0, nullptr, 0, 'rIcD'); //~ DcIr object-tag
  switch (request->id) {
    case 0: {
      Session *session = new Session();
      status = session ? session->Initialize(&request->name) : E_OUTOFMEMORY;
      if (status >= 0) g_Session = session; else if (session) delete session;
      break;
    }
    case 1: if (g_Session) status = g_Session->OpenChannel(request->classId & 1, &request->channel); break;
    case 2: if (channel) status = channel->Create(request->data[0], request->classId); break;
    case 3: if (channel) status = channel->Submit(request->data, request->size); break;
    case 4: if (channel) status = channel->Commit(); break;
    case 5: if (channel) status = channel->ReleaseId(request->data[0]); break;
    case 6: if (g_Session) status = g_Session->CreateWindow(request->classId, request->size, &request->channel); break;
    case 7: status = HandleFree(request->channel) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; break;
    case 8: delete g_Session; g_Session = nullptr; status = STATUS_SUCCESS; break;
    default: COMPOSITOR_LOG("request %u: %s\n", request->id, "BadQ"); //~ BadQ text
  }
  ObDereferenceObjectDeferDeleteWithTag(device, 'rIcD');
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static REMOVE_LOCK g_RemoveLock;

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG64 trace;
  IoInitializeRemoveLockEx(&g_RemoveLock, 'mRcD', 0, 0, 32); //~ DcRm remove-lock
  EtwRegister(&g_Provider, nullptr, nullptr, &trace);
  g_Handles.entries = (HandleEntry *)Win32AllocPoolWithQuotaZInit(64 * sizeof(HandleEntry), 'eTcD'); //= DcTe any direct
  if (!g_Handles.entries) return STATUS_INSUFFICIENT_RESOURCES;
  g_Handles.size = 64;
  Brush::InitializeList();
  ::new (&g_PagedAllocator) PagedAllocator();
  ::new (&g_ThreadAllocator) ThreadAllocator();
  driver->Major[14] = Dispatch;
  return STATUS_SUCCESS;
}
