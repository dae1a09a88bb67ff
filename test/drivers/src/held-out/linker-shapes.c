// Held out: more shapes of machine code that compilers for production drivers leave: constants made of other constants, stack arguments
// stored one by one, chains of jumps to an import, flags that choose the function to call, pairs loaded from read-only data.
#include "kernel.h"

#if defined(__i386__)
#define SYM(name, bytes) "_" #name "@" #bytes
#define IMP(name, bytes) "__imp__" #name "@" #bytes
#define ENTER(name, bytes) ".globl " SYM(name, bytes) "\n.p2align 4, 0xcc\n" SYM(name, bytes) ":\n"
#define LEAVE "\n"
#else
#define SYM(name, bytes) #name
#define IMP(name, bytes) "__imp_" #name
#define ENTER(name, bytes) ".globl " #name "\n.p2align 4\n.seh_proc " #name "\n" #name ":\n"
#define LEAVE ".seh_endproc\n"
#endif

PVOID CALL PushPop(ULONG size);
PVOID CALL StoredArguments(LOOKASIDE *list, ULONG size);
PVOID CALL ThunkChain(ULONG size);
PVOID CALL Differences(ULONG size);
PVOID CALL ChosenFunction(ULONG size, ULONG quota);
PVOID CALL PairFromData(ULONG size, ULONG second);
PVOID CALL AlignedFrame(ULONG size, ULONG tag);
static PVOID volatile result;

#if defined(__i386__)
__asm__(".text\n"
  ENTER(PushPop, 4) " pushl %esi\n pushl $0x3150734C\n popl %esi\n" //= LsP1 allocation-call register x86
  " pushl %esi\n pushl 12(%esp)\n pushl $1\n call *" IMP(ExAllocatePoolWithTag, 12) "\n testl %eax, %eax\n jne 1f\n"
  " pushl %esi\n pushl $64\n pushl %eax\n call *" IMP(ExAllocatePoolWithTag, 12) "\n1: popl %esi\n ret $4\n" LEAVE
  ENTER(StoredArguments, 8) " subl $28, %esp\n movl 32(%esp), %eax\n movl 36(%esp), %ecx\n movl %eax, (%esp)\n andl $0, 4(%esp)\n andl $0, 8(%esp)\n"
  " movl $512, 12(%esp)\n movl %ecx, 16(%esp)\n movl $0x314C734C, 20(%esp)\n andl $0, 24(%esp)\n" //= LsL1 lookaside-init stack-slot x86
  " call *" IMP(ExInitializeNPagedLookasideList, 28) "\n xorl %eax, %eax\n ret $8\n" LEAVE
  "chain_one: jmp chain_two\n.p2align 4, 0xcc\nchain_two: jmp chain_three\n.p2align 4, 0xcc\nchain_three: jmp *" IMP(ExAllocatePoolWithTag, 12) "\n"
  ENTER(ThunkChain, 4) " pushl $0x3154734C\n pushl 8(%esp)\n pushl $1\n call chain_one\n ret $4\n" LEAVE //= LsT1 allocation-call thunk-chain x86
  ENTER(Differences, 4) " pushl %ebx\n movl $0x3144734C, %ebx\n pushl %ebx\n pushl 12(%esp)\n pushl $1\n call *" IMP(ExAllocatePoolWithTag, 12) "\n" //= LsD1 allocation-call register x86
  " addl $0x3145734C-0x3144734C, %ebx\n pushl %ebx\n pushl 12(%esp)\n pushl $0\n call *" IMP(ExAllocatePoolWithTag, 12) "\n" //= LsE1 allocation-call odd-arithmetic x86
  " xorl $0x3145734C^0x3146734C, %ebx\n orl $0x80000000, %ebx\n pushl %ebx\n pushl 12(%esp)\n pushl $0\n call *" IMP(ExAllocatePoolWithTag, 12) "\n popl %ebx\n ret $4\n" LEAVE //= LsF1 allocation-call odd-arithmetic x86
  ENTER(ChosenFunction, 8) " movl %edi, %edi\n pushl %ebp\n movl %esp, %ebp\n cmpb $0, 12(%ebp)\n movl " IMP(ExAllocatePoolWithTag, 12) ", %eax\n jne 1f\n movl " IMP(ExAllocatePoolWithQuotaTag, 12) ", %eax\n"
  "1: pushl $0x3143734C\n pushl 8(%ebp)\n pushl $1\n call *%eax\n popl %ebp\n ret $8\n" LEAVE //= LsC1 allocation-call chosen-function x86
  ".section .rdata,\"dr\"\n.p2align 3\npair_data: .long 0x40, 0x3151734C, 0x80, 0x3251734C\n.text\n" //= LsQ1 allocation-call const-global x86 //= LsQ2 allocation-call const-global x86
  ENTER(PairFromData, 8) " cmpl $0, 8(%esp)\n je 1f\n pushl pair_data+12\n pushl pair_data+8\n jmp 2f\n1: pushl pair_data+4\n pushl pair_data\n"
  "2: pushl $1\n call *" IMP(ExAllocatePoolWithTag, 12) "\n ret $8\n" LEAVE
  ENTER(AlignedFrame, 8) " pushl %ebx\n movl %esp, %ebx\n subl $8, %esp\n andl $-8, %esp\n addl $4, %esp\n pushl %ebp\n movl 4(%ebx), %ebp\n movl %ebp, 4(%esp)\n movl %esp, %ebp\n subl $16, %esp\n"
  " pushl 12(%ebx)\n pushl 8(%ebx)\n pushl $1\n call *" IMP(ExAllocatePoolWithTag, 12) "\n movl %ebp, %esp\n popl %ebp\n movl %ebx, %esp\n popl %ebx\n ret $8\n" LEAVE);
