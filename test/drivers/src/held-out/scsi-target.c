// An iSCSI initiator and a small target in one driver, on StorPort and Winsock Kernel, in the manner of open-source storage drivers:
// an object layer whose type descriptors carry the tag, a tracking allocator, PDU pools, handlers by opcode, text negotiation.
#include "kernel.h"

/* --- what the rest of the driver is built on -------------------------------------------------------------------------------------- */
#define ISCSI_TAG(a, b) ((ULONG)'I' | ((ULONG)'s' << 8) | ((ULONG)(a) << 16) | ((ULONG)(b) << 24))
#define container_of(p, type, field) ((type *)((PUCHAR)(p) - __builtin_offsetof(type, field)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define ISCSI_TAG_GLOBAL ISCSI_TAG('G', 'l')
#define ISCSI_TAG_TEXT ISCSI_TAG('T', 'x')
#define ISCSI_TAG_WORK ISCSI_TAG('W', 'k')
#define ISCSI_TAG_DIGEST ISCSI_TAG('C', 'r')
#define ISCSI_TAG_SENSE ISCSI_TAG('S', 'n')
#define ISCSI_TAG_NAME ISCSI_TAG('N', 'm')
#define ISCSI_TAG_CHAP ISCSI_TAG('C', 'h')
#define ISCSI_TAG_LUN ISCSI_TAG('L', 'u')

#define DBG_HEAD_MAGIC 'HgbD' //~ DbgH magic
#define DBG_TAIL_MAGIC 'TgbD' //~ DbgT magic
#define DBG_FREE_MAGIC 'dEeD' //~ DeEd magic
#define OBJ_MAGIC 'tcjO' //~ Ojct magic
#define SESSION_MAGIC 'sseS' //~ Sess magic
#define CONN_MAGIC 'nnoC' //~ Conn magic
#define GPT_SIGNATURE_LOW 0x20494645 //~ "EFI " magic
#define GPT_SIGNATURE_HIGH 0x54524150 //~ PART magic
#define LVM_SIGNATURE 0x454C4241 //~ ABLE magic
#define NAA_PREFIX '.aan' //~ naa. magic
#define EUI_PREFIX '.iue' //~ eui. magic
#define IQN_PREFIX '.nqi' //~ iqn. magic
#define BUGCHECK_CODE 'tScI' //~ IcSt bug-check
#define FILE_REF_TAG 'fRsI' //~ IsRf object-tag
#define ISCSI_REMOVE_TAG 'lRsI' //~ IsRl remove-lock

#define STATUS_TIMEOUT_ISCSI ((NTSTATUS)0xC00000B5)
#define STATUS_PROTOCOL ((NTSTATUS)0xC0000186)

typedef struct { ULONG_PTR opaque[12]; } KEVENT_T;
struct dbg_header { LIST_ENTRY link; ULONG magic, tag, line; SIZE_T size; const CHAR *file; };
static LIST_ENTRY dbg_blocks;
static ULONG_PTR dbg_lock;
static LONG dbg_count;

