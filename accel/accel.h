/* accel/accel.h - how a vCPU runs: the one interface between a machine (or user mode) and an accelerator. */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct optlist;
struct vcpu;

enum accel_fork { FORK_BEFORE, FORK_PARENT, FORK_PARENT_FILES /* its descriptors are the child's too */, FORK_CHILD };

struct accel_type {
    const char *name;                          /* "tcg", "kvm" */
    const char *help;
    /* Options of -accel; returns 0 or -errno with err. Called once, before any vCPU exists. */
    int (*init)(struct optlist *opts, bool system, struct error *err);
    size_t (*env_extra)(void);                 /* user mode: bytes that it wants behind the CPU state; may be NULL */
    int (*vcpu_create)(struct vcpu *v, struct error *err);
    void (*vcpu_destroy)(struct vcpu *v);
    /* Run until something outside the CPU must happen; returns enum vcpu_stop. */
    int (*vcpu_run)(struct vcpu *v);
    void (*kick)(struct vcpu *v);              /* any thread: leave the guest soon */
    void (*code_written)(void *host, uint64_t len);    /* memory with translations was written from outside */
    /* User mode: a SIGSEGV or SIGBUS handler asks whether the fault is the guest's. True: *ucontext has been changed to
     * leave the guest, vcpu_run will return VCPU_EXCEPTION. False: not ours. Async-signal-safe. */
    bool (*host_fault)(struct vcpu *v, void *siginfo, void *ucontext);
    /* User mode: around a fork, however it is made. @v is the calling thread's, the only one that the child has. */
    void (*fork)(struct vcpu *v, enum accel_fork stage);
    void (*quiet)(void);                       /* user mode: end helper threads; they come back when they are needed */
    void (*memory_changed)(void);              /* the flat memory map changed */
    void (*info)(void *FILE_to);               /* `info jit` */
    void (*end)(void);                         /* system mode, last of all: vCPUs, devices and guest memory are gone */
};

extern const struct accel_type tcg_accel;

#endif
