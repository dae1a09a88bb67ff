// Held out: a VPN's lightweight filter: one default tag behind macros, peers and key pairs with nested pools, hash tables that allocate
// with the owner's tag, packet pools, timers, a variadic logger, calls by a table that a template of the vendor fills.
#include "kernel.h"

#define MEMORY_TAG '0nuT' //= Tun0 any direct
#define MEM_ALLOC(size) ExAllocatePoolWithTag(NonPagedPoolNx, (size), MEMORY_TAG)
#define MEM_ALLOC_ARRAY(type, n, tag) ((type *)mem_alloc_array((n), sizeof(type), (tag), __func__))
#define MEM_FREE(p) ExFreePoolWithTag((p), MEMORY_TAG)

struct ndis_header { UCHAR type, revision; USHORT size; };
struct nbl_params { struct ndis_header header; UCHAR protocol; BOOLEAN with_buffer; USHORT context; ULONG tag; ULONG data; ULONG flags; };
struct timer_params { struct ndis_header header; ULONG tag; PVOID function, context; };

static PVOID volatile trace;

/* mem: arrays, zeroed and checked; the name of the caller comes last */
NOINLINE static PVOID mem_alloc_array(SIZE_T n, SIZE_T each, ULONG tag, const char *who)
{
    PVOID p = NULL;
    if (each == 0 || n <= (SIZE_T)-1 / each)
        p = ExAllocatePool2(POOL_FLAG_NON_PAGED, n * each, tag);
    if (p == NULL)
        DbgPrint("%s: no memory\n", who);
    return p;
}

/* log: what it is called with looks like allocations */
NOINLINE static ULONG log_event(ULONG area, ULONG level, ULONG code, const char *format, ...)
{
    CHAR text[96];
    __builtin_va_list list;
    ULONG size;
    __builtin_va_start(list, format);
    size = (ULONG)_vsnprintf(text, sizeof(text), format, list);
    __builtin_va_end(list);
    return DbgPrint("%.4s %u %x %s\n", (CHAR *)&area, level, code, text) + size;
}

