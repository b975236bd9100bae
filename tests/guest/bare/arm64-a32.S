/* What AArch32 at EL0 may not do, as an AArch64 kernel is told of it: one A32 instruction at a time, then ESR_EL1 and how far
 * ELR_EL1 is from it. arm64-a32.txt is what an independent emulator printed. */
        .set UART, 0x09000000
        .globl _start
_start: ldr     x0, =stack
        mov     sp, x0
        ldr     x0, =vectors
        msr     vbar_el1, x0
        mrs     x0, sctlr_el1
        orr     x0, x0, #0x100                  // SED
        bic     x0, x0, #0x20                   // CP15BEN
        bic     x0, x0, #0x10000                // nTWI
        bic     x0, x0, #0x40000                // nTWE
        msr     sctlr_el1, x0
        msr     cntkctl_el1, xzr
        msr     cpacr_el1, xzr
        mov     x0, #0x1000                     // TDCC
        msr     mdscr_el1, x0
        isb
        ldr     x20, =words
next:   ldr     w0, [x20]
        cbz     w0, off
        bl      hex
        mov     x0, #0x10
        msr     spsr_el1, x0
        msr     elr_el1, x20
        ldr     w1, =data + 2
        mov     w2, #0
        mov     w3, #0
        isb
        eret
off:    ldr     x0, =0x84000008
        hvc     #0
        b       .

trapped: mrs    x0, esr_el1
        bl      hex
        mrs     x0, elr_el1
        sub     x0, x0, x20
        bl      hex
        mov     w0, #'\n'
        ldr     x1, =UART
        strb    w0, [x1]
        add     x20, x20, #8
        b       next

hex:    ldr     x1, =UART
        mov     w2, #8
1:      ror     w0, w0, #28
        and     w3, w0, #15
        add     w4, w3, #'0'
        cmp     w3, #10
        add     w3, w3, #'a' - 10
        csel    w3, w4, w3, lo
        strb    w3, [x1]
        subs    w2, w2, #1
        b.ne    1b
        mov     w3, #' '
        strb    w3, [x1]
        ret
        .ltorg

        /* Each behind it a SVC, should it do what it says. */
        .macro  a32 word
        .word   \word, 0xef000007
        .endm
words:  a32     0xe1a00000              // mov r0, r0
        a32     0xef001234              // svc 0x1234
        a32     0xe7f000f0              // udf
        a32     0xe1212374              // bkpt 0x1234
        a32     0xee1e3f10              // mrc p15, 0, r3, c14, c0, 0: CNTFRQ
        a32     0xee1e4f33              // mrc p15, 0, r4, c14, c3, 1: CNTV_CTL
        a32     0xee0e5f32              // mcr p15, 0, r5, c14, c2, 1: CNTP_CTL
        a32     0xec532f1e              // mrrc p15, 1, r2, r3, c14: CNTVCT
        a32     0xec532f0e              // mrrc p15, 0, r2, r3, c14: CNTPCT
        a32     0xec432f3e              // mcrr p15, 3, r2, r3, c14: CNTV_CVAL
        a32     0xee195f1d              // mrc p15, 0, r5, c9, c13, 0: PMCCNTR
        a32     0xee096f9c              // mcr p15, 0, r6, c9, c12, 4: PMSWINC
        a32     0xee190f3e              // mrc p15, 0, r0, c9, c14, 1: PMINTENSET
        a32     0xee105e10              // mrc p14, 0, r5, c0, c0, 0: DBGDIDR
        a32     0xee10fe11              // mrc p14, 0, APSR_nzcv, c0, c1, 0: DBGDSCRint
        a32     0xee005e15              // mcr p14, 0, r5, c0, c5, 0: DBGDTRTXint
        a32     0xecb15e01              // ldc p14, c5, [r1], #4
        a32     0xed015e02              // stc p14, c5, [r1, #-8]
        a32     0xec512e01              // mrrc p14, 0, r2, r1, c1: DBGDRAR
        a32     0xee110f10              // mrc p15, 0, r0, c1, c0, 0: SCTLR
        a32     0xee070fba              // mcr p15, 0, r0, c7, c10, 5: barrier
        a32     0xf1010200              // setend be
        a32     0xee300a00              // vadd.f32 s0, s0, s0
        a32     0xf2000d40              // vadd.f32 q0, q0, q0
        a32     0xe320f002              // wfe
        a32     0xe320f003              // wfi
        a32     0xe8910001              // ldm r1, {r0}
        a32     0xe8810001              // stm r1, {r0}
        a32     0xe1c100d0              // ldrd r0, r1, [r1]
        a32     0xe1910f9f              // ldrex r0, [r1]
        a32     0xe1400070              // hvc 0
        a32     0xe1600070              // smc 0
        .word   0

        .balign 2048
vectors:
        .rept   16
        .balign 128
        b       trapped
        .endr

        .bss
        .balign 16
data:   .space  64
        .space  512
stack:
