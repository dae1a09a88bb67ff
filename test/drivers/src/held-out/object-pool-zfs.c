// A storage pool ported from Unix: a layer of Solaris' memory functions (arenas, caches with magazines, flags for sleeping),
// task queues, a cache of buffers, stages of an I/O pipeline, property lists with their own allocators, volumes, mount points.
#include "kernel.h"

typedef ULONG64 uint64_t;
typedef ULONG uint32_t;
typedef UCHAR uint8_t;
typedef SIZE_T size_t;
typedef char boolean_t;
#define KM_SLEEP 0
#define KM_NOSLEEP 1
#define KM_PUSHPAGE 4
#define KM_PAGED 0x100
#define ENOMEM 12
#define EINVAL 22
#define ENOTSUP 48
#define dprintf(...) DbgPrint("ozfs: " __VA_ARGS__)

/* ---- spl: lists ----------------------------------------------------------------------------------------------------------- */

typedef LIST_ENTRY list_node_t;
static void list_create(list_node_t *l) { l->Flink = l->Blink = l; }
static void list_insert_tail(list_node_t *l, list_node_t *n) { n->Flink = l; n->Blink = l->Blink; l->Blink->Flink = n; l->Blink = n; }
static list_node_t *list_remove_head(list_node_t *l) {
  list_node_t *n = l->Flink;
  if (n == l) return NULL;
  l->Flink = n->Flink; n->Flink->Blink = l;
  return n;
}

/* ---- spl: vmem arenas -------------------------------------------------------------------------------------------------------- */

typedef struct vmem vmem_t;
typedef void *(*vmem_alloc_t)(vmem_t *, size_t, int);
typedef void (*vmem_free_t)(vmem_t *, void *, size_t);
struct vmem {
  char name[32];
  list_node_t link;
  vmem_alloc_t source_alloc;
  vmem_free_t source_free;
  vmem_t *source;
  size_t quantum, in_use;
  uint32_t tag;
};
#define SPL_SEG_TAG 'gSlp' //= plSg any direct
typedef struct { list_node_t link; void *base; size_t size; } vmem_seg_t;

static list_node_t vmem_list, segment_list;
static vmem_t *heap_arena, *zio_arena, *zio_metadata_arena;
static ULONG_PTR segment_lock;

/* The bottom of everything: what the arena is called in the debugger is its tag. */
static void *osif_malloc(vmem_t *vmp, size_t size, int flags) {
  void *p = ExAllocatePoolWithTag(flags & KM_PAGED ? PagedPool : NonPagedPoolNx, size, vmp->tag);
  vmem_seg_t *seg;
  if (p == NULL) return NULL;
  seg = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(vmem_seg_t), SPL_SEG_TAG);
  if (seg != NULL) {
    UCHAR irql = KeAcquireSpinLockRaiseToDpc(&segment_lock);
    seg->base = p;
    seg->size = size;
    list_insert_tail(&segment_list, &seg->link);
    KeReleaseSpinLock(&segment_lock, irql);
  }
  vmp->in_use += size;
  return p;
}
static void osif_free(vmem_t *vmp, void *p, size_t size) {
  vmp->in_use -= size;
  ExFreePoolWithTag(p, vmp->tag);
}
NOINLINE static void *vmem_alloc(vmem_t *vmp, size_t size, int flags) {
  size = (size + vmp->quantum - 1) & ~(vmp->quantum - 1);
  if (vmp->source) return vmp->source_alloc(vmp->source, size, flags);
  return vmp->source_alloc(vmp, size, flags);
}
NOINLINE static void vmem_free(vmem_t *vmp, void *p, size_t size) { vmp->source_free(vmp->source ? vmp->source : vmp, p, size); }

static vmem_t *vmem_create(const char *name, size_t quantum, vmem_alloc_t afunc, vmem_free_t ffunc, vmem_t *source, uint32_t tag) {
  vmem_t *vmp = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(vmem_t), 'mVlp'); //= plVm allocation-call direct
  size_t i;
  if (vmp == NULL) return NULL;
  memset(vmp, 0, sizeof(*vmp));
  for (i = 0; name[i] && i < sizeof(vmp->name) - 1; i++) vmp->name[i] = name[i];
  vmp->source_alloc = afunc;
  vmp->source_free = ffunc;
  vmp->source = source;
  vmp->quantum = quantum;
  vmp->tag = tag;
  list_insert_tail(&vmem_list, &vmp->link);
  return vmp;
}

/* ---- spl: kmem ------------------------------------------------------------------------------------------------------------------ */

static vmem_t spl_default_arena = {"spl_default", {NULL, NULL}, osif_malloc, osif_free, NULL, 16, 0, 'fDlp'}; //= plDf any initialised-global

static void *kmem_alloc(size_t size, int flags) {
  void *p = vmem_alloc(&spl_default_arena, size, flags);
  while (p == NULL && !(flags & KM_NOSLEEP)) {
    LARGE_INTEGER t = {.QuadPart = -10000};
    KeWaitForSingleObject(&segment_lock, 0, 0, FALSE, &t);
    p = vmem_alloc(&spl_default_arena, size, flags);
  }
  return p;
}
static void *kmem_zalloc(size_t size, int flags) {
  void *p = kmem_alloc(size, flags);
  if (p != NULL) memset(p, 0, size);
  return p;
}
static void kmem_free(void *p, size_t size) { vmem_free(&spl_default_arena, p, size); }

