// Held out: classes that count their users, each with a signature that nobody checks, and stores of memory that derived classes have with tags of
// their own: base constructors that take a tag, factories, virtual functions that read the tag in the object, lists and arrays of objects.
#include "kernel.h"

PVOID operator new(SIZE_T, PVOID where) noexcept { return where; }
NOINLINE PVOID operator new(SIZE_T size, ULONG tag) noexcept {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p != nullptr) memset(p, 0, size);
  return p;
}
void operator delete(PVOID p) noexcept { if (p != nullptr) ExFreePool(p); }
void operator delete(PVOID p, SIZE_T) noexcept { if (p != nullptr) ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx(0x119, 'eruP', 0, 0, 0); return 0; } //~ Pure bug-check

/* ---- what is counted ---- */

class Counted {
public:
  virtual ULONG Kind() { return 0; }
  virtual void Close(PVOID detail) = 0;
  virtual PVOID Extend(SIZE_T size) { return nullptr; }
  NOINLINE void Put(PVOID detail) { if (--m_count == 0) Close(detail); }
  NOINLINE PVOID More(SIZE_T size) { return Extend(size); }
  void Take() { m_count++; }
protected:
  Counted(ULONG signature) : m_signature(signature), m_count(1) {}
  ULONG m_signature;
  LONG m_count;
};

/* ---- stores: the tag stands where other classes have their signature ---- */

class Store {
public:
  virtual ULONG Kind() { return 1; }
  virtual void Close(PVOID detail) { ExFreePoolWithTag(detail, m_tag); }
  virtual PVOID Extend(SIZE_T size) { m_bytes += size; return ExAllocatePoolWithTag(PagedPool, size, m_tag); }
  NOINLINE PVOID Grow(SIZE_T size) { return Extend(size); }
protected:
  NOINLINE Store(ULONG tag) : m_tag(tag), m_bytes(0) {}
  ULONG m_tag;
  SIZE_T m_bytes;
};
class NameStore : public Store {
public:
  NameStore() : Store('mNcC') {} //= CcNm any virtual-call
  PVOID Extend(SIZE_T size) override { return Store::Extend((size + 1) & ~static_cast<SIZE_T>(1)); }
};
class LineStore : public Store {
public:
  LineStore() : Store('nLcC') {} //= CcLn any virtual-call
  void Close(PVOID detail) override { m_bytes = 0; Store::Close(detail); }
};
class PageStore : public Store {
public:
  PageStore(ULONG pages) : Store('gPcC'), m_pages(pages) {} //= CcPg any virtual-call
  PVOID Extend(SIZE_T size) override {
    if (size > m_pages * 4096) return nullptr;
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, m_tag);
  }
private:
  ULONG m_pages;
};

/* ---- counted classes ---- */

class Channel : public Counted {
public:
  Channel() : Counted('NAHC') {} //~ CHAN magic
  ULONG Kind() override { return 2; }
  void Close(PVOID detail) override { ExFreePoolWithTag(m_buffer, 'fBcC'); delete this; } //= CcBf any direct
  bool Start(ULONG size) {
    m_buffer = ExAllocatePoolWithTag(NonPagedPoolNx, size, 'fBcC');
    return m_buffer != nullptr;
  }
private:
  PVOID m_buffer;
};
class Reader : public Counted {
public:
  Reader(Store *store) : Counted('RDAR'), m_store(store) {} //~ RADR magic
  void Close(PVOID detail) override { if (m_store != nullptr) m_store->Close(detail); delete this; }
  PVOID Extend(SIZE_T size) override { return m_store->Extend(size); }
private:
  Store *m_store;
};
class Session : public Counted {
public:
  Session(ULONG tag) : Counted('SSES'), m_state('WEN '), m_tag(tag) {} //~ SESS magic //~ " NEW" magic
  void Close(PVOID detail) override { m_state = 'DNE '; ExFreePoolWithTag(detail, m_tag); delete this; } //~ " END" magic
  PVOID Extend(SIZE_T size) override { return ExAllocatePoolWithQuotaTag(PagedPool, size, m_tag); }
private:
  ULONG m_state, m_tag;
};

/* ---- factories ---- */

NOINLINE static Store *MakeStore(ULONG kind) {
  switch (kind) {
  case 0: return new ('0ScC') NameStore; //= CcS0 any operator-new
  case 1: return new ('1ScC') LineStore; //= CcS1 any operator-new
  default: return new ('2ScC') PageStore(kind); //= CcS2 any operator-new
  }
}
NOINLINE static Session *MakeSession(bool isQuick) {
  return new ('eScC') Session(isQuick ? 'qScC' : 'sScC'); //= CcSe any operator-new //= CcSq any object-field //= CcSs any object-field
}

struct Service {
  ULONG signature;
  Store *names, *lines, *pages;
  Channel *channels[4];
  Session *session;
  Reader *reader;
};
static Service *g_service;

NOINLINE static NTSTATUS StartService(ULONG buffer) {
  Service *service = new ('vScC') Service; //= CcSv any operator-new
  if (service == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  service->signature = 'VRES'; //~ SERV magic
  service->names = MakeStore(0);
  service->lines = MakeStore(1);
  service->pages = MakeStore(64);
  for (ULONG i = 0; i < 4; i++) {
    Channel *channel = new ('hCcC') Channel; //= CcCh any operator-new
    if (channel == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    if (!channel->Start(buffer)) { channel->Put(nullptr); return STATUS_INSUFFICIENT_RESOURCES; }
    service->channels[i] = channel;
  }
  service->session = MakeSession((buffer & 1) != 0);
  service->reader = new ('dRcC') Reader(service->lines); //= CcRd any operator-new
  g_service = service;
  return STATUS_SUCCESS;
}

/* a store that lives in the frame, one that lives in a variable */
static UCHAR g_spare[sizeof(PageStore)];
NOINLINE static PVOID UseSpare(SIZE_T size) {
  PageStore *spare = new (static_cast<PVOID>(g_spare)) PageStore(4);
  return spare->Grow(size);
}
NOINLINE static PVOID MakeAndGrow(SIZE_T size) {
  NameStore *store = new ('3ScC') NameStore; //= CcS3 any operator-new
  if (store == nullptr) return nullptr;
  PVOID first = store->Grow(size);
  delete store;
  return first;
}

static NTSTATUS CALL ClassesDispatch(DEVICE_OBJECT *, IRP *irp) {
  SIZE_T size = irp->Information;
  PVOID result = nullptr;
  switch (irp->Stack->Minor) {
  case 0: return StartService(irp->Flags);
  case 1: result = g_service->names->Grow(size); break;
  case 2: result = g_service->lines->Grow(size); break;
  case 3: result = g_service->pages->Grow(size); break;
  case 4: g_service->names->Close(irp->SystemBuffer); break;
  case 5: g_service->session->Put(irp->SystemBuffer); break;
  case 6: result = g_service->session->More(size); break;
  case 7: g_service->channels[irp->Flags & 3]->Put(nullptr); break;
  case 8: g_service->reader->Put(irp->SystemBuffer); break;
  case 9: result = g_service->reader->More(size); break;
  case 10: result = UseSpare(size); break;
  case 11: result = MakeAndGrow(size); break;
  case 12: irp->Flags = g_service->names->Kind() + g_service->session->Kind(); break;
  default: return STATUS_NOT_SUPPORTED;
  }
  irp->SystemBuffer = result;
  IoCompleteRequest(irp, 0);
  return STATUS_SUCCESS;
}

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *) {
  driver->Major[14] = ClassesDispatch;
  return STATUS_SUCCESS;
}
