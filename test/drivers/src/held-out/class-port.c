// Held out: a class driver and its port for several buses: registration by structure, settings kept in the driver's extension, packets per
// device, firmware objects in tables, pipes with interfaces between objects, a switch's ports with tags by component.
#include "kernel.h"

/* ---- what a class gives when it registers ---- */

typedef struct { NTSTATUS (*Add)(DEVICE_OBJECT *Device); NTSTATUS (*Start)(DEVICE_OBJECT *Device); void (*Remove)(DEVICE_OBJECT *Device); ULONG ExtensionSize, PoolTag; } DEVICE_INFO;
typedef struct { ULONG Size; DEVICE_INFO Fdo, Pdo; void (*Unload)(DRIVER_OBJECT *Driver); ULONG Flags; } INIT_DATA;
typedef struct { INIT_DATA Init; UNICODE_STRING Path; ULONG_PTR Lock; } CLASS_EXTENSION;
typedef struct PACKET { struct PACKET *Next; struct DEVICE_EXTENSION *Fdo; UCHAR Cdb[16]; IRP *Irp; PVOID Sense; ULONG Retries; } PACKET;
typedef struct DEVICE_EXTENSION { ULONG Signature; const DEVICE_INFO *Info; PACKET *Free; ULONG FreeCount, MaxTransfer; PVOID Private, Geometry; UNICODE_STRING Name; REMOVE_LOCK Remove; } DEVICE_EXTENSION;

static const char ClassId[] = "class";

NOINLINE static NTSTATUS ClassInitialize(DRIVER_OBJECT *Driver, UNICODE_STRING *Path, const INIT_DATA *Init)
{
    CLASS_EXTENSION *Extension;
    NTSTATUS Status;

    if (Init->Size != sizeof(*Init)) return STATUS_INVALID_PARAMETER;
    Status = IoAllocateDriverObjectExtension(Driver, (PVOID)ClassId, sizeof(*Extension), (PVOID *)&Extension);
    if (Status < 0) return Status;
    Extension->Path.Buffer = ExAllocatePoolWithTag(PagedPool, Path->Length, 'pRcS'); //= ScRp allocation-call direct
    if (Extension->Path.Buffer == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Extension->Path.Buffer, Path->Buffer, Path->Length);
    memcpy(&Extension->Init, Init, sizeof(*Init));
    KeInitializeSpinLock(&Extension->Lock);
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS ClassAddDevice(DRIVER_OBJECT *Driver, DEVICE_OBJECT *Device, BOOLEAN Child)
{
    CLASS_EXTENSION *Class = IoGetDriverObjectExtension(Driver, (PVOID)ClassId);
    const DEVICE_INFO *Info = Child ? &Class->Init.Pdo : &Class->Init.Fdo;
    DEVICE_EXTENSION *Extension = Device->Extension;

    Extension->Signature = 'eDlC'; //~ ClDe magic
    Extension->Info = Info;
    Extension->Private = ExAllocatePoolWithTag(NonPagedPoolNx, Info->ExtensionSize, Info->PoolTag);
    if (Extension->Private == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    IoInitializeRemoveLockEx(&Extension->Remove, 'kLlC', 2, 0, sizeof(Extension->Remove)); //~ ClLk remove-lock
    return Info->Add != NULL ? Info->Add(Device) : STATUS_SUCCESS;
}

/* ---- packets ---- */

#define SENSE_SIZE 0x40
NOINLINE static PACKET *NewPacket(DEVICE_EXTENSION *Fdo)
{
    PACKET *Packet = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Packet), 'kPcS'); //= ScPk allocation-call direct

    if (Packet == NULL) return NULL;
    memset(Packet, 0, sizeof(*Packet));
    Packet->Fdo = Fdo;
    Packet->Irp = IoAllocateIrp(4, FALSE);
    if (Packet->Irp == NULL) goto fail;
    Packet->Sense = ExAllocatePool2(POOL_FLAG_NON_PAGED, SENSE_SIZE, 'nScS'); //= ScSn allocation-call direct
    if (Packet->Sense == NULL) goto fail;
    return Packet;
fail:
    ExFreePoolWithTag(Packet, 'kPcS');
    return NULL;
}