/* ---- spl: caches with magazines -------------------------------------------------------------------------------------------------- */

#define KMC_NOMAGAZINE 1
#define KMC_NODEBUG 2
#define KMEM_CACHE_MAGIC 'hcmk' //~ kmch magic
#define KMEM_SLAB_MAGIC 'bals' //~ slab magic
#define KMEM_REDZONE 0xFEEDFACE
typedef int (*kmem_ctor_t)(void *, void *, int);
typedef void (*kmem_dtor_t)(void *, void *);
typedef struct kmem_magazine { struct kmem_magazine *next; int rounds; void *round[15]; } kmem_magazine_t;
typedef struct kmem_cpu_cache { kmem_magazine_t *loaded, *previous; ULONG_PTR lock; } kmem_cpu_cache_t;
typedef struct kmem_cache {
  uint32_t magic;
  uint32_t pool_tag;
  char name[32];
  size_t bufsize, slabsize;
  kmem_ctor_t ctor;
  kmem_dtor_t dtor;
  void *private;
  vmem_t *arena;
  int flags;
  list_node_t partial, link;
  kmem_cpu_cache_t cpu[4];
} kmem_cache_t;
typedef struct { list_node_t link; uint32_t magic; kmem_cache_t *cache; void *base, *freelist; long refs; } kmem_slab_t;

static list_node_t kmem_caches;
static kmem_cache_t *kmem_slab_cache, *kmem_magazine_cache;

static kmem_slab_t *kmem_slab_create(kmem_cache_t *cp, int flags) {
  kmem_slab_t *sp;
  uint8_t *buf;
  void *slab = cp->arena ? vmem_alloc(cp->arena, cp->slabsize, flags) : ExAllocatePoolWithTag(NonPagedPoolNx, cp->slabsize, cp->pool_tag);
  if (slab == NULL) return NULL;
  sp = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(kmem_slab_t), 'lSmk'); //= kmSl allocation-call direct
  if (sp == NULL) {
    if (cp->arena) vmem_free(cp->arena, slab, cp->slabsize);
    else ExFreePoolWithTag(slab, cp->pool_tag);
    return NULL;
  }
  sp->magic = KMEM_SLAB_MAGIC;
  sp->cache = cp;
  sp->base = slab;
  sp->refs = 0;
  sp->freelist = NULL;
  for (buf = slab; buf + cp->bufsize <= (uint8_t *)slab + cp->slabsize; buf += cp->bufsize) {
    *(void **)buf = sp->freelist;
    sp->freelist = buf;
  }
  list_insert_tail(&cp->partial, &sp->link);
  return sp;
}
NOINLINE static void *kmem_cache_alloc(kmem_cache_t *cp, int flags) {
  kmem_cpu_cache_t *cpu = &cp->cpu[(flags >> 16) & 3];
  kmem_slab_t *sp;
  void *buf;
  if (cpu->loaded && cpu->loaded->rounds > 0) return cpu->loaded->round[--cpu->loaded->rounds];
  if (cpu->previous && cpu->previous->rounds > 0) {
    kmem_magazine_t *m = cpu->loaded;
    cpu->loaded = cpu->previous;
    cpu->previous = m;
    return cpu->loaded->round[--cpu->loaded->rounds];
  }
  sp = (kmem_slab_t *)cp->partial.Flink;
  if (&sp->link == &cp->partial || sp->freelist == NULL) sp = kmem_slab_create(cp, flags);
  if (sp == NULL || sp->magic != KMEM_SLAB_MAGIC) return NULL;
  buf = sp->freelist;
  sp->freelist = *(void **)buf;
  sp->refs++;
  if (cp->ctor && cp->ctor(buf, cp->private, flags) != 0) return NULL;
  return buf;
}
NOINLINE static void kmem_cache_free(kmem_cache_t *cp, void *buf) {
  kmem_cpu_cache_t *cpu = &cp->cpu[((ULONG_PTR)buf >> 12) & 3];
  if (cp->magic != KMEM_CACHE_MAGIC) KeBugCheckEx('bmmk', (ULONG_PTR)cp, (ULONG_PTR)buf, 0, 0); //~ kmmb bug-check
  if (!cpu->loaded && !(cp->flags & KMC_NOMAGAZINE)) {
    cpu->loaded = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(kmem_magazine_t), 'gMmk'); //= kmMg allocation-call direct
    if (cpu->loaded) cpu->loaded->rounds = 0;
  }
  if (cpu->loaded && cpu->loaded->rounds < 15) {
    cpu->loaded->round[cpu->loaded->rounds++] = buf;
    return;
  }
  if (cp->dtor) cp->dtor(buf, cp->private);
  *(void **)buf = ((kmem_slab_t *)cp->partial.Flink)->freelist;
  ((kmem_slab_t *)cp->partial.Flink)->freelist = buf;
}

