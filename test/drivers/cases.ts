/** The ways in which drivers use tags: each case of the test sources, with the stage of the scanner that is to find it. */

export interface Case {
  /** 1: found by call sites and one level of wrappers. 2: needs values that travel further. 0: bait, never to be found. */
  stage: 0 | 1 | 2;
  title: string;
  /** Stage 2: why a tag of this kind is missed where it is missed. */
  whyMissed?: string;
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
  'template-tag': { stage: 1, title: 'C++: the tag is a template argument or a static constant of a class' },
  callback: { stage: 1, title: 'in an allocation callback that only a pointer reaches' },
  'pool-zero': { stage: 1, title: 'ExAllocatePoolZero and its like, inlined from the headers' },
  'incremental-link': { stage: 1, title: 'calls pass a jump table of the linker (incremental linking)' },
  'initialised-global': {
    stage: 2,
    title: 'the tag stands in writable data and nothing changes it',
    whyMissed: 'a writable global is believed only where every write to it is understood',
  },
  'switch-tags': {
    stage: 2,
    title: 'a switch chooses among constants',
    whyMissed: 'values from many branches meet in one register; one of them was not followed',
  },
  'switch-arithmetic': {
    stage: 2,
    title: 'a switch over neighbouring tags, folded to arithmetic',
    whyMissed: 'the compiler made a sum, or a table of differences, of the switch: no constant holds the tag',
  },
  'computed-tag': {
    stage: 2,
    title: 'a digit of the tag is computed',
    whyMissed:
      'only the first value of a loop or a mask is a constant; the others follow from a range that was not proven',
  },
  'tag-table': {
    stage: 2,
    title: 'a table of tags, walked or indexed',
    whyMissed: 'which rows are read depends on an index or a pointer whose bounds were not proven',
  },
  'pointer-in-global': {
    stage: 2,
    title: 'the allocator is called through a pointer kept in a global',
    whyMissed: 'every function that the global may hold must be known',
  },
  'routine-address': {
    stage: 2,
    title: 'the allocator comes from MmGetSystemRoutineAddress or FltGetRoutineAddress',
    whyMissed: 'the name that was asked for, or the global that keeps the pointer, was not followed',
  },
  'wrapper-two': {
    stage: 2,
    title: 'through two functions of the driver',
    whyMissed: 'the parameter was lost in one of the two functions',
  },
  'wrapper-three': {
    stage: 2,
    title: 'through three or more functions of the driver',
    whyMissed: 'the parameter was lost in one of the functions',
  },
  'wrapper-stack': {
    stage: 2,
    title: 'through a wrapper whose tag is the fifth parameter or later',
    whyMissed: 'the argument is in a stack slot that was not followed to the callee',
  },
  'wrapper-tail': {
    stage: 2,
    title: 'through a wrapper that jumps to the allocator',
    whyMissed: 'the jump was not seen as a call',
  },
  'wrapper-structure': {
    stage: 2,
    title: 'through a wrapper that takes a structure by pointer',
    whyMissed: 'the field behind the pointer was not followed to the store in the caller',
  },
  'wrapper-fixed': { stage: 1, title: 'a small function with its own constant that others call' },
  'operator-new': {
    stage: 2,
    title: 'C++ operator new, or its like in C, with a tag',
    whyMissed: 'the operator was not recognised as a wrapper, or its size hides the tag',
  },
  'operations-table': {
    stage: 2,
    title: 'through a function reached by a table of operations',
    whyMissed: 'a call through a table: which table, or which of its functions, was not proven',
  },
  'return-value': {
    stage: 2,
    title: 'a function of the driver returns the tag',
    whyMissed: 'the value that a function returns was not followed, or the function is chosen at run time',
  },
  'object-field': {
    stage: 2,
    title: 'one function keeps the tag in an object, another reads it',
    whyMissed: 'a field that another function wrote: that both mean the same object was not proven',
  },
  'xmm-structure': {
    stage: 2,
    title: 'a structure initialised by 16-byte moves',
    whyMissed: 'the tag is a part of a 16-byte constant or of a copy',
  },
  'filter-context': {
    stage: 2,
    title: 'FLT_CONTEXT_REGISTRATION.PoolTag',
    whyMissed: 'the registration is built at run time and a store to it was not followed',
  },
  'ndis-parameters': {
    stage: 2,
    title: 'a tag in an NDIS parameter structure',
    whyMissed: 'the structure is built at run time and a store to it was not followed',
  },
  'log-parameters': {
    stage: 2,
    title: 'RECORDER_LOG_CREATE_PARAMS.LogTag',
    whyMissed: 'the structure is built at run time and a store to it was not followed',
  },
  'wdf-config': {
    stage: 2,
    title: 'WDF_DRIVER_CONFIG.DriverPoolTag',
    whyMissed: 'the structure is built at run time and a store to it was not followed',
  },
  'wdf-function': {
    stage: 2,
    title: 'WdfMemoryCreate and WdfLookasideListCreate through WdfFunctions[]',
    whyMissed: 'the table of functions is loaded through memory that was not followed',
  },
  'wdf-default': {
    stage: 2,
    title: "KMDF's tag, computed from the service name",
    whyMissed: 'that the structure holds no tag was not proven',
  },
  'own-export': {
    stage: 2,
    title: 'the image exports the allocator and calls it itself',
    whyMissed: 'the exported function was not taken for the allocator that it wraps',
  },
  'delay-import': {
    stage: 2,
    title: 'the allocator is delay-loaded',
    whyMissed: 'the stub that loads the library was not followed',
  },
  'unlisted-import': {
    stage: 2,
    title: 'an imported allocator that no documentation lists',
    whyMissed: 'too few calls show a constant to tell which argument is the tag',
  },
  'interface-pointer': {
    stage: 2,
    title: 'an allocator called through a documented interface structure',
    whyMissed: 'the structure that holds the pointer was not recognised',
  },
  'object-field-deep': {
    stage: 2,
    title: 'an object keeps the tag of another: two objects or two functions deep',
    whyMissed: 'as object-field, and the object is itself reached through another',
  },
  'callback-context': {
    stage: 2,
    title: 'an allocation callback takes the tag from the context it is handed',
    whyMissed: 'the context arrives as a pointer that the library kept for the callback',
  },
  'operations-parameter': {
    stage: 2,
    title: 'a table of operations is handed over as a parameter',
    whyMissed: 'the table is a parameter: its callers were not all understood',
  },
  'operations-object': {
    stage: 2,
    title: 'a pointer to the allocator in an object, filled at run time',
    whyMissed: 'the pointer in the object was written elsewhere: which function it is was not proven',
  },
  'virtual-call': {
    stage: 2,
    title: 'C++: a virtual function allocates',
    whyMissed: 'the class of the object, and with it the table of functions, was not proven',
  },
  'ternary-chain': {
    stage: 2,
    title: 'a chain of conditions, and a bit that another one sets',
    whyMissed: 'the chain became arithmetic on flags: no path holds one constant',
  },
  'byte-swap': {
    stage: 2,
    title: 'the bytes of the tag are swapped at run time',
    whyMissed: 'the swap was not computed',
  },
  'wrapper-layers': {
    stage: 2,
    title: 'through two to four layers of a vendor runtime',
    whyMissed: 'the parameter was lost in one of the layers',
  },
  'default-tag': {
    stage: 2,
    title: 'a wrapper that takes its own tag where it is given none',
    whyMissed: "the wrapper's own constant joins a parameter or a field, and the join was not followed",
  },
  variadic: {
    stage: 2,
    title: 'through a wrapper with a variable number of arguments',
    whyMissed: 'the argument is read from the list of arguments',
  },
  'calling-convention': {
    stage: 2,
    title: 'through a wrapper with fastcall, stdcall or vectorcall',
    whyMissed: 'the argument is in another register or slot than the usual convention says',
  },
  'lookaside-loop': {
    stage: 2,
    title: 'lookaside lists initialised in a loop over a table',
    whyMissed: 'as tag-table: the bounds of the loop were not proven',
  },
  'allocator-choice': {
    stage: 2,
    title: 'a wrapper chooses between ExAllocatePool2, by name, and the old call',
    whyMissed: 'both ways must be followed: the pointer that was asked for by name and the import',
  },
  'ndis-wrapper': {
    stage: 2,
    title: 'a function of the driver fills NDIS pool parameters with the tag it is given',
    whyMissed: 'a store of a parameter to a structure was not followed',
  },
  'seh-handler': {
    stage: 2,
    title: 'in an exception or termination handler',
    whyMissed: 'the handler is a function of its own, which reads the frame of another',
  },
  'frame-helper': {
    stage: 2,
    title: 'x86: a helper function sets up the frame',
    whyMissed: 'the frame pointer that the helper sets was not known',
  },
  'shared-call': {
    stage: 2,
    title: 'branches push or load their own tag and share one call',
    whyMissed: 'the branches meet before the call: one of them was not followed',
  },
  'custom-registers': {
    stage: 2,
    title: "through a wrapper whose parameters are in registers of the linker's choice",
    whyMissed: 'the register is no parameter of the usual convention',
  },
  'jump-table': {
    stage: 2,
    title: 'a jump table leads to the branch that chooses the tag',
    whyMissed: 'the targets of the table were not read',
  },
  'dispatched-import': {
    stage: 2,
    title: 'the import is loaded into a register and called through a dispatcher',
    whyMissed: 'the dispatcher was not recognised',
  },
  'cold-part': {
    stage: 2,
    title: 'the rare path stands apart from its function and jumps back',
    whyMissed: 'the part far away was not taken for the same function',
  },
  'odd-arithmetic': {
    stage: 2,
    title: 'one constant is made of another by lea, bit set or or',
    whyMissed: 'the instruction was not computed',
  },
  'thunk-chain': { stage: 1, title: 'an import reached by a chain of jumps' },
  'chosen-function': {
    stage: 2,
    title: 'a flag chooses which imported function is called, with one tag',
    whyMissed: 'both of the functions that meet in the register must be known',
  },
  magic: { stage: 0, title: 'a magic number compared, stored or returned' },
  guid: { stage: 0, title: 'bytes of a GUID' },
  text: { stage: 0, title: 'characters of a string' },
  'object-tag': { stage: 0, title: 'the tag of an object reference' },
  'remove-lock': { stage: 0, title: 'the tag of a remove lock' },
  'wdf-reference': { stage: 0, title: 'the tag of a WDF object reference' },
  'not-an-allocator': { stage: 0, title: 'a tag handed to a function that allocates nothing' },
  'other-argument': { stage: 0, title: 'a printable number in another argument of an allocator' },
  'dead-code': { stage: 0, title: 'code that never runs' },
  'firmware-table': { stage: 0, title: 'the signature of a firmware table, or a FourCC code' },
  'no-tag': { stage: 0, title: 'a function that takes no tag' },
  'other-code': { stage: 0, title: 'StorPortExtendedFunction with another code' },
  'ignored-context': { stage: 0, title: 'FLT_CONTEXT_REGISTRATION with callbacks: the tag is ignored' },
  unprintable: { stage: 0, title: 'a value that is no tag: zero or unprintable' },
  'bug-check': { stage: 0, title: 'a bug check code or its parameter' },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof CASES;

/** Why the scanner may miss a tag of this case. A case of the first stage has no excuse. */
export function whyMissed(name: CaseName): string {
  const { whyMissed } = CASES[name] as Case;
  return whyMissed ?? 'a case of the first stage, which the scanner is to find';
}
