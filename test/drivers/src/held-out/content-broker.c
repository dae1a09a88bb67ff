// Held out: a component in the manner of those that come with the system: a broker of content with a tag for each purpose, its own
// exports called within, private heaps, paged and initialisation sections, rare paths kept cold, arrays of lookaside lists.
// exports: CbAllocatePool CbFreePool CbAllocateFromHeap CbReferenceContent
#include "kernel.h"
#ifdef __clang__
#define CBAPI NOINLINE
#else
#define CBAPI __declspec(dllexport) NOINLINE
#endif
#define PAGED PAGED_CODE_SECTION static
#define INIT INIT_CODE_SECTION static
#define COLD __attribute__((cold, noinline)) static
#define NT_SUCCESS(s) ((s) >= 0)
#define POOL_FLAG_USE_QUOTA 0x1ULL
#define POOL_FLAG_UNINITIALIZED 0x2ULL
#define POOL_FLAG_SESSION 0x4ULL

typedef struct _CB_LOOKASIDE_INIT { ULONG Tag; USHORT Size, Depth; } CB_LOOKASIDE_INIT;
typedef struct _CB_HEAP { ULONG_PTR Lock; LIST_ENTRY Segments; ULONG Tag, LargeTag, SegmentSize, Signature; SIZE_T Committed; } CB_HEAP;
typedef struct _CB_SEGMENT { LIST_ENTRY Link; SIZE_T Used, Size; } CB_SEGMENT;
typedef struct _CB_CONTENT { ULONG Type, References, State; UNICODE_STRING Name; PVOID PushLock, Rundown, Security, View, Hash, Thumb; LIST_ENTRY Links; } CB_CONTENT;
typedef struct _CB_SESSION { ULONG Id, Signature; PVOID Quota, Table, Token, Events, Notify; CB_HEAP *Heap; } CB_SESSION;
typedef struct _POOL_EXTENDED { ULONG64 Type; ULONG64 Value; } POOL_EXTENDED;

static CB_HEAP CbpSystemHeap, CbpCacheHeap;
static LOOKASIDE CbpLookaside[6];
static CB_SESSION *CbpSessions[8];
static PVOID CbpVerifierMap;
static ULONG CbpFlags, CbpFailures;
static ULONG64 CbpTrace;
PVOID volatile CbpLast;

static const GUID CbProvider = {0x4f768be8, 0x9c69, 0x4bbc, {0x87, 0xfc, 'C', 'b', 'P', 'v', 0x2f, 0x95}}; //~ CbPv guid
static const CB_LOOKASIDE_INIT CbpLookasideInit[6] = {
    {'rLbC', 64, 0},   //= CbLr any lookaside-loop
    {'cLbC', 128, 0},  //= CbLc any lookaside-loop
    {'iLbC', 192, 4},  //= CbLi any lookaside-loop
    {'xLbC', 256, 4},  //= CbLx any lookaside-loop
    {'wLbC', 512, 0},  //= CbLw any lookaside-loop
    {'zLbC', 1024, 8}, //= CbLz any lookaside-loop
};

/* ---- exports ---- */

COLD PVOID CbpAllocationFailed(SIZE_T Size, ULONG Tag)
{
    ULONG *Record = IoAllocateErrorLogEntry(NULL, 64);
    CbpFailures += 1;
    if (Record != NULL) { Record[0] = 'rEbC'; Record[1] = (ULONG)Size; Record[2] = Tag; } //~ CbEr magic
    if (CbpFlags & 0x80) KeBugCheckEx(0x1E7, 'mObC', Size, Tag, CbpFailures); //~ CbOm bug-check
    return NULL;
}

CBAPI PVOID CALL CbAllocatePool(ULONG64 Flags, SIZE_T Size, ULONG Tag)
{
    PVOID Buffer = ExAllocatePool2(Flags, Size, Tag);
    return Buffer != NULL ? Buffer : CbpAllocationFailed(Size, Tag);
}