/* A cache without an arena has its own pool: tagged by the first four letters of its name, so that poolmon tells them apart. */
static kmem_cache_t *kmem_cache_create(const char *name, size_t bufsize, kmem_ctor_t ctor, kmem_dtor_t dtor, void *private, vmem_t *arena, int cflags) {
  kmem_cache_t *cp = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(kmem_cache_t), 'hCmk'); //= kmCh allocation-call direct
  size_t i;
  if (cp == NULL) return NULL;
  memset(cp, 0, sizeof(*cp));
  cp->magic = KMEM_CACHE_MAGIC;
  cp->pool_tag = *(const uint32_t *)name;
  for (i = 0; name[i] && i < sizeof(cp->name) - 1; i++) cp->name[i] = name[i];
  cp->bufsize = (bufsize + 15) & ~(size_t)15;
  cp->slabsize = cp->bufsize < 512 ? 4096 : cp->bufsize * 8;
  cp->ctor = ctor;
  cp->dtor = dtor;
  cp->private = private;
  cp->arena = arena;
  cp->flags = cflags;
  list_create(&cp->partial);
  list_insert_tail(&kmem_caches, &cp->link);
  return cp;
}

/* ---- spl: strings, condition variables, threads ------------------------------------------------------------------------------------ */

static size_t strlen_(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
static char *spl_strdup(const char *s) {
  size_t n = strlen_(s) + 1;
  char *p = ExAllocatePoolWithTag(PagedPool, n, 'tSlp'); //= plSt allocation-call wrapper-fixed
  if (p) memcpy(p, s, n);
  return p;
}
static void spl_strfree(char *s) { ExFreePoolWithTag(s, 'tSlp'); }

typedef void (*thread_func_t)(void *);
typedef struct { thread_func_t func; void *arg; } thread_start_t;
static void CALL thread_start(PVOID context) {
  thread_start_t start = *(thread_start_t *)context;
  ExFreePoolWithTag(context, 'hTlp');
  start.func(start.arg);
}
static int thread_create(thread_func_t func, void *arg) {
  HANDLE handle;
  thread_start_t *start = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*start), 'hTlp'); //= plTh allocation-call direct
  if (!start) return ENOMEM;
  start->func = func;
  start->arg = arg;
  if (PsCreateSystemThread(&handle, 0x1FFFFF, NULL, NULL, NULL, thread_start, start) < 0) {
    ExFreePoolWithTag(start, 'hTlp');
    return EINVAL;
  }
  ZwClose(handle);
  return 0;
}

/* ---- spl: task queues ---------------------------------------------------------------------------------------------------------------- */

#define TASKQ_MAGIC 0x51544B53 //~ SKTQ magic
typedef struct taskq_ent { list_node_t link; thread_func_t func; void *arg; uint32_t flags; } taskq_ent_t;
typedef struct { uint32_t magic; char name[16]; list_node_t tasks; ULONG_PTR event[4]; int threads, stop; kmem_cache_t *entries; } taskq_t;
static kmem_cache_t *taskq_ent_cache, *taskq_cache;
static taskq_t *system_taskq, *zio_taskq[3];

static void taskq_worker(void *arg) {
  taskq_t *tq = arg;
  while (!tq->stop) {
    taskq_ent_t *t = (taskq_ent_t *)list_remove_head(&tq->tasks);
    if (t == NULL) {
      KeWaitForSingleObject(tq->event, 0, 0, FALSE, NULL);
      continue;
    }
    t->func(t->arg);
    kmem_cache_free(taskq_ent_cache, t);
  }
}
NOINLINE static taskq_t *taskq_create(const char *name, int threads) {
  taskq_t *tq = kmem_cache_alloc(taskq_cache, KM_SLEEP);
  int i;
  if (tq == NULL) return NULL;
  memset(tq, 0, sizeof(*tq));
  tq->magic = TASKQ_MAGIC;
  memcpy(tq->name, name, strlen_(name) & 15);
  list_create(&tq->tasks);
  KeInitializeEvent(tq->event, 1, FALSE);
  for (i = 0; i < threads; i++) if (thread_create(taskq_worker, tq) == 0) tq->threads++;
  return tq;
}
NOINLINE static int taskq_dispatch(taskq_t *tq, thread_func_t func, void *arg, int flags) {
  taskq_ent_t *t;
  if (tq->magic != TASKQ_MAGIC) return EINVAL;
  t = kmem_cache_alloc(taskq_ent_cache, flags);
  if (t == NULL) return ENOMEM;
  t->func = func;
  t->arg = arg;
  list_insert_tail(&tq->tasks, &t->link);
  KeSetEvent(tq->event, 0, FALSE);
  return 0;
}

/* ---- nvpair: lists of properties, whose memory functions are a table --------------------------------------------------------------------- */

typedef struct nv_alloc nv_alloc_t;
typedef struct { int (*init)(nv_alloc_t *, size_t); void (*fini)(nv_alloc_t *); void *(*alloc)(nv_alloc_t *, size_t); void (*free)(nv_alloc_t *, void *, size_t); } nv_alloc_ops_t;
struct nv_alloc { const nv_alloc_ops_t *ops; void *arg; };
typedef struct nvpair { struct nvpair *next; int type; uint64_t value; char name[1]; } nvpair_t;
typedef struct { uint32_t version, flags; nv_alloc_t *nva; nvpair_t *first; } nvlist_t;
typedef struct { uint8_t *base; size_t used, size; } nv_fixed_t;

