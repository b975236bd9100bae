/* execve. A program for our guest or for another that we have a user mode for, or a script whose interpreter is one, is
 * run by this same binary with the same options; anything else is the host's to run. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/user/elf.h"
#include "core/user/syscall.h"

enum { STRINGS_MAX = 6 << 20, STRING_MAX = 128 << 10, OPTIONS_MAX = 40 };

/* Guest strings copied one after the other; a vfork child's copy is freed by its parent. */
struct exec_args {
    char *text;
    size_t used, room;
    size_t *at;                                /* offsets in text; the text moves while it grows */
    size_t count, at_room;
    char **list;                               /* made of at, with room for options before and a NULL behind */
};

static void args_free(struct exec_args *x)
{
    free(x->text);
    free(x->at);
    free(x->list);
    memset(x, 0, sizeof *x);
}

static int args_add(struct exec_args *x, uint64_t addr)
{
    int64_t n;

    if (x->count == x->at_room) {
        x->at_room = x->at_room ? x->at_room * 2 : 64;
        x->at = xreallocarray(x->at, x->at_room, sizeof *x->at);
    }
    for (;;) {
        n = user_read_string(x->text + x->used, x->room - x->used, addr);
        if (n >= 0)
            break;
        if (n != -ENAMETOOLONG)
            return (int)n;
        if (x->room - x->used > STRING_MAX || x->room > STRINGS_MAX)
            return -E2BIG;
        x->room = x->room ? x->room * 2 : 4096;
        x->text = xrealloc(x->text, x->room);
    }
    x->at[x->count++] = x->used;
    x->used += (size_t)n + 1;
    return 0;
}

/* The NULL-ended array of string pointers at @addr; none at all if it is 0. */
static int args_read(struct exec_args *x, uint64_t addr)
{
    unsigned word = user_proc.target->bits / 8u;

    x->room = 4096;
    x->text = xmalloc(x->room);
    for (uint64_t i = 0; addr; i++) {
        uint64_t p = 0;
        int ret = user_read(&p, addr + i * word, word);

        if (ret < 0)
            return ret;
        if (!p)
            break;
        ret = args_add(x, p);
        if (ret < 0)
            return ret;
    }
    x->list = NEW_ARRAY(char *, x->count + OPTIONS_MAX + 1);
    for (size_t i = 0; i < x->count; i++)
        x->list[i] = x->text + x->at[i];
    return 0;
}

/* --- what kind of file --------------------------------------------------------------------------------------------- */

