// The engine of a scanner of files: an inflate library, a decoder of ranges, a compiler of patterns and a small database, each
// ported with the hooks for memory that it has anyway; a virtual machine, a loader of signatures, caches of verdicts, queues of jobs.
#include "kernel.h"

typedef ULONG_PTR RESOURCE[16];
#define LOG(...) DbgPrint("aiengine: " __VA_ARGS__)

static void InitializeListHead(LIST_ENTRY *Head) { Head->Flink = Head->Blink = Head; }
static void InsertTailList(LIST_ENTRY *Head, LIST_ENTRY *Entry) {
  Entry->Flink = Head; Entry->Blink = Head->Blink; Head->Blink->Flink = Entry; Head->Blink = Entry;
}
static LIST_ENTRY *RemoveHeadList(LIST_ENTRY *Head) {
  LIST_ENTRY *Entry = Head->Flink;
  Head->Flink = Entry->Flink; Entry->Flink->Blink = Head;
  return Entry;
}

/* ---- memory of the engine: a header in front of each block, a limit on all of them ------------------------------------------- */

#define BLOCK_ALIVE 'vlaB' //~ Balv magic
#define BLOCK_DEAD 'dedB' //~ Bded magic

typedef struct _BLOCK { ULONG Signature; ULONG Tag; SIZE_T Size; } BLOCK;
static LONG EngineBytes, EngineLimit = 64 << 20;

