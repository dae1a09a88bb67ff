// A cryptographic provider for the kernel: algorithms registered as tables of functions, keys by class, memory that is wiped before
// it is freed, a random generator with a state for each processor, caches of certificates, asynchronous requests.
#include "kernel.h"

namespace cc {

/* ---- foundation ---------------------------------------------------------------------------------------------------------- */

using Status = NTSTATUS;
using Tag = ULONG;
constexpr Status kNoMemory = STATUS_INSUFFICIENT_RESOURCES;
constexpr Status kBadHandle = (Status)0xC0000008;
constexpr bool Ok(Status status) { return status >= 0; }
constexpr Tag MakeTag(const char (&text)[5]) {
  return (Tag)(UCHAR)text[0] | (Tag)(UCHAR)text[1] << 8 | (Tag)(UCHAR)text[2] << 16 | (Tag)(UCHAR)text[3] << 24;
}

template <typename T> T &&Move(T &value) { return static_cast<T &&>(value); }
template <typename T> T Minimum(T a, T b) { return a < b ? a : b; }

NOINLINE static void Wipe(void *p, SIZE_T size) {
  volatile UCHAR *bytes = static_cast<volatile UCHAR *>(p);
  while (size--) *bytes++ = 0;
}

struct ListHead : LIST_ENTRY {
  void Initialize() { Flink = Blink = this; }
  bool Empty() const { return Flink == this; }
  void Append(LIST_ENTRY *entry) { entry->Flink = this; entry->Blink = Blink; Blink->Flink = entry; Blink = entry; }
  LIST_ENTRY *Pop() {
    LIST_ENTRY *entry = Flink;
    Flink = entry->Flink; entry->Flink->Blink = this;
    return entry;
  }
};
class SpinLock {
  ULONG_PTR lock_;
public:
  void Initialize() { KeInitializeSpinLock(&lock_); }
  UCHAR Enter() { return KeAcquireSpinLockRaiseToDpc(&lock_); }
  void Leave(UCHAR irql) { KeReleaseSpinLock(&lock_, irql); }
};
class Guard {
  SpinLock &lock_;
  UCHAR irql_;
public:
  explicit Guard(SpinLock &lock) : lock_(lock), irql_(lock.Enter()) {}
  ~Guard() { lock_.Leave(irql_); }
};

} // namespace cc

void *operator new(SIZE_T, void *at) noexcept { return at; }
void operator delete(void *p) noexcept { ExFreePool(p); }
void operator delete(void *p, SIZE_T) noexcept { ExFreePool(p); }
extern "C" int _purecall() { KeBugCheckEx('erup', 0, 0, 0, 0); return 0; } //~ pure bug-check

namespace cc {

/* ---- memory that forgets: the size stands in front, so that the release can wipe --------------------------------------------- */

struct SecureHeader { SIZE_T Size; Tag Owner; ULONG Check; };
constexpr ULONG kSecureCheck = 'kSeS'; //~ SeSk magic

NOINLINE static void *SecureAllocate(SIZE_T size, Tag tag) {
  auto *header = static_cast<SecureHeader *>(ExAllocatePoolWithTag(NonPagedPoolNx, size + sizeof(SecureHeader), tag));
  if (!header) return nullptr;
  header->Size = size;
  header->Owner = tag;
  header->Check = kSecureCheck;
  memset(header + 1, 0, size);
  return header + 1;
}
NOINLINE static void SecureRelease(void *p) {
  if (!p) return;
  auto *header = static_cast<SecureHeader *>(p) - 1;
  if (header->Check != kSecureCheck) KeBugCheckEx(0x1A, reinterpret_cast<ULONG_PTR>(p), 'bSeS', 0, 0); //~ SeSb bug-check
  Wipe(p, header->Size);
  ExFreePoolWithTag(header, header->Owner);
}

/* A type says its tag in a trait; what has no trait of its own gets the common one. */
template <typename T> struct TagOf { static constexpr Tag Value = MakeTag("CcOb"); }; //= CcOb any template-tag
#define CC_TAG(type, text) template <> struct TagOf<type> { static constexpr Tag Value = MakeTag(text); }

template <typename T> class Ptr {
  T *p_ = nullptr;
public:
  Ptr() = default;
  explicit Ptr(T *p) : p_(p) {}
  Ptr(Ptr &&other) : p_(other.p_) { other.p_ = nullptr; }
  Ptr(const Ptr &) = delete;
  ~Ptr() { Reset(nullptr); }
  void Reset(T *p) {
    T *old = p_;
    p_ = p;
    if (old) { old->~T(); Wipe(old, sizeof(T)); ExFreePoolWithTag(old, TagOf<T>::Value); }
  }
  T *operator->() const { return p_; }
  T *Get() const { return p_; }
  T *Detach() { T *p = p_; p_ = nullptr; return p; }
  explicit operator bool() const { return p_ != nullptr; }
};
template <typename T, typename... Arguments> Ptr<T> Make(ULONG type, Arguments... arguments) {
  void *p = ExAllocatePoolWithTag(type, sizeof(T), TagOf<T>::Value);
  return Ptr<T>(p ? new (p) T(arguments...) : nullptr);
}

template <Tag kTag> class SecureBytes {
  UCHAR *data_ = nullptr;
  ULONG size_ = 0;
public:
  ~SecureBytes() { SecureRelease(data_); }
  bool Resize(ULONG size) {
    auto *bigger = static_cast<UCHAR *>(SecureAllocate(size, kTag));
    if (!bigger) return false;
    if (data_) memcpy(bigger, data_, Minimum(size, size_));
    SecureRelease(data_);
    data_ = bigger;
    size_ = size;
    return true;
  }
  bool Assign(const void *from, ULONG size) {
    if (!Resize(size)) return false;
    memcpy(data_, from, size);
    return true;
  }
  UCHAR *Data() const { return data_; }
  ULONG Size() const { return size_; }
};

/* A vector whose owner says the tag when it makes the vector. */
template <typename T> class Vector {
  T *items_ = nullptr;
  ULONG count_ = 0, capacity_ = 0;
  const Tag tag_;
public:
  explicit Vector(Tag tag) : tag_(tag) {}
  ~Vector() { if (items_) ExFreePoolWithTag(items_, tag_); }
  NOINLINE bool Reserve(ULONG capacity) {
    if (capacity <= capacity_) return true;
    auto *bigger = static_cast<T *>(ExAllocatePoolWithTag(PagedPool, capacity * sizeof(T), tag_));
    if (!bigger) return false;
    if (items_) {
      memcpy(bigger, items_, count_ * sizeof(T));
      ExFreePoolWithTag(items_, tag_);
    }
    items_ = bigger;
    capacity_ = capacity;
    return true;
  }
  bool Push(const T &item) {
    if (count_ == capacity_ && !Reserve(capacity_ ? capacity_ * 2 : 4)) return false;
    items_[count_++] = item;
    return true;
  }
  ULONG Count() const { return count_; }
  T &operator[](ULONG i) const { return items_[i]; }
};

/* ---- big numbers: the arithmetic asks a scratch arena, which grows in blocks --------------------------------------------------- */

class Arena {
  struct Block { Block *Next; SIZE_T Used, Size; };
  Block *blocks_ = nullptr;
  Tag tag_;
  SIZE_T blockSize_;
public:
  Arena(Tag tag, SIZE_T blockSize) : tag_(tag), blockSize_(blockSize) {}
  ~Arena() {
    while (Block *block = blocks_) {
      blocks_ = block->Next;
      Wipe(block + 1, block->Used);
      ExFreePoolWithTag(block, tag_);
    }
  }
  NOINLINE void *Take(SIZE_T size) {
    size = (size + 15) & ~(SIZE_T)15;
    if (!blocks_ || blocks_->Used + size > blocks_->Size) {
      SIZE_T room = size > blockSize_ ? size : blockSize_;
      auto *block = static_cast<Block *>(ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(Block) + room, tag_));
      if (!block) return nullptr;
      block->Next = blocks_;
      block->Used = 0;
      block->Size = room;
      blocks_ = block;
    }
    void *p = reinterpret_cast<UCHAR *>(blocks_ + 1) + blocks_->Used;
    blocks_->Used += size;
    return p;
  }
};

