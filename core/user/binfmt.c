/* rhea binfmt: tell the kernel to start programs of other architectures with Rhea.
 *
 * With flag F the kernel opens the interpreter when it is registered, so it is found inside a chroot or a container, too.
 * Its shared libraries are not: they are looked up when it starts, in the root folder that is current then. So a
 * statically linked Rhea is registered where there is one. Source: Linux, Documentation/admin-guide/binfmt-misc.rst. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/personality.h"

#define KERNEL_DIR "/proc/sys/fs/binfmt_misc"

static const struct arch {
    const char *name;
    uint8_t elf_class;
    uint16_t machine;
} archs[] = {
    { "aarch64", ELFCLASS64, EM_AARCH64 },
    { "arm", ELFCLASS32, EM_ARM },
    { "riscv64", ELFCLASS64, EM_RISCV },
    { "riscv32", ELFCLASS32, EM_RISCV },
};

enum action { INSTALL, STATUS, REMOVE };

struct binfmt {
    enum action action;
    const char *dir, *conf, *programs;         /* --dir, --conf, --programs; conf and programs may be NULL */
    bool wanted[ARRAY_LEN(archs)];
    bool is_static;                            /* programs holds the static ones */
    char programs_buf[PATH_MAX];
};

static int usage(FILE *to)
{
    fputs("usage: rhea binfmt install|status|remove [options] [ARCH...]\n\n"
          "Registers Rhea with the kernel (binfmt_misc) as what runs programs of other architectures, for shells, chroots and\n"
          "containers alike. ARCH is aarch64, arm, riscv64 or riscv32; without one, all of them.\n\n"
          "  --programs DIR  where rhea-ARCH is; without it, the statically linked ones beside this program if there are any\n"
          "  --conf DIR      where to leave files for the next boot (binfmt.d); --conf none: nowhere\n"
          "  --dir DIR       the kernel's folder, " KERNEL_DIR "\n", to);
    return to == stdout ? 0 : 1;
}

/* --- what is registered -------------------------------------------------------------------------------------------------- */

static void add_bytes(struct str *s, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        str_addf(s, "\\x%02x", b[i]);
}

/* Class, byte order, version, machine, and a type that is a program's (2) or a position-independent one's (3). Whatever
 * the system's ABI byte says. */
static void magic_and_mask(const struct arch *a, struct str *magic, struct str *mask)
{
    uint8_t m[20] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, a->elf_class, ELFDATA2LSB, EV_CURRENT };
    uint8_t k[20] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    m[16] = ET_EXEC;
    k[16] = 0xfe;
    k[17] = k[18] = k[19] = 0xff;
    m[18] = (uint8_t)a->machine;
    m[19] = (uint8_t)(a->machine >> 8);
    add_bytes(magic, m, sizeof m);
    add_bytes(mask, k, sizeof k);
}

/* P hands over argv[0]; the program can tell that it did since Linux 5.12. */
static const char *flags(void)
{
    unsigned major = 0, minor = 0;
    struct utsname u;

    if (!uname(&u))
        sscanf(u.release, "%u.%u", &major, &minor);
    return major > 5 || (major == 5 && minor >= 12) ? "POCF" : "OCF";
}

/* The line for the kernel, and for binfmt.d. */
static void entry_line(const struct binfmt *b, const struct arch *a, struct str *s)
{
    struct str magic = STR_INIT, mask = STR_INIT;

    magic_and_mask(a, &magic, &mask);
    str_addf(s, ":rhea-%s:M::%s:%s:%s/rhea-%s:%s", a->name, magic.text, mask.text, b->programs, a->name, flags());
    str_free(&magic);
    str_free(&mask);
}

