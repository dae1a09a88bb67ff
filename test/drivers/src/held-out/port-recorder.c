// Held out: a plain WDM upper filter that records what passes through a serial port; a debug allocator puts a header with size, tag
// and caller before every block, and the block is freed with the tag that its header holds.
#include "kernel.h"

#define MEM_HEAD 0x5D484D5B /* "[MH]" */ //~ [MH] magic
#define MEM_TAIL 0x5D544D5B /* "[MT]" */ //~ [MT] magic
#define TAG_OTHER 'oRrP' //= PrRo any default-tag

typedef struct MEM_HEADER {
	LIST_ENTRY Link;
	ULONG Mark, Tag;
	SIZE_T Size;
	const char *File;
	ULONG Line, Pool;
} MEM_HEADER;

static struct { LIST_ENTRY Blocks; ULONG_PTR Lock; ULONG Count; SIZE_T Bytes; } Mem;

NOINLINE static PVOID DbgAlloc(ULONG Pool, SIZE_T Size, ULONG Tag, const char *File, ULONG Line)
{
	MEM_HEADER *h;
	UCHAR irql;

	if (Tag == 0)
		Tag = TAG_OTHER;
	h = ExAllocatePoolWithTag(Pool, sizeof(*h) + Size + sizeof(ULONG), Tag);
	if (h == NULL) {
		DbgPrint("%s(%u): no memory for %.4s\n", File, Line, (const char *)&Tag);
		return NULL;
	}
	h->Mark = MEM_HEAD;
	h->Tag = Tag;
	h->Size = Size;
	h->File = File;
	h->Line = Line;
	h->Pool = Pool;
	*(ULONG *)((UCHAR *)(h + 1) + (Size & ~(SIZE_T)3)) = MEM_TAIL;
	irql = KeAcquireSpinLockRaiseToDpc(&Mem.Lock);
	h->Link.Flink = Mem.Blocks.Flink;
	h->Link.Blink = &Mem.Blocks;
	Mem.Blocks.Flink->Blink = &h->Link;
	Mem.Blocks.Flink = &h->Link;
	Mem.Count++;
	Mem.Bytes += Size;
	KeReleaseSpinLock(&Mem.Lock, irql);
	return h + 1;
}

NOINLINE static void DbgFree(PVOID p, const char *File, ULONG Line)
{
	MEM_HEADER *h = (MEM_HEADER *)p - 1;
	ULONG Tag = h->Tag;
	UCHAR irql;

	if (h->Mark != MEM_HEAD)
		KeBugCheckEx(0xC2, 'rFbD', (ULONG_PTR)p, (ULONG_PTR)File, Line); //~ DbFr bug-check
	irql = KeAcquireSpinLockRaiseToDpc(&Mem.Lock);
	h->Link.Flink->Blink = h->Link.Blink;
	h->Link.Blink->Flink = h->Link.Flink;
	Mem.Count--;
	KeReleaseSpinLock(&Mem.Lock, irql);
	h->Mark = 'daed'; //~ dead magic
	ExFreePoolWithTag(h, Tag);
}

NOINLINE static PVOID DbgRealloc(PVOID p, SIZE_T Size, const char *File, ULONG Line)
{
	MEM_HEADER *h = (MEM_HEADER *)p - 1;
	PVOID q = DbgAlloc(h->Pool, Size, h->Tag, File, Line);

	if (q != NULL) {
		memcpy(q, p, h->Size < Size ? h->Size : Size);
		DbgFree(p, File, Line);
	}
	return q;
}

#define ALLOC(size, tag)  DbgAlloc(NonPagedPoolNx, (size), (tag), __FILE_NAME__, __LINE__)
#define ALLOCP(size, tag) DbgAlloc(PagedPool, (size), (tag), __FILE_NAME__, __LINE__)
#define ALLOC_ANY(size)   DbgAlloc(NonPagedPoolNx, (size), 0, __FILE_NAME__, __LINE__)
#define FREE(p)           DbgFree((p), __FILE_NAME__, __LINE__)
#ifndef __FILE_NAME__
#define __FILE_NAME__ "recorder.c"
#endif