struct Big { ULONG *Limbs; ULONG Count; };
NOINLINE static bool BigMultiply(Arena &arena, const Big &a, const Big &b, Big &out) {
  out.Count = a.Count + b.Count;
  out.Limbs = static_cast<ULONG *>(arena.Take(out.Count * sizeof(ULONG)));
  if (!out.Limbs) return false;
  memset(out.Limbs, 0, out.Count * sizeof(ULONG));
  for (ULONG i = 0; i < a.Count; i++) {
    ULONG64 carry = 0;
    for (ULONG j = 0; j < b.Count; j++) {
      carry += (ULONG64)a.Limbs[i] * b.Limbs[j] + out.Limbs[i + j];
      out.Limbs[i + j] = (ULONG)carry;
      carry >>= 32;
    }
    out.Limbs[i + b.Count] = (ULONG)carry;
  }
  return true;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------- */

constexpr ULONG kKeySignature = 'yeKC'; //~ CKey magic
constexpr ULONG kBlobKeyData = 'MBDK'; //~ KDBM magic
constexpr ULONG kBlobRsaPublic = '1ASR', kBlobRsaPrivate = '2ASR'; //~ RSA1 magic //~ RSA2 magic
constexpr ULONG kBlobEcdsa = '1SCE', kBlobEcdh = '1KCE'; //~ ECS1 magic //~ ECK1 magic

class Key {
protected:
  ULONG signature_ = kKeySignature;
  LONG references_ = 1;
public:
  virtual Status Import(const UCHAR *blob, ULONG size) = 0;
  virtual Status Sign(const UCHAR *hash, ULONG size, UCHAR *out) { return STATUS_NOT_SUPPORTED; }
  virtual void Destroy() = 0;
  virtual ULONG Magic() const = 0;
  bool Valid() const { return signature_ == kKeySignature; }
  void AddReference() { __sync_fetch_and_add(&references_, 1); }
  void Release() { if (__sync_sub_and_fetch(&references_, 1) == 0) { signature_ = 'yekC'; Destroy(); } } //~ Ckey magic
};

template <class Derived, Tag kTag> class KeyOf : public Key {
public:
  static Key *Create() {
    void *p = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(Derived), kTag);
    return p ? new (p) Derived : nullptr;
  }
  void Destroy() override {
    auto *self = static_cast<Derived *>(this);
    self->~Derived();
    Wipe(self, sizeof(Derived));
    ExFreePoolWithTag(self, kTag);
  }
};

class AesKey final : public KeyOf<AesKey, MakeTag("CcKa")> { //= CcKa any template-tag
  SecureBytes<MakeTag("CcAe")> schedule_; //= CcAe any wrapper
public:
  Status Import(const UCHAR *blob, ULONG size) override {
    if (size < 16 || size > 32) return STATUS_INVALID_PARAMETER;
    if (!schedule_.Resize(240)) return kNoMemory;
    for (ULONG i = 0; i < 240; i++) schedule_.Data()[i] = i < size ? blob[i] : (UCHAR)(schedule_.Data()[i - size] ^ (schedule_.Data()[i - 4] << 1));
    return STATUS_SUCCESS;
  }
  ULONG Magic() const override { return kBlobKeyData; }
};

class RsaKey final : public KeyOf<RsaKey, MakeTag("CcKr")> { //= CcKr any template-tag
  SecureBytes<MakeTag("CcRm")> modulus_; //= CcRm any wrapper
  SecureBytes<MakeTag("CcRx")> exponent_; //= CcRx any wrapper
public:
  Status Import(const UCHAR *blob, ULONG size) override {
    if (size < 24 || *reinterpret_cast<const ULONG *>(blob) != kBlobRsaPrivate) return STATUS_INVALID_PARAMETER;
    ULONG half = (size - 8) / 2;
    return modulus_.Assign(blob + 8, half) && exponent_.Assign(blob + 8 + half, half) ? STATUS_SUCCESS : kNoMemory;
  }
  Status Sign(const UCHAR *hash, ULONG size, UCHAR *out) override {
    Arena arena(MakeTag("CcAr"), 4096); //= CcAr any object-field
    Big n{reinterpret_cast<ULONG *>(modulus_.Data()), modulus_.Size() / 4}, result{};
    Big message{static_cast<ULONG *>(arena.Take(size)), size / 4};
    if (!message.Limbs) return kNoMemory;
    memcpy(message.Limbs, hash, size & ~3u);
    if (!BigMultiply(arena, message, n, result)) return kNoMemory;
    memcpy(out, result.Limbs, n.Count * 4);
    return STATUS_SUCCESS;
  }
  ULONG Magic() const override { return kBlobRsaPublic; }
};

