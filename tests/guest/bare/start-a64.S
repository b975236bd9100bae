/* Where a bare AArch64 program begins: a stack, vectors that skip whatever instruction made an exception, main(); PSCI powers
 * off when it returns 0, and resets otherwise (run it with -no-reboot and look at what it said). */
        .globl  _start
_start: adrp    x0, stack_top
        add     x0, x0, :lo12:stack_top
        mov     sp, x0
        adrp    x0, vectors
        msr     vbar_el1, x0
        isb
        bl      main
        cmp     w0, #0
        ldr     w0, =0x84000008
        ldr     w1, =0x84000009
        csel    w0, w0, w1, eq
        hvc     #0
        b       .

        .balign 4096
vectors:
        .rept   16
        .balign 128
        msr     tpidr_el1, x0
        mrs     x0, elr_el1
        add     x0, x0, #4
        msr     elr_el1, x0
        mrs     x0, tpidr_el1
        eret
        .endr

        .bss
        .balign 16
        .space  16384
stack_top:
