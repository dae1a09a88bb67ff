// Held out: a traffic shaper: a lightweight filter with packet pools for each adapter, and a callout that clones and reinjects packets;
// Hungarian names, one header of tags in an enumeration, a memory module with counters.
#include "kernel.h"

enum ShaperTags {
    TAG_FILTER      = 'fPSF', //= FSPf allocation-call direct
    TAG_NBL_POOL    = 'bPSF', //= FSPb structure-field ndis-parameters
    TAG_NB_POOL     = 'nPSF', //= FSPn structure-field ndis-parameters
    TAG_CLONE_POOL  = 'cPSF', //= FSPc any ndis-wrapper
    TAG_TX_POOL     = 'tPSF', //= FSPt any ndis-wrapper
    TAG_TIMER       = 'iTSF', //= FSTi structure-field ndis-parameters
    TAG_OID         = 'oOSF', //= FSOo allocation-call direct
    TAG_NBL_CONTEXT = 'xNSF', //= FSNx allocation-call direct
    TAG_FLOW        = 'lFSF', //= FSFl wrapper-call wrapper
    TAG_QUEUE       = 'uQSF', //= FSQu wrapper-call wrapper
    TAG_RULE        = 'lRSF', //= FSRl wrapper-call wrapper
    TAG_BUCKETS     = 'kBSF', //= FSBk wrapper-call wrapper
    TAG_STATS       = 'tSSF', //= FSSt wrapper-call wrapper
    TAG_NAME        = 'mNSF', //= FSNm any wrapper-two
    TAG_GUARD       = 'aGSF', //~ FSGa magic
    TAG_REF         = 'fRSF', //~ FSRf object-tag
};

struct ndis_header { UCHAR bType, bRevision; USHORT wSize; };
typedef struct { struct ndis_header Header; UCHAR bProtocol; BOOLEAN fAllocateNetBuffer; USHORT wContext; ULONG PoolTag, DataSize, Flags; } NBL_POOL_PARAMETERS;
typedef struct { struct ndis_header Header; ULONG PoolTag, DataSize; } NB_POOL_PARAMETERS;
typedef struct { struct ndis_header Header; ULONG AllocationTag; PVOID TimerFunction, FunctionContext; } TIMER_CHARACTERISTICS;
typedef struct { struct ndis_header Header; UCHAR Major, Minor, DriverMajor, DriverMinor; ULONG Flags; UNICODE_STRING Name[3]; PVOID Handler[20]; } FILTER_CHARACTERISTICS;
typedef struct { GUID Key; ULONG Flags; PVOID Classify, Notify, FlowDelete; } FWPS_CALLOUT;
typedef struct { USHORT Layer, Pad; ULONG Count; ULONG *Values; } FWPS_VALUES;
typedef struct { ULONG Action; ULONG64 Context; ULONG Rights; } FWPS_CLASSIFY_OUT;

typedef struct FLOW { struct FLOW *pNext; ULONG ulGuard, ulHash, cRef, cbRate; ULONG64 qwHandle; } FLOW;
typedef struct QUEUE { ULONG_PTR Lock; PVOID *apSlots; ULONG cSlots, iHead, iTail, ulTag; } QUEUE;
typedef struct RULE { struct RULE *pNext; ULONG cbRate, cbBurst; UNICODE_STRING Name; } RULE;

typedef struct ADAPTER {
    struct ADAPTER *pNext;
    HANDLE hFilter, hNblPool, hNbPool, hClonePool, hTxPool, hTimer, hWork;
    QUEUE Tx, Rx;
    FLOW **ppBuckets;
    ULONG *pStats;
    UNICODE_STRING FriendlyName;
    LOOKASIDE Requests;
    ULONG cbMtu;
} ADAPTER;

static struct {
    DRIVER_OBJECT *pDriver;
    HANDLE hNdis, hInjection;
    ULONG idCallout[3];
    ADAPTER *pAdapters;
    RULE *pRules;
    LOOKASIDE Segments;
    LONG cAllocations, cbOutstanding;
} g;

