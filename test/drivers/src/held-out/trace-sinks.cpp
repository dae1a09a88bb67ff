// Held out: sinks of traces in C++: classes with one prototype of which some allocate, kept in members, arrays and variables; rows of two functions with a word
// for each; blocks of several kinds that one function frees; names of events at the places of tags.
#include "kernel.h"

template <class T, ULONG N> constexpr ULONG CountOf(T (&)[N]) { return N; }
enum PoolKind : ULONG { Paged = PagedPool, Resident = NonPagedPoolNx };
PVOID operator new(SIZE_T size, PoolKind pool, ULONG tag) noexcept { return ExAllocatePoolWithTag(pool, size, tag); }
void operator delete(PVOID p) noexcept { ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx(0x10D, 'llun', 0, 0, 0); return 0; } //~ null bug-check

/* ---- two classes with one prototype: one takes memory, one counts ---- */

class Store {
public:
  virtual PVOID Put(SIZE_T size, ULONG word) { m_bytes += size; return ExAllocatePoolWithTag(Paged, size, word); }
  virtual void End(ULONG word) { m_last = word; }
  SIZE_T m_bytes;
  ULONG m_last;
};
class Counter {
public:
  virtual PVOID Put(SIZE_T size, ULONG word) { m_words[word & 7] += static_cast<ULONG>(size); return &m_words[word & 7]; }
  virtual void End(ULONG word) { m_words[0] = word; }
  ULONG m_words[8];
};

static Store *g_store;
static Counter *g_counter;
static Counter *g_counters[4];

NOINLINE static PVOID FillStore(Store *store, ULONG size) {
  PVOID p = store->Put(size, '1PsT'); //= TsP1 any virtual-call
  store->End('1dnE'); //~ End1 not-an-allocator
  return p;
}
NOINLINE static PVOID FillCounter(Counter *counter, ULONG size) {
  PVOID p = counter->Put(size, '1tnC'); //~ Cnt1 not-an-allocator
  counter->End('2dnE'); //~ End2 not-an-allocator
  return p;
}
NOINLINE static PVOID CountAny(Counter *counter, ULONG size) { return counter->Put(size, '2tnC'); } //~ Cnt2 not-an-allocator

/* ---- a provider keeps one of each in itself ---- */

class Provider {
public:
  NOINLINE bool Open() {
    m_store = new (Resident, 'tSsT') Store; //= TsSt any operator-new
    m_counter = new (Resident, 'tCsT') Counter; //= TsCt any operator-new
    m_name = 'vorP'; //~ Prov magic
    return m_store != nullptr && m_counter != nullptr;
  }
  NOINLINE PVOID Event(ULONG size) {
    m_counter->Put(size, '3tnC'); //~ Cnt3 not-an-allocator
    return m_store->Put(size, '2PsT'); //= TsP2 any virtual-call
  }
private:
  ULONG m_name;
  Store *m_store;
  Counter *m_counter;
};
static Provider *g_provider;

/* ---- rows: two functions and a word for each ---- */

