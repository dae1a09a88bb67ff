// A thin hypervisor: one virtual machine monitor per processor, page tables of the second level, a pool manager that allocates
// before it is needed, hooks with trampolines, queues of events, rings of log records, tables of exit handlers.
#include "kernel.h"

#define PAGE_SIZE 4096
#define VMM_STACK_SIZE 0x6000
#define HV_LOG(...) DbgPrint("[hv] " __VA_ARGS__)

/* ---- common ------------------------------------------------------------------------------------------------------------- */

constexpr ULONG HvTag(char a, char b, char c, char d) {
  return (ULONG)(UCHAR)a | (ULONG)(UCHAR)b << 8 | (ULONG)(UCHAR)c << 16 | (ULONG)(UCHAR)d << 24;
}
namespace tags {
constexpr ULONG Global = HvTag('H', 'v', 'G', 'l'); //= HvGl any direct
constexpr ULONG Vcpu = HvTag('H', 'v', 'V', 'c'); //= HvVc any operator-new
constexpr ULONG Vmxon = HvTag('H', 'v', 'O', 'n'); //= HvOn any wrapper
constexpr ULONG Vmcs = HvTag('H', 'v', 'C', 's'); //= HvCs any wrapper
constexpr ULONG Stack = HvTag('H', 'v', 'S', 't'); //= HvSt any wrapper
constexpr ULONG MsrBitmap = HvTag('H', 'v', 'M', 'b'); //= HvMb any wrapper
constexpr ULONG IoBitmap = HvTag('H', 'v', 'I', 'b'); //= HvIb any wrapper
constexpr ULONG Vmcb = HvTag('H', 'v', 'V', 'b'); //= HvVb any wrapper
constexpr ULONG NptRoot = HvTag('H', 'v', 'N', 'r'); //= HvNr any virtual-call
constexpr ULONG NptTable = HvTag('H', 'v', 'N', 't'); //= HvNt any virtual-call
constexpr ULONG Event = HvTag('H', 'v', 'E', 'v'); //= HvEv any lookaside
}

