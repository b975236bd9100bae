/* AArch32 above User mode on the bare machine: banks, exceptions, PAN, alignment, what SCTLR forbids. Each check prints its
 * name and what the exception said: vector, SPSR, how far LR is from the instruction, DFSR, DFAR. arm-system.txt is what an
 * independent emulator printed for -cpu max (tests/guest/arm-system.sh --record). */
        .syntax unified
        .arch armv8.1-a
        .arch_extension pan
        .fpu neon-fp-armv8
        .arm
        .set UART, 0x09000000
        .globl _start
_start: ldr     sp, =stack_svc
        cps     #0x17
        ldr     sp, =stack_abt
        cps     #0x1b
        ldr     sp, =stack_und
        cps     #0x13
        ldr     r0, =vectors
        mcr     p15, 0, r0, c12, c0, 0
        mrc     p15, 0, r0, c1, c0, 2           // CPACR: floating point
        orr     r0, r0, #0xf00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        mov     r0, #0x40000000
        vmsr    fpexc, r0
        bl      mmu_on

        .macro  say text
        bl      puts
        .asciz  "\text "
        .balign 4
        .endm
        .macro  check text, insn:vararg
        say     "\text"
        bl      forget
        adr     r0, 8f
        ldr     r1, =expected_at
        str     r0, [r1]
        ldr     r4, =data
        ldr     r5, =0x50000000
        ldr     r6, =0x50100000
        mov     r7, #0
