/* rhea-ARCH: one Linux program of another architecture. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/personality.h"
#include "core/user/gdb.h"
#include "core/user/user.h"

extern const struct target *const all_targets[];
extern const struct accel_type *const all_accels[];

static const struct target *find_target(const char *arch)
{
    for (const struct target *const *t = all_targets; *t; t++)
        if (str_eq((*t)->name, arch) && (*t)->user)
            return *t;
    return NULL;
}

static int init_accel(const struct user_options *o, struct optlist *opts, struct error *err)
{
    const char *name = optlist_get(opts, "accel");
    int ret;

    if (name && !str_eq(name, "tcg"))
        return error_set(err, EINVAL, "-accel %s: a program of another architecture is translated; only tcg can do that", name);
    for (const struct accel_type *const *a = all_accels; *a; a++)
        if (str_eq((*a)->name, "tcg")) {
            user_proc.accel = *a;
            user_proc.targets = all_targets;
            if (o->one_insn_per_tb)
                optlist_set(opts, "one-insn-per-tb", "on");
            ret = (*a)->init(opts, false, err);
            return ret < 0 ? ret : optlist_done(opts, err);
        }
    return error_set(err, ENOSYS, "this build has no translator");
}

static int pick_accel(const struct user_options *o, struct error *err)
{
    struct optlist *own = o->accel ? NULL : optlist_new("-accel");
    int ret = init_accel(o, own ? own : o->accel, err);

    optlist_free(own);
    return ret;
}

/* Where guest address 0 lies unless -B says so. AddressSanitizer's shadow memory is in the way of the usual place. */
#if defined(__SANITIZE_ADDRESS__)
static const uint64_t default_base = UINT64_C(0x110000000000);
#else
static const uint64_t default_base;
#endif

static int pick_space(const struct user_options *o, struct error *err)
{
    const struct target_user *abi = user_proc.abi;
    unsigned bits = user_proc.target->bits;
    struct user_space s = {
        .base = o->has_base ? o->base : bits == 64 ? default_base : 0,
        .limit = abi->address_limit,
        .window = bits == 32,
    };
    uint64_t room;

    if (o->page_bytes && o->page_bytes != abi->page_size)
        return error_set(err, EINVAL, "-p %llu: guest pages are %u bytes on this host", (unsigned long long)o->page_bytes,
                         abi->page_size);
    if (s.base & 0xfff)
        return error_set(err, EINVAL, "-B 0x%llx: not a multiple of the page size", (unsigned long long)s.base);
    if (!s.window && s.base > abi->address_limit - user_places_least(bits))
        return error_set(err, EINVAL, "-B 0x%llx: too high for a 64-bit guest; use at most 0x%llx", (unsigned long long)s.base,
                         (unsigned long long)(abi->address_limit - user_places_least(bits)));
    if (!s.window)
        s.limit -= s.base;
    room = o->reserved_bytes ? o->reserved_bytes : s.limit;
    if (room < user_places_least(bits) || room > s.limit)
        return error_set(err, EINVAL, "-R 0x%llx: the guest's address space can be 0x%llx to 0x%llx bytes",
                         (unsigned long long)room, (unsigned long long)user_places_least(bits),
                         (unsigned long long)s.limit);
    user_places_pick(&user_proc.places, abi, bits, room, o);
    if (!abi->fixed_page)                      /* the kernel's page lies above what -R leaves to the program */
        s.limit = room;
    s.mmap_top = user_proc.places.mmap_top;
    return user_space_init(&s, user_proc.accel, err);
}

static int start(struct user_options *o, struct user_thread **out, struct error *err)
{
    const char *spec = o->cpu ? optlist_text(o->cpu) : user_proc.target->default_model_user;
    struct user_start s;
    int ret;

    user_proc.model = user_proc.target->parse_cpu(spec, false, err);
    if (user_proc.model && user_proc.target->user->page_rights)
        user_page_rights = user_proc.target->user->page_rights(user_proc.model);
    if (!user_proc.model)
        return -EINVAL;
    ret = pick_accel(o, err);
    if (!ret)
        ret = pick_space(o, err);
    user_limits_init(o);
    if (!ret)
        ret = user_load(o->argc, o->argv, o->envp, o->program, &s, err);
    if (ret < 0)
        return ret;
    *out = user_thread_first(err);
    if (!*out)
        return -ENOMEM;
    user_proc.abi->start((*out)->env, s.entry, s.sp);
    user_limits_begin();
    return 0;
}

static int user_main(int argc, char **argv, const char *arch)
{
    static struct user_options o;
    struct error err = ERROR_INIT;
    struct user_thread *t = NULL;
    int ret;

    user_proc.target = find_target(arch);
    if (!user_proc.target)
        error_exit("this build has no user mode for %s", arch);
    user_proc.abi = user_proc.target->user;
    ret = user_options_parse(&o, argc, argv, arch, &err);
    if (ret == 1)
        return 0;
    if (!ret && user_wants_models(&o)) {
        user_proc.target->print_cpu_help(stdout, optlist_has(o.cpu, "help") ? optlist_get(o.cpu, "model") : NULL);
        return 0;
    }
    if (!ret) {
        user_proc.options = &o;
        user_proc.host_args = argv;
        user_proc.nhost_args = argc - o.argc;
        if (o.sysroot && !str_eq(o.sysroot, "/"))
            user_proc.sysroot = o.sysroot;
        ret = start(&o, &t, &err);
    }
    if (ret < 0) {
        error_report(&err);
        return 1;
    }
    prctl(PR_SET_NAME, strrchr(o.program, '/') ? strrchr(o.program, '/') + 1 : o.program);
    if (o.gdb && user_gdb_start(o.gdb, &err) < 0) {
        error_report(&err);
        return 1;
    }
    user_signal_init(t);
    user_run_first(t);
}

static const char *const archs[] = { "riscv64", "riscv32", "aarch64", "arm", NULL };

const struct personality user_personality = {
    .name = "", .archs = archs, .help = "one Linux program of another architecture", .main = user_main,
};
