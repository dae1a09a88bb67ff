// Held out: a KMDF driver for a smart card reader with a small runtime library of its own (lists, strings, growing buffers), whose
// modules each define their tag before they include the allocator's macros; the framework's objects beside it.
#include "kernel.h"

typedef void (*WDFFUNC)(void);
typedef struct { ULONG Size; PWSTR Component; ULONG Major, Minor, Build, FuncCount; WDFFUNC **FuncTable; PVOID Module; } WDF_BIND_INFO;
typedef struct { ULONG Size; PVOID EvtDriverDeviceAdd, EvtDriverUnload; ULONG DriverInitFlags, DriverPoolTag; } WDF_DRIVER_CONFIG;
typedef struct { ULONG Size; PVOID Cleanup, Destroy; ULONG Execution, Synchronization; PVOID Parent; SIZE_T ContextSize; const void *TypeInfo; } WDF_OBJECT_ATTRIBUTES;
typedef struct { ULONG Size; ULONG Dispatch; BOOLEAN Power, Zero, Default; PVOID EvtIoDefault, Read, Write, Control, Internal, Stop, Resume, Canceled; } WDF_IO_QUEUE_CONFIG;

enum { iDeviceCreate = 75, iDriverCreate = 116, iIoQueueCreate = 152, iMemoryCreate = 192, iLookasideCreate = 198, iMemoryFromLookaside = 199, iReferenceActual = 205, iDereferenceActual = 206, iRequestComplete = 263 };

static WDFFUNC *WdfFunctions;
static PVOID WdfGlobals;
static WDF_BIND_INFO BindInfo = {sizeof(WDF_BIND_INFO), (PWSTR)L"KmdfLibrary", 1, 31, 0, 456, &WdfFunctions, NULL};
#define WDFCALL(result, index, ...) ((result(CALL *)(__VA_ARGS__))WdfFunctions[index])

static NTSTATUS WdfMemoryCreate(WDF_OBJECT_ATTRIBUTES *a, ULONG type, ULONG tag, SIZE_T size, HANDLE *out, PVOID *buffer) {
  return WDFCALL(NTSTATUS, iMemoryCreate, PVOID, WDF_OBJECT_ATTRIBUTES *, ULONG, ULONG, SIZE_T, HANDLE *, PVOID *)(WdfGlobals, a, type, tag, size, out, buffer);
}
static NTSTATUS WdfLookasideListCreate(SIZE_T size, ULONG type, ULONG tag, HANDLE *out) {
  return WDFCALL(NTSTATUS, iLookasideCreate, PVOID, PVOID, SIZE_T, ULONG, PVOID, ULONG, HANDLE *)(WdfGlobals, NULL, size, type, NULL, tag, out);
}

/* ===== rtl.h ===== */
typedef struct { ULONG allocated, freed, failed; } RtStats;
static RtStats rt_stats;

static PVOID rt_malloc(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (p) rt_stats.allocated++; else rt_stats.failed++;
  return p;
}
static PVOID rt_calloc(SIZE_T count, SIZE_T size, ULONG tag) {
  PVOID p = rt_malloc(count * size, tag);
  if (p) memset(p, 0, count * size);
  return p;
}
static void rt_free(PVOID p, ULONG tag) { if (p) { ExFreePoolWithTag(p, tag); rt_stats.freed++; } }

#define Alloc(size) rt_malloc((size), MODULE_TAG)
#define AllocZero(type) ((type *)rt_calloc(1, sizeof(type), MODULE_TAG))
#define Free(p) rt_free((p), MODULE_TAG)

