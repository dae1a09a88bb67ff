// An antivirus engine's driver: tags that are computed, chosen and built: counted up, by switch, by table, from characters, by byte swap,
// by flags; among file signatures, record types and hashes that look like them.
#include "kernel.h"

#define SWAP(x) (((ULONG)(x) >> 24) | (((ULONG)(x) >> 8) & 0xFF00) | (((ULONG)(x) << 8) & 0xFF0000) | ((ULONG)(x) << 24))
#define MAKE_TAG(a, b, c, d) ((ULONG)(UCHAR)(a) | (ULONG)(UCHAR)(b) << 8 | (ULONG)(UCHAR)(c) << 16 | (ULONG)(UCHAR)(d) << 24)
#define PROTECTED 0x80000000

typedef enum { KindFile, KindStream, KindProcess, KindThread, KindModule, KindMax } KIND;
typedef struct { ULONG type, depth; SIZE_T size; PVOID memory[8]; ULONG tags[4]; } JOB;

static PVOID volatile keep;
static ULONG volatile configuration;

/* --- counted ----------------------------------------------------------------------------------------------------------------------- */
NOINLINE static void AllocateLanes(JOB *job) { /* one lane per processor: EnL0 .. EnL3 */
  ULONG lane;
  for (lane = 0; lane < 4; lane++) {
    job->memory[lane] = ExAllocatePoolWithTag(NonPagedPoolNx, job->size + lane, '0LnE' + (lane << 24)); //= EnL0 allocation-call computed-tag //= EnL1 allocation-call computed-tag //= EnL2 allocation-call computed-tag //= EnL3 allocation-call computed-tag
    if (!job->memory[lane]) break;
  }
}

NOINLINE static PVOID AllocateShard(ULONG hash, SIZE_T size) { /* EnS0 .. EnS3 */
  return ExAllocatePoolWithTag(PagedPool, size, '0SnE' | ((hash & 3) << 24)); //= EnS0 allocation-call computed-tag //= EnS1 allocation-call computed-tag //= EnS2 allocation-call computed-tag //= EnS3 allocation-call computed-tag
}

NOINLINE static void FreeLanes(JOB *job, ULONG count) {
  while (count--) if (job->memory[count & 7]) ExFreePoolWithTag(job->memory[count & 7], 0);
}

/* --- chosen ------------------------------------------------------------------------------------------------------------------------- */
NOINLINE static PVOID AllocateByDepth(ULONG depth, SIZE_T size) {
  ULONG tag;
  switch (depth) { /* neighbours, folded to arithmetic or a table */
    case 0: tag = 'aDnE'; break; //= EnDa allocation-call switch-arithmetic
    case 1: tag = 'bDnE'; break; //= EnDb allocation-call switch-arithmetic
    case 2: tag = 'cDnE'; break; //= EnDc allocation-call switch-arithmetic
    case 3: tag = 'dDnE'; break; //= EnDd allocation-call switch-arithmetic
    default: tag = 'zDnE'; break; //= EnDz allocation-call switch-arithmetic
  }
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}

NOINLINE static PVOID AllocateByType(ULONG type, SIZE_T size) {
  ULONG tag, pool = PagedPool;
  switch (type) { /* far apart, beside another choice */
    case 1: tag = 'iFmS'; break; //= SmFi allocation-call switch-tags
    case 3: tag = 'rRuG'; pool = NonPagedPoolNx; break; //= GuRr allocation-call switch-tags
    case 7: tag = 'hOqA'; break; //= AqOh allocation-call switch-tags
    case 12: tag = 'tBwQ'; pool = NonPagedPoolNx; break; //= QwBt allocation-call switch-tags
    case 40: return NULL;
    default: tag = type > 100 ? 'xUiP' : 'yVjK'; break; //= PiUx allocation-call switch-tags //= KjVy allocation-call switch-tags
  }
  DbgPrint("type %u\n", type);
  return ExAllocatePoolWithTag(pool, size, tag);
}

