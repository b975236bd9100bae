/* roms/vdso/arm.S - what a 32-bit ARM kernel maps into each program: clocks without a system call, and the code that a
 * signal handler returns to. `roms/vdso/make` makes targets/arm/vdso_a32.c of it.
 *
 * A clock is read as one of our own 64-bit system registers, CP15 c15 with the clock's number as opc1: seconds in the upper
 * 34 bits, nanoseconds in the lower 30 (targets/arm/tr_a32_sys.c; user mode only). */
#define FN(name) .globl name; .type name, %function; .balign 4; name:
#define END(name) .size name, . - name

    .syntax unified
    .arm
    .text
/* Debuggers know these by their code: with siginfo, and without. */
sigreturn:
    mov r7, #173
    svc #0
    mov r7, #119
    svc #0

/* Clock r0 to r2, r3; those that the kernel has to be asked for go on at \ask. */
.macro CLOCK ask
    cmp r0, #1
    beq 1f
    cmp r0, #0
    beq 2f
    cmp r0, #4
    beq 4f
    cmp r0, #5
    beq 5f
    cmp r0, #6
    beq 6f
    cmp r0, #7
    bne \ask
    mrrc p15, 7, r2, r3, c15
    b 9f
2:  mrrc p15, 0, r2, r3, c15
    b 9f
4:  mrrc p15, 4, r2, r3, c15
    b 9f
5:  mrrc p15, 5, r2, r3, c15
    b 9f
6:  mrrc p15, 6, r2, r3, c15
    b 9f
1:  mrrc p15, 1, r2, r3, c15
9:
.endm

/* The system call of this number, with the arguments as they came. */
.macro ASK number
    push {r7, lr}
    .if \number > 255
    movw r7, #\number
    .else
    mov r7, #\number
    .endif
    svc #0
    pop {r7, pc}
.endm

/* int clock_gettime(clockid_t r0, struct timespec *r1), times of 32 bits */
FN(__vdso_clock_gettime)
    CLOCK 8f
    lsl r3, r3, #2
    orr r3, r3, r2, lsr #30
    bic r2, r2, #0xc0000000
    str r3, [r1]
    str r2, [r1, #4]
    mov r0, #0
    bx lr
8:  ASK 263
END(__vdso_clock_gettime)

/* The same with times of 64 bits */
FN(__vdso_clock_gettime64)
    CLOCK 8f
    lsr r12, r3, #30
    lsl r3, r3, #2
    orr r3, r3, r2, lsr #30
    bic r2, r2, #0xc0000000
    mov r0, #0
    str r3, [r1]
    str r12, [r1, #4]
    str r2, [r1, #8]
    str r0, [r1, #12]
    bx lr
8:  ASK 403
END(__vdso_clock_gettime64)

/* int gettimeofday(struct timeval *r0, struct timezone *r1) */
FN(__vdso_gettimeofday)
    cmp r1, #0
    bne 8f
    cmp r0, #0
    beq 7f
    mrrc p15, 0, r2, r3, c15
    lsl r3, r3, #2
    orr r3, r3, r2, lsr #30
    bic r2, r2, #0xc0000000
    str r3, [r0]
    movw r3, #0x4dd3                           /* by 1000: times 2^38 / 1000 */
    movt r3, #0x1062
    umull r12, r3, r2, r3
    lsr r3, r3, #6
    str r3, [r0, #4]
7:  mov r0, #0
    bx lr
8:  ASK 78
END(__vdso_gettimeofday)

FN(__vdso_clock_getres)
    ASK 264
END(__vdso_clock_getres)
