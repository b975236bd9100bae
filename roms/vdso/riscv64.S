/* roms/vdso/riscv64.S - what a riscv64 kernel maps into each program: clocks without a system call, and the code that a
 * signal handler returns to. `roms/vdso/make` makes targets/riscv/vdso.c of it.
 *
 * A clock is read as one of our own CSRs, 0xcc0 + its number: nanoseconds (targets/riscv/tr_sys.c; user mode only). */
#define FN(name) .globl name; .type name, @function; .balign 4; name:
#define END(name) .size name, . - name
#define CLOCK 0xcc0

    .text
/* Unwinders know this by its bytes. They look for what is in front of the return address first: nothing that has call
 * frame information may be there. */
    nop
FN(__vdso_rt_sigreturn)
    li a7, 139
    ecall
END(__vdso_rt_sigreturn)
    nop

    .cfi_sections .eh_frame
/* int clock_gettime(clockid_t a0, struct timespec *a1) */
FN(__vdso_clock_gettime)
    .cfi_startproc
    li t0, 1
    beq a0, t0, 1f
    beqz a0, 2f
    li t0, 4
    beq a0, t0, 4f
    li t0, 5
    beq a0, t0, 5f
    li t0, 6
    beq a0, t0, 6f
    li t0, 7
    beq a0, t0, 7f
    li a7, 113
    ecall
    ret
2:  csrr a2, CLOCK
    j 9f
4:  csrr a2, CLOCK + 4
    j 9f
5:  csrr a2, CLOCK + 5
    j 9f
6:  csrr a2, CLOCK + 6
    j 9f
7:  csrr a2, CLOCK + 7
    j 9f
1:  csrr a2, CLOCK + 1
9:  li t0, 1000000000
    divu a3, a2, t0
    mul t0, a3, t0
    sub a2, a2, t0
    sd a3, 0(a1)
    sd a2, 8(a1)
    li a0, 0
    ret
    .cfi_endproc
END(__vdso_clock_gettime)

/* int gettimeofday(struct timeval *a0, struct timezone *a1) */
FN(__vdso_gettimeofday)
    .cfi_startproc
    bnez a1, 1f
    beqz a0, 2f
    csrr a2, CLOCK
    li t0, 1000
    divu a2, a2, t0
    li t0, 1000000
    divu a3, a2, t0
    mul t0, a3, t0
    sub a2, a2, t0
    sd a3, 0(a0)
    sd a2, 8(a0)
2:  li a0, 0
    ret
1:  li a7, 169
    ecall
    ret
    .cfi_endproc
END(__vdso_gettimeofday)

#define CALL(name, number) FN(name) .cfi_startproc; li a7, number; ecall; ret; .cfi_endproc; END(name)
CALL(__vdso_clock_getres, 114)
CALL(__vdso_getcpu, 168)
CALL(__vdso_flush_icache, 259)
CALL(__vdso_riscv_hwprobe, 258)