/* --- files --------------------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *text, int flags)
{
    int fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0644), ret = 0;
    size_t n = strlen(text);

    if (fd < 0)
        return -errno;
    if (write(fd, text, n) != (ssize_t)n)
        ret = -errno;
    close(fd);
    return ret;
}

static char *path_of(const char *dir, const char *before, const char *name, const char *after)
{
    struct str s = STR_INIT;

    str_addf(&s, "%s/%s%s%s", dir, before, name, after);
    return str_take(&s);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Another program that the kernel starts for the same files. */
static void name_rivals(const struct binfmt *b, const struct arch *a)
{
    DIR *d = opendir(b->dir);
    struct str magic = STR_INIT, mask = STR_INIT;
    struct dirent *e;

    magic_and_mask(a, &magic, &mask);
    while (d && (e = readdir(d))) {
        const char *rest = str_after(e->d_name, "qemu-");

        if (rest && str_eq(rest, a->name))
            printf("  (%s is registered too; what was registered last is asked first)\n", e->d_name);
    }
    if (d)
        closedir(d);
    str_free(&magic);
    str_free(&mask);
}

/* --- finding our parts ----------------------------------------------------------------------------------------------------- */

/* Beside the binary: static/ in a build folder, ../libexec/rhea/ when installed. */
static int find_programs(struct binfmt *b, struct error *err)
{
    static const char *const places[] = { "%s/static", "%s/../libexec/rhea", "%s" };
    char exe[PATH_MAX], try[PATH_MAX + 32], probe[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash;

    if (b->programs)
        return realpath(b->programs, b->programs_buf) ? (b->programs = b->programs_buf, b->is_static = true, 0)
               : error_errno(err, "--programs %s", b->programs);
    if (n <= 0)
        return error_set(err, ENOENT, "cannot find out where rhea is: /proc is not mounted");
    exe[n] = 0;
    slash = strrchr(exe, '/');
    *slash = 0;
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(try, sizeof try, places[i], exe);
        snprintf(probe, sizeof probe, "%s/rhea-%s", try, archs[0].name);
        if (access(probe, X_OK) == 0 && realpath(try, b->programs_buf)) {
            b->programs = b->programs_buf;
            b->is_static = i < 2;
            return 0;
        }
    }
    return error_set(err, ENOENT, "there is no rhea-%s beside %s/rhea; `make install` puts it there", archs[0].name, exe);
}

static int need_kernel(const struct binfmt *b, bool change, struct error *err)
{
    char *reg = path_of(b->dir, "", "register", "");
    const char *words[] = { "install", "status", "remove" };
    int ret = 0;

    if (change && !exists(reg) && str_eq(b->dir, KERNEL_DIR) && geteuid() == 0)
        mount("binfmt_misc", KERNEL_DIR, "binfmt_misc", 0, NULL);
    if (!exists(reg))
        ret = error_set(err, ENOENT, "%s is not there: the kernel has no binfmt_misc, or it is not mounted (as root: "
                        "mount -t binfmt_misc binfmt_misc " KERNEL_DIR ")", reg);
    else if (change && access(reg, W_OK) < 0)
        ret = error_set(err, EACCES, "only root may change what the kernel starts programs with; run: sudo rhea binfmt %s",
                        words[b->action]);
    free(reg);
    return ret;
}

/* --- for the next boot ------------------------------------------------------------------------------------------------------- */

/* Where systemd looks for local entries; NULL if this host does without. */
static const char *conf_dir(const struct binfmt *b)
{
    if (b->conf)
        return str_eq(b->conf, "none") ? NULL : b->conf;
    if (!str_eq(b->dir, KERNEL_DIR))
        return NULL;
    return exists("/usr/lib/binfmt.d") || exists("/run/systemd/system") ? "/etc/binfmt.d" : NULL;
}

static const char *update_binfmts(const struct binfmt *b)
{
    return b->conf || !str_eq(b->dir, KERNEL_DIR) ? NULL : exists("/usr/sbin/update-binfmts") ? "/usr/sbin/update-binfmts" : NULL;
}

