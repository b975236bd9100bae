/* From a name to what it stands for. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/personality.h"

/* The links that a complete build has; one that this build lacks is told apart from a slip of the fingers. */
static const char *const link_names[] = {
    "system-riscv64", "system-riscv32", "system-aarch64", "system-arm", "system-x86_64", "system-i386",
    "riscv64", "riscv32", "aarch64", "arm", "img", "io", "nbd", "run", "binfmt", NULL,
};

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

int personality_start(const char *name, int argc, char **argv)
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
