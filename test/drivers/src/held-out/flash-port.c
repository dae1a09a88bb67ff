// Held out: a storage miniport for a flash controller, as vendors write it: a hardware layer with its own types, queue pairs that hold
// their tags, extension functions of the port, memory for DMA through one routine that takes everything.
#include "kernel.h"

typedef UCHAR u8; typedef USHORT u16; typedef ULONG u32; typedef ULONGLONG u64;

/* StorPort extension functions; pool is 0, everything else takes other arguments. */
enum { EXT_ALLOC_POOL = 0, EXT_FREE_POOL = 1, EXT_ALLOC_MDL = 2, EXT_LOG_ERROR = 12, EXT_ALLOC_CONTIGUOUS = 26, EXT_FREE_CONTIGUOUS = 27, EXT_REGISTRY = 40, EXT_INIT_PERF = 46 };
#define PORT_ALLOC(ext, size, tag, out) StorPortExtendedFunction(EXT_ALLOC_POOL, (ext), (u32)(size), (u32)(tag), (out))
#define PORT_FREE(ext, p)               StorPortExtendedFunction(EXT_FREE_POOL, (ext), (p))

#define FP_TAG(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)
#define TAG_SUBMISSION FP_TAG('F', 'p', 'S', 'q') //= FpSq any object-field
#define TAG_COMPLETION FP_TAG('F', 'p', 'C', 'q') //= FpCq any object-field
#define TAG_ADMIN      FP_TAG('F', 'p', 'A', 'q') //= FpAq any object-field
#define TAG_IDENTIFY   FP_TAG('F', 'p', 'I', 'd') //= FpId allocation-call stack-slot
#define TAG_HMB        FP_TAG('F', 'p', 'H', 'b') //= FpHb allocation-call stack-slot
#define TAG_LOGPAGE    FP_TAG('F', 'p', 'L', 'p') //= FpLp any wrapper-stack
#define TAG_DUMP       FP_TAG('F', 'p', 'D', 'u') //= FpDu any wrapper-stack
#define REG_SIGNATURE  FP_TAG('N', 'V', 'M', 'e') //~ NVMe firmware-table

typedef struct { u64 phys; PVOID virt; u32 size, tag, node; } fp_dma;
typedef struct fp_queue {
	fp_dma ring;
	u32 id, depth, head, tail, tag, phase;
	volatile u32 *doorbell;
	struct fp_request **slots;
	u32 slot_tag;
} fp_queue;
typedef struct fp_request { struct fp_request *next; u32 signature, command, status; fp_queue *queue; PVOID sg; u8 cdb[16]; } fp_request;
typedef struct { u32 id, block_shift; u64 blocks; u8 *wwn; PVOID stats; } fp_namespace;
typedef struct fp_device {
	PVOID port;
	volatile u32 *regs;
	fp_queue admin, io[8];
	fp_dma identify, host_buffer;
	fp_namespace *namespaces[16];
	fp_request *requests;
	PVOID log_page, crash, vendor_page;
	LOOKASIDE sg_lists;
	u32 queue_count, flags;
	CHAR serial[24];
} fp_device;

typedef struct { u32 size; PVOID(CALL *find)(void); PVOID start, interrupt, initialize, reset, control; u32 extension; } hw_data;

/* ---- the operating system's layer ---- */

static u32 os_pool(fp_device *dev, u32 size, u32 tag, PVOID *out)
{
	u32 rc = PORT_ALLOC(dev->port, size, tag, out);

	if (rc != 0) {
		*out = NULL;
		StorPortExtendedFunction(EXT_LOG_ERROR, dev->port, 'rEpF', size, 0); //~ FpEr other-code
		return rc;
	}
	memset(*out, 0, size);
	return 0;
}

NOINLINE static int os_dma_alloc(fp_dma *dma, u32 size, u32 align, u32 node, u32 tag)
{
	PHYSICAL_ADDRESS low = {{0}}, high, boundary = {{0}};
	SIZE_T bytes = (size + align - 1) & ~(align - 1);

	high.QuadPart = -1;
	boundary.u.Low = align;
	if (MmAllocateContiguousMemoryEx(&bytes, low, high, boundary, node, 4, NULL, tag, 0, &dma->virt) < 0)
		return -1;
	dma->phys = MmGetPhysicalAddress(dma->virt).QuadPart;
	dma->size = (u32)bytes;
	dma->tag = tag;
	dma->node = node;
	memset(dma->virt, 0, bytes);
	return 0;
}

static void os_dma_free(fp_dma *dma)
{
	if (dma->virt != NULL)
		MmFreeContiguousMemory(dma->virt);
	dma->virt = NULL;
}

NOINLINE static PVOID os_page(fp_device *dev, u32 kind, u32 size, u32 flags, u32 tag)
{
	PVOID p;

	if (flags & 1)
		return ExAllocatePoolWithTag(NonPagedPoolNx, size + kind, tag);
	return os_pool(dev, size, tag, &p) == 0 ? p : NULL;
}

