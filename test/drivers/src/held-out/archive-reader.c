// Held out bait: a reader of archive formats, full of magic numbers, with few real tags. Chunk tables, parsers, checksums.
#include "kernel.h"

#define FOURCC(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)

typedef NTSTATUS (*PARSER)(const UCHAR *at, ULONG size, ULONG kind);
typedef struct { ULONG id; ULONG least; PARSER parse; const CHAR *title; } CHUNK;
typedef struct { ULONG id, size, parent; UCHAR *copy; } NODE;

static NODE nodes[16];
static ULONG count;
static PVOID volatile keep;

NOINLINE static PVOID ArAllocate(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(PagedPool, size, tag);
  return p ? memset(p, 0, size) : NULL;
}

NOINLINE static NTSTATUS ParseName(const UCHAR *at, ULONG size, ULONG kind) {
  NODE *node = &nodes[count++ & 15];
  node->id = kind == 'EMAN' ? 'RTSA' : 'RTSB'; //~ NAME magic //~ ASTR magic //~ BSTR magic
  node->copy = ArAllocate(size + 1, 'mNrA'); //= ArNm wrapper-call wrapper
  if (!node->copy) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(node->copy, at, size);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS ParseData(const UCHAR *at, ULONG size, ULONG kind) {
  NODE *node = &nodes[count++ & 15];
  ULONG sum = 'muSC'; //~ CSum magic
  while (size--) sum = sum * 31 + *at++;
  node->id = kind;
  node->parent = sum;
  keep = ArAllocate(sizeof(NODE), 'dNrA'); //= ArNd wrapper-call wrapper
  return keep ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
static const CHUNK chunks[] = {
  {FOURCC('N', 'A', 'M', 'E'), 1, ParseName, "name"}, {FOURCC('D', 'A', 'T', 'A'), 4, ParseData, "data"}, //~ DATA magic
  {FOURCC('B', 'O', 'D', 'Y'), 8, ParseData, "body"}, {FOURCC('T', 'E', 'X', 'T'), 1, ParseName, "text"}, //~ BODY magic //~ TEXT magic
};

NOINLINE static NTSTATUS Walk(const UCHAR *at, ULONG left) {
  while (left >= 8) {
    ULONG id = *(const ULONG *)at, size = *(const ULONG *)(at + 4), i;
    if (size > left - 8) return STATUS_INVALID_PARAMETER;
    for (i = 0; i < 4; i++) {
      if (chunks[i].id == id && size >= chunks[i].least) {
        NTSTATUS status = chunks[i].parse(at + 8, size, chunks[i].id);
        if (status < 0) return status;
      }
    }
    at += size + 8;
    left -= size + 8;
  }
  return STATUS_SUCCESS;
}

NOINLINE static ULONG Format(const ULONG *head) {
  static const ULONG known[] = {FOURCC('P', 'K', '0', '0'), FOURCC('R', 'a', 'r', '!'), FOURCC('7', 'z', 'X', 'Z'), FOURCC('M', 'S', 'C', 'F')}; //~ PK00 magic //~ Rar! magic //~ 7zXZ magic //~ MSCF magic
  ULONG i;
  for (i = 0; i < 4; i++) if (head[0] == known[i]) return head[1] == 'nacS' ? known[i] : i; //~ Scan magic
  return FOURCC('N', 'o', 'n', 'e'); //~ None magic
}

static void CALL Unload(DRIVER_OBJECT *driver) {
  ULONG i;
  for (i = 0; i < 16; i++) {
    if (nodes[i].copy && nodes[i].id == 'RTSA') ExFreePoolWithTag(nodes[i].copy, 'mNrA');
    nodes[i].id = 'dedA'; //~ Aded magic
  }
  ExFreePoolWithTag(keep, 'kFrA'); //= ArFk free-call free
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG format = Format((const ULONG *)path->Buffer);
  driver->Unload = Unload;
  driver->Flags = format == FOURCC('N', 'o', 'n', 'e') ? 'ffOA' : format; //~ AOff magic
  return Walk((const UCHAR *)path->Buffer, path->Length);
}
