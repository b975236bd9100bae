/* core/user/syscall.h - the table of system calls (syscalls.def), and what their implementations share. */
#pragma once

#include <sys/syscall.h>

#include "core/user/layout.h"
#include "core/user/user.h"

/* What headers of Linux 5.15 lack; the numbers are those of every architecture. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

enum user_syscall_flags {
    US_WAITS = 1,                              /* may block: the host's signal mask is made the guest's first */
    US_EINTR = 2,                              /* a handler always interrupts it: never restarted */
    US_NO_RESULT = 4,                          /* the registers are as they should be: set no result (rt_sigreturn) */
    US_SWAPS = 8,                              /* takes a signal mask for its duration */
    US_PATH = 16,                              /* its first path is looked for below the sysroot (-L) */
    US_NOHAND = 64,                            /* goes on after EINTR when no handler ran */
    US_ID16 = 32,                              /* its result is a user or group id that must fit in 16 bits */
};

/* An argument that points to a structure of another layout. */
struct user_conv {
    uint8_t arg, way;                          /* enum user_way */
    const struct user_layout *layout;          /* NULL ends a list */
};

enum user_way {
    CONV_IN = 1, CONV_OUT = 2,                 /* read before the call; written after one that succeeded */
};

/* args: a letter an argument, for strace, for pointers, and for a 32-bit guest's registers:
 * i int, u unsigned, l long, x hexadecimal, o octal, a address not looked at, f descriptor, F directory descriptor;
 * P pointer, S string, T struct timespec, B bytes to be written (their number follows), V vector of strings;
 * q 64 bits also on a 32-bit guest (two registers), h an id of 16 bits. The others are numbers with names (strace_names.c). */
struct user_syscall {
    const char *name;
    const char *args;
    int host;                                  /* host number to pass it to, when call is NULL; -1: not implemented */
    unsigned flags;
    int64_t (*call)(struct user_thread *t, const uint64_t a[6]);   /* the result or -errno or -USER_RESTART */
    const char *why;                           /* not implemented: the reason */
    const struct user_conv *conv;              /* with host: structures to convert; NULL none */
};

#define SYS(name, args, flags, call) extern const struct user_syscall user_syscall_##name;
#define PASS(name, args, flags) extern const struct user_syscall user_syscall_##name;
#define LACK(name, why) extern const struct user_syscall user_syscall_##name;
#define CONV(name, host, args, flags, ...) extern const struct user_syscall user_syscall_##name;
#include "core/user/syscalls.def"
#undef SYS
#undef PASS
#undef LACK
#undef CONV

static inline bool user_arg_points(char kind) { return kind == 'P' || kind == 'S' || kind == 'T' || kind == 'B'; }

/** user_serve - the vCPU stopped at a system call: serve it and leave the result in its registers. */
void user_serve(struct user_thread *t);

/** user_call - pass a call to the host in a way that signals can interrupt; see user_host_call(). */
static inline int64_t user_call(struct user_thread *t, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                                uint64_t a4, uint64_t a5)
{
    return user_host_call(&t->pending, nr, a0, a1, a2, a3, a4, a5);
}

/** user_narrow - are the guest's addresses and longs 32 bits wide? */
static inline bool user_narrow(void)
{
    return user_proc.target->bits == 32;
}

/** user_ptr_ok - NULL, or a guest address. user_hostp - its host form, NULL for 0. */
static inline bool user_ptr_ok(uint64_t p)
{
    return p < user_limit;
}

static inline uint64_t user_hostp(uint64_t p)
{
    return p ? p + user_base : 0;
}

/** user_kernelp - the host form of any value: of what is no guest address, one that the kernel refuses. Only where it goes
 * to the kernel as it is: which error that makes, and whether the pointer matters at all, is then the kernel's to say. */
static inline uint64_t user_kernelp(uint64_t p)
{
    return user_ptr_ok(p) ? user_hostp(p) : p | UINT64_C(1) << 63;
}

/** user_ioctl_name - what a request is called; NULL if it is none of the table. */
const char *user_ioctl_name(uint32_t request);

/* strace.c */
void strace_enter(struct user_thread *t, const struct user_syscall *s, const uint64_t a[6]);
void strace_leave(struct user_thread *t, const struct user_syscall *s, int64_t ret);
void strace_unknown(struct user_thread *t, uint64_t nr);
void strace_signal(struct user_thread *t, int signo, const siginfo_t *si);

/* Implementations, by file. */
#define SYS(name, args, flags, call) int64_t call(struct user_thread *t, const uint64_t a[6]);
#define PASS(name, args, flags)
#define LACK(name, why)
#define CONV(name, host, args, flags, ...)
#include "core/user/syscalls.def"
#undef SYS
#undef PASS
#undef LACK
#undef CONV