template <typename T> struct LinkOf { LIST_ENTRY Entry; T *Owner() { return reinterpret_cast<T *>(this); } };
static void ListInitialize(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static bool ListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void ListInsert(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static LIST_ENTRY *ListRemoveHead(LIST_ENTRY *head) {
  LIST_ENTRY *entry = head->Flink;
  head->Flink = entry->Flink; entry->Flink->Blink = head;
  return entry;
}

class SpinLock {
  volatile LONG value_ = 0;
public:
  void Acquire() { while (__sync_lock_test_and_set(&value_, 1)) { } }
  void Release() { __sync_lock_release(&value_); }
};
class SpinGuard {
  SpinLock &lock_;
public:
  explicit SpinGuard(SpinLock &lock) : lock_(lock) { lock_.Acquire(); }
  ~SpinGuard() { lock_.Release(); }
};

void *operator new(SIZE_T size, ULONG type, ULONG tag) noexcept { return ExAllocatePoolWithTag(type, size, tag); }
void *operator new(SIZE_T size, void *at) noexcept { return at; }
void *operator new(SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'wNvH'); } //= HvNw any operator-new
void operator delete(void *p) noexcept { if (p) ExFreePool(p); }
void operator delete(void *p, SIZE_T) noexcept { if (p) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx('LCRP', 0, 0, 0, 0); return 0; } //~ PRCL bug-check

/* ---- memory: the functions that a guest of this library may call ------------------------------------------------------------ */

class IMemoryManager {
public:
  virtual void *Allocate(SIZE_T size, ULONG tag) = 0;
  virtual void *AllocatePages(ULONG count, ULONG tag) = 0;
  virtual void Release(void *p, ULONG tag) = 0;
  virtual ULONG64 PhysicalOf(void *p) { return (ULONG64)MmGetPhysicalAddress(p).QuadPart; }
};

class PoolMemoryManager final : public IMemoryManager {
  LONG allocations_ = 0;
public:
  NOINLINE void *Allocate(SIZE_T size, ULONG tag) override {
    void *p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
    if (p) { memset(p, 0, size); allocations_++; }
    return p;
  }
  NOINLINE void *AllocatePages(ULONG count, ULONG tag) override {
    void *p = ExAllocatePoolWithTag(NonPagedPoolNx, count * (SIZE_T)PAGE_SIZE, tag);
    if (p) memset(p, 0, count * (SIZE_T)PAGE_SIZE);
    return p;
  }
  NOINLINE void Release(void *p, ULONG tag) override { ExFreePoolWithTag(p, tag); allocations_--; }
};

class ContiguousMemoryManager final : public IMemoryManager {
  ULONG node_ = 0;
public:
  NOINLINE void *Allocate(SIZE_T size, ULONG tag) override {
    PHYSICAL_ADDRESS low, high, boundary;
    void *out = nullptr;
    low.QuadPart = 0; high.QuadPart = -1; boundary.QuadPart = 0;
    if (MmAllocateContiguousMemoryEx(&size, low, high, boundary, node_, 4, nullptr, tag, 0, &out) < 0) return nullptr;
    return out;
  }
  void *AllocatePages(ULONG count, ULONG tag) override { return Allocate(count * (SIZE_T)PAGE_SIZE, tag); }
  NOINLINE void Release(void *p, ULONG) override { MmFreeContiguousMemory(p); }
};

static IMemoryManager *g_Memory;

static void *PlatformAllocate(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, tag); }
NOINLINE static void *PlatformAllocateZeroed(SIZE_T size, ULONG tag) {
  void *p = PlatformAllocate(size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static void *PlatformAllocateAligned(SIZE_T size, ULONG tag) {
  UCHAR *p = (UCHAR *)PlatformAllocateZeroed(size + PAGE_SIZE, tag);
  return p ? (void *)(((ULONG_PTR)p + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1)) : nullptr;
}

typedef PVOID(CALL *ALLOCATE_CONTIGUOUS)(SIZE_T size, PHYSICAL_ADDRESS highest);
static ALLOCATE_CONTIGUOUS g_AllocateContiguous;
static void *AllocateContiguous(SIZE_T size) {
  PHYSICAL_ADDRESS highest;
  highest.QuadPart = 0x6F72746E; //~ ntro no-tag
  return g_AllocateContiguous ? g_AllocateContiguous(size, highest) : nullptr;
}

/* ---- pool manager ------------------------------------------------------------------------------------------------------------ */

enum class PoolIntention : ULONG { TrackedHook, ExecTrampoline, SplitLargePage, DetourDetails, SyscallBreak, TrackingPage, Count };

struct PoolRequest {
  LIST_ENTRY Link;
  SIZE_T Size;
  ULONG Count;
  PoolIntention Intention;
  bool Processed;
};
struct PoolItem {
  LIST_ENTRY Link;
  void *Address;
  SIZE_T Size;
  PoolIntention Intention;
  bool Busy, ShouldBeFreed;
};
static const ULONG g_IntentionTags[(ULONG)PoolIntention::Count] = {
  HvTag('H', 'v', 'h', 'k'), //= Hvhk any tag-table
  HvTag('H', 'v', 't', 'r'), //= Hvtr any tag-table
  HvTag('H', 'v', 's', 'p'), //= Hvsp any tag-table
  HvTag('H', 'v', 'd', 't'), //= Hvdt any tag-table
  HvTag('H', 'v', 's', 'y'), //= Hvsy any tag-table
  HvTag('H', 'v', 't', 'k'), //= Hvtk any tag-table
};

class PoolManager {
  LIST_ENTRY items_, requests_;
  SpinLock lock_;
  ULONG pending_;
public:
  NOINLINE bool Initialize() {
    ListInitialize(&items_);
    ListInitialize(&requests_);
    pending_ = 0;
    Request(sizeof(ULONG64) * 512, 10, PoolIntention::SplitLargePage);
    Request(PAGE_SIZE, 8, PoolIntention::TrackedHook);
    Request(64, 8, PoolIntention::ExecTrampoline);
    return Process();
  }
  NOINLINE bool Request(SIZE_T size, ULONG count, PoolIntention intention) {
    auto *request = (PoolRequest *)PlatformAllocateZeroed(sizeof(PoolRequest), 'qRvH'); //= HvRq any wrapper-two
    if (!request) return false;
    request->Size = size;
    request->Count = count;
    request->Intention = intention;
    SpinGuard guard(lock_);
    ListInsert(&requests_, &request->Link);
    pending_++;
    return true;
  }
  NOINLINE bool AddItems(SIZE_T size, ULONG count, PoolIntention intention) {
    for (ULONG i = 0; i < count; i++) {
      auto *item = (PoolItem *)PlatformAllocateZeroed(sizeof(PoolItem), 'tIvH'); //= HvIt any wrapper-two
      if (!item) return false;
      item->Address = ExAllocatePoolWithTag(NonPagedPool, size, g_IntentionTags[(ULONG)intention]);
      if (!item->Address) {
        ExFreePoolWithTag(item, 'tIvH');
        return false;
      }
      item->Size = size;
      item->Intention = intention;
      SpinGuard guard(lock_);
      ListInsert(&items_, &item->Link);
    }
    return true;
  }
  NOINLINE bool Process() {
    bool ok = true;
    while (!ListEmpty(&requests_)) {
      auto *request = (PoolRequest *)ListRemoveHead(&requests_);
      ok = AddItems(request->Size, request->Count, request->Intention) && ok;
      ExFreePoolWithTag(request, 'qRvH');
    }
    pending_ = 0;
    return ok;
  }
  NOINLINE void *Take(PoolIntention intention, bool again, SIZE_T size) {
    void *found = nullptr;
    {
      SpinGuard guard(lock_);
      for (LIST_ENTRY *link = items_.Flink; link != &items_; link = link->Flink) {
        auto *item = (PoolItem *)link;
        if (item->Intention == intention && !item->Busy) { item->Busy = true; found = item->Address; break; }
      }
    }
    if (again) Request(size, 1, intention);
    return found;
  }
  NOINLINE void Uninitialize() {
    while (!ListEmpty(&items_)) {
      auto *item = (PoolItem *)ListRemoveHead(&items_);
      ExFreePoolWithTag(item->Address, g_IntentionTags[(ULONG)item->Intention]);
      ExFreePoolWithTag(item, 'tIvH');
    }
  }
};
static PoolManager *g_PoolManager;

/* ---- second-level page tables --------------------------------------------------------------------------------------------------- */

struct EptDynamicSplit { ULONG64 Pml1[512]; LIST_ENTRY Link; ULONG64 *Entry; };
struct EptPageTable { ULONG64 Pml4[512], Pml3[512], Pml2[512]; LIST_ENTRY DynamicSplits; };

class SecondLevelTable {
protected:
  IMemoryManager *memory_;
  ULONG64 *root_ = nullptr;
public:
  explicit SecondLevelTable(IMemoryManager *memory) : memory_(memory) {}
  virtual bool Build() = 0;
  virtual bool Split(ULONG64 physical) = 0;
  virtual ULONG Signature() const { return 'tlSe'; } //~ eSlt magic
};

class EptTable final : public SecondLevelTable {
  EptPageTable *table_ = nullptr;
public:
  using SecondLevelTable::SecondLevelTable;
  NOINLINE bool Build() override {
    table_ = (EptPageTable *)PlatformAllocateAligned(sizeof(EptPageTable), 'tEvH'); //= HvEt any wrapper-three
    if (!table_) return false;
    ListInitialize(&table_->DynamicSplits);
    root_ = table_->Pml4;
    root_[0] = memory_->PhysicalOf(table_->Pml3) | 7;
    for (ULONG i = 0; i < 512; i++) table_->Pml2[i] = (ULONG64)i << 21 | 0x87;
    return true;
  }
  NOINLINE bool Split(ULONG64 physical) override {
    auto *split = (EptDynamicSplit *)g_PoolManager->Take(PoolIntention::SplitLargePage, true, sizeof(EptDynamicSplit));
    if (!split) split = (EptDynamicSplit *)PlatformAllocateAligned(sizeof(EptDynamicSplit), 'sEvH'); //= HvEs any wrapper-three
    if (!split) return false;
    for (ULONG i = 0; i < 512; i++) split->Pml1[i] = (physical & ~0x1FFFFFull) + i * PAGE_SIZE + 7;
    split->Entry = &table_->Pml2[(physical >> 21) & 511];
    *split->Entry = memory_->PhysicalOf(split) | 7;
    ListInsert(&table_->DynamicSplits, &split->Link);
    return true;
  }
};

class NptTable final : public SecondLevelTable {
public:
  using SecondLevelTable::SecondLevelTable;
  NOINLINE bool Build() override {
    root_ = (ULONG64 *)memory_->AllocatePages(1, tags::NptRoot);
    if (!root_) return false;
    return Split(0);
  }
  NOINLINE bool Split(ULONG64 physical) override {
    auto *table = (ULONG64 *)memory_->AllocatePages(1, tags::NptTable);
    if (!table) return false;
    for (ULONG i = 0; i < 512; i++) table[i] = physical + ((ULONG64)i << 12) + 7;
    root_[(physical >> 39) & 511] = memory_->PhysicalOf(table) | 7;
    return true;
  }
  ULONG Signature() const override { return 'tpNe'; } //~ eNpt magic
};

/* ---- logging ---------------------------------------------------------------------------------------------------------------------- */

struct LogRecord { ULONG Signature, Level, Processor, Length; CHAR Text[240]; };
class LogRing {
  LogRecord *records_;
  ULONG capacity_, head_;
  ULONG tag_;
  SpinLock lock_;
public:
  NOINLINE bool Open(ULONG capacity, ULONG tag) {
    tag_ = tag;
    capacity_ = capacity;
    head_ = 0;
    records_ = (LogRecord *)ExAllocatePoolWithTag(NonPagedPoolNx, capacity * sizeof(LogRecord), tag_);
    return records_ != nullptr;
  }
  NOINLINE bool Grow() {
    auto *bigger = (LogRecord *)ExAllocatePoolWithTag(NonPagedPoolNx, 2 * capacity_ * sizeof(LogRecord), tag_);
    if (!bigger) return false;
    memcpy(bigger, records_, capacity_ * sizeof(LogRecord));
    ExFreePoolWithTag(records_, tag_);
    records_ = bigger;
    capacity_ *= 2;
    return true;
  }
  NOINLINE void Write(ULONG level, const CHAR *text, ULONG length) {
    SpinGuard guard(lock_);
    LogRecord &record = records_[head_++ % capacity_];
    record.Signature = 'cRgL'; //~ LgRc magic
    record.Level = level;
    record.Length = length < 240 ? length : 240;
    memcpy(record.Text, text, record.Length);
  }
  NOINLINE void Close() { ExFreePoolWithTag(records_, tag_); records_ = nullptr; }
};
static LogRing g_InfoLog, g_ErrorLog;

/* ---- events ------------------------------------------------------------------------------------------------------------------------ */

struct EventAction { LIST_ENTRY Link; ULONG Type, CodeSize; UCHAR Code[1]; };
struct DebuggerEvent { LIST_ENTRY Link; ULONG Signature, Type; ULONG64 Tag; LIST_ENTRY Actions; void *ConditionBuffer; };

template <typename T, ULONG Tag> class PoolObject {
public:
  static void *operator new(SIZE_T size, ULONG type = NonPagedPoolNx) noexcept { return ExAllocatePoolWithTag(type, size, Tag); }
  static void operator delete(void *p) noexcept { if (p) ExFreePoolWithTag(p, Tag); }
};

class BreakpointEvent : public PoolObject<BreakpointEvent, 'pBvH'> { //= HvBp allocation-call template-tag
public:
  ULONG64 Address = 0;
  ULONG Signature = 'tpkB'; //~ Bkpt magic
  UCHAR Original = 0;
};
class MsrEvent : public PoolObject<MsrEvent, 'rMvH'> { //= HvMr allocation-call template-tag
public:
  ULONG Msr = 0xC0000082;
  ULONG Mask = 3;
};

class EventQueue {
  LIST_ENTRY events_;
  LOOKASIDE lookaside_;
  SpinLock lock_;
public:
  NOINLINE void Initialize() {
    ListInitialize(&events_);
    ExInitializeNPagedLookasideList(&lookaside_, nullptr, nullptr, 0, sizeof(DebuggerEvent), tags::Event, 0);
  }
  NOINLINE DebuggerEvent *Create(ULONG type, SIZE_T conditionSize) {
    auto *event = (DebuggerEvent *)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(DebuggerEvent), 'eDvH'); //= HvDe allocation-call direct
    if (!event) return nullptr;
    event->Signature = 'vEbD'; //~ DbEv magic
    event->Type = type;
    ListInitialize(&event->Actions);
    if (conditionSize) {
      event->ConditionBuffer = g_Memory->Allocate(conditionSize, 'cDvH'); //= HvDc any virtual-call
      if (!event->ConditionBuffer) { ExFreePoolWithTag(event, 'eDvH'); return nullptr; }
    }
    SpinGuard guard(lock_);
    ListInsert(&events_, &event->Link);
    return event;
  }
  NOINLINE bool AddAction(DebuggerEvent *event, const UCHAR *code, ULONG size) {
    if (event->Signature != 'vEbD') return false;
    auto *action = (EventAction *)g_Memory->Allocate(sizeof(EventAction) + size, 'aDvH'); //= HvDa any virtual-call
    if (!action) return false;
    action->CodeSize = size;
    memcpy(action->Code, code, size);
    ListInsert(&event->Actions, &action->Link);
    return true;
  }
  NOINLINE void Clear() {
    while (!ListEmpty(&events_)) {
      auto *event = (DebuggerEvent *)ListRemoveHead(&events_);
      while (!ListEmpty(&event->Actions)) g_Memory->Release(ListRemoveHead(&event->Actions), 'aDvH');
      if (event->ConditionBuffer) g_Memory->Release(event->ConditionBuffer, 'cDvH');
      ExFreePoolWithTag(event, 'eDvH');
    }
  }
};

/* ---- hooks --------------------------------------------------------------------------------------------------------------------------- */

struct HookEntry { LIST_ENTRY Link; void *Target, *Handler; UCHAR *Trampoline, *FakePage; ULONG Signature; };
struct HookConfig { ULONG EntryTag, PageTag; ULONG TrampolineSize; void *(*AllocateCode)(SIZE_T); };

NOINLINE static void *AllocateCodePage(SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPool, size, 'dCvH'); } //= HvCd any operations-table
static const HookConfig g_HookConfig = {'eHvH', 'pHvH', 64, AllocateCodePage}; //= HvHe any object-field-deep //= HvHp any object-field-deep