NOINLINE static PVOID AllocateByFlags(ULONG flags, SIZE_T size) { /* a chain of conditions */
  ULONG tag = flags & 1 ? 'rAcS' : flags & 2 ? 'mEcS' : flags & 8 ? 'bWhT' : 'dLiM'; //= ScAr allocation-call ternary-chain //= ScEm allocation-call ternary-chain //= ThWb allocation-call ternary-chain //= MiLd allocation-call ternary-chain
  if (flags & 0x40) tag |= PROTECTED;
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}

/* --- by tables ------------------------------------------------------------------------------------------------------------------------- */
static const ULONG tag_of_kind[KindMax] = {'fKnE', 'sKnE', 'pKnE', 'tKnE', 'mKnE'}; //= EnKf allocation-call tag-table //= EnKs allocation-call tag-table //= EnKp allocation-call tag-table //= EnKt allocation-call tag-table //= EnKm allocation-call tag-table
static const struct { USHORT id; USHORT pool; ULONG tag; ULONG record; const CHAR *name; } formats[] = {
  {1, 1, 'pizF', 0x04034B50, "zip"}, //= Fzip allocation-call tag-table
  {2, 1, 'rarF', 'raR', "rar"}, //= Frar allocation-call tag-table //~ "Rar\u0000" magic
  {5, 512, 'baCF', 'FCSM', "cab"}, //= FCab allocation-call tag-table //~ MSCF magic
  {9, 1, 'eloF', 'NIBD', "ole"}, //= Fole allocation-call tag-table //~ DBIN magic
};

NOINLINE static PVOID AllocateForKind(KIND kind, SIZE_T size) {
  return (ULONG)kind < KindMax ? ExAllocatePoolWithTag(NonPagedPoolNx, size, tag_of_kind[kind]) : NULL;
}
NOINLINE static PVOID AllocateForFormat(const UCHAR *bytes, USHORT id) {
  ULONG i;
  for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
    if (formats[i].id != id) continue;
    if (formats[i].record != *(const ULONG *)bytes) DbgPrint("%s: not one\n", formats[i].name);
    return ExAllocatePoolWithTag(formats[i].pool, 4096, formats[i].tag);
  }
  return NULL;
}

static ULONG writable_tags[] = {'0TnE', '1TnE', '2TnE'}; //= EnT0 allocation-call tag-table //= EnT1 allocation-call tag-table //= EnT2 allocation-call tag-table
NOINLINE static PVOID AllocateRound(JOB *job) {
  static ULONG next;
  if (++next >= 3) next = 0;
  return ExAllocatePoolWithTag(NonPagedPoolNx, job->size, writable_tags[next]);
}

NOINLINE static void LocalTable(JOB *job) { /* an array on the stack, indexed */
  ULONG tags[4] = {'aYnE', 'bYnE', 'cYnE', 'dYnE'}; //= EnYa allocation-call tag-table //= EnYb allocation-call tag-table //= EnYc allocation-call tag-table //= EnYd allocation-call tag-table
  OPAQUE(job);
  job->memory[6] = ExAllocatePoolWithTag(PagedPool, 64, tags[job->depth & 3]);
}