/* ===== list.c ===== */
#define MODULE_TAG 'tsiL' //= List any wrapper-fixed
typedef struct Node { struct Node *next; PVOID item; } Node;
typedef struct { Node *first; ULONG count; } List;
NOINLINE static BOOLEAN list_append(List *list, PVOID item) {
  Node **at = &list->first, *node = Alloc(sizeof(Node));
  if (!node) return FALSE;
  node->item = item;
  node->next = NULL;
  while (*at) at = &(*at)->next;
  *at = node;
  list->count++;
  return TRUE;
}
NOINLINE static PVOID list_pop(List *list) {
  Node *node = list->first;
  PVOID item;
  if (!node) return NULL;
  item = node->item;
  list->first = node->next;
  list->count--;
  Free(node);
  return item;
}
#undef MODULE_TAG

/* ===== string.c ===== */
#define MODULE_TAG 'rtSC' //= CStr any wrapper-fixed
typedef struct { WCHAR *text; USHORT length; ULONG check; } String;
NOINLINE static String *string_new(const WCHAR *text, USHORT bytes) {
  String *s = AllocZero(String);
  if (!s) return NULL;
  s->text = Alloc(bytes + sizeof(WCHAR));
  if (!s->text) { Free(s); return NULL; }
  memcpy(s->text, text, bytes);
  s->length = bytes;
  s->check = 'kcoS'; //~ Sock magic
  return s;
}
NOINLINE static void string_free(String *s) {
  if (!s || s->check != 'kcoS') return;
  Free(s->text);
  Free(s);
}
#undef MODULE_TAG

/* ===== buffer.c: whoever opens the buffer says for whom it is ===== */
typedef struct { UCHAR *data; ULONG size, capacity, owner; } Buffer;
NOINLINE static BOOLEAN buffer_open(Buffer *b, ULONG capacity, ULONG owner) {
  b->data = rt_malloc(capacity, owner);
  b->size = 0;
  b->capacity = b->data ? capacity : 0;
  b->owner = owner;
  return b->data != NULL;
}
NOINLINE static BOOLEAN buffer_put(Buffer *b, const void *from, ULONG size) {
  if (b->size + size > b->capacity) {
    ULONG capacity = b->capacity * 2 + size;
    UCHAR *grown = rt_malloc(capacity, b->owner);
    if (!grown) return FALSE;
    memcpy(grown, b->data, b->size);
    rt_free(b->data, b->owner);
    b->data = grown;
    b->capacity = capacity;
  }
  memcpy(b->data + b->size, from, size);
  b->size += size;
  return TRUE;
}
static void buffer_close(Buffer *b) { rt_free(b->data, b->owner); b->data = NULL; }

/* ===== reader.c ===== */
#define MODULE_TAG 'rdRC' //= CRdr any direct
#define REQUEST_MARK 'qRRC' //~ CRRq wdf-reference
typedef struct { HANDLE device, queue, lookaside, firmware, atrMemory, scratch; Buffer transmit, receive; List pending, protocols; String *vendor; UCHAR atr[33]; ULONG state; PVOID log; } Reader;
typedef struct { ULONG kind, size; UCHAR payload[1]; } Frame;

static Reader *reader_of(HANDLE device) { return *(Reader **)((UCHAR *)device + 2 * sizeof(PVOID)); }

NOINLINE static Frame *frame_new(ULONG kind, const UCHAR *payload, ULONG size) {
  Frame *frame = Alloc(sizeof(Frame) + size);
  if (!frame) return NULL;
  frame->kind = kind;
  frame->size = size;
  memcpy(frame->payload, payload, size);
  return frame;
}

NOINLINE static NTSTATUS reader_transmit(Reader *reader, const UCHAR *apdu, ULONG size) {
  Frame *frame;
  UCHAR header[10] = {0x6F, (UCHAR)size, (UCHAR)(size >> 8), 0, 0, 0, (UCHAR)reader->state, 0, 0, 0};
  if (size < 4 || size > 65544) return STATUS_INVALID_PARAMETER;
  if (*(const ULONG *)apdu == 'SMME') return STATUS_NOT_SUPPORTED; //~ EMMS magic
  if (!buffer_put(&reader->transmit, header, sizeof(header)) || !buffer_put(&reader->transmit, apdu, size)) return STATUS_INSUFFICIENT_RESOURCES;
  frame = frame_new(header[0], apdu, size);
  if (!frame || !list_append(&reader->pending, frame)) { Free(frame); return STATUS_INSUFFICIENT_RESOURCES; }
  return STATUS_SUCCESS;
}

