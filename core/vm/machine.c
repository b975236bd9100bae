/* core/vm/machine.c - the life of a machine, and what machine types are built from. */
#include "core/vm/machine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/event/loop.h"
#include "core/mem/ram.h"
#include "core/vm/fdt.h"
#include "core/vm/loader.h"
#include "core/vm/lock.h"
#include "core/vm/vcpu_life.h"
#include "targets/target.h"

struct notifier {
    void (*changed)(void *opaque, enum run_state now);
    void *opaque;
    struct notifier *next;
};

/* --- types ------------------------------------------------------------------------------------------------------- */

static bool has_arch(const struct machine_type *t, const char *arch)
{
    for (const char *const *a = t->archs; *a; a++)
        if (str_eq(*a, arch))
            return true;
    return false;
}

static bool is_named(const struct machine_type *t, const char *name)
{
    return str_eq(t->name, name) || (t->alias && str_eq(t->alias, name));
}

const struct machine_type *machine_type_pick(const char *arch, const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name ? name : "");
    char hint[96];

    for (const struct machine_type *const *t = all_machine_types; *t; t++) {
        if (!has_arch(*t, arch))
            continue;
        if (name ? is_named(*t, name) : (*t)->is_default)
            return *t;
        nearest_try(&n, (*t)->name);
    }
    if (name)
        error_set(err, EINVAL, "-machine %s: there is no such machine%s (-machine help lists them)", name,
                  nearest_hint(&n, hint, sizeof(hint)));
    else
        error_set(err, EINVAL, "no machine was given, and there is no default; use -machine TYPE (-machine help lists them)");
    return NULL;
}

void machine_type_list(const char *arch, FILE *to)
{
    fprintf(to, "Supported machines are:\n");
    for (const struct machine_type *const *t = all_machine_types; *t; t++)
        if (has_arch(*t, arch))
            fprintf(to, "%-20s %s%s\n", (*t)->name, (*t)->help, (*t)->is_default ? " (default)" : "");
}