CBAPI void CALL CbFreePool(PVOID Buffer, ULONG Tag)
{
    if (Buffer != NULL) ExFreePoolWithTag(Buffer, Tag);
}

CBAPI PVOID CALL CbAllocateFromHeap(CB_HEAP *Heap, SIZE_T Size)
{
    CB_SEGMENT *Segment = (CB_SEGMENT *)Heap->Segments.Flink;
    PVOID Buffer = NULL;
    UCHAR Irql;
    if (Heap->Signature != 'paeH') KeBugCheckEx(0x13A, 'hCbC', (ULONG_PTR)Heap, Heap->Signature, 0); //~ Heap magic //~ CbCh bug-check
    Size = (Size + 15) & ~(SIZE_T)15;
    if (Size > Heap->SegmentSize / 2) return ExAllocatePoolWithTag(PagedPool, Size, Heap->LargeTag);
    Irql = KeAcquireSpinLockRaiseToDpc(&Heap->Lock);
    if (&Segment->Link == &Heap->Segments || Segment->Used + Size > Segment->Size) {
        Segment = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CB_SEGMENT) + Heap->SegmentSize, Heap->Tag);
        if (Segment != NULL) {
            Segment->Size = Heap->SegmentSize;
            Segment->Used = 0;
            Segment->Link.Flink = Heap->Segments.Flink;
            Segment->Link.Blink = &Heap->Segments;
            Heap->Segments.Flink->Blink = &Segment->Link;
            Heap->Segments.Flink = &Segment->Link;
            Heap->Committed += Heap->SegmentSize;
        }
    }
    if (Segment != NULL) {
        Buffer = (UCHAR *)(Segment + 1) + Segment->Used;
        Segment->Used += Size;
    }
    KeReleaseSpinLock(&Heap->Lock, Irql);
    return Buffer;
}

NOINLINE static void CbpInitializeHeap(CB_HEAP *Heap, ULONG SegmentSize, ULONG Tag, ULONG LargeTag)
{
    KeInitializeSpinLock(&Heap->Lock);
    Heap->Segments.Flink = Heap->Segments.Blink = &Heap->Segments;
    Heap->SegmentSize = SegmentSize;
    Heap->Tag = Tag;
    Heap->LargeTag = LargeTag;
    Heap->Signature = 'paeH';
}

/* ---- helpers that many use ---- */

PAGED PVOID CbpAllocateString(const UNICODE_STRING *From, UNICODE_STRING *To, ULONG Tag)
{
    To->Buffer = CbAllocatePool(POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED, From->Length + 2, Tag);
    if (To->Buffer == NULL) return NULL;
    To->MaximumLength = From->Length + 2;
    RtlCopyUnicodeString(To, From);
    return To->Buffer;
}

NOINLINE static PVOID CbpAllocateWithPriority(SIZE_T Size, ULONG Tag, ULONG Priority)
{
    POOL_EXTENDED Parameter = {1, Priority};
    if (CbpFlags & 1) return ExAllocatePool3(POOL_FLAG_PAGED, Size, Tag, &Parameter, 1);
    return ExAllocatePoolWithTagPriority(PagedPool, Size, Tag, Priority);
}

PAGED PVOID CbpQueryValue(HANDLE Key, const WCHAR *Text, ULONG Tag)
{
    UNICODE_STRING Name;
    ULONG Needed = 0;
    PVOID Value;
    RtlInitUnicodeString(&Name, Text);
    ZwQueryValueKey(Key, &Name, 2, NULL, 0, &Needed);
    Value = CbAllocatePool(POOL_FLAG_PAGED, Needed, Tag);
    if (Value != NULL && !NT_SUCCESS(ZwQueryValueKey(Key, &Name, 2, Value, Needed, &Needed))) {
        CbFreePool(Value, Tag);
        Value = NULL;
    }
    return Value;
}

/* ---- content ---- */

