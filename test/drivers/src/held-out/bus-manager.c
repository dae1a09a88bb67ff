// Held out: a manager of buses and their children: requests that are cleared and filled by others, rows found through a pointer to a pointer, kinds
// mapped twice, a context that is the tag itself, tags put together from characters, configurations that replace each other.
#include "kernel.h"

typedef struct { ULONG Size, Tag; USHORT Kind, Flags; } BASE_REQUEST;
typedef struct { ULONG Version; BASE_REQUEST Base; ULONG Port; PVOID Target; } PORT_REQUEST;

/* ---- requests: cleared, then filled by who knows ---- */

NOINLINE static void FillBase(BASE_REQUEST *Base, USHORT Kind)
{
    Base->Kind = Kind;
    Base->Flags = 1;
    Base->Size = Kind == 3 ? 512 : 96;
    Base->Tag = Kind == 3 ? 'lRmB' : 'sRmB'; //= BmRl any wrapper-structure //= BmRs any wrapper-structure
}
NOINLINE static NTSTATUS FillPort(PORT_REQUEST *Request, ULONG Port)
{
    if (Port > 15) return STATUS_INVALID_PARAMETER;
    FillBase(&Request->Base, (USHORT)(Port & 3));
    Request->Port = Port;
    return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS FillControl(BASE_REQUEST *Request, USHORT Length)
{
    if (Length == 0) return STATUS_INVALID_PARAMETER;
    Request->Kind = 9;
    Request->Size = Length + 32;
    Request->Tag = 'tCmB'; //= BmCt any wrapper-structure
    return STATUS_SUCCESS;
}

NOINLINE static PVOID StartPort(ULONG Port)
{
    PORT_REQUEST Request;

    memset(&Request, 0, sizeof(Request));
    Request.Version = 2;
    if (FillPort(&Request, Port) < 0) return NULL;
    return ExAllocatePoolWithTag(NonPagedPoolNx, Request.Base.Size, Request.Base.Tag);
}
NOINLINE static PVOID StartControl(USHORT Length)
{
    BASE_REQUEST Request = { 0 };

    if (FillControl(&Request, Length) < 0) return NULL;
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, Request.Size, Request.Tag);
}

/* ---- rows that are found through a pointer to a pointer ---- */

typedef struct { USHORT Vendor, Quirks; ULONG Tag, Bytes; } DEVICE_ROW;
static const DEVICE_ROW Rows[] = {
    { 0x8086, 1, 'iVmB', 128 }, //= BmVi any tag-table
    { 0x1022, 0, 'aVmB', 64 }, //= BmVa any tag-table
    { 0x10DE, 2, 'nVmB', 256 }, //= BmVn any tag-table
};
NOINLINE static NTSTATUS FindRow(USHORT Vendor, const DEVICE_ROW **Out)
{
    ULONG Index;

    for (Index = 0; Index < sizeof(Rows) / sizeof(Rows[0]); Index++) {
        if (Rows[Index].Vendor != Vendor) continue;
        *Out = &Rows[Index];
        return STATUS_SUCCESS;
    }
    return STATUS_NOT_SUPPORTED;
}
NOINLINE static PVOID CreateDeviceState(USHORT Vendor)
{
    const DEVICE_ROW *Row;

    if (FindRow(Vendor, &Row) < 0) return NULL;
    return ExAllocatePoolWithTag(PagedPool, Row->Bytes, Row->Tag);
}

/* ---- kinds are mapped twice ---- */

static const UCHAR KindOfClass[8] = { 0, 1, 1, 2, 0, 3, 3, 2 };
static const ULONG TagOfKind[4] = { 'gKmB', 'hKmB', 'sKmB', 'vKmB' }; //= BmKg any tag-table //= BmKh any tag-table //= BmKs any tag-table //= BmKv any tag-table
NOINLINE static PVOID CreateChild(UCHAR Class, SIZE_T Size)
{
    if (Class >= 8) return NULL;
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, TagOfKind[KindOfClass[Class]]);
}

/* ---- a configuration that another one replaces ---- */

typedef struct { ULONG Version; ULONG QueueTag, EventTag; ULONG Depth; } CONFIGURATION;
static const CONFIGURATION Safe = { 1, 'sQmB', 'sEmB', 4 }; //= BmQs any pointer-in-global //= BmEs any pointer-in-global
static const CONFIGURATION Fast = { 2, 'fQmB', 'fEmB', 64 }; //= BmQf any pointer-in-global //= BmEf any pointer-in-global
static const CONFIGURATION *Current = &Safe;
NOINLINE static PVOID CreateQueue(void) { return ExAllocatePoolWithTag(NonPagedPoolNx, Current->Depth * 16, Current->QueueTag); }
NOINLINE static PVOID CreateEvent(void) { return ExAllocatePoolWithTag(NonPagedPoolNx, 24, Current->EventTag); }

/* ---- a tag for who asks for none ---- */