class HookManager {
  LIST_ENTRY hooks_;
  const HookConfig *config_;
public:
  explicit HookManager(const HookConfig *config) : config_(config) { ListInitialize(&hooks_); }
  NOINLINE HookEntry *Install(void *target, void *handler) {
    auto *hook = (HookEntry *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(HookEntry), config_->EntryTag);
    if (!hook) return nullptr;
    hook->Signature = 'kooH'; //~ Hook magic
    hook->Target = target;
    hook->Handler = handler;
    hook->FakePage = (UCHAR *)ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, config_->PageTag);
    hook->Trampoline = (UCHAR *)g_PoolManager->Take(PoolIntention::ExecTrampoline, true, config_->TrampolineSize);
    if (!hook->Trampoline) hook->Trampoline = (UCHAR *)config_->AllocateCode(config_->TrampolineSize);
    if (!hook->FakePage || !hook->Trampoline) {
      ExFreePoolWithTag(hook, config_->EntryTag);
      return nullptr;
    }
    memcpy(hook->Trampoline, target, 16);
    *(ULONG *)(hook->Trampoline + 16) = 0x25FF;
    ListInsert(&hooks_, &hook->Link);
    return hook;
  }
};

/* ---- processors ------------------------------------------------------------------------------------------------------------------------ */

