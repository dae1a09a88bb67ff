// A file system driver for a Linux on-disk format: control blocks and per-request contexts from lookaside lists, an imitation of the
// Linux allocators for code that came from there, extents, trees, a journal that is replayed, name caches, access control lists,
// compressed extents, worker threads, mount options.
#include "kernel.h"

typedef ULONG_PTR RESOURCE[16];
typedef ULONG_PTR SPINLOCK;
#define ET_TRACE(...) DbgPrint("ext: " __VA_ARGS__)

/* ---- tags ------------------------------------------------------------------------------------------------------------------ */

#define ET_TAG_IRP 'cItE' //= EtIc any lookaside
#define ET_TAG_FCB 'cFtE' //= EtFc any lookaside
#define ET_TAG_CCB 'cCtE' //= EtCc any lookaside
#define ET_TAG_MCB 'cMtE' //= EtMc any lookaside-loop
#define ET_TAG_EXTENT 'xEtE' //= EtEx any lookaside-loop
#define ET_TAG_DENTRY 'eDtE' //= EtDe any lookaside-loop
#define ET_TAG_PATTERN 'pDtE' //= EtDp any wrapper
#define ET_TAG_NAME 'nDtE' //= EtDn any wrapper-two
#define ET_TAG_LINK 'lStE' //= EtSl any wrapper-two
#define ET_TAG_GROUPS 'dGtE' //= EtGd any wrapper
#define ET_TAG_BITMAP 'mBtE' //= EtBm any wrapper
#define ET_TAG_PATH 'aPtE' //= EtPa any wrapper
#define ET_TAG_EA 'aEtE' //= EtEa allocation-call direct
#define ET_TAG_SD 'dStE' //= EtSd any direct
#define ET_TAG_ACL 'lAtE' //= EtAl any direct
#define ET_TAG_KMALLOC 'mKtE' //= EtKm any wrapper-fixed
#define ET_TAG_VMALLOC 'mVtE' //= EtVm any wrapper-fixed
#define ET_TAG_CACHE 'aKtE' //= EtKa any direct

/* ---- structures ------------------------------------------------------------------------------------------------------------ */

#define EXT2_NODE_VCB 'BCVE' //~ EVCB magic
#define EXT2_NODE_FCB 'BCFE' //~ EFCB magic
#define EXT2_NODE_CCB 'BCCE' //~ ECCB magic
#define EXT2_NODE_ICX 'CRIE' //~ EIRC magic
#define EXT2_NODE_MCB 'BCME' //~ EMCB magic
#define SUPER_MAGIC 0xEF53

typedef struct { ULONG Type, Size; } NODE_ID;
typedef struct _RB_NODE { struct _RB_NODE *Left, *Right, *Parent; ULONG Red; } RB_NODE;
typedef struct { RB_NODE *Root; ULONG Count; } RB_TREE;
typedef struct _MCB { NODE_ID Id; struct _MCB *Parent, *Child, *Next; ULONG Inode; LONG References; UNICODE_STRING Name; UNICODE_STRING Target; RB_TREE Extents; } MCB;
typedef struct { RB_NODE Node; ULONG Block, Length; ULONGLONG Physical; } EXTENT;
typedef struct { USHORT Magic, Entries, Max, Depth; ULONG Generation; } EXTENT_HEADER;
typedef struct { ULONGLONG Block; USHORT Depth, MaxDepth; EXTENT_HEADER *Header; PVOID Buffer; } EXTENT_PATH;
typedef struct { ULONG Bitmap, InodeBitmap, InodeTable; USHORT FreeBlocks, FreeInodes; } GROUP_DESC;
struct _JOURNAL;
typedef struct _VCB {
  NODE_ID Id;
  RESOURCE Main, Meta;
  DEVICE_OBJECT *Device, *Target;
  ULONG BlockSize, GroupCount, BlocksPerGroup, Features, Options;
  GROUP_DESC **Groups;
  MCB *Root;
  RB_TREE Buffers;
  struct _JOURNAL *Journal;
  PVOID Rundown;
  UNICODE_STRING Label;
  ULONG_PTR SidTable[16], LockTable[16];
  LIST_ENTRY Link;
} VCB;
typedef struct { NODE_ID Id; VCB *Vcb; MCB *Mcb; RESOURCE Main; ULONG_PTR Oplock[4]; LONG Opens; USHORT Codec; } FCB;
typedef struct { NODE_ID Id; ULONG Flags; UNICODE_STRING Pattern; ULONGLONG Offset; PVOID Entries; } CCB;
typedef struct _IRP_CONTEXT { NODE_ID Id; IRP *Irp; VCB *Vcb; FCB *Fcb; CCB *Ccb; UCHAR Major; BOOLEAN FromPool, Wait; NTSTATUS Status; struct _IRP_CONTEXT *Next; } IRP_CONTEXT;

typedef struct _ET_GLOBAL {
  RESOURCE Lock;
  LIST_ENTRY Volumes;
  LOOKASIDE IrpContexts, Fcbs, Ccbs, Mcbs, Extents, Dentries;
  LONG Allocations[32];
  UNICODE_STRING RegistryPath, DriveLetters, CodePage, HidingPrefix;
  ULONG Options;
} ET_GLOBAL;
static ET_GLOBAL *Et;

