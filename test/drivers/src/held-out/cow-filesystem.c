// Held out: a file system that copies on write: trees of items in buffers, extents, files with their control blocks, lookaside lists of the driver
// and of each volume, caches of buffers, worker threads, compression, paging files, and helpers that duplicate names.
#include "kernel.h"

#define COW_TAG 'woCC' //= CCow any direct
#define COW_TAG_FCB 'cFCC' //= CCFc any wrapper-fixed
#define COW_TAG_FILEREF 'rFCC' //= CCFr any wrapper-fixed
#define COW_TAG_CCB 'bCCC' //= CCCb any direct
#define COW_TAG_STRING 'tSCC' //= CCSt any wrapper-fixed
#define COW_TAG_TREE 'rTCC' //= CCTr any lookaside
#define COW_TAG_ITEM 'tICC' //= CCIt any lookaside
#define COW_TAG_BUFFER 'uBCC' //= CCBu any object-field
#define COW_TAG_EXTENT 'xECC' //= CCEx any lookaside
#define COW_TAG_JOB 'bJCC' //= CCJb any lookaside
#define COW_TAG_ROLLBACK 'bRCC' //= CCRb any lookaside
#define COW_TAG_BATCH 'aBCC' //= CCBa any lookaside
#define COW_TAG_PAGING 'gPCC' //= CCPg any direct
#define COW_TAG_NOTIFY 'yNCC' //= CCNy any callback
#define COW_TAG_DEVICE 'vDCC' //= CCDv any direct

/* on-disk */
#define COW_MAGIC 0x4d5f576f436b7344ULL /* "DskCoW_M" */ //~ DskC magic //~ oW_M magic
#define COW_SB_OFFSET 0x10000
#define LABEL_MAGIC 'LBAL' //~ LABL magic
#define LOG_MAGIC 'GOLC' //~ CLOG magic
#define SEND_MAGIC 'DNSC' //~ CSND magic
#define INLINE_MAGIC 'NLNI' //~ INLN magic

/* kinds of nodes in memory, as the header of each says */
#define NODE_VCB 'BCVC' //~ CVCB magic
#define NODE_FCB 'BCFC' //~ CFCB magic
#define NODE_CCB 'BCCB' //~ BCCB magic

#define IOCTL_COW_QUERY 0x41574F43 /* "COWA" */ //~ COWA magic
#define IOCTL_COW_SNAP 0x53574F43 /* "COWS" */ //~ COWS magic

typedef struct { ULONG64 id; UCHAR type; ULONG64 offset; } COW_KEY;
typedef struct { ULONG64 csum[2]; ULONG64 magic, generation, root, total, used; ULONG sector, node; ULONG label_magic; WCHAR label[32]; } COW_SUPERBLOCK;
typedef struct { ULONG_PTR opaque[13]; } ERES;
typedef struct { SHORT NodeType; USHORT NodeSize; PVOID Resource, PagingResource; LONGLONG AllocationSize, FileSize, ValidLength; } FCB_HEADER;

typedef struct cow_item { LIST_ENTRY links; COW_KEY key; void *data; USHORT size; BOOLEAN inserted; } cow_item;
typedef struct cow_tree { LIST_ENTRY links, items; struct cow_tree *parent; ULONG64 address; UCHAR level; BOOLEAN dirty; void *buf; } cow_tree;
typedef struct cow_root { LIST_ENTRY links; ULONG64 id; cow_tree *top; ERES load; } cow_root;
typedef struct cow_extent { LIST_ENTRY links; ULONG64 offset, disk, length; ULONG compression; void *inline_data; ULONG magic; } cow_extent;
typedef struct { const CHAR *name; ULONG size, tag; LOOKASIDE list; LONG allocs, frees; } cow_cache;
typedef struct cow_vcb cow_vcb;
typedef struct cow_fcb {
    FCB_HEADER header;
    ULONG signature;
    LONG refs;
    cow_vcb *vcb;
    cow_root *root;
    ULONG64 inode;
    ERES resource, paging;
    LIST_ENTRY extents, links;
    void *acl, *xattrs;
    UNICODE_STRING reparse, ads;
    BOOLEAN paging_file;
} cow_fcb;
typedef struct cow_fileref { struct cow_fileref *parent; cow_fcb *fcb; UNICODE_STRING name; LONG refs; LIST_ENTRY children, links; } cow_fileref;
typedef struct cow_ccb { ULONG signature; UNICODE_STRING query; ULONG options; cow_fileref *fileref; } cow_ccb;
typedef struct cow_job { LIST_ENTRY links; void *in, *out; ULONG in_size, out_size, type; LONG left; } cow_job;
struct cow_vcb {
    ULONG signature;
    DEVICE_OBJECT *device;
    COW_SUPERBLOCK sb;
    ERES tree_lock, fcb_lock;
    LIST_ENTRY roots, trees, fcbs, jobs;
    LOOKASIDE tree_lookaside, item_lookaside, rollback_lookaside;
    LOOKASIDE batch_lookaside;
    cow_cache buffers, sectors;
    PVOID notify[6];
    ULONG_PTR job_lock;
    ULONG flags, compression;
    HANDLE threads[8];
    PVOID mapping;
    cow_fileref *root_fileref;
};