class EccKey final : public KeyOf<EccKey, MakeTag("CcKe")> { //= CcKe any template-tag
  ULONG kind_ = kBlobEcdsa;
  UCHAR *point_ = nullptr;
public:
  ~EccKey() { SecureRelease(point_); }
  Status Import(const UCHAR *blob, ULONG size) override {
    kind_ = *reinterpret_cast<const ULONG *>(blob);
    if (kind_ != kBlobEcdsa && kind_ != kBlobEcdh) return STATUS_INVALID_PARAMETER;
    point_ = static_cast<UCHAR *>(SecureAllocate(size, kind_ == kBlobEcdh ? MakeTag("CcEh") : MakeTag("CcEs"))); //= CcEh any ternary //= CcEs any ternary
    if (!point_) return kNoMemory;
    memcpy(point_, blob + 4, size - 4);
    return STATUS_SUCCESS;
  }
  Status Sign(const UCHAR *hash, ULONG size, UCHAR *out) override {
    auto *nonce = static_cast<UCHAR *>(SecureAllocate(size * 2, MakeTag("CcNo"))); //= CcNo any wrapper
    if (!nonce) return kNoMemory;
    for (ULONG i = 0; i < size; i++) out[i] = hash[i] ^ nonce[i] ^ point_[i & 31];
    SecureRelease(nonce);
    return STATUS_SUCCESS;
  }
  ULONG Magic() const override { return kind_; }
};

/* ---- providers ------------------------------------------------------------------------------------------------------------------ */

struct AlgorithmTable {
  const WCHAR *Name;
  ULONG Interface, ContextSize;
  Status (*OpenContext)(struct Algorithm *algorithm, void **context);
  Key *(*CreateKey)();
  void (*CloseContext)(struct Algorithm *algorithm, void *context);
};
struct Algorithm { LIST_ENTRY Link; AlgorithmTable Functions; Tag ContextTag; LONG Users; };
static ListHead g_Algorithms;

NOINLINE static Status OpenPlain(Algorithm *algorithm, void **context) {
  *context = ExAllocatePoolWithTag(NonPagedPoolNx, algorithm->Functions.ContextSize, algorithm->ContextTag);
  if (!*context) return kNoMemory;
  memset(*context, 0, algorithm->Functions.ContextSize);
  algorithm->Users++;
  return STATUS_SUCCESS;
}
NOINLINE static void ClosePlain(Algorithm *algorithm, void *context) {
  Wipe(context, algorithm->Functions.ContextSize);
  ExFreePoolWithTag(context, algorithm->ContextTag);
  algorithm->Users--;
}
struct HashState { ULONG State[8]; ULONG64 Length; UCHAR *Buffer; ULONG Signature; };
NOINLINE static Status OpenHash(Algorithm *algorithm, void **context) {
  auto *state = static_cast<HashState *>(SecureAllocate(sizeof(HashState), MakeTag("CcHs"))); //= CcHs any wrapper
  if (!state) return kNoMemory;
  state->Buffer = static_cast<UCHAR *>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 128, MakeTag("CcHb"))); //= CcHb any direct
  if (!state->Buffer) {
    SecureRelease(state);
    return kNoMemory;
  }
  state->State[0] = 0x6A09E667;
  state->State[1] = 0xBB67AE85;
  state->Signature = '652S'; //~ S256 magic
  *context = state;
  return STATUS_SUCCESS;
}
NOINLINE static void CloseHash(Algorithm *algorithm, void *context) {
  ExFreePoolWithTag(static_cast<HashState *>(context)->Buffer, MakeTag("CcHb"));
  SecureRelease(context);
}
static const AlgorithmTable g_Aes = {reinterpret_cast<const WCHAR *>(L"AES"), 1, 288, OpenPlain, AesKey::Create, ClosePlain};
static const AlgorithmTable g_Rsa = {reinterpret_cast<const WCHAR *>(L"RSA"), 3, 96, OpenPlain, RsaKey::Create, ClosePlain};
static const AlgorithmTable g_Ecc = {reinterpret_cast<const WCHAR *>(L"ECC"), 4, 160, OpenPlain, EccKey::Create, ClosePlain};
static const AlgorithmTable g_Sha = {reinterpret_cast<const WCHAR *>(L"SHA256"), 2, 0, OpenHash, nullptr, CloseHash};

