@ tests/isa/a32/flow.S - runs in the guest: what ops.c leaves out. Branches between A32 and T32, IT blocks, tables, the
@ exclusive monitor, byte order, CPSR, faults inside IT blocks. Prints one line a check: its letter, and a number that flow.txt
@ has too. Needs no library.
        .syntax unified
        .arch armv8-a
        .arch_extension crc
        .text
        .arm
        .global _start

@ say LETTER, register: both are kept by the callee
        .macro say letter, reg
        push    {r0, r1, r2, r3, r12, lr}
        .ifnc \reg, r1
        mov     r1, \reg
        .endif
        mov     r0, #\letter
        bl      print
        pop     {r0, r1, r2, r3, r12, lr}
        .endm

_start: mov     r4, #0
        @ a: calls from A32 to T32 and back, by BLX, BX, POP, LDR
        mov     r0, #1
        blx     t_double
        say     'a', r0
        ldr     r3, =t_double
        blx     r3
        say     'b', r0
        bl      a_pops
        say     'c', r0
        adr     lr, 1f
        ldr     pc, =t_double
1:      say     'd', r0
        @ e: conditional returns and calls
        mov     r0, #5
        bl      a_clamp
        say     'e', r0
        mov     r0, #50
        bl      a_clamp
        say     'f', r0
        cmp     r0, #9
        blhi    a_pops
        say     'g', r0
        @ h: a chain of conditions, else parts, flags set in between
        mov     r0, #7
        mov     r5, #0