static bool run(char *const argv[])
{
    extern char **environ;
    int status;
    pid_t pid;

    return !posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Debian's binfmt-support keeps its own list. */
static bool tell_update_binfmts(const struct binfmt *b, const struct arch *a, const char *tool)
{
    struct str magic = STR_INIT, mask = STR_INIT;
    char *name = path_of("", "rhea-", a->name, ""), *program = path_of(b->programs ? b->programs : "", "rhea-", a->name, "");
    bool ok;

    magic_and_mask(a, &magic, &mask);
    if (b->action == INSTALL) {
        const char *argv[] = { tool, "--package", "rhea", "--install", name + 1, program, "--magic", magic.text, "--mask",
                               mask.text, "--offset", "0", "--credentials", "yes", "--fix-binary", "yes",
                               "--preserve", flags()[0] == 'P' ? "yes" : "no", NULL };

        ok = run((char *const *)argv);
    } else {
        const char *argv[] = { tool, "--package", "rhea", "--remove", name + 1, program, NULL };

        ok = run((char *const *)argv);
    }
    str_free(&magic);
    str_free(&mask);
    free(name);
    free(program);
    return ok;
}

static int keep_for_boot(const struct binfmt *b, const struct arch *a, struct error *err)
{
    const char *dir = conf_dir(b);
    struct str line = STR_INIT;
    char *path;
    int ret;

    if (!dir)
        return 0;
    mkdir(dir, 0755);
    path = path_of(dir, "rhea-", a->name, ".conf");
    entry_line(b, a, &line);
    str_addc(&line, '\n');
    ret = write_file(path, line.text, O_CREAT | O_TRUNC);
    if (ret < 0)
        error_set(err, -ret, "cannot write %s: %s", path, strerror(-ret));
    else
        printf("  wrote %s, for the next boot\n", path);
    str_free(&line);
    free(path);
    return ret;
}

/* --- the three ---------------------------------------------------------------------------------------------------------------- */

static void drop(const struct binfmt *b, const struct arch *a)
{
    char *path = path_of(b->dir, "rhea-", a->name, "");

    if (exists(path))
        write_file(path, "-1", 0);
    free(path);
}

static int install_one(const struct binfmt *b, const struct arch *a, struct error *err)
{
    const char *tool = update_binfmts(b);
    char *reg = path_of(b->dir, "", "register", "");
    struct str line = STR_INIT;
    int ret = 0;

    if (tool) {
        if (!tell_update_binfmts(b, a, tool))
            ret = error_set(err, EIO, "%s did not accept rhea-%s; its message is above", tool, a->name);
    } else {
        drop(b, a);
        entry_line(b, a, &line);
        ret = write_file(reg, line.text, O_APPEND);
        if (ret < 0)
            error_set(err, -ret, "the kernel did not accept rhea-%s (%s/rhea-%s): %s", a->name, b->programs, a->name,
                      strerror(-ret));
    }
    if (!ret) {
        printf("%s: %s/rhea-%s, flags %s%s\n", a->name, b->programs, a->name, flags(), tool ? ", by update-binfmts" : "");
        name_rivals(b, a);
        ret = tool ? 0 : keep_for_boot(b, a, err);
    }
    str_free(&line);
    free(reg);
    return ret;
}

static int remove_one(const struct binfmt *b, const struct arch *a, struct error *err)
{
    const char *tool = update_binfmts(b), *dir = conf_dir(b);
    char *path = path_of(b->dir, "rhea-", a->name, ""), *conf = dir ? path_of(dir, "rhea-", a->name, ".conf") : NULL;
    bool was = exists(path);

    (void)err;
    if (tool && was)
        tell_update_binfmts(b, a, tool);
    drop(b, a);
    if (conf && !unlink(conf))
        printf("removed %s\n", conf);
    printf("%s: %s\n", a->name, was ? "no longer registered" : "was not registered");
    free(path);
    free(conf);
    return 0;
}

static int show_one(const struct binfmt *b, const struct arch *a, struct error *err)
{
    char *path = path_of(b->dir, "rhea-", a->name, ""), line[PATH_MAX] = "";
    FILE *f = fopen(path, "re");

    (void)err;
    printf("%s: %s\n", a->name, f ? "registered" : "not registered");
    while (f && fgets(line, sizeof line, f))
        if (str_after(line, "interpreter ") || str_after(line, "flags:") || str_after(line, "disabled"))
            printf("  %s", line);
    if (f)
        fclose(f);
    name_rivals(b, a);
    free(path);
    return 0;
}

/* --- command line -------------------------------------------------------------------------------------------------------------- */

static int read_arch(struct binfmt *b, const char *word, struct error *err)
{
    struct nearest near = NEAREST_INIT(word);
    char hint[96];

    for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
        nearest_try(&near, archs[i].name);
        if (str_eq(word, archs[i].name)) {
            b->wanted[i] = true;
            return 0;
        }
    }
    return error_set(err, EINVAL, "there is no architecture '%s'%s", word, nearest_hint(&near, hint, sizeof hint));
}

