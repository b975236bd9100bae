/* The options of user mode, and the variables that stand for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/opt/table.h"
#include "core/personality.h"

/* While parsing: the struct that is asked for, and what does not show in it. */
struct parsing {
    struct user_options o;      /* first, so that the table's offsets hold */
    const char *argv0;
    size_t env_count;
};

static int user_help(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)opaque, (void)option, (void)arg, (void)err;
    opt_help(user_opt_table, error_program(), "[options] program [arguments...]");
    return 1;
}

static int user_version(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;
    char *what = xasprintf("qemu-%s", p->o.arch);

    (void)option, (void)arg, (void)err;
    version_print(what);
    free(what);
    return 1;
}

static int user_cpu(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;
    struct optlist *l = cpu_optlist(option, arg, err);

    if (!l)
        return -EINVAL;
    optlist_free(p->o.cpu);
    p->o.cpu = l;
    return 0;
}

/* The program's environment ------------------------------------------------------------------------------------- */

static char **find_env(struct parsing *p, const char *name, size_t len)
{
    for (char **e = p->o.envp; *e; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
            return e;
    return NULL;
}

static void copy_env(struct parsing *p, char **from)
{
    while (from[p->env_count])
        p->env_count++;
    p->o.envp = NEW_ARRAY(char *, p->env_count + 1);
    for (size_t i = 0; i < p->env_count; i++)
        p->o.envp[i] = xstrdup(from[i]);
}

static void unset(struct parsing *p, const char *name, size_t len)
{
    char **e = find_env(p, name, len);

    if (!e)
        return;
    free(*e);
    for (; *e; e++)
        e[0] = e[1];
    p->env_count--;
}

static void set(struct parsing *p, char *pair)
{
    unset(p, pair, strcspn(pair, "="));
    p->o.envp = xreallocarray(p->o.envp, p->env_count + 2, sizeof *p->o.envp);
    p->o.envp[p->env_count++] = pair;
    p->o.envp[p->env_count] = NULL;
}

/* -E VAR=VALUE takes one pair, commas included: values such as LD_PRELOAD lists hold them. */
static int user_E(void *opaque, const char *option, const char *arg, struct error *err)
{
    if (!strchr(arg, '=') || arg[0] == '=')
        return error_set(err, EINVAL, "%s %s: expected VARIABLE=VALUE", option, arg);
    set(opaque, xstrdup(arg));
    return 0;
}

static int user_U(void *opaque, const char *option, const char *arg, struct error *err)
{
    if (!*arg || strchr(arg, '='))
        return error_set(err, EINVAL, "%s %s: expected the name of a variable", option, arg);
    unset(opaque, arg, strlen(arg));
    return 0;
}

/* QEMU_SET_ENV and QEMU_UNSET_ENV hold lists with commas. */
static int each_word(void *opaque, const char *option, const char *arg, opt_call *call, struct error *err)
{
    char *copy = xstrdup(arg), *rest = copy, *word;
    int ret = 0;

    while (!ret && (word = strsep(&rest, ",")))
        if (*word)
            ret = call(opaque, option, word, err);
    free(copy);
    return ret;
}

static int set_env(void *opaque, const char *option, const char *arg, struct error *err)
{
    return each_word(opaque, option, arg, user_E, err);
}

static int unset_env(void *opaque, const char *option, const char *arg, struct error *err)
{
    return each_word(opaque, option, arg, user_U, err);
}

/* Numbers and switches ------------------------------------------------------------------------------------------- */

static int size_arg(const char *option, const char *arg, uint64_t *bytes, struct error *err)
{
    if (str_size(arg, 1, bytes) < 0)
        return error_set(err, EINVAL, "%s %s: not a size such as 8388608 or 8M", option, arg);
    return 0;
}

static int user_s(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;
    int ret = size_arg(option, arg, &p->o.stack_bytes, err);

    if (ret == 0 && p->o.stack_bytes < 64 << 10)
        return error_set(err, EINVAL, "%s %s: a program needs at least 64K of stack", option, arg);
    return ret;
}

static int user_B(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;

    p->o.has_base = true;
    if (str_u64(arg, &p->o.base) < 0)
        return error_set(err, EINVAL, "%s %s: not an address", option, arg);
    if (p->o.base % sysconf(_SC_PAGESIZE))
        return error_set(err, EINVAL, "%s %s: not a multiple of the page size", option, arg);
    return 0;
}

static int user_R(void *opaque, const char *option, const char *arg, struct error *err)
{
    return size_arg(option, arg, &((struct parsing *)opaque)->o.reserved_bytes, err);
}

static int user_p(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;
    int ret = size_arg(option, arg, &p->o.page_bytes, err);

    if (ret == 0 && p->o.page_bytes != (uint64_t)sysconf(_SC_PAGESIZE))
        return error_set(err, EINVAL, "%s %s: only the host's page size, %ld, is supported", option, arg,
                         sysconf(_SC_PAGESIZE));
    return ret;
}

/* as=1048576:-1 */
static int user_rlimit(void *opaque, const char *option, const char *arg, struct error *err)
{
    static const char *const names[USER_LIMITS] = { "as", "data", "stack" };
    struct parsing *p = opaque;
    long long soft, hard;

    for (int i = 0; i < USER_LIMITS; i++) {
        size_t n = strlen(names[i]);
        int fields, end = 0;

        if (strncmp(arg, names[i], n) || arg[n] != '=')
            continue;
        fields = sscanf(arg + n + 1, "%lld%n:%lld%n", &soft, &end, &hard, &end);
        if (fields < 1 || arg[n + 1 + (size_t)end])
            return error_set(err, EINVAL, "%s %s: not a number of bytes, or two with a colon", option, arg);
        p->o.limits[i].set = true;
        p->o.limits[i].soft = (uint64_t)soft;
        p->o.limits[i].hard = (uint64_t)(fields > 1 ? hard : soft);
        return 0;
    }
    return error_set(err, EINVAL, "%s %s: expected as=BYTES, data=BYTES or stack=BYTES", option, arg);
}

static int user_seed(void *opaque, const char *option, const char *arg, struct error *err)
{
    struct parsing *p = opaque;

    p->o.has_seed = true;
    if (str_u64(arg, &p->o.seed) < 0)
        return error_set(err, EINVAL, "%s %s: not a whole number", option, arg);
    return 0;
}

static int user_argv0(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)err;
    ((struct parsing *)opaque)->argv0 = arg;
    return 0;
}

