// A replicated block device that was ported from Linux: a layer that gives kmalloc and its like a tag, caches and memory pools as
// objects, worker threads, sockets over a provider's dispatch table, a bitmap, messages to user space, transports as classes with
// operations, and one global list of devices.
#include "kernel.h"

typedef UCHAR u8;
typedef USHORT u16;
typedef ULONG u32;
typedef ULONGLONG u64;
typedef ULONGLONG sector_t;
typedef ULONG gfp_t;

#define GFP_KERNEL 0x01
#define GFP_NOIO 0x02
#define GFP_ATOMIC 0x04
#define __GFP_ZERO 0x10
#define __GFP_PAGED 0x20
#define PAGE_SIZE 4096
#define PAGE_SHIFT 12
#define ENOMEM 12
#define EINVAL 22
#define EPROTO 71
#define ENOTSUPP 95
#define MAX_MINORS 64
#define container_of(p, type, member) ((type *)((u8 *)(p) - (ULONG_PTR) & ((type *)0)->member))

/* --- lists, references, locks ------------------------------------------------------------------------------------------------- */
struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define list_for_each_entry(pos, head, type, member) \
  for (pos = container_of((head)->next, type, member); &pos->member != (head); pos = container_of(pos->member.next, type, member))

static inline void INIT_LIST_HEAD(struct list_head *head) { head->next = head->prev = head; }
static inline void list_add_tail(struct list_head *entry, struct list_head *head) {
  entry->prev = head->prev;
  entry->next = head;
  head->prev->next = entry;
  head->prev = entry;
}
static inline void list_del(struct list_head *entry) {
  entry->prev->next = entry->next;
  entry->next->prev = entry->prev;
  entry->next = entry->prev = NULL;
}
static inline int list_empty(const struct list_head *head) { return head->next == head; }

struct kref { volatile LONG refcount; };
static inline void kref_init(struct kref *kref) { kref->refcount = 1; }
static inline void kref_get(struct kref *kref) { __sync_add_and_fetch(&kref->refcount, 1); }
static inline int kref_put(struct kref *kref, void (*release)(struct kref *)) {
  if (__sync_sub_and_fetch(&kref->refcount, 1) != 0) return 0;
  release(kref);
  return 1;
}

typedef struct { ULONG_PTR lock; UCHAR irql; u32 magic; } spinlock_t;
#define SPINLOCK_MAGIC 'kcLS' //~ SLck magic
static void spin_lock_init(spinlock_t *lock) {
  KeInitializeSpinLock(&lock->lock);
  lock->magic = SPINLOCK_MAGIC;
}
static void spin_lock_irq(spinlock_t *lock) {
  if (lock->magic != SPINLOCK_MAGIC) KeBugCheckEx(0xE2, (ULONG_PTR)lock, 'kcoL', 0, 0); //~ Lock bug-check
  lock->irql = KeAcquireSpinLockRaiseToDpc(&lock->lock);
}
static void spin_unlock_irq(spinlock_t *lock) { KeReleaseSpinLock(&lock->lock, lock->irql); }

/* --- memory ----------------------------------------------------------------------------------------------------------------------- */
typedef PVOID(CALL *ALLOCATE_POOL2)(ULONG64 flags, SIZE_T size, ULONG tag);
static ALLOCATE_POOL2 allocate_pool2;
static volatile LONG kmalloc_calls, vmalloc_calls;

static void memory_init(void) {
  UNICODE_STRING name;
  static const WCHAR text[] = {'E', 'x', 'A', 'l', 'l', 'o', 'c', 'a', 't', 'e', 'P', 'o', 'o', 'l', '2', 0};
  RtlInitUnicodeString(&name, text);
  allocate_pool2 = (ALLOCATE_POOL2)MmGetSystemRoutineAddress(&name);
}

NOINLINE static void *kmalloc(SIZE_T size, gfp_t flags, ULONG tag) {
  ULONG type = flags & __GFP_PAGED ? PagedPool : NonPagedPoolNx;
  void *mem = ExAllocatePoolWithTag(type, size, tag);
  if (!mem) {
    DbgPrint("block-replica: kmalloc of %u bytes failed (tag %x)\n", (u32)size, tag);
    return NULL;
  }
  __sync_add_and_fetch(&kmalloc_calls, 1);
  if (flags & __GFP_ZERO) memset(mem, 0, size);
  return mem;
}
static void *kzalloc(SIZE_T size, gfp_t flags, ULONG tag) { return kmalloc(size, flags | __GFP_ZERO, tag); }
NOINLINE static void *kcalloc(SIZE_T n, SIZE_T size, gfp_t flags, ULONG tag) {
  if (size && n > (SIZE_T)0x7FFFFFFF / size) return NULL;
  return kzalloc(n * size, flags, tag);
}
static void kfree(const void *p) { if (p) ExFreePool((PVOID)p); }
static void kfree_sensitive(void *p, SIZE_T size, ULONG tag) {
  if (!p) return;
  memset(p, 0, size);
  ExFreePoolWithTag(p, tag);
}
NOINLINE static void *krealloc(void *old, SIZE_T old_size, SIZE_T size, gfp_t flags, ULONG tag) {
  void *mem = kmalloc(size, flags, tag);
  if (mem && old) {
    memcpy(mem, old, old_size < size ? old_size : size);
    kfree(old);
  }
  return mem;
}
NOINLINE static void *__vmalloc(SIZE_T size, ULONG tag) {
  __sync_add_and_fetch(&vmalloc_calls, 1);
  if (allocate_pool2) return allocate_pool2(POOL_FLAG_NON_PAGED, size, tag);
  void *mem = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (mem) memset(mem, 0, size);
  return mem;
}
#define vzalloc(size, tag) __vmalloc((size), (tag))
static void vfree(void *p) { kfree(p); }
NOINLINE static char *kstrdup(const char *s, gfp_t flags, ULONG tag) {
  SIZE_T len = 0;
  while (s[len]) len++;
  char *copy = kmalloc(len + 1, flags, tag);
  if (copy) memcpy(copy, s, len + 1);
  return copy;
}