static void InitializeListHead(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static void InsertTailList(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head; entry->Blink = head->Blink; head->Blink->Flink = entry; head->Blink = entry;
}
static void RemoveEntryList(LIST_ENTRY *entry) { entry->Flink->Blink = entry->Blink; entry->Blink->Flink = entry->Flink; }

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

#define PERF_SLOTS 32
NOINLINE static PVOID EtAllocatePool(ULONG type, SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(type, size, tag);
  if (p) __sync_fetch_and_add(&Et->Allocations[(tag >> 16) % PERF_SLOTS], 1);
  else ET_TRACE("%u bytes of %.4s refused\n", (ULONG)size, (CHAR *)&tag);
  return p;
}
NOINLINE static void EtFreePool(PVOID p, ULONG tag) {
  __sync_fetch_and_sub(&Et->Allocations[(tag >> 16) % PERF_SLOTS], 1);
  ExFreePoolWithTag(p, tag);
}

/* What code from Linux calls. */
#define GFP_ATOMIC 1
#define __GFP_ZERO 2
NOINLINE static PVOID kmalloc(SIZE_T size, ULONG flags) {
  PVOID p = ExAllocatePoolWithTag(flags & GFP_ATOMIC ? NonPagedPoolNx : PagedPool, size, ET_TAG_KMALLOC);
  if (p && (flags & __GFP_ZERO)) memset(p, 0, size);
  return p;
}
static PVOID kcalloc(ULONG count, ULONG size, ULONG flags) { return size && count > 0x7FFFFFFF / size ? NULL : kmalloc((SIZE_T)count * size, flags | __GFP_ZERO); }
static void kfree(PVOID p) { if (p) ExFreePoolWithTag(p, ET_TAG_KMALLOC); }
NOINLINE static PVOID vmalloc(SIZE_T size) { return ExAllocatePoolWithTag(PagedPool, (size + 4095) & ~(SIZE_T)4095, ET_TAG_VMALLOC); }
static void vfree(PVOID p) { ExFreePoolWithTag(p, ET_TAG_VMALLOC); }

typedef struct kmem_cache { LIST_ENTRY Link; CHAR Name[32]; ULONG Flags; ULONG Tag; SIZE_T Size; LONG Live; void (*Constructor)(PVOID); LOOKASIDE Lookaside; } kmem_cache;
static LIST_ENTRY kmem_caches;

NOINLINE static kmem_cache *kmem_cache_create(const CHAR *name, SIZE_T size, ULONG flags, void (*constructor)(PVOID), ULONG tag) {
  kmem_cache *cache = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(kmem_cache), ET_TAG_CACHE);
  ULONG i;
  if (!cache) return NULL;
  memset(cache, 0, sizeof(*cache));
  for (i = 0; i < sizeof(cache->Name) - 1 && name[i]; i++) cache->Name[i] = name[i];
  cache->Flags = flags;
  cache->Tag = tag;
  cache->Size = size;
  cache->Constructor = constructor;
  ExInitializeNPagedLookasideList(&cache->Lookaside, NULL, NULL, 0, size, tag, 0);
  InsertTailList(&kmem_caches, &cache->Link);
  return cache;
}
NOINLINE static PVOID kmem_cache_alloc(kmem_cache *cache, ULONG flags) {
  PVOID p = ExpInterlockedPopEntrySList(&cache->Lookaside);
  if (!p) p = ExAllocatePoolWithTag(NonPagedPoolNx, cache->Size, cache->Tag);
  if (!p) return NULL;
  __sync_fetch_and_add(&cache->Live, 1);
  if (flags & __GFP_ZERO) memset(p, 0, cache->Size);
  if (cache->Constructor) cache->Constructor(p);
  return p;
}
NOINLINE static void kmem_cache_free(kmem_cache *cache, PVOID p) {
  __sync_fetch_and_sub(&cache->Live, 1);
  ExpInterlockedPushEntrySList(&cache->Lookaside, p);
}
NOINLINE static void kmem_cache_destroy(kmem_cache *cache) {
  if (cache->Live) KeBugCheckEx('KMEM', (ULONG_PTR)cache, cache->Live, 0, 0); //~ MEMK bug-check
  ExDeleteNPagedLookasideList(&cache->Lookaside);
  RemoveEntryList(&cache->Link);
  EtFreePool(cache, ET_TAG_CACHE);
}

/* ---- red-black trees ------------------------------------------------------------------------------------------------------------ */

NOINLINE static void RbRotate(RB_TREE *tree, RB_NODE *node, BOOLEAN left) {
  RB_NODE *up = left ? node->Right : node->Left;
  if (left) { node->Right = up->Left; if (up->Left) up->Left->Parent = node; up->Left = node; }
  else { node->Left = up->Right; if (up->Right) up->Right->Parent = node; up->Right = node; }
  up->Parent = node->Parent;
  if (!node->Parent) tree->Root = up;
  else if (node->Parent->Left == node) node->Parent->Left = up;
  else node->Parent->Right = up;
  node->Parent = up;
}
NOINLINE static void RbInsert(RB_TREE *tree, RB_NODE *node, RB_NODE *parent, RB_NODE **link) {
  node->Left = node->Right = NULL;
  node->Parent = parent;
  node->Red = 1;
  *link = node;
  tree->Count++;
  while (node->Parent && node->Parent->Red && node->Parent->Parent) {
    RB_NODE *grand = node->Parent->Parent;
    BOOLEAN left = grand->Left == node->Parent;
    RB_NODE *uncle = left ? grand->Right : grand->Left;
    if (uncle && uncle->Red) { node->Parent->Red = uncle->Red = 0; grand->Red = 1; node = grand; continue; }
    if ((left ? node->Parent->Right : node->Parent->Left) == node) { node = node->Parent; RbRotate(tree, node, left); }
    node->Parent->Red = 0;
    grand->Red = 1;
    RbRotate(tree, grand, !left);
  }
  tree->Root->Red = 0;
}

/* ---- buffers of metadata ---------------------------------------------------------------------------------------------------------- */

typedef struct { RB_NODE Node; ULONGLONG Block; LONG References; BOOLEAN Dirty, Valid; PVOID Data; LIST_ENTRY Lru; } BUFFER_HEAD;
static kmem_cache *bh_cache, *jh_cache, *revoke_cache, *handle_cache;
static LIST_ENTRY BufferLru;

