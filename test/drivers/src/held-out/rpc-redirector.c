// A network file system client after NFS: XDR streams, RPC clients per transport, security flavours with cached credentials, a name
// cache, lookaside lists per class of object, a queue of upcalls to a service, and a mini redirector that is handed the library's
// exports in a structure.
#include "kernel.h"

/* --- tags: one macro per subsystem ------------------------------------------------------------------------------------------- */
#define NRDR_TAG(a, b) ((ULONG)'N' | (ULONG)'r' << 8 | (ULONG)(a) << 16 | (ULONG)(b) << 24)
#define TAG_XDR NRDR_TAG('X', 'd')
#define TAG_XDR_OPAQUE NRDR_TAG('X', 'o')
#define TAG_RPC NRDR_TAG('R', 'p')
#define TAG_CRED NRDR_TAG('C', 'r')
#define TAG_NAME_CACHE NRDR_TAG('N', 'c')
#define TAG_UPCALL NRDR_TAG('U', 'p')
#define TAG_VNET NRDR_TAG('V', 'n')
#define TAG_EA 'aErN'
#define TAG_MOUNT 'tMrN'
#define TAG_SYMLINK 'lSrN'

#define NRDR_ALLOC(subsystem, size) ExAllocatePoolWithTag(NonPagedPoolNx, (size), TAG_##subsystem)
#define NRDR_ALLOC_PAGED(subsystem, size) ExAllocatePoolWithTag(PagedPool, (size), TAG_##subsystem)
#define NRDR_FREE(subsystem, p) ExFreePoolWithTag((p), TAG_##subsystem)
#define RtlZeroMemory(p, size) memset((p), 0, (size))
#define STATUS_PENDING ((NTSTATUS)0x103)
#define STATUS_BAD_NETWORK_PATH ((NTSTATUS)0xC00000BE)
#define STATUS_OBJECT_NAME_NOT_FOUND ((NTSTATUS)0xC0000034)
#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define CONTAINING_RECORD(p, type, field) ((type *)((PUCHAR)(p) - (ULONG_PTR) & ((type *)0)->field))

static void InitializeListHead(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static void InsertTailList(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head;
  entry->Blink = head->Blink;
  head->Blink->Flink = entry;
  head->Blink = entry;
}
static void RemoveEntryList(LIST_ENTRY *entry) {
  entry->Blink->Flink = entry->Flink;
  entry->Flink->Blink = entry->Blink;
}

/* --- the redirector library's exports, as the mini redirector is handed them ---------------------------------------------------- */
typedef struct RX_CONTEXT RX_CONTEXT;
typedef NTSTATUS(CALL *PMRX_CALLDOWN)(RX_CONTEXT *context);
typedef struct MINIRDR_DISPATCH {
  ULONG NodeType, NodeSize, Flags, SrvCallSize, NetRootSize, VNetRootSize, FcbSize, SrvOpenSize, FobxSize;
  ULONG Signature;
  PMRX_CALLDOWN Start, CreateVNetRoot, Create, CloseSrvOpen, QueryDirectory, QueryEa, Read, IoControl;
} MINIRDR_DISPATCH;
typedef struct RX_EXPORTS {
  ULONG Version;
  PVOID(CALL *AllocatePoolWithTag)(ULONG type, SIZE_T size, ULONG tag);
  void(CALL *FreePool)(PVOID p);
  NTSTATUS(CALL *RegisterMinirdr)(DEVICE_OBJECT **device, DRIVER_OBJECT *driver, MINIRDR_DISPATCH *dispatch, ULONG controls, UNICODE_STRING *name);
  NTSTATUS(CALL *DispatchToWorker)(DEVICE_OBJECT *device, ULONG queue, PVOID routine, PVOID context, ULONG tag);
  PVOID(CALL *NewMapUserBuffer)(RX_CONTEXT *context);
} RX_EXPORTS;
struct RX_CONTEXT { IRP *Irp; DEVICE_OBJECT *Device; PVOID Fcb, SrvOpen, VNetRoot, NetRoot; UNICODE_STRING *Path; PVOID MRxContext[4]; };
typedef struct RX_WORK { ULONG_PTR Item[4]; PVOID Routine, Context; DEVICE_OBJECT *Device; } RX_WORK;

static volatile LONG rx_pool_balance;
static PVOID CALL RxAllocate(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) __sync_add_and_fetch(&rx_pool_balance, 1);
  return p;
}
static void CALL RxFree(PVOID p) {
  __sync_sub_and_fetch(&rx_pool_balance, 1);
  ExFreePool(p);
}
static NTSTATUS CALL RxRegister(DEVICE_OBJECT **device, DRIVER_OBJECT *driver, MINIRDR_DISPATCH *dispatch, ULONG controls, UNICODE_STRING *name) {
  if (dispatch->NodeType != 'rdRM' || dispatch->NodeSize != sizeof *dispatch) return STATUS_INVALID_PARAMETER; //~ MRdr magic
  return IoCreateDevice(driver, sizeof(PVOID), name, 0x14, controls, FALSE, device);
}
static NTSTATUS CALL RxDispatch(DEVICE_OBJECT *device, ULONG queue, PVOID routine, PVOID context, ULONG tag) {
  RX_WORK *work = RxAllocate(NonPagedPoolNx, sizeof *work, tag);
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->Routine = routine;
  work->Context = context;
  work->Device = device;
  ExQueueWorkItem(work, queue);
  return STATUS_SUCCESS;
}
static PVOID CALL RxMapBuffer(RX_CONTEXT *context) { return context->Irp->SystemBuffer; }
static const RX_EXPORTS rx_exports = { 1, RxAllocate, RxFree, RxRegister, RxDispatch, RxMapBuffer };
static const RX_EXPORTS *Rx;