typedef struct RECORD { LIST_ENTRY Link; ULONG Magic, Code, Length; LARGE_INTEGER Time; UCHAR *Data; } RECORD;
typedef struct FILTER {
	DEVICE_OBJECT *Self, *Lower;
	REMOVE_LOCK Remove;
	LIST_ENTRY Records;
	ULONG_PTR Lock;
	UNICODE_STRING Friendly, Symbolic;
	LOOKASIDE RecordList;
	PVOID Worker, Ring, Settings, Map;
	ULONG RingSize, Count;
} FILTER;

NOINLINE static RECORD *NewRecord(FILTER *f, ULONG Code, const void *Data, ULONG Length)
{
	RECORD *r = ALLOC(sizeof(*r), 'eRrP'); //= PrRe wrapper-call wrapper

	if (r == NULL)
		return NULL;
	r->Magic = 'drcR'; //~ Rcrd magic
	r->Code = Code;
	r->Length = Length;
	r->Time = KeQueryPerformanceCounter(NULL);
	r->Data = Length > 32 ? ALLOCP(Length, 'aDrP') : ALLOC_ANY(32); //= PrDa wrapper-call wrapper
	if (r->Data == NULL) {
		FREE(r);
		return NULL;
	}
	memcpy(r->Data, Data, Length);
	r->Link.Flink = &f->Records;
	r->Link.Blink = f->Records.Blink;
	f->Records.Blink->Flink = &r->Link;
	f->Records.Blink = &r->Link;
	f->Count++;
	return r;
}

static NTSTATUS CALL DispatchReadWrite(DEVICE_OBJECT *Device, IRP *Irp)
{
	FILTER *f = Device->Extension;
	PVOID Grown;
	NTSTATUS status = IoAcquireRemoveLockEx(&f->Remove, Irp, "recorder.c", __LINE__, sizeof(f->Remove));

	if (status < 0)
		return status;
	if (Irp->Stack->Major == 4 && !NewRecord(f, 'TIRW', Irp->SystemBuffer, (ULONG)Irp->Information)) //~ WRIT magic
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (f->Count * 64 > f->RingSize) {
		Grown = DbgRealloc(f->Ring, f->RingSize * 2, __FILE_NAME__, __LINE__);
		if (Grown != NULL) {
			f->Ring = Grown;
			f->RingSize *= 2;
		}
	}
	Irp->Status = status;
	IoCompleteRequest(Irp, 2);
	return status;
}

static NTSTATUS CALL DispatchControl(DEVICE_OBJECT *Device, IRP *Irp)
{
	FILTER *f = Device->Extension;
	ULONG Code = (ULONG)(ULONG_PTR)Irp->Stack->Argument[2], Size = (ULONG)(ULONG_PTR)Irp->Stack->Argument[0];
	ULONG *p = NULL;
	NTSTATUS status = STATUS_SUCCESS;

	switch (Code) {
	case 0x1B0004: /* baud rate */
		p = ALLOC(Size, 'aBrP'); //= PrBa wrapper-call wrapper
		break;
	case 0x1B000C: /* line control */
		p = ALLOC(Size, 'cLrP'); //= PrLc wrapper-call wrapper
		break;
	case 0x1B001C: /* timeouts */
		p = ALLOCP(Size, 'mTrP'); //= PrTm wrapper-call wrapper
		break;
	case 0x222003:
		p = ExAllocatePoolWithTag(PagedPool, Size, 'xErP'); //= PrEx allocation-call direct
		if (p != NULL) {
			p[0] = '1GOL'; //~ LOG1 magic
			ExFreePoolWithTag(p, 'xErP');
		}
		p = NULL;
		break;
	default:
		status = STATUS_NOT_SUPPORTED;
	}
	if (p != NULL) {
		memcpy(p, Irp->SystemBuffer, Size);
		NewRecord(f, Code, p, Size);
		FREE(p);
	}
	Irp->Status = status;
	IoCompleteRequest(Irp, 0);
	return status;
}

