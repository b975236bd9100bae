/* core/vm/machine.h - a machine: CPUs and devices on a board, and its life.
 *
 *     prelaunch --cont--> running <--cont/stop--> paused
 *                            |--guest powers off, or resets with -no-reboot--> shutdown --> the program ends
 *                            |--guest resets--> paused, board_reset(), vCPUs reset, --> running
 *                            `--breakpoint--> debug --cont--> running
 *
 * Requests come from any thread (the guest's power-off arrives on a vCPU's); the main loop carries them out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "core/dev/device.h"
#include "core/opt/options.h"
#include "core/vm/vcpu.h"

struct accel_type;
struct error;
struct fdt;
struct loader;
struct loop;
struct machine;
struct ram_block;
struct target;
struct vcpu;

enum run_state {
    RUN_PRELAUNCH, RUN_RUNNING, RUN_PAUSED, RUN_DEBUG, RUN_SHUTDOWN, RUN_PANICKED, RUN_INTERNAL_ERROR, RUN_IO_ERROR, RUN_SAVE,
    RUN_RESTORE, RUN_STATES
};

struct machine_type {
    const char *name, *help;
    const char *alias;             /* another name, or NULL */
    const char *const *archs;      /* program architectures that have it, ended by NULL */
    bool is_default;               /* taken when -M is absent */
    unsigned max_cpus;
    uint64_t ram_bytes;            /* when -m is absent */
    const char *disk_device;       /* type for drives of no particular interface: "virtio-blk-device" */
    const char *nic_device;        /* type for -nic and -net nic */
    size_t bytes;                  /* its struct, which begins with struct machine */
    /* Make CPUs and devices, load firmware and kernel. Asks m->opts->machine for its own options. */
    int (*build)(struct machine *m, struct error *err);
    /* After -device: what needs to know all devices (device tree, kernel command line). */
    int (*finish)(struct machine *m, struct error *err);
    /* After devices and CPUs were reset. */
    void (*reset)(struct machine *m);
    /* What the machine decides of its CPUs: more words for the CPU model, such as ",el2=off". NULL: nothing. */
    const char *(*cpu_words)(struct machine *m);
    const char *const *options;    /* names of its options and their help in turns, ended by NULL */
};

extern const struct machine_type *const all_machine_types[];

struct machine {
    const struct machine_type *type;
    const struct sys_options *opts;
    struct board *board;
    struct loop *loop;
    struct loader *loader;
    const struct target *target;
    const void *cpu_model;
    const struct accel_type *accel;
    struct ram_block *ram;         /* main memory; NULL for a machine without */
    uint64_t ram_bytes;
    unsigned cpus;
    enum run_state state;
    unsigned pending;              /* requests, as bits */
    int exit_status;
    struct vcpu *stopped_vcpu;     /* that hit a breakpoint last */
    uint64_t random; bool seeded;  /* machine_random() with -seed */
    bool dumped;                   /* dumpdtb= has written its file: end */
    struct notifier *notifiers;
};

/* --- types ------------------------------------------------------------------------------------------------------- */

/** machine_type_pick - what -M names for an architecture; NULL with a sentence naming the nearest. @name NULL: the default. */
const struct machine_type *machine_type_pick(const char *arch, const char *name, struct error *err);
/** machine_type_list - `-M help`. */
void machine_type_list(const char *arch, FILE *to);
/** machine_type_help - `-M NAME,help`: its options. False if there is no such machine. */
bool machine_type_help(const char *arch, const char *name, FILE *to);

/* --- for machine types ------------------------------------------------------------------------------------------- */

/** machine_add_ram - make main memory of the size asked for and map it. */
int machine_add_ram(struct machine *m, gpa at, struct error *err);
/** machine_add_cpus - make all CPUs, stopped, on the board's address space. */
int machine_add_cpus(struct machine *m, struct error *err);
/** machine_cpu_pin - a CPU's interrupt line, as the target numbers them. */
struct irq_line machine_cpu_pin(unsigned cpu, unsigned line);
/* Timers that live in a CPU. Ticks are counted by the machine. */
struct machine_time {
    uint64_t (*now)(void *opaque);                           /* any thread, no lock */
    int64_t (*deadline_ns)(void *opaque, uint64_t ticks);    /* virtual time of a tick; 0: past, TIMER_NEVER */
    void *opaque;
};

enum { MACHINE_CPU_TIMERS = 6 };

/**
 * machine_cpu_time - give a CPU its time base, and pins for its timers.
 * @pins: one for each timer (vcpu.set_deadline's number), high while the time is at or past what the CPU asked for
 * @own:  the pins are the CPU's own interrupt lines, which it lowers by itself; else they lead to a device, are driven
 *        under the machine lock, and go low when there is no deadline
 */
void machine_cpu_time(struct machine *m, unsigned cpu, const struct machine_time *time,
                      const struct irq_line pins[MACHINE_CPU_TIMERS], bool own);
/** machine_random - bytes for a guest to begin its random numbers with: the host's, or with -seed always the same. */
void machine_random(struct machine *m, uint8_t *bytes, size_t n);
/** machine_serial - the id of the character device of serial port @n, or NULL: none. Made from -serial and defaults. */
const char *machine_serial(struct machine *m, unsigned n);
/** machine_cpu_has - has the CPU model a feature (its name in -cpu)? */
bool machine_cpu_has(const struct machine *m, const char *feature);
/** machine_fdt_cpu - put what the target says of the CPU model into a cpu node. */
void machine_fdt_cpu(struct machine *m, struct fdt *f, const char *path);

/* --- life: machine lock held, except machine_request() ------------------------------------------------------------ */

/** machine_request - have something done by the main loop. Any thread. */
void machine_request(struct machine *m, enum board_request what, int code);
/** machine_stop - pause all vCPUs and virtual time, with the reason. Waits; lets go of the machine lock meanwhile. */
void machine_stop(struct machine *m, enum run_state why);
/** machine_cont - go on; nothing happens if it runs or has shut down. */
void machine_cont(struct machine *m);
/** machine_step - let one vCPU run (for a debugger); virtual time and the others stand still. */
void machine_step(struct machine *m, struct vcpu *v);
/** machine_reset - reset devices and CPUs; it runs on if it ran. */
void machine_reset(struct machine *m);
/** machine_vcpu_stopped - a vCPU has stopped by itself: for a breakpoint the machine stops too, a crash resets it. Any
 * thread, without the machine lock. */
void machine_vcpu_stopped(struct machine *m, struct vcpu *v, enum vcpu_stop why);
/** machine_quit - end the program. */
void machine_quit(struct machine *m);
const char *run_state_name(enum run_state s);

/** machine_on_state - be told of each change of the run state. The main thread, machine lock held. */
void machine_on_state(struct machine *m, void (*changed)(void *opaque, enum run_state now), void *opaque);

/** machine_forget_notifiers - before the machine is freed. */
void machine_forget_notifiers(struct machine *m);

/** machine_the_one - the machine of this process, for monitors and the gdb stub; NULL before it is built. */
struct machine *machine_the_one(void);