struct page { void *addr; u32 index; u32 flags; struct page *next; };
NOINLINE static struct page *alloc_page(gfp_t flags) {
  struct page *page = kzalloc(sizeof *page, flags, '01RB'); //= BR10 wrapper-call wrapper
  if (!page) return NULL;
  page->addr = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, '11RB'); //= BR11 allocation-call direct
  if (!page->addr) {
    kfree(page);
    return NULL;
  }
  page->flags = 'egaP'; //~ Page magic
  return page;
}
static void __free_page(struct page *page) {
  if (page->flags != 'egaP') return;
  ExFreePoolWithTag(page->addr, '11RB');
  kfree(page);
}

struct kmem_cache { LOOKASIDE cache; const char *name; SIZE_T size; ULONG tag; struct list_head list; };
static struct list_head slab_caches = LIST_HEAD_INIT(slab_caches);
NOINLINE static struct kmem_cache *kmem_cache_create(const char *name, SIZE_T size, SIZE_T align, u32 flags, ULONG tag) {
  struct kmem_cache *s = kzalloc(sizeof *s, GFP_KERNEL, '21RB'); //= BR12 wrapper-call wrapper
  if (!s) return NULL;
  s->name = name;
  s->size = (size + align) & ~(align - 1);
  s->tag = tag;
  ExInitializeNPagedLookasideList(&s->cache, NULL, NULL, flags, s->size, tag, 0);
  list_add_tail(&s->list, &slab_caches);
  return s;
}
static void *kmem_cache_alloc(struct kmem_cache *s, gfp_t flags) {
  void *p = ExpInterlockedPopEntrySList(&s->cache);
  return p ? p : kmalloc(s->size, flags, s->tag);
}
static void kmem_cache_free(struct kmem_cache *s, void *p) { ExpInterlockedPushEntrySList(&s->cache, p); }
static void kmem_cache_destroy(struct kmem_cache *s) {
  if (!s) return;
  ExDeleteNPagedLookasideList(&s->cache);
  list_del(&s->list);
  kfree(s);
}

typedef void *(*mempool_alloc_t)(gfp_t flags, void *pool_data);
typedef void (*mempool_free_t)(void *element, void *pool_data);
typedef struct mempool {
  spinlock_t lock;
  int min_nr, curr_nr;
  void **elements;
  void *pool_data;
  mempool_alloc_t alloc;
  mempool_free_t free;
} mempool_t;
struct kmalloc_pool { SIZE_T size; ULONG tag; };

static void *mempool_alloc(mempool_t *pool, gfp_t flags) {
  void *element = pool->alloc(flags, pool->pool_data);
  if (element) return element;
  spin_lock_irq(&pool->lock);
  if (pool->curr_nr) element = pool->elements[--pool->curr_nr];
  spin_unlock_irq(&pool->lock);
  return element;
}
static void mempool_free(void *element, mempool_t *pool) {
  spin_lock_irq(&pool->lock);
  if (pool->curr_nr < pool->min_nr) {
    pool->elements[pool->curr_nr++] = element;
    element = NULL;
  }
  spin_unlock_irq(&pool->lock);
  if (element) pool->free(element, pool->pool_data);
}
NOINLINE static mempool_t *mempool_create(int min_nr, mempool_alloc_t alloc, mempool_free_t release, void *pool_data) {
  mempool_t *pool = kzalloc(sizeof *pool, GFP_KERNEL, '31RB'); //= BR13 wrapper-call wrapper
  if (!pool) return NULL;
  pool->elements = kcalloc(min_nr, sizeof(void *), GFP_KERNEL, '41RB'); //= BR14 wrapper-call wrapper-two
  if (!pool->elements) {
    kfree(pool);
    return NULL;
  }
  spin_lock_init(&pool->lock);
  pool->min_nr = min_nr;
  pool->pool_data = pool_data;
  pool->alloc = alloc;
  pool->free = release;
  while (pool->curr_nr < min_nr) {
    void *element = pool->alloc(GFP_KERNEL, pool->pool_data);
    if (!element) break;
    pool->elements[pool->curr_nr++] = element;
  }
  return pool;
}
static void *mempool_alloc_slab(gfp_t flags, void *pool_data) { return kmem_cache_alloc(pool_data, flags); }
static void mempool_free_slab(void *element, void *pool_data) { kmem_cache_free(pool_data, element); }
static void *mempool_alloc_pages(gfp_t flags, void *pool_data) { return alloc_page(flags); }
static void mempool_free_pages(void *element, void *pool_data) { __free_page(element); }
static void *mempool_kmalloc(gfp_t flags, void *pool_data) {
  struct kmalloc_pool *data = pool_data;
  return kmalloc(data->size, flags, data->tag);
}
static void mempool_kfree(void *element, void *pool_data) { kfree(element); }
static void mempool_destroy(mempool_t *pool) {
  if (!pool) return;
  while (pool->curr_nr) pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
  kfree(pool->elements);
  kfree(pool);
}

static struct kmem_cache *request_cache, *peer_request_cache, *extent_cache;
static mempool_t *request_mempool, *page_mempool, *md_io_mempool, *auth_mempool;
static struct kmalloc_pool md_io_data = { PAGE_SIZE, '51RB' }; //= BR15 any callback-context
static struct kmalloc_pool auth_data = { 64, '61RB' }; //= BR16 any callback-context