NOINLINE static NTSTATUS FillPackets(DEVICE_EXTENSION *Fdo, ULONG Wanted)
{
    while (Fdo->FreeCount < Wanted) {
        PACKET *Packet = NewPacket(Fdo);
        if (Packet == NULL) return STATUS_INSUFFICIENT_RESOURCES;
        Packet->Next = Fdo->Free;
        Fdo->Free = Packet;
        Fdo->FreeCount++;
    }
    return STATUS_SUCCESS;
}

/* a block that is kept for when there is no other */
static PVOID Reserve;
static LONG ReserveUsed;
NOINLINE static PVOID AllocateOrReserve(SIZE_T Size, ULONG Tag)
{
    PVOID Block = ExAllocatePoolWithTagPriority(NonPagedPoolNx, Size, Tag, 0);

    if (Block != NULL || Size > 4096) return Block;
    if (ReserveUsed++ != 0) return NULL;
    return Reserve;
}

NOINLINE static NTSTATUS ReadGeometry(DEVICE_EXTENSION *Fdo, ULONG Kind)
{
    ULONG Size;

    switch (Kind) {
    case 0: Size = 24; Fdo->Geometry = AllocateOrReserve(Size, 'eGcS'); break; //= ScGe any wrapper
    case 1: Size = 0x90; Fdo->Geometry = AllocateOrReserve(Size, 'xGcS'); break; //= ScGx any wrapper
    default: Size = 512; Fdo->Geometry = AllocateOrReserve(Size, 'lGcS'); break; //= ScGl any wrapper
    }
    if (Fdo->Geometry == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memset(Fdo->Geometry, 0, Size);
    return STATUS_SUCCESS;
}

/* ---- the disk's class, and the optical one ---- */

static NTSTATUS DiskAdd(DEVICE_OBJECT *Device) { return FillPackets(Device->Extension, 8); }
static NTSTATUS DiskStart(DEVICE_OBJECT *Device) { return ReadGeometry(Device->Extension, Device->Flags & 1); }
static void DiskRemove(DEVICE_OBJECT *Device) { ExFreePool(((DEVICE_EXTENSION *)Device->Extension)->Private); }
static NTSTATUS PartitionAdd(DEVICE_OBJECT *Device) { Device->Flags |= 0x10; return STATUS_SUCCESS; }
static void ClassUnload(DRIVER_OBJECT *Driver) { Driver->Flags = 0; }

INIT_CODE_SECTION static NTSTATUS RegisterDisk(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    INIT_DATA Init;

    memset(&Init, 0, sizeof(Init));
    Init.Size = sizeof(Init);
    Init.Fdo.Add = DiskAdd;
    Init.Fdo.Start = DiskStart;
    Init.Fdo.Remove = DiskRemove;
    Init.Fdo.ExtensionSize = 0x400;
    Init.Fdo.PoolTag = 'DFcS'; //= ScFD any object-field-deep
    Init.Pdo.Add = PartitionAdd;
    Init.Pdo.Start = DiskStart;
    Init.Pdo.ExtensionSize = 0x80;
    Init.Pdo.PoolTag = 'DPcS'; //= ScPD any object-field-deep
    Init.Unload = ClassUnload;
    return ClassInitialize(Driver, Path, &Init);
}

/* ---- firmware: tables by signature, objects by type ---- */

typedef struct { ULONG Signature, Length; UCHAR Revision, Checksum; } FIRMWARE_TABLE;
typedef struct { LOOKASIDE *List; USHORT Size, Depth; ULONG Tag; } LIST_DESCRIPTION;
static LOOKASIDE RequestList, ObjectList, TermList;
static const LIST_DESCRIPTION FirmwareLists[] = {
    { &RequestList, 160, 32, 'rFcA' }, //= AcFr any lookaside-loop
    { &ObjectList, 96, 64, 'oFcA' }, //= AcFo any lookaside-loop
    { &TermList, 48, 128, 'tFcA' }, //= AcFt any lookaside-loop
};
INIT_CODE_SECTION static void InitializeFirmwareLists(void)
{
    ULONG Index;
    for (Index = 0; Index < sizeof(FirmwareLists) / sizeof(FirmwareLists[0]); Index++)
        ExInitializeNPagedLookasideList(FirmwareLists[Index].List, NULL, NULL, 512, FirmwareLists[Index].Size, FirmwareLists[Index].Tag, FirmwareLists[Index].Depth);
}

static PVOID Tables[4];
NOINLINE static NTSTATUS LoadTable(const FIRMWARE_TABLE *Table)
{
    PVOID Copy;
    ULONG Slot;

    if (Table->Signature == 'PCAF') Slot = 0; //~ FACP firmware-table
    else if (Table->Signature == 'TDSD') Slot = 1; //~ DSDT firmware-table
    else if (Table->Signature == 'TDSS' || Table->Signature == 'TDSP') Slot = 2; //~ SSDT firmware-table //~ PSDT firmware-table
    else if (Table->Signature == 'CIPA') Slot = 3; //~ APIC firmware-table
    else return STATUS_NOT_SUPPORTED;
    Copy = ExAllocatePoolWithTag(NonPagedPoolNx, Table->Length, 'bTcA'); //= AcTb allocation-call direct
    if (Copy == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Copy, Table, Table->Length);
    Tables[Slot] = Copy;
    return STATUS_SUCCESS;
}

typedef struct { ULONG Type, Length; PVOID Data; } FIRMWARE_VALUE;
enum { VALUE_INTEGER = 1, VALUE_STRING, VALUE_BUFFER, VALUE_PACKAGE };
NOINLINE static NTSTATUS CopyValue(FIRMWARE_VALUE *To, const FIRMWARE_VALUE *From)
{
    static const ULONG Tags[] = { 'gScA', 'fBcA', 'kPcA' }; //= AcSg any tag-table //= AcBf any tag-table //= AcPk any tag-table

    *To = *From;
    if (From->Type < VALUE_STRING || From->Type > VALUE_PACKAGE) return STATUS_SUCCESS;
    To->Data = ExAllocatePoolWithTag(PagedPool, From->Length, Tags[From->Type - VALUE_STRING]);
    if (To->Data == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Data, From->Data, From->Length);
    return STATUS_SUCCESS;
}

/* names of methods are four letters too */
typedef struct { ULONG Name; NTSTATUS (*Run)(DEVICE_EXTENSION *Extension); } METHOD;
static NTSTATUS RunStatus(DEVICE_EXTENSION *e) { return e->FreeCount != 0 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED; }
static NTSTATUS RunPower(DEVICE_EXTENSION *e) { e->MaxTransfer = 0; return STATUS_SUCCESS; }
static const METHOD Methods[] = { { 'ATS_', RunStatus }, { '0SP_', RunPower }, { '3SP_', RunPower } }; //~ _STA firmware-table //~ _PS0 firmware-table //~ _PS3 firmware-table
NOINLINE static NTSTATUS RunMethod(DEVICE_EXTENSION *Extension, ULONG Name)
{
    ULONG Index;
    for (Index = 0; Index < 3; Index++)
        if (Methods[Index].Name == Name) return Methods[Index].Run(Extension);
    return STATUS_NOT_SUPPORTED;
}

/* ---- pipes: objects with interfaces ---- */

typedef struct PIPE PIPE;
typedef struct { PVOID (*Allocate)(PIPE *This, SIZE_T Size); NTSTATUS (*SetFormat)(PIPE *This, const void *Format, ULONG Size); void (*Release)(PIPE *This); } PIPE_METHODS;
struct PIPE { const PIPE_METHODS *Methods; LONG References; ULONG Tag; PVOID Format, Buffer; };

static PVOID RenderAllocate(PIPE *This, SIZE_T Size) { return This->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Size, This->Tag); }
static PVOID CaptureAllocate(PIPE *This, SIZE_T Size)
{
    This->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Size * 2, 'bCnP'); //= PnCb any direct
    return This->Buffer;
}
static NTSTATUS SetFormat(PIPE *This, const void *Format, ULONG Size)
{
    if (_KsEdit(This, &This->Format, Size, 0, 'tFnP') < 0) return STATUS_INSUFFICIENT_RESOURCES; //= PnFt any direct
    memcpy(This->Format, Format, Size);
    return STATUS_SUCCESS;
}
static void ReleasePipe(PIPE *This) { if (--This->References == 0) ExFreePool(This); }
static const PIPE_METHODS RenderMethods = { RenderAllocate, SetFormat, ReleasePipe };
static const PIPE_METHODS CaptureMethods = { CaptureAllocate, SetFormat, ReleasePipe };