#elif defined(__x86_64__)
__asm__(".text\n"
  ENTER(PushPop, 4) " pushq %rdi\n.seh_pushreg %rdi\n subq $32, %rsp\n.seh_stackalloc 32\n.seh_endprologue\n pushq $0x3150734C\n popq %rdi\n movl %ecx, %edx\n movl %edi, %r8d\n" //= LsP1 allocation-call register x64
  " pushq $1\n popq %rcx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n testq %rax, %rax\n jne 1f\n movl %edi, %r8d\n leal 64(%rax), %edx\n xorl %ecx, %ecx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n"
  "1: addq $32, %rsp\n popq %rdi\n retq\n" LEAVE
  ENTER(StoredArguments, 8) " movq %rsp, %r11\n subq $72, %rsp\n.seh_stackalloc 72\n.seh_endprologue\n movl %edx, %eax\n andw $0, -24(%r11)\n xorl %r9d, %r9d\n movl $0x314C734C, -32(%r11)\n" //= LsL1 lookaside-init stack-slot x64
  " movq %rax, -40(%r11)\n xorl %r8d, %r8d\n xorl %edx, %edx\n callq *" IMP(ExInitializeNPagedLookasideList, 28) "(%rip)\n xorl %eax, %eax\n addq $72, %rsp\n retq\n" LEAVE
  "chain_one: jmp chain_two\n.p2align 4, 0xcc\nchain_two: jmp chain_three\n.p2align 4, 0xcc\nchain_three: jmpq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n"
  ENTER(ThunkChain, 4) ".seh_endprologue\n movl %ecx, %edx\n movl $0x3154734C, %r8d\n movl $1, %ecx\n jmp chain_one\n" LEAVE //= LsT1 allocation-call thunk-chain x64
  ENTER(Differences, 4) " pushq %rbx\n.seh_pushreg %rbx\n pushq %rsi\n.seh_pushreg %rsi\n subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n movl %ecx, %esi\n movl $0x3144734C, %ebx\n movl %ebx, %r8d\n" //= LsD1 allocation-call register x64
  " movl %esi, %edx\n movl $1, %ecx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n leal 0x3145734C-0x3144734C(%rbx), %r8d\n movl %esi, %edx\n xorl %ecx, %ecx\n" //= LsE1 allocation-call odd-arithmetic x64
  " callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n movl $0x3146734C, %r8d\n btsl $31, %r8d\n movl %esi, %edx\n xorl %ecx, %ecx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n" //= LsF1 allocation-call odd-arithmetic x64
  " addq $40, %rsp\n popq %rsi\n popq %rbx\n retq\n" LEAVE
  ENTER(ChosenFunction, 8) " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n testb %dl, %dl\n movq " IMP(ExAllocatePoolWithTag, 12) "(%rip), %rax\n movl %ecx, %edx\n cmoveq " IMP(ExAllocatePoolWithQuotaTag, 12) "(%rip), %rax\n"
  " movl $0x3143734C, %r8d\n movl $1, %ecx\n callq *%rax\n addq $40, %rsp\n retq\n" LEAVE //= LsC1 allocation-call chosen-function x64
  ".section .rdata,\"dr\"\n.p2align 3\npair_data: .long 0x40, 0x3151734C, 0x80, 0x3251734C\n.text\n" //= LsQ1 allocation-call const-global x64 //= LsQ2 allocation-call const-global x64
  ENTER(PairFromData, 8) " subq $40, %rsp\n.seh_stackalloc 40\n.seh_endprologue\n testl %edx, %edx\n je 1f\n movl pair_data+12(%rip), %r8d\n movl pair_data+8(%rip), %edx\n jmp 2f\n1: movl pair_data+4(%rip), %r8d\n movl pair_data(%rip), %edx\n"
  "2: movl $1, %ecx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n addq $40, %rsp\n retq\n" LEAVE
  ENTER(AlignedFrame, 8) " pushq %rbp\n.seh_pushreg %rbp\n subq $64, %rsp\n.seh_stackalloc 64\n leaq 32(%rsp), %rbp\n.seh_setframe %rbp, 32\n.seh_endprologue\n andq $-32, %rsp\n movl %edx, 8(%rbp)\n movl %ecx, 12(%rbp)\n"
  " movl 8(%rbp), %r8d\n movl 12(%rbp), %edx\n movl $1, %ecx\n callq *" IMP(ExAllocatePoolWithTag, 12) "(%rip)\n leaq 32(%rbp), %rsp\n popq %rbp\n retq\n" LEAVE);
