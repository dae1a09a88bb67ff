// Held out: a file system ported from another kernel: its own names over the system's allocators (caches with constructors, sized free
// lists, asserts with text), written in that kernel's style.
#include "kernel.h"

typedef ULONG uint32_t;
typedef SIZE_T size_t;
#define KM_SLEEP 0
#define KM_NOSLEEP 1
#define KM_ZERO 4
#define ASSERT(x) ((x) ? (void)0 : assfail(#x, "pool-volume.c", __LINE__))

static PVOID volatile sink;
static uint32_t volatile tunable;

NOINLINE static void assfail(const char *text, const char *file, uint32_t line) {
	DbgPrint("%s:%u %s\n", file, line, text);
	KeBugCheckEx('LFSA', line, 0, 0, 0); //~ ASFL bug-check
}

/* ---- kmem_alloc ---- */
NOINLINE static PVOID
spl_alloc(size_t size, uint32_t kmflags, uint32_t tag)
{
	PVOID p;
	uint32_t tries = 0;

	for (;;) {
		p = ExAllocatePoolWithTag(kmflags & 8 ? NonPagedPoolNx : PagedPool, size, tag);
		if (p != NULL || (kmflags & KM_NOSLEEP) || ++tries > 10)
			break;
		KeStallExecutionProcessor(tries * 10);
	}
	if (p != NULL && (kmflags & KM_ZERO))
		memset(p, 0, size);
	return (p);
}

static PVOID
kmem_alloc(size_t size, uint32_t kmflags)
{
	return (spl_alloc(size, kmflags, 'mklS')); //= Slkm wrapper-call wrapper-fixed
}

static PVOID
kmem_zalloc(size_t size, uint32_t kmflags)
{
	return (spl_alloc(size, kmflags | KM_ZERO, 'zklS')); //= Slkz wrapper-call wrapper-fixed
}

NOINLINE static void
kmem_free(PVOID p, size_t size)
{
	ASSERT(size != 'eerf'); //~ free magic
	ExFreePoolWithTag(p, 0);
}

NOINLINE static PVOID
vmem_alloc(size_t size, uint32_t kmflags)
{
	if (size < 4096)
		return (kmem_alloc(size, kmflags));
	return (ExAllocatePool2(POOL_FLAG_NON_PAGED | 2, size, 'mvlS')); //= Slvm allocation-call wrapper-fixed
}

/* ---- kmem_cache ---- */
typedef struct kmem_cache {
	const char *kc_name;
	size_t kc_size;
	int (*kc_ctor)(PVOID, PVOID, int);
	void (*kc_dtor)(PVOID, PVOID);
	PVOID kc_private;
	uint32_t kc_magic;
	uint32_t kc_tag;
	uint32_t kc_flags;
	struct kmem_cache *kc_next;
	PVOID kc_magazine[8];
	uint32_t kc_rounds;
} kmem_cache_t;

#define KMC_MAGIC 'hcaC' //~ Cach magic
static kmem_cache_t *all_caches;

NOINLINE static kmem_cache_t *
kmem_cache_create(const char *name, size_t size, uint32_t tag, int (*ctor)(PVOID, PVOID, int), void (*dtor)(PVOID, PVOID), PVOID private, uint32_t flags)
{
	kmem_cache_t *cp = kmem_zalloc(sizeof (*cp), KM_SLEEP);

	if (cp == NULL)
		return (NULL);
	cp->kc_name = name;
	cp->kc_size = size;
	cp->kc_tag = tag;
	cp->kc_ctor = ctor;
	cp->kc_dtor = dtor;
	cp->kc_private = private;
	cp->kc_flags = flags;
	cp->kc_magic = KMC_MAGIC;
	cp->kc_next = all_caches;
	all_caches = cp;
	return (cp);
}

NOINLINE static PVOID
kmem_cache_alloc(kmem_cache_t *cp, int kmflags)
{
	PVOID obj;

	ASSERT(cp->kc_magic == KMC_MAGIC);
	if (cp->kc_rounds > 0)
		return (cp->kc_magazine[--cp->kc_rounds]);
	obj = ExAllocatePoolWithTag(NonPagedPoolNx, cp->kc_size, cp->kc_tag);
	if (obj != NULL && cp->kc_ctor != NULL && cp->kc_ctor(obj, cp->kc_private, kmflags) != 0) {
		ExFreePoolWithTag(obj, cp->kc_tag);
		return (NULL);
	}
	return (obj);
}

NOINLINE static void
kmem_cache_free(kmem_cache_t *cp, PVOID obj)
{
	if (cp->kc_rounds < 8) {
		cp->kc_magazine[cp->kc_rounds++] = obj;
		return;
	}
	if (cp->kc_dtor != NULL)
		cp->kc_dtor(obj, cp->kc_private);
	ExFreePoolWithTag(obj, cp->kc_tag);
}

/* ---- the volume ---- */
typedef struct dnode { uint32_t dn_type, dn_magic; PVOID dn_bonus, dn_db[4]; } dnode_t;
typedef struct arc_buf { uint32_t b_magic, b_size; PVOID b_data; struct arc_buf *b_next; } arc_buf_t;
static kmem_cache_t *dnode_cache, *buf_cache, *znode_cache, *size_cache[4];

static int
dnode_cons(PVOID obj, PVOID private, int kmflags)
{
	dnode_t *dn = obj;

	memset(dn, 0, sizeof (*dn));
	dn->dn_magic = 'onDz'; //~ zDno magic
	dn->dn_bonus = spl_alloc(320, kmflags, 'sBnd'); //= dnBs wrapper-call callback
	return (dn->dn_bonus == NULL ? 12 : 0);
}