struct GuestRegisters { ULONG64 Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi; };
struct VmmContext {
  ULONG Signature, Index;
  UCHAR *Stack, *MsrBitmap, *IoBitmapA, *IoBitmapB, *VmxonRegion, *VmcsRegion;
  SecondLevelTable *Paging;
  GuestRegisters Registers;
  void *SharedEvent;
};
struct GlobalContext { ULONG Signature, ProcessorCount; VmmContext **Processors; HookManager *Hooks; EventQueue Events; };
static GlobalContext *g_Hv;

class Backend {
public:
  virtual bool Prepare(VmmContext *context) = 0;
  virtual ULONG Vendor() const = 0;
};
class IntelBackend final : public Backend {
public:
  NOINLINE bool Prepare(VmmContext *context) override {
    context->VmxonRegion = (UCHAR *)PlatformAllocateAligned(PAGE_SIZE, tags::Vmxon);
    context->VmcsRegion = (UCHAR *)PlatformAllocateAligned(PAGE_SIZE, tags::Vmcs);
    if (!context->VmxonRegion || !context->VmcsRegion) return false;
    *(ULONG *)context->VmcsRegion = 'SCMV'; //~ VMCS magic
    context->Paging = new (NonPagedPoolNx, 'pEvH') EptTable(g_Memory); //= HvEp any operator-new
    return context->Paging && context->Paging->Build();
  }
  ULONG Vendor() const override { return 'uneG'; } //~ Genu magic
};
class AmdBackend final : public Backend {
public:
  NOINLINE bool Prepare(VmmContext *context) override {
    context->VmcsRegion = (UCHAR *)PlatformAllocateAligned(PAGE_SIZE, tags::Vmcb);
    if (!context->VmcsRegion) return false;
    *(ULONG *)context->VmcsRegion = 'BCMV'; //~ VMCB magic
    context->Paging = new (NonPagedPoolNx, 'pNvH') NptTable(g_Memory); //= HvNp any operator-new
    return context->Paging && context->Paging->Build();
  }
  ULONG Vendor() const override { return 'htuA'; } //~ Auth magic
};