/* --- threads and work queues --------------------------------------------------------------------------------------------------------- */
struct work_struct { struct list_head entry; void (*func)(struct work_struct *); };
struct workqueue_struct { struct list_head items; spinlock_t lock; ULONG_PTR event[4]; HANDLE thread; BOOLEAN run; char name[32]; };
struct task_struct { HANDLE handle; int (*threadfn)(void *); void *data; ULONG_PTR stopped[4]; int sig; char comm[16]; };

static void CALL workqueue_thread(void *context) {
  struct workqueue_struct *wq = context;
  while (wq->run) {
    KeWaitForSingleObject(wq->event, 0, 0, FALSE, NULL);
    spin_lock_irq(&wq->lock);
    struct work_struct *work = list_empty(&wq->items) ? NULL : container_of(wq->items.next, struct work_struct, entry);
    if (work) list_del(&work->entry);
    spin_unlock_irq(&wq->lock);
    if (work) work->func(work);
  }
}
NOINLINE static struct workqueue_struct *alloc_workqueue(const char *name, ULONG tag) {
  struct workqueue_struct *wq = kzalloc(sizeof *wq, GFP_KERNEL, tag);
  if (!wq) return NULL;
  INIT_LIST_HEAD(&wq->items);
  spin_lock_init(&wq->lock);
  for (int i = 0; i < 31 && name[i]; i++) wq->name[i] = name[i];
  KeInitializeEvent(wq->event, 1, FALSE);
  wq->run = TRUE;
  if (PsCreateSystemThread(&wq->thread, 0x1FFFFF, NULL, NULL, NULL, workqueue_thread, wq) < 0) {
    kfree(wq);
    return NULL;
  }
  return wq;
}
static void queue_work(struct workqueue_struct *wq, struct work_struct *work) {
  spin_lock_irq(&wq->lock);
  list_add_tail(&work->entry, &wq->items);
  spin_unlock_irq(&wq->lock);
  KeSetEvent(wq->event, 0, FALSE);
}
static void CALL run_singlethread(void *context) {
  struct task_struct *t = context;
  t->threadfn(t->data);
  KeSetEvent(t->stopped, 0, FALSE);
}
NOINLINE static struct task_struct *kthread_run(int (*threadfn)(void *), void *data, const char *name) {
  struct task_struct *t = kzalloc(sizeof *t, GFP_KERNEL, '71RB'); //= BR17 wrapper-call wrapper
  if (!t) return NULL;
  t->threadfn = threadfn;
  t->data = data;
  for (int i = 0; i < 15 && name[i]; i++) t->comm[i] = name[i];
  KeInitializeEvent(t->stopped, 0, FALSE);
  if (PsCreateSystemThread(&t->handle, 0x1FFFFF, NULL, NULL, NULL, run_singlethread, t) < 0) {
    kfree(t);
    return NULL;
  }
  return t;
}

/* --- sockets -------------------------------------------------------------------------------------------------------------------------- */
typedef struct WSK_BUF { PVOID Mdl; ULONG Offset; SIZE_T Length; } WSK_BUF;
typedef struct WSK_PROVIDER_DISPATCH {
  USHORT Version, Reserved;
  NTSTATUS(CALL *WskSocket)(PVOID client, USHORT family, USHORT type, ULONG protocol, ULONG flags, PVOID context, const void *dispatch, IRP *irp);
  NTSTATUS(CALL *WskSend)(PVOID socket, WSK_BUF *buffer, ULONG flags, IRP *irp);
  NTSTATUS(CALL *WskReceive)(PVOID socket, WSK_BUF *buffer, ULONG flags, IRP *irp);
} WSK_PROVIDER_DISPATCH;
static const WSK_PROVIDER_DISPATCH *wsk_dispatch;
static PVOID wsk_client;

struct socket { PVOID wsk; int error; u32 state; struct _buffering { u32 wp, max; u8 *static_big_buffer; } buffering; };
enum { SOCK_NEW = 'wenS', SOCK_UP = 'pu_S' };

NTSTATUS CALL wsk_attach(PVOID client, const WSK_PROVIDER_DISPATCH *dispatch) {
  wsk_client = client;
  wsk_dispatch = dispatch;
  return STATUS_SUCCESS;
}
NOINLINE static int sock_create_kern(u16 family, u16 type, u32 protocol, struct socket **out) {
  struct socket *sock = kzalloc(sizeof *sock, GFP_KERNEL, '02RB'); //= BR20 wrapper-call wrapper
  if (!sock) return -ENOMEM;
  IRP *irp = IoAllocateIrp(1, FALSE);
  sock->state = SOCK_NEW; //~ Snew magic
  sock->error = wsk_dispatch->WskSocket(wsk_client, family, type, protocol, 0x10, sock, NULL, irp);
  if (sock->error < 0) {
    kfree(sock);
    return -EINVAL;
  }
  sock->state = SOCK_UP; //~ S_up magic
  *out = sock;
  return 0;
}
NOINLINE static int sock_buffering_init(struct socket *sock, u32 max) {
  sock->buffering.static_big_buffer = vzalloc(max, '12RB'); //= BR21 any allocator-choice
  sock->buffering.max = max;
  return sock->buffering.static_big_buffer ? 0 : -ENOMEM;
}
NOINLINE static int kernel_sendmsg(struct socket *sock, const void *data, u32 len) {
  WSK_BUF buf;
  IRP *irp = IoAllocateIrp(1, FALSE);
  void *copy = kmalloc(len, GFP_NOIO, '22RB'); //= BR22 wrapper-call wrapper
  if (!copy) return -ENOMEM;
  memcpy(copy, data, len);
  buf.Mdl = IoAllocateMdl(copy, len, FALSE, FALSE, NULL);
  buf.Offset = 0;
  buf.Length = len;
  NTSTATUS status = wsk_dispatch->WskSend(sock->wsk, &buf, 0, irp);
  kfree(copy);
  return status < 0 ? -EPROTO : (int)len;
}

