// Shapes that Microsoft's compiler makes and the ones at hand do not, written in assembler: frames set up by a helper, arguments pushed
// before the branches that share a call, choices by neg and sbb, parameters in their home slots, jump tables between functions, imports
// called through a register's dispatcher, cold parts far away, literal pools.
#include "kernel.h"

#if defined(__i386__)
#define SYMBOL(name, bytes) "_" #name "@" #bytes
#define IMPORTED(name, bytes) "__imp__" #name "@" #bytes
#define BEGIN(name, bytes) ".globl " SYMBOL(name, bytes) "\n.p2align 4, 0x90\n" SYMBOL(name, bytes) ":\n"
#define END "\n"
#else
#define SYMBOL(name, bytes) #name
#define IMPORTED(name, bytes) "__imp_" #name
#define BEGIN(name, bytes) ".globl " #name "\n.p2align 4\n.seh_proc " #name "\n" #name ":\n"
#define END ".seh_endproc\n"
#endif

PVOID CALL FrameHelper(ULONG size);
PVOID CALL FrameHelperWrapper(ULONG size, ULONG tag);
PVOID CALL SharedCall(ULONG size, ULONG kind);
PVOID CALL ChosenByBorrow(ULONG size, ULONG paged);
PVOID CALL InRegisters(ULONG size);
PVOID CALL SwitchTable(ULONG size, ULONG kind);
PVOID CALL EarlyArguments(ULONG size);
PVOID CALL ColdPart(ULONG size, ULONG kind);
static PVOID volatile keep;