static int nv_system_init(nv_alloc_t *nva, size_t n) { return 0; }
static void nv_system_fini(nv_alloc_t *nva) { }
static void *nv_sleep_alloc(nv_alloc_t *nva, size_t size) { return ExAllocatePoolWithTag(PagedPool, size, 'sVvn'); } //= nvVs any operations-table
static void *nv_nosleep_alloc(nv_alloc_t *nva, size_t size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'nVvn'); } //= nvVn any operations-table
static void nv_system_free(nv_alloc_t *nva, void *p, size_t size) { ExFreePoolWithTag(p, 0); }
static int nv_fixed_init(nv_alloc_t *nva, size_t size) {
  nv_fixed_t *fixed = ExAllocatePoolWithTag(PagedPool, sizeof(nv_fixed_t) + size, 'fVvn'); //= nvVf any operations-table
  if (!fixed) return ENOMEM;
  fixed->base = (uint8_t *)(fixed + 1);
  fixed->used = 0;
  fixed->size = size;
  nva->arg = fixed;
  return 0;
}
static void nv_fixed_fini(nv_alloc_t *nva) { ExFreePoolWithTag(nva->arg, 'fVvn'); nva->arg = NULL; }
static void *nv_fixed_alloc(nv_alloc_t *nva, size_t size) {
  nv_fixed_t *fixed = nva->arg;
  void *p = fixed->base + fixed->used;
  if (fixed->used + size > fixed->size) return NULL;
  fixed->used += (size + 7) & ~(size_t)7;
  return p;
}
static void nv_fixed_free(nv_alloc_t *nva, void *p, size_t size) { }
static const nv_alloc_ops_t nv_sleep_ops = {nv_system_init, nv_system_fini, nv_sleep_alloc, nv_system_free};
static const nv_alloc_ops_t nv_nosleep_ops = {nv_system_init, nv_system_fini, nv_nosleep_alloc, nv_system_free};
static const nv_alloc_ops_t nv_fixed_ops = {nv_fixed_init, nv_fixed_fini, nv_fixed_alloc, nv_fixed_free};
static nv_alloc_t nv_alloc_sleep_def = {&nv_sleep_ops}, nv_alloc_nosleep_def = {&nv_nosleep_ops};
static nv_alloc_t *const nv_alloc_sleep = &nv_alloc_sleep_def;
static nv_alloc_t *const nv_alloc_nosleep = &nv_alloc_nosleep_def;

static int nv_alloc_init(nv_alloc_t *nva, const nv_alloc_ops_t *ops, size_t size) {
  nva->ops = ops;
  nva->arg = NULL;
  return ops->init(nva, size);
}
NOINLINE static int nvlist_xalloc(nvlist_t **nvlp, uint32_t flags, nv_alloc_t *nva) {
  nvlist_t *nvl = nva->ops->alloc(nva, sizeof(nvlist_t));
  if (nvl == NULL) return ENOMEM;
  memset(nvl, 0, sizeof(*nvl));
  nvl->flags = flags;
  nvl->nva = nva;
  *nvlp = nvl;
  return 0;
}
static int nvlist_alloc(nvlist_t **nvlp, uint32_t flags, int kmflags) {
  return nvlist_xalloc(nvlp, flags, kmflags == KM_SLEEP ? nv_alloc_sleep : nv_alloc_nosleep);
}
NOINLINE static int nvlist_add_uint64(nvlist_t *nvl, const char *name, uint64_t value) {
  size_t n = strlen_(name);
  nvpair_t *nvp = nvl->nva->ops->alloc(nvl->nva, sizeof(nvpair_t) + n);
  if (nvp == NULL) return ENOMEM;
  memcpy(nvp->name, name, n + 1);
  nvp->type = 8;
  nvp->value = value;
  nvp->next = nvl->first;
  nvl->first = nvp;
  return 0;
}
static void nvlist_free(nvlist_t *nvl) {
  nvpair_t *nvp;
  while ((nvp = nvl->first) != NULL) {
    nvl->first = nvp->next;
    nvl->nva->ops->free(nvl->nva, nvp, sizeof(*nvp));
  }
  nvl->nva->ops->free(nvl->nva, nvl, sizeof(*nvl));
}

/* ---- arc ------------------------------------------------------------------------------------------------------------------------------------ */

typedef enum { ARC_BUFC_DATA, ARC_BUFC_METADATA, ARC_BUFC_TYPES } arc_type_t;
typedef struct arc_hdr { list_node_t link; uint32_t magic; arc_type_t type; uint64_t dva, birth; void *data; size_t size; uint64_t *freeze_cksum; } arc_hdr_t;
#define ARC_MAGIC 'HcrA' //~ ArcH magic
static kmem_cache_t *hdr_full_cache, *arc_buf_cache, *zio_cache, *zio_link_cache, *zio_data_cache[4], *zio_meta_cache[4], *dnode_cache, *abd_cache;
static list_node_t arc_mru;
static arc_hdr_t **arc_hash;