static const GUID KeyCallout[3] = {
    {0x5c3f4a61, 0x77d0, 0x4d07, {0x92, 0x4a, 'F', 'S', 'c', '4', 0x10, 0xe1}}, //~ FSc4 guid
    {0x5c3f4a62, 0x77d0, 0x4d07, {0x92, 0x4a, 'F', 'S', 'c', '6', 0x10, 0xe1}}, //~ FSc6 guid
    {0x5c3f4a63, 0x77d0, 0x4d07, {0x92, 0x4a, 'F', 'S', 'f', 'l', 0x10, 0xe1}}, //~ FSfl guid
};

/* memory */

NOINLINE static PVOID MemAlloc(SIZE_T cb, ULONG ulTag)
{
    PVOID pv = ExAllocatePool2(POOL_FLAG_NON_PAGED, cb, ulTag);
    if (pv != NULL) {
        __sync_fetch_and_add(&g.cAllocations, 1);
        __sync_fetch_and_add(&g.cbOutstanding, (LONG)cb);
    }
    return pv;
}

NOINLINE static void MemFree(PVOID pv, ULONG ulTag)
{
    if (pv == NULL) return;
    __sync_fetch_and_sub(&g.cAllocations, 1);
    ExFreePoolWithTag(pv, ulTag);
}

NOINLINE static BOOLEAN MemString(UNICODE_STRING *pTo, const WCHAR *pwz, USHORT cb)
{
    pTo->Buffer = MemAlloc(cb, TAG_NAME);
    if (pTo->Buffer == NULL) return FALSE;
    memcpy(pTo->Buffer, pwz, cb);
    pTo->Length = pTo->MaximumLength = cb;
    return TRUE;
}

/* queues: a ring, its tag goes with it */

NOINLINE static BOOLEAN QueueOpen(QUEUE *q, ULONG cSlots, ULONG ulTag)
{
    KeInitializeSpinLock(&q->Lock);
    q->apSlots = MemAlloc(cSlots * sizeof(PVOID), ulTag);
    q->cSlots = q->apSlots ? cSlots : 0;
    q->iHead = q->iTail = 0;
    q->ulTag = ulTag;
    return q->apSlots != NULL;
}

NOINLINE static BOOLEAN QueuePush(QUEUE *q, PVOID pv)
{
    UCHAR irql = KeAcquireSpinLockRaiseToDpc(&q->Lock);
    BOOLEAN fRoom = q->iTail - q->iHead < q->cSlots;
    if (!fRoom) {
        PVOID *ap = MemAlloc(q->cSlots * 2 * sizeof(PVOID), q->ulTag);
        if (ap != NULL) {
            ULONG i;
            for (i = 0; i < q->cSlots; i++) ap[i] = q->apSlots[(q->iHead + i) & (q->cSlots - 1)];
            MemFree(q->apSlots, q->ulTag);
            q->iTail = q->cSlots;
            q->iHead = 0;
            q->cSlots *= 2;
            q->apSlots = ap;
            fRoom = TRUE;
        }
    }
    if (fRoom) q->apSlots[q->iTail++ & (q->cSlots - 1)] = pv;
    KeReleaseSpinLock(&q->Lock, irql);
    return fRoom;
}

/* pools */

NOINLINE static HANDLE PoolCreate(HANDLE hFilter, ULONG ulTag, USHORT wContext, ULONG cbData)
{
    NBL_POOL_PARAMETERS Parameters;
    memset(&Parameters, 0, sizeof(Parameters));
    Parameters.Header.bType = 0x80;
    Parameters.Header.bRevision = 1;
    Parameters.Header.wSize = sizeof(Parameters);
    Parameters.fAllocateNetBuffer = TRUE;
    Parameters.wContext = wContext;
    Parameters.PoolTag = ulTag;
    Parameters.DataSize = cbData;
    return NdisAllocateNetBufferListPool(hFilter, &Parameters);
}

static void CALL TimerTick(PVOID pSystem, ADAPTER *pAdapter, PVOID pA, PVOID pB)
{
    if (pAdapter->pStats) pAdapter->pStats[0]++;
}