/* --- lookaside lists, one per class of object ----------------------------------------------------------------------------------------- */
enum { LOOKASIDE_FCB, LOOKASIDE_SRV_OPEN, LOOKASIDE_REQUEST, LOOKASIDE_NAME, LOOKASIDE_UPCALL, LOOKASIDE_COUNT };
typedef struct LOOKASIDE_CLASS { SIZE_T Size; ULONG Tag; BOOLEAN Paged; } LOOKASIDE_CLASS;
static const LOOKASIDE_CLASS lookaside_classes[LOOKASIDE_COUNT] = {
  { 192, 'bFrN', TRUE }, //= NrFb any lookaside-loop
  { 128, 'oSrN', TRUE }, //= NrSo any lookaside-loop
  { 320, 'qRrN', FALSE }, //= NrRq any lookaside-loop
  { 96, 'nNrN', TRUE }, //= NrNn any lookaside-loop
  { 256, 'uUrN', FALSE }, //= NrUu any lookaside-loop
};
static LOOKASIDE lookasides[LOOKASIDE_COUNT];
static LOOKASIDE segment_lookaside, fragment_lookaside;

NOINLINE static NTSTATUS InitializeLookasides(void) {
  for (ULONG i = 0; i < LOOKASIDE_COUNT; i++) {
    const LOOKASIDE_CLASS *class = &lookaside_classes[i];
    if (class->Paged) ExInitializePagedLookasideList(&lookasides[i], NULL, NULL, 0, class->Size, class->Tag, 0);
    else ExInitializeNPagedLookasideList(&lookasides[i], NULL, NULL, 0, class->Size, class->Tag, 0);
  }
  ExInitializeNPagedLookasideList(&segment_lookaside, NULL, NULL, 0, 1460, 'gSrN', 0); //= NrSg lookaside-init lookaside
  return ExInitializeLookasideListEx(&fragment_lookaside, NULL, NULL, 512, 0, 64, 'gFrN', 0); //= NrFg lookaside-init lookaside
}
static PVOID AllocateFromClass(ULONG index) { return ExpInterlockedPopEntrySList(&lookasides[index]); }
static void FreeToClass(ULONG index, PVOID p) { ExpInterlockedPushEntrySList(&lookasides[index], p); }

/* --- XDR ----------------------------------------------------------------------------------------------------------------------------------- */
enum xdr_op { XDR_ENCODE, XDR_DECODE, XDR_FREE };
typedef struct XDR XDR;
struct xdr_ops {
  BOOLEAN (*x_getlong)(XDR *, LONG *);
  BOOLEAN (*x_putlong)(XDR *, const LONG *);
  BOOLEAN (*x_getbytes)(XDR *, PVOID, ULONG);
  BOOLEAN (*x_putbytes)(XDR *, const void *, ULONG);
  void (*x_destroy)(XDR *);
};
struct XDR { enum xdr_op x_op; const struct xdr_ops *x_ops; PUCHAR x_base, x_private; ULONG x_handy, x_tag; };
typedef BOOLEAN (*xdrproc_t)(XDR *, PVOID);
static ULONG bswap(ULONG v) { return v >> 24 | (v >> 8 & 0xFF00) | (v << 8 & 0xFF0000) | v << 24; }

static BOOLEAN xdrmem_getbytes(XDR *xdrs, PVOID to, ULONG length) {
  if (xdrs->x_handy < length) return FALSE;
  xdrs->x_handy -= length;
  memcpy(to, xdrs->x_private, length);
  xdrs->x_private += length;
  return TRUE;
}
static BOOLEAN xdrmem_putbytes(XDR *xdrs, const void *from, ULONG length) {
  if (xdrs->x_handy < length) return FALSE;
  xdrs->x_handy -= length;
  memcpy(xdrs->x_private, from, length);
  xdrs->x_private += length;
  return TRUE;
}
static BOOLEAN xdrmem_getlong(XDR *xdrs, LONG *value) {
  if (!xdrmem_getbytes(xdrs, value, 4)) return FALSE;
  *value = (LONG)bswap((ULONG)*value);
  return TRUE;
}
static BOOLEAN xdrmem_putlong(XDR *xdrs, const LONG *value) {
  LONG swapped = (LONG)bswap((ULONG)*value);
  return xdrmem_putbytes(xdrs, &swapped, 4);
}
static void xdrmem_destroy(XDR *xdrs) {}
static const struct xdr_ops xdrmem_ops = { xdrmem_getlong, xdrmem_putlong, xdrmem_getbytes, xdrmem_putbytes, xdrmem_destroy };