/* --- messages to user space --------------------------------------------------------------------------------------------------------------- */
struct sk_buff { u32 len, tail, size; u32 family; u8 data[1]; };
struct genlmsghdr { u8 cmd, version; u16 reserved; u32 minor; };
#define NLA_ALIGN(len) (((len) + 3) & ~3u)
NOINLINE static struct sk_buff *nlmsg_new(SIZE_T payload, gfp_t flags) {
  struct sk_buff *skb = kzalloc(sizeof *skb + payload, flags, '32RB'); //= BR23 wrapper-call wrapper
  if (!skb) return NULL;
  skb->size = (u32)payload;
  skb->family = 'dbrd'; //~ drbd magic
  return skb;
}
NOINLINE static int nla_put(struct sk_buff *skb, u16 type, u16 len, const void *data) {
  u32 total = NLA_ALIGN(len + 4u);
  if (skb->tail + total > skb->size) return -EINVAL;
  *(u16 *)(skb->data + skb->tail) = len;
  *(u16 *)(skb->data + skb->tail + 2) = type;
  memcpy(skb->data + skb->tail + 4, data, len);
  skb->tail += total;
  return 0;
}
static int nla_put_u32(struct sk_buff *skb, u16 type, u32 value) { return nla_put(skb, type, 4, &value); }
struct genl_ops { u8 cmd; u8 flags; int (*doit)(struct sk_buff *skb, struct genlmsghdr *hdr); const char *str; };

/* --- crypto -------------------------------------------------------------------------------------------------------------------------------- */
struct shash_alg { char name[12]; u16 digest_size, desc_size; ULONG tag; };
struct crypto_shash { const struct shash_alg *alg; void *desc; };
static const struct shash_alg algorithms[] = {
  { "crc32c", 4, 4, '42RB' }, //= BR24 any tag-table
  { "sha1", 20, 96, '52RB' }, //= BR25 any tag-table
  { "sha256", 32, 112, '62RB' }, //= BR26 any tag-table
};
NOINLINE static struct crypto_shash *crypto_alloc_shash(const char *name) {
  for (u32 i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
    if (strncmp(algorithms[i].name, name, sizeof algorithms[i].name) != 0) continue;
    struct crypto_shash *tfm = kzalloc(sizeof *tfm, GFP_KERNEL, '72RB'); //= BR27 wrapper-call wrapper
    if (!tfm) return NULL;
    tfm->alg = &algorithms[i];
    tfm->desc = kmalloc(algorithms[i].desc_size, GFP_KERNEL, algorithms[i].tag);
    return tfm;
  }
  return NULL;
}
static void crypto_free_shash(struct crypto_shash *tfm) {
  kfree_sensitive(tfm->desc, tfm->alg->desc_size, tfm->alg->tag);
  kfree(tfm);
}
static u32 jhash(const u32 *k, u32 n) {
  u32 h = 'hsaJ' ^ n; //~ Jash magic
  while (n--) h = (h << 5 | h >> 27) ^ *k++;
  return h;
}

/* --- least recently used extents -------------------------------------------------------------------------------------------------------------- */
struct lc_element { struct list_head list; u32 lc_number, refcnt; };
struct lru_cache { struct list_head lru, free, in_use; struct kmem_cache *lc_cache; u32 nr_elements; struct lc_element **lc_element; void **lc_slot; const char *name; };
NOINLINE static struct lru_cache *lc_create(const char *name, struct kmem_cache *cache, u32 e_count, ULONG tag) {
  struct lc_element **element = kcalloc(e_count, sizeof *element, GFP_KERNEL, '03RB'); //= BR30 wrapper-call wrapper-two
  void **slot = kcalloc(e_count, sizeof *slot, GFP_KERNEL, '13RB'); //= BR31 wrapper-call wrapper-two
  struct lru_cache *lc = kzalloc(sizeof *lc, GFP_KERNEL, tag);
  if (!lc || !slot || !element) goto out_fail;
  INIT_LIST_HEAD(&lc->lru);
  INIT_LIST_HEAD(&lc->free);
  INIT_LIST_HEAD(&lc->in_use);
  lc->name = name;
  lc->lc_cache = cache;
  lc->lc_slot = slot;
  lc->lc_element = element;
  for (u32 i = 0; i < e_count; i++) {
    struct lc_element *e = kmem_cache_alloc(cache, GFP_KERNEL);
    if (!e) break;
    e->lc_number = 0xFFFFFFFF;
    list_add_tail(&e->list, &lc->free);
    element[i] = e;
    lc->nr_elements++;
  }
  return lc;
out_fail:
  kfree(lc);
  kfree(slot);
  kfree(element);
  return NULL;
}