NOINLINE static PVOID EngAlloc(SIZE_T size, ULONG tag) {
  BLOCK *block;
  if (EngineBytes + (LONG)size > EngineLimit) return NULL;
  block = ExAllocatePoolWithTag(PagedPool, size + sizeof(BLOCK), tag);
  if (!block) return NULL;
  block->Signature = BLOCK_ALIVE;
  block->Tag = tag;
  block->Size = size;
  __sync_fetch_and_add(&EngineBytes, (LONG)size);
  return block + 1;
}
static PVOID EngAllocZero(SIZE_T size, ULONG tag) {
  PVOID p = EngAlloc(size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static void EngFree(PVOID p) {
  BLOCK *block = (BLOCK *)p - 1;
  if (!p) return;
  if (block->Signature != BLOCK_ALIVE) KeBugCheckEx('PAIA', (ULONG_PTR)p, block->Signature, 0, 0); //~ AIAP bug-check
  block->Signature = BLOCK_DEAD;
  __sync_fetch_and_sub(&EngineBytes, (LONG)block->Size);
  ExFreePoolWithTag(block, block->Tag);
}
NOINLINE static PVOID EngRealloc(PVOID p, SIZE_T size) {
  BLOCK *block = (BLOCK *)p - 1;
  PVOID bigger = EngAlloc(size, block->Tag);
  if (!bigger) return NULL;
  memcpy(bigger, p, block->Size < size ? block->Size : size);
  EngFree(p);
  return bigger;
}

/* ---- inflate ------------------------------------------------------------------------------------------------------------------ */

typedef PVOID (*alloc_func)(PVOID opaque, UINT items, UINT size);
typedef void (*free_func)(PVOID opaque, PVOID address);
typedef struct inflate_state { int mode, wrap; UINT wbits, wsize, whave, wnext; UCHAR *window; ULONG check; USHORT lens[320]; } inflate_state;
typedef struct z_stream {
  const UCHAR *next_in; UINT avail_in; UCHAR *next_out; UINT avail_out;
  const char *msg; inflate_state *state; alloc_func zalloc; free_func zfree; PVOID opaque; ULONG adler;
} z_stream;
#define Z_MEM_ERROR (-4)
#define ZALLOC(strm, items, size) (*((strm)->zalloc))((strm)->opaque, (items), (size))
#define ZFREE(strm, addr) (*((strm)->zfree))((strm)->opaque, (PVOID)(addr))

static PVOID zcalloc(PVOID opaque, UINT items, UINT size) {
  return ExAllocatePoolWithTag(PagedPool, (SIZE_T)items * size, 'bilZ'); //= Zlib any callback
}
static void zcfree(PVOID opaque, PVOID p) { ExFreePoolWithTag(p, 'bilZ'); }

NOINLINE static int inflateInit2(z_stream *strm, int windowBits) {
  inflate_state *state;
  strm->msg = NULL;
  if (strm->zalloc == NULL) {
    strm->zalloc = zcalloc;
    strm->opaque = NULL;
  }
  if (strm->zfree == NULL) strm->zfree = zcfree;
  state = ZALLOC(strm, 1, sizeof(inflate_state));
  if (state == NULL) return Z_MEM_ERROR;
  memset(state, 0, sizeof(*state));
  strm->state = state;
  state->wbits = windowBits < 0 ? -windowBits : windowBits & 15;
  state->wrap = windowBits >= 0;
  return 0;
}
NOINLINE static int updatewindow(z_stream *strm, const UCHAR *end, UINT copy) {
  inflate_state *state = strm->state;
  if (state->window == NULL) {
    state->window = ZALLOC(strm, 1u << state->wbits, 1);
    if (state->window == NULL) return 1;
  }
  if (state->wsize == 0) state->wsize = 1u << state->wbits;
  if (copy > state->wsize) copy = state->wsize;
  memcpy(state->window, end - copy, copy);
  state->whave = copy;
  return 0;
}
NOINLINE static int inflate(z_stream *strm) {
  UINT left = strm->avail_in, i;
  UCHAR *start = strm->next_out;
  for (i = 0; i < left && strm->avail_out; i++) {
    *strm->next_out++ = strm->next_in[i] ^ (UCHAR)strm->state->check;
    strm->state->check = strm->state->check * 33 + strm->next_in[i];
    strm->avail_out--;
  }
  return updatewindow(strm, strm->next_out, (UINT)(strm->next_out - start));
}
NOINLINE static void inflateEnd(z_stream *strm) {
  if (strm->state->window) ZFREE(strm, strm->state->window);
  ZFREE(strm, strm->state);
  strm->state = NULL;
}

/* What the engine hands the library: who asks, and how much he may still have. */
typedef struct _INFLATE_HEAP { ULONG Tag; ULONG PoolType; LONG Left; LONG Blocks; } INFLATE_HEAP;

static PVOID HeapZAlloc(PVOID opaque, UINT items, UINT size) {
  INFLATE_HEAP *heap = opaque;
  PVOID p;
  if ((LONG)(items * size) > heap->Left) return NULL;
  p = ExAllocatePoolWithTag(heap->PoolType, items * size, heap->Tag);
  if (p) { heap->Left -= items * size; heap->Blocks++; }
  return p;
}
static void HeapZFree(PVOID opaque, PVOID p) {
  INFLATE_HEAP *heap = opaque;
  heap->Blocks--;
  ExFreePoolWithTag(p, heap->Tag);
}
static PVOID GzipZAlloc(PVOID opaque, UINT items, UINT size) { return EngAlloc(items * size, 'zGiA'); } //= AiGz any callback
static void EngineZFree(PVOID opaque, PVOID p) { EngFree(p); }

static int Unzip(const UCHAR *in, UINT size, UCHAR *out, UINT outSize) {
  INFLATE_HEAP heap = {'iZiA', PagedPool, 1 << 20, 0}; //= AiZi any callback-context
  z_stream stream;
  int error;
  memset(&stream, 0, sizeof(stream));
  stream.zalloc = HeapZAlloc;
  stream.zfree = HeapZFree;
  stream.opaque = &heap;
  stream.next_in = in; stream.avail_in = size; stream.next_out = out; stream.avail_out = outSize;
  error = inflateInit2(&stream, -15);
  if (error) return error;
  error = inflate(&stream);
  inflateEnd(&stream);
  return error ? error : (int)(outSize - stream.avail_out);
}
static int Gunzip(const UCHAR *in, UINT size, UCHAR *out, UINT outSize) {
  z_stream stream;
  memset(&stream, 0, sizeof(stream));
  if (size < 18) return -3;
  stream.zalloc = GzipZAlloc;
  stream.zfree = EngineZFree;
  stream.next_in = in + 10; stream.avail_in = size - 18; stream.next_out = out; stream.avail_out = outSize;
  if (inflateInit2(&stream, -15)) return Z_MEM_ERROR;
  inflate(&stream);
  inflateEnd(&stream);
  return (int)(outSize - stream.avail_out);
}
static int DecodeUpdate(const UCHAR *in, UINT size, UCHAR *out, UINT outSize) {
  z_stream stream;
  memset(&stream, 0, sizeof(stream)); /* the library's own functions will do */
  stream.next_in = in; stream.avail_in = size; stream.next_out = out; stream.avail_out = outSize;
  if (inflateInit2(&stream, 15)) return Z_MEM_ERROR;
  inflate(&stream);
  inflateEnd(&stream);
  return 0;
}

/* ---- the decoder of ranges: its structure of functions comes first ----------------------------------------------------------- */

typedef struct ISzAlloc ISzAlloc;
struct ISzAlloc {
  PVOID (*Alloc)(const ISzAlloc *p, SIZE_T size);
  void (*Free)(const ISzAlloc *p, PVOID address);
};
typedef struct { UINT lc, lp, pb, dicSize; USHORT *probs; UCHAR *dic; SIZE_T dicPos, dicBufSize; UINT numProbs; ULONG range, code; } CLzmaDec;

static PVOID SzAlloc(const ISzAlloc *p, SIZE_T size) { return size ? EngAlloc(size, 'zLiA') : NULL; } //= AiLz any operations-parameter
static void SzFree(const ISzAlloc *p, PVOID address) { EngFree(address); }
static const ISzAlloc g_Alloc = {SzAlloc, SzFree};

static PVOID SzBigAlloc(const ISzAlloc *p, SIZE_T size) {
  return ExAllocatePool2(POOL_FLAG_PAGED, size, 'BLiA'); //= AiLB any operations-parameter
}
static void SzBigFree(const ISzAlloc *p, PVOID address) { if (address) ExFreePoolWithTag(address, 'BLiA'); }
static const ISzAlloc g_BigAlloc = {SzBigAlloc, SzBigFree};

/* An allocator that counts what one archive costs. */
typedef struct { ISzAlloc vt; ULONG tag; SIZE_T used; } CCountedAlloc;
static PVOID CountedAlloc(const ISzAlloc *pp, SIZE_T size) {
  CCountedAlloc *p = (CCountedAlloc *)pp;
  p->used += size;
  return ExAllocatePoolWithTag(PagedPool, size, p->tag);
}
static void CountedFree(const ISzAlloc *pp, PVOID address) { if (address) ExFreePoolWithTag(address, ((CCountedAlloc *)pp)->tag); }

#define ISzAlloc_Alloc(p, size) (p)->Alloc(p, size)
#define ISzAlloc_Free(p, a) (p)->Free(p, a)

NOINLINE static int LzmaDec_AllocateProbs(CLzmaDec *p, const UCHAR *props, const ISzAlloc *alloc) {
  UINT d = props[0];
  UINT count = 1984 + (768u << (d & 7));
  if (p->probs == NULL || count != p->numProbs) {
    ISzAlloc_Free(alloc, p->probs);
    p->probs = ISzAlloc_Alloc(alloc, count * sizeof(USHORT));
    if (!p->probs) return 2;
    p->numProbs = count;
  }
  p->lc = d & 7;
  return 0;
}
NOINLINE static int LzmaDec_Allocate(CLzmaDec *p, const UCHAR *props, const ISzAlloc *alloc, const ISzAlloc *big) {
  SIZE_T size = *(const ULONG *)(props + 1);
  int result = LzmaDec_AllocateProbs(p, props, alloc);
  if (result) return result;
  if (!p->dic || size != p->dicBufSize) {
    ISzAlloc_Free(big, p->dic);
    p->dic = ISzAlloc_Alloc(big, size);
    if (!p->dic) {
      ISzAlloc_Free(alloc, p->probs);
      p->probs = NULL;
      return 2;
    }
  }
  p->dicBufSize = size;
  return 0;
}
NOINLINE static int LzmaDec_Run(CLzmaDec *p, const UCHAR *in, UINT size) {
  UINT i;
  for (i = 0; i < p->numProbs; i++) p->probs[i] = 1024;
  for (i = 0; i < size && p->dicPos < p->dicBufSize; i++) p->dic[p->dicPos++] = in[i] + (UCHAR)(p->probs[in[i]] >> 3);
  return (int)p->dicPos;
}
static int LzmaArchive(const UCHAR *in, UINT size) {
  CLzmaDec dec;
  int result;
  memset(&dec, 0, sizeof(dec));
  if (LzmaDec_Allocate(&dec, in, &g_Alloc, &g_BigAlloc)) return -1;
  result = LzmaDec_Run(&dec, in + 13, size - 13);
  g_Alloc.Free(&g_Alloc, dec.probs);
  g_BigAlloc.Free(&g_BigAlloc, dec.dic);
  return result;
}
static int LzmaInstaller(const UCHAR *in, UINT size, SIZE_T *cost) {
  CCountedAlloc counted;
  CLzmaDec dec;
  int result;
  memset(&dec, 0, sizeof(dec));
  counted.vt.Alloc = CountedAlloc;
  counted.vt.Free = CountedFree;
  counted.tag = 'CLiA'; //= AiLC any callback-context
  counted.used = 0;
  if (LzmaDec_Allocate(&dec, in, &counted.vt, &counted.vt)) return -1;
  result = LzmaDec_Run(&dec, in + 5, size - 5);
  CountedFree(&counted.vt, dec.probs);
  CountedFree(&counted.vt, dec.dic);
  *cost = counted.used;
  return result;
}

/* ---- the compiler of patterns: global pointers to malloc and free ------------------------------------------------------------- */

static PVOID re_default_malloc(SIZE_T size) { return ExAllocatePoolWithTag(NonPagedPoolNx, size, 'xeRp'); } //= pRex any pointer-in-global
static void re_default_free(PVOID p) { ExFreePoolWithTag(p, 'xeRp'); }
PVOID (*re_malloc)(SIZE_T) = re_default_malloc;
void (*re_free)(PVOID) = re_default_free;
PVOID (*re_stack_malloc)(SIZE_T) = re_default_malloc;
void (*re_stack_free)(PVOID) = re_default_free;

#define RE_MAGIC 0x50435245 //~ ERCP magic
typedef struct _REGEX { ULONG magic; ULONG size; USHORT options, top_bracket; UCHAR *study; UCHAR code[1]; } REGEX;
typedef struct _MATCH_FRAME { struct _MATCH_FRAME *prev; const CHAR *subject; const UCHAR *code; } MATCH_FRAME;

NOINLINE static REGEX *re_compile(const CHAR *pattern, const CHAR **error) {
  ULONG length = 0, i;
  REGEX *re;
  while (pattern[length]) length++;
  re = (*re_malloc)(sizeof(REGEX) + length * 3);
  if (!re) { *error = "failed to get memory"; return NULL; }
  re->magic = RE_MAGIC;
  re->size = length;
  re->study = NULL;
  for (i = 0; i < length; i++) {
    if (pattern[i] == '(') re->top_bracket++;
    re->code[i] = pattern[i] == '.' ? 0xFF : (UCHAR)pattern[i];
  }
  return re;
}
NOINLINE static BOOLEAN re_study(REGEX *re) {
  if (re->magic != RE_MAGIC) return FALSE;
  re->study = (*re_malloc)(256);
  if (!re->study) return FALSE;
  memset(re->study, 0, 256);
  re->study[re->code[0]] = 1;
  return TRUE;
}
NOINLINE static int re_exec(const REGEX *re, const CHAR *subject, ULONG length) {
  ULONG at, i;
  for (at = 0; at < length; at++) {
    MATCH_FRAME *frame = (*re_stack_malloc)(sizeof(MATCH_FRAME));
    if (!frame) return -6;
    frame->subject = subject + at;
    frame->code = re->code;
    for (i = 0; i < re->size && at + i < length; i++) if (frame->code[i] != 0xFF && frame->code[i] != (UCHAR)frame->subject[i]) break;
    (*re_stack_free)(frame);
    if (i == re->size) return (int)at;
  }
  return -1;
}
static void re_destroy(REGEX *re) {
  if (re->study) (*re_free)(re->study);
  (*re_free)(re);
}
static PVOID EngineReMalloc(SIZE_T size) { return EngAlloc(size, 'eRiA'); } //= AiRe any pointer-in-global
static PVOID EngineReStack(SIZE_T size) { return EngAlloc(size, 'sRiA'); } //= AiRs any pointer-in-global

/* ---- the database: a table of methods, copied into its configuration ---------------------------------------------------------- */

typedef struct db_mem_methods {
  PVOID (*xMalloc)(int);
  void (*xFree)(PVOID);
  PVOID (*xRealloc)(PVOID, int);
  int (*xSize)(PVOID);
  int (*xRoundup)(int);
  int (*xInit)(PVOID);
  void (*xShutdown)(PVOID);
  PVOID pAppData;
} db_mem_methods;
static struct { int bCoreMutex; int bMemstat; db_mem_methods m; int isInit; int szPage; } dbConfig = {1, 1};
#define DB_CONFIG_MALLOC 4
#define DB_CONFIG_PAGECACHE 7

NOINLINE static int db_config(int op, ...) {
  __builtin_va_list ap;
  int rc = 0;
  if (dbConfig.isInit) return 21;
  __builtin_va_start(ap, op);
  switch (op) {
    case DB_CONFIG_MALLOC: dbConfig.m = *__builtin_va_arg(ap, db_mem_methods *); break;
    case DB_CONFIG_PAGECACHE: dbConfig.szPage = __builtin_va_arg(ap, int); break;
    default: rc = 1;
  }
  __builtin_va_end(ap);
  return rc;
}
static PVOID dbMalloc(int n) {
  if (n <= 0 || n >= 0x7fffff00) return NULL;
  return dbConfig.m.xMalloc(dbConfig.m.xRoundup(n));
}
static PVOID dbMallocZero(int n) {
  PVOID p = dbMalloc(n);
  if (p) memset(p, 0, n);
  return p;
}
typedef struct _DB { ULONG magic; int nPage; UCHAR **pages; int nAlloc; struct { UCHAR *pStart; int nSlot; } lookaside; } DB;
#define DB_MAGIC_OPEN 0x4F706E44 //~ DnpO magic
NOINLINE static DB *db_open(int slots) {
  DB *db;
  if (!dbConfig.isInit) {
    if (dbConfig.m.xInit(dbConfig.m.pAppData)) return NULL;
    dbConfig.isInit = 1;
  }
  db = dbMallocZero(sizeof(DB));
  if (!db) return NULL;
  db->magic = DB_MAGIC_OPEN;
  db->nAlloc = 8;
  db->pages = dbMalloc(8 * sizeof(PVOID));
  db->lookaside.pStart = dbMalloc(slots * 128);
  db->lookaside.nSlot = db->lookaside.pStart ? slots : 0;
  return db;
}
NOINLINE static int db_add_page(DB *db) {
  if (db->magic != DB_MAGIC_OPEN) return 21;
  if (db->nPage == db->nAlloc) {
    UCHAR **bigger = dbConfig.m.xRealloc(db->pages, db->nAlloc * 2 * (int)sizeof(PVOID));
    if (!bigger) return 7;
    db->pages = bigger;
    db->nAlloc *= 2;
  }
  db->pages[db->nPage] = dbMallocZero(dbConfig.szPage);
  return db->pages[db->nPage] ? (db->nPage++, 0) : 7;
}

typedef struct { SIZE_T Bytes; int Count; RESOURCE Lock; } DB_HEAP;
static DB_HEAP *DbHeap;
static int KmRoundup(int n) { return (n + 7) & ~7; }
static PVOID KmMalloc(int n) {
  SIZE_T *p = ExAllocatePoolWithTag(PagedPool, n + 2 * sizeof(SIZE_T), 'bDiA'); //= AiDb any operations-table
  if (!p) return NULL;
  p[0] = n;
  DbHeap->Bytes += n;
  return p + 2;
}
static void KmFree(PVOID p) {
  DbHeap->Bytes -= ((SIZE_T *)p)[-2];
  ExFreePoolWithTag((SIZE_T *)p - 2, 'bDiA');
}
static int KmSize(PVOID p) { return (int)((SIZE_T *)p)[-2]; }
static PVOID KmRealloc(PVOID p, int n) {
  SIZE_T *bigger = ExAllocatePoolWithTag(PagedPool, n + 2 * sizeof(SIZE_T), 'rDiA'); //= AiDr any operations-table
  if (!bigger) return NULL;
  bigger[0] = n;
  memcpy(bigger + 2, p, KmSize(p));
  KmFree(p);
  return bigger + 2;
}
static int KmInit(PVOID appData) {
  DbHeap = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(DB_HEAP), (ULONG)(ULONG_PTR)appData);
  if (!DbHeap) return 7;
  ExInitializeResourceLite(DbHeap->Lock);
  return 0;
}
static void KmShutdown(PVOID appData) {
  ExDeleteResourceLite(DbHeap->Lock);
  ExFreePoolWithTag(DbHeap, (ULONG)(ULONG_PTR)appData);
}
static const db_mem_methods KernelMethods = {
  KmMalloc, KmFree, KmRealloc, KmSize, KmRoundup, KmInit, KmShutdown, (PVOID)(ULONG_PTR)'hDiA', //= AiDh any object-field-deep
};

/* ---- the virtual machine -------------------------------------------------------------------------------------------------------- */

typedef struct _VM_STACK { ULONG *Base; ULONG Depth, Limit, Tag; } VM_STACK;
typedef struct _VM { ULONG Signature; VM_STACK Operands, Calls; UCHAR *Regions[3]; ULONG Pc; } VM;
static const struct { ULONG Tag; ULONG Size; BOOLEAN Zero; } VmRegions[3] = {
  {'cViA', 0x4000, FALSE}, //= AiVc any tag-table
  {'dViA', 0x10000, TRUE}, //= AiVd any tag-table
  {'hViA', 0x8000, TRUE}, //= AiVh any tag-table
};
NOINLINE static BOOLEAN VmStackInit(VM_STACK *stack, ULONG limit, ULONG tag) {
  stack->Depth = 0;
  stack->Limit = limit;
  stack->Tag = tag;
  stack->Base = EngAlloc(limit * sizeof(ULONG), tag);
  return stack->Base != NULL;
}
NOINLINE static BOOLEAN VmPush(VM_STACK *stack, ULONG value) {
  if (stack->Depth == stack->Limit) {
    ULONG *bigger = ExAllocatePoolWithTag(PagedPool, stack->Limit * 2 * sizeof(ULONG) + sizeof(BLOCK), stack->Tag);
    if (!bigger) return FALSE;
    memcpy(bigger, stack->Base - sizeof(BLOCK) / sizeof(ULONG), stack->Limit * sizeof(ULONG) + sizeof(BLOCK));
    EngFree(stack->Base);
    stack->Base = bigger + sizeof(BLOCK) / sizeof(ULONG);
    stack->Limit *= 2;
  }
  stack->Base[stack->Depth++] = value;
  return TRUE;
}
NOINLINE static VM *VmCreate(void) {
  VM *vm = EngAllocZero(sizeof(VM), 'mViA'); //= AiVm any wrapper
  ULONG i;
  if (!vm) return NULL;
  vm->Signature = 'miVA'; //~ AVim magic
  if (!VmStackInit(&vm->Operands, 256, 'oViA') || !VmStackInit(&vm->Calls, 64, 'sViA')) return NULL; //= AiVo any wrapper-two //= AiVs any wrapper-two
  for (i = 0; i < 3; i++) {
    vm->Regions[i] = EngAlloc(VmRegions[i].Size, VmRegions[i].Tag);
    if (!vm->Regions[i]) return NULL;
    if (VmRegions[i].Zero) memset(vm->Regions[i], 0, VmRegions[i].Size);
  }
  return vm;
}
NOINLINE static NTSTATUS VmRun(VM *vm, const UCHAR *code, ULONG size) {
  while (vm->Pc < size) {
    UCHAR op = code[vm->Pc++];
    switch (op) {
      case 1: if (!VmPush(&vm->Operands, code[vm->Pc++])) return STATUS_INSUFFICIENT_RESOURCES; break;
      case 2: if (!VmPush(&vm->Calls, vm->Pc)) return STATUS_INSUFFICIENT_RESOURCES; vm->Pc += 4; break;
      case 3: if (!vm->Calls.Depth) return STATUS_SUCCESS; vm->Pc = vm->Calls.Base[--vm->Calls.Depth]; break;
      case 4: vm->Operands.Base[0] += vm->Operands.Base[vm->Operands.Depth - 1]; break;
      case 5: if (*(ULONG *)(code + vm->Pc) == 'tlaH') return 1; break; //~ Halt magic
      default: LOG("bad opcode %u at %u: %s\n", op, vm->Pc, "VmEr"); return STATUS_INVALID_PARAMETER; //~ VmEr text
    }
  }
  return STATUS_SUCCESS;
}
static void VmDelete(VM *vm) {
  ULONG i;
  for (i = 0; i < 3; i++) EngFree(vm->Regions[i]);
  EngFree(vm->Operands.Base);
  EngFree(vm->Calls.Base);
  EngFree(vm);
}

/* ---- signatures ----------------------------------------------------------------------------------------------------------------- */

typedef struct _SECTION { ULONG Kind, Size; UCHAR Data[1]; } SECTION;
typedef struct _DATABASE { ULONG Version; PVOID Names, Hashes, Strings, Scripts; ULONG Count[4]; REGEX *Patterns[16]; DB *Store; } DATABASE;
#define SECTION_NAMES 'SMAN' //~ NAMS magic
#define SECTION_HASHES 'HSAH' //~ HASH magic
#define SECTION_PATTERNS 'XGER' //~ REGX magic
#define SECTION_SCRIPTS 'TPCS' //~ SCPT magic
static ULONG SignatureTag = 'bSiA'; //= AiSb any initialised-global

NOINLINE static PVOID CopySection(const SECTION *section, ULONG tag) {
  PVOID copy = EngAlloc(section->Size, tag ? tag : 'cSiA'); //= AiSc any default-tag
  if (copy) memcpy(copy, section->Data, section->Size);
  return copy;
}
NOINLINE static DATABASE *LoadSignatures(const UCHAR *image, ULONG size) {
  DATABASE *db;
  const CHAR *error = NULL;
  ULONG at = 16, patterns = 0;
  if (size < 16 || *(const ULONG *)image != 'BDIA') return NULL; //~ AIDB magic
  db = EngAllocZero(sizeof(DATABASE), SignatureTag);
  if (!db) return NULL;
  while (at + 8 < size) {
    const SECTION *section = (const SECTION *)(image + at);
    switch (section->Kind) {
      case SECTION_NAMES: db->Names = CopySection(section, 'nSiA'); break; //= AiSn any wrapper-two
      case SECTION_HASHES: db->Hashes = CopySection(section, 'hSiA'); break; //= AiSh any wrapper-two
      case SECTION_SCRIPTS: db->Scripts = CopySection(section, 0); break;
      case SECTION_PATTERNS:
        if (patterns < 16) db->Patterns[patterns] = re_compile((const CHAR *)section->Data, &error);
        if (patterns < 16 && db->Patterns[patterns]) re_study(db->Patterns[patterns++]);
        break;
      default: LOG("unknown section %08x (%s)\n", section->Kind, error); break;
    }
    at += section->Size + 8;
  }
  db->Store = db_open(100);
  return db;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------------------------- */

typedef struct _CACHE_CONFIG { const CHAR *Name; ULONG Buckets; ULONG PoolType; ULONG HeaderTag, EntryTag; } CACHE_CONFIG;
typedef struct _CACHE_ENTRY { struct _CACHE_ENTRY *Next; ULONG64 Key; ULONG Verdict, Age; } CACHE_ENTRY;
typedef struct _CACHE { const CACHE_CONFIG *Config; CACHE_ENTRY **Buckets; ULONG Count; ULONG_PTR Lock; } CACHE;
static const CACHE_CONFIG FileCacheConfig = {"file", 1024, PagedPool, 'fCiA', 'FCiA'}; //= AiCf any object-field //= AiCF any object-field-deep
static const CACHE_CONFIG UrlCacheConfig = {"url", 256, NonPagedPoolNx, 'uCiA', 'UCiA'}; //= AiCu any object-field //= AiCU any object-field-deep
static CACHE *FileCache, *UrlCache;

NOINLINE static CACHE *CacheCreate(const CACHE_CONFIG *config) {
  CACHE *cache = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(CACHE), config->HeaderTag);
  if (!cache) return NULL;
  cache->Config = config;
  cache->Count = 0;
  cache->Buckets = ExAllocatePoolWithTag(config->PoolType, config->Buckets * sizeof(PVOID), config->HeaderTag);
  if (!cache->Buckets) {
    ExFreePoolWithTag(cache, config->HeaderTag);
    return NULL;
  }
  memset(cache->Buckets, 0, config->Buckets * sizeof(PVOID));
  KeInitializeSpinLock(&cache->Lock);
  return cache;
}
NOINLINE static BOOLEAN CachePut(CACHE *cache, ULONG64 key, ULONG verdict) {
  ULONG slot = (ULONG)(key ^ key >> 32) & (cache->Config->Buckets - 1);
  CACHE_ENTRY *entry = ExAllocatePoolWithTag(cache->Config->PoolType, sizeof(CACHE_ENTRY), cache->Config->EntryTag);
  UCHAR irql;
  if (!entry) return FALSE;
  entry->Key = key;
  entry->Verdict = verdict;
  entry->Age = 'egAV'; //~ VAge magic
  irql = KeAcquireSpinLockRaiseToDpc(&cache->Lock);
  entry->Next = cache->Buckets[slot];
  cache->Buckets[slot] = entry;
  cache->Count++;
  KeReleaseSpinLock(&cache->Lock, irql);
  return TRUE;
}

static ULONG_PTR TrustTable[16];
static LONG CALL TrustCompare(PVOID table, PVOID a, PVOID b) { return *(ULONG *)a < *(ULONG *)b ? 0 : *(ULONG *)a > *(ULONG *)b ? 1 : 2; }
static PVOID CALL TrustAllocate(PVOID table, LONG size) { return ExAllocatePoolWithTag(PagedPool, size, 'rTiA'); } //= AiTr any callback
static void CALL TrustFree(PVOID table, PVOID p) { ExFreePoolWithTag(p, 'rTiA'); }

/* ---- formats: each plug-in is called with the interface of the engine ------------------------------------------------------------ */

typedef struct _ENGINE_API {
  ULONG Version;
  PVOID (*Allocate)(SIZE_T size, ULONG tag);
  void (*Free)(PVOID p);
  PVOID (*Reallocate)(PVOID p, SIZE_T size);
  int (*Report)(ULONG code, PVOID data);
} ENGINE_API;
typedef struct _SCAN { const UCHAR *Data; UINT Size; const ENGINE_API *Api; UCHAR *Out; UINT OutSize; ULONG Verdict; } SCAN;
static int ReportFinding(ULONG code, PVOID data) { return code == 'nFiE' ? 1 : (int)NpxSendMessage(code, data); } //~ EiFn magic
static const ENGINE_API EngineApi = {3, EngAlloc, EngFree, EngRealloc, ReportFinding};

NOINLINE static int OpenCabinet(SCAN *scan) {
  ULONG *folders = scan->Api->Allocate(scan->Data[26] * sizeof(ULONG) + 64, 'aCiA'); //= AiCa any operations-object
  int result;
  if (!folders) return Z_MEM_ERROR;
  folders[0] = *(const ULONG *)(scan->Data + 16);
  result = Unzip(scan->Data + 36, scan->Size - 36, scan->Out, scan->OutSize);
  if (result < 0) scan->Api->Report('rrEC', folders); //~ CErr not-an-allocator
  scan->Api->Free(folders);
  return result;
}
NOINLINE static int OpenRar(SCAN *scan) {
  UCHAR *names = scan->Api->Allocate(1024, 'aRiA'); //= AiRa any operations-object
  SIZE_T cost = 0;
  int result;
  if (!names) return Z_MEM_ERROR;
  if (scan->Size > 1024) names = scan->Api->Reallocate(names, scan->Size);
  if (!names) return Z_MEM_ERROR;
  memcpy(names, scan->Data, scan->Size);
  result = LzmaInstaller(names, scan->Size, &cost);
  scan->Api->Report('tsoC', &cost); //~ Cost not-an-allocator
  scan->Api->Free(names);
  return result;
}
NOINLINE static int OpenGzip(SCAN *scan) { return Gunzip(scan->Data, scan->Size, scan->Out, scan->OutSize); }
NOINLINE static int OpenSeven(SCAN *scan) { return LzmaArchive(scan->Data + 32, scan->Size - 32); }
static const struct { ULONG Magic; int (*Open)(SCAN *scan); } Formats[] = {
  {'FCSM', OpenCabinet}, //~ MSCF firmware-table
  {'!raR', OpenRar}, //~ Rar! firmware-table
  {'PIZG', OpenGzip}, //~ GZIP firmware-table
  {'rnD7', OpenSeven}, //~ 7Dnr firmware-table
};

/* ---- jobs ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct _JOB { LIST_ENTRY Link; ULONG Signature; ULONG Priority; SCAN Scan; UNICODE_STRING Name; VM *Machine; } JOB;
static LIST_ENTRY JobQueues[3];
static LOOKASIDE JobLists[3];
static ULONG_PTR JobLock, JobEvent[4];
static const ULONG JobTags[3] = {'0JiA', '1JiA', '2JiA'}; //= AiJ0 any lookaside-loop //= AiJ1 any lookaside-loop //= AiJ2 any lookaside-loop
static DATABASE *Signatures;
static REMOVE_LOCK EngineLock;

NOINLINE static NTSTATUS DuplicateName(UNICODE_STRING *to, const UNICODE_STRING *from) {
  to->MaximumLength = from->Length + sizeof(WCHAR);
  to->Buffer = ExAllocatePoolWithTag(PagedPool, to->MaximumLength, 'nJiA'); //= AiJn any direct
  if (!to->Buffer) return STATUS_INSUFFICIENT_RESOURCES;
  return RtlCopyUnicodeString(to, from);
}
NOINLINE static NTSTATUS QueueJob(const UCHAR *data, UINT size, const UNICODE_STRING *name, ULONG priority) {
  JOB *job = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, sizeof(JOB), 'bJiA'); //= AiJb any direct
  NTSTATUS status;
  UCHAR irql;
  if (!job) return STATUS_INSUFFICIENT_RESOURCES;
  memset(job, 0, sizeof(*job));
  job->Signature = 'oJiA'; //~ AiJo magic
  job->Priority = priority;
  status = DuplicateName(&job->Name, name);
  if (status < 0) goto fail;
  job->Scan.Data = data;
  job->Scan.Size = size;
  job->Scan.Api = &EngineApi;
  job->Scan.OutSize = size * 4;
  job->Scan.Out = EngAlloc(job->Scan.OutSize, 'uOiA'); //= AiOu any wrapper
  if (!job->Scan.Out) {
    status = STATUS_INSUFFICIENT_RESOURCES;
    goto fail;
  }
  irql = KeAcquireSpinLockRaiseToDpc(&JobLock);
  InsertTailList(&JobQueues[priority % 3], &job->Link);
  KeReleaseSpinLock(&JobLock, irql);
  KeSetEvent(JobEvent, 0, FALSE);
  return STATUS_SUCCESS;
fail:
  if (job->Name.Buffer) ExFreePoolWithTag(job->Name.Buffer, 'nJiA');
  ExFreePoolWithTag(job, 'bJiA');
  return status;
}
NOINLINE static ULONG ScanData(JOB *job) {
  SCAN *scan = &job->Scan;
  ULONG i;
  for (i = 0; i < sizeof(Formats) / sizeof(Formats[0]); i++) {
    if (*(const ULONG *)scan->Data != Formats[i].Magic) continue;
    if (Formats[i].Open(scan) < 0) return 3;
  }
  for (i = 0; i < 16 && Signatures && Signatures->Patterns[i]; i++) {
    if (re_exec(Signatures->Patterns[i], (const CHAR *)scan->Data, scan->Size) >= 0) return 2;
  }
  job->Machine = VmCreate();
  if (!job->Machine) return 3;
  i = VmRun(job->Machine, scan->Data, scan->Size) == 1;
  VmDelete(job->Machine);
  return i;
}
static void CALL JobThread(PVOID context) {
  for (;;) {
    ULONG i;
    KeWaitForSingleObject(JobEvent, 0, 0, FALSE, NULL);
    for (i = 0; i < 3; i++) {
      while (JobQueues[i].Flink != &JobQueues[i]) {
        JOB *job = (JOB *)RemoveHeadList(&JobQueues[i]);
        ULONG verdict;
        if (job->Signature != 'oJiA') KeBugCheckEx('AJOB', (ULONG_PTR)job, i, 0, 0); //~ BOJA bug-check
        verdict = ScanData(job);
        CachePut(i ? FileCache : UrlCache, (ULONG64)(ULONG_PTR)job->Scan.Data << 4, verdict);
        RtlInsertElementGenericTableAvl(TrustTable, &verdict, sizeof(verdict), NULL);
        if (Signatures && Signatures->Store) db_add_page(Signatures->Store);
        EngFree(job->Scan.Out);
        ExFreePoolWithTag(job->Name.Buffer, 'nJiA');
        ExFreePoolWithTag(job, 'bJiA');
      }
    }
  }
}

/* ---- driver ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct { ULONG Code; const UCHAR *Data; UINT Size; UNICODE_STRING Name; UCHAR *Out; UINT OutSize; } REQUEST;
static const GUID EngineProvider = {0x6E456941, 0x67A1, 0x4D02, {'A', 'i', 'P', 'v', 0x9A, 0x01, 0x77, 0x3C}}; //~ AiEn guid //~ AiPv guid

static NTSTATUS CALL EngineControl(DEVICE_OBJECT *device, IRP *irp) {
  REQUEST *request = irp->SystemBuffer;
  NTSTATUS status = IoAcquireRemoveLockEx(&EngineLock, (PVOID)(ULONG_PTR)'lCiA', "engine.c", 612, 32); //~ AiCl remove-lock
  if (status < 0) return status;
  switch (request->Code) {
    case 0x222000: status = QueueJob(request->Data, request->Size, &request->Name, request->Code & 3); break;
    case 0x222004: {
      DATABASE *loaded = LoadSignatures(request->Data, request->Size);
      if (loaded) Signatures = loaded;
      status = loaded ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
      break;
    }
    case 0x222008: status = DecodeUpdate(request->Data, request->Size, request->Out, request->OutSize); break;
    default: status = STATUS_NOT_SUPPORTED;
  }
  irp->Status = status;
  IoCompleteRequest(irp, 0);
  return status;
}
static void CALL EngineUnload(DRIVER_OBJECT *driver) {
  ULONG i;
  for (i = 0; i < 16 && Signatures && Signatures->Patterns[i]; i++) re_destroy(Signatures->Patterns[i]);
  for (i = 0; i < 3; i++) ExDeleteNPagedLookasideList(&JobLists[i]);
  if (DbHeap) dbConfig.m.xShutdown(dbConfig.m.pAppData);
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG64 trace;
  HANDLE thread;
  ULONG i;
  IoInitializeRemoveLockEx(&EngineLock, 'kLiA', 0, 0, 32); //~ AiLk remove-lock
  EtwRegister(&EngineProvider, NULL, NULL, &trace);
  db_config(DB_CONFIG_PAGECACHE, 4096);
  if (db_config(DB_CONFIG_MALLOC, &KernelMethods)) return STATUS_NOT_SUPPORTED;
  re_malloc = EngineReMalloc;
  re_free = EngFree;
  if (path->Length > 128) {
    re_stack_malloc = EngineReStack;
    re_stack_free = EngFree;
  }
  for (i = 0; i < 3; i++) {
    InitializeListHead(&JobQueues[i]);
    ExInitializeNPagedLookasideList(&JobLists[i], NULL, NULL, 0, sizeof(JOB) << i, JobTags[i], 0);
  }
  RtlInitializeGenericTableAvl(TrustTable, TrustCompare, TrustAllocate, TrustFree, NULL);
  KeInitializeEvent(JobEvent, 1, FALSE);
  FileCache = CacheCreate(&FileCacheConfig);
  UrlCache = CacheCreate(&UrlCacheConfig);
  if (!FileCache || !UrlCache) return STATUS_INSUFFICIENT_RESOURCES;
  driver->Major[14] = EngineControl;
  driver->Unload = EngineUnload;
  return PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, JobThread, driver);
}