/* A record stream grows as it is written to. */
NOINLINE static BOOLEAN xdrrec_grow(XDR *xdrs, ULONG more) {
  ULONG used = (ULONG)(xdrs->x_private - xdrs->x_base);
  PUCHAR base = ExAllocatePoolWithTag(NonPagedPoolNx, used + more + 1024, xdrs->x_tag);
  if (!base) return FALSE;
  memcpy(base, xdrs->x_base, used);
  ExFreePoolWithTag(xdrs->x_base, xdrs->x_tag);
  xdrs->x_base = base;
  xdrs->x_private = base + used;
  xdrs->x_handy = more + 1024;
  return TRUE;
}
static BOOLEAN xdrrec_putbytes(XDR *xdrs, const void *from, ULONG length) {
  if (xdrs->x_handy < length && !xdrrec_grow(xdrs, length)) return FALSE;
  return xdrmem_putbytes(xdrs, from, length);
}
static BOOLEAN xdrrec_putlong(XDR *xdrs, const LONG *value) {
  LONG swapped = (LONG)bswap((ULONG)*value);
  return xdrrec_putbytes(xdrs, &swapped, 4);
}
static void xdrrec_destroy(XDR *xdrs) { ExFreePoolWithTag(xdrs->x_base, xdrs->x_tag); }
static const struct xdr_ops xdrrec_ops = { xdrmem_getlong, xdrrec_putlong, xdrmem_getbytes, xdrrec_putbytes, xdrrec_destroy };

static void xdrmem_create(XDR *xdrs, PVOID base, ULONG size, enum xdr_op op) {
  xdrs->x_op = op;
  xdrs->x_ops = &xdrmem_ops;
  xdrs->x_base = xdrs->x_private = base;
  xdrs->x_handy = size;
  xdrs->x_tag = 'memx'; //~ xmem magic
}
NOINLINE static BOOLEAN xdrrec_create(XDR *xdrs, ULONG size, ULONG tag) {
  xdrs->x_op = XDR_ENCODE;
  xdrs->x_ops = &xdrrec_ops;
  xdrs->x_tag = tag;
  xdrs->x_base = xdrs->x_private = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  xdrs->x_handy = xdrs->x_base ? size : 0;
  return xdrs->x_base != NULL;
}
NOINLINE static BOOLEAN xdr_u_int32(XDR *xdrs, PVOID value) {
  switch (xdrs->x_op) {
    case XDR_ENCODE: return xdrs->x_ops->x_putlong(xdrs, value);
    case XDR_DECODE: return xdrs->x_ops->x_getlong(xdrs, value);
    default: return TRUE;
  }
}
static PVOID mem_alloc(SIZE_T size) { return NRDR_ALLOC(XDR, size); } //= NrXd allocation-call wrapper-fixed
static void mem_free(PVOID p) { NRDR_FREE(XDR, p); }
NOINLINE static BOOLEAN xdr_bytes(XDR *xdrs, PVOID *data, ULONG *size, ULONG limit) {
  static const UCHAR zero[4];
  if (!xdr_u_int32(xdrs, size) || *size > limit) return FALSE;
  switch (xdrs->x_op) {
    case XDR_DECODE:
      if (!*data) *data = mem_alloc(*size + 1);
      if (!*data) return FALSE;
      ((PUCHAR)*data)[*size] = 0;
      return xdrs->x_ops->x_getbytes(xdrs, *data, *size);
    case XDR_ENCODE:
      return xdrs->x_ops->x_putbytes(xdrs, *data, *size) && xdrs->x_ops->x_putbytes(xdrs, zero, -*size & 3);
    case XDR_FREE:
      mem_free(*data);
      *data = NULL;
  }
  return TRUE;
}
NOINLINE static BOOLEAN xdr_opaque_auth(XDR *xdrs, PVOID *body, ULONG *flavor) {
  ULONG length = 400;
  if (!xdr_u_int32(xdrs, flavor)) return FALSE;
  if (xdrs->x_op == XDR_DECODE) *body = NRDR_ALLOC_PAGED(XDR_OPAQUE, length); //= NrXo allocation-call direct
  return xdr_bytes(xdrs, body, &length, 400);
}

/* --- credentials -------------------------------------------------------------------------------------------------------------------------- */
typedef struct RPC_AUTH RPC_AUTH;
typedef struct RPC_CRED { LIST_ENTRY Hash; RPC_AUTH *Auth; ULONG Uid, Gid, Magic; LONG References; PVOID Context; } RPC_CRED;
typedef struct RPC_AUTH_OPS {
  ULONG Flavor, CredSize, PoolTag;
  const CHAR *Name;
  RPC_AUTH *(*Create)(const struct RPC_AUTH_OPS *ops);
  NTSTATUS (*InitCred)(RPC_CRED *cred, ULONG uid, ULONG gid);
  BOOLEAN (*Marshal)(RPC_CRED *cred, XDR *xdrs);
} RPC_AUTH_OPS;
#define CRED_BUCKETS 16
struct RPC_AUTH { const RPC_AUTH_OPS *Ops; LIST_ENTRY Buckets[CRED_BUCKETS]; ULONG_PTR Lock; LONG References; };
#define CRED_MAGIC 'derC' //~ Cred magic
#define CRED_DEAD 'daeD' //~ Dead magic

