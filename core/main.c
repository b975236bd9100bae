/* The name that Rhea was called by picks what it is: rhea-system-riscv64, rhea-riscv64, rhea-img, ...; the qemu-* names
 * mean the same. `rhea NAME ARGS` is the way without links. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/personality.h"

static const struct personality personalities[] = {
    { "system-", NULL, "ARCH: a whole machine (riscv64 riscv32 aarch64 arm x86_64 i386)" },
    { "img", NULL, "disk images: create, convert, info, check, ..." },
    { "io", NULL, "disk images: single reads and writes" },
    { "nbd", NULL, "disk images over the network" },
    { "run", NULL, "FILE: picks guest, machine and firmware by looking at the file" },
    { "", NULL, "ARCH: one Linux program of another architecture (riscv64 riscv32 aarch64 arm)" },
};

static const char *const system_archs[] = { "riscv64", "riscv32", "aarch64", "arm", "x86_64", "i386", NULL };
static const char *const user_archs[] = { "riscv64", "riscv32", "aarch64", "arm", NULL };

static const char *known_arch(const char *const *list, const char *arch)
{
    for (; *list; list++)
        if (str_eq(*list, arch))
            return *list;
    return NULL;
}

/* The personality of a name such as "system-riscv64"; *arch is set where the name has one. */
static const struct personality *find(const char *name, const char **arch)
{
    *arch = NULL;
    for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++) {
        const struct personality *p = &personalities[i];
        const char *rest = str_after(name, p->name);

        if (str_eq(p->name, "system-") || !p->name[0]) {
            if (rest && (*arch = known_arch(p->name[0] ? system_archs : user_archs, rest)))
                return p;
        } else if (rest && !*rest) {
            return p;
        }
    }
    return NULL;
}

static int usage(FILE *to)
{
    fprintf(to, "Usage: rhea NAME ARGUMENTS, or call it by a link: rhea-NAME ARGUMENTS\n\n");
    for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++)
        fprintf(to, "  %-8s %s\n", personalities[i].name, personalities[i].help);
    fprintf(to, "\n`rhea NAME -help` lists the options of each.\n");
    return to == stdout ? 0 : 1;
}

static int unknown(const char *name)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++)
        nearest_try(&n, personalities[i].name);
    for (const char *const *a = user_archs; *a; a++)
        nearest_try(&n, *a);
    for (const char *const *a = system_archs; *a; a++) {
        char *full = xasprintf("system-%s", *a);

        nearest_try(&n, full);   /* kept: `n` may point to it until the message is out */
    }
    error_say("there is no 'rhea %s'%s (rhea --help lists what there is)", name, nearest_hint(&n, hint, sizeof hint));
    return 1;
}

static int start(const struct personality *p, const char *name, const char *arch, int argc, char **argv)
{
    char *program = xasprintf("rhea-%s", name);
    int status;

    if (!p->main)
        error_exit("'%s' is not part of this build", program);
    error_set_program(program);
    argv[0] = program;
    status = p->main(argc, argv, arch);
    fflush(stdout);
    return status;
}

int main(int argc, char **argv)
{
    const char *base = argc > 0 && argv[0] ? strrchr(argv[0], '/') : NULL, *name, *arch;
    const struct personality *p;

    base = base ? base + 1 : argc > 0 && argv[0] ? argv[0] : "rhea";
    name = str_after(base, "rhea-");
    if (!name)
        name = str_after(base, "qemu-");
    if (name) {
        p = find(name, &arch);
        return p ? start(p, name, arch, argc, argv) : unknown(name);
    }
    if (argc < 2)
        return usage(stderr);
    name = argv[1];
    if (str_eq(name, "--help") || str_eq(name, "-help") || str_eq(name, "-h") || str_eq(name, "help"))
        return usage(stdout);
    if (str_eq(name, "--version") || str_eq(name, "-version")) {
        version_print("QEMU emulator");
        return 0;
    }
    p = find(name, &arch);
    return p ? start(p, name, arch, argc - 1, argv + 1) : unknown(name);
}
