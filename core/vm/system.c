/* core/vm/system.c - rhea-system-ARCH: from the command line to a running machine, and out again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/gdb/system.h"
#include "core/event/loop.h"
#include "core/monitor/monitor.h"
#include "core/net/net.h"
#include "core/personality.h"
#include "core/vm/disks.h"
#include "core/vm/firmware.h"
#include "core/vm/icount.h"
#include "core/vm/loader.h"
#include "core/vm/lock.h"
#include "core/vm/machine.h"
#include "core/vm/nics.h"
#include "core/vm/objects.h"
#include "core/vm/savevm.h"
#include "core/vm/settings.h"
#include "core/vm/vcpu_life.h"
#include "targets/target.h"

extern const struct target *const all_targets[];
extern const struct accel_type *const all_accels[];

static struct machine *the_machine;

struct machine *machine_the_one(void)
{
    return the_machine;
}

/* --- choosing the parts ------------------------------------------------------------------------------------------ */

static const struct target *pick_target(const char *arch, struct error *err)
{
    for (const struct target *const *t = all_targets; *t; t++) {
        if (!str_eq((*t)->name, arch))
            continue;
        if ((*t)->xlate)
            return *t;
        error_set(err, ENOTSUP, "this build runs programs of '%s' (rhea-%s PROGRAM), but no whole machines yet", arch, arch);
        return NULL;
    }
    error_set(err, ENOTSUP, "this build has no guest '%s'", arch);
    return NULL;
}

static const struct accel_type *try_accel(struct optlist *opts, struct error *err)
{
    const char *name = optlist_get(opts, "accel");
    struct nearest n = NEAREST_INIT(name ? name : "");
    char hint[96];

    for (const struct accel_type *const *a = all_accels; *a; a++) {
        if (name && str_eq((*a)->name, name))
            return (*a)->init(opts, true, err) < 0 || optlist_done(opts, err) < 0 ? NULL : *a;
        nearest_try(&n, (*a)->name);
    }
    optlist_error(opts, err, EINVAL, "there is no accelerator '%s'%s (-accel help lists them)", name ? name : "",
                  nearest_hint(&n, hint, sizeof(hint)));
    return NULL;
}

/* The first accelerator of the list that can be used; the reason of the last one that could not. */
static const struct accel_type *pick_accel(const struct sys_options *o, struct error *err)
{
    const struct accel_type *a = NULL;
    struct optlist *tcg;

    if (!o->accels.count) {
        tcg = optlist_parse("-accel", o->one_insn_per_tb ? "tcg,one-insn-per-tb=on" : "tcg", "accel", err);
        a = try_accel(tcg, err);
        optlist_free(tcg);
    }
    for (size_t i = 0; i < o->accels.count && !a; i++) {
        const char *name = optlist_get(o->accels.at[i], "accel");

        error_clear(err);
        if (o->one_insn_per_tb && name && str_eq(name, "tcg"))
            optlist_set(o->accels.at[i], "one-insn-per-tb", "on");
        a = try_accel(o->accels.at[i], err);
    }
    return a;
}

/* Lists that were asked for instead of a machine. */
static bool print_lists(const struct sys_options *o, const struct target *t)
{
    const char *machine = optlist_get(o->machine, "type"), *model = o->cpu ? optlist_get(o->cpu, "model") : NULL;

    if ((machine && (str_eq(machine, "help") || str_eq(machine, "?")))) {
        machine_type_list(o->arch, stdout);
        return true;
    }
    if (optlist_has(o->machine, "help") && machine_type_help(o->arch, machine, stdout))
        return true;
    if (model && (str_eq(model, "help") || str_eq(model, "?") || optlist_has(o->cpu, "help"))) {
        t->print_cpu_help(stdout, optlist_has(o->cpu, "help") ? model : NULL);
        return true;
    }
    for (size_t i = 0; i < o->objects.count; i++)
        if (optlist_is_help(o->objects.at[i])) {
            objects_help(stdout);
            return true;
        }
    for (size_t i = 0; i < o->firmware_dirs.count; i++)
        if (str_eq(o->firmware_dirs.at[i], "help") || str_eq(o->firmware_dirs.at[i], "?")) {
            firmware_print_places(stdout, NULL);
            return true;
        }
    for (size_t i = 0; i < o->accels.count; i++) {
        const char *accel = optlist_get(o->accels.at[i], "accel");

        if (accel && (str_eq(accel, "help") || str_eq(accel, "?"))) {
            puts("Accelerators supported in this program:");
            for (const struct accel_type *const *a = all_accels; *a; a++)
                puts((*a)->name);
            return true;
        }
    }
    return false;
}

/* --- character devices ------------------------------------------------------------------------------------------- */