/* ---- queues ---- */

static void queue_prepare(fp_queue *q, u32 id, u32 depth, u32 tag, u32 slot_tag)
{
	q->id = id;
	q->depth = depth;
	q->tag = tag;
	q->slot_tag = slot_tag;
	q->phase = 1;
}

NOINLINE static int queue_create(fp_device *dev, fp_queue *q)
{
	PVOID slots;

	if (os_dma_alloc(&q->ring, q->depth * 64, 4096, 0x80000000, q->tag) != 0)
		return -1;
	if (os_pool(dev, q->depth * sizeof(fp_request *), q->slot_tag, &slots) != 0) {
		os_dma_free(&q->ring);
		return -1;
	}
	q->slots = slots;
	q->doorbell = &dev->regs[0x400 + q->id * 2];
	return 0;
}

NOINLINE static int queues_start(fp_device *dev)
{
	u32 i;

	queue_prepare(&dev->admin, 0, 32, TAG_ADMIN, 'sApF'); //= FpAs any object-field
	if (queue_create(dev, &dev->admin) != 0)
		return -1;
	for (i = 0; i < dev->queue_count && i < 8; i += 2) {
		queue_prepare(&dev->io[i], i + 1, 256, TAG_SUBMISSION, 'sSpF'); //= FpSs any object-field
		queue_prepare(&dev->io[i + 1], i + 1, 256, TAG_COMPLETION, 'sCpF'); //= FpCs any object-field
		if (queue_create(dev, &dev->io[i]) != 0 || queue_create(dev, &dev->io[i + 1]) != 0)
			return -1;
	}
	return 0;
}

static void queue_submit(fp_queue *q, fp_request *rq)
{
	rq->signature = 'tSqR'; //~ RqSt magic
	rq->queue = q;
	q->slots[q->tail] = rq;
	q->tail = (q->tail + 1) & (q->depth - 1);
	*q->doorbell = q->tail;
}

/* ---- the device ---- */

NOINLINE static int requests_alloc(fp_device *dev, u32 count)
{
	fp_request *rq;
	PVOID p;

	while (count-- > 0) {
		if (PORT_ALLOC(dev->port, sizeof(fp_request), 'qRpF', &p) != 0) //= FpRq any storport-pool
			return -1;
		rq = p;
		rq->signature = 'eerF'; //~ Free magic
		if (PORT_ALLOC(dev->port, 17 * 16, 'lGpF', &rq->sg) != 0) { //= FpGl any storport-pool
			PORT_FREE(dev->port, rq);
			return -1;
		}
		rq->next = dev->requests;
		dev->requests = rq;
	}
	return 0;
}

NOINLINE static int namespace_add(fp_device *dev, u32 id)
{
	fp_namespace *ns;
	PVOID p;

	if (os_pool(dev, sizeof(*ns), 'sNpF', &p) != 0) //= FpNs wrapper-call wrapper
		return -1;
	ns = p;
	ns->id = id;
	if (os_pool(dev, 16, 'wWpF', &p) != 0) //= FpWw wrapper-call wrapper
		return -1;
	ns->wwn = p;
	memcpy(ns->wwn, "eui.", 4); //~ eui. text
	ns->stats = ExAllocatePoolWithTag(NonPagedPoolNx, 512, 'tSpF'); //= FpSt allocation-call direct
	dev->namespaces[id & 15] = ns;
	return 0;
}

NOINLINE static int identify(fp_device *dev)
{
	fp_request *rq = dev->requests;
	const u8 *data;

	if (os_dma_alloc(&dev->identify, 4096, 4096, 0x80000000, TAG_IDENTIFY) != 0)
		return -1;
	if ((dev->flags & 2) && os_dma_alloc(&dev->host_buffer, 0x400000, 0x1000, 0, TAG_HMB) != 0)
		dev->flags &= ~2u;
	if (rq == NULL || dev->regs[0] == 0xFFFFFFFF)
		return -1;
	dev->requests = rq->next;
	rq->command = 6;
	queue_submit(&dev->admin, rq);
	data = dev->identify.virt;
	memcpy(dev->serial, data + 4, 20);
	if (*(const u32 *)(data + 3072) == REG_SIGNATURE)
		dev->flags |= 4;
	if (memcmp(data + 24, "FLSH", 4) == 0) //~ FLSH text
		dev->flags |= 8;
	return namespace_add(dev, data[516]);
}

static const struct { u32 page, size, signature; const char *name; } vendor_pages[] = {
	{0xC0, 512, 'HTLH', "HLTH"}, //~ HLTH magic
	{0xCA, 4096, 'RREV', "VERR"}, //~ VERR magic
	{0xCE, 1024, 'PMET', "TEMP"}, //~ TEMP magic
};