8:      \insn
        bl      report
        .endm

        check   "svc", svc 5
        check   "undefined", udf 3
        check   "bkpt", bkpt 2
        check   "no mapping", ldr r0, [r7]
        check   "store to read-only", str r0, [r6]
        check   "load from unmapped by user", ldrt r0, [r4]
        check   "ldrt", ldrt r0, [r5]
        setpan  #1
        check   "PAN: load", ldr r0, [r5]
        check   "PAN: store", str r0, [r5]
        check   "PAN: load of read-only", ldr r0, [r6]
        check   "PAN: ldrt", ldrt r0, [r5]
        check   "PAN: own data", ldr r0, [r4]
        mrs     r8, cpsr
        setpan  #0
        say     "CPSR with PAN"
        mov     r0, r8
        bl      hex
        bl      newline
        check   "ldr", ldr r0, [r4, #1]
        check   "ldrh", ldrh r0, [r4, #1]
        check   "ldm", ldm r4, {r0, r1}
        .macro  check_odd text, insn:vararg
        say     "\text"
        bl      forget
        adr     r0, 8f
        ldr     r1, =expected_at
        str     r0, [r1]
        ldr     r4, =data + 2
8:      \insn
        bl      report
        .endm
        check_odd "ldm unaligned", ldm r4, {r0, r1}
        check_odd "stm unaligned", stm r4, {r0, r1}
        check_odd "ldrd unaligned", ldrd r0, r1, [r4]
        check_odd "strd unaligned", strd r0, r1, [r4]
        check_odd "vldr unaligned", vldr d0, [r4]
        check_odd "vstr unaligned", vstr s0, [r4]
        check_odd "vldm unaligned", vldmia r4, {d0-d3}
        check_odd "vld1 unaligned", vld1.32 {d0}, [r4]
        check_odd "vld1 with alignment", vld1.32 {d0}, [r4:64]
        check_odd "vst1 with alignment", vst1.32 {d0}, [r4:64]
        check_odd "ldrex unaligned", ldrex r0, [r4]
        check_odd "lda unaligned", lda r0, [r4]
        check_odd "ldrd to four", ldrd r0, r1, [r4, #2]
        check_odd "vldr to four", vldr d0, [r4, #0]
        check_odd "srs unaligned", srsdb sp!, #0x13

        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, #2                      // A
        mcr     p15, 0, r0, c1, c0, 0
        isb
        check_odd "A: ldr", ldr r0, [r4]
        check_odd "A: str", str r0, [r4]
        check_odd "A: ldrh", ldrh r0, [r4, #-1]
        check_odd "A: ldrh aligned", ldrh r0, [r4]
        check_odd "A: vld1.32", vld1.32 {d0, d1}, [r4]
        check_odd "A: vld1.8", vld1.8 {d0, d1}, [r4]
        check_odd "A: ldrb", ldrb r0, [r4, #1]
        mrc     p15, 0, r0, c1, c0, 0
        bic     r0, r0, #2
        mcr     p15, 0, r0, c1, c0, 0
        isb

        check   "setend", setend le
        check   "barrier by CP15", mcr p15, 0, r0, c7, c10, 5
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, #0x100                  // SED
        bic     r0, r0, #0x20                   // CP15BEN
        mcr     p15, 0, r0, c1, c0, 0
        isb
        check   "SED: setend", setend le
        check   "no CP15BEN: dmb", mcr p15, 0, r0, c7, c10, 5
        check   "no CP15BEN: dsb", mcr p15, 0, r0, c7, c10, 4
        check   "no CP15BEN: isb", mcr p15, 0, r0, c7, c5, 4
        mrc     p15, 0, r0, c1, c0, 0
        bic     r0, r0, #0x100
        orr     r0, r0, #0x20
        mcr     p15, 0, r0, c1, c0, 0
        isb

        // Banks, by name and from inside.
        .macro  set_bank mode, value
        cps     #\mode
        ldr     r13, =\value
        add     r14, r13, #1
        add     r0, r13, #2
        msr     spsr_fsxc, r0
        .endm
        .macro  get text, name
        say     "\text"
        mrs     r0, \name
        bl      hex
        bl      newline
        .endm
        set_bank 0x12, 0x11000000
        set_bank 0x11, 0x12000000
        ldr     r8, =0x12000008
        ldr     r12, =0x1200000c
        cps     #0x1f
        ldr     r13, =0x13000000
        ldr     r14, =0x13000001
        ldr     r8, =0x13000008
        ldr     r12, =0x1300000c
        cps     #0x13
        get     "SP_irq", SP_irq
        get     "LR_irq", LR_irq
        get     "SPSR_irq", SPSR_irq
        get     "R8_fiq", R8_fiq
        get     "R12_fiq", R12_fiq
        get     "SP_fiq", SP_fiq
        get     "SPSR_fiq", SPSR_fiq
        get     "SP_usr", SP_usr
        get     "LR_usr", LR_usr
        ldr     r0, =0x77000001
        msr     R9_fiq, r0
        msr     LR_und, r0
        msr     SPSR_abt, r0
        msr     SP_usr, r0
        get     "R9_fiq", R9_fiq
        get     "LR_und", LR_und
        get     "SPSR_abt", SPSR_abt
        say     "user registers from FIQ mode"
        ldr     r4, =data
        cps     #0x11
        stm     r4, {r8, r12, sp, lr}^
        cps     #0x13
        ldr     r4, =data
        ldr     r0, [r4]
        bl      hex
        ldr     r4, =data
        ldr     r0, [r4, #4]
        bl      hex
        ldr     r4, =data
        ldr     r0, [r4, #8]
        bl      hex
        ldr     r4, =data
        ldr     r0, [r4, #12]
        bl      hex
        bl      newline

        // The rest of A32: what is left over has no result but to be there.
        check   "swp", .inst 0xe1040090
        check   "mcr2", mcr2 p15, 0, r0, c1, c0, 0
        check   "mrc2", mrc2 p15, 0, r0, c1, c0, 0
        check   "ldc", ldc p14, c5, [r4]
        check   "dsb", dsb
        check   "dmb", dmb ish
        check   "sb", .inst 0xf57ff070
        check   "pldw", pldw [r7]
        check   "pld", pld [r7]
        check   "pld register", pld [r7, r5]
        check   "pli", pli [r7]
        check   "pli register", pli [r7, r5]
        check   "no preload", .inst 0xf417f000
        check   "mcrr", mcrr p15, 3, r5, r6, c14
        mrrc    p15, 3, r0, r8, c14
        say     "CNTV_CVAL"
        bl      hex
        mov     r0, r8
        bl      hex
        bl      newline
        adr     r0, 1f
        bxj     r0
        udf     0
1:      mrs     r0, cpsr
        msr     spsr_fsxc, r0
        adr     lr, 1f
        eret
        udf     0
1:      adr     r0, 1f
        mrs     r1, cpsr
        push    {r0, r1}
        rfeia   sp!
        udf     0
1:      say     "bxj, eret, rfe"
        bl      newline
        ldr     r0, =thumb_part
        blx     r0
        say     "smc from T32"
        ldr     r0, =0x84000004
        mov     r1, 0
        mov     r2, 0
        ldr     r4, =thumb_smc
        blx     r4
        bl      hex
        bl      newline

        // Performance monitors: what is written is read, and the cycles go on.
        .macro  counters text, crm, op2
        say     "\text"
        mrc     p15, 0, r0, c9, \crm, \op2
        bl      hex
        bl      newline
        .endm
        mov     r0, 1
        mcr     p15, 0, r0, c9, c12, 0          // PMCR.E
        ldr     r0, =0x80000001
        mcr     p15, 0, r0, c9, c12, 1
        mcr     p15, 0, r0, c9, c14, 1
        mov     r0, 3
        mcr     p15, 0, r0, c9, c12, 5
        mov     r0, 0
        mcr     p15, 0, r0, c9, c13, 1
        isb
        counters "PMCNTENSET", c12, 1
        counters "PMINTENSET", c14, 1
        counters "PMSELR", c12, 5
        counters "PMXEVTYPER", c13, 1
        counters "PMUSERENR", c14, 0
        mrc     p15, 0, r4, c9, c13, 0
        mov     r0, 1000
1:      subs    r0, r0, 1
        bne     1b
        mrrc    p15, 0, r5, r6, c9
        say     "cycles"
        cmp     r5, r4
        movhi   r0, 1
        movls   r0, 0
        bl      hex
        bl      newline

        ldr     r0, =0x84000008                 // PSCI SYSTEM_OFF
        hvc     #0
1:      b       1b
        .ltorg

/* Sections of 1 MiB: all of RAM's first 256 and the devices for PL1; one for all, one to read for User mode. */
mmu_on: ldr     r0, =table
        ldr     r1, =0x40000402                 // AP 001
        mov     r2, #0
1:      add     r3, r1, r2, lsl #20
        add     r4, r2, #0x400
        str     r3, [r0, r4, lsl #2]
        add     r2, r2, #1
        cmp     r2, #256
        blo     1b
        ldr     r1, =0x09000402
        str     r1, [r0, #0x90 * 4]
        ldr     r1, =0x40200c02                 // AP 011
        ldr     r2, =0x500 * 4
        str     r1, [r0, r2]
        ldr     r1, =0x40208802                 // AP 110
        add     r2, r2, #4
        str     r1, [r0, r2]
        mov     r1, #0
        mcr     p15, 0, r1, c2, c0, 2
        mcr     p15, 0, r0, c2, c0, 0
        mov     r1, #1
        mcr     p15, 0, r1, c3, c0, 0
        mcr     p15, 0, r1, c8, c7, 0
        mrc     p15, 0, r1, c1, c0, 0
        orr     r1, r1, #1
        orr     r1, r1, #0x800000               // SPAN
        mcr     p15, 0, r1, c1, c0, 0
        isb
        bx      lr

forget: ldr     r0, =record
        mov     r1, #0
        str     r1, [r0]
        bx      lr

putc:   ldr     r1, =UART
        strb    r0, [r1]
        bx      lr
puts:   push    {r0-r3}
        ldr     r1, =UART
1:      ldrb    r0, [lr], #1
        cmp     r0, #0
        strbne  r0, [r1]
        bne     1b
        add     lr, lr, #3
        bic     lr, lr, #3
        pop     {r0-r3}
        bx      lr
newline: mov    r0, #'\n'
        b       putc
hex:    ldr     r1, =UART
        mov     r2, #8
1:      ror     r0, r0, #28
        and     r3, r0, #15
        cmp     r3, #10
        addlo   r3, r3, #'0'
        addhs   r3, r3, #'a' - 10
        strb    r3, [r1]
        subs    r2, r2, #1
        bne     1b
        mov     r3, #' '
        strb    r3, [r1]
        bx      lr

report: push    {r4, lr}
        ldr     r4, =record
        ldr     r0, [r4]
        cmp     r0, #0
        beq     1f
        bl      hex
        ldr     r0, [r4, #4]
        bl      hex
        ldr     r0, [r4, #8]
        ldr     r1, =expected_at
        ldr     r1, [r1]
        sub     r0, r0, r1
        bl      hex
        ldr     r0, [r4]
        cmp     r0, #0x10
        bne     2f
        mrc     p15, 0, r0, c5, c0, 0
        bl      hex
        mrc     p15, 0, r0, c6, c0, 0
        ldr     r1, =data
        cmp     r0, r1
        blo     3f
        add     r2, r1, #64
        cmp     r0, r2
        sublo   r0, r0, r1
3:      bl      hex
2:      bl      newline
        pop     {r4, pc}
1:      say     "fine"
        bl      newline
        pop     {r4, pc}

/* T32: a number, R0 and R1 after each. Anything but A32's twins, which words.h has. */
        .macro  t insn:vararg
        movs    r0, 0x55
        movs    r1, 0x66
        \insn
        blx     show
        .endm
        .type   show, %function
show:   push    {r0-r3, lr}
        mov     r2, r1
        push    {r2}
        push    {r0}
        add     r11, r11, 1
        mov     r0, r11
        bl      hex
        pop     {r0}
        bl      hex
        pop     {r0}
        bl      hex
        bl      newline
        pop     {r0-r3, lr}
        bx      lr
        .thumb
        .balign 4
literal: .word  0x89abcdef, 0x01234567
        .thumb_func
thumb_part:
        push    {r4, lr}
        mov     r11, 0
        ldr     r4, =show
        t       blx r4
        t       ldr.n r0, near_literal
        sub     sp, 16
        t       str.n r0, [sp, 8]
        t       ldr.n r0, [sp, 8]
        add.n   sp, 16
        t       adr.n r0, near_literal
        t       add.n r0, sp, 8
        t       setpan 1
        t       setpan 0
        t       setend be
        t       setend le
        t       cpsid i
        t       .inst.n 0xba80
        t       bkpt 7
        t       udf.n 9
        b.n     1f
        .balign 4
near_literal: .word 0x12345678
1:      t       adr.w r0, near_literal + 4
        t       adr.w r0, literal
        t       bl thumb_leaf
        t       blx arm_leaf
        mrs     r8, cpsr
        t       msr cpsr_f, r4
        t       msr LR_und, r1
        t       mrs r0, LR_und
        t       mrs r0, spsr
        cps     0x1f
        cps     0x13
        blx     show
        t       clrex
        t       dsb
        t       dmb
        t       isb
        t       .inst.w 0xf3bf8f70
        adr     r5, 1f
        orr     r5, r5, 1
        bxj     r5
        .inst.n 0xde00
1:      adr     lr, 1f
        orr     lr, lr, 1
        mrs     r5, cpsr
        orr     r5, r5, 0x20
        msr     spsr_fsxc, r5
        eret
        .inst.n 0xde00
        .balign 4
1:      ldr     r0, =0x84000004
        movs    r1, 0
        movs    r2, 0
        hvc     0
        blx     show
        t       .inst.w 0xf7f0a000
        t       ldrb.w r0, literal
        t       ldrh.w r0, literal
        t       ldr.w r0, literal
        t       ldrsb.w r0, literal
        t       ldrsh.w r0, literal + 4
        ldr     r5, =0x50000000
        t       strt r1, [r5, 4]
        t       ldrt r0, [r5, 4]
        t       pld [r5, 4]
        t       pld literal
        t       pld [r5, -4]
        t       pld [r5, r7]
        mov     lr, 0x77
        srsdb   sp!, 0x13
        pop     {r0, r1}
        mov     r1, 0
        blx     show
        sub     sp, 16
        srsia   sp, 0x13
        pop     {r0, r1}
        mov     r1, 0
        add     sp, 8
        blx     show
        adr     r5, 1f
        orr     r5, r5, 1
        mrs     r6, cpsr
        orr     r6, r6, 0x20
        push    {r5, r6}
        rfeia   sp!
        .inst.n 0xde00
        .balign 4
1:      adr     r5, 1f
        orr     r5, r5, 1
        push    {r5, r6}
        add     sp, 8
        mov     r9, sp
        rfedb   r9
        .inst.n 0xde00
        .balign 4
1:      pop     {r4, pc}
        .thumb_func
thumb_smc: .inst.w 0xf7f08000
        nop
        nop
        bx      lr
        .thumb_func
thumb_leaf: movs r0, 1
        bx      lr
        .ltorg
        .arm
        .balign 4
        .type   arm_leaf, %function
arm_leaf: mov   r0, 2
        bx      lr

        .balign 32
vectors: b      .
        b       on_undefined
        b       on_svc
        b       on_fetch
        b       on_data
        b       .
        b       .
        b       .
        .macro  note vector
        push    {r0-r2}
        mov     r0, #\vector
        ldr     r2, =record
        str     r0, [r2]
        mrs     r1, spsr
        str     r1, [r2, #4]
        str     lr, [r2, #8]
        pop     {r0-r2}
        .endm
on_undefined: note 0x04
        movs    pc, lr
on_svc: push    {lr}
        note    0x08
        pop     {lr}
        movs    pc, lr
on_fetch: note  0x0c
        movs    pc, lr
on_data: note   0x10
        subs    pc, lr, #4
        .ltorg

        .bss
        .balign 16384
table:  .space  16384
data:   .space  64
record: .space  16
expected_at: .space 4
        .balign 8
        .space  512
stack_svc: .space 256
stack_abt: .space 256
stack_und:
        .space  8
