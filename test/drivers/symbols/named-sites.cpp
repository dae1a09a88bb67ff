// A driver with a PDB: functions of C and C++, a static one that no public symbol names, code in two sections.
// It is made to be scanned, not to be loaded. build-symbols.sh builds it.
using ULONG = unsigned int;
using SIZE_T = decltype(sizeof(0));
#define NOINLINE __attribute__((noinline))

extern "C" {
__declspec(dllimport) void *__stdcall ExAllocatePoolWithTag(int pool, SIZE_T bytes, ULONG tag);
__declspec(dllimport) void __stdcall ExFreePoolWithTag(void *memory, ULONG tag);

void *first;
void *second;

NOINLINE void *AllocateContext(SIZE_T bytes) {
  if (bytes > 4096) return nullptr;
  return first = ExAllocatePoolWithTag(1, bytes, 'xtCN');
}

/* Its tag comes from its callers: a wrapper with a name. */
NOINLINE void *__stdcall AllocateTagged(SIZE_T bytes, ULONG tag) {
  void *memory = ExAllocatePoolWithTag(1, bytes, tag);
  if (memory == nullptr) second = nullptr;
  return memory;
}

/* No public symbol names it, so its sites have no name. */
NOINLINE static void *AllocateUnnamed(SIZE_T bytes) {
  void *memory = ExAllocatePoolWithTag(1, bytes * 3, 'nUCN');
  if (memory == nullptr) first = memory;
  return memory;
}
}

namespace Ring {
class Buffer {
public:
  Buffer(SIZE_T bytes);
  ~Buffer();
  NOINLINE static Buffer *Create(SIZE_T bytes);

private:
  void *memory_;
};

Buffer::Buffer(SIZE_T bytes) { memory_ = ExAllocatePoolWithTag(1, bytes, 'bRCN'); }
Buffer::~Buffer() { ExFreePoolWithTag(memory_, 'bRCN'); }
Buffer *Buffer::Create(SIZE_T bytes) { return static_cast<Buffer *>(AllocateTagged(bytes + 16, 'rCCN')); }
} // namespace Ring

void *operator new(SIZE_T bytes) { return ExAllocatePoolWithTag(1, bytes, 'wNCN'); }
void operator delete(void *memory) noexcept { ExFreePoolWithTag(memory, 'wNCN'); }

extern "C" __attribute__((section("PAGE"))) NOINLINE void *__stdcall OpenPaged(SIZE_T bytes) {
  void *memory = ExAllocatePoolWithTag(1, bytes, 'gPCN');
  if (memory == nullptr) second = memory;
  return memory;
}

extern "C" int __stdcall DriverEntry(void *driver, void *path) {
  Ring::Buffer ring(64);
  second = new char[3] + 1;
  first = AllocateContext(sizeof(driver));
  return AllocateUnnamed(16) == OpenPaged(32) && Ring::Buffer::Create(8) != nullptr ? 0 : path == nullptr;
}

void *operator new[](SIZE_T bytes) { return ExAllocatePoolWithTag(1, bytes, 'aNCN'); }