static void list_init(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static int list_empty(const LIST_ENTRY *head) { return head->Flink == head; }
static void list_add(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static void list_del(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* The tracking allocator: a header before the block, a word behind it, every block in one list. */
NOINLINE static PVOID dbg_alloc(SIZE_T size, ULONG tag, const CHAR *file, ULONG line) {
  struct dbg_header *header;
  UCHAR irql;
  ULONG tail = DBG_TAIL_MAGIC;
  if (size > 0x10000000) return NULL;
  header = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*header) + size + sizeof(tail), tag);
  if (!header) { DbgPrint("iscsi: no memory for %u bytes at %s:%u\n", (ULONG)size, file, line); return NULL; }
  header->magic = DBG_HEAD_MAGIC;
  header->tag = tag;
  header->size = size;
  header->file = file;
  header->line = line;
  memset(header + 1, 0, size);
  memcpy((PUCHAR)(header + 1) + size, &tail, sizeof(tail));
  irql = KeAcquireSpinLockRaiseToDpc(&dbg_lock);
  list_add(&dbg_blocks, &header->link);
  dbg_count++;
  KeReleaseSpinLock(&dbg_lock, irql);
  return header + 1;
}
NOINLINE static void dbg_free(PVOID p) {
  struct dbg_header *header = (struct dbg_header *)p - 1;
  UCHAR irql;
  if (header->magic != DBG_HEAD_MAGIC) KeBugCheckEx(BUGCHECK_CODE, (ULONG_PTR)p, header->magic, header->tag, header->line);
  irql = KeAcquireSpinLockRaiseToDpc(&dbg_lock);
  list_del(&header->link);
  dbg_count--;
  KeReleaseSpinLock(&dbg_lock, irql);
  header->magic = DBG_FREE_MAGIC;
  ExFreePoolWithTag(header, header->tag);
}
#define iscsi_malloc(size, tag) dbg_alloc((size), (tag), "scsi-target.c", __LINE__)
#define iscsi_free(p) do { if (p) { dbg_free(p); (p) = NULL; } } while (0)

/* Objects: counted, of a type that says how large they are, which tag they have and what is done at the end. */
struct obj_type { const CHAR *name; ULONG size, tag; NTSTATUS (*init)(PVOID object, PVOID argument); void (*destroy)(PVOID object); };
struct obj_header { ULONG magic; LONG references; const struct obj_type *type; };

NOINLINE static PVOID obj_alloc(const struct obj_type *type, PVOID argument) {
  struct obj_header *header = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*header) + type->size, type->tag);
  if (!header) return NULL;
  memset(header, 0, sizeof(*header) + type->size);
  header->magic = OBJ_MAGIC;
  header->references = 1;
  header->type = type;
  if (type->init && type->init(header + 1, argument) < 0) { ExFreePoolWithTag(header, type->tag); return NULL; }
  return header + 1;
}
static void obj_get(PVOID object) { __atomic_add_fetch(&((struct obj_header *)object - 1)->references, 1, __ATOMIC_SEQ_CST); }
NOINLINE static void obj_put(PVOID object) {
  struct obj_header *header = (struct obj_header *)object - 1;
  if (header->magic != OBJ_MAGIC) KeBugCheckEx(BUGCHECK_CODE, 1, (ULONG_PTR)object, header->magic, 0);
  if (__atomic_sub_fetch(&header->references, 1, __ATOMIC_SEQ_CST)) return;
  if (header->type->destroy) header->type->destroy(object);
  header->magic = 0;
  ExFreePoolWithTag(header, header->type->tag);
}

/* --- sessions, connections, tasks -------------------------------------------------------------------------------------------------- */
enum login_stage { STAGE_SECURITY, STAGE_OPERATIONAL, STAGE_TRANSITION, STAGE_FULL };
struct pdu { LIST_ENTRY link; UCHAR bhs[48]; PVOID data; ULONG length, data_tag; struct pdu_pool *pool; };
struct pdu_pool { LOOKASIDE list; ULONG size, tag; LONG outstanding; const CHAR *name; };
struct text_buffer { CHAR *text; ULONG length, room, tag; };
struct connection {
  ULONG magic;
  struct session *session;
  USHORT cid;
  enum login_stage stage;
  BOOLEAN header_digest, data_digest;
  PVOID socket;
  struct text_buffer request, reply;
  PVOID receive_buffer, chap;
  const struct transport *transport;
  LIST_ENTRY send_queue;
};
struct session {
  ULONG magic;
  LIST_ENTRY link, tasks, connections;
  USHORT tsih;
  ULONG cmd_sn, exp_cmd_sn, max_cmd_sn, next_tag;
  CHAR *initiator_name;
  PVOID extension;
  struct lun *luns[8];
};
struct task { LIST_ENTRY link; ULONG itt, ttt; UCHAR cdb[16]; PVOID data, sense; struct connection *conn; const struct opcode *op; };

