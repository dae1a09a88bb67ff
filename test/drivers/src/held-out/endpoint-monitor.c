// Held out: an endpoint sensor: a table of kernel routines resolved in a loop, one dispatcher for all allocations with a class index,
// string and list helpers that take ownership, notify routines, a debug heap switched on by a registry value.
#include "kernel.h"

/* ------------------------------------------------------------------ memory classes */
enum MemClass { McString, McEvent, McProcess, McModule, McQueue, McScan, McCount };
struct MemClassInfo { ULONG poolTag; ULONG poolType; ULONG limit; };
static const struct MemClassInfo g_classes[McCount] = {
    [McString] = {'tSES', PagedPool, 0x10000},       //= SESt any tag-table
    [McEvent] = {'vEES', NonPagedPoolNx, 0x4000},    //= SEEv any tag-table
    [McProcess] = {'rPES', PagedPool, 0x1000},       //= SEPr any tag-table
    [McModule] = {'oMES', PagedPool, 0x2000},        //= SEMo any tag-table
    [McQueue] = {'uQES', NonPagedPoolNx, 0x800},     //= SEQu any tag-table
    [McScan] = {'cSES', PagedPool, 0x100000},        //= SESc any tag-table
};

typedef PVOID(CALL *PFN_ALLOCATE2)(ULONG64 flags, SIZE_T size, ULONG tag);
typedef PVOID(CALL *PFN_ALLOCATE)(ULONG type, SIZE_T size, ULONG tag);
typedef void(CALL *PFN_FREE)(PVOID p, ULONG tag);
typedef NTSTATUS(CALL *PFN_REFERENCE)(PVOID object, ULONG access, ULONG tag);

static struct {
    PFN_ALLOCATE2 pAllocate2;
    PFN_ALLOCATE pPriority;
    PFN_FREE pFree;
    PFN_REFERENCE pReference;
} g_api;
static const struct { const WCHAR *name; PVOID *slot; } g_imports[] = {
    {(const WCHAR *)u"ExAllocatePool2", (PVOID *)&g_api.pAllocate2},
    {(const WCHAR *)u"ExAllocatePoolWithTagPriority", (PVOID *)&g_api.pPriority},
    {(const WCHAR *)u"ExFreePoolWithTag", (PVOID *)&g_api.pFree},
    {(const WCHAR *)u"ObOpenObjectByPointerWithTag", (PVOID *)&g_api.pReference},
};
static BOOLEAN g_debugHeap;
static PVOID volatile g_result;

static void SeResolve(void)
{
    ULONG i;
    for (i = 0; i < sizeof(g_imports) / sizeof(g_imports[0]); i++) {
        UNICODE_STRING name;
        RtlInitUnicodeString(&name, g_imports[i].name);
        *g_imports[i].slot = MmGetSystemRoutineAddress(&name);
    }
}

/* ------------------------------------------------------------------ the one way in */
#define DEBUG_HEAD 'daHD' //~ DHad magic
#define DEBUG_FOOT 'ooFD' //~ DFoo magic
typedef struct { ULONG head, owner; SIZE_T size; } DEBUG_HEADER;

NOINLINE static PVOID SepAllocRaw(ULONG type, SIZE_T size, ULONG tag)
{
    PVOID p = NULL;
    if (g_debugHeap) {
        DEBUG_HEADER *h = ExAllocatePoolWithTag(NonPagedPoolNx, size + sizeof(*h) + 4, tag | 0x80000000);
        if (h == NULL) return NULL;
        h->head = DEBUG_HEAD;
        h->owner = tag;
        h->size = size;
        *(volatile ULONG *)((PUCHAR)(h + 1) + size) = DEBUG_FOOT;
        return h + 1;
    }
    if (g_api.pAllocate2) p = g_api.pAllocate2(type == PagedPool ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, tag);
    else {
        p = ExAllocatePoolWithTag(type, size, tag);
        if (p) memset(p, 0, size);
    }
    return p;
}

NOINLINE static PVOID SeAlloc(enum MemClass c, SIZE_T size)
{
    const struct MemClassInfo *info = &g_classes[c];
    if ((ULONG)c >= McCount || size > info->limit) return NULL;
    return SepAllocRaw(info->poolType, size, info->poolTag);
}

NOINLINE static void SeFree(PVOID p, ULONG tag)
{
    if (!p) return;
    if (g_debugHeap) {
        DEBUG_HEADER *h = (DEBUG_HEADER *)p - 1;
        if (h->head != DEBUG_HEAD) KeBugCheckEx(0x19, 'gbds', (ULONG_PTR)h, h->owner, tag); //~ sdbg bug-check
        p = h;
    }
    if (g_api.pFree) g_api.pFree(p, tag);
    else ExFreePoolWithTag(p, tag);
}

