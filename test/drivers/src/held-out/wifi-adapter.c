// Held out: a wireless adapter's miniport above a layer that hides the operating system: tracked memory with headers, tags of modules,
// chips described by tables, rings with their own tags, firmware in sections, stations, keys, scans, timers and work items.
#include "kernel.h"

/* ---- os_ndis.h: what the shared code of the vendor sees of Windows ---- */

typedef struct { UCHAR Type, Revision; USHORT Size; } NDIS_OBJECT_HEADER;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR ProtocolId; BOOLEAN AllocateNetBuffer; USHORT ContextSize; ULONG PoolTag, DataSize, Flags; } NBL_POOL_PARAMETERS;
typedef struct { NDIS_OBJECT_HEADER Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } NDIS_TIMER_CHARACTERISTICS;
typedef struct { NDIS_OBJECT_HEADER Header; UCHAR Major, Minor, MajorDriver, MinorDriver; ULONG Flags; PVOID Handlers[20]; } MINIPORT_CHARACTERISTICS;

#define OS_MEM_MAGIC 'MMTW' //~ WTMM magic
#define OS_MEM_FREED 'DEAD' //~ DAED magic
#define OS_MEM_TAIL 'LIAT' //~ TAIL magic
#define OS_CHECK_FAILED 0x57494649 /* "IFIW" */ //~ IFIW bug-check

typedef struct os_dev {
    HANDLE ndis;
    ULONG_PTR mem_lock;
    LIST_ENTRY mem_list;
    ULONG mem_bytes, mem_peak;
    BOOLEAN mem_track;
} os_dev;

typedef struct os_mem_hdr {
    LIST_ENTRY link;
    ULONG magic, size, tag, line;
    const CHAR *func;
} os_mem_hdr;

NOINLINE static void *os_mem_get(os_dev *os, ULONG size, ULONG tag, const CHAR *func, ULONG line)
{
    ULONG need = size;
    os_mem_hdr *hdr;
    UCHAR irql;

    if (os->mem_track) need += sizeof(os_mem_hdr) + sizeof(ULONG);
    if (os->ndis != NULL) hdr = NdisAllocateMemoryWithTagPriority(os->ndis, need, tag, 16);
    else hdr = ExAllocatePoolWithTag(NonPagedPoolNx, need, tag);
    if (hdr == NULL) {
        DbgPrint("wlx: %s:%u: no memory for %u bytes\n", func, line, size);
        return NULL;
    }
    memset(hdr, 0, need);
    if (!os->mem_track) return hdr;
    hdr->magic = OS_MEM_MAGIC;
    hdr->size = size;
    hdr->tag = tag;
    hdr->func = func;
    hdr->line = line;
    *(ULONG *)((PUCHAR)(hdr + 1) + size) = OS_MEM_TAIL;
    irql = KeAcquireSpinLockRaiseToDpc(&os->mem_lock);
    hdr->link.Flink = os->mem_list.Flink;
    hdr->link.Blink = &os->mem_list;
    os->mem_list.Flink->Blink = &hdr->link;
    os->mem_list.Flink = &hdr->link;
    os->mem_bytes += size;
    if (os->mem_bytes > os->mem_peak) os->mem_peak = os->mem_bytes;
    KeReleaseSpinLock(&os->mem_lock, irql);
    return hdr + 1;
}

