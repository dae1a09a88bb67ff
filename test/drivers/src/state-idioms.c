#include "kernel.h"

PVOID Kept[64]; static ULONG KeptCount; volatile ULONG Sink;
NOINLINE static PVOID Keep(PVOID P) { Kept[KeptCount++ & 63] = P; return P; }

/* a global configuration that is filled at start and read by workers */
static struct { ULONG Version, PoolTag, LogTag; SIZE_T Limit; } Config;
NOINLINE static void ConfigInit(ULONG n) { Config.Version = 'grfc'; Config.PoolTag = 'gCXP'; Config.LogTag = n & 1 ? 'lCXP' : 'mCXP'; Config.Limit = n; } //= PXCg any pointer-in-global //= PXCl any pointer-in-global //= PXCm any pointer-in-global //~ cfrg magic
NOINLINE static PVOID Work(SIZE_T n) { return Config.Version == 'grfc' && n < Config.Limit ? Keep(ExAllocatePoolWithTag(PagedPool, n, Config.PoolTag)) : NULL; }
NOINLINE static PVOID Log(SIZE_T n) { return Keep(ExAllocatePoolWithTag(NonPagedPoolNx, n + 16, Config.LogTag)); }

/* a hash table with the tag in its header, made by one function and used by several */
typedef struct BUCKET { struct BUCKET *Next; ULONG Key; PVOID Value; } BUCKET;
typedef struct { ULONG Signature, Buckets, Count, Tag, NodeTag; BUCKET **Heads; } HASH;
NOINLINE static HASH *HashMake(ULONG Buckets, ULONG Tag, ULONG NodeTag)
{
    HASH *h = ExAllocatePoolWithTag(PagedPool, sizeof(HASH), Tag);
    if (!h) return NULL;
    h->Signature = 'hsaH'; h->Buckets = Buckets; h->Count = 0; h->Tag = Tag; h->NodeTag = NodeTag; //~ Hash magic
    h->Heads = ExAllocatePoolWithTag(PagedPool, Buckets * sizeof(BUCKET *), Tag);
    if (!h->Heads) { ExFreePoolWithTag(h, Tag); return NULL; }
    memset(h->Heads, 0, Buckets * sizeof(BUCKET *));
    return h;
}
NOINLINE static BOOLEAN HashPut(HASH *h, ULONG Key, PVOID Value)
{
    BUCKET *b = ExAllocatePoolWithTag(PagedPool, sizeof(BUCKET), h->NodeTag);
    if (!b) return FALSE;
    b->Key = Key; b->Value = Value; b->Next = h->Heads[Key % h->Buckets]; h->Heads[Key % h->Buckets] = b; h->Count++;
    return TRUE;
}
NOINLINE static void HashFree(HASH *h)
{
    ULONG i;
    for (i = 0; i < h->Buckets; i++) while (h->Heads[i]) { BUCKET *b = h->Heads[i]; h->Heads[i] = b->Next; ExFreePoolWithTag(b, h->NodeTag); }
    ExFreePoolWithTag(h->Heads, h->Tag);
    ExFreePoolWithTag(h, h->Tag);
}
static HASH *Files, *Users;
NOINLINE static void Tables(ULONG n)
{
    Files = HashMake(64, 'fHXP', 'nHXP'); //= PXHf any wrapper //= PXHn any object-field
    Users = HashMake(16 + n, 'uHXP', 'vHXP'); //= PXHu any wrapper //= PXHv any object-field
    if (Files) HashPut(Files, n, &Config);
    if (Users) HashPut(Users, n + 1, &Config);
}

/* two-step allocation with a description on the stack, filled by macros */
typedef struct { ULONG Size, Type, Tag, Alignment, Flags; PVOID Owner; } REQUEST;
#define InitRequest(r, s, t) ((r)->Size = (s), (r)->Type = PagedPool, (r)->Tag = (t), (r)->Alignment = 16, (r)->Flags = 0, (r)->Owner = NULL)
NOINLINE static PVOID Serve(REQUEST *r) { PVOID p = ExAllocatePoolWithTag(r->Type, r->Size + r->Alignment, r->Tag); if (p && r->Owner) *(PVOID *)p = r->Owner; return Keep(p); }
NOINLINE static void Requests(ULONG n)
{
    REQUEST a, b[2]; ULONG i;
    InitRequest(&a, n, '1RXP'); Serve(&a); //= PXR1 any wrapper-structure
    InitRequest(&b[0], n, '2RXP'); InitRequest(&b[1], n * 2, '3RXP'); b[1].Type = NonPagedPoolNx; //= PXR2 any wrapper-structure //= PXR3 any wrapper-structure
    for (i = 0; i < 2; i++) Serve(&b[i]);
}