NOINLINE static RPC_AUTH *AuthCreate(const RPC_AUTH_OPS *ops) {
  RPC_AUTH *auth = NRDR_ALLOC(RPC, sizeof *auth); //= NrRp allocation-call direct
  if (!auth) return NULL;
  RtlZeroMemory(auth, sizeof *auth);
  auth->Ops = ops;
  auth->References = 1;
  KeInitializeSpinLock(&auth->Lock);
  for (ULONG i = 0; i < CRED_BUCKETS; i++) InitializeListHead(&auth->Buckets[i]);
  return auth;
}
NOINLINE static RPC_CRED *CredLookup(RPC_AUTH *auth, ULONG uid, ULONG gid) {
  LIST_ENTRY *head = &auth->Buckets[(uid ^ gid) % CRED_BUCKETS];
  for (LIST_ENTRY *entry = head->Flink; entry != head; entry = entry->Flink) {
    RPC_CRED *cred = CONTAINING_RECORD(entry, RPC_CRED, Hash);
    if (cred->Uid == uid && cred->Gid == gid && cred->Magic == CRED_MAGIC) return cred;
  }
  RPC_CRED *cred = ExAllocatePoolWithTag(PagedPool, auth->Ops->CredSize, auth->Ops->PoolTag);
  if (!cred) return NULL;
  cred->Auth = auth;
  cred->Uid = uid;
  cred->Gid = gid;
  cred->Magic = CRED_MAGIC;
  cred->References = 1;
  if (!NT_SUCCESS(auth->Ops->InitCred(cred, uid, gid))) {
    cred->Magic = CRED_DEAD;
    ExFreePoolWithTag(cred, auth->Ops->PoolTag);
    return NULL;
  }
  InsertTailList(head, &cred->Hash);
  return cred;
}
static NTSTATUS UnixInitCred(RPC_CRED *cred, ULONG uid, ULONG gid) {
  cred->Context = NRDR_ALLOC_PAGED(CRED, 16 * sizeof(ULONG)); //= NrCr allocation-call direct
  return cred->Context ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static BOOLEAN UnixMarshal(RPC_CRED *cred, XDR *xdrs) {
  ULONG stamp = 'pmtS'; //~ Stmp magic
  return xdr_u_int32(xdrs, &stamp) && xdr_u_int32(xdrs, &cred->Uid) && xdr_u_int32(xdrs, &cred->Gid);
}
static NTSTATUS GssInitCred(RPC_CRED *cred, ULONG uid, ULONG gid) {
  static const UCHAR mechanism[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2 };
  PUCHAR context = ExAllocatePool2(POOL_FLAG_PAGED, 512, 'tGrN'); //= NrGt allocation-call direct
  if (!context) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(context, mechanism, sizeof mechanism);
  cred->Context = context;
  return STATUS_SUCCESS;
}
static BOOLEAN GssMarshal(RPC_CRED *cred, XDR *xdrs) {
  PVOID token = cred->Context;
  ULONG length = 512;
  if (memcmp(token, "NTLMSSP", 8) == 0) return FALSE; //~ NTLM text
  return xdr_bytes(xdrs, &token, &length, 512);
}
static const RPC_AUTH_OPS auth_unix_ops = { 1, sizeof(RPC_CRED), 'uArN', "sys", AuthCreate, UnixInitCred, UnixMarshal }; //= NrAu any object-field-deep
static const RPC_AUTH_OPS auth_gss_ops = { 6, sizeof(RPC_CRED) + 64, 'gArN', "krb5", AuthCreate, GssInitCred, GssMarshal }; //= NrAg any object-field-deep
static const RPC_AUTH_OPS *const auth_flavors[] = { &auth_unix_ops, &auth_gss_ops };

/* --- RPC ----------------------------------------------------------------------------------------------------------------------------------- */
typedef struct RPC_XPRT RPC_XPRT;
typedef struct RPC_RQST { LIST_ENTRY Link; ULONG Xid, Status; PVOID Buffer; ULONG Length; ULONG_PTR Event[4]; } RPC_RQST;
typedef struct RPC_XPRT_OPS {
  NTSTATUS (*Connect)(RPC_XPRT *xprt);
  PVOID (*BufAlloc)(RPC_XPRT *xprt, SIZE_T size);
  void (*BufFree)(RPC_XPRT *xprt, PVOID p);
  NTSTATUS (*SendRequest)(RPC_XPRT *xprt, RPC_RQST *request);
  void (*Destroy)(RPC_XPRT *xprt);
} RPC_XPRT_OPS;
typedef struct RPC_XPRT_CLASS { const CHAR *NetId; ULONG Protocol, Size; RPC_XPRT *(*Setup)(const struct RPC_XPRT_CLASS *class, PVOID address); } RPC_XPRT_CLASS;
struct RPC_XPRT { const RPC_XPRT_OPS *Ops; const RPC_XPRT_CLASS *Class; LIST_ENTRY Receive; ULONG NextXid, State, BufferTag; PVOID Slots; UCHAR Address[28]; };
typedef struct RPC_CLNT { RPC_XPRT *Xprt; RPC_AUTH *Auth; ULONG Program, Version, Timeout; CHAR *Server; } RPC_CLNT;
#define RPC_LAST_FRAGMENT 0x80000000

static NTSTATUS XsTcpConnect(RPC_XPRT *xprt) {
  xprt->State = 'pctC'; //~ Ctcp magic
  return STATUS_SUCCESS;
}
static NTSTATUS XsUdpConnect(RPC_XPRT *xprt) {
  xprt->State = 'pduC'; //~ Cudp magic
  return STATUS_SUCCESS;
}
static NTSTATUS XsRdmaConnect(RPC_XPRT *xprt) {
  PVOID queue = NULL;
  NTSTATUS status = NdisAllocateMemoryWithTag(&queue, 4096, 'qdrN'); //= Nrdq allocation-call direct
  if (NT_SUCCESS(status)) xprt->Slots = queue;
  return status;
}
static PVOID XsBufAlloc(RPC_XPRT *xprt, SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, xprt->BufferTag); }
static void XsBufFree(RPC_XPRT *xprt, PVOID p) { ExFreePoolWithTag(p, xprt->BufferTag); }
static PVOID XsRdmaBufAlloc(RPC_XPRT *xprt, SIZE_T size) {
  PVOID p = NULL;
  PHYSICAL_ADDRESS low = { { 0, 0 } }, high = { { 0xFFFFFFFF, 0 } };
  MmAllocateContiguousMemoryEx(&size, low, high, low, 0x80000000, 4, NULL, 'cdrN', 0, &p); //= Nrdc allocation-call direct
  return p;
}
static void XsRdmaBufFree(RPC_XPRT *xprt, PVOID p) { MmFreeContiguousMemory(p); }
NOINLINE static NTSTATUS XsSend(RPC_XPRT *xprt, RPC_RQST *request) {
  ULONG *marker = request->Buffer;
  marker[0] = bswap(request->Length | RPC_LAST_FRAGMENT);
  PVOID mdl = IoAllocateMdl(request->Buffer, request->Length, FALSE, FALSE, NULL);
  InsertTailList(&xprt->Receive, &request->Link);
  return mdl ? STATUS_PENDING : STATUS_INSUFFICIENT_RESOURCES;
}
static void XsDestroy(RPC_XPRT *xprt) {
  if (xprt->Slots) ExFreePoolWithTag(xprt->Slots, 'lSxN');
  ExFreePoolWithTag(xprt, 'pXrN'); //= NrXp any free
}
static void XsRdmaDestroy(RPC_XPRT *xprt) {
  NdisFreeMemoryWithTag(xprt->Slots, 'qdrN');
  ExFreePoolWithTag(xprt, 'pXrN');
}
static const RPC_XPRT_OPS tcp_ops = { XsTcpConnect, XsBufAlloc, XsBufFree, XsSend, XsDestroy };
static const RPC_XPRT_OPS udp_ops = { XsUdpConnect, XsBufAlloc, XsBufFree, XsSend, XsDestroy };
static const RPC_XPRT_OPS rdma_ops = { XsRdmaConnect, XsRdmaBufAlloc, XsRdmaBufFree, XsSend, XsRdmaDestroy };