struct Session { ULONG state, word, tag; PVOID block; };
typedef NTSTATUS (*Step)(Session *session, ULONG word, ULONG size);
static NTSTATUS Mark(Session *session, ULONG word, ULONG) { session->word = word; return STATUS_SUCCESS; }
static NTSTATUS Check(Session *session, ULONG word, ULONG) { return session->state == word ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; }
static NTSTATUS Take(Session *session, ULONG word, ULONG size) {
  session->block = ExAllocatePool2(POOL_FLAG_PAGED, size, word);
  session->tag = word;
  return session->block != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
struct StepRow { Step before; ULONG first; Step then; ULONG second; };
static const StepRow g_steps[] = {
  {Mark, 'getS', Take, 'aTsT'}, //~ Steg magic //= TsTa any tag-table
  {Check, '2tpS', Mark, '2krM'}, //~ Spt2 magic //~ Mrk2 magic
  {Take, 'bTsT', Mark, '3krM'}, //= TsTb any tag-table //~ Mrk3 magic
  {Mark, '4krM', Check, '4khC'}, //~ Mrk4 magic //~ Chk4 magic
};
NOINLINE static NTSTATUS RunSteps(Session *session, ULONG size) {
  for (const StepRow &row : g_steps) {
    NTSTATUS status = row.before(session, row.first, size);
    if (status >= 0) status = row.then(session, row.second, size * 2);
    if (status < 0) return status;
  }
  return STATUS_SUCCESS;
}
struct WordRow { ULONG word; Step step; };
static const WordRow g_words[] = {
  {'aWsT', Take}, //= TsWa any tag-table
  {'broW', Mark}, //~ Worb magic
  {'croW', Check}, //~ Worc magic
  {'dWsT', Take}, //= TsWd any tag-table
};
NOINLINE static NTSTATUS RunWord(Session *session, ULONG which) {
  if (which >= CountOf(g_words)) return STATUS_INVALID_PARAMETER;
  return g_words[which].step(session, g_words[which].word, 0x80);
}

/* ---- blocks of several kinds, freed by one function ---- */

struct Owner { PVOID first, second, third, fourth, block; };
struct Plain { PVOID links[4]; ULONG kind, tag; };
struct Signed { PVOID links[4]; ULONG size, signature; };
NOINLINE static void MakePlain(Owner *owner) {
  Plain *plain = static_cast<Plain *>(ExAllocatePoolWithTag(Resident, sizeof(Plain), 'lPsT')); //= TsPl any direct
  if (plain == nullptr) return;
  plain->kind = 1;
  plain->tag = 'lPsT';
  owner->block = plain;
}
NOINLINE static void MakeSigned(Owner *owner) {
  Signed *other = static_cast<Signed *>(ExAllocatePoolWithTag(Resident, sizeof(Signed), 'gSsT')); //= TsSg any direct
  if (other == nullptr) return;
  other->size = sizeof(Signed);
  other->signature = 'dngS'; //~ Sgnd magic
  owner->block = other;
}
NOINLINE static void FreeBlock(Plain *plain) { ExFreePoolWithTag(plain, plain->tag); }
NOINLINE static void FreeOf(Owner *owner) { if (owner->first == nullptr) FreeBlock(static_cast<Plain *>(owner->block)); }

static NTSTATUS CALL TraceDispatch(DEVICE_OBJECT *, IRP *irp) {
  PVOID buffer = irp->SystemBuffer;
  ULONG flags = irp->Flags;
  NTSTATUS status = STATUS_SUCCESS;
  switch (irp->Stack->Minor) {
  case 0: irp->SystemBuffer = FillStore(g_store, flags); break;
  case 1: irp->SystemBuffer = FillCounter(g_counter, flags); break;
  case 2: irp->SystemBuffer = CountAny(g_counters[flags & 3], flags); break;
  case 3: irp->SystemBuffer = g_provider->Event(flags); break;
  case 4: status = RunSteps(static_cast<Session *>(buffer), flags); break;
  case 5: status = RunWord(static_cast<Session *>(buffer), flags); break;
  case 6: MakePlain(static_cast<Owner *>(buffer)); break;
  case 7: MakeSigned(static_cast<Owner *>(buffer)); break;
  case 8: FreeOf(static_cast<Owner *>(buffer)); break;
  case 9: if (!g_provider->Open()) status = STATUS_INSUFFICIENT_RESOURCES; break;
  default: status = STATUS_NOT_SUPPORTED;
  }
  IoCompleteRequest(irp, 0);
  return status;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  g_store = new (Resident, 'rSsT') Store; //= TsSr any operator-new
  g_counter = new (Resident, 'rCsT') Counter; //= TsCr any operator-new
  for (Counter *&counter : g_counters) counter = new (Resident, 'aCsT') Counter; //= TsCa any operator-new
  g_provider = new (Resident, 'vPsT') Provider; //= TsPv any operator-new
  driver->Major[14] = TraceDispatch;
  return STATUS_SUCCESS;
}