#if defined(__i386__)
/* the frame is set up and taken down by helpers; the tag is a constant, then a parameter */
__asm__(".text\n"
  "shape_prologue:\n pushl $0x1234\n movl %fs:0, %eax\n pushl %eax\n movl 16(%esp), %eax\n movl %ebp, 16(%esp)\n leal 16(%esp), %ebp\n"
  " subl %eax, %esp\n pushl %ebx\n pushl %esi\n pushl %edi\n movl %esp, -24(%ebp)\n pushl -8(%ebp)\n movl -4(%ebp), %eax\n"
  " movl $-2, -4(%ebp)\n movl %eax, -8(%ebp)\n leal -16(%ebp), %eax\n movl %eax, %fs:0\n ret\n"
  "shape_epilogue:\n movl -16(%ebp), %ecx\n movl %ecx, %fs:0\n popl %ecx\n popl %edi\n popl %edi\n popl %esi\n popl %ebx\n movl %ebp, %esp\n popl %ebp\n pushl %ecx\n ret\n"
  BEGIN(FrameHelper, 4)
  " pushl $12\n pushl $0x5678\n call shape_prologue\n andl $0, -4(%ebp)\n"
  " pushl $0x72507343\n" //= CsPr allocation-call frame-helper x86
  " pushl 8(%ebp)\n pushl $1\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n movl %eax, -28(%ebp)\n movl $-2, -4(%ebp)\n"
  " call shape_epilogue\n ret $4\n" END
  BEGIN(FrameHelperWrapper, 8)
  " pushl $16\n pushl $0x5678\n call shape_prologue\n xorl %ebx, %ebx\n movl %ebx, -4(%ebp)\n movl 12(%ebp), %esi\n pushl %esi\n"
  " pushl 8(%ebp)\n pushl %ebx\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n movl $-2, -4(%ebp)\n call shape_epilogue\n ret $8\n" END
  /* both branches push their own tag and size, then share the call */
  BEGIN(SharedCall, 8)
  " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n cmpl $3, 12(%ebp)\n jne 1f\n"
  " pushl $0x31537343\n" //= CsS1 allocation-call shared-call x86
  " pushl $32\n pushl $1\n jmp 2f\n1:\n"
  " pushl $0x32537343\n" //= CsS2 allocation-call shared-call x86
  " pushl 8(%ebp)\n pushl $0\n2:\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n popl %ebp\n ret $8\n" END
  /* neg, sbb, and, add */
  BEGIN(ChosenByBorrow, 8)
  " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n movl 12(%ebp), %eax\n negl %eax\n sbbl %eax, %eax\n"
  " andl $0x78427343-0x61427343, %eax\n addl $0x61427343, %eax\n" //= CsBa allocation-call ternary x86 //= CsBx allocation-call ternary x86
  " pushl %eax\n pushl 8(%ebp)\n pushl $1\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n popl %ebp\n ret $8\n" END
  /* a function whose parameters the linker put into registers of its own choice */
  "shape_custom:\n pushl %esi\n pushl %edi\n pushl $0x200\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n testl %eax, %eax\n je 1f\n incl (%eax)\n1: ret\n"
  BEGIN(InRegisters, 4)
  " pushl %esi\n pushl %edi\n movl 12(%esp), %edi\n"
  " movl $0x31557343, %esi\n" //= CsU1 wrapper-call custom-registers x86
  " call shape_custom\n testl %eax, %eax\n jne 1f\n shrl $1, %edi\n"
  " movl $0x32557343, %esi\n" //= CsU2 wrapper-call custom-registers x86
  " call shape_custom\n1: popl %edi\n popl %esi\n ret $4\n" END
  /* a jump table between functions */
  BEGIN(SwitchTable, 8)
  " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n movl 12(%ebp), %eax\n cmpl $3, %eax\n ja 9f\n jmp *shape_table(,%eax,4)\n"
  "shape_case0: pushl $0x304A7343\n jmp 8f\n" //= CsJ0 allocation-call jump-table x86
  "shape_case1: pushl $0x314A7343\n jmp 8f\n" //= CsJ1 allocation-call jump-table x86
  "shape_case2: pushl $0x324A7343\n jmp 8f\n" //= CsJ2 allocation-call jump-table x86
  "shape_case3: pushl $0x334A7343\n" //= CsJ3 allocation-call jump-table x86
  "8: pushl 8(%ebp)\n pushl $1\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n popl %ebp\n ret $8\n9: xorl %eax, %eax\n popl %ebp\n ret $8\n"
  ".p2align 2, 0x90\nshape_table: .long shape_case0, shape_case1, shape_case2, shape_case3\n" END
  /* an argument pushed long before the call, the import in a register */
  BEGIN(EarlyArguments, 4)
  " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n pushl %ecx\n pushl %ebx\n movl " IMPORTED(ExAllocatePoolWithTag, 12) ", %ebx\n"
  " pushl $0x31457343\n" //= CsE1 allocation-call register x86
  " movl 8(%ebp), %eax\n addl $8, %eax\n pushl %eax\n pushl $1\n movl %eax, -4(%ebp)\n call *%ebx\n testl %eax, %eax\n jne 1f\n"
  " pushl $0x32457343\n pushl $16\n pushl %eax\n call *%ebx\n1: popl %ebx\n leave\n ret $4\n" END //= CsE2 allocation-call register x86
  /* the rare path stands elsewhere */
  BEGIN(ColdPart, 8)
  " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n movl 8(%ebp), %ecx\n cmpl $0, 12(%ebp)\n jl shape_cold\n"
  " movl $0x314B7343, %eax\n" //= CsK1 allocation-call cold-part x86
  "shape_warm: pushl %eax\n pushl %ecx\n pushl $0\n call *" IMPORTED(ExAllocatePoolWithTag, 12) "\n popl %ebp\n ret $8\n" END
  ".section .text$zz,\"xr\"\nshape_cold: addl $64, %ecx\n movl $0x324B7343, %eax\n jmp shape_warm\n.text\n"); //= CsK2 allocation-call cold-part x86