NOINLINE static void os_mem_put(os_dev *os, void *p, ULONG tag)
{
    os_mem_hdr *hdr = p;
    UCHAR irql;

    if (p == NULL) return;
    if (os->mem_track) {
        hdr = (os_mem_hdr *)p - 1;
        if (hdr->magic != OS_MEM_MAGIC || hdr->tag != tag || *(ULONG *)((PUCHAR)p + hdr->size) != OS_MEM_TAIL)
            KeBugCheckEx(OS_CHECK_FAILED, (ULONG_PTR)hdr, hdr->magic, hdr->tag, tag);
        irql = KeAcquireSpinLockRaiseToDpc(&os->mem_lock);
        hdr->link.Blink->Flink = hdr->link.Flink;
        hdr->link.Flink->Blink = hdr->link.Blink;
        os->mem_bytes -= hdr->size;
        KeReleaseSpinLock(&os->mem_lock, irql);
        hdr->magic = OS_MEM_FREED;
    }
    if (os->ndis != NULL) NdisFreeMemoryWithTagPriority(os->ndis, hdr, tag);
    else ExFreePoolWithTag(hdr, tag);
}

/* Each module sets WLX_TAG before it uses these. */
#define os_alloc(os, size) os_mem_get((os), (size), WLX_TAG, __func__, __LINE__)
#define os_free(os, p) os_mem_put((os), (p), WLX_TAG)

/* ---- chips ---- */

typedef struct wlx_adapter wlx_adapter;
typedef struct {
    USHORT device, revision;
    const CHAR *name;
    ULONG rx_ring, tx_queues;
    ULONG fw_tag, cal_tag;
    ULONG magic;
    void (*reset)(wlx_adapter *);
} wlx_chip;

typedef struct { ULONG64 addr; ULONG len, flags; } wlx_desc;
typedef struct { void *data; PVOID mdl; PHYSICAL_ADDRESS pa; } wlx_slot;
typedef struct {
    ULONG count, head, tail, tag;
    wlx_desc *desc;
    wlx_slot *slots;
    ULONG_PTR lock;
} wlx_ring;
typedef struct wlx_sta { struct wlx_sta *next; ULONG sig; UCHAR mac[6]; USHORT aid; void *ampdu[8]; void *keys[4]; ULONG rate_tag; void *rates; } wlx_sta;
typedef struct wlx_bss { struct wlx_bss *next; UCHAR bssid[6]; USHORT chan, ie_len; UCHAR *ies; ULONG cc; } wlx_bss;
typedef struct wlx_module wlx_module;
struct wlx_adapter {
    os_dev os;
    const wlx_chip *chip;
    PVOID regs, fw, cal, eeprom;
    wlx_ring rx, tx[4], cmd;
    HANDLE rx_pool, tx_pool, scan_timer;
    wlx_sta *stas;
    wlx_bss *bss;
    ULONG state, country, scans, sar;
    void *module_data[6];
    PVOID work;
    LOOKASIDE frames;
};

static void chip_reset_legacy(wlx_adapter *ad) { ((volatile ULONG *)ad->regs)[0x20 / 4] |= 0x80; }
static void chip_reset_mac(wlx_adapter *ad)
{
    ((volatile ULONG *)ad->regs)[0x24 / 4] = 0x4B43554E; //~ NUCK magic
    KeStallExecutionProcessor(20);
    ((volatile ULONG *)ad->regs)[0x24 / 4] = 0;
}

static const wlx_chip wlx_chips[] = {
    { 0x0030, 1, "WLX3000", 128, 1, '0FxW', '0CxW', 'A30W', chip_reset_legacy }, //= WxF0 any tag-table //= WxC0 any tag-table //~ W03A magic
    { 0x0032, 2, "WLX3200", 256, 4, '2FxW', '2CxW', 'A32W', chip_reset_legacy }, //= WxF2 any tag-table //= WxC2 any tag-table //~ W23A magic
    { 0x003C, 1, "WLX6100", 512, 4, '6FxW', '6CxW', 'B61W', chip_reset_mac }, //= WxF6 any tag-table //= WxC6 any tag-table //~ W16B magic
};

NOINLINE static const wlx_chip *chip_find(USHORT device, USHORT revision)
{
    ULONG i;

    for (i = 0; i < sizeof(wlx_chips) / sizeof(wlx_chips[0]); i++)
        if (wlx_chips[i].device == device && wlx_chips[i].revision <= revision) return &wlx_chips[i];
    return NULL;
}