static void CALL WorkerRoutine(DEVICE_OBJECT *Device, FILTER *f)
{
	PVOID Block = ExAllocatePoolWithTagPriority(PagedPool, 65536, 'lFrP', 0); //= PrFl allocation-call direct
	LIST_ENTRY *e;
	ULONG At = 0;

	for (e = f->Records.Flink; Block != NULL && e != &f->Records && At < 65000; e = e->Flink) {
		RECORD *r = (RECORD *)e;
		if (r->Magic != 'drcR')
			break;
		((ULONG *)Block)[At / 4] = 'kclB'; //~ Blck magic
		At += 8;
	}
	if (Block != NULL) {
		ZwWriteFile(f->Map, NULL, NULL, NULL, &At, Block, At, NULL, NULL);
		ExFreePoolWithTag(Block, 'lFrP');
	}
}

static NTSTATUS GetProperty(DEVICE_OBJECT *Physical, ULONG Property, UNICODE_STRING *Out)
{
	ULONG Needed = 0;

	IoGetDeviceProperty(Physical, Property, 0, NULL, &Needed);
	Out->Buffer = ALLOCP(Needed, 'oPrP'); //= PrPo wrapper-call wrapper
	if (Out->Buffer == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	Out->Length = (USHORT)Needed;
	return IoGetDeviceProperty(Physical, Property, Needed, Out->Buffer, &Needed);
}

static NTSTATUS CALL AddDevice(DRIVER_OBJECT *Driver, DEVICE_OBJECT *Physical)
{
	DEVICE_OBJECT *Device;
	FILTER *f;
	NTSTATUS status = IoCreateDevice(Driver, sizeof(FILTER), NULL, 0x1B, 0x100, FALSE, &Device);

	if (status < 0)
		return status;
	f = Device->Extension;
	memset(f, 0, sizeof(*f));
	f->Self = Device;
	f->Records.Flink = f->Records.Blink = &f->Records;
	IoInitializeRemoveLockEx(&f->Remove, 'mRrP', 1, 100, sizeof(f->Remove)); //~ PrRm remove-lock
	KeInitializeSpinLock(&f->Lock);
	ExInitializeNPagedLookasideList(&f->RecordList, NULL, NULL, 0, sizeof(RECORD), 'kLrP', 0); //= PrLk lookaside-init lookaside
	f->Ring = ALLOC(4096, 'gRrP'); //= PrRg wrapper-call wrapper
	f->RingSize = 4096;
	f->Settings = ALLOCP(256, 'eSrP'); //= PrSe wrapper-call wrapper
	if (f->Ring == NULL || f->Settings == NULL)
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (status >= 0)
		status = GetProperty(Physical, 12, &f->Friendly);
	if (status >= 0)
		status = GetProperty(Physical, 1, &f->Symbolic);
	f->Lower = IoAttachDeviceToDeviceStack(Device, Physical);
	if (f->Lower == NULL || status < 0) {
		ExDeleteNPagedLookasideList(&f->RecordList);
		IoDeleteDevice(Device);
		return STATUS_INVALID_PARAMETER;
	}
	f->Worker = IoAllocateWorkItem(Device);
	if (f->Worker != NULL)
		IoQueueWorkItem(f->Worker, WorkerRoutine, 1, f);
	return status;
}

static void CALL Unload(DRIVER_OBJECT *Driver)
{
	PVOID Left = Driver->HardwareDatabase;

	while (Mem.Blocks.Flink != &Mem.Blocks)
		DbgFree((MEM_HEADER *)Mem.Blocks.Flink + 1, "unload", 0);
	if (Left != NULL)
		ExFreePoolWithTag(Left, 'bDrP'); //= PrDb free-call free
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
	PVOID *Extension = Driver->Extension;

	Mem.Blocks.Flink = Mem.Blocks.Blink = &Mem.Blocks;
	KeInitializeSpinLock(&Mem.Lock);
	Driver->Unload = Unload;
	Driver->Major[3] = Driver->Major[4] = DispatchReadWrite;
	Driver->Major[14] = DispatchControl;
	Extension[1] = AddDevice;
	Extension[2] = ALLOCP(Path->Length, 'aPrP'); //= PrPa wrapper-call wrapper
	return Extension[2] != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
