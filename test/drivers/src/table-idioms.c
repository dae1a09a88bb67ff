#include "kernel.h"

static ULONG volatile Sink;
PVOID Kept[64];
static ULONG KeptCount;
NOINLINE static PVOID Keep(PVOID P) { Kept[KeptCount++ & 63] = P; return P; }

/* a table of six of which a mask reads four */
static const ULONG Masked[6] = { '0aDI', '1aDI', '2aDI', '3aDI', '4aDI', '5aDI' }; //= IDa0 any tag-table //= IDa1 any tag-table //= IDa2 any tag-table //= IDa3 any tag-table //~ IDa4 magic //~ IDa5 magic
NOINLINE static PVOID MaskedAlloc(ULONG Kind, SIZE_T Size) { return Keep(ExAllocatePoolWithTag(PagedPool, Size, Masked[Kind & 3])); }
NOINLINE static ULONG MaskedName(ULONG Kind) { return Kind < 6 ? Masked[Kind] : 0; }

/* a number that two comparisons keep between */
NOINLINE static PVOID Between(ULONG Kind, SIZE_T Size)
{
    if (Kind < 2 || Kind > 4) return NULL;
    return Keep(ExAllocatePoolWithTag(PagedPool, Size, '0bDI' + (Kind << 24))); //~ IDb0 magic //= IDb2 any computed-tag //= IDb3 any computed-tag //= IDb4 any computed-tag
}

/* the least of two */
static const ULONG Least[4] = { '0cDI', '1cDI', '2cDI', '3cDI' }; //= IDc0 any tag-table //= IDc1 any tag-table //= IDc2 any tag-table //= IDc3 any tag-table
NOINLINE static PVOID LeastOf(ULONG Kind, SIZE_T Size) { ULONG i = Kind < 3 ? Kind : 3; return Keep(ExAllocatePoolWithTag(NonPagedPoolNx, Size, Least[i])); }

/* a switch that maps to an index */
static const ULONG Mapped[5] = { '0dDI', '1dDI', '2dDI', '3dDI', '4dDI' }; //= IDd0 any tag-table //= IDd2 any tag-table //= IDd4 any tag-table //~ IDd1 magic //~ IDd3 magic
NOINLINE static PVOID MapAlloc(ULONG Kind, SIZE_T Size)
{
    ULONG i;
    switch (Kind) { case 1: i = 0; break; case 50: i = 2; break; case 700: i = 4; break; default: return NULL; }
    return Keep(ExAllocatePoolWithTag(PagedPool, Size, Mapped[i]));
}
NOINLINE static ULONG MapName(ULONG i) { return i < 5 ? Mapped[i] : 0; }

/* a loop from the end */
static const ULONG Backward[4] = { '0eDI', '1eDI', '2eDI', '3eDI' }; //= IDe0 any tag-table //= IDe1 any tag-table //= IDe2 any tag-table //= IDe3 any tag-table
NOINLINE static void Backwards(SIZE_T Size) { LONG i; for (i = 3; i >= 0; i--) Keep(ExAllocatePoolWithTag(PagedPool, Size << i, Backward[i])); }

/* a pointer that is stepped by hand */
static const ULONG Stepped[4] = { '0fDI', '1fDI', '2fDI', '3fDI' }; //= IDf0 any tag-table //= IDf1 any tag-table //= IDf2 any tag-table //~ IDf3 magic
NOINLINE static void Steps(SIZE_T Size)
{
    const ULONG *p = Stepped;
    Keep(ExAllocatePoolWithTag(PagedPool, Size, *p++));
    if (Sink) Keep(ExAllocatePoolWithTag(PagedPool, Size + 1, *p++)); else Keep(ExAllocatePoolWithTag(PagedPool, Size + 2, *p++));
    Keep(ExAllocatePoolWithTag(PagedPool, Size + 3, *p));
}

/* rows with holes, until one is empty */
typedef struct { ULONG Id, Tag; SIZE_T Size; } ROW;
static const ROW Rows[] = { { 'AdiI', '0gDI', 16 }, { 'BdiI', 0, 0 }, { 'CdiI', '2gDI', 48 }, { 0, 0, 0 } }; //= IDg0 any tag-table //= IDg2 any tag-table //~ IidA magic //~ IidB magic //~ IidC magic
NOINLINE static void RowsAll(void) { const ROW *r; for (r = Rows; r->Id != 0; r++) if (r->Tag != 0) Keep(ExAllocatePoolWithTag(PagedPool, r->Size, r->Tag)); }
NOINLINE static const ROW *RowOf(ULONG Id) { const ROW *r; for (r = Rows; r->Id != 0; r++) if (r->Id == Id) return r; return NULL; }

/* characters put together by a function */
NOINLINE static ULONG Make(UCHAR a, UCHAR b, UCHAR c, UCHAR d) { return a | b << 8 | c << 16 | (ULONG)d << 24; }
NOINLINE static PVOID Made(SIZE_T Size) { return Keep(ExAllocatePoolWithTag(PagedPool, Size, Make('I', 'D', 'h', '0'))); } //= IDh0 any return-value