#else
#define SLOT(register, name) " adrp " #register ", __imp_" #name "\n ldr " #register ", [" #register ", :lo12:__imp_" #name "]\n"
#define OPEN " stp x29, x30, [sp, #-48]!\n.seh_save_fplr_x 48\n mov x29, sp\n.seh_set_fp\n.seh_endprologue\n"
#define CLOSE " ldp x29, x30, [sp], #48\n ret\n"
__asm__(".text\n"
  ENTER(PushPop, 4) OPEN SLOT(x8, ExAllocatePoolWithTag) " mov w1, w0\n movz w9, 0x3150734C&0xffff\n mov w0, #1\n movk w9, 0x3150734C>>16, lsl #16\n str w9, [sp, #16]\n ldr w2, [sp, #16]\n blr x8\n" CLOSE LEAVE //= LsP1 allocation-call stack-slot arm64
  ENTER(StoredArguments, 8) OPEN " mov w4, w1\n mov x1, xzr\n mov x2, xzr\n movz w5, 0x314C734C&0xffff\n mov w3, #512\n movk w5, 0x314C734C>>16, lsl #16\n mov w6, wzr\n" SLOT(x8, ExInitializeNPagedLookasideList) " blr x8\n mov x0, xzr\n" CLOSE LEAVE //= LsL1 lookaside-init lookaside arm64
  "chain_one: b chain_two\n nop\nchain_two: b chain_three\n nop\nchain_three:" SLOT(x16, ExAllocatePoolWithTag) " br x16\n"
  ENTER(ThunkChain, 4) ".seh_endprologue\n mov w1, w0\n ldr w2, 1f\n mov w0, #1\n b chain_one\n" LEAVE "1: .long 0x3154734C\n" //= LsT1 allocation-call thunk-chain arm64
  ENTER(Differences, 4) OPEN " str x19, [sp, #16]\n str x20, [sp, #24]\n mov w20, w0\n ldr w19, 1f\n mov w2, w19\n mov w1, w20\n mov w0, #1\n" SLOT(x8, ExAllocatePoolWithTag) " blr x8\n"
  " add w2, w19, #0x10, lsl #12\n mov w1, w20\n mov w0, #0\n" SLOT(x8, ExAllocatePoolWithTag) " blr x8\n" //= LsE1 allocation-call odd-arithmetic arm64
  " ldr w2, 2f\n orr w2, w2, #0x80000000\n mov w1, w20\n mov w0, #0\n" SLOT(x8, ExAllocatePoolWithTag) " blr x8\n ldr x20, [sp, #24]\n ldr x19, [sp, #16]\n" CLOSE LEAVE
  "1: .long 0x3144734C\n2: .long 0x3146734C\n" //= LsD1 allocation-call register arm64 //= LsF1 allocation-call odd-arithmetic arm64
  ENTER(ChosenFunction, 8) OPEN SLOT(x8, ExAllocatePoolWithTag) SLOT(x9, ExAllocatePoolWithQuotaTag) " cmp w1, #0\n csel x8, x8, x9, ne\n mov w1, w0\n ldr w2, 1f\n mov w0, #1\n blr x8\n" CLOSE LEAVE
  "1: .long 0x3143734C\n" //= LsC1 allocation-call chosen-function arm64
  ".section .rdata,\"dr\"\n.p2align 3\npair_data: .long 0x40, 0x3151734C, 0x80, 0x3251734C\n.text\n" //= LsQ1 allocation-call const-global arm64 //= LsQ2 allocation-call const-global arm64
  ENTER(PairFromData, 8) OPEN " adrp x9, pair_data\n add x9, x9, :lo12:pair_data\n" SLOT(x8, ExAllocatePoolWithTag) " cbz w1, 1f\n ldp w1, w2, [x9, #8]\n b 2f\n1: ldp w1, w2, [x9]\n2: mov w0, #1\n blr x8\n" CLOSE LEAVE
  ENTER(AlignedFrame, 8) OPEN " stur w1, [x29, #20]\n stur w0, [x29, #16]\n" SLOT(x8, ExAllocatePoolWithTag) " ldp w1, w2, [x29, #16]\n mov w0, #1\n blr x8\n" CLOSE LEAVE);
#endif

NOINLINE static ULONG Checksum(ULONG type, SIZE_T size, ULONG seed) { return (seed ^ type) + (ULONG)size; }

NTSTATUS CALL DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
  static LOOKASIDE list;
  ULONG size = path->Length;
  result = PushPop(size);
  result = StoredArguments(&list, size);
  result = ThunkChain(size);
  result = Differences(size);
  result = ChosenFunction(size, driver->Flags & 1);
  result = PairFromData(size, driver->Flags & 2);
  result = AlignedFrame(size, '1AsL'); //= LsA1 wrapper-call wrapper
  result = AlignedFrame(size * 2, driver->Flags & 4 ? '2AsL' : 'xBsM'); //= LsA2 wrapper-call wrapper //= MsBx wrapper-call wrapper
  if (Checksum(1, size, 'deeS') == 'kcbC') return STATUS_INVALID_PARAMETER; //~ Seed not-an-allocator //~ Cbck magic
  return result ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}