#elif defined(__x86_64__)
__asm__(".text\n"
  /* parameters wait in their home slots */
  BEGIN(FrameHelperWrapper, 8)
  " movl %edx, 16(%rsp)\n movl %ecx, 8(%rsp)\n pushq %rdi\n.seh_pushreg %rdi\n subq $48, %rsp\n.seh_stackalloc 48\n.seh_endprologue\n"
  " leaq 32(%rsp), %rdi\n xorl %eax, %eax\n movl $4, %ecx\n rep stosl\n movl 72(%rsp), %r8d\n movl 64(%rsp), %edx\n movl $1, %ecx\n"
  " callq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n movq %rax, 32(%rsp)\n movq 32(%rsp), %rax\n addq $48, %rsp\n popq %rdi\n retq\n" END
  /* the import goes through a dispatcher that jumps to rax */
  "shape_dispatch: jmpq *%rax\n"
  BEGIN(FrameHelper, 4)
  " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n movl %ecx, %edx\n movq " IMPORTED(ExAllocatePoolWithTag, 12) "(%rip), %rax\n"
  " movl $0x72507343, %r8d\n" //= CsPr allocation-call dispatched-import x64
  " movl $1, %ecx\n callq shape_dispatch\n nopl 0(%rax,%rax)\n addq $40, %rsp\n retq\n" END
  BEGIN(SharedCall, 8)
  " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n cmpl $3, %edx\n jne 1f\n"
  " movl $0x31537343, %r8d\n" //= CsS1 allocation-call shared-call x64
  " leal -2(%rdx), %ecx\n leal 29(%rdx), %edx\n jmp 2f\n1:\n movl %ecx, %edx\n xorl %ecx, %ecx\n"
  " movl $0x32537343, %r8d\n2:\n" //= CsS2 allocation-call shared-call x64
  " rex64\n callq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n nopl 0(%rax,%rax)\n addq $40, %rsp\n retq\n" END
  BEGIN(ChosenByBorrow, 8)
  ".seh_endprologue\n negl %edx\n movl %ecx, %edx\n sbbl %r8d, %r8d\n movl $1, %ecx\n"
  " andl $0x78427343-0x61427343, %r8d\n addl $0x61427343, %r8d\n" //= CsBa allocation-call ternary x64 //= CsBx allocation-call ternary x64
  " rex64\n jmpq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n" END
  /* parameters in registers of the linker's own choice; a leaf that others jump to */
  "shape_custom:\n movl %ebx, %r8d\n movl %r9d, %edx\n movl $0x200, %ecx\n rex64\n jmpq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n"
  BEGIN(InRegisters, 4)
  " pushq %rbx\n.seh_pushreg %rbx\n subq $32, %rsp\n.seh_stackalloc 32\n.seh_endprologue\n movl %ecx, %r9d\n"
  " movl $0x31557343, %ebx\n" //= CsU1 wrapper-call custom-registers x64
  " callq shape_custom\n testq %rax, %rax\n jne 1f\n movl $16, %r9d\n"
  " movl $0x32557343, %ebx\n" //= CsU2 wrapper-call custom-registers x64
  " callq shape_custom\n1: addq $32, %rsp\n popq %rbx\n retq\n" END
  /* a jump table between functions, of offsets from itself */
  BEGIN(SwitchTable, 8)
  " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n cmpl $3, %edx\n ja 9f\n leaq shape_table(%rip), %r9\n movl %edx, %eax\n"
  " movl %ecx, %edx\n movslq (%r9,%rax,4), %rax\n addq %r9, %rax\n movl $1, %ecx\n jmpq *%rax\n"
  "shape_case0: movl $0x304A7343, %r8d\n jmp 8f\n" //= CsJ0 allocation-call jump-table x64
  "shape_case1: movl $0x314A7343, %r8d\n jmp 8f\n" //= CsJ1 allocation-call jump-table x64
  "shape_case2: movl $0x324A7343, %r8d\n jmp 8f\n" //= CsJ2 allocation-call jump-table x64
  "shape_case3: movl $0x334A7343, %r8d\n" //= CsJ3 allocation-call jump-table x64
  "8: callq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n jmp 7f\n9: xorl %eax, %eax\n7: addq $40, %rsp\n retq\n"
  ".p2align 2, 0xcc\nshape_table: .long shape_case0-shape_table, shape_case1-shape_table, shape_case2-shape_table, shape_case3-shape_table\n" END
  /* the tag is loaded before another call and kept in a saved register; the import too */
  BEGIN(EarlyArguments, 4)
  " pushq %rbx\n.seh_pushreg %rbx\n pushq %rsi\n.seh_pushreg %rsi\n pushq %rdi\n.seh_pushreg %rdi\n subq $32, %rsp\n.seh_stackalloc 32\n.seh_endprologue\n"
  " movl %ecx, %edi\n movl $0x31457343, %ebx\n leaq 8(%rdi), %rdx\n movl %ebx, %r8d\n" //= CsE1 allocation-call register x64
  " movq " IMPORTED(ExAllocatePoolWithTag, 12) "(%rip), %rsi\n movl $1, %ecx\n callq *%rsi\n testq %rax, %rax\n jne 1f\n"
  " leal 0x32457343-0x31457343(%rbx), %r8d\n" //= CsE2 allocation-call register x64
  " leal 16(%rax), %edx\n xorl %ecx, %ecx\n callq *%rsi\n1: addq $32, %rsp\n popq %rdi\n popq %rsi\n popq %rbx\n retq\n" END
  BEGIN(ColdPart, 8)
  " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n testl %edx, %edx\n movl %ecx, %edx\n js shape_cold\n"
  " movl $0x314B7343, %r8d\n" //= CsK1 allocation-call cold-part x64
  "shape_warm: xorl %ecx, %ecx\n callq *" IMPORTED(ExAllocatePoolWithTag, 12) "(%rip)\n addq $40, %rsp\n retq\n" END
  ".section .text$zz,\"xr\"\nshape_cold: addl $64, %edx\n movl $0x324B7343, %r8d\n jmp shape_warm\n.text\n"); //= CsK2 allocation-call cold-part x64