/* characters of a text */
static const char Text[8] = "IDi0IDi1"; //= IDi0 any const-global //~ IDi1 text
NOINLINE static PVOID OfText(SIZE_T Size) { ULONG Tag; memcpy(&Tag, Text, 4); return Keep(ExAllocatePoolWithTag(PagedPool, Size, Tag)); }
NOINLINE static char TextAt(ULONG i) { return Text[i & 7]; }

/* a structure that is returned */
typedef struct { ULONG Tag; ULONG Pool; SIZE_T Size; SIZE_T Align; } PLAN;
NOINLINE static PLAN PlanOf(BOOLEAN Big) { PLAN p = { Big ? '0jDI' : '1jDI', Big ? 1 : 512, Big ? 4096 : 64, 'pljI' }; return p; } //= IDj0 any return-value //= IDj1 any return-value //~ Ijlp magic
NOINLINE static PVOID Planned(BOOLEAN Big) { PLAN p = PlanOf(Big); Sink = (ULONG)p.Align; return Keep(ExAllocatePoolWithTag(p.Pool, p.Size, p.Tag)); }

/* two dimensions */
static const ULONG Grid[2][3] = { { '0kDI', '1kDI', '2kDI' }, { '3kDI', '4kDI', '5kDI' } }; //= IDk0 any tag-table //= IDk1 any tag-table //= IDk2 any tag-table //= IDk3 any tag-table //= IDk4 any tag-table //= IDk5 any tag-table
NOINLINE static PVOID OfGrid(BOOLEAN Row, ULONG Column, SIZE_T Size) { return Column < 3 ? Keep(ExAllocatePoolWithTag(PagedPool, Size, Grid[Row ? 1 : 0][Column])) : NULL; }

/* a state machine */
NOINLINE static PVOID Machine(const UCHAR *Bytes, ULONG Count, SIZE_T Size)
{
    ULONG State = 0, i, Tag = '0lDI'; //= IDl0 any branches
    for (i = 0; i < Count; i++) {
        switch (State) {
        case 0: if (Bytes[i] == 'M') State = 1; break;
        case 1: if (Bytes[i] == 'Z') { State = 2; Tag = '1lDI'; } else State = 0; break; //= IDl1 any branches
        case 2: if (Bytes[i] == 'P') { State = 3; Tag = '2lDI'; } break; //= IDl2 any branches
        case 3: if (*(const ULONG *)(Bytes + i) == '3lDI') return NULL; break; //~ IDl3 magic
        }
    }
    return Keep(ExAllocatePoolWithTag(PagedPool, Size, Tag));
}

/* a function that is handed one of two allocators with their tags */
typedef PVOID (*ALLOC)(SIZE_T, ULONG);
NOINLINE static PVOID PagedAlloc(SIZE_T Size, ULONG Tag) { return ExAllocatePoolWithTag(PagedPool, Size, Tag); }
NOINLINE static PVOID Allocate2(SIZE_T Size, ULONG Tag) { return ExAllocatePool2(64, Size, Tag); }
NOINLINE static PVOID Copy(const void *From, SIZE_T Size, ALLOC Alloc, ULONG Tag) { PVOID P = Alloc(Size, Tag); if (P) memcpy(P, From, Size); return P; }
NOINLINE static void Copies(const void *From)
{
    Keep(Copy(From, 10, PagedAlloc, '0mDI')); //= IDm0 any callback
    Keep(Copy(From, 20, Allocate2, '1mDI')); //= IDm1 any callback
}

/* a table of sizes and tags by power of two */
static const struct { USHORT Size; USHORT Flags; ULONG Tag; } Classes[] = { { 16, 1, '0nDI' }, { 32, 1, '1nDI' }, { 64, 3, '2nDI' }, { 128, 3, '3nDI' } }; //= IDn0 any tag-table //= IDn1 any tag-table //= IDn2 any tag-table //= IDn3 any tag-table
NOINLINE static PVOID ByClass(SIZE_T Size)
{
    ULONG i;
    for (i = 0; i < 4; i++) if (Size <= Classes[i].Size) return Keep(ExAllocatePoolWithTag(Classes[i].Flags & 2 ? NonPagedPoolNx : PagedPool, Classes[i].Size, Classes[i].Tag));
    return Keep(ExAllocatePoolWithTag(PagedPool, Size, '9nDI')); //= IDn9 any direct
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    ULONG n = Path->Length;
    MaskedAlloc(n, 10); Sink = MaskedName(n); Between(n, 20); LeastOf(n, 30); MapAlloc(n, 40); Sink += MapName(n); Backwards(n); Steps(n); RowsAll();
    Sink += RowOf(n)->Id; Made(n); OfText(n); Sink += TextAt(n); Planned(n & 1); OfGrid(n & 4, n >> 4, 50); Machine((const UCHAR *)Path->Buffer, n, 60); Copies(Path->Buffer); ByClass(n);
    return 0;
}