static NTSTATUS session_init(PVOID object, PVOID argument) {
  struct session *session = object;
  session->magic = SESSION_MAGIC;
  session->extension = argument;
  list_init(&session->tasks);
  list_init(&session->connections);
  session->initiator_name = iscsi_malloc(224, ISCSI_TAG_NAME); //= IsNm any operations-object
  return session->initiator_name ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void session_destroy(PVOID object) {
  struct session *session = object;
  session->magic = 0;
  iscsi_free(session->initiator_name);
}
static NTSTATUS connection_init(PVOID object, PVOID argument) {
  struct connection *conn = object;
  conn->magic = CONN_MAGIC;
  conn->session = argument;
  conn->stage = STAGE_SECURITY;
  conn->request.tag = conn->reply.tag = ISCSI_TAG_TEXT; //= IsTx any object-field
  list_init(&conn->send_queue);
  obj_get(argument);
  return STATUS_SUCCESS;
}
static void connection_destroy(PVOID object) {
  struct connection *conn = object;
  if (conn->magic != CONN_MAGIC) return;
  if (conn->request.text) ExFreePoolWithTag(conn->request.text, conn->request.tag);
  if (conn->reply.text) ExFreePoolWithTag(conn->reply.text, conn->reply.tag);
  iscsi_free(conn->chap);
  obj_put(conn->session);
}
static const struct obj_type session_type = {"session", sizeof(struct session), ISCSI_TAG('S', 'e'), session_init, session_destroy}; //= IsSe any wrapper-structure
static const struct obj_type connection_type = {"connection", sizeof(struct connection), ISCSI_TAG('C', 'o'), connection_init, connection_destroy}; //= IsCo any wrapper-structure
static const struct obj_type task_type = {"task", sizeof(struct task), ISCSI_TAG('T', 'k'), NULL, NULL}; //= IsTk any wrapper-structure
static const struct obj_type portal_type = {"portal", 96, ISCSI_TAG('P', 'o'), NULL, NULL}; //= IsPo any wrapper-structure

/* --- pools of PDUs ------------------------------------------------------------------------------------------------------------------- */
static const struct { const CHAR *name; ULONG size, tag; USHORT depth; } pool_shapes[] = {
  {"pdu", sizeof(struct pdu), ISCSI_TAG('P', '0'), 64}, //= IsP0 any lookaside-loop
  {"data-in", sizeof(struct pdu) + 512, ISCSI_TAG('P', '1'), 32}, //= IsP1 any lookaside-loop
  {"r2t", sizeof(struct pdu) + 32, ISCSI_TAG('P', '2'), 16}, //= IsP2 any lookaside-loop
};
static struct pdu_pool pools[ARRAY_SIZE(pool_shapes)];
static struct pdu_pool reject_pool;

NOINLINE static void pdu_pools_init(void) {
  ULONG i;
  for (i = 0; i < ARRAY_SIZE(pool_shapes); i++) {
    struct pdu_pool *pool = &pools[i];
    pool->name = pool_shapes[i].name;
    pool->size = pool_shapes[i].size;
    pool->tag = pool_shapes[i].tag;
    ExInitializeNPagedLookasideList(&pool->list, NULL, NULL, 0, pool->size, pool->tag, pool_shapes[i].depth);
  }
  ExInitializeLookasideListEx(&reject_pool.list, NULL, NULL, NonPagedPoolNx, 0, sizeof(struct pdu), ISCSI_TAG('P', 'r'), 0); //= IsPr any lookaside
}
NOINLINE static struct pdu *pdu_get(struct pdu_pool *pool, ULONG length, ULONG data_tag) {
  struct pdu *pdu = ExpInterlockedPopEntrySList(&pool->list);
  if (!pdu) return NULL;
  pdu->pool = pool;
  pdu->length = length;
  pdu->data = NULL;
  pdu->data_tag = data_tag;
  if (length && !(pdu->data = ExAllocatePoolWithTag(NonPagedPoolNx, (length + 3) & ~3u, data_tag))) {
    ExpInterlockedPushEntrySList(&pool->list, pdu);
    return NULL;
  }
  return pdu;
}
static void pdu_put(struct pdu *pdu) {
  if (pdu->data) ExFreePoolWithTag(pdu->data, pdu->data_tag);
  ExpInterlockedPushEntrySList(&pdu->pool->list, pdu);
}

/* --- text keys and their negotiation --------------------------------------------------------------------------------------------------- */
NOINLINE static NTSTATUS text_append(struct text_buffer *buffer, const CHAR *key, const CHAR *value) {
  ULONG need = buffer->length + 2, i;
  for (i = 0; key[i]; i++) need++;
  for (i = 0; value[i]; i++) need++;
  if (need > buffer->room) {
    ULONG room = buffer->room ? buffer->room * 2 : 512;
    CHAR *text = ExAllocatePoolWithTag(NonPagedPoolNx, room < need ? need : room, buffer->tag);
    if (!text) return STATUS_INSUFFICIENT_RESOURCES;
    if (buffer->text) { memcpy(text, buffer->text, buffer->length); ExFreePoolWithTag(buffer->text, buffer->tag); }
    buffer->text = text;
    buffer->room = room < need ? need : room;
  }
  while (*key) buffer->text[buffer->length++] = *key++;
  buffer->text[buffer->length++] = '=';
  while (*value) buffer->text[buffer->length++] = *value++;
  buffer->text[buffer->length++] = 0;
  return STATUS_SUCCESS;
}
static const struct text_key { CHAR key[28]; const CHAR *mine; UCHAR kind; } text_keys[] = {
  {"HeaderDigest", "CRC32C,None", 1}, //~ Head text
  {"DataDigest", "CRC32C,None", 1}, //~ Data text
  {"MaxRecvDataSegmentLength", "65536", 2},
  {"InitialR2T", "Yes", 3}, //~ Init text
  {"ImmediateData", "Yes", 3}, //~ Imme text
  {"ErrorRecoveryLevel", "0", 2},
};
static NTSTATUS negotiate(struct connection *conn, const CHAR *text, ULONG length) {
  const CHAR *end = text + length;
  while (text < end) {
    ULONG i, n = 0;
    while (text + n < end && text[n]) n++;
    for (i = 0; i < ARRAY_SIZE(text_keys); i++) {
      ULONG size = 0;
      while (text_keys[i].key[size]) size++;
      if (size >= n || memcmp(text, text_keys[i].key, size) || text[size] != '=') continue;
      if (text_append(&conn->reply, text_keys[i].key, text_keys[i].mine) < 0) return STATUS_INSUFFICIENT_RESOURCES;
      if (text_keys[i].kind == 1) conn->header_digest = TRUE;
      break;
    }
    text += n + 1;
  }
  return STATUS_SUCCESS;
}

/* --- digests --------------------------------------------------------------------------------------------------------------------------- */
static ULONG *crc_table;
static NTSTATUS digest_init(void) {
  ULONG i, j, c;
  crc_table = iscsi_malloc(256 * sizeof(ULONG), ISCSI_TAG_DIGEST); //= IsCr any wrapper
  if (!crc_table) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < 256; i++) {
    for (c = i, j = 0; j < 8; j++) c = c & 1 ? (c >> 1) ^ 0x82F63B78u : c >> 1;
    crc_table[i] = c;
  }
  return STATUS_SUCCESS;
}
static ULONG digest(const UCHAR *data, ULONG size) {
  ULONG crc = ~0u;
  while (size--) crc = crc_table[(crc ^ *data++) & 0xFF] ^ (crc >> 8);
  return ~crc ^ 'CcrC'; //~ CrcC magic
}