NOINLINE static bool VmmAllocateBitmaps(VmmContext *context) {
  context->MsrBitmap = (UCHAR *)PlatformAllocateZeroed(PAGE_SIZE, tags::MsrBitmap);
  context->IoBitmapA = (UCHAR *)PlatformAllocateZeroed(PAGE_SIZE, tags::IoBitmap);
  context->IoBitmapB = (UCHAR *)PlatformAllocateZeroed(PAGE_SIZE, tags::IoBitmap);
  return context->MsrBitmap && context->IoBitmapA && context->IoBitmapB;
}

NOINLINE static VmmContext *VmmCreate(Backend *backend, ULONG index) {
  void *memory = operator new(sizeof(VmmContext), (ULONG)NonPagedPoolNx, tags::Vcpu);
  if (!memory) return nullptr;
  memset(memory, 0, sizeof(VmmContext));
  auto *context = (VmmContext *)memory;
  context->Signature = 'xtCV'; //~ VCtx magic
  context->Index = index;
  context->Stack = (UCHAR *)PlatformAllocate(VMM_STACK_SIZE, tags::Stack);
  if (!context->Stack || !VmmAllocateBitmaps(context) || !backend->Prepare(context)) {
    HV_LOG("processor %u: no memory (%s)\n", index, "VMEM"); //~ VMEM text
    return nullptr;
  }
  *(ULONG64 *)context->Stack = 0x4B54534D4D565648ull; //~ HVVM magic //~ MSTK magic
  return context;
}