NOINLINE static NTSTATUS AdapterPools(ADAPTER *pAdapter)
{
    NBL_POOL_PARAMETERS Lists;
    NB_POOL_PARAMETERS Buffers;
    TIMER_CHARACTERISTICS Timer;

    memset(&Lists, 0, sizeof(Lists));
    Lists.Header.bType = 0x80;
    Lists.Header.bRevision = 1;
    Lists.Header.wSize = sizeof(Lists);
    Lists.bProtocol = 0;
    Lists.fAllocateNetBuffer = TRUE;
    Lists.wContext = 32;
    Lists.PoolTag = TAG_NBL_POOL;
    pAdapter->hNblPool = NdisAllocateNetBufferListPool(pAdapter->hFilter, &Lists);
    if (pAdapter->hNblPool == NULL) return STATUS_INSUFFICIENT_RESOURCES;

    Buffers.Header.bType = 0x80;
    Buffers.Header.bRevision = 1;
    Buffers.Header.wSize = sizeof(Buffers);
    Buffers.PoolTag = TAG_NB_POOL;
    Buffers.DataSize = 0;
    pAdapter->hNbPool = NdisAllocateNetBufferPool(pAdapter->hFilter, &Buffers);

    pAdapter->hClonePool = PoolCreate(pAdapter->hFilter, TAG_CLONE_POOL, 0, 0);
    pAdapter->hTxPool = PoolCreate(pAdapter->hFilter, TAG_TX_POOL, 64, pAdapter->cbMtu);
    if (pAdapter->hNbPool == NULL || pAdapter->hClonePool == NULL || pAdapter->hTxPool == NULL) return STATUS_INSUFFICIENT_RESOURCES;

    memset(&Timer, 0, sizeof(Timer));
    Timer.Header.bType = 0x97;
    Timer.Header.bRevision = 1;
    Timer.Header.wSize = sizeof(Timer);
    Timer.AllocationTag = TAG_TIMER;
    Timer.TimerFunction = TimerTick;
    Timer.FunctionContext = pAdapter;
    return NdisAllocateTimerObject(pAdapter->hFilter, &Timer, &pAdapter->hTimer);
}

/* the filter */

NOINLINE static void AdapterFree(ADAPTER *pAdapter)
{
    if (pAdapter->hNblPool) NdisFreeNetBufferListPool(pAdapter->hNblPool);
    if (pAdapter->hTxPool) NdisFreeNetBufferListPool(pAdapter->hTxPool);
    MemFree(pAdapter->ppBuckets, TAG_BUCKETS);
    MemFree(pAdapter->pStats, TAG_STATS);
    MemFree(pAdapter->FriendlyName.Buffer, TAG_NAME);
    NdisFreeMemoryWithTagPriority(pAdapter->hFilter, pAdapter, TAG_FILTER);
}

