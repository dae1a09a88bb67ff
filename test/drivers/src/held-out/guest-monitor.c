// Held out: a virtual machine monitor whose core came from another system: malloc(9)-like calls with a type, kmem_alloc with flags, a
// table of tags for its subsystems, zones, trees and hash tables that allocate through their context, and the glue to this kernel.
#include "kernel.h"

typedef UCHAR uint8_t;
typedef ULONG uint32_t;
typedef ULONGLONG uint64_t;
typedef SIZE_T size_t;
#define ENOMEM 12
#define EINVAL 22
#define M_WAITOK 2
#define M_NOWAIT 1
#define M_ZERO 0x100

/* ---- glue: memory ---- */

enum gm_subsys { GM_CORE, GM_VCPU, GM_PAGING, GM_APIC, GM_DEVICE, GM_TRACE, GM_NSUBSYS };
static const uint32_t gm_tags[GM_NSUBSYS] = {
	'roCG', //= GCor any tag-table
	'upVG', //= GVpu any tag-table
	'gaPG', //= GPag any tag-table
	'cpAG', //= GApc any tag-table
	'veDG', //= GDev any tag-table
	'crTG', //= GTrc any tag-table
};

static PVOID
kmem_alloc(size_t size, int flags, enum gm_subsys sub)
{
	PVOID p;

	p = ExAllocatePoolWithTag(flags & M_NOWAIT ? NonPagedPoolNx : PagedPool, size, gm_tags[sub]);
	if (p != NULL && (flags & M_ZERO))
		memset(p, 0, size);
	return (p);
}

NOINLINE static void
kmem_free(PVOID p, enum gm_subsys sub)
{
	if (p != NULL)
		ExFreePoolWithTag(p, gm_tags[sub]);
}

struct malloc_type { const char *ks_shortdesc; uint32_t ks_magic; uint32_t ks_tag; size_t ks_inuse; };
#define M_VERSION 0x20240601
#define MALLOC_DEFINE(type, desc, tag) static struct malloc_type type[1] = {{ desc, M_VERSION, tag, 0 }}
MALLOC_DEFINE(M_VM, "vm", 'mVMG'); //= GMVm any initialised-global
MALLOC_DEFINE(M_EPT, "ept", 'tEMG'); //= GMEt any initialised-global
MALLOC_DEFINE(M_IOV, "iov", 'vIMG'); //= GMIv any initialised-global

NOINLINE static PVOID
malloc(size_t size, struct malloc_type *mtp, int flags)
{
	PVOID p;

	if (mtp->ks_magic != M_VERSION)
		KeBugCheckEx('YTMG', (ULONG_PTR)mtp, 0, 0, 0); //~ GMTY bug-check
	p = ExAllocatePoolWithTag(NonPagedPoolNx, size, mtp->ks_tag);
	if (p != NULL) {
		mtp->ks_inuse += size;
		if (flags & M_ZERO)
			memset(p, 0, size);
	}
	return (p);
}

NOINLINE static void
free(PVOID p, struct malloc_type *mtp)
{
	ExFreePoolWithTag(p, mtp->ks_tag);
}

static uint32_t
gm_object_tag(int kind)
{
	switch (kind) {
	case 0:  return ('csVG'); //= GVsc any switch-tags
	case 3:  return ('panS'); //= Snap any switch-tags
	case 7:  return ('pmBG'); //= GBmp any switch-tags
	default: return ('jbOG'); //= GObj any switch-tags
	}
}

NOINLINE static PVOID
gm_object_alloc(int kind, size_t size)
{
	uint32_t *p = ExAllocatePoolWithTag(NonPagedPoolNx, size + 16, gm_object_tag(kind));

	if (p == NULL)
		return (NULL);
	p[0] = 'tejb'; //~ bjet magic
	p[1] = kind;
	return (p + 4);
}

static PVOID
contigmalloc(size_t size, uint64_t low, uint64_t boundary, uint32_t tag)
{
	PHYSICAL_ADDRESS l, h, b;
	PVOID p;

	l.QuadPart = low;
	h.QuadPart = ~0ULL >> 12;
	b.QuadPart = boundary;
	return (MmAllocateContiguousMemoryEx(&size, l, h, b, 0x80000000, 4, NULL, tag, 0, &p) < 0 ? NULL : p);
}

/* ---- zones ---- */

typedef struct uma_zone { const char *uz_name; size_t uz_size; uint32_t uz_tag, uz_used; LOOKASIDE uz_list; PVOID uz_free; } *uma_zone_t;

static uma_zone_t
uma_zcreate(const char *name, size_t size, uint32_t tag)
{
	uma_zone_t zone = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*zone), 'enoZ'); //= Zone allocation-call direct

	if (zone == NULL)
		return (NULL);
	memset(zone, 0, sizeof(*zone));
	zone->uz_name = name;
	zone->uz_size = size;
	zone->uz_tag = tag;
	ExInitializeNPagedLookasideList(&zone->uz_list, NULL, NULL, 0x200, size, tag, 0);
	return (zone);
}