NOINLINE static NTSTATUS reader_receive(Reader *reader, const UCHAR *data, ULONG size) {
  Frame *frame = list_pop(&reader->pending);
  HANDLE memory;
  PVOID copy;
  if (!frame) return STATUS_INVALID_PARAMETER;
  Free(frame);
  if (!buffer_put(&reader->receive, data, size)) return STATUS_INSUFFICIENT_RESOURCES;
  if (data[0] == 0x81) {
    NTSTATUS status = WdfMemoryCreate(NULL, NonPagedPoolNx, 'tARC', size, &reader->atrMemory, &copy); //= CRAt framework-call wdf-function
    if (status < 0) return status;
    memcpy(copy, data, size);
  } else if (data[0] == 0x83) {
    reader->log = ExAllocatePoolWithTag(PagedPool, size + 64, 'gLRC'); //= CRLg allocation-call direct
    if (reader->log) memcpy(reader->log, data, size);
  }
  return WDFCALL(NTSTATUS, iMemoryFromLookaside, PVOID, HANDLE, HANDLE *)(WdfGlobals, reader->lookaside, &memory);
}

static void CALL EvtIoDeviceControl(HANDLE queue, HANDLE request, SIZE_T outSize, SIZE_T inSize, ULONG code) {
  Reader *reader = reader_of(queue);
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  PVOID user;
  WDFCALL(void, iReferenceActual, PVOID, HANDLE, PVOID, LONG, const CHAR *)(WdfGlobals, request, (PVOID)(ULONG_PTR)REQUEST_MARK, __LINE__, "reader.c");
  switch (code) {
  case 0x310014: status = reader_transmit(reader, (UCHAR *)request + 64, (ULONG)inSize); break;
  case 0x310018: status = reader_receive(reader, (UCHAR *)request + 64, (ULONG)outSize); break;
  case 0x31001C:
    user = ExAllocatePoolWithQuotaTag(PagedPool, inSize, 'sURC'); //= CRUs allocation-call direct
    if (user) { memcpy(user, (UCHAR *)request + 64, inSize); ExFreePoolWithTag(user, 'sURC'); status = STATUS_SUCCESS; }
    break;
  case 0x310024: /* features */
    user = ExAllocatePool2(POOL_FLAG_PAGED, outSize, 'tFRC'); //= CRFt allocation-call direct
    if (user) { memcpy((UCHAR *)request + 64, user, outSize); ExFreePoolWithTag(user, 'tFRC'); status = STATUS_SUCCESS; }
    break;
  case 0x310028: /* verify a PIN */
    user = rt_calloc(1, 32, 'nPRC'); //= CRPn wrapper-call wrapper-two
    if (user) { status = reader_transmit(reader, user, 32); memset(user, 0, 32); rt_free(user, 'nPRC'); }
    break;
  case 0x310020:
    status = WdfMemoryCreate(NULL, PagedPool, 'wFRC', inSize, &reader->firmware, &user); //= CRFw framework-call wdf-function
    if (status >= 0 && *(ULONG *)user != '3UFD') status = STATUS_INVALID_PARAMETER; //~ DFU3 magic
    break;
  }
  WDFCALL(void, iDereferenceActual, PVOID, HANDLE, PVOID, LONG, const CHAR *)(WdfGlobals, request, (PVOID)(ULONG_PTR)REQUEST_MARK, __LINE__, "reader.c");
  WDFCALL(void, iRequestComplete, PVOID, HANDLE, NTSTATUS)(WdfGlobals, request, status);
}