/* --- built ------------------------------------------------------------------------------------------------------------------------------ */
NOINLINE static PVOID AllocateSwapped(SIZE_T size) {
  volatile ULONG spelt = 'EnWp'; /* written as it reads, swapped when used */ //= EnWp allocation-call byte-swap //~ pWnE magic
  ULONG tag = spelt;
  return ExAllocatePoolWithTag(PagedPool, size, SWAP(tag));
}
NOINLINE static PVOID AllocateConstantSwap(SIZE_T size) {
  return ExAllocatePoolWithTag(PagedPool, size, SWAP('EnWq')); //= EnWq allocation-call direct //~ qWnE magic
}
NOINLINE static PVOID AllocateFromCharacters(BOOLEAN large, SIZE_T size) { /* EnXs, EnXl */
  ULONG tag = MAKE_TAG('E', 'n', 'X', large ? 'l' : 's'); //= EnXl allocation-call computed-tag //= EnXs allocation-call computed-tag
  return ExAllocatePoolWithTag(PagedPool, size, tag);
}
NOINLINE static PVOID AllocateFromName(const CHAR *name, SIZE_T size) { /* nobody can say which: En, then two of a file's letters */
  return ExAllocatePoolWithTag(PagedPool, size, MAKE_TAG('E', 'n', name[0] | 0x20, name[1] | 0x20));
}
NOINLINE static PVOID AllocateProtected(JOB *job) {
  ULONG tag = 'cPnE' | PROTECTED; //= EnPc allocation-call protected-bit
  job->tags[0] = tag;
  job->memory[5] = ExAllocatePoolWithTag(NonPagedPoolNx, job->size, tag);
  return job->memory[5];
}
NOINLINE static PVOID AllocateOffset(JOB *job, BOOLEAN second) { /* tag and tag + 1 in the last letter */
  ULONG tag = 'AOnE'; //= EnOA allocation-call computed-tag //= EnOB allocation-call computed-tag
  if (second) tag += 0x01000000;
  job->tags[1] = tag;
  return ExAllocatePoolWithTag(PagedPool, job->size, tag);
}

/* --- bait: what such an engine compares, hashes and returns -------------------------------------------------------------------------------- */
NOINLINE static ULONG Identify(const ULONG *bytes, SIZE_T size) {
  if (size < 8) return 'trhS'; //~ Shrt magic
  switch (bytes[0]) {
    case 0x464C457F: return 1;
    case 'FDP%': return 'tcoD'; //~ "%PDF" magic //~ Doct magic
    case 'ftr{': return 'xetR'; //~ "{rtf" magic //~ Rtex magic
    case 'CFFO': return bytes[1] == 'IHCS' ? 2 : 3; //~ OFFC magic //~ SCHI magic
    case 'FFIR': return bytes[2 & size] == 'EVAW' ? 4 : 5; //~ RIFF magic //~ WAVE magic
  }
  return bytes[1] * 'hsaH' + bytes[0]; //~ Hash magic
}
NOINLINE static NTSTATUS Report(JOB *job, ULONG code, ULONG kind, SIZE_T size) { /* its third argument is no tag */
  job->type = code ^ kind;
  return DbgPrint("%x %x %u\n", code, kind, (ULONG)size) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
static NTSTATUS (*volatile reporter)(JOB *, ULONG, ULONG, SIZE_T) = Report;

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  JOB *job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(JOB), 'bJnE'); //= EnJb allocation-call direct
  SIZE_T size = path->Length;
  if (!job) return STATUS_INSUFFICIENT_RESOURCES;
  memset(job, 0, sizeof(*job));
  job->size = size;
  job->depth = driver->Flags;
  AllocateLanes(job);
  LocalTable(job);
  keep = AllocateShard(driver->Flags, size);
  keep = AllocateByDepth(path->MaximumLength, size);
  keep = AllocateByType(path->MaximumLength, size);
  keep = AllocateByFlags(driver->Flags, size);
  keep = AllocateForKind((KIND)driver->Flags, size);
  keep = AllocateForFormat((const UCHAR *)path->Buffer, path->Length);
  keep = AllocateRound(job);
  keep = AllocateSwapped(size);
  keep = AllocateConstantSwap(size);
  keep = AllocateFromCharacters(driver->Flags & 1, size);
  keep = AllocateFromName((const CHAR *)path->Buffer, size);
  keep = AllocateProtected(job);
  keep = AllocateOffset(job, driver->Flags & 4);
  configuration = Identify((const ULONG *)path->Buffer, size);
  reporter(job, 'tpeR', 'dniK', size); //~ Rept not-an-allocator //~ Kind not-an-allocator
  FreeLanes(job, driver->Flags);
  return Report(job, configuration, 'cexE', size); //~ Exec not-an-allocator
}