static int hdr_cons(void *buf, void *unused, int flags) { memset(buf, 0, sizeof(arc_hdr_t)); ((arc_hdr_t *)buf)->magic = ARC_MAGIC; return 0; }
static void hdr_dest(void *buf, void *unused) { ((arc_hdr_t *)buf)->magic = 'DAED'; } //~ DEAD magic
NOINLINE static void *zio_buf_alloc(size_t size) { return kmem_cache_alloc(zio_data_cache[(size >> 9) & 3], KM_PUSHPAGE); }
NOINLINE static void *zio_meta_alloc(size_t size) { return kmem_cache_alloc(zio_meta_cache[(size >> 9) & 3], KM_PUSHPAGE | KM_PAGED); }
typedef struct arc_buf { struct arc_buf *next; arc_hdr_t *hdr; void *private; } arc_buf_t;
static arc_buf_t *arc_bufs;
static void arc_buf_add(arc_hdr_t *hdr, void *private) {
  arc_buf_t *buf = kmem_cache_alloc(arc_buf_cache, KM_PUSHPAGE);
  if (buf == NULL) return;
  buf->hdr = hdr;
  buf->private = private;
  buf->next = arc_bufs;
  arc_bufs = buf;
}
NOINLINE static arc_hdr_t *arc_hdr_alloc(uint64_t dva, size_t size, arc_type_t type) {
  arc_hdr_t *hdr = kmem_cache_alloc(hdr_full_cache, KM_PUSHPAGE);
  if (hdr == NULL) return NULL;
  hdr->type = type;
  hdr->dva = dva;
  hdr->size = size;
  hdr->data = type == ARC_BUFC_METADATA ? zio_meta_alloc(size) : zio_buf_alloc(size);
  hdr->freeze_cksum = ExAllocatePoolWithTag(NonPagedPoolNx, 32, type == ARC_BUFC_METADATA ? 'mKra' : 'dKra'); //= arKm any ternary //= arKd any ternary
  list_insert_tail(&arc_mru, &hdr->link);
  arc_buf_add(hdr, hdr->data);
  arc_hash[(uint32_t)dva & 255] = hdr;
  return hdr;
}
static int arc_init(void) {
  arc_hash = kmem_zalloc(256 * sizeof(void *), KM_SLEEP);
  list_create(&arc_mru);
  hdr_full_cache = kmem_cache_create("Arch_hdr_full", sizeof(arc_hdr_t), hdr_cons, hdr_dest, NULL, NULL, 0); //= Arch any object-field-deep
  arc_buf_cache = kmem_cache_create("Buft_arc_buf", sizeof(arc_buf_t), NULL, NULL, NULL, NULL, 0); //= Buft any object-field-deep
  return arc_hash && hdr_full_cache && arc_buf_cache ? 0 : ENOMEM;
}

/* ---- zio: a pipeline of stages ---------------------------------------------------------------------------------------------------------------- */

typedef struct zio zio_t;
typedef zio_t *(*zio_pipe_stage_t)(zio_t *);
typedef struct { void *data; size_t size; void (*pop)(zio_t *, void *, size_t); } zio_transform_t;
struct zio { uint32_t magic; int type, stage, error; uint32_t pipeline; arc_hdr_t *hdr; void *data, *orig; size_t size; zio_transform_t transform; void *vsd; PVOID irp; };
typedef struct { void *(*start)(size_t); void (*finish)(void *); int (*run)(void *, void *, size_t); const char *name; } zio_compress_info_t;

static void *lz4_start(size_t n) { return ExAllocatePoolWithTag(NonPagedPoolNx, 0x4000, '4zlZ'); } //= Zlz4 allocation-call operations-table
static void *gzip_start(size_t n) { return ExAllocatePoolWithTag(PagedPool, n + 0x8000, 'pzgZ'); } //= Zgzp allocation-call operations-table
static void *zstd_start(size_t n) { return kmem_alloc(n * 2, KM_NOSLEEP); }
static void pool_finish(void *p) { ExFreePool(p); }
static int fold_run(void *work, void *data, size_t n) { size_t i; for (i = 0; i < n; i++) ((uint8_t *)work)[i & 1023] ^= ((uint8_t *)data)[i]; return *(int *)work; }
static const zio_compress_info_t zio_compress_table[] = {
  {NULL, NULL, NULL, "off"}, {lz4_start, pool_finish, fold_run, "lz4"}, {gzip_start, pool_finish, fold_run, "gzip"}, {zstd_start, NULL, fold_run, "zstd"},
};