static NTSTATUS CALL EvtPrepareHardware(HANDLE device, HANDLE raw, HANDLE translated) {
  Reader *reader = reader_of(device);
  PVOID map = MmAllocateMappingAddress(65536, 'pMRC'); //= CRMp allocation-call direct
  if (!buffer_open(&reader->transmit, 512, 'xTRC') || !buffer_open(&reader->receive, 512, 'xRRC')) return STATUS_INSUFFICIENT_RESOURCES; //= CRTx wrapper-call wrapper-two //= CRRx wrapper-call wrapper-two
  if (map) MmFreeMappingAddress(map, 'pMRC');
  reader->vendor = string_new((WCHAR *)raw, 32);
  return reader->vendor ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static NTSTATUS CALL EvtReleaseHardware(HANDLE device, HANDLE translated) {
  Reader *reader = reader_of(device);
  string_free(reader->vendor);
  if (translated) ExFreePoolWithTag(translated, 'sRpP'); //= PpRs free-call free
  buffer_close(&reader->transmit);
  buffer_close(&reader->receive);
  if (reader->log) ExFreePoolWithTag(reader->log, 'gLRC');
  return STATUS_SUCCESS;
}

static NTSTATUS CALL EvtDeviceAdd(HANDLE driver, PVOID *init) {
  WDF_OBJECT_ATTRIBUTES attributes;
  WDF_IO_QUEUE_CONFIG config;
  Reader *reader;
  NTSTATUS status;
  init[2] = EvtPrepareHardware;
  init[3] = EvtReleaseHardware;
  memset(&attributes, 0, sizeof(attributes));
  attributes.Size = sizeof(attributes);
  attributes.ContextSize = sizeof(PVOID);
  reader = AllocZero(Reader);
  if (!reader) return STATUS_INSUFFICIENT_RESOURCES;
  status = WDFCALL(NTSTATUS, iDeviceCreate, PVOID, PVOID **, WDF_OBJECT_ATTRIBUTES *, HANDLE *)(WdfGlobals, &init, &attributes, &reader->device);
  if (status < 0) { Free(reader); return status; }
  memset(&config, 0, sizeof(config));
  config.Size = sizeof(config);
  config.Dispatch = 1;
  config.Default = TRUE;
  config.Control = EvtIoDeviceControl;
  status = WDFCALL(NTSTATUS, iIoQueueCreate, PVOID, HANDLE, WDF_IO_QUEUE_CONFIG *, PVOID, HANDLE *)(WdfGlobals, reader->device, &config, NULL, &reader->queue);
  if (status < 0) return status;
  status = WdfLookasideListCreate(272, NonPagedPoolNx, 'kLRC', &reader->lookaside); //= CRLk framework-call wdf-function
  if (status < 0) return status;
  attributes.Parent = reader->device;
  status = WdfMemoryCreate(&attributes, PagedPool, 0, 128, &reader->scratch, NULL);
  if (status < 0 || !list_append(&reader->protocols, reader)) return STATUS_INSUFFICIENT_RESOURCES;
  reader->state = 'YDRC'; //~ CRDY magic
  return STATUS_SUCCESS;
}
static void CALL EvtUnload(HANDLE driver) { DbgPrint("CRDR: %u %u\n", rt_stats.allocated, rt_stats.freed); } //~ CRDR text

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  WDF_DRIVER_CONFIG config = {sizeof(config), EvtDeviceAdd, EvtUnload, 0, 'fDRC'}; //= CRDf structure-field wdf-config
  HANDLE handle;
  NTSTATUS status = WdfVersionBind(driver, path, &BindInfo, &WdfGlobals);
  if (status < 0) return status;
  status = WDFCALL(NTSTATUS, iDriverCreate, PVOID, DRIVER_OBJECT *, UNICODE_STRING *, PVOID, WDF_DRIVER_CONFIG *, HANDLE *)(WdfGlobals, driver, path, NULL, &config, &handle);
  if (status < 0) WdfVersionUnbind(path, &BindInfo, WdfGlobals);
  return status;
}
