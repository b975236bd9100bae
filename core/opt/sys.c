/* The options of a whole machine. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/opt/table.h"
#include "core/personality.h"

#define CPUS_MAX 4096

static int sys_help(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option, (void)arg, (void)err;
    version_print("QEMU emulator");
    opt_help(sys_opt_table, error_program(), "[options] [disk_image]");
    return 1;
}

static int sys_version(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option, (void)arg, (void)err;
    version_print("QEMU emulator");
    return 1;
}

/* -M virt,accel=kvm:tcg: the accelerators of the old spelling join those of -accel. */
static int machine_accels(struct sys_options *o, struct optlist *l, struct error *err)
{
    const char *list = optlist_get(l, "accel");
    char *copy, *rest, *word;

    if (!list)
        return 0;
    copy = rest = xstrdup(list);
    while ((word = strsep(&rest, ":"))) {
        struct optlist *a = optlist_parse("-accel", word, "accel", err);

        if (!a)
            break;
        optlists_push(&o->accels, a);
    }
    free(copy);
    return word ? -EINVAL : 0;
}

static int sys_machine(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;
    struct optlist *l = optlist_parse(option, arg, "type", err);
    int ret;

    if (!l)
        return -EINVAL;
    ret = machine_accels(o, l, err);
    for (size_t i = 0; i < optlist_count(l); i++)
        if (!str_eq(optlist_key(l, i), "accel"))
            optlist_set(o->machine, optlist_key(l, i), optlist_value(l, i));
    optlist_set_text(o->machine, arg);
    optlist_free(l);
    return ret;
}

static int sys_cpu(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;
    struct optlist *l = cpu_optlist(option, arg, err);

    if (!l)
        return -EINVAL;
    optlist_free(o->cpu);
    o->cpu = l;
    return 0;
}

static int sys_enable_kvm(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;

    (void)arg;
    optlists_push(&o->accels, optlist_parse(option, "kvm", "accel", err));
    return 0;
}

/* What is not given follows from the rest: cores from maxcpus when the other levels are, all CPUs when none is. */
static int check_smp(struct smp_options *s, struct optlist *l, struct error *err)
{
    unsigned *level[] = { &s->sockets, &s->dies, &s->clusters, &s->cores, &s->threads };
    uint64_t product = 1;
    bool all = true;

    for (size_t i = 0; i < sizeof level / sizeof level[0]; i++) {
        product *= *level[i] ? *level[i] : 1;
        all &= *level[i] || level[i] == &s->dies || level[i] == &s->clusters;
        if (product > CPUS_MAX)
            return optlist_error(l, err, EINVAL, "this topology has more than %d CPUs", CPUS_MAX);
    }
    if (!s->cpus)
        s->cpus = s->maxcpus && !all ? s->maxcpus : product;
    if (!s->maxcpus)
        s->maxcpus = product > s->cpus ? product : s->cpus;
    if (s->cpus > s->maxcpus)
        return optlist_error(l, err, EINVAL, "cpus=%u is more than maxcpus=%u", s->cpus, s->maxcpus);
    if (all && product != s->maxcpus)
        return optlist_error(l, err, EINVAL, "the topology has %" PRIu64 " CPUs, maxcpus is %u", product, s->maxcpus);
    return 0;
}

static int read_smp(struct smp_options *s, struct optlist *l, struct error *err)
{
    static const char *const keys[] = { "cpus", "maxcpus", "sockets", "dies", "clusters", "cores", "threads" };
    unsigned *const values[] = { &s->cpus, &s->maxcpus, &s->sockets, &s->dies, &s->clusters, &s->cores, &s->threads };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int ret = optlist_uint(l, keys[i], 1, CPUS_MAX, values[i], err);

        if (ret < 0)
            return ret;
    }
    if (optlist_done(l, err) < 0)
        return -EINVAL;
    return check_smp(s, l, err);
}

static int sys_smp(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;
    struct optlist *l = optlist_parse(option, arg, "cpus", err);
    int ret;

    if (!l)
        return -EINVAL;
    o->smp = (struct smp_options){ 0 };
    ret = read_smp(&o->smp, l, err);
    optlist_free(l);
    return ret;
}