/* --- devices ------------------------------------------------------------------------------------------------------------------------------------ */
struct drbd_bitmap { struct page **bm_pages; u32 bm_number_of_pages; u32 bm_flags; u64 bm_bits; const char *bm_why; };
struct drbd_device;
struct drbd_transport;
struct drbd_transport_ops {
  void (*free)(struct drbd_transport *);
  int (*connect)(struct drbd_transport *);
  int (*recv)(struct drbd_transport *, void **buf, u32 size, int flags);
  int (*send_page)(struct drbd_transport *, struct page *, u32 size);
};
struct drbd_transport_class {
  const char *name;
  int instance_size, path_instance_size;
  ULONG tag, path_tag;
  int (*init)(struct drbd_transport *);
  struct list_head list;
};
struct drbd_transport { const struct drbd_transport_ops *ops; struct drbd_transport_class *class; struct list_head paths; u32 magic; };
struct drbd_path { struct list_head list; u8 my_addr[128], peer_addr[128]; u8 established; };
struct drbd_connection { struct list_head list; struct kref kref; struct drbd_transport *transport; struct crypto_shash *cram_hmac_tfm; struct task_struct *receiver; char *name; u32 agreed_features; void *current_epoch; };
struct drbd_backing_dev { PVOID bdev; u64 md_offset; u32 md_flags; struct page *md_page; };
struct drbd_device {
  struct list_head list;
  struct kref kref;
  u32 minor, vnr;
  u32 state;
  spinlock_t lock;
  struct drbd_bitmap *bitmap;
  struct lru_cache *act_log;
  struct drbd_backing_dev *ldev;
  struct workqueue_struct *submit_wq;
  struct work_struct submit;
  struct drbd_connection *connection;
  REMOVE_LOCK remove_lock;
  DEVICE_OBJECT *bdev;
};
static struct list_head drbd_devices = LIST_HEAD_INIT(drbd_devices);
static struct list_head transport_classes = LIST_HEAD_INIT(transport_classes);
static struct workqueue_struct *retry_wq, *ping_ack_wq;
static struct drbd_device **minors;

struct p_header100 { u32 magic; u16 volume, command; u32 length, pad; };
struct p_connection_features { u32 protocol_min, feature_flags, protocol_max, id; };
struct meta_data_on_disk { u64 la_size; u64 uuid[4]; u64 reserved; u32 flags, magic, md_size_sect, al_offset, al_nr_extents, bm_offset, bm_bytes_per_bit, la_peer; };
#define DRBD_MD_MAGIC 'DMBR' //~ RBMD magic
#define DRBD_MD_MAGIC_84_UNCLEAN 'UMBR' //~ RBMU magic
#define DRBD_PROTO_MAGIC '001P' //~ P100 magic
#define BM_MAGIC 'tiBR' //~ RBit magic

NOINLINE static struct page **bm_realloc_pages(struct drbd_bitmap *b, u32 want) {
  u32 have = b->bm_number_of_pages;
  struct page **pages = krealloc(b->bm_pages, have * sizeof *pages, want * sizeof *pages, GFP_NOIO, '23RB'); //= BR32 wrapper-call wrapper-two
  if (!pages) return NULL;
  for (; have < want; have++) {
    pages[have] = alloc_page(GFP_NOIO);
    if (!pages[have]) return NULL;
  }
  return pages;
}
NOINLINE static struct drbd_bitmap *drbd_bm_alloc(u64 bits) {
  struct drbd_bitmap *b = kzalloc(sizeof *b, GFP_KERNEL, '33RB'); //= BR33 wrapper-call wrapper
  if (!b) return NULL;
  u32 want = (u32)(bits >> (PAGE_SHIFT + 3)) + 1;
  b->bm_pages = bm_realloc_pages(b, want);
  b->bm_number_of_pages = b->bm_pages ? want : 0;
  b->bm_bits = bits;
  b->bm_flags = BM_MAGIC;
  return b;
}

