/* core/vm/vcpu.h - a virtual CPU as machines, monitor and gdb see it.
 *
 * The guest (targets/) owns what is behind env; the accelerator owns how it runs. Machines set lines, start and stop;
 * they never look inside. One host thread per vCPU. */
#ifndef CORE_VM_VCPU_H
#define CORE_VM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct accel_type;
struct addr_space;
struct cpu_env;
struct error;
struct target;

enum vcpu_stop {                               /* why accel.vcpu_run returned */
    VCPU_KICKED,                               /* someone asked: look at the pending work */
    VCPU_HALTED,                               /* waits for an interrupt: sleep until vcpu_irq or a timer */
    VCPU_DEBUG,                                /* breakpoint, watchpoint or step finished: stop the machine for gdb */
    VCPU_SYSCALL,                              /* user mode: serve env's system call */
    VCPU_EXCEPTION,                            /* user mode: env->exception, to become a signal */
    VCPU_SHUTDOWN,                             /* the guest cannot go on (triple fault): reset or stop */
};

struct vcpu {
    unsigned index;
    const struct target *target;
    const void *model;                         /* target's parsed -cpu */
    struct cpu_env *env;                       /* target->env_size bytes, 64-byte aligned */
    struct addr_space *as;                     /* system mode: what the CPU sees */
    const struct accel_type *accel;
    void *accel_priv;
    bool single_step;                          /* one instruction, then VCPU_DEBUG */
    uint64_t watch_hit;                        /* address that a watchpoint fired for */
    bool step_over;                            /* the next instruction runs even if a breakpoint stands on it */

    /* With -icount (core/vm/icount.h). insns: executed so far, by the guest's counters on the vCPU's thread; NULL: nobody
     * counts. not_retired: of those, ended by an exception. exact: what is left of the budget while an access to a device
     * is under way, else -1. */
    uint64_t (*insns)(struct vcpu *v);
    uint64_t icount_done, not_retired;
    int64_t icount_given, icount_exact;

    /* breakpoints and watchpoints, set by gdb while the vCPUs are stopped; shared by all vCPUs of a machine */
    const struct debug_points *debug;

    /* the thread and its life (core/vm/vcpu.c) */
    pthread_t thread;
    bool started;
    atomic_bool stop_request, stopped;         /* paused by the machine */
    atomic_bool quit;
    atomic_bool yield;                         /* others wait for their turn (thread=single): return VCPU_KICKED */
    atomic_bool off;                           /* switched off: waits for vcpu_power() */
    pthread_mutex_t lock;
    pthread_cond_t wake;                       /* halted or stopped: signalled by kick and irq */
    void *machine_priv;

    /* called by the guest's timer registers: the machine's time base (RISC-V time, ARM counter). Timers: RISC-V 0 stimecmp;
     * ARM 0 physical, 1 virtual (its offset is the CPU's business), 2 hypervisor's physical, 3 secure physical, 4 alarm of the
     * counters, 5 their overflow: a line that is up or down at once. */
    uint64_t (*read_time)(void *opaque);
    void (*set_deadline)(void *opaque, unsigned timer, uint64_t when);  /* in ticks of read_time; UINT64_MAX: none */
    void *time_opaque;

    /* Firmware that the machine plays itself (ARM: PSCI by HVC or SMC). arg[0] is the function; the result goes back
     * into it. NULL: none. Called by the guest's instruction on the vCPU's thread, without the machine lock; the CPU
     * that asks to be switched off or reset stops at its next poll. */
    void (*firmware_call)(void *opaque, struct vcpu *v, uint64_t arg[4]);
    void *firmware_opaque;

    /* The interrupt controller where it is registers of the CPU (ARM GICv3). NULL: none. @reg: op0 op1 CRn CRm op2 of MRS
     * and MSR, 16 bits. As above: on the vCPU's thread, without the machine lock. */
    uint64_t (*intc_read)(void *opaque, struct vcpu *v, uint32_t reg);
    void (*intc_write)(void *opaque, struct vcpu *v, uint32_t reg, uint64_t val);
    void *intc_opaque;
};

enum { DEBUG_POINTS_MAX = 64 };
struct debug_points {
    unsigned nbreak, nwatch;
    uint64_t brk[DEBUG_POINTS_MAX];
    struct debug_watch { uint64_t addr, len; bool read, write; } watch[DEBUG_POINTS_MAX];
    uint32_t generation;                       /* changes when a point does: translations are made anew */
};

/**
 * vcpu_create - allocate the state, let the target initialise and reset it and the accelerator adopt it.
 * @as: NULL in user mode, where the caller owns the vCPU and its thread: vcpu_count() and the rest do not know it
 * Returns NULL with err set when memory or the accelerator refuse.
 */
struct vcpu *vcpu_create(unsigned index, const struct target *t, const void *model, const struct accel_type *accel,
                         struct addr_space *as, struct error *err);
void vcpu_free(struct vcpu *v);                /* user mode: its thread has left the guest for good */
void vcpu_start(struct vcpu *v);               /* make the thread; it begins stopped */
void vcpu_kick(struct vcpu *v);                /* any thread */
void vcpu_set_irq(struct vcpu *v, unsigned line, bool level);   /* any thread; target's line number */
void vcpu_reset(struct vcpu *v);               /* only while stopped or from its own thread */
/** vcpu_power - switch a CPU on or off. Off: it leaves the guest at its next poll and waits. Any thread. */
void vcpu_power(struct vcpu *v, bool on);
/** vcpu_current - the vCPU whose thread this is; NULL on other threads. Devices with registers of their own for each CPU
 * ask this for who accesses them; unit tests set it. */
struct vcpu *vcpu_current(void);
void vcpu_set_current(struct vcpu *v);
/** vcpu_boot - reset a CPU that is stopped or off and let it begin at an address (target.boot). */
void vcpu_boot(struct vcpu *v, uint64_t entry, uint64_t arg);
void vcpu_pause_all(void);                     /* returns when every vCPU is out of guest code; machine lock held */
void vcpu_resume_all(void);
unsigned vcpu_count(void);
struct vcpu *vcpu_get(unsigned index);

#endif