static int read_memory(struct sys_options *o, struct optlist *l, struct error *err)
{
    int ret = optlist_size(l, "size", 1 << 20, &o->ram_bytes, err);

    if (ret < 0)
        return ret;
    if (ret > 0 && !o->ram_bytes)
        return optlist_error(l, err, EINVAL, "a machine needs some memory");
    ret = optlist_size(l, "maxmem", 1 << 20, &o->maxmem_bytes, err);
    if (ret < 0)
        return ret;
    ret = optlist_u64(l, "slots", 0, 256, &o->ram_slots, err);
    if (ret < 0)
        return ret;
    if (o->maxmem_bytes && o->maxmem_bytes < o->ram_bytes)
        return optlist_error(l, err, EINVAL, "maxmem is less than the memory there is at the start");
    if (o->ram_slots || (o->maxmem_bytes && o->maxmem_bytes != o->ram_bytes))
        return optlist_error(l, err, ENOTSUP, "memory cannot be added to a running machine; give all of it by size=");
    return optlist_done(l, err);
}

static int sys_m(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct optlist *l = optlist_parse(option, arg, "size", err);
    int ret;

    if (!l)
        return -EINVAL;
    ret = read_memory(opaque, l, err);
    optlist_free(l);
    return ret;
}

static int sys_name(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;
    struct optlist *l = optlist_parse(option, arg, "guest", err);
    bool on;
    int ret;

    if (!l)
        return -EINVAL;
    if (optlist_has(l, "guest"))
        o->name = xstrdup(optlist_get(l, "guest"));   /* lives as long as the machine */
    ret = optlist_bool(l, "debug-threads", &on, err);   /* threads always have names */
    if (ret >= 0)
        ret = optlist_done(l, err);
    optlist_free(l);
    return ret;
}

static int sys_uuid(void *opaque, const char *option, const char *arg, struct error *err)
{
    uint8_t uuid[16];

    if (str_uuid(arg, uuid) < 0)
        return error_set(err, EINVAL, "%s %s: a UUID looks like 550e8400-e29b-41d4-a716-446655440000", option, arg);
    ((struct sys_options *)opaque)->uuid = arg;
    return 0;
}

static int sys_seed(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;

    if (str_u64(arg, &o->seed) < 0)
        return error_set(err, EINVAL, "%s %s: not a whole number", option, arg);
    o->has_seed = true;
    return 0;
}

/* DRIVER.PROPERTY=VALUE, or the three by their keys. */
static int sys_global(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;
    size_t driver = strcspn(arg, ".="), property = strcspn(arg, "=");
    struct optlist *l;

    if (arg[driver] == '.' && arg[property] == '=') {
        char *name = xstrndup(arg, driver), *prop = xstrndup(arg + driver + 1, property - driver - 1);

        l = optlist_new(option);
        optlist_add(l, "driver", name);
        optlist_add(l, "property", prop);
        optlist_add(l, "value", arg + property + 1);
        optlist_set_text(l, arg);
        free(name);
        free(prop);
    } else {
        l = optlist_parse(option, arg, NULL, err);
        if (!l)
            return -EINVAL;
    }
    optlists_push(&o->globals, l);
    if (!optlist_need(l, "driver", err) || !optlist_need(l, "property", err) || !optlist_need(l, "value", err))
        return -EINVAL;
    return optlist_done(l, err);
}

/* Short spellings of -drive ------------------------------------------------------------------------------------- */

static int drive(struct sys_options *o, const char *option, const char *file, const char *rest, struct error *err)
{
    struct optlist *l = optlist_parse(option, rest, NULL, err);

    if (!l)
        return -EINVAL;
    optlist_add(l, "file", file);
    optlist_set_text(l, file);
    optlists_push(&o->drives, l);
    return 0;
}

static int sys_hda(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "index=0,media=disk", err);
}

static int sys_hdb(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "index=1,media=disk", err);
}

static int sys_hdc(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "index=2,media=disk", err);
}

static int sys_hdd(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "index=3,media=disk", err);
}

static int sys_cdrom(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "index=2,media=cdrom", err);
}

static int sys_pflash(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "if=pflash", err);
}

static int sys_sd(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "if=sd", err);
}

static int sys_mtdblock(void *o, const char *option, const char *arg, struct error *err)
{
    return drive(o, option, arg, "if=mtd", err);
}

static int bare_file(void *o, const char *option, const char *arg, struct error *err)
{
    (void)option;
    return drive(o, "-hda", arg, "index=0,media=disk", err);
}

/* The rest ------------------------------------------------------------------------------------------------------- */