NOINLINE static BUFFER_HEAD *sb_getblk(VCB *vcb, ULONGLONG block) {
  RB_NODE **link = &vcb->Buffers.Root, *parent = NULL;
  BUFFER_HEAD *bh;
  while (*link) {
    bh = (BUFFER_HEAD *)*link;
    if (bh->Block == block) { bh->References++; return bh; }
    parent = *link;
    link = block < bh->Block ? &parent->Left : &parent->Right;
  }
  bh = kmem_cache_alloc(bh_cache, __GFP_ZERO);
  if (!bh) return NULL;
  bh->Data = EtAllocatePool(NonPagedPoolNx, vcb->BlockSize, 'dBtE'); //= EtBd any wrapper
  if (!bh->Data) { kmem_cache_free(bh_cache, bh); return NULL; }
  bh->Block = block;
  bh->References = 1;
  RbInsert(&vcb->Buffers, &bh->Node, parent, link);
  InsertTailList(&BufferLru, &bh->Lru);
  return bh;
}
NOINLINE static BUFFER_HEAD *sb_bread(VCB *vcb, ULONGLONG block) {
  BUFFER_HEAD *bh = sb_getblk(vcb, block);
  LARGE_INTEGER offset;
  ULONG_PTR status[2];
  if (!bh || bh->Valid) return bh;
  offset.QuadPart = (LONGLONG)(block << 12);
  if (ZwReadFile((HANDLE)vcb->Target, NULL, NULL, NULL, status, bh->Data, vcb->BlockSize, &offset, NULL) < 0) return NULL;
  bh->Valid = TRUE;
  return bh;
}
static void brelse(BUFFER_HEAD *bh) { if (bh) bh->References--; }

/* ---- journal ------------------------------------------------------------------------------------------------------------------------- */

#define JBD_MAGIC 0x4A424431 //~ 1DBJ magic
typedef struct { ULONG Magic, Kind, Sequence; } JOURNAL_HEADER;
typedef struct _REVOKE { LIST_ENTRY Hash; ULONG Sequence; ULONGLONG Block; } REVOKE;
typedef struct { ULONG Size, Shift; LIST_ENTRY *Buckets; } REVOKE_TABLE;
typedef struct _JOURNAL {
  ULONG Flags, First, Last, Head, Tail, Sequence, BlockSize;
  VCB *Vcb;
  BUFFER_HEAD **Pending;
  REVOKE_TABLE *Revoke;
  CHAR *Uuid;
} JOURNAL;
typedef struct { ULONG Start, End, Replays, Revokes, RevokeHits; } RECOVERY;