static void
dnode_dest(PVOID obj, PVOID private)
{
	ExFreePoolWithTag(((dnode_t *)obj)->dn_bonus, 'sBnd');
}

static int
buf_cons(PVOID obj, PVOID private, int kmflags)
{
	((arc_buf_t *)obj)->b_magic = private != NULL ? 'TUBa' : 'NUBa'; //~ aBUT magic //~ aBUN magic
	return (0);
}

NOINLINE static int
dnode_init(void)
{
	uint32_t i;

	dnode_cache = kmem_cache_create("dnode_t", sizeof (dnode_t), 'DNDz', dnode_cons, dnode_dest, NULL, 0); //= zDND any object-field
	buf_cache = kmem_cache_create("arc_buf", sizeof (arc_buf_t), 'BCRA', buf_cons, NULL, (PVOID)&tunable, 'galf'); //= ARCB any object-field //~ flag other-argument
	znode_cache = kmem_cache_create("znode", 296, 'DNZz', NULL, NULL, NULL, 0); //= zZND any object-field
	for (i = 0; i < 4; i++) { /* one cache for each size: zio0 .. zio3 */
		size_cache[i] = kmem_cache_create("zio_buf", (size_t)512 << i, '0oiz' + (i << 24), NULL, NULL, NULL, 0); //= zio0 any object-field //= zio1 any object-field //= zio2 any object-field //= zio3 any object-field
		if (size_cache[i] == NULL)
			return (12);
	}
	return (dnode_cache == NULL || buf_cache == NULL || znode_cache == NULL ? 12 : 0);
}

NOINLINE static arc_buf_t *
arc_read(uint32_t shift, const uint32_t *bp)
{
	arc_buf_t *buf = kmem_cache_alloc(buf_cache, KM_SLEEP);

	if (buf == NULL)
		return (NULL);
	if (bp[0] != 'HPBz' && bp[1] != '\x11\x7A\xB1\x07') { //~ zBPH magic
		kmem_cache_free(buf_cache, buf);
		return (NULL);
	}
	buf->b_data = shift < 4 ? kmem_cache_alloc(size_cache[shift], KM_SLEEP) : vmem_alloc((size_t)1 << shift, KM_SLEEP);
	return (buf);
}

/* ---- name/value lists: an allocator object with an operations vector ---- */
typedef struct nv_alloc nv_alloc_t;
typedef struct nv_alloc_ops {
	int (*nv_ao_init)(nv_alloc_t *, uint32_t);
	PVOID (*nv_ao_alloc)(nv_alloc_t *, size_t);
	void (*nv_ao_free)(nv_alloc_t *, PVOID, size_t);
} nv_alloc_ops_t;
struct nv_alloc { const nv_alloc_ops_t *nva_ops; uint32_t nva_arg; size_t nva_total; };

static int nv_init(nv_alloc_t *nva, uint32_t tag) { nva->nva_arg = tag; nva->nva_total = 0; return (0); }
static PVOID
nv_alloc_tagged(nv_alloc_t *nva, size_t size)
{
	nva->nva_total += size;
	return (ExAllocatePoolWithTag(PagedPool, size, nva->nva_arg));
}
static PVOID
nv_alloc_nosleep(nv_alloc_t *nva, size_t size)
{
	return (spl_alloc(size, KM_NOSLEEP, 'sNVn')); //= nVNs wrapper-call operations-table
}
static void nv_free_tagged(nv_alloc_t *nva, PVOID p, size_t size) { ExFreePoolWithTag(p, nva->nva_arg); }
static const nv_alloc_ops_t nv_sleep_ops = { nv_init, nv_alloc_tagged, nv_free_tagged };
static const nv_alloc_ops_t nv_nosleep_ops = { nv_init, nv_alloc_nosleep, nv_free_tagged };

NOINLINE static int
nvlist_pack(const UNICODE_STRING *from, int sleep)
{
	nv_alloc_t nva;
	uint32_t *p;

	nva.nva_ops = sleep ? &nv_sleep_ops : &nv_nosleep_ops;
	if (nva.nva_ops->nv_ao_init(&nva, 'kPVn') != 0) //= nVPk any callback-context
		return (22);
	p = nva.nva_ops->nv_ao_alloc(&nva, from->Length);
	if (p == NULL)
		return (12);
	p[0] = 'TSLn'; //~ nLST magic
	memcpy(p + 1, from->Buffer, from->Length - 4);
	nva.nva_ops->nv_ao_free(&nva, p, from->Length);
	return (0);
}

static void CALL
fini(DRIVER_OBJECT *driver)
{
	kmem_cache_t *cp;

	while ((cp = all_caches) != NULL) {
		all_caches = cp->kc_next;
		kmem_free(cp, sizeof (*cp));
	}
}

NTSTATUS CALL
DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
	driver->Unload = fini;
	tunable = path->Length;
	if (dnode_init() != 0)
		return (STATUS_INSUFFICIENT_RESOURCES);
	sink = kmem_cache_alloc(dnode_cache, KM_SLEEP);
	sink = kmem_cache_alloc(znode_cache, KM_NOSLEEP);
	sink = arc_read(driver->Flags, (const uint32_t *)path->Buffer);
	sink = kmem_alloc(path->Length, KM_NOSLEEP);
	return (nvlist_pack(path, driver->Flags & 1) ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS);
}
