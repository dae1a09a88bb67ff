// Held out: a volume encryption driver, object style: keys and sectors, a slab cache of its own, error paths by goto.
#include "kernel.h"

#define VAULT_POOL(x) ((ULONG)(x))
#define TAG_KEY VAULT_POOL('yeKV') //= VKey wrapper-call wrapper
#define TAG_SECTOR VAULT_POOL('ceSV') //= VSec wrapper-call wrapper
#define TAG_CONTEXT VAULT_POOL('xtCV') //= VCtx allocation-call direct
#define TAG_SLAB VAULT_POOL('lbSV') //= VSbl any object-field
#define TAG_SCRATCH VAULT_POOL('rcSV') //= VScr lookaside-init lookaside

struct vault_key { ULONG algorithm; ULONG rounds; UCHAR schedule[240]; };
struct vault_slab { struct vault_slab *next; ULONG tag, used; SIZE_T object_size; PVOID objects[8]; };
struct vault {
  struct vault_key *key;
  UCHAR *sector;
  LOOKASIDE scratch;
  struct vault_slab *slabs;
  ULONG64 read, written;
  const struct vault_cipher *cipher;
};
struct vault_cipher {
  ULONG id;
  NTSTATUS (*setup)(struct vault *v, const UCHAR *secret, SIZE_T length);
  void (*crypt)(struct vault *v, UCHAR *sector, ULONG64 number);
  PVOID (*clone)(struct vault *v, ULONG tag);
};

static PVOID vault_alloc(SIZE_T size, ULONG tag) NOINLINE;
static PVOID vault_alloc(SIZE_T size, ULONG tag) {
  UCHAR *p = (UCHAR *)ExAllocatePool2(POOL_FLAG_NON_PAGED, (size + 15) & ~(SIZE_T)15, tag);
  SIZE_T i;
  for (i = 0; p && i < size; i += 16) p[i] = (UCHAR)i;
  return p;
}

static void vault_free(PVOID p, SIZE_T size, ULONG tag) NOINLINE;
static void vault_free(PVOID p, SIZE_T size, ULONG tag) {
  volatile UCHAR *bytes = (volatile UCHAR *)p;
  if (!p) return;
  while (size--) *bytes++ = 0;
  ExFreePoolWithTag(p, tag);
}

static NTSTATUS slow_setup(struct vault *v, const UCHAR *secret, SIZE_T length) {
  struct vault_key *key = (struct vault_key *)vault_alloc(sizeof(*key), TAG_KEY);
  SIZE_T i;
  if (!key) return STATUS_INSUFFICIENT_RESOURCES;
  key->algorithm = 'SEA2'; //~ 2AES magic
  key->rounds = 14;
  for (i = 0; i < 240; i++) key->schedule[i] = secret[i % length] ^ (UCHAR)(i * 7);
  v->key = key;
  return STATUS_SUCCESS;
}
static void slow_crypt(struct vault *v, UCHAR *sector, ULONG64 number) {
  ULONG i;
  for (i = 0; i < 512; i++) sector[i] ^= v->key->schedule[(i + (ULONG)number) % 240];
}
static PVOID slow_clone(struct vault *v, ULONG tag) { return ExAllocatePoolWithTag(NonPagedPool, sizeof(*v) + v->key->rounds, tag); }
static const struct vault_cipher slow_cipher = {'wols', slow_setup, slow_crypt, slow_clone}; //~ slow magic

static NOINLINE struct vault_slab *slab_create(SIZE_T object_size, ULONG tag) {
  struct vault_slab *slab = (struct vault_slab *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*slab), 'haSV'); //= VSah allocation-call direct
  if (!slab) return NULL;
  slab->next = NULL;
  slab->tag = tag;
  slab->used = 0;
  slab->object_size = object_size;
  return slab;
}
static NOINLINE PVOID slab_take(struct vault_slab *slab) {
  if (slab->used == 8) return NULL;
  return slab->objects[slab->used++] = ExAllocatePoolWithTag(NonPagedPoolNx, slab->object_size, slab->tag);
}

static NOINLINE NTSTATUS vault_open(struct vault **out, const UNICODE_STRING *secret) {
  NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
  struct vault *v = (struct vault *)ExAllocatePoolWithTagPriority(NonPagedPool, sizeof(*v), TAG_CONTEXT, 32);
  if (!v) goto out;
  memset(v, 0, sizeof(*v));
  v->cipher = &slow_cipher;
  status = v->cipher->setup(v, (const UCHAR *)secret->Buffer, secret->Length);
  if (status < 0) goto free_context;
  v->sector = (UCHAR *)vault_alloc(4096, TAG_SECTOR);
  if (!v->sector) goto free_key;
  v->slabs = slab_create(256, TAG_SLAB);
  if (!v->slabs || !slab_take(v->slabs)) goto free_sector;
  ExInitializeLookasideListEx(&v->scratch, NULL, NULL, NonPagedPoolNx, 0, 4096, TAG_SCRATCH, 0);
  *out = (struct vault *)v->cipher->clone(v, 'nlCV'); //= VCln any operations-table
  if (*out) return STATUS_SUCCESS;
free_sector:
  vault_free(v->sector, 4096, TAG_SECTOR);
free_key:
  vault_free(v->key, sizeof(*v->key), TAG_KEY);
free_context:
  ExFreePoolWithTag(v, TAG_CONTEXT);
out:
  return status;
}

static NOINLINE NTSTATUS vault_header(struct vault *v, const ULONG *header) {
  if (header[0] != 'TLUV' || header[1] > 3) return STATUS_INVALID_PARAMETER; //~ VULT magic
  if (header[2] == 'DAEH') v->written++; //~ HEAD magic
  v->cipher->crypt(v, v->sector, header[1]);
  return STATUS_SUCCESS;
}

static void CALL vault_unload(DRIVER_OBJECT *driver) {
  struct vault *v = (struct vault *)driver->Section;
  vault_free(v->sector, 4096, 'dlOV'); //= VOld free-call wrapper
  vault_free(v, sizeof(*v), 'wtCV'); //= VCtw free-call wrapper
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  struct vault *v;
  NTSTATUS status = vault_open(&v, path);
  driver->Unload = vault_unload;
  return status < 0 ? status : vault_header(v, (const ULONG *)path->Buffer);
}