static NTSTATUS CALL FilterAttach(HANDLE hFilter, HANDLE hContext, UCHAR *pParameters)
{
    ADAPTER *pAdapter = NdisAllocateMemoryWithTagPriority(hFilter, sizeof(ADAPTER), TAG_FILTER, 0);
    struct { struct ndis_header Header; ULONG Flags; } Attributes = {{0x8B, 1, 8}, 0};
    NTSTATUS status;

    if (pAdapter == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(pAdapter, 0, sizeof(*pAdapter));
    pAdapter->hFilter = hFilter;
    pAdapter->cbMtu = *(ULONG *)(pParameters + 16);
    status = AdapterPools(pAdapter);
    if (status >= 0 && (!QueueOpen(&pAdapter->Tx, 256, 'qTSF') || !QueueOpen(&pAdapter->Rx, 64, 'qRSF'))) status = STATUS_INSUFFICIENT_RESOURCES; //= FSTq any wrapper-two //= FSRq any wrapper-two
    if (status >= 0) {
        pAdapter->ppBuckets = MemAlloc(128 * sizeof(FLOW *), TAG_BUCKETS);
        pAdapter->pStats = MemAlloc(4096, TAG_STATS);
        MemString(&pAdapter->FriendlyName, *(WCHAR **)(pParameters + 24), *(USHORT *)(pParameters + 32));
        NdisInitializeNPagedLookasideList(&pAdapter->Requests, NULL, NULL, 0, 96, 'qOSF', 0); //= FSOq lookaside-init lookaside
        pAdapter->hWork = NdisAllocateIoWorkItem(hFilter);
        status = NdisFSetAttributes(hFilter, pAdapter, &Attributes);
    }
    if (status < 0) { AdapterFree(pAdapter); return status; }
    pAdapter->pNext = g.pAdapters;
    g.pAdapters = pAdapter;
    return STATUS_SUCCESS;
}
static void CALL FilterDetach(ADAPTER *pAdapter) { AdapterFree(pAdapter); }

static NTSTATUS CALL FilterOid(ADAPTER *pAdapter, ULONG *pRequest)
{
    PVOID pClone;
    NTSTATUS status;
    if (pRequest[2] == 0x00010106) return STATUS_NOT_SUPPORTED;
    status = NdisAllocateCloneOidRequest(pAdapter->hFilter, pRequest, TAG_OID, &pClone);
    if (status >= 0) ((PVOID *)pClone)[8] = pRequest;
    return status;
}

static void CALL FilterSend(ADAPTER *pAdapter, PVOID *pList, ULONG Port, ULONG Flags)
{
    UCHAR abHeader[40];
    UCHAR *pb;
    if (NdisAllocateNetBufferListContext(pList, 48, 0, TAG_NBL_CONTEXT) != 0) return;
    pb = NdisGetDataBuffer(pList[1], sizeof(abHeader), abHeader, 1, 0);
    if (pb == NULL || *(ULONG *)pb == 'ppOV' || !QueuePush(&pAdapter->Tx, pList)) //~ VOpp magic
        NdisFSendNetBufferLists(pAdapter->hFilter, pList, Port, Flags);
}

static void CALL FilterReceive(ADAPTER *pAdapter, PVOID *pList, ULONG Port, ULONG Count, ULONG Flags)
{
    PVOID pData, pClone = NdisAllocateCloneNetBufferList(pList, pAdapter->hClonePool, pAdapter->hNbPool, 0);
    if (pClone == NULL) return;
    if (Flags & 1) { /* the stack wants its buffer back at once */
        PVOID pCopy = ExAllocatePoolWithTag(NonPagedPoolNx, pAdapter->cbMtu + 64, 'yCSF'); //= FSCy allocation-call direct
        if (pCopy != NULL && !QueuePush(&pAdapter->Rx, pCopy)) ExFreePoolWithTag(pCopy, 'yCSF');
    }
    if (NdisAllocateMemoryWithTag(&pData, pAdapter->cbMtu, 'dRSF') == 0) { //= FSRd allocation-call direct
        PVOID pMdl = NdisAllocateMdl(pAdapter->hFilter, pData, pAdapter->cbMtu);
        if (pMdl == NULL || !QueuePush(&pAdapter->Rx, pMdl)) NdisFreeMemoryWithTag(pData, 'dRSF');
    }
    NdisFreeCloneNetBufferList(pClone, 0);
}

/* the callouts */

NOINLINE static FLOW *FlowFind(ADAPTER *pAdapter, ULONG ulHash)
{
    FLOW *pFlow = pAdapter->ppBuckets[ulHash & 127];
    while (pFlow != NULL && pFlow->ulHash != ulHash) pFlow = pFlow->pNext;
    if (pFlow == NULL && (pFlow = MemAlloc(sizeof(FLOW), TAG_FLOW)) != NULL) {
        pFlow->ulGuard = TAG_GUARD;
        pFlow->ulHash = ulHash;
        pFlow->pNext = pAdapter->ppBuckets[ulHash & 127];
        pAdapter->ppBuckets[ulHash & 127] = pFlow;
    }
    return pFlow;
}

static void CALL InjectComplete(PVOID *pContext, PVOID pList, BOOLEAN fDispatch)
{
    ExFreePoolWithTag(pContext, 'cISF'); //= FSIc allocation-call direct
}

static void CALL Classify(const FWPS_VALUES *pValues, const PVOID *pMeta, PVOID pList, const PVOID pFilter, ULONG64 qwFlow, FWPS_CLASSIFY_OUT *pOut)
{
    PVOID pClone, *pContext;
    FLOW *pFlow;
    ADAPTER *pAdapter = g.pAdapters;
    ULONG i, ulHash = 'hFSF'; //~ FSFh magic
    for (i = 0; i < pValues->Count; i++) ulHash = (ulHash << 7 | ulHash >> 25) ^ pValues->Values[i];
    if (pAdapter == NULL || (pFlow = FlowFind(pAdapter, ulHash)) == NULL) { pOut->Action = 0x1002; return; }
    if (pFlow->ulGuard != TAG_GUARD) KeBugCheckEx(0x139, TAG_GUARD, (ULONG_PTR)pFlow, 0, 0);
    FwpsFlowAssociateContext0(qwFlow, pValues->Layer, g.idCallout[2], (ULONG64)(ULONG_PTR)pFlow);
    ObReferenceObjectByPointerWithTag(pFilter, 0, NULL, 0, TAG_REF);
    pContext = ExAllocatePoolWithTag(NonPagedPoolNx, 6 * sizeof(PVOID), 'cISF');
    if (pContext == NULL) return;
    pContext[0] = pFlow;
    if (FwpsAllocateCloneNetBufferList0(pList, pAdapter->hClonePool, pAdapter->hNbPool, 0, &pClone) >= 0) {
        pContext[1] = pClone;
        FwpsInjectNetworkSendAsync0(g.hInjection, NULL, 0, 'mcSF', pClone, InjectComplete, pContext); //~ FScm not-an-allocator
    }
    pOut->Action = 0x1001;
    pOut->Rights &= ~1u;
}
static NTSTATUS CALL Notify(ULONG Type, const GUID *pKey, PVOID pFilter) { return STATUS_SUCCESS; }
static void CALL FlowDelete(USHORT Layer, ULONG Callout, ULONG64 qwContext) { MemFree((PVOID)(ULONG_PTR)qwContext, TAG_FLOW); }

NOINLINE static NTSTATUS RulesLoad(const WCHAR *pwz, ULONG cRules)
{
    ULONG *pQuantum;
    while (cRules--) {
        RULE *pRule = MemAlloc(sizeof(RULE), TAG_RULE);
        if (pRule == NULL || !MemString(&pRule->Name, pwz, 32)) return STATUS_INSUFFICIENT_RESOURCES;
        pRule->cbRate = cRules * 1000;
        pRule->pNext = g.pRules;
        g.pRules = pRule;
    }
    pQuantum = MemAlloc(64 * sizeof(ULONG), TAG_QUEUE);
    if (pQuantum == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    pQuantum[0] = g.pRules ? g.pRules->cbRate : 0;
    MemFree(pQuantum, TAG_QUEUE);
    return STATUS_SUCCESS;
}

static void CALL Unload(DRIVER_OBJECT *pDriver)
{
    RULE *pRule;
    while ((pRule = g.pRules) != NULL) {
        g.pRules = pRule->pNext;
        MemFree(pRule->Name.Buffer, TAG_NAME);
        MemFree(pRule, TAG_RULE);
    }
    ExDeleteLookasideListEx(&g.Segments);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *pDriver, UNICODE_STRING *pPath)
{
    FILTER_CHARACTERISTICS Characteristics;
    ULONG i;
    NTSTATUS status;

    g.pDriver = pDriver;
    pDriver->Unload = Unload;
    status = ExInitializeLookasideListEx(&g.Segments, NULL, NULL, NonPagedPoolNx, 0, 160, 'gSSF', 0); //= FSSg lookaside-init lookaside
    if (status < 0) return status;
    memset(&Characteristics, 0, sizeof(Characteristics));
    Characteristics.Header.bType = 0x8B;
    Characteristics.Header.bRevision = 2;
    Characteristics.Header.wSize = sizeof(Characteristics);
    Characteristics.Major = 6;
    Characteristics.Minor = 30;
    Characteristics.Handler[2] = FilterAttach;
    Characteristics.Handler[3] = FilterDetach;
    Characteristics.Handler[6] = FilterSend;
    Characteristics.Handler[8] = FilterReceive;
    Characteristics.Handler[10] = FilterOid;
    status = NdisFRegisterFilterDriver(pDriver, &g, &Characteristics, &g.hNdis);
    if (status < 0) return status;
    for (i = 0; i < 3 && status >= 0; i++) {
        FWPS_CALLOUT Callout = {KeyCallout[i], i == 2, Classify, Notify, i == 2 ? FlowDelete : NULL};
        status = FwpsCalloutRegister1(pDriver->Device, &Callout, &g.idCallout[i]);
    }
    if (status >= 0) status = FwpsInjectionHandleCreate0(2, 2, &g.hInjection);
    return status < 0 ? status : RulesLoad(pPath->Buffer, pPath->Length / 32);
}