static LOOKASIDE extent_lookaside, job_lookaside;
static LIST_ENTRY vcb_list;
static ERES global_lock;
static UNICODE_STRING registry_path;
static PVOID volatile keep;
static PVOID(CALL *pool2)(ULONG64, SIZE_T, ULONG);

static void list_init(LIST_ENTRY *list) { list->Flink = list->Blink = list; }
static void list_push(LIST_ENTRY *list, LIST_ENTRY *entry)
{
    entry->Blink = list->Blink;
    entry->Flink = list;
    list->Blink->Flink = entry;
    list->Blink = entry;
}

/* ---- helpers ---- */

NOINLINE static BOOLEAN dup_string(UNICODE_STRING *to, const UNICODE_STRING *from)
{
    to->Buffer = NULL;
    to->Length = to->MaximumLength = from->Length;
    if (from->Length == 0) return TRUE;
    to->Buffer = ExAllocatePoolWithTag(PagedPool, from->Length, COW_TAG_STRING);
    if (to->Buffer == NULL) return FALSE;
    memcpy(to->Buffer, from->Buffer, from->Length);
    return TRUE;
}

NOINLINE static NTSTATUS utf8_dup(UNICODE_STRING *to, const CHAR *from, ULONG size, ULONG type, ULONG tag)
{
    ULONG i;

    to->Buffer = ExAllocatePoolWithTag(type, size * sizeof(WCHAR), tag);
    if (to->Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < size; i++) to->Buffer[i] = (UCHAR)from[i];
    to->Length = to->MaximumLength = (USHORT)(size * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/* The new call where the system has it, the old one where it has not. */
NOINLINE static void *cow_zalloc(SIZE_T size, ULONG tag)
{
    void *p;

    if (pool2 != NULL) return pool2(POOL_FLAG_NON_PAGED, size, tag);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
    if (p != NULL) memset(p, 0, size);
    return p;
}

/* ---- caches of buffers ---- */

NOINLINE static void cache_init(cow_cache *cache, const CHAR *name, ULONG size, ULONG tag)
{
    cache->name = name;
    cache->size = size;
    cache->tag = tag;
    cache->allocs = cache->frees = 0;
    ExInitializePagedLookasideList(&cache->list, NULL, NULL, 0, size, tag, 0);
}

NOINLINE static void *cache_get(cow_cache *cache, ULONG size)
{
    cache->allocs++;
    if (size > cache->size) return ExAllocatePoolWithTag(PagedPool, size, cache->tag);
    return ExpInterlockedPopEntrySList(&cache->list);
}

NOINLINE static void cache_put(cow_cache *cache, void *p, ULONG size)
{
    cache->frees++;
    if (size > cache->size) ExFreePoolWithTag(p, cache->tag);
    else ExpInterlockedPushEntrySList(&cache->list, p);
}

/* ---- trees ---- */

NOINLINE static ULONG crc32c(ULONG seed, const UCHAR *data, ULONG size)
{
    ULONG bit;

    while (size-- != 0)
        for (seed ^= *data++, bit = 0; bit < 8; bit++) seed = (seed >> 1) ^ (seed & 1 ? 0x82F63B78 : 0);
    return seed;
}

NOINLINE static NTSTATUS load_tree(cow_vcb *vcb, ULONG64 address, cow_tree *parent, cow_tree **out)
{
    PUCHAR buf = cache_get(&vcb->buffers, vcb->sb.node);
    cow_tree *tree;
    ULONG count, i;

    if (buf == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (crc32c(~0u, buf + 32, vcb->sb.node - 32) != *(ULONG *)buf) {
        cache_put(&vcb->buffers, buf, vcb->sb.node);
        return (NTSTATUS)0xC0000032;
    }
    tree = ExpInterlockedPopEntrySList(&vcb->tree_lookaside);
    if (tree == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    list_init(&tree->items);
    tree->parent = parent;
    tree->address = address;
    tree->buf = buf;
    count = *(ULONG *)(buf + 96);
    for (i = 0; i < count && i < 1024; i++) {
        cow_item *item = ExpInterlockedPopEntrySList(&vcb->item_lookaside);

        if (item == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(&item->key, buf + 101 + i * 25, 17);
        item->inserted = FALSE;
        item->data = NULL;
        list_push(&tree->items, &item->links);
    }
    list_push(&vcb->trees, &tree->links);
    *out = tree;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS insert_item(cow_vcb *vcb, cow_root *root, UCHAR type, const void *data, USHORT size)
{
    cow_item *item = ExpInterlockedPopEntrySList(&vcb->item_lookaside);

    if (item == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    item->key.id = root->id;
    item->key.type = type;
    item->size = size;
    item->data = ExAllocatePoolWithTag(PagedPool, size, type == 0x6C ? 'eICC' : 'dICC'); //= CCIe any ternary //= CCId any ternary
    if (item->data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(item->data, data, size);
    item->inserted = TRUE;
    list_push(&root->top->items, &item->links);
    root->top->dirty = TRUE;
    return STATUS_SUCCESS;
}

static cow_root *root_create(cow_vcb *vcb, ULONG64 id)
{
    cow_root *root = cow_zalloc(sizeof(*root), 'oRCC'); //= CCRo any allocator-choice

    if (root == NULL) return NULL;
    root->id = id;
    ExInitializeResourceLite(&root->load);
    if (load_tree(vcb, id << 14, NULL, &root->top) < 0) {
        ExFreePool(root);
        return NULL;
    }
    list_push(&vcb->roots, &root->links);
    return root;
}

/* ---- files ---- */

NOINLINE static cow_fcb *create_fcb(cow_vcb *vcb, ULONG pool)
{
    cow_fcb *fcb = ExAllocatePoolWithTag(pool, sizeof(*fcb), COW_TAG_FCB);

    if (fcb == NULL) return NULL;
    memset(fcb, 0, sizeof(*fcb));
    fcb->header.NodeType = 0x0702;
    fcb->header.NodeSize = sizeof(*fcb);
    fcb->signature = NODE_FCB;
    fcb->vcb = vcb;
    fcb->refs = 1;
    ExInitializeResourceLite(&fcb->resource);
    ExInitializeResourceLite(&fcb->paging);
    fcb->header.Resource = &fcb->resource;
    fcb->header.PagingResource = &fcb->paging;
    list_init(&fcb->extents);
    list_push(&vcb->fcbs, &fcb->links);
    return fcb;
}

NOINLINE static cow_fileref *create_fileref(cow_fileref *parent, cow_fcb *fcb, const UNICODE_STRING *name)
{
    cow_fileref *ref = ExAllocatePoolWithTag(PagedPool, sizeof(*ref), COW_TAG_FILEREF);

    if (ref == NULL) return NULL;
    memset(ref, 0, sizeof(*ref));
    ref->refs = 1;
    ref->parent = parent;
    ref->fcb = fcb;
    list_init(&ref->children);
    if (!dup_string(&ref->name, name)) {
        ExFreePoolWithTag(ref, COW_TAG_FILEREF);
        return NULL;
    }
    if (parent != NULL) list_push(&parent->children, &ref->links);
    return ref;
}

NOINLINE static NTSTATUS add_extent(cow_fcb *fcb, ULONG64 offset, ULONG64 length, const void *data, ULONG size)
{
    cow_extent *ext = ExpInterlockedPopEntrySList(&extent_lookaside);

    if (ext == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    ext->offset = offset;
    ext->length = length;
    ext->compression = fcb->vcb->compression;
    ext->inline_data = NULL;
    ext->magic = 0;
    if (size <= 2048) {
        ext->inline_data = ExAllocatePoolWithTag(fcb->paging_file ? NonPagedPool : PagedPool, size, 'lICC'); //= CCIl any direct
        if (ext->inline_data == NULL) {
            ExpInterlockedPushEntrySList(&extent_lookaside, ext);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        memcpy(ext->inline_data, data, size);
        ext->magic = INLINE_MAGIC;
    }
    list_push(&fcb->extents, &ext->links);
    return STATUS_SUCCESS;
}

NOINLINE static void free_fcb(cow_fcb *fcb)
{
    if (--fcb->refs > 0 || fcb->signature != NODE_FCB) return;
    while (fcb->extents.Flink != &fcb->extents) {
        cow_extent *ext = (cow_extent *)fcb->extents.Flink;

        fcb->extents.Flink = ext->links.Flink;
        if (ext->magic == INLINE_MAGIC) ExFreePoolWithTag(ext->inline_data, 'lICC');
        ExpInterlockedPushEntrySList(&extent_lookaside, ext);
    }
    if (fcb->acl != NULL) ExFreePool(fcb->acl);
    if (fcb->reparse.Buffer != NULL) ExFreePoolWithTag(fcb->reparse.Buffer, 'pRCC');
    ExDeleteResourceLite(&fcb->resource);
    ExDeleteResourceLite(&fcb->paging);
    fcb->signature = 0;
    ExFreePoolWithTag(fcb, COW_TAG_FCB);
}

static NTSTATUS set_reparse(cow_fcb *fcb, const CHAR *target, ULONG size)
{
    if (size > 0x4000) return STATUS_INVALID_PARAMETER;
    return utf8_dup(&fcb->reparse, target, size, PagedPool, 'pRCC'); //= CCRp any wrapper
}

static NTSTATUS set_stream(cow_fcb *fcb, const CHAR *name, ULONG size)
{
    NTSTATUS status = utf8_dup(&fcb->ads, name, size, fcb->paging_file ? NonPagedPoolNx : PagedPool, 'sACC'); //= CCAs any wrapper

    if (status < 0) return status;
    fcb->xattrs = cow_zalloc(size + 16, 'aXCC'); //= CCXa any allocator-choice
    return fcb->xattrs == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* ---- compression: each kind says how much memory it works with ---- */

typedef struct { CHAR option[8]; ULONG fourcc; ULONG tag, work; NTSTATUS (*pack)(cow_job *, void *work); } cow_codec;
static NTSTATUS pack_none(cow_job *job, void *work) { memcpy(job->out, job->in, job->in_size); return STATUS_SUCCESS; }
static NTSTATUS pack_runs(cow_job *job, void *work)
{
    PUCHAR in = job->in, out = job->out;
    ULONG i, n = 0;

    for (i = 0; i < job->in_size && n + 2 < job->out_size; i++) {
        if (i > 0 && in[i] == in[i - 1] && out[n - 1] < 255) out[n - 1]++;
        else { out[n++] = in[i]; out[n++] = 1; }
    }
    ((ULONG *)work)[0] = n;
    return STATUS_SUCCESS;
}
static const cow_codec codecs[] = {
    { "none", 'ENON', 'nZCC', 16, pack_none }, //~ NONE magic //= CCZn any tag-table //~ none text
    { "zlib", 'BILZ', 'lZCC', 0x4000, pack_runs }, //~ ZLIB magic //= CCZl any tag-table //~ zlib text
    { "lzo", '1OZL', 'oZCC', 0x8000, pack_runs }, //~ LZO1 magic //= CCZo any tag-table
    { "zstd", 'DTSZ', 'sZCC', 0x20000, pack_runs }, //~ ZSTD magic //= CCZs any tag-table //~ zstd text
};

NOINLINE static NTSTATUS run_job(cow_vcb *vcb, cow_job *job)
{
    const cow_codec *codec;
    void *work;
    NTSTATUS status;

    if (job->type >= sizeof(codecs) / sizeof(codecs[0])) return STATUS_INVALID_PARAMETER;
    codec = &codecs[job->type];
    work = ExAllocatePoolWithTag(PagedPool, codec->work, codec->tag);
    if (work == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    status = codec->pack(job, work);
    if (status >= 0) ((ULONG *)job->out)[-1] = codec->fourcc;
    ExFreePoolWithTag(work, codec->tag);
    return status;
}

static void CALL calc_thread(cow_vcb *vcb)
{
    for (;;) {
        cow_job *job;
        UCHAR irql;

        KeWaitForSingleObject(&vcb->jobs, 0, 0, FALSE, NULL);
        if (vcb->flags & 0x80) return;
        irql = KeAcquireSpinLockRaiseToDpc(&vcb->job_lock);
        job = vcb->jobs.Flink != &vcb->jobs ? (cow_job *)vcb->jobs.Flink : NULL;
        if (job != NULL) vcb->jobs.Flink = job->links.Flink;
        KeReleaseSpinLock(&vcb->job_lock, irql);
        if (job == NULL) continue;
        run_job(vcb, job);
        ExpInterlockedPushEntrySList(&job_lookaside, job);
    }
}

NOINLINE static NTSTATUS add_job(cow_vcb *vcb, const void *data, ULONG size)
{
    cow_job *job = ExpInterlockedPopEntrySList(&job_lookaside);
    PULONG out;

    if (job == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    out = ExAllocatePool2(POOL_FLAG_PAGED, size + sizeof(ULONG), 'oJCC'); //= CCJo any direct
    if (out == NULL) {
        ExpInterlockedPushEntrySList(&job_lookaside, job);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    job->in = (void *)data;
    job->in_size = job->out_size = size;
    job->out = out + 1;
    job->type = vcb->compression;
    list_push(&vcb->jobs, &job->links);
    return STATUS_SUCCESS;
}

/* ---- notifications: a table of the system's, with memory of ours ---- */

static PVOID CALL notify_alloc(PVOID table, ULONG size) { return ExAllocatePoolWithTag(PagedPool, size, COW_TAG_NOTIFY); }
static void CALL notify_free(PVOID table, PVOID p) { ExFreePoolWithTag(p, COW_TAG_NOTIFY); }
static ULONG CALL notify_compare(PVOID table, PVOID a, PVOID b) { return *(ULONG64 *)a < *(ULONG64 *)b ? 0 : *(ULONG64 *)a > *(ULONG64 *)b ? 1 : 2; }

/* ---- send: a stream of commands ---- */

typedef struct { cow_vcb *vcb; PUCHAR data; ULONG pos, size, tag; } send_context;

NOINLINE static BOOLEAN send_reserve(send_context *ctx, ULONG size)
{
    PUCHAR grown;

    if (ctx->pos + size <= ctx->size) return TRUE;
    grown = ExAllocatePoolWithTag(PagedPool, ctx->size + size + 4096, ctx->tag);
    if (grown == NULL) return FALSE;
    if (ctx->data != NULL) {
        memcpy(grown, ctx->data, ctx->pos);
        ExFreePoolWithTag(ctx->data, ctx->tag);
    }
    ctx->data = grown;
    ctx->size += size + 4096;
    return TRUE;
}

NOINLINE static void send_command(send_context *ctx, ULONG command, const void *data, ULONG size)
{
    if (!send_reserve(ctx, size + 12)) return;
    ((ULONG *)(ctx->data + ctx->pos))[0] = size;
    ((ULONG *)(ctx->data + ctx->pos))[1] = command;
    memcpy(ctx->data + ctx->pos + 12, data, size);
    ctx->pos += size + 12;
}

NOINLINE static NTSTATUS send_subvolume(cow_vcb *vcb, cow_root *root)
{
    send_context ctx = { vcb, NULL, 0, 0, 'eSCC' }; //= CCSe any wrapper-structure
    ULONG magic = SEND_MAGIC;

    send_command(&ctx, 1, &magic, sizeof(magic));
    send_command(&ctx, 0x4C425553, &root->id, sizeof(root->id)); //~ SUBL magic
    send_command(&ctx, 'NEND', &vcb->sb.generation, 8); //~ DNEN magic
    if (ctx.data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    keep = ctx.data;
    return STATUS_SUCCESS;
}

/* ---- mounts ---- */

NOINLINE static NTSTATUS check_superblock(const COW_SUPERBLOCK *sb)
{
    if (sb->magic != COW_MAGIC) return (NTSTATUS)0xC000014F;
    if (sb->label_magic != LABEL_MAGIC && sb->label_magic != 0) return (NTSTATUS)0xC0000032;
    return crc32c(~0u, (const UCHAR *)sb + 32, sizeof(*sb) - 32) == (ULONG)sb->csum[0] ? STATUS_SUCCESS : (NTSTATUS)0xC0000032;
}

NOINLINE static NTSTATUS mount_volume(DEVICE_OBJECT *lower, cow_vcb *vcb)
{
    COW_SUPERBLOCK *sb = ExAllocatePoolWithTag(NonPagedPoolNx, 4096, COW_TAG);
    UNICODE_STRING none = { 0, 0, NULL };
    cow_fcb *fcb;
    ULONG i;
    NTSTATUS status;

    if (sb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    vcb->mapping = MmAllocateMappingAddress(0x10000, 'pMCC'); //= CCMp any direct
    status = check_superblock(sb);
    memcpy(&vcb->sb, sb, sizeof(*sb));
    ExFreePoolWithTag(sb, COW_TAG);
    if (status < 0) return status;
    vcb->signature = NODE_VCB;
    list_init(&vcb->roots);
    list_init(&vcb->trees);
    list_init(&vcb->fcbs);
    list_init(&vcb->jobs);
    ExInitializeResourceLite(&vcb->tree_lock);
    ExInitializeResourceLite(&vcb->fcb_lock);
    ExInitializePagedLookasideList(&vcb->tree_lookaside, NULL, NULL, 0, sizeof(cow_tree), COW_TAG_TREE, 0);
    ExInitializePagedLookasideList(&vcb->item_lookaside, NULL, NULL, 0, sizeof(cow_item), COW_TAG_ITEM, 0);
    ExInitializePagedLookasideList(&vcb->rollback_lookaside, NULL, NULL, 0, 48, COW_TAG_ROLLBACK, 0);
    ExInitializeLookasideListEx(&vcb->batch_lookaside, NULL, NULL, PagedPool, 0, 96, COW_TAG_BATCH, 0);
    cache_init(&vcb->buffers, "nodes", vcb->sb.node, COW_TAG_BUFFER);
    cache_init(&vcb->sectors, "sectors", vcb->sb.sector, 'cSCC'); //= CCSc any object-field
    RtlInitializeGenericTableAvl(vcb->notify, (PVOID)notify_compare, (PVOID)notify_alloc, (PVOID)notify_free, vcb);
    fcb = create_fcb(vcb, NonPagedPool);
    if (fcb == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    fcb->root = root_create(vcb, 5);
    vcb->root_fileref = create_fileref(NULL, fcb, &none);
    keep = cache_get(&vcb->sectors, 512);
    for (i = 0; i < 4; i++) PsCreateSystemThread(&vcb->threads[i], 0, NULL, NULL, NULL, (PVOID)calc_thread, vcb);
    return vcb->root_fileref == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

NOINLINE static NTSTATUS replay_log(cow_vcb *vcb, ULONG size)
{
    ULONG *log = FsRtlAllocatePoolWithTag(PagedPool, size, 'gLCC'), pos; //= CCLg any direct

    for (pos = 0; pos + 4 < size / 4 && log[pos] == LOG_MAGIC; pos += log[pos + 1])
        if (log[pos + 2] == 'TIMC') vcb->sb.generation++; //~ CMIT magic
    ExFreePoolWithTag(log, 'gLCC');
    return STATUS_SUCCESS;
}

/* ---- requests ---- */

static NTSTATUS CALL drv_create(DEVICE_OBJECT *device, IRP *irp)
{
    cow_vcb *vcb = device->Extension;
    UNICODE_STRING *name = irp->Stack->Argument[0];
    cow_fcb *fcb;
    cow_ccb *ccb;

    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&vcb->fcb_lock, TRUE);
    fcb = create_fcb(vcb, irp->Flags & 2 ? NonPagedPool : PagedPool);
    ccb = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*ccb), COW_TAG_CCB);
    if (fcb != NULL && ccb != NULL) {
        memset(ccb, 0, sizeof(*ccb));
        ccb->signature = NODE_CCB;
        ccb->fileref = create_fileref(vcb->root_fileref, fcb, name);
        if (irp->Flags & 2) {
            fcb->paging_file = TRUE;
            fcb->acl = ExAllocatePoolWithTag(NonPagedPool, 256, COW_TAG_PAGING);
        }
        irp->Information = (ULONG_PTR)ccb;
    }
    ExReleaseResourceLite(&vcb->fcb_lock);
    KeLeaveCriticalRegion();
    return fcb == NULL || ccb == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

static NTSTATUS CALL drv_close(DEVICE_OBJECT *device, IRP *irp)
{
    cow_ccb *ccb = irp->Stack->Argument[3];

    if (ccb->signature != NODE_CCB) return STATUS_INVALID_PARAMETER;
    if (ccb->query.Buffer != NULL) ExFreePoolWithTag(ccb->query.Buffer, COW_TAG_STRING);
    free_fcb(ccb->fileref->fcb);
    ExFreePoolWithTag(ccb, COW_TAG_CCB);
    return STATUS_SUCCESS;
}

static NTSTATUS CALL drv_control(DEVICE_OBJECT *device, IRP *irp)
{
    cow_vcb *vcb = device->Extension;
    cow_ccb *ccb = irp->Stack->Argument[3];
    cow_fcb *fcb = ccb->fileref->fcb;

    switch ((ULONG)(ULONG_PTR)irp->Stack->Argument[2]) {
    case 0x90000: return mount_volume(irp->Stack->Argument[0], vcb);
    case 0x900A4: return set_reparse(fcb, irp->SystemBuffer, irp->Flags);
    case 0x900A8: return set_stream(fcb, irp->SystemBuffer, irp->Flags);
    case 0x900AC: return add_extent(fcb, 0, irp->Flags, irp->SystemBuffer, irp->Flags);
    case 0x900B0: return add_job(vcb, irp->SystemBuffer, irp->Flags);
    case 0x900B4: return replay_log(vcb, 0x10000);
    case 0x900B8: return insert_item(vcb, fcb->root, irp->Stack->Minor, irp->SystemBuffer, (USHORT)irp->Flags);
    case IOCTL_COW_QUERY: return dup_string(&ccb->query, irp->SystemBuffer) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    case IOCTL_COW_SNAP: return send_subvolume(vcb, fcb->root);
    default: return STATUS_NOT_SUPPORTED;
    }
}

static void read_registry(UNICODE_STRING *path)
{
    UNICODE_STRING name;
    ULONG needed, *info;

    RtlInitUnicodeString(&name, (const WCHAR *)L"Compress");
    if (ZwQueryValueKey(NULL, &name, 2, NULL, 0, &needed) >= 0) return;
    info = ExAllocatePoolWithTag(PagedPool, needed, 'gRCC'); //= CCRg any direct
    if (info == NULL) return;
    ZwQueryValueKey(NULL, &name, 2, info, needed, &needed);
    if (info[3] == 0x0065007A) keep = info; /* "ze" of a wide text */
    ExFreePool(info);
}

static void CALL drv_unload(DRIVER_OBJECT *driver)
{
    ExDeletePagedLookasideList(&extent_lookaside);
    ExDeleteNPagedLookasideList(&job_lookaside);
    ExDeleteResourceLite(&global_lock);
    if (registry_path.Buffer != NULL) ExFreePoolWithTag(registry_path.Buffer, COW_TAG_STRING);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
    UNICODE_STRING name;
    DEVICE_OBJECT *device;
    NTSTATUS status;

    RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool2");
    *(PVOID *)&pool2 = MmGetSystemRoutineAddress(&name);
    if (!dup_string(&registry_path, path)) return STATUS_INSUFFICIENT_RESOURCES;
    read_registry(path);
    ExInitializeResourceLite(&global_lock);
    ExInitializePagedLookasideList(&extent_lookaside, NULL, NULL, 0, sizeof(cow_extent), COW_TAG_EXTENT, 0);
    ExInitializeNPagedLookasideList(&job_lookaside, NULL, NULL, 0, sizeof(cow_job), COW_TAG_JOB, 0);
    list_init(&vcb_list);
    driver->Unload = drv_unload;
    driver->Major[0] = drv_create;
    driver->Major[2] = drv_close;
    driver->Major[13] = drv_control;
    RtlInitUnicodeString(&name, (const WCHAR *)L"\\CowFs");
    status = IoCreateDevice(driver, sizeof(cow_vcb), &name, 8, 0, FALSE, &device);
    if (status < 0) return status;
    keep = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, 512, COW_TAG_DEVICE);
    return STATUS_SUCCESS;
}