/* table: buckets are allocated when the first entry comes, with the tag of whoever made the table */
struct hash_table {
    ULONG (*hash)(struct hash_table *t, const void *key, SIZE_T size, ULONG seed);
    struct hash_entry **buckets;
    ULONG count, mask, seed, tag;
};
struct hash_entry { struct hash_entry *next; ULONG hash; SIZE_T size; UCHAR key[1]; };
static ULONG hash_bytes(struct hash_table *t, const void *key, SIZE_T size, ULONG seed)
{
    const UCHAR *p = key;
    ULONG h = seed ^ 'hsah'; //~ hash magic
    while (size--) h = (h << 5) - h + *p++;
    return h & t->mask;
}
NOINLINE static void table_init(struct hash_table *t, ULONG bits, ULONG tag)
{
    t->hash = hash_bytes;
    t->mask = (1u << bits) - 1;
    t->seed = '1V2h'; //~ h2V1 magic
    t->tag = tag;
    t->buckets = NULL;
    t->count = 0;
}
NOINLINE static NTSTATUS table_add(struct hash_table *t, const void *key, SIZE_T size)
{
    ULONG at;
    struct hash_entry *entry;
    if (t->buckets == NULL) {
        t->buckets = ExAllocatePoolWithTag(NonPagedPoolNx, (t->mask + 1) * sizeof(PVOID), t->tag);
        if (t->buckets == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
        memset(t->buckets, 0, (t->mask + 1) * sizeof(PVOID));
    }
    at = t->hash(t, key, size, t->seed);
    entry = MEM_ALLOC(sizeof(*entry) + size);
    if (entry == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    entry->next = t->buckets[at];
    entry->size = size;
    memcpy(entry->key, key, size);
    t->buckets[at] = entry;
    t->count++;
    return STATUS_SUCCESS;
}

/* device */
struct peer { LIST_ENTRY link; struct hash_table routes; LOOKASIDE keypairs; HANDLE timer; ULONG magic; PVOID handshake; };
struct device {
    LIST_ENTRY peers;
    struct hash_table by_key, by_index;
    HANDLE pools[3];
    PVOID rings[2];
    ULONG ring_tag;
    ULONG state;
};
static struct device *the_device;

static void CALL peer_timer(PVOID a, PVOID context, PVOID b, PVOID c) { ((struct peer *)context)->magic = 'dlxE'; } //~ Exld magic

NOINLINE static HANDLE make_pool(HANDLE filter, USHORT context, BOOLEAN with_buffer, ULONG tag)
{
    struct nbl_params params = {
        .header = {.type = 0x80, .revision = 1, .size = sizeof(params)},
        .with_buffer = with_buffer,
        .context = context,
        .tag = tag,
    };
    return NdisAllocateNetBufferListPool(filter, &params);
}

NOINLINE static NTSTATUS peer_create(struct device *device, HANDLE filter, const UCHAR *key)
{
    struct timer_params timer = {.header = {.type = 0x97, .revision = 1, .size = sizeof(timer)}, .tag = 'imeP', .function = peer_timer}; //= Pemi any ndis-parameters
    struct peer *peer = MEM_ALLOC_ARRAY(struct peer, 1, 'reeP'); //= Peer wrapper-call wrapper
    NTSTATUS status;
    if (peer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    peer->magic = 'rePW'; //~ WPer magic
    timer.context = peer;
    status = NdisAllocateTimerObject(filter, &timer, &peer->timer);
    if (status != STATUS_SUCCESS)
        goto free_peer;
    ExInitializeNPagedLookasideList(&peer->keypairs, NULL, NULL, 0x200, 240, 'pyeK', 0); //= Keyp lookaside-init lookaside
    table_init(&peer->routes, 8, 'etuR'); //= Rute any object-field
    status = table_add(&device->by_key, key, 32);
    if (status == STATUS_SUCCESS)
        status = table_add(&peer->routes, key + 32, 8);
    peer->handshake = MEM_ALLOC_ARRAY(ULONG, 64, key[0] == 4 ? '4shH' : '6shJ'); //= Hhs4 wrapper-call wrapper //= Jhs6 wrapper-call wrapper
    if (status == STATUS_SUCCESS && peer->handshake != NULL)
        return STATUS_SUCCESS;
    log_event('reep', 2, 'aefc', "peer %u", key[0]); //~ peer not-an-allocator //~ cfea not-an-allocator
free_peer:
    ExFreePoolWithTag(peer, 'xeeP'); //= Peex free-call free
    return status;
}

NOINLINE static NTSTATUS device_rings(struct device *device, SIZE_T bytes)
{
    ULONG i;
    device->ring_tag = 'gniR'; //= Ring any object-field
    for (i = 0; i < 2; i++) {
        device->rings[i] = ExAllocatePoolWithTag(NonPagedPoolNx, bytes << i, device->ring_tag);
        if (device->rings[i] == NULL)
            return STATUS_INSUFFICIENT_RESOURCES;
        *(ULONG *)device->rings[i] = 'tatS'; //~ Stat magic
    }
    return STATUS_SUCCESS;
}

/* ioctl: a request says how much; the kind says under which name it is kept */
struct request { ULONG magic, kind; SIZE_T size; };
NOINLINE static PVOID ioctl_buffer(const struct request *r)
{
    ULONG tag;
    if (r->magic != 'lrtC' || r->size > 0x100000) //~ Ctrl magic
        return NULL;
    switch (r->kind) {
    case 0x10: tag = 'gfCI'; break; //= ICfg any switch-tags
    case 0x20: tag = 'tsLJ'; break; //= JLst any switch-tags
    case 0x77: tag = 'pmDK'; break; //= KDmp any switch-tags
    default: tag = MEMORY_TAG; break;
    }
    trace = (PVOID)&r->kind;
    return ExAllocatePoolWithTag(PagedPool, r->size, tag);
}

static NTSTATUS CALL attach(HANDLE filter, HANDLE module, const UCHAR *parameters)
{
    struct device *device = MEM_ALLOC(sizeof(*device));
    if (device == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(device, 0, sizeof(*device));
    the_device = device;
    device->peers.Flink = device->peers.Blink = &device->peers;
    device->state = 'pUiN'; //~ NiUp magic
    table_init(&device->by_key, 11, 'yeKB'); //= BKey any object-field
    table_init(&device->by_index, 13, 'xdIB'); //= BIdx any object-field
    device->pools[0] = make_pool(filter, 64, TRUE, 'xTnT'); //= TnTx any ndis-wrapper
    device->pools[1] = make_pool(filter, 0, TRUE, 'xRnT'); //= TnRx any ndis-wrapper
    device->pools[2] = make_pool(filter, 16, parameters[3] & 1, 'CnnT'); //= TnnC any ndis-wrapper
    if (device_rings(device, 0x8000) != STATUS_SUCCESS || table_add(&device->by_index, parameters, 4) != STATUS_SUCCESS)
        goto fail;
    trace = ioctl_buffer((const struct request *)parameters);
    return peer_create(device, filter, parameters);
fail:
    log_event('ttaf', 1, 0xBADu, "attach %p", module); //~ fatt not-an-allocator
    MEM_FREE(device);
    return STATUS_INSUFFICIENT_RESOURCES;
}

static void CALL detach(struct device *device)
{
    if (device->rings[0]) ExFreePoolWithTag(device->rings[0], device->ring_tag);
    MEM_FREE(device);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
    struct { struct ndis_header header; UCHAR major, minor; ULONG flags; UNICODE_STRING names[3]; PVOID handlers[12]; } c;
    static HANDLE handle;
    memset(&c, 0, sizeof(c));
    c.header.type = 0x8B;
    c.major = 6;
    c.handlers[2] = (PVOID)attach;
    c.handlers[3] = (PVOID)detach;
    return NdisFRegisterFilterDriver(driver, (HANDLE)(ULONG_PTR)'lnuT', &c, &handle); //~ Tunl not-an-allocator
}