NOINLINE static RPC_XPRT *XsSetup(const RPC_XPRT_CLASS *class, const RPC_XPRT_OPS *ops, PVOID address, ULONG slots, ULONG bufferTag) {
  RPC_XPRT *xprt = ExAllocatePoolWithTag(NonPagedPoolNx, class->Size, 'pXrN');
  if (!xprt) return NULL;
  RtlZeroMemory(xprt, class->Size);
  xprt->Ops = ops;
  xprt->Class = class;
  xprt->BufferTag = bufferTag;
  xprt->State = 'tinI'; //~ Init magic
  ULONG seed = 'DIXr'; //~ rXID not-an-allocator
  xprt->NextXid = RtlRandomEx(&seed);
  if (slots) xprt->Slots = ExAllocatePoolWithTag(NonPagedPoolNx, slots * sizeof(RPC_RQST), 'lSxN'); //= NxSl allocation-call direct
  memcpy(xprt->Address, address, sizeof xprt->Address);
  InitializeListHead(&xprt->Receive);
  return xprt;
}
static RPC_XPRT *SetupTcp(const RPC_XPRT_CLASS *class, PVOID address) { return XsSetup(class, &tcp_ops, address, 16, 'bTrN'); } //= NrTb any object-field
static RPC_XPRT *SetupUdp(const RPC_XPRT_CLASS *class, PVOID address) { return XsSetup(class, &udp_ops, address, 16, 'bUrN'); } //= NrUb any object-field
static RPC_XPRT *SetupRdma(const RPC_XPRT_CLASS *class, PVOID address) { return XsSetup(class, &rdma_ops, address, 0, 'bRrN'); } //? NrRb kept, but this transport's buffers come from elsewhere
static const RPC_XPRT_CLASS xprt_classes[] = {
  { "tcp6", 6, sizeof(RPC_XPRT), SetupTcp }, //~ tcp6 text
  { "udp6", 17, sizeof(RPC_XPRT), SetupUdp }, //~ udp6 text
  { "rdma", 256, sizeof(RPC_XPRT) + 64, SetupRdma }, //~ rdma text
};
NOINLINE static RPC_CLNT *RpcCreateClient(ULONG protocol, PVOID address, const CHAR *server, ULONG flavor) {
  RPC_CLNT *client = Rx->AllocatePoolWithTag(NonPagedPoolNx, sizeof *client, 'lCrN'); //= NrCl any interface-pointer
  if (!client) return NULL;
  RtlZeroMemory(client, sizeof *client);
  for (ULONG i = 0; i < 3; i++) {
    if (xprt_classes[i].Protocol == protocol) client->Xprt = xprt_classes[i].Setup(&xprt_classes[i], address);
  }
  for (ULONG i = 0; i < 2; i++) {
    if (auth_flavors[i]->Flavor == flavor) client->Auth = auth_flavors[i]->Create(auth_flavors[i]);
  }
  if (!client->Xprt || !client->Auth || !NT_SUCCESS(client->Xprt->Ops->Connect(client->Xprt))) {
    Rx->FreePool(client);
    return NULL;
  }
  client->Program = 100003;
  client->Version = 4;
  client->Server = Rx->AllocatePoolWithTag(PagedPool, 256, 'nSrN'); //= NrSn any interface-pointer
  if (client->Server) memcpy(client->Server, server, 32);
  return client;
}
NOINLINE static NTSTATUS RpcCall(RPC_CLNT *client, ULONG procedure, xdrproc_t encode, PVOID arguments, xdrproc_t decode, PVOID results) {
  XDR xdrs;
  RPC_RQST *request = AllocateFromClass(LOOKASIDE_REQUEST);
  RPC_CRED *cred = CredLookup(client->Auth, 0, 0);
  NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
  if (!request || !cred || !xdrrec_create(&xdrs, 2048, 'rXrN')) return status; //= NrXr any wrapper
  request->Xid = client->Xprt->NextXid++;
  if (xdr_u_int32(&xdrs, &request->Xid) && xdr_u_int32(&xdrs, &procedure) && client->Auth->Ops->Marshal(cred, &xdrs) && encode(&xdrs, arguments)) {
    request->Length = (ULONG)(xdrs.x_private - xdrs.x_base);
    request->Buffer = client->Xprt->Ops->BufAlloc(client->Xprt, request->Length + 4);
    if (request->Buffer) {
      memcpy((PUCHAR)request->Buffer + 4, xdrs.x_base, request->Length);
      status = client->Xprt->Ops->SendRequest(client->Xprt, request);
      KeWaitForSingleObject(request->Event, 0, 0, FALSE, NULL);
      xdrs.x_ops->x_destroy(&xdrs);
      xdrmem_create(&xdrs, request->Buffer, request->Length, XDR_DECODE);
      if (request->Status == 'EMIT') status = STATUS_BAD_NETWORK_PATH; //~ TIME magic
      else status = decode(&xdrs, results) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
      client->Xprt->Ops->BufFree(client->Xprt, request->Buffer);
    }
  }
  FreeToClass(LOOKASIDE_REQUEST, request);
  return status;
}