NOINLINE static PVOID
uma_zalloc(uma_zone_t zone, int flags)
{
	PVOID p = ExpInterlockedPopEntrySList(&zone->uz_list);

	if (p == NULL)
		p = ExAllocatePoolWithTag(NonPagedPoolNx, zone->uz_size, zone->uz_tag);
	if (p != NULL && (flags & M_ZERO))
		memset(p, 0, zone->uz_size);
	zone->uz_used++;
	return (p);
}

/* ---- an AVL tree, and a hash table, that allocate through callbacks ---- */

struct avl_tree { PVOID root; int (*cmp)(const void *, const void *); PVOID (*alloc)(PVOID ctx, size_t size); PVOID ctx; size_t offset; };
struct avl_node { struct avl_node *child[2]; int balance; };
struct hash_ops { PVOID (*ho_alloc)(size_t); void (*ho_free)(PVOID); uint32_t (*ho_hash)(const void *, size_t); };
struct hash { const struct hash_ops *ops; PVOID *slots; uint32_t mask, magic; };
struct range { struct avl_node node; uint64_t start, end; uint32_t attr; };
struct arena { uint32_t tag, pool; size_t used; };

static PVOID
arena_alloc(PVOID ctx, size_t size)
{
	struct arena *a = ctx;

	a->used += size;
	return (ExAllocatePoolWithTag(a->pool, size, a->tag));
}

NOINLINE static struct range *
avl_insert(struct avl_tree *t, uint64_t start, uint64_t end)
{
	struct avl_node **at = (struct avl_node **)&t->root;
	struct range *r = t->alloc(t->ctx, sizeof(*r));

	if (r == NULL)
		return (NULL);
	memset(r, 0, sizeof(*r));
	r->start = start;
	r->end = end;
	while (*at != NULL)
		at = &(*at)->child[t->cmp(r, *at) > 0];
	*at = &r->node;
	return (r);
}
static int range_cmp(const void *a, const void *b) { return ((const struct range *)a)->start < ((const struct range *)b)->start ? -1 : 1; }

static PVOID tlb_alloc(size_t size) { return (ExAllocatePoolWithTag(NonPagedPoolNx, size, 'blTG')); } //= GTlb any operations-table
static void tlb_free(PVOID p) { ExFreePoolWithTag(p, 'blTG'); }
static PVOID iotlb_alloc(size_t size) { return (kmem_alloc(size, M_WAITOK | M_ZERO, GM_PAGING)); }
static void iotlb_free(PVOID p) { kmem_free(p, GM_PAGING); }
static uint32_t fnv(const void *p, size_t n) { const uint8_t *b = p; uint32_t h = 0x811C9DC5; while (n--) h = (h ^ *b++) * 0x01000193; return (h); }
static const struct hash_ops tlb_ops = { tlb_alloc, tlb_free, fnv };
static const struct hash_ops iotlb_ops = { iotlb_alloc, iotlb_free, fnv };

NOINLINE static int
hash_init(struct hash *h, const struct hash_ops *ops, uint32_t slots)
{
	h->ops = ops;
	h->mask = slots - 1;
	h->magic = 'bTsH'; //~ HsTb magic
	h->slots = ops->ho_alloc(slots * sizeof(PVOID));
	return (h->slots == NULL ? ENOMEM : 0);
}

/* ---- the machine ---- */

struct vcpu { uint32_t id, state; PVOID vmcs, apic, fpu, msr_bitmap; };
struct vm { struct vcpu *vcpus[8]; uint32_t nvcpus, sig; struct avl_tree ranges; struct arena arena; struct hash tlb, iotlb; PVOID ept, io_bitmap, acpi, trace, name; uma_zone_t exits, irqs; };
static struct vm *gm_vm;

NOINLINE static struct vcpu *
vcpu_create(struct vm *vm, uint32_t id)
{
	struct vcpu *v = kmem_alloc(sizeof(*v), M_NOWAIT | M_ZERO, GM_VCPU);

	if (v == NULL)
		return (NULL);
	v->id = id;
	v->state = 'tlaH'; //~ Halt magic
	v->vmcs = gm_object_alloc(0, 4096);
	v->msr_bitmap = gm_object_alloc(7, 4096);
	v->apic = kmem_alloc(1024, M_NOWAIT, GM_APIC);
	v->fpu = contigmalloc(4096, 0, 4096, 'upFG'); //= GFpu any wrapper
	if (v->vmcs == NULL || v->msr_bitmap == NULL || v->apic == NULL || v->fpu == NULL) {
		kmem_free(v->apic, GM_APIC);
		kmem_free(v, GM_VCPU);
		return (NULL);
	}
	return (v);
}