NOINLINE static PVOID Allocate(SIZE_T Size, ULONG Tag)
{
    if (Tag == 0) Tag = 'fDmB'; //= BmDf any default-tag
    return ExAllocatePoolWithTag(NonPagedPoolNx, Size, Tag);
}

/* ---- a table whose context is the tag itself ---- */

typedef struct { ULONG_PTR Balanced[4]; PVOID Ordered; ULONG Which, Count; ULONG Depth; PVOID Restart; ULONG Deletes; PVOID Compare, Allocate, Free, Context; } AVL_TABLE;
static PVOID CALL NodeAllocate(AVL_TABLE *Table, ULONG Size) { return ExAllocatePoolWithTag(PagedPool, Size, (ULONG)(ULONG_PTR)Table->Context); }
static void CALL NodeFree(AVL_TABLE *Table, PVOID p) { ExFreePoolWithTag(p, (ULONG)(ULONG_PTR)Table->Context); }
static LONG CALL NodeCompare(AVL_TABLE *Table, ULONG *a, ULONG *b) { return *a < *b ? 0 : *a > *b ? 1 : 2; }
static AVL_TABLE Ports, Paths;

/* ---- characters ---- */

NOINLINE static PVOID CreateLog(CHAR Letter)
{
    union { CHAR c[4]; ULONG Tag; } Name;

    Name.c[0] = 'B';
    Name.c[1] = 'm';
    Name.c[2] = 'L';
    Name.c[3] = 'g';
    if (Letter == 'x') return NULL;
    return ExAllocatePoolWithTag(PagedPool, 4096, Name.Tag); //= BmLg any stack-slot
}

/* ---- objects with a class ---- */

typedef struct { const CHAR *Name; ULONG Tag; ULONG Bytes; void (*Remove)(PVOID); } OBJECT_CLASS;
typedef struct { LONG References; const OBJECT_CLASS *Class; PVOID Children, Extra; } OBJECT;
static void RemovePlain(PVOID p) { ((OBJECT *)p)->Extra = NULL; }
static const OBJECT_CLASS HubClass = { "hub", 'bHmB', 96, RemovePlain }, LeafClass = { "leaf", 'fLmB', 32, RemovePlain }; //= BmHb any object-field-deep //= BmLf any object-field-deep
NOINLINE static OBJECT *CreateObject(const OBJECT_CLASS *Class)
{
    OBJECT *Object = Allocate(sizeof(*Object), 'bOmB'); //= BmOb any wrapper

    if (Object == NULL) return NULL;
    Object->References = 1;
    Object->Class = Class;
    Object->Children = NULL;
    Object->Extra = ExAllocatePoolWithTag(PagedPool, Class->Bytes, Class->Tag);
    return Object;
}
NOINLINE static PVOID ExtendObject(OBJECT *Object, SIZE_T Size)
{
    PVOID Extra = ExAllocatePoolWithTag(PagedPool, Object->Class->Bytes + Size, Object->Class->Tag);

    if (Extra == NULL) return NULL;
    memcpy(Extra, Object->Extra, Object->Class->Bytes);
    ExFreePoolWithTag(Object->Extra, Object->Class->Tag);
    return Object->Extra = Extra;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    PVOID Result = NULL;

    switch (Irp->Stack->Minor) {
    case 0: Result = StartPort(Irp->Flags); break;
    case 1: Result = StartControl((USHORT)Irp->Flags); break;
    case 2: Result = CreateDeviceState((USHORT)Irp->Flags); break;
    case 3: Result = CreateChild((UCHAR)Irp->Flags, Irp->Information); break;
    case 4: Result = CreateQueue(); break;
    case 5: Result = CreateEvent(); break;
    case 6: Result = Allocate(Irp->Information, 0); break;
    case 7: Result = Allocate(64, 'xEmB'); break; //= BmEx any wrapper
    case 8: Result = CreateLog((CHAR)Irp->Flags); break;
    case 9: Result = CreateObject(Irp->Flags & 1 ? &HubClass : &LeafClass); break;
    case 10: Result = ExtendObject(Irp->SystemBuffer, Irp->Information); break;
    case 11: Result = RtlInsertElementGenericTableAvl(&Ports, Irp->SystemBuffer, 24, NULL); break;
    case 12: Result = RtlInsertElementGenericTableAvl(&Paths, Irp->SystemBuffer, 48, NULL); break;
    }
    Irp->SystemBuffer = Result;
    IoCompleteRequest(Irp, 0);
    return STATUS_SUCCESS;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    if (Path->Length > 64) Current = &Fast;
    RtlInitializeGenericTableAvl(&Ports, (PVOID)NodeCompare, (PVOID)NodeAllocate, (PVOID)NodeFree, (PVOID)(ULONG_PTR)'oPmB'); //= BmPo any callback-context
    RtlInitializeGenericTableAvl(&Paths, (PVOID)NodeCompare, (PVOID)NodeAllocate, (PVOID)NodeFree, (PVOID)(ULONG_PTR)'aPmB'); //= BmPa any callback-context
    Driver->Major[14] = Dispatch;
    return STATUS_SUCCESS;
}
