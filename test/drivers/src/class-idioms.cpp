#include "kernel.h"

extern "C" { PVOID Kept[64]; ULONG KeptCount; volatile ULONG Sink; }
NOINLINE static PVOID Keep(PVOID P) { Kept[KeptCount++ & 63] = P; return P; }

/* a string class returned by value */
class Name {
  char *buffer_ = nullptr; ULONG length_ = 0, tag_;
public:
  explicit Name(ULONG tag) : tag_(tag) {}
  Name(Name &&other) : buffer_(other.buffer_), length_(other.length_), tag_(other.tag_) { other.buffer_ = nullptr; }
  ~Name() { if (buffer_) ExFreePoolWithTag(buffer_, tag_); }
  NOINLINE bool Set(const char *text, ULONG length) {
    auto *p = (char *)ExAllocatePoolWithTag(PagedPool, length, tag_);
    if (!p) return false;
    memcpy(p, text, length);
    if (buffer_) ExFreePoolWithTag(buffer_, tag_);
    buffer_ = p; length_ = length; return true;
  }
  char At(ULONG i) const { return i < length_ ? buffer_[i] : 0; }
};
NOINLINE static Name MakeName(BOOLEAN Long) { return Name(Long ? 'lNJI' : 'sNJI'); } //= IJNl any object-field //= IJNs any object-field
NOINLINE static void Names(const char *text, ULONG n) { Name one = MakeName(n & 1); one.Set(text, n); Sink = one.At(2); }

/* an allocator passed by reference, with a default argument */
struct Heap { ULONG pool, tag; ULONG magic; PVOID Get(SIZE_T size) const { return ExAllocatePoolWithTag(pool, size, tag); } void Put(PVOID p) const { ExFreePoolWithTag(p, tag); } };
static const Heap PagedHeap{1, 'pHJI', 'pHjI'}, LockedHeap{512, 'lHJI', 'lHjI'}; //= IJHp any const-global //= IJHl any const-global //~ IjHp magic //~ IjHl magic
template <class T> struct List {
  const Heap &heap; T *items = nullptr; ULONG count = 0, room = 0;
  explicit List(const Heap &h = PagedHeap) : heap(h) {}
  ~List() { if (items) heap.Put(items); }
  NOINLINE bool Add(const T &one) {
    if (count == room) {
      ULONG more = room ? room * 2 : 4;
      auto *grown = (T *)heap.Get(more * sizeof(T));
      if (!grown) return false;
      if (items) { memcpy(grown, items, count * sizeof(T)); heap.Put(items); }
      items = grown; room = more;
    }
    items[count++] = one; return true;
  }
};
NOINLINE static ULONG Lists(ULONG n) {
  List<ULONG> a; List<ULONG_PTR> b(LockedHeap);
  for (ULONG i = 0; i < n; i++) { a.Add(i); b.Add(i); }
  Sink = PagedHeap.magic + LockedHeap.magic;
  return a.count + b.count;
}

/* policies */
template <ULONG Pool, ULONG Tag> struct Policy { static PVOID Get(SIZE_T s) { return ExAllocatePoolWithTag(Pool, s, Tag); } static void Put(PVOID p) { ExFreePoolWithTag(p, Tag); } };
template <class T, class P> class Unique { T *p_; public: Unique() : p_((T *)P::Get(sizeof(T))) {} ~Unique() { if (p_) P::Put(p_); } T *operator->() { return p_; } explicit operator bool() const { return p_; } T *Leave() { T *p = p_; p_ = nullptr; return p; } };
struct Record { ULONG kind; Record *next; ULONG_PTR value; };
static Record *Records;
NOINLINE static bool Push(ULONG_PTR value) {
  Unique<Record, Policy<1, 'rPJI'>> r; //= IJPr any template-tag
  if (!r) return false;
  r->kind = 'drjI'; r->value = value; r->next = Records; Records = r.Leave(); //~ Ijrd magic
  return true;
}