#else
#define TO_IMPORT(name) " adrp x8, __imp_" #name "\n ldr x8, [x8, :lo12:__imp_" #name "]\n"
#define FRAME " stp x29, x30, [sp, #-32]!\n.seh_save_fplr_x 32\n mov x29, sp\n.seh_set_fp\n.seh_endprologue\n"
#define UNFRAME " ldp x29, x30, [sp], #32\n ret\n"
__asm__(".text\n"
  /* constants in literal pools behind the functions */
  BEGIN(FrameHelper, 4) FRAME TO_IMPORT(ExAllocatePoolWithTag)
  " mov w1, w0\n mov w0, #1\n ldr w2, 1f\n blr x8\n" UNFRAME END
  "1: .long 0x72507343\n" //= CsPr allocation-call direct arm64
  BEGIN(FrameHelperWrapper, 8) FRAME
  " stp w0, w1, [sp, #16]\n" TO_IMPORT(ExAllocatePoolWithTag) " ldr w2, [sp, #20]\n ldr w1, [sp, #16]\n mov w0, #1\n blr x8\n" UNFRAME END
  BEGIN(SharedCall, 8) FRAME TO_IMPORT(ExAllocatePoolWithTag)
  " cmp w1, #3\n b.ne 1f\n ldr w2, 3f\n mov w1, #32\n mov w0, #1\n b 2f\n1: ldr w2, 4f\n mov w1, w0\n mov w0, #0\n2: blr x8\n" UNFRAME END
  "3: .long 0x31537343\n4: .long 0x32537343\n" //= CsS1 allocation-call shared-call arm64 //= CsS2 allocation-call shared-call arm64
  BEGIN(ChosenByBorrow, 8) FRAME TO_IMPORT(ExAllocatePoolWithTag)
  " ldr w9, 1f\n ldr w10, 2f\n cmp w1, #0\n csel w2, w9, w10, ne\n mov w1, w0\n mov w0, #1\n blr x8\n" UNFRAME END
  "1: .long 0x78427343\n2: .long 0x61427343\n" //= CsBa allocation-call ternary arm64 //= CsBx allocation-call ternary arm64
  "shape_custom: adrp x16, __imp_ExAllocatePoolWithTag\n ldr x16, [x16, :lo12:__imp_ExAllocatePoolWithTag]\n mov w2, w10\n mov w1, w9\n mov w0, #512\n br x16\n"
  BEGIN(InRegisters, 4) FRAME
  " mov w9, w0\n ldr w10, 1f\n bl shape_custom\n cbnz x0, 3f\n mov w9, #16\n ldr w10, 2f\n bl shape_custom\n3:\n" UNFRAME END
  "1: .long 0x31557343\n2: .long 0x32557343\n" //= CsU1 wrapper-call custom-registers arm64 //= CsU2 wrapper-call custom-registers arm64
  BEGIN(SwitchTable, 8) FRAME TO_IMPORT(ExAllocatePoolWithTag)
  " cmp w1, #3\n b.hi 9f\n adr x9, shape_table\n ldrb w10, [x9, w1, uxtw]\n adr x11, shape_case0\n add x11, x11, w10, sxtb #2\n mov w1, w0\n mov w0, #1\n br x11\n"
  "shape_case0: ldr w2, 4f\n b 8f\nshape_case1: ldr w2, 5f\n b 8f\nshape_case2: ldr w2, 6f\n b 8f\nshape_case3: ldr w2, 7f\n8: blr x8\n" UNFRAME "9: mov x0, #0\n" UNFRAME END
  "4: .long 0x304A7343\n5: .long 0x314A7343\n6: .long 0x324A7343\n7: .long 0x334A7343\n" //= CsJ0 allocation-call jump-table arm64 //= CsJ1 allocation-call jump-table arm64 //= CsJ2 allocation-call jump-table arm64 //= CsJ3 allocation-call jump-table arm64
  "shape_table: .byte 0, 2, 4, 6\n.p2align 2\n"
  BEGIN(EarlyArguments, 4) FRAME
  " str x19, [sp, #16]\n str x20, [sp, #24]\n adrp x19, __imp_ExAllocatePoolWithTag\n ldr x19, [x19, :lo12:__imp_ExAllocatePoolWithTag]\n"
  " mov w20, w0\n ldr w2, 1f\n add w1, w20, #8\n mov w0, #1\n blr x19\n cbnz x0, 3f\n ldr w2, 2f\n mov w1, #16\n mov w0, #0\n blr x19\n"
  "3: ldr x20, [sp, #24]\n ldr x19, [sp, #16]\n" UNFRAME END
  "1: .long 0x31457343\n2: .long 0x32457343\n" //= CsE1 allocation-call register arm64 //= CsE2 allocation-call register arm64
  BEGIN(ColdPart, 8) FRAME TO_IMPORT(ExAllocatePoolWithTag)
  " tbnz w1, #31, shape_cold\n mov w1, w0\n ldr w2, 1f\nshape_warm: mov w0, #0\n blr x8\n" UNFRAME END
  "1: .long 0x314B7343\n" //= CsK1 allocation-call cold-part arm64
  "shape_cold: add w1, w0, #64\n ldr w2, 1f\n b shape_warm\n1: .long 0x324B7343\n"); //= CsK2 allocation-call cold-part arm64
#endif

/* bait in the same shapes: a function of the driver's own behind the dispatcher, a number pushed for no allocator */
NOINLINE static PVOID Lookup(ULONG type, SIZE_T size, ULONG key) { return key == 'yeKC' ? keep : (PVOID)(size + type); } //~ CKey magic
static PVOID (*volatile lookup)(ULONG, SIZE_T, ULONG) = Lookup;

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  ULONG size = path->Length;
  keep = FrameHelper(size);
  keep = FrameHelperWrapper(size, '1WsC'); //= CsW1 wrapper-call wrapper
  keep = FrameHelperWrapper(size + 8, '2WsC'); //= CsW2 wrapper-call wrapper
  keep = SharedCall(size, driver->Flags);
  keep = ChosenByBorrow(size, driver->Flags & 1);
  keep = InRegisters(size);
  keep = SwitchTable(size, driver->Flags);
  keep = EarlyArguments(size);
  keep = ColdPart(size, driver->Flags);
  keep = lookup(0, size, 'pukL'); //~ Lkup not-an-allocator
  return keep ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