/* What a lower device already holds: a new replica must not overwrite a file system. */
NOINLINE static const char *drbd_fs_signature(const u8 *sector) {
  const u32 *word = (const u32 *)sector;
  if (word[0] == 'BSFX') return "xfs"; //~ XFSB firmware-table
  if (word[0] == 'sqsh') return "squashfs"; //~ hsqs firmware-table
  if (word[0] == ' IFE' && word[1] == 'TRAP') return "gpt"; //~ "EFI " firmware-table //~ PART firmware-table
  if (*(const u32 *)(sector + 3) == 'SFTN') return "ntfs"; //~ NTFS firmware-table
  if (*(const u32 *)(sector + 3) == 'SFeR') return "refs"; //~ ReFS firmware-table
  if (*(const u32 *)(sector + 3) == 'VF-E') return "fve"; //~ E-FV firmware-table
  if (*(const u32 *)(sector + 0x36) == '1TAF') return "fat16"; //~ FAT1 firmware-table
  if (word[16] == 'RHfB') return "btrfs"; //~ BfHR firmware-table
  if (memcmp(sector + 0x18, "LVM2", 4) == 0) return "lvm"; //~ LVM2 text
  return NULL;
}
NOINLINE static int drbd_md_read(struct drbd_device *device, struct drbd_backing_dev *bdev) {
  struct meta_data_on_disk *buffer = mempool_alloc(md_io_mempool, GFP_NOIO);
  int err = 0;
  if (!buffer) return -ENOMEM;
  memcpy(buffer, bdev->md_page->addr, sizeof *buffer);
  if (buffer->magic == DRBD_MD_MAGIC_84_UNCLEAN) {
    DbgPrint("block-replica %u: found unclean meta data RBMU. Did you \"apply-al\"?\n", device->minor);
    err = -EPROTO;
  } else if (buffer->magic != DRBD_MD_MAGIC) {
    DbgPrint("block-replica %u: meta data magic not found (%s)\n", device->minor, drbd_fs_signature(bdev->md_page->addr));
    err = -EINVAL;
  } else {
    bdev->md_flags = buffer->flags;
    bdev->md_offset = buffer->la_size;
  }
  mempool_free(buffer, md_io_mempool);
  return err;
}
static void do_submit(struct work_struct *work) {
  struct drbd_device *device = container_of(work, struct drbd_device, submit);
  u32 *req = mempool_alloc(request_mempool, GFP_NOIO);
  struct page *page = mempool_alloc(page_mempool, GFP_NOIO);
  if (req && page) req[0] = jhash(page->addr, 16) ^ device->minor;
  if (page) mempool_free(page, page_mempool);
  if (req) mempool_free(req, request_mempool);
}
static void drbd_destroy_device(struct kref *kref) {
  struct drbd_device *device = container_of(kref, struct drbd_device, kref);
  minors[device->minor] = NULL;
  kfree(device->act_log);
  kfree(device->ldev);
  ExFreePoolWithTag(device, 'veDR'); //= RDev any free
}
NOINLINE static struct drbd_device *drbd_create_device(DRIVER_OBJECT *driver, u32 minor, u32 vnr) {
  struct drbd_device *device = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *device, 'veDR');
  if (!device) return NULL;
  memset(device, 0, sizeof *device);
  kref_init(&device->kref);
  spin_lock_init(&device->lock);
  device->minor = minor;
  device->vnr = vnr;
  device->state = 'ksiD'; //~ Disk magic
  device->submit_wq = alloc_workqueue("submit", '43RB'); //= BR34 any wrapper-two
  device->bitmap = drbd_bm_alloc(1 << 20);
  device->act_log = lc_create("act_log", extent_cache, 1237, '53RB'); //= BR35 any wrapper-two
  device->ldev = kzalloc(sizeof *device->ldev, GFP_KERNEL, '63RB'); //= BR36 wrapper-call wrapper
  if (!device->submit_wq || !device->bitmap || !device->act_log || !device->ldev) goto out_no_memory;
  device->ldev->md_page = alloc_page(GFP_KERNEL);
  device->submit.func = do_submit;
  IoInitializeRemoveLockEx(&device->remove_lock, 'LmeR', 0, 0, sizeof(REMOVE_LOCK)); //~ RemL remove-lock
  if (IoCreateDevice(driver, sizeof(void *), NULL, 7, 0, FALSE, &device->bdev) < 0) goto out_no_memory;
  device->bdev->Extension = device;
  minors[minor] = device;
  list_add_tail(&device->list, &drbd_devices);
  if (device->ldev->md_page && drbd_md_read(device, device->ldev) < 0) device->state = 'sinU'; //~ Unis magic
  return device;
out_no_memory:
  kref_put(&device->kref, drbd_destroy_device);
  return NULL;
}

/* --- transports -------------------------------------------------------------------------------------------------------------------------------- */
struct dtt_transport { struct drbd_transport transport; struct socket *stream[2]; void *rbuf; };
struct dtl_transport { struct drbd_transport transport; struct socket *stream[2]; struct page *spare; u8 *send_buffer; };

static void dtt_free(struct drbd_transport *transport) { kfree(container_of(transport, struct dtt_transport, transport)->rbuf); }
static int dtt_connect(struct drbd_transport *transport) {
  struct dtt_transport *tcp = container_of(transport, struct dtt_transport, transport);
  int err = sock_create_kern(23, 1, 6, &tcp->stream[0]);
  if (err) return err;
  err = sock_create_kern(2, 1, 6, &tcp->stream[1]);
  if (err) return err;
  tcp->rbuf = kmalloc(PAGE_SIZE * 4, GFP_KERNEL, '04RB'); //= BR40 wrapper-call wrapper
  return tcp->rbuf ? sock_buffering_init(tcp->stream[0], 1 << 20) : -ENOMEM;
}
static int dtt_recv(struct drbd_transport *transport, void **buf, u32 size, int flags) {
  struct dtt_transport *tcp = container_of(transport, struct dtt_transport, transport);
  if (size > PAGE_SIZE * 4) return -EINVAL;
  *buf = tcp->rbuf;
  return (int)size;
}
static int dtt_send_page(struct drbd_transport *transport, struct page *page, u32 size) {
  return kernel_sendmsg(container_of(transport, struct dtt_transport, transport)->stream[0], page->addr, size);
}
static const struct drbd_transport_ops dtt_ops = { dtt_free, dtt_connect, dtt_recv, dtt_send_page };
static int dtt_init(struct drbd_transport *transport) {
  transport->ops = &dtt_ops;
  transport->magic = '_pct'; //~ tcp_ magic
  return 0;
}
static void dtl_free(struct drbd_transport *transport) { vfree(container_of(transport, struct dtl_transport, transport)->send_buffer); }
static int dtl_connect(struct drbd_transport *transport) {
  struct dtl_transport *lb = container_of(transport, struct dtl_transport, transport);
  lb->send_buffer = vzalloc(1 << 16, '14RB'); //= BR41 any allocator-choice
  lb->spare = alloc_page(GFP_KERNEL);
  return lb->send_buffer ? 0 : -ENOMEM;
}
static int dtl_recv(struct drbd_transport *transport, void **buf, u32 size, int flags) {
  void *copy = kzalloc(size, GFP_NOIO, '24RB'); //= BR42 wrapper-call wrapper
  *buf = copy;
  return copy ? (int)size : -ENOMEM;
}
static int dtl_send_page(struct drbd_transport *transport, struct page *page, u32 size) { return -ENOTSUPP; }
static const struct drbd_transport_ops dtl_ops = { dtl_free, dtl_connect, dtl_recv, dtl_send_page };
static int dtl_init(struct drbd_transport *transport) {
  transport->ops = &dtl_ops;
  transport->magic = '_blt'; //~ tlb_ magic
  return 0;
}
static struct drbd_transport_class tcp_transport_class = { "tcp", sizeof(struct dtt_transport), sizeof(struct drbd_path), '34RB', '44RB', dtt_init }; //= BR43 any object-field-deep //= BR44 any object-field-deep
static struct drbd_transport_class lb_transport_class = { "lb-tcp", sizeof(struct dtl_transport), sizeof(struct drbd_path) + 16, '54RB', '64RB', dtl_init }; //= BR45 any object-field-deep //= BR46 any object-field-deep

