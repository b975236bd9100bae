/* The name that Rhea was called by picks what it is: rhea-system-riscv64, rhea-riscv64, rhea-img, ...; the qemu-* names
 * mean the same. `rhea NAME ARGS` is the way without links. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/personality.h"

extern const struct personality *const all_personalities[];

/* The links that a complete build has; one that this build lacks is told apart from a slip of the fingers. */
static const char *const link_names[] = {
    "system-riscv64", "system-riscv32", "system-aarch64", "system-arm", "system-x86_64", "system-i386",
    "riscv64", "riscv32", "aarch64", "arm", "img", "io", "nbd", "run", NULL,
};

/* The personality of a name such as "system-riscv64"; *arch is set where the name has one. */
static const struct personality *find(const char *name, const char **arch)
{
    for (size_t i = 0; all_personalities[i]; i++) {
        const struct personality *p = all_personalities[i];
        const char *rest = str_after(name, p->name);

        *arch = NULL;
        if (!rest)
            continue;
        if (!p->archs && !*rest)
            return p;
        for (size_t j = 0; p->archs && p->archs[j]; j++)
            if (str_eq(p->archs[j], rest)) {
                *arch = p->archs[j];
                return p;
            }
    }
    return NULL;
}

static int usage(FILE *to)
{
    fprintf(to, "Usage: rhea NAME ARGUMENTS, or call it by a link: rhea-NAME ARGUMENTS\n\n");
    for (size_t i = 0; all_personalities[i]; i++) {
        const struct personality *p = all_personalities[i];

        fprintf(to, "  %s%s\n      %s", p->name, p->archs ? "ARCH" : "", p->help);
        for (size_t j = 0; p->archs && p->archs[j]; j++)
            fprintf(to, "%s%s", j ? " " : "; ARCH is ", p->archs[j]);
        fputc('\n', to);
    }
    fprintf(to, "\n`rhea NAME -help` lists the options of each.\n");
    return to == stdout ? 0 : 1;
}

static int unknown(const char *name)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (const char *const *l = link_names; *l; l++) {
        if (str_eq(*l, name)) {
            error_say("'rhea %s' is not part of this build (rhea --help lists what is)", name);
            return 1;
        }
        nearest_try(&n, *l);
    }
    error_say("there is no 'rhea %s'%s (rhea --help lists what there is)", name, nearest_hint(&n, hint, sizeof hint));
    return 1;
}

static int start(const char *name, int argc, char **argv)
{
    const char *arch;
    const struct personality *p = find(name, &arch);
    int status;

    if (!p)
        return unknown(name);
    argv[0] = xasprintf("rhea-%s", name);   /* kept: messages begin with it */
    error_set_program(argv[0]);
    status = p->main(argc, argv, arch);
    fflush(stdout);
    return status;
}

static bool is_any(const char *s, const char *a, const char *b, const char *c)
{
    return str_eq(s, a) || str_eq(s, b) || str_eq(s, c);
}

int main(int argc, char **argv)
{
    const char *base = argc > 0 && argv[0] ? argv[0] : "rhea", *slash = strrchr(base, '/'), *name;

    base = slash ? slash + 1 : base;
    name = str_after(base, "rhea-");
    if (!name)
        name = str_after(base, "qemu-");
    if (name)
        return start(name, argc, argv);
    if (argc < 2)
        return usage(stderr);
    if (is_any(argv[1], "--help", "-help", "-h") || str_eq(argv[1], "help"))
        return usage(stdout);
    if (is_any(argv[1], "--version", "-version", "version")) {
        version_print("QEMU emulator");
        return 0;
    }
    return start(argv[1], argc - 1, argv + 1);
}