static int read_action(struct sys_options *o, struct optlist *l, struct error *err)
{
    static const char *const reboot[] = { "reset", "shutdown", NULL }, *const shutdown[] = { "poweroff", "pause", NULL };
    int what;

    if (optlist_enum(l, "reboot", reboot, &what, err) > 0)
        o->no_reboot = what == 1;
    if (optlist_enum(l, "shutdown", shutdown, &what, err) > 0)
        o->no_shutdown = what == 1;
    return error_is_set(err) ? -EINVAL : optlist_done(l, err);
}

static int sys_action(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct optlist *l = optlist_parse(option, arg, NULL, err);
    int ret;

    if (!l)
        return -EINVAL;
    ret = read_action(opaque, l, err);
    optlist_free(l);
    return ret;
}

static int sys_semihosting(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct sys_options *o = opaque;

    (void)arg, (void)err;
    if (!o->semihosting)
        o->semihosting = optlist_new(option);
    optlist_set(o->semihosting, "enable", "on");
    return 0;
}

static int sys_s(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)arg, (void)err;
    ((struct sys_options *)opaque)->gdb = "tcp::1234";
    return 0;
}

static int sys_one_insn(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)arg, (void)err;
    ((struct sys_options *)opaque)->one_insn_per_tb = true;
    return 0;
}

static int sys_nothing_to_do(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option, (void)arg, (void)err;
    return 0;
}

#define sys_d opt_log
#define sys_D opt_log_file
#define sys_dfilter opt_log_filter

const struct opt_entry sys_opt_table[] = {
#define FIELD(f) offsetof(struct sys_options, f)
#define HEAD(text) { OPT_HEAD, NULL, NULL, text, 0, NULL, NULL },
#define SYS_FLAG(name, field, help) { OPT_FLAG, name, NULL, help, FIELD(field), NULL, NULL },
#define SYS_TEXT(name, field, args, help) { OPT_STRING, name, args, help, FIELD(field), NULL, NULL },
#define SYS_TEXTS(name, field, args, help) { OPT_STRINGS, name, args, help, FIELD(field), NULL, NULL },
#define SYS_ONE(name, field, implied, args, help) { OPT_ONE, name, args, help, FIELD(field), implied, NULL },
#define SYS_LIST(name, field, implied, args, help) { OPT_MANY, name, args, help, FIELD(field), implied, NULL },
#define SYS_CALL(name, function, args, help) { OPT_CALL, name, args, help, 0, NULL, sys_##function },
#define SYS_ALIAS(name, other) { OPT_ALIAS, name, NULL, other, 0, NULL, NULL },
#define SYS_NOT(name, args, reason) { OPT_NOT, name, args, reason, 0, NULL, NULL },
#define USR_FLAG(...)
#define USR_TEXT(...)
#define USR_ONE(...)
#define USR_CALL(...)
#define USR_ALIAS(...)
#define USR_NOT(...)
#include "core/opt/options.def"
    { OPT_HEAD, NULL, NULL, NULL, 0, NULL, NULL },
};

int sys_options_parse(struct sys_options *o, int argc, char **argv, const char *arch, struct error *err)
{
    int ret, first_bare;

    memset(o, 0, sizeof *o);
    o->arch = arch;
    o->machine = optlist_new("-machine");
    ret = opt_parse(o, sys_opt_table, argc, argv, bare_file, &first_bare, err);
    if (ret)
        return ret;
    if (!o->smp.cpus)
        o->smp.cpus = o->smp.maxcpus = 1;
    return 0;
}

/* Somebody who acts on a list asks for at least one of its keys. */
static int check_taken(const struct optlist *l, struct error *err)
{
    for (size_t i = 0; i < optlist_count(l); i++)
        if (optlist_is_used(l, i))
            return 0;
    return optlist_count(l) ? optlist_error(l, err, ENOTSUP, "this machine, or this build, has no use for it") : 0;
}

int sys_options_untaken(const struct sys_options *o, struct error *err)
{
    int ret = 0;

    for (const struct opt_entry *e = sys_opt_table; (e->name || e->help) && !ret; e++) {
        const void *field = (const char *)o + e->field;

        if (e->kind == OPT_ONE && *(struct optlist *const *)field)
            ret = check_taken(*(struct optlist *const *)field, err);
        for (size_t i = 0; e->kind == OPT_MANY && i < ((const struct optlists *)field)->count && !ret; i++)
            ret = check_taken(((const struct optlists *)field)->at[i], err);
    }
    return ret;
}

void sys_options_free(struct sys_options *o)
{
    optlist_free(o->machine);
    optlist_free(o->cpu);
    o->machine = o->cpu = NULL;
    optlists_free(&o->globals);
    opt_free(o, sys_opt_table);
}