/* ------------------------------------------------------------------ helpers that take ownership */
NOINLINE static NTSTATUS SeDuplicateString(const UNICODE_STRING *from, BOOLEAN terminate, ULONG poolTag, UNICODE_STRING *to)
{
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    USHORT bytes = from->Length;
    PWSTR text;
    if (terminate) bytes += 2;
    text = SepAllocRaw(PagedPool, bytes, poolTag);
    if (text == NULL) goto out;
    memcpy(text, from->Buffer, from->Length);
    to->Buffer = text;
    to->Length = from->Length;
    to->MaximumLength = bytes;
    status = STATUS_SUCCESS;
out:
    return status;
}
NOINLINE static NTSTATUS SeGrow(PVOID *buffer, SIZE_T *room, SIZE_T wanted, ULONG oldTag, ULONG newTag)
{
    PVOID grown;
    if (wanted <= *room) return STATUS_SUCCESS;
    grown = g_api.pPriority ? g_api.pPriority(PagedPool, wanted, newTag) : ExAllocatePoolWithTag(PagedPool, wanted, newTag);
    if (!grown) return STATUS_INSUFFICIENT_RESOURCES;
    if (*buffer) {
        memcpy(grown, *buffer, *room);
        ExFreePoolWithTag(*buffer, oldTag);
    }
    *buffer = grown;
    *room = wanted;
    return STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ events */
typedef struct { ULONG signature, kind; UNICODE_STRING path, command; PVOID data; SIZE_T room; } EVENT;
#define EVENT_SIGNATURE 'tnvE' //~ Evnt magic

NOINLINE static EVENT *SeNewEvent(ULONG kind)
{
    EVENT *event = SeAlloc(McEvent, sizeof(EVENT));
    if (event) {
        event->signature = EVENT_SIGNATURE;
        event->kind = kind;
    }
    return event;
}
NOINLINE static void SeReport(EVENT *event, ULONG channel, SIZE_T size, ULONG label)
{
    if (event->signature == EVENT_SIGNATURE) EtwWrite(channel, &label, NULL, (ULONG)size, event);
}

static void CALL SeProcessNotify(HANDLE parent, HANDLE process, BOOLEAN create)
{
    EVENT *event = SeNewEvent(create ? 'trtS' : 'dnE.'); //~ Strt magic //~ ".End" magic
    UNICODE_STRING path = {4, 6, (PWSTR)process};
    if (!event) return;
    g_result = SeAlloc(McProcess, (SIZE_T)parent & 0xFFF);
    if (SeDuplicateString(&path, FALSE, 'tPES', &event->path) < 0) SeFree(event, 'xEES'); //= SEPt wrapper-call wrapper-layers //= SEEx free-call allocator-choice
    else if (SeDuplicateString(&path, TRUE, 'mCES', &event->command) < 0) SeFree(event->path.Buffer, 'yPES'); //= SECm wrapper-call wrapper-layers //= SEPy free-call allocator-choice
    SeReport(event, 7, sizeof(EVENT), 'corp'); //~ proc not-an-allocator
}
static void CALL SeImageNotify(UNICODE_STRING *name, HANDLE process, const ULONG *image)
{
    EVENT *event = SeNewEvent('gmI.'); //~ ".Img" magic
    if (!event) return;
    g_result = SeAlloc(McModule, name->Length);
    if (image[0] == 'EP\0\0' || image[1] == 'SMVC') event->kind = 0; //~ CVMS magic
    if (SeGrow(&event->data, &event->room, name->Length * 4, 'dDES', 'eDES') < 0) return; //= SEDd free-call wrapper-stack //= SEDe wrapper-call wrapper-stack
    if (g_api.pReference) g_api.pReference(process, 0x1000, 'bOES'); //~ SEOb object-tag
    SeReport(event, 9, event->room, 'egmi'); //~ imge not-an-allocator
}

/* ------------------------------------------------------------------ a scan queue: its items come from a list whose tag is asked for */
typedef struct { LIST_ENTRY items; LOOKASIDE lists[2]; ULONG classIndex; ULONG state; } QUEUE;
static QUEUE g_queue;
NOINLINE static NTSTATUS SeStartQueue(QUEUE *queue, enum MemClass c)
{
    queue->classIndex = c;
    queue->state = 'eldI'; //~ Idle magic
    queue->items.Flink = queue->items.Blink = &queue->items;
    ExInitializeNPagedLookasideList(&queue->lists[0], NULL, NULL, 0x200, 120, g_classes[c].poolTag, 0);
    ExInitializePagedLookasideList(&queue->lists[1], NULL, NULL, 0, 64, 'lLES', 0); //= SELl lookaside-init lookaside
    return SeAlloc((enum MemClass)queue->classIndex, 96) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static LOOKASIDE g_second;

INIT_CODE_SECTION static NTSTATUS SeReadOptions(HANDLE key)
{
    ULONG *value = ExAllocatePoolWithTag(PagedPool, 256, 'gRES'); //= SERg allocation-call direct
    UNICODE_STRING name = {18, 20, (PWSTR)u"DebugHeap"};
    ULONG needed;
    NTSTATUS status;
    if (!value) return STATUS_INSUFFICIENT_RESOURCES;
    status = ZwQueryValueKey(key, &name, 2, value, 256, &needed);
    if (status >= 0 && value[3] == 'nOhD') g_debugHeap = TRUE; //~ DhOn magic
    ExFreePoolWithTag(value, 'gRES');
    return status;
}

static void CALL SeUnload(DRIVER_OBJECT *driver)
{
    PsSetCreateProcessNotifyRoutine((PVOID)SeProcessNotify, TRUE);
    SeFree(driver->Section, g_classes[McScan].poolTag);
}

INIT_CODE_SECTION NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path)
{
    NTSTATUS status;
    SeResolve();
    driver->Unload = SeUnload;
    status = SeReadOptions(driver->Init);
    if (status < 0) return status;
    driver->Section = SeAlloc(McScan, path->Length);
    g_result = SeAlloc(McString, path->MaximumLength);
    status = SeStartQueue(&g_queue, driver->Flags & 1 ? McQueue : McModule);
    if (status < 0) return status;
    ExInitializeNPagedLookasideList(&g_second, NULL, NULL, 0, 48, 'nLES', 0); //= SELn lookaside-init lookaside
    SeImageNotify(path, driver, (const ULONG *)path->Buffer);
    return PsSetCreateProcessNotifyRoutine((PVOID)SeProcessNotify, FALSE);
}