NOINLINE static void pages_read(fp_device *dev)
{
	u32 i;

	dev->log_page = os_page(dev, 2, 512, 0, TAG_LOGPAGE);
	dev->crash = os_page(dev, 7, 65536, 1, TAG_DUMP);
	dev->vendor_page = os_page(dev, 0xC0, 4096, dev->flags & 1, 'pVpF'); //= FpVp any wrapper-stack
	for (i = 0; dev->vendor_page != NULL && i < 3; i++)
		if (*(u32 *)dev->vendor_page == vendor_pages[i].signature)
			DbgPrint("flash-port: page %x is %s\n", vendor_pages[i].page, vendor_pages[i].name);
	StorPortExtendedFunction(EXT_INIT_PERF, dev->port, TRUE, 'fPpF'); //~ FpPf other-code
	StorPortExtendedFunction(EXT_ALLOC_MDL, dev->port, dev->log_page, 'lMpF', &i); //~ FpMl other-code
	StorPortExtendedFunction(EXT_ALLOC_CONTIGUOUS, dev->port, 4096, 'gCpF', 4, &i); //~ FpCg other-code
}

/* ---- what the port calls ---- */

static u32 CALL hw_find(fp_device *dev, PVOID context, PVOID bus, const CHAR *arguments, ULONG *config, BOOLEAN *again)
{
	PVOID p;

	dev->port = dev;
	dev->regs = *(volatile u32 **)&config[8];
	dev->queue_count = config[2];
	if (config[3] == 'SPCA') //~ ACPS firmware-table
		dev->flags |= 16;
	StorPortExtendedFunction(EXT_REGISTRY, dev->port, "Parameters", 1, 'ergF'); //~ Fgre other-code
	if (os_pool(dev, config[4], 'xCpF', &p) != 0) //= FpCx wrapper-call wrapper
		return 3;
	config[9] = *(u32 *)p;
	return 1;
}

static BOOLEAN CALL hw_initialize(fp_device *dev)
{
	ExInitializeNPagedLookasideList(&dev->sg_lists, NULL, NULL, 0x200, 33 * 16, 'gSpF', 0); //= FpSg lookaside-init lookaside
	if (queues_start(dev) != 0 || requests_alloc(dev, 64) != 0 || identify(dev) != 0)
		return FALSE;
	pages_read(dev);
	return TRUE;
}

static BOOLEAN CALL hw_start_io(fp_device *dev, UCHAR *srb)
{
	fp_request *rq = dev->requests;
	PVOID bounce;

	if (rq == NULL) {
		StorPortNotification(5, dev, 'ysuB'); //~ Busy not-an-allocator
		return TRUE;
	}
	dev->requests = rq->next;
	memcpy(rq->cdb, srb + 48, 16);
	switch (rq->cdb[0]) {
	case 0xA3:
		if (PORT_ALLOC(dev->port, 4096, 'zSpF', &bounce) != 0) //= FpSz any storport-pool
			return FALSE;
		rq->sg = bounce;
		break;
	case 0x5E:
		if (os_pool(dev, 24 * 8, 'rPpF', &rq->sg) != 0) //= FpPr wrapper-call wrapper
			return FALSE;
		break;
	case 0x42:
		rq->sg = ExAllocatePool2(POOL_FLAG_NON_PAGED, srb[8] * 16, 'mTpF'); //= FpTm allocation-call direct
		if (rq->sg == NULL)
			return FALSE;
		break;
	}
	queue_submit(&dev->io[srb[4] & 6], rq);
	return TRUE;
}

static u32 CALL hw_control(fp_device *dev, u32 kind, PVOID parameters)
{
	u32 i;

	if (kind != 1)
		return 1;
	for (i = 0; i < 8; i++)
		os_dma_free(&dev->io[i].ring);
	os_dma_free(&dev->identify);
	if (dev->crash != NULL)
		ExFreePoolWithTag(dev->crash, TAG_DUMP);
	if (dev->admin.slots == NULL)
		KeBugCheckEx('pFlB', (ULONG_PTR)dev, 0, 0, 0); //~ BlFp bug-check
	PORT_FREE(dev->port, dev->log_page);
	return 0;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
	hw_data data;
	PVOID extension;

	memset(&data, 0, sizeof(data));
	data.size = sizeof(data);
	data.find = (PVOID(CALL *)(void))hw_find;
	data.initialize = hw_initialize;
	data.start = hw_start_io;
	data.control = hw_control;
	data.extension = sizeof(fp_device);
	if (IoAllocateDriverObjectExtension(driver, (PVOID)(ULONG_PTR)'tEpF', 128, &extension) < 0) //~ FpEt other-argument
		return STATUS_INSUFFICIENT_RESOURCES;
	*(PVOID *)extension = ExAllocatePoolWithTag(PagedPool, path->Length, 'hPpF'); //= FpPh allocation-call direct
	return (NTSTATUS)StorPortInitialize(driver, path, &data, extension);
}