NOINLINE static NTSTATUS jbd_init_caches(void) {
  InitializeListHead(&kmem_caches);
  InitializeListHead(&BufferLru);
  bh_cache = kmem_cache_create("ext_bh", sizeof(BUFFER_HEAD), 0, NULL, 'hBtE'); //= EtBh any object-field
  jh_cache = kmem_cache_create("journal_head", 64, 0, NULL, 'hJtE'); //= EtJh any object-field
  revoke_cache = kmem_cache_create("revoke_record", sizeof(REVOKE), 0, NULL, 'rJtE'); //= EtJr any object-field
  handle_cache = kmem_cache_create("journal_handle", 96, 0, NULL, 'tJtE'); //= EtJt any object-field
  return bh_cache && jh_cache && revoke_cache && handle_cache ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
NOINLINE static REVOKE_TABLE *journal_init_revoke_table(ULONG size) {
  REVOKE_TABLE *table = kmalloc(sizeof(REVOKE_TABLE), 0);
  ULONG i;
  if (!table) return NULL;
  table->Size = size;
  for (table->Shift = 0; (1u << table->Shift) < size; table->Shift++) { }
  table->Buckets = kcalloc(size, sizeof(LIST_ENTRY), 0);
  if (!table->Buckets) { kfree(table); return NULL; }
  for (i = 0; i < size; i++) InitializeListHead(&table->Buckets[i]);
  return table;
}
NOINLINE static JOURNAL *journal_load(VCB *vcb, ULONG first, ULONG count) {
  JOURNAL *journal = kcalloc(1, sizeof(JOURNAL), 0);
  BUFFER_HEAD *bh = sb_bread(vcb, first);
  JOURNAL_HEADER *header = bh ? bh->Data : NULL;
  if (!journal || !header || header->Magic != JBD_MAGIC) { kfree(journal); return NULL; }
  journal->Vcb = vcb;
  journal->First = first;
  journal->Last = first + count;
  journal->Sequence = header->Sequence;
  journal->Pending = vmalloc(count * sizeof(PVOID));
  journal->Revoke = journal_init_revoke_table(256);
  if (!journal->Pending || !journal->Revoke) {
    if (journal->Pending) vfree(journal->Pending);
    kfree(journal);
    return NULL;
  }
  return journal;
}
NOINLINE static NTSTATUS journal_revoke(JOURNAL *journal, ULONGLONG block, ULONG sequence) {
  ULONG slot = ((ULONG)block * 0x9E370001u) >> (32 - journal->Revoke->Shift);
  REVOKE *record = kmem_cache_alloc(revoke_cache, 0);
  if (!record) return STATUS_INSUFFICIENT_RESOURCES;
  record->Block = block;
  record->Sequence = sequence;
  InsertTailList(&journal->Revoke->Buckets[slot & (journal->Revoke->Size - 1)], &record->Hash);
  return STATUS_SUCCESS;
}
NOINLINE static NTSTATUS journal_recover(JOURNAL *journal) {
  RECOVERY info = {journal->First, journal->Last};
  ULONG block;
  PUCHAR copy = EtAllocatePool(PagedPool, journal->BlockSize + 16, 'bJtE'); //= EtJb any wrapper
  if (!copy) return STATUS_INSUFFICIENT_RESOURCES;
  for (block = info.Start; block < info.End; block++) {
    BUFFER_HEAD *bh = sb_bread(journal->Vcb, block);
    JOURNAL_HEADER *header;
    if (!bh) break;
    header = bh->Data;
    if (header->Magic != JBD_MAGIC) continue;
    if (header->Kind == 'CSED') { memcpy(copy, bh->Data, journal->BlockSize); info.Replays++; } //~ DESC magic
    else if (header->Kind == 'KOVR') info.Revokes += journal_revoke(journal, block, header->Sequence) >= 0; //~ RVOK magic
    else if (header->Kind == 'TMOC') journal->Pending[block - info.Start] = bh; //~ COMT magic
    brelse(bh);
  }
  ET_TRACE("replayed %u, revoked %u of %s\n", info.Replays, info.Revokes, "JRNL"); //~ JRNL text
  EtFreePool(copy, 'bJtE');
  return STATUS_SUCCESS;
}

/* ---- extents -------------------------------------------------------------------------------------------------------------------------- */

NOINLINE static NTSTATUS ExtFindExtent(VCB *vcb, EXTENT_HEADER *root, ULONG block, EXTENT_PATH **out) {
  ULONG depth = root->Depth, i;
  EXTENT_PATH *path = EtAllocatePool(PagedPool, sizeof(EXTENT_PATH) * (depth + 2), ET_TAG_PATH);
  if (!path) return STATUS_INSUFFICIENT_RESOURCES;
  memset(path, 0, sizeof(EXTENT_PATH) * (depth + 2));
  path[0].Header = root;
  for (i = 0; i < depth; i++) {
    BUFFER_HEAD *bh = sb_bread(vcb, block + i);
    if (!bh || ((EXTENT_HEADER *)bh->Data)->Magic != 0xF30A) { EtFreePool(path, ET_TAG_PATH); return STATUS_INVALID_PARAMETER; }
    path[i + 1].Header = bh->Data;
    path[i + 1].Buffer = bh;
  }
  *out = path;
  return STATUS_SUCCESS;
}
NOINLINE static EXTENT *ExtCacheExtent(MCB *mcb, ULONG block, ULONG length, ULONGLONG physical) {
  RB_NODE **link = &mcb->Extents.Root, *parent = NULL;
  EXTENT *extent = ExpInterlockedPopEntrySList(&Et->Extents);
  if (!extent) extent = EtAllocatePool(NonPagedPoolNx, sizeof(EXTENT), ET_TAG_EXTENT);
  if (!extent) return NULL;
  extent->Block = block;
  extent->Length = length;
  extent->Physical = physical;
  while (*link) { parent = *link; link = block < ((EXTENT *)parent)->Block ? &parent->Left : &parent->Right; }
  RbInsert(&mcb->Extents, &extent->Node, parent, link);
  return extent;
}

/* Buffers of a few sizes, each with its tag: as the slabs of Linux, by power of two. */
static PVOID SlabFree[4];
NOINLINE static PVOID EtAllocateSlab(ULONG class) {
  ULONG i;
  for (i = 0; i < 4; i++) if (i == class) return EtAllocatePool(PagedPool, (SIZE_T)512 << i, '0StE' + (i << 24)); //= EtS0 any computed-tag //= EtS1 any computed-tag //= EtS2 any computed-tag //= EtS3 any computed-tag
  return NULL;
}

/* ---- compression ------------------------------------------------------------------------------------------------------------------------ */

typedef struct _CODEC {
  const CHAR *Name;
  ULONG FourCc;
  USHORT Format;
  ULONG WorkTag;
  ULONG (*WorkSize)(USHORT format);
  NTSTATUS (*Decompress)(const struct _CODEC *codec, PVOID work, PUCHAR in, ULONG inSize, PUCHAR out, ULONG outSize);
} CODEC;

static ULONG LzWorkSize(USHORT format) { return 0x2000u << (format & 3); }
static ULONG NtWorkSize(USHORT format) {
  ULONG buffer = 0, fragment = 0;
  return RtlGetCompressionWorkSpaceSize(format, &buffer, &fragment) < 0 ? 0 : buffer > fragment ? buffer : fragment;
}
static NTSTATUS LzDecompress(const CODEC *codec, PVOID work, PUCHAR in, ULONG inSize, PUCHAR out, ULONG outSize) {
  ULONG i = 0, o = 0;
  USHORT *table = work;
  while (i + 2 < inSize && o < outSize) {
    if (in[i] & 0x80) {
      ULONG from = table[(in[i + 1] << 5 | in[i + 2]) & 0xFFF], count = (in[i] & 0x7F) + 3;
      while (count-- && o < outSize) out[o++] = out[from++ & 0xFFFF];
      i += 3;
    } else { table[(in[i] << 5 | in[i + 1]) & 0xFFF] = (USHORT)o; out[o++] = in[i++]; }
  }
  return o == outSize ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
static NTSTATUS NtDecompress(const CODEC *codec, PVOID work, PUCHAR in, ULONG inSize, PUCHAR out, ULONG outSize) {
  ULONG final;
  return RtlDecompressBufferEx(codec->Format, out, outSize, in, inSize, &final, work);
}
static const CODEC Codecs[] = {
  {"lzo", '1OZL', 1, 'zLtE', LzWorkSize, LzDecompress}, //= EtLz any tag-table //~ LZO1 magic
  {"lz4", 'K4ZL', 2, '4LtE', LzWorkSize, LzDecompress}, //= EtL4 any tag-table //~ LZ4K magic
  {"lznt1", 'NZLE', 0x102, 'nLtE', NtWorkSize, NtDecompress}, //= EtLn any tag-table //~ ELZN magic
};
NOINLINE static const CODEC *FindCodec(ULONG fourCc) {
  ULONG i;
  for (i = 0; i < sizeof(Codecs) / sizeof(Codecs[0]); i++) if (Codecs[i].FourCc == fourCc) return &Codecs[i];
  return NULL;
}
NOINLINE static NTSTATUS EtReadCompressed(FCB *fcb, PUCHAR in, ULONG inSize, PUCHAR out, ULONG outSize) {
  const CODEC *codec = FindCodec(*(ULONG *)in);
  NTSTATUS status;
  PVOID work;
  if (!codec) return STATUS_NOT_SUPPORTED;
  work = ExAllocatePoolWithTag(PagedPool, codec->WorkSize(codec->Format), codec->WorkTag);
  if (!work) return STATUS_INSUFFICIENT_RESOURCES;
  status = codec->Decompress(codec, work, in + 4, inSize - 4, out, outSize);
  fcb->Codec = codec->Format;
  ExFreePoolWithTag(work, codec->WorkTag);
  return status;
}

/* ---- control blocks ---------------------------------------------------------------------------------------------------------------------- */

NOINLINE static IRP_CONTEXT *EtAllocateIrpContext(VCB *vcb, IRP *irp) {
  IRP_CONTEXT *context = ExpInterlockedPopEntrySList(&Et->IrpContexts);
  BOOLEAN fromPool = FALSE;
  if (!context) { context = FsRtlAllocatePoolWithTag(NonPagedPoolNx, sizeof(IRP_CONTEXT), ET_TAG_IRP); fromPool = TRUE; }
  if (!context) return NULL;
  memset(context, 0, sizeof(*context));
  context->Id.Type = EXT2_NODE_ICX;
  context->Id.Size = sizeof(*context);
  context->FromPool = fromPool;
  context->Irp = irp;
  context->Vcb = vcb;
  context->Major = irp->Stack->Major;
  return context;
}
NOINLINE static void EtFreeIrpContext(IRP_CONTEXT *context) {
  if (context->Id.Type != EXT2_NODE_ICX) KeBugCheckEx(0x222, (ULONG_PTR)context, 'XCBE', 0, 0); //~ EBCX bug-check
  if (context->FromPool) ExFreePoolWithTag(context, ET_TAG_IRP);
  else ExpInterlockedPushEntrySList(&Et->IrpContexts, context);
}

NOINLINE static NTSTATUS EtDuplicateName(UNICODE_STRING *to, const UNICODE_STRING *from, ULONG tag) {
  to->Buffer = EtAllocatePool(PagedPool, from->Length + sizeof(WCHAR), tag);
  if (!to->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  to->Length = 0;
  to->MaximumLength = from->Length + sizeof(WCHAR);
  RtlCopyUnicodeString(to, from);
  return STATUS_SUCCESS;
}
NOINLINE static MCB *EtAllocateMcb(VCB *vcb, MCB *parent, const UNICODE_STRING *name, ULONG inode) {
  MCB *mcb = ExpInterlockedPopEntrySList(&Et->Mcbs);
  if (!mcb) mcb = EtAllocatePool(PagedPool, sizeof(MCB), ET_TAG_MCB);
  if (!mcb) return NULL;
  memset(mcb, 0, sizeof(*mcb));
  mcb->Id.Type = EXT2_NODE_MCB;
  mcb->Inode = inode;
  if (EtDuplicateName(&mcb->Name, name, ET_TAG_NAME) < 0) { ExpInterlockedPushEntrySList(&Et->Mcbs, mcb); return NULL; }
  mcb->Parent = parent;
  if (parent) { mcb->Next = parent->Child; parent->Child = mcb; }
  return mcb;
}
NOINLINE static NTSTATUS EtFollowLink(VCB *vcb, MCB *mcb, const UNICODE_STRING *target) {
  if (target->Length > 8 && *(ULONG *)target->Buffer == 0x006F0070) return STATUS_NOT_SUPPORTED;
  return EtDuplicateName(&mcb->Target, target, ET_TAG_LINK);
}
NOINLINE static FCB *EtAllocateFcb(VCB *vcb, MCB *mcb) {
  FCB *fcb = ExpInterlockedPopEntrySList(&Et->Fcbs);
  if (!fcb) fcb = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(FCB), ET_TAG_FCB);
  if (!fcb) return NULL;
  memset(fcb, 0, sizeof(*fcb));
  fcb->Id.Type = EXT2_NODE_FCB;
  fcb->Vcb = vcb;
  fcb->Mcb = mcb;
  ExInitializeResourceLite(fcb->Main);
  FsRtlInitializeOplock(fcb->Oplock);
  return fcb;
}
NOINLINE static CCB *EtAllocateCcb(ULONG flags) {
  CCB *ccb = ExpInterlockedPopEntrySList(&Et->Ccbs);
  if (!ccb) return NULL;
  memset(ccb, 0, sizeof(*ccb));
  ccb->Id.Type = EXT2_NODE_CCB;
  ccb->Flags = flags;
  return ccb;
}

/* ---- directories ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Hash, Block; UNICODE_STRING Name; LIST_ENTRY Link; } DENTRY;
NOINLINE static ULONG HashName(const UNICODE_STRING *name) {
  ULONG a = 0x67452301, b = 0x12A3FE2D, i;
  for (i = 0; i < name->Length / sizeof(WCHAR); i++) { ULONG c = b + (a ^ name->Buffer[i] * 7152373u); b = a; a = c; }
  return a ^ b ^ 'hs4m'; //~ m4sh magic
}
NOINLINE static NTSTATUS EtQueryDirectory(IRP_CONTEXT *context, UNICODE_STRING *pattern) {
  CCB *ccb = context->Ccb;
  DENTRY *dentry;
  NTSTATUS status = FsRtlCheckOplock(context->Fcb->Oplock, context->Irp, context, NULL, NULL);
  if (status < 0) return status;
  if (!ccb->Pattern.Buffer && pattern->Length) {
    ccb->Pattern.Length = ccb->Pattern.MaximumLength = pattern->Length;
    ccb->Pattern.Buffer = EtAllocatePool(PagedPool, pattern->Length, ET_TAG_PATTERN);
    if (!ccb->Pattern.Buffer) { ccb->Pattern.Length = 0; return STATUS_INSUFFICIENT_RESOURCES; }
    RtlUpcaseUnicodeString(&ccb->Pattern, pattern, FALSE);
  }
  dentry = ExpInterlockedPopEntrySList(&Et->Dentries);
  if (!dentry) return STATUS_INSUFFICIENT_RESOURCES;
  dentry->Hash = HashName(&ccb->Pattern);
  ccb->Entries = dentry;
  if (ccb->Flags & 4) {
    PVOID notify = ExAllocatePoolWithQuotaTag(PagedPool | 8, 512, 'cNtE'); //= EtNc allocation-call direct
    if (notify) { memcpy(notify, pattern->Buffer, pattern->Length & 511); ccb->Entries = notify; }
  }
  return STATUS_SUCCESS;
}

/* ---- attributes and security ------------------------------------------------------------------------------------------------------------------ */

typedef struct { USHORT Tag, Perm; ULONG Id; } POSIX_ACE;
NOINLINE static NTSTATUS EtReadEa(VCB *vcb, ULONG block, PUCHAR *out) {
  BUFFER_HEAD *bh = sb_bread(vcb, block);
  PUCHAR buffer;
  if (!bh || *(ULONG *)bh->Data != 'RTTX') return STATUS_NOT_SUPPORTED; //~ XTTR magic
  buffer = ExAllocatePool2(POOL_FLAG_PAGED, vcb->BlockSize, ET_TAG_EA);
  if (!buffer) return STATUS_INSUFFICIENT_RESOURCES;
  memcpy(buffer, bh->Data, vcb->BlockSize);
  *out = buffer;
  return STATUS_SUCCESS;
}
static PVOID CALL SidTableAllocate(PVOID table, LONG size) { return ExAllocatePoolWithTag(PagedPool, size, 'iStE'); } //= EtSi allocation-call callback
static void CALL SidTableFree(PVOID table, PVOID p) { ExFreePoolWithTag(p, 'iStE'); }
static LONG CALL SidTableCompare(PVOID table, const ULONG *a, const ULONG *b) { return *a < *b ? 0 : *a > *b ? 1 : 2; }

NOINLINE static NTSTATUS EtBuildSecurity(VCB *vcb, const POSIX_ACE *aces, ULONG count, PVOID *out) {
  ULONG size = 8 + count * 36, i;
  PVOID acl, descriptor = ExAllocatePoolWithTag(PagedPool, 40, ET_TAG_SD);
  if (!descriptor) return STATUS_INSUFFICIENT_RESOURCES;
  acl = ExAllocatePoolWithTag(PagedPool, size, ET_TAG_ACL);
  if (!acl) { ExFreePoolWithTag(descriptor, ET_TAG_SD); return STATUS_INSUFFICIENT_RESOURCES; }
  RtlCreateSecurityDescriptor(descriptor, 1);
  RtlCreateAcl(acl, size, 2);
  for (i = 0; i < count; i++) {
    ULONG sid[7] = {0x501, 0x05000000, 88, aces[i].Tag, aces[i].Id, 0, 0};
    PVOID known = RtlLookupElementGenericTableAvl(vcb->SidTable, &sid[4]);
    if (!known) known = RtlInsertElementGenericTableAvl(vcb->SidTable, sid, sizeof(sid), NULL);
    if (!known) break;
    RtlAddAccessAllowedAce(acl, 2, aces[i].Perm * 0x120089u, known);
  }
  RtlSetDaclSecurityDescriptor(descriptor, TRUE, acl, FALSE);
  *out = descriptor;
  return STATUS_SUCCESS;
}

/* ---- byte range locks, kept in a tree of their own -------------------------------------------------------------------------------------------------- */

typedef struct { LONGLONG Start, Length; ULONG Key; PVOID Owner; } RANGE_LOCK;
typedef struct { ULONG Signature, Tag; ULONG Limit; LONG Count; } LOCK_POOL;
static LOCK_POOL SharedLocks = {'kcLS', 'lBtE', 4096, 0}; //= EtBl any callback-context //~ SLck magic
static LONG CALL LockCompare(PVOID table, const RANGE_LOCK *a, const RANGE_LOCK *b) { return a->Start + a->Length <= b->Start ? 0 : a->Start >= b->Start + b->Length ? 1 : 2; }
static PVOID CALL LockAllocate(ULONG_PTR *table, LONG size) {
  if (SharedLocks.Count >= (LONG)SharedLocks.Limit) return NULL;
  SharedLocks.Count++;
  return ExAllocatePoolWithTag(PagedPool, size, SharedLocks.Tag);
}
static void CALL LockFree(ULONG_PTR *table, PVOID p) { SharedLocks.Count--; ExFreePoolWithTag(p, SharedLocks.Tag); }
NOINLINE static NTSTATUS EtLock(VCB *vcb, PVOID owner, LONGLONG start, LONGLONG length) {
  RANGE_LOCK lock = {start, length, 'kcLR', owner}; //~ RLck magic
  BOOLEAN isNew = FALSE;
  RtlInsertElementGenericTableAvl(vcb->LockTable, &lock, sizeof(lock), &isNew);
  return isNew ? STATUS_SUCCESS : (NTSTATUS)0xC0000055;
}

/* ---- extra create parameters, mount options -------------------------------------------------------------------------------------------------------- */

static const GUID EcpCaseSensitive = {0x43747445, 0x5E11, 0x4A55, {'E', 't', 'C', 's', 'e', 'n', 's', '1'}}; //~ EttC guid //~ EtCs guid //~ ens1 guid
NOINLINE static NTSTATUS EtAttachEcp(PVOID list, BOOLEAN sensitive) {
  ULONG *ecp;
  NTSTATUS status = FsRtlAllocateExtraCreateParameter(&EcpCaseSensitive, 16, 0, NULL, 'pEtE', (PVOID *)&ecp); //= EtEp any direct
  if (status < 0) return status;
  ecp[0] = sensitive;
  return FsRtlInsertExtraCreateParameter(list, ecp);
}

typedef struct { ULONG Index, Kind, Length; UCHAR Data[1]; } VALUE_INFO;
NOINLINE static NTSTATUS EtQueryValue(HANDLE key, const WCHAR *name, ULONG kind, SIZE_T most, ULONG tag, UNICODE_STRING *out) {
  UNICODE_STRING value;
  ULONG needed = 0;
  VALUE_INFO *info = EtAllocatePool(PagedPool, most + sizeof(VALUE_INFO), 'vRtE'); //= EtRv any wrapper
  NTSTATUS status;
  if (!info) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitUnicodeString(&value, name);
  status = ZwQueryValueKey(key, &value, 2, info, (ULONG)(most + sizeof(VALUE_INFO)), &needed);
  if (status >= 0 && info->Kind == kind && info->Length <= most) {
    out->Buffer = ExAllocatePoolWithTag(PagedPool, info->Length, tag);
    if (out->Buffer) {
      memcpy(out->Buffer, info->Data, info->Length);
      out->Length = out->MaximumLength = (USHORT)info->Length;
    } else status = STATUS_INSUFFICIENT_RESOURCES;
  }
  EtFreePool(info, 'vRtE');
  return status;
}
INIT_CODE_SECTION static NTSTATUS EtReadOptions(const UNICODE_STRING *path) {
  HANDLE key;
  NTSTATUS status;
  status = EtDuplicateName(&Et->RegistryPath, path, 'pRtE'); //= EtRp any wrapper-two
  if (status < 0) return status;
  status = ZwOpenKey(&key, 0x20019, &Et->RegistryPath);
  if (status < 0) return status;
  EtQueryValue(key, (const WCHAR *)L"DriveLetters", 7, 256, 'lDtE', &Et->DriveLetters); //= EtDl any wrapper-stack
  EtQueryValue(key, (const WCHAR *)L"CodePage", 1, 64, 'pCtE', &Et->CodePage); //= EtCp any wrapper-stack
  EtQueryValue(key, (const WCHAR *)L"HidingPrefix", 1, 64, 'xPtE', &Et->HidingPrefix); //= EtPx any wrapper-stack
  return ZwClose(key);
}

/* ---- worker threads ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct { LIST_ENTRY Link; HANDLE Thread; ULONG Index; BOOLEAN Stop; ULONG_PTR Event[4]; void (*Work)(VCB *); VCB *Vcb; } WORKER;
static void ReaperWork(VCB *vcb) {
  while (BufferLru.Flink != &BufferLru) {
    BUFFER_HEAD *bh = (BUFFER_HEAD *)((PUCHAR)BufferLru.Flink - __builtin_offsetof(BUFFER_HEAD, Lru));
    if (bh->References) break;
    RemoveEntryList(&bh->Lru);
    EtFreePool(bh->Data, 'dBtE');
    kmem_cache_free(bh_cache, bh);
  }
}
static void CommitWork(VCB *vcb) { if (vcb && vcb->Journal) journal_recover(vcb->Journal); }
static void CALL WorkerThread(WORKER *worker) {
  while (!worker->Stop) {
    KeWaitForSingleObject(worker->Event, 0, 0, FALSE, NULL);
    worker->Work(worker->Vcb);
  }
  PsTerminateSystemThread(STATUS_SUCCESS);
}
NOINLINE static WORKER *EtStartWorker(ULONG index, void (*work)(VCB *), VCB *vcb) {
  WORKER *worker = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(WORKER), index == 0 ? 'rWtE' : 'cWtE'); //= EtWr any ternary //= EtWc any ternary
  if (!worker) return NULL;
  memset(worker, 0, sizeof(*worker));
  worker->Index = index;
  worker->Work = work;
  worker->Vcb = vcb;
  KeInitializeEvent(worker->Event, 1, FALSE);
  if (PsCreateSystemThread(&worker->Thread, 0x1FFFFF, NULL, NULL, NULL, WorkerThread, worker) < 0) {
    ExFreePoolWithTag(worker, index == 0 ? 'rWtE' : 'cWtE');
    return NULL;
  }
  return worker;
}

/* ---- volumes ---------------------------------------------------------------------------------------------------------------------------------------------- */

NOINLINE static NTSTATUS EtLoadGroups(VCB *vcb) {
  ULONG perBlock = vcb->BlockSize / sizeof(GROUP_DESC), blocks = vcb->GroupCount / (perBlock | 1) + 1, i;
  vcb->Groups = EtAllocatePool(PagedPool, blocks * sizeof(PVOID), ET_TAG_GROUPS);
  if (!vcb->Groups) return STATUS_INSUFFICIENT_RESOURCES;
  for (i = 0; i < blocks; i++) {
    BUFFER_HEAD *bh = sb_bread(vcb, i + 1);
    if (!bh) { EtFreePool(vcb->Groups, ET_TAG_GROUPS); return STATUS_INVALID_PARAMETER; }
    vcb->Groups[i] = bh->Data;
  }
  return STATUS_SUCCESS;
}
NOINLINE static LONG EtAllocateBlocks(VCB *vcb, ULONG group, ULONG count) {
  ULONG *bitmap = EtAllocatePool(PagedPool, vcb->BlocksPerGroup / 8 + 4, ET_TAG_BITMAP), i;
  LONG found = -1;
  if (!bitmap) return -1;
  memcpy(bitmap, vcb->Groups[group], vcb->BlocksPerGroup / 8);
  for (i = 0; i < vcb->BlocksPerGroup && found < 0; i++) if (!(bitmap[i / 32] & (1u << (i % 32))) && count--) found = (LONG)i;
  EtFreePool(bitmap, ET_TAG_BITMAP);
  return found;
}
NOINLINE static NTSTATUS EtMount(VCB *vcb) {
  UNICODE_STRING root;
  vcb->Id.Type = EXT2_NODE_VCB;
  ExInitializeResourceLite(vcb->Main);
  vcb->Rundown = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'dRtE'); //= EtRd any direct
  if (!vcb->Rundown) return STATUS_INSUFFICIENT_RESOURCES;
  RtlInitializeGenericTableAvl(vcb->SidTable, SidTableCompare, SidTableAllocate, SidTableFree, NULL);
  RtlInitializeGenericTableAvl(vcb->LockTable, LockCompare, LockAllocate, LockFree, &SharedLocks);
  RtlInitUnicodeString(&root, (const WCHAR *)L"\\");
  vcb->Root = EtAllocateMcb(vcb, NULL, &root, 2);
  vcb->Journal = journal_load(vcb, 64, 1024);
  if (vcb->Journal && journal_recover(vcb->Journal) < 0) vcb->Options |= 1;
  InsertTailList(&Et->Volumes, &vcb->Link);
  return vcb->Root ? EtLoadGroups(vcb) : STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- driver ------------------------------------------------------------------------------------------------------------------------------------------------ */

static const struct { USHORT Offset, Size; ULONG Tag; } Lookasides[] = {
  {__builtin_offsetof(ET_GLOBAL, Mcbs), sizeof(MCB), ET_TAG_MCB},
  {__builtin_offsetof(ET_GLOBAL, Extents), sizeof(EXTENT), ET_TAG_EXTENT},
  {__builtin_offsetof(ET_GLOBAL, Dentries), sizeof(DENTRY), ET_TAG_DENTRY},
};
static WORKER *Workers[2];

static NTSTATUS CALL EtDispatch(DEVICE_OBJECT *device, IRP *irp) {
  VCB *vcb = device->Extension;
  IRP_CONTEXT *context = EtAllocateIrpContext(vcb, irp);
  PVOID *args = irp->SystemBuffer;
  NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
  EXTENT_PATH *path = NULL;
  PVOID out = NULL;
  if (!context) return status;
  KeEnterCriticalRegion();
  switch (context->Major) {
    case 0: {
      MCB *mcb = EtAllocateMcb(vcb, vcb->Root, args[0], (ULONG)(ULONG_PTR)args[1]);
      context->Fcb = mcb ? EtAllocateFcb(vcb, mcb) : NULL;
      context->Ccb = context->Fcb ? EtAllocateCcb((ULONG)(ULONG_PTR)args[2]) : NULL;
      if (context->Ccb) status = args[3] ? EtFollowLink(vcb, mcb, args[3]) : EtAttachEcp(args[4], TRUE);
      irp->Information = (ULONG_PTR)context->Ccb;
      break;
    }
    case 3: status = ExtFindExtent(vcb, args[0], 17, &path); if (status >= 0) status = ExtCacheExtent(args[1], 17, 1, path->Block) ? 0 : status; out = path; break;
    case 4: status = EtReadCompressed(args[0], args[1], 4096, args[2], 65536); break;
    case 5: SlabFree[1] = out = EtAllocateSlab((ULONG)(ULONG_PTR)args[0]); status = EtAllocateBlocks(vcb, 0, 8); break;
    case 6: status = EtReadEa(vcb, (ULONG)(ULONG_PTR)args[0], (PUCHAR *)&out); break;
    case 12: context->Fcb = args[0]; context->Ccb = args[1]; status = EtQueryDirectory(context, args[2]); break;
    case 13: status = *(ULONG *)args == 'TNUM' ? EtMount(vcb) : STATUS_NOT_SUPPORTED; break; //~ MUNT magic
    case 17: status = EtLock(vcb, args[0], (LONG)(ULONG_PTR)args[1], (LONG)(ULONG_PTR)args[2]); break;
    case 20: status = EtBuildSecurity(vcb, args[0], (ULONG)(ULONG_PTR)args[1], &out); break;
  }
  KeLeaveCriticalRegion();
  irp->Status = status;
  if (out) irp->Information = (ULONG_PTR)out;
  EtFreeIrpContext(context);
  IoCompleteRequest(irp, 0);
  return status;
}

static void CALL EtUnload(DRIVER_OBJECT *driver) {
  ULONG i;
  for (i = 0; i < 2; i++) if (Workers[i]) Workers[i]->Stop = TRUE;
  while (kmem_caches.Flink != &kmem_caches) kmem_cache_destroy((kmem_cache *)kmem_caches.Flink);
  ExDeleteNPagedLookasideList(&Et->IrpContexts);
  ObDereferenceObjectDeferDeleteWithTag(driver, 'rDtE'); //~ EtDr object-tag
  ExFreePoolWithTag(Et, 'lGtE');
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  DEVICE_OBJECT *device;
  UNICODE_STRING name;
  ULONG i;
  Et = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(ET_GLOBAL), 'lGtE'); //= EtGl any direct
  if (!Et) return STATUS_INSUFFICIENT_RESOURCES;
  memset(Et, 0, sizeof(*Et));
  InitializeListHead(&Et->Volumes);
  ExInitializeResourceLite(Et->Lock);
  ExInitializeNPagedLookasideList(&Et->IrpContexts, NULL, NULL, 0, sizeof(IRP_CONTEXT), ET_TAG_IRP, 0);
  ExInitializeNPagedLookasideList(&Et->Fcbs, NULL, NULL, 0, sizeof(FCB), ET_TAG_FCB, 0);
  ExInitializePagedLookasideList(&Et->Ccbs, NULL, NULL, 0, sizeof(CCB), ET_TAG_CCB, 0);
  for (i = 0; i < sizeof(Lookasides) / sizeof(Lookasides[0]); i++)
    ExInitializeNPagedLookasideList((LOOKASIDE *)((PUCHAR)Et + Lookasides[i].Offset), NULL, NULL, 0, Lookasides[i].Size, Lookasides[i].Tag, 0);
  if (jbd_init_caches() < 0 || EtReadOptions(path) < 0) { ExFreePoolWithTag(Et, 'lGtE'); return STATUS_INSUFFICIENT_RESOURCES; }
  RtlInitUnicodeString(&name, (const WCHAR *)L"\\ExtFs");
  if (IoCreateDevice(driver, sizeof(VCB), &name, 8, 0, FALSE, &device) < 0) return STATUS_NOT_SUPPORTED;
  Workers[0] = EtStartWorker(0, ReaperWork, NULL);
  Workers[1] = EtStartWorker(1, CommitWork, device->Extension);
  for (i = 0; i < 28; i++) driver->Major[i] = EtDispatch;
  driver->Unload = EtUnload;
  IoRegisterFileSystem(device);
  return STATUS_SUCCESS;
}