bool machine_type_help(const char *arch, const char *name, FILE *to)
{
    const struct machine_type *t = machine_type_pick(arch, name, NULL);

    if (!t)
        return false;
    fprintf(to, "%s options:\n", t->name);
    for (const char *const *o = t->options; o && *o; o += 2)
        fprintf(to, "  %s=<string> - %s\n", o[0], o[1]);
    return true;
}

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014) */
static uint64_t seeded(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void machine_random(struct machine *m, uint8_t *bytes, size_t n)
{
    if (!m->opts->has_seed) {
        for (ssize_t got; n > 0; bytes += got, n -= (size_t)got)
            if ((got = getrandom(bytes, n, 0)) < 0)
                got = 0;                       /* interrupted by a signal */
        return;
    }
    if (!m->seeded) {
        m->random = m->opts->seed;
        m->seeded = true;
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(seeded(&m->random) >> 56);
}

/* --- parts ------------------------------------------------------------------------------------------------------- */

int machine_add_ram(struct machine *m, gpa at, struct error *err)
{
    bool dump = true;

    if (optlist_bool(m->opts->machine, "dump-guest-core", &dump, err) < 0)
        return -EINVAL;
    m->ram = ram_new(m->board->mem, "ram", m->ram_bytes, err);
    if (!m->ram)
        return -ENOMEM;
    if (!dump)
        madvise(m->ram->host, m->ram->size, MADV_DONTDUMP);    /* what the host cannot leave out stays in */
    region_add(m->board->sysmem, at, region_ram(m->board->mem, "ram", m->ram, 0, m->ram->size), 0);
    return 0;
}

int machine_add_cpus(struct machine *m, struct error *err)
{
    for (unsigned i = 0; i < m->cpus; i++) {
        struct vcpu *v = vcpu_create(i, m->target, m->cpu_model, m->accel, m->board->as, err);

        if (!v)
            return -EINVAL;
        v->machine_priv = m;
    }
    return 0;
}

/* When the machine ends, devices drop their lines after the CPUs are gone. */
static void set_cpu_line(void *opaque, unsigned line, bool level)
{
    struct vcpu *v = vcpu_get((unsigned)(uintptr_t)opaque);

    if (v)
        vcpu_set_irq(v, line, level);
}

struct irq_line machine_cpu_pin(unsigned cpu, unsigned line)
{
    return irq_make(set_cpu_line, (void *)(uintptr_t)cpu, line);
}

struct cpu_node {
    struct fdt *fdt;
    const char *path;
};

static void put_cpu_prop(void *opaque, const char *name, const void *bytes, size_t len)
{
    const struct cpu_node *n = opaque;

    fdt_bytes(n->fdt, n->path, name, bytes, len);
}

bool machine_cpu_has(const struct machine *m, const char *feature)
{
    return m->target->has_feature && m->target->has_feature(m->cpu_model, feature);
}

void machine_fdt_cpu(struct machine *m, struct fdt *f, const char *path)
{
    struct cpu_node n = { f, path };

    if (m->target->describe_cpu)
        m->target->describe_cpu(m->cpu_model, put_cpu_prop, &n);
}

/* --- run state --------------------------------------------------------------------------------------------------- */

const char *run_state_name(enum run_state s)
{
    static const char *const names[RUN_STATES] = {
        [RUN_PRELAUNCH] = "prelaunch", [RUN_RUNNING] = "running", [RUN_PAUSED] = "paused", [RUN_DEBUG] = "debug",
        [RUN_SHUTDOWN] = "shutdown", [RUN_PANICKED] = "guest-panicked", [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_IO_ERROR] = "io-error", [RUN_SAVE] = "save-vm", [RUN_RESTORE] = "restore-vm",
    };

    return names[s];
}

void machine_on_state(struct machine *m, void (*changed)(void *opaque, enum run_state now), void *opaque)
{
    struct notifier *n = NEW(struct notifier);

    *n = (struct notifier){ changed, opaque, m->notifiers };
    m->notifiers = n;
}

void machine_forget_notifiers(struct machine *m)
{
    for (struct notifier *n = m->notifiers, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    m->notifiers = NULL;
}

static void set_state(struct machine *m, enum run_state now)
{
    if (m->state == now)
        return;
    m->state = now;
    for (struct notifier *n = m->notifiers; n; n = n->next)
        n->changed(n->opaque, now);
}

void machine_stop(struct machine *m, enum run_state why)
{
    if (m->state == RUN_RUNNING) {
        vcpu_pause_all();
        clocks_run(m->board->clocks, false);
        loop_virtual_runs(m->loop, false);
    }
    set_state(m, why);
}

static void go(struct machine *m)
{
    clocks_run(m->board->clocks, true);
    loop_virtual_runs(m->loop, true);
    set_state(m, RUN_RUNNING);
    vcpu_resume_all();
}

void machine_cont(struct machine *m)
{
    if (m->state != RUN_RUNNING && m->state != RUN_SHUTDOWN && m->state != RUN_PANICKED)
        go(m);
}

void machine_step(struct machine *m, struct vcpu *v)
{
    if (m->state == RUN_RUNNING || m->state == RUN_SHUTDOWN || m->state == RUN_PANICKED)
        return;
    set_state(m, RUN_RUNNING);
    vcpu_resume(v);
}

void machine_reset(struct machine *m)
{
    bool ran = m->state == RUN_RUNNING;

    machine_stop(m, ran ? RUN_PAUSED : m->state);
    loader_again(m->loader);
    for (unsigned i = 0; i < vcpu_count(); i++)
        vcpu_reset(vcpu_get(i));
    board_reset(m->board);
    if (m->type->reset)
        m->type->reset(m);
    if (m->state == RUN_SHUTDOWN || m->state == RUN_PANICKED)
        set_state(m, RUN_PAUSED);
    if (ran)
        go(m);
}

void machine_quit(struct machine *m)
{
    loop_quit(m->loop);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

/* With -no-shutdown the machine stays, stopped, for the monitor to look at. */
static void power_off(struct machine *m, enum run_state why)
{
    machine_stop(m, why);
    if (!m->opts->no_shutdown)
        machine_quit(m);
}

static void serve_requests(void *opaque)
{
    struct machine *m = opaque;
    unsigned asked = __atomic_exchange_n(&m->pending, 0, __ATOMIC_ACQ_REL);

    if (asked & 1u << BOARD_EXIT) {
        machine_stop(m, RUN_SHUTDOWN);
        machine_quit(m);
    } else if (asked & 1u << BOARD_PANIC) {
        power_off(m, RUN_PANICKED);
    } else if (asked & 1u << BOARD_POWER_OFF || (asked & 1u << BOARD_RESET && m->opts->no_reboot)) {
        power_off(m, RUN_SHUTDOWN);
    } else if (asked & 1u << BOARD_RESET) {
        machine_reset(m);
    }
}

void machine_request(struct machine *m, enum board_request what, int code)
{
    if (what == BOARD_EXIT || what == BOARD_PANIC)
        m->exit_status = code;
    if (__atomic_fetch_or(&m->pending, 1u << what, __ATOMIC_ACQ_REL) == 0)
        loop_call(m->loop, serve_requests, m);
    vcpu_ask_pause(); /* nothing more is run than what can't be helped */
}

static void stop_for_debugger(void *opaque)
{
    machine_stop(opaque, RUN_DEBUG);
}

void machine_vcpu_stopped(struct machine *m, struct vcpu *v, enum vcpu_stop why)
{
    if (why == VCPU_SHUTDOWN) {
        machine_request(m, BOARD_RESET, 0);
        return;
    }
    m->stopped_vcpu = v;
    loop_call(m->loop, stop_for_debugger, m);
}