static int read_command(struct binfmt *b, int argc, char **argv, struct error *err)
{
    static const char *const words[] = { "install", "status", "remove" };
    bool any = false;
    int at = 1, ret = 0;

    for (b->action = 0; at < argc && (unsigned)b->action < ARRAY_LEN(words); b->action++)
        if (str_eq(argv[at], words[b->action]))
            break;
    if (at == argc || (unsigned)b->action == ARRAY_LEN(words))
        return error_set(err, EINVAL, "say what to do: rhea binfmt install, status or remove");
    for (at++; at < argc && !ret; at++) {
        const char **text = str_eq(argv[at], "--dir") ? &b->dir : str_eq(argv[at], "--conf") ? &b->conf
                          : str_eq(argv[at], "--programs") ? &b->programs : NULL;

        if (text) {
            if (at + 1 == argc)
                return error_set(err, EINVAL, "%s: a folder is missing", argv[at]);
            *text = argv[++at];
        } else if (argv[at][0] == '-') {
            return error_set(err, EINVAL, "%s: no such option; rhea binfmt --help lists what there is", argv[at]);
        } else {
            ret = read_arch(b, argv[at], err);
            any = true;
        }
    }
    for (size_t i = 0; !any && i < ARRAY_LEN(archs); i++)
        b->wanted[i] = true;
    return ret;
}

static int binfmt_main(int argc, char **argv, const char *arch)
{
    static int (*const doing[])(const struct binfmt *b, const struct arch *a, struct error *err) =
        { install_one, show_one, remove_one };
    struct binfmt b = { .dir = KERNEL_DIR };
    struct error err = ERROR_INIT;
    int ret;

    (void)arch;
    if (argc < 2 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h") || str_eq(argv[1], "help"))
        return usage(argc < 2 ? stderr : stdout);
    ret = read_command(&b, argc, argv, &err);
    if (!ret)
        ret = need_kernel(&b, b.action != STATUS, &err);
    if (!ret && b.action == INSTALL)
        ret = find_programs(&b, &err);
    for (size_t i = 0; i < ARRAY_LEN(archs) && !ret; i++)
        if (b.wanted[i])
            ret = doing[b.action](&b, &archs[i], &err);
    if (!ret && b.action == INSTALL && !b.is_static)
        printf("These programs need the host's libraries, so they do not start in a foreign root folder (chroot, container).\n"
               "`make static` builds ones that do.\n");
    if (!ret && b.action == INSTALL && !conf_dir(&b) && !update_binfmts(&b))
        printf("Until the next boot: this host has no binfmt.d to keep it in.\n");
    if (ret < 0) {
        error_report(&err);
        return 1;
    }
    return 0;
}

const struct personality binfmt_personality = {
    .name = "binfmt", .help = "install|status|remove: let the kernel start programs of other architectures with Rhea",
    .main = binfmt_main,
};