static ssize_t read_head(const char *path, uint8_t *head, size_t room)
{
    char buf[PATH_MAX];
    int fd = open(user_path(path, buf, sizeof buf), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? -EACCES : pread(fd, head, room, 0);
    close(fd);
    return n;
}

/* The guest that this program is for; NULL: the host's. */
static const struct target *target_of(const char *path, unsigned depth)
{
    uint8_t head[256];
    ssize_t n = read_head(path, head, sizeof head - 1);
    char *interp;

    if (n < 2)
        return NULL;
    if (elf_is_for(head, (size_t)n, user_proc.target))
        return user_proc.target;
    for (const struct target *const *t = user_proc.targets; t && *t; t++)
        if ((*t)->user && elf_is_for(head, (size_t)n, *t))
            return *t;
    if (head[0] != '#' || head[1] != '!' || depth >= 4)
        return NULL;
    head[n] = 0;
    interp = (char *)head + 2 + strspn((char *)head + 2, " \t");
    interp[strcspn(interp, " \t\r\n")] = 0;
    return target_of(interp, depth + 1);
}

/* --- our own command line ------------------------------------------------------------------------------------------ */

/* Variables that would change the emulator itself when it starts: handed to the program with -E. */
static bool for_guest_only(const char *var)
{
    const char *eq = strchr(var, '=');

    return eq && !strchr(eq, ',') &&
           (str_after(var, "LD_") || str_after(var, "GLIBC_TUNABLES=") || str_after(var, "MALLOC_") || str_after(var, "GCONV_PATH="));
}

static void put_option(char **list, size_t *n, const char *name, const char *value)
{
    if (*n + 2 > OPTIONS_MAX - 4)
        return;
    list[(*n)++] = (char *)(uintptr_t)name;
    if (value)
        list[(*n)++] = (char *)(uintptr_t)value;
}

/* -d and -D as they were given to us: what they did is in the log's state, not in the options. */
static void copy_log_options(char **list, size_t *n)
{
    for (int i = 1; i + 1 < user_proc.nhost_args; i++) {
        const char *a = user_proc.host_args[i];

        a += a[0] == '-' && a[1] == '-';
        if (str_eq(a, "-d") || str_eq(a, "-D") || str_eq(a, "-dfilter"))
            put_option(list, n, a, user_proc.host_args[i + 1]);
    }
}

/* rhea-ARCH OPTIONS -0 argv0 PATH argv1...; env loses what goes to -E. Numbers, and for another guest our name, are kept
 * in @nums. Where memory lies and which CPU it is are options for one guest alone. */
static char **own_command(const struct target *target, const char *path, struct exec_args *argv, struct exec_args *env,
                          char nums[5 + USER_LIMITS][64])
{
    bool same = target == user_proc.target;
    const struct user_options *o = user_proc.options;
    char **list = NEW_ARRAY(char *, argv->count + OPTIONS_MAX + 4);
    size_t n = 0, kept = 0;

    snprintf(nums[4], sizeof nums[4], "rhea-%s", target->name);
    list[n++] = same ? user_proc.host_args[0] : nums[4];
    if (o->sysroot)
        put_option(list, &n, "-L", o->sysroot);
    if (o->cpu && same)
        put_option(list, &n, "-cpu", optlist_text(o->cpu));
    if (o->accel)
        put_option(list, &n, "-accel", optlist_text(o->accel));
    if (o->strace)
        put_option(list, &n, "-strace", NULL);
    if (o->release)
        put_option(list, &n, "-r", o->release);
    if (o->one_insn_per_tb)
        put_option(list, &n, "-singlestep", NULL);
    const struct { const char *name; bool on; uint64_t v; } numbers[4] = {
        { "-s", o->stack_bytes, o->stack_bytes }, { "-B", o->has_base && same, o->base },
        { "-R", o->reserved_bytes && same, o->reserved_bytes }, { "-seed", o->has_seed, o->seed },
    };
    for (unsigned i = 0; i < 4; i++)
        if (numbers[i].on) {
            snprintf(nums[i], sizeof nums[i], "%llu", (unsigned long long)numbers[i].v);
            put_option(list, &n, numbers[i].name, nums[i]);
        }
    for (int i = 0; i < USER_LIMITS; i++)
        if (user_limits_text(i, nums[5 + i], sizeof nums[5 + i]))
            put_option(list, &n, "-rlimit", nums[5 + i]);
    copy_log_options(list, &n);
    for (size_t i = 0; i < env->count; i++)
        if (for_guest_only(env->list[i]) && n + 2 <= OPTIONS_MAX - 4)
            put_option(list, &n, "-E", env->list[i]);
        else
            env->list[kept++] = env->list[i];
    env->list[kept] = NULL;
    list[n++] = (char *)(uintptr_t)"-0";
    list[n++] = argv->count ? argv->list[0] : (char *)(uintptr_t)path;
    list[n++] = (char *)(uintptr_t)path;
    for (size_t i = 1; i < argv->count; i++)
        list[n++] = argv->list[i];
    list[n] = NULL;
    return list;
}

/* --- the call ------------------------------------------------------------------------------------------------------ */

/* The path as something that can be opened again: relative to a descriptor becomes /proc/self/fd. */
static int exec_path(int dirfd, uint64_t addr, int flags, char *path, size_t room)
{
    char name[PATH_MAX], link[64];
    int64_t n = user_read_string(name, sizeof name, addr);

    if (n < 0)
        return (int)n;
    if (!n && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    if (n && (name[0] == '/' || dirfd == AT_FDCWD)) {
        const char *own = user_proc_link(name);

        return snprintf(path, room, "%s", own ? own : name) < (int)room ? 0 : -ENAMETOOLONG;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
    n = readlink(link, path, room - 1);
    if (n < 0)
        return -EBADF;
    path[n] = 0;
    if (name[0])
        return (size_t)n + 1 + strlen(name) < room ? (strcat(path, "/"), strcat(path, name), 0) : -ENAMETOOLONG;
    if (access(path, F_OK) < 0) {              /* a memfd, or deleted: a descriptor that outlives the exec */
        int fd = dup(dirfd);

        if (fd < 0)
            return -errno;
        snprintf(path, room, "/proc/self/fd/%d", fd);
    }
    return 0;
}

static int64_t exec_now(struct user_thread *t, const char *path, struct exec_args *argv, struct exec_args *env, int flags)
{
    char host[PATH_MAX], nums[5 + USER_LIMITS][64];
    const char *real = user_path(path, host, sizeof host);
    const struct target *target;
    struct stat st;
    int64_t ret;

    if (flags & AT_SYMLINK_NOFOLLOW && !lstat(real, &st) && S_ISLNK(st.st_mode))
        return -ELOOP;
    if (stat(real, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, real, X_OK, AT_EACCESS) < 0)
        return -EACCES;
    target = target_of(path, 0);
    if (target) {
        char **own = own_command(target, path, argv, env, nums);

        user_signal_before_exec(t, false);
        ret = user_raw(SYS_execve, (uintptr_t)"/proc/self/exe", (uintptr_t)own, (uintptr_t)env->list, 0, 0, 0);
        free(own);
        /* no /proc in this root folder: then it was the kernel that started us (rhea binfmt), and it will again */
        if (ret == -ENOENT || ret == -ELOOP || ret == -ENOTDIR || ret == -EACCES)
            ret = user_raw(SYS_execve, (uintptr_t)real, (uintptr_t)argv->list, (uintptr_t)env->list, 0, 0, 0);
    } else {
        user_signal_before_exec(t, false);
        user_limits_host(false);
        ret = user_raw(SYS_execve, (uintptr_t)real, (uintptr_t)argv->list, (uintptr_t)env->list, 0, 0, 0);
        user_limits_host(true);
    }
    user_signal_before_exec(t, true);
    return ret;
}

/* What a vfork child left behind in its parent's memory when it went. */
void user_exec_forget(void *leftover)
{
    struct exec_args *x = leftover;

    if (!x)
        return;
    args_free(&x[0]);
    args_free(&x[1]);
    free(x);
}

int64_t user_execve(struct user_thread *t, int dirfd, uint64_t path, uint64_t argv, uint64_t envp, int flags)
{
    struct exec_args *x;
    char name[PATH_MAX];
    int ret;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    ret = exec_path(dirfd, path, flags, name, sizeof name);
    if (ret < 0)
        return ret;
    x = NEW_ARRAY(struct exec_args, 2);
    t->exec_args = x;
    ret = args_read(&x[0], argv);
    if (!ret)
        ret = args_read(&x[1], envp);
    if (!ret)
        ret = (int)exec_now(t, name, &x[0], &x[1], flags);
    t->exec_args = NULL;
    user_exec_forget(x);
    return ret;
}

int64_t sys_execve(struct user_thread *t, const uint64_t a[6])
{
    return user_execve(t, AT_FDCWD, a[0], a[1], a[2], 0);
}

int64_t sys_execveat(struct user_thread *t, const uint64_t a[6])
{
    return user_execve(t, (int)a[0], a[1], a[2], a[3], (int)a[4]);
}