/* Where serial port 0 goes when nobody says: to this terminal, unless a display was asked for or ruled out. */
static const char *default_serial(const struct sys_options *o)
{
    if (o->nodefaults)
        return NULL;
    if (o->nographic || !o->display)
        return o->monitors.count ? "stdio" : "mon:stdio";
    return NULL;
}

const char *machine_serial(struct machine *m, unsigned n)
{
    char id[24];
    struct chr *c;

    snprintf(id, sizeof(id), "serial%u", n);
    c = chr_find(id);
    if (!c && n < m->opts->serials.count) { /* -serial chardev:ID */
        const char *named = str_after(m->opts->serials.at[n], "chardev:");

        c = named ? chr_find(named) : NULL;
    }
    return c ? chr_id(c) : NULL;
}

static int make_serials(const struct sys_options *o, struct error *err)
{
    const char *fallback = o->serials.count ? NULL : default_serial(o);

    for (size_t i = 0; i < o->serials.count; i++) {
        char id[24];

        snprintf(id, sizeof(id), "serial%u", (unsigned)i);
        if (!chr_from_legacy("-serial", id, o->serials.at[i], err) && error_is_set(err))
            return -EINVAL;
    }
    if (fallback && !chr_from_legacy("-serial", "serial0", fallback, err))
        return -EINVAL;
    return 0;
}

static int make_chardevs(const struct sys_options *o, struct error *err)
{
    for (size_t i = 0; i < o->chardevs.count; i++) {
        int ret = chr_add(o->chardevs.at[i], err);

        if (ret)
            return ret;
    }
    return make_serials(o, err);
}

/* --- building ---------------------------------------------------------------------------------------------------- */

static void on_board_request(void *opaque, enum board_request what, int code)
{
    machine_request(opaque, what, code);
}

static void on_quit_key(void *opaque)
{
    machine_quit(opaque);
}

/* A CPU that cannot go on resets the machine; a debugger that waits for one hears of it by the run state. */
static void on_vcpu_stop(void *opaque, struct vcpu *v, enum vcpu_stop why)
{
    if (why == VCPU_SHUTDOWN)
        log_guest("vCPU %u cannot go on", v->index);
    machine_vcpu_stopped(opaque, v, why);
}

static struct machine *machine_new(const struct sys_options *o, const struct machine_type *type, struct error *err)
{
    struct machine *m = xcalloc(1, type->bytes);

    m->type = type;
    m->opts = o;
    m->cpus = o->smp.cpus ? o->smp.cpus : 1;
    m->ram_bytes = o->ram_bytes ? o->ram_bytes : type->ram_bytes;
    m->loop = loop_new(true, err);
    if (!m->loop) {
        free(m);
        return NULL;
    }
    m->board = board_new(m->loop);
    m->board->request = on_board_request;
    m->board->opaque = m;
    m->board->globals = &o->globals;
    m->loader = loader_new(m->board->as, !o->no_reboot);
    chr_init(m->loop, m->board->timers, on_quit_key, m);
    net_init(m->loop, m->board->timers);
    vcpu_set_hook(on_vcpu_stop, m);
    the_machine = m;
    return m;
}

static int pick_cpu(struct machine *m, struct error *err)
{
    const char *model = m->opts->cpu ? optlist_text(m->opts->cpu) : m->target->default_model_system;
    char *spec;

    if (m->cpus > m->type->max_cpus)
        return error_set(err, EINVAL, "-smp %u: machine '%s' has at most %u CPUs", m->cpus, m->type->name, m->type->max_cpus);
    spec = xasprintf("%s%s", model, m->type->cpu_words ? m->type->cpu_words(m) : "");
    m->cpu_model = m->target->parse_cpu(spec, true, err);
    free(spec);
    return m->cpu_model ? 0 : -EINVAL;
}

static int add_devices(struct machine *m, struct error *err)
{
    for (size_t i = 0; i < m->opts->devices.count; i++) {
        int ret = device_add(m->board, m->opts->devices.at[i], err);

        if (ret)
            return ret;
    }
    return 0;
}

static int check_machine_options(struct machine *m, struct error *err)
{
    optlist_get(m->opts->machine, "type");
    optlist_get(m->opts->machine, "accel");
    for (const char *const *o = m->type->options; o && *o; o += 2)
        optlist_known(m->opts->machine, *o);
    return optlist_done(m->opts->machine, err);
}