NOINLINE static NTSTATUS CreatePipe(PIPE **Out, BOOLEAN Capture)
{
    PIPE *Pipe = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Pipe), Capture ? 'cPnP' : 'rPnP'); //= PnPc any ternary //= PnPr any ternary

    if (Pipe == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Pipe->Methods = Capture ? &CaptureMethods : &RenderMethods;
    Pipe->References = 1;
    Pipe->Tag = Capture ? 0 : 'bRnP'; //= PnRb any object-field
    *Out = Pipe;
    return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS StartPipe(PIPE *Pipe, const ULONG *Format)
{
    if (Format[0] != 'mmpW') return STATUS_NOT_SUPPORTED; //~ Wpmm firmware-table
    if (Pipe->Methods->SetFormat(Pipe, Format + 1, 18) < 0) return STATUS_INSUFFICIENT_RESOURCES;
    return Pipe->Methods->Allocate(Pipe, Format[3] / 100) != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- a hub's requests: the context says what is needed, the caller which ---- */

typedef struct { USHORT Length, Kind; ULONG Tag; PVOID Owner; void (*Complete)(PVOID Owner, PVOID Block); } REQUEST_CONFIG;
static void CompleteAny(PVOID Owner, PVOID Block) { *(PVOID *)Owner = Block; }
static void ConfigInit(REQUEST_CONFIG *c, PVOID Owner, USHORT Length) { memset(c, 0, sizeof(*c)); c->Length = Length; c->Owner = Owner; c->Complete = CompleteAny; c->Tag = 'dRbU'; } //= UbRd any default-tag
NOINLINE static NTSTATUS CreateRequest(const REQUEST_CONFIG *Config, PVOID *Out)
{
    PVOID Block = ExAllocatePoolWithTag(NonPagedPoolNx, Config->Length, Config->Tag);

    if (Block == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    if (Config->Complete != NULL) Config->Complete(Config->Owner, Block);
    *Out = Block;
    return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS CreatePortRequest(PVOID Owner, PVOID *Out)
{
    REQUEST_CONFIG Config;
    ConfigInit(&Config, Owner, 96);
    return CreateRequest(&Config, Out);
}
NOINLINE static NTSTATUS CreateControlRequest(PVOID Owner, PVOID *Out, USHORT Extra)
{
    REQUEST_CONFIG Config;
    ConfigInit(&Config, Owner, 128 + Extra);
    Config.Kind = 2;
    Config.Tag = 'cRbU'; //= UbRc any wrapper-structure
    return CreateRequest(&Config, Out);
}

/* ---- a switch: tags by component and by what it is for ---- */

enum { COMPONENT_PORT, COMPONENT_NIC, COMPONENTS };
enum { FOR_OBJECT, FOR_STRING, FOR_BUFFER, USES };
static ULONG SwitchTags[COMPONENTS][USES] = {
    { 'oPsV', 'sPsV', 'bPsV' }, //= VsPo any tag-table //= VsPs any tag-table //= VsPb any tag-table
    { 'oNsV', 'sNsV', 'bNsV' }, //= VsNo any tag-table //= VsNs any tag-table //= VsNb any tag-table
};
NOINLINE static PVOID SwitchAllocate(ULONG Component, ULONG Use, SIZE_T Size)
{
    PVOID Block = NdisAllocateMemoryWithTagPriority(NULL, (UINT)Size, SwitchTags[Component][Use], 16);
    if (Block != NULL) memset(Block, 0, Size);
    return Block;
}
typedef struct { PVOID Name; ULONG Id; PVOID Rings[2]; } SWITCH_PORT;
NOINLINE static SWITCH_PORT *CreateSwitchPort(const UNICODE_STRING *Name)
{
    SWITCH_PORT *Port = SwitchAllocate(COMPONENT_PORT, FOR_OBJECT, sizeof(*Port));

    if (Port == NULL) return NULL;
    Port->Name = SwitchAllocate(COMPONENT_PORT, FOR_STRING, Name->Length);
    if (Port->Name != NULL) memcpy(Port->Name, Name->Buffer, Name->Length);
    Port->Rings[0] = SwitchAllocate(COMPONENT_PORT, FOR_BUFFER, 0x1000);
    return Port;
}
NOINLINE static NTSTATUS CreateSwitchNic(SWITCH_PORT *Port, ULONG Id)
{
    ULONG *Nic = SwitchAllocate(COMPONENT_NIC, FOR_OBJECT, 64);

    if (Nic == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    Nic[0] = Id;
    if (Port->Name == NULL) Port->Name = SwitchAllocate(COMPONENT_NIC, FOR_STRING, 32);
    Port->Rings[1] = SwitchAllocate(COMPONENT_NIC, FOR_BUFFER, 0x2000);
    return STATUS_SUCCESS;
}

static NTSTATUS CALL Dispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Result = Irp->SystemBuffer;

    switch (Irp->Stack->Minor) {
    case 0: Status = ClassAddDevice(Device->Driver, Device, FALSE); break;
    case 1: Status = ClassAddDevice(Device->Driver, Device, TRUE); break;
    case 2: Status = ((DEVICE_EXTENSION *)Device->Extension)->Info->Start(Device); break;
    case 3: ((DEVICE_EXTENSION *)Device->Extension)->Info->Remove(Device); break;
    case 4: Status = LoadTable(Irp->SystemBuffer); break;
    case 5: Status = CopyValue(Irp->SystemBuffer, Irp->Mdl); break;
    case 6: Status = RunMethod(Device->Extension, Irp->Flags); break;
    case 7: Status = CreatePipe((PIPE **)&Result, Irp->Flags & 1); break;
    case 8: Status = StartPipe(Irp->SystemBuffer, Irp->Mdl); break;
    case 9: ((PIPE *)Irp->SystemBuffer)->Methods->Release(Irp->SystemBuffer); break;
    case 10: Status = CreatePortRequest(Irp->SystemBuffer, &Result); break;
    case 11: Status = CreateControlRequest(Irp->SystemBuffer, &Result, (USHORT)Irp->Flags); break;
    case 12: Result = CreateSwitchPort(Irp->SystemBuffer); break;
    case 13: Status = CreateSwitchNic(Irp->SystemBuffer, Irp->Flags); break;
    case 14: Status = ReadGeometry(Device->Extension, Irp->Flags); break;
    case 15: Result = ExpInterlockedPopEntrySList(Irp->Flags & 1 ? &RequestList : &ObjectList); break;
    default: Status = STATUS_NOT_SUPPORTED; break;
    }
    Irp->SystemBuffer = Result;
    Irp->Status = Status;
    IoCompleteRequest(Irp, 0);
    return Status;
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    Reserve = ExAllocatePoolWithTag(NonPagedPoolNx, 4096, 'vRcS'); //= ScRv allocation-call direct
    if (Reserve == NULL) return STATUS_INSUFFICIENT_RESOURCES;
    InitializeFirmwareLists();
    Driver->Major[14] = Dispatch;
    return RegisterDisk(Driver, Path);
}