static void drbd_register_transport_class(struct drbd_transport_class *class) { list_add_tail(&class->list, &transport_classes); }
NOINLINE static struct drbd_transport_class *drbd_get_transport_class(const char *name) {
  struct drbd_transport_class *class;
  list_for_each_entry(class, &transport_classes, struct drbd_transport_class, list) {
    if (strncmp(class->name, name, 16) == 0) return class;
  }
  return NULL;
}

/* --- connections ------------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static int drbd_send_features(struct drbd_connection *connection) {
  struct { struct p_header100 h; struct p_connection_features p; } packet;
  memset(&packet, 0, sizeof packet);
  packet.h.magic = DRBD_PROTO_MAGIC;
  packet.h.command = 0xFFFE;
  packet.p.feature_flags = connection->agreed_features;
  packet.p.id = 'taeF'; //~ Feat magic
  struct page page = { &packet, 0, 0, NULL };
  return connection->transport->ops->send_page(connection->transport, &page, sizeof packet);
}
NOINLINE static int drbd_do_auth(struct drbd_connection *connection, const char *secret) {
  u8 *challenge = mempool_alloc(auth_mempool, GFP_NOIO);
  void *peers_ch;
  ULONG seed = 'deeS'; //~ Seed not-an-allocator
  if (!challenge) return -ENOMEM;
  for (int i = 0; i < 64; i += 4) *(u32 *)(challenge + i) = RtlRandomEx(&seed);
  int err = connection->transport->ops->recv(connection->transport, &peers_ch, 64, 0);
  if (err > 0 && memcmp(peers_ch, challenge, 64) == 0) {
    DbgPrint("block-replica: peer presented the same challenge: SAME peer?\n"); //~ SAME text
    err = -EPROTO;
  }
  char *response = kmalloc(connection->cram_hmac_tfm->alg->digest_size + 64, GFP_NOIO, '05RB'); //= BR50 wrapper-call wrapper
  if (response) {
    memcpy(response, secret, 16);
    kfree_sensitive(response, 64, '05RB');
  }
  mempool_free(challenge, auth_mempool);
  return err;
}
static int drbd_receiver(void *data) {
  struct drbd_connection *connection = data;
  struct p_header100 *header;
  if (connection->transport->ops->connect(connection->transport) < 0) return -EPROTO;
  if (drbd_send_features(connection) < 0 || drbd_do_auth(connection, connection->name) < 0) return -EPROTO;
  while (connection->transport->ops->recv(connection->transport, (void **)&header, sizeof *header, 0) > 0) {
    if (header->magic != DRBD_PROTO_MAGIC) return -EPROTO;
    void *peer_req = kmem_cache_alloc(peer_request_cache, GFP_NOIO);
    if (!peer_req) return -ENOMEM;
    kmem_cache_free(peer_request_cache, peer_req);
  }
  return 0;
}
NOINLINE static struct drbd_connection *conn_create(const char *name, const char *transport_name) {
  struct drbd_transport_class *class = drbd_get_transport_class(transport_name);
  if (!class) return NULL;
  struct drbd_connection *connection = kzalloc(sizeof *connection, GFP_KERNEL, '06RB'); //= BR60 wrapper-call wrapper
  if (!connection) return NULL;
  connection->name = kstrdup(name, GFP_KERNEL, '16RB'); //= BR61 any wrapper-two
  connection->current_epoch = kzalloc(48, GFP_KERNEL, '26RB'); //= BR62 wrapper-call wrapper
  connection->cram_hmac_tfm = crypto_alloc_shash("sha256");
  connection->transport = kzalloc(class->instance_size, GFP_KERNEL, class->tag);
  if (!connection->transport) return NULL;
  connection->transport->class = class;
  INIT_LIST_HEAD(&connection->transport->paths);
  class->init(connection->transport);
  struct drbd_path *path = kzalloc(class->path_instance_size, GFP_KERNEL, class->path_tag);
  if (path) list_add_tail(&path->list, &connection->transport->paths);
  connection->receiver = kthread_run(drbd_receiver, connection, "receiver");
  return connection;
}

/* --- commands of the administration tool --------------------------------------------------------------------------------------------------------- */
static DRIVER_OBJECT *driver_object;
static int drbd_adm_new_minor(struct sk_buff *skb, struct genlmsghdr *hdr) {
  if (hdr->minor >= MAX_MINORS) return -EINVAL;
  struct drbd_device *device = drbd_create_device(driver_object, hdr->minor, 0);
  if (!device) return -ENOMEM;
  device->connection = conn_create("peer", hdr->reserved ? "lb-tcp" : "tcp");
  return nla_put_u32(skb, 1, device->minor);
}
static int drbd_adm_get_status(struct sk_buff *skb, struct genlmsghdr *hdr) {
  struct drbd_device *device;
  list_for_each_entry(device, &drbd_devices, struct drbd_device, list) {
    if (nla_put_u32(skb, 2, device->state) < 0) return -EINVAL;
  }
  return nla_put_u32(skb, 3, 'enoD'); //~ Done not-an-allocator
}
static int drbd_adm_dump(struct sk_buff *skb, struct genlmsghdr *hdr) {
  u8 *seq = kmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_PAGED, '07RB'); //= BR70 wrapper-call wrapper
  if (!seq) return -ENOMEM;
  memcpy(seq, "version: 9.0 (api:2/proto:86-121)", 34);
  int err = nla_put(skb, 4, 34, seq);
  kfree(seq);
  return err;
}
static const struct genl_ops drbd_genl_ops[] = {
  { 5, 1, drbd_adm_new_minor, "NEWM" }, //~ NEWM text
  { 6, 0, drbd_adm_get_status, "STAT" }, //~ STAT text
  { 7, 0, drbd_adm_dump, "DUMP" }, //~ DUMP text
};
static NTSTATUS CALL drbd_ioctl(DEVICE_OBJECT *object, IRP *irp) {
  struct genlmsghdr *hdr = irp->SystemBuffer;
  struct sk_buff *reply = nlmsg_new(1024, GFP_KERNEL);
  int err = -EINVAL;
  if (!reply) return STATUS_INSUFFICIENT_RESOURCES;
  for (u32 i = 0; i < sizeof drbd_genl_ops / sizeof *drbd_genl_ops; i++) {
    if (drbd_genl_ops[i].cmd == hdr->cmd) err = drbd_genl_ops[i].doit(reply, hdr);
  }
  if (err == 0) memcpy(hdr, reply->data, reply->tail);
  irp->Information = reply->tail;
  kfree(reply);
  irp->Status = err ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
  IoCompleteRequest(irp, 0);
  return irp->Status;
}
static NTSTATUS CALL drbd_make_request(DEVICE_OBJECT *object, IRP *irp) {
  struct drbd_device *device = object->Extension;
  IoAcquireRemoveLockEx(&device->remove_lock, irp, "make_request", 1, sizeof(REMOVE_LOCK));
  queue_work(device->submit_wq, &device->submit);
  return 0x103;
}

