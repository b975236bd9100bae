/* Every bare-metal program begins here: hart 0 gets a stack and calls main(seed), the others sleep; with -DHARTS=n they
 * call hart_main(number) on stacks of their own. Traps go to `trap`. */
    .section .text.start, "ax"
    .globl _start, stack_top
_start:
    csrr    t0, mhartid
1:  bnez    t0, 2f
    la      sp, stack_top
    la      t0, trap_entry
    csrw    mtvec, t0
    call    main
    slli    a0, a0, 16
    li      t0, 0x3333
    or      a0, a0, t0
    li      t1, 0x5555
    bne     a0, t0, 3f
    mv      a0, t1              /* main returned 0: power off, exit status 0 */
3:  li      t2, 0x100000
    sw      a0, (t2)
2:
#ifdef HARTS
    csrr    a0, mhartid
    li      t0, HARTS
    bgeu    a0, t0, 5f
    la      sp, stack_top
    slli    t0, a0, 12
    add     sp, sp, t0
    la      t0, trap_entry
    csrw    mtvec, t0
    call    hart_main
#endif
5:  wfi
    j       5b

/* A load or store that nothing answers is skipped: 4 bytes, since the programs are built without compressed code. */
    .balign 4
trap_entry:
    csrw    mscratch, t0
    csrr    t0, mcause
    bltz    t0, 4f
    csrr    t0, mepc
    addi    t0, t0, 4
    csrw    mepc, t0
4:  csrr    t0, mscratch
    mret

    .bss
    .balign 16
    .space 16384
stack_top:
#ifdef HARTS
    .space 4096 * HARTS
#endif