/* --- the name cache ------------------------------------------------------------------------------------------------------------------------- */
typedef struct NAME_ENTRY { LIST_ENTRY Hash; struct NAME_ENTRY *Parent; ULONG HashValue, Flags; PVOID Handle; UNICODE_STRING Name; } NAME_ENTRY;
typedef struct NAME_CACHE { LIST_ENTRY *Buckets; ULONG BucketCount, Entries, Signature, NameTag; UCHAR Resource[104]; } NAME_CACHE;
static NAME_CACHE *name_cache;

NOINLINE static NAME_CACHE *NameCacheCreate(ULONG buckets, ULONG nameTag) {
  NAME_CACHE *cache = NRDR_ALLOC(NAME_CACHE, sizeof *cache); //= NrNc allocation-call direct
  if (!cache) return NULL;
  RtlZeroMemory(cache, sizeof *cache);
  cache->Buckets = ExAllocatePoolWithTag(PagedPool, buckets * sizeof(LIST_ENTRY), 'bNrN'); //= NrNb allocation-call direct
  if (!cache->Buckets) {
    NRDR_FREE(NAME_CACHE, cache);
    return NULL;
  }
  cache->BucketCount = buckets;
  cache->NameTag = nameTag;
  cache->Signature = 'hcaC'; //~ Cach magic
  ExInitializeResourceLite(cache->Resource);
  for (ULONG i = 0; i < buckets; i++) InitializeListHead(&cache->Buckets[i]);
  return cache;
}
static ULONG HashName(const UNICODE_STRING *name) {
  ULONG hash = 'hsaH'; //~ Hash magic
  for (ULONG i = 0; i < name->Length / sizeof(WCHAR); i++) hash = hash * 31 + name->Buffer[i];
  return hash;
}
NOINLINE static NAME_ENTRY *NameCacheInsert(NAME_CACHE *cache, NAME_ENTRY *parent, const UNICODE_STRING *name) {
  if (cache->Signature != 'hcaC') KeBugCheckEx(0x27, 'dRrN', (ULONG_PTR)cache, 0, 0); //~ NrRd bug-check
  ULONG hash = HashName(name);
  LIST_ENTRY *head = &cache->Buckets[hash & (cache->BucketCount - 1)];
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    NAME_ENTRY *found = CONTAINING_RECORD(link, NAME_ENTRY, Hash);
    if (found->HashValue == hash && RtlCompareUnicodeString(&found->Name, name, TRUE) == 0) return found;
  }
  NAME_ENTRY *entry = AllocateFromClass(LOOKASIDE_NAME);
  if (!entry) return NULL;
  entry->Parent = parent;
  entry->HashValue = hash;
  entry->Name.Buffer = Rx->AllocatePoolWithTag(PagedPool, name->Length, cache->NameTag);
  entry->Name.Length = entry->Name.MaximumLength = name->Length;
  if (!entry->Name.Buffer) {
    FreeToClass(LOOKASIDE_NAME, entry);
    return NULL;
  }
  RtlCopyUnicodeString(&entry->Name, name);
  InsertTailList(head, &entry->Hash);
  cache->Entries++;
  return entry;
}

/* --- upcalls -------------------------------------------------------------------------------------------------------------------------------- */
typedef enum { UPCALL_MOUNT, UPCALL_OPEN, UPCALL_READ, UPCALL_DIRECTORY, UPCALL_EA, UPCALL_SYMLINK } UPCALL_OPCODE;
typedef struct UPCALL_ENTRY { LIST_ENTRY Next; ULONG Version, Xid; UPCALL_OPCODE Opcode; NTSTATUS Status; ULONG_PTR Event[4]; PVOID Buffer; ULONG Length; } UPCALL_ENTRY;
typedef struct UPCALL_QUEUE { LIST_ENTRY Head; ULONG_PTR Lock; ULONG_PTR Event[4]; ULONG Count; } UPCALL_QUEUE;
static UPCALL_QUEUE upcalls, downcalls;
static volatile LONG upcall_xid;
#define UPCALL_VERSION 'v4FN' //~ NF4v magic

static ULONG UpcallBufferTag(UPCALL_OPCODE opcode) {
  switch (opcode) {
    case UPCALL_MOUNT: return TAG_MOUNT; //= NrMt any return-value
    case UPCALL_EA: return TAG_EA; //= NrEa any return-value
    case UPCALL_SYMLINK: return TAG_SYMLINK; //= NrSl any return-value
    default: return TAG_UPCALL; //= NrUp any return-value
  }
}
NOINLINE static NTSTATUS UpcallCreate(UPCALL_OPCODE opcode, ULONG length, UPCALL_ENTRY **out) {
  UPCALL_ENTRY *entry = AllocateFromClass(LOOKASIDE_UPCALL);
  if (!entry) return STATUS_INSUFFICIENT_RESOURCES;
  RtlZeroMemory(entry, sizeof *entry);
  entry->Version = UPCALL_VERSION;
  entry->Xid = (ULONG)__sync_add_and_fetch(&upcall_xid, 1);
  entry->Opcode = opcode;
  entry->Length = length;
  entry->Buffer = ExAllocatePoolWithTag(PagedPool, length, UpcallBufferTag(opcode));
  if (!entry->Buffer) {
    FreeToClass(LOOKASIDE_UPCALL, entry);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  KeInitializeEvent(entry->Event, 1, FALSE);
  *out = entry;
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS UpcallWait(UPCALL_ENTRY *entry) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&upcalls.Lock);
  InsertTailList(&upcalls.Head, &entry->Next);
  upcalls.Count++;
  KeReleaseSpinLock(&upcalls.Lock, irql);
  KeSetEvent(upcalls.Event, 0, FALSE);
  if (KeWaitForSingleObject(entry->Event, 0, 0, FALSE, NULL) == 0x102) {
    DbgPrint("rpc-redirector: upcall %u timed out, service nfsd gone?\n", entry->Xid); //~ nfsd text
    return STATUS_BAD_NETWORK_PATH;
  }
  NTSTATUS status = entry->Status;
  ExFreePoolWithTag(entry->Buffer, UpcallBufferTag(entry->Opcode));
  FreeToClass(LOOKASIDE_UPCALL, entry);
  return status;
}

/* --- the mini redirector -------------------------------------------------------------------------------------------------------------------- */
typedef struct VNET_ROOT { RPC_CLNT *Client; PVOID Session; ULONG Signature; BOOLEAN ReadOnly; } VNET_ROOT;
typedef struct MOUNT_OPTIONS { ULONG Protocol, Flavor; CHAR Server[64]; } MOUNT_OPTIONS;
typedef struct OPEN_STATE { NAME_ENTRY *Name; PVOID StateId, Directory; ULONG Type; } OPEN_STATE;
static BOOLEAN EncodeName(XDR *xdrs, PVOID arguments) {
  UNICODE_STRING *name = arguments;
  ULONG length = name->Length;
  PVOID text = name->Buffer;
  return xdr_bytes(xdrs, &text, &length, 4096);
}
static BOOLEAN DecodeHandle(XDR *xdrs, PVOID results) {
  PVOID body = NULL;
  ULONG flavor = 0;
  if (!xdr_opaque_auth(xdrs, &body, &flavor)) return FALSE;
  *(PVOID *)results = body;
  return flavor != 'XVHF'; //~ FHVX magic
}
static NTSTATUS CALL MrxCreateVNetRoot(RX_CONTEXT *context) {
  VNET_ROOT *root = NRDR_ALLOC_PAGED(VNET, sizeof *root); //= NrVn allocation-call direct
  const MOUNT_OPTIONS *options = context->Irp->SystemBuffer;
  UPCALL_ENTRY *entry;
  if (!root) return STATUS_INSUFFICIENT_RESOURCES;
  root->Signature = 'tooR'; //~ Root magic
  root->Client = RpcCreateClient(options->Protocol, context->Path->Buffer, options->Server, options->Flavor);
  root->Session = Rx->AllocatePoolWithTag(PagedPool, 4096, 'sSrN'); //= NrSs any interface-pointer
  NTSTATUS status = UpcallCreate(UPCALL_MOUNT, 512, &entry);
  if (NT_SUCCESS(status)) status = UpcallWait(entry);
  if (!NT_SUCCESS(status) || !root->Client) {
    NRDR_FREE(VNET, root);
    return STATUS_BAD_NETWORK_PATH;
  }
  context->VNetRoot = root;
  return status;
}
static NTSTATUS CALL MrxCreate(RX_CONTEXT *context) {
  VNET_ROOT *root = context->VNetRoot;
  OPEN_STATE *state = AllocateFromClass(LOOKASIDE_SRV_OPEN);
  if (!state || root->Signature != 'tooR') return STATUS_INVALID_PARAMETER;
  state->Name = NameCacheInsert(name_cache, NULL, context->Path);
  if (!state->Name) return STATUS_OBJECT_NAME_NOT_FOUND;
  state->StateId = FsRtlAllocatePoolWithTag(PagedPool, 16, 'iSrN'); //= NrSi any direct
  state->Type = 'eliF'; //~ File magic
  context->SrvOpen = state;
  return RpcCall(root->Client, 18, EncodeName, context->Path, DecodeHandle, &state->Name->Handle);
}
static NTSTATUS CALL MrxClose(RX_CONTEXT *context) {
  OPEN_STATE *state = context->SrvOpen;
  if (state->Directory) ExFreePoolWithTag(state->Directory, 'rDrN');
  FreeToClass(LOOKASIDE_SRV_OPEN, state);
  return Rx->DispatchToWorker(context->Device, 1, (PVOID)MrxClose, context, 'kWrN'); //= NrWk any interface-pointer
}
static NTSTATUS CALL MrxQueryDirectory(RX_CONTEXT *context) {
  OPEN_STATE *state = context->SrvOpen;
  UPCALL_ENTRY *entry;
  if (!state->Directory) state->Directory = ExAllocatePoolWithTag(PagedPool, 65536, 'rDrN'); //= NrDr allocation-call direct
  NTSTATUS status = UpcallCreate(UPCALL_DIRECTORY, 65536, &entry);
  return NT_SUCCESS(status) ? UpcallWait(entry) : status;
}
static NTSTATUS CALL MrxQueryEa(RX_CONTEXT *context) {
  UPCALL_ENTRY *entry;
  NTSTATUS status = UpcallCreate(UPCALL_EA, 1024, &entry);
  if (!NT_SUCCESS(status)) return status;
  if (memcmp(entry->Buffer, "NfsV3Attributes", 15) == 0) entry->Status = 'EfsN'; //~ NsfE magic
  return UpcallWait(entry);
}
static NTSTATUS CALL MrxRead(RX_CONTEXT *context) {
  PUCHAR buffer = Rx->NewMapUserBuffer(context);
  ULONG *words = (ULONG *)buffer;
  if (words[0] == 'lmtH' || words[0] == 'FLE\x7F') return STATUS_NOT_SUPPORTED; //~ Html magic
  return RpcCall(((VNET_ROOT *)context->VNetRoot)->Client, 25, EncodeName, context->Path, DecodeHandle, &context->MRxContext[0]);
}
static NTSTATUS CALL MrxIoControl(RX_CONTEXT *context) {
  UPCALL_ENTRY *entry;
  ULONG *reparse = context->Irp->SystemBuffer;
  if (reparse[0] == 'XSFN' && reparse[2] == 'KNLI') return UpcallCreate(UPCALL_SYMLINK, 4096, &entry); //~ NFSX firmware-table //~ ILNK firmware-table
  if (reparse[0] == 'kcaP') return STATUS_NOT_SUPPORTED; //~ Pack firmware-table
  return STATUS_INVALID_PARAMETER;
}
static NTSTATUS CALL MrxStart(RX_CONTEXT *context) { return STATUS_SUCCESS; }