static void zio_decompress_pop(zio_t *zio, void *data, size_t size) { memcpy(zio->orig, data, size < zio->size ? size : zio->size); }
static zio_t *zio_read_bp_init(zio_t *zio) {
  if (zio->hdr && zio->hdr->type == ARC_BUFC_DATA) {
    zio->transform.data = zio_buf_alloc(zio->size);
    zio->transform.size = zio->size;
    zio->transform.pop = zio_decompress_pop;
  }
  return zio;
}
static zio_t *zio_write_compress(zio_t *zio) {
  const zio_compress_info_t *ci = &zio_compress_table[(zio->pipeline >> 24) & 3];
  void *work;
  if (ci->start == NULL) return zio;
  work = ci->start(zio->size);
  if (work == NULL) { zio->error = ENOMEM; return zio; }
  if (ci->run(work, zio->data, zio->size) == 'lluN') zio->error = EINVAL; //~ Null magic
  if (ci->finish) ci->finish(work);
  return zio;
}
static zio_t *zio_checksum_generate(zio_t *zio) {
  uint64_t *ck = ExAllocatePoolWithTag(NonPagedPoolNx, 40, 'kCiz'); //= ziCk any operations-table
  if (ck == NULL) { zio->error = ENOMEM; return zio; }
  ck[0] = zio->size;
  ck[4] = 'GEZ!'; //~ !ZEG magic
  zio->vsd = ck;
  return zio;
}
static zio_t *zio_vdev_io_start(zio_t *zio) {
  zio->irp = IoAllocateIrp(4, FALSE);
  if (zio->irp == NULL) zio->error = EINVAL;
  return zio->irp ? NULL : zio;
}
static zio_t *zio_done(zio_t *zio) {
  if (zio->transform.pop) zio->transform.pop(zio, zio->transform.data, zio->transform.size);
  if (zio->vsd) ExFreePoolWithTag(zio->vsd, 'kCiz');
  kmem_cache_free(zio_cache, zio);
  return NULL;
}
static zio_pipe_stage_t const zio_pipeline[] = {NULL, zio_read_bp_init, zio_write_compress, zio_checksum_generate, zio_vdev_io_start, zio_done};

static void zio_execute(void *arg) {
  zio_t *zio = arg;
  while (zio != NULL && zio->stage < 6) {
    int stage = zio->stage;
    do stage++; while (stage < 5 && !(zio->pipeline & (1u << stage)));
    zio->stage = stage;
    zio = zio_pipeline[stage](zio);
  }
}
NOINLINE static int zio_create(arc_hdr_t *hdr, void *data, size_t size, int type) {
  zio_t *zio = kmem_cache_alloc(zio_cache, KM_SLEEP);
  if (zio == NULL) return ENOMEM;
  memset(zio, 0, sizeof(*zio));
  zio->magic = '_oiz'; //~ zio_ magic
  zio->hdr = hdr;
  zio->data = data;
  zio->size = size;
  zio->type = type;
  zio->pipeline = type ? 0x0200003E : 0x32;
  return taskq_dispatch(zio_taskq[type % 3], zio_execute, zio, KM_NOSLEEP);
}
static void zio_init(void) {
  int c;
  zio_cache = kmem_cache_create("Zioc_cache", sizeof(zio_t), NULL, NULL, NULL, NULL, 0); //= Zioc any object-field-deep
  zio_link_cache = kmem_cache_create("Ziol_link", 32, NULL, NULL, NULL, heap_arena, KMC_NOMAGAZINE); //~ Ziol text
  for (c = 0; c < 4; c++) {
    char name[16] = "buf_data_0000"; //? buf_ kept as the tag of caches whose arena is never NULL: only a check in another function says so
    name[9] = (char)('1' + c);
    zio_data_cache[c] = kmem_cache_create(name, (size_t)512 << c, NULL, NULL, NULL, zio_arena, KMC_NODEBUG);
    zio_meta_cache[c] = kmem_cache_create(name, (size_t)512 << c, NULL, NULL, NULL, zio_metadata_arena, KMC_NODEBUG);
  }
}

/* ---- dnodes, dsl ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { list_node_t link; uint64_t object; uint32_t type, levels; arc_hdr_t *dbuf; void *bonus; void (*evict)(void *); } dnode_t;
typedef struct { const char *name; uint32_t code; size_t bonus; uint32_t tag; } dmu_object_type_t;
static const dmu_object_type_t dmu_ot[] = {
  {"plain file", 'nlpF', 168, 'lPmd'}, //= dmPl any tag-table //~ Fpln not-an-allocator
  {"directory", 'riDF', 264, 'iDmd'}, //= dmDi any tag-table //~ FDir not-an-allocator
  {"master", 'tsmF', 64, 'sMmd'}, //= dmMs any tag-table //~ Fmst not-an-allocator
};
static dnode_t *dnode_slots[64];

static int dnode_cons(void *buf, void *unused, int flags) { memset(buf, 0, sizeof(dnode_t)); return 0; }
NOINLINE static dnode_t *dnode_create(uint64_t object, uint32_t type) {
  dnode_t *dn;
  if (type >= sizeof(dmu_ot) / sizeof(dmu_ot[0])) return NULL;
  dn = kmem_cache_alloc(dnode_cache, KM_SLEEP);
  if (dn == NULL) return NULL;
  dn->object = object;
  dn->type = dmu_ot[type].code;
  dn->bonus = ExAllocatePoolWithTag(PagedPool, dmu_ot[type].bonus, dmu_ot[type].tag);
  dn->dbuf = arc_hdr_alloc(object, 4096, type == 2 ? ARC_BUFC_METADATA : ARC_BUFC_DATA);
  dnode_slots[(uint32_t)object & 63] = dn;
  return dn;
}

/* ---- zvol: requests of Windows ------------------------------------------------------------------------------------------------------------------------ */

typedef struct zvol_state { struct zvol_state *next; char *name; uint64_t size, cookie; dnode_t *dn; list_node_t pending; LOOKASIDE requests; } zvol_state_t;
typedef struct { list_node_t link; zvol_state_t *zv; IRP *irp; uint64_t offset; uint32_t length; } zv_request_t;
static zvol_state_t *zvol_list;
static ULONG zvol_volblock = 'klbv'; //~ vblk magic

