/* Every bare-metal AArch64 program begins here, at EL1 or EL2, with the MMU off: CPU 0 gets a stack and vectors and calls main(),
 * which ends in PSCI's SYSTEM_OFF. The others are started by cpu_on() and call cpu_main(number).
 *
 * An exception is noted in `seen`, for each CPU. A synchronous one goes back to where attempt() was called; interrupts call on_irq(). */
    .section .text.start, "ax"
    .globl _start, attempt, at_el0, cpu_on, cpu_entry, psci_off, stack_top
_start:
    ldr     x1, =stack_top
    mov     sp, x1
    mov     x0, #0
    bl      prepare
    bl      main
psci_off:
    mov     w0, #0x84000000
    add     w0, w0, #8
    CONDUIT #0
1:  wfi
    b       1b

/* x0: the CPU's number; TPIDR_EL1 finds its struct cpu. */
prepare:
    adrp    x1, cpus
    add     x1, x1, :lo12:cpus
    add     x1, x1, x0, lsl #8
    msr     tpidr_el1, x1
    mov     x2, #(3 << 20)
    mrs     x3, CurrentEL
    cmp     x3, #8
    adr     x1, vectors
    b.eq    2f
    msr     cpacr_el1, x2
    msr     vbar_el1, x1
    isb
    ret
2:  mov     x2, #0x33ff                /* EL2: nothing trapped */
    msr     cptr_el2, x2
    msr     vbar_el2, x1
    isb
    ret

cpu_entry:
    mov     x19, x0
    ldr     x1, =stack_top
    add     x2, x0, #0
    lsl     x2, x2, #13
    add     sp, x1, x2
    bl      prepare
    mov     x0, x19
    bl      cpu_main
3:  wfi
    b       3b

/* int64_t cpu_on(number): cpu_main(number) runs there. */
cpu_on:
    mov     x3, x0
    movz    w0, #0xc400, lsl #16
    movk    w0, #3
    mov     x1, x3
    adr     x2, cpu_entry
    CONDUIT #0
    ret

/* int attempt(fn, argument): calls fn(argument); 1 if an exception ended it, which is in `seen`. at_el0(fn, argument): the same
 * at EL0, with its stack at user_stack. */
    .macro  keep
    mrs     x9, tpidr_el1
    stp     x19, x20, [x9]
    stp     x21, x22, [x9, #16]
    stp     x23, x24, [x9, #32]
    stp     x25, x26, [x9, #48]
    stp     x27, x28, [x9, #64]
    stp     x29, x30, [x9, #80]
    mov     x10, sp
    str     x10, [x9, #96]
    .endm
attempt:
    keep
    mov     x10, x0
    mov     x0, x1
    blr     x10
    mrs     x9, tpidr_el1
    ldr     x30, [x9, #88]
    mov     x0, #0
    ret
at_el0:
    keep
    msr     elr_el1, x0
    msr     spsr_el1, xzr
    adrp    x10, user_stack
    ldr     x10, [x10, :lo12:user_stack]
    msr     sp_el0, x10
    mov     x0, x1
    mov     x30, #0
    eret

    .macro  vector number
    .balign 128
    sub     sp, sp, #272
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       common
    .endm
    .balign 2048
vectors:
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \n
    .endr
common:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    and     x1, x0, #3
    cbnz    x1, interrupt
    mrs     x1, CurrentEL
    cmp     x1, #8
    mrs     x9, tpidr_el1
    add     x9, x9, #112
    b.eq    4f
    mrs     x2, esr_el1
    mrs     x3, far_el1
    mrs     x4, elr_el1
    mrs     x5, spsr_el1
    b       5f
4:  mrs     x2, esr_el2
    mrs     x3, far_el2
    mrs     x4, elr_el2
    mrs     x5, spsr_el2
5:  stp     x2, x3, [x9]
    stp     x4, x5, [x9, #16]
    str     x0, [x9, #32]
    mrs     x9, tpidr_el1
    ldp     x19, x20, [x9]
    ldp     x21, x22, [x9, #16]
    ldp     x23, x24, [x9, #32]
    ldp     x25, x26, [x9, #48]
    ldp     x27, x28, [x9, #64]
    ldp     x29, x30, [x9, #80]
    ldr     x10, [x9, #96]
    msr     spsel, #1
    mov     sp, x10
    mov     x0, #1
    mrs     x1, CurrentEL
    cmp     x1, #8
    b.eq    6f
    msr     elr_el1, x30
    mov     x1, #0x3c5
    msr     spsr_el1, x1
    eret
6:  msr     elr_el2, x30
    mov     x1, #0x3c9
    msr     spsr_el2, x1
    eret
interrupt:
    stp     x19, x20, [sp, #160]
    mrs     x19, elr_el1
    mrs     x20, spsr_el1
    mov     x1, x19
    bl      on_irq
    msr     elr_el1, x19
    msr     spsr_el1, x20
    ldp     x19, x20, [sp, #160]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x30, [sp, #144]
    ldp     x0, x1, [sp]
    add     sp, sp, #272
    eret

    .weak   on_irq, cpu_main
on_irq:
cpu_main:
    ret

    .bss
    .balign 16
    .globl  user_stack
cpus:   .space 256 * 9
user_stack: .space 8
    .balign 16
    .space 16384
stack_top:
    .space 8192 * 8