PAGED NTSTATUS CbpCreateContent(CB_SESSION *Session, const UNICODE_STRING *Name, ULONG Type, CB_CONTENT **Out)
{
    CB_CONTENT *Content = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(CB_CONTENT), 'oCbC'); //= CbCo allocation-call page-section
    if (Content == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Content->Type = Type;
    Content->State = 'weNC'; //~ CNew magic
    Content->PushLock = FsRtlAllocateAePushLock(NonPagedPoolNx, 'lPbC'); //= CbPl allocation-call page-section
    Content->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'uRbC'); //= CbRu allocation-call page-section
    Content->Security = FsRtlAllocatePoolWithTag(PagedPool, 512, 'eSbC'); //= CbSe allocation-call page-section
    if (Content->PushLock == NULL || Content->Rundown == NULL) goto Fail;
    if (CbpAllocateString(Name, &Content->Name, 'nCbC') == NULL) goto Fail; //= CbCn any wrapper-two
    switch (Type) {
    case 0: Content->Hash = CbAllocatePool(POOL_FLAG_PAGED, 64, '1HbC'); break; //= CbH1 any own-export
    case 1: Content->Hash = CbAllocatePool(POOL_FLAG_PAGED, 96, '2HbC'); break; //= CbH2 any own-export
    case 2: Content->Hash = CbAllocatePool(POOL_FLAG_NON_PAGED, 128, '3HbC'); break; //= CbH3 any own-export
    case 3: Content->Thumb = CbpAllocateWithPriority(65536, 'hTbC', 0); break; //= CbTh any wrapper
    default: Content->Thumb = CbAllocateFromHeap(Session->Heap, 256); break;
    }
    *Out = Content;
    return STATUS_SUCCESS;
Fail:
    if (Content->PushLock) FsRtlFreeAePushLock(Content->PushLock);
    if (Content->Rundown) ExFreeCacheAwareRundownProtection(Content->Rundown);
    CbFreePool(Content->Security, 'eSbC');
    ExFreePoolWithTag(Content, 'oCbC');
    return STATUS_INSUFFICIENT_RESOURCES;
}

CBAPI NTSTATUS CALL CbReferenceContent(HANDLE Handle, CB_CONTENT **Out)
{
    PVOID Object;
    NTSTATUS Status = ObReferenceObjectByHandleWithTag(Handle, 1, NULL, 1, 'fRbC', &Object, NULL); //~ CbRf object-tag
    if (!NT_SUCCESS(Status)) return Status;
    if (((ULONG *)Object)[0] != 'tnoC') { //~ Cont magic
        ObDereferenceObjectDeferDeleteWithTag(Object, 'fRbC');
        return STATUS_INVALID_PARAMETER;
    }
    *Out = Object;
    return STATUS_SUCCESS;
}

