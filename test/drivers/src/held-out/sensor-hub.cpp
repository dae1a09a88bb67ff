// Held out: a C++ driver: operator new with a pool and a tag, virtual functions, templates with the tag as an argument.
#include "kernel.h"

void *operator new(SIZE_T size, ULONG pool, ULONG tag) noexcept {
  void *p = ExAllocatePoolWithTag(pool, size ? size : 1, tag);
  if (p) memset(p, 0, size);
  return p;
}
void operator delete(void *p) noexcept {
  if (p) ExFreePoolWithTag(p, 'lDHS'); //= SHDl free-call free
}
void operator delete(void *p, SIZE_T) noexcept { operator delete(p); }

static void *volatile keep;

class Sensor {
public:
  explicit Sensor(ULONG id) : id_(id) {}
  virtual ~Sensor() {}
  NOINLINE virtual ULONG Read(ULONG_PTR port) { return id_ ^ static_cast<ULONG>(port); }
  NOINLINE virtual void *Buffer(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(NonPagedPoolNx, size + id_, tag); }
protected:
  ULONG id_;
};

class Accelerometer : public Sensor {
public:
  explicit Accelerometer(ULONG id) : Sensor(id) { samples_ = new (NonPagedPoolNx, 'aSHS') LONG[64]; } //= SHSa wrapper-call operator-new
  ~Accelerometer() override { ExFreePoolWithTag(samples_, 'bSHS'); } //= SHSb free-call free
  ULONG Read(ULONG_PTR port) override { return static_cast<ULONG>(samples_[port & 63]); }
  void *Buffer(SIZE_T size, ULONG tag) override { return ExAllocatePool2(POOL_FLAG_PAGED, size, tag); }
private:
  LONG *samples_;
};
void *operator new[](SIZE_T size, ULONG pool, ULONG tag) noexcept { return operator new(size, pool, tag); }
void operator delete[](void *p) noexcept { operator delete(p); }

template <typename T, ULONG Tag> class Pool {
public:
  NOINLINE T *Take(SIZE_T count) { return static_cast<T *>(ExAllocatePoolWithTag(PagedPool, count * sizeof(T), Tag)); }
  NOINLINE void Give(T *p) { ExFreePoolWithTag(p, Tag); }
};
static Pool<ULONG, '1PHS'> words; //= SHP1 allocation-call wrapper-fixed
static Pool<ULONG64, '2PHS'> longs; //= SHP2 allocation-call wrapper-fixed

class Name {
public:
  explicit Name(const UNICODE_STRING &from) : length_(from.Length) {
    text_ = static_cast<PWSTR>(ExAllocatePoolWithTag(PagedPool, length_, kTag));
    if (text_) memcpy(text_, from.Buffer, length_);
  }
  ~Name() { if (text_) ExFreePoolWithTag(text_, kTag); }
  bool Is(ULONG first) const { return text_ && *reinterpret_cast<ULONG *>(text_) == first; }
private:
  static constexpr ULONG kTag = 'mNHS'; //= SHNm allocation-call direct
  PWSTR text_;
  USHORT length_;
};

NOINLINE static Sensor *Create(ULONG kind) {
  if (kind == 'lecA') return new (NonPagedPoolNx, '1OHS') Accelerometer(kind); //~ Acel magic //= SHO1 wrapper-call operator-new
  return new (NonPagedPoolNx, '2OHS') Sensor(kind); //= SHO2 wrapper-call operator-new
}

NOINLINE static NTSTATUS Start(const UNICODE_STRING &path, ULONG kind) {
  Name name(path);
  Sensor *sensor = Create(kind);
  if (!sensor) return STATUS_INSUFFICIENT_RESOURCES;
  keep = sensor->Buffer(path.Length, '1VHS'); //= SHV1 any operations-table
  keep = words.Take(path.Length);
  words.Give(static_cast<ULONG *>(keep));
  keep = longs.Take(sensor->Read(7));
  delete sensor;
  return name.Is('ecaR') ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; //~ Race magic
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { return Start(*path, driver->Flags); }