/* ---- exits ------------------------------------------------------------------------------------------------------------------------------ */

typedef bool (*EXIT_HANDLER)(VmmContext *);
static bool ExitCpuid(VmmContext *context) {
  if ((ULONG)context->Registers.Rax == 0x40000000) {
    context->Registers.Rbx = 'gniP'; //~ Ping magic
    context->Registers.Rcx = 'gnoP'; //~ Pong magic
    context->Registers.Rdx = ' 0vH'; //~ "Hv0 " magic
  }
  return true;
}
static bool ExitVmcall(VmmContext *context) {
  switch ((ULONG)context->Registers.Rcx) {
    case 'lnUv': return false; //~ vUnl magic
    case 'kHda': return g_Hv->Hooks->Install((void *)(ULONG_PTR)context->Registers.Rdx, (void *)(ULONG_PTR)context->Registers.Rbx) != nullptr; //~ adHk magic
    case 'cEda': return g_Hv->Events.Create((ULONG)context->Registers.Rdx, 64) != nullptr; //~ adEc magic
  }
  return true;
}
static bool ExitMsr(VmmContext *context) {
  auto *event = new MsrEvent;
  if (!event) return false;
  event->Msr = (ULONG)context->Registers.Rcx;
  context->SharedEvent = event;
  return true;
}
static bool ExitBreakpoint(VmmContext *context) {
  auto *event = new (NonPagedPoolNx) BreakpointEvent;
  if (!event) return false;
  event->Address = context->Registers.Rsp;
  delete (BreakpointEvent *)context->SharedEvent;
  context->SharedEvent = event;
  return true;
}
static bool ExitEptViolation(VmmContext *context) { return context->Paging->Split(context->Registers.Rdi) && context->Paging->Signature() != 0; }
static bool ExitIo(VmmContext *context) {
  auto *buffer = (ULONG *)ExAllocatePoolWithTag(NonPagedPoolNx, 512, 'oIvH'); //= HvIo any callback
  if (!buffer) return false;
  buffer[0] = 0x0CF8;
  g_Hv->Events.AddAction((DebuggerEvent *)context->SharedEvent, (UCHAR *)buffer, 4);
  ExFreePoolWithTag(buffer, 'oIvH');
  return true;
}
static const EXIT_HANDLER g_ExitHandlers[] = {nullptr, ExitCpuid, ExitVmcall, ExitMsr, ExitMsr, ExitBreakpoint, ExitEptViolation, ExitIo};