static int user_strace(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)arg;
    ((struct parsing *)opaque)->o.strace = true;
    return log_enable("strace", err);
}

static int user_one_insn(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)arg, (void)err;
    ((struct parsing *)opaque)->o.one_insn_per_tb = true;
    return 0;
}

static int env_sysroot(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)err;
    ((struct parsing *)opaque)->o.sysroot = arg;
    return 0;
}

static int env_release(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)err;
    ((struct parsing *)opaque)->o.release = arg;
    return 0;
}

static int env_gdb(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)option, (void)err;
    ((struct parsing *)opaque)->o.gdb = arg;
    return 0;
}

#define user_d opt_log
#define user_D opt_log_file
#define user_dfilter opt_log_filter

const struct opt_entry user_opt_table[] = {
#define FIELD(f) offsetof(struct user_options, f)
#define HEAD(text) { OPT_HEAD, NULL, NULL, text, 0, NULL, NULL },
#define SYS_FLAG(...)
#define SYS_TEXT(...)
#define SYS_TEXTS(...)
#define SYS_ONE(...)
#define SYS_LIST(...)
#define SYS_CALL(...)
#define SYS_ALIAS(...)
#define SYS_NOT(...)
#define USR_TEXT(name, field, args, help) { OPT_STRING, name, args, help, FIELD(field), NULL, NULL },
#define USR_ONE(name, field, implied, args, help) { OPT_ONE, name, args, help, FIELD(field), implied, NULL },
#define USR_CALL(name, function, args, help) { OPT_CALL, name, args, help, 0, NULL, user_##function },
#define USR_ALIAS(name, other) { OPT_ALIAS, name, NULL, other, 0, NULL, NULL },
#define USR_NOT(name, args, reason) { OPT_NOT, name, args, reason, 0, NULL, NULL },
#include "core/opt/options.def"
    { OPT_HEAD, NULL, NULL, NULL, 0, NULL, NULL },
};