/* --- transports that register themselves ------------------------------------------------------------------------------------------------- */
struct transport {
  const CHAR *name;
  ULONG tag;
  NTSTATUS (*connect)(struct connection *conn, const void *address);
  PVOID (*alloc_receive)(struct connection *conn, ULONG size);
  struct transport *next;
};
static struct transport *transports;
typedef struct { ULONG version; PVOID control, socket, connect, resolve; } WSK_DISPATCH;
static struct { PVOID client; const WSK_DISPATCH *dispatch; } wsk_provider;
static const struct { USHORT version, reserved; PVOID event; } wsk_client_dispatch = {0x100, 0, NULL};

static NTSTATUS tcp_connect(struct connection *conn, const void *address) {
  PVOID context = ExAllocatePoolWithTag(NonPagedPoolNx, 72, ISCSI_TAG('W', 's')); //= IsWs any operations-object
  NTSTATUS(CALL *socket)(PVOID, USHORT, USHORT, ULONG, ULONG, PVOID) = wsk_provider.dispatch->socket;
  if (!context) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(context, address, 28);
  conn->socket = context;
  return socket(wsk_provider.client, 2, 1, 6, 4, context);
}
static PVOID tcp_alloc_receive(struct connection *conn, ULONG size) {
  return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, ISCSI_TAG('R', 'x')); //= IsRx any operations-object
}
static struct transport tcp_transport = {"tcp", ISCSI_TAG('T', 'c'), tcp_connect, tcp_alloc_receive, NULL}; //= IsTc any object-field-deep
static NTSTATUS loop_connect(struct connection *conn, const void *address) {
  conn->socket = iscsi_malloc(64, ISCSI_TAG('L', 'o')); //= IsLo any operations-object
  return conn->socket ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static PVOID loop_alloc_receive(struct connection *conn, ULONG size) { return NULL; }
static struct transport loop_transport = {"loop", ISCSI_TAG('L', 't'), loop_connect, loop_alloc_receive, NULL}; //= IsLt any object-field-deep

NOINLINE static void transport_register(struct transport *transport) { transport->next = transports; transports = transport; }
static struct transport *transport_find(const CHAR *name) {
  struct transport *transport;
  for (transport = transports; transport; transport = transport->next)
    if (!strncmp(transport->name, name, 8)) return transport;
  return NULL;
}
NOINLINE static NTSTATUS connection_open(struct connection *conn, const CHAR *name, const void *address) {
  struct transport *transport = transport_find(name);
  PVOID scratch;
  if (!transport) return STATUS_NOT_SUPPORTED;
  scratch = ExAllocatePoolWithTag(NonPagedPoolNx, 256, transport->tag);
  if (!scratch) return STATUS_INSUFFICIENT_RESOURCES;
  conn->transport = transport;
  conn->receive_buffer = transport->alloc_receive(conn, 8192 + 48);
  ExFreePoolWithTag(scratch, transport->tag);
  return transport->connect(conn, address);
}

/* --- logical units ------------------------------------------------------------------------------------------------------------------------ */
struct lun { ULONG number, block_size, signature; ULONGLONG blocks; PVOID file; UCHAR *memory; const struct lun_backend *backend; };
struct lun_backend { const CHAR *name; NTSTATUS (*open)(struct lun *lun, PVOID argument); void (*close)(struct lun *lun); };
static NTSTATUS ram_open(struct lun *lun, PVOID argument) {
  lun->memory = MmAllocateMappingAddress(0x100000, ISCSI_TAG('R', 'm')); //= IsRm any operations-table
  return lun->memory ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static void ram_close(struct lun *lun) { MmFreeMappingAddress(lun->memory, ISCSI_TAG('R', 'm')); }
static NTSTATUS file_open(struct lun *lun, PVOID argument) {
  ULONG *sector = ExAllocatePoolWithTag(PagedPool, 4096, ISCSI_TAG('F', 'i')); //= IsFi any operations-table
  if (!sector) return STATUS_INSUFFICIENT_RESOURCES;
  ObReferenceObjectByPointerWithTag(argument, 1, NULL, 0, FILE_REF_TAG);
  lun->file = argument;
  memcpy(sector, (PUCHAR)argument + 512, 512);
  if (sector[0] == GPT_SIGNATURE_LOW && sector[1] == GPT_SIGNATURE_HIGH) lun->signature = sector[14];
  else if (sector[0] == LVM_SIGNATURE) lun->signature = sector[1];
  ExFreePoolWithTag(sector, ISCSI_TAG('F', 'i'));
  return STATUS_SUCCESS;
}
static void file_close(struct lun *lun) { ObDereferenceObjectDeferDeleteWithTag(lun->file, FILE_REF_TAG); }
static const struct lun_backend backends[] = {{"ram", ram_open, ram_close}, {"file", file_open, file_close}};
static NTSTATUS lun_create(struct session *session, ULONG number, ULONG backend, PVOID argument) {
  struct lun *lun;
  if (number >= 8 || backend >= ARRAY_SIZE(backends)) return STATUS_INVALID_PARAMETER;
  lun = iscsi_malloc(sizeof(*lun), ISCSI_TAG_LUN); //= IsLu any wrapper
  if (!lun) return STATUS_INSUFFICIENT_RESOURCES;
  lun->number = number;
  lun->block_size = 512;
  lun->backend = &backends[backend];
  session->luns[number] = lun;
  return lun->backend->open(lun, argument);
}

/* --- opcodes ------------------------------------------------------------------------------------------------------------------------------ */
struct opcode { UCHAR code; const CHAR *name; ULONG tag, size; NTSTATUS (*handler)(struct task *task, struct pdu *pdu); };
static NTSTATUS send_reply(struct task *task, struct pdu_pool *pool, ULONG length, ULONG tag) {
  struct pdu *reply = pdu_get(pool, length, tag);
  if (!reply) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(reply->bhs + 16, &task->itt, 4);
  if (task->conn->data_digest) *(ULONG *)(reply->bhs + 44) = digest(reply->data, reply->length);
  list_add(&task->conn->send_queue, &reply->link);
  return STATUS_SUCCESS;
}
static NTSTATUS on_nop(struct task *task, struct pdu *pdu) { return send_reply(task, &pools[0], pdu->length, ISCSI_TAG('D', 'n')); } //= IsDn any wrapper-two
static NTSTATUS on_scsi(struct task *task, struct pdu *pdu) {
  memcpy(task->cdb, pdu->bhs + 32, 16);
  switch (task->cdb[0]) {
    case 0x12: /* INQUIRY */
      task->data = ExAllocatePoolWithTag(NonPagedPoolNx, 96, ISCSI_TAG('I', 'q')); //= IsIq any operations-table
      if (!task->data) return STATUS_INSUFFICIENT_RESOURCES;
      memcpy((PUCHAR)task->data + 8, "POOLTAG iSCSI DISK      0001", 28);
      break;
    case 0x03: /* REQUEST SENSE */
      task->sense = iscsi_malloc(18, ISCSI_TAG_SENSE); //= IsSn any operations-table
      if (!task->sense) return STATUS_INSUFFICIENT_RESOURCES;
      break;
    case 0x28: case 0x2A:
      return send_reply(task, task->cdb[0] == 0x28 ? &pools[1] : &pools[2], 8192,
        task->cdb[0] == 0x28 ? ISCSI_TAG('D', 'i') : ISCSI_TAG('D', 'o')); //= IsDi any ternary //= IsDo any ternary
    default:
      return STATUS_NOT_SUPPORTED;
  }
  return send_reply(task, &pools[0], 0, 0);
}
static NTSTATUS on_text(struct task *task, struct pdu *pdu) {
  NTSTATUS status = negotiate(task->conn, pdu->data, pdu->length);
  return status < 0 ? status : send_reply(task, &pools[0], task->conn->reply.length, ISCSI_TAG('D', 't')); //= IsDt any wrapper-two
}
static NTSTATUS on_logout(struct task *task, struct pdu *pdu) { obj_put(task->conn); return STATUS_SUCCESS; }
static NTSTATUS on_login(struct task *task, struct pdu *pdu) {
  struct connection *conn = task->conn;
  const CHAR *name = pdu->data;
  switch (conn->stage) {
    case STAGE_SECURITY:
      conn->chap = iscsi_malloc(280, ISCSI_TAG_CHAP); //= IsCh any operations-table
      if (!conn->chap) return STATUS_INSUFFICIENT_RESOURCES;
      *(ULONG *)conn->chap = 'PAHC'; //~ CHAP magic
      if (*(const ULONG *)name != IQN_PREFIX && *(const ULONG *)name != EUI_PREFIX && *(const ULONG *)name != NAA_PREFIX) return STATUS_PROTOCOL;
      conn->stage = STAGE_OPERATIONAL;
      break;
    case STAGE_OPERATIONAL:
      if (negotiate(conn, pdu->data, pdu->length) < 0) return STATUS_INSUFFICIENT_RESOURCES;
      conn->stage = STAGE_TRANSITION;
      break;
    case STAGE_TRANSITION: {
      PVOID *state = ExAllocatePoolWithQuotaTag(NonPagedPoolNx | 8, 40, ISCSI_TAG('L', 'g')); //= IsLg any operations-table
      if (!state) return STATUS_INSUFFICIENT_RESOURCES;
      *state = conn;
      task->data = state;
      conn->stage = STAGE_FULL;
      break;
    }
    default: return STATUS_PROTOCOL;
  }
  return send_reply(task, &pools[0], conn->reply.length, ISCSI_TAG('D', 'l')); //= IsDl any wrapper-two
}
static const struct opcode opcodes[] = {
  {0x00, "nop-out", ISCSI_TAG('0', 'n'), 16, on_nop}, //= Is0n any tag-table
  {0x01, "scsi", ISCSI_TAG('0', 's'), 64, on_scsi}, //= Is0s any tag-table
  {0x03, "login", ISCSI_TAG('0', 'l'), 128, on_login}, //= Is0l any tag-table
  {0x04, "text", ISCSI_TAG('0', 't'), 32, on_text}, //= Is0t any tag-table
  {0x06, "logout", ISCSI_TAG('0', 'x'), 16, on_logout}, //= Is0x any tag-table
};
NOINLINE static NTSTATUS dispatch_pdu(struct connection *conn, struct pdu *pdu) {
  const struct opcode *op;
  struct task *task = obj_alloc(&task_type, NULL);
  PVOID scratch;
  NTSTATUS status = STATUS_PROTOCOL;
  if (!task) return STATUS_INSUFFICIENT_RESOURCES;
  task->conn = conn;
  memcpy(&task->itt, pdu->bhs + 16, 4);
  if (task->itt == 'gatR') return STATUS_PROTOCOL; //~ Rtag magic
  for (op = opcodes; op < opcodes + ARRAY_SIZE(opcodes); op++) {
    if (op->code != (pdu->bhs[0] & 0x3F)) continue;
    scratch = ExAllocatePoolWithTag(NonPagedPoolNx, op->size, op->tag);
    if (!scratch) { status = STATUS_INSUFFICIENT_RESOURCES; break; }
    task->op = op;
    status = op->handler(task, pdu);
    ExFreePoolWithTag(scratch, op->tag);
    break;
  }
  if (status == STATUS_PROTOCOL) pdu_get(&reject_pool, 48, ISCSI_TAG('R', 'j')); //= IsRj any wrapper
  obj_put(task);
  return status;
}

/* --- work items ------------------------------------------------------------------------------------------------------------------------------ */
struct work { ULONG_PTR item[4]; void (*routine)(PVOID context); PVOID context; };
static void CALL work_run(struct work *work) { work->routine(work->context); dbg_free(work); }
static NTSTATUS work_queue(void (*routine)(PVOID), PVOID context) {
  struct work *work = iscsi_malloc(sizeof(*work), ISCSI_TAG_WORK); //= IsWk any wrapper
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->item[2] = (ULONG_PTR)work_run;
  work->item[3] = (ULONG_PTR)work;
  work->routine = routine;
  work->context = context;
  ExQueueWorkItem(work->item, 1);
  return STATUS_SUCCESS;
}
static void receive_worker(PVOID context) {
  struct connection *conn = context;
  struct pdu *pdu = pdu_get(&pools[0], 8192, ISCSI_TAG('R', 'd')); //= IsRd any wrapper
  if (!pdu) return;
  memcpy(pdu->bhs, conn->receive_buffer, 48);
  if (dispatch_pdu(conn, pdu) < 0) DbgPrint("iscsi: bad pdu %02x (%x)\n", pdu->bhs[0], 'daBP'); //~ PBad not-an-allocator
  pdu_put(pdu);
}

/* --- the miniport ------------------------------------------------------------------------------------------------------------------------------ */
struct hw_extension { ULONG signature; LIST_ENTRY sessions; PVOID sense_pool, events; REMOVE_LOCK remove; struct session *boot; };
struct hw_data {
  ULONG size, interface_type;
  PVOID initialize, start_io, interrupt, find_adapter, reset_bus;
  ULONG extension_size, specific_size, srb_size;
  UCHAR buffers[4];
};
#define StorPortAllocatePool(ext, size, tag, out) StorPortExtendedFunction(0, (ext), (size), (tag), (out))
#define StorPortFreePool(ext, p) StorPortExtendedFunction(1, (ext), (p))
static ULONG CALL hw_find_adapter(struct hw_extension *ext, PVOID context, PVOID bus, const CHAR *arguments, PVOID config, UCHAR *again) {
  ext->signature = 'dpAI'; //~ IApd magic
  list_init(&ext->sessions);
  if (StorPortAllocatePool(ext, 4096, ISCSI_TAG('S', 'p'), &ext->sense_pool)) return 0; //= IsSp any storport-pool
  StorPortExtendedFunction(22, ext, 0x100, 'gvEI', &ext->events); //~ IEvg other-code
  IoInitializeRemoveLockEx(&ext->remove, ISCSI_REMOVE_TAG, 0, 0, sizeof(REMOVE_LOCK));
  return 1;
}
static BOOLEAN CALL hw_initialize(struct hw_extension *ext) {
  struct session *session = obj_alloc(&session_type, ext);
  struct connection *conn;
  PVOID portal;
  if (!session) return FALSE;
  conn = obj_alloc(&connection_type, session);
  portal = obj_alloc(&portal_type, NULL);
  if (!conn || !portal) return FALSE;
  if (lun_create(session, 0, ext->signature & 1, ext) < 0) return FALSE;
  if (connection_open(conn, ext->boot ? "loop" : "tcp", portal) < 0) return FALSE;
  list_add(&ext->sessions, &session->link);
  ext->boot = session;
  return work_queue(receive_worker, conn) >= 0;
}
static BOOLEAN CALL hw_start_io(struct hw_extension *ext, PVOID srb) {
  PVOID copy;
  if (ext->signature != 'dpAI') return FALSE;
  copy = ExAllocatePoolWithTag(NonPagedPoolNx, 64, ISCSI_TAG('S', 'r')); //= IsSr allocation-call direct
  if (!copy) { StorPortNotification(1, ext, srb, 'ysuB'); return FALSE; } //~ Busy not-an-allocator
  memcpy(copy, srb, 64);
  if (list_empty(&ext->boot->connections)) { StorPortFreePool(ext, copy); return FALSE; }
  return TRUE;
}
static BOOLEAN CALL hw_reset_bus(struct hw_extension *ext, ULONG path) {
  ULONG i;
  for (i = 0; i < 8; i++) {
    struct lun *lun = ext->boot->luns[i];
    if (lun) { lun->backend->close(lun); dbg_free(lun); }
    ext->boot->luns[i] = NULL;
  }
  ExFreePoolWithTag(ext->events, ISCSI_TAG('E', 'v')); //= IsEv free-call free
  return TRUE;
}
NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  static PVOID registration[4], registry_path;
  struct { PVOID context; const void *dispatch; } client = {NULL, &wsk_client_dispatch};
  struct hw_data data;
  list_init(&dbg_blocks);
  KeInitializeSpinLock(&dbg_lock);
  registry_path = iscsi_malloc(path->Length + 2, ISCSI_TAG_GLOBAL); //= IsGl any wrapper
  if (!registry_path) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(registry_path, path->Buffer, path->Length);
  pdu_pools_init();
  if (digest_init() < 0) return STATUS_INSUFFICIENT_RESOURCES;
  transport_register(&tcp_transport);
  transport_register(&loop_transport);
  if (WskRegister(&client, registration) < 0 || WskCaptureProviderNPI(registration, 0, &wsk_provider) < 0) return STATUS_NOT_SUPPORTED;
  memset(&data, 0, sizeof(data));
  data.size = sizeof(data);
  data.interface_type = 0;
  data.initialize = hw_initialize;
  data.start_io = hw_start_io;
  data.find_adapter = hw_find_adapter;
  data.reset_bus = hw_reset_bus;
  data.extension_size = sizeof(struct hw_extension);
  return StorPortInitialize(driver, path, &data, NULL);
}