extern "C" NOINLINE bool HvExitDispatch(VmmContext *context, ULONG reason) {
  if (context->Signature != 'xtCV') KeBugCheckEx(0x20001, 'vHpC', reason, 0, 0); //~ CpHv bug-check
  if (reason >= sizeof(g_ExitHandlers) / sizeof(g_ExitHandlers[0]) || !g_ExitHandlers[reason]) {
    g_ErrorLog.Write(reason, "unknown exit", 12);
    return false;
  }
  return g_ExitHandlers[reason](context);
}

/* ---- driver ------------------------------------------------------------------------------------------------------------------------------- */

static PoolMemoryManager g_PoolMemory;
static REMOVE_LOCK g_RemoveLock;

NOINLINE static ULONG DetectVendor(const ULONG *cpuid) {
  if (cpuid[1] == 'uneG' && cpuid[2] == 'letn' && cpuid[3] == 'Ieni') return 1; //~ ntel magic //~ ineI magic
  if (cpuid[1] == 'htuA' && cpuid[2] == 'DMAc' && cpuid[3] == 'itne') return 2; //~ cAMD magic //~ enti magic
  return 0;
}

NOINLINE static NTSTATUS HvStart(ULONG vendor) {
  SIZE_T size = 0;
  g_Hv = (GlobalContext *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(GlobalContext), tags::Global);
  if (!g_Hv) return STATUS_INSUFFICIENT_RESOURCES;
  g_Hv->Signature = 'bGvH'; //~ HvGb magic
  g_Hv->ProcessorCount = 4;
  g_PoolManager = (PoolManager *)PlatformAllocateZeroed(sizeof(PoolManager), 'mPvH'); //= HvPm any wrapper-two
  if (!g_PoolManager || !g_PoolManager->Initialize()) return STATUS_INSUFFICIENT_RESOURCES;
  if (!g_InfoLog.Open(128, 'iLvH') || !g_ErrorLog.Open(64, 'eLvH')) return STATUS_INSUFFICIENT_RESOURCES; //= HvLi any object-field //= HvLe any object-field
  g_Hv->Events.Initialize();
  g_Hv->Hooks = new HookManager(&g_HookConfig);
  size = g_Hv->ProcessorCount * sizeof(PVOID);
  g_Hv->Processors = (VmmContext **)ExAllocatePoolWithQuotaTag(NonPagedPoolNx, size, 'aPvH'); //= HvPa allocation-call direct
  if (!g_Hv->Processors || !g_Hv->Hooks) return STATUS_INSUFFICIENT_RESOURCES;
  Backend *backend = vendor == 1 ? (Backend *)new IntelBackend : (Backend *)new AmdBackend;
  if (!backend) return STATUS_INSUFFICIENT_RESOURCES;
  for (ULONG i = 0; i < g_Hv->ProcessorCount; i++) {
    g_Hv->Processors[i] = VmmCreate(backend, i);
    if (!g_Hv->Processors[i]) return STATUS_INSUFFICIENT_RESOURCES;
    g_InfoLog.Write(backend->Vendor(), "processor ready", 15);
  }
  return STATUS_SUCCESS;
}