#ifndef AT_FLAGS_PRESERVE_ARGV0
#define AT_FLAGS_PRESERVE_ARGV0 1              /* Linux 5.12, uapi/linux/binfmts.h */
#endif

static const struct { const char *name; opt_call *call; } variables[] = {
    { "QEMU_LD_PREFIX", env_sysroot }, { "QEMU_CPU", user_cpu }, { "QEMU_SET_ENV", set_env },
    { "QEMU_UNSET_ENV", unset_env }, { "QEMU_ARGV0", user_argv0 }, { "QEMU_STACK_SIZE", user_s },
    { "QEMU_GUEST_BASE", user_B }, { "QEMU_RESERVED_VA", user_R }, { "QEMU_PAGESIZE", user_p },
    { "QEMU_UNAME", env_release }, { "QEMU_GDB", env_gdb }, { "QEMU_STRACE", user_strace },
    { "QEMU_LOG", user_d }, { "QEMU_LOG_FILENAME", user_D }, { "QEMU_DFILTER", user_dfilter },
    { "QEMU_SINGLESTEP", user_one_insn }, { "QEMU_RAND_SEED", user_seed },
};

static int read_variables(struct parsing *p, struct error *err)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i].name);
        int ret = value ? variables[i].call(p, variables[i].name, value, err) : 0;

        if (ret)
            return ret;
    }
    return 0;
}

static int bare_program(void *opaque, const char *option, const char *arg, struct error *err)
{
    (void)opaque, (void)option, (void)arg, (void)err;
    return 2;
}

bool user_wants_models(const struct user_options *o)
{
    const char *model = o->cpu ? optlist_get(o->cpu, "model") : NULL;

    return model && (str_eq(model, "help") || str_eq(model, "?") || optlist_has(o->cpu, "help"));
}

/* Did the kernel start us for a program (binfmt_misc with flag O)? Then argv is our name, the program's path, with flag P
 * the program's argv[0], and its arguments: none of it is an option of ours. */
static int started_by_kernel(struct parsing *p, int argc, char **argv)
{
    uint64_t fd;

    p->o.exec_fd = -1;
    errno = 0;
    fd = getauxval(AT_EXECFD);
    if (errno || argc < 2)
        return 0;
    p->o.exec_fd = (int)fd;
    if (!(getauxval(AT_FLAGS) & AT_FLAGS_PRESERVE_ARGV0) || argc < 3)
        return 1;
    p->argv0 = argv[2];
    argv[2] = argv[1];                         /* the path, where the program's own arguments begin */
    return 2;
}

int user_options_parse(struct user_options *o, int argc, char **argv, const char *arch, struct error *err)
{
    struct parsing p = { .o = { .arch = arch } };
    int ret, first;

    copy_env(&p, environ);
    first = started_by_kernel(&p, argc, argv);
    ret = read_variables(&p, err);
    if (!ret && !first)
        ret = opt_parse(&p, user_opt_table, argc, argv, bare_program, &first, err);
    if (!ret && first == argc && !user_wants_models(&p.o))
        ret = error_set(err, EINVAL, "no program given: %s [options] program [arguments...]", error_program());
    *o = p.o;
    if (ret) {
        user_options_free(o);
        return ret;
    }
    o->program = argv[first];
    o->argc = argc - first;
    o->argv = xmemdup(argv + first, (o->argc + 1) * sizeof *argv);
    if (p.argv0)
        o->argv[0] = (char *)p.argv0;
    return 0;
}

void user_options_free(struct user_options *o)
{
    for (char **e = o->envp; e && *e; e++)
        free(*e);
    free(o->envp);
    free(o->argv);
    optlist_free(o->cpu);
    o->envp = o->argv = NULL;
    o->cpu = NULL;
    opt_free(o, user_opt_table);
}