/* a base class with a factory and virtual tags */
struct Stage {
  virtual ULONG Tag() const = 0; virtual SIZE_T Size() const { return 64; } virtual ULONG Id() const = 0;
  NOINLINE PVOID Block() { return Keep(ExAllocatePoolWithTag(PagedPool, Size(), Tag())); }
};
struct Reader : Stage { ULONG Tag() const override { return 'rSJI'; } ULONG Id() const override { return 'rSjI'; } }; //= IJSr any virtual-call //~ IjSr magic
struct Writer : Stage { ULONG Tag() const override { return 'wSJI'; } SIZE_T Size() const override { return 4096; } ULONG Id() const override { return 'wSjI'; } }; //= IJSw any virtual-call //~ IjSw magic
static Reader TheReader; static Writer TheWriter;
NOINLINE static ULONG Stages(ULONG n) { Stage *s[2] = {&TheReader, &TheWriter}; ULONG ids = 0; for (ULONG i = 0; i < n && i < 2; i++) { s[i]->Block(); ids += s[i]->Id(); } return ids; }

/* a lambda-like callable that carries the tag */
struct With { ULONG tag; PVOID operator()(SIZE_T n) const { return ExAllocatePoolWithTag(NonPagedPoolNx, n, tag); } };
template <class F> NOINLINE static ULONG Each(ULONG n, const F &f) { ULONG done = 0; for (ULONG i = 1; i <= n; i++) if (Keep(f(i * 16))) done++; return done; }
NOINLINE static ULONG Eaches(ULONG n) { return Each(n, With{'1WJI'}) + Each(n + 1, [tag = (ULONG)'2WJI', n](SIZE_T s) { return ExAllocatePoolWithTag(n > 3 ? PagedPool : NonPagedPoolNx, s, tag); }); } //= IJW1 any object-field //= IJW2 any object-field

/* an enum class mapped by a constexpr function */
enum class Area : UCHAR { Code, Data, Heap, Stack };
constexpr ULONG TagOf(Area a) { return a == Area::Code ? 'cAJI' : a == Area::Data ? 'dAJI' : a == Area::Heap ? 'hAJI' : 'sAJI'; } //= IJAc any ternary-chain //= IJAd any ternary-chain //= IJAh any ternary-chain //= IJAs any ternary-chain
NOINLINE static PVOID AreaOf(Area a, SIZE_T n) { return Keep(ExAllocatePoolWithTag(PagedPool, n, TagOf(a))); }

/* a ring of buffers built by a constructor loop */
class Ring { struct Slot { PVOID data; ULONG tag; } slots_[4];
public:
  Ring() { for (ULONG i = 0; i < 4; i++) { slots_[i].data = nullptr; slots_[i].tag = '0RJI' + (i << 24); } } //= IJR0 any computed-tag //= IJR1 any computed-tag //= IJR2 any computed-tag //= IJR3 any computed-tag
  NOINLINE bool Fill(SIZE_T n) { for (auto &s : slots_) if (!(s.data = ExAllocatePoolWithTag(PagedPool, n, s.tag))) return false; return true; }
  NOINLINE void Empty() { for (auto &s : slots_) if (s.data) ExFreePoolWithTag(s.data, s.tag); }
};
NOINLINE static void Rings(SIZE_T n) { Ring r; if (r.Fill(n)) Sink++; r.Empty(); }

/* fields of bits beside the tag */
struct Options { ULONG tag; ULONG paged : 1, zero : 1, align : 6; ULONG limit; };
NOINLINE static PVOID Get(const Options &o, SIZE_T n) { return n > o.limit ? nullptr : Keep(ExAllocatePool2((o.paged ? 0x100 : 0x40) | (o.zero ? 0 : 2), n, o.tag)); }
NOINLINE static void Optional(SIZE_T n) { Options o{'1OJI', 1, 0, 4, 0x1000}; Get(o, n); o.tag = '2OJI'; o.paged = 0; Get(o, n + 1); } //= IJO1 any wrapper-structure //= IJO2 any wrapper-structure

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path) {
  ULONG n = Path->Length;
  Names((const char *)Path->Buffer, n); Sink = Lists(n); Push(n); Sink += Stages(n); Sink += Eaches(n); AreaOf((Area)(n & 3), n); Rings(n); Optional(n);
  return 0;
}
