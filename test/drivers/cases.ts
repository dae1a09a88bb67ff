/** The ways in which drivers use tags: each case of the test sources, with the stage of the scanner that is to find it. */

export interface Case {
  /** 1: found by call sites and one level of wrappers. 2: needs values that travel further. 0: bait, never to be found. */
  stage: 0 | 1 | 2;
  title: string;
}

/** Every case name that a test source may use after `//=` (stages 1 and 2) or `//~` (bait). */
export const CASES = {
  direct: { stage: 1, title: 'a constant handed straight to an imported function' },
  free: { stage: 1, title: 'a constant handed to a function that frees' },
  lookaside: { stage: 1, title: 'a lookaside list, the tag on the stack' },
  register: { stage: 1, title: 'the tag waits in a register, across calls or branches' },
  'stack-slot': { stage: 1, title: 'the tag waits in a stack slot or a local structure' },
  'call-register': { stage: 1, title: 'the import is loaded first and called through a register' },
  'tail-call': { stage: 1, title: 'the import is jumped to' },
  branches: { stage: 1, title: 'a call in each branch of a switch' },
  'const-global': { stage: 1, title: 'the tag stands in read-only data' },
  ternary: { stage: 1, title: 'one of a few constants, by a condition' },
  wrapper: { stage: 1, title: 'through one function of the driver that passes the tag on' },
  'page-section': { stage: 1, title: 'calls between code sections (PAGE, INIT, .text)' },
  'blank-padded': { stage: 1, title: 'a tag with blanks' },
  'protected-bit': { stage: 1, title: 'PROTECTED_POOL set in the tag' },
  'storport-pool': { stage: 1, title: 'StorPortExtendedFunction with code 0' },
  'incremental-link': { stage: 1, title: 'calls pass a jump table of the linker (incremental linking)' },
  'initialised-global': { stage: 2, title: 'the tag stands in writable data and nothing changes it' },
  'switch-tags': { stage: 2, title: 'a switch chooses among constants' },
  'switch-arithmetic': { stage: 2, title: 'a switch over neighbouring tags, folded to arithmetic' },
  'computed-tag': { stage: 2, title: 'a digit of the tag is computed' },
  'tag-table': { stage: 2, title: 'a table of tags, walked or indexed' },
  'pointer-in-global': { stage: 2, title: 'the allocator is called through a pointer kept in a global' },
  'routine-address': {
    stage: 2,
    title: 'the allocator comes from MmGetSystemRoutineAddress or FltGetRoutineAddress',
  },
  'wrapper-two': { stage: 2, title: 'through two functions of the driver' },
  'wrapper-three': { stage: 2, title: 'through three or more functions of the driver' },
  'wrapper-stack': { stage: 2, title: 'through a wrapper whose tag is the fifth parameter or later' },
  'wrapper-tail': { stage: 2, title: 'through a wrapper that jumps to the allocator' },
  'wrapper-structure': { stage: 2, title: 'through a wrapper that takes a structure by pointer' },
  'wrapper-fixed': { stage: 1, title: 'a small function with its own constant that others call' },
  'operator-new': { stage: 2, title: 'C++ operator new, or its like in C, with a tag' },
  'operations-table': { stage: 2, title: 'through a function reached by a table of operations' },
  'return-value': { stage: 2, title: 'a function of the driver returns the tag' },
  'object-field': { stage: 2, title: 'one function keeps the tag in an object, another reads it' },
  'xmm-structure': { stage: 2, title: 'a structure initialised by 16-byte moves' },
  'filter-context': { stage: 2, title: 'FLT_CONTEXT_REGISTRATION.PoolTag' },
  'ndis-parameters': { stage: 2, title: 'a tag in an NDIS parameter structure' },
  'log-parameters': { stage: 2, title: 'RECORDER_LOG_CREATE_PARAMS.LogTag' },
  'wdf-config': { stage: 2, title: 'WDF_DRIVER_CONFIG.DriverPoolTag' },
  'wdf-function': { stage: 2, title: 'WdfMemoryCreate and WdfLookasideListCreate through WdfFunctions[]' },
  'wdf-default': { stage: 2, title: "KMDF's tag, computed from the service name" },
  'own-export': { stage: 2, title: 'the image exports the allocator and calls it itself' },
  'delay-import': { stage: 2, title: 'the allocator is delay-loaded' },
  'interface-pointer': { stage: 2, title: 'an allocator called through a documented interface structure' },
  magic: { stage: 0, title: 'a magic number compared, stored or returned' },
  guid: { stage: 0, title: 'bytes of a GUID' },
  text: { stage: 0, title: 'characters of a string' },
  'object-tag': { stage: 0, title: 'the tag of an object reference' },
  'remove-lock': { stage: 0, title: 'the tag of a remove lock' },
  'wdf-reference': { stage: 0, title: 'the tag of a WDF object reference' },
  'not-an-allocator': { stage: 0, title: 'a tag handed to a function that allocates nothing' },
  'other-argument': { stage: 0, title: 'a printable number in another argument of an allocator' },
  'dead-code': { stage: 0, title: 'code that never runs' },
  'no-tag': { stage: 0, title: 'a function that takes no tag' },
  'other-code': { stage: 0, title: 'StorPortExtendedFunction with another code' },
  'ignored-context': { stage: 0, title: 'FLT_CONTEXT_REGISTRATION with callbacks: the tag is ignored' },
  unprintable: { stage: 0, title: 'a value that is no tag: zero or unprintable' },
  'bug-check': { stage: 0, title: 'a bug check code or its parameter' },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof CASES;