NOINLINE static void
acpi_build(struct vm *vm)
{
	static const char method[] = "\\_SB.PCI0._PRT"; //~ _PRT text
	uint32_t *t = vm->acpi;

	t[0] = 'PDSR'; //~ RSDP firmware-table
	t[16] = 'CIPA'; //~ APIC firmware-table
	t[32] = 'TDSD'; //~ DSDT firmware-table
	t[48] = 'TEPH'; //~ HPET firmware-table
	memcpy(t + 64, method, sizeof(method));
	memcpy(t + 80, "QEMUBXPC", 8); //~ BXPC text
}

NOINLINE static int
cpuid_emulate(struct vm *vm, uint32_t leaf, uint32_t regs[4])
{
	if (leaf == 0x40000000) {
		regs[1] = 'BMGp'; //~ pGMB magic
		regs[2] = 'MMGm'; //~ mGMM magic
		regs[3] = 'tseu'; //~ uest magic
		return (0);
	}
	return (regs[1] == 'uneG' && regs[3] == 'Ieni' && regs[2] == 'letn' ? 0 : EINVAL); //~ Genu magic //~ ineI magic //~ ntel magic
}

NOINLINE static int
vm_create(struct vm **out, uint32_t ncpu)
{
	struct vm *vm = malloc(sizeof(*vm), M_VM, M_WAITOK | M_ZERO);
	uint32_t i, regs[4] = {0};

	if (vm == NULL)
		return (ENOMEM);
	vm->sig = 'enGM'; //~ MGne magic
	vm->ept = malloc(65536, M_EPT, M_NOWAIT);
	vm->io_bitmap = contigmalloc(8192, 0, 0, 'mbIG'); //= GIbm any wrapper
	vm->trace = kmem_alloc(16384, M_WAITOK, GM_TRACE);
	vm->acpi = kmem_alloc(4096, M_WAITOK | M_ZERO, GM_DEVICE);
	vm->name = kmem_alloc(64, M_WAITOK, GM_CORE);
	if (vm->ept == NULL || vm->io_bitmap == NULL || vm->acpi == NULL)
		return (ENOMEM);
	vm->arena.tag = 'graG'; //= Garg any callback-context
	vm->arena.pool = NonPagedPoolNx;
	vm->ranges.alloc = arena_alloc;
	vm->ranges.cmp = range_cmp;
	vm->ranges.ctx = &vm->arena;
	if (hash_init(&vm->tlb, &tlb_ops, 1024) != 0 || hash_init(&vm->iotlb, &iotlb_ops, 256) != 0)
		return (ENOMEM);
	vm->exits = uma_zcreate("exits", 256, 'ixEG'); //= GExi any wrapper
	vm->irqs = uma_zcreate("irqs", 48, 'qrIG'); //= GIrq any wrapper
	for (i = 0; i < ncpu && i < 8; i++)
		if ((vm->vcpus[vm->nvcpus++] = vcpu_create(vm, i)) == NULL)
			return (ENOMEM);
	if (avl_insert(&vm->ranges, 0, 0xA0000) == NULL || avl_insert(&vm->ranges, 0x100000, 0x8000000) == NULL)
		return (ENOMEM);
	acpi_build(vm);
	*out = vm;
	return (cpuid_emulate(vm, 0x40000000, regs));
}

static NTSTATUS CALL
gm_ioctl(DEVICE_OBJECT *device, IRP *irp)
{
	struct vm *vm = gm_vm;
	PVOID p = NULL;

	switch ((uint32_t)(ULONG_PTR)irp->Stack->Argument[2]) {
	case 0x9C402400: p = uma_zalloc(vm->exits, M_ZERO); break;
	case 0x9C402404: p = uma_zalloc(vm->irqs, 0); break;
	case 0x9C402408: p = gm_object_alloc((int)irp->Flags, irp->Information); break;
	case 0x9C40240C: p = malloc(irp->Information, M_IOV, M_NOWAIT); break;
	case 0x9C402410: p = ExAllocatePoolWithQuotaTag(PagedPool, irp->Information, 'lcIG'); break; //= GIcl allocation-call direct
	case 0x9C402414: p = MmAllocateMappingAddress(irp->Information, 'paMG'); break; //= GMap allocation-call direct
	case 0x9C402418: p = cpuid_emulate(vm, irp->Flags, irp->SystemBuffer) == 0 ? irp->SystemBuffer : NULL; break;
	}
	irp->SystemBuffer = p;
	irp->Status = p != NULL ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	IoCompleteRequest(irp, 0);
	return (irp->Status);
}

static void CALL
gm_unload(DRIVER_OBJECT *driver)
{
	uint32_t i;

	for (i = 0; i < gm_vm->nvcpus; i++)
		kmem_free(gm_vm->vcpus[i], GM_VCPU);
	kmem_free(gm_vm->trace, GM_TRACE);
	kmem_free(gm_vm->acpi, GM_DEVICE);
	kmem_free(gm_vm->name, GM_CORE);
	free(gm_vm->ept, M_EPT);
	free(gm_vm, M_VM);
}

NTSTATUS CALL
DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
	driver->Unload = gm_unload;
	driver->Major[14] = gm_ioctl;
	return (vm_create(&gm_vm, driver->Flags) == 0 ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES);
}