NOINLINE static Status Register(const AlgorithmTable *table, Tag contextTag) {
  auto *algorithm = static_cast<Algorithm *>(ExAllocatePoolWithTag(PagedPool, sizeof(Algorithm), MakeTag("CcAl"))); //= CcAl any direct
  if (!algorithm) return kNoMemory;
  algorithm->Functions = *table;
  algorithm->ContextTag = contextTag;
  algorithm->Users = 0;
  g_Algorithms.Append(&algorithm->Link);
  return STATUS_SUCCESS;
}
NOINLINE static Algorithm *Find(const WCHAR *name) {
  for (LIST_ENTRY *link = g_Algorithms.Flink; link != &g_Algorithms; link = link->Flink) {
    auto *algorithm = reinterpret_cast<Algorithm *>(link);
    if (algorithm->Functions.Name[0] == name[0] && algorithm->Functions.Name[1] == name[1]) return algorithm;
  }
  return nullptr;
}

/* ---- random numbers ---------------------------------------------------------------------------------------------------------------- */

struct RngState { ULONG64 Key[4], Counter; ULONG Reseeds; UCHAR *Pool; ULONG PoolSize; };
class Random {
  RngState **states_ = nullptr;
  ULONG count_ = 0;
  volatile LONG next_ = 0;
public:
  NOINLINE Status Start(ULONG processors) {
    states_ = static_cast<RngState **>(ExAllocatePoolWithTag(NonPagedPoolNx, processors * sizeof(RngState *), MakeTag("CcRp"))); //= CcRp any direct
    if (!states_) return kNoMemory;
    for (count_ = 0; count_ < processors; count_++) {
      PHYSICAL_ADDRESS low{}, high, boundary{};
      SIZE_T size = sizeof(RngState);
      void *state = nullptr;
      high.QuadPart = -1;
      if (!Ok(MmAllocateContiguousMemoryEx(&size, low, high, boundary, count_ & 3, 4, nullptr, MakeTag("CcRs"), 0, &state))) return kNoMemory; //= CcRs any direct
      states_[count_] = static_cast<RngState *>(state);
      memset(state, 0, sizeof(RngState));
      states_[count_]->PoolSize = 64;
      states_[count_]->Pool = static_cast<UCHAR *>(SecureAllocate(64, MakeTag("CcRe"))); //= CcRe any wrapper
      if (!states_[count_]->Pool) return kNoMemory;
    }
    return STATUS_SUCCESS;
  }
  NOINLINE void Fill(UCHAR *out, ULONG size) {
    RngState *state = states_[(ULONG)__sync_fetch_and_add(&next_, 1) % count_];
    for (ULONG i = 0; i < size; i++) {
      state->Counter++;
      state->Key[i & 3] ^= state->Counter << (i & 31);
      out[i] = (UCHAR)(state->Key[i & 3] >> 7) ^ state->Pool[i % state->PoolSize];
    }
  }
  NOINLINE Status Reseed() {
    auto *seed = static_cast<UCHAR *>(ExAllocatePoolWithTagPriority(NonPagedPoolNx, 4096, MakeTag("CcSd"), 32)); //= CcSd any direct
    ULONG needed;
    if (!seed) return kNoMemory;
    Status status = ZwQuerySystemInformation(8, seed, 4096, &needed);
    for (ULONG i = 0; i < count_; i++) states_[i]->Key[0] ^= *reinterpret_cast<ULONG64 *>(seed + i * 8), states_[i]->Reseeds++;
    Wipe(seed, 4096);
    ExFreePoolWithTag(seed, MakeTag("CcSd"));
    return status;
  }
  void Stop() {
    for (ULONG i = 0; i < count_; i++) { SecureRelease(states_[i]->Pool); MmFreeContiguousMemory(states_[i]); }
    ExFreePoolWithTag(states_, MakeTag("CcRp"));
  }
};
static Random g_Random;