static void CALL HvUnload(DRIVER_OBJECT *) {
  g_Hv->Events.Clear();
  g_PoolManager->Uninitialize();
  g_InfoLog.Close();
  g_ErrorLog.Close();
  ExFreePoolWithTag(g_Hv->Processors, 'aPvH');
  ExFreePoolWithTag(g_Hv, tags::Global);
}

static NTSTATUS CALL HvDeviceControl(DEVICE_OBJECT *, IRP *irp) {
  auto *input = (ULONG *)irp->SystemBuffer;
  NTSTATUS status = IoAcquireRemoveLockEx(&g_RemoveLock, (PVOID)(ULONG_PTR)'lcoI', "driver.cpp", 31, 32); //~ Iocl remove-lock
  if (status < 0) return status;
  if (input[0] == 0x80000100) status = g_InfoLog.Grow() && g_ErrorLog.Grow() ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  else if (input[0] == 0x80000104) status = HvExitDispatch(g_Hv->Processors[input[1] & 3], input[2]) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
  else if (input[0] == 'dorP') status = STATUS_INVALID_PARAMETER; //~ Prod magic
  else if (input[0] == 0x80000108) status = AllocateContiguous(input[1]) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG cpuid[4] = {0, 'uneG', 'letn', 'Ieni'};
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, (const WCHAR *)L"MmAllocateContiguousMemory");
  g_AllocateContiguous = (ALLOCATE_CONTIGUOUS)MmGetSystemRoutineAddress(&name);
  IoInitializeRemoveLockEx(&g_RemoveLock, 'kLvH', 0, 0, 32); //~ HvLk remove-lock
  g_Memory = new (&g_PoolMemory) PoolMemoryManager;
  if (path->Length == 0) {
    g_Memory = new ContiguousMemoryManager;
    if (!g_Memory) return STATUS_INSUFFICIENT_RESOURCES;
  }
  OPAQUE(cpuid[0]);
  cpuid[1] ^= cpuid[0] & path->Length;
  driver->Major[14] = HvDeviceControl;
  driver->Unload = HvUnload;
  return HvStart(DetectVendor(cpuid));
}