PAGED NTSTATUS CbpMapView(CB_CONTENT *Content, PVOID Mdl, SIZE_T Size)
{
    PVOID Address = MmAllocateMappingAddress(Size, 'mVbC'); //= CbVm allocation-call page-section
    if (Address == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Content->View = MmMapLockedPagesWithReservedMapping(Address, 'mVbC', Mdl, 1);
    if (Content->View == NULL) {
        MmFreeMappingAddress(Address, 'mVbC');
        return STATUS_INVALID_PARAMETER;
    }
    CbpLast = ExAllocatePoolWithTag(PagedPool, Size >> 9, 'bVbC'); //= CbVb allocation-call page-section
    return CbpLast ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* What the content is made of: by the first four bytes. */
PAGED PVOID CbpSniff(const ULONG *Data, SIZE_T Size)
{
    switch (Data[0]) {
    case 'FFIR': return ExAllocatePoolWithTag(PagedPool, Size, 'vIbC'); //~ RIFF magic //= CbIv allocation-call branches
    case 'KREB': return ExAllocatePoolWithTag(PagedPool, 4096, 'gIbC'); //~ BERK magic //= CbIg allocation-call branches
    case 'FDP%': return ExAllocatePoolWithTag(PagedPool, Size * 2, 'pIbC'); //~ %PDF magic //= CbIp allocation-call branches
    case 'FCSM': return FsRtlAllocatePoolWithQuotaTag(PagedPool, Size, 'cIbC'); //~ MSCF magic //= CbIc allocation-call branches
    case 'EPYT': return ExAllocatePoolWithQuotaTag(PagedPool | 8, Size, 'tIbC'); //~ TYPE magic //= CbIt allocation-call branches
    case 'fPNG': return NULL; //~ GNPf magic
    }
    return ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA, Size, 'uIbC'); //= CbIu allocation-call branches
}

/* ---- sessions ---- */

COLD NTSTATUS CbpSessionFailed(CB_SESSION *Session, NTSTATUS Status)
{
    PVOID Dump = ExAllocatePoolWithTag(NonPagedPoolNx, 8192, 'pDbC'); //= CbDp allocation-call cold-part
    if (Dump != NULL) {
        memcpy(Dump, Session, sizeof(*Session));
        DbgPrint("CbDT: session %u failed, %x\n", Session->Id, Status); //~ CbDT text
        CbpLast = Dump;
    }
    CbFreePool(Session->Table, 'bSbC');
    CbFreePool(Session->Quota, 'qSbC');
    ExFreePoolWithTag(Session, 'sSbC');
    return Status;
}

PAGED NTSTATUS CbpCreateSession(ULONG Id)
{
    CB_SESSION *Session = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_SESSION, sizeof(CB_SESSION), 'sSbC'); //= CbSs allocation-call page-section
    POOL_EXTENDED Node = {4, Id & 3};
    if (Session == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Session->Id = Id;
    Session->Signature = 0x73734243; //~ CBss magic
    Session->Table = CbAllocatePool(POOL_FLAG_PAGED, 64 * sizeof(PVOID), 'bSbC'); //= CbSb any own-export
    if (Session->Table == NULL) return CbpSessionFailed(Session, STATUS_INSUFFICIENT_RESOURCES);
    Session->Quota = ExAllocatePool3(POOL_FLAG_NON_PAGED, 128, 'qSbC', &Node, 1); //= CbSq allocation-call page-section
    if (Session->Quota == NULL) return CbpSessionFailed(Session, STATUS_INSUFFICIENT_RESOURCES);
    Session->Token = CbpAllocateWithPriority(1024, 'kTbC', 16); //= CbTk any wrapper
    Session->Events = ExAllocatePoolWithTag(NonPagedPoolNx, 24 * 16, 'vEbC'); //= CbEv allocation-call page-section
    Session->Notify = CbAllocatePool(POOL_FLAG_NON_PAGED, 80, 'tNbC'); //= CbNt any own-export
    Session->Heap = CbAllocatePool(POOL_FLAG_NON_PAGED, sizeof(CB_HEAP), 'pHbC'); //= CbHp any own-export
    if (Session->Heap == NULL || Session->Events == NULL) return CbpSessionFailed(Session, STATUS_INSUFFICIENT_RESOURCES);
    CbpInitializeHeap(Session->Heap, 0x4000, 'gSbC', 'lSbC'); //= CbSg any object-field-deep //= CbSl any object-field-deep
    CbpSessions[Id & 7] = Session;
    return STATUS_SUCCESS;
}

PAGED void CbpDeleteSession(CB_SESSION *Session, CB_CONTENT *Content)
{
    CbFreePool(Session->Events, 'vEbC');
    CbFreePool(Session->Token, 'kTbC');
    CbFreePool(Session->Notify, 'tNbC');
    CbFreePool(Session->Heap, 'pHbC');
    if (Content->Links.Flink) ExFreePoolWithTag(Content->Links.Flink, 'eDeS'); //= SeDe free-call free
    if (Content->Links.Blink) ExFreePool2(Content->Links.Blink, 'tAbO', NULL, 0); //= ObAt free-call free
    ExFreePoolWithTag(Session, 'sSbC');
}

/* ---- the network, and devices ---- */

NOINLINE static NTSTATUS CbpFetch(HANDLE Adapter, ULONG Size, PVOID Interface)
{
    PVOID Buffer, Header = NdisAllocateMemoryWithTagPriority(Adapter, 256, 'hNbC', 0); //= CbNh allocation-call direct
    if (Header == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Header, "GET /", 5);
    if (NdisAllocateMemoryWithTag(&Buffer, Size, 'bNbC') != 0) { //= CbNb allocation-call direct
        NdisFreeMemoryWithTagPriority(Adapter, Header, 'hNbC');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (((ULONG *)Interface)[4] == 'TSM_') KeStallExecutionProcessor(10); //~ _MST firmware-table
    if (((ULONG *)Interface)[5] == 'PNP_') KeStallExecutionProcessor(20); //~ _PNP firmware-table
    CbpLast = Buffer;
    return STATUS_SUCCESS;
}

NOINLINE static PVOID CbpBuildRequest(ULONG Code, PVOID Input, ULONG Size)
{
    PVOID Request, Packet = ExAllocatePoolWithTag(NonPagedPoolNx, Size + 32, 'kPbC'); //= CbPk allocation-call direct
    if (Packet == NULL) return NULL;
    memcpy(Packet, Input, Size);
    Request = ExAllocatePoolWithTag(NonPagedPoolNx, 208, Code & 1 ? 'rRbC' : 'wRbC'); //= CbRr allocation-call ternary //= CbRw allocation-call ternary
    if (Request == NULL) { ExFreePoolWithTag(Packet, 'kPbC'); return NULL; }
    *(PVOID *)Request = Packet;
    return Request;
}

static NTSTATUS CALL CbDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    CB_CONTENT *Content = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    UNICODE_STRING Path = {(USHORT)Irp->Information, (USHORT)Irp->Information, Irp->SystemBuffer};
    PVOID Result = NULL;
    switch (Irp->Stack->Minor) {
    case 0: Status = CbpCreateSession(Irp->Flags); break;
    case 1: Status = CbpCreateContent(CbpSessions[0], &Path, Irp->Flags, &Content); break;
    case 2: Status = CbReferenceContent(Irp->Stack->Argument[0], &Content); break;
    case 3: Status = CbpMapView(Irp->Stack->Argument[0], Irp->Mdl, Irp->Information); break;
    case 4: Result = CbpSniff(Irp->SystemBuffer, Irp->Information); break;
    case 5: Status = CbpFetch(Device->Extension, Irp->Flags, Irp->SystemBuffer); break;
    case 6: Result = CbpBuildRequest(Irp->Flags, Irp->SystemBuffer, 64); break;
    case 7: CbpDeleteSession(CbpSessions[1], Irp->Stack->Argument[0]); break;
    case 8: Result = CbAllocateFromHeap(&CbpCacheHeap, Irp->Information); break;
    case 9: Result = CbAllocateFromHeap(CbpSessions[2]->Heap, Irp->Information); break;
    case 10: Result = ExAllocatePool2(POOL_FLAG_NON_PAGED, Irp->Information, 'xIbC'); break; //= CbIx allocation-call shared-call
    case 11: Result = ExAllocatePool2(POOL_FLAG_PAGED, 96, 'yIbC'); break; //= CbIy allocation-call shared-call
    case 12: Result = ExAllocatePoolWithTagPriority(NonPagedPoolNx, Irp->Flags, 'iPbC', 32); break; //= CbPi allocation-call direct
    case 13: Result = CbpLookaside; break;
    case 14: Result = CbpAllocateString(&Path, &Path, 'tPbC'); break; //= CbPt any wrapper-two
    case 15: Result = CbpAllocateWithPriority(512, 'rPbC', 0); break; //= CbPr any wrapper
    case 16: Result = ExAllocatePoolWithQuotaTag(PagedPool, Irp->Information, 'uQbC'); break; //= CbQu allocation-call direct
    case 17: Result = FsRtlAllocatePoolWithTag(NonPagedPoolNx, 320, 'sFbC'); break; //= CbFs allocation-call direct
    default: Status = STATUS_NOT_SUPPORTED;
    }
    CbpLast = Result;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

/* ---- initialisation ---- */

INIT NTSTATUS CbpReadPolicy(HANDLE Key)
{
    PVOID Limits = CbpQueryValue(Key, (PWSTR)L"Limits", 'lRbC'); //= CbRl any wrapper-two
    PVOID Exempt = CbpQueryValue(Key, (PWSTR)L"Exempt", 'eRbC'); //= CbRe any wrapper-two
    PVOID Policy = CbpQueryValue(Key, (PWSTR)L"CbPY", 'pRbC'); //= CbRp any wrapper-two
    if (Limits == NULL || Policy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    CbpFlags = *(ULONG *)Limits == 'LPbC' ? 1 : 3; //~ CbPL magic
    CbpLast = Exempt;
    return STATUS_SUCCESS;
}

INIT NTSTATUS CbpInitializeLookasides(void)
{
    ULONG i;
    for (i = 0; i < 6; i++) {
        NTSTATUS Status = ExInitializeLookasideListEx(&CbpLookaside[i], NULL, NULL, NonPagedPoolNx, 0,
                                                      CbpLookasideInit[i].Size, CbpLookasideInit[i].Tag, CbpLookasideInit[i].Depth);
        if (!NT_SUCCESS(Status)) return Status;
    }
    return STATUS_SUCCESS;
}

INIT NTSTATUS CbpInitializePhase1(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    static UCHAR EcpList[192];
    static LOOKASIDE Irps, Work;
    PVOID Extension;
    CbpInitializeHeap(&CbpSystemHeap, 0x10000, 'gHbC', 'lHbC'); //= CbHg any object-field //= CbHl any object-field
    CbpInitializeHeap(&CbpCacheHeap, 0x8000, 'cHbC', 'xHbC'); //= CbHc any object-field //= CbHx any object-field
    ExInitializeNPagedLookasideList(&Irps, NULL, NULL, 0x200, 280, 'iWbC', 0); //= CbWi lookaside-init page-section
    ExInitializePagedLookasideList(&Work, NULL, NULL, 0, 64, 'kWbC', 0); //= CbWk lookaside-init page-section
    FsRtlInitExtraCreateParameterLookasideList(EcpList, 0, 64, 'lEbC'); //= CbEl lookaside-init page-section
    if (!NT_SUCCESS(FsRtlAllocateExtraCreateParameter(&CbProvider, 32, 0, NULL, 'cEbC', &Extension))) return STATUS_INSUFFICIENT_RESOURCES; //= CbEc allocation-call page-section
    CbpVerifierMap = ExAllocatePoolWithTag(NonPagedPoolNx, 1024, 'fVbC'); //= CbVf allocation-call page-section
    CbpLast = ExAllocatePoolWithTag(PagedPool, Path->Length, 'pRBC'); //= CBRp allocation-call page-section
    CbpLast = CbAllocateFromHeap(&CbpSystemHeap, Path->Length);
    CbpLast = CbAllocatePool(POOL_FLAG_NON_PAGED, 4096, 'tBbC'); //= CbBt any own-export
    CbpLast = CbAllocatePool(POOL_FLAG_PAGED, 2048, 'xBbC'); //= CbBx any own-export
    CbpLast = MmAllocateMappingAddressEx(0x100000, 'eMbC', 0); //= CbMe allocation-call page-section
    return EtwRegister(&CbProvider, NULL, NULL, &CbpTrace);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    NTSTATUS Status = CbpInitializePhase1(Driver, Path);
    if (NT_SUCCESS(Status)) Status = CbpInitializeLookasides();
    if (NT_SUCCESS(Status)) Status = CbpReadPolicy(Driver->Section);
    if (!NT_SUCCESS(Status)) return Status;
    Driver->Major[14] = CbDispatch;
    return STATUS_SUCCESS;
}