/* ---- certificates -------------------------------------------------------------------------------------------------------------------- */

struct Certificate { Certificate *Next; ULONG Signature, Size; UCHAR Thumbprint[20]; UCHAR *Encoded; };
struct Name { ULONG Kind; USHORT Length; WCHAR Text[30]; };
struct Chain { Vector<Certificate *> Links; ULONG Trust; Chain() : Links(MakeTag("CcCl")), Trust(0) {} }; //= CcCl any object-field
CC_TAG(Certificate, "CcCe"); //= CcCe any template-tag
CC_TAG(Chain, "CcCh"); //= CcCh any template-tag

template <typename Entry> class Cache {
  Entry **buckets_;
  ULONG mask_, live_;
  LOOKASIDE lookaside_;
  SpinLock lock_;
public:
  Status Initialize(ULONG buckets) {
    buckets_ = static_cast<Entry **>(ExAllocatePoolWithTag(NonPagedPoolNx, buckets * sizeof(Entry *), TagOf<Cache>::Value));
    if (!buckets_) return kNoMemory;
    memset(buckets_, 0, buckets * sizeof(Entry *));
    mask_ = buckets - 1;
    live_ = 0;
    lock_.Initialize();
    ExInitializeNPagedLookasideList(&lookaside_, nullptr, nullptr, 0, sizeof(Entry), TagOf<Entry>::Value, 0);
    return STATUS_SUCCESS;
  }
  void Insert(Entry *entry, ULONG hash) {
    Guard guard(lock_);
    entry->Next = buckets_[hash & mask_];
    buckets_[hash & mask_] = entry;
    live_++;
  }
  Entry *Lookup(ULONG hash) {
    Guard guard(lock_);
    return buckets_[hash & mask_];
  }
  void Clear() {
    ExDeleteNPagedLookasideList(&lookaside_);
    ExFreePoolWithTag(buckets_, TagOf<Cache>::Value);
  }
};
struct Session { Session *Next; ULONG Signature, Id; Key *SessionKey; Algorithm *Cipher; void *Context; SecureBytes<MakeTag("CcSk")> Secret; }; //= CcSk any wrapper
CC_TAG(Session, "CcSs"); //= CcSs any template-tag
CC_TAG(Cache<Certificate>, "CcCb"); //= CcCb any template-tag
CC_TAG(Cache<Session>, "CcSb"); //= CcSb any template-tag
static Cache<Certificate> g_Certificates;
static Cache<Session> g_Sessions;

NOINLINE static Status AddCertificate(const UCHAR *encoded, ULONG size) {
  if (size < 64 || *reinterpret_cast<const ULONG *>(encoded) == 'NGEB') return STATUS_INVALID_PARAMETER; //~ BEGN magic
  Ptr<Certificate> certificate = Make<Certificate>(PagedPool);
  if (!certificate) return kNoMemory;
  certificate->Signature = 'treC'; //~ Cert magic
  certificate->Encoded = static_cast<UCHAR *>(ExAllocatePoolWithQuotaTag(PagedPool | 8, size, MakeTag("CcEn"))); //= CcEn any direct
  if (!certificate->Encoded) return kNoMemory;
  memcpy(certificate->Encoded, encoded, size);
  memcpy(certificate->Thumbprint, encoded + size - 20, 20);
  certificate->Size = size;
  g_Certificates.Insert(certificate.Get(), certificate->Thumbprint[0]);
  certificate.Detach();
  return STATUS_SUCCESS;
}
NOINLINE static Status BuildChain(ULONG leaf, ULONG *trust) {
  Ptr<Chain> chain = Make<Chain>(PagedPool);
  Ptr<Name> subject = Make<Name>(PagedPool);
  if (!chain || !subject) return kNoMemory;
  for (Certificate *at = g_Certificates.Lookup(leaf); at; at = at->Next) {
    if (at->Signature != 'treC' || !chain->Links.Push(at)) return kNoMemory;
    subject->Kind = at->Encoded[0];
    if (subject->Kind == 'TOOR') break; //~ ROOT magic
  }
  chain->Trust = chain->Links.Count() > 1 ? subject->Kind : 0;
  *trust = chain->Trust;
  return STATUS_SUCCESS;
}