static MINIRDR_DISPATCH dispatch = { 'rdRM', sizeof(MINIRDR_DISPATCH), 3, 64, 64, sizeof(VNET_ROOT), 192, 128, 64, 'psiD', //~ Disp magic
  MrxStart, MrxCreateVNetRoot, MrxCreate, MrxClose, MrxQueryDirectory, MrxQueryEa, MrxRead, MrxIoControl };
static PMRX_CALLDOWN calldowns[28];

static NTSTATUS CALL FsdDispatch(DEVICE_OBJECT *device, IRP *irp) {
  RX_CONTEXT *context = Rx->AllocatePoolWithTag(NonPagedPoolNx, sizeof *context, 'xCrN'); //= NrCx any interface-pointer
  if (!context) return STATUS_INSUFFICIENT_RESOURCES;
  RtlZeroMemory(context, sizeof *context);
  context->Irp = irp;
  context->Device = device;
  context->Path = irp->Stack->Argument[0];
  PMRX_CALLDOWN routine = calldowns[irp->Stack->Major % 28];
  irp->Status = routine ? routine(context) : STATUS_NOT_SUPPORTED;
  Rx->FreePool(context);
  IoCompleteRequest(irp, 0);
  return irp->Status;
}
static void CALL Unload(DRIVER_OBJECT *driver) {
  for (ULONG i = 0; i < LOOKASIDE_COUNT; i++) ExDeletePagedLookasideList(&lookasides[i]);
  ExDeleteLookasideListEx(&fragment_lookaside);
  ExFreePoolWithTag(name_cache->Buckets, 'bNrN');
  NRDR_FREE(NAME_CACHE, name_cache);
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  Rx = &rx_exports;
  InitializeListHead(&upcalls.Head);
  InitializeListHead(&downcalls.Head);
  KeInitializeEvent(upcalls.Event, 1, FALSE);
  if (!NT_SUCCESS(InitializeLookasides())) return STATUS_INSUFFICIENT_RESOURCES;
  name_cache = NameCacheCreate(256, 'tNrN'); //= NrNt any object-field
  if (!name_cache) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = Rx->RegisterMinirdr(&device, driver, &dispatch, 0x100, path);
  if (!NT_SUCCESS(status)) return status;
  calldowns[0] = dispatch.Create;
  calldowns[2] = dispatch.CloseSrvOpen;
  calldowns[3] = dispatch.Read;
  calldowns[7] = dispatch.QueryEa;
  calldowns[12] = dispatch.QueryDirectory;
  calldowns[13] = dispatch.IoControl;
  calldowns[14] = dispatch.CreateVNetRoot;
  for (ULONG i = 0; i < 28; i++) driver->Major[i] = FsdDispatch;
  driver->Unload = Unload;
  return STATUS_SUCCESS;
}