/* a lookaside list in an object, set up by a helper */
typedef struct { LOOKASIDE Lists[3]; ULONG Used; } CACHE;
static CACHE Cache;
NOINLINE static NTSTATUS CacheInit(CACHE *c)
{
    static const struct { SIZE_T Size; ULONG Tag; } Kinds[3] = { { 64, 'sLXP' }, { 256, 'mLXP' }, { 1024, 'lLXP' } }; //= PXLs any lookaside-loop //= PXLm any lookaside-loop //= PXLl any lookaside-loop
    ULONG i; NTSTATUS s = 0;
    for (i = 0; i < 3 && s >= 0; i++) s = ExInitializeLookasideListEx(&c->Lists[i], NULL, NULL, NonPagedPoolNx, 0, Kinds[i].Size, Kinds[i].Tag, 0);
    c->Used = 'dsuC'; //~ Cusd magic
    return s;
}

/* tags by version and by feature bits */
NOINLINE static PVOID ByVersion(ULONG Major, ULONG Minor, SIZE_T n)
{
    ULONG Tag = 'oVXP'; //= PXVo any ternary-chain
    if (Major > 10 || (Major == 10 && Minor >= 22000)) Tag = 'nVXP'; //= PXVn any ternary-chain
    else if (Major == 6) Tag = Minor > 1 ? '8VXP' : '7VXP'; //= PXV8 any ternary-chain //= PXV7 any ternary-chain
    if (Minor == 'rniM') return NULL; //~ Minr magic
    return Keep(ExAllocatePoolWithTag(PagedPool, n, Tag));
}

/* a reallocation that copies */
NOINLINE static PVOID Again(PVOID Old, SIZE_T OldSize, SIZE_T Size, ULONG Tag)
{
    PVOID p;
    if (Size == 0) { if (Old) ExFreePoolWithTag(Old, Tag); return NULL; }
    p = ExAllocatePoolWithTag(PagedPool, Size, Tag);
    if (p && Old) { memcpy(p, Old, OldSize < Size ? OldSize : Size); ExFreePoolWithTag(Old, Tag); }
    return p;
}
static struct { UCHAR *Data; SIZE_T Used, Room; ULONG Tag; } Stream = { NULL, 0, 0, 'sSXP' }; //= PXSs any initialised-global
NOINLINE static BOOLEAN Write(const void *From, SIZE_T n)
{
    if (Stream.Used + n > Stream.Room) { SIZE_T Room = (Stream.Used + n) * 2; UCHAR *d = Again(Stream.Data, Stream.Used, Room, Stream.Tag); if (!d) return FALSE; Stream.Data = d; Stream.Room = Room; }
    memcpy(Stream.Data + Stream.Used, From, n); Stream.Used += n; return TRUE;
}

/* a list of pending items whose tag depends on their kind, freed elsewhere */
typedef struct ITEM { LIST_ENTRY Link; ULONG Kind, Tag; PVOID Data; } ITEM;
static LIST_ENTRY Pending;
static const ULONG ItemTags[] = { 'aIXP', 'bIXP', 'cIXP' }; //= PXIa any tag-table //= PXIb any tag-table //= PXIc any tag-table
NOINLINE static ITEM *ItemMake(ULONG Kind, SIZE_T n)
{
    ITEM *i;
    if (Kind >= 3) return NULL;
    i = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(ITEM), 'iIXP'); //= PXIi any direct
    if (!i) return NULL;
    i->Kind = Kind; i->Tag = ItemTags[Kind]; i->Data = ExAllocatePoolWithTag(NonPagedPoolNx, n, i->Tag);
    i->Link.Flink = Pending.Flink; i->Link.Blink = &Pending; Pending.Flink = &i->Link;
    return i;
}
NOINLINE static void ItemsDrop(void)
{
    LIST_ENTRY *l = Pending.Flink;
    while (l && l != &Pending) { ITEM *i = (ITEM *)l; l = l->Flink; if (i->Data) ExFreePoolWithTag(i->Data, i->Tag); ExFreePoolWithTag(i, 'iIXP'); }
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *Path)
{
    ULONG n = Path->Length;
    ConfigInit(n); Work(n); Log(n); Tables(n); if (n & 8) { HashFree(Files); HashFree(Users); } Requests(n); CacheInit(&Cache); ByVersion(n, n * 3, 64); Write(Path->Buffer, n); ItemMake(n & 3, n); if (n & 16) ItemsDrop();
    return 0;
}