/* ---- firmware ---- */
#define WLX_TAG 'wFxW' //= WxFw any wrapper-fixed

#define FW_IMAGE_MAGIC 'WFXW' //~ WXFW magic
#define FW_SECTION(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)
typedef struct { ULONG magic, version, sections, crc; } fw_header;
typedef struct { ULONG id, size; UCHAR data[4]; } fw_section;

NOINLINE static NTSTATUS fw_upload(wlx_adapter *ad, const void *data, ULONG size, ULONG where)
{
    void *bounce = os_alloc(&ad->os, (size + 63) & ~63u);

    if (bounce == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(bounce, data, size);
    ((volatile ULONG *)ad->regs)[0x100 / 4] = where;
    ((volatile ULONG *)ad->regs)[0x104 / 4] = MmGetPhysicalAddress(bounce).u.Low;
    os_free(&ad->os, bounce);
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS fw_load(wlx_adapter *ad, const UCHAR *image, ULONG size)
{
    const fw_header *hdr = (const fw_header *)image;
    ULONG pos = sizeof(*hdr), i;
    NTSTATUS status = STATUS_SUCCESS;

    if (size < sizeof(*hdr) || hdr->magic != FW_IMAGE_MAGIC) return STATUS_INVALID_PARAMETER;
    ad->fw = ExAllocatePoolWithTag(NonPagedPoolNx, size, ad->chip->fw_tag);
    if (ad->fw == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(ad->fw, image, size);
    for (i = 0; i < hdr->sections && pos + 8 < size && status >= 0; i++) {
        const fw_section *sec = (const fw_section *)((PUCHAR)ad->fw + pos);

        switch (sec->id) {
        case FW_SECTION('U', 'C', 'O', 'D'): status = fw_upload(ad, sec->data, sec->size, 0); break; //~ UCOD magic
        case FW_SECTION('D', 'A', 'T', 'A'): status = fw_upload(ad, sec->data, sec->size, 0x80000); break; //~ DATA magic
        case FW_SECTION('C', 'A', 'L', 'B'): //~ CALB magic
            ad->cal = os_mem_get(&ad->os, sec->size, ad->chip->cal_tag, "fw_load", __LINE__);
            if (ad->cal == NULL) return STATUS_INSUFFICIENT_RESOURCES;
            memcpy(ad->cal, sec->data, sec->size);
            break;
        case FW_SECTION('P', 'H', 'Y', 'D'): ad->state |= 2; break; //~ PHYD magic
        default: DbgPrint("wlx: section %08x skipped\n", sec->id); break;
        }
        pos += 8 + sec->size;
    }
    return status;
}

NOINLINE static NTSTATUS eeprom_read(wlx_adapter *ad)
{
    ULONG *words = os_mem_get(&ad->os, 512, 'pExW', "eeprom_read", 1), i; //= WxEp any wrapper

    if (words == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    for (i = 0; i < 128; i++) words[i] = ((volatile ULONG *)ad->regs)[0x800 / 4 + i];
    if (words[0] != 'MORP' && words[0] != 'PTOX') { //~ PROM magic //~ XOTP magic
        os_mem_put(&ad->os, words, 'pExW');
        return STATUS_NOT_SUPPORTED;
    }
    ad->eeprom = words;
    ad->country = words[3] ? words[3] : '  SU'; //~ "US  " magic
    return STATUS_SUCCESS;
}
#undef WLX_TAG

/* ---- ACPI: limits of power that the platform sets ---- */
#define WLX_TAG 'pAxW' //= WxAp any wrapper

typedef struct { ULONG Signature; union { ULONG Name; UCHAR Text[4]; } Method; } ACPI_EVAL_INPUT;
typedef struct { ULONG Signature, Length, Count; ULONG Values[8]; } ACPI_EVAL_OUTPUT;

NOINLINE static ULONG acpi_value(wlx_adapter *ad, DEVICE_OBJECT *pdo, ULONG method)
{
    ACPI_EVAL_INPUT in;
    ACPI_EVAL_OUTPUT *out = os_alloc(&ad->os, sizeof(*out));
    ULONG value = 0;

    if (out == NULL) return 0;
    in.Signature = 'BieA'; //~ AeiB magic
    in.Method.Name = method;
    if (IoBuildDeviceIoControlRequest(0x32C004, pdo, &in, sizeof(in), out, sizeof(*out), FALSE, NULL, NULL) != NULL && out->Signature == 'BoeA') //~ AeoB magic
        value = out->Values[0];
    os_free(&ad->os, out);
    return value;
}

NOINLINE static void acpi_read(wlx_adapter *ad, DEVICE_OBJECT *pdo)
{
    ad->sar = acpi_value(ad, pdo, 'SDRW'); //~ WRDS firmware-table
    if (ad->sar == 0) ad->sar = acpi_value(ad, pdo, 'DRWE'); //~ EWRD firmware-table
    if (acpi_value(ad, pdo, 'CLPS') != 0) ad->state |= 8; //~ SPLC firmware-table
}
#undef WLX_TAG

/* ---- rings ---- */
#define WLX_TAG 'gRxW' //= WxRg any wrapper

NOINLINE static NTSTATUS ring_init(wlx_adapter *ad, wlx_ring *ring, ULONG count, ULONG tag)
{
    ring->count = count;
    ring->head = ring->tail = 0;
    ring->tag = tag;
    KeInitializeSpinLock(&ring->lock);
    ring->slots = os_alloc(&ad->os, count * sizeof(wlx_slot));
    if (ring->slots == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    ring->desc = os_mem_get(&ad->os, count * sizeof(wlx_desc), tag, __func__, __LINE__);
    if (ring->desc == NULL) {
        os_free(&ad->os, ring->slots);
        ring->slots = NULL;
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

NOINLINE static void ring_free(wlx_adapter *ad, wlx_ring *ring)
{
    ULONG i;

    if (ring->slots == NULL) return;
    for (i = 0; i < ring->count; i++) os_mem_put(&ad->os, ring->slots[i].data, ring->tag);
    os_mem_put(&ad->os, ring->desc, ring->tag);
    os_free(&ad->os, ring->slots);
    ring->slots = NULL;
}

/* A buffer for every slot of the ring that has none. */
NOINLINE static ULONG ring_fill(wlx_adapter *ad, wlx_ring *ring, ULONG size)
{
    ULONG filled = 0;

    while ((ring->tail + 1) % ring->count != ring->head) {
        wlx_slot *slot = &ring->slots[ring->tail];

        slot->data = ExAllocatePoolWithTag(NonPagedPoolNx, size, ring->tag);
        if (slot->data == NULL) break;
        slot->mdl = NdisAllocateMdl(ad->os.ndis, slot->data, size);
        slot->pa = MmGetPhysicalAddress(slot->data);
        ring->desc[ring->tail].addr = slot->pa.QuadPart;
        ring->desc[ring->tail].len = size;
        ring->desc[ring->tail].flags = 0x80000000;
        ring->tail = (ring->tail + 1) % ring->count;
        filled++;
    }
    return filled;
}

NOINLINE static NTSTATUS rings_create(wlx_adapter *ad)
{
    static const ULONG ac_tags[4] = { 'EBxW', 'KBxW', 'IVxW', 'OVxW' }; //= WxBE any tag-table //= WxBK any tag-table //= WxVI any tag-table //= WxVO any tag-table
    NTSTATUS status = ring_init(ad, &ad->rx, ad->chip->rx_ring, 'xRxW'); //= WxRx any object-field
    ULONG i;

    for (i = 0; i < 4 && status >= 0; i++)
        if (i < ad->chip->tx_queues) status = ring_init(ad, &ad->tx[i], 256, ac_tags[i]);
    if (status >= 0) status = ring_init(ad, &ad->cmd, 32, 'mCxW'); //= WxCm any object-field
    if (status >= 0 && ring_fill(ad, &ad->rx, 2048) == 0) status = STATUS_INSUFFICIENT_RESOURCES;
    return status;
}

static HANDLE nbl_pool(wlx_adapter *ad, ULONG tag, USHORT context)
{
    NBL_POOL_PARAMETERS params;

    memset(&params, 0, sizeof(params));
    params.Header.Type = 0x80;
    params.Header.Revision = 1;
    params.Header.Size = sizeof(params);
    params.AllocateNetBuffer = TRUE;
    params.ContextSize = context;
    params.PoolTag = tag;
    return NdisAllocateNetBufferListPool(ad->os.ndis, &params);
}
#undef WLX_TAG

/* ---- stations ---- */
#define WLX_TAG 'tSxW' //= WxSt any wrapper
#define STA_SIGNATURE 'NATS' //~ STAN magic

NOINLINE static wlx_sta *sta_add(wlx_adapter *ad, const UCHAR *mac, BOOLEAN ht)
{
    wlx_sta *sta = os_alloc(&ad->os, sizeof(*sta));

    if (sta == NULL) return NULL;
    sta->sig = STA_SIGNATURE;
    memcpy(sta->mac, mac, 6);
    sta->rate_tag = ht ? 'hRxW' : 'bRxW'; //= WxRh any object-field //= WxRb any object-field
    sta->rates = os_mem_get(&ad->os, ht ? 128 : 32, sta->rate_tag, __func__, __LINE__);
    sta->next = ad->stas;
    ad->stas = sta;
    return sta;
}

NOINLINE static void sta_remove(wlx_adapter *ad, wlx_sta *sta)
{
    wlx_sta **at = &ad->stas;

    if (sta->sig != STA_SIGNATURE) return;
    while (*at != NULL && *at != sta) at = &(*at)->next;
    if (*at != NULL) *at = sta->next;
    os_mem_put(&ad->os, sta->rates, sta->rate_tag);
    sta->sig = 'DATS'; //~ STAD magic
    os_free(&ad->os, sta);
}

static NTSTATUS sta_ampdu(wlx_adapter *ad, wlx_sta *sta, ULONG tid, ULONG window)
{
    if (tid >= 8 || sta->sig != STA_SIGNATURE) return STATUS_INVALID_PARAMETER;
    sta->ampdu[tid] = os_mem_get(&ad->os, window * 16, 'uAxW', __func__, __LINE__); //= WxAu any wrapper
    return sta->ampdu[tid] == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

static NTSTATUS key_install(wlx_adapter *ad, wlx_sta *sta, ULONG index, const UCHAR *key, ULONG len, ULONG cipher)
{
    ULONG *copy;

    if (index >= 4) return STATUS_INVALID_PARAMETER;
    copy = ExAllocatePool2(POOL_FLAG_NON_PAGED, len + 8, 'yKxW'); //= WxKy any direct
    if (copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    copy[0] = cipher == 0x04AC0F00 ? 'PMCC' : 'PIKT'; //~ CCMP magic //~ TKIP magic
    copy[1] = len;
    memcpy(copy + 2, key, len);
    if (sta->keys[index] != NULL) ExFreePoolWithTag(sta->keys[index], 'yKxW');
    sta->keys[index] = copy;
    return STATUS_SUCCESS;
}
#undef WLX_TAG

/* ---- scans ---- */
#define WLX_TAG 'nSxW' //= WxSn any wrapper

static void bss_flush(wlx_adapter *ad)
{
    while (ad->bss != NULL) {
        wlx_bss *bss = ad->bss;
        ad->bss = bss->next;
        if (bss->ies != NULL) os_mem_put(&ad->os, bss->ies, 'eIxW');
        os_free(&ad->os, bss);
    }
}

NOINLINE static wlx_bss *bss_update(wlx_adapter *ad, const UCHAR *frame, USHORT len)
{
    wlx_bss *bss;
    UCHAR *ies;

    for (bss = ad->bss; bss != NULL; bss = bss->next) if (memcmp(bss->bssid, frame, 6) == 0) break;
    if (bss == NULL) {
        bss = os_alloc(&ad->os, sizeof(*bss));
        if (bss == NULL) return NULL;
        memcpy(bss->bssid, frame, 6);
        bss->next = ad->bss;
        ad->bss = bss;
    }
    if (bss->ie_len < len) {
        ies = os_mem_get(&ad->os, len, 'eIxW', __func__, __LINE__); //= WxIe any wrapper
        if (ies == NULL) return bss;
        if (bss->ies != NULL) os_mem_put(&ad->os, bss->ies, 'eIxW');
        bss->ies = ies;
    }
    memcpy(bss->ies, frame + 6, len);
    bss->ie_len = len;
    if (*(const ULONG *)(frame + 6) == 0x01F25000) bss->cc = 'IFIW'; //~ WIFI magic
    return bss;
}

static void CALL scan_timeout(PVOID specific1, wlx_adapter *ad, PVOID specific2, PVOID specific3)
{
    UCHAR probe[64];

    if (++ad->scans > 11) { bss_flush(ad); ad->scans = 0; return; }
    memset(probe, 0, sizeof(probe));
    bss_update(ad, probe, 40);
}

static NTSTATUS scan_init(wlx_adapter *ad)
{
    NDIS_TIMER_CHARACTERISTICS timer;

    timer.Header.Type = 0x97;
    timer.Header.Revision = 1;
    timer.Header.Size = sizeof(timer);
    timer.AllocationTag = 'mTxW'; //= WxTm any ndis-parameters
    timer.TimerFunction = (PVOID)scan_timeout;
    timer.FunctionContext = ad;
    return NdisAllocateTimerObject(ad->os.ndis, &timer, &ad->scan_timer);
}
#undef WLX_TAG

/* ---- modules with private data ---- */

struct wlx_module { const CHAR *name; ULONG id, tag, size; NTSTATUS (*start)(wlx_adapter *, const wlx_module *, void *); };
static NTSTATUS rate_start(wlx_adapter *ad, const wlx_module *m, void *data) { ((ULONG *)data)[0] = m->id; return STATUS_SUCCESS; }
static NTSTATUS power_start(wlx_adapter *ad, const wlx_module *m, void *data) { ad->state |= 4; return STATUS_SUCCESS; }
static NTSTATUS stats_start(wlx_adapter *ad, const wlx_module *m, void *data) { ((ULONG *)data)[1] = ad->os.mem_peak; return STATUS_SUCCESS; }

static const wlx_module wlx_modules[] = {
    { "rate", 'ETAR', 'rMxW', 512, rate_start }, //~ RATE magic //= WxMr any tag-table
    { "power", 'ASPU', 'pMxW', 96, power_start }, //~ UPSA magic //= WxMp any tag-table
    { "stats", 'TATS', 'sMxW', 1024, stats_start }, //~ STAT magic //= WxMs any tag-table
};

NOINLINE static NTSTATUS modules_start(wlx_adapter *ad)
{
    ULONG i;

    for (i = 0; i < sizeof(wlx_modules) / sizeof(wlx_modules[0]); i++) {
        const wlx_module *m = &wlx_modules[i];
        NTSTATUS status;

        ad->module_data[i] = os_mem_get(&ad->os, m->size, m->tag, m->name, i);
        if (ad->module_data[i] == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        status = m->start(ad, m, ad->module_data[i]);
        if (status < 0) return status;
    }
    return STATUS_SUCCESS;
}

/* ---- the miniport ---- */

static NTSTATUS CALL mp_initialize(HANDLE handle, HANDLE context, ULONG *params)
{
    wlx_adapter *ad = NdisAllocateMemoryWithTagPriority(handle, sizeof(*ad), 'dAxW', 16); //= WxAd any direct
    NTSTATUS status = STATUS_NOT_SUPPORTED;

    if (ad == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(ad, 0, sizeof(*ad));
    ad->os.ndis = handle;
    ad->os.mem_list.Flink = ad->os.mem_list.Blink = &ad->os.mem_list;
    ad->os.mem_track = (params[5] & 1) != 0;
    ad->regs = (PVOID)(ULONG_PTR)params[6];
    ad->chip = chip_find((USHORT)params[1], (USHORT)params[2]);
    if (ad->chip != NULL) {
        ad->chip->reset(ad);
        if (((volatile ULONG *)ad->regs)[0] != ad->chip->magic) DbgPrint("wlx: %s answers oddly\n", ad->chip->name);
        NdisInitializeNPagedLookasideList(&ad->frames, NULL, NULL, 0, 256, 'rFxW', 0); //= WxFr any lookaside
        status = eeprom_read(ad);
        if (status >= 0) status = rings_create(ad);
        if (status >= 0) status = modules_start(ad);
        if (status >= 0) status = scan_init(ad);
        ad->rx_pool = nbl_pool(ad, 'iNxW', 16); //= WxNi any ndis-wrapper
        ad->tx_pool = nbl_pool(ad, 'oNxW', 32); //= WxNo any ndis-wrapper
        acpi_read(ad, context);
    }
    if (status < 0) {
        ring_free(ad, &ad->rx);
        NdisFreeMemoryWithTagPriority(handle, ad, 'dAxW');
        return status;
    }
    return NdisMSetMiniportAttributes(handle, ad);
}

static NTSTATUS CALL mp_oid(wlx_adapter *ad, ULONG *req)
{
    PVOID clone;
    wlx_sta *sta = ad->stas;

    switch (req[0]) {
    case 0x0E010102: return fw_load(ad, (PUCHAR)(req + 2), req[1]);
    case 0x0E010103: return sta_add(ad, (PUCHAR)(req + 2), req[1] & 1) != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    case 0x0E010104: if (sta != NULL) sta_remove(ad, sta); return STATUS_SUCCESS;
    case 0x0E010105: return sta != NULL ? sta_ampdu(ad, sta, req[1], req[2]) : STATUS_INVALID_PARAMETER;
    case 0x0E010106: return sta != NULL ? key_install(ad, sta, req[1], (PUCHAR)(req + 4), req[2], req[3]) : STATUS_INVALID_PARAMETER;
    case 0x0E010107: return NdisAllocateCloneOidRequest(ad->os.ndis, req, 'qOxW', &clone); //= WxOq any direct
    default: return STATUS_NOT_SUPPORTED;
    }
}

static void CALL mp_halt(wlx_adapter *ad, ULONG reason)
{
    ULONG i;

    bss_flush(ad);
    while (ad->stas != NULL) sta_remove(ad, ad->stas);
    for (i = 0; i < 4; i++) ring_free(ad, &ad->tx[i]);
    ring_free(ad, &ad->cmd);
    ring_free(ad, &ad->rx);
    if (ad->fw != NULL) ExFreePoolWithTag(ad->fw, ad->chip->fw_tag);
    NdisFreeMemoryWithTagPriority(ad->os.ndis, ad, 'dAxW');
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
    static HANDLE miniport;
    MINIPORT_CHARACTERISTICS chars = { { 0x8A, 2, sizeof(chars) }, 6, 30, 1, 0, 0 };

    chars.Handlers[0] = (PVOID)mp_initialize;
    chars.Handlers[1] = (PVOID)mp_halt;
    chars.Handlers[4] = (PVOID)mp_oid;
    return NdisMRegisterMiniportDriver(driver, path, NULL, &chars, &miniport);
}