/* ---- asynchronous requests ---------------------------------------------------------------------------------------------------------------- */

class Request {
public:
  LIST_ENTRY Link;
  IRP *Irp;
  PVOID Item;
  Status Result = 0x103;
  static void *operator new(SIZE_T size, Tag tag, ULONG extra) noexcept { return ExAllocatePoolWithTag(NonPagedPoolNx, size + extra, tag); }
  static void operator delete(void *p) noexcept { ExFreePool(p); }
  explicit Request(IRP *irp) : Irp(irp) {}
  virtual ~Request() { Wipe(this, sizeof(*this)); }
  virtual Status Run() = 0;
};
class SignRequest final : public Request {
  Key *key_;
public:
  SignRequest(IRP *irp, Key *key) : Request(irp), key_(key) { key->AddReference(); }
  ~SignRequest() { key_->Release(); }
  Status Run() override { return key_->Sign(static_cast<UCHAR *>(Irp->SystemBuffer), 32, static_cast<UCHAR *>(Irp->SystemBuffer)); }
};
class ReseedRequest final : public Request {
public:
  using Request::Request;
  Status Run() override { return g_Random.Reseed(); }
};
class ChainRequest final : public Request {
  Vector<ULONG> results_{MakeTag("CcVr")}; //= CcVr any object-field
public:
  using Request::Request;
  Status Run() override {
    ULONG trust = 0;
    Status status = BuildChain(*static_cast<ULONG *>(Irp->SystemBuffer), &trust);
    if (Ok(status) && !results_.Push(trust)) status = kNoMemory;
    Irp->Information = results_.Count();
    return status;
  }
};

class Queue {
  ListHead pending_;
  SpinLock lock_;
  DEVICE_OBJECT *device_;
  static void CALL Worker(DEVICE_OBJECT *, PVOID context) {
    auto *request = static_cast<Request *>(context);
    request->Irp->Status = request->Run();
    IoCompleteRequest(request->Irp, 2);
    IoFreeWorkItem(request->Item);
    delete request;
  }
public:
  void Initialize(DEVICE_OBJECT *device) { pending_.Initialize(); lock_.Initialize(); device_ = device; }
  NOINLINE Status Submit(Request *request) {
    if (!request) return kNoMemory;
    request->Item = IoAllocateWorkItem(device_);
    if (!request->Item) { delete request; return kNoMemory; }
    { Guard guard(lock_); pending_.Append(&request->Link); }
    IoQueueWorkItem(request->Item, reinterpret_cast<void *>(Worker), 1, request);
    return 0x103;
  }
};
static Queue g_Queue;

/* ---- sessions ---------------------------------------------------------------------------------------------------------------------------------- */

NOINLINE static Status OpenSession(const WCHAR *name, const UCHAR *blob, ULONG size, ULONG *id) {
  Algorithm *cipher = Find(name);
  if (!cipher) return STATUS_NOT_SUPPORTED;
  Ptr<Session> session = Make<Session>(NonPagedPoolNx);
  if (!session || !session->Secret.Resize(48)) return kNoMemory;
  session->Signature = 'noiS'; //~ Sion magic
  session->Cipher = cipher;
  g_Random.Fill(session->Secret.Data(), 48);
  Status status = cipher->Functions.OpenContext(cipher, &session->Context);
  if (!Ok(status)) return status;
  if (cipher->Functions.CreateKey) {
    session->SessionKey = cipher->Functions.CreateKey();
    status = session->SessionKey ? session->SessionKey->Import(blob, size) : kNoMemory;
    if (!Ok(status)) {
      if (session->SessionKey) session->SessionKey->Release();
      cipher->Functions.CloseContext(cipher, session->Context);
      return status;
    }
  }
  *id = session->Id = *reinterpret_cast<ULONG *>(session->Secret.Data());
  g_Sessions.Insert(session.Get(), session->Id);
  session.Detach();
  return STATUS_SUCCESS;
}
NOINLINE static Status CloseSession(ULONG id) {
  Ptr<Session> session(g_Sessions.Lookup(id));
  if (!session || session->Signature != 'noiS') { session.Detach(); return kBadHandle; }
  if (session->SessionKey) session->SessionKey->Release();
  session->Cipher->Functions.CloseContext(session->Cipher, session->Context);
  return STATUS_SUCCESS;
}

