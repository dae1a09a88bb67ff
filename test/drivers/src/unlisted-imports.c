// Functions of another module that no documentation lists, and that take a tag; and functions that look like them.
#include "kernel.h"

static PVOID volatile keep;
static PVOID pools[2];

/* A wrapper of the driver's own around one. */
NOINLINE static PVOID Block(SIZE_T size, ULONG tag) {
  return NpxAllocateBlock(size + 16, tag, 1);
}

NOINLINE static void Blocks(SIZE_T size) {
  keep = NpxAllocateBlock(size, 'aBnU', 0); //= UnBa inferred-call unlisted-import
  keep = NpxAllocateBlock(size * 2, 'bBnU', 1); //= UnBb inferred-call unlisted-import
  keep = Block(size, 'cBnU'); //= UnBc inferred-call unlisted-import
  keep = Block(size * 3, 'dBnU'); //= UnBd inferred-call unlisted-import
}

NOINLINE static NTSTATUS Pools(PVOID owner) {
  NTSTATUS status = NpxCreateBlockPool(owner, 64, 192, 'aPnU', &pools[0]); //= UnPa inferred-call unlisted-import
  if (status) return status;
  return NpxCreateBlockPool(owner, 16, 512, 'bPnU', &pools[1]); //= UnPb inferred-call unlisted-import
}

/* One call is enough where the name says that it takes a tag. */
NOINLINE static void Again(SIZE_T size) {
  keep = NpxReallocateWithTag(keep, size, 'aRnU'); //= UnRa inferred-call unlisted-import
}

NOINLINE static void Lookalikes(ULONG n) {
  keep = NpxAllocateFrame('2YUY', 640, 480); //~ YUY2 other-argument
  keep = NpxAllocateFrame(21, 320, 200); // the same argument is a plain number elsewhere
  keep = NpxAllocatePair('aAnU', 'bAnU'); //~ UnAa other-argument //~ UnAb other-argument
  keep = NpxAllocatePair('cAnU', 'dAnU'); //~ UnAc other-argument //~ UnAd other-argument
  keep = NpxAllocateOnce(n, 'aOnU'); //~ UnOa other-argument
  NpxSendMessage('aMnU', (PVOID)pools); //~ UnMa other-argument
  NpxSendMessage('bMnU', (PVOID)pools); //~ UnMb other-argument
}

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  Blocks(path->Length);
  Again(path->MaximumLength);
  Lookalikes(path->Length);
  return Pools(driver);
}