static void zvol_strategy(void *arg) {
  zv_request_t *rq = arg;
  void *buffer = ExAllocatePool2(POOL_FLAG_NON_PAGED, rq->length, 'fBvz'); //= zvBf allocation-call direct
  if (buffer) {
    zio_create(rq->zv->dn->dbuf, buffer, rq->length, rq->irp->Stack->Major == 4);
    rq->irp->Information = rq->length;
    ExFreePoolWithTag(buffer, 'fBvz');
  }
  rq->irp->Status = buffer ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  IoCompleteRequest(rq->irp, 0);
  ExpInterlockedPushEntrySList(&rq->zv->requests, rq);
}
NOINLINE static int zvol_create(const char *name, uint64_t size, uint32_t type) {
  zvol_state_t *zv = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(zvol_state_t), 'tSvz'); //= zvSt allocation-call direct
  if (!zv) return ENOMEM;
  zv->name = spl_strdup(name);
  zv->size = size;
  zv->dn = dnode_create(size >> 9, type);
  if (!zv->dn) {
    spl_strfree(zv->name);
    ExFreePoolWithTag(zv, 'tSvz');
    return ENOMEM;
  }
  zv->cookie = zvol_volblock;
  list_create(&zv->pending);
  ExInitializeNPagedLookasideList(&zv->requests, NULL, NULL, 512, sizeof(zv_request_t), 'qRvz', 0); //= zvRq lookaside-init lookaside
  zv->next = zvol_list;
  zvol_list = zv;
  return 0;
}
static NTSTATUS CALL zvol_read_write(DEVICE_OBJECT *device, IRP *irp) {
  zvol_state_t *zv = zvol_list;
  zv_request_t *rq;
  if (zv == NULL) return STATUS_NOT_SUPPORTED;
  rq = ExpInterlockedPopEntrySList(&zv->requests);
  if (rq == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  rq->zv = zv;
  rq->irp = irp;
  rq->length = (uint32_t)irp->Information;
  return taskq_dispatch(system_taskq, zvol_strategy, rq, KM_NOSLEEP) ? STATUS_INSUFFICIENT_RESOURCES : 0x103;
}

/* ---- spa: labels and features -------------------------------------------------------------------------------------------------------------------------- */

typedef struct { uint64_t magic; uint64_t guid, txg; char pool[32]; nvlist_t *config; } spa_label_t;
NOINLINE static int spa_import(const char *pool, int flags) {
  nv_alloc_t fixed;
  nvlist_t *nvl, *scratch, *errors = NULL;
  spa_label_t *label = ExAllocatePoolWithTagPriority(PagedPool, 0x1C000, 'bLas', 32); //= saLb allocation-call direct
  int error;
  if (!label) return ENOMEM;
  memset(label, 0, 256);
  error = nvlist_alloc(&nvl, 1, KM_SLEEP);
  if (error == 0) error = nvlist_alloc(&errors, 0, flags);
  if (error == 0 && (error = nv_alloc_init(&fixed, &nv_fixed_ops, 8192)) == 0) {
    error = nvlist_xalloc(&scratch, 0, &fixed);
    if (error == 0) error = nvlist_add_uint64(scratch, "version", 5000);
    fixed.ops->fini(&fixed);
  }
  if (error == 0) error = nvlist_add_uint64(nvl, "pool_guid", label->guid);
  if (error == 0) error = nvlist_add_uint64(errors, "hostid", 'TSOH'); //~ HOST magic
  if (errors) nvlist_free(errors);
  if (label->magic == 0x00BAB10C) dprintf("%s: %s\n", pool, "BADL"); //~ BADL text
  if ((uint32_t)label->magic == 'KCBU') error = EINVAL; //~ UBCK magic
  label->config = nvl;
  ExFreePoolWithTag(label, 'bLas');
  return error;
}

/* ---- mount points on Windows' side ------------------------------------------------------------------------------------------------------------------------ */

typedef struct { ULONG Type; DEVICE_OBJECT *Device, *Real; UNICODE_STRING Name, Mountdev; ULONG_PTR Resource[16]; list_node_t Dirs; PVOID Ecp; } mount_t;
typedef struct { list_node_t link; ULONG type; mount_t *zmo; UNICODE_STRING name; PVOID lock; } zfs_dirlist_t;
#define MOUNT_TYPE_DCB 'BCDM' //~ MDCB magic
#define MOUNT_TYPE_VCB 'BCVM' //~ MVCB magic
static UCHAR ecp_lookaside[256];
static LOOKASIDE dirlist_lookaside, name_lookaside;
static const GUID ecp_guid = {0x4F5A4653, 0x1D2E, 0x4A61, {'Z', 'f', 'E', 'c', 'p', 'G', '0', '1'}}; //~ SFZO guid //~ ZfEc guid

static PVOID CALL name_allocate(ULONG type, SIZE_T size, ULONG tag) { return ExAllocatePoolWithQuotaTag(type | 8, size, 'mNfz'); } //= zfNm any callback
static void CALL name_free(PVOID p) { ExFreePool(p); }
NOINLINE static NTSTATUS mount_set_name(UNICODE_STRING *to, const UNICODE_STRING *from, ULONG tag) {
  to->MaximumLength = from->Length + 2;
  to->Buffer = FsRtlAllocatePoolWithTag(PagedPool, to->MaximumLength, tag);
  return RtlCopyUnicodeString(to, from);
}
NOINLINE static NTSTATUS mount_add(DRIVER_OBJECT *driver, const UNICODE_STRING *name) {
  DEVICE_OBJECT *device;
  mount_t *zmo;
  zfs_dirlist_t *dir;
  NTSTATUS status = IoCreateDevice(driver, sizeof(mount_t), NULL, 8, 0, FALSE, &device);
  if (status < 0) return status;
  zmo = device->Extension;
  zmo->Type = MOUNT_TYPE_VCB;
  list_create(&zmo->Dirs);
  ExInitializeResourceLite(zmo->Resource);
  status = mount_set_name(&zmo->Name, name, 'nMfz'); //= zfMn any wrapper
  if (status >= 0) status = mount_set_name(&zmo->Mountdev, name, 'dMfz'); //= zfMd any wrapper
  if (status >= 0) status = FsRtlAllocateExtraCreateParameter(&ecp_guid, 48, 0, NULL, 'pEfz', &zmo->Ecp); //= zfEp allocation-call direct
  dir = status >= 0 ? ExpInterlockedPopEntrySList(&dirlist_lookaside) : NULL;
  if (dir == NULL) {
    if (zmo->Name.Buffer) ExFreePoolWithTag(zmo->Name.Buffer, 'nMfz');
    IoDeleteDevice(device);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  dir->type = MOUNT_TYPE_DCB;
  dir->zmo = zmo;
  dir->lock = FsRtlAllocateAePushLock(NonPagedPool, 'kLfz'); //= zfLk any direct
  list_insert_tail(&zmo->Dirs, &dir->link);
  return STATUS_SUCCESS;
}

static DRIVER_OBJECT *WIN_DriverObject;
static NTSTATUS CALL ioctl_dispatch(DEVICE_OBJECT *device, IRP *irp) {
  ULONG *in = irp->SystemBuffer;
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  IO_STACK *stack = irp->Stack;
  switch (in[0]) {
    case 'tMsF': status = mount_add(WIN_DriverObject, (UNICODE_STRING *)(in + 4)); break; //~ FsMt magic
    case 'lVsF': status = zvol_create((char *)(in + 4), in[1], in[2]); break; //~ FsVl magic
    case 'mIsF': status = spa_import((char *)(in + 4), (int)in[1]); break; //~ FsIm magic
  }
  ObDereferenceObjectDeferDeleteWithTag(device, 'fSFz'); //~ zFSf object-tag
  irp->Status = stack->Minor ? status : -status;
  IoCompleteRequest(irp, 0);
  return irp->Status;
}

INIT_CODE_SECTION static int spl_init(void) {
  list_create(&vmem_list);
  list_create(&segment_list);
  list_create(&kmem_caches);
  KeInitializeSpinLock(&segment_lock);
  heap_arena = vmem_create("heap", 4096, osif_malloc, osif_free, NULL, 'pHlp'); //= plHp any object-field-deep
  if (!heap_arena) return ENOMEM;
  zio_arena = vmem_create("zfs_file_data", 4096, osif_malloc, osif_free, heap_arena, 0);
  zio_metadata_arena = vmem_create("zfs_metadata", 4096, osif_malloc, osif_free, NULL, 'dMzf'); //= fzMd any object-field-deep
  taskq_cache = kmem_cache_create("Tskq_cache", sizeof(taskq_t), NULL, NULL, NULL, NULL, 0); //= Tskq any object-field-deep
  taskq_ent_cache = kmem_cache_create("Tske_ent_cache", sizeof(taskq_ent_t), NULL, NULL, NULL, NULL, 0); //= Tske any object-field-deep
  dnode_cache = kmem_cache_create("Dnod_t", sizeof(dnode_t), dnode_cons, NULL, NULL, NULL, 0); //= Dnod any object-field-deep
  return zio_arena && zio_metadata_arena && taskq_cache && taskq_ent_cache && dnode_cache ? 0 : ENOMEM;
}
INIT_CODE_SECTION NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  static const char *const names[] = {"z_null", "z_read", "z_write"};
  int i;
  WIN_DriverObject = driver;
  if (spl_init() != 0) return STATUS_INSUFFICIENT_RESOURCES;
  system_taskq = taskq_create("system", 4);
  for (i = 0; i < 3; i++) zio_taskq[i] = taskq_create(names[i], i + 1);
  if (!system_taskq || arc_init() != 0) return STATUS_INSUFFICIENT_RESOURCES;
  zio_init();
  FsRtlInitExtraCreateParameterLookasideList(ecp_lookaside, 0, 48, 'lEfz'); //= zfEl any lookaside
  ExInitializePagedLookasideList(&dirlist_lookaside, NULL, NULL, 0, sizeof(zfs_dirlist_t), 'lDfz', 0); //= zfDl lookaside-init lookaside
  ExInitializePagedLookasideList(&name_lookaside, name_allocate, name_free, 0, 512, 'lNfz', 0); //? zfNl a lookaside with its own allocate
  driver->Major[3] = driver->Major[4] = zvol_read_write;
  driver->Major[14] = ioctl_dispatch;
  return STATUS_SUCCESS;
}
