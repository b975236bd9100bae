/* roms/vdso/aarch64.S - what an AArch64 kernel maps into each program: clocks without a system call, and the code that a
 * signal handler returns to. `roms/vdso/make` makes targets/arm/vdso.c of it.
 *
 * A clock is read as one of our own system registers, S3_3_C15_C0_<its number>: nanoseconds (targets/arm/tr_a64_sys.c;
 * user mode only). */
#define FN(name) .globl name; .type name, %function; .balign 4; name:
#define END(name) .size name, . - name

    .text
/* Unwinders know this by its bytes. They look for what is in front of the return address first: nothing that has call
 * frame information may be there. */
    nop
FN(__kernel_rt_sigreturn)
    mov x8, #139
    svc #0
END(__kernel_rt_sigreturn)
    nop

    .cfi_sections .eh_frame
/* int clock_gettime(clockid_t w0, struct timespec *x1) */
FN(__kernel_clock_gettime)
    .cfi_startproc
    cmp w0, #1
    b.eq 1f
    cbz w0, 2f
    cmp w0, #4
    b.eq 4f
    cmp w0, #5
    b.eq 5f
    cmp w0, #6
    b.eq 6f
    cmp w0, #7
    b.eq 7f
    mov x8, #113
    svc #0
    ret
2:  mrs x2, S3_3_C15_C0_0
    b 9f
4:  mrs x2, S3_3_C15_C0_4
    b 9f
5:  mrs x2, S3_3_C15_C0_5
    b 9f
6:  mrs x2, S3_3_C15_C0_6
    b 9f
7:  mrs x2, S3_3_C15_C0_7
    b 9f
1:  mrs x2, S3_3_C15_C0_1
9:  mov w3, #0xca00
    movk w3, #0x3b9a, lsl #16
    udiv x4, x2, x3
    msub x2, x4, x3, x2
    stp x4, x2, [x1]
    mov w0, #0
    ret
    .cfi_endproc
END(__kernel_clock_gettime)

/* int gettimeofday(struct timeval *x0, struct timezone *x1) */
FN(__kernel_gettimeofday)
    .cfi_startproc
    cbnz x1, 1f
    cbz x0, 2f
    mrs x2, S3_3_C15_C0_0
    mov w3, #1000
    udiv x2, x2, x3
    mov w3, #0x4240
    movk w3, #0xf, lsl #16
    udiv x4, x2, x3
    msub x2, x4, x3, x2
    stp x4, x2, [x0]
2:  mov w0, #0
    ret
1:  mov x8, #169
    svc #0
    ret
    .cfi_endproc
END(__kernel_gettimeofday)

FN(__kernel_clock_getres)
    .cfi_startproc
    mov x8, #114
    svc #0
    ret
    .cfi_endproc
END(__kernel_clock_getres)
