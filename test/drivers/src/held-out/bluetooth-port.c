// A Bluetooth port driver over a USB transport: commands and events of the controller, queues for data and voice, channels
// with their state machines, service records, keys of paired devices, an inquiry cache, an interface for profile drivers.
#include "kernel.h"

#define BT_SIG(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)
#define CONTAINER(p, type, field) ((type *)((UCHAR *)(p) - (ULONG_PTR)&((type *)0)->field))
#define STATUS_DEVICE_NOT_READY ((NTSTATUS)0xC00000A3)
#define STATUS_PENDING ((NTSTATUS)0x103)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_NOT_FOUND ((NTSTATUS)0xC0000225)
#define BT_TRACE(...) DbgPrint("btport: " __VA_ARGS__)

static void ListInit(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static BOOLEAN ListEmpty(const LIST_ENTRY *head) { return head->Flink == head; }
static void ListAppend(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static LIST_ENTRY *ListPop(LIST_ENTRY *head) {
  LIST_ENTRY *entry = head->Flink;
  head->Flink = entry->Flink; entry->Flink->Blink = head;
  return entry;
}
static void ListUnlink(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* ---- memory: each class of memory has a row, and its use is counted ------------------------------------------------------ */

typedef enum { MemAdapter, MemConnection, MemChannel, MemSignal, MemRecord, MemClasses } MEM_CLASS;
typedef struct { const CHAR *Name; ULONG Tag; ULONG Pool; } MEM_ROW;
typedef struct { LONG Live; LONG Total; SIZE_T Bytes; } MEM_USE;

static const MEM_ROW Mem_Rows[MemClasses] = {
  {"adapter", 'dAtB', NonPagedPoolNx}, //= BtAd any tag-table
  {"connection", 'nCtB', NonPagedPoolNx}, //= BtCn any tag-table
  {"channel", 'hCtB', NonPagedPoolNx}, //= BtCh any tag-table
  {"signal", 'gStB', NonPagedPoolNx}, //= BtSg any tag-table
  {"record", 'cRtB', PagedPool}, //= BtRc any tag-table
};
static MEM_USE Mem_Use[MemClasses];

typedef struct { ULONG Class; ULONG Guard; SIZE_T Size; } MEM_HEADER;
#define MEM_GUARD 'drGB' //~ BGrd magic

NOINLINE static PVOID Mem_Get(MEM_CLASS class, SIZE_T size) {
  MEM_HEADER *header = ExAllocatePoolWithTag(Mem_Rows[class].Pool, size + sizeof(*header), Mem_Rows[class].Tag);
  if (!header) {
    BT_TRACE("no memory for %s\n", Mem_Rows[class].Name);
    return NULL;
  }
  memset(header + 1, 0, size);
  header->Class = class;
  header->Guard = MEM_GUARD;
  header->Size = size;
  Mem_Use[class].Live++;
  Mem_Use[class].Total++;
  Mem_Use[class].Bytes += size;
  return header + 1;
}
NOINLINE static void Mem_Put(PVOID p) {
  MEM_HEADER *header = (MEM_HEADER *)p - 1;
  if (header->Guard != MEM_GUARD) KeBugCheckEx('kHTB', (ULONG_PTR)p, header->Class, 0, 0); //~ BTHk bug-check
  Mem_Use[header->Class].Live--;
  Mem_Use[header->Class].Bytes -= header->Size;
  ExFreePoolWithTag(header, Mem_Rows[header->Class].Tag);
}

/* Larger blocks go to the new allocator where the system has one. */
typedef PVOID(CALL *ALLOCATE_POOL2)(ULONG64 flags, SIZE_T size, ULONG tag);
static ALLOCATE_POOL2 Mem_Pool2;
NOINLINE static PVOID Mem_Block(BOOLEAN paged, SIZE_T size, ULONG tag) {
  PVOID p;
  if (Mem_Pool2) return Mem_Pool2(paged ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED, size, tag);
  p = ExAllocatePoolWithTag(paged ? PagedPool : NonPagedPoolNx, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static NTSTATUS Mem_String(UNICODE_STRING *to, const UNICODE_STRING *from, ULONG tag) {
  to->Buffer = Mem_Block(TRUE, from->Length + sizeof(WCHAR), tag);
  if (!to->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  return RtlCopyUnicodeString(to, from);
}

/* ---- queues of packets ---------------------------------------------------------------------------------------------------- */

typedef struct { LIST_ENTRY Link; USHORT Handle, Length; UCHAR Data[1]; } PACKET;
typedef struct { LIST_ENTRY Head; ULONG_PTR Lock; ULONG Tag, Depth, Limit; USHORT Mtu; UCHAR Credits, Kind; } QUEUE;

NOINLINE static void Queue_Init(QUEUE *queue, UCHAR kind, USHORT mtu, ULONG limit, ULONG tag) {
  ListInit(&queue->Head);
  KeInitializeSpinLock(&queue->Lock);
  queue->Kind = kind;
  queue->Mtu = mtu;
  queue->Limit = limit;
  queue->Tag = tag;
  queue->Depth = 0;
}
NOINLINE static NTSTATUS Queue_Push(QUEUE *queue, USHORT handle, const UCHAR *data, USHORT length) {
  PACKET *packet;
  UCHAR irql;
  if (length > queue->Mtu || queue->Depth >= queue->Limit) return STATUS_DEVICE_NOT_READY;
  packet = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(PACKET) + length, queue->Tag);
  if (!packet) return STATUS_INSUFFICIENT_RESOURCES;
  packet->Handle = handle;
  packet->Length = length;
  memcpy(packet->Data, data, length);
  irql = KeAcquireSpinLockRaiseToDpc(&queue->Lock);
  ListAppend(&queue->Head, &packet->Link);
  queue->Depth++;
  KeReleaseSpinLock(&queue->Lock, irql);
  return STATUS_SUCCESS;
}
NOINLINE static PACKET *Queue_Pop(QUEUE *queue) {
  UCHAR irql = KeAcquireSpinLockRaiseToDpc(&queue->Lock);
  PACKET *packet = NULL;
  if (!ListEmpty(&queue->Head)) {
    packet = CONTAINER(ListPop(&queue->Head), PACKET, Link);
    queue->Depth--;
  }
  KeReleaseSpinLock(&queue->Lock, irql);
  return packet;
}
NOINLINE static void Queue_Flush(QUEUE *queue) {
  PACKET *packet;
  while ((packet = Queue_Pop(queue)) != NULL) ExFreePoolWithTag(packet, queue->Tag);
}

/* ---- adapter ---------------------------------------------------------------------------------------------------------------- */

struct _CHANNEL; struct _ADAPTER;
typedef struct { ULONG Data[5]; UCHAR Bytes[48]; } TREE_HEADER;
typedef struct { PVOID Links[4]; PVOID Ordered; ULONG Which, Count, Depth; PVOID Restart; ULONG Deletes; PVOID Compare, Allocate, Free; PVOID Context; } AVL_TABLE;
typedef struct { UCHAR Address[6]; UCHAR Mode; CHAR Rssi; ULONG Class; ULONG64 Seen; UCHAR Name[248]; } INQUIRY_ENTRY;
typedef struct { ULONG Tag; LONG Live; LONG Limit; } CACHE_CONTEXT;
typedef struct { LIST_ENTRY Link; UCHAR Address[6]; UCHAR Type, PinLength; UCHAR Key[16]; } LINK_KEY;
typedef struct { UCHAR *Buffer; ULONG Size, Used, Expected; ULONG Tag; } REASSEMBLY;
typedef struct _CONNECTION {
  LIST_ENTRY Link; struct _ADAPTER *Adapter; UCHAR Address[6]; USHORT Handle; ULONG State; LIST_ENTRY Channels; REASSEMBLY In; QUEUE Voice;
} CONNECTION;
typedef struct { UCHAR Address; UCHAR Type; USHORT Count; ULONG Size; PVOID *Urbs; } ENDPOINT;
typedef struct _ADAPTER {
  ULONG Signature; DEVICE_OBJECT *Self, *Lower; REMOVE_LOCK Remove; ULONG Flags;
  LIST_ENTRY Connections, Keys, Records; QUEUE Acl, Priority[4], Events;
  LOOKASIDE Commands, Requests[3]; LIST_ENTRY Pending; ENDPOINT Endpoints[4];
  AVL_TABLE Inquiry; CACHE_CONTEXT InquiryContext; ULONG_PTR Timer[8], Dpc[8];
  UNICODE_STRING Name, KeyPath; UCHAR Address[6]; USHORT Manufacturer; UCHAR *Features; PVOID Extension; ULONG PowerState;
} ADAPTER;
#define ADAPTER_SIGNATURE BT_SIG('B', 't', 'A', 'S') //~ BtAS magic

/* ---- USB -------------------------------------------------------------------------------------------------------------------- */

typedef struct { USHORT Length, Function; PVOID Handle; PVOID Buffer; ULONG BufferLength; ADAPTER *Adapter; PVOID Packets[8]; } URB;
static const struct { UCHAR Address, Type; USHORT Count; ULONG Size; ULONG Tag; } Usb_Plan[4] = {
  {0x81, 3, 2, 260, 'eUtB'}, //= BtUe any tag-table
  {0x82, 2, 4, 1028, 'aUtB'}, //= BtUa any tag-table
  {0x02, 2, 4, 1028, 'aUtB'},
  {0x83, 1, 3, 576, 'sUtB'}, //= BtUs any tag-table
};

PAGED_CODE_SECTION static NTSTATUS Usb_CreateEndpoints(ADAPTER *adapter) {
  ULONG i, j;
  for (i = 0; i < 4; i++) {
    ENDPOINT *endpoint = &adapter->Endpoints[i];
    endpoint->Address = Usb_Plan[i].Address;
    endpoint->Type = Usb_Plan[i].Type;
    endpoint->Size = Usb_Plan[i].Size;
    endpoint->Urbs = Mem_Block(FALSE, Usb_Plan[i].Count * sizeof(PVOID), 'rUtB'); //= BtUr any wrapper
    if (!endpoint->Urbs) return STATUS_INSUFFICIENT_RESOURCES;
    for (j = 0; j < Usb_Plan[i].Count; j++) {
      URB *urb = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(URB) + Usb_Plan[i].Size, Usb_Plan[i].Tag);
      if (!urb) return STATUS_INSUFFICIENT_RESOURCES;
      urb->Length = sizeof(URB);
      urb->Function = 9;
      urb->Buffer = urb + 1;
      urb->BufferLength = Usb_Plan[i].Size;
      urb->Adapter = adapter;
      endpoint->Urbs[j] = urb;
      endpoint->Count++;
    }
  }
  return STATUS_SUCCESS;
}
PAGED_CODE_SECTION static void Usb_DeleteEndpoints(ADAPTER *adapter) {
  ULONG i;
  for (i = 0; i < 4; i++) {
    ENDPOINT *endpoint = &adapter->Endpoints[i];
    while (endpoint->Count) ExFreePoolWithTag(endpoint->Urbs[--endpoint->Count], Usb_Plan[i].Tag);
    if (endpoint->Urbs) ExFreePool(endpoint->Urbs);
  }
}
PAGED_CODE_SECTION static NTSTATUS Usb_CheckConfiguration(ADAPTER *adapter, const UCHAR *descriptor, ULONG size) {
  PUCHAR offset = NULL;
  NTSTATUS status = USBD_ValidateConfigurationDescriptor(descriptor, size, 3, &offset, 'fCtB'); //= BtCf any direct
  if (status < 0) BT_TRACE("bad descriptor at %p of %s\n", offset, "USBC"); //~ USBC text
  return status;
}

/* ---- commands and events ----------------------------------------------------------------------------------------------------- */

typedef struct _COMMAND {
  LIST_ENTRY Link; USHORT Opcode; UCHAR Length, Status; void (*Done)(ADAPTER *, struct _COMMAND *, const UCHAR *, UCHAR); PVOID Context; UCHAR Data[256];
} COMMAND;
typedef void (*COMMAND_DONE)(ADAPTER *, COMMAND *, const UCHAR *, UCHAR);

NOINLINE static NTSTATUS Hci_Send(ADAPTER *adapter, USHORT opcode, const UCHAR *data, UCHAR length, COMMAND_DONE done, PVOID context) {
  COMMAND *command = ExpInterlockedPopEntrySList(&adapter->Commands);
  if (!command) return STATUS_INSUFFICIENT_RESOURCES;
  command->Opcode = opcode;
  command->Length = length;
  command->Done = done;
  command->Context = context;
  if (length) memcpy(command->Data, data, length);
  ListAppend(&adapter->Pending, &command->Link);
  return Queue_Push(&adapter->Events, opcode, command->Data, length);
}

static void Hci_FeaturesRead(ADAPTER *adapter, COMMAND *command, const UCHAR *data, UCHAR length) {
  adapter->Features = ExAllocatePoolWithTag(NonPagedPoolNx, length, 'tFtB'); //= BtFt allocation-call callback
  if (adapter->Features) memcpy(adapter->Features, data, length);
}
static void Hci_VersionRead(ADAPTER *adapter, COMMAND *command, const UCHAR *data, UCHAR length) {
  adapter->Manufacturer = *(const USHORT *)(data + 4);
  if (length >= 12 && *(const ULONG *)(data + 8) == 'mocB') adapter->Flags |= 2; //~ Bcom magic
  if (length >= 12 && *(const ULONG *)(data + 8) == 'kelT') adapter->Flags |= 4; //~ Tlek magic
}
static void Hci_AddressRead(ADAPTER *adapter, COMMAND *command, const UCHAR *data, UCHAR length) { memcpy(adapter->Address, data, 6); }

NOINLINE static CONNECTION *Hci_FindConnection(ADAPTER *adapter, USHORT handle) {
  LIST_ENTRY *entry;
  for (entry = adapter->Connections.Flink; entry != &adapter->Connections; entry = entry->Flink) {
    CONNECTION *connection = CONTAINER(entry, CONNECTION, Link);
    if (connection->Handle == handle) return connection;
  }
  return NULL;
}
static void Event_Connected(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  CONNECTION *connection;
  if (length < 11 || data[0]) return;
  connection = Mem_Get(MemConnection, sizeof(CONNECTION));
  if (!connection) return;
  connection->Adapter = adapter;
  connection->Handle = *(const USHORT *)(data + 1) & 0xFFF;
  memcpy(connection->Address, data + 3, 6);
  ListInit(&connection->Channels);
  if (data[9] == 1) {
    connection->In.Tag = 'lRtB'; //= BtRl any object-field
    Queue_Init(&connection->Voice, 1, 64, 4, 'xNtB'); //= BtNx any object-field
  } else {
    connection->In.Tag = 'sRtB'; //= BtRs any object-field
    Queue_Init(&connection->Voice, 2, 255, 48, 'oVtB'); //= BtVo any object-field
  }
  ListAppend(&adapter->Connections, &connection->Link);
}
static void Event_Disconnected(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  CONNECTION *connection = Hci_FindConnection(adapter, *(const USHORT *)(data + 1));
  if (!connection) return;
  ListUnlink(&connection->Link);
  Queue_Flush(&connection->Voice);
  if (connection->In.Buffer) ExFreePoolWithTag(connection->In.Buffer, connection->In.Tag);
  Mem_Put(connection);
}
static void Event_InquiryResult(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  INQUIRY_ENTRY entry;
  BOOLEAN isNew;
  memset(&entry, 0, sizeof(entry));
  memcpy(entry.Address, data + 1, 6);
  entry.Mode = data[7];
  entry.Class = data[9] | data[10] << 8 | data[11] << 16;
  RtlInsertElementGenericTableAvl(&adapter->Inquiry, &entry, sizeof(entry), &isNew);
}
static void Event_CommandComplete(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  LIST_ENTRY *entry;
  for (entry = adapter->Pending.Flink; entry != &adapter->Pending; entry = entry->Flink) {
    COMMAND *command = CONTAINER(entry, COMMAND, Link);
    if (command->Opcode != *(const USHORT *)(data + 1)) continue;
    ListUnlink(entry);
    command->Status = data[3];
    if (command->Done) command->Done(adapter, command, data + 4, length - 4);
    ExpInterlockedPushEntrySList(&adapter->Commands, command);
    return;
  }
}
static void Event_LinkKeyRequest(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  UCHAR reply[22];
  LIST_ENTRY *entry;
  for (entry = adapter->Keys.Flink; entry != &adapter->Keys; entry = entry->Flink) {
    LINK_KEY *key = CONTAINER(entry, LINK_KEY, Link);
    if (memcmp(key->Address, data, 6)) continue;
    memcpy(reply, data, 6);
    memcpy(reply + 6, key->Key, 16);
    Hci_Send(adapter, 0x40B, reply, 22, NULL, NULL);
    return;
  }
  *(ULONG *)reply = '0000'; //~ 0000 magic
  Hci_Send(adapter, 0x40D, reply, 6, NULL, NULL);
}
static void Event_LinkKeyNotification(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  LINK_KEY *key = ExAllocatePoolWithQuotaTag(PagedPool, sizeof(LINK_KEY), 'kLtB'); //= BtLk any callback
  if (!key) return;
  memcpy(key->Address, data, 6);
  memcpy(key->Key, data + 6, 16);
  key->Type = data[22];
  ListAppend(&adapter->Keys, &key->Link);
}
static void Event_Vendor(ADAPTER *adapter, const UCHAR *data, UCHAR length) {
  struct { ULONG Kind; UCHAR Data[252]; } *dump;
  if (*(const ULONG *)data == 'pmuD') { //~ Dump magic
    dump = Mem_Block(FALSE, sizeof(*dump), 'pDtB'); //= BtDp any wrapper
    if (!dump) return;
    dump->Kind = *(const ULONG *)(data + 4) == 'ttoB' ? 1 : 2; //~ Bott magic
    memcpy(dump->Data, data + 8, length < 244 ? length : 244);
    adapter->Extension = dump;
  }
}
typedef void (*EVENT_HANDLER)(ADAPTER *, const UCHAR *, UCHAR);
static const struct { UCHAR Code, Minimum; EVENT_HANDLER Handler; } Event_Handlers[] = {
  {0x02, 15, Event_InquiryResult}, {0x03, 11, Event_Connected}, {0x05, 4, Event_Disconnected}, {0x0E, 4, Event_CommandComplete},
  {0x17, 6, Event_LinkKeyRequest}, {0x18, 23, Event_LinkKeyNotification}, {0xFF, 8, Event_Vendor},
};
NOINLINE static void Hci_Event(ADAPTER *adapter, const UCHAR *data) {
  ULONG i;
  for (i = 0; i < sizeof(Event_Handlers) / sizeof(Event_Handlers[0]); i++)
    if (Event_Handlers[i].Code == data[0] && data[1] >= Event_Handlers[i].Minimum) Event_Handlers[i].Handler(adapter, data + 2, data[1]);
}

/* ---- fragments ---------------------------------------------------------------------------------------------------------------- */

NOINLINE static NTSTATUS Reassembly_Grow(REASSEMBLY *in, ULONG size) {
  UCHAR *buffer;
  if (in->Size >= size) return STATUS_SUCCESS;
  buffer = ExAllocatePoolWithTag(NonPagedPoolNx, size, in->Tag);
  if (!buffer) return STATUS_INSUFFICIENT_RESOURCES;
  if (in->Buffer) {
    memcpy(buffer, in->Buffer, in->Used);
    ExFreePoolWithTag(in->Buffer, in->Tag);
  }
  in->Buffer = buffer;
  in->Size = size;
  return STATUS_SUCCESS;
}
static NTSTATUS L2cap_Receive(CONNECTION *connection, const UCHAR *frame, ULONG length);
NOINLINE static NTSTATUS Acl_Receive(ADAPTER *adapter, const UCHAR *data) {
  CONNECTION *connection = Hci_FindConnection(adapter, *(const USHORT *)data & 0xFFF);
  USHORT length = *(const USHORT *)(data + 2);
  NTSTATUS status;
  if (!connection) return STATUS_NOT_FOUND;
  if ((data[1] & 0x30) == 0x20) {
    connection->In.Used = 0;
    connection->In.Expected = *(const USHORT *)(data + 4) + 4;
  }
  status = Reassembly_Grow(&connection->In, connection->In.Used + length);
  if (status < 0) return status;
  memcpy(connection->In.Buffer + connection->In.Used, data + 4, length);
  connection->In.Used += length;
  if (connection->In.Used < connection->In.Expected) return STATUS_PENDING;
  return L2cap_Receive(connection, connection->In.Buffer, connection->In.Expected);
}

/* ---- channels: [state][event] -> action ----------------------------------------------------------------------------------------- */

enum { StateClosed, StateWaitConnect, StateConfig, StateOpen, States };
enum { EventConnect, EventConnected, EventConfigure, EventData, EventClose, Events };
typedef struct _CHANNEL {
  LIST_ENTRY Link; ULONG Signature; CONNECTION *Connection; USHORT Psm, Local, Remote, Mtu; ULONG State; UCHAR *Options; ULONG OptionsLength; PVOID Receive; QUEUE Out;
} CHANNEL;
typedef NTSTATUS (*ACTION)(CHANNEL *channel, const UCHAR *data, ULONG length);

NOINLINE static NTSTATUS L2cap_Signal(CHANNEL *channel, UCHAR code, const void *data, USHORT length) {
  UCHAR *signal = Mem_Get(MemSignal, length + 8u);
  NTSTATUS status;
  if (!signal) return STATUS_INSUFFICIENT_RESOURCES;
  *(USHORT *)signal = length + 4;
  *(USHORT *)(signal + 2) = 1;
  signal[4] = code;
  *(USHORT *)(signal + 6) = length;
  memcpy(signal + 8, data, length);
  status = Queue_Push(&channel->Connection->Adapter->Acl, channel->Connection->Handle, signal, length + 8);
  Mem_Put(signal);
  return status;
}
static NTSTATUS Action_Ignore(CHANNEL *channel, const UCHAR *data, ULONG length) { return STATUS_SUCCESS; }
static NTSTATUS Action_Connect(CHANNEL *channel, const UCHAR *data, ULONG length) {
  USHORT request[2] = {channel->Psm, channel->Local};
  channel->State = StateWaitConnect;
  return L2cap_Signal(channel, 2, request, sizeof(request));
}
static NTSTATUS Action_Connected(CHANNEL *channel, const UCHAR *data, ULONG length) {
  ULONG tag = channel->Psm == 1 ? 'dOtB' : channel->Psm & 0x1000 ? 'vOtB' : 'cOtB'; //= BtOd any ternary //= BtOv any ternary //= BtOc any ternary
  channel->Remote = *(const USHORT *)data;
  channel->State = StateConfig;
  Queue_Init(&channel->Out, 3, channel->Mtu, 32, tag);
  return L2cap_Signal(channel, 4, &channel->Mtu, 2);
}
static NTSTATUS Action_Configure(CHANNEL *channel, const UCHAR *data, ULONG length) {
  UCHAR *options = ExAllocatePoolWithTag(PagedPool, length, 'pOtB'); //= BtOp any operations-table
  if (!options) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(options, data, length);
  if (channel->Options) ExFreePoolWithTag(channel->Options, 'pOtB');
  channel->Options = options;
  channel->OptionsLength = length;
  channel->State = StateOpen;
  return STATUS_SUCCESS;
}
static NTSTATUS Action_Data(CHANNEL *channel, const UCHAR *data, ULONG length) {
  return Queue_Push(&channel->Out, channel->Local, data, (USHORT)length);
}
static NTSTATUS Action_Close(CHANNEL *channel, const UCHAR *data, ULONG length) {
  ListUnlink(&channel->Link);
  if (channel->State >= StateConfig) Queue_Flush(&channel->Out);
  if (channel->Options) ExFreePoolWithTag(channel->Options, 'pOtB');
  channel->Signature = 'eerF'; //~ Free magic
  Mem_Put(channel);
  return STATUS_SUCCESS;
}
static const ACTION L2cap_Machine[States][Events] = {
  {Action_Connect, Action_Ignore, Action_Ignore, Action_Ignore, Action_Close},
  {Action_Ignore, Action_Connected, Action_Ignore, Action_Ignore, Action_Close},
  {Action_Ignore, Action_Ignore, Action_Configure, Action_Ignore, Action_Close},
  {Action_Ignore, Action_Ignore, Action_Configure, Action_Data, Action_Close},
};
NOINLINE static NTSTATUS L2cap_Drive(CHANNEL *channel, ULONG event, const UCHAR *data, ULONG length) {
  if (channel->Signature != 'nahC' || channel->State >= States || event >= Events) return STATUS_INVALID_PARAMETER; //~ Chan magic
  return L2cap_Machine[channel->State][event](channel, data, length);
}
NOINLINE static CHANNEL *L2cap_Open(CONNECTION *connection, USHORT psm, USHORT mtu) {
  CHANNEL *channel = Mem_Get(MemChannel, sizeof(CHANNEL));
  if (!channel) return NULL;
  channel->Signature = 'nahC';
  channel->Connection = connection;
  channel->Psm = psm;
  channel->Mtu = mtu;
  channel->Local = (USHORT)(0x40 + connection->State++);
  ListAppend(&connection->Channels, &channel->Link);
  L2cap_Drive(channel, EventConnect, NULL, 0);
  return channel;
}
NOINLINE static NTSTATUS L2cap_Receive(CONNECTION *connection, const UCHAR *frame, ULONG length) {
  USHORT id = *(const USHORT *)(frame + 2);
  LIST_ENTRY *entry;
  if (length < 8) return STATUS_INVALID_PARAMETER;
  for (entry = connection->Channels.Flink; entry != &connection->Channels; entry = entry->Flink) {
    CHANNEL *channel = CONTAINER(entry, CHANNEL, Link);
    if (id == 1 && *(const USHORT *)(frame + 8) == channel->Local)
      return L2cap_Drive(channel, frame[4] == 3 ? EventConnected : frame[4] == 4 ? EventConfigure : EventClose, frame + 10, length - 10);
    if (channel->Local == id) return L2cap_Drive(channel, EventData, frame + 4, length - 4);
  }
  return STATUS_NOT_FOUND;
}

/* ---- service records --------------------------------------------------------------------------------------------------------- */

typedef struct _SDP_NODE { struct _SDP_NODE *Next, *Child; UCHAR Type; ULONG Length; UCHAR Value[16]; UCHAR *Long; } SDP_NODE;
typedef struct { const UCHAR *At, *End; ULONG Depth; ULONG NodeTag, DataTag; NTSTATUS Status; } SDP_PARSER;
static const GUID Sdp_BaseUuid = {0x00000000, 0x0000, 0x1000, {0x80, 0, 0, 0x80, 0x5F, 0x9B, 0x34, 0xFB}};
static const GUID Sdp_VendorUuid = {0x50445362, 0x7642, 0x4D32, {0x42, 0x74, 0x56, 0x6E, 0x42, 0x74, 0x47, 0x64}}; //~ bSDP guid //~ BtVn guid //~ BtGd guid

NOINLINE static SDP_NODE *Sdp_Parse(SDP_PARSER *parser) {
  SDP_NODE *node;
  ULONG length;
  if (parser->At >= parser->End || ++parser->Depth > 16) { parser->Status = STATUS_INVALID_PARAMETER; return NULL; }
  node = ExAllocatePoolWithTag(PagedPool, sizeof(SDP_NODE), parser->NodeTag);
  if (!node) { parser->Status = STATUS_INSUFFICIENT_RESOURCES; return NULL; }
  memset(node, 0, sizeof(*node));
  node->Type = *parser->At >> 3;
  length = *parser->At & 7;
  parser->At++;
  if (length < 5) length = node->Type ? 1u << length : 0;
  else if (length == 5) length = *parser->At++;
  else { length = parser->At[0] << 8 | parser->At[1]; parser->At += 2; }
  node->Length = length;
  if (node->Type == 6 || node->Type == 7) {
    const UCHAR *end = parser->End;
    SDP_NODE **link = &node->Child;
    parser->End = parser->At + length;
    while (parser->At < parser->End && parser->Status >= 0) {
      *link = Sdp_Parse(parser);
      if (!*link) break;
      link = &(*link)->Next;
    }
    parser->End = end;
  } else if (length <= 16) {
    memcpy(node->Value, parser->At, length);
    parser->At += length;
  } else {
    node->Long = ExAllocatePoolWithTag(PagedPool, length, parser->DataTag);
    if (node->Long) memcpy(node->Long, parser->At, length);
    else parser->Status = STATUS_INSUFFICIENT_RESOURCES;
    parser->At += length;
  }
  parser->Depth--;
  return node;
}
NOINLINE static void Sdp_Delete(SDP_NODE *node, ULONG nodeTag, ULONG dataTag) {
  while (node) {
    SDP_NODE *next = node->Next;
    if (node->Child) Sdp_Delete(node->Child, nodeTag, dataTag);
    if (node->Long) ExFreePoolWithTag(node->Long, dataTag);
    ExFreePoolWithTag(node, nodeTag);
    node = next;
  }
}
typedef struct { LIST_ENTRY Link; ULONG Handle; SDP_NODE *Tree; ULONG Length; UCHAR Stream[1]; } SDP_RECORD;
NOINLINE static NTSTATUS Sdp_AddRecord(ADAPTER *adapter, const UCHAR *stream, ULONG length, ULONG *handle) {
  SDP_PARSER parser = {stream, stream + length, 0, 'nDtB', 'vDtB', STATUS_SUCCESS}; //= BtDn any wrapper-structure //= BtDv any wrapper-structure
  SDP_RECORD *record;
  SDP_NODE *tree = Sdp_Parse(&parser);
  if (!tree || parser.Status < 0) {
    Sdp_Delete(tree, 'nDtB', 'vDtB');
    return parser.Status;
  }
  record = Mem_Get(MemRecord, sizeof(*record) + length);
  if (!record) return STATUS_INSUFFICIENT_RESOURCES;
  record->Handle = *handle = 0x10000 + adapter->Flags++;
  record->Tree = tree;
  record->Length = length;
  memcpy(record->Stream, stream, length);
  ListAppend(&adapter->Records, &record->Link);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS Sdp_CheckRemote(const UCHAR *stream, ULONG length, GUID *service) {
  SDP_PARSER parser;
  SDP_NODE *tree, *child;
  parser.At = stream;
  parser.End = stream + length;
  parser.Depth = 0;
  parser.NodeTag = parser.DataTag = 'rDtB'; //= BtDr any wrapper-structure
  parser.Status = STATUS_SUCCESS;
  *service = Sdp_BaseUuid;
  tree = Sdp_Parse(&parser);
  for (child = tree ? tree->Child : NULL; child; child = child->Next) {
    if (child->Type == 3 && child->Length == 16 && !memcmp(child->Value, &Sdp_VendorUuid, 16)) *service = Sdp_VendorUuid;
    if (child->Type == 3 && child->Length == 2) service->Data1 = child->Value[0] << 8 | child->Value[1];
    if (child->Length == 4 && *(ULONG *)child->Value == 'Xtpa') service->Data2 = 0x4F; //~ aptX magic
    if (child->Length == 4 && *(ULONG *)child->Value == 'CADL') service->Data2 = 0x12D; //~ LDAC magic
  }
  Sdp_Delete(tree, parser.NodeTag, parser.DataTag);
  return parser.Status;
}

/* ---- inquiry cache --------------------------------------------------------------------------------------------------------------- */

static LONG CALL Inquiry_Compare(PVOID table, PVOID a, PVOID b) { int order = memcmp(a, b, 6); return order < 0 ? 0 : order > 0 ? 1 : 2; }
static PVOID CALL Inquiry_Allocate(AVL_TABLE *table, LONG size) {
  CACHE_CONTEXT *context = table->Context;
  if (context->Live >= context->Limit) return NULL;
  context->Live++;
  return ExAllocatePoolWithTag(NonPagedPoolNx, size, context->Tag);
}
static void CALL Inquiry_Free(AVL_TABLE *table, PVOID p) {
  CACHE_CONTEXT *context = table->Context;
  context->Live--;
  ExFreePoolWithTag(p, context->Tag);
}
typedef struct { ADAPTER *Adapter; PVOID Item; void (*Routine)(ADAPTER *, PVOID); ULONG Tag; ULONG Argument; } WORK;
static void CALL Work_Run(DEVICE_OBJECT *device, PVOID context) {
  WORK *work = context;
  work->Routine(work->Adapter, work);
  IoFreeWorkItem(work->Item);
  ExFreePoolWithTag(work, work->Tag);
}
NOINLINE static NTSTATUS Work_Queue(ADAPTER *adapter, void (*routine)(ADAPTER *, PVOID), SIZE_T size, ULONG argument, ULONG tag) {
  WORK *work = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  work->Adapter = adapter;
  work->Routine = routine;
  work->Argument = argument;
  work->Tag = tag;
  work->Item = IoAllocateWorkItem(adapter->Self);
  if (!work->Item) {
    ExFreePoolWithTag(work, tag);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  IoQueueWorkItem(work->Item, Work_Run, 1, work);
  return STATUS_SUCCESS;
}
static void Inquiry_Expire(ADAPTER *adapter, PVOID context) {
  INQUIRY_ENTRY **old;
  INQUIRY_ENTRY *entry;
  PVOID restart = NULL;
  ULONG count = 0, i;
  if (!adapter->Inquiry.Count) return;
  old = ExAllocatePoolWithTag(PagedPool, adapter->Inquiry.Count * sizeof(PVOID), 'xItB'); //= BtIx any callback
  if (!old) return;
  while ((entry = RtlEnumerateGenericTableWithoutSplayingAvl(&adapter->Inquiry, &restart)) != NULL)
    if (entry->Seen < 100 && count < adapter->Inquiry.Count) old[count++] = entry;
  for (i = 0; i < count; i++) RtlDeleteElementGenericTableAvl(&adapter->Inquiry, old[i]);
  ExFreePoolWithTag(old, 'xItB');
}
static void CALL Inquiry_Timer(PVOID dpc, PVOID context, PVOID a, PVOID b) {
  Work_Queue(context, Inquiry_Expire, sizeof(WORK), 0, 'tItB'); //= BtIt any wrapper
}

/* ---- keys in the registry ---------------------------------------------------------------------------------------------------------- */

PAGED_CODE_SECTION static NTSTATUS Keys_Read(HANDLE key, const WCHAR *name, PVOID *out) {
  UNICODE_STRING value;
  ULONG size = 64, needed = 0;
  NTSTATUS status;
  RtlInitUnicodeString(&value, name);
  do {
    *out = ExAllocatePoolWithTag(PagedPool, size, 'vKtB'); //= BtKv allocation-call direct
    if (!*out) return STATUS_INSUFFICIENT_RESOURCES;
    status = ZwQueryValueKey(key, &value, 2, *out, size, &needed);
    if (status >= 0) return status;
    ExFreePoolWithTag(*out, 'vKtB');
    *out = NULL;
    size = needed;
  } while (status == STATUS_BUFFER_TOO_SMALL);
  return status;
}
PAGED_CODE_SECTION static NTSTATUS Keys_Load(ADAPTER *adapter, HANDLE root) {
  UCHAR *data;
  ULONG i, count;
  NTSTATUS status = Keys_Read(root, (const WCHAR *)L"LinkKeys", (PVOID *)&data);
  if (status < 0) return status;
  if (*(ULONG *)(data + 12) != 'yeKL') { ExFreePoolWithTag(data, 'vKtB'); return STATUS_INVALID_PARAMETER; } //~ LKey magic
  count = *(ULONG *)(data + 16);
  for (i = 0; i < count && i < 64; i++) {
    LINK_KEY *key = Mem_Block(TRUE, sizeof(LINK_KEY), 'kLtB');
    if (!key) break;
    memcpy(key->Address, data + 20 + i * 24, 24);
    ListAppend(&adapter->Keys, &key->Link);
  }
  ExFreePoolWithTag(data, 'vKtB');
  return STATUS_SUCCESS;
}
static NTSTATUS CALL Keys_Name(PWSTR name, ULONG type, PVOID data, ULONG length, PVOID context, PVOID entry) {
  UNICODE_STRING text = {(USHORT)length, (USHORT)length, data};
  return Mem_String(entry, &text, 'mNtB'); //= BtNm any wrapper-two
}
typedef struct { PVOID Routine; ULONG Flags; const WCHAR *Name; PVOID Entry; ULONG Type; PVOID Default; ULONG Length; } QUERY_TABLE;
PAGED_CODE_SECTION static NTSTATUS Keys_Settings(ADAPTER *adapter, const UNICODE_STRING *path) {
  QUERY_TABLE table[2];
  NTSTATUS status;
  memset(table, 0, sizeof(table));
  table[0].Routine = (PVOID)Keys_Name;
  table[0].Name = (const WCHAR *)L"LocalName";
  table[0].Entry = &adapter->Name;
  table[0].Type = 'ELIF'; //~ FILE magic
  table[0].Flags = 4;
  status = Mem_String(&adapter->KeyPath, path, 'hPtB'); //= BtPh any wrapper-two
  if (status < 0) return status;
  return RtlQueryRegistryValues(0, adapter->KeyPath.Buffer, table, adapter, NULL);
}

/* ---- the interface for profile drivers ------------------------------------------------------------------------------------------------ */

typedef struct { LIST_ENTRY Link; ULONG Type, Tag; ULONG Length; NTSTATUS Status; PVOID Context[4]; } BRB;
typedef struct {
  USHORT Size, Version; PVOID Context; PVOID Reference, Dereference;
  BRB *(CALL *AllocateBrb)(ULONG type, ULONG tag);
  void(CALL *FreeBrb)(BRB *brb);
  NTSTATUS(CALL *Submit)(PVOID context, BRB *brb);
} PROFILE_INTERFACE;

static BRB *CALL Profile_AllocateBrb(ULONG type, ULONG tag) {
  ULONG size = type == 0x104 ? sizeof(BRB) + 64 : sizeof(BRB);
  BRB *brb = ExAllocatePoolWithTag(NonPagedPoolNx, size, tag);
  if (!brb) return NULL;
  memset(brb, 0, size);
  brb->Type = type;
  brb->Tag = tag;
  brb->Length = size;
  return brb;
}
static void CALL Profile_FreeBrb(BRB *brb) { ExFreePoolWithTag(brb, brb->Tag); }
static NTSTATUS CALL Profile_Submit(PVOID context, BRB *brb) {
  ADAPTER *adapter = context;
  if (brb->Type == 0x104 && !ListEmpty(&adapter->Connections)) {
    brb->Context[0] = L2cap_Open(CONTAINER(adapter->Connections.Flink, CONNECTION, Link), (USHORT)brb->Length, 672);
    return brb->Context[0] ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  if (brb->Type == 0x101) return Queue_Push(&adapter->Priority[brb->Length & 3], 1, brb->Context[1], (USHORT)brb->Length);
  return STATUS_NOT_SUPPORTED;
}
static void CALL Profile_Reference(PVOID context) { ObReferenceObjectByPointerWithTag(((ADAPTER *)context)->Self, 0, NULL, 0, 'fRtB'); } //~ BtRf object-tag
static void CALL Profile_Dereference(PVOID context) { ObDereferenceObjectDeferDeleteWithTag(((ADAPTER *)context)->Self, 'fRtB'); }
NOINLINE static void Profile_Query(ADAPTER *adapter, PROFILE_INTERFACE *out) {
  out->Size = sizeof(*out);
  out->Version = 7;
  out->Context = adapter;
  out->Reference = (PVOID)Profile_Reference;
  out->Dereference = (PVOID)Profile_Dereference;
  out->AllocateBrb = Profile_AllocateBrb;
  out->FreeBrb = Profile_FreeBrb;
  out->Submit = Profile_Submit;
}
/* The port's own client of it: the service discovery server. */
NOINLINE static NTSTATUS Profile_StartServer(ADAPTER *adapter) {
  PROFILE_INTERFACE port;
  BRB *brb;
  NTSTATUS status;
  Profile_Query(adapter, &port);
  brb = port.AllocateBrb(0x104, 'bBtB'); //= BtBb any operations-object
  if (!brb) return STATUS_INSUFFICIENT_RESOURCES;
  brb->Length = 1;
  status = port.Submit(port.Context, brb);
  port.FreeBrb(brb);
  return status;
}

/* ---- power --------------------------------------------------------------------------------------------------------------------------- */

static void Power_Up(ADAPTER *adapter, PVOID context) {
  UCHAR *patch = Mem_Block(TRUE, 4096, 'wFtB'); //= BtFw any wrapper
  if (!patch) return;
  *(ULONG *)patch = 'WFTB'; //~ BTFW magic
  Hci_Send(adapter, 0xFC20, patch, 255, NULL, NULL);
  Hci_Send(adapter, 0x1003, NULL, 0, Hci_FeaturesRead, NULL);
  Hci_Send(adapter, 0x1001, NULL, 0, Hci_VersionRead, NULL);
  Hci_Send(adapter, 0x1009, NULL, 0, Hci_AddressRead, NULL);
  ExFreePool(patch);
  adapter->PowerState = 1;
}
static void Power_Down(ADAPTER *adapter, PVOID context) {
  Queue_Flush(&adapter->Acl);
  adapter->PowerState = ((WORK *)context)->Argument;
}
NOINLINE static NTSTATUS Power_Set(ADAPTER *adapter, ULONG state) {
  if (state == adapter->PowerState) return STATUS_SUCCESS;
  return Work_Queue(adapter, state == 1 ? Power_Up : Power_Down, sizeof(WORK) + 8, state, 'wPtB'); //= BtPw any wrapper
}

/* ---- start and stop ------------------------------------------------------------------------------------------------------------------- */

static const struct { SIZE_T Size; ULONG Tag; } Adapter_Requests[3] = {{96, '1RtB'}, {192, '2RtB'}, {640, '3RtB'}}; //= BtR1 any lookaside-loop //= BtR2 any lookaside-loop //= BtR3 any lookaside-loop

static NTSTATUS Adapter_Create(DRIVER_OBJECT *driver, DEVICE_OBJECT *device, const UNICODE_STRING *path) {
  ADAPTER *adapter = Mem_Get(MemAdapter, sizeof(ADAPTER));
  NTSTATUS status;
  ULONG i;
  if (!adapter) return STATUS_INSUFFICIENT_RESOURCES;
  adapter->Signature = ADAPTER_SIGNATURE;
  adapter->Self = device;
  device->Extension = adapter;
  IoInitializeRemoveLockEx(&adapter->Remove, 'mRtB', 0, 0, sizeof(REMOVE_LOCK)); //~ BtRm remove-lock
  ListInit(&adapter->Connections); ListInit(&adapter->Keys); ListInit(&adapter->Records); ListInit(&adapter->Pending);
  Queue_Init(&adapter->Acl, 0, 1021, 64, 'qAtB'); //= BtAq any object-field
  Queue_Init(&adapter->Events, 4, 257, 16, 'qEtB'); //= BtEq any object-field
  for (i = 0; i < 4; i++) Queue_Init(&adapter->Priority[i], 0, 1021, 16, 'QtB\0' >> 8 | ('0' + i) << 24); //= BtQ0 any computed-tag //= BtQ1 any computed-tag //= BtQ2 any computed-tag //= BtQ3 any computed-tag
  ExInitializeNPagedLookasideList(&adapter->Commands, NULL, NULL, 0, sizeof(COMMAND), 'mCtB', 0); //= BtCm any lookaside
  for (i = 0; i < 3; i++) ExInitializeLookasideListEx(&adapter->Requests[i], NULL, NULL, NonPagedPoolNx, 0, Adapter_Requests[i].Size, Adapter_Requests[i].Tag, 0);
  adapter->InquiryContext.Tag = 'qItB'; //= BtIq any callback-context
  adapter->InquiryContext.Limit = 255;
  RtlInitializeGenericTableAvl(&adapter->Inquiry, (PVOID)Inquiry_Compare, (PVOID)Inquiry_Allocate, (PVOID)Inquiry_Free, &adapter->InquiryContext);
  KeInitializeTimer(adapter->Timer);
  KeInitializeDpc(adapter->Dpc, (PVOID)Inquiry_Timer, adapter);
  status = Usb_CreateEndpoints(adapter);
  if (status >= 0) status = Keys_Settings(adapter, path);
  if (status < 0) {
    Usb_DeleteEndpoints(adapter);
    Mem_Put(adapter);
    device->Extension = NULL;
  }
  return status;
}
static void Adapter_Delete(ADAPTER *adapter) {
  ULONG i;
  while (!ListEmpty(&adapter->Keys)) ExFreePoolWithTag(CONTAINER(ListPop(&adapter->Keys), LINK_KEY, Link), 'kLtB');
  while (!ListEmpty(&adapter->Records)) {
    SDP_RECORD *record = CONTAINER(ListPop(&adapter->Records), SDP_RECORD, Link);
    Sdp_Delete(record->Tree, 'nDtB', 'vDtB');
    Mem_Put(record);
  }
  for (i = 0; i < 4; i++) Queue_Flush(&adapter->Priority[i]);
  Queue_Flush(&adapter->Acl);
  Queue_Flush(&adapter->Events);
  ExDeleteNPagedLookasideList(&adapter->Commands);
  Usb_DeleteEndpoints(adapter);
  Mem_Put(adapter);
}

static NTSTATUS CALL Port_Pnp(DEVICE_OBJECT *device, IRP *irp) {
  ADAPTER *adapter = device->Extension;
  IO_STACK *stack = irp->Stack;
  NTSTATUS status;
  if (adapter->Signature != ADAPTER_SIGNATURE) KeBugCheckEx(0xC1, 'pnPB', (ULONG_PTR)adapter, 0, 0); //~ BPnp bug-check
  status = IoAcquireRemoveLockEx(&adapter->Remove, (PVOID)(ULONG_PTR)' pnP', "pnp.c", 1, sizeof(REMOVE_LOCK)); //~ "Pnp " remove-lock
  if (status < 0) return status;
  switch (stack->Minor) {
    case 0: status = Usb_CheckConfiguration(adapter, irp->SystemBuffer, 256);
      if (status >= 0) status = Keys_Load(adapter, stack->Argument[0]);
      if (status >= 0) status = Profile_StartServer(adapter);
      break;
    case 2: Adapter_Delete(adapter); device->Extension = NULL; break;
    case 8: Profile_Query(adapter, stack->Argument[2]); break;
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static NTSTATUS CALL Port_Control(DEVICE_OBJECT *device, IRP *irp) {
  ADAPTER *adapter = device->Extension;
  UCHAR *data = irp->SystemBuffer;
  NTSTATUS status = STATUS_SUCCESS;
  switch ((ULONG)(ULONG_PTR)irp->Stack->Argument[2]) {
    case 0x410000: Hci_Event(adapter, data); break;
    case 0x410004: status = Acl_Receive(adapter, data); break;
    case 0x410008: status = Sdp_AddRecord(adapter, data + 4, *(ULONG *)data, (ULONG *)data); break;
    case 0x41000C: status = Sdp_CheckRemote(data + 16, 512, (GUID *)data); break;
    case 'TXET': status = STATUS_NOT_SUPPORTED; break; //~ TEXT magic
    default: status = STATUS_INVALID_PARAMETER;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static NTSTATUS CALL Port_Power(DEVICE_OBJECT *device, IRP *irp) { return Power_Set(device->Extension, (ULONG)(ULONG_PTR)irp->Stack->Argument[1]); }

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  UNICODE_STRING name;
  DEVICE_OBJECT *device;
  NTSTATUS status;
  RtlInitUnicodeString(&name, (const WCHAR *)L"ExAllocatePool2");
  Mem_Pool2 = (ALLOCATE_POOL2)MmGetSystemRoutineAddress(&name);
  status = IoCreateDevice(driver, 0, NULL, 0x22, 0, FALSE, &device);
  if (status < 0) return status;
  driver->Major[14] = Port_Control;
  driver->Major[22] = Port_Power;
  driver->Major[27] = Port_Pnp;
  status = Adapter_Create(driver, device, path);
  if (status < 0) IoDeleteDevice(device);
  return status;
}