/* --- the module ------------------------------------------------------------------------------------------------------------------------------------ */
static void drbd_destroy_mempools(void) {
  mempool_destroy(request_mempool);
  mempool_destroy(page_mempool);
  mempool_destroy(md_io_mempool);
  mempool_destroy(auth_mempool);
  kmem_cache_destroy(request_cache);
  kmem_cache_destroy(peer_request_cache);
  kmem_cache_destroy(extent_cache);
}
NOINLINE static int drbd_create_mempools(void) {
  request_cache = kmem_cache_create("drbd_req", 208, 8, 0, '17RB'); //= BR71 any wrapper
  peer_request_cache = kmem_cache_create("drbd_ee", 256, 8, 0, '27RB'); //= BR72 any wrapper
  extent_cache = kmem_cache_create("drbd_al", 64, 8, 0, '37RB'); //= BR73 any wrapper
  if (!request_cache || !peer_request_cache || !extent_cache) goto Enomem;
  request_mempool = mempool_create(128, mempool_alloc_slab, mempool_free_slab, request_cache);
  page_mempool = mempool_create(128, mempool_alloc_pages, mempool_free_pages, NULL);
  md_io_mempool = mempool_create(2, mempool_kmalloc, mempool_kfree, &md_io_data);
  auth_mempool = mempool_create(4, mempool_kmalloc, mempool_kfree, &auth_data);
  if (request_mempool && page_mempool && md_io_mempool && auth_mempool) return 0;
Enomem:
  drbd_destroy_mempools();
  return -ENOMEM;
}
static void CALL drbd_unload(DRIVER_OBJECT *driver) {
  while (!list_empty(&drbd_devices)) {
    struct drbd_device *device = container_of(drbd_devices.next, struct drbd_device, list);
    list_del(&device->list);
    if (device->connection && device->connection->cram_hmac_tfm) crypto_free_shash(device->connection->cram_hmac_tfm);
    if (device->connection) device->connection->transport->ops->free(device->connection->transport);
    kref_put(&device->kref, drbd_destroy_device);
  }
  drbd_destroy_mempools();
  ExFreePoolWithTag(minors, 'niMR');
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  driver_object = driver;
  memory_init();
  minors = ExAllocatePoolWithTag(NonPagedPoolNx, MAX_MINORS * sizeof *minors, 'niMR'); //= RMin allocation-call direct
  if (!minors) return STATUS_INSUFFICIENT_RESOURCES;
  memset(minors, 0, MAX_MINORS * sizeof *minors);
  if (drbd_create_mempools() < 0) return STATUS_INSUFFICIENT_RESOURCES;
  WCHAR *registry = ExAllocatePoolWithTag(PagedPool, path->Length + sizeof(WCHAR), 'geRR'); //= RReg allocation-call direct
  if (registry) {
    memcpy(registry, path->Buffer, path->Length);
    ExFreePoolWithTag(registry, 'geRR');
  }
  retry_wq = alloc_workqueue("drbd-reissue", '47RB'); //= BR74 any wrapper-two
  ping_ack_wq = alloc_workqueue("drbd_ack", '57RB'); //= BR75 any wrapper-two
  drbd_register_transport_class(&tcp_transport_class);
  drbd_register_transport_class(&lb_transport_class);
  PVOID *extension;
  if (IoAllocateDriverObjectExtension(driver, (PVOID)(ULONG_PTR)'txEW', sizeof(PVOID), (PVOID *)&extension) >= 0) *extension = (PVOID)wsk_attach; //~ WExt not-an-allocator
  driver->Unload = drbd_unload;
  driver->Major[3] = drbd_make_request;
  driver->Major[4] = drbd_make_request;
  driver->Major[14] = drbd_ioctl;
  return STATUS_SUCCESS;
}
