// Text and numbers beside real tags: in tables, structures, globals and operations.
#include "kernel.h"

static PVOID volatile keep;
static ULONG volatile chosen;

/* --- a table whose rows hold four letters of text beside the tag, and text right behind its end --------------------- */
typedef struct { CHAR code[4]; ULONG tag; ULONG magic; } ROW;
static const struct { ROW rows[3]; CHAR after[16]; ULONG guard[2]; } data = {
  {{{'R', 'o', 'w', '1'}, '1TdB', '1GaM'}, {{'R', 'o', 'w', '2'}, '2TdB', '2GaM'}, {{'R', 'o', 'w', '3'}, '3TdB', '3GaM'}}, //= BdT1 allocation-call tag-table //= BdT2 allocation-call tag-table //= BdT3 allocation-call tag-table //~ Row1 text //~ Row2 text //~ Row3 text //~ MaG1 magic //~ MaG2 magic //~ MaG3 magic
  "BackTextMoreText", {'wolF', 'revO'}}; //~ Back text //~ Text text //~ More text //~ Flow magic //~ Over magic

NOINLINE static void WalkRows(SIZE_T size) {
  ULONG i;
  for (i = 0; i < 3; i++) {
    if (data.rows[i].magic == chosen) continue;
    keep = ExAllocatePoolWithTag(PagedPool, size, data.rows[i].tag);
    DbgPrint("%.4s\n", data.rows[i].code);
  }
  if (data.guard[size & 1] == 'deaD') keep = NULL; //~ Daed magic
}

NOINLINE static void IndexRows(ULONG kind, SIZE_T size) {
  if (kind < 3) keep = ExAllocatePoolWithTag(NonPagedPool, size, data.rows[kind].tag);
  if (data.rows[0].magic == kind) DbgPrint("%s\n", data.after);
}

/* --- a request with a name, a signature and a tag -------------------------------------------------------------------- */
typedef struct { ULONG signature; CHAR name[8]; ULONG tag; ULONG version; SIZE_T size; } REQUEST;
NOINLINE static PVOID Serve(const REQUEST *request) {
  if (request->signature != 'tseR') return NULL; //~ Rest magic
  DbgPrint("%s %x\n", request->name, request->version);
  return ExAllocatePoolWithTag(PagedPool, request->size, request->tag);
}
NOINLINE static void Requests(SIZE_T size) {
  static const REQUEST constant = {'tseR', "Consname", '1RdB', 'srev', 32}; //= BdR1 any wrapper-structure //~ Cons text //~ name text //~ vers magic
  REQUEST local = {'tseR', "Locaname", '2RdB', '1rev', 64}; //= BdR2 any xmm-structure //~ Loca text //~ ver1 magic
  local.size = size;
  keep = Serve(&constant);
  keep = Serve(&local);
}

/* --- one global is a tag, its neighbours are not ------------------------------------------------------------------------ */
static ULONG volatile globals[4] = {'alGB', '1IdB', 'clGB', 'dlGB'}; //= BdI1 any initialised-global //~ BGla magic //~ BGlc magic //~ BGld magic
NOINLINE static void Globals(SIZE_T size) {
  keep = ExAllocatePoolWithTag(PagedPool, size, globals[1]);
  if (globals[0] == globals[2]) globals[3] = 'elGB'; //~ BGle magic
}

/* --- operations: the second one allocates, the others take four letters for themselves ------------------------------------- */
typedef struct {
  PVOID (*find)(SIZE_T key, ULONG kind);
  PVOID (*allocate)(SIZE_T size, ULONG tag);
  PVOID (*log)(SIZE_T size, ULONG event);
} OPERATIONS;
NOINLINE static PVOID Find(SIZE_T key, ULONG kind) { return key == kind ? keep : NULL; }
NOINLINE static PVOID Allocate(SIZE_T size, ULONG tag) {
  PVOID p = ExAllocatePoolWithTag(NonPagedPool, size, tag);
  if (p) memset(p, 0, size);
  return p;
}
NOINLINE static PVOID Log(SIZE_T size, ULONG event) {
  DbgPrint("%x %x\n", (ULONG)size, event);
  return NULL;
}
static const OPERATIONS table = {Find, Allocate, Log};
static const OPERATIONS *volatile operations = &table;

NOINLINE static void Operate(SIZE_T size) {
  keep = operations->find(size, 'dniF'); //~ Find not-an-allocator
  keep = operations->allocate(size, '1OdB'); //= BdO1 any operations-table
  keep = operations->log(size, 'gLdB'); //~ BdLg not-an-allocator
}

/* --- a wrapper that takes two numbers of which one is the tag ---------------------------------------------------------------- */
NOINLINE static PVOID Tracked(ULONG owner, SIZE_T size, ULONG tag, ULONG site) {
  ULONG *p = ExAllocatePoolWithTag(PagedPool, size + 8, tag);
  if (!p) return NULL;
  p[0] = owner;
  p[1] = site;
  return p + 2;
}

/* --- the tag is picked by one function and only compared by another ------------------------------------------------------------- */
NOINLINE static ULONG Name(ULONG kind) { return kind == 1 ? 'naMA' : 'nbMA'; } //~ AMan magic //~ AMbn magic
NOINLINE static BOOLEAN IsNamed(ULONG kind, ULONG other) { return Name(kind) == other; }

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  SIZE_T size = path->Length;
  WalkRows(size);
  IndexRows(driver->Flags, size);
  Requests(size);
  Globals(size);
  Operate(size);
  keep = Tracked('nwOA', size, '1KdB', 'tSdB'); //= BdK1 wrapper-call wrapper //~ AOwn not-an-allocator //~ BdSt not-an-allocator
  keep = Tracked('mwOA', size, '2KdB', 'uSdB'); //= BdK2 wrapper-call wrapper //~ AOwm not-an-allocator //~ BdSu not-an-allocator
  if (IsNamed(driver->Flags, size)) chosen = 'esoP'; //~ Pose magic
  return keep ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