/* 0, 1 when a list was printed instead, or -errno. */
static int build(struct machine *m, struct error *err)
{
    int ret = pick_cpu(m, err);

    if (ret == 0)
        ret = settings_apply(m, err);
    if (ret == 0)
        ret = icount_setup(m, err);
    if (ret == 0 && m->opts->append && !m->opts->kernel)
        ret = error_set(err, EINVAL, "-append needs a kernel; give one with -kernel");
    if (ret == 0)
        ret = make_chardevs(m->opts, err);
    if (ret == 0)
        ret = objects_add(m->opts, err);
    if (ret == 0)
        ret = disks_open(m, err);
    if (ret == 0)
        ret = nics_add_backends(m, err);
    if (ret == 0)
        ret = m->type->build(m, err);
    if (ret == 0)
        ret = add_devices(m, err);
    if (ret == 0)
        ret = disks_add_devices(m, err);
    if (ret == 0)
        ret = nics_add_cards(m, err);
    device_check_globals(m->board->globals);
    if (ret == 0 && m->type->finish)
        ret = m->type->finish(m, err);
    if (ret == 0)
        ret = check_machine_options(m, err);
    if (ret == 0)
        ret = monitors_add(m, err);
    if (ret == 0 && m->opts->gdb)
        ret = gdb_system_start(m, m->opts->gdb, err);
    if (ret == 0)
        ret = sys_options_untaken(m->opts, err);
    if (ret == 0 && !m->dumped)
        ret = daemon_ready(m->opts, err);
    return ret;
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static void on_signal(int sig)
{
    (void)sig;
    loop_quit(the_machine->loop);
}

static void take_signals(void)
{
    struct sigaction sa = { .sa_handler = on_signal };

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Whoever has the guest on the terminal should know the way out. */
static void tell_keys(void)
{
    struct chr *c = chr_find("serial0");

    if (c && chr_is_mux(c) && str_eq(c->backend->name, "stdio") && isatty(0) && isatty(2))
        note_say("Ctrl-A X quits, Ctrl-A H helps");
}

/* -d timing */
static void tell_what_is_slow(const struct machine *m)
{
    if (icount_on())
        log_printf("slow: -icount: one vCPU at a time, in turns\n");
    if (m->opts->one_insn_per_tb)
        log_printf("slow: -one-insn-per-tb: translations of one instruction, no regions\n");
    if (log_on(LOG_EXEC | LOG_CPU | LOG_NOCHAIN))
        log_printf("slow: -d exec, cpu, nochain: translations are not linked or each is written down\n");
}

static int run(struct machine *m, struct error *err)
{
    take_signals();
    tell_keys();
    if (log_on(LOG_TIMING))
        tell_what_is_slow(m);
    machine_reset(m);
    if (m->opts->loadvm && savevm_load(m, m->opts->loadvm, err) < 0)
        return err->code;
    for (unsigned i = 0; i < vcpu_count(); i++)
        vcpu_start(vcpu_get(i));
    if (!m->opts->stopped)
        machine_cont(m);
    loop_run(m->loop);
    return 0;
}

static void end(struct machine *m)
{
    vcpu_end_all();
    icount_end();
    gdb_system_end();
    monitors_end();
    chr_end();
    net_end();
    board_free(m->board);
    disks_close();
    objects_end();
    loader_free(m->loader);
    loop_free(m->loop);
    if (m->accel->end)
        m->accel->end();
    machine_forget_notifiers(m);
    free(m);
    the_machine = NULL;
    daemon_end();
}

static int start(const struct sys_options *o, struct error *err, int *status)
{
    const struct target *target = pick_target(o->arch, err);
    const struct machine_type *type;
    const struct accel_type *accel;
    struct machine *m;
    int ret;

    if (!target)
        return -EINVAL;
    if (print_lists(o, target))
        return 0;
    if (daemon_begin(o, err) < 0)
        return -EINVAL;
    type = machine_type_pick(o->arch, optlist_get(o->machine, "type"), err);
    accel = type ? pick_accel(o, err) : NULL;
    m = accel ? machine_new(o, type, err) : NULL;
    if (!m)
        return -EINVAL;
    m->target = target;
    m->accel = accel;
    machine_lock();
    ret = build(m, err);
    if (ret == 0 && !m->dumped)
        ret = run(m, err);
    if (log_on(LOG_TIMING) && !m->dumped && accel->info) {
        accel->info(log_begin());
        log_end();
    }
    *status = m->exit_status;
    end(m);
    machine_unlock();
    return ret < 0 ? ret : 0;
}

static int system_main(int argc, char **argv, const char *arch)
{
    static struct sys_options o;
    struct error err = ERROR_INIT;
    int status = 0, ret = sys_options_parse(&o, argc, argv, arch, &err);

    if (ret == 0)
        ret = start(&o, &err, &status);
    if (ret < 0) {
        error_report(&err);
        status = 1;
    }
    sys_options_free(&o);
    return status;
}

static const char *const archs[] = { "riscv64", "riscv32", "aarch64", "arm", NULL };
const struct personality system_personality = {
    .name = "system-", .archs = archs, .help = "a whole machine", .main = system_main,
};