/* ---- driver ------------------------------------------------------------------------------------------------------------------------------------ */

static REMOVE_LOCK g_RemoveLock;
static const GUID g_Interface = {0x65456343, 0x5577, 0x4A21, {'C', 'c', 'G', 'u', 'k', 's', 'p', 'c'}}; //~ CcEe guid //~ CcGu guid //~ kspc guid

static Status CALL Control(DEVICE_OBJECT *, IRP *irp) {
  auto *input = static_cast<ULONG *>(irp->SystemBuffer);
  Status status = IoAcquireRemoveLockEx(&g_RemoveLock, reinterpret_cast<PVOID>((ULONG_PTR)'oIcC'), "control.cpp", 90, 32); //~ CcIo remove-lock
  if (!Ok(status)) return status;
  switch (input[0]) {
    case 'nepO': status = OpenSession(reinterpret_cast<WCHAR *>(input + 4), reinterpret_cast<UCHAR *>(input + 16), input[1], &input[2]); break; //~ Open magic
    case 'solC': status = CloseSession(input[1]); break; //~ Clos magic
    case 'treC': status = AddCertificate(reinterpret_cast<UCHAR *>(input + 4), input[1]); break;
    case 'ngiS': { //~ Sign magic
      Session *session = g_Sessions.Lookup(input[1]);
      if (!session || !session->SessionKey->Valid()) { status = kBadHandle; break; }
      return g_Queue.Submit(new (MakeTag("CcQs"), 64) SignRequest(irp, session->SessionKey)); //= CcQs any operator-new
    }
    case 'deeS': return g_Queue.Submit(new (MakeTag("CcQr"), 0) ReseedRequest(irp)); //= CcQr any operator-new //~ Seed magic
    case 'niaC': return g_Queue.Submit(new (MakeTag("CcQc"), input[1] & 0xFF) ChainRequest(irp)); //= CcQc any operator-new //~ Cain magic
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static void CALL Unload(DRIVER_OBJECT *) {
  g_Random.Stop();
  g_Certificates.Clear();
  g_Sessions.Clear();
  while (!g_Algorithms.Empty()) ExFreePoolWithTag(g_Algorithms.Pop(), MakeTag("CcAl"));
}

} // namespace cc

extern "C" NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  using namespace cc;
  DEVICE_OBJECT *device;
  Status status = IoCreateDevice(driver, 0, path, 0x22, 0, FALSE, &device);
  if (!Ok(status)) return status;
  IoInitializeRemoveLockEx(&g_RemoveLock, 'kLcC', 0, 0, 32); //~ CcLk remove-lock
  ObReferenceObjectByPointerWithTag(device, 0, nullptr, 0, 'vDcC'); //~ CcDv object-tag
  g_Algorithms.Initialize();
  g_Queue.Initialize(device);
  status = Register(&g_Aes, MakeTag("CcXa")); //= CcXa any object-field
  if (Ok(status)) status = Register(&g_Rsa, MakeTag("CcXr")); //= CcXr any object-field
  if (Ok(status)) status = Register(&g_Ecc, MakeTag("CcXe")); //= CcXe any object-field
  if (Ok(status)) status = Register(&g_Sha, 0);
  if (Ok(status)) status = g_Certificates.Initialize(256);
  if (Ok(status)) status = g_Sessions.Initialize(64);
  if (Ok(status)) status = g_Random.Start((path->Length & 31) + 1);
  if (!Ok(status)) {
    DbgPrint("crypto: %08x %s", status, "CCFL"); //~ CCFL text
    IoDeleteDevice(device);
    return status;
  }
  device->Extension = const_cast<GUID *>(&g_Interface);
  driver->Major[14] = Control;
  driver->Unload = Unload;
  return STATUS_SUCCESS;
}