2:      cmp     r0, #4
        addhi   r5, r5, #1
        subls   r5, r5, #3
        ldrhi   r1, =word
        ldrhi   r1, [r1]
        addhi   r5, r5, r1
        cmpne   r0, #2
        addeq   r5, r5, #100
        subs    r0, r0, #1
        bne     2b
        say     'h', r5
        @ i: conditional multiple loads and stores
        ldr     r6, =buffer
        movs    r1, #3
        mov     r2, #4
        stmiane r6, {r1, r2}
        ldmiaeq r6, {r2, r3}
        ldmibne r6!, {r3}
        add     r3, r3, r2, lsl #8
        say     'i', r3
        @ j: exclusives
        ldr     r6, =buffer
        ldrex   r0, [r6]
        add     r0, r0, #1
        strex   r1, r0, [r6]
        strex   r2, r0, [r6]
        ldr     r0, [r6]
        add     r0, r0, r1, lsl #8
        add     r0, r0, r2, lsl #16
        say     'j', r0
        ldrexd  r0, r1, [r6]
        mov     r2, #9
        mov     r3, #10
        strexd  r12, r2, r3, [r6]
        ldrd    r0, r1, [r6]
        add     r0, r0, r1, lsl #8
        add     r0, r0, r12, lsl #16
        say     'k', r0
        ldaexb  r0, [r6]
        mov     r0, #0x81
        stlexb  r1, r0, [r6]
        ldrexh  r2, [r6]
        clrex
        strexh  r3, r2, [r6]
        lda     r0, [r6]
        stl     r0, [r6]
        add     r0, r0, r1, lsl #8
        add     r0, r0, r3, lsl #16
        say     'l', r0
        @ m: byte order
        setend  be
        ldr     r0, [r6]
        strh    r0, [r6, #8]
        ldrd    r2, r3, [r6]
        setend  le
        ldrh    r1, [r6, #8]
        say     'm', r0
        say     'n', r1
        say     'o', r2
        @ p: CPSR: flags, Q and GE by MSR and MRS
        ldr     r0, =0xa8050000
        msr     cpsr_fs, r0
        mrs     r1, cpsr
        say     'p', r1
        msr     cpsr_f, #0x60000000
        mrs     r1, cpsr
        say     'q', r1
        cmp     r1, r1
        mov     r0, #0
        adc     r0, r0, #0
        msr     cpsr_f, #0
        addeq   r0, r0, #10
        say     'r', r0
        @ s: T32: IT blocks, tables, compare and branch
        ldr     r0, =6
        blx     t_it
        say     's', r0
        ldr     r0, =1
        blx     t_it
        say     't', r0
        mov     r5, #0
        mov     r7, #0
3:      mov     r0, r7
        blx     t_table
        add     r5, r0, r5, lsl #4
        add     r7, r7, #1
        cmp     r7, #6
        blo     3b
        say     'u', r5
        @ v: a fault inside an IT block: the handler looks at CPSR.IT and mends the base register
        ldr     r0, =act
        ldr     r1, =on_fault
        str     r1, [r0]
        ldr     r1, =restorer
        str     r1, [r0, #8]
        mov     r1, r0
        mov     r0, #11
        mov     r2, #0
        mov     r3, #8
        mov     r7, #174
        svc     #0
        blx     t_fault
        say     'v', r0
        ldr     r0, =seen
        ldr     r0, [r0]
        say     'w', r0
        @ x: a system call inside an IT block
        blx     t_call
        say     'x', r0
        @ y: an IT block across a page's end, and an instruction across one
        ldr     r0, =4
        ldr     r1, =t_edge
        blx     r1
        say     'y', r0
        @ z: the address of what is stored by STR PC and ADR
        adr     r0, word
        ldr     r1, =word
        sub     r0, r0, r1
        say     'z', r0
        @ 0: IT blocks at every place near the length at which a block is cut
        mov     r5, #0
        mov     r6, #200
4:      and     r0, r6, #1
        blx     t_long
        subs    r6, r6, #1
        bne     4b
        say     '0', r5
        mov     r0, #0
        mov     r7, #1
        svc     #0

a_pops: push    {r4, lr}
        add     r0, r0, #3
        pop     {r4, pc}

a_clamp:
        cmp     r0, #10
        bxlo    lr
        mov     r0, #10
        movs    r3, r0, lsr #1
        moveq   pc, lr
        mov     pc, lr

        @ r0 letter, r1 number
print:  ldr     r2, =line
        strb    r0, [r2], #2
        mov     r3, #8
1:      mov     r0, r1, lsr #28
        cmp     r0, #10
        addlo   r0, r0, #'0'
        addhs   r0, r0, #'a' - 10
        strb    r0, [r2], #1
        lsl     r1, r1, #4
        subs    r3, r3, #1
        bne     1b
        push    {r7, lr}
        mov     r0, #1
        ldr     r1, =line
        mov     r2, #11
        mov     r7, #4
        svc     #0
        pop     {r7, pc}

restorer:
        mov     r7, #173
        svc     #0

        @ r2: ucontext. Registers from 32 on: r1 gets the address of a word; IT and T are noted
on_fault:
        ldr     r0, =word
        str     r0, [r2, #36]
        ldr     r0, [r2, #96]
        ldr     r1, =0x0600fc20
        and     r0, r0, r1
        ldr     r1, =seen
        str     r0, [r1]
        bx      lr
        .ltorg
word:   .word   0x1234

        .thumb
        .thumb_func
t_double:
        lsls    r0, r0, #1
        bx      lr

        .thumb_func
t_it:   cmp     r0, #3
        ittee   hi
        addhi   r0, #1
        lslhi   r0, r0, #4
        rsbls   r0, r0, #100
        addls.w r0, r0, #0x100
        cmp     r0, #0x70
        itt     eq
        addeq   r0, #1
        bxeq    lr
        cbz     r0, 1f
        adds    r0, #2
        cbnz    r0, 2f
1:      movs    r0, #0
2:      movs    r1, #0x80
        it      mi
        movmi   r0, #0
        sxtb    r1, r1
        cmp     r1, #0
        ite     lt
        eorlt   r0, r0, #0x1000
        movge   r0, #3
        bx      lr

        .thumb_func
t_table:
        cmp     r0, #3
        bhs     1f
        tbb     [pc, r0]
0:      .byte   (2f - 0b) / 2, (3f - 0b) / 2, (4f - 0b) / 2, 0
1:      subs    r0, #3
        tbh     [pc, r0, lsl #1]
5:      .hword  (2f - 5b) / 2, (3f - 5b) / 2, (4f - 5b) / 2
2:      movs    r0, #1
        bx      lr
3:      movs    r0, #2
        bx      lr
4:      movs    r0, #3
        bx      lr

        .thumb_func
t_fault:
        movs    r0, #5
        movs    r1, #0
        cmp     r0, #5
        itte    eq
        addeq   r0, #1
        ldreq   r0, [r1]
        movne   r0, #0
        it      ne
        movne   r0, #7
        bx      lr

        .thumb_func
t_call: push    {r7, lr}
        movs    r7, #20
        cmp     r7, #20
        ittt    eq
        moveq   r0, #0
        svceq   #0
        movseq  r0, #3
        itet    ne
        svcne   #0
        addeq   r0, #1
        movne   r0, #9
        pop     {r7, pc}

        .macro  long before
        b       0f
0:      cmp     r0, #1
        .rept   \before
        add.w   r5, r5, #1
        .endr
        itete   eq
        addeq   r5, #2
        addne   r5, #3
        lsleq   r5, r5, #1
        eorne   r5, r5, #0x55
        .endm
        .thumb_func
t_long: .irp    n, 57, 58, 59, 60, 61, 62, 63
        long    \n
        .endr
        bx      lr

        .balign 4096
        .space  4096 - 8
        .thumb_func
t_edge: cmp     r0, #4
        itttt   eq
        addeq   r0, #1
        addeq   r0, #2
        addeq.w r0, r0, #0x30
        addeq   r0, #4
        b       1f
        .balign 4096
        .space  4096 - 6
1:      nop
        nop
        add.w   r0, r0, #0x500
        bx      lr

        .data
        .balign 8
buffer: .space  64
act:    .word   0, 0x04000004, 0, 0, 0
seen:   .word   0
line:   .ascii  "?         \n"
